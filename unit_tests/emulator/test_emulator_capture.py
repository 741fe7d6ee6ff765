"""What changes of an organisation leave in its event log, and what is held afterwards."""

from datetime import datetime, timedelta, timezone
from typing import Literal

import pytest

from close_emulator import RESOURCES, SMALL, Behaviour, Emulator
from close_emulator.store.records import Store
from close_emulator.store.table import Row
from unit_tests.emulator.conftest import Client, Emulate
from unit_tests.emulator.searches import Json

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
ALL = ["created", "updated", "deleted"]
# Of each list that Close's list of event types has: the type, and what a row that comes, changes and goes leaves.
DOCUMENTED = {
    "lead/": ("lead", ALL),
    "contact/": ("contact", ALL),
    "opportunity/": ("opportunity", ALL),
    "task/": ("task.lead", ALL),
    "activity/call/": ("activity.call", ALL),
    "activity/custom/": ("activity.custom_activity", ALL),
    "activity/email/": ("activity.email", ALL),
    "activity/emailthread/": ("activity.email_thread", ALL),
    "activity/form_submission/": ("activity.form_submission", ALL),
    "activity/lead_merge/": ("lead_merge", ALL),
    "activity/meeting/": ("activity.meeting", ALL),
    "activity/note/": ("activity.note", ALL),
    "activity/sms/": ("activity.sms", ALL),
    "activity/status_change/lead/": ("activity.lead_status_change", ALL),
    "activity/status_change/opportunity/": ("activity.opportunity_status_change", ALL),
    "activity/task_completed/": ("activity.task_completed", ["created", "deleted"]),
    "activity/whatsapp_message/": ("activity.whatsapp_message", ALL),
    "bulk_action/delete/": ("bulk_action.delete", ["created", "updated"]),
    "bulk_action/edit/": ("bulk_action.edit", ["created", "updated"]),
    "bulk_action/email/": ("bulk_action.email", ["created", "updated"]),
    "bulk_action/sequence_subscription/": ("bulk_action.sequence_subscription", ["created", "updated"]),
    "comment/": ("comment", ALL),
    "comment_thread/": ("comment_thread", ALL),
    "custom_activity/": ("custom_activity_type", ALL),
    "custom_field/activity/": ("custom_fields.activity", ALL),
    "custom_field/contact/": ("custom_fields.contact", ALL),
    "custom_field/custom_object_type/": ("custom_fields.custom_object", ALL),
    "custom_field/lead/": ("custom_fields.lead", ALL),
    "custom_field/opportunity/": ("custom_fields.opportunity", ALL),
    "custom_field/shared/": ("custom_fields.shared", ALL),
    "custom_object/": ("custom_object", ALL),
    "custom_object_type/": ("custom_object_type", ALL),
    "email_template/": ("email_template", ALL),
    "export/": ("export.lead", ["created", "updated"]),
    "group/": ("group", ALL),
    "membership/": ("membership", ["activated", "deactivated"]),
    "phone_number/": ("phone_number", ALL),
    "saved_search/": ("saved_search", ALL),
    "sequence/": ("sequence", ALL),
    "sequence_subscription/": ("sequence_subscription", ALL),
    "sms_template/": ("sms_template", ALL),
    "status/lead/": ("status.lead", ALL),
    "status/opportunity/": ("status.opportunity", ALL),
    "unsubscribe/email/": ("unsubscribed_email", ["created", "deleted"]),
}
KINDS = [path for path in RESOURCES if path not in ("event/", "activity/")]


def log_of(client: Client, **filters: object) -> list[Json]:
    """What the log shows, oldest first."""
    events: list[Json] = client.get("event/", **filters).json["data"]
    return events[::-1]


def told(events: list[Json]) -> set[tuple[str, str, str]]:
    return {(event["object_type"], event["action"], event["object_id"]) for event in events}


@pytest.mark.parametrize("path", KINDS)
def test_each_kind_of_object_has_the_events_that_close_documents_or_none(emulate: Emulate, path: str) -> None:
    close, client = emulate(now=NOW)
    (record,) = close.add(path, {}, log=True)
    row_id = record[RESOURCES[path].key]
    close.edit(path, row_id, anything="new")
    assert close.delete(path, row_id) == [row_id]
    kind, actions = DOCUMENTED.get(path, ("", []))
    events = log_of(client)
    assert [(event["object_type"], event["action"], event["object_id"]) for event in events] == [
        (kind, action, row_id) for action in actions
    ]
    assert client.get("event/", object_type=kind or "lead", action="deleted").ids == [
        event["id"] for event in events if event["action"] == "deleted"
    ]


def test_tasks_have_the_event_type_of_their_own_type_and_actions_have_their_names(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("task/", {"id": "task_a", "_type": "missed_call"}, {"id": "task_b"}, log=True)
    close.edit("task/", "task_a", is_complete=True, action="completed")
    close.add("activity/meeting/", {"id": "acti_a"})
    close.edit("acti_a", action="canceled", status="canceled")
    assert told(log_of(client)) == {
        ("task.missed_call", "created", "task_a"),
        ("task.lead", "created", "task_b"),
        ("task.missed_call", "completed", "task_a"),
        ("activity.meeting", "canceled", "acti_a"),
    }


def test_an_event_has_the_moment_and_the_meta_that_its_change_is_given(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    old, then = "2019-01-01T00:00:00+00:00", NOW - timedelta(hours=2)
    (note,) = close.add("activity/note/", {"date_created": old}, log=True, at=then, meta={"import_id": "impo_a"})
    assert (note["date_created"], note["date_updated"]) == (old, old)
    edited = close.edit("activity/note/", note["id"], note="x", at=then + timedelta(hours=1))
    assert edited["date_updated"] == "2026-03-01T11:00:00+00:00"
    close.delete("activity/note/", note["id"], at=then, meta={"revert_import_id": "impo_a"})
    assert [event["date_updated"][11:16] for event in log_of(client)] == ["10:00", "10:00", "11:00"]
    created, deleted, _ = (event["meta"] for event in log_of(client))
    assert (created["import_id"], deleted["revert_import_id"]) == ("impo_a", "impo_a")
    close.behaviour.event_offset = -0.25
    assert close.edit(close.add("lead/", {})[0]["id"], name="x")["date_updated"] == "2026-03-01T12:00:00+00:00"
    assert log_of(client)[-1]["date_updated"] == "2026-03-01T11:59:59.750000"


def children_of(close: Emulator, lead: str) -> dict[str, str]:
    """Ids of what belongs to a lead, by their list."""
    paths = [path for path in KINDS if path != "lead/"]
    return {row["id"]: path for path in paths for row in close.all(path) if row.get("lead_id") == lead}


@pytest.fixture
def whole(emulate: Emulate) -> tuple[Emulator, Client]:
    """An organisation, and two leads of it, with something in each list that leads have things in."""
    close, client = emulate(SMALL, now=NOW)
    paths = [path for path in KINDS if path.startswith("activity/")]
    paths += ["contact/", "opportunity/", "task/", "custom_object/", "sequence_subscription/", "comment_thread/"]
    for lead in ("lead_a", "lead_b"):
        close.add("lead/", {"id": lead, "contacts": [{"id": f"cont_{lead}"}]})
        for path in (*paths, "comment/"):
            close.add(path, {"lead_id": lead})
    return close, client


def eventless(children: dict[str, str], *more: str) -> set[str]:
    """Those without events of their own."""
    silent = {"activity/created/", "activity/import_update/", "custom_object/", *more}
    return {row_id for row_id, path in children.items() if path in silent}


def test_a_deleted_lead_takes_along_what_it_had_and_all_but_custom_objects_have_an_event(
    whole: tuple[Emulator, Client],
) -> None:
    close, client = whole
    before = {path: close.ids(path) for path in KINDS}
    children = children_of(close, "lead_a")
    gone = close.delete("lead/", "lead_a", meta={"bulk_action_id": "bulkdelete_a"})
    assert set(gone) == {"lead_a", *children}
    assert len(gone) == len(set(gone))
    assert {path: close.ids(path) for path in KINDS} == {path: ids - set(gone) for path, ids in before.items()}
    events = [event for event in log_of(client) if event["meta"].get("bulk_action_id") == "bulkdelete_a"]
    assert {event["object_id"] for event in events} == {"lead_a", *children} - eventless(children)
    assert {event["action"] for event in events} == {"deleted"}
    assert {event["lead_id"] for event in events} == {"lead_a"}


def test_what_goes_with_its_lead_in_silence_is_a_switch_and_what_is_deleted_itself_is_told(
    whole: tuple[Emulator, Client],
) -> None:
    close, client = whole
    close.behaviour.silent_children = frozenset({"activity/", "contact/"})
    children = children_of(close, "lead_a")
    kinds = {path for path in children.values() if path.startswith("activity/")}
    contact = next(row_id for row_id, path in children.items() if path == "contact/")
    close.delete("lead_a", contact, meta={"bulk_action_id": "bulkdelete_a"})
    events = [event for event in log_of(client) if "bulk_action_id" in event["meta"]]
    silent = eventless(children, "contact/", *kinds) - {contact}
    silent -= {row_id for row_id, path in children.items() if path == "custom_object/"}
    assert {event["object_id"] for event in events} == {"lead_a", *children} - silent


def test_a_bulk_delete_looks_through_each_list_once(monkeypatch: pytest.MonkeyPatch) -> None:
    close = Emulator(now=NOW)
    close.add("lead/", *({"id": f"lead_{number}"} for number in range(40)))
    close.add("contact/", *({"id": f"cont_{number}", "lead_id": f"lead_{number}"} for number in range(40)))
    looks: list[str] = []
    held = Store.held

    def look(store: Store, path: str) -> dict[str, Row]:
        looks.append(path)
        return held(store, path)

    monkeypatch.setattr(Store, "held", look)
    close.delete("lead_0")
    one, looks[:] = list(looks), []
    close.delete("lead/", *(f"lead_{number}" for number in range(1, 40)))
    assert looks == one
    assert close.ids("contact/") == set()


@pytest.mark.parametrize("dates", ["kept", "moved"])
def test_a_merge_moves_what_the_source_had_and_tells_of_it_but_for_custom_objects(
    whole: tuple[Emulator, Client], dates: Literal["kept", "moved"]
) -> None:
    close, client = whole
    close.behaviour.merge_dates = dates
    close.now = NOW + timedelta(minutes=5)
    source, kept = children_of(close, "lead_a"), children_of(close, "lead_b")
    assert set(close.merge("lead_a", "lead_b")) == set(source)
    assert "lead_a" not in close.ids("lead/")
    assert children_of(close, "lead_a") == {}
    after = children_of(close, "lead_b")
    (own,) = after.keys() - source.keys() - kept.keys()
    assert after == {**source, **kept, own: "activity/lead_merge/"}
    rows = {row[RESOURCES[path].key]: row for path in KINDS for row in close.all(path)}
    assert (rows[own]["source_lead_id"], rows[own]["destination_lead_id"]) == ("lead_a", "lead_b")
    contacts = [{"id": "cont_lead_b"}, {"id": "cont_lead_a", "lead_id": "lead_b"}]
    assert rows["lead_b"]["contacts"] == contacts
    moments = {str(rows[row_id].get("date_updated") or rows[row_id]["updated_at"])[:16] for row_id in source}
    assert moments == {"2026-03-01T12:05" if dates == "moved" else "2026-03-01T12:00"}
    events = [event for event in log_of(client) if event["date_updated"] >= "2026-03-01T12:05"]
    ids = {"merge_source_lead_id": "lead_a", "merge_destination_lead_id": "lead_b"}
    assert all(ids.items() <= event["meta"].items() for event in events)
    assert told(events) == {
        ("lead", "deleted", "lead_a"),
        ("lead", "merged", "lead_b"),
        ("lead", "updated", "lead_b"),
        ("lead_merge", "created", own),
        *((DOCUMENTED[path][0], "updated", row_id) for row_id, path in source.items() if has_updates(path)),
    }
    moved = [event for event in events if event["object_id"] in source]
    assert all(event["lead_id"] == event["data"]["lead_id"] == "lead_b" for event in moved)
    assert all(event["previous_data"]["lead_id"] == "lead_a" for event in moved)
    merged = next(event for event in events if event["action"] == "merged")
    assert (merged["data"]["id"], merged["lead_id"]) == ("lead_b", "lead_b")


def has_updates(path: str) -> bool:
    return path != "custom_object/" and "updated" in DOCUMENTED.get(path, ("", []))[1]


def test_an_undone_merge_gives_the_lead_and_what_it_had_their_ids_again(whole: tuple[Emulator, Client]) -> None:
    close, client = whole
    lead = next(row for row in close.all("lead/") if row["id"] == "lead_a")
    children = children_of(close, "lead_a")
    moved = close.merge("lead_a", "lead_b")
    close.add("lead/", lead, log=True)
    for row_id in moved:
        close.edit(row_id, lead_id="lead_a")
    assert children_of(close, "lead_a") == children
    assert [event["action"] for event in log_of(client, object_type="lead", object_id="lead_a")] == [
        "deleted",
        "created",
    ]


def test_neither_a_delete_nor_a_merge_is_consolidated_with_an_edit(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(event_consolidation=60))
    _, other = close.add("lead/", {"id": "lead_a"}, {"id": "lead_b"})
    close.add("contact/", {"id": "cont_a", "lead_id": "lead_a"})
    close.edit("cont_a", name="x")
    close.merge("lead_a", "lead_b")
    close.edit("cont_a", name="y")
    close.edit("lead_b", name="x")
    close.delete("lead_b")
    close.add("lead/", other, log=True)
    close.edit("lead_b", name="y")
    actions = [
        (event["action"], event["object_id"]) for event in log_of(client) if event["object_type"] != "lead_merge"
    ]
    assert actions == [
        ("updated", "cont_a"),
        ("updated", "cont_a"),
        ("updated", "lead_b"),
        ("merged", "lead_b"),
        ("deleted", "lead_a"),
        ("updated", "cont_a"),
        ("updated", "lead_b"),
        ("deleted", "cont_a"),
        ("deleted", "lead_b"),
        ("created", "lead_b"),
        ("updated", "lead_b"),
    ]


def test_events_show_a_part_of_a_lead_unless_they_show_all_and_nothing_of_what_is_gone(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    (lead,) = close.add("lead/", {"id": "lead_a", "custom.cf_1": 1}, log=True)
    lacks = {"html_url", "contacts", "opportunities", "tasks", "integration_links", "primary_email", "primary_phone"}
    (created,) = log_of(client)
    assert created["data"] == {name: value for name, value in lead.items() if name not in lacks | {"source"}}
    close.edit("lead_a", tasks=[1], name="x")
    assert log_of(client)[-1]["changed_fields"] == ["name"]
    close.behaviour.event_data = "whole"
    close.edit("lead_a", tasks=[2], name="y")
    assert log_of(client)[-1]["changed_fields"] == ["name", "tasks"]
    assert log_of(client)[-1]["previous_data"] == {"name": "x", "tasks": [1]}
    close.behaviour.event_data_deleted = "null"
    close.delete("lead_a")
    deleted = log_of(client)[-1]
    assert (deleted["data"], deleted["previous_data"]["name"]) == (None, "y")


def test_lead_merges_have_one_of_two_names_in_the_log(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(lead_merge_event="activity.lead_merge"))
    close.add("activity/lead_merge/", {}, log=True)
    assert [event["object_type"] for event in log_of(client)] == ["activity.lead_merge"]
