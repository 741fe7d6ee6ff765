"""Custom fields: their definitions, the values that fit them, and what repeats them."""

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from close_emulator import Emulator, Sizes
from unit_tests.emulator.conftest import Emulate

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
KINDS = ("lead", "contact", "opportunity", "activity", "custom_object_type", "shared")
FORMS = {"text", "number", "date", "datetime", "choices", "user", "contact", "custom_object", "hidden", "url"}


@pytest.fixture(scope="module")
def organisation() -> Emulator:
    many = Sizes(leads=40, contacts=50, opportunities=40, activities=900, custom_objects=40, users=5, custom_fields=300)
    return Emulator(many, now=NOW)


def definitions(close: Emulator, kind: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in close.all(f"custom_field/{kind}/")}


def fits(value: Any, field: dict[str, Any], close: Emulator) -> bool:
    """Whether one value is of the field's type."""
    form = field["type"]
    if form in ("user", "contact"):
        return value in close.ids(f"{form}/")
    if form == "custom_object":
        held = {row["id"]: row["custom_object_type_id"] for row in close.all("custom_object/")}
        return bool(held[value] == field["referenced_custom_type_id"])
    if form == "choices":
        return value in field["choices"]
    if form == "number":
        return isinstance(value, int | float)
    if form == "date":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))
    if form == "datetime":
        return datetime.fromisoformat(value).tzinfo is not None
    return isinstance(value, str)


@pytest.mark.parametrize("kind", KINDS)
def test_all_types_are_dealt_to_all_objects(organisation: Emulator, kind: str) -> None:
    found = definitions(organisation, kind).values()
    forms = {field["type"] for field in found}
    assert forms == (FORMS | {"textarea"} if kind == "activity" else FORMS)
    many = {field["type"] for field in found if field["accepts_multiple_values"]}
    assert many == {"choices", "user", "contact", "custom_object"}
    assert all(field["choices"] for field in found if field["type"] == "choices")
    assert not any(field.get("choices") for field in found if field["type"] != "choices")


def test_some_fields_are_being_converted(organisation: Emulator) -> None:
    found = [field for kind in KINDS for field in definitions(organisation, kind).values()]
    converting = [field for field in found if "converting_to_type" in field]
    assert len(converting) == 15
    assert {field["converting_to_type"] for field in converting} == {"text"}


def test_records_have_values_of_their_own_fields_that_fit(organisation: Emulator) -> None:
    close = organisation
    shared = definitions(close, "shared")

    def associated(**wanted: str) -> dict[str, dict[str, Any]]:
        return {
            key: field
            for key, field in shared.items()
            if any(wanted.items() <= a.items() for a in field["associations"])
        }

    owned: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "lead/": lambda row: definitions(close, "lead") | associated(object_type="lead"),
        "contact/": lambda row: definitions(close, "contact") | associated(object_type="contact"),
        "opportunity/": lambda row: definitions(close, "opportunity") | associated(object_type="opportunity"),
        "activity/custom/": lambda row: (
            {
                key: field
                for key, field in definitions(close, "activity").items()
                if field["custom_activity_type_id"] == row["custom_activity_type_id"]
            }
            | associated(custom_activity_type_id=row["custom_activity_type_id"])
        ),
        "custom_object/": lambda row: (
            {
                key: field
                for key, field in definitions(close, "custom_object_type").items()
                if field["custom_object_type_id"] == row["custom_object_type_id"]
            }
            | associated(custom_object_type_id=row["custom_object_type_id"])
        ),
    }
    for path, fields_of in owned.items():
        seen = set()
        for row in close.all(path)[:15]:
            fields = fields_of(row)
            values = {key.removeprefix("custom."): row[key] for key in row if key.startswith("custom.")}
            assert set(values) <= set(fields), path
            for key, value in values.items():
                parts = value if fields[key]["accepts_multiple_values"] else [value]
                assert isinstance(parts, list), fields[key]
                assert all(fits(part, fields[key], close) for part in parts), (fields[key], value)
                seen.add(fields[key]["type"])
        assert seen >= FORMS, path


def test_shared_fields_belong_to_several(organisation: Emulator) -> None:
    kinds = [tuple(a["object_type"] for a in f["associations"]) for f in definitions(organisation, "shared").values()]
    assert all(len(each) > 1 for each in kinds)
    assert {kind for each in kinds for kind in each} == {
        "lead",
        "contact",
        "opportunity",
        "custom_activity_type",
        "custom_object_type",
    }


def test_a_schema_has_own_and_shared_fields_in_the_order_they_were_made(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("custom_object_type/", {"id": "cotype_1", "name": "Contract"})
    close.add("custom_field/lead/", {"id": "cf_1"})
    ours = [{"object_type": "lead"}, {"object_type": "custom_object_type", "custom_object_type_id": "cotype_1"}]
    close.add("custom_field/shared/", {"id": "cf_2", "associations": ours}, {"id": "cf_x", "associations": []})
    close.add("custom_field/lead/", {"id": "cf_3"})
    close.add("custom_field/custom_object_type/", {"id": "cf_4", "custom_object_type_id": "cotype_1"}, {"id": "cf_y"})
    schema = client.get("custom_field_schema/lead/").json
    assert [field["id"] for field in schema.pop("fields")] == ["cf_1", "cf_2", "cf_3"]
    assert schema == {"organization_id": close.organization_id, "name": "Lead", "object_type": "lead"}
    contract = client.get("custom_field_schema/custom_object/cotype_1/").json
    assert contract["name"] == "Contract"
    assert [field["id"] for field in contract["fields"]] == ["cf_2", "cf_4"]
    assert client.get("custom_field_schema/custom_object/cotype_gone/").status == 404
    assert client.get("custom_field_schema/task/").status == 404


def test_an_edited_definition_shows_everywhere_and_leaves_values_as_they_are(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("custom_activity/", {"id": "actitype_1"})
    close.add("custom_field/activity/", {"id": "cf_1", "type": "choices", "custom_activity_type_id": "actitype_1"})
    close.add("custom_field/lead/", {"id": "cf_2", "name": "Size", "type": "choices"})
    close.add("lead/", {"id": "lead_1", "custom.cf_2": "XL"})
    assert client.get("lead/").json["data"][0]["custom"] == {"Size": "XL"}
    close.edit("custom_field/activity/", "cf_1", accepts_multiple_values=True)
    close.edit("custom_field/lead/", "cf_2", accepts_multiple_values=True, name="Sizes")
    assert client.get("custom_field/lead/").json["data"][0]["accepts_multiple_values"] is True
    (told,) = client.get("custom_activity/").json["data"][0]["fields"]
    assert (told["id"], told["accepts_multiple_values"]) == ("cf_1", True)
    row = client.get("lead/").json["data"][0]
    assert (row["custom.cf_2"], row["custom"]) == ("XL", {"Sizes": "XL"})
    close.edit("lead_1", **{"custom.cf_2": ["XL", "L"]})
    assert client.get("lead/").json["data"][0]["custom.cf_2"] == ["XL", "L"]
    close.delete("cf_1")
    assert client.get("custom_activity/").json["data"][0]["fields"] == []


def test_custom_types_tell_their_fields_and_who_refers_to_them(organisation: Emulator) -> None:
    types = organisation.all("custom_object_type/")
    shown = {field["id"] for each in types for field in each["fields"]}
    assert set(definitions(organisation, "custom_object_type")) < shown
    assert all(field["type"] == "custom_object" for each in types for field in each["back_reference_fields"])
    assert all(each["back_reference_fields"] for each in types)
    activities = organisation.all("custom_activity/")
    assert all(each["fields"] for each in activities)
    assert any(each["is_archived"] for each in activities)
