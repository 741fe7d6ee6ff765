"""The emulator as a Python object: an organisation, a server in front of it, and hands on both."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import formatdate
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

from close_emulator.api.derived import KEYS as DERIVED
from close_emulator.api.service import PREFIX, Service, parsed
from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import RESOURCES, declared
from close_emulator.lists.maker import Maker
from close_emulator.store import moments
from close_emulator.store.records import Store
from close_emulator.wire.answers import HTML_404
from close_emulator.wire.faults import Fault, Script, every
from close_emulator.wire.server import Outcome, RawRequest, Server
from close_emulator.world import evolve
from close_emulator.world import seed as _seeding
from close_emulator.world.changes import NO_META, Changes
from close_emulator.world.sizes import EMPTY, Sizes

CONTROL = "/_emulator/"
_BEGIN = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Request:
    """A request the emulator has seen."""

    method: str
    path: str
    """Below /api/v1/, such as "activity/call/"."""
    params: dict[str, str]
    body: dict[str, Any] | None
    status: int
    """0 while it is not answered, and when the connection was reset instead."""
    headers: dict[str, str]
    """Names in lower case."""
    started: float
    """Seconds of `time.monotonic`."""
    ended: float
    """When the answer was ready."""


class Emulator:
    """A Close organisation behind a loopback port; a context manager that gives the base URL."""

    def __init__(
        self,
        sizes: Sizes = EMPTY,
        *,
        seed: int = 7,
        start: datetime = _BEGIN,
        now: datetime | None = None,
        latency: float = 0.0,
        behaviour: Behaviour | None = None,
        port: int = 0,
        odd_dates: bool = False,
    ) -> None:
        self._behaviour = behaviour or Behaviour()
        self.latency = latency
        self.now: datetime | None = now
        """The clock; None follows real time."""
        self.rate_clock: Callable[[], float] = time.monotonic
        """The seconds that rate limits go by."""
        self.on_request: Callable[[Request], object] | None = None
        """Called before each answer; may change the organisation."""
        self.requests: list[Request] = []
        self.max_in_flight = 0
        self.bytes_sent = 0
        self._in_flight = 0
        self._count = threading.Lock()
        self._scripts: list[tuple[str | None, Script]] = []
        self._server: Server | None = None
        self._port = port
        self._maker = Maker(seed, self._clock, lambda: self.behaviour.events_naive)
        self._store = Store(RESOURCES, self._clock, self.behaviour)
        self._changes = Changes(self._store, self._maker, self.behaviour, self._clock)
        self._service = Service(self._store, self._maker, self.behaviour, self._clock, lambda: self.rate_clock())
        lags = self.behaviour.index_lag, self.behaviour.event_lag
        self.behaviour.index_lag = self.behaviour.event_lag = 0.0
        begin = moments.from_datetime(start)
        _seeding.fill(self._store, self._maker, sizes, seed, begin, self._clock(), odd_dates=odd_dates)
        self.behaviour.index_lag, self.behaviour.event_lag = lags

    @property
    def behaviour(self) -> Behaviour:
        """The switches; change them in place."""
        return self._behaviour

    def __enter__(self) -> str:
        self.start()
        return self.base_url

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._server = Server(self._port, self._handle, self._sending)
        self._server.start()

    def stop(self) -> None:
        """Close all connections; what is held stays readable."""
        if self._server is not None:
            self._server.stop()

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        if self._server is None:
            raise RuntimeError("the emulator is not started")
        return f"http://127.0.0.1:{self._server.port}{PREFIX.rstrip('/')}"

    @property
    def organization_id(self) -> str:
        """The organisation's id."""
        return self._maker.organization_id

    @property
    def user_id(self) -> str:
        """The id of the key's owner."""
        return self._maker.owner_id

    @property
    def refresh_token(self) -> str:
        """The OAuth refresh token that is good now."""
        return self._service.tokens.refresh_token

    def add(
        self,
        path: str,
        *records: Mapping[str, Any],
        log: bool = False,
        at: datetime | None = None,
        meta: Mapping[str, Any] = NO_META,
    ) -> list[dict[str, Any]]:
        """Hold records, completed to full ones. Returns the full records.

        `log` writes a `created` event for each, dated `at`, which need not be the date of the record, with `meta`.
        """
        return self._changes.add(path, records, log, _moment(at), meta)

    def edit(
        self,
        *where: str,
        # Any, because those who give their fields as a dictionary would have to give it the types of these.
        action: Any = "updated",
        at: Any = None,
        meta: Any = NO_META,
        **changes: Any,
    ) -> dict[str, Any]:
        """Change fields of the record of an id, which its list may precede, as in `edit("lead/", "lead_1", name="x")`.

        `date_updated` becomes `at` unless given, a datetime, None for the clock's now; `action` and the mapping `meta`
        are those of the event. Returns the full record.
        """
        return self._changes.edit(where[-1], changes, action, _moment(at), meta)

    def delete(self, *where: str, at: datetime | None = None, meta: Mapping[str, Any] = NO_META) -> list[str]:
        """Remove the records of these ids, which their list may precede, and with a lead what belongs to it.

        `meta` is that of the events, such as {"bulk_action_id": "bulkdelete_1"}. Returns the ids of all that is gone.
        """
        return self._changes.delete([word for word in where if not word.endswith("/")], _moment(at), meta)

    def merge(self, source: str, destination: str, *, at: datetime | None = None) -> list[str]:
        """Move what belongs to a lead to another one, and delete the first. Returns the ids of what moved."""
        return self._changes.merge(source, destination, _moment(at))

    def evolve(self, seed: int = 1) -> dict[str, int]:
        """Let people work: a few percent are created, edited and deleted. Returns how many of each."""
        with self._store.lock:
            return evolve.work(self._changes, self._store, self._maker, seed, self._clock())

    def all(self, path: str) -> list[dict[str, Any]]:
        """The records held in a list now, whatever lists show of them."""
        with self._store.lock:
            if path in DERIVED:
                return self._service.derived.rows(path)
            return [row.encoded.record() for row in self._store.held(declared(path).path).values()]

    def ids(self, path: str) -> set[str]:
        """The ids held in a list now; of events, those that the event log reaches back to.

        Rows without an id are named by their `user_id` (availability) or `key` (metrics of reports). An unknown list is
        a LookupError that says where it wants to be declared.
        """
        if path in DERIVED:
            return {row[DERIVED[path][0]] for row in self.all(path)}
        with self._store.lock:
            held = self._store.held(declared(path).path)
            if path != "event/":
                return set(held)
            oldest = self._clock() - round(self.behaviour.event_retention_days * moments.DAY)
            return {row_id for row_id, row in held.items() if row.facts["date_updated"] >= oldest}

    def fail(self, script: Script | Fault, path: str | None = None) -> None:
        """Let requests fail by a script, or all of them by a fault; only those to a path, if one is given."""
        self._scripts.append((path, every(1, script) if isinstance(script, Fault) else script))

    def heal(self) -> None:
        """Forget all scripted faults."""
        self._scripts.clear()

    def forget_requests(self) -> None:
        """Forget the requests seen and the largest number of them at once."""
        with self._count:
            self.requests.clear()
            self.max_in_flight = self._in_flight
            self.bytes_sent = 0

    def _clock(self) -> int:
        return moments.from_datetime(self.now) if self.now is not None else time.time_ns() // 1000

    def _fault(self, path: str) -> Fault | None:
        for wanted, script in self._scripts:
            if wanted is None or wanted == path:
                fault = script.next()
                if fault is not None:
                    return fault
        return None

    def _handle(self, raw: RawRequest) -> Outcome:
        if raw.target.startswith(CONTROL):
            return self._control(raw)
        started = time.monotonic()
        query = parsed(raw.method, raw.target, raw.headers, raw.body)
        request = Request(raw.method, query.path, query.params, query.body, 0, raw.headers, started, 0.0)
        with self._count:
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            outcome = self._decided(raw, request)
            request = replace(request, status=0 if outcome.damage == "reset" else outcome.status)
            return outcome
        finally:
            # Before the answer is sent: who has it must find its request here, and no longer in flight.
            with self._count:
                self._in_flight -= 1
                self.requests.append(replace(request, ended=time.monotonic()))

    def _decided(self, raw: RawRequest, request: Request) -> Outcome:
        """Wait as long as an answer takes, let the organisation move on, and answer."""
        fault = self._fault(request.path)
        pause = self.latency + (fault.seconds if fault else 0.0)
        if pause > 0:
            time.sleep(pause)
        if self.on_request is not None:
            self.on_request(request)
        outcome = self._outcome(raw, fault)
        outcome.headers["Date"] = formatdate(self._clock() / moments.SECOND, usegmt=True)
        return outcome

    def _outcome(self, raw: RawRequest, fault: Fault | None) -> Outcome:
        if fault is not None and fault.status is not None:
            return Outcome(fault.status, fault.body, fault.content_type, dict(fault.headers), compress=False)
        if fault is not None and fault.damage == "reset":
            return Outcome(0, b"", "", damage="reset")
        answer = self._service.answer(raw.method, raw.target, raw.headers, raw.body)
        damage = fault.damage if fault is not None else "none"
        return Outcome(answer.status, answer.body, answer.content_type, answer.headers, self.behaviour.gzip, damage)

    def _sending(self, size: int) -> None:
        """So many bytes are about to go out."""
        with self._count:
            self.bytes_sent += size

    def _control(self, raw: RawRequest) -> Outcome:
        """What another process asks of the emulator itself."""
        path, _, text = raw.target.removeprefix(CONTROL).partition("?")
        found: object = None
        if path == "stats":
            found = self.stats()
        elif path == "reset-stats":
            self.forget_requests()
            found = {}
        elif path == "ids":
            wanted = parse_qs(text).get("path", [""])[0]
            try:
                found = sorted(self.ids(wanted))
            except LookupError as error:
                return Outcome(404, json.dumps({"error": str(error)}).encode(), "application/json")
        elif path == "evolve":
            found = self.evolve(int(parse_qs(text).get("seed", ["1"])[0]))
        else:
            return Outcome(404, HTML_404, "text/html; charset=utf-8")
        return Outcome(200, json.dumps(found).encode(), "application/json")

    def stats(self) -> dict[str, Any]:
        """How many requests came, by path and by status, how many at once, and how many bytes went out."""
        with self._count:
            seen = list(self.requests)
        return {
            "requests": len(seen),
            "by_path": _counted(map(_list_asked, seen)),
            "by_status": _counted(str(request.status) for request in seen),
            "max_in_flight": self.max_in_flight,
            "bytes": self.bytes_sent,
        }


def _moment(at: datetime | None) -> int | None:
    return None if at is None else moments.from_datetime(at)


def _list_asked(request: Request) -> str:
    """The path, and of a search what was searched for, such as "data/search/lead"."""
    if request.path != "data/search/" or request.body is None:
        return request.path
    nodes = request.body.get("query", {}).get("queries", [])
    return request.path + next((node["object_type"] for node in nodes if node.get("type") == "object_type"), "")


def _counted(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
