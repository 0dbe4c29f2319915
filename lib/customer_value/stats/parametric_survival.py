"""Survival beyond the data: shapes with a formula, fitted to counts by age.

A fit rests on nothing but who was at risk and who ended in each person-month (or at each renewal opportunity), as
`survival.person_months` counts them. Given those at risk, the ends of one age are binomial and ages are independent, so
delayed entry and censoring are in the counts and the likelihood needs nothing further.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, log_ndtr, logit, xlogy

from customer_value.stats import shifted_beta_geometric

_TINY = 1e-12
_STEPS = 60


@dataclass(frozen=True)
class Shape:
    """A family of survival curves.

    Attributes
    ----------
    name : identifier
    parameters : how many
    hazards : from parameters (a row a set, no bound holds) and ages (whole, from 1) to the hazard of each age
    start : parameters to begin from, near a given hazard at a given age
    low, high : bounds of the search, so wide that they hold only where a curve has reached its limit
    """

    name: str
    parameters: int
    hazards: Callable[[np.ndarray, np.ndarray], np.ndarray]
    start: Callable[[float], tuple[float, ...]]
    low: tuple[float, ...]
    high: tuple[float, ...]


def _of_log_survival(
    log_survival: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Hazards of whole ages from a continuous curve: ``1 − S(k) / S(k − 1)``."""

    def hazards(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
        # log S(0) is 0, and its formula takes no logarithm of 0.
        before = np.where(ages > 1, log_survival(parameters, np.maximum(ages - 1.0, 1.0)), 0.0)
        return -np.expm1(log_survival(parameters, ages.astype(float)) - before)

    return hazards


def _weibull(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
    scale, shape = parameters[:, :1], parameters[:, 1:2]
    return -np.exp(np.exp(shape) * (np.log(ages)[None, :] - scale))


def _log_logistic(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
    scale, shape = parameters[:, :1], parameters[:, 1:2]
    return -np.logaddexp(0.0, np.exp(shape) * (np.log(ages)[None, :] - scale))


def _log_normal(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
    middle, spread = parameters[:, :1], parameters[:, 1:2]
    return log_ndtr((middle - np.log(ages)[None, :]) / np.exp(spread))


def _constant(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
    return np.broadcast_to(expit(parameters[:, :1]), (len(parameters), len(ages)))


CONSTANT = Shape("exponential", 1, _constant, lambda rate: (float(logit(rate)),), (-27.0,), (27.0,))
SHIFTED_BETA_GEOMETRIC = Shape(
    "shifted_beta_geometric",
    2,
    shifted_beta_geometric.hazards,
    shifted_beta_geometric.starting,
    (-27.0, -12.0),
    (27.0, 6.0),
)
SHAPES = (
    SHIFTED_BETA_GEOMETRIC,
    Shape("weibull", 2, _of_log_survival(_weibull), lambda rate: (-np.log(rate), 0.0), (-5.0, -2.5), (30.0, 2.0)),
    Shape(
        "log_logistic", 2, _of_log_survival(_log_logistic), lambda rate: (-np.log(rate), 0.0), (-5.0, -2.5), (30.0, 2.0)
    ),
    Shape("log_normal", 2, _of_log_survival(_log_normal), lambda rate: (-np.log(rate), 0.5), (-5.0, -1.5), (60.0, 3.0)),
    CONSTANT,
)
"""Every shape that is tried. The exponential's hazard never changes: "one over churn" takes it for granted."""


@dataclass(frozen=True)
class Fit:
    """A shape fitted by maximum likelihood.

    Attributes
    ----------
    shape : what was fitted
    parameters : where the likelihood is largest, as the shape takes them
    log_likelihood : there, up to what depends on the counts alone
    counts : what it was fitted to
    """

    shape: Shape
    parameters: np.ndarray
    log_likelihood: float
    counts: pd.DataFrame

    def survival(self, last: int) -> np.ndarray:
        """The shape's own curve: of those at the first age fitted, the share surviving to it and to each age up to
        ``last``."""
        return survival(self.shape, self.parameters[None, :], first=int(self.counts["age"].iloc[0]), last=last)[0]

    def continued(self, last: int) -> np.ndarray:
        """The observed curve as far as it goes, and from its end on to age ``last`` as the shape has it."""
        ages, n, d = _columns(self.counts)
        seen = np.cumprod(1 - d / n)[None, :]
        beyond = {"first_beyond": int(ages[-1]) + 1, "last": last}
        return _continued(seen, self.shape, self.parameters[None, :], **beyond)[0]


def survival(shape: Shape, parameters: np.ndarray, *, first: int, last: int) -> np.ndarray:
    """Survival from age ``first − 1``, where it is 1, to age ``last``; a row a set of parameters."""
    hazards = shape.hazards(parameters, np.arange(first, last + 1))
    kept = np.cumprod(1 - np.clip(hazards, 0.0, 1.0), axis=1)
    return np.hstack([np.ones((len(parameters), 1)), kept])


def fit(counts: pd.DataFrame, shape: Shape) -> Fit:
    """Fit a shape by maximum likelihood.

    Parameters
    ----------
    counts : ``age`` (consecutive), ``at_risk``, ``events`` of one group, as `survival.person_months` counts them;
        from a later age on it is conditional on having survived to there

    Raises
    ------
    ValueError : nobody was at risk
    """
    ages, n, d = _columns(counts)
    parameters = _maximise(shape, ages, n, d[None, :])[0]
    likelihood = float(_log_likelihood(shape, parameters[None, :], ages, n, d[None, :])[0])
    return Fit(shape, parameters, likelihood, counts.reset_index(drop=True))


def replicates(
    counts: pd.DataFrame,
    last: int,
    *,
    held_out_from: int,
    shapes: tuple[Shape, ...] = SHAPES,
    count: int,
    seed: int,
) -> np.ndarray:
    """The observed curve and how it goes on, in so many bootstrap samples of the subjects.

    Of those at risk at an age the ends are drawn anew at its own rate, which is what drawing subjects comes to where
    who is at risk is taken as given. In each sample all shapes are fitted and the one to go on with is chosen again, by
    the ages held out: a range that takes the choice as given would leave out most of what is not known. Where nobody
    has ended yet, samples would all be alike: then each has a constant hazard drawn from what no end among so many
    leaves likely (a beta distribution, by Jeffreys' rule).

    Parameters
    ----------
    counts, held_out_from, shapes : as of `back_test`
    last : the age up to which curves go

    Returns
    -------
    A row a sample, a column an age from the one before the first counted to ``last``.

    References
    ----------
    Efron (1981), Censored data and the bootstrap; Buckland, Burnham and Augustin (1997) for the choice within it.
    """
    ages, n, d = _columns(counts)
    rng = np.random.default_rng(seed)
    if not d.any():
        kept = 1 - rng.beta(0.5, n.sum() + 0.5, size=(count, 1))
        return kept ** np.arange(last - ages[0] + 2)
    drawn = rng.binomial(n.astype(int), d / n, size=(count, len(n))).astype(float)
    seen = np.cumprod(1 - drawn / n, axis=1)
    best, curves = np.full(count, np.inf), np.empty((count, last - ages[0] + 2))
    for shape in shapes:
        # With one shape there is nothing to choose.
        errors = _errors(shape, ages, n, drawn, held_out_from) if len(shapes) > 1 else np.zeros((count, 1))
        better = errors.mean(axis=1) < best
        best = np.where(better, errors.mean(axis=1), best)
        start = fit(counts, shape).parameters
        parameters = _maximise(shape, ages, n, drawn[better], start=start)
        curves[better] = _continued(seen[better], shape, parameters, first_beyond=int(ages[-1]) + 1, last=last)
    return curves


def _errors(shape: Shape, ages: np.ndarray, n: np.ndarray, d: np.ndarray, held_out_from: int) -> np.ndarray:
    """How far the curve continued from before the ages held out is off at each of them; a row a sample."""
    early = ages < held_out_from
    seen = np.cumprod(1 - d / n, axis=1)
    parameters = _maximise(shape, ages[early], n[early], d[:, early])
    told = _continued(seen[:, early], shape, parameters, first_beyond=held_out_from, last=int(ages[-1]))
    return np.abs(told[:, -int((~early).sum()) :] - seen[:, ~early])


def _continued(seen: np.ndarray, shape: Shape, parameters: np.ndarray, *, first_beyond: int, last: int) -> np.ndarray:
    """Observed survival, a row a sample, from 1 on, and beyond its end as the shape has it."""
    beyond = survival(shape, parameters, first=first_beyond, last=last)[:, 1:]
    return np.hstack([np.ones((len(seen), 1)), seen, seen[:, -1:] * beyond])


def limits(values: npt.ArrayLike, estimate: npt.ArrayLike, *, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile limits of bootstrap replicates, a row a replicate; widened to the estimate where it lies outside."""
    low, high = np.quantile(np.asarray(values, dtype=float), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return np.minimum(low, estimate), np.maximum(high, estimate)


def back_test(counts: pd.DataFrame, *, held_out_from: int, shapes: tuple[Shape, ...] = SHAPES) -> pd.DataFrame:
    """Fit every shape to the ages before one, as if the data ended there, and judge it on that age and later ones.

    Parameters
    ----------
    counts : as `fit` takes them
    held_out_from : the first age held out; at least one age comes before it

    Returns
    -------
    One row a shape: ``shape``, ``deviance`` (twice the log likelihood that the held-out ends lose against their own
    rates; less is better), ``mean_absolute_error`` (of `Fit.continued` over the held-out ages), ``worst_error``,
    ``events`` and ``ages`` held out.
    """
    ages, n, d = _columns(counts)
    late = ages >= held_out_from
    with np.errstate(invalid="ignore"):
        best = xlogy(d, d / n) + xlogy(n - d, 1 - d / n)
    rows = []
    for shape in shapes:
        early = _maximise(shape, ages[~late], n[~late], d[None, ~late])
        likelihood = _log_likelihood(shape, early, ages[late], n[late], d[None, late])[0]
        errors = _errors(shape, ages, n, d[None, :], held_out_from)[0]
        rows.append(
            {
                "shape": shape.name,
                "deviance": 2 * float(best[late].sum() - likelihood),
                "mean_absolute_error": float(errors.mean()),
                "worst_error": float(errors.max()),
                "events": int(d[late].sum()),
                "ages": int(late.sum()),
            }
        )
    return pd.DataFrame(rows)


def weighted_sum(
    weights: npt.ArrayLike, estimates: npt.ArrayLike, lows: npt.ArrayLike, highs: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A weighted sum of independent estimates, its limits recovered from theirs.

    Parameters
    ----------
    weights : one an estimate, not negative, known
    estimates, lows, highs : a row an estimate

    References
    ----------
    Zou and Donner (2008).
    """
    weight = np.asarray(weights, dtype=float)[:, None]
    estimates, lows, highs = (np.asarray(values, dtype=float) for values in (estimates, lows, highs))
    total = (weight * estimates).sum(axis=0)
    below = np.sqrt(((weight * (estimates - lows)) ** 2).sum(axis=0))
    above = np.sqrt(((weight * (highs - estimates)) ** 2).sum(axis=0))
    return total, total - below, total + above


def _columns(counts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ages, n, d = (counts[column].to_numpy() for column in ("age", "at_risk", "events"))
    if not len(ages) or not n.sum() > 0:
        raise ValueError("nobody was at risk, so there is nothing to fit")
    if np.any(np.diff(ages) != 1):
        raise ValueError("ages must be consecutive and in order")
    return ages.astype(int), n.astype(float), d.astype(float)


def _log_likelihood(shape: Shape, parameters: np.ndarray, ages: np.ndarray, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    hazards = np.clip(shape.hazards(parameters, ages), _TINY, 1 - _TINY)
    return (d * np.log(hazards) + (n - d) * np.log1p(-hazards)).sum(axis=1)


def _maximise(
    shape: Shape, ages: np.ndarray, n: np.ndarray, d: np.ndarray, *, start: np.ndarray | None = None
) -> np.ndarray:
    """Where the likelihood of each row of ends is largest: Fisher scoring with Levenberg's damping, all at once."""
    count = len(d)
    if start is None:
        rate = np.clip(d.sum(axis=1) / n.sum(), 1e-9, 0.999)
        at = np.array([shape.start(each) for each in rate])
    else:
        at = np.repeat(np.asarray(start, dtype=float)[None, :], count, axis=0)
    low, high = np.asarray(shape.low), np.asarray(shape.high)
    at = np.clip(at, low, high)
    value = _log_likelihood(shape, at, ages, n, d)
    damping = np.full(count, 1e-3)
    moving = np.ones(count, dtype=bool)
    for _ in range(_STEPS):
        here, ends = at[moving], d[moving]
        hazards = np.clip(shape.hazards(here, ages), _TINY, 1 - _TINY)
        slopes = _slopes(shape, here, ages)
        weight = 1 / (hazards * (1 - hazards))
        score = np.einsum("bk,bkp->bp", (ends - n * hazards) * weight, slopes)
        information = np.einsum("bk,bkp,bkq->bpq", n * weight, slopes, slopes)
        scale = np.einsum("bpp->bp", information) + 1e-9
        damped = information + damping[moving, None, None] * np.einsum("bp,pq->bpq", scale, np.eye(shape.parameters))
        step = np.clip(np.linalg.solve(damped, score[..., None])[..., 0], -2.0, 2.0)
        tried = np.clip(here + step, low, high)
        found = _log_likelihood(shape, tried, ages, n, ends)
        better = found >= value[moving]
        places = np.flatnonzero(moving)
        gained = found - value[moving]
        at[places[better]], value[places[better]] = tried[better], found[better]
        damping[places] = np.where(better, damping[places] / 5, damping[places] * 8)
        moving[places[(better & (gained < 1e-9)) | (damping[places] > 1e8)]] = False
        if not moving.any():
            break
    return at


def _slopes(shape: Shape, parameters: np.ndarray, ages: np.ndarray, *, width: float = 1e-5) -> np.ndarray:
    """How the hazards change with each parameter, by central differences; the last axis is the parameter."""
    slopes = []
    for place in range(shape.parameters):
        change = np.zeros(shape.parameters)
        change[place] = width
        slopes.append((shape.hazards(parameters + change, ages) - shape.hazards(parameters - change, ages)) / width / 2)
    return np.stack(slopes, axis=-1)
