"""The switches: in which of the ways Close has been seen to answer this emulator answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["nested", "flat"]
RateHeaders = Literal["commas", "semicolons", "old", "none"]
RateCounting = Literal["fixed", "sliding", "bucket"]
Lie = Literal["true_on_last", "false_on_full"]
CapError = Literal["new", "old"]
Cursors = Literal["positions", "keys"]
Custom = Literal["flat", "nested", "named"]


@dataclass
class Behaviour:
    """Every switch may be changed while the emulator runs; the next request sees it."""

    api_key: str | None = None
    """The only key accepted; None accepts any non-empty one."""

    access_token_lifetime: float = 3600
    """Seconds of the emulator's clock an OAuth access token lives."""
    rotate_refresh_tokens: bool = True
    """Whether an OAuth refresh token dies when it is used, and another one comes in its place."""

    skip_cap: int | None = None
    """Highest `_skip` of every list, instead of those of `skip_caps` and those declared."""
    skip_caps: dict[str, int] = field(default_factory=dict)
    """Highest `_skip` per path, such as {"lead/": 35_000}, instead of those declared."""
    limit_caps: dict[str, int] = field(default_factory=dict)
    """Highest `_limit` per path ("data/search/" included), instead of those declared."""
    event_limit: Literal["clamped", "refused"] = "clamped"
    """What the event log does with a `_limit` above its cap: gives as many as it may, or answers 400."""
    cap_error: CapError = "new"
    """Wording of the 400 at a cap: per field, or a sentence that names `max_skip`."""
    has_more_lies: list[Lie] = field(default_factory=list)
    """Lies still to be told about `has_more`, each once: "true_on_last" page, "false_on_full" page."""
    has_more_always: bool | None = None
    """What every list says about `has_more`, whatever is true; None: the truth, but for the lies above."""
    unstable_ties: bool = False
    """Rows with equal sort keys come in another order in each request."""
    index_lag: float = 0.0
    """Seconds of the emulator's clock until lists and search see a write (single GETs and events see it at once)."""
    index_rows: Literal["indexed", "now"] = "indexed"
    """What a list or search shows of a row whose last write it has not seen: the row as it was, or as it is now; "now"
    finds, filters and sorts it by what it was, and leaves out rows deleted since, so that a page is short."""
    delete_lag: float = 0.0
    """Seconds of the emulator's clock a deleted row is still served, by its id too; lists and search take the longer of
    this and `index_lag`. What was deleted while it was 0 is gone."""
    hidden: set[str] = field(default_factory=set)
    """Ids of rows that count for offsets, totals, cursors and `has_more` but are not shown, as if not for this key. By
    its id such a row is not found either."""
    id_in: frozenset[str] | None = None
    """Lists that understand `id__in` and `id`, "activity/" for activities of all kinds; any other ignores both. None:
    tasks and activities, where `id__in` is documented, and leads, where it was seen."""
    id_in_cap: int | None = None
    """Most ids of one `id__in`; None: as many as come."""
    id_in_over: Literal["refused", "ignored", "cut"] = "refused"
    """What more ids than that lead to: a 400, the whole list as if none had been sent, or the first ones only."""

    search_chain_cap: int = 10_000
    """Objects one chain of search cursors gives."""
    search_chain_end: Literal["refused", "null"] = "refused"
    """What the last page of a chain at its cap ends with: a cursor that is refused, or null as if that were all."""
    search_cursors: Cursors = "positions"
    """Where a search cursor goes on: at a position in the order as it is then, or after its last row's sort values.
    With "keys" the order is total, so that `unstable_ties` does not touch it."""
    search_sorts: bool = True
    """False: the `sort` of a search is ignored without a word."""
    cursor_lifetime: float = 30.0
    """Seconds of the emulator's clock a cursor of a search or of the event log lives; 0 expires it at once."""
    expired_event_cursor: Literal["field-errors", "error"] = "field-errors"
    """Wording of the 400 for an expired cursor of the event log: "Expired cursor" of `_cursor`, or "Invalid cursor"."""
    fields_cap: int = 100
    """Longest list in the `_fields` of a search."""
    search_custom: Custom = "flat"
    """What the field `custom` of a search gives: `custom.cf_…` keys, or one dictionary by id, or one by name. With
    "named" a field that is asked for by its own name, `custom.cf_…`, still comes flat."""
    search_ids_cap: int | None = None
    """Most `id` nodes of a search, more are answered with 400; None: as many as come."""
    search_precision: Literal["ms", "s"] = "ms"
    """What a search does with finer moments: cuts them to this."""

    events_on_change: bool = True
    """Whether edits and deletions write events."""
    event_consolidation: float = 0.0
    """Seconds within which the next `updated` event of an object is merged into its last one; 0 merges none."""
    event_lag: float = 0.0
    """Seconds of the emulator's clock until the log shows an event, or the new state of a consolidated one."""
    event_order: Literal["kept", "mixed"] = "kept"
    """Whether all events are late by `event_lag`, or each by some part of it, so that younger ones are seen first."""
    event_offset: float = 0.0
    """Seconds from the moment of a change, such as its row's `date_updated`, to that of its event."""
    event_data: Literal["part", "whole"] = "part"
    """Whether events show the fields of a row that recorded ones had, or all of them."""
    event_data_deleted: Literal["{}", "null"] = "{}"
    """The `data` of a `deleted` event: as recorded, or as documented."""
    lead_merge_event: Literal["lead_merge", "activity.lead_merge"] = "lead_merge"
    """The `object_type` of events of lead merge activities."""
    silent_children: frozenset[str] = frozenset({"custom_object/"})
    """Lists whose rows are deleted with their lead, or moved by a merge, without events of their own; "activity/" for
    activities of all kinds."""
    merge_dates: Literal["kept", "moved"] = "kept"
    """Whether a merge leaves the `date_updated` of what it moves to the other lead as it is."""
    event_retention_days: float = 30
    """Days the event log reaches back."""
    event_log_allowed: bool = True
    """False: the whole event log answers 400."""
    admin: bool = True
    """False: events older than an hour come without `data` and `previous_data`."""
    events_naive: bool = True
    """Events written by the emulator carry naive moments instead of ones with an offset."""

    missing_parent: Literal["empty", "404", "400"] = "empty"
    """What a list of children, such as `/comment/`, answers when the parent it is asked for does not exist."""
    lead_custom_dict: bool = True
    """Lead rows of REST carry the deprecated `custom` dictionary by name beside the flat keys."""
    refused: dict[str, int] = field(default_factory=dict)
    """Status per refused path, such as {"send_as/": 402}; "data/search/lead" refuses the search of one type."""
    refused_parents: dict[str, int] = field(default_factory=dict)
    """Status per refused parent, such as {"comthr_1": 403}: of lists and searches that are asked for its children, and
    of paths with its id, such as `group/{id}/` and `custom_field_schema/activity/{id}/`."""

    rate_limit: int | None = None
    """Requests per `rate_window` and (method, path) group; None limits nothing and sends no rate headers."""
    rate_limits: dict[str, int] = field(default_factory=dict)
    """The same for single paths, such as {"data/search/": 16, "lead/{id}/": 40}, instead of `rate_limit`."""
    rate_limit_org: int | None = None
    """Requests per `rate_window` of the organisation, over all groups; a 429 for it says `rate_limit_type` "org"."""
    rate_window: float = 1
    """Seconds of real time that a rate limit is about."""
    rate_counting: RateCounting = "fixed"
    """How requests are counted: in windows that begin with a request and end together, in the window that ends now, or
    by a bucket of tokens that is full at first and fills all the time."""
    rate_limit_headers: RateHeaders = "commas"
    """Which rate headers every answer carries while `rate_limit` is set."""
    rate_limit_body: Dialect = "nested"
    """Shape of the 429's body."""

    gzip: bool = True
    """Compress answers for clients which accept it."""
