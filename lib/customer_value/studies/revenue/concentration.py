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

    Returns
    -------
    Result keyed by ``measure``: ``effective_n`` (how many equal accounts would carry as much information),
    ``largest_share`` and ``top_ten_share`` of opening MRR, ``gini``, ``net``, and ``net_without_largest``. The column
    ``few_accounts`` says whether a few accounts decide the revenue figures.
    """
    base = period_base(marts, start=start, end=end).sort_values(
        ["start_mrr", "customer_id"], ascending=[False, True], kind="stable"
    )
    size = base["start_mrr"].to_numpy(float)
    total = positive(size.sum())
    everyone = whole_company(base, confidence=confidence)
    without = whole_company(base.iloc[1:], confidence=confidence)
    few = bool(intervals.few_decide(size))
    n = len(base)
    rows = [
        {"measure": "effective_n", "estimate": intervals.effective_n(size), "n": n, "unit": "count"},
        {"measure": "largest_share", "estimate": size[0] / total, "n": n, "unit": "share"},
        {"measure": "top_ten_share", "estimate": size[:10].sum() / total, "n": n, "unit": "share"},
        {"measure": "gini", "estimate": _gini(size), "n": n, "unit": "ratio"},
        everyone.loc["net"].to_dict() | {"measure": "net", "unit": "share"},
        without.loc["net"].to_dict() | {"measure": "net_without_largest", "unit": "share"},
    ]
    table = with_interval(pd.DataFrame(rows))[["measure", "estimate", "low", "high", "n", "unit"]]
    return Result(
        name="influence",
        table=table.assign(few_accounts=few),
        keys=("measure",),
        unit="by row",
        level=confidence,
        n_of="accounts",
        method="Kish's effective number of accounts, Gini coefficient, net retention without the largest account",
    )


def _gini(size: np.ndarray) -> float:
    """Gini coefficient: 0 when all accounts pay the same, near 1 when one pays everything."""
    ordered = np.sort(size)
    n = len(ordered)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * positive(ordered.sum())) - (n + 1) / n)
