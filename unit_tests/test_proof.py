"""When a list that stirs is taken for whole: rounds in a row, and after which of them the proof is given."""

from typing import Any

import pytest

from source_closeio.proof import GROWING_ROUNDS, MOST_ROUNDS, Lap, Proof


def lap(rows: str, length: int | None = 9, created: str = "", **told: Any) -> Lap:
    """A round in which something stirred, and saw a row for each letter; `created`: its date for each letter."""
    this = Lap(length=length, **{"still": False, **told})
    dates = dict(zip(rows, created or "1" * len(rows), strict=True))
    this.take([{"id": row, "date_created": dates[row]} for row in rows], "id", 0)
    return this


def proofs(*laps: Lap) -> list[bool]:
    proof = Proof()
    return [proof.given_by(each) for each in laps]


def test_a_round_in_which_nothing_stirred_is_all_of_the_list() -> None:
    assert Lap() == Lap(seen={}, length=0, still=True, twice=False, trace=0)
    assert proofs(lap("ab", still=True)) == [True]
    assert proofs(lap("ab")) == [False]


def test_as_many_rows_as_the_list_is_long_must_each_come_again() -> None:
    assert proofs(lap("ab", 3), lap("bc", 3), lap("ab", 3), lap("bc", 3)) == [False, False, False, True]


def test_the_rows_that_came_again_need_not_come_a_third_time() -> None:
    assert proofs(lap("abc", 3), lap("a", 3), lap("b", 3), lap("c", 3)) == [False, False, False, True]


def test_a_row_that_is_new_when_all_seemed_to_be_known_shows_that_one_was_not() -> None:
    laps = lap("ab", 2), lap("bc", 2), lap("cb", 2)

    assert proofs(*laps) == [False, False, True]


def test_more_rows_known_than_the_list_is_long_are_not_all_there_any_more() -> None:
    assert proofs(lap("ab", 3), lap("cd", 3), lap("ab", 3), lap("dc", 3)) == [False] * 4


def test_rows_that_went_before_the_last_new_one_came_are_not_waited_for() -> None:
    assert proofs(lap("abc", 3), lap("abd", 3), lap("abd", 3)) == [False, False, True]


def test_a_known_row_that_goes_while_no_new_one_comes_is_not_waited_for() -> None:
    assert proofs(lap("abc", 3), lap("ab", 2), lap("ab", 2)) == [False, False, True]


def test_a_list_that_proves_longer_than_it_was_must_be_seen_anew() -> None:
    assert proofs(lap("ab", 2), lap("abc", 4), lap("cab", 4), lap("bca", 4)) == [False] * 4


def test_where_the_length_cannot_be_told_the_same_pages_twice_are_a_proof() -> None:
    assert proofs(lap("ab", None), lap("ab", None)) == [False, True]
    assert proofs(lap("ab", None), lap("ba", None), lap("ba", None)) == [False, False, True]


def test_where_more_is_counted_than_shown_the_same_pages_three_times_are_a_proof() -> None:
    assert proofs(lap("ab", 3), lap("ab", 3), lap("ab", 3)) == [False, False, True]
    assert proofs(lap("ab"), lap("ab"), lap("ba"), lap("ba"), lap("ba")) == [False, False, False, False, True]


def test_where_more_is_shown_than_counted_the_same_pages_are_no_proof() -> None:
    assert proofs(*[lap("abc", 2)] * MOST_ROUNDS) == [False] * MOST_ROUNDS


@pytest.mark.parametrize("length", [None, 3])
def test_the_same_pages_are_no_proof_while_a_row_comes_twice(length: int | None) -> None:
    assert proofs(*[lap("ab", length, twice=True)] * 5) == [False] * 5


def grown(rounds: int) -> list[Lap]:
    return [lap("abcdefghi"[:count], 99, "123456789"[:count]) for count in range(1, rounds + 1)]


def test_rows_that_are_created_meanwhile_in_every_round_hold_nothing_up() -> None:
    assert proofs(*grown(GROWING_ROUNDS + 1)) == [False] * GROWING_ROUNDS + [True]


def test_a_first_round_that_saw_nothing_tells_nothing_of_the_next() -> None:
    assert proofs(lap("", 3), lap("abc", 3), lap("abc", 3)) == [False, False, True]
    assert proofs(lap("", 99), *grown(GROWING_ROUNDS + 1)) == [False] * (GROWING_ROUNDS + 1) + [True]


def test_created_meanwhile_is_what_is_newer_than_all_of_the_first_round() -> None:
    first, *later = (
        lap("ab", 99, "37"),
        lap("abc", 99, "379"),
        *(lap("abc" + "defghijk"[: count + 1], 99, "379" + "8" * (count + 1)) for count in range(GROWING_ROUNDS - 1)),
    )

    assert proofs(first, *later) == [False] * GROWING_ROUNDS + [True]


@pytest.mark.parametrize("date", ["1", "5", ""])
def test_a_row_of_before_that_shows_up_late_begins_the_count_of_such_rounds_anew(date: str) -> None:
    start = lap("a", 99, "5")
    news = [lap("a" + "bcdefghijk"[:count], 99, "5" + "7" * count) for count in range(1, GROWING_ROUNDS)]
    late = Lap(length=99, still=False)
    late.take([{"id": "late", "date_created": date}, {"id": "l", "date_created": "8"}], "id", 0)
    again = [lap("xyzuvw"[:count], 99, "7" * count) for count in range(1, GROWING_ROUNDS + 1)]

    assert proofs(start, *news, late, *again) == [False] * (2 * GROWING_ROUNDS) + [True]


def test_a_round_that_brings_nothing_new_begins_the_count_of_such_rounds_anew() -> None:
    one, *news = grown(GROWING_ROUNDS)
    quiet = lap("a", 99)

    assert proofs(one, *news, quiet, lap("ax", 99, "az")) == [False] * (GROWING_ROUNDS + 2)


def test_rows_without_a_date_of_creation_are_not_created_meanwhile() -> None:
    this = Lap()

    assert this.take([{"key": "a"}, {"key": "b", "date_created": None}, {"key": "a"}], "key", 0) == 2
    assert this.take([{"key": "b"}, {"key": "c", "date_created": "5"}], "key", 1) == 1
    assert this.seen == {"a": "", "b": "", "c": "5"}


def test_the_trace_tells_apart_which_rows_came_in_which_order_and_where() -> None:
    def trace(*pages: tuple[str, int]) -> int:
        this = Lap()
        for rows, place in pages:
            this.take([{"id": row} for row in rows], "id", place)
        return this.trace

    assert trace(("ab", 0), ("c", 1)) == trace(("ab", 0), ("c", 1))
    others = [trace(("ab", 0), ("c", 2)), trace(("ba", 0), ("c", 1)), trace(("ab", 0), ("d", 1)), trace(("c", 1))]
    assert trace(("ab", 0), ("c", 1)) not in others
