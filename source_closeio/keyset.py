"""`POST /data/search/`: how one page leads to the next. No sockets, no clocks.

Each page is anchored at the last second seen, instead of following the reply's `cursor`. That makes the walk
independent of the cursor's 30 seconds and of the 10,000 rows that a chain of cursors may have, and rows that are edited
meanwhile only ever move ahead of it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from .pagination import MOST_REPEATS, Fetch, Linked, Pages, Share, alone, chain, new
from .records import Record
from .windows import SECOND, Rest, Span, second_of


def search(fetch: Fetch, span: Span, fields: tuple[str, ...], limit: int, share: Share = alone) -> Iterator[Record]:
    """The rows whose `fields[0]` lies in the span, ascending by it.

    The end is `cursor: null`; a short page is not. A plateau, a page full of rows of one second, is walked by the next
    of `fields`, and on the last of them by cursor.

    An anchor is trusted when a row of its second, seen on the page before, comes again. Search may find rows by an
    index that is late and show them as they are now: then an edited row stands far before the place of its new date.
    Where no such row comes again the walk steps back to an earlier second of that page.
    fetch: is given `spans` by field, `sort` fields, `_limit`, and for a chain of cursors `cursor` and `include_counts`.
    """
    yield from _ascending(Pages(fetch, limit), {}, span, fields, set(), set(), share)


def _ascending(
    pages: Pages,
    within: Mapping[str, Span],
    span: Span,
    fields: tuple[str, ...],
    handed_on: set[str],
    shown: set[str],
    share: Share = alone,
) -> Iterator[Record]:
    """within: the spans of other fields. shown: takes the ids of all rows that come."""
    field = fields[0]
    trusted = anchor = span.start
    seconds: dict[datetime, set[str]] = {}
    """The later seconds of the page that `trusted` begins, with the ids of their rows."""
    owed: set[str] = set()
    older, newer = set[str](), set[str]()
    doubts = 0
    while anchor is None or anchor in span:
        spans = {**within, field: Span(anchor, span.end)}
        answer = pages({"spans": spans, "sort": fields})
        rows: list[Record] = answer["data"]
        yield from new(rows, handed_on)
        came = {row["id"] for row in rows}
        more = answer.get("cursor") is not None
        inside = [(second, row["id"]) for row in rows if (second := second_of(row[field])) in spans[field]]
        plateau = anchor if more and inside and all(second == anchor for second, _ in inside) else None
        if plateau is not None:
            yield from _one_second(pages, within, plateau, fields, handed_on, came)
        shown |= came
        newer |= came

        if owed and not owed & came:
            lower = sorted(seconds)[: (len(seconds) + 1) // 2]
            if lower:
                anchor = lower[-1]
                owed = seconds[anchor]
                seconds = {second: seconds[second] for second in lower[:-1]}
            elif doubts < MOST_REPEATS:  # the row that was to come again may have been edited
                anchor, owed, doubts = trusted, set(), doubts + 1
            elif trusted is None:
                yield from _chain(pages, {**within, field: span}, fields, handed_on, shown)
                return
            else:
                yield from _one_second(pages, within, trusted, fields, handed_on, shown)
                trusted = anchor = trusted + SECOND
                owed, doubts = set(), 0
            continue
        if not more:
            return
        if anchor != trusted:
            doubts = 0
        if not within:  # ids before the anchor cannot come again
            handed_on &= older | newer | owed
            older, newer = newer, set()
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
            yield from _chain(pages, spans, fields, handed_on, shown)
            return
        anchor = max(seconds)
        owed = seconds.pop(anchor)
        middle = Span(anchor + SECOND, span.end).middle
        if middle is not None:
            span = Span(span.start, share(Rest(Span(trusted, span.end), middle)).end)


def _one_second(
    pages: Pages,
    within: Mapping[str, Span],
    second: datetime,
    fields: tuple[str, ...],
    handed_on: set[str],
    shown: set[str],
) -> Iterator[Record]:
    spans = {**within, fields[0]: Span(second, second + SECOND)}
    if len(fields) > 1:
        yield from _ascending(pages, spans, Span(), fields[1:], handed_on, shown)
    else:
        yield from _chain(pages, spans, fields, handed_on, shown)


def _chain(
    pages: Pages, spans: Mapping[str, Span], fields: tuple[str, ...], handed_on: set[str], shown: set[str]
) -> Iterator[Record]:
    def ask(cursor: object) -> Linked:
        answer = pages({"spans": spans, "sort": fields, "cursor": cursor, "include_counts": True})
        count = answer.get("count")
        return answer["data"], answer.get("cursor"), count.get("total") if isinstance(count, dict) else None

    where = " and ".join(f"the {field} from {span.start} to {span.end}" for field, span in spans.items())
    yield from chain(ask, pages, where, handed_on, shown)
