"""How one page leads to the next, for each way in which Close can be walked. No sockets, no clocks.

Each walk is a generator of records that asks for pages through `fetch`. They keep exact by one mechanism: when a walk
cannot simply go on (rows moved, the offset cap, a plateau of equal dates, an expired cursor), it takes up again at a
record or a date that it knows, and drops the ids that it has already handed on. A walk that gets nowhere raises
`NoProgress`; it never ends early without a word.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from .records import Record
from .windows import Span, parse_moment, whole_second

Answer = Mapping[str, Any]
Fetch = Callable[[dict[str, Any]], Answer]
"""Takes query parameters (or, for search, a body), returns the decoded JSON object."""

SECOND = timedelta(seconds=1)
MOST_RETRACES = 20
MOST_REPEATS = 3


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


def offset(
    fetch: Fetch, limit: int, handed_on: set[str], sampled: list[Record] | None = None, key: str = "id"
) -> Iterator[Record]:
    """A list with `_limit` and `_skip`, complete although rows are removed and inserted while it is paged.

    Pages overlap by one row. As long as a page begins with a row that this pass has seen, nothing can have slipped
    through between them; if it does not, rows before it went away, and the walk goes back until it does.
    `has_more` is never believed alone: a full page is followed by another request, and so is a short one that says
    there is more. A list that Close gives in one piece, whatever `_limit` and `_skip` say, ends when it comes again.
    handed_on: ids not to be handed on again. sampled: takes the first and last row of each page. key: tells rows apart.
    """
    seen: set[str] = set()
    first: list[str] = []
    skip = stale = retraces = 0
    while True:
        try:
            answer = fetch({"_limit": limit, "_skip": skip})
        except PageTooLarge as refusal:
            if not 2 <= refusal.limit < limit:
                raise
            limit = refusal.limit
            continue
        rows: list[Record] = answer["data"]
        if skip and not (rows and rows[0][key] in seen):
            retraces += 1
            if retraces > MOST_RETRACES:
                raise NoProgress("The rows of this list change their order faster than it can be read.")
            skip = max(0, skip - (limit - 1) * 2**retraces // 2)
            continue
        if sampled is not None:
            sampled += rows[:1] + rows[-1:]
        fresh = [row for row in rows if row[key] not in seen]
        seen.update(row[key] for row in fresh)
        for row in fresh:
            if row[key] not in handed_on:
                handed_on.add(row[key])
                yield row
        if fresh:
            stale = retraces = 0
        elif retraces == 0 or len(rows) != limit:
            stale += 1  # on the way forward again after a step back, full pages of known rows are to be expected
        full, more = len(rows) >= limit, answer.get("has_more", False)
        if not (full or more) or (stale >= 2 and len(rows) != limit):
            return
        ids = [row[key] for row in rows]
        if skip == 0:
            first = ids
        elif stale >= MOST_REPEATS and ids == first and not more:
            # One piece of just this many rows, or the first page over and over again: one row more would tell.
            if [row[key] for row in fetch({"_limit": limit + 1, "_skip": 0})["data"]] == first:
                return
            raise NoProgress("This list pays no heed to `_skip`, so its further pages cannot be had.")
        if stale > MOST_RETRACES:  # fewer are what insertions look like, which push known rows into the next page
            raise NoProgress("This list answers with the same page again and again.")
        skip += max(len(rows) - 1, 0)


def window(fetch: Fetch, span: Span, cursor: str, limit: int) -> Iterator[Record]:
    """A list with date filters on `cursor`, `_limit` and `_skip`: one span, halved wherever its offsets reach the cap.

    Halving is right in whatever order Close lists the rows; some lists cannot be ordered by the date they are filtered
    on.
    """
    handed_on: set[str] = set()
    todo = [span]
    while todo:
        part = todo.pop()
        filters = {}
        if part.start is not None:
            filters[f"{cursor}__gte"] = part.start.isoformat()
        if part.end is not None:
            filters[f"{cursor}__lt"] = part.end.isoformat()
        sampled: list[Record] = []

        def ask(page: dict[str, Any], filters: Mapping[str, str] = filters) -> Answer:
            return fetch({**filters, **page})

        try:
            yield from offset(ask, limit, handed_on, sampled)
        except OffsetCapReached:
            pivot = _pivot(part, [row[cursor] for row in sampled if row.get(cursor)])
            todo += [Span(pivot, part.end), Span(part.start, pivot)]


def _pivot(span: Span, dates: list[str]) -> datetime:
    """A whole second inside the span that has rows on both sides, as far as the rows seen tell."""
    seconds = sorted({whole_second(parse_moment(date)) for date in dates})
    inside = [second for second in seconds if span.start is None or second > span.start]
    if inside:
        return inside[len(inside) // 2]
    if seconds and (span.end is None or seconds[-1] + SECOND < span.end):
        return seconds[-1] + SECOND
    raise NoProgress(
        f"More records than Close's offsets reach share one second ({seconds[-1] if seconds else span.start}); "
        "it offers no way to list them all."
    )


def search(fetch: Fetch, span: Span, fields: tuple[str, ...], limit: int) -> Iterator[Record]:
    """`POST /data/search/`, ascending by `fields[0]`, each page anchored at the last second seen.

    Anchoring each page, instead of following the reply's `cursor`, makes the walk independent of the cursor's 30
    seconds and of the 10,000 rows a chain may have, and rows that are edited meanwhile only ever move ahead of it.
    The end is `cursor: null`; a short page is not. A plateau, a page full of rows of one second, is walked by the next
    of `fields`, and on the last of them by cursor.
    """
    yield from _ascending(fetch, {}, span, fields, limit, set())


def _ascending(
    fetch: Fetch, within: Mapping[str, Span], span: Span, fields: tuple[str, ...], limit: int, handed_on: set[str]
) -> Iterator[Record]:
    field, rest = fields[0], fields[1:]
    anchor = span.start
    while True:
        spans = {**within, field: Span(anchor, span.end)}
        answer = fetch({"spans": spans, "sort": fields, "_limit": limit})
        rows: list[Record] = answer["data"]
        yield from _new(rows, handed_on)
        if answer.get("cursor") is None:
            return
        if not rows:
            yield from _chain(fetch, spans, fields, limit, handed_on)
            return
        first, last = (whole_second(parse_moment(row[field])) for row in (rows[0], rows[-1]))
        if last < first or (anchor is not None and first < anchor):
            raise NoProgress(f"Close did not sort its search results by {field}.")
        if last != anchor:
            anchor = last
            if not within:  # ids behind the anchor cannot come again
                handed_on.intersection_update(row["id"] for row in rows)
            continue
        plateau = {**within, field: Span(anchor, anchor + SECOND)}
        if rest:
            yield from _ascending(fetch, plateau, Span(), rest, limit, handed_on)
        else:
            yield from _chain(fetch, plateau, fields, limit, handed_on)
        anchor += SECOND
        if span.end is not None and anchor >= span.end:
            return


def _chain(
    fetch: Fetch, spans: Mapping[str, Span], fields: tuple[str, ...], limit: int, handed_on: set[str]
) -> Iterator[Record]:
    """By cursor, from the beginning again when it is refused; each time round there is less to hand on, so faster."""
    cursor, fresh, empty = None, True, 0
    while empty <= MOST_RETRACES:
        try:
            answer = fetch({"spans": spans, "sort": fields, "_limit": limit, "cursor": cursor})
        except CursorRefused:
            if not fresh:
                raise NoProgress(
                    f"More records than one search can return share the second {_starts(spans)}; "
                    "Close offers no way to list them all."
                ) from None
            cursor, fresh = None, False
            continue
        for row in _new(answer["data"], handed_on):
            fresh = True
            yield row
        empty = 0 if answer["data"] else empty + 1
        cursor = answer.get("cursor")
        if cursor is None:
            return
    raise NoProgress("Close's search answers with one empty page after the other.")


def _starts(spans: Mapping[str, Span]) -> str:
    return " and ".join(f"{span.start} of {field}" for field, span in spans.items())


def events(fetch: Fetch, span: Span, limit: int) -> Iterator[Record]:
    """`/event/`: newest first, `_cursor` leads to the older page; anchored at the last second seen when refused.

    The documentation says to send the date filters only without a cursor, Close's own scripts send them always. Sent
    always here, and not relied on: rows older than the span are dropped, and end the walk.
    """
    handed_on: set[str] = set()
    end, cursor, stale = span.end, None, 0
    while True:
        filters: dict[str, Any] = {"_limit": limit}
        if span.start is not None:
            filters["date_updated__gte"] = span.start.isoformat()
        if end is not None:
            filters["date_updated__lt"] = end.isoformat()
        try:
            answer = fetch({**filters, "_cursor": cursor} if cursor else filters)
        except CursorRefused:
            if stale:
                raise NoProgress("Close refuses the cursors of its event log.") from None
            cursor, stale = None, 1
            continue
        rows: list[Record] = answer["data"]
        inside = rows
        if rows and span.start is not None and parse_moment(rows[-1]["date_updated"]) < span.start:
            inside = [row for row in rows if parse_moment(row["date_updated"]) >= span.start]
        known = len(handed_on)
        yield from _new(inside, handed_on)
        if rows and not inside:
            return
        stale = 0 if len(handed_on) > known else stale + 1
        if inside:
            end = whole_second(parse_moment(inside[-1]["date_updated"])) + SECOND
        cursor = answer.get("cursor_next")
        if not cursor:
            return
        if stale > MOST_RETRACES:
            raise NoProgress("The cursors of Close's event log lead in a circle.")


def _new(rows: list[Record], handed_on: set[str]) -> Iterator[Record]:
    for row in rows:
        if row["id"] not in handed_on:
            handed_on.add(row["id"])
            yield row
