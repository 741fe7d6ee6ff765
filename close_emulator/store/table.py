"""What lists and search see of one resource: its rows, and sorted indexes over them which are built when asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from close_emulator.store.encoding import Encoded
from close_emulator.store.resource import Resource

# Sorts before every moment and number; what a null counts as.
NOTHING = -(2**62)
# A benchmark pages through many windows of one table; a handful of them are in use at a time.
_SELECTIONS = 256

Sort = tuple[tuple[str, bool], ...]
"""Fields to sort by, each with whether it descends."""


class Row:
    """One version of a record; an edit makes a new row."""

    __slots__ = ("encoded", "facts", "id", "number", "resource", "tail")

    def __init__(self, resource: Resource, number: int, encoded: Encoded, facts: dict[str, Any], row_id: str) -> None:
        self.resource = resource
        self.number = number
        """Order in which records were made; settles ties."""
        self.encoded = encoded
        self.facts = facts
        """Moments, and the plain values lists filter by."""
        self.id = row_id
        self.tail: bytes | None = None
        """The deprecated dictionary of a lead, once it has been asked for."""

    def value(self, field: str) -> Any:
        """A field's value: a moment for the fields which are moments."""
        return self.facts[field] if field in self.facts else self.encoded.value(field)


class Index:
    """Rows in one order, with the keys to find a range of moments by."""

    def __init__(self, rows: list[Row], sort: Sort) -> None:
        descends = bool(sort) and sort[0][1]
        self.rows = sorted(rows, key=lambda row: -row.number if descends else row.number)
        for field, descending in reversed(sort):
            self.rows.sort(key=lambda row, field=field: sortable(row.value(field)), reverse=descending)  # type: ignore[misc]
        self.field = sort[0][0] if sort else None
        self._descends = descends
        self._keys: list[int] | None = None

    def between(self, low: int, high: int) -> tuple[int, int]:
        """Where the rows stand whose leading moment is at or after `low` and before `high`."""
        if self._keys is None:
            sign = -1 if self._descends else 1
            self._keys = [sign * _moment(row.facts.get(self.field or "")) for row in self.rows]
        if self._descends:
            return bisect_left(self._keys, -high + 1), bisect_left(self._keys, -low + 1)
        return bisect_left(self._keys, low), bisect_left(self._keys, high)


@dataclass(frozen=True, eq=False)
class Selection:
    """A stretch of an ordered list of rows."""

    rows: list[Row]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Table:
    """The rows of one path."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._indexes: dict[Sort, Index] = {}
        self._groups: dict[str, dict[Any, list[Row]]] = {}
        self._selections: dict[Hashable, Selection] = {}

    def put(self, row: Row) -> None:
        """Add a row, or a new version of one."""
        self.rows[row.id] = row
        self._forget()

    def discard(self, row: Row) -> None:
        """Remove a row, unless another version has come."""
        if self.rows.get(row.id) is row:
            del self.rows[row.id]
            self._forget()

    def of(self, ids: Iterable[str]) -> list[Row]:
        """The rows of these ids that are here."""
        return [self.rows[row_id] for row_id in ids if row_id in self.rows]

    def _forget(self) -> None:
        if self._indexes or self._groups or self._selections:
            self._indexes, self._groups, self._selections = {}, {}, {}

    def index(self, sort: Sort) -> Index:
        """The rows in that order."""
        found = self._indexes.get(sort)
        if found is None:
            found = self._indexes[sort] = Index(list(self.rows.values()), sort)
        return found

    def sorted_among(self, rows: Sequence[Row], sort: Sort) -> Index:
        """Some of the rows in that order; not kept."""
        return Index(list(rows), sort)

    def group(self, field: str, value: object) -> list[Row]:
        """The rows whose field has that value."""
        groups = self._groups.get(field)
        if groups is None:
            groups = self._groups[field] = {}
            for row in self.rows.values():
                groups.setdefault(row.facts.get(field), []).append(row)
        return groups.get(value, [])

    def selection(self, signature: Hashable) -> Selection | None:
        """What an earlier request with the same filters and order found, if nothing has changed since."""
        return self._selections.get(signature)

    def remember(self, signature: Hashable, selection: Selection) -> None:
        """Keep what a request found for the pages that follow."""
        if len(self._selections) >= _SELECTIONS:
            self._selections.pop(next(iter(self._selections)))
        self._selections[signature] = selection


def _moment(value: Any) -> int:
    return value if isinstance(value, int) else NOTHING


def sortable(value: Any) -> tuple[int, float | str]:
    """Nulls first, then numbers and moments, then text."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool | int | float):
        return (1, value)
    return (2, str(value))
