"""How the event log is followed: its types, states, gaps, refusals, and rows by their ids."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from close_emulator import Emulator, faults
from source_closeio.endpoints import ENDPOINTS
from source_closeio.schemas import DELETED_AT

from .conftest import NOW, Output
from .warehouse import DAY, HOUR, MINUTE, OLD, Warehouse, asked, filled, later, now, path_of

Run = Callable[..., Output]
Open = Callable[..., Warehouse]


@pytest.fixture
def opened(close: Emulator, run: Run) -> Open:
    return partial(filled, close, run)


EVENT_TYPES = {
    *("lead", "contact", "opportunity", "lead_merge", "import", "export.lead", "export.opportunity", "membership"),
    *("custom_activity_type", "custom_object_type", "custom_object", "status.lead", "status.opportunity", "group"),
    *("saved_search", "phone_number", "email_template", "sms_template", "sequence", "sequence_subscription"),
    *("comment", "comment_thread", "unsubscribed_email"),
    *(
        f"task.{kind}"
        for kind in [
            "lead",
            "incoming_email",
            "email_followup",
            "missed_call",
            "answered_detached_call",
            "voicemail",
            "opportunity_due",
            "incoming_sms",
            "outgoing_call",
        ]
    ),
    *(
        f"activity.{kind}"
        for kind in [
            "email",
            "email_thread",
            "call",
            "sms",
            "meeting",
            "note",
            "whatsapp_message",
            "form_submission",
            "custom_activity",
            "lead_status_change",
            "opportunity_status_change",
            "task_completed",
        ]
    ),
    *(f"bulk_action.{kind}" for kind in ("delete", "edit", "email", "sequence_subscription")),
    *(f"custom_fields.{kind}" for kind in ("lead", "contact", "opportunity", "activity", "custom_object", "shared")),
}
"""https://developer.close.com/api/resources/events/list-of-event-types"""


def test_13_each_type_of_close_is_that_of_a_stream_but_for_imports_which_have_no_list() -> None:
    ours = {event for endpoint in ENDPOINTS for event in endpoint.events}

    assert EVENT_TYPES - ours == {"import"}
    assert ours - EVENT_TYPES == {"activity.lead_merge"}  # the other name of lead_merge


def test_13_a_type_that_is_not_known_is_told_once(close: Emulator, opened: Open, caplog: Any) -> None:
    warehouse = opened("call_activities")
    for number in range(3):
        close.add("event/", {"object_type": "hologram", "action": "created", "object_id": f"holo_{number}"})

    warehouse.sync()

    assert caplog.text.count("hologram") == 1


def test_14_what_lies_before_the_start_date_does_not_come_by_way_of_the_log(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities")
    close.edit("call_1", duration=60)

    assert warehouse.sync(config={"start_date": "2026-01-01"}).ids("call_activities") == set()


def test_15_a_first_sync_that_is_cut_short_and_resumed_a_day_later_misses_no_change(close: Emulator, run: Run) -> None:
    rows = ({"id": f"call_{number:03}", "date_created": (NOW - number * HOUR).isoformat()} for number in range(1000))
    close.add("activity/call/", *rows)
    warehouse = Warehouse(close, run, "call_activities")
    config = {"num_workers": 1, "date_window": 5, "start_date": "2025-05-01"}
    warehouse.sync(lines=800, config=config)
    assert "changes" in warehouse.state[0]["stream"]["stream_state"]
    assert 0 < len(warehouse.rows["call_activities"]) < 1000
    close.now = NOW + DAY
    held = sorted(warehouse.rows["call_activities"])
    close.delete(held[0])
    close.edit(held[1], duration=60)

    warehouse.sync(config=config)

    assert warehouse.differs() == []


def test_15_of_a_first_sync_that_ended_before_any_date_no_ghosts_are_left(close: Emulator, run: Run) -> None:
    close.add("activity/call/", *({"id": f"call_{number}", "date_created": OLD} for number in range(300)))
    warehouse = Warehouse(close, run, "call_activities")
    warehouse.sync(lines=50)
    assert warehouse.state[0]["stream"]["stream_state"] == {"changes": "2026-03-01T11:00:00.000000Z"}
    held = sorted(warehouse.rows["call_activities"])
    close.now = NOW + HOUR
    close.delete(*held[:3])

    warehouse.sync()

    assert len(held) > 3
    assert warehouse.differs() == []


def test_16_streams_with_other_watermarks_share_the_pass_and_move_alone(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities")
    close.delete("call_1")
    later(close, DAY)
    two = Warehouse(close, warehouse._run, "call_activities", "note_activities")
    two.rows["call_activities"], two.state = warehouse.rows["call_activities"], warehouse.state
    two.sync()
    close.forget_requests()
    close.delete("note_1")
    two.sync()

    assert two.differs() == []
    assert asked(close, "event/") == 1


def test_17_a_stream_that_is_quiet_for_months_asks_once_each_time_and_its_state_moves(
    close: Emulator, opened: Open
) -> None:
    warehouse = opened("call_activities")
    for _ in range(4):
        later(close, 20 * DAY)
        close.forget_requests()
        output = warehouse.sync()
        assert output.records("call_activities") == []
        assert output.reached("call_activities")["changes"] == (now(close) - HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        assert asked(close, "event/") == 1


def test_18_a_gap_is_told_once_with_streams_and_dates_and_edits_of_activities_in_it_are_searched_for(
    close: Emulator, opened: Open, caplog: Any
) -> None:
    warehouse = opened("call_activities", "note_activities", "activities")
    close.edit("call_1", duration=60, at=NOW + 3 * HOUR)
    close.delete("note_1", at=NOW + 3 * HOUR)
    close.forget_requests()
    later(close, 40 * DAY)
    close.edit("call_2", duration=60, at=now(close) - 29 * DAY)

    output = warehouse.sync()

    assert {each[1] for each in warehouse.differs()} == {"note_1"}
    assert output.ids("call_activities") == {"call_1", "call_2"}
    edge = (now(close) - 30 * DAY).isoformat()
    assert {each.params["date_updated__gte"] for each in close.requests if each.path == "event/"} == {edge}
    (log,) = (each.getMessage() for each in caplog.records if "Close keeps 30 days" in each.getMessage())
    (search,) = (each.getMessage() for each in caplog.records if "are searched for" in each.getMessage())
    for told in (log, search):
        assert "call_activities from 2026-03-01T11:00" in told
        assert "note_activities from 2026-03-01T11:00" in told
    assert "not those of activity.form_submission, activity.lead_merge, activity.whatsapp_message, lead_merge" in search
    caplog.clear()
    close.forget_requests()
    warehouse.sync()
    assert "Close keeps 30 days" not in caplog.text
    assert asked(close, "data/search/") == 0


def test_18_a_kind_that_may_not_be_searched_is_told_and_the_others_come(
    close: Emulator, opened: Open, caplog: Any
) -> None:
    warehouse = opened("call_activities", "note_activities")
    close.edit("call_1", duration=60)
    close.edit("note_1", note="new")
    close.behaviour.refused["data/search/activity.note"] = 403
    later(close, 40 * DAY)

    warehouse.sync()

    assert {each[1] for each in warehouse.differs()} == {"note_1"}
    assert "but not those of activity.note, which cannot be" in caplog.text


def test_18_while_search_fails_no_watermark_moves(close: Emulator, opened: Open, caplog: Any) -> None:
    warehouse = opened("call_activities")
    close.edit("call_1", duration=60)
    later(close, 40 * DAY)
    close.fail(faults.answer(503, {}), "data/search/")

    output = warehouse.sync()

    assert output.reached("call_activities")["changes"] == "2026-03-01T11:00:00.000000Z"
    assert "Stream call_activities lacks some edits" in caplog.text
    close.heal()
    warehouse.sync()
    assert warehouse.differs() == []


def test_19_while_the_log_is_refused_edits_of_activities_are_searched_for_each_once(
    close: Emulator, opened: Open
) -> None:
    warehouse = opened("call_activities", "contacts")
    close.behaviour.event_log_allowed = False
    for number in range(3):
        later(close, 25 * DAY)
        close.edit(f"call_{number}", duration=60, at=now(close) - 2 * HOUR)
        close.delete(f"call_{number + 5}")
        output = warehouse.sync()
        assert output.ids("call_activities") == {f"call_{number}"}
        assert output.reached("call_activities")["changes"] == "2026-03-01T11:00:00.000000Z"
        assert "searched" not in output.reached("contacts")
    assert output.reached("call_activities")["searched"] == (now(close) - HOUR).strftime("%Y-%m-%dT%H:%M:%S.000000Z")

    close.behaviour.event_log_allowed = True
    output = warehouse.sync()

    assert {each[1] for each in warehouse.differs()} == {"call_5"}  # its event is gone
    assert "searched" not in output.reached("call_activities")


@pytest.mark.parametrize("at", [1, 2])
def test_19_a_log_that_is_refused_is_one_warning_and_once_granted_nothing_is_missing(
    close: Emulator, opened: Open, caplog: Any, at: int
) -> None:
    warehouse = opened("call_activities", "note_activities")
    for number in range(60):
        close.edit("call_1", duration=number, at=now(close) - number * MINUTE)
    close.delete("note_1")
    before = warehouse.state
    close.on_request = lambda request: refuse_from(close, request, at)
    output = warehouse.sync()
    assert caplog.text.count("The next sync asks for them again") == 1
    assert output.reached("call_activities")["changes"] == before[0]["stream"]["stream_state"]["changes"]

    close.on_request, close.behaviour.event_log_allowed = None, True
    later(close, DAY)
    warehouse.sync()
    assert warehouse.differs() == []


def test_19_a_log_that_is_not_understood_moves_no_watermark(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities", "note_activities")
    close.edit("call_1", duration=60, at=NOW + 30 * MINUTE)
    close.delete("note_1", at=NOW + 30 * MINUTE)
    odd = {"data": [{"id": "ev_1", "date_updated": "soon"}], "cursor_next": None}
    close.fail(faults.answer(200, odd), "event/")
    output = warehouse.sync(fails=True)
    assert sorted(output.statuses.values()) == ["COMPLETE", "INCOMPLETE"]
    assert not [stream for stream in warehouse.streams if "searched" in output.reached(stream)]

    close.heal()
    later(close, DAY)
    warehouse.sync()
    assert warehouse.differs() == []


def refuse_from(close: Emulator, request: Any, number: int) -> None:
    if request.path == "event/":
        close.behaviour.event_log_allowed = asked(close, "event/") + 1 < number


def test_20_for_a_key_without_rights_deletes_come_and_what_it_may_not_see_is_not_deleted(
    close: Emulator, opened: Open
) -> None:
    warehouse = opened()
    close.behaviour.admin = False
    close.edit("call_1", duration=60)
    close.edit("cont_1", name="new")
    close.edit("call_3", duration=60)
    close.behaviour.hidden = {"call_1", "cont_1"}
    close.delete("call_2", "cont_2", "oppo_2")
    later(close, 2 * HOUR)

    output = warehouse.sync()

    assert {each[1] for each in warehouse.differs()} == {"call_1", "cont_1"}
    assert not [each for each in output.records("contacts") if each["id"] == "cont_1"]
    assert {"call_1", "cont_1"} <= warehouse.rows["activities"].keys() | warehouse.rows["contacts"].keys()


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"id_in_cap": 40, "id_in_over": "refused", "search_ids_cap": 40},
        {"id_in_cap": 40, "id_in_over": "ignored"},
        {"id_in_cap": 40, "id_in_over": "cut"},
        {"id_in": frozenset()},
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", ["leads", "contacts", "opportunities", "tasks", "call_activities", "activities"])
def test_21_after_a_bulk_delete_the_living_live_and_the_dead_are_gone(
    close: Emulator, run: Run, stream: str, switches: dict[str, Any]
) -> None:
    path = "activity/call/" if stream == "activities" else path_of(stream)
    close.add(path, *({"id": f"row_{number:03}", "date_created": OLD, "date_updated": OLD} for number in range(300)))
    warehouse = Warehouse(close, run, stream)
    warehouse.sync()
    close.now = NOW + 2 * HOUR
    rows = {row["id"]: row for row in close.all(path)}
    for number in range(50):
        close.edit(f"row_{number:03}", anything="new")
    close.delete(*(f"row_{number:03}" for number in range(100, 290)), meta={"bulk_action_id": "bulk_1"})
    close.add(path, *(rows[f"row_{number:03}"] for number in (101, 150, 199, 250, 289)))  # without a word
    for name, value in switches.items():
        setattr(close.behaviour, name, value)
    close.forget_requests()

    warehouse.sync()

    assert warehouse.differs() == []
    if not switches:
        assert len(close.requests) - asked(close, "event/") < 20


def test_21_pages_of_many_ids_are_asked_for_side_by_side(close: Emulator, run: Run) -> None:
    dates = {"date_created": OLD, "date_updated": OLD}
    close.add("activity/call/", *({"id": f"call_{number:03}", **dates} for number in range(300)))
    warehouse = Warehouse(close, run, "call_activities")
    warehouse.sync()
    close.now = NOW + 2 * HOUR
    for number in range(300):
        close.edit(f"call_{number:03}", duration=60)
    together, first = threading.Barrier(3), iter((True,))

    def hold(request: Any) -> None:
        if "id__in" in request.params and not next(first, False):
            together.wait(10)

    close.on_request = hold
    warehouse.sync()

    assert warehouse.differs() == []
    assert not together.broken


@pytest.mark.parametrize("offset", [-0.25, 0.25, 90.0])
def test_events_stamped_apart_from_their_rows_leave_nothing_out(close: Emulator, opened: Open, offset: float) -> None:
    warehouse = opened()
    close.behaviour.event_offset, close.behaviour.events_naive = offset, offset > 0
    close.edit("call_1", duration=60)
    close.edit("cont_1", name="new")
    close.delete("call_2", "cont_2")

    warehouse.sync()

    assert warehouse.differs() == []


def test_23_switched_off_and_on_again_nothing_of_the_time_between_is_missing(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities")
    close.edit("call_1", duration=60)
    close.delete("call_2")
    for _ in range(3):
        later(close, DAY)
        warehouse.sync(config={"change_capture": "off"})
    assert {each[1] for each in warehouse.differs()} == {"call_1", "call_2"}

    warehouse.sync()

    assert warehouse.differs() == []


def test_23_a_state_without_a_watermark_begins_where_it_stands(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities")
    for each in warehouse.state:
        del each["stream"]["stream_state"]["changes"]
    close.edit("call_1", duration=60)
    close.delete("call_2")

    warehouse.sync()

    assert warehouse.differs() == []


def test_a_watermark_that_cannot_be_read_is_a_sentence(opened: Open) -> None:
    warehouse = opened("call_activities")
    for value in ("yesterday", 7, "2027-01-01T00:00:00Z"):
        warehouse.state[0]["stream"]["stream_state"]["changes"] = value
        output = warehouse.sync(fails=True)
        (error,) = output.errors
        assert "The state of stream call_activities" in error


def test_killed_anywhere_and_gone_on_nothing_is_missing(close: Emulator, opened: Open) -> None:
    warehouse = opened("call_activities", "contacts")
    for number in range(4):
        close.edit(f"call_{number}", duration=60)
        close.edit(f"cont_{number}", name="new")
    close.delete("call_5", "call_6", "cont_5", "cont_6")
    for lines in range(1, 25):
        warehouse.sync(lines=lines)

    warehouse.sync()

    assert warehouse.differs() == []


def test_discover_shows_the_column_where_there_are_events_unless_it_is_off(run: Run) -> None:
    def declaring(config: dict[str, Any]) -> set[str]:
        streams = run("discover", config=config).of("CATALOG")[0]["catalog"]["streams"]
        return {each["name"] for each in streams if DELETED_AT in each["json_schema"]["properties"]}

    assert declaring({}) == {each.name for each in ENDPOINTS if each.window and each.events}
    assert declaring({"change_capture": "off"}) == set()


def test_an_option_that_is_none_of_the_three_is_a_sentence(run: Run) -> None:
    output = run("check", config={"change_capture": "sometimes"})

    (status,) = output.of("CONNECTION_STATUS")
    assert (
        "Change Capture (`change_capture`) must be one of: edits and deletes, deletes, off."
        in status["connectionStatus"]["message"]
    )
