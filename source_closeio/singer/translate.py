"""From Airbyte messages to Singer messages, one generator, in the order in which they come. Pure.

https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol, https://hub.meltano.com/singer/spec
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStreamStatus,
    AirbyteTraceMessage,
    FailureType,
    Level,
)

from source_closeio.errors import Problem, TellUs
from source_closeio.windows import state_text

from . import steps
from .catalog import TapStream
from .messages import Log, Message, activate_message, counter, record_message, schema_message, state_message
from .narrowing import json_columns
from .state import Value, moved

METRICS_EVERY = 60_000
"""Milliseconds between two counts of one stream's records."""

LEVELS: Mapping[Level, int] = {
    Level.FATAL: logging.CRITICAL,
    Level.ERROR: logging.ERROR,
    Level.WARN: logging.WARNING,
    Level.INFO: logging.INFO,
    Level.DEBUG: logging.DEBUG,
    Level.TRACE: logging.DEBUG,
}


class _Outgoing:
    """One stream on its way out."""

    def __init__(self, stream: TapStream, keep_undeclared: bool, version: int) -> None:
        self.stream = stream
        self.version = version if stream.has_versions else None
        self.announced = False
        self.complete = False
        self.records = 0
        self.changed: Counter[str] = Counter()
        self.left_out: set[str] = set()
        self.steps = list(self._steps(keep_undeclared))

    def _steps(self, keep_undeclared: bool) -> Iterator[steps.Step]:
        stream, declared = self.stream, self.stream.source.json_schema
        if stream.row.reshape:
            yield stream.row.reshape
        if not keep_undeclared:
            yield steps.only(declared["properties"], self.left_out)
        if stream.deselected:
            yield steps.without(stream.deselected)
        if columns := json_columns(declared):
            yield steps.json_text(columns)
        paths = [*steps.date_time_paths(stream.schema), *(tuple(path.split(".")) for path in stream.row.mail_dates)]
        if paths:
            yield steps.moments(paths)

    def schema(self) -> Message:
        self.announced = True
        stream = self.stream
        return schema_message(stream.name, stream.schema, stream.keys, [stream.cursor] if stream.cursor else [])

    def count(self) -> Iterator[Log]:
        if self.records:
            yield counter(self.stream.name, self.records)
            self.records = 0

    def remarks(self) -> Iterator[Log]:
        """What was done to the records, at the end of the stream."""
        name = self.stream.name
        if self.changed:
            told = ", ".join(f"{field} ({times})" for field, times in sorted(self.changed.items()))
            yield Log(logging.WARNING, f"Stream {name}: values were changed to fit their columns: {told}.")
        if self.left_out:
            yield Log(
                logging.WARNING,
                f"Stream {name}: left out {', '.join(sorted(self.left_out))}, which its schema does not declare; "
                '`"undeclared_properties": "keep"` passes them on.',
            )


class _Asked(dict[str, _Outgoing]):
    """By the connector's name."""

    def __missing__(self, name: str) -> _Outgoing:
        raise TellUs(f"Messages came of stream {name}, which was not asked for; please report it.")


def translate(
    messages: Iterable[AirbyteMessage],
    streams: Sequence[TapStream],
    value: Value,
    keep_undeclared: bool,
    version: int,
    lacks: Callable[[str], bool],
) -> Iterator[Message | Log]:
    """value: the state that the sync goes on from. The records of the messages are changed in place.

    version: of the lists that are read whole, a higher one in each sync. lacks: whether something was left out of a
    stream of the connector; asked at its end.

    Raises Problem after the last message if a stream did not come to its end.
    """
    outgoing = _Asked({stream.source.name: _Outgoing(stream, keep_undeclared, version) for stream in streams})
    emitted_at, time_extracted, counted_at = None, "", 0
    for message in messages:
        if (came := message.record) is not None:
            out = outgoing[came.stream]
            if not out.announced:
                yield out.schema()
            if came.emitted_at != emitted_at:
                emitted_at = came.emitted_at
                time_extracted = state_text(datetime.fromtimestamp(emitted_at / 1000, timezone.utc))
                if emitted_at >= counted_at + METRICS_EVERY:
                    counted_at = emitted_at
                    for each in outgoing.values():
                        yield from each.count()
            data = came.data
            for step in out.steps:
                step(data)
            out.records += 1
            if came.meta and came.meta.changes:
                out.changed.update(change.field for change in came.meta.changes)
            yield record_message(out.stream.name, data, time_extracted, out.version)
        elif message.state and message.state.stream:
            descriptor, blob = message.state.stream.stream_descriptor, message.state.stream.stream_state
            value = moved(value, outgoing[descriptor.name].stream.name, vars(blob) if blob else {})
            yield state_message(value)
        elif message.trace:
            yield from _trace(message.trace, outgoing, lacks)
        elif message.log:
            yield Log(LEVELS[message.log.level], message.log.message)
    if unread := sorted(out.stream.name for out in outgoing.values() if not out.complete):
        raise Problem(f"Not read whole: {', '.join(unread)}. The next sync goes on from the last state.")
    yield state_message(value)


def _trace(
    trace: AirbyteTraceMessage, outgoing: Mapping[str, _Outgoing], lacks: Callable[[str], bool]
) -> Iterator[Message | Log]:
    if trace.error:
        yield Log(logging.ERROR, _told(trace.error, outgoing))
    if not trace.stream_status:
        return
    out, status = outgoing[trace.stream_status.stream_descriptor.name], trace.stream_status.status
    if not out.announced:
        yield out.schema()
    if status in (AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE):
        out.complete = status == AirbyteStreamStatus.COMPLETE
        yield from out.count()
        yield from out.remarks()
        if out.version is not None and out.complete and not lacks(out.stream.source.name):
            yield activate_message(out.stream.name, out.version)


def _told(error: AirbyteErrorTraceMessage, outgoing: Mapping[str, _Outgoing]) -> str:
    """The error as a sentence; where it may be a defect of ours, also the places in the code that it came through."""
    descriptor, sentence = error.stream_descriptor, str(error.message)
    if descriptor and descriptor.name in outgoing:
        sentence = f"Stream {outgoing[descriptor.name].stream.name}: {sentence}"
    if error.failure_type != FailureType.system_error:
        return sentence
    # No more of the traceback than that: it ends with what the exception says, which may quote a record.
    places = [line.strip() for line in (error.stack_trace or "").splitlines() if line.startswith('  File "')]
    return "\n".join((sentence, *places))
