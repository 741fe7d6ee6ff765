"""Changes to the organisation, with what they leave in the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from source_closeio.emulator import moments
from source_closeio.emulator.behaviour import Behaviour
from source_closeio.emulator.catalogue import RESOURCES
from source_closeio.emulator.journal import Journal
from source_closeio.emulator.shapes import Maker
from source_closeio.emulator.shapes_activities import ACTIVITY_PATHS
from source_closeio.emulator.store import Store

# What goes with a lead when it is deleted.
_OF_A_LEAD = ("contact/", "opportunity/", "task/", "activity/", "custom_object/")


class Changes:
    """Adds, edits and deletes records; every change is one step for all other threads."""

    def __init__(self, store: Store, maker: Maker, behaviour: Behaviour, clock: Callable[[], int]) -> None:
        self._store = store
        self._maker = maker
        self._behaviour = behaviour
        self._clock = clock
        self._journal = Journal(store, maker, behaviour)

    def add(self, path: str, records: Iterable[Mapping[str, Any]], log: bool = False) -> list[dict[str, Any]]:
        """Hold records, completed to full ones; `log` writes `created` events dated as the records are."""
        with self._store.lock:
            found = []
            for partial in records:
                own = ACTIVITY_PATHS[str(partial.get("_type", "Note"))] if path == "activity/" else path
                if partial.get("id") in self._store.held(own):
                    raise ValueError(f"{partial['id']} is already held")
                row = self._store.put(RESOURCES[own], self._maker.complete(own, partial))
                record = row.encoded.record()
                if log and self._behaviour.events_on_change:
                    self._journal.created(row.resource, record, self._moment(record))
                found.append(record)
            return found

    def edit(self, row_id: str, changes: Mapping[str, Any], action: str = "updated") -> dict[str, Any]:
        """Change fields of a record."""
        with self._store.lock:
            row = self._store.row(row_id)
            before = row.encoded.record()
            record = {**before, **changes}
            stamp = "updated_at" if "updated_at" in before else "date_updated"
            if stamp not in changes and (row.resource.dated or stamp in before):
                record[stamp] = self._maker.now(row.resource.path)
            self._store.put(row.resource, record, keep_place=True)
            if self._behaviour.events_on_change:
                self._journal.updated(row.resource, record, before, self._moment(record), action)
            return record

    def delete(self, row_id: str, at: int | None = None, meta: Mapping[str, Any] | None = None) -> None:
        """Remove a record, and with a lead all that belongs to it."""
        with self._store.lock:
            row = self._store.row(row_id)
            when = self._clock() if at is None else at
            if row.resource.path == "lead/":
                for child in self._children(row_id):
                    self._remove(child, when, meta)
            self._remove(row_id, when, meta)

    def _children(self, lead_id: str) -> list[str]:
        return [
            row.id
            for path in _OF_A_LEAD
            for row in self._store.held(path).values()
            if row.facts.get("lead_id") == lead_id
        ]

    def _remove(self, row_id: str, at: int, meta: Mapping[str, Any] | None) -> None:
        row = self._store.remove(row_id)
        if self._behaviour.events_on_change:
            self._journal.deleted(row.resource, row.encoded.record(), at, meta or {})

    def _moment(self, record: Mapping[str, Any]) -> int:
        moment = moments.parse(record.get("date_updated"))
        return self._clock() if moment is None else moment
