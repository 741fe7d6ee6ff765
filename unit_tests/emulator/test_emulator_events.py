"""The event log."""

from datetime import datetime, timedelta, timezone

import pytest

from close_emulator import Behaviour
from unit_tests.emulator.conftest import Emulate

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def event(number: int, minutes_ago: float, **fields: object) -> dict[str, object]:
    when = (NOW - timedelta(minutes=minutes_ago)).replace(tzinfo=None).isoformat(timespec="microseconds")
    return {"id": f"ev_{number}", "date_created": when, "date_updated": when, **fields}


def test_pages_run_from_new_to_old_and_back(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", *[event(number, number) for number in range(5)])
    first = client.get("event/", _limit=2, _cursor="").json
    assert [row["id"] for row in first["data"]] == ["ev_0", "ev_1"]
    assert first["cursor_previous"] is None
    second = client.get("event/", _limit=2, _cursor=first["cursor_next"]).json
    third = client.get("event/", _limit=2, _cursor=second["cursor_next"]).json
    assert [row["id"] for row in second["data"] + third["data"]] == ["ev_2", "ev_3", "ev_4"]
    assert third["cursor_next"] is None
    back = client.get("event/", _limit=2, _cursor=third["cursor_previous"]).json
    assert [row["id"] for row in back["data"]] == ["ev_2", "ev_3"]
    assert client.get("event/", _cursor="rubbish").status == 400


def test_limit_is_clamped(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", *[event(number, 1) for number in range(60)])
    assert len(client.get("event/", _limit=100).ids) == 50
    assert client.get("event/").ids[0] == "ev_59"


def test_dates_and_cursor_together(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", *[event(number, number) for number in range(6)])
    since = {"date_updated__gte": (NOW - timedelta(minutes=3)).isoformat()}
    first = client.get("event/", _limit=3, **since).json
    second = client.get("event/", _limit=3, _cursor=first["cursor_next"], **since)
    assert second.ids == ["ev_3"]
    assert second.json["cursor_next"] is None


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ({}, 200),
        ({"object_type": "lead", "action": "deleted"}, 200),
        ({"lead_id": "lead_a"}, 200),
        ({"request_id": "req_a"}, 200),
        ({"object_type": "lead"}, 400),
        ({"action": "deleted"}, 400),
        ({"object_id": "lead_a"}, 400),
    ],
)
def test_filter_combinations(emulate: Emulate, filters: dict[str, object], status: int) -> None:
    _, client = emulate(now=NOW)
    assert client.get("event/", **filters).status == status


def test_retention(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", event(1, 29 * 1440), event(2, 31 * 1440))
    assert client.get("event/").ids == ["ev_1"]
    close.behaviour.event_retention_days = 10
    assert client.get("event/").ids == []


def test_only_admins_see_old_data(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(admin=False))
    close.add("event/", event(1, 59), event(2, 61))
    young, old = client.get("event/").json["data"]
    assert {"data", "previous_data"} <= young.keys()
    assert not {"data", "previous_data"} & old.keys()
    assert "data" not in client.get("event/ev_2/").json


def test_refused_log(emulate: Emulate) -> None:
    _, client = emulate(behaviour=Behaviour(event_log_allowed=False))
    assert client.get("event/").status == 400


def test_changes_leave_events(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("lead/", {"id": "lead_a", "name": "old", "custom.cf_1": 1})
    close.add("activity/custom/", {"id": "acti_a", "lead_id": "lead_a"})
    close.edit("lead_a", name="new")
    updated = client.get("event/", lead_id="lead_a").json["data"][0]
    assert updated["action"] == "updated"
    assert set(updated["changed_fields"]) == {"name"}  # the clock stands still
    assert updated["previous_data"] == {"name": "old"}
    assert updated["data"]["custom.cf_1"] == 1
    assert updated["date_updated"] == "2026-03-01T12:00:00.000000"
    close.delete("lead_a")
    log = client.get("event/", lead_id="lead_a").json["data"]
    assert [(row["object_type"], row["action"]) for row in log] == [
        ("lead", "deleted"),
        ("activity.custom_activity", "deleted"),
        ("lead", "updated"),
    ]
    assert log[0]["data"] == {}
    assert log[0]["previous_data"]["name"] == "new"
    assert close.ids("activity/") == set()


def test_events_can_be_switched_off_or_carry_an_offset(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(events_on_change=False))
    close.add("lead/", {"id": "lead_a"})
    close.edit("lead_a", name="new")
    assert client.get("event/").ids == []
    close.behaviour.events_on_change = True
    close.behaviour.events_naive = False
    close.edit("lead_a", name="newer")
    assert client.get("event/").json["data"][0]["date_updated"] == "2026-03-01T12:00:00+00:00"


def test_consolidation_keeps_the_id_and_the_first_state(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(event_consolidation=60))
    close.add("lead/", {"id": "lead_a", "name": "one"})
    close.edit("lead_a", name="two")
    first = client.get("event/").json["data"][0]
    close.now = NOW + timedelta(seconds=10)
    close.edit("lead_a", name="three")
    (second,) = client.get("event/").json["data"]
    assert second["id"] == first["id"]
    assert second["date_created"] == first["date_created"]
    assert second["date_updated"] > first["date_updated"]
    assert second["previous_data"]["name"] == "one"
    close.now = NOW + timedelta(seconds=120)
    close.edit("lead_a", name="four")
    assert len(client.get("event/").ids) == 2
