"""Messages as the connector says them, to be translated."""

from typing import Any

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteLogMessage,
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    AirbyteStreamStatus,
    AirbyteStreamStatusTraceMessage,
    AirbyteTraceMessage,
    FailureType,
    Level,
    StreamDescriptor,
    TraceType,
    Type,
)


def record(stream: str, data: dict[str, Any], emitted_at: int) -> AirbyteMessage:
    return AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream, data, emitted_at))


def state(stream: str, blob: dict[str, Any] | None) -> AirbyteMessage:
    held = AirbyteStreamState(StreamDescriptor(stream), None if blob is None else AirbyteStateBlob(blob))
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(AirbyteStateType.STREAM, held))


def status(stream: str, how: AirbyteStreamStatus) -> AirbyteMessage:
    told = AirbyteStreamStatusTraceMessage(StreamDescriptor(stream), how)
    return AirbyteMessage(type=Type.TRACE, trace=AirbyteTraceMessage(TraceType.STREAM_STATUS, 0.0, stream_status=told))


def error(stream: str | None, sentence: str, kind: FailureType | None, stack: str | None) -> AirbyteMessage:
    told = AirbyteErrorTraceMessage(sentence, None, stack, kind, StreamDescriptor(stream) if stream else None)
    return AirbyteMessage(type=Type.TRACE, trace=AirbyteTraceMessage(TraceType.ERROR, 0.0, error=told))


def log(level: Level, text: str) -> AirbyteMessage:
    return AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level, text))
