"""Who may import whom within the emulator: arrows go one way, and none goes in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import close_emulator

HOUSE = Path(close_emulator.__file__).parent
FILES = {path.relative_to(HOUSE).with_suffix("").as_posix(): path for path in sorted(HOUSE.rglob("*.py"))}
# Each part, and what it may know beside itself.
ARROWS = {
    "behaviour": set(),
    "wire": {"behaviour"},
    "store": {"behaviour"},
    "lists": {"store"},
    "world": {"behaviour", "store", "lists"},
    "api": {"behaviour", "wire", "store", "lists"},
    "emulator": {"behaviour", "wire", "store", "lists", "world", "api"},
    "switches": {"behaviour"},
    "cli": {"behaviour", "emulator", "switches", "world"},
    "__init__": {"behaviour", "wire", "lists", "world", "emulator"},
    "__main__": {"cli"},
}


def imports(name: str) -> Iterator[str]:
    """The modules of the house that a module imports, those for types included."""
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "close_emulator":
            package = "/".join(str(node.module).split(".")[1:])
            for alias in node.names:
                inner = f"{package}/{alias.name}".lstrip("/")
                yield inner if inner in FILES else package if package in FILES else f"{package}/__init__".lstrip("/")
        if isinstance(node, ast.Import):
            assert not [alias for alias in node.names if alias.name.startswith("close_emulator")], "import names"


@pytest.mark.parametrize("name", FILES)
def test_a_part_imports_only_what_lies_below_it(name: str) -> None:
    part = name.partition("/")[0]
    known = {target.partition("/")[0] for target in imports(name)}
    assert known <= ARROWS[part] | {part}


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert list(TopologicalSorter({name: set(imports(name)) for name in FILES}).static_order())


def test_the_parts_stand_in_an_order() -> None:
    assert list(TopologicalSorter(ARROWS).static_order())


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("store/")])
def test_the_store_knows_no_list_of_close(name: str) -> None:
    told = {node.value for node in ast.walk(ast.parse(FILES[name].read_text())) if isinstance(node, ast.Constant)}
    assert not told & {*close_emulator.RESOURCES}


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_longer_than_four_hundred_lines(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400
