"""How far a few large accounts decide the revenue figures."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.stats import intervals
from customer_value.stats.result import Result
from customer_value.studies.revenue.closed_group import whole_company
from customer_value.studies.revenue.columns import positive, with_interval


def influence(marts: Marts, *, start: date, end: date, confidence: float = 0.95) -> Result:
    """How far a few large accounts decide the revenue figures.

    Shares and the Gini coefficient describe the opening book as it is: nothing was sampled, so they have no interval.

    Returns
    -------
    Result keyed by ``measure``: ``effective_n`` (how many equal accounts would carry as much information),
    ``largest_share`` and ``top_ten_share`` of opening MRR, ``gini`` (0 where all pay alike, near 1 where one pays
    everything), ``net``, ``net_without_largest`` and ``net_without_most_influential`` (without the account whose
    absence moves it most, which need not be the largest). The column ``few_accounts`` says whether a few accounts
    decide the revenue figures.
    """
    base = _by_size(marts, start, end)
    size = base["start_mrr"].to_numpy(float)
    total = positive(size.sum())
    most = int(np.nanargmax(np.abs(_net_without(base) - _net(base)))) if len(base) > 1 else 0
    n = len(base)
    rows = [
        {"measure": "effective_n", "estimate": intervals.effective_n(size), "n": n, "unit": "count"},
        {"measure": "largest_share", "estimate": size[0] / total, "n": n, "unit": "share"},
        {"measure": "top_ten_share", "estimate": size[:10].sum() / total, "n": n, "unit": "share"},
        {"measure": "gini", "estimate": _gini(size), "n": n, "unit": "ratio"},
    ]
    for measure, accounts in {
        "net": base,
        "net_without_largest": base.iloc[1:],
        "net_without_most_influential": base.drop(base.index[most]),
    }.items():
        row = whole_company(accounts, confidence=confidence).loc["net"].to_dict()
        rows.append(row | {"measure": measure, "unit": "share"})
    table = with_interval(pd.DataFrame(rows))[["measure", "estimate", "low", "high", "n", "unit"]]
    return Result(
        name="influence",
        table=table.assign(few_accounts=bool(intervals.few_decide(size))),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts",
        method="Kish's effective number of accounts, Gini coefficient, net retention without one account",
    )


def largest_accounts(marts: Marts, *, start: date, end: date, top: int | None = None) -> Result:
    """The largest accounts when the period began: what share of revenue they pay, what became of it.

    Parameters
    ----------
    top : so many; None for all, the whole concentration curve

    Returns
    -------
    Result keyed by ``customer_id``, shares of opening MRR, the largest first: ``rank``, ``name`` (untrusted text),
    ``cumulative`` (share of this and all larger ones), ``opening_mrr``, ``closing_mrr`` (0 where it left, as in
    retention) and ``net_without`` (net retention of all others).
    """
    base = _by_size(marts, start, end)
    size = base["start_mrr"].to_numpy(float)
    share = size / positive(size.sum())
    table = pd.DataFrame(
        {
            "customer_id": base["customer_id"],
            "rank": np.arange(1, len(base) + 1),
            "name": base["name"],
            "estimate": share,
            "n": 1,
            "cumulative": np.cumsum(share),
            "opening_mrr": size,
            "closing_mrr": base["end_mrr"].to_numpy(float),
            "net_without": _net_without(base),
        }
    )
    return Result(
        name="largest_accounts",
        table=with_interval(table.head(top) if top is not None else table).reset_index(drop=True),
        keys=("customer_id",),
        unit="share",
        level=None,
        n_of="accounts",
        method=f"MRR at the close of {start}, as a share of all",
    )


def _by_size(marts: Marts, start: date, end: date) -> pd.DataFrame:
    """The opening accounts, the largest first."""
    base = period_base(marts, start=start, end=end)
    return base.sort_values(["start_mrr", "customer_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _net(base: pd.DataFrame) -> float:
    return base["end_mrr"].sum() / positive(base["start_mrr"].sum())


def _net_without(base: pd.DataFrame) -> np.ndarray:
    """Net retention of all the others, for each account; missing where there are none."""
    before, after = (base[column].to_numpy(float) for column in ("start_mrr", "end_mrr"))
    rest = before.sum() - before if len(base) > 1 else np.array([np.nan])
    return (after.sum() - after) / rest


def _gini(size: np.ndarray) -> float:
    """Gini coefficient: half the mean difference of two accounts, over the mean."""
    ordered = np.sort(size)
    n = len(ordered)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * positive(ordered.sum())) - (n + 1) / n)
