"""Deleted rows, as targets are told of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from close_emulator import Emulator, faults
from source_closeio.endpoints import ENDPOINTS
from unit_tests.conftest import NOW

from .conftest import Output, selecting

Sync = Callable[..., Output]
HOUR = timedelta(hours=1)


@pytest.fixture
def deleted(close: Emulator) -> Callable[..., None]:
    def deleted() -> None:
        close.now = NOW + 2 * HOUR
        close.delete("call_1")

    close.add("activity/call/", {"id": "call_1", "date_created": "2025-06-01T10:00:00.000000+00:00"}, {"id": "call_2"})
    return deleted


def test_native_tells_targets_by_their_own_column_and_with_a_column_for_each_other(
    sync: Sync, deleted: Callable[..., None]
) -> None:
    first = sync(profile="native")
    deleted()
    second = sync(profile="native", state=first.state)

    (tombstone,) = (each for each in second.records("call_activities") if each["id"] == "call_1")
    assert tombstone["_sdc_deleted_at"] == "2026-03-01T14:00:00.000000Z"
    assert tombstone["date_created"] == "2025-06-01T10:00:00.000000Z"
    assert tombstone.keys() == second.schema("call_activities")["properties"].keys()
    assert second.schema("call_activities")["properties"]["_sdc_deleted_at"]["format"] == "date-time"
    assert "_ab_cdc_deleted_at" not in second.schema("call_activities")["properties"]


def test_deselected_the_column_takes_the_tombstones_along(sync: Sync, deleted: Callable[..., None]) -> None:
    first = sync(profile="native")
    deleted()
    catalog = selecting("call_activities")
    unwanted = {"breadcrumb": ["properties", "_sdc_deleted_at"], "metadata": {"selected": False}}
    catalog["streams"][0]["metadata"].append(unwanted)

    second = sync(profile="native", state=first.state, catalog=catalog)

    assert "call_1" not in second.ids("call_activities")


def test_compat_has_neither_the_column_nor_tombstones(sync: Sync, deleted: Callable[..., None]) -> None:
    first = sync()
    deleted()
    second = sync(state=first.state)

    assert "call_1" in first.ids("activities")
    assert "call_1" not in second.ids("activities")
    assert not [name for name in second.schema("activities")["properties"] if "deleted_at" in name]


def activated(output: Output) -> dict[str, int]:
    """The versions by stream."""
    return {each["stream"]: each["version"] for each in output.of("ACTIVATE_VERSION")}


def test_native_tells_of_rows_that_went_from_lists_by_versions_each_higher_than_the_last(
    close: Emulator, sync: Sync
) -> None:
    close.add("user/", {"id": "user_1"}, {"id": "user_2"})
    first = sync(profile="native")
    close.delete("user_2")
    second = sync(profile="native", state=first.state)

    lists = {endpoint.name for endpoint in ENDPOINTS if endpoint.window is None}
    assert activated(first).keys() == activated(second).keys() == lists
    assert activated(first)["users"] < activated(second)["users"]
    for output in (first, second):
        versions = {(each["stream"], each["version"]) for each in output.of("RECORD") if "version" in each}
        assert versions <= set(activated(output).items())
    assert "user_2" not in second.ids("users")


def test_compat_has_no_versions(close: Emulator, sync: Sync) -> None:
    close.add("user/", {"id": "user_1"})

    output = sync()

    assert output.ids("users")
    assert activated(output) == {}
    assert [each for each in output.of("RECORD") if "version" in each] == []


def test_a_list_that_is_refused_takes_nothing_away(close: Emulator, sync: Sync) -> None:
    close.behaviour.refused = {"role/": 403}

    output = sync("roles", "users", profile="native")

    assert activated(output).keys() == {"users"}


def test_a_list_of_which_a_parent_is_refused_takes_nothing_away(close: Emulator, sync: Sync) -> None:
    close.add("comment_thread/", {"id": "comthr_1"}, {"id": "comthr_2"})
    close.add("comment/", {"id": "comm_1", "thread_id": "comthr_1"}, {"id": "comm_2", "thread_id": "comthr_2"})
    assert activated(sync("comments", profile="native")).keys() == {"comments"}
    close.behaviour.refused_parents = {"comthr_1": 403}

    output = sync("comments", profile="native")

    assert output.ids("comments") == {"comm_2"}
    assert activated(output) == {}


def test_a_list_that_is_read_another_way_takes_nothing_away(close: Emulator, sync: Sync) -> None:
    close.add("saved_search/", {"id": "save_1", "type": "lead"}, {"id": "save_2", "type": "call"})
    assert activated(sync("smart_views", profile="native")).keys() == {"smart_views"}
    close.fail(faults.first(1, faults.answer(400, {})), "saved_search/")

    output = sync("smart_views", profile="native")

    assert output.ids("smart_views")
    assert activated(output) == {}


def test_a_list_that_lacks_values_takes_nothing_away(close: Emulator, sync: Sync) -> None:
    close.behaviour.search_custom = "named"
    close.add("lead/", {"id": "lead_1", "custom": {"Of no field": 1}})

    output = sync("custom_field_values", "users", profile="native", custom_field_names=True)

    assert activated(output).keys() == {"users"}


def test_a_list_that_fails_takes_nothing_away(close: Emulator, sync: Sync) -> None:
    close.fail(faults.answer(400, {}), "user/")

    output = sync("roles", "users", profile="native", fails=True)

    assert activated(output).keys() == {"roles"}
