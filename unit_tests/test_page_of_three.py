"""Each list of the table in pages of three rows: all of it is longer than a page, so a walk that stops there shows."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from close_emulator import RESOURCES, SMALL, Emulator
from source_closeio.endpoints import ENDPOINTS, TASK_TYPES, Endpoint

from .conftest import NOW, Output
from .held import held, keys

PAGE = 3
ROWS = 2 * PAGE + 1

IN_ONE_ANSWER = {"user_availabilities", "organizations", "memberships", "activity_metrics"}
"""No list of Close's: they come as a whole, whatever `_limit` says."""
PAGED = [endpoint for endpoint in ENDPOINTS if endpoint.name not in IN_ONE_ANSWER]


def a_day_of(path: str, **of: str) -> list[dict[str, str]]:
    """Rows of one day, seconds apart, so that they lie in one slice of time."""
    made, *changed = RESOURCES[path].stamps or ("",)
    moments = [(NOW - timedelta(days=2, seconds=second)).isoformat() for second in range(ROWS)]
    return [{stamp: at for stamp in (made, *changed) if stamp} | of for at in moments]


@pytest.fixture(scope="module")
def organisation() -> Iterator[Emulator]:
    """More than two pages of everything, and for each parent more than two pages of children."""
    emulator = Emulator(SMALL, seed=17, now=NOW)
    for path, resource in RESOURCES.items():
        if resource.listed and not resource.needs and path not in ("activity/", "task/", "send_as/"):
            emulator.add(path, *a_day_of(path))
    for kind in TASK_TYPES:
        emulator.add("task/", *a_day_of("task/", _type=kind))
    for parents, children, name in (
        ("sequence/", "sequence_subscription/", "sequence_id"),
        ("comment_thread/", "comment/", "thread_id"),
        ("custom_object_type/", "custom_object/", "custom_object_type_id"),
    ):
        for parent in sorted(emulator.ids(parents)):
            emulator.add(children, *a_day_of(children, **{name: parent}))
    for mine, other in (("allowing_user_id", "allowed_user_id"), ("allowed_user_id", "allowing_user_id")):
        emulator.add("send_as/", *({mine: emulator.user_id, other: f"user_{number}"} for number in range(ROWS)))
    with emulator:
        yield emulator


@pytest.fixture
def close(organisation: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """That organisation at a Close which pages all of its lists, and allows three rows a page."""
    for path, resource in RESOURCES.items():
        monkeypatch.setitem(RESOURCES, path, replace(resource, paged=True))
    organisation.behaviour.limit_caps = dict.fromkeys((*RESOURCES, "data/search/"), PAGE)
    organisation.forget_requests()
    return organisation


@pytest.mark.parametrize("endpoint", PAGED, ids=lambda endpoint: str(endpoint.name))
def test_a_list_longer_than_a_page_comes_whole(
    close: Emulator, sync: Callable[..., Output], endpoint: Endpoint
) -> None:
    expected = {row[endpoint.key] for row in held(close, endpoint)}
    assert len(expected) >= ROWS

    output = sync(endpoint.name, config={"custom_field_names": True})

    assert set(keys(output, endpoint)) == expected
    assert len(keys(output, endpoint)) == len(expected)
    answered = Counter(request.path for request in close.requests if request.status == 200)
    assert max(answered.values()) > ROWS // PAGE, "it came in pages of three"
