"""An hour's work of the organisation, done in the last second: what people create, change and delete."""

from __future__ import annotations

import random

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.world.changes import Changes

# Whoever read the organisation before must find all of it later than that.
_LASTS = moments.SECOND
_WON = "won"
# The shares that are deleted.
_LOST = {"custom_object/": 0.01, "contact/": 0.01, "activity/note/": 0.01, "opportunity/": 0.005, "lead/": 0.002}


class _Hour:
    """Makes the changes and counts them."""

    def __init__(self, changes: Changes, store: Store, maker: Maker, seed: int, now: int) -> None:
        self._changes = changes
        self._store = store
        self._maker = maker
        self._dice = random.Random(f"hour-{seed}")
        self._now = now
        self.counts: dict[str, int] = {}

    def some(self, path: str, share: float) -> list[str]:
        """A share of what is held, at least one if there is any."""
        held = list(self._store.held(path))
        return self._dice.sample(held, min(len(held), max(1, round(len(held) * share)))) if held else []

    def when(self) -> int:
        """Some moment of it."""
        moment = self._now - round(self._dice.random() * _LASTS)
        return moment // moments.MILLISECOND * moments.MILLISECOND

    def count(self, what: str) -> None:
        """One more of these."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def create(self, path: str, **partial: object) -> None:
        """A new record."""
        spelled = self._maker.spelled(path, self.when())
        self._changes.add(path, [{RESOURCES[path].stamps[0]: spelled, **partial}], log=True)
        self.count(f"{path} created")

    def edit(self, path: str, row_id: str, action: str = "updated", **changes: object) -> None:
        """A changed record; the change is not older than the record."""
        stamp = RESOURCES[path].stamps[1]
        before = moments.parse(self._store.row(row_id).encoded.value(stamp)) or 0
        when = max(before, self.when())
        self._changes.edit(row_id, {stamp: self._maker.spelled(path, when), **changes}, action)
        self.count(f"{path} updated")

    def delete(self, path: str, row_id: str) -> None:
        """A record gone."""
        self._changes.delete([row_id], self.when())
        self.count(f"{path} deleted")


def work(changes: Changes, store: Store, maker: Maker, seed: int, now: int) -> dict[str, int]:
    """Do an hour's work; returns how much of what was done."""
    hour = _Hour(changes, store, maker, seed, now)
    for number, lead in enumerate(hour.some("lead/", 0.02)):
        hour.edit("lead/", lead, description=f"Edited {seed}.{number}: {maker.prose(80)}")
    for lead in hour.some("lead/", 0.01):
        for path in ("activity/call/", "activity/email/", "activity/note/"):
            hour.create(path, lead_id=lead)
        hour.create("task/", lead_id=lead)
        hour.create("contact/", lead_id=lead)
    for _ in hour.some("lead/", 0.005):
        hour.create("lead/")
    for call in hour.some("activity/call/", 0.01):
        hour.edit("activity/call/", call, note=maker.prose(120))
    for task in hour.some("task/", 0.02):
        hour.edit("task/", task, "completed", is_complete=True, view="archive")
    won = next(key for key, (_, kind) in maker.opportunity_statuses.items() if kind == _WON)
    for deal in hour.some("opportunity/", 0.02):
        label = maker.opportunity_statuses[won][0]
        hour.edit(
            "opportunity/",
            deal,
            status_id=won,
            status_label=label,
            status_display_name=label,
            status_type=_WON,
            confidence=100,
            date_won=moments.day(now),
        )
    for thing in hour.some("custom_object/", 0.02):
        hour.edit("custom_object/", thing, name=f"Renamed {seed}")
        original = store.row(thing).encoded.record()
        hour.create(
            "custom_object/",
            lead_id=original["lead_id"],
            custom_object_type_id=original["custom_object_type_id"],
        )
    for subscription in hour.some("sequence_subscription/", 0.02):
        hour.edit("sequence_subscription/", subscription, status="paused", status_reason="manual")
    for path, share in _LOST.items():
        for row_id in hour.some(path, share):
            hour.delete(path, row_id)
    return hour.counts
