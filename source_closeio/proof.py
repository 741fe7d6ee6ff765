"""Whether all of a list has been seen that stirs while it is gone round. Pure."""

from dataclasses import dataclass, field

from .records import Record

MOST_ROUNDS = 60

GROWING_ROUNDS = 3
"""So many in a row that bring new rows, all of them created since the first, show that nothing else was passed over."""


@dataclass
class Lap:
    """What one round through a list saw."""

    seen: dict[str, str] = field(default_factory=dict)
    """The ids, with the dates of creation."""
    length: int | None = 0
    """Of the list; None where that cannot be told."""
    still: bool = True
    """Nothing stirred, so this is all of it."""
    twice: bool = False
    """A row came twice."""
    trace: int = 0
    """The same for two rounds that saw the same pages."""

    def take(self, rows: list[Record], key: str, place: object) -> int:
        """Takes a page; how many of its rows are new to this round."""
        known = len(self.seen)
        self.seen.update((row[key], str(row.get("date_created") or "")) for row in rows)
        self.trace = hash((self.trace, place, *(row[key] for row in rows)))
        return len(self.seen) - known


class Proof:
    """Whether all of a list has been seen, told from round to round.

    It has been after a round in which nothing stirred; and once as many rows are known as the list is long, and each of
    them has come again since: had one been passed over, one of the known would be gone. Where the length cannot be told
    or is more than Close shows, rounds of the very same pages are taken for it. Rows that keep being created meanwhile
    hold nothing up.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._missing: set[str] | None = None  # of the known, since they are as many as the list is long
        self._newest = ""
        self._growing = 0
        self._trace: int | None = None
        self._same = 0

    def given_by(self, lap: Lap) -> bool:
        self._same = self._same + 1 if lap.trace == self._trace and not lap.twice else 0
        self._trace = lap.trace
        unsure = 1 if lap.length is None else 2 if lap.length > len(lap.seen) else MOST_ROUNDS
        if lap.still or self._same >= unsure:
            return True
        late = [lap.seen[row_id] for row_id in lap.seen.keys() - self._known]
        born = bool(self._known and late) and all(moment > self._newest for moment in late)
        self._growing = self._growing + 1 if born else 0
        self._newest = self._newest or max(lap.seen.values(), default="")
        if self._growing == GROWING_ROUNDS:
            return True
        gone = lap.length is not None and lap.length < len(self._known)
        if self._missing is not None and not late and not gone:
            self._missing -= lap.seen.keys()
            return not self._missing
        self._known |= lap.seen.keys()
        if lap.length is not None and len(self._known) > lap.length:
            self._known = set(lap.seen)
        self._missing = set(self._known) if len(self._known) == lap.length else None
        return False
