"""Shapes of custom fields, custom objects and of the lists a settings page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from source_closeio.emulator.shapes_records import PERMISSIONS, Make, Record, Shape, author, other

if TYPE_CHECKING:
    from source_closeio.emulator.shapes import Maker


def _named(kind: str) -> Make:
    return lambda maker, record: f"{kind} {str(record['id'])[-4:]}"


def _person(maker: Maker, record: Record) -> Any:
    return maker.owner_id


_AUTHORS: Shape = {"created_by": author, "updated_by": author}

_CUSTOM_FIELD: Shape = {
    "name": _named("Field"),
    "description": None,
    "type": "text",
    "accepts_multiple_values": False,
    "editable_with_roles": [],
    "referenced_custom_type_id": None,
    "back_reference_is_visible": False,
    "is_shared": False,
    "converting_to_type": None,
    "always_visible": True,
    **_AUTHORS,
}
_SHARED: Shape = {**_CUSTOM_FIELD, "is_shared": True, "associations": []}

_BULK: Shape = {
    "status": "done",
    "query": None,
    "s_query": {"query": {"type": "match_all"}},
    "sort": [],
    "results_limit": None,
    "n_leads": 10,
    "n_leads_processed": 10,
    "n_objects": 10,
    "n_objects_processed": 10,
    "send_done_email": False,
    **_AUTHORS,
}

_CUSTOM_TYPE: Shape = {
    "name": _named("Type"),
    "description": None,
    "api_create_only": False,
    "editable_with_roles": [],
    "fields": [],
    **_AUTHORS,
}

_TEMPLATE: Shape = {
    "name": _named("Template"),
    "attachments": [],
    "is_shared": True,
    "is_archived": False,
    **_AUTHORS,
}

_LINK: Shape = {"name": _named("Link"), "url": "https://example.com/{{ lead.id }}", **_AUTHORS}


def _pipeline_statuses(maker: Maker, record: Record) -> list[Record]:
    return [{"id": key, "label": label, "type": kind} for key, (label, kind) in maker.opportunity_statuses.items()]


SETTING_SHAPES: Mapping[str, Shape] = {
    **{f"custom_field/{kind}/": _CUSTOM_FIELD for kind in ("lead", "contact", "opportunity")},
    "custom_field/activity/": {**_CUSTOM_FIELD, "custom_activity_type_id": other("actitype"), "required": False},
    "custom_field/custom_object_type/": {**_CUSTOM_FIELD, "custom_object_type_id": other("cotype"), "required": False},
    "custom_field/shared/": _SHARED,
    "custom_activity/": {**_CUSTOM_TYPE, "is_archived": False},
    "custom_object_type/": {**_CUSTOM_TYPE, "name_plural": _named("Types"), "back_reference_fields": []},
    "custom_object/": {
        "custom_object_type_id": other("cotype"),
        "lead_id": other("lead"),
        "name": _named("Object"),
        **_AUTHORS,
    },
    "status/lead/": {"label": "Potential"},
    "status/opportunity/": {
        "label": "Active",
        "type": "active",
        "pipeline_id": lambda maker, record: maker.pipeline_id,
    },
    "pipeline/": {"name": "Sales", "statuses": _pipeline_statuses, **_AUTHORS},
    "role/": {
        "name": _named("Role"),
        "editable": True,
        "permissions": list(PERMISSIONS),
        "visibility_user_lcf_ids": [],
        "visibility_user_lcf_behavior": None,
    },
    "group/": {"name": _named("Group"), "members": lambda maker, record: [{"user_id": maker.owner_id}]},
    "saved_search/": {
        "name": _named("Smart View"),
        "type": "lead",
        "description": None,
        "query": None,
        "s_query": {"query": {"type": "match_all"}},
        "selected_fields": None,
        "is_shared": True,
        "shared_with": None,
        "sharing_settings": None,
        "is_user_dependent": False,
        "user_id": None,
    },
    "email_template/": {**_TEMPLATE, "subject": "Hello", "body": "<p>Hello {{ contact.first_name }}</p>"},
    "sms_template/": {**_TEMPLATE, "text": "Hello {{ contact.first_name }}"},
    "sequence/": {
        "name": _named("Sequence"),
        "status": "active",
        "schedule_id": None,
        "timezone": "America/New_York",
        "steps": lambda maker, record: [{"id": maker.new_id("seqstep"), "step_type": "email", "delay": 86_400}],
        "trigger_query": None,
        "allow_manual_enrollment": True,
        "created_by_id": _person,
        "updated_by_id": _person,
    },
    "sequence_subscription/": {
        "sequence_id": other("seq"),
        "contact_id": other("cont"),
        "contact_email": "customer@example.com",
        "lead_id": other("lead"),
        "status": "active",
        "status_reason": None,
        "start_date": None,
        "calls_assigned_to": lambda maker, record: [maker.person()],
        "sender_account_id": None,
        "sender_name": "Robin Owner",
        "sender_email": "sales@example.com",
        "created_by_id": _person,
        "updated_by_id": _person,
    },
    "outcome/": {
        "name": _named("Outcome"),
        "description": None,
        "applies_to": ["calls"],
        "type": "custom",
        **_AUTHORS,
    },
    "playbook/": {
        "name": _named("Playbook"),
        "description": None,
        "custom_field_ids": [],
        "outcome_ids": [],
        "position": None,
        "summary_guidance": None,
        "archived_at": None,
        "archived_by_id": None,
        "created_by_id": _person,
        "updated_by_id": _person,
    },
    "integration_link/": {**_LINK, "type": "lead"},
    "webhook/": {"url": "https://example.com/hook", "status": "active", "events": [], "verify_ssl": True},
    "export/": {"format": "csv", "type": "leads", "status": "done", "download_url": None, "fields": []},
    "comment/": {
        "thread_id": other("comthr"),
        "lead_id": other("lead"),
        "body": "<body><p>Well done</p></body>",
        "mentions": [],
        "removed_at": None,
        "removed_by": None,
        **_AUTHORS,
    },
    "comment_thread/": {
        "object_id": other("acti"),
        "object_type": "activity.note",
        "lead_id": other("lead"),
        "num_comments": 1,
        "participating": lambda maker, record: [maker.person()],
    },
    "scheduling_link/": {**_LINK, "user_id": _person, "duration_in_minutes": 30},
    "shared_scheduling_link/": _LINK,
    "connected_account/": {
        "_type": "google",
        "user_id": _person,
        "email": "sales@example.com",
        "identities": [{"name": "Robin Owner", "email": "sales@example.com"}],
        "synced_calendars": [],
    },
    "send_as/": {"allowing_user_id": _person, "allowed_user_id": _person},
    "unsubscribe/email/": {"email": "nobody@example.com", "source": "contact", **_AUTHORS},
    "phone_number/": {
        "number": lambda maker, record: maker.phone(),
        "number_formatted": lambda maker, record: str(record["number"]),
        "label": "Sales",
        "type": "internal",
        "user_id": None,
        "is_group_number": True,
        "participants": lambda maker, record: [maker.owner_id],
        "sms_enabled": True,
        "mms_enabled": True,
        "carrier": "twilio",
        "carrier_type": "local",
        "country": "US",
        "address_id": None,
        "bundle_id": None,
        "forward_to": "",
        "forward_to_enabled": False,
        "forward_to_formatted": None,
        "is_premium": False,
        "is_verified": False,
        "last_billed_price": "1.15",
        "next_billing_on": None,
        "phone_numbers": [],
        "phone_numbers_formatted": [],
        "press_1_to_accept": False,
        "supports_mms_to_countries": ["US"],
        "supports_sms_to_countries": ["US"],
        "voicemail_greeting_url": None,
        "was_ported": False,
    },
    "blocked_phone_number/": {"phone": lambda maker, record: maker.phone(), "reason": "spam", **_AUTHORS},
    "dialer/": {
        "source_type": "saved-search",
        "source_value": other("save"),
        "status": "paused",
        "type": "power",
        "users": [],
        "user_id": _person,
        "ring_mode": None,
    },
    "bulk_action/email/": {
        **_BULK,
        "template_id": other("tmpl"),
        "email_account_id": None,
        "sender": None,
        "contact_preference": "lead",
    },
    "bulk_action/edit/": {
        **_BULK,
        "type": "set_lead_status",
        "custom_field_name": None,
        "custom_field_value": None,
        "lead_status_id": None,
    },
    "bulk_action/delete/": {**_BULK, "bulk_object_type": "lead"},
    "bulk_action/sequence_subscription/": {
        **_BULK,
        "action_type": "subscribe",
        "sequence_id": other("seq"),
        "calls_assigned_to": None,
        "contact_preference": "lead",
        "from_phone_number_id": None,
        "sender_account_id": None,
        "sender_name": None,
        "sender_email": None,
    },
}
SETTING_PATHS = tuple(SETTING_SHAPES)
