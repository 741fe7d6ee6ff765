"""Page after page by cursor, round after round: what is taken for whole and what for cut off, after how many rounds."""

from typing import Any

import pytest

from source_closeio import pagination
from source_closeio.errors import CursorRefused, NoProgress, RowsMoved
from source_closeio.pagination import MOST_EMPTY_PAGES, MOST_REPEATS, Pages, chain
from source_closeio.proof import MOST_ROUNDS

LIMIT = 2
REFUSED = "refused"
CUT = r"^More records than cursors lead to share this; Close offers no way to list them all\.$"


class Script:
    """Answers as written down: rounds of pages, a letter for each row; the last round again and again.

    totals: what the pages of a round say about how many rows there are, the last for all that follow.
    """

    def __init__(self, *rounds: list[str], totals: tuple[int | None, ...] = (None,)) -> None:
        self.rounds, self.totals, self.asked = rounds, totals, 0

    def __call__(self, cursor: Any) -> tuple[list[dict[str, Any]], object, int | None]:
        self.asked += cursor is None
        assert self.asked <= MOST_ROUNDS, "this chain does not end"
        pages = self.rounds[min(self.asked, len(self.rounds)) - 1]
        place = cursor or 0
        if pages[place] == REFUSED:
            raise CursorRefused
        rows = [{"id": letter} for letter in pages[place]]
        following = place + 1 if place + 1 < len(pages) else None
        return rows, following, self.totals[min(place, len(self.totals) - 1)]


def read(script: Script, handed_on: str = "") -> str:
    pages = Pages(lambda asked: {}, LIMIT)
    rows = chain(script, pages, "this", set(handed_on), set())
    return "".join(row["id"] for row in rows)


@pytest.mark.parametrize(
    ("pages", "totals", "rounds"),
    [
        (["ab"], (None,), 1),  # one answer tells of one moment
        (["ab", "cd"], (4,), 1),
        (["ab", "c"], (3,), 1),
        (["ab", "c"], (None,), 2),
        (["ab", "c"], (3, None), 2),
        (["ab", "c"], (3, 4), 3),
        (["ab", "c"], (4,), 3),  # one is counted and not shown
        (["ab", "bc"], (3,), 2),  # a row came twice, so another may have been passed over
        (["ab", "bc", "d"], (4,), 2),
    ],
)
def test_a_chain_is_followed_anew_until_it_is_proven_whole(
    pages: list[str], totals: tuple[int | None, ...], rounds: int
) -> None:
    script = Script(pages, totals=totals)

    assert read(script) == "".join(sorted(set("".join(pages))))
    assert script.asked == rounds


@pytest.mark.parametrize(
    ("pages", "totals"),
    [
        (["ab", REFUSED], (None,)),
        (["ab", REFUSED], (2,)),
        (["ab", "c"], (5,)),  # as if nothing followed
        (["a"], (3,)),
    ],
)
def test_a_chain_that_is_cut_off_is_an_error_after_so_many_rounds_without_a_new_row(
    pages: list[str], totals: tuple[int | None, ...]
) -> None:
    script = Script(pages, totals=totals)

    with pytest.raises(NoProgress, match=CUT):
        read(script)
    assert script.asked == MOST_REPEATS + 1


@pytest.mark.parametrize("totals", [(None,), (4,), (5,)])
@pytest.mark.parametrize("pages", [["ab", "cd"], ["ab", "cd", "e"]])
def test_a_chain_as_long_as_chains_get_is_taken_for_cut_off(
    monkeypatch: pytest.MonkeyPatch, pages: list[str], totals: tuple[int | None, ...]
) -> None:
    monkeypatch.setattr(pagination, "LONGEST_CHAIN", 4)
    script = Script(pages, totals=totals)

    with pytest.raises(NoProgress, match=CUT):
        read(script)
    assert script.asked == MOST_REPEATS + 1


def test_a_chain_is_short_only_where_it_could_have_been_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "LONGEST_CHAIN", 4)
    script = Script(["a", "b", "c"], totals=(5,))  # three pages have room for all five rows, a chain for four

    with pytest.raises(NoProgress, match=CUT):
        read(script)
    assert script.asked == MOST_REPEATS + 1


def test_the_first_round_is_never_one_that_came_before() -> None:
    script = Script(["a"], totals=(3,))

    with pytest.raises(NoProgress, match=CUT):
        read(script, handed_on="a")
    assert script.asked == MOST_REPEATS + 1


def test_a_first_round_that_is_refused_and_brings_nothing_new_counts_too() -> None:
    script = Script(["ab", REFUSED])

    with pytest.raises(NoProgress, match=CUT):
        read(script, handed_on="ab")
    assert script.asked == MOST_REPEATS


def test_new_rows_are_worth_another_round_though_each_was_cut_off() -> None:
    script = Script(*([pair, REFUSED] for pair in ("ab", "cd", "ef", "gh", "ij")), ["kl"])

    assert read(script) == "abcdefghijkl"
    assert script.asked == 6


def test_a_new_row_begins_the_count_of_rounds_without_one_anew() -> None:
    rounds = [[pair, REFUSED] for pair in ("ab", "ab", "ab", "cd", "cd", "cd")]
    script = Script(*rounds, ["ef"])

    assert read(script) == "abcdef"
    assert script.asked == 7


def test_rows_that_come_twice_in_each_round_are_an_error_after_all_rounds() -> None:
    script = Script(["ab", "bc"])

    with pytest.raises(RowsMoved):
        read(script)
    assert script.asked == MOST_ROUNDS


def test_empty_pages_are_gone_past_so_many_in_a_row() -> None:
    empty = [""] * MOST_EMPTY_PAGES

    assert read(Script([*empty, "ab", *empty, "cd", *empty, "e"], totals=(5,))) == "abcde"
    with pytest.raises(NoProgress, match=r"^Close's cursors lead in a circle, or through one empty page"):
        read(Script(["ab", *empty, "", "c"]))


def test_pages_of_rows_that_came_before_are_gone_past_so_many_in_a_row() -> None:
    known = ["ab"] * MOST_EMPTY_PAGES

    assert read(Script(["ab", *known, "cd", *known, "e"], totals=(5,))) == "abcde"
    with pytest.raises(NoProgress, match="in a circle"):
        read(Script(["ab", *known, "ab", "c"]))


def test_rows_that_were_handed_on_are_not_handed_on_again() -> None:
    assert read(Script(["ab", "cd"], totals=(4,)), handed_on="bc") == "ad"


def test_the_caller_is_told_of_all_rows_that_came() -> None:
    shown = {"z"}

    list(chain(Script(["ab", "cd"], totals=(4,)), Pages(lambda asked: {}, LIMIT), "this", set("bc"), shown))

    assert shown == set("abcdz")
