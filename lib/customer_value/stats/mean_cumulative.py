"""What a member of a group has brought in by each age, on average over all that ever joined it.

Members are followed for different lengths of time. The mean of each age is taken over those followed through it,
whether they are still there or have left (those bring nothing), and the means add up: so younger members tell of early
ages what they can, and the curve never falls for want of older ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from customer_value.stats import intervals

_COLUMNS = ("age", "estimate", "low", "high", "standard_error", "n", "effective_n", "largest_share")


@dataclass(frozen=True)
class Crossing:
    """The age at which a curve reaches a level; NaN where it does not within the ages seen.

    ``low`` is then the first age at which it may have, or the last age seen if it cannot have by then; ``high`` is NaN
    where it may not have reached the level by the last age seen, ``last``.
    """

    estimate: float
    low: float
    high: float
    last: float


def mean_cumulative(
    amounts: npt.ArrayLike, *, per: npt.ArrayLike | None = None, scale: float = 1.0, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean cumulative amount by age, or its ratio to a mean of the same members, with delete-one jackknife intervals.

    Leaving a member out changes every age's mean that it is in; the interval is the estimate times or divided by
    ``exp(t × standard error / estimate)``, on one degree of freedom less than there are members at the age: amounts are
    skewed, and a symmetric interval would lie too low. A member's amounts may depend on each other. Where leaving
    anyone out changes nothing (one price, nobody left) the jackknife would claim certainty; there the margin, either
    way, is what Wilson's interval leaves below a share of 1 on the effective number of members.

    Parameters
    ----------
    amounts : not negative; a row a member, a column an age (1, 2, …); NaN from the age on at which
        a member is no longer followed
    per : one not negative number a member, such as what it cost; then the estimates are the ratio to its mean
    scale : what the amounts are multiplied by

    Returns
    -------
    One row an age that two members or more are followed through: ``age, estimate, low, high, standard_error, n,
    effective_n, largest_share`` (of the amounts so far). Estimates are missing where ``per`` sums to 0.

    References
    ----------
    Nelson (1988) for the mean cumulative function; Lawless and Nadeau (1995); Efron (1982) for the jackknife.
    """
    amounts = np.asarray(amounts, dtype=float)
    members = len(amounts)
    followed = ~np.isnan(amounts)
    held = np.where(followed, amounts, 0.0)
    n = followed.sum(axis=0)
    ages = int((n >= 2).cumprod().sum())
    if not ages:
        return pd.DataFrame(columns=_COLUMNS, dtype=float)
    held, followed, n = held[:, :ages], followed[:, :ages], n[:ages]
    mean = held.sum(axis=0) / n
    curve = scale * np.cumsum(mean)
    # Without member i the mean of an age is (Σ − x) / (n − 1), which is (x̄ − x) / (n − 1) away from x̄.
    without = curve + scale * np.cumsum(np.where(followed, mean - held, 0.0) / (n - 1), axis=1)
    if per is not None:
        whole = np.asarray(per, dtype=float)
        total = whole.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            curve = np.where(total > 0, curve * members / total, np.nan)
            rest = total - whole
            without = np.where(rest > total * 1e-12, without.T * (members - 1) / rest, np.nan).T
    deviation = without - without.mean(axis=0)
    error = np.sqrt((deviation**2).sum(axis=0) * (members - 1) / members)
    error = np.where(error <= 1e-9 * np.abs(curve), 0.0, error)
    so_far = np.cumsum(held, axis=1)
    size = np.array([intervals.effective_n(column) for column in so_far.T])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = stats.t.ppf(0.5 + confidence / 2, n - 1) * error / curve
        spread = np.where(error == 0, -np.log(intervals.wilson(size, size, confidence=confidence)[1]), spread)
    return pd.DataFrame(
        {
            "age": np.arange(1, ages + 1),
            "estimate": curve,
            "low": curve * np.exp(-spread),
            "high": curve * np.exp(spread),
            "standard_error": error,
            "n": n.astype(int),
            "effective_n": size,
            "largest_share": [intervals.largest_share(column) for column in so_far.T],
        }
    )


def crossing(curve: pd.DataFrame, level: float = 1.0) -> Crossing:
    """The age at which a curve that starts at 0 reaches a level, its limits where the curve's own limits reach it.

    Between two ages the amount is taken to come in evenly. That the true curve has reached the level at an age, or has
    not, is read off the interval at that age, so the interval of the age covers as often as theirs do.

    Parameters
    ----------
    curve : as `mean_cumulative` returns it

    References
    ----------
    Fieller (1954) for limits by inverting a test.
    """
    ages = np.concatenate([[0.0], curve["age"].to_numpy(float)])
    last = float(ages[-1])
    reached = {
        name: _first(ages, np.concatenate([[0.0], curve[name].to_numpy(float)]), level)
        for name in ("estimate", "low", "high")
    }
    missing = bool(curve["estimate"].isna().all()) if len(curve) else True
    earliest = np.nan if missing else reached["high"] if np.isfinite(reached["high"]) else last
    return Crossing(estimate=reached["estimate"], low=earliest, high=reached["low"], last=last)


def _first(ages: np.ndarray, values: np.ndarray, level: float) -> float:
    """Where a line through the values first reaches the level; NaN where it does not."""
    places = np.flatnonzero(values >= level)
    if not places.size:
        return np.nan
    place = places[0]
    if place == 0:
        return float(ages[0])
    before, after = values[place - 1], values[place]
    return float(ages[place - 1] + (level - before) / (after - before) * (ages[place] - ages[place - 1]))
