"""Reads Close into DuckDB with PyAirbyte, and asks three questions in SQL.

pip install airbyte, in an environment of its own. The connector is a program, found on the PATH or said, or an image:

    python close_to_duckdb.py --executable ../.venv/bin/source-closeio
    python close_to_duckdb.py --image source-closeio:0.1.0

It reads an organisation of the emulator. With a key in CLOSE_API_KEY it reads yours.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# PyAirbyte looks at these when it is imported: no connector registry, no telemetry.
os.environ.update(AIRBYTE_OFFLINE_MODE="1", DO_NOT_TRACK="1")

import airbyte as ab
import duckdb
from airbyte.caches import DuckDBCache

STREAMS = ["leads", "opportunities", "call_activities", "users"]

QUESTIONS = {
    "What is open, by status?": """
        SELECT status_label AS status, count(*) AS opportunities, sum(value) / 100 AS worth
        FROM opportunities WHERE status_type = 'active'
        GROUP BY ALL ORDER BY worth DESC
    """,
    "Who has talked how long?": """
        SELECT first_name || ' ' || last_name AS who, count(*) AS calls, sum(duration) // 60 AS minutes
        FROM call_activities JOIN users ON users.id = call_activities.user_id
        GROUP BY ALL ORDER BY minutes DESC LIMIT 5
    """,
    "Which open opportunities has nobody called about?": """
        SELECT display_name AS lead, sum(value) / 100 AS worth
        FROM opportunities ANTI JOIN call_activities USING (lead_id) JOIN leads ON leads.id = lead_id
        WHERE status_type = 'active'
        GROUP BY ALL ORDER BY worth DESC LIMIT 5
    """,
}


@contextmanager
def configuration(python: Path) -> Iterator[dict[str, Any]]:
    """That of your organisation, or that of an emulator which runs meanwhile, in the Python that has it."""
    if key := os.environ.get("CLOSE_API_KEY"):
        yield {"api_key": key, "start_date": "2024-01-01"}
        return
    words = [str(python), "-m", "close_emulator", "--leads", "300"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout
            yield {"api_key": "api_any", "base_url": emulator.stdout.readline().strip()}
        finally:
            emulator.terminate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--executable", type=Path, default=shutil.which("source-closeio"))
    parser.add_argument("--image")
    parser.add_argument("--database", type=Path, default=Path("close.duckdb"))
    options = parser.parse_args()
    if not options.executable:
        sys.exit("There is no source-closeio on the PATH; say where it is with --executable.")

    way: dict[str, Any] = {"local_executable": options.executable}
    if options.image:
        # The emulator is on this machine; to reach Close the container needs no such thing.
        way = {"docker_image": options.image, "use_host_network": True}
    cache = DuckDBCache(db_path=options.database)
    with configuration(options.executable.absolute().with_name("python")) as config:
        source = ab.get_source("source-closeio", config=config, streams=STREAMS, **way)
        source.check()
        # The state is kept in the database too, so the next run reads only what is new.
        result = source.read(cache=cache)
    cache.close()
    print(f"{result.processed_records} records were read into {options.database}.")
    with duckdb.connect(options.database) as database:
        for question, sql in QUESTIONS.items():
            print(f"\n{question}\n{database.sql(sql)}")


if __name__ == "__main__":
    main()
