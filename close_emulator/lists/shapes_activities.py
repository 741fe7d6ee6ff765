"""Shapes of the activities, per kind: what they share, and what only one kind has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from close_emulator.lists.shapes_records import (
    AUTHORS,
    Make,
    Record,
    Shape,
    company_name,
    formatted,
    name_of,
    other,
    person_name,
)

if TYPE_CHECKING:
    from close_emulator.lists.shapes import Maker


def _same(field: str) -> Make:
    return lambda maker, record: record.get(field)


def _phone_form(field: str) -> Make:
    return lambda maker, record: formatted(record.get(field))


def _prose(length: int) -> Make:
    return lambda maker, record: maker.prose(length)


def _paragraph(field: str) -> Make:
    return lambda maker, record: None if record.get(field) is None else f"<p>{record[field]}</p>"


_COMMON: Shape = {
    "lead_id": other("lead"),
    "contact_id": None,
    "user_id": lambda maker, record: maker.person(),
    "user_name": name_of("user_id"),
    "users": [],
    "activity_at": _same("date_created"),
    **AUTHORS,
}
_SEQUENCE: Shape = {"sequence_id": None, "sequence_name": None, "sequence_subscription_id": None}
_PHONES: Shape = {
    "local_phone": lambda maker, record: maker.phone(),
    "local_phone_formatted": _phone_form("local_phone"),
    "local_country_iso": "US",
    "remote_phone": lambda maker, record: maker.phone(),
    "remote_phone_formatted": _phone_form("remote_phone"),
    "remote_country_iso": "US",
}

_CALL: Shape = {
    "direction": lambda maker, record: "outbound" if maker.number(0, 2) else "inbound",
    "status": "completed",
    "disposition": lambda maker, record: "answered" if maker.number(0, 1) else "no-answer",
    "duration": lambda maker, record: maker.number(0, 1200),
    "phone": _same("remote_phone"),
    **_PHONES,
    "call_method": "regular",
    "cost": lambda maker, record: f"{maker.number(0, 40) / 10}",
    "source": "Close.io",
    "note": _prose(240),
    "note_html": _paragraph("note"),
    "note_date_updated": None,
    "has_recording": False,
    "recording_url": None,
    "recording_duration": None,
    "recording_expires_at": None,
    "voicemail_url": None,
    "voicemail_duration": 0,
    "date_answered": None,
    "forwarded_to": None,
    "is_forwarded": False,
    "is_joinable": False,
    "is_to_group_number": False,
    "transferred_from": None,
    "transferred_from_user_id": None,
    "transferred_to": None,
    "transferred_to_user_id": None,
    "coach_legs": [],
    "parent_meeting_id": None,
    "dialer_id": None,
    "dialer_saved_search_id": None,
    **_SEQUENCE,
    "outcome_id": None,
    "outcome_reason": None,
    "playbook_id": None,
    "conversation_type_id": None,
    "agent_config_id": None,
    "notetaker_id": None,
}


def _envelope(maker: Maker, record: Record) -> Record:
    return {
        "from": [{"email": record.get("sender"), "name": record.get("user_name")}],
        "sender": [{"email": record.get("sender"), "name": record.get("user_name")}],
        "to": [{"email": address, "name": ""} for address in record.get("to") or []],
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "date": "Fri, 02 Jan 2026 03:04:05 +0000",
        "in_reply_to": None,
        "message_id": f"<{record['id'][-12:]}@example.com>",
        "subject": record.get("subject"),
        "is_autoreply": False,
    }


_EMAIL: Shape = {
    "direction": lambda maker, record: "outgoing" if maker.number(0, 2) else "incoming",
    "status": lambda maker, record: "sent" if record["direction"] == "outgoing" else "inbox",
    "subject": lambda maker, record: f"Offer {maker.number(1, 9999)}",
    "sender": "sales@example.com",
    "to": lambda maker, record: [f"customer.{maker.number(1, 9999)}@example.com"],
    "cc": [],
    "bcc": [],
    "body_text": _prose(320),
    "body_html": _paragraph("body_text"),
    "body_preview": lambda maker, record: str(record.get("body_text") or "")[:100],
    "body_text_quoted": lambda maker, record: [{"text": str(record.get("body_text"))[:60], "expand": True}],
    "body_html_quoted": lambda maker, record: [{"html": str(record.get("body_html"))[:60], "expand": True}],
    "envelope": _envelope,
    "thread_id": other("acti"),
    "in_reply_to_id": None,
    "references": [],
    "message_ids": lambda maker, record: [f"<{record['id'][-12:]}@example.com>"],
    "attachments": [],
    "opens": [],
    "opens_summary": None,
    "send_attempts": [],
    "has_reply": False,
    "need_smtp_credentials": False,
    "date_sent": _same("activity_at"),
    "date_scheduled": None,
    "email_account_id": None,
    "send_as_id": None,
    "template_id": None,
    "template_name": None,
    **_SEQUENCE,
    "followup_sequence_id": None,
    "followup_sequence_delay": None,
    "followup_sequence_add_cc_bcc": None,
    "bulk_email_action_id": None,
    "agent_config_id": None,
    "agent_action_reason": None,
}

_EMAIL_THREAD: Shape = {
    "latest_normalized_subject": lambda maker, record: f"Offer {maker.number(1, 9999)}",
    "n_emails": lambda maker, record: maker.number(1, 9),
    "participants": lambda maker, record: [
        {"email": f"customer.{maker.number(1, 9999)}@example.com", "name": person_name(maker)}
    ],
    "latest_emails": lambda maker, record: [{"id": maker.new_id("acti"), "body_preview": maker.prose(400)}],
    "summary": _prose(200),
    "importance": None,
}

_SMS: Shape = {
    "direction": lambda maker, record: "outbound" if maker.number(0, 1) else "inbound",
    "status": lambda maker, record: "sent" if record["direction"] == "outbound" else "inbox",
    "text": _prose(140),
    **_PHONES,
    "cost": None,
    "source": "Close.io",
    "error_message": None,
    "date_sent": _same("activity_at"),
    "date_scheduled": None,
    "template_id": None,
    "attachments": [],
    **_SEQUENCE,
    "agent_config_id": None,
    "agent_action_reason": None,
}

_WHATSAPP: Shape = {
    "direction": "incoming",
    "external_whatsapp_message_id": lambda maker, record: f"wamid.{maker.number(10**9, 10**10)}",
    "text": _prose(120),
    "message_html": _paragraph("text"),
    "message_markdown": _same("text"),
    "local_phone": lambda maker, record: maker.phone(),
    "local_phone_formatted": _phone_form("local_phone"),
    "remote_phone": lambda maker, record: maker.phone(),
    "remote_phone_formatted": _phone_form("remote_phone"),
    "response_to_id": None,
    "integration_name": None,
    "integration_link": None,
    "attachments": [],
    "source": "api",
    **_SEQUENCE,
}


def _attendees(maker: Maker, record: Record) -> list[Record]:
    return [
        {
            "name": person_name(maker),
            "email": f"customer.{maker.number(1, 9999)}@example.com",
            "status": "yes",
            "user_id": None,
            "contact_id": record.get("contact_id"),
            "is_organizer": False,
        },
        {
            "name": record.get("user_name"),
            "email": "sales@example.com",
            "status": "yes",
            "user_id": record.get("user_id"),
            "contact_id": None,
            "is_organizer": True,
        },
    ]


_MEETING: Shape = {
    "title": "Product demo",
    "status": "completed",
    "starts_at": _same("activity_at"),
    "ends_at": _same("starts_at"),
    "duration": 1800,
    "location": None,
    "note": _prose(300),
    "source": "calendar",
    "is_recurring": False,
    "attendees": _attendees,
    "connected_account_id": None,
    "calendar_event_link": None,
    "calendar_event_uids": [],
    "conference_links": [],
    "integrations": [],
    "provider_calendar_event_id": lambda maker, record: f"cal{maker.number(10**9, 10**10)}",
    "provider_calendar_ids": [],
    "provider_calendar_type": "google",
    "user_note": None,
    "user_note_html": None,
    "user_note_date_updated": None,
    "summary": None,
    "notetaker_id": None,
    "outcome_id": None,
}

_NOTE: Shape = {
    "note": _prose(500),
    "note_html": _paragraph("note"),
    "note_date_updated": None,
    "note_mentions": [],
    "title": None,
    "attachments": [],
    "pinned": False,
    "pinned_at": None,
    "source": None,
}

_LEAD_STATUS_CHANGE: Shape = {
    "old_status_id": lambda maker, record: maker.some_lead_status(),
    "old_status_label": lambda maker, record: maker.lead_statuses.get(str(record["old_status_id"])),
    "new_status_id": lambda maker, record: maker.some_lead_status(),
    "new_status_label": lambda maker, record: maker.lead_statuses.get(str(record["new_status_id"]), "Potential"),
}


def _stage(which: str) -> Shape:
    def part(position: int) -> Make:
        return lambda maker, record: maker.opportunity_statuses.get(
            str(record[f"{which}_status_id"]), ("Active", "active")
        )[position]

    return {
        f"{which}_status_id": lambda maker, record: maker.some_opportunity_status(),
        f"{which}_status_label": part(0),
        f"{which}_status_type": part(1),
        f"{which}_pipeline_id": lambda maker, record: maker.pipeline_id,
        f"{which}_pipeline_name": "Sales",
    }


_KINDS: Mapping[str, tuple[str, Shape]] = {
    "activity/call/": ("Call", _CALL),
    "activity/email/": ("Email", _EMAIL),
    "activity/emailthread/": ("EmailThread", _EMAIL_THREAD),
    "activity/sms/": ("SMS", _SMS),
    "activity/whatsapp_message/": ("WhatsAppMessage", _WHATSAPP),
    "activity/meeting/": ("Meeting", _MEETING),
    "activity/note/": ("Note", _NOTE),
    "activity/created/": ("Created", {"source": "ui", "import_id": None}),
    "activity/status_change/lead/": ("LeadStatusChange", _LEAD_STATUS_CHANGE),
    "activity/status_change/opportunity/": (
        "OpportunityStatusChange",
        {
            **_stage("old"),
            **_stage("new"),
            "opportunity_id": other("oppo"),
            "opportunity_value": 100_000,
            "opportunity_value_formatted": "$1,000",
            "opportunity_value_currency": "USD",
            "opportunity_value_period": "one_time",
            "opportunity_confidence": 50,
            "opportunity_date_won": None,
        },
    ),
    "activity/task_completed/": (
        "TaskCompleted",
        {
            "task_id": other("task"),
            "task_text": "Call back about the offer",
            "task_assigned_to": _same("user_id"),
            "task_assigned_to_name": name_of("task_assigned_to"),
        },
    ),
    "activity/lead_merge/": (
        "LeadMerge",
        {
            "source_lead_id": other("lead"),
            "source_display_name": lambda maker, record: company_name(maker),
            "destination_lead_id": _same("lead_id"),
            "destination_display_name": lambda maker, record: company_name(maker),
            "merge_status": "completed",
            "error_message": None,
        },
    ),
    "activity/form_submission/": (
        "FormSubmission",
        {
            "form_id": other("form"),
            "form_name": "Contact us",
            "form_configuration_id": other("formconf"),
            "origin": "https://example.com",
            "source_url": "https://example.com/contact",
            "source_url_normalized": "example.com/contact",
            "ip_address": None,
            "values": {"field_1": "Hello"},
            "values_by_name": {"Message": "Hello"},
        },
    ),
    "activity/import_update/": ("ImportUpdate", {"import_id": other("bulk"), "reverted": False}),
    "activity/custom/": (
        "Custom",
        {
            "custom_activity_type_id": other("actitype"),
            "status": "published",
            "last_published_at": _same("date_created"),
            "pinned": False,
            "pinned_at": None,
            "source": "api",
            "mentions": [],
        },
    ),
}

ACTIVITY_SHAPES: Mapping[str, Mapping[str, Any]] = {
    path: {"_type": kind, **_COMMON, **shape} for path, (kind, shape) in _KINDS.items()
}
ACTIVITY_PATHS: Mapping[str, str] = {kind: path for path, (kind, _) in _KINDS.items()}
