"""Custom fields as typed columns: from a definition to its JSON Schema, and from a value to one that fits it. Pure.

https://developer.close.com/topics/custom-fields
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

TEXT: Mapping[str, Any] = {"type": ["null", "string"]}
COLUMN_OF_TYPE: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(("text", "textarea", "url", "hidden", "choices", "user", "contact", "custom_object"), TEXT),
    "number": {"type": ["null", "number"]},
    "date": {"type": ["null", "string"], "format": "date"},
    "datetime": {"type": ["null", "string"], "format": "date-time"},
}

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")

Fit = Callable[[Any], Any]
"""Makes a value fit its column: gives the same object where it does already, `None` where nothing of it can."""


def is_known(definition: Mapping[str, Any]) -> bool:
    """Whether we can tell what the values of a custom field look like; a field in conversion holds both kinds."""
    return definition.get("type") in COLUMN_OF_TYPE and not definition.get("converting_to_type")


def column(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a custom field's values. What is not known is text.

    Neither the field's name nor its description is in it: when somebody changes one of them, the values stay what they
    are, but Airbyte would see another schema, and may pause the connection.
    """
    one = COLUMN_OF_TYPE[str(definition["type"])] if is_known(definition) else TEXT
    return {"type": ["null", "array"], "items": dict(one)} if definition.get("accepts_multiple_values") else dict(one)


def fits(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Fit]:
    """By the name of a custom column: what makes a value fit it. properties: those of a stream's JSON Schema."""
    return {name: fit(declared) for name, declared in properties.items() if name.startswith("custom.")}


def fit(declared: Mapping[str, Any]) -> Fit:
    """A field may have been switched between one value and several, or to another type, since the schema was read.

    A single value becomes a list of one, a list of one its value, and what else does not fit a text becomes JSON.
    """
    types = declared.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    if "array" in types:
        return _list_of(fit(declared.get("items", {})))
    if "number" in types and "string" not in types:
        return _single(_number)
    if "string" in types and len(types - {"null", "string"}) == 0:
        return _single({"date": _date, "date-time": _date_time}.get(declared.get("format", ""), _text))
    return _anything


def _list_of(item: Fit) -> Fit:
    def whole(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            return [item(value)]
        fitted = [item(each) for each in value]
        return value if all(a is b for a, b in zip(fitted, value, strict=True)) else fitted

    return whole


def _single(item: Fit) -> Fit:
    def one(value: Any) -> Any:
        if type(value) is list and len(value) < 2:
            value = value[0] if value else None
        return value if value is None else item(value)

    return one


def as_json(value: Any) -> str:
    """A value as JSON text. orjson knows no whole numbers beyond 64 bits."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: Any) -> str:
    return value if type(value) is str else as_json(value)


def _number(value: Any) -> Any:
    if type(value) in (int, float):
        return value
    try:
        number = float(value) if type(value) is str else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: Any) -> Any:
    if type(value) is not str:
        return None
    if _DATE.fullmatch(value):
        return value
    return value[:10] if _DATE_TIME.fullmatch(value) else None


def _date_time(value: Any) -> Any:
    if type(value) is not str:
        return None
    if found := _DATE_TIME.fullmatch(value):
        return value if found[2] else f"{value}+00:00"
    return f"{value}T00:00:00+00:00" if _DATE.fullmatch(value) else None


def _anything(value: Any) -> Any:
    return value
