"""One number from several measures that puts members in the order of their class, and how well it does.

Classes are ordered: the index is higher the more a member's measures look like those of higher classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from customer_value.stats.intervals import Interval

_RIDGE = 1e-6
"""Share of a measure's variation that is added to it: measures that say the same thing share their weight."""


def cross_fitted_index(measures: npt.ArrayLike, order: npt.ArrayLike, fold: npt.ArrayLike) -> np.ndarray:
    """The class that measures point to, each member's by a line fitted to the members of the other folds.

    Least squares of the class's place on the measures, in units of standard deviations: where an index is only compared
    with others, it orders as Fisher's linear discriminant does.

    Parameters
    ----------
    measures : one row a member, finite
    order : place of the member's class
    fold : which part of the members it is in; of one part alone nothing can be said

    Returns
    -------
    One number a member, on the scale of ``order``; missing where there is no other fold.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), sections 4.2 and 7.10.
    """
    x, y, fold = np.asarray(measures, dtype=float), np.asarray(order, dtype=float), np.asarray(fold)
    if not np.isfinite(x).all():
        raise ValueError("measures must be finite")
    index = np.full(len(y), np.nan)
    for part in np.unique(fold):
        inside = fold == part
        known = ~inside
        if not known.any():
            continue
        centre, scale = x[known].mean(axis=0), x[known].std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        z = (x[known] - centre) / scale
        gram = z.T @ z + _RIDGE * known.sum() * np.eye(z.shape[1])
        weight = np.linalg.solve(gram, z.T @ (y[known] - y[known].mean()))
        index[inside] = y[known].mean() + ((x[inside] - centre) / scale) @ weight
    return index


def concordance(lower: npt.ArrayLike, higher: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """How often a member of the higher class has the larger value of two drawn at random; ties count half.

    Limits are on the logit scale, from DeLong's variance, with a t quantile on one less than the members of the smaller
    class; where the classes do not overlap, or one has a single member, there are none.

    References
    ----------
    Mann and Whitney (1947); DeLong, DeLong and Clarke-Pearson (1988); Newcombe (2006) for the scale.
    """
    lower, higher = np.sort(np.asarray(lower, dtype=float)), np.sort(np.asarray(higher, dtype=float))
    m, n, nan = lower.size, higher.size, float("nan")
    if not m or not n:
        return Interval(nan, nan, nan, nan, m + n)
    # Of each higher value the share of lower ones below it, and of each lower one that of higher ones above it.
    below = (np.searchsorted(lower, higher, "left") + np.searchsorted(lower, higher, "right")) / (2 * m)
    above = 1 - (np.searchsorted(higher, lower, "left") + np.searchsorted(higher, lower, "right")) / (2 * n)
    share = float(below.mean())
    if min(m, n) < 2 or not 0 < share < 1:
        return Interval(share, nan, nan, nan, m + n)
    error = float(np.sqrt(below.var(ddof=1) / n + above.var(ddof=1) / m))
    margin = float(stats.t.ppf(0.5 + confidence / 2, min(m, n) - 1)) * error / (share * (1 - share))
    logit = float(np.log(share / (1 - share)))
    low, high = (1 / (1 + np.exp(-(logit + side * margin))) for side in (-1, 1))
    return Interval(share, float(low), float(high), error, m + n)
