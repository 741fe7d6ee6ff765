"""A table that a target made in PostgreSQL, compared with the rows of Close by SQL."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from close_emulator import Emulator
from integration_tests.clients.postgres import Postgres
from source_closeio.endpoints import ENDPOINTS, Endpoint
from unit_tests.held import held

MOMENTS = (
    r"""regexp_replace({}, '("\d{{4}}-\d\d-\d\d)(T\d\d:\d\d:\d\d)(\.\d*[1-9])?\.?0*(Z|\+00:00)?"', '\1\2\3"', 'g')"""
)
"""JSON whose moments are spelled in one way."""

JSON, TEXT = ("jsonb", "ARRAY"), ("text", "character varying")


FOLLOWED = [endpoint for endpoint in ENDPOINTS if endpoint.is_followed]


def every_difference(postgres: Postgres, schema: str, close: Emulator) -> list[tuple[str, str]]:
    """Of all streams, where the target marks what was deleted from those that are followed."""
    assert close.now is not None
    among = {each.name: "_sdc_deleted_at IS NULL" for each in FOLLOWED}
    among["event_log"] = f"date_updated >= '{close.now - timedelta(days=30)}'"  # the table keeps what Close forgets
    return [
        (endpoint.name, told)
        for endpoint in ENDPOINTS
        for told in differences(postgres, schema, endpoint, held(close, endpoint), among.get(endpoint.name, "TRUE"))
    ]


def differences(
    postgres: Postgres, schema: str, endpoint: Endpoint, rows: Sequence[dict[str, Any]], among: str = "TRUE"
) -> list[str]:
    """The keys with the columns that differ, such as "lead_1 name"; or "is missing", or "is there".

    among: a condition for the rows of the table that count. Targets spell names their own way.
    """
    names = {_plain(name): name for row in rows for name in row}
    told = f"SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = '{schema}'"
    columns = [line.split(" ", 1) for line in postgres.sql(f"{told} AND table_name = '{endpoint.name}'")]
    custom = {plain for plain, name in names.items() if name.startswith("custom.")}
    assert custom <= {_plain(column) for column, _ in columns}, f"{endpoint.name} lacks columns of custom fields"
    differ = [
        f"CASE WHEN {_differs(column, kind, name)} THEN ' {column}' ELSE '' END"
        for column, kind in columns
        if (name := names.get(_plain(column)))
    ]
    key = endpoint.key
    compared = f"""
        SELECT differs FROM (
            SELECT there.{key} AS key, CASE
                WHEN there.{key} IS NULL THEN line->>'{key}' || ' is missing'
                WHEN line IS NULL THEN there.{key} || ' is there'
                ELSE {" || ".join([f"there.{key}", *differ])}
            END AS differs
            FROM (SELECT * FROM {schema}.{endpoint.name} WHERE {among}) AS there
            FULL JOIN close ON line->>'{key}' = there.{key}
        ) AS compared WHERE differs IS DISTINCT FROM key ORDER BY differs;
    """
    lines = [json.dumps(row).replace("\\", "\\\\") for row in rows]
    copied = ["CREATE TEMPORARY TABLE close (line jsonb);", "COPY close FROM STDIN;", *lines, "\\.", compared]
    return postgres.sql("\n".join(copied))


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _differs(column: str, kind: str, name: str) -> str:
    held, text, shown = f'there."{column}"', f"(line->>'{name}')", f"(line->'{name}')"
    if kind in JSON:
        return f"{_spelled(f'to_jsonb({held})')} IS DISTINCT FROM {_spelled(shown)}"
    if kind in TEXT:
        in_text = f"jsonb_typeof({shown}) IN ('object', 'array')"
        return (
            f"CASE WHEN {in_text} THEN {held}::jsonb IS DISTINCT FROM {shown} ELSE {held} IS DISTINCT FROM {text} END"
        )
    if kind.startswith("timestamp"):
        return f"{held} IS DISTINCT FROM {text}::timestamptz AT TIME ZONE 'UTC'"
    return f"{held} IS DISTINCT FROM {text}::{kind}"


def _spelled(value: str) -> str:
    """JSON as a text; the tap spells moments its own way, and to some targets null is a value."""
    return MOMENTS.format(f"NULLIF({value}, 'null'::jsonb)::text")
