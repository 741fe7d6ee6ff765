"""How one limit is kept: a pace a little below it, learned from what the answers say. Pure; no clock of its own.

Close does not say how it counts. Requests that are spread evenly are right for fixed windows, sliding windows and
buckets of tokens alike; what was tried and measured is in docs/decisions/0011-pacing.md.
"""

from collections import deque
from dataclasses import dataclass

START, FASTEST = 10.0, 10_000.0
"""Requests a second of a group of which no limit is known: at first, and at most."""

MARGIN, JITTER = 0.02, 0.035
"""A window is taken for longer by this part of it, or by these seconds: requests arrive closer than they leave."""

COUNTED = 2.0
"""Seconds after which a request without an answer has been counted, whatever became of it."""


@dataclass(frozen=True)
class Allowance:
    """What an answer says of a limit; `None`: nothing."""

    limit: int | None = None
    """Requests a window."""
    remaining: int | None = None
    """Requests that are left."""
    reset: float | None = None
    """Seconds until there are more."""
    window: float | None = None
    """Seconds."""
    refused_for: float | None = None
    """Seconds to wait, of a 429."""
    of_organisation: bool = False
    """Whether it is the organisation's limit that refuses, and not the group's."""


@dataclass(frozen=True)
class Sent:
    """One request of a group."""

    number: int
    """Counted from 1 in its group."""
    at: float
    """When it left, in seconds."""


class Group:
    """One limit, and the requests that fall under it. Pure: each method is told the time, in seconds.

    A header does not say how long the window is. `reset` is the time to its end where windows are counted, so that the
    longest is the window; where a bucket fills, it is the time of one more request, so that the window is as many
    times longer as the limit says. The second is believed, being slower, and what is left may go meanwhile, until
    more comes back at once than such a bucket could give.
    """

    def __init__(self, start: float = START, most: float = FASTEST) -> None:
        """start, most: requests a second while no limit is known; `most` is never exceeded."""
        self._most = most
        self._limit: int | None = None
        self._guess = min(start, most)
        """Requests a second, instead of a limit; doubled soon, halved at a 429, then a little more each second."""
        self._guess_was_wrong = False
        self._window: float | None = None
        self._longest_reset = 0.0
        self._share = 1.0
        """Of the limit; less where others use it too, which 429s tell."""
        self._unrefused = 0
        self._slowed_at = 0.0
        self._blocked_until = 0.0
        # What went.
        self._sent = 0
        self._log: deque[float] = deque()
        self._under_way: dict[int, float] = {}
        self._next = -START
        # What the latest request was told: so many more until that moment.
        self._told = Sent(0, 0.0)
        self._remaining = self._left = 0
        self._left_until = 0.0
        # What is compared with it, to see how it is counted.
        self._since = Sent(0, 0.0)
        self._since_left: int | None = None
        self._span_began = self._span_reset = 0.0
        self._least_left = 0

    def wait(self, now: float, ahead: int = 0) -> float:
        """Seconds until a request may go if so many go before it; 0: now."""
        many, seconds, spacing = self._room()
        while self._log and self._log[0] <= now - seconds:
            self._log.popleft()
        at = self._blocked_until
        if self._left <= 0:
            at = max(at, self._left_until)
        bucket = self._limit if self._window is None else None
        if bucket is None and (over := len(self._log) + 1 - max(1, int(many))) > 0:
            at = max(at, self._log[over - 1] + seconds - JITTER / 2)
        if at > now:
            self._next = max(self._next, at)  # what could not go while it was blocked does not go at once after it
        if bucket is not None and self._sent == self._told.number:
            self._next = min(self._next, self._left_until)
        if bucket is not None and self._left - ahead > bucket // 16:
            return max(0.0, at - now)
        return max(0.0, at - now, self._next + ahead * spacing - now)

    def take(self, now: float) -> Sent:
        """A request goes."""
        _, seconds, spacing = self._room()
        self._log.append(now)
        self._sent += 1
        self._under_way[self._sent] = now
        self._left -= 1
        # Half a window that was not used may follow at once.
        self._next = min(max(self._next, now - seconds / 2), now) + spacing
        return Sent(self._sent, now)

    def learn(self, now: float, sent: Sent, said: Allowance) -> None:
        """An answer has come."""
        self._under_way.pop(sent.number, None)
        while self._under_way and next(iter(self._under_way.values())) < now - COUNTED:
            del self._under_way[next(iter(self._under_way))]
        if said.limit and said.limit != self._limit:
            self._limit, self._since_left, self._span_began, self._slowed_at = said.limit, None, now, now
        if said.refused_for is not None:
            self._slow_down(now, sent, said.refused_for)
        elif self._limit is None:
            faster = self._guess + 1 / self._guess if self._guess_was_wrong else self._guess * 1.5
            self._guess = min(self._most, faster)
        else:
            self._unrefused += 1
            self._share = min(1.0, self._share + 3e-4 * (1 + self._unrefused / 50))
        if said.limit:
            self._learn_limit(now, sent, said.limit, said)
        elif self._limit is not None and self._window is None and not self._under_way:
            self._next = min(self._next, now)  # the only answer that could say more said nothing

    def _room(self) -> tuple[float, float, float]:
        """So many requests in so many seconds, and the seconds from one to the next."""
        if self._limit is None:
            return self._guess, 1.0 + JITTER, 1 / self._guess
        window = self._limit * self._longest_reset if self._window is None else self._window
        seconds = window + max(JITTER, MARGIN * window)
        many = min(self._limit, self._most * seconds)
        return many, seconds, seconds / many / self._share

    def _slow_down(self, now: float, sent: Sent, refused_for: float) -> None:
        self._blocked_until = max(self._blocked_until, sent.at + refused_for + JITTER / 2)
        if sent.at < self._slowed_at:
            return
        self._slowed_at = now
        if self._limit is not None:
            # A single one may only have overtaken others on its way.
            self._share = max(0.1, self._share * (0.98 if self._unrefused > 50 else 0.95))
            self._unrefused = 0
        else:
            self._guess = max(1.0, min(self._guess, len(self._log)) / 2)
            self._guess_was_wrong = True

    def _learn_limit(self, now: float, sent: Sent, limit: int, said: Allowance) -> None:
        reset = said.reset or 0.0
        self._longest_reset = max(self._longest_reset, reset)
        if said.window:
            self._window = said.window
        elif self._window is not None:
            self._window = max(self._window, reset)
        elif said.remaining is None or not self._longest_reset:
            self._window = self._longest_reset or 1.0
        if said.remaining is None or sent.number <= self._told.number:
            return
        if self._window is None:
            self._doubt_the_bucket(now, sent, limit, said.remaining)
        until = sent.at + reset + JITTER / 2
        # Answers overtake each other; of those about one window the least is true.
        same = abs(until - self._left_until) < 2 * JITTER
        self._remaining = min(said.remaining, self._remaining) if same else said.remaining
        self._left = self._remaining - len(self._under_way)
        self._told = sent
        self._notice_a_shorter_window(sent.at, limit, said.remaining, reset)
        self._left_until = min(until, self._left_until) if same else until

    def _doubt_the_bucket(self, now: float, sent: Sent, limit: int, remaining: int) -> None:
        """A window gives back more than a bucket could that gives one in the longest `reset`."""
        passed = sent.at - self._since.at
        if self._since_left is not None:
            came_back = sent.number - self._since.number - len(self._under_way) + remaining - self._since_left
            if came_back > 1.5 * passed / self._longest_reset + max(3, limit / 4):
                self._window = self._longest_reset
                self._next = min(self._next, now)
        if self._since_left is None or passed > 4 * self._longest_reset:
            self._since, self._since_left = sent, remaining

    def _notice_a_shorter_window(self, now: float, limit: int, left: int, reset: float) -> None:
        """Whoever sends at full pace for a whole window and always has half of it left takes it for too long."""
        many, seconds, _ = self._room()
        self._least_left = min(self._least_left, left)
        self._span_reset = max(self._span_reset, reset)
        if self._window is None or now - self._span_began < seconds:
            return
        if self._span_reset and self._least_left > limit / 2 and len(self._log) > 0.8 * many:
            self._window, self._longest_reset = None, self._span_reset
        self._span_began, self._least_left, self._span_reset = now, left, reset
