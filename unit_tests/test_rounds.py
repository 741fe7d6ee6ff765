"""A list without dates that stirs while it is gone round: which places are asked for until it is whole."""

from collections.abc import Callable
from typing import Any

import pytest

from source_closeio import pagination
from source_closeio.errors import NoProgress, RowsMoved
from source_closeio.pagination import offset

Row = dict[str, Any]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"


class List:
    """A list of a row for each letter, and where it was asked for.

    stirs: what becomes of it before the nth question. lie: takes the place that is asked for and the answer, and gives
    another one.
    """

    def __init__(
        self,
        held: str,
        stirs: dict[int, str] | None = None,
        lie: Callable[[int, Row], Row] = lambda skip, answer: answer,
    ) -> None:
        self.held, self.stirs, self.lie, self.asked = held, stirs or {}, lie, list[int]()

    def __call__(self, asked: Row) -> Row:
        skip = asked["_skip"]
        self.asked.append(skip)
        assert len(self.asked) < 1000, "this walk does not end"
        self.held = self.stirs.get(len(self.asked), self.held)
        end = skip + asked["_limit"]
        return self.lie(skip, page(self.held[skip:end], end < len(self.held)))


def page(letters: str, more: bool) -> Row:
    return {"data": [{"id": letter} for letter in letters], "has_more": more}


def read(asked: List, limit: int = 4) -> str:
    return "".join(row["id"] for row in offset(asked, limit, set()))


@pytest.mark.parametrize(
    ("held", "places"),
    [("abcdefghij", [0, 3, 6, 9]), ("abcdefghi", [0, 3, 6]), ("abcd", [0, 3]), ("abc", [0]), ("", [0])],
)
def test_a_list_that_stands_still_is_gone_round_once_in_pages_that_overlap_by_a_row(
    held: str, places: list[int]
) -> None:
    asked = List(held)

    assert read(asked) == held
    assert asked.asked == places


def test_where_rows_before_a_page_went_away_the_walk_goes_back_by_a_page_and_round_once_more() -> None:
    asked = List("abcdefghij", {3: "bcdefghij"})

    assert read(asked) == "abcdefghij"
    assert asked.asked == [0, 3, 6, 3, 6, 0, 3, 6]


def test_each_step_back_is_twice_as_long_as_the_one_before() -> None:
    asked = List(LETTERS, {9: LETTERS[14:]})

    assert sorted(read(asked)) == sorted(LETTERS)
    assert asked.asked[:9] == [0, 3, 6, 9, 12, 15, 18, 21, 24]
    assert asked.asked[9:12] == [21, 15, 3]
    assert asked.asked[12:] == [*range(6, 26, 3), *range(0, 26, 3)]


def test_a_step_back_after_pages_that_join_again_is_a_short_one() -> None:
    asked = List(LETTERS, {5: LETTERS[1:], 9: LETTERS[2:]})

    assert sorted(read(asked)) == sorted(LETTERS)
    assert asked.asked[4:10] == [12, 9, 12, 15, 18, 15]


def test_a_step_back_ends_at_the_beginning_where_no_page_joins_another() -> None:
    asked = List("abcdefghij", {2: "ghij"})

    assert sorted(read(asked)) == list("abcdghij")
    assert asked.asked == [0, 3, 0, 3, 0, 3]


def test_the_second_row_is_no_beginning_yet() -> None:
    asked = List("abcdef", {3: "cdef"})

    assert sorted(read(asked, limit=2)) == list("abcdef")
    assert asked.asked == [0, 1, 2, 1, 0, 1, 2, 3, 0, 1, 2, 3]


def test_a_page_without_rows_does_not_join_either() -> None:
    asked = List("abcdefghij", {3: "hij"})

    assert read(asked) == "abcdefghij"[:7] + "hij"
    assert asked.asked == [0, 3, 6, 3, 0, 0]


def test_only_the_first_round_goes_back() -> None:
    asked = List("abcdefghij", {3: "bcdefghij", 8: "cdefghijklmno"})

    assert sorted(read(asked)) == sorted("abcdefghijklmno")
    assert asked.asked == [0, 3, 6, 3, 6, 0, 3, 6, 9, 12, 0, 3, 6, 9, 12]


def test_a_row_that_comes_twice_and_not_as_the_overlap_is_worth_another_round() -> None:
    asked = List("abcdefg", {2: "nabcdefg"})

    assert read(asked) == "abcdefgn"
    assert asked.asked == [0, 3, 6, 0, 3, 6]


def test_a_list_whose_rows_all_came_again_is_whole_though_its_pages_never_join_well() -> None:
    asked = List("abcde", lie=lambda skip, answer: page("ae", False) if skip else answer)

    assert read(asked) == "abcde"
    assert asked.asked == [0, 3, 0, 3]


def test_a_list_that_shows_fewer_rows_than_it_counts_is_whole_when_the_same_come_again() -> None:
    asked = List("abcdefgh", lie=lambda skip, answer: page("abc", True) if skip == 0 else answer)

    assert read(asked) == "abcefgh"
    assert asked.asked == [0, 4, 7, 0, 4, 7]


@pytest.mark.parametrize(
    ("most", "steps_back", "places"), [(3, 20, [0, 3, 0, 3, 0, 3, 0, 3]), (3, 2, [0, 3, 0, 3, 0, 3, 6])]
)
def test_a_list_whose_pages_never_join_is_given_up_after_so_many_gaps(
    most: int, steps_back: int, places: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "MOST_GAPS", most)
    monkeypatch.setattr(pagination, "MOST_STEPS_BACK", steps_back)
    news = iter(LETTERS[4:])
    asked = List(LETTERS, lie=lambda skip, answer: page("".join(next(news) for _ in "four"), True) if skip else answer)

    with pytest.raises(RowsMoved, match=r"^The rows of this list change their order faster than it can be read\.$"):
        read(asked)
    assert asked.asked == places


@pytest.mark.parametrize(("most", "questions"), [(20, 25), (2, 18)])
def test_a_list_in_a_circle_is_given_up_after_so_many_pages_and_four_times_its_rows(
    most: int, questions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "MOST_STALE", most)
    circle = LETTERS[:12] * 100
    asked = List(circle)

    with pytest.raises(NoProgress, match=r"^This list answers with the same page again and again\.$"):
        read(asked)
    assert len(asked.asked) == questions


def test_full_pages_of_known_rows_after_a_step_back_are_no_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MOST_STALE", 0)
    shown, moved = {0: "ab", 40: "cdef"}, iter(["wxyz"])  # far more places than rows

    def hidden(skip: int, answer: Row) -> Row:
        letters = next(moved, "fgh") if skip == 43 else shown.get(skip, "")
        return page(letters, skip < 43 or letters == "wxyz")

    asked = List("", lie=hidden)

    assert read(asked) == "abcdefwxyzgh"
    assert asked.asked[10:14] == [40, 43, 40, 43]


def test_pages_without_rows_are_gone_past_so_many_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MOST_EMPTY_PAGES", 2)

    def hidden(*shown: str) -> List:
        """Pages of four places each, of which all rows but these are counted and not shown."""
        return List(
            "." * 99, lie=lambda skip, answer: page((shown[skip // 4 :] or ("",))[0], skip // 4 + 1 < len(shown))
        )

    assert read(hidden("ab", "", "", "c", "", "", "d")) == "abcd"
    asked = hidden("ab", "", "", "", "c")
    with pytest.raises(NoProgress, match=r"^This list says that it goes on, and shows no more rows\.$"):
        read(asked)
    assert asked.asked == [0, 4, 8, 12]


def test_a_list_that_heeds_no_place_is_told_by_the_same_page_three_times_in_a_row() -> None:
    asked = List("abcdefgh", lie=lambda skip, answer: page("abcd", True))

    with pytest.raises(NoProgress, match=r"^This list answers with the same page again and again\.$"):
        read(asked)
    assert asked.asked == [0, 3, 6, 9]


def test_a_list_in_one_piece_is_told_by_the_same_rows_three_times_in_a_row() -> None:
    asked = List("", lie=lambda skip, answer: page("abcdef", True))

    assert read(asked) == "abcdef"
    assert asked.asked == [0, 5, 10, 15]
