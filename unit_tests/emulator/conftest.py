"""Clients that speak to an emulator over real HTTP."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from close_emulator import Emulator, Sizes

NOTHING = Sizes()


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.json["data"]]


class Client:
    """One kept-alive connection to an emulator."""

    def __init__(self, close: Emulator, key: str = "api_key") -> None:
        host = close.base_url.split("/")[2]
        self._connection = http.client.HTTPConnection(host, timeout=10)
        self._authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    def get(self, path: str, headers: dict[str, str] | None = None, /, **params: object) -> Reply:
        query = f"?{urlencode(params)}" if params else ""
        return self.send("GET", f"/api/v1/{path}{query}", None, headers)

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Reply:
        return self.send("POST", f"/api/v1/{path}", body, headers)

    def send(self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None) -> Reply:
        sent = {"Authorization": self._authorization, "Content-Type": "application/json", **(headers or {})}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        self._connection.request(method, target, data, sent)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        raw = response.read()
        if found.get("content-encoding") == "gzip":
            raw = gzip.decompress(raw)
        return Reply(response.status, found, raw)

    def close(self) -> None:
        self._connection.close()


Emulate = Callable[..., tuple[Emulator, Client]]
Records = Callable[..., list[dict[str, object]]]


@pytest.fixture
def emulate() -> Iterator[Emulate]:
    """Start an emulator; gives it and a client."""
    started: list[tuple[Emulator, Client]] = []

    def start(sizes: Sizes = NOTHING, **options: Any) -> tuple[Emulator, Client]:
        close = Emulator(sizes, **options)
        close.start()
        client = Client(close)
        started.append((close, client))
        return close, client

    yield start
    for close, client in started:
        client.close()
        close.stop()


def numbered(prefix: str, count: int, **fields: object) -> list[dict[str, object]]:
    """Partial records one second apart, oldest first."""
    return [
        {
            "id": f"{prefix}_{number:03}",
            "date_created": f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00",
            **fields,
        }
        for number in range(count)
    ]


@pytest.fixture
def records() -> Records:
    """Makes partial records."""
    return numbered
