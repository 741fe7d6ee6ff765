"""Whole histories of an organisation and of those who sync it, drawn from a number.

A history is an organisation, the ways of its Close, and syncs one after the other: people work between two syncs and
between any two requests, requests fail, syncs are killed at some line of their output and resumed from the last state
that it held, a stream is reset, one is added later. The last sync is undisturbed. What must be true all along and in
the end stands in `ledger.py`; a history in which it is not raises `Broken`.

    python -m unit_tests.histories --count 2000 --seed 1

plays the histories 1 to 2000. One that breaks is made as short as it can cheaply be, and printed as it can be given to
`play` by a test. With several workers the threads interleave differently each time: play it more than once.
"""

# ruff: noqa: T201 - a program too

import argparse
import faulthandler
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils import AirbyteTracedException

from close_emulator import RESOURCES, Behaviour, Emulator, Sizes, faults
from close_emulator.store import moments
from source_closeio.endpoints import ENDPOINTS, Endpoint
from source_closeio.errors import Stopped
from source_closeio.rate_limit import RateLimiter
from source_closeio.source import SourceCloseIO
from source_closeio.streams import Connection

from .conftest import API_KEY, NOW, Output, catalog_of
from .drawn import FAULTS, History, Step, draw, shorter
from .ledger import PARENT, Broken, Destination, Ledger, Promise, View, check_the_end
from .people import People

ENDPOINT = {endpoint.name: endpoint for endpoint in ENDPOINTS}
MOST_REQUESTS = 20_000


class _Clock:
    """Time for those who limit requests, and for those who wait: who sleeps moves it."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds
        time.sleep(0)  # lets the thread that is waited for run


CLOCK = _Clock()


def _pause(connection: Connection, seconds: float) -> None:
    CLOCK.sleep(seconds)
    if connection.stop.is_set():
        raise Stopped


def play(history: History) -> None:
    """Plays a history. Raises Broken when a promise is not kept."""
    with _quiet() as warnings, tempfile.TemporaryDirectory() as folder:
        _Play(history, Path(folder), warnings).all()


class _Play:
    def __init__(self, history: History, folder: Path, warnings: list[str]) -> None:
        self._history = history
        self._folder = folder
        self._warnings = warnings
        self._views = {name: View(ENDPOINT[name]) for name in history.streams}
        self._close = _organisation(history)
        self._close.rate_clock = CLOCK.monotonic
        self._ledger = Ledger(self._close, list(self._views.values()), history.switches.get("index_lag", 0.0))
        self._destination = Destination(self._ledger)
        self._states: dict[str, dict[str, Any]] = {}
        self._start_date = moments.parse(history.start_date)

    def all(self) -> None:
        last = Step(dice=0, pause=self._history.switches.get("index_lag", 0.0) + 600, tick=0.0, workers=2)
        with self._close:
            for number, step in enumerate(self._history.steps):
                self._step(step, self._history.streams[: None if number >= self._history.late else -1])
            self._close.behaviour.has_more_lies = []
            output = self._step(last, self._history.streams)
        if output.failure:
            raise Broken(f"the undisturbed sync failed: {output.errors or output.failure}")
        for view in self._views.values():
            if output.statuses.get(view.name) != "COMPLETE":
                raise Broken(f"the undisturbed sync ended with {view.name} {output.statuses.get(view.name)}")
            back = self._lookback(view.name)
            check_the_end(view, self._ledger, self._destination, start_date=self._start_date, lookback=back)

    def _lookback(self, stream: str) -> int:
        window = ENDPOINT[stream].window
        of_created = window is not None and window.cursor == "date_created"
        return (self._history.lookback if of_created else self._history.updates_lookback) * moments.SECOND

    def _step(self, step: Step, streams: tuple[str, ...]) -> Output:
        people = People(self._close, self._ledger, list(self._views.values()), step.dice)
        people.work(step.work, step.pause)
        if step.reset:
            self._states.pop(step.reset, None)
            self._destination.reset(step.reset)
        if step.refuse:
            self._close.behaviour.refused = {self._views[step.refuse].asked: 403}
        if step.faults:
            self._close.fail(faults.every(step.each, *(FAULTS[name] for name in step.faults)))
        asked = count()

        def before_an_answer(request: object) -> None:
            number = next(asked)
            if number == self._history.page_falls:
                self._cap_pages()
            if number == MOST_REQUESTS:
                self._close.behaviour.api_key = "another"  # ends the sync
            people.before_an_answer(step.busy, step.tick)

        self._close.on_request = before_an_answer
        try:
            return self._sync(step, streams)
        finally:
            for thread in threading.enumerate():
                if thread.name.startswith(("reader", "worker")):
                    thread.join(timeout=30)
            self._close.on_request = None
            self._close.heal()
            self._close.behaviour.refused = {}
            self._close.forget_requests()
            if next(asked) > MOST_REQUESTS:
                raise Broken(f"{MOST_REQUESTS} requests were no end")

    def _cap_pages(self) -> None:
        cap = self._history.page_cap
        self._close.behaviour.limit_caps = dict.fromkeys((*RESOURCES, "data/search/"), cap) if cap else {}

    def _sync(self, step: Step, streams: tuple[str, ...]) -> Output:
        """One sync of the connector, through its entry point, each line of it checked as it comes."""
        began = moments.from_datetime(self._close.now or NOW)
        promises = {
            name: Promise(
                self._views[name],
                self._ledger,
                self._destination,
                began=began,
                state=_reached(self._states.get(name), ENDPOINT[name]),
                start_date=self._start_date,
                lookback=self._lookback(name),
            )
            for name in streams
        }
        self._warnings.clear()
        output = Output()
        written = self._lines(step, streams)
        try:
            for line in written:
                message = json.loads(line)
                output.messages.append(message)
                self._check(message, promises)
                if len(output.messages) == step.kill:
                    return output
        except AirbyteTracedException as failure:
            output.failure = str(failure)
        finally:
            written.close()  # type: ignore[attr-defined]  # a generator
        _check_the_ending(output, streams)
        return output

    def _lines(self, step: Step, streams: tuple[str, ...]) -> Iterator[str]:
        config = {
            "api_key": API_KEY,
            "base_url": self._close.base_url,
            "num_workers": step.workers,
            "date_window": step.date_window,
            "activities_window_seconds": self._history.lookback,
            "updates_window_seconds": self._history.updates_lookback,
            **({"start_date": self._history.start_date} if self._history.start_date else {}),
        }
        files = {"config": config, "catalog": catalog_of(streams), "state": list(self._states.values())}
        words = ["read"]
        for name, content in files.items():
            (self._folder / f"{name}.json").write_text(json.dumps(content))
            words += [f"--{name}", str(self._folder / f"{name}.json")]
        entry = AirbyteEntrypoint(SourceCloseIO())
        return iter(entry.run(entry.parse_args(words)))

    def _check(self, message: dict[str, Any], promises: dict[str, Promise]) -> None:
        if message["type"] == "RECORD":
            record = message["record"]
            self._destination.upsert(self._views[record["stream"]], record["data"])
        elif message["type"] == "STATE":
            state = message["state"]
            name = state["stream"]["stream_descriptor"]["name"]
            self._states[name] = state
            reached = _reached(state, ENDPOINT[name])
            if reached is not None:
                promises[name].covers(reached)
        elif message["type"] == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            name = status["stream_descriptor"]["name"]
            if status["status"] != "COMPLETE":
                return
            if not self._was_left_out(name):
                promises[name].completes()
            elif _reached(self._states.get(name), ENDPOINT[name]) is not None:
                raise Broken(f"{name} was left out, and said COMPLETE though it had been read")

    def _was_left_out(self, stream: str) -> bool:
        return any(f"Stream {stream} is left out" in warning for warning in self._warnings)


def _organisation(history: History) -> Emulator:
    rows, wanted = history.rows, set(history.streams)
    behaviour = Behaviour(event_retention_days=30)
    close = Emulator(
        Sizes(
            leads=rows if wanted & {"leads", "event_log"} else 5,
            contacts=rows if "contacts" in wanted else 5,
            opportunities=rows if "opportunities" in wanted else 5,
            activities=rows * 2 if any("activities" in name for name in wanted) else 15,
            tasks=rows * 2 if any("tasks" in name for name in wanted) else 5,
            events=rows if "event_log" in wanted else 5,
            users=5,
            custom_fields=5,
            custom_objects=rows if "custom_objects" in wanted else 5,
            sequence_subscriptions=rows if "sequence_subscriptions" in wanted else 5,
            comments=rows if "comments" in wanted else 5,
        ),
        seed=history.seed,
        start=NOW - timedelta(days=300),
        now=NOW,
        behaviour=behaviour,
    )
    for name, value in history.switches.items():
        setattr(behaviour, name, list(value) if isinstance(value, list) else value)
    windowed = [View(ENDPOINT[name]).path for name in history.streams if ENDPOINT[name].window]
    if "skip_caps" in history.switches:
        behaviour.skip_caps = dict.fromkeys(windowed, history.switches["skip_caps"])
    dice = Random(history.seed)
    for path in {View(ENDPOINT[name]).path for name in history.streams} & set(PARENT) - {"custom_object/"}:
        parents = sorted(close.ids(PARENT[path][1]))
        behaviour.refused_parents |= {parent: 403 for parent in parents if dice.random() < history.refused}
    for path in windowed:
        behaviour.hidden |= {row_id for row_id in sorted(close.ids(path)) if dice.random() < history.hidden}
    return close


def _reached(state: dict[str, Any] | None, endpoint: Endpoint) -> int | None:
    """The date that a state of a stream with dates holds."""
    if state is None or endpoint.window is None:
        return None
    return moments.parse(state["stream"]["stream_state"].get(endpoint.window.cursor))


def _check_the_ending(output: Output, streams: tuple[str, ...]) -> None:
    """Raises Broken where the end of a sync that nobody killed does not say truly how it went."""
    statuses = {name: output.statuses.get(name) for name in streams}
    incomplete = [name for name, status in statuses.items() if status != "COMPLETE"]
    if bool(incomplete) != bool(output.failure):
        raise Broken(f"the statuses were {statuses}, and the failure {output.failure}")
    if incomplete and not output.errors:
        raise Broken(f"no error says why {incomplete} failed: {output.failure}")
    for name in incomplete:
        if statuses[name] != "INCOMPLETE" or name not in str(output.failure):
            raise Broken(f"{name} ended with {statuses[name]}: {output.failure}")
    for error in output.errors:
        if "please report it" in error or "unexpected" in error.lower():
            raise Broken(f"a failure that is not Close's: {error}")


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Takes the warnings of the connector instead of writing its log, and does not sleep between tries."""
    warnings: list[str] = []
    logger = logging.getLogger("airbyte")
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        with (
            patch.object(Connection, "pause", _pause),
            patch.object(RateLimiter.__init__, "__defaults__", (CLOCK.monotonic, CLOCK.sleep)),
        ):
            yield warnings
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def breaks(history: History, tries: int = 1) -> str | None:
    """What is broken in a history, in one of some tries; None: nothing was."""
    for _ in range(tries):
        try:
            play(history)
        except Broken as broken:
            return str(broken)
    return None


def shrink(history: History, most: int = 150) -> History:
    """A history that breaks, made shorter as long as it breaks, by no more than so many tries."""
    left = most
    found = True
    while found and left > 0:
        found = False
        for candidate in shorter(history):
            left -= 1
            if breaks(candidate):
                history, found = candidate, True
                break
            if left <= 0:
                break
    return history


def main() -> int:
    parser = argparse.ArgumentParser(description="Plays random histories, and prints those that break.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="number of the first history")
    parser.add_argument("--keep", action="store_true", help="do not shorten histories that break")
    options = parser.parse_args()
    broken = 0
    for seed in range(options.seed, options.seed + options.count):
        faulthandler.dump_traceback_later(300, exit=True)  # a history that hangs
        print(f"\rhistory {seed}, {broken} broken", end="", file=sys.stderr, flush=True)
        history = draw(seed)
        if what := breaks(history):
            broken += 1
            if not options.keep:
                faulthandler.cancel_dump_traceback_later()
                history = shrink(history)
                what = breaks(history, tries=3) or what
            print(f"\nhistory {seed}: {what}\n  {history}", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"\r{options.count} histories from {options.seed} on, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
