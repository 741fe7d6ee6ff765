"""From a row as Close sends it to a record: what is on the path of every record, so only what is cheap."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from .custom_columns import Fit
from .endpoints import Endpoint

Record = dict[str, Any]

CHANGED = "\0changed"
"""The key under which a record holds the names of its columns whose values were made to fit, on its way to `read`."""


def shaper(endpoint: Endpoint, fits: Mapping[str, Fit] | None = None) -> Callable[[Record], Record]:
    """The function that makes a record of this endpoint of a row; it may change the row in place.

    fits: what makes a value fit its column, by the column's name.
    """
    json_text, naive = endpoint.json_text, endpoint.naive
    left_out = (*endpoint.secrets, "__object_type") if endpoint.object_type else endpoint.secrets  # search's own word

    def shape(row: Record) -> Record:
        if "custom" in row:
            _flatten_custom(row)
        for name in json_text:
            value = row.get(name)
            # A key without admin rights gets rows without these properties; the column is there all the same.
            row[name] = None if value is None else orjson.dumps(value).decode()
        for name in naive:
            value = row.get(name)
            if value and not _has_offset(value):
                row[name] = value + "+00:00"
        for name in left_out:
            row.pop(name, None)
        if fits:
            _make_fit(row, fits)
        return row

    return shape


def _flatten_custom(row: Record) -> None:
    """Custom field values belong under flat `custom.cf_<id>` keys (https://developer.close.com/topics/custom-fields).

    Lists send them so, next to a deprecated dict of names to values, which goes. The search endpoint was seen to send
    flat keys and a dict of ids to values; both end up flat.
    """
    custom = row.pop("custom")
    if isinstance(custom, dict):
        for key, value in custom.items():
            if key.startswith(("cf_", "lcf_")):
                row.setdefault(f"custom.{key}", value)


def _make_fit(row: Record, fits: Mapping[str, Fit]) -> None:
    changed = []
    for name, value in row.items():
        fit = fits.get(name)
        if fit is not None:
            fitted = fit(value)
            if fitted is not value:
                row[name] = fitted
                changed.append(name)
    if changed:
        row[CHANGED] = changed


def _has_offset(moment: str) -> bool:
    return moment.endswith("Z") or "+" in moment[10:] or "-" in moment[10:]
