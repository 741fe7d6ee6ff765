"""Points in time: microseconds since 1970, and the spellings in which Close writes them.

Close writes most moments as `2026-01-02T03:04:05.678000+00:00` and leaves the fraction out when it is zero; its newer
services write microseconds, some with the offset and some without; the event log writes naive milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Literal

Spelling = Literal["full", "exact", "naive"]

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_LOOSE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)


def from_datetime(value: datetime) -> int:
    """The microseconds of a datetime; a naive one is UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // _MICROSECOND


def parse(value: object, offset_hours: float = 0.0) -> int | None:
    """The moment a text names, or None when it names none; what has no zone is in the zone of `offset_hours`."""
    if not isinstance(value, str) or not value:
        return None
    try:
        # Python 3.10 reads only fractions of three or six digits and no "Z": the usual spellings, and fast.
        found = datetime.fromisoformat(value)
    except ValueError:
        parts = _LOOSE.fullmatch(value.strip().replace(" +", "+"))
        if parts is None:
            return None
        try:
            found = datetime.fromisoformat(_strict(parts))
        except ValueError:
            return None
    if found.tzinfo is None:
        return from_datetime(found) - round(offset_hours * HOUR)
    return (found - _EPOCH) // _MICROSECOND


def _strict(parts: re.Match[str]) -> str:
    """A loosely spelled moment in the one spelling every Python reads."""
    clock = parts["clock"] or "00:00:00"
    fraction = ((parts["fraction"] or "") + "000000")[:6]
    zone = parts["zone"] or ""
    zone = "+00:00" if zone == "Z" else zone if ":" in zone or not zone else f"{zone[:3]}:{zone[3:]}"
    return f"{parts['day']}T{clock if clock.count(':') == 2 else clock + ':00'}.{fraction}{zone}"


def _datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)


def full(moment: int) -> str:
    """Milliseconds written as six digits, with the offset; no fraction when it is zero."""
    return _datetime(moment - moment % MILLISECOND).isoformat()


def naive(moment: int) -> str:
    """As the newer services write it: microseconds, no offset."""
    return _datetime(moment).replace(tzinfo=None).isoformat(timespec="microseconds")


def exact(moment: int) -> str:
    """As some of the newer services write it: microseconds, with the offset."""
    return _datetime(moment).isoformat(timespec="microseconds")


def naive_milliseconds(moment: int) -> str:
    """As the event log writes it: milliseconds as six digits, no offset."""
    return naive(moment - moment % MILLISECOND)


SPELLINGS: Mapping[Spelling, Callable[[int], str]] = {"full": full, "exact": exact, "naive": naive}


def day(moment: int) -> str:
    """The UTC day of a moment."""
    return _datetime(moment).date().isoformat()
