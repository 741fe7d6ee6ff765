"""The page of guarantees names tests that exist, each once, and every switch by which Close can be made hostile."""

import ast
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from close_emulator import Behaviour

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)

HARMLESS = {"api_key", "gzip", "events_on_change"}
"""Switches that no promise has to fear: whose key is right, how an answer is packed, and what the tests need."""


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))

    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)].count(name) == 1


def test_each_test_is_named_once_and_whatever_looks_like_one_is_one() -> None:
    assert [each for each, times in Counter(NAMED).items() if times > 1] == []
    assert len(NAMED) == PAGE.count("::") > 40


def test_each_promise_names_the_tests_that_show_it() -> None:
    promises = re.split(r"^### ", PAGE.split("\n## What remains")[0], flags=re.MULTILINE)[1:]

    assert [int(promise.split(".")[0]) for promise in promises] == list(range(1, len(promises) + 1))
    assert [promise.splitlines()[0] for promise in promises if "::test_" not in promise] == []


def test_every_switch_that_makes_close_hostile_is_on_the_page_once() -> None:
    rows = re.findall(r"^\| (.+) \| (`.+`) \|$", PAGE, re.MULTILINE)
    named = [name for _, names in rows for name in re.findall(r"`(\w+)`", names)]

    assert sorted([*named, *HARMLESS]) == sorted(switch.name for switch in fields(Behaviour))
