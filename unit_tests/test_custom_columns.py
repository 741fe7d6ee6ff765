"""Custom fields as columns: types from definitions, and values that fit them whatever happened to the field."""

from typing import Any

import jsonschema
import pytest

from source_closeio.custom_columns import as_json, column, fit, fits, is_known

TEXT = {"type": ["null", "string"]}
NUMBER = {"type": ["null", "number"]}
DATE = {"type": ["null", "string"], "format": "date"}
MOMENT = {"type": ["null", "string"], "format": "date-time"}


def many(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["null", "array"], "items": item}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *(
            (kind, TEXT)
            for kind in ("text", "textarea", "url", "hidden", "choices", "user", "contact", "custom_object")
        ),
        ("number", NUMBER),
        ("date", DATE),
        ("datetime", MOMENT),
        ("a type of next year", TEXT),
        (None, TEXT),
    ],
)
def test_the_type_of_a_field_is_that_of_its_column(kind: str | None, expected: dict[str, Any]) -> None:
    assert column({"id": "cf_1", "type": kind}) == expected
    assert column({"id": "cf_1", "type": kind, "accepts_multiple_values": True}) == many(expected)


def test_each_type_of_close_is_known_and_no_other() -> None:
    kinds = [
        "text",
        "textarea",
        "url",
        "hidden",
        "choices",
        "user",
        "contact",
        "custom_object",
        "number",
        "date",
        "datetime",
    ]
    assert all(is_known({"type": kind}) for kind in kinds)
    assert not any(is_known({"type": kind}) for kind in ("a type of next year", None))
    assert not is_known({"type": "text", "converting_to_type": "number"})


def test_a_field_that_is_being_converted_is_text() -> None:
    assert column({"id": "cf_1", "type": "number", "converting_to_type": "text"}) == TEXT


def test_name_and_description_do_not_stand_in_the_schema() -> None:
    definition = {"id": "cf_1", "type": "text", "name": "Tier", "description": "How much they matter"}

    assert column(definition) == TEXT
    assert column({**definition, "accepts_multiple_values": True}) == many(TEXT)


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        (TEXT, ["a"], "a"),
        (TEXT, [], None),
        (TEXT, ["a", "ü"], '["a","ü"]'),
        (TEXT, {"a": 1}, '{"a":1}'),
        (TEXT, 12.5, "12.5"),
        (TEXT, True, "true"),
        (TEXT, 12345678901234567890123, "12345678901234567890123"),
        (TEXT, {"ü": 10**30}, '{"ü":1000000000000000000000000000000}'),
        (many(TEXT), "a", ["a"]),
        (many(TEXT), ["a", 1], ["a", "1"]),
        (many(TEXT), {"a": 1}, ['{"a":1}']),
        (NUMBER, "12.5", 12.5),
        (NUMBER, [3], 3),
        (NUMBER, "a dozen", None),
        (NUMBER, "nan", None),
        (NUMBER, "1e400", None),
        (NUMBER, {"a": 1}, None),
        (NUMBER, True, None),
        (NUMBER, [1, 2], None),
        (many(NUMBER), 3, [3]),
        (DATE, "2025-03-01T10:00:00+00:00", "2025-03-01"),
        (DATE, "2025-03-01T10:00", None),
        (DATE, "2025-03-01 and more", None),
        (DATE, "12025-03-01", None),
        (DATE, ["2025-03-01"], "2025-03-01"),
        (DATE, "soon", None),
        (DATE, 20250301, None),
        (MOMENT, "2025-03-01", "2025-03-01T00:00:00+00:00"),
        (MOMENT, "2025-03-01T10:00:00.5", "2025-03-01T10:00:00.5+00:00"),
        (MOMENT, "soon", None),
        (MOMENT, 20250301, None),
        (MOMENT, "2025-03-01t10:00:00z ", None),
        (DATE, "2025-03-01T10:00:00", "2025-03-01"),
    ],
)
def test_a_value_is_made_to_fit_its_column(declared: dict[str, Any], given: Any, expected: Any) -> None:
    fitted = fit(declared)(given)

    assert fitted == expected
    assert fitted is not given
    jsonschema.validate(fitted, declared, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        *((declared, None) for declared in (TEXT, NUMBER, DATE, MOMENT, many(TEXT))),
        (TEXT, "a"),
        (NUMBER, 3),
        (NUMBER, 2.5),
        (NUMBER, 12345678901234567890123),
        (DATE, "2025-03-01"),
        (MOMENT, "2025-03-01T10:00:00-05:00"),
        ({"type": "string"}, "a"),
        ({"type": "number"}, 3),
        ({"type": ["number", "string"]}, ["a"]),
        ({"type": ["null", "boolean"]}, ["a"]),
        (MOMENT, "2025-03-01T10:00:00.123000+00:00"),
        (MOMENT, "2025-03-01T10:00:00Z"),
        (many(TEXT), ["a", "b"]),
        (many(TEXT), []),
        (many(NUMBER), [1, 2.5]),
        ({}, {"a": 1}),
        ({"type": ["null", "string", "array"]}, ["a"]),
    ],
)
def test_a_value_that_fits_stays_the_same_object(declared: dict[str, Any], value: Any) -> None:
    assert fit(declared)(value) is value


def test_only_custom_columns_are_looked_at() -> None:
    assert set(fits({"name": TEXT, "custom.cf_1": TEXT, "custom.lcf_2": NUMBER})) == {"custom.cf_1", "custom.lcf_2"}


def test_a_field_whose_items_are_not_declared_takes_any() -> None:
    assert fit({"type": ["null", "array"]})({"a": 1}) == [{"a": 1}]


def test_a_text_of_an_unknown_format_is_a_text() -> None:
    assert fit({"type": "string", "format": "uuid"})(1) == "1"


def test_json_text_is_short_and_keeps_letters_and_digits_however_it_is_written() -> None:
    assert as_json({"a": [1, "ü", None, 1.5]}) == '{"a":[1,"ü",null,1.5]}'
    assert as_json({"a": [2**64, "ü", None, 1.5]}) == '{"a":[18446744073709551616,"ü",null,1.5]}'
