"""Two groups' ratios of sums compared, where sizes are skewed and most of the numerators may be nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from customer_value.stats.intervals import Difference, difference_of_limits, effective_n, ratio_jackknife, wilson


def ratio_difference(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, inside: npt.ArrayLike, *, confidence: float = 0.95
) -> Difference:
    """``Σa / Σb`` of the observations inside a group less that of all others, with its interval and p.

    The interval has jackknife standard errors. p is that of the score: the variance is of residuals at the one ratio
    that both sides would have, so that a side in which hardly anything happened does not seem to know its ratio best.
    Both take Student's t, its degrees of freedom by Satterthwaite from each side's effective number less one. A side in
    which nothing happened takes the score's variance in its interval too; where nothing happened at all, the limits are
    Wilson's for no event among so many.

    Parameters
    ----------
    numerator, denominator : one value an observation; the denominator positive
    inside : which observations are in the group

    Returns
    -------
    Difference; limits and p are missing where a side has fewer than two observations.

    References
    ----------
    Efron (1982) for the jackknife; MacKinnon and White (1985) for residuals weighted up by leverage; Satterthwaite
    (1946); Kish (1965) for the effective number.
    """
    a, b = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    inside = np.asarray(inside, dtype=bool)
    sides = [(a[rows], b[rows]) for rows in (inside, ~inside)]
    ratios = [float(top.sum() / bottom.sum()) if len(bottom) else np.nan for top, bottom in sides]
    estimate = ratios[0] - ratios[1]
    if min(len(bottom) for _, bottom in sides) < 2:
        return Difference(estimate, np.nan, np.nan, np.nan)
    if not a.any():
        _, low, high = wilson([0.0, 0.0], [effective_n(bottom) for _, bottom in sides], confidence=confidence)
        _, lower, upper = difference_of_limits(0.0, low[0], high[0], 0.0, low[1], high[1])
        return Difference(0.0, float(lower), float(upper), 1.0)
    common = a.sum() / b.sum()
    null = [_score_variance(top, bottom, common) for top, bottom in sides]
    own = [
        ratio_jackknife(top, bottom).standard_error ** 2 if top.any() else variance
        for (top, bottom), variance in zip(sides, null, strict=True)
    ]
    freedom = [effective_n(bottom) - 1 for _, bottom in sides]
    margin = stats.t.ppf(0.5 + confidence / 2, _satterthwaite(own, freedom)) * np.sqrt(sum(own))
    p = 2 * stats.t.sf(abs(estimate) / np.sqrt(sum(null)), _satterthwaite(null, freedom))
    return Difference(estimate, float(estimate - margin), float(estimate + margin), float(p))


def _score_variance(a: np.ndarray, b: np.ndarray, ratio: float) -> float:
    """Variance of a side's ratio, from residuals at a given one, each weighted up by what it weighs itself."""
    weight = b / b.sum()
    return float(np.sum(((a - ratio * b) / (1 - weight)) ** 2) / b.sum() ** 2)


def _satterthwaite(variances: list[float], freedom: list[float]) -> float:
    parts = sum(variance**2 / max(df, 1.0) for variance, df in zip(variances, freedom, strict=True))
    return sum(variances) ** 2 / parts if parts > 0 else np.inf
