"""The likelihood of grouped proportional hazards: counts by pattern of covariates, and where it is highest.

With the baseline ``α_s`` of stratum s and covariates x the cumulative hazard of a person-month is ``exp(α_s + x'β)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_ALIASED = 1e-10
"""Share of a column's variation within strata that must be left after the columns before it."""
_CLEAR = 1e-6
"""Smallest eigenvalue of the columns' correlations within strata that alone shows that none is settled by others."""
_UNBOUNDED = 100.0
"""Standard error of the log ratio over a column's whole range that says the likelihood flattens towards infinity: less
than a ten-thousandth of an event informs it."""
_TOLERANCE = 1e-18
"""Newton's decrement, twice the log-likelihood still to be gained, at which it stops."""
_LARGEST = 50.0
"""Logarithm of the largest cumulative hazard that is told from larger ones, and less of the smallest."""
_STRIDE = 5.0
_STEPS = 100
TINY = 1e-300


@dataclass(frozen=True)
class Coefficients:
    """Baselines (log cumulative hazard of each stratum, −∞ without events, ∞ with nothing else) and slopes."""

    baseline: np.ndarray
    slopes: np.ndarray

    def hazard(self, stratum: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Cumulative hazard over the person-month, ``exp(α + x'β)``; missing for strata and levels never seen."""
        known = np.where(stratum < 0, np.nan, self.baseline[stratum]) if self.baseline.size else np.nan
        with np.errstate(over="ignore"):
            return np.exp(known + matrix @ self.slopes)


@dataclass(frozen=True)
class Counts:
    """Person-months at risk and events by pattern of covariates, in order of stratum."""

    n: np.ndarray
    d: np.ndarray
    x: np.ndarray
    starts: np.ndarray
    """First row of each stratum."""
    strata: np.ndarray
    """Which of all strata these are."""

    @property
    def sizes(self) -> np.ndarray:
        return np.diff(np.append(self.starts, len(self.n)))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Of each stratum."""
        return np.add.reduceat(values, self.starts, axis=0) if len(self.starts) else values[:0]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """One value a stratum to its rows."""
        return np.repeat(values, self.sizes, axis=0)

    def centred(self) -> tuple[np.ndarray, np.ndarray]:
        """Each stratum's mean of the columns, and the columns less it."""
        means = self.sums(self.n[:, None] * self.x) / self.sums(self.n)[:, None]
        return means, self.x - self.spread(means)

    def ranges(self) -> np.ndarray:
        """Largest less smallest value of each column."""
        return np.ptp(self.x, axis=0) if len(self.x) else np.zeros(self.x.shape[1])

    def select(self, columns: np.ndarray) -> Counts:
        return replace(self, x=self.x[:, columns])

    def informative(self) -> Counts:
        """Without strata that nobody or everybody had an event in: their baselines are infinite, whatever β is."""
        n, d = self.sums(self.n), self.sums(self.d)
        kept = (d > 0) & (d < n)
        rows = self.spread(kept) & (self.n > 0)
        stratum = np.repeat(np.arange(len(kept)), self.sizes)[rows]
        starts = np.flatnonzero(np.diff(stratum, prepend=-1))
        return Counts(self.n[rows], self.d[rows], self.x[rows], starts, self.strata[kept])

    def baselines(self, used: Counts, found: np.ndarray) -> np.ndarray:
        """Of all strata: what was found in those used, −∞ where nobody had an event, ∞ where everybody had one."""
        everyone = self.sums(self.d) >= self.sums(self.n)
        baseline = np.where(everyone & (self.sums(self.n) > 0), np.inf, -np.inf)
        baseline[used.strata] = found
        return baseline


@dataclass(frozen=True)
class Maximum:
    baseline: np.ndarray
    slopes: np.ndarray
    log_likelihood: float
    information: np.ndarray
    means: np.ndarray
    schur: np.ndarray
    """Information on the slopes, the baselines being unknown."""

    def endless(self, ranges: np.ndarray) -> np.ndarray:
        """Which slopes grow without bound: all events fall on one side of their columns, alone or together."""
        if not len(ranges):
            return np.zeros(0, dtype=bool)
        information, directions = np.linalg.eigh(self.schur * ranges[:, None] * ranges)
        floor = np.maximum(information, 1e-14 * max(float(information[-1]), 1.0))
        return (directions**2 / floor).sum(axis=1) > _UNBOUNDED**2


def aliased(counts: Counts) -> np.ndarray:
    """The status of each column: whether it varies within strata, and beyond the columns before it."""
    columns = counts.x.shape[1]
    status = np.full(columns, "constant", dtype=object)
    if not len(counts.n):
        return np.full(columns, "uninformed", dtype=object)
    _, centred = counts.centred()
    scale = np.sqrt(counts.n @ centred**2)
    level = np.sqrt(counts.n @ counts.x**2)
    if columns and (scale > np.sqrt(_ALIASED) * level).all():
        standard = centred * (np.sqrt(counts.n)[:, None] / scale)
        if np.linalg.eigvalsh(standard.T @ standard)[0] > _CLEAR:
            return np.full(columns, "estimated", dtype=object)
    # One direction a row, so that each is contiguous.
    basis, found = np.empty((columns, len(counts.n))), 0
    for column in range(columns):
        if scale[column] <= np.sqrt(_ALIASED) * level[column]:
            continue
        rest = np.sqrt(counts.n) * centred[:, column] / scale[column]
        # Twice, for what rounding left of the first pass.
        for _ in range(2):
            rest = rest - (basis[:found] @ rest) @ basis[:found]
        left = float(rest @ rest)
        if left <= _ALIASED:
            status[column] = "collinear"
            continue
        status[column] = "estimated"
        basis[found] = rest / np.sqrt(left)
        found += 1
    return status


def derivatives(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the log-likelihood by the log cumulative hazard.

    Returns
    -------
    The hazard: without an event the score is its negative, and the information itself; the score and the information of
    an event.
    """
    rate = np.exp(np.clip(eta, -_LARGEST, _LARGEST))
    with np.errstate(over="ignore"):
        ratio = rate / np.expm1(rate)
    return rate, ratio, ratio * (rate / -np.expm1(-rate) - 1)


def _log_likelihood(counts: Counts, eta: np.ndarray) -> float:
    rate = np.exp(np.clip(eta, -_LARGEST, _LARGEST))
    return float(np.sum(counts.d * np.log(-np.expm1(-rate)) - (counts.n - counts.d) * rate))


def maximise(
    counts: Counts,
    *,
    baseline: np.ndarray | None = None,
    slopes: np.ndarray | None = None,
    offset: np.ndarray | float = 0.0,
    tolerance: float = _TOLERANCE,
) -> Maximum:
    """Newton's method on the log-likelihood, which is concave; each stratum's baseline is eliminated from the system.

    Information on baselines is diagonal, so that the slopes' system is that of columns centred on each stratum's mean,
    weighted by information, however many strata there are.
    """
    if baseline is None:
        baseline = np.log(-np.log1p(-counts.sums(counts.d) / counts.sums(counts.n)))
    slopes = np.zeros(counts.x.shape[1]) if slopes is None else slopes
    # Shifts within strata change neither the slopes' score nor their information; centred, nothing cancels in them.
    centre, centred = counts.centred()
    eta = counts.spread(baseline) + counts.x @ slopes + offset
    value = _log_likelihood(counts, eta)
    for step in range(_STEPS + 1):
        rate, ratio, curvature = derivatives(eta)
        score = counts.d * ratio - (counts.n - counts.d) * rate
        weight = counts.d * curvature + (counts.n - counts.d) * rate
        # In a stratum that is close to settled nothing is left to inform, nor to move.
        information = np.maximum(counts.sums(weight), TINY)
        weighted = weight[:, None] * centred
        totals = counts.sums(weighted)
        shifts = totals / information[:, None]
        schur = centred.T @ weighted - shifts.T @ totals
        baseline_gradient = counts.sums(score)
        gradient = centred.T @ score - shifts.T @ baseline_gradient
        means = centre + shifts
        slope_step = inverse(schur) @ gradient
        baseline_step = baseline_gradient / information - means @ slope_step
        decrement = float(gradient @ slope_step + np.sum(baseline_gradient**2 / information))
        found = Maximum(baseline, slopes, value, information, means, schur)
        if decrement <= tolerance or step == _STEPS:
            break
        direction = counts.spread(baseline_step) + counts.x @ slope_step
        # Far from the maximum a quadratic is a poor guide: no hazard moves by more than a factor in one step.
        length = min(1.0, _STRIDE / max(float(np.abs(direction).max()), TINY))
        while (reached := _log_likelihood(counts, eta + length * direction)) < value - 1e-12 * (1 + abs(value)):
            length /= 2
        baseline, slopes = baseline + length * baseline_step, slopes + length * slope_step
        eta, value = eta + length * direction, reached
    return found


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Of a positive definite matrix, scaled first: a column near infinity has almost no information."""
    if not len(matrix):
        return matrix
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), TINY))
    return scale[:, None] * np.linalg.pinv(matrix * scale[:, None] * scale, hermitian=True) * scale
