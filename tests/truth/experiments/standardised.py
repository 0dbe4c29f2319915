"""Differences between groups at equal size, plan and channel, where groups differ in all three."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np
import pandas as pd

from customer_value.stats import intervals, standardise
from experiment import Experiment, Measure, below, covers, total

ACCOUNTS = 500
MEMBER = {"null": 0.0, "effect": np.log(0.45)}
"""Log hazard ratio of belonging to the group."""


def _base(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Covariates, chance of belonging to the group, and log hazard of those outside it."""
    size = rng.normal(0, 1, n)
    plan = np.searchsorted([-0.4, 0.9], size + rng.normal(0, 0.8, n))
    channel = rng.choice(4, n, p=(0.4, 0.3, 0.2, 0.1))
    odds = -1.1 + 0.7 * size + np.array([0.0, 0.3, 0.6])[plan] + np.array([0.0, 0.4, -0.4, 0.0])[channel]
    log_hazard = np.log(0.20) - 0.35 * size - np.array([0.0, 0.2, 0.3])[plan] + np.array([0.0, -0.2, 0.3, 0.1])[channel]
    covariates = pd.DataFrame({"size": size, "plan": plan.astype(str), "channel": channel.astype(str)})
    return covariates, 1 / (1 + np.exp(-odds)), log_hazard


@cache
def true_difference(effect: str) -> float:
    """Share kept if everybody belonged to the group, less that if nobody did, over half a million accounts."""
    _, _, log_hazard = _base(np.random.default_rng(7), 500_000)
    return float((np.exp(-np.exp(log_hazard + MEMBER[effect])) - np.exp(-np.exp(log_hazard))).mean())


def _kept(seed: int, *, effect: str) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    covariates, chance, log_hazard = _base(rng, ACCOUNTS)
    group = rng.random(ACCOUNTS) < chance
    kept = rng.random(ACCOUNTS) < np.exp(-np.exp(log_hazard + MEMBER[effect] * group))
    weight = np.exp(0.8 * covariates["size"].to_numpy() + rng.normal(0, 0.4, ACCOUNTS))
    truth = true_difference(effect)
    row = standardise.standardised_shares(kept, group, covariates).loc[True]
    n, rest = int(group.sum()), int((~group).sum())
    _, low, high, p = intervals.share_difference(kept[group].mean(), n, kept[~group].mean(), rest)
    found = {
        "covers": covers(row["low"], truth, row["high"]),
        "five": below(row["p"], 0.05),
        "bias": total(row["estimate"] - truth),
        "raw_covers": covers(low, truth, high),
    }
    if effect == "effect":
        return found
    share = np.where(kept, np.where(rng.random(ACCOUNTS) < 0.1, 0.8, 1.0), 0.0)
    money = standardise.standardised_shares(share, group, covariates, weight=weight).loc[True]
    grown = weight * share * np.where(rng.random(ACCOUNTS) < 0.25, 1.3, 1.0)
    net = standardise.ratio_contrast(grown, weight, group, standardise.design(covariates))
    apart = net.difference()
    return found | {
        "half": below(row["p"], 0.005),
        "raw_five": below(p, 0.05),
        "money_five": below(money["p"], 0.05),
        "money_half": below(money["p"], 0.005),
        "net_five": below(apart.p, 0.05),
        "net_half": below(apart.p, 0.005),
    }


_WORLD = (
    f"{ACCOUNTS} accounts; the group, about a third, draws larger accounts on dearer plans from other channels, all of "
    "which stay longer. The outcome is of a hazard, the model logistic. Difference in the share kept, standardised "
    "over all"
)

EXPERIMENTS = (
    Experiment(
        name="adjusted_null",
        study="Adjusted differences",
        says=f"{_WORLD}; the group itself changes nothing.",
        worlds=2500,
        short=100,
        world=partial(_kept, effect="null"),
        measures=(
            Measure("covers", "adjusted difference", "covers", 0.93, 0.97),
            Measure("five", "accounts kept, adjusted, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "accounts kept, adjusted, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("money_five", "gross retention, adjusted, p ≤ 0.05", "errs", 0.02, 0.07),
            Measure("money_half", "gross retention, adjusted, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("net_five", "net retention, adjusted, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("net_half", "net retention, adjusted, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("bias", "mean difference, in shares", "mean", -0.01, 0.01),
            Measure("raw_covers", "raw difference", "covers"),
            Measure("raw_five", "accounts kept, raw, p ≤ 0.05", "errs"),
        ),
    ),
    Experiment(
        name="adjusted_effect",
        study="Adjusted differences",
        says=f"{_WORLD}; belonging to it halves the hazard (ratio 0.45).",
        worlds=1500,
        short=60,
        world=partial(_kept, effect="effect"),
        measures=(
            Measure("covers", "adjusted difference", "covers", 0.93, 0.97),
            Measure("five", "accounts kept, adjusted, p ≤ 0.05", "finds"),
            Measure("bias", "mean difference, less the true one, in shares", "mean", -0.01, 0.01),
            Measure("raw_covers", "raw difference", "covers"),
        ),
    ),
)
