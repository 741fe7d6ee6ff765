"""Changes to the organisation, with what they leave in the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import home
from close_emulator.lists.definitions import Definitions
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.store.resource import Resource
from close_emulator.store.table import Row
from close_emulator.world.journal import Journal

# What goes with a record when it is deleted: the field that refers to it, and the lists.
_BELONGINGS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lead/": (
        "lead_id",
        (
            "contact/",
            "opportunity/",
            "task/",
            "activity/",
            "custom_object/",
            "sequence_subscription/",
            "comment_thread/",
            "comment/",
        ),
    ),
    "contact/": ("contact_id", ("sequence_subscription/",)),
    "sequence/": ("sequence_id", ("sequence_subscription/",)),
    "comment_thread/": ("thread_id", ("comment/",)),
}


class Changes:
    """Adds, edits and deletes records; every change is one step for all other threads."""

    def __init__(self, store: Store, maker: Maker, behaviour: Behaviour, clock: Callable[[], int]) -> None:
        self._store = store
        self._maker = maker
        self._behaviour = behaviour
        self._clock = clock
        self._definitions = Definitions(store)
        self._journal = Journal(store, maker, behaviour)

    def add(self, path: str, records: Iterable[Mapping[str, Any]], log: bool = False) -> list[dict[str, Any]]:
        """Hold records, completed to full ones; `log` writes `created` events dated as the records are."""
        with self._store.lock:
            found = []
            for partial in records:
                own = home(path, partial)
                if partial.get(own.key) in self._store.held(own.path):
                    raise ValueError(f"{partial[own.key]} is already held")
                row = self._store.put(own, self._maker.complete(own.path, partial))
                record = row.encoded.record()
                if log and self._behaviour.events_on_change:
                    self._journal.created(row.resource, record, self._moment(row.resource, record))
                found.append(record)
            self._definitions.changed(path)
            return found

    def edit(self, row_id: str, changes: Mapping[str, Any], action: str = "updated") -> dict[str, Any]:
        """Change fields of a record."""
        with self._store.lock:
            row = self._store.row(row_id)
            before = row.encoded.record()
            record = {**before, **changes}
            for stamp in row.resource.stamps[1:]:
                record[stamp] = changes[stamp] if stamp in changes else self._maker.now(row.resource.path)
            self._store.put(row.resource, record, keep_place=True)
            self._definitions.changed(row.resource.path)
            if self._behaviour.events_on_change:
                self._journal.updated(row.resource, record, before, self._moment(row.resource, record), action)
            return record

    def delete(self, row_id: str, at: int | None = None, meta: Mapping[str, Any] | None = None) -> None:
        """Remove a record and all that belongs to it."""
        with self._store.lock:
            row = self._store.row(row_id)
            when = self._clock() if at is None else at
            for child in self._belongings(row):
                self._remove(child, when, meta)
            self._remove(row_id, when, meta)

    def _belongings(self, owner: Row) -> list[str]:
        field, paths = _BELONGINGS.get(owner.resource.path, ("", ()))
        return [row.id for path in paths for row in self._store.held(path).values() if row.value(field) == owner.id]

    def _remove(self, row_id: str, at: int, meta: Mapping[str, Any] | None) -> None:
        row = self._store.remove(row_id)
        self._definitions.changed(row.resource.path)
        if self._behaviour.events_on_change:
            self._journal.deleted(row.resource, row.encoded.record(), at, meta or {})

    def _moment(self, resource: Resource, record: Mapping[str, Any]) -> int:
        moment = moments.parse(record.get(resource.stamps[-1])) if resource.stamps else None
        return self._clock() if moment is None else moment
