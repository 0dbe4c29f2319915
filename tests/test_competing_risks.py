"""Cumulative incidence and Gray's test against R's cmprsk and survival, by hand, and what must hold of any curves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value.stats import competing_risks, survival

REFERENCE = Path(__file__).parent / "reference"
CAUSES = ["one", "two"]


@pytest.fixture(scope="module")
def reference() -> dict:
    """Values of R's cmprsk and survival packages; tests/reference/competing_risks.R made them."""
    return json.loads((REFERENCE / "competing_risks.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def diagnosed(reference) -> pd.DataFrame:
    data = pd.DataFrame(reference["data"])
    return data.assign(cause=data["cause"].map({0: None, 1: "one", 2: "two"}))


def counted(data: pd.DataFrame, *, late: bool = False, grouped: bool = False) -> pd.DataFrame:
    entry = data["entry"] if late else 0 * data["entry"]
    groups = data[["group"]] if grouped else None
    return competing_risks.person_months(entry, data["exit"], data["cause"], causes=CAUSES, groups=groups)


@pytest.mark.parametrize(("name", "late"), [("plain", False), ("late", True)])
def test_incidence_and_its_error_match_r_s_multi_state_curves(reference, diagnosed, name, late) -> None:
    curves = competing_risks.cumulative_incidence(counted(diagnosed, late=late), CAUSES)
    for cause in CAUSES:
        at = curves[curves["cause"] == cause].set_index("age").loc[reference["ages"]]
        np.testing.assert_allclose(at["estimate"], reference[name][cause], rtol=1e-10)
        # R's is the infinitesimal jackknife over subjects, which equals ours where all enter at age 0.
        np.testing.assert_allclose(at["standard_error"], reference[name][f"{cause}_error"], rtol=0.02 if late else 1e-9)


def test_incidence_matches_cmprsk(reference, diagnosed) -> None:
    curves = competing_risks.cumulative_incidence(counted(diagnosed), CAUSES)
    for cause in CAUSES:
        at = curves[curves["cause"] == cause].set_index("age").loc[reference["ages"]]
        np.testing.assert_allclose(at["estimate"], reference["cuminc"][cause], rtol=1e-10)
        # cmprsk's variance is Aalen's, which corrects for ties in another way.
        np.testing.assert_allclose(at["standard_error"] ** 2, reference["cuminc"][f"{cause}_variance"], rtol=0.01)


@pytest.mark.parametrize("cause", CAUSES)
def test_gray_s_test_matches_cmprsk(reference, diagnosed, cause) -> None:
    test = competing_risks.gray(counted(diagnosed, grouped=True), ["group"], cause)
    statistic, _, df = reference["gray"][cause]
    assert (test.statistic, test.df) == (pytest.approx(statistic, rel=1e-9), df)
    assert test.groups["expected"].sum() == pytest.approx(test.groups["events"].sum())


def test_stored_values_are_what_r_gives_today(reference) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not on this machine; the stored values are used")
    probe = subprocess.run([rscript, "-e", "library(cmprsk)"], capture_output=True, check=False, timeout=60)
    if probe.returncode:
        pytest.skip("R's cmprsk package is not on this machine; the stored values are used")
    script = REFERENCE / "competing_risks.R"
    fresh = json.loads(subprocess.run([rscript, str(script)], capture_output=True, text=True, check=True).stdout)
    for part in ("cuminc", "plain", "late", "gray"):
        for name, values in reference[part].items():
            np.testing.assert_allclose(fresh[part][name], values, rtol=1e-8)


def test_by_hand_and_why_one_way_alone_overstates() -> None:
    # Of ten, two end in the first way and four in the second in month 1; of the four left, two in the first in month 2.
    cause = ["one"] * 2 + ["two"] * 4 + ["one"] * 2 + [None] * 2
    exits = [1] * 6 + [2] * 4
    counts = competing_risks.person_months([0] * 10, exits, cause, causes=CAUSES)
    curves = competing_risks.cumulative_incidence(counts, CAUSES).set_index(["cause", "age"])["estimate"]
    assert curves["one"].tolist() == pytest.approx([0, 0.2, 0.4])
    assert curves["two"].tolist() == pytest.approx([0, 0.4, 0.4])
    alone = survival.kaplan_meier(counts.assign(events=counts["one"])).set_index("age")["estimate"]
    # The four who ended otherwise are taken as unseen: 1 − 0.8 × 0.5, though only four of ten ended so.
    assert 1 - alone[2] == pytest.approx(0.6)


def test_one_way_of_ending_is_the_survival_curve_turned_round(diagnosed) -> None:
    data = diagnosed.assign(cause=diagnosed["cause"].where(diagnosed["cause"].isna(), "one"))
    counts = counted(data, late=True).drop(columns="two")
    ends = competing_risks.cumulative_incidence(counts, ["one"])
    curve = survival.kaplan_meier(counts)
    np.testing.assert_allclose(ends["estimate"], 1 - curve["estimate"], atol=1e-12)
    np.testing.assert_allclose(ends["low"], 1 - curve["high"], atol=1e-9)
    np.testing.assert_allclose(ends["high"], 1 - curve["low"], atol=1e-9)
    np.testing.assert_allclose(ends["effective_n"], curve["effective_n"], rtol=1e-9)


lives = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 8), st.sampled_from([None, "one", "two"]), st.sampled_from("ab")),
    min_size=1,
    max_size=60,
)


@settings(max_examples=15, deadline=None)
@given(lives)
def test_ways_add_up_to_all_ends_and_never_fall(rows) -> None:
    entry, lasted, cause, group = (list(column) for column in zip(*rows, strict=True))
    groups = pd.DataFrame({"group": group})
    exits = np.add(entry, lasted)
    counts = competing_risks.person_months(entry, exits, cause, causes=CAUSES, groups=groups)
    curves = competing_risks.cumulative_incidence(counts, CAUSES, by=["group"])
    whole = survival.kaplan_meier(counts, by=["group"])
    if whole.empty:
        assert curves.empty
        return
    added = curves.groupby(["group", "age"])["estimate"].sum()
    np.testing.assert_allclose(added, 1 - whole.set_index(["group", "age"])["estimate"], atol=1e-12)
    assert (curves["low"] <= curves["estimate"] + 1e-12).all()
    assert (curves["estimate"] <= curves["high"] + 1e-12).all()
    assert ((curves["low"] >= 0) & (curves["high"] <= 1)).all()
    assert (curves.groupby(["group", "cause"])["estimate"].diff().dropna() >= -1e-12).all()
    renamed = counts.assign(group=counts["group"].map({"a": "z", "b": "b"}))
    for cause_of in CAUSES:
        once, again = (competing_risks.gray(table, ["group"], cause_of) for table in (counts, renamed))
        np.testing.assert_allclose(once.statistic, again.statistic, rtol=1e-6, atol=1e-9)


def test_shares_and_speeds_are_different_questions() -> None:
    """Two groups end in one way at one speed, but in one group many end otherwise first: fewer of it ever end so."""
    rng = np.random.default_rng(8)
    size, months = 4000, 24
    group = np.repeat(["steady", "hasty"], size // 2)
    first = rng.geometric(0.02, size)
    second = rng.geometric(np.where(group == "hasty", 0.08, 0.005))
    exits = np.minimum(np.minimum(first, second), months)
    cause = np.where(first <= months, "one", None).astype(object)
    cause = np.where((second < first) & (second <= months), "two", cause)
    counts = competing_risks.person_months(
        0 * exits, exits, cause, causes=CAUSES, groups=pd.DataFrame({"group": group})
    )
    speed = survival.logrank(counts.assign(events=counts["one"]), ["group"])
    share = competing_risks.gray(counts, ["group"], "one")
    assert speed.p > 0.05
    assert share.p < 1e-6


def test_a_cause_must_be_named() -> None:
    with pytest.raises(ValueError, match=r"got: \['three'\]"):
        competing_risks.person_months([0], [1], ["three"], causes=CAUSES)
    counts = competing_risks.person_months([0], [1], ["two"], causes=CAUSES)
    with pytest.raises(ValueError, match="must add up"):
        competing_risks.cumulative_incidence(counts, ["one"])


@pytest.mark.parametrize("by", [(), ("group",)])
def test_where_never_enough_are_at_risk_there_is_no_curve(diagnosed, by) -> None:
    counts = counted(diagnosed, grouped=bool(by))
    found = competing_risks.cumulative_incidence(counts, CAUSES, by=by, min_at_risk=len(diagnosed) + 1)
    assert found.empty
    assert {*by, "cause", "age", "estimate", "low", "high", "n", "start"} <= set(found.columns)
