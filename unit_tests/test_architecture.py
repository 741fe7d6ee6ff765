"""Who may import whom, in no circle, and how large a file may be."""

import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from .imports import EMULATOR, PACKAGE, ROOT, graph, imported

FILES = sorted([*PACKAGE.rglob("*.py"), *EMULATOR.rglob("*.py")])
PURE = [
    "errors",
    "proof",
    "keyset",
    "files",
    "endpoints",
    "windows",
    "pagination",
    "advanced_filtering",
    "records",
    "custom_columns",
    "config",
    "schemas",
]


@pytest.mark.parametrize("path", sorted(EMULATOR.rglob("*.py")), ids=lambda path: str(path.name))
def test_the_emulator_needs_the_standard_library_and_itself_only(path: Path) -> None:
    for name in imported(path):
        own = name.startswith("close_emulator")
        assert own or name.split(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.name))
def test_the_connector_does_not_know_the_emulator(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith("close_emulator")]


@pytest.mark.parametrize("name", PURE)
def test_policies_have_no_sockets_and_no_framework(name: str) -> None:
    allowed = {*sys.stdlib_module_names, "pendulum", "orjson", "source_closeio"} - {
        "socket",
        "http",
        "time",
        "threading",
    }

    for module in imported(PACKAGE / f"{name}.py"):
        assert module.split(".")[0] in allowed, module
        if module.startswith("source_closeio."):
            assert module.split(".")[1] in [*PURE, "__version__"], module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_file_can_be_read_at_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "base", "constants", "http"}


@pytest.mark.parametrize("package", [PACKAGE, EMULATOR], ids=lambda package: package.name)
def test_no_module_imports_itself_by_way_of_others(package: Path) -> None:
    assert list(TopologicalSorter(graph(package)).static_order())


TESTS = sorted(path for folder in ("unit_tests", "integration_tests") for path in (ROOT / folder).rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_several_test_modules_share_is_in_a_module_of_its_own(path: Path) -> None:
    assert not [name for name in imported(path) if any(part.startswith("test_") for part in name.split(".")[:-1])]
