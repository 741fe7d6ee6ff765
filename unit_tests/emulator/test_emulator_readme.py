"""The emulator's README: limits first, and a table of switches that is the code's."""

import dataclasses
import re
from pathlib import Path

import pytest

import close_emulator
from close_emulator import Behaviour, faults
from close_emulator.cli import main
from close_emulator.switches import table
from unit_tests.emulator.conftest import Emulate

README = (Path(close_emulator.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_the_limits_come_first() -> None:
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert headings[0] == "What it is not"


def test_the_table_of_switches_is_made_from_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--switches"]) == 0
    printed = capsys.readouterr().out
    (shown,) = re.findall(r"<!-- switches -->\n(.*?)<!-- /switches -->", README, re.DOTALL)
    assert shown == printed, "python -m close_emulator --switches prints it anew"


def test_every_switch_is_in_the_table_with_its_default_and_a_meaning() -> None:
    rows = [re.split(r"(?<!\\)\|", line)[1:5] for line in table().splitlines()[2:]]
    names, values, defaults, meanings = ([cell.strip(" `") for cell in column] for column in zip(*rows, strict=True))
    assert names == [each.name for each in dataclasses.fields(Behaviour)]
    made = [eval(default) for default in defaults]  # noqa: S307 - "set()" is no literal
    assert made == [getattr(Behaviour(), name) for name in names]
    assert all(values)
    assert all(meaning.endswith(".") for meaning in meanings)


def test_what_the_readme_names_exists(emulate: Emulate) -> None:
    close, _ = emulate()
    told = README.partition("## From Python")[2].partition("\n## ")[0]
    for line in re.findall(r"^\| (`.+?) \|", told, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", line):
            assert hasattr(close, name), name
    (scripts,) = re.findall(r"faults by a script: (.+) \|", told)
    named = {*re.findall(r"`(\w+)`", scripts)}
    assert named == {*re.findall(r"`(\w+)`", str(faults.__doc__))}
    assert all(callable(getattr(faults, name)) for name in named)


def test_the_control_endpoints_of_the_readme_answer(emulate: Emulate) -> None:
    _, client = emulate()
    told = README.partition("## From another process")[2].partition("\n## ")[0]
    asked = re.findall(r"^\| `(GET|POST) (\S+)`", told, re.MULTILINE)
    assert [client.send(method, path).status for method, path in asked] == [200] * 4


def test_the_example_of_the_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(example, {})  # noqa: S102 - our own example
