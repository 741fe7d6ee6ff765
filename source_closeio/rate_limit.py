"""How long to wait before the next request, learned from Close's answers, per endpoint group, shared by all threads.

Close limits requests per group of endpoints (path and method) and key, and says so in one `RateLimit` header on each
answer (https://developer.close.com/api/overview/rate-limits). Nothing is configured: the first request of a group goes
alone, and its answer tells how many may follow it. Where Close sends no such header, only a 429 slows the group down.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget

from .http_policy import read_json

DEFAULT_WAIT = 2.0
LONGEST_WAIT = 120.0
"""Close's windows are seconds long; a longer figure is a misreading, and would look like a hang."""

EARLIEST_MOMENT = 1e9
"""Seconds from here on are no span but a UNIX time, by a clock that need not be ours."""

SHORTEST_WAIT = 0.02

_PAIR = re.compile(r"(limit|remaining|reset)\s*=\s*([0-9.]+)", re.IGNORECASE)
_ID = re.compile(r"/[a-z]+_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}(?=/)")


@dataclass(frozen=True)
class Allowance:
    """What an answer says of its group: requests a window, requests left in it, seconds to its end; `None`: unsaid."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


def allowance(headers: Mapping[str, str]) -> Allowance:
    """Reads `RateLimit: limit=160, remaining=159, reset=8` with commas or semicolons, or the older X-Rate-Limit-*."""
    told = {key.lower(): value for key, value in _PAIR.findall(headers.get("RateLimit", ""))}
    limit, remaining, reset = (
        told.get(key, headers.get(f"X-Rate-Limit-{key}")) for key in ("limit", "remaining", "reset")
    )
    return Allowance(_whole(limit), _whole(remaining), _seconds(reset))


def wait_after_429(headers: Mapping[str, str], body: object) -> float:
    """Seconds that a 429 asks for: the longest of what header and body say, in each dialect that Close has spoken.

    The body holds `rate_reset` as a number or a text, at its top (2017) or below `error` (since 2018).
    """
    error = body.get("error") if isinstance(body, dict) else None
    said = [
        allowance(headers).reset,
        _seconds(headers.get("Retry-After")),
        _seconds(headers.get("RateLimit-Reset")),
        _seconds(body.get("rate_reset")) if isinstance(body, dict) else None,
        _seconds(error.get("rate_reset")) if isinstance(error, dict) else None,
    ]
    return max((seconds for seconds in said if seconds is not None), default=DEFAULT_WAIT)


def group_of(method: str, path: str) -> str:
    """The endpoint group, as far as a client can know it: the method and the path without ids."""
    return f"{method} {_ID.sub('/{id}', path.partition('?')[0])}"


class Group:
    """One endpoint group: the window that is open, and how much of it has been used. Pure but for the clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered = False
        self._probing_until = 0.0
        self._limit: int | None = None
        self._used = 0
        self._window = 1.0
        self._window_ends = 0.0
        self._blocked_until = 0.0

    def seconds_to_wait(self) -> float:
        """0 takes one request out of the window; anything else is the time after which to ask again."""
        now = self._clock()
        if now < self._blocked_until:
            return self._blocked_until - now
        if not self._answered:
            if now < self._probing_until:
                return SHORTEST_WAIT
            self._probing_until = now + 1.0  # an answer that never comes must not stop the others
            return 0.0
        if self._limit is None:
            return 0.0
        if now >= self._window_ends:
            self._used, self._window_ends = 0, now + self._window  # the next answer says it more exactly
        if self._used >= self._limit:
            return min(max(self._window_ends - now, SHORTEST_WAIT), 1.0)
        self._used += 1
        return 0.0

    def learn(self, said: Allowance, blocked_for: float) -> None:
        now = self._clock()
        self._answered = True
        if blocked_for:
            self._blocked_until = max(self._blocked_until, now + blocked_for)
            self._window_ends = self._blocked_until  # what was said of the window before is over
        if said.limit:
            self._limit = said.limit
            if said.remaining is not None:
                self._used = max(self._used, said.limit - said.remaining)
            reset = self._window if said.reset is None else said.reset
            self._window = max(self._window, reset)
            ends = now + reset
            self._window_ends = min(self._window_ends, ends) if self._window_ends > now else ends


class RateLimiter(APIBudget):
    """The CDK's budget, asked before each request and shown each answer; one for all streams of a sync."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(policies=[])
        self._clock = clock
        self._sleep = sleep
        self._groups: dict[str, Group] = {}
        self._lock = threading.Lock()

    def acquire_call(self, request: Any, *_: Any, **__: Any) -> None:
        """Returns when the group of `request` has room for it."""
        name = group_of(request.method, request.path_url)
        while True:
            with self._lock:
                group = self._groups.setdefault(name, Group(self._clock))
                seconds = group.seconds_to_wait()
            if not seconds:
                return
            self._sleep(seconds)

    def update_from_response(self, request: Any, response: Any) -> None:
        blocked_for = 0.0
        if response.status_code == requests.codes.too_many_requests:
            blocked_for = wait_after_429(response.headers, read_json(response))
        with self._lock:
            group = self._groups.setdefault(group_of(request.method, request.path_url), Group(self._clock))
            group.learn(allowance(response.headers), blocked_for)


def _number(text: object) -> float | None:
    if not isinstance(text, (str, int, float)):
        return None
    try:
        number = float(text)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None


def _whole(text: object) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _seconds(text: object) -> float | None:
    number = _number(text)
    return None if number is None or number >= EARLIEST_MOMENT else min(number, LONGEST_WAIT)
