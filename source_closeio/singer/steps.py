"""What happens to each record on its way out, compiled once for each stream: it is on the path of every record."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from source_closeio.windows import parse_moment, state_text

from .messages import encoded

Record = dict[str, Any]
Step = Callable[[Record], None]
"""Changes a record in place."""

Path = tuple[str, ...]
"""Names of properties from the top down; arrays on the way are not named."""

Tree = dict[str, "Tree"]
"""Paths that share their beginnings; empty where a path ends."""

UTC = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00:00|Z)?)?", re.ASCII)
"""The spellings that Close uses; without an offset it is UTC."""


def utc_text(value: str) -> str:
    """A date, or date-time in ISO 8601 or as in mails, as `YYYY-MM-DDTHH:MM:SS.ffffffZ`; anything else as it is.

    Targets were seen to drop an offset without converting, so none is handed on.
    """
    if len(value) == 32 and value[10] == "T" and value[19] == "." and value.endswith("+00:00"):
        return value[:26] + "Z"  # nearly all of them; what follows costs three times as much
    if found := UTC.fullmatch(value):
        day, time, fraction = found.groups()
        return f"{day}T{time or '00:00:00'}.{fraction or '':0<6}Z"
    for parse in (parse_moment, _mail_moment):
        try:
            return state_text(parse(value))
        except (ValueError, OverflowError):
            continue
    return value


def _mail_moment(value: str) -> Any:
    return parse_moment(parsedate_to_datetime(value).isoformat())


def moments(paths: Collection[Path]) -> Step:
    """Rewrites the date-times at these paths."""
    return _rewriter(tree_of(paths))


def _rewriter(tree: Tree) -> Callable[[Any], None]:
    names = [name for name, below in tree.items() if not below]
    inner = [(name, _rewriter(below)) for name, below in tree.items() if below]

    def rewrite(value: Any) -> None:
        if type(value) is list:
            for each in value:
                rewrite(each)
        elif type(value) is dict:
            for name in names:
                if moment := value.get(name):
                    value[name] = utc_text(moment) if type(moment) is str else _each(moment)
            for name, rewrite_inner in inner:
                if below := value.get(name):
                    rewrite_inner(below)

    return rewrite


def _each(value: Any) -> Any:
    return [utc_text(each) if type(each) is str else each for each in value] if type(value) is list else value


def without(paths: Collection[Path]) -> Step:
    """Leaves out the properties at these paths."""
    tree = tree_of(paths)

    def step(record: Record) -> None:
        _prune(record, tree)

    return step


def _prune(value: Any, tree: Tree) -> None:
    if isinstance(value, list):
        for each in value:
            _prune(each, tree)
    elif isinstance(value, dict):
        for name, below in tree.items():
            if below:
                _prune(value.get(name), below)
            else:
                value.pop(name, None)


def only(declared: Collection[str], left_out: set[str]) -> Step:
    """Leaves out the top-level properties that are not declared, and notes the names of those that held something."""
    names = frozenset(declared)

    def step(record: Record) -> None:
        if not names.issuperset(record):
            left_out.update(name for name in record.keys() - names if record.pop(name) is not None)

    return step


def json_text(columns: Collection[str]) -> Step:
    """Encodes the values of these columns that are no text as JSON."""

    def step(record: Record) -> None:
        for name in columns:
            value = record.get(name)
            if value is not None and type(value) is not str:
                record[name] = encoded(value).decode()

    return step


def tree_of(paths: Collection[Path]) -> Tree:
    tree: Tree = {}
    for path in sorted(paths, key=len, reverse=True):  # the shorter path wins: what is above is gone whole
        *above, last = path
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = {}
    return tree


def date_time_paths(schema: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Where a schema declares date-times."""
    if schema.get("format") == "date-time":
        yield above
    for name, inner in schema.get("properties", {}).items():
        yield from date_time_paths(inner, (*above, name))
    if "items" in schema:
        yield from date_time_paths(schema["items"], above)
