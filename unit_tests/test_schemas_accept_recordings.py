"""The schema files keep to the house rules and accept, key by key, what Close was recorded to send."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from source_closeio import schemas
from source_closeio.custom_field_values import CUSTOM_FIELD_VALUES
from source_closeio.endpoints import ENDPOINTS
from source_closeio.schemas import schema_of, types_of

from .recorded import OURS, exchanges

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "source_closeio" / "schemas").glob("*.json"))
SCHEMAS = {endpoint.name: schema_of(endpoint.name) for endpoint in (*ENDPOINTS, CUSTOM_FIELD_VALUES)}
OF_ALL_TYPES = [name for name in SCHEMAS if types_of(name)]

ACTIVITIES = {
    "Call": "call_activities",
    "Created": "created_activities",
    "Custom": "custom_activities",
    "Email": "email_activities",
    "EmailThread": "email_thread_activities",
    "FormSubmission": "form_submission_activities",
    "ImportUpdate": "import_update_activities",
    "LeadMerge": "lead_merge_activities",
    "LeadStatusChange": "lead_status_change_activities",
    "Meeting": "meeting_activities",
    "Note": "note_activities",
    "OpportunityStatusChange": "opportunity_status_change_activities",
    "SMS": "sms_activities",
    "TaskCompleted": "task_completed_activities",
    "WhatsAppMessage": "whatsapp_message_activities",
}
KEY = {endpoint.name: endpoint.key for endpoint in (*ENDPOINTS, CUSTOM_FIELD_VALUES)}
# The first part of a recorded path; activities go by their `_type`.
STREAM_OF = {
    "contact": "contacts",
    "custom_fields": "lead_custom_fields",
    "lead": "leads",
    "opportunity": "opportunities",
    "phone_number": "phone_numbers",
    "user": "users",
}
KEYWORDS = {"type", "format", "airbyte_type", "description", "additionalProperties", "properties", "items"}

Schema = Mapping[str, Any]


def each_property(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """All properties and array items below a schema, with their paths."""
    for name, below in schema.get("properties", {}).items():
        yield f"{path}/{name}", below
        yield from each_property(below, f"{path}/{name}")
    if "items" in schema:
        yield f"{path}/[]", schema["items"]
        yield from each_property(schema["items"], f"{path}/[]")


def undeclared(value: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """The paths of what a value has and its schema does not declare.

    Custom fields are added at run time, and the keys of a free-form map, without declared properties, are its own.
    """
    if isinstance(value, dict):
        declared = schema.get("properties", {})
        for key, below in value.items():
            if key == "custom" or key.startswith("custom."):
                continue
            if key in declared:
                yield from undeclared(below, declared[key], f"{path}/{key}")
            elif declared:
                yield f"{path}/{key}"
    if isinstance(value, list):
        for below in value:
            yield from undeclared(below, schema["items"], f"{path}/[]")


def recorded() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Stream, origin and object of all that was recorded."""
    for origin, exchange in exchanges():
        body = exchange["response"]["body"]
        if exchange["response"]["status"] != 200:
            continue
        kind = exchange["request"]["url"].split("/api/v1/")[1].split("/")[0]
        if kind == "organization":
            yield "organizations", origin, body
            for name in ("memberships", "inactive_memberships"):
                yield from (("memberships", origin, row) for row in body[name])
            for field in body["lead_custom_fields"]:
                yield "lead_custom_fields", origin, field
            continue
        if kind == "status":
            stream = f"{exchange['request']['url'].split('/status/')[1].split('/')[0]}_statuses"
            yield from ((stream, origin, row) for row in body["data"])
            continue
        for record in body.get("data", [body]):
            if kind == "activity":
                yield "activities", origin, record
                yield ACTIVITIES[record["_type"]], origin, record
            elif kind in STREAM_OF:
                yield STREAM_OF[kind], origin, record


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_keeps_to_the_rules(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    schema = SCHEMAS[file.stem]
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["type"] == "object"
    assert schema["description"].endswith(".")
    assert schema["additionalProperties"] is True
    assert text.endswith("}\n")
    assert not [word for word in ('"$ref"', '"oneOf"', '"anyOf"', '"custom"', '"custom.') if word in text]

    for name, top in schema["properties"].items():
        assert top["description"].endswith("."), name
        assert "\n" not in top["description"], name
    for path, below in each_property(schema):
        assert set(below) <= KEYWORDS, path
        if path == f"/{KEY[file.stem]}":
            assert below["type"] == "string"
            continue
        assert below["type"][0] == "null", path
        assert len(below["type"]) > 1, path
        assert ("properties" in below) == ("object" in below["type"]), path
        assert below.get("additionalProperties", "object" not in below["type"]) is True, path
        assert ("items" in below) == ("array" in below["type"]), path
    for path, below in [("", schema), *each_property(schema)]:
        names = list(below.get("properties", {}))
        assert names == sorted(names, key=lambda name: (name != "id", name != "_type", name)), (
            f"{path or 'columns'}: first id and _type, the others by the alphabet"
        )
    for path, below in each_property(schema):
        if below.get("properties") == {}:
            assert below["description"], f"{path}: a free-form map says what its keys are"


@pytest.mark.parametrize("stream", sorted(SCHEMAS))
def test_dates_are_date_times(stream: str) -> None:
    for name, declared in SCHEMAS[stream]["properties"].items():
        if name in ("date_created", "date_updated", "created_at", "updated_at"):
            assert declared["type"] == ["null", "string"]
            assert declared["format"] == "date-time"


def test_the_streams_of_all_types_say_so_and_those_of_one_type_say_where_they_are_too() -> None:
    for whole, suffix in (("activities", "_activities"), ("tasks", "_tasks")):
        assert "all" in SCHEMAS[whole]["description"].lower()
        assert types_of(whole) == tuple(stream for stream in SCHEMAS if stream.endswith(suffix))
        for stream in types_of(whole):
            assert f"{whole} too" in SCHEMAS[stream]["description"], stream


def test_only_the_streams_of_all_types_have_types() -> None:
    assert OF_ALL_TYPES == ["tasks", "activities"]


@pytest.mark.parametrize("whole", OF_ALL_TYPES)
def test_a_stream_of_all_types_is_the_union_of_its_types(whole: str) -> None:
    def shape(schemas: list[Schema]) -> dict[str, tuple[set[str], set[str | None]]]:
        """By path: the types, and the formats of the strings."""
        found: dict[str, tuple[set[str], set[str | None]]] = {}
        for schema in schemas:
            for path, below in each_property(schema):
                types, formats = found.setdefault(path, (set(), set()))
                types |= {below["type"]} if isinstance(below["type"], str) else set(below["type"])
                if "string" in below["type"]:
                    formats.add(below.get("format"))
        return found

    parts = shape([SCHEMAS[stream] for stream in types_of(whole)])
    # A string that has a format in one type only has none in the union.
    expected = {path: (types, {None} if len(formats) > 1 else formats) for path, (types, formats) in parts.items()}
    assert shape([SCHEMAS[whole]]) == expected


@pytest.mark.parametrize("whole", OF_ALL_TYPES)
def test_the_file_of_a_stream_of_all_types_says_only_what_its_types_say_otherwise(whole: str) -> None:
    own = json.loads((ROOT / f"source_closeio/schemas/{whole}.json").read_text(encoding="utf-8"))["properties"]

    for name, declared in own.items():
        assert declared.keys() == {"description"}, name
        said = {
            SCHEMAS[stream]["properties"][name]["description"]
            for stream in types_of(whole)
            if name in SCHEMAS[stream]["properties"]
        }
        assert len(said) > 1, name


def test_what_changes_in_one_type_changes_in_the_stream_of_all_types_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in FILES:
        held = json.loads(file.read_text(encoding="utf-8"))
        if file.stem == "sms_activities":
            held["properties"]["aa_new"] = {"type": ["null", "integer"], "description": "New."}
            held["properties"]["duration"] = {"type": ["null", "string"], "description": "Now of a text."}
            held["properties"]["activity_at"] = {"type": ["null", "string"], "airbyte_type": "time_without_timezone"}
        (tmp_path / file.name).write_text(json.dumps(held))
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)

    after = schema_of.__wrapped__("activities")

    assert [*after["properties"]][:3] == ["id", "_type", "aa_new"]
    assert after["properties"]["aa_new"] == {"type": ["null", "integer"], "description": "New."}
    assert after["properties"]["duration"] == {
        "type": ["null", "integer", "string"],
        "description": "Length in seconds.",
    }
    assert "format" in SCHEMAS["activities"]["properties"]["activity_at"]
    assert after["properties"]["activity_at"].keys() == {"type", "description"}, "not all of them keep to a format now"
    assert after["properties"].keys() - SCHEMAS["activities"]["properties"].keys() == {"aa_new"}


def test_event_log_carries_its_objects_as_text() -> None:
    properties = SCHEMAS["event_log"]["properties"]
    assert properties["data"]["type"] == properties["previous_data"]["type"] == ["null", "string"]
    assert properties["changed_fields"]["items"]["type"] == ["null", "string"]
    assert "airbyte_type" not in properties["date_updated"]


def test_recorded_objects_are_valid_and_fully_declared() -> None:
    checker = FormatChecker()
    assert {"date", "date-time"} <= set(checker.checkers), "rfc3339-validator is missing"
    validators = {name: Draft7Validator(schema, format_checker=checker) for name, schema in SCHEMAS.items()}
    seen: dict[str, int] = {}
    faults: set[str] = set()
    for stream, origin, record in recorded():
        seen[stream] = seen.get(stream, 0) + 1
        for error in validators[stream].iter_errors(record):
            faults.add(f"{stream} ({origin}): {error.json_path}: {error.message}")
        for path in undeclared(record, SCHEMAS[stream]):
            faults.add(f"{stream} ({origin}): {path} is not declared")
    assert not faults
    assert set(seen) == {
        *STREAM_OF.values(),
        *("activities", "call_activities", "created_activities"),
        *("organizations", "memberships", "lead_statuses", "opportunity_statuses"),
    }


@pytest.mark.parametrize("file", sorted(OURS.glob("*.json")), ids=lambda file: str(file.stem))
def test_what_stands_here_is_nobody_s(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert {*re.findall(r"@[\w.-]+", text)} <= {"@example.com"}
    assert {*re.findall(r"https?://([^/\"]+)", text)} <= {"api.close.com", "example.com"}
    assert all(number.startswith(("+155555501", "+1 555-555-01")) for number in re.findall(r"\+\d[\d -]{3,}\d", text))
