"""The same business in the other shapes that companies bring: a snapshot a month, or one row an account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .business import Simulation


def as_snapshots(simulation: Simulation) -> Simulation:
    """With ``mrr_snapshots`` instead of ``subscriptions``: MRR, plan and seats at the close of every month observed.

    Terms, add-ons, reasons and whatever happened within a month are lost, as they are in such an export.
    """
    lines = simulation.tables["subscriptions"]
    first = pd.Timestamp(simulation.truth["observed_from"]) + pd.Timedelta(days=1)
    parts = []
    for month in pd.date_range(first, periods=simulation.truth["months"], freq="MS"):
        close = month + pd.offsets.MonthEnd(0)
        held = lines[(lines["start_date"] <= close) & ~(lines["end_date"] <= close)]
        plan = held[held["kind"] == "plan"].set_index("customer_id")
        mrr = held.groupby("customer_id")["mrr"].sum().round(2)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": mrr.index,
                    "month": month,
                    "mrr": mrr.to_numpy(),
                    "plan": plan["product"].reindex(mrr.index).to_numpy(),
                    "seats": plan["quantity"].reindex(mrr.index).to_numpy(),
                }
            )
        )
    others = {name: table for name, table in simulation.tables.items() if name != "subscriptions"}
    return replace(simulation, tables={"mrr_snapshots": pd.concat(parts, ignore_index=True), **others})


def as_flat(simulation: Simulation) -> Simulation:
    """One table, ``flat``: of the accounts that signed up in the months observed, how long they stayed before they
    first left for more than a month, whether they did, and what they pay or last paid.

    They were followed from their start. The opening stock is not in it: of that only those who stayed are known.
    """
    opening, close = (pd.Timestamp(simulation.truth[name]) for name in ("observed_from", "end"))
    customers = simulation.tables["customers"].set_index("customer_id")
    customers = customers[customers["signup_date"] > opening]
    lines = simulation.tables["subscriptions"]
    plans = lines[(lines["kind"] == "plan") & lines["customer_id"].isin(customers.index)]
    plans = plans.sort_values(["customer_id", "start_date"])
    gap = (plans["start_date"] - plans.groupby("customer_id")["end_date"].shift()).dt.days.fillna(0)
    spell = plans[(gap > 31).groupby(plans["customer_id"]).cumsum() == 0]
    last = spell.groupby("customer_id").tail(1).set_index("customer_id").reindex(customers.index)
    churned = last["end_date"].notna()
    # An account that left with tenure 12 left in its twelfth month; one that is still here has whole months behind it
    until = last["end_date"].fillna(close + pd.Timedelta(days=1)) - pd.Timedelta(days=1)
    began = customers["signup_date"]
    months = (until.dt.year - began.dt.year) * 12 + until.dt.month - began.dt.month
    months -= until.dt.day < np.minimum(began.dt.day, until.dt.days_in_month)
    known = [name for name, when in simulation.truth["known_at"].items() if when == "signup" and name != "referred"]
    table = pd.DataFrame({"tenure": months + churned, "churned": churned, "mrr": last["mrr"]})
    return replace(simulation, tables={"flat": table.join(customers[known]).reset_index()})
