"""What passes: no verdict of a check, no command that hangs, and a log that says what is waited for.

Airbyte tries again after an error that passes, and ends a job for good where a check fails.
"""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator, faults
from close_emulator.wire.faults import Fault
from source_closeio import source
from source_closeio.http_policy import PATIENCE

from .conftest import Output, files
from .filling import fill
from .refusing import refuse_all, state_of, warnings

Run = Callable[..., Output]
NOBODY = "http://127.0.0.1:9/api/v1"
IMPATIENT = """
from source_closeio import http_policy
http_policy.LONGEST_PAUSE = 0.0
from source_closeio.run import main
main()
"""


def errors(output: Output) -> list[dict[str, Any]]:
    return [each["trace"]["error"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR"]


def test_the_tries_of_a_request_outlast_an_outage_of_a_minute() -> None:
    shortest = sum(0.5 * min(2.0**number, 60.0) for number in range(PATIENCE - 1))

    assert shortest > 60


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (faults.server_error(503), "Close failed to answer /me/ (503); try again later. Tried 8 times."),
        (faults.reset(), "127.0.0.1 could not be reached, or hung up; look at the network. Tried 8 times."),
        (faults.not_json(), "The answer of /me/ was damaged on the way; try again later. Tried 8 times."),
    ],
)
def test_what_passes_is_no_answer_of_a_check_but_an_error_after_which_airbyte_tries_again(
    close: Emulator, run: Run, fault: Fault, sentence: str
) -> None:
    close.fail(faults.every(1, fault))

    output = run("check")

    assert output.of("CONNECTION_STATUS") == []
    assert output.failure == sentence
    assert [(each["message"], each["failure_type"]) for each in errors(output)] == [(sentence, "transient_error")]


def test_a_host_that_nobody_listens_at_is_no_wrong_configuration(run: Run) -> None:
    output = run("check", config={"base_url": NOBODY})

    assert output.of("CONNECTION_STATUS") == []
    assert [each["failure_type"] for each in errors(output)] == ["transient_error"]


def test_an_outage_that_ends_in_time_is_not_noticed(close: Emulator, run: Run) -> None:
    close.fail(faults.first(PATIENCE - 1, faults.server_error(503)), path="me/")

    (message,) = run("check").of("CONNECTION_STATUS")
    assert message["connectionStatus"]["status"] == "SUCCEEDED"


def test_what_close_does_not_understand_is_no_wrong_configuration(close: Emulator, run: Run) -> None:
    close.fail(faults.answer(400, {"error": "no"}))

    output = run("check")

    assert output.of("CONNECTION_STATUS") == []
    assert [each["failure_type"] for each in errors(output)] == ["system_error"]


def test_an_outage_of_all_lists_passes_and_their_refusal_does_not(close: Emulator, run: Run) -> None:
    refuse_all(close, 403)
    close.behaviour.refused["user/"] = 503

    output = run("check")

    assert output.of("CONNECTION_STATUS") == []
    assert output.failure == (
        "No stream can be read with this key. Close failed to answer /user/ (503); try again later. Tried 2 times."
    )
    assert [each["failure_type"] for each in errors(output)] == ["transient_error"]


# Time


@pytest.fixture
def hanging(close: Emulator) -> Iterator[set[str]]:
    """Paths whose answers wait for the end of the test."""
    paths: set[str] = set()
    over = threading.Event()
    close.on_request = lambda request: request.path in paths and over.wait()
    yield paths
    over.set()


@pytest.mark.parametrize(("command", "minutes"), [("check", "CHECK"), ("discover", "DISCOVER")])
@pytest.mark.parametrize("how", ["a silent host", "a silent list"])
def test_a_command_ends_in_time_whatever_hangs(
    close: Emulator, run: Run, monkeypatch: pytest.MonkeyPatch, hanging: set[str], command: str, minutes: str, how: str
) -> None:
    monkeypatch.setattr(f"source_closeio.source.{minutes}_SECONDS", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}"} if how == "a silent host" else {}
        hanging |= {"custom_field_schema/lead/", "user/"}

        output = run(command, config=config)

    assert output.failure == (
        f"`{command}` was given up after 0.01 minutes: Close, or the network on the way, answers too slowly; try again "
        "later."
    )
    assert [each["failure_type"] for each in errors(output)] == ["transient_error"] * (command == "check")
    assert output.of("CONNECTION_STATUS") + output.of("CATALOG") == []


def test_airbyte_does_not_end_a_command_before_we_do() -> None:
    assert (source.CHECK_SECONDS, source.DISCOVER_SECONDS) == (240, 480)
    assert source.PROBE_SECONDS < source.CHECK_SECONDS / 2


def test_one_list_that_hangs_is_a_warning_of_the_check(
    close: Emulator, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hanging: set[str]
) -> None:
    monkeypatch.setattr("source_closeio.source.PROBE_SECONDS", 0.5)
    hanging.add("user/")

    (message,) = run("check").of("CONNECTION_STATUS")

    assert message["connectionStatus"]["status"] == "SUCCEEDED"
    assert warnings(caplog) == [
        "Stream users cannot be read now: Close took longer than 0.5 seconds to answer; try again later."
    ]


# The log


def logged(*words: str) -> list[dict[str, Any]]:
    """The lines of the log, from a process of its own whose tries follow at once."""
    done = subprocess.run([sys.executable, "-c", IMPATIENT, *words], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [json.loads(line)["log"] for line in done.stdout.splitlines() if line.startswith('{"type":"LOG"')]


@pytest.mark.parametrize("command", ["check", "discover", "read"])
def test_the_log_of_an_outage_has_a_line_for_each_wait_and_the_sentence_and_nothing_of_the_cdk(
    close: Emulator, tmp_path: Path, command: str
) -> None:
    close.fail(faults.every(1, faults.server_error(503)))
    words = files(tmp_path, close, "users")[: 4 if command == "read" else 2]

    lines = logged(command, *words)

    path = "/custom_activity/" if command == "discover" else "/me/"
    sentence = f"Close failed to answer {path} (503)"
    waits = [f"{sentence}; trying again in 0.0 s (try {number} of 8)." for number in range(2, 9)]
    told = [each["message"] for each in lines if path in each["message"]]
    assert told == [*waits, f"{sentence}; try again later. Tried 8 times."]
    assert lines[-1]["level"] == "FATAL"
    if command != "discover":  # which asks for several lists beside each other
        assert len(told) == len(lines)


def test_the_log_of_a_stream_that_fails_names_it_with_the_sentence_and_without_a_traceback(
    close: Emulator, tmp_path: Path
) -> None:
    fill(close, "tasks", 2)
    close.fail(faults.answer(405, {}), path="user/")

    lines = logged("read", *files(tmp_path, close, "users", "tasks"))

    failed = [each["message"] for each in lines if each["level"] in ("ERROR", "FATAL")]
    assert [each.partition(";")[0] for each in failed] == [
        "Stream users failed: Close does not allow this request to /user/ (405)",
        "Not read whole: users. The errors above say why",
    ]
    text = json.dumps(lines)
    for riddle in ("Traceback", "MemoryMonitor", "TellUs", "Exception", "did not sync"):
        assert riddle not in text


def test_a_check_that_fails_says_why_and_no_more(close: Emulator, tmp_path: Path) -> None:
    close.behaviour.api_key = "another"

    assert logged("check", *files(tmp_path, close)[:2]) == []


def test_what_helps_us_stands_beside_the_sentence(close: Emulator, run: Run) -> None:
    close.fail(faults.answer(503, {}, {"X-Request-Id": "req_7"}), path="user/")
    close.fail(faults.answer(403, {}), path="task/")
    output = run("read", "users", "tasks", state=state_of("tasks", "date_updated", "2026-02-01T00:00:00Z"))

    told = {each["stream_descriptor"]["name"]: each for each in errors(output)}

    assert told["users"]["internal_message"] == "GET /api/v1/user/: status 503, tries: 8, X-Request-Id: req_7"
    assert told["tasks"]["internal_message"] == "GET /api/v1/task/: status 403, tries: 1"
    assert "It could be read by an earlier sync" in told["tasks"]["message"]
