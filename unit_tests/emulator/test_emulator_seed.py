"""The synthetic organisation, its working hours, its shapes and the command."""

import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from close_emulator import Emulator, Sizes
from close_emulator.world.seed import ACTIVITY_SHARES

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
SIZES = Sizes(
    leads=30,
    contacts=40,
    opportunities=20,
    activities=80,
    tasks=30,
    events=40,
    users=5,
    custom_fields=20,
    custom_objects=30,
    sequence_subscriptions=25,
    comments=20,
)


@pytest.fixture(scope="module")
def organisation() -> Emulator:
    return Emulator(SIZES, now=NOW)


def test_sizes(organisation: Emulator) -> None:
    for path, name in (("lead/", "leads"), ("contact/", "contacts"), ("activity/", "activities"), ("event/", "events")):
        assert len(organisation.all(path)) == getattr(SIZES, name)
    assert organisation.ids("event/") < {event["id"] for event in organisation.all("event/")}  # some are too old
    assert all(organisation.ids(path) for path in ACTIVITY_SHARES)
    fields = ("lead", "contact", "opportunity", "activity", "custom_object_type", "shared")
    assert [len(organisation.ids(f"custom_field/{kind}/")) for kind in fields] == [10, 2, 2, 2, 2, 2]


def test_nothing_is_made_unless_asked_for() -> None:
    empty = Emulator()
    assert not empty.all("status/lead/")
    assert not empty.all("user/")


def test_children_belong_to_what_is_held(organisation: Emulator) -> None:
    contacts = {row["id"]: row["lead_id"] for row in organisation.all("contact/")}
    subscriptions = organisation.all("sequence_subscription/")
    assert len(subscriptions) == SIZES.sequence_subscriptions
    assert all(contacts[row["contact_id"]] == row["lead_id"] for row in subscriptions)
    subscribed = {row["sequence_id"] for row in subscriptions}
    assert subscribed < organisation.ids("sequence/")  # one has no subscribers
    assert len(subscribed) > 1
    threads = {row["id"]: row for row in organisation.all("comment_thread/")}
    comments = organisation.all("comment/")
    assert len(comments) == sum(thread["num_comments"] for thread in threads.values()) == SIZES.comments
    assert {row["thread_id"] for row in comments} == set(threads)
    objects = organisation.ids("activity/") | organisation.ids("opportunity/")
    assert all(row["object_id"] in objects and row["lead_id"] in organisation.ids("lead/") for row in threads.values())
    assert any(row["removed_at"] and row["body"] is None for row in comments)
    custom_objects = organisation.all("custom_object/")
    assert {row["custom_object_type_id"] for row in custom_objects} == organisation.ids("custom_object_type/")
    assert {row["lead_id"] for row in custom_objects} <= organisation.ids("lead/")
    assert len({row["date_updated"] for row in custom_objects}) > 20
    assert any(row["object_type"] == "custom_object" for row in organisation.all("event/"))


def test_smart_views_and_senders_are_of_several_kinds(organisation: Emulator) -> None:
    assert len({row["type"] for row in organisation.all("saved_search/")}) > 3
    pairs = {(row["allowing_user_id"], row["allowed_user_id"]) for row in organisation.all("send_as/")}
    me = organisation.user_id
    assert {allowing for allowing, allowed in pairs if allowed == me}
    assert {allowed for allowing, allowed in pairs if allowing == me}
    assert any(me not in pair for pair in pairs)
    assert len(pairs) == 4
    assert not [allowing for allowing, allowed in pairs if allowing == allowed]
    assert {user for pair in pairs for user in pair} <= organisation.ids("user/")


def test_same_seed_same_organisation(organisation: Emulator) -> None:
    again = Emulator(SIZES, now=NOW)
    assert again.all("activity/") == organisation.all("activity/")
    one, other = (Emulator(Sizes(leads=5), seed=seed, now=NOW).ids("lead/") for seed in (8, 9))
    assert not one & other


def test_ids_dates_and_references(organisation: Emulator) -> None:
    leads = organisation.ids("lead/")
    for row in organisation.all("activity/"):
        assert re.fullmatch(r"acti_[0-9A-Za-z]{43}", row["id"])
        assert row["lead_id"] in leads
        assert "2024-01-01" <= row["date_created"] <= row["date_updated"] <= NOW.isoformat()
        assert re.fullmatch(r"\S{19}(\.\d{3}000)?\+00:00", row["date_created"])
    for row in organisation.all("pipeline/"):
        assert re.fullmatch(r"\S{19}\.\d{6}", row["date_created"])


@pytest.mark.parametrize("odd", [True, False])
def test_odd_dates_only_on_request(odd: bool) -> None:
    close = Emulator(Sizes(activities=3000), now=NOW, odd_dates=odd)
    dates = {row["date_created"][:4] for row in close.all("activity/")}
    assert dates == {"2024", "2025", "2026", *(["1970", "2027"] if odd else [])}


def test_plateaus() -> None:
    activities = Emulator(Sizes(activities=1000), now=NOW).all("activity/")
    dates = [row["date_created"] for row in activities]
    assert max(dates.count(date) for date in set(dates)) > 3


def test_evolve_happens_now_and_logs() -> None:
    close = Emulator(replace(SIZES, events=0), now=NOW)
    before = {row["id"]: row for row in close.all("lead/")}
    counts = close.evolve(seed=3)
    assert counts["lead/ updated"] == counts["contact/ deleted"] == 1
    changed = [row for row in close.all("lead/") if row != before.get(row["id"])]
    assert changed
    assert all((NOW - timedelta(seconds=1)).isoformat() <= row["date_updated"] <= NOW.isoformat() for row in changed)
    actions = {row["action"] for row in close.all("event/")}
    assert actions == {"created", "updated", "completed", "deleted"}


def test_what_belongs_to_a_record_goes_with_it() -> None:
    close = Emulator(SIZES, now=NOW)
    lead = close.all("custom_object/")[0]["lead_id"]
    close.delete(lead)
    for path in ("custom_object/", "sequence_subscription/", "comment_thread/", "comment/", "activity/"):
        assert all(row["lead_id"] != lead for row in close.all(path)), path
    sequence = close.all("sequence_subscription/")[0]["sequence_id"]
    close.delete(sequence)
    assert all(row["sequence_id"] != sequence for row in close.all("sequence_subscription/"))
    gone = {row["object_type"] for row in close.all("event/") if row["action"] == "deleted"}
    assert {"sequence", "sequence_subscription"} <= gone
    assert "custom_object" not in gone


def test_records_are_edited_by_id_and_by_list_and_id() -> None:
    close = Emulator(now=NOW)
    close.add("custom_field/lead/", {"id": "cf_1", "type": "choices", "date_created": "2026-01-01T00:00:00+00:00"})
    close.add("comment/", {"id": "comm_1", "created_at": "2026-01-01T00:00:00.000000+00:00"})
    edited = close.edit("custom_field/lead/", "cf_1", accepts_multiple_values=True)
    assert (edited["accepts_multiple_values"], edited["date_updated"]) == (True, NOW.isoformat())
    assert close.edit("comm_1", body="x")["updated_at"] == "2026-03-01T12:00:00.000000+00:00"
    assert {event["object_type"] for event in close.all("event/")} == {"custom_fields.lead", "comment"}


def test_partial_records_are_completed_and_kept() -> None:
    close = Emulator()
    (call,) = close.add("activity/call/", {"id": "acti_1", "note": None, "extra": [1]})
    assert (call["_type"], call["note"], call["note_html"], call["extra"]) == ("Call", None, None, [1])
    assert call["cost"].replace(".", "").isdigit()
    with pytest.raises(ValueError, match="already held"):
        close.add("activity/call/", {"id": "acti_1"})
    with pytest.raises(KeyError):
        close.edit("acti_unknown", note="x")


def test_command() -> None:
    command = [sys.executable, "-m", "close_emulator", "--leads", "5", "--now", "2026-01-01T00:00:00Z"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            root = process.stdout.readline().strip().removesuffix("/api/v1")
            with urllib.request.urlopen(f"{root}/_emulator/ids?path=activity/", timeout=5) as reply:
                ids = json.load(reply)
        finally:
            process.terminate()
        told = process.communicate(timeout=5)
    assert (process.returncode, told) == (0, ("", ""))
    assert len(ids) == Sizes.for_leads(5).activities == 25
