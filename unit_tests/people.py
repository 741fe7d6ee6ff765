"""People who work in an organisation while it is synced: they create, edit, delete, import, and edit in bulk.

Everything they do is written into the ledger. Each thing takes a millisecond of the emulator's clock, so that no two
versions of a row have the same date.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from close_emulator import RESOURCES, Emulator
from close_emulator.store import moments

from .ledger import PARENT, Ledger, View

MILLISECOND = timedelta(milliseconds=1)
MOST_IN_ONE_SYNC = 300
"""Who changes more rows between two requests than come in a page is never caught up with."""
# Parents that take no children along: these would be held, and in no list.
KEPT = ("custom_object_type/", "custom_activity/")


class People:
    def __init__(self, close: Emulator, ledger: Ledger, views: list[View], seed: int) -> None:
        self.done = 0
        self._close = close
        self._ledger = ledger
        self._dice = Random(seed)
        self._places = [place for view in views for place in _places(view)]

    def work(self, things: int, seconds: float) -> None:
        """Lets so many seconds pass, and so many things be done in them."""
        for _ in range(things):
            self._pass(seconds / (things + 1))
            self._do_something()
        self._pass(seconds / (things + 1))

    def before_an_answer(self, busy: float, tick: float) -> None:
        """Lets up to `tick` seconds pass, and with the chance `busy` something be done."""
        with self._ledger.lock:
            self._pass(self._dice.random() * tick)
            if self._dice.random() < busy and self.done < MOST_IN_ONE_SYNC:
                self._do_something()

    def _do_something(self) -> None:
        with self._ledger.lock:
            self.done += 1
            path, kind = self._dice.choice(self._places)
            does: Callable[[str, str], None] = self._dice.choices(
                (self._create, self._edit, self._delete, self._import, self._edit_in_bulk), (30, 50, 8, 6, 6)
            )[0]
            does(path, kind)

    def _pass(self, seconds: float) -> None:
        assert self._close.now is not None
        self._close.now += max(MILLISECOND, timedelta(seconds=seconds))

    @property
    def _now(self) -> int:
        assert self._close.now is not None
        return moments.from_datetime(self._close.now)

    def _spelled(self, path: str, moment: int) -> str:
        return moments.SPELLINGS[RESOURCES[path].spelling](moment)

    def _create(self, path: str, kind: str) -> None:
        self._add(path, kind, self._now)

    def _import(self, path: str, kind: str) -> None:
        """Up to twenty rows that were created on one day of the past, some of them in one second."""
        day = self._now - round(10 ** self._dice.uniform(0, 6) * moments.SECOND)
        for _ in range(self._dice.randint(2, 20)):
            self._add(path, kind, day // moments.SECOND * moments.SECOND)
            day -= self._dice.choice((0, 0, moments.SECOND, moments.HOUR))

    def _add(self, path: str, kind: str, created: int) -> None:
        stamps = RESOURCES[path].stamps
        dates = {
            stamp: self._spelled(path, moment) for stamp, moment in zip(stamps, (created, self._now), strict=False)
        }
        of: dict[str, Any] = {"_type": kind} if kind else {}
        name, parents = PARENT.get(path, ("id", path))
        if name != "id":
            held = sorted(self._close.ids(parents))
            if not held:
                return
            of[name] = self._dice.choice(held)
        (record,) = self._close.add(path, {**dates, **of})
        self._ledger.write(path, record, self._now)
        self._pass(0)

    def _some(self, path: str, kind: str, most: int) -> list[str]:
        held = sorted(row_id for row_id in self._close.ids(path) if not kind or self._ledger.rows[row_id].kind == kind)
        return self._dice.sample(held, min(most, len(held)))

    def _edit(self, path: str, kind: str) -> None:
        self._rewrite(path, self._some(path, kind, 1))

    def _edit_in_bulk(self, path: str, kind: str) -> None:
        """Up to forty rows get one and the same date."""
        self._pass(1.0)  # a second holds no more rows than Close can list
        self._rewrite(path, self._some(path, kind, self._dice.randint(2, 40)))
        self._pass(1.0)

    def _rewrite(self, path: str, row_ids: list[str]) -> None:
        changed = RESOURCES[path].stamps[1:]
        for row_id in row_ids if changed else ():
            record = self._close.edit(row_id, **{changed[0]: self._spelled(path, self._now)})
            self._ledger.write(path, record, self._now)
        self._pass(0)

    def _delete(self, path: str, kind: str) -> None:
        for row_id in self._some(path, kind, 1 if path not in KEPT else 0):
            self._close.delete(row_id)


def _places(view: View) -> list[tuple[str, str]]:
    """The lists, and the types in them, where work changes what a stream shows."""
    if view.path == "activity/":
        return [("activity/call/", ""), ("activity/note/", ""), ("activity/email/", "")]
    if view.path == "event/":
        return [("lead/", "")]
    return [(view.path, "" if view.kind == "all" else view.kind)]
