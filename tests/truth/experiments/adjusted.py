"""Groups compared at equal size, term, plan and age, where the raw comparison is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from customer_value.stats import intervals, standardise
from customer_value.stats.intervals import Difference
from experiment import Experiment, Measure, below, covers

POPULATION = 400_000
"""How many accounts the truth is averaged over."""
CUT_SHARE, CUT, GROWN_SHARE, GROWN = 0.15, 0.75, 0.25, 1.3
"""Of those that stay: how many pay less, and how many more, and how much of what they paid."""


@dataclass(frozen=True)
class Setting:
    """One business: large accounts, on long terms, are likelier in the group, and likelier to stay.

    Attributes
    ----------
    n : accounts
    loss : how likely the middling account leaves
    group : how likely the middling account is in the group
    effect : of the group, on the log odds of leaving
    sigma : of the log-normal prices
    uneven : how much larger the effect is in an account one standard deviation larger
    """

    n: int
    loss: float
    group: float
    effect: float = 0.0
    sigma: float = 1.0
    uneven: float = 0.0


@dataclass(frozen=True)
class Base:
    """Accounts of a setting, with the chance each would leave within the group and without."""

    covariates: pd.DataFrame
    before: np.ndarray
    inside: np.ndarray
    leaves_inside: np.ndarray
    leaves_outside: np.ndarray
    kept: np.ndarray
    after: np.ndarray


def draw(rng: np.random.Generator, setting: Setting, *, n: int | None = None) -> Base:
    """Accounts of this business, and what became of them within a year."""
    n = n or setting.n
    size = rng.normal(size=n)
    term = rng.random(n) < expit(0.3 + 0.8 * size)
    plan = np.clip(np.floor(4 * expit(0.8 * size + rng.normal(size=n))), 0, 3)
    age = rng.exponential(24, n)
    inside = rng.random(n) < expit(logit(setting.group) + 0.8 * size + 0.7 * (term - 0.5))
    odds = logit(setting.loss) - 0.5 * size - 0.6 * (term - 0.5) - 0.0125 * np.minimum(age, 48)
    leaves_inside, leaves_outside = expit(odds + setting.effect + setting.uneven * size), expit(odds)
    left = rng.random(n) < np.where(inside, leaves_inside, leaves_outside)
    moved = rng.choice([CUT, 1.0, GROWN], n, p=[CUT_SHARE, 1 - CUT_SHARE - GROWN_SHARE, GROWN_SHARE])
    before = np.exp(6 + setting.sigma * size)
    return Base(
        covariates=pd.DataFrame(
            {
                "size": np.log(before),
                "term": np.where(term, "annual", "monthly"),
                "plan": plan.astype(int).astype(str),
                "age": np.log1p(age),
            }
        ),
        before=before,
        inside=inside,
        leaves_inside=leaves_inside,
        leaves_outside=leaves_outside,
        kept=1.0 - left,
        after=np.where(left, 0.0, before * moved),
    )


@cache
def truths(setting: Setting) -> Mapping[str, float]:
    """Differences if everybody, and then nobody, belonged to the group: of accounts kept, gross and net retention."""
    base = draw(np.random.default_rng(1), setting, n=POPULATION)
    kept = base.leaves_outside - base.leaves_inside
    weighted = float(np.average(kept, weights=base.before))
    less = 1 - CUT_SHARE * (1 - CUT)
    return {
        "kept": float(kept.mean()),
        "gross": weighted * less,
        "net": weighted * (less + GROWN_SHARE * (GROWN - 1)),
    }


def compared(base: Base) -> Mapping[str, Difference] | None:
    """The adjusted differences, and the raw one of accounts kept; None where no comparison would be shown."""
    inside = base.inside
    if min(inside.sum(), (~inside).sum()) < 30:
        return None
    columns = standardise.design(base.covariates)
    kept = standardise.ShareModel.fit(base.kept, inside, columns).contrast()
    part = np.minimum(base.after, base.before) / base.before
    gross = standardise.ShareModel.fit(part, inside, columns, weight=base.before).contrast()
    net = standardise.ratio_contrast(base.after, base.before, inside, columns)
    raw = base.kept[inside].mean() - base.kept[~inside].mean()
    return {
        "kept": kept.difference(),
        "gross": gross.difference(),
        "net": net.difference(),
        "raw": Difference(raw, np.nan, np.nan, np.nan),
    }


def _world(seed: int, *, settings: tuple[Setting, ...]) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(NAMES, np.zeros(2))
    for setting in settings:
        base, truth = draw(rng, setting), truths(setting)
        estimates = compared(base)
        if estimates is None:
            continue
        # Flagged "a few accounts decide this": no decision stands on it, and no coverage is promised.
        few = any(intervals.few_decide(base.before[side]) for side in (base.inside, ~base.inside))
        for name in ("kept", "gross", "net"):
            if few and name != "kept":
                continue
            each = estimates[name]
            measured = {f"{name}_covers": covers(each.low, truth[name], each.high)}
            measured[f"{name}_bias"] = (each.estimate - truth[name], 1.0)
            if setting.effect == 0:
                measured |= {f"{name}_{word}": below(each.p, level) for word, level in LEVELS.items()}
            found |= {key: found[key] + value for key, value in measured.items()}
        found["raw_bias"] = found["raw_bias"] + (estimates["raw"].estimate - truth["kept"], 1.0)
    tested = {name for name in NAMES if not name.endswith(tuple(LEVELS)) or any(each.effect == 0 for each in settings)}
    return {key: tuple(value) for key, value in found.items() if key in tested}


LEVELS = {"five": 0.05, "half": 0.005}
SAYS = {"kept": "accounts kept", "gross": "gross retention", "net": "net retention"}
NAMES = (*(f"{name}_{what}" for name in SAYS for what in ("covers", *LEVELS, "bias")), "raw_bias")


def _measures(name: str, said: str) -> tuple[Measure, ...]:
    # Of revenue that shrinks in part, the binomial variance is an upper bound: those intervals are a little wide.
    most = 0.98 if name == "gross" else 0.97
    return (
        Measure(f"{name}_covers", f"adjusted difference in {said}", "covers", 0.93, most),
        Measure(f"{name}_five", f"{said} where nothing differs, p ≤ {LEVELS['five']}", "errs", 0.01, 0.06),
        Measure(f"{name}_half", f"{said} where nothing differs, p ≤ {LEVELS['half']}", "errs", 0.0, 0.0075),
        Measure(f"{name}_bias", f"adjusted difference in {said} less the true one", "mean", -0.005, 0.005),
    )


_MEASURES = (
    *(measure for name, said in SAYS.items() for measure in _measures(name, said)),
    Measure("raw_bias", "raw difference in accounts kept less the true one", "mean"),
)

_UNEVEN = tuple(
    replace(measure, low=None, high=None) for measure in _MEASURES if not measure.name.endswith(tuple(LEVELS))
)
"""Shown, not promised: a model of one effect, in a world of many."""

_WHAT = (
    "Large accounts and those on annual terms are likelier in the group and likelier to stay, older ones likelier to "
    "stay; prices are log-normal (σ 1). Half of the worlds have no effect of the group, in the others the odds of "
    "leaving are nearly twice as high in it (log odds 0.6). Where a few accounts decide, retention of revenue does not "
    "count."
)


def _settings(n: int, losses: tuple[float, ...], groups: tuple[float, ...]) -> tuple[Setting, ...]:
    return tuple(Setting(n, loss, group, effect=effect) for loss in losses for group in groups for effect in (0.0, 0.6))


EXPERIMENTS = (
    Experiment(
        name="adjusted_small",
        study="Adjusted differences",
        says=f"300 accounts, 15 or 5 % of which leave, 15 or 40 % in the group. {_WHAT}",
        worlds=1000,
        short=6,
        world=partial(_world, settings=_settings(300, (0.15, 0.05), (0.15, 0.40))),
        measures=_MEASURES,
    ),
    Experiment(
        name="adjusted_large",
        study="Adjusted differences",
        says=f"1,500 accounts, 15 or 5 % of which leave, 15 or 40 % in the group. {_WHAT}",
        worlds=1000,
        short=5,
        world=partial(_world, settings=_settings(1500, (0.15, 0.05), (0.15, 0.40))),
        measures=_MEASURES,
    ),
    Experiment(
        name="adjusted_rare",
        study="Adjusted differences",
        says=f"1,500 accounts, 5 or 2 % of which leave, 4 or 8 % in the group: none to four losses in it. {_WHAT}",
        worlds=1000,
        short=5,
        world=partial(_world, settings=_settings(1500, (0.05, 0.02), (0.04, 0.08))),
        measures=_MEASURES,
    ),
    Experiment(
        name="adjusted_uneven",
        study="Adjusted differences",
        says="1,500 accounts, 15 % of which leave, 30 % in the group, whose effect is half as large again in an "
        f"account one standard deviation larger, so that the model is not quite true. {_WHAT}",
        worlds=1000,
        short=10,
        world=partial(_world, settings=(Setting(1500, 0.15, 0.3, effect=0.6, uneven=0.3),)),
        measures=_UNEVEN,
    ),
)
