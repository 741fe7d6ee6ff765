"""Whole syncs against the emulator: nothing is lost between Airbyte's messages and Singer's."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from close_emulator import Emulator, Sizes, faults
from source_closeio.endpoints import ENDPOINTS
from source_closeio.singer.compat import COMPAT
from source_closeio.singer.steps import utc_text
from unit_tests import conftest
from unit_tests.conftest import NOW

from .conftest import Output, selecting

Sync = Callable[..., Output]
Run = Callable[..., conftest.Output]

DAY = timedelta(days=1)
KEYS = {endpoint.name: endpoint.key for endpoint in ENDPOINTS}
CURSORS = {endpoint.name: endpoint.window.cursor for endpoint in ENDPOINTS if endpoint.window}
BEGAN = NOW - 40 * DAY


@pytest.fixture(scope="module")
def organisation() -> Iterator[Emulator]:
    """Some of everything, of the last forty days, in which nobody works."""
    emulator = Emulator(
        Sizes(
            leads=30,
            contacts=40,
            opportunities=20,
            activities=120,
            tasks=40,
            events=60,
            users=5,
            custom_fields=30,
            custom_objects=10,
            sequence_subscriptions=10,
            comments=10,
        ),
        seed=11,
        start=BEGAN,
        now=NOW,
    )
    with emulator:
        yield emulator


@pytest.fixture
def close(organisation: Emulator) -> Iterator[Emulator]:
    organisation.forget_requests()
    yield organisation
    organisation.heal()


@pytest.fixture
def airbyte(run: Run) -> conftest.Output:
    """What the connector writes for Airbyte, with the custom fields as discovered."""
    discovered = run("discover").of("CATALOG")[0]["catalog"]["streams"]
    streams = [
        {"stream": each, "sync_mode": each["supported_sync_modes"][-1], "destination_sync_mode": "append"}
        for each in discovered
    ]
    output = run("read", catalog={"streams": streams})
    assert output.failure is None
    return output


def plain(value: Any) -> Any:
    """A value without what the two protocols spell differently: dates, JSON in texts, nulls at the top."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, str):
        try:
            return plain(json.loads(value))
        except ValueError:
            return utc_text(value)
    return value


def by_key(records: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return {
        record[key]: {name: plain(each) for name, each in record.items() if plain(each) is not None}
        for record in records
    }


def test_native_brings_the_same_records_with_the_same_values(sync: Sync, airbyte: conftest.Output) -> None:
    output = sync(profile="native")

    for name, key in KEYS.items():
        expected = by_key(airbyte.records(name), key)
        assert by_key(output.records(name), key) == expected, name
        assert len(output.records(name)) == len(expected)
    assert sum(map(len, map(airbyte.records, KEYS))) > 500
    assert not [each for each in output.told(logging.WARNING) if "left out" in each]


def test_compat_brings_the_same_records_in_the_shapes_of_tap_closeio(sync: Sync, airbyte: conftest.Output) -> None:
    output = sync()

    assert {each["stream"] for each in output.of("RECORD")} == {row.name for row in COMPAT}
    for row in COMPAT:
        expected = by_key(airbyte.records(row.source), "id")
        found = by_key(output.records(row.name), "id")
        assert found.keys() == expected.keys()
        for record_id, record in found.items():
            if row.name == "leads":
                folded = {f"custom.{each['id']}": plain(each["value"]) for each in record.pop("custom_fields")}
                record |= {name: value for name, value in folded.items() if value is not None}
            assert record == expected[record_id]


def test_compat_writes_json_and_dates_as_tap_closeio_did(sync: Sync) -> None:
    output = sync()

    for event in output.records("event_log"):
        assert event["data"] == json.dumps(json.loads(event["data"]))
        assert event["date_updated"][19] == "."
        assert event["date_updated"].endswith("Z")
    for task in output.records("tasks"):
        assert task["date"] is None or len(task["date"]) == 27


@pytest.mark.parametrize("profile", ["compat", "native"])
def test_every_record_fits_its_schema_which_stands_before_it_once(sync: Sync, profile: str) -> None:
    output = sync(profile=profile)
    validators: dict[str, Draft7Validator] = {}

    for message in output.messages:
        if message["type"] == "SCHEMA":
            assert message["stream"] not in validators
            validators[message["stream"]] = Draft7Validator(message["schema"], format_checker=FormatChecker())
        elif message["type"] == "RECORD":
            validators[message["stream"]].validate(message["record"])
    assert len(validators) == (6 if profile == "compat" else len(KEYS))


def test_no_state_claims_a_record_that_is_not_yet_written_and_each_is_whole(sync: Sync) -> None:
    output = sync(profile="native", date_window="1")

    claimed: dict[str, Any] = {}
    for message in output.messages:
        if message["type"] == "STATE":
            assert message["value"]["bookmarks"].keys() >= claimed.keys()
            assert message["value"]["currently_syncing"] is None
            claimed = message["value"]["bookmarks"]
        elif message["type"] == "RECORD" and message["stream"] in claimed:
            cursor = CURSORS[message["stream"]]
            assert message["record"][cursor] >= claimed[message["stream"]].get(cursor, "")
    assert output.messages[-1]["type"] == "STATE"
    assert claimed.keys() == CURSORS.keys()


def test_cut_at_every_twentieth_line_and_resumed_nothing_is_lost(close: Emulator, sync: Sync) -> None:
    config = {"start_date": BEGAN.isoformat(), "activities_window_seconds": 0, "date_window": 4}
    whole = sync(**config)
    resumed_late = False

    for lines in range(1, len(whole.messages), 20):
        cut = sync(lines=lines, **config)
        rest = sync(state=cut.state, **config)
        resumed_late |= len(rest.of("RECORD")) < len(whole.of("RECORD")) / 2
        for row in COMPAT:
            assert cut.ids(row.name) | rest.ids(row.name) == whole.ids(row.name), (lines, row.name)
    assert resumed_late, "a state that says nothing loses nothing"


def test_a_second_sync_reads_only_what_it_must(sync: Sync) -> None:
    first = sync(activities_window_seconds=0, updates_window_seconds=0)
    second = sync(state=first.state, activities_window_seconds=0, updates_window_seconds=0)

    horizon = "2026-03-01T11:55:00.000000Z"
    assert first.state["bookmarks"] == second.state["bookmarks"]
    for stream in ("leads", "tasks", "event_log"):
        assert second.ids(stream) == {each["id"] for each in first.records(stream) if each["date_updated"] >= horizon}
    assert second.ids("users") == first.ids("users")


@pytest.mark.parametrize("spelled", ["2026-02-10", "2026-02-10T00:00:00+00:00", "2026-02-10T00:00:00.000000Z"])
def test_a_state_of_tap_closeio_is_gone_on_from_without_a_gap(sync: Sync, spelled: str) -> None:
    """Offsets and the stream under way skip nothing, and neither does a start date that was moved."""
    bookmarks = {row.name: {"date_updated": spelled, "offset": {"skip": 20}} for row in COMPAT}
    bookmarks["activities"] = {"date_created": spelled, "offset": {"skip": 90}}
    state = {"bookmarks": bookmarks, "currently_syncing": "event_log"}
    whole = sync()

    output = sync(state=state, start_date="2026-02-20", activities_window_seconds=86_400)

    for stream, cursor, since in (
        ("leads", "date_updated", "2026-02-10"),
        ("tasks", "date_updated", "2026-02-10"),
        ("event_log", "date_updated", "2026-02-10"),
        ("activities", "date_created", "2026-02-09"),
    ):
        expected = {each["id"] for each in whole.records(stream) if each[cursor] >= since}
        assert output.ids(stream) >= expected
        assert len(output.ids(stream)) < len(whole.ids(stream))
    assert output.ids("custom_fields") == whole.ids("custom_fields")
    assert "offset" not in json.dumps(output.state)


def test_a_whole_table_is_read_whatever_the_state_says(sync: Sync) -> None:
    first = sync("leads")
    catalog = selecting("leads")
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"

    assert sync(catalog=catalog, state=first.state).ids("leads") == first.ids("leads")


def test_only_what_the_catalog_selects_is_read_and_written(close: Emulator, sync: Sync) -> None:
    catalog = selecting("leads", "orders")
    for name in ("contacts", "id", "date_updated", "custom_fields"):
        about = {"breadcrumb": ["properties", name], "metadata": {"selected": False}}
        catalog["streams"][0]["metadata"] = [*catalog["streams"][0]["metadata"], about]
    close.forget_requests()

    output = sync(catalog=catalog)

    assert {each["stream"] for each in output.of("RECORD")} == {"leads"}
    assert not {each.path for each in close.requests} & {"task/", "activity/", "event/", "user/"}
    for record in (*output.records("leads"), output.schema("leads")["properties"]):
        assert {"id", "date_updated"} <= record.keys()
        assert not {"contacts", "custom_fields"} & record.keys()
    assert "The catalog has streams that the profile compat lacks: orders." in output.told(logging.WARNING)


def test_a_catalog_that_selects_nothing_reads_nothing_and_says_so(sync: Sync) -> None:
    output = sync(catalog={"streams": []}, state={"bookmarks": {"leads": {"date_updated": "2026-01-01"}}})

    assert [each["type"] for each in output.messages] == ["STATE"]
    assert output.told(logging.WARNING) == ["The catalog selects no stream; a sync without a catalog reads everything."]


def test_a_stream_that_fails_fails_the_sync_and_not_the_others(
    close: Emulator, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_closeio.streams.PATIENCE", 2)
    whole = sync()
    close.fail(faults.answer(503, {}), path="task/")

    output = sync(fails=True)

    assert output.failure == (
        "Not read whole: tasks. The errors above say why; the next sync goes on from the last state."
    )
    assert [each for each in output.told(logging.ERROR) if each.startswith("Stream tasks: ")]
    assert output.ids("leads") == whole.ids("leads")
    assert output.state["bookmarks"]["tasks"].keys() == {"changes"}
    close.heal()
    assert sync(state=output.state).ids("tasks") == whole.ids("tasks")


def test_a_rejected_key_leaves_stdout_empty(close: Emulator, sync: Sync) -> None:
    close.fail(faults.answer(401, {"error": "no"}))

    output = sync(fails=True)

    assert output.messages == []
    assert "Close rejected the API key (401)" in str(output.failure)


def test_a_state_that_cannot_be_read_stops_its_stream_only_and_stays_as_it_is(sync: Sync) -> None:
    unreadable = {"date_updated": "last week"}

    output = sync("leads", "tasks", state={"bookmarks": {"leads": unreadable}}, fails=True)

    assert output.records("leads") == []
    assert output.records("tasks") != []
    assert [each for each in output.told(logging.ERROR) if "The state of stream leads cannot be read" in each]
    assert "Not read whole: leads" in str(output.failure)
    assert output.of("STATE")[-1]["value"]["bookmarks"]["leads"] == unreadable


def test_properties_that_close_has_added_since_are_left_out_with_a_warning_or_kept(
    close: Emulator, sync: Sync, organisation: Emulator
) -> None:
    organisation.add("user/", {"id": "user_new", "date_created": NOW.isoformat(), "shiny": 1})
    try:
        native, compat = sync("users", profile="native"), sync("users")
    finally:
        organisation.delete("user_new")

    assert not [each for each in native.records("users") if "shiny" in each]
    assert [each["shiny"] for each in compat.records("users") if "shiny" in each] == [1]
    assert native.told(logging.WARNING) == [
        'Stream users: left out shiny, which its schema does not declare; `"undeclared_properties": "keep"` passes '
        "them on."
    ]


def test_counts_of_records_add_up(sync: Sync) -> None:
    output = sync()
    points = [json.loads(each.removeprefix("METRIC: ")) for each in output.told(logging.INFO) if "METRIC" in each]

    for row in COMPAT:
        counted = [each["value"] for each in points if each["tags"]["endpoint"] == row.name]
        assert sum(counted) == len(output.records(row.name))
    assert {(each["type"], each["metric"]) for each in points} == {("counter", "record_count")}
