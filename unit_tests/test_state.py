"""What a second sync reads, and what a state promises."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator, Sizes
from source_closeio.endpoints import ENDPOINTS

from .conftest import NOW, Output
from .filling import DATED, DAY, PATH, fill

Sync = Callable[..., Output]
MINUTE = timedelta(minutes=1)


def add(close: Emulator, path: str, **dates_by_id: str) -> None:
    for name, date in dates_by_id.items():
        close.add(path, {"id": name, "date_created": date, "date_updated": date})


@pytest.mark.parametrize("stream", DATED)
def test_two_syncs_in_a_row_repeat_only_the_last_five_minutes(close: Emulator, sync: Sync, stream: str) -> None:
    ids = fill(close, stream, 200, NOW - MINUTE, step=MINUTE)
    options: dict[str, Any] = {"config": {"activities_window_seconds": 0, "updates_window_seconds": 0}}

    first = sync(stream, **options)
    second = sync(stream, state=first.state, **options)

    assert first.ids(stream) == set(ids)
    assert second.ids(stream) == set(ids[-5:])
    assert first.reached(stream) == second.reached(stream)


def test_an_old_lead_edited_in_between_arrives_and_is_new(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "leads", 50)
    first = sync("leads")

    close.edit(ids[3], name="Renamed")
    (lead,) = sync("leads", state=first.state).records("leads")

    assert (lead["id"], lead["name"]) == (ids[3], "Renamed")


def test_an_activity_edited_inside_the_lookback_arrives_and_outside_it_does_not(close: Emulator, sync: Sync) -> None:
    add(
        close,
        "activity/call/",
        before="2026-03-01T08:54:59+00:00",
        boundary="2026-03-01T10:55:00+00:00",
        inside="2026-03-01T11:00:00+00:00",
        running="2026-03-01T11:59:00+00:00",
    )
    first = sync("call_activities")
    assert first.reached("call_activities") == {
        "date_created": "2026-03-01T11:55:00.000000Z",
        "changes": "2026-03-01T11:00:00.000000Z",
    }

    for each in ("before", "boundary", "inside"):
        close.edit(each, note="edited")
    config = {"activities_window_seconds": 3600, "change_capture": "off"}
    second = sync("call_activities", state=first.state, config=config)

    assert second.ids("call_activities") == {"boundary", "inside", "running"}


def test_a_change_that_the_index_showed_late_arrives_within_the_lookback_of_updates(
    close: Emulator, sync: Sync
) -> None:
    add(close, "lead/", before="2026-03-01T10:54:59+00:00", boundary="2026-03-01T10:55:00+00:00")
    state = sync("leads").state
    add(close, "lead/", late="2026-03-01T11:00:00+00:00")

    assert sync("leads", state=state).ids("leads") == {"boundary", "late"}


def test_what_happened_between_two_syncs_arrives_in_the_second(close: Emulator, sync: Sync) -> None:
    streams = [stream for stream in DATED if stream != "event_log"]
    for stream in streams:
        fill(close, stream, 100)
    first = sync(*streams)

    close.now = NOW + 3 * DAY
    for stream in streams:
        add(close, PATH[stream], **{f"{stream}_new": (NOW + DAY).isoformat()})
    second = sync(*streams, state=first.state, config={"activities_window_seconds": 0})

    for stream in streams:
        assert second.ids(stream) == {f"{stream}_new"}


def test_events_of_both_syncs_arrive_and_consolidated_ones_again(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "event_log", 300)
    first = sync("event_log")

    close.now = NOW + DAY
    close.edit(ids[7], date_updated=(NOW + MINUTE).isoformat())
    second = sync("event_log", state=first.state)

    assert first.ids("event_log") == set(ids)
    assert second.ids("event_log") == {ids[7]}


def test_a_write_that_the_index_shows_late_is_not_lost(close: Emulator, sync: Sync) -> None:
    close.behaviour.index_lag = 60
    fill(close, "leads", 10, NOW - DAY)
    close.now = NOW + DAY
    close.add("lead/", {"id": "late", "date_updated": (NOW + DAY).isoformat()})
    first = sync("leads")
    assert "late" not in first.ids("leads")

    close.now = NOW + DAY + 2 * MINUTE
    assert sync("leads", state=first.state).ids("leads") == {"late"}


@pytest.mark.parametrize("stream", DATED)
@pytest.mark.parametrize("workers", [1, 7])
def test_killed_anywhere_and_resumed_the_union_holds_every_record(
    close: Emulator, sync: Sync, stream: str, workers: int
) -> None:
    ids = set(fill(close, stream, 700, step=timedelta(minutes=50)))
    config = {"num_workers": workers, "activities_window_seconds": 0, "start_date": "2026-01-20"}
    whole = sync(stream, config=config)
    assert whole.ids(stream) == ids

    for lines in (5, 60, 200, 450, len(whole.messages) - 3):
        cut = sync(stream, config=config, lines=lines)
        rest = sync(stream, config=config, state=cut.state)
        assert cut.ids(stream) | rest.ids(stream) == ids


def test_a_sync_resumed_late_goes_on_from_where_it_was(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "leads", 1000, step=timedelta(hours=1))
    config = {"num_workers": 1, "date_window": 1, "start_date": "2026-01-01"}
    whole = sync("leads", config=config)
    cut = sync("leads", config=config, lines=len(whole.messages) * 3 // 4)

    rest = sync("leads", config=config, state=cut.state)

    assert 0 < len(rest.ids("leads")) < 600
    assert cut.ids("leads") | rest.ids("leads") == set(ids)


def test_no_checkpoint_precedes_a_record_that_it_covers(sync: Sync) -> None:
    """All streams, 20 workers: behind a state come only records that it does not cover."""
    big = Emulator(
        Sizes(leads=400, contacts=300, opportunities=200, activities=3000, tasks=400, events=900), seed=5, now=NOW
    )
    with big as base_url:
        config = {"base_url": base_url, "num_workers": 20, "date_window": 30, "custom_field_names": True}
        output = sync(*(e.name for e in ENDPOINTS), config=config)

    cursors = {endpoint.name: endpoint.window.cursor for endpoint in ENDPOINTS if endpoint.window}
    claimed: dict[str, str] = {}
    states = 0
    for message in output.messages:
        if message["type"] == "STATE":
            stream = message["state"]["stream"]["stream_descriptor"]["name"]
            if reached := message["state"]["stream"]["stream_state"].get(cursors.get(stream)):
                claimed[stream] = reached.replace("Z", "+00:00")
                states += 1
        elif message["type"] == "RECORD" and message["record"]["stream"] in claimed:
            stream = message["record"]["stream"]
            assert message["record"]["data"][cursors[stream]] >= claimed[stream], stream
    assert states > 40


def test_states_tell_how_many_records_came_since_the_last(close: Emulator, sync: Sync) -> None:
    fill(close, "leads", 300)
    output = sync("leads")

    assert sum(each["state"]["sourceStats"]["recordCount"] for each in output.of("STATE")) == 300


def test_a_clock_that_runs_ahead_does_not_put_the_state_ahead(close: Emulator, sync: Sync) -> None:
    """The emulator's day is long past on this machine's clock."""
    fill(close, "leads", 3)

    assert sync("leads").reached("leads") == {
        "date_updated": "2026-03-01T11:55:00.000000Z",
        "changes": "2026-03-01T11:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        ({"date_updated": "last week"}, "The state of stream leads cannot be read"),
        ({"date_updated": "2999-01-01"}, "The state of stream leads lies in the future"),
        ("2026-01-01", "The state of stream leads cannot be read"),
    ],
)
@pytest.mark.parametrize("others", [(), ("opportunities", "users")])
def test_a_state_that_cannot_be_read_stops_its_stream_only(
    close: Emulator, run: Callable[..., Output], blob: object, sentence: str, others: tuple[str, ...]
) -> None:
    ids = {stream: set(fill(close, stream, 20)) for stream in ("leads", *others)}
    state = [{"type": "STREAM", "stream": {"stream_descriptor": {"name": "leads"}, "stream_state": blob}}]

    output = run("read", *ids, state=state)

    assert {stream: output.ids(stream) for stream in ids} == {**ids, "leads": set()}
    assert output.statuses == {"leads": "INCOMPLETE", **dict.fromkeys(others, "COMPLETE")}
    (error,) = (each["trace"]["error"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR")
    assert error["message"].startswith(sentence)
    assert error["stream_descriptor"]["name"] == "leads"
    assert error["failure_type"] == "config_error"
    assert [each for each in output.state if each["stream"]["stream_descriptor"]["name"] == "leads"] == []
    assert str(output.failure).startswith("Not read whole: leads. ")


def test_a_full_refresh_reads_all_whatever_the_state(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "leads", 20)
    first = sync("leads")

    assert sync("leads", state=first.state, sync_mode="full_refresh").ids("leads") == set(ids)


def test_start_date_is_where_incremental_streams_begin_and_reference_data_ignores_it(
    close: Emulator, sync: Sync
) -> None:
    for stream in ("leads", "call_activities", "users"):
        add(
            close,
            PATH[stream],
            **{f"{stream}_old": "2026-01-09T23:59:59+00:00", f"{stream}_new": "2026-01-10T00:00:00+00:00"},
        )

    output = sync("leads", "call_activities", "users", config={"start_date": "2026-01-10"})

    assert output.ids("leads") == {"leads_new"}
    assert output.ids("call_activities") == {"call_activities_new"}
    assert output.ids("users") == {"users_old", "users_new"}


def test_slices_meet_without_losing_what_lies_on_the_cut(close: Emulator, sync: Sync) -> None:
    """A record at each midnight, and slices of one to three days that are cut at midnight."""
    moments = [(NOW.replace(hour=0) - n * DAY).isoformat() for n in range(60)]
    close.add("activity/call/", *({"id": f"call_{i}", "date_created": at} for i, at in enumerate(moments)))

    for days, workers in itertools.product((1, 2, 3), (1, 20)):
        config = {"start_date": "2025-12-01", "date_window": days, "num_workers": workers}
        output = sync("call_activities", config=config)
        assert output.ids("call_activities") == close.ids("activity/call/")
        assert output.twice("call_activities") == set()


def test_a_stream_that_was_empty_goes_on_from_the_first_sync_and_not_from_the_beginning(
    close: Emulator, sync: Sync
) -> None:
    first = sync("opportunities")
    close.now = NOW + timedelta(hours=1)
    close.forget_requests()
    close.add("opportunity/", {"id": "oppo_new"})

    second = sync("opportunities", state=first.state)

    assert second.ids("opportunities") == {"oppo_new"}
    assert len([request for request in close.requests if request.path == "opportunity/"]) <= 2


def test_a_state_of_source_close_com_by_the_wrong_date_is_read_as_none_with_a_warning(
    close: Emulator, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    """It reads tasks by date_created, so edits of older tasks may never have been read."""
    fill(close, "tasks", 300)
    state = [
        {
            "type": "STREAM",
            "stream": {
                "stream_descriptor": {"name": name},
                "stream_state": {"date_created": "2026-02-28T10:00:00+0000"},
            },
        }
        for name in ("tasks", "call_activities")
    ]

    output = sync("tasks", "call_activities", state=state)

    assert output.ids("tasks") == close.ids("task/")
    assert caplog.text.count("is read from the beginning: its state, by date_created") == 1
    assert list(output.reached("tasks")) == ["date_updated", "changes"]
    assert not [each for each in close.requests if each.params.get("date_created__gte", "2027") < "2026-02-27"]
