"""Every dialect in which Close has spoken of its limits, and what the readers make of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from source_closeio.rate_limit import (
    DEFAULT_WAIT,
    LONGEST_WAIT,
    Allowance,
    RateLimiter,
    allowance,
    group_of,
    wait_after_429,
)

NONE: dict[str, str] = {}


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
        ({"RateLimit": "limit=20, remaining=0, reset=0.4", "Retry-After": "1"}, None, 1.0),
        ({"RateLimit": "limit=20; remaining=0; reset=2.5"}, None, 2.5),
        ({"X-Rate-Limit-Reset": "0.595956"}, None, 0.595956),
        ({"RateLimit-Reset": "1"}, None, 1.0),
        (NONE, {"error": "slow down"}, DEFAULT_WAIT),
        (NONE, None, DEFAULT_WAIT),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, DEFAULT_WAIT),
        ({"Retry-After": "86400"}, None, LONGEST_WAIT),
        ({"Retry-After": "nan"}, ["x"], DEFAULT_WAIT),
    ],
)
def test_a_429_says_in_every_dialect_how_long_to_wait(headers: dict[str, str], body: Any, seconds: float) -> None:
    assert wait_after_429(CaseInsensitiveDict(headers), body) == seconds


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


def test_the_allowance_of_a_window_is_used_and_never_exceeded() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    started: list[float] = []
    for _ in range(50):
        limiter.acquire_call(request())
        started.append(clock.now)
        window = [moment for moment in started if int(moment) == int(clock.now)]
        said = f"limit=10, remaining={10 - len(window)}, reset={1 - clock.now % 1}"
        limiter.update_from_response(request(), answer(RateLimit=said))

    assert max(sum(int(a) == int(b) for b in started) for a in started) == 10
    assert clock.now < 1006


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
    assert clock.now == pytest.approx(1007)


def test_without_a_header_nothing_is_held_back_after_the_first_answer() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.acquire_call(request())
    limiter.update_from_response(request(), answer())
    for _ in range(1000):
        limiter.acquire_call(request())

    assert clock.now == 1000


def test_the_first_request_of_a_group_goes_alone_but_cannot_stop_the_others_for_ever() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.acquire_call(request())
    limiter.acquire_call(request())

    assert 1001 <= clock.now < 1001.1


def test_answers_without_the_header_do_not_stop_a_group_whose_window_is_used_up() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.acquire_call(request())
    limiter.update_from_response(request(), answer(RateLimit="limit=2, remaining=1, reset=1"))
    for _ in range(10):
        limiter.acquire_call(request())
        limiter.update_from_response(request(), answer(503))

    assert clock.now < 1010
