"""What one stream makes of the event log: rows that its own reading did not meet, and tombstones of those deleted."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from .by_id import ById, Look
from .changes import Change, Changes, Follower, state_of
from .custom_columns import as_json
from .endpoints import Endpoint, Walk
from .errors import NothingThere, Problem
from .records import Record
from .schemas import DELETED_AT
from .streams import CloseStream, Connection, stream_of
from .windows import Part, parse_moment

logger = logging.getLogger("airbyte")

APART = timedelta(seconds=1)
"""Less than that between the moments of a change and of its event is none: Close stamps them one after the other."""


class Capture:
    """Of one stream in one sync that goes on from an earlier one."""

    def __init__(
        self, stream: CloseStream, changes: Changes, since: datetime, searched: datetime, connection: Connection
    ) -> None:
        """since: from when on the log has not been followed yet. searched: the same of edits, which is later where they
        were searched for. state: what a state says of that."""
        self.state = state_of(since, searched)
        self._stream = stream
        self._endpoint: Endpoint = stream.endpoint
        self._changes = changes
        self._follower = Follower(stream.name, self._endpoint.events, since, searched)
        changes.register(self._follower)
        self._connection = connection
        self._wants_tombstones = DELETED_AT in stream.columns
        self._after = (since - APART).isoformat()[:19]
        self._read: dict[str, tuple[str, str, int]] = {}
        self._lock = threading.Lock()

    def note(self, record: Mapping[str, Any]) -> None:
        """That the stream's own reading brought a row; older ones are of no interest."""
        updated = record.get("date_updated")
        if updated and updated[:19] >= self._after:
            with self._lock:
                self._read[record["id"]] = (updated, record.get(self._cursor) or updated, _print_of(record))

    def records(self) -> Iterator[Record]:
        """The rows that changed, then tombstones. What fails is a warning, and asked for again by the next sync."""
        try:
            yield from self._records()
            self.state = self._changes.state(self._follower)
        except Problem as problem:
            logger.warning(
                f"Stream {self._endpoint.name} lacks some edits and deletes that Close's event log tells of: {problem} "
                "The next sync asks for them again."
            )

    def _records(self) -> Iterator[Record]:
        changes = {row_id: (kind, each) for kind, row_id, each in self._changes.of(self._follower)}
        asked = {row_id: kind for row_id, (kind, each) in changes.items() if self._is_to_ask(row_id, each)}
        by_id = ById(self._stream, self._connection)
        gone: list[tuple[str, Change]] = []
        for row_id, look in by_id.many(asked, lambda row_id, look: _is_doubtful(look, changes[row_id][1])):
            _, change = changes[row_id]
            if look.row is not None:
                if self._is_new(look.row, change):
                    yield from self._unless_read(self._stream.shaped(look.row))
            elif look.is_gone and change.deleted is not None:
                gone.append((row_id, change))
        yield from self._moved()
        if self._wants_tombstones:
            for row_id, change in gone:
                yield self._tombstone(row_id, change)

    @property
    def _cursor(self) -> str:
        return self._endpoint.window.cursor if self._endpoint.window else ""

    def _is_to_ask(self, row_id: str, change: Change) -> bool:
        if change.deleted is not None:
            return self._wants_tombstones or change.changed is not None
        read = self._read.get(row_id)
        return read is None or parse_moment(read[0]) < change.moment - APART

    def _is_new(self, row: Record, change: Change) -> bool:
        """Whether a row is to be handed on: not what is still served after its end, nor what lies before the start."""
        start, cursor = self._connection.settings.start_date, row.get(self._cursor)
        if start is not None and cursor and parse_moment(cursor) < start:
            return False
        last = change.deleted is not None and (change.changed is None or change.changed < change.deleted)
        return not last or _updated(row, change.moment) > change.moment

    def _unless_read(self, record: Record) -> Iterator[Record]:
        """A merge moves rows without a new date, so those with an older date than their event are asked for again."""
        if record["id"] not in self._read or self._read[record["id"]][2] != _print_of(record):
            yield record

    def _moved(self) -> Iterator[Record]:
        """Custom objects move with their lead, and nothing says that the log tells of them."""
        by_lead = self._endpoint.otherwise
        if by_lead is None or by_lead.walk is not Walk.CHILD:
            return
        for lead_id in self._changes.merged(self._follower):
            for endpoint in by_lead.of(lead_id):
                with suppress(NothingThere):  # that lead has gone, too
                    rows = stream_of(endpoint, self._connection, self._stream.meter).rows(Part(), endpoint.page_size)
                    yield from map(self._stream.shaped, rows)

    def _tombstone(self, row_id: str, change: Change) -> Record:
        """The same for the same event, in whichever sync it comes."""
        assert change.deleted is not None  # noqa: S101 - of what was deleted
        at = change.deleted.isoformat()
        known = [self._read[row_id][1]] if row_id in self._read else []
        if self._cursor in change.dates:
            known.append(change.dates[self._cursor])
        if self._cursor == "date_updated":
            known.append(at)
        told: dict[str, Any] = dict.fromkeys(self._stream.columns)
        lead = {"lead_id": change.lead_id} if "lead_id" in told else {}
        cursor = max(known, key=parse_moment) if known else at
        return {**told, "id": row_id, **lead, self._cursor: cursor, DELETED_AT: at}


def _is_doubtful(look: Look, change: Change) -> bool:
    """Whether lists may be late with it, or do not have all of it."""
    if look.row is None:
        return look.is_gone and change.changed is not None
    return not look.is_whole or _updated(look.row, change.moment) < change.moment - APART


def _updated(row: Record, otherwise: datetime) -> datetime:
    date = row.get("date_updated")
    return parse_moment(date) if date else otherwise


def _print_of(record: Mapping[str, Any]) -> int:
    """The same for the same record, and hardly ever for another."""
    return hash(as_json(record))
