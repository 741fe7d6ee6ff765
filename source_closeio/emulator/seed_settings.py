"""The people, custom fields and settings of a synthetic organisation."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from source_closeio.emulator import moments
from source_closeio.emulator.catalogue import RESOURCES
from source_closeio.emulator.shapes import Maker
from source_closeio.emulator.shapes_records import person_name
from source_closeio.emulator.store import Store

# Of every ten custom fields so many belong to each list.
_FIELD_LISTS = ("lead", "lead", "contact", "lead", "opportunity", "lead", "activity", "shared", "contact", "lead")
_FIELD_TYPES = ("text", "number", "date", "datetime", "choices", "user", "choices")
_CHOICES = ["Bronze", "Silver", "Gold"]
_ROLES = ("admin", "superuser", "user", "restricteduser")
_SMART_VIEWS = ("lead", "lead", "lead", "contact", "contact", "opportunity", "call", "custom_activity")
# Lists a plausible organisation has a few rows of.
_FEW: Mapping[str, int] = {
    "group/": 2,
    "email_template/": 5,
    "sms_template/": 2,
    "sequence/": 3,
    "outcome/": 3,
    "playbook/": 1,
    "integration_link/": 2,
    "connected_account/": 3,
    "unsubscribe/email/": 2,
    "phone_number/": 3,
    "blocked_phone_number/": 1,
    "dialer/": 1,
    "bulk_action/email/": 2,
    "bulk_action/edit/": 2,
    "bulk_action/delete/": 1,
    "bulk_action/sequence_subscription/": 1,
    "scheduling_link/": 1,
    "shared_scheduling_link/": 1,
    "webhook/": 1,
    "custom_activity/": 2,
    "custom_object_type/": 2,
}


class CustomValues:
    """Deals out values of custom fields."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._fields: dict[str, list[tuple[str, list[Any]]]] = {}

    def define(self, kind: str, field_id: str, values: list[Any]) -> None:
        """A custom field of leads, contacts and so on takes these values."""
        self._fields.setdefault(kind, []).append((f"custom.{field_id}", values))

    def of(self, kind: str) -> dict[str, Any]:
        """Values for one record; three fields in ten are not set, and so absent."""
        dice = self._dice.random
        return {key: values[int(dice() * len(values))] for key, values in self._fields.get(kind, ()) if dice() < 0.7}


def people(store: Store, maker: Maker, count: int, start: int) -> None:
    """Users and their memberships; the first is the key's owner, one in ten has left."""
    for number in range(count):
        user_id = maker.owner_id if number == 0 else maker.new_id("user")
        name = maker.names.get(user_id) or person_name(maker)
        gone = number % 10 == 9
        if not gone:
            maker.hire(user_id, name)
        maker.names[user_id] = name
        first, last = name.split()
        partial = {
            "id": user_id,
            "first_name": first,
            "last_name": last,
            "date_created": maker.spelled("user/", start),
            **({"organizations": []} if gone else {}),
        }
        store.put(RESOURCES["user/"], maker.complete("user/", partial))
        member = {"user_id": user_id, "user_full_name": name, "date_created": maker.spelled("membership/", start)}
        store.put(RESOURCES["membership/"], maker.complete("membership/", member))


def settings(store: Store, maker: Maker, start: int) -> None:
    """Statuses, the pipeline, roles and a few rows of every small list."""
    rows: list[tuple[str, dict[str, Any]]] = []
    rows += [("status/lead/", {"id": key, "label": label}) for key, label in maker.lead_statuses.items()]
    rows += [
        ("status/opportunity/", {"id": key, "label": label, "type": kind})
        for key, (label, kind) in maker.opportunity_statuses.items()
    ]
    rows.append(("pipeline/", {"id": maker.pipeline_id}))
    # Close dates its built-in roles at the year one.
    dates = {"date_created": "0001-01-01T00:00:00", "date_updated": "0001-01-01T00:00:00"}
    rows += [("role/", {"id": role, "name": role.title(), "editable": False, **dates}) for role in _ROLES]
    rows += [(path, {}) for path, count in _FEW.items() for _ in range(count)]
    rows += [("saved_search/", {"type": kind}) for kind in _SMART_VIEWS]
    rows += [("send_as/", pair) for pair in _sending(maker)]
    for path, partial in rows:
        for made in RESOURCES[path].stamps[:1]:
            partial.setdefault(made, maker.spelled(path, start))
        store.put(RESOURCES[path], maker.complete(path, partial))


def _sending(maker: Maker) -> list[dict[str, str]]:
    """Who may send emails for whom: for the key's owner, by the owner, and a pair the owner never sees."""
    owner, (one, two) = maker.owner_id, maker.colleagues(2)
    pairs = [(owner, one), (owner, two), (one, owner), (two, one)]
    return [{"allowing_user_id": allowing, "allowed_user_id": allowed} for allowing, allowed in pairs]


def custom_fields(store: Store, maker: Maker, dice: random.Random, count: int, start: int) -> CustomValues:
    """Definitions of custom fields, and what deals out their values."""
    found = CustomValues(dice)
    for number in range(count):
        kind = _FIELD_LISTS[number % len(_FIELD_LISTS)]
        form = _FIELD_TYPES[number % len(_FIELD_TYPES)]
        many = form == "choices" and number % 2 == 0
        path = f"custom_field/{kind}/"
        partial: dict[str, Any] = {
            "name": f"{form.title()} {number + 1}",
            "type": form,
            "accepts_multiple_values": many,
            "date_created": maker.spelled(path, start + number * moments.HOUR),
        }
        if form == "choices":
            partial["choices"] = _CHOICES
        if kind == "shared":
            partial["associations"] = [
                {"object_type": name, "editable_with_roles": [], "required": False} for name in ("lead", "contact")
            ]
        if kind == "activity":
            partial["custom_activity_type_id"] = next(iter(store.held("custom_activity/")), None)
        record = maker.complete(path, partial)
        store.put(RESOURCES[path], record)
        for owner in ("lead", "contact") if kind == "shared" else (kind,):
            found.define(owner, record["id"], _values(form, many, maker))
    return found


def _values(form: str, many: bool, maker: Maker) -> list[Any]:
    """A few values of a type of custom field."""
    if form == "choices":
        return [["Bronze", "Gold"], ["Silver"]] if many else list(_CHOICES)
    others: dict[str, list[Any]] = {
        "number": [1, 2.5, 300],
        "date": ["2025-03-01", "2025-11-30"],
        "datetime": ["2025-03-01T10:00:00+00:00", "2025-11-30T16:30:00.500000+00:00"],
        "user": [maker.person(), maker.person()],
    }
    return others.get(form, ["short", "a somewhat longer text", "Zürich"])
