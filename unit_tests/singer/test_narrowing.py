"""What the schema function promises to targets, for any schema that the connector could have."""

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_closeio.endpoints import ENDPOINTS
from source_closeio.schemas import schema_of
from source_closeio.singer.narrowing import json_columns, narrowed
from source_closeio.singer.steps import date_time_paths, json_text, moments

KINDS = ("string", "integer", "number", "boolean", "object", "array")
WORDS = {"type", "format", "properties", "items", "additionalProperties", "title", "description"}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab\n"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)


def typed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.lists(st.sampled_from(("null", *KINDS)), unique=True, max_size=3)
    return st.fixed_dictionaries(
        {"type": kinds.filter(bool) | st.sampled_from(KINDS)},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "items": inner,
            "format": st.sampled_from(("date-time", "date", "email")),
            "airbyte_type": st.just("timestamp_without_timezone"),
            "enum": st.just(["x"]),
            "title": st.just("A"),
        },
    )


def chosen(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner | st.just({"type": "null"}), min_size=1, max_size=3)
    return st.builds(lambda word, choices: {word: choices}, st.sampled_from(("anyOf", "oneOf")), several)


ANY_SCHEMA: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}) | typed(st.nothing()), lambda inner: typed(inner) | chosen(inner), max_leaves=6
)
STREAM = st.dictionaries(st.sampled_from(("a", "b", "id")), ANY_SCHEMA, min_size=1).map(
    lambda properties: {"type": "object", "properties": properties}
)


def nodes(schema: dict[str, Any]) -> list[dict[str, Any]]:
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return [schema, *(each for inner in below for each in nodes(inner))]


@given(STREAM)
def test_a_column_has_one_type_and_may_be_null_unless_it_is_a_key(schema: dict[str, Any]) -> None:
    for name, column in narrowed(schema, keys=("id",))["properties"].items():
        real = [kind for kind in column["type"] if kind != "null"]
        assert len(real) == 1
        assert ("null" in column["type"]) == (name != "id")


@given(STREAM)
def test_only_words_that_targets_read_are_left(schema: dict[str, Any]) -> None:
    for node in nodes(narrowed(schema)):
        assert set(node) <= WORDS
        assert node.get("format") in (None, "date-time", "date")


@given(STREAM)
def test_what_has_been_narrowed_stays_as_it_is(schema: dict[str, Any]) -> None:
    once = narrowed(schema)

    assert narrowed(once) == once
    assert json_columns(once) == []


@given(STREAM)
def test_the_given_schema_is_not_changed(schema: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    narrowed(schema)

    assert schema == before


@settings(max_examples=500)
@given(STREAM, st.dictionaries(st.sampled_from(("a", "b", "id", "c")), JSON, min_size=1))
def test_a_record_that_fits_its_schema_fits_the_narrowed_one(schema: dict[str, Any], record: dict[str, Any]) -> None:
    """`enum` is not meant: it only makes fewer records fit. Date-times are compared in another test."""
    if not jsonschema.Draft7Validator(schema).is_valid(record):
        return
    json_text(json_columns(schema))(record)

    jsonschema.Draft7Validator(narrowed(schema)).validate(record)


@pytest.mark.parametrize("declared", [{"type": ["null", "string"], "format": "date-time"}, {"format": "date-time"}])
def test_a_date_time_is_one_only_where_only_texts_are_allowed(declared: dict[str, Any]) -> None:
    column = narrowed({"properties": {"at": declared}})["properties"]["at"]

    assert ("format" in column) == ("type" in declared)


@pytest.mark.parametrize(
    ("declared", "column"),
    [
        ({}, "string"),
        ({"type": "null"}, "string"),
        ({"type": ["string", "object"]}, "string"),
        ({"type": ["integer", "boolean"]}, "string"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, "string"),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, "boolean"),
    ],
)
def test_what_becomes_of_unions(declared: dict[str, Any], column: str) -> None:
    assert narrowed({"properties": {"x": declared}})["properties"]["x"] == {"type": ["null", column]}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_schemas_of_the_connector_need_no_words_that_are_dropped(endpoint: Any) -> None:
    """`$ref` and `allOf` are not followed, and no stream has a key that may be null."""
    schema = schema_of(endpoint.name)

    assert not {"$ref", "allOf", "not", "if"} & {word for node in nodes(schema) for word in node}
    assert endpoint.key in schema["properties"]


def test_date_times_are_found_wherever_they_are_declared() -> None:
    moment = {"type": ["null", "string"], "format": "date-time"}
    schema = {"properties": {"a": moment, "b": {"items": {"properties": {"c": moment}}}, "d": {"items": moment}}}
    record = {"a": "2024-01-01", "b": [{"c": "2024-01-01"}, None], "d": ["2024-01-01", None, 5], "e": "2024-01-01"}

    moments(list(date_time_paths(schema)))(record)

    written = "2024-01-01T00:00:00.000000Z"
    assert record == {"a": written, "b": [{"c": written}, None], "d": [written, None, 5], "e": "2024-01-01"}
