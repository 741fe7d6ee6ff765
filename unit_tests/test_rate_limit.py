"""Every dialect in which Close has spoken of its limits, and what the readers make of it."""

from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from source_closeio.rate_limit import Allowance, Group, RateLimiter, allowance, group_of, wait_after_429

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
        ({"RateLimit": "limit=20, remaining=0, reset=0.4", "Retry-After": "1"}, None, 1.0),
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


# One group, to the bound of each of its rules.


def group(
    limit: int | None = None, *, at: float = 0.0, remaining: int | None = None, reset: float | None = None
) -> Any:
    """A group whose first answer came at this moment, its clock; `None`: not said."""
    clock = Clock()
    clock.now = at
    this = Group(clock)
    assert this.seconds_to_wait() == 0.0
    this.learn(Allowance(limit, remaining, reset), 0.0)
    return this, clock


def test_of_an_allowance_that_is_left_each_request_takes_one_and_the_next_waits() -> None:
    this, _ = group(10, remaining=8, reset=0.5)

    assert [this.seconds_to_wait() for _ in range(9)] == [0.0] * 8 + [0.5]


def test_a_wait_ends_after_a_second_to_look_again_and_never_spins() -> None:
    this, clock = group(1, remaining=0, reset=5.0)

    assert this.seconds_to_wait() == 1.0
    clock.now = 4.999
    assert this.seconds_to_wait() == 0.02


def test_a_new_window_begins_when_the_old_one_ends_and_not_before() -> None:
    this, clock = group(2, remaining=0, reset=5.0)
    clock.now = 4.5
    assert this.seconds_to_wait() == 0.5
    clock.now = 5.0
    assert [this.seconds_to_wait() for _ in range(3)] == [0.0, 0.0, 1.0]
    clock.now = 9.5
    assert this.seconds_to_wait() == 0.5, "it is as long as the longest that was said"


def test_a_window_whose_length_is_not_said_is_a_second_long() -> None:
    this, clock = group(1, remaining=0)

    assert this.seconds_to_wait() == 1.0
    clock.now = 0.5
    assert this.seconds_to_wait() == 0.5
    clock.now = 1.0
    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 1.0]


def test_an_answer_that_comes_late_cannot_give_back_what_was_taken_since() -> None:
    this, _clock = group(10, remaining=9, reset=5.0)
    for _ in range(8):
        this.seconds_to_wait()
    this.learn(Allowance(10, 7, 5.0), 0.0)

    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 1.0]


def test_what_others_use_of_the_allowance_counts() -> None:
    this, _clock = group(10, remaining=9, reset=5.0)
    this.learn(Allowance(10, 1, 5.0), 0.0)

    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 1.0]


def test_an_answer_without_what_is_left_takes_nothing() -> None:
    this, _clock = group(3, reset=5.0)

    assert [this.seconds_to_wait() for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_the_earliest_end_of_a_window_counts_and_after_it_the_next_that_is_said() -> None:
    this, clock = group(1, remaining=0, reset=0.5)
    this.learn(Allowance(1, 0, 0.75), 0.0)
    assert this.seconds_to_wait() == 0.5
    this.learn(Allowance(1, 0, 0.25), 0.0)
    assert this.seconds_to_wait() == 0.25

    clock.now = 0.25
    this.learn(Allowance(1, 0, 0.75), 0.0)
    assert this.seconds_to_wait() == 0.75


def test_the_first_window_ends_when_its_answer_says_however_young_the_clock_is() -> None:
    this, clock = group(1, remaining=0, reset=1.5)
    clock.now = 1.25

    assert this.seconds_to_wait() == 0.25


def test_a_block_holds_to_its_last_moment_and_then_each_request_counts_again() -> None:
    this, clock = group(1, remaining=0, reset=100.0)
    this.learn(Allowance(), 7.0)
    assert this.seconds_to_wait() == 7.0
    clock.now = 6.5
    assert this.seconds_to_wait() == 0.5
    clock.now = 7.0
    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 1.0]


def test_the_longest_of_several_blocks_counts() -> None:
    this, _clock = group()
    this.learn(Allowance(), 7.0)
    this.learn(Allowance(), 2.0)

    assert this.seconds_to_wait() == 7.0


def test_an_allowance_of_none_is_a_misreading() -> None:
    this, _clock = group(0, remaining=0, reset=50.0)

    assert this.seconds_to_wait() == 0.0


def test_the_others_wait_for_the_first_answer_but_a_second_at_most() -> None:
    clock = Clock()
    clock.now = 0.0
    this = Group(clock)

    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 0.02]
    clock.now = 0.99
    assert this.seconds_to_wait() == 0.02
    clock.now = 1.0
    assert [this.seconds_to_wait() for _ in range(2)] == [0.0, 0.02]


def test_an_allowance_cannot_be_changed_by_who_is_told_of_it() -> None:
    with pytest.raises(FrozenInstanceError):
        allowance(CaseInsensitiveDict()).limit = 3  # type: ignore[misc]


@pytest.mark.parametrize("reset", ["43200", A_MOMENT, f"{A_MOMENT}.5"])
def test_a_window_that_would_last_for_hours_is_not_believed(reset: str) -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    limiter.acquire_call(request())
    limiter.update_from_response(request(), answer(RateLimit=f"limit=1, remaining=0, reset={reset}"))
    for _ in range(2):
        limiter.acquire_call(request())

    assert clock.now <= 1000 + 2 * LONGEST_WAIT


def test_the_order_to_stop_ends_a_wait() -> None:
    class StopNow(Exception):
        pass

    def stop(seconds: float) -> None:
        raise StopNow

    limiter = RateLimiter(Clock(), stop)
    limiter.acquire_call(request())
    limiter.update_from_response(request(), answer(429, b'{"rate_reset": 100}'))
    with pytest.raises(StopNow):
        limiter.acquire_call(request())
    limiter.update_from_response(request(), answer())  # and no lock is left taken


def test_an_answer_counts_for_its_group_although_nobody_asked_the_limiter_before() -> None:
    clock = Clock()
    limiter = RateLimiter(clock, clock.sleep)
    began = clock.now
    limiter.update_from_response(request(), answer(429, b'{"rate_reset": 100}'))
    limiter.acquire_call(request())

    assert clock.now == began + 100
