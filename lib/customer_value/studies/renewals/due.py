"""What falls due next, by account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.renewals import falling_due
from customer_value.stats.result import Result

WINDOWS = (90, 180)
"""Days ahead that renewals are listed for."""

PENDING = "pending"
_ABOUT = ("customer_id", "name", "owner", "status")


def upcoming(marts: Marts, *, days: int = WINDOWS[-1], least_term: int = 2) -> Result:
    """The accounts whose term runs out within so many days of the as-of day, and those whose term has just run out.

    An account is listed once, by its next due date. Which of them are at risk is for a prediction to say.

    Returns
    -------
    Result keyed by ``customer_id, due_date``, MRR, the largest first; ``when`` (``ahead``, or ``pending``: fell due
    within the grace and not decided), ``days_left`` (negative once due), ``arr``, ``term`` in months, ``plan``,
    ``name, owner`` (untrusted text).
    """
    as_of = pd.Timestamp(marts.meta.as_of)
    accounts = marts.frame("accounts")
    active = accounts[(accounts["status"] == "active") & (accounts["term_now"] >= least_term)]
    ahead = active[(active["next_due"] > as_of) & (active["next_due"] <= as_of + pd.Timedelta(days=days))]
    ahead = ahead.assign(due_date=ahead["next_due"], estimate=ahead["mrr_now"], term=ahead["term_now"], when="ahead")
    ahead = ahead.assign(plan=ahead["plan_now"])
    open_now = falling_due(marts, least_term=least_term)
    open_now = open_now[open_now["outcome"] == PENDING].assign(when=PENDING)
    open_now = open_now.rename(columns={"mrr_before": "estimate"}).merge(
        accounts[list(_ABOUT)], on="customer_id", how="left", validate="many_to_one"
    )
    # Who pays on after the due date has in all likelihood renewed; the list is of those where that is open.
    open_now = open_now[open_now["status"] != "active"]
    columns = ["customer_id", "due_date", "when", "estimate", "term", "plan", "name", "owner"]
    table = pd.concat([frame[columns] for frame in (ahead, open_now) if len(frame)] or [ahead[columns]])
    table = table.assign(days_left=(table["due_date"] - as_of).dt.days, arr=12 * table["estimate"], n=1)
    table = table.sort_values(["estimate", "due_date", "customer_id"], ascending=[False, True, True], kind="stable")
    return Result(
        name="renewals_ahead",
        table=table.reset_index(drop=True),
        keys=("customer_id", "due_date"),
        unit="money",
        level=None,
        n_of="accounts",
        method=f"Accounts active at the as-of close whose term runs out within {days} days of it, by MRR",
    )


def due_soon(marts: Marts, *, windows: Sequence[int] = WINDOWS, least_term: int = 2) -> Result:
    """How much falls due within so many days, in total.

    Returns
    -------
    Result keyed by ``days``, MRR of the accounts whose next due date lies within so many days of the as-of day (each
    window holds the shorter ones); ``n`` counts accounts, ``share`` is of all MRR, ``largest_share`` that of the
    largest account within the window. The row of 0 days holds what has fallen due and is not decided, of accounts that
    have stopped paying.
    """
    listed = upcoming(marts, days=max(windows), least_term=least_term).table
    total = float(marts.frame("accounts")["mrr_now"].sum())
    rows = []
    for days in (0, *sorted(windows)):
        inside = (
            listed[listed["when"] == PENDING]
            if days == 0
            else listed[(listed["when"] != PENDING) & (listed["days_left"] <= days)]
        )
        mrr = float(inside["estimate"].sum())
        rows.append(
            {
                "days": days,
                "estimate": mrr,
                "n": len(inside),
                "share": mrr / total if total > 0 and days else np.nan,
                "largest_share": float(inside["estimate"].max()) / mrr if mrr > 0 else np.nan,
            }
        )
    return Result(
        name="renewals_due_soon",
        table=pd.DataFrame(rows),
        keys=("days",),
        unit="money",
        level=None,
        n_of="accounts",
        method="MRR of accounts active at the as-of close, by their next due date",
    )
