"""The emulator, and the connector run through the CDK's entry point against it."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils import AirbyteTracedException
from hypothesis import HealthCheck, settings

from close_emulator import Emulator
from source_closeio import cursor, http_policy, pacing
from source_closeio.endpoints import ENDPOINTS
from source_closeio.source import SourceCloseIO
from source_closeio.windows import parse_moment

NOW = parse_moment("2026-03-01T12:00:00Z")
API_KEY = "api_key_of_the_tests_01"

# The same examples in each run, however slow the machine is, and nothing kept between runs. HYPOTHESIS_PROFILE=long
# looks for new ones.
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
settings.register_profile("ci", derandomize=True, deadline=None, database=None, suppress_health_check=SLOW)
settings.register_profile(
    "long",
    derandomize=False,
    deadline=None,
    database=None,
    suppress_health_check=SLOW,
    max_examples=20_000,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@dataclass
class Output:
    """What one run of the connector wrote, in order, and the error that it ended with."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [each["record"]["data"] for each in self.of("RECORD") if each["record"]["stream"] == stream]

    def ids(self, stream: str) -> set[str]:
        return {record["id"] for record in self.records(stream)}

    def twice(self, stream: str) -> set[str]:
        return {each for each, times in Counter(row["id"] for row in self.records(stream)).items() if times > 1}

    @property
    def state(self) -> list[dict[str, Any]]:
        """The last state of each stream, as a state file holds them."""
        last = {each["state"]["stream"]["stream_descriptor"]["name"]: each["state"] for each in self.of("STATE")}
        return list(last.values())

    def reached(self, stream: str) -> dict[str, Any]:
        (state,) = (each["stream"] for each in self.state if each["stream"]["stream_descriptor"]["name"] == stream)
        blob: dict[str, Any] = state["stream_state"]
        return blob

    @property
    def errors(self) -> list[str]:
        return [each["trace"]["error"]["message"] for each in self.of("TRACE") if each["trace"]["type"] == "ERROR"]

    @property
    def statuses(self) -> dict[str, str]:
        """The last status of each stream."""
        told = [each["trace"]["stream_status"] for each in self.of("TRACE") if each["trace"]["type"] == "STREAM_STATUS"]
        return {each["stream_descriptor"]["name"]: each["status"] for each in told}


def catalog_of(streams: tuple[str, ...], sync_mode: str | None = None) -> dict[str, Any]:
    incremental = {endpoint.name for endpoint in ENDPOINTS if endpoint.window}
    return {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
                "sync_mode": sync_mode or ("incremental" if name in incremental else "full_refresh"),
                "destination_sync_mode": "append",
            }
            for name in streams
        ]
    }


def files(tmp_path: Path, close: Emulator, *streams: str) -> list[str]:
    """Config and catalog, as the words of a command line."""
    (tmp_path / "config.json").write_text(json.dumps({"api_key": API_KEY, "base_url": close.base_url}))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog_of(streams)))
    return ["--config", str(tmp_path / "config.json"), "--catalog", str(tmp_path / "catalog.json")]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between two tries, nor between two states."""
    monkeypatch.setattr(http_policy, "LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(cursor, "BETWEEN_STATES", 0.0)


@pytest.fixture
def close() -> Iterator[Emulator]:
    """An empty organisation of Close, at noon of a day in March."""
    emulator = Emulator(now=NOW)
    with emulator:
        yield emulator


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Close that says nothing of its limits is not asked gently at first."""
    monkeypatch.setattr(pacing.Group.__init__, "__defaults__", (pacing.FASTEST, pacing.FASTEST))


@pytest.fixture
def run(close: Emulator, tmp_path: Path, in_haste: None) -> Callable[..., Output]:
    """Runs a command of the connector: `run("read", "leads", "users", state=..., config={...}, lines=...)`.

    lines: stop reading the output after so many messages, as a broken pipe does.
    catalog: instead of the one that is made for `streams`, without schemas.
    """

    def run(
        command: str,
        *streams: str,
        state: list[dict[str, Any]] | None = None,
        config: dict[str, Any] | None = None,
        sync_mode: str | None = None,
        lines: int | None = None,
        catalog: dict[str, Any] | None = None,
    ) -> Output:
        given = {"api_key": API_KEY, "base_url": close.base_url, **(config or {})}
        files = {
            "config": {key: value for key, value in given.items() if value is not None},
            "catalog": catalog or catalog_of(streams, sync_mode),
            "state": state or [],
        }
        words = [command]
        for name in {"spec": [], "read": ["config", "catalog", "state"]}.get(command, ["config"]):
            (tmp_path / f"{name}.json").write_text(json.dumps(files[name]))
            words += [f"--{name}", str(tmp_path / f"{name}.json")]
        entry = AirbyteEntrypoint(SourceCloseIO())
        output = Output()
        written = entry.run(entry.parse_args(words))
        try:
            for line in written:
                output.messages.append(json.loads(line))
                if len(output.messages) == lines:
                    break
        except AirbyteTracedException as failure:
            output.failure = str(failure)
        finally:
            written.close()  # type: ignore[attr-defined]  # a generator
        return output

    return run


@pytest.fixture
def sync(run: Callable[..., Output]) -> Callable[..., Output]:
    """Reads streams, which must succeed unless `lines` cuts it short."""

    def sync(*streams: str, **options: Any) -> Output:
        output = run("read", *streams, **options)
        assert output.failure is None, output.errors
        return output

    return sync
