"""Which module imports which, as it is written."""

import ast
from collections.abc import Iterator
from pathlib import Path

import close_emulator
import source_closeio

PACKAGE = Path(source_closeio.__file__).parent
EMULATOR = Path(close_emulator.__file__).parent


def imported(path: Path) -> Iterator[str]:
    """Full names, relative imports resolved."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(parts[: len(parts) - node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
