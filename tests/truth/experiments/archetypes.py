"""Combinations of attributes, shrunk: whether their intervals hold, and what is left of the luck of the best."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from customer_value.stats import intervals, shrinkage
from experiment import Experiment, Measure, covers, total

LEVELS = {"industry": 3, "channel": 3, "region": 4, "size": 5}
ACCOUNTS, LOSS, FEWEST = 800, 0.15, 30


def _pairs(seed: int, *, main: float, departure: float) -> Mapping[str, tuple[float, float]]:
    """All pairs of four attributes; effects are normal on the log hazard, with these standard deviations."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame({name: rng.choice(count, ACCOUNTS, p=_falling(count)) for name, count in LEVELS.items()})
    log_rate = np.log(-np.log(1 - LOSS)) + sum(
        rng.normal(0, main, count)[people[name]] for name, count in LEVELS.items()
    )
    pairs = list(combinations(LEVELS, 2))
    for one, two in pairs:
        log_rate = log_rate + rng.normal(0, departure, (LEVELS[one], LEVELS[two]))[people[one], people[two]]
    people["true"] = -np.expm1(-np.exp(log_rate))
    people["lost"] = rng.random(ACCOUNTS) < people["true"]
    cells = pd.concat(
        [
            people.groupby(list(pair), as_index=False).agg(
                n=("lost", "size"), events=("lost", "sum"), true=("true", "mean")
            )
            for pair in pairs
        ],
        ignore_index=True,
    )
    cells = cells[cells["n"] >= FEWEST]
    drawn = shrinkage.shrink_shares(cells["events"], cells["n"], cells[list(LEVELS)]).table
    true = cells["true"].to_numpy()
    # The best keeps most, so it is the one that loses least.
    best = int(drawn["estimate"].argmin())
    raw, low, high = intervals.wilson(cells["events"], cells["n"])
    luckiest = int(raw.argmin())
    error = (high - low) / 3.92
    return {
        "covers": covers(drawn["low"], true, drawn["high"]),
        "best_covers": covers(drawn["low"].iloc[best], true[best], drawn["high"].iloc[best]),
        "best_bias": total((drawn["estimate"].iloc[best] - true[best]) / error[best]),
        "raw_covers": covers(low, true, high),
        "raw_best_covers": covers(low[luckiest], true[luckiest], high[luckiest]),
        "raw_best_bias": total((raw[luckiest] - true[luckiest]) / error[luckiest]),
    }


def _falling(count: int) -> np.ndarray:
    """Shares of the levels of an attribute: the last as much larger than the first as there are levels."""
    weight = np.arange(1.0, count + 1)
    return weight / weight.sum()


def _measures(low: float, high: float, *, bias: float | None) -> tuple[Measure, ...]:
    return (
        Measure("covers", "all combinations, averaged", "covers", low, high),
        Measure("best_covers", "the combination that seems best", "covers"),
        Measure(
            "best_bias",
            "loss of the one that seems best, less the truth, in standard errors of its own accounts",
            "mean",
            None if bias is None else -bias,
            bias,
        ),
        Measure("raw_covers", "all combinations, each by its own accounts alone", "covers"),
        Measure("raw_best_covers", "the one that seems best by its own accounts alone", "covers"),
        Measure("raw_best_bias", "its loss, less the truth, in its standard errors", "mean"),
    )


_WORLD = (
    f"{ACCOUNTS} accounts with four attributes of three to five levels, in all combinations of two that hold {FEWEST} "
    "accounts; 15 % leave."
)

EXPERIMENTS = (
    Experiment(
        name="archetypes_null",
        study="Archetypes",
        says=f"{_WORLD} No attribute has an effect.",
        worlds=500,
        short=20,
        world=partial(_pairs, main=0.0, departure=0.0),
        measures=_measures(0.93, 1.0, bias=None),
    ),
    Experiment(
        name="archetypes_additive",
        study="Archetypes",
        says=f"{_WORLD} Every level multiplies the hazard (σ 0.25 of its logarithm), combinations add nothing.",
        worlds=500,
        short=20,
        world=partial(_pairs, main=0.25, departure=0.0),
        measures=_measures(0.93, 0.97, bias=0.25),
    ),
    Experiment(
        name="archetypes_departing",
        study="Archetypes",
        says=f"{_WORLD} Every level and every combination of two multiplies the hazard (σ 0.25 and 0.2 of its "
        "logarithm).",
        worlds=500,
        short=20,
        world=partial(_pairs, main=0.25, departure=0.2),
        measures=_measures(0.93, 0.97, bias=0.25),
    ),
)
