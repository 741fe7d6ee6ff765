"""The event log's writer: what a change leaves behind in `/event/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.store.resource import Resource
from close_emulator.store.table import Row

_EVENTS = RESOURCES["event/"]


class Journal:
    """Writes events for changes of records whose resource has a name in the event log."""

    def __init__(self, store: Store, maker: Maker, behaviour: Behaviour) -> None:
        self._store = store
        self._maker = maker
        self._behaviour = behaviour
        self._latest_update: dict[str, Row] = {}

    def created(self, resource: Resource, record: Mapping[str, Any], at: int, meta: Mapping[str, Any]) -> None:
        """A record came to be."""
        self._write(resource, record, "created", at, data=self._shown(resource, record), meta=meta)

    def updated(
        self,
        resource: Resource,
        record: Mapping[str, Any],
        before: Mapping[str, Any],
        at: int,
        action: str,
        meta: Mapping[str, Any],
    ) -> None:
        """A record changed; `before` is its whole earlier state. What `meta` tells of is not merged with anything."""
        data, old = self._shown(resource, record), self._shown(resource, before)
        changed = [name for name in {**old, **data} if data.get(name) != old.get(name)]
        previous = {name: old.get(name) for name in changed}
        merges = action == "updated" and not meta
        if merges and self._merge(str(record[resource.key]), data, changed, previous, at + self._offset()):
            return
        self._write(resource, record, action, at, data=data, previous=previous, changed=changed, meta=meta)

    def deleted(self, resource: Resource, record: Mapping[str, Any], at: int, meta: Mapping[str, Any]) -> None:
        """A record is gone; its last state is told once more."""
        data: dict[str, Any] | None = {} if self._behaviour.event_data_deleted == "{}" else None
        self._write(resource, record, "deleted", at, data=data, previous=self._shown(resource, record), meta=meta)

    def _shown(self, resource: Resource, record: Mapping[str, Any]) -> dict[str, Any]:
        """What events show of a record."""
        lacks = resource.event_lacks if self._behaviour.event_data == "part" else ()
        return {name: value for name, value in record.items() if name not in lacks}

    def _offset(self) -> int:
        return round(self._behaviour.event_offset * moments.SECOND)

    def _write(
        self,
        resource: Resource,
        record: Mapping[str, Any],
        action: str,
        at: int,
        *,
        data: Mapping[str, Any] | None,
        meta: Mapping[str, Any],
        previous: Mapping[str, Any] | None = None,
        changed: list[str] | None = None,
    ) -> None:
        name = dict(resource.event_names).get(action, action)
        if resource.event_type is None or not name:
            return
        row_id = str(record[resource.key])
        when = self.spelled(at + self._offset())
        event = {
            "date_created": when,
            "date_updated": when,
            "action": name,
            "object_type": self._object_type(resource, record),
            "object_id": row_id,
            "lead_id": row_id if resource.path == "lead/" else record.get("lead_id"),
            "user_id": record.get("updated_by") or self._maker.owner_id,
            "changed_fields": changed or [],
            "data": data,
            "previous_data": previous or {},
            "meta": {
                "request_method": "PUT",
                "request_path": f"/api/v1/{resource.path}{row_id}/",
                **meta,
            },
        }
        row = self._store.put(_EVENTS, self._maker.complete("event/", event))
        self._latest_update.pop(row_id, None)
        if action == "updated" and not meta:
            self._latest_update[row_id] = row

    def _object_type(self, resource: Resource, record: Mapping[str, Any]) -> str:
        if resource.path == "activity/lead_merge/":
            return self._behaviour.lead_merge_event
        return (
            f"{resource.event_type}.{record[resource.event_kind]}" if resource.event_kind else str(resource.event_type)
        )

    def _merge(
        self, row_id: str, data: Mapping[str, Any], changed: list[str], previous: Mapping[str, Any], at: int
    ) -> bool:
        """Consolidate with the object's last update when that is recent: same id, `previous_data` of the first."""
        window = round(self._behaviour.event_consolidation * moments.SECOND)
        last = self._latest_update.get(row_id)
        if window <= 0 or last is None or at - last.facts["date_updated"] > window:
            return False
        event = last.encoded.record()
        event["changed_fields"] = list(dict.fromkeys([*event["changed_fields"], *changed]))
        event["previous_data"] = {**previous, **event["previous_data"]}
        event["data"] = data
        event["date_updated"] = self.spelled(at)
        self._latest_update[row_id] = self._store.put(_EVENTS, event)
        return True

    def spelled(self, at: int) -> str:
        """A moment as the event log spells it."""
        return moments.naive_milliseconds(at) if self._behaviour.events_naive else moments.full(at)
