"""The streams of a profile, the catalogue that shows them, and what a given catalogue selects of them.

https://hub.meltano.com/singer/spec#catalog-files
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airbyte_cdk.models import AirbyteStream

from .compat import COMPAT, Row
from .messages import Failed
from .record import Path, Tree, tree_of
from .schema import Schema, narrowed

Document = Mapping[str, Any]
"""A catalogue as its file holds it."""


@dataclass(frozen=True)
class Stream:
    """What is offered, and what of it is wanted.

    source: the connector's stream, with the schema that its records are to fit.
    schema: what targets are told; deselected properties are not in it.
    cursor: the property that its bookmark is of; None where the stream is read whole each time.
    deselected: paths of properties that are not wanted.
    whole: read from the beginning, whatever the state says.
    """

    row: Row
    source: AirbyteStream
    schema: Schema
    keys: tuple[str, ...]
    cursor: str | None
    deselected: tuple[Path, ...] = ()
    whole: bool = False

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def automatic(self) -> tuple[str, ...]:
        """The properties that no selection takes away."""
        return (*self.keys, self.cursor) if self.cursor else self.keys


def streams_of(profile: str, discovered: Sequence[AirbyteStream]) -> list[Stream]:
    """profile: `compat` or `native`."""
    by_name = {each.name: each for each in discovered}
    rows = COMPAT if profile == "compat" else [Row(name, name) for name in by_name]
    return [_stream(row, by_name[row.source]) for row in rows]


def _stream(row: Row, source: AirbyteStream) -> Stream:
    schema = row.schema(source.json_schema)
    # A key inside an object cannot be one of Singer's.
    keys = tuple(path[0] for path in source.source_defined_primary_key or () if len(path) == 1)
    cursor = (source.default_cursor_field or [None])[0]
    never_null = [key for key in keys if key not in row.declared]
    return Stream(row, replace(source, json_schema=schema), narrowed(schema, never_null), keys, cursor)


def document(streams: Sequence[Stream]) -> dict[str, Any]:
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


def _stream_metadata(stream: Stream) -> dict[str, Any]:
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


def select(streams: Sequence[Stream], given: Document) -> tuple[list[Stream], list[str]]:
    """The wanted streams, in our order, and the names in the given catalogue that we do not know.

    Schemas and keys are ours; the given catalogue says what is wanted of them and how it is to be read. Raises Failed.
    """
    if not isinstance(given.get("streams"), list):
        raise Failed('The catalog holds no `streams`: it must be like {"streams": [{"tap_stream_id": "leads", ...}]}.')
    entries = {entry.get("tap_stream_id") or entry.get("stream"): entry for entry in given["streams"]}
    known = {stream.name: stream for stream in streams}
    wanted = [_wanted(known[name], entries[name]) for name in known if name in entries and _is_selected(entries[name])]
    return wanted, [str(name) for name in entries if name not in known]


def _is_selected(entry: Mapping[str, Any]) -> bool:
    """By the stream's metadata, else as older catalogues have it."""
    about = _metadata(entry).get((), {})
    asked = (about.get("selected"), entry.get("schema", {}).get("selected"), entry.get("selected"))
    for each in (*asked, about.get("selected-by-default")):
        if each is not None:
            return _is_true(each)
    return False


def _wanted(stream: Stream, entry: Mapping[str, Any]) -> Stream:
    metadata = _metadata(entry)
    method = metadata.get((), {}).get("replication-method") or entry.get("replication_method")
    unwanted = [_path(breadcrumb) for breadcrumb, about in metadata.items() if breadcrumb and _is_unwanted(about)]
    deselected = tuple(path for path in unwanted if path and not (len(path) == 1 and path[0] in stream.automatic))
    return replace(
        stream,
        schema=_pruned(stream.schema, tree_of(deselected)),
        deselected=deselected,
        whole=method == "FULL_TABLE",
    )


def _metadata(entry: Mapping[str, Any]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(each.get("breadcrumb") or ()): each.get("metadata", {}) for each in entry.get("metadata") or ()}


def _is_unwanted(about: Mapping[str, Any]) -> bool:
    asked = about.get("selected", about.get("selected-by-default"))
    return about.get("inclusion") == "unsupported" or (asked is not None and not _is_true(asked))


def _is_true(flag: object) -> bool:
    """A flag of the metadata; the specification's own example writes it as a text."""
    return flag is True or str(flag).lower() == "true"


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
