"""From a state as it is handed in to the moment up to which a stream has been read. Pure.

Read as none, a state that is not understood would be a full sync that nobody asked for. So it is an error.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY

from .errors import StateError
from .windows import parse_moment, state_text

CHANGES = "changes"
"""Where a state says up to when the event log was followed."""
SEARCHED = "searched"
"""Where it says up to when edits were searched for meanwhile, if the event log could not be followed."""

SYNC = "sync_id"
"""Where the state of a full refresh says which sync of Airbyte's it is of. Only another try of that goes on from it."""

UNREADABLE = "unreadable"
"""Where a state that is no object is kept, under a name that none of ours has."""

CLOCKS_DIFFER = timedelta(minutes=5)


def blobs(held: Any) -> dict[str, Mapping[str, Any]]:
    """The state of each stream in a state file of Airbyte's; empty where nothing was read yet.

    Messages count by what they hold, a stream or a global state, and whatever type they say they are. Close knows no
    namespaces. Raises StateError.
    """
    if held is None or held == {}:
        return {}
    if not isinstance(held, list):
        raise _no_state(is_what="no list")
    found: dict[str, Mapping[str, Any]] = {}
    for message in held:
        for entry in _entries(message):
            match entry:
                case {"stream_descriptor": {"name": str(name)}}:
                    blob = entry.get("stream_state")
                case _:
                    raise _no_state()
            if name in found:
                raise StateError(f"The state has stream {name} more than once; keep the oldest one.")
            # What is no object cannot be read either: it stops its stream only, as a wrong date does.
            found[name] = blob or {} if blob is None or isinstance(blob, Mapping) else {UNREADABLE: blob}
    return found


def _entries(message: Any) -> Iterable[Any]:
    match message:
        case {"global": {"shared_state": shared}} if shared:
            raise StateError("The state has a `shared_state`, which this connector never writes; remove it.")
        case {"stream": {} as entry} if not message.get("global"):
            return [entry]
        case {"global": {"stream_states": [*entries]}} if not message.get("stream"):
            return entries
    raise _no_state()


def _no_state(is_what: str = "not one of Airbyte's") -> StateError:
    return StateError(
        f"The state is {is_what}: it must be like "
        '[{"type": "STREAM", "stream": {"stream_descriptor": {"name": "leads"}, "stream_state": '
        '{"date_updated": "2026-01-31T09:30:00.000000Z"}}}]; mend it, or give [] to read everything.'
    )


def is_of_another_cursor(blob: Mapping[str, Any], cursor: str) -> bool:
    """Whether source-close-com wrote this state by a date that says nothing of edits, as it does for tasks."""
    if blob.keys() != {"date_created", "date_updated"} - {cursor}:
        return False
    try:
        parse_moment(*blob.values())
    except (ValueError, OverflowError):
        return False
    return True


def reached(stream: str, blob: Mapping[str, Any], cursor: str, now: datetime) -> datetime | None:
    """The moment that a state speaks of, or None where it says that nothing was read incrementally.

    Understood are `{cursor: "2026-01-31T09:30:00.000000Z"}`, in any spelling of ISO 8601, and the CDK's concurrent
    shape `{"state_type": "date-range", "slices": [...]}`, of which the first slice counts: behind it may be a gap.
    """
    if not says_how_far(blob) or blob == {NO_CURSOR_STATE_KEY: True}:
        return None
    if blob.get("state_type") == "date-range":
        try:
            first = min(blob["slices"], key=lambda part: parse_moment(part["start"]))
        except (LookupError, TypeError, ValueError, OverflowError):
            raise _unreadable(stream, cursor, now) from None
        return _moment(stream, first.get("end"), cursor, now)
    return _moment(stream, blob.get(cursor), cursor, now)


def says_how_far(blob: Mapping[str, Any]) -> bool:
    """Whether a state says more than where the event log is to be followed from."""
    return bool(blob.keys() - {CHANGES, SEARCHED})


def followed(stream: str, blob: Mapping[str, Any], now: datetime) -> dict[str, datetime]:
    """What the state says of the event log beside the date of the cursor, under `CHANGES` and `SEARCHED`."""
    return {name: _moment(stream, blob[name], name, now) for name in (CHANGES, SEARCHED) if name in blob}


def _moment(stream: str, value: Any, name: str, now: datetime) -> datetime:
    try:
        moment = parse_moment(value)
    except (ValueError, OverflowError):
        raise _unreadable(stream, name, now) from None
    if moment > now + CLOCKS_DIFFER:
        raise StateError(
            f"The state of stream {stream} lies in the future ({state_text(moment)}), so what changed since the last "
            "sync cannot be known; reset the stream to read it from the beginning."
        )
    return moment


def _unreadable(stream: str, name: str, now: datetime) -> StateError:
    return StateError(
        f"The state of stream {stream} cannot be read: it must be like "
        f'{{"{name}": "{state_text(now)}"}}; mend it, or reset the stream to read it from the beginning.'
    )
