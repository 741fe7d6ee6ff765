"""What Close's event log says of the time since the last sync: which objects changed, and which were deleted.

Only that is taken from it, level and not edge: what an object is now is asked of its own list. So it does not matter
that events come late, in another order, or merged into one, nor what a key may see of them.
"""

import logging
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from .config import DELETES
from .endpoints import DATES, ENDPOINTS, EVENTS
from .errors import Problem
from .pagination import Share, alone
from .streams import Connection, stream_of
from .windows import SECOND, Part, Rest, Span, parse_moment, state_text, whole_second
from .workers import side_by_side

logger = logging.getLogger("airbyte")

LAG = timedelta(hours=1)
"""What is younger is read again by the next sync: events and indexes are late, and rows are served after their end."""

KEPT = EVENTS.window.retention if EVENTS.window and EVENTS.window.retention else timedelta()
"""How far the log reaches back."""

KNOWN = {event for endpoint in ENDPOINTS for event in endpoint.events} | {"import"}
"""Close's list of types: https://developer.close.com/api/resources/events/list-of-event-types. Imports have no list."""


@dataclass
class Change:
    """What the log says of one object.

    changed: its latest event that is no `deleted`. deleted: its latest `deleted`. lead_id: of its latest event.
    dates: `date_created` and `date_updated` when it was deleted, where the log shows them.
    """

    changed: datetime | None = None
    deleted: datetime | None = None
    lead_id: str | None = None
    dates: Mapping[str, str] = field(default_factory=dict)

    @property
    def moment(self) -> datetime:
        return max(each for each in (self.changed, self.deleted) if each)

    def take(self, event: Mapping[str, Any], moment: datetime) -> None:
        """Of the events of one object, in any order."""
        if not (self.changed or self.deleted) or moment >= self.moment:
            self.lead_id = event.get("lead_id") or self.lead_id
        if event.get("action") != "deleted":
            self.changed = max(moment, self.changed or moment)
        elif self.deleted is None or moment >= self.deleted:
            self.deleted = moment
            shown = event.get("previous_data") or {}
            self.dates = {name: shown[name] for name in DATES if shown.get(name)} or self.dates


class Changes:
    """One pass over the log for all streams of a sync, made when the first of them asks.

    Streams are registered before that, with the moments from which they want to know.
    """

    def __init__(self, connection: Connection, now: datetime) -> None:
        """now: when the sync began. reached: from when on the next sync wants to know, if this one could."""
        self.reached = now - LAG
        self._now = now
        self._connection = connection
        self._edge = now - KEPT
        self._wanted: dict[str, dict[str, Change]] = {}
        self._since: datetime | None = None
        self._gaps: list[tuple[str, datetime]] = []
        self._unknown: set[str] = set()
        self._merged: dict[str, datetime] = {}
        self._one_at_a_time = threading.Lock()
        self._noting = threading.Lock()
        self._is_read = self._has_failed = False

    def register(self, stream: str, events: Iterable[str], since: datetime) -> datetime:
        """Notes that a stream wants to know of these types; from when on it can, which may be later than it wants."""
        if since < self._edge:
            self._gaps.append((stream, since))
        start = max(since, self._edge)
        self._since = min(start, self._since or start)
        for event in events:
            self._wanted.setdefault(event, {})
        return start

    def of(self, events: Iterable[str], since: datetime) -> Iterator[tuple[str, str, Change]]:
        """Type, id and change of the objects of these types with an event since then. Raises NotFollowed."""
        self._read_once()
        for event in events:
            for object_id, change in self._wanted[event].items():
                if change.moment >= since:
                    yield event, object_id, change

    def merged(self, since: datetime) -> list[str]:
        """The leads that others were merged into. Raises NotFollowed."""
        self._read_once()
        return [lead_id for lead_id, moment in self._merged.items() if moment >= since]

    def _read_once(self) -> None:
        with self._one_at_a_time:
            if not self._is_read:
                self._is_read = self._has_failed = True
                self._tell_of_gaps()
                try:
                    self._read()
                    self._has_failed = False
                except Problem as problem:
                    logger.warning(
                        f"Edits outside of the lookbacks and deletes do not come with this sync: {problem} The next "
                        "sync asks for them again."
                    )
        if self._has_failed:
            raise NotFollowed

    def _read(self) -> None:
        span = Span(whole_second(self._since) if self._since else None)
        if self._connection.settings.change_capture == DELETES:
            asked = [{"object_type": each, "action": "deleted"} for each in self._wanted]
            side_by_side(lambda params: self._take(params, span), asked, self._connection.settings.num_workers)
            return
        try:
            self._take({}, span, _more)
        except _More as more:
            pieces = more.pieces(self._now, self._connection.settings.num_workers)
            side_by_side(lambda piece: self._take({}, piece), pieces, self._connection.settings.num_workers)
        if self._unknown:
            logger.info(f"Close's event log has types that are not known here: {', '.join(sorted(self._unknown))}.")

    def _take(self, params: Mapping[str, str], span: Span, share: Share = alone) -> None:
        log = stream_of(replace(EVENTS, params=params), self._connection)
        for event in log.rows(Part(span=span), EVENTS.page_size, share):
            self._note(event)

    def _note(self, event: Mapping[str, Any]) -> None:
        kind, object_id = str(event.get("object_type")), str(event.get("object_id"))
        moment, meta = parse_moment(event["date_updated"]), event.get("meta") or {}
        with self._noting:
            if kind not in KNOWN:
                self._unknown.add(kind)
            if kind in self._wanted:
                self._wanted[kind].setdefault(object_id, Change()).take(event, moment)
            if event.get("action") == "merged":
                self._merged[object_id] = max(moment, self._merged.get(object_id, moment))
                source = meta.get("merge_source_lead_id")
                if source and "lead" in self._wanted:
                    gone = {"action": "deleted", "lead_id": source}
                    self._wanted["lead"].setdefault(source, Change()).take(gone, moment)

    def _tell_of_gaps(self) -> None:
        if self._gaps:
            told = ", ".join(f"{name} from {state_text(since)}" for name, since in sorted(self._gaps))
            logger.warning(
                f"Close keeps {KEPT.days} days of its event log, so edits outside of the lookbacks and deletes before "
                f"{state_text(self._edge)} do not come ({told}): refresh these streams if they matter."
            )


class NotFollowed(Exception):
    """The log could not be read; a warning has said why."""


class _More(Exception):
    """The log goes on behind its first page."""

    def __init__(self, start: datetime, end: datetime) -> None:
        """start, end: of what is left of it."""
        self._start = start
        self._end = end

    def pieces(self, now: datetime, most: int) -> list[Span]:
        """What is left in ranges of one length, each of about a page if all is as dense as the first, or so many."""
        left = self._end - self._start
        count = min(math.ceil(left / max(now - self._end, SECOND)), most)
        starts = [whole_second(self._start + left / count * number) for number in range(count)]
        return [Span(one, other) for one, other in pairwise([*starts, self._end])]


def _more(rest: Rest) -> Span:
    assert rest.span.start and rest.read_to  # noqa: S101, PT018 - the pass has a start, and goes back from its end
    raise _More(rest.span.start, rest.read_to + SECOND)
