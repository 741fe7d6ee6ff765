"""What Close's event log says of the time since the last sync: which objects changed, and which were deleted.

Only that is taken from it, level and not edge: what an object is now is asked of its own list. So it does not matter
that events come late, in another order, or merged into one, nor what a key may see of them.
"""

import logging
import math
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from .advanced_filtering import ACTIVITIES
from .config import DELETES
from .endpoints import DATES, ENDPOINTS, EVENTS, UPDATED, Endpoint, Walk
from .errors import Problem, TryLater
from .pagination import Share, alone
from .rate_limit import Meter
from .state_migration import CHANGES, SEARCHED
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


@dataclass(frozen=True)
class Follower:
    """A stream that wants to know of these types of objects.

    since: from when on. searched: from when on of edits, where those before were searched for already.
    """

    stream: str
    events: Collection[str]
    since: datetime
    searched: datetime


class Changes:
    """One pass over the log for all streams of a sync, made when the first of them asks.

    What the log cannot tell, because it is refused or does not reach back as far, is searched for: edits of activities.
    """

    def __init__(self, connection: Connection, now: datetime) -> None:
        """now: when the sync began. meter: of its requests."""
        self.meter = Meter()
        self._reached = now - LAG
        self._now = now
        self._connection = connection
        self._edge = now - KEPT
        self._wanted: dict[str, dict[str, Change]] = {}
        self._followers: list[Follower] = []
        self._unknown: set[str] = set()
        self._unsearched: dict[str, Problem] = {}
        self._merged: dict[str, datetime] = {}
        self._one_at_a_time = threading.Lock()
        self._noting = threading.Lock()
        self._is_read = self._is_followed = self._has_searched = False

    def register(self, follower: Follower) -> None:
        """Before the first one asks."""
        self._followers.append(follower)
        for event in follower.events:
            self._wanted.setdefault(event, {})

    def of(self, follower: Follower) -> Iterator[tuple[str, str, Change]]:
        """Type, id and change of the objects that changed. Raises Problem where some of them are not known now."""
        self._read_once()
        for event in follower.events:
            for object_id, change in self._wanted[event].items():
                if change.moment >= follower.since:
                    yield event, object_id, change
            if isinstance(problem := self._unsearched.get(event), TryLater):
                raise problem

    def merged(self, follower: Follower) -> list[str]:
        """The leads that others were merged into."""
        self._read_once()
        return [lead_id for lead_id, moment in self._merged.items() if moment >= follower.since]

    def state(self, follower: Follower) -> dict[str, str]:
        """What the stream's state says, once it has what `of` gave it."""
        if self._is_followed:
            return {CHANGES: state_text(max(follower.since, self._reached))}
        has_come = self._has_searched and self._is_searched_for(follower)
        return state_of(follower.since, max(follower.searched, self._reached) if has_come else follower.searched)

    def _read_once(self) -> None:
        with self._one_at_a_time:
            if not self._is_read:
                self._is_read = True
                self._is_followed = self._follow()
                self._search(self._edge if self._is_followed else self._now)

    def _follow(self) -> bool:
        """Reads the log. Whether that could be done; if not, a warning says why."""
        if gaps := [each for each in self._followers if each.since < self._edge]:
            logger.warning(
                f"Close keeps {KEPT.days} days of its event log, so deletes before {state_text(self._edge)} do not "
                f"come ({_told((each.stream, each.since) for each in gaps)}): refresh these streams if they matter."
            )
        try:
            self._read()
        except Problem as problem:
            logger.warning(
                f"Deletes, and edits outside of the lookbacks, do not come with this sync: {problem} The next sync "
                "asks for them again."
            )
            return False
        return True

    def _search(self, end: datetime) -> None:
        """Finds the edits of activities that the log does not tell of: those before `end`."""
        if self._connection.settings.change_capture == DELETES:
            return
        gaps = [each for each in self._followers if each.searched < end and self._is_searched_for(each)]
        if not gaps:
            return
        spans = {
            kind: Span(
                whole_second(min(each.searched for each in gaps if kind in each.events)), whole_second(end) + SECOND
            )
            for kind in ACTIVITIES
            if any(kind in each.events for each in gaps)
        }
        side_by_side(lambda kind: self._search_of(kind, spans[kind]), spans, self._connection.settings.num_workers)
        self._has_searched = True
        kinds = {event for each in gaps for event in each.events} - (spans.keys() - self._unsearched.keys())
        besides = f", but not those of {', '.join(sorted(kinds))}, which cannot be" if kinds else ""
        logger.warning(
            f"Edits of activities before {state_text(end)} are searched for instead{besides} "
            f"({_told((each.stream, each.searched) for each in gaps)})."
        )

    def _search_of(self, kind: str, span: Span) -> None:
        # That search filters activities by date_updated is inferred: `of` takes no row that is older.
        endpoint = Endpoint(kind, "data/search/", Walk.SEARCH, 200, UPDATED, object_type=kind, fields=("id", *DATES))
        try:
            for row in stream_of(endpoint, self._connection, self.meter).rows(Part(span=span), endpoint.page_size):
                with self._noting:
                    self._wanted[kind].setdefault(row["id"], Change()).take({}, parse_moment(row["date_updated"]))
        except Problem as problem:
            self._unsearched[kind] = problem

    def _is_searched_for(self, follower: Follower) -> bool:
        return not set(ACTIVITIES).isdisjoint(follower.events)

    def _read(self) -> None:
        span = Span(whole_second(max(self._edge, min(each.since for each in self._followers))))
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
        log = stream_of(replace(EVENTS, params=params), self._connection, self.meter)
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


def state_of(since: datetime, searched: datetime) -> dict[str, str]:
    """What a state says while the log has been followed up to `since`, and edits searched for up to `searched`."""
    told = {CHANGES: since, **({SEARCHED: searched} if searched > since else {})}
    return {name: state_text(moment) for name, moment in told.items()}


def _told(starts: Iterable[tuple[str, datetime]]) -> str:
    return ", ".join(f"{stream} from {state_text(start)}" for stream, start in sorted(starts))


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
