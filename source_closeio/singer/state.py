"""The state: `{"bookmarks": {stream: {cursor: "..."}}, "currently_syncing": null}`, as tap-closeio writes and reads it.

The value of a bookmark is the state of the connector's stream.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
)

from source_closeio.errors import StateError
from source_closeio.windows import INDEX_LAG, parse_moment, state_text

from .catalog import TapStream

Value = dict[str, Any]

OURS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

OFFSET = "offset"
"""Where tap-closeio was in mid-window; applied to other bounds it skipped records, so nobody gets it back."""


def taken_over(given: Mapping[str, Any], known: Collection[str]) -> Value:
    """The value that a sync goes on from. known: the names of our streams; what is not ours is carried along.

    Bookmarks of tap-closeio go up to the last record that it saw. What Close's lists had not shown by then is read
    now: its bookmarks are put back by as long as the lists may be late.
    """
    bookmarks = given.get("bookmarks", {})
    if not isinstance(bookmarks, Mapping) or (given and not {"bookmarks", "currently_syncing"} & given.keys()):
        raise StateError('The state holds no `bookmarks`: it must be like {"bookmarks": {"leads": {...}}}.')
    return {
        **given,
        "bookmarks": {name: _bookmark(name, each) if name in known else each for name, each in bookmarks.items()},
        # A stream that is named here would be where tap-closeio begins, leaving out those before it.
        "currently_syncing": None,
    }


def _bookmark(stream: str, given: Any) -> Any:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise StateError(
            f'The bookmark of stream {stream} must be like {{"date_updated": "2026-01-31T09:30:00.000000Z"}}; mend it, '
            "or leave it out to read the stream from the beginning."
        )
    return {key: _moment(value) for key, value in given.items() if key != OFFSET}


def _moment(value: Any) -> Any:
    try:
        if not OURS.fullmatch(value):
            return state_text(parse_moment(value) - INDEX_LAG)
    except (TypeError, ValueError, OverflowError):
        pass  # no date: whoever reads it says so
    return value


def for_source(value: Value, streams: Iterable[TapStream]) -> list[AirbyteStateMessage]:
    return [
        AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(
                StreamDescriptor(name=stream.source.name), AirbyteStateBlob(value["bookmarks"][stream.name])
            ),
        )
        for stream in streams
        if isinstance(value["bookmarks"].get(stream.name), Mapping)
    ]


def moved(value: Value, stream: str, blob: Mapping[str, Any]) -> Value:
    """The value after a state of one stream; a stream that is read whole each time has none to remember."""
    bookmark = {key: each for key, each in blob.items() if not key.startswith("__ab_")}
    return {**value, "bookmarks": {**value["bookmarks"], stream: bookmark}} if bookmark else value
