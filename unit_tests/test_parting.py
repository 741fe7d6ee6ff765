"""What a list with date filters is asked for: pages that join, and the seconds at which a span is parted."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio import pagination
from source_closeio.errors import NoProgress, OffsetCapReached
from source_closeio.pagination import window
from source_closeio.windows import Rest, Span

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
Row = dict[str, Any]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def row(name: str, date: float, born: float = 0) -> Row:
    return {"id": name, "date": at(date).isoformat(), "born": at(born).isoformat()}


class List:
    """A list over rows that stand still, in the order given, and what it was asked for.

    lie: takes the number of the question and an answer, and gives another one, or raises.
    """

    def __init__(self, *held: Row, lie: Callable[[int, Row], Row] = lambda nth, answer: answer) -> None:
        self.held, self.lie, self.asked = held, lie, list[Row]()

    def __call__(self, asked: Row) -> Row:
        self.asked.append(asked)
        assert len(self.asked) < 1000, "this walk does not end"
        low, high = asked.get("date__gte", ""), asked.get("date__lt", "9")
        found = [row for row in self.held if low <= row["date"] < high]
        end = asked["_skip"] + asked["_limit"]
        return self.lie(len(self.asked), {"data": found[asked["_skip"] : end], "has_more": end < len(found)})

    def questions(self) -> list[tuple[float | None, float | None, int]]:
        """From, to and offset of each request."""

        def second(text: str | None) -> float | None:
            return None if text is None else (datetime.fromisoformat(text) - START).total_seconds()

        return [(second(each.get("date__gte")), second(each.get("date__lt")), each["_skip"]) for each in self.asked]


def read(asked: List, span: Span = Span(), limit: int = 4, order: str | None = None) -> list[str]:  # noqa: B008
    return [row["id"] for row in window(asked, span, "date", limit, order)]


@pytest.mark.parametrize(
    ("limit", "skips"), [(3, [0, 1, 2, 3, 4, 5]), (4, [0, 2, 4]), (5, [0, 3]), (7, [0, 5]), (8, [0])]
)
def test_each_page_begins_again_with_the_last_row_but_one_of_the_page_before(limit: int, skips: list[int]) -> None:
    asked = List(*(row(f"r{i}", i) for i in range(7)))

    assert read(asked, Span(at(0), at(9)), limit) == [f"r{i}" for i in range(7)]
    assert asked.questions() == [(0, 9, skip) for skip in skips]


def test_a_page_begins_again_before_the_rows_that_share_the_last_second_of_the_page_before() -> None:
    tied = [row(f"t{i}", 1) for i in range(3)]
    tied[1]["date"] = at(1.5).isoformat()  # of the same second, however it is spelled
    asked = List(row("a", 0), row("b", 0), *tied, *(row(f"r{i}", i) for i in range(2, 5)))

    assert read(asked, limit=5) == ["a", "b", "t0", "t1", "t2", "r2", "r3", "r4"]
    assert asked.questions() == [(None, None, 0), (None, None, 1), (None, None, 4)]


def test_where_the_rows_are_listed_by_another_date_pages_overlap_by_that() -> None:
    asked = List(*(row(f"r{i}", 9 - i, born) for i, born in enumerate([0, 1, 2, 2, 2, 3])))

    assert read(asked, limit=5, order="born") == [f"r{i}" for i in range(6)]
    assert asked.questions() == [(None, None, 0), (None, None, 1), (None, None, 4)]


@pytest.mark.parametrize("more", [{}, {"has_more": False}])
def test_a_page_that_is_not_full_and_does_not_say_that_more_follows_is_the_last(more: Row) -> None:
    asked = List(row("a", 0), row("b", 1), lie=lambda nth, answer: {"data": answer["data"], **more})

    assert read(asked) == ["a", "b"]
    assert len(asked.asked) == 1


def hidden(*shown: list[Row]) -> List:
    """Pages of four places each, of which all rows but these are counted and not shown."""
    asked = List()

    def page(nth: int, answer: Row) -> Row:
        place = asked.asked[-1]["_skip"] // 4
        return {"data": shown[place], "has_more": place + 1 < len(shown)}

    asked.lie = page
    return asked


def test_the_first_of_pages_that_hide_rows_must_still_be_the_same_at_the_end() -> None:
    asked = hidden([row("a", 0), row("b", 1)], [], [])

    assert read(asked) == ["a", "b"]
    assert asked.questions() == [(None, None, 0), (None, None, 4), (None, None, 8), (None, None, 0)]


def test_pages_without_rows_are_gone_past_so_many_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MOST_EMPTY_PAGES", 2)

    assert read(hidden([], [], [])) == []
    asked = hidden([], [], [], [])
    with pytest.raises(NoProgress, match=r"^This list says that it goes on, and shows no more rows\.$"):
        read(asked)
    assert len(asked.asked) == 3


def moved(page: Callable[[list[Row]], list[Row]]) -> list[tuple[float | None, float | None, int]]:
    """The questions after a second page that is not what it should be."""
    held = [row(f"r{i}", i) for i in range(6)]
    asked = List(*held, lie=lambda nth, answer: {**answer, "data": page(answer["data"])} if nth == 2 else answer)

    assert sorted(read(asked)) == [f"r{i}" for i in range(6)]
    return asked.questions()[2:]


def test_a_span_is_parted_where_a_page_does_not_begin_with_the_row_that_it_should() -> None:
    seen = [(None, 3, 0), (3, None, 0)]

    assert moved(lambda rows: rows[1:]) == seen
    assert moved(lambda rows: [rows[1], rows[0], *rows[2:]]) == seen


def test_a_span_is_parted_where_a_row_comes_twice_and_not_as_the_overlap() -> None:
    assert moved(lambda rows: [*rows[:3], row("r0", 0)]) == [(None, 2, 0), (2, None, 0), (2, None, 2)]


def limited(span: Span, *held: Row) -> list[tuple[float | None, float | None]]:
    """The spans whose first page was asked for, where Close lets nothing else be asked for."""
    asked = List(*held)

    def capped(question: Row) -> Row:
        if question["_skip"]:
            raise OffsetCapReached
        return asked(question)

    names = sorted(row["id"] for row in window(capped, span, "date", 4))
    assert names == sorted(row["id"] for row in held)
    return [question[:2] for question in asked.questions()]


def test_a_span_is_parted_at_the_median_of_the_seconds_that_were_seen_inside_it() -> None:
    assert limited(Span(), *(row(f"r{i}", i + 0.5) for i in range(8))) == [
        (None, None),
        (None, 2),
        (2, None),
        (2, 4),
        (4, None),
        (4, 6),
        (6, None),
    ]


def test_a_span_whose_first_second_fills_a_page_is_parted_behind_that_second() -> None:
    asked = List(*(row(f"t{i}", 0) for i in range(5)), row("z", 5))

    assert sorted(read(asked, Span(at(0), at(9)))) == ["t0", "t1", "t2", "t3", "t4", "z"]
    assert asked.questions()[:2] == [(0, 9, 0), (0, 1, 0)]  # the second is gone round, and then comes the rest
    assert asked.questions()[-1] == (1, 9, 0)


def test_a_span_whose_rows_show_no_date_inside_it_is_parted_in_the_middle() -> None:
    """As where the index is late, and the rows are shown as they are now."""

    def late(nth: int, answer: Row) -> Row:
        return {**answer, "data": [{**each, "date": at(4).isoformat()} for each in answer["data"]]}

    asked = List(*(row(f"r{i}", 5 + i / 2) for i in range(7)), lie=late)

    assert sorted(read(asked, Span(at(5), at(9)))) == [f"r{i}" for i in range(7)]
    assert asked.questions() == [(5, 9, 0), (5, 7, 0), (5, 6, 0), (6, 7, 0), (7, 9, 0)]


# What is left


class Readers:
    """Takes note of what is left after each page, and at one of them has the walk go on with a part of it."""

    def __init__(self, at: int = -1, part: Callable[[Rest], Span] = lambda rest: rest.span) -> None:
        self.told: list[Rest] = []
        self._at = at
        self._part = part

    def __call__(self, rest: Rest) -> Span:
        self.told.append(rest)
        return self._part(rest) if len(self.told) == self._at else rest.span


def shared(asked: List, readers: Readers, order: str | None = None, known: tuple[str, ...] = ()) -> list[str]:
    return [each["id"] for each in window(asked, Span(at(0), at(20)), "date", 4, order, known, readers)]


def test_of_a_list_from_the_newest_on_what_is_older_than_the_last_row_can_be_left() -> None:
    readers, held = Readers(), [row(f"r{i}", i) for i in range(9, -1, -1)]

    assert shared(List(*held), readers) == [each["id"] for each in held]
    assert readers.told == [
        Rest(Span(at(0), at(20)), at(3), at(6)),
        Rest(Span(at(0), at(20)), at(2), at(4)),
        Rest(Span(at(0), at(20)), at(1), at(2)),
    ]


def test_of_a_list_from_the_oldest_on_what_is_newer_than_the_last_row_can_be_left() -> None:
    readers, held = Readers(), [row(f"r{i}", i) for i in range(7)]

    assert shared(List(*held), readers) == [each["id"] for each in held]
    assert readers.told == [Rest(Span(at(0), at(20)), at(12)), Rest(Span(at(0), at(20)), at(13))]


def test_the_walk_goes_on_at_its_place_with_the_part_that_is_not_left() -> None:
    newest, oldest = (List(*(row(f"r{i}", i) for i in order)) for order in (range(9, -1, -1), range(18)))

    assert shared(newest, Readers(1, lambda rest: rest.halves[0])) == ["r9", "r8", "r7", "r6", "r5", "r4", "r3"]
    assert newest.questions() == [(0, 20, 0), (3, 20, 2), (3, 20, 4)]
    assert shared(oldest, Readers(2, lambda rest: rest.halves[0])) == [f"r{i}" for i in range(13)]
    assert oldest.questions()[1:3] == [(0, 20, 2), (0, 13, 4)]


def test_a_walk_from_the_newest_on_may_end_with_the_second_that_it_has_come_to() -> None:
    asked, readers = List(*(row(f"r{i}", i) for i in range(9, -1, -1))), Readers(1, lambda rest: (rest.thirds or [])[0])

    assert shared(asked, readers) == ["r9", "r8", "r7", "r6"]
    assert asked.questions() == [(0, 20, 0), (6, 20, 2)]
    assert readers.told[0].thirds == (Span(at(6), at(20)), Span(at(3), at(6)), Span(at(0), at(3)))
    assert readers.told[0].halves == (Span(at(3), at(20)), Span(at(0), at(3)))


def test_a_list_in_another_order_is_halved_at_the_median_of_the_dates_and_begun_again() -> None:
    dates = [5, 1, 9, 3, 7, 2]
    asked, readers = (
        List(*(row(f"r{i}", i, nth) for nth, i in enumerate(dates))),
        Readers(1, lambda rest: rest.halves[0]),
    )

    assert shared(asked, readers, "born") == ["r5", "r1", "r9", "r3", "r2"]
    assert asked.questions() == [(0, 20, 0), (0, 5, 0)]
    assert readers.told == [Rest(Span(at(0), at(20)), at(5), None, {"r5", "r1", "r9", "r3", "r2"})]
    assert readers.told[0].thirds is None


def test_what_is_known_is_not_handed_on_again() -> None:
    assert shared(List(*(row(f"r{i}", i) for i in range(5))), Readers(), known=("r1", "r4")) == ["r0", "r2", "r3"]


def test_nothing_is_left_of_a_page_of_one_second_nor_of_less_than_two_nor_after_a_span_was_parted() -> None:
    readers = Readers()

    shared(List(*(row(f"r{i}", 5 + i // 9) for i in range(9))), readers)
    list(window(List(*(row(f"r{i}", i) for i in range(5))), Span(at(0), at(5)), "date", 4, None, (), readers))
    assert all(each.must_part for each in readers.told)
    readers = Readers()

    def moved(nth: int, answer: Row) -> Row:
        return {"data": answer["data"][1:] + answer["data"][:1], "has_more": True} if nth == 2 else answer

    shared(List(*(row(f"r{i}", i) for i in range(10)), lie=moved), readers)
    assert [each.must_part for each in readers.told] == [False, True]


def test_of_a_span_that_must_be_parted_one_half_can_be_left_and_the_other_goes_on_being_shared() -> None:
    def capped(nth: int, answer: Row) -> Row:
        if nth == 2:
            raise OffsetCapReached
        return answer

    asked, readers = (
        List(*(row(f"r{i}", i) for i in range(10, -1, -1)), lie=capped),
        Readers(2, lambda rest: rest.halves[0]),
    )

    assert shared(asked, readers) == [f"r{i}" for i in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)]
    assert asked.questions() == [(0, 20, 0), (0, 20, 2), (0, 9, 0), (0, 9, 2), (0, 9, 4), (0, 9, 6)]
    assert readers.told[1] == Rest(Span(at(0), at(20)), at(9), known={"r10", "r9", "r8", "r7"}, must_part=True)
    assert [(each.span, each.must_part) for each in readers.told[2:]] == [(Span(at(0), at(9)), False)] * 2
    assert [each.known for each in readers.told[2:]] == [readers.told[1].known] * 2


def test_a_list_in_another_order_is_offered_after_its_first_page_only_and_never_at_its_beginning() -> None:
    readers, at_the_beginning = Readers(), Readers()

    shared(List(*(row(f"r{i}", (7 * i) % 20, i) for i in range(15))), readers, "born")
    shared(List(*(row(f"r{i}", 0 if i < 3 else i, i) for i in range(6))), at_the_beginning, "born")

    assert len(readers.told) == 1
    assert at_the_beginning.told == []


def test_nothing_is_left_of_a_list_that_goes_up_and_down_again() -> None:
    readers = Readers()

    shared(List(row("a", 5), row("b", 6), row("c", 7), row("d", 5), row("e", 5)), readers)

    assert readers.told == []
