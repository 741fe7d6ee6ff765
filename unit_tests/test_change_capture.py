"""What was edited, merged or deleted outside of what a sync reads arrives all the same, by way of the event log."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import pytest

from close_emulator import Emulator
from source_closeio.schemas import DELETED_AT

from .conftest import NOW, Output
from .warehouse import DAY, HOUR, MINUTE, OLD, Warehouse, asked, filled, later, now

Run = Callable[..., Output]
Open = Callable[..., Warehouse]


@pytest.fixture
def opened(close: Emulator, run: Run) -> Open:
    return partial(filled, close, run)


@pytest.mark.parametrize(("data", "of_deleted"), [("part", "{}"), ("whole", "null")])
def test_edits_deletes_and_back_dated_rows_of_every_stream_arrive(
    close: Emulator, opened: Open, data: Any, of_deleted: Any
) -> None:
    warehouse = opened()
    close.behaviour.event_data, close.behaviour.event_data_deleted = data, of_deleted
    for number in range(3):
        for kind in ("lead", "cont", "oppo", "task", "call", "note", "actc", "cobj"):
            close.edit(f"{kind}_{number}", anything="new")
            close.delete(f"{kind}_{number + 3}") if kind != "lead" else None
    close.delete("lead_9")
    close.add("activity/note/", {"id": "note_old", "date_created": OLD}, log=True, at=close.now)

    warehouse.sync()

    assert [each for each in warehouse.differs() if each[0] != "custom_objects"] == []
    assert "note_old" in warehouse.rows["activities"]
    # Nothing tells that the custom objects of a deleted lead are gone.
    assert warehouse.differs() == [("custom_objects", "cobj_9", "gone")]


def test_off_nothing_of_that_arrives_and_the_log_is_not_asked(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities", "note_activities")
    close.edit("call_1", duration=60)
    close.delete("note_1")
    close.forget_requests()

    warehouse.sync(config={"change_capture": "off"})

    assert {each[:2] for each in warehouse.differs()} == {("call_activities", "call_1"), ("note_activities", "note_1")}
    assert asked(close, "event/") == 0


def test_deletes_alone_are_asked_type_by_type_and_edits_do_not_come(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities", "note_activities")
    close.edit("call_1", duration=60)
    close.delete("note_1")
    close.forget_requests()

    warehouse.sync(config={"change_capture": "deletes"})

    assert {each[:2] for each in warehouse.differs()} == {("call_activities", "call_1")}
    kinds = {(each.params["object_type"], each.params["action"]) for each in close.requests if each.path == "event/"}
    assert kinds == {("activity.call", "deleted"), ("activity.note", "deleted")}


def test_a_quiet_sync_asks_the_log_once_for_all_streams(close: Emulator, opened: Open) -> None:
    warehouse = opened()
    close.forget_requests()
    warehouse.sync()
    with_log = len(close.requests)
    close.forget_requests()
    warehouse.sync(config={"change_capture": "off"})

    assert with_log == len(close.requests) + 1


def test_two_hundred_edits_among_five_thousand_events_cost_three_requests_more_than_the_log(
    close: Emulator, run: Run
) -> None:
    old = [{"id": f"call_{number:03}", "date_created": OLD, "date_updated": OLD} for number in range(300)]
    close.add("activity/call/", *old)
    warehouse = Warehouse(close, run, "call_activities")
    warehouse.sync()
    close.now = NOW + 2 * HOUR
    close.add("lead/", *({"id": f"lead_{number:04}"} for number in range(4800)), log=True, at=NOW + HOUR)
    for number in range(200):
        close.edit(f"call_{number:03}", duration=number, at=NOW + number * MINUTE / 3)
    close.forget_requests()

    warehouse.sync(config={"num_workers": 2})

    assert warehouse.differs() == []
    assert sum("id__in" in each.params for each in close.requests) == 3
    assert sum(each.path.startswith("activity/call/call_") for each in close.requests) == 0


def test_01_a_row_that_was_read_and_deleted_meanwhile_gets_its_tombstone_behind_it(
    close: Emulator, opened: Open
) -> None:
    warehouse = opened("contacts")
    close.edit("cont_1", name="new")
    gone: list[str] = []

    def delete(request: Any) -> None:
        if request.path == "event/" and not gone:
            gone.extend(close.delete("cont_1"))

    close.on_request = delete
    output = warehouse.sync()

    records = [each for each in output.records("contacts") if each["id"] == "cont_1"]
    assert [each.get(DELETED_AT) is not None for each in records] == [False, True]
    assert records[1]["date_updated"] >= records[0]["date_updated"]
    assert warehouse.differs() == []


def test_02_what_is_deleted_after_the_log_was_read_goes_with_the_next_sync(close: Emulator, opened: Open) -> None:
    warehouse = opened("contacts")
    close.edit("cont_0", name="new", at=now(close) - HOUR)
    log_was_read: list[bool] = []

    def delete(request: Any) -> None:
        if log_was_read and "cont_1" in close.ids("contact/"):
            close.delete("cont_1")
        log_was_read.extend([True] if request.path == "event/" else [])

    close.on_request = delete
    close.delete("cont_2")
    warehouse.sync()
    assert warehouse.differs() == [("contacts", "cont_1", "gone")]

    warehouse.sync()
    assert warehouse.differs() == []


@pytest.mark.parametrize("rows", ["indexed", "now"])
def test_03_an_edit_that_lists_show_late_arrives_and_no_older_version_comes_behind_it(
    close: Emulator, opened: Open, rows: Literal["indexed", "now"]
) -> None:
    warehouse = opened()
    close.behaviour.index_lag, close.behaviour.index_rows = 3 * 3600, rows
    for kind in ("lead", "cont", "oppo", "task", "call", "cobj"):
        close.edit(f"{kind}_1", anything="new")
        close.edit(f"{kind}_2", anything="new")
    close.delete("call_3", "cont_3")
    later(close, 2 * HOUR)

    warehouse.sync()
    assert warehouse.differs() == []

    later(close, HOUR)
    warehouse.sync()
    assert warehouse.differs() == []


def test_03_a_row_that_lists_show_as_it_was_after_the_last_edit_but_one_is_asked_for_again(
    close: Emulator, opened: Open
) -> None:
    warehouse = opened("leads", "contacts", "tasks")
    ids = [f"{kind}_{number}" for kind in ("lead", "cont", "task") for number in range(3)]
    for each in ids:
        close.edit(each, anything="new")
    later(close, MINUTE)
    close.behaviour.index_lag = 3 * 3600
    for each in ids:
        close.edit(each, anything="newer")
    later(close, HOUR)

    warehouse.sync()

    assert warehouse.differs() == []


@pytest.mark.parametrize("order", ["kept", "mixed"])
def test_04_events_that_are_late_out_of_order_and_consolidated_are_not_missed(
    close: Emulator, opened: Open, order: Literal["kept", "mixed"]
) -> None:
    warehouse = opened("call_activities", "note_activities")
    close.behaviour.event_lag, close.behaviour.event_order = 600, order
    close.behaviour.event_consolidation = 3600
    for number in range(12):
        later(close, MINUTE)
        close.edit(f"call_{number}", duration=number)
        close.edit("note_1", note=str(number))
        warehouse.sync()
    close.delete("call_11")
    later(close, 11 * MINUTE)

    warehouse.sync()

    assert warehouse.differs() == []


def test_05_an_id_that_is_deleted_and_comes_again_is_there(close: Emulator, opened: Open) -> None:
    warehouse = opened("leads", "call_activities")
    calls = {each["id"]: each for each in close.all("activity/call/")}
    close.delete("call_1")
    warehouse.sync()
    assert "call_1" not in warehouse.rows["call_activities"]

    later(close, MINUTE)
    close.behaviour.index_lag = 600
    for each in ("call_2", "call_3"):
        close.delete(each)
    for each in ("call_1", "call_2", "call_3"):
        close.add("activity/call/", calls[each], log=True, at=close.now)
    close.delete("call_3")
    output = warehouse.sync()

    gone = {each["id"] for each in output.records("call_activities") if each.get(DELETED_AT)}
    assert gone == {"call_3"}
    assert {"call_1", "call_2"} <= output.ids("call_activities")


def test_05_an_id_that_is_deleted_twice_is_gone(close: Emulator, opened: Open) -> None:
    warehouse = opened("contacts")
    (contact,) = (each for each in close.all("contact/") if each["id"] == "cont_1")
    close.delete("cont_1")
    later(close, MINUTE)
    close.add("contact/", {**contact, "date_updated": now(close).isoformat()}, log=True)
    warehouse.sync()
    assert warehouse.differs() == []

    later(close, MINUTE)
    close.delete("cont_1")
    warehouse.sync()
    assert warehouse.differs() == []


def test_06_what_is_still_served_after_its_end_goes_as_soon_as_it_is_not(close: Emulator, opened: Open) -> None:
    warehouse = opened()
    close.behaviour.delete_lag = 1800
    gone = [f"{kind}_{number}" for kind in ("cont", "call", "task", "oppo") for number in range(3)]
    close.delete(*gone)
    output = warehouse.sync()
    assert {each[1] for each in warehouse.differs()} == set(gone)
    assert output.records("call_activities") == []

    later(close, HOUR)
    warehouse.sync()
    assert warehouse.differs() == []


@pytest.mark.parametrize("event", ["lead_merge", "activity.lead_merge"])
@pytest.mark.parametrize("dates", ["kept", "moved"])
def test_07_08_after_a_merge_the_source_is_gone_and_all_it_had_has_another_lead(
    close: Emulator, opened: Open, dates: Any, event: Any
) -> None:
    warehouse = opened()
    close.behaviour.merge_dates, close.behaviour.lead_merge_event = dates, event
    moved = close.merge("lead_1", "lead_2")
    assert {"cobj_1", "call_1", "cont_1"} <= set(moved)

    warehouse.sync()

    assert warehouse.differs() == []
    assert warehouse.rows["custom_objects"]["cobj_1"]["lead_id"] == "lead_2"


def test_12_a_row_that_was_read_as_it_is_does_not_come_again_by_way_of_the_log(close: Emulator, opened: Open) -> None:
    recent = {"date_created": now(close).isoformat(), "date_updated": now(close).isoformat()}
    close.add("activity/call/", {"id": "call_new", "lead_id": "lead_1", **recent})
    warehouse = opened("call_activities")
    close.merge("lead_1", "lead_2")

    output = warehouse.sync()

    assert [each["lead_id"] for each in output.records("call_activities") if each["id"] == "call_new"] == ["lead_2"]
    assert warehouse.differs() == []


def test_07_a_merge_whose_source_has_no_event_of_its_own_takes_it_along(close: Emulator, opened: Open) -> None:
    warehouse = opened("leads")
    close.behaviour.events_on_change = False
    close.merge("lead_1", "lead_2")
    meta = {"merge_source_lead_id": "lead_1", "merge_destination_lead_id": "lead_2"}
    moment = {"date_created": now(close).isoformat(), "date_updated": now(close).isoformat()}
    told = {"object_type": "lead", "action": "merged", "object_id": "lead_2", "lead_id": "lead_2", "meta": meta}
    close.add("event/", {**told, **moment})

    warehouse.sync()

    assert warehouse.differs() == []


def test_09_a_tombstone_is_never_older_than_its_row(close: Emulator, opened: Open) -> None:
    warehouse = opened("contacts", "tasks", "call_activities")
    future = (now(close) + 90 * DAY).isoformat()
    close.edit("cont_1", name="new", date_updated=future)
    close.edit("task_1", name="new", date_updated=future)
    warehouse.sync()
    close.delete("cont_1", "task_1", "call_1")

    warehouse.sync()

    assert warehouse.differs() == []


def test_10_without_the_column_or_in_full_refresh_there_are_no_tombstones_and_edits_come(
    close: Emulator, opened: Open, run: Run
) -> None:
    warehouse = opened("call_activities", declares=False)
    close.delete("call_1")
    close.edit("call_2", duration=60)
    output = warehouse.sync()
    assert output.ids("call_activities") == {"call_2"}

    again = run("read", "call_activities", state=warehouse.state, sync_mode="full_refresh")
    assert again.ids("call_activities") == close.ids("activity/call/")
    assert not [each for each in again.records("call_activities") if DELETED_AT in each]


def test_11_24_a_tombstone_says_what_is_known_and_is_the_same_again(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities")
    close.delete("call_1")
    first, second = (warehouse.sync().records("call_activities") for _ in range(2))
    later(close, 5 * MINUTE)
    third = warehouse.sync().records("call_activities")

    assert first == second == third
    assert first == [
        {
            "id": "call_1",
            "lead_id": "lead_1",
            "date_created": OLD,
            DELETED_AT: "2026-03-01T14:00:00+00:00",
        }
    ]


def test_the_stream_of_deletions_says_what_was_deleted_and_how(close: Emulator, run: Run) -> None:
    close.now = NOW + HOUR
    at, user = NOW + 30 * MINUTE, "user_1"
    for object_id, meta in (
        ("call_1", {"bulk_action_id": "bulk_1"}),
        ("cont_1", {"merge_source_lead_id": "lead_1", "merge_destination_lead_id": "lead_2"}),
        ("lead_3", {"revert_import_id": "imp_1"}),
        ("task_1", {}),
    ):
        for action in ("updated", "deleted"):
            event = {"id": f"{action}_{object_id}", "action": action, "object_type": "x", "object_id": object_id}
            dates = {"date_created": at.isoformat()[:19], "date_updated": at.isoformat()[:19]}
            close.add("event/", {**event, **dates, "lead_id": "lead_1", "user_id": user, "meta": meta})

    records = {each["object_id"]: each for each in run("read", "deletions").records("deletions")}

    told = {
        name: [each.get(name) for each in records.values()] for name in ("merged_into", "bulk_action_id", "import_id")
    }
    assert set(records) == {"call_1", "cont_1", "lead_3", "task_1"}
    assert set(told["merged_into"]) == {None, "lead_2"}
    assert set(told["bulk_action_id"]) == {None, "bulk_1"}
    assert set(told["import_id"]) == {None, "imp_1"}
    for each in records.values():
        assert each["id"] == f"deleted_{each['object_id']}"
        assert (each["object_type"], each["lead_id"], each["user_id"]) == ("x", "lead_1", user)
        assert each["deleted_at"] == at.isoformat()[:19] + "+00:00"
