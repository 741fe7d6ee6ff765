"""Streams that the connector offers: two made up, and all as it once discovered them."""

import json
from pathlib import Path

from airbyte_protocol_dataclasses.models import AirbyteStream, SyncMode

from source_closeio.singer.catalog import TapStream, streams_of

GOLDEN = Path(__file__).parent / "golden"
TEXT = {"type": ["null", "string"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "date_updated": TEXT,
        "name": TEXT,
        "owner": {"type": ["null", "object"], "properties": {"id": TEXT, "name": TEXT}},
        "contacts": {
            "type": ["null", "array"],
            "items": {
                "type": ["null", "object"],
                "properties": {
                    "email": TEXT,
                    "properties": TEXT,
                    "phones": {
                        "type": ["null", "array"],
                        "items": {"type": ["null", "object"], "properties": {"n": TEXT}},
                    },
                },
            },
        },
    },
}
RECORD = {
    "id": "lead_a",
    "date_updated": "2026-01-01",
    "name": "A",
    "owner": {"id": "user_a", "name": "U", "undeclared": 1},
    "contacts": [{"email": "e", "properties": "p", "phones": [{"n": "1"}, None]}, None],
    "undeclared": 2,
}


def offered() -> list[TapStream]:
    modes = [SyncMode.full_refresh, SyncMode.incremental]
    key, cursor = [["id"]], ["date_updated"]
    return streams_of(
        "native",
        [
            AirbyteStream("leads", SCHEMA, modes, True, cursor, key),
            AirbyteStream("users", SCHEMA, [SyncMode.full_refresh], source_defined_primary_key=key),
        ],
    )


def discovered() -> list[AirbyteStream]:
    held = json.loads((GOLDEN / "discovered.json").read_text(encoding="utf-8"))["streams"]
    return [
        AirbyteStream(**{**each, "supported_sync_modes": [SyncMode(mode) for mode in each["supported_sync_modes"]]})
        for each in held
    ]
