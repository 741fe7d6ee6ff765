"""How one page leads to the next, for each way in which Close can be walked. No sockets, no clocks.

Each walk is a generator of records that asks for pages through `fetch`. They keep exact by one mechanism: wherever a
page does not join the one before (rows moved, ties came in another order, the offset cap, a plateau of equal dates, an
expired cursor), the walk takes up again at a record or a date that it is sure of, and drops the ids that it has already
handed on. A walk that gets nowhere raises `NoProgress`; it never ends early without a word.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from .errors import CursorRefused, NoProgress, OffsetCapReached, PageTooLarge, RowsMoved
from .proof import MOST_ROUNDS, Lap, Proof
from .records import Record
from .windows import SECOND, Rest, Span, parse_moment, second_of, whole_second

Answer = Mapping[str, Any]
Fetch = Callable[[dict[str, Any]], Answer]
"""Takes query parameters (or, for search, what makes its body), returns the decoded JSON object."""

Share = Callable[[Rest], Span]
"""Asked after a page that is not the last, or where a walk cannot go on in one piece: the part of the rest that it goes
on with; others read the other."""

MOST_STEPS_BACK = 20
"""In search of pages that join; each step is twice as long as the one before."""

MOST_STALE = 20
MOST_GAPS = 1000
MOST_REPEATS = 3

LONGEST_CHAIN = 10_000
"""Rows that one chain of search's cursors gives (https://developer.close.com/api/resources/advanced-filtering)."""

MOST_EMPTY_PAGES = 100
"""Pages in a row without a row though more is said to follow: a bulk delete that the index has not seen yet."""


def alone(rest: Rest) -> Span:
    """Nobody else reads."""
    return rest.span


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

    It is gone round until that is proven.
    handed_on: ids not to be handed on again. key: tells rows apart.
    """
    yield from _rounds(Pages(fetch, limit), {}, handed_on, key)


def _rounds(pages: Pages, filters: Mapping[str, str], handed_on: set[str], key: str = "id") -> Iterator[Record]:
    proof = Proof()
    for turn in range(MOST_ROUNDS):
        lap = Lap()
        yield from _round(pages, filters, key, lap, handed_on, 0 if turn else MOST_STEPS_BACK)
        if proof.given_by(lap):
            return
    raise RowsMoved


def _round(
    pages: Pages, filters: Mapping[str, str], key: str, lap: Lap, handed_on: set[str], steps_back: int
) -> Iterator[Record]:
    """Once through a list.

    Pages overlap by one row. If a page does not begin with a row of this round, rows before it went away, and the round
    goes back until it does, so many times. `has_more` is never believed alone: a full page is followed by another
    request, and so is a short one that says there is more, some of whose rows Close does not show. A list that Close
    gives in one piece, whatever `_limit` and `_skip` say, ends when it comes again.
    """
    first: list[str] = []
    last, joins = "", False
    skip = stale = same = steps = gaps = empty = 0
    while True:
        answer = pages({**filters, "_skip": skip})
        rows: list[Record] = answer["data"]
        yield from new(rows, handed_on, key)
        ids = [row[key] for row in rows]
        if joins and not (ids and ids[0] in lap.seen):
            lap.still = False
            steps, gaps = steps + 1, gaps + 1
            if gaps > MOST_GAPS:
                raise RowsMoved
            if gaps <= steps_back:
                skip = max(0, skip - (pages.limit - 1) * 2**steps // 2)
                joins = skip > 0
                continue
        came = lap.take(rows, key, skip)
        full, more = len(rows) >= pages.limit, bool(answer.get("has_more"))
        same = same + 1 if skip and ids and ids == first else 0
        if same == MOST_REPEATS:
            # One piece of just this many rows, or the first page over and over again: one row more would tell.
            if len(rows) > pages.limit or not (more or pages.shows_more_than(first, key)):
                lap.still = True
                return
            raise NoProgress("This list answers with the same page again and again.")
        lap.twice = lap.twice or came < len(ids) - (joins and ids[:1] == [last])
        lap.still = lap.still and not lap.twice and (full or not more)
        if more and not full:
            lap.length = None  # it lies, or counts rows that it does not show
        elif rows and lap.length is not None:
            lap.length = max(lap.length, skip + len(rows))
        if not (full or more):
            return
        empty = 0 if rows else empty + 1
        if empty > MOST_EMPTY_PAGES:
            raise NoProgress("This list says that it goes on, and shows no more rows.")
        if came:
            stale = steps = 0
        elif rows and (steps == 0 or len(rows) != pages.limit):
            stale += 1  # on the way forward again after a step back, full pages of known rows are to be expected
        # Not yet a circle: pages of known rows are what insertions look like, and ties in another order each time.
        if stale > MOST_STALE and skip > 4 * len(lap.seen):
            raise NoProgress("This list answers with the same page again and again.")
        if skip == 0:
            first = ids
        skip, last, joins = (skip + len(rows) - 1, ids[-1], True) if full else (skip + pages.limit, "", False)


def window(
    fetch: Fetch,
    span: Span,
    cursor: str,
    limit: int,
    order: str | None = None,
    known: Collection[str] = (),
    share: Share = alone,
) -> Iterator[Record]:
    """A list with date filters on `cursor`, `_limit` and `_skip`: one span, parted wherever its pages do not join.

    Where pages follow each other without a gap and without a row twice, and end where the list ends, nothing was passed
    over, in whatever order Close lists the rows. Where they do not, or reach the offset cap, the span is parted at the
    median of the dates seen: what fits into one page cannot be read wrongly. A second that does not is gone round like
    a list without dates.
    order: the date that Close lists the rows by, if it is not `cursor`.
    known: ids not to be handed on again. share: asked only while what is left is in one piece.
    """
    pages, handed_on, todo = Pages(fetch, limit), set(known), [span]
    while todo:
        part = _Shrinking(todo.pop(), share, handed_on, known)
        dates: list[str] = []
        try:
            yield from _joined(pages, part, cursor, order or cursor, handed_on, dates)
        except _BeginAgain:
            todo.append(part.span)
        except (OffsetCapReached, RowsMoved):
            pivot = _pivot(part.span, dates)
            if pivot is None:
                yield from _one_second(pages, filters_of(part.span, cursor), handed_on)
                continue
            known = frozenset(handed_on)
            kept = share(Rest(part.span, pivot, known=known, must_part=True))
            todo.append(kept)
            if kept == part.span:  # nobody took the other half
                share = alone
                todo[-1:] = [Span(pivot, part.span.end), Span(part.span.start, pivot)]


class _BeginAgain(Exception):
    """The span became shorter, and its rows have other places now."""


class _Shrinking:
    """A span that becomes shorter while it is read, when another reader takes what is left of it."""

    def __init__(self, span: Span, share: Share, handed_on: set[str], known: Collection[str]) -> None:
        """known: what had been handed on when the span was begun."""
        self.span = span
        self._share = share
        self._handed_on = handed_on
        self._known = known
        self._is_first = True

    def offer(self, dates: list[str], in_order: bool) -> None:
        """dates: those seen so far, the last page's last. in_order: the list is in the order of these dates.

        Then the places of the rows seen stay the same without those that lie behind them, be they older or newer; if
        not, the next page does not join.
        """
        if not in_order:
            is_first, self._is_first = self._is_first, False
            if not is_first:  # more would be read again than is left to others
                return
            pivot, before = second_of(sorted(dates)[len(dates) // 2]), self.span
            if pivot in before and pivot != before.start:
                self.span = self._share(Rest(before, pivot, None, self._handed_on))
                if self.span != before:
                    raise _BeginAgain
            return
        first, last = second_of(dates[0]), second_of(dates[-1])
        if first == last or last not in self.span:
            return
        unread = Span(self.span.start, last) if last < first else Span(last + SECOND, self.span.end)
        if unread.middle is not None:
            self.span = self._share(Rest(self.span, unread.middle, last if last < first else None, self._known))


def _joined(
    pages: Pages, part: _Shrinking, cursor: str, order: str, handed_on: set[str], dates: list[str]
) -> Iterator[Record]:
    """Once through a span; RowsMoved where a page does not join the one before, or repeats a row.

    A page begins again with the last row that has another date than those behind it. If that row is still in its place,
    nothing behind it was passed over, though rows of one date may come in another order with each request.
    dates: takes those of the rows.
    """
    here: set[str] = set()
    skip, first = 0, ""
    again: set[str] = set()
    """The rows of the page before, from `first` on."""
    short: list[list[str]] = []
    """The ids of pages that were not full and said that more follows."""
    while True:
        filters = filters_of(part.span, cursor)
        answer = pages({**filters, "_skip": skip})
        rows: list[Record] = answer["data"]
        dates += [row[cursor] for row in rows if row.get(cursor)]
        yield from new(rows, handed_on)
        ids = [row["id"] for row in rows]
        fresh, known = [each for each in ids if each not in again], len(here)
        here.update(fresh)
        if (first and ids[:1] != [first]) or len(here) < known + len(fresh) or (short and rows):
            raise RowsMoved
        if len(rows) >= pages.limit:
            seconds = [str(row.get(order))[:19] for row in rows]
            others = [at for at in range(1, len(rows)) if seconds[at] != seconds[-1]]
            if not others:
                raise RowsMoved
            skip, first, again = skip + others[-1], ids[others[-1]], set(ids[others[-1] :])
            part.offer(dates, order == cursor)
        elif answer.get("has_more"):
            # It lies, or counts rows that it does not show; then what follows cannot be seen to join.
            short = [*short, ids]
            if len(short) > MOST_EMPTY_PAGES:
                raise NoProgress("This list says that it goes on, and shows no more rows.")
            skip, first, again = skip + pages.limit, "", set()
        else:
            begin = skip - pages.limit * len(short)
            if short and short[0] != [row["id"] for row in pages({**filters, "_skip": begin})["data"]]:
                raise RowsMoved
            return


def _one_second(pages: Pages, filters: Mapping[str, str], handed_on: set[str]) -> Iterator[Record]:
    try:
        yield from _rounds(pages, filters, handed_on)
    except OffsetCapReached:
        raise NoProgress(
            f"More records than Close's offsets reach share one second ({', '.join(filters.values()) or 'any'}); "
            "it offers no way to list them all."
        ) from None


def filters_of(span: Span, cursor: str) -> dict[str, str]:
    bounds = {f"{cursor}__gte": span.start, f"{cursor}__lt": span.end}
    return {name: moment.isoformat() for name, moment in bounds.items() if moment is not None}


def _pivot(span: Span, dates: list[str]) -> datetime | None:
    """A whole second inside the span, with rows on both sides as far as the dates tell; None if it is one second."""
    seconds = sorted({second_of(date) for date in dates})
    inside = [second for second in seconds if second in span and second != span.start]
    if inside:
        return inside[len(inside) // 2]
    if seconds and seconds[-1] + SECOND in span and seconds[-1] + SECOND != span.start:
        return seconds[-1] + SECOND
    if span.start is not None and span.end is not None and span.end - span.start > SECOND:
        return whole_second(span.start + (span.end - span.start) / 2)
    return None


def events(fetch: Fetch, span: Span, limit: int, share: Share = alone) -> Iterator[Record]:
    """`/event/`, newest first, each page asked for up to the last second seen.

    So it does not matter how long a cursor lives, and whether it is a key or a place in a log that changes; cursors
    lead only through a second that fills a page. The documentation says to send the date filters without a cursor only,
    Close's own scripts send them always: sent always here, and rows outside of the span are not handed on.
    """
    pages, handed_on, end = Pages(fetch, limit), set[str](), span.end
    while end is None or span.start is None or end > span.start:
        answer = pages(filters_of(Span(span.start, end), "date_updated"))
        rows: list[Record] = answer["data"]
        inside = [row for row in rows if parse_moment(row["date_updated"]) in span]
        yield from new(inside, handed_on)
        if not rows and answer.get("cursor_next"):  # of rows that are counted and not shown
            yield from _linked_events(pages, span, end, handed_on)
            return
        if not inside or not answer.get("cursor_next"):
            return
        second = second_of(inside[-1]["date_updated"])
        if end is None or second + SECOND < end:
            end = second + SECOND
        else:
            yield from _linked_events(pages, Span(second, span.end), second + SECOND, handed_on)
            end = second
        middle = Span(span.start, second).middle
        if middle is not None:
            span = share(Rest(span, middle, second))


def _linked_events(pages: Pages, span: Span, end: datetime | None, handed_on: set[str]) -> Iterator[Record]:
    """By cursor, from `end` to the beginning of the span; rows of the whole span are handed on."""
    filters = filters_of(Span(span.start, end), "date_updated")

    def ask(cursor: object) -> Linked:
        answer = pages({**filters, "_cursor": cursor} if cursor else filters)
        rows = [row for row in answer["data"] if parse_moment(row["date_updated"]) in span]
        # Were the filters not heeded beside a cursor, it would lead to the beginning of the log.
        over = answer["data"] and not rows
        return rows, None if over else answer.get("cursor_next"), None

    yield from chain(ask, pages, f"the events from {span.start} to {end}", handed_on, set())


Linked = tuple[list[Record], object, int | None]
"""The rows of a page, the cursor of the next one if there is one, and the number of rows of all pages if it is said."""


def chain(
    ask: Callable[[object], Linked], pages: Pages, where: str, handed_on: set[str], shown: set[str]
) -> Iterator[Record]:
    """Page after page by cursor, round after round until all is seen: a cursor may be a place in an order that changes.

    ask: takes a cursor, None for the first page, and asks `pages`. where: what is walked, for the sentence about too
    many records. shown: takes the ids of all rows that come.
    """
    proof, cut, before = Proof(), 0, -1
    for _ in range(MOST_ROUNDS):
        lap, cursor = Lap(), None
        totals: set[int | None] = set()
        count = came = fresh = stale = 0
        refused = False
        while count == 0 or cursor is not None:
            try:
                rows, cursor, total = ask(cursor)
            except CursorRefused:
                refused = True
                break
            totals.add(total)
            for row in new(rows, handed_on):
                fresh += 1
                yield row
            first_seen = lap.take(rows, "id", count)
            lap.twice = first_seen < len(rows) or lap.twice
            stale = 0 if first_seen else stale + 1
            if stale > MOST_EMPTY_PAGES:
                raise NoProgress("Close's cursors lead in a circle, or through one empty page after the other.")
            count, came = count + 1, came + len(rows)
        shown.update(lap.seen)
        lap.length = max((total for total in totals if total is not None), default=None)
        lap.still = not lap.twice and (count == 1 or totals == {len(lap.seen)})
        # At its cap a chain may be refused, or end as if nothing followed.
        short = lap.length is not None and min(count * pages.limit, LONGEST_CHAIN) < lap.length
        if not (refused or short or came >= LONGEST_CHAIN) and proof.given_by(lap):
            return
        stuck = (refused or came >= LONGEST_CHAIN or (short and came == before)) and not fresh
        cut, before = cut + 1 if stuck else 0, came
        if cut == MOST_REPEATS:
            raise NoProgress(f"More records than cursors lead to share {where}; Close offers no way to list them all.")
    raise RowsMoved


def new(rows: list[Record], handed_on: set[str], key: str = "id") -> Iterator[Record]:
    for row in rows:
        if row[key] not in handed_on:
            handed_on.add(row[key])
            yield row
