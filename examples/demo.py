"""`make demo`: the whole job without a Close account. Drives the commands as a user would, against the emulator."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.request import Request, urlopen

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from source_closeio.endpoints import ENDPOINTS, Endpoint, Walk

READ = [
    each
    for each in ENDPOINTS
    if not (each.path.startswith("activity/") and each.name != "activities")
    and not (each.path == "task/" and each.name != "tasks")
    and not each.only
]
"""All streams but those that `activities`, `tasks` and `event_log` contain."""
SHOWN = [each for each in READ if each.window]
"""The streams with a line of their own; the others, which are read whole, share one."""


KEY = {each.name: each.key for each in READ}
PARTLY_SEEN = ("send_as",)
"""Lists of which a key sees what concerns its own user only."""


class Failed(Exception):
    """The demo cannot go on; the text says why."""


@dataclass
class Sync:
    """What one sync brought."""

    ids: dict[str, set[str]] = field(default_factory=lambda: {each.name: set() for each in READ})
    records: dict[str, int] = field(default_factory=lambda: dict.fromkeys((each.name for each in READ), 0))
    seconds: dict[str, float] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    all_requests: int = 0
    states: dict[str, Any] = field(default_factory=dict)


def main() -> int:
    options = _options()
    console = Console(stderr=True)
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    try:
        with emulator(options.leads, options.latency, console) as base_url:
            first, second, missing = demonstrate(base_url, output, console)
    except Failed as failure:
        console.print(f"[red]The demo failed:[/] {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    Console().print(summary(first, second))
    print(closing_words(output, missing))
    return 1 if missing else 0


def demonstrate(base_url: str, output: Path, console: Console) -> tuple[Sync, Sync, int]:
    """check, discover, sync, changes, sync; returns both syncs and how many ids of the emulator never arrived."""
    control = base_url.removesuffix("/api/v1") + "/_emulator/"
    config = _write(output / "config.json", {"api_key": "api_demo_0123456789", "base_url": base_url, "num_workers": 20})

    console.print("[bold]check[/]     may this key read Close?")
    for message in connector("check", "--config", str(config)):
        if message["type"] == "LOG" and "Connected" in message["log"]["message"]:
            console.print(f"          {message['log']['message']}")
        if message["type"] == "CONNECTION_STATUS" and message["connectionStatus"]["status"] != "SUCCEEDED":
            raise Failed(message["connectionStatus"].get("message", "check failed"))

    console.print("[bold]discover[/]  which streams are there?")
    (found,) = (each["catalog"] for each in connector("discover", "--config", str(config)) if each["type"] == "CATALOG")
    console.print(f"          {len(found['streams'])} streams; the demo reads the {len(READ)} that do not overlap")
    catalog = _write(output / "catalog.json", configured(found))

    console.print("[bold]read[/]      the first sync")
    _ask(control + "reset-stats", b"")
    first = sync(config, catalog, None, output, "w", control, console)
    state = _write(output / "state.json", list(first.states.values()))

    people = _ask(control + "evolve", b"")
    console.print(f"[bold]people[/]    work in Close: {sum(people.values())} records created, edited or deleted")

    console.print("[bold]read[/]      the second sync, from the state of the first")
    _ask(control + "reset-stats", b"")
    second = sync(config, catalog, state, output, "a", control, console)
    _write(output / "state.json", list(second.states.values()))

    missing = sum(
        len(set(_ask(f"{control}ids?path={path_of(each)}")) - first.ids[each.name] - second.ids[each.name])
        for each in READ
        if each.name not in PARTLY_SEEN
    )
    return first, second, missing


def sync(
    config: Path, catalog: Path, state: Path | None, output: Path, mode: str, control: str, console: Console
) -> Sync:
    """Runs `read`; writes the records to one file a stream."""
    words = ["read", "--config", str(config), "--catalog", str(catalog), *(["--state", str(state)] if state else [])]
    result = Sync()
    started = time.monotonic()
    with ExitStack() as stack:
        files: dict[str, IO[str]] = {
            each.name: stack.enter_context((output / f"{each.name}.jsonl").open(mode, encoding="utf-8"))
            for each in READ
        }
        progress = stack.enter_context(shown_progress(console))
        for message in connector(*words):
            if message["type"] == "RECORD":
                name, data = message["record"]["stream"], message["record"]["data"]
                result.records[name] += 1
                result.ids[name].add(data[KEY[name]])
                files[name].write(json.dumps(data) + "\n")
                if result.records[name] % 250 == 0:
                    progress.show(name, result.records[name])
            elif message["type"] == "STATE":
                result.states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
            elif message["type"] == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
                status = message["trace"]["stream_status"]
                name = status["stream_descriptor"]["name"]
                if status["status"] in ("COMPLETE", "INCOMPLETE"):
                    result.seconds[name] = time.monotonic() - started
                    progress.finish(name, result.records[name], result.seconds[name])
            elif message["type"] == "TRACE" and message["trace"]["type"] == "ERROR":
                raise Failed(message["trace"]["error"]["message"])
    stats = _ask(control + "stats")
    result.requests = {each.name: stats["by_path"].get(_counted_under(each), 0) for each in SHOWN}
    result.all_requests = stats["requests"]
    return result


class ShownProgress:
    """One bar a larger stream on a terminal, one line a finished stream elsewhere."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars
        self._tasks = {each.name: bars.add_task(each.name, total=None, count=0) for each in SHOWN} if bars else {}

    def show(self, name: str, count: int) -> None:
        if self._bars and name in self._tasks:
            self._bars.update(self._tasks[name], count=count)

    def finish(self, name: str, count: int, seconds: float) -> None:
        if self._bars and name in self._tasks:
            self._bars.update(self._tasks[name], count=count, total=1, completed=1)
        elif not self._bars:
            self._console.print(f"          {name}: {count} records after {seconds:.1f} s", highlight=False)


@contextmanager
def shown_progress(console: Console) -> Iterator[ShownProgress]:
    if not console.is_terminal:
        yield ShownProgress(console, None)
        return
    columns = (TextColumn("          {task.description:20}"), BarColumn(20), TextColumn("{task.fields[count]:>7}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        yield ShownProgress(console, bars)


def configured(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalog as an Airbyte user would configure it: incremental where possible."""
    names = {each.name for each in READ}
    return {
        "streams": [
            {
                "stream": stream,
                "sync_mode": "incremental" if "incremental" in stream["supported_sync_modes"] else "full_refresh",
                "destination_sync_mode": "append_dedup",
            }
            for stream in catalog["streams"]
            if stream["name"] in names
        ]
    }


def summary(first: Sync, second: Sync) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("\nstream", no_wrap=True)
    for which in ("1st sync", "2nd sync"):
        for title in (f"{which}\nrecords", "\nrequests", "\nseconds"):
            table.add_column(title, justify="right", no_wrap=True)
    for each in SHOWN:
        cells: list[str] = []
        for result in (first, second):
            cells += [
                f"{result.records[each.name]:,}",
                str(result.requests[each.name]),
                f"{result.seconds.get(each.name, 0):.1f}",
            ]
        table.add_row(each.name, *cells)
    others: list[str] = []
    for result in (first, second):
        names = [each.name for each in READ if not each.window]
        others += [
            f"{sum(result.records[name] for name in names):,}",
            str(result.all_requests - sum(result.requests.values())),
            f"{max(result.seconds.get(name, 0) for name in names):.1f}",
        ]
    table.add_row(f"{len(READ) - len(SHOWN)} smaller lists", *others)
    table.add_section()
    totals: list[str] = []
    for result in (first, second):
        totals += [
            f"{sum(result.records.values()):,}",
            str(result.all_requests),
            f"{max(result.seconds.values(), default=0):.1f}",
        ]
    table.add_row("all", *totals)
    return table


def closing_words(output: Path, missing: int) -> str:
    verdict = (
        f"{missing} records of the emulator did not arrive." if missing else "Every record of the emulator arrived."
    )
    program = os.path.relpath(Path(sys.executable).with_name("source-closeio"))
    command = f"{program} read --config {output}/config.json --catalog {output}/catalog.json"
    return f"""
{verdict}
{output}/ holds one JSON Lines file per stream, state.json, catalog.json and config.json.

The same with a key of your own: write {{"api_key": "api_..."}} into {output}/config.json, and run
  {command}
Next time, go on from the STATE messages that it wrote, kept as {output}/state.json was here:
  {command} --state {output}/state.json"""


@contextmanager
def emulator(leads: int, latency: float, console: Console) -> Iterator[str]:
    """The emulator as a process of its own; gives its base URL."""
    console.print(f"[bold]emulator[/]  an organisation with {leads:,} leads, answering after {latency * 1000:.0f} ms")
    words = [sys.executable, "-m", "close_emulator", "--leads", str(leads), "--latency", str(latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            if not base_url:
                raise Failed("the emulator did not start.")
            yield base_url
        finally:
            process.terminate()


def connector(*words: str) -> Iterator[dict[str, Any]]:
    """The messages of one run of `source-closeio`, as they come."""
    command = [str(Path(sys.executable).with_name("source-closeio")), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                with contextlib.suppress(json.JSONDecodeError):
                    yield json.loads(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise Failed(f"`source-closeio {words[0]}` ended with exit code {process.returncode}.")


def path_of(endpoint: Endpoint) -> str:
    """The list of Close that holds the records of a stream."""
    if endpoint.name == "memberships":
        return "membership/"
    return f"{endpoint.object_type}/" if endpoint.object_type else endpoint.path.replace("{id}/", "")


def _counted_under(endpoint: Endpoint) -> str:
    return f"{endpoint.path}{endpoint.object_type}" if endpoint.walk is Walk.SEARCH else endpoint.path


def _write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _ask(url: str, body: bytes | None = None) -> Any:
    with urlopen(Request(url, body)) as answer:
        return json.load(answer)


def _options(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--leads", type=int, default=3000, help="size of the organisation")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that the emulator takes for an answer")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where the output goes")
    return parser.parse_args(None if arguments is None else list(arguments))


if __name__ == "__main__":
    sys.exit(main())
