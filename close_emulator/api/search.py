"""`POST /data/search/`: Advanced Filtering with its limits, its sorting and its short-lived cursors."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from close_emulator.api.conditions import Reader
from close_emulator.api.listing import cap_refusal
from close_emulator.api.rendering import listed
from close_emulator.behaviour import Behaviour
from close_emulator.lists.catalogue import DECLARATIONS
from close_emulator.lists.definitions import Definitions
from close_emulator.store import moments
from close_emulator.store.encoding import dumps
from close_emulator.store.records import Store
from close_emulator.store.resource import Resource
from close_emulator.store.selecting import key_of, page, passed, select
from close_emulator.store.table import Row, Sort
from close_emulator.wire.answers import Answer, Query, Refusal, cursor_error, field_error

PATH = "data/search/"
_DEFAULT_LIMIT = 100
_LIMIT_CAP = 200


class Search:
    """Serves Advanced Filtering."""

    def __init__(self, store: Store, behaviour: Behaviour, clock: Callable[[], int]) -> None:
        self._store = store
        self._behaviour = behaviour
        self._clock = clock
        self._definitions = Definitions(store)
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
        cap = self._behaviour.search_ids_cap
        if cap is not None and len(conditions.ids or ()) > cap:
            raise field_error(query="List is too long.")
        fields = self._fields(body.get("_fields"), resource)
        sort = _sort(body.get("sort"), resource) if self._behaviour.search_sorts else ()
        limit = self._limit(body.get("_limit"))
        asked = dumps([body.get("query"), body.get("sort"), body.get("results_limit")])
        mark = zlib.crc32(asked)
        given, key = self._opened(body.get("cursor"), mark)
        # The same words mean other rows at another moment, at another precision, and in another order.
        signature = ("search", asked, precision, sort, self._clock() if b'"now"' in asked else None)
        table = self._store.table(resource.path)
        among = None if conditions.ids is None else table.of(conditions.ids)
        selection = select(table, signature, sort, conditions.ranges, conditions.tests, among)
        total = len(selection)
        results_limit = body.get("results_limit")
        limited = total if results_limit is None else min(total, int(results_limit))
        cap = min(limited, self._behaviour.search_chain_cap)
        by_key = self._behaviour.search_cursors == "keys"
        deal = next(self._requests) if self._behaviour.unstable_ties and not by_key else None
        skip = given if key is None else passed(selection, sort, key)
        rows = page(selection, skip, max(0, min(limit, cap - given)), sort, deal)
        end = given + len(rows)
        cursor = None
        if rows and end < limited and skip + len(rows) < total and not self._ends(end):
            cursor = self._cursor(end, mark, key_of(rows[-1], sort) if by_key else None)
        parts = [
            b'"data":' + listed([self._text(row, resource, fields) for row in self._store.shown(rows)]),
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
        cap = self._behaviour.limit_caps.get(PATH, _LIMIT_CAP)
        if asked is None:
            return min(_DEFAULT_LIMIT, cap)
        if not isinstance(asked, int) or asked < 0:
            raise field_error(_limit="Input should be a valid integer")
        if asked > cap:
            raise cap_refusal(self._behaviour, "_limit", cap)
        return asked

    def _ends(self, given: int) -> bool:
        """Whether a chain that gave so many rows says that it gave all, because it may give no more."""
        return self._behaviour.search_chain_end == "null" and given >= self._behaviour.search_chain_cap

    def _cursor(self, given: int, mark: int, key: list[Any] | None) -> str:
        return base64.urlsafe_b64encode(json.dumps([given, self._clock(), mark, key]).encode()).decode()

    def _opened(self, cursor: object, mark: int) -> tuple[int, list[Any] | None]:
        """How many rows the chain of a cursor has given, and the key of the last one if cursors are keys."""
        if cursor is None or cursor == "":
            return 0, None
        try:
            given, issued, its_mark, key = json.loads(base64.urlsafe_b64decode(str(cursor).encode()))
        except (ValueError, TypeError, binascii.Error):
            raise cursor_error("Invalid cursor") from None
        if its_mark != mark:
            raise cursor_error("Invalid cursor")
        lifetime = self._behaviour.cursor_lifetime
        if lifetime <= 0 or self._clock() - issued > lifetime * moments.SECOND:
            raise cursor_error("Expired cursor")
        cap = self._behaviour.search_chain_cap
        if given >= cap:
            raise cursor_error(f"Cannot go beyond {cap} results. Please refine your search query.")
        return given, key

    def _text(self, row: Row, resource: Resource, fields: tuple[str, ...] | None) -> bytes:
        """A row: what was asked for, or the id alone."""
        fragments = [b'"__object_type":' + dumps(resource.search_type)]
        custom = self._behaviour.search_custom
        if fields is None:
            fragments += row.encoded.fragments(("id",))
        elif custom == "flat":
            fragments += row.encoded.fragments(fields)
        else:
            gathered = tuple(name for name in fields if name == "custom" or (custom == "nested" and _is_custom(name)))
            fragments += row.encoded.fragments(tuple(name for name in fields if name not in gathered))
            if gathered:
                fragments.append(b'"custom":' + dumps(self._gathered(row, gathered)))
        return b"{" + b",".join(fragments) + b"}"

    def _gathered(self, row: Row, fields: tuple[str, ...]) -> dict[str, Any]:
        """Custom fields in one dictionary."""
        keys = [row.encoded.layout.keys[number] for number in row.encoded.layout.pick(fields)]
        ids = {key.removeprefix("custom."): row.encoded.value(key) for key in keys}
        if self._behaviour.search_custom == "nested":
            return ids
        return {self._definitions.name(field_id): value for field_id, value in ids.items()}


def _is_custom(field: str) -> bool:
    return field.startswith("custom.")


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
        elif field.get("object_type") != resource.search_type or name not in DECLARATIONS[resource.path].example:
            raise field_error(sort=f"Unknown field: {name}")
        if name == "id" or name.endswith("_id"):
            raise field_error(sort=f"Cannot sort by {name}")
        found.append((name, item.get("direction") == "desc"))
    return tuple(found)
