"""What the emulator holds for each stream, and what of it a sync brought."""

from typing import Any

from close_emulator import Emulator
from source_closeio.endpoints import Endpoint

from .conftest import Output


def held(close: Emulator, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The rows that the emulator holds for a stream."""
    if endpoint.name == "organizations":
        return [{"id": close.organization_id}]
    path = {"memberships": "membership/"}.get(endpoint.name, endpoint.path.replace("{id}/", ""))
    path = f"{endpoint.object_type}/" if endpoint.object_type else path
    visible = close.ids(path)  # the event log forgets
    rows = [row for row in close.all(path) if row[endpoint.key] in visible and endpoint.has(row)]
    if endpoint.name == "send_as":
        return [row for row in rows if close.user_id in (row["allowing_user_id"], row["allowed_user_id"])]
    kind = endpoint.params.get("_type", "all")
    return [row for row in rows if kind in ("all", row.get("_type"))]


def keys(output: Output, endpoint: Endpoint) -> list[str]:
    return [record[endpoint.key] for record in output.records(endpoint.name)]
