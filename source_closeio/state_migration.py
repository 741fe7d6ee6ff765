"""From a state as it is handed in to the moment up to which a stream has been read. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY

from .windows import parse_moment, state_text

CLOCKS_DIFFER = timedelta(minutes=5)


class StateError(ValueError):
    """A state that cannot be read; the text is one sentence that names the stream and the next step."""


def is_of_another_cursor(blob: Mapping[str, Any], cursor: str) -> bool:
    """Whether source-close-com wrote this state by a date that says nothing of edits, as it does for tasks."""
    return bool(blob) and cursor not in blob and set(blob) <= {"date_created", "date_updated"}


def reached(stream: str, blob: Mapping[str, Any], cursor: str, now: datetime) -> datetime | None:
    """The moment that a state speaks of, or None where it says that nothing was read incrementally.

    Understood are `{cursor: "2026-01-31T09:30:00.000000Z"}`, in any spelling of ISO 8601, and the CDK's concurrent
    shape `{"state_type": "date-range", "slices": [...]}`, of which the first slice counts: behind it may be a gap.
    Anything else is an error: read as no state it would be a full sync that nobody asked for.
    """
    if not blob or blob.get(NO_CURSOR_STATE_KEY):
        return None
    try:
        if blob.get("state_type") == "date-range":
            value = min(blob["slices"], key=lambda part: parse_moment(part["start"]))["end"]
        else:
            value = blob[cursor]
        moment = parse_moment(value)
    except (LookupError, TypeError, ValueError):
        raise StateError(
            f"The state of stream {stream} cannot be read: it must be like "
            f'{{"{cursor}": "{state_text(now)}"}}; mend it, or reset the stream to read it from the beginning.'
        ) from None
    if moment > now + CLOCKS_DIFFER:
        raise StateError(
            f"The state of stream {stream} lies in the future ({state_text(moment)}), so what changed since the last "
            "sync cannot be known; reset the stream to read it from the beginning."
        )
    return moment
