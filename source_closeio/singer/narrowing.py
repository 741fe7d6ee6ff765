"""From a JSON Schema of the connector to one that Singer targets understand. Pure.

Targets make a column of each top-level property, and what they make of a union of types differs: some drop the column
without a word, some fail at the first value. So a column has one type, and what would be a union is text. Inside
objects and arrays, which targets store as JSON, unions do no harm.
"""

from collections.abc import Collection, Mapping
from typing import Any

Schema = dict[str, Any]

FORMATS = ("date-time", "date")


def narrowed(schema: Mapping[str, Any], keys: Collection[str] = ()) -> Schema:
    """The schema of a whole stream. keys: the properties that are never null."""
    columns = {name: _column(declared, name not in keys) for name, declared in schema["properties"].items()}
    return {**_node({**schema, "type": "object"}), "type": "object", "properties": columns}


def json_columns(schema: Mapping[str, Any]) -> list[str]:
    """The top-level properties that `narrowed` makes text of: their other values have to be encoded as JSON."""
    return [name for name, declared in schema["properties"].items() if _column_kind(_plain(declared)) is None]


def _column(declared: Mapping[str, Any], nullable: bool) -> Schema:
    column = _node(declared)
    kind = _column_kind(_plain(declared))
    if kind is None:
        column = {"type": "string", **{word: column[word] for word in ("title", "description") if word in column}}
        kind = "string"
    return {**column, "type": ["null", kind] if nullable else [kind]}


def _column_kind(schema: Mapping[str, Any]) -> str | None:
    kinds = set(_kinds(schema)) - {"null"}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else None


def _node(declared: Mapping[str, Any]) -> Schema:
    """One level of a schema, with only the words that targets read. Every value may be null."""
    schema = _plain(declared)
    node = {word: schema[word] for word in ("title", "description", "additionalProperties") if word in schema}
    if kinds := _kinds(schema):
        node["type"] = ["null", *(kind for kind in kinds if kind != "null")]
    if schema.get("format") in FORMATS:
        node["format"] = schema["format"]
    if "properties" in schema:
        node["properties"] = {name: _node(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        node["items"] = _node(schema["items"])
    return node


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without `anyOf` and `oneOf`: a choice between null and one other is that other, any else anything."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            choices = [each for each in schema[word] if each.get("type") != "null"]
            return _plain(choices[0]) if len(choices) == 1 else {}
    return schema


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)
