"""`make bench-peers`: the other connectors for Close and this one, on one organisation. Writes benchmarks/peers.md.

Each is in an environment of its own, with its default options, and starts on the emulator's address by a launcher of
ours; source-closeio reads the same streams. It needs Python 3.10 or 3.11, as source-close-com does, which asks for the
custom fields anew for each lead: its organisation is a fifth of the other. Exit code 1 if a record did not arrive by
source-closeio.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measuring
from benchmarks.measuring import BIN, START_DATE, Run
from close_emulator import Emulator
from integration_tests.clients.environments import environment

HERE = Path(__file__).parent
ROOT = HERE.parent
LATENCIES = (0.0, 0.1)
OURS = "source-closeio"
TAP = {name: name for name in ("leads", "activities", "tasks", "users", "event_log")} | {
    "custom_fields": "lead_custom_fields"
}
ACTIVITIES = ("created", "note", "email", "email_thread", "sms", "call", "meeting", "task_completed")
CHANGES = ("lead_status_change", "opportunity_status_change")
TASKS = ("lead", "incoming_email", "email_followup", "missed_call", "answered_detached_call", "voicemail")
SHARED = (
    *("leads", "users", "lead_custom_fields"),
    *(f"{kind}_activities" for kind in (*ACTIVITIES, *CHANGES)),
    *(f"{kind}_tasks" for kind in (*TASKS, "opportunity_due", "incoming_sms")),
)
"""The streams that hold most of an organisation and have one name in both sources."""


@dataclass(frozen=True)
class Program:
    """streams: those it reads, and ours that hold the same. requirement: empty for this checkout."""

    name: str
    requirement: str
    launcher: Path
    singer: bool
    streams: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        if not self.requirement:
            return [str(self.launcher)]
        home = environment(self.requirement.split("==")[0].removeprefix("airbyte-source-"), self.requirement)
        return [str(home / "python"), str(self.launcher)]


PROGRAMS = (
    Program(
        "tap-closeio 1.6.6",
        "tap-closeio==1.6.6",
        ROOT / "integration_tests/clients/singer/old_tap.py",
        singer=True,
        streams=TAP,
    ),
    Program(f"{OURS}, Singer", "", BIN / "tap-closeio", singer=True, streams=TAP),
    Program(
        "source-close-com 0.5.30",
        "airbyte-source-close-com==0.5.30",
        HERE / "old_source.py",
        singer=False,
        streams={name: name for name in SHARED} | {"events": "event_log"},
    ),
    Program(
        f"{OURS}, Airbyte",
        "",
        BIN / "source-closeio",
        singer=False,
        streams={name: name for name in (*SHARED, "event_log")},
    ),
)
PAIRS = tuple(zip(PROGRAMS[::2], PROGRAMS[1::2], (1, 5), strict=True))
"""Theirs, ours, and the part of the organisation that both read."""


@dataclass(frozen=True)
class Measured:
    program: Program
    latency: float
    run: Run
    missing: Mapping[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description="The other connectors for Close, and this one.")
    parser.add_argument("--leads", type=int, default=10_000, help="of the larger organisation; all else in proportion")
    parser.add_argument("--to", type=Path, default=HERE / "peers.md", help="where the figures are written")
    options = parser.parse_args()
    runs = []
    for theirs, ours, part in PAIRS:
        close = Emulator(measuring.sizes(options.leads // part))
        with close:
            runs += [measured(program, close, latency) for program in (theirs, ours) for latency in LATENCIES]
    text = "\n".join([*report(runs, options.leads), ""])
    options.to.write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(any(each.missing.values()) for each in runs if each.program.name.startswith(OURS)) else 0


def measured(program: Program, close: Emulator, latency: float) -> Measured:
    address = {"CLOSE_BASE_URL": close.base_url}
    with tempfile.TemporaryDirectory() as folder:
        words = prepared(program, close, Path(folder), address)
        with measuring.switched(close, latency, {}):
            run = measuring.run(words, close, address)
    print(f"{program.name}, {latency:.1f} s: {run.wall:.1f} s", file=sys.stderr)
    return Measured(program, latency, run, measuring.missing(close, program.streams, run))


def prepared(program: Program, close: Emulator, folder: Path, address: Mapping[str, str]) -> list[str]:
    """The command that reads the program's streams, by the catalog that it discovers itself."""
    config = {"api_key": "api_bench", "start_date": START_DATE, "base_url": close.base_url}
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    words = [*program.command, *([] if program.singer else ["discover"]), "--config", str(path)]
    if program.singer:
        catalog = json.loads(_output([*words, "--discover"], address))
        for stream in catalog["streams"]:
            for each in stream["metadata"]:
                if not each["breadcrumb"]:
                    each["metadata"]["selected"] = stream["stream"] in program.streams
        (folder / "catalog.json").write_text(json.dumps(catalog))
        return [*words, "--catalog", str(folder / "catalog.json")]
    messages: Iterator[Any] = map(json.loads, _output(words, address).splitlines())
    (found,) = (each["catalog"]["streams"] for each in messages if each["type"] == "CATALOG")
    schemas = {each["name"]: each["json_schema"] for each in found if each["name"] in program.streams}
    return [*program.command, *measuring.airbyte(folder, config, schemas)]


def _output(words: Sequence[str], address: Mapping[str, str]) -> str:
    done = subprocess.run(words, env={**os.environ, **address}, capture_output=True, text=True, check=True)
    return done.stdout


def report(runs: Sequence[Measured], leads: int) -> Iterator[str]:
    yield f"{measuring.where()} Default options, output to a file, one after the other."
    yield ""
    for theirs, _, part in PAIRS:
        yield (
            f"- {theirs.name}: an organisation with {measuring.described(measuring.sizes(leads // part))}. Compared "
            f"are the {len(theirs.streams)} streams that both have."
        )
    yield ""
    titles = ("", "streams", "answers after", "wall", "CPU", "requests", "at once", "memory", "records", "missing")
    yield from measuring.table(titles, map(_row, runs))
    yield ""
    for theirs, ours, _ in PAIRS:
        yield f"- {theirs.name} takes {_ratios(runs, theirs, ours)}."
    for each in runs:
        lacks = ", ".join(f"{count:,} of `{stream}`" for stream, count in each.missing.items() if count)
        if lacks:
            yield f"- {each.program.name} lacks {lacks} (answers after {each.latency * 1000:.0f} ms)."


def _row(each: Measured) -> list[str]:
    run = each.run
    return [
        each.program.name,
        f"{len(each.program.streams)}",
        f"{each.latency * 1000:.0f} ms",
        f"{run.wall:.1f} s",
        f"{run.cpu:.1f} s",
        f"{len(run.requests):,}",
        f"{measuring.most_at_once(run.requests)}",
        f"{run.memory} MB",
        f"{run.records:,}",
        f"{sum(each.missing.values()):,}",
    ]


def _ratios(runs: Sequence[Measured], theirs: Program, ours: Program) -> str:
    found = {(each.program.name, each.latency): each.run for each in runs}
    pairs = [(latency, found[theirs.name, latency], found[ours.name, latency]) for latency in LATENCIES]
    return ", ".join(
        f"{their.wall / our.wall:.1f} times as long as {OURS} and {their.cpu / our.cpu:.1f} times its CPU at "
        f"{latency * 1000:.0f} ms"
        for latency, their, our in pairs
    )


if __name__ == "__main__":
    sys.exit(main())
