"""Deleted rows, as targets are told of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from close_emulator import Emulator
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
