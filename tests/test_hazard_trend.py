"""Trend of a hazard over entry, against other software, and with months that scatter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.families.links import CLogLog
from statsmodels.genmod.generalized_linear_model import GLM

from customer_value.stats.hazard_trend import trend
from customer_value.stats.weighted_trend import weighted_trend

MONTHS, LAST = 30, 18


def cells_of(seed: int, *, each: int = 60, shock: float = 0.0, slope: float = 0.0) -> pd.DataFrame:
    """Subjects of two kinds entering every month; the second kind's hazard is half the first's."""
    random = np.random.default_rng(seed)
    shocks = random.normal(0, shock, MONTHS + LAST + 1)
    rows = []
    for entered in range(MONTHS):
        for kind, level in ((0, -3.2), (1, -3.9)):
            left = each
            for age in range(1, min(LAST, MONTHS - entered) + 1):
                hazard = -np.expm1(-np.exp(level - 0.02 * age + slope * entered / 12 + shocks[entered + age]))
                events = random.binomial(left, hazard)
                rows.append((entered, entered / 12, age, entered + age, kind, left, events))
                left -= events
    return pd.DataFrame(rows, columns=["entered", "years", "age", "month", "kind", "at_risk", "events"])


def fitted(cells: pd.DataFrame, **options):
    return trend(cells, entered="years", strata=["age"], clusters=["month", "entered"], categories=["kind"], **options)


def test_slope_and_model_error_match_a_regression_of_statsmodels() -> None:
    cells = cells_of(1, slope=-0.2)
    found = fitted(cells)
    design = pd.get_dummies(cells["age"], dtype=float).assign(kind=cells["kind"], years=cells["years"])
    counts = np.column_stack([cells["events"], cells["at_risk"] - cells["events"]])
    fit = GLM(counts, design.to_numpy(), family=Binomial(link=CLogLog())).fit()
    assert found.log_ratio == pytest.approx(fit.params[-1], abs=1e-6)
    # Observed information here, expected there.
    assert found.model_error == pytest.approx(fit.bse[-1], rel=0.02)
    assert found.events == cells["events"].sum()


def test_variance_of_months_is_found_and_carried_through() -> None:
    found = [fitted(cells_of(seed, each=600, shock=0.2)) for seed in range(12)]
    calm = [fitted(cells_of(seed, each=600)) for seed in range(12)]
    assert np.mean([one.variances[0] for one in found]) == pytest.approx(0.04, abs=0.015)
    assert np.mean([one.variances[0] for one in calm]) == pytest.approx(0.0, abs=0.004)
    assert np.mean([one.variances[1] for one in found]) == pytest.approx(0.0, abs=0.01)
    # The slopes do scatter as widely as their standard errors say, and far wider than chance alone.
    spread = np.std([one.log_ratio for one in found], ddof=1)
    low, high = np.sqrt(stats.chi2.ppf([0.005, 0.995], 11) / 11) * np.mean([one.standard_error for one in found])
    assert low < spread < high
    assert np.mean([one.standard_error / one.model_error for one in found]) > 2
    assert {one.freedom for one in found} == {MONTHS - 2}


def test_limits_and_p_are_those_of_t() -> None:
    found = fitted(cells_of(3, each=600, shock=0.2), confidence=0.9)
    t = stats.t(found.freedom)
    assert found.high - found.log_ratio == pytest.approx(t.ppf(0.95) * found.standard_error)
    assert found.p == pytest.approx(2 * t.sf(abs(found.log_ratio) / found.standard_error))
    assert found.standard_error > found.model_error


def test_neither_the_order_of_rows_nor_names_of_months_matter() -> None:
    cells = cells_of(4, shock=0.2)
    turned = cells.sample(frac=1, random_state=1).assign(month=lambda rows: 500 - rows["month"])
    one, two = fitted(cells), fitted(turned)
    assert two.log_ratio == pytest.approx(one.log_ratio, abs=1e-9)
    assert two.standard_error == pytest.approx(one.standard_error, rel=1e-9)
    split = pd.concat([cells.assign(at_risk=cells["at_risk"] - cells["events"], events=0),
                       cells.assign(at_risk=cells["events"])])  # fmt: skip
    assert fitted(split).standard_error == pytest.approx(one.standard_error, rel=1e-9)


@pytest.mark.parametrize("cells", [cells_of(1).query("entered < 4"), cells_of(1).assign(events=0)])
def test_a_handful_of_months_or_no_event_has_no_trend(cells) -> None:
    found = fitted(cells)
    assert np.isnan([found.log_ratio, found.low, found.high, found.p]).all()


def test_weighted_trend_is_that_of_scipy_where_weights_are_equal() -> None:
    at = np.arange(10) / 12
    mean = 3 + 0.5 * at + np.random.default_rng(1).normal(0, 0.1, 10)
    found, expected = weighted_trend(mean, at, np.full(10, 7)), stats.linregress(at, mean)
    assert (found.estimate, found.p) == (pytest.approx(expected.slope), pytest.approx(expected.pvalue))
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.975, 8) * expected.stderr)
    assert np.isnan(weighted_trend(mean[:3], at[:3], np.ones(3)).estimate)
