"""The readers are kept busy, and none waits for the allowance of one stream while others have theirs."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from close_emulator import Emulator
from source_closeio.workers import Workers

from .conftest import NOW, Output
from .test_exactness import DAY, fill

Sync = Callable[..., Output]


@pytest.mark.parametrize("streams", [("leads", "activities"), ("event_log",)])
def test_20_workers_keep_at_least_15_requests_in_flight(close: Emulator, sync: Sync, streams: tuple[str, ...]) -> None:
    """Requests stay under way until the fifteenth is; the first of a list goes alone, to learn what is allowed."""
    for stream in streams:
        fill(close, stream, 2000, step=timedelta(minutes=21))
    lock, under_way, fifteen = threading.Lock(), [], threading.Event()
    known: set[str] = set()

    def stay(request: Any) -> None:
        with lock:
            if request.path not in known:
                known.add(request.path)
                return
            under_way.append(request)
            if len(under_way) == 15:
                fifteen.set()
        fifteen.wait(10)

    close.on_request = stay
    sync(*streams, config={"num_workers": 20, "start_date": (NOW - 60 * DAY).isoformat()})
    close.on_request = None

    assert 15 <= close.max_in_flight <= 20


def test_an_incremental_sync_asks_little(close: Emulator, sync: Sync) -> None:
    streams = ("leads", "contacts", "opportunities", "tasks", "activities", "event_log", "users")
    for stream in streams:
        fill(close, stream, 300)
    first = sync(*streams)
    close.forget_requests()

    sync(*streams, state=first.state)

    # /me/ and users' one page; else a slice since the state (two for activities, whose lookback is a day) and the tail.
    assert len(close.requests) <= 1 + 4 + 6 * 3


class Named(Partition):
    def __init__(self, stream: str) -> None:
        self._stream = stream

    def read(self) -> Any:
        return ()

    def to_slice(self) -> Any:
        return {}

    def stream_name(self) -> str:
        return self._stream

    def __hash__(self) -> int:
        return id(self)


def test_the_workers_take_the_streams_in_turn() -> None:
    workers, gate, done = Workers(1), threading.Event(), list[str]()
    workers.submit(gate.wait)
    for stream in ["a", "a", "a", "b", "b", "c"]:
        workers.submit(lambda part: done.append(part.stream_name()), Named(stream))
    workers.submit(lambda: done.append("slices of another stream"))
    over = threading.Event()
    workers.submit(lambda part: over.set(), Named("z"))

    gate.set()
    assert over.wait(10)
    workers.close()

    assert done == ["slices of another stream", "a", "b", "c", "a", "b", "a"]
