"""What Close holds and held, what a destination has of it, and what the connector promised of the one for the other.

What is promised:

- Of a stream without dates, a sync that says COMPLETE has brought every row that was there when it began and is there
  still, as it was then or newer.
- Of a stream with dates, a sync that says COMPLETE has brought every such row whose date is not before the state that
  it began with, less what the stream looks back (`activities_window_seconds` for activities, `updates_window_seconds`
  for the others), or before the start date. A row counts as there when the index shows it. A row whose date moved
  meanwhile is the next sync's.
- A state that moves covers, of those rows, all whose date lies before it; they are out when it is.
- What the key may not see, rows that are hidden from it and children of parents that it is refused, is not owed.
- So in the end each row is out in its last version, but for: rows before the start date; versions that were written, or
  shown by the index, when their date lay further back than is looked back (old activities that are edited, or imported
  with an old date); events that the log no longer reaches back to.
- That a row was deleted is promised by nobody.
- A record may come twice. The one that comes last is not older than one that was promised.

Moments are whole microseconds since 1970, on the emulator's clock.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from close_emulator import RESOURCES, Emulator
from close_emulator.store import moments
from source_closeio.endpoints import Endpoint

PARENT = {
    "custom_object/": ("custom_object_type_id", "custom_object_type/"),
    "sequence_subscription/": ("sequence_id", "sequence/"),
    "comment/": ("thread_id", "comment_thread/"),
    "group/": ("id", "group/"),
}
"""The field that names the parent under which Close shows a row, and the list of parents."""

INDEX_LAG = 5 * moments.MINUTE
"""A state is never nearer to the moment at which its sync began."""


class Broken(Exception):
    """A promise was not kept; the text says which."""


class Version(NamedTuple):
    """One version of a row: its dates, and when it was written."""

    created: int | None
    updated: int | None
    written: int


@dataclass
class Row:
    path: str
    kind: str
    parent: str | None
    versions: list[Version] = field(default_factory=list)


class View:
    """The rows that a stream shows."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.name
        self.window = endpoint.window
        self.path = f"{endpoint.object_type}/" if endpoint.object_type else endpoint.path.replace("{id}/", "")
        self.key = endpoint.key
        self.asked = f"data/search/{endpoint.object_type}" if endpoint.object_type else self.path
        self.kind = endpoint.params.get("_type", "all")

    def shows(self, row: Row) -> bool:
        within = row.path.startswith(self.path) if self.path == "activity/" else row.path == self.path
        return within and self.kind in ("all", row.kind)

    def date(self, version: Version) -> int | None:
        """The date that the stream goes by."""
        if self.window is None:
            return None
        return version.created if self.window.cursor == "date_created" else version.updated


class Ledger:
    """Every version of every row of some lists, in the order in which they were written.

    lag: seconds until the index shows a write. hidden: ids of rows that are not for this key, or whose parent is not.
    """

    def __init__(self, close: Emulator, views: list[View], lag: float) -> None:
        self.lock = threading.RLock()
        self.lag = round(lag * moments.SECOND)
        self.rows: dict[str, Row] = {}
        self._close = close
        self._beginning = -(2**62)
        self.hidden = set(close.behaviour.hidden)
        for path in {path for view in views for path in paths_of(view)}:
            self.notice(path)

    def notice(self, path: str) -> None:
        """Takes down what a list holds that nobody wrote down: the first rows, and events."""
        for record in self._close.all(path):
            known = self.rows.get(record[RESOURCES[path].key])
            if known is None or known.versions[-1].updated != _date(path, record, 1):
                written = self._beginning if path != "event/" else _date(path, record, 1) or self._beginning
                self.write(path, record, written)

    def write(self, path: str, record: Mapping[str, Any], at: int) -> None:
        row_id = record[RESOURCES[path].key]
        parent = record.get(PARENT[path][0]) if path in PARENT else None
        if parent in self._close.behaviour.refused_parents:
            self.hidden.add(row_id)
        row = self.rows.setdefault(row_id, Row(path, str(record.get("_type", "")), parent))
        row.versions.append(Version(_date(path, record, 0), _date(path, record, 1), at))

    def version_of(self, row_id: str, record: Mapping[str, Any]) -> int:
        """Which version of its row this record is, counted from 0."""
        row = self.rows.get(row_id)
        if row is None:
            raise Broken(f"{row_id} came, which Close never held")
        updated = _date(row.path, record, 1)
        for number, version in reversed(list(enumerate(row.versions))):
            if version.updated == updated:
                return number
        if row.path == "event/":
            self.notice("event/")
            return len(row.versions) - 1
        raise Broken(f"{row_id} came with a date that it never had")

    def held(self, view: View) -> Iterator[tuple[str, Row]]:
        """What a stream has to show now."""
        visible = self._close.ids(view.path) - self.hidden
        parents = self._parents(view)
        for row_id, row in list(self.rows.items()):
            if row_id in visible and view.shows(row) and (parents is None or row.parent in parents):
                yield row_id, row

    def is_held(self, view: View, row_id: str) -> bool:
        parents = self._parents(view)
        return row_id in self._close.ids(view.path) and (parents is None or self.rows[row_id].parent in parents)

    def _parents(self, view: View) -> set[str] | None:
        """Where children are asked for by their parents, those that are there: a child may outlive its own."""
        return self._close.ids(PARENT[view.path][1]) if view.path in PARENT else None

    def shown_at(self, row: Row, moment: int) -> int | None:
        """Which version of a row the index shows at a moment for certain; None before it shows any."""
        numbers = [number for number, each in enumerate(row.versions) if each.written <= moment - self.lag]
        return numbers[-1] if numbers else None


class Destination:
    """A table for each stream: of each key the version that came last."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tables: dict[str, dict[str, int]] = {}

    def upsert(self, view: View, record: Mapping[str, Any]) -> None:
        with self._ledger.lock:
            row_id = record[view.key]
            if row_id not in self._ledger.rows and view.path == "event/":
                self._ledger.notice("event/")
            self._tables.setdefault(view.name, {})[row_id] = self._ledger.version_of(row_id, record)

    def has(self, view: View, row_id: str, version: int) -> bool:
        """Whether that version of a row is there, or a newer one."""
        return self._tables.get(view.name, {}).get(row_id, -1) >= version

    def reset(self, stream: str) -> None:
        self._tables.pop(stream, None)


class _Owed(NamedTuple):
    date: int
    row_id: str
    version: int


class Promise:
    """What one sync owes of one stream from the moment at which it begins."""

    def __init__(
        self,
        view: View,
        ledger: Ledger,
        destination: Destination,
        *,
        began: int,
        state: int | None,
        start_date: int | None,
        lookback: int,
    ) -> None:
        self._view = view
        self._ledger = ledger
        self._destination = destination
        self._began = began
        self._reached = state
        if view.path == "event/":
            ledger.notice("event/")
        begin = self._begin(state, start_date, lookback)
        self._owed = sorted(
            _Owed(date or 0, row_id, number)
            for row_id, row in ledger.held(view)
            if (number := ledger.shown_at(row, began)) is not None
            for date in [view.date(row.versions[number])]
            if begin is None or date is None or date >= begin
        )
        self._covered = 0

    def _begin(self, state: int | None, start_date: int | None, lookback: int) -> int | None:
        if state is None or self._view.window is None:
            return start_date
        begin = state - lookback
        return max(begin, start_date) if start_date is not None and start_date <= state else begin

    def covers(self, state: int) -> None:
        """Raises Broken where a state that has moved covers what is not out."""
        if state == self._reached:
            return  # what lies before it is looked back on by the next sync as it was by this one
        if self._reached is not None and state < self._reached:
            raise Broken(f"the state of {self._view.name} goes back to {moments.full(state)}")
        if state > max(self._began - INDEX_LAG + moments.MINUTE, self._reached or 0):
            raise Broken(f"the state of {self._view.name}, {moments.full(state)}, is ahead of what can be known")
        self._reached = state
        while self._covered < len(self._owed) and self._owed[self._covered].date < state:
            self._must_be_out(self._owed[self._covered], f"when the state was {moments.full(state)}")
            self._covered += 1

    def completes(self) -> None:
        """Raises Broken where a stream that is said to be whole is not."""
        for owed in self._owed:
            self._must_be_out(owed, "when it said COMPLETE")

    def _must_be_out(self, owed: _Owed, when: str) -> None:
        view, row = self._view, self._ledger.rows[owed.row_id]
        if self._destination.has(view, owed.row_id, owed.version):
            return
        with self._ledger.lock:
            moved = view.date(row.versions[-1]) != view.date(row.versions[owed.version])
            if not moved and self._ledger.is_held(view, owed.row_id):
                raise Broken(f"{view.name} lacked {told(owed.row_id, row, owed.version)} {when}")


def paths_of(view: View) -> list[str]:
    """The lists whose rows a stream shows, and those whose edits it tells of."""
    if view.path == "activity/":
        return [path for path in RESOURCES if path.startswith("activity/") and path != "activity/"]
    return ["event/", "lead/"] if view.path == "event/" else [view.path]


def told(row_id: str, row: Row, version: int) -> str:
    """A row in words."""
    created, updated, written = row.versions[version]
    dates = ", ".join(moments.full(date) for date in (created, updated) if date is not None)
    since = "from the beginning" if written < 0 else f"written {moments.full(written)}"
    return f"{row_id} (version {version + 1} of {len(row.versions)}, {dates}, {since})"


def check_the_end(
    view: View, ledger: Ledger, destination: Destination, *, start_date: int | None, lookback: int
) -> None:
    """Raises Broken where a row is not out in the last version that was promised."""
    if view.path == "event/":
        ledger.notice("event/")
    for row_id, row in ledger.held(view):
        for number, version in reversed(list(enumerate(row.versions))):
            date = view.date(version)
            if view.window is not None:
                if date is None or (start_date is not None and date < start_date):
                    continue
                if date < version.written + ledger.lag - INDEX_LAG - lookback:
                    continue
            if not destination.has(view, row_id, number):
                raise Broken(f"{view.name} lacks {told(row_id, row, number)} in the end")
            break


def _date(path: str, record: Mapping[str, Any], which: int) -> int | None:
    """When a record was made, or last changed, as far as its kind says so."""
    stamps = RESOURCES[path].stamps
    return moments.parse(record.get(stamps[which])) if which < len(stamps) else None
