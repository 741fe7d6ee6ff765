"""PyAirbyte into PostgreSQL: the lines on the page for Airbyte, run as they stand."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from close_emulator import SMALL, Emulator

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/airbyte.md"


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[str]]]:
    """A server of PostgreSQL's at $PGPORT with a database `close`: `postgres("leads")` are the ids in that table."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not versions:
        pytest.skip("needs PostgreSQL as Debian and Ubuntu install it")
    programs = versions[-1].parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with TemporaryDirectory() as home:
        # It does not run as root.
        user: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        if user:
            shutil.chown(home, **user)
        for name, value in {"PORT": port, "HOST": "127.0.0.1", "USER": "close", "PASSWORD": "any"}.items():
            monkeypatch.setenv(f"PG{name}", value)

        def run(program: str, *words: str) -> str:
            done = subprocess.run(
                [programs / program, *words], cwd=home, stdout=subprocess.PIPE, text=True, check=True, **user
            )
            return str(done.stdout).strip()

        data = f"{home}/data"
        run("initdb", "--pgdata", data, "--username", "close", "--auth", "trust")
        run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", f"{home}/log", "--options", f"-k {home}")
        try:
            run("createdb", "close")
            query = "SELECT id FROM close.{}"
            yield lambda table: run("psql", "--tuples-only", "--command", query.format(table)).split()
        finally:
            run("pg_ctl", "stop", "--mode", "immediate", "--pgdata", data)


def test_the_lines_on_the_page_read_an_organisation_into_postgresql(
    environment: Callable[..., Path],
    tmp_path: Path,
    postgres: Callable[[str], list[str]],
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    emulator = Emulator(SMALL)
    with emulator as base_url:
        keyed = 'config={"api_key": os.environ["CLOSE_API_KEY"]'
        assert keyed in program
        (tmp_path / "page.py").write_text(program.replace(keyed, f'{keyed}, "base_url": "{base_url}"'))
        python = environment("pyairbyte", "airbyte>=0.71.3,<0.72") / "python"
        done = subprocess.run(
            [python, "page.py"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "CLOSE_API_KEY": "api_any",
                "AIRBYTE_OFFLINE_MODE": "1",
                "DO_NOT_TRACK": "1",
                "AIRBYTE_LOGGING_ROOT": str(tmp_path),
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

        for stream, path in {"leads": "lead/", "opportunities": "opportunity/", "users": "user/"}.items():
            assert set(postgres(stream)) == emulator.ids(path)
