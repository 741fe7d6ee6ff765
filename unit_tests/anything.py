"""What hypothesis draws: any JSON, dates of any year, and documents that somebody has spoilt in a few places."""

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

FEW = settings(max_examples=max(10, settings().max_examples // 20), phases=[Phase.generate])
"""Where the emulator is asked: to look for the smallest example would take minutes."""

NASTY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
"""Halves of surrogate pairs included."""

OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _spelled(moment: datetime, precision: str, between: str, zone: str) -> str:
    text = moment.isoformat(between, precision)
    return {"as it is": text, "none": text[:-6], "Z": text[:-6] + "Z", "short": text[:-3], "mail": _mail(moment)}[zone]


def _mail(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S %z}"


MOMENTS = st.builds(
    _spelled,
    st.datetimes(timezones=OFFSETS)
    | st.sampled_from((datetime.min, datetime.max)).flatmap(
        lambda end: OFFSETS.map(lambda zone: end.replace(tzinfo=zone))
    ),
    st.sampled_from(("auto", "minutes", "seconds", "milliseconds", "microseconds")),
    st.sampled_from("T "),
    st.sampled_from(("as it is", "none", "Z", "short", "mail")),
)
"""Of any year, with any offset, in spellings that are seen."""

NUMBERS = (
    st.integers()
    | st.sampled_from((0, 1, -1, 2**63, -(2**63) - 1, 2**64, 10**300))
    | st.floats()
    | st.sampled_from((1e308, 5e-324))
)
SCALARS = st.none() | st.booleans() | NUMBERS | NASTY_TEXT | MOMENTS
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def places(held: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything that a document holds."""
    inner = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    return [above, *(path for key, each in inner for path in places(each, (*above, key)))]


@st.composite
def spoilt(draw: st.DrawFn, held: Any) -> Any:
    """The document with up to three places replaced, left out, doubled or put elsewhere."""
    root = {"": copy.deepcopy(held)}
    for _ in range(draw(st.integers(0, 3))):
        *above, last = draw(st.sampled_from(places(root)[1:]))
        node: Any = root
        for key in above:
            node = node[key]
        change = draw(st.sampled_from(("replace", "replace", "leave out", "double", "move")))
        if change == "replace" or not above:
            node[last] = draw(ANY_JSON)
        elif change == "leave out":
            del node[last]
        elif change == "double" and isinstance(node, list):
            node.append(copy.deepcopy(node[last]))
        else:
            node[last] = copy.deepcopy(draw(st.sampled_from([*_values(root)])))
    return root[""]


def _values(held: Any) -> list[Any]:
    inner = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return [held, *(each for value in inner for each in _values(value))]


def tells_nothing(blob: Any) -> bool:
    """Whether the state of a stream is one of those with which Airbyte says that there is none."""
    return blob in (None, {}, {"__ab_no_cursor_state_message": True})
