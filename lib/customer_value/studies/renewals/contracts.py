"""On which terms accounts are: the mix at every month's close, and what changed it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import state_at
from customer_value.marts.levels import Levels
from customer_value.marts.store import to_pandas
from customer_value.stats.result import Result

MEASURES = ("accounts", "mrr")


def contract_mix(marts: Marts) -> Result:
    """Share of accounts and of MRR on each contract term, at the close of every month.

    The term of an account is that of its largest plan; all that it pays counts with it. Counted, not estimated.

    Returns
    -------
    Result keyed by ``measure, term, month`` (`MEASURES`; terms by name, shortest first), shares; ``n`` counts accounts
    on the term, ``mrr`` is their revenue.
    """
    months = marts.table("calendar_months")
    active = months.filter(months.closing_active)
    cells = to_pandas(
        active.group_by("month", "closing_term")
        .agg(n=active.count(), mrr=active.closing_mrr.sum())
        .order_by("month", "closing_term")
    )
    naming = Levels("term")
    cells = cells.assign(term=naming.name(cells["closing_term"]))
    cells = cells.groupby(["term", "month"], as_index=False, observed=True)[["n", "mrr"]].sum()
    every = pd.MultiIndex.from_product(
        [cells["term"].cat.categories, sorted(cells["month"].unique())], names=["term", "month"]
    )
    # A term that nobody is on in some month has no share of it, not an unknown one.
    cells = cells.astype({"term": str}).set_index(["term", "month"]).reindex(every, fill_value=0).reset_index()
    totals = cells.groupby("month")[["n", "mrr"]].transform("sum")
    table = pd.concat(
        [
            cells.assign(measure=measure, estimate=cells[column] / totals[column].where(totals[column] > 0))
            for measure, column in zip(MEASURES, ("n", "mrr"), strict=True)
        ],
        ignore_index=True,
    )
    return Result(
        name="contract_mix",
        table=table[["measure", "term", "month", "estimate", "n", "mrr"]],
        keys=("measure", "term", "month"),
        unit="share",
        level=None,
        n_of="accounts",
        method="Accounts active at each month's close by the term of their largest plan; a contract for a year that "
        "is billed by the month counts as monthly",
    )


def mix_shift(marts: Marts, *, start: date, end: date) -> Result:
    """What changed the mix between two closes: accounts that moved between terms, came, or left.

    Returns
    -------
    Result keyed by ``term``, counts: ``estimate`` accounts at the close of ``end``, and ``opening, moved_in,
    moved_out, won, left`` with opening + moved in − moved out + won − left = closing (``won`` includes those who came
    back), ``mrr_opening, mrr_closing`` and the shares of revenue ``share_opening, share_closing``.
    """
    before, after = (state_at(marts, day)[["customer_id", "mrr", "term"]] for day in (start, end))
    both = before.merge(after, on="customer_id", how="outer", suffixes=("_before", "_after"), indicator=True)
    naming = Levels("term")
    ends = pd.concat([both["term_before"], both["term_after"]], ignore_index=True)
    names = naming.name(ends)
    was, now = (names.iloc[: len(both)].to_numpy(), names.iloc[len(both) :].to_numpy())
    stayed, left, won = (both["_merge"] == kind for kind in ("both", "left_only", "right_only"))
    rows = []
    for term in names.cat.categories:
        own_before, own_after = (was == term) & (stayed | left), (now == term) & (stayed | won)
        row = {
            "term": term,
            "estimate": own_after.sum(),
            "opening": own_before.sum(),
            "moved_in": (own_after & stayed & (was != term)).sum(),
            "moved_out": (own_before & stayed & (now != term)).sum(),
            "won": (own_after & won).sum(),
            "left": (own_before & left).sum(),
            "mrr_opening": both.loc[own_before, "mrr_before"].sum(),
            "mrr_closing": both.loc[own_after, "mrr_after"].sum(),
        }
        if row["opening"] or row["estimate"]:
            rows.append(row)
    table = pd.DataFrame(rows)
    for side in ("opening", "closing"):
        table[f"share_{side}"] = table[f"mrr_{side}"] / (table[f"mrr_{side}"].sum() or np.nan)
    return Result(
        name="contract_shift",
        table=table.assign(n=table["estimate"]),
        keys=("term",),
        unit="count",
        level=None,
        n_of="accounts",
        method=f"Every account's term at the closes of {start} and {end}",
    )
