"""Features end to end: from simulated use to hazard ratios and verdicts, where the naive comparison misleads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log

import numpy as np
import pandas as pd

import chain
from customer_value.simulate import DEFAULT, NULL, Feature, Health, Parameters, WindDown
from customer_value.strategy.established.feature_adoption import HEALTH_CAVEAT
from experiment import Experiment, Measure, below, covers, total
from worlds import marts_of

PLAIN = Feature("Reports", "basic", "Core", "null", start=0.30, pace=0.02)
LATE = Feature("Single sign-on", "basic", "Administration", "survival", start=0.0, pace=0.03, drop=0.0)
SOCIAL = Feature("Comments", "basic", "Collaboration", "wind-down", start=0.45, pace=0.03, winds_down=1.0)
USEFUL = Feature("Automation", "basic", "Automation", "effect", start=0.18, pace=0.012, leaving=log(0.7))


def _null_but(*features: Feature, health: Health = NULL.health, wind_down: WindDown = NULL.wind_down) -> Parameters:
    """The world without effects, with these features and what else is given."""
    return replace(NULL, features=replace(NULL.features, items=features), health=health, wind_down=wind_down)


def _studied(seed: int, parameters: Parameters, accounts: int) -> Mapping[str, object]:
    """The chapter's records and variables."""
    with marts_of(parameters, accounts=accounts, seed=seed) as marts:
        recorded, variables = chain.run(marts, "feature_adoption", also=("naive",))
    return {
        "recorded": recorded,
        **{name: variables[name].table for name in ("naive", "landmark", "lagged", "verdicts")},
    }


def _leaving(table: pd.DataFrame, feature: Feature, *, lag: int | None = None) -> pd.Series:
    rows = table[(table["feature"] == feature.name) & (table["outcome"] == "leaving")]
    return (rows if lag is None else rows[rows["lag"] == lag]).iloc[0]


def _linked(verdicts: pd.DataFrame, *features: Feature) -> tuple[float, float]:
    """How many of these features are called linked to anything, and how many there are."""
    said = verdicts.set_index("feature")["verdict"].loc[[feature.name for feature in features]]
    return float(said.str.startswith("linked").sum()), float(len(said))


def _survivors(seed: int) -> Mapping[str, tuple[float, float]]:
    found = _studied(seed, _null_but(LATE, PLAIN), 800)
    naive, main = _leaving(found["naive"], LATE), _leaving(found["lagged"], LATE, lag=3)
    landmark = _leaving(found["landmark"], PLAIN)
    return {
        "naive": total(naive["log_ratio"]),
        "naive_covers": covers(naive["low"], 1.0, naive["high"]),
        "landmark_covers": covers(landmark["low"], 1.0, landmark["high"]),
        "main": total(main["log_ratio"]),
        "covers": covers(main["low"], 1.0, main["high"]),
        "five": below(main["p"], 0.05),
        "linked": _linked(found["verdicts"], LATE, PLAIN),
    }


def _winding_down(seed: int) -> Mapping[str, tuple[float, float]]:
    found = _studied(seed, _null_but(SOCIAL, PLAIN, wind_down=DEFAULT.wind_down), 800)
    by_lag = {lag: _leaving(found["lagged"], SOCIAL, lag=lag) for lag in (1, 2, 3, 6)}
    return {f"lag_{lag}": total(row["log_ratio"]) for lag, row in by_lag.items()} | {
        "early": below(by_lag[1]["p"], 0.05),
        "covers": covers(by_lag[3]["low"], 1.0, by_lag[3]["high"]),
        "linked": _linked(found["verdicts"], SOCIAL, PLAIN),
    }


SICK = replace(DEFAULT.health, leaving=-0.7, adoption=0.5)
"""Health that moves leaving and adoption strongly, and is written down nowhere."""


def _unhealthy(seed: int) -> Mapping[str, tuple[float, float]]:
    found = _studied(seed, _null_but(replace(SOCIAL, keep=0.7), replace(LATE, drop=0.02), health=SICK), 2000)
    linked = found["verdicts"]["verdict"].str.startswith("linked")
    names = [f"“{feature}”" for feature in found["verdicts"]["feature"][linked]]
    records = [one for one in found["recorded"] if any(name in one.subject for name in names)]
    return {
        "linked": (float(linked.sum()), float(len(linked))),
        "main": total([_leaving(found["lagged"], feature, lag=3)["log_ratio"] for feature in (SOCIAL, LATE)]),
        "caveat": (float(sum(HEALTH_CAVEAT in one.caveat for one in records)), float(len(records))),
    }


def _useful(seed: int) -> Mapping[str, tuple[float, float]]:
    found = _studied(seed, _null_but(USEFUL, PLAIN, LATE), 2400)
    main = _leaving(found["lagged"], USEFUL, lag=3)
    verdict = found["verdicts"].set_index("feature")["verdict"]
    false, _ = _linked(found["verdicts"], PLAIN, LATE)
    all_linked, _ = _linked(found["verdicts"], USEFUL, PLAIN, LATE)
    return {
        "bias": total(main["log_ratio"] - USEFUL.leaving),
        "covers": covers(main["low"], np.exp(USEFUL.leaving), main["high"]),
        "five": below(main["p"], 0.05),
        "verdict": (float("linked to retention" in verdict[USEFUL.name]), 1.0),
        "harm": (float(verdict[USEFUL.name] == "linked to leaving"), 1.0),
        "null": (false, 2.0),
        "false": (false, all_linked),
        "events": total(main["events"]),
        "exposed": (float(main["exposed_share"]), 1.0),
    }


_BUSINESS = "The sample's business over 36 months, without any effect on leaving or growing"

EXPERIMENTS = (
    Experiment(
        name="features_survivors",
        study="Features",
        says=f"{_BUSINESS}; 800 accounts. A feature that does nothing is adopted late, so only by those who stayed.",
        worlds=100,
        short=0,
        world=_survivors,
        measures=(
            Measure("naive", "log hazard ratio of having ever adopted it, as most reports have it", "mean", None, -0.2),
            Measure("naive_covers", "the same", "covers"),
            Measure(
                "landmark_covers", "hazard ratio from a landmark on, of another that does nothing", "covers", 0.93, 0.97
            ),
            Measure("main", "log hazard ratio at a lag of three months", "mean", -0.08, 0.08),
            Measure("covers", "hazard ratio at a lag of three months", "covers", 0.93, 0.97),
            Measure("five", "the same, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("linked", "features that do nothing called linked to anything", "errs", 0.0, 0.05),
        ),
    ),
    Experiment(
        name="features_wind_down",
        study="Features",
        says=f"{_BUSINESS}; 800 accounts. Those who leave stop using a feature two to three months before, which does "
        "nothing.",
        worlds=100,
        short=0,
        world=_winding_down,
        measures=(
            Measure("lag_1", "log hazard ratio at a lag of one month", "mean", None, -0.2),
            Measure("lag_2", "log hazard ratio at a lag of two months", "mean"),
            Measure("lag_3", "log hazard ratio at a lag of three months", "mean", -0.08, 0.08),
            Measure("lag_6", "log hazard ratio at a lag of six months", "mean", -0.08, 0.08),
            Measure("early", "a lag of one month, p ≤ 0.05", "errs"),
            Measure("covers", "hazard ratio at a lag of three months", "covers", 0.93, 0.97),
            Measure("linked", "features that do nothing called linked to anything", "errs", 0.0, 0.05),
        ),
    ),
    Experiment(
        name="features_health",
        study="Features",
        says=f"{_BUSINESS} but that of health, which moves use as well and is written down nowhere; 2,000 accounts and "
        "two features that do nothing. No method removes this: they are linked, and the page must say why that proves "
        "nothing.",
        worlds=40,
        short=0,
        world=_unhealthy,
        measures=(
            Measure("linked", "features that do nothing called linked to anything", "share"),
            Measure("main", "log hazard ratio at a lag of three months", "mean"),
            Measure("caveat", "links that carry the warning about health", "share", 1.0, 1.0),
        ),
    ),
    Experiment(
        name="features_effect",
        study="Features",
        says=f"{_BUSINESS} but that of one feature, whose regular use multiplies the hazard of leaving by 0.7; 2,400 "
        "accounts and two features that do nothing.",
        worlds=60,
        short=1,
        world=_useful,
        measures=(
            Measure("bias", "log hazard ratio, less the true one", "mean", -0.05, 0.05),
            Measure("covers", "hazard ratio", "covers", 0.93, 0.97),
            Measure("five", "the effect, p ≤ 0.05", "finds", 0.75, 1.0),
            Measure("verdict", "the effect, verdict “linked to retention”", "finds"),
            Measure("harm", "the useful feature called linked to leaving", "errs", 0.0, 0.01),
            Measure("null", "features that do nothing called linked to anything", "errs", 0.0, 0.05),
            Measure("false", "features called linked that do nothing, of all called so", "errs", 0.0, 0.05),
            Measure("events", "ends a world that the estimate rests on", "mean"),
            Measure("exposed", "person-months with regular use", "share"),
        ),
    ),
)
