"""OAuth against the emulator, whose refresh tokens are good for one use, as Close's are."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from close_emulator import Emulator

from .conftest import NOW, Output

Run = Callable[..., Output]


def credentials(refresh_token: str = "refresh_0", **more: Any) -> dict[str, Any]:
    tokens = {"client_id": "oa2client_1", "client_secret": "a_secret_of_the_app", "refresh_token": refresh_token}
    return {"api_key": None, "credentials": {"auth_type": "oauth2", **tokens, **more}}


def handed_on(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The configurations that were written to stdout for the platform to keep."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"CONTROL"' in line]
    return [each["control"]["connectorConfig"]["config"] for each in lines]


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

    (status,) = (each["connectionStatus"] for each in output.of("CONNECTION_STATUS"))
    assert status["status"] == "FAILED"
    assert "Refresh token was rejected" in status["message"]
    told = json.dumps(output.messages) + caplog.text + capsys.readouterr().out
    assert "refresh_of_last_year" not in told
    assert "a_secret_of_the_app" not in told


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"credentials": {"auth_type": "api_key"}}, "`credentials.api_key` must be a text"),
        ({"credentials": {"auth_type": "password"}}, "`credentials.auth_type` must be api_key or oauth2."),
        ({"credentials": "api_1"}, "`credentials.auth_type` must be api_key or oauth2."),
        (credentials(""), "`credentials.refresh_token` must be a text"),
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
