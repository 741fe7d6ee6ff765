"""Airbyte looks at the first error of a sync: after a config error it does not try again, and what would have passed
stays unread until somebody has mended the other.
"""

from collections.abc import Callable
from typing import Any

import pytest

from close_emulator import Emulator, faults

from .conftest import Output
from .filling import fill
from .refusing import state_of

Run = Callable[..., Output]


def errors(output: Output) -> list[tuple[str, str]]:
    """Streams and failure types, as the platform sorts them."""
    traces = [each["trace"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR"]
    traces.sort(key=lambda trace: trace["emitted_at"])
    return [(each["error"]["stream_descriptor"]["name"], each["error"]["failure_type"]) for each in traces]


@pytest.mark.parametrize(
    ("wrong", "options"),
    [
        ("unicorns", {}),
        ("custom_field_values", {}),
        ("leads", {"state": state_of("leads", "date_updated", "2999-01-01")}),
        ("tasks", {"state": state_of("tasks", "date_updated", "2026-02-01")}),
    ],
)
def test_what_passes_comes_before_what_the_user_has_to_mend(
    close: Emulator, run: Run, wrong: str, options: dict[str, Any]
) -> None:
    close.behaviour.refused = {"task/": 403}
    fill(close, "users", 3)
    close.fail(faults.every(1, faults.server_error(503)), path="opportunity/")

    output = run("read", wrong, "users", "opportunities", config={"num_workers": 1}, **options)

    assert errors(output) == [("opportunities", "transient_error"), (wrong, "config_error")]
    assert output.statuses == {wrong: "INCOMPLETE", "opportunities": "INCOMPLETE", "users": "COMPLETE"}
    assert output.messages[-1]["trace"]["error"]["stream_descriptor"]["name"] == wrong


def test_a_list_that_is_gone_is_no_wrong_configuration_of_the_others(close: Emulator, run: Run) -> None:
    ids = fill(close, "tasks", 3)
    close.fail(faults.answer(404, {"error": "Not Found"}), path="user/")

    output = run("read", "users", "tasks")

    assert errors(output) == [("users", "system_error")]
    assert output.errors == ["127.0.0.1 knows no /user/ (404); deselect the stream if it stays so."]
    assert output.ids("tasks") == set(ids)


def test_a_page_about_maintenance_passes(close: Emulator, run: Run) -> None:
    fill(close, "users", 3)
    close.fail(faults.every(1, faults.html_ok()), path="user/")

    assert errors(run("read", "users")) == [("users", "transient_error")]


def test_a_wrong_address_is_a_wrong_configuration(close: Emulator, run: Run) -> None:
    close.fail(faults.answer(404, {"error": "Not Found"}))

    failure = run("read", "users").failure

    assert failure == "`base_url` does not lead to Close's API, which knows /me/."


def test_values_by_name_say_which_option_is_off(close: Emulator, run: Run) -> None:
    output = run("read", "custom_field_values")

    (error,) = output.errors
    assert "`custom_field_names`" in error
    assert "refresh the schema" not in error
    assert run("read", "custom_field_values", config={"custom_field_names": True}).failure is None
