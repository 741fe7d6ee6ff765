"""Custom objects: one search for each type, lead by lead where search is refused; ids compared with ids."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator, faults

from .conftest import NOW, Output

Sync = Callable[..., Output]
Run = Callable[..., Output]

PATH = "custom_object/"


def fill(close: Emulator, step: timedelta = timedelta(minutes=3), **per_type: int) -> list[str]:
    """Types of these names with so many objects each, `step` apart, on one of three leads; the ids in that order."""
    made: list[str] = []
    for name, count in per_type.items():
        close.add("custom_object_type/", {"id": f"cotype_{name}"})
        dates = [(NOW - timedelta(days=2) - i * step).isoformat(timespec="milliseconds") for i in range(count)]
        rows = [
            {
                "id": f"custobj_{name}_{i:04}",
                "custom_object_type_id": f"cotype_{name}",
                "lead_id": f"lead_{i % 3}",
                "date_created": at,
                "date_updated": at,
            }
            for i, at in enumerate(dates)
        ]
        made += [row["id"] for row in close.add(PATH, *rows)]
    return made


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 401])
def test_page_boundaries_of_each_type(close: Emulator, sync: Sync, count: int) -> None:
    made = fill(close, a=count, b=3)

    output = sync("custom_objects")

    assert output.ids("custom_objects") == set(made) == close.ids(PATH)
    assert output.twice("custom_objects") == set()


def test_each_search_names_its_type(close: Emulator, sync: Sync) -> None:
    fill(close, a=1, b=1)

    sync("custom_objects")

    searches = [str(request.body) for request in close.requests if request.path == "data/search/"]
    assert searches
    assert all(("cotype_a" in each) != ("cotype_b" in each) for each in searches)
    # Once for the question which way to read them, once for the searches, once for the columns.
    assert len([request for request in close.requests if request.path == "custom_object_type/"]) == 3


def test_a_plateau_of_equal_dates(close: Emulator, sync: Sync) -> None:
    made = fill(close, step=timedelta(0), a=450, b=450)

    assert sync("custom_objects").ids("custom_objects") == set(made)


def test_objects_that_are_edited_while_they_are_read(close: Emulator, sync: Sync) -> None:
    made = fill(close, a=900)
    turn = iter(made)

    def people_work(request: Any) -> None:
        if request.path == "data/search/":
            for _ in range(11):
                close.edit(next(turn), name="edited")

    close.on_request = people_work
    output = sync("custom_objects")
    close.on_request = None

    assert output.ids("custom_objects") == set(made)


def test_a_second_sync_brings_what_changed_and_what_is_of_a_new_type(close: Emulator, sync: Sync) -> None:
    fill(close, a=300)
    first = sync("custom_objects")
    close.now = NOW + timedelta(hours=1)
    close.edit("custobj_a_0007", name="edited")
    close.add("custom_object_type/", {"id": "cotype_new"})
    close.add(PATH, {"id": "custobj_new", "custom_object_type_id": "cotype_new"})

    second = sync("custom_objects", state=first.state)

    assert second.ids("custom_objects") == {"custobj_a_0007", "custobj_new"}


def test_a_sync_that_was_cut_off_goes_on_without_a_gap(close: Emulator, sync: Sync) -> None:
    made = fill(close, step=timedelta(hours=7), a=400, b=100)
    whole = len(sync("custom_objects").messages)
    for lines in range(20, whole, 90):
        part = sync("custom_objects", lines=lines)
        rest = sync("custom_objects", state=part.state)

        assert part.ids("custom_objects") | rest.ids("custom_objects") == set(made)


@pytest.mark.parametrize("status", [400, 402, 403])
def test_where_search_is_refused_they_are_read_lead_by_lead(
    close: Emulator, sync: Sync, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    close.add("lead/", *({"id": f"lead_{i}"} for i in range(3)))
    made = fill(close, a=301, b=2)
    close.add("custom_field/custom_object_type/", {"id": "cf_1", "type": "text", "custom_object_type_id": "cotype_a"})
    close.edit(made[0], **{"custom.cf_1": ["one"]})
    close.behaviour.refused = {"data/search/custom_object": status}

    first = sync("custom_objects")
    second = sync("custom_objects", state=first.state)

    assert first.ids("custom_objects") == second.ids("custom_objects") == set(made)
    assert caplog.text.count("Stream custom_objects is read through /custom_object/") == 2
    assert f"({status}" in caplog.text
    assert "one" in {row.get("custom.cf_1") for row in first.records("custom_objects")}, "values fit this way too"
    bodies = [request.body for request in close.requests if request.path == "data/search/" and request.status == 200]
    assert {tuple(body["_fields"]["lead"]) for body in bodies if body} == {("id", "date_created", "date_updated")}


def test_where_both_ways_are_refused_the_stream_is_left_out(
    close: Emulator, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    close.add("lead/", {"id": "lead_0"})
    fill(close, a=5)
    close.behaviour.refused = {"data/search/custom_object": 403, PATH: 403}

    assert sync("custom_objects").records("custom_objects") == []
    assert "Stream custom_objects is left out" in caplog.text


def test_a_search_that_fails_in_the_middle_is_a_failure_and_no_reason_to_go_another_way(
    close: Emulator, run: Run
) -> None:
    fill(close, a=900)
    refusals = faults.first(4, *[faults.slow(0)] * 3, faults.answer(403, {"error": "Forbidden"}))
    close.fail(refusals, "data/search/")

    output = run("read", "custom_objects", config={"num_workers": 1, "start_date": "2026-02-20"})

    assert output.failure
    assert output.statuses == {"custom_objects": "INCOMPLETE"}
    assert not [request for request in close.requests if request.path == PATH]
