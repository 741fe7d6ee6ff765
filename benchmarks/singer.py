"""What the Singer output costs beside the Airbyte output of the same 100,000 leads. Writes benchmarks/singer.md.

The runs take turns, and of each kind the one with the least CPU counts. Every run is checked by id.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import orjson
from run import ask, emulator

SIZES = {"leads": 100_000, "contacts": 140_000, "custom-fields": 12}
TURNS = 4
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, emulator(SIZES, 0.0) as base_url:
        work = Path(folder)
        (work / "config.json").write_text(json.dumps({"api_key": "api_bench", "base_url": base_url}))
        expected = set(ask(base_url.removesuffix("/api/v1") + "/_emulator/ids?path=lead/"))
        kinds = commands(work)
        runs = [(name, *measured(command, work, expected)) for _ in range(TURNS) for name, command in kinds.items()]
    lines = [
        f"Measured {date.today().isoformat()}, Python {platform.python_version()}, {os.cpu_count()} cores, emulator on "
        f"the same machine answering at once, 10 workers; the least CPU of {TURNS} turns.",
        "",
        "| output of 100,000 leads | wall | CPU | leads a CPU second | written |",
        "|---|---|---|---|---|",
    ]
    for name in kinds:
        cpu, wall, size = min((cpu, wall, size) for each, cpu, wall, size in runs if each == name)
        lines.append(f"| {name} | {wall:.1f} s | {cpu:.1f} s | {100_000 / cpu:,.0f} | {size / 1e6:.0f} MB |")
    text = "\n".join([*lines, ""])
    (HERE / "singer.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def commands(work: Path) -> dict[str, list[str]]:
    """With the leads' custom fields as columns, which is how the Airbyte platform asks for them, too."""
    config = ["--config", str(work / "config.json")]
    found = subprocess.run([BIN / "source-closeio", "discover", *config], check=True, capture_output=True).stdout
    (catalog,) = (orjson.loads(line)["catalog"] for line in found.splitlines() if line.startswith(b'{"type":"CATALOG"'))
    leads = next(each for each in catalog["streams"] if each["name"] == "leads")
    configured = {"stream": leads, "sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
    (work / "airbyte.json").write_text(json.dumps({"streams": [configured]}))
    (work / "singer.json").write_text(json.dumps({"streams": [{"tap_stream_id": "leads", "selected": True}]}))
    singer = [str(BIN / "tap-closeio"), *config, "--catalog", str(work / "singer.json"), "--profile"]
    return {
        "Airbyte": [str(BIN / "source-closeio"), "read", *config, "--catalog", str(work / "airbyte.json")],
        "Singer, native": [*singer, "native"],
        "Singer, compat": [*singer, "compat"],
    }


def measured(command: list[str], work: Path, expected: set[str]) -> tuple[float, float, int]:
    """CPU and wall seconds, and bytes written."""
    output = work / "output"
    started = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    assert status == 0
    with output.open("rb") as file:
        records = (orjson.loads(line)["record"] for line in file if line.startswith(b'{"type":"RECORD"'))
        ids = {record["id"] if "id" in record else record["data"]["id"] for record in records}
    assert ids == expected
    return usage.ru_utime + usage.ru_stime, wall, output.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
