"""`GET` of a list: filters, order, `_skip` and `_limit`, and the envelope around the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

from close_emulator.api.rendering import Renderer, fields_of, listed
from close_emulator.api.totals import opportunity_totals
from close_emulator.behaviour import Behaviour, Lie
from close_emulator.store import moments
from close_emulator.store.encoding import dumps
from close_emulator.store.records import Store
from close_emulator.store.resource import Resource
from close_emulator.store.selecting import HIGHEST, Range, Test, page, select
from close_emulator.store.table import NOTHING, Row, Selection, Sort
from close_emulator.wire.answers import Answer, Query, Refusal, field_error, missing

_DEFAULT_LIMIT = 100
_WORDS = {"true": True, "false": False}


class Lister:
    """Serves every list but the event log."""

    def __init__(
        self, store: Store, renderer: Renderer, behaviour: Behaviour, clock: Callable[[], int], owner_id: str
    ) -> None:
        self._store = store
        self._renderer = renderer
        self._owner_id = owner_id
        self._behaviour = behaviour
        self._clock = clock
        self._requests = count(1)

    def answer(self, resource: Resource, query: Query) -> Answer:
        """One page."""
        self._check(resource, query.params)
        limit, skip = self._bounds(resource, query.params)
        sort = sort_of(resource, query.params)
        selection = self._selection(resource, query, sort)
        if not resource.paged:
            limit = len(selection)
        deal = next(self._requests) if self._behaviour.unstable_ties else None
        rows = page(selection, skip, limit, sort, deal)
        more = self._has_more(skip + limit < len(selection) and limit > 0)
        fields = fields_of(query, resource)
        if fields is not None:
            fields = tuple(name for name in fields if name not in resource.single_only)
        texts = self._renderer.rows(self._store.shown(rows), fields, lead_dict=self._behaviour.lead_custom_dict)
        parts = [b'"data":' + listed(texts)]
        if resource.has_more:
            parts.insert(0, b'"has_more":' + (b"true" if more else b"false"))
        if resource.total:
            parts.append(b'"total_results":%d' % len(selection))
        if resource.sums:
            parts.append(dumps(opportunity_totals(selection))[1:-1])
        return Answer(200, b"{" + b",".join(parts) + b"}")

    def _check(self, resource: Resource, params: Mapping[str, str]) -> None:
        """Refuse what lacks a parameter it needs, or gives one it must not."""
        given = [name for name in resource.needs if params.get(name)]
        if resource.needs and not given:
            if len(resource.needs) == 1:
                raise field_error(**{resource.needs[0]: "This field is required."})
            raise Refusal(400, {"error": f"At least one of {', '.join(resource.needs)} is required."})
        if resource.just_one and len(given) > 1:
            raise Refusal(400, {"error": f"Only one of {', '.join(resource.needs)} may be given."})
        for name in given:
            self._check_parent(name, params[name])
        for name, allowed in resource.enums:
            if not _choice(params, name) <= frozenset(allowed):
                raise field_error(**{name: f"Input should be {', '.join(map(repr, allowed))}"})
        users = [params[name] for name in resource.own if params.get(name)]
        if users and self._owner_id not in users:
            raise field_error(**{resource.own[0]: f"{' or '.join(resource.own)} must be your own user ID."})
        if not params.get("lead_id"):
            for name in resource.with_lead:
                if name in params or f"{name}__in" in params:
                    raise Refusal(400, {"error": f"Filtering by {name} is only possible together with lead_id."})

    def _check_parent(self, name: str, parent_id: str) -> None:
        """Refuse the children of an unknown parent, where that is wished."""
        mode = self._behaviour.missing_parent
        if mode == "empty" or self._store.knows(parent_id):
            return
        if mode == "404":
            raise missing(name.removesuffix("_id").replace("_", " ").title())
        raise field_error(**{name: "Object does not exist."})

    def _bounds(self, resource: Resource, params: Mapping[str, str]) -> tuple[int, int]:
        """`_limit` and `_skip`, refused when they are no numbers or too large."""
        if not resource.paged:
            return 0, 0
        behaviour = self._behaviour
        limit_cap = behaviour.limit_caps.get(resource.path, resource.limit_cap)
        skip_cap = behaviour.skip_cap
        if skip_cap is None:
            skip_cap = behaviour.skip_caps.get(resource.path, resource.skip_cap)
        limit = _number(params, "_limit", min(_DEFAULT_LIMIT, limit_cap))
        skip = _number(params, "_skip", 0)
        if limit > limit_cap:
            raise cap_refusal(behaviour, "_limit", limit_cap)
        if skip_cap is not None and skip > skip_cap:
            raise cap_refusal(behaviour, "_skip", skip_cap)
        return limit, skip

    def _selection(self, resource: Resource, query: Query, sort: Sort) -> Selection:
        params = query.params
        ranges = ranges_of(resource, params, sort, query.offset_hours)
        chosen = self._chosen(resource, params)
        narrow = next((name for name in ("id", "lead_id") if name in chosen), None)
        tests = [_among(name, values) for name, values in chosen.items() if name != narrow]
        extra: tuple[object, ...] = ()
        if resource.views:
            tests += self._task_tests(params)
            # A view depends on the clock, so it is not shared between moments.
            extra = (params.get("view"), self._clock() if params.get("view") else 0)
            if params.get("view") in ("inbox", "future"):
                ranges.pop("date", None)
        table = self._store.table(resource.path)
        among = None
        if narrow == "id":
            among = table.of(map(str, chosen["id"]))
        elif narrow is not None:
            among = [row for lead in chosen[narrow] for row in table.group(narrow, lead)]
        signature = ("list", sort, tuple(ranges.items()), tuple(chosen.items()), extra)
        return select(table, signature, sort, ranges, tests, among)

    def _chosen(self, resource: Resource, params: Mapping[str, str]) -> dict[str, frozenset[object]]:
        """The values each filter lets through: those asked for, and those which hold unless asked otherwise."""
        found = {
            name: values
            for name in (*resource.equals, *(flag for flag, _ in resource.flags))
            for values in [_choice(params, name) if name != "id" else self._ids(resource, params)]
            if values
        }
        for name, value in resource.defaults:
            found.setdefault(name, frozenset({value}))
        if resource.own and not any(name in found for name in resource.own):
            found[resource.own[0]] = frozenset({self._owner_id})
        if resource.through is not None and params.get(resource.through[0]):
            theirs, ours, path = resource.through
            others = self._store.table(path).group(theirs, params[theirs])
            found[ours] = frozenset(row.id for row in others)
        return found

    def _ids(self, resource: Resource, params: Mapping[str, str]) -> frozenset[object]:
        """The ids asked for, none where the list does not understand that."""
        lists, cap = self._behaviour.id_in, self._behaviour.id_in_cap
        if not (resource.id_in if lists is None else {resource.path, resource.listed_under} & lists):
            return frozenset()
        words = params.get("id__in", "").split(",")
        if params.get("id") or cap is None or len(words) <= cap:
            return _choice(params, "id")
        if self._behaviour.id_in_over == "refused":
            raise field_error(id__in="List is too long.")
        return _choice({"id__in": ",".join(words[:cap])}, "id") if self._behaviour.id_in_over == "cut" else frozenset()

    def _task_tests(self, params: Mapping[str, str]) -> list[Test]:
        """Views are about dates and completion."""
        tests: list[Test] = []
        now = self._clock()
        view = params.get("view")
        if view == "archive":
            tests.append(lambda row: row.facts.get("is_complete") is True)
        elif view in ("inbox", "future"):
            future = view == "future"
            tests.append(lambda row: not row.facts.get("is_complete") and (_date(row) > now) is future)
        return tests

    def _has_more(self, truth: bool) -> bool:
        """Whether more follows, or a lie about it."""
        if self._behaviour.has_more_always is not None:
            return self._behaviour.has_more_always
        lie: Lie = "false_on_full" if truth else "true_on_last"
        if lie in self._behaviour.has_more_lies:
            self._behaviour.has_more_lies.remove(lie)
            return not truth
        return truth


def sort_of(resource: Resource, params: Mapping[str, str]) -> Sort:
    """The order of the list: the one asked for where the resource knows it, else its own."""
    asked = params.get("_order_by", "")
    name = asked.lstrip("-")
    allowed = name in resource.orders
    if resource.with_lead and (asked != f"-{name}" or not params.get("lead_id")):
        allowed = False  # activities sort by -activity_at, and only those of one lead
    if allowed:
        return ((name, asked.startswith("-")),)
    if resource.order is None:
        return ()
    return ((resource.order.lstrip("-"), resource.order.startswith("-")),)


def ranges_of(resource: Resource, params: Mapping[str, str], sort: Sort, offset_hours: float) -> dict[str, Range]:
    """The stretch of time each date filter leaves, on moments cut to the resource's precision."""
    found: dict[str, Range] = {}
    for field in resource.dates:
        if resource.only_sorted_dates and (not sort or sort[0][0] != field):
            continue
        low, high = NOTHING + 1, HIGHEST
        for suffix in ("", "__gt", "__gte", "__lt", "__lte"):
            text = params.get(field + suffix)
            if not text:
                continue
            moment = moments.parse(text, offset_hours)
            if moment is None:
                raise field_error(**{field + suffix: f"Invalid date: {text}"})
            floor = moment - moment % resource.precision
            after = floor + resource.precision
            if suffix in ("", "__gte"):
                low = max(low, floor)
            if suffix == "__gt":
                low = max(low, after)
            if suffix == "__lt":
                high = min(high, floor)
            if suffix in ("", "__lte"):
                high = min(high, after)
        if (low, high) != (NOTHING + 1, HIGHEST):
            found[field] = (low, high)
    return found


def cap_refusal(behaviour: Behaviour, name: str, cap: int) -> Refusal:
    """The 400 at a cap in the dialect chosen."""
    if behaviour.cap_error == "old":
        what = name.removeprefix("_")
        return Refusal(
            400,
            {
                "error": f"The {what} you set is larger than the maximum {what} for this resource "
                f"(max_{what} = {cap}). Please refine your search query."
            },
        )
    hint = "" if name == "_limit" else ". Please refine your search query."
    return field_error(**{name: f"Input should be less than or equal to {cap}{hint}"})


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name)
    if text is None or text == "":
        return default
    if not text.isdigit():
        raise field_error(**{name: "Input should be a valid integer"})
    return int(text)


def _choice(params: Mapping[str, str], name: str) -> frozenset[object]:
    """The values a filter is given; none when it is not given."""
    words = [params[name]] if params.get(name) else [word for word in params.get(f"{name}__in", "").split(",") if word]
    if name == "lead_id":
        words = [part for word in words for part in word.split(",")]
    return frozenset(_WORDS.get(word, word) for word in (part.strip() for part in words))


def _among(name: str, values: frozenset[object]) -> Test:
    if name == "_type":
        if "all" in values:
            return lambda row: True
        # A custom activity type counts as a type too.
        return lambda row: (
            row.facts.get("_type") in values or (row.facts.get("_type") == "Custom" and _custom_type(row) in values)
        )
    return lambda row: row.facts.get(name) in values


def _custom_type(row: Row) -> object:
    return row.encoded.value("custom_activity_type_id")


def _date(row: Row) -> int:
    value = row.facts.get("date")
    return value if isinstance(value, int) else NOTHING
