"""A stream of Airbyte messages and the stream of Singer messages that it must become, compared whole."""

import json
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessageSerializer

from source_closeio.errors import Problem
from source_closeio.singer.catalog import select, streams_of
from source_closeio.singer.messages import Log, line
from source_closeio.singer.state import taken_over
from source_closeio.singer.translate import translate

from .offered import GOLDEN, discovered

STATE = {
    "bookmarks": {
        "users": {"date_updated": "2026-01-02T03:04:05.000000+00:00", "offset": {}},
        "leads": {"date_updated": "2026-01-01", "offset": {"skip": 50}},
        "stream_of_last_year": {"date_updated": "2025-01-01", "offset": {"skip": 7}},
    },
    "currently_syncing": "tasks",
    "more": 1,
}
UNWANTED = [["contacts", "items", "properties", "email"], ["name"], ["date_updated"], ["send_attempts"]]


def lines(name: str) -> list[dict[str, Any]]:
    # Not `splitlines`, which cuts at more than newlines.
    return [json.loads(text) for text in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").strip().split("\n")]


def catalog(names: list[str], unwanted: list[list[str]]) -> dict[str, Any]:
    fields = [{"breadcrumb": ["properties", *path], "metadata": {"selected": False}} for path in unwanted]
    metadata = [{"breadcrumb": [], "metadata": {"selected": True}}, *fields]
    return {"streams": [{"tap_stream_id": name, "metadata": metadata} for name in names]}


def singer(profile: str, unwanted: list[list[str]], keep_undeclared: bool) -> list[dict[str, Any]]:
    """All that is written, in its order: stdout as it is, stderr as LOG."""
    offered = streams_of(profile, discovered())
    names = [stream.name for stream in offered]
    streams, _ = select(offered, catalog(names, unwanted))
    messages = (AirbyteMessageSerializer.load(each) for each in lines("airbyte"))
    written: list[dict[str, Any]] = []
    try:
        for message in translate(messages, streams, taken_over(STATE, names), keep_undeclared, 7, lambda _: False):
            if isinstance(message, Log):
                written.append({"type": "LOG", "level": message.level, "text": message.text})
            else:
                written.append(json.loads(line(message)))
    except Problem as failure:
        written.append({"type": "FAILED", "text": str(failure)})
    return written


@pytest.mark.parametrize(
    ("name", "profile", "unwanted", "keep_undeclared"),
    [
        ("compat", "compat", [], True),
        ("native", "native", [], False),
        ("selected", "native", UNWANTED, True),
    ],
)
def test_the_stream_is_the_one_on_file(name: str, profile: str, unwanted: list[Any], keep_undeclared: bool) -> None:
    assert singer(profile, unwanted, keep_undeclared) == lines(name)
