"""Shapes of leads, contacts, opportunities, tasks, events and people.

A shape maps a field to its value, or to a function of the maker and the record so far which computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from close_emulator.lists.shapes import Maker

Record = dict[str, Any]
Shape = Mapping[str, Any]
Make = Callable[["Maker", Record], Any]

_FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jana", "Kim", "Leo", "Mia", "Nils", "Ona")
_LAST = ("Abbot", "Brandt", "Castle", "Dahl", "Ekman", "Fuchs", "Gray", "Holm", "Ito", "Jansen", "Keller", "Lund")
_TRADE = ("Foods", "Logistics", "Labs", "Energy", "Health", "Robotics", "Textiles", "Media", "Optics", "Housing")
_CITY = (("Denver", "CO"), ("Austin", "TX"), ("Boston", "MA"), ("Portland", "OR"), ("Chicago", "IL"), ("Miami", "FL"))


def person_name(maker: Maker) -> str:
    """A first and a last name."""
    return f"{_FIRST[maker.number(0, len(_FIRST) - 1)]} {_LAST[maker.number(0, len(_LAST) - 1)]}"


def company_name(maker: Maker) -> str:
    """The name of a customer."""
    trade = _TRADE[maker.number(0, len(_TRADE) - 1)]
    return f"{_LAST[maker.number(0, len(_LAST) - 1)]} {trade} {maker.number(1, 9999)}"


def author(maker: Maker, record: Record) -> Any:
    """Who created or changed the record: whoever owns it, or the owner of the organisation."""
    return record.get("user_id") or maker.owner_id


def name_of(field: str) -> Make:
    """The name to the user id in another field."""
    return lambda maker, record: maker.name(record.get(field))


def other(prefix: str) -> Make:
    """The id of a record which need not be held."""
    return lambda maker, record: maker.new_id(prefix)


AUTHORS: Shape = {
    "created_by": author,
    "created_by_name": name_of("created_by"),
    "updated_by": author,
    "updated_by_name": name_of("updated_by"),
}


def _addresses(maker: Maker, record: Record) -> list[Record]:
    city, state = _CITY[maker.number(0, len(_CITY) - 1)]
    return [
        {
            "label": "business",
            "address_1": f"{maker.number(1, 999)} Main Street",
            "address_2": None,
            "city": city,
            "state": state,
            "zipcode": str(maker.number(10000, 99999)),
            "country": "US",
            "tz_ids": ["America/New_York"],
        }
    ]


def _emails(maker: Maker, record: Record) -> list[Record]:
    local = str(record.get("name") or "info").lower().replace(" ", ".")
    return [{"type": "office", "email": f"{local}.{maker.number(1, 9999)}@example.com", "is_unsubscribed": False}]


def _phones(maker: Maker, record: Record) -> list[Record]:
    phone = maker.phone()
    return [
        {
            "type": "office",
            "phone": phone,
            "phone_formatted": formatted(phone),
            "country": "US",
            "tz_ids": ["America/New_York"],
            "outbound_sms_blocked": False,
        }
    ]


def formatted(phone: object) -> str | None:
    """A phone number as Close shows it."""
    text = str(phone or "")
    return f"+1 {text[2:5]}-{text[5:8]}-{text[8:]}" if text else None


def _money(maker: Maker, record: Record) -> str:
    value = record.get("value")
    if value is None:
        return ""
    period = "" if record.get("value_period") == "one_time" else f" {record.get('value_period')}"
    return f"${value / 100:,.2f}".removesuffix(".00") + period


def _expected(field: str, factor: Callable[[Record], float]) -> Make:
    return lambda maker, record: None if record.get(field) is None else round(record[field] * factor(record))


def _per_year(record: Record) -> float:
    return 12 if record.get("value_period") == "monthly" else 1


def _confidence(record: Record) -> float:
    return float(record.get("confidence") or 0) / 100


def _status(position: int, default: str) -> Make:
    return lambda maker, record: maker.opportunity_statuses.get(str(record["status_id"]), (default, default))[position]


def _date_won(maker: Maker, record: Record) -> str | None:
    return str(record["date_updated"])[:10] if record["status_type"] == "won" else None


def _date_lost(maker: Maker, record: Record) -> str | None:
    return str(record["date_updated"]) if record["status_type"] == "lost" else None


def _lead_text(key: str) -> Make:
    def make(maker: Maker, record: Record) -> Record | None:
        contacts = record.get("contacts") or [{}]
        return next(iter(contacts[0].get(key) or [None]), None)

    return make


_LEAD: Shape = {
    "name": lambda maker, record: company_name(maker),
    "display_name": lambda maker, record: record.get("name") or "Untitled",
    "description": lambda maker, record: maker.prose(160),
    "url": lambda maker, record: f"https://www.example.com/{maker.number(1, 99999)}",
    "html_url": lambda maker, record: f"https://app.close.com/lead/{record['id']}/",
    "source": None,
    "status_id": lambda maker, record: maker.some_lead_status(),
    "status_label": lambda maker, record: maker.lead_statuses.get(str(record["status_id"]), "Potential"),
    "contact_ids": lambda maker, record: [contact.get("id") for contact in record.get("contacts") or []],
    "contacts": [],
    "opportunities": [],
    "tasks": [],
    "addresses": _addresses,
    "integration_links": [],
    "primary_email": _lead_text("emails"),
    "primary_phone": _lead_text("phones"),
    **AUTHORS,
}

_CONTACT: Shape = {
    "lead_id": other("lead"),
    "name": lambda maker, record: person_name(maker),
    "display_name": lambda maker, record: record.get("name") or "",
    "title": "Head of Operations",
    "emails": _emails,
    "phones": _phones,
    "urls": [],
    "integration_links": [],
    "timezone": "America/New_York",
    "timezone_source": None,
    "recent_calls": [],
    "subscriptions": [],
    "lead_suggestions_operation_id": None,
    "created_by": author,
    "updated_by": author,
}

_OPPORTUNITY: Shape = {
    "lead_id": other("lead"),
    "lead_name": lambda maker, record: company_name(maker),
    "contact_id": None,
    "contact_name": None,
    "user_id": lambda maker, record: maker.person(),
    "user_name": name_of("user_id"),
    "status_id": lambda maker, record: maker.some_opportunity_status(),
    "status_label": _status(0, "Active"),
    "status_display_name": lambda maker, record: record["status_label"],
    "status_type": _status(1, "active"),
    "pipeline_id": lambda maker, record: maker.pipeline_id,
    "pipeline_name": "Sales",
    "value": lambda maker, record: maker.number(10, 5_000) * 1_000,
    "value_currency": "USD",
    "value_period": "one_time",
    "value_formatted": _money,
    "confidence": lambda maker, record: {"won": 100, "lost": 0}.get(record["status_type"], 50),
    "expected_value": _expected("value", _confidence),
    "annualized_value": _expected("value", _per_year),
    "annualized_expected_value": _expected("expected_value", _per_year),
    "date_won": _date_won,
    "date_lost": _date_lost,
    "note": lambda maker, record: maker.prose(120),
    "attachments": [],
    "integration_links": [],
    "is_stalled": False,
    "stall_status": None,
    "suggested_action": None,
    "comment_summary": None,
    "lead_primary_email": None,
    "lead_primary_phone": None,
    **AUTHORS,
}


def _one(prefix: str) -> Make:
    return lambda maker, record: [maker.new_id(prefix)]


_SEQUENCE_STEP: Shape = {"sequence_id": None, "sequence_subscription_id": None}
_EMAIL_TASK: Shape = {
    "subject": "Re: Offer",
    "body_preview": "Thanks, that looks good to us.",
    "emails": _one("acti"),
}
_PHONE_TASK: Shape = {
    "phone": "+12025550123",
    "phone_formatted": "+1 202-555-0123",
    "phone_number_description": "Sales",
    "local_phone": "+12025550100",
    "recording_url": None,
}
# Fields only tasks of one `_type` have.
_TASK_KINDS: Mapping[str, Shape] = {
    "lead": {
        "text": "Call back about the offer",
        "is_dateless": False,
        "priority": None,
        **_SEQUENCE_STEP,
    },
    "outgoing_call": {
        "text": "Call",
        "is_dateless": False,
        "priority": None,
        "dialable": True,
        "agent_config_id": None,
        "deduplication_key": None,
        "is_primary_lead_notification": True,
        "resolution": None,
        "step_id": None,
        **_SEQUENCE_STEP,
    },
    "incoming_email": {**_EMAIL_TASK, "cleared_followups": []},
    "email_followup": {
        "email_id": other("acti"),
        "subject": "Re: Offer",
        "body_preview": "Following up",
        "total_emails_count_in_thread": 2,
    },
    "missed_call": _PHONE_TASK,
    "answered_detached_call": _PHONE_TASK,
    "voicemail": {**_PHONE_TASK, "voicemail_url": "https://example.com/voicemail", "voicemail_duration": 12},
    "incoming_sms": {
        "text": "Can we talk tomorrow?",
        "local_phone": "+12025550100",
        "remote_phone": "+12025550123",
        "remote_phone_formatted": "+1 202-555-0123",
        "remote_phone_description": "California",
        "attachments": [],
    },
    "opportunity_due": {
        "opportunity_value": 100_000,
        "opportunity_value_currency": "USD",
        "opportunity_value_formatted": "$1,000",
        "opportunity_value_period": "one_time",
        "opportunity_note": "",
    },
}
TASK_TYPES = tuple(_TASK_KINDS)
# What a notification is about: the name of the kind of object, and what its id begins with.
_ABOUT: Mapping[str, tuple[str, str]] = {
    "incoming_email": ("emailthread", "acti"),
    "email_followup": ("emailthread", "acti"),
    "missed_call": ("call", "acti"),
    "answered_detached_call": ("call", "acti"),
    "voicemail": ("call", "acti"),
    "incoming_sms": ("sms", "acti"),
    "opportunity_due": ("opportunity", "oppo"),
}


def _finish_task(maker: Maker, record: Record, partial: Mapping[str, Any]) -> None:
    kind = str(record["_type"])
    for field, value in _TASK_KINDS.get(kind, {}).items():
        if field not in record:
            record[field] = value(maker, record) if callable(value) else value
    if "id" not in partial and kind != "lead":
        record["id"] = maker.new_id("noti")
    if kind in _ABOUT and "object_type" not in partial:
        name, prefix = _ABOUT[kind]
        record.update(object_type=name, object_id=maker.new_id(prefix))


_TASK: Shape = {
    "_type": "lead",
    "object_type": None,
    "object_id": None,
    "lead_id": other("lead"),
    "lead_name": lambda maker, record: company_name(maker),
    "contact_id": None,
    "contact_name": None,
    "assigned_to": lambda maker, record: maker.person(),
    "assigned_to_name": name_of("assigned_to"),
    "is_complete": False,
    "date": lambda maker, record: str(record["date_created"])[:10],
    "due_date": lambda maker, record: record["date"],
    "view": lambda maker, record: "archive" if record["is_complete"] else "inbox",
    "created_by": lambda maker, record: record["assigned_to"],
    "created_by_name": name_of("created_by"),
    "updated_by": lambda maker, record: record["assigned_to"],
    "updated_by_name": name_of("updated_by"),
    "": _finish_task,
}

_EVENT: Shape = {
    "request_id": other("req"),
    "user_id": lambda maker, record: maker.owner_id,
    "api_key_id": None,
    "oauth_client_id": None,
    "oauth_scope": None,
    "object_type": "lead",
    "object_id": other("lead"),
    "lead_id": lambda maker, record: record["object_id"] if record["object_type"] == "lead" else None,
    "action": "updated",
    "changed_fields": [],
    "data": {},
    "previous_data": {},
    "meta": {},
}

_USER: Shape = {
    "email": lambda maker, record: f"{record['id'][-8:].lower()}@example.com",
    "first_name": lambda maker, record: person_name(maker).split()[0],
    "last_name": lambda maker, record: person_name(maker).split()[1],
    "image": "https://example.com/image.png",
    "organizations": lambda maker, record: [maker.organization_id],
    "email_verified_at": lambda maker, record: record["date_created"],
    "last_used_timezone": "Europe/London",
    "google_profile_image_url": None,
}

PERMISSIONS = ("bulk_edit", "delete_leads", "export", "manage_customizations", "manage_organization", "view_all_leads")

_MEMBERSHIP: Shape = {
    "user_id": lambda maker, record: maker.person(),
    "user_email": lambda maker, record: f"{str(record['user_id'])[-8:].lower()}@example.com",
    "user_full_name": name_of("user_id"),
    "user_first_name": lambda maker, record: str(record["user_full_name"]).split()[0],
    "user_last_name": lambda maker, record: str(record["user_full_name"]).split()[-1],
    "user_image": "https://example.com/image.png",
    "user_phone": None,
    "user_phone_formatted": None,
    "role": "Admin",
    "role_id": "admin",
    "plan_type": "enterprise",
    "permissions_granted": list(PERMISSIONS),
    "country": "US",
    "default_caller_id": None,
    "hangup_recording_url": None,
    "primary_personal_number": None,
    "is_free": False,
    "record_calls": False,
    "auto_record_calls": "unset",
    "may_workflows_impersonate": False,
    "onboarding_status": "completed",
    "show_onboarding": False,
    "track_email_opens": True,
}

RECORD_SHAPES: Mapping[str, Shape] = {
    "lead/": _LEAD,
    "contact/": _CONTACT,
    "opportunity/": _OPPORTUNITY,
    "task/": _TASK,
    "event/": _EVENT,
    "user/": _USER,
    "membership/": _MEMBERSHIP,
}
