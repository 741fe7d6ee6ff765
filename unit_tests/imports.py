"""Which module imports which, as it is written."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import close_emulator
import source_closeio

ROOT = Path(__file__).parent.parent
PACKAGE = Path(source_closeio.__file__).parent
EMULATOR = Path(close_emulator.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """Full names, relative imports resolved."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(parts[: len(parts) - node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def graph(package: Path) -> dict[str, set[str]]:
    """Each module of a package, by its full name, and those of the package that it names, those for types included."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {
        name: {*filter(None, (_module(each, modules) for each in imported(path)))} for name, path in modules.items()
    }


def _module(name: str, modules: Mapping[str, Path]) -> str | None:
    """The module that an imported name is, or is of."""
    return name if name in modules else _module(name.rpartition(".")[0], modules) if "." in name else None
