"""THE TABLE: what Close offers, one row per stream, facts only.

How a row is walked stands in `pagination.py`, how it is cut in time in `windows.py`.
An ordinary new stream is one row here and one file `schemas/<name>.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum


class Walk(Enum):
    """The ways in which Close can be walked; `streams.py` has one class for each."""

    LIST = "list"
    """All of a list, `_limit` and `_skip`."""
    WINDOW = "window"
    """Slices of time through a list's date filters, `_limit` and `_skip` inside a slice."""
    SEARCH = "search"
    """Slices of time through `POST /data/search/`, ascending by the date inside a slice."""
    EVENT = "event"
    """Slices of time through `/event/`, newest first, `_cursor` inside a slice."""


@dataclass(frozen=True)
class Window:
    """How the records of a stream lie in time.

    cursor: the date that the slices are cut on; it is the stream's cursor field.
    looks_back: records are edited after their cursor date without moving it, so an incremental sync reads the last
        `activities_window_seconds` before its state again.
    longest: the longest slice worth reading in one piece; `None` leaves it to the option `date_window`.
    retention: how long Close keeps the records; `None` for ever.
    """

    cursor: str
    looks_back: bool = False
    longest: timedelta | None = None
    retention: timedelta | None = None


@dataclass(frozen=True)
class Endpoint:
    """One list of Close.

    name: the stream's name.
    path: below the base URL, with the closing slash without which Close redirects.
    page_size: `_limit`. The caps differ from list to list and are not published; these were seen accepted.
    params: sent with each request.
    object_type: what the search endpoint calls the records.
    json_text: properties whose shape differs from record to record, handed on as JSON text.
    naive: date-times that Close sends without an offset; they are UTC.
    refused_by: the statuses with which Close says that this key may not read the list.
    """

    name: str
    path: str
    walk: Walk = Walk.LIST
    page_size: int = 100
    window: Window | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    object_type: str | None = None
    json_text: tuple[str, ...] = ()
    naive: tuple[str, ...] = ()
    refused_by: tuple[int, ...] = (402, 403)


UPDATED = Window("date_updated")
ACTIVITY = Window("date_created", looks_back=True)
EVENT_LOG = Window("date_updated", longest=timedelta(days=1), retention=timedelta(days=30))

ME = Endpoint("me", "me/", refused_by=())
"""Whose key it is; no list, so no stream."""

ENDPOINTS: tuple[Endpoint, ...] = (
    # https://developer.close.com/api/resources/advanced-filtering
    Endpoint("leads", "data/search/", Walk.SEARCH, 200, UPDATED, object_type="lead"),
    Endpoint("contacts", "data/search/", Walk.SEARCH, 200, UPDATED, object_type="contact"),
    # https://developer.close.com/api/resources/opportunities
    Endpoint("opportunities", "opportunity/", Walk.WINDOW, 250, UPDATED, {"_order_by": "date_updated"}),
    # https://developer.close.com/api/resources/tasks: without `_type` only lead tasks come, and there is no order by
    # date_updated.
    Endpoint("tasks", "task/", Walk.WINDOW, 250, UPDATED, {"_type": "all", "_order_by": "date_created"}),
    # https://developer.close.com/api/resources/activities: always newest first, no filter on date_updated.
    Endpoint("activities", "activity/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("call_activities", "activity/call/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("email_activities", "activity/email/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("email_thread_activities", "activity/emailthread/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("sms_activities", "activity/sms/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("whatsapp_message_activities", "activity/whatsapp_message/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("meeting_activities", "activity/meeting/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("note_activities", "activity/note/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("created_activities", "activity/created/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("lead_status_change_activities", "activity/status_change/lead/", Walk.WINDOW, window=ACTIVITY),
    Endpoint(
        "opportunity_status_change_activities", "activity/status_change/opportunity/", Walk.WINDOW, window=ACTIVITY
    ),
    Endpoint("task_completed_activities", "activity/task_completed/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("lead_merge_activities", "activity/lead_merge/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("form_submission_activities", "activity/form_submission/", Walk.WINDOW, window=ACTIVITY),
    Endpoint("custom_activities", "activity/custom/", Walk.WINDOW, window=ACTIVITY),
    # https://developer.close.com/api/resources/events: some organisations get a 400 for the whole list.
    Endpoint(
        "event_log",
        "event/",
        Walk.EVENT,
        page_size=50,
        window=EVENT_LOG,
        json_text=("data", "previous_data"),
        naive=("date_created", "date_updated"),
        refused_by=(400, 402, 403),
    ),
    # https://developer.close.com/api/resources/users, .../custom-fields
    Endpoint("users", "user/"),
    Endpoint("lead_custom_fields", "custom_field/lead/"),
)
