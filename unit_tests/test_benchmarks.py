"""What the figures of `make bench` and `make bench-peers` are made of."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import measuring
from close_emulator import Emulator, Request

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def asked(began: float, ended: float, status: int = 200) -> Request:
    return Request("GET", "task/", {}, None, status, {}, began, ended)


def program(*messages: Mapping[str, object]) -> list[str]:
    """One that writes these messages."""
    return [sys.executable, "-c", "import sys; print('\\n'.join(sys.argv[1:]))", *map(json.dumps, messages)]


AIRBYTE = {"type": "RECORD", "record": {"stream": "tasks", "data": {"id": "task_1"}}}
SINGER = {"type": "RECORD", "stream": "tasks", "record": {"id": "task_2"}}
STATE = {"type": "STATE", "state": {"stream": {"stream_descriptor": {"name": "tasks"}, "stream_state": {"at": 1}}}}


def test_a_record_that_a_program_leaves_out_is_missing(close: Emulator) -> None:
    close.add("task/", {"id": "task_1", "_type": "lead"}, {"id": "task_2", "_type": "lead"}, {"id": "task_3"})

    one = measuring.run(program(AIRBYTE, STATE), close)
    other = measuring.run(program(SINGER), close)

    assert measuring.missing(close, {"tasks": "tasks"}, one) == {"tasks": 2}
    assert measuring.missing(close, {"tasks": "tasks"}, one, other) == {"tasks": 1}
    assert (one.records, one.states) == (1, {"tasks": 1})


def test_records_of_another_kind_are_not_missing(close: Emulator) -> None:
    close.add("task/", {"id": "task_1", "_type": "lead"}, {"id": "task_2", "_type": "voicemail"})

    run = measuring.run(program(AIRBYTE), close)

    assert measuring.missing(close, {"tasks": "lead_tasks"}, run) == {"tasks": 0}
    assert measuring.missing(close, {"tasks": "voicemail_tasks"}, run) == {"tasks": 1}


def test_a_program_that_fails_is_not_measured(close: Emulator) -> None:
    with pytest.raises(SystemExit, match="failed"):
        measuring.run([sys.executable, "-c", "raise SystemExit(1)"], close)


def test_the_memory_of_a_program_is_not_that_of_who_measures_it(close: Emulator) -> None:
    ballast = b"x" * 200_000_000

    run = measuring.run(program(AIRBYTE), close)

    assert run.memory < len(ballast) // 4_000_000


def test_requests_are_counted_while_they_overlap() -> None:
    requests = [asked(0.0, 2.0), asked(1.0, 3.0), asked(2.0, 4.0)]

    assert measuring.most_at_once(requests) == 2
    assert measuring.at_once(requests) == 6.0 / 4.0


def test_the_first_second_does_not_count_for_the_share_of_a_limit() -> None:
    burst = [asked(0.0, number / 100) for number in range(50)]
    later = [asked(0.0, 1.1 + number / 10) for number in range(40)]
    refused = [asked(0.0, 2.0, status=429)] * 10

    used, of_answers = measuring.used_and_refused([*burst, *later, *refused], 20)

    assert used == pytest.approx(40 / (20 * 4.0))
    assert of_answers == 10 / 50
    assert measuring.used_and_refused(burst, 20) == (0.0, 0.0)


def test_the_switches_of_a_row_end_with_it(close: Emulator) -> None:
    with measuring.switched(close, 0.0, {"rate_limit": 20}):
        assert close.behaviour.rate_limit == 20
    assert close.behaviour.rate_limit is None


def test_the_plot_shows_the_figures_of_the_table() -> None:
    table, plot = ((BENCHMARKS / name).read_text(encoding="utf-8") for name in ("peers.md", "peers.svg"))
    rows = re.findall(r"^\| ([^|]+) \| \d+ \| 100 ms \| ([\d.]+ s) \| ([\d.]+ s) \|", table, re.MULTILINE)

    assert len(rows) == 4
    for name, *figures in rows:
        for text in (name, *figures):
            assert f">{text}<" in plot, "run `make bench-peers`"
