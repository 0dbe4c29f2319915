"""One experiment: what is measured in many small worlds, and when a figure counts as held.

A world is drawn from its seed alone, so that any world can be drawn again. `make truth` draws all of them; the tests
draw the first few of the same worlds and allow for their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

World = Callable[[int], Mapping[str, tuple[float, float]]]
"""From a seed to a sum and what it is divided by, for every measure: hits and trials, or a sum and how many."""

Kind = Literal["covers", "errs", "finds", "share", "mean"]

FIRST_SEED = 20_260_630
"""Of the first world of every experiment; the next world has the next seed."""

HOLDS, EDGE, MISSED, SHOWN = "holds", "at the edge", "does not hold", "for comparison"


@dataclass(frozen=True)
class Measure:
    """A figure of an experiment.

    Attributes
    ----------
    name : key in what a world returns
    says : the row's words: which estimate, in which accounts
    kind : ``covers`` (share of intervals that hold the truth), ``errs`` (share of false alarms), ``finds`` (share of
        true effects found), ``share`` (of anything else) or ``mean`` (a number averaged over worlds, such as a bias)
    low, high : the target; None where it has no such bound; both None for a figure that is shown for comparison
    """

    name: str
    says: str
    kind: Kind
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Experiment:
    """Something that an estimator promises, and the worlds in which it is held to it.

    Attributes
    ----------
    name : identifier, unique
    study : the heading it stands under
    says : what a world is, as sentences
    worlds, short : how many worlds `make truth` and the tests draw
    world : draws one and measures
    measures : the figures, in the order of their rows
    """

    name: str
    study: str
    says: str
    worlds: int
    short: int
    world: World
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Figure:
    """A measure over many worlds, with the interval that their number leaves."""

    estimate: float
    low: float
    high: float
    trials: float

    def verdict_on(self, measure: Measure) -> str:
        """`HOLDS`, or `MISSED` where the whole interval lies outside the target, or `EDGE`; `SHOWN` without one."""
        if measure.low is None and measure.high is None:
            return SHOWN
        least = -np.inf if measure.low is None else measure.low
        most = np.inf if measure.high is None else measure.high
        if least <= self.estimate <= most:
            return HOLDS
        return EDGE if self.low <= most and self.high >= least else MISSED


def figures(
    experiment: Experiment, worlds: Sequence[Mapping[str, tuple[float, float]]], *, confidence: float = 0.95
) -> dict[str, Figure]:
    """Every measure of the experiment over these worlds.

    What is measured several times in one world moves together; the interval goes by how worlds differ. Shares: Wilson
    on the number of independent trials that would be as precise. Means: Student's t.

    Raises
    ------
    ValueError : a world measured something that the experiment does not name, or the other way round
    """
    named = {measure.name for measure in experiment.measures}
    for world in worlds:
        if set(world) != named:
            raise ValueError(f"{experiment.name} names {sorted(named)} but a world measured {sorted(world)}")
    return {
        measure.name: _figure(measure, np.array([world[measure.name] for world in worlds], dtype=float), confidence)
        for measure in experiment.measures
    }


def _figure(measure: Measure, pairs: np.ndarray, confidence: float) -> Figure:
    total, trials = pairs.sum(axis=0)
    if trials == 0:
        return Figure(np.nan, np.nan, np.nan, 0.0)
    estimate, count = total / trials, len(pairs)
    # Variance of a ratio of sums over worlds
    residual = pairs[:, 0] - estimate * pairs[:, 1]
    variance = count / max(count - 1, 1) * float(residual @ residual) / trials**2
    if measure.kind == "mean":
        margin = stats.t.ppf(0.5 + confidence / 2, count - 1) * np.sqrt(variance) if count > 1 else np.inf
        low, high = estimate - margin, estimate + margin
    else:
        # Where every trial ended alike, nothing tells how trials of one world hang together: worlds count then.
        size = (pairs[:, 1] > 0).sum()
        if variance > 0:
            # How worlds differ is itself uncertain where they are few.
            few = stats.t.ppf(0.5 + confidence / 2, count - 1) / stats.norm.ppf(0.5 + confidence / 2)
            size = estimate * (1 - estimate) / variance / few**2
        low, high = proportion_confint(estimate * size, size, alpha=1 - confidence, method="wilson")
    return Figure(float(estimate), float(low), float(high), float(trials))


def covers(low: object, truth: object, high: object) -> tuple[float, float]:
    """How many of these intervals hold the truth, and how many there are; missing ones do not count."""
    low, truth, high = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (low, truth, high)))
    given = ~(np.isnan(low) | np.isnan(high))
    return float(((low <= truth) & (truth <= high))[given].sum()), float(given.sum())


def below(p: object, level: float) -> tuple[float, float]:
    """How many p-values are at most ``level``, and how many there are; missing ones do not count."""
    p = np.asarray(p, dtype=float)
    return float((p <= level).sum()), float((~np.isnan(p)).sum())


def total(values: object) -> tuple[float, float]:
    """The sum of these numbers and how many there are; missing ones do not count."""
    values = np.asarray(values, dtype=float)
    return float(np.nansum(values)), float((~np.isnan(values)).sum())
