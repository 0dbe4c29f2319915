"""E-values and numbers of events against published examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from customer_value.stats.evalue import e_value, events_at_this_precision, events_needed, events_to_exclude


@pytest.mark.parametrize(
    ("ratio", "low", "high", "estimate", "limit"),
    [
        # VanderWeele and Ding (2017): breastfeeding and respiratory deaths; and leukaemia.
        (3.9, 1.8, 8.7, 7.26, 3.0),
        (0.80, 0.71, 0.91, 1.81, 1.43),
    ],
)
def test_published_examples(ratio, low, high, estimate, limit) -> None:
    found = e_value(ratio, low, high)
    assert (round(found.estimate, 2), round(found.limit, 2)) == (estimate, limit)


def test_matches_the_r_package_tipr() -> None:
    """Values printed in its documentation: e_value(0.9) and e_value(1.3)."""
    assert e_value(0.9, 0.9, 0.9).estimate == pytest.approx(1.462475, abs=1e-6)
    assert e_value(1.3, 1.3, 1.3).estimate == pytest.approx(1.9245, abs=1e-6)


def test_a_common_outcome_needs_less_to_be_explained() -> None:
    rare, common = e_value(0.56, 0.46, 0.69), e_value(0.56, 0.46, 0.69, common=True)
    assert 1 < common.estimate < rare.estimate
    assert 1 < common.limit < rare.limit
    # The risk ratio of 0.56 by hand: (1 − 0.5^0.7483) / (1 − 0.5^1.3363).
    risk_ratio = (1 - 0.5**0.74833) / (1 - 0.5**1.33631)
    assert common.estimate == pytest.approx(
        1 / risk_ratio + math.sqrt((1 / risk_ratio) * (1 / risk_ratio - 1)), rel=1e-4
    )


@pytest.mark.parametrize("common", [False, True])
def test_symmetric_around_one_and_one_where_the_interval_holds_it(common) -> None:
    one, other = e_value(0.5, 0.4, 0.8, common=common), e_value(2, 1.25, 2.5, common=common)
    assert one.estimate == pytest.approx(other.estimate)
    assert one.limit == pytest.approx(other.limit)
    assert e_value(0.9, 0.7, 1.1, common=common).limit == 1


def test_no_estimate_no_value_and_impossible_limits() -> None:
    assert math.isnan(e_value(float("nan"), float("nan"), float("nan")).estimate)
    unbounded = e_value(0.0, 0.0, 0.6)
    assert (unbounded.estimate, unbounded.limit) == (math.inf, e_value(0.6, 0.6, 0.6).estimate)
    with pytest.raises(ValueError, match="limits must hold"):
        e_value(0.5, 0.6, 0.7)


def test_events_needed_are_schoenfelds() -> None:
    # 300 accounts over 24 months at 1 % a month give about 65 events: enough for a ratio of one half.
    assert round(events_needed(0.5, 0.5)) == 65
    assert events_needed(2.0, 0.5) == pytest.approx(events_needed(0.5, 0.5))
    z = 1.959964 + 0.841621
    assert events_needed(0.8, 0.2) == pytest.approx(z**2 / (0.16 * math.log(0.8) ** 2), rel=1e-5)
    assert events_needed(1.0, 0.5) == math.inf


def test_events_to_exclude_a_margin() -> None:
    """About 700 where half are exposed and 1,100 where a fifth are: a 90 % interval within 0.80 to 1.25, power 80 %."""
    assert (round(events_to_exclude(1.25, 0.5)), round(events_to_exclude(1.25, 0.2))) == (688, 1075)
    assert events_to_exclude(0.8, 0.5) == pytest.approx(events_to_exclude(1.25, 0.5))


def test_with_so_many_events_the_interval_is_within_the_margin_as_often_as_promised() -> None:
    error = 1 / math.sqrt(events_to_exclude(1.25, 0.5) * 0.25)
    drawn = np.random.default_rng(1).normal(0, error, 100_000)
    half = stats.norm.ppf(0.95) * error
    assert np.mean(np.abs(drawn) + half < math.log(1.25)) == pytest.approx(0.8, abs=0.01)


def test_events_at_this_precision() -> None:
    """Where an event informs as Schoenfeld says, both reckonings are the same."""
    error = 1 / math.sqrt(200 * 0.25)
    assert events_at_this_precision(200, error, 1.25) == pytest.approx(events_to_exclude(1.25, 0.5))
    assert math.isnan(events_at_this_precision(200, float("nan"), 1.25))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nobody_or_everybody_exposed_is_refused(share) -> None:
    with pytest.raises(ValueError, match="exposed_share"):
        events_needed(0.8, share)
    with pytest.raises(ValueError, match="ratio must be positive"):
        events_needed(0.0, 0.5)
