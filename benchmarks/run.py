"""`make bench`: the connector against a floor and against limits. Writes benchmarks/results.md.

Every run is checked by id: exit code 1 if a record did not arrive. Figures compare within one run of this script.
Each table is a list of rows, and a row is a sync: of which streams, with which options, against which Close.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from benchmarks import floor, measuring
from benchmarks.measuring import BIN, ROW, START_DATE, Run, table
from close_emulator import Emulator, Request, Sizes
from source_closeio.schemas import DELETED_AT

HERE = Path(__file__).parent
SPEC = json.loads((HERE.parent / "source_closeio/spec.json").read_text(encoding="utf-8"))["connectionSpecification"]
DEFAULT = SPEC["properties"]["num_workers"]["default"]
MANY = ("leads", "activities", "tasks", "event_log", "users", "lead_custom_fields")
ALL = tuple(ROW)


@dataclass(frozen=True)
class Row:
    """A sync. latency: seconds that an answer takes. switches: of the emulator's behaviour. schema: of each stream."""

    name: str
    latency: float = 0.1
    streams: Sequence[str] = MANY
    config: Mapping[str, Any] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)


WORKERS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("1 worker", {"num_workers": 1}),
    ("10 workers", {"num_workers": 10}),
    ("20 workers", {"num_workers": 20}),
    (f"default ({DEFAULT} workers)", {}),
)
LATENCIES = (0.0, 0.1)
FLOOR = f"floor: bare client, {floor.THREADS} threads"
FLOORS = [Row(FLOOR, latency) for latency in LATENCIES]
FIRST = [Row(f"first sync, {name}", latency, config=config) for latency in LATENCIES for name, config in WORKERS]
SECOND = Row("second sync, default")
LIMIT = 20
LIMITED = [
    Row(name, streams=("activities",), switches={"rate_limit": LIMIT, "rate_counting": counting})
    for name, counting in (("fixed windows", "fixed"), ("sliding windows", "sliding"), ("token bucket", "bucket"))
]
LIMITS = {"leads": ("data/search/", 8), "tasks": ("task/", 5)}
GROUPS = Row("two limits", streams=tuple(LIMITS), switches={"rate_limits": dict(LIMITS.values())})
SMALL = [Row(f"small, {start}", 0.0, ALL, {"start_date": start}) for start in ("2010-01-01", "2024-01-01")]
IMPORT = Row(FIRST[-1].name, streams=("activities",))
FOLLOWED = Row(
    "followed",
    streams=("leads", "contacts", "call_activities"),
    config={"start_date": "2020-01-01"},
    schema={"properties": {name: {} for name in ("id", DELETED_AT)}},
)


class Bench:
    """Syncs rows, and counts what is missing in any of them."""

    def __init__(self) -> None:
        self.missing = 0

    def sync(self, close: Emulator, row: Row, before: Run | None = None) -> tuple[Run, int]:
        """The run, and how many ids came neither in it nor in the one before, from whose state it goes on."""
        run = self.run(close, row, before)
        return run, self.count(close, row, run, *([before] if before else []))

    def run(self, close: Emulator, row: Row, before: Run | None = None) -> Run:
        config = {"api_key": "api_bench", "base_url": close.base_url, "start_date": START_DATE, **row.config}
        state = list(before.last_states.values()) if before else []
        with tempfile.TemporaryDirectory() as folder, measuring.switched(close, row.latency, row.switches):
            words = measuring.airbyte(Path(folder), config, dict.fromkeys(row.streams, row.schema), state)
            return measuring.run([str(BIN / "source-closeio"), *words], close)

    def floor(self, close: Emulator, row: Row) -> tuple[Run, int]:
        with measuring.switched(close, row.latency, row.switches):
            run = measuring.run([sys.executable, str(HERE / "floor.py"), close.base_url], close)
        return run, self.count(close, row, run)

    def count(self, close: Emulator, row: Row, *runs: Run) -> int:
        missing = sum(measuring.missing(close, {name: name for name in row.streams}, *runs).values())
        self.missing += missing
        print(f"{row.name}, {row.latency:.1f} s: {runs[0].wall:.1f} s, {missing} missing", file=sys.stderr)
        return missing


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed, CPU, requests and limits.")
    parser.add_argument("--leads", type=int, default=5_000, help="the other sizes follow in proportion")
    parser.add_argument("--to", type=Path, default=HERE / "results.md", help="where the figures are written")
    options = parser.parse_args()
    bench = Bench()
    lines = [*large(bench, options.leads), *limited(bench, 15 * options.leads), *groups(bench, 4 * options.leads)]
    lines += [*small(bench), *imported(bench, 6 * options.leads), *followed(bench, options.leads), *discovery()]
    text = "\n".join([*lines, ""])
    options.to.write_text(text, encoding="utf-8")
    print(text)
    return 1 if bench.missing else 0


def large(bench: Bench, leads: int) -> Iterator[str]:
    """What workers bring, beside the floor."""
    sizes = measuring.sizes(leads)
    close = Emulator(sizes)
    with close:
        runs = [(row, *bench.floor(close, row)) for row in FLOORS]
        runs += [(row, *bench.sync(close, row)) for row in FIRST]
        before = runs[-1][1]
        runs.append((SECOND, *bench.sync(close, SECOND, before)))
    yield f"{measuring.where()} An organisation with {measuring.described(sizes)}; every run is checked by id."
    yield ""
    titles = ("", "answers after", "wall", "CPU", "requests", "at once", "memory", "records", "records a CPU second")
    yield from table((*titles, "missing"), (_speed(*each) for each in runs))
    bare, ours = (next(run for row, run, _ in reversed(runs) if row.name == name) for name in (FLOOR, FIRST[-1].name))
    yield ""
    yield (
        f"With default options, at {FIRST[-1].latency * 1000:.0f} ms, the first sync takes {ours.wall / bare.wall:.1f} "
        f"times the floor's wall time and {ours.cpu / bare.cpu:.1f} times its CPU."
    )


def limited(bench: Bench, count: int) -> Iterator[str]:
    """How much of a limit is used, counted in each of the ways."""
    close = Emulator(Sizes(leads=count // 5, activities=count))
    with close:
        runs = [(row, *bench.sync(close, row)) for row in LIMITED]
    yield from ("", f"## A Close that allows {LIMIT} requests a second", "")
    yield (
        f"{count:,} `activities`, answers after 100 ms; shares from the second second on. Close counts in one of these "
        "ways."
    )
    yield ""
    shares = ("of the limit used", "answered 429")
    yield from table(("", "seconds", "requests", *shares, "missing"), (_limited(*each) for each in runs))


def _speed(row: Row, run: Run, missing: int) -> list[str]:
    return [
        row.name,
        f"{row.latency * 1000:.0f} ms",
        f"{run.wall:.1f} s",
        f"{run.cpu:.1f} s",
        f"{len(run.requests):,}",
        f"{measuring.most_at_once(run.requests)}",
        f"{run.memory} MB",
        f"{run.records:,}",
        f"{run.records / run.cpu:,.0f}",
        f"{missing}",
    ]


def _limited(row: Row, run: Run, missing: int) -> list[str]:
    asked = [each for each in run.requests if each.path == "activity/"]
    used, refused = measuring.used_and_refused(asked, LIMIT)
    return [
        row.name,
        f"{measuring.seconds(asked):.1f}",
        f"{len(asked):,}",
        f"{used:.0%}",
        f"{refused:.1%}",
        str(missing),
    ]


def groups(bench: Bench, leads: int) -> Iterator[str]:
    """Two groups of endpoints with limits of their own, beside what the slower must take."""
    tasks = leads * 3 // 4
    close = Emulator(Sizes(leads=leads, tasks=tasks))
    with close:
        run, missing = bench.sync(close, GROUPS)
        pages = {name: math.ceil(len(measuring.held(close, name)) / ROW[name].page_size) for name in LIMITS}
    yield from ("", "## Two limits at once", "")
    yield (
        f"{leads:,} leads by search, {LIMITS['leads'][1]} requests a second, and {tasks:,} tasks, "
        f"{LIMITS['tasks'][1]} a second; answers after 100 ms; shares from the second second on."
    )
    yield ""
    rows = []
    for name, (path, limit) in LIMITS.items():
        asked = [each for each in run.requests if each.path == path]
        used, refused = measuring.used_and_refused(asked, limit)
        took, least = measuring.seconds(asked), pages[name] / limit
        rows.append([f"`{name}`", f"{took:.1f}", f"{least:.1f}", f"{len(asked):,}", f"{used:.0%}", f"{refused:.1%}"])
    yield from table(("", "seconds", "full pages at the limit", "requests", "of the limit used", "answered 429"), rows)
    took = measuring.seconds([each for each in run.requests if each.path in dict(LIMITS.values())])
    least = max(pages[name] / limit for name, (_, limit) in LIMITS.items())
    yield ""
    yield (
        f"Both together take {took / least:.2f} times as long as full pages of the slower at its limit; "
        f"{missing} records are missing."
    )


def small(bench: Bench) -> Iterator[str]:
    """What all streams of a small organisation cost, however early the start date is."""
    close = Emulator(Sizes.for_leads(180))
    with close:
        runs = [(row, *bench.sync(close, row)) for row in SMALL]
    yield from ("", "## A small organisation, all streams", "")
    yield f"{len(ALL)} streams, answers at once. A state is a STATE message."
    yield ""
    titles = (
        "records",
        "requests",
        "a stream",
        "most of one list",
        "states",
        "a stream",
        "most of one",
        "seconds",
        "missing",
    )
    rows = []
    for row, run, missing in runs:
        lists = Counter(map(_list_asked, run.requests))
        requests, states = len(run.requests), sum(run.states.values())
        rows.append(
            [
                f"start date {row.config['start_date']}",
                f"{run.records:,}",
                *(f"{requests:,}", f"{requests / len(ALL):.1f}", f"{max(lists.values()):,}"),
                *(f"{states:,}", f"{states / len(ALL):.1f}", f"{max(run.states.values()):,}"),
                f"{run.wall:.1f}",
                f"{missing}",
            ]
        )
    yield from table(("", *titles), rows)


def _list_asked(request: Request) -> tuple[str, str, str]:
    """Path, kind of task, and what was searched for."""
    query = (request.body or {}).get("query", {})
    searched = next((each["object_type"] for each in query.get("queries", ()) if each["type"] == "object_type"), "")
    return request.path, request.params.get("_type", ""), searched


def imported(bench: Bench, count: int) -> Iterator[str]:
    """Activities that were all imported on one day: how many readers share them."""
    close = Emulator()
    day = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=40)
    for number in range(count):
        at = (day + number * timedelta(days=1) / count).isoformat(timespec="milliseconds")
        close.add("activity/task_completed/", {"date_created": at, "date_updated": at})
    with close:
        run, missing = bench.sync(close, IMPORT)
    yield from ("", "## An import on one day", "")
    yield f"{count:,} activities, answers after 100 ms. A reader is a request under way."
    yield ""
    asked = [each for each in run.requests if each.path == "activity/"]
    most, average = measuring.most_at_once(asked), measuring.at_once(asked)
    row = [IMPORT.name, f"{run.wall:.1f}", f"{len(asked):,}", f"{most}", f"{average:.1f}", f"{missing}"]
    yield from table(("", "seconds", "requests", "most readers at once", "on average", "missing"), [row])


def followed(bench: Bench, count: int) -> Iterator[str]:
    """What edits and deletes cost that only the event log tells of."""
    end, hour = datetime.now(timezone.utc), timedelta(hours=1)
    close = Emulator(now=end - 4 * hour)
    calls, contacts = ([f"{kind}_{number}" for number in range(count)] for kind in ("call", "cont"))
    for path, ids in (("activity/call/", calls), ("contact/", contacts)):
        for number, each in enumerate(ids):
            at = (end - timedelta(days=400) + timedelta(minutes=number)).isoformat(timespec="milliseconds")
            close.add(path, {"id": each, "date_created": at, "date_updated": at})

    def moments(number: int) -> Iterator[datetime]:
        """So many in the hour that is over."""
        return ((close.now or end) - hour + hour * at / number for at in range(number))

    def quiet() -> set[str]:
        return set()

    def busy() -> set[str]:
        for number, at in enumerate(moments(4_800)):
            close.add("lead/", {"id": f"lead_{number}", "date_updated": at.isoformat()}, log=True, at=at)
        for each, at in zip(calls, moments(200), strict=False):
            close.edit(each, duration=60, at=at)
        return set(calls[:200])

    def bulk() -> set[str]:
        for each, at in zip(contacts[100:], moments(len(contacts)), strict=False):
            close.delete(each, at=at, meta={"bulk_action_id": "bulk_1"})
        return set(contacts[100:])

    rows = []
    with close:
        run, _ = bench.sync(close, FOLLOWED)
        for name, work in (
            ("a quiet hour", quiet),
            ("5,000 events, 200 of them edits of old calls", busy),
            (f"a bulk delete of {count - 100:,} contacts", bulk),
        ):
            close.now = (close.now or end) + hour
            to_come = work()
            close.now += hour / 6
            run = bench.run(close, FOLLOWED, run)
            missing = len(to_come.difference(*run.ids.values()))
            bench.missing += missing
            by_id = sum(_asks_for_ids(each) for each in run.requests)
            log = sum(each.path == "event/" for each in run.requests)
            rows.append([name, f"{log}", f"{by_id}", f"{len(run.requests)}", f"{run.wall:.1f}", f"{missing}"])
    yield from ("", "## Edits and deletes from the event log", "")
    yield (
        f"Streams {', '.join(f'`{name}`' for name in FOLLOWED.streams)}, {count:,} contacts and calls of last year, "
        "answers after 100 ms; each line is the next sync."
    )
    yield ""
    yield from table(("", "requests for the log", "for rows by their ids", "in all", "seconds", "missing"), rows)


def _asks_for_ids(request: Request) -> bool:
    queries = (request.body or {}).get("query", {}).get("queries", ())
    return "id__in" in request.params or any(each["type"] == "or" for each in queries)


def discovery() -> Iterator[str]:
    """What it costs to make columns of many custom fields."""
    fields, latency = 600, 0.05
    close = Emulator(Sizes(leads=10, custom_fields=fields), latency=latency)
    with close, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({"api_key": "api_bench", "base_url": close.base_url}))
        started = time.monotonic()
        done = subprocess.run([BIN / "source-closeio", "discover", "--config", config], capture_output=True, check=True)
        wall = time.monotonic() - started
    columns = len(set(re.findall(rb"custom\.cf_\w+", done.stdout)))
    assert columns == fields, columns
    yield from ("", "## Discovery", "")
    yield (
        f"`discover` in an organisation with {fields} custom fields, answering after {latency * 1000:.0f} ms, takes "
        f"{wall:.1f} s and {len(close.requests)} requests."
    )


if __name__ == "__main__":
    sys.exit(main())
