"""When: from a row, the options and the state to slices of time; where time ends; how far a sync has come. Pure.

Time ends twice. The slices end five minutes before the sync started (`INDEX_LAG`), and the state never goes past that.
What lies behind it, the tail, is read last, has no upper end and never moves the state: so rows that were edited while
the sync ran, which jump to the end, and rows dated in the future arrive in it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pendulum

from .endpoints import Window

INDEX_LAG = timedelta(minutes=5)
"""Lists and search show a write 30 to 60 seconds late (measured); Close asks to read the last five minutes again
(https://developer.close.com/api/resources/events)."""

CLOSE_BEGAN = datetime(2013, 1, 1, tzinfo=timezone.utc)
"""No organisation is older; records dated before it were imported, and are few or lie on one date."""

SHORTEST_SLICE = timedelta(days=1)

_STARTS_WITH_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|$)")


@dataclass(frozen=True)
class Span:
    """From `start`, inclusive, to `end`, exclusive, in UTC and whole seconds; `None` is open."""

    start: datetime | None = None
    end: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class Part:
    """What is read in one piece, beside others: a slice of time, or what belongs to one parent. Neither: all."""

    span: Span = Span()
    parent: str = ""


@dataclass(frozen=True)
class Plan:
    """What one stream reads in one sync: the parts, slices in the order of time, and when they are read the tail."""

    parts: tuple[Part, ...]
    tail: Span | None

    @property
    def slices(self) -> tuple[Span, ...]:
        return tuple(part.span for part in self.parts)


def parse_moment(value: object) -> datetime:
    """A date or date-time in any spelling of ISO 8601 that Close, Airbyte or a Singer tap writes, as UTC.

    Without an offset it is UTC. Raises ValueError for anything else.
    """
    if not isinstance(value, str) or not _STARTS_WITH_A_DATE.match(value):
        raise ValueError("not a date")
    moment = pendulum.parse(value)
    if not isinstance(moment, datetime):
        raise ValueError("not a date")
    try:
        utc = moment.astimezone(timezone.utc)
    except OverflowError:  # in the year 1 or 9999
        raise ValueError("not a date") from None
    return datetime.combine(utc.date(), utc.time(), timezone.utc)


def state_text(moment: datetime) -> str:
    """The spelling of a state: `YYYY-MM-DDTHH:MM:SS.ffffffZ`."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def whole_second(moment: datetime) -> datetime:
    """Close's date filters on activities know whole seconds only, so every bound is one."""
    return moment.replace(microsecond=0)


def plan(
    window: Window,
    *,
    start_date: datetime | None,
    state: datetime | None,
    lookback: timedelta,
    date_window: timedelta,
    num_workers: int,
    now: datetime,
    holds_records: Callable[[Span], bool],
) -> Plan:
    """Cuts what has to be read into slices.

    holds_records: asks Close whether a span holds any record; used only to find where a stream begins when neither a
        start date nor a state says so.
    """
    horizon = whole_second(now - INDEX_LAG)
    start = _start(start_date, state, lookback)
    if start is not None and start >= horizon:
        return Plan((Part(Span(start)),), None)

    slices: list[Span] = []
    oldest = min(horizon - window.retention if window.retention else CLOSE_BEGAN, horizon)
    cut = oldest if start is None else start
    if start is None or start < oldest:
        slices.append(Span(start, oldest))
        cut = oldest
    length = min(date_window, window.longest or date_window, max(SHORTEST_SLICE, (horizon - cut) / num_workers))
    if start is None and window.retention is None:
        cut = _first_held(cut, horizon, length, holds_records)
        slices = [Span(None, cut)]  # up to where the records begin, or the state of an empty stream would stay behind
    while cut < horizon:
        end = min(whole_second(cut + length), horizon)
        slices.append(Span(cut, end))
        cut = end
    return Plan(tuple(map(Part, slices)), Span(horizon))


def _start(start_date: datetime | None, state: datetime | None, lookback: timedelta) -> datetime | None:
    """Where the state says, or else the start date. The lookback stops at a start date that the state has passed.

    A start date behind the state does not skip what lies between them: it was promised to come.
    """
    if state is None:
        return start_date and whole_second(start_date)
    # A lookback of decades is allowed, and means everything.
    start = max(state, datetime(1, 1, 1, tzinfo=timezone.utc) + lookback) - lookback
    if start_date is not None and start_date <= state:
        start = max(start, start_date)
    return whole_second(start)


def _first_held(start: datetime, end: datetime, length: timedelta, holds_records: Callable[[Span], bool]) -> datetime:
    """The last cut before which nothing lies: a binary search, eight questions for ten years."""
    empty, some = 0, -(-(end - start) // length) + 1  # in slices; behind `end` is said to hold records
    while some - empty > 1:
        middle = (empty + some) // 2
        if holds_records(Span(start, min(whole_second(start + middle * length), end))):
            some = middle
        else:
            empty = middle
    return min(whole_second(start + empty * length), end)


class Progress:
    """How far a stream has come: the end of the slices that are done without a gap before them."""

    def __init__(self, slices: Sequence[Span], reached: datetime | None) -> None:
        """`reached`: the state that the sync began with."""
        self.reached = reached
        self._ends = [span.end for span in slices]
        self._done: set[int] = set()
        self._next = 0

    def finish(self, index: int) -> bool:
        """Notes that a slice is complete; true if that moved `reached`. Slices may finish in any order."""
        self._done.add(index)
        before = self.reached
        while self._next in self._done:
            self._done.remove(self._next)
            end = self._ends[self._next]
            # The lookback begins before the state, and a state never goes back.
            if end is not None and (self.reached is None or end > self.reached):
                self.reached = end
            self._next += 1
        return self.reached != before
