"""Bodies of searches, and the chain of pages that one leads to."""

from collections.abc import Sequence
from typing import Any

from unit_tests.emulator.conftest import Client

Json = dict[str, Any]


def condition(kind: str, field: str, low: str | None = None, high: str | None = None) -> Json:
    def moment(value: str | None) -> Json | None:
        return {"type": "fixed_utc", "value": value} if value else None

    return {
        "type": "field_condition",
        "field": {"type": "regular_field", "object_type": kind, "field_name": field},
        "condition": {"type": "moment_range", "on_or_after": moment(low), "before": moment(high)},
    }


def term(kind: str, field: str, *values: object) -> Json:
    return {**condition(kind, field), "condition": {"type": "term", "values": list(values)}}


def search(
    kind: str,
    *conditions: Json,
    sort: Sequence[str] = ("date_updated",),
    fields: Sequence[str] | None = None,
    **more: object,
) -> Json:
    body: Json = {
        "query": {
            "type": "and",
            "negate": False,
            "queries": [{"type": "object_type", "object_type": kind}, *conditions],
        },
        "sort": [
            {
                "direction": "desc" if name.startswith("-") else "asc",
                "field": {"type": "regular_field", "object_type": kind, "field_name": name.lstrip("-")},
            }
            for name in sort
        ],
        **more,
    }
    if fields is not None:
        body["_fields"] = {kind: fields}
    return body


def chain(client: Client, body: Json) -> list[list[str]]:
    """All pages of a search."""
    pages: list[list[str]] = []
    cursor = None
    while True:
        reply = client.post("data/search/", {**body, "cursor": cursor})
        assert reply.status == 200, reply.raw
        pages.append(reply.ids)
        cursor = reply.json["cursor"]
        if cursor is None:
            return pages
