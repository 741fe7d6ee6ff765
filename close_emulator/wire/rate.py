"""Rate limits per endpoint group and per organisation, counted in one of three ways, and what tells of them."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from close_emulator.behaviour import Behaviour, Dialect, RateCounting, RateHeaders
from close_emulator.wire.answers import Answer, json_answer


def rate_headers(dialect: RateHeaders, limit: int, remaining: int, reset: float) -> dict[str, str]:
    """The headers every answer carries, in one of the dialects seen on the wire."""
    if dialect == "commas":
        return {"RateLimit": f"limit={limit}, remaining={remaining}, reset={reset:.3f}"}
    if dialect == "semicolons":
        return {"ratelimit": f"limit={limit}; remaining={remaining}; reset={reset:.0f}"}
    if dialect == "old":
        return {
            "X-Rate-Limit-Limit": str(limit),
            "X-Rate-Limit-Remaining": str(remaining),
            "X-Rate-Limit-Reset": f"{reset:.6f}",
        }
    return {}


def rate_body(
    dialect: Dialect, group: str, limit: int, reset: float | str, *, kind: str = "key", window: float = 1
) -> dict[str, object]:
    """The body of a 429: flat with a text, or nested with a number, unless a text is given."""
    told = {
        "message": "API call count exceeded for this period",
        "rate_endpoint_group": hashlib.md5(group.encode(), usedforsecurity=False).hexdigest(),
        "rate_limit": limit,
        "rate_limit_type": kind,
        "rate_reset": reset,
        "rate_window": window,
    }
    return told if dialect == "flat" else {"error": told}


class _Standing(NamedTuple):
    """How a request stands with one limit."""

    kind: str
    """Whose limit it is: "key" or "org"."""
    group: str
    limit: int
    remaining: int
    reset: float
    """Seconds until more requests are allowed than now."""
    allowed: bool


@dataclass
class _Counter:
    """The requests of one group so far."""

    began: float
    """When the fixed window began, or when the bucket was last filled."""
    used: float = 0
    """Requests in the fixed window, or tokens that are missing in the bucket."""
    times: deque[float] = field(default_factory=deque)
    """When the requests came that a sliding window holds."""

    def add(self, way: RateCounting, limit: int, window: float, now: float) -> tuple[bool, int, float]:
        """Count a request: whether it is allowed, how many more are, and in how many seconds there are more again.

        A fixed window counts refused requests too, which changes nothing; the other ways do not.
        """
        if way == "fixed":
            if now - self.began >= window:
                self.began, self.used = now, 0
            self.used += 1
            return self.used <= limit, max(0, limit - int(self.used)), self.began + window - now
        if way == "sliding":
            while self.times and now - self.times[0] >= window:
                self.times.popleft()
            allowed = len(self.times) < limit
            if allowed:
                self.times.append(now)
            return allowed, limit - len(self.times), self.times[0] + window - now if self.times else window
        speed = limit / window
        self.used = min(limit, max(0.0, self.used - (now - self.began) * speed))  # the limit may have changed
        self.began = now
        allowed = self.used + 1 <= limit
        if allowed:
            self.used += 1
        remaining = math.floor(limit - self.used)
        return allowed, remaining, (remaining + 1 - limit + self.used) / speed if speed else window


class RateLimiter:
    """Counts requests by a clock of its own; real time, as a rule."""

    def __init__(self, behaviour: Behaviour, clock: Callable[[], float]) -> None:
        self._behaviour = behaviour
        self._clock = clock
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, str], _Counter] = {}

    def count(self, method: str, path: str) -> tuple[dict[str, str], Answer | None]:
        """The headers for this request, and the 429 when it is one too many. `path` is the pattern of its path."""
        behaviour = self._behaviour
        own = behaviour.rate_limits.get(path, behaviour.rate_limit)
        limits = (("key", f"{method} {path}", own), ("org", "organization", behaviour.rate_limit_org))
        told = None
        with self._lock:
            for kind, group, limit in limits:
                # The organisation's limit is told of where there is no other, or when it refuses.
                if limit is not None and (told is None or told.allowed):
                    standing = self._standing(kind, group, limit)
                    told = standing if told is None or not standing.allowed else told
        if told is None:
            return {}, None
        headers = rate_headers(behaviour.rate_limit_headers, told.limit, told.remaining, told.reset)
        if told.allowed:
            return headers, None
        dialect = behaviour.rate_limit_body
        reset = f"{told.reset:.6f}" if dialect == "flat" else round(told.reset, 6)
        body = rate_body(dialect, told.group, told.limit, reset, kind=told.kind, window=behaviour.rate_window)
        answer = json_answer(body, 429)
        if behaviour.rate_limit_headers in ("commas", "semicolons"):
            answer.headers["Retry-After"] = str(max(1, math.ceil(told.reset)))
        return headers, answer

    def _standing(self, kind: str, group: str, limit: int) -> _Standing:
        now = self._clock()
        counter = self._counters.setdefault((kind, group), _Counter(now))
        behaviour = self._behaviour
        allowed, remaining, reset = counter.add(behaviour.rate_counting, limit, behaviour.rate_window, now)
        return _Standing(kind, group, limit, remaining, max(0.0, reset), allowed)
