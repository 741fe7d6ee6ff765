"""Shapes of how an organisation reaches people: accounts, phone numbers, dialers, and actions on many records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from close_emulator.lists.shapes_definitions import CREATORS
from close_emulator.lists.shapes_records import Record, Shape, formatted, other

if TYPE_CHECKING:
    from close_emulator.lists.shapes import Maker


def _owner(maker: Maker, record: Record) -> Any:
    return maker.owner_id


def _server(kind: str, port: int) -> Shape:
    """A mail server as Close may show it: with the password, so that whoever copies it can be caught."""
    return {
        "host": f"{kind}.example.com",
        "port": port,
        "use_ssl": True,
        "username": "sales@example.com",
        "password": f"hunter2-{kind}",
    }


_ACCOUNT: Shape = {
    "_type": "custom_email",
    "user_id": _owner,
    "email": "sales@example.com",
    "identities": lambda maker, record: [{"name": maker.name(record["user_id"]), "email": record["email"]}],
    "default_identity": lambda maker, record: next(iter(record["identities"]), None),
    "smtp": _server("smtp", 465),
    "imap": _server("imap", 993),
    "is_imap_archive_sync_enabled": False,
    "available_features": ["email_sending", "email_syncing"],
    "enabled_features": ["email_sending"],
    "send_status": "ok",
    "receive_status": "ok",
    "email_receive_status": "ok",
    "calendar_receive_status": None,
    "latest_send_error": None,
    "latest_receive_error": None,
    "available_calendars": [],
    "synced_calendars": [],
    "sync_all_calendars": False,
    "calendly": None,
    "has_meeting_creation_scopes": False,
    "lead_suggestions_updated_at": None,
    "zoom_account_plan": None,
}

_PHONE_NUMBER: Shape = {
    "number": lambda maker, record: maker.phone(),
    "number_formatted": lambda maker, record: formatted(record["number"]),
    "label": "Sales",
    "type": "internal",
    "user_id": None,
    "is_group_number": lambda maker, record: record["user_id"] is None,
    "participants": lambda maker, record: [maker.owner_id] if record["is_group_number"] else [],
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
    "inbound_ring_duration": None,
    "is_premium": False,
    "is_verified": False,
    "last_billed_price": 1.15,
    "next_billing_on": None,
    "phone_numbers": [],
    "phone_numbers_formatted": [],
    "press_1_to_accept": False,
    "supports_mms_to_countries": ["US"],
    "supports_sms_to_countries": ["US"],
    "voicemail_greeting_url": None,
    "was_ported": False,
}

_DIALER: Shape = {
    "source_type": "saved-search",
    "source_value": other("save"),
    "status": "inactive",
    "type": "power",
    "user_id": _owner,
    "users": lambda maker, record: [{"user_id": record["user_id"], "is_active": False, "state": "inactive"}],
    "caller_id": "",
    "is_user_dependent": False,
    "music_preference": "tone1",
    "ring_mode": "more-voicemails",
}

_OF_ACME: Shape = {
    "type": "and",
    "queries": [
        {"type": "object_type", "object_type": "lead"},
        {
            "type": "field_condition",
            "field": {"type": "regular_field", "object_type": "lead", "field_name": "name"},
            "condition": {"type": "text", "mode": "full_words", "value": "ACME Inc."},
        },
    ],
}
_BULK: Shape = {
    "status": "done",
    "query": None,
    "s_query": _OF_ACME,
    "sort": [],
    "results_limit": None,
    "n_leads": 10,
    "n_leads_processed": 10,
    "n_objects": 10,
    "n_objects_processed": 10,
    "send_done_email": False,
    **CREATORS,
}

CHANNEL_SHAPES: Mapping[str, Shape] = {
    "connected_account/": _ACCOUNT,
    "send_as/": {"allowing_user_id": _owner, "allowed_user_id": _owner},
    "unsubscribe/email/": {
        "email": lambda maker, record: f"unsubscribed.{maker.number(1, 10**9)}@example.com",
        "source": "contact",
    },
    "phone_number/": _PHONE_NUMBER,
    "blocked_phone_number/": {"phone": lambda maker, record: maker.phone(), "reason": "Unwanted caller", **CREATORS},
    "dialer/": _DIALER,
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
    "export/": {
        "format": "csv",
        "type": "leads",
        "status": "done",
        "date_format": "iso8601",
        "download_url": None,
        "fields": ["id", "name", "date_created"],
        "n_docs": 10,
        "n_docs_processed": 10,
        "results_limit": None,
        "s_query": _OF_ACME,
        "sort": [],
        "send_done_email": False,
        **CREATORS,
    },
}
