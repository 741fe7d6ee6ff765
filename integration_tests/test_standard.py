"""The CDK's standard tests of a source, on the scenarios of acceptance-test-config.yml."""

import subprocess
import sys
from pathlib import Path

from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

ROOT = Path(__file__).parent.parent


class TestSuite(SourceTestSuiteBase):
    """What it tests is set in ../conftest.py."""


def test_the_cdks_own_command_finds_them_too(tmp_path: Path) -> None:
    """It insists on a folder called source-..., which a checkout need not be."""
    folder = tmp_path / "source-closeio"
    folder.mkdir()
    for name in ("acceptance-test-config.yml", "conftest.py", "integration_tests", "metadata.yaml", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)

    done = subprocess.run(
        [Path(sys.executable).with_name("airbyte-cdk"), "connector", "test"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout
