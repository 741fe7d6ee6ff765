"""`make soak`: two million records through one process, and a reader of its output that stops for five minutes.

The organisation has half as many activities, which two streams hold. Each record is checked by its id against what the
emulator says that it holds. Writes benchmarks/soak.md: how fast each tenth of the records came, and how much memory the
connector had at its end. Exit code 1 if a record did not arrive, or the connector failed.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.request import urlopen

from close_emulator import Emulator

PATHS = {"activities": "activity/", "task_completed_activities": "activity/task_completed/"}
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
TENTHS = 10
RECORD = re.compile(rb'^\{"type":"RECORD",.*?"stream":"(\w+)"')
ID = re.compile(rb'"id":"(acti_\d+)"')
HERE = Path(__file__).parent


@dataclass
class Tenth:
    """seconds: without the pause. memory: of the connector at its end, in MB."""

    seconds: float
    memory: int


@dataclass
class Figures:
    """missing: ids that the emulator holds and that did not come. paused: memory before and after the pause, in MB."""

    tenths: list[Tenth]
    records: int
    missing: int
    twice: int
    paused: tuple[int, int]
    cpu: float
    status: int


def main() -> int:
    parser = argparse.ArgumentParser(description="Many records, and a reader that stops.")
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument(
        "--pause", type=float, default=300.0, help="seconds that the reader stops for, half way through"
    )
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--to", type=Path, default=HERE / "soak.md", help="where the figures are written")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return 0
    with organisation(options.records // len(PATHS)) as base_url, tempfile.TemporaryDirectory() as folder:
        figures = soak(command(base_url, Path(folder), options.workers), base_url, options.records, options.pause)
    text = report(figures, options.pause, options.workers)
    options.to.write_text(text, encoding="utf-8")
    print(text)
    return 1 if figures.missing or figures.status else 0


def serve(count: int) -> None:
    """An organisation with so many small activities, spread evenly over its time; until stdin is closed."""
    close = Emulator()
    step = (datetime.now(timezone.utc) - timedelta(days=1) - START) / max(1, count)
    for number in range(count):
        at = (START + number * step).isoformat(timespec="milliseconds")
        close.add("activity/task_completed/", {"id": f"acti_{number:07}", "date_created": at, "date_updated": at})
    with close as base_url:
        print(base_url, flush=True)
        sys.stdin.read()


@contextmanager
def organisation(count: int) -> Iterator[str]:
    words = [sys.executable, __file__, "--serve", str(count)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield process.stdout.readline().strip()
        process.stdin.close()


def command(base_url: str, folder: Path, workers: int) -> list[str]:
    files = {
        "config": {"api_key": "api_soak", "base_url": base_url, "num_workers": workers, "start_date": "2024-01-01"},
        "catalog": {
            "streams": [
                {
                    "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["incremental"]},
                    "sync_mode": "incremental",
                    "destination_sync_mode": "append",
                }
                for name in PATHS
            ]
        },
    }
    words = [str(Path(sys.executable).with_name("source-closeio")), "read"]
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
        words += [f"--{name}", str(folder / f"{name}.json")]
    return words


def soak(words: list[str], base_url: str, records: int, pause: float) -> Figures:
    """Reads all that the connector writes, and nothing for so many seconds when half of it has come."""
    came: dict[str, Counter[str]] = {name: Counter() for name in PATHS}
    tenths: list[Tenth] = []
    paused = (0, 0)
    count = 0
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout
        began = time.monotonic()
        for line in process.stdout:
            if not (record := RECORD.match(line)):
                continue
            found = ID.search(line)
            came[record[1].decode()][found[1].decode() if found else ""] += 1
            count += 1
            if count == records // 2:
                before, stopped = memory_of(process.pid), time.monotonic()
                time.sleep(pause)
                paused = (before, memory_of(process.pid))
                began += time.monotonic() - stopped
            if count % (records // TENTHS) == 0:
                tenths.append(Tenth(time.monotonic() - began, memory_of(process.pid)))
                began = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    held = {name: ids_in(base_url, path) for name, path in PATHS.items()}
    return Figures(
        tenths,
        count,
        missing=sum(len(held[name] - came[name].keys()) for name in PATHS),
        twice=sum(times - 1 for ids in came.values() for times in ids.values()),
        paused=paused,
        cpu=usage.ru_utime + usage.ru_stime,
        status=status,
    )


def ids_in(base_url: str, path: str) -> set[str]:
    with urlopen(f"{base_url.removesuffix('/api/v1')}/_emulator/ids?path={path}") as answer:
        return set(json.load(answer))


def memory_of(pid: int) -> int:
    """What a process has in memory, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def report(figures: Figures, pause: float, workers: int) -> str:
    share = figures.records // TENTHS
    lines = [
        f"Measured {date.today().isoformat()}, Python {platform.python_version()}, {os.cpu_count()} cores, emulator on "
        f"the same machine answering at once, {workers} workers. {figures.records:,} records in one process, each "
        f"checked by its id: {figures.missing} missing, {figures.twice} twice; {figures.cpu:.0f} s of CPU.",
        "",
        "| records | seconds | records a second | memory |",
        "|---|---|---|---|",
        *(
            f"| {(number + 1) * share:,} | {tenth.seconds:.1f} | {share / tenth.seconds:,.0f} | {tenth.memory} MB |"
            for number, tenth in enumerate(figures.tenths)
        ),
        "",
        "The first line holds the start of both processes. Half way through, the reader of "
        f"stdout stopped for {pause:.0f} s, which is not counted above; the connector waited, with "
        f"{figures.paused[0]} MB before and {figures.paused[1]} MB after.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
