"""The tap run in this process against the emulator, and what it wrote."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from close_emulator import Emulator
from source_closeio.errors import Problem
from source_closeio.singer import tap
from source_closeio.singer.messages import Log, line
from source_closeio.singer.options import read_options
from unit_tests.conftest import API_KEY


@dataclass
class Output:
    """What one sync wrote to stdout and to stderr, and the sentence that it ended with."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    failure: str | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [each["record"] for each in self.of("RECORD") if each["stream"] == stream]

    def ids(self, stream: str) -> set[str]:
        return {record["id"] for record in self.records(stream)}

    def schema(self, stream: str) -> dict[str, Any]:
        schemas: list[dict[str, Any]] = [each["schema"] for each in self.of("SCHEMA") if each["stream"] == stream]
        (schema,) = schemas
        return schema

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE, as a target hands it on; an empty file if there was none."""
        states = self.of("STATE")
        return states[-1]["value"] if states else {}

    def told(self, level: int) -> list[str]:
        return [log.text for log in self.logs if log.level == level]


@pytest.fixture
def options(close: Emulator) -> Callable[..., Any]:
    def options(**config: Any) -> Any:
        return read_options({"api_key": API_KEY, "base_url": close.base_url, **config})

    return options


@pytest.fixture
def sync(options: Callable[..., Any], in_haste: None) -> Callable[..., Output]:
    """`sync("leads", state=..., lines=...)`: the streams that are selected, or all; stops after so many lines."""

    def sync(
        *streams: str,
        catalog: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        lines: int | None = None,
        fails: bool = False,
        **config: Any,
    ) -> Output:
        given = catalog or (selecting(*streams) if streams else None)
        output = Output()
        try:
            with closing(tap.sync(options(**config), given, state or {})) as written:
                for message in written:
                    if isinstance(message, Log):
                        output.logs.append(message)
                        continue
                    output.messages.append(orjson.loads(line(message)))
                    if len(output.messages) == lines:
                        break
        except Problem as failure:
            output.failure = str(failure)
        assert (output.failure is not None) == fails, output.failure or output.told(logging.ERROR)
        return output

    return sync


def selecting(*streams: str) -> dict[str, Any]:
    """A catalog that selects these streams, and no more than that."""
    metadata = [{"breadcrumb": [], "metadata": {"selected": True}}]
    return {"streams": [{"tap_stream_id": name, "metadata": metadata} for name in streams]}
