"""Who asks: an API key, or OAuth tokens that are renewed on the way.

https://developer.close.com/api/overview/api-key-authentication, .../oauth-authentication
"""

import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import urljoin

import requests
from airbyte_cdk.sources.streams.http.requests_native_auth import SingleUseRefreshTokenOauth2Authenticator
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets
from airbyte_cdk.utils.datetime_helpers import AirbyteDateTime, ab_datetime_parse
from requests.auth import AuthBase, HTTPBasicAuth

from .config import Settings, named
from .errors import FixInput, Problem, TryLater
from .http_policy import PATIENCE, Verdict, evidence, judge_failure, pause_before, read_json, trying_again

logger = logging.getLogger("airbyte")

TOKEN_PATH = "/oauth2/token/"  # noqa: S105 - a path
TOKEN_TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and between two bytes of an answer; all readers wait meanwhile."""

LIFETIME = 3600
"""Seconds that an access token is good for, where its answer does not say so."""

BY_ERROR: Mapping[str, Verdict] = {
    # https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
    "invalid_grant": Verdict(
        FixInput,
        "Close rejected the refresh token ({status}, invalid_grant), which is good for one use only: authenticate the "
        "source again.",
    ),
    "invalid_client": Verdict(
        FixInput,
        f"Close does not know this app ({{status}}, invalid_client): copy {named('credentials.client_id')} and "
        f"{named('credentials.client_secret')} again.",
    ),
}
REFUSED = Verdict(FixInput, "Close refused to renew the access token ({status}): authenticate the source again.")
NO_TOKENS = Verdict(
    TryLater,
    "{host} did not answer {path} with tokens ({status}): Close has trouble, a firewall or a proxy is in the way, "
    "or `base_url` is wrong; try again later.",
)


def authenticator(settings: Settings, pause: Callable[[float], None] = time.sleep) -> AuthBase:
    """Signs requests; shared by all streams of a sync.

    pause: waits so many seconds, and may raise to end the sync; asked before each request for tokens.
    """
    if settings.oauth is None:
        return HTTPBasicAuth(str(settings.api_key), "")
    return OneUseTokens(settings.oauth, urljoin(settings.base_url, TOKEN_PATH), pause)


def judge_tokens(status: int, body: object) -> Verdict:
    """What an answer of the token endpoint means. body: decoded, None where it was no JSON."""
    if isinstance(body, dict):
        if status == requests.codes.ok and _text(body.get("access_token")):
            return Verdict(None)
        passes = status in (requests.codes.request_timeout, requests.codes.too_many_requests)
        if status // 100 == 4 and not passes:
            return BY_ERROR.get(str(body.get("error")), REFUSED)
    return NO_TOKENS


class OneUseTokens(SingleUseRefreshTokenOauth2Authenticator):
    """Close's refresh tokens are good for one use: the CDK puts the new ones into the configuration, and out as a
    CONTROL message at once, before the first request that needs them.

    It asks for them under a lock that all readers wait for. So a try has its time, the tries have their end, and who
    had to wait for a failure is told of it instead of asking again.
    """

    def __init__(self, config: MutableMapping[str, Any], endpoint: str, pause: Callable[[float], None]) -> None:
        super().__init__(config, endpoint)
        self._endpoint = endpoint
        self._pause = pause
        self._failure: Problem | None = None

    def get_token_expiry_date(self) -> AirbyteDateTime:
        """A date that cannot be read is long over."""
        with suppress(ValueError):
            return super().get_token_expiry_date()
        return ab_datetime_parse("1970-01-01")

    def get_access_token(self) -> str:
        if self._failure:
            raise self._failure
        return super().get_access_token()

    def _make_handled_request(self) -> Mapping[str, Any]:
        """The tokens that Close answers with, for the CDK to keep."""
        if self._failure:
            raise self._failure
        self._pause(0.0)
        tries = 0
        while True:
            tries += 1
            answer = self._ask()
            if isinstance(answer, requests.Response):
                status, body = answer.status_code, read_json(answer)
                verdict = judge_tokens(status, body)
                if verdict.problem is None:
                    return _tokens(body)
                problem = verdict.told_of(self._endpoint, status=status)
            else:
                problem = judge_failure(answer).told_of(self._endpoint)
            if not isinstance(problem, TryLater) or tries == PATIENCE:
                self._give_up(problem, answer, tries)
            seconds = pause_before(tries)
            logger.info(trying_again(str(problem), seconds, tries, PATIENCE))
            self._pause(seconds)

    def _ask(self) -> requests.Response | requests.RequestException:
        try:
            return requests.post(
                self._endpoint,
                data=self.build_refresh_request_body(),
                headers={"Accept": "application/json"},
                timeout=TOKEN_TIMEOUT,
            )
        except requests.RequestException as failure:
            return failure

    def _give_up(self, problem: Problem, answer: requests.Response | Exception, tries: int) -> NoReturn:
        self._failure = TryLater(f"{problem} Tried {tries} times.") if isinstance(problem, TryLater) else problem
        self._failure.evidence = evidence(answer, tries)
        raise self._failure


def _tokens(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the CDK reads of an answer, so that it cannot fail before the refresh token, which is used up, is kept."""
    tokens = {name: _text(body.get(name)) for name in ("access_token", "refresh_token")}
    for token in filter(None, tokens.values()):
        add_to_secrets(token)
    seconds = body.get("expires_in")
    known = isinstance(seconds, (int, float)) and 0 < seconds < 10**9
    return {**tokens, "expires_in": seconds if known else LIFETIME}


def _text(given: object) -> str | None:
    return given if isinstance(given, str) and given else None
