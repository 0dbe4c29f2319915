"""Cohorts by month, quarter, half-year or year: when they begin and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

GRAINS = ("month", "quarter", "half", "year")
"""Lengths of a cohort, finest first."""

POOL_BEYOND = 0.1
"""The next coarser grain is taken while cohorts too small to show hold more than this share of accounts."""


def cohort_names(starts: pd.Series, grain: str) -> pd.Series:
    """What cohorts are called: ``2023-04``, ``2023 Q2``, ``2023 H1``, ``2023``."""
    year = starts.dt.year.astype(str)
    match grain:
        case "month":
            return starts.dt.strftime("%Y-%m")
        case "quarter":
            return year + " Q" + starts.dt.quarter.astype(str)
        case "half":
            return year + " H" + ((starts.dt.month + 5) // 6).astype(str)
    return year


def cohort_start(months: pd.Series, grain: str) -> pd.Series:
    """The first day of the cohort that each month belongs to."""
    if grain == "half":
        first = (months.dt.month - 1) // 6 * 6 + 1
        return pd.to_datetime({"year": months.dt.year, "month": first, "day": 1})
    return months.dt.to_period({"month": "M", "quarter": "Q", "year": "Y"}[grain]).dt.start_time


def pooled_grain(months: pd.Series, grain: str, *, fewest: int, grains: Sequence[str] = GRAINS) -> str:
    """The finest of ``grains``, from ``grain`` on, at which few enough accounts are in cohorts below ``fewest``."""
    for candidate in grains[grains.index(grain) :]:
        sizes = cohort_start(months, candidate).value_counts()
        if sizes[sizes < fewest].sum() <= POOL_BEYOND * len(months):
            return candidate
    return grains[-1]
