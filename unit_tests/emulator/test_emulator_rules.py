"""What single lists demand, hide and leave out."""

from typing import Any

import pytest

from close_emulator import Behaviour, Sizes
from unit_tests.emulator.conftest import Emulate, Records, Reply


def refusal(reply: Reply) -> Any:
    assert reply.status == 400
    return reply.json.get("field-errors") or reply.json["error"]


def test_lists_that_are_not_paged_give_everything_and_ignore_paging(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("role/", *records("role", 120))
    close.add("webhook/", *records("whsub", 3))
    assert len(client.get("role/", _limit=2, _skip=100).ids) == 120
    assert client.get("webhook/", _limit="many", _skip=1).json.keys() == {"has_more", "data"}
    assert len(client.get("webhook/", _limit="many", _skip=1).ids) == 3
    assert client.get("webhook/", _limit=1).json["has_more"] is False


def test_smart_views_are_of_leads_unless_another_type_is_asked_for(emulate: Emulate) -> None:
    close, client = emulate()
    types = ("lead", "contact", "opportunity", "call")
    close.add("saved_search/", *({"id": f"save_{kind}", "type": kind} for kind in types))
    assert client.get("saved_search/").ids == ["save_lead"]
    assert client.get("saved_search/", type="contact").ids == ["save_contact"]
    assert client.get("saved_search/", type__in="lead,call").ids == ["save_lead", "save_call"]
    assert "'whatsapp_message'" in refusal(client.get("saved_search/", type="all"))["type"]
    assert refusal(client.get("saved_search/", type__in="lead,all")).keys() == {"type"}


def test_send_as_shows_only_what_the_user_takes_part_in(emulate: Emulate) -> None:
    close, client = emulate()
    me = close.user_id
    close.add(
        "send_as/",
        {"id": "sdas_1", "allowing_user_id": me, "allowed_user_id": "user_a"},
        {"id": "sdas_2", "allowing_user_id": "user_a", "allowed_user_id": me},
        {"id": "sdas_3", "allowing_user_id": "user_a", "allowed_user_id": "user_b"},
    )
    assert client.get("send_as/").ids == ["sdas_1"]
    assert client.get("send_as/", allowing_user_id=me).ids == ["sdas_1"]
    assert client.get("send_as/", allowed_user_id=me).ids == ["sdas_2"]
    assert client.get("send_as/", allowing_user_id=me, allowed_user_id="user_b").ids == []
    assert "own user ID" in refusal(client.get("send_as/", allowed_user_id="user_b"))["allowing_user_id"]


def test_comments_need_a_thread_or_an_object_and_not_both(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("comment_thread/", {"id": "comthr_1", "object_id": "acti_1"}, {"id": "comthr_2", "object_id": "acti_2"})
    close.add("comment/", {"id": "comm_1", "thread_id": "comthr_1"}, {"id": "comm_2", "thread_id": "comthr_2"})
    assert client.get("comment/", thread_id="comthr_1").ids == ["comm_1"]
    assert client.get("comment/", object_id="acti_2").ids == ["comm_2"]
    assert client.get("comment/", object_id="acti_3").ids == []
    assert "At least one" in refusal(client.get("comment/"))
    assert "Only one" in refusal(client.get("comment/", thread_id="comthr_1", object_id="acti_1"))


def test_subscriptions_need_one_of_their_parents(emulate: Emulate) -> None:
    close, client = emulate()
    close.add(
        "sequence_subscription/",
        {"id": "sub_1", "sequence_id": "seq_1", "contact_id": "cont_1", "lead_id": "lead_1"},
        {"id": "sub_2", "sequence_id": "seq_1", "contact_id": "cont_2", "lead_id": "lead_1"},
    )
    assert client.get("sequence_subscription/", sequence_id="seq_1", _limit=1, _skip=1).ids == ["sub_2"]
    assert client.get("sequence_subscription/", contact_id="cont_1").ids == ["sub_1"]
    assert client.get("sequence_subscription/", lead_id="lead_1", contact_id="cont_2").ids == ["sub_2"]
    assert "At least one" in refusal(client.get("sequence_subscription/", _limit=1))


@pytest.mark.parametrize(
    ("path", "name"), [("sequence_subscription/", "sequence_id"), ("comment/", "thread_id"), ("comment/", "object_id")]
)
def test_children_of_an_unknown_parent(emulate: Emulate, path: str, name: str) -> None:
    close, client = emulate()
    close.add("sequence/", {"id": "known"})
    assert client.get(path, **{name: "gone"}).ids == []
    close.behaviour.missing_parent = "404"
    assert client.get(path, **{name: "gone"}).status == 404
    close.behaviour.missing_parent = "400"
    gone = client.get(path, **{name: "gone"})
    assert gone.json == {"errors": [], "field-errors": {name: "Object does not exist."}}
    assert client.get(path, **{name: "known"}).ids == []


def test_groups_tell_what_is_named_and_members_one_by_one(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("group/", {"id": "group_1", "name": "Sales", "members": [{"user_id": "user_1"}]})
    assert client.get("group/").json == {"has_more": False, "data": [{"id": "group_1"}]}
    assert client.get("group/", _fields="id,name,members").json["data"] == [{"id": "group_1", "name": "Sales"}]
    assert client.get("group/group_1/").json == {"id": "group_1"}
    single = client.get("group/group_1/", _fields="name,members").json
    assert single == {"name": "Sales", "members": [{"user_id": "user_1"}]}
    close.delete("group_1")
    assert client.get("group/group_1/", _fields="members").status == 404


def test_playbooks_come_by_position_archived_ones_too(emulate: Emulate) -> None:
    close, client = emulate()
    close.add(
        "playbook/",
        {"id": "convtyp_2", "position": 2},
        {"id": "convtyp_1", "position": 1},
        {"id": "convtyp_old", "position": None, "archived_at": "2026-01-01T00:00:00.000000+00:00"},
    )
    assert client.get("playbook/").ids == ["convtyp_old", "convtyp_1", "convtyp_2"]
    assert client.get("playbook/", is_archived="true").ids == ["convtyp_old"]
    assert client.get("playbook/", is_archived="false").ids == ["convtyp_1", "convtyp_2"]


def test_email_templates_come_archived_or_not_unless_asked(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("email_template/", {"id": "tmpl_1"}, {"id": "tmpl_2", "is_archived": True})
    assert client.get("email_template/").ids == ["tmpl_1", "tmpl_2"]
    assert client.get("email_template/", is_archived="false").ids == ["tmpl_1"]


def test_memberships_come_only_with_the_organisation(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=11))
    assert client.get("membership/").status == client.get("organization/").status == 405
    organisation = client.get(f"organization/{close.organization_id}/").json
    members = organisation["memberships"] + organisation["inactive_memberships"]
    assert {member["id"] for member in members} == close.ids("membership/")
    assert len(organisation["inactive_memberships"]) == 1
    member = members[0]["id"]
    assert client.get(f"membership/{member}/").status == 405
    pinned = client.get(f"membership/{member}/pinned_views/").json["saved_view_ids"]
    assert len(pinned) == 3
    assert set(pinned) < close.ids("saved_search/")
    assert client.get("membership/memb_gone/pinned_views/").status == 404
    assert client.get("organization/orga_gone/").status == 404


def test_availability_is_told_for_each_member_on_each_device(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=12, leads=3, activities=20))
    rows = client.get("user/availability/", _limit=1).json["data"]
    assert {row["user_id"] for row in rows} == close.ids("user/availability/") < close.ids("user/")
    assert all(row.keys() == {"user_id", "availability"} for row in rows)
    devices = [device for row in rows for device in row["availability"]]
    assert {device["type"] for device in devices} == {"mobile", "native", "web"}
    assert {device["status"] for device in devices} == {"online", "offline"}
    (call,) = next(device["active_calls"] for device in devices if device["active_calls"])
    assert call["id"] in close.ids("activity/call/")
    assert call["lead"]["id"] in close.ids("lead/")


def test_metrics_of_activity_reports(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(rate_limit=100))
    answer = client.get("report/activity/metrics/").json
    assert answer.keys() == {"metrics"}
    assert {metric["key"] for metric in answer["metrics"]} == close.ids("report/activity/metrics/")
    assert all(metric.keys() == {"key", "name", "description"} for metric in answer["metrics"])
    close.behaviour.refused = {"report/activity/metrics/": 403}
    assert client.get("report/activity/metrics/").status == 403


def test_the_ids_of_every_list_are_told_to_other_processes(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=4, leads=3, contacts=3, activities=15, comments=4, sequence_subscriptions=4))
    for path in ("comment/", "sequence_subscription/", "membership/", "user/availability/", "unsubscribe/email/"):
        told = client.send("GET", f"/_emulator/ids?path={path}").json
        assert told == sorted(close.ids(path))
        assert len(told) == len(close.all(path)) > 0
