"""What search is asked for: anchors, plateaus, chains of cursors, and steps back where an anchor cannot be trusted."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.errors import CursorRefused, NoProgress
from source_closeio.keyset import search
from source_closeio.pagination import MOST_REPEATS
from source_closeio.windows import Rest, Span

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ALL = Span()
Row = dict[str, Any]


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def row(name: str, date: float, born: float = 0) -> Row:
    return {"id": name, "date": at(date).isoformat(), "born": at(born).isoformat()}


class Search:
    """`POST /data/search/` over rows that stand still, and what it was asked for.

    lie: takes the number of the question and an answer, and gives another one.
    """

    def __init__(self, *held: Row, lie: Callable[[int, Row], Row] = lambda nth, answer: answer) -> None:
        self.held, self.lie, self.asked = held, lie, list[Row]()

    def __call__(self, asked: Row) -> Row:
        self.asked.append(asked)
        assert len(self.asked) < 1000, "this walk does not end"
        fits = [
            row for row in self.held if all(self.second(row[name]) in span for name, span in asked["spans"].items())
        ]
        found = sorted(fits, key=lambda row: [row[name] for name in asked["sort"]])
        begin = asked.get("cursor") or 0
        part = found[begin : begin + asked["_limit"]]
        answer = {"data": part, "cursor": begin + len(part) if begin + len(part) < len(found) else None}
        if asked.get("include_counts"):
            answer["count"] = {"total": len(found)}
        return self.lie(len(self.asked), answer)

    @staticmethod
    def second(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(microsecond=0)

    def starts(self) -> list[float | None]:
        """The seconds that the pages by `date` were anchored at."""
        starts = [asked["spans"]["date"].start for asked in self.asked if asked["sort"][0] == "date"]
        return [None if start is None else (start - START).total_seconds() for start in starts]


def read(asked: Search, span: Span = ALL, fields: tuple[str, ...] = ("date", "born"), limit: int = 2) -> list[str]:
    return [row["id"] for row in search(asked, span, fields, limit)]


def test_each_page_begins_with_the_last_second_of_the_one_before() -> None:
    asked = Search(*(row(f"r{i}", i + 0.5) for i in range(5)))

    assert read(asked, Span(None, at(9))) == ["r0", "r1", "r2", "r3", "r4"]
    assert asked.asked[0] == {"spans": {"date": Span(None, at(9))}, "sort": ("date", "born"), "_limit": 2}
    assert asked.starts() == [None, 1, 2, 3]
    assert {each["spans"]["date"].end for each in asked.asked} == {at(9)}


def test_a_span_of_one_page_is_asked_for_once() -> None:
    asked = Search(row("a", 1), row("b", 2))

    assert read(asked, Span(at(0), at(3))) == ["a", "b"]
    assert asked.starts() == [0]


def test_a_full_second_is_walked_by_the_next_date_and_no_other_second_with_it() -> None:
    tied = [row(f"t{i}", 1, i) for i in range(5)]
    asked = Search(row("a", 0), *tied, row("z", 2))

    assert sorted(read(asked)) == ["a", "t0", "t1", "t2", "t3", "t4", "z"]
    assert asked.starts() == [None, 1, 2]
    inner = [each for each in asked.asked if each["sort"] == ("born",)]
    assert [each["spans"]["date"] for each in inner] == [Span(at(1), at(2))] * 4
    assert [each["spans"]["born"] for each in inner] == [Span(), Span(at(1)), Span(at(2)), Span(at(3))]


def test_a_full_second_of_the_last_date_is_walked_by_cursor() -> None:
    tied = [row(f"t{i}", 1) for i in range(5)]
    asked = Search(row("a", 0), *tied, row("z", 2))

    assert sorted(read(asked, fields=("date",))) == ["a", "t0", "t1", "t2", "t3", "t4", "z"]
    chained = [each for each in asked.asked if "cursor" in each]
    assert [each["cursor"] for each in chained] == [None, 2, 4]
    assert all(each["spans"] == {"date": Span(at(1), at(2))} and each["include_counts"] is True for each in chained)
    assert all(each["sort"] == ("date",) and each["_limit"] == 2 for each in chained)
    assert [each for each in asked.asked if "cursor" not in each] == [
        {"spans": {"date": Span(start)}, "sort": ("date",), "_limit": 2} for start in (None, at(1), at(2))
    ]


def test_rows_that_share_both_dates_are_walked_by_cursor_within_both_seconds() -> None:
    asked = Search(*(row(f"t{i}", 1, 7) for i in range(5)))

    assert sorted(read(asked, Span(at(1), at(2)))) == ["t0", "t1", "t2", "t3", "t4"]
    chained = [each["spans"] for each in asked.asked if "cursor" in each]
    assert chained == [{"date": Span(at(1), at(2)), "born": Span(at(7), at(8))}] * 3
    assert asked.starts() == [1]  # and nothing is asked for behind the end of the span


def test_the_sentence_about_too_many_records_names_each_date_with_its_bounds() -> None:
    def refuse(nth: int, answer: Row) -> Row:
        if asked.asked[-1].get("cursor"):
            raise CursorRefused
        return answer

    asked = Search(*(row(f"t{i}", 1, 7) for i in range(5)), lie=refuse)

    with pytest.raises(NoProgress) as error:
        read(asked, Span(at(1), at(2)))
    day = "2026-01-01 00:00"
    assert str(error.value) == (
        f"More records than cursors lead to share the date from {day}:01+00:00 to {day}:02+00:00 and "
        f"the born from {day}:07+00:00 to {day}:08+00:00; Close offers no way to list them all."
    )


@pytest.mark.parametrize("count", [None, 5, [5], {}, {"total": None}])
def test_a_count_that_is_not_said_is_none(count: Any) -> None:
    def silent(nth: int, answer: Row) -> Row:
        return {**answer, "count": count}

    asked = Search(*(row(f"t{i}", 1, 7) for i in range(5)), lie=silent)

    assert sorted(read(asked, Span(at(1), at(2)))) == ["t0", "t1", "t2", "t3", "t4"]
    assert [each["cursor"] for each in asked.asked if "cursor" in each] == [None, 2, 4] * 2  # so once more


def late(nth: int, rows: tuple[Row, ...], shown: Row) -> Callable[[int, Row], Row]:
    """The nth answer holds `rows`, whatever was asked for, and says that more follows."""
    return lambda this, answer: {"data": [*rows, shown], "cursor": "more"} if this == nth else answer


def test_a_row_that_shows_a_date_far_ahead_of_its_place_leads_no_anchor_past_the_others() -> None:
    held = [row(f"r{i}", i) for i in range(9)]
    asked = Search(*held, lie=late(1, tuple(held[:4]), row("edited", 7)))

    # No row of second 7 comes again that was seen there: back to the second before, and on from it.
    assert sorted(read(asked, limit=5)) == sorted(["edited", *(each["id"] for each in held)])  # each of them once
    assert asked.starts() == [None, 7, 1, 5]


def test_each_step_back_halves_the_way_to_the_last_anchor_that_was_confirmed() -> None:
    held = [row(f"r{i}", i) for i in range(30)]
    asked = Search(*held, row("far", 20))

    def edit(nth: int, answer: Row) -> Row:
        if nth == 1:  # and as soon as it is out, these are edited
            answer["data"][-1] = row("far", 20)
            asked.held = tuple(
                row(each["id"], 50) if each["id"] in ("far", "r0", "r1", "r3") else each for each in held
            )
        return answer

    asked.lie = edit

    assert set(read(asked, limit=9)) == {"far", *(each["id"] for each in held)}
    assert asked.starts()[:7] == [None, 20, 3, 1, 0, None, 11]


def test_a_row_that_comes_only_when_its_full_second_is_walked_confirms_the_anchor() -> None:
    tied = [row(f"t{i}", 1, i) for i in range(5)]

    def dealt(nth: int, answer: Row) -> Row:
        """The page after the first begins with other rows of its second than that one ended with."""
        return {**answer, "data": tied[3:]} if nth == 2 else answer

    asked = Search(row("a", 0), *tied, row("z", 2), lie=dealt)

    assert sorted(read(asked)) == ["a", "t0", "t1", "t2", "t3", "t4", "z"]
    assert asked.starts() == [None, 1, 2]


def test_an_anchor_that_nobody_confirms_is_asked_for_again_and_then_walked_by_its_second() -> None:
    held = [row(f"r{i}", i) for i in range(4)]
    edits = iter(range(1000))

    def edited(nth: int, answer: Row) -> Row:
        """While pages begin at second 0, their last row is one that nobody sees again."""
        spans = asked.asked[-1]["spans"]
        if spans["date"] == Span(at(0)) and "cursor" not in asked.asked[-1]:
            return {"data": [held[0], row(f"gone{next(edits)}", 3)], "cursor": "more"}
        return answer

    asked = Search(*held, lie=edited)

    assert {each for each in read(asked, Span(at(0))) if each.startswith("r")} == {"r0", "r1", "r2", "r3"}
    assert asked.starts()[: 2 * MOST_REPEATS + 3] == [0, 3] * (MOST_REPEATS + 1) + [1]
    assert asked.asked[2 * MOST_REPEATS + 2]["spans"]["date"] == Span(at(0), at(1))


@pytest.mark.parametrize(
    ("unsure", "starts"),
    [
        ({0: 99, 1: 99}, [0, 3] * (MOST_REPEATS + 1) + [1, 3] * (MOST_REPEATS + 1)),
        ({0: MOST_REPEATS, 2: 99}, [0, 3] * MOST_REPEATS + [0] + [2, 3] * (MOST_REPEATS + 1)),
    ],
)
def test_each_anchor_is_asked_for_as_often_before_it_is_given_up(unsure: dict[float, int], starts: list[float]) -> None:
    """unsure: how many pages that begin at a second end with a row that nobody sees again."""
    held = [row(f"r{i}", i / 2) for i in range(6)]
    edits, left = iter(range(1000)), dict(unsure)

    def edited(nth: int, answer: Row) -> Row:
        start, spans = asked.starts()[-1], asked.asked[-1]["spans"]
        if start is not None and len(spans) == 1 and spans["date"].end is None and left.get(start):
            left[start] -= 1
            return {"data": [*answer["data"][:2], row(f"gone{next(edits)}", 3)], "cursor": "more"}
        return answer

    asked = Search(*held, lie=edited)

    assert {each for each in read(asked, Span(at(0)), limit=5) if each.startswith("r")} == {f"r{i}" for i in range(6)}
    assert asked.starts()[: len(starts)] == starts


def test_a_row_that_is_edited_after_it_came_is_handed_on_again_where_it_is_now() -> None:
    held = [row(f"r{i}", i) for i in range(8)]

    def edit(nth: int, answer: Row) -> Row:
        if nth == 4:
            asked.held = (*held[1:], row("r0", 9))
        return answer

    asked = Search(*held, lie=edit)

    assert read(asked) == [*(f"r{i}" for i in range(8)), "r0"]


def test_where_no_anchor_at_all_is_confirmed_all_of_the_span_is_walked_by_cursor() -> None:
    held = [row(f"r{i}", i) for i in range(4)]
    edits = iter(range(1000))

    def edited(nth: int, answer: Row) -> Row:
        """Pages from the beginning end with a row that nobody sees again."""
        if asked.asked[-1]["spans"]["date"].start is None and "cursor" not in asked.asked[-1]:
            return {"data": [row(f"gone{next(edits)}", 3)], "cursor": "more"}
        return answer

    asked = Search(*held, lie=edited)

    assert {each for each in read(asked, Span(None, at(9))) if each.startswith("r")} == {"r0", "r1", "r2", "r3"}
    assert asked.starts()[: 2 * MOST_REPEATS + 2] == [None, 3] * (MOST_REPEATS + 1)
    chained = asked.asked[2 * MOST_REPEATS + 2 :]
    assert [each["cursor"] for each in chained] == [None, 2]
    assert {each["spans"]["date"] for each in chained} == {Span(None, at(9))}


def test_a_page_in_disorder_is_no_anchor_and_is_walked_by_cursor() -> None:
    held = [row(f"r{i}", i) for i in range(8)]

    def disordered(nth: int, answer: Row) -> Row:
        return {**answer, "data": answer["data"][::-1]}

    asked = Search(*held, lie=disordered)

    assert set(read(asked, limit=4)) == {each["id"] for each in held}
    assert [each.get("cursor", "none") for each in asked.asked] == ["none", None, 4]


@pytest.mark.parametrize(("swapped", "chained"), [(1, False), (2, True)])
def test_a_quarter_of_a_page_may_be_out_of_order(swapped: int, chained: bool) -> None:
    held = [row(f"r{i}", i) for i in range(8)]

    def disordered(nth: int, answer: Row) -> Row:
        data = answer["data"]
        for pair in range(0, 2 * swapped, 2):
            data[pair : pair + 2] = data[pair : pair + 2][::-1]
        return answer

    asked = Search(*held, lie=disordered)

    assert set(read(asked, limit=4)) == {each["id"] for each in held}
    assert any("cursor" in each for each in asked.asked) is chained


def test_what_is_newer_than_the_anchor_can_be_left_after_each_page() -> None:
    told: list[Rest] = []

    def share(rest: Rest) -> Span:
        told.append(rest)
        return rest.halves[0] if len(told) == 2 else rest.span

    asked = Search(*(row(f"r{i}", i) for i in range(20)))
    read = [each["id"] for each in search(asked, Span(at(0), at(20)), ("date", "born"), 4, share)]

    assert read == [f"r{i}" for i in range(13)]
    assert told[:2] == [Rest(Span(at(0), at(20)), at(12)), Rest(Span(at(3), at(20)), at(13))]
    assert {each.span.end for each in told[2:]} == {at(13)}
