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
    limit: int = 20
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
        allowed = (self.behaviour.rate_limit or 0) / self.behaviour.rate_window * (until - since)
        return let / allowed, 1 - let / len(seen)


@pytest.mark.parametrize("latency", [0.1, 0.3])
@pytest.mark.parametrize(("limit", "window"), [(20, 1.0), (8, 1.0), (60, 10.0), (160, 8.0), (240, 60.0)])
@pytest.mark.parametrize("way", WAYS)
def test_the_limit_is_used_and_kept_however_it_is_counted(
    way: RateCounting, limit: int, window: float, latency: float
) -> None:
    close = Simulation(way, limit, window, latency)
    close.readers(20, close.limiter())
    close.run(max(60.0, 6 * window))

    used, limited = close.figures(since=window)
    assert used >= 0.95
    assert limited < 0.01


@pytest.mark.parametrize("readers", [5, 40])
@pytest.mark.parametrize("way", WAYS)
def test_the_number_of_readers_does_not_matter(way: RateCounting, readers: int) -> None:
    close = Simulation(way)
    close.readers(readers, close.limiter())
    close.run(60.0)

    used, limited = close.figures(since=1.0)
    assert used >= 0.95
    assert limited < 0.01


@pytest.mark.parametrize("way", WAYS)
def test_requests_that_take_differently_long_on_their_way_cost_little(way: RateCounting) -> None:
    close = Simulation(way, jitter=0.06)
    close.readers(20, close.limiter())
    close.run(60.0)

    used, limited = close.figures(since=1.0)
    assert used >= 0.9
    assert limited < 0.02


@pytest.mark.parametrize(
    "told",
    [
        {"headers": "semicolons"},
        {"headers": "old"},
        {"headers": "none"},  # the first 429 says it
        {"tells": lambda number: number % 5 == 0},
    ],
    ids=["in whole seconds", "in three headers", "by refusals only", "on some answers"],
)
@pytest.mark.parametrize("way", WAYS)
def test_the_limit_is_learned_from_whatever_tells_it(way: RateCounting, told: dict[str, Any]) -> None:
    close = Simulation(way, **told)
    close.readers(20, close.limiter())
    close.run(60.0)

    used, limited = close.figures(since=2.0)
    assert used >= 0.95
    assert limited < 0.01


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_is_told_at_all_the_pace_grows_and_is_halved(way: RateCounting) -> None:
    close = Simulation(way, headers="none", silent=True)
    close.readers(20, close.limiter())
    close.run(120.0)

    used, limited = close.figures(since=2.0)
    assert used >= 0.55
    assert limited < 0.02


@pytest.mark.parametrize(("limit", "window"), [(20, 1.0), (240, 60.0)])
@pytest.mark.parametrize("way", WAYS)
def test_two_programs_with_one_key_share_its_limit(way: RateCounting, limit: int, window: float) -> None:
    close = Simulation(way, limit, window)
    close.readers(20, close.limiter(), who="first")
    close.run(10.0)
    close.readers(20, close.limiter(), who="second")
    close.run(max(120.0, 6 * window))

    since = max(60.0, 3 * window)
    used, limited = close.figures(since)
    assert used >= 0.9
    assert limited < 0.04
    assert min(close.figures(since, who=who)[0] for who in ("first", "second")) >= 0.3


@pytest.mark.parametrize(
    ("before", "after"),
    [((20, 1.0), (10, 1.0)), ((10, 1.0), (20, 1.0)), ((160, 8.0), (20, 1.0)), ((20, 1.0), (20, 2.0))],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_limit_that_changes_meanwhile_is_followed(
    way: RateCounting, before: tuple[int, float], after: tuple[int, float]
) -> None:
    close = Simulation(way, *before)
    close.readers(20, close.limiter())
    close.run(80.0)
    close.behaviour.rate_limit, close.behaviour.rate_window = after
    close.run(80.0)

    used, limited = close.figures(since=100.0)
    assert used >= 0.95
    assert limited < 0.01


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
@pytest.mark.parametrize("way", WAYS)
def test_a_clock_that_jumps_stops_nothing(way: RateCounting, jump: float) -> None:
    close = Simulation(way)
    close.readers(20, close.limiter())
    close.run(30.0)
    close.skew = jump
    close.run(30.0)

    used, limited = close.figures(since=30.0)
    assert used >= 0.93
    assert limited < 0.03


@pytest.mark.parametrize("way", WAYS)
def test_groups_are_at_their_limits_beside_each_other(way: RateCounting) -> None:
    close = Simulation(way)
    close.behaviour.rate_limits = {"/task/": 5}
    limiter = close.limiter()
    close.readers(20, limiter)
    close.readers(10, limiter, path="/task/")
    close.run(60.0)

    counts = {path: sum(p == path and s == 200 and at >= 1001 for at, p, s, _ in close.answers) for path in LIMITS}
    assert all(counts[path] >= 0.95 * 59 * limit for path, limit in LIMITS.items())


LIMITS = {"/lead/": 20, "/task/": 5}


@pytest.mark.parametrize("way", WAYS)
def test_the_limit_of_the_organisation_slows_all_groups(way: RateCounting) -> None:
    close = Simulation(way, limit=20)
    close.behaviour.rate_limit_org = 24
    limiter = close.limiter()
    close.readers(10, limiter)
    close.readers(10, limiter, path="/task/")
    close.run(60.0)

    late = [status for at, _, status, _ in close.answers if at >= 1005.0]
    assert late.count(200) >= 0.9 * 24 * 55
    assert late.count(429) < 0.02 * len(late)


@pytest.mark.parametrize("headers", ["commas", "none"])
@pytest.mark.parametrize("way", WAYS)
def test_a_few_requests_of_many_groups_do_not_wait(way: RateCounting, headers: Any) -> None:
    close = Simulation(way, headers=headers)
    limiter = close.limiter()
    for number in range(75):
        close.start(close.read(limiter, path=f"/list_{number}/", most=10))
    close.run(10 * 0.14)  # of 0.12 s each at most, one after the other

    assert len(close.answers) == 750


def test_ten_requests_at_once_take_little_longer_than_two() -> None:
    close = Simulation()
    close.readers(10, close.limiter(), most=1)
    close.run(0.5)

    assert len(close.answers) == 10


@pytest.mark.parametrize("way", WAYS)
def test_the_most_that_the_user_allows_counts_over_all_groups(way: RateCounting) -> None:
    close = Simulation(way)
    limiter = close.limiter(most_per_second=7)
    for path in ("/lead/", "/task/", "/user/"):
        close.readers(5, limiter, path=path)
    close.run(30.0)

    at = [moment for moment, *_ in close.answers]
    assert max(sum(begin <= each < begin + 0.99 for each in at) for begin in at) <= 7
    assert len(at) >= 0.9 * 7 * 30


def test_a_single_reader_is_held_to_the_most_too() -> None:
    close = Simulation(latency=0.01, jitter=0.0)
    close.readers(1, close.limiter(most_per_second=2))
    close.run(30.0)

    assert 55 <= len(close.answers) <= 61


@pytest.mark.parametrize("way", WAYS)
def test_a_probe_whose_answer_says_nothing_is_followed_by_another(way: RateCounting) -> None:
    close = Simulation(way, 160, 8.0, tells=lambda number: number % 5 == 0)
    close.readers(20, close.limiter())
    close.run(64.0)

    used, limited = close.figures(since=8.0)
    assert used >= 0.95
    assert limited < 0.01
