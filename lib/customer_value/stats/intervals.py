"""Estimates with honest intervals: shares, ratios of sums, and differences of two independent estimates.

Everything takes plain numbers or numpy arrays, one entry an account (or a cell), and knows nothing of what they mean.
The choice of interval for each kind of estimate, with the coverage found by simulation, is argued in `docs/methods.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

FEW_EFFECTIVE = 30
"""Below this effective sample size a sum of money hangs on a few accounts."""
FEW_SHARE = 0.1
"""An account that weighs more than this share of the whole decides the estimate by itself."""


@dataclass(frozen=True)
class Interval:
    """An estimate, its limits, its standard error (NaN where the method has none) and the number of observations."""

    estimate: float
    low: float
    high: float
    standard_error: float
    n: int


@dataclass(frozen=True)
class Difference:
    """First minus second, with limits and the two-sided p-value of no difference."""

    estimate: float
    low: float
    high: float
    p: float


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got: {confidence!r}")


def wilson(
    successes: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    effective_n: npt.ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of successes with Wilson's score interval.

    Parameters
    ----------
    successes, n : counts or sums of weights, broadcast against each other; need not be whole numbers
    confidence : two-sided coverage aimed at
    effective_n : sample size that sets the width, where it is not ``n`` (weighted shares, survival)

    Returns
    -------
    estimate, low, high : arrays of the broadcast shape; NaN where ``n`` or the effective size is not positive

    References
    ----------
    Wilson (1927); Brown, Cai and DasGupta (2001).
    """
    _check_confidence(confidence)
    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    size = n if effective_n is None else np.asarray(effective_n, dtype=float)
    successes, n, size = np.broadcast_arrays(successes, n, size)
    if np.any((successes < 0) | (successes > n * (1 + 1e-12))):
        raise ValueError("successes must lie between 0 and n")
    z = stats.norm.ppf(0.5 + confidence / 2)
    usable = (n > 0) & (size > 0)
    share = np.divide(successes, n, out=np.full(n.shape, np.nan), where=usable)
    share = np.minimum(share, 1.0)
    size = np.where(usable, size, np.nan)
    spread = 1 + z**2 / size
    centre = (share + z**2 / (2 * size)) / spread
    half = z / spread * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    # At shares of exactly 0 and 1 a limit equals the share; rounding must not push it past.
    low, high = np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)
    return share, low, high


def effective_n(weights: npt.ArrayLike) -> float:
    """Size of an equally weighted sample that would be as precise: ``(Σw)² / Σw²`` (Kish 1965). 0 if all are 0."""
    weights = np.asarray(weights, dtype=float)
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0


def largest_share(weights: npt.ArrayLike) -> float:
    """Share of the whole that the heaviest observation holds; NaN where the weights sum to 0."""
    weights = np.asarray(weights, dtype=float)
    total = float(np.sum(weights))
    return float(np.max(weights)) / total if total > 0 else float("nan")


def few_decide(weights: npt.ArrayLike) -> bool:
    """Whether a few observations decide the estimate: effective size below 30, or one above a tenth of the whole."""
    return effective_n(weights) < FEW_EFFECTIVE or not largest_share(weights) <= FEW_SHARE


def weighted_share(kept: npt.ArrayLike, weight: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Share of a weight that was kept, ``Σkept / Σweight``, with Wilson's interval on the effective sample size.

    Parameters
    ----------
    kept : what is left of each weight, ``0 ≤ kept ≤ weight``
    weight : what there was to begin with
    """
    kept, weight = np.asarray(kept, dtype=float), np.asarray(weight, dtype=float)
    if kept.shape != weight.shape:
        raise ValueError(f"kept and weight must have one shape, got: {kept.shape} and {weight.shape}")
    if np.any((kept < 0) | (kept > weight * (1 + 1e-9) + 1e-9)):
        raise ValueError("kept must lie between 0 and weight")
    total, size = float(weight.sum()), effective_n(weight)
    share, low, high = wilson(min(float(kept.sum()), total), total, confidence=confidence, effective_n=size)
    error = float(np.sqrt(share * (1 - share) / size)) if size > 0 else float("nan")
    return Interval(float(share), float(low), float(high), error, weight.size)


def ratio_jackknife(numerator: npt.ArrayLike, denominator: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Ratio of two sums over the same observations with a delete-one jackknife interval.

    Parameters
    ----------
    numerator, denominator : one value an observation; the denominator not negative

    See Also
    --------
    ratio_jackknife_by : the same for many groups at once, and the method in full
    """
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    table = ratio_jackknife_by(numerator, denominator, np.zeros(numerator.shape, dtype=int), confidence=confidence)
    if table.empty:
        return Interval(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    row = table.iloc[0]
    return Interval(
        float(row["estimate"]), float(row["low"]), float(row["high"]), float(row["standard_error"]), int(row["n"])
    )


def ratio_jackknife_by(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, groups: npt.ArrayLike, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Ratio of two sums in each group with a delete-one jackknife interval, in time proportional to the rows.

    Leaving observation i out gives ``(A − aᵢ) / (B − bᵢ)``; the interval is the estimate ± t × standard error with
    ``n − 1`` degrees of freedom. Where every ratio is the same (nothing changed) the jackknife would claim certainty;
    there the margin, both ways, is what Wilson's interval leaves below a share of 1 on the effective sample size.

    Parameters
    ----------
    numerator, denominator : one value an observation; the denominator not negative
    groups : whole numbers from 0, one an observation

    Returns
    -------
    One row a group present, in order, indexed by it: ``estimate, low, high, standard_error, n, effective_n,
    largest_share``. Limits are missing for a single observation, the estimate where the denominators sum to 0.

    References
    ----------
    Efron (1982), The jackknife, the bootstrap and other resampling plans; Kish (1965) for the effective size.
    """
    _check_confidence(confidence)
    a, b = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    codes = np.asarray(groups, dtype=int)
    if not a.shape == b.shape == codes.shape or a.ndim != 1:
        raise ValueError("numerator, denominator and groups must be one-dimensional and of one length")
    if np.any(b < 0):
        raise ValueError("denominators must not be negative")
    length = int(codes.max()) + 1 if codes.size else 0
    n = np.bincount(codes, minlength=length).astype(float)
    total_a, total_b = np.bincount(codes, a, length), np.bincount(codes, b, length)
    squares, heaviest = np.bincount(codes, b**2, length), np.zeros(length)
    np.maximum.at(heaviest, codes, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total_b > 0, total_a / total_b, np.nan)
        rest = total_b[codes] - b
        # Whoever holds the whole denominator cannot be left out: no standard error then.
        without = np.where(rest > total_b[codes] * 1e-12, (total_a[codes] - a) / rest, np.nan)
        mean = np.bincount(codes, without, length) / n
        # A difference of rounding size is no difference: else "nothing changed" would pass for near certainty.
        deviation = without - mean[codes]
        deviation = np.where(np.abs(deviation) <= 1e-12 * np.abs(mean[codes]), 0.0, deviation)
        variance = np.bincount(codes, deviation**2, length) * (n - 1) / n
        error = np.where(n > 1, np.sqrt(variance), np.nan)
        size = np.where(squares > 0, total_b**2 / squares, np.nan)
        quantile = stats.t.ppf(0.5 + confidence / 2, np.where(n > 1, n - 1, np.nan))
        unchanged = error == 0
        if unchanged.any():
            _, low_of_one, _ = wilson(size[unchanged], size[unchanged], confidence=confidence)
            error[unchanged] = ratio[unchanged] * (1 - low_of_one) / quantile[unchanged]
        table = pd.DataFrame(
            {
                "estimate": ratio,
                "low": ratio - quantile * error,
                "high": ratio + quantile * error,
                "standard_error": error,
                "n": n.astype(int),
                "effective_n": size,
                "largest_share": np.where(total_b > 0, heaviest / total_b, np.nan),
            }
        )
    if np.all(a >= 0):
        table["low"] = table["low"].clip(lower=0)
    return table[n > 0]


def share_difference(
    first: npt.ArrayLike,
    first_n: npt.ArrayLike,
    second: npt.ArrayLike,
    second_n: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Difference of two independent shares: Newcombe's interval from Wilson's limits, p from the pooled score test.

    Parameters
    ----------
    first, second : shares between 0 and 1
    first_n, second_n : their sample sizes; effective sizes for weighted shares

    Returns
    -------
    estimate (first minus second), low, high, p : arrays; p is 1 where both shares are 0 or both are 1

    References
    ----------
    Newcombe (1998), method 10.
    """
    first, first_n, second, second_n = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (first, first_n, second, second_n))
    )
    _, low_1, high_1 = wilson(first * first_n, first_n, confidence=confidence)
    _, low_2, high_2 = wilson(second * second_n, second_n, confidence=confidence)
    estimate, low, high = difference_of_limits(first, low_1, high_1, second, low_2, high_2)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (first * first_n + second * second_n) / (first_n + second_n)
        error = np.sqrt(pooled * (1 - pooled) * (1 / first_n + 1 / second_n))
        z = np.where(error > 0, estimate / error, 0.0)
    p = np.where(np.isnan(estimate) | ~(first_n > 0) | ~(second_n > 0), np.nan, 2 * stats.norm.sf(np.abs(z)))
    return estimate, low, high, p


def difference_of_limits(
    first: npt.ArrayLike,
    first_low: npt.ArrayLike,
    first_high: npt.ArrayLike,
    second: npt.ArrayLike,
    second_low: npt.ArrayLike,
    second_high: npt.ArrayLike,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First minus second, its limits recovered from those of two independent estimates (of one confidence level).

    References
    ----------
    Zou and Donner (2008); with Wilson's limits it is Newcombe's (1998) method 10.
    """
    first, first_low, first_high, second, second_low, second_high = (
        np.asarray(value, dtype=float) for value in (first, first_low, first_high, second, second_low, second_high)
    )
    estimate = first - second
    low = estimate - np.sqrt((first - first_low) ** 2 + (second_high - second) ** 2)
    high = estimate + np.sqrt((first_high - first) ** 2 + (second - second_low) ** 2)
    return estimate, low, high


def difference(first: Interval, second: Interval, *, confidence: float = 0.95) -> Difference:
    """First minus second for two independent estimates with standard errors: Welch's t interval and p-value.

    References
    ----------
    Welch (1947); degrees of freedom by Satterthwaite (1946).
    """
    _check_confidence(confidence)
    estimate = first.estimate - second.estimate
    variances = first.standard_error**2, second.standard_error**2
    error = float(np.sqrt(sum(variances)))
    if not error > 0 or min(first.n, second.n) < 2:
        return Difference(estimate, float("nan"), float("nan"), float("nan"))
    freedom = sum(variances) ** 2 / sum(
        variance**2 / (interval.n - 1) for variance, interval in zip(variances, (first, second), strict=True)
    )
    margin = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(estimate) / error, freedom))
    return Difference(estimate, estimate - margin, estimate + margin, p)
