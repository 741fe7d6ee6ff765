"""PyAirbyte: the example, run as its reader would, and what its tables make of deleted rows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from .work import oldest, organisation

pytestmark = pytest.mark.clients

Python = Callable[..., str]

EXAMPLE = Path(__file__).parents[2] / "examples/close_to_duckdb.py"
COUNT = """
import duckdb
with duckdb.connect("close.duckdb") as database:
    print(database.sql("SELECT count(*), count(DISTINCT id) FROM leads").fetchone())
"""
READ = """
import json, os, sys
os.environ.update(AIRBYTE_OFFLINE_MODE="1", DO_NOT_TRACK="1")
import airbyte
from airbyte.caches import DuckDBCache
executable, config = sys.argv[1], json.loads(sys.argv[2])
source = airbyte.get_source("source-closeio", config, local_executable=executable, streams=["call_activities"])
source.read(cache=DuckDBCache(db_path="close.duckdb"))
"""
SHOW = """
import duckdb, json
with duckdb.connect("close.duckdb") as database:
    rows = database.sql("SELECT id, duration, _ab_cdc_deleted_at IS NOT NULL FROM call_activities").fetchall()
    print(json.dumps(rows))
"""
EXECUTABLE = Path(sys.executable).with_name("source-closeio")


@pytest.fixture
def run(environment: Callable[..., Path], tmp_path: Path) -> Python:
    """Runs PyAirbyte's Python, and gives what it prints."""
    python = environment("pyairbyte", "airbyte>=0.71.3,<0.72") / "python"

    def run(*words: str | Path) -> str:
        quiet = {"AIRBYTE_LOGGING_ROOT": str(tmp_path), "NO_COLOR": "1"}
        done = subprocess.run(
            [python, *words], cwd=tmp_path, env={**os.environ, **quiet}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_example_reads_an_organisation_into_duckdb_and_answers_its_questions(run: Python) -> None:
    said = run(EXAMPLE, "--executable", EXECUTABLE)

    assert run("-c", COUNT).strip() == "(300, 300)"
    answers = re.split(r"^(?:What|Who|Which) .*\?$", said, flags=re.MULTILINE)[1:]
    assert [len(re.findall(r"^│ \S.*│$", answer, re.MULTILINE)) > 2 for answer in answers] == [True, True, True]


def test_in_its_tables_a_deleted_row_stays_once_marked_and_emptied_and_the_others_are_those_of_close(
    run: Python,
) -> None:
    with organisation() as close:
        config = json.dumps({"api_key": close.behaviour.api_key, "base_url": close.base_url})
        run("-c", READ, EXECUTABLE, config)
        calls = [row["id"] for row in oldest(close, "activity/call/")]
        assert close.now is not None
        close.now += timedelta(hours=2)
        for edited in calls[:5]:
            close.edit(edited, duration=4242)
        gone = set(calls[3:8])
        close.delete(*gone)
        run("-c", READ, EXECUTABLE, config)
        there = {row["id"]: row["duration"] for row in close.all("activity/call/")}

    rows = json.loads(run("-c", SHOW))
    assert len({row_id for row_id, _, _ in rows}) == len(rows)
    assert {row_id: duration for row_id, duration, is_marked in rows if not is_marked} == there
    marked = {row_id: duration for row_id, duration, is_marked in rows if is_marked}
    assert marked == dict.fromkeys(gone)
