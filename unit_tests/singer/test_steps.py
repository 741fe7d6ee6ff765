"""What happens to single values and records."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_closeio.singer.steps import only, utc_text
from source_closeio.windows import parse_moment

OFFSET = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENT = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=OFFSET)


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("2024-01-31T09:30:00.123456+00:00", "2024-01-31T09:30:00.123456Z"),
        ("2024-01-31T09:30:00.123000Z", "2024-01-31T09:30:00.123000Z"),
        ("2024-01-31T09:30:00.123+00:00", "2024-01-31T09:30:00.123000Z"),
        ("2024-01-31T09:30:00+00:00", "2024-01-31T09:30:00.000000Z"),
        ("2024-01-31T09:30:00Z", "2024-01-31T09:30:00.000000Z"),
        ("2024-01-31T09:30:00", "2024-01-31T09:30:00.000000Z"),
        ("2024-01-31", "2024-01-31T00:00:00.000000Z"),
        ("2024-01-31T09:30:00.123456+05:30", "2024-01-31T04:00:00.123456Z"),
        ("2024-01-31T09:30:00-08:00", "2024-01-31T17:30:00.000000Z"),
        ("2024-01-31 09:30:00", "2024-01-31T09:30:00.000000Z"),
        ("Wed, 31 Jan 2024 10:30:00 +0100", "2024-01-31T09:30:00.000000Z"),
        ("Wed, 31 Jan 2024 10:30:00", "2024-01-31T10:30:00.000000Z"),
        ("yesterday", "yesterday"),
        ("", ""),
        ("0001-01-01T00:00:00+10:00", "0001-01-01T00:00:00+10:00"),
    ],
)
def test_a_date_time_is_written_in_utc(given_: str, written: str) -> None:
    assert utc_text(given_) == written


@given(MOMENT, st.sampled_from(("auto", "seconds", "milliseconds", "microseconds")))
def test_the_moment_stays_the_same(moment: Any, precision: str) -> None:
    spelled = moment.isoformat(timespec=precision)
    written = utc_text(spelled)

    assert len(written) == 27
    assert written.endswith("Z")
    assert parse_moment(written) == parse_moment(spelled)


def test_properties_that_are_left_out_are_remembered() -> None:
    left_out: set[str] = set()
    record = {"id": 1, "new": 2, "empty": None}
    only(["id", "name"], left_out)(record)

    assert (record, left_out) == ({"id": 1}, {"new"})
