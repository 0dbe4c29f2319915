"""Who leaves: accounts and revenue lost, by kind of end and reason, and whether the leavers were large or small."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort
from customer_value.stats.disclosure import shown
from customer_value.stats.intervals import effective_n
from customer_value.stats.jackknife import jackknife_of_sums
from customer_value.stats.result import Result
from customer_value.studies.revenue.columns import amounts, exact_sum, in_order, positive, suppressed, with_interval
from customer_value.studies.revenue.moved import moves, provisional


def churn_side_by_side(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """Accounts lost and revenue lost, of the same closed group, with and without downgrades, by kind of end.

    Returns
    -------
    Result keyed by ``measure, end_kind``, shares. Measures ``logo_churn`` (accounts that left), ``revenue_churn``
    (their opening MRR), and with downgrades ``logo_churn_or_downgrade`` (accounts that left or pay less) and
    ``revenue_churn_and_downgrade`` (all MRR lost). ``end_kind`` is ``all``, ``voluntary``, ``involuntary`` or
    ``not stated``; the last three add up to ``all`` for the first two measures, and are absent where the data never say
    why an account left.
    """
    base = period_base(marts, start=start, end=end)
    lost = base["lost"].to_numpy(bool)
    before, after = base["start_mrr"].to_numpy(float), base["end_mrr"].to_numpy(float)
    kind = base["end_kind"].where(base["end_kind"].notna(), "not stated").to_numpy()
    groups = {"all": lost}
    stated = bool((kind[lost] != "not stated").any())
    if stated:
        groups |= {name: lost & (kind == name) for name in ("voluntary", "involuntary", "not stated")}
    options = {"confidence": confidence, "min_group": 1}
    rows = []
    for end_kind, gone in groups.items():
        rows.append(closed_cohort.share(gone, **options) | {"measure": "logo_churn", "end_kind": end_kind})
        rows.append(
            closed_cohort.weighted(np.where(gone, before, 0.0), before, events=int(gone.sum()), **options)
            | {"measure": "revenue_churn", "end_kind": end_kind}
        )
    less = lost | (after < before)
    rows.append(closed_cohort.share(less, **options) | {"measure": "logo_churn_or_downgrade", "end_kind": "all"})
    rows.append(
        closed_cohort.weighted(before - np.minimum(before, after), before, events=int(less.sum()), **options)
        | {"measure": "revenue_churn_and_downgrade", "end_kind": "all"}
    )
    table = pd.DataFrame(rows)
    return Result(
        name="churn_side_by_side",
        table=in_order(table, "measure", "end_kind", closed_cohort.COLUMNS),
        keys=("measure", "end_kind"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method="Accounts: Wilson. Revenue: Wilson on the effective number of accounts",
        notes=(
            *(() if stated else ("The data do not say whether accounts left or were lost to failed payments.",)),
            *provisional(marts, base, Period(start, end)),
        ),
    )


def leaver_size(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Whether the accounts that left paid more or less than the rest of the group: computed, never assumed.

    Revenue churn exceeds logo churn exactly when leavers pay more than the average account.

    Returns
    -------
    Result keyed by ``measure``: ``revenue_minus_logo`` (revenue churn less logo churn, points), ``size_ratio`` (average
    MRR of leavers over that of all opening accounts) and the two averages ``leavers_mrr`` and ``base_mrr`` (money).
    ``n`` is the number of leavers for the measures that divide by it, else of opening accounts.
    """
    base = period_base(marts, start=start, end=end)
    size, lost = base["start_mrr"].to_numpy(float), base["lost"].to_numpy(float)
    n, leavers = len(base), int(lost.sum())
    sums = np.column_stack([np.ones(n), size, lost, size * lost])

    def measured(totals: np.ndarray) -> dict[str, np.ndarray]:
        accounts, mrr, gone, gone_mrr = totals.T
        # No leaver, or no revenue, leaves these without meaning rather than wrong.
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "revenue_minus_logo": gone_mrr / mrr - gone / accounts,
                "size_ratio": (gone_mrr / gone) / (mrr / accounts),
                "leavers_mrr": gone_mrr / gone,
                "base_mrr": mrr / accounts,
            }

    units = {"revenue_minus_logo": "points", "size_ratio": "ratio", "leavers_mrr": "money", "base_mrr": "money"}
    rows = []
    for measure, unit in units.items():
        by_leavers = measure in ("size_ratio", "leavers_mrr")
        row = {"measure": measure, "n": leavers if by_leavers else n, "events": leavers, "unit": unit}
        if not by_leavers or shown(leavers, min_group):
            found = jackknife_of_sums(sums, lambda totals, m=measure: measured(totals)[m], confidence=confidence)
            row |= {"estimate": found.estimate, "low": found.low, "high": found.high}
        rows.append(row)
    table = pd.DataFrame(rows)
    return Result(
        name="leaver_size",
        table=with_interval(table),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed(table),
        method="Delete-one jackknife over accounts, t quantile",
    )


def churn_reasons(marts: Marts, *, start: date, end: date) -> Result:
    """MRR and accounts lost in the period by kind of end and stated reason, the largest first.

    Returns
    -------
    Result keyed by ``end_kind, reason``, money lost (positive); ``share`` is of all MRR lost to churn, ``effective_n``
    as how many accounts of equal size those lost count (Kish).
    """
    moved, _, _, notes = moves(marts, Period(start, end))
    gone = moved[moved["movement"] == "churn"]
    gone = gone.assign(
        end_kind=gone["end_kind"].where(gone["end_kind"].notna(), "not stated"),
        reason=gone["end_reason"].where(gone["end_reason"].notna(), "not stated"),
    )
    table = gone.groupby(["end_kind", "reason"], as_index=False).agg(
        estimate=("change", exact_sum), n=("customer_id", "nunique"), effective_n=("change", effective_n)
    )
    table["estimate"] = -table["estimate"].astype(float)
    table = table.sort_values(["estimate", "end_kind", "reason"], ascending=[False, True, True], kind="stable")
    table["share"] = table["estimate"] / positive(table["estimate"].sum())
    return Result(
        name="churn_reasons",
        table=amounts(table),
        keys=("end_kind", "reason"),
        unit="money",
        level=None,
        n_of="accounts",
        method="MRR at the last month end before the account left",
        notes=notes,
    )
