"""Survival curves, with and without accounts that are older than the data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from customer_value.stats import survival
from experiment import Experiment, Measure, covers

HAZARD = np.array([0.05] * 3 + [0.02] * 21)
TRUTH = np.cumprod(1 - HAZARD)
AGES = (3, 6, 12, 18)
SIZES = (60, 400)


def _curves(seed: int, *, late: bool) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = {}
    for accounts in SIZES:
        lives = 1 + (rng.random((accounts, len(HAZARD))) >= HAZARD).cumprod(axis=1).sum(axis=1)
        follow = rng.integers(6, 25, accounts)
        entry = rng.integers(0, 4, accounts) * (rng.random(accounts) < 0.4) if late else np.zeros(accounts, dtype=int)
        seen = lives > entry
        counts = survival.person_months(entry[seen], np.minimum(lives, follow)[seen], (lives <= follow)[seen])
        curve = survival.kaplan_meier(counts).set_index("age").reindex(AGES)
        found[f"curve_{accounts}"] = covers(curve["low"], TRUTH[np.array(AGES) - 1], curve["high"])
    return found


_MEASURES = tuple(
    Measure(f"curve_{n}", f"share still here at {', '.join(map(str, AGES))} months, {n} accounts", "covers", 0.93, 0.98)
    for n in SIZES
)
_HAZARD = "One in twenty leaves in each of the first three months, then one in fifty; followed for 6 to 24 months."

EXPERIMENTS = (
    Experiment(
        name="survival",
        study="Survival",
        says=_HAZARD,
        worlds=2000,
        short=200,
        world=partial(_curves, late=False),
        measures=_MEASURES,
    ),
    Experiment(
        name="survival_late_entry",
        study="Survival",
        says=f"{_HAZARD} Two in five come into view up to three months old, and only if they are still there.",
        worlds=2000,
        short=200,
        world=partial(_curves, late=True),
        measures=_MEASURES,
    ),
)
