"""Trends over cohorts, the shape of the hazard, and groups compared at an age."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from customer_value.stats import intervals, survival
from customer_value.stats.hazard_shape import hazard_shape
from customer_value.stats.hazard_trend import trend
from experiment import Experiment, Measure, below, covers

SHOCK = 0.15
MONTHS, AGES = 36, 24
ACCOUNTS = 2000
FEWEST = 30

# --- trends over cohorts ---------------------------------------------------------------------------------------------

LARGE = 0.5
"""What large accounts' hazard is of the small ones'."""


def _cells(rng: np.random.Generator, *, shock: float, a_year: float, mix: float) -> pd.DataFrame:
    """Counts by sign-up month, size, term and age: monthly accounts leave at any age, annual ones at its twelves."""
    months = np.exp(rng.normal(0, shock, MONTHS + 1))
    cohort = np.arange(MONTHS)
    large = np.clip(0.4 + mix * (cohort / (MONTHS - 1) - 0.5), 0.02, 0.98)
    share = np.stack([(1 - large) * 0.65, (1 - large) * 0.35, large * 0.3, large * 0.7], axis=1)
    left = rng.multinomial(ACCOUNTS // MONTHS, share)
    size = np.array([1.0, 1.0, LARGE, LARGE]) * np.exp(a_year * (cohort / 12 - 1.5))[:, None]
    rows = []
    for age in range(1, AGES + 1):
        monthly = 0.025 * (1 + 0.9 * np.exp(-(age - 1) / 5))
        base = np.array([monthly, 0.24 * (age % 12 == 0), monthly, 0.24 * (age % 12 == 0)])
        seen = cohort + age < MONTHS
        hazard = -np.expm1(-base * size * months[np.minimum(cohort + age, MONTHS)][:, None])
        events = rng.binomial(left, hazard)
        rows += [
            (c, c / 12, age, c + age, kind // 2, kind % 2, left[c, kind], events[c, kind])
            for c in cohort[seen]
            for kind in range(4)
        ]
        left = left - events
    cells = pd.DataFrame(rows, columns=["cohort", "years", "age", "month", "large", "annual", "at_risk", "events"])
    return cells[cells["at_risk"] > 0]


def _trend(
    seed: int, *, shock: float = 0.0, a_year: float = 0.0, mix: float = 0.0
) -> Mapping[str, tuple[float, float]]:
    cells = _cells(np.random.default_rng(seed), shock=shock, a_year=a_year, mix=mix)
    options = {"entered": "years", "clusters": ("month", "cohort")}
    raw = trend(cells, strata=["age"], **options)
    alike = trend(cells, strata=["annual", "age"], categories=["large"], **options)
    alone = 2 * _normal_tail(abs(alike.log_ratio) / alike.model_error)
    return {
        "raw_five": below(raw.p, 0.05),
        "five": below(alike.p, 0.05),
        "half": below(alike.p, 0.005),
        "covers": covers(alike.low, a_year, alike.high),
        "alone": below(alone, 0.05),
    }


def _normal_tail(z: float) -> float:
    return float(stats.norm.sf(z))


_MIX = "at an equal mix of customers"


def _trend_experiment(
    name: str, says: str, *, worlds: int = 500, errs: bool = True, raw_errs: bool = True, **world: float
) -> Experiment:
    kind, five, half = ("errs", (0.03, 0.07), (0.0, 0.01)) if errs else ("finds", (None, None), (None, None))
    raw = (0.03, 0.07) if errs and raw_errs else (None, None)
    return Experiment(
        name=name,
        study="Trends over cohorts",
        says=f"{ACCOUNTS} accounts sign up over {MONTHS} months, large and small, on monthly and annual terms. {says}",
        worlds=worlds,
        short=15,
        world=partial(_trend, **world),
        measures=(
            Measure("five", f"trend {_MIX}, p ≤ 0.05", kind, *five),
            Measure("half", f"trend {_MIX}, p ≤ 0.005", kind, *half),
            Measure("raw_five", "trend of accounts as they are, p ≤ 0.05", kind, *raw),
            Measure("covers", f"rate of leaving a year later, {_MIX}", "covers", 0.93, 0.97),
            Measure("alone", "the same test, if months were taken not to scatter, p ≤ 0.05", kind),
        ),
    )


# --- the shape of the hazard -----------------------------------------------------------------------------------------

SEEN = np.arange(1, 31)
TURN = 4
HAZARDS = {
    "constant": np.full(30, 0.025),
    "step": np.where(SEEN <= TURN, 0.05, 0.02),
    "power": -np.expm1(-0.07 * (SEEN**0.6 - (SEEN - 1) ** 0.6)),
}


def _shape(seed: int, *, accounts: int, shock: float) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = {name: hazard_shape(_counts(rng, hazard, accounts, shock)) for name, hazard in HAZARDS.items()}
    constant, step, power = (found[name] for name in HAZARDS)
    high = SEEN[-1] if np.isnan(step.turn_high) else step.turn_high
    return {
        "early": (float(constant.shape == "falling"), 1.0),
        "moves": (float(constant.shape in ("falling", "rising")), 1.0),
        "step": (float(step.shape == "falling"), 1.0),
        "step_form": (float(step.form == "phase"), 1.0),
        "turn": covers(step.turn_low, TURN, high) if step.form == "phase" else (0.0, 0.0),
        "power": (float(power.shape == "falling"), 1.0),
        "power_wrong": (float(power.form == "phase"), 1.0),
    }


def _counts(rng: np.random.Generator, hazard: np.ndarray, accounts: int, shock: float) -> pd.DataFrame:
    """Sign-ups over three years, followed to their end."""
    begun = rng.integers(0, MONTHS, accounts)
    months = np.exp(rng.normal(0, shock, MONTHS + len(hazard)))
    at = hazard * months[begun[:, None] + np.arange(len(hazard))]
    lives = 1 + (rng.random(at.shape) >= at).cumprod(axis=1).sum(axis=1)
    follow = np.minimum(MONTHS - begun, len(hazard))
    return survival.person_months(np.zeros(accounts, dtype=int), np.minimum(lives, follow), lives <= follow)


def _shape_experiment(accounts: int, *, shock: float = 0.0, found: float | None = None) -> Experiment:
    shaken = f" Months have shocks of their own (σ {shock} of the log hazard)." if shock else ""
    return Experiment(
        name=f"hazard_shape_{accounts}" + ("_shocks" if shock else ""),
        study="Shape of the hazard",
        says=f"{accounts} accounts sign up over {MONTHS} months. In one world a fortieth leaves a month at every age; "
        f"in one a twentieth in the first {TURN} months and a fiftieth after; in one ever fewer.{shaken}",
        worlds=600,
        short=20,
        world=partial(_shape, accounts=accounts, shock=shock),
        measures=(
            Measure("early", "a constant rate called faster at first", "errs", 0.0, 0.07),
            Measure("moves", "a constant rate called faster at first or later", "errs", 0.0, 0.07),
            Measure("step", "a faster start that ends, called faster at first", "finds", found),
            Measure("step_form", "the same, and told from a rate that never becomes steady", "finds"),
            Measure("turn", "the age at which the fast start ends, where one is named", "covers", 0.93, None),
            Measure("power", "a rate that always falls, called faster at first", "finds", found),
            Measure("power_wrong", "a rate that always falls, said to become steady", "errs"),
        ),
    )


# --- groups at an age ------------------------------------------------------------------------------------------------

GROUPS = {"large": (0.50, 0.30), "middling": (0.38, 0.55), "small": (0.12, 0.85)}
"""Share of accounts, and of those the share on annual terms."""
COMPARED = 12


def _pairs(seed: int, *, accounts: int, shock: float) -> Mapping[str, tuple[float, float]]:
    """Three groups that leave alike, some older than the data; monthly accounts at any age, annual ones at renewals."""
    rng = np.random.default_rng(seed)
    months = np.exp(rng.normal(0, shock, 2 * MONTHS + 1))
    old = rng.random(accounts) < 0.45
    begun = np.where(old, -rng.integers(1, MONTHS, accounts), rng.integers(0, MONTHS, accounts))
    names = np.array(list(GROUPS))
    shares, annual = (np.array(column) for column in zip(*GROUPS.values(), strict=True))
    group = rng.choice(len(names), accounts, p=shares)
    term = rng.random(accounts) < annual[group]
    ages = np.arange(1, 2 * MONTHS)
    base = np.where(term[:, None], np.where(ages % 12 == 0, 12 * 0.015, 0.0), 0.015)
    place = np.clip(begun[:, None] + ages + MONTHS, 0, 2 * MONTHS)
    lives = 1 + (rng.random(base.shape) >= -np.expm1(-base * months[place])).cumprod(axis=1).sum(axis=1)
    follow, entry = MONTHS - begun, np.maximum(-begun, 0)
    seen = np.minimum(lives, follow) > entry
    counts = survival.person_months(
        entry[seen],
        np.minimum(lives, follow)[seen],
        (lives <= follow)[seen],
        groups=pd.DataFrame({"level": names[group[seen]]}),
        followed_to=follow[seen],
    )
    curve = survival.kaplan_meier(counts, by=["level"], min_at_risk=FEWEST)
    at = curve[curve["age"] == COMPARED].set_index("level").reindex(names)
    one, two = at.iloc[[0, 0, 1]], at.iloc[[1, 2, 2]]
    p = intervals.share_difference(*(part[name] for part in (one, two) for name in ("estimate", "effective_n")))[3]
    _, low, high = intervals.difference_of_limits(
        *(part[name] for part in (one, two) for name in ("estimate", "low", "high"))
    )
    return {"five": below(p, 0.05), "half": below(p, 0.005), "covers": covers(low, 0.0, high)}


def _pairs_experiment(accounts: int, *, shock: float = 0.0) -> Experiment:
    shaken = f" Months have shocks of their own (σ {shock} of the log hazard)." if shock else ""
    return Experiment(
        name=f"pairs_{accounts}" + ("_shocks" if shock else ""),
        study="Groups at an age",
        says=f"{accounts} accounts in three groups of unequal size and unequal share of annual terms, two in five "
        f"older than the data; all keep alike to twelve months.{shaken}",
        worlds=1000,
        short=40,
        world=partial(_pairs, accounts=accounts, shock=shock),
        measures=(
            Measure("five", f"two groups at {COMPARED} months, p ≤ 0.05", "errs", 0.0, 0.07),
            Measure("half", f"two groups at {COMPARED} months, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("covers", f"difference of two groups at {COMPARED} months", "covers", 0.93, 0.97),
        ),
    )


EXPERIMENTS = (
    _trend_experiment("cohort_trend_calm", "Later cohorts leave as the earlier did."),
    _trend_experiment(
        "cohort_trend_shocks",
        f"Later cohorts leave as the earlier did, but months have shocks of their own (σ {SHOCK} of the log hazard).",
        worlds=1500,
        shock=SHOCK,
    ),
    _trend_experiment(
        "cohort_trend_mix",
        f"Every month more of them are large, and leave half as fast; nothing else changes but shocks (σ {SHOCK}).",
        shock=SHOCK,
        mix=0.8,
        raw_errs=False,
    ),
    _trend_experiment(
        "cohort_trend_real",
        f"Whoever signs up a year later leaves at four fifths of the rate; months have shocks (σ {SHOCK}).",
        shock=SHOCK,
        a_year=float(np.log(0.8)),
        errs=False,
    ),
    _shape_experiment(200),
    _shape_experiment(800, found=0.9),
    _shape_experiment(800, shock=SHOCK, found=0.9),
    _pairs_experiment(300),
    _pairs_experiment(900),
    _pairs_experiment(900, shock=SHOCK),
)
