"""Streams of the emulator, filled with as many records as a test wants, and which streams those are."""

from datetime import timedelta
from typing import Any

from close_emulator import Emulator

from .conftest import NOW

DAY = timedelta(days=1)
PATH = {
    "leads": "lead/",
    "contacts": "contact/",
    "opportunities": "opportunity/",
    "tasks": "task/",
    "activities": "activity/",
    "call_activities": "activity/call/",
    "event_log": "event/",
    "users": "user/",
    "lead_custom_fields": "custom_field/lead/",
}
WINDOWED = ["opportunities", "tasks", "call_activities"]
DATED = [*WINDOWED, "leads", "contacts", "event_log"]


def fill(
    close: Emulator, stream: str, count: int, newest: Any = NOW - DAY, step: Any = timedelta(minutes=7)
) -> list[str]:
    """`count` records, `step` apart, the newest last; returns their ids in that order."""
    path = PATH[stream]
    moments = [(newest - (count - 1 - i) * step).isoformat(timespec="milliseconds") for i in range(count)]
    rows = close.add(
        "activity/call/" if path == "activity/" else path,
        *({"id": f"{stream[:4]}_{i:05}", "date_created": at, "date_updated": at} for i, at in enumerate(moments)),
    )
    return [row["id"] for row in rows]
