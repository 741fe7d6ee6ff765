"""What docs/singer.md shows, done as its reader would."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from close_emulator import Emulator

pytestmark = pytest.mark.clients

PAGE = (Path(__file__).parents[3] / "docs/singer.md").read_text(encoding="utf-8")

Environment = Callable[..., Path]


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def programs(environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with `tap-closeio` and `target-jsonl`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tap-closeio").write_text(f'#!/bin/sh\nexec {sys.executable} -m source_closeio.singer "$@"\n')
    (folder / "tap-closeio").chmod(0o755)
    (folder / "target-jsonl").symlink_to(environment("target-jsonl", "target-jsonl==0.1.4") / "target-jsonl")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def ids(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_text().splitlines()}


def test_the_pipe_stores_everything_and_goes_on(programs: Path, close: Emulator, config: Path, tmp_path: Path) -> None:
    _, tap_config, target_config = shown("json")
    assert json.loads(tap_config).keys() <= json.loads(config.read_text()).keys()
    (tmp_path / "config.json").write_text(config.read_text())
    (tmp_path / "target.json").write_text(target_config)
    (commands,) = shown("sh")

    done = subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert ids(tmp_path / "data/leads.jsonl") == close.ids("lead/")
    rows = (tmp_path / "data/leads.jsonl").read_text().splitlines()
    assert len(rows) == len(close.ids("lead/")), "the second sync brings no lead again"
    assert ids(tmp_path / "data/activities.jsonl") == close.ids("activity/")


def test_meltano_runs_the_plugin_as_pasted(
    programs: Path, environment: Environment, close: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meltano = environment("meltano", "meltano==4.4.1") / "meltano"
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "meltano.yml").write_text(*shown("yaml"))
    monkeypatch.setenv("TAP_CLOSEIO_API_KEY", str(close.behaviour.api_key))
    monkeypatch.setenv("TAP_CLOSEIO_BASE_URL", close.base_url)
    monkeypatch.setenv("TAP_CLOSEIO_NUM_WORKERS", "5")

    for _ in range(2):
        done = subprocess.run(
            [meltano, "run", "tap-closeio", "target-jsonl"], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]

    rows = [json.loads(line) for line in (project / "data/leads.jsonl").read_text().splitlines()]
    since = "2024-01-01"
    assert {row["id"] for row in rows} == {row["id"] for row in close.all("lead/") if row["date_updated"] >= since}
    assert not [row for row in rows if "contacts" in row]
    assert len(rows) < 2 * len(close.ids("lead/")), "the second run goes on from the state of the first"
