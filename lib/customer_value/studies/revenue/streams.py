"""Where recurring revenue came from and where it went: the five streams, and the accounts behind them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.periods import Period
from customer_value.stats import intervals
from customer_value.stats.result import Result
from customer_value.studies.revenue.columns import amounts, exact_sum, positive, with_interval
from customer_value.studies.revenue.moved import MOVEMENTS, moves

GAINS = ("new", "expansion", "reactivation")


def movements(marts: Marts) -> Result:
    """MRR at the open, the five movements and MRR at the close, for every month.

    Returns
    -------
    Result keyed by ``month, movement``, money, signed: ``opening``, the five of `MOVEMENTS`, ``closing``; in each month
    opening plus movements is closing to the penny. ``n`` counts accounts.
    """
    months = marts.table("calendar_months")
    cells = (
        months.group_by(["month", "movement"])
        .agg(
            change=months.change.sum(),
            opening=months.opening_mrr.sum(),
            closing=months.closing_mrr.sum(),
            n=months.count(),
            opening_n=months.opening_active.sum(),
            closing_n=months.closing_active.sum(),
            came_and_went=months.came_and_went.sum(),
        )
        .order_by(["month", "movement"])
        .execute()
    )
    rows = []
    for month, cell in cells.groupby("month", sort=True):
        streams = cell.set_index("movement")
        rows.append((month, "opening", exact_sum(cell["opening"]), cell["opening_n"].sum()))
        for movement in MOVEMENTS:
            moved = movement in streams.index
            change = streams.at[movement, "change"] if moved else Decimal(0)
            rows.append((month, movement, change, streams.at[movement, "n"] if moved else 0))
        rows.append((month, "closing", exact_sum(cell["closing"]), cell["closing_n"].sum()))
    table = pd.DataFrame(rows, columns=["month", "movement", "estimate", "n"])
    brief = int(cells["came_and_went"].sum()) if len(cells) else 0
    notes = (f"{brief} accounts started and ended within one month; they are no movement.",) if brief else ()
    return Result(
        name="mrr_movements",
        table=amounts(table),
        keys=("month", "movement"),
        unit="money",
        level=None,
        n_of="accounts",
        method="Change of each account's MRR from month end to month end, one kind an account and month",
        notes=notes,
    )


def waterfall(marts: Marts, *, start: date, end: date) -> Result:
    """From opening to closing MRR over the period.

    Where the period is whole calendar months this is the sum of the monthly movements; otherwise the two closes are
    compared and a note says so.

    Returns
    -------
    Result keyed by ``movement``, money, signed: ``opening``, `MOVEMENTS`, ``closing``; ``share`` is of opening MRR and
    ``n`` counts accounts.
    """
    moved, opening, closing, notes = moves(marts, Period(start, end))
    by_stream = dict(iter(moved.groupby("movement")))
    rows = [("opening", exact_sum(opening), len(opening))]
    for movement in MOVEMENTS:
        stream = by_stream.get(movement)
        rows.append(
            (movement, Decimal(0), 0)
            if stream is None
            else (movement, exact_sum(stream["change"]), stream["customer_id"].nunique())
        )
    rows.append(("closing", exact_sum(closing), len(closing)))
    table = amounts(pd.DataFrame(rows, columns=["movement", "estimate", "n"]))
    table["share"] = table["estimate"] / positive(table["estimate"].iloc[0])
    return Result(
        name="mrr_waterfall",
        table=table,
        keys=("movement",),
        unit="money",
        level=None,
        n_of="accounts",
        method=f"Movements of MRR from the close of {start} to the close of {end}",
        notes=notes,
    )


def arr_trend(marts: Marts) -> Result:
    """MRR, ARR (twelve times MRR) and active accounts at every month's close.

    Returns
    -------
    Result keyed by ``metric, month`` with metrics ``mrr, arr, accounts``; ``n`` counts active accounts.
    """
    months = marts.table("calendar_months")
    closes = (
        months.group_by("month")
        .agg(mrr=months.closing_mrr.sum(), accounts=months.closing_active.sum())
        .order_by("month")
        .execute()
    )
    mrr, accounts = closes["mrr"].astype(float), closes["accounts"].astype(float)
    values = {"mrr": (mrr, "money"), "arr": (12 * mrr, "money"), "accounts": (accounts, "count")}
    table = pd.concat(
        [
            pd.DataFrame(
                {"metric": metric, "month": closes["month"], "estimate": value, "n": closes["accounts"], "unit": unit}
            )
            for metric, (value, unit) in values.items()
        ],
        ignore_index=True,
    )
    return Result(
        name="arr_trend",
        table=amounts(table),
        keys=("metric", "month"),
        unit="by row",
        level=None,
        n_of="accounts",
        method="State at each month's close; ARR is twelve times MRR",
    )


def top_movers(marts: Marts, *, start: date, end: date, top: int | None = None) -> Result:
    """The accounts behind every movement of the period, the largest first.

    Parameters
    ----------
    top : at most so many accounts a movement; None for all

    Returns
    -------
    Result keyed by ``movement, customer_id``, money, signed, with ``rank`` within the movement, ``name`` (untrusted
    text), and the account's MRR at the two closes as ``opening_mrr`` and ``closing_mrr``.
    """
    moved, opening, closing, notes = moves(marts, Period(start, end))
    table = moved.groupby(["movement", "customer_id"], as_index=False)["change"].sum()
    accounts = marts.table("accounts").select("customer_id", "name").execute().set_index("customer_id")["name"]
    table["name"] = table["customer_id"].map(accounts)
    table["opening_mrr"] = table["customer_id"].map(opening).fillna(Decimal(0)).astype(float)
    table["closing_mrr"] = table["customer_id"].map(closing).fillna(Decimal(0)).astype(float)
    table["estimate"] = table["change"].astype(float)
    table["place"] = table["movement"].map(MOVEMENTS.index)
    table["size"] = table["estimate"].abs()
    table = table.sort_values(["place", "size", "customer_id"], ascending=[True, False, True], kind="stable")
    table["rank"] = table.groupby("movement").cumcount() + 1
    if top is not None:
        table = table[table["rank"] <= top]
    table = table.assign(low=np.nan, high=np.nan, n=1)
    columns = ["movement", "rank", "customer_id", "name", "estimate", "low", "high", "n", "opening_mrr", "closing_mrr"]
    return Result(
        name="top_movers",
        table=table[columns].reset_index(drop=True),
        keys=("movement", "customer_id"),
        unit="money",
        level=None,
        n_of="accounts",
        method=f"Sum of each account's movements from the close of {start} to the close of {end}",
        notes=notes,
    )


def quick_ratio(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """MRR gained (new, expansion, reactivation) for each unit lost (contraction, churn).

    Undefined, not infinite, where nothing was lost.

    Returns
    -------
    Result keyed by ``measure``: ``gains`` and ``losses`` (money, both positive) and ``quick_ratio``.
    """
    moved, _, _, notes = moves(marts, Period(start, end))
    change = moved["change"].astype(float)
    gained = change.where(moved["movement"].isin(GAINS), 0.0).groupby(moved["customer_id"]).sum()
    lost = -change.where(~moved["movement"].isin(GAINS), 0.0).groupby(moved["customer_id"]).sum()
    rows = [
        {"measure": "gains", "estimate": gained.sum(), "n": int((gained > 0).sum()), "unit": "money"},
        {"measure": "losses", "estimate": lost.sum(), "n": int((lost > 0).sum()), "unit": "money"},
    ]
    ratio = {"measure": "quick_ratio", "estimate": np.nan, "n": len(gained), "unit": "ratio"}
    if lost.sum() > 0:
        found = intervals.ratio_jackknife(gained.to_numpy(), lost.to_numpy(), confidence=confidence)
        ratio |= {"estimate": found.estimate, "low": found.low, "high": found.high}
    else:
        notes = (*notes, "Nothing was lost in the period, so the quick ratio is undefined.")
    return Result(
        name="quick_ratio",
        table=with_interval(pd.DataFrame([*rows, ratio])),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts that moved",
        method="MRR gained over MRR lost; delete-one jackknife over accounts, t quantile",
        notes=notes,
    )
