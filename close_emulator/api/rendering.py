"""Rows as the JSON texts a REST list or single GET shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from close_emulator.lists.definitions import Definitions
from close_emulator.store.encoding import dumps
from close_emulator.store.resource import Resource
from close_emulator.store.table import Row
from close_emulator.wire.answers import Query


class Renderer:
    """Knows the names of custom fields, which the deprecated dictionary of a lead is keyed by."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def rows(self, rows: Iterable[Row], fields: tuple[str, ...] | None, *, lead_dict: bool) -> list[bytes]:
        """The rows, whole or with only the named fields."""
        if fields is not None:
            dictionary = lead_dict and "custom" in fields
            return [self._part(row, fields, dictionary) for row in rows]
        return [self._with_dict(row) if lead_dict and row.resource.custom_dict else row.encoded.text for row in rows]

    def _part(self, row: Row, fields: tuple[str, ...], dictionary: bool) -> bytes:
        fragments = row.encoded.fragments(fields)
        if dictionary and row.resource.custom_dict and "custom" not in row.encoded.layout.index:
            fragments.append(self._tail(row))
        return b"{" + b",".join(fragments) + b"}"

    def _with_dict(self, row: Row) -> bytes:
        if "custom" in row.encoded.layout.index:
            return row.encoded.text
        return row.encoded.text[:-1] + b"," + self._tail(row) + b"}"

    def _tail(self, row: Row) -> bytes:
        """`"custom":{name: value}`."""
        if row.tail is None:
            values = {}
            for number in row.encoded.layout.pick(("custom",)):
                key = row.encoded.layout.keys[number]
                values[self._definitions.name(key.removeprefix("custom."))] = row.encoded.value(key)
            row.tail = b'"custom":' + dumps(values)
        return row.tail


def fields_of(query: Query, resource: Resource | None = None) -> tuple[str, ...] | None:
    """The names in `_fields`; None when all are wanted."""
    text = query.params.get("_fields")
    if not text or text == "_all":
        return ("id",) if resource is not None and resource.only_named else None
    return tuple(part.strip() for part in text.split(",") if part.strip())


def listed(rows: Sequence[bytes]) -> bytes:
    """A JSON list of rows."""
    return b"[" + b",".join(rows) + b"]"
