"""The test of proportional hazards and ratios by band of ages, against R's cox.zph and known truth."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from customer_value.stats import grouped_hazards, proportionality

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="module")
def reference() -> dict:
    """Values of R's survival package; tests/reference/proportionality.R made them."""
    return json.loads((REFERENCE / "proportionality.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def veterans(reference) -> pd.DataFrame:
    data = pd.DataFrame(reference["data"])
    rows = data.loc[data.index.repeat(data["month"])]
    rows = rows.assign(age=rows.groupby(level=0).cumcount() + 1)
    ended = (rows["age"] == rows["month"]) & (rows["event"] == 1)
    rows = rows.assign(events=ended.astype(int), at_risk=1)
    return rows.groupby(["treatment", "age", "status", "cell"], as_index=False)[["at_risk", "events"]].sum()


def fitted(cells: pd.DataFrame) -> grouped_hazards.HazardFit:
    return grouped_hazards.fit(cells, terms=[], categories=["status", "cell"], strata=["treatment", "age"])


def test_ratios_are_those_of_r_s_cox_model(reference, veterans) -> None:
    table = fitted(veterans).table.set_index(["term", "level"])["log_ratio"]
    levels = {"statushigh": ("status", "high"), "statuslow": ("status", "low"), "celladeno": ("cell", "adeno")}
    slopes = dict(zip(reference["slopes"], zip(reference["efron"], reference["efron_error"], strict=True), strict=True))
    for name, (term, level) in levels.items():
        efron, error = slopes[name.replace("cell", "celltype").replace("status", "status3")]
        base = 0.0 if term == "status" else table["cell", "squamous"]
        assert abs(table[term, level] - base - efron) <= 0.1 * error


@pytest.mark.parametrize("term", ["status", "cell"])
def test_leaning_matches_r_s_cox_zph(reference, veterans, term) -> None:
    """R's is of Cox's partial likelihood with Efron's ties, ours of the grouped one: close, not equal."""
    test = proportionality.leaning(
        fitted(veterans), veterans, term, proportionality.age_ranks(veterans["age"], veterans["events"])
    )
    statistic, df, p = reference[term]
    assert (test.statistic, test.df) == (pytest.approx(statistic, rel=0.03), df)
    assert test.p == pytest.approx(p, rel=0.3)


def test_stored_values_are_what_r_gives_today(reference) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not on this machine; the stored values are used")
    probe = subprocess.run([rscript, "-e", "library(survival)"], capture_output=True, check=False, timeout=60)
    if probe.returncode:
        pytest.skip("R's survival package is not on this machine; the stored values are used")
    script = REFERENCE / "proportionality.R"
    fresh = json.loads(subprocess.run([rscript, str(script)], capture_output=True, text=True, check=True).stdout)
    for name in ("efron", "efron_error", "status", "cell"):
        np.testing.assert_allclose(fresh[name], reference[name], rtol=1e-8)


def drawn(rng: np.random.Generator, *, early: float, late: float) -> pd.DataFrame:
    """20,000 subjects of two kinds over a year; the second's hazard is a multiple of the first's, early and late."""
    kind = rng.integers(0, 2, 20_000)
    there, cells = np.ones(len(kind), dtype=bool), []
    for age in range(1, 13):
        ratio = early if age <= 6 else late
        ended = there & (rng.random(len(kind)) < -np.expm1(-0.02 * np.where(kind == 1, ratio, 1.0)))
        for value, name in enumerate(("first", "second")):
            own = kind == value
            cells.append((age, name, int((there & own).sum()), int((ended & own).sum())))
        there &= ~ended
    table = pd.DataFrame(cells, columns=["age", "kind", "at_risk", "events"])
    return table.assign(band=pd.cut(table["age"], [0, 6, 12], labels=["early", "late"]))


def test_a_single_ratio_hides_what_the_bands_show() -> None:
    """A kind that leaves more at first and less later: its one ratio is near 1, and both tests see through it."""
    cells = drawn(np.random.default_rng(3), early=1.5, late=0.6)
    fit = grouped_hazards.fit(cells, terms=[], categories=["kind"], strata=["age"])
    one = fit.table.iloc[0]
    assert 0.85 < max(one["ratio"], 1 / one["ratio"]) < 1.15
    test = proportionality.leaning(fit, cells, "kind", proportionality.age_ranks(cells["age"], cells["events"]))
    bands = proportionality.by_band(cells, "kind", "band", reference="first", strata=["age"])
    assert max(test.p, bands.p) < 1e-6
    ratios = bands.table.set_index(["level", "band"])
    for band, truth in (("early", 1.5), ("late", 0.6)):
        row = ratios.loc["second", band]
        assert row["low"] <= truth <= row["high"]
    assert bands.table["events"].sum() == cells.loc[cells["kind"] == "second", "events"].sum()


def test_a_constant_ratio_passes_and_bands_agree_with_the_whole() -> None:
    cells = drawn(np.random.default_rng(4), early=1.4, late=1.4)
    fit = grouped_hazards.fit(cells, terms=[], categories=["kind"], strata=["age"])
    test = proportionality.leaning(fit, cells, "kind", proportionality.age_ranks(cells["age"], cells["events"]))
    assert test.p > 0.05
    whole = cells.assign(band=pd.Categorical(["all"] * len(cells)))
    band = proportionality.by_band(whole, "kind", "band", reference=fit.references["kind"], strata=["age"])
    sign = 1 if fit.references["kind"] == "first" else -1
    assert sign * band.table["log_ratio"].iloc[0] == pytest.approx(sign * fit.table["log_ratio"].iloc[0], abs=1e-9)
    assert (band.df, np.isnan(band.p)) == (0, True)


def test_nothing_to_test() -> None:
    cells = pd.DataFrame({"age": [1, 2], "kind": ["a", "a"], "at_risk": [5, 4], "events": [1, 1]})
    fit = grouped_hazards.fit(cells, terms=[], categories=["kind"], strata=["age"])
    test = proportionality.leaning(fit, cells, "kind", proportionality.age_ranks(cells["age"], cells["events"]))
    assert (test.df, np.isnan(test.p)) == (0, True)
