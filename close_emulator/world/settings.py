"""The people and settings of a synthetic organisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.maker import Maker
from close_emulator.store.records import Store


def people(store: Store, maker: Maker, count: int, start: int) -> None:
    """Users and their memberships; the first is the key's owner, one in ten has left."""
    for number in range(count):
        user_id = maker.owner_id if number == 0 else maker.new_id("user")
        name = maker.names.get(user_id) or maker.person_name()
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
    """The rows of every list that is not sized; some refer to statuses and the pipeline before these are made."""
    known: Mapping[str, Iterable[str]] = {
        "status/lead/": maker.lead_statuses,
        "status/opportunity/": maker.opportunity_statuses,
        "pipeline/": [maker.pipeline_id],
    }
    for path, resource in RESOURCES.items():
        if resource.sized or not resource.listed:
            continue
        rows = maker.rows(path)
        for row, row_id in zip(rows, known.get(path, ()), strict=False):
            row["id"] = row_id
        for row in rows:
            for made in resource.stamps[:1]:
                row.setdefault(made, maker.spelled(path, start))
            store.put(resource, maker.complete(path, row))
