"""Looking some months back from a month at risk, and counting what is seen by cells.

Accounts and months lie side by side here, in arrays, so that looking back is a shift. A database would have to join
millions of rows to millions for each feature and each number of months, which takes ten times as long and more room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

_MOST_CELLS = 2**24
"""Cells that are counted in place; where more are possible, those that occur are sought first."""


@dataclass(frozen=True)
class Grid:
    """Months at risk, and all use of the accounts, by account and month.

    Attributes
    ----------
    account, month, whole_from : one entry a month at risk: the account's number (from 0), the month's, and that of the
        first month that lies wholly in the account's life
    first, last : numbers of the first and the last month in which use is recorded
    days, events : days as a customer and uses of all features, cumulated over the months from ``first`` on; one row an
        account, the first column 0
    """

    account: np.ndarray
    month: np.ndarray
    whole_from: np.ndarray
    first: int
    last: int
    days: np.ndarray
    events: np.ndarray

    def cumulated(self, account: np.ndarray, month: np.ndarray, values: np.ndarray | int) -> np.ndarray:
        """Values of single accounts and months, cumulated like ``days``."""
        return cumulated(self.days.shape, account, month - self.first, values)

    def between(self, totals: np.ndarray, account: np.ndarray, since: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Sums of cumulated values over the months from ``since`` to ``until``; before ``first`` there is nothing."""
        row, flat = account * totals.shape[1] - self.first, totals.ravel()
        since = np.maximum(since, self.first)
        return flat[row + np.maximum(until + 1, since)] - flat[row + since]


def cumulated(shape: tuple[int, int], account: np.ndarray, place: np.ndarray, values: np.ndarray | int) -> np.ndarray:
    """Values of single accounts and places, cumulated over places: column k holds the sum of the first k."""
    dense = np.zeros(shape, dtype=np.int64)
    dense[account, place + 1] = values
    return dense.cumsum(axis=1, out=dense)


@dataclass(frozen=True)
class Lagged:
    """Use of a feature, and of all others, some months before the months at risk whose window is observed.

    Attributes
    ----------
    place : which months at risk these are
    months_used : months of the window with use of the feature
    adopted : whether the feature had been adopted by the window's end
    other_events, prior_days : uses of the other features and days as a customer before the window
    """

    place: np.ndarray
    months_used: np.ndarray
    adopted: np.ndarray
    other_events: np.ndarray
    prior_days: np.ndarray


def lagged(
    grid: Grid,
    used: tuple[np.ndarray, np.ndarray, np.ndarray],
    adopted: np.ndarray,
    *,
    lag: int,
    window: int,
    prior: int,
) -> Lagged:
    """Look back from every month at risk over the ``window`` months that lie ``lag`` whole months before it.

    Parameters
    ----------
    used : account, month and uses of a feature, each account and month once
    adopted : the month in which each account adopted it; beyond every month where it did not
    prior : months before the window that the intensity of other use is taken over

    Returns
    -------
    The months at risk whose window was recorded and lies wholly in the account's life.
    """
    since, until = grid.month - (lag + window), grid.month - (lag + 1)
    place = np.flatnonzero((since >= np.maximum(grid.whole_from, grid.first)) & (until <= grid.last))
    account, since, until = grid.account[place], since[place], until[place]
    who, when, events = used
    own = grid.cumulated(who, when, events)
    before = (account, since - prior, since - 1)
    return Lagged(
        place=place,
        months_used=grid.between(grid.cumulated(who, when, 1), account, since, until),
        adopted=(adopted[account] <= until).astype(np.int64),
        other_events=grid.between(grid.events - own, *before),
        prior_days=grid.between(grid.days, *before),
    )


def count(
    codes: Mapping[str, np.ndarray], levels: Mapping[str, Sequence[object]], weights: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Rows, and sums of weights, by every combination of codes that occurs.

    Parameters
    ----------
    codes : one array a key, of numbers from 0
    levels : what the codes of each key stand for
    weights : one array of whole numbers or truth values each

    Returns
    -------
    One row a combination, in the order of the codes: the keys, ``at_risk``, the sums.
    """
    sizes = [len(levels[name]) for name in codes]
    cell = np.zeros(len(next(iter(codes.values()))), dtype=np.int64)
    for code, size in zip(codes.values(), sizes, strict=True):
        cell = cell * size + code
    cells = None
    total = int(np.prod(sizes, dtype=object))
    if total > _MOST_CELLS:
        cells, cell = np.unique(cell, return_inverse=True)
        total = len(cells)
    at_risk = np.bincount(cell, minlength=total)
    there = np.flatnonzero(at_risk)
    places = np.unravel_index(there if cells is None else cells, sizes)
    counted = {name: np.asarray(levels[name])[place] for name, place in zip(codes, places, strict=True)}
    # Sums of ones in floats are exact far beyond any number of rows.
    sums = {name: np.bincount(cell, weights=of, minlength=total)[there].astype(int) for name, of in weights.items()}
    return pd.DataFrame({**counted, "at_risk": at_risk[there], **sums})
