"""What tap-closeio 1.6.6 wrote, where it differs from what the connector writes: one row per stream, facts only."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from source_closeio.schemas import DELETED_AT

from .narrowing import Schema
from .steps import Record

TEXT = {"type": ["null", "string"]}
MOMENT = {"type": ["null", "string"], "format": "date-time"}
FLAG = {"type": ["null", "integer", "boolean"]}
ANYTHING = {"type": ["null", "string", "number", "boolean", "object", "array"]}


@dataclass(frozen=True)
class Row:
    """One stream of a profile."""

    name: str
    """Singer's."""
    source: str
    """The connector's."""
    declared: Mapping[str, Schema] = field(default_factory=dict)
    """The schemas that replace or join the connector's, by path; arrays on the way are not named."""
    mail_dates: tuple[str, ...] = ()
    """Paths of texts that are rewritten where they can be read as dates."""
    reshape: Callable[[Record], None] | None = None
    """Changes a record in place; its schema is changed by `fold` alone."""
    folded: str | None = None
    """The prefix of the properties that `reshape` takes away."""
    deleted_at: str | None = None
    """What the moment of a delete is called; None where deleted rows do not come."""

    def schema(self, of_source: Mapping[str, Any]) -> Schema:
        """The stream's JSON schema, not yet narrowed to what targets understand."""
        schema: Schema = json.loads(json.dumps(of_source))
        if self.folded:
            kept = {name: each for name, each in schema["properties"].items() if not name.startswith(self.folded)}
            schema["properties"] = kept
        deleted_at = schema["properties"].pop(DELETED_AT, None)
        if deleted_at and self.deleted_at:
            schema["properties"][self.deleted_at] = deleted_at
        for path, declared in self.declared.items():
            *above, name = path.split(".")
            node = schema
            for part in above:
                node = node["properties"][part]
                node = node.get("items", node)
            node["properties"][name] = declared
        return schema


SDC_DELETED_AT = "_sdc_deleted_at"
"""Singer's name of it: https://sdk.meltano.com/en/latest/implementation/record_metadata.html."""


def name_as_singer_does(record: Record) -> None:
    if DELETED_AT in record:
        record[SDC_DELETED_AT] = record.pop(DELETED_AT)


def fold_custom_fields(record: Record) -> None:
    """`custom.cf_x: value` -> `custom_fields: [{"id": "cf_x", "value": value}]`."""
    names = [name for name in record if name.startswith("custom.")]
    record["custom_fields"] = [{"id": name.removeprefix("custom."), "value": record.pop(name)} for name in names]


def spell_json_as_before(record: Record) -> None:
    """The JSON in `data` and `previous_data` with spaces, in ASCII, and null as a text.

    Neither is there for a key that may not see what changed.
    """
    if record.get("data") is None and record.get("previous_data") is None:
        return
    for name in ("data", "previous_data"):
        with suppress(TypeError, ValueError):  # no JSON: left as it is
            record[name] = json.dumps(json.loads(record.get(name) or "null"))


# In the order in which tap-closeio read them. Its keys could be null.
COMPAT: tuple[Row, ...] = (
    Row(
        "custom_fields",
        "lead_custom_fields",
        {
            "id": TEXT,
            "editable_with_roles": {"type": ["null", "array"], "items": {"type": ["null", "object", "string"]}},
        },
    ),
    Row(
        "leads",
        "leads",
        {
            "id": TEXT,
            "custom_fields": {
                "type": ["null", "array"],
                "items": {"type": "object", "properties": {"id": TEXT, "value": ANYTHING}},
            },
            "opportunities.date_won": MOMENT,
            "tasks.date": MOMENT,
            "tasks.due_date": MOMENT,
            "tasks.is_complete": FLAG,
            "tasks.is_dateless": FLAG,
        },
        reshape=fold_custom_fields,
        folded="custom.",
    ),
    Row(
        "activities",
        "activities",
        {
            "id": TEXT,
            "body_html_quoted.expand": FLAG,
            "body_text_quoted.expand": FLAG,
            "envelope.is_autoreply": FLAG,
            "opens.opened_at": TEXT,
            "send_attempts.date": MOMENT,
        },
        mail_dates=("envelope.date",),
    ),
    Row(
        "tasks",
        "tasks",
        {"id": TEXT, "date": MOMENT, "due_date": MOMENT, "opportunity_value_currency": TEXT},
    ),
    Row("users", "users", {"id": TEXT}),
    Row("event_log", "event_log", {"id": TEXT}, reshape=spell_json_as_before),
)
