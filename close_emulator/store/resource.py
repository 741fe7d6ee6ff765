"""What a list of the API is like: a row of the table of resources."""

from __future__ import annotations

from dataclasses import dataclass

from close_emulator.store.moments import MILLISECOND, Spelling


@dataclass(frozen=True)
class Resource:
    """One list of the API."""

    path: str
    prefix: str
    """What the ids begin with."""
    noun: str
    """What an error message calls one of them; the `_type` of an activity."""
    key: str = "id"
    """The field that names a record."""
    limit_cap: int = 100
    """Highest `_limit`."""
    skip_cap: int | None = None
    """Highest `_skip`; None: none known."""
    order: str | None = None
    """Field the list is sorted by, with "-" for newest first; None: as they were made."""
    orders: tuple[str, ...] = ()
    """Fields `_order_by` may name; any other is ignored."""
    dates: tuple[str, ...] = ()
    """Fields which take an exact value, __gt, __gte, __lt and __lte."""
    only_sorted_dates: bool = False
    """Date filters count only on the field the list is sorted by."""
    precision: int = MILLISECOND
    """What the date filters cut moments to, in microseconds."""
    equals: tuple[str, ...] = ("id",)
    """Fields which take an exact value or a comma-separated list in __in."""
    with_lead: tuple[str, ...] = ()
    """Filters which are refused unless `lead_id` is given."""
    needs: tuple[str, ...] = ()
    """At least one of these parameters must be given."""
    just_one: bool = False
    """Not more than one of `needs` may be given."""
    own: tuple[str, ...] = ()
    """One of these filters must name the key's user; the first does so when none is given."""
    defaults: tuple[tuple[str, str], ...] = ()
    """Filters that hold unless the client filters by the same field."""
    enums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Filters which refuse every value but these."""
    flags: tuple[tuple[str, str], ...] = ()
    """Filters by whether another field is filled, each with that field."""
    through: tuple[str, str, str] | None = None
    """A filter by a field of another list, the field that refers to that list, and its path."""
    only_named: bool = False
    """Whether all fields but the id come only when `_fields` names them."""
    single_only: tuple[str, ...] = ()
    """Fields that lists never show."""
    listed: bool = True
    """Whether there is a `GET` of the list and of its single records."""
    paged: bool = True
    """Whether `_skip` and `_limit` do anything."""
    has_more: bool = True
    """Whether the envelope has `has_more`."""
    total: bool = False
    """Whether the envelope has `total_results`."""
    spelling: Spelling = "full"
    """How it writes moments."""
    event_type: str | None = None
    """`object_type` in the event log; None: changes leave no events."""
    event_kind: str | None = None
    """The field whose value stands behind `event_type` and a dot."""
    event_names: tuple[tuple[str, str], ...] = ()
    """What `created`, `updated` and `deleted` are called in the event log where that differs; "" leaves no event."""
    event_lacks: tuple[str, ...] = ()
    """Fields that the event log does not show."""
    id_in: bool = False
    """Whether `id__in` and `id` filter, as documented or as seen."""
    search_type: str | None = None
    """`object_type` in Advanced Filtering; None: cannot be searched."""
    listed_under: str | None = None
    """A second list the records appear in."""
    sums: bool = False
    """Whether the envelope has the sums of opportunities."""
    views: bool = False
    """Whether `view` picks open tasks that are due, open ones that are not yet, or those that are done."""
    custom_dict: bool = False
    """Whether rows carry the deprecated `custom` dictionary by name beside the flat keys."""
    sized: str | None = None
    """The size that says how many an organisation has; None: a few, those declared."""
    indexed: bool = True
    """Whether what lists and searches see may lag behind what is held; the event log never does."""
    stamps: tuple[str, ...] = ("date_created", "date_updated")
    """The fields for the moments a record was made at and last changed at. Unsaid: those of the two that it has."""

    @property
    def moments(self) -> tuple[str, ...]:
        """Fields a list or search may sort or filter by time."""
        order = (self.order.lstrip("-"),) if self.order and "date" in self.order else ()
        ordering = (name for name in self.orders if "date" in name or name.endswith("_at"))
        return tuple(dict.fromkeys((*self.stamps, *order, *self.dates, *ordering)))

    @property
    def plain(self) -> tuple[str, ...]:
        """Fields rows are filtered by for their plain value."""
        return tuple(name for name in dict.fromkeys((*self.equals, "user_id", "status_id")) if name != "id")
