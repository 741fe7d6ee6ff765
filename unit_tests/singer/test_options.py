"""Configs of Singer users."""

from typing import Any

import pytest

from source_closeio.config import read_settings
from source_closeio.errors import ConfigError
from source_closeio.singer.options import read_options, secrets_of


def test_numbers_and_flags_may_be_texts_as_orchestrators_keep_them() -> None:
    config = {
        "api_key": "api_1",
        "activities_window_seconds": "86400",
        "date_window": " 30 ",
        "num_workers": 4.0,
        "custom_field_names": "True",
        "start_date": "2024-01-01T00:00:00Z",
        "user_agent": "",
        "credentials": None,
    }

    options = read_options(config)

    assert options.source == {
        "api_key": "api_1",
        "activities_window_seconds": 86400,
        "date_window": 30,
        "num_workers": 4,
        "custom_field_names": True,
        "start_date": "2024-01-01T00:00:00Z",
    }
    assert options.remarks == ()
    read_settings(options.source)


@pytest.mark.parametrize("value", ["9" * 5000, "1e3", "4.0", "½", float("nan"), float("inf"), 1e300])
def test_a_number_that_cannot_be_read_is_a_sentence(value: Any) -> None:
    options = read_options({"api_key": "api_1", "num_workers": value})

    with pytest.raises(ConfigError, match=r"Concurrent Readers \(`num_workers`\) must be a whole number from 1 to 40"):
        read_settings(options.source)


def test_half_a_character_in_a_key_is_no_reason_to_fail() -> None:
    key, as_sent = secrets_of({"api_key": "k\ud800"})

    assert (key, as_sent) == ("k\ud800", "a+2ggDo=")


@pytest.mark.parametrize("value", [0, "abc", -5, "0", 367, 1.5, True])
def test_a_date_window_that_tap_closeio_took_for_its_default_is_as_good_as_none(value: Any) -> None:
    options = read_options({"api_key": "api_1", "date_window": value})

    assert "date_window" not in options.source
    assert options.remarks == ("`date_window` is no number of days that can be used; slices follow the records.",)


def test_the_profile_of_the_command_line_has_the_last_word() -> None:
    assert read_options({}).profile == "compat"
    assert read_options({"profile": "native"}).profile == "native"
    assert read_options({"profile": "native"}, "compat").profile == "compat"


def test_undeclared_properties_are_kept_in_compat_and_dropped_in_native() -> None:
    assert read_options({}).keep_undeclared
    assert not read_options({}, "native").keep_undeclared
    assert not read_options({"undeclared_properties": "drop"}).keep_undeclared
    assert read_options({"undeclared_properties": "keep"}, "native").keep_undeclared


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"profile": "old"}, "`profile` must be compat or native."),
        ({"profile": ["native"]}, "`profile` must be compat or native."),
        ({"undeclared_properties": True}, "`undeclared_properties` must be keep or drop."),
    ],
)
def test_an_option_of_ours_that_is_wrong_is_a_sentence(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as failure:
        read_options(config)
    assert str(failure.value) == sentence


def test_options_that_are_not_known_are_named_but_not_their_values() -> None:
    options = read_options({"api_key": "api_1", "apikey": "api_secret", "zzz": 1})

    assert options.remarks == ("Options that are not known are ignored: apikey, zzz.",)


def test_ours_do_not_reach_the_connector() -> None:
    assert read_options({"profile": "native", "undeclared_properties": "keep"}, "compat").source == {}


def test_secrets_are_found_wherever_they_stand_and_as_http_sends_them() -> None:
    config = {"api_key": "api_1 ", "start_date": "2024", "credentials": {"client_secret": "s", "auth_type": "oauth2"}}

    assert list(secrets_of(config)) == ["api_1", "YXBpXzE6", "s", "czo="]
