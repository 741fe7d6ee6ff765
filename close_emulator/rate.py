"""Rate limits per second and endpoint group, and the headers that tell of them."""

from __future__ import annotations

import hashlib
import threading
import time

from close_emulator.answers import Answer, json_answer
from close_emulator.behaviour import Behaviour, Dialect, RateHeaders

_WINDOW = 1.0


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


def rate_body(dialect: Dialect, group: str, limit: int, reset: float | str) -> dict[str, object]:
    """The body of a 429: flat with a text, or nested with a number, unless a text is given."""
    told = {
        "message": "API call count exceeded for this period",
        "rate_endpoint_group": hashlib.md5(group.encode(), usedforsecurity=False).hexdigest(),
        "rate_limit": limit,
        "rate_limit_type": "key",
        "rate_reset": reset,
        "rate_window": 1,
    }
    return told if dialect == "flat" else {"error": told}


class RateLimiter:
    """Counts requests in windows of one second of real time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def count(self, method: str, group: str) -> tuple[dict[str, str], Answer | None]:
        """The headers for this request, and the 429 when it is one too many."""
        limit = self._behaviour.rate_limit
        if limit is None:
            return {}, None
        now = time.monotonic()
        with self._lock:
            started, used = self._windows.get((method, group), (now, 0))
            if now - started >= _WINDOW:
                started, used = now, 0
            used += 1
            self._windows[method, group] = (started, used)
        reset = max(0.0, started + _WINDOW - now)
        headers = rate_headers(self._behaviour.rate_limit_headers, limit, max(0, limit - used), reset)
        if used <= limit:
            return headers, None
        dialect = self._behaviour.rate_limit_body
        told = f"{reset:.6f}" if dialect == "flat" else round(reset, 6)
        answer = json_answer(rate_body(dialect, f"{method} {group}", limit, told), 429)
        if self._behaviour.rate_limit_headers in ("commas", "semicolons"):
            answer.headers["Retry-After"] = "1"
        return headers, answer
