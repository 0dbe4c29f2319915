"""Survival against R's survival, lifelines and row-level reckoning, and what must hold of any curve."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import restricted_mean_survival_time

from customer_value.stats import intervals, survival

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="module")
def reference() -> dict:
    """Values of R's survival package; tests/reference/survival.R made them."""
    return json.loads((REFERENCE / "survival.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lung(reference) -> pd.DataFrame:
    return pd.DataFrame(reference["data"])


def counts_of(data: pd.DataFrame, *, late: bool = False, grouped: bool = False) -> pd.DataFrame:
    entry = data["entry"] if late else 0 * data["entry"]
    return survival.person_months(entry, data["exit"], data["event"], groups=data[["group"]] if grouped else None)


@pytest.mark.parametrize(("name", "late"), [("plain", False), ("late", True)])
def test_curves_match_r(reference, lung, name, late) -> None:
    expected = reference[name]
    curve = survival.kaplan_meier(counts_of(lung, late=late)).set_index("age")
    at = curve.loc[expected["age"]]
    # At an age that nobody leaves at, R states the number at risk at the next age that somebody does.
    left = at.index.isin(lung["exit"])
    np.testing.assert_array_equal(at["n"][left], np.array(expected["n"])[left])
    np.testing.assert_array_equal(at["events"], expected["events"])
    np.testing.assert_allclose(at["estimate"], expected["survival"], rtol=1e-10)
    many = at["n"] >= survival.FEW_AT_RISK
    assert many.sum() >= 9
    for side in ("low", "high"):
        np.testing.assert_allclose(at.loc[many, side], np.array(expected[side])[many], rtol=1e-9)


@pytest.mark.parametrize(("name", "late"), [("plain", False), ("late", True)])
def test_median_and_restricted_mean_match_r(reference, lung, name, late) -> None:
    curves = survival.kaplan_meier(counts_of(lung, late=late))
    middle = survival.median(curves).iloc[0]
    assert middle["estimate"] == reference[name]["median"][0]
    mean = survival.restricted_mean(curves, 24).iloc[0]
    np.testing.assert_allclose(mean[["estimate", "standard_error"]].astype(float), reference[name]["restricted_mean"])


def test_limits_of_the_median_match_r_where_the_curve_has_log_log_limits(reference, lung, monkeypatch) -> None:
    monkeypatch.setattr(survival, "FEW_AT_RISK", 0)
    middle = survival.median(survival.kaplan_meier(counts_of(lung))).iloc[0]
    assert middle.tolist() == reference["plain"]["median"]


def test_logrank_matches_r(reference, lung) -> None:
    test = survival.logrank(counts_of(lung, grouped=True), ["group"])
    assert test.statistic == pytest.approx(reference["logrank"]["statistic"])
    assert test.df == 2
    np.testing.assert_allclose(test.groups["events"], reference["logrank"]["observed"])
    np.testing.assert_allclose(test.groups["expected"], reference["logrank"]["expected"])


def test_logrank_with_delayed_entry_matches_r(reference, lung) -> None:
    test = survival.logrank(counts_of(lung, late=True, grouped=True), ["group"])
    np.testing.assert_allclose((test.statistic, test.df, test.p), reference["late_logrank"])


def test_pairs_match_r_and_are_adjusted_by_holm(reference, lung) -> None:
    pairs = survival.pairwise_logrank(counts_of(lung, grouped=True), "group")
    np.testing.assert_allclose(pairs["statistic"], reference["pairs"])
    smallest = pairs["p"].min()
    assert pairs["p_adjusted"].min() == pytest.approx(3 * smallest)


def test_stored_values_are_what_r_gives_today(reference) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not on this machine; the stored values are used")
    probe = subprocess.run([rscript, "-e", "library(survival)"], capture_output=True, check=False, timeout=60)
    if probe.returncode:
        pytest.skip("R's survival package is not on this machine; the stored values are used")
    script = REFERENCE / "survival.R"
    out = subprocess.run([rscript, str(script)], capture_output=True, text=True, check=True, timeout=60).stdout
    fresh = json.loads(out)
    for name in ("data", "plain", "late", "logrank"):
        for field, values in reference[name].items():
            np.testing.assert_allclose(np.array(fresh[name][field], float), np.array(values, float), rtol=1e-9)


def test_matches_lifelines(lung) -> None:
    fitter = KaplanMeierFitter().fit(lung["exit"], lung["event"], entry=lung["entry"])
    curve = survival.kaplan_meier(counts_of(lung, late=True))
    np.testing.assert_allclose(curve["estimate"], fitter.survival_function_at_times(curve["age"]), rtol=1e-9)
    plain = KaplanMeierFitter().fit(lung["exit"], lung["event"])
    mean = survival.restricted_mean(survival.kaplan_meier(counts_of(lung)), 24)["estimate"].iloc[0]
    assert mean == pytest.approx(restricted_mean_survival_time(plain, t=24))
    test = multivariate_logrank_test(lung["exit"], lung["group"], lung["event"])
    found = survival.logrank(counts_of(lung, grouped=True), ["group"])
    np.testing.assert_allclose((found.statistic, found.p), (test.test_statistic, test.p_value))


def test_telco_gives_the_values_known_from_r(shared) -> None:
    telco = pd.read_csv(shared / "telco" / "Telco-Customer-Churn.csv")
    churned = telco["Churn"] == "Yes"
    zero = np.zeros(len(telco), dtype=int)
    curve = survival.kaplan_meier(survival.person_months(zero, telco["tenure"], churned)).set_index("age")
    assert curve.loc[12, ["estimate", "low", "high"]].round(4).tolist() == [0.8432, 0.8342, 0.8518]
    assert round(curve.loc[24, "estimate"], 4) == 0.7887
    by_contract = survival.person_months(zero, telco["tenure"], churned, groups=telco[["Contract"]])
    test = survival.logrank(by_contract, ["Contract"])
    assert (round(test.statistic, 2), test.df) == (2352.87, 2)


def test_few_at_risk_take_wilson_on_the_effective_size() -> None:
    counts = pd.DataFrame({"age": [1, 2, 3], "at_risk": [60, 50, 40], "events": [0, 5, 2]})
    curve = survival.kaplan_meier(counts).set_index("age")
    np.testing.assert_allclose(curve.loc[1, ["low", "high"]].astype(float), intervals.wilson(60, 60)[1:])
    share = 0.9 * 0.95
    greenwood = 5 / (50 * 45) + 2 / (40 * 38)
    effective = (1 - share) / (share * greenwood)
    expected = intervals.wilson(share, 1, effective_n=effective)[1:]
    np.testing.assert_allclose(curve.loc[3, ["low", "high"]].astype(float), expected)
    # Without censoring the effective size is the number of subjects.
    closed = survival.kaplan_meier(pd.DataFrame({"age": [1, 2], "at_risk": [50, 45], "events": [5, 5]}))
    np.testing.assert_allclose(closed.loc[2, ["low", "high"]].astype(float), intervals.wilson(40, 50)[1:])


def test_everyone_lost_is_zero_with_an_upper_limit() -> None:
    curve = survival.kaplan_meier(pd.DataFrame({"age": [1], "at_risk": [20], "events": [20]})).iloc[-1]
    assert (curve["estimate"], curve["low"]) == (0, 0)
    assert 0 < curve["high"] < 0.2


def test_a_curve_starts_and_ends_with_enough_at_risk() -> None:
    entry = np.repeat([0, 6], [10, 100])
    exit = np.repeat([12, 12, 20], [10, 80, 20])
    event = np.repeat([True, False, False], [10, 80, 20])
    curve = survival.kaplan_meier(survival.person_months(entry, exit, event), min_at_risk=30)
    assert curve["start"].unique().tolist() == [6]
    assert (curve["age"].min(), curve["age"].max()) == (6, 12)
    assert curve["estimate"].iloc[0] == 1


def test_restricted_mean_says_nothing_beyond_the_data_and_not_certainty_without_events() -> None:
    curve = survival.kaplan_meier(pd.DataFrame({"age": [1, 2], "at_risk": [40, 40], "events": [0, 8]}))
    assert survival.restricted_mean(curve, 3)["estimate"].isna().all()
    mean = survival.restricted_mean(curve, 2).iloc[0]
    assert mean["estimate"] == 2
    assert mean["low"] < 2


def test_impossible_months_are_refused() -> None:
    with pytest.raises(ValueError, match="entry ≤ exit"):
        survival.person_months([3], [2], [True])


SUBJECTS = st.lists(
    st.tuples(st.integers(0, 10), st.integers(0, 15), st.booleans(), st.sampled_from("abc")), min_size=1, max_size=60
)


def frame(rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["entry", "length", "event", "group"])
    return table.assign(exit=table["entry"] + table["length"], event=table["event"] & (table["length"] > 0))


@given(SUBJECTS)
def test_counts_equal_row_level_reckoning(rows) -> None:
    data = frame(rows)
    for row in survival.person_months(data["entry"], data["exit"], data["event"]).itertuples():
        at_risk = (data["entry"] < row.age) & (data["exit"] >= row.age)
        assert row.at_risk == at_risk.sum()
        assert row.events == (at_risk & data["event"] & (data["exit"] == row.age)).sum()


@given(SUBJECTS)
def test_weights_equal_repeated_rows(rows) -> None:
    data = frame(rows)
    cells = data.groupby(["entry", "exit", "event"]).size().rename("weight").reset_index()
    pd.testing.assert_frame_equal(
        survival.person_months(cells["entry"], cells["exit"], cells["event"], weight=cells["weight"]),
        survival.person_months(data["entry"], data["exit"], data["event"]),
    )


@given(SUBJECTS)
def test_curves_start_at_one_and_never_rise(rows) -> None:
    data = frame(rows)
    counts = survival.person_months(data["entry"], data["exit"], data["event"], groups=data[["group"]])
    curves = survival.kaplan_meier(counts, by=["group"])
    for _, curve in curves.groupby("group"):
        assert curve["estimate"].iloc[0] == 1
        assert (np.diff(curve["estimate"]) <= 0).all()
    assert (curves["low"] <= curves["estimate"] + 1e-12).all()
    assert (curves["high"] >= curves["estimate"] - 1e-12).all()


@given(SUBJECTS, st.permutations("abc"))
def test_relabelling_and_row_order_change_nothing(rows, names) -> None:
    data = frame(rows)
    other = data.assign(group=data["group"].map(dict(zip("abc", names, strict=True)))).iloc[::-1]
    both = [
        survival.person_months(one["entry"], one["exit"], one["event"], groups=one[["group"]]) for one in (data, other)
    ]
    if both[0].empty:
        return
    tests = [survival.logrank(counts, ["group"]) for counts in both]
    np.testing.assert_allclose(tests[0].statistic, tests[1].statistic, rtol=1e-6, atol=1e-9)
    curves = [survival.kaplan_meier(counts, by=["group"]) for counts in both]
    back = curves[1].assign(group=curves[1]["group"].map(dict(zip(names, "abc", strict=True))))
    back = back.sort_values(["group", "age"], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(curves[0], back)
