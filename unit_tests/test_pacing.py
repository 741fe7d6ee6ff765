"""The limiter against servers that count in each of the three ways: simulations, by a clock that nobody waits for."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from close_emulator.behaviour import Behaviour, RateCounting
from close_emulator.wire.rate import RateLimiter as Counting
from source_closeio.rate_limit import RateLimiter

WAYS: tuple[RateCounting, ...] = ("fixed", "sliding", "bucket")


@dataclass
class Simulation:
    """Close, and programs that read from it; time passes from event to event.

    latency: seconds from a request to its answer; the emulator's own counting says what becomes of it.
    jitter: seconds that requests differ in on their way.
    """

    way: RateCounting = "fixed"
    limit: int | None = 20
    window: float = 1.0
    latency: float = 0.1
    jitter: float = 0.01
    headers: Any = "commas"
    silent: bool = False
    tells: Callable[[int], bool] = lambda number: True
    seed: int = 1
    now: float = 1000.0
    skew: float = 0.0
    answers: list[tuple[float, str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.behaviour = Behaviour(
            rate_limit=self.limit, rate_window=self.window, rate_counting=self.way, rate_limit_headers=self.headers
        )
        self.counting = Counting(self.behaviour, lambda: self.now)
        self.random = random.Random(self.seed)
        self._events: list[tuple[float, int, Iterator[float]]] = []
        self._number = 0

    def limiter(self, **options: Any) -> RateLimiter:
        return RateLimiter(lambda: self.now + self.skew, lambda _: None, **options)

    def start(self, work: Iterator[float], at: float = 0.0) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.now + at, self._number, work))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, work = heapq.heappop(self._events)
            pause = next(work, None)
            if pause is not None:
                self.start(work, pause)
        self.now = end

    def read(
        self, limiter: RateLimiter, path: str = "/lead/", most: float = float("inf"), who: str = ""
    ) -> Iterator[float]:
        """One reader: so many requests, one after the other, each tried again until it is let through."""
        while most > 0:
            request = SimpleNamespace(method="GET", path_url=path)
            for seconds in limiter.turns(request):
                yield seconds + self.random.uniform(0, 0.002)
            yield self.latency / 2 + self.random.uniform(0, self.jitter)
            headers, refused = self.counting.count("GET", path)
            status = 200 if refused is None else 429
            self.answers.append((self.now, path, status, who))
            most -= status == 200
            told = headers if self.tells(len(self.answers)) else {}
            if refused is not None and not self.silent:
                told = {**told, **refused.headers}
            content = b"{}" if refused is None or self.silent else refused.body
            yield self.latency / 2 + self.random.uniform(0, self.jitter)
            limiter.update_from_response(
                request, SimpleNamespace(status_code=status, headers=CaseInsensitiveDict(told), content=content)
            )
            if status == 429:
                yield self.random.uniform(0.5, 1.0)

    def readers(self, count: int, limiter: RateLimiter, **reading: Any) -> None:
        for _ in range(count):
            self.start(self.read(limiter, **reading))

    def figures(self, since: float, until: float | None = None, who: str | None = None) -> tuple[float, float]:
        """Of the answers from one second to another: the share of the limit used, and the share of 429."""
        until = self.now - 1000.0 if until is None else until
        seen = [s for at, _, s, w in self.answers if 1000 + since <= at < 1000 + until and who in (None, w)]
        let = seen.count(200)
        return let / (self.behaviour.rate_limit / self.behaviour.rate_window * (until - since)), 1 - let / len(seen)
