"""How much of what the opening accounts paid is still paid, and what they added."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort, intervals
from customer_value.stats.result import Result
from customer_value.studies.revenue.columns import in_order, positive, suppressed
from customer_value.studies.revenue.moved import moves, provisional


def retention(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Logo, gross and net revenue retention of the accounts active at the close of ``start``.

    Returns
    -------
    Result keyed by ``metric``, shares: ``logo, gross, net`` over all of them; ``logo_due, gross_due, net_due`` among
    those whose contract term came due in the period, who alone were free to leave (absent where the data state no
    terms); ``gross_movements`` from the period's movements, which counts every decrease even where it was later made
    good, and losses of accounts won since; ``returned``, the MRR of accounts that left and came back, over opening MRR
    (in none of the others).
    Columns besides the usual: ``events`` (accounts lost), ``effective_n``, ``largest_share``, ``few_accounts``,
    ``opening_mrr``.

    Raises
    ------
    SettingsError : no account was active at the close of ``start``
    """
    base = period_base(marts, start=start, end=end)
    everyone = whole_company(base, confidence=confidence)
    due = base[base["due"].astype(bool)]
    among_due = closed_cohort.estimates(
        due["start_mrr"], due["end_mrr"], due["lost"], confidence=confidence, min_group=min_group
    )
    rows = [everyone.loc[metric].to_dict() | {"metric": metric} for metric in ("logo", "gross", "net")]
    stated = bool(base["term"].notna().any())
    if stated:
        rows += [among_due.loc[metric].to_dict() | {"metric": f"{metric}_due"} for metric in ("logo", "gross", "net")]
    opening = base["start_mrr"].sum()
    rows.append(_gross_by_movements(marts, Period(start, end), confidence=confidence))
    came_back = base["returned_mrr"].astype(float) > 0
    rows.append(
        {
            "metric": "returned",
            "estimate": base["returned_mrr"].astype(float).sum() / positive(opening),
            "n": len(base),
            "events": int(came_back.sum()),
        }
    )
    table = pd.DataFrame(rows)
    table["opening_mrr"] = [opening] * 3 + [due["start_mrr"].sum()] * 3 * stated + [opening] * 2
    return Result(
        name="retention",
        table=in_order(table, "metric", closed_cohort.COLUMNS, "opening_mrr"),
        keys=("metric",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed(table),
        method=closed_cohort.METHOD,
        notes=(*_due_note(base), *provisional(marts, base, Period(start, end))),
    )


def monthly_trend(marts: Marts, *, months: int = 24, confidence: float = 0.95) -> Result:
    """Logo, gross and net revenue retention of each of the last calendar months.

    Single months, never overlapping twelve-month windows: neighbouring windows share eleven months, and look smooth
    because of it.

    Returns
    -------
    Result keyed by ``metric, month``, shares.
    """
    source = marts.table("calendar_months")
    opened = (
        source.select(
            "month",
            "customer_id",
            "opening_active",
            opening=source.opening_mrr.cast("float64"),
            closing=source.closing_mrr.cast("float64"),
            lost=source.movement == "churn",
        )
        .order_by("month", "customer_id")
        .execute()
    )
    rows = []
    for month in sorted(opened["month"].unique())[-months:]:
        accounts = opened[(opened["month"] == month) & opened["opening_active"]]
        found = closed_cohort.estimates(
            accounts["opening"], accounts["closing"], accounts["lost"], confidence=confidence, min_group=1
        )
        rows += [
            found.loc[metric].to_dict() | {"metric": metric, "month": month} for metric in ("net", "gross", "logo")
        ]
    table = pd.DataFrame(rows, columns=["metric", "month", *closed_cohort.COLUMNS])
    table["place"] = table["metric"].map(("net", "gross", "logo").index)
    table = table.sort_values(["place", "month"], kind="stable").reset_index(drop=True)
    return Result(
        name="monthly_retention",
        table=in_order(table, "metric", "month", closed_cohort.COLUMNS),
        keys=("metric", "month"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=f"Month end to month end. {closed_cohort.METHOD}",
    )


def decomposition(
    marts: Marts,
    *,
    start: date,
    end: date,
    high_gross: float = 0.90,
    strong_expansion: float = 0.10,
    confidence: float = 0.95,
) -> Result:
    """How net revenue retention arises: what is kept, and what the accounts that stay add.

    The same net figure can come from keeping nearly everything and growing a little, or from losing much and growing a
    lot; the second needs ever more expansion to stand still.

    Parameters
    ----------
    high_gross, strong_expansion : yearly cuts, scaled to the period's length: from here on gross retention is called
        high, and expansion strong

    Returns
    -------
    Result keyed by ``part``, shares of opening MRR: ``gross`` (kept), ``expansion`` (added), ``net`` (their sum);
    ``cut`` is the scaled cut and ``verdict`` is ``high``, ``low`` or ``unclear`` when the interval holds the cut.
    """
    base = period_base(marts, start=start, end=end)
    years = Period(start, end).months / 12
    cuts = {"gross": high_gross**years, "expansion": strong_expansion * years}
    found = whole_company(base, confidence=confidence)
    rows = [
        found.loc["gross"].to_dict() | {"part": "gross"},
        found.loc["expansion_mrr"].to_dict() | {"part": "expansion"},
        found.loc["net"].to_dict() | {"part": "net"},
    ]
    table = pd.DataFrame(rows)
    table["cut"] = table["part"].map(cuts).astype(float)
    table["verdict"] = [against(row, row["cut"]) for _, row in table.iterrows()]
    return Result(
        name="net_retention_decomposition",
        table=in_order(table, "part", closed_cohort.COLUMNS, "cut", "verdict"),
        keys=("part",),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=closed_cohort.METHOD,
    )


def whole_company(base: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """Estimates of all opening accounts; the whole company shows however small it is."""
    return closed_cohort.estimates(base["start_mrr"], base["end_mrr"], base["lost"], confidence=confidence, min_group=1)


def _due_note(base: pd.DataFrame) -> tuple[str, ...]:
    if base["term"].isna().all():
        return ("The data state no contract terms, so nothing can be said of accounts that came due.",)
    return () if base["due"].any() else ("No contract term came due in the period.",)


def _gross_by_movements(marts: Marts, period: Period, *, confidence: float) -> dict[str, object]:
    """Gross retention as movements give it: one less every decrease of the period over opening MRR."""
    moved, opening, _, _ = moves(marts, period)
    losses = moved[moved["movement"].isin(["contraction", "churn"])].groupby("customer_id")["change"].sum()
    accounts = sorted(set(opening.index) | set(losses.index))
    lost = -losses.reindex(accounts).fillna(Decimal(0)).astype(float).to_numpy()
    before = opening.reindex(accounts).fillna(Decimal(0)).astype(float).to_numpy()
    row = {
        "metric": "gross_movements",
        "n": len(opening),
        "events": int((lost > 0).sum()),
        "effective_n": intervals.effective_n(before),
        "largest_share": intervals.largest_share(before),
        "few_accounts": intervals.few_decide(before),
    }
    found = intervals.ratio_jackknife(before - lost, before, confidence=confidence)
    return row | {"estimate": found.estimate, "low": found.low, "high": found.high}


def against(row: pd.Series, cut: float) -> str | None:
    """Whether an estimate's interval lies above or below a cut."""
    if pd.isna(cut) or pd.isna(row["low"]) or pd.isna(row["high"]):
        return None
    if row["low"] >= cut:
        return "high"
    return "low" if row["high"] < cut else "unclear"
