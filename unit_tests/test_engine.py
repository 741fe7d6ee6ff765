"""The streams of one sync beside each other, without Close: where they go on, what they tell, and how they end."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStream,
    AirbyteStreamState,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.streams.concurrent.cursor import FinalStateCursor
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio import engine as engines
from source_closeio.changes import LAG
from source_closeio.config import read_settings
from source_closeio.endpoints import ENDPOINTS
from source_closeio.engine import Engine
from source_closeio.errors import StateError, StreamRefused, TellUs
from source_closeio.readers import DatedReader
from source_closeio.streams import CloseStream, Connection, stream_of
from source_closeio.windows import Part, Span, state_text
from source_closeio.workers import Workers

from .conftest import NOW
from .filling import DAY

MINUTES = timedelta(minutes=5)
"""Before the moment up to which time is over; the state goes no further."""

Rows = Mapping[str, Callable[[Part], Iterator[Any]]]


def state_of(stream: str, **blob: Any) -> AirbyteStateMessage:
    told = AirbyteStreamState(StreamDescriptor(name=stream), AirbyteStateBlob(blob))
    return AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=told)


class Synced:
    """An engine with streams that bring what is said here, and ask nobody."""

    def __init__(
        self,
        rows: Rows,
        *state: AirbyteStateMessage,
        mode: SyncMode = SyncMode.incremental,
        generation: int | None = None,
        sync_id: int | None = None,
        **config: Any,
    ) -> None:
        self.connection = Connection(read_settings({"api_key": "key", "base_url": "http://127.0.0.1:9", **config}))
        self.engine = Engine(self.connection, list(state), NOW)
        self.streams: dict[str, CloseStream] = {}
        for name, bring in rows.items():
            (endpoint,) = (each for each in ENDPOINTS if each.name == name)
            stream = self.streams[name] = stream_of(endpoint, self.connection)
            stream.rows = lambda part, limit, share=None, bring=bring: bring(part)  # type: ignore[method-assign, misc]
            stream.count = lambda: 7  # type: ignore[method-assign]
            told = AirbyteStream(name=name, json_schema={}, supported_sync_modes=[mode])
            self.engine.add(
                stream,
                ConfiguredAirbyteStream(
                    told, mode, DestinationSyncMode.append, generation_id=generation, sync_id=sync_id
                ),
            )

    @property
    def reader(self) -> Any:
        (reader,) = self.engine._readers
        return reader

    @property
    def span(self) -> tuple[Span, Span]:
        assert isinstance(self.reader, DatedReader)
        return self.reader._span, self.reader._tail


def brings(*ids: str) -> Callable[[Part], Iterator[Any]]:
    return lambda part: ({"id": each, "date_updated": "2026-02-01T00:00:00+00:00"} for each in ids)


def ids(messages: list[AirbyteMessage]) -> list[str]:
    return [message.record.data["id"] for message in messages if message.record]


def states(messages: list[AirbyteMessage]) -> list[dict[str, Any]]:
    told = [message.state.stream for message in messages if message.state]
    return [vars(each.stream_state) for each in told if each and each.stream_state]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# Where a stream goes on


def test_a_first_sync_reads_from_the_start_date_and_one_without_it_from_the_beginning() -> None:
    end = NOW - MINUTES
    assert Synced({"tasks": brings()}).span == (Span(None, end), Span(end))
    assert Synced({"tasks": brings()}, start_date="2026-01-05").span == (
        Span(datetime.fromisoformat("2026-01-05T00:00:00+00:00"), end),
        Span(end),
    )


@pytest.mark.parametrize(
    ("stream", "cursor", "lookback"), [("tasks", "date_updated", 1800), ("call_activities", "date_created", 7200)]
)
def test_an_incremental_sync_goes_on_from_its_state_less_the_lookback_of_its_cursor(
    stream: str, cursor: str, lookback: int
) -> None:
    options = {"updates_window_seconds": 1800, "activities_window_seconds": 7200}
    state = state_of(stream, **{cursor: "2026-02-20T10:00:00Z"})
    start = datetime.fromisoformat("2026-02-20T10:00:00+00:00") - timedelta(seconds=lookback)

    assert Synced({stream: brings()}, state, **options).span[0] == Span(start, NOW - MINUTES)
    whole = Synced({stream: brings()}, state, mode=SyncMode.full_refresh, **options)
    assert whole.span[0] == Span(None, NOW - MINUTES)


@pytest.mark.parametrize("name", ["date_updated", "changes"])
def test_a_state_that_is_none_is_an_error(name: str) -> None:
    with pytest.raises(StateError, match="The state of stream tasks cannot be read"):
        Synced({"tasks": brings()}, state_of("tasks", **{name: "last week"}))


def test_the_state_of_a_sync_that_was_told_nothing_new_stays_as_it_was() -> None:
    state = state_text(NOW - DAY)
    synced = Synced({"tasks": brings()}, state_of("tasks", date_updated=state), change_capture="off")

    assert synced.engine._streams[0].cursor.state == {"date_updated": state}
    assert states(list(synced.engine.read()))[-1] == {"date_updated": state_text(NOW - MINUTES)}


def test_a_state_by_another_date_is_none_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    state = state_of("tasks", date_created="2026-02-20T10:00:00Z")

    assert Synced({"tasks": brings()}, state).span[0] == Span(None, NOW - MINUTES)
    assert warnings(caplog) == [
        "Stream tasks is read from the beginning: its state, by date_created, does not tell which edits have been read."
    ]


@pytest.mark.parametrize(("seconds", "told"), [(-1, True), (0, False), (1, False)])
def test_a_state_older_than_what_close_keeps_is_a_hole(
    seconds: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kept = NOW - 30 * DAY
    state = kept + timedelta(seconds=seconds)
    Synced({"event_log": brings()}, state_of("event_log", date_updated=state_text(state)))

    hole = (
        f"Stream event_log has a hole: Close keeps 30 days of it, so what came after {state_text(state)} and before "
        f"{state_text(kept)} is gone; sync more often."
    )
    assert warnings(caplog) == [hole] * told


@pytest.mark.parametrize(
    ("state", "generation", "read"),
    [
        ([], None, False),
        ([], 1, False),
        ([], 2, True),
        ([state_of("tasks", date_updated="2026-02-20T10:00:00Z")], None, True),
        ([state_of("leads", date_updated="2026-02-20T10:00:00Z")], None, False),
        ([state_of("tasks", changes="2026-02-20T10:00:00Z")], None, False),
    ],
)
def test_a_stream_was_read_before_if_it_has_a_state_or_is_of_a_later_generation(
    state: list[AirbyteStateMessage], generation: int | None, read: bool
) -> None:
    assert Synced({"tasks": brings()}, *state, generation=generation).reader._was_read is read
    if not state:
        assert Synced({"users": brings()}, generation=generation).reader._was_read is read


# What is said of the event log


@pytest.mark.parametrize(
    ("stream", "blob", "capture", "beside"),
    [
        ("tasks", {}, "deletes", {"changes": state_text(NOW - LAG)}),
        ("tasks", {}, "off", {}),
        ("tasks", {"changes": "2026-02-03T00:00:00Z"}, "off", {"changes": "2026-02-03T00:00:00.000000Z"}),
        ("tasks", {"date_updated": "2026-02-20T10:00:00Z"}, "off", {}),
        ("event_log", {}, "deletes", {}),
        (
            "tasks",
            {"changes": "2026-02-03T00:00:00Z", "searched": "2026-02-04T00:00:00Z"},
            "off",
            {"changes": "2026-02-03T00:00:00.000000Z", "searched": "2026-02-04T00:00:00.000000Z"},
        ),
        ("event_log", {"changes": "2026-02-03T00:00:00Z"}, "deletes", {"changes": "2026-02-03T00:00:00.000000Z"}),
    ],
)
def test_a_state_says_from_when_on_the_log_is_to_be_followed(
    stream: str, blob: dict[str, str], capture: str, beside: dict[str, str]
) -> None:
    synced = Synced({stream: brings()}, state_of(stream, **blob), change_capture=capture)
    assert synced.reader._capture is None
    list(synced.engine.read())

    assert synced.engine._streams[0].cursor.state == {"date_updated": state_text(NOW - MINUTES), **beside}


THIRD, FOURTH, FIFTH = (f"2026-02-0{day}T00:00:00.000000Z" for day in (3, 4, 5))


@pytest.mark.parametrize(
    ("blob", "since"),
    [
        ({"date_updated": FOURTH}, {"changes": FOURTH}),
        ({"date_updated": FOURTH, "changes": THIRD}, {"changes": THIRD}),
        ({"changes": THIRD}, {"changes": THIRD}),
        ({"changes": THIRD, "searched": FIFTH}, {"changes": THIRD, "searched": FIFTH}),
        ({"date_updated": FOURTH, "searched": FIFTH}, {"changes": FOURTH, "searched": FIFTH}),
        ({"date_updated": FOURTH, "searched": THIRD}, {"changes": FOURTH}),
    ],
)
def test_a_sync_that_goes_on_follows_the_log_from_where_the_last_one_ended(
    blob: dict[str, str], since: dict[str, str]
) -> None:
    synced = Synced({"tasks": brings()}, state_of("tasks", **blob))
    capture = synced.reader._capture

    assert capture.state == since
    assert capture._stream is synced.streams["tasks"]
    assert capture._connection is capture._changes._connection is synced.connection
    assert vars(synced.engine._streams[0].cursor)["_beside"] == since
    assert vars(synced.engine._streams[0].cursor)["_told"] == blob


@pytest.mark.parametrize(
    ("mode", "sync_id", "goes_on", "beside"),
    [
        (SyncMode.full_refresh, 7, True, {"changes": THIRD, "sync_id": 7}),
        (SyncMode.full_refresh, 8, False, {"changes": state_text(NOW - LAG), "sync_id": 8}),
        (SyncMode.full_refresh, None, False, {"changes": state_text(NOW - LAG)}),
    ],
)
def test_a_full_refresh_goes_on_from_the_state_of_another_try_of_the_same_sync(
    mode: SyncMode, sync_id: int | None, goes_on: bool, beside: dict[str, Any]
) -> None:
    state = state_of("tasks", date_updated=FOURTH, changes=THIRD, sync_id=7)
    synced = Synced({"tasks": brings()}, state, mode=mode, sync_id=sync_id, updates_window_seconds=0)

    start = datetime.fromisoformat(FOURTH.replace("Z", "+00:00")) if goes_on else None
    assert synced.span[0].start == start
    assert synced.reader._capture is None
    assert vars(synced.engine._streams[0].cursor)["_beside"] == beside


def test_a_full_refresh_whose_state_says_nothing_of_its_sync_begins_anew() -> None:
    synced = Synced({"tasks": brings()}, state_of("tasks", date_updated=FOURTH), mode=SyncMode.full_refresh)

    assert synced.span[0].start is None


def test_an_incremental_sync_says_nothing_of_the_sync_that_it_is_of() -> None:
    state = state_of("tasks", date_updated=FOURTH, changes=THIRD, sync_id=7)
    synced = Synced({"tasks": brings()}, state, sync_id=7)

    assert vars(synced.engine._streams[0].cursor)["_beside"] == {"changes": THIRD}


# A whole sync


def test_all_streams_are_read_and_their_states_come_behind_their_records() -> None:
    synced = Synced({"users": brings("user_1", "user_2"), "tasks": brings("task_1")}, change_capture="off")

    messages = list(synced.engine.read())

    assert sorted(ids(messages)) == ["task_1", "task_1", "user_1", "user_2"]  # the slice and the tail
    assert {"date_updated": state_text(NOW - MINUTES)} in states(messages)
    told = [
        message.state.stream.stream_descriptor.name for message in messages if message.state and message.state.stream
    ]
    assert set(told) == {"users", "tasks"}
    assert synced.engine.failures == {}
    assert {each.name: type(each.cursor) is FinalStateCursor for each in synced.engine._streams} == {
        "users": True,
        "tasks": False,
    }
    assert [each.as_airbyte_stream().default_cursor_field for each in synced.engine._streams] == [
        None,
        ["date_updated"],
    ]
    assert [each.as_airbyte_stream().source_defined_primary_key for each in synced.engine._streams] == [
        [["id"]],
        [["id"]],
    ]
    assert all("id" in each.get_json_schema()["properties"] for each in synced.engine._streams)


def fails(failure: Exception) -> Callable[[Part], Iterator[Any]]:
    def rows(part: Part) -> Iterator[Any]:
        raise failure
        yield

    return rows


def test_the_failure_of_one_stream_is_known_by_its_name_and_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    synced = Synced({"users": fails(TellUs("It is so.")), "outcomes": brings("outcome_1")})

    with caplog.at_level(logging.INFO):
        messages = list(synced.engine.read())

    assert ids(messages) == ["outcome_1"]
    assert [*synced.engine.failures] == ["users"]
    assert str(synced.engine.failures["users"]) == "It is so."
    assert sum(each.startswith("The sync: records 1,") for each in caplog.messages) == 1


def test_streams_of_which_something_was_left_out_are_known_by_their_names() -> None:
    refused = fails(StreamRefused("Close refuses this list (403)."))
    synced = Synced({"users": refused, "outcomes": brings("outcome_1")})
    assert synced.engine.lacking == set()
    list(synced.engine.read())

    assert synced.engine.lacking == {"users"}
    assert synced.engine.failures == {}


def test_an_error_that_is_of_no_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced({"users": brings()})

    def broken(*_: Any) -> Iterator[AirbyteMessage]:
        raise AirbyteTracedException("of the CDK")
        yield

    monkeypatch.setattr("source_closeio.engine.ConcurrentSource.read", broken)
    with pytest.raises(AirbyteTracedException, match="of the CDK"):
        list(synced.engine.read())
    assert synced.connection.stop.is_set()


@pytest.mark.parametrize(("workers", "looking"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_half_of_the_workers_look_for_what_there_is_to_read(
    workers: int, looking: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def noted(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: (made.append(given), make(*given))[1]  # type: ignore[func-returns-value]

    monkeypatch.setattr("source_closeio.engine.ConcurrentSource", noted(ConcurrentSource))
    monkeypatch.setattr("source_closeio.engine.Workers", noted(Workers))
    synced = Synced({"users": brings("user_1")}, num_workers=workers)

    assert ids(list(synced.engine.read())) == ["user_1"]
    assert made[0] == (workers, synced.connection.rate_limiter.crowded)
    assert made[1][1] is engines.logger
    assert made[1][-1] == looking


# Sharing


def test_more_work_is_wanted_once_all_streams_have_been_looked_for() -> None:
    synced = Synced({"users": brings(), "tasks": brings()})
    synced.engine._workers = SimpleNamespace(want=lambda group: group == "GET /a/")  # type: ignore[assignment]
    users, tasks = synced.engine._readers
    wants = tasks._sharing.wants  # type: ignore[attr-defined]

    assert not wants("GET /a/")
    users.has_begun = True
    assert not wants("GET /a/")
    tasks.has_begun = True
    assert wants("GET /a/")
    assert not wants("GET /b/")


def test_a_slice_that_is_handed_over_stands_in_the_queue_and_the_length_is_the_users() -> None:
    synced = Synced({"tasks": brings()}, date_window=3)
    synced.reader._sharing.hand_over("a slice")

    assert synced.engine._queue.get_nowait() == "a slice"
    assert synced.reader._sharing.longest == 3 * DAY
    assert synced.engine._queue.maxsize == engines.RECORDS_IN_FLIGHT


# What is told


def test_what_each_stream_and_all_came_to_is_told_by_their_clocks(caplog: pytest.LogCaptureFixture) -> None:
    engine = Synced({"users": brings(), "outcomes": brings(), "tasks": brings()}).engine
    for reader, (began, ended) in zip(engine._readers, [(10.0, 12.5), (11.0, 20.0), (5.0, 0.0)], strict=True):
        reader.began, reader.ended, reader.records, reader.counted = began, ended, 3, 4
        reader.stream.meter.add(requests=2, wanted=1, waited=0.5)

    engine._changes.meter.add(requests=5, wanted=5)

    with caplog.at_level(logging.INFO):
        engine._tell_at_the_end()

    assert caplog.messages == [
        f"{who}: records {records}, requests {requests}, tried again {again}, seconds {seconds}, waited for the rate "
        f"limit {waited} (all readers)."
        for who, records, requests, again, seconds, waited in [
            ("Stream users", "3 (Close counts 4)", 2, 1, 2.5, 0.5),
            ("Stream outcomes", "3 (Close counts 4)", 2, 1, 9.0, 0.5),
            ("The sync", 6, 9, 2, 10.0, 1.0),
        ]
    ]


def test_a_sync_in_which_nothing_was_read_tells_nothing_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Synced({"users": brings()}).engine._tell_at_the_end()
    assert caplog.messages == []


def test_what_is_under_way_is_told_once_a_minute_until_the_end(caplog: pytest.LogCaptureFixture) -> None:
    synced = Synced({"users": brings(), "tasks": brings()})
    users, _ = synced.engine._readers
    users._ended = True
    synced.streams["tasks"].meter.add(requests=1200)
    asked: list[float] = []

    def wait(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) == 3

    synced.connection.stop.wait = wait  # type: ignore[assignment, method-assign]
    synced.connection.rate_limiter.waits = lambda: {"GET /task/": 0.44}  # type: ignore[method-assign]
    with caplog.at_level(logging.INFO):
        synced.engine._tell_once_a_minute()

    assert asked == [60, 60, 60]
    assert (
        caplog.messages
        == ["Still reading tasks (1,200 requests). Close's rate limit holds back GET /task/ (0.4 s)."] * 2
    )


def test_what_is_under_way_is_told_beside_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    synced, told = Synced({"users": brings()}), threading.Event()
    monkeypatch.setattr(synced.engine, "_tell_once_a_minute", told.set)

    list(synced.engine.read())
    assert told.wait(10)


# The end


def test_what_readers_still_put_into_the_queue_is_taken_out_until_they_are_done() -> None:
    engine = Synced({"users": brings()}).engine
    turns = iter([["a"], [], ["b"]])

    def is_done() -> bool:
        more = next(turns, None)
        for each in more or ():
            engine._queue.put(each)  # type: ignore[arg-type]
        return more is None

    engine._workers = SimpleNamespace(is_done=is_done)  # type: ignore[assignment]
    emptying = threading.Thread(target=engine._empty, daemon=True)
    emptying.start()
    emptying.join(10)

    assert not emptying.is_alive()
    assert list(turns) == []
    assert engine._queue.empty()


def test_who_ends_early_leaves_no_worker_behind_and_nobody_who_waits_for_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "RECORDS_IN_FLIGHT", 2)
    before, started = set(threading.enumerate()), list[threading.Thread]()

    class Thread(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(threading, "Thread", Thread)
    synced = Synced({"users": brings(*(f"user_{number}" for number in range(50)))}, num_workers=2)
    reading = synced.engine.read()
    while next(reading).type is not Type.RECORD:
        continue

    reading.close()  # type: ignore[attr-defined]

    assert synced.connection.stop.is_set()
    assert [each.daemon for each in started] == [True] * len(started), "they hold no process up"
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread.name
    assert synced.engine._workers.is_done()
