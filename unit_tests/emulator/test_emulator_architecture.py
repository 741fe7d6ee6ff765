"""Who may import whom within the emulator: arrows go one way."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import close_emulator
from unit_tests.imports import EMULATOR, graph

# Each part, and what it may know beside itself.
ARROWS: dict[str, set[str]] = {
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


MODULES = graph(EMULATOR)


def part(module: str) -> str:
    """The folder or the file right below the emulator's that a module is in."""
    return [*module.split("."), "__init__"][1]


@pytest.mark.parametrize("module", MODULES)
def test_a_part_imports_only_what_lies_below_it(module: str) -> None:
    assert {*map(part, MODULES[module])} <= ARROWS[part(module)] | {part(module)}


def test_the_parts_stand_in_an_order() -> None:
    assert list(TopologicalSorter(ARROWS).static_order())


@pytest.mark.parametrize("path", sorted((EMULATOR / "store").rglob("*.py")), ids=lambda path: str(path.name))
def test_the_store_knows_no_list_of_close(path: Path) -> None:
    told = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert not told & {*close_emulator.RESOURCES}
