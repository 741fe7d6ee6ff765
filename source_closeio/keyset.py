"""`POST /data/search/`: how one page leads to the next. No sockets, no clocks.

Each page is anchored at the last second seen, instead of following the reply's `cursor`. That makes the walk
independent of the cursor's 30 seconds and of the 10,000 rows that a chain of cursors may have, and rows that are edited
meanwhile only ever move ahead of it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from .pagination import (
    MOST_EMPTY_PAGES,
    MOST_REPEATS,
    MOST_ROUNDS,
    SECOND,
    Answer,
    CursorRefused,
    Fetch,
    NoProgress,
    Pages,
    RowsMoved,
    created,
    new,
    passed_over,
)
from .records import Record
from .windows import Span, parse_moment, whole_second

LONGEST_CHAIN = 10_000
"""Rows that one chain of cursors gives (https://developer.close.com/api/resources/advanced-filtering)."""


def search(fetch: Fetch, span: Span, fields: tuple[str, ...], limit: int) -> Iterator[Record]:
    """The rows whose `fields[0]` lies in the span, ascending by it.

    The end is `cursor: null`; a short page is not. A plateau, a page full of rows of one second, is walked by the next
    of `fields`, and on the last of them by cursor.

    An anchor is trusted when a row of its second, seen on the page before, comes again. Search may find rows by an
    index that is late and show them as they are now: then an edited row stands far before the place of its new date.
    Where no such row comes again the walk steps back to an earlier second of that page.
    fetch: is given `spans` by field, `sort` fields, `_limit`, and for a chain of cursors `cursor` and `include_counts`.
    """
    yield from _ascending(Pages(fetch, limit), {}, span, fields, set())


def _ascending(
    pages: Pages, within: Mapping[str, Span], span: Span, fields: tuple[str, ...], handed_on: set[str]
) -> Iterator[Record]:
    field = fields[0]
    trusted = anchor = span.start
    seconds: dict[datetime, set[str]] = {}
    """The later seconds of the page that `trusted` begins, with the ids of their rows."""
    owed: set[str] = set()
    doubts = 0
    while anchor is None or anchor in span or anchor == span.start:
        spans = {**within, field: Span(anchor, span.end)}
        shown: set[str] = set()
        asking = Pages(_noting(pages, shown), pages.limit)
        answer = asking({"spans": spans, "sort": fields})
        rows: list[Record] = answer["data"]
        yield from new(rows, handed_on)
        more = answer.get("cursor") is not None
        inside = [(second, row["id"]) for row in rows if (second := _second(row[field])) in spans[field]]
        plateau = anchor if more and inside and all(second == anchor for second, _ in inside) else None
        if plateau is not None:
            yield from _one_second(asking, within, plateau, fields, handed_on)

        if owed and not owed & shown:
            lower = sorted(seconds)[: (len(seconds) + 1) // 2]
            if lower:
                anchor = lower[-1]
                owed = seconds[anchor]
                seconds = {second: seconds[second] for second in lower[:-1]}
            elif doubts < MOST_REPEATS:  # the row that was to come again may have been edited
                anchor, owed, doubts = trusted, set(), doubts + 1
            elif trusted is None:
                yield from _chain(pages, {**within, field: span}, fields, handed_on)
                return
            else:
                yield from _one_second(pages, within, trusted, fields, handed_on)
                trusted = anchor = trusted + SECOND
                owed, doubts = set(), 0
            continue
        if not more:
            return
        if anchor != trusted:
            doubts = 0
        if not within:  # ids before the anchor cannot come again
            handed_on &= shown | owed
        trusted, owed = anchor, set()
        if plateau is not None:
            trusted = anchor = plateau + SECOND
            continue
        seconds = {}
        for second, row_id in inside:
            if second != anchor:
                seconds.setdefault(second, set()).add(row_id)
        unsorted = sum(after < before for (before, _), (after, _) in pairwise(inside))
        if not seconds or unsorted * 4 > len(inside):
            yield from _chain(pages, spans, fields, handed_on)
            return
        anchor = max(seconds)
        owed = seconds.pop(anchor)


def _one_second(
    pages: Pages, within: Mapping[str, Span], second: datetime, fields: tuple[str, ...], handed_on: set[str]
) -> Iterator[Record]:
    spans = {**within, fields[0]: Span(second, second + SECOND)}
    if len(fields) > 1:
        yield from _ascending(pages, spans, Span(), fields[1:], handed_on)
    else:
        yield from _chain(pages, spans, fields, handed_on)


def _chain(pages: Pages, spans: Mapping[str, Span], fields: tuple[str, ...], handed_on: set[str]) -> Iterator[Record]:
    """By cursor, round after round until one brings nothing new: a cursor may be a place in an order that changes.

    A refused cursor ends its round; each time round there is less to hand on, so it is faster.
    """
    newest: str | None = None
    for _ in range(MOST_ROUNDS):
        cursor, total, reached, came, empty, latest = None, 0, 0, 0, 0, ""
        late: list[str] = []
        whole = True
        while True:
            try:
                answer = pages({"spans": spans, "sort": fields, "cursor": cursor, "include_counts": True})
            except CursorRefused:
                whole = False
                break
            rows: list[Record] = answer["data"]
            for row in new(rows, handed_on):
                late.append(created(row))
                yield row
            latest = max([latest, *map(created, rows)])
            reached, came, total = min(reached + pages.limit, LONGEST_CHAIN), came + len(rows), total or _total(answer)
            empty = 0 if rows else empty + 1
            if empty > MOST_EMPTY_PAGES:
                raise NoProgress("Close's search answers with one empty page after the other.")
            cursor = answer.get("cursor")
            if cursor is None:
                break
        # At its cap a chain may be refused, or end as if nothing followed.
        if not whole or came >= LONGEST_CHAIN or reached < total:
            if not late:
                raise NoProgress(
                    f"More records than one search can return share {_told(spans)}; "
                    "Close offers no way to list them all."
                )
        elif reached == pages.limit or (newest is not None and not passed_over(late, newest)):
            return
        else:
            newest = latest if newest is None else newest
    raise RowsMoved


def _total(answer: Answer) -> int:
    count = answer.get("count")
    total = count.get("total") if isinstance(count, dict) else None
    return total if isinstance(total, int) else 0


def _told(spans: Mapping[str, Span]) -> str:
    return " and ".join(f"the {field} from {span.start} to {span.end}" for field, span in spans.items())


def _second(value: str) -> datetime:
    return whole_second(parse_moment(value))


def _noting(fetch: Fetch, ids: set[str]) -> Fetch:
    """The same, but takes the ids of all rows that come."""

    def ask(asked: dict[str, object]) -> Answer:
        answer = fetch(asked)
        ids.update(row["id"] for row in answer["data"])
        return answer

    return ask
