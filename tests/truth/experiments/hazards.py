"""Hazard ratios from counts of person-months: ends, which happen once, and growth, which returns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from customer_value.stats import grouped_hazards
from experiment import Experiment, Measure, below, covers, total

MONTHS = 24
STRATA = ["term", "since_term"]


def _history(
    rng: np.random.Generator, accounts: int, *, ratio: float, base: float, uneven: float, leaves: bool
) -> pd.DataFrame:
    """One row a person-month at risk: its stratum, size, exposure and event.

    Larger accounts adopt more and have half the hazard, so that the raw comparison is wrong. Three in ten
    person-months are exposed. Accounts on annual terms can have an event every twelfth month only, if ``leaves``.
    ``uneven`` is the standard deviation of each account's own log hazard.
    """
    size = rng.integers(0, 3, accounts)
    annual = leaves & (rng.random(accounts) < 0.4)
    begun = rng.integers(0, 12, accounts)
    adopts = rng.geometric(np.array([0.010, 0.018, 0.030])[size])
    own = np.exp(rng.normal(-(uneven**2) / 2, uneven, accounts) - np.log(2) * (size - 1) / 2)
    there = np.ones(accounts, dtype=bool)
    rows = []
    for month in range(MONTHS):
        since = np.where(annual, (begun + month) % 12, 0)
        exposed = adopts <= month + 6
        rate = np.where(annual, np.where(since == 0, 12 * base, 0.0), base) * own * np.where(exposed, ratio, 1.0)
        event = there & (rng.random(accounts) < -np.expm1(-rate))
        rows.append(
            pd.DataFrame(
                {
                    "account": np.flatnonzero(there),
                    "term": np.where(annual, 12, 1)[there],
                    "since_term": since[there],
                    "size": size[there],
                    "exposure": exposed[there].astype(float),
                    "events": event[there].astype(int),
                    "at_risk": 1,
                }
            )
        )
        if leaves:
            there &= ~event
    return pd.concat(rows, ignore_index=True)


def _fit(rows: pd.DataFrame, *, group: str | None = None) -> pd.Series:
    """The row of the exposure, adjusted for size."""
    keys = [*STRATA, "size", "exposure", *([group] if group else [])]
    cells = rows.groupby(keys, as_index=False)[["at_risk", "events"]].sum()
    fit = grouped_hazards.fit(cells, terms=["exposure"], categories=["size"], strata=STRATA, group=group)
    return fit.table.set_index("term").loc["exposure"]


def _ends(seed: int, *, ratio: float) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    rows = _history(rng, 1000, ratio=ratio, base=0.020, uneven=0.0, leaves=True)
    row = _fit(rows)
    found = {
        "covers": covers(row["low"], ratio, row["high"]),
        "five": below(row["p"], 0.05),
        "bias": total(row["log_ratio"] - np.log(ratio)),
        "events": total(rows["events"].sum()),
        "exposed": (float((rows["exposure"] * rows["at_risk"]).sum()), float(rows["at_risk"].sum())),
    }
    return found | {"half": below(row["p"], 0.005)} if ratio == 1 else found


def _growth(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    rows = _history(rng, 600, ratio=1.0, base=0.03, uneven=0.8, leaves=False)
    rows = rows.assign(group=rng.permutation(600)[rows["account"]] % 50)
    jackknife, model = _fit(rows, group="group"), _fit(rows)
    return {
        "covers": covers(jackknife["low"], 1.0, jackknife["high"]),
        "five": below(jackknife["p"], 0.05),
        "half": below(jackknife["p"], 0.005),
        "model": covers(model["low"], 1.0, model["high"]),
    }


_WORLD = (
    "1,000 accounts over 24 months; large ones adopt a feature sooner and leave half as often as small ones; four in "
    "ten can leave only when an annual term is due. The hazard ratio of having adopted, adjusted for size, with a "
    "baseline of its own for every term and month since it began"
)

EXPERIMENTS = (
    Experiment(
        name="hazard_ratio_null",
        study="Hazard ratios",
        says=f"{_WORLD}; it changes nothing.",
        worlds=2000,
        short=100,
        world=partial(_ends, ratio=1.0),
        measures=(
            Measure("covers", "hazard ratio", "covers", 0.93, 0.97),
            Measure("five", "p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("bias", "mean log ratio", "mean", -0.03, 0.03),
            Measure("events", "ends a world", "mean"),
            Measure("exposed", "person-months exposed", "share"),
        ),
    ),
    Experiment(
        name="hazard_ratio_effect",
        study="Hazard ratios",
        says=f"{_WORLD}; it is 0.7.",
        worlds=2000,
        short=60,
        world=partial(_ends, ratio=0.7),
        measures=(
            Measure("covers", "hazard ratio", "covers", 0.93, 0.97),
            Measure("five", "a ratio of 0.7, p ≤ 0.05", "finds", 0.75, 1.0),
            Measure("bias", "mean log ratio, less the true one", "mean", -0.03, 0.03),
            Measure("events", "ends a world", "mean"),
            Measure("exposed", "person-months exposed", "share"),
        ),
    ),
    Experiment(
        name="growth_ratio_null",
        study="Hazard ratios",
        says="600 accounts over 24 months that grow again and again, some much more often than others (σ 0.8 of the "
        "log hazard). The ratio of having adopted something that changes nothing; intervals by leaving out one of 50 "
        "groups of accounts at a time.",
        worlds=1500,
        short=20,
        world=_growth,
        measures=(
            Measure("covers", "ratio, by leaving groups out", "covers", 0.93, 0.97),
            Measure("five", "p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("model", "the same, as if every month were a new account", "covers"),
        ),
    ),
)
