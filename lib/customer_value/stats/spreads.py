"""How far levels and cells differ from each other: the spreads of an additive model, learned from all tables together.

What one small table says of a spread is little, and what by chance looks like a difference in one table does so in
every other that has the same dimension. So the spread of a dimension's main effects is common to the tables that name
it, as is that of departures to all tables; and whether dimensions make a difference at all is a share that all of them
speak to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from customer_value.stats.additive_cells import Counts, Design, Fit, Normal, fit

POINTS = 100
"""Points that stand for all that the spreads may be, each as likely as any other."""

MAIN_GRID = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 10.0])
DEPARTURE_GRID = np.array([0.0, 0.35, 0.7, 1.0, 1.5, 2.5, 6.0])
"""Standard deviations, in units of the typical standard error of a main effect, and of a cell."""

NOTHING, NO_DEPARTURE = 0.1, 0.25
"""Prior probability that neither a dimension nor a combination makes any difference; if not, that no combination
departs from its parts."""

SHARES = np.array([0.0, 0.4, 0.6, 0.8, 0.95])
"""Share of dimensions that make a difference: none where nothing does, else as likely any of the others."""

_PRIOR_SPREAD = 2.0
"""Prior median of a standard deviation that is not nothing, in the same units."""

_BROAD = 4
"""Place in `MAIN_GRID` of the spread that a dimension has while another's is looked at."""

_SEED = 20_260_630


@dataclass(frozen=True)
class Table:
    """Cells that name the same dimensions.

    Attributes
    ----------
    cells : which rows of all cells they are
    dimensions : which columns of the levels they name
    design, data, offset : of these cells
    begun : a first fit, with broad main effects and no departures
    """

    cells: np.ndarray
    dimensions: tuple[int, ...]
    design: Design
    data: Counts | Normal
    offset: np.ndarray
    begun: Fit

    @classmethod
    def of(cls, data: Counts | Normal, levels: pd.DataFrame, offset: np.ndarray, cells: np.ndarray) -> Table:
        design, own, shift = Design.of(levels.iloc[cells]), data.take(cells), offset[cells]
        named = tuple(np.flatnonzero(levels.iloc[cells].notna().all(axis=0).to_numpy()).tolist())
        error = design.typical_error(own.working(own.start(shift))[1])
        begun = fit(own, design, shift, MAIN_GRID[_BROAD] * error[None, :], np.zeros(1))
        return cls(cells, named, design, own, shift, begun)

    @property
    def error(self) -> np.ndarray:
        """Typical standard error of a main effect, one a dimension."""
        return self.design.typical_error(self.begun.information[0])

    def fit(self, main: np.ndarray, departure: np.ndarray) -> Fit:
        """At spreads of main effects in units of their errors (points × dimensions), and of departures (points)."""
        return fit(self.data, self.design, self.offset, main * self.error, departure, start=self.begun.eta[0])


@dataclass(frozen=True)
class Spreads:
    """`POINTS` spreads that are equally likely, given all tables.

    Attributes
    ----------
    main : of main effects, points × dimensions, in units of their typical error in a table
    departure : of departures, one a point
    """

    main: np.ndarray
    departure: np.ndarray

    def of(self, table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Those that differ for a table: ``main, departure``, and which of them each point is."""
        every = np.column_stack([self.main[:, list(table.dimensions)], self.departure])
        found, place = np.unique(every, axis=0, return_inverse=True)
        return found[:, :-1], found[:, -1], place.ravel()


def learned(tables: Sequence[Table], dimensions: int) -> Spreads:
    """What the spreads may be, given all tables.

    Each dimension's spread is looked at with the others broad, and departures with all broad (to first order these
    evidences add up). A dimension is heard once, as the mean over the tables that name it, and so is every pair of
    dimensions about departures: the same subjects stand in all tables. The points are a Latin hypercube over the
    posterior, so that every spread has its due number of them; of a fixed seed, so that they repeat.

    Parameters
    ----------
    tables : all of them
    dimensions : how many there are in all
    """
    information = np.concatenate([table.begun.information[0] for table in tables])
    taus = DEPARTURE_GRID / np.sqrt(information.mean())
    main = np.zeros((dimensions, len(taus), len(MAIN_GRID)))
    departing = np.zeros(len(taus))
    named = np.bincount([each for table in tables for each in table.dimensions], minlength=dimensions)
    for table, weight in zip(tables, _said_once(tables), strict=True):
        evidence = _evidence(table, taus)
        broad = evidence[:, :, [_BROAD]]
        departing += weight * broad[0, :, 0]
        main[list(table.dimensions)] += (evidence - broad) / named[list(table.dimensions), None, None]
    # Dimensions by taus by shares that make a difference by grid
    with np.errstate(divide="ignore"):
        differing = np.log(np.array([prior(MAIN_GRID, none=1 - share) for share in SHARES]))
        known_before = np.log(before())
    each = main[:, :, None, :] + differing
    joint = (known_before + departing[:, None] + special.logsumexp(each, axis=3).sum(axis=0)).ravel()
    even = (np.arange(POINTS) + 0.5) / POINTS
    chosen = _at(even, special.softmax(joint))
    tau, share = np.divmod(chosen, len(SHARES))
    generator = np.random.default_rng(_SEED)
    points = np.empty((POINTS, dimensions))
    for dimension in range(dimensions):
        chances = special.softmax(each[dimension], axis=2)[tau, share]
        below = np.cumsum(chances, axis=1)
        places = (below < even[generator.permutation(POINTS), None]).sum(axis=1)
        points[:, dimension] = MAIN_GRID[np.minimum(places, len(MAIN_GRID) - 1)]
    return Spreads(points, taus[tau])


def prior(grid: np.ndarray, *, none: float) -> np.ndarray:
    """Probability of each point of a grid that begins at none; each of the others stands for what is nearest to it."""
    between = grid[1:-1] * grid[2:]
    below = np.concatenate([[0.0], between / (_PRIOR_SPREAD**2 + between), [1.0]])
    return np.concatenate([[none], (1 - none) * np.diff(below)])


def before() -> np.ndarray:
    """Prior probability of the spread of departures and the share of dimensions that make a difference."""
    some = np.full(len(SHARES), 1 / (len(SHARES) - 1)) * (SHARES > 0)
    nothing = np.outer(DEPARTURE_GRID == 0, SHARES == 0)
    return NOTHING * nothing + (1 - NOTHING) * np.outer(prior(DEPARTURE_GRID, none=NO_DEPARTURE), some)


def _evidence(table: Table, taus: np.ndarray) -> np.ndarray:
    """Log evidence by dimension, spread of departures and spread of that dimension, the other dimensions broad."""
    count = len(table.dimensions)
    main = np.full((count, len(taus), len(MAIN_GRID), count), MAIN_GRID[_BROAD])
    for place in range(count):
        main[place, :, :, place] = MAIN_GRID
    departure = np.broadcast_to(taus[:, None], main.shape[:3])
    found = table.fit(main.reshape(-1, count), departure.ravel()).log_evidence
    return found.reshape(main.shape[:3])


def _said_once(tables: Sequence[Table]) -> list[float]:
    """For each table the mean over its pairs of dimensions of one over how many tables have that pair."""
    pairs = [list(combinations(table.dimensions, min(2, len(table.dimensions)))) for table in tables]
    times = Counter(pair for each in pairs for pair in each)
    return [float(np.mean([1 / times[pair] for pair in each])) for each in pairs]


def _at(levels: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Which of the points of a distribution lie at these levels."""
    return np.minimum(np.searchsorted(np.cumsum(chances), levels), len(chances) - 1)
