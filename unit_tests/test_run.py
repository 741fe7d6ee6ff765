"""The command line with files that are not there or not right: one sentence each, and an exit code that is not 0."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = Path(__file__).parent.parent / "main.py"

ONE_WAY = "read --config config.json --catalog catalog.json"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("check --config nowhere.json", "nowhere.json cannot be read: No such file or directory."),
        ("check --config text.json", "text.json is not JSON: Expecting value (line 1, column 1)."),
        ("check --config list.json", "list.json must hold a JSON object."),
        ("read --config config.json --catalog nowhere.json", "nowhere.json cannot be read: No such file or directory."),
        (
            "read --config config.json --catalog list.json",
            "The catalog is not as Airbyte's protocol wants it, at its",
        ),
        (f"{ONE_WAY} --state catalog.json", "The state is no list: it must be like ["),
        (f"{ONE_WAY} --state legacy.json", "The state is not one of Airbyte's: it must be like ["),
        ("", "Give one of the commands spec, check, discover and read."),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path: Path, words: str, sentence: str) -> None:
    files = {
        "config": {"api_key": "k", "base_url": "http://127.0.0.1:9"},
        "list": ["secret_of_the_config"],
        "catalog": {"streams": []},
        "legacy": [{"type": "LEGACY", "data": {"leads": {"date_updated": "2026-01-01"}}}],
    }
    for name, held in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(held))
    (tmp_path / "text.json").write_text("api_key: secret_of_the_config")

    done = subprocess.run(
        [sys.executable, MAIN, *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    traces = [json.loads(line)["trace"]["error"] for line in done.stdout.splitlines() if '"TRACE"' in line]
    assert done.returncode == 1
    assert [trace["message"].startswith(sentence) for trace in traces] == [True]
    assert traces[0]["failure_type"] == "config_error"
    assert "secret_of_the_config" not in done.stdout + done.stderr


def test_a_defect_is_not_told_as_wrong_input() -> None:
    program = """
from source_closeio.source import SourceCloseIO
def spec(*_): raise KeyError("a defect")
SourceCloseIO.spec = spec
from source_closeio.run import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "spec"], capture_output=True, text=True, check=False, timeout=60
    )

    (trace,) = (json.loads(line)["trace"]["error"] for line in done.stdout.splitlines() if '"TRACE"' in line)
    assert done.returncode == 1
    assert trace["failure_type"] == "system_error"
    assert "in spec" in trace["stack_trace"]
