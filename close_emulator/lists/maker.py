"""A partial record becomes a full one, after its list's example row, by the names of its fields.

What a field of the example is like decides how records get theirs; what is given stays as it is.

1. A field with a function in `special.py` has what that computes.
2. null stays null.
3. The list's stamps: now, and what was changed last when it was made.
4. `…_by` and `…_by_id`, "user_me": whoever the record belongs to, or the key's owner.
5. `…_name` beside a user's id: that user's name.
6. A phone number: another one. `…_formatted` beside it: that number as Close shows it.
7. `…_html` beside a text: that text as a paragraph.
8. `name` and `name_plural`: the example's, and the end of the id.
9. Whatever the value, at any depth: "lead_*" is a new id, "user_*" someone of the organisation, "user_me" the key's
   owner, "user_2" a colleague, "orga_*" and "pipe_*" the only ones there are; "@lead_id" is what that field of the
   record has; "~160" is so many characters of prose; "#" within a text is a number.
10. Everything else is the same in all records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from close_emulator.lists.catalogue import DECLARATIONS, RESOURCES, Declaration
from close_emulator.lists.chance import Chance
from close_emulator.lists.special import SPECIAL, Make, Record, formatted, paragraph
from close_emulator.store import moments

_ID = re.compile(r"([a-z]+)_\*")
_COLLEAGUE = re.compile(r"user_(\d)")
_HIGHEST = 10**9


class _Shape(NamedTuple):
    """An example row in two parts: what all records share, and what is computed for each."""

    static: Mapping[str, Any]
    computed: tuple[tuple[str, Make], ...]


class Maker(Chance):
    """Completes records of one organisation."""

    def __init__(self, seed: int, clock: Callable[[], int], naive_events: Callable[[], bool]) -> None:
        super().__init__(seed)
        self._clock = clock
        self._naive_events = naive_events

    def spelled(self, path: str, moment: int) -> str:
        """A moment in the spelling of that list."""
        if path == "event/":
            return moments.naive_milliseconds(moment) if self._naive_events() else moments.full(moment)
        return moments.SPELLINGS[RESOURCES[path].spelling](moment)

    def now(self, path: str) -> str:
        """The clock's moment in the spelling of that list."""
        return self.spelled(path, self._clock())

    def complete(self, path: str, partial: Mapping[str, Any]) -> Record:
        """The full record of a partial one."""
        shape = _SHAPES.get((path, partial.get("_type"))) or _SHAPES[path, None]
        record = {**shape.static, **partial}
        stamps = RESOURCES[path].stamps
        for stamp in stamps:
            if stamp not in partial:
                record[stamp] = self.now(path) if stamp == stamps[0] else record[stamps[0]]
        for field, make in shape.computed:
            if field not in partial:
                record[field] = make(self, record)
        return record

    def rows(self, path: str) -> list[Record]:
        """The partial records that every organisation has of a list; two by rule where none are declared."""
        rows = DECLARATIONS[path].rows or ({}, {})
        return [{name: _made(value)(self, {}) for name, value in row.items()} for row in rows]


def _made(value: Any) -> Make:
    """A value with what stands in it for something else, at any depth."""
    make = _filled(value)
    return make if make is not None else lambda chance, record: value


def _filled(value: Any) -> Make | None:
    """The function that fills in a value, None when there is nothing to fill in."""
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, dict | list):
        return None
    parts = [_filled(part) for part in (value.values() if isinstance(value, dict) else value)]
    if not any(parts):
        return None
    if isinstance(value, dict):
        makes = {name: _made(part) for name, part in value.items()}
        return lambda chance, record: {name: make(chance, record) for name, make in makes.items()}
    items = [_made(part) for part in value]
    return lambda chance, record: [make(chance, record) for make in items]


def _text(value: str) -> Make | None:
    """Rule 9 on one text."""
    own = {
        "user_me": lambda chance, record: chance.owner_id,
        "user_*": lambda chance, record: chance.person(),
        "orga_*": lambda chance, record: chance.organization_id,
        "pipe_*": lambda chance, record: chance.pipeline_id,
    }
    if value in own:
        return own[value]
    if found := _COLLEAGUE.fullmatch(value):
        number = int(found[1])
        return lambda chance, record: chance.colleague(number)
    if found := _ID.fullmatch(value):
        return _new_id(found[1])
    if value.startswith("@"):
        return lambda chance, record: record.get(value[1:])
    if value.startswith("~"):
        return lambda chance, record: chance.prose(int(value[1:]))
    if "#" in value:
        return lambda chance, record: value.replace("#", str(chance.number(1, _HIGHEST)))
    return None


def _new_id(prefix: str) -> Make:
    return lambda chance, record: chance.new_id(prefix)


def _ruled(name: str, example: Mapping[str, Any]) -> Make | None:
    """The rules that go by the name of a field; None: no rule."""
    value = example[name]
    if name == "id" and (found := _ID.fullmatch(value)):
        return _new_id(found[1])
    if not isinstance(value, str):
        return _filled(value)
    if name.endswith(("_by", "_by_id")) and value == "user_me":
        return lambda chance, record: record.get("user_id") or chance.owner_id
    base = name.rpartition("_")[0]
    if name.endswith("_name") and (person := _person(base, example)):
        return lambda chance, record: chance.name(record.get(person))
    if value.startswith("+1202555"):
        return lambda chance, record: chance.phone()
    if name.endswith("_formatted") and value.startswith("+1 "):
        return lambda chance, record: formatted(record.get(base))
    if name.endswith("_html") and base in example:
        return lambda chance, record: paragraph(record.get(base))
    if name in ("name", "name_plural"):
        return lambda chance, record: f"{value} {str(record['id'])[-4:]}"
    return _filled(value)


def _person(base: str, example: Mapping[str, Any]) -> str | None:
    """The field with the id of the user whose name stands beside it, None if that is no user."""
    field = base if base in example else f"{base}_id"
    value = example.get(field)
    while isinstance(value, str) and value.startswith("@"):
        value = example.get(value[1:])
    return field if isinstance(value, str) and value.startswith("user_") else None


def _compiled(declaration: Declaration, kind: Mapping[str, Any]) -> _Shape:
    example = {**declaration.example, **kind}
    path = declaration.resource.path
    stamps = declaration.resource.stamps
    makes = {name: SPECIAL.get(path, {}).get(name) or _ruled(name, example) for name in example if name not in stamps}
    computed = {name: make for name, make in makes.items() if make is not None}
    static = {name: None if name in computed else value for name, value in example.items()}
    return _Shape(static, tuple(computed.items()))


def _shapes() -> dict[tuple[str, str | None], _Shape]:
    found: dict[tuple[str, str | None], _Shape] = {}
    for path, declaration in DECLARATIONS.items():
        found[path, None] = _compiled(declaration, {})
        for kind in declaration.rows if declaration.resource.sized else ():
            found[path, kind["_type"]] = _compiled(declaration, kind)
            if kind["_type"] == declaration.example["_type"]:
                found[path, None] = found[path, kind["_type"]]
    return found


_SHAPES = _shapes()
