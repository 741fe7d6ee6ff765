"""The example of PyAirbyte with the image in place of the program."""

import os
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from integration_tests.clients.environments import environment

from .conftest import IMAGE

pytestmark = pytest.mark.docker

EXAMPLE = Path(__file__).parents[2] / "examples/close_to_duckdb.py"
COUNT = """
import duckdb
with duckdb.connect("close.duckdb") as database:
    print(database.sql("SELECT count(*), count(DISTINCT id) FROM leads").fetchone())
"""


def test_pyairbyte_reads_an_organisation_with_the_image(engine: docker.DockerClient, tmp_path: Path) -> None:
    python = environment("pyairbyte", "airbyte>=0.71.3,<0.72") / "python"
    # PyAirbyte hands the container its files in the folder for temporary files.
    folders = {"TMPDIR": str(tmp_path), "AIRBYTE_PROJECT_DIR": str(tmp_path), "AIRBYTE_LOGGING_ROOT": str(tmp_path)}
    tmp_path.chmod(0o755)

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            [python, *words],
            cwd=tmp_path,
            env={**os.environ, **folders, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Beside the Python that has the emulator there is no such program, so it can only be the image that reads.
    said = run(EXAMPLE, "--image", IMAGE, "--executable", Path(sys.executable).with_name("no-such-program"))

    assert "were read into close.duckdb" in said
    assert run("-c", COUNT).strip() == "(300, 300)"
