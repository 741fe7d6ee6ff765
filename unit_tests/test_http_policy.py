"""One table for all answers and failures: nothing falls through, and each is one sentence."""

import inspect
import re
from typing import Any

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ResponseAction
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio.http_policy import CloseErrorHandler, Meaning, Patience, StreamRefused, judge, judge_failure
from source_closeio.pagination import CursorRefused, OffsetCapReached, PageTooLarge

FAILURES = sorted(
    (
        kind
        for _, kind in inspect.getmembers(requests.exceptions, inspect.isclass)
        if issubclass(kind, requests.exceptions.RequestException)
    ),
    key=lambda kind: kind.__name__,
)


def answered(status: int, content: bytes = b"{}", content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = content
    response.headers["Content-Type"] = content_type
    response.request = requests.Request("GET", "https://api.close.com/api/v1/lead/?query=secret").prepare()
    return response


def handler(*refused_by: int) -> CloseErrorHandler:
    return CloseErrorHandler("/api/v1/", refused_by or (402, 403))


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: str(kind.__name__))
def test_every_failure_of_requests_has_a_meaning_and_one_sentence(kind: type[Exception]) -> None:
    verdict = judge_failure(kind.__new__(kind))

    assert verdict.meaning in (Meaning.AGAIN, Meaning.CONFIG, Meaning.BUG)
    assert re.fullmatch(r"[^\n]+\.", verdict.sentence)


@pytest.mark.parametrize(
    "kind",
    [
        requests.exceptions.ConnectionError,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ReadTimeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
        requests.exceptions.ProxyError,
        requests.exceptions.SSLError,
    ],
)
def test_what_the_network_does_is_tried_again(kind: type[Exception]) -> None:
    resolution = handler().interpret_response(kind())

    assert resolution.response_action == ResponseAction.RETRY
    assert resolution.failure_type == FailureType.transient_error


def test_every_status_has_a_meaning_and_one_sentence() -> None:
    for status in range(100, 600):
        verdict = judge(status, {}, "application/json", (402, 403))
        assert verdict.meaning is Meaning.OK or re.fullmatch(r"[^\n]+\.", verdict.sentence), status


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, Meaning.OK),
        (400, Meaning.BUG),
        (401, Meaning.CONFIG),
        (402, Meaning.SKIP),
        (403, Meaning.SKIP),
        (404, Meaning.CONFIG),
        (405, Meaning.BUG),
        (408, Meaning.AGAIN),
        (415, Meaning.BUG),
        (418, Meaning.BUG),
        (429, Meaning.AGAIN),
        (500, Meaning.AGAIN),
        (503, Meaning.AGAIN),
        (504, Meaning.AGAIN),
        (520, Meaning.AGAIN),
    ],
)
def test_statuses_are_sorted_by_what_the_user_does_next(status: int, meaning: Meaning) -> None:
    assert judge(status, {}, "application/json", (402, 403)).meaning is meaning


def test_a_refusal_is_a_wrong_key_where_the_list_is_open_to_all() -> None:
    assert judge(403, {}, "application/json", ()).meaning is Meaning.CONFIG


def test_a_400_leaves_out_the_event_log_where_close_refuses_it() -> None:
    assert judge(400, {}, "application/json", (400, 402, 403)).meaning is Meaning.SKIP


def test_a_web_page_is_not_close_and_a_damaged_answer_is_tried_again() -> None:
    assert judge(200, None, "text/html; charset=utf-8", ()).meaning is Meaning.CONFIG
    assert judge(200, None, "application/json", ()).meaning is Meaning.AGAIN


@pytest.mark.parametrize(
    ("body", "signal"),
    [
        (
            b'{"error": "The skip you set is larger than the maximum skip for this resource (max_skip = 250000). '
            b'Please refine your search query."}',
            OffsetCapReached,
        ),
        (b'{"errors": [], "field-errors": {"_skip": "Input should be less than or equal to 35000"}}', OffsetCapReached),
        (b'{"field-errors": {"cursor": "Expired cursor"}}', CursorRefused),
        (b'{"errors": [], "field-errors": {"_limit": "Input should be less than or equal to 200"}}', PageTooLarge),
    ],
)
def test_limits_of_close_are_signals_to_the_walk(body: bytes, signal: type[Exception]) -> None:
    with pytest.raises(signal):
        handler().interpret_response(answered(400, body))


def test_an_error_names_the_fields_that_close_complains_of_and_nothing_that_it_quotes() -> None:
    with pytest.raises(AirbyteTracedException) as caught:
        handler().interpret_response(
            answered(400, b'{"errors": ["Jane Doe"], "field-errors": {"query": "Jane Doe is not a query"}}')
        )

    assert "/lead/" in str(caught.value)
    assert "query" in str(caught.value)
    assert "Jane" not in repr(caught.value) + str(caught.value.internal_message)
    assert "secret" not in str(caught.value)
    assert caught.value.failure_type == FailureType.system_error


def test_a_refusal_is_raised_with_its_sentence() -> None:
    with pytest.raises(StreamRefused, match=r"may not read /lead/ \(403\)"):
        handler().interpret_response(answered(403))


def test_the_decoded_body_stays_on_the_response() -> None:
    response = answered(200, b'{"data": []}')

    assert handler().interpret_response(response).response_action == ResponseAction.SUCCESS
    assert response.doc == {"data": []}  # type: ignore[attr-defined]


def test_pauses_grow_and_are_jittered_and_end_with_the_sentence() -> None:
    patience = Patience(handler(), tries=8)
    failed = answered(503, b"<html>", "text/html")
    pauses: list[Any] = [patience.backoff_time(failed, attempt) for attempt in range(1, 8)]

    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))
    assert len({patience.backoff_time(failed, 3) for _ in range(5)}) > 1
    with pytest.raises(AirbyteTracedException, match=r"failed to answer /lead/ \(503\).*Tried 8 times\.") as caught:
        patience.backoff_time(failed, 8)
    assert caught.value.failure_type == FailureType.transient_error


def test_after_a_429_the_group_waits_and_the_thread_hardly_and_it_is_tried_longer() -> None:
    patience = Patience(handler(), tries=8)

    assert all(patience.backoff_time(answered(429), attempt) < 1 for attempt in range(1, 40))
    with pytest.raises(AirbyteTracedException, match=r"went on limiting the requests to /lead/ \(429\)"):
        patience.backoff_time(answered(429), 40)
