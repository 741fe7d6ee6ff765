"""Changes that are seen late: events, and rows that are gone."""

from datetime import datetime, timedelta, timezone

from close_emulator import Behaviour
from unit_tests.emulator.conftest import Client, Emulate
from unit_tests.emulator.searches import search

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def shown(client: Client, path: str, *ids: str) -> list[list[str]]:
    """Which of the ids are served: by the list, by the list asked for ids, by a search, and each by its own path."""
    own = [row_id for row_id in ids if client.get(f"{path}{row_id}/").status == 200]
    searched = client.post("data/search/", search(path.rstrip("/"))).ids
    asked = client.get(path, id__in=",".join(ids)).ids
    return [sorted(found) for found in (client.get(path).ids, asked, searched, own)]


def test_an_event_is_seen_when_its_time_has_come_and_never_when_none_passes(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(event_lag=60))
    close.add("lead/", {"id": "lead_a"}, log=True)
    close.now = later(59)
    close.edit("lead_a", name="x")
    assert client.get("event/").ids == []
    close.now = later(60)
    assert [event["action"] for event in client.get("event/").json["data"]] == ["created"]
    assert client.get("event/", object_type="lead", action="updated").ids == []
    close.behaviour.event_lag = 0
    assert [event["action"] for event in client.get("event/").json["data"]] == ["updated", "created"]


def test_an_event_that_goes_on_is_seen_as_it_was_until_its_time_has_come(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(event_consolidation=600, event_lag=60))
    close.add("lead/", {"id": "lead_a", "name": "one"})
    close.edit("lead_a", name="two")
    close.now = later(60)
    close.edit("lead_a", name="three")
    (before,) = client.get("event/").json["data"]
    close.now = later(120)
    (after,) = client.get("event/").json["data"]
    assert (before["id"], before["data"]["name"]) == (after["id"], "two")
    assert (after["data"]["name"], after["previous_data"]["name"]) == ("three", "one")
    assert before["date_updated"] < after["date_updated"]


def test_events_can_be_seen_out_of_order_and_none_is_lost_or_goes_back(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(event_lag=60, event_order="mixed", event_consolidation=600))
    close.add("lead/", *({"id": f"lead_{number}"} for number in range(40)))
    for number in range(40):
        close.edit(f"lead_{number}", name="x")
    seen: list[str] = []
    versions: dict[str, str] = {}
    for second in range(0, 100, 2):
        close.now = later(second)
        if second == 20:
            for number in range(40):
                close.edit(f"lead_{number}", name="y")
        for event in client.get("event/").json["data"]:
            assert versions.get(event["object_id"], "") <= event["data"]["name"]
            versions[event["object_id"]] = event["data"]["name"]
            if event["object_id"] not in seen:
                seen.append(event["object_id"])
    assert set(versions.items()) == {(f"lead_{number}", "y") for number in range(40)}
    assert [int(row_id[5:]) for row_id in seen] not in (list(range(40)), list(range(39, -1, -1)))
    assert len(seen) == 40


def test_a_row_is_served_for_a_while_after_its_delete_everywhere(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(delete_lag=10))
    close.add("lead/", {"id": "lead_a"}, {"id": "lead_b"})
    close.delete("lead_a")
    assert close.ids("lead/") == {"lead_b"}
    assert [event["action"] for event in client.get("event/").json["data"]] == ["deleted"]
    close.now = later(9)
    assert shown(client, "lead/", "lead_a", "lead_b") == [["lead_a", "lead_b"]] * 4
    close.behaviour.index_rows = "now"
    assert shown(client, "lead/", "lead_a", "lead_b") == [["lead_a", "lead_b"]] * 4
    close.now = later(10)
    assert shown(client, "lead/", "lead_a", "lead_b") == [["lead_b"]] * 4


def test_lists_and_search_serve_a_deleted_row_longer_than_its_path_where_the_index_is_late(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(delete_lag=10))
    close.add("lead/", {"id": "lead_a"})
    close.behaviour.index_lag = 30
    close.delete("lead_a")
    close.now = later(29)
    assert shown(client, "lead/", "lead_a") == [["lead_a"], ["lead_a"], ["lead_a"], []]
    close.now = later(30)
    assert shown(client, "lead/", "lead_a") == [[], [], [], []]


def test_an_id_that_comes_again_while_its_old_row_is_served_stays(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(delete_lag=10))
    (lead,) = close.add("lead/", {"id": "lead_a", "name": "old"})
    close.delete("lead_a")
    close.now = later(5)
    close.add("lead/", {**lead, "name": "new"}, log=True)
    for second in (5, 10, 20):
        close.now = later(second)
        assert shown(client, "lead/", "lead_a") == [["lead_a"]] * 4
        assert client.get("lead/lead_a/").json["name"] == "new"
        assert [row["name"] for row in client.get("lead/").json["data"]] == ["new"]


def test_no_row_comes_back_when_the_index_is_late_no_more(emulate: Emulate) -> None:
    close, client = emulate(now=NOW, behaviour=Behaviour(index_lag=60))
    close.add("lead/", {"id": "lead_a"})
    close.edit("lead_a", name="x")
    close.behaviour.index_lag = 0
    close.delete("lead_a")
    assert shown(client, "lead/", "lead_a") == [[], [], [], []]
    close.now = later(100)
    assert shown(client, "lead/", "lead_a") == [[], [], [], []]
