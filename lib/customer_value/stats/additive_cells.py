"""Additive models of cells: every level of every dimension has an effect, and each cell may depart from their sum.

A *cell* is a combination of levels of dimensions; cells that name the same dimensions form one table. Effects add up on
the scale of ``η``: the complementary log-log for shares of events (on which rates multiply), the value itself for other
estimates. `customer_value.stats.shrinkage` and `customer_value.stats.departures` rest on this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, special

_FLAT = 100.0
"""Prior standard deviation of a table's level, against the largest value it could have: it is left to the data."""

_DENSE = 50_000
"""Entries up to which a matrix is kept dense."""

_STEPS = 6
_STARTING_STEPS = 12
_LONGEST_STEP = 1.5

RANGE = (-14.0, 3.0)
"""Where the complementary log-log of a share is kept: from one in a million to all but one in a hundred million."""


@dataclass(frozen=True)
class Counts:
    """Binomial likelihood with the complementary log-log link."""

    events: np.ndarray
    n: np.ndarray

    @property
    def wide(self) -> float:
        """Prior standard deviation of the level."""
        return _FLAT

    def take(self, cells: np.ndarray) -> Counts:
        return Counts(self.events[cells], self.n[cells])

    def start(self, offset: np.ndarray) -> np.ndarray:
        """Every cell at the average of the table, by the expected rates."""
        level = np.log((self.events.sum() + 0.5) / ((self.n * np.exp(offset)).sum() + 1.0))
        return np.clip(offset + level, *RANGE)

    def working(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Score, expected information and log-likelihood at ``eta``."""
        rate = np.exp(eta)
        odds = np.expm1(rate)  # of the event, against none
        score = rate * (self.events / odds - (self.n - self.events))
        information = np.maximum(self.n * rate**2 / odds, 1e-10)
        likelihood = special.xlogy(self.events, -np.expm1(-rate)) - (self.n - self.events) * rate
        return score, information, likelihood


@dataclass(frozen=True)
class Normal:
    """Normal likelihood of estimates with known precision."""

    values: np.ndarray
    precision: np.ndarray

    @property
    def wide(self) -> float:
        """Prior standard deviation of the level, in the unit of the values."""
        return _FLAT * max(float(np.abs(self.values).max()), float(self.precision.min()) ** -0.5)

    def take(self, cells: np.ndarray) -> Normal:
        return Normal(self.values[cells], self.precision[cells])

    def start(self, offset: np.ndarray) -> np.ndarray:
        return offset + np.average(self.values - offset, weights=self.precision)

    def working(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        residual = self.values - eta
        information = np.broadcast_to(self.precision, eta.shape)
        return self.precision * residual, information, -self.precision * residual**2 / 2


@dataclass(frozen=True)
class Design:
    """Which main effects a table's cells have: the level of the table first, then every level of every dimension."""

    indicators: np.ndarray | sparse.csr_array
    products: np.ndarray | sparse.csr_array
    """Row by row the outer product of ``indicators``, flattened: sums of ``Z' D Z`` for many ``D`` at once."""
    dimension_of: np.ndarray
    dimensions: int

    @classmethod
    def of(cls, levels: pd.DataFrame) -> Design:
        columns, owners, width = [np.zeros(len(levels), dtype=int)], [-1], 1
        named = levels.dropna(axis=1, how="all")
        for place, name in enumerate(named):
            codes, names = pd.factorize(named[name].astype(object))
            columns.append(width + codes)
            owners += [place] * len(names)
            width += len(names)
        at = np.column_stack(columns)
        rows = np.repeat(np.arange(len(at)), at.shape[1])
        indicators = sparse.csr_array((np.ones(at.size), (rows, at.ravel())), shape=(len(at), width))
        pairs = (at[:, :, None] * width + at[:, None, :]).reshape(len(at), -1)
        rows = np.repeat(np.arange(len(at)), pairs.shape[1])
        products = sparse.csr_array((np.ones(pairs.size), (rows, pairs.ravel())), shape=(len(at), width**2))
        return cls(_compact(indicators), _compact(products), np.array(owners), named.shape[1])

    def typical_error(self, information: np.ndarray) -> np.ndarray:
        """Root of the harmonic mean of the variances of a dimension's levels, one a dimension."""
        levels = np.bincount(self.dimension_of[1:], minlength=self.dimensions)
        return np.sqrt(levels / information.sum())


def _compact(matrix: sparse.csr_array) -> np.ndarray | sparse.csr_array:
    """Dense where that is quicker, which for small matrices it is by far."""
    return matrix.toarray() if matrix.shape[0] * matrix.shape[1] <= _DENSE else matrix


@dataclass(frozen=True)
class Fit:
    """Posterior modes of one table, for ``g`` pairs of spreads."""

    eta: np.ndarray
    additive: np.ndarray
    """Offset and main effects without the departure, like ``eta`` g × cells."""
    departure: np.ndarray
    information: np.ndarray
    effects: np.ndarray
    """Covariances of the main effects, g × width × width."""
    additive_variance: np.ndarray
    log_evidence: np.ndarray

    def take(self, points: np.ndarray) -> Fit:
        """Only these of the pairs of spreads."""
        return Fit(**{name: value[points] for name, value in vars(self).items()})


def fit(
    data: Counts | Normal,
    design: Design,
    offset: np.ndarray,
    sigma: np.ndarray,
    tau: np.ndarray,
    *,
    start: np.ndarray | None = None,
) -> Fit:
    """Modes, covariances and Laplace's evidence for every row of ``sigma`` (g × dimensions) and ``tau`` (g).

    Effects are written as spread times a standard normal, so that a spread of zero is no special case; departures are
    profiled out, which leaves one small system a grid point.
    """
    z, width = design.indicators, design.indicators.shape[1]
    scale = np.column_stack([np.full(len(tau), data.wide), sigma[:, design.dimension_of[1:]]])
    outer = scale[:, :, None] * scale[:, None, :]
    variance = (tau**2)[:, None]
    eta = np.broadcast_to(data.start(offset) if start is None else start, (len(tau), len(offset)))
    steps = 1 if isinstance(data, Normal) else (_STARTING_STEPS if start is None else _STEPS)
    for _ in range(steps):
        score, information, _ = data.working(eta)
        response = eta - offset + score / information
        precision = information / (1 + variance * information)
        system = (precision @ design.products).reshape(-1, width, width) * outer + np.eye(width)
        standard = np.linalg.solve(system, ((precision * response) @ z * scale)[:, :, None])[:, :, 0]
        additive = offset + (standard * scale) @ z.T
        pull = precision * (response + offset - additive)
        target = additive + variance * pull
        if isinstance(data, Normal):
            eta = target
        else:
            eta = np.clip(eta + np.clip(target - eta, -_LONGEST_STEP, _LONGEST_STEP), *RANGE)
    _, _, likelihood = data.working(eta)
    effects = np.linalg.inv(system) * outer
    evidence = (
        likelihood.sum(axis=1)
        - (standard**2).sum(axis=1) / 2
        - (variance * pull**2).sum(axis=1) / 2
        - np.log1p(variance * information).sum(axis=1) / 2
        - np.linalg.slogdet(system)[1] / 2
    )
    additive_variance = effects.reshape(len(tau), -1) @ design.products.T
    return Fit(eta, additive, variance * pull, information, effects, additive_variance, evidence)


def tables(levels: pd.DataFrame) -> list[np.ndarray]:
    """Positions of the cells of each table, a table being the cells that name the same dimensions."""
    named = levels.notna().to_numpy()
    if not named.any(axis=1).all():
        raise ValueError("every cell must name at least one dimension")
    if levels.astype(object).where(levels.notna(), None).duplicated().any():
        raise ValueError("two cells have the same levels")
    patterns: dict[tuple[bool, ...], list[int]] = {}
    for place, row in enumerate(map(tuple, named)):
        patterns.setdefault(row, []).append(place)
    return [np.array(places) for places in patterns.values()]


def check_counts(events: np.ndarray, n: np.ndarray, levels: pd.DataFrame) -> None:
    if not events.shape == n.shape == (len(levels),):
        raise ValueError("events, n and levels must have one length")
    if not ((n > 0) & (events >= 0) & (events <= n * (1 + 1e-9))).all():
        raise ValueError("n must be above zero and events between 0 and n")


def share_of(eta: np.ndarray) -> np.ndarray:
    return -np.expm1(-np.exp(eta))


def rate_of(share: npt.ArrayLike) -> np.ndarray:
    """The complementary log-log of a share."""
    share = np.asarray(share, dtype=float)
    if not ((share > 0) & (share < 1)).all():
        raise ValueError("expected shares must lie between 0 and 1")
    return np.clip(np.log(-np.log1p(-share)), *RANGE)
