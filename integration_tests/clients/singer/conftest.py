"""Our tap and the old one as programs, on one organisation."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from close_emulator import SMALL, Behaviour, Emulator
from integration_tests.clients.postgres import Postgres, programs, serving

START_DATE = "2023-01-01T00:00:00Z"


@dataclass(frozen=True)
class Written:
    """The messages of a run, or of its beginning."""

    messages: list[dict[str, Any]]

    def records(self, stream: str) -> dict[str, dict[str, Any]]:
        """By id."""
        records = [each for each in self.messages if each["type"] == "RECORD" and each["stream"] == stream]
        return {each["record"]["id"]: each["record"] for each in records}

    def schema(self, stream: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each for each in self.messages if each["type"] == "SCHEMA" and each["stream"] == stream
        )
        return found

    @property
    def state(self) -> dict[str, Any]:
        value: dict[str, Any] = [each["value"] for each in self.messages if each["type"] == "STATE"][-1]
        return value

    def cut(self, lines: int) -> "Written":
        return Written(self.messages[:lines])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    found = programs()
    if found is None:
        pytest.skip("There is no PostgreSQL on this machine for targets to write to: `apt-get install postgresql`.")
    with serving(found) as server:
        yield server


@pytest.fixture(scope="session")
def close() -> Iterator[Emulator]:
    """Rows in every list. Its clock is the machine's: tap-closeio goes by that, and not by what Close says."""
    emulator = Emulator(
        SMALL,
        seed=11,
        behaviour=Behaviour(api_key="api_emulated_0123456789"),
    )
    with emulator:
        yield emulator


@pytest.fixture(scope="session")
def config(close: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "config.json"
    given = {"api_key": close.behaviour.api_key, "start_date": START_DATE, "base_url": close.base_url}
    path.write_text(json.dumps(given))
    return path


@pytest.fixture(scope="session")
def tap(config: Path) -> list[str]:
    """Our command line."""
    return [sys.executable, "-m", "source_closeio.singer", "--config", str(config)]


@pytest.fixture(scope="session")
def old_tap(config: Path, environment: Callable[..., Path], close: Emulator) -> list[str]:
    """The command line of tap-closeio."""
    python = environment("tap-closeio", "tap-closeio==1.6.6") / "python"
    starter = Path(__file__).with_name("old_tap.py")
    return ["/usr/bin/env", f"CLOSE_BASE_URL={close.base_url}", str(python), str(starter), "--config", str(config)]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    """`run(tap, state=..., catalog=...)`: a whole run, which must succeed."""

    def run(command: list[str], **files: Any) -> Written:
        folder, words = tmp_path_factory.mktemp("run"), list(command)
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
            words += [f"--{name}", str(folder / f"{name}.json")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return Written([json.loads(line) for line in done.stdout.splitlines()])

    return run


def all_of(command: list[str], *options: str) -> dict[str, Any]:
    """The discovered catalog with all streams selected."""
    done = subprocess.run([*command, *options, "--discover"], capture_output=True, text=True, check=True)
    catalog: dict[str, Any] = json.loads(done.stdout)
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["selected"] = True
    return catalog
