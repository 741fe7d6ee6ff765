"""`make soak`, small: real processes, a reader that stops, and records checked by id."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_all_records_arrive_though_their_reader_stops_half_way(tmp_path: Path) -> None:
    report = tmp_path / "soak.md"
    words = ["--records", "20000", "--pause", "1", "--to", str(report)]

    done = subprocess.run(
        [sys.executable, "benchmarks/soak.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "20,000 records in one process, each checked by its id: 0 missing, 0 twice" in report.read_text()
    assert len(re.findall(r"^\| [0-9,]+ \| .* MB \|$", report.read_text(), re.MULTILINE)) == 10
