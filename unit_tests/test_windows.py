"""When: slices, the tail, the lookback, the state. Pure functions, so without the emulator."""

import itertools
import random
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.windows import CLOSE_BEGAN, INDEX_LAG, SECOND, Progress, Span, parse_moment, state_text, to_read

NOW = datetime(2026, 3, 1, 12, 0, 0, 654321, timezone.utc)
HORIZON = datetime(2026, 3, 1, 11, 55, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def read(**changed: Any) -> tuple[Span, Span]:
    options: dict[str, Any] = {"start_date": None, "state": None, "lookback": DAY}
    return to_read(NOW, **{**options, **changed})


def at(text: str) -> datetime:
    return parse_moment(text)


@pytest.mark.parametrize("start", ["2026-02-28", "2026-02-01T10:00:00.5Z", "2013-01-01", "1999-05-05"])
def test_time_is_read_from_the_start_date_on_without_a_gap_before_the_tail(start: str) -> None:
    assert read(start_date=at(start)) == (Span(at(start).replace(microsecond=0), HORIZON), Span(HORIZON))


def test_the_state_ends_five_minutes_before_the_sync_began_and_the_tail_never() -> None:
    assert (NOW - INDEX_LAG).replace(microsecond=0) == HORIZON
    assert timedelta(minutes=5) == INDEX_LAG


def test_without_a_start_date_all_is_read_so_that_imports_dated_1970_arrive() -> None:
    assert read() == (Span(None, HORIZON), Span(HORIZON))


def test_the_lookback_reaches_from_the_state_back() -> None:
    slices, _ = read(state=at("2026-02-10T10:00:00Z"), lookback=timedelta(hours=1))

    assert slices.start == at("2026-02-10T09:00:00Z")


def test_a_lookback_of_0_starts_at_the_state() -> None:
    assert read(state=at("2026-02-10T10:00:00Z"), lookback=0 * DAY)[0].start == at("2026-02-10T10:00:00Z")


def test_a_start_date_behind_the_state_skips_nothing() -> None:
    made = read(state=at("2026-02-10T10:00:00Z"), start_date=at("2026-02-20"), lookback=timedelta(hours=1))

    assert made == (Span(at("2026-02-10T09:00:00Z"), HORIZON), Span(HORIZON))


@pytest.mark.parametrize("start", ["2026-02-10T09:30:00Z", "2026-02-10T10:00:00Z"])
def test_the_lookback_never_reaches_before_the_start_date(start: str) -> None:
    slices, _ = read(state=at("2026-02-10T10:00:00Z"), start_date=at(start))

    assert slices.start == at(start)


def test_a_lookback_longer_than_history_reads_everything() -> None:
    slices, _ = read(state=at("2026-02-10"), lookback=timedelta(days=10**6))

    assert slices.start == datetime(1, 1, 1, tzinfo=timezone.utc)


def test_a_start_within_the_last_five_minutes_leaves_the_tail_from_there_on() -> None:
    start = at("2026-03-01T11:58:00Z")
    slices, tail = read(start_date=start)

    assert slices.is_empty
    assert tail == Span(start)


@pytest.mark.parametrize(
    ("span", "middle"),
    [
        (Span(at("2026-01-01"), at("2026-01-03")), at("2026-01-02")),
        (Span(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:03Z")), at("2026-01-01T00:00:01Z")),
        (Span(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:02Z")), at("2026-01-01T00:00:01Z")),
        (Span(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z")), None),
        (Span(at("2026-01-01")), None),
        (Span(None, CLOSE_BEGAN + 2 * DAY), CLOSE_BEGAN + DAY),
        (Span(None, CLOSE_BEGAN), None),
        (Span(), None),
    ],
)
def test_a_span_is_halved_at_a_whole_second_inside_it(span: Span, middle: datetime | None) -> None:
    assert span.middle == middle


def test_only_a_span_that_ends_where_it_begins_or_before_is_empty() -> None:
    assert Span(NOW, NOW).is_empty
    assert Span(NOW, NOW - DAY).is_empty
    assert not Span(NOW, NOW + SECOND).is_empty
    assert not Span(NOW).is_empty
    assert not Span(None, NOW).is_empty


def test_a_span_is_longer_than_what_the_user_wants_by_when_records_can_begin() -> None:
    assert Span(NOW - DAY, NOW).is_longer_than(DAY - SECOND)
    assert not Span(NOW - DAY, NOW).is_longer_than(DAY)
    assert Span(None, CLOSE_BEGAN + DAY).is_longer_than(DAY - SECOND)
    assert not Span(None, CLOSE_BEGAN + DAY).is_longer_than(DAY)
    assert not Span(NOW - DAY, NOW).is_longer_than(None)
    assert not Span(NOW - DAY).is_longer_than(SECOND), "nobody knows how long it is"


# How far it has come


@pytest.mark.parametrize("seed", range(20))
def test_the_state_is_where_the_oldest_open_slice_begins_however_they_are_cut_and_finish(seed: int) -> None:
    chance = random.Random(seed)
    whole = Span(at("2025-01-01"), HORIZON)
    progress, slices, numbers = Progress(None, whole), {0: whole}, itertools.count(1)

    for _ in range(60):
        number, span = chance.choice(sorted(slices.items()))
        assert span.start
        assert span.end
        if (middle := span.middle) and chance.random() < 0.6:
            older, newer = Span(span.start, middle), Span(middle, span.end)
            kept, left = chance.choice([(older, newer), (newer, older)])
            slices |= {number: kept, next(numbers): left}
            progress.opens({each: slices[each] for each in (number, max(slices))})
        elif len(slices) > 1:
            del slices[number]
            progress.closes(number)
        oldest = min(each.start for each in slices.values() if each.start)
        assert progress.reached == (oldest if oldest > at("2025-01-01") else None)
    for number in list(slices):
        progress.closes(number)
    assert progress.reached == HORIZON


def test_nothing_read_is_no_state() -> None:
    assert Progress(None, Span(at("2025-01-01"), HORIZON)).reached is None
    assert Progress(None, Span(None, HORIZON)).reached is None


def test_a_beginning_that_nobody_has_read_holds_the_state_back() -> None:
    progress = Progress(None, Span(None, HORIZON))
    progress.opens({0: Span(NOW - DAY, HORIZON), 1: Span(None, NOW - DAY)})
    assert progress.reached is None
    progress.closes(1)
    assert progress.reached == NOW - DAY


def test_the_state_never_goes_back_behind_the_lookback() -> None:
    state = at("2026-02-10T10:00:00Z")
    progress = Progress(state, Span(state - 30 * DAY, state + DAY))
    progress.opens({0: Span(state - 15 * DAY, state + DAY)})

    assert progress.reached == state
    progress.closes(0)
    assert progress.reached == state + DAY


def test_what_has_no_end_moves_no_state() -> None:
    progress = Progress(HORIZON, Span(HORIZON))
    progress.closes(0)

    assert progress.reached == HORIZON


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T10:11:12.345678Z",
        "2024-02-29T10:11:12.345678+00:00",
        "2024-02-29T12:11:12.345678+02:00",
        "2024-02-29T10:11:12.345678+0000",
        "2024-02-29T10:11:12.345678",
        "2024-02-29 10:11:12.345678",
    ],
)
def test_all_spellings_of_a_moment_are_the_same_moment(text: str) -> None:
    assert state_text(parse_moment(text)) == "2024-02-29T10:11:12.345678Z"


def test_a_moment_is_the_same_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as here:
        here.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        told = state_text(parse_moment("2024-02-29T10:11:12"))
    time.tzset()

    assert told == "2024-02-29T10:11:12.000000Z"


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"])
def test_a_date_is_its_midnight_in_utc(text: str) -> None:
    assert state_text(parse_moment(text)) == "2024-02-29T00:00:00.000000Z"


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2024-13-45", "2024", "10:00", "P1D", "2024-01-01/2024-02-01", 7, None]
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever ValueError
        parse_moment(value)


@pytest.mark.parametrize(
    "value", ["yesterday", 7, "2024-01-01T00:00:00Z/2024-02-01T00:00:00Z", "0001-01-01T00:00:00+10:00"]
)
def test_what_starts_with_no_date_or_is_two_or_lies_outside_of_time_is_no_date(value: object) -> None:
    with pytest.raises(ValueError, match=r"^not a date$"):
        parse_moment(value)
