"""Straight trend through means of groups, of which the scatter around it says how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.regression.linear_model import WLS

FEWEST = 4
"""Groups below which the scatter around a line says next to nothing."""


@dataclass(frozen=True)
class Slope:
    """Change of the mean per unit, with limits and the p-value of none; missing with too few groups."""

    estimate: float
    low: float
    high: float
    p: float
    groups: int


def weighted_trend(mean: npt.ArrayLike, at: npt.ArrayLike, weight: npt.ArrayLike, *, confidence: float = 0.95) -> Slope:
    """Slope of group means over ``at``, weighted, with the groups as the units of its standard error (t quantile)."""
    mean, at, weight = (np.asarray(values, dtype=float) for values in (mean, at, weight))
    groups = int((weight > 0).sum())
    if groups < FEWEST or np.ptp(at[weight > 0]) == 0:
        return Slope(*(np.nan,) * 4, groups)
    fit = WLS(mean, np.column_stack([np.ones(len(at)), at]), weights=weight).fit()
    low, high = fit.conf_int(alpha=1 - confidence)[1]
    return Slope(float(fit.params[1]), float(low), float(high), float(fit.pvalues[1]), groups)
