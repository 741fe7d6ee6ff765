"""The only reader of config keys: what the user typed -> `Settings`, or one sentence that says what to mend."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from . import __version__
from .errors import ConfigError
from .windows import parse_moment

BASE_URL = "https://api.close.com/api/v1"

EVERYTHING, DELETES, OFF = "edits and deletes", "deletes", "off"
"""The values of `change_capture`."""

SPEC: Mapping[str, Any] = json.loads((files(__package__) / "spec.json").read_text(encoding="utf-8"))
"""What Airbyte's form is made of."""

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")


@dataclass(frozen=True)
class Settings:
    """The options of spec.json, read."""

    api_key: str | None
    """HTTP Basic user name; `None` with OAuth."""
    oauth: MutableMapping[str, Any] | None
    """The whole config where it holds OAuth credentials: tokens are taken from it, and new ones put into it."""
    start_date: datetime | None
    """The oldest moment that a first sync reads of streams with dates; `None`: everything."""
    lookbacks: Mapping[str, timedelta]
    """What an incremental sync reads again before its state, by the cursor: `activities_window_seconds` of what is
    found by its creation, `updates_window_seconds` of what is found by its last change."""
    date_window: timedelta | None
    """Slices of more than a page are cut until they are no longer; `None`: slices follow the records."""
    change_capture: str
    """What is taken from the event log: EVERYTHING, DELETES or OFF."""
    custom_field_names: bool
    """Whether the stream custom_field_values is offered."""
    num_workers: int
    most_per_second: int | None
    """Requests of all streams together; `None`: as many as Close allows."""
    user_agent: str
    base_url: str
    """With a closing slash."""


def named(key: str) -> str:
    """An option as the form shows it, with its key behind: `credentials.api_key` is a part of `credentials`."""
    whole, _, part = key.partition(".")
    option: Mapping[str, Any] = SPEC["connectionSpecification"]["properties"][whole]
    for each in option.get("oneOf", ()):
        option = each["properties"].get(part, option)
    return f"`{key}`" if option.get("airbyte_hidden") else f"{option['title']} (`{key}`)"


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Raises ConfigError with a sentence for the first value that is wrong. Unknown keys are left alone."""

    def value(key: str, read: Callable[[str, Any], Any], default: Any) -> Any:
        given = config.get(key)
        return default if given is None else read(key, given)

    api_key, oauth = _credentials(config)
    return Settings(
        api_key=api_key,
        oauth=oauth,
        start_date=value("start_date", _past_moment, None),
        lookbacks={
            cursor: timedelta(seconds=value(key, _whole(0, 10**9), default))
            for cursor, key, default in (
                ("date_created", "activities_window_seconds", 86_400),
                ("date_updated", "updates_window_seconds", 3_600),
                ("deleted_at", "updates_window_seconds", 3_600),
            )
        },
        date_window=value("date_window", _days(1, 366), None),
        change_capture=value("change_capture", _one_of(EVERYTHING, DELETES, OFF), EVERYTHING),
        custom_field_names=value("custom_field_names", _yes_or_no, False),
        num_workers=value("num_workers", _whole(1, 40), 20),
        most_per_second=value("max_requests_per_second", _whole(1, 1000), None),
        user_agent=value("user_agent", _text, f"source-closeio/{__version__}"),
        base_url=value("base_url", _base_url, BASE_URL).rstrip("/") + "/",
    )


def _credentials(config: Mapping[str, Any]) -> tuple[str | None, MutableMapping[str, Any] | None]:
    """`credentials` as the form writes them, or the bare `api_key` of older configs and of Singer."""
    credentials = config.get("credentials")
    if credentials is None:
        return _text("api_key", config.get("api_key")), None
    kind = credentials.get("auth_type") if isinstance(credentials, Mapping) else None
    if config.get("api_key") not in (None, ""):
        _text("api_key", config["api_key"])  # not used; only the form would say so otherwise, and quote it
    if kind == "api_key":
        return _text("credentials.api_key", credentials.get("api_key")), None
    if kind == "oauth2" and isinstance(config, MutableMapping):
        for key in ("client_id", "client_secret", "refresh_token"):
            _text(f"credentials.{key}", credentials.get(key))
        for key, read in (("access_token", _text), ("token_expiry_date", _moment)):
            if credentials.get(key) not in (None, ""):
                read(f"credentials.{key}", credentials[key])
        return None, config
    raise ConfigError(f"{named('credentials.auth_type')} must be api_key or oauth2.")


def _text(key: str, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ConfigError(f"{named(key)} must be a text that is not empty.")
    if not given.strip().isascii() or not given.strip().isprintable():
        raise ConfigError(f"{named(key)} holds characters that cannot be sent in an HTTP header; copy it again.")
    return given.strip()


def _whole(least: int, most: int) -> Callable[[str, Any], int]:
    def read(key: str, given: Any) -> int:
        # A bool is an int in Python, and never meant as one here.
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise ConfigError(f"{named(key)} must be a whole number from {least} to {most}.")
        return given

    return read


def _days(least: int, most: int) -> Callable[[str, Any], timedelta]:
    return lambda key, given: timedelta(days=_whole(least, most)(key, given))


def _yes_or_no(key: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise ConfigError(f"{named(key)} must be true or false.")
    return given


def _one_of(*words: str) -> Callable[[str, Any], str]:
    def read(key: str, given: Any) -> str:
        if given not in words:
            raise ConfigError(f"{named(key)} must be one of: {', '.join(words)}.")
        return str(given)

    return read


def _moment(key: str, given: Any) -> datetime:
    try:
        return parse_moment(given)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{named(key)} must be a date like 2024-01-31 or a date-time like 2024-01-31T09:30:00Z."
        ) from None


def _past_moment(key: str, given: Any) -> datetime:
    moment = _moment(key, given)
    if moment > datetime.now(timezone.utc):
        raise ConfigError(f"{named(key)} lies in the future; give the oldest day whose records you want.")
    return moment


def _base_url(key: str, given: Any) -> str:
    try:
        address = _text(key, given)
        parts = urlsplit(address)
        host = parts.hostname if parts.port != 0 else None  # asking for the port raises if it is no number
    except (ValueError, ConfigError):
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or not _is_host(host):
        raise ConfigError(f"{named(key)} must be an address like {BASE_URL}.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{named(key)} must not hold a user name or a password; the key belongs in `api_key`.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(f"{named(key)} must begin with https://, or the API key would cross the network unencrypted.")
    return address


def _is_host(host: str) -> bool:
    """Whether requests and the resolver take it; what they do not ends in a traceback of theirs."""
    if _NAME.fullmatch(host):
        return True
    try:
        return "%" not in str(ipaddress.ip_address(host))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
