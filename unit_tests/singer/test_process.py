"""The program as others run it: its streams, its exit codes, its secrets."""

import io
import json
import logging
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from close_emulator import Emulator, faults
from source_closeio.singer import cli
from source_closeio.singer.logs import LINES
from source_closeio.singer.messages import record_message, state_message
from source_closeio.singer.options import settings
from source_closeio.singer.tokens import keep_tokens
from unit_tests.conftest import API_KEY
from unit_tests.filling import fill

MINUTE = 60


@pytest.fixture
def words(close: Emulator, tmp_path: Path) -> Any:
    """The command line, with files for what is given."""

    def words(*options: str, config: dict[str, Any] | None = None, **files: Any) -> list[str]:
        files["config"] = {"api_key": API_KEY, "base_url": close.base_url, **(config or {})}
        line = [sys.executable, "-m", "source_closeio.singer", *options]
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
            line += [f"--{name}", str(tmp_path / f"{name}.json")]
        return line

    return words


def run(line: list[str]) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=MINUTE)
    return done.returncode, [json.loads(each) for each in done.stdout.splitlines()], done.stderr


def critical(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("CRITICAL")]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_answer_without_the_cdk(option: str) -> None:
    program = f"""
import sys
from source_closeio.singer.cli import main
try:
    main([{option!r}])
finally:
    slow = {{"airbyte_cdk", "pendulum", "requests"}} & sys.modules.keys()
    assert not slow, slow
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=MINUTE)

    assert done.returncode == 0, done.stderr
    assert "tap-closeio" in done.stdout


def test_about_needs_no_config_and_tells_settings_and_streams() -> None:
    line = [sys.executable, "-m", "source_closeio.singer", "--about"]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=MINUTE)
    about = json.loads(done.stdout)

    assert about["settings"]["properties"].keys() == settings().keys()
    assert about["settings"]["properties"]["api_key"]["secret"] is True
    assert "airbyte" not in done.stdout
    assert about["streams"][1] == {"name": "leads", "key_properties": ["id"], "replication_key": "date_updated"}
    assert about["streams"][4] == {"name": "users", "key_properties": ["id"], "replication_key": None}


def test_arguments_that_are_missing_or_unknown_are_usage(words: Any) -> None:
    for line in ([sys.executable, "-m", "source_closeio.singer"], words("--no-such")):
        code, out, err = run(line)
        assert (code, out) == (2, [])
        assert err.startswith("usage: tap-closeio")


@pytest.mark.parametrize("option", ["catalog", "properties"])
def test_a_catalog_may_be_given_by_either_name(close: Emulator, words: Any, option: str) -> None:
    fill(close, "users", 3)
    fill(close, "leads", 3)
    selected = {"streams": [{"tap_stream_id": "users", "selected": True}]}

    code, out, _ = run(words(**{option: selected}))

    assert code == 0
    assert [each["type"] for each in out] == ["SCHEMA", "RECORD", "RECORD", "RECORD", "STATE", "STATE"]


def test_of_two_catalogs_the_one_by_the_newer_name_counts(close: Emulator, words: Any) -> None:
    fill(close, "users", 3)
    nothing: dict[str, Any] = {"streams": []}
    users = {"streams": [{"tap_stream_id": "users", "selected": True}]}

    _, out, _ = run(words(catalog=users, properties=nothing))

    assert len(out) > 1


def test_discovery_prints_a_catalog_and_nothing_else(close: Emulator, words: Any) -> None:
    done = subprocess.run(words("--discover"), capture_output=True, text=True, check=True, timeout=MINUTE)
    streams = json.loads(done.stdout)["streams"]

    assert [each["tap_stream_id"] for each in streams] == [
        "custom_fields",
        "leads",
        "activities",
        "tasks",
        "users",
        "event_log",
    ]
    leads = streams[1]
    assert leads["key_properties"] == ["id"]
    assert leads["metadata"][0] == {
        "breadcrumb": [],
        "metadata": {
            "inclusion": "available",
            "table-key-properties": ["id"],
            "forced-replication-method": "INCREMENTAL",
            "valid-replication-keys": ["date_updated"],
        },
    }
    automatic = [each["breadcrumb"] for each in leads["metadata"] if each["metadata"]["inclusion"] == "automatic"]
    assert automatic == [["properties", "id"], ["properties", "date_updated"]]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"config": {"api_key": ""}}, "`api_key` must be a text that is not empty."),
        ({"config": {"start_date": "yesterday"}}, "Start Date (`start_date`) must be a date like 2024-01-31"),
        ({"config": {"profile": "new"}}, "`profile` must be compat or native."),
        (
            {"config": {"num_workers": "many"}},
            "Concurrent Readers (`num_workers`) must be a whole number from 1 to 40.",
        ),
        ({"catalog": {"api_key": "x"}}, "The catalog holds no `streams`"),
        (
            {"state": "{"},
            "state.json is not JSON: Expecting property name enclosed in double quotes (line 1, column 2).",
        ),
        ({"state": "[" * 500 + "]" * 500}, "state.json nests objects or lists more than 100 deep."),
        ({"catalog": {"streams": ["leads"]}}, "Each of the `streams` of the catalog must be like"),
        ({"state": "[]"}, "state.json must hold a JSON object."),
        ({"state": {"leads": {}}}, "The state holds no `bookmarks`"),
    ],
)
def test_what_the_user_can_mend_is_one_critical_line(words: Any, files: dict[str, Any], sentence: str) -> None:
    code, out, err = run(words(**files))

    assert (code, out) == (1, [])
    (line,) = critical(err)
    assert sentence in line
    assert "Traceback" not in err
    assert API_KEY not in err


def test_a_config_that_is_not_there_is_one_critical_line() -> None:
    code, out, err = run([sys.executable, "-m", "source_closeio.singer", "--config", "/no/such.json"])

    assert (code, out, err) == (1, [], "CRITICAL /no/such.json cannot be read: No such file or directory.\n")


def test_a_defect_of_ours_tells_where_it_is_and_quotes_nothing(close: Emulator, words: Any) -> None:
    program = """
import sys
from source_closeio.source import SourceCloseIO
def discover(*_): raise KeyError("Jane Unmistakable")
SourceCloseIO.discover = discover
from source_closeio.singer.cli import main
sys.exit(main(sys.argv[1:]))
"""
    code, out, err = run([sys.executable, "-c", program, *words()[3:]])

    assert (code, out) == (1, [])
    assert "CRITICAL Something failed that should not, KeyError; please report it:" in err
    assert "line 4, in discover" in err
    assert "Unmistakable" not in err


@pytest.mark.parametrize("failing", [False, True])
def test_neither_the_key_nor_a_record_reaches_stderr_and_stdout_holds_messages_alone(
    close: Emulator, words: Any, failing: bool
) -> None:
    fill(close, "users", 3)
    close.add("lead/", {"id": "lead_1", "date_updated": "2026-02-01T00:00:00+00:00", "name": "Jane Unmistakable"})
    if failing:
        close.fail(faults.answer(400, {"error": "Jane Unmistakable", "field-errors": {}}), path="data/search/")

    code, out, err = run(words(config={"profile": "native", f"x_{API_KEY}": 1}))

    assert code == failing
    assert {each["type"] for each in out} == {"SCHEMA", "RECORD", "ACTIVATE_VERSION", "STATE"}
    assert ("Unmistakable" in json.dumps(out)) != failing
    assert API_KEY not in err
    assert b64encode(f"{API_KEY}:".encode()).decode() not in err
    assert "Unmistakable" not in err
    assert {line.split(" ")[0] for line in err.splitlines()} <= {"", "INFO", "WARNING", "ERROR", "CRITICAL"}
    assert len(critical(err)) == failing


def test_each_request_leaves_a_metric(close: Emulator, words: Any) -> None:
    fill(close, "users", 3)
    _, _, err = run(words(catalog={"streams": [{"tap_stream_id": "users", "selected": True}]}))
    prefix = "INFO METRIC: "
    points = [json.loads(line.removeprefix(prefix)) for line in err.splitlines() if line.startswith(prefix)]
    timers = [each for each in points if each["type"] == "timer"]

    assert len(timers) == len(close.requests)
    assert {each["metric"] for each in timers} == {"http_request_duration"}
    assert {"endpoint": "/api/v1/user/", "http_status_code": 200, "status": "succeeded"} in [
        each["tags"] for each in timers
    ]


def test_a_broken_pipe_ends_the_sync_soon_and_quietly(close: Emulator, words: Any) -> None:
    fill(close, "leads", 3000)
    with subprocess.Popen(words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=20) == 1
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_ctrl_c_ends_the_sync_soon_and_quietly(close: Emulator, words: Any) -> None:
    fill(close, "leads", 3000)
    with subprocess.Popen(words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "RECORD" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_killed_process_leaves_a_state_from_which_nothing_is_lost(close: Emulator, words: Any) -> None:
    ids = fill(close, "leads", 4000)
    leads = {"streams": [{"tap_stream_id": "leads", "selected": True}]}
    with subprocess.Popen(words(catalog=leads), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        cut = [json.loads(process.stdout.readline()) for _ in range(2500)]
        process.kill()
    states = [each["value"] for each in cut if each["type"] == "STATE"]

    code, rest, _ = run(words(catalog=leads, state=states[-1]))

    assert code == 0
    assert {each["record"]["id"] for each in [*cut, *rest] if each["type"] == "RECORD"} == set(ids)
    assert states[-1]["bookmarks"]


def oauth(refresh_token: str) -> dict[str, Any]:
    tokens = {"client_id": "oa2client_1", "client_secret": "a_secret_of_the_app", "refresh_token": refresh_token}
    return {"api_key": None, "profile": "compat", "credentials": {"auth_type": "oauth2", **tokens}}


def test_new_oauth_tokens_go_into_the_config_file_and_nowhere_else(close: Emulator, words: Any, tmp_path: Path) -> None:
    fill(close, "users", 3)
    users = {"streams": [{"tap_stream_id": "users", "selected": True}]}
    line = words(catalog=users, config=oauth("refresh_0"))
    path = tmp_path / "config.json"
    path.chmod(0o640)

    code, out, err = run(line)

    kept = json.loads(path.read_text())
    assert code == 0, err
    assert {each["type"] for each in out} == {"SCHEMA", "RECORD", "STATE"}
    assert kept["credentials"]["refresh_token"] == close.refresh_token != "refresh_0"
    assert kept["profile"] == "compat"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()].count("config.json") == 1
    assert {each.name for each in tmp_path.iterdir()} == {"config.json", "catalog.json"}
    for secret in (close.refresh_token, "a_secret_of_the_app", kept["credentials"]["access_token"]):
        assert secret not in err
    assert run(line)[0] == 0


def test_tokens_that_cannot_be_kept_are_an_error_line(caplog: pytest.LogCaptureFixture) -> None:
    keep_tokens("/no/such/config.json", {"credentials": {"refresh_token": "refresh_2"}})

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message == (
        "The next sync cannot sign in: its new OAuth token could not be written to /no/such/config.json "
        "(/no/such/config.json cannot be read: No such file or directory.)."
    )


def test_a_config_file_that_cannot_be_replaced_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is mounted by itself, into a container."""
    path = tmp_path / "config.json"
    path.write_text('{"profile": "native", "credentials": {"refresh_token": "refresh_1"}}')
    monkeypatch.setattr("os.replace", Mock(side_effect=OSError))

    keep_tokens(str(path), {"credentials": {"refresh_token": "refresh_2"}})

    assert json.loads(path.read_text()) == {"profile": "native", "credentials": {"refresh_token": "refresh_2"}}
    assert [each.name for each in tmp_path.iterdir()] == ["config.json"]


def test_new_tokens_are_secrets_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LINES, "secrets", [])
    (tmp_path / "config.json").write_text("{}")

    keep_tokens(str(tmp_path / "config.json"), {"credentials": {"access_token": "token_2"}})

    record = logging.makeLogRecord({"levelname": "INFO", "msg": "Bearer token_2"})
    assert LINES.format(record) == "INFO Bearer ****"


class Pipe(io.BytesIO):
    """Notes what had been written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[bytes] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


def test_a_state_does_not_wait_for_what_comes_after_it() -> None:
    """A target that is to keep it would wait too, and the next sync begin earlier."""
    pipe = Pipe()

    messages = (record_message("a", {}, "t"), state_message({}), record_message("a", {}, "t"))
    cli._write((each for each in messages), pipe)

    assert [each.split(b"\n")[-2] for each in pipe.flushed] == [b'{"type":"STATE","value":{}}']
