"""Quantiles of a sample, with limits that hold whatever the distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from customer_value.stats.intervals import Interval


def quantile(values: npt.ArrayLike, share: float = 0.5, *, confidence: float = 0.95) -> Interval:
    """A quantile with limits that are members of the sample.

    The number of values below the true quantile is binomial, so that two order statistics enclose it with a chance
    known whatever the distribution. Each side leaves out at most half of what the confidence allows; where the sample
    is too small for that, the limit is missing.

    Parameters
    ----------
    values : one number an observation; missing ones are left out
    share : which quantile; 0.5 is the median

    Returns
    -------
    Interval without a standard error.

    References
    ----------
    Conover (1999), Practical nonparametric statistics, section 3.2.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, got: {share!r}")
    ordered = np.sort(np.asarray(values, dtype=float))
    ordered = ordered[~np.isnan(ordered)]
    n, nan = ordered.size, float("nan")
    if not n:
        return Interval(nan, nan, nan, nan, 0)
    outside = (1 - confidence) / 2
    # The largest r with P(B < r) ≤ outside, and the smallest s with P(B ≥ s) ≤ outside, of B values below the quantile.
    lower = int(stats.binom.ppf(outside, n, share))
    upper = int(stats.binom.ppf(1 - outside, n, share)) + 1
    low = float(ordered[lower - 1]) if lower >= 1 else nan
    high = float(ordered[upper - 1]) if upper <= n else nan
    return Interval(float(np.quantile(ordered, share)), low, high, nan, n)
