"""tap-closeio 1.6.6 and ours side by side: the same records, and each goes on from where the other stopped.

What differs is here and in docs/singer.md.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from source_closeio.singer.steps import utc_text

from .conftest import Written, all_of

pytestmark = pytest.mark.clients

STREAMS = ("custom_fields", "leads", "activities", "tasks", "users", "event_log")
CURSORS = {name: "date_created" if name == "activities" else "date_updated" for name in STREAMS}

Run = Callable[..., Written]


@pytest.fixture(scope="module")
def old(run: Run, old_tap: list[str]) -> Written:
    return run(old_tap, catalog=all_of(old_tap))


@pytest.fixture(scope="module")
def ours(run: Run, tap: list[str]) -> Written:
    return run(tap)


def moments(value: Any) -> Any:
    """A value with its dates in one spelling."""
    if isinstance(value, list):
        return [moments(each) for each in value]
    if isinstance(value, dict):
        return {name: moments(each) for name, each in value.items()}
    return utc_text(value) if isinstance(value, str) else value


def test_the_records_are_the_same_and_so_is_every_declared_value(old: Written, ours: Written) -> None:
    """Properties that 1.6.6 did not declare are declared now, so their dates are written as dates.

    It asked for tasks without `_type`, so it had those of leads only; its users and custom fields began at start_date.
    """
    for stream in STREAMS:
        before, now = old.records(stream), ours.records(stream)
        declared = old.schema(stream)["schema"]["properties"]
        assert before, "an empty list proves nothing"
        assert before.keys() <= now.keys(), stream
        for record_id, record in before.items():
            assert record.keys() == now[record_id].keys()
            for name, value in record.items():
                if name in declared:
                    assert now[record_id][name] == value, (stream, name)
                else:
                    assert now[record_id][name] == moments(value), (stream, name)
    more_tasks = ours.records("tasks").keys() - old.records("tasks").keys()
    assert more_tasks
    assert all(ours.records("tasks")[each]["_type"] != "lead" for each in more_tasks)
    for stream in ("leads", "activities", "event_log"):
        assert old.records(stream).keys() == ours.records(stream).keys()


def declarations(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, set[str], str | None]]:
    types = schema.get("type", [])
    yield path, {types} if isinstance(types, str) else set(types), schema.get("format")
    for name, inner in schema.get("properties", {}).items():
        yield from declarations(inner, f"{path}.{name}")
    if "items" in schema:
        yield from declarations(schema["items"], f"{path}[]")


def test_every_property_is_declared_as_before_or_wider(old: Written, ours: Written) -> None:
    """Of one column the type is narrower: targets for Postgres refuse whole numbers beside flags."""
    for stream in STREAMS:
        now = {path: (types, form) for path, types, form in declarations(ours.schema(stream)["schema"])}
        for path, types, form in declarations(old.schema(stream)["schema"]):
            if path == "":
                continue
            if (stream, path) == ("activities", ".need_smtp_credentials"):
                assert now[path][0] == types - {"integer"}
                continue
            assert now[path][0] >= types, (stream, path)
            assert now[path][1] == form, (stream, path)


def test_the_catalog_has_the_same_streams_keys_and_bookmarks(
    old: Written, ours: Written, tap: list[str], old_tap: list[str]
) -> None:
    before, now = all_of(old_tap)["streams"], all_of(tap)["streams"]

    assert [each["tap_stream_id"] for each in before] == [each["tap_stream_id"] for each in now] == list(STREAMS)
    assert [each["key_properties"] for each in before] == [each["key_properties"] for each in now]
    for stream, bookmark in ours.state["bookmarks"].items():
        # Ours says beside it up to when the event log was followed; the old tap does not look at what it does not know.
        assert set(old.state["bookmarks"][stream]) - {"offset"} == set(bookmark) - {"changes"} == {CURSORS[stream]}


def test_a_catalog_of_the_old_tap_selects_the_same_streams(run: Run, tap: list[str], old_tap: list[str]) -> None:
    catalog = all_of(old_tap)
    catalog["streams"] = [each for each in catalog["streams"] if each["stream"] in ("users", "custom_fields")]

    output = run(tap, catalog=catalog)

    assert {each["stream"] for each in output.messages if each["type"] == "RECORD"} == {"users", "custom_fields"}


@pytest.mark.parametrize("tenths", range(1, 10))
def test_we_go_on_from_where_the_old_tap_was_killed(run: Run, tap: list[str], old: Written, tenths: int) -> None:
    cut = old.cut(len(old.messages) * tenths // 10)

    rest = run(tap, state=cut.state)

    for stream in STREAMS:
        assert cut.records(stream).keys() | rest.records(stream).keys() >= old.records(stream).keys(), stream


@pytest.mark.parametrize("tenths", [0, 3, 5, 7, 9, 10])
def test_the_old_tap_goes_on_from_where_we_were_killed(
    run: Run, old_tap: list[str], old: Written, ours: Written, tenths: int
) -> None:
    states = [index for index, each in enumerate(ours.messages) if each["type"] == "STATE"]
    cut = ours.cut(max(states[0] + 1, len(ours.messages) * tenths // 10))

    rest = run(old_tap, catalog=all_of(old_tap), state=cut.state)

    for stream in STREAMS:
        assert cut.records(stream).keys() | rest.records(stream).keys() >= old.records(stream).keys(), stream
    assert len(rest.messages) < len(old.messages) or tenths < 5


def test_the_state_of_a_whole_run_saves_either_tap_the_reading(
    run: Run, tap: list[str], old_tap: list[str], old: Written, ours: Written
) -> None:
    for command, state in ((tap, old.state), (old_tap, ours.state)):
        rest = run(command, catalog=all_of(old_tap), state=state)
        for stream in ("leads", "event_log", "activities"):
            assert len(rest.records(stream)) < len(ours.records(stream)) / 2, stream
