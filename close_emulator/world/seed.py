"""A synthetic organisation: the same seed and sizes give the same records."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from close_emulator.lists.catalogue import DECLARATIONS, RESOURCES
from close_emulator.lists.definitions import Definitions
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.world.seed_fields import CustomValues, FieldMaker
from close_emulator.world.settings import people, settings
from close_emulator.world.sizes import EMPTY, Sizes

Record = dict[str, Any]

# How often each kind of activity happens.
ACTIVITY_SHARES: Mapping[str, int] = {
    "activity/call/": 28,
    "activity/email/": 28,
    "activity/emailthread/": 6,
    "activity/sms/": 8,
    "activity/whatsapp_message/": 1,
    "activity/meeting/": 5,
    "activity/note/": 9,
    "activity/created/": 4,
    "activity/status_change/lead/": 3,
    "activity/status_change/opportunity/": 2,
    "activity/task_completed/": 2,
    "activity/lead_merge/": 1,
    "activity/form_submission/": 1,
    "activity/import_update/": 1,
    "activity/custom/": 2,
}
# Shares of rows that were imported or edited in bulk and so have the same moment as many others, and of odd ones.
_PLATEAU_SHARE = 0.03
_ODD_SHARE = 0.002


class _Calendar:
    """Deals out moments between the organisation's first and present day."""

    def __init__(self, dice: random.Random, start: int, now: int, odd: bool) -> None:
        self._dice = dice
        self._start = min(start, now)
        self._now = now
        self._odd = odd
        span = now - self._start
        # Imports happened on whole seconds, the first of them on the first day.
        self._plateaus = [
            (self._start + round(span * part)) // moments.SECOND * moments.SECOND for part in (0.0, 0.31, 0.77)
        ]

    def between(self, low: int, high: int) -> int:
        """Some millisecond between two moments."""
        moment = low + round(self._dice.random() * max(0, high - low))
        return moment // moments.MILLISECOND * moments.MILLISECOND

    def dates(self, since: int | None = None) -> tuple[int, int]:
        """When a record was created and when it was last changed."""
        chance = self._dice.random()
        if self._odd and chance < _ODD_SHARE:
            moment = self._dice.choice((0, self._now + 400 * moments.DAY))
            return moment, moment
        if chance < _ODD_SHARE + _PLATEAU_SHARE:
            moment = self._dice.choice(self._plateaus)
            return moment, moment
        created = self.between(self._start if since is None else max(since, self._start), self._now)
        if chance < 0.5:
            return created, created
        late = created + round(self._dice.expovariate(1 / (20 * moments.DAY)))
        return created, self.between(created, min(late, self._now))


class _Builder:
    """Makes the records of one organisation."""

    def __init__(
        self, store: Store, maker: Maker, sizes: Sizes, seed: int, start: int, now: int, *, odd_dates: bool
    ) -> None:
        self._store = store
        self._maker = maker
        self._sizes = sizes
        self._dice = random.Random(f"organisation-{seed}")
        self._calendar = _Calendar(self._dice, start, now, odd_dates)
        self._start = start
        self._now = now
        self._custom = CustomValues(self._dice)
        self._contact_ids: list[str] = []
        self._object_ids: list[str] = []
        self._leads: list[tuple[str, str, int]] = []
        self._touched: list[tuple[str, str, str | None]] = []

    def build(self) -> None:
        """Everything, in the order in which things refer to each other."""
        sizes = self._sizes
        people(self._store, self._maker, sizes.users, self._start)
        settings(self._store, self._maker, self._start)
        self._custom_fields()
        self._lead_family()
        self._opportunities()
        self._activities()
        self._tasks()
        self._custom_objects()
        self._subscriptions()
        self._comments()
        self._events()

    def _custom_fields(self) -> None:
        """Definitions, whose values may name contacts and custom objects yet to be made."""
        self._contact_ids = [self._maker.new_id("cont") for _ in range(self._sizes.contacts)]
        self._object_ids = [self._maker.new_id("custobj") for _ in range(self._sizes.custom_objects)]
        fields = FieldMaker(self._store, self._maker, self._dice, self._contact_ids, self._object_ids)
        for number in range(self._sizes.custom_fields):
            fields.make(number, self._start)
        Definitions(self._store).embed()
        self._custom = fields.values

    def _put(self, path: str, partial: Record) -> Record:
        record = self._maker.complete(path, partial)
        self._store.put(RESOURCES[path], record)
        return record

    def _dated(self, path: str, since: int | None = None) -> Record:
        created, updated = self._calendar.dates(since)
        return {
            stamp: self._maker.spelled(path, moment)
            for stamp, moment in zip(RESOURCES[path].stamps, (created, updated), strict=False)
        }

    def _lead(self) -> tuple[str | None, int | None, str | None]:
        """Some lead: id, moment of creation, name."""
        if not self._leads:
            return None, None, None
        lead_id, name, created = self._dice.choice(self._leads)
        return lead_id, created, name

    def _lead_family(self) -> None:
        """Leads with their contacts; contacts beyond one per lead go to random leads."""
        sizes = self._sizes
        count = sizes.leads
        families: list[list[Record]] = [[] for _ in range(count)]
        ids = [self._maker.new_id("lead") for _ in range(count)]
        dates = [self._calendar.dates() for _ in range(count)]
        for number in range(sizes.contacts):
            place = number if number < count else self._dice.randrange(count) if count else None
            partial: Record = {"id": self._contact_ids[number], "lead_id": None if place is None else ids[place]}
            partial.update(self._dated("contact/", None if place is None else dates[place][0]))
            partial.update(self._custom.of("contact"))
            record = self._put("contact/", partial)
            self._touched.append(("contact/", record["id"], record["lead_id"]))
            if place is not None:
                families[place].append(record)
        for place in range(count):
            created, updated = dates[place]
            family = families[place]
            partial = {
                "id": ids[place],
                "date_created": self._maker.spelled("lead/", created),
                "date_updated": self._maker.spelled("lead/", updated),
                "contacts": family[:1],
                "contact_ids": [contact["id"] for contact in family],
                **self._custom.of("lead"),
            }
            record = self._put("lead/", partial)
            self._leads.append((ids[place], record["name"], created))
            self._touched.append(("lead/", ids[place], ids[place]))

    def _opportunities(self) -> None:
        for _ in range(self._sizes.opportunities):
            lead_id, created, name = self._lead()
            partial = {**self._dated("opportunity/", created), **self._custom.of("opportunity")}
            if lead_id is not None:
                partial.update(lead_id=lead_id, lead_name=name)
            record = self._put("opportunity/", partial)
            self._touched.append(("opportunity/", record["id"], record["lead_id"]))

    def _activities(self) -> None:
        total = self._sizes.activities
        kinds = list(ACTIVITY_SHARES)
        # One of each kind first, so that small organisations have them all.
        chosen = kinds[:total] + self._dice.choices(kinds, list(ACTIVITY_SHARES.values()), k=max(0, total - len(kinds)))
        types = list(self._store.held("custom_activity/"))
        for path in chosen:
            lead_id, created, _ = self._lead()
            partial = self._dated(path, created)
            if lead_id is not None:
                partial["lead_id"] = lead_id
            if path == "activity/custom/" and types:
                partial["custom_activity_type_id"] = self._dice.choice(types)
                partial.update(self._custom.of(partial["custom_activity_type_id"]))
            record = self._put(path, partial)
            self._touched.append((path, record["id"], record["lead_id"]))

    def _tasks(self) -> None:
        kinds = [row["_type"] for row in DECLARATIONS["task/"].rows]
        for _ in range(self._sizes.tasks):
            lead_id, created, name = self._lead()
            chance = self._dice.random()
            partial = self._dated("task/", created)
            partial["_type"] = "lead" if chance < 0.7 else self._dice.choice(kinds)
            partial["is_complete"] = self._dice.random() < 0.6
            if lead_id is not None:
                partial.update(lead_id=lead_id, lead_name=name)
            record = self._put("task/", partial)
            self._touched.append(("task/", record["id"], record["lead_id"]))

    def _custom_objects(self) -> None:
        types = list(self._store.held("custom_object_type/"))
        for number in range(self._sizes.custom_objects):
            lead_id, created, _ = self._lead()
            kind = types[number % len(types)]
            partial = {
                "id": self._object_ids[number],
                **self._dated("custom_object/", created),
                "custom_object_type_id": kind,
                **self._custom.of(kind),
            }
            if lead_id is not None:
                partial["lead_id"] = lead_id
            record = self._put("custom_object/", partial)
            self._touched.append(("custom_object/", record["id"], record["lead_id"]))

    def _subscriptions(self) -> None:
        """Contacts in sequences, some of them in several; all sequences but the last have subscribers."""
        sequences = list(self._store.held("sequence/"))
        contacts = list(self._store.held("contact/").values())
        for number in range(self._sizes.sequence_subscriptions):
            partial = self._dated("sequence_subscription/")
            partial["sequence_id"] = sequences[number % (len(sequences) - 1)]
            if contacts:
                contact = self._dice.choice(contacts)
                emails = contact.encoded.value("emails") or [{}]
                partial.update(
                    contact_id=contact.id,
                    contact_email=emails[0].get("email"),
                    lead_id=contact.facts["lead_id"],
                )
            self._put("sequence_subscription/", partial)

    def _comments(self) -> None:
        """Threads of up to five comments on activities and opportunities; in some threads one was removed."""
        objects = [place for place in self._touched if place[0].startswith(("activity/", "opportunity/"))]
        left = self._sizes.comments
        while left > 0:
            size = min(left, 1 + self._dice.randrange(5))
            left -= size
            thread: Record = {"num_comments": size, **self._dated("comment_thread/")}
            if objects:
                path, object_id, lead_id = self._dice.choice(objects)
                thread.update(object_id=object_id, object_type=RESOURCES[path].event_type, lead_id=lead_id)
            record = self._put("comment_thread/", thread)
            for number in range(size):
                comment = {**self._dated("comment/"), "thread_id": record["id"], "lead_id": record["lead_id"]}
                if number == 2:
                    comment.update(body=None, removed_at=comment["updated_at"], removed_by=self._maker.owner_id)
                self._put("comment/", comment)

    def _events(self) -> None:
        """The last weeks of the event log, a few of them older than it reaches back."""
        count = self._sizes.events
        begin = max(self._start, self._now - 32 * moments.DAY)
        whens = sorted(self._calendar.between(begin, self._now) for _ in range(count))
        for when in whens:
            self._put("event/", self._event(when))

    def _event(self, when: int) -> Record:
        spelled = self._maker.spelled("event/", when)
        partial: Record = {"date_created": spelled, "date_updated": spelled, "user_id": self._maker.person()}
        action = self._dice.choices(("created", "updated", "deleted"), (3, 6, 1))[0]
        if action == "deleted" or not self._touched:
            # What was deleted is no longer held.
            parent = self._lead()[0] or self._maker.new_id("lead")
            gone = self._maker.new_id("cont")
            previous = {"id": gone, "lead_id": parent, "organization_id": self._maker.organization_id}
            return {
                **partial,
                "action": "deleted",
                "object_type": "contact",
                "object_id": gone,
                "lead_id": parent,
                "previous_data": previous,
            }
        path, object_id, lead_id = self._dice.choice(self._touched)
        resource = RESOURCES[path]
        encoded = self._store.row(object_id).encoded
        kind = resource.event_type or "activity.note"
        if path == "task/":
            kind = f"task.{encoded.value('_type')}"
        partial.update(action=action, object_type=kind, object_id=object_id, lead_id=lead_id, data=encoded.record())
        if action == "updated":
            partial.update(changed_fields=["date_updated"], previous_data={"date_updated": spelled})
        return partial


def fill(store: Store, maker: Maker, sizes: Sizes, seed: int, start: int, now: int, *, odd_dates: bool) -> None:
    """Make an organisation of the given sizes; nothing at all when they are all zero.

    `odd_dates`: a few records are of 1970 or of the future.
    """
    if sizes != EMPTY:
        with store.lock:
            _Builder(store, maker, sizes, seed, start, now, odd_dates=odd_dates).build()
