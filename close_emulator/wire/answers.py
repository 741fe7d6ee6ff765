"""What goes back to a client, and the bodies of the refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

HTML_404 = b"<!doctype html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


@dataclass
class Answer:
    """One HTTP answer before compression."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Query:
    """What a client asks for, taken apart."""

    method: str
    path: str
    """Below /api/v1/, such as "activity/call/"."""
    params: dict[str, str]
    body: dict[str, Any] | None
    headers: dict[str, str]
    """Names in lower case."""
    offset_hours: float = 0.0
    """Zone of moments that name none, from `x-tz-offset`."""


class Refusal(Exception):
    """A request the API does not serve."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.answer = json_answer(body, status)


def json_answer(body: object, status: int = 200) -> Answer:
    """An object as JSON."""
    return Answer(status, json.dumps(body, separators=(",", ":")).encode())


def field_error(**errors: str) -> Refusal:
    """A 400 which names the parameters at fault."""
    return Refusal(400, {"errors": [], "field-errors": errors})


def cursor_error(message: str, name: str = "cursor") -> Refusal:
    """The 400 of a cursor which cannot be used; it comes without `errors`."""
    return Refusal(400, {"field-errors": {name: message}})


def missing(noun: str) -> Refusal:
    """The 404 of an unknown id."""
    return Refusal(404, {"error": f"Empty query: {noun} matching query does not exist."})
