"""What is billed ahead: the deferred balance, what moves it, and when it will be earned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.billing import FLOWS, deferred_months, schedule, unbilled
from customer_value.marts.levels import Levels
from customer_value.stats.result import Result

RULE = (
    "Derived from subscriptions: each row is billed in advance for whole billing periods from the start of its term, "
    "earned evenly by the day, and credited with what is left if it ends before its bill runs out"
)


def deferred_revenue(marts: Marts) -> Result:
    """The deferred balance at every month's open and close, and what was billed, credited and earned in between.

    Returns
    -------
    Result keyed by ``month, flow`` (`customer_value.marts.billing.FLOWS`), money: opening + billed − credited −
    recognised = closing to the penny, and each month opens with what the last one closed with. No rows where no
    billing period is stated.
    """
    found = deferred_months(marts)
    months = (found.set_index("month")[list(FLOWS)] * 100).round().groupby(level="month").sum() / 100
    table = months.rename_axis(columns="flow").stack().rename("estimate").reset_index()
    return Result(
        name="deferred_revenue",
        table=table.assign(n=np.nan),
        keys=("month", "flow"),
        unit="money",
        level=None,
        n_of="bills",
        method=RULE,
        notes=_notes(marts),
    )


def future_recognition(marts: Marts, *, months: int | None = None) -> Result:
    """When the balance at the as-of close will be earned, if every bill runs its course.

    Parameters
    ----------
    months : single months shown; what lies beyond is added up in the last; None for all

    Returns
    -------
    Result keyed by ``month, term`` (billing periods by name), money; all rows add up to the balance to the penny.
    """
    found = schedule(marts)
    if found.empty:
        table = pd.DataFrame(columns=["month", "term", "estimate", "n"]).astype({"estimate": float})
    else:
        named = Levels("term").name(found["term"]).astype(str)
        table = found.assign(term=named, estimate=found["recognised"], n=np.nan)[["month", "term", "estimate", "n"]]
        table = table[table["estimate"] != 0].reset_index(drop=True)
    if months is not None and len(table):
        ordered = sorted(table["month"].unique())
        last = ordered[min(months, len(ordered)) - 1]
        pennies = (table["estimate"] * 100).round()
        table = (
            table.assign(month=table["month"].clip(upper=last), estimate=pennies)
            .groupby(["month", "term"], as_index=False, sort=False)["estimate"]
            .sum()
            .assign(n=np.nan, estimate=lambda rows: rows["estimate"] / 100)
        )
    return Result(
        name="future_recognition",
        table=table,
        keys=("month", "term"),
        unit="money",
        level=None,
        n_of="bills",
        method=RULE,
        notes=_notes(marts),
    )


def _notes(marts: Marts) -> tuple[str, ...]:
    silent = unbilled(marts)
    return (f"Rows of revenue without a billing period, in no figure here: {silent:,}.",) if silent else ()
