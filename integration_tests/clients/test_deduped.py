"""The SQL of Airbyte's destinations, run in DuckDB on what `source-closeio read` wrote in three syncs."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator
from source_closeio.endpoints import ENDPOINTS
from unit_tests.held import held

from .work import organisation, people_work

pytestmark = pytest.mark.clients

FOLLOWED = {endpoint.name: endpoint for endpoint in ENDPOINTS if endpoint.is_followed}

Row = dict[str, Any]
Sql = Callable[[str], list[Row]]

TABLES = """
CREATE TABLE held (
    stream VARCHAR, key VARCHAR, cursor TIMESTAMPTZ, deleted_at TIMESTAMPTZ, extracted_at BIGINT, record JSON
);
"""
RULES = Path(__file__).with_name("deduped.sql").read_text(encoding="utf-8")
LOAD = """
CREATE OR REPLACE TABLE came AS
SELECT
    stream,
    record->>'id' AS key,
    (record->>cursor_field)::TIMESTAMPTZ AS cursor,
    (record->>'_ab_cdc_deleted_at')::TIMESTAMPTZ AS deleted_at,
    emitted_at AS extracted_at,
    record
FROM read_json('came.jsonl', columns = {stream: VARCHAR, cursor_field: VARCHAR, emitted_at: BIGINT, record: JSON});
"""
DIFFERENCES = """
CREATE OR REPLACE TABLE there AS
FROM read_json('there.jsonl', columns = {stream: VARCHAR, key: VARCHAR, record: JSON});

SELECT stream, key, 'is missing' AS what FROM there ANTI JOIN held USING (stream, key)
UNION ALL
SELECT stream, key, 'is there' FROM held ANTI JOIN there USING (stream, key) WHERE deleted_at IS NULL
UNION ALL
SELECT stream, key, 'is marked' FROM held JOIN there USING (stream, key) WHERE deleted_at IS NOT NULL
UNION ALL
SELECT stream, key, name FROM held JOIN there USING (stream, key), unnest(json_keys(there.record)) AS names(name)
WHERE coalesce(held.record->name, 'null') <> (there.record->name)
ORDER BY ALL;
"""


@pytest.fixture
def close() -> Iterator[Emulator]:
    with organisation() as emulator:
        yield emulator


@pytest.fixture
def sql(environment: Callable[..., Path], tmp_path: Path) -> Sql:
    """Runs statements in a database of the test, and gives the rows of the last one."""
    duckdb = environment("duckdb", "duckdb-cli==1.5.6") / "duckdb"

    def sql(text: str) -> list[Row]:
        words: list[str | Path] = [duckdb, "-bail", "-json", "database.duckdb"]
        done = subprocess.run(words, input=text, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        rows: list[Row] = json.loads(done.stdout or "[]")
        return rows

    return sql


@pytest.fixture
def read(close: Emulator, tmp_path: Path) -> Callable[[], None]:
    """One sync of all followed streams from where the last one came to; its records are in came.jsonl."""
    command = Path(sys.executable).with_name("source-closeio")

    def run(*words: str) -> list[Row]:
        done = subprocess.run([command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    def write(name: str, content: Any) -> None:
        (tmp_path / name).write_text(json.dumps(content))

    write("config.json", {"api_key": close.behaviour.api_key, "base_url": close.base_url})
    (catalog,) = (each["catalog"] for each in run("discover", "--config", "config.json") if each["type"] == "CATALOG")
    modes = {"sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
    streams = [{"stream": each, **modes} for each in catalog["streams"] if each["name"] in FOLLOWED]
    write("catalog.json", {"streams": streams})
    cursors = {each["name"]: each["default_cursor_field"][0] for each in catalog["streams"] if each["name"] in FOLLOWED}
    states: dict[str, Row] = {}

    def read() -> None:
        write("state.json", list(states.values()))
        came = []
        for message in run("read", "--config", "config.json", "--catalog", "catalog.json", "--state", "state.json"):
            if message["type"] == "STATE":
                states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
            elif message["type"] == "RECORD":
                record = message["record"]
                about = {name: record[name] for name in ("stream", "emitted_at")}
                came.append({**about, "cursor_field": cursors[record["stream"]], "record": record["data"]})
        write_lines(tmp_path / "came.jsonl", came)

    return read


def write_lines(path: Path, rows: list[Row]) -> None:
    """In one spelling, since DuckDB compares JSON as text."""
    path.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))


def synced(hard: bool, close: Emulator, read: Callable[[], None], sql: Sql, tmp_path: Path) -> dict[str, set[str]]:
    """Three syncs into the tables, and work between them; the ids of each stream that went meanwhile."""
    seen: dict[str, set[str]] = defaultdict(set)
    for day in range(3):
        if day:
            people_work(close, day)
        for name, endpoint in FOLLOWED.items():
            seen[name] |= {row["id"] for row in held(close, endpoint)}
        read()
        sql((TABLES if not day else "") + f"SET VARIABLE hard = {hard};" + LOAD + RULES)
    rows = [
        {"stream": name, "key": row["id"], "record": row}
        for name, endpoint in FOLLOWED.items()
        for row in held(close, endpoint)
    ]
    write_lines(tmp_path / "there.jsonl", rows)
    return {name: ids - {row["id"] for row in held(close, FOLLOWED[name])} for name, ids in seen.items()}


def test_with_hard_deletes_the_deduped_tables_hold_what_close_does(
    close: Emulator, read: Callable[[], None], sql: Sql, tmp_path: Path
) -> None:
    gone = synced(True, close, read, sql, tmp_path)

    assert sql(DIFFERENCES) == []
    assert sql("SELECT * FROM held WHERE deleted_at IS NOT NULL") == []
    assert sum(map(len, gone.values())) > 50


def test_with_soft_deletes_what_went_is_marked_and_nothing_else_is(
    close: Emulator, read: Callable[[], None], sql: Sql, tmp_path: Path
) -> None:
    gone = synced(False, close, read, sql, tmp_path)
    for kind in ("activities", "call_activities"):  # nothing tells the log that no sync saw them
        gone[kind] |= {"acti_ghost_1", "acti_ghost_2"}

    assert sql(DIFFERENCES) == []
    marked = sql("SELECT stream, key FROM held WHERE deleted_at IS NOT NULL")
    assert {(row["stream"], row["key"]) for row in marked} == {(name, key) for name in gone for key in gone[name]}
