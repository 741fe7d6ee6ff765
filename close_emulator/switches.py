"""The switches as a table in Markdown, read from where they are declared."""

from __future__ import annotations

import ast
from pathlib import Path

from close_emulator import behaviour


def table() -> str:
    """A row per switch: its name, its type and default, and what it means."""
    tree = ast.parse(Path(behaviour.__file__).read_text(encoding="utf-8"))
    (switches,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    types = {
        node.targets[0].id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    lines = ["| switch | values | default | meaning |", "|---|---|---|---|"]
    for node, told in zip(switches.body, switches.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(told, ast.Expr):
            values = ast.unparse(node.annotation)
            for name, written in types.items():
                values = values.replace(name, written)
            meaning = " ".join(str(ast.literal_eval(told.value)).split())
            cells = (f"`{node.target.id}`", f"`{values}`", f"`{_default(node.value)}`", meaning)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _default(value: ast.expr | None) -> str:
    """The default as one writes it; `field(default_factory=dict)` is an empty one."""
    if isinstance(value, ast.Call) and value.keywords:
        return {"dict": "{}", "list": "[]", "set": "set()"}[ast.unparse(value.keywords[0].value)]
    return "" if value is None else ast.unparse(value)
