"""How one page leads to the next, for each way in which Close can be walked. No sockets, no clocks.

Each walk is a generator of records that asks for pages through `fetch`. They keep exact by one mechanism: wherever a
page does not join the one before (rows moved, ties came in another order, the offset cap, a plateau of equal dates, an
expired cursor), the walk takes up again at a record or a date that it is sure of, and drops the ids that it has already
handed on. A walk that gets nowhere raises `NoProgress`; it never ends early without a word.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .records import Record
from .windows import Span, parse_moment, whole_second

Answer = Mapping[str, Any]
Fetch = Callable[[dict[str, Any]], Answer]
"""Takes query parameters (or, for search, what makes its body), returns the decoded JSON object."""

SECOND = timedelta(seconds=1)

MOST_STEPS_BACK = 20
MOST_ROUNDS = 60
MOST_REPEATS = 3

MOST_EMPTY_PAGES = 100
"""Pages in a row without a row though more is said to follow: a bulk delete that the index has not seen yet."""


class NoProgress(Exception):
    """The walk cannot be exact; the text says why, in one sentence."""


class OffsetCapReached(NoProgress):
    """Close refuses a `_skip` as high as this one."""

    def __init__(self) -> None:
        super().__init__("The list is longer than Close's offsets reach.")


class CursorRefused(NoProgress):
    """Close refuses a cursor: it is older than 30 seconds, or stands at the 10,000th row of its chain."""

    def __init__(self) -> None:
        super().__init__("Close refused a cursor that it had given out.")


class PageTooLarge(NoProgress):
    """Close refuses a `_limit` as high as this one; `limit` is what it allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Close allows no more than {limit} rows a page.")
        self.limit = limit


class RowsMoved(NoProgress):
    """A page does not join the one before."""

    def __init__(self) -> None:
        super().__init__("The rows of this list change their order faster than it can be read.")


class Pages:
    """Asks for pages of `limit` rows, and of fewer once Close refuses as many: the one place where a page shrinks."""

    def __init__(self, fetch: Fetch, limit: int) -> None:
        self.limit = limit
        self._fetch = fetch

    def __call__(self, asked: dict[str, Any]) -> Answer:
        while True:
            try:
                return self._fetch({**asked, "_limit": self.limit})
            except PageTooLarge as refusal:
                if not 2 <= refusal.limit < self.limit:
                    raise
                self.limit = refusal.limit

    def shows_more_than(self, first: list[str], key: str) -> bool:
        """Whether a first page that is one row larger is another one."""
        return [row[key] for row in self._fetch({"_skip": 0, "_limit": self.limit + 1})["data"]] != first


def offset(fetch: Fetch, limit: int, handed_on: set[str], key: str = "id") -> Iterator[Record]:
    """A list with `_limit` and `_skip` that has no dates to part it by, complete although its rows come, go and move.

    A round in which nothing stirred is the proof. Without one the list is gone round until as many rows are known as it
    is long, and then until each of them has come again: had one been passed over, one of the known would be gone. Rows
    that keep being created meanwhile hold nothing up.
    handed_on: ids not to be handed on again. key: tells rows apart.
    """
    pages, known, newest, growing = Pages(fetch, limit), set[str](), "", 0
    missing: set[str] | None = None
    """Of the known, once they were as many as the list is long, those that have not come again."""
    for _ in range(MOST_ROUNDS):
        lap = Lap()
        yield from _round(pages, key, lap, handed_on)
        if lap.still:
            return
        newest = newest or max(lap.seen.values(), default="")
        late = [lap.seen[row_id] for row_id in lap.seen.keys() - known]
        growing = growing + 1 if known and late and not passed_over(late, newest) else 0
        if growing == MOST_REPEATS:
            return
        if missing is not None and not late:
            missing -= lap.seen.keys()
            if not missing:
                return
            continue
        known |= lap.seen.keys()
        if len(known) > lap.length:
            known = set(lap.seen)
        missing = set(known) if len(known) == lap.length else None
    raise RowsMoved


@dataclass
class Lap:
    """What one round through a list saw.

    seen: the ids, with the dates of creation. length: of the list, less what it does not show. still: each page began
    with the last row of the one before, and no row came twice.
    """

    seen: dict[str, str] = field(default_factory=dict)
    length: int = 0
    still: bool = True


def _round(pages: Pages, key: str, lap: Lap, handed_on: set[str]) -> Iterator[Record]:
    """Once through a list.

    Pages overlap by one row. If a page does not begin with a row of this round, rows before it went away, and the round
    goes back until it does. `has_more` is never believed alone: a full page is followed by another request, and so is a
    short one that says there is more, some of whose rows Close does not show. A list that Close gives in one piece,
    whatever `_limit` and `_skip` say, ends when it comes again.
    """
    first: list[str] = []
    last, joins = "", False
    skip = hidden = stale = steps = empty = 0
    while True:
        answer = pages({"_skip": skip})
        rows: list[Record] = answer["data"]
        ids = [row[key] for row in rows]
        if joins and not (ids and ids[0] in lap.seen):
            lap.still = False
            steps += 1
            if steps > MOST_STEPS_BACK:
                raise RowsMoved
            skip = max(0, skip - (pages.limit - 1) * 2**steps // 2)
            joins = skip > 0
            continue
        fresh = ids[1:] if joins and ids[0] == last else ids
        known = len(lap.seen)
        lap.seen.update((row[key], created(row)) for row in rows)
        came = len(lap.seen) - known
        yield from new(rows, handed_on, key)
        full, more = len(rows) >= pages.limit, bool(answer.get("has_more", False))
        if first and stale >= MOST_REPEATS - 1 and ids == first:
            # One piece of just this many rows, or the first page over and over again: one row more would tell.
            if len(rows) > pages.limit or not (more or pages.shows_more_than(first, key)):
                lap.length, lap.still = len(rows), True
                return
            raise NoProgress("This list answers with the same page again and again.")
        lap.still = lap.still and came == len(fresh) and (full or not more)
        if rows:
            lap.length = max(lap.length, skip + len(rows) - hidden)
        if not (full or more):
            return
        empty = 0 if rows else empty + 1
        if empty > MOST_EMPTY_PAGES:
            raise NoProgress("This list says that it goes on, and shows no more rows.")
        if came:
            stale = steps = 0
        elif rows and (steps == 0 or len(rows) != pages.limit):
            stale += 1  # on the way forward again after a step back, full pages of known rows are to be expected
        if stale > MOST_STEPS_BACK:  # fewer are what insertions look like, which push known rows into the next page
            raise NoProgress("This list answers with the same page again and again.")
        if skip == 0:
            first = ids
        if full:
            skip, last = skip + len(rows) - 1, ids[-1]
        else:
            skip, hidden = skip + pages.limit, hidden + pages.limit - len(rows)
        joins = full


def created(row: Record) -> str:
    """When Close says that it was created, "" where it says nothing."""
    return str(row.get("date_created") or "")


def passed_over(late: Iterable[str], newest: str) -> bool:
    """Whether one of the rows that came late, by their dates of creation, was there before the first round ended.

    newest: the last date of creation that the first round saw.
    """
    return any(not moment or moment <= newest for moment in late)


def window(fetch: Fetch, span: Span, cursor: str, limit: int) -> Iterator[Record]:
    """A list with date filters on `cursor`, `_limit` and `_skip`: one span, parted wherever its pages do not join.

    Where pages follow each other without a gap and without a row twice, and end where the list ends, nothing was passed
    over, in whatever order Close lists the rows. Where they do not, or reach the offset cap, the span is parted at the
    median of the dates seen: what fits into one page cannot be read wrongly. A second that does not is gone round like
    a list without dates.
    """
    pages, handed_on, todo = Pages(fetch, limit), set[str](), [span]
    while todo:
        part = todo.pop()
        filters = _filters(part, cursor)
        dates: list[str] = []
        try:
            yield from _joined(pages, filters, cursor, handed_on, dates)
        except (OffsetCapReached, RowsMoved):
            pivot = _pivot(part, dates)
            if pivot is None:
                yield from _one_second(pages, filters, handed_on)
            else:
                todo += [Span(pivot, part.end), Span(part.start, pivot)]


def _joined(
    pages: Pages, filters: Mapping[str, str], cursor: str, handed_on: set[str], dates: list[str]
) -> Iterator[Record]:
    """Once through a span; RowsMoved where a page does not begin with the last row of the one before, or repeats one.

    dates: takes those of the rows.
    """
    here: set[str] = set()
    skip, last = 0, ""
    short: list[list[str]] = []
    """The ids of pages that were not full and said that more follows."""
    while True:
        answer = pages({**filters, "_skip": skip})
        rows: list[Record] = answer["data"]
        dates += [row[cursor] for row in rows if row.get(cursor)]
        yield from new(rows, handed_on)
        ids = [row["id"] for row in rows]
        fresh, known = ids[1:] if last else ids, len(here)
        here.update(fresh)
        if (last and ids[:1] != [last]) or len(here) < known + len(fresh) or (short and rows):
            raise RowsMoved
        if len(rows) >= pages.limit:
            skip, last = skip + len(rows) - 1, ids[-1]
        elif answer.get("has_more", False):
            # It lies, or counts rows that it does not show; then what follows cannot be seen to join.
            short = [*short, ids]
            if len(short) > MOST_EMPTY_PAGES:
                raise NoProgress("This list says that it goes on, and shows no more rows.")
            skip, last = skip + pages.limit, ""
        else:
            if short and short[0] != [
                row["id"] for row in pages({**filters, "_skip": skip - pages.limit * len(short)})["data"]
            ]:
                raise RowsMoved
            return


def _one_second(pages: Pages, filters: Mapping[str, str], handed_on: set[str]) -> Iterator[Record]:
    try:
        yield from offset(lambda page: pages({**filters, **page}), pages.limit, handed_on)
    except OffsetCapReached:
        raise NoProgress(
            f"More records than Close's offsets reach share one second ({', '.join(filters.values()) or 'any'}); "
            "it offers no way to list them all."
        ) from None


def _filters(span: Span, cursor: str) -> dict[str, str]:
    bounds = {f"{cursor}__gte": span.start, f"{cursor}__lt": span.end}
    return {name: moment.isoformat() for name, moment in bounds.items() if moment is not None}


def _pivot(span: Span, dates: list[str]) -> datetime | None:
    """A whole second inside the span, with rows on both sides as far as the dates tell; None if it is one second."""
    seconds = sorted({whole_second(parse_moment(date)) for date in dates})
    inside = [second for second in seconds if second in span and second != span.start]
    if inside:
        return inside[len(inside) // 2]
    if seconds and seconds[-1] + SECOND in span and seconds[-1] + SECOND != span.start:
        return seconds[-1] + SECOND
    if span.start is not None and span.end is not None and span.end - span.start > SECOND:
        return whole_second(span.start + (span.end - span.start) / 2)
    return None


def events(fetch: Fetch, span: Span, limit: int) -> Iterator[Record]:
    """`/event/`: newest first, `_cursor` leads to the older page; anchored at the last second seen when refused.

    The documentation says to send the date filters only without a cursor, Close's own scripts send them always. Sent
    always here, and not relied on: rows older than the span are dropped, and end the walk.
    """
    pages, handed_on = Pages(fetch, limit), set[str]()
    end = anchor = span.end
    cursor, stale = None, 0
    while True:
        filters = _filters(Span(span.start, end), "date_updated")
        try:
            answer = pages({**filters, "_cursor": cursor} if cursor else filters)
        except CursorRefused:
            if stale:
                raise NoProgress("Close refuses the cursors of its event log.") from None
            # Only now: a cursor may be a place among the rows that its own filters let through.
            cursor, end, stale = None, anchor, 1
            continue
        rows: list[Record] = answer["data"]
        inside = rows
        if rows and span.start is not None and parse_moment(rows[-1]["date_updated"]) < span.start:
            inside = [row for row in rows if parse_moment(row["date_updated"]) >= span.start]
        known = len(handed_on)
        yield from new(inside, handed_on)
        if rows and not inside:
            return
        stale = 0 if len(handed_on) > known else stale + 1
        if inside:
            anchor = whole_second(parse_moment(inside[-1]["date_updated"])) + SECOND
        cursor = answer.get("cursor_next")
        if not cursor:
            return
        if stale > MOST_STEPS_BACK:
            raise NoProgress("The cursors of Close's event log lead in a circle.")


def new(rows: list[Record], handed_on: set[str], key: str = "id") -> Iterator[Record]:
    for row in rows:
        if row[key] not in handed_on:
            handed_on.add(row[key])
            yield row
