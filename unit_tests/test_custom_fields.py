"""Custom fields through discover and read: typed columns, values that fit them, values by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator, faults

from .conftest import Output

Sync = Callable[..., Output]
Run = Callable[..., Output]

SCHEMAS = "custom_field_schema/"


def properties(output: Output, stream: str) -> dict[str, Any]:
    (catalog,) = output.of("CATALOG")
    (found,) = (each for each in catalog["catalog"]["streams"] if each["name"] == stream)
    columns: dict[str, Any] = found["json_schema"]["properties"]
    return {name: declared for name, declared in columns.items() if name.startswith("custom.")}


def asked(close: Emulator) -> list[str]:
    return sorted(request.path for request in close.requests if request.path.startswith(SCHEMAS))


def fill(close: Emulator) -> None:
    """One field of each kind of object, and one that leads and custom activities share."""
    close.add("custom_activity/", {"id": "actitype_a"}, {"id": "actitype_b"})
    close.add("custom_object_type/", {"id": "cotype_a"})
    close.add("custom_field/lead/", {"id": "cf_lead", "name": "Tier", "type": "choices", "description": "How big"})
    close.add("custom_field/contact/", {"id": "cf_contact", "type": "number"})
    close.add("custom_field/opportunity/", {"id": "cf_oppo", "type": "date"})
    close.add("custom_field/activity/", {"id": "cf_acti", "type": "datetime", "custom_activity_type_id": "actitype_a"})
    close.add(
        "custom_field/custom_object_type/",
        {"id": "cf_object", "type": "user", "accepts_multiple_values": True, "custom_object_type_id": "cotype_a"},
    )
    close.add(
        "custom_field/shared/",
        {
            "id": "cf_shared",
            "type": "text",
            "associations": [
                {"object_type": "lead"},
                {"object_type": "custom_activity_type", "custom_activity_type_id": "actitype_b"},
            ],
        },
    )


def test_discover_adds_one_typed_column_for_each_field(close: Emulator, run: Run) -> None:
    fill(close)

    output = run("discover")

    lead = properties(output, "leads")
    assert set(lead) == {"custom.cf_lead", "custom.cf_shared"}
    assert lead["custom.cf_lead"] == {"type": ["null", "string"]}
    assert properties(output, "contacts")["custom.cf_contact"]["type"] == ["null", "number"]
    assert properties(output, "opportunities")["custom.cf_oppo"]["format"] == "date"
    for stream in ("custom_activities", "activities"):
        activity = properties(output, stream)
        assert set(activity) == {"custom.cf_acti", "custom.cf_shared"}
        assert activity["custom.cf_acti"]["format"] == "date-time"
    assert properties(output, "custom_objects")["custom.cf_object"]["items"] == {"type": ["null", "string"]}
    assert properties(output, "users") == {}


def test_a_field_that_is_renamed_or_moved_is_no_schema_change(close: Emulator, run: Run) -> None:
    """The names are rows of the streams of custom fields."""
    fill(close)
    fields = [{"id": f"cf_{letter}", "type": "text", "name": letter} for letter in "dbca"]
    close.add("custom_field/lead/", *fields)
    before = run("discover")
    close.edit("cf_lead", name="Segment", description="Another")
    for each in fields:
        close.delete(each["id"])
    close.add("custom_field/lead/", *reversed(fields))

    after = run("discover")

    assert json.dumps(after.of("CATALOG")) == json.dumps(before.of("CATALOG"))
    names = {row["id"]: row["name"] for row in run("read", "lead_custom_fields").records("lead_custom_fields")}
    assert names.items() >= {"cf_lead": "Segment", "cf_a": "a"}.items()


def test_each_schema_is_asked_for_once(close: Emulator, run: Run) -> None:
    fill(close)

    run("discover")

    assert asked(close) == sorted(
        f"{SCHEMAS}{kind}/"
        for kind in (
            "lead",
            "contact",
            "opportunity",
            "activity/actitype_a",
            "activity/actitype_b",
            "custom_object/cotype_a",
        )
    )


def test_fields_of_unknown_types_and_in_conversion_are_text_and_one_warning_names_them(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    close.add("custom_field/lead/", {"id": "cf_new", "type": "emotion", "name": "Mood of Ms Smith"})
    close.add("custom_field/contact/", {"id": "cf_moving", "type": "number", "converting_to_type": "text"})

    output = run("discover")

    assert properties(output, "leads")["custom.cf_new"]["type"] == ["null", "string"]
    assert properties(output, "contacts")["custom.cf_moving"]["type"] == ["null", "string"]
    warnings = [each for each in caplog.messages if "columns of text" in each]
    assert len(warnings) == 1
    assert "cf_moving (number), cf_new (emotion)" in warnings[0]
    assert "Smith" not in caplog.text


@pytest.mark.parametrize("path", [f"{SCHEMAS}lead/", "custom_object_type/"])
def test_a_refused_schema_costs_its_columns_and_a_warning(
    close: Emulator, run: Run, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(close)
    close.behaviour.refused = {path: 403}
    if path != "custom_object_type/":
        close.fail(faults.every(1, faults.answer(403, {"error": "Forbidden"})), path)

    output = run("discover")

    kind, stream = ("lead", "leads") if "lead" in path else ("custom_object", "custom_objects")
    assert properties(output, stream) == {}
    assert properties(output, "contacts") != {}
    assert f"The {kind} custom fields are columns without a declared type" in caplog.text


def test_a_schema_that_cannot_be_had_ends_discover_with_one_sentence(close: Emulator, run: Run) -> None:
    close.fail(faults.every(1, faults.server_error(503)), f"{SCHEMAS}lead/")

    output = run("discover")

    assert output.failure
    assert "failed to answer /custom_field_schema/lead/ (503)" in output.failure
    assert output.of("CATALOG") == []


def test_reading_asks_only_for_the_fields_of_the_streams_that_have_some(close: Emulator, sync: Sync) -> None:
    fill(close)

    sync("users", "call_activities", "tasks")
    assert asked(close) == []

    sync("leads", "users")
    assert asked(close) == [f"{SCHEMAS}lead/"]


def discovered(run: Run, tmp_path: Path, stream: str) -> dict[str, Any]:
    (catalog,) = run("discover").of("CATALOG")
    (found,) = (each for each in catalog["catalog"]["streams"] if each["name"] == stream)
    return {"streams": [{"stream": found, "sync_mode": "full_refresh", "destination_sync_mode": "append"}]}


@pytest.mark.parametrize("nested", [False, True])
def test_values_of_a_field_that_was_switched_after_discover_still_fit(
    close: Emulator, run: Run, tmp_path: Path, nested: bool
) -> None:
    close.behaviour.search_custom = "nested" if nested else "flat"
    close.add(
        "custom_field/lead/",
        {"id": "cf_one", "type": "choices"},
        {"id": "cf_many", "type": "choices", "accepts_multiple_values": True},
        {"id": "cf_number", "type": "number"},
    )
    catalog = discovered(run, tmp_path, "leads")
    close.add(
        "lead/",
        {"id": "lead_ok", "custom.cf_one": "a", "custom.cf_many": ["a", "b"], "custom.cf_number": 1.5},
        {"id": "lead_1", "custom.cf_one": ["a"], "custom.cf_many": "a", "custom.cf_number": "2.5"},
        {"id": "lead_2", "custom.cf_one": ["a", "b"], "custom.cf_many": None, "custom.cf_number": "none"},
    )
    close.forget_requests()

    output = run("read", catalog=catalog)

    assert output.failure is None
    assert asked(close) == [f"{SCHEMAS}lead/"]
    records = {each["record"]["data"]["id"]: each["record"] for each in output.of("RECORD")}
    values = {
        key: [record["data"].get(f"custom.cf_{name}") for name in ("one", "many", "number")]
        for key, record in records.items()
    }
    assert values == {
        "lead_ok": ["a", ["a", "b"], 1.5],
        "lead_1": ["a", ["a"], 2.5],
        "lead_2": ['["a","b"]', None, None],
    }
    told = {
        key: sorted((each["field"], each["change"]) for each in record["meta"]["changes"])
        for key, record in records.items()
        if record.get("meta")
    }
    assert told == {
        "lead_1": [(f"custom.cf_{name}", "TRUNCATED") for name in ("many", "number", "one")],
        "lead_2": [("custom.cf_number", "NULLED"), ("custom.cf_one", "TRUNCATED")],
    }
    assert all(
        set(record["data"]) == set(records["lead_ok"]["data"]) for key, record in records.items() if key == "lead_1"
    )


def test_without_a_schema_in_the_catalogue_values_fit_what_close_says_now(close: Emulator, sync: Sync) -> None:
    close.add("custom_field/lead/", {"id": "cf_one", "type": "choices"})
    close.add("lead/", {"id": "lead_1", "custom.cf_one": ["a"]})

    (record,) = sync("leads").records("leads")

    assert record["custom.cf_one"] == "a"


def test_six_hundred_fields_are_read_and_never_asked_for_one_by_one(close: Emulator, run: Run, tmp_path: Path) -> None:
    close.add("custom_field/lead/", *({"id": f"cf_{i:03}", "type": "number"} for i in range(600)))
    close.add("lead/", {"id": "lead_1", **{f"custom.cf_{i:03}": i for i in range(600)}})
    catalog = discovered(run, tmp_path, "leads")

    output = run("read", catalog=catalog)

    (record,) = output.records("leads")
    assert len(properties(run("discover"), "leads")) == 600
    assert {record[f"custom.cf_{i:03}"] for i in range(600)} == set(range(600))


def test_values_by_name_are_offered_only_when_wished(close: Emulator, run: Run) -> None:
    def names(**config: Any) -> set[str]:
        (catalog,) = run("discover", config=config).of("CATALOG")
        return {each["name"] for each in catalog["catalog"]["streams"]}

    assert names(custom_field_names=True) - names() == {"custom_field_values"}


def test_values_by_name_are_one_row_each(close: Emulator, sync: Sync) -> None:
    fill(close)
    close.add("lead/", {"id": "lead_1", "custom.cf_lead": "Gold", "custom.cf_shared": None})
    close.add("contact/", {"id": "cont_1", "custom.cf_contact": 2.5})
    close.add("opportunity/", {"id": "oppo_1", "custom.cf_oppo": "2025-03-01"})
    close.add("activity/custom/", {"id": "acti_1", "custom_activity_type_id": "actitype_b", "custom.cf_shared": "ü"})
    close.add(
        "custom_object/",
        {"id": "custobj_1", "custom_object_type_id": "cotype_a", "custom.cf_object": ["user_a", "user_b"]},
    )

    output = sync("custom_field_values", config={"custom_field_names": True})

    found = {
        row["id"]: (row["object_type"], row["object_id"], row["custom_field_id"], row["type"], row["value"])
        for row in output.records("custom_field_values")
    }
    assert found == {
        "lead_1/cf_lead/0": ("lead", "lead_1", "cf_lead", "choices", "Gold"),
        "cont_1/cf_contact/0": ("contact", "cont_1", "cf_contact", "number", "2.5"),
        "oppo_1/cf_oppo/0": ("opportunity", "oppo_1", "cf_oppo", "date", "2025-03-01"),
        "acti_1/cf_shared/0": ("activity", "acti_1", "cf_shared", "text", "ü"),
        "custobj_1/cf_object/0": ("custom_object", "custobj_1", "cf_object", "user", "user_a"),
        "custobj_1/cf_object/1": ("custom_object", "custobj_1", "cf_object", "user", "user_b"),
    }
    names = {row["custom_field_id"]: row["name"] for row in output.records("custom_field_values")}
    assert names["cf_lead"] == "Tier"


def test_values_by_name_go_back_to_the_start_date_as_their_streams_do(close: Emulator, sync: Sync) -> None:
    close.add("custom_field/lead/", {"id": "cf_a", "type": "text"})
    for name, day in (("old", "2025-12-31"), ("new", "2026-01-01")):
        close.add("lead/", {"id": f"lead_{name}", "custom.cf_a": name, "date_updated": f"{day}T10:00:00+00:00"})

    output = sync("custom_field_values", config={"custom_field_names": True, "start_date": "2026-01-01"})

    assert [row["object_id"] for row in output.records("custom_field_values")] == ["lead_new"]


def test_values_by_name_are_complete_across_pages(close: Emulator, sync: Sync) -> None:
    close.add("custom_field/lead/", {"id": "cf_a", "type": "number"})
    close.add("lead/", *({"id": f"lead_{i:04}", "custom.cf_a": i} for i in range(401)))

    output = sync("custom_field_values", config={"custom_field_names": True})

    assert {row["object_id"] for row in output.records("custom_field_values")} == close.ids("lead/")
    bodies = json.dumps([request.body for request in close.requests if request.path == "data/search/"])
    assert "contacts_summary" not in bodies
