"""What rows look like: after their list's example, some fields null, and moments as each list spells them."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

import close_emulator
from close_emulator import RESOURCES, Emulator, Sizes
from close_emulator.lists import catalogue
from close_emulator.lists.catalogue import DECLARATIONS
from unit_tests.emulator.conftest import Emulate

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)
LISTS = sorted(set(RESOURCES) - {"activity/"})
TASK_TYPES = [row["_type"] for row in DECLARATIONS["task/"].rows]
# Independent of the declarations: as recordings and documentation spell them.
NAIVE = {
    "custom_activity/",
    "custom_object_type/",
    "dialer/",
    "pipeline/",
    "sequence/",
    "sequence_subscription/",
    "sms_template/",
    "webhook/",
}
EXACT = {"blocked_phone_number/", "comment/", "comment_thread/", "outcome/", "playbook/"}


@pytest.fixture(scope="module")
def organisation() -> Emulator:
    return Emulator(Sizes(users=12, leads=5, contacts=5, activities=20, comments=5, sequence_subscriptions=5), now=NOW)


@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_every_list_names_where_it_is_documented(path: str) -> None:
    assert DECLARATIONS[path].source.startswith("https://developer.close.com/api/resources/")


@pytest.mark.parametrize("path", LISTS)
def test_records_have_the_fields_of_the_example_and_nothing_that_stands_for_something_else(path: str) -> None:
    first, second = Emulator(now=NOW).add(path, {}, {})
    example = [*DECLARATIONS[path].example]
    kinds = [key for key in first if key not in example]
    assert list(first) == [*example, *kinds]
    assert bool(kinds) is (path == "task/")
    assert not re.search(r"""[a-z]_\*"|"[@~]|#""", json.dumps([first, second]))
    key = RESOURCES[path].key
    assert first[key] != second[key]


def test_records_follow_their_example_by_the_names_of_its_fields() -> None:
    close = Emulator(Sizes(users=5), now=NOW)
    (call,) = close.add("activity/call/", {})
    assert call["user_id"] == call["created_by"] == call["updated_by"] in close.ids("user/")
    people = {row["id"]: f"{row['first_name']} {row['last_name']}" for row in close.all("user/")}
    assert call["user_name"] == call["created_by_name"] == people[call["user_id"]]
    assert call["phone"] == call["remote_phone"] != call["local_phone"]
    assert call["local_phone_formatted"].replace(" ", "").replace("-", "") == call["local_phone"]
    assert call["note_html"] == f"<p>{call['note']}</p>"
    assert len(call["note"]) == 240
    assert call["activity_at"] == call["date_created"] == "2026-03-01T12:00:00.250000+00:00"
    assert call["recording_url"] is None
    (role, thread) = close.add("role/", {})[0], close.add("comment_thread/", {})[0]
    assert role["name"] == f"Role {role['id'][-4:]}"
    assert thread["participating"][0] in people
    someone = next(user for user in people if user != close.user_id)
    (task,) = close.add("task/", {"assigned_to": someone, "date_created": "2026-01-02T03:04:05+00:00"})
    assert (task["created_by"], task["created_by_name"]) == (someone, people[someone])
    assert people[someone] != "Robin Owner"
    assert (task["date"], task["due_date"], task["date_updated"]) == ("2026-01-02", "2026-01-02", task["date_created"])
    (meeting,) = close.add("activity/meeting/", {"contact_id": "cont_1", "user_id": close.user_id})
    customer, host = meeting["attendees"]
    assert (customer["contact_id"], host["user_id"], host["name"]) == ("cont_1", close.user_id, people[close.user_id])
    assert re.fullmatch(r"customer\.\d+@example\.com", customer["email"])
    group, single = close.add("phone_number/", {}, {"user_id": someone})
    assert (group["is_group_number"], group["participants"]) == (True, [close.user_id])
    assert (single["is_group_number"], single["participants"]) == (False, [])


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_tasks_have_the_fields_of_their_type(kind: str) -> None:
    (row,) = Emulator(now=NOW).add("task/", {"_type": kind})
    (declared,) = (each for each in DECLARATIONS["task/"].rows if each["_type"] == kind)
    assert set(row) == {*DECLARATIONS["task/"].example, *declared}
    assert (row["object_id"] is None) == (kind in ("lead", "outgoing_call"))
    assert row["id"].startswith("task_" if kind == "lead" else "noti_")


def test_a_task_is_one_of_a_lead_unless_it_says_otherwise() -> None:
    close = Emulator(now=NOW)
    assert close.add("task/", {})[0].keys() == close.add("task/", {"_type": "lead"})[0].keys()


def test_activities_are_notes_unless_they_say_otherwise() -> None:
    close = Emulator(now=NOW)
    close.add("activity/", {"id": "acti_1"}, {"id": "acti_2", "_type": "SMS"})
    assert (close.ids("activity/note/"), close.ids("activity/sms/")) == ({"acti_1"}, {"acti_2"})


def test_a_list_without_rows_of_its_own_has_two_by_rule(organisation: Emulator) -> None:
    assert not DECLARATIONS["blocked_phone_number/"].rows
    one, other = organisation.all("blocked_phone_number/")
    assert one["id"] != other["id"]
    assert one.keys() == other.keys()


@pytest.mark.parametrize("ask", [Emulator.ids, Emulator.all, Emulator.add], ids=["ids", "all", "add"])
def test_an_unknown_list_is_told_with_the_file_that_wants_a_row(ask: Callable[..., object]) -> None:
    with pytest.raises(LookupError, match=r"'foo/bar/'.*close_emulator/lists/rows/foo/bar\.jsonl wants"):
        ask(Emulator(), "foo/bar/", *([{}] if ask is Emulator.add else []))


def test_another_process_hears_of_an_unknown_list_too(emulate: Emulate) -> None:
    _, client = emulate()
    told = client.send("GET", "/_emulator/ids?path=foo/")
    assert (told.status, "rows/foo.jsonl" in told.json["error"]) == (404, True)


def test_a_list_is_declared_in_one_file(tmp_path: Path) -> None:
    package = tmp_path / "close_emulator"
    shutil.copytree(Path(close_emulator.__file__).parent, package)
    (package / "lists/rows/foo.jsonl").write_text('{"source": "nowhere", "prefix": "foo", "noun": "Foo"}\n')
    asked = "from close_emulator import SMALL, Emulator; print(sorted(map(len, Emulator(SMALL).ids('foo/'))))"
    told = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "[47, 47]\n"


@pytest.mark.parametrize(
    "line",
    ['{"prefix": "foo", "noun": "Foo"}', '{"source": "nowhere"}', '{"source": "nowhere", "pages": 1}', '{"source": '],
    ids=["no source", "no prefix", "an unknown word", "no JSON"],
)
def test_a_declaration_that_cannot_be_read_is_told_with_its_file(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "ROWS", tmp_path)
    (tmp_path / "foo.jsonl").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"/foo\.jsonl cannot be read: ."):
        catalogue._read("foo/", {})


@pytest.mark.parametrize("path", sorted({*LISTS} - {"event/"}))
def test_moments_are_spelled_as_the_list_spells_them(path: str) -> None:
    (row,) = Emulator(now=NOW).add(path, {})
    spelled = {
        **dict.fromkeys(NAIVE, "2026-03-01T12:00:00.250000"),
        **dict.fromkeys(EXACT, "2026-03-01T12:00:00.250000+00:00"),
    }
    for stamp in RESOURCES[path].stamps:
        assert row[stamp] == spelled.get(path, "2026-03-01T12:00:00.250000+00:00")
    (whole,) = Emulator(now=NOW.replace(microsecond=0)).add(path, {})
    for stamp in RESOURCES[path].stamps:
        assert ("." in whole[stamp]) == (path in NAIVE | EXACT)


@pytest.mark.parametrize("path", sorted(path for path, row in RESOURCES.items() if row.listed and not row.sized))
def test_seeded_rows_are_not_all_alike(organisation: Emulator, path: str) -> None:
    rows = organisation.all(path)
    declared = DECLARATIONS[path].rows
    assert len({row[RESOURCES[path].key] for row in rows}) == len(rows) == (len(declared) or 2)
    assert all(row.keys() == rows[0].keys() for row in rows)
    told = [name for row in declared[1:] for name in row]
    assert not told or any(row[name] != rows[0][name] for row in rows for name in told)
    assert "user_me" not in json.dumps(rows)


def test_unsubscribed_emails_have_no_id(emulate: Emulate) -> None:
    close, client = emulate(Sizes(leads=1))
    rows = client.get("unsubscribe/email/").json["data"]
    assert {row["email"] for row in rows} == close.ids("unsubscribe/email/")
    assert not any("id" in row for row in rows)
    close.delete(rows[0]["email"])
    assert len(client.get("unsubscribe/email/").json["data"]) == len(rows) - 1
    (event,) = (event for event in close.all("event/") if event["object_type"] == "unsubscribed_email")
    assert event["object_id"] == rows[0]["email"]


def test_secrets_are_there_to_be_kept(organisation: Emulator) -> None:
    (mail,) = (row for row in organisation.all("connected_account/") if row["_type"] == "custom_email")
    assert mail["smtp"]["password"] != mail["imap"]["password"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", row["signature_key"]) for row in organisation.all("webhook/"))


def test_members_of_an_organisation(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=12))
    organisation = client.get(f"organization/{close.organization_id}/").json
    documented = (
        "id user_id user_email user_first_name user_last_name user_full_name user_phone role_id permissions_granted"
        " track_email_opens auto_record_calls plan_type default_caller_id hangup_recording_url is_free"
        " may_workflows_impersonate onboarding_status primary_personal_number organization_id"
    )
    for member in organisation["memberships"] + organisation["inactive_memberships"]:
        assert set(documented.split()) <= member.keys()
    (mine,) = client.get("me/").json["memberships"]
    assert mine in organisation["memberships"]
