"""`GET /event/`: newest first, paged by cursors, with only certain combinations of filters."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Callable

from close_emulator.api.listing import cap_refusal, ranges_of
from close_emulator.api.rendering import listed
from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.store import moments
from close_emulator.store.encoding import dumps
from close_emulator.store.records import Store
from close_emulator.store.selecting import HIGHEST, Test, select
from close_emulator.store.table import NOTHING, Row, Selection
from close_emulator.wire.answers import Answer, Query, Refusal, cursor_error, field_error

_RESOURCE = RESOURCES["event/"]
_SORT = (("date_updated", True),)
# The combinations Close documents; `object_type` alone is not among them.
_ALLOWED = frozenset(
    frozenset(names.split())
    for names in (
        "",
        "object_type object_id",
        "object_type action",
        "object_id action",
        "lead_id object_type",
        "lead_id object_type action",
        "lead_id user_id object_type",
        "lead_id user_id object_type action",
        "lead_id user_id",
        "user_id object_id",
        "user_id object_id action",
        "user_id object_type",
        "user_id object_type action",
        "lead_id",
        "user_id",
        "request_id",
    )
)
_HIDDEN = ("data", "previous_data")
_INVALID = {"error": "Invalid cursor."}


class EventLog:
    """Serves the event log."""

    def __init__(self, store: Store, behaviour: Behaviour, clock: Callable[[], int]) -> None:
        self._store = store
        self._behaviour = behaviour
        self._clock = clock

    def answer(self, query: Query) -> Answer:
        """One page of events."""
        self.check_allowed()
        selection = self._selection(query)
        limit = self._limit(query)
        rows = selection.rows
        cursor = query.params.get("_cursor")
        start, stop = selection.start, min(selection.start + limit, selection.stop)
        if cursor:
            direction, place = self._opened(cursor)
            # Where events older than the cursor's event begin, and where those newer than it end.
            older = bisect_left(rows, place, selection.start, selection.stop, key=_place)
            if direction == "next":
                start = older + (1 if older < selection.stop and _place(rows[older]) == place else 0)
                stop = min(start + limit, selection.stop)
            else:
                start, stop = max(selection.start, older - limit), older
        page = rows[start:stop]
        after = self._cursor("next", page[-1]) if page and stop < selection.stop else None
        before = self._cursor("previous", page[0]) if page and start > selection.start else None
        texts = [self.text(row) for row in self._store.shown(page)]
        return Answer(
            200,
            b'{"data":%s,"cursor_next":%s,"cursor_previous":%s}' % (listed(texts), dumps(after), dumps(before)),
        )

    def check_allowed(self) -> None:
        """Refuse when this organisation has no event log."""
        if not self._behaviour.event_log_allowed:
            raise Refusal(400, {"error": "The event log is not available for your organization."})

    def text(self, row: Row) -> bytes:
        """An event as the key's owner may see it."""
        hour_ago = self._clock() - moments.HOUR
        if self._behaviour.admin or (row.facts["date_updated"] or 0) >= hour_ago:
            return row.encoded.text
        shown = tuple(name for name in row.encoded.layout.keys if name not in _HIDDEN)
        return b"{" + b",".join(row.encoded.fragments(shown)) + b"}"

    def _selection(self, query: Query) -> Selection:
        chosen = {name: query.params[name] for name in _RESOURCE.equals if query.params.get(name)}
        if frozenset(chosen) not in _ALLOWED:
            raise Refusal(400, {"error": f"Filtering by {', '.join(sorted(chosen))} is not supported."})
        ranges = ranges_of(_RESOURCE, query.params, _SORT, query.offset_hours)
        low, high = ranges.get("date_updated", (NOTHING + 1, HIGHEST))
        table = self._store.table("event/")
        tests: list[Test] = [lambda row, n=name, v=value: row.facts.get(n) == v for name, value in chosen.items()]  # type: ignore[misc]
        signature = ("events", low, high, tuple(chosen.items()))
        found = select(table, signature, _SORT, {"date_updated": (low, high)}, tests)
        # The edge of the retention moves with the clock, so it is no part of what is remembered.
        edge = self._clock() - round(self._behaviour.event_retention_days * moments.DAY)
        kept = bisect_left(found.rows, (-edge + 1, NOTHING), found.start, found.stop, key=_place)
        return Selection(found.rows, found.start, kept)

    def _limit(self, query: Query) -> int:
        cap = self._behaviour.limit_caps.get("event/", _RESOURCE.limit_cap)
        text = query.params.get("_limit", "")
        if text and not text.isdigit():
            raise field_error(_limit="Input should be a valid integer")
        limit = int(text) if text else cap
        if limit > cap and self._behaviour.event_limit == "refused":
            raise cap_refusal(self._behaviour, "_limit", cap)
        return min(limit, cap)

    def _cursor(self, direction: str, row: Row) -> str:
        return base64.urlsafe_b64encode(json.dumps([direction, self._clock(), *_place(row)]).encode()).decode()

    def _opened(self, cursor: str) -> tuple[str, tuple[int, int]]:
        """Where a cursor leads, and the place in the log that it stands at."""
        try:
            direction, issued, moment, number = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            found = str(direction), (int(moment), int(number))
        except (ValueError, TypeError, binascii.Error):
            raise Refusal(400, _INVALID) from None
        lifetime = self._behaviour.cursor_lifetime
        if lifetime > 0 and self._clock() - int(issued) <= lifetime * moments.SECOND:
            return found
        if self._behaviour.expired_event_cursor == "error":
            raise Refusal(400, _INVALID)
        raise cursor_error("Expired cursor", "_cursor")


def _place(row: Row) -> tuple[int, int]:
    """Ascends along the log: newest first, and of the same moment the last written first."""
    moment = row.facts["date_updated"]
    return (-(NOTHING if moment is None else moment), -row.number)
