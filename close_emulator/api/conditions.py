"""The query tree of Advanced Filtering, turned into ranges of time and tests on rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from close_emulator.lists.catalogue import DECLARATIONS, SEARCHABLE
from close_emulator.store import moments
from close_emulator.store.resource import Resource
from close_emulator.store.selecting import HIGHEST, Range, Test
from close_emulator.store.table import NOTHING, Row
from close_emulator.wire.answers import Refusal, field_error

Node = Mapping[str, Any]


@dataclass
class Conditions:
    """What a row must meet."""

    resource: Resource
    ranges: dict[str, Range] = field(default_factory=dict)
    """Conditions on moments that all rows must meet."""
    tests: list[Test] = field(default_factory=list)
    """All other conditions."""
    ids: frozenset[str] | None = None
    """The only ids that come into question; None: any."""


@dataclass(frozen=True)
class Reader:
    """Reads query trees; knows what relative moments are relative to."""

    now: int
    offset_hours: float
    precision: int

    def read(self, query: object) -> Conditions:
        """The conditions of a whole query."""
        if not isinstance(query, Mapping):
            raise field_error(query="This field is required.")
        names = {str(name) for name in _object_types(query)}
        if len(names) != 1:
            raise field_error(query="Exactly one object_type is required.")
        name = names.pop()
        if name not in SEARCHABLE:
            raise field_error(query=f"Unknown object type: {name}")
        conditions = Conditions(SEARCHABLE[name])
        self._require(query, conditions)
        return conditions

    def _require(self, node: Node, conditions: Conditions) -> None:
        """Add what a node demands of every row, as ranges where it can be."""
        negated = bool(node.get("negate"))
        if node.get("type") == "and" and not negated:
            for part in _parts(node):
                self._require(part, conditions)
            return
        ids = _ids(node)
        if ids is not None:
            conditions.ids = ids if conditions.ids is None else ids & conditions.ids
            return
        bounds = None if negated else self._range(node, conditions.resource)
        if bounds is not None:
            name, (low, high) = bounds
            before = conditions.ranges.get(name, (NOTHING + 1, HIGHEST))
            conditions.ranges[name] = (max(low, before[0]), min(high, before[1]))
        elif node.get("type") not in ("object_type", "match_all") or negated:
            conditions.tests.append(self._test(node, conditions.resource))

    def _range(self, node: Node, resource: Resource) -> tuple[str, Range] | None:
        """The range of a condition on a moment; None for any other node."""
        if node.get("type") != "field_condition":
            return None
        condition = node.get("condition")
        if not isinstance(condition, Mapping) or condition.get("type") != "moment_range":
            return None
        name = self._field(node, resource)
        if name not in resource.moments:
            raise field_error(query=f"moment_range does not apply to {name}")
        low = self._moment(condition.get("on_or_after"), NOTHING + 1)
        high = self._moment(condition.get("before"), HIGHEST)
        return name, (low, high)

    def _moment(self, spec: object, default: int) -> int:
        if spec is None:
            return default
        kind = spec.get("type") if isinstance(spec, Mapping) else None
        moment: int | None = None
        if isinstance(spec, Mapping) and kind == "fixed_utc":
            moment = moments.parse(spec.get("value"))
        elif isinstance(spec, Mapping) and kind == "fixed_local_date":
            moment = moments.parse(str(spec.get("value"))[:10], self.offset_hours)
            if moment is not None and spec.get("which") == "end":
                moment += moments.DAY
        elif kind == "now":
            moment = self.now
        if moment is None:
            raise field_error(query=f"Unsupported moment: {spec}")
        return moment - moment % self.precision

    def _field(self, node: Node, resource: Resource) -> str:
        spec = node.get("field")
        if not isinstance(spec, Mapping):
            raise field_error(query="A field_condition needs a field.")
        if spec.get("type") == "custom_field":
            return f"custom.{spec.get('custom_field_id')}"
        if spec.get("object_type") != resource.search_type:
            raise field_error(query=f"Unknown object type of a field: {spec.get('object_type')}")
        name = str(spec.get("field_name"))
        if name not in DECLARATIONS[resource.path].example:
            raise field_error(query=f"Unknown field: {name}")
        return name

    def _test(self, node: Node, resource: Resource) -> Test:
        """A node as a test on one row."""
        test = self._plain_test(node, resource)
        return (lambda row: not test(row)) if node.get("negate") else test

    def _plain_test(self, node: Node, resource: Resource) -> Test:
        kind = node.get("type")
        if kind in ("object_type", "match_all"):
            return lambda row: True
        if kind in ("and", "or"):
            tests = [self._test(part, resource) for part in _parts(node)]
            merge = all if kind == "and" else any
            return lambda row: merge(test(row) for test in tests)
        if kind == "id":
            wanted = node.get("value")
            return lambda row: row.id == wanted
        if kind == "field_condition":
            bounds = self._range(node, resource)
            if bounds is not None:
                name, (low, high) = bounds
                return lambda row: (value := row.facts.get(name)) is not None and low <= value < high
            return _condition(self._field(node, resource), node.get("condition"))
        raise field_error(query=f"Unsupported query type: {kind}")


def _condition(name: str, condition: object) -> Test:
    """A condition on a field that is no moment."""
    if not isinstance(condition, Mapping):
        raise field_error(query="A field_condition needs a condition.")
    kind = condition.get("type")
    if kind == "term":
        values = set(map(str, condition.get("values") or ()))
        return lambda row: any(str(value) in values for value in _values(row, name))
    if kind == "reference":
        values = set(map(str, condition.get("object_ids") or ()))
        return lambda row: any(str(value) in values for value in _values(row, name))
    if kind == "exists":
        return lambda row: bool(_values(row, name))
    if kind == "boolean":
        wanted = condition.get("value")
        return lambda row: row.value(name) is wanted
    if kind == "number_range":
        return lambda row: any(_within(value, condition) for value in _values(row, name))
    if kind == "text":
        text = str(condition.get("value", "")).lower()
        exact = condition.get("mode") == "exact_value"
        return lambda row: any(
            text == str(value).lower() if exact else text in str(value).lower() for value in _values(row, name)
        )
    raise field_error(query=f"Unsupported condition: {kind}")


def _within(value: object, bounds: Node) -> bool:
    if not isinstance(value, int | float):
        return False
    low, high = bounds.get("gte"), bounds.get("lte")
    over, under = bounds.get("gt"), bounds.get("lt")
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (over is None or value > over)
        and (under is None or value < under)
    )


def _values(row: Row, name: str) -> list[Any]:
    value = row.value(name)
    return value if isinstance(value, list) else [] if value is None else [value]


def _ids(node: Node) -> frozenset[str] | None:
    """The ids of a node that asks for ids and nothing else; None for any other node."""
    if node.get("negate"):
        return None
    if node.get("type") == "id":
        return frozenset({str(node.get("value"))})
    if node.get("type") != "or":
        return None
    ids = [_ids(part) for part in _parts(node)]
    return frozenset[str]().union(*(each for each in ids if each)) if all(each is not None for each in ids) else None


def _parts(node: Node) -> list[Node]:
    parts = node.get("queries")
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise Refusal(400, {"errors": [], "field-errors": {"query": {"queries": "This field is required."}}})
    return parts


def _object_types(node: Node) -> list[object]:
    if node.get("type") == "object_type":
        return [node.get("object_type")]
    if node.get("type") == "and":
        return [name for part in _parts(node) for name in _object_types(part)]
    return []
