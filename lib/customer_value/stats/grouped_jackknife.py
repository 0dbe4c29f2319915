"""What estimates of grouped hazards become with one group of subjects left out at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from customer_value.stats.grouped_likelihood import (
    TINY,
    Coefficients,
    Counts,
    Maximum,
    aliased,
    derivatives,
    inverse,
    maximise,
)

_NEAR = 0.5
"""Standard errors that a slope may move, and share of its information that a direction may lose, for one step to do."""
_TOLERANCE = 1e-6
"""Newton's decrement at which a refit stops: replicates only say how much estimates vary, and a thousandth of a
standard error is near enough."""


def left_out(
    counts: Counts,
    pattern: np.ndarray,
    codes: np.ndarray,
    sizes: np.ndarray,
    start: Coefficients,
    top: Maximum,
    free: np.ndarray,
) -> Iterable[Coefficients]:
    """The coefficients with each group left out: one Newton step from those of all groups, or a refit if that is far.

    A step is near where no slope moves by half its standard error and no direction loses half its information. A slope
    that cannot be estimated without some group is missing there.
    """
    pull = _Pull.of(counts, start, free, pattern, sizes)
    for group in range(codes.max() + 1):
        members = codes == group
        n, d = (np.bincount(pattern[members], sizes[members, column], len(counts.n)) for column in (0, 1))
        rest = replace(counts, n=counts.n - n, d=counts.d - d)
        yield pull.without(members, rest, start, top, free) or _refitted(rest, start, free)


def _refitted(rest: Counts, start: Coefficients, free: np.ndarray) -> Coefficients:
    used = rest.informative()
    known = free & (aliased(used) == "estimated")
    top = maximise(
        used.select(known),
        baseline=start.baseline[used.strata],
        slopes=start.slopes[known],
        tolerance=_TOLERANCE,
    )
    slopes = np.where(free, np.nan, 0.0)
    slopes[known] = np.where(top.endless(used.ranges()[known]), np.nan, top.slopes)
    return Coefficients(rest.baselines(used, top.baseline), slopes)


@dataclass(frozen=True)
class _Pull:
    """What each cell adds to the score and to the information, at the estimates of all cells."""

    x: np.ndarray
    """Free columns of every pattern, less their stratum's mean."""
    centre: np.ndarray
    pattern: np.ndarray
    stratum: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    information: np.ndarray
    totals: np.ndarray
    gram: np.ndarray

    @classmethod
    def of(cls, counts: Counts, start: Coefficients, free: np.ndarray, pattern: np.ndarray, sizes: np.ndarray) -> _Pull:
        centre, x = counts.select(free).centred()
        known = np.isfinite(start.baseline)
        eta = counts.spread(np.where(known, start.baseline, 0.0)) + counts.x[:, free] @ start.slopes[free]
        rate, ratio, curvature = derivatives(eta)
        stratum = np.repeat(np.arange(len(counts.starts)), counts.sizes)
        # Strata that do not inform neither pull nor hold.
        inform = counts.spread(known.astype(float))
        happened, without = sizes[:, 1], sizes[:, 0] - sizes[:, 1]
        weight = (happened * curvature[pattern] + without * rate[pattern]) * inform[pattern]
        weighted = np.bincount(pattern, weight, len(counts.n))[:, None] * x
        return cls(
            x=x,
            centre=centre,
            pattern=pattern,
            stratum=stratum[pattern],
            score=(happened * ratio[pattern] - without * rate[pattern]) * inform[pattern],
            weight=weight,
            information=np.bincount(stratum[pattern], weight, len(counts.starts)),
            totals=counts.sums(weighted),
            gram=x.T @ weighted,
        )

    def without(
        self, members: np.ndarray, rest: Counts, start: Coefficients, top: Maximum, free: np.ndarray
    ) -> Coefficients | None:
        """One Newton step to the estimates without some cells; None where that would not be near enough."""
        n, d = rest.sums(rest.n), rest.sums(rest.d)
        alive = (d > 0) & (d < n)
        lost = members | ~alive[self.stratum]
        x, stratum = self.x[self.pattern[lost]], self.stratum[lost]
        weight, score = self.weight[lost], self.score[lost]
        strata = len(n)
        totals = np.zeros_like(self.totals)
        np.add.at(totals, stratum, weight[:, None] * x)
        information = np.where(alive, self.information - np.bincount(stratum, weight, strata), 1.0)
        totals = np.where(alive[:, None], self.totals - totals, 0.0)
        shifts = totals / np.maximum(information, TINY)[:, None]
        schur = self.gram - x.T @ (weight[:, None] * x) - shifts.T @ totals
        if not _holds(schur, top.schur):
            return None
        # All scores together are nothing at the maximum.
        baseline_score = np.where(alive, -np.bincount(stratum, score, strata), 0.0)
        step = inverse(schur) @ (-(x.T @ score) - shifts.T @ baseline_score)
        if (np.abs(step) > _NEAR * np.sqrt(np.diag(inverse(top.schur)))).any():
            return None
        moved = baseline_score / np.maximum(information, TINY) - (self.centre + shifts) @ step
        slopes = start.slopes.copy()
        slopes[free] += step
        return Coefficients(
            np.where(alive, start.baseline + moved, np.where((n > 0) & (d >= n), np.inf, -np.inf)), slopes
        )


def _holds(rest: np.ndarray, whole: np.ndarray) -> bool:
    """Whether every direction keeps enough of its information."""
    try:
        return not len(whole) or bool(linalg.eigh(rest, whole, eigvals_only=True)[0] >= 1 - _NEAR)
    except linalg.LinAlgError:
        return False
