"""What is refused is told, and is never taken for empty: parents, streams, slices, a whole key, a firewall."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator, faults
from source_closeio.endpoints import ENDPOINTS

from .conftest import NOW, Output, catalog_of
from .filling import PATH, fill
from .refusing import THREADS, comments, refuse_all, state_of, warnings

Run = Callable[..., Output]
DAILY = {"start_date": "2026-01-20", "date_window": 1, "num_workers": 20}


def incomplete(stream: str) -> str:
    return f"Not read whole: {stream}. The errors above say why; the next sync goes on from the last state."


# Parents


@pytest.mark.parametrize("workers", [1, 20])
@pytest.mark.parametrize("refused", [{"comthr_a"}, {"comthr_c"}, {"comthr_b", "comthr_e"}])
def test_a_refused_thread_takes_only_its_own_comments_along(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, refused: set[str], workers: int
) -> None:
    made = comments(close, THREADS)
    close.behaviour.refused_parents = dict.fromkeys(refused, 403)

    output = sync("comments", config={"num_workers": workers})

    assert output.ids("comments") == {each for thread in THREADS.keys() - refused for each in made[thread]}
    (warning,) = warnings(caplog)
    assert f"Stream comments lacks what belongs to {len(refused)} of 5 parents" in warning
    assert "(403)" in warning
    assert output.statuses == {"comments": "COMPLETE"}


def test_a_stream_all_of_whose_parents_are_refused_is_left_out_with_one_warning(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture
) -> None:
    comments(close, THREADS)
    close.behaviour.refused_parents = dict.fromkeys(THREADS, 403)

    output = sync("comments", config={"num_workers": 20})

    assert output.records("comments") == []
    (warning,) = warnings(caplog)
    assert "Stream comments is left out" in warning
    assert output.statuses == {"comments": "COMPLETE"}


@pytest.mark.parametrize("first", [True, False])
def test_of_two_organisations_the_one_that_the_key_reads_is_delivered(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, first: bool
) -> None:
    close.add("membership/", {"id": "memb_1", "user_id": close.user_id})
    seen = [{"id": close.organization_id}, {"id": "orga_other"}]
    close.fail(
        faults.every(1, faults.answer(200, {"id": close.user_id, "organizations": seen[:: 1 if first else -1]})), "me/"
    )
    close.behaviour.refused_parents = {"orga_other": 403}

    output = sync("organizations", "memberships")

    assert output.ids("organizations") == {close.organization_id}
    assert "memb_1" in output.ids("memberships")
    assert output.ids("memberships") == close.ids("membership/")
    assert sorted(each.partition(":")[0] for each in warnings(caplog)) == [
        "Stream memberships lacks what belongs to 1 of 2 parents",
        "Stream organizations lacks what belongs to 1 of 2 parents",
    ]
    assert output.statuses == {"organizations": "COMPLETE", "memberships": "COMPLETE"}


# Streams with many slices


@pytest.mark.parametrize("stream", ["call_activities", "tasks", "leads", "event_log"])
def test_the_refusal_of_a_first_sync_is_decided_by_one_request(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    path = "data/search/" if stream == "leads" else PATH[stream]
    fill(close, stream, 300, step=timedelta(hours=2))
    close.behaviour.refused = {"data/search/lead" if stream == "leads" else path: 403}

    output = sync(stream, config=DAILY)

    assert output.records(stream) == []
    assert len([request for request in close.requests if request.path == path]) == 1
    (warning,) = warnings(caplog)
    assert f"Stream {stream} is left out" in warning
    assert output.statuses == {stream: "COMPLETE"}


@pytest.mark.parametrize("stream", ["call_activities", "leads", "users"])
@pytest.mark.parametrize("workers", [1, 20])
def test_a_refusal_after_the_first_answer_is_a_failure_that_names_the_stream(
    close: Emulator, run: Run, stream: str, workers: int
) -> None:
    path = "data/search/" if stream == "leads" else PATH[stream]
    ids = fill(close, stream, 450, step=timedelta(hours=2))
    asked = []

    def the_permission_is_taken_away(request: Any) -> None:
        asked.append(request.path)
        if asked.count(path) == 2:  # while the second is on its way; the first let the stream through
            close.behaviour.refused = {"data/search/lead" if stream == "leads" else path: 403}

    close.on_request = the_permission_is_taken_away
    output = run("read", stream, config={**DAILY, "num_workers": workers})
    close.on_request = None

    assert output.failure == incomplete(stream)
    (error,) = output.errors
    assert "(403)" in error
    assert f"It could be read when the sync began: give the permission back, or deselect {stream}." in error
    assert output.statuses == {stream: "INCOMPLETE"}

    close.behaviour.refused = {}
    rest = run("read", stream, state=output.state, config=DAILY)
    assert output.ids(stream) | rest.ids(stream) == set(ids)


# What was read before


def read_before(stream: str, how: str) -> dict[str, Any]:
    """How the platform shows that it holds rows of a stream."""
    catalog = catalog_of((stream,))
    if how == "a state":
        return {"state": state_of(stream, "date_updated", "2026-02-01T00:00:00Z")}
    catalog["streams"][0] |= {"generation_id": 2, "minimum_generation_id": 2, "sync_id": 5}
    return {"catalog": catalog}


@pytest.mark.parametrize(
    ("stream", "how"),
    [
        ("tasks", "a state"),
        ("leads", "a state"),
        ("event_log", "a state"),
        ("tasks", "a second generation"),
        ("users", "a second generation"),
        ("comments", "a second generation"),
        ("sequence_subscriptions", "a second generation"),
    ],
)
def test_a_stream_that_was_read_before_and_is_refused_now_is_an_error(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture, stream: str, how: str
) -> None:
    comments(close, THREADS)
    paths = {"leads": "data/search/lead", "comments": "comment/", "sequence_subscriptions": "sequence/"}
    close.behaviour.refused = {paths.get(stream) or PATH[stream]: 403}

    output = run("read", stream, **read_before(stream, how))

    assert output.records(stream) == []
    assert output.failure == incomplete(stream)
    assert [
        f"It could be read by an earlier sync: give the permission back, or deselect {stream}." in each
        for each in output.errors
    ] == [True]
    assert "(403)" in output.errors[0]
    assert output.statuses == {stream: "INCOMPLETE"}
    assert "is left out" not in caplog.text


@pytest.mark.parametrize("stream", ["tasks", "users", "comments"])
def test_a_stream_of_the_first_generation_that_is_refused_is_left_out(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    comments(close, THREADS)
    close.behaviour.refused = {"comment/" if stream == "comments" else PATH[stream]: 403}
    catalog = catalog_of((stream,))
    catalog["streams"][0] |= {"generation_id": 1, "minimum_generation_id": 0, "sync_id": 1}

    output = sync(stream, catalog=catalog)

    (warning,) = warnings(caplog)
    assert f"Stream {stream} is left out" in warning
    assert output.statuses == {stream: "COMPLETE"}


def test_a_stream_that_stays_refused_is_left_out_by_each_sync(close: Emulator, sync: Run) -> None:
    """The state that the first one wrote covers nothing, so nothing was read."""
    close.behaviour.refused = {"task/": 403, "user/": 403}
    first = sync("tasks", "users")

    second = sync("tasks", "users", state=first.state)

    assert second.statuses == {"tasks": "COMPLETE", "users": "COMPLETE"}


# Firewalls


@pytest.mark.parametrize(("nth", "workers", "status"), [(2, 1, 402), (10, 8, 403), (40, 8, 403)])
def test_a_firewall_in_every_nth_answer_costs_no_row(
    close: Emulator, sync: Run, nth: int, workers: int, status: int
) -> None:
    streams = ("leads", "tasks", "call_activities", "event_log", "users")
    made = {stream: set(fill(close, stream, 260)) for stream in streams}
    made["comments"] = set().union(*comments(close, THREADS).values())
    close.fail(faults.every(nth, faults.firewall(status)))

    output = sync(*made, config={"num_workers": workers})

    assert {stream: output.ids(stream) for stream in made} == made
    assert set(output.statuses.values()) == {"COMPLETE"}


@pytest.mark.parametrize(("stream", "status"), [("tasks", 403), ("users", 402), ("comments", 403), ("event_log", 403)])
def test_a_firewall_before_one_list_fails_its_stream_and_no_other(
    close: Emulator, run: Run, stream: str, status: int
) -> None:
    comments(close, THREADS)
    ids = fill(close, "call_activities", 30)
    path = "comment/" if stream == "comments" else PATH[stream]
    close.fail(faults.every(1, faults.firewall(status)), path)

    output = run("read", stream, "call_activities")

    assert output.statuses == {stream: "INCOMPLETE", "call_activities": "COMPLETE"}
    assert output.ids("call_activities") == set(ids)
    assert output.failure == incomplete(stream)
    (error,) = (each["trace"]["error"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR")
    assert f"Something other than Close refused /{path} ({status})" in error["message"]
    assert error["failure_type"] == "transient_error"


# Several at once


@pytest.mark.parametrize("workers", [1, 8])
def test_the_refusals_of_some_lists_leave_the_others_whole(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    whole = {stream: set(fill(close, stream, 300)) for stream in ("leads", "call_activities", "event_log")}
    for stream in ("tasks", "opportunities", "users"):
        fill(close, stream, 300)
    close.behaviour.refused = {"task/": 402, "opportunity/": 403, "user/": 400}

    output = run("read", *whole, "tasks", "opportunities", "users", config={"num_workers": workers})

    assert {stream: output.ids(stream) for stream in whole} == whole
    assert output.statuses == {
        **dict.fromkeys([*whole, "tasks", "opportunities"], "COMPLETE"),
        "users": "INCOMPLETE",
    }
    assert sorted(each.split()[1] for each in warnings(caplog)) == ["opportunities", "tasks"]
    assert output.failure == incomplete("users")
    (error,) = output.errors
    assert "Close did not understand a request to /user/ (400" in error


# check


def outcome(output: Output) -> tuple[str, str]:
    (message,) = output.of("CONNECTION_STATUS")
    return message["connectionStatus"]["status"], message["connectionStatus"].get("message", "")


@pytest.mark.parametrize("values", [True, False])
@pytest.mark.parametrize("status", [402, 403])
def test_check_fails_where_the_key_may_read_no_list(close: Emulator, run: Run, status: int, values: bool) -> None:
    refuse_all(close, status)

    told, sentence = outcome(run("check", config={"custom_field_names": values}))

    assert told == "FAILED"
    assert sentence.startswith("No stream can be read with this key. ")
    assert f"({status})" in sentence


@pytest.mark.parametrize(
    ("path", "streams"),
    [
        ("user/", {"users"}),
        ("activity/call/", {"call_activities"}),
        ("data/search/lead", {"leads"}),
        ("comment_thread/", {"comment_threads"}),
        ("organization/{id}/", {"organizations", "memberships"}),
    ],
)
def test_check_succeeds_where_one_list_can_be_read_and_warns_of_the_others(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture, path: str, streams: set[str]
) -> None:
    refuse_all(close, 403)
    del close.behaviour.refused[path.replace("{id}", close.organization_id)]

    assert outcome(run("check")) == ("SUCCEEDED", "")
    assert [each for each in warnings(caplog) if "cannot be read now: " not in each] == []
    others = {each.name for each in ENDPOINTS} - streams - {"custom_field_values"}
    assert {each.split()[1] for each in warnings(caplog)} == others


def test_check_tells_why_a_stream_cannot_be_read_if_it_is_no_refusal(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    close.behaviour.refused = {"user/": 405}

    assert outcome(run("check")) == ("SUCCEEDED", "")
    assert [each.partition(";")[0] for each in warnings(caplog)] == [
        "Stream users cannot be read now: Close does not allow this request to /user/ (405)"
    ]


def test_check_does_not_warn_of_a_stream_that_is_read_in_another_way(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = faults.answer(400, {"errors": [], "field-errors": {"type__in": "Input should be 'lead' or 'contact'"}})
    close.fail(faults.once(refusal), "saved_search/")

    assert outcome(run("check")) == ("SUCCEEDED", "")
    assert warnings(caplog) == []
    assert [each.params["type__in"] for each in close.requests if each.path == "saved_search/"][1:] == ["lead,contact"]


# The event log's end


def test_a_state_older_than_the_event_log_is_one_warning_with_both_dates(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture
) -> None:
    ids = fill(close, "event_log", 60)

    output = sync("event_log", state=state_of("event_log", "date_updated", "2026-01-15T00:00:00Z"))

    (warning,) = warnings(caplog)
    assert "Stream event_log has a hole" in warning
    assert "2026-01-15T00:00:00.000000Z" in warning
    assert (NOW - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S.%fZ") in warning
    assert output.ids("event_log") == set(ids)


@pytest.mark.parametrize("state", ["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", None])
def test_a_younger_state_of_the_event_log_and_none_are_no_warning(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, state: str | None
) -> None:
    fill(close, "event_log", 60)

    sync("event_log", state=state_of("event_log", "date_updated", state) if state else [])

    assert warnings(caplog) == []
