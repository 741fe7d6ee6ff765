"""THE TABLE: what Close offers, one row per stream, facts only.

How a row is walked stands in `pagination.py`, how it is cut in time in `windows.py`.
An ordinary new stream is one row here and one file `schemas/<name>.json`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum


class Walk(Enum):
    """The ways in which Close can be walked; `streams.py` has one class for each, `pagination.py` one function."""

    LIST = ("the whole list by `_skip`, gone round again until nothing stirred", "one for each {rows} rows", False)
    WINDOW = (
        "slices of time side by side through date filters, by `_skip`; parted where rows move, and at Close's cap",
        "one for each {rows} rows, at least one a slice",
        True,
    )
    SEARCH = (
        "slices of time side by side through `POST /data/search/`, ascending, each page anchored at a second seen",
        "one for each {size} rows, at least one a slice",
        True,
    )
    EVENT = (
        "slices of time side by side, newest first, each page anchored at the last second seen",
        "one for each {size} rows, at least one a slice",
        True,
    )
    CHILD = (
        "a list for each row of another list, side by side",
        "one for each {rows} rows of the other list, and at least one for each of its rows",
        False,
    )

    def __init__(self, how: str, cost: str, dated: bool) -> None:
        self.how = how
        """In words, for the docs."""
        self.cost = cost
        """The requests, in words, for the docs: for `{rows}` new rows a page, or `{size}` rows a page."""
        self.dated = dated
        """In slices of time; the row says in `window` how its records lie in time."""


@dataclass(frozen=True)
class Window:
    """How the records of a stream lie in time."""

    cursor: str
    """The date that the slices are cut on; it is the stream's cursor field."""
    retention: timedelta | None = None
    """How long Close keeps the records; `None`: for ever."""


@dataclass(frozen=True)
class Parent:
    """The list whose rows are asked for their children, one by one: comments are asked for thread by thread."""

    of: "Endpoint"
    """Where the parents are listed."""
    asks: tuple[Mapping[str, str], ...] = ({},)
    """The parameters that pick the children of one parent, `{id}` standing for its id: with `({"thread_id": "{id}"},)`
    the request for the comments of thread_1 is `/comment/?thread_id=thread_1`. Of several, such as
    `({"allowing_user_id": "{id}"}, {"allowed_user_id": "{id}"})`, each is a request of its own, and the children are
    what all of them bring."""


@dataclass(frozen=True)
class Endpoint:
    """One list of Close."""

    name: str
    """The stream's."""
    path: str
    """Below the base URL, with the closing slash without which Close redirects; `{id}` is the parent's."""
    walk: Walk = Walk.LIST
    page_size: int = 100
    """`_limit`. The caps differ from list to list and are not published; these were seen accepted."""
    window: Window | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request."""
    key: str = "id"
    """The property that tells the records apart."""
    rows_in: tuple[str, ...] = ("data",)
    """The properties of the answer with the rows, such as `("metrics",)` for `{"metrics": [...]}`; none: the answer
    is the row. Only `data` comes in pages. Of several, each row gets its own: `"found_in": "memberships"`."""
    object_type: str | None = None
    """What the search endpoint calls the records."""
    fields: tuple[str, ...] = ()
    """What is asked of the search endpoint; empty: all columns of the schema."""
    parent: Parent | None = None
    """Where the parents are found whose children are read. For a search, its ask is a condition."""
    otherwise: "Endpoint | None" = None
    """How to read the same records where Close refuses this way."""
    custom_fields: str | None = None
    """Whose custom fields the records carry, by the name of `/custom_field_schema/`."""
    json_text: tuple[str, ...] = ()
    """Properties whose shape differs from record to record, handed on as JSON text."""
    naive: tuple[str, ...] = ()
    """Date-times that Close sends without an offset, such as "2026-01-31T09:30:00"; they are UTC."""
    secrets: tuple[str, ...] = ()
    """Properties that are not handed on."""
    only: Mapping[str, str] = field(default_factory=dict)
    """What properties a row of the stream has, where no filter of Close's is sure to pick them."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where in a row each value of a record is, such as `{"import_id": ("meta", "revert_import_id")}`; empty: as is."""
    refused_by: tuple[int, ...] = (402, 403)
    """The statuses with which Close says that this key may not read the list."""
    events: tuple[str, ...] = ()
    """What the event log calls the objects whose rows these are; none: there are no events of them."""
    ids: str | None = None
    """The parameter that picks rows by their ids; none: a search by id tells which of them there are."""

    @property
    def is_followed(self) -> bool:
        """Whether the event log tells of rows that its slices of time do not meet."""
        return self.window is not None and bool(self.events)

    def has(self, row: Mapping[str, object]) -> bool:
        """Whether a row of the list belongs to the stream."""
        return self.only.items() <= row.items()

    def of(self, parent_id: str) -> "Iterator[Endpoint]":
        """The plain lists that hold the children of one parent."""
        for ask in self.parent.asks if self.parent else ():
            filled = {name: value.replace("{id}", parent_id) for name, value in ask.items()}
            path = self.path.replace("{id}", parent_id)
            yield replace(self, walk=Walk.LIST, parent=None, path=path, params={**self.params, **filled})


UPDATED = Window("date_updated")
ACTIVITY = Window("date_created")
EVENT_LOG = Window("date_updated", retention=timedelta(days=30))
DATES = ("date_created", "date_updated")

ME = Endpoint("me", "me/", rows_in=(), refused_by=())
"""Whose key it is; no stream."""

# Parents, of which no more than the ids is wanted.
MY_ORGANIZATIONS = Endpoint("organizations", "me/", rows_in=("organizations",))
ALL_LEADS = Endpoint("leads", "data/search/", Walk.SEARCH, 200, UPDATED, object_type="lead", fields=("id", *DATES))
ALL_GROUPS = Endpoint("groups", "group/", params={"_fields": "id,name"})

SEQUENCES = Endpoint("sequences", "sequence/", naive=DATES, events=("sequence",))
COMMENT_THREADS = Endpoint("comment_threads", "comment_thread/", events=("comment_thread",))
CUSTOM_ACTIVITY_TYPES = Endpoint(
    "custom_activity_types", "custom_activity/", naive=DATES, events=("custom_activity_type",)
)
CUSTOM_OBJECT_TYPES = Endpoint(
    "custom_object_types", "custom_object_type/", naive=DATES, events=("custom_object_type",)
)

CUSTOM_FIELD_SCHEMAS: Mapping[str, Endpoint] = {
    # https://developer.close.com/api/resources/custom-fields/custom-field-schemas: shared fields are included.
    **{
        kind: Endpoint(f"{kind} custom fields", f"custom_field_schema/{kind}/", rows_in=("fields",))
        for kind in ("lead", "contact", "opportunity")
    },
    **{
        kind: Endpoint(
            f"{kind} custom fields",
            f"custom_field_schema/{kind}/{{id}}/",
            Walk.CHILD,
            rows_in=("fields",),
            parent=Parent(types),
        )
        for kind, types in (("activity", CUSTOM_ACTIVITY_TYPES), ("custom_object", CUSTOM_OBJECT_TYPES))
    },
}

TASK_TYPES = (
    *("lead", "incoming_email", "email_followup", "missed_call", "answered_detached_call", "voicemail"),
    *("opportunity_due", "incoming_sms", "outgoing_call"),
)
ACTIVITIES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("call_activities", "call/"): ("activity.call",),
    ("email_activities", "email/"): ("activity.email",),
    ("email_thread_activities", "emailthread/"): ("activity.email_thread",),
    ("sms_activities", "sms/"): ("activity.sms",),
    ("whatsapp_message_activities", "whatsapp_message/"): ("activity.whatsapp_message",),
    ("meeting_activities", "meeting/"): ("activity.meeting",),
    ("note_activities", "note/"): ("activity.note",),
    ("created_activities", "created/"): (),
    ("lead_status_change_activities", "status_change/lead/"): ("activity.lead_status_change",),
    ("opportunity_status_change_activities", "status_change/opportunity/"): ("activity.opportunity_status_change",),
    ("task_completed_activities", "task_completed/"): ("activity.task_completed",),
    ("lead_merge_activities", "lead_merge/"): ("lead_merge", "activity.lead_merge"),
    ("form_submission_activities", "form_submission/"): ("activity.form_submission",),
    ("import_update_activities", "import_update/"): (),
    ("custom_activities", "custom/"): ("activity.custom_activity",),
}
"""Streams and paths of the kinds of activity: their types in the event log. Two sources differ about merges."""
SMART_VIEW_TYPES = (
    "lead,contact,opportunity,call,email,sms,meeting,note,whatsapp_message,custom_activity,form_submission"
)


def activity(name: str, kind: str, events: tuple[str, ...], custom_fields: str | None = None) -> Endpoint:
    """https://developer.close.com/api/resources/activities: always newest first, no filter on date_updated."""
    return Endpoint(
        name,
        f"activity/{kind}",
        Walk.WINDOW,
        window=ACTIVITY,
        custom_fields=custom_fields,
        events=events,
        ids="id__in",
    )


def task(name: str, kind: str, *kinds: str) -> Endpoint:
    """https://developer.close.com/api/resources/tasks: without `_type` only lead tasks; no order by date_updated."""
    params, events = {"_type": kind, "_order_by": "date_created"}, tuple(f"task.{each}" for each in kinds or (kind,))
    return Endpoint(name, "task/", Walk.WINDOW, 250, UPDATED, params, events=events, ids="id__in")


# https://developer.close.com/api/resources/events: some organisations get a 400.
EVENTS = Endpoint(
    "event_log",
    "event/",
    Walk.EVENT,
    page_size=50,
    window=EVENT_LOG,
    json_text=("data", "previous_data"),
    naive=DATES,
    refused_by=(400, 402, 403),
)

DELETIONS = replace(
    EVENTS,
    name="deletions",
    window=Window("deleted_at", retention=EVENT_LOG.retention),
    only={"action": "deleted"},  # no filter for an action alone is documented
    columns={
        **{name: (name,) for name in ("id", "object_type", "object_id", "lead_id", "organization_id", "user_id")},
        "deleted_at": ("date_updated",),
        "merged_into": ("meta", "merge_destination_lead_id"),
        "bulk_action_id": ("meta", "bulk_action_id"),
        "import_id": ("meta", "revert_import_id"),
    },
    json_text=(),
    naive=("deleted_at",),
)

ENDPOINTS: tuple[Endpoint, ...] = (
    # https://developer.close.com/api/resources/advanced-filtering
    Endpoint(
        "leads", "data/search/", Walk.SEARCH, 200, UPDATED, object_type="lead", custom_fields="lead", events=("lead",)
    ),
    Endpoint(
        "contacts",
        "data/search/",
        Walk.SEARCH,
        200,
        UPDATED,
        object_type="contact",
        custom_fields="contact",
        events=("contact",),
    ),
    # https://developer.close.com/api/resources/opportunities
    Endpoint(
        "opportunities",
        "opportunity/",
        Walk.WINDOW,
        250,
        UPDATED,
        {"_order_by": "date_updated"},
        custom_fields="opportunity",
        events=("opportunity",),
    ),
    task("tasks", "all", *TASK_TYPES),
    *(task(f"{kind}_tasks", kind) for kind in TASK_TYPES),
    activity("activities", "", tuple(event for events in ACTIVITIES.values() for event in events), "activity"),
    *(
        activity(name, kind, events, "activity" if kind == "custom/" else None)
        for (name, kind), events in ACTIVITIES.items()
    ),
    EVENTS,
    DELETIONS,
    # https://developer.close.com/api/resources/custom-objects: all of them by search only, which wants their type.
    Endpoint(
        "custom_objects",
        "data/search/",
        Walk.SEARCH,
        200,
        UPDATED,
        object_type="custom_object",
        parent=Parent(CUSTOM_OBJECT_TYPES, ({"custom_object_type_id": "{id}"},)),
        otherwise=Endpoint(
            "custom_objects",
            "custom_object/",
            Walk.CHILD,
            parent=Parent(ALL_LEADS, ({"lead_id": "{id}"},)),
        ),
        custom_fields="custom_object",
        refused_by=(400, 402, 403),
        events=("custom_object",),
    ),
    CUSTOM_OBJECT_TYPES,
    CUSTOM_ACTIVITY_TYPES,
    # https://developer.close.com/api/resources/custom-fields
    Endpoint("lead_custom_fields", "custom_field/lead/", events=("custom_fields.lead",)),
    Endpoint("contact_custom_fields", "custom_field/contact/", events=("custom_fields.contact",)),
    Endpoint("opportunity_custom_fields", "custom_field/opportunity/", events=("custom_fields.opportunity",)),
    Endpoint("activity_custom_fields", "custom_field/activity/", events=("custom_fields.activity",)),
    Endpoint(
        "custom_object_custom_fields", "custom_field/custom_object_type/", events=("custom_fields.custom_object",)
    ),
    Endpoint("shared_custom_fields", "custom_field/shared/", events=("custom_fields.shared",)),
    # People: https://developer.close.com/api/resources/users, .../organizations, .../roles, .../groups
    Endpoint("users", "user/"),
    Endpoint("user_availabilities", "user/availability/", key="user_id"),
    Endpoint("organizations", "organization/{id}/", Walk.CHILD, rows_in=(), parent=Parent(MY_ORGANIZATIONS)),
    Endpoint(
        "memberships",
        "organization/{id}/",
        Walk.CHILD,
        rows_in=("memberships", "inactive_memberships"),
        parent=Parent(MY_ORGANIZATIONS),
        events=("membership",),
    ),
    Endpoint("roles", "role/", naive=DATES),
    # The list never has the members, and wants to be told what to show.
    Endpoint(
        "groups",
        "group/{id}/",
        Walk.CHILD,
        params={"_fields": "id,name,organization_id,members"},
        rows_in=(),
        events=("group",),
        parent=Parent(ALL_GROUPS),
    ),
    # Configuration: https://developer.close.com/api/resources/lead-statuses and its neighbours
    Endpoint("lead_statuses", "status/lead/", events=("status.lead",)),
    Endpoint("opportunity_statuses", "status/opportunity/", events=("status.opportunity",)),
    Endpoint("pipelines", "pipeline/", naive=DATES),
    Endpoint("outcomes", "outcome/"),
    Endpoint("playbooks", "playbook/"),
    Endpoint("forms", "form/"),
    # The documentation names lead and contact only, Close's own list of types all of these.
    Endpoint(
        "smart_views",
        "saved_search/",
        params={"type__in": SMART_VIEW_TYPES},
        otherwise=Endpoint("smart_views", "saved_search/", params={"type__in": "lead,contact"}),
        refused_by=(400, 402, 403),
        events=("saved_search",),
    ),
    Endpoint("integration_links", "integration_link/"),
    Endpoint("webhooks", "webhook/", naive=DATES, secrets=("signature_key",)),
    Endpoint("exports", "export/", events=("export.lead", "export.opportunity")),
    # https://developer.close.com/api/resources/reporting: what the other reports, which are no lists, can measure.
    Endpoint("activity_metrics", "report/activity/metrics/", key="key", rows_in=("metrics",)),
    # Communication: https://developer.close.com/api/resources/email-templates and its neighbours
    Endpoint("email_templates", "email_template/", events=("email_template",)),
    Endpoint("sms_templates", "sms_template/", naive=DATES, events=("sms_template",)),
    SEQUENCES,
    # Without one of its filters this list is refused.
    Endpoint(
        "sequence_subscriptions",
        "sequence_subscription/",
        Walk.CHILD,
        parent=Parent(SEQUENCES, ({"sequence_id": "{id}"},)),
        naive=DATES,
        events=("sequence_subscription",),
    ),
    COMMENT_THREADS,
    Endpoint(
        "comments",
        "comment/",
        Walk.CHILD,
        parent=Parent(COMMENT_THREADS, ({"thread_id": "{id}"},)),
        events=("comment",),
    ),
    Endpoint("scheduling_links", "scheduling_link/"),
    Endpoint("shared_scheduling_links", "shared_scheduling_link/"),
    Endpoint("connected_accounts", "connected_account/", secrets=("imap", "smtp")),
    # Only what concerns the key's own user can be seen, and only one direction at a time.
    Endpoint(
        "send_as",
        "send_as/",
        Walk.CHILD,
        parent=Parent(ME, ({"allowing_user_id": "{id}"}, {"allowed_user_id": "{id}"})),
    ),
    Endpoint("phone_numbers", "phone_number/", events=("phone_number",)),
    Endpoint("blocked_phone_numbers", "blocked_phone_number/"),
    Endpoint("dialers", "dialer/", naive=DATES),
    Endpoint("unsubscribed_emails", "unsubscribe/email/", key="email", events=("unsubscribed_email",)),
    # https://developer.close.com/api/resources/bulk-actions
    Endpoint("email_bulk_actions", "bulk_action/email/", events=("bulk_action.email",)),
    Endpoint("edit_bulk_actions", "bulk_action/edit/", events=("bulk_action.edit",)),
    Endpoint("delete_bulk_actions", "bulk_action/delete/", events=("bulk_action.delete",)),
    Endpoint(
        "sequence_subscription_bulk_actions",
        "bulk_action/sequence_subscription/",
        events=("bulk_action.sequence_subscription",),
    ),
)
