"""States as they are handed in: ours, the CDK's, other spellings, and what is none."""

from datetime import timedelta
from typing import Any

import pytest

from source_closeio.state_migration import StateError, reached
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
    ],
)
def test_a_state_that_cannot_be_read_is_an_error_that_names_the_stream(blob: dict[str, Any]) -> None:
    with pytest.raises(StateError, match=r"stream leads .* \{\"date_updated\": \"2026-03-01T12:00:00.000000Z\"\}"):
        reached("leads", blob, "date_updated", NOW)


def test_a_state_in_the_future_is_an_error_too() -> None:
    with pytest.raises(StateError, match="stream leads lies in the future"):
        reached("leads", {"date_updated": "2026-03-01T13:00:00Z"}, "date_updated", NOW)


def test_clocks_may_differ_a_little() -> None:
    later = "2026-03-01T12:04:00Z"

    assert reached("leads", {"date_updated": later}, "date_updated", NOW) == NOW + timedelta(minutes=4)
