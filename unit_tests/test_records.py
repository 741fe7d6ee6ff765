"""From Close's rows to records."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from source_closeio.custom_columns import fits
from source_closeio.endpoints import ENDPOINTS
from source_closeio.records import CHANGED, Names, shaper

OF = {endpoint.name: endpoint for endpoint in ENDPOINTS}


DEFINITIONS = {
    "cf_deal": {"id": "cf_deal", "name": "Deal ID"},
    "cf_tier": {"id": "cf_tier", "name": "Tier"},
    "lcf_old": {"id": "lcf_old", "name": "cf in a name"},
    "cf_one": {"id": "cf_one", "name": "Twice"},
    "cf_two": {"id": "cf_two", "name": "Twice"},
    "cf_bare": {"id": "cf_bare"},
}
TYPED: dict[str, dict[str, Any]] = {
    "cf_a": {"name": "Amount", "custom_object_type_id": "cotype_1"},
    "cf_b": {"name": "Amount", "custom_object_type_id": "cotype_2"},
    "cf_c": {"name": "Note", "custom_object_type_id": None, "custom_activity_type_id": "actitype_1"},
    "cf_d": {"name": "Note", "custom_activity_type_id": "actitype_2"},
    "cf_s": {"name": "Shared"},
}


def nobody_asks() -> Mapping[str, Mapping[str, Any]]:
    raise AssertionError


def test_the_deprecated_dict_of_custom_field_names_goes_where_it_repeats_the_flat_keys() -> None:
    names = Names(nobody_asks)
    shape = shaper(OF["leads"], names=names)

    for custom in ({}, {"Deal ID": "7"}, {"Tier": ["a"], "Deal ID": "7"}, {"Tier": ["a"], "Gone": None}):
        row = {"id": "lead_1", "custom": custom, "custom.cf_deal": "7", "custom.cf_tier": ["a"]}
        assert shape(row) == {"id": "lead_1", "custom.cf_deal": "7", "custom.cf_tier": ["a"]}
    assert names.unplaced == set()


def test_values_by_name_alone_come_under_the_ids_of_their_fields() -> None:
    names = Names(lambda: DEFINITIONS)
    custom = {"Deal ID": 7, "cf in a name": 1, "Tier": ["a", "b"]}

    assert shaper(OF["leads"], names=names)({"id": "lead_1", "custom": custom}) == {
        "id": "lead_1",
        "custom.cf_deal": 7,
        "custom.lcf_old": 1,
        "custom.cf_tier": ["a", "b"],
    }
    assert names.unplaced == set()


def test_a_name_that_nobody_bears_or_two_is_kept_account_of_and_never_guessed() -> None:
    names = Names(lambda: DEFINITIONS)
    shape = shaper(OF["leads"], names=names)

    assert shape({"id": "lead_1", "custom": {"Twice": 1, "Unheard of": 2, "None": 3, "cf_": 4}}) == {"id": "lead_1"}
    assert names.unplaced == {"Twice", "Unheard of", "None", "cf_"}
    assert shape({"id": "lead_2", "custom": {"Twice": None}}) == {"id": "lead_2"}
    assert shaper(OF["leads"])({"id": "lead_3", "custom": {"Deal ID": 1}}) == {"id": "lead_3"}


def test_flat_keys_win_over_the_dict() -> None:
    names = Names(lambda: DEFINITIONS)
    row = {"id": "lead_1", "custom": {"Deal ID": 7, "Tier": "a", "cf_two": 9}, "custom.cf_deal": 8, "custom.cf_two": 1}

    assert shaper(OF["leads"], names=names)(row) == {
        "id": "lead_1",
        "custom.cf_deal": 8,
        "custom.cf_two": 1,
        "custom.cf_tier": "a",
    }
    assert names.unplaced == set()


def test_a_shared_name_is_no_riddle_where_all_its_fields_are_flat_and_one_where_one_is_not() -> None:
    for missing, unplaced in (((), set()), (("custom.cf_two",), {"Twice"}), (("custom.cf_one",), {"Twice"})):
        names = Names(lambda: DEFINITIONS)
        row = {"id": "lead_1", "custom": {"Twice": 3}, "custom.cf_one": 1, "custom.cf_two": 2}
        for column in missing:
            del row[column]
        shaper(OF["leads"], names=names)(row)
        assert names.unplaced == unplaced


def test_one_value_that_two_fields_hold_needs_two_flat_keys_to_be_repeated() -> None:
    names = Names(lambda: DEFINITIONS)
    row = {"id": "lead_1", "name": "x", "custom": {"Deal ID": "x", "Tier": "x"}, "custom.cf_deal": "x"}

    assert shaper(OF["leads"], names=names)(row) == {
        "id": "lead_1",
        "name": "x",
        "custom.cf_deal": "x",
        "custom.cf_tier": "x",
    }


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"custom_object_type_id": "cotype_1", "custom": {"Amount": 1}}, {"custom.cf_a": 1}),
        ({"custom_object_type_id": "cotype_2", "custom": {"Amount": 1}}, {"custom.cf_b": 1}),
        ({"custom_activity_type_id": "actitype_1", "custom": {"Note": 1}}, {"custom.cf_c": 1}),
        ({"custom_activity_type_id": "actitype_2", "custom": {"Note": 1}}, {"custom.cf_d": 1}),
        ({"custom_object_type_id": "cotype_2", "custom": {"Shared": 1}}, {"custom.cf_s": 1}),
    ],
)
def test_of_fields_of_one_name_a_record_has_that_of_its_type(row: dict[str, Any], expected: dict[str, Any]) -> None:
    names = Names(lambda: TYPED)
    record = shaper(OF["custom_objects"], names=names)({"id": "co_1", **row})

    assert {key: value for key, value in record.items() if key.startswith("custom.")} == expected
    assert names.unplaced == set()


def test_a_type_that_no_field_of_the_name_is_of_is_not_guessed_at() -> None:
    names = Names(lambda: TYPED)
    shaper(OF["custom_objects"], names=names)(
        {"id": "co_1", "custom_object_type_id": "cotype_3", "custom": {"Amount": 1}}
    )

    assert names.unplaced == {"Amount"}


def test_definitions_are_asked_for_with_the_first_row_that_needs_them_and_once() -> None:
    asked = []
    names = Names(lambda: asked.append("once") or DEFINITIONS)  # type: ignore[func-returns-value]
    shape = shaper(OF["leads"], names=names)
    for row in ({"custom.cf_a": 1}, {"custom": {"cf_a": 1}}, {"custom": {"Tier": None}}):
        shape({"id": "lead_1", **row})
    assert asked == []

    for _ in range(3):
        shape({"id": "lead_2", "custom": {"Tier": 1}})
    assert asked == ["once"]


def test_a_dict_of_custom_field_ids_becomes_flat_keys() -> None:
    row = {"id": "lead_1", "custom": {"cf_a": ["x", "y"], "lcf_b": None}}

    assert shaper(OF["leads"])(row) == {"id": "lead_1", "custom.cf_a": ["x", "y"], "custom.lcf_b": None}


def test_a_custom_value_that_is_no_dict_goes_without_a_crash() -> None:
    assert shaper(OF["leads"])({"id": "lead_1", "custom": None}) == {"id": "lead_1"}


def test_event_data_is_json_text_and_null_where_the_key_may_not_see_it() -> None:
    shape = shaper(OF["event_log"])
    full = shape({"id": "ev_1", "data": {"a": [1, "é"]}, "previous_data": None})
    bare = shape({"id": "ev_2"})

    assert json.loads(full["data"]) == {"a": [1, "é"]}
    assert full["previous_data"] is None
    assert bare == {"id": "ev_2", "data": None, "previous_data": None}


def test_event_data_keeps_whole_numbers_of_any_length() -> None:
    assert shaper(OF["event_log"])({"id": "ev_1", "data": {"n": [12345678901234567890123, "é"]}})["data"] == (
        '{"n":[12345678901234567890123,"é"]}'
    )


def test_secrets_and_searchs_own_word_are_left_out() -> None:
    assert shaper(OF["leads"])({"id": "lead_1", "__object_type": "lead"}) == {"id": "lead_1"}
    assert shaper(OF["tasks"])({"id": "task_1", "__object_type": "x"}) == {"id": "task_1", "__object_type": "x"}
    secret = next(endpoint for endpoint in ENDPOINTS if endpoint.secrets and not endpoint.object_type)
    assert shaper(secret)({"id": "x_1", **dict.fromkeys(secret.secrets, "s")}) == {
        **dict.fromkeys(secret.json_text),
        "id": "x_1",
    }


def test_what_was_made_to_fit_is_noted_by_its_column_and_the_rest_is_not_touched() -> None:
    text, number = {"type": ["null", "string"]}, {"type": ["null", "number"]}
    shape = shaper(OF["leads"], fits({"name": text, "custom.cf_a": text, "custom.cf_b": number, "custom.cf_c": text}))

    assert shape({"id": "lead_1", "name": 1, "custom.cf_a": ["x"], "custom.cf_b": "soon", "custom.cf_c": "c"}) == {
        "id": "lead_1",
        "name": 1,
        "custom.cf_a": "x",
        "custom.cf_b": None,
        "custom.cf_c": "c",
        CHANGED: ["custom.cf_a", "custom.cf_b"],
    }
    assert shape({"id": "lead_2", "name": 1, "custom.cf_d": ["x"]}) == {"id": "lead_2", "name": 1, "custom.cf_d": ["x"]}
    assert "\0" in CHANGED, "no column can bear this name"


def test_event_dates_without_an_offset_get_utc_and_others_stay() -> None:
    shape = shaper(OF["event_log"])
    dates = [
        "2026-01-01T10:00:00.123",
        "2026-01-01T10:00:00+00:00",
        "2026-01-01T10:00:00Z",
        "2026-01-01T05:00:00-05:00",
        "2026-01-01+00:00",
        "2026-01-01-05:00",
    ]
    assert shape({"id": "ev", "date_updated": None})["date_updated"] is None
    assert shape({"id": "ev", "date_updated": "2026-01-01"})["date_updated"] == "2026-01-01+00:00"
    assert "date_updated" not in shape({"id": "ev"})

    assert [shape({"id": "ev", "date_updated": date})["date_updated"] for date in dates] == [
        "2026-01-01T10:00:00.123+00:00",
        *dates[1:],
    ]


def test_a_deletion_is_made_of_its_event_and_of_what_the_event_says_besides() -> None:
    event = {
        "id": "ev_1",
        "object_type": "lead",
        "object_id": "lead_1",
        "lead_id": "lead_1",
        "user_id": None,
        "organization_id": "orga_1",
        "date_updated": "2026-02-01T10:00:00",
        "data": {"name": "Ann"},
        "meta": {"merge_destination_lead_id": "lead_2", "bulk_action_id": "bulk_1"},
    }
    made = {name: event[name] for name in ("id", "object_type", "object_id", "lead_id", "user_id", "organization_id")}
    told = {"merged_into": "lead_2", "bulk_action_id": "bulk_1", "import_id": None}
    at = "2026-02-01T10:00:00+00:00"

    assert shaper(OF["deletions"])(event) == {**made, **told, "deleted_at": at}
    untold = dict.fromkeys(told)
    assert shaper(OF["deletions"])({**event, "meta": None}) == {**made, **untold, "deleted_at": at}
