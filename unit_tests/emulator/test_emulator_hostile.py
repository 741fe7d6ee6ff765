"""A Close that behaves otherwise than one would wish: each switch, over HTTP."""

from datetime import datetime, timedelta, timezone

import pytest

from close_emulator import Behaviour, Sizes, faults
from close_emulator.behaviour import Cursors
from close_emulator.lists.catalogue import RESOURCES
from unit_tests.emulator.conftest import Client, Emulate, Records, Reply
from unit_tests.emulator.searches import chain, condition, search, term

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
ORDERED = sorted(path for path, row in RESOURCES.items() if row.order and row.listed and path != "event/")
PAGED = sorted(
    path for path, row in RESOURCES.items() if row.listed and row.paged and not row.needs and path != "event/"
)
ADDED = {"activity/": "activity/note/"}
"""Where records of a list are added, if not under its own path."""


def tied(path: str, count: int) -> list[dict[str, object]]:
    """Records of one moment, and for playbooks of one position."""
    moment = "2026-01-01T00:00:00+00:00"
    stamps = dict.fromkeys(RESOURCES[path].stamps, moment)
    return [{"id": f"{path[:2]}_{number:03}", **stamps, "position": 1} for number in range(count)]


def walk(client: Client, path: str, limit: int, **params: object) -> list[list[str]]:
    """The pages of a list by `_limit` and `_skip`, until one is not full and says that nothing follows."""
    pages: list[Reply] = []
    while not pages or pages[-1].json["has_more"]:
        pages.append(client.get(path, _limit=limit, _skip=limit * len(pages), **params))
    return [page.ids for page in pages]


def at(seconds: float) -> str:
    """A moment so many seconds after `NOW` as Close writes it."""
    return (NOW + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("path", ORDERED)
def test_rows_of_one_sort_key_are_dealt_anew_in_each_request_of_every_list_that_has_an_order(
    emulate: Emulate, path: str
) -> None:
    close, client = emulate(behaviour=Behaviour(unstable_ties=True))
    held = {row["id"] for row in close.add(ADDED.get(path, path), *tied(path, 40))}
    pages = walk(client, path, 10)
    assert [len(page) for page in pages] == [10, 10, 10, 10]
    assert {row for page in pages for row in page} < held  # some twice, so others never
    close.behaviour.unstable_ties = False
    assert {row for page in walk(client, path, 10) for row in page} == held


def test_rows_of_one_sort_key_are_dealt_anew_in_each_request_of_a_search(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(unstable_ties=True))
    held = {row["id"] for row in close.add("lead/", *tied("lead/", 40))}
    body = search("lead", sort=("date_updated", "date_created"), _limit=10)
    assert {row for page in chain(client, body) for row in page} < held


def test_a_late_index_with_rows_as_now_finds_sorts_and_filters_by_what_they_were(
    emulate: Emulate, records: Records
) -> None:
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


def test_a_late_index_with_rows_as_now_in_a_search(emulate: Emulate, records: Records) -> None:
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
def test_hidden_rows_count_and_are_not_shown(emulate: Emulate, records: Records, path: str) -> None:
    close, client = emulate()
    added = ADDED.get(path, path)
    close.add(added, *records(RESOURCES[added].prefix, 9))
    seen = walk(client, path, 3)
    close.behaviour.hidden = {seen[0][1], *seen[1]}
    assert walk(client, path, 3) == [[seen[0][0], seen[0][2]], [], seen[2]]


def test_hidden_rows_count_in_totals_of_lists_and_in_searches_and_in_the_event_log(
    emulate: Emulate, records: Records
) -> None:
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
def test_a_search_cursor_is_a_position_in_the_order_as_it_is_or_a_key(
    emulate: Emulate, cursors: Cursors, second: list[int]
) -> None:
    close, client = emulate(behaviour=Behaviour(search_cursors=cursors))
    rows = [row["id"] for row in close.add("lead/", *tied("lead/", 7))]
    body = search("lead", sort=("date_updated", "date_created"), _limit=2)
    first = client.post("data/search/", body).json
    assert [row["id"] for row in first["data"]] == rows[:2]
    close.delete(rows[0])  # those behind it move up by one
    following = client.post("data/search/", {**body, "_limit": 3, "cursor": first["cursor"]})
    assert following.ids == [rows[number] for number in second]


def test_keys_lead_through_any_order_once_and_stay_where_their_row_was(emulate: Emulate, records: Records) -> None:
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
def test_a_chain_at_its_cap_ends_with_a_refusal_or_with_null(
    emulate: Emulate, records: Records, cursors: Cursors
) -> None:
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


def test_the_sort_of_a_search_can_be_ignored(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("lead/", *({"id": f"lead_{number}", "name": name} for number, name in enumerate("bca")))
    body = search("lead", sort=("name",))
    assert client.post("data/search/", body).ids == ["lead_2", "lead_0", "lead_1"]
    close.behaviour.search_sorts = False
    assert client.post("data/search/", body).ids == ["lead_0", "lead_1", "lead_2"]


def test_custom_fields_of_a_search_can_come_by_name(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(search_custom="named"))
    close.add("custom_field/contact/", {"id": "cf_1", "name": "Size"})
    close.add("custom_field/shared/", {"id": "cf_2", "name": "Tags"})
    close.add("contact/", {"id": "cont_1", "custom.cf_1": "XL", "custom.cf_2": ["a"], "custom.cf_gone": 1})
    (row,) = client.post("data/search/", search("contact", fields=["id", "custom"])).json["data"]
    assert row.keys() == {"__object_type", "id", "custom"}
    assert row["custom"] == {"Size": "XL", "Tags": ["a"], "cf_gone": 1}
    (row,) = client.post("data/search/", search("contact", fields=["custom.cf_1", "id"])).json["data"]
    assert row == {"__object_type": "contact", "custom.cf_1": "XL", "id": "cont_1"}


@pytest.mark.parametrize("path", PAGED)
def test_the_page_cap_of_every_list_can_be_lowered_while_it_is_walked(emulate: Emulate, path: str) -> None:
    close, client = emulate()
    cap = RESOURCES[path].limit_cap
    assert client.get(path, _limit=cap).status == 200
    close.behaviour.limit_caps = {path: 7}
    refused = client.get(path, _limit=cap, _skip=cap)
    assert refused.json == {"errors": [], "field-errors": {"_limit": "Input should be less than or equal to 7"}}
    added = ADDED.get(path, path)
    kind = {"type": "lead"} if path == "saved_search/" else {}
    rows = [row[RESOURCES[path].key] for row in close.add(added, *({**kind, "n": n} for n in range(9)))]
    assert sorted(map(len, walk(client, path, 7))) == [2, 7]
    assert len(client.get(path).ids) == 7 < len(rows)  # the cap is the default too


def test_the_page_cap_of_search_can_be_lowered_while_it_is_walked(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 9))
    cursor = client.post("data/search/", search("lead", _limit=4)).json["cursor"]
    close.behaviour.limit_caps = {"data/search/": 3}
    refused = client.post("data/search/", {**search("lead", _limit=4), "cursor": cursor})
    assert refused.json["field-errors"] == {"_limit": "Input should be less than or equal to 3"}
    rest = client.post("data/search/", {**search("lead", _limit=3), "cursor": cursor})
    assert rest.ids == ["lead_004", "lead_005", "lead_006"]


def test_the_event_log_clamps_a_limit_above_its_cap_or_refuses_it(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", *({"id": f"ev_{number}"} for number in range(9)))
    close.behaviour.limit_caps = {"event/": 4}
    assert client.get("event/", _limit=50).ids == ["ev_8", "ev_7", "ev_6", "ev_5"]
    close.behaviour.event_limit = "refused"
    refused = client.get("event/", _limit=5)
    assert (refused.status, refused.json["field-errors"].keys()) == (400, {"_limit"})
    assert len(client.get("event/", _limit=4).ids) == len(client.get("event/").ids) == 4


def test_lists_can_say_always_or_never_that_more_follows(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 3))
    for said in (True, False):
        close.behaviour.has_more_always = said
        assert [client.get("lead/", _limit=2, _skip=skip).json["has_more"] for skip in (0, 2, 90)] == [said] * 3
        assert client.get("role/").json["has_more"] is said
    close.behaviour.has_more_always = None
    assert [client.get("lead/", _limit=2, _skip=skip).json["has_more"] for skip in (0, 2, 90)] == [True, False, False]


def test_one_parent_is_refused_and_the_others_are_not(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=2))
    close.behaviour.refused_parents = {"gone": 403, close.organization_id: 402}
    close.add("comment/", {"id": "comm_1", "thread_id": "kept"})
    refused = client.get("comment/", thread_id="gone")
    assert (refused.status, refused.json) == (403, {"error": "Refused: gone"})
    assert client.get("comment/", thread_id="kept").ids == ["comm_1"]
    assert client.get("activity/", lead_id="gone").status == 403
    assert client.get("activity/", id__in="kept,gone").status == 403
    assert client.get("activity/", id__in="kept").status == 200
    assert client.get(f"organization/{close.organization_id}/").status == 402
    for path, kind in (("group/{}/", "group/"), ("custom_field_schema/activity/{}/", "custom_activity/")):
        (row,) = close.add(kind, {})
        assert client.get(path.format(row["id"])).status == 200
        close.behaviour.refused_parents[row["id"]] = 404
        assert client.get(path.format(row["id"])).json == {"error": f"Refused: {row['id']}"}
    of_type = term("custom_object", "custom_object_type_id", "gone")
    assert client.post("data/search/", search("custom_object", of_type)).status == 403
    by_post = {"_params": {"thread_id": "gone"}}
    assert client.post("comment/", by_post, {"x-http-method-override": "GET"}).status == 403


@pytest.mark.parametrize("status", [403, 402, 400, 503])
def test_a_firewall_answers_with_a_page_in_the_place_of_close(emulate: Emulate, status: int) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.firewall(status)), "lead/")
    page = client.get("lead/")
    assert page.status == status
    assert page.headers["content-type"].startswith("text/html")
    assert page.raw.startswith(b"<!doctype html>")
    assert client.get("lead/").status == 200
    close.fail(faults.once(faults.firewall()))
    assert client.get("lead/").status == 403


def test_cursors_of_the_event_log_expire_by_the_clock_in_either_wording(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    close.add("event/", *({"id": f"ev_{number}"} for number in range(4)))
    cursor = client.get("event/", _limit=2).json["cursor_next"]
    close.now = NOW + timedelta(seconds=30)
    assert client.get("event/", _limit=2, _cursor=cursor).ids == ["ev_1", "ev_0"]
    close.now = NOW + timedelta(seconds=31)
    expired = client.get("event/", _limit=2, _cursor=cursor)
    assert (expired.status, expired.json) == (400, {"field-errors": {"_cursor": "Expired cursor"}})
    close.behaviour.expired_event_cursor = "error"
    expired = client.get("event/", _limit=2, _cursor=cursor)
    assert (expired.status, expired.json) == (400, {"error": "Invalid cursor."})
    close.behaviour.cursor_lifetime = 0
    fresh = client.get("event/", _limit=2).json["cursor_next"]
    assert client.get("event/", _limit=2, _cursor=fresh).status == 400
