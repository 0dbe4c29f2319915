"""Net scores: the share of favourable answers less the share of unfavourable ones, with an interval.

The interval is the adjusted Wald interval with three pseudo-answers, ¾ favourable, 1½ neutral and ¾ unfavourable. The
usual one collapses when all answer alike and covers too little in small samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from customer_value.stats import clustering
from customer_value.stats.intervals import Difference

PSEUDO = (0.75, 1.5, 0.75)
"""Favourable, neutral and unfavourable answers added before the interval is taken."""


@dataclass(frozen=True)
class NetScore:
    """A net score between −1 and 1.

    Attributes
    ----------
    estimate : as answered
    low, high : limits, within −1 and 1
    centre, standard_error : with the pseudo-answers, what the limits come from
    n : answers
    effective_n : independent answers of equal weight that would tell as much
    """

    estimate: float
    low: float
    high: float
    centre: float
    standard_error: float
    n: int
    effective_n: float


def from_counts(
    favourable: npt.ArrayLike, unfavourable: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Net scores with their adjusted Wald limits, from counts of independent answers.

    Parameters
    ----------
    favourable, unfavourable, n : answers of each kind and of all kinds; need not be whole numbers

    Returns
    -------
    estimate, low, high : arrays; NaN where there is no answer

    References
    ----------
    Rocks (2016), Interval estimation for the "net promoter score", The American Statistician 70:365; Bonett and
    Price (2012), Adjusted Wald confidence interval for a difference of binomial proportions based on paired data.
    """
    favourable, unfavourable, n = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (favourable, unfavourable, n))
    )
    if np.any((favourable < 0) | (unfavourable < 0) | (favourable + unfavourable > n * (1 + 1e-12))):
        raise ValueError("favourable and unfavourable answers must be counts that sum to n at most")
    share = np.divide(favourable - unfavourable, n, out=np.full(n.shape, np.nan), where=n > 0)
    centre, error = _adjusted(favourable, unfavourable, n)
    return share, *_limits(share, centre, error, confidence)


def estimate(
    sign: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> NetScore:
    """The net score of answers that may be weighted and may come in clusters.

    The shares are those of the weighted answers; the pseudo-answers join as many answers as `clustering.effective_n`
    says the sample is worth.

    Parameters
    ----------
    sign : 1 favourable, 0 neutral, −1 unfavourable, one an answer
    weight : of each answer; equal when None
    cluster : whose answer it is; all independent when None
    """
    sign = np.asarray(sign, dtype=float)
    if not np.isin(sign, (-1, 0, 1)).all():
        raise ValueError("every answer must be 1, 0 or −1")
    weight = np.ones(sign.size) if weight is None else np.asarray(weight, dtype=float)
    cluster = np.arange(sign.size) if cluster is None else cluster
    size = clustering.effective_n(sign, cluster, weight=weight)
    total = float(weight.sum())
    if not total > 0:
        return NetScore(*(float("nan"),) * 5, n=sign.size, effective_n=0.0)
    favourable, unfavourable = (float(weight[sign == kind].sum()) / total for kind in (1, -1))
    centre, error = _adjusted(favourable * size, unfavourable * size, size)
    found = favourable - unfavourable
    low, high = _limits(found, centre, error, confidence)
    return NetScore(found, float(low), float(high), float(centre), float(error), sign.size, size)


def difference(first: NetScore, second: NetScore, *, confidence: float = 0.95) -> Difference:
    """First minus second of two independent net scores; limits and p from the scores with their pseudo-answers.

    The difference itself is as answered, so it lies within its limits but not in their middle.
    """
    error = float(np.hypot(first.standard_error, second.standard_error))
    apart = first.centre - second.centre
    margin = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    found = first.estimate - second.estimate
    p = float(2 * stats.norm.sf(abs(apart) / error)) if error > 0 else float("nan")
    low, high = np.fmin(apart - margin, found), np.fmax(apart + margin, found)
    return Difference(found, float(np.clip(low, -2, 2)), float(np.clip(high, -2, 2)), p)


def _adjusted(
    favourable: npt.ArrayLike, unfavourable: npt.ArrayLike, n: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Net score and its standard error with the pseudo-answers among the answers."""
    size = np.asarray(n) + sum(PSEUDO)
    up, down = (np.asarray(favourable) + PSEUDO[0]) / size, (np.asarray(unfavourable) + PSEUDO[2]) / size
    centre = up - down
    return centre, np.sqrt((up + down - centre**2) / size)


def _limits(
    found: npt.ArrayLike, centre: np.ndarray, error: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got: {confidence!r}")
    margin = stats.norm.ppf(0.5 + confidence / 2) * error
    # Where all answer alike the limits are drawn inwards, at low confidence past the answers themselves.
    low, high = np.minimum(centre - margin, found), np.maximum(centre + margin, found)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)
