"""The walks as pure functions: hundreds of random histories, ids compared with ids, without a socket."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.errors import CursorRefused, NoProgress, OffsetCapReached, PageTooLarge
from source_closeio.keyset import search
from source_closeio.pagination import Pages, offset, window
from source_closeio.windows import Span, parse_moment

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SEEDS = range(150)
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def no_walk_is_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    ask, left = Pages.__call__, iter(range(5_000))

    def counted(pages: Pages, what: Row) -> Any:
        assert next(left, None) is not None, "this walk does not end"
        return ask(pages, what)

    monkeypatch.setattr(Pages, "__call__", counted)


def rows(count: int, random_: random.Random, days: float = 10) -> list[Row]:
    seconds = days * 86_400
    moments = sorted(
        START + timedelta(seconds=random_.choice([0.5, 7.25, random_.random() * seconds])) for _ in range(count)
    )
    return [
        {
            "id": f"id_{i:04}",
            "date": at.isoformat(timespec="milliseconds"),
            "date_created": at.isoformat(timespec="milliseconds"),
            "born": (at - timedelta(days=i % 9)).isoformat(),
        }
        for i, at in enumerate(moments)
    ]


def listed(held: list[Row], asked: Row) -> dict[str, Any]:
    inside = [
        row for row in held if row["date"] >= asked.get("date__gte", "") and row["date"] < asked.get("date__lt", "9")
    ]
    part = inside[asked["_skip"] : asked["_skip"] + asked["_limit"]]
    return {"data": list(part), "has_more": len(inside) > asked["_skip"] + len(part)}


def ids(walk: Iterator[Row]) -> list[str]:
    return [row["id"] for row in walk]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_list_is_complete_while_rows_come_and_go(seed: int) -> None:
    random_ = random.Random(seed)
    held = rows(random_.randrange(0, 120), random_)
    before, gone, new = [row["id"] for row in held], set(), iter(range(10**6))

    def fetch(asked: Row) -> dict[str, Any]:
        answer = listed(held, asked)
        for _ in range(random_.choice([0, 0, 0, 1, 3, 25])):
            if held and random_.random() < 0.6:
                gone.add(held.pop(random_.randrange(len(held)))["id"])
            else:
                nth = next(new)
                born = {"date": "2026", "date_created": f"2027-01-01T00:00:00.{nth:06}"}
                held.insert(random_.randrange(len(held) + 1), {"id": f"new_{nth}", **born})
        return answer

    seen = ids(offset(fetch, random_.choice([2, 5, 10, 200]), set()))

    assert set(before) - gone - set(seen) == set()
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("envelope", [{}, {"has_more": False}])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 55])
def test_a_list_in_one_piece_ends_although_it_pays_no_heed_to_limit_and_skip(
    count: int, envelope: dict[str, Any]
) -> None:
    held = [{"key": f"id_{i}"} for i in range(count)]
    requests: list[Row] = []

    def fetch(asked: Row) -> dict[str, Any]:
        requests.append(asked)
        return {"data": list(held), **envelope}

    assert list(offset(fetch, 10, set(), key="key")) == held
    assert len(requests) <= 5


def test_a_list_that_heeds_limit_but_not_skip_is_an_error() -> None:
    held = [{"id": f"id_{i}"} for i in range(55)]

    with pytest.raises(NoProgress):
        ids(offset(lambda asked: {"data": held[: asked["_limit"]]}, 10, set()))


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer, nth: {**answer, "has_more": True} if nth % 2 else answer,
        lambda answer, nth: {**answer, "has_more": False},
        lambda answer, nth: {"data": answer["data"]},
        lambda answer, nth: {**answer, "has_more": not answer["has_more"]} if nth == 2 else answer,
    ],
)
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 55])
def test_has_more_may_lie_or_be_absent(count: int, lie: Callable[..., dict[str, Any]]) -> None:
    held = rows(count, random.Random(1))
    asked_for: list[Row] = []

    def fetch(asked: Row) -> dict[str, Any]:
        asked_for.append(asked)
        assert len(asked_for) < 50
        return lie(listed(held, asked), len(asked_for))

    assert ids(offset(fetch, 10, set())) == [row["id"] for row in held]


@pytest.mark.parametrize(
    "walk", [lambda fetch: offset(fetch, 10, set()), lambda fetch: window(fetch, Span(), "date", 10)]
)
def test_a_list_that_says_for_ever_that_it_goes_on_is_an_error(walk: Callable[..., Iterator[Row]]) -> None:
    held = rows(25, random.Random(1))

    with pytest.raises(NoProgress, match="goes on, and shows no more rows"):
        ids(walk(lambda asked: {**listed(held, asked), "has_more": True}))


@pytest.mark.parametrize(
    "walk", [lambda fetch: offset(fetch, 10, set()), lambda fetch: window(fetch, Span(), "date", 10)]
)
@pytest.mark.parametrize("hidden", [range(8, 12), range(40), range(15, 75), range(9, 10), range(19, 20), range(83, 85)])
def test_rows_that_are_counted_and_not_shown_end_no_list(walk: Callable[..., Iterator[Row]], hidden: range) -> None:
    held = rows(85, random.Random(1))
    names = {row["id"] for i, row in enumerate(held) if i not in hidden}

    def fetch(asked: Row) -> dict[str, Any]:
        answer = listed(held, asked)
        return {**answer, "data": [row for row in answer["data"] if row["id"] in names]}

    assert set(ids(walk(fetch))) == names


def test_a_list_that_knows_no_pages_ends_when_nothing_new_comes() -> None:
    held = rows(30, random.Random(1))

    assert ids(offset(lambda asked: {"data": held, "has_more": True}, 10, set())) == [row["id"] for row in held]


def test_a_list_that_shows_its_first_page_only_is_an_error() -> None:
    held = rows(30, random.Random(1))

    with pytest.raises(NoProgress, match="same page"):
        ids(offset(lambda asked: {"data": held[:10], "has_more": True}, 10, set()))


def test_a_list_whose_pages_never_meet_is_an_error_and_not_endless() -> None:
    names = iter(range(10**6))

    def fetch(asked: Row) -> dict[str, Any]:
        if asked["_skip"] == 0:
            return {"data": [{"id": f"first_{i}"} for i in range(10)], "has_more": True}
        return {"data": [{"id": f"other_{next(names)}"} for _ in range(10)], "has_more": True}

    with pytest.raises(NoProgress, match="change their order"):
        ids(offset(fetch, 10, set()))


def test_a_page_size_that_close_no_longer_allows_is_lowered() -> None:
    held = rows(95, random.Random(1))

    def fetch(asked: Row) -> dict[str, Any]:
        if asked["_limit"] > 20:
            raise PageTooLarge(20)
        return listed(held, asked)

    assert ids(offset(fetch, 100, set())) == [row["id"] for row in held]


@pytest.mark.parametrize("allowed", [1, 0, 100, 101])
def test_a_page_size_that_cannot_be_lowered_to_is_an_error_that_names_it(allowed: int) -> None:
    def fetch(asked: Row) -> dict[str, Any]:
        raise PageTooLarge(allowed)

    with pytest.raises(PageTooLarge, match=rf"^Close allows no more than {allowed} rows a page\.$"):
        ids(offset(fetch, 100, set()))


def test_pages_of_two_rows_are_the_smallest() -> None:
    held = rows(7, random.Random(1))

    def fetch(asked: Row) -> dict[str, Any]:
        if asked["_limit"] > 2:
            raise PageTooLarge(2)
        return listed(held, asked)

    assert ids(offset(fetch, 3, set())) == [row["id"] for row in held]


def test_whether_a_list_in_one_piece_of_a_full_page_goes_on_is_asked_with_one_row_more() -> None:
    held = rows(10, random.Random(1))
    asked_for: list[Row] = []

    def fetch(asked: Row) -> dict[str, Any]:
        asked_for.append(asked)
        return {"data": held}

    assert ids(offset(fetch, 10, set())) == [row["id"] for row in held]
    assert asked_for[-1] == {"_skip": 0, "_limit": 11}


@pytest.mark.parametrize("order", ["date", "-date", "born"])
@pytest.mark.parametrize("seed", range(40))
def test_a_slice_is_halved_at_the_offset_cap_in_whatever_order_it_is_listed(seed: int, order: str) -> None:
    random_ = random.Random(seed)
    held = rows(random_.randrange(0, 400), random_)
    held.sort(key=lambda row: row[order.strip("-")], reverse=order.startswith("-"))
    span = random_.choice(
        [Span(), Span(START), Span(None, START + timedelta(days=10)), Span(START, START + timedelta(days=10))]
    )

    def fetch(asked: Row) -> dict[str, Any]:
        if asked["_skip"] > 200:
            raise OffsetCapReached
        return listed(held, asked)

    seen = ids(window(fetch, span, "date", 50))

    inside = {row["id"] for row in held if span.end is None or parse_moment(row["date"]) < span.end}
    assert set(seen) == inside
    assert len(seen) == len(set(seen))


def cut(asked: Row) -> dict[str, Any]:
    """A list that goes on behind the last place that Close lets be asked for."""
    if asked["_skip"] > 20:
        raise OffsetCapReached
    return listed([{"id": f"id_{i}", "date": START.isoformat()} for i in range(40)], asked)


def test_a_list_without_dates_that_is_longer_than_the_offsets_reach_is_an_error_that_says_so() -> None:
    with pytest.raises(NoProgress, match=r"^The list is longer than Close's offsets reach\.$"):
        ids(offset(cut, 10, set()))


def test_a_second_that_is_longer_than_the_offsets_reach_is_an_error_that_names_it() -> None:
    second = Span(START, START + timedelta(seconds=1))

    with pytest.raises(NoProgress) as error:
        ids(window(cut, second, "date", 10))
    assert str(error.value) == (
        "More records than Close's offsets reach share one second (2026-01-01T00:00:00+00:00, "
        "2026-01-01T00:00:01+00:00); it offers no way to list them all."
    )


def test_rows_without_dates_cannot_be_parted_at_one() -> None:
    def undated(asked: Row) -> dict[str, Any]:
        return {**cut(asked), "data": [{"id": row["id"]} for row in cut(asked)["data"]]}

    with pytest.raises(NoProgress, match=r"share one second \(any\); "):
        ids(window(undated, Span(), "date", 10))


class Search:
    """`POST /data/search/` in a few lines: precision, ties, chains and cursors as unfriendly as they may be."""

    def __init__(self, held: list[Row], random_: random.Random, chain: int, whole_seconds: bool) -> None:
        self.held, self.random, self.chain, self.whole_seconds = held, random_, chain, whole_seconds
        self.requests = 0

    def __call__(self, asked: Row) -> dict[str, Any]:
        self.requests += 1
        found = [row for row in self.held if all(self.fits(row[name], span) for name, span in asked["spans"].items())]
        self.random.shuffle(found)
        found.sort(key=lambda row: [row[name] for name in asked["sort"]])
        begin = asked.get("cursor") or 0
        if begin >= self.chain:
            raise CursorRefused
        part = found[begin : begin + asked["_limit"]]
        more = begin + len(part) < len(found)
        return {"data": part, "cursor": begin + len(part) if more else None}

    def fits(self, value: str, span: Span) -> bool:
        moment = parse_moment(value)
        moment = moment.replace(microsecond=0) if self.whole_seconds else moment
        return (span.start is None or moment >= span.start) and (span.end is None or moment < span.end)


@pytest.mark.parametrize("whole_seconds", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_search_is_complete_whatever_its_ties_and_cursors_do(seed: int, whole_seconds: bool) -> None:
    random_ = random.Random(seed)
    held = rows(random_.randrange(0, 300), random_, days=random_.choice([0.001, 10]))

    asked = Search(held, random_, 40, whole_seconds)
    seen = ids(search(asked, random_.choice([Span(), Span(START)]), ("date", "born"), 20))

    assert sorted(seen) == sorted(row["id"] for row in held)
    assert asked.requests < 200


def test_search_is_complete_while_rows_jump_to_the_end() -> None:
    random_ = random.Random(9)
    held = rows(500, random_)
    inner = Search(held, random_, 40, False)
    clock = iter(range(10**6))

    def fetch(asked: Row) -> dict[str, Any]:
        answer = inner(asked)
        if inner.requests < 60:
            for row in random_.sample(held, 5):
                held.remove(row)
                late = (START + timedelta(days=20, seconds=next(clock))).isoformat()
                held.append({**row, "date": late})
        return answer

    assert set(ids(search(fetch, Span(START), ("date", "born"), 20))) == {row["id"] for row in held}


def test_search_results_out_of_order_are_an_error() -> None:
    held = rows(100, random.Random(2))[::-1]

    with pytest.raises(NoProgress, match="circle"):
        ids(search(lambda asked: {"data": held[:20], "cursor": "x"}, Span(), ("date", "born"), 20))


def test_search_that_answers_nothing_for_ever_is_an_error() -> None:
    with pytest.raises(NoProgress, match="empty page"):
        ids(search(lambda asked: {"data": [], "cursor": "x"}, Span(), ("date", "born"), 20))
