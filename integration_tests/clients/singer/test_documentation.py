"""What docs/singer.md shows, done as its reader would."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator
from integration_tests.clients.postgres import USER, Postgres
from integration_tests.clients.work import organisation, people_work
from source_closeio.endpoints import ENDPOINTS
from source_closeio.singer.options import settings
from unit_tests.held import held

from .tables import every_difference

pytestmark = pytest.mark.clients

PAGE = (Path(__file__).parents[3] / "docs/singer.md").read_text(encoding="utf-8")

Environment = Callable[..., Path]


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def programs(environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with `tap-closeio` and `target-jsonl`, whose processes are in tap.pid and target.pid."""
    folder = tmp_path / "bin"
    folder.mkdir()
    jsonl = environment("target-jsonl", "target-jsonl==0.1.4") / "target-jsonl"
    program(folder / "tap-closeio", f"echo $$ > tap.pid\nexec {sys.executable} -m source_closeio.singer")
    program(folder / "target-jsonl", f"echo $$ > target.pid\nexec {jsonl}")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def program(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An organisation in which people work."""
    with organisation() as emulator:
        monkeypatch.setenv("TAP_CLOSEIO_API_KEY", str(emulator.behaviour.api_key))
        monkeypatch.setenv("TAP_CLOSEIO_BASE_URL", emulator.base_url)
        yield emulator


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def ids(path: Path) -> set[str]:
    return {line["id"] for line in lines(path)}


@pytest.fixture
def sync(programs: Path, people: Emulator, tmp_path: Path) -> Callable[[], int]:
    """Runs sync.sh, and gives its exit code."""
    _, tap_config, target_config = shown("json")
    config = {**json.loads(tap_config), "api_key": people.behaviour.api_key, "base_url": people.base_url}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "target.json").write_text(target_config)
    (tmp_path / "sync.sh").write_text(shown("sh")[0])

    def sync() -> int:
        with (tmp_path / "log.txt").open("w") as log:
            words = ["/bin/bash", str(tmp_path / "sync.sh")]
            return subprocess.run(words, stdout=log, stderr=log, start_new_session=True, check=False).returncode

    return sync


def test_the_script_stores_everything_and_goes_on(sync: Callable[[], int], people: Emulator, tmp_path: Path) -> None:
    assert [sync(), sync()] == [0, 0], (tmp_path / "log.txt").read_text()[-3000:]

    assert ids(tmp_path / "data/leads.jsonl") == people.ids("lead/")
    assert len(lines(tmp_path / "data/leads.jsonl")) == len(people.ids("lead/")), "the second sync brings no lead again"
    assert ids(tmp_path / "data/activities.jsonl") == people.ids("activity/")


@pytest.mark.parametrize("killed", [["tap"], ["target"], ["tap", "target"]], ids=" and ".join)
@pytest.mark.parametrize("at", [1, 12])
def test_a_run_that_is_killed_leaves_a_state_and_the_next_one_misses_nothing(
    sync: Callable[[], int], people: Emulator, tmp_path: Path, killed: list[str], at: int
) -> None:
    assert sync() == 0
    before = json.loads((tmp_path / "state.json").read_text())
    people_work(people, 1)
    people.forget_requests()

    def kill(request: Any) -> None:
        if len(people.requests) == at:
            for name in killed:
                os.kill(int((tmp_path / f"{name}.pid").read_text()), signal.SIGKILL)

    people.on_request = kill
    assert sync() != 0
    people.on_request = None
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["bookmarks"].keys() == before["bookmarks"].keys()

    stored = len(lines(tmp_path / "data/leads.jsonl"))
    assert sync() == 0
    assert people.ids("lead/") <= ids(tmp_path / "data/leads.jsonl")
    assert people.ids("activity/") <= ids(tmp_path / "data/activities.jsonl")
    assert len(lines(tmp_path / "data/leads.jsonl")) < stored + 20, "it does not begin anew"


@pytest.fixture
def meltano(environment: Environment, programs: Path, tmp_path: Path) -> Callable[[str], None]:
    """Runs commands of the page in a project that has its meltano.yml."""
    (programs / "meltano").symlink_to(environment("meltano", "meltano==4.4.1") / "meltano")
    project = tmp_path / "project"
    project.mkdir()
    (project / "meltano.yml").write_text(*shown("yaml"))

    def meltano(commands: str) -> None:
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", commands], cwd=project, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-5000:]
        assert "Deprecat" not in said

    return meltano


def test_meltano_runs_the_plugin_as_pasted_and_stores_all_of_every_stream(
    meltano: Callable[[str], None], people: Emulator, tmp_path: Path
) -> None:
    for _ in range(2):
        meltano(shown("sh")[1])

    data = tmp_path / "project/data"
    for endpoint in ENDPOINTS:
        if rows := {row[endpoint.key]: row for row in held(people, endpoint)}:
            assert {line[endpoint.key] for line in lines(data / f"{endpoint.name}.jsonl")} == rows.keys()
    contacts = {row["id"]: row["contacts"] for row in people.all("lead/")}
    found = {line["id"]: line["contacts"] for line in lines(data / "leads.jsonl")}
    assert {key: [each["id"] for each in of] for key, of in found.items()} == {
        key: [each["id"] for each in of] for key, of in contacts.items()
    }
    assert len(lines(data / "leads.jsonl")) == len(contacts), "the second run goes on from the state of the first"


def test_meltano_fills_a_postgresql_with_what_close_holds(
    meltano: Callable[[str], None],
    environment: Environment,
    programs: Path,
    postgres: Postgres,
    people: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = environment("meltano-target-postgres", "meltanolabs-target-postgres==0.8.1") / "target-postgres"
    (programs / "target-postgres").symlink_to(target)
    server = {"HOST": "127.0.0.1", "PORT": postgres.port, "USER": USER, "PASSWORD": "none", "DATABASE": "postgres"}
    for name, value in server.items():
        monkeypatch.setenv(f"TARGET_POSTGRES_{name}", str(value))

    meltano(shown("sh")[2])
    people_work(people, 1)
    meltano(shown("sh")[2])

    assert every_difference(postgres, "close", people) == []


def test_the_settings_of_the_plugin_are_all_that_there_are_but_for_oauth() -> None:
    """Meltano writes the config anew for each run, so it cannot keep new tokens."""
    named = re.findall(r"- \{name: (\w+),", shown("yaml")[0].split("loaders:")[0])

    assert sorted(named) == sorted(settings().keys() - {"credentials"})
