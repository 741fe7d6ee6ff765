"""The `close-emulator` command: prints its base URL and serves until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timezone

from close_emulator.behaviour import Behaviour
from close_emulator.emulator import Emulator
from close_emulator.switches import table
from close_emulator.world.sizes import Sizes

_SIZES = [size.name for size in fields(Sizes) if size.name != "leads"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    if options.switches:
        print(table(), end="")
        return 0
    given = {name: getattr(options, name) for name in _SIZES if getattr(options, name) is not None}
    sizes = Sizes(leads=options.leads, **given) if given or not options.leads else Sizes.for_leads(options.leads)
    emulator = Emulator(
        sizes,
        seed=options.seed,
        start=options.start,
        now=options.now,
        latency=options.latency,
        behaviour=Behaviour(api_key=options.api_key, rate_limit=options.rate_limit, skip_cap=options.skip_cap),
        port=options.port,
        odd_dates=options.odd_dates,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with emulator as base_url:
        print(base_url)
        sys.stdout.flush()
        stopped.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="close-emulator", description="An emulator of the Close CRM REST API.")
    parser.add_argument("--switches", action="store_true", help="print the table of all switches and end")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same organisation")
    parser.add_argument("--leads", type=int, default=0, help="alone, the other sizes follow in proportion")
    for name in _SIZES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=None, help=f"number of {name}")
    parser.add_argument("--start", type=_moment, default=_moment("2024-01-01"), help="date of the oldest records")
    parser.add_argument("--now", type=_moment, default=None, help="a clock that stands still there")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--api-key", default=None, help="the one key that is accepted; any, if left out")
    parser.add_argument("--rate-limit", type=int, default=None, help="requests per second and endpoint group")
    parser.add_argument("--skip-cap", type=int, default=None, help="highest _skip of every list")
    parser.add_argument("--odd-dates", action="store_true", help="some records of 1970 and of the future")
    return parser


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
