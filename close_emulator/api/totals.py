"""The sums the envelope of an opportunity list carries."""

from __future__ import annotations

from itertools import islice
from weakref import WeakKeyDictionary

from close_emulator.store.table import Selection

_KINDS = ("one_time", "monthly", "annual")
_known: WeakKeyDictionary[Selection, dict[str, object]] = WeakKeyDictionary()


def opportunity_totals(selection: Selection) -> dict[str, object]:
    """Counts and sums over all the opportunities listed; computed once for all the pages of one query."""
    found = _known.get(selection)
    if found is None:
        found = _known[selection] = _totals(selection)
    return found


def _totals(selection: Selection) -> dict[str, object]:
    counts: dict[str, int] = {}
    value = dict.fromkeys(_KINDS, 0)
    expected = dict.fromkeys(_KINDS, 0)
    for row in islice(selection.rows, selection.start, selection.stop):
        kind = str(row.encoded.value("value_period"))
        amount = row.encoded.value("value") or 0
        counts[kind] = counts.get(kind, 0) + 1
        if kind in value:
            value[kind] += amount
            expected[kind] += round(amount * (row.encoded.value("confidence") or 0) / 100)
    found: dict[str, object] = {"count_by_value_period": counts}
    for title, sums in (("total_value", value), ("expected_value", expected)):
        sums = {**sums, "annualized": sums["one_time"] + 12 * sums["monthly"] + sums["annual"]}
        for kind, amount in sums.items():
            found[f"{title}_{kind}"] = amount
            found[f"{title}_{kind}_formatted"] = f"${amount / 100:,.2f}".removesuffix(".00") if amount else None
    return found
