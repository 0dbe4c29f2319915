"""The written rule, at its boundaries."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_value.studies import feature_verdicts as rule
from customer_value.studies.feature_verdicts import Evidence, verdict

KEEPS = Evidence(math.log(0.6), 0.1, 0.001, landmark=-0.3, later=-0.4)
GROWS = Evidence(math.log(1.5), 0.1, 0.001, landmark=0.3, later=0.4)
NOTHING = Evidence(0.0, 0.1, 0.9, landmark=0.01, later=-0.01)
WIDE = Evidence(0.0, 0.5, 0.9, landmark=0.01, later=-0.01)
UNKNOWN = Evidence(float("nan"), float("nan"), float("nan"))


def said(leaving: Evidence = WIDE, expansion: Evidence = WIDE, using: float = 0.5, comparable: bool = True) -> str:
    return verdict(leaving, expansion, using_share=using, comparable=comparable)


def but(evidence: Evidence, **changes: float | bool) -> Evidence:
    return dataclasses.replace(evidence, **changes)


@pytest.mark.parametrize(
    ("leaving", "expansion", "expected"),
    [
        (KEEPS, WIDE, rule.RETENTION),
        (WIDE, GROWS, rule.EXPANSION),
        (KEEPS, GROWS, rule.BOTH),
        (GROWS, WIDE, rule.LEAVING),
        (GROWS, GROWS, rule.LEAVING),
        (WIDE, KEEPS, rule.LESS_EXPANSION),
        (NOTHING, NOTHING, rule.NONE),
        (NOTHING, WIDE, rule.TOO_LITTLE),
        (WIDE, NOTHING, rule.TOO_LITTLE),
        (UNKNOWN, UNKNOWN, rule.TOO_LITTLE),
        (KEEPS, UNKNOWN, rule.RETENTION),
    ],
)
def test_each_verdict(leaving: Evidence, expansion: Evidence, expected: str) -> None:
    assert said(leaving, expansion) == expected


@pytest.mark.parametrize(
    ("changes", "linked"),
    [
        ({"q": 0.05}, True),
        ({"q": 0.0501}, False),
        ({"log_ratio": math.log(0.9)}, True),
        ({"log_ratio": math.log(0.901)}, False),
        ({"landmark": 0.01}, False),
        ({"landmark": float("nan")}, False),
        ({"later": 0.01}, False),
        ({"later": float("nan")}, False),
        ({"wind_down": True}, False),
        ({"q": float("nan")}, False),
    ],
)
def test_a_link_must_be_clear_large_and_the_same_in_every_view(changes: dict[str, float], linked: bool) -> None:
    assert (said(but(KEEPS, **changes)) == rule.RETENTION) == linked


def test_no_effect_needs_the_whole_interval_inside_the_margin() -> None:
    # Two one-sided tests at 5 %: 1.645 standard errors on either side of the estimate.
    widest = math.log(1.25) / 1.6448536269514722  # the normal distribution's 95th percentile
    assert said(but(NOTHING, standard_error=widest), NOTHING) == rule.NONE
    assert said(but(NOTHING, standard_error=widest * 1.001), NOTHING) == rule.TOO_LITTLE
    assert said(but(NOTHING, log_ratio=math.log(1.25) - 0.16), NOTHING) == rule.TOO_LITTLE


def test_table_stakes_is_for_what_nearly_all_use_and_nobody_is_left_to_compare_with() -> None:
    assert said(using=0.80, comparable=False) == rule.TABLE_STAKES
    assert said(using=0.799, comparable=False) == rule.TOO_LITTLE
    assert said(using=0.80, comparable=True) == rule.TOO_LITTLE
    assert said(using=float("nan"), comparable=False) == rule.TOO_LITTLE
    assert said(KEEPS, using=0.95, comparable=False) == rule.RETENTION  # a link of intensity is more to say


evidences = st.builds(
    Evidence,
    log_ratio=st.floats(-2, 2),
    standard_error=st.floats(0.01, 1),
    q=st.floats(0, 1),
    landmark=st.floats(-2, 2),
    later=st.floats(-2, 2),
    wind_down=st.booleans(),
)


def mirrored(evidence: Evidence) -> Evidence:
    return but(evidence, log_ratio=-evidence.log_ratio, landmark=-evidence.landmark, later=-evidence.later)


@given(evidences)
def test_leaving_mirrors_retention(leaving: Evidence) -> None:
    one, other = said(leaving), said(mirrored(leaving))
    swap = {rule.RETENTION: rule.LEAVING, rule.LEAVING: rule.RETENTION}
    assert swap.get(one, one) == other


@given(evidences, evidences, st.floats(0, 1), st.booleans())
def test_one_verdict_always_and_never_a_link_without_clear_evidence(
    leaving: Evidence, expansion: Evidence, using: float, comparable: bool
) -> None:
    found = said(leaving, expansion, using, comparable)
    assert found in rule.VERDICTS
    if min(leaving.q, expansion.q) > 0.05:
        assert not found.startswith("linked")
    assert np.isfinite(leaving.log_ratio)
