"""From Airbyte's messages to Singer's, one behaviour a test; whole streams are in test_golden.py."""

import logging
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteStreamStatus, FailureType, Level
from airbyte_protocol_dataclasses.models import AirbyteRecordMessageMeta, AirbyteRecordMessageMetaChange, Change, Reason

from source_closeio.errors import Problem, TellUs
from source_closeio.singer.messages import Log
from source_closeio.singer.translate import METRICS_EVERY, translate

from .offered import offered
from .spoken import error, log, record, state, status

STARTED, RUNNING = AirbyteStreamStatus.STARTED, AirbyteStreamStatus.RUNNING
COMPLETE, INCOMPLETE = AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE
BOTH = [status("leads", COMPLETE), status("users", COMPLETE)]


def said(*messages: AirbyteMessage, keep: bool = False, lacking: str = "") -> list[Any]:
    return list(translate(messages, offered(), {"bookmarks": {}}, keep, 7, lacking.__eq__))


def kinds(written: list[Any]) -> list[str]:
    return [f"{each['type']} {each.get('stream', '')}".strip() for each in written if not isinstance(each, Log)]


def logs(*messages: AirbyteMessage) -> list[Log]:
    return [each for each in said(*messages, *BOTH) if isinstance(each, Log)]


def test_a_stream_is_announced_once_by_whatever_comes_of_it_first() -> None:
    written = said(
        status("users", STARTED),
        record("leads", {"id": "a"}, 0),
        status("leads", STARTED),
        status("users", RUNNING),
        *BOTH,
    )

    assert kinds(written) == ["SCHEMA users", "SCHEMA leads", "RECORD leads", "ACTIVATE_VERSION users", "STATE"]


@pytest.mark.parametrize("after", [STARTED, RUNNING])
def test_a_stream_that_came_to_its_end_stays_there(after: AirbyteStreamStatus) -> None:
    assert kinds(said(*BOTH, status("leads", after)))[-1] == "STATE"


def test_the_last_word_is_the_state_as_it_has_become() -> None:
    written = said(state("leads", {"date_updated": "x"}), *BOTH)

    assert written[-1] == {"type": "STATE", "value": {"bookmarks": {"leads": {"date_updated": "x"}}}}


def test_a_list_that_was_read_whole_has_its_version_activated_behind_its_records_which_name_it() -> None:
    written = said(record("users", {"id": "a"}, 0), record("leads", {"id": "b"}, 0), *BOTH)

    assert kinds(written)[-2:] == ["ACTIVATE_VERSION users", "STATE"]
    versions = {each["stream"]: each.get("version") for each in written if kinds([each]) and each["type"] == "RECORD"}
    assert versions == {"users": 7, "leads": None}
    assert {"type": "ACTIVATE_VERSION", "stream": "users", "version": 7} in written


def test_an_empty_list_has_its_version_activated_too() -> None:
    assert "ACTIVATE_VERSION users" in kinds(said(*BOTH))


def test_a_list_of_which_something_was_left_out_has_no_version_activated() -> None:
    assert "ACTIVATE_VERSION users" not in kinds(said(record("users", {"id": "a"}, 0), *BOTH, lacking="users"))


def test_a_list_that_did_not_come_to_its_end_has_no_version_activated() -> None:
    messages = [status("users", INCOMPLETE), status("leads", COMPLETE)]
    written: list[Any] = []
    with pytest.raises(Problem):
        written.extend(translate(messages, offered(), {"bookmarks": {}}, False, 7, "".__eq__))

    assert kinds(written) == ["SCHEMA users", "SCHEMA leads"]


@pytest.mark.parametrize("end", [[INCOMPLETE], [COMPLETE, INCOMPLETE], [STARTED], []])
def test_a_stream_that_did_not_come_to_its_end_fails_the_sync(end: list[AirbyteStreamStatus]) -> None:
    with pytest.raises(Problem) as failure:
        said(*(status("leads", each) for each in end), status("users", COMPLETE))

    assert str(failure.value) == "Not read whole: leads. The next sync goes on from the last state."


def test_all_streams_that_did_not_come_to_their_end_are_named() -> None:
    with pytest.raises(Problem, match=r"^Not read whole: leads, users\. "):
        said()


def test_the_moment_of_a_record_is_its_own() -> None:
    written = said(*(record("leads", {"id": "a"}, at) for at in (0, 0, 1001, 1)), *BOTH)

    assert [each["time_extracted"] for each in written if kinds([each]) == ["RECORD leads"]] == [
        "1970-01-01T00:00:00.000000Z",
        "1970-01-01T00:00:00.000000Z",
        "1970-01-01T00:00:01.001000Z",
        "1970-01-01T00:00:00.001000Z",
    ]


def counts(*moments: int) -> list[tuple[str, str]]:
    """The counts and the records, in their order."""
    told = []
    for each in said(*(record("leads", {"id": "a"}, at) for at in moments), *BOTH):
        if isinstance(each, Log):
            told.append(("count", each.text.partition('"value": ')[2].partition(",")[0]))
        elif each["type"] == "RECORD":
            told.append(("record", ""))
    return told


def test_records_are_counted_once_a_minute_and_at_the_end() -> None:
    began = 5 * METRICS_EVERY
    one, counted = ("record", ""), ("count", "1")

    assert METRICS_EVERY == 60_000
    assert counts(began, began + 59_999, began + 59_999) == [one, one, one, ("count", "3")]
    assert counts(began, began + 60_000, began + 119_999) == [one, counted, one, one, ("count", "2")]
    assert counts(began, began + 60_000, began + 120_000) == [
        one,
        ("count", "1"),
        one,
        ("count", "1"),
        one,
        ("count", "1"),
    ]


def test_a_stream_without_records_is_not_counted() -> None:
    assert logs() == []


def test_a_stream_that_goes_on_says_nothing_yet_of_what_was_done_to_its_records() -> None:
    told = logs(record("leads", {"id": "a", "new": 1}, 0), status("leads", RUNNING))

    assert [each.level for each in told] == [logging.INFO, logging.WARNING]
    assert "left out new" in told[1].text


def test_the_fields_whose_values_were_changed_are_told_with_how_often() -> None:
    def changed(*fields: str) -> AirbyteMessage:
        message = record("leads", {"id": "a"}, 0)
        assert message.record
        reason = Reason.SOURCE_SERIALIZATION_ERROR
        kind = Change.NULLED
        changes = [AirbyteRecordMessageMetaChange(field=field, change=kind, reason=reason) for field in fields]
        message.record.meta = AirbyteRecordMessageMeta(changes=changes)
        return message

    told = logs(changed("custom.b", "custom.a"), changed("custom.b"), changed())

    assert told[1:] == [
        Log(
            logging.WARNING,
            "Stream leads: values were changed to fit their columns: custom.a (1), custom.b (2).",
        )
    ]


def test_all_fields_that_no_schema_declares_are_told_with_how_to_get_them() -> None:
    told = logs(record("leads", {"id": "a", "z": 1}, 0), record("leads", {"id": "b", "new": 1}, 0))

    assert told[1:] == [
        Log(
            logging.WARNING,
            "Stream leads: left out new, z, which its schema does not declare; "
            '`"undeclared_properties": "keep"` passes them on.',
        )
    ]


def test_a_message_of_a_stream_that_nobody_asked_for_is_a_failure_that_names_it() -> None:
    with pytest.raises(TellUs, match=r"^Messages came of stream orders, which was not asked for; please report it\.$"):
        said(record("orders", {"id": "a"}, 0))


def test_a_stream_is_announced_with_its_bookmark_if_it_has_one() -> None:
    announced = {each["stream"]: each for each in said(*BOTH) if each["type"] == "SCHEMA"}

    assert announced["leads"]["bookmark_properties"] == ["date_updated"]
    assert not announced["users"].get("bookmark_properties")


def test_a_state_without_a_stream_or_without_a_blob_moves_nothing() -> None:
    whole = state("leads", None)
    shared = state("leads", {})
    assert shared.state
    shared.state.stream = None

    assert said(whole, shared, *BOTH)[0] == {"type": "STATE", "value": {"bookmarks": {}}}
    assert kinds(said(whole, shared, *BOTH)) == [
        "STATE",
        "SCHEMA leads",
        "SCHEMA users",
        "ACTIVATE_VERSION users",
        "STATE",
    ]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.FATAL, logging.CRITICAL),
        (Level.ERROR, logging.ERROR),
        (Level.WARN, logging.WARNING),
        (Level.INFO, logging.INFO),
        (Level.DEBUG, logging.DEBUG),
        (Level.TRACE, logging.DEBUG),
    ],
)
def test_a_log_line_keeps_its_level(level: Level, expected: int) -> None:
    assert logs(log(level, "told")) == [Log(expected, "told")]


STACK = 'Traceback (most recent call last):\n  File "streams.py", line 7, in read\n    raise\nKeyError: Jane'


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (error("leads", "A sentence.", FailureType.config_error, STACK), "Stream leads: A sentence."),
        (error("leads", "A sentence.", FailureType.transient_error, STACK), "Stream leads: A sentence."),
        (
            error("leads", "A sentence.", FailureType.system_error, STACK),
            'Stream leads: A sentence.\nFile "streams.py", line 7, in read',
        ),
        (error("leads", "A sentence.", FailureType.system_error, None), "Stream leads: A sentence."),
        (error(None, "A sentence.", None, STACK), "A sentence."),
        (error("orders", "A sentence.", None, None), "A sentence."),
    ],
)
def test_an_error_is_its_sentence_and_a_defect_the_places_too(message: AirbyteMessage, told: str) -> None:
    assert logs(message) == [Log(logging.ERROR, told)]
