"""States as they are handed in: ours, the CDK's, other spellings, and what is none."""

import json
from datetime import timedelta
from typing import Any

import pytest

from source_closeio.errors import StateError
from source_closeio.state_migration import blobs, followed, is_of_another_cursor, reached
from source_closeio.windows import parse_moment

NOW = parse_moment("2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    "blob",
    [
        {"date_updated": "2026-02-01T10:00:00.123456Z"},
        {"date_updated": "2026-02-01T10:00:00.123456+00:00"},
        {"date_updated": "2026-02-01T12:00:00.123456+0200", "other": 1},
        {
            "state_type": "date-range",
            "slices": [
                {"start": "2026-02-10T00:00:00Z", "end": "2026-02-20T00:00:00Z"},
                {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T10:00:00.123456Z"},
            ],
        },
    ],
)
def test_a_state_is_the_moment_up_to_which_there_is_no_gap(blob: dict[str, Any]) -> None:
    assert reached("leads", blob, "date_updated", NOW) == parse_moment("2026-02-01T10:00:00.123456Z")


@pytest.mark.parametrize("blob", [{}, {"__ab_no_cursor_state_message": True}])
def test_no_state_is_no_moment(blob: dict[str, Any]) -> None:
    assert reached("leads", blob, "date_updated", NOW) is None


@pytest.mark.parametrize(
    "blob",
    [
        {"date_updated": "last week"},
        {"date_updated": None},
        {"date_updated": 1767225600},
        {"date_created": "2026-02-01T10:00:00Z"},
        {"state_type": "date-range", "slices": []},
        {"state_type": "date-range"},
        {"state_type": "date-range", "slices": [{"start": "x", "end": "y"}]},
        {"state_type": "date-range", "slices": [{"start": "2026-02-01", "end": "y"}]},
        {"state_type": "date-range", "slices": {"start": "2026-02-01", "end": "2026-02-02"}},
        {"date_updated": "0001-01-01T00:00:00+10:00"},
        {"date_updated": "9999-12-31T23:00:00-10:00"},
        {"__ab_no_cursor_state_message": False},
        {"__ab_full_refresh_sync_complete": True},
    ],
)
def test_a_state_that_cannot_be_read_is_an_error_that_names_the_stream(blob: dict[str, Any]) -> None:
    with pytest.raises(StateError, match=r"stream leads .* \{\"date_updated\": \"2026-03-01T12:00:00.000000Z\"\}"):
        reached("leads", blob, "date_updated", NOW)


def test_the_mark_of_a_full_refresh_does_not_hide_a_date() -> None:
    blob = {"__ab_no_cursor_state_message": True, "date_updated": "2026-02-01T00:00:00Z"}

    assert reached("leads", blob, "date_updated", NOW) == parse_moment("2026-02-01")


def test_a_state_in_the_future_is_an_error_too() -> None:
    with pytest.raises(StateError) as error:
        reached("leads", {"date_updated": "2026-03-01T13:00:00Z"}, "date_updated", NOW)

    assert str(error.value) == (
        "The state of stream leads lies in the future (2026-03-01T13:00:00.000000Z), so what changed since the last "
        "sync cannot be known; reset the stream to read it from the beginning."
    )


def test_clocks_may_differ_by_five_minutes() -> None:
    latest = {"date_updated": "2026-03-01T12:05:00Z"}

    assert reached("leads", latest, "date_updated", NOW) == NOW + timedelta(minutes=5)
    with pytest.raises(StateError, match="lies in the future"):
        reached("leads", latest, "date_updated", NOW - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("blob", "is_one"),
    [
        ({"date_created": "2026-02-01T00:00:00Z"}, True),
        ({"date_created": "2026-02-01T00:00:00Z", "date_updated": "2026-02-02"}, False),
        ({"date_created": "2026-02-01T00:00:00Z", "more": "2026-02-02"}, False),
        ({"date_created": "last week"}, False),
        ({"date_created": "0001-01-01T00:00:00+10:00"}, False),
        ({"date_created": None}, False),
        ({}, False),
    ],
)
def test_only_a_date_that_is_one_passes_for_that_of_another_cursor(blob: dict[str, Any], is_one: bool) -> None:
    """The stream is then read from the beginning; a state that is broken must not do that."""
    assert is_of_another_cursor(blob, "date_updated") is is_one


def test_activities_may_have_the_other_date_of_the_two() -> None:
    assert is_of_another_cursor({"date_updated": "2026-02-01"}, "date_created")


def entry(name: Any, blob: Any) -> dict[str, Any]:
    return {"stream_descriptor": {"name": name}, "stream_state": blob}


LEADS = {"date_updated": "2026-02-01"}
TASKS = {"date_updated": "2026-01-01"}


@pytest.mark.parametrize("held", [None, {}, []])
def test_an_empty_state_is_none(held: Any) -> None:
    assert blobs(held) == {}


@pytest.mark.parametrize(
    "held",
    [
        [{"type": "STREAM", "stream": entry("leads", LEADS)}, {"type": "STREAM", "stream": entry("tasks", TASKS)}],
        [{"stream": entry("leads", LEADS)}, {"type": "LEGACY", "stream": entry("tasks", TASKS), "data": {"a": 1}}],
        [{"type": "GLOBAL", "global": {"stream_states": [entry("leads", LEADS), entry("tasks", TASKS)]}}],
        [
            {"type": "GLOBAL", "global": {"stream_states": [entry("leads", LEADS)], "shared_state": {}}},
            {"type": "STREAM", "stream": entry("tasks", TASKS), "global": None},
        ],
    ],
)
def test_a_state_counts_by_what_it_holds_and_not_by_its_type(held: Any) -> None:
    assert blobs(held) == {"leads": LEADS, "tasks": TASKS}


def test_the_namespace_of_a_stream_does_not_count() -> None:
    descriptor = {"name": "leads", "namespace": "close"}

    assert blobs([{"stream": {"stream_descriptor": descriptor, "stream_state": LEADS}}]) == {"leads": LEADS}


@pytest.mark.parametrize("blob", [None, {}])
def test_a_stream_that_was_reset_has_an_empty_state(blob: Any) -> None:
    assert blobs([{"stream": entry("leads", blob)}]) == {"leads": {}}
    assert blobs([{"stream": {"stream_descriptor": {"name": "leads"}}}]) == {"leads": {}}


@pytest.mark.parametrize(
    "held",
    [
        0,
        False,
        "",
        "leads",
        {"leads": LEADS},
        {"stream": entry("leads", LEADS)},
        [None],
        [[]],
        [{}],
        [{"type": "STREAM", "stream": None}],
        [{"type": "LEGACY", "data": {"leads": LEADS}}],
        [{"type": "STATE", "state": {"stream": entry("leads", LEADS)}}],
        [{"stream": entry(None, LEADS)}],
        [{"stream": {"stream_state": LEADS}}],
        [{"stream": entry("leads", LEADS), "global": {"stream_states": []}}],
        [{"global": {"stream_states": None}}],
        [{"global": {"stream_states": [entry("leads", LEADS), None]}}],
    ],
)
def test_what_is_no_state_is_not_taken_for_an_empty_one(held: Any) -> None:
    what = "not one of Airbyte's" if isinstance(held, list) else "no list"
    with pytest.raises(StateError, match=rf"^The state is {what}: .* give \[\] to read everything\.$"):
        blobs(held)


def test_the_state_that_an_error_shows_as_an_example_is_one() -> None:
    with pytest.raises(StateError) as error:
        blobs("2026-01-31")

    example = str(error.value).partition(" must be like ")[2].partition("; mend it, or give [] ")[0]
    leads = blobs(json.loads(example))["leads"]
    assert reached("leads", leads, "date_updated", NOW) == parse_moment("2026-01-31T09:30:00Z")
    assert json.loads(example)[0]["type"] == "STREAM"
    assert leads == {"date_updated": "2026-01-31T09:30:00.000000Z"}


@pytest.mark.parametrize("blob", [[], "2026-02-01", 5, False])
def test_a_state_that_is_no_object_cannot_be_read_and_leaves_those_of_other_streams_alone(blob: Any) -> None:
    found = blobs([{"stream": entry("leads", blob)}, {"stream": entry("tasks", LEADS)}])

    assert found["tasks"] == LEADS
    assert not is_of_another_cursor(found["leads"], "date_updated")
    with pytest.raises(StateError, match=r"^The state of stream leads cannot be read: "):
        reached("leads", found["leads"], "date_updated", NOW)


def test_two_states_of_one_stream_are_not_chosen_from() -> None:
    """Of two the wrong one would leave a gap that nothing tells of."""
    with pytest.raises(StateError, match=r"^The state has stream leads more than once; keep the oldest one\.$"):
        blobs([{"stream": entry("leads", LEADS)}, {"global": {"stream_states": [entry("leads", None)]}}])


def test_a_shared_state_is_not_ours() -> None:
    with pytest.raises(
        StateError, match=r"^The state has a `shared_state`, which this connector never writes; remove it\.$"
    ):
        blobs([{"global": {"shared_state": {"a": 1}, "stream_states": [entry("leads", LEADS)]}}])


def test_a_state_says_beside_its_date_how_far_the_event_log_was_followed_and_searched_for() -> None:
    first, second = "2026-02-01T10:00:00.000000Z", "2026-02-02T10:00:00.000000Z"

    assert followed("leads", {"date_updated": first}, NOW) == {}
    assert followed("leads", {"changes": first, "date_updated": second}, NOW) == {"changes": parse_moment(first)}
    assert followed("leads", {"searched": second, "changes": first}, NOW) == {
        "changes": parse_moment(first),
        "searched": parse_moment(second),
    }


@pytest.mark.parametrize("name", ["changes", "searched"])
def test_what_a_state_says_of_the_event_log_is_a_date_that_has_been(name: str) -> None:
    with pytest.raises(StateError, match=rf'stream leads .* \{{"{name}": "2026-03-01T12:00:00.000000Z"\}}'):
        followed("leads", {name: "last week"}, NOW)
    with pytest.raises(StateError, match="The state of stream leads lies in the future"):
        followed("leads", {name: "2026-03-01T12:05:01Z"}, NOW)
