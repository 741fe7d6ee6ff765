"""When Close, the network or the user do something wrong: complete all the same, or one sentence and exit code 1."""

import json
import re
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator, faults

from .conftest import API_KEY, Output, files
from .filling import PATH, fill

Run = Callable[..., Output]
STREAMS = ["leads", "opportunities", "tasks", "call_activities", "event_log", "users"]


@pytest.fixture
def filled(close: Emulator) -> dict[str, set[str]]:
    return {stream: set(fill(close, stream, 300)) for stream in STREAMS}


@pytest.mark.parametrize(
    "fault",
    [
        faults.rate_limited("nested", reset=0.01, retry_after=False),
        faults.rate_limited("flat", reset="0.01", retry_after=False),
        faults.rate_limited("nested", reset=0.01, headers="semicolons", retry_after=False),
        faults.rate_limited("flat", reset="0.01", headers="old"),
        faults.server_error(500, html=True),
        faults.server_error(503, html=False),
        faults.reset(),
        faults.cut_body(),
        faults.cut_gzip_quietly(),
        faults.not_json(),
    ],
)
def test_one_answer_in_ten_goes_wrong(close: Emulator, sync: Run, filled: dict[str, set[str]], fault: Any) -> None:
    close.fail(faults.every(10, fault))

    output = sync(*STREAMS, config={"num_workers": 8})

    assert {stream: output.ids(stream) for stream in STREAMS} == filled
    assert len(close.requests) > 30


def test_the_rate_limit_is_kept_and_nothing_is_lost(close: Emulator, sync: Run) -> None:
    ids = fill(close, "call_activities", 500)
    close.behaviour.rate_limit = 30

    output = sync("call_activities", config={"num_workers": 20, "start_date": "2026-02-01"})

    assert output.ids("call_activities") == set(ids)
    refused = [request for request in close.requests if request.status == 429]
    assert len(refused) <= len(close.requests) // 10


def test_a_stream_that_fails_for_good_ends_with_one_sentence_and_the_others_finish(
    close: Emulator, run: Run, filled: dict[str, set[str]]
) -> None:
    close.fail(faults.every(1, faults.server_error(503)), path="task/")

    output = run("read", *STREAMS)

    assert output.errors == ["Close failed to answer /task/ (503); try again later. Tried 8 times."]
    assert output.failure == (
        "Not read whole: tasks. The errors above say why; the next sync goes on from the last state."
    )
    assert output.statuses == {stream: "INCOMPLETE" if stream == "tasks" else "COMPLETE" for stream in STREAMS}
    for stream in STREAMS:
        assert output.ids(stream) == (set() if stream == "tasks" else filled[stream])


def test_the_state_stays_before_what_failed_and_the_next_sync_reads_it(close: Emulator, run: Run, sync: Run) -> None:
    ids = fill(close, "call_activities", 800)
    close.fail(faults.every(4, faults.answer(400, {"error": "no"})), path="activity/call/")
    cut = run("read", "call_activities", config={"start_date": "2026-02-20", "date_window": 1})
    assert cut.failure

    close.heal()
    rest = sync("call_activities", state=cut.state, config={"start_date": "2026-02-20", "date_window": 1})

    assert cut.ids("call_activities") | rest.ids("call_activities") == set(ids)


@pytest.mark.parametrize("status", [402, 403])
@pytest.mark.parametrize("stream", ["tasks", "leads", "users"])
def test_a_stream_that_the_key_may_not_read_is_left_out_with_one_warning(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture, stream: str, status: int
) -> None:
    ids = fill(close, "call_activities", 5)
    close.behaviour.refused = {"data/search/lead" if stream == "leads" else PATH[stream]: status}

    output = sync(stream, "call_activities")

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [stream in warning and str(status) in warning for warning in warnings] == [True]
    assert output.ids("call_activities") == set(ids)
    assert output.statuses[stream] == "COMPLETE"
    assert output.errors == []


def test_a_stream_that_was_left_out_is_read_from_the_beginning_once_the_key_may(close: Emulator, sync: Run) -> None:
    ids = fill(close, "tasks", 300)
    close.behaviour.refused = {"task/": 403}
    refused = sync("tasks")
    close.behaviour.refused = {}

    assert refused.ids("tasks") == set()
    assert sync("tasks", state=refused.state).ids("tasks") == set(ids)


def test_an_organisation_without_event_log_syncs_without_it(
    close: Emulator, sync: Run, caplog: pytest.LogCaptureFixture
) -> None:
    close.behaviour.event_log_allowed = False

    sync("event_log", "users")

    assert "Stream event_log is left out" in caplog.text


def test_a_key_without_admin_rights_gets_events_without_their_data(close: Emulator, sync: Run) -> None:
    close.add("event/", {"id": "ev_1", "date_updated": "2026-02-28T00:00:00", "data": {"a": 1}})
    close.behaviour.admin = False

    (event,) = sync("event_log").records("event_log")

    assert (event.get("data"), event.get("previous_data")) == (None, None)


def test_a_stream_that_does_not_exist_fails_and_the_others_finish(close: Emulator, run: Run) -> None:
    ids = fill(close, "users", 3)

    output = run("read", "unicorns", "users")

    assert output.ids("users") == set(ids)
    assert output.statuses == {"unicorns": "INCOMPLETE", "users": "COMPLETE"}
    assert "Close has no stream unicorns" in output.errors[0]
    told = [each["trace"]["error"] for each in output.of("TRACE") if each["trace"]["type"] == "ERROR"]
    assert told[0]["stream_descriptor"]["name"] == "unicorns"
    assert "Not read whole: unicorns" in str(output.failure)


def test_all_streams_that_were_not_read_whole_are_named(run: Run) -> None:
    assert "Not read whole: dragons, unicorns. " in str(run("read", "unicorns", "dragons").failure)


def test_an_empty_catalog_ends_at_once(sync: Run) -> None:
    assert sync().of("RECORD") == []


# check


def status(output: Output) -> tuple[str, str]:
    (message,) = output.of("CONNECTION_STATUS")
    return message["connectionStatus"]["status"], message["connectionStatus"].get("message", "")


def test_check_names_the_user_and_the_organisation(close: Emulator, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    assert status(run("check"))[0] == "SUCCEEDED"
    assert re.search(r"Connected to Close as .+ of .+\.", caplog.text)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    ("me", "told"),
    [
        (
            {"first_name": "Ann", "last_name": "Lee", "email": "a@x", "organizations": [{"name": "O"}, {"name": "P"}]},
            "Ann Lee of O, P",
        ),
        (
            {"first_name": None, "last_name": "Lee", "email": "a@x", "organizations": []},
            "Lee of an unnamed organisation",
        ),
        ({"email": "a@x"}, "a@x of an unnamed organisation"),
        ({"email": "a@x", "organizations": [{"name": "Example Sales Inc."}]}, "a@x of Example Sales Inc"),
    ],
)
def test_check_names_who_can_be_named(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture, me: dict[str, Any], told: str
) -> None:
    close.fail(faults.every(1, faults.answer(200, me)))

    run("check")
    assert f"Connected to Close as {told}." in caplog.messages


def test_check_warns_of_each_stream_that_the_key_may_not_read(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    close.behaviour.event_log_allowed = False
    close.behaviour.refused = {"opportunity/": 403}

    assert status(run("check"))[0] == "SUCCEEDED"
    warned = re.findall(r"Stream (\w+) cannot be read now", caplog.text)
    assert sorted(warned) == ["deletions", "event_log", "opportunities"]
    (told,) = (each for each in caplog.messages if "event log." in each)
    assert told == (
        "Deletes do not come with this key, and of edits outside of the lookbacks only those of activities that can be "
        "searched: Close refuses it the event log."
    )


def test_check_says_that_edits_and_deletes_come_unless_they_are_not_wanted(
    close: Emulator, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run("check")
    assert "Edits and deletes come with this key: Close shows it the event log." in caplog.messages
    caplog.clear()
    run("check", config={"change_capture": "off"})
    assert "event log" not in caplog.text


def test_check_says_that_the_key_is_rejected(close: Emulator, run: Run) -> None:
    close.behaviour.api_key = "another"

    assert status(run("check")) == (
        "FAILED",
        "Close rejected the API key (401): create one under Settings > Developer > API Keys and put it into API "
        "Key (`api_key`).",
    )


def test_check_says_that_this_is_not_close(close: Emulator, run: Run) -> None:
    close.fail(faults.answer(404, {"error": "Not Found"}))

    assert status(run("check")) == ("FAILED", "`base_url` does not lead to Close's API, which knows /me/.")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"api_key": ""}, "`api_key`"),
        ({"start_date": "yesterday"}, "`start_date`"),
        ({"start_date": "2999-01-01"}, "`start_date`"),
        ({"activities_window_seconds": -1}, "`activities_window_seconds`"),
        ({"date_window": "abc"}, "`date_window`"),
        ({"num_workers": 100}, "`num_workers`"),
        ({"base_url": "https://a:b@api.close.com"}, "`base_url`"),
    ],
)
def test_a_wrong_option_is_a_sentence_in_every_command(
    close: Emulator, run: Run, config: dict[str, Any], says: str
) -> None:
    outcome, sentence = status(run("check", config=config))

    assert outcome == "FAILED"
    assert says in sentence
    assert run("discover", config=config).failure == sentence
    assert run("read", "users", config=config).failure == sentence
    assert close.requests == []


def test_a_rejected_key_ends_a_sync_before_its_first_stream(close: Emulator, run: Run) -> None:
    close.behaviour.api_key = "another"

    output = run("read", *STREAMS)

    assert "Close rejected the API key (401)" in str(output.failure)
    assert len(close.requests) == 1


def test_requests_ask_for_gzip_and_say_who_asks(close: Emulator, sync: Run) -> None:
    sync("users", "leads", config={"user_agent": "us"})

    for request in close.requests:
        assert "gzip" in request.headers["accept-encoding"]
        assert request.headers["user-agent"] == "us"


# secrets, and real processes


def command(*words: str) -> list[str]:
    return [sys.executable, str(Path(__file__).parent.parent / "main.py"), *words]


@pytest.mark.parametrize("failing", [False, True])
def test_neither_the_key_nor_a_record_reaches_a_log(close: Emulator, tmp_path: Path, failing: bool) -> None:
    close.add("lead/", {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "name": "Jane Unmistakable"})
    if failing:
        close.fail(faults.answer(400, {"error": "Jane Unmistakable", "field-errors": {}}), path="data/search/")

    done = subprocess.run(
        command("read", "--debug", *files(tmp_path, close, "leads", "users")),
        capture_output=True,
        text=True,
        check=False,
    )

    records = [line for line in done.stdout.splitlines() if line.startswith('{"type":"RECORD"')]
    logs = [line for line in done.stdout.splitlines() if not line.startswith('{"type":"RECORD"')]
    assert ("Unmistakable" in "".join(records)) != failing
    assert API_KEY not in done.stdout + done.stderr
    assert b64encode(f"{API_KEY}:".encode()).decode() not in done.stdout + done.stderr
    assert "Unmistakable" not in "\n".join(logs) + done.stderr


def test_a_broken_pipe_ends_the_sync_soon(close: Emulator, tmp_path: Path) -> None:
    fill(close, "leads", 3000)
    with subprocess.Popen(
        command("read", *files(tmp_path, close, "leads", "users")), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) != 0


def test_ctrl_c_ends_the_sync_soon(close: Emulator, tmp_path: Path) -> None:
    fill(close, "leads", 3000)
    with subprocess.Popen(
        command("read", *files(tmp_path, close, "leads", "users")), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        while b"RECORD" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        assert process.wait(timeout=20) != 0


def test_a_killed_process_leaves_a_state_from_which_nothing_is_lost(close: Emulator, sync: Run, tmp_path: Path) -> None:
    ids = fill(close, "leads", 4000)
    with subprocess.Popen(
        command("read", *files(tmp_path, close, "leads")), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(1500)]
        process.kill()
    cut = Output([json.loads(line) for line in lines])

    rest = sync("leads", state=cut.state)

    assert cut.ids("leads") | rest.ids("leads") == set(ids)


def test_the_exit_code_tells_whether_all_was_read(close: Emulator, tmp_path: Path) -> None:
    fill(close, "users", 3)
    words = command("read", *files(tmp_path, close, "users"))
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0

    close.behaviour.api_key = "another"
    assert subprocess.run(words, capture_output=True, check=False).returncode == 1
