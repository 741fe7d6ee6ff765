"""An organisation in which people work between two syncs, and what is in its lists afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from close_emulator import SMALL, Behaviour, Emulator
from source_closeio.windows import parse_moment

Row = dict[str, Any]

NO_EVENTS = ["activity/created/", "activity/import_update/"]
"""What goes or moves with a lead without a word in the log, as custom objects go; so leads that have these stay."""
LISTS = ["email_template/", "sms_template/", "saved_search/", "comment/", "phone_number/", "webhook/", "playbook/"]
"""Some of those that are read whole."""
AWAY = {"id": "acti_away", "note": "Restored", "date_created": "2025-06-01T10:00:00.000000+00:00"}
"""A call that is there every other day."""


@contextmanager
def organisation() -> Iterator[Emulator]:
    """Rows in every list, at noon of a day in March; the clock moves when people work."""
    behaviour = Behaviour(api_key="api_emulated_0123456789")
    emulator = Emulator(SMALL, seed=11, now=parse_moment("2026-03-01T12:00:00Z"), behaviour=behaviour)
    emulator.add("activity/call/", AWAY)
    with emulator:
        yield emulator


def people_work(close: Emulator, day: int) -> None:
    """Two hours of it: edits of what is old, a new custom field, rows dated back, deletes one by one and in bulk.

    And a merge, ids that go and come again at once or the next day, and one that no sync can see. day: 1, 2, ...; each
    brings other rows.
    """
    assert close.now is not None
    close.now += timedelta(hours=1)
    for path in ("lead/", "contact/", "opportunity/", "task/", "custom_object/"):
        for row in oldest(close, path)[day : day + 3]:
            close.edit(row["id"], **({"text": f"Day {day}"} if path == "task/" else {"name": f"Day {day}"}))
    close.add("custom_field/lead/", {"id": f"cf_added{day}", "name": f"Added {day}", "type": "number"})
    close.edit(oldest(close, "lead/")[day]["id"], **{f"custom.cf_added{day}": day + 0.5})
    calls = oldest(close, "activity/call/")
    for row in calls[day : day + 5]:
        close.edit(row["id"], duration=600 + day, note=f"Day {day}")
    lead = oldest(close, "lead/")[-1]["id"]
    dated_back = {"lead_id": lead, "date_created": calls[0]["date_created"]}
    close.add("activity/note/", {"id": f"acti_dated_back_{day}", **dated_back}, log=True, at=close.now)
    close.add("activity/call/", {"lead_id": lead, "date_created": close.now.isoformat()}, log=True)

    for number in range(2):
        close.delete(calls[10]["id"])
        close.now += timedelta(minutes=1)
        close.add("activity/call/", {**calls[10], "note": f"Again {day}.{number}"}, log=True, at=close.now)
    if AWAY["id"] in close.ids("activity/call/"):
        close.delete(AWAY["id"])
    else:
        close.add("activity/call/", AWAY, log=True, at=close.now)
    close.add("activity/call/", {**calls[10], "id": f"acti_ghost_{day}"}, log=True, at=close.now)
    close.delete(f"acti_ghost_{day}")
    for path in ("contact/", "opportunity/", "task/", "custom_object/", "activity/email/", "activity/meeting/"):
        close.delete(oldest(close, path)[5]["id"])
    for path in LISTS:
        close.delete(sorted(close.ids(path))[0])
    in_bulk = [row["id"] for path in ("activity/note/", "activity/sms/", "task/") for row in oldest(close, path)[8:24]]
    close.delete(*in_bulk, meta={"bulk_action_id": f"bulkdelete_{day}"})

    objects, others = (
        {row["lead_id"] for path in paths for row in close.all(path)} for paths in (["custom_object/"], NO_EVENTS)
    )
    leads = [row["id"] for row in oldest(close, "lead/") if row["id"] not in others]
    plain = [lead for lead in leads if lead not in objects]
    close.delete(plain[0])
    close.merge([lead for lead in leads if lead in objects][-1], plain[1])
    close.now += timedelta(hours=1)


def oldest(close: Emulator, path: str) -> list[Row]:
    """The rows of a list that was not changed since, the oldest first."""
    return sorted(close.all(path), key=lambda row: (row["date_created"], row["id"]))
