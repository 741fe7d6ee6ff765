"""The definitions of custom fields: asked of Close once, before the streams are read, and plain data from then on.

https://developer.close.com/api/resources/custom-fields/custom-field-schemas: shared fields are included.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .custom_columns import as_json, column, is_known
from .endpoints import CUSTOM_FIELD_SCHEMAS, Endpoint
from .errors import NothingThere, StreamRefused
from .records import Record
from .workers import side_by_side

logger = logging.getLogger("airbyte")

Definitions = Mapping[str, Mapping[str, Any]]
"""The definitions of one kind of object as Close sends them, by id, in the order in which Close shows them."""


def load(kinds: Iterable[str], rows_of: Callable[[Endpoint], list[Record]], num_workers: int) -> dict[str, Definitions]:
    """The definitions by kind, a key of `CUSTOM_FIELD_SCHEMAS`. rows_of: reads a list; may raise StreamRefused."""

    def readable(kind: str, endpoint: Endpoint) -> list[Record]:
        try:
            return rows_of(endpoint)
        except StreamRefused as refusal:
            logger.warning(f"The {kind} custom fields are columns without a declared type: {refusal}")
            return []

    def lists(kind: str) -> list[Endpoint]:
        schema = CUSTOM_FIELD_SCHEMAS[kind]
        if schema.parent is None:
            return [schema]
        return [each for row in readable(kind, schema.parent.of) for each in schema.of(row["id"])]

    def rows(asked: tuple[str, Endpoint]) -> list[Record]:
        kind, endpoint = asked
        try:
            return readable(kind, endpoint)
        except NothingThere:
            if endpoint is CUSTOM_FIELD_SCHEMAS[kind]:
                raise
            return []  # its type was deleted meanwhile

    wanted = list(dict.fromkeys(kinds))
    found = side_by_side(lists, wanted, num_workers)
    asked = [(kind, endpoint) for kind, each in zip(wanted, found, strict=True) for endpoint in each]
    loaded: dict[str, dict[str, Mapping[str, Any]]] = {kind: {} for kind in wanted}
    for (kind, _), answer in zip(asked, side_by_side(rows, asked, num_workers), strict=True):
        loaded[kind] |= {row["id"]: row for row in answer}
    _warn_of_unknown([each for definitions in loaded.values() for each in definitions.values()])
    return dict(loaded)


def columns(definitions: Definitions) -> dict[str, Any]:
    """The JSON Schema properties `custom.cf_<id>` of one kind of object, in an order that nobody changes in Close."""
    return {f"custom.{name}": column(definitions[name]) for name in sorted(definitions)}


def values_of(kind: str, record: Record, definitions: Definitions) -> Iterator[Record]:
    """The custom field values of one record, one row each, as text."""
    for key, given in record.items():
        if key.startswith("custom.") and given is not None:
            name = key.removeprefix("custom.")
            definition = definitions.get(name, {})
            for position, value in enumerate(given if isinstance(given, list) else [given]):
                yield {
                    "id": f"{record['id']}/{name}/{position}",
                    "object_type": kind,
                    "object_id": record["id"],
                    "custom_field_id": name,
                    "name": definition.get("name"),
                    "type": definition.get("type"),
                    "position": position,
                    "value": value if isinstance(value, str) else as_json(value),
                }


def _warn_of_unknown(definitions: list[Mapping[str, Any]]) -> None:
    unknown = sorted({f"{each['id']} ({each.get('type')})" for each in definitions if not is_known(each)})
    if unknown:
        logger.warning(
            "Custom fields that are being converted, or whose type this version does not know, are columns of text: "
            f"{', '.join(unknown[:10])}{' and more' * (len(unknown) > 10)}."
        )
