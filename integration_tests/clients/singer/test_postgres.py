"""A real PostgreSQL after three syncs: every value of every table is what the emulator holds, and what went is gone."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator
from integration_tests.clients.postgres import Postgres
from integration_tests.clients.work import organisation, people_work
from unit_tests.held import held

from .tables import FOLLOWED, differences, every_difference

pytestmark = pytest.mark.clients

Load = Callable[..., None]


@pytest.fixture
def close() -> Iterator[Emulator]:
    with organisation() as emulator:
        yield emulator


@pytest.fixture
def load(close: Emulator, tmp_path: Path) -> Load:
    """`load(target, config)`: one sync of the native profile into a target, from the state that the last one left."""
    given = {"api_key": close.behaviour.api_key, "base_url": close.base_url, "profile": "native"}
    (tmp_path / "config.json").write_text(json.dumps(given))
    state = tmp_path / "state.json"

    def load(target: Path, config: dict[str, Any]) -> None:
        (tmp_path / "target.json").write_text(json.dumps(config))
        tap = f"{sys.executable} -m source_closeio.singer --config config.json"
        line = f"{tap} {'--state state.json' if state.exists() else ''} | {target} --config target.json"
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        state.write_text(done.stdout.splitlines()[-1])

    return load


def test_after_three_syncs_the_tables_of_pipelinewise_hold_what_close_does_and_deleted_rows_are_gone(
    environment: Callable[..., Path], postgres: Postgres, close: Emulator, load: Load
) -> None:
    target = environment("target-postgres", "pipelinewise-target-postgres==2.1.2") / "target-postgres"
    server = {"host": "127.0.0.1", "port": postgres.port, "user": "close", "password": "none", "dbname": "postgres"}
    config = {**server, "default_target_schema": "pipelinewise", "hard_delete": True}

    load(target, config)
    for day in (1, 2):
        people_work(close, day)
        load(target, config)

    found = [
        (endpoint.name, told)
        for endpoint in FOLLOWED
        for told in differences(postgres, "pipelinewise", endpoint, [emptied(row) for row in held(close, endpoint)])
    ]
    assert found == []


def test_after_three_syncs_the_tables_of_meltano_hold_what_close_does_and_what_went_is_marked_or_gone_from_lists(
    environment: Callable[..., Path], postgres: Postgres, close: Emulator, load: Load
) -> None:
    target = environment("meltano-target-postgres", "meltanolabs-target-postgres==0.8.1") / "target-postgres"
    server = {"host": "127.0.0.1", "port": postgres.port, "user": "close", "password": "none", "database": "postgres"}
    config = {**server, "default_target_schema": "meltano", "hard_delete": True}

    load(target, config)
    for day in (1, 2):
        people_work(close, day)
        load(target, config)

    assert every_difference(postgres, "meltano", close) == []
    marked = "SELECT count(*) > 10 FROM meltano.activities WHERE _sdc_deleted_at IS NOT NULL"
    assert postgres.sql(marked) == ["t"]


def emptied(row: dict[str, Any]) -> dict[str, Any]:
    """As that target has it: an empty text is null to it."""
    return {name: None if value == "" else value for name, value in row.items()}
