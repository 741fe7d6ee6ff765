"""Lists that have to be asked for parent by parent, and single answers that hold rows: ids compared with ids."""

from collections.abc import Callable
from typing import Any

import pytest

from close_emulator import Emulator, faults

from .conftest import Output

Sync = Callable[..., Output]
Run = Callable[..., Output]


def subscriptions(close: Emulator, per_sequence: dict[str, int]) -> set[str]:
    """Sequences of these names with so many subscriptions each; returns the ids of the subscriptions."""
    made = set()
    for name, count in per_sequence.items():
        close.add("sequence/", {"id": name})
        rows = [{"id": f"sub_{name}_{i:04}", "sequence_id": name} for i in range(count)]
        made |= {row["id"] for row in close.add("sequence_subscription/", *rows)}
    return made


@pytest.mark.parametrize("children", [0, 1, 99, 100, 101, 199, 200, 201])
def test_page_boundaries_of_the_children(close: Emulator, sync: Sync, children: int) -> None:
    made = subscriptions(close, {"seq_a": children, "seq_b": 3})

    output = sync("sequence_subscriptions")

    assert output.ids("sequence_subscriptions") == made == close.ids("sequence_subscription/")
    assert output.twice("sequence_subscriptions") == set()


@pytest.mark.parametrize("parents", [0, 1, 99, 100, 101, 250])
def test_page_boundaries_of_the_parents(close: Emulator, sync: Sync, parents: int) -> None:
    made = subscriptions(close, {f"seq_{i:03}": 1 for i in range(parents)})

    output = sync("sequence_subscriptions")

    assert output.ids("sequence_subscriptions") == made
    assert output.twice("sequence_subscriptions") == set()
    lists = [request for request in close.requests if request.path == "sequence/"]
    assert len(lists) <= 4, "parents are not listed again for each child"


def test_children_that_vanish_while_they_are_paged(close: Emulator, sync: Sync) -> None:
    made = subscriptions(close, {"seq_a": 900})
    order = [row["id"] for row in close.all("sequence_subscription/")]
    turn = iter(order)

    def rows_vanish(request: Any) -> None:
        if request.path == "sequence_subscription/":
            for _ in range(7):
                close.delete(next(turn))

    close.on_request = rows_vanish
    output = sync("sequence_subscriptions")
    close.on_request = None

    assert close.ids("sequence_subscription/") <= output.ids("sequence_subscriptions") <= made


@pytest.mark.parametrize(
    "refusal",
    [
        faults.answer(404, {"error": "Empty query: Sequence matching query does not exist."}),
        faults.answer(400, {"errors": [], "field-errors": {"sequence_id": "Object does not exist."}}),
    ],
    ids=["404", "400"],
)
def test_a_parent_deleted_meanwhile_takes_only_its_own_children_along(
    close: Emulator, sync: Sync, refusal: faults.Fault
) -> None:
    made = subscriptions(close, {"seq_a": 5, "seq_b": 5, "seq_c": 5})

    def someone_deletes_a_sequence(request: Any) -> None:
        if request.path == "sequence_subscription/" and request.params["sequence_id"] == "seq_a":
            close.on_request = None  # the next request is that for seq_b
            close.delete("seq_b")
            close.fail(faults.once(refusal), "sequence_subscription/")

    close.on_request = someone_deletes_a_sequence
    output = sync("sequence_subscriptions", config={"num_workers": 1})

    assert output.ids("sequence_subscriptions") == {each for each in made if "seq_b" not in each}


def test_children_that_are_said_not_to_exist_while_their_parent_does_are_a_failure(close: Emulator, run: Run) -> None:
    subscriptions(close, {"seq_a": 5, "seq_b": 5})
    close.fail(faults.every(1, faults.answer(404, {"error": "Not Found"})), "sequence_subscription/")

    output = run("read", "sequence_subscriptions")

    assert output.failure
    assert "knows no /sequence_subscription/ (404)" in output.errors[0]
    assert output.statuses == {"sequence_subscriptions": "INCOMPLETE"}


def test_one_parent_that_fails_for_good_fails_its_stream_and_no_other(close: Emulator, run: Run) -> None:
    subscriptions(close, {"seq_a": 5})
    close.add("user/", {"id": "user_a"})
    close.fail(faults.every(1, faults.server_error(500)), "sequence_subscription/")

    output = run("read", "sequence_subscriptions", "users")

    assert output.failure
    assert output.statuses == {"sequence_subscriptions": "INCOMPLETE", "users": "COMPLETE"}
    assert "user_a" in output.ids("users")


@pytest.mark.parametrize("path", ["sequence/", "sequence_subscription/"])
def test_a_stream_whose_parents_or_children_are_refused_is_left_out(
    close: Emulator, sync: Sync, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    subscriptions(close, {"seq_a": 5, "seq_b": 5})
    close.behaviour.refused = {path: 402}

    output = sync("sequence_subscriptions")

    assert output.records("sequence_subscriptions") == []
    assert caplog.text.count("Stream sequence_subscriptions is left out") == 1
    assert f"/{path} (402)" in caplog.text


def test_members_who_left_are_members_too(close: Emulator, sync: Sync) -> None:
    close.add("user/", {"id": "user_here"}, {"id": "user_gone", "organizations": []})
    close.add("membership/", {"id": "memb_1", "user_id": "user_here"}, {"id": "memb_2", "user_id": "user_gone"})

    output = sync("memberships", "organizations")

    found = {row["id"]: row["found_in"] for row in output.records("memberships")}
    assert found == {"memb_1": "memberships", "memb_2": "inactive_memberships"}
    assert output.ids("organizations") == {close.organization_id}


def test_an_answer_without_the_rows_that_belong_there_is_an_error(close: Emulator, run: Run) -> None:
    close.fail(
        faults.every(1, faults.answer(200, {"id": close.organization_id, "memberships": []})),
        f"organization/{close.organization_id}/",
    )

    output = run("read", "memberships")

    assert output.failure
    assert "/organization/" in output.errors[0]
    assert "holds no list of records" in output.errors[0]


def test_rows_without_their_key_are_an_error(close: Emulator, run: Run) -> None:
    close.fail(faults.every(1, faults.answer(200, {"data": [{"name": "nameless"}]})), "outcome/")

    assert "holds no list of records" in run("read", "outcomes").errors[0]


def test_groups_come_with_their_members(close: Emulator, sync: Sync) -> None:
    close.add("group/", {"id": "group_a", "members": [{"user_id": "user_a"}, {"user_id": "user_b"}]})

    (group,) = sync("groups").records("groups")

    assert [member["user_id"] for member in group["members"]] == ["user_a", "user_b"]


def test_send_as_goes_both_ways(close: Emulator, sync: Sync) -> None:
    close.add(
        "send_as/",
        {"id": "sendas_given", "allowing_user_id": close.user_id, "allowed_user_id": "user_b"},
        {"id": "sendas_got", "allowing_user_id": "user_b", "allowed_user_id": close.user_id},
    )

    assert sync("send_as").ids("send_as") == {"sendas_given", "sendas_got"}


def test_secrets_of_accounts_and_webhooks_stay_with_close(close: Emulator, sync: Sync) -> None:
    close.add("connected_account/", {"id": "emailacct_1", "smtp": {"password": "p"}, "imap": {"password": "p"}})
    close.add("webhook/", {"id": "whsub_1", "signature_key": "k"})

    output = sync("connected_accounts", "webhooks")

    (account,), (webhook,) = output.records("connected_accounts"), output.records("webhooks")
    assert account["id"] == "emailacct_1"
    assert not {"smtp", "imap"} & set(account)
    assert webhook["id"] == "whsub_1"
    assert "signature_key" not in webhook


def test_smart_views_of_all_types_are_asked_for_and_of_two_where_close_knows_no_more(
    close: Emulator, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    close.add("saved_search/", {"id": "save_1", "type": "lead"}, {"id": "save_2", "type": "opportunity"})
    assert sync("smart_views").ids("smart_views") == {"save_1", "save_2"}

    refusal = faults.answer(400, {"errors": [], "field-errors": {"type__in": "Input should be 'lead' or 'contact'"}})
    close.fail(faults.once(refusal), "saved_search/")
    output = sync("smart_views")

    assert "save_1" in output.ids("smart_views")
    assert close.requests[-1].params["type__in"] == "lead,contact"
    assert "Stream smart_views is read through /saved_search/" in caplog.text
