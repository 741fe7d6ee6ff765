"""A Close that behaves otherwise than one would wish: each switch, over HTTP."""

from datetime import datetime, timedelta, timezone

import pytest

from close_emulator import Behaviour
from close_emulator.catalogue import RESOURCES
from unit_tests.emulator.searches import chain, condition, search

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
ORDERED = sorted(path for path, row in RESOURCES.items() if row.order and row.listed and path != "event/")
ADDED = {"activity/": "activity/note/"}
"""Where records of a list are added, if not under its own path."""


def tied(path, count):
    """Records of one moment, and for playbooks of one position."""
    moment = "2026-01-01T00:00:00+00:00"
    stamps = dict.fromkeys(RESOURCES[path].stamps, moment)
    return [{"id": f"{path[:2]}_{number:03}", **stamps, "position": 1} for number in range(count)]


def walk(client, path, limit, **params):
    """The pages of a list by `_limit` and `_skip`, until one is not full and says that nothing follows."""
    pages = []
    while not pages or pages[-1].json["has_more"]:
        pages.append(client.get(path, _limit=limit, _skip=limit * len(pages), **params))
    return [page.ids for page in pages]


def at(seconds):
    """A moment so many seconds after `NOW` as Close writes it."""
    return (NOW + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("path", ORDERED)
def test_rows_of_one_sort_key_are_dealt_anew_in_each_request_of_every_list_that_has_an_order(emulate, path):
    close, client = emulate(behaviour=Behaviour(unstable_ties=True))
    held = {row["id"] for row in close.add(ADDED.get(path, path), *tied(path, 40))}
    pages = walk(client, path, 10)
    assert [len(page) for page in pages] == [10, 10, 10, 10]
    assert {row for page in pages for row in page} < held  # some twice, so others never
    close.behaviour.unstable_ties = False
    assert {row for page in walk(client, path, 10) for row in page} == held


def test_rows_of_one_sort_key_are_dealt_anew_in_each_request_of_a_search(emulate):
    close, client = emulate(behaviour=Behaviour(unstable_ties=True))
    held = {row["id"] for row in close.add("lead/", *tied("lead/", 40))}
    body = search("lead", sort=("date_updated", "date_created"), _limit=10)
    assert {row for page in chain(client, body) for row in page} < held


def test_a_late_index_with_rows_as_now_finds_sorts_and_filters_by_what_they_were(emulate, records):
    close, client = emulate(now=NOW)
    close.add("opportunity/", *records("oppo", 6))
    close.behaviour.index_lag, close.behaviour.index_rows = 30, "now"
    close.edit("oppo_001", note="edited")
    close.delete("oppo_003")
    old = {"_order_by": "date_updated", "date_updated__lt": at(-3600)}
    first = client.get("opportunity/", _limit=4, **old).json
    assert [row["id"] for row in first["data"]] == ["oppo_000", "oppo_001", "oppo_002"]
    assert (first["data"][1]["note"], first["data"][1]["date_updated"]) == ("edited", at(0))
    assert (first["has_more"], first["total_results"]) == (True, 6)
    assert client.get("opportunity/", _limit=4, _skip=4, **old).ids == ["oppo_004", "oppo_005"]
    close.behaviour.index_rows = "indexed"
    rows = client.get("opportunity/", _limit=4, **old).json["data"]
    assert [row["id"] for row in rows] == ["oppo_000", "oppo_001", "oppo_002", "oppo_003"]
    assert rows[1]["note"] != "edited"
    close.now = NOW + timedelta(seconds=31)
    assert client.get("opportunity/", **old).ids == ["oppo_000", "oppo_002", "oppo_004", "oppo_005"]


def test_a_late_index_with_rows_as_now_in_a_search(emulate, records):
    close, client = emulate(now=NOW)
    close.add("lead/", *records("lead", 5))
    close.behaviour.index_lag, close.behaviour.index_rows = 30, "now"
    close.edit("lead_001", name="edited")
    close.delete("lead_000")
    body = search("lead", condition("lead", "date_updated", None, at(-3600)), fields=["id", "name", "date_updated"])
    body = {**body, "_limit": 2, "include_counts": True}
    first = client.post("data/search/", body).json
    (edited,) = first["data"]
    assert (edited["id"], edited["name"], edited["date_updated"]) == ("lead_001", "edited", at(0))
    assert first["count"] == {"limited": 5, "total": 5}
    assert chain(client, body) == [["lead_001"], ["lead_002", "lead_003"], ["lead_004"]]


@pytest.mark.parametrize("path", ["lead/", "contact/", "activity/", "activity/note/", "task/", "user/", "form/"])
def test_hidden_rows_count_and_are_not_shown(emulate, records, path):
    close, client = emulate()
    added = ADDED.get(path, path)
    close.add(added, *records(RESOURCES[added].prefix, 9))
    seen = walk(client, path, 3)
    close.behaviour.hidden = {seen[0][1], *seen[1]}
    assert walk(client, path, 3) == [[seen[0][0], seen[0][2]], [], seen[2]]


def test_hidden_rows_count_in_totals_of_lists_and_in_searches_and_in_the_event_log(emulate, records):
    close, client = emulate(behaviour=Behaviour(hidden={"lead_000", "lead_001", "ev_001"}))
    close.add("lead/", *records("lead", 4))
    assert client.get("lead/").json["total_results"] == 4
    body = search("lead", _limit=2, include_counts=True)
    assert chain(client, body) == [[], ["lead_002", "lead_003"]]
    assert client.post("data/search/", body).json["count"] == {"limited": 4, "total": 4}
    now = datetime.now(timezone.utc).isoformat()
    close.add("event/", *({"id": f"ev_{number:03}", "date_updated": now} for number in range(4)))
    first = client.get("event/", _limit=3).json
    assert [row["id"] for row in first["data"]] == ["ev_003", "ev_002"]
    assert client.get("event/", _limit=3, _cursor=first["cursor_next"]).ids == ["ev_000"]


@pytest.mark.parametrize(("cursors", "second"), [("positions", [3, 4, 5]), ("keys", [2, 3, 4])])
def test_a_search_cursor_is_a_position_in_the_order_as_it_is_or_a_key(emulate, cursors, second):
    close, client = emulate(behaviour=Behaviour(search_cursors=cursors))
    rows = [row["id"] for row in close.add("lead/", *tied("lead/", 7))]
    body = search("lead", sort=("date_updated", "date_created"), _limit=2)
    first = client.post("data/search/", body).json
    assert [row["id"] for row in first["data"]] == rows[:2]
    close.delete(rows[0])  # those behind it move up by one
    following = client.post("data/search/", {**body, "_limit": 3, "cursor": first["cursor"]})
    assert following.ids == [rows[number] for number in second]


def test_keys_lead_through_any_order_once_and_stay_where_their_row_was(emulate, records):
    close, client = emulate(behaviour=Behaviour(search_cursors="keys", unstable_ties=True))
    close.add("contact/", *tied("contact/", 5), *records("cont", 5, title=None), {"id": "cont_x", "title": "Boss"})
    held = close.ids("contact/")
    for sort in (("date_updated",), ("-date_created", "title"), ("title", "-date_updated"), ()):
        pages = chain(client, search("contact", sort=sort, _limit=3))
        assert [len(page) for page in pages] == [3, 3, 3, 2]
        assert {row for page in pages for row in page} == held
    body = search("contact", sort=("title",), _limit=4)
    first = client.post("data/search/", body).json
    last = first["data"][-1]["id"]
    close.delete(last)
    second = client.post("data/search/", {**body, "cursor": first["cursor"]}).ids
    assert set(second) & {row["id"] for row in first["data"]} == set()


@pytest.mark.parametrize("cursors", ["positions", "keys"])
def test_a_chain_at_its_cap_ends_with_a_refusal_or_with_null(emulate, records, cursors):
    close, client = emulate(behaviour=Behaviour(search_chain_cap=4, search_cursors=cursors))
    close.add("lead/", *records("lead", 9))
    body = search("lead", _limit=3, include_counts=True)
    first = client.post("data/search/", body).json
    second = client.post("data/search/", {**body, "cursor": first["cursor"]}).json
    assert [row["id"] for row in second["data"]] == ["lead_003"]
    refused = client.post("data/search/", {**body, "cursor": second["cursor"]})
    assert (refused.status, refused.json["field-errors"].keys()) == (400, {"cursor"})
    close.behaviour.search_chain_end = "null"
    last = client.post("data/search/", {**body, "cursor": first["cursor"]}).json
    assert last == {**second, "cursor": None}
    assert last["count"] == {"limited": 9, "total": 9}


def test_the_sort_of_a_search_can_be_ignored(emulate):
    close, client = emulate()
    close.add("lead/", *({"id": f"lead_{number}", "name": name} for number, name in enumerate("bca")))
    body = search("lead", sort=("name",))
    assert client.post("data/search/", body).ids == ["lead_2", "lead_0", "lead_1"]
    close.behaviour.search_sorts = False
    assert client.post("data/search/", body).ids == ["lead_0", "lead_1", "lead_2"]


def test_custom_fields_of_a_search_can_come_by_name(emulate):
    close, client = emulate(behaviour=Behaviour(search_custom="named"))
    close.add("custom_field/contact/", {"id": "cf_1", "name": "Size"})
    close.add("custom_field/shared/", {"id": "cf_2", "name": "Tags"})
    close.add("contact/", {"id": "cont_1", "custom.cf_1": "XL", "custom.cf_2": ["a"], "custom.cf_gone": 1})
    (row,) = client.post("data/search/", search("contact", fields=["id", "custom"])).json["data"]
    assert row.keys() == {"__object_type", "id", "custom"}
    assert row["custom"] == {"Size": "XL", "Tags": ["a"], "cf_gone": 1}
    (row,) = client.post("data/search/", search("contact", fields=["custom.cf_1", "id"])).json["data"]
    assert row == {"__object_type": "contact", "custom.cf_1": "XL", "id": "cont_1"}
