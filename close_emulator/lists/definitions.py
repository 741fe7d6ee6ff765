"""Custom fields and whose they are: the order of a schema, and the copies that custom types carry of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.store.encoding import dumps
from close_emulator.store.records import Store
from close_emulator.store.table import Row

_PATH = "custom_field/"
_SHARED = f"{_PATH}shared/"
# The word in the path of a schema, the list of its own fields, the word in an association, the field with the type's
# id, and the list of types.
_KINDS = (
    ("lead", "lead", "lead", None, None),
    ("contact", "contact", "contact", None, None),
    ("opportunity", "opportunity", "opportunity", None, None),
    ("activity", "activity", "custom_activity_type", "custom_activity_type_id", "custom_activity/"),
    (
        "custom_object",
        "custom_object_type",
        "custom_object_type",
        "custom_object_type_id",
        "custom_object_type/",
    ),
)
# What a custom type tells of each of its fields.
_TOLD = (
    "id",
    "name",
    "description",
    "type",
    "choices",
    "accepts_multiple_values",
    "editable_with_roles",
    "referenced_custom_type_id",
    "back_reference_is_visible",
    "converting_to_type",
    "required",
)


class Definitions:
    """Answers by reading the definitions held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def schema(self, kind: str, type_id: str) -> bytes | None:
        """The schema of a kind of object, or of one custom type, as a JSON text; None when there is none."""
        found = next((row for row in _KINDS if row[0] == kind), None)
        if found is None:
            return None
        name, types = kind.title(), found[4]
        if types is not None:
            owner = self._store.find(types, type_id)
            if owner is None:
                return None
            name = owner.encoded.value("name")
        rows = self._fields(kind, type_id)
        texts = b",".join(row.encoded.text for row in rows)
        return b'{"name":%s,"object_type":%s,"fields":[%s]}' % (dumps(name), dumps(kind), texts)

    def name(self, field_id: str) -> str:
        """What people call a field; its id where it is not defined."""
        for path in RESOURCES:
            row = self._store.find(path, field_id) if path.startswith(_PATH) else None
            if row is not None:
                return str(row.encoded.value("name"))
        return field_id

    def changed(self, path: str) -> None:
        """Records of a list changed; where those are fields, what repeats them is told anew."""
        if not path.startswith(_PATH):
            return
        for lead in self._store.held("lead/").values():
            lead.tail = None  # it spells the names of fields
        self.embed()

    def embed(self) -> None:
        """Give each custom type its fields, and custom object types the fields that refer to them."""
        for kind, _, _, _, types in _KINDS:
            for owner in list(self._store.held(types).values()) if types else ():
                record = owner.encoded.record()
                record["fields"] = [_told(row) for row in self._fields(kind, owner.id)]
                if types == "custom_object_type/":
                    record["back_reference_fields"] = [_told(row) for row in self._referring(owner.id)]
                if record != owner.encoded.record():
                    self._store.put(RESOURCES[owner.resource.path], record, keep_place=True)

    def _fields(self, kind: str, type_id: str) -> list[Row]:
        """The fields of an object, its own and those it shares, in the order they were made."""
        _, own, associated, typed, _ = next(row for row in _KINDS if row[0] == kind)
        rows = [
            row
            for row in self._store.held(f"{_PATH}{own}/").values()
            if typed is None or row.encoded.value(typed) == type_id
        ]
        rows += [
            row
            for row in self._store.held(_SHARED).values()
            if any(
                each.get("object_type") == associated and (typed is None or each.get(typed) == type_id)
                for each in row.encoded.value("associations") or ()
            )
        ]
        return sorted(rows, key=lambda row: row.number)

    def _referring(self, type_id: str) -> list[Row]:
        return [
            row
            for path in RESOURCES
            if path.startswith(_PATH)
            for row in self._store.held(path).values()
            if row.encoded.value("referenced_custom_type_id") == type_id
        ]


def _told(row: Row) -> Mapping[str, Any]:
    record = row.encoded.record()
    return {name: record[name] for name in _TOLD if name in record}
