"""The records held, and the tables lists and search see, which may lag behind them."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from close_emulator.behaviour import Behaviour
from close_emulator.store import moments
from close_emulator.store.encoding import Encoder
from close_emulator.store.resource import Resource
from close_emulator.store.table import Row, Table

# How many different times the rows of what is not indexed may be late by.
_LANES = 16


class _Write(NamedTuple):
    """A change lists and search have not seen yet."""

    at: int
    path: str
    row: Row
    gone: bool


class Store:
    """Everything the organisation holds. Callers hold `lock` around what must be one step."""

    def __init__(self, resources: Mapping[str, Resource], clock: Callable[[], int], behaviour: Behaviour) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._behaviour = behaviour
        self._encoder = Encoder()
        self._numbers = count()
        self._by_id: dict[str, Row] = {}
        self._held: dict[str, dict[str, Row]] = {path: {} for path in resources}
        self._tables: dict[str, Table] = {path: Table() for path in resources}
        self._facts = {path: (resource.moments, resource.plain) for path, resource in resources.items()}
        # Writes that are not seen yet, oldest first: of rows, of rows gone, and, by their ids, of what is not indexed.
        self._written: deque[_Write] = deque()
        self._removed: deque[_Write] = deque()
        self._late: tuple[deque[_Write], ...] = tuple(deque() for _ in range(_LANES))
        self._waiting = 0
        self._gone: dict[str, tuple[int, Row]] = {}

    def put(self, resource: Resource, record: Mapping[str, Any], *, keep_place: bool = False) -> Row:
        """Hold a record, or a new version of one; `keep_place` leaves it where it stood among its equals."""
        row_id = str(record[resource.key])
        before = self._by_id.get(row_id)
        if before is not None and before.resource.path != resource.path:
            raise ValueError(f"{row_id} is already held as {before.resource.path}")
        moment_names, plain_names = self._facts[resource.path]
        facts: dict[str, Any] = {name: moments.parse(record.get(name)) for name in moment_names}
        for name in plain_names:
            facts[name] = record.get(name)
        for name, filled in resource.flags:
            facts[name] = record.get(filled) is not None
        number = before.number if before is not None and keep_place else next(self._numbers)
        row = Row(resource, number, self._encoder.encode(record), facts, row_id)
        self._by_id[row_id] = row
        self._gone.pop(row_id, None)
        for path in _paths(resource):
            self._held[path][row_id] = row
            self._show(path, row, gone=False)
        return row

    def remove(self, row_id: str) -> Row:
        """Let a record go."""
        row = self._by_id.pop(row_id)
        if self._behaviour.delete_lag > 0:
            self._gone[row_id] = (self._clock(), row)
        for path in _paths(row.resource):
            del self._held[path][row_id]
            self._show(path, row, gone=True)
        return row

    def row(self, row_id: str) -> Row:
        """The record of that id as it is now."""
        return self._by_id[row_id]

    def find(self, path: str, row_id: str) -> Row | None:
        """The record of that id in that list as it is now."""
        return self._held[path].get(row_id)

    def served(self, row_id: str) -> Row | None:
        """The record of that id as it is now, or as it was when it was deleted a moment ago."""
        row = self._by_id.get(row_id)
        if row is None and row_id in self._gone:
            at, row = self._gone[row_id]
            if self._clock() - at >= self._behaviour.delete_lag * moments.SECOND:
                return None
        return row

    def knows(self, row_id: str) -> bool:
        """Whether there is a record of that id in any list."""
        return row_id in self._by_id

    def held(self, path: str) -> dict[str, Row]:
        """All records of a path as they are now."""
        return self._held[path]

    def shown(self, rows: Iterable[Row]) -> list[Row]:
        """What a page shows of the rows found for it."""
        now = self._behaviour.index_rows == "now"
        found = [self.served(row.id) if now else row for row in rows if row.id not in self._behaviour.hidden]
        return [row for row in found if row is not None]

    def table(self, path: str) -> Table:
        """What lists and search see of a path at this moment."""
        self._settle()
        return self._tables[path]

    def _show(self, path: str, row: Row, *, gone: bool) -> None:
        """Let lists and search see a change, at once or when they have caught up."""
        lags = self._behaviour
        if not (self._waiting or lags.index_lag or lags.delete_lag or lags.event_lag):
            self._apply(path, row, gone=gone)
            return
        lane = self._late[zlib.crc32(row.id.encode()) % _LANES]
        if row.resource.indexed:
            lane = self._removed if gone else self._written
        lane.append(_Write(self._clock(), path, row, gone))
        self._waiting += 1
        self._settle()

    def _waits(self) -> Iterator[tuple[deque[_Write], float]]:
        """The writes that are not seen yet, and after how many seconds they are; rows before rows gone."""
        behaviour = self._behaviour
        yield self._written, behaviour.index_lag
        yield self._removed, max(behaviour.index_lag, behaviour.delete_lag)
        for number, lane in enumerate(self._late):
            share = number / (_LANES - 1) if behaviour.event_order == "mixed" else 1.0
            yield lane, behaviour.event_lag * share

    def _settle(self) -> None:
        """Apply the changes that lists and search have caught up with."""
        if not self._waiting:
            return
        now = self._clock()
        for lane, seconds in self._waits():
            due = now - round(seconds * moments.SECOND)
            while lane and (seconds <= 0 or lane[0].at <= due):
                self._waiting -= 1
                write = lane.popleft()
                self._apply(write.path, write.row, gone=write.gone)

    def _apply(self, path: str, row: Row, *, gone: bool) -> None:
        table = self._tables[path]
        if gone:
            table.discard(row)
        else:
            table.put(row)


def _paths(resource: Resource) -> tuple[str, ...]:
    return (resource.path, resource.listed_under) if resource.listed_under else (resource.path,)
