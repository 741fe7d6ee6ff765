"""Lists: paging, caps, filters, orders, fields and envelopes."""

from datetime import datetime, timezone

import pytest

from close_emulator import Behaviour, Sizes
from unit_tests.emulator.conftest import Emulate, Records


def test_pages_follow_each_other(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 5))
    first = client.get("lead/", _limit=3)
    second = client.get("lead/", _limit=3, _skip=3)
    assert first.json["has_more"] is True
    assert first.json["total_results"] == 5
    assert second.json["has_more"] is False
    assert first.ids + second.ids == [f"lead_00{number}" for number in range(5)]


def test_default_limit_is_a_hundred(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("contact/", *records("cont", 101))
    assert len(client.get("contact/").ids) == 100


@pytest.mark.parametrize(
    ("path", "cap"),
    [("lead/", 200), ("contact/", 100), ("opportunity/", 250), ("activity/call/", 100), ("task/", 1000)],
)
def test_limit_caps(emulate: Emulate, path: str, cap: int) -> None:
    _, client = emulate()
    assert client.get(path, _limit=cap).status == 200
    refused = client.get(path, _limit=cap + 1)
    assert refused.status == 400
    assert refused.json == {
        "errors": [],
        "field-errors": {"_limit": f"Input should be less than or equal to {cap}"},
    }


def test_skip_caps_in_both_dialects(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(skip_caps={"contact/": 10}))
    assert client.get("lead/", _skip=35_000).status == 200
    assert "35000" in client.get("lead/", _skip=35_001).json["field-errors"]["_skip"]
    assert client.get("contact/", _skip=11).status == 400
    close.behaviour.cap_error = "old"
    assert "(max_skip = 35000)" in client.get("lead/", _skip=35_001).json["error"]
    close.behaviour.skip_cap = 5
    assert client.get("user/", _skip=6).status == 400


def test_activities_come_newest_first_and_under_both_paths(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("activity/call/", *records("acti", 3))
    close.add("activity/", {"_type": "Email", "id": "acti_e", "date_created": "2026-01-02T00:00:00+00:00"})
    assert client.get("activity/").ids == ["acti_e", "acti_002", "acti_001", "acti_000"]
    assert client.get("activity/call/", _order_by="date_created").ids == ["acti_002", "acti_001", "acti_000"]
    assert client.get("activity/email/").ids == ["acti_e"]
    assert close.ids("activity/") == {"acti_e", "acti_000", "acti_001", "acti_002"}


def test_activity_dates_are_cut_to_seconds(emulate: Emulate) -> None:
    close, client = emulate()
    for number, fraction in enumerate(("", ".400000", ".900000")):
        close.add("activity/note/", {"id": f"acti_{number}", "date_created": f"2026-01-01T00:00:05{fraction}+00:00"})
    assert client.get("activity/note/", date_created__gt="2026-01-01T00:00:05+00:00").ids == []
    assert len(client.get("activity/note/", date_created__gte="2026-01-01T00:00:05.950+00:00").ids) == 3
    assert len(client.get("activity/note/", date_created__lte="2026-01-01T00:00:05Z").ids) == 3
    assert client.get("activity/note/", date_created__lt="2026-01-01T00:00:05.999Z").ids == []


def test_activity_filters_that_need_a_lead(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("activity/call/", *records("acti", 2, lead_id="lead_a", user_id="user_a"))
    close.add("activity/call/", {"id": "acti_b", "lead_id": "lead_b"})
    assert client.get("activity/", user_id="user_a").status == 400
    assert client.get("activity/call/", _type="Call").status == 400
    assert client.get("activity/", lead_id="lead_a", user_id="user_a").ids == ["acti_001", "acti_000"]
    assert set(client.get("activity/", id__in="acti_b,acti_000").ids) == {"acti_b", "acti_000"}


def test_activity_at_orders_only_one_lead(emulate: Emulate) -> None:
    close, client = emulate()
    close.add(
        "activity/meeting/",
        {
            "id": "acti_1",
            "lead_id": "lead_a",
            "date_created": "2026-01-02T00:00:00Z",
            "activity_at": "2025-01-01T00:00:00Z",
        },
        {
            "id": "acti_2",
            "lead_id": "lead_a",
            "date_created": "2026-01-01T00:00:00Z",
            "activity_at": "2027-01-01T00:00:00Z",
        },
    )
    assert client.get("activity/", _order_by="-activity_at").ids == ["acti_1", "acti_2"]
    assert client.get("activity/", _order_by="-activity_at", lead_id="lead_a").ids == ["acti_2", "acti_1"]
    later = {"_order_by": "-activity_at", "lead_id": "lead_a", "activity_at__gt": "2026-01-01"}
    assert client.get("activity/", **later).ids == ["acti_2"]


def test_opportunities_sort_and_filter_by_date_updated(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("opportunity/", *records("oppo", 4))
    found = client.get(
        "opportunity/",
        _order_by="date_updated",
        date_updated__gte="2026-01-01T00:00:01+00:00",
        date_updated__lt="2026-01-01T00:00:03+00:00",
    )
    assert found.ids == ["oppo_001", "oppo_002"]
    assert found.json["total_results"] == 2
    assert found.json["count_by_value_period"] == {"one_time": 2}


def test_task_types_and_orders(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("task/", *records("task", 2))
    close.add("task/", {"id": "noti_1", "_type": "missed_call", "date_created": "2026-01-03T00:00:00Z"})
    assert client.get("task/").ids == ["task_001", "task_000"]
    assert client.get("task/", _type="all").ids == ["noti_1", "task_001", "task_000"]
    assert client.get("task/", _type__in="missed_call").ids == ["noti_1"]
    assert client.get("task/", _order_by="date_created").ids == ["task_000", "task_001"]
    assert client.get("task/", _order_by="date_updated").ids == ["task_001", "task_000"]
    assert client.get("task/", date_updated__gt="2026-01-01T00:00:00+00:00").ids == ["task_001"]


def test_task_views(emulate: Emulate) -> None:
    close, client = emulate(now=datetime(2026, 1, 10, tzinfo=timezone.utc))
    close.add(
        "task/",
        {"id": "task_old", "date": "2026-01-09"},
        {"id": "task_new", "date": "2026-01-11"},
        {"id": "task_done", "date": "2026-01-09", "is_complete": True},
    )
    assert client.get("task/", view="inbox").ids == ["task_old"]
    assert client.get("task/", view="future").ids == ["task_new"]
    assert client.get("task/", view="archive", is_complete="true").ids == ["task_done"]


def test_lists_without_has_more_and_lists_that_need_a_parameter(emulate: Emulate) -> None:
    _, client = emulate(Sizes(leads=1))
    assert set(client.get("pipeline/").json) == {"data"}
    assert set(client.get("status/lead/").json) == {"has_more", "data"}
    assert client.get("custom_object/").status == 400
    assert client.get("sequence_subscription/").status == 400
    assert client.get("custom_object/", lead_id="lead_x").ids == []


def test_fields_are_picked(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("custom_field/lead/", {"id": "cf_1", "name": "Size"})
    close.add("lead/", {"id": "lead_1", "custom.cf_1": "XL", "custom.cf_2": ["a", {"b": 1}]})
    assert client.get("lead/", _fields="id,name,nonsense").json["data"][0].keys() == {"id", "name"}
    picked = client.get("lead/", _fields="id,custom").json["data"][0]
    assert picked["custom.cf_1"] == "XL"
    assert picked["custom"] == {"Size": "XL", "cf_2": ["a", {"b": 1}]}
    assert client.get("lead/lead_1/", _fields="custom.cf_2").json == {"custom.cf_2": ["a", {"b": 1}]}


def test_lead_rows_carry_both_kinds_of_custom_fields(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("lead/", {"id": "lead_1", "custom.cf_1": 5})
    assert client.get("lead/").json["data"][0]["custom"] == {"cf_1": 5}
    close.behaviour.lead_custom_dict = False
    assert "custom" not in client.get("lead/").json["data"][0]


def test_method_override_carries_long_filters(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("activity/call/", *records("acti", 3))
    body = {"_params": {"id__in": ["acti_000", "acti_002"], "_limit": 50}}
    assert client.post("activity/call/", body, {"x-http-method-override": "GET"}).ids == ["acti_002", "acti_000"]
    assert client.post("activity/call/", body).status == 405


def test_zone_of_naive_filters(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("task/", {"id": "task_1", "date_created": "2026-01-01T12:00:00+00:00"})
    naive = {"date_created__gte": "2026-01-01T13:00:00"}
    assert client.get("task/", **naive).ids == []
    assert client.get("task/", {"x-tz-offset": "2"}, **naive).ids == ["task_1"]
    assert client.get("task/", date_created__gte="yesterday").status == 400


def test_unstable_ties_come_in_another_order_but_nothing_else_moves(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(unstable_ties=True))
    tied = [{"id": f"cont_{number}", "date_created": "2026-01-01T00:00:00Z"} for number in range(30)]
    close.add("contact/", {"id": "cont_first", "date_created": "2026-01-02T00:00:00Z"}, *tied)
    orders = {tuple(client.get("contact/").ids) for _ in range(4)}
    assert len(orders) > 1
    assert all(order[0] == "cont_first" and len(set(order)) == 31 for order in orders)


def test_lies_about_has_more_are_told_once(emulate: Emulate, records: Records) -> None:
    close, client = emulate(behaviour=Behaviour(has_more_lies=["true_on_last", "false_on_full"]))
    close.add("lead/", *records("lead", 3))
    assert [client.get("lead/", _limit=2).json["has_more"] for _ in range(2)] == [False, True]
    assert [client.get("lead/", _skip=2).json["has_more"] for _ in range(2)] == [True, False]


def test_index_lag_shows_the_old_state(emulate: Emulate) -> None:
    close, client = emulate(now=datetime(2026, 1, 1, tzinfo=timezone.utc))
    close.add("contact/", {"id": "cont_1", "name": "old"}, {"id": "cont_2"})
    close.behaviour.index_lag = 30
    close.edit("cont_1", name="new")
    close.delete("cont_2")
    close.add("contact/", {"id": "cont_3"})
    assert set(client.get("contact/").ids) == {"cont_1", "cont_2"}
    assert client.get("contact/cont_1/").json["name"] == "new"
    assert client.get("contact/cont_2/").status == 404
    assert client.get("event/", object_type="contact", action="deleted").json["data"][0]["object_id"] == "cont_2"
    close.now = datetime(2026, 1, 1, 0, 0, 31, tzinfo=timezone.utc)
    rows = {row["id"]: row["name"] for row in client.get("contact/").json["data"]}
    assert rows.keys() == {"cont_1", "cont_3"}
    assert rows["cont_1"] == "new"
