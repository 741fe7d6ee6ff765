"""A Close without sockets: lists, search and the event log over rows that change whenever they are told to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zlib import crc32

from source_closeio.errors import CursorRefused, OffsetCapReached, PageTooLarge
from source_closeio.windows import Span

Row = dict[str, Any]
Operation = tuple[str, int, int]
"""A method of `LivingClose`, which row (counted in the order of the list), and how: a time, a place, a seed, a size."""

Found = list[tuple[tuple[int, ...], str]]
"""Rows in their order: what they are sorted by, and the id."""

BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOW = 20
"""In half seconds, like all times here: later than every row that the list begins with and every end of a span."""

MOST_REQUESTS = 4_000

NEVER = 10**6


@dataclass(frozen=True)
class Switches:
    """How this Close behaves, wherever its documents leave it open.

    order: of lists; by a date, or by places that no date tells. apart: so many seconds lie between two seconds of rows.
    ties_anew: equal rows come in another order with each request. whole_seconds: search sorts by whole seconds.
    late: the index shows what happened so many steps ago; a step is an operation, requests included. as_now: rows are
    found and sorted by the index, but shown as they are now; one that is deleted counts, and is not shown.
    has_more: given at all. offset_cap: the highest `_skip`. page_cap: the highest `_limit`.
    by_position: a cursor is a place in the list; otherwise what its last row was sorted by.
    chain: rows that one chain of cursors gives. chain_ends: with `cursor: null`, as if nothing followed; otherwise the
    next cursor is refused. cursors_refused: all of them.
    """

    order: str = "-date_created"
    apart: int = 1
    ties_anew: bool = False
    whole_seconds: bool = False
    late: int = 0
    as_now: bool = False
    has_more: bool = True
    offset_cap: int = NEVER
    page_cap: int = NEVER
    by_position: bool = False
    chain: int = NEVER
    chain_ends: bool = False
    cursors_refused: bool = False


@dataclass(frozen=True)
class State:
    """What a row is at one moment."""

    date_created: int
    date_updated: int
    place: int
    hidden: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class Cursor:
    number: int
    given: int
    after: tuple[int, ...]


class LivingClose:
    def __init__(self, switches: Switches, rows: tuple[tuple[int, int, int], ...]) -> None:
        self.switches = switches
        self.versions: dict[str, list[tuple[int, State]]] = {}
        self.step, self.now, self.seed, self.requests = 0, NOW, 0, 0
        self.page_cap = switches.page_cap
        self._lies, self._cursors, self._expired = False, 0, 0
        for row in rows:
            self._write(f"old_{len(self.versions)}", State(*row), -NEVER)

    # What people do.

    def insert(self, which: int, how: int) -> None:
        self._write(f"new_{len(self.versions)}", State(self.now, self.now, how))

    def insert_dated_back(self, which: int, how: int) -> None:
        self._write(f"new_{len(self.versions)}", State(how, how, which))

    def edit(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, date_updated=self.now))

    def date_back_update(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, date_updated=min(state.date_updated, how)))

    def date_back_creation(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, date_created=min(state.date_created, how)))

    def move(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, place=how))

    def delete(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, deleted=True))

    def hide(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, hidden=True))

    def show(self, which: int, how: int) -> None:
        self._change(which, lambda state: replace(state, hidden=False))

    def tick(self, which: int, how: int) -> None:
        self.now += 1

    # What Close does.

    def deal(self, which: int, how: int) -> None:
        """Ties come in another order from now on."""
        self.seed += 1 + how

    def lie(self, which: int, how: int) -> None:
        """The next full page that is followed by rows says that it is not, or the next page that is the last that it is
        not."""
        self._lies = True

    def lower_page_cap(self, which: int, how: int) -> None:
        self.page_cap = min(self.page_cap, max(2, how))

    def expire(self, which: int, how: int) -> None:
        """Cursors that were given out are refused from now on."""
        self._expired = self._cursors

    def happens(self, operation: Operation) -> None:
        name, which, how = operation
        self.step += 1
        getattr(self, name)(which, how)

    # What is asked of it.

    def answer_list(self, asked: Row) -> Row:
        self._ask(asked["_limit"])
        skip, limit = asked["_skip"], asked["_limit"]
        if skip > self.switches.offset_cap:
            raise OffsetCapReached
        found = self._found(bounds(asked))
        part = found[skip : skip + limit]
        more = skip + limit < len(found)
        if self._lies and ((more and len(self._shown(part)) == limit) or not more):
            self._lies, more = False, not more
        return {"data": self._shown(part), **({"has_more": more} if self.switches.has_more else {})}

    def answer_search(self, asked: Row) -> Row:
        self._ask(asked["_limit"])
        found = self._found(asked["spans"], tuple(asked["sort"]))
        part, cursor = self._chained(found, tuple(asked["sort"]), asked.get("cursor"), asked["_limit"])
        count = {"count": {"limited": len(found), "total": len(found)}} if asked.get("include_counts") else {}
        return {"data": self._shown(part), "cursor": cursor, **count}

    def answer_events(self, asked: Row) -> Row:
        self._ask(asked["_limit"])
        found = self._found(bounds(asked), ("-date_updated",))
        part, cursor = self._chained(found, ("-date_updated",), asked.get("_cursor"), asked["_limit"])
        return {"data": self._shown(part), "cursor_next": cursor}

    def within(self, spans: dict[str, Span]) -> dict[str, State]:
        """The rows that are found and shown now, and whose dates lie in the spans both ways; as the index has them."""
        held = {}
        for row_id in self.versions:
            indexed, shown = self._indexed(row_id), self._visible(row_id)
            if indexed is None or shown is None or indexed.deleted:
                continue
            if self.lies_in(indexed, spans) and self.lies_in(shown, spans):
                held[row_id] = indexed
        return held

    def moment(self, half_seconds: int) -> datetime:
        return _moment(half_seconds, self.switches.apart)

    def _ask(self, limit: int) -> None:
        self.step += 1
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise AssertionError(f"This walk does not end within {MOST_REQUESTS} requests.")
        if limit > self.page_cap:
            raise PageTooLarge(self.page_cap)
        if self.switches.ties_anew:
            self.seed += 1

    def _write(self, row_id: str, state: State, step: int | None = None) -> None:
        self.versions.setdefault(row_id, []).append((self.step if step is None else step, state))

    def _change(self, which: int, change: Callable[[State], State]) -> None:
        living = [row_id for row_id, versions in self.versions.items() if not versions[-1][1].deleted]
        if living:
            living.sort(key=lambda row_id: self._place(row_id, self.versions[row_id][-1][1], (self.switches.order,)))
            row_id = living[which % len(living)]
            self._write(row_id, change(self.versions[row_id][-1][1]))

    def _indexed(self, row_id: str) -> State | None:
        for step, state in reversed(self.versions[row_id]):
            if step <= self.step - self.switches.late:
                return state
        return None

    def _visible(self, row_id: str) -> State | None:
        now = self.versions[row_id][-1][1]
        shown = now if self.switches.as_now else self._indexed(row_id)
        return None if shown is None or shown.deleted or now.hidden else shown

    def lies_in(self, state: State, spans: dict[str, Span]) -> bool:
        return all(self.moment(getattr(state, name)) in span for name, span in spans.items())

    def _found(self, spans: dict[str, Span], sort: tuple[str, ...] = ()) -> Found:
        found = []
        for row_id in self.versions:
            state = self._indexed(row_id)
            if state is not None and not state.deleted and self.lies_in(state, spans):
                found.append((self._place(row_id, state, sort or (self.switches.order,)), row_id))
        return sorted(found)

    def _place(self, row_id: str, state: State, sort: tuple[str, ...]) -> tuple[int, ...]:
        coarse = 2 if self.switches.whole_seconds else 1
        values = (getattr(state, name.strip("-")) // coarse * (-1 if name[0] == "-" else 1) for name in sort)
        return (*values, crc32(f"{self.seed} {row_id}".encode()))

    def _shown(self, part: Found) -> list[Row]:
        return [
            {
                "id": row_id,
                "date_created": _text(state.date_created, self.switches.apart),
                "date_updated": _text(state.date_updated, self.switches.apart),
            }
            for _, row_id in part
            if (state := self._visible(row_id)) is not None
        ]

    def _chained(
        self, found: Found, sort: tuple[str, ...], cursor: Cursor | None, limit: int
    ) -> tuple[Found, Cursor | None]:
        begin, given = 0, 0
        if cursor is not None:
            if self.switches.cursors_refused or cursor.number <= self._expired or cursor.given >= self.switches.chain:
                raise CursorRefused
            given = cursor.given
            begin = given if self.switches.by_position else sum(place <= cursor.after for place, _ in found)
        part = found[begin : begin + min(limit, self.switches.chain - given)]
        given += len(part)
        if begin + len(part) >= len(found) or (self.switches.chain_ends and given >= self.switches.chain):
            return part, None
        self._cursors += 1
        return part, Cursor(self._cursors, given, part[-1][0])


def bounds(asked: Row) -> dict[str, Span]:
    bounds: dict[str, dict[str, datetime]] = {}
    for name, value in asked.items():
        date, _, end = name.partition("__")
        if end:
            bounds.setdefault(date, {})[{"gte": "start", "lt": "end"}[end]] = datetime.fromisoformat(value)
    return {date: Span(**each) for date, each in bounds.items()}


@lru_cache(maxsize=4096)
def _moment(half_seconds: int, apart: int) -> datetime:
    return BEGAN + timedelta(seconds=half_seconds // 2 * apart, milliseconds=half_seconds % 2 * 500)


@lru_cache(maxsize=4096)
def _text(half_seconds: int, apart: int) -> str:
    return _moment(half_seconds, apart).isoformat(timespec="milliseconds")
