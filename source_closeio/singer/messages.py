"""What a tap says: SCHEMA, RECORD, ACTIVATE_VERSION and STATE for stdout, a log line for stderr.

https://hub.meltano.com/singer/spec#messages
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Message = dict[str, Any]
"""One line of stdout."""


@dataclass(frozen=True)
class Log:
    """One line of stderr. level: of the standard library's `logging`."""

    level: int
    text: str


def schema_message(
    stream: str, schema: Mapping[str, Any], key_properties: Sequence[str], bookmark_properties: Sequence[str]
) -> Message:
    message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": list(key_properties)}
    return {**message, "bookmark_properties": list(bookmark_properties)} if bookmark_properties else message


def record_message(stream: str, record: Mapping[str, Any], time_extracted: str, version: int | None = None) -> Message:
    """version: of the stream, where it has one."""
    message = {"type": "RECORD", "stream": stream, "record": record, "time_extracted": time_extracted}
    return message if version is None else {**message, "version": version}


def activate_message(stream: str, version: int) -> Message:
    """That the stream is whole in this version: what a target has of others is no longer there."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def state_message(value: Mapping[str, Any]) -> Message:
    """value: the whole state of all streams, because a target keeps the last STATE only."""
    return {"type": "STATE", "value": value}


def counter(stream: str, records: int) -> Log:
    """How many records came since the last of these lines, in the form that runners and targets parse."""
    return metric({"type": "counter", "metric": "record_count", "value": records, "tags": {"endpoint": stream}})


def metric(point: Mapping[str, Any]) -> Log:
    return Log(logging.INFO, f"METRIC: {json.dumps(point)}")


def line(message: Message) -> bytes:
    """The message as it is written, with its newline."""
    try:
        return orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return _encoded_anyhow(message) + b"\n"


def encoded(value: Any) -> bytes:
    """The value as JSON; numbers that are none are null."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _encoded_anyhow(value)


def _encoded_anyhow(value: Any) -> bytes:
    """orjson refuses some of what JSON can hold: whole numbers beyond 64 bits, halves of surrogate pairs, deep nesting.

    Python's own module writes the names of numbers that are none, which JSON does not know.
    """
    return json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None)).encode()
