"""Survival beyond the data: against the paper, against R, and what a shape can and cannot know."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value.stats import parametric_survival as shapes
from customer_value.stats.shifted_beta_geometric import ShiftedBetaGeometric

REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173)
HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394)
"""Of 1,000 members of an association, those left after each yearly renewal: Fader and Hardie (2007), table 1."""


def counted(left, *, first=1):
    left = np.asarray(left)
    return pd.DataFrame(
        {"age": np.arange(first, first + len(left) - 1), "at_risk": left[:-1], "events": left[:-1] - left[1:]}
    )


def parameters(fitted):
    found = ShiftedBetaGeometric.of(fitted.parameters)
    return found.alpha, found.beta


class TestPaper:
    """Fader and Hardie fit seven renewals and project five more; their table 2 gives the parameters."""

    @pytest.mark.parametrize(("left", "alpha", "beta"), [(REGULAR, 0.704, 1.182), (HIGH_END, 0.668, 3.806)])
    def test_parameters(self, left, alpha, beta) -> None:
        found = parameters(shapes.fit(counted(left[:8]), shapes.SHIFTED_BETA_GEOMETRIC))
        assert found == pytest.approx((alpha, beta), abs=5e-4)

    @pytest.mark.parametrize("left", [REGULAR, HIGH_END])
    def test_the_renewals_held_out_are_foretold_and_constant_churn_understates_them(self, left) -> None:
        tests = shapes.back_test(counted(left), held_out_from=8).set_index("shape")
        assert tests["mean_absolute_error"].idxmin() == "shifted_beta_geometric"
        assert tests.loc["shifted_beta_geometric", "worst_error"] < 0.02
        constant = shapes.fit(counted(left[:8]), shapes.CONSTANT).continued(12)
        # Though it starts from where the data end, five renewals later it has lost a fifth of those still there.
        assert constant[-1] < 0.8 * left[12] / 1000

    def test_beta_functions_and_hazards_are_one_distribution(self) -> None:
        found = ShiftedBetaGeometric(0.668, 3.806)
        t = np.arange(1, 13)
        assert np.cumprod(1 - found.hazard(t)) == pytest.approx(found.survival(t))
        assert found.polarisation == pytest.approx(1 / (0.668 + 3.806 + 1))


class TestReferences:
    @pytest.mark.parametrize("name", ["weibull", "log_normal", "log_logistic"])
    def test_interval_censored_fits_against_r(self, root, name) -> None:
        # survreg's scale is the inverse of a Weibull's and of a log-logistic's shape.
        said = json.loads((root / "tests" / "reference" / "interval_survival.json").read_text(encoding="utf-8"))[name]
        shape = next(each for each in shapes.SHAPES if each.name == name)
        fitted = shapes.fit(counted((*HIGH_END[:10], 427)), shape)
        spread = np.exp(fitted.parameters[1] * (1 if name == "log_normal" else -1))
        assert fitted.parameters[0] == pytest.approx(said["location"], abs=1e-6)
        assert spread == pytest.approx(said["scale"], abs=1e-6)
        assert fitted.log_likelihood == pytest.approx(said["log_likelihood"], abs=1e-6)

    def test_a_constant_rate_is_ends_over_time_at_risk(self) -> None:
        counts = counted(HIGH_END)
        fitted = shapes.fit(counts, shapes.CONSTANT)
        rate = counts["events"].sum() / counts["at_risk"].sum()
        assert fitted.survival(3) == pytest.approx((1 - rate) ** np.arange(4))

    def test_late_entry_tells_of_the_ages_seen_only(self) -> None:
        # The same subjects, but the first three renewals unseen: the curve is conditional and the fit near the truth.
        truth = ShiftedBetaGeometric(1.2, 6.0)
        left = np.rint(1e6 * truth.survival(np.arange(13)))
        late = shapes.fit(counted(left[3:], first=4), shapes.SHIFTED_BETA_GEOMETRIC)
        assert parameters(late) == pytest.approx((1.2, 6.0), rel=0.02)
        assert late.survival(12)[-1] == pytest.approx(truth.survival(12) / truth.survival(3), rel=1e-3)


class TestContinued:
    def test_the_observed_curve_goes_on_where_it_ends(self) -> None:
        fitted = shapes.fit(counted(HIGH_END), shapes.SHIFTED_BETA_GEOMETRIC)
        curve = fitted.continued(20)
        assert curve[:13] == pytest.approx(np.array(HIGH_END) / 1000)
        assert curve[13:] == pytest.approx(0.394 * fitted.survival(20)[13:] / fitted.survival(20)[12])

    def test_ranges_widen_with_the_distance(self) -> None:
        counts = counted(HIGH_END)
        curve = shapes.fit(counts, shapes.SHIFTED_BETA_GEOMETRIC).continued(36)
        options = {"held_out_from": 9, "count": 400, "seed": 1}
        drawn = shapes.replicates(counts, 36, shapes=(shapes.SHIFTED_BETA_GEOMETRIC,), **options)
        low, high = shapes.limits(drawn, curve, confidence=0.95)
        width = np.log(high / low)
        assert (np.diff(width[12::6]) > 0).all()
        # Not knowing the shape adds to what is not known.
        any_low, any_high = shapes.limits(shapes.replicates(counts, 36, **options), curve, confidence=0.95)
        assert any_high[-1] - any_low[-1] > high[-1] - low[-1]
        assert np.array_equal(drawn, shapes.replicates(counts, 36, shapes=(shapes.SHIFTED_BETA_GEOMETRIC,), **options))

    def test_nobody_left_and_nobody_stayed(self) -> None:
        nobody = counted([80, 80, 80, 80])
        assert shapes.fit(nobody, shapes.CONSTANT).continued(6) == pytest.approx(1, abs=1e-6)
        drawn = shapes.replicates(nobody, 6, held_out_from=3, shapes=(shapes.CONSTANT,), count=400, seed=1)
        low, high = shapes.limits(drawn, 1.0, confidence=0.95)
        # By the rule of three some 240 renewals without an end leave a rate of up to 1.2 %.
        assert 0.9 < low[-1] < 0.97
        assert high[-1] == 1
        gone = shapes.fit(counted([40, 10, 2, 0]), shapes.CONSTANT)
        assert gone.continued(6)[3:] == pytest.approx(0)

    def test_everybody_alike_is_geometric(self) -> None:
        left = np.rint(1e6 * 0.9 ** np.arange(13))
        fitted = shapes.fit(counted(left), shapes.SHIFTED_BETA_GEOMETRIC)
        assert ShiftedBetaGeometric.of(fitted.parameters).polarisation < 1e-3
        assert fitted.survival(40)[-1] == pytest.approx(0.9**40, rel=0.01)

    def test_rising_hazards_are_no_shifted_beta_geometric(self) -> None:
        # It can only fall; the shape that may rise is found by the ages held out.
        hazard = np.linspace(0.02, 0.2, 12)
        left = np.rint(20_000 * np.cumprod(np.r_[1, 1 - hazard]))
        tests = shapes.back_test(counted(left), held_out_from=9)
        assert tests.loc[tests["mean_absolute_error"].idxmin(), "shape"] in ("weibull", "log_logistic", "log_normal")


@given(ends=st.lists(st.integers(0, 30), min_size=3, max_size=14), shape=st.sampled_from(shapes.SHAPES))
@settings(max_examples=30)
def test_curves_never_rise(ends, shape) -> None:
    fitted = shapes.fit(counted(500 - np.cumsum([0, *ends])), shape)
    for curve in (fitted.continued(2 * len(ends)), fitted.survival(2 * len(ends))):
        assert curve[0] == 1
        assert (np.diff(curve) <= 1e-12).all()
        assert (curve >= 0).all()


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: shape.name)
def test_a_fit_hangs_on_rates_not_on_numbers(shape) -> None:
    one, many = shapes.fit(counted(HIGH_END), shape), shapes.fit(counted(7 * np.array(HIGH_END)), shape)
    assert many.parameters == pytest.approx(one.parameters, abs=1e-4)
    assert many.log_likelihood == pytest.approx(7 * one.log_likelihood, rel=1e-9)


def test_a_weighted_sum_takes_its_limits_from_its_parts() -> None:
    total, low, high = shapes.weighted_sum([0.5, 0.5], [[0.8], [0.6]], [[0.7], [0.5]], [[0.9], [0.7]])
    assert (total[0], low[0], high[0]) == pytest.approx((0.7, 0.7 - np.sqrt(0.005), 0.7 + np.sqrt(0.005)))


def test_nobody_at_risk_and_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody was at risk"):
        shapes.fit(counted([0, 0]), shapes.CONSTANT)
    with pytest.raises(ValueError, match="consecutive"):
        shapes.fit(counted(HIGH_END).drop(index=3), shapes.CONSTANT)
