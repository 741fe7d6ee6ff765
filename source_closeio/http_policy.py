"""What each answer of Close and each failure of the network means: one table, sorted by what the user does next.

Statuses: https://developer.close.com/topics/errors. Sentences name neither the key nor a record.
"""

import json
import logging
import math
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ErrorResolution, ResponseAction
from requests import exceptions as failures

from .config import named
from .errors import (
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

logger = logging.getLogger("airbyte")

TIMEOUT = (10.0, 120.0)
"""Seconds to connect, and between two bytes of an answer. requests would wait for ever."""

PATIENCE = 8
"""Tries of one request; with the waits between them about a minute and a half."""

PATIENCE_WITH_LIMITS = 5
"""So many times more tries after a 429: Close is well, only others use the organisation's allowance too."""

LONGEST_PAUSE = 60.0

IDS = ("X-Request-Id", "CF-Ray")
"""Headers by which whoever runs a server, or what stands before it, finds a request again."""

SLEPT = -1.0
"""Seconds to sleep, told to the CDK after a pause of ours: it adds one, and takes 0 for no word at all."""


@dataclass(frozen=True)
class Verdict:
    """What an answer, or none, comes to."""

    problem: type[Problem] | None
    """None: its records are taken. `TryLater`: the request is tried again, several times."""
    sentence: str = ""
    """Tells the problem; `{path}`, `{host}`, `{status}` and `{detail}` are filled in."""

    def told_of(self, url: str | None, base_path: str = "", **known: object) -> Problem:
        """The problem with a request. base_path: what users do not care for in `{path}`."""
        assert self.problem is not None  # noqa: S101 - nothing to tell
        parts = urlsplit(url or "")
        path = "/" + str(parts.path).removeprefix(base_path).removeprefix("/")
        return self.problem(self.sentence.format_map({"path": path, "host": parts.hostname or "Close", **known}))


REPORT = "please report it at https://github.com/source-closeio/source-closeio/issues"

NOT_THERE = Verdict(NothingThere, "{host} knows no {path} ({status}); deselect the stream if it stays so.")
BY_STATUS: Mapping[int, Verdict] = {
    400: Verdict(TellUs, f"Close did not understand a request to {{path}} (400{{detail}}); {REPORT}."),
    401: Verdict(
        FixInput,
        "Close rejected the API key (401): create one under Settings > Developer > API Keys and put it into "
        "API Key (`api_key`).",
    ),
    402: Verdict(StreamRefused, "The plan of this organisation does not include {path} (402)."),
    403: Verdict(StreamRefused, "The user of this API key may not read {path} (403); ask an admin for the permission."),
    404: NOT_THERE,
    405: Verdict(TellUs, f"Close does not allow this request to {{path}} (405); {REPORT}."),
    408: Verdict(TryLater, "Close took too long to answer {path} (408); try again later."),
    415: Verdict(TellUs, f"Close does not take this kind of request to {{path}} (415); {REPORT}."),
    429: Verdict(
        TryLater,
        f"Close kept rate-limiting requests to {{path}} (429); lower {named('max_requests_per_second')}, or sync when "
        "fewer programs use the organisation's allowance.",
    ),
}
REVOKED = "Close rejected the access token (401); authenticate the source again."
OTHER_4XX = Verdict(TellUs, f"Close refused a request to {{path}} ({{status}}{{detail}}); {REPORT}.")
NOT_OFFERED = Verdict(StreamRefused, "Close does not offer {path} to this key ({status}{detail}).")
ANY_5XX = Verdict(TryLater, "Close failed to answer {path} ({status}); try again later.")
UNEXPECTED = Verdict(TellUs, f"Close answered {{path}} in an unexpected way ({{status}}); {REPORT}.")
NOT_CLOSE = Verdict(
    TryLater,
    "{host} answered {path} with a web page instead of data; try again later, and if it stays so look at the proxy on "
    "the way, and at `base_url`.",
)
FIREWALL = Verdict(
    TryLater,
    "Something other than Close refused {path} ({status}), such as a firewall or a proxy on the way to {host}; have it "
    "let the connector through, or try again later.",
)
NOT_JSON = Verdict(TryLater, "The answer of {path} was damaged on the way; try again later.")

BY_FAILURE: tuple[tuple[type[Exception], Verdict], ...] = (
    # From the narrow to the wide: the first that fits counts, as with `except`.
    (
        failures.ProxyError,
        Verdict(TryLater, "The proxy on the way to {host} did not let the request through; look at HTTPS_PROXY."),
    ),
    (
        failures.SSLError,
        Verdict(TryLater, "No trusted TLS connection to {host}; look at the machine's certificates and proxy."),
    ),
    (failures.ConnectTimeout, Verdict(TryLater, "{host} could not be reached in time; look at the network.")),
    (failures.Timeout, Verdict(TryLater, "{host} took too long to answer {path}; try again later.")),
    (failures.ConnectionError, Verdict(TryLater, "{host} could not be reached, or hung up; look at the network.")),
    (failures.ChunkedEncodingError, NOT_JSON),
    (failures.ContentDecodingError, NOT_JSON),
    (failures.JSONDecodeError, NOT_JSON),
    (
        failures.TooManyRedirects,
        Verdict(FixInput, "{host} redirects {path} in a circle; see whether `base_url` is right."),
    ),
    (failures.InvalidURL, Verdict(FixInput, "`base_url`, or the proxy's address, is not a valid address.")),
    (failures.MissingSchema, Verdict(FixInput, "`base_url` must begin with https://.")),
    (failures.InvalidSchema, Verdict(FixInput, "`base_url` must begin with https://.")),
    (
        failures.InvalidHeader,
        Verdict(FixInput, f"API Key (`api_key`) or {named('user_agent')} cannot be sent in an HTTP header."),
    ),
    (failures.RequestException, Verdict(TellUs, f"A request to {{path}} failed in an unexpected way; {REPORT}.")),
)


_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_WIDE = re.compile(rb"[:,\[\s]-?\d{19}")
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def read_json(response: requests.Response) -> Any:
    """The decoded body, or None where it is no JSON.

    A value that JSON does not know, or no double can hold (NaN, Infinity, 1e400), is None, and half a surrogate pair
    U+FFFD: one such value must not keep a page back for ever. Whole numbers keep all their digits.
    """
    content = response.content
    if not _has_wide_number(content):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
    try:
        text = content.decode("utf-8", "surrogatepass")
        doc = json.loads(text, parse_float=_finite, parse_constant=lambda _: None)
        return _whole_pairs(doc) if _HALF.search(text) else doc
    except (ValueError, RecursionError):
        return None


def _has_wide_number(content: bytes) -> bool:
    """Whether a whole number of 19 digits or more is there, which may not fit 64 bits: orjson makes a float of it.

    Of 19 digits in a row four are fourth bytes, one after the other; few other places look like that, and are looked
    at. That takes half as long as to look at each byte, and a fiftieth of what a page costs from request to records.
    """
    fourth = content[::4].translate(_DIGITS)
    place = fourth.find(b"0000")
    while place != -1:
        if _WIDE.search(content, 4 * place - 5, 4 * place + 19):
            return True
        place = fourth.find(b"0000", place + 1)
    return False


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole_pairs(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_pairs(each) for each in value]
    if isinstance(value, dict):
        return {_whole_pairs(key): _whole_pairs(each) for key, each in value.items()}
    return value


def judge(status: int, body: object, content_type: str, refused_by: tuple[int, ...]) -> Verdict:
    """What an answer means. body: decoded, None where it was no JSON. refused_by: see `endpoints.Endpoint`.

    Only Close can refuse, and it speaks JSON: the page of a firewall, or a damaged answer, is tried again.
    """
    told, hundred = isinstance(body, dict), status // 100
    if hundred == 2:
        if told:
            return Verdict(None)
        return NOT_CLOSE if "html" in content_type.lower() else NOT_JSON
    if hundred == 5:
        return ANY_5XX
    verdict = BY_STATUS.get(status, OTHER_4XX if hundred == 4 else UNEXPECTED)
    if status in refused_by and verdict.problem is not StreamRefused:
        verdict = NOT_OFFERED
    if not told and hundred == 4 and status not in (401, 404):
        return verdict if verdict.problem is TryLater else FIREWALL
    if verdict.problem is not StreamRefused:
        return verdict
    return verdict if status in refused_by else Verdict(FixInput, verdict.sentence)


def judge_failure(failure: Exception) -> Verdict:
    """What a request without an answer means."""
    return next(verdict for kind, verdict in BY_FAILURE if isinstance(failure, kind))


def walk_signal(status: int, body: object) -> Exception | None:
    """A 400 that is no error but a limit of Close's, which the walk knows how to get round.

    The texts changed around 2024; both generations are understood:
    `{"error": "The skip you set is larger than the maximum skip ... (max_skip = 250000) ..."}` and
    `{"errors": [], "field-errors": {"_skip": "Input should be less than or equal to 35000"}}`.
    """
    if status != requests.codes.bad_request or not isinstance(body, dict):
        return None
    fields = body.get("field-errors")
    complaints = fields.items() if isinstance(fields, dict) else ()
    by_field = {str(name).removeprefix("_"): str(text) for name, text in complaints}
    said = f"{body.get('error')} {body.get('errors')}".lower()
    if "skip" in by_field or "max_skip" in said:
        return OffsetCapReached()
    if "cursor" in by_field or "cursor" in said:
        return CursorRefused()
    allowed = re.findall(r"\d+", by_field.get("limit", "")) or re.findall(
        r"(?:less than or equal to|max_limit =) (\d+)", said
    )
    return PageTooLarge(int(allowed[-1])) if allowed else None


def is_missing(status: int, body: object) -> bool:
    """Whether Close says that an object does not exist: a 404, or a 400 about the parameter that names it."""
    if status == requests.codes.bad_request and isinstance(body, dict):
        return "does not exist" in str(body.get("field-errors"))
    return status == 404


def error_names(body: object) -> str:
    """What Close complained of, by the names of the fields only: its texts may quote a record."""
    fields = body.get("field-errors") if isinstance(body, dict) else None
    return f": {', '.join(sorted(map(str, fields)))}" if isinstance(fields, dict) and fields else ""


class CloseErrorHandler(ErrorHandler):
    """The CDK's question after each request, answered from the table.

    Never answers FAIL: the CDK would log request and response with their bodies. It raises instead. The decoded body
    stays on the response as `doc`, so that it is parsed once, and a damaged one is tried again.
    """

    max_retries = max_time = sys.maxsize
    # `Patience` ends the tries, with a sentence; the CDK would end them with a traceback.

    def __init__(self, base_path: str, refused_by: tuple[int, ...], *, renews: bool = False) -> None:
        """renews: a 401 may only mean that an access token has expired before its time."""
        self._base_path = base_path
        self._refused_by = refused_by
        self._renews = renews

    def interpret_response(self, response: requests.Response | Exception | None) -> ErrorResolution:
        if not isinstance(response, requests.Response):
            failure = response or failures.RequestException()
            return self._resolve(judge_failure(failure), failure)
        body = read_json(response)
        verdict = judge(response.status_code, body, response.headers.get("Content-Type", ""), self._refused_by)
        if verdict.problem is None:
            response.doc = body  # type: ignore[attr-defined]
            return ErrorResolution(ResponseAction.SUCCESS)
        if signal := walk_signal(response.status_code, body):
            raise signal
        if self._renews and response.status_code == requests.codes.unauthorized:
            return ErrorResolution(ResponseAction.REFRESH_TOKEN_THEN_RETRY, FailureType.config_error, REVOKED)
        if is_missing(response.status_code, body):
            verdict = NOT_THERE
        return self._resolve(verdict, response, status=response.status_code, detail=error_names(body))

    def _resolve(self, verdict: Verdict, answer: requests.Response | Exception, **known: object) -> ErrorResolution:
        request = getattr(answer, "request", None)
        problem = verdict.told_of(request.url if request is not None else None, self._base_path, **known)
        if isinstance(problem, TryLater):
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, str(problem))
        problem.evidence = evidence(answer)
        raise problem


def evidence(answer: requests.Response | Exception | None, tries: int = 1) -> str:
    """What helps those who look into a failure: the request, what came of it, how often it was tried."""
    request = getattr(answer, "request", None)
    asked = f"{request.method} {urlsplit(str(request.url)).path}: " if request is not None else ""
    if not isinstance(answer, requests.Response):
        return f"{asked}{type(answer).__name__}, tries: {tries}"
    ids = "".join(f", {name}: {answer.headers[name]}" for name in IDS if name in answer.headers)
    return f"{asked}status {answer.status_code}, tries: {tries}{ids}"


def trying_again(sentence: str, seconds: float, tries: int, most: int) -> str:
    """A wait in a line for the log. sentence: what happened, and behind a semicolon what to do where it stays so."""
    happened = sentence.partition(";")[0].removesuffix(".")
    return f"{happened}; trying again in {seconds:.1f} s (try {tries + 1} of {most})."


def pause_before(attempt: int) -> float:
    """Seconds to wait before the try after this one: growing, jittered so that readers do not come in step."""
    return random.uniform(0.5, 1.0) * min(2.0 ** (attempt - 1), LONGEST_PAUSE)  # noqa: S311 - a pause


class Patience(BackoffStrategy):
    """Waits before the next try; after `tries` it gives up with the last sentence.

    It waits by itself, through `pause`, which may raise to end the wait: nothing interrupts the CDK's sleep. After a
    429 the whole group waits in `RateLimiter`, so the pause here stays short.
    """

    def __init__(
        self,
        handler: CloseErrorHandler,
        tries: int,
        pause: Callable[[float], None],
        held: Callable[[Any], float],
    ) -> None:
        """held: the seconds for which the rate limiter would hold a request back now."""
        self._handler = handler
        self._tries = tries
        self._pause = pause
        self._held = held

    def backoff_time(
        self, response_or_exception: requests.Response | requests.RequestException | None, attempt_count: int
    ) -> float:
        answer = response_or_exception
        limited = isinstance(answer, requests.Response) and answer.status_code == requests.codes.too_many_requests
        most = self._tries * (PATIENCE_WITH_LIMITS if limited else 1)
        sentence = str(self._handler.interpret_response(answer).error_message)
        if attempt_count >= most:
            problem = TryLater(f"{sentence} Tried {attempt_count} times.")
            problem.evidence = evidence(answer, attempt_count)
            raise problem
        seconds = pause_before(1 if limited else attempt_count)
        held = self._held(answer.request) if answer is not None and answer.request is not None else 0.0
        logger.info(trying_again(sentence, max(seconds, held), attempt_count, most))
        self._pause(seconds)
        return SLEPT
