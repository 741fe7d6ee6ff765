"""The example of PyAirbyte, run as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.clients

EXAMPLE = Path(__file__).parents[2] / "examples/close_to_duckdb.py"
COUNT = """
import duckdb
with duckdb.connect("close.duckdb") as database:
    print(database.sql("SELECT count(*), count(DISTINCT id) FROM leads").fetchone())
"""


def test_the_example_reads_an_organisation_into_duckdb_and_answers_its_questions(
    environment: Callable[..., Path], tmp_path: Path
) -> None:
    python = environment("pyairbyte", "airbyte>=0.71.3,<0.72") / "python"

    def run(*words: str | Path) -> str:
        quiet = {"AIRBYTE_LOGGING_ROOT": str(tmp_path), "NO_COLOR": "1"}
        done = subprocess.run(
            [python, *words], cwd=tmp_path, env={**os.environ, **quiet}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = run(EXAMPLE, "--executable", Path(sys.executable).with_name("source-closeio"))

    assert run("-c", COUNT).strip() == "(300, 300)"
    answers = re.split(r"^(?:What|Who|Which) .*\?$", said, flags=re.MULTILINE)[1:]
    assert [len(re.findall(r"^│ \S.*│$", answer, re.MULTILINE)) > 2 for answer in answers] == [True, True, True]
