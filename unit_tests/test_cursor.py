"""When the state of a stream is told, what it holds, and that none is overtaken by an older one."""

import threading
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository

from source_closeio import cursor as cursors
from source_closeio.cursor import WindowCursor
from source_closeio.windows import Progress, Span, parse_moment, state_text

from .conftest import NOW
from .filling import DAY


def test_a_state_is_told_at_most_once_a_second_and_the_last_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1.0  # of a machine that has just begun
    monkeypatch.setattr(cursors, "BETWEEN_STATES", 1.0)
    monkeypatch.setattr("source_closeio.cursor.time.monotonic", lambda: now)
    queue: Queue[Any] = Queue()
    repository, progress = InMemoryMessageRepository(), Progress(None, Span(NOW - 9 * DAY, NOW))
    cursor = WindowCursor("leads", "date_updated", progress, queue, repository, ConnectorStateManager([]), {}, {})

    for tenth in range(21):
        now = 1.0 + tenth / 10
        cursor.opens({0: Span(NOW - 9 * DAY + timedelta(minutes=1 + tenth), NOW)})
    cursor.ensure_at_least_one_state_emitted()

    told = [queue.get_nowait().state.stream.stream_state.date_updated for _ in range(queue.qsize())]
    (last,) = repository.consume_queue()
    assert last.state
    assert last.state.stream
    assert [parse_moment(each) - (NOW - 9 * DAY) for each in told] == [timedelta(minutes=1 + n) for n in (0, 10, 20)]
    assert vars(last.state.stream.stream_state)["date_updated"] == told[-1]


def test_a_state_without_a_date_comes_once_and_holds_up_none_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "BETWEEN_STATES", 1.0)
    monkeypatch.setattr("source_closeio.cursor.time.monotonic", lambda: 5.0)
    queue: Queue[Any] = Queue()
    span, beside = Span(NOW - 9 * DAY, NOW), {"changes": "2026-03-01T11:00:00.000000Z"}
    progress, states = Progress(None, span), ConnectorStateManager([])
    cursor = WindowCursor("leads", "date_updated", progress, queue, InMemoryMessageRepository(), states, {}, beside)

    cursor.opens({0: span})
    cursor.opens({0: span})
    cursor.opens({0: Span(NOW - 8 * DAY, NOW)})
    cursor.opens({0: Span(NOW - 7 * DAY, NOW)})

    told = [vars(queue.get_nowait().state.stream.stream_state) for _ in range(queue.qsize())]
    assert told == [beside, {"date_updated": state_text(NOW - 8 * DAY), **beside}]


def test_what_stands_beside_the_date_comes_with_each_state_as_it_was_last_said() -> None:
    queue: Queue[Any] = Queue()
    repository, progress = InMemoryMessageRepository(), Progress(None, Span(None, NOW))
    states, beside = ConnectorStateManager([]), {"changes": "then", "searched": "later"}
    cursor = WindowCursor("leads", "date_updated", progress, queue, repository, states, {}, beside)

    cursor.opens({0: Span(None, NOW)})
    cursor.closes(0)
    cursor.followed({"changes": "now"})
    cursor.ensure_at_least_one_state_emitted()

    told = [*(queue.get_nowait() for _ in range(queue.qsize())), *repository.consume_queue()]
    states_of = [each.state.stream for each in told if each.state and each.state.stream]
    assert [vars(each.stream_state) for each in states_of] == [
        beside,
        {"date_updated": state_text(NOW), **beside},
        {"date_updated": state_text(NOW), "changes": "now"},
    ]
    assert {each.stream_descriptor.name for each in states_of} == {"leads"}
    assert beside == {"changes": "then", "searched": "later"}, "what was given stays as it was"


def test_the_state_that_a_sync_began_with_is_not_told_again_while_nothing_moves() -> None:
    queue: Queue[Any] = Queue()
    progress, repository = Progress(NOW - DAY, Span(NOW - 2 * DAY, NOW)), InMemoryMessageRepository()
    given, beside = {"date_updated": state_text(NOW - DAY), "changes": "then"}, {"changes": "then"}
    states = ConnectorStateManager([])
    cursor = WindowCursor("leads", "date_updated", progress, queue, repository, states, given, beside)

    cursor.opens({0: Span(NOW - 2 * DAY, NOW - DAY), 1: Span(NOW - DAY, NOW)})
    cursor.closes(0)
    assert queue.empty()

    cursor.closes(1)
    assert queue.qsize() == 1


class Watched:
    """A lock that tells when somebody has to wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waited_for = threading.Event()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.waited_for.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_worker_that_stops_before_it_puts_its_state_is_not_overtaken_by_the_next_state() -> None:
    """It would come out last, and set back what was reached."""
    stopped, go_on, put = threading.Event(), threading.Event(), list[str]()

    class Held(Queue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            if threading.current_thread().name == "first":
                stopped.set()
                go_on.wait(10)
            put.append(item.state.stream.stream_state.date_updated)

    first, second = NOW - DAY, NOW
    progress = Progress(None, Span(NOW - 2 * DAY, second))
    progress.opens({0: Span(NOW - 2 * DAY, first), 1: Span(first, second)})
    repository, states = InMemoryMessageRepository(), ConnectorStateManager([])
    cursor = WindowCursor("leads", "date_updated", progress, Held(), repository, states, {}, {})
    lock = cursor._lock = Watched()  # type: ignore[assignment]
    threads = [
        threading.Thread(target=cursor.closes, args=(number,), name=name, daemon=True)
        for number, name in enumerate(("first", "second"))
    ]
    threads[0].start()
    assert stopped.wait(10)
    threads[1].start()
    while threads[1].is_alive() and not lock.waited_for.wait(0.01):
        continue
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert put == [state_text(first), state_text(second)]
