"""The definitions of custom fields, asked of Close once and shared by all streams of a sync."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .custom_columns import as_json, column, is_known
from .endpoints import CUSTOM_FIELD_SCHEMAS, Endpoint
from .errors import StreamRefused
from .records import Record
from .windows import Part
from .workers import side_by_side

if TYPE_CHECKING:
    from .streams import CloseStream

logger = logging.getLogger("airbyte")

Definitions = Mapping[str, Mapping[str, Any]]
"""The definitions of one kind of object as Close sends them, by id, in the order in which Close shows them."""


class CustomFields:
    """https://developer.close.com/api/resources/custom-fields/custom-field-schemas: shared fields are included.

    A kind is a key of `CUSTOM_FIELD_SCHEMAS`.
    """

    def __init__(self, stream_of: Callable[[Endpoint], "CloseStream"], num_workers: int) -> None:
        self._stream_of = stream_of
        self._num_workers = num_workers
        self._known: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def load(self, kinds: Iterable[str]) -> None:
        """Asks for what is not known yet, all requests beside each other."""
        with self._lock:
            missing = [kind for kind in dict.fromkeys(kinds) if kind not in self._known]
            if not missing:
                return
            streams = [self._stream_of(CUSTOM_FIELD_SCHEMAS[kind]) for kind in missing]
            parts = side_by_side(_parts, streams, self._num_workers)
            asked = [
                (kind, stream, part)
                for kind, stream, each in zip(missing, streams, parts, strict=True)
                for part in each
            ]
            answers = side_by_side(_rows, [(stream, part) for _, stream, part in asked], self._num_workers)
            self._known.update((kind, {}) for kind in missing)
            for (kind, _, _), rows in zip(asked, answers, strict=True):
                self._known[kind] |= {row["id"]: row for row in rows}
            _warn_of_unknown([row for kind in missing for row in self._known[kind].values()])

    def definitions(self, kind: str) -> Definitions:
        self.load([kind])
        return self._known[kind]

    def columns(self, kind: str) -> dict[str, Any]:
        """The JSON Schema properties `custom.cf_<id>` of one kind of object."""
        return {f"custom.{name}": column(definition) for name, definition in self.definitions(kind).items()}


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


def _parts(stream: "CloseStream") -> list[Part]:
    try:
        return list(stream.parts())
    except StreamRefused as refusal:
        _warn_of_refusal(stream, refusal)
        return []


def _rows(asked: "tuple[CloseStream, Part]") -> list[Record]:
    stream, part = asked
    try:
        return list(stream.rows(part, stream.endpoint.page_size))
    except StreamRefused as refusal:
        _warn_of_refusal(stream, refusal)
        return []


def _warn_of_refusal(stream: "CloseStream", refusal: StreamRefused) -> None:
    logger.warning(f"The {stream.name} are columns without a declared type: {refusal}")


def _warn_of_unknown(definitions: list[Mapping[str, Any]]) -> None:
    unknown = sorted({f"{each['id']} ({each.get('type')})" for each in definitions if not is_known(each)})
    if unknown:
        logger.warning(
            "Custom fields that are being converted, or whose type this version does not know, are columns of text: "
            f"{', '.join(unknown[:10])}{' and more' * (len(unknown) > 10)}."
        )
