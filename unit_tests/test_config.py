"""Wrong values are one sentence that names the key and shows what it should look like."""

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from source_closeio.config import BASE_URL, read_settings
from source_closeio.errors import ConfigError


def settings(**config: Any) -> Any:
    return read_settings({"api_key": "api_key_1", **config})


def test_defaults_are_those_of_the_documentation() -> None:
    read = settings()

    assert read.start_date is None
    assert read.lookbacks == {
        "date_created": timedelta(days=1),
        **dict.fromkeys(("date_updated", "deleted_at"), timedelta(hours=1)),
    }
    assert read.date_window is None
    assert read.num_workers == 20
    assert read.most_per_second is None
    assert read.base_url == BASE_URL + "/"
    assert read.user_agent.startswith("source-closeio/")


def test_all_options_are_read() -> None:
    read = settings(
        start_date="2024-01-31",
        activities_window_seconds=0,
        updates_window_seconds=60,
        date_window=366,
        num_workers=40,
        max_requests_per_second=5,
        user_agent=" us ",
        base_url="https://proxy.example.com/close",
        something_else=1,
    )

    assert read.start_date == datetime(2024, 1, 31, tzinfo=timezone.utc)
    assert read.lookbacks == {
        "date_created": timedelta(0),
        **dict.fromkeys(("date_updated", "deleted_at"), timedelta(seconds=60)),
    }
    assert (read.date_window, read.num_workers, read.most_per_second) == (timedelta(days=366), 40, 5)
    assert (read.user_agent, read.base_url) == ("us", "https://proxy.example.com/close/")


def test_null_means_the_default() -> None:
    assert settings(start_date=None, date_window=None) == settings()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/api/v1", "http://localhost:1/", "http://[::1]:80", "https://api.close.com/api/v1"]
)
def test_plain_http_is_for_loopback_only(url: str) -> None:
    assert settings(base_url=url).base_url.startswith(url)


@pytest.mark.parametrize(
    ("key", "value", "shows"),
    [
        ("api_key", None, "not empty"),
        ("api_key", "", "not empty"),
        ("api_key", "  ", "not empty"),
        ("api_key", 5, "text"),
        ("api_key", "kéy", "HTTP header"),
        ("api_key", "a\nb", "HTTP header"),
        ("start_date", "yesterday", "2024-01-31"),
        ("start_date", "2024-13-45", "2024-01-31"),
        ("start_date", 20240101, "2024-01-31"),
        ("start_date", "0001-01-01T00:00:00+10:00", "2024-01-31"),
        ("start_date", "9999-12-31T23:00:00-10:00", "2024-01-31"),
        ("start_date", "2999-01-01", "future"),
        ("activities_window_seconds", -1, "whole number from 0"),
        ("activities_window_seconds", "3600", "whole number from 0"),
        ("activities_window_seconds", 1.5, "whole number from 0"),
        ("date_window", 0, "from 1 to 366"),
        ("date_window", 367, "from 1 to 366"),
        ("date_window", True, "from 1 to 366"),
        ("num_workers", 0, "from 1 to 40"),
        ("num_workers", 41, "from 1 to 40"),
        ("max_requests_per_second", 0, "from 1 to 1000"),
        ("max_requests_per_second", 2.5, "whole number"),
        ("user_agent", "", "not empty"),
        ("base_url", "http://api.close.com/api/v1", "https://"),
        ("base_url", "http://127.0.0.1.evil.example/", "https://"),
        ("base_url", "https://user:word@api.close.com/", "`api_key`"),
        ("base_url", "https://user@api.close.com/", "`api_key`"),
        ("base_url", "ftp://api.close.com", BASE_URL),
        ("base_url", "close.example.com", BASE_URL),
        ("base_url", "https://[", BASE_URL),
        ("base_url", "https://:443/", BASE_URL),
        ("base_url", "https://close.example.com:0/", BASE_URL),
        ("base_url", "https://close.example.com:65536/", BASE_URL),
        ("base_url", "https://close..example.com/", BASE_URL),
        ("base_url", f"https://{'a' * 64}.example.com/", BASE_URL),
        ("base_url", "https://close example.com/", BASE_URL),
        ("base_url", "https://clöse.example.com/", BASE_URL),
        ("base_url", "https://close.example.com/\ud800", BASE_URL),
        ("base_url", "https://[fe80::1%25eth0]/", BASE_URL),
        ("base_url", "https://close.example.com/#a", BASE_URL),
        ("base_url", "https://api.close.com/?a=b", BASE_URL),
        ("base_url", 5, BASE_URL),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_key_and_not_the_value(key: str, value: Any, shows: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**{key: value})

    sentence = str(caught.value)
    assert f"`{key}`" in sentence
    assert shows in sentence
    assert re.fullmatch(r"[^\n]+\.", sentence)
    if isinstance(value, str) and len(value) > 8:
        assert value not in sentence


OAUTH = {"auth_type": "oauth2", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"credentials": "api_key"}, "Method (`credentials.auth_type`) must be api_key or oauth2."),
        ({"credentials": {"auth_type": "other"}}, "Method (`credentials.auth_type`) must be api_key or oauth2."),
        (
            {"credentials": {"auth_type": "api_key"}},
            "API Key (`credentials.api_key`) must be a text that is not empty.",
        ),
        (
            {"credentials": {**OAUTH, "client_id": None}},
            "Client ID (`credentials.client_id`) must be a text that is not empty.",
        ),
        ({"credentials": {**OAUTH, "access_token": 5}}, "`credentials.access_token` must be a text that is not empty."),
        (
            {"credentials": {**OAUTH, "token_expiry_date": "soon"}},
            "`credentials.token_expiry_date` must be a date like 2024-01-31 or a date-time like 2024-01-31T09:30:00Z.",
        ),
        ({"credentials": OAUTH, "api_key": ["k"]}, "`api_key` must be a text that is not empty."),
    ],
)
def test_wrong_credentials_are_one_sentence(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(config)

    assert str(caught.value) == sentence


@pytest.mark.parametrize("empty", [None, ""])
def test_tokens_and_a_second_key_may_be_left_empty(empty: str | None) -> None:
    config = {"api_key": empty, "credentials": {**OAUTH, "access_token": empty, "token_expiry_date": empty}}

    assert read_settings(config).oauth is config
