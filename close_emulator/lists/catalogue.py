"""The lists that Close has, each declared once, in a file of its own: `rows/<path>.jsonl`.

- Line 1: its `source`, perhaps a `note`, and what it accepts and answers: the fields of `Resource`. `like` names a list
  whose facts and fields it has too; "+equals" adds to what `equals` would be otherwise.
- Line 2: an example row, with every field in its order. `maker.py` says how a record is made after it.
- Further lines: the rows that an organisation has of it, as far as they differ; two like the example where there are
  none. Where an organisation has as many as it was asked for (`sized`), they are its kinds instead, each with its
  `_type` and the fields that only this kind has.

Caps, filters, orders and envelopes are those of Close's documentation or, where it is silent, those seen in public
clients and recordings of the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from close_emulator.store.resource import Resource

ROWS = Path(__file__).parent / "rows"


@dataclass(frozen=True)
class Declaration:
    """One list."""

    resource: Resource
    source: str
    """Where its shape is documented."""
    facts: Mapping[str, Any]
    """What was said of the resource, for lists that are like it."""
    example: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    like: str | None = None


def file_of(path: str) -> Path:
    """The file that declares a list, whether it is there or not."""
    return ROWS / f"{path.rstrip('/')}.jsonl"


def _read(path: str, found: dict[str, Declaration]) -> Declaration:
    """The declaration of a list; also found, after the one it is like. Raises ValueError that names the file."""
    if path in found:
        return found[path]
    try:
        facts, *lines = [json.loads(line) for line in file_of(path).read_text(encoding="utf-8").splitlines()]
        source, like, _ = facts.pop("source"), facts.pop("like", None), facts.pop("note", None)
        base = _read(like, found) if like else None
        known: dict[str, Any] = {**(base.facts if base else {})}
        for name, value in facts.items():
            known[name.lstrip("+")] = [*known[name[1:]], *value] if name.startswith("+") else value
        key = known.get("key", "id")
        example = dict(lines[0]) if lines else {key: f"{known['prefix']}_*", "organization_id": "orga_*"}
        example = {**(base.example if base else {}), **example}
        stamps = [name for name in Resource.stamps if name in example]
        resource = Resource(path, **{name: _frozen(value) for name, value in {"stamps": stamps, **known}.items()})
    except KeyError as failure:
        raise ValueError(f"{file_of(path)} cannot be read: it lacks {failure}.") from failure
    except (TypeError, ValueError) as failure:
        raise ValueError(f"{file_of(path)} cannot be read: {failure}.") from failure
    found[path] = Declaration(resource, source, known, example, tuple(lines[1:]), like)
    return found[path]


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _all() -> dict[str, Declaration]:
    found: dict[str, Declaration] = {}
    for file in sorted(ROWS.rglob("*.jsonl")):
        _read(f"{file.relative_to(ROWS).with_suffix('').as_posix()}/", found)
    return found


DECLARATIONS: Mapping[str, Declaration] = _all()
RESOURCES: dict[str, Resource] = {path: declared.resource for path, declared in DECLARATIONS.items()}
SEARCHABLE: Mapping[str, Resource] = {row.search_type: row for row in RESOURCES.values() if row.search_type}
_KINDS = {(row.listed_under, row.noun): path for path, row in RESOURCES.items() if row.listed_under}


def declared(path: str) -> Resource:
    """The list of that path; LookupError says which file wants a row."""
    if path not in RESOURCES:
        file = file_of(path).relative_to(ROWS.parents[2])
        raise LookupError(f"There is no list {path!r} here: {file} wants its declaration and a row.")
    return RESOURCES[path]


def home(path: str, record: Mapping[str, Any]) -> Resource:
    """The list that a record added to a list belongs to: of activities that of its `_type`, a note's if it has none."""
    return RESOURCES[_KINDS.get((path, str(record.get("_type", "Note"))), declared(path).path)]
