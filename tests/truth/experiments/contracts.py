"""Renewals: decisions of accounts that differ, and years whose months differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from customer_value.stats import closed_cohort, intervals
from experiment import Experiment, Measure, below, covers

ALPHA, BETA = 6.0, 1.0
"""An account's own chance to renew: Beta distributed, 0.86 on average, below 0.7 for one in eight."""

DECISIONS = 4
ACCOUNTS = 120
GROUP = 40

MONTHS, A_MONTH = 12, 50
RENEWS, SHOCK = 0.87, 0.25
"""The chance to renew in a month without a shock; the standard deviation of the shock to the log hazard of lapsing.

0.15 is what a price rise or a bad release does to a month; here it is nearly twice that.
"""


def true_share() -> float:
    """Of all decisions that come about, the share renewed: who lapsed decides no more."""
    place = np.arange(DECISIONS)
    # E p^k of a Beta distribution, from its recursion
    moments = np.concatenate([[1.0], np.cumprod((ALPHA + place) / (ALPHA + BETA + place))])
    return float(moments[1:].sum() / moments[:-1].sum())


def _decide(rng: np.random.Generator, accounts: int) -> np.ndarray:
    """Whether each decision was a renewal: up to `DECISIONS` an account, none after a lapse."""
    own = rng.beta(ALPHA, BETA, accounts)[:, None]
    renewed = rng.random((accounts, DECISIONS)) < own
    reached = np.cumprod(np.column_stack([np.ones(accounts, dtype=bool), renewed[:, :-1]]), axis=1).astype(bool)
    return renewed[reached]


def _decisions(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    all_of_them = closed_cohort.share(_decide(rng, ACCOUNTS))
    sides = [_decide(rng, GROUP), _decide(rng, ACCOUNTS)]
    _, low, high, p = intervals.share_difference(sides[0].mean(), sides[0].size, sides[1].mean(), sides[1].size)
    return {
        "share": covers(all_of_them["low"], true_share(), all_of_them["high"]),
        "difference": covers(low, 0.0, high),
        "five": below(p, 0.05),
        "half": below(p, 0.005),
    }


def _years(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    sides, naive = [], []
    for _ in range(2):
        due = rng.poisson(A_MONTH, MONTHS) + 1
        hazard = -np.log(RENEWS) * np.exp(SHOCK * rng.standard_normal(MONTHS) - SHOCK**2 / 2)
        renewed = rng.binomial(due, np.exp(-hazard))
        sides.append(intervals.ratio_jackknife(renewed, due))
        naive += [renewed.sum() / due.sum(), due.sum()]
    found = intervals.difference(*sides)
    return {
        "difference": covers(found.low, 0.0, found.high),
        "five": below(found.p, 0.05),
        "half": below(found.p, 0.005),
        "single": below(intervals.share_difference(*naive)[3], 0.05),
    }


EXPERIMENTS = (
    Experiment(
        name="renewal_decisions",
        study="Renewals",
        says=f"Accounts decide up to {DECISIONS} times, until they lapse; each has its own chance to renew, 0.86 on "
        f"average (Beta). All decisions of {ACCOUNTS} accounts; a group of {GROUP} against {ACCOUNTS} that are alike.",
        worlds=4000,
        short=150,
        world=_decisions,
        measures=(
            Measure("share", "share of decisions that renew (the batting average)", "covers", 0.93, 0.97),
            Measure("difference", "difference between two groups", "covers", 0.93, 0.97),
            Measure("five", "score test, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "score test, p ≤ 0.005", "errs", 0.0, 0.01),
        ),
    ),
    Experiment(
        name="renewal_years",
        study="Renewals",
        says=f"Two years of some {A_MONTH} renewals a month that do not differ but by months: a shock to each month's "
        f"hazard of lapsing (standard deviation {SHOCK}).",
        worlds=4000,
        short=150,
        world=_years,
        measures=(
            Measure("difference", "difference between two years, by months", "covers", 0.93, 0.97),
            Measure("five", "the same, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "the same, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("single", "by single decisions (score test), p ≤ 0.05", "errs"),
        ),
    ),
)
