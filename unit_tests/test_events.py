"""What the event log is asked for: page after page up to the last second seen, and by cursor through a full second."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.errors import CursorRefused, NoProgress
from source_closeio.pagination import events
from source_closeio.windows import Rest, Span

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
Row = dict[str, Any]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def event(name: str, second: float) -> Row:
    return {"id": name, "date_updated": at(second).isoformat()}


class Log:
    """`/event/` over rows that stand still, and what it was asked for.

    lie: takes the parameters and the true answer, and gives another one. heeds: whether filters count beside a cursor.
    """

    def __init__(
        self, *held: Row, lie: Callable[[Row, Row], Row] = lambda asked, answer: answer, heeds: bool = True
    ) -> None:
        self.held = sorted(held, key=lambda row: row["date_updated"], reverse=True)
        self.lie, self.heeds, self.asked = lie, heeds, list[Row]()

    def __call__(self, asked: Row) -> Row:
        self.asked.append(asked)
        assert len(self.asked) < 1000, "this walk does not end"
        begin = asked.get("_cursor", 0)
        low, high = asked.get("date_updated__gte", ""), asked.get("date_updated__lt", "9")
        found = [row for row in self.held if low <= row["date_updated"] < high or (begin and not self.heeds)]
        end = begin + asked["_limit"]
        return self.lie(asked, {"data": found[begin:end], "cursor_next": end if end < len(found) else None})

    def spans(self) -> list[tuple[float | None, float | None, object]]:
        """From, to and cursor of each request."""

        def second(text: str | None) -> float | None:
            return None if text is None else (datetime.fromisoformat(text) - START).total_seconds()

        bounds = ("date_updated__gte", "date_updated__lt")
        return [(*(second(each.get(bound)) for bound in bounds), each.get("_cursor")) for each in self.asked]  # type: ignore[misc]


def read(log: Log, span: Span, limit: int = 2) -> list[str]:
    return [row["id"] for row in events(log, span, limit)]


def test_each_page_ends_with_the_last_second_of_the_one_before() -> None:
    log = Log(*(event(f"e{i}", i + 0.5) for i in range(1, 6)))

    assert read(log, Span()) == ["e5", "e4", "e3", "e2", "e1"]
    assert log.spans() == [(None, None, None), (None, 5, None), (None, 4, None), (None, 3, None)]
    assert {each["_limit"] for each in log.asked} == {2}


def test_the_last_second_of_a_page_is_that_of_its_last_row() -> None:
    log = Log(*(event(f"e{i}", i + 0.5) for i in range(1, 8)))

    assert read(log, Span(), limit=4) == ["e7", "e6", "e5", "e4", "e3", "e2", "e1"]
    assert log.spans() == [(None, None, None), (None, 5, None)]


def test_a_second_that_fills_a_page_is_walked_by_cursor_and_what_is_older_after_it() -> None:
    log = Log(event("e9", 9), *(event(f"t{i}", 5) for i in range(5)), event("e1", 1))

    assert sorted(read(log, Span())) == ["e1", "e9", "t0", "t1", "t2", "t3", "t4"]
    assert log.spans() == [
        (None, None, None),
        (None, 6, None),
        *((5, 6, cursor) for cursor in (None, 2, 4)),
        *((5, 6, cursor) for cursor in (None, 2, 4)),  # round after round until it comes the same again
        (None, 5, None),
    ]


def test_the_walk_ends_at_the_beginning_of_its_span() -> None:
    log = Log(*(event(f"t{i}", 5) for i in range(5)), event("e1", 1))

    assert sorted(read(log, Span(at(5), at(9)))) == ["t0", "t1", "t2", "t3", "t4"]
    assert log.spans() == [(5, 9, None), (5, 6, None), *[(5, 6, cursor) for cursor in (None, 2, 4)] * 2]


def test_a_span_without_length_is_not_asked_for() -> None:
    log = Log(event("e5", 5))

    assert read(log, Span(at(5), at(5))) == []
    assert log.asked == []


def test_rows_outside_of_the_span_are_not_handed_on() -> None:
    everything = [event(f"e{i}", i) for i in (8, 7, 3)]
    log = Log(lie=lambda asked, answer: {"data": everything, "cursor_next": None})

    assert read(log, Span(at(5), at(8))) == ["e7"]
    assert len(log.asked) == 1


def test_a_page_of_older_rows_only_ends_the_walk() -> None:
    log = Log(lie=lambda asked, answer: {"data": [event("e3", 3)], "cursor_next": "more"})

    assert read(log, Span(at(5), at(8))) == []
    assert len(log.asked) == 1


def test_rows_that_are_counted_and_not_shown_are_gone_past_by_cursor() -> None:
    hidden = {"e9", "e8", "e7", "e6", "e3"}

    def hide(asked: Row, answer: Row) -> Row:
        return {**answer, "data": [row for row in answer["data"] if row["id"] not in hidden]}

    log = Log(*(event(f"e{i}", i) for i in range(1, 10)), lie=hide)

    assert sorted(read(log, Span(at(2), at(99)))) == ["e2", "e4", "e5"]
    assert log.spans()[:5] == [(2, 99, None), (2, 99, None), (2, 99, 2), (2, 99, 4), (2, 99, 6)]


def test_where_the_filters_are_not_heeded_beside_a_cursor_the_walk_ends_with_the_rows_of_the_span() -> None:
    log = Log(*(event(f"t{i}", 5) for i in range(4)), *(event(f"o{i}", 1) for i in range(6)), heeds=False)

    assert sorted(read(log, Span(at(5), at(9)))) == ["t0", "t1", "t2", "t3"]
    assert max(each.get("_cursor", 0) for each in log.asked) <= 4


def test_a_second_whose_cursors_are_refused_is_an_error_that_names_it() -> None:
    def refuse(asked: Row, answer: Row) -> Row:
        if "_cursor" in asked:
            raise CursorRefused
        return answer

    log = Log(*(event(f"t{i}", 5) for i in range(5)), lie=refuse)

    with pytest.raises(NoProgress) as error:
        read(log, Span(at(1), at(9)))
    assert str(error.value) == (
        "More records than cursors lead to share the events from 2026-01-01 00:00:05+00:00 to "
        "2026-01-01 00:00:06+00:00; Close offers no way to list them all."
    )


def test_a_row_of_the_span_that_moves_into_a_full_second_is_handed_on_once() -> None:
    def moved(asked: Row, answer: Row) -> Row:
        if asked.get("_cursor") == 2:
            return {**answer, "data": [event("e12", 12), event("e7", 7), *answer["data"]]}
        return answer

    log = Log(*(event(f"t{i}", 5) for i in range(4)), lie=moved)

    seen = read(log, Span(at(1), at(9)))
    assert sorted(seen) == ["e7", "t0", "t1", "t2", "t3"]


def test_what_is_older_than_the_last_event_can_be_left_after_each_page() -> None:
    told: list[Rest] = []

    def share(rest: Rest) -> Span:
        told.append(rest)
        return rest.halves[0] if len(told) == 2 else rest.span

    asked = Log(*(event(f"e{i}", i) for i in range(20)))
    read = [each["id"] for each in events(asked, Span(at(0), at(20)), 4, share)]

    assert read == [f"e{i}" for i in range(19, 5, -1)]
    assert told[:2] == [Rest(Span(at(0), at(20)), at(8), at(16)), Rest(Span(at(0), at(20)), at(6), at(13))]
    assert {each.span for each in told[2:]} == {Span(at(6), at(20))}


def test_of_events_without_a_beginning_or_within_a_second_nothing_can_be_halved() -> None:
    told: list[Rest] = []

    def share(rest: Rest) -> Span:
        told.append(rest)
        return rest.span

    list(events(Log(*(event(f"e{i}", 18.0 + i / 10) for i in range(9))), Span(at(18), at(20)), 4, share))

    assert told == []
