"""What the standard tests leave out: reading from a state. With the files that anybody can try by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils import AirbyteTracedException

from examples.demo import path_of
from source_closeio.endpoints import ENDPOINTS

from .emulated import emulated_source, organisation

HERE = Path(__file__).parent
STATE: dict[str, dict[str, str]] = {
    each["stream"]["stream_descriptor"]["name"]: each["stream"]["stream_state"]
    for each in json.loads((HERE / "sample_state.json").read_text())
}
ENDPOINT = {each.name: each for each in ENDPOINTS}


def read(state: str) -> list[dict[str, Any]]:
    entry = AirbyteEntrypoint(emulated_source())
    words = ["--config", "config.json", "--catalog", "configured_catalog.json", "--state", state]
    arguments = [word if word.startswith("--") else str(HERE / word) for word in words]
    return [json.loads(line) for line in entry.run(entry.parse_args(["read", *arguments]))]


def test_a_sync_from_the_sample_state_brings_what_came_after_it() -> None:
    messages = read("sample_state.json")

    brought: dict[str, set[str]] = {stream: set() for stream in STATE}
    for record in (each["record"] for each in messages if each["type"] == "RECORD"):
        brought.setdefault(record["stream"], set()).add(record["data"]["id"])
    for stream, state in STATE.items():
        ((cursor, reached),) = state.items()
        rows = {row["id"]: row[cursor] for row in organisation().all(path_of(ENDPOINT[stream]))}
        later = {row_id for row_id, moment in rows.items() if moment >= reached}
        assert later <= brought[stream] < set(rows)
    assert brought["users"] == organisation().ids("user/")
    reached_now = {each["state"]["stream"]["stream_descriptor"]["name"] for each in messages if each["type"] == "STATE"}
    assert set(STATE) <= reached_now


def test_a_sync_from_a_state_in_the_future_fails_because_it_would_miss_what_was_edited_until_then() -> None:
    with pytest.raises(AirbyteTracedException, match=r"^Not read whole: .*leads"):
        read("abnormal_state.json")
