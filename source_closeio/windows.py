"""When: what a sync has to read of time, where time ends, and how far a stream has come. Pure.

Time ends twice. What moves the state ends five minutes before the sync started (`INDEX_LAG`), and the state never goes
past that. What lies behind it, the tail, is read last, has no upper end and never moves the state: so rows that were
edited while the sync ran, which jump to the end, and rows dated in the future arrive in it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pendulum

INDEX_LAG = timedelta(minutes=5)
"""Lists and search show a write 30 to 60 seconds late (measured); Close asks to read the last five minutes again
(https://developer.close.com/api/resources/events)."""

CLOSE_BEGAN = datetime(2013, 1, 1, tzinfo=timezone.utc)
"""No organisation is older; records dated before it were imported, and are few or lie on one date."""

SECOND = timedelta(seconds=1)

_STARTS_WITH_A_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|$)")


@dataclass(frozen=True)
class Span:
    """From `start`, inclusive, to `end`, exclusive, in UTC and whole seconds; `None` is open."""

    start: datetime | None = None
    end: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    @property
    def is_empty(self) -> bool:
        return self.start is not None and self.end is not None and self.start >= self.end

    def is_longer_than(self, most: timedelta | None) -> bool:
        """Without a bound nothing is; without a start the span begins where records can."""
        return most is not None and self.end is not None and self.end - (self.start or CLOSE_BEGAN) > most

    @property
    def middle(self) -> datetime | None:
        """The whole second that halves the span; None if it has no end, or is too short to be halved.

        Without a start it is halved as if it began where records can: what is older are few.
        """
        start = CLOSE_BEGAN if self.start is None else self.start
        if self.end is None or self.end - start < 2 * SECOND:
            return None
        return whole_second(start + (self.end - start) / 2)


@dataclass(frozen=True)
class Rest:
    """What is left of a span that is being read."""

    span: Span
    """Where rows may lie that have not been handed on."""
    middle: datetime
    """Where it can be halved."""
    read_to: datetime | None = None
    """Of a walk from the newest to the oldest, the second that it has come to."""
    known: Collection[str] = ()
    """The keys of those in the span that have been handed on."""
    must_part: bool = False
    """Whether the walk cannot go on in one piece."""

    @property
    def halves(self) -> tuple[Span, Span]:
        """What the walk comes to first, and the other."""
        older, newer = Span(self.span.start, self.middle), Span(self.middle, self.span.end)
        return (older, newer) if self.read_to is None else (newer, older)

    @property
    def thirds(self) -> tuple[Span, Span, Span] | None:
        """The second that a walk from the newest to the oldest has come to, and the two halves of what it has not."""
        if self.read_to is None:
            return None
        newer, older = Span(self.middle, self.read_to), Span(self.span.start, self.middle)
        return Span(self.read_to, self.span.end), newer, older


@dataclass(frozen=True)
class Part:
    """What is read in one piece, beside others: a slice of time, or what belongs to one parent. Neither: all."""

    span: Span = Span()
    parent: str = ""
    known: frozenset[str] = frozenset()
    """Keys of rows that another reader has handed on already."""


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


def second_of(date: str) -> datetime:
    """Of a date as Close writes it."""
    return whole_second(parse_moment(date))


def to_read(
    now: datetime, *, start_date: datetime | None, state: datetime | None, lookback: timedelta
) -> tuple[Span, Span]:
    """What moves the state, and the tail. The first is empty where the state is younger than `INDEX_LAG`."""
    start = _start(start_date, state, lookback)
    horizon = whole_second(now - INDEX_LAG)
    horizon = horizon if start is None else max(start, horizon)
    return Span(start, horizon), Span(horizon)


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


class Progress:
    """How far a stream has come: up to where the oldest of its spans begins that is still to be read."""

    def __init__(self, reached: datetime | None, span: Span) -> None:
        """reached: the state that the sync began with. span: all that moves the state, number 0."""
        self._reached = reached
        self._span = span
        self._open = {0: span}

    @property
    def reached(self) -> datetime | None:
        starts = [span.start for span in self._open.values()]
        come = self._span.end if not starts else None if None in starts else min(filter(None, starts))
        # The lookback begins before the state, and a state never goes back; nor is there one before anything was read.
        if come is not None and all(before is None or come > before for before in (self._reached, self._span.start)):
            self._reached = come
        return self._reached

    def opens(self, spans: Mapping[int, Span]) -> None:
        """Spans that are to be read, by number; of one that is open already this is what is left."""
        self._open.update(spans)

    def closes(self, number: int) -> None:
        """It has been read."""
        del self._open[number]
