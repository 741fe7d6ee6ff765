"""The readers are kept busy, and none waits for the allowance of one stream while others have theirs."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator

from .conftest import NOW, Output
from .filling import DAY, fill

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
