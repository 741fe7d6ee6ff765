"""OAuth as Airbyte's form does it: the consent, the tokens for it, and what the platform keeps from command to command.

The platform renders with Jinjava, and jinja2 stands in for it here. Both know neither `{{` inside of `{{` nor a filter
`urlEncoder`. They differ in that Jinjava renders what is not defined as nothing, where this raises, and in the filters
that each brings, of which nothing is used. The values are those of the platform's DeclarativeOAuthSpecHandler.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import jinja2
import jsonschema
import pytest
import requests
from airbyte_cdk.models import ConnectorSpecificationSerializer

from close_emulator import Emulator
from source_closeio.source import SourceCloseIO

from .conftest import NOW, Output

Run = Callable[..., Output]
REDIRECT = "https://airbyte.example.com:8000/auth_flow?a=b"
GIVEN = {"client_id": "oa2client_1", "client_secret": "a_secret_of_the_app", "redirect_uri": REDIRECT}
TEMPLATES = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - as the platform


@pytest.fixture
def spec() -> dict[str, Any]:
    """What the platform knows of OAuth."""
    dumped: dict[str, Any] = ConnectorSpecificationSerializer.dump(SourceCloseIO().spec(None))  # type: ignore[arg-type]
    told: dict[str, Any] = dumped["advanced_auth"]["oauth_config_specification"]
    return told


def rendered(template: str, **more: str) -> str:
    names = {**GIVEN, **more}
    values = {f"{name}_{kind}": text for name, each in names.items() for kind, text in (("key", name), ("value", each))}
    encoded = {name: quote_plus(each) if name == "redirect_uri" else each for name, each in names.items()}
    parameters = {f"{name}_param": f"{name}={each}" for name, each in encoded.items()}
    return TEMPLATES.from_string(template).render({**names, **values, **parameters})


def placed(outputs: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The config with what the connector's specification wants of `told`, each in its place."""
    wanted = {name: each for name, each in told.items() if name in outputs["properties"]}
    jsonschema.validate(wanted, outputs, format_checker=jsonschema.FormatChecker())
    config: dict[str, Any] = {"credentials": {"auth_type": "oauth2"}}
    for name, value in wanted.items():
        place, last = outputs["properties"][name]["path_in_connector_config"]
        config[place][last] = value
    return config


def authenticated(close: Emulator, spec: dict[str, Any]) -> dict[str, Any]:
    """The config that the form holds once the user has agreed.

    The emulator knows no consent, so that its first refresh token stands for the code. The rest is the platform's way:
    it takes what `extract_output` names, adds the moment at which the token expires, and keeps what the specification
    of the output has a place for.
    """
    answer = requests.post(
        close.base_url.replace("/api/v1", "/oauth2/token/"),
        data={"grant_type": "refresh_token", "refresh_token": "refresh_0"},
        timeout=10,
    ).json()
    tokens = {name: answer[name] for name in spec["oauth_connector_input_specification"]["extract_output"]}
    expires = datetime.now(timezone.utc) + timedelta(seconds=tokens["expires_in"])
    tokens["token_expiry_date"] = expires.isoformat().replace("+00:00", "Z")
    ours = placed(spec["complete_oauth_server_output_specification"], GIVEN)
    theirs = placed(spec["complete_oauth_output_specification"], tokens)
    return {"api_key": None, "credentials": {**ours["credentials"], **theirs["credentials"]}}


class Source:
    """A source in the platform, which keeps what CONTROL messages hold once it exists, and drops them before."""

    def __init__(self, run: Run, capsys: pytest.CaptureFixture[str], config: dict[str, Any]) -> None:
        self.config = config
        self.exists = False
        self._run = run
        self._capsys = capsys

    def runs(self, *words: str) -> Output:
        self._capsys.readouterr()
        output = self._run(*words, config=json.loads(json.dumps(self.config)))
        for line in self._capsys.readouterr().out.splitlines():
            if self.exists and '"CONTROL"' in line:
                self.config = json.loads(line)["control"]["connectorConfig"]["config"]
        return output

    def checks(self) -> dict[str, Any]:
        (message,) = self.runs("check").of("CONNECTION_STATUS")
        status: dict[str, Any] = message["connectionStatus"]
        return status


def test_the_consent_is_asked_for_at_an_address_that_close_understands(spec: dict[str, Any]) -> None:
    url = urlsplit(rendered(spec["oauth_connector_input_specification"]["consent_url"], state="aState-_."))

    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://app.close.com/oauth2/authorize/"
    assert parse_qs(url.query, strict_parsing=True) == {
        "client_id": ["oa2client_1"],
        "response_type": ["code"],
        "redirect_uri": [REDIRECT],
        "state": ["aState-_."],
    }


def test_tokens_are_asked_for_with_what_close_wants_to_know(spec: dict[str, Any]) -> None:
    asked = spec["oauth_connector_input_specification"]

    assert rendered(asked["access_token_url"]) == "https://api.close.com/oauth2/token/"
    assert asked["access_token_headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    params = asked["access_token_params"].items()
    assert {rendered(name): rendered(each, auth_code="code_1") for name, each in params} == {
        "grant_type": "authorization_code",
        "code": "code_1",
        **GIVEN,
    }


def test_a_source_that_was_made_with_oauth_goes_on_working(
    close: Emulator, run: Run, capsys: pytest.CaptureFixture[str], spec: dict[str, Any]
) -> None:
    """The check before a source exists may not use up the refresh token, whose successor the platform would drop."""
    close.now = NOW.replace(year=2100)  # the emulator counts a token's hour by its clock, the connector by the real one
    close.add("user/", {"id": "user_a"})
    source = Source(run, capsys, authenticated(close, spec))
    assert source.checks()["status"] == "SUCCEEDED"
    source.exists = True

    assert source.checks()["status"] == "SUCCEEDED"
    assert source.runs("discover").of("CATALOG")
    assert source.runs("read", "users").ids("users") >= {"user_a"}

    source.config["credentials"]["token_expiry_date"] = "2020-01-01T00:00:00Z"
    for _ in range(2):
        assert source.checks()["status"] == "SUCCEEDED", "what came in the place of the token was kept"
    assert source.config["credentials"]["refresh_token"] == close.refresh_token == "refresh_2"
