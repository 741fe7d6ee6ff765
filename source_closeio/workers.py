"""Threads that work beside each other and hold no end up: one that waits for Close's answer dies with the process."""

import heapq
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from typing import Any, TypeVar

from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

Given = TypeVar("Given")
Made = TypeVar("Made")

BEGINNING = datetime.min.replace(tzinfo=timezone.utc)

LOOK_AGAIN = 0.05
"""Seconds after which a worker looks whether a group of endpoints has room again."""


class Piece(Partition, ABC):
    """A partition that says where in line it stands.

    group: of endpoints, whose requests it sends. age: the older of two of one stream is read first.
    """

    @property
    @abstractmethod
    def group(self) -> str: ...

    @property
    @abstractmethod
    def age(self) -> datetime: ...


@dataclass(order=True)
class Task:
    """What a worker does next, and where in line it stands."""

    place: tuple[datetime, int]
    """Of two of one turn the lower goes first."""
    turn: str = field(compare=False)
    """The streams take turns."""
    group: str = field(compare=False)
    """As in `Piece`."""
    do: Callable[[], Any] = field(compare=False)


class Workers(ThreadPoolManager):
    """In the place of the CDK's pool: takes the streams in turn, and has no limit of what may wait.

    Close limits requests per group of endpoints: a pool full of slices of one stream waits for that stream's allowance
    while those of the others lapse. So a worker takes nothing of a group that another already waits for. The CDK's
    limit, 10,000 tasks, makes whoever cuts slices wait for whoever reads them: with one thread, for ever. Its threads
    are waited for when Python ends, these are not.
    """

    def __init__(self, number: int, crowded: Callable[[str], bool] = lambda group: False) -> None:
        """crowded: whether somebody already waits to send a request of this group."""
        # Not the CDK's __init__, which wants an executor: all that uses one is replaced here.
        self._crowded = crowded
        self._waiting: dict[str, list[Task]] = {}
        self._counter = count()
        self._idle = self._wanted = self._unfinished = 0
        self._closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        for each in range(number):
            threading.Thread(target=self._work, name=f"worker_{each}", daemon=True).start()

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        number = next(self._counter)
        # Partition generators have no turn, and come first: they are short, and bring the work of their stream.
        turn, group, place = "", "", (BEGINNING, number)
        if args and isinstance(args[0], Piece):
            turn, group, place = args[0].stream_name(), args[0].group, (args[0].age, number)
        task = Task(place, turn, group, lambda: function(*args))
        with self._changed:
            heapq.heappush(self._waiting.setdefault(task.turn, []), task)
            self._unfinished += 1
            self._wanted = max(0, self._wanted - 1)
            self._changed.notify()

    def want(self, group: str) -> bool:
        """Whether a worker has nothing to do, and would not have to wait for this group. If so, a task is expected."""
        with self._changed:
            ready = sum(len(tasks) for tasks in self._waiting.values() if not self._crowded(tasks[0].group))
            wanted = self._idle > ready + self._wanted and not self._crowded(group)
            self._wanted += wanted
            return wanted

    def prune_to_validate_has_reached_futures_limit(self) -> bool:
        return False

    def is_done(self) -> bool:
        return self._unfinished == 0

    def check_for_errors_and_shutdown(self) -> None:
        """Ends the threads. Raises what a task let through; the CDK's tasks catch what can happen to them."""
        self.close()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """What has not begun is left undone."""
        with self._changed:
            self._closed = True
            self._unfinished -= sum(map(len, self._waiting.values()))
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                task()
            except BaseException as failure:  # noqa: BLE001 - told by whoever waits for the end
                self._failure = failure
            with self._changed:
                self._unfinished -= 1

    def _next(self) -> Callable[[], Any] | None:
        with self._changed:
            while not self._closed:
                for turn in sorted(self._waiting, key=bool):  # generators first
                    if not turn or not self._crowded(self._waiting[turn][0].group):
                        return self._take(turn)
                self._idle += 1
                self._changed.wait(LOOK_AGAIN if self._waiting else None)
                self._idle -= 1
            return None

    def _take(self, turn: str) -> Callable[[], Any]:
        tasks = self._waiting.pop(turn)
        task = heapq.heappop(tasks)
        if tasks:
            self._waiting[turn] = tasks  # back to the end of the line
        return task.do


def side_by_side(make: Callable[[Given], Made], given: Iterable[Given], count: int) -> list[Made]:
    """`make` of each, in their order, so many at a time; raises what the first that failed raised."""
    workers = Workers(count)
    try:
        made = [(each, Future[Made]()) for each in given]
        for each, future in made:
            workers.submit(_fulfil, future, make, each)
        return [future.result() for _, future in made]
    finally:
        workers.close()


class TookTooLong(Exception):
    """The time for something is over, and it goes on."""


def in_time(make: Callable[[], Made], seconds: float) -> Made:
    """What `make` makes or raises, in a thread of its own. Raises TookTooLong after so many seconds, whatever hangs."""
    future = Future[Made]()
    threading.Thread(target=_fulfil, args=(future, lambda _: make(), None), daemon=True).start()
    if not wait([future], seconds).done:
        raise TookTooLong
    return future.result()


def _fulfil(future: "Future[Made]", make: Callable[[Given], Made], given: Given) -> None:
    try:
        future.set_result(make(given))
    except Exception as failure:  # noqa: BLE001 - raised again by `result`
        future.set_exception(failure)
