"""The commands, with what Close answers written by hand: who is asked, what is told, up to which moment."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
    Status,
    StreamDescriptor,
)
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio import source
from source_closeio.config import named
from source_closeio.endpoints import CUSTOM_FIELD_SCHEMAS, ENDPOINTS
from source_closeio.errors import StreamRefused, TryLater
from source_closeio.http_policy import REPORT
from source_closeio.log_lines import PLAIN
from source_closeio.source import SourceCloseIO
from source_closeio.streams import Connection
from source_closeio.workers import TookTooLong

from .conftest import NOW, catalog_of

CONFIG = {"api_key": "key"}
ROOT = "/api/v1/"
ME = {
    "id": "user_me",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "a@x",
    "organizations": [{"name": "O", "id": "orga_1"}],
}
FIELD = {"id": "cf_1", "name": "Size", "type": "number"}
EMPTY: dict[str, Any] = {name: [] for endpoint in ENDPOINTS for name in ("data", *endpoint.rows_in)}
REFUSED = (403, {"error": "You may not."})
logger = logging.getLogger("test")


class Close:
    """Answers by path: a body, or a status and a body; lists that are not named are empty."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self.otherwise: Any = {"has_more": False, "cursor": None, "fields": [], **EMPTY}
        self.answers: dict[str, Any] = {"me/": ME, "organization/orga_1/": {"id": "orga_1", **EMPTY}}
        self.asked: list[str] = []
        self.date: datetime | str | None = None
        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, json=self._answer)

    def _answer(self, request: Any, context: Any) -> Any:
        path = request.path.removeprefix(ROOT)
        self.asked.append(path)
        if self.date is not None:
            date = self.date if isinstance(self.date, str) else format_datetime(self.date, usegmt=True)
            context.headers["Date"] = date
        answer = self.answers.get(path, self.otherwise)
        if isinstance(answer, tuple):
            context.status_code, answer = answer
        return answer


@pytest.fixture
def close() -> Iterator[Close]:
    with requests_mock.Mocker() as mocker:
        yield Close(mocker)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# check


def check(config: Mapping[str, Any] = CONFIG) -> tuple[Status, str | None]:
    told = SourceCloseIO().check(logger, config)
    return told.status, told.message


@pytest.mark.parametrize(
    ("me", "told"),
    [
        (ME, "Ann Lee of O"),
        ({**ME, "organizations": [{"name": "O"}, {"name": "P"}], "first_name": None}, "Lee of O, P"),
        ({"email": "a@x", "organizations": []}, "a@x of an unnamed organisation"),
        ({**ME, "organizations": [{"name": ".O Inc."}]}, "Ann Lee of .O Inc"),
        ({"email": "a@x", "last_name": ""}, "a@x of an unnamed organisation"),
    ],
)
def test_a_check_that_succeeds_names_user_and_organisation(
    close: Close, caplog: pytest.LogCaptureFixture, me: dict[str, Any], told: str
) -> None:
    close.answers["me/"] = me

    with caplog.at_level(logging.INFO, "test"):
        assert check() == (Status.SUCCEEDED, None)
    assert [each for each in caplog.messages if each.startswith("Connected")] == [f"Connected to Close as {told}."]
    assert {each.path for each in ENDPOINTS if not each.parent} - {*close.asked, "data/search/"} == set()


def test_a_check_names_each_stream_that_cannot_be_read_and_why(close: Close, caplog: pytest.LogCaptureFixture) -> None:
    close.answers |= {"user/": REFUSED, "outcome/": (405, {"error": "no"})}

    assert check() == (Status.SUCCEEDED, None)
    assert sorted(warnings(caplog)) == [
        f"Stream outcomes cannot be read now: Close does not allow this request to /outcome/ (405); {REPORT}.",
        "Stream users cannot be read now: The user of this API key may not read /user/ (403); ask an admin for the "
        "permission.",
    ]


@pytest.mark.parametrize(
    ("refused", "capture", "told"),
    [
        (False, "edits and deletes", [source.EDITS_AND_DELETES_COME]),
        (True, "deletes", [source.DELETES_DO_NOT_COME]),
        (True, "off", []),
    ],
)
def test_a_check_tells_whether_the_event_log_can_be_followed_where_it_is_to_be(
    close: Close, caplog: pytest.LogCaptureFixture, refused: bool, capture: str, told: list[str]
) -> None:
    if refused:
        close.answers["event/"] = REFUSED

    with caplog.at_level(logging.INFO, "test"):
        check({**CONFIG, "change_capture": capture})
    assert [each for each in caplog.messages if "eletes " in each] == told


def test_a_check_by_a_key_that_may_read_nothing_fails_with_the_first_refusal(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_problem", lambda stream: StreamRefused(f"{stream.name} is refused."))

    told = f"No stream can be read with this key. {ENDPOINTS[0].name} is refused."
    assert check() == (Status.FAILED, told)


def test_a_check_without_an_answer_tries_eight_times_and_each_list_twice(close: Close) -> None:
    close.answers["user/"] = (500, {})
    check()
    assert close.asked.count("user/") == 2

    close.answers["me/"] = (500, {})
    close.asked.clear()
    with pytest.raises(AirbyteTracedException) as failed:
        check()
    assert failed.value.message == "Close failed to answer /me/ (500); try again later. Tried 8 times."
    assert failed.value.failure_type == FailureType.transient_error
    assert close.asked == ["me/"] * 8


def test_a_config_that_cannot_be_used_is_a_sentence_in_every_command(close: Close) -> None:
    usable = SourceCloseIO().configure(CONFIG, "")
    wrong = SourceCloseIO().configure({"api_key": "secret", "num_workers": 0}, "")
    told = "Concurrent Readers (`num_workers`) must be a whole number from 1 to 40."

    assert usable == CONFIG
    assert wrong == {"api_key": "", source.UNUSABLE: told}
    assert check(wrong) == (Status.FAILED, told)
    commands: tuple[Callable[[], Any], ...] = (
        lambda: SourceCloseIO().discover(logger, wrong),
        lambda: SourceCloseIO().streams(wrong),
        lambda: read("users", config=wrong),
    )
    for command in commands:
        with pytest.raises(AirbyteTracedException) as failed:
            command()
        assert (failed.value.message, failed.value.failure_type) == (told, FailureType.config_error)
    assert close.asked == []


def test_a_check_looks_at_so_many_streams_at_once_as_there_are_workers(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    side_by_side = source.side_by_side  # type: ignore[attr-defined]

    def noted(make: Any, given: Any, count: int) -> Any:
        at_once.append(count)
        return side_by_side(make, given, count)

    monkeypatch.setattr(source, "side_by_side", noted)
    check({**CONFIG, "num_workers": 3})
    assert at_once == [3]


def way(refusal: str | None, otherwise: Any = None) -> Any:
    """A stream that is refused in these words, if any, and its other way."""

    def probe() -> None:
        if refusal:
            raise StreamRefused(refusal)

    return SimpleNamespace(probe=probe, otherwise=otherwise)


def test_a_stream_with_two_ways_cannot_be_read_if_both_are_refused() -> None:
    assert str(source._problem(way("the first", way("the second")))) == "the second"
    assert source._problem(way("the first", way(None))) is None
    assert str(source._problem(way("the first"))) == "the first"
    assert source._problem(way(None, way("the second"))) is None


def test_an_address_that_knows_no_identity_is_not_closes(close: Close) -> None:
    close.answers["me/"] = (404, {"error": "no"})

    assert check() == (Status.FAILED, "`base_url` does not lead to Close's API, which knows /me/.")


def test_each_command_has_its_time_and_each_list_of_a_check_its_own(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, probes = list[Any](), list[float]()
    in_time, in_time_of_a_command = source.in_time, source._in_time  # type: ignore[attr-defined]

    def command(make: Any, name: str, seconds: float, connections: Any) -> Any:
        commands.append((name, seconds))
        return in_time_of_a_command(make, name, seconds, connections)

    def probe(make: Any, seconds: float) -> Any:
        probes.append(seconds)
        return in_time(make, seconds)

    monkeypatch.setattr(source, "_in_time", command)
    monkeypatch.setattr(source, "in_time", probe)
    check()
    SourceCloseIO().discover(logger, CONFIG)

    assert commands == [("check", 240.0), ("discover", 480.0)]
    assert sorted(set(probes)) == [60.0, 240.0, 480.0]


def test_a_command_that_takes_too_long_ends_with_its_requests() -> None:
    connection = Connection(source._settings(CONFIG))

    with pytest.raises(TryLater) as told:
        source._in_time(connection.stop.wait, "check", 0.006, [connection])
    assert str(told.value) == (
        "`check` was given up after 0.0001 minutes: Close, or the network on the way, answers too slowly; try again "
        "later."
    )
    assert connection.stop.is_set()


def test_a_list_that_takes_too_long_is_the_trouble_of_this_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: Any) -> None:
        raise TookTooLong

    monkeypatch.setattr(source, "in_time", too_long)
    problem = source._problem(way(None))

    assert isinstance(problem, TryLater)
    assert str(problem) == "Close took longer than 60 seconds to answer; try again later."


def test_what_the_cdk_logs_for_this_source_is_made_plain() -> None:
    log = logging.getLogger("airbyte.SourceCloseIO")
    log.removeFilter(PLAIN)

    SourceCloseIO()
    assert PLAIN in log.filters


# discover


def test_discover_offers_the_custom_fields_of_each_kind_and_their_values_if_wanted(close: Close) -> None:
    close.answers["custom_field_schema/lead/"] = {"fields": [FIELD]}

    catalog = SourceCloseIO().discover(logger, CONFIG)
    names = [each.name for each in catalog.streams]
    (leads,) = (each for each in catalog.streams if each.name == "leads")

    assert names == [each.name for each in ENDPOINTS]
    assert "custom.cf_1" in leads.json_schema["properties"]
    asked = {each.path for each in CUSTOM_FIELD_SCHEMAS.values() if each.parent is None}
    assert asked <= set(close.asked)
    offered = SourceCloseIO().discover(logger, {**CONFIG, "custom_field_names": True}).streams
    assert [each.name for each in offered] == [*names, "custom_field_values"]


# read


def read(
    *streams: str,
    config: Mapping[str, Any] = CONFIG,
    state: list[AirbyteStateMessage] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> list[AirbyteMessage]:
    catalog = catalog_of(streams)
    for each in catalog["streams"]:
        each["stream"]["json_schema"] = schema or {}
    return list(SourceCloseIO().read(logger, config, ConfiguredAirbyteCatalogSerializer.load(catalog), state))


def ids(messages: list[AirbyteMessage]) -> list[str]:
    return [message.record.data["id"] for message in messages if message.record]


def errors(messages: list[AirbyteMessage]) -> list[tuple[str | None, str]]:
    found = [message.trace.error for message in messages if message.trace and message.trace.error]
    return [(each.stream_descriptor and each.stream_descriptor.name, each.message) for each in found]


def statuses(messages: list[AirbyteMessage]) -> dict[str, str]:
    told = [message.trace.stream_status for message in messages if message.trace and message.trace.stream_status]
    return {each.stream_descriptor.name: each.status.value for each in told}


def until_it_fails(
    *streams: str, state: list[AirbyteStateMessage] | None = None
) -> tuple[list[AirbyteMessage], AirbyteTracedException]:
    """All that comes before the failure, and the failure."""
    catalog = ConfiguredAirbyteCatalogSerializer.load(catalog_of(streams))
    written, messages = SourceCloseIO().read(logger, CONFIG, catalog, state), list[AirbyteMessage]()
    while True:
        try:
            messages.append(next(written))
        except AirbyteTracedException as failure:
            return messages, failure


def test_a_stream_that_close_does_not_have_is_told_and_the_others_are_read(close: Close) -> None:
    close.answers["user/"] = {"data": [{"id": "user_1"}], "has_more": False}

    messages, failure = until_it_fails("unicorns", "users", "dragons")

    assert ids(messages) == ["user_1"]
    assert statuses(messages) == {"unicorns": "INCOMPLETE", "dragons": "INCOMPLETE", "users": "COMPLETE"}
    assert errors(messages) == [
        (name, f"Close has no stream {name}; refresh the schema of the connection and deselect it.")
        for name in ("unicorns", "dragons")
    ]
    assert failure.message == (
        "Not read whole: dragons, unicorns. The errors above say why; the next sync goes on from the last state."
    )
    assert failure.failure_type is FailureType.config_error


def test_streams_that_fail_are_named_beside_those_that_close_does_not_have(close: Close) -> None:
    close.answers |= {"user/": (500, {}), "outcome/": {"data": [{"id": "outc_1"}], "has_more": False}}

    messages, failure = until_it_fails("zebras", "outcomes", "users")

    assert ids(messages) == ["outc_1"]
    assert str(failure.message).startswith("Not read whole: users, zebras. ")
    assert failure.failure_type is FailureType.transient_error


def test_of_which_streams_something_was_left_out_is_known_once_they_are_read(close: Close) -> None:
    close.answers["user/"] = REFUSED
    ours = SourceCloseIO()
    assert not ours.lacks("users")
    list(ours.read(logger, CONFIG, ConfiguredAirbyteCatalogSerializer.load(catalog_of(("users", "outcomes")))))

    assert [name for name in ("users", "outcomes", "unicorns") if ours.lacks(name)] == ["users"]


def test_the_values_of_custom_fields_are_no_stream_where_they_are_not_wanted(close: Close) -> None:
    messages, _ = until_it_fails("custom_field_values")

    told = f"Stream custom_field_values needs {named('custom_field_names')}: switch it on, or deselect the stream."
    assert errors(messages) == [("custom_field_values", told)]


def test_a_state_that_cannot_be_read_is_told_of_its_stream_and_the_others_are_read(close: Close) -> None:
    close.answers["user/"] = {"data": [{"id": "user_1"}], "has_more": False}
    told = AirbyteStreamState(StreamDescriptor(name="tasks"), AirbyteStateBlob({"date_updated": "last week"}))
    state = [AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=told)]

    messages, failure = until_it_fails("tasks", "users", state=state)

    assert ids(messages) == ["user_1"]
    ((stream, sentence),) = errors(messages)
    assert stream == "tasks"
    assert sentence.startswith("The state of stream tasks cannot be read")
    assert str(failure.message).startswith("Not read whole: tasks. ")


def test_a_catalog_of_unknown_streams_asks_nobody(close: Close) -> None:
    _, failure = until_it_fails("zebras")

    assert str(failure.message).startswith("Not read whole: zebras. ")
    assert close.asked == []


def test_a_sync_goes_on_from_its_state_up_to_the_moment_that_is_told_with_the_identity(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    engine = source.Engine  # type: ignore[attr-defined]
    monkeypatch.setattr(source, "Engine", lambda *given: (made.append(given), engine(*given))[1])  # type: ignore[func-returns-value]
    close.date = NOW
    told = AirbyteStreamState(
        StreamDescriptor(name="tasks"), AirbyteStateBlob({"date_updated": "2026-02-01T00:00:00Z"})
    )
    state = AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=told)

    assert ids(read("users", "tasks", state=[state])) == []
    assert made[0][1] == [state]
    assert made[0][2] == NOW
    read("users")
    assert made[1][1] == []
    assert close.asked.count("me/") == 2


def clock(at: datetime) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(at.timestamp(), tz)

    return Clock


@pytest.mark.parametrize(
    ("ours", "now", "ahead"),
    [(NOW + timedelta(hours=1), NOW, 3600), (NOW - timedelta(hours=1), NOW - timedelta(hours=1), 0), (NOW, NOW, 0)],
)
def test_time_ends_at_the_earlier_of_our_clock_and_closes(
    close: Close, monkeypatch: pytest.MonkeyPatch, ours: datetime, now: datetime, ahead: int
) -> None:
    monkeypatch.setattr(source, "datetime", clock(ours))
    connection = Connection(source._settings(CONFIG))
    close.date = NOW

    assert source._ask_identity(connection) == (ME, now)
    assert connection.ahead == timedelta(seconds=ahead)
    connection.ahead = timedelta(days=1)
    assert source._ask_identity(connection) == (ME, ours - timedelta(days=1))
    assert connection.ahead == timedelta(days=1)
    assert now.tzinfo is timezone.utc


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_an_answer_without_a_date_leaves_our_clock(
    close: Close, monkeypatch: pytest.MonkeyPatch, date: str | None
) -> None:
    close.date = date
    monkeypatch.setattr(source, "datetime", clock(NOW))
    connection = Connection(source._settings(CONFIG))

    assert source._ask_identity(connection) == (ME, NOW)


@pytest.mark.parametrize(
    ("stream", "kinds"), [("users", set()), ("leads", {"lead"}), ("custom_field_values", set(CUSTOM_FIELD_SCHEMAS))]
)
def test_a_sync_asks_for_the_definitions_that_its_streams_need(close: Close, stream: str, kinds: set[str]) -> None:
    read(stream, config={**CONFIG, "custom_field_names": True})

    paths = {kind: (each.parent.of if each.parent else each).path for kind, each in CUSTOM_FIELD_SCHEMAS.items()}
    assert {kind for kind, path in paths.items() if path in close.asked and path.startswith("custom_")} == kinds


def test_values_are_made_to_fit_the_columns_of_the_catalog_and_the_record_says_so(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "custom.cf_1": "many"}
    monkeypatch.setattr("source_closeio.streams.SearchStream.rows", lambda *_: iter([dict(row)]))
    close.answers["custom_field_schema/lead/"] = {"fields": [FIELD]}
    schema = {"type": "object", "properties": {"id": {}, "custom.cf_1": {"type": ["null", "number"]}}}

    (record, *_) = (message.record for message in read("leads", schema=schema) if message.record)

    assert record.data["custom.cf_1"] is None
    assert record.meta
    assert [(each.field, each.change.value) for each in record.meta.changes or []] == [("custom.cf_1", "NULLED")]
