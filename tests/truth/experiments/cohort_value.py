"""New accounts: retention projected beyond the data, multiples of cost with their payback, and their contrasts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import numpy as np
import pandas as pd

from customer_value.stats import intervals, survival
from customer_value.stats import parametric_survival as shapes
from customer_value.stats.mean_cumulative import crossing, mean_cumulative
from customer_value.stats.shifted_beta_geometric import ShiftedBetaGeometric
from experiment import Experiment, Measure, below, covers, total

MONTHLY, YEARLY = ShiftedBetaGeometric(0.8, 30.0), ShiftedBetaGeometric(0.668, 3.806)
REPLICATES = 400


def _lives(rng: np.random.Generator, truth: ShiftedBetaGeometric, n: int, followed: tuple[int, int]) -> pd.DataFrame:
    """Decisions counted, some accounts coming into view late, as far as thirty are followed."""
    life = rng.geometric(rng.beta(truth.alpha, truth.beta, n))
    seen = rng.integers(followed[0], followed[1] + 1, n)
    entry = np.where(rng.random(n) < 0.25, rng.integers(0, followed[0] + 1, n), 0)
    there = life > entry
    counts = survival.person_months(
        entry[there], np.maximum(np.minimum(life, seen), entry)[there], (life <= seen)[there],
        followed_to=np.maximum(seen, entry)[there],
    )  # fmt: skip
    return counts[(counts["followed"] >= 30) & (counts["at_risk"] > 0)]


def _projection(
    seed: int, *, truth: ShiftedBetaGeometric, n: int, followed: tuple[int, int], ages: tuple[int, ...]
) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    counts = _lives(rng, truth, n, followed)
    last, at = max(ages), np.array(ages)
    true = truth.survival(np.arange(last + 1))
    found = {}
    held_out_from = int(counts["age"].iloc[-1]) + 1 - max(1, round(len(counts) / 3))
    options = {"held_out_from": held_out_from, "count": REPLICATES, "seed": seed}
    best = shapes.back_test(counts, held_out_from=held_out_from).sort_values("mean_absolute_error")["shape"].iloc[0]
    chosen = next(shape for shape in shapes.SHAPES if shape.name == best)
    for name, shape, tried in (
        ("true", shapes.SHIFTED_BETA_GEOMETRIC, (shapes.SHIFTED_BETA_GEOMETRIC,)),
        ("chosen", chosen, shapes.SHAPES),
    ):
        curve = shapes.fit(counts, shape).continued(last)
        drawn = shapes.replicates(counts, last, shapes=tried, **options)
        low, high = shapes.limits(drawn[:, at], curve[at], confidence=0.95)
        found[f"{name}_covers"] = covers(low, true[at], high)
        low, high = shapes.limits(drawn[:, :-1].sum(axis=1), curve[:-1].sum(), confidence=0.95)
        found[f"{name}_months"] = covers(low, true[:-1].sum(), high)
        found[f"{name}_off"] = total(curve[last] - true[last])
    constant = shapes.fit(counts, shapes.CONSTANT).survival(last)
    found["constant_off"] = total(constant[last] - true[last])
    found["constant_months"] = total(constant[:-1].sum() / true[:-1].sum() - 1)
    return found


def _projection_measures(ages: tuple[int, ...], unit: str) -> tuple[Measure, ...]:
    at = f"share still here at {', '.join(map(str, ages))} {unit}"
    last = f"share still here at {ages[-1]} {unit}, less the truth"
    return (
        Measure("chosen_covers", f"{at}, the shape chosen on ages held out", "covers", 0.93, 0.97),
        Measure("chosen_months", f"{unit} stayed up to the last of them, likewise", "covers", 0.93, 0.97),
        Measure("true_covers", f"{at}, the shape known", "covers", 0.93, 0.97),
        Measure("true_months", f"{unit} stayed, the shape known", "covers", 0.93, 0.97),
        Measure("chosen_off", f"{last}, the shape chosen", "mean"),
        Measure("true_off", f"{last}, the shape known", "mean", -0.02, 0.02),
        Measure("constant_off", f"{last}, one constant rate", "mean"),
        Measure("constant_months", f"{unit} stayed with one constant rate, over the truth, less 1", "mean"),
    )


MEDIAN, SIGMA, MONTHS = 400.0, 0.8, 24
SAMPLES = (120, 400)


def _accounts(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Revenue by month of age as if all were followed for two years, cost, and for how long each is followed."""
    price = rng.lognormal(np.log(MEDIAN), SIGMA, n)
    cost = 4_500 * (price / MEDIAN) ** 0.3 * rng.lognormal(0.0, 0.45, n)
    life = rng.geometric(rng.beta(MONTHLY.alpha, MONTHLY.beta, n))
    growth = np.cumprod(np.where(rng.random((n, MONTHS)) < 0.03, 1.15, 1.0), axis=1)
    amounts = price[:, None] * growth * (np.arange(MONTHS)[None, :] < life[:, None])
    return amounts, cost, np.minimum(rng.integers(6, MONTHS + 13, n), MONTHS)


@cache
def true_multiple() -> np.ndarray:
    """Multiple of cost by each month of age in the population that `_accounts` draws from."""
    rng = np.random.default_rng(20_260_630)
    amounts, cost = np.zeros(MONTHS), 0.0
    for _ in range(40):
        drawn, costs, _ = _accounts(rng, 50_000)
        amounts, cost = amounts + drawn.mean(axis=0), cost + costs.mean()
    return np.cumsum(amounts) / cost


def _seen(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    amounts, cost, followed = _accounts(rng, n)
    return np.where(np.arange(MONTHS)[None, :] < followed[:, None], amounts, np.nan), cost


def _payback(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    true = true_multiple()
    met = crossing(pd.DataFrame({"age": np.arange(1, MONTHS + 1), "estimate": true, "low": true, "high": true}))
    found = {}
    for n in SAMPLES:
        amounts, cost = _seen(rng, n)
        curve = mean_cumulative(amounts, per=cost)
        at = curve.iloc[[11, 17]]
        # Flagged "a few accounts decide this": no decision stands on it, and no coverage is promised.
        promised = (at["effective_n"] >= intervals.FEW_EFFECTIVE) & (at["largest_share"] <= intervals.FEW_SHARE)
        own = crossing(curve)
        high = own.high if np.isfinite(own.high) else np.inf
        found[f"multiple_{n}"] = covers(at["low"][promised], true[[11, 17]][promised], at["high"][promised])
        found[f"payback_{n}"] = covers(own.low, met.estimate, high) if promised.any() else (0.0, 0.0)
    return found | {
        name: tuple(np.sum([found[f"{name}_{n}"] for n in SAMPLES], axis=0)) for name in ("multiple", "payback")
    }


def _contrast(seed: int) -> Mapping[str, tuple[float, float]]:
    """Two channels that do not differ."""
    rng = np.random.default_rng(seed)
    sides = []
    for n in (100, 260):
        amounts, cost = _seen(rng, n)
        at = mean_cumulative(amounts, per=cost).iloc[11]
        if at["effective_n"] < intervals.FEW_EFFECTIVE or not at["largest_share"] <= intervals.FEW_SHARE:
            return dict.fromkeys(("covers", "five", "half"), (0.0, 0.0))
        error = float(at["standard_error"] / at["estimate"])
        sides.append(intervals.Interval(float(np.log(at["estimate"])), np.nan, np.nan, error, int(at["n"])))
    found = intervals.difference(*sides)
    return {"covers": covers(found.low, 0.0, found.high), "five": below(found.p, 0.05), "half": below(found.p, 0.005)}


_SPREAD = (
    "Everybody leaves at each decision with a chance of their own, spread as a beta distribution; a quarter come into "
    "view late."
)
_PRICES = (
    "Prices are log-normal (σ 0.8), costs rise with them and vary by half; accounts leave as in the projections by the "
    "month, and three in a hundred grow by 15 % in a month; they are followed for six months to two years. Samples of "
    "which the report says that a few accounts decide them do not count."
)

EXPERIMENTS = (
    Experiment(
        name="projection_monthly",
        study="New accounts",
        says=f"{_SPREAD} 400 accounts, followed for three to thirty months and projected to twice that.",
        worlds=400,
        short=12,
        world=partial(_projection, truth=MONTHLY, n=400, followed=(3, 30), ages=(36, 48, 60)),
        measures=_projection_measures((36, 48, 60), "months"),
    ),
    Experiment(
        name="projection_yearly",
        study="New accounts",
        says=f"{_SPREAD} 400 accounts that decide once a year, seen to come to two to six renewals.",
        worlds=400,
        short=12,
        world=partial(_projection, truth=YEARLY, n=400, followed=(2, 6), ages=(8, 10, 12)),
        measures=_projection_measures((8, 10, 12), "years"),
    ),
    Experiment(
        name="payback",
        study="New accounts",
        says=_PRICES,
        worlds=2000,
        short=150,
        world=_payback,
        measures=(
            Measure("multiple", "multiple of cost by 12 and 18 months", "covers", 0.92, 0.97),
            *(Measure(f"multiple_{n}", f"multiple of cost, only {n} accounts", "covers") for n in SAMPLES),
            Measure("payback", "month of payback", "covers", 0.92, 0.97),
            *(Measure(f"payback_{n}", f"month of payback, only {n} accounts", "covers") for n in SAMPLES),
        ),
    ),
    Experiment(
        name="multiple_contrasts",
        study="New accounts",
        says=f"100 accounts against 260 that do not differ. {_PRICES}",
        worlds=4000,
        short=200,
        world=_contrast,
        measures=(
            Measure("covers", "ratio of two multiples", "covers", 0.93, 0.97),
            Measure("five", "Welch's test of their logarithms, p ≤ 0.05", "errs", 0.03, 0.07),
            Measure("half", "Welch's test of their logarithms, p ≤ 0.005", "errs", 0.0, 0.01),
        ),
    ),
)
