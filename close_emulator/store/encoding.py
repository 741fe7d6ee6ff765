"""Records as JSON bytes which can be served whole or field by field without being parsed again.

A page of 100 records is a join of 100 byte strings, and a page with `_fields` is a join of slices of them: that is
what lets a single Python process stand in for a large organisation.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping
from itertools import accumulate
from operator import add
from typing import Any

_dumps = json.JSONEncoder(separators=(",", ":")).encode
# Stands between the values while they are encoded in one go; no value of a record is this text.
_MARK = "\x01"
_SPLIT = ',"\\u0001",'


class Layout:
    """The field names of a kind of record in their order; shared by all the records that have the same ones."""

    __slots__ = ("index", "keys", "picks", "prefixes")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.prefixes = [("," if number else "{") + _dumps(key) + ":" for number, key in enumerate(keys)]
        self.index = {key: number for number, key in enumerate(keys)}
        self.picks: dict[tuple[str, ...], tuple[int, ...]] = {}

    def pick(self, fields: tuple[str, ...]) -> tuple[int, ...]:
        """The positions of the named fields, in the order named; `custom` names every `custom.…` field."""
        found = self.picks.get(fields)
        if found is None:
            wanted: dict[int, None] = {}
            for field in fields:
                if field in self.index:
                    wanted[self.index[field]] = None
                if field == "custom":
                    wanted.update({number: None for key, number in self.index.items() if key.startswith("custom.")})
            found = self.picks[fields] = tuple(wanted)
        return found


class Encoded:
    """One record: its JSON text, and where in it each field stands."""

    __slots__ = ("layout", "offsets", "text")

    def __init__(self, layout: Layout, offsets: array[int], text: bytes) -> None:
        self.layout = layout
        self.offsets = offsets
        self.text = text

    def record(self) -> dict[str, Any]:
        """The record itself, a fresh copy."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def value(self, field: str) -> Any:
        """One field's value, None when the record lacks it."""
        number = self.layout.index.get(field)
        if number is None:
            return None
        return json.loads(self.fragment(number).split(b":", 1)[1])

    def fragment(self, number: int) -> bytes:
        """`"name":value` of the field at that position."""
        return self.text[self.offsets[number] + 1 : self.offsets[number + 1]]

    def fragments(self, fields: tuple[str, ...]) -> list[bytes]:
        """`"name":value` of each of the fields the record has."""
        text, offsets = self.text, self.offsets
        return [text[offsets[number] + 1 : offsets[number + 1]] for number in self.layout.pick(fields)]


class Encoder:
    """Encodes records and remembers their layouts."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def encode(self, record: Mapping[str, Any]) -> Encoded:
        """The record as bytes; its field names must be JSON texts, which they always are."""
        keys = tuple(record)
        layout = self._layouts.get(keys)
        if layout is None:
            layout = self._layouts[keys] = Layout(keys)
        items: list[Any] = [_MARK] * (2 * len(keys) - 1) if keys else []
        items[::2] = record.values()
        values = _dumps(items)[1:-1].split(_SPLIT)
        if len(values) != len(keys):
            values = [_dumps(value) for value in record.values()]
        chunks = list(map(add, layout.prefixes, values))
        text = ("".join(chunks) + "}") if chunks else "{}"
        return Encoded(layout, array("I", accumulate(map(len, chunks), initial=0)), text.encode("ascii"))


def dumps(value: object) -> bytes:
    """Compact JSON."""
    return _dumps(value).encode("ascii")


def joined(rows: Iterable[bytes]) -> bytes:
    """The JSON list of the given JSON texts."""
    return b"[" + b",".join(rows) + b"]"
