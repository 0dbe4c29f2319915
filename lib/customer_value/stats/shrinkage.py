"""Many small groups estimated at once: each is drawn towards what its parts lead one to expect.

Of a hundred groups the best looks better than it is, because the best is partly the luckiest. Here each group, or
*cell*, is a combination of levels of several dimensions, and its estimate is a compromise between its own figure and an
additive model of the dimensions (a main effect for every level): the less a cell knows by itself, the nearer to the
model. Main effects are drawn towards none in the same way.

Cells that name the same dimensions form one table. With ``η`` the cell's value on the scale on which effects add up
(the complementary log-log for shares of events, on which rates multiply; the value itself for other estimates)::

    η(cell) = offset(cell) + level of the table + Σ main effects + departure
    main effects of a dimension ~ N(0, σ²), departures ~ N(0, τ²)

``σ`` is of a dimension, ``τ`` common to all tables, so that tables with few cells borrow from the others how far
combinations depart at all (`customer_value.stats.spreads`). Neither is plugged in: both are summed over. The prior:
with probability 0.1 nothing makes any difference; else two fifths of the dimensions or more do, and with probability ¼
no combination departs; of what does differ, the share that a typical effect keeps of itself is about uniform (``σ² / (4
s² + σ²)`` is, ``s`` being its typical standard error). Given both, the posterior is normal around its mode (exact for
estimates with standard errors, Laplace's approximation for shares), and each cell's own likelihood then enters as it
is.

References
----------
Morris (1983), Parametric empirical Bayes inference; Daniels (1999), A prior for the variance in hierarchical models;
Breslow and Clayton (1993) for the approximation; Rue, Martino and Chopin (2009) for summing it over a grid and for the
correction of each cell; Efron (2010), Large-Scale Inference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from customer_value.stats.additive_cells import (
    RANGE,
    Counts,
    Design,
    Fit,
    Normal,
    check_counts,
    rate_of,
    share_of,
    tables,
)
from customer_value.stats.spreads import POINTS, Table, learned

DRAWS = 1_000
"""Draws from the posterior for probabilities of ranks; of a fixed seed, so that they repeat."""

_SEED = 20_260_630
_NOTHING = 1e-6
"""Departures nearer to none than this are none."""

_POINTS = 61
"""Points at which a cell's posterior is reckoned."""


@dataclass(frozen=True)
class Shrunk:
    """Cells after shrinkage.

    Attributes
    ----------
    table : one row a cell, in the order given: ``estimate`` (posterior mean), ``low, high`` (posterior quantiles),
        ``additive`` (what the parts lead one to expect)
    draws : draws from the posterior by cells, every table moved to the common average
    average : the weighted mean of all cells
    """

    table: pd.DataFrame
    draws: np.ndarray
    average: float
    _posteriors: tuple[_Posterior, ...]
    _shares: bool

    def departures(self, *, confidence: float) -> pd.DataFrame:
        """Each cell's departure from what its parts lead one to expect, on their scale: ``estimate, low, high``."""
        found = np.empty((len(self.table), 3))
        for each in self._posteriors:
            spread = each.departure_spread
            effects = [
                each.weights @ each.fit.departure,
                *(_quantile(each.weights, each.fit.departure, spread, 0.5 + side * confidence / 2) for side in (-1, 1)),
            ]
            for column, effect in enumerate(effects):
                # A rounding error of nothing would pass for a departure.
                effect = np.where(np.abs(effect) < _NOTHING, 0.0, effect)
                departed = _value(each.additive + effect, self._shares) - _value(each.additive, self._shares)
                found[each.cells, column] = departed
        return pd.DataFrame(found, columns=["estimate", "low", "high"])

    def among_best(self, *, share: float = 0.1, among: npt.ArrayLike | None = None, largest: bool = True) -> np.ndarray:
        """Probability of each cell to be among the best ``share`` of cells; at least one of them is.

        Parameters
        ----------
        among : which cells are ranked; the others get NaN. None for all
        largest : whether a large value is good
        """
        ranked = np.ones(len(self.table), dtype=bool) if among is None else np.asarray(among, dtype=bool)
        found = np.full(len(self.table), np.nan)
        if ranked.any():
            found[ranked] = self._best(share, ranked, largest).mean(axis=0)
        return found

    def best_of_kinds(
        self,
        kinds: npt.ArrayLike,
        *,
        share: float = 0.1,
        among: npt.ArrayLike,
        largest: bool = True,
        confidence: float = 0.95,
    ) -> pd.DataFrame:
        """Of the ranked cells of several kinds, what share is among the best.

        Parameters
        ----------
        kinds : cells by kinds, whether a cell is of a kind; a cell may be of several
        share, among, largest : as in `among_best`; some cell must be ranked

        Returns
        -------
        One row a kind: ``estimate, low, high`` (mean and quantiles of the posterior), ``cells`` (how many are ranked).
        """
        ranked = np.asarray(among, dtype=bool)
        having = np.asarray(kinds, dtype=float)[ranked]
        cells = having.sum(axis=0)
        drawn = self._best(share, ranked, largest) @ having / np.maximum(cells, 1)
        low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
        table = pd.DataFrame({"estimate": drawn.mean(axis=0), "low": low, "high": high})
        return table[cells > 0].reindex(table.index).assign(cells=cells.astype(int))

    def _best(self, share: float, ranked: np.ndarray, largest: bool) -> np.ndarray:
        """Whether each ranked cell is among the best, draws by cells."""
        drawn = self.draws[:, ranked] * (1.0 if largest else -1.0)
        best = max(1, round(share * int(ranked.sum())))
        return drawn >= np.partition(drawn, -best, axis=1)[:, [-best]]

    def above_average(self) -> np.ndarray:
        """Probability of each cell to lie above the average of all."""
        return (self.draws > self.average).mean(axis=0)


def shrink_shares(
    events: npt.ArrayLike,
    n: npt.ArrayLike,
    levels: pd.DataFrame,
    *,
    expected: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Shrunk:
    """Shares of events in many cells, shrunk towards an additive model of their dimensions.

    Parameters
    ----------
    events, n : counts of each cell, or what stands for them (effective numbers); they need not be whole
    levels : one row a cell, one column a dimension; missing where the cell does not name the dimension
    expected : share of events that what is known besides leads one to expect in each cell, between 0 and 1; effects
        multiply its rate. None: the same everywhere
    weight : what each cell counts for in the average; None for ``n``
    confidence : of the posterior intervals

    Raises
    ------
    ValueError : lengths differ, counts are impossible, or two cells of one table have the same levels
    """
    events, n = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    check_counts(events, n, levels)
    offset = np.zeros(len(n)) if expected is None else rate_of(expected)
    return _shrink(Counts(events, n), levels, offset, n if weight is None else weight, confidence)


def shrink_estimates(
    estimate: npt.ArrayLike,
    standard_error: npt.ArrayLike,
    levels: pd.DataFrame,
    *,
    expected: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Shrunk:
    """Estimates with standard errors, such as ratios, shrunk towards an additive model of their dimensions.

    Parameters
    ----------
    estimate, standard_error : one a cell; errors above zero, see `moderated_errors`
    levels, confidence : as in `shrink_shares`
    expected : what is known besides leads one to expect in each cell; effects are added to it. None for zero
    weight : what each cell counts for in the average; None for ``1 / standard_error²``

    Raises
    ------
    ValueError : lengths differ, an error is not above zero, or two cells of one table have the same levels
    """
    values, errors = np.asarray(estimate, dtype=float), np.asarray(standard_error, dtype=float)
    if not values.shape == errors.shape == (len(levels),):
        raise ValueError("estimate, standard_error and levels must have one length")
    if not (errors > 0).all() or not np.isfinite(values).all():
        raise ValueError("estimates must be finite and standard errors above zero")
    offset = np.zeros(len(values)) if expected is None else np.asarray(expected, dtype=float)
    return _shrink(Normal(values, errors**-2.0), levels, offset, errors**-2.0 if weight is None else weight, confidence)


def moderated_errors(
    standard_error: npt.ArrayLike, effective_n: npt.ArrayLike, n: npt.ArrayLike, *, prior_n: float = 30.0
) -> np.ndarray:
    """Standard errors whose unit variances are drawn towards their pooled value.

    In a small cell where by chance little varied, the error is too small just where the estimate is off. Each cell's
    variance of one unit, ``error² × effective n``, is averaged with the pooled one as if that rested on ``prior_n``
    observations.

    References
    ----------
    Smyth (2004), with the weight of the pooled variance given rather than estimated.
    """
    error, size, n = (np.asarray(value, dtype=float) for value in (standard_error, effective_n, n))
    unit = np.where(np.isfinite(error), error, 0.0) ** 2 * size
    freedom = np.where(np.isfinite(error), np.maximum(n - 1, 0.0), 0.0)
    pooled = float((unit * freedom).sum() / freedom.sum()) if freedom.sum() > 0 else 1.0
    return np.sqrt((freedom * unit + prior_n * pooled) / (freedom + prior_n) / size)


@dataclass(frozen=True)
class _Posterior:
    """One table: what is known of its cells, given the spreads that differ for it, their weights, and their points."""

    cells: np.ndarray
    design: Design
    fit: Fit
    tau: np.ndarray
    weights: np.ndarray
    point: np.ndarray
    marginals: _Marginals

    @property
    def left(self) -> np.ndarray:
        """The share of a change in the main effects that a cell's own value follows, points by cells."""
        return 1 / (1 + self.tau[:, None] ** 2 * self.fit.information)

    @property
    def additive(self) -> np.ndarray:
        return self.weights @ self.fit.additive

    @property
    def departure_spread(self) -> np.ndarray:
        left = self.left
        spread = np.sqrt(self.tau[:, None] ** 2 * left + (1 - left) ** 2 * self.fit.additive_variance)
        # Where nothing departs the departure is known to be none, which a width of next to nothing says as well.
        return np.maximum(spread, 1e-9)

    def draw(self, point: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """One draw of all cells for every grid point given, on the scale on which effects add up."""
        normal = generator.standard_normal((len(point), len(self.cells)))
        main = generator.standard_normal((len(point), self.design.indicators.shape[1]))
        drawn, left = np.empty_like(normal), self.left
        for each in np.unique(point):
            here = point == each
            effects = self.fit.effects[each]
            # A dimension that makes no difference has no variance at all.
            root = np.linalg.cholesky(effects + 1e-9 * effects.max() * np.eye(len(effects)))
            moved = (main[here] @ root.T) @ self.design.indicators.T
            drawn[here] = self.fit.eta[each] + left[each] * moved + self.tau[each] * np.sqrt(left[each]) * normal[here]
        # Order from the joint approximation, values from each cell's own posterior.
        even = (np.arange(len(point)) + 0.5) / len(point)
        np.put_along_axis(drawn, np.argsort(drawn, axis=0), self.marginals.quantiles(even), axis=0)
        return drawn


@dataclass(frozen=True)
class _Marginals:
    """Posterior of each cell of a table on a grid of its own, summed over the spreads.

    The normal approximation serves for what the other cells say of a cell; the cell's own likelihood then enters as it
    is. Near no events it is far from normal, and the approximation alone would put such cells too high.
    """

    at: np.ndarray
    chance: np.ndarray
    """Points by cells: where, and with which probability."""

    @classmethod
    def of(cls, data: Counts | Normal, mode: np.ndarray, variance: np.ndarray, weights: np.ndarray) -> _Marginals:
        score, information, _ = data.working(mode)
        left = np.maximum(1 - information * variance, 1e-9)
        others, precision = mode - score * variance / left, left / variance
        spread = np.sqrt(variance)
        low = (mode - 6 * spread).min(axis=0)
        high = (mode + 5 * spread).max(axis=0)
        at = low + (high - low) * np.linspace(0, 1, _POINTS)[:, None]
        own = data.working(np.clip(at, *RANGE) if isinstance(data, Counts) else at)[2]
        density = -precision[:, None, :] * (at - others[:, None, :]) ** 2 / 2 + own
        density = special.softmax(density, axis=1)
        return cls(at, np.einsum("g,gpc->pc", weights, density))

    def mean(self, shares: bool) -> np.ndarray:
        return (self.chance * _value(self.at, shares)).sum(axis=0)

    def quantiles(self, levels: npt.ArrayLike) -> np.ndarray:
        """Levels by cells."""
        below = np.cumsum(self.chance, axis=0) - self.chance / 2
        return np.column_stack(
            [np.interp(levels, below[:, cell], self.at[:, cell]) for cell in range(self.at.shape[1])]
        )


def _shrink(
    data: Counts | Normal, levels: pd.DataFrame, offset: np.ndarray, weight: npt.ArrayLike, confidence: float
) -> Shrunk:
    weight = np.asarray(weight, dtype=float)
    shares = isinstance(data, Counts)
    posteriors = _posteriors(data, levels, offset)
    found = {name: np.empty(len(levels)) for name in ("estimate", "low", "high", "additive")}
    for each in posteriors:
        found["estimate"][each.cells] = each.marginals.mean(shares)
        limits = _value(each.marginals.quantiles([0.5 - confidence / 2, 0.5 + confidence / 2]), shares)
        found["low"][each.cells], found["high"][each.cells] = limits
        found["additive"][each.cells] = _value(each.additive, shares)
    average = float(np.average(found["estimate"], weights=weight))

    generator = np.random.default_rng(_SEED)
    # As many draws at every point of the spreads, the same in all tables.
    points = np.repeat(np.arange(POINTS), DRAWS // POINTS)
    draws = np.empty((len(points), len(levels)))
    for each in posteriors:
        own = _value(each.draw(each.point[points], generator), shares)
        # A table's level is the same quantity in every table.
        level = own @ weight[each.cells] / weight[each.cells].sum()
        draws[:, each.cells] = own + average - level[:, None]
    return Shrunk(pd.DataFrame(found), draws, average, tuple(posteriors), shares)


def _posteriors(data: Counts | Normal, levels: pd.DataFrame, offset: np.ndarray) -> list[_Posterior]:
    """Every table's posterior."""
    parts = [Table.of(data, levels, offset, cells) for cells in tables(levels)]
    spreads = learned(parts, levels.shape[1])
    found = []
    for table in parts:
        main, tau, point = spreads.of(table)
        fitted, weights = table.fit(main, tau), np.bincount(point) / POINTS
        left = 1 / (1 + tau[:, None] ** 2 * fitted.information)
        variance = tau[:, None] ** 2 * left + left**2 * fitted.additive_variance
        marginals = _Marginals.of(table.data, fitted.eta, variance, weights)
        found.append(_Posterior(table.cells, table.design, fitted, tau, weights, point, marginals))
    return found


def _value(eta: np.ndarray, shares: bool) -> np.ndarray:
    return share_of(np.clip(eta, *RANGE)) if shares else eta


def _quantile(weights: np.ndarray, mean: np.ndarray, spread: np.ndarray, level: float) -> np.ndarray:
    """Quantile of a mixture of normals, one a column, by bisection."""
    low, high = (mean - 9 * spread).min(axis=0), (mean + 9 * spread).max(axis=0)
    for _ in range(45):
        middle = (low + high) / 2
        below = weights @ special.ndtr((middle - mean) / spread) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
