"""Every group against all other accounts at equal size, term, plan and age, beside the raw difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import attributes
from customer_value.marts.periods import Period
from customer_value.stats.result import Result
from customer_value.studies.segments.alike import Comparison, against_others, beside, covariates
from customer_value.studies.segments.groups import Group, arr_now, notes
from customer_value.studies.segments.raw import COMPARED, contrasts

_ITSELF = {
    "plan": ("plan",),
    "first_plan": ("plan",),
    "term": ("term",),
    "first_term": ("term",),
    "mrr_band": ("size",),
}
"""What an attribute is itself, so that it is not made alike in it."""


def adjusted(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every group against all other accounts: the raw difference, and what is left of it at equal covariates.

    Standardised over all accounts of the base (g-computation): of a logistic model for shares of accounts and of
    revenue, a linear one for net retention. Whether an account's term came due in the period, which was known when it
    began, is made equal too: before that an account could not leave. An attribute that is one of these is made equal in
    the others. What is not known of an account is a level of its own.

    Returns
    -------
    Result keyed by ``attribute, level, metric, kind``; ``kind`` is ``raw`` (as `contrasts` gives it) or ``adjusted``,
    ``metric`` one of `COMPARED`. Differences in points of a share, group minus rest. Columns besides the usual, the
    last ones of adjusted rows only:

    - ``group_share, rest_share``: of adjusted rows, if all accounts, or none, belonged to the group
    - ``p``, and ``p_adjusted`` within the kind (Benjamini–Hochberg): one look a contrast, the adjusted one
    - ``few_accounts``: a few accounts decide it, so no decision may stand on it
    - ``overlap``: share of accounts of a kind that is found on both sides; below `standardise.HARDLY_OVERLAP` the
      comparison extrapolates
    - ``adjusted_for``: `ADJUSTMENTS`, with commas between
    - ``money, money_low, money_high`` (80 % interval) with ``target``, for ``grr``: recurring revenue a year that the
      side keeping less (``group`` or ``rest``, its accounts active now) would keep on top if it kept what the other
      side does at equal size, term, plan and age; a ceiling if the link were wholly causal. Missing unless the period
      is about a year
    - ``among_due``: raw difference among accounts whose term came due; ``finer``: adjusted for size in more detail,
      crossed with terms (only where ``p`` is small enough to matter)
    - ``agrees``: whether both have the sign of the estimate, the groups overlap and no few accounts decide

    An adjusted row has no estimate where the group is too small, or where next to nobody is of a kind found on both
    sides (a plan that is sold on one term only, at one price).

    References
    ----------
    Robins (1986); see `customer_value.stats.standardise`.
    """
    raw = contrasts(
        marts, start=start, end=end, by=by, bands=bands, money_name=money_name, confidence=confidence,
        min_group=min_group,
    )  # fmt: skip
    chosen = attributes(marts.meta, names=by)
    accounts = marts.frame("accounts")
    base = period_base(marts, start=start, end=end).merge(
        accounts[["customer_id", "origin_date"]], on="customer_id", how="left", validate="one_to_one"
    )
    known = covariates(base, start=start)
    active = accounts[accounts["status"] == "active"]
    yearly = Period(start, end).about_a_year
    seen = {group: rows.set_index("metric") for group, rows in raw.table.groupby(["attribute", "level"], sort=False)}
    rows = []
    for attribute in chosen:
        if attribute.known_at == "current":
            continue
        group = Group.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        itself = list(_ITSELF.get(attribute.name, ()))
        comparison = Comparison.of(base, known.drop(columns=itself), among=group.stated, confidence=confidence)
        now = group.now(active) if yearly else None
        for level, inside in group.compared(min_group):
            about = {"attribute": attribute.name, "level": level}
            about |= {"attribute_label": attribute.label, "known_at": attribute.known_at}
            for row in against_others(comparison, inside, seen[attribute.name, level], COMPARED):
                if "gain" in row and now is not None:
                    arr = arr_now(active, now, level, row["target"])
                    row |= dict(zip(("money", "money_low", "money_high"), arr * np.array(row["gain"]), strict=True))
                rows.append(about | row)
    table = beside(raw.table, rows)
    return Result(
        name="segment_contrasts_adjusted",
        table=table,
        keys=("attribute", "level", "metric", "kind"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="segments",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Adjusted: standardised over all accounts by a logistic model (net retention: linear) of group, size, "
        "contract term, whether it came due, plan and age; Wilson limits on effective numbers of accounts, saddlepoint "
        "score test (net: HC3, t). Raw: group minus all other accounts",
        notes=notes(chosen, flat=False, due="; accounts are made alike in that."),
    )
