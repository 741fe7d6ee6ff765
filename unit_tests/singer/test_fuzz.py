"""Whatever a Singer user hands in, and whatever the connector says: a right result or a clear sentence.

`HYPOTHESIS_PROFILE=long` tries tens of thousands of examples of each.
"""

import gc
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteStreamStatus, FailureType, Level
from hypothesis import given
from hypothesis import strategies as st

from close_emulator import Emulator
from source_closeio.config import read_settings
from source_closeio.errors import Problem, StateError
from source_closeio.singer import cli, logs
from source_closeio.singer.catalog import document, select, streams_of
from source_closeio.singer.messages import Log, line
from source_closeio.singer.options import read_options
from source_closeio.singer.state import for_source, taken_over
from source_closeio.singer.steps import utc_text
from source_closeio.singer.translate import translate
from source_closeio.state_migration import is_of_another_cursor, reached
from source_closeio.windows import parse_moment
from unit_tests.anything import ANY_JSON, FEW, MOMENTS, NASTY_TEXT, SCALARS, spoilt, tells_nothing
from unit_tests.configs import CONFIGS, assert_clear
from unit_tests.conftest import API_KEY, NOW

from .offered import discovered, offered
from .spoken import error, log, record, state, status

OBJECTS = st.dictionaries(NASTY_TEXT, ANY_JSON, max_size=3)


@given(MOMENTS | NASTY_TEXT)
def test_a_text_is_written_as_a_date_time_in_utc_or_as_it_came(text: str) -> None:
    written = utc_text(text)

    if written != text:
        assert len(written) == 27
        try:
            moment = parse_moment(written)
        except ValueError:
            assert len(text) == 32  # nearly all dates; what looks like them is cut without a look at its digits
        else:
            assert moment == datetime.fromisoformat(written.replace("Z", "+00:00"))


@given(CONFIGS)
def test_a_config_is_read_or_is_a_sentence(config: Any) -> None:
    try:
        read_settings(read_options(config if isinstance(config, dict) else {}).source)
    except Problem as failure:
        assert_clear(failure)


SINCE = "2026-02-10T00:00:00.000000Z"
BOOKMARKS = {
    "bookmarks": {"leads": {"date_updated": SINCE, "offset": {"skip": 3}}, "users": {"date_updated": "2026-02-10"}},
    "currently_syncing": "leads",
}


@given(spoilt(BOOKMARKS) | OBJECTS)
def test_a_state_is_understood_whole_or_not_at_all(held: Any) -> None:
    streams = offered()
    try:
        value = taken_over(held if isinstance(held, dict) else {}, [stream.name for stream in streams])
    except Problem as failure:
        assert_clear(failure)
        return
    given_on = {
        each.stream.stream_descriptor.name: vars(each.stream.stream_state)
        for each in for_source(value, streams)
        if each.stream
    }
    bookmark = held.get("bookmarks", {}).get("leads") if isinstance(held, dict) else None
    assert ("leads" in given_on) == (bookmark is not None)
    if bookmark is None or is_of_another_cursor(given_on["leads"], "date_updated"):
        return
    assert given_on["leads"].keys() == bookmark.keys() - {"offset"}
    try:
        moment = reached("leads", given_on["leads"], "date_updated", NOW)
    except StateError as failure:
        assert_clear(failure)
    else:
        assert (moment is None) == tells_nothing({key: each for key, each in bookmark.items() if key != "offset"})


def marked() -> dict[str, Any]:
    """The catalog that is offered, with both streams selected, and a property of the first not."""
    catalog = document(offered())
    for entry in catalog["streams"]:
        entry["metadata"][0]["metadata"]["selected"] = True
    catalog["streams"][0]["metadata"][3]["metadata"]["selected"] = False
    return catalog


def says(entry: dict[str, Any]) -> bool:
    """Whether an entry that was read selects its stream: by the strongest of all the words that may say so."""
    root: dict[str, Any] = {}
    for each in entry.get("metadata") or []:
        if not each.get("breadcrumb"):
            root |= each.get("metadata") or {}
    older = ((entry.get("schema") or {}).get("selected"), entry.get("selected"))
    flags = [flag for flag in (root.get("selected"), *older, root.get("selected-by-default")) if flag is not None]
    return str(flags[0]).lower() == "true" if flags else False


@given(spoilt(marked()) | st.builds(dict, streams=st.lists(st.sampled_from(marked()["streams"]), max_size=3)) | OBJECTS)
def test_a_catalog_selects_what_it_says_or_is_a_sentence(held: Any) -> None:
    if not isinstance(held, dict):
        return  # the file is refused before
    try:
        wanted, unknown = select(offered(), held)
    except Problem as failure:
        assert_clear(failure)
        return
    entries = {each.get("tap_stream_id") or each.get("stream"): each for each in held["streams"]}
    assert len(entries) == len(held["streams"])
    assert unknown == [name for name in entries if name not in ("leads", "users")]
    assert [stream.name for stream in wanted] == [
        name for name in ("leads", "users") if name in entries and says(entries[name])
    ]
    for stream in wanted:
        assert stream.schema["properties"].keys() >= {"id"}
        assert stream.schema["properties"].keys() <= offered()[stream.name == "users"].schema["properties"].keys()


# From Airbyte's messages to Singer's

PROFILES = {profile: streams_of(profile, discovered()) for profile in ("compat", "native")}
SOURCES = [stream.source.name for stream in PROFILES["compat"]]
KNOWN = {each.name: each.json_schema["properties"] for each in discovered()}


STREAMS = st.sampled_from(SOURCES)
RECORDS = STREAMS.flatmap(
    lambda stream: st.builds(
        record,
        st.just(stream),
        st.dictionaries(
            st.sampled_from([*KNOWN[stream], "custom.cf_x", "undeclared"]) | NASTY_TEXT, ANY_JSON, max_size=4
        ),
        st.integers(0, 253_402_300_799_999),  # the milliseconds up to the year 10000
    )
)
STATUSES = st.builds(status, STREAMS, st.sampled_from(AirbyteStreamStatus))
ERRORS = st.builds(
    error,
    st.none() | STREAMS | NASTY_TEXT,
    NASTY_TEXT,
    st.none() | st.sampled_from(FailureType),
    st.none() | NASTY_TEXT,
)
MESSAGES = (
    RECORDS
    | RECORDS
    | st.builds(state, STREAMS, st.none() | OBJECTS)
    | STATUSES
    | ERRORS
    | st.builds(log, st.sampled_from(Level), NASTY_TEXT)
)
LASTS = st.sampled_from([[status(name, AirbyteStreamStatus.COMPLETE) for name in SOURCES], []])
ENDS = (AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE)


def end_of(message: AirbyteMessage) -> tuple[str, AirbyteStreamStatus | None]:
    told = message.trace.stream_status if message.trace else None
    return (told.stream_descriptor.name, told.status) if told else ("", None)


def no_number(word: str) -> Any:
    raise AssertionError(f"{word} is no JSON")


def said(messages: list[AirbyteMessage], profile: str, keep: bool) -> tuple[list[dict[str, Any]], str | None]:
    """What stdout has, and the sentence at the end."""
    streams = [stream for stream in PROFILES[profile] if stream.source.name in SOURCES]
    written, failure = [], None
    try:
        for message in translate(iter(messages), streams, {"bookmarks": {}}, keep, 7, lambda _: False):
            if not isinstance(message, Log):
                written.append(json.loads(line(message), parse_constant=no_number))
    except Problem as failed:
        failure = str(failed)
    return written, failure


@given(st.lists(MESSAGES, max_size=8), LASTS, st.sampled_from(("compat", "native")), st.booleans())
def test_messages_come_out_in_their_order_each_whole(
    messages: list[AirbyteMessage], lasts: list[AirbyteMessage], profile: str, keep: bool
) -> None:
    for number, message in enumerate(messages):
        if message.record:
            message.record.data["id"] = f"row_{number}"
    names = {stream.source.name: stream.name for stream in PROFILES[profile]}
    came: list[Any] = [
        (names[each.record.stream], each.record.data["id"]) if each.record else "STATE"
        for each in messages
        if each.record or each.state
    ]

    written, failure = said([*messages, *lasts], profile, keep)

    ended = [] if failure else ["STATE"]
    announced: dict[str, Any] = {}
    gone: list[Any] = []
    for told in written:
        assert told["type"] in ("SCHEMA", "RECORD", "ACTIVATE_VERSION", "STATE")
        if told["type"] == "SCHEMA":
            assert told["stream"] not in announced
            announced[told["stream"]] = told["schema"]["properties"]
        elif told["type"] == "RECORD":
            assert told["stream"] in announced
            assert parse_moment(told["time_extracted"])
            assert keep or told["record"].keys() <= announced[told["stream"]].keys()
            gone.append((told["stream"], told["record"]["id"]))
        elif told["type"] == "STATE":
            gone.append("STATE")
        else:
            assert profile == "native"
            assert told["stream"] in announced
    assert gone == came + ended
    last = {name: how for name, how in map(end_of, [*messages, *lasts]) if how in ENDS}
    unread = sorted(names[name] for name in SOURCES if last.get(name) != AirbyteStreamStatus.COMPLETE)
    assert failure == (
        f"Not read whole: {', '.join(unread)}. The next sync goes on from the last state." if unread else None
    )
    assert set(announced) >= {names[name] for name in last}


@FEW
@given(st.lists(MESSAGES, max_size=3), RECORDS | STATUSES | st.builds(state, STREAMS, OBJECTS), st.just("orders"))
def test_messages_of_a_stream_that_was_not_asked_for_end_the_sync(
    messages: list[AirbyteMessage], stray: AirbyteMessage, name: str
) -> None:
    if stray.record:
        stray.record.stream = name
    elif stray.state and stray.state.stream:
        stray.state.stream.stream_descriptor.name = name
    else:
        assert stray.trace
        assert stray.trace.stream_status
        stray.trace.stream_status.stream_descriptor.name = name

    _, failure = said([*messages, stray], "native", True)

    assert failure == "Messages came of stream orders, which was not asked for; please report it."


# The program


@pytest.fixture
def tap(
    close: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, set[str], str]]]:
    """Runs the program in this process: exit code, ids of the leads, stderr. It sets up logging for itself alone."""
    for name, moment in (("lead_old", "2026-01-01T00:00:00Z"), ("lead_new", "2026-02-20T00:00:00Z")):
        close.add("lead/", {"id": name, "date_created": moment, "date_updated": moment})
    thresholds = gc.get_threshold()
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
    monkeypatch.setattr(logs.LINES, "secrets", [])

    def tap(**files: Any) -> tuple[int, set[str], str]:
        words = []
        for name, held in {"config": {"api_key": API_KEY, "base_url": close.base_url}, **files}.items():
            (tmp_path / name).write_text(json.dumps(held))
            words += [f"--{name}", str(tmp_path / name)]
        code = cli.main(words)
        out, err = capfd.readouterr()
        messages = map(json.loads, out.splitlines())
        return code, {each["record"]["id"] for each in messages if each["type"] == "RECORD"}, err

    yield tap
    gc.unfreeze()
    gc.set_threshold(*thresholds)


LEADS = {"streams": [{"tap_stream_id": "leads", "selected": True, "metadata": [], "schema": None}]}


def assert_critical(err: str) -> None:
    (critical,) = (line for line in err.splitlines() if line.startswith("CRITICAL "))
    assert "Something failed that should not" not in critical
    assert "Traceback" not in err


@FEW
@given(SCALARS.map(lambda value: {"bookmarks": {"leads": {"date_updated": value}}}) | spoilt(BOOKMARKS))
def test_a_state_of_any_shape_is_gone_on_from_or_ends_the_program_with_a_sentence(tap: Any, held: Any) -> None:
    code, ids, err = tap(catalog=LEADS, state=held)

    if code:
        assert_critical(err)
        assert not ids
        return
    bookmark = held.get("bookmarks", {}).get("leads") or {}
    blob = {key: each for key, each in bookmark.items() if key != "offset"}
    nothing = tells_nothing(blob) or is_of_another_cursor(blob, "date_updated")
    moment = None if nothing else parse_moment(blob["date_updated"])
    if moment is None:
        assert ids == {"lead_old", "lead_new"}
    elif moment < parse_moment("2026-02-20"):
        assert ids >= {"lead_new"}
        assert "lead_old" not in ids or moment < parse_moment("2026-01-08")


@FEW
@given(spoilt(LEADS))
def test_a_catalog_of_any_shape_is_read_or_ends_the_program_with_a_sentence(tap: Any, held: Any) -> None:
    code, ids, err = tap(catalog=held)

    if code:
        assert_critical(err)
        assert not ids
    else:
        leads = [each for each in held["streams"] if "leads" in (each.get("tap_stream_id"), each.get("stream"))]
        assert ids == ({"lead_old", "lead_new"} if leads and says(leads[0]) else set())
