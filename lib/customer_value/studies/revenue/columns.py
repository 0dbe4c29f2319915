"""The columns of a result: money as floats, limits behind their estimate, nothing where nothing is known."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd


def exact_sum(amounts: pd.Series) -> Decimal:
    """Exact sum of decimals."""
    return sum(amounts, Decimal(0))


def positive(amount: float) -> float:
    """The amount as a denominator: missing when it is zero."""
    return amount if amount > 0 else np.nan


def amounts(table: pd.DataFrame) -> pd.DataFrame:
    """Amounts as floats, with the columns of an interval that accounting facts do not have."""
    table = table.assign(estimate=table["estimate"].astype(float))
    return with_interval(table).reset_index(drop=True)


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """The columns low and high, placed behind the estimate; missing where not given."""
    table = table.assign(**{name: np.nan for name in ("estimate", "low", "high") if name not in table})
    others = [column for column in table if column not in ("low", "high")]
    at = others.index("estimate") + 1
    return table[[*others[:at], "low", "high", *others[at:]]]


def in_order(table: pd.DataFrame, *names: str | tuple[str, ...]) -> pd.DataFrame:
    flat = [name for item in names for name in ((item,) if isinstance(item, str) else item)]
    return table.reindex(columns=flat)


def suppressed(table: pd.DataFrame) -> int:
    """Rows that were too small for an estimate."""
    return int(table["estimate"].isna().sum())
