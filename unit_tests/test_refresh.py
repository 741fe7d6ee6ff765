"""A full refresh in several tries: each goes on from the state of the one before, and the next refresh begins anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator

from .conftest import NOW, Output, catalog_of
from .filling import DATED, fill

Run = Callable[..., Output]
COLUMNS = ("id", "date_created", "date_updated", "_ab_cdc_deleted_at")
CONFIG = {
    "start_date": "2026-01-20",
    "date_window": 1,
    "num_workers": 1,
    "activities_window_seconds": 0,
    "updates_window_seconds": 0,
}


def refresh(stream: str, sync_id: int | None, sync_mode: str = "full_refresh") -> dict[str, Any]:
    """The catalog of a full refresh, as the platform makes it."""
    catalog = catalog_of((stream,), sync_mode)
    catalog["streams"][0]["stream"]["json_schema"] = {"properties": {name: {"type": "string"} for name in COLUMNS}}
    catalog["streams"][0] |= {"generation_id": 3, "minimum_generation_id": 3, "sync_id": sync_id}
    return catalog


@pytest.fixture
def begun(close: Emulator, sync: Run) -> Callable[[str], tuple[list[str], Output]]:
    """The ids of a stream, and the first try of sync 7, which ended on the way."""

    def begun(stream: str) -> tuple[list[str], Output]:
        ids = fill(close, stream, 700, step=timedelta(hours=1))
        whole = sync(catalog=refresh(stream, 7), config=CONFIG)
        return ids, sync(catalog=refresh(stream, 7), config=CONFIG, lines=len(whole.messages) * 3 // 4)

    return begun


@pytest.mark.parametrize("stream", ["leads", "opportunities", "call_activities", "tasks"])
def test_another_try_of_a_refresh_goes_on_from_where_the_one_before_stopped(
    sync: Run, begun: Callable[[str], tuple[list[str], Output]], stream: str
) -> None:
    ids, cut = begun(stream)
    assert 0 < len(cut.ids(stream)) < len(ids)

    rest = sync(catalog=refresh(stream, 7), config=CONFIG, state=cut.state)

    assert cut.ids(stream) | rest.ids(stream) == set(ids)
    assert len(rest.ids(stream)) < len(ids)
    (reached,) = (cut.reached(stream)[name] for name in ("date_updated", "date_created") if name in cut.reached(stream))
    assert min(row["date_updated"] for row in rest.records(stream)) >= reached[:19]


@pytest.mark.parametrize("sync_id", [8, None])
def test_another_refresh_begins_anew_whatever_the_state(
    sync: Run, begun: Callable[[str], tuple[list[str], Output]], sync_id: int | None
) -> None:
    ids, cut = begun("call_activities")

    assert sync(catalog=refresh("call_activities", sync_id), config=CONFIG, state=cut.state).ids(
        "call_activities"
    ) == set(ids)
    assert sync(catalog=refresh("call_activities", 7), config=CONFIG).ids("call_activities") == set(ids)


def test_a_refresh_in_two_tries_brings_no_deletes(
    close: Emulator, sync: Run, begun: Callable[[str], tuple[list[str], Output]]
) -> None:
    """Where a refresh replaces the table, there is nothing that they could delete."""
    ids, cut = begun("leads")
    close.delete(ids[0])

    rest = sync(catalog=refresh("leads", 7), config=CONFIG, state=cut.state)

    assert [row for row in rest.records("leads") if row.get("_ab_cdc_deleted_at")] == []
    followed = sync(catalog=refresh("leads", 8, "incremental"), config=CONFIG, state=rest.state)
    assert [row["id"] for row in followed.records("leads") if row.get("_ab_cdc_deleted_at")] == [ids[0]]


def test_an_incremental_sync_goes_on_from_the_state_of_a_refresh(close: Emulator, sync: Run) -> None:
    ids = fill(close, "tasks", 20)
    first = sync(catalog=refresh("tasks", 7))
    assert first.reached("tasks")["sync_id"] == 7
    close.now = NOW + timedelta(hours=3)
    close.add("task/", {"id": "task_new", "date_updated": (NOW + timedelta(hours=2)).isoformat()})

    second = sync(catalog=refresh("tasks", 8, "incremental"), state=first.state)

    assert first.ids("tasks") == set(ids)
    assert second.ids("tasks") == {"task_new"}
    assert "sync_id" not in second.reached("tasks")


def test_a_stream_says_that_it_can_be_resumed_where_it_can(run: Run) -> None:
    (catalog,) = run("discover").of("CATALOG")

    resumable = {each["name"] for each in catalog["catalog"]["streams"] if each["is_resumable"]}
    assert resumable >= set(DATED)
    assert "users" not in resumable
