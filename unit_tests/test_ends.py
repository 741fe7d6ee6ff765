"""Any end is soon: nobody reads on, or somebody presses Ctrl-C, while a reader waits for Close."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from close_emulator import Emulator, faults
from source_closeio import http_policy

from .conftest import API_KEY, Output, catalog_of
from .filling import fill

SECONDS = 5
MAIN = str(Path(__file__).parent.parent / "main.py")
PROGRAMS = {
    "check": (MAIN, "check"),
    "discover": (MAIN, "discover"),
    "read": (MAIN, "read", "--catalog", "catalog.json"),
    "tap": ("-m", "source_closeio.singer"),
}


class Silent:
    """An organisation in which some list is never answered."""

    def __init__(self, close: Emulator, *paths: str) -> None:
        self.waited_for = threading.Event()
        self.over = threading.Event()
        self._paths = paths
        close.on_request = self._stay

    def _stay(self, request: Any) -> None:
        if request.path in self._paths:
            self.waited_for.set()
            self.over.wait(60)


@pytest.fixture
def start(close: Emulator, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    (tmp_path / "config.json").write_text(json.dumps({"api_key": API_KEY, "base_url": close.base_url}))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog_of(("leads", "tasks"))))
    started = []

    def start(program: str, stdout: int) -> subprocess.Popen[bytes]:
        words = [sys.executable, *PROGRAMS[program], "--config", "config.json"]
        here = {"PYTHONPATH": str(Path(MAIN).parent)}
        process = subprocess.Popen(
            words, stdout=stdout, stderr=subprocess.PIPE, cwd=tmp_path, env={**os.environ, **here}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_ends_it_at_once_whatever_it_waits_for(close: Emulator, start: Any, program: str) -> None:
    fill(close, "leads", 300)
    silent = Silent(close, "task/", "custom_field_schema/lead/" if program == "discover" else "")
    process = start(program, subprocess.DEVNULL)
    try:
        assert silent.waited_for.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SECONDS) == 130
        assert b"Traceback" not in process.stderr.read()
    finally:
        silent.over.set()


@pytest.mark.parametrize("program", ["read", "tap"])
def test_it_ends_soon_after_nobody_reads_on_whatever_it_waits_for(close: Emulator, start: Any, program: str) -> None:
    """Leads are more than a pipe holds, so that there is always something to be written."""
    fill(close, "leads", 3000)
    silent = Silent(close, "task/")
    process = start(program, subprocess.PIPE)
    try:
        assert silent.waited_for.wait(30)
        while b"RECORD" not in process.stdout.readline():
            pass
        process.stdout.close()
        assert process.wait(timeout=SECONDS) != 0
    finally:
        silent.over.set()


@pytest.mark.parametrize(
    "fault", [faults.rate_limited(reset=100), faults.server_error(503)], ids=["a long reset", "a long pause"]
)
def test_no_reader_outlives_its_sync_however_long_it_was_to_wait(
    close: Emulator, run: Callable[..., Output], monkeypatch: pytest.MonkeyPatch, fault: faults.Fault
) -> None:
    monkeypatch.setattr(http_policy, "pause_before", lambda attempt: 100.0)
    before = set(threading.enumerate())
    fill(close, "leads", 3000)
    asked = threading.Event()

    def leads_come_after(request: Any) -> None:
        if request.path == "task/":
            asked.set()
        elif request.path == "data/search/":
            asked.wait(10)

    close.on_request = leads_come_after
    close.fail(fault, path="task/")

    output = run("read", "tasks", "leads", lines=20, config={"num_workers": 4})
    close.on_request = None

    readers = [each for each in set(threading.enumerate()) - before if each.name.startswith("worker_")]
    for reader in readers:
        reader.join(SECONDS)
    assert [reader.name for reader in readers if reader.is_alive()] == []
    assert len(output.messages) == 20


@pytest.mark.parametrize("program", ["read", "tap"])
def test_it_ends_soon_after_nobody_reads_on_though_it_has_nothing_to_write(
    close: Emulator, start: Any, program: str
) -> None:
    silent = Silent(close, "task/", "custom_field_schema/lead/")
    process = start(program, subprocess.PIPE)
    try:
        assert silent.waited_for.wait(30)
        process.stdout.close()
        assert process.wait(timeout=SECONDS) == 1
        assert b"Traceback" not in process.stderr.read()
    finally:
        silent.over.set()
