"""Advanced Filtering."""

from datetime import datetime, timezone
from typing import Any

import pytest

from close_emulator import Behaviour, Sizes
from unit_tests.emulator.conftest import Emulate, Records
from unit_tests.emulator.searches import chain, condition, search, term


def test_ranges_are_inclusive_below_and_exclusive_above(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 5))
    bounds = ("2026-01-01T00:00:01.000Z", "2026-01-01T00:00:03+00:00")
    assert client.post("data/search/", search("lead", condition("lead", "date_updated", *bounds))).ids == [
        "lead_001",
        "lead_002",
    ]
    assert len(client.post("data/search/", search("lead", condition("lead", "date_created", None, bounds[1]))).ids) == 3


def test_only_ids_without_fields(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("activity/call/", *records("acti", 1, **{"custom.cf_1": 1}))
    assert client.post("data/search/", search("activity.call")).json["data"] == [
        {"__object_type": "activity.call", "id": "acti_000"}
    ]
    fields = ["id", "date_created", "custom", "unknown"]
    assert client.post("data/search/", search("activity.call", fields=fields)).json["data"] == [
        {
            "__object_type": "activity.call",
            "id": "acti_000",
            "date_created": "2026-01-01T00:00:00+00:00",
            "custom.cf_1": 1,
        }
    ]
    close.behaviour.search_custom = "nested"
    assert client.post("data/search/", search("activity.call", fields=fields)).json["data"][0]["custom"] == {"cf_1": 1}


def test_cursor_chain_gives_everything_once(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("contact/", *records("cont", 7))
    pages = chain(client, search("contact", _limit=3, _skip=5, sort=("date_updated", "date_created")))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert len({row for page in pages for row in page}) == 7
    assert chain(client, search("contact", sort=("-date_created",)))[0][0] == "cont_006"


def test_chain_cap(emulate: Emulate, records: Records) -> None:
    close, client = emulate(behaviour=Behaviour(search_chain_cap=5))
    close.add("lead/", *records("lead", 9))
    body = search("lead", _limit=3)
    first = client.post("data/search/", body).json
    second = client.post("data/search/", {**body, "cursor": first["cursor"]}).json
    assert len(second["data"]) == 2
    refused = client.post("data/search/", {**body, "cursor": second["cursor"]})
    assert refused.status == 400
    assert refused.json.keys() == {"field-errors"}
    assert refused.json["field-errors"].keys() == {"cursor"}


def test_cursors_expire_by_the_clock(emulate: Emulate, records: Records) -> None:
    close, client = emulate(now=datetime(2026, 2, 1, tzinfo=timezone.utc))
    close.add("lead/", *records("lead", 3))
    body = search("lead", _limit=1)
    cursor = client.post("data/search/", body).json["cursor"]
    close.now = datetime(2026, 2, 1, 0, 0, 30, tzinfo=timezone.utc)
    assert client.post("data/search/", {**body, "cursor": cursor}).status == 200
    close.now = datetime(2026, 2, 1, 0, 0, 31, tzinfo=timezone.utc)
    expired = client.post("data/search/", {**body, "cursor": cursor})
    assert (expired.status, expired.json) == (400, {"field-errors": {"cursor": "Expired cursor"}})
    close.behaviour.cursor_lifetime = 0
    fresh = client.post("data/search/", body).json["cursor"]
    assert client.post("data/search/", {**body, "cursor": fresh}).status == 400


def test_cursor_of_another_query_is_refused(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 3))
    cursor = client.post("data/search/", search("lead", _limit=1)).json["cursor"]
    assert client.post("data/search/", {**search("contact"), "cursor": cursor}).status == 400
    assert client.post("data/search/", {**search("lead"), "cursor": "rubbish"}).status == 400


@pytest.mark.parametrize(
    "body",
    [
        search("lead", _limit=201),
        search("task"),
        search("activity.custom"),
        search("lead", sort=("id",)),
        search("lead", sort=("nonsense",)),
        search("lead", condition("lead", "nonsense")),
        search("lead", condition("contact", "date_updated")),
        search("lead", {"type": "has_related"}),
        {"query": {"type": "and", "queries": []}},
        {},
    ],
)
def test_refusals(emulate: Emulate, body: dict[str, Any]) -> None:
    _, client = emulate()
    refused = client.post("data/search/", body)
    assert refused.status == 400
    assert refused.json["field-errors"]


def test_long_field_lists_are_refused(emulate: Emulate) -> None:
    _, client = emulate()
    assert client.post("data/search/", search("lead", fields=["id"] * 100)).status == 200
    refused = client.post("data/search/", search("lead", fields=["id"] * 101))
    assert refused.status == 400
    assert b"List is too long." in refused.raw


def test_counts_and_results_limit(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 5))
    counted = client.post("data/search/", search("lead", results_limit=0, include_counts=True)).json
    assert counted == {"data": [], "cursor": None, "count": {"limited": 0, "total": 5}}
    assert [len(page) for page in chain(client, search("lead", results_limit=3, _limit=2))] == [2, 1]


def test_terms_and_negation(emulate: Emulate) -> None:
    close, client = emulate()
    close.add(
        "custom_object/",
        {"id": "custobj_1", "custom_object_type_id": "cotype_a"},
        {"id": "custobj_2", "custom_object_type_id": "cotype_b"},
    )
    of_a = term("custom_object", "custom_object_type_id", "cotype_a")
    assert client.post("data/search/", search("custom_object", of_a)).ids == ["custobj_1"]
    assert client.post("data/search/", search("custom_object", {**of_a, "negate": True})).ids == ["custobj_2"]
    either = {"type": "or", "queries": [of_a, term("custom_object", "custom_object_type_id", "cotype_b")]}
    assert len(client.post("data/search/", search("custom_object", either)).ids) == 2


def test_precision_of_seconds(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("lead/", {"id": "lead_1", "date_created": "2026-01-01T00:00:05.400000+00:00"})
    body = search("lead", condition("lead", "date_updated", "2026-01-01T00:00:05.900Z"))
    assert client.post("data/search/", body).ids == []
    close.behaviour.search_precision = "s"
    assert client.post("data/search/", body).ids == ["lead_1"]


def test_refused_type(emulate: Emulate) -> None:
    _, client = emulate(behaviour=Behaviour(refused={"data/search/lead": 403}))
    assert client.post("data/search/", search("lead")).status == 403
    assert client.post("data/search/", search("contact")).status == 200


def test_bad_json(emulate: Emulate) -> None:
    _, client = emulate()
    assert client.send("POST", "/api/v1/data/search/").json == {"error": "The request contains invalid JSON."}
    assert client.get("data/search/").status == 405


def test_custom_objects_of_a_type_that_changed_since(emulate: Emulate) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    close, client = emulate(Sizes(leads=10, custom_objects=40, custom_fields=20), now=now)
    kind = sorted(close.ids("custom_object_type/"))[0]
    theirs = {row["id"]: row for row in close.all("custom_object/") if row["custom_object_type_id"] == kind}
    changed, deleted, *_ = theirs
    assert client.get("custom_object/", lead_id=theirs[changed]["lead_id"], custom_object_type_id=kind).ids
    since = condition("custom_object", "date_updated", now.isoformat())
    body = search("custom_object", term("custom_object", "custom_object_type_id", kind), since, fields=["id", "custom"])
    assert client.post("data/search/", body).ids == []
    close.edit("custom_object/", changed, name="Renamed")
    close.delete(deleted)
    (row,) = client.post("data/search/", body).json["data"]
    assert row["id"] == changed
    assert any(key.startswith("custom.cf_") for key in row)
    events = client.get("event/", object_type="custom_object", action="deleted").json["data"]
    assert [event["object_id"] for event in events] == [deleted]
    close.behaviour.refused = {"data/search/custom_object": 402}
    assert client.post("data/search/", body).status == 402
