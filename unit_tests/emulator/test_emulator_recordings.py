"""Answers in the shape of the real API, compared in shape with what the emulator serves."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest

from close_emulator import Sizes
from close_emulator.lists.catalogue import RESOURCES
from unit_tests.emulator.conftest import Emulate
from unit_tests.recorded import exchanges

Json = dict[str, Any]

SIZES = Sizes(leads=5, contacts=8, opportunities=30, activities=60, users=12, custom_fields=20)


def kinds(value: Json) -> dict[str, str]:
    """The JSON types of each key of one record."""
    return {key: type(item).__name__ for key, item in value.items() if not key.startswith("custom.")}


def merged(rows: Iterable[Json]) -> dict[str, set[str]]:
    """The JSON types each key has in any of the records."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for key, kind in kinds(row).items():
            found.setdefault(key, set()).add(kind)
    return found


def check(recorded: list[Json], served: list[Json], where: str) -> None:
    """Every key recorded is served, and every type but null is one that is served unless only null is served."""
    have = merged(served)
    for key, types in merged(recorded).items():
        assert key in have, f"{where}: {key}"
        told = types - {"NoneType"}
        assert not told or have[key] == {"NoneType"} or told & have[key] or (told | have[key]) <= {"int", "float"}, (
            f"{where}: {key} {told} {have[key]}"
        )


@pytest.mark.parametrize("exchange", [pytest.param(exchange, id=name) for name, exchange in exchanges()])
def test_shape(emulate: Emulate, exchange: Json) -> None:
    close, client = emulate(SIZES)
    path = urlsplit(exchange["request"]["url"]).path.removeprefix("/api/v1/")
    status, body = exchange["response"]["status"], exchange["response"]["body"]
    if status == 200 and path.startswith("organization/"):
        served = client.get(f"organization/{close.organization_id}/").json
        check([body], [served], path)
        for key in ("memberships", "inactive_memberships", "lead_statuses", "opportunity_statuses"):
            check(body[key], served[key], key)
    elif status == 200 and path in RESOURCES:
        served = client.get(path).json
        check([body], [served], path)
        for kind in {row.get("_type") for row in body["data"]}:
            recorded = [row for row in body["data"] if row.get("_type") == kind]
            check(recorded, [row for row in served["data"] if row.get("_type") == kind], f"{path} {kind or ''}")
    elif status == 200:
        parent = re.sub(r"[^/]+/$", "", path).replace("custom_fields/", "custom_field/")
        single = [client.get(f"{parent}{row['id']}/").json for row in close.all(parent)]
        check([body], single, path)
    elif status == 404:
        served = client.get(path)
        assert (served.status, served.json.keys()) == (404, body.keys())
    elif status == 401:
        served = client.get(path, {"Authorization": "Basic Og=="})
        assert (served.status, served.json.keys()) == (401, body.keys())
    elif status == 429:
        close.behaviour.rate_limit, close.behaviour.rate_limit_body = 0, "flat"
        close.behaviour.rate_limit_headers = "old"
        served = client.get(path)
        assert kinds(served.json) == kinds(body)
        assert {name.lower() for name in exchange["response"]["headers"]} <= served.headers.keys()
