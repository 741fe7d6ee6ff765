"""What a destination holds that applies records and tombstones in the order in which they come."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from close_emulator import Emulator
from source_closeio.endpoints import ENDPOINTS
from source_closeio.schemas import DELETED_AT
from source_closeio.windows import parse_moment

from .conftest import NOW, Output, catalog_of

Row = dict[str, Any]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OLD = "2025-06-01T10:00:00.000000+00:00"

CAPTURED = [
    *("leads", "contacts", "opportunities", "tasks", "lead_tasks", "activities", "call_activities", "note_activities"),
    *("custom_activities", "lead_merge_activities", "custom_objects"),
]
"""Streams that are followed, and the age of what is in them."""

PATHS = {"leads": "lead/", "contacts": "contact/", "opportunities": "opportunity/", "custom_objects": "custom_object/"}
CURSORS = {each.name: each.window.cursor for each in ENDPOINTS if each.window}


class Warehouse:
    """declares: whether its schemas have the column of deletes, as they do since it was there."""

    def __init__(self, close: Emulator, run: Callable[..., Output], *streams: str, declares: bool = True) -> None:
        self.close, self.streams, self.declares = close, streams, declares
        self.rows: dict[str, dict[str, Row]] = {stream: {} for stream in streams}
        self.state: list[Row] = []
        self._run = run

    def sync(self, fails: bool = False, **options: Any) -> Output:
        """One sync, killed after `lines` messages if that is given, which ends well if not said otherwise."""
        catalog = catalog_of(self.streams)
        for each in catalog["streams"]:
            names = ("id", "lead_id", "date_created", "date_updated", *([DELETED_AT] if self.declares else []))
            each["stream"]["json_schema"] = {"properties": {name: {} for name in names}}
        output = self._run("read", *self.streams, state=self.state, catalog=catalog, **options)
        assert (output.failure is not None) == fails, output.errors
        for stream in self.streams:
            for record in output.records(stream):
                self._apply(stream, record)
        told = {each["stream"]["stream_descriptor"]["name"]: each for each in (*self.state, *output.state)}
        self.state = list(told.values())
        return output

    def _apply(self, stream: str, record: Row) -> None:
        """As the destinations of Airbyte do: what is older by the cursor than what is there is not taken."""
        cursor, rows = CURSORS[stream], self.rows[stream]
        assert record[cursor], "no cursor"
        held = rows.get(record["id"])
        if held is not None and parse_moment(held[cursor]) > parse_moment(record[cursor]):
            return
        if record.get(DELETED_AT) is not None:
            rows.pop(record["id"], None)
        else:
            rows[record["id"]] = record

    def differs(self) -> list[tuple[str, str, str]]:
        """Stream, id and column of all that is not as in Close."""
        found = []
        for stream in self.streams:
            held, there = self.rows[stream], {row["id"]: row for row in self.close.all(path_of(stream))}
            found += [
                (stream, row_id, "missing" if row_id in there else "gone") for row_id in held.keys() ^ there.keys()
            ]
            for row_id in held.keys() & there.keys():
                ours, theirs = held[row_id], there[row_id]
                found += [(stream, row_id, name) for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]]
        return found


def path_of(stream: str) -> str:
    return PATHS.get(stream) or next(each.path for each in ENDPOINTS if each.name == stream)


def filled(close: Emulator, run: Callable[..., Output], *streams: str, declares: bool = True) -> Warehouse:
    """A warehouse of these streams, two hours after a first sync of an organisation that is a year old."""
    close.add("custom_object_type/", {"id": "cotype_1"})
    for number in range(12):
        dates = {"date_created": OLD, "date_updated": OLD}
        lead = {"lead_id": f"lead_{number}", **dates}
        close.add("lead/", {"id": f"lead_{number}", **dates})
        close.add("contact/", {"id": f"cont_{number}", **lead})
        close.add("opportunity/", {"id": f"oppo_{number}", **lead})
        close.add("task/", {"id": f"task_{number}", **lead})
        close.add("activity/call/", {"id": f"call_{number}", **lead})
        close.add("activity/note/", {"id": f"note_{number}", **lead})
        close.add("activity/custom/", {"id": f"actc_{number}", **lead})
        close.add("custom_object/", {"id": f"cobj_{number}", "custom_object_type_id": "cotype_1", **lead})
    warehouse = Warehouse(close, run, *(streams or CAPTURED), declares=declares)
    warehouse.sync()
    assert warehouse.differs() == []
    close.now = NOW + 2 * HOUR
    return warehouse


def now(close: Emulator) -> datetime:
    assert close.now is not None
    return close.now


def later(close: Emulator, by: timedelta) -> None:
    close.now = now(close) + by


def asked(close: Emulator, path: str) -> int:
    return sum(each.path == path for each in close.requests)
