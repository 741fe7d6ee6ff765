"""Access tokens expire, refresh tokens are used up."""

from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest

from close_emulator import Behaviour, faults
from unit_tests.emulator.conftest import Client, Emulate, Reply

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def refresh(client: Client, token: str) -> Reply:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "c", "client_secret": "s"}
    return client.send("POST", "/oauth2/token/", urlencode(form).encode())


def me(client: Client, token: str) -> int:
    return client.send("GET", "/api/v1/me/", headers={"Authorization": f"Bearer {token}"}).status


def test_a_refresh_token_is_good_once(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    first = refresh(client, close.refresh_token).json

    assert me(client, first["access_token"]) == 200
    assert refresh(client, "refresh_0").json == {"error": "invalid_grant"}
    assert refresh(client, first["refresh_token"]).status == 200


def test_without_rotation_it_stays_good(emulate: Emulate) -> None:
    _, client = emulate(now=NOW, behaviour=Behaviour(rotate_refresh_tokens=False))

    assert [refresh(client, "refresh_0").status for _ in range(2)] == [200, 200]


def test_an_access_token_expires_and_an_unknown_one_opens_nothing(emulate: Emulate) -> None:
    close, client = emulate(now=NOW)
    token = refresh(client, close.refresh_token).json["access_token"]

    close.now = NOW + timedelta(hours=1)
    assert me(client, token) == 401
    assert me(client, "guessed") == 401


def test_a_reset_connection_counts_as_a_request_that_is_over(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.reset()))
    with pytest.raises((ConnectionError, OSError)):
        client.get("me/")
    client.get("me/")

    assert [request.status for request in close.requests] == [0, 200]
    assert close.max_in_flight == 1
