"""Answers at the edge of what Close may say, through the whole connector."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from requests.exceptions import ReadTimeout
from requests.structures import CaseInsensitiveDict

from close_emulator import Emulator, faults
from close_emulator.wire.faults import Fault
from source_closeio.config import read_settings
from source_closeio.endpoints import ENDPOINTS
from source_closeio.errors import Stopped
from source_closeio.streams import Connection, stream_of

from .conftest import NOW, Output
from .filling import fill

Run = Callable[..., Output]


def users(*rows: str) -> Fault:
    """An answer whose body is written by hand."""
    return Fault("answer", 200, f'{{"has_more": false, "data": [{", ".join(rows)}]}}'.encode())


def test_odd_values_cost_their_page_nothing_and_whole_numbers_keep_their_digits(close: Emulator, sync: Run) -> None:
    close.fail(
        users(
            r'{"id": "user_1", "last_used_timezone": NaN, "of": [Infinity], "first_name": "\ud83d"}',
            '{"id": "user_2", "last_used_timezone": 1e400, "size": 12345678901234567890123}',
            r'{"id": "user_3", "first_name": "Zo\u00eb \ud83d\ude00", "size": -9223372036854775809}',
        ),
        path="user/",
    )

    output = sync("users")

    assert output.records("users") == [
        {"id": "user_1", "of": [None], "first_name": "\N{REPLACEMENT CHARACTER}"},  # the CDK writes no columns of null
        {"id": "user_2", "size": 12345678901234567890123},
        {"id": "user_3", "first_name": "Zoë \N{GRINNING FACE}", "size": -9223372036854775809},
    ]


def test_a_custom_number_beyond_64_bits_comes_with_all_its_digits_whatever_its_column(
    close: Emulator, sync: Run
) -> None:
    number = 12345678901234567890123
    lead = {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "date_created": "2026-02-01T00:00:00+00:00"}
    close.add("custom_field/lead/", {"id": "cf_n", "name": "N", "type": "number"})
    close.add("custom_field/lead/", {"id": "cf_t", "name": "T", "type": "text"})
    close.add("lead/", {**lead, "custom.cf_n": number, "custom.cf_t": number})

    (record,) = sync("leads", config={"start_date": "2026-01-01"}).records("leads")

    assert record["custom.cf_n"] == number
    assert record["custom.cf_t"] == str(number)


def test_an_event_keeps_the_digits_of_what_was_changed(close: Emulator, sync: Run) -> None:
    close.add("event/", {"id": "ev_1", "date_updated": "2026-02-28T00:00:00", "data": {"n": 10**30}})

    (event,) = sync("event_log").records("event_log")

    assert json.loads(event["data"]) == {"n": 10**30}


@pytest.mark.parametrize("status", [402, 403])
def test_the_page_of_a_firewall_leaves_nothing_out(close: Emulator, run: Run, sync: Run, status: int) -> None:
    ids = {stream: set(fill(close, stream, 120)) for stream in ("tasks", "leads", "call_activities")}
    close.fail(faults.every(10, faults.firewall(status)))
    output = sync(*ids)
    assert {stream: output.ids(stream) for stream in ids} == ids
    assert status in [request.status for request in close.requests]

    close.heal()
    close.fail(faults.every(1, faults.firewall(status)), path="task/")
    output = run("read", *ids)

    assert output.statuses == {"tasks": "INCOMPLETE", "leads": "COMPLETE", "call_activities": "COMPLETE"}
    assert output.errors == [
        f"Something other than Close refused /task/ ({status}), such as a firewall or a proxy on the way to 127.0.0.1; "
        "have it let the connector through, or try again later. Tried 8 times."
    ]
    (trace,) = (each["trace"]["error"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR")
    assert trace["failure_type"] == "transient_error"


@pytest.mark.parametrize("wording", ["field-errors", "error"])
def test_a_cursor_of_the_event_log_that_expires_loses_nothing_in_either_wording(
    close: Emulator, sync: Run, wording: Any
) -> None:
    # Of one second, so that no slice of time is short enough to need no cursor.
    close.add("event/", *({"id": f"ev_{i:03}", "date_updated": "2026-02-28T10:00:00"} for i in range(160)))
    close.behaviour.expired_event_cursor = wording

    def time_passes(request: Any) -> None:
        if "_cursor" in request.params:
            close.now = NOW + timedelta(seconds=40)

    close.on_request = time_passes
    output = sync("event_log")

    assert output.ids("event_log") == close.ids("event/")
    assert 400 in [request.status for request in close.requests if "_cursor" in request.params]


def test_waits_end_with_the_order_to_stop() -> None:
    connection = Connection(read_settings({"api_key": "k"}))
    asked = SimpleNamespace(method="GET", path_url="/lead/")
    refused = SimpleNamespace(status_code=429, headers=CaseInsensitiveDict({"Retry-After": "100"}), content=b"{}")
    connection.rate_limiter.update_from_response(asked, refused)
    stream = stream_of(next(each for each in ENDPOINTS if each.name == "leads"), connection)
    connection.pause(0.0)

    connection.stop.set()

    waits: tuple[Callable[[], object], ...] = (
        lambda: connection.pause(3600.0),
        lambda: connection.rate_limiter.acquire_call(asked),
        lambda: stream.get_backoff_strategy().backoff_time(ReadTimeout(), 1),
    )
    for wait in waits:
        with pytest.raises(Stopped):
            wait()
