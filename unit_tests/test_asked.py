"""What a stream asks Close for, beside the pages of its walk: one row of a span, a span that is still growing."""

import logging
from datetime import datetime, timedelta, timezone, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio import streams
from source_closeio.config import read_settings
from source_closeio.endpoints import ENDPOINTS, Endpoint
from source_closeio.errors import TellUs
from source_closeio.source import SourceCloseIO
from source_closeio.streams import CloseStream, Connection, stream_of
from source_closeio.windows import Part, Span

NOW = datetime(2026, 3, 1, 12, 0, 0, 654321, timezone.utc)
A_MINUTE_AGO = datetime(2026, 3, 1, 11, 59, tzinfo=timezone.utc)
JANUARY = datetime(2026, 1, 1, tzinfo=timezone.utc)


def connection() -> Connection:
    return Connection(read_settings({"api_key": "key"}))


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(NOW.timestamp(), tz)


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=1)])
def test_a_span_without_an_end_is_closed_a_minute_before_close_says_it_is_now(
    ahead: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "datetime", Clock)
    ours, border = connection(), A_MINUTE_AGO - ahead
    ours.ahead = ahead
    later = border + timedelta(seconds=1)

    assert ours.closed(Span(JANUARY)) == (Span(JANUARY, border), Span(border))
    assert ours.closed(Span()) == (Span(None, border), Span(border))
    for whole in (Span(border), Span(later), Span(JANUARY, later), Span(None, later)):
        assert ours.closed(whole) == (whole,)


def asked(name: str, page: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[CloseStream, list[Any]]:
    """The stream of this name, which gets this page whatever it asks for; and what it asked for."""
    (endpoint,) = (each for each in ENDPOINTS if each.name == name)
    stream, questions = stream_of(endpoint, connection()), list[Any]()

    def fetch(question: dict[str, Any]) -> dict[str, Any]:
        questions.append(question)
        return page

    monkeypatch.setattr(stream, "fetch", fetch)
    return stream, questions


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("users", {"_limit": 1}),
        ("activity_metrics", {}),
        ("call_activities", {"_limit": 1}),
        ("leads", {"where": {}, "spans": {}, "sort": ["date_updated"], "_limit": 1}),
    ],
)
def test_whether_a_stream_can_be_read_is_asked_with_one_row_where_the_list_can_be_cut(
    name: str, question: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, questions = asked(name, {"data": []}, monkeypatch)

    stream.probe()

    assert questions == [question]


def test_pages_overlap_by_the_date_that_the_rows_are_listed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the one that the slices are cut on."""
    born = ["00", "01", "02", "02", "02", "03"]
    held = [
        {
            "id": f"r{nth}",
            "date_updated": f"2026-01-09T00:00:{9 - nth:02}+00:00",
            "date_created": f"2026-01-01T00:00:{at}+00:00",
        }
        for nth, at in enumerate(born)
    ]
    stream, questions = asked("tasks", {}, monkeypatch)

    def fetch(question: dict[str, Any]) -> dict[str, Any]:
        questions.append(question)
        return {"data": held[question["_skip"] :][:5], "has_more": question["_skip"] + 5 < len(held)}

    monkeypatch.setattr(stream, "fetch", fetch)

    assert [row["id"] for row in stream.rows(Part(), 5)] == [row["id"] for row in held]
    assert questions == [{"_skip": skip, "_limit": 5} for skip in (0, 1, 4)]


@pytest.mark.parametrize("name", ["users", "call_activities", "leads", "event_log"])
def test_as_many_rows_a_page_are_asked_for_as_the_reader_wants(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, questions = asked(name, {"data": []}, monkeypatch)

    assert list(stream.rows(Part(), 7)) == []
    assert [question["_limit"] for question in questions] == [7]


def test_whether_a_stream_of_children_can_be_read_is_asked_for_one_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    (endpoint,) = (each for each in ENDPOINTS if each.name == "comments")
    stream, probed = stream_of(endpoint, connection()), list[Endpoint]()
    monkeypatch.setattr(stream, "_parents", lambda: iter(["first", "second", "third"]))
    monkeypatch.setattr(streams, "stream_of", lambda child, *_: SimpleNamespace(probe=lambda: probed.append(child)))

    stream.probe()

    assert probed == list(endpoint.of("first"))


def test_an_open_span_of_a_search_is_one_page_or_two_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "datetime", Clock)
    stream, questions = asked("leads", {"data": [], "cursor": None}, monkeypatch)

    assert list(stream.rows(Part(Span(JANUARY)), 7)) == []
    assert [each["spans"]["date_updated"] for each in questions] == [Span(JANUARY)]

    answers = iter([{"data": [], "cursor": "more"}])

    def fetch(question: dict[str, Any]) -> dict[str, Any]:
        questions.append(question)
        return next(answers, {"data": [], "cursor": None})

    monkeypatch.setattr(stream, "fetch", fetch)
    assert list(stream.rows(Part(Span(JANUARY)), 7)) == []
    assert [each["spans"]["date_updated"] for each in questions[1:]] == [
        Span(JANUARY),
        Span(JANUARY, A_MINUTE_AGO),
        Span(A_MINUTE_AGO),
    ]


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_an_answer_without_a_date_is_an_answer(headers: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """A proxy may drop the header that tells Close's time."""
    with requests_mock.Mocker() as close, caplog.at_level(logging.INFO):
        close.register_uri(requests_mock.ANY, requests_mock.ANY, json={"email": "a@x"}, headers=headers)
        with pytest.raises(AirbyteTracedException, match="No stream can be read") as failed:  # that is all it answers
            SourceCloseIO().check_connection(logging.getLogger("test"), {"api_key": "key"})

    assert failed.value.failure_type == FailureType.system_error
    assert "Connected to Close as a@x of an unnamed organisation." in caplog.messages


def test_rows_are_told_apart_by_the_key_of_their_list(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"email": "a@x"}, {"email": "b@x"}]
    stream, _ = asked("unsubscribed_emails", {"data": rows}, monkeypatch)

    assert list(stream.rows(Part(), 7)) == rows


def test_a_list_that_knows_no_pages_is_asked_for_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, questions = asked("activity_metrics", {"data": [{"key": "a"}]}, monkeypatch)

    assert list(stream.rows(Part(), 7)) == [{"key": "a"}]
    assert questions == [{}]


def test_a_list_that_cannot_be_read_exactly_is_an_error_that_names_stream_and_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (users,) = (each for each in ENDPOINTS if each.name == "users")
    rows = [{"id": str(nth)} for nth in range(users.page_size)]
    stream, _ = asked("users", {"data": rows, "has_more": True}, monkeypatch)

    with pytest.raises(TellUs, match=r"^Stream users cannot be read exactly: This list answers with the same page"):
        list(stream.records(Part()))
