"""Billed, earned and collected: what the company's own invoices say of payment."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.billing import BANDS, cash_months, deferred_months, left_out, owed_now, payers
from customer_value.stats import closed_cohort
from customer_value.stats.result import Result

STREAMS = ("billed", "recognised", "collected")
MEASURES = ("late", "late_amount", "failed", "failed_amount")
"""Of the bills that fell due: the share paid late or not at all, by number and by amount, and the share that failed."""

SALES_MONTHS = 3
"""Months of bills that days sales outstanding set what is owed against."""


def cash(marts: Marts) -> Result:
    """What was billed, earned and collected in every month that invoices cover.

    Returns
    -------
    Result keyed by ``stream, month`` (`STREAMS`), money. ``billed`` and ``collected`` are the invoices',
    ``recognised`` is derived from subscriptions. ``n`` counts bills issued.
    """
    found = cash_months(marts)
    earned = deferred_months(marts).groupby("month")["recognised"].sum()
    found = found.assign(recognised=found["month"].map(earned))
    table = pd.concat(
        [found[["month"]].assign(stream=stream, estimate=found[stream], n=found["bills"]) for stream in STREAMS],
        ignore_index=True,
    )
    return Result(
        name="billed_earned_collected",
        table=table[["stream", "month", "estimate", "n"]],
        keys=("stream", "month"),
        unit="money",
        level=None,
        n_of="bills",
        method="Billed and collected as invoiced, by day of issue and of payment; earned evenly by the day over the "
        "days that subscriptions were billed for",
        notes=_notes(marts),
    )


def takings(marts: Marts, *, start: date, end: date) -> Result:
    """Billed, earned and collected in total over the whole months of a period, what is owed at its end, and how long
    it takes.

    Returns
    -------
    Result keyed by ``measure``, unit by row: ``billed, recognised, collected, owed, overdue`` (money; the last two at
    the close of the last whole month) and ``days_outstanding`` (what is owed over what was billed in the
    `SALES_MONTHS` months before, in days; missing where nothing was billed).
    """
    months = cash_months(marts)
    earned = deferred_months(marts).groupby("month")["recognised"].sum()
    months = months.assign(recognised=months["month"].map(earned))
    closes = months["month"] + pd.offsets.MonthEnd(0)
    inside = months[(months["month"] > pd.Timestamp(start)) & (closes <= pd.Timestamp(end))]
    rows = [{"measure": stream, "estimate": inside[stream].sum(), "unit": "money"} for stream in STREAMS]
    if len(inside):
        last = inside.iloc[-1]
        rows += [{"measure": name, "estimate": last[name], "unit": "money"} for name in ("owed", "overdue")]
        recent = months[months["month"] <= last["month"]].tail(SALES_MONTHS)
        billed, days = recent["billed"].sum(), recent["month"].dt.days_in_month.sum()
        outstanding = last["owed"] / billed * days if billed > 0 else np.nan
        rows.append({"measure": "days_outstanding", "estimate": outstanding, "unit": "count"})
    table = pd.DataFrame(rows).assign(n=inside["bills"].sum())
    return Result(
        name="takings",
        table=table,
        keys=("measure",),
        unit="by row",
        level=None,
        n_of="bills",
        method=f"Sums over whole months; days outstanding: owed over billed in the last {SALES_MONTHS} months, in days",
        notes=_notes(marts),
    )


def late_payment(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Of the bills that fell due in the period, the shares paid late (or not at all) and failed.

    An account that pays late tends to do so again, so accounts are what varies: Wilson on the number of bills that
    would be as precise if they were independent (Korn and Graubard 1998), from a delete-one jackknife over accounts.

    Returns
    -------
    Result keyed by ``measure`` (`MEASURES`), shares of bills or of their amount; ``events`` counts bills, ``n`` all
    that fell due, ``accounts`` those who were billed.
    """
    found = payers(marts, start=start, end=end)
    rows = []
    for measure in MEASURES:
        base = "amount" if measure.endswith("amount") else "bills"
        whole = found[base].astype(float).clip(lower=0)
        events = int(found[measure.removesuffix("_amount")].sum()) if len(found) else 0
        row = closed_cohort.clustered(
            found[measure].astype(float), whole, found["bills"], events=events, confidence=confidence,
            min_group=min_group,
        )  # fmt: skip
        rows.append(row | {"measure": measure, "accounts": len(found), "n": int(found["bills"].sum())})
    columns = ["measure", *closed_cohort.COLUMNS, "accounts"]
    return Result(
        name="late_payment",
        table=pd.DataFrame(rows).reindex(columns=columns),
        keys=("measure",),
        unit="share",
        level=confidence,
        n_of="bills",
        method="Bills that fell due between the two closes; Wilson on the effective number of bills, by a delete-one "
        "jackknife over accounts",
        notes=_notes(marts),
    )


def owed(marts: Marts) -> Result:
    """What is owed at the as-of close, by how long it is overdue.

    Returns
    -------
    Result keyed by ``band`` (`customer_value.marts.billing.BANDS`), money; ``n`` counts accounts, ``bills`` bills.
    """
    found = owed_now(marts)
    sums = found.groupby("band").agg(estimate=("amount", "sum"), bills=("bills", "sum"), n=("customer_id", "nunique"))
    table = sums.reindex(list(BANDS), fill_value=0).rename_axis("band").reset_index()
    return Result(
        name="owed_by_age",
        table=table,
        keys=("band",),
        unit="money",
        level=None,
        n_of="accounts",
        method="Bills not paid at the as-of close, by days since they were due",
        notes=_notes(marts),
    )


def owing_accounts(marts: Marts) -> Result:
    """The accounts with overdue bills, the largest sum first.

    Returns
    -------
    Result keyed by ``customer_id``, money overdue at the as-of close; ``bills``, ``oldest`` (the earliest due date),
    ``name, owner`` (untrusted text), ``status`` of the account and its ``mrr_now``.
    """
    found = owed_now(marts)
    overdue = found[found["band"] != BANDS[0]]
    sums = overdue.groupby("customer_id").agg(
        estimate=("amount", "sum"), bills=("bills", "sum"), oldest=("oldest", "min")
    )
    about = marts.frame("accounts")[["customer_id", "name", "owner", "status", "mrr_now"]]
    table = sums.reset_index().merge(about, on="customer_id", how="left", validate="one_to_one")
    table = table.sort_values(["estimate", "customer_id"], ascending=[False, True], kind="stable").reset_index(
        drop=True
    )
    return Result(
        name="owing_accounts",
        table=table.assign(n=1),
        keys=("customer_id",),
        unit="money",
        level=None,
        n_of="accounts",
        method="Bills not paid at the as-of close that were due before it",
        notes=_notes(marts),
    )


def _notes(marts: Marts) -> tuple[str, ...]:
    aside = left_out(marts)
    return (f"Bills left out as drafts, void or in another currency: {aside:,}.",) if aside else ()
