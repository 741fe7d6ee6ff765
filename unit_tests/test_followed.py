"""Random histories of an organisation whose event log is followed: in the end a warehouse holds what Close holds.

People edit old rows, date rows back, delete one or many, merge leads, and bring rows back under their ids; events and
lists are late; syncs are killed, and the log is refused now and then. More of them: `FOLLOWED=200` in the environment.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from close_emulator import Emulator

from .conftest import Output
from .warehouse import CAPTURED, HOUR, MINUTE, OLD, Warehouse, filled, later, now

Run = Callable[..., Output]
Row = dict[str, Any]

LISTS = {
    "lead": "lead/",
    "cont": "contact/",
    "oppo": "opportunity/",
    "task": "task/",
    "call": "activity/call/",
    "note": "activity/note/",
    "actc": "activity/custom/",
    "cobj": "custom_object/",
}


class People:
    """gone: rows that were deleted, by their ids. lost: leads that were deleted, not merged."""

    def __init__(self, close: Emulator, dice: random.Random) -> None:
        self._close, self._dice = close, dice
        self._made = 0
        self.gone: dict[str, tuple[str, Row]] = {}
        self.lost: set[str] = set()

    def do_something(self) -> None:
        things: tuple[tuple[Callable[[], None], int], ...] = (
            (self._edit, 12),
            (self._date_back, 4),
            (self._add, 3),
            (self._delete, 4),
            (self._delete_many, 1),
            (self._delete_lead, 1),
            (self._merge, 1),
            (self._bring_back, 3),
        )
        (do,) = self._dice.choices([each for each, _ in things], [weight for _, weight in things])
        do()

    def _some(self, kind: str, count: int = 1) -> list[Row]:
        rows = sorted(self._close.all(LISTS[kind]), key=lambda row: str(row["id"]))
        return self._dice.sample(rows, min(count, len(rows)))

    def _kind(self) -> str:
        return self._dice.choice([each for each in LISTS if each != "lead"])

    def _edit(self) -> None:
        self._made += 1
        at = now(self._close) - self._dice.choice((0, 0, 20)) * MINUTE
        for row in self._some(self._dice.choice(list(LISTS))):
            self._close.edit(row["id"], anything=f"edit {self._made}", at=at)

    def _new(self, dates: Row) -> None:
        self._made += 1
        kind = self._dice.choice(("note", "call"))
        for lead in self._some("lead"):
            row = {"id": f"{kind}_new_{self._made}", "lead_id": lead["id"], **dates}
            self._close.add(LISTS[kind], row, log=True, at=now(self._close))

    def _date_back(self) -> None:
        self._new({"date_created": OLD, "date_updated": now(self._close).isoformat()})

    def _add(self) -> None:
        self._new({})

    def _end(self, rows: list[Row], kind: str, **meta: str) -> None:
        self.gone |= {row["id"]: (LISTS[kind], row) for row in rows}
        self._close.delete(*(row["id"] for row in rows), meta=meta)

    def _delete(self) -> None:
        kind = self._kind()
        self._end(self._some(kind), kind)

    def _delete_many(self) -> None:
        kind = self._kind()
        self._end(self._some(kind, 5), kind, bulk_action_id="bulk_1")

    def _delete_lead(self) -> None:
        rows = self._some("lead")
        self.lost |= {row["id"] for row in rows}
        self._end(rows, "lead")

    def _merge(self) -> None:
        match self._some("lead", 2):
            case [source, destination]:
                self._close.merge(source["id"], destination["id"])

    def _bring_back(self) -> None:
        leads = self._close.ids("lead/")
        back = [each for each, (_, row) in self.gone.items() if row.get("lead_id") in leads]
        if back:
            path, row = self.gone.pop(self._dice.choice(back))
            moment = now(self._close)
            self._close.add(path, {**row, "date_updated": moment.isoformat()}, log=True, at=moment)


def behave(close: Emulator, dice: random.Random) -> None:
    """Some of what Close may be like."""
    switches: dict[str, tuple[Any, ...]] = {
        "event_lag": (0, 0, 60, 600),
        "event_order": ("kept", "mixed"),
        "event_consolidation": (0, 3600),
        "event_data": ("part", "whole"),
        "event_data_deleted": ("{}", "null"),
        "event_offset": (0, 0, 0.25),
        "events_naive": (True, False),
        "admin": (True, False),
        "merge_dates": ("kept", "moved"),
        "index_lag": (0, 0, 60, 2400),
        "index_rows": ("indexed", "now"),
        "delete_lag": (0, 0, 900),
        "id_in_over": ("refused", "ignored", "cut"),
        "id_in_cap": (None, None, 3),
        "search_ids_cap": (None, None, 3),
        "unstable_ties": (False, True),
    }
    for name, values in switches.items():
        setattr(close.behaviour, name, dice.choice(values))


@pytest.mark.parametrize("number", range(int(os.environ.get("FOLLOWED", "8"))))
def test_in_the_end_upserts_without_tombstones_are_what_close_holds(close: Emulator, run: Run, number: int) -> None:
    dice = random.Random(number)
    warehouse = filled(close, run, *dice.sample(CAPTURED, 4))
    behave(close, dice)
    people = People(close, dice)
    for _ in range(dice.randint(2, 4)):
        for _ in range(dice.randint(1, 15)):
            people.do_something()
            later(close, dice.choice((0, 1, 30)) * MINUTE)
        close.behaviour.event_log_allowed = dice.random() > 0.2
        warehouse.sync(lines=dice.choice((None, None, 20, 60)), config={"num_workers": dice.choice((1, 3, 20))})
        later(close, dice.choice((1, 60, 3 * 24 * 60)) * MINUTE)
    close.behaviour.event_log_allowed = True
    for _ in range(2):
        later(close, 2 * HOUR)
        warehouse.sync()

    assert [each for each in warehouse.differs() if not is_unknowable(warehouse, people, *each)] == []


def is_unknowable(warehouse: Warehouse, people: People, stream: str, row_id: str, what: str) -> bool:
    """Nothing tells that the custom objects of a deleted lead are gone."""
    held = warehouse.rows[stream].get(row_id, {})
    return stream == "custom_objects" and what == "gone" and held.get("lead_id") in people.lost
