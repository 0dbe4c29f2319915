"""Intervals against published values, other software and leave-one-out done the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from customer_value.stats import intervals

MONEY = st.lists(st.floats(1, 1e6), min_size=2, max_size=40)


def test_wilson_matches_published_values() -> None:
    # Newcombe (1998, Statistics in Medicine 17:857), Table I: 81/263, 15/148, 0/20, 1/29.
    _, low, high = intervals.wilson([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_matches_statsmodels(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    _, low, high = intervals.wilson(successes, n, confidence=confidence)
    np.testing.assert_allclose(
        (low, high), proportion_confint(successes, n, 1 - confidence, method="wilson"), rtol=1e-9, atol=1e-12
    )


def test_wilson_without_observations_says_nothing_and_refuses_the_impossible() -> None:
    assert np.isnan(intervals.wilson(0, 0)).all()
    with pytest.raises(ValueError, match="between 0 and n"):
        intervals.wilson(5, 4)
    with pytest.raises(ValueError, match="confidence"):
        intervals.wilson(1, 4, confidence=95)


def test_effective_size_sets_the_width_only() -> None:
    share, low, high = intervals.wilson(30, 40, effective_n=10)
    assert share == 0.75
    np.testing.assert_allclose((low, high), intervals.wilson(7.5, 10)[1:])


def test_jackknife_is_leave_one_out_done_by_hand() -> None:
    rng = np.random.default_rng(3)
    before = rng.lognormal(5, 1, 50)
    after = before * rng.choice([0, 0.8, 1, 1.3], 50)
    without = np.array([np.delete(after, i).sum() / np.delete(before, i).sum() for i in range(50)])
    error = np.sqrt(49 / 50 * ((without - without.mean()) ** 2).sum())
    found = intervals.ratio_jackknife(after, before, confidence=0.9)
    assert found.estimate == pytest.approx(after.sum() / before.sum())
    assert found.standard_error == pytest.approx(error)
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.95, 49) * error)


@given(MONEY, st.floats(0.01, 100))
def test_ratios_do_not_depend_on_the_currency(before: list[float], rate: float) -> None:
    weights = np.array(before)
    after = weights * np.linspace(0, 1.5, len(weights))
    one, other = intervals.ratio_jackknife(after, weights), intervals.ratio_jackknife(after * rate, weights * rate)
    np.testing.assert_allclose((one.low, one.high), (other.low, other.high), rtol=1e-6, equal_nan=True)


def test_groups_at_once_equal_groups_one_by_one() -> None:
    rng = np.random.default_rng(4)
    before, groups = rng.lognormal(4, 1, 90), np.repeat([0, 2, 3], 30)
    after = before * rng.uniform(0.5, 1.2, 90)
    table = intervals.ratio_jackknife_by(after, before, groups)
    assert list(table.index) == [0, 2, 3]
    for group, row in table.iterrows():
        one = intervals.ratio_jackknife(after[groups == group], before[groups == group])
        np.testing.assert_allclose(row[["estimate", "low", "high"]].astype(float), (one.estimate, one.low, one.high))
        assert row["effective_n"] == pytest.approx(intervals.effective_n(before[groups == group]))


def test_where_nothing_changed_the_jackknife_does_not_claim_certainty() -> None:
    found = intervals.ratio_jackknife([10.0] * 40, [10.0] * 40)
    _, low, _ = intervals.wilson(40, 40)
    assert (found.estimate, found.low) == (1.0, pytest.approx(float(low)))


def test_one_account_has_a_ratio_but_no_range() -> None:
    found = intervals.ratio_jackknife([5.0], [10.0])
    assert found.estimate == 0.5
    assert np.isnan(found.low)
    assert np.isnan(intervals.ratio_jackknife([], []).estimate)


def test_weighted_share_with_equal_weights_is_wilson() -> None:
    kept = np.repeat([7.0, 0.0], [45, 5])
    found = intervals.weighted_share(kept, np.full(50, 7.0))
    np.testing.assert_allclose((found.estimate, found.low, found.high), intervals.wilson(45, 50))
    with pytest.raises(ValueError, match="between 0 and weight"):
        intervals.weighted_share([2.0], [1.0])


@pytest.mark.parametrize(
    ("weights", "few"),
    [(np.ones(30), False), (np.ones(29), True), (np.r_[np.ones(90), 10], False), (np.r_[np.ones(90), 10.1], True)],
)
def test_few_accounts_at_its_boundaries(weights: np.ndarray, few: bool) -> None:
    assert intervals.few_decide(weights) is few


def test_difference_of_shares_matches_newcombe() -> None:
    # Newcombe (1998, Statistics in Medicine 17:873), Table II, method 10: 56/70 against 48/80.
    estimate, low, high, p = intervals.share_difference(56 / 70, 70, 48 / 80, 80)
    np.testing.assert_allclose((estimate, low, high), (0.2, 0.0524, 0.3339), atol=5e-5)
    np.testing.assert_allclose((low, high), confint_proportions_2indep(56, 70, 48, 80, method="newcomb"), rtol=1e-9)
    # The score test is the chi-squared test of the table without continuity correction.
    assert p == pytest.approx(stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue)
    assert intervals.share_difference(1.0, 30, 1.0, 40)[3] == 1.0


def test_difference_of_means_is_welch() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(1, 1, 20), rng.normal(0, 3, 35)
    one, other = (
        intervals.Interval(x.mean(), np.nan, np.nan, x.std(ddof=1) / np.sqrt(x.size), x.size) for x in (first, second)
    )
    expected = stats.ttest_ind(first, second, equal_var=False)
    found = intervals.difference(one, other)
    assert found.p == pytest.approx(expected.pvalue)
    np.testing.assert_allclose((found.low, found.high), expected.confidence_interval(0.95))
