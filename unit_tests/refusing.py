"""A Close that refuses, and what the connector has to say to it."""

from typing import Any

import pytest

from close_emulator import Emulator
from source_closeio.endpoints import ENDPOINTS

THREADS = {f"comthr_{letter}": 3 for letter in "abcde"}


def comments(close: Emulator, per_thread: dict[str, int]) -> dict[str, set[str]]:
    """Threads with so many comments each; returns the comments' ids by thread."""
    close.add("comment_thread/", *({"id": thread} for thread in per_thread))
    made = {}
    for thread, count in per_thread.items():
        rows = ({"id": f"comm_{thread}_{i}", "thread_id": thread} for i in range(count))
        made[thread] = {row["id"] for row in close.add("comment/", *rows)}
    return made


def refuse_all(close: Emulator, status: int) -> None:
    """All but `/me/`, with which a check begins."""
    comments(close, THREADS)
    close.add("lead/", {"id": "lead_1"})
    paths = (
        {"custom_object/"}
        | {each.parent.of.path if each.parent else each.path for each in ENDPOINTS}
        | {each.path for each in ENDPOINTS}
    )
    paths |= {f"organization/{close.organization_id}/", *(f"data/search/{kind}" for kind in ("lead", "contact"))}
    close.behaviour.refused = dict.fromkeys(paths - {"me/", "data/search/"}, status)


def state_of(stream: str, cursor: str, date: str) -> list[dict[str, Any]]:
    return [
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": {cursor: date}}},
    ]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
