"""The JSON schema of a stream: a file for each row of the table; the row of all types holds the columns of each."""

import json
from collections.abc import Mapping
from functools import cache, reduce
from importlib.resources import files
from typing import Any

from .endpoints import ENDPOINTS, Walk

Schema = Mapping[str, Any]

DELETED_AT = "_ab_cdc_deleted_at"
"""The column by which Airbyte's destinations know that a row was deleted."""
DELETED_AT_COLUMN: Schema = {
    "type": ["null", "string"],
    "format": "date-time",
    "airbyte_type": "timestamp_with_timezone",
    "description": "When the row was deleted in Close; null where it was not.",
}

FOLDER = files(__package__) / "schemas"


@cache
def schema_of(stream_name: str) -> dict[str, Any]:
    """The stream's JSON Schema (draft 7), read once: the CDK asks for it with every record. Not to be changed.

    The file of a row that holds all types, such as `activities`, describes only what its types describe differently.
    """
    parts = (stream_name, *types_of(stream_name))
    return reduce(_union, (json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in parts))


def columns_of(stream_name: str) -> tuple[str, ...]:
    """The names of the stream's top-level properties."""
    return tuple(schema_of(stream_name)["properties"])


def types_of(stream_name: str) -> tuple[str, ...]:
    """The streams that hold one type each of what this stream holds; none, unless it is that of all of them.

    Tasks are told apart by `_type`, activities by a path of their own below the one of all.
    """
    return tuple(
        part.name
        for whole in ENDPOINTS
        if whole.name == stream_name and whole.walk is Walk.WINDOW and whole.params.get("_type", "all") == "all"
        for part in ENDPOINTS
        if part is not whole and part.path.startswith(whole.path)
    )


def _union(one: Schema, other: Schema) -> dict[str, Any]:
    """A schema of whatever is of one of two. The first one's description counts.

    A string that has a format in one of them only, or another, has none: it need not keep to it.
    """
    types = sorted({*_types(one), *_types(other)}, key=lambda name: (name != "null", name))
    union = {**other, **one, "type": types[0] if len(types) == 1 else types}
    for word in ("format", "airbyte_type"):
        said = {each.get(word) for each in (one, other) if "string" in _types(each)}
        if len(said) > 1:
            union.pop(word, None)
    if "properties" in one and "properties" in other:
        ours, theirs = one["properties"], other["properties"]
        names = sorted({**ours, **theirs}, key=lambda name: (name != "id", name != "_type", name))
        union["properties"] = {name: _union(ours.get(name, {}), theirs.get(name, {})) for name in names}
    if "items" in one and "items" in other:
        union["items"] = _union(one["items"], other["items"])
    return union


def _types(schema: Schema) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else named
