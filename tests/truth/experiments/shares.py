"""Shares of accounts and of revenue, ratios of revenue, and differences of all three."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np
from scipy import stats

from customer_value.stats import intervals
from experiment import Experiment, Measure, below, covers

MEDIAN, SIGMA = 400.0, 0.8
"""Prices: log-normal; 120 of them weigh as much as some 63 equal ones."""
SAMPLES = (60, 120, 400)
LOSS = 0.12
MOVES, OFTEN = (0.8, 1.0, 1.3), (0.10, 0.65, 0.25)
"""What an account that stays pays a year later, as a multiple, and how often."""


def _shares(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = {}
    for n in (50, 200):
        p = rng.uniform(0.02, 0.98, 100)
        _, low, high = intervals.wilson(rng.binomial(n, p), n)
        found[f"wilson_{n}"] = covers(low, p, high)
    return found


def _loss(before: np.ndarray, by_size: bool) -> np.ndarray:
    """The chance of leaving within the year; with ``by_size`` twice as high at some six times the median price."""
    return np.clip(LOSS * (before / MEDIAN) ** 0.4, 0, 0.6) if by_size else np.full(before.shape, LOSS)


def _year(rng: np.random.Generator, n: int, *, by_size: bool) -> tuple[np.ndarray, np.ndarray]:
    """What accounts pay now and a year later."""
    before = rng.lognormal(np.log(MEDIAN), SIGMA, n)
    lost = rng.random(n) < _loss(before, by_size)
    return before, np.where(lost, 0.0, before * rng.choice(MOVES, n, p=OFTEN))


@cache
def true_retention(by_size: bool) -> tuple[float, float]:
    """Net and gross retention of the population that `_year` draws from, by quadrature over its prices."""
    z = np.linspace(-9, 9, 20_001)
    before = np.exp(np.log(MEDIAN) + SIGMA * z)
    weight = stats.norm.pdf(z) * before
    kept = float((weight * (1 - _loss(before, by_size))).sum() / weight.sum())
    return kept * float(np.dot(MOVES, OFTEN)), kept * float(np.dot(np.minimum(MOVES, 1), OFTEN))


def _retention(seed: int, *, by_size: bool) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    net, gross = true_retention(by_size)
    found = {}
    for n in SAMPLES:
        before, after = _year(rng, n, by_size=by_size)
        # Flagged "a few accounts decide this": no decision stands on it, and no coverage is promised.
        promised = not intervals.few_decide(before)
        one = intervals.ratio_jackknife(after, before)
        two = intervals.weighted_share(np.minimum(after, before), before)
        found[f"net_{n}"] = covers(one.low, net, one.high) if promised else (0.0, 0.0)
        found[f"gross_{n}"] = covers(two.low, gross, two.high) if promised else (0.0, 0.0)
    pooled = {kind: np.sum([found[f"{kind}_{n}"] for n in SAMPLES], axis=0) for kind in ("net", "gross")}
    return found | {kind: tuple(pair) for kind, pair in pooled.items()}


def _share_differences(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.30, 100)
    gap = rng.uniform(-0.15, 0.15, 100)
    one, two = 40, 300
    q = np.clip(p + gap, 0.01, 0.99)
    _, low, high, _ = intervals.share_difference(rng.binomial(one, q) / one, one, rng.binomial(two, p) / two, two)
    _, _, _, null = intervals.share_difference(rng.binomial(one, p) / one, one, rng.binomial(two, p) / two, two)
    return {"covers": covers(low, q - p, high), "five": below(null, 0.05), "half": below(null, 0.005)}


def _revenue_differences(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    group, rest = _year(rng, 80, by_size=False), _year(rng, 240, by_size=False)
    if any(intervals.few_decide(before) for before, _ in (group, rest)):
        return dict.fromkeys(("gross_covers", "gross_five", "gross_half", "net_covers", "net_five", "net_half"), (0, 0))
    sides = [
        (float(np.minimum(before, after).sum() / before.sum()), intervals.effective_n(before))
        for before, after in (group, rest)
    ]
    _, low, high, p = intervals.share_difference(*sides[0], *sides[1])
    net = intervals.difference(*(intervals.ratio_jackknife(after, before) for before, after in (group, rest)))
    return {
        "gross_covers": covers(low, 0.0, high),
        "gross_five": below(p, 0.05),
        "gross_half": below(p, 0.005),
        "net_covers": covers(net.low, 0.0, net.high),
        "net_five": below(net.p, 0.05),
        "net_half": below(net.p, 0.005),
    }


_PRICES = (
    "Prices are log-normal (σ 0.8), one account in eight leaves within the year, a quarter grow by three tenths and a "
    "tenth shrink by a fifth. Samples of which the report says that a few accounts decide them do not count."
)


def _retention_measures(low: float) -> tuple[Measure, ...]:
    return (
        Measure("net", "net retention", "covers", low, 0.97),
        *(Measure(f"net_{n}", f"net retention, only {n} accounts", "covers") for n in SAMPLES),
        Measure("gross", "gross retention", "covers", 0.93, 0.99),
        *(Measure(f"gross_{n}", f"gross retention, only {n} accounts", "covers") for n in SAMPLES),
    )


EXPERIMENTS = (
    Experiment(
        name="wilson",
        study="Shares and revenue",
        says="The true share is drawn evenly between 0.02 and 0.98, a hundred times a world.",
        worlds=2000,
        short=200,
        world=_shares,
        measures=(
            Measure("wilson_50", "share of 50 accounts", "covers", 0.93, 0.97),
            Measure("wilson_200", "share of 200 accounts", "covers", 0.93, 0.97),
        ),
    ),
    Experiment(
        name="retention",
        study="Shares and revenue",
        says=_PRICES,
        worlds=4000,
        short=400,
        world=partial(_retention, by_size=False),
        measures=_retention_measures(0.92),
    ),
    Experiment(
        name="retention_by_size",
        study="Shares and revenue",
        says=f"{_PRICES} The dearer an account, the likelier it leaves.",
        worlds=4000,
        short=400,
        world=partial(_retention, by_size=True),
        measures=_retention_measures(0.89),
    ),
    Experiment(
        name="share_differences",
        study="Shares and revenue",
        says="40 accounts against 300. The true shares lie between 0.02 and 0.3 and differ by up to 0.15, or for the "
        "false alarms not at all; a hundred pairs a world.",
        worlds=2000,
        short=200,
        world=_share_differences,
        measures=(
            Measure("covers", "difference of two shares", "covers", 0.93, 0.97),
            Measure("five", "score test, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "score test, p ≤ 0.005", "errs", 0.0, 0.01),
        ),
    ),
    Experiment(
        name="revenue_differences",
        study="Shares and revenue",
        says=f"80 accounts against 240 that do not differ. {_PRICES}",
        worlds=10_000,
        short=400,
        world=_revenue_differences,
        measures=(
            Measure("gross_covers", "difference in gross retention", "covers", 0.93, 0.99),
            Measure("gross_five", "test of gross retention, p ≤ 0.05", "errs", 0.02, 0.07),
            Measure("gross_half", "test of gross retention, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("net_covers", "difference in net retention", "covers", 0.93, 0.97),
            Measure("net_five", "test of net retention, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("net_half", "test of net retention, p ≤ 0.005", "errs", 0.0, 0.01),
        ),
    ),
)
