"""Rows of a stream by their ids: many at a time, and one by one wherever that is not proven to be all.

Close ignores parameters that it does not know, may take fewer ids than it is given, and its lists are late. So an
answer counts only as far as it holds nothing but what was asked for, and that a row is not there only if a row that
is there, asked for last, came too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from .endpoints import ACTIVITIES, ENDPOINTS, Endpoint, Walk
from .errors import NothingThere, Problem, StreamRefused, TryLater
from .records import Record
from .streams import CloseStream, Connection, stream_of
from .workers import side_by_side

MOST = 99
"""Ids of one request, beside that of the witness."""

AT_ONCE = 5
"""Requests; so many pages of rows are held meanwhile."""

PATHS: Mapping[str, str] = {
    **{event: f"activity/{kind}" for (_, kind), events in ACTIVITIES.items() for event in events},
    **{
        event: f"{endpoint.object_type}/" if endpoint.object_type else endpoint.path
        for endpoint in ENDPOINTS
        if endpoint.is_followed and endpoint.window and endpoint.window.cursor == "date_updated"
        for event in endpoint.events
    },
}
"""Below which a row has a path of its own, by its type in the event log."""


@dataclass(frozen=True)
class Look:
    """What came of an id: the row; or that there is none; or neither, where this key may not know.

    is_whole: whether the row has all its columns.
    """

    row: Record | None = None
    is_gone: bool = False
    is_whole: bool = True


Doubt = Callable[[str, Look], bool]
"""Whether what came of an id, together with others, is not to be believed."""


class ById:
    def __init__(self, stream: CloseStream, connection: Connection) -> None:
        self._stream = stream
        self._list, self._is_whole = _list_of(stream, connection)
        self._most = MOST
        self._witness = ""

    def many(self, kinds: Mapping[str, str], is_doubtful: Doubt) -> Iterator[tuple[str, Look]]:
        """What comes of each id; kinds: the types of the objects, by id. What is doubtful is asked for by itself.

        Raises Problem.
        """
        left = list(kinds)
        first, left = left[: self._most], left[self._most :]
        looks = partial(self._looks, kinds, is_doubtful)
        yield from looks(first)  # tells how many can be asked for at once
        while left:
            size = self._most
            pages = [left[start : start + size] for start in range(0, min(len(left), AT_ONCE * size), size)]
            left = left[len(pages) * size :]
            for page in side_by_side(looks, pages, AT_ONCE):
                yield from page

    def _looks(self, kinds: Mapping[str, str], is_doubtful: Doubt, asked: Sequence[str]) -> list[tuple[str, Look]]:
        if len(asked) < 2:
            return [(each, self.one(kinds[each], each)) for each in asked]
        found, is_all = self._page(asked)
        looks = {each: Look(row, is_whole=self._is_whole) for each, row in found.items()}
        missing = [each for each in asked if each not in found]
        if is_all:
            looks.update((each, Look(is_gone=True)) for each in missing)
        elif missing:
            self._most = size = max(1, len(asked) // 2)
            for start in range(0, len(missing), size):
                looks.update(self._looks(kinds, is_doubtful, missing[start : start + size]))
        return [
            (each, self.one(kinds[each], each) if is_doubtful(each, look) else look) for each, look in looks.items()
        ]

    def one(self, kind: str, row_id: str) -> Look:
        """Of lists and searches it is known that they are late, of this not."""
        try:
            return Look(self._stream.row_at(f"{PATHS[kind]}{row_id}/"))
        except NothingThere:
            return Look(is_gone=True)
        except StreamRefused:
            return Look()

    def _page(self, ids: Sequence[str]) -> tuple[dict[str, Record], bool]:
        """The rows by their ids, and whether those that did not come are not there."""
        try:
            witness = self._someone(ids)
            rows = self._list.by_ids([*ids, witness] if witness else ids)
        except TryLater:
            raise
        except Problem:  # it does not understand this way of asking, or not of so many
            return {}, False
        found = {row["id"]: row for row in rows}
        if found.keys() - {*ids, witness}:
            return {}, False
        is_all = found.pop(witness, None) is not None
        if found and not self._witness:
            self._witness = next(iter(found))
        return found, is_all

    def _someone(self, ids: Sequence[str]) -> str:
        """The id of a row that is there and not among these; nothing where there is none."""
        witness = self._witness
        if not witness or witness in ids:
            self._witness = witness = next((row["id"] for row in self._list.any_row() if row["id"] not in ids), "")
        return witness


def _list_of(stream: CloseStream, connection: Connection) -> tuple[CloseStream, bool]:
    """Who picks rows by ids, and whether those have all columns."""
    endpoint: Endpoint = stream.endpoint
    if endpoint.ids or endpoint.walk is Walk.SEARCH:
        return stream, True
    (kind,) = endpoint.events
    search = replace(endpoint, path="data/search/", walk=Walk.SEARCH, object_type=kind, fields=("id",), params={})
    return stream_of(search, connection, stream.meter), False
