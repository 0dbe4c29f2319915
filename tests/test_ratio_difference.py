"""The comparison of two ratios of sums: by the formulas, and where usual ones mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from customer_value.stats.intervals import difference, ratio_jackknife
from customer_value.stats.ratio_difference import ratio_difference


def two_sides(n: int = 40, rest: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(8)
    b = generator.lognormal(size=n + rest)
    a = b * (generator.random(n + rest) < 0.3) * generator.uniform(0.1, 1, n + rest)
    return a, b, np.arange(n + rest) < n


def test_limits_are_the_jackknifes_and_p_is_the_scores() -> None:
    a, b, inside = two_sides()
    found = ratio_difference(a, b, inside)
    sides = [ratio_jackknife(a[rows], b[rows]) for rows in (inside, ~inside)]
    assert found.estimate == pytest.approx(sides[0].estimate - sides[1].estimate)
    assert (found.low + found.high) / 2 == pytest.approx(found.estimate)
    welch = difference(*sides)
    # wider, for it counts equal accounts and not accounts
    assert found.high - found.low > welch.high - welch.low
    # for members that weigh alike it is the two-sample test with the variance under no difference
    one = np.ones(130)
    grown = (np.arange(130) % 5 == 0).astype(float)
    found = ratio_difference(grown, one, inside)
    mean = grown.mean()
    variances = [np.sum((grown[rows] - mean) ** 2) / (rows.sum() - 1) ** 2 for rows in (inside, ~inside)]
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 39 + variances[1] ** 2 / 89)
    gap = grown[inside].mean() - grown[~inside].mean()
    assert found.p == pytest.approx(2 * stats.t.sf(abs(gap) / np.sqrt(sum(variances)), freedom))


def test_the_two_sides_mirror_each_other_and_money_has_no_unit() -> None:
    a, b, inside = two_sides()
    one, two, dear = (
        ratio_difference(a, b, inside),
        ratio_difference(a, b, ~inside),
        ratio_difference(7 * a, 7 * b, inside),
    )
    assert (one.estimate, one.low, one.high, one.p) == pytest.approx((-two.estimate, -two.high, -two.low, two.p))
    assert (one.estimate, one.low, one.high, one.p) == pytest.approx((dear.estimate, dear.low, dear.high, dear.p))


def test_a_side_in_which_nothing_happened_is_not_sure_of_it() -> None:
    a, b, inside = two_sides()
    a = np.where(inside, 0, a)
    found = ratio_difference(a, b, inside)
    naive = ratio_jackknife(a[~inside], b[~inside]).standard_error
    assert (found.high - found.low) / 2 > 1.1 * stats.norm.ppf(0.975) * naive
    nothing = ratio_difference(0 * a, b, inside)
    assert nothing.p == 1
    assert nothing.low < 0 == nothing.estimate < nothing.high


def test_one_account_is_no_group() -> None:
    found = ratio_difference([1, 2, 0], [3, 4, 5], [True, False, False])
    assert np.isnan([found.low, found.high, found.p]).all()
