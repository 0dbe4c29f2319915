"""Actual figures against the company's targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.dates import close_of_month
from customer_value.stats.result import Result
from customer_value.studies.revenue.closed_group import whole_company
from customer_value.studies.revenue.columns import in_order, suppressed

YEARLY = {"nrr": "net", "grr": "gross", "logo_retention": "logo"}
"""Retention that targets are set for: of the twelve months up to a month's close, as a share (1.05 for 105 %)."""

_LARGEST_SHARE = 5
"""A share above it was meant as a percentage: no closed group multiplies its revenue so in a year."""


@dataclass(frozen=True)
class _Measure:
    """How a month's books say what a metric was, in which unit, and whether more (1) or less (-1) of it is better."""

    unit: str
    of: Callable[[pd.DataFrame], float]
    sign: int = 1


def _moved(movement: str, sign: int) -> Callable[[pd.DataFrame], float]:
    return lambda month: sign * float(month.loc[month["movement"] == movement, "change"].sum())


_MONTHLY = {
    "mrr": _Measure("money", lambda month: float(month["closing"].sum())),
    "arr": _Measure("money", lambda month: 12 * float(month["closing"].sum())),
    "active_accounts": _Measure("count", lambda month: float(month["closing_n"].sum())),
    "new_mrr": _Measure("money", _moved("new", 1)),
    "expansion_mrr": _Measure("money", _moved("expansion", 1)),
    "reactivation_mrr": _Measure("money", _moved("reactivation", 1)),
    "contraction_mrr": _Measure("money", _moved("contraction", -1), sign=-1),
    "churned_mrr": _Measure("money", _moved("churn", -1), sign=-1),
    "new_accounts": _Measure("count", lambda month: float(month.loc[month["movement"] == "new", "n"].sum())),
    "churned_accounts": _Measure(
        "count", lambda month: float(month.loc[month["movement"] == "churn", "n"].sum()), sign=-1
    ),
}

COMPARED = (*_MONTHLY, *YEARLY)
"""Metrics that targets can be set for. Money lost, and accounts lost, are positive; less of them is better."""

_COLUMNS = ("estimate", "low", "high", "n", "target", "gap", "of_target", "met", "unit")


def against_targets(marts: Marts, *, confidence: float = 0.95) -> Result:
    """Every target of a month that has passed, beside what came of it.

    Money and accounts are of the month (movements) or at its close (state). Retention is of the twelve months up to
    its close, missing where the data do not reach back so far; it alone has an interval, since it alone estimates
    anything. ``met`` is about the figure as it is: whether it reached the target.

    Returns
    -------
    Result keyed by ``metric, month``: ``estimate`` (actual), ``low, high, n``, ``target``, ``gap`` (actual less
    target), ``of_target`` (actual over target), ``met`` (at least the target, or, of losses, at most; missing where
    there is no figure). Targets of other metrics, and shares that seem to be percentages, are named in the notes.

    Raises
    ------
    SettingsError : the data have no targets
    """
    if not marts.has("targets"):
        raise SettingsError(
            "There are no targets to compare with.\n"
            "  remedy:   bring the table targets (month, metric, value), or leave this out"
        )
    targets = marts.frame("targets")
    targets["metric"] = targets["metric"].str.strip().str.lower().str.replace(r"[\s-]+", "_", regex=True)
    # Written differently, one metric may have two targets for a month; the last in the table's order counts.
    targets = targets.drop_duplicates(["metric", "month"], keep="last")
    known = targets["metric"].isin(COMPARED)
    percent = targets["metric"].isin(YEARLY) & (targets["value"] > _LARGEST_SHARE)
    compared = targets[known & ~percent].assign(place=lambda table: table["metric"].map(COMPARED.index))
    books = _books(marts)
    rows = [
        {"metric": row.metric, "month": row.month, "target": row.value}
        | (
            _of_the_year(marts, row.month, row.metric, confidence)
            if row.metric in YEARLY
            else _of_the_month(books, row.month, row.metric)
        )
        for row in compared.sort_values(["place", "month"]).itertuples()
    ]
    table = pd.DataFrame(rows, columns=["metric", "month", *_COLUMNS])
    table = table.astype(dict.fromkeys(("estimate", "low", "high", "target", "gap", "of_target"), float))
    table["gap"] = table["estimate"] - table["target"]
    table["of_target"] = table["estimate"] / table["target"].where(table["target"] > 0)
    sign = table["metric"].map({name: measure.sign for name, measure in _MONTHLY.items()}).fillna(1)
    met = (sign * table["gap"] >= 0).astype(object)
    table["met"] = met.where(table["estimate"].notna(), None)
    return Result(
        name="actual_against_target",
        table=in_order(table, "metric", "month", _COLUMNS),
        keys=("metric", "month"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed(table),
        method="Figures of each month as everywhere in this chapter; retention of the twelve months up to its close",
        notes=(*_unknown(targets.loc[~known, "metric"]), *_percentages(targets[percent])),
    )


def _books(marts: Marts) -> dict[pd.Timestamp, pd.DataFrame]:
    """Sums of every calendar month, by movement."""
    months = marts.table("calendar_months")
    cells = (
        months.group_by("month", "movement")
        .agg(
            change=months.change.sum(),
            closing=months.closing_mrr.sum(),
            n=months.count(),
            closing_n=months.closing_active.sum(),
        )
        .order_by("month", "movement")
        .execute()
    )
    return {pd.Timestamp(month): cell for month, cell in cells.groupby("month")}


def _of_the_month(books: dict[pd.Timestamp, pd.DataFrame], month: pd.Timestamp, metric: str) -> dict[str, object]:
    measure = _MONTHLY[metric]
    if month not in books:
        return {"unit": measure.unit, "n": 0}
    cell = books[month]
    return {"estimate": measure.of(cell), "n": int(cell["closing_n"].sum()), "unit": measure.unit}


def _of_the_year(marts: Marts, month: pd.Timestamp, metric: str, confidence: float) -> dict[str, object]:
    end = close_of_month(month.date())
    start = close_of_month(date(end.year - 1, end.month, 1))
    row = {"unit": "share", "n": 0}
    if start < marts.meta.complete_from or end > marts.meta.as_of:
        return row
    try:
        base = period_base(marts, start=start, end=end)
    except SettingsError:
        # Nobody was a customer a year before: there is nothing to keep.
        return row
    found = whole_company(base, confidence=confidence).loc[YEARLY[metric]]
    return row | {name: found[name] for name in ("estimate", "low", "high", "n")}


def _unknown(names: pd.Series) -> tuple[str, ...]:
    if names.empty:
        return ()
    listed = ", ".join(f"“{name}”" for name in sorted(names.unique()))
    return (f"Not compared, because no such figure is reckoned: {listed}. There are: {', '.join(COMPARED)}.",)


def _percentages(rows: pd.DataFrame) -> tuple[str, ...]:
    if rows.empty:
        return ()
    listed = ", ".join(sorted(rows["metric"].unique()))
    example = f"{float(rows['value'].iloc[0]):g}"
    share = f"{float(np.round(rows['value'].iloc[0] / 100, 6)):g}"
    return (f"Not compared, because the target seems to be a percentage: {listed}. Write {share} for {example} %.",)
