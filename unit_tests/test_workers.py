"""The workers take what there is in turn, however much it is, and no state comes before what it covers."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage, Type
from airbyte_cdk.sources.message import InMemoryMessageRepository

from close_emulator import Emulator
from source_closeio import engine, readers
from source_closeio.endpoints import ENDPOINTS
from source_closeio.streams import ChildStream
from source_closeio.windows import Part, parse_moment
from source_closeio.workers import Piece, Workers, side_by_side

from .conftest import NOW, Output
from .filling import DAY, PATH, fill

Sync = Callable[..., Output]


class Named(Piece):
    """A slice of a stream of this name, as many days old."""

    def __init__(self, stream: str, days: int = 0, group: str = "") -> None:
        self._stream = stream
        self._days = days
        self._group = group

    @property
    def group(self) -> str:
        return self._group

    @property
    def age(self) -> datetime:
        return NOW - self._days * DAY

    def read(self) -> Any:
        return ()

    def to_slice(self) -> Any:
        return {}

    def stream_name(self) -> str:
        return self._stream

    def __hash__(self) -> int:
        return id(self)


def test_the_workers_take_the_streams_in_turn_and_of_each_the_oldest_slice() -> None:
    workers, gate, done = Workers(1), threading.Event(), list[tuple[str, int]]()
    workers.submit(gate.wait)
    for stream, days in [("a", 1), ("a", 3), ("a", 2), ("b", 5), ("b", 5), ("c", 9)]:
        workers.submit(lambda part, days: done.append((part.stream_name(), days)), Named(stream, days), days)
    workers.submit(lambda: done.append(("slices of another stream", 0)))
    over = threading.Event()
    workers.submit(lambda part: over.set(), Named("z"))

    gate.set()
    assert over.wait(10)
    workers.close()

    assert done == [("slices of another stream", 0), ("a", 3), ("b", 5), ("c", 9), ("a", 2), ("b", 5), ("a", 1)]


def test_slices_of_one_age_are_taken_as_they_came() -> None:
    workers, gate, over, done = Workers(1), threading.Event(), threading.Event(), list[int]()
    workers.submit(gate.wait)
    for number in range(10):
        workers.submit(lambda part, number: done.append(number), Named("a", 5), number)
    workers.submit(lambda part: over.set(), Named("a"))

    gate.set()
    assert over.wait(10)
    workers.close()

    assert done == list(range(10))


def test_workers_have_names_hold_no_process_up_and_end_when_they_are_closed() -> None:
    before = set(threading.enumerate())
    workers = Workers(2)
    threads = set(threading.enumerate()) - before
    assert {each.name for each in threads} == {"worker_0", "worker_1"}
    assert all(each.daemon for each in threads)

    workers.close()
    for each in threads:
        each.join(10)
        assert not each.is_alive()


def test_who_found_nothing_but_what_others_wait_for_looks_again_by_himself() -> None:
    crowded, asked, over = {"slow"}, threading.Event(), threading.Event()

    def is_crowded(group: str) -> bool:
        asked.set()
        return group in crowded

    workers = Workers(1, is_crowded)
    workers.submit(lambda part: over.set(), Named("a", group="slow"))
    assert asked.wait(10)
    with workers._changed:  # only once the worker waits
        crowded.clear()

    assert over.wait(10)
    workers.close()


def test_what_waits_for_an_idle_worker_is_not_wanted_once_more_but_for_what_is_held_up() -> None:
    workers = Workers(0, {"slow"}.__contains__)
    for stream, group in (("a", "fast"), ("b", "slow"), ("c", "slow"), ("c", "slow")):
        workers.submit(lambda part: None, Named(stream, group=group))
    workers._idle = 2

    assert [workers.want("fast") for _ in range(3)] == [True, False, False]


def test_nobody_takes_a_slice_of_a_group_that_somebody_waits_for_already_while_there_are_others() -> None:
    crowded, over, done = {"slow"}, threading.Event(), list[str]()
    gate = threading.Event()
    workers = Workers(1, crowded.__contains__)
    workers.submit(gate.wait)
    for stream, group in [("a", "slow"), ("b", "fast"), ("c", "slow"), ("d", "fast")]:
        workers.submit(lambda part: done.append(part.stream_name()), Named(stream, group=group))
    workers.submit(lambda part: crowded.clear(), Named("e", group="fast"))
    workers.submit(lambda part: over.set(), Named("z", group="slow"))

    gate.set()
    assert over.wait(10)
    workers.close()

    assert done == ["b", "d", "a", "c"]


def test_work_is_wanted_of_a_group_that_has_room_by_as_many_as_have_nothing_to_do() -> None:
    crowded, gate, busy = {"slow"}, threading.Event(), threading.Semaphore(0)
    workers = Workers(3, crowded.__contains__)

    def work(_: Any = None) -> None:
        busy.release()
        gate.wait()

    workers.submit(work)
    busy.acquire()
    while workers._idle < 2:
        threading.Event().wait(0.001)

    assert not workers.want("slow")
    assert [workers.want("fast") for _ in range(4)] == [True, True, False, False]
    workers.submit(work, Named("a", group="fast"))
    busy.acquire()
    assert not workers.want("fast"), "one is idle, and expects the other task"
    workers.submit(work, Named("b", group="fast"))
    busy.acquire()
    assert not workers.want("fast")
    gate.set()
    workers.close()


def test_what_has_not_begun_when_the_workers_close_is_left_undone() -> None:
    before = set(threading.enumerate())
    workers, begun, gate, done = Workers(1), threading.Event(), threading.Event(), list[str]()
    (worker,) = set(threading.enumerate()) - before

    def first() -> None:
        begun.set()
        gate.wait(10)
        done.append("first")

    workers.submit(first)
    workers.submit(done.append, "second")
    workers.submit(done.append, "third")
    assert begun.wait(10)
    assert not workers.is_done()
    workers.close()
    gate.set()
    worker.join(10)

    assert done == ["first"]
    assert workers.is_done()


def test_what_a_task_lets_through_is_raised_at_the_end_and_ends_no_worker() -> None:
    workers, over = Workers(1), threading.Event()
    workers.submit(int, "no number")
    workers.submit(over.set)

    assert over.wait(10)
    with pytest.raises(ValueError, match="no number"):
        workers.check_for_errors_and_shutdown()


def test_side_by_side_answers_in_the_order_of_what_was_given_and_raises_the_first_failure() -> None:
    both = threading.Barrier(2)

    def make(given: int) -> int:
        both.wait(10)  # passes only if two are at it
        if given > 3:
            raise ValueError(str(given))
        return given * given

    assert side_by_side(make, [3, 1], 2) == [9, 1]
    with pytest.raises(ValueError, match=r"^4$"):
        side_by_side(make, [4, 5], 2)


def test_one_worker_reads_more_parts_than_the_pool_of_the_cdk_lets_wait(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cut them held the only thread and waited, for ever, until some were read."""
    parents = [f"comthr_{i:05}" for i in range(10_050)]

    def row_of(stream: ChildStream, part: Part, *_: Any) -> Iterator[dict[str, Any]]:
        yield {"id": part.parent, "date_created": "2026-01-01T00:00:00+00:00"}

    monkeypatch.setattr(ChildStream, "_parents", lambda stream: iter(parents))
    monkeypatch.setattr(ChildStream, "rows", row_of)
    outputs: list[Output] = []
    reading = threading.Thread(target=lambda: outputs.append(sync("comments", config={"num_workers": 1})), daemon=True)
    reading.start()
    reading.join(30)

    assert not reading.is_alive(), "it hangs"
    assert [output.ids("comments") for output in outputs] == [set(parents)]


# States


class Shared(InMemoryMessageRepository):
    """What a worker leaves here it cannot take out itself before the thread that writes has looked in."""

    def __init__(self) -> None:
        super().__init__()
        self._looked_in = threading.Event()

    def emit_message(self, message: AirbyteMessage) -> None:
        super().emit_message(message)
        if message.type is Type.STATE and threading.current_thread().name.startswith("worker_"):
            self._looked_in.clear()
            self._looked_in.wait(0.2)

    def consume_queue(self) -> Any:
        self._looked_in.set()
        return super().consume_queue()


def test_all_that_a_state_covers_came_before_it(close: Emulator, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "RECORDS_IN_FLIGHT", 5)
    monkeypatch.setattr(engine, "InMemoryMessageRepository", Shared)
    monkeypatch.setattr(readers, "FILL", 1)
    cursors = {e.name: e.window.cursor for e in ENDPOINTS if e.window}
    streams = ("leads", "call_activities", "tasks", "event_log")
    for stream in streams:
        fill(close, stream, 1200, step=timedelta(minutes=30))
    dates = {
        stream: {row["id"]: parse_moment(row[cursors[stream]]) for row in close.all(PATH[stream])} for stream in streams
    }

    output = sync(*streams, config={"num_workers": 8, "start_date": "2026-02-01", "date_window": 1})

    out: dict[str, set[str]] = {stream: set() for stream in streams}
    reached: dict[str, list[datetime]] = {stream: [] for stream in streams}
    for message in output.messages:
        if message["type"] == "RECORD":
            out[message["record"]["stream"]].add(message["record"]["data"]["id"])
        elif message["type"] == "STATE":
            told = message["state"]["stream"]
            stream = told["stream_descriptor"]["name"]
            if cursors[stream] not in told["stream_state"]:
                continue
            moment = parse_moment(told["stream_state"][cursors[stream]])
            covered = {each for each, date in dates[stream].items() if parse_moment("2026-02-01") <= date < moment}
            assert covered <= out[stream]
            reached[stream].append(moment)
    for moments in reached.values():
        assert moments == sorted(moments)
        assert len(moments) > 2
