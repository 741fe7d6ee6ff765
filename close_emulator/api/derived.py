"""Lists whose rows are no records of their own: who can be called now, and what activity reports can count."""

from __future__ import annotations

from typing import Any

from close_emulator.store.records import Store
from close_emulator.store.table import Row
from close_emulator.wire.answers import Answer, json_answer

# What names a row of each list, and the key of its envelope.
KEYS = {"user/availability/": ("user_id", "data"), "report/activity/metrics/": ("key", "metrics")}
_DEVICES = ("mobile", "native", "web")
# key and name; a third of those Close documents.
_METRICS = (
    ("calls.all.all.count", "All Calls - All Types"),
    ("calls.all.all.sum_duration", "All Calls - Total Duration"),
    ("calls.all.all.avg_duration", "All Calls - Average Duration"),
    ("calls.inbound.all.count", "Inbound Calls - All Types"),
    ("calls.outbound.all.count", "Outbound Calls - All Types"),
    ("calls.outbound.external.count", "Outbound Calls - External"),
    ("emails.sent.all.count", "Sent Emails - All Types"),
    ("emails.received.all.count", "Received Emails - All Types"),
    ("sms.sent.all.count", "Sent SMS - All Types"),
    ("sms.received.all.count", "Received SMS - All Types"),
    ("leads.created.all.count", "Created Leads"),
    ("leads.contacted.all.count", "Contacted Leads"),
    ("opportunities.created.all.count", "Opportunities - Created"),
    ("opportunities.won.all.count", "Opportunities - Won"),
    ("opportunities.lost.all.count", "Opportunities - Lost"),
)


class Derived:
    """Makes these lists from what is held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, path: str) -> Answer:
        """The whole list; nothing pages or filters it."""
        return json_answer({KEYS[path][1]: self.rows(path)})

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The rows of one of the lists as they are now."""
        if path == "report/activity/metrics/":
            return [{"key": key, "name": name, "description": f"{name}, per user and day"} for key, name in _METRICS]
        members = [row for row in self._store.held("user/").values() if row.encoded.value("organizations")]
        return [{"user_id": row.id, "availability": self._devices(row)} for row in members]

    def _devices(self, user: Row) -> list[dict[str, Any]]:
        """Two users in four are online, one of them in a call; who it is never changes."""
        mood = user.number % 4
        online = {0: "native", 1: "web"}.get(mood)
        return [
            {
                "type": device,
                "status": "online" if device == online else "offline",
                "active_calls": self._calls() if device == online == "native" else [],
            }
            for device in _DEVICES
        ]

    def _calls(self) -> list[dict[str, Any]]:
        """The first call held, as one that is going on."""
        call = next(iter(self._store.held("activity/call/").values()), None)
        lead = call and self._store.find("lead/", str(call.encoded.value("lead_id")))
        if not call or not lead:
            return []
        shown = {"id": lead.id, "display_name": lead.encoded.value("display_name")}
        return [{"id": call.id, "method": call.encoded.value("call_method"), "lead": shown}]
