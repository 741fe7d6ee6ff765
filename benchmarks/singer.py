"""What the Singer output costs beside the Airbyte output of the same 100,000 leads. Writes benchmarks/singer.md.

The runs take turns, and of each kind the one with the least CPU counts. Every run is checked by id.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks import measuring
from benchmarks.measuring import BIN
from close_emulator import Emulator, Sizes

LEADS = 50_000
TURNS = 2
HERE = Path(__file__).parent


def main() -> int:
    close = Emulator(Sizes(leads=LEADS, contacts=LEADS * 7 // 5, custom_fields=12))
    with close, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({"api_key": "api_bench", "base_url": close.base_url}))
        kinds = commands(Path(folder))
        runs = [(name, measuring.run(command, close)) for _ in range(TURNS) for name, command in kinds.items()]
        missing = sum(measuring.missing(close, {"leads": "leads"}, run)["leads"] for _, run in runs)
    lines = [
        f"{measuring.where()} Answers at once, default options; the least CPU of {TURNS} turns.",
        "",
        *measuring.table(
            (f"output of {LEADS:,} leads", "wall", "CPU", "leads a CPU second", "written"),
            (_row(name, min((run for each, run in runs if each == name), key=lambda run: run.cpu)) for name in kinds),
        ),
        "",
    ]
    text = "\n".join(lines)
    (HERE / "singer.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if missing else 0


def _row(name: str, run: measuring.Run) -> list[str]:
    speed = f"{run.records / run.cpu:,.0f}"
    return [name, f"{run.wall:.1f} s", f"{run.cpu:.1f} s", speed, f"{run.written / 1e6:.0f} MB"]


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


if __name__ == "__main__":
    sys.exit(main())
