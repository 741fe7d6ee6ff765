"""`POST /oauth2/token/`: access tokens that expire, and refresh tokens that are used up by being used.

Close's page: https://developer.close.com/topics/authentication-oauth2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from urllib.parse import parse_qs

from close_emulator.behaviour import Behaviour
from close_emulator.store import moments
from close_emulator.wire.answers import Answer, json_answer

PATH = "/oauth2/token/"


class Tokens:
    """The tokens of one user; there is one grant, whose first refresh token is `refresh_token`."""

    def __init__(self, behaviour: Behaviour, clock: Callable[[], int], organization_id: str, user_id: str) -> None:
        self._behaviour = behaviour
        self._clock = clock
        self._owner = {"organization_id": organization_id, "user_id": user_id}
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._expires: dict[str, int] = {}
        self.refresh_token = "refresh_0"  # noqa: S105 - opens nothing
        """The only refresh token that is good now."""

    def answer(self, method: str, body: bytes) -> Answer:
        """New tokens for a good refresh token, an error of RFC 6749 for anything else."""
        if method != "POST":
            return json_answer({"error": "Method Not Allowed"}, 405)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "refresh_token":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        with self._lock:
            if form.get("refresh_token") != self.refresh_token:
                return json_answer({"error": "invalid_grant"}, 400)
            number = next(self._numbers)
            if self._behaviour.rotate_refresh_tokens:
                self.refresh_token = f"refresh_{number}"
            lifetime = self._behaviour.access_token_lifetime
            self._expires[f"access_{number}"] = self._clock() + round(lifetime * moments.SECOND)
            return json_answer(
                {
                    "access_token": f"access_{number}",
                    "refresh_token": self.refresh_token,
                    "token_type": "Bearer",
                    "expires_in": round(lifetime),
                    "scope": "all.full_access offline_access",
                    **self._owner,
                }
            )

    def accepts(self, access_token: str) -> bool:
        """Whether an access token was given out and has not expired."""
        with self._lock:
            return self._expires.get(access_token, 0) > self._clock()
