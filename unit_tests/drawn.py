"""What a history is, how one is drawn from a number, and how it is made shorter."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from close_emulator import faults
from source_closeio.endpoints import ENDPOINTS

BIG = ("leads", "contacts", "opportunities", "tasks", "activities", "call_activities", "custom_objects", "event_log")
"""Streams that a history is mostly about."""
WITHOUT_ROWS_OF_THEIR_OWN = ("user_availabilities", "organizations", "memberships", "activity_metrics", "send_as")
SMALL = tuple(
    each.name
    for each in ENDPOINTS
    if each.path and not each.only and each.name not in (*BIG, *WITHOUT_ROWS_OF_THEIR_OWN)
)


FAULTS = {
    "reset": faults.reset(),
    "cut_body": faults.cut_body(),
    "cut_gzip": faults.cut_gzip_quietly(),
    "not_json": faults.not_json(),
    "html": faults.server_error(502),
    "empty_500": faults.server_error(500, html=False),
    "limited": faults.rate_limited("nested", reset=0.001, retry_after=False, limit=10_000),
    "limited_flat": faults.rate_limited("flat", reset="0.001", retry_after=False, limit=10_000),
    "firewall": faults.firewall(),
}


@dataclass(frozen=True)
class Step:
    """One sync, and the time before it.

    dice: seeds what people do. pause: seconds before the sync. work: things that people do in them.
    busy: the chance that people do something before an answer. tick: seconds that a request takes, at most.
    kill: after so many lines. reset: a stream that starts anew.
    refuse: a stream that the key may not read in this sync. faults: each `each`-th request has one of them.
    """

    dice: int
    pause: float = 3600.0
    work: int = 0
    busy: float = 0.0
    tick: float = 0.1
    workers: int = 1
    date_window: int = 15
    kill: int | None = None
    reset: str | None = None
    refuse: str | None = None
    faults: tuple[str, ...] = ()
    each: int = 5


@dataclass(frozen=True)
class History:
    """What `play` plays; everything that chance decides stands in it, or is drawn from its numbers.

    late: the step from which on the last of the streams is in the catalog.
    hidden: the share of rows that are not for this key; refused: that of the parents.
    page_cap: the largest page of all lists, `page_falls` the request from which on it holds.
    """

    seed: int
    streams: tuple[str, ...]
    steps: tuple[Step, ...]
    rows: int = 100
    start_date: str | None = None
    lookback: int = 86_400
    updates_lookback: int = 3_600
    late: int = 0
    hidden: float = 0.0
    refused: float = 0.0
    page_cap: int | None = None
    page_falls: int = 0
    switches: dict[str, Any] = field(default_factory=dict)


def draw(seed: int) -> History:
    """The history of that number."""
    dice = Random(f"history-{seed}")

    def maybe(chance: float, value: Any, otherwise: Any = None) -> Any:
        return value if dice.random() < chance else otherwise

    streams = dice.sample(BIG, dice.choice((1, 1, 2))) + dice.sample(SMALL, dice.choice((0, 1, 1, 2)))
    dice.shuffle(streams)
    may: dict[str, tuple[float, tuple[Any, ...]]] = {
        "unstable_ties": (0.4, (True,)),
        "index_lag": (0.4, (5, 60, 240, 1200, 3600)),
        "index_rows": (0.3, ("now",)),
        "search_cursors": (0.3, ("keys",)),
        "search_chain_end": (0.3, ("null",)),
        "search_chain_cap": (0.3, (80, 200)),
        "search_sorts": (0.05, (False,)),
        "search_precision": (0.3, ("s",)),
        "search_custom": (0.2, ("nested", "named")),
        "cursor_lifetime": (0.3, (0, 5)),
        "expired_event_cursor": (0.3, ("error",)),
        "event_limit": (0.3, ("refused",)),
        "skip_caps": (0.3, (100, 400)),
        "cap_error": (0.3, ("old",)),
        "has_more_always": (0.1, (False,)),
        "has_more_lies": (0.2, (["true_on_last"], ["false_on_full"], ["false_on_full", "true_on_last"] * 3)),
        "event_consolidation": (0.2, (30.0, 3600.0)),
        "events_naive": (0.3, (False,)),
        "missing_parent": (0.3, ("404", "400")),
        "admin": (0.1, (False,)),
        "rate_limit": (0.2, (3, 20)),
        "rate_counting": (0.5, ("sliding", "bucket")),
        "rate_limit_headers": (0.5, ("semicolons", "old", "none")),
        "rate_limit_body": (0.5, ("flat",)),
    }
    switches = {name: dice.choice(values) for name, (chance, values) in may.items() if dice.random() < chance}
    hidden = maybe(0.2, dice.choice((0.05, 0.4)), 0.0)
    if hidden or "index_rows" in switches:
        # A page that is short for want of rows to show, and says that nothing follows: nobody could know better.
        switches = {name: value for name, value in switches.items() if not name.startswith("has_more")}
    page_cap, page_falls = maybe(0.7, dice.choice((2, 3, 7, 20, 50))), maybe(0.3, dice.randrange(40), 0)
    if {"cursor_lifetime", "search_sorts"} & set(switches):
        # Two rows may be sorted by chance, and without cursors nothing leads through more equal rows than a page holds.
        page_cap = None
    if "unstable_ties" in switches and page_cap is not None:
        page_cap = max(page_cap, 20)  # forty equal rows dealt anew in pages of two are never all seen
    if page_cap is None or page_cap >= switches.get("search_chain_cap", 10_000) or page_falls:
        switches.pop("search_chain_cap", None)  # Close's chains are longer than its pages
    rows = dice.choice((20, 60, 150, 300))
    if page_cap is not None:
        rows = min(rows, 30 * page_cap)
    disturbed = dice.random() < 0.6
    steps = tuple(
        Step(
            dice=dice.randrange(10**9),
            pause=dice.choice((1.0, 120.0, 1800.0, 7200.0, 86_400.0, 400_000.0)),
            work=dice.choice((0, 5, 30)),
            busy=maybe(0.7, dice.choice((0.1, 0.5, 1.0)), 0.0),
            tick=dice.choice((0.05, 0.5, 5.0, 40.0)),
            workers=dice.choice((1, 1, 2, 5, 20)),
            date_window=dice.choice((4, 15, 60, 366)),
            kill=maybe(0.5, round(10 ** dice.uniform(0.5, 3.0))),
            reset=maybe(0.1, dice.choice(streams)),
            refuse=maybe(0.1, dice.choice([name for name in streams if name != "custom_objects"] or [None])),
            faults=tuple(dice.sample(sorted(FAULTS), dice.choice((1, 2, 4)))) if disturbed else (),
            each=dice.choice((3, 5, 11, 29)),
        )
        for _ in range(dice.choice((1, 2, 3, 4)))
    )
    return History(
        seed=seed,
        streams=tuple(streams),
        steps=steps,
        rows=rows,
        start_date=maybe(0.4, dice.choice(("2025-10-01", "2026-01-15", "2026-02-27T12:00:00Z"))),
        lookback=dice.choice((0, 3600, 86_400, 1_000_000)),
        updates_lookback=dice.choice((3_600, 3_600, 0, 86_400)),
        late=maybe(0.3, 1, 0) if len(streams) > 1 else 0,
        hidden=hidden,
        refused=maybe(0.2, 0.3, 0.0),
        page_cap=page_cap,
        page_falls=page_falls,
        switches=switches,
    )


def shorter(history: History) -> Iterator[History]:
    """What the history becomes when one thing is left out, the largest things first."""
    for number in range(len(history.steps)):
        yield replace(history, steps=history.steps[:number] + history.steps[number + 1 :])
    for name in history.streams if len(history.streams) > 1 else ():
        steps = tuple(
            replace(
                step,
                reset=None if step.reset == name else step.reset,
                refuse=None if step.refuse == name else step.refuse,
            )
            for step in history.steps
        )
        yield replace(history, streams=tuple(each for each in history.streams if each != name), steps=steps, late=0)
    for name in history.switches:
        yield replace(history, switches={key: value for key, value in history.switches.items() if key != name})
    plain = History(history.seed, history.streams, history.steps, rows=max(5, history.rows // 2))
    for name in ("late", "hidden", "refused", "page_falls", "page_cap", "start_date", "rows"):
        if getattr(history, name) != getattr(plain, name):
            yield replace(history, **{name: getattr(plain, name)})
    quiet = Step(dice=0)
    for number, step in enumerate(history.steps):
        for name in ("workers", "faults", "kill", "reset", "refuse", "busy", "work", "tick", "date_window"):
            if getattr(step, name) != getattr(quiet, name):
                calmer = replace(step, **{name: getattr(quiet, name)})
                yield replace(history, steps=(*history.steps[:number], calmer, *history.steps[number + 1 :]))
