"""What a program does on an organisation of the emulator: its time, what it asked, and which ids it wrote."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from close_emulator import Emulator, Request, Sizes
from source_closeio.endpoints import ENDPOINTS

BIN = Path(sys.executable).parent
ROW = {each.name: each for each in ENDPOINTS}
START_DATE = "2024-01-01"
PARTLY_SEEN = ("send_as",)
"""Lists of which a key sees what concerns its own user only."""


@dataclass(frozen=True)
class Run:
    """wall and cpu in seconds, memory in MB, written in bytes; ids and states by stream."""

    wall: float
    cpu: float
    memory: int
    written: int
    records: int
    ids: Mapping[str, set[str]]
    states: Mapping[str, int]
    last_states: Mapping[str, Any]
    requests: Sequence[Request]


def run(words: Sequence[str], close: Emulator, address: Mapping[str, str] | None = None) -> Run:
    """Runs a program that writes Airbyte's or Singer's messages to stdout, and must succeed.

    address: the environment in which a launcher finds the emulator.
    """
    close.forget_requests()
    with tempfile.TemporaryFile() as output:
        starter = [sys.executable, str(Path(__file__).with_name("started.py"))]
        done = subprocess.run(
            [*starter, *words], stdout=output, stderr=subprocess.PIPE, env={**os.environ, **(address or {})}, check=True
        )
        took = json.loads(done.stderr)
        requests = list(close.requests)
        written = output.tell()
        output.seek(0)
        messages = list(map(_told, output))
    if took.pop("status"):
        raise SystemExit(f"{' '.join(words)} failed; its last message: {messages[-1:]}")
    ids: dict[str, set[str]] = {}
    for kind, stream, told in messages:
        if kind == "RECORD":
            ids.setdefault(stream, set()).add(told)
    return Run(
        **took,
        written=written,
        records=sum(kind == "RECORD" for kind, _, _ in messages),
        ids=ids,
        states=Counter(stream for kind, stream, _ in messages if kind == "STATE"),
        last_states={stream: told for kind, stream, told in messages if kind == "STATE"},
        requests=requests,
    )


def _told(line: bytes) -> tuple[str, str, Any]:
    """The type of a message, its stream, and the record's key, the state or all of the rest."""
    message = orjson.loads(line)
    if message["type"] == "RECORD":
        stream = message.get("stream") or message["record"]["stream"]
        record = message["record"] if "stream" in message else message["record"]["data"]
        return "RECORD", stream, record[ROW[stream].key if stream in ROW else "id"]
    if message["type"] == "STATE" and "state" in message:
        return "STATE", message["state"]["stream"]["stream_descriptor"]["name"], message["state"]
    return message["type"], "", message


def held(close: Emulator, stream: str) -> set[str]:
    """The keys of a stream of ours that the organisation holds and this key may see."""
    row = ROW[stream]
    path = f"{row.object_type}/" if row.object_type else row.path.replace("{id}/", "")
    kind = row.params.get("_type", "all")
    if stream in PARTLY_SEEN:
        return set()
    if stream == "memberships":
        return close.ids("membership/")
    if kind != "all":
        return {each["id"] for each in close.all(path) if each["_type"] == kind}
    visible = close.ids(path)  # the event log forgets
    return {each[row.key] for each in close.all(path) if row.has(each)} & visible if row.only else visible


def missing(close: Emulator, streams: Mapping[str, str], *runs: Run) -> dict[str, int]:
    """How many keys that the organisation holds came in none of these runs. streams: by the program's name, ours."""
    return {
        name: len(held(close, ours).difference(*(each.ids.get(name, ()) for each in runs)))
        for name, ours in streams.items()
    }


def airbyte(folder: Path, config: Mapping[str, Any], streams: Mapping[str, Any], state: Any = None) -> list[str]:
    """`read` and its options, for files that are written into a folder. streams: their schemas."""
    catalog = {
        "streams": [
            {
                "stream": {
                    "name": name,
                    "json_schema": schema,
                    "supported_sync_modes": ["full_refresh", "incremental"],
                },
                "sync_mode": "incremental" if name not in ROW or ROW[name].window else "full_refresh",
                "destination_sync_mode": "append",
            }
            for name, schema in streams.items()
        ]
    }
    files = {"config": config, "catalog": catalog, **({"state": state} if state else {})}
    words = ["read"]
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
        words += [f"--{name}", str(folder / f"{name}.json")]
    return words


@contextmanager
def switched(close: Emulator, latency: float, switches: Mapping[str, Any]) -> Iterator[None]:
    """The emulator answers after so many seconds, and behaves so, until the end of the block."""
    before = {name: getattr(close.behaviour, name) for name in switches}
    close.latency = latency
    for name, value in switches.items():
        setattr(close.behaviour, name, value)
    yield
    for name, value in before.items():
        setattr(close.behaviour, name, value)


# What the journal of requests tells.


def most_at_once(requests: Sequence[Request]) -> int:
    """How many requests were under way at the busiest moment."""
    moments = sorted([(each.started, 1) for each in requests] + [(each.ended, -1) for each in requests])
    under_way = most = 0
    for _, step in moments:
        under_way += step
        most = max(most, under_way)
    return most


def seconds(requests: Sequence[Request]) -> float:
    """From the first request to the last answer."""
    return max(each.ended for each in requests) - min(each.started for each in requests)


def at_once(requests: Sequence[Request]) -> float:
    """How many requests were under way on average."""
    return sum(each.ended - each.started for each in requests) / seconds(requests)


def used_and_refused(requests: Sequence[Request], limit: float) -> tuple[float, float]:
    """The share of a limit per second that was used, and the share of answers 429, from the second second on.

    Both are 0 where nothing was asked so late.
    """
    first = min(each.ended for each in requests) + 1
    last = max(each.ended for each in requests)
    later = [each for each in requests if each.ended > first]
    if not later:
        return 0.0, 0.0
    refused = sum(each.status == 429 for each in later)
    return (len(later) - refused) / (limit * (last - first)), refused / len(later)


def sizes(leads: int) -> Sizes:
    """The organisation that is read in one sync."""
    shares = {"activities": 5 * leads, "tasks": leads, "events": 2 * leads, "users": max(1, leads // 50)}
    return Sizes(leads=leads, custom_fields=12, **shares)


def described(size: Sizes) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in asdict(size).items() if count)


def where() -> str:
    return (
        f"Measured {date.today().isoformat()}, Python {platform.python_version()}, {os.cpu_count()} cores, emulator on "
        "the same machine."
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """In Markdown."""
    return [_line(titles), "|---" * len(titles) + "|", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"
