"""The lengths of a cohort, and what its months, quarters, halves and years are called."""

from __future__ import annotations

import pandas as pd

GRAINS = ("month", "quarter", "half", "year")
"""Lengths of a cohort, finest first; halves are for comparisons only, triangles pool months to quarters to years."""


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
    """First day of the cohort that each month belongs to."""
    if grain == "half":
        first = (months.dt.month - 1) // 6 * 6 + 1
        return pd.to_datetime({"year": months.dt.year, "month": first, "day": 1})
    return months.dt.to_period({"month": "M", "quarter": "Q", "year": "Y"}[grain]).dt.start_time
