"""What is left of each cohort at each age: accounts, and what they pay."""

from __future__ import annotations

import pandas as pd

from customer_value.errors import DataError
from customer_value.marts import Marts
from customer_value.marts.cohorts import cohort_names, cohort_start, pooled_grain
from customer_value.marts.store import to_pandas
from customer_value.stats import disclosure, intervals
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.subjects import MONTH_NOTE, choose, subject_notes

METRICS = ("logos", "gross", "net")
"""What a triangle can show: accounts, revenue without growth, revenue with growth."""

GRAINS = ("month", "quarter", "year")
"""Lengths of a row, finest first; small cohorts are pooled to the next."""


def triangle(
    marts: Marts,
    *,
    metric: str = "logos",
    grain: str = "month",
    horizon: int | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """What is left of each cohort at each age.

    A cell is there only once every account of its cohort has reached the age, so that a row follows one set of accounts
    and a row of logos never rises. Where cohorts of the grain are too small they are pooled: months to quarters, then
    years, until those too small to show hold at most a tenth of all accounts.

    Parameters
    ----------
    metric : ``logos`` (share of accounts not churned so far), ``gross`` (share of first MRR kept, growth not counted)
        or ``net`` (MRR over first MRR, returners included)
    grain : finest length of a cohort: ``month``, ``quarter`` or ``year``
    horizon : last age in months

    Returns
    -------
    Result keyed by ``cohort, age``; ``n`` accounts; columns ``cohort_start`` (first day) and ``few_accounts`` (a few
    accounts decide the cell; for revenue). Logos: Wilson. Gross: Wilson on the effective number of accounts. Net:
    delete-one jackknife.

    Raises
    ------
    SettingsError : the metric or the grain is unknown
    DataError : the data have no cohorts: a flat table has no dates
    """
    choose("metric", metric, METRICS)
    choose("grain", grain, GRAINS)
    if not marts.has("age_months"):
        raise DataError(
            "Cohorts need the date at which accounts began", table="flat", remedy="bring a table of subscriptions"
        )
    months = marts.table("age_months")
    if horizon is not None:
        months = months.filter(months.age <= horizon)
    rows = to_pandas(months.select("customer_id", "cohort_month", "age", "start_mrr", "mrr", "retained", "gross_mrr"))
    sizes = rows[rows["age"] == 0]
    grain_used = pooled_grain(sizes["cohort_month"], grain, fewest=min_group, grains=GRAINS)
    rows = rows.assign(cohort_start=cohort_start(rows["cohort_month"], grain_used))
    rows = rows.sort_values(["cohort_start", "age", "customer_id"], kind="stable", ignore_index=True)
    cells = rows.groupby(["cohort_start", "age"], sort=True)
    rows["cell"] = cells.ngroup()
    table = cells.agg(n=("age", "size"), kept=("retained", "sum")).reset_index()
    by_money = _money_cells(rows, metric, confidence)
    if metric == "logos":
        estimate, low, high = intervals.wilson(table["kept"], table["n"], confidence=confidence)
        table = table.assign(estimate=estimate, low=low, high=high, few_accounts=False)
    else:
        table = table.join(by_money)
    whole = table.groupby("cohort_start")["n"].transform("max")
    table = table[table["n"] == whole].drop(columns="kept")
    table.insert(0, "cohort", cohort_names(table["cohort_start"], grain_used))
    # At age 0 everything is there by definition, and nothing is uncertain about it.
    table.loc[table["age"] == 0, ["low", "high"]] = 1.0
    table.loc[table["age"] == 0, "few_accounts"] = False
    table, suppressed = disclosure.suppress(table, min_group=min_group)
    method = {
        "logos": "Share of a cohort's accounts not churned by the age; Wilson",
        "gross": "First MRR kept by the age, growth not counted; Wilson on the effective number of accounts",
        "net": "MRR at the age over first MRR, returners included; delete-one jackknife, t quantile",
    }[metric]
    notes = list(subject_notes(marts.meta, None))
    if grain_used != grain:
        notes.append(f"Cohorts by {grain} would be too small to show; they are pooled by {grain_used}.")
    return Result(
        name=f"{metric}_triangle",
        table=table.reset_index(drop=True),
        keys=("cohort", "age"),
        unit="share" if metric != "net" else "ratio",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=method,
        notes=(*notes, MONTH_NOTE),
    )


def _money_cells(rows: pd.DataFrame, metric: str, confidence: float) -> pd.DataFrame:
    """Gross or net of each cell, in the order of the cells' numbers."""
    columns = ["estimate", "low", "high", "few_accounts"]
    if metric == "logos" or rows.empty:
        return pd.DataFrame(columns=columns)
    kept = "gross_mrr" if metric == "gross" else "mrr"
    found = intervals.ratio_jackknife_by(rows[kept], rows["start_mrr"], rows["cell"], confidence=confidence)
    if metric == "gross":
        share, low, high = intervals.wilson(
            found["estimate"].clip(0, 1), 1, confidence=confidence, effective_n=found["effective_n"]
        )
        found = found.assign(estimate=share, low=low, high=high)
    few = (found["effective_n"] < intervals.FEW_EFFECTIVE) | ~(found["largest_share"] <= intervals.FEW_SHARE)
    return found.assign(few_accounts=few)[columns]
