"""The lines themselves."""

import json
from typing import Any

import pytest

from source_closeio.singer.messages import encoded, line, record_message, schema_message

DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize("value", [2**80, -(2**80), "\ud800", DEEP, {"\ud800": [1]}])
def test_what_orjson_refuses_is_written_all_the_same(value: Any) -> None:
    written = line(record_message("a", {"x": value}, "t"))

    assert json.loads(written)["record"] == {"x": value}
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    assert json.loads(encoded(value)) == value


@pytest.mark.parametrize("beside", [1, 2**80])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_null_whatever_stands_beside_it(value: float, beside: int) -> None:
    assert json.loads(line(record_message("a", {"x": value, "y": beside}, "t")))["record"] == {"x": None, "y": beside}
    assert json.loads(encoded([value, beside])) == [None, beside]


def test_bookmark_properties_are_there_only_if_there_are_some() -> None:
    assert schema_message("a", {}, ["id"], []) == {
        "type": "SCHEMA",
        "stream": "a",
        "schema": {},
        "key_properties": ["id"],
    }
    assert schema_message("a", {}, (), ("date",))["bookmark_properties"] == ["date"]
