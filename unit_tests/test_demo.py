"""The newcomer's first command, on a small organisation."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_demo_reads_changes_reads_again_and_compares(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--leads", "40", "--latency", "0", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert "Every record of the emulator arrived." in done.stdout
    assert f"source-closeio read --config {tmp_path}/config.json" in done.stdout
    leads = [json.loads(line) for line in (tmp_path / "leads.jsonl").read_text().splitlines()]
    assert len({lead["id"] for lead in leads}) >= 40
    states = {each["stream"]["stream_descriptor"]["name"] for each in json.loads((tmp_path / "state.json").read_text())}
    assert {"leads", "activities", "event_log"} <= states
