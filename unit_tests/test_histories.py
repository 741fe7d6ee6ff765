"""Random histories keep every promise, and the net that they are is not blind. Thousands: `make histories`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from . import drawn, histories, ledger
from .conftest import Output
from .drawn import History, Step, draw
from .histories import breaks, play, shrink
from .ledger import Broken, Ledger

NUMBERS = range(1, 25)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_history_drawn_from_a_number_keeps_every_promise(number: int) -> None:
    play(draw(number))


def test_the_histories_of_these_numbers_differ_in_what_matters() -> None:
    played = [draw(number) for number in NUMBERS]

    assert draw(7) == draw(7)
    assert len({history.streams for history in played}) > len(played) // 2
    assert {name for history in played for name in history.switches} >= {"unstable_ties", "index_lag", "index_rows"}
    steps = [step for history in played for step in history.steps]
    assert any(step.kill for step in steps)
    assert any(step.faults for step in steps)
    assert any(step.reset for step in steps)
    assert any(step.refuse for step in steps)


WORKDAY = Step(dice=3, pause=3600.0, work=30, busy=0.5, workers=2)
BUSY = History(seed=5, streams=("leads", "call_activities", "users"), steps=(WORKDAY, WORKDAY), rows=60)
"""People at work, and a Close that behaves well."""


def blind_to_hidden(monkeypatch: pytest.MonkeyPatch) -> History:
    """Close shows fewer rows than the ledger knows of."""
    original = Ledger.__init__

    def init(self: Ledger, *given: Any) -> None:
        original(self, *given)
        self.hidden = set()

    monkeypatch.setattr(Ledger, "__init__", init)
    return replace(BUSY, hidden=0.1)


def blind_to_the_index(monkeypatch: pytest.MonkeyPatch) -> History:
    """Close shows writes later than the ledger knows of, and later than is looked back."""
    original = Ledger.__init__

    def init(self: Ledger, close: Any, views: Any, lag: float) -> None:
        original(self, close, views, 0.0)

    monkeypatch.setattr(Ledger, "__init__", init)
    slow = replace(BUSY, switches={"index_lag": 7200.0}, updates_lookback=0)
    return replace(slow, steps=(replace(WORKDAY, pause=60.0),) * 3)


def state_ahead(monkeypatch: pytest.MonkeyPatch) -> History:
    """States that no longer stay five minutes behind."""
    monkeypatch.setattr(ledger, "INDEX_LAG", 12 * ledger.INDEX_LAG)
    return BUSY


def complete_too_soon(monkeypatch: pytest.MonkeyPatch) -> History:
    """Each record comes as if it were the oldest version of its row."""
    monkeypatch.setattr(Ledger, "version_of", lambda self, row_id, record: 0)
    return BUSY


def a_failure_that_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> History:
    """All requests fail, and the run is believed to have succeeded."""
    monkeypatch.setattr(Output, "errors", property(lambda self: []))
    return replace(BUSY, steps=(replace(WORKDAY, faults=("html",), each=1),))


def left_out(monkeypatch: pytest.MonkeyPatch) -> History:
    """A warning is believed to say that each stream was left out."""
    monkeypatch.setattr(histories._Play, "_was_left_out", lambda self, stream: True)
    return BUSY


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (blind_to_hidden, " lacked "),
        (blind_to_the_index, " lacked "),
        (state_ahead, "is ahead of what can be known"),
        (complete_too_soon, "when "),
        (a_failure_that_is_no_failure, "no error says why"),
        (left_out, "though it had been read"),
    ],
)
def test_a_promise_that_is_not_kept_is_seen(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable[[pytest.MonkeyPatch], History], said: str
) -> None:
    with pytest.raises(Broken, match=said):
        play(wrong(monkeypatch))


def test_people_at_work_and_a_close_that_behaves_well_break_no_promise() -> None:
    play(BUSY)


def test_a_history_that_breaks_is_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    long = replace(blind_to_hidden(monkeypatch), switches={"cap_error": "old", "events_naive": False}, lookback=0)

    short = shrink(long, most=40)

    assert breaks(short)
    assert (len(short.streams), short.steps, short.switches, short.hidden) == (1, (), {}, 0.1)


def test_each_stream_with_rows_of_its_own_is_drawn() -> None:
    seen = {name for number in range(400) for name in draw(number).streams}

    assert seen == {*drawn.BIG, *drawn.SMALL}


def test_a_first_lead_that_is_hidden_and_cursors_that_expire_end_no_sync() -> None:
    """The page of one row that asks whether there are leads came empty, and the walk went on by a dead cursor."""
    play(History(seed=92, streams=("leads",), steps=(), rows=300, hidden=0.05, switches={"cursor_lifetime": 0}))


def test_ties_dealt_anew_across_a_page_border_while_a_row_seen_leaves_the_span() -> None:
    play(
        History(
            seed=1145,
            streams=("contacts", "incoming_sms_tasks", "tasks"),
            steps=(
                Step(dice=413273719, pause=120.0, work=30, date_window=4),
                Step(dice=254914224, pause=1800.0, work=30, busy=0.5, tick=40.0, workers=2, date_window=366, each=29),
            ),
            rows=20,
            lookback=0,
            page_cap=20,
            switches={"unstable_ties": True},
        )
    )
