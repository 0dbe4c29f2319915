"""Tail chances of a weighted sum of rare yes-or-no outcomes, where the normal distribution is too thin-tailed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special, stats

_NEAR = 1e-2
"""Within so many standard deviations of the middle the normal distribution serves; the saddlepoint divides by it."""
_MOST_STEPS = 200


def two_sided_p(total: float, pull: npt.ArrayLike, expected: npt.ArrayLike, *, dispersion: float = 1.0) -> float:
    """Chance of a sum at least this far from nothing, either way, where every outcome only does as expected.

    The sum is ``Σ pull (Y − expected)``, its outcomes independent and yes or no. In a small group with rare outcomes it
    is skewed and lumpy, and the normal distribution makes far results look two to three times rarer than they are.

    Parameters
    ----------
    total : the sum that was seen
    pull : weight of each outcome, either sign
    expected : chance of each, between 0 and 1
    dispersion : variance over the binomial one; below 1 for fractions

    Returns
    -------
    p, at most 1; 1 where nothing can vary.

    References
    ----------
    Barndorff-Nielsen (1990) for the tail formula; Dey, Schmidt, Abecasis and Lee (2017) for its use in score tests.
    """
    pull, expected = np.asarray(pull, dtype=float), np.asarray(expected, dtype=float)
    variance = float(np.sum(pull**2 * expected * (1 - expected)))
    if not variance > 0:
        return 1.0
    pull = pull / np.sqrt(variance)
    far = abs(total) / np.sqrt(variance * dispersion)
    return min(1.0, _beyond(far, pull, expected) + _beyond(far, -pull, expected))


def _beyond(far: float, pull: np.ndarray, expected: np.ndarray) -> float:
    """Chance that the sum, of unit variance, is at least ``far``."""
    if far < _NEAR:
        return float(stats.norm.sf(far))
    most = float(np.sum(np.where(pull > 0, pull * (1 - expected), -pull * expected)))
    if far >= most * (1 - 1e-9):
        # Only the most extreme outcome of all reaches so far, or none does.
        all_so = np.where(pull > 0, expected, 1 - expected)[pull != 0]
        return float(np.prod(all_so)) if far <= most * (1 + 1e-9) else 0.0
    odds = special.logit(expected)

    def slope(t: float) -> tuple[float, float]:
        tilted = special.expit(odds + t * pull)
        return float(pull @ (tilted - expected)), float(pull**2 @ (tilted * (1 - tilted)))

    low, high = 0.0, 1.0
    while slope(high)[0] < far:
        low, high = high, 2 * high
    t = (low + high) / 2
    for _ in range(_MOST_STEPS):
        first, second = slope(t)
        low, high = (t, high) if first < far else (low, t)
        step = t - (first - far) / second if second > 0 else low
        better = step if low < step < high else (low + high) / 2
        moved, t = abs(better - t), better
        if moved <= 1e-10 * (1 + t):
            break
    cumulant = float(np.sum(np.logaddexp(np.log1p(-expected), np.log(expected) + t * pull) - t * pull * expected))
    root = np.sqrt(max(2 * (t * far - cumulant), 0.0))
    scaled = t * np.sqrt(slope(t)[1])
    if not root > 0 or not scaled > 0:
        return float(stats.norm.sf(far))
    return float(stats.norm.sf(root + np.log(scaled / root) / root))
