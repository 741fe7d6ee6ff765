"""The table of resources: what each list accepts, in which order it answers and in which envelope.

Caps, filters, orders and envelopes are those of Close's documentation or, where it is silent, those seen in public
clients and recordings of the API.
"""

from __future__ import annotations

from dataclasses import replace

from close_emulator.store.moments import SECOND
from close_emulator.store.resource import Resource

_ACTIVITY = Resource(
    path="activity/",
    prefix="acti",
    noun="Activity",
    skip_cap=250_000,
    order="-date_created",
    orders=("activity_at",),
    dates=("date_created", "activity_at"),
    only_sorted_dates=True,
    precision=SECOND,
    equals=("id", "lead_id", "user_id", "contact_id", "_type"),
    with_lead=("user_id", "contact_id", "_type"),
)

# path, `_type`, name in the event log, name in Advanced Filtering, further filters, those of them that need a lead
_ACTIVITY_KINDS: tuple[tuple[str, str, str | None, str | None, tuple[str, ...], tuple[str, ...]], ...] = (
    ("call", "Call", "activity.call", "activity.call", (), ()),
    ("email", "Email", "activity.email", "activity.email", (), ()),
    ("emailthread", "EmailThread", "activity.email_thread", "activity.email_thread", (), ()),
    ("sms", "SMS", "activity.sms", "activity.sms", (), ()),
    ("whatsapp_message", "WhatsAppMessage", "activity.whatsapp_message", None, ("external_whatsapp_message_id",), ()),
    ("meeting", "Meeting", "activity.meeting", "activity.meeting", ("provider_calendar_event_id",), ()),
    ("note", "Note", "activity.note", "activity.note", (), ()),
    ("created", "Created", None, None, (), ()),
    ("status_change/lead", "LeadStatusChange", "activity.lead_status_change", "activity.lead_status_change", (), ()),
    (
        "status_change/opportunity",
        "OpportunityStatusChange",
        "activity.opportunity_status_change",
        "activity.opportunity_status_change",
        ("opportunity_id",),
        (),
    ),
    ("task_completed", "TaskCompleted", "activity.task_completed", "activity.task_completed", (), ()),
    ("lead_merge", "LeadMerge", "lead_merge", None, (), ()),
    ("form_submission", "FormSubmission", "activity.form_submission", None, ("form_id",), ()),
    ("import_update", "ImportUpdate", None, None, (), ()),
    (
        "custom",
        "Custom",
        "activity.custom_activity",
        "activity.custom_activity",
        ("custom_activity_type_id",),
        ("custom_activity_type_id",),
    ),
)

_ACTIVITIES = (
    _ACTIVITY,
    *(
        replace(
            _ACTIVITY,
            path=f"activity/{kind}/",
            noun=noun,
            equals=(*_ACTIVITY.equals, *extra),
            with_lead=(*_ACTIVITY.with_lead, *needing),
            event_type=logged,
            search_type=searched,
            listed_under="activity/",
        )
        for kind, noun, logged, searched, extra, needing in _ACTIVITY_KINDS
    ),
)

_MAIN = (
    Resource(
        "lead/", "lead", "Lead", limit_cap=200, skip_cap=35_000, total=True, event_type="lead", search_type="lead"
    ),
    Resource(
        "contact/",
        "cont",
        "Contact",
        order="-date_created",
        equals=("id", "lead_id"),
        event_type="contact",
        search_type="contact",
    ),
    Resource(
        "opportunity/",
        "oppo",
        "Opportunity",
        limit_cap=250,
        order="-date_updated",
        orders=(
            "date_won",
            "date_updated",
            "date_created",
            "confidence",
            "user_name",
            "value",
            "annualized_value",
            "annualized_expected_value",
        ),
        dates=("date_created", "date_updated", "date_won"),
        equals=("id", "lead_id", "user_id", "status_id", "status_type", "status_label", "value_period", "is_stalled"),
        total=True,
        event_type="opportunity",
        search_type="opportunity",
    ),
    Resource(
        "task/",
        "task",
        "Task",
        limit_cap=1_000,
        order="-date_created",
        orders=("date", "date_created"),
        dates=("date", "due_date", "date_created", "date_updated"),
        equals=("id", "lead_id", "assigned_to", "is_complete", "_type"),
        defaults=(("_type", "lead"),),
        event_type="task",
    ),
    Resource(
        "event/",
        "ev",
        "Event",
        limit_cap=50,
        order="-date_updated",
        dates=("date_updated",),
        equals=("object_type", "object_id", "action", "lead_id", "user_id", "request_id"),
        indexed=False,
    ),
    Resource("user/", "user", "User", limit_cap=1_000),
    Resource("membership/", "memb", "Membership", listed=False, event_type="membership"),
    Resource("organization/", "orga", "Organization", listed=False),
)

_CUSTOM_FIELDS = tuple(
    Resource(
        f"custom_field/{kind}/",
        "cf",
        "Custom Field",
        limit_cap=1_000,
        paged=paged,
        has_more=kind != "custom_object_type",
        event_type=f"custom_fields.{logged}",
    )
    for kind, logged, paged in (
        ("lead", "lead", True),
        ("contact", "contact", True),
        ("opportunity", "opportunity", True),
        ("activity", "activity", True),
        ("custom_object_type", "custom_object", False),
        ("shared", "shared", False),
    )
)

_CUSTOM_OBJECTS = (
    Resource(
        "custom_activity/",
        "actitype",
        "Custom Activity Type",
        paged=False,
        has_more=False,
        spelling="naive",
        event_type="custom_activity_type",
    ),
    Resource(
        "custom_object_type/",
        "cotype",
        "Custom Object Type",
        paged=False,
        has_more=False,
        spelling="naive",
        event_type="custom_object_type",
    ),
    Resource(
        "custom_object/",
        "custobj",
        "Custom Object",
        equals=("id", "lead_id", "custom_object_type_id"),
        needs=("lead_id",),
        paged=False,
        event_type="custom_object",
        search_type="custom_object",
    ),
)

SMART_VIEW_TYPES = (
    "lead",
    "contact",
    "opportunity",
    "call",
    "email",
    "sms",
    "meeting",
    "note",
    "whatsapp_message",
    "custom_activity",
    "form_submission",
)

_SETTINGS = (
    Resource("status/lead/", "stat", "Lead Status", paged=False, stamps=(), event_type="status.lead"),
    Resource(
        "status/opportunity/", "stat", "Opportunity Status", paged=False, stamps=(), event_type="status.opportunity"
    ),
    Resource("pipeline/", "pipe", "Pipeline", paged=False, has_more=False, spelling="naive"),
    Resource("role/", "role", "Role", paged=False),
    Resource(
        "group/",
        "group",
        "Group",
        only_named=True,
        single_only=("members",),
        paged=False,
        stamps=(),
        event_type="group",
    ),
    Resource(
        "saved_search/",
        "save",
        "Saved Search",
        limit_cap=600,
        equals=("id", "type"),
        defaults=(("type", "lead"),),
        enums=(("type", SMART_VIEW_TYPES),),
        event_type="saved_search",
    ),
    Resource(
        "email_template/",
        "tmpl",
        "Email Template",
        equals=("id", "is_archived", "is_shared"),
        event_type="email_template",
    ),
    Resource("sms_template/", "smstmpl", "SMS Template", spelling="naive", event_type="sms_template"),
    Resource("sequence/", "seq", "Sequence", limit_cap=1_000, spelling="naive", event_type="sequence"),
    Resource(
        "sequence_subscription/",
        "sub",
        "Sequence Subscription",
        equals=("id", "sequence_id", "contact_id", "lead_id"),
        needs=("sequence_id", "contact_id", "lead_id"),
        spelling="naive",
        event_type="sequence_subscription",
    ),
    Resource("outcome/", "outcome", "Outcome", spelling="exact"),
    Resource("form/", "form", "Form", equals=("id", "is_archived")),
    Resource(
        "playbook/",
        "convtyp",
        "Playbook",
        order="position",
        flags=(("is_archived", "archived_at"),),
        spelling="exact",
        stamps=("created_at", "updated_at"),
    ),
    Resource("integration_link/", "ilink", "Integration Link", paged=False),
    Resource("webhook/", "whsub", "Webhook", paged=False, spelling="naive"),
    Resource("export/", "expo", "Export"),
    Resource(
        "comment/",
        "comm",
        "Comment",
        equals=("thread_id",),
        needs=("thread_id", "object_id"),
        just_one=True,
        through=("object_id", "thread_id", "comment_thread/"),
        paged=False,
        spelling="exact",
        stamps=("created_at", "updated_at"),
        event_type="comment",
    ),
    Resource(
        "comment_thread/",
        "comthr",
        "Comment Thread",
        equals=("id", "object_id"),
        spelling="exact",
        stamps=("created_at", "updated_at"),
        event_type="comment_thread",
    ),
    Resource("scheduling_link/", "schlnk", "Scheduling Link", paged=False, stamps=()),
    Resource("shared_scheduling_link/", "schlnk", "Shared Scheduling Link", paged=False, stamps=()),
    # `_type` is not a filter here: the real endpoint ignores it too.
    Resource(
        "connected_account/",
        "emailacct",
        "Connected Account",
        equals=("id", "user_id"),
        paged=False,
        stamps=("date_created",),
    ),
    Resource(
        "send_as/",
        "sdas",
        "Send As",
        equals=("id", "allowing_user_id", "allowed_user_id"),
        own=("allowing_user_id", "allowed_user_id"),
        paged=False,
        has_more=False,
        stamps=(),
    ),
    Resource(
        "unsubscribe/email/",
        "unsub",
        "Unsubscribed Email",
        key="email",
        paged=False,
        stamps=(),
        event_type="unsubscribed_email",
    ),
    Resource(
        "phone_number/",
        "phon",
        "Phone Number",
        equals=("id", "number", "user_id", "is_group_number"),
        event_type="phone_number",
    ),
    Resource("blocked_phone_number/", "blkph", "Blocked Phone Number", spelling="exact"),
    Resource(
        "dialer/", "dial", "Dialer", equals=("id", "user_id", "status", "source_type", "source_value"), spelling="naive"
    ),
    Resource(
        "bulk_action/email/",
        "bulkemail",
        "Bulk Email",
        equals=("id", "template_id"),
        event_type="bulk_action.email",
    ),
    Resource("bulk_action/edit/", "bulkedit", "Bulk Edit", event_type="bulk_action.edit"),
    Resource("bulk_action/delete/", "bulkdelete", "Bulk Delete", event_type="bulk_action.delete"),
    Resource(
        "bulk_action/sequence_subscription/",
        "bulkseqsub",
        "Bulk Sequence Subscription",
        event_type="bulk_action.sequence_subscription",
    ),
)

RESOURCES: dict[str, Resource] = {
    resource.path: resource for resource in (*_MAIN, *_ACTIVITIES, *_CUSTOM_FIELDS, *_CUSTOM_OBJECTS, *_SETTINGS)
}

SEARCHABLE: dict[str, Resource] = {
    resource.search_type: resource for resource in RESOURCES.values() if resource.search_type
}

SEARCH_LIMIT_CAP = 200
