"""The streams of a profile, the catalogue that shows them, and what a given catalogue selects of them.

https://hub.meltano.com/singer/spec#catalog-files
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from airbyte_cdk.models import AirbyteStream

from source_closeio.errors import CatalogError

from .compat import COMPAT, SDC_DELETED_AT, Row, name_as_singer_does
from .narrowing import Schema, narrowed
from .steps import Path, Tree, tree_of

Document = Mapping[str, Any]
"""A catalogue as its file holds it."""


@dataclass(frozen=True)
class TapStream:
    """What is offered, and what of it is wanted."""

    row: Row
    source: AirbyteStream
    """The connector's stream, with the schema that its records are to fit."""
    schema: Schema
    """What targets are told; deselected properties are not in it."""
    keys: tuple[str, ...]
    cursor: str | None
    """The property that its bookmark is of; None where the stream is read whole each time."""
    deselected: tuple[Path, ...] = ()
    """Paths of properties that are not wanted."""
    whole: bool = False
    """Read from the beginning, whatever the state says."""

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def has_versions(self) -> bool:
        """Whether targets are told of what is no longer there by what is: of a list, in a profile that tells of it."""
        return self.cursor is None and self.row.deleted_at is not None

    @property
    def automatic(self) -> tuple[str, ...]:
        """The properties that no selection takes away."""
        return (*self.keys, self.cursor) if self.cursor else self.keys


def streams_of(profile: str, discovered: Sequence[AirbyteStream]) -> list[TapStream]:
    """profile: `compat` or `native`."""
    by_name = {each.name: each for each in discovered}
    rows = COMPAT if profile == "compat" else [_native(name) for name in by_name]
    return [_stream(row, by_name[row.source]) for row in rows]


def _native(name: str) -> Row:
    return Row(name, name, reshape=name_as_singer_does, deleted_at=SDC_DELETED_AT)


def _stream(row: Row, source: AirbyteStream) -> TapStream:
    schema = row.schema(source.json_schema)
    # A key inside an object cannot be one of Singer's.
    keys = tuple(path[0] for path in source.source_defined_primary_key or () if len(path) == 1)
    cursor = (source.default_cursor_field or [None])[0]
    never_null = [key for key in keys if key not in row.declared]
    return TapStream(row, replace(source, json_schema=schema), narrowed(schema, never_null), keys, cursor)


def document(streams: Sequence[TapStream]) -> dict[str, Any]:
    """The catalogue that `--discover` prints."""
    return {
        "streams": [
            {
                "tap_stream_id": stream.name,
                "stream": stream.name,
                "key_properties": list(stream.keys),
                "schema": stream.schema,
                "metadata": [
                    {"breadcrumb": [], "metadata": _stream_metadata(stream)},
                    *_fields_metadata(stream.schema, stream.automatic),
                ],
            }
            for stream in streams
        ]
    }


def _stream_metadata(stream: TapStream) -> dict[str, Any]:
    return {
        "inclusion": "available",
        "table-key-properties": list(stream.keys),
        "forced-replication-method": "INCREMENTAL" if stream.cursor else "FULL_TABLE",
        **({"valid-replication-keys": [stream.cursor]} if stream.cursor else {}),
    }


def _fields_metadata(
    schema: Mapping[str, Any], automatic: Collection[str], above: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    for name, inner in schema.get("properties", {}).items():
        breadcrumb = (*above, "properties", name)
        inclusion = "automatic" if name in automatic else "available"
        yield {"breadcrumb": list(breadcrumb), "metadata": {"inclusion": inclusion}}
        yield from _fields_metadata(inner, (), breadcrumb)


@dataclass(frozen=True)
class Asked:
    """What a catalogue says of one stream. unwanted: the breadcrumbs of properties."""

    selected: bool
    whole: bool
    unwanted: tuple[tuple[str, ...], ...]


def select(streams: Sequence[TapStream], given: Document) -> tuple[list[TapStream], list[str]]:
    """The wanted streams, in our order, and the names in the given catalogue that we do not know.

    Schemas and keys are ours; the given catalogue says what is wanted of them and how it is to be read. Raises
    CatalogError.
    """
    asked = _asked(given)
    known = {stream.name: stream for stream in streams}
    wanted = [_wanted(known[name], asked[name]) for name in known if name in asked and asked[name].selected]
    return wanted, [name for name in asked if name not in known]


def _asked(given: Document) -> dict[str, Asked]:
    if not isinstance(given.get("streams"), list):
        raise CatalogError(
            'The catalog holds no `streams`: it must be like {"streams": [{"tap_stream_id": "leads", ...}]}.'
        )
    asked: dict[str, Asked] = {}
    for entry in given["streams"]:
        name = isinstance(entry, dict) and (entry.get("tap_stream_id") or entry.get("stream"))
        if not isinstance(name, str):
            raise CatalogError('Each of the `streams` of the catalog must be like {"tap_stream_id": "leads", ...}.')
        if name in asked:
            raise CatalogError(f"The catalog has stream {name} more than once; keep one of them.")
        asked[name] = _asked_of(name, entry)
    return asked


def _asked_of(stream: str, entry: Mapping[str, Any]) -> Asked:
    """`selected` stands in the stream's metadata, or where older catalogues have it."""
    about = _metadata(stream, entry)
    whole = about.pop((), {})
    older = (_held(stream, entry, "schema", dict).get("selected"), entry.get("selected"))
    return Asked(
        selected=_flag(stream, whole.get("selected"), *older, whole.get("selected-by-default")) is True,
        whole=(whole.get("replication-method") or entry.get("replication_method")) == "FULL_TABLE",
        unwanted=tuple(breadcrumb for breadcrumb, each in about.items() if _is_unwanted(stream, each)),
    )


def _metadata(stream: str, entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """By breadcrumb; that of the stream itself is empty."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in _held(stream, entry, "metadata", list):
        if not isinstance(each, dict):
            raise CatalogError(f"The catalog cannot be read at stream {stream}: `metadata` must hold objects.")
        breadcrumb = tuple(_held(stream, each, "breadcrumb", list))
        if not all(isinstance(word, str) for word in breadcrumb):
            raise CatalogError(f"The catalog cannot be read at stream {stream}: `breadcrumb` must hold texts.")
        found.setdefault(breadcrumb, {}).update(_held(stream, each, "metadata", dict))
    return found


Kind = TypeVar("Kind", dict[str, Any], list[Any])


def _held(stream: str, holder: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    """The object or list of this name; null, and what is not there, is an empty one."""
    value = holder.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise CatalogError(f"The catalog cannot be read at stream {stream}: `{name}` must be {wanted}.")
    return value


def _flag(stream: str, *given: Any) -> bool | None:
    """The first that is set. The specification's own example writes it as a text."""
    for flag in given:
        if flag is not None:
            if (text := str(flag).lower()) not in ("true", "false"):
                raise CatalogError(f"The catalog cannot be read at stream {stream}: `selected` must be true or false.")
            return text == "true"
    return None


def _is_unwanted(stream: str, about: Mapping[str, Any]) -> bool:
    asked = _flag(stream, about.get("selected"), about.get("selected-by-default"))
    return asked is False or about.get("inclusion") == "unsupported"


def _wanted(stream: TapStream, asked: Asked) -> TapStream:
    unwanted = map(_path, asked.unwanted)
    deselected = tuple(path for path in unwanted if path and not (len(path) == 1 and path[0] in stream.automatic))
    return replace(
        stream,
        schema=_pruned(stream.schema, tree_of(deselected)),
        deselected=deselected,
        whole=asked.whole,
    )


def _path(breadcrumb: Sequence[str]) -> Path:
    """`["properties", "contacts", "items", "properties", "email"]` -> `("contacts", "email")`, with `items` or not."""
    path: list[str] = []
    words = iter(breadcrumb)
    for word in words:
        if word == "properties":
            path += [name for name in (next(words, None),) if name is not None]
    return tuple(path)


def _pruned(schema: Schema, tree: Tree) -> Schema:
    pruned = dict(schema)
    if "properties" in schema:
        pruned["properties"] = {
            name: _pruned(inner, tree[name]) if name in tree else inner
            for name, inner in schema["properties"].items()
            if tree.get(name) != {}
        }
    if "items" in schema:
        pruned["items"] = _pruned(schema["items"], tree)
    return pruned
