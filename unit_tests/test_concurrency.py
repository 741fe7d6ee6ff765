"""The readers are kept busy, and none waits for the allowance of one stream while others have theirs."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from close_emulator import Emulator

from .conftest import NOW, Output
from .filling import DAY, fill

Sync = Callable[..., Output]


@pytest.mark.parametrize(("stream", "rows"), [("activities", 8000), ("leads", 12000), ("event_log", 4000)])
def test_what_came_on_one_day_is_read_by_all_readers(close: Emulator, sync: Sync, stream: str, rows: int) -> None:
    """The first pages find where the records lie; from then on there is work for each."""
    ids = fill(close, stream, rows, step=timedelta(seconds=9))
    close.latency = 0.2
    close.behaviour.rate_limit = 10_000

    output = sync(stream, config={"num_workers": 20, "start_date": (NOW - 10 * DAY).isoformat()})

    assert output.ids(stream) == set(ids)
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
