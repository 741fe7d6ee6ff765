"""The JSON schema of a stream, one file per row of the table."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def schema_of(stream_name: str) -> dict[str, Any]:
    """The stream's JSON Schema (draft 7), read once: the CDK asks for it with every record. Not to be changed."""
    text = files(__package__).joinpath(f"schemas/{stream_name}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def columns_of(stream_name: str) -> tuple[str, ...]:
    """The names of the stream's top-level properties."""
    return tuple(schema_of(stream_name)["properties"])
