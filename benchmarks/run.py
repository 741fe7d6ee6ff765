"""`make bench`: the connector against a floor, on one organisation, checked by id. Writes benchmarks/results.md.

The floor is a bare client that fetches the same lists and writes the same records with nothing in between. Figures
compare within one run of this script; the figures of other connectors were measured on the same organisation sizes.
"""

import http.client
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import orjson

SIZES = {"leads": 10_000, "activities": 50_000, "tasks": 10_000, "events": 20_000, "users": 200, "custom-fields": 12}
LATENCY = 0.1
WORKERS = 20
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
LISTS = {
    "leads": "lead/",
    "activities": "activity/",
    "tasks": "task/",
    "event_log": "event/",
    "users": "user/",
    "lead_custom_fields": "custom_field/lead/",
}
HERE = Path(__file__).parent

# Measured on organisations of these sizes at 100 ms, Python 3.11, two cores, November 2026.
PEERS = (
    ("tap-closeio 1.6.6", 157.0, 21.1, 1142),
    ("source-close-com, newest manifest", 75.0, 25.9, 970),
)


@dataclass
class Figures:
    """wall and cpu in seconds, memory in MB; missing: ids of the emulator that did not arrive."""

    name: str
    wall: float
    cpu: float
    requests: int
    in_flight: int
    memory: int
    records: int
    missing: int


def main() -> int:
    if sys.argv[1:2] == ["--floor"]:
        floor(sys.argv[2], Path(sys.argv[3]))
        return 0
    with tempfile.TemporaryDirectory() as folder, emulator(SIZES, LATENCY) as base_url:
        work = Path(folder)
        first = connector(base_url, work, None)
        rows = [
            measure("floor: bare client", [sys.executable, __file__, "--floor", base_url], base_url, work / "floor"),
            measure("source-closeio, first sync", first, base_url, work / "first"),
        ]
        again = connector(base_url, work, last_states(work / "first"))
        rows.append(measure("source-closeio, second sync", again, base_url, work / "second"))
    rows[2].missing = 0  # it reads what is new, and nothing is
    text = report(rows) + discovery()
    (HERE / "results.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(row.missing for row in rows) else 0


def measure(name: str, command: list[str], base_url: str, output: Path) -> Figures:
    control = base_url.removesuffix("/api/v1") + "/_emulator/"
    ask(control + "reset-stats", b"")
    started = time.monotonic()
    if "--floor" in command:
        process = subprocess.Popen([*command, str(output)])
    else:
        with output.open("wb") as file:
            process = subprocess.Popen(command, stdout=file)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    assert status == 0, f"{name} failed"
    stats = ask(control + "stats")
    ids = written_ids(output)
    missing = sum(len(set(ask(f"{control}ids?path={path}")) - ids[stream]) for stream, path in LISTS.items())
    cpu = usage.ru_utime + usage.ru_stime
    records = sum(map(len, ids.values()))
    return Figures(
        name, wall, cpu, stats["requests"], stats["max_in_flight"], usage.ru_maxrss // 1024, records, missing
    )


def report(rows: list[Figures]) -> str:
    floor_, first = rows[0], rows[1]
    lines = [
        f"Measured {date.today().isoformat()}, Python {platform.python_version()}, {os.cpu_count()} cores, emulator "
        f"on the same machine answering after {LATENCY * 1000:.0f} ms, {WORKERS} workers: 10,000 leads, 50,000 "
        "activities, 10,000 tasks, 20,000 events, 200 users. Every run is checked by id.",
        "",
        "| | wall | CPU | requests | at once | memory | records | records a CPU second | missing |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.wall:.1f} s | {row.cpu:.1f} s | {row.requests:,} | {row.in_flight} | {row.memory} MB "
            f"| {row.records:,} | {row.records / row.cpu:,.0f} | {row.missing} |"
        )
    for name, wall, cpu, requests in PEERS:
        lines.append(f"| {name} (measured before) | {wall:.0f} s | {cpu:.1f} s | {requests:,} | | | | | |")
    lines += [
        "",
        f"The first sync takes {first.wall / floor_.wall:.1f} times the floor's wall time and "
        f"{first.cpu / floor_.cpu:.1f} times its CPU; of tap-closeio's it takes {first.wall / PEERS[0][1]:.0%} of the "
        f"wall time and {first.cpu / PEERS[0][2]:.0%} of the CPU.",
        "",
    ]
    return "\n".join(lines)


def discovery() -> str:
    """What it costs to make columns of many custom fields."""
    fields, latency = 600, 0.05
    with tempfile.TemporaryDirectory() as folder, emulator({"leads": 10, "custom-fields": fields}, latency) as base_url:
        command = connector(base_url, Path(folder), None)
        started = time.monotonic()
        done = subprocess.run([command[0], "discover", *command[2:4]], stdout=subprocess.PIPE, check=True)
        wall = time.monotonic() - started
        requests = ask(base_url.removesuffix("/api/v1") + "/_emulator/stats")["requests"]
    columns = len(set(re.findall(rb"custom\.cf_\w+", done.stdout)))
    assert columns == fields, columns
    return (
        f"\n`discover` in an organisation with {fields} custom fields, answering after {latency * 1000:.0f} ms, takes "
        f"{wall:.1f} s and {requests} requests.\n"
    )


@contextmanager
def emulator(sizes: dict[str, int], latency: float) -> Iterator[str]:
    words = [sys.executable, "-m", "close_emulator", "--latency", str(latency)]
    for name, size in sizes.items():
        words += [f"--{name}", str(size)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def connector(base_url: str, work: Path, state: list[Any] | None) -> list[str]:
    """The command that a user would give."""
    config = {"api_key": "api_bench", "base_url": base_url, "num_workers": WORKERS, "start_date": "2024-01-01"}
    catalog = {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
                "sync_mode": "full_refresh" if name in ("users", "lead_custom_fields") else "incremental",
                "destination_sync_mode": "append",
            }
            for name in LISTS
        ]
    }
    words = [str(Path(sys.executable).with_name("source-closeio")), "read"]
    for name, content in (("config", config), ("catalog", catalog), ("state", state)):
        if content is not None:
            (work / f"{name}.json").write_text(json.dumps(content))
            words += [f"--{name}", str(work / f"{name}.json")]
    return words


def last_states(output: Path) -> list[Any]:
    states = {}
    with output.open("rb") as file:
        for line in file:
            if line.startswith(b'{"type":"STATE"'):
                state = orjson.loads(line)["state"]
                states[state["stream"]["stream_descriptor"]["name"]] = state
    return list(states.values())


def written_ids(output: Path) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {name: set() for name in LISTS}
    with output.open("rb") as file:
        for line in file:
            if line.startswith(b'{"type":"RECORD"'):
                record = orjson.loads(line)["record"]
                ids[record["stream"]].add(record["data"]["id"])
    return ids


def ask(url: str, body: bytes | None = None) -> Any:
    with urlopen(Request(url, body)) as answer:
        return json.load(answer)


# The floor: fetch, unpack, parse, write. The slices are those of the connector: 15 days, events by the day.


def floor(base_url: str, output: Path) -> None:
    now = datetime.now(timezone.utc)
    with output.open("wb") as file, ThreadPoolExecutor(WORKERS) as threads:
        client = Bare(base_url, file)
        jobs = [threads.submit(client.offset, "users", "user/", {})]
        jobs.append(threads.submit(client.offset, "lead_custom_fields", "custom_field/lead/", {}))
        for start, end in spans(START, now, 15):
            between = {"date_created__gte": start, "date_created__lt": end}
            jobs.append(threads.submit(client.offset, "activities", "activity/", between))
            between = {"date_updated__gte": start, "date_updated__lt": end, "_type": "all"}
            jobs.append(threads.submit(client.offset, "tasks", "task/", between))
            jobs.append(threads.submit(client.search, start, end))
        for start, end in spans(now - timedelta(days=30), now, 1):
            jobs.append(threads.submit(client.events, {"date_updated__gte": start, "date_updated__lt": end}))
        for job in jobs:
            job.result()


def spans(start: datetime, end: datetime, days: int) -> Iterator[tuple[str, str]]:
    while start < end:
        after = start + timedelta(days=days)
        yield start.isoformat(), (after if after < end else end + timedelta(days=3650)).isoformat()
        start = after


class Bare:
    def __init__(self, base_url: str, file: Any) -> None:
        self._host = urlsplit(base_url).netloc
        self._local = threading.local()
        self._file = file
        self._lock = threading.Lock()

    def fetch(self, path: str, params: dict[str, Any], body: Any = None) -> dict[str, Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._host)
        headers = {"Authorization": "Basic YXBpX2JlbmNoOg==", "Accept-Encoding": "gzip"}
        method, data = ("POST", orjson.dumps(body)) if body else ("GET", None)
        connection.request(method, f"/api/v1/{path}?{urlencode(params)}", data, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.headers["Content-Encoding"] == "gzip":
            content = zlib.decompress(content, 31)
        doc: dict[str, Any] = orjson.loads(content)
        return doc

    def write(self, stream: str, rows: list[Any]) -> None:
        lines = [orjson.dumps({"type": "RECORD", "record": {"stream": stream, "data": row}}) for row in rows]
        with self._lock:
            self._file.write(b"\n".join([*lines, b""]))

    def offset(self, stream: str, path: str, params: dict[str, str]) -> None:
        skip, limit, more = 0, 250 if path == "task/" else 100, True
        while more:
            page = self.fetch(path, {**params, "_limit": limit, "_skip": skip})
            self.write(stream, page["data"])
            skip, more = skip + limit, page["has_more"]

    def events(self, params: dict[str, str]) -> None:
        cursor: dict[str, str] = {}
        while True:
            page = self.fetch("event/", {**params, **cursor, "_limit": 50})
            self.write("event_log", page["data"])
            if not page["cursor_next"]:
                return
            cursor = {"_cursor": page["cursor_next"]}

    def search(self, start: str, end: str) -> None:
        field = {"type": "regular_field", "object_type": "lead", "field_name": "date_updated"}
        bounds = {"on_or_after": {"type": "fixed_utc", "value": start}, "before": {"type": "fixed_utc", "value": end}}
        condition = {"type": "field_condition", "field": field, "condition": {"type": "moment_range", **bounds}}
        columns = [*json.loads((HERE.parent / "source_closeio/schemas/leads.json").read_text())["properties"], "custom"]
        body: dict[str, Any] = {
            "query": {"type": "and", "queries": [{"type": "object_type", "object_type": "lead"}, condition]},
            "sort": [{"direction": "asc", "field": field}],
            "_fields": {"lead": columns},
            "_limit": 200,
        }
        while True:
            page = self.fetch("data/search/", {}, body)
            self.write("leads", page["data"])
            if page["cursor"] is None:
                return
            body["cursor"] = page["cursor"]


if __name__ == "__main__":
    sys.exit(main())
