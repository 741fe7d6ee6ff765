"""Whatever Airbyte hands in: a right result or a clear sentence, and no full sync that nobody asked for.

`HYPOTHESIS_PROFILE=long` tries tens of thousands of examples of each.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from close_emulator import Emulator
from source_closeio.config import read_settings
from source_closeio.errors import ConfigError, StateError
from source_closeio.source import SourceCloseIO
from source_closeio.state_migration import is_of_another_cursor, reached
from source_closeio.windows import parse_moment

from .anything import ANY_JSON, FEW, MOMENTS, NASTY_TEXT, spoilt, tells_nothing
from .configs import CONFIGS, SECRET, SPEC, assert_clear
from .conftest import API_KEY, NOW, catalog_of

File = Callable[[str, Any], str]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def file(name: str, held: Any) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(held))
        return str(path)

    return file


@given(MOMENTS | NASTY_TEXT)
def test_a_text_is_a_moment_or_none(text: str) -> None:
    try:
        moment = parse_moment(text)
    except (ValueError, OverflowError):
        return
    assert moment.tzinfo is timezone.utc


@given(CONFIGS)
def test_a_config_that_is_read_is_one_that_all_behind_the_reader_can_use(file: File, config: Any) -> None:
    try:
        held = SourceCloseIO.read_config(file("config", config))
        read = read_settings(held)
    except (ConfigError, AirbyteTracedException) as failure:
        assert_clear(failure)
        return
    jsonschema.validate(held, SPEC)
    assert str(requests.Request("GET", read.base_url + "me/").prepare().url).endswith("/me/")
    assert 1 <= read.num_workers <= 40
    assert read.date_window is None or timedelta(days=1) <= read.date_window <= timedelta(days=366)
    assert read.start_date is None or read.start_date < datetime.now(timezone.utc)


def refuses(self: Any, request: requests.PreparedRequest, **_: Any) -> requests.Response:
    """Close, as it answers a wrong key."""
    response = requests.Response()
    response.status_code, response._content, response.request = 401, b'{"error": "invalid_grant"}', request
    response.url = str(request.url)
    return response


@given(CONFIGS)
def test_check_says_what_is_wrong_with_a_config_and_no_secret(
    file: File, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuses)
    entry = AirbyteEntrypoint(SourceCloseIO())
    try:
        written = list(map(json.loads, entry.run(entry.parse_args(["check", "--config", file("config", config)]))))
    except AirbyteTracedException as failure:
        assert_clear(failure)
        assert not isinstance(config, dict)
        return
    (status,) = (each["connectionStatus"] for each in written if each["type"] == "CONNECTION_STATUS")
    assert status["status"] == "FAILED"
    assert "\n" not in status["message"]
    assert SECRET not in json.dumps(written)


SINCE = "2026-02-10T00:00:00Z"
LEADS = {"stream_descriptor": {"name": "leads"}, "stream_state": {"date_updated": SINCE}}
TASKS = {"stream_descriptor": {"name": "tasks", "namespace": None}, "stream_state": {"date_updated": SINCE}}
SLICES = [{"start": "2020-01-01T00:00:00Z", "end": SINCE}, {"start": SINCE, "end": "2026-02-11T00:00:00Z"}]
STATES = st.sampled_from(
    (
        [{"type": "STREAM", "stream": LEADS}, {"type": "STREAM", "stream": TASKS}],
        [{"type": "GLOBAL", "global": {"stream_states": [LEADS, TASKS], "shared_state": None}}],
        [{"type": "LEGACY", "data": {"leads": {"date_updated": SINCE}}}],
        {"leads": {"date_updated": SINCE}},
        [{"type": "STREAM", "stream": {**LEADS, "stream_state": {"state_type": "date-range", "slices": SLICES}}}],
    )
).flatmap(spoilt)


def entries(held: Any) -> list[dict[str, Any]]:
    """What a state that was read has for each stream, in the order of the file."""
    found: list[dict[str, Any]] = []
    for message in held or ():
        found += [message["stream"]] if message.get("stream") else message["global"]["stream_states"]
    return found


@given(STATES | ANY_JSON)
def test_a_state_is_understood_whole_or_not_at_all(file: File, held: Any) -> None:
    try:
        read = SourceCloseIO.read_state(file("state", held))
    except AirbyteTracedException as failure:
        assert_clear(failure)
        return
    streams = [each.stream for each in read if each.stream]
    assert len(streams) == len(read)
    given_on = [(each.stream_descriptor.name, vars(each.stream_state)) for each in streams]
    found = [(each["stream_descriptor"]["name"], each.get("stream_state") or {}) for each in entries(held)]
    assert repr(given_on) == repr(found)  # NaN differs from itself
    for name, blob in given_on:
        if is_of_another_cursor(blob, "date_updated"):
            continue  # read from the beginning, with a warning
        try:
            moment = reached(name, blob, "date_updated", NOW)
        except StateError as failure:
            assert_clear(failure)
        else:
            assert (moment is None) == tells_nothing(blob)


SEVERAL = st.lists(st.sampled_from(("leads", "tasks", "users")), max_size=4)


@given(spoilt(catalog_of(("leads", "tasks"))) | SEVERAL.map(lambda names: catalog_of(tuple(names))) | ANY_JSON)
def test_a_catalog_is_read_whole_or_not_at_all(file: File, held: Any) -> None:
    try:
        read = SourceCloseIO.read_catalog(file("catalog", held))
    except AirbyteTracedException as failure:
        assert_clear(failure)
        return
    names = [each.stream.name for each in read.streams]
    assert names == [each["stream"]["name"] for each in held["streams"]]
    assert len(set(names)) == len(names)


@pytest.fixture
def read(close: Emulator, file: File) -> Callable[[Any, Any], set[str]]:
    """The ids that `read` brings, of a lead of January and one that is later than the state."""
    for name, moment in (("lead_old", "2026-01-01T00:00:00Z"), ("lead_new", "2026-02-20T00:00:00Z")):
        close.add("lead/", {"id": name, "date_created": moment, "date_updated": moment})
    config = file("config", {"api_key": API_KEY, "base_url": close.base_url})

    def read(catalog: Any, state: Any) -> set[str]:
        entry = AirbyteEntrypoint(SourceCloseIO())
        files = ["--config", config, "--catalog", file("catalog", catalog), "--state", file("state", state)]
        messages = map(json.loads, entry.run(entry.parse_args(["read", *files])))
        return {each["record"]["data"]["id"] for each in messages if each["type"] == "RECORD"}

    return read


@FEW
@given(STATES)
def test_what_was_read_is_not_read_again_because_of_a_state_that_nobody_understands(
    read: Callable[[Any, Any], set[str]], state: Any
) -> None:
    try:
        ids = read(catalog_of(("leads",)), state)
    except AirbyteTracedException as failure:
        assert_clear(failure)
        return
    told: list[Any] = [
        each.get("stream_state") for each in entries(state) if each["stream_descriptor"]["name"] == "leads"
    ]
    if not told or tells_nothing(told[0]) or is_of_another_cursor(told[0], "date_updated"):
        assert ids == {"lead_old", "lead_new"}
    else:
        moment = reached("leads", told[0], "date_updated", NOW)
        assert moment
        assert ids >= {
            name for name, at in (("lead_old", "2026-01-01"), ("lead_new", "2026-02-20")) if parse_moment(at) >= moment
        }
        assert "lead_old" not in ids or moment < parse_moment("2026-01-08")


@FEW
@given(spoilt(catalog_of(("leads", "users"))))
def test_a_catalog_of_any_shape_ends_read_in_records_or_a_sentence(
    read: Callable[[Any, Any], set[str]], catalog: Any
) -> None:
    try:
        ids = read(catalog, [{"type": "STREAM", "stream": LEADS}])
    except AirbyteTracedException as failure:
        assert_clear(failure)
        return
    modes = {each["stream"]["name"]: each["sync_mode"] for each in catalog["streams"]}
    assert (
        ids == {"incremental": {"lead_new"}, "full_refresh": {"lead_old", "lead_new"}, None: set()}[modes.get("leads")]
    )
