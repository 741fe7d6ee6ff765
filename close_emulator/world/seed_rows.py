"""A few rows of every small list, no two alike: what differs from the plain shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from close_emulator.lists.shapes import Maker

Record = dict[str, Any]
_LATER = "2026-01-20T09:30:00.250000+00:00"
_FIELDS = ({"type": "regular_field", "object_type": "lead", "field_name": "name"},)
_OFFICE_HOURS = {"ranges": [{"weekday": day, "start": "09:00", "end": "16:59"} for day in range(1, 6)]}
_FILE = {
    "content_id": None,
    "content_type": "image/png",
    "filename": "logo.png",
    "inline_only": False,
    "size": 15_148,
    "url": "https://example.com/logo.png",
}
_SORT = {
    "direction": "desc",
    "field": {"type": "regular_field", "object_type": "lead", "field_name": "date_created"},
}

ROWS: Mapping[str, tuple[Record, ...]] = {
    "group/": ({"name": "Sales"}, {"name": "Support", "members": []}),
    "saved_search/": (
        {"name": "All Leads", "description": "", "query": "*", "s_query": None},
        {"name": "Untouched Leads", "is_user_dependent": True, "selected_fields": list(_FIELDS)},
        {"name": "Won Leads", "description": "Customers of this year"},
        {"type": "contact", "name": "All Contacts", "is_shared": False},
        {"type": "contact", "name": "CEOs"},
        {"type": "opportunity"},
        {"type": "call"},
        {"type": "custom_activity"},
    ),
    "email_template/": (
        {"name": "Cold 1"},
        {"name": "Cold 2", "attachments": [_FILE]},
        {"name": "Private", "is_shared": False},
        {"name": "Old", "is_archived": True},
        {"name": "Follow-up", "body": None},
    ),
    "sms_template/": ({"name": "Reminder"}, {"name": "Old", "status": "archived", "is_shared": False}),
    "sequence/": (
        {"name": "Inbound", "schedule": _OFFICE_HOURS},
        {"name": "Outbound", "status": "paused", "trigger_query": {"type": "match_all"}},
        {"name": "Draft", "status": "draft", "steps": [], "allow_manual_enrollment": False},
    ),
    "outcome/": (
        {"name": "Demo Booked", "description": "Qualified, and a demo is booked."},
        {"name": "Not Interested"},
        {"name": "Left Pre-Recorded Voicemail", "type": "vm-dropped", "applies_to": ["calls"]},
    ),
    "form/": (
        {
            "name": "Contact us",
            "field_definitions": [
                {"id": "formfld_1", "name": "email", "type": "email", "choices": None},
                {
                    "id": "formfld_2",
                    "name": "interest",
                    "type": "select",
                    "choices": [{"label": "Sales", "value": "sales"}],
                },
            ],
        },
        {"name": "Old form", "is_archived": True},
    ),
    "playbook/": (
        {"name": "Discovery Call", "position": 0, "description": "The first call.", "summary_guidance": "Pain points."},
        {"name": "Closing Call", "position": 1},
        {"name": "Old Call", "archived_at": _LATER},
    ),
    "integration_link/": (
        {"name": "Web search", "url": "https://example.com/search?q={{lead.display_name}}"},
        {"name": "People", "type": "contact"},
        {"name": "Invoices", "type": "opportunity"},
    ),
    "connected_account/": (
        {"email": "sales@example.com"},
        {
            "_type": "google",
            "email": "robin@example.com",
            "smtp": None,
            "imap": None,
            "calendar_receive_status": "ok",
            "available_calendars": [{"id": "robin@example.com", "name": "Robin"}],
            "synced_calendars": ["robin@example.com"],
            "available_features": ["email_sending", "email_syncing", "calendar_syncing"],
            "has_meeting_creation_scopes": True,
        },
        {
            "_type": "zoom",
            "email": "robin@example.com",
            "identities": [],
            "smtp": None,
            "imap": None,
            "zoom_account_plan": "pro",
            "receive_status": None,
        },
    ),
    "unsubscribe/email/": ({}, {"source": None}),
    "phone_number/": (
        {"label": "Sales"},
        {"label": "Support", "participants": [], "voicemail_greeting_url": "https://example.com/hello.mp3"},
        {
            "label": "My cell",
            "type": "external",
            "carrier": None,
            "carrier_type": None,
            "last_billed_price": None,
            "sms_enabled": False,
            "supports_sms_to_countries": [],
            "is_verified": True,
        },
    ),
    "blocked_phone_number/": ({}, {"reason": "Robocaller"}),
    "dialer/": (
        {},
        {"type": "predictive", "status": "active", "caller_id": "+12025550142", "ring_mode": None},
        {"source_type": "shared-entry", "status": "active", "users": []},
    ),
    "bulk_action/email/": (
        {"sender": "sales@example.com"},
        {"status": "processing", "n_leads": 824, "n_leads_processed": 523, "sort": [_SORT]},
        {"status": "created", "n_leads": None, "n_objects": None, "n_leads_processed": 0, "n_objects_processed": 0},
    ),
    "bulk_action/edit/": (
        {},
        {"type": "set_custom_field", "custom_field_name": "Industry", "custom_field_value": "Cars"},
        {"type": "clear_custom_field", "custom_field_name": "Industry", "results_limit": 50},
    ),
    "bulk_action/delete/": ({}, {"bulk_object_type": "contact", "send_done_email": True}),
    "bulk_action/sequence_subscription/": (
        {"sender_name": "Robin Owner", "sender_email": "sales@example.com", "calls_assigned_to": []},
        {"action_type": "pause", "sequence_id": None, "contact_preference": None},
    ),
    "export/": (
        {"download_url": "https://example.com/leads.csv"},
        {"status": "in_progress", "type": "contacts", "format": "json", "n_docs_processed": 3},
    ),
    "scheduling_link/": (
        {"name": "Example", "description": "Let us talk."},
        {"name": "30 Minute Meeting", "duration_in_minutes": 30, "source": "CALENDLY", "source_type": "Solo"},
    ),
    "shared_scheduling_link/": ({"name": "Demo", "template_tag": "demo"},),
    "webhook/": (
        {},
        {
            "status": "paused",
            "pause_reason": "api",
            "verify_ssl": False,
            "events": [
                {
                    "object_type": "lead",
                    "action": "updated",
                    "extra_filter": {"type": "field_accessor", "field": "user_id"},
                }
            ],
        },
    ),
    "custom_activity/": (
        {"name": "Demo", "description": "A product demo."},
        {"name": "Site Visit", "api_create_only": True, "editable_with_roles": ["admin"]},
        {"name": "Survey", "is_archived": True},
    ),
    "custom_object_type/": (
        {"name": "Contract", "name_plural": "Contracts", "description": "What was signed."},
        {"name": "Asset", "name_plural": "Assets"},
    ),
}


def _sharing(maker: Maker) -> Record:
    return {
        "whole_org": False,
        "user_ids": [maker.owner_id],
        "group_ids": [],
        "created_at": _LATER,
        "created_by_id": maker.owner_id,
        "updated_at": None,
        "updated_by_id": None,
    }


# What of a row of these lists is somebody's, by the row's number.
_PERSONAL: Mapping[tuple[str, int], Callable[[Maker], Record]] = {
    ("saved_search/", 3): lambda maker: {
        "user_id": maker.owner_id,
        "shared_with": [maker.owner_id],
        "sharing_settings": _sharing(maker),
    },
    ("playbook/", 2): lambda maker: {"archived_by_id": maker.owner_id},
    ("phone_number/", 2): lambda maker: {"user_id": maker.owner_id},
}


def small_rows(maker: Maker) -> list[tuple[str, Record]]:
    """The rows, each with its list."""
    return [
        (path, {**row, **(mine(maker) if mine else {})})
        for path, rows in ROWS.items()
        for number, row in enumerate(rows)
        for mine in [_PERSONAL.get((path, number))]
    ]
