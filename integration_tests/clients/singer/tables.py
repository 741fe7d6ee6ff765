"""A table that a target made in PostgreSQL, compared with the rows of Close by SQL."""

import json
from collections.abc import Sequence
from typing import Any

from integration_tests.clients.postgres import Postgres
from source_closeio.endpoints import Endpoint

MOMENTS = (
    r"""regexp_replace({}, '("\d{{4}}-\d\d-\d\d)(T\d\d:\d\d:\d\d)(\.\d*[1-9])?\.?0*(Z|\+00:00)?"', '\1\2\3"', 'g')"""
)
"""JSON whose moments are spelled in one way, since the tap spells them its own."""


def differences(postgres: Postgres, schema: str, endpoint: Endpoint, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The keys with the columns that differ, such as "lead_1 name"; or "is missing", or "is there"."""
    names = {name.lower(): name for row in rows for name in row}
    told = f"SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = '{schema}'"
    columns = [line.split(" ", 1) for line in postgres.sql(f"{told} AND table_name = '{endpoint.name}'")]
    custom = {name for name in names if name.startswith("custom.")}
    assert custom <= {column for column, _ in columns}, f"{endpoint.name} lacks columns of custom fields"
    differ = [
        f"CASE WHEN {_held(column, kind)} IS DISTINCT FROM {_shown(names[column], kind)} THEN ' {column}' ELSE '' END"
        for column, kind in columns
        if column in names
    ]
    key = endpoint.key
    compared = f"""
        SELECT differs FROM (
            SELECT there.{key} AS key, CASE
                WHEN there.{key} IS NULL THEN line->>'{key}' || ' is missing'
                WHEN line IS NULL THEN there.{key} || ' is there'
                ELSE {" || ".join([f"there.{key}", *differ])}
            END AS differs
            FROM {schema}.{endpoint.name} AS there FULL JOIN close ON line->>'{key}' = there.{key}
        ) AS compared WHERE differs IS DISTINCT FROM key ORDER BY differs;
    """
    lines = [json.dumps(row).replace("\\", "\\\\") for row in rows]
    copied = ["CREATE TEMPORARY TABLE close (line jsonb);", "COPY close FROM STDIN;", *lines, "\\.", compared]
    return postgres.sql("\n".join(copied))


def _held(column: str, kind: str) -> str:
    if kind == "jsonb":
        return MOMENTS.format(f'there."{column}"::text')
    return f'there."{column}"'


def _shown(name: str, kind: str) -> str:
    text, value = f"(line->>'{name}')", f"(line->'{name}')"
    if kind.startswith("timestamp"):
        return f"{text}::timestamptz AT TIME ZONE 'UTC'"
    if kind == "jsonb":
        return MOMENTS.format(f"NULLIF({value}, 'null'::jsonb)::text")
    return f"{text}::{kind}"
