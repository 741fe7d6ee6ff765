"""`POST /data/search/`: Advanced Filtering with its limits, its sorting and its short-lived cursors."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from close_emulator import moments, shapes
from close_emulator.answers import Answer, Query, Refusal, cursor_error, field_error
from close_emulator.behaviour import Behaviour
from close_emulator.catalogue import SEARCH_LIMIT_CAP
from close_emulator.conditions import Reader
from close_emulator.encoding import dumps
from close_emulator.listing import cap_refusal
from close_emulator.rendering import listed
from close_emulator.resource import Resource
from close_emulator.selecting import page, select
from close_emulator.store import Store
from close_emulator.table import Row, Sort

PATH = "data/search/"
_DEFAULT_LIMIT = 100


class Search:
    """Serves Advanced Filtering."""

    def __init__(self, store: Store, behaviour: Behaviour, clock: Callable[[], int]) -> None:
        self._store = store
        self._behaviour = behaviour
        self._clock = clock
        self._requests = count(1)

    def answer(self, query: Query) -> Answer:
        """One page of a search."""
        body = query.body
        if body is None:
            raise Refusal(400, {"error": "The request contains invalid JSON."})
        precision = moments.SECOND if self._behaviour.search_precision == "s" else moments.MILLISECOND
        conditions = Reader(self._clock(), query.offset_hours, precision).read(body.get("query"))
        resource = conditions.resource
        refused = self._behaviour.refused.get(f"{PATH}{resource.search_type}")
        if refused:
            raise Refusal(refused, {"error": f"Search of {resource.search_type} is refused."})
        fields = self._fields(body.get("_fields"), resource)
        sort = _sort(body.get("sort"), resource)
        limit = self._limit(body.get("_limit"))
        asked = dumps([body.get("query"), body.get("sort"), body.get("results_limit")])
        mark = zlib.crc32(asked)
        skip = self._opened(body.get("cursor"), mark)
        # The same words mean other rows at another moment, and at another precision.
        signature = ("search", asked, precision, self._clock() if b'"now"' in asked else None)
        selection = select(self._store.table(resource.path), signature, sort, conditions.ranges, conditions.tests)
        total = len(selection)
        results_limit = body.get("results_limit")
        limited = total if results_limit is None else min(total, int(results_limit))
        cap = min(limited, self._behaviour.search_chain_cap)
        deal = next(self._requests) if self._behaviour.unstable_ties else None
        rows = page(selection, skip, max(0, min(limit, cap - skip)), sort, deal)
        end = skip + len(rows)
        cursor = self._cursor(end, mark) if rows and end < limited else None
        parts = [
            b'"data":' + listed([self._text(row, resource, fields) for row in rows]),
            b'"cursor":' + dumps(cursor),
        ]
        if body.get("include_counts"):
            parts.append(b'"count":' + dumps({"limited": limited, "total": total}))
        return Answer(200, b"{" + b",".join(parts) + b"}")

    def _fields(self, asked: object, resource: Resource) -> tuple[str, ...] | None:
        """The fields asked for of this type; None for the id only."""
        if not isinstance(asked, Mapping):
            return None
        names = asked.get(resource.search_type)
        if not isinstance(names, list):
            return None
        if len(names) > self._behaviour.fields_cap:
            raise Refusal(400, {"errors": [], "field-errors": {"_fields": {resource.search_type: "List is too long."}}})
        return tuple(map(str, names))

    def _limit(self, asked: object) -> int:
        cap = self._behaviour.limit_caps.get(PATH, SEARCH_LIMIT_CAP)
        if asked is None:
            return min(_DEFAULT_LIMIT, cap)
        if not isinstance(asked, int) or asked < 0:
            raise field_error(_limit="Input should be a valid integer")
        if asked > cap:
            raise cap_refusal(self._behaviour, "_limit", cap)
        return asked

    def _cursor(self, position: int, mark: int) -> str:
        return base64.urlsafe_b64encode(json.dumps([position, self._clock(), mark]).encode()).decode()

    def _opened(self, cursor: object, mark: int) -> int:
        """The position a cursor stands at in the sorted result."""
        if cursor is None or cursor == "":
            return 0
        try:
            position, issued, its_mark = map(int, json.loads(base64.urlsafe_b64decode(str(cursor).encode())))
        except (ValueError, TypeError, binascii.Error):
            raise cursor_error("Invalid cursor") from None
        if its_mark != mark:
            raise cursor_error("Invalid cursor")
        lifetime = self._behaviour.cursor_lifetime
        if lifetime <= 0 or self._clock() - issued > lifetime * moments.SECOND:
            raise cursor_error("Expired cursor")
        cap = self._behaviour.search_chain_cap
        if position >= cap:
            raise cursor_error(f"Cannot go beyond {cap} results. Please refine your search query.")
        return position

    def _text(self, row: Row, resource: Resource, fields: tuple[str, ...] | None) -> bytes:
        """A row: what was asked for, or the id alone."""
        fragments = [b'"__object_type":' + dumps(resource.search_type)]
        if fields is None:
            fragments += row.encoded.fragments(("id",))
        elif self._behaviour.search_custom == "flat":
            fragments += row.encoded.fragments(fields)
        else:
            fragments += row.encoded.fragments(tuple(name for name in fields if not name.startswith("custom")))
            fragments += _nested(row, tuple(name for name in fields if name.startswith("custom")))
        return b"{" + b",".join(fragments) + b"}"


def _nested(row: Row, fields: tuple[str, ...]) -> list[bytes]:
    """The custom fields asked for as one dictionary by id."""
    if not fields:
        return []
    values = {
        row.encoded.layout.keys[number].removeprefix("custom."): row.encoded.value(row.encoded.layout.keys[number])
        for number in row.encoded.layout.pick(fields)
    }
    return [b'"custom":' + dumps(values)]


def _sort(asked: object, resource: Resource) -> Sort:
    """The order asked for; only own fields with one value can be sorted by, and never the id."""
    if not asked:
        return ()
    if not isinstance(asked, list):
        raise field_error(sort="Input should be a valid list")
    found: list[tuple[str, bool]] = []
    for item in asked:
        field: Any = item.get("field") if isinstance(item, Mapping) else None
        if not isinstance(field, Mapping):
            raise field_error(sort="A sort needs a field.")
        name = str(field.get("field_name"))
        if field.get("type") == "custom_field":
            name = f"custom.{field.get('custom_field_id')}"
        elif field.get("object_type") != resource.search_type or name not in shapes.fields(resource.path):
            raise field_error(sort=f"Unknown field: {name}")
        if name == "id" or name.endswith("_id"):
            raise field_error(sort=f"Cannot sort by {name}")
        found.append((name, item.get("direction") == "desc"))
    return tuple(found)
