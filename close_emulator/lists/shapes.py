"""Factories: a partial record becomes a full one, with the fields, nulls and spellings the real API serves."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from typing import Any

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.shapes_activities import ACTIVITY_SHAPES
from close_emulator.lists.shapes_records import RECORD_SHAPES
from close_emulator.lists.shapes_settings import SETTING_SHAPES
from close_emulator.store import moments

_LETTERS = (string.digits + string.ascii_letters).encode()
_BASE_62 = bytes(_LETTERS[byte % 62] for byte in range(256))

_PROSE = (
    "Spoke with the operations lead about the roll-out and the open points of the offer. They compare two vendors, "
    "want the migration done before the quarter ends and asked for references of a similar size. Next step is a call "
    "with procurement; security questionnaire was sent, pricing for the larger plan to follow on Thursday. "
)

LEAD_STATUSES = ("Potential", "Bad Fit", "Qualified", "Interested", "Customer", "Canceled")
OPPORTUNITY_STATUSES = (
    ("Demo Completed", "active"),
    ("Proposal Sent", "active"),
    ("Contract Sent", "active"),
    ("Won", "won"),
    ("Lost", "lost"),
)


class Maker:
    """Completes records of one organisation; deterministic for a seed and an order of calls."""

    def __init__(self, seed: int, clock: Callable[[], int], naive_events: Callable[[], bool]) -> None:
        self._random = random.Random(f"close-{seed}")
        self._clock = clock
        self._naive_events = naive_events
        self.organization_id = self.new_id("orga")
        self.owner_id = self.new_id("user")
        self.names: dict[str, str] = {self.owner_id: "Robin Owner"}
        self.pipeline_id = self.new_id("pipe")
        self.lead_statuses = {self.new_id("stat"): label for label in LEAD_STATUSES}
        self.opportunity_statuses = {self.new_id("stat"): pair for pair in OPPORTUNITY_STATUSES}
        self._people = [self.owner_id]
        self._lead_status_ids = list(self.lead_statuses)
        self._opportunity_status_ids = list(self.opportunity_statuses)

    def new_id(self, prefix: str) -> str:
        """The prefix and 43 base-62 characters."""
        return f"{prefix}_{self._random.randbytes(43).translate(_BASE_62).decode('ascii')}"

    def hire(self, user_id: str, name: str) -> None:
        """Make a person one of those who do things from now on."""
        if self._people == [self.owner_id] and user_id != self.owner_id:
            self._people = []
        self._people.append(user_id)
        self.names[user_id] = name

    def person(self) -> str:
        """The id of someone of the organisation."""
        return self._random.choice(self._people)

    def colleagues(self, count: int) -> list[str]:
        """The ids of so many people other than the owner, of strangers where the organisation has too few."""
        found = [person for person in self._people if person != self.owner_id][:count]
        return found + [self.new_id("user") for _ in range(count - len(found))]

    def name(self, user_id: object) -> str | None:
        """The name to an id; strangers have one too."""
        return None if user_id is None else self.names.get(str(user_id), "Sam Stranger")

    def some_lead_status(self) -> str:
        """One of the lead statuses."""
        return self._random.choice(self._lead_status_ids)

    def some_opportunity_status(self) -> str:
        """One of the opportunity statuses."""
        return self._random.choice(self._opportunity_status_ids)

    def number(self, low: int, high: int) -> int:
        """A whole number within the bounds."""
        return low + int(self._random.random() * (high - low + 1))

    def prose(self, length: int) -> str:
        """So many characters of a sales person's notes."""
        start = self.number(0, len(_PROSE) - 1)
        return (_PROSE * (2 + length // len(_PROSE)))[start : start + length]

    def phone(self) -> str:
        """A number of the range reserved for fiction."""
        return f"+1202555{self.number(100, 199):04}"

    def spelled(self, path: str, moment: int) -> str:
        """A moment in the spelling of that resource."""
        if path == "event/":
            return moments.naive_milliseconds(moment) if self._naive_events() else moments.full(moment)
        return moments.SPELLINGS[RESOURCES[path].spelling](moment)

    def now(self, path: str) -> str:
        """The clock's moment in the spelling of that resource."""
        return self.spelled(path, self._clock())

    def complete(self, path: str, partial: Mapping[str, Any]) -> dict[str, Any]:
        """The full record of a partial one; what is given is kept as it is."""
        static, computed, finish = _SHAPES[path]
        record = {**static, **partial}
        if "id" in record and "id" not in partial:
            record["id"] = self.new_id(RESOURCES[path].prefix)
        for field, make in computed:
            if field not in partial:
                record[field] = make(self, record)
        if finish is not None:
            finish(self, record, partial)
        return record


# Records which do not say whose they are.
_WITHOUT_ORGANIZATION = ("user/", "organization/", "webhook/", "unsubscribe/email/")

_Made = tuple[dict[str, Any], list[tuple[str, Callable[[Maker, dict[str, Any]], Any]]], Any]


def _compiled(path: str, shape: Mapping[str, Any]) -> _Made:
    """A shape in two parts: the values all records share, and those computed for each."""
    whole: dict[str, Any] = {"id": None} if RESOURCES[path].key == "id" else {}
    if path not in _WITHOUT_ORGANIZATION:
        whole["organization_id"] = lambda maker, record: maker.organization_id
    made, *changed = RESOURCES[path].stamps or (None,)
    if made is not None:
        whole[made] = lambda maker, record: maker.now(path)
    for stamp in changed:
        whole[stamp] = lambda maker, record: record[made]
    whole.update(shape)
    finish = whole.pop("", None)
    static = {field: None if callable(value) else value for field, value in whole.items()}
    return static, [(field, value) for field, value in whole.items() if callable(value)], finish


_SHAPES: dict[str, _Made] = {
    path: _compiled(path, {**RECORD_SHAPES, **ACTIVITY_SHAPES, **SETTING_SHAPES}.get(path, {})) for path in RESOURCES
}


def fields(path: str) -> frozenset[str]:
    """The names of the fields a full record of that path has."""
    return frozenset(_SHAPES[path][0])
