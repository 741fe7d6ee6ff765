"""When the next request may go: one limiter for all streams of a sync, asked before each request.

Close limits requests per group of endpoints (path and method) and key, and the organisation over all of them; it says
so in a `RateLimit` header on each answer, or only in the body of a 429
(https://developer.close.com/api/overview/rate-limits). Nothing is configured: what the answers say goes to the `Group`s
of `pacing`, one for each group of endpoints and one for the organisation.
"""

import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget

from .http_policy import read_json
from .pacing import FASTEST, Allowance, Group, Sent

DEFAULT_WAIT = 2.0
LONGEST_WAIT = 120.0
"""Close's windows are seconds long; a longer figure is a misreading, and would look like a hang."""

EARLIEST_MOMENT = 1e9
"""Seconds from here on are no span but a UNIX time, by a clock that need not be ours."""

LOOK_AGAIN = 0.2
"""Seconds after which who waits asks again, whatever was foretold."""

_PAIR = re.compile(r"(limit|remaining|reset)\s*=\s*([0-9.]+)", re.IGNORECASE)
_ID = re.compile(r"/[a-z]+_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}(?=/)")


def allowance(headers: Mapping[str, str]) -> Allowance:
    """Reads `RateLimit: limit=160, remaining=159, reset=8` with commas or semicolons, or the older X-Rate-Limit-*."""
    told = {key.lower(): value for key, value in _PAIR.findall(headers.get("RateLimit", ""))}
    limit, remaining, reset = (
        told.get(key, headers.get(f"X-Rate-Limit-{key}")) for key in ("limit", "remaining", "reset")
    )
    return Allowance(_whole(limit), _whole(remaining), _seconds(reset))


def refusal(headers: Mapping[str, str], body: object) -> Allowance:
    """What a 429 says, in each dialect that Close has spoken; the body speaks at its top (2017) or below `error`.

    Of the waits the longest counts, but for `Retry-After` where it is another one rounded up to whole seconds.
    """
    error = body.get("error") if isinstance(body, dict) else None
    said: Mapping[str, object] = error if isinstance(error, dict) else body if isinstance(body, dict) else {}
    head = allowance(headers)
    resets = (head.reset, _seconds(headers.get("RateLimit-Reset")), _seconds(said.get("rate_reset")))
    exact = max((seconds for seconds in resets if seconds is not None), default=None)
    rounded = _seconds(headers.get("Retry-After"))
    if exact is None:
        wait = DEFAULT_WAIT if rounded is None else rounded
    else:
        wait = exact if rounded is None or exact > rounded - 1 else rounded
    return Allowance(
        head.limit or _whole(said.get("rate_limit")),
        head.remaining,
        exact,
        _seconds(said.get("rate_window")),
        wait,
        said.get("rate_limit_type") == "org",
    )


def group_of(method: str, path: str) -> str:
    """The endpoint group, as far as a client can know it: the method and the path without ids."""
    return f"{method} {_ID.sub('/{id}', path.partition('?')[0])}"


class RateLimiter(APIBudget):
    """The CDK's budget, asked before each request and shown each answer; one for all streams of a sync.

    Who waits in a group stands in line: each sleeps until its own turn, so that the pace does not hang on who wakes.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        most_per_second: float | None = None,
    ) -> None:
        """most_per_second: requests of all groups together. sleep: may raise to end the wait."""
        super().__init__(policies=[])
        self.clock = clock
        self._sleep = sleep
        self._read = clock()
        self._now = 0.0
        most = most_per_second or FASTEST
        self._organisation = Group(start=most, most=most)
        self._groups: dict[str, Group] = {}
        self._lines: dict[str, list[object]] = {}
        self._lock = threading.Lock()

    def acquire_call(self, request: Any, *_: Any, **__: Any) -> None:
        """Returns when the group of `request` has room for it."""
        with closing(self.turns(request)) as turns:
            for seconds in turns:
                self._sleep(seconds)

    def turns(self, request: Any) -> Generator[float, None, None]:
        """Seconds to sleep before asking on; ends when `request` may go. To be closed by who does not go to the end."""
        name = group_of(request.method, request.path_url)
        me = object()
        with self._lock:
            line = self._lines.setdefault(name, [])
            seconds = self._take(request, name, len(line))
            if not seconds:
                return
            line.append(me)
        try:
            while seconds:
                yield min(max(seconds, 0.001), LOOK_AGAIN)
                with self._lock:
                    seconds = self._take(request, name, line.index(me))
        finally:
            with self._lock:
                line.remove(me)

    def update_from_response(self, request: Any, response: Any) -> None:
        if response.status_code == requests.codes.too_many_requests:
            said = refusal(response.headers, read_json(response))
        else:
            said = allowance(response.headers)
        ok = Allowance()
        with self._lock:
            now = self._time()
            group, organisation = self._limits(group_of(request.method, request.path_url))
            sent, among_all = getattr(request, "sent", (Sent(0, now), Sent(0, now)))
            group.learn(now, sent, ok if said.of_organisation else said)
            organisation.learn(now, among_all, said if said.of_organisation else ok)

    def held(self, request: Any) -> float:
        """The seconds until `request` might go if it came now."""
        name = group_of(request.method, request.path_url)
        with self._lock:
            return self._wait(name, len(self._lines.get(name, ())))

    def crowded(self, group: str) -> bool:
        """Whether somebody waits for this group, as `group_of` names it, right now."""
        return bool(self._lines.get(group))

    def waits(self) -> Mapping[str, float]:
        """The groups that somebody waits for, and the seconds until the next request of each may go."""
        with self._lock:
            return {name: self._wait(name, 0) for name, line in self._lines.items() if line}

    def _take(self, request: Any, name: str, ahead: int) -> float:
        """Notes when the request goes, or gives the seconds until it may."""
        seconds = self._wait(name, ahead)
        if not seconds:
            request.sent = tuple(limit.take(self._now) for limit in self._limits(name))
        return seconds

    def _wait(self, name: str, ahead: int) -> float:
        now = self._time()
        group, organisation = self._limits(name)
        return max(group.wait(now, ahead), organisation.wait(now, ahead))

    def _limits(self, name: str) -> tuple[Group, Group]:
        return self._groups.setdefault(name, Group()), self._organisation

    def _time(self) -> float:
        """Seconds of the clock that never go back."""
        read = self.clock()
        self._now += max(0.0, read - self._read)
        self._read = read
        return self._now


@dataclass
class Meter:
    """What the requests of one stream came to; readers share it."""

    wanted: int = 0
    """Pages that were asked for."""
    requests: int = 0
    """That went for them, some of them again."""
    limited: int = 0
    """Of those, the ones that were answered with 429."""
    waited: float = 0.0
    """Seconds that its readers stood in line, added up."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, wanted: int = 0, requests: int = 0, limited: int = 0, waited: float = 0.0) -> None:
        with self._lock:
            self.wanted += wanted
            self.requests += requests
            self.limited += limited
            self.waited += waited


class Budget(APIBudget):
    """The share of one stream in the limiter: asks it, and counts in the stream's meter."""

    def __init__(self, limiter: RateLimiter, meter: Meter) -> None:
        super().__init__(policies=[])
        self._limiter = limiter
        self._meter = meter

    def acquire_call(self, request: Any, *_: Any, **__: Any) -> None:
        began = self._limiter.clock()
        try:
            self._limiter.acquire_call(request)
            self._meter.add(requests=1)
        finally:
            self._meter.add(waited=max(0.0, self._limiter.clock() - began))

    def update_from_response(self, request: Any, response: Any) -> None:
        if response.status_code == requests.codes.too_many_requests:
            self._meter.add(limited=1)
        self._limiter.update_from_response(request, response)


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
