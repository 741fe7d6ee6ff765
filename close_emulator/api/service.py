"""Requests in, answers out: authentication, refusals, rate limits, and which part of the API serves what."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from close_emulator.api.derived import KEYS as DERIVED
from close_emulator.api.derived import Derived
from close_emulator.api.events import EventLog
from close_emulator.api.listing import Lister
from close_emulator.api.oauth import PATH as TOKEN_PATH
from close_emulator.api.oauth import Tokens
from close_emulator.api.organization import Organization
from close_emulator.api.rendering import Renderer, fields_of
from close_emulator.api.search import PATH as SEARCH_PATH
from close_emulator.api.search import Search
from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.definitions import Definitions
from close_emulator.lists.maker import Maker
from close_emulator.store.records import Store
from close_emulator.wire.answers import HTML_404, Answer, Query, Refusal, json_answer, missing
from close_emulator.wire.rate import RateLimiter

PREFIX = "/api/v1/"


class Service:
    """The API below /api/v1/."""

    def __init__(
        self,
        store: Store,
        maker: Maker,
        behaviour: Behaviour,
        clock: Callable[[], int],
        rate_clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._behaviour = behaviour
        self._renderer = Renderer(Definitions(store))
        self._lister = Lister(store, self._renderer, behaviour, clock, maker.owner_id)
        self.derived = Derived(store)
        self._events = EventLog(store, behaviour, clock)
        self._search = Search(store, behaviour, clock)
        self._organization = Organization(store, maker)
        self._rates = RateLimiter(behaviour, rate_clock)
        self.tokens = Tokens(behaviour, clock, maker.organization_id, maker.owner_id)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one request; `target` is the path with its query as sent."""
        path, _, _ = target.partition("?")
        if path == TOKEN_PATH:
            return self.tokens.answer(method, body)
        if not path.startswith(PREFIX):
            return Answer(404, HTML_404, content_type="text/html; charset=utf-8")
        if not path.endswith("/"):
            return Answer(301, b"", {"Location": target.replace(path, f"{path}/", 1)}, "text/html; charset=utf-8")
        query = parsed(method, target, headers, body)
        if not self._authorized(headers):
            return json_answer({"error": "Unauthorized"}, 401)
        rates, limited = self._rates.count(query.method, _group(query.path))
        if limited is None:
            try:
                with self._store.lock:
                    limited = self._route(query)
            except Refusal as refusal:
                limited = refusal.answer
        limited.headers.update(rates)
        return limited

    def _authorized(self, headers: dict[str, str]) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.tokens.accepts(credentials)
        if scheme.lower() != "basic":
            return False
        try:
            key = base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[0]
        except (ValueError, binascii.Error):
            return False
        return bool(key) and self._behaviour.api_key in (None, key)

    def _route(self, query: Query) -> Answer:
        path = query.path
        refused = self._behaviour.refused.get(path)
        if refused:
            raise Refusal(refused, {"error": f"Refused: {path}"})
        if query.headers.get("x-http-method-override", "").upper() == "GET" and query.method == "POST":
            query = _overridden(query)
        for text in _texts([path.split("/"), *query.params.values(), query.body]):
            if text in self._behaviour.refused_parents:
                raise Refusal(self._behaviour.refused_parents[text], {"error": f"Refused: {text}"})
        if path == SEARCH_PATH:
            if query.method != "POST":
                raise Refusal(405, {"error": "Method Not Allowed"})
            return self._search.answer(query)
        if query.method != "GET":
            raise Refusal(405, {"error": "Method Not Allowed"})
        if path == "event/":
            return self._events.answer(query)
        found = self._organization.answer(query)
        if found is not None:
            return found
        if path in DERIVED:
            return self.derived.answer(path)
        if path in RESOURCES and RESOURCES[path].listed:
            return self._lister.answer(RESOURCES[path], query)
        return self._single(query)

    def _single(self, query: Query) -> Answer:
        parent, _, row_id = query.path.rstrip("/").rpartition("/")
        resource = RESOURCES.get(f"{parent}/") or RESOURCES.get(query.path)
        if resource is None:
            raise Refusal(404, {"error": "Not Found"})
        if not resource.listed:
            raise Refusal(405, {"error": "Method Not Allowed"})
        if resource.path == "event/":
            self._events.check_allowed()
        row = self._store.served(row_id)
        # What several lists share has its own path only.
        if row is None or row.resource.path != resource.path or row_id in self._behaviour.hidden:
            raise missing(resource.noun)
        if resource.path == "event/":
            return Answer(200, self._events.text(row))
        texts = self._renderer.rows([row], fields_of(query, resource), lead_dict=self._behaviour.lead_custom_dict)
        return Answer(200, texts[0])


def parsed(method: str, target: str, headers: dict[str, str], body: bytes) -> Query:
    """A request taken apart."""
    path, _, text = target.partition("?")
    found: dict[str, Any] | None = None
    if body:
        try:
            loaded = json.loads(body)
        except ValueError:
            loaded = None
        found = loaded if isinstance(loaded, dict) else None
    try:
        offset = float(headers.get("x-tz-offset", "0"))
    except ValueError:
        offset = 0.0
    params = dict(parse_qsl(text, keep_blank_values=True))
    return Query(method, unquote(path).removeprefix(PREFIX), params, found, headers, offset)


def _overridden(query: Query) -> Query:
    """A POST that stands for a GET whose query would be too long."""
    params = (query.body or {}).get("_params")
    if not isinstance(params, dict):
        raise Refusal(400, {"error": "The request contains invalid JSON."})
    texts = {
        str(name): ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in params.items()
    }
    return replace(query, method="GET", params={**query.params, **texts})


def _texts(value: object) -> Iterator[str]:
    """All texts in a JSON value, those in lists that commas part one by one."""
    if isinstance(value, str):
        yield from value.split(",")
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _group(path: str) -> str:
    """The pattern of a path, which is what rates are counted by."""
    if path in RESOURCES or path in DERIVED or path == SEARCH_PATH:
        return path
    parent = path.rstrip("/").rpartition("/")[0]
    return f"{parent}/{{id}}/" if f"{parent}/" in RESOURCES else path
