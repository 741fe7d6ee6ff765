"""Scripted faults: which requests go wrong, and how.

`Emulator.fail` takes a script (`every`, `once`, `times`, `first`) of faults (`rate_limited`, `server_error`, `answer`,
`reset`, `cut_body`, `cut_gzip_quietly`, `slow`, `not_json`, `html_ok`, `firewall`).
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass, field
from typing import Literal

from close_emulator.behaviour import Dialect, RateHeaders
from close_emulator.wire.rate import rate_body, rate_headers

Damage = Literal["none", "reset", "cut", "cut_gzip"]

_HTML = b"<!doctype html><html><head><title>%d</title></head><body><h1>%s</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One way for a request to go wrong."""

    name: str
    status: int | None = None
    """Status of an answer that stands in for the real one; None: the real one is sent."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    damage: Damage = "none"
    """What happens to the answer on its way."""
    seconds: float = 0.0
    """How much later it comes."""


class Script:
    """Decides for each request in turn; counts under a lock, so that concurrent clients cannot change the outcome."""

    def __init__(self, faults: tuple[Fault, ...], *, each: int = 1, most: int | None = None) -> None:
        self._faults = faults
        self._each = each
        self._most = most
        self._lock = threading.Lock()
        self._seen = 0
        self._given = 0

    def next(self) -> Fault | None:
        """The fault of the next request, None when it goes well."""
        with self._lock:
            self._seen += 1
            if self._seen % self._each or (self._most is not None and self._given >= self._most):
                return None
            fault = self._faults[self._given % len(self._faults)]
            self._given += 1
            return fault


def every(n: int, *faults: Fault) -> Script:
    """Each n-th request, the given faults in turn."""
    return Script(faults, each=n)


def once(fault: Fault) -> Script:
    """The next request."""
    return Script((fault,), most=1)


def times(k: int, fault: Fault) -> Script:
    """The next k requests."""
    return Script((fault,), most=k)


def first(n: int, *faults: Fault) -> Script:
    """The first n requests, the given faults in turn."""
    return Script(faults, most=n)


def rate_limited(
    dialect: Dialect = "nested",
    *,
    reset: float | str = 0.05,
    headers: RateHeaders = "commas",
    retry_after: bool = True,
    limit: int = 20,
) -> Fault:
    """A 429; `reset` is told as it is given, a number or a text."""
    seconds = float(reset)
    sent = rate_headers(headers, limit, 0, seconds)
    if headers in ("commas", "semicolons") and retry_after:
        sent["Retry-After"] = str(math.ceil(seconds))
    body = json.dumps(rate_body(dialect, "fault", limit, reset)).encode()
    return Fault("rate_limited", 429, body, sent)


def server_error(status: int = 503, *, html: bool = True) -> Fault:
    """A 5xx: an HTML page as proxies send it, or an empty body."""
    if html:
        return Fault("server_error", status, _HTML % (status, b"Service Error"), content_type="text/html")
    return Fault("server_error", status)


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Fault:
    """Any JSON answer instead of the real one."""
    return Fault("answer", status, json.dumps(body).encode(), headers or {})


def reset() -> Fault:
    """The connection is reset instead of an answer."""
    return Fault("reset", damage="reset")


def cut_body() -> Fault:
    """The connection closes half way through the body that was announced."""
    return Fault("cut_body", damage="cut")


def cut_gzip_quietly() -> Fault:
    """A compressed body that ends early though its length is announced as it is; plain JSON is cut the same way."""
    return Fault("cut_gzip_quietly", damage="cut_gzip")


def slow(seconds: float) -> Fault:
    """The real answer, late."""
    return Fault("slow", seconds=seconds)


def not_json() -> Fault:
    """A 200 that claims to be JSON and is not."""
    return Fault("not_json", 200, b'{"has_more": false, "data": [{"id": ')


def html_ok() -> Fault:
    """A 200 with an HTML page."""
    return Fault("html_ok", 200, _HTML % (200, b"Maintenance"), content_type="text/html; charset=utf-8")


def firewall(status: int = 403) -> Fault:
    """A refusal by something that stands before Close: an HTML page, with a status that Close might have sent."""
    return Fault("firewall", status, _HTML % (status, b"Access Denied"), content_type="text/html; charset=utf-8")
