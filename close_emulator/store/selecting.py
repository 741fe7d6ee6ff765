"""From a table to the rows of one page: ranges by bisection, the rest once per query and not once per page."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from functools import cmp_to_key
from itertools import groupby, islice
from typing import Any

from close_emulator.store.table import NOTHING, Row, Selection, Sort, Table, sortable

HIGHEST = 2**62
Range = tuple[int, int]
"""At or after the first moment, before the second."""
Test = Callable[[Row], bool]


def select(
    table: Table,
    signature: Hashable,
    sort: Sort,
    ranges: dict[str, Range],
    tests: Sequence[Test],
    among: Sequence[Row] | None = None,
) -> Selection:
    """The rows in order that lie in all the ranges and pass all the tests; `among` narrows them beforehand."""
    found = table.selection(signature)
    if found is None:
        found = _select(table, sort, dict(ranges), tests, among)
        table.remember(signature, found)
    return found


def _select(
    table: Table, sort: Sort, ranges: dict[str, Range], tests: Sequence[Test], among: Sequence[Row] | None
) -> Selection:
    if among is None:
        index = table.index(sort)
        start, stop = 0, len(index.rows)
        if sort and sort[0][0] in ranges:
            start, stop = index.between(*ranges.pop(sort[0][0]))
        elif ranges:
            among = _narrowed(table, ranges)
    if among is not None:
        index = table.sorted_among(among, sort)
        start, stop = 0, len(index.rows)
    if not ranges and not tests:
        return Selection(index.rows, start, max(start, stop))
    bounds = list(ranges.items())
    rows = [
        row
        for row in islice(index.rows, start, stop)
        if all(low <= _moment(row, field) < high for field, (low, high) in bounds) and all(test(row) for test in tests)
    ]
    return Selection(rows, 0, len(rows))


def _narrowed(table: Table, ranges: dict[str, Range]) -> Sequence[Row]:
    """The rows in one of the ranges when the order asked for is that of another field."""
    field, bounds = next(iter(ranges.items()))
    index = table.index(((field, False),))
    start, stop = index.between(*bounds)
    return index.rows[start:stop]


def _moment(row: Row, field: str) -> int:
    value = row.facts.get(field)
    return value if isinstance(value, int) else NOTHING


def page(selection: Selection, skip: int, limit: int, sort: Sort, shuffle_with: int | None) -> list[Row]:
    """A page of the selection; with a number, rows with equal sort keys are dealt anew by it.

    A list without an order has no ties: it would be dealt anew as a whole, and could not be paged through at all.
    """
    first = min(selection.start + skip, selection.stop)
    last = min(first + limit, selection.stop)
    rows = selection.rows
    if shuffle_with is None or not sort or first >= last:
        return rows[first:last]

    def key(row: Row) -> tuple[object, ...]:
        return tuple(row.value(field) for field, _ in sort)

    low, high = first, last
    while low > selection.start and key(rows[low - 1]) == key(rows[first]):
        low -= 1
    while high < selection.stop and key(rows[high]) == key(rows[last - 1]):
        high += 1
    dealer = random.Random(shuffle_with)
    dealt: list[Row] = []
    for _, ties in groupby(rows[low:high], key):
        tied = list(ties)
        dealer.shuffle(tied)
        dealt.extend(tied)
    return dealt[first - low : last - low]


def key_of(row: Row, sort: Sort) -> list[Any]:
    """A row's place in an order by itself: its sort values, and what settles ties."""
    return [*(row.value(field) for field, _ in sort), row.number]


def passed(selection: Selection, sort: Sort, key: Sequence[Any]) -> int:
    """How many rows of the selection stand at or before the place of that key."""
    signs = [-1 if descends else 1 for _, descends in sort]
    signs.append(signs[0] if signs else 1)

    def compare(left: Sequence[Any], right: Sequence[Any]) -> int:
        for one, other, sign in zip(map(sortable, left), map(sortable, right), signs, strict=True):
            if one != other:
                return sign if one > other else -sign
        return 0

    ordered = cmp_to_key(compare)
    place = bisect_right(
        selection.rows,
        ordered(key),
        selection.start,
        selection.stop,
        key=lambda row: ordered(key_of(row, sort)),
    )
    return place - selection.start
