"""Rows asked for by their ids: one by one, many in a list, many in a search."""

from typing import Literal
from urllib.parse import quote

import pytest

from close_emulator import RESOURCES, Behaviour
from unit_tests.emulator.conftest import Emulate, Records
from unit_tests.emulator.searches import Json, condition, search, term

LISTED = [path for path, row in RESOURCES.items() if row.listed and path != "activity/"]
BY_IDS = [path for path in RESOURCES if path.startswith("activity/") and path != "activity/import_update/"]
SEARCHED = sorted(row.search_type for row in RESOURCES.values() if row.search_type)
HOMES = {row.search_type: path for path, row in RESOURCES.items()}


def ids_of(*ids: str, negate: bool = False) -> Json:
    """One node for each id, one of which must hold."""
    return {"type": "or", "queries": [{"type": "id", "negate": negate, "value": row_id} for row_id in ids]}


@pytest.mark.parametrize("path", LISTED)
def test_each_row_has_a_path_of_its_own_which_is_404_when_it_is_gone(emulate: Emulate, path: str) -> None:
    close, client = emulate()
    key = RESOURCES[path].key
    first, second = (row[key] for row in close.add(path, {}, {}))
    own = f"{path}{quote(first)}/"
    assert client.get(own, _fields=key).json[key] == first
    close.delete(path, first)
    assert client.get(own).status == 404
    assert client.get(f"{path}{quote(second)}/").status == 200


def test_an_activity_has_the_path_of_its_own_kind_only(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("activity/note/", {"id": "acti_a"})
    found = {path: client.get(f"{path}acti_a/").status for path in ("activity/", "activity/call/", "activity/note/")}
    assert found == {"activity/": 404, "activity/call/": 404, "activity/note/": 200}


def test_by_its_id_a_row_that_is_not_for_the_key_is_not_there_while_the_log_names_it(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(hidden={"lead_a"}))
    close.add("lead/", {"id": "lead_a"}, {"id": "lead_b"}, log=True)
    assert [client.get(f"lead/{row_id}/").status for row_id in ("lead_a", "lead_b")] == [404, 200]
    assert client.get("lead/", id__in="lead_a,lead_b").ids == ["lead_b"]
    assert [event["object_id"] for event in client.get("event/").json["data"]] == ["lead_b", "lead_a"]


@pytest.mark.parametrize("path", [*BY_IDS, "task/", "lead/"])
def test_lists_give_the_rows_of_ids_and_leave_out_those_gone(emulate: Emulate, records: Records, path: str) -> None:
    close, client = emulate()
    close.add(path, *records("row", 9))
    close.delete("row_004")
    asked = {"id__in": "row_007,row_004,row_001,row_x", "_type": "all"} if path == "task/" else {}
    found = client.get(path, **(asked or {"id__in": "row_007,row_004,row_001,row_x"}))
    assert sorted(found.ids) == ["row_001", "row_007"]
    assert found.json["has_more"] is False
    assert client.get(path, id__in="row_x").ids == []


def test_ids_and_a_lead_hold_together_in_the_order_of_the_list(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("activity/note/", *records("acti", 6, lead_id="lead_a"))
    close.edit("acti_003", lead_id="lead_b")
    asked = client.get("activity/", id__in="acti_001,acti_003,acti_005", lead_id="lead_a", _type="Note")
    assert asked.ids == ["acti_005", "acti_001"]
    assert client.get("activity/note/", id__in="acti_001,acti_003,acti_005", _limit=2).json["has_more"] is True


def test_ids_of_tasks_are_those_of_leads_unless_all_types_are_asked_for(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("task/", {"id": "task_a"}, {"id": "task_b", "_type": "missed_call"})
    assert client.get("task/", id__in="task_a,task_b").ids == ["task_a"]
    assert set(client.get("task/", id__in="task_a,task_b", _type="all").ids) == {"task_a", "task_b"}


def test_a_list_that_does_not_understand_ids_gives_all_its_rows(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    for path in ("contact/", "opportunity/", "activity/import_update/", "sequence/"):
        close.add(path, *records(path.replace("/", ""), 3))
        held = close.ids(path)
        assert set(client.get(path, id__in=min(held)).ids) == held
        assert set(client.get(path, id=min(held), unknown="x").ids) == held
    close.behaviour.id_in = frozenset({"contact/"})
    assert client.get("contact/", id__in="contact_001").ids == ["contact_001"]
    assert client.get("contact/", id="contact_001").ids == ["contact_001"]
    close.add("activity/note/", *records("acti", 2))
    assert client.get("activity/note/", id__in="acti_001").ids == ["acti_001", "acti_000"]
    close.behaviour.id_in = frozenset({"activity/"})
    assert client.get("activity/note/", id__in="acti_001").ids == ["acti_001"]


@pytest.mark.parametrize(("over", "found"), [("refused", None), ("ignored", range(5)), ("cut", range(2))])
def test_more_ids_than_a_list_takes(
    emulate: Emulate, records: Records, over: Literal["refused", "ignored", "cut"], found: range | None
) -> None:
    close, client = emulate(behaviour=Behaviour(id_in_cap=2, id_in_over=over))
    close.add("lead/", *records("lead", 5))
    assert client.get("lead/", id__in="lead_000,lead_003").ids == ["lead_000", "lead_003"]
    reply = client.get("lead/", id__in="lead_000,lead_001,lead_002")
    if found is None:
        assert (reply.status, reply.json["field-errors"].keys()) == (400, {"id__in"})
    else:
        assert reply.ids == [f"lead_{number:03}" for number in found]


def test_a_hundred_ids_fit_into_a_get_and_into_a_post_that_stands_for_one(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    held = [row["id"] for row in close.add("lead/", *({} for _ in range(150)))]
    asked = held[20:120]
    assert client.get("lead/", id__in=",".join(asked), _limit=100).ids == asked
    body = {"_params": {"id__in": asked, "_limit": 100}}
    assert client.post("lead/", body, {"x-http-method-override": "GET"}).ids == asked


def test_all_kinds_that_can_be_searched_are_the_ones_known() -> None:
    kinds = "call custom_activity email email_thread lead_status_change meeting note opportunity_status_change sms"
    activities = [f"activity.{kind}" for kind in (*kinds.split(), "task_completed")]
    assert sorted(SEARCHED) == sorted([*activities, "contact", "custom_object", "lead", "opportunity"])


@pytest.mark.parametrize("kind", SEARCHED)
def test_a_search_gives_the_rows_of_two_hundred_ids(emulate: Emulate, kind: str) -> None:
    close, client = emulate()
    held = [row["id"] for row in close.add(HOMES[kind], *({} for _ in range(230)))]
    close.delete(held[10])
    body = search(kind, ids_of(*held[5:204], "row_x"), sort=(), fields=["id", "date_updated"], _limit=200)
    reply = client.post("data/search/", body)
    assert set(reply.ids) == set(held[5:204]) - {held[10]}
    assert reply.json["cursor"] is None
    assert all(row.keys() == {"__object_type", "id", "date_updated"} for row in reply.json["data"])


@pytest.mark.parametrize("kind", SEARCHED)
def test_a_search_filters_and_sorts_by_the_date_of_the_last_change(
    emulate: Emulate, records: Records, kind: str
) -> None:
    close, client = emulate()
    close.add(HOMES[kind], *records("row", 5))
    close.edit("row_001", date_updated="2026-05-01T00:00:00+00:00")
    close.edit("row_003", date_updated="2026-04-01T00:00:00+00:00")
    body = search(kind, condition(kind, "date_updated", "2026-01-01T00:00:04+00:00"))
    assert client.post("data/search/", body).ids == ["row_004", "row_003", "row_001"]


def test_ids_of_a_search_hold_together_with_its_other_conditions(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("contact/", *records("cont", 9))
    some = ids_of("cont_001", "cont_005", "cont_008")
    late = condition("contact", "date_updated", "2026-01-01T00:00:05+00:00")
    assert client.post("data/search/", search("contact", some, late)).ids == ["cont_005", "cont_008"]
    assert client.post("data/search/", search("contact", some, ids_of("cont_008", "cont_002"))).ids == ["cont_008"]
    assert client.post("data/search/", search("contact", ids_of())).ids == []
    not_them = client.post("data/search/", search("contact", {**some, "negate": True})).ids
    assert not_them == [f"cont_{number:03}" for number in (0, 2, 3, 4, 6, 7)]
    assert len(client.post("data/search/", search("contact", ids_of("cont_001", negate=True))).ids) == 8
    mixed = {"type": "or", "queries": [*some["queries"], term("contact", "id", "cont_002")]}
    assert client.post("data/search/", search("contact", mixed)).ids == ["cont_001", "cont_002", "cont_005", "cont_008"]
    assert client.post("data/search/", search("contact", some, some["queries"][1])).ids == ["cont_005"]


def test_a_search_may_take_only_so_many_ids(emulate: Emulate, records: Records) -> None:
    close, client = emulate(behaviour=Behaviour(search_ids_cap=2))
    close.add("lead/", *records("lead", 5))
    assert client.post("data/search/", search("lead", ids_of("lead_001", "lead_002"))).ids == ["lead_001", "lead_002"]
    refused = client.post("data/search/", search("lead", ids_of("lead_001", "lead_002", "lead_003")))
    assert (refused.status, refused.json["field-errors"].keys()) == (400, {"query"})
