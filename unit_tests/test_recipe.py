"""CONTRIBUTING.md says how a stream is added: what it says is done, in a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECIPE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## A new stream\n")[1].split("\n## ")[0]
TABLE = "source_closeio/endpoints.py"
NEEDED = (
    "source_closeio",
    "close_emulator",
    "unit_tests",
    "docs",
    "benchmarks",
    "README.md",
    "pyproject.toml",
)
KEPT_OUT = shutil.ignore_patterns("__pycache__", "recordings")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, with the blocks of the recipe where it wants them."""
    copy = tmp_path_factory.mktemp("recipe") / "tree"
    copy.mkdir()
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=KEPT_OUT)
        else:
            shutil.copy(ROOT / name, copy / name)
    for name, block in blocks().items():
        path = copy / name
        if name == TABLE:
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n)\n"), "the last row of ENDPOINTS is the last of the file"
            block = f"{text[:-2]}{block})\n"
        else:
            assert not path.exists()
        path.write_text(block, encoding="utf-8")
    return copy


def blocks() -> dict[str, str]:
    """The blocks of the recipe, by the file that the sentence before each names."""
    parts = re.split(r"```(\w*)\n(.*?)```\n", RECIPE, flags=re.DOTALL)
    told = zip(parts[::3], parts[1::3], parts[2::3], strict=False)
    return {re.findall(r"`([\w./]+/[\w./]+\.\w+)`", text)[-1]: block for text, kind, block in told if kind != "sh"}


def python(copy: Path, *words: str) -> str:
    """What Python prints, run in the copy and with its packages."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_recipe_touches_the_table_one_schema_and_one_list_of_the_emulator() -> None:
    assert list(blocks()) == [
        TABLE,
        "source_closeio/schemas/badges.json",
        "close_emulator/lists/rows/badge.jsonl",
    ]


def test_a_stream_that_follows_the_recipe_is_discovered_read_by_id_and_passes_the_tests_of_the_catalog(
    copy: Path,
) -> None:
    chosen = "(badges or offers_every_row or unique) and not cut_off"
    modules = [f"unit_tests/test_{name}.py" for name in ("catalog", "streams", "schemas_accept_recordings")]
    told = python(copy, "-m", "pytest", "-rA", "-q", "-p", "no:cacheprovider", "-k", chosen, *modules)

    passed = set(re.findall(r"^PASSED \S+::(\S+)$", told, re.MULTILINE))
    assert passed >= {
        "test_names_are_unique_and_each_schema_belongs_to_a_row",
        "test_discover_offers_every_row",
        "test_every_row_can_be_read_as_it_stands[badges]",
        "test_a_stream_brings_what_close_holds[badges]",
        "test_records_are_valid_and_fully_declared[badges]",
        "test_file_keeps_to_the_rules[badges]",
    }


def test_a_stream_that_follows_the_recipe_is_in_the_docs_when_they_are_made_anew(copy: Path) -> None:
    python(copy, "docs/generate.py")

    page = (copy / "docs/streams.md").read_text(encoding="utf-8")
    assert "| `/badge/` | [badges](#badges) |" in page
    assert "| `name` | string | Name of the badge. |" in page.split("\n## badges\n")[1].split("\n## ")[0]
    assert "`badges`" in (copy / "README.md").read_text(encoding="utf-8")
