"""The jackknife: leaving out one observation at a time, or one random group of them at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

from customer_value.stats.intervals import Difference, Interval


def jackknife_of_sums(
    columns: npt.ArrayLike, statistic: Callable[[np.ndarray], np.ndarray], *, confidence: float = 0.95
) -> Interval:
    """A function of column sums, with its delete-one jackknife interval and a t quantile.

    Leaving one observation out only takes its row from the sums, so that no refit is needed.

    Parameters
    ----------
    columns : one row an observation, one column a sum
    statistic : of an array whose last axis holds the sums, one number each; smooth, else the jackknife does not hold

    Returns
    -------
    Interval whose limits are missing where the statistic is undefined with some observation left out.

    References
    ----------
    Efron (1982), The jackknife, the bootstrap and other resampling plans.
    """
    columns = np.asarray(columns, dtype=float)
    n = len(columns)
    totals = columns.sum(axis=0)
    estimate = float(statistic(totals[None, :])[0])
    if n < 2:
        return Interval(estimate, float("nan"), float("nan"), float("nan"), n)
    without = statistic(totals - columns)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    margin = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    return Interval(estimate, estimate - margin, estimate + margin, error, n)


def delete_a_group_covariance(replicates: npt.ArrayLike) -> np.ndarray:
    """Covariance of estimates from those with each of G random groups of equal size left out.

    ``(G − 1) / G · Σ (θ₍g₎ − mean) (θ₍g₎ − mean)'``; limits take a t quantile on G − 1 degrees of freedom. Observations
    that belong together (all rows of one subject) must be in one group.

    Parameters
    ----------
    replicates : one row a group left out, one column an estimate

    Returns
    -------
    One row and column an estimate; missing with fewer than two groups, or where a replicate is.

    References
    ----------
    Kott (2001), The delete-a-group jackknife.
    """
    replicates = np.asarray(replicates, dtype=float)
    groups, columns = replicates.shape
    if groups < 2:
        return np.full((columns, columns), np.nan)
    deviation = replicates - replicates.mean(axis=0)
    return (groups - 1) / groups * deviation.T @ deviation


def delete_a_group_rate(
    events: npt.ArrayLike, exposure: npt.ArrayLike, group: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Events per unit of exposure where events of one subject come together, with a delete-a-group interval.

    The interval is on the logarithm of the rate, which keeps it above nothing. Where one group has all events, or there
    is none, nothing tells how they hang together: the limits are then the exact Poisson ones.

    Parameters
    ----------
    events, exposure : one entry a subject (or already added up over those of one group); not negative
    group : which random group of subjects it is in

    Returns
    -------
    Interval whose ``n`` is the number of entries with exposure; the standard error is of the rate. It is missing
    with Poisson limits.

    References
    ----------
    Kott (2001), The delete-a-group jackknife; Garwood (1936) for the exact limits.
    """
    events, exposure = np.asarray(events, dtype=float), np.asarray(exposure, dtype=float)
    codes = np.unique(np.asarray(group), return_inverse=True)[1]
    n, total, whole = int((exposure > 0).sum()), float(events.sum()), float(exposure.sum())
    nan = float("nan")
    if not whole > 0:
        return Interval(nan, nan, nan, nan, n)
    rate = total / whole
    rest, left = total - np.bincount(codes, events), whole - np.bincount(codes, exposure)
    if len(rest) < 2 or not ((rest > 0) & (left > 0)).all():
        low = stats.chi2.ppf((1 - confidence) / 2, 2 * total) if total else 0.0
        high = stats.chi2.ppf(0.5 + confidence / 2, 2 * (total + 1))
        return Interval(rate, float(low) / 2 / whole, float(high) / 2 / whole, nan, n)
    error = float(np.sqrt(delete_a_group_covariance(np.log(rest / left)[:, None])[0, 0]))
    margin = float(stats.t.ppf(0.5 + confidence / 2, len(rest) - 1)) * error
    return Interval(rate, rate * float(np.exp(-margin)), rate * float(np.exp(margin)), rate * error, n)


def compare_rates(
    events: npt.ArrayLike,
    exposure: npt.ArrayLike,
    inside: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> Difference:
    """Rate of the subjects inside over that of the others, leaving out one random group of subjects at a time.

    Parameters
    ----------
    events, exposure, group : as in `delete_a_group_rate`
    inside : whether a subject is on the first side

    Returns
    -------
    The ratio as ``estimate``, its limits (on the log scale) and the p-value that it is 1; missing where either side has
    no events, or all of its events in one group.

    References
    ----------
    Kott (2001), The delete-a-group jackknife.
    """
    events, exposure = np.asarray(events, dtype=float), np.asarray(exposure, dtype=float)
    inside, codes = np.asarray(inside, dtype=bool), np.unique(np.asarray(group), return_inverse=True)[1]
    groups = int(codes.max()) + 1 if codes.size else 0
    nothing = Difference(float("nan"), float("nan"), float("nan"), float("nan"))
    logs, whole = np.zeros(groups), 0.0
    for side, sign in ((inside, 1), (~inside, -1)):
        d, n = (np.bincount(codes, each * side, groups) for each in (events, exposure))
        if groups < 2 or not ((d.sum() - d > 0) & (n.sum() - n > 0)).all():
            return nothing
        logs += sign * np.log((d.sum() - d) / (n.sum() - n))
        whole += sign * float(np.log(d.sum() / n.sum()))
    error = float(np.sqrt(delete_a_group_covariance(logs[:, None])[0, 0]))
    if not error > 0:
        return nothing
    margin = float(stats.t.ppf(0.5 + confidence / 2, groups - 1)) * error
    low, high = (float(np.exp(whole + side * margin)) for side in (-1, 1))
    return Difference(float(np.exp(whole)), low, high, float(2 * stats.t.sf(abs(whole) / error, groups - 1)))
