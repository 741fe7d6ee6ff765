"""Histories of a list that lives, and how a walk fares in one: what it owes, hands on, could know.

A history is a value, so a failing one can be written down as a test as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from source_closeio.errors import NoProgress, PageTooLarge
from source_closeio.windows import Span

from .living_close import LivingClose, Operation, Row, State, Switches, bounds

AS_DOCUMENTED = Switches()


@dataclass(frozen=True)
class History:
    """What a walk meets.

    rows: date of creation, date of update (in half seconds) and place of each. operations: in the order in which they
    happen, `request` being the walk's next one; after them the list stands still. span: its bounds in seconds. limit:
    rows a page.
    """

    switches: Switches = AS_DOCUMENTED
    rows: tuple[tuple[int, int, int], ...] = ()
    operations: tuple[Operation, ...] = ()
    span: tuple[int | None, int | None] = (None, None)
    limit: int = 3


@dataclass(frozen=True)
class Asked:
    """A request, its answer, and the ids of the rows that were found, within its filters, and shown."""

    page: Row
    answer: Row | NoProgress
    held: frozenset[str]


@dataclass
class Outcome:
    """How a walk ended. owed: what the promise covers. handed_on: rows with the number of their version."""

    handed_on: list[tuple[Row, int]] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    failure: NoProgress | None = None
    requests: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def lost(self) -> set[str]:
        return self.owed - {row["id"] for row, _ in self.handed_on}

    @property
    def twice(self) -> list[str]:
        """Ids that came again although the row had not changed."""
        return [row["id"] for i, (row, version) in enumerate(self.handed_on) if (row, version) in self.handed_on[:i]]

    def keeps_the_promise(self, once: bool = True) -> None:
        """Fails unless all that is owed was handed on, or the walk gave up, or no walk could have noticed.

        once: it was so, one walk knows what it has handed on; several do not.
        """
        assert not (once and self.twice)
        assert self.failure or not [row_id for row_id in self.lost if self._noticeable(row_id)]

    def _noticeable(self, row_id: str) -> bool:
        """Whether a walk by offsets could know that this row, which it never saw, is missing: each time that it went
        through a list with the row in it, something did not look like a list that stands still without the row."""
        return not any(all(row_id in each.held for each in once) and looks_still(once) for once in _rounds(self.asked))


Walk = Callable[[Callable[[Row], Row], Span, int], Iterator[Row]]
Stays = Callable[[State, State], bool]


def run(
    history: History,
    answers: Callable[[LivingClose, Row], Row],
    walk: Walk,
    cursor: str | None,
    stays: Stays = lambda before, after: True,
) -> Outcome:
    """Leads a walk through a history.

    answers: how this Close answers its requests. cursor: the date that the span is about. stays: whether a row that the
    index has otherwise than at the request before is still covered by the promise.
    """
    close, outcome = LivingClose(history.switches, history.rows), Outcome()
    start, end = (second if second is None else close.moment(2 * second) for second in history.span)
    span = Span(start, end)
    operations = iter(history.operations)
    before: dict[str, State] | None = None

    def fetch(asked: Row) -> Row:
        nonlocal before
        for operation in operations:
            if operation[0] == "request":
                break
            close.happens(operation)
        answer: Row | NoProgress
        try:
            answer = answers(close, asked)
        except NoProgress as refusal:
            answer = refusal
        now = close.within({cursor: span} if cursor else {})
        if before is None:
            outcome.owed.update(now)
        else:
            outcome.owed &= {each for each in now if each in before and stays(before[each], now[each])}
        before = now
        held = frozenset(each for each, state in now.items() if close.lies_in(state, bounds(asked)))
        outcome.asked.append(Asked(asked, answer, held))
        if isinstance(answer, NoProgress):
            raise answer
        return answer

    try:
        for row in walk(fetch, span, history.limit):
            outcome.handed_on.append((row, len(close.versions[row["id"]])))
    except NoProgress as failure:
        outcome.failure = failure
    outcome.requests = close.requests
    return outcome


def looks_still(asked: list[Asked]) -> bool:
    """Whether these pages, from `_skip` 0 to the end, are those of one list that did not change.

    Each page begins with a row of the page before, no row stands in two places and no place holds two rows, the last
    page says that it is the last, and no page said that more follows than came. Where a page before shows fewer rows
    than it has places (some are hidden), their places cannot be told, and the next page need not join it.
    """
    places: dict[int, str] = {}
    ids: set[str] = set()
    joins, reach = False, 0
    for each in asked:
        if isinstance(each.answer, PageTooLarge):
            continue
        if isinstance(each.answer, NoProgress):
            return False
        skip: int = each.page["_skip"]
        limit, more = each.page["_limit"], each.answer.get("has_more", False)
        came = [row["id"] for row in each.answer["data"]]
        full = len(came) == limit
        if joins and places.get(skip) not in came[:1]:
            return False
        new = came[1:] if joins else came
        if ids & set(new) or len(came) > limit:
            return False
        ids.update(new)
        if full:
            places.update(enumerate(came, skip))
        if more:
            reach = max(reach, skip + limit)
        elif not full:
            return reach < skip + len(came)
        joins = full
    return False


def _rounds(asked: list[Asked]) -> Iterator[list[Asked]]:
    """What was asked for by offset, parted wherever it begins at 0."""
    once: list[Asked] = []
    for each in asked:
        if "_skip" not in each.page:
            return
        if each.page["_skip"] == 0 and not (once and isinstance(once[-1].answer, PageTooLarge)):
            yield once
            once = []
        once.append(each)
    yield once
