"""The Singer output stands on the connector's public interface, so that what is new there arrives here unasked."""

from importlib.metadata import requires
from pathlib import Path

import pytest

from unit_tests.imports import PACKAGE, imported

OURS = ("source_closeio.singer.", "source_closeio.errors.")
PUBLIC = {
    "source_closeio.__version__",
    "source_closeio.ends.end_when_nobody_reads",
    "source_closeio.files.read_object",
    "source_closeio.schemas.DELETED_AT",
    "source_closeio.source.SourceCloseIO",
    "source_closeio.windows.INDEX_LAG",
    "source_closeio.windows.parse_moment",
    "source_closeio.windows.state_text",
}


@pytest.mark.parametrize("path", sorted((PACKAGE / "singer").glob("*.py")), ids=lambda path: str(path.name))
def test_no_more_than_the_public_interface_is_used(path: Path) -> None:
    ours = [name for name in imported(path) if name.startswith("source_closeio.")]

    assert not [name for name in ours if not name.startswith(OURS) and name not in PUBLIC]


def test_no_singer_library_is_needed() -> None:
    """They want other versions of what the CDK wants, and some take the root logger over."""
    needed = " ".join(requires("source-closeio") or [])

    assert "airbyte-cdk" in needed
    assert "singer" not in needed
