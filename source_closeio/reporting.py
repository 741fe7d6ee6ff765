"""What happened, in the words of Airbyte's protocol."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_protocol_dataclasses.models import (
    AirbyteRecordMessageMeta,
    AirbyteRecordMessageMetaChange,
    Change,
    Reason,
)

from .errors import FixInput, NothingThere, Problem, TellUs, TryLater
from .rate_limit import Meter
from .records import CHANGED

KINDS: Mapping[type[Problem], FailureType] = {
    TellUs: FailureType.system_error,
    TryLater: FailureType.transient_error,
    NothingThere: FailureType.system_error,  # of one list, while the others are there
    FixInput: FailureType.config_error,  # Airbyte does not try again
}


def traced(problem: Problem) -> AirbyteTracedException:
    """The error that Airbyte shows."""
    kind = next((kind for cause, kind in KINDS.items() if isinstance(problem, cause)), FailureType.system_error)
    return AirbyteTracedException(_evidence(problem), str(problem), kind)


def _evidence(problem: BaseException | None) -> str | None:
    """That of the problem, or of the one that it came from."""
    while problem is not None:
        if isinstance(problem, Problem) and problem.evidence:
            return problem.evidence
        problem = problem.__cause__ or problem.__context__
    return None


@contextmanager
def sentences() -> Iterator[None]:
    """Lets problems out as the errors that Airbyte shows."""
    try:
        yield
    except Problem as problem:
        raise traced(problem) from problem


def config_errors_last(messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
    """The same messages: Airbyte tries no more after a config error, but looks at the first error only."""
    held = []
    for message in messages:
        error = message.trace.error if message.trace else None
        if error and error.failure_type == FailureType.config_error:
            held.append(message)
        else:
            yield message
    for message in held:
        if message.trace:
            message.trace.emitted_at = time.time_ns() // 1_000_000
        yield message


def cause_of(failures: Iterable[Exception]) -> type[Problem]:
    """What several come to, so that a sync that would succeed later is not taken for one with a wrong config."""
    kinds = {getattr(failure, "failure_type", FailureType.system_error) for failure in failures}
    return next((cause for cause, kind in KINDS.items() if kind in kinds), FixInput)


def came_to(who: str, records: int, counted: int | None, seconds: float, meters: Iterable[Meter]) -> str:
    """What a stream, or a sync, came to, in a line for the log. counted: the records that Close counts, if it does."""
    all_of_them = list(meters)
    wanted, requests, waited = (
        sum(getattr(meter, name) for meter in all_of_them) for name in ("wanted", "requests", "waited")
    )
    close_counts = "" if counted is None else f" (Close counts {counted:,})"
    return (
        f"{who}: records {records:,}{close_counts}, requests {requests:,}, tried again {requests - wanted:,}, "
        f"seconds {seconds:.1f}, waited for the rate limit {waited:.1f} (all readers)."
    )


def under_way(unfinished: Iterable[tuple[str, int]], waits: Mapping[str, float]) -> str:
    """What a sync is doing. unfinished: streams, with the requests so far. waits: as `RateLimiter.waits` tells them."""
    streams = ", ".join(f"{name} ({requests:,} requests)" for name, requests in unfinished)
    held = ", ".join(f"{group} ({seconds:.1f} s)" for group, seconds in waits.items())
    return f"Still reading {streams or 'nothing'}." + (f" Close's rate limit holds back {held}." if held else "")


def with_changes(message: AirbyteMessage) -> AirbyteMessage:
    """Notes the values that were made to fit in the record's meta; the CDK makes messages without one."""
    record = message.record
    if record is not None and (changed := record.data.pop(CHANGED, None)):
        record.meta = AirbyteRecordMessageMeta(
            changes=[
                AirbyteRecordMessageMetaChange(
                    field=name,
                    change=Change.NULLED if record.data[name] is None else Change.TRUNCATED,
                    reason=Reason.SOURCE_SERIALIZATION_ERROR,
                )
                for name in changed
            ]
        )
    return message
