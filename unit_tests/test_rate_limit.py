"""Every dialect in which Close has spoken of its limits, and what the readers make of it."""

import threading
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from source_closeio import rate_limit
from source_closeio.pacing import Allowance, Group
from source_closeio.rate_limit import Budget, Meter, RateLimiter, allowance, group_of, refusal

NONE: dict[str, str] = {}
DEFAULT_WAIT, LONGEST_WAIT = 2.0, 120.0
A_MOMENT = "1780000000"  # in 2026, as a UNIX time


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, Allowance(100, 50, 5.0)),
        ({"RateLimit": "limit=16; remaining=14; reset=0.75"}, Allowance(16, 14, 0.75)),
        ({"ratelimit": "limit=160;remaining=159;reset=8"}, Allowance(160, 159, 8.0)),
        (
            {"X-Rate-Limit-Limit": "320", "X-Rate-Limit-Remaining": "319", "X-Rate-Limit-Reset": "7.274038"},
            Allowance(320, 319, 7.274038),
        ),
        ({"RateLimit": "soon"}, Allowance()),
        ({"RateLimit": "limit=..;reset=1"}, Allowance(None, None, 1.0)),
        ({"RateLimit": "limit=100, remaining=0, reset=0"}, Allowance(100, 0, 0.0)),
        ({"RateLimit": "limit=100, remaining=50, reset=43200"}, Allowance(100, 50, LONGEST_WAIT)),
        ({"RateLimit": f"limit=100, remaining=50, reset={A_MOMENT}"}, Allowance(100, 50, None)),
        ({"X-Rate-Limit-Reset": f"{A_MOMENT}000"}, Allowance()),
        ({"X-Rate-Limit-Reset": "999999999"}, Allowance(None, None, LONGEST_WAIT)),
        ({"X-Rate-Limit-Reset": "1000000000"}, Allowance()),
        ({"X-Rate-Limit-Limit": "1e400", "X-Rate-Limit-Remaining": "-1"}, Allowance()),
        ({}, Allowance()),
    ],
)
def test_an_allowance_is_read_in_every_dialect(headers: dict[str, str], said: Allowance) -> None:
    assert allowance(CaseInsensitiveDict(headers)) == said


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        (NONE, {"error": {"rate_reset": 0.87, "rate_limit": 40}}, 0.87),
        (NONE, {"error": {"rate_reset": "0.87"}}, 0.87),
        (NONE, {"rate_reset": "0.595956", "message": "API call count exceeded for this period"}, 0.595956),
        (NONE, {"rate_reset": 3}, 3.0),
        ({"RateLimit": "limit=20, remaining=0, reset=0.4", "Retry-After": "1"}, None, 0.4),
        ({"RateLimit": "limit=20; remaining=0; reset=0", "Retry-After": "1"}, None, 1.0),
        ({"RateLimit": "limit=20; remaining=0; reset=0.4", "Retry-After": "3"}, None, 3.0),
        ({"RateLimit": "limit=20; remaining=0; reset=0", "Retry-After": "1"}, {"rate_reset": "0.3"}, 0.3),
        ({"Retry-After": "1"}, None, 1.0),
        ({"RateLimit": "limit=20; remaining=0; reset=2.5"}, None, 2.5),
        ({"X-Rate-Limit-Reset": "0.595956"}, None, 0.595956),
        ({"RateLimit-Reset": "1"}, None, 1.0),
        (NONE, {"error": "slow down"}, DEFAULT_WAIT),
        (NONE, None, DEFAULT_WAIT),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, DEFAULT_WAIT),
        ({"Retry-After": "86400"}, None, LONGEST_WAIT),
        ({"Retry-After": A_MOMENT}, None, DEFAULT_WAIT),
        ({"Retry-After": A_MOMENT}, {"rate_reset": 3}, 3.0),
        (NONE, {"error": {"rate_reset": 10**400}}, DEFAULT_WAIT),
        ({"Retry-After": "nan"}, ["x"], DEFAULT_WAIT),
    ],
)
def test_a_429_says_in_every_dialect_how_long_to_wait(headers: dict[str, str], body: Any, seconds: float) -> None:
    assert refusal(CaseInsensitiveDict(headers), body).refused_for == seconds


@pytest.mark.parametrize(
    ("body", "limit", "window", "of_organisation"),
    [
        ({"error": {"rate_limit": 40, "rate_window": 1, "rate_limit_type": "key"}}, 40, 1.0, False),
        ({"rate_limit": 320, "rate_window": 8, "rate_limit_type": "key"}, 320, 8.0, False),
        ({"error": {"rate_limit": 60, "rate_window": 1, "rate_limit_type": "org"}}, 60, 1.0, True),
        ({"error": "slow down"}, None, None, False),
        (None, None, None, False),
    ],
)
def test_a_429_says_the_limit_its_window_and_whose_it_is(
    body: Any, limit: int | None, window: float | None, of_organisation: bool
) -> None:
    said = refusal(NONE, body)

    assert (said.limit, said.window, said.of_organisation) == (limit, window, of_organisation)


def test_a_429_says_all_that_another_answer_says_too() -> None:
    headers = CaseInsensitiveDict({"RateLimit": "limit=20, remaining=3, reset=0.4", "Retry-After": "3"})

    assert refusal(headers, None) == Allowance(20, 3, 0.4, None, 3.0, False)


def test_a_group_is_the_method_and_the_path_without_ids() -> None:
    assert group_of("GET", "/api/v1/activity/call/?_skip=0") == "GET /api/v1/activity/call/"
    assert group_of("GET", "/api/v1/group/group_0123456789ab/member/") == "GET /api/v1/group/{id}/member/"
    assert group_of("POST", "/api/v1/data/search/") != group_of("GET", "/api/v1/data/search/")
    assert group_of("GET", "/api/v1/sequence_subscription/") == "GET /api/v1/sequence_subscription/"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def request(path: str = "/lead/") -> Any:
    return SimpleNamespace(method="GET", path_url=path)


def answer(status: int = 200, content: bytes = b"{}", **headers: str) -> Any:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return SimpleNamespace(status_code=status, headers=CaseInsensitiveDict(named), content=content)


def test_a_429_stops_its_group_and_no_other() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    for path in ("/lead/", "/task/"):
        limiter.acquire_call(request(path))
        limiter.update_from_response(request(path), answer())

    limiter.update_from_response(request("/lead/"), answer(429, b'{"error": {"rate_reset": 7}}'))
    limiter.acquire_call(request("/task/"))
    assert clock.now == 1000
    limiter.acquire_call(request("/lead/"))
    assert clock.now == pytest.approx(1007, abs=0.1)


def test_a_429_of_the_organisation_stops_all_groups() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    told = b'{"error": {"rate_reset": 7, "rate_limit_type": "org", "rate_limit": 60, "rate_window": 10}}'
    limiter.update_from_response(request("/lead/"), answer(429, told, RateLimit="limit=60, remaining=0, reset=7"))
    limiter.acquire_call(request("/task/"))

    assert clock.now == pytest.approx(1007, abs=0.1)


def test_a_429_of_the_organisation_is_none_of_its_group() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    asked = request()
    limiter.acquire_call(asked)
    limiter.update_from_response(asked, answer(429, b'{"error": {"rate_reset": 7, "rate_limit_type": "org"}}'))

    group, organisation = limiter._limits("GET /lead/")
    assert organisation.wait(limiter._now) == pytest.approx(7, abs=0.1)
    assert group.wait(limiter._now) == 0


def test_what_is_left_is_told_by_the_answer_to_a_request_that_was_counted() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    nothing_left = answer(RateLimit="limit=10, remaining=0, reset=5")
    limiter.update_from_response(request(), nothing_left)
    first, second = request(), request()
    limiter.acquire_call(first)
    assert clock.now == 1000
    limiter.update_from_response(first, answer(RateLimit="limit=10, remaining=9, reset=5"))
    limiter.acquire_call(second)
    assert clock.now == 1000

    limiter.update_from_response(second, nothing_left)
    limiter.acquire_call(request())
    assert clock.now == pytest.approx(1005, abs=0.1)


def test_groups_of_which_nothing_is_known_do_not_wait_for_each_other() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    for number in range(75):
        limiter.acquire_call(request(f"/list_{number}/"))

    assert clock.now == 1000


def test_the_most_that_the_user_allows_stays_the_most_however_well_it_goes() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep, most_per_second=5)
    for number in range(100):
        asked = request(f"/list_{number}/")
        limiter.acquire_call(asked)
        limiter.update_from_response(asked, answer())

    assert clock.now == pytest.approx(1020, abs=1)


@pytest.mark.parametrize(("most", "step"), [(None, 1 / 10), (8, 1 / 8)])
def test_each_in_line_waits_a_step_longer_than_the_one_before(
    most: float | None, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "LOOK_AGAIN", 10.0)
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep, most_per_second=most)
    while next(first := limiter.turns(request()), None) is None:
        continue
    second = limiter.turns(request())
    entered = next(second)

    assert next(second) == entered
    assert next(second) - next(first) == pytest.approx(step)


def test_without_a_header_the_pace_grows_faster_than_one_reader_asks() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    for _ in range(1000):
        asked = request()
        limiter.acquire_call(asked)
        limiter.update_from_response(asked, answer())

    assert clock.now == 1000


def test_without_an_answer_a_group_begins_gently() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    for _ in range(6):
        limiter.acquire_call(request())
    assert clock.now == 1000
    limiter.acquire_call(request())

    assert 1000.05 < clock.now <= 1000.1


@pytest.mark.parametrize("reset", ["43200", A_MOMENT, f"{A_MOMENT}.5"])
def test_a_window_that_would_last_for_hours_is_not_believed(reset: str) -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    asked = request()
    limiter.acquire_call(asked)
    limiter.update_from_response(asked, answer(RateLimit=f"limit=1, remaining=0, reset={reset}"))
    for _ in range(2):
        limiter.acquire_call(request())

    assert clock.now <= 1000 + 2 * LONGEST_WAIT * 1.05


def test_an_allowance_of_none_is_a_misreading() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    asked = request()
    limiter.acquire_call(asked)
    limiter.update_from_response(asked, answer(RateLimit="limit=0, remaining=0, reset=50"))
    limiter.acquire_call(request())

    assert clock.now == 1000


def test_an_answer_counts_for_its_group_although_nobody_asked_the_limiter_before() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.update_from_response(request(), answer(429, b'{"rate_reset": 100}'))
    limiter.acquire_call(request())

    assert clock.now == pytest.approx(1100, abs=0.1)


class StopNow(Exception):
    pass


def waiting(limiter: RateLimiter) -> Any:
    """A reader of leads that stands in line, as one that sleeps does."""
    turns = limiter.turns(request())
    assert next(turns) > 0
    return turns


def test_who_waits_is_seen_and_for_how_long_the_next_has_to() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.acquire_call(request("/task/"))
    assert not limiter.crowded("GET /task/")
    assert not limiter.crowded("GET /lead/")
    assert limiter.waits() == {}

    limiter.update_from_response(request(), answer(429, b'{"rate_reset": 100}'))
    assert limiter.held(request()) == pytest.approx(100, abs=0.1)
    assert limiter.held(request("/task/")) < 1
    first, second = waiting(limiter), waiting(limiter)
    clock.now += 40
    assert limiter.crowded("GET /lead/")
    assert not limiter.crowded("GET /task/")
    assert limiter.waits() == {"GET /lead/": pytest.approx(60, abs=0.1)}

    first.close()
    assert limiter.crowded("GET /lead/")
    clock.now += 61
    assert next(second, None) is None
    assert not limiter.crowded("GET /lead/")
    assert limiter.waits() == {}


def test_the_order_to_stop_ends_a_wait_and_nobody_waits_any_more() -> None:
    def stop(seconds: float) -> None:
        assert limiter.crowded("GET /lead/")
        clock.now += 5
        raise StopNow

    clock = Clock()
    limiter = RateLimiter(clock, stop)
    meter = Meter()
    budget = Budget(limiter, meter)
    budget.acquire_call(request())
    budget.update_from_response(request(), answer(429, b'{"rate_reset": 100}'))
    with pytest.raises(StopNow):
        budget.acquire_call(request())

    assert not limiter.crowded("GET /lead/")
    assert (meter.requests, meter.limited, meter.waited) == (1, 1, 5)
    limiter.update_from_response(request(), answer())  # and no lock is left taken


def test_each_stream_has_a_meter_and_all_share_the_limit() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    leads, others = Meter(), Meter()
    budget, other = Budget(limiter, leads), Budget(limiter, others)
    asked = request()
    budget.acquire_call(asked)
    budget.update_from_response(asked, answer(429, b'{"rate_reset": 100}'))
    other.acquire_call(request())
    other.update_from_response(request(), answer())

    assert (leads.requests, leads.limited, leads.waited) == (1, 1, 0)
    assert (others.requests, others.limited) == (1, 0)
    assert others.waited == pytest.approx(100, abs=0.1)


def test_a_meter_that_threads_share_loses_nothing() -> None:
    meter = Meter()

    def add() -> None:
        for _ in range(1000):
            meter.add(wanted=4, requests=1, limited=2, waited=3.0)
            meter.add()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (meter.wanted, meter.requests, meter.limited, meter.waited) == (32000, 8000, 16000, 24000.0)


# One group, by the moments at which it is told.


def test_what_others_use_of_the_allowance_counts_until_the_window_ends() -> None:
    group = Group()
    first = group.take(0.0)
    group.learn(0.1, first, Allowance(10, 9, 5.0))
    second = group.take(0.1)
    group.learn(0.2, second, Allowance(10, 0, 4.9))

    assert group.wait(0.3) == pytest.approx(4.7, abs=0.1)


def test_requests_that_are_under_way_are_not_taken_for_left() -> None:
    group = Group()
    first = group.take(0.0)
    for _ in range(4):
        group.take(0.0)
    group.learn(0.1, first, Allowance(10, 9, 5.0))
    allowed = 0
    while not group.wait(0.1):
        group.take(0.1)
        allowed += 1

    assert allowed == 5


def test_who_stands_in_line_waits_a_step_more_for_each_before_him() -> None:
    group = Group()
    group.learn(0.0, group.take(0.0), Allowance(20, None, 1.0))
    for _ in range(20):
        group.take(0.0)
    waits = [group.wait(0.1, ahead) for ahead in range(3)]

    assert waits[1] - waits[0] == pytest.approx(1.035 / 20)
    assert waits[2] - waits[1] == pytest.approx(1.035 / 20)


def test_an_allowance_cannot_be_changed_by_who_is_told_of_it() -> None:
    with pytest.raises(FrozenInstanceError):
        allowance(CaseInsensitiveDict()).limit = 3  # type: ignore[misc]


def test_a_window_is_as_long_as_the_longest_time_to_its_end() -> None:
    group = Group()
    for reset in (1.0, 4.0, 2.0):
        group.learn(0.0, group.take(0.0), Allowance(10, None, reset))

    assert group.wait(0.0, 9) - group.wait(0.0, 8) == pytest.approx(4.08 / 10)


def test_of_answers_that_overtook_each_other_the_least_that_is_left_counts() -> None:
    group = Group()
    first, second, third = (group.take(0.0) for _ in range(3))
    group.learn(0.1, second, Allowance(10, 7, 5.0))
    group.learn(0.1, third, Allowance(10, 9, 5.0))
    group.learn(0.1, first, Allowance(10, 8, 5.0))
    allowed = 0
    while not group.wait(0.1):
        group.take(0.1)
        allowed += 1

    assert allowed <= 7
