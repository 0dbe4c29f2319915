"""Who expands and when, how often, what follows a cut, and whether use tells plans apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from customer_value.marts.downgrades import LATER
from customer_value.stats.jackknife import compare_rates, delete_a_group_rate
from customer_value.stats.ordered_index import concordance, cross_fitted_index
from customer_value.stats.quantiles import quantile
from customer_value.studies.expansion.aftermath import fitted, switched
from customer_value.studies.expansion.first import WAYS, incidence_of
from experiment import Experiment, Measure, below, covers, total

MONTHS = 30
GROWS = np.where(np.arange(1, MONTHS + 1) == 12, 0.12, 0.03)
"""Chance of a first expansion in each month after sign-up, the renewal's among them."""
LEAVES = 0.02
WINDOW = (12, 18)


def _truth(first: int, last: int) -> float:
    """Share that expands for the first time in these months, leaving first being the other way it can end."""
    here = np.concatenate([[1.0], np.cumprod(1 - GROWS - LEAVES)[:-1]])
    return float((here * GROWS)[first - 1 : last].sum())


def _drawn(rng: np.random.Generator, accounts: int) -> pd.DataFrame:
    """Accounts that came one after the other over 30 months, each followed until now."""
    whole = rng.integers(1, MONTHS + 1, accounts)
    u = rng.random((accounts, MONTHS))
    event = np.where(u < GROWS, 1, np.where(u < GROWS + LEAVES, 2, 0))
    first = np.where((event > 0).any(axis=1), (event > 0).argmax(axis=1) + 1, MONTHS + 1)
    seen = first <= whole
    kind = event[np.arange(accounts), np.minimum(first, MONTHS) - 1]
    how = np.where(seen, np.where(kind == 1, "grew", "left"), None)
    return pd.DataFrame({"exit": np.where(seen, first, whole), "how": how, "whole": whole})


def _incidence(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    accounts = _drawn(rng, 250)
    curve = incidence_of(accounts, WAYS, confidence=0.95, min_at_risk=30)
    curve = curve[curve["cause"] == "grew"].set_index("age")
    ages = [age for age in (3, 6, 12, 18) if age in curve.index]
    at = curve.loc[ages]
    grew = accounts["how"] == "grew"
    slow = accounts["how"].mask(grew & accounts["exit"].between(*WINDOW), "slow")
    window = incidence_of(accounts.assign(how=slow), ("slow", *WAYS), confidence=0.95, min_at_risk=30)
    window = window[(window["cause"] == "slow") & (window["age"] == WINDOW[1])]
    return {
        "covers": covers(at["low"], [_truth(1, age) for age in ages], at["high"]),
        "window": covers(window["low"], _truth(*WINDOW), window["high"]),
        "naive": total(float(grew.mean())),
        "truth": total(_truth(1, 18)),
    }


def _rates(seed: int, *, accounts: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    years = rng.uniform(0.1, 3.0, accounts)
    own = rng.gamma(1.5, 1 / 1.5, accounts)
    events = rng.poisson(0.6 * own * years)
    group = rng.integers(0, 50, accounts)
    found = delete_a_group_rate(events, years, group)
    compared = compare_rates(events, years, rng.random(accounts) < 0.3, group)
    return {
        "covers": covers(found.low, 0.6, found.high),
        "ratio": covers(compared.low, 1.0, compared.high),
        "five": below(compared.p, 0.05),
        "half": below(compared.p, 0.005),
    }


def _sizes(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = [quantile(np.exp(rng.normal(size=n))) for n in (35, 60, 120)]
    return {"covers": covers([one.low for one in found], 1.0, [one.high for one in found])}


def _after(seed: int, *, ratio: float) -> Mapping[str, tuple[float, float]]:
    """Large accounts cut back more and leave half as often as small ones; annual ones do either when due only."""
    rng = np.random.default_rng(seed)
    count = 900
    size, annual = rng.integers(0, 3, count), rng.random(count) < 0.4
    born, there, cut = rng.integers(0, 20, count), np.ones(count, dtype=bool), np.full(count, -1)
    plan = np.array(["basic", "pro"])[rng.integers(0, 2, count)]
    rows = []
    for month in range(1, 37):
        since = month - born
        at = there & (since >= 1)
        after = np.where(cut >= 0, month - cut, LATER)
        due = ~annual | (since % 12 == 0)
        scale = np.where(annual, 8.0, 1.0) * due
        rate = 0.02 * np.array([1.4, 1.0, 0.7])[size] * scale * np.where((cut >= 0), ratio, 1.0)
        left = at & (rng.random(count) < -np.expm1(-rate))
        shrinks = at & ~left & (cut < 0) & (rng.random(count) < 0.015 * np.array([0.7, 1.0, 1.5])[size] * scale)
        rows.append(
            pd.DataFrame(
                {
                    "account": np.flatnonzero(at),
                    "term": np.where(annual, 12, 1)[at],
                    "since_term": since[at],
                    "size": size[at],
                    "plan": plan[at],
                    "after": after[at],
                    "churned": left[at].astype(int),
                }
            )
        )
        cut = np.where(shrinks, month, cut)
        there &= ~left
    frame = pd.concat(rows, ignore_index=True)
    frame["ever"] = (cut >= 0)[frame["account"]]
    keys = ["term", "since_term", "size", "plan", "after", "ever"]
    cells = frame.assign(at_risk=1).groupby(keys, as_index=False)[["at_risk", "churned"]].sum()
    row = fitted(switched(cells, lag=1), ["exposed"]).loc["exposed"]
    naive = fitted(cells.assign(exposed=cells["ever"].astype(float)), ["exposed"]).loc["exposed"]
    found = {
        "covers": covers(row["low"], ratio, row["high"]),
        "five": below(row["p"], 0.05),
        "bias": total(row["log_ratio"] - np.log(ratio)),
        "naive": total(np.exp(naive["log_ratio"])),
    }
    return found | {"half": below(row["p"], 0.005)} if ratio == 1 else found


def _plans(seed: int, *, shift: float) -> Mapping[str, tuple[float, float]]:
    """Two plans whose accounts differ by so much in one of four measures; and two drawn from known distributions."""
    rng = np.random.default_rng(seed)
    order = np.repeat([1, 2], [70, 50])
    x = rng.normal(size=(120, 4))
    x[:, 0] += shift * (order == 2)
    index = cross_fitted_index(x, order, rng.integers(0, 10, 120))
    told = concordance(index[order == 1], index[order == 2])
    known = concordance(x[order == 1, 0], x[order == 2, 0])
    # Φ(shift / √2), from its table
    truth = {0.0: 0.5, 0.8: 0.714196}[shift]
    return {"covers": covers(known.low, truth, known.high), "apart": (float(told.low > 0.5), 1.0)}


_RATES = (
    Measure("covers", "rate", "covers", 0.93, 0.97),
    Measure("ratio", "ratio of the rates of two groups alike", "covers", 0.93, 0.97),
    Measure("five", "two groups alike, p ≤ 0.05", "errs", 0.03, 0.07),
    Measure("half", "two groups alike, p ≤ 0.005", "errs", 0.0, 0.01),
)
_FOLLOWED = (
    "250 accounts that came one after the other over 30 months; in a month 3 % expand for the first time (12 % in the "
    "twelfth) and 2 % leave"
)
_CUT = (
    "900 accounts over 36 months; large ones cut back more often and leave half as often as small ones, four in ten do "
    "either only when an annual term is due"
)

EXPERIMENTS = (
    Experiment(
        name="first_expansion",
        study="Expansion",
        says=f"{_FOLLOWED}. The share expanded after 3, 6, 12 and 18 months, in months 12 to 18 alone, and beside them "
        "what a plain share of all accounts says.",
        worlds=1500,
        short=60,
        world=_incidence,
        measures=(
            Measure("covers", "share expanded", "covers", 0.93, 0.98),
            Measure("window", "share expanded in months 12 to 18", "covers", 0.93, 0.98),
            Measure("naive", "plain share of all accounts", "mean"),
            Measure("truth", "share that expands within 18 months", "mean"),
        ),
    ),
    Experiment(
        name="expansion_rate",
        study="Expansion",
        says="300 accounts followed up to three years that expand again and again, some much more often than others. "
        "Expansions per account and year, by leaving out one of 50 groups of accounts at a time.",
        worlds=2000,
        short=200,
        world=partial(_rates, accounts=300),
        measures=_RATES,
    ),
    Experiment(
        name="expansion_rate_few",
        study="Expansion",
        says="The same with 100 accounts.",
        worlds=2000,
        short=200,
        world=partial(_rates, accounts=100),
        measures=_RATES,
    ),
    Experiment(
        name="expansion_size",
        study="Expansion",
        says="The median of 35, 60 and 120 log-normal amounts, between order statistics.",
        worlds=2000,
        short=200,
        world=_sizes,
        measures=(Measure("covers", "median", "covers", 0.93, 0.97),),
    ),
    Experiment(
        name="after_a_cut_null",
        study="Expansion",
        says=f"{_CUT}; a cut changes nothing. Leaving after the first cut, followed month by month, and what comparing "
        "accounts that ever cut back with the others says.",
        worlds=700,
        short=25,
        world=partial(_after, ratio=1.0),
        measures=(
            Measure("covers", "hazard ratio after a cut", "covers", 0.93, 0.97),
            Measure("five", "p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("bias", "mean log ratio", "mean", -0.03, 0.03),
            Measure("naive", "mean ratio of those that ever cut back", "mean"),
        ),
    ),
    Experiment(
        name="after_a_cut_effect",
        study="Expansion",
        says=f"{_CUT}; from the month after their first cut accounts leave 1.8 times as often.",
        worlds=700,
        short=25,
        world=partial(_after, ratio=1.8),
        measures=(
            Measure("covers", "hazard ratio after a cut", "covers", 0.93, 0.97),
            Measure("five", "a ratio of 1.8, p ≤ 0.05", "finds", 0.80, 1.0),
            Measure("bias", "mean log ratio, less the true one", "mean", -0.03, 0.03),
            Measure("naive", "mean ratio of those that ever cut back", "mean"),
        ),
    ),
    Experiment(
        name="plans_alike",
        study="Expansion",
        says="Two plans of 70 and 50 accounts whose use differs in nothing, by four measures. How often one is said to "
        "use more, and the share of pairs in which the higher plan's account does.",
        worlds=2000,
        short=200,
        world=partial(_plans, shift=0.0),
        measures=(
            Measure("covers", "share of pairs", "covers", 0.93, 0.97),
            Measure("apart", "plans said to be apart", "errs", 0.0, 0.03),
        ),
    ),
    Experiment(
        name="plans_apart",
        study="Expansion",
        says="The same with one measure 0.8 standard deviations higher on the higher plan.",
        worlds=2000,
        short=200,
        world=partial(_plans, shift=0.8),
        measures=(
            Measure("covers", "share of pairs", "covers", 0.93, 0.97),
            Measure("apart", "plans said to be apart", "finds", 0.80, 1.0),
        ),
    ),
)
