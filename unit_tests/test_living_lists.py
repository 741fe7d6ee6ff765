"""The pure walks against a list that lives: between any two requests rows come, go and move, under any set of switches.

The promise, sentence by sentence:

1. What was in the list from the walk's first request to its last is handed on, or the walk raises `NoProgress`. In the
   list is what the index finds and Close shows: a row that is hidden or deleted for a while is not covered.
2. Of a span only what lies in it, all the time, by the date that the index has and by the date that is shown. A row
   that is edited leaves a span that has an end; in one without an end it has only moved, and is covered.
3. Not a row whose date goes back (`date_created` and `date_updated` never do; an import sets them once): a walk in the
   order of time does not return to a second that it has left.
4. Of the event log not a row that gets a later date meanwhile: it jumps to the top, which the walk has left. The sync
   after reads it, since no state goes past the beginning of this one.
5. Not what no walk by offsets could notice: all answers look like those of a list that stands still and does not hold
   the row (`looks_still`). E.g. the last row moves to the front just when a row of the front is deleted.
6. Not a list whose pages neither say `has_more` nor show all their rows: a short page is all that tells its end.
7. A walk ends: after `MOST_REQUESTS` requests it has failed.
8. Within one walk no row is handed on twice, unless it changed.
9. The same where a walk leaves its rest to another, page after page; of what ends before now, as all slices do: what is
   edited leaves it then.

A `History` is a value and not a `RuleBasedStateMachine`: a walk calls `fetch` and waits for the answer, so a machine
could sit between two of its requests only with a thread. What a machine's rules would do is drawn as a list of
operations, with `request` among them; it shrinks as well, runs ten times faster, and a failing history can be written
down as a test as it is.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_closeio import pagination
from source_closeio.keyset import search
from source_closeio.pagination import events, offset, window
from source_closeio.windows import Rest, Span

from .living_close import NOW, LivingClose, Operation, Row, State, Switches
from .living_histories import History, Outcome, run

settings.register_profile(
    "long", max_examples=20_000, derandomize=False, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("short", max_examples=160, derandomize=True, deadline=None, database=None)
PROFILE = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

ORDERS = ("-date_created", "date_created", "-date_updated", "date_updated", "place", "-place")
REQUEST: Operation = ("request", 0, 0)


@dataclass(frozen=True)
class Walked:
    """One of the walks, and what may happen to it.

    cursor: the date that its spans are about. stays: whether the promise still covers a row that changed so. is_one:
    and not several that do not know what the others have handed on.
    """

    walk: Callable[[Callable[[Row], Row], Span, int, datetime], Iterator[Row]]
    answers: Callable[[LivingClose, Row], Row]
    operations: tuple[str, ...]
    switches: Mapping[str, tuple[Any, ...]]
    cursor: str | None = None
    stays: Callable[[State, State], bool] = lambda before, after: True
    is_one: bool = True

    def lead(self, history: History) -> Outcome:
        with mock.patch.object(pagination, "LONGEST_CHAIN", history.switches.chain):
            now = LivingClose(history.switches, ()).moment(NOW)
            return run(
                history,
                self.answers,
                lambda fetch, span, limit: self.walk(fetch, span, limit, now),
                self.cursor,
                self.stays,
            )


PEOPLE = ("insert", "insert_dated_back", "edit", "delete", "hide", "show", "tick", "lower_page_cap")
LATE = {"late": (0, 1, 4, 9), "as_now": (False, True)}
OFFSETS = {"order": ORDERS, "ties_anew": (False, True), **LATE, "has_more": (True, False), "page_cap": (99, 5, 3, 2)}
DATES_BACK = ("date_back_update", "date_back_creation")


def closed_search(fetch: Callable[[Row], Row], span: Span, limit: int, now: datetime) -> Iterator[Row]:
    """As the stream asks it: a span without an end up to now first, so that what is edited from now on leaves it.

    That makes two walks, and an edited row that a late index shows early comes in both.
    """
    fields = ("date_updated", "date_created")
    if span.end is None:
        yield from search(fetch, Span(span.start, now), fields, limit)
        span = Span(now)
    yield from search(fetch, span, fields, limit)


def in_turn(
    walk: Callable[[Callable[[Row], Row], Span, int, frozenset[str], pagination.Share], Iterator[Row]],
) -> Callable[[Callable[[Row], Row], Span, int, datetime], Iterator[Row]]:
    """A walk that leaves its rest to another after every second page; that one begins when the first has ended."""

    def walks(fetch: Callable[[Row], Row], span: Span, limit: int, now: datetime) -> Iterator[Row]:
        todo, asked = [(span, frozenset[str]())], count()

        def share(rest: Rest) -> Span:
            turn = next(asked)
            if turn % 2 or span.end is None or span.end > now:
                return rest.span
            kept, *left = rest.thirds if rest.thirds and turn % 4 else rest.halves
            todo.extend((each, frozenset(rest.known)) for each in left)
            return kept

        while todo:
            yield from walk(fetch, todo[0][0], limit, todo[0][1], share)
            del todo[0]

    return walks


ALONE = {
    "offset": Walked(
        lambda fetch, span, limit, now: offset(fetch, limit, set()),
        LivingClose.answer_list,
        (*PEOPLE, *DATES_BACK, "move", "deal", "lie"),
        {**OFFSETS, "offset_cap": (99, 10)},
    ),
    "window by date_created": Walked(
        lambda fetch, span, limit, now: window(fetch, span, "date_created", limit),
        LivingClose.answer_list,
        (*PEOPLE, *DATES_BACK, "move", "deal", "lie"),
        {**OFFSETS, "offset_cap": (99, 10, 5, 2), "apart": (1, 1000)},
        "date_created",
        lambda before, after: after.date_created >= before.date_created,
    ),
    "window by date_updated": Walked(
        lambda fetch, span, limit, now: window(fetch, span, "date_updated", limit),
        LivingClose.answer_list,
        (*PEOPLE, *DATES_BACK, "move", "deal", "lie"),
        {**OFFSETS, "offset_cap": (99, 10, 5, 2), "apart": (1, 1000)},
        "date_updated",
        lambda before, after: after.date_updated >= before.date_updated,
    ),
    "search": Walked(
        closed_search,
        LivingClose.answer_search,
        (*PEOPLE, *DATES_BACK, "deal", "expire"),
        {
            **LATE,
            "ties_anew": (False, True),
            "whole_seconds": (False, True),
            "page_cap": (99, 5, 3, 2),
            "by_position": (False, True),
            "chain": (99, 12, 6),
            "chain_ends": (False, True),
            "apart": (1, 1000),
        },
        "date_updated",
        lambda before, after: after.date_updated >= before.date_updated and after.date_created >= before.date_created,
        is_one=False,
    ),
    "events": Walked(
        lambda fetch, span, limit, now: events(fetch, span, limit),
        LivingClose.answer_events,
        ("insert", "insert_dated_back", "edit", "tick", "lower_page_cap", "expire"),
        {
            **LATE,
            "whole_seconds": (False, True),
            "page_cap": (99, 5, 3, 2),
            "by_position": (False, True),
            "cursors_refused": (False, True),
            "apart": (1, 1000),
        },
        "date_updated",
        lambda before, after: after.date_updated <= before.date_updated,
    ),
}


def parted(cursor: str, order: str | None) -> Any:
    return in_turn(lambda fetch, span, limit, known, share: window(fetch, span, cursor, limit, order, known, share))


SHARED = {
    f"{name}, shared": replace(ALONE[name.partition(",")[0]], walk=walk, is_one=False)
    for name, walk in {
        "window by date_created": parted("date_created", None),
        "window by date_updated": parted("date_updated", None),
        "window by date_created, in another order": parted("date_created", "place"),
        "window by date_updated, in another order": parted("date_updated", "place"),
        "search": in_turn(
            lambda fetch, span, limit, _, share: search(fetch, span, ("date_updated", "date_created"), limit, share)
        ),
        "events": in_turn(lambda fetch, span, limit, _, share: events(fetch, span, limit, share)),
    }.items()
}
WALKS = ALONE | SHARED


@st.composite
def histories(draw: st.DrawFn, walked: Walked) -> History:
    """Rows and operations are drawn as bytes, which is five times faster than as lists of numbers."""
    switches = Switches(**{name: draw(st.sampled_from(ways)) for name, ways in walked.switches.items()})
    wide = draw(st.sampled_from((1, 3, 10)))
    rows = draw(pieces(3, (0, 9, 24), 30))
    happens = draw(st.sets(st.sampled_from(walked.operations), max_size=4)) if walked.operations else ()
    names = ("request",) * max(1, len(happens)) + tuple(sorted(happens))
    operations = [
        (names[each % len(names)], which % 32, how % 12) for each, which, how in draw(pieces(3, (0, 12, 36), 60))
    ]
    lies = [at for at, (name, *_) in enumerate(operations) if name == "lie"]
    left_out = set(lies[1:])
    if not switches.has_more:
        switches = replace(switches, as_now=False)
        left_out.update(at for at, (name, *_) in enumerate(operations) if name == "hide")
    return History(
        switches,
        tuple((created % wide, updated % wide, place % 5) for created, updated, place in rows),
        tuple(each for at, each in enumerate(operations) if at not in left_out),
        draw(st.sampled_from([(None, None), (0, None), (1, None), (0, 5), (1, 4), (None, 4), (0, 3)])),
        draw(st.integers(2, 5)),
    )


@st.composite
def pieces(draw: st.DrawFn, size: int, least: tuple[int, ...], most: int) -> list[tuple[int, ...]]:
    drawn = draw(st.binary(min_size=size * draw(st.sampled_from(least)), max_size=size * most))
    return [tuple(drawn[at : at + size]) for at in range(0, len(drawn) - size + 1, size)]


@pytest.mark.parametrize("name", WALKS)
def test_nothing_is_lost_without_a_word_whatever_happens_between_two_requests(name: str) -> None:
    walked = WALKS[name]

    @PROFILE
    @given(histories(walked))
    def check(history: History) -> None:
        walked.lead(history).keeps_the_promise(walked.is_one)

    check()


FEW_MOVES = ("insert", "edit", "delete", "move")
MILD: dict[str, tuple[tuple[str, ...], Mapping[str, tuple[Any, ...]]]] = {
    "nothing happens": ((), {}),
    "ties are dealt anew": ((), {"ties_anew": (True,)}),
    "has_more lies once": (("lie",), {}),
    "the index is late": (FEW_MOVES, LATE),
    "a few rows are hidden": (("hide",), {}),
    "cursors expire": (("expire",), {"by_position": (False, True)}),
    "the page cap is lowered": (("lower_page_cap",), {}),
    "a few rows move": (FEW_MOVES, {"by_position": (False, True)}),
}
FREE = {"order": ORDERS, "whole_seconds": (False, True), "apart": (1, 1000)}


@st.composite
def mild_histories(
    draw: st.DrawFn, walked: Walked, operations: tuple[str, ...], ways: Mapping[str, tuple[Any, ...]]
) -> History:
    """At most three operations, of which a lie is one only."""
    history = draw(histories(replace(walked, operations=(), switches={**FREE, **ways})))
    happens: list[Operation] = [REQUEST] * draw(st.integers(0, 12))
    for _ in range(draw(st.integers(0, 3)) if operations else 0):
        name = draw(st.sampled_from(operations))
        if name != "lie" or not [each for each in happens if each[0] == name]:
            happens.insert(
                draw(st.integers(0, len(happens))), (name, draw(st.integers(0, 31)), draw(st.integers(0, 11)))
            )
    return replace(history, operations=tuple(happens))


@pytest.mark.parametrize(
    ("name", "mild"),
    [
        (name, mild)
        for name, walked in WALKS.items()
        for mild, (operations, ways) in MILD.items()
        if mild == "nothing happens" or {*operations, *ways} & {*walked.operations, *walked.switches}
    ],
)
def test_a_walk_does_not_give_up_easily(name: str, mild: str) -> None:
    walked, (operations, ways) = WALKS[name], MILD[mild]
    operations = tuple(each for each in operations if each in walked.operations)
    ways = {each: values for each, values in ways.items() if each in walked.switches}

    @settings(PROFILE, max_examples=PROFILE.max_examples // 6)
    @given(mild_histories(walked, operations, ways))
    def check(history: History) -> None:
        outcome = walked.lead(history)

        outcome.keeps_the_promise(walked.is_one)
        assert outcome.failure is None

    check()
