"""The language of `POST /data/search/`: https://developer.close.com/api/resources/advanced-filtering."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .endpoints import DATES
from .records import TYPES
from .windows import Span

NEEDED = ("id", *DATES, *TYPES)
"""What the walks, the states and the placing of custom fields stand on."""

ACTIVITIES = tuple(
    f"activity.{kind}"
    for kind in (
        *("call", "email", "email_thread", "sms", "meeting", "note", "lead_status_change"),
        *("opportunity_status_change", "task_completed", "custom_activity"),
    )
)
"""The kinds of activity that can be searched (seen); what search calls them is their type in the event log."""


def asked_for(columns: tuple[str, ...], declared: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns to ask for. declared: what the configured schema has; what it lacks is deselected; none: all.

    Without `contacts`, `opportunities` and `tasks` a lead is half as large. The selector `custom` stands for all custom
    fields, also those that are new; it is left out only where some columns and all custom fields are deselected.
    """
    kept = tuple(name for name in columns if not declared or name in declared or name in NEEDED)
    some = any(name.startswith("custom.") for name in declared)
    return (*kept, "custom") if some or len(kept) == len(columns) else kept


def search_body(object_type: str, columns: tuple[str, ...], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a search.

    columns: the selector `custom` among them stands for all custom fields; one by one they would exceed the length that
    Close allows for `_fields`. asked: what `pagination.search` wants: `spans` by date field, `sort` fields, `_limit`,
    `cursor`, `include_counts`; `where`, the value wanted by field; and `ids`, one of which a row must have.
    """

    def field(name: str) -> dict[str, str]:
        return {"type": "regular_field", "object_type": object_type, "field_name": name}

    conditions: list[tuple[str, dict[str, Any]]] = [
        *((name, {"type": "term", "values": [value]}) for name, value in asked.get("where", {}).items()),
        *(
            (name, {"type": "moment_range", "on_or_after": _moment(span.start), "before": _moment(span.end)})
            for name, span in asked["spans"].items()
            if span != Span()
        ),
    ]
    queries = [
        {"type": "object_type", "object_type": object_type},
        *({"type": "field_condition", "field": field(name), "condition": each} for name, each in conditions),
        *({"type": "or", "queries": [_id(each) for each in ids]} for ids in [asked.get("ids")] if ids),
    ]
    return {
        "query": {"type": "and", "queries": queries},
        "sort": [{"direction": "asc", "field": field(name)} for name in asked["sort"]],
        "_fields": {object_type: list(columns)},
        "_limit": asked["_limit"],
        "cursor": asked.get("cursor"),
        "include_counts": asked.get("include_counts", False),
    }


def _id(value: str) -> dict[str, Any]:
    return {"type": "id", "value": value, "negate": False}


def _moment(moment: datetime | None) -> dict[str, str] | None:
    return None if moment is None else {"type": "fixed_utc", "value": moment.isoformat()}
