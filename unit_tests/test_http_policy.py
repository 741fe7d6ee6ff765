"""One table for all answers and failures: nothing falls through, and each is one sentence."""

import inspect
import json
import logging
import re
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http import HttpClient, rate_limiting
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ResponseAction

from source_closeio.errors import (
    CursorRefused,
    FixInput,
    NothingThere,
    OffsetCapReached,
    PageTooLarge,
    Problem,
    StreamRefused,
    TellUs,
    TryLater,
)
from source_closeio.http_policy import (
    PATIENCE,
    PATIENCE_WITH_LIMITS,
    TIMEOUT,
    CloseErrorHandler,
    Patience,
    Verdict,
    error_names,
    judge,
    judge_failure,
    pause_before,
    read_json,
    walk_signal,
)

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

    assert verdict.problem in (TryLater, FixInput, TellUs)
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
        assert verdict.problem is None or re.fullmatch(r"[^\n]+\.", verdict.sentence), status


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (199, TellUs),
        (200, None),
        (299, None),
        (300, TellUs),
        (399, TellUs),
        (400, TellUs),
        (401, FixInput),
        (402, StreamRefused),
        (403, StreamRefused),
        (404, NothingThere),
        (405, TellUs),
        (408, TryLater),
        (415, TellUs),
        (418, TellUs),
        (429, TryLater),
        (499, TellUs),
        (500, TryLater),
        (503, TryLater),
        (504, TryLater),
        (520, TryLater),
        (599, TryLater),
        (600, TellUs),
    ],
)
def test_statuses_are_sorted_by_what_the_user_does_next(status: int, meaning: type[Problem] | None) -> None:
    assert judge(status, {}, "application/json", (402, 403)).problem is meaning


@pytest.mark.parametrize(
    ("status", "sentence"), [(399, "unexpected way (399)"), (400, "(400)"), (418, "refused a request"), (600, "(600)")]
)
def test_a_status_that_is_not_in_the_table_is_told_by_its_hundred(status: int, sentence: str) -> None:
    with pytest.raises(Problem, match=re.escape(sentence)):
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
        f"Something other than Close refused /lead/ ({status}), such as a firewall or a proxy on the way to "
        "api.close.com; have it let the connector through, or try again later."
    )


@pytest.mark.parametrize("status", [400, 402, 403, 405, 408, 415, 429])
@pytest.mark.parametrize("refused_by", [(), (402, 403), (400, 402, 403)])
def test_whatever_refuses_without_json_is_not_close_and_is_asked_again(
    status: int, refused_by: tuple[int, ...]
) -> None:
    assert judge(status, None, "text/html", refused_by).problem is TryLater


@pytest.mark.parametrize("status", [408, 429])
def test_to_be_too_late_or_too_many_means_the_same_whoever_says_so(status: int) -> None:
    assert judge(status, None, "text/html", ()) == judge(status, {}, "application/json", ())


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_address_is_one_whatever_says_so(status: int) -> None:
    assert judge(status, None, "text/html", ()).problem in (FixInput, NothingThere)


def test_a_refusal_is_a_wrong_key_where_the_list_is_open_to_all() -> None:
    assert judge(403, {}, "application/json", ()).problem is FixInput


def test_a_400_leaves_out_the_event_log_where_close_refuses_it() -> None:
    assert judge(400, {}, "application/json", (400, 402, 403)).problem is StreamRefused


def test_a_page_about_maintenance_and_a_damaged_answer_are_tried_again() -> None:
    page, damaged = judge(200, None, "text/html; charset=utf-8", ()), judge(200, None, "application/json", ())

    assert page != damaged
    assert [each.problem for each in (page, damaged)] == [TryLater, TryLater]


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
        (400, b"{}", False),
        (405, b'{"field-errors": {"object_type": "Type lead_9 does not exist."}}', False),
    ],
)
def test_an_object_that_does_not_exist_is_told_from_other_errors(status: int, body: bytes, missing: bool) -> None:
    with pytest.raises(Problem) as caught:
        handler().interpret_response(answered(status, body))

    assert isinstance(caught.value, NothingThere) is missing


def test_the_fields_that_close_complains_of_are_told_in_order_and_nothing_where_there_are_none() -> None:
    assert error_names({"field-errors": {"b": "x", "a": "y"}}) == ": a, b"
    bodies: tuple[object, ...] = ({"field-errors": {}}, {"field-errors": ["a"]}, {}, None, ["a"])
    for body in bodies:
        assert error_names(body) == ""


def test_the_table_cannot_be_changed_by_who_reads_it() -> None:
    with pytest.raises(FrozenInstanceError):
        judge(500, None, "", ()).sentence = "x"  # type: ignore[misc]
    assert Verdict(None).sentence == ""


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
    rest: dict[str, object] = {
        "id": "lead_1",
        "name": "Zoë \N{GRINNING FACE}",
        "n": [1, 2.5, -300.0, True, None, {"a": []}],
    }

    doc = read_json(answered(200, f'{{"has_more": false, "data": [{row}}}, [{written}]]}}'.encode()))

    assert doc == {"has_more": False, "data": [{**rest, "odd": read}, [read]]}
    assert repr(doc["data"][0]["odd"]) == repr(read), "a number keeps its type and its digits"
    json.dumps(doc, ensure_ascii=False).encode()


def test_half_a_pair_in_a_name_is_mended_too() -> None:
    assert read_json(answered(200, rb'{"\ud83d": {"\ude00": 1}}')) == {
        "\N{REPLACEMENT CHARACTER}": {"\N{REPLACEMENT CHARACTER}": 1}
    }


@pytest.mark.parametrize("form", ['{"a":"%s","b":%d}', '{"a":"%s", "b": [0,%d]}', '{"a":"%s","b":\n[\t%d, 1]}'])
def test_a_whole_number_keeps_its_digits_wherever_it_stands(form: str) -> None:
    for digits in range(1, 30):
        for number in (int("9" * digits), -int("9" * digits)):
            for shift in range(8):
                body = form % ("x" * shift, number)
                assert read_json(answered(200, body.encode())) == json.loads(body), body


def test_digits_of_a_text_or_behind_a_point_are_read_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_closeio.http_policy.json", None)
    doc = {"id": "9" * 30, "n": 0.123456789012345678, "date": "2026-01-01T00:00:00.000000+00:00", "k": 10**17}
    for shift in range(8):
        body = json.dumps({"x": "x" * shift, **doc}).encode()
        assert read_json(answered(200, body)) == json.loads(body)


def test_only_a_page_with_half_a_pair_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_closeio.http_policy._whole_pairs", lambda doc: "gone through")

    assert read_json(answered(200, b'{"n": NaN, "t": "\\ud7ff"}')) == {"n": None, "t": "\ud7ff"}
    for half in (rb"\ud83d", rb"\uDBFF", rb"\udfff", b"\xed\xa0\x80", b"\xed\xbf\xbf"):
        assert read_json(answered(200, b'{"t": "' + half + b'"}')) == "gone through"


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
    with pytest.raises(Problem) as caught:
        handler().interpret_response(
            answered(400, b'{"errors": ["Jane Doe"], "field-errors": {"query": "Jane Doe is not a query"}}')
        )

    assert "/lead/" in str(caught.value)
    assert "query" in str(caught.value)
    assert "Jane" not in repr(caught.value)
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, TellUs)


def test_a_refusal_is_raised_with_its_sentence() -> None:
    with pytest.raises(StreamRefused, match=r"may not read /lead/ \(403\)"):
        handler().interpret_response(answered(403))


def test_the_decoded_body_stays_on_the_response() -> None:
    response = answered(200, b'{"data": []}')

    assert handler().interpret_response(response).response_action == ResponseAction.SUCCESS
    assert vars(response)["doc"] == {"data": []}


def patience(handler: CloseErrorHandler, tries: int = 8, held: float = 0.0) -> tuple[Patience, list[float]]:
    """And the pauses that it makes, which take no time. held: seconds for which the rate limiter holds a request."""
    pauses: list[float] = []
    return Patience(handler, tries, pauses.append, lambda request: held), pauses


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_closeio.http_policy.LONGEST_PAUSE", 60.0)


@pytest.mark.usefixtures("long_pauses")
def test_pauses_grow_and_are_jittered_and_end_with_the_sentence() -> None:
    waiting, pauses = patience(handler())
    failed = answered(503, b"<html>", "text/html")
    for attempt in range(1, 8):
        waiting.backoff_time(failed, attempt)

    assert len(pauses) == 7
    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))
    assert len({pause_before(3) for _ in range(5)}) > 1
    with pytest.raises(Problem) as caught:
        waiting.backoff_time(failed, 8)
    assert str(caught.value) == "Close failed to answer /lead/ (503); try again later. Tried 8 times."
    assert isinstance(caught.value, TryLater)
    assert len(pauses) == 7


@pytest.mark.usefixtures("long_pauses")
def test_after_a_429_the_group_waits_and_the_thread_hardly_and_it_is_tried_longer() -> None:
    waiting, pauses = patience(handler())
    for attempt in range(1, 40):
        waiting.backoff_time(answered(429), attempt)

    assert len(pauses) == 39
    assert all(0.5 <= pause <= 1 for pause in pauses)
    with pytest.raises(Problem, match=r"kept rate-limiting requests to /lead/ \(429\).*40 times"):
        waiting.backoff_time(answered(429), 40)


@pytest.mark.usefixtures("long_pauses")
def test_each_wait_is_told_with_what_happened_the_try_and_the_seconds_that_it_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waiting, pauses = patience(handler(), held=12.34)
    with caplog.at_level(logging.INFO, "airbyte"):
        waiting.backoff_time(answered(503, b"<html>", "text/html"), 6)
        waiting.backoff_time(answered(429), 2)

    assert pauses[0] > 12.34 > pauses[1]
    assert caplog.messages == [
        f"Close failed to answer /lead/ (503); trying again in {pauses[0]:.1f} s (try 7 of 8).",
        "Close kept rate-limiting requests to /lead/ (429); trying again in 12.3 s (try 3 of 40).",
    ]


def test_the_evidence_names_the_request_the_status_the_tries_and_the_id_of_the_request() -> None:
    refused = answered(405, b"{}")
    refused.headers["x-request-id"] = "req_1"
    with pytest.raises(Problem) as caught:
        handler().interpret_response(refused)
    assert caught.value.evidence == "GET /api/v1/lead/: status 405, tries: 1, X-Request-Id: req_1"

    with pytest.raises(Problem) as caught:
        patience(handler(), 8)[0].backoff_time(answered(503), 8)
    assert caught.value.evidence == "GET /api/v1/lead/: status 503, tries: 8"

    asked = requests.Request("GET", "https://api.close.com/api/v1/lead/?query=secret").prepare()
    with pytest.raises(Problem) as caught:
        patience(handler(), 8)[0].backoff_time(requests.exceptions.ReadTimeout(request=asked), 8)
    assert caught.value.evidence == "GET /api/v1/lead/: ReadTimeout, tries: 8"


@pytest.mark.usefixtures("long_pauses")
def test_a_request_without_an_answer_is_tried_again_too() -> None:
    waiting, pauses = patience(handler(), 2)
    waiting.backoff_time(requests.exceptions.ReadTimeout(), 1)

    assert len(pauses) == 1
    with pytest.raises(Problem, match=r"Close took too long to answer /; .* Tried 2 times"):
        waiting.backoff_time(requests.exceptions.ReadTimeout(), 2)


def test_the_cdk_has_nothing_left_to_sleep_after_a_pause_and_never_ends_the_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(rate_limiting, "time", SimpleNamespace(sleep=slept.append))
    waiting, pauses = patience(handler(), 30)
    client = HttpClient("leads", logging.getLogger("test"), handler(), backoff_strategy=waiting)

    with requests_mock.Mocker() as mock:
        mock.get("https://api.close.com/api/v1/lead/", [{"status_code": 503}] * 29 + [{"json": {"data": []}}])
        _, response = client.send_request("GET", "https://api.close.com/api/v1/lead/", {})

    assert vars(response)["doc"] == {"data": []}
    assert len(pauses) == 29
    assert slept == [0.0] * 29


def test_the_order_to_stop_ends_the_tries() -> None:
    class StopNow(Exception):
        pass

    def stop(seconds: float) -> None:
        raise StopNow

    waiting = Patience(handler(), 8, stop, lambda request: 0.0)
    client = HttpClient("leads", logging.getLogger("test"), handler(), backoff_strategy=waiting)
    with requests_mock.Mocker() as mock:
        mock.get("https://api.close.com/api/v1/lead/", status_code=503)
        with pytest.raises(StopNow):
            client.send_request("GET", "https://api.close.com/api/v1/lead/", {})

    assert mock.call_count == 1


def test_what_limits_a_request() -> None:
    assert (TIMEOUT, PATIENCE, PATIENCE_WITH_LIMITS) == ((10.0, 120.0), 8, 5)


# Sentences


def every_verdict() -> list[Verdict]:
    answers = [judge(status, {}, "", refused) for status in range(100, 600) for refused in ((), (status,))]
    bodiless = [judge(status, None, kind, ()) for status in range(100, 600) for kind in ("text/html", "")]
    return [each for each in {*answers, *bodiless} if each.problem is not None] + [
        judge_failure(kind.__new__(kind)) for kind in FAILURES
    ]


def test_each_sentence_is_one_with_the_next_step_and_a_bug_is_to_be_reported_here() -> None:
    for verdict in every_verdict():
        known = {"status": 418, "detail": ": query"}
        sentence = str(verdict.told_of("https://api.close.com/api/v1/lead/?query=secret", "/api/v1/", **known))
        assert re.fullmatch(r"[A-Z`a-z][^\n{}]*[a-zA-Z0-9`)/]\.", sentence), sentence
        assert sentence.startswith(
            ("Close", "The ", "A ", "No ", "Something other than Close ", "api.close.com", "`", "API Key (")
        ), sentence
        assert "secret" not in sentence
        report = "please report it at https://github.com/source-closeio/source-closeio/issues."
        assert sentence.endswith(report) == (verdict.problem is TellUs), sentence


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "Close did not understand a request to /lead/ (400: a, b); please"),
        (405, "Close does not allow this request to /lead/ (405); please"),
        (415, "Close does not take this kind of request to /lead/ (415); please"),
        (418, "Close refused a request to /lead/ (418: a, b); please"),
        (304, "Close answered /lead/ in an unexpected way (304); please"),
    ],
)
def test_the_path_and_the_fields_stand_in_the_sentence(status: int, sentence: str) -> None:
    with pytest.raises(Problem) as caught:
        handler().interpret_response(answered(status, b'{"field-errors": {"b": 1, "a": 2}}'))

    assert str(caught.value).startswith(sentence)
    assert isinstance(caught.value, TellUs)


def test_a_failure_names_the_path_where_it_is_known() -> None:
    asked = requests.Request("GET", "https://api.close.com/api/v1/lead/?query=secret").prepare()

    assert handler().interpret_response(requests.exceptions.ReadTimeout(request=asked)).error_message == (
        "api.close.com took too long to answer /lead/; try again later."
    )
    assert handler().interpret_response(requests.exceptions.ReadTimeout()).error_message == (
        "Close took too long to answer /; try again later."
    )
    with pytest.raises(Problem, match="failed in an unexpected way"):
        handler().interpret_response(None)


@pytest.mark.parametrize(
    ("base_path", "path"),
    [("/api/v1/", "/lead/"), ("/api/v1", "/lead/"), ("", "/api/v1/lead/"), ("/b/", "/api/v1/lead/")],
)
def test_the_path_in_a_sentence_is_what_follows_the_base_url_with_one_slash(base_path: str, path: str) -> None:
    close = CloseErrorHandler(base_path, ())

    assert f" {path} (503)" in str(close.interpret_response(answered(503)).error_message)


def test_a_web_page_is_known_by_its_header() -> None:
    page = handler().interpret_response(answered(200, b"<html>", "Text/HTML"))
    assert "a web page instead of data" in str(page.error_message)

    bare = answered(200, b"<html>")
    del bare.headers["Content-Type"]
    assert "was damaged on the way" in str(handler().interpret_response(bare).error_message)


def test_only_an_access_token_is_renewed_and_only_after_a_401() -> None:
    renewing = CloseErrorHandler("/api/v1/", (), renews=True)

    resolution = renewing.interpret_response(answered(401))
    assert resolution.response_action == ResponseAction.REFRESH_TOKEN_THEN_RETRY
    assert resolution.error_message == "Close rejected the access token (401); authenticate the source again."
    assert resolution.failure_type == FailureType.config_error
    with pytest.raises(Problem, match=r"\(405\)"):
        renewing.interpret_response(answered(405))
    for keyed in (handler(), CloseErrorHandler("/api/v1/", (), renews=False)):
        with pytest.raises(Problem, match="rejected the API key"):
            keyed.interpret_response(answered(401))
