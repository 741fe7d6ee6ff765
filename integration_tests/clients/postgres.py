"""A PostgreSQL of the tests' own, on a port of its own: Debian's package, or any whose programs are on the path."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "close"


@dataclass(frozen=True)
class Postgres:
    """A server that listens on loopback and trusts everybody there."""

    programs: Path
    port: int

    def sql(self, text: str) -> list[str]:
        """The rows that these statements give, as psql prints them without padding. Times are in UTC."""
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--username", USER, "--dbname", "postgres"]
        quiet = ["--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [self.programs / "psql", *address, *quiet],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.splitlines()


def programs() -> Path | None:
    """Where initdb, pg_ctl and psql are; Debian keeps them off the path. None where there is no PostgreSQL."""
    folders = [*map(Path, os.get_exec_path()), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next(
        (each for each in folders if all((each / name).exists() for name in ("initdb", "pg_ctl", "psql"))), None
    )


@contextmanager
def serving(programs: Path) -> Iterator[Postgres]:
    """A new server, which is gone with all that it holds at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to be run by root
    if user:
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def run(program: str, *words: str | Path) -> None:
        log = folder / "log.txt"
        with log.open("a") as out:  # not a pipe, which the server would keep open
            done = subprocess.run(
                [programs / program, "--pgdata", folder / "data", *words],
                cwd=folder,
                user=user,
                stdout=out,
                stderr=out,
                check=False,
            )
        assert done.returncode == 0, log.read_text()[-3000:]

    try:
        run("initdb", "--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=UTC"
        run("pg_ctl", "--wait", "--options", options, "start")
        try:
            yield Postgres(programs, port)
        finally:
            run("pg_ctl", "--wait", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
