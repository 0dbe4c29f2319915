"""How far single cells lie from what the other cells of their table lead one to expect, tested one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from customer_value.stats import intervals
from customer_value.stats.additive_cells import RANGE, Counts, Design, check_counts, fit, rate_of, share_of, tables

_WEAK_SPREAD = 2.5
"""Standard deviation of main effects where they are only kept finite (a level without events has none otherwise)."""


def depart(
    events: npt.ArrayLike,
    n: npt.ArrayLike,
    levels: pd.DataFrame,
    *,
    expected: npt.ArrayLike | None = None,
    among: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How far each cell's share of events is from what the other cells of its table lead one to expect, unshrunk.

    The additive model is fitted to the table without the cell, main effects being kept finite by a weak prior. The
    p-value is the two-sided mid-p of the cell's own count among the counts that this prediction and its uncertainty
    allow, so it holds for small counts too. Where the prediction rests on next to nothing (every other cell is needed
    to tell the parts apart) it is near 1.

    Parameters
    ----------
    events, n, levels, expected, confidence : as in `shrink_shares`
    among : which cells are tested; the others get NaN. None for all

    Returns
    -------
    One row a cell: ``estimate`` (share less prediction), ``low, high`` (Wilson's limits of the share and the
    prediction's quantiles, combined), ``p``.

    References
    ----------
    Haberman (1973) for residuals of tables; Zou and Donner (2008) for the limits; Lancaster (1961) for the mid-p.
    """
    events, n = np.asarray(events, dtype=float), np.asarray(n, dtype=float)
    check_counts(events, n, levels)
    offset = np.zeros(len(n)) if expected is None else rate_of(expected)
    counts = Counts(events, n)
    asked = np.ones(len(n), dtype=bool) if among is None else np.asarray(among, dtype=bool)
    found = np.full((len(n), 4), np.nan)
    nodes, node_weights = special.roots_hermitenorm(41)
    node_weights = node_weights / node_weights.sum()
    quantile = stats.norm.ppf(0.5 + confidence / 2)
    for cells in tables(levels):
        places = np.flatnonzero(asked[cells])
        if not len(places):
            continue
        own, design = counts.take(cells), Design.of(levels.iloc[cells])
        spread = np.full((len(places), design.dimensions), _WEAK_SPREAD)
        nothing = np.zeros(len(places))
        begun = fit(own, design, offset[cells], spread[:1], nothing[:1])
        # One fit a cell, in which that cell has nobody.
        others = 1 - np.eye(len(cells))[places]
        left_out = Counts(own.events * others, own.n * others)
        fitted = fit(left_out, design, offset[cells], spread, nothing, start=begun.eta[0])
        each = np.arange(len(places))
        without, spread = fitted.additive[each, places], np.sqrt(fitted.additive_variance[each, places])
        predicted = share_of(np.clip(without[:, None] + spread[:, None] * nodes, *RANGE))
        own = own.take(places)
        y, size = own.events[:, None], own.n[:, None]
        above, from_here = special.betainc(y + 1, np.maximum(size - y, 1e-9), predicted), _at_least(y, size, predicted)
        upper = ((above + from_here) / 2) @ node_weights
        mean = predicted @ node_weights
        low, high = (share_of(np.clip(without + sign * quantile * spread, *RANGE)) for sign in (-1, 1))
        observed = intervals.wilson(own.events, own.n, confidence=confidence)
        limits = intervals.difference_of_limits(*observed, mean, np.minimum(low, mean), np.maximum(high, mean))
        found[cells[places]] = np.column_stack([*limits, np.clip(2 * np.minimum(upper, 1 - upper), 0, 1)])
    return pd.DataFrame(found, columns=["estimate", "low", "high", "p"])


def _at_least(events: np.ndarray, n: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Chance of at least so many events."""
    return np.where(events > 0, special.betainc(np.maximum(events, 1e-9), n - events + 1, share), 1.0)
