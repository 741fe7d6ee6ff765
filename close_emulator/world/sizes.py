"""How large a synthetic organisation is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How many of everything. Lists that have no size here have a few rows, unless all sizes are zero."""

    leads: int = 0
    contacts: int = 0
    opportunities: int = 0
    activities: int = 0
    tasks: int = 0
    events: int = 0
    users: int = 0
    custom_fields: int = 0
    custom_objects: int = 0
    sequence_subscriptions: int = 0
    comments: int = 0

    @classmethod
    def for_leads(cls, leads: int) -> Sizes:
        """What an organisation of so many leads has of the rest."""
        shares = {name: max(1, round(leads * share)) for name, share in _PER_LEAD.items()}
        return cls(leads=leads, custom_fields=20, **shares)


_PER_LEAD = {
    "contacts": 1.4,
    "opportunities": 0.4,
    "activities": 5,
    "tasks": 1,
    "events": 2,
    "users": 0.02,
    "custom_objects": 0.1,
    "sequence_subscriptions": 0.2,
    "comments": 0.1,
}

EMPTY = Sizes()
"""Nothing at all, not even settings."""

SMALL = Sizes(
    leads=60,
    contacts=80,
    opportunities=40,
    activities=400,
    tasks=120,
    events=150,
    users=12,
    custom_fields=60,
    custom_objects=40,
    sequence_subscriptions=30,
    comments=25,
)
"""An organisation that has rows in every list and is read in a moment."""
