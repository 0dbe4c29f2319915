"""What members bring in by age: by hand, by leaving each out in turn, and where a level is reached."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from customer_value.stats.mean_cumulative import crossing, mean_cumulative

NONE = np.nan
SMALL = np.array([[10, 10, 10], [20, 0, 0], [30, 30, NONE], [40, NONE, NONE]])


def test_each_age_is_the_mean_of_those_followed_through_it() -> None:
    found = mean_cumulative(SMALL)
    # 100 / 4, then 40 / 3 (whoever left brings nothing), then 10 / 2.
    assert found["estimate"].tolist() == pytest.approx([25, 25 + 40 / 3, 25 + 40 / 3 + 5])
    assert found["n"].tolist() == [4, 3, 2]


def test_months_not_over_yet_are_no_zeros() -> None:
    as_zeros = mean_cumulative(np.nan_to_num(SMALL))
    assert (mean_cumulative(SMALL)["estimate"][1:] > as_zeros["estimate"][1:]).all()


@pytest.mark.parametrize("cost", [None, np.array([15.0, 5, 40, 20])])
def test_the_error_is_that_of_leaving_each_out_in_turn(cost) -> None:
    def estimate(rows):
        kept = SMALL[rows]
        curve = np.cumsum(np.nanmean(kept, axis=0))
        return curve if cost is None else curve / cost[rows].mean()

    whole = mean_cumulative(SMALL, per=cost)
    without = np.array([estimate([j for j in range(4) if j != i]) for i in range(4)])
    error = np.sqrt(3 / 4 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    assert whole["estimate"].tolist() == pytest.approx(estimate(range(4)))
    assert whole["standard_error"].tolist() == pytest.approx(error)
    reach = stats.t.ppf(0.975, whole["n"] - 1) * whole["standard_error"] / whole["estimate"]
    assert np.log(whole["high"] / whole["estimate"]).tolist() == pytest.approx(reach.tolist())


def test_one_price_and_nobody_gone_is_not_certain() -> None:
    found = mean_cumulative(np.full((40, 3), 10.0))
    assert found["estimate"].tolist() == pytest.approx([10, 20, 30])
    assert (found["low"] < 0.95 * found["estimate"]).all()


def test_nothing_spent_is_no_multiple() -> None:
    assert mean_cumulative(SMALL, per=np.zeros(4))["estimate"].isna().all()
    assert np.isnan(crossing(mean_cumulative(SMALL, per=np.zeros(4))).low)


def test_a_level_is_reached_within_a_month_and_its_limits_are_those_of_the_curve() -> None:
    curve = pd.DataFrame({"age": [1, 2, 3], "estimate": [0.4, 0.8, 1.2], "low": [0.3, 0.6, 0.9], "high": [0.5, 1, 1.5]})
    met = crossing(curve)
    assert (met.estimate, met.low, met.last) == pytest.approx((2.5, 2.0, 3))
    assert np.isnan(met.high)
    never = crossing(curve, level=2.0)
    assert np.isnan(never.estimate)
    assert never.low == 3


@given(
    amounts=st.lists(st.lists(st.floats(1, 1000), min_size=4, max_size=4), min_size=5, max_size=12),
    factor=st.floats(0.1, 50),
)
@settings(max_examples=40)
def test_money_scales_and_order_does_not_matter(amounts, factor) -> None:
    amounts = np.array(amounts)
    cost = amounts[:, 0] + 1
    one, two = mean_cumulative(amounts, per=cost), mean_cumulative(factor * amounts[::-1], per=factor * cost[::-1])
    numbers = ["estimate", "low", "high"]
    assert two[numbers].to_numpy() == pytest.approx(one[numbers].to_numpy(), rel=1e-6)
    assert (np.diff(one["estimate"]) >= 0).all()
