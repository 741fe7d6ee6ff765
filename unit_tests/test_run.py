"""The command line with files that are not there or not right: one sentence each, and an exit code that is not 0."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from source_closeio.run import wrong_input

MAIN = Path(__file__).parent.parent / "main.py"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("check --config nowhere.json", "The file nowhere.json cannot be read: No such file or directory."),
        ("check --config text.json", "Could not read json file text.json: "),
        ("read --config config.json --catalog nowhere.json", "The file nowhere.json cannot be read"),
        ("read --config config.json --catalog state.json", "The catalog or the state is not as Airbyte's protocol"),
        ("", "Give one of the commands spec, check, discover and read."),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path: Path, words: str, sentence: str) -> None:
    (tmp_path / "text.json").write_text("api_key: secret_of_the_config")
    (tmp_path / "config.json").write_text(json.dumps({"api_key": "k", "base_url": "http://127.0.0.1:9"}))
    (tmp_path / "state.json").write_text(json.dumps({"streams": [{"stream": "leads"}]}))

    done = subprocess.run(
        [sys.executable, MAIN, *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    traces = [json.loads(line)["trace"]["error"] for line in done.stdout.splitlines() if '"TRACE"' in line]
    assert done.returncode == 1
    assert [trace["message"].startswith(sentence) for trace in traces] == [True]
    assert traces[0]["failure_type"] == "config_error"
    assert "secret_of_the_config" not in done.stdout + done.stderr


def test_other_failures_stay_what_they_are() -> None:
    assert wrong_input(OSError("a socket")) is None
    assert wrong_input(RuntimeError("a bug")) is None
