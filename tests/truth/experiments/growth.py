"""Growth of accounts compared between groups: the tailwind of the revenue chapter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from customer_value.stats import intervals
from customer_value.stats.ratio_difference import ratio_difference
from experiment import Experiment, Measure, below, covers

STEPS, OFTEN = (0.1, 0.3, 1.0), (0.5, 0.35, 0.15)
"""By how much of what it paid an account grows that grows, and how often."""

GROUPS = ((60, 240, 1.0), (80, 240, 1.0), (300, 900, 1.0), (80, 300, 3.0), (240, 80, 1.0), (200, 100, 3.0))
"""Accounts in the group, all others, and how many times as much the group's accounts pay."""

GROW = (0.05, 0.25, 0.6)
"""The share of accounts that grow."""


def _accounts(rng: np.random.Generator, n: int, growing: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """By how much accounts grow, and what they paid before."""
    before = scale * rng.lognormal(np.log(400), 0.8, n)
    return before * (rng.random(n) < growing) * rng.choice(STEPS, n, p=OFTEN), before


def _growth(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ("covers", "five", "half", "welch_half")}
    for one, two, scale in GROUPS:
        for growing in GROW:
            group, rest = _accounts(rng, one, growing, scale), _accounts(rng, two, growing, 1.0)
            other = _accounts(rng, one, growing / 2, scale)
            if any(intervals.few_decide(before) for _, before in (group, rest, other)):
                continue
            inside = np.arange(one + two) < one
            null, real = (
                ratio_difference(*(np.concatenate(pair) for pair in zip(side, rest, strict=True)), inside)
                for side in (group, other)
            )
            welch = intervals.difference(*(intervals.ratio_jackknife(*side) for side in (group, rest)))
            found["covers"].append(covers(real.low, -growing / 2 * float(np.dot(STEPS, OFTEN)), real.high))
            found["five"].append(below(null.p, 0.05))
            found["half"].append(below(null.p, 0.005))
            if np.isfinite(welch.p):
                found["welch_half"].append(below(welch.p, 0.005))
    return {name: tuple(np.sum(pairs, axis=0)) if pairs else (0.0, 0.0) for name, pairs in found.items()}


EXPERIMENTS = (
    Experiment(
        name="growth_differences",
        study="Shares and revenue",
        says="Groups of 60 to 300 accounts against 80 to 900 others, which pay alike or a third as much; prices are "
        "log-normal (σ 0.8). One account in twenty, in four, or three in five grow, by a tenth to all of what they "
        "paid; for the coverage half as many of the group's. Samples of which the report says that a few accounts "
        "decide them do not count.",
        worlds=1000,
        short=60,
        world=_growth,
        measures=(
            Measure("covers", "difference in growth", "covers", 0.93, 0.97),
            Measure("five", "test of growth, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "test of growth, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("welch_half", "Welch's test on jackknife errors, p ≤ 0.005", "errs"),
        ),
    ),
)
