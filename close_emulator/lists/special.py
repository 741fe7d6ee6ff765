"""The fields that no rule makes: a function of the organisation and of the record so far, per list and field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from close_emulator.lists.chance import Chance

Record = dict[str, Any]
Make = Callable[[Chance, Record], Any]

_CITY = (("Denver", "CO"), ("Austin", "TX"), ("Boston", "MA"), ("Portland", "OR"), ("Chicago", "IL"), ("Miami", "FL"))


def formatted(phone: object) -> str | None:
    """A phone number as Close shows it."""
    text = str(phone or "")
    return f"+1 {text[2:5]}-{text[5:8]}-{text[8:]}" if text else None


def paragraph(text: object) -> str | None:
    """A text as HTML."""
    return None if text is None else f"<p>{text}</p>"


def _addresses(chance: Chance, record: Record) -> list[Record]:
    city, state = _CITY[chance.number(0, len(_CITY) - 1)]
    return [
        {
            "label": "business",
            "address_1": f"{chance.number(1, 999)} Main Street",
            "address_2": None,
            "city": city,
            "state": state,
            "zipcode": str(chance.number(10000, 99999)),
            "country": "US",
            "tz_ids": ["America/New_York"],
        }
    ]


def _emails(chance: Chance, record: Record) -> list[Record]:
    local = str(record.get("name") or "info").lower().replace(" ", ".")
    return [{"type": "office", "email": f"{local}.{chance.number(1, 9999)}@example.com", "is_unsubscribed": False}]


def _phones(chance: Chance, record: Record) -> list[Record]:
    phone = chance.phone()
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


def _of_first_contact(key: str) -> Make:
    def make(chance: Chance, record: Record) -> Record | None:
        contacts = record.get("contacts") or [{}]
        return next(iter(contacts[0].get(key) or [None]), None)

    return make


def _money(chance: Chance, record: Record) -> str:
    value = record.get("value")
    if value is None:
        return ""
    period = "" if record.get("value_period") == "one_time" else f" {record.get('value_period')}"
    return f"${value / 100:,.2f}".removesuffix(".00") + period


def _times(field: str, factor: Callable[[Record], float]) -> Make:
    return lambda chance, record: None if record.get(field) is None else round(record[field] * factor(record))


def _per_year(record: Record) -> float:
    return 12 if record.get("value_period") == "monthly" else 1


def _confidence(record: Record) -> float:
    return float(record.get("confidence") or 0) / 100


def _status_of_lead(status: str) -> Make:
    return lambda chance, record: chance.lead_statuses.get(str(record[status]), "Potential")


def _status(status: str, part: int) -> Make:
    """The label (0) or the type (1) of a status of opportunities."""
    return lambda chance, record: chance.opportunity_statuses.get(str(record[status]), ("Active", "active"))[part]


def _one_of(first: str, second: str, times: int = 1) -> Make:
    """The first so many times as often as the second."""
    return lambda chance, record: first if chance.number(0, times) else second


def _sent(direction: str) -> Make:
    return lambda chance, record: "sent" if record["direction"] == direction else "inbox"


def _stage(which: str) -> Mapping[str, Make]:
    status = f"{which}_status_id"
    return {
        status: lambda chance, record: chance.some_opportunity_status(),
        f"{which}_status_label": _status(status, 0),
        f"{which}_status_type": _status(status, 1),
    }


def _statuses(chance: Chance, record: Record) -> list[Record]:
    return [{"id": key, "label": label, "type": kind} for key, (label, kind) in chance.opportunity_statuses.items()]


SPECIAL: Mapping[str, Mapping[str, Make]] = {
    "lead/": {
        "name": lambda chance, record: chance.company_name(),
        "display_name": lambda chance, record: record.get("name") or "Untitled",
        "html_url": lambda chance, record: f"https://app.close.com/lead/{record['id']}/",
        "status_id": lambda chance, record: chance.some_lead_status(),
        "status_label": _status_of_lead("status_id"),
        "contact_ids": lambda chance, record: [contact.get("id") for contact in record.get("contacts") or []],
        "addresses": _addresses,
        "primary_email": _of_first_contact("emails"),
        "primary_phone": _of_first_contact("phones"),
    },
    "contact/": {
        "name": lambda chance, record: chance.person_name(),
        "display_name": lambda chance, record: record.get("name") or "",
        "emails": _emails,
        "phones": _phones,
    },
    "opportunity/": {
        "status_id": lambda chance, record: chance.some_opportunity_status(),
        "status_label": _status("status_id", 0),
        "status_display_name": lambda chance, record: record["status_label"],
        "status_type": _status("status_id", 1),
        "value": lambda chance, record: chance.number(10, 5_000) * 1_000,
        "value_formatted": _money,
        "confidence": lambda chance, record: {"won": 100, "lost": 0}.get(record["status_type"], 50),
        "expected_value": _times("value", _confidence),
        "annualized_value": _times("value", _per_year),
        "annualized_expected_value": _times("expected_value", _per_year),
        "date_won": lambda chance, record: record["date_updated"][:10] if record["status_type"] == "won" else None,
        "date_lost": lambda chance, record: record["date_updated"] if record["status_type"] == "lost" else None,
    },
    "task/": {
        "date": lambda chance, record: str(record["date_created"])[:10],
        "view": lambda chance, record: "archive" if record["is_complete"] else "inbox",
    },
    "event/": {"lead_id": lambda chance, record: record["object_id"] if record["object_type"] == "lead" else None},
    "user/": {
        "email": lambda chance, record: f"{record['id'][-8:].lower()}@example.com",
        "first_name": lambda chance, record: chance.person_name().split()[0],
        "last_name": lambda chance, record: chance.person_name().split()[1],
    },
    "membership/": {
        "user_email": lambda chance, record: f"{str(record['user_id'])[-8:].lower()}@example.com",
        "user_full_name": lambda chance, record: chance.name(record["user_id"]),
        "user_first_name": lambda chance, record: str(record["user_full_name"]).split()[0],
        "user_last_name": lambda chance, record: str(record["user_full_name"]).split()[-1],
    },
    "activity/call/": {
        "direction": _one_of("outbound", "inbound", 2),
        "disposition": _one_of("answered", "no-answer"),
        "duration": lambda chance, record: chance.number(0, 1200),
        "cost": lambda chance, record: f"{chance.number(0, 40) / 10}",
    },
    "activity/email/": {
        "direction": _one_of("outgoing", "incoming", 2),
        "status": _sent("outgoing"),
        "body_preview": lambda chance, record: str(record.get("body_text") or "")[:100],
        "body_text_quoted": lambda chance, record: [{"text": str(record.get("body_text"))[:60], "expand": True}],
        "body_html_quoted": lambda chance, record: [{"html": str(record.get("body_html"))[:60], "expand": True}],
        "message_ids": lambda chance, record: [f"<{record['id'][-12:]}@example.com>"],
    },
    "activity/sms/": {"direction": _one_of("outbound", "inbound"), "status": _sent("outbound")},
    "activity/whatsapp_message/": {"message_html": lambda chance, record: paragraph(record.get("text"))},
    "activity/status_change/lead/": {
        "old_status_id": lambda chance, record: chance.some_lead_status(),
        "old_status_label": _status_of_lead("old_status_id"),
        "new_status_id": lambda chance, record: chance.some_lead_status(),
        "new_status_label": _status_of_lead("new_status_id"),
    },
    "activity/status_change/opportunity/": {**_stage("old"), **_stage("new")},
    "pipeline/": {"statuses": _statuses},
    "webhook/": {"signature_key": lambda chance, record: f"{chance.number(0, 2**60):064x}"},
    "connected_account/": {"default_identity": lambda chance, record: next(iter(record["identities"]), None)},
    "phone_number/": {
        "is_group_number": lambda chance, record: record["user_id"] is None,
        "participants": lambda chance, record: [chance.owner_id] if record["is_group_number"] else [],
    },
}
