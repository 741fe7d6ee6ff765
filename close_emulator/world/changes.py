"""Changes to the organisation, with what they leave in the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import RESOURCES, home
from close_emulator.lists.definitions import Definitions
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.store.resource import Resource
from close_emulator.store.table import Row
from close_emulator.world.journal import Journal

Meta = Mapping[str, Any]
"""What the `meta` of events says beside the request."""
NO_META: Meta = {}

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

    def add(
        self,
        path: str,
        records: Iterable[Mapping[str, Any]],
        log: bool = False,
        at: int | None = None,
        meta: Meta = NO_META,
    ) -> list[dict[str, Any]]:
        """Hold records, completed to full ones; `log` writes `created` events dated `at`, or as the records are."""
        with self._store.lock:
            found = []
            for partial in records:
                own = home(path, partial)
                if partial.get(own.key) in self._store.held(own.path):
                    raise ValueError(f"{partial[own.key]} is already held")
                row = self._store.put(own, self._maker.complete(own.path, partial))
                record = row.encoded.record()
                if log and self._behaviour.events_on_change:
                    self._journal.created(row.resource, record, self._moment(row.resource, record, at), meta)
                found.append(record)
            self._definitions.changed(path)
            return found

    def edit(
        self,
        row_id: str,
        changes: Mapping[str, Any],
        action: str = "updated",
        at: int | None = None,
        meta: Meta = NO_META,
        *,
        dated: bool = True,
        log: bool = True,
    ) -> dict[str, Any]:
        """Change fields of a record; not `dated`: it keeps the date of its last change."""
        with self._store.lock:
            row = self._store.row(row_id)
            before = row.encoded.record()
            record = {**before, **changes}
            for stamp in row.resource.stamps[1:] if dated else ():
                when = self._clock() if at is None else at
                record[stamp] = changes[stamp] if stamp in changes else self._maker.spelled(row.resource.path, when)
            self._store.put(row.resource, record, keep_place=True)
            self._definitions.changed(row.resource.path)
            if log and self._behaviour.events_on_change:
                when = self._moment(row.resource, record, at)
                self._journal.updated(row.resource, record, before, when, action, meta)
            return record

    def delete(self, row_ids: Iterable[str], at: int | None = None, meta: Meta = NO_META) -> list[str]:
        """Remove records and all that belongs to them; gives the ids of all that is gone."""
        with self._store.lock:
            when = self._clock() if at is None else at
            owners = dict.fromkeys(row_ids)
            children = {row.id: self._is_told(row) for row in self._belongings(owners)}
            told = {**children, **dict.fromkeys(owners, True)}
            for row_id, is_told in told.items():
                row = self._store.remove(row_id)
                self._definitions.changed(row.resource.path)
                if is_told and self._behaviour.events_on_change:
                    self._journal.deleted(row.resource, row.encoded.record(), when, meta)
            return list(told)

    def merge(self, source: str, destination: str, at: int | None = None) -> list[str]:
        """Move what belongs to a lead to another one, and delete the first; gives the ids of all that moved."""
        with self._store.lock:
            when = self._clock() if at is None else at
            meta = {"merge_source_lead_id": source, "merge_destination_lead_id": destination}
            dated = self._behaviour.merge_dates == "moved"
            moved = list({row.id: row for row in self._belongings([source])}.values())
            for row in moved:
                told = self._is_told(row)
                self.edit(row.id, {"lead_id": destination}, "updated", when, meta, dated=dated, log=told)
            lost, kept = (self._store.row(lead).encoded.record() for lead in (source, destination))
            contacts = kept["contacts"] + [{**each, "lead_id": destination} for each in lost["contacts"]]
            gathered = {"contacts": contacts, "contact_ids": kept["contact_ids"] + lost["contact_ids"]}
            merged = self.edit(destination, gathered, "updated", when, meta)
            if self._behaviour.events_on_change:
                self._journal.updated(RESOURCES["lead/"], merged, kept, when, "merged", meta)
            spelled = self._maker.spelled("activity/lead_merge/", when)
            told_of = {
                "lead_id": destination,
                "source_lead_id": source,
                "source_display_name": lost["display_name"],
                "destination_display_name": kept["display_name"],
                "date_created": spelled,
            }
            self.add("activity/lead_merge/", [told_of], log=True, meta=meta)
            self.delete([source], when, meta)
            return [row.id for row in moved]

    def _belongings(self, owners: Iterable[str]) -> Iterator[Row]:
        """What belongs to the records of these ids, some of it more than once."""
        by_path: dict[str, set[str]] = {}
        for owner in owners:
            by_path.setdefault(self._store.row(owner).resource.path, set()).add(owner)
        for kind, ids in by_path.items():
            field, paths = _BELONGINGS.get(kind, ("", ()))
            for path in paths:
                yield from (row for row in self._store.held(path).values() if row.value(field) in ids)

    def _is_told(self, row: Row) -> bool:
        """Whether a row has an event of its own when its lead goes."""
        return not {row.resource.path, row.resource.listed_under} & self._behaviour.silent_children

    def _moment(self, resource: Resource, record: Mapping[str, Any], at: int | None) -> int:
        if at is not None:
            return at
        moment = moments.parse(record.get(resource.stamps[-1])) if resource.stamps else None
        return self._clock() if moment is None else moment
