"""One table for all answers and failures: nothing falls through, and each is one sentence."""

import inspect
import json
import re
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ResponseAction
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio.http_policy import (
    CloseErrorHandler,
    Meaning,
    NothingThere,
    Patience,
    StreamRefused,
    Verdict,
    error_names,
    judge,
    judge_failure,
    read_json,
    walk_signal,
)
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
        (199, Meaning.BUG),
        (200, Meaning.OK),
        (299, Meaning.OK),
        (300, Meaning.BUG),
        (399, Meaning.BUG),
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
        (499, Meaning.BUG),
        (500, Meaning.AGAIN),
        (503, Meaning.AGAIN),
        (504, Meaning.AGAIN),
        (520, Meaning.AGAIN),
        (599, Meaning.AGAIN),
        (600, Meaning.BUG),
    ],
)
def test_statuses_are_sorted_by_what_the_user_does_next(status: int, meaning: Meaning) -> None:
    assert judge(status, {}, "application/json", (402, 403)).meaning is meaning


@pytest.mark.parametrize(
    ("status", "sentence"), [(399, "unexpected way (399)"), (400, "(400)"), (418, "refused a request"), (600, "(600)")]
)
def test_a_status_that_is_not_in_the_table_is_told_by_its_hundred(status: int, sentence: str) -> None:
    with pytest.raises(AirbyteTracedException, match=re.escape(sentence)):
        handler().interpret_response(answered(status))


@pytest.mark.parametrize("refused_by", [(400, 402, 403), ()])
@pytest.mark.parametrize("status", [402, 403])
@pytest.mark.parametrize("body", [b"<!doctype html><h1>Forbidden</h1>", b"", b'"Forbidden"'])
def test_a_refusal_that_is_not_closes_own_is_tried_again_and_says_what_it_looks_like(
    status: int, body: bytes, refused_by: tuple[int, ...]
) -> None:
    close = CloseErrorHandler("/api/v1/", refused_by)

    resolution = close.interpret_response(answered(status, body, "text/html"))

    assert resolution.response_action == ResponseAction.RETRY
    assert resolution.failure_type == FailureType.transient_error
    assert resolution.error_message == (
        f"A page that is not Close's refused /lead/ ({status}), as a firewall or a proxy on the way to api.close.com "
        "does; have it let the connector through, or try again later."
    )


def test_a_page_in_place_of_the_event_logs_400_is_not_closes_either() -> None:
    assert judge(400, None, "text/html", (400, 402, 403)).meaning is Meaning.AGAIN
    assert judge(400, None, "text/html", (402, 403)).meaning is Meaning.BUG


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
        (b'{"field-errors": {"skip": "Too much."}}', OffsetCapReached),
        (b'{"field-errors": {"cursor": "Expired cursor"}}', CursorRefused),
        (b'{"field-errors": {"_cursor": "Expired cursor"}}', CursorRefused),
        (b'{"error": "Invalid cursor."}', CursorRefused),
        (b'{"errors": ["The Cursor has expired."], "field-errors": {}}', CursorRefused),
        (b'{"errors": [], "field-errors": {"_limit": "Input should be less than or equal to 200"}}', PageTooLarge),
    ],
)
def test_limits_of_close_are_signals_to_the_walk(body: bytes, signal: type[Exception]) -> None:
    with pytest.raises(signal):
        handler().interpret_response(answered(400, body))
    with pytest.raises(signal):
        handler(400, 402, 403).interpret_response(answered(400, body))


@pytest.mark.parametrize(
    "body",
    [
        {"field-errors": {"_limit": "Input should be less than or equal to 50"}},
        {"field-errors": {"limit": ["Must be between 1 and 50."]}},
        {"error": "Input should be less than or equal to 50"},
        {
            "error": "The limit you set is larger than the maximum limit for this resource (max_limit = 50). "
            "Please ask for fewer."
        },
    ],
)
def test_the_largest_page_that_close_allows_is_read_in_each_wording(body: dict[str, Any]) -> None:
    signal = walk_signal(400, body)

    assert isinstance(signal, PageTooLarge)
    assert signal.limit == 50


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "Invalid query."}),
        (400, {"field-errors": {"_limit": "Not a number."}}),
        (400, {"field-errors": ["cursor"]}),
        (400, ["cursor"]),
        (400, None),
        (403, {"error": "Invalid cursor."}),
        (500, {"field-errors": {"_skip": "x"}}),
    ],
)
def test_what_is_no_limit_of_close_is_no_signal(status: int, body: object) -> None:
    assert walk_signal(status, body) is None


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        (404, b"{}", True),
        (400, b'{"field-errors": {"object_type": "Type lead_9 does not exist."}}', True),
        (400, b'{"field-errors": {"object_type": "Type lead_9 is odd."}}', False),
        (400, b"[]", False),
        (405, b'{"field-errors": {"object_type": "Type lead_9 does not exist."}}', False),
    ],
)
def test_an_object_that_does_not_exist_is_told_from_other_errors(status: int, body: bytes, missing: bool) -> None:
    with pytest.raises(AirbyteTracedException) as caught:
        handler().interpret_response(answered(status, body))

    assert isinstance(caught.value, NothingThere) is missing


def test_the_fields_that_close_complains_of_are_told_in_order_and_nothing_where_there_are_none() -> None:
    assert error_names({"field-errors": {"b": "x", "a": "y"}}) == ": a, b"
    for body in ({"field-errors": {}}, {"field-errors": ["a"]}, {}, None, ["a"]):
        assert error_names(body) == ""


def test_the_table_cannot_be_changed_by_who_reads_it() -> None:
    with pytest.raises(FrozenInstanceError):
        judge(500, None, "", ()).sentence = "x"  # type: ignore[misc]
    assert Verdict(Meaning.OK).sentence == ""


# Bodies


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1e400", None),
        ("-1e400", None),
        (r'"\ud83d"', "\N{REPLACEMENT CHARACTER}"),
        (r'"a\udc00b"', "a\N{REPLACEMENT CHARACTER}b"),
        (r'"\ud83d\ud83d\ude00"', "\N{REPLACEMENT CHARACTER}\N{GRINNING FACE}"),
        ("12345678901234567890123", 12345678901234567890123),
        ("-9223372036854775809", -9223372036854775809),
        ("18446744073709551616", 18446744073709551616),
        ("18446744073709551615", 18446744073709551615),
        ("1" + "0" * 400, 10**400),
        ('"1234567890123456789012345"', "1234567890123456789012345"),
        ("0.12345678901234567890123", 0.12345678901234567890123),
    ],
)
def test_one_odd_value_leaves_the_rest_of_its_page_as_it_is(written: str, read: object) -> None:
    row = r'{"id": "lead_1", "name": "Zoë \ud83d\ude00", "n": [1, 2.5, -3e2, true, null, {"a": []}], "odd": ' + written
    rest = {"id": "lead_1", "name": "Zoë \N{GRINNING FACE}", "n": [1, 2.5, -300.0, True, None, {"a": []}]}

    doc = read_json(answered(200, f'{{"has_more": false, "data": [{row}}}, [{written}]]}}'.encode()))

    assert doc == {"has_more": False, "data": [{**rest, "odd": read}, [read]]}
    assert repr(doc["data"][0]["odd"]) == repr(read), "a number keeps its type and its digits"
    json.dumps(doc, ensure_ascii=False).encode()


def test_half_a_pair_in_a_name_is_mended_too() -> None:
    assert read_json(answered(200, rb'{"\ud83d": {"\ude00": 1}}')) == {
        "\N{REPLACEMENT CHARACTER}": {"\N{REPLACEMENT CHARACTER}": 1}
    }


def test_a_whole_number_of_19_digits_is_seen_among_others_of_any_length() -> None:
    for digits in range(1, 40):
        for number in (int("9" * digits), -int("9" * digits)):
            assert read_json(answered(200, b'{"a": %d}' % number)) == {"a": number}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"has_more": false, "data": [{"id": ',
        b'{"data": [{"n": NaN}, {"id": "lead_',
        b'{"data": [{"n": 12345678901234567890123}',
        b'{"data": "\xff"}',
        b"[" * 100_000,
        b"<!doctype html>",
    ],
)
def test_a_body_that_was_cut_is_damaged_whatever_it_holds(body: bytes) -> None:
    response = answered(200, body)

    assert read_json(response) is None
    assert handler().interpret_response(response).response_action == ResponseAction.RETRY


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
