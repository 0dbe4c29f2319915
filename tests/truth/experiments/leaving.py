"""Ways of leaving that rule each other out, and hazard ratios of groups that are held to be the same at all ages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from customer_value.stats import competing_risks, grouped_hazards, proportionality, survival
from experiment import Experiment, Measure, below, covers, total

CAUSES = ("voluntary", "involuntary")
CHOICE = np.array([0.05] * 3 + [0.015] * 21)
FORCED = np.full(24, 0.006)
AGES = (3, 6, 12, 18)
SIZES = (60, 400)


def _truth() -> dict[str, np.ndarray]:
    """The share that has ended in each way by each age."""
    before = np.concatenate([[1.0], np.cumprod(1 - CHOICE - FORCED)[:-1]])
    return {"voluntary": np.cumsum(before * CHOICE), "involuntary": np.cumsum(before * FORCED)}


def _lives(rng: np.random.Generator, accounts: int, *, late: bool) -> pd.DataFrame:
    """Entry, exit and the way of ending; empty for those still there."""
    drawn = rng.random((accounts, len(CHOICE)))
    ends = drawn < CHOICE + FORCED
    life = np.where(ends.any(axis=1), ends.argmax(axis=1) + 1, len(CHOICE) + 1)
    chosen = drawn[np.arange(accounts), np.minimum(life, len(CHOICE)) - 1] < CHOICE[np.minimum(life, len(CHOICE)) - 1]
    follow = rng.integers(6, 25, accounts)
    entry = rng.integers(0, 4, accounts) * (rng.random(accounts) < 0.4) if late else np.zeros(accounts, dtype=int)
    cause = np.where(life <= follow, np.where(chosen, *CAUSES), None)
    lives = pd.DataFrame({"entry": entry, "exit": np.minimum(life, follow), "cause": cause, "half": follow % 2})
    return lives[lives["exit"] > entry]


def _incidence(seed: int, *, late: bool) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    truth, found = _truth(), {}
    for accounts in SIZES:
        lives = _lives(rng, accounts, late=late)
        counts = competing_risks.person_months(lives["entry"], lives["exit"], lives["cause"], causes=CAUSES)
        curves = competing_risks.cumulative_incidence(counts, CAUSES)
        for cause in CAUSES:
            at = curves[curves["cause"] == cause].set_index("age").reindex(AGES)
            found[f"{cause}_{accounts}"] = covers(at["low"], truth[cause][np.array(AGES) - 1], at["high"])
        if accounts == SIZES[-1]:
            alone = survival.kaplan_meier(counts.assign(events=counts["voluntary"])).set_index("age")["estimate"]
            last = AGES[-1]
            counted = curves[curves["cause"] == "voluntary"].set_index("age")["estimate"].reindex([last]).iloc[0]
            found["alone"] = total(1 - alone.reindex([last]) - truth["voluntary"][last - 1])
            found["counted"] = total([counted - truth["voluntary"][last - 1]])
            grouped = competing_risks.person_months(
                lives["entry"], lives["exit"], lives["cause"], causes=CAUSES, groups=lives[["half"]]
            )
            p = competing_risks.gray(grouped, ["half"], "voluntary").p
            found |= {"gray_five": below(p, 0.05), "gray_half": below(p, 0.005)}
    return found


_WAYS = tuple(
    Measure(f"{cause}_{n}", f"share that has left {how} at {', '.join(map(str, AGES))} months, {n} accounts", "covers",
            0.93, 0.98)
    for n in SIZES
    for cause, how in (("voluntary", "by choice"), ("involuntary", "against its will"))
)  # fmt: skip
_INCIDENCE = (
    *_WAYS,
    Measure("gray_five", "Gray's test of two groups alike, p ≤ 0.05, 400 accounts", "errs", 0.03, 0.07),
    Measure("gray_half", "Gray's test of two groups alike, p ≤ 0.005", "errs", 0.0, 0.01),
    Measure("counted", "mean error of the share that has left by choice at 18 months", "mean", -0.01, 0.01),
    Measure("alone", "the same of one minus Kaplan–Meier, the other way taken for unseen", "mean"),
)

MONTHS = 24


def _rates(seed: int, *, early: float, late: float) -> Mapping[str, tuple[float, float]]:
    """800 accounts of three kinds; size varies with time, goes with the kind and halves the hazard if it is large."""
    rng = np.random.default_rng(seed)
    accounts = 800
    kind = rng.integers(0, 3, accounts)
    annual = rng.random(accounts) < 0.4
    large = rng.random(accounts) < np.array([0.3, 0.5, 0.7])[kind]
    there, rows = np.ones(accounts, dtype=bool), []
    for month in range(1, MONTHS + 1):
        large = large ^ (rng.random(accounts) < 0.05)
        due = ~annual | (month % 12 == 0)
        ratio = np.where(kind == 2, early if month <= 12 else late, 1.0) * np.where(large, 0.5, 1.0)
        rate = np.where(annual, 0.30, 0.025) * ratio * due
        event = there & (rng.random(accounts) < -np.expm1(-rate))
        rows.append(
            pd.DataFrame(
                {
                    "term": np.where(annual, 12, 1)[there], "since_term": month, "at_risk": 1,
                    "kind": np.array(list("abc"))[kind[there]], "size": large[there].astype(int),
                    "events": event[there].astype(int),
                }
            )
        )  # fmt: skip
        there = there & ~event
    keys = ["term", "since_term", "kind", "size"]
    cells = pd.concat(rows, ignore_index=True).groupby(keys, as_index=False)[["at_risk", "events"]].sum()
    strata = ["term", "since_term"]
    fit = grouped_hazards.fit(cells, terms=[], categories=["kind", "size"], strata=strata)
    scale = proportionality.age_ranks(cells["since_term"], cells["events"])
    leaning = proportionality.leaning(fit, cells, "kind", scale).p
    banded = cells.assign(band=pd.cut(cells["since_term"], [0, 12, MONTHS], labels=["early", "late"]))
    bands = proportionality.by_band(banded, "kind", "band", reference="a", categories=["size"], strata=strata)
    own = bands.table.set_index(["level", "band"])
    found = {
        "early": covers(own.loc[("c", "early"), "low"], early, own.loc[("c", "early"), "high"]),
        "late": covers(own.loc[("c", "late"), "low"], late, own.loc[("c", "late"), "high"]),
        "five": below(leaning, 0.05),
        "bands_five": below(bands.p, 0.05),
    }
    if early == late:
        table = fit.table.set_index(["term", "level"])
        whole = {"a": 1.0, "b": 1.0, "c": early}
        rest = [level for level in whole if ("kind", level) in table.index]
        truth = [whole[level] / whole[fit.references["kind"]] for level in rest]
        at = table.loc[[("kind", level) for level in rest]]
        size = table.loc["size"].iloc[0]
        held = 0.5 if fit.references["size"] == "0" else 2.0
        found |= {
            "ratio": covers(at["low"], truth, at["high"]),
            "size": covers(size["low"], held, size["high"]),
            "half": below(leaning, 0.005),
        }
    return found


_KINDS = (
    "800 accounts of three kinds over 24 months; size goes with the kind, changes with time and halves the hazard; "
    "four in ten can leave only when an annual term is due. Ratios at equal size, a baseline for every term and month"
)
_BANDS = (
    Measure("early", "hazard ratio in the first 12 months", "covers", 0.93, 0.97),
    Measure("late", "hazard ratio after 12 months", "covers", 0.93, 0.97),
)

EXPERIMENTS = (
    Experiment(
        name="leaving_kinds",
        study="Ways of leaving",
        says="One in twenty leaves by choice in each of the first three months, then 1.5 in a hundred; 0.6 in a "
        "hundred against their will throughout; followed for 6 to 24 months.",
        worlds=1000,
        short=60,
        world=partial(_incidence, late=False),
        measures=_INCIDENCE,
    ),
    Experiment(
        name="leaving_kinds_late_entry",
        study="Ways of leaving",
        says="The same; two in five come into view up to three months old, and only if they are still there.",
        worlds=1000,
        short=60,
        world=partial(_incidence, late=True),
        measures=_INCIDENCE,
    ),
    Experiment(
        name="adjusted_ratios",
        study="Hazard ratios of groups",
        says=f"{_KINDS}. One kind leaves at 1.4 times the rate at all ages.",
        worlds=1000,
        short=40,
        world=partial(_rates, early=1.4, late=1.4),
        measures=(
            Measure("ratio", "hazard ratio of a kind", "covers", 0.93, 0.97),
            Measure("size", "hazard ratio of size, which varies with time", "covers", 0.93, 0.97),
            *_BANDS,
            Measure("five", "that the ratio leans with age, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "that the ratio leans with age, p ≤ 0.005", "errs", 0.0, 0.01),
            Measure("bands_five", "that the ratio differs between bands of age, p ≤ 0.05", "errs", 0.03, 0.07),
        ),
    ),
    Experiment(
        name="changing_ratios",
        study="Hazard ratios of groups",
        says=f"{_KINDS}. One kind leaves at twice the rate in the first year and at half of it after.",
        worlds=600,
        short=20,
        world=partial(_rates, early=2.0, late=0.5),
        measures=(
            *_BANDS,
            Measure("five", "that the ratio leans with age, p ≤ 0.05", "finds", 0.8, 1.0),
            Measure("bands_five", "that the ratio differs between bands of age, p ≤ 0.05", "finds", 0.8, 1.0),
        ),
    ),
)
