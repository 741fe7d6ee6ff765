"""Slices that share their rest: what they cost, how long they are, and that the state moves with them."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from close_emulator import Emulator, Sizes
from source_closeio import readers
from source_closeio.endpoints import ENDPOINTS
from source_closeio.errors import TellUs
from source_closeio.rate_limit import Meter
from source_closeio.reporting import came_to, under_way
from source_closeio.schemas import DELETED_AT
from source_closeio.streams import SearchStream
from source_closeio.windows import parse_moment

from .conftest import NOW, Output
from .filling import DAY, PATH, fill

Sync = Callable[..., Output]
STREAMS = tuple(each.name for each in ENDPOINTS)


@pytest.mark.parametrize("start", ["2010-01-01", None])
def test_a_small_organisation_costs_what_there_is_to_read_whatever_the_start_date(
    sync: Sync, start: str | None
) -> None:
    small = Emulator(Sizes.for_leads(100), seed=3, now=NOW)
    with small as base_url:
        output = sync(*STREAMS, config={"base_url": base_url, "start_date": start})

    records = len(output.of("RECORD"))
    assert records > 1500
    assert len(small.requests) <= 3 * len(STREAMS) + records / 25
    assert len(output.of("STATE")) <= 4 * len(STREAMS) + records / 100


def spans_asked(close: Emulator, stream: str, name: str) -> list[tuple[datetime, datetime]]:
    """From and to of each request of a list that has both."""
    asked = [each.params for each in close.requests if each.path == PATH[stream]]
    return [
        (parse_moment(each[f"{name}__gte"]), parse_moment(each[f"{name}__lt"]))
        for each in asked
        if {f"{name}__gte", f"{name}__lt"} <= set(each)
    ]


def test_slices_of_more_than_one_page_are_cut_to_the_length_that_the_user_wants(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "call_activities", 3000, step=timedelta(minutes=15))
    config = {"num_workers": 1, "start_date": (NOW - 40 * DAY).isoformat()}

    bound = sync("call_activities", config={**config, "date_window": 2})
    bound_spans = spans_asked(close, "call_activities", "date_created")
    close.forget_requests()
    sync("call_activities", config=config)
    free_spans = spans_asked(close, "call_activities", "date_created")

    assert bound.ids("call_activities") == set(ids)
    assert bound.twice("call_activities") == set()
    assert max(Counter(each for each in bound_spans if each[1] - each[0] > 2 * DAY).values()) <= 2
    assert max(Counter(each for each in free_spans if each[1] - each[0] > 2 * DAY).values()) > 10


def test_a_long_first_sync_by_one_reader_moves_its_state_before_it_ends(
    close: Emulator, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "FILL", 2)
    ids = fill(close, "call_activities", 4000, step=timedelta(minutes=12))
    config = {"num_workers": 1, "start_date": (NOW - 40 * DAY).isoformat()}

    output = sync("call_activities", config=config)
    states = [each for each in output.of("STATE") if "date_created" in each["state"]["stream"]["stream_state"]]
    reached = [each["state"]["stream"]["stream_state"]["date_created"] for each in states]
    cut = Output(output.messages[: output.messages.index(states[1]) + 1])
    rest = sync("call_activities", config=config, state=cut.state)

    assert len(set(reached)) > 10
    assert reached[1] < (NOW - 30 * DAY).isoformat(), "the oldest slice comes first"
    assert reached == sorted(reached)
    assert cut.ids("call_activities") | rest.ids("call_activities") == set(ids)
    assert len(rest.ids("call_activities")) < len(ids)


@pytest.mark.parametrize("stream", ["leads", "opportunities", "tasks", "call_activities", "event_log"])
def test_a_list_that_is_shared_comes_whole_and_once(close: Emulator, sync: Sync, stream: str) -> None:
    ids = fill(close, stream, 2500, step=timedelta(minutes=7))

    output = sync(stream, config={"num_workers": 8})

    assert output.ids(stream) == set(ids)
    assert output.twice(stream) == set()


# Columns


def test_search_is_asked_for_the_columns_that_are_selected_and_what_the_walk_stands_on(
    close: Emulator, run: Sync
) -> None:
    (catalog,) = run("discover").of("CATALOG")
    (leads,) = (each for each in catalog["catalog"]["streams"] if each["name"] == "leads")
    columns = leads["json_schema"]["properties"].keys() - {DELETED_AT}

    def fields(names: set[str]) -> set[str]:
        close.forget_requests()
        stream = {**leads, "json_schema": {**leads["json_schema"], "properties": {each: {} for each in names}}}
        configured = {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append"}
        assert run("read", catalog={"streams": [configured]}).failure is None
        (body, *_) = [request.body or {} for request in close.requests if request.path == "data/search/"]
        return set(body["_fields"]["lead"])

    assert fields({"id", "name"}) == {"id", "name", "date_created", "date_updated"}
    assert fields({"id", "custom.cf_a"}) == {"id", "date_created", "date_updated", "custom"}
    assert fields(set(columns)) == {*columns, "custom"}
    assert fields(set()) == {*columns, "custom"}


# What is told


def test_at_the_end_a_line_for_each_stream_and_one_for_all_say_what_they_came_to(
    close: Emulator, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    fill(close, "leads", 450, step=timedelta(hours=1))
    close.add("user/", {"id": "user_1"})

    with caplog.at_level("INFO"):
        sync("leads", "users", config={"num_workers": 1})

    told = [re.split(r", seconds", each)[0] for each in caplog.messages if ": records " in each]
    searches = sum(request.path == "data/search/" for request in close.requests)
    users = sum(request.path == "user/" for request in close.requests)
    assert told == [
        f"Stream leads: records 450 (Close counts 450), requests {searches:,}, tried again 0",
        f"Stream users: records 1, requests {users:,}, tried again 0",
        f"The sync: records 451, requests {searches + users:,}, tried again 0",
    ]


def test_no_sync_fails_for_a_figure_in_the_log(
    close: Emulator, sync: Sync, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(stream: SearchStream) -> int:
        raise TellUs("Close did not understand a request (400).")

    monkeypatch.setattr(SearchStream, "count", refused)
    fill(close, "leads", 3)

    with caplog.at_level("INFO"):
        output = sync("leads")

    assert output.statuses == {"leads": "COMPLETE"}
    assert any(each.startswith("Stream leads: records 3, requests") for each in caplog.messages)


@pytest.mark.parametrize("said", ["450", None, 4.5])
def test_a_count_that_is_none_is_not_told(
    close: Emulator, sync: Sync, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: object
) -> None:
    fetch = SearchStream.fetch
    monkeypatch.setattr(SearchStream, "fetch", lambda stream, asked: {**fetch(stream, asked), "count": {"total": said}})
    fill(close, "leads", 3)

    with caplog.at_level("INFO"):
        sync("leads")

    assert any(each.startswith("Stream leads: records 3, requests") for each in caplog.messages)


def test_what_a_stream_came_to_is_added_up_over_its_meters() -> None:
    meters = [Meter(wanted=1000, requests=1004, waited=1.26), Meter(wanted=200, requests=200)]

    assert came_to("The sync", 12_345, 12_346, 61.04, meters) == (
        "The sync: records 12,345 (Close counts 12,346), requests 1,204, tried again 4, seconds 61.0, waited for the "
        "rate limit 1.3 (all readers)."
    )


def test_what_is_under_way_is_told_with_what_is_waited_for() -> None:
    assert under_way([("leads", 1200), ("users", 1)], {"GET /api/v1/user/": 0.44}) == (
        "Still reading leads (1,200 requests), users (1 requests). Close's rate limit holds back GET /api/v1/user/ "
        "(0.4 s)."
    )
    assert under_way([("leads", 3)], {}) == "Still reading leads (3 requests)."
