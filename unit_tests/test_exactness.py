"""No record is lost: every walk against the emulator, ids compared with ids."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Behaviour, Emulator, Sizes
from close_emulator.behaviour import CapError, Custom, Lie
from source_closeio.endpoints import ENDPOINTS
from source_closeio.windows import parse_moment

from .conftest import NOW, Output
from .filling import DATED, DAY, PATH, WINDOWED, fill

Sync = Callable[..., Output]

PAGE = {"leads": 200, "contacts": 200, "opportunities": 250, "tasks": 250, "event_log": 50}


def seconds_after(start: str, seconds: int) -> str:
    return (parse_moment(start) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("stream", PATH)
@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("pages", [0, 1, 2])
def test_page_boundaries(close: Emulator, sync: Sync, stream: str, pages: int, extra: int) -> None:
    ids = fill(close, stream, max(0, pages * PAGE.get(stream, 100) + extra), step=timedelta(seconds=5))

    output = sync(stream)

    assert output.ids(stream) == set(ids) == close.ids(PATH[stream])
    assert output.twice(stream) == set()


@pytest.mark.parametrize("lie", ["true_on_last", "false_on_full"])
@pytest.mark.parametrize("stream", [*WINDOWED, "users"])
def test_has_more_that_lies_once(close: Emulator, sync: Sync, stream: str, lie: Lie) -> None:
    ids = fill(close, stream, 2 * PAGE.get(stream, 100), step=timedelta(seconds=5))
    close.behaviour.has_more_lies = [lie]

    assert sync(stream).ids(stream) == set(ids)


@pytest.mark.parametrize("dialect", ["new", "old"])
@pytest.mark.parametrize("stream", [*WINDOWED, "activities"])
def test_a_low_offset_cap(close: Emulator, sync: Sync, stream: str, dialect: CapError) -> None:
    ids = fill(close, stream, 1500, step=timedelta(seconds=30))
    ids += fill_odd(close, stream, 450)
    close.behaviour.skip_cap = 300
    close.behaviour.cap_error = dialect

    output = sync(stream)

    assert output.ids(stream) == set(ids)
    assert output.twice(stream) == set()


@pytest.mark.parametrize("dialect", ["new", "old"])
@pytest.mark.parametrize("stream", [*WINDOWED, "users"])
def test_a_page_size_that_close_no_longer_allows(close: Emulator, sync: Sync, stream: str, dialect: CapError) -> None:
    ids = fill(close, stream, 333, step=timedelta(seconds=30))
    close.behaviour.limit_caps = {PATH[stream]: 50}
    close.behaviour.cap_error = dialect

    assert sync(stream).ids(stream) == set(ids)


def fill_odd(close: Emulator, stream: str, count: int) -> list[str]:
    """A heap of records a second apart, long ago: their slice is open to the past."""
    moments = [seconds_after("2001-01-01T00:00:00Z", i) for i in range(count)]
    path = "activity/call/" if stream == "activities" else PATH[stream]
    rows = close.add(
        path, *({"id": f"odd_{i:05}", "date_created": at, "date_updated": at} for i, at in enumerate(moments))
    )
    return [row["id"] for row in rows]


def test_more_rows_in_one_second_than_offsets_reach_is_an_error_that_says_so(
    close: Emulator, run: Callable[..., Output]
) -> None:
    fill(close, "call_activities", 500, step=timedelta(0))
    close.behaviour.skip_cap = 300

    output = run("read", "call_activities")

    assert "call_activities cannot be read exactly: More records than Close's offsets reach" in output.errors[0]
    assert output.failure
    assert output.statuses == {"call_activities": "INCOMPLETE"}


@pytest.mark.parametrize("stream", ["leads", "contacts"])
@pytest.mark.parametrize("created_apart", [True, False])
def test_a_plateau_of_equal_dates(close: Emulator, sync: Sync, stream: str, created_apart: bool) -> None:
    """A bulk edit gives all rows one date_updated, an import gives them one date_created too."""
    before = fill(close, stream, 150, NOW - 3 * DAY)
    plateau = close.add(
        PATH[stream],
        *(
            {
                "id": f"plat_{i:05}",
                "date_updated": "2026-02-27T12:00:00.500000+00:00",
                "date_created": seconds_after("2025-01-01T10:00:00Z", i * created_apart),
            }
            for i in range(500)
        ),
    )
    after = [
        row["id"]
        for row in close.add(
            PATH[stream], *({"id": f"after_{i}", "date_updated": "2026-02-27T12:00:00.700000+00:00"} for i in range(30))
        )
    ]

    output = sync(stream)

    assert output.ids(stream) == {*before, *(row["id"] for row in plateau), *after}
    assert output.twice(stream) == set()


@pytest.mark.parametrize(
    "behaviour", [{"cursor_lifetime": 0}, {"search_chain_cap": 400}, {"unstable_ties": True}, {"search_precision": "s"}]
)
def test_search_does_not_depend_on_cursors(close: Emulator, sync: Sync, behaviour: dict[str, Any]) -> None:
    ids = fill(close, "leads", 1100, step=timedelta(milliseconds=350))
    for i, lead in enumerate(ids[300:800]):
        close.edit(
            lead,
            date_updated="2026-02-27T12:00:00.500000+00:00",
            date_created=seconds_after("2025-01-01T10:00:00Z", i),
        )
    for name, value in behaviour.items():
        setattr(close.behaviour, name, value)

    output = sync("leads")

    assert output.ids("leads") == set(ids)
    assert output.twice("leads") == set()


def test_a_search_that_ignores_its_sort_is_walked_by_cursor(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "leads", 500)
    close.behaviour.search_sorts = False

    assert sync("leads").ids("leads") == set(ids)


def test_a_chain_that_cannot_reach_the_end_of_a_plateau_is_an_error_that_says_so(
    close: Emulator, run: Callable[..., Output]
) -> None:
    fill(close, "leads", 500, step=timedelta(0))
    close.behaviour.search_chain_cap = 400

    output = run("read", "leads")

    assert "leads cannot be read exactly: More records than cursors lead to" in output.errors[0]


def test_the_cursor_of_the_event_log_may_expire_at_once(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "event_log", 400, step=timedelta(milliseconds=400))
    close.behaviour.cursor_lifetime = 0

    output = sync("event_log")

    assert output.ids("event_log") == set(ids)
    assert output.twice("event_log") == set()


@pytest.mark.parametrize("shape", ["flat", "nested", "named"])
def test_custom_fields_come_in_flat_keys_in_each_shape_of_search(close: Emulator, sync: Sync, shape: Custom) -> None:
    close.behaviour.search_custom = shape
    close.add("custom_field/lead/", {"id": "cf_abc", "name": "Kind", "type": "text"})
    close.add("lead/", {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "custom.cf_abc": "x"})

    (lead,) = sync("leads").records("leads")

    assert lead["custom.cf_abc"] == "x"
    assert "custom" not in lead


def test_values_by_a_name_that_two_fields_have_are_told_and_not_guessed(
    close: Emulator, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    close.behaviour.search_custom = "named"
    for field in ("cf_abc", "cf_xyz"):
        close.add("custom_field/lead/", {"id": field, "name": "Kind", "type": "text"})
    close.add("lead/", {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "custom.cf_abc": "secret"})

    (lead,) = sync("leads").records("leads")

    assert not [name for name in lead if name.startswith("custom")]
    assert caplog.text.count("Stream leads lacks custom field values that Close sent by a name") == 1
    assert ": Kind; give each field a name of its own" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("stream", DATED)
def test_rows_that_move_while_they_are_paged(close: Emulator, sync: Sync, stream: str) -> None:
    """Every few requests a row is created, one edited, so that it jumps to the end, and one deleted."""
    ids = fill(close, stream, 1200, step=timedelta(minutes=2))
    close.behaviour.events_on_change = False
    deleted: set[str] = set()
    turn = iter(range(10_000))

    def people_work(request: Any) -> None:
        i = next(turn)
        victim, edited = ids[(i * 37) % len(ids)], ids[(i * 53 + 11) % len(ids)]
        if request.path == "me/":
            return
        if stream == "event_log":
            at = (NOW + i * timedelta(milliseconds=100)).isoformat(timespec="microseconds")
            close.add("event/", {"id": f"ev_new_{i}", "date_created": at, "date_updated": at})
            if edited in close.ids("event/"):
                close.edit(edited, date_updated=at)
            return
        if i % 2 and victim not in deleted:
            close.delete(victim)
            deleted.add(victim)
        elif edited not in deleted:
            close.edit(edited)
        close.add(PATH[stream], {"id": f"new_{i}"})

    close.on_request = people_work
    output = sync(stream, config={"num_workers": 4})
    close.on_request = None

    assert set(ids) - deleted - output.ids(stream) == set()


@pytest.mark.parametrize("stream", ["users"])
def test_rows_that_vanish_from_a_list_while_it_is_paged(close: Emulator, sync: Sync, stream: str) -> None:
    ids = fill(close, stream, 950)
    order = [row["id"] for row in close.all(PATH[stream])]
    turn = iter(range(10_000))

    def rows_vanish(request: Any) -> None:
        if request.path == PATH[stream]:
            for _ in range(7):
                close.delete(order[next(turn)])

    close.on_request = rows_vanish
    output = sync(stream)
    close.on_request = None

    assert close.ids(PATH[stream]) <= output.ids(stream) <= set(ids)


def test_rows_that_vanish_by_the_hundred_while_a_slice_is_paged(close: Emulator, sync: Sync) -> None:
    ids = fill(close, "call_activities", 1000, step=timedelta(seconds=1))
    asked = iter(range(10_000))

    def rows_vanish(request: Any) -> None:
        if request.params.get("_skip", "0") not in ("0", None) and next(asked) == 4:
            for each in reversed(ids[-480:]):  # newest first: these lie before where the walk is
                close.delete(each)

    close.on_request = rows_vanish
    output = sync("call_activities")
    close.on_request = None

    assert close.ids("activity/call/") <= output.ids("call_activities")


def test_future_and_ancient_dates_arrive_and_harm_no_state(close: Emulator, sync: Sync) -> None:
    dates = ["1970-01-01T00:00:00+00:00", "2026-02-20T10:00:00+00:00", "2031-05-05T00:00:00+00:00"]
    for stream in DATED:
        if stream != "event_log":
            close.add(
                PATH[stream],
                *({"id": f"{stream}_{i}", "date_created": at, "date_updated": at} for i, at in enumerate(dates)),
            )

    streams = [stream for stream in DATED if stream != "event_log"]
    first = sync(*streams)
    second = sync(*streams, state=first.state)

    for stream in streams:
        assert first.ids(stream) == {f"{stream}_{i}" for i in range(3)}
        assert list(first.reached(stream).values()) == ["2026-03-01T11:55:00.000000Z", "2026-03-01T11:00:00.000000Z"]
        assert second.ids(stream) == {f"{stream}_2"}  # the future is not over yet


def test_everything_at_once_with_all_kinds_of_records(sync: Sync) -> None:
    big = Emulator(
        Sizes(
            leads=300,
            contacts=200,
            opportunities=150,
            activities=1500,
            tasks=300,
            events=500,
            users=20,
        ),
        seed=3,
        now=NOW,
        behaviour=Behaviour(event_retention_days=10_000),
    )
    with big as base_url:
        config = {"base_url": base_url, "num_workers": 20, "custom_field_names": True}
        output = sync(*(endpoint.name for endpoint in ENDPOINTS), config=config)
        for stream, path in PATH.items():
            assert output.ids(stream) == big.ids(path), stream
            assert output.twice(stream) == set(), stream
        per_type = [e.name for e in ENDPOINTS if e.name.endswith("_activities")]
        assert set().union(*(output.ids(name) for name in per_type)) == big.ids("activity/")
        per_type = [e.name for e in ENDPOINTS if e.name.endswith("_tasks")]
        assert set().union(*(output.ids(name) for name in per_type)) == big.ids("task/")
