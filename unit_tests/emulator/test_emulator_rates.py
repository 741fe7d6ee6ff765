"""Rate limits: how requests are counted, for which groups, and what is told of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from close_emulator import Behaviour
from unit_tests.emulator.conftest import Client, Emulate, Reply


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Counted = Callable[..., tuple[Clock, Client]]


@pytest.fixture
def counted(emulate: Emulate) -> Counted:
    """A client of a Close with these rate limits; gives the clock too."""

    def start(**switches: Any) -> tuple[Clock, Client]:
        close, client = emulate(behaviour=Behaviour(**switches))
        clock = close.rate_clock = Clock()
        return clock, client

    return start


def statuses(client: Client, count: int, path: str = "me/") -> list[int]:
    return [client.get(path).status for _ in range(count)]


def standing(reply: Reply) -> tuple[float, ...]:
    """remaining and reset, as the header tells them."""
    return tuple(float(text) for text in re.findall(r"(?:remaining|reset)=([\d.]+)", reply.headers["ratelimit"]))


@pytest.mark.parametrize(
    ("way", "allowed"),
    [
        # At once, a second later, another second later, and two seconds after that.
        ("fixed", [3, 0, 0, 3]),
        ("sliding", [3, 0, 0, 3]),
        ("bucket", [3, 1, 1, 2]),
    ],
)
def test_three_requests_in_two_seconds_are_counted_in_three_ways(
    counted: Counted, way: str, allowed: list[int]
) -> None:
    clock, client = counted(rate_limit=3, rate_window=2.5, rate_counting=way)
    seen = [statuses(client, 5).count(200)]
    for pause in (1.0, 1.0, 2.0):
        clock.now += pause
        seen.append(statuses(client, 5).count(200))
    assert seen == allowed


@pytest.mark.parametrize(("way", "allowed"), [("fixed", 3), ("sliding", 1), ("bucket", 2)])
def test_a_fixed_window_ends_at_once_and_a_sliding_one_request_by_request(
    counted: Counted, way: str, allowed: int
) -> None:
    clock, client = counted(rate_limit=3, rate_window=2, rate_counting=way)
    for _ in range(2):
        clock.now += 1  # the first opens the window; the second comes a second later
        assert client.get("me/").status == 200
    clock.now += 0.5
    assert client.get("me/").status == 200
    clock.now += 0.5  # two seconds after the first
    assert statuses(client, 4).count(200) == allowed


@pytest.mark.parametrize(("way", "reset"), [("fixed", 1.75), ("sliding", 1.75), ("bucket", 0.75)])
def test_who_waits_as_long_as_told_is_allowed_one_more(counted: Counted, way: str, reset: float) -> None:
    clock, client = counted(rate_limit=2, rate_window=2, rate_counting=way)
    assert standing(client.get("me/"))[0] == 1
    assert standing(client.get("me/"))[0] == 0
    clock.now += 0.25
    refused = client.get("me/")
    assert refused.status == 429
    assert standing(refused) == (0, reset)
    assert refused.json["error"]["rate_reset"] == reset
    assert refused.headers["retry-after"] == ("2" if reset > 1 else "1")
    clock.now += reset - 0.01
    assert client.get("me/").status == 429
    clock.now += 0.01
    assert client.get("me/").status == 200


def test_a_single_group_can_have_a_limit_of_its_own(counted: Counted) -> None:
    _, client = counted(rate_limit=2, rate_limits={"user/": 1, "lead/{id}/": 1})
    assert statuses(client, 3) == [200, 200, 429]
    assert statuses(client, 2, "user/") == [200, 429]
    assert client.get("lead/a/").status == 404
    assert client.get("lead/b/").status == 429
    _, client = counted(rate_limits={"user/": 1})
    assert statuses(client, 9) == [200] * 9
    assert "ratelimit" not in client.get("me/").headers


@pytest.mark.parametrize("way", ["fixed", "sliding", "bucket"])
def test_the_organisation_has_a_limit_over_all_groups(counted: Counted, way: str) -> None:
    clock, client = counted(rate_limit=2, rate_limit_org=3, rate_counting=way, rate_window=5)
    assert statuses(client, 2) == [200, 200]
    own = client.get("me/").json["error"]
    assert (own["rate_limit_type"], own["rate_limit"], own["rate_window"]) == ("key", 2, 5)
    clock.now += 5
    assert statuses(client, 2) + statuses(client, 1, "user/") == [200, 200, 200]
    refused = client.get("role/")
    assert refused.status == 429
    told = refused.json["error"]
    assert (told["rate_limit_type"], told["rate_limit"], told["rate_window"]) == ("org", 3, 5)
    assert refused.headers["ratelimit"].startswith("limit=3, remaining=0")
