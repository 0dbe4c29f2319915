"""Constant, early or ever moving: the shape of a hazard, against likelihoods by other software and worlds known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from customer_value.stats.hazard_shape import BELIEVED, EXCLUDED, hazard_shape

AGES = np.arange(1, 31)


def counts_of(hazard: np.ndarray, subjects: int, seed: int) -> pd.DataFrame:
    """Subjects followed for 1 to 36 ages, evenly."""
    random = np.random.default_rng(seed)
    follow = random.integers(1, 37, subjects)
    lives = 1 + (random.random((subjects, len(hazard))) >= hazard).cumprod(axis=1).sum(axis=1)
    age = np.arange(1, len(hazard) + 1)
    at_risk = (np.minimum(lives, follow)[:, None] >= age).sum(axis=0)
    events = ((lives <= follow)[:, None] & (lives[:, None] == age)).sum(axis=0)
    return pd.DataFrame({"age": age, "at_risk": at_risk, "events": events})


STEP = np.where(AGES <= 4, 0.05, 0.02)
POWER = -np.expm1(-0.06 * (AGES**0.7 - (AGES - 1) ** 0.7))
RISING = -np.expm1(-0.0015 * (AGES**2.0 - (AGES - 1) ** 2.0))
CONSTANT = np.full(30, 0.025)


def test_likelihoods_and_criteria_by_the_book() -> None:
    counts = counts_of(STEP, 800, 1)
    found = hazard_shape(counts)
    models = found.models.set_index("model")
    n, d = counts["at_risk"].to_numpy(), counts["events"].to_numpy()
    # As a binomial regression on a dummy of the phase found, less what does not hang on the hazard.
    early = (counts["age"] <= found.turn).astype(float)
    for name, columns in (("constant", np.ones((30, 1))), ("step", np.column_stack([np.ones(30), early]))):
        fit = GLM(np.column_stack([d, n - d]), columns, family=Binomial()).fit()
        free = stats.binom.logpmf(d, n, fit.fittedvalues).sum() - fit.llf
        assert free == pytest.approx(0, abs=1e-6)
        other = fit.llf - np.sum(stats.binom.logpmf(d, n, 0.5) + n * np.log(2))
        assert models.loc[name, "log_likelihood"] == pytest.approx(other, abs=1e-6)
    size, k = d.sum(), models["parameters"]
    expected = 2 * k + 2 * k * (k + 1) / (size - k - 1) - 2 * models["log_likelihood"] / found.inflation
    np.testing.assert_allclose(models["criterion"], expected)
    assert models["behind"].min() == 0
    assert models.loc["step", "chosen"]


def test_the_ratio_is_of_two_counted_rates() -> None:
    counts = counts_of(STEP, 800, 1)
    found = hazard_shape(counts)
    early = counts[counts["age"] <= found.turn].sum()
    late = counts[counts["age"] > found.turn].sum()
    assert found.early == pytest.approx(early["events"] / early["at_risk"])
    assert found.ratio == pytest.approx(found.early / (late["events"] / late["at_risk"]))
    assert found.low < found.ratio < found.high
    assert found.turn_low <= found.turn <= found.turn_high


@pytest.mark.parametrize(
    ("hazard", "expected"),
    [(STEP, ("falling", "phase")), (POWER, ("falling", "trend")), (RISING, ("rising", "trend"))],
)
def test_the_right_shape_is_found_where_there_is_enough_to_tell(hazard, expected) -> None:
    shapes = Counter(
        (found.shape, found.form) for found in (hazard_shape(counts_of(hazard, 2500, s)) for s in range(20))
    )
    assert shapes[expected] >= 12, shapes
    assert all(shape == expected[0] for shape, _ in shapes)


def test_a_constant_hazard_is_not_called_early_and_is_called_constant_only_with_enough_events() -> None:
    few = [hazard_shape(counts_of(CONSTANT, 150, seed)) for seed in range(60)]
    many = [hazard_shape(counts_of(CONSTANT, 2500, seed)) for seed in range(20)]
    assert sum(one.shape == "falling" for one in few) <= 5
    assert sum(one.shape == "unknown" for one in few) >= 50
    assert sum(one.shape == "constant" for one in many) >= 18
    assert all(1 / EXCLUDED < one.ratio < EXCLUDED for one in many if one.shape == "constant")


def test_one_noisy_bump_is_no_shape() -> None:
    # One age in which many left, late on: neither an early phase nor a trend.
    counts = pd.DataFrame({"age": AGES, "at_risk": 800, "events": 10})
    counts.loc[17, "events"] = 40
    found = hazard_shape(counts)
    assert found.form == "constant"
    assert found.inflation > 1


def test_an_end_that_fades_has_a_turn_where_a_tenth_is_left() -> None:
    fading = 0.015 * (1 + 3 * np.exp(-(AGES - 1) / 4))
    found = [hazard_shape(counts_of(fading, 6000, seed)) for seed in range(10)]
    assert all(one.shape == "falling" for one in found)
    phases = [one for one in found if one.form == "phase"]
    assert len(phases) >= 8
    # 1 + 4 ln 30 = 14.6
    held = [one.turn_low <= 14.6 <= (np.inf if np.isnan(one.turn_high) else one.turn_high) for one in phases]
    assert sum(held) >= len(held) - 1


@pytest.mark.parametrize("events", [0, 1])
def test_nobody_or_everybody_leaves_nothing_to_tell(events) -> None:
    # All of each age's at once: of those left nobody is at risk later.
    counts = pd.DataFrame({"age": [1, 2, 3], "at_risk": 50, "events": 50 * events})
    found = hazard_shape(counts)
    assert (found.shape, found.form, found.events) == ("unknown", "", 150 * events)
    assert found.models.empty
    assert found.early == events
    assert hazard_shape(counts.head(2).assign(events=[1, 40])).shape == "unknown"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=1, max_size=12), st.integers(0, 9))
def test_any_counts_have_an_answer_that_keeps_to_its_rules(rows, seed) -> None:
    table = pd.DataFrame(
        {
            "age": range(1, len(rows) + 1),
            "at_risk": [n for n, _ in rows],
            "events": [int(n * share) for n, share in rows],
        }
    )
    found = hazard_shape(table)
    again = hazard_shape(table.sample(frac=1, random_state=seed))
    pd.testing.assert_frame_equal(found.models, again.models)
    assert found.shape in ("falling", "rising", "constant", "unknown")
    assert found.fitted["fitted"].between(0, 1).all()
    if found.form in ("phase", "trend", "either"):
        behind = found.models.set_index("model")["behind"]
        assert behind["constant"] >= BELIEVED
    if np.isfinite(found.turn):
        assert found.turn_low <= found.turn
