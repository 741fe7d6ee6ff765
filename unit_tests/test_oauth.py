"""OAuth against the emulator, whose refresh tokens are good for one use, as Close's are."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from requests.auth import HTTPBasicAuth

from close_emulator import Emulator, faults
from close_emulator.wire.faults import Fault
from source_closeio.auth import OneUseTokens, authenticator, judge_tokens
from source_closeio.config import read_settings
from source_closeio.errors import FixInput, Problem, TryLater

from .configs import credentials
from .conftest import NOW, Output

Run = Callable[..., Output]


def handed_on(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The configurations that were written to stdout for the platform to keep."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"CONTROL"' in line]
    return [each["control"]["connectorConfig"]["config"] for each in lines]


def status_of(output: Output) -> tuple[str, str]:
    (message,) = output.of("CONNECTION_STATUS")
    return message["connectionStatus"]["status"], message["connectionStatus"]["message"]


def test_a_sync_renews_its_token_once_and_hands_the_new_refresh_token_on(
    close: Emulator, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    close.add("lead/", *({"id": f"lead_{i:03}"} for i in range(450)))
    close.add("user/", {"id": "user_a"})

    output = run("read", "leads", "users", "activities", "tasks", config=credentials())

    assert output.failure is None
    assert output.ids("leads") == close.ids("lead/")
    (config,) = handed_on(capsys)
    assert config["credentials"]["refresh_token"] == close.refresh_token != "refresh_0"
    assert config["credentials"]["client_secret"] == "a_secret_of_the_app"
    assert config["base_url"] == close.base_url


def test_the_configuration_that_was_handed_on_is_good_for_the_next_sync(
    close: Emulator, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    close.now = NOW.replace(year=2100)  # the emulator counts a token's hour by its clock, the connector by the real one
    run("read", "users", config=credentials())
    (config,) = handed_on(capsys)

    assert run("read", "users", config=config).failure is None
    assert handed_on(capsys) == [], "the access token is still good"

    config["credentials"]["token_expiry_date"] = "2020-01-01T00:00:00Z"
    assert run("read", "users", config=config).failure is None
    assert handed_on(capsys)[0]["credentials"]["refresh_token"] == close.refresh_token


def test_a_token_that_dies_in_mid_sync_is_renewed_once_by_all_readers(
    close: Emulator, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    close.add("activity/call/", *({"id": f"acti_{i:04}"} for i in range(900)))
    lock, seen = threading.Lock(), iter(range(10_000))

    def time_passes(request: Any) -> None:
        with lock:
            if next(seen) == 12:
                close.now = NOW + timedelta(hours=2)

    close.on_request = time_passes
    output = run("read", "activities", "leads", "tasks", config=credentials())
    close.on_request = None

    assert output.failure is None, output.errors
    assert output.ids("activities") == close.ids("activity/")
    configs = handed_on(capsys)
    assert len(configs) == 2
    assert configs[-1]["credentials"]["refresh_token"] == close.refresh_token


def test_a_refresh_token_that_was_used_up_is_one_sentence_without_secrets(
    close: Emulator, run: Run, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    output = run("check", config=credentials("refresh_of_last_year"))
    failed_read = run("read", "users", config=credentials("refresh_of_last_year"))

    assert status_of(output) == (
        "FAILED",
        "Close rejected the refresh token (400, invalid_grant), which is good for one use only: authenticate the "
        "source again.",
    )
    assert failed_read.errors == []
    assert "invalid_grant" in str(failed_read.failure)
    told = json.dumps(output.messages) + caplog.text + capsys.readouterr().out
    assert "refresh_of_last_year" not in told
    assert "a_secret_of_the_app" not in told


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"credentials": {"auth_type": "api_key"}}, "API Key (`credentials.api_key`) must be a text"),
        ({"credentials": {"auth_type": "password"}}, "Method (`credentials.auth_type`) must be api_key or oauth2."),
        ({"credentials": "api_1"}, "Method (`credentials.auth_type`) must be api_key or oauth2."),
        (credentials(""), "Refresh Token (`credentials.refresh_token`) must be a text"),
    ],
)
def test_credentials_that_cannot_be_used_say_which(run: Run, config: dict[str, Any], sentence: str) -> None:
    (status,) = (each["connectionStatus"] for each in run("check", config=config).of("CONNECTION_STATUS"))

    assert status["status"] == "FAILED"
    assert sentence in status["message"]


def test_an_api_key_may_stand_in_the_credentials_or_alone(close: Emulator, run: Run) -> None:
    close.behaviour.api_key = "api_right"
    nested = {"api_key": None, "credentials": {"auth_type": "api_key", "api_key": "api_right"}}

    for config in (nested, {"api_key": "api_right"}):
        assert run("check", config=config).of("CONNECTION_STATUS")[0]["connectionStatus"]["status"] == "SUCCEEDED"


# When the token endpoint has trouble.

ENDPOINT = "https://api.close.com/oauth2/token/"
GOOD = {"access_token": "access_1", "refresh_token": "refresh_1", "expires_in": 600}
TROUBLE = (
    "127.0.0.1 did not answer /oauth2/token/ with tokens ({}): Close has trouble, a firewall or a proxy is in the "
    "way, or `base_url` is wrong; try again later. Tried 8 times."
)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.server_error(503), 503),
        (faults.server_error(500, html=False), 500),
        (faults.html_ok(), 200),
        (faults.not_json(), 200),
        (faults.firewall(), 403),
        (faults.answer(200, {"refresh_token": "refresh_1"}), 200),
        (faults.answer(200, {"access_token": ""}), 200),
        (faults.answer(200, ["access_token"]), 200),
        (faults.answer(429, {"error": "slow down"}), 429),
    ],
)
def test_trouble_at_the_token_endpoint_is_tried_again_and_then_one_sentence(
    close: Emulator,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    status: int,
) -> None:
    close.fail(faults.every(1, fault))

    assert run("check", config=credentials()).failure == TROUBLE.format(status)
    assert [request.method for request in close.requests] == ["POST"] * 8
    read = run("read", "users", "leads", "tasks", config=credentials())
    assert str(read.failure) == TROUBLE.format(status)
    assert len(close.requests) == 16
    waits = [each for each in caplog.messages if "trying again in" in each]
    assert len(waits) == 14
    assert f"did not answer /oauth2/token/ with tokens ({status}): Close has trouble" in waits[-1]
    assert waits[-1].endswith("(try 8 of 8).")
    assert handed_on(capsys) == []


def test_trouble_that_passes_is_no_trouble(close: Emulator, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    close.add("user/", {"id": "user_a"})
    close.fail(faults.first(3, faults.server_error(503), faults.html_ok(), faults.not_json()))

    assert run("read", "users", config=credentials()).ids("users") >= {"user_a"}
    assert len(handed_on(capsys)) == 1


def test_a_silent_token_endpoint_has_its_time_and_its_tries(
    run: Run, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_closeio.auth.TOKEN_TIMEOUT", (1.0, 0.02))

    assert run("check", config={**credentials(), "base_url": silent}).failure == (
        "127.0.0.1 took too long to answer /oauth2/token/; try again later. Tried 8 times."
    )


def test_a_token_endpoint_that_is_not_there_is_one_sentence(run: Run) -> None:
    assert run("check", config={**credentials(), "base_url": "http://127.0.0.1:9/api/v1"}).failure == (
        "127.0.0.1 could not be reached, or hung up; look at the network. Tried 8 times."
    )


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (
            401,
            "invalid_client",
            "Close does not know this app (401, invalid_client): copy Client ID (`credentials.client_id`) and Client ",
        ),
        (400, "unauthorized_client", "Close refused to renew the access token (400): authenticate the source again."),
        (403, {"of": "another kind"}, "Close refused to renew the access token (403): authenticate the source again."),
    ],
)
def test_what_the_user_must_mend_is_told_at_once(
    close: Emulator, run: Run, status: int, error: object, sentence: str
) -> None:
    close.fail(faults.every(1, faults.answer(status, {"error": error})))

    outcome, told = status_of(run("check", config=credentials()))

    assert (outcome, told[: len(sentence)]) == ("FAILED", sentence)
    assert len(close.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (200, GOOD, None),
        (201, GOOD, TryLater),
        (302, {}, TryLater),
        (399, {}, TryLater),
        (400, GOOD, FixInput),
        (408, {"error": "invalid_grant"}, TryLater),
        (429, {"error": "invalid_grant"}, TryLater),
        (499, {}, FixInput),
        (499, None, TryLater),
        (500, {"error": "invalid_grant"}, TryLater),
    ],
)
def test_an_answer_of_the_token_endpoint_has_one_meaning(
    status: int, body: object, meaning: type[Problem] | None
) -> None:
    assert judge_tokens(status, body).problem is meaning


class Renewal:
    """Tokens before their first renewal, and the pauses that they make, which take no time."""

    def __init__(self, **tokens: Any) -> None:
        self.config = credentials(**tokens)
        self.pauses: list[float] = []
        self.tokens = OneUseTokens(self.config, ENDPOINT, self.pauses.append)

    @property
    def kept(self) -> dict[str, Any]:
        return dict(self.config["credentials"])


def test_each_try_asks_for_a_form_in_limited_time() -> None:
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, json=GOOD)
        Renewal().tokens.get_access_token()

    (asked,) = mock.request_history
    assert asked.timeout == (10.0, 30.0)
    assert asked.headers["Accept"] == "application/json"
    assert asked.text == (
        "grant_type=refresh_token&client_id=oa2client_1&client_secret=a_secret_of_the_app&refresh_token=refresh_0"
    )


def test_pauses_grow_between_the_tries_and_none_follows_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_closeio.http_policy.LONGEST_PAUSE", 60.0)
    renewal = Renewal()
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, exc=requests.exceptions.ReadTimeout)
        with pytest.raises(Problem, match="Tried 8 times") as caught:
            renewal.tokens.get_access_token()

    assert isinstance(caught.value, TryLater)
    first, *pauses = renewal.pauses
    assert first == 0.0, "it only looks for the order to stop"
    assert len(pauses) == 7
    assert all(0.5 * min(2**n, 60) <= pause <= min(2**n, 60) for n, pause in enumerate(pauses))


def test_who_waited_for_a_failure_is_told_of_it_and_asks_no_more() -> None:
    renewal = Renewal()
    told = []
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, json={"error": "invalid_grant"}, status_code=400)
        for ask in (renewal.tokens.get_access_token, renewal.tokens.refresh_access_token) * 2:
            with pytest.raises(Problem) as caught:
                ask()
            told.append((str(caught.value), type(caught.value)))

    assert mock.call_count == 1
    assert len(told) == 4
    assert len(set(told)) == 1
    assert told[0][1] is FixInput


def test_a_failure_ends_the_use_of_a_token_that_close_has_rejected() -> None:
    renewal = Renewal(access_token="access_0", token_expiry_date="2999-01-01T00:00:00Z")
    assert renewal.tokens.get_auth_header() == {"Authorization": "Bearer access_0"}

    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, status_code=503)
        with pytest.raises(Problem):
            renewal.tokens.refresh_and_set_access_token()
        with pytest.raises(Problem, match="Tried 8 times"):
            renewal.tokens.get_auth_header()


def test_the_order_to_stop_comes_before_each_request_for_tokens() -> None:
    class StopNow(Exception):
        pass

    def stop(seconds: float) -> None:
        raise StopNow

    with requests_mock.Mocker() as mock, pytest.raises(StopNow):
        OneUseTokens(credentials(), ENDPOINT, stop).get_access_token()
    assert mock.call_count == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (600, 600),
        (1, 1),
        (10**9 - 1, 10**9 - 1),
        (10**9, 3600),
        (0, 3600),
        (-5, 3600),
        (None, 3600),
        ("soon", 3600),
        ([], 3600),
        (10**400, 3600),
    ],
)
def test_a_lifetime_that_cannot_be_read_does_not_lose_the_tokens(
    capsys: pytest.CaptureFixture[str], said: object, seconds: int
) -> None:
    renewal = Renewal()
    before = datetime.now(timezone.utc)
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, text=json.dumps({**GOOD, "expires_in": said}))
        assert renewal.tokens.get_access_token() == "access_1"
    after = datetime.now(timezone.utc)

    assert renewal.kept["refresh_token"] == "refresh_1"
    over = renewal.tokens.get_token_expiry_date()
    assert before <= over - timedelta(seconds=seconds) <= after
    assert [config["credentials"] for config in handed_on(capsys)] == [renewal.kept]


@pytest.mark.parametrize("answer", [{}, {"refresh_token": None}, {"refresh_token": ""}, {"refresh_token": ["x"]}])
def test_a_refresh_token_that_is_not_replaced_is_kept(answer: dict[str, Any]) -> None:
    renewal = Renewal()
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, json={"access_token": "access_1", **answer})
        renewal.tokens.get_access_token()

    assert renewal.kept["refresh_token"] == "refresh_0"


def test_new_tokens_are_secrets() -> None:
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, json={"access_token": "an_access_token", "refresh_token": "a_refresh_token"})
        Renewal().tokens.get_access_token()

    assert filter_secrets("an_access_token a_refresh_token") == "**** ****"


@pytest.mark.parametrize("date", [None, "soon", "", 12.5])
def test_an_expiry_date_that_cannot_be_read_is_long_over(date: object) -> None:
    renewal = Renewal(access_token="access_0", token_expiry_date=date)
    with requests_mock.Mocker() as mock:
        mock.post(ENDPOINT, json=GOOD)
        assert renewal.tokens.get_access_token() == "access_1"


def test_the_key_is_the_name_and_no_password_and_tokens_are_asked_for_beside_the_api() -> None:
    keyed = authenticator(read_settings({"api_key": "api_1"}))
    assert isinstance(keyed, HTTPBasicAuth)
    assert (keyed.username, keyed.password) == ("api_1", "")

    renewed = authenticator(read_settings({**credentials(), "base_url": "https://close.example/api/v1"}))
    assert isinstance(renewed, OneUseTokens)
    assert renewed.get_token_refresh_endpoint() == "https://close.example/oauth2/token/"
