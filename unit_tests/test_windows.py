"""When: slices, the tail, the lookback, the state. Pure functions, so without the emulator."""

import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.endpoints import ACTIVITY, EVENT_LOG, UPDATED, Window
from source_closeio.windows import CLOSE_BEGAN, INDEX_LAG, Part, Plan, Progress, Span, parse_moment, plan, state_text

NOW = datetime(2026, 3, 1, 12, 0, 0, 654321, timezone.utc)
HORIZON = datetime(2026, 3, 1, 11, 55, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def planned(window: Window = UPDATED, **changed: Any) -> Plan:
    options: dict[str, Any] = {
        "start_date": None,
        "state": None,
        "lookback": DAY,
        "date_window": 15 * DAY,
        "num_workers": 1,
        "now": NOW,
        "holds_records": lambda span: True,
    }
    return plan(window, **{**options, **changed})


def at(text: str) -> datetime:
    return parse_moment(text)


def of_the_tail(made: Plan) -> Span:
    """The tail of a plan that has one."""
    assert made.tail
    return made.tail


def length(span: Span) -> timedelta:
    """How long a span is that begins and ends."""
    assert span.start
    assert span.end
    return span.end - span.start


def assert_gapless(made: Plan, start: datetime | None) -> None:
    cuts = [span.start for span in made.slices] + [of_the_tail(made).start]
    assert cuts[0] == start
    assert [span.end for span in made.slices] == cuts[1:]
    assert of_the_tail(made).end is None


@pytest.mark.parametrize("start", ["2026-02-28", "2026-02-01T10:00:00.5Z", "2024-01-01", "2013-01-01", "1999-05-05"])
@pytest.mark.parametrize("workers", [1, 10, 40])
@pytest.mark.parametrize("days", [1, 15, 366])
def test_slices_cover_all_time_since_the_start_without_gap_or_overlap(start: str, workers: int, days: int) -> None:
    made = planned(start_date=at(start), num_workers=workers, date_window=days * DAY)

    assert_gapless(made, at(start).replace(microsecond=0))
    assert of_the_tail(made).start == HORIZON
    assert all(length(span) <= days * DAY for span in made.slices if span.start and span.start >= CLOSE_BEGAN)


def test_the_slices_end_five_minutes_before_the_sync_began_and_the_tail_never() -> None:
    assert planned(start_date=at("2026-01-01")).tail == Span(HORIZON, None)
    assert (NOW - INDEX_LAG).replace(microsecond=0) == HORIZON


def test_without_a_start_date_the_first_slice_is_open_so_that_imports_dated_1970_arrive() -> None:
    made = planned()

    assert made.slices[0] == Span(None, CLOSE_BEGAN)
    assert_gapless(made, None)


def test_without_a_start_date_the_beginning_is_searched_for_in_a_few_questions() -> None:
    first_record = at("2021-07-07T07:07:07Z")
    asked: list[Span] = []

    def holds_records(span: Span) -> bool:
        asked.append(span)
        return span.start <= first_record < span.end  # type: ignore[operator]

    made = planned(holds_records=holds_records)

    assert made.slices[1].start <= first_record < made.slices[1].end  # type: ignore[operator]
    assert len(asked) <= 10
    assert made.slices[-1].end == HORIZON


def test_an_empty_stream_is_one_open_slice_and_the_tail() -> None:
    made = planned(holds_records=lambda span: False)

    assert made == Plan((Part(Span(None, HORIZON)),), Span(HORIZON, None)), "so that its state does not stay in 2013"


def test_a_short_range_is_cut_finer_so_that_all_readers_have_work() -> None:
    made = planned(start_date=HORIZON - 20 * DAY, num_workers=10)

    assert len(made.slices) == 10


def test_the_event_log_is_cut_into_days_and_what_lies_before_its_retention_is_one_slice() -> None:
    made = planned(EVENT_LOG, start_date=at("2024-01-01"))

    assert made.slices[0] == Span(at("2024-01-01"), HORIZON - 30 * DAY)
    assert [length(span) for span in made.slices[1:]] == [DAY] * 30


def test_the_lookback_reaches_from_the_state_back() -> None:
    made = planned(ACTIVITY, state=at("2026-02-10T10:00:00Z"), lookback=timedelta(hours=1))

    assert made.slices[0].start == at("2026-02-10T09:00:00Z")


def test_a_lookback_of_0_starts_at_the_state() -> None:
    assert planned(ACTIVITY, state=at("2026-02-10T10:00:00Z"), lookback=0 * DAY).slices[0].start == at("2026-02-10T10")


@pytest.mark.parametrize("window", [UPDATED, ACTIVITY])
def test_a_start_date_behind_the_state_skips_nothing(window: Window) -> None:
    made = planned(window, state=at("2026-02-10T10:00:00Z"), start_date=at("2026-02-20"), lookback=timedelta(hours=1))

    assert (made.slices[0].start, made.tail) == (at("2026-02-10T09:00:00Z"), Span(HORIZON, None))


def test_the_lookback_never_reaches_before_the_start_date() -> None:
    made = planned(ACTIVITY, state=at("2026-02-10T10:00:00Z"), start_date=at("2026-02-10T09:30:00Z"))

    assert made.slices[0].start == at("2026-02-10T09:30:00Z")


def test_a_lookback_longer_than_history_reads_everything() -> None:
    made = planned(ACTIVITY, state=at("2026-02-10"), lookback=timedelta(days=10**6))

    assert made.slices[0].start == datetime(1, 1, 1, tzinfo=timezone.utc)


def test_a_start_within_the_last_five_minutes_leaves_one_slice_without_an_end() -> None:
    start = at("2026-03-01T11:58:00Z")

    assert planned(start_date=start) == Plan((Part(Span(start)),), None)


def test_a_slice_without_an_end_moves_no_state() -> None:
    progress = Progress([Span(HORIZON)], HORIZON)

    assert not progress.finish(0)
    assert progress.reached == HORIZON


@pytest.mark.parametrize("seed", range(20))
def test_the_state_moves_only_over_slices_done_without_a_gap_in_whatever_order_they_finish(seed: int) -> None:
    slices = planned(start_date=at("2025-01-01")).slices
    order = list(range(len(slices)))
    random.Random(seed).shuffle(order)
    progress = Progress(slices, None)

    for count, index in enumerate(order, 1):
        before = progress.reached
        moved = progress.finish(index)
        gapless = next((i for i in range(len(slices)) if i not in order[:count]), len(slices))
        assert progress.reached == (slices[gapless - 1].end if gapless else None)
        assert moved == (progress.reached != before)


def test_the_state_never_goes_back_behind_the_lookback() -> None:
    state = at("2026-02-10T10:00:00Z")
    progress = Progress([Span(state - 30 * DAY, state - 15 * DAY), Span(state - 15 * DAY, state + DAY)], state)

    assert not progress.finish(0)
    assert progress.reached == state
    assert progress.finish(1)
    assert progress.reached == state + DAY


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


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"])
def test_a_date_is_its_midnight_in_utc(text: str) -> None:
    assert state_text(parse_moment(text)) == "2024-02-29T00:00:00.000000Z"


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2024-13-45", "2024", "10:00", "P1D", "2024-01-01/2024-02-01", 7, None]
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever ValueError
        parse_moment(value)
