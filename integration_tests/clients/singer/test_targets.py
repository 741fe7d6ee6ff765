"""Targets and checkers that other people wrote, fed by a real pipe."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Written, all_of

pytestmark = pytest.mark.clients

PROFILES = ("compat", "native")

Environment = Callable[..., Path]


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pipe(tmp_path: Path, *commands: list[str]) -> str:
    """What the last command writes; each must succeed, and what the tap wrote is kept."""
    tap, *others = (shlex.join(command) for command in commands)
    line = " | ".join((tap, "tee tap.jsonl", *others))
    done = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {line}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def written(tmp_path: Path) -> Written:
    return Written([json.loads(line) for line in (tmp_path / "tap.jsonl").read_text().splitlines()])


def counts(tmp_path: Path) -> Counter[str]:
    """Records by stream, and none that has been announced and is empty."""
    found = Counter(each["stream"] for each in written(tmp_path).messages if each["type"] == "RECORD")
    announced = {each["stream"] for each in written(tmp_path).messages if each["type"] == "SCHEMA"}
    assert found.keys() == announced
    return found


def test_singer_check_tap_finds_nothing(environment: Environment, tap: list[str], tmp_path: Path, profile: str) -> None:
    """It fails at an object that is null if the object declares a date-time, so the one that is here is left out."""
    programs = environment("singer-tools", "singer-tools==0.4.1")
    command = [*tap, "--profile", profile]
    catalog = all_of(command)
    for entry in catalog["streams"]:
        if entry["stream"] == "smart_views":
            crumb = {"breadcrumb": ["properties", "sharing_settings"], "metadata": {"selected": False}}
            entry["metadata"] = [each for each in entry["metadata"] if each["breadcrumb"] != crumb["breadcrumb"]]
            entry["metadata"].append(crumb)
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))

    said = pipe(tmp_path, [*command, "--catalog", "catalog.json"], [str(programs / "singer-check-tap")])

    assert "The output is valid." in said
    table = {name: int(records) for name, records in re.findall(r"^\| (\w+) +\| (\d+) +\| 1 ", said, re.MULTILINE)}
    assert table == counts(tmp_path)
    assert len(table) >= 6


def test_target_jsonl_stores_all_and_hands_the_state_back(
    environment: Environment, tap: list[str], tmp_path: Path, profile: str
) -> None:
    programs = environment("target-jsonl", "target-jsonl==0.1.4")
    (tmp_path / "data").mkdir()
    (tmp_path / "target.json").write_text('{"destination_path": "data", "do_timestamp_file": false}')
    target = [str(programs / "target-jsonl"), "--config", "target.json"]

    states = pipe(tmp_path, [*tap, "--profile", profile], target).splitlines()

    for stream, count in counts(tmp_path).items():
        rows = [json.loads(line) for line in (tmp_path / f"data/{stream}.jsonl").read_text().splitlines()]
        assert len(rows) == count
        if stream in ("leads", "activities"):
            assert {row["id"]: row for row in rows} == written(tmp_path).records(stream)
    assert json.loads(states[-1]) == written(tmp_path).state

    (tmp_path / "state.json").write_text(states[-1])
    pipe(tmp_path, [*tap, "--profile", profile, "--state", "state.json"], target)
    assert not written(tmp_path).records("leads")


def test_target_csv_takes_every_row(environment: Environment, tap: list[str], tmp_path: Path, profile: str) -> None:
    """The strictest: it checks each record against its schema, and fails at properties that are not declared."""
    programs = environment("target-csv", "meltanolabs-target-csv==0.5.0")
    (tmp_path / "target.json").write_text('{"output_path": "."}')

    pipe(tmp_path, [*tap, "--profile", profile], [str(programs / "target-csv"), "--config", "target.json"])

    csv.field_size_limit(10**9)
    for stream, count in counts(tmp_path).items():
        with (tmp_path / f"{stream}.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == count, stream


def test_the_tests_of_the_singer_sdk_pass(
    environment: Environment, tap: list[str], tmp_path: Path, profile: str
) -> None:
    python = environment("singer-sdk", "singer-sdk[testing]==0.54.9") / "python"
    suite = str(Path(__file__).with_name("sdk_suite.py"))
    alone = ["-q", "-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, "--rootdir", str(tmp_path)]
    variables: dict[str, Any] = {**os.environ, "TAP": json.dumps([*tap, "--profile", profile])}

    done = subprocess.run(
        [str(python), "-m", "pytest", *alone, suite], capture_output=True, text=True, check=False, env=variables
    )

    assert done.returncode == 0, done.stdout[-3000:]
    found = re.search(r"(\d+) passed", done.stdout)
    assert found
    assert int(found[1]) > 90
    assert "failed" not in done.stdout


def test_these_clients_do_not_share_our_environment() -> None:
    """They conflict with the CDK, some over the files of one and the same module."""
    assert not {"singer", "singer_sdk"} & sys.modules.keys()
