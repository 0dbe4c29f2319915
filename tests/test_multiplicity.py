"""Adjusted p-values against the definitions and published examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value.stats import multiplicity

# Benjamini and Hochberg (1995), section 3: 15 p-values; the procedure at 0.05 rejects the first four.
PAPER = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1,
]


def test_benjamini_hochberg_rejects_as_in_the_paper() -> None:
    assert (multiplicity.benjamini_hochberg(PAPER) <= 0.05).sum() == 4
    assert (multiplicity.holm(PAPER) <= 0.05).sum() == 3


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_both_follow_their_definition(p: list[float]) -> None:
    order, m = np.argsort(p, kind="stable"), len(p)
    ranked = np.array(p)[order]
    step_up = np.minimum.accumulate((ranked * m / np.arange(1, m + 1))[::-1])[::-1].clip(max=1)
    step_down = np.maximum.accumulate(ranked * np.arange(m, 0, -1)).clip(max=1)
    np.testing.assert_allclose(multiplicity.benjamini_hochberg(p)[order], step_up)
    np.testing.assert_allclose(multiplicity.holm(p)[order], step_down)


def test_missing_values_are_no_looks() -> None:
    np.testing.assert_allclose(multiplicity.holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    assert np.isnan(multiplicity.benjamini_hochberg([np.nan])).all()
    assert multiplicity.benjamini_hochberg([]).size == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        multiplicity.holm([1.2])
