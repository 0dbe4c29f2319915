"""Weights that make a sample look like the population it was drawn from, by several traits at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

MOST = 5.0
"""No observation counts more than so many times the average one."""

_ROUNDS = 200
_CLOSE = 1e-9


def weights(sample: pd.DataFrame, population: pd.DataFrame, *, most: float = MOST) -> np.ndarray:
    """One weight an observation, with mean 1, so that each trait is as common as in the population.

    Iterative proportional fitting: the weights are scaled to one trait after the other until all agree. A level that
    nobody of the sample has cannot be made up for; the other levels of its trait then keep their proportions. Weights
    are cut off at ``most`` times their mean, so that agreement is traded for precision where a level is rare.

    Parameters
    ----------
    sample, population : one row an observation, one column a trait; the same columns
    most : largest weight, as a multiple of the mean

    References
    ----------
    Deming and Stephan (1940); Kalton and Flores-Cervantes (2003), Weighting methods, J. Off. Stat. 19:81.
    """
    if list(sample.columns) != list(population.columns):
        raise ValueError(f"both must have the same traits, got: {list(sample)} and {list(population)}")
    weight = np.ones(len(sample))
    if sample.empty or population.empty:
        return weight
    margins = []
    for trait in sample.columns:
        codes, levels = pd.factorize(sample[trait], use_na_sentinel=False)
        wanted = population[trait].value_counts(dropna=False)
        target = np.array([_count(wanted, level) for level in levels], dtype=float)
        if target.sum() > 0:
            margins.append((codes, target / target.sum()))
    for _ in range(_ROUNDS):
        before = weight
        for codes, target in margins:
            held = np.bincount(codes, weight, len(target))
            weight = weight * (target * weight.sum() / np.where(held > 0, held, 1.0))[codes]
        weight = np.minimum(weight / weight.mean(), most)
        weight = weight / weight.mean()
        if np.abs(weight - before).max() < _CLOSE:
            break
    return weight


def _count(counts: pd.Series, level: object) -> int:
    """How often a level occurs, a missing one included."""
    found = counts[counts.index.isna()] if pd.isna(level) else counts[counts.index == level]
    return int(found.sum())
