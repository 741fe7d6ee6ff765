"""The people and settings of a synthetic organisation."""

from __future__ import annotations

from typing import Any

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.shapes import Maker
from close_emulator.lists.shapes_records import person_name
from close_emulator.store.records import Store
from close_emulator.world.seed_rows import small_rows

_ROLES = ("admin", "superuser", "user", "restricteduser")


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
    assigned = {"visibility_user_lcf_behavior": "require_assignment", "permissions": ["bulk_edit", "export"]}
    rows.append(("role/", {"name": "Account Manager", **assigned}))
    rows += small_rows(maker)
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
