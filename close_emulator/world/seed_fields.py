"""The custom fields of a synthetic organisation, and the values its records have in them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store

# Of every ten fields half belong to leads.
_LISTS = (
    "lead",
    "contact",
    "lead",
    "activity",
    "lead",
    "opportunity",
    "lead",
    "shared",
    "lead",
    "custom_object_type",
)
# Types, each with whether the field accepts multiple values.
_FORMS = (
    ("text", False),
    ("number", False),
    ("date", False),
    ("datetime", False),
    ("choices", False),
    ("user", False),
    ("choices", True),
    ("contact", False),
    ("custom_object", False),
    ("user", True),
    ("hidden", False),
    ("url", False),
    ("contact", True),
    ("custom_object", True),
)
# Only fields of custom activities hold more than a line of text.
_ACTIVITY_FORMS = (("textarea", False), *_FORMS)
_CHOICES = ["Bronze", "Silver", "Gold"]
_TEXTS: Mapping[str, list[Any]] = {
    "text": ["short", "a somewhat longer text", "Zürich"],
    "number": [1, 2.5, 300],
    "date": ["2025-03-01", "2025-11-30"],
    "datetime": ["2025-03-01T10:00:00+00:00", "2025-11-30T16:30:00.500000+00:00"],
    "choices": _CHOICES,
    "hidden": ["81c4f0", "5d09aa"],
    "url": ["https://example.com/a", "https://example.com/b?c=d"],
    "textarea": ["First line\nSecond line", "One line"],
}
# Every so many fields one is being converted to another type.
_CONVERTING = 20


class CustomValues:
    """Deals out values of custom fields."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._fields: dict[str, list[tuple[str, list[Any]]]] = {}

    def define(self, owner: str, field_id: str, values: list[Any]) -> None:
        """A field of leads, contacts or opportunities, or of the custom type of that id, takes these values."""
        self._fields.setdefault(owner, []).append((f"custom.{field_id}", values))

    def of(self, owner: str) -> dict[str, Any]:
        """Values for one record; three fields in ten are not set, and so absent."""
        dice = self._dice.random
        return {key: values[int(dice() * len(values))] for key, values in self._fields.get(owner, ()) if dice() < 0.7}


class FieldMaker:
    """Makes definitions that fit an organisation with these contacts and custom objects."""

    def __init__(
        self, store: Store, maker: Maker, dice: random.Random, contacts: Sequence[str], objects: Sequence[str]
    ) -> None:
        self._store = store
        self._maker = maker
        self._contacts = contacts
        self._objects = objects
        self._activity_types = list(store.held("custom_activity/"))
        self._object_types = list(store.held("custom_object_type/"))
        self._counts: dict[str, int] = {}
        self.values = CustomValues(dice)

    def make(self, number: int, start: int) -> None:
        """Hold the definition of that number; the types of each list take turns."""
        kind = _LISTS[number % len(_LISTS)]
        turn = self._counts[kind] = self._counts.get(kind, -1) + 1
        forms = _ACTIVITY_FORMS if kind == "activity" else _FORMS
        # Lists begin at different types, so that a few fields show many.
        form, many = forms[(turn + 3 * _LISTS.index(kind)) % len(forms)]
        path = f"custom_field/{kind}/"
        partial: dict[str, Any] = {
            "name": f"{form.replace('_', ' ').title()} {number + 1}",
            "description": None if number % 3 else f"What is known of {form}",
            "type": form,
            "accepts_multiple_values": many,
            "date_created": self._maker.spelled(path, start + number * moments.HOUR),
        }
        if form == "choices":
            partial["choices"] = _CHOICES
        if form == "custom_object":
            partial["referenced_custom_type_id"] = self._object_types[turn % len(self._object_types)]
            partial["back_reference_is_visible"] = True
        if number % _CONVERTING == _CONVERTING - 6:
            partial["converting_to_type"] = "text"
        owners = [kind]
        if kind == "activity":
            owners = [self._activity_types[turn % len(self._activity_types)]]
            partial.update(custom_activity_type_id=owners[0], required=turn % 2 == 1)
        elif kind == "custom_object_type":
            owners = [self._object_types[turn % len(self._object_types)]]
            partial.update(custom_object_type_id=owners[0], required=turn % 2 == 1)
        elif kind == "shared":
            owners, partial["associations"] = self._associations(turn)
        record = self._maker.complete(path, partial)
        self._store.put(RESOURCES[path], record)
        values = self._values(form, many, record)
        for owner in owners:
            self.values.define(owner, record["id"], values)

    def _associations(self, turn: int) -> tuple[list[str], list[dict[str, Any]]]:
        """Two kinds of objects that share a field, in turns with and without custom types."""
        activity, thing = self._activity_types[0], self._object_types[0]
        typed: Mapping[str, dict[str, str]] = {
            activity: {"object_type": "custom_activity_type", "custom_activity_type_id": activity},
            thing: {"object_type": "custom_object_type", "custom_object_type_id": thing},
        }
        pairs = (("lead", "contact"), ("lead", activity), ("opportunity", thing), ("contact", activity, thing))
        owners = list(pairs[turn % len(pairs)])
        return owners, [
            {**typed.get(owner, {"object_type": owner}), "editable_with_roles": [], "required": False}
            for owner in owners
        ]

    def _values(self, form: str, many: bool, record: Mapping[str, Any]) -> list[Any]:
        """A few values that fit a definition."""
        if form == "user":
            found: Sequence[Any] = [self._maker.person(), self._maker.person(), self._maker.person()]
        elif form == "contact":
            found = self._contacts or [self._maker.new_id("cont")]
        elif form == "custom_object":
            place = self._object_types.index(record["referenced_custom_type_id"])
            found = self._objects[place :: len(self._object_types)] or [self._maker.new_id("custobj")]
        else:
            found = _TEXTS[form]
        return [list(found[:1]), list(found[-2:])] if many else list(found)
