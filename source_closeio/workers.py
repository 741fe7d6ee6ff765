"""Threads that work beside each other and hold no end up: one that waits for Close's answer dies with the process."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

Given = TypeVar("Given")
Made = TypeVar("Made")


class Workers(ThreadPoolManager):
    """In the place of the CDK's pool: takes the streams in turn, and has no limit of what may wait.

    Close limits requests per endpoint: a pool full of slices of one stream waits for that stream's allowance while
    those of the others lapse. The CDK's limit, 10,000 tasks, makes whoever cuts slices wait for whoever reads them:
    with one thread, for ever. Its threads are waited for when Python ends, these are not.
    """

    def __init__(self, count: int) -> None:
        # Not the CDK's __init__, which wants an executor: all that uses one is replaced here.
        self._waiting: dict[str, deque[Callable[[], Any]]] = {}
        self._unfinished = 0
        self._closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        for number in range(count):
            threading.Thread(target=self._work, name=f"worker_{number}", daemon=True).start()

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        # Partition generators (turn "") come first: they are short, and bring the work of their stream.
        turn = args[0].stream_name() if args and isinstance(args[0], Partition) else ""
        with self._changed:
            self._waiting.setdefault(turn, deque()).append(lambda: function(*args))
            self._unfinished += 1
            self._changed.notify()

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
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            turn = "" if "" in self._waiting else next(iter(self._waiting))
            tasks = self._waiting.pop(turn)
            task = tasks.popleft()
            if tasks:
                self._waiting[turn] = tasks  # back to the end of the line
            return task


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


def _fulfil(future: "Future[Made]", make: Callable[[Given], Made], given: Given) -> None:
    try:
        future.set_result(make(given))
    except Exception as failure:  # noqa: BLE001 - raised again by `result`
        future.set_exception(failure)
