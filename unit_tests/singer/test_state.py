"""States: ours, those of tap-closeio, and the way back."""

from typing import Any

import pytest
from airbyte_cdk.models import AirbyteStateType

from source_closeio.errors import StateError
from source_closeio.singer.catalog import streams_of
from source_closeio.singer.state import for_source, moved, taken_over

from .offered import discovered

KNOWN = ["custom_fields", "leads", "activities"]


def bookmark(value: Any) -> Any:
    return taken_over({"bookmarks": {"leads": {"date_updated": value}}}, KNOWN)["bookmarks"]["leads"]["date_updated"]


@pytest.mark.parametrize(
    "spelled",
    [
        "2024-01-31",
        "2024-01-31T00:00:00",
        "2024-01-31T00:00:00Z",
        "2024-01-31T00:00:00+00:00",
        "2024-01-31T00:00:00.000000+00:00",
        "2024-01-31T00:00:00.000Z",
        "2024-01-31 00:00:00",
        "2024-01-31T02:00:00+02:00",
    ],
)
def test_a_date_that_tap_closeio_wrote_is_put_back_by_what_the_lists_may_be_late(spelled: str) -> None:
    assert bookmark(spelled) == "2024-01-30T23:55:00.000000Z"


def test_a_date_that_we_wrote_stays() -> None:
    """So does that of tap-closeio's event_log, which it held back by five minutes itself."""
    assert bookmark("2024-01-31T00:00:00.000000Z") == "2024-01-31T00:00:00.000000Z"


@pytest.mark.parametrize("value", ["last week", None, 5, "", {"a": 1}, "0001-01-01"])
def test_what_is_no_date_goes_to_the_connector_which_says_so(value: Any) -> None:
    assert bookmark(value) == value


def test_offsets_and_the_stream_under_way_are_dropped_and_all_else_is_carried_along() -> None:
    given = {
        "currently_syncing": "activities",
        "more": [1],
        "bookmarks": {
            "activities": {"date_created": "2024-01-31T00:00:00.000000Z", "offset": {"skip": 300}},
            "another": {"date_updated": "2024-01-31", "offset": {"skip": 1}},
            "leads": {"offset": {}},
        },
    }

    assert taken_over(given, KNOWN) == {
        "currently_syncing": None,
        "more": [1],
        "bookmarks": {
            "activities": {"date_created": "2024-01-31T00:00:00.000000Z"},
            "another": {"date_updated": "2024-01-31", "offset": {"skip": 1}},
            "leads": {},
        },
    }


@pytest.mark.parametrize("given", [{}, {"currently_syncing": None}, {"bookmarks": {}}])
def test_a_state_may_hold_nothing_yet(given: dict[str, Any]) -> None:
    assert taken_over(given, KNOWN) == {"bookmarks": {}, "currently_syncing": None}


@pytest.mark.parametrize(
    "given", [{"type": "STATE", "value": {"bookmarks": {}}}, {"leads": {"date_updated": "2024"}}, {"bookmarks": []}]
)
def test_a_state_of_another_shape_is_not_taken_for_none(given: dict[str, Any]) -> None:
    """That would be a full sync that nobody asked for."""
    with pytest.raises(StateError, match=r"^The state holds no `bookmarks`: it must be like \{"):
        taken_over(given, KNOWN)


@pytest.mark.parametrize("bookmark", ["2024-01-31", 5, [], False])
def test_a_bookmark_that_is_none_of_ours_is_not_taken_for_an_empty_one(bookmark: Any) -> None:
    """That would be a full sync that nobody asked for, too."""
    with pytest.raises(StateError) as failure:
        taken_over({"bookmarks": {"leads": bookmark}}, KNOWN)
    assert str(failure.value) == (
        'The bookmark of stream leads must be like {"date_updated": "2026-01-31T09:30:00.000000Z"}; mend it, or leave '
        "it out to read the stream from the beginning."
    )


def test_a_bookmark_may_be_null_and_those_of_other_taps_may_be_anything() -> None:
    bookmarks = {"leads": None, "orders": "2024-01-31"}

    assert taken_over({"bookmarks": bookmarks}, KNOWN)["bookmarks"] == bookmarks


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00-10:00"])
def test_a_date_at_the_end_of_time_goes_to_the_connector_which_says_so(value: str) -> None:
    assert bookmark(value) == value


def test_a_state_moves_one_stream_and_keeps_the_others() -> None:
    value = taken_over({"bookmarks": {"users": {"date_updated": "x"}}, "more": 1}, KNOWN)
    after = moved(value, "leads", {"date_updated": "2024-01-31T00:00:00.000000Z"})

    assert after["bookmarks"] == {
        "users": {"date_updated": "x"},
        "leads": {"date_updated": "2024-01-31T00:00:00.000000Z"},
    }
    assert value["bookmarks"] == {"users": {"date_updated": "x"}}, "a state that was written must not change"


@pytest.mark.parametrize(
    "blob", [{}, {"__ab_no_cursor_state_message": True}, {"__ab_full_refresh_sync_complete": True}]
)
def test_a_stream_that_is_read_whole_each_time_leaves_its_bookmark_alone(blob: dict[str, Any]) -> None:
    """Singer would hand the CDK's marker to the next sync, which would then read nothing."""
    value = taken_over({"bookmarks": {"users": {"date_updated": "x"}}}, KNOWN)

    assert moved(value, "users", blob) == value


def test_the_connector_gets_its_own_names() -> None:
    streams = streams_of("compat", discovered())
    value = taken_over({"bookmarks": {"custom_fields": {"date_updated": "x"}, "other": {}}}, KNOWN)

    (state,) = for_source(value, streams)

    assert state.type == AirbyteStateType.STREAM
    assert state.stream
    assert state.stream.stream_descriptor.name == "lead_custom_fields"
    assert vars(state.stream.stream_state) == {"date_updated": "x"}
