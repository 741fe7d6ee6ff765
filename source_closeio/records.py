"""From a row as Close sends it to a record: what is on the path of every record, so only what is cheap."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from .custom_columns import Fit, as_json
from .endpoints import Endpoint

Record = dict[str, Any]

CHANGED = "\0changed"
"""The key under which a record holds the names of its columns whose values were made to fit, on its way to `read`."""

TYPES = ("custom_activity_type_id", "custom_object_type_id")
"""The type that a custom field belongs to, and a record is of; the fields of two types may bear one name."""

_ID = re.compile(r"l?cf_[A-Za-z0-9]+")


class Names:
    """The custom fields of one kind of object by their names, for rows that hold values by name only.

    definitions: by id; asked for with the first such row, so that rows with flat keys cost nothing.
    unplaced: the names of values that stand in no column, because no field bears the name, or several do.
    """

    def __init__(self, definitions: Callable[[], Mapping[str, Mapping[str, Any]]] = dict) -> None:
        self._definitions = definitions
        self.unplaced: set[str] = set()

    def place(self, named: Mapping[str, Any], row: Record) -> None:
        """Puts values under the flat keys of their fields; what stands there already stays."""
        for name, value in named.items():
            columns = [
                f"custom.{each}"
                for each, definition in self._by_name.get(name, ())
                if all(definition.get(key) in (None, row.get(key)) for key in TYPES)
            ]
            if len(columns) == 1:
                row.setdefault(columns[0], value)
            elif not columns or any(column not in row for column in columns):
                self.unplaced.add(name)

    @cached_property
    def _by_name(self) -> Mapping[Any, list[tuple[str, Mapping[str, Any]]]]:
        found: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {}
        for each, definition in self._definitions().items():
            found.setdefault(definition.get("name"), []).append((each, definition))
        return found


def shaper(
    endpoint: Endpoint, fits: Mapping[str, Fit] | None = None, names: Names | None = None
) -> Callable[[Record], Record]:
    """The function that makes a record of this endpoint of a row; it may change the row in place.

    fits: what makes a value fit its column, by the column's name.
    names: whose values are whose where a row holds custom fields by name; keeps account of those that nobody's are.
    """
    names = names or Names()
    json_text, naive = endpoint.json_text, endpoint.naive
    left_out = (*endpoint.secrets, "__object_type") if endpoint.object_type else endpoint.secrets  # search's own word

    def shape(row: Record) -> Record:
        if endpoint.columns:
            row = {column: _at(row, path) for column, path in endpoint.columns.items()}
        if "custom" in row:
            _flatten_custom(row, names)
        for name in json_text:
            value = row.get(name)
            # A key without admin rights gets rows without these properties; the column is there all the same.
            row[name] = None if value is None else as_json(value)
        for name in naive:
            value = row.get(name)
            if value and not _has_offset(value):
                row[name] = value + "+00:00"
        for name in left_out:
            row.pop(name, None)
        if fits:
            _make_fit(row, fits)
        return row

    return shape


def _at(row: Record, path: tuple[str, ...]) -> Any:
    """What a row holds at a path; None where the path ends early."""
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _flatten_custom(row: Record, names: Names) -> None:
    """Custom field values belong under flat `custom.cf_<id>` keys (https://developer.close.com/topics/custom-fields).

    Lists send them so, next to a deprecated dict of names to values that repeats them. The search endpoint was seen to
    send flat keys, and a dict of ids to values, and may send the dict of names alone; all end up flat.
    """
    custom = row.pop("custom")
    if not isinstance(custom, dict):
        return
    named = {}
    for key, value in custom.items():
        if _ID.fullmatch(key):
            row.setdefault(f"custom.{key}", value)
        elif value is not None:
            named[key] = value
    if named and not _are_repeated(list(named.values()), row):
        names.place(named, row)


def _are_repeated(values: list[Any], row: Record) -> bool:
    """Whether each value stands under a flat key of its own; then nobody has to be asked which."""
    flat = [value for name, value in row.items() if name.startswith("custom.")]
    for value in values:
        if value not in flat:
            return False
        flat.remove(value)
    return True


def _make_fit(row: Record, fits: Mapping[str, Fit]) -> None:
    changed = []
    for name, value in row.items():
        fit = fits.get(name)
        if fit is not None:
            fitted = fit(value)
            if fitted is not value:
                row[name] = fitted
                changed.append(name)
    if changed:
        row[CHANGED] = changed


def _has_offset(moment: str) -> bool:
    return moment.endswith("Z") or "+" in moment[10:] or "-" in moment[10:]
