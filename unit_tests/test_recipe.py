"""The recipes of CONTRIBUTING.md, followed word by word in a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from source_closeio.endpoints import ENDPOINTS, Walk

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAME = "territories"

PLACES: Mapping[str, str] = {
    "a row of `ENDPOINTS`": r"^ENDPOINTS: .*? = \(\n",
    "a member of `Walk`": r"^class Walk\(.*?(?=\n    def )",
    "its line in `CLASS_OF`": r"^CLASS_OF: .*? = \{\n",
    "a class": r"\A.*?\n(?=\n\nCLASS_OF: )",
    "a function": r"\A.*\Z",
}
"""What a step says that it adds, and behind what it belongs; anything else is a file of its own."""

BLOCK = re.compile(r"In\s+`(\w+/[\w./]+)`, ([^`]*(?:`\w+`)?)[^`]*\n\n( +```\w+\n.*?\n) +```\n", re.DOTALL)


class Step(NamedTuple):
    """What a recipe puts where, and how it says so."""

    path: str
    words: str
    block: str


def steps_of(recipe: str) -> list[Step]:
    section = CONTRIBUTING.split(f"## {recipe}\n")[1].split("\n## ")[0]
    found = [(path, words, textwrap.dedent(block)) for path, words, block in BLOCK.findall(section)]
    return [Step(path, words, block.partition("\n")[2]) for path, words, block in found]


def follow(recipe: str, tree: Path) -> None:
    for path, words, block in steps_of(recipe):
        file = tree / path
        kind = next((kind for kind in PLACES if words.startswith(kind)), None)
        if kind is None:
            file.write_text(block, encoding="utf-8")
            continue
        text = file.read_text(encoding="utf-8")
        found = re.search(PLACES[kind], text, re.DOTALL | re.MULTILINE)
        assert found, f"{path} has no place for {kind}"
        before, after = text[: found.end()], text[found.end() :]
        added = textwrap.indent(block, "    ") if "`" in kind else f"\n\n{block}"
        file.write_text(before + added + after, encoding="utf-8")


def run(tree: Path, *words: str | Path) -> str:
    """What Python writes, with the modules of the copy."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, *words]
    env = {**own, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def passed(tree: Path, *files: str) -> set[str]:
    """The tests of these files about the new stream, or about none; they must pass."""
    words = ["-m", "pytest", "-p", "no:cacheprovider", "-rA", "-k", f"not [ or {NAME}", *files]
    return set(re.findall(r"^PASSED .*::(\w+(?:\[\w+\])?)$", run(tree, *words), re.MULTILINE))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree to which the stream was added."""
    copy = tmp_path_factory.mktemp("recipe") / "checkout"
    left_out = shutil.ignore_patterns(".*", "build", "dist", "demo-output", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left_out)
    follow("Add a stream", copy)
    run(copy, "docs/generate.py")
    return copy


def test_the_recipe_adds_a_stream_that_is_not_there_yet_by_a_row_and_a_file_and_tells_the_emulator() -> None:
    assert NAME not in {endpoint.name for endpoint in ENDPOINTS}, "give the recipe a list that Close does not have"
    assert [step.path for step in steps_of("Add a stream")] == [
        "source_closeio/endpoints.py",
        f"source_closeio/schemas/{NAME}.json",
        "close_emulator/lists/rows/territory.jsonl",
    ]


def test_a_stream_that_follows_the_recipe_is_offered_read_by_id_and_documented(tree: Path) -> None:
    tests = passed(
        tree,
        "unit_tests/test_catalog.py",
        "unit_tests/test_schemas_accept_recordings.py",
        "unit_tests/test_streams.py",
        "unit_tests/test_page_of_three.py",
    )

    assert tests >= {
        f"test_every_row_can_be_read_as_it_stands[{NAME}]",
        "test_discover_offers_every_row",
        f"test_a_stream_brings_what_close_holds[{NAME}]",
        f"test_records_are_valid_and_fully_declared[{NAME}]",
        f"test_a_list_longer_than_a_page_comes_whole[{NAME}]",
        f"test_file_keeps_to_the_rules[{NAME}]",
    }
    page = (tree / "docs/streams.md").read_text(encoding="utf-8")
    assert f"\n## {NAME}\n" in page
    assert f"| `/territory/` | [{NAME}](#{NAME}) |" in page
    assert f"`{NAME}`" in (tree / "README.md").read_text(encoding="utf-8")


def test_a_walk_that_follows_the_recipe_reads_the_stream_by_id(tree: Path) -> None:
    follow("Add a walk", tree)
    table = tree / "source_closeio/endpoints.py"
    row = f'Endpoint("{NAME}", "territory/"'
    table.write_text(table.read_text(encoding="utf-8").replace(row, f"{row}, Walk.GROWING"), encoding="utf-8")
    run(tree, "docs/generate.py")

    tests = passed(tree, "unit_tests/test_streams.py", "unit_tests/test_page_of_three.py")

    assert tests >= {
        f"test_a_stream_brings_what_close_holds[{NAME}]",
        f"test_a_list_longer_than_a_page_comes_whole[{NAME}]",
    }
    assert not hasattr(Walk, "GROWING")
    assert "by `_skip`, of which no row ever moves" in (tree / "docs/architecture.md").read_text(encoding="utf-8")
    written = [step.path for step in steps_of("Add a walk")]
    run(tree, "-m", "ruff", "check", *written)
    run(tree, "-m", "ruff", "format", "--check", *written)
