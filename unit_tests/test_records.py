"""From Close's rows to records."""

import json

from source_closeio.endpoints import ENDPOINTS
from source_closeio.records import shaper

OF = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def test_the_deprecated_dict_of_custom_field_names_goes_and_flat_keys_stay() -> None:
    row = {"id": "lead_1", "custom": {"Deal ID": "7", "cf in a name": 1}, "custom.cf_a": "7"}

    assert shaper(OF["leads"])(row) == {"id": "lead_1", "custom.cf_a": "7"}


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


def test_event_dates_without_an_offset_get_utc_and_others_stay() -> None:
    shape = shaper(OF["event_log"])
    dates = [
        "2026-01-01T10:00:00.123",
        "2026-01-01T10:00:00+00:00",
        "2026-01-01T10:00:00Z",
        "2026-01-01T05:00:00-05:00",
    ]

    assert [shape({"id": "ev", "date_updated": date})["date_updated"] for date in dates] == [
        "2026-01-01T10:00:00.123+00:00",
        *dates[1:],
    ]
