"""Hazard ratios from counts, against R's Cox model and GLM, statsmodels, single person-months and known truth."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from customer_value.stats import grouped_hazards
from customer_value.stats.standardised_survival import standardised_survival

REFERENCE = Path(__file__).parent / "reference"
SCENARIOS = ("hazard_01", "hazard_04", "hazard_10")
"""Monthly hazards of 1, 4 and 10 % where nothing lowers them."""


@pytest.fixture(scope="module")
def reference() -> dict:
    """Values of R's survival package and glm; tests/reference/hazards.R made them."""
    return json.loads((REFERENCE / "hazards.json").read_text(encoding="utf-8"))


def cells_of(reference: dict, scenario: str) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product(
        [range(4), range(2), (1, 2, 3), (1, 12), range(1, reference["months"] + 1)],
        names=["use", "large", "plan", "term", "month"],
    ).to_frame(index=False)
    counts = {name: reference[scenario][name] for name in ("at_risk", "events")}
    return grid.assign(**counts, regular=grid["use"] / 3)


def slopes(fit: grouped_hazards.HazardFit, column: str = "log_ratio") -> pd.Series:
    return fit.table.set_index(fit.table["term"] + fit.table["level"])[column]


def fitted(cells: pd.DataFrame, **options) -> grouped_hazards.HazardFit:
    return grouped_hazards.fit(
        cells, terms=["large", "regular"], categories=["plan"], strata=["term", "month"], **options
    )


def rows_of(cells: pd.DataFrame) -> pd.DataFrame:
    """One row a person-month."""
    rows = cells.loc[cells.index.repeat(cells["at_risk"])]
    first = rows.groupby(level=0).cumcount()
    return rows.assign(events=(first < rows["events"]).astype(int), at_risk=1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_agrees_with_r_s_cox_model(reference, scenario) -> None:
    """Delayed entry, an exposure that varies with time, terms that end only at decision months, ties by Efron."""
    fit = fitted(cells_of(reference, scenario))
    assert fit.references == {"plan": "1"}
    found, errors = slopes(fit)[reference["slopes"]], slopes(fit, "standard_error")[reference["slopes"]]
    efron, breslow = (np.array(reference[scenario][ties]) for ties in ("efron", "breslow"))
    r_errors = np.array(reference[scenario]["efron_error"])
    assert np.max(np.abs(found - efron) / r_errors) < 0.02
    np.testing.assert_allclose(errors, r_errors, rtol=0.01)
    if scenario == "hazard_10":
        # What leaving ties at a program's default would cost.
        assert np.max(np.abs(breslow - efron) / r_errors) > 0.2


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_is_r_s_complementary_log_log_model(reference, scenario) -> None:
    found = slopes(fitted(cells_of(reference, scenario)))[reference["slopes"]]
    np.testing.assert_allclose(found, reference[scenario]["cloglog"], atol=1e-8)


def test_stored_values_are_what_r_gives_today(reference) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not on this machine; the stored values are used")
    probe = subprocess.run([rscript, "-e", "library(survival)"], capture_output=True, check=False, timeout=60)
    if probe.returncode:
        pytest.skip("R's survival package is not on this machine; the stored values are used")
    script = REFERENCE / "hazards.R"
    out = subprocess.run([rscript, str(script)], capture_output=True, text=True, check=True, timeout=120).stdout
    fresh = json.loads(out)
    for scenario in SCENARIOS:
        for name, values in reference[scenario].items():
            np.testing.assert_allclose(np.array(fresh[scenario][name], float), np.array(values, float), rtol=1e-8)


def test_is_statsmodels_model(reference) -> None:
    cells = cells_of(reference, "hazard_10")
    informing = cells.groupby(["term", "month"])["events"].transform("sum") > 0
    cells = cells[(cells["at_risk"] > 0) & informing].reset_index(drop=True)
    design = pd.get_dummies(cells["term"].astype(str) + "-" + cells["month"].astype(str)).astype(float)
    design = design.assign(
        plan2=cells["plan"] == 2, plan3=cells["plan"] == 3, large=cells["large"], regular=cells["regular"]
    ).astype(float)
    outcome = np.column_stack([cells["events"], cells["at_risk"] - cells["events"]])
    model = sm.GLM(outcome, design, family=sm.families.Binomial(link=sm.families.links.CLogLog()))
    theirs = model.fit(tol=1e-14, maxiter=200)
    fit = fitted(cells)
    names = reference["slopes"]
    np.testing.assert_allclose(slopes(fit)[names], theirs.params[names], atol=1e-6)
    observed = np.linalg.inv(-model.hessian(theirs.params.to_numpy(), observed=True))
    errors = pd.Series(np.sqrt(np.diag(observed)), index=design.columns)
    np.testing.assert_allclose(slopes(fit, "standard_error")[names], errors[names], rtol=1e-6)
    np.testing.assert_allclose(fit.predict(cells), theirs.fittedvalues, atol=1e-8)
    assert (fit.events, fit.at_risk) == (cells["events"].sum(), cells["at_risk"].sum())


def test_single_person_months_give_the_same_numbers_to_the_last_bit(reference) -> None:
    cells = cells_of(reference, "hazard_04")
    rows = rows_of(cells).sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(fitted(rows).table, fitted(cells).table, check_exact=True)


def small_cells() -> st.SearchStrategy[pd.DataFrame]:
    cell = st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 9))
    return st.lists(cell, max_size=14).map(
        lambda cells: pd.DataFrame(
            [(s, x, c, max(n, d), min(n, d)) for s, x, c, n, d in cells],
            columns=["stratum", "x", "level", "at_risk", "events"],
        )
    )


@settings(deadline=None, max_examples=60)
@given(cells=small_cells())
def test_whatever_the_counts_nothing_crashes_and_nothing_hangs_on_names_or_scale(cells) -> None:
    fit = grouped_hazards.fit(cells, terms=["x"], categories=["level"], strata=["stratum"])
    assert set(fit.table["status"]) <= set(grouped_hazards.STATUS)
    known = fit.table[fit.table["status"] == "estimated"]
    assert (known["low"] <= known["ratio"]).all()
    assert (known["ratio"] <= known["high"]).all()
    assert fit.table.loc[fit.table["status"] != "estimated", "ratio"].isna().all()
    assert fit.at_risk + fit.uninformative == cells["at_risk"].sum()
    predicted = fit.predict(cells[cells["at_risk"] > 0])
    assert ((predicted >= 0) & (predicted <= 1)).all()
    other = grouped_hazards.fit(
        cells.assign(x=10 * cells["x"] + 3, stratum=7 - cells["stratum"]).iloc[::-1],
        terms=["x"],
        categories=["level"],
        strata=["stratum"],
    )
    assert other.table["status"].tolist() == fit.table["status"].tolist()
    scale = np.where(fit.table["term"] == "x", 10, 1)
    for column in ("log_ratio", "standard_error"):
        np.testing.assert_allclose(scale * other.table[column], fit.table[column], rtol=1e-5, atol=1e-6)


def test_the_maximum_is_the_maximum(reference) -> None:
    """By a general-purpose optimiser, on counts small enough to be far from normal."""
    cells = pd.DataFrame({"s": [0, 0, 1, 1], "x": [0, 1, 0, 1], "at_risk": [12, 9, 8, 15], "events": [3, 1, 4, 3]})

    def lost(parameters: np.ndarray) -> float:
        rate = np.exp(parameters[cells["s"]] + parameters[2] * cells["x"])
        return -float(np.sum(cells["events"] * np.log(-np.expm1(-rate)) - (cells["at_risk"] - cells["events"]) * rate))

    best = optimize.minimize(lost, np.array([-1.0, -1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-9})
    fit = grouped_hazards.fit(cells, terms=["x"], strata=["s"])
    assert fit.table["log_ratio"].item() == pytest.approx(best.x[2], abs=1e-5)


# --- what cannot be estimated ----------------------------------------------------------------------------------------


@pytest.fixture
def plain() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = 3000
    cells = pd.DataFrame({"s": rng.integers(0, 6, rows), "x": rng.integers(0, 2, rows), "at_risk": 1})
    return cells.assign(c=rng.choice(["a", "b", "c"], rows), events=(rng.random(rows) < 0.05).astype(int))


def test_strata_without_events_or_with_nothing_else_say_nothing_and_are_counted(plain) -> None:
    expected = grouped_hazards.fit(plain, terms=["x"], categories=["c"], strata=["s"])
    idle = plain.assign(s=99, events=0)
    all_ended = plain.iloc[:40].assign(s=100, events=1)
    fit = grouped_hazards.fit(pd.concat([plain, idle, all_ended]), terms=["x"], categories=["c"], strata=["s"])
    pd.testing.assert_frame_equal(fit.table, expected.table)
    assert fit.uninformative == 3040
    assert "3,040 of 6,040 person-months" in " ".join(fit.notes)
    assert np.all(fit.predict(idle) == 0)
    assert np.all(fit.predict(all_ended) == 1)
    assert np.isnan(fit.predict(idle.assign(s=7))).all()
    assert np.isnan(fit.predict(plain.assign(c="new"))).all()


def test_identical_columns_are_estimated_once(plain) -> None:
    cells = plain.assign(twin=plain["x"], mirror=1 - plain["x"])
    fit = grouped_hazards.fit(cells, terms=["x", "twin", "mirror"], strata=["s"])
    assert fit.table["status"].tolist() == ["estimated", "collinear", "collinear"]
    assert "settled by the columns before: twin, mirror" in " ".join(fit.notes)
    alone = grouped_hazards.fit(cells, terms=["x"], strata=["s"])
    pd.testing.assert_frame_equal(fit.table.iloc[:1], alone.table)


def test_an_exposure_that_strata_or_categories_settle_is_not_estimated(plain) -> None:
    cells = plain.assign(everybody=1.0, by_stratum=plain["s"] % 2, by_category=(plain["c"] == "b").astype(float))
    fit = grouped_hazards.fit(
        cells, terms=["everybody", "by_stratum", "by_category", "x"], categories=["c"], strata=["s"]
    )
    assert fit.table.set_index("term").loc[["everybody", "by_stratum", "by_category", "x"], "status"].tolist() == [
        "constant",
        "constant",
        "collinear",
        "estimated",
    ]
    assert "the same throughout each stratum: everybody, by_stratum" in " ".join(fit.notes)


@pytest.mark.parametrize(("events_at", "expected"), [(0, "low"), (1, "high")])
def test_without_events_on_one_side_there_is_a_limit_and_a_test_but_no_ratio(plain, events_at, expected) -> None:
    cells = plain.assign(events=plain["events"].where(plain["x"] == events_at, 0))
    fit = grouped_hazards.fit(cells, terms=["x"], strata=["s"])
    row = fit.table.iloc[0]
    assert row["status"] == "unbounded"
    assert np.isnan(row["ratio"])
    assert "All events fall on one side of x" in " ".join(fit.notes)
    # The profile likelihood by hand: with x at infinity only the side with events is left, each stratum by itself.
    counts = cells.groupby(["s", "x"])[["at_risk", "events"]].sum().unstack()
    d, n = counts["events"].sum(axis=1), counts["at_risk"]
    side = n[events_at]
    best = float(np.sum(d * np.log(d / side) + (side - d) * np.log1p(-d / side)))

    def profile(slope: float) -> float:
        total = 0.0
        for s in counts.index:
            ended, stayed = counts["events"].loc[s].to_numpy(), (n - counts["events"]).loc[s].to_numpy()

            def lost(a: float, ended: np.ndarray = ended, stayed: np.ndarray = stayed) -> float:
                rate = np.exp(a + slope * np.array([0, 1]))
                return -float(np.sum(ended * np.log(-np.expm1(-rate)) - stayed * rate))

            total -= optimize.minimize_scalar(lost, bounds=(-12, 6), method="bounded", options={"xatol": 1e-10}).fun
        return total

    limit = row["high"] if expected == "low" else row["low"]
    assert 2 * (best - profile(np.log(limit))) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)
    assert (row["low"] == 0) if expected == "low" else np.isinf(row["high"])
    assert row["p"] == pytest.approx(stats.chi2.sf(2 * (best - profile(0.0)), 1), rel=1e-3)


def test_a_level_without_events_leaves_the_other_estimates_alone(plain) -> None:
    cells = plain.assign(events=plain["events"].where(plain["c"] != "b", 0))
    fit = grouped_hazards.fit(cells, terms=["x"], categories=["c"], strata=["s"])
    assert fit.table.set_index(["term", "level"])["status"].to_dict()[("c", "b")] == "unbounded"
    without = grouped_hazards.fit(cells[cells["c"] != "b"], terms=["x"], categories=["c"], strata=["s"])
    for column in ("log_ratio", "standard_error"):
        np.testing.assert_allclose(slopes(fit, column)[["cc", "x"]], slopes(without, column)[["cc", "x"]], rtol=1e-6)


def test_no_rows_no_events_one_level_and_missing_levels(plain) -> None:
    for cells in (plain.iloc[:0], plain.assign(events=0), plain.assign(events=1)):
        fit = grouped_hazards.fit(cells, terms=["x"], categories=["c"], strata=["s"])
        assert set(fit.table["status"]) == {"uninformed"}
        assert (fit.events, fit.at_risk) == (0, 0)
        assert "nothing can be estimated" in " ".join(fit.notes)
    one = grouped_hazards.fit(plain.assign(c="a"), terms=["x"], categories=["c"], strata=["s"])
    assert one.table["term"].tolist() == ["x"]
    half = plain.assign(c=plain["c"].where(plain["s"] % 2 == 0))
    fit = grouped_hazards.fit(half, terms=["x"], categories=["c"])
    assert "not stated" in {*fit.table["level"], *fit.references.values()}
    assert fit.at_risk == len(plain)


def test_impossible_input_is_refused(plain) -> None:
    with pytest.raises(ValueError, match="0 ≤ events ≤ at_risk"):
        grouped_hazards.fit(plain.assign(events=2), terms=["x"])
    with pytest.raises(ValueError, match="got: x with values missing"):
        grouped_hazards.fit(plain.assign(x=np.nan), terms=["x"])
    with pytest.raises(ValueError, match="confidence"):
        grouped_hazards.fit(plain, terms=["x"], confidence=1.0)


def test_without_terms_each_stratum_keeps_its_share(plain) -> None:
    fit = grouped_hazards.fit(plain, terms=[], strata=["s"])
    shares = plain.groupby("s")["events"].mean()
    np.testing.assert_allclose(fit.predict(plain), shares[plain["s"]])


# --- leaving groups out ----------------------------------------------------------------------------------------------


def recurrent(rng: np.random.Generator, *, subjects: int, effect: float, frailty: float) -> pd.DataFrame:
    """Events that leave a subject at risk, more of them in some subjects than in others; one row a person-month."""
    months = 12
    own = np.exp(rng.normal(0, frailty, subjects) - frailty**2 / 2)
    exposed = rng.integers(0, 2, subjects)
    rate = 0.06 * own * np.exp(effect * exposed)
    events = rng.random((subjects, months)) < -np.expm1(-rate[:, None])
    return pd.DataFrame(
        {
            "month": np.tile(np.arange(months), subjects),
            "x": np.repeat(exposed, months),
            "group": np.repeat(np.arange(subjects) % 50, months),
            "at_risk": 1,
            "events": events.ravel().astype(int),
        }
    )


def test_leaving_a_group_out_is_refitting_without_it() -> None:
    cells = recurrent(np.random.default_rng(4), subjects=400, effect=-0.3, frailty=0.8)
    fit = grouped_hazards.fit(cells, terms=["x"], strata=["month"], group="group")
    refits = [
        grouped_hazards.fit(cells[cells["group"] != group], terms=["x"], strata=["month"]).table["log_ratio"].item()
        for group in range(50)
    ]
    mean = np.mean(refits)
    error = np.sqrt(49 / 50 * np.sum((np.array(refits) - mean) ** 2))
    np.testing.assert_allclose([one.slopes[0] for one in fit.replicates], refits, rtol=0, atol=0.01 * error)
    row = fit.table.iloc[0]
    assert row["standard_error"] == pytest.approx(error, rel=0.01)
    error = row["standard_error"]
    margin = stats.t.ppf(0.975, 49) * error
    np.testing.assert_allclose(np.log([row["low"], row["high"]]), row["log_ratio"] + np.array([-margin, margin]))
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["log_ratio"]) / error, 49))
    assert fit.groups == 50


def test_a_slope_that_hangs_on_one_group_has_no_interval(plain) -> None:
    cells = plain.assign(group=np.arange(len(plain)) % 10)
    only = (cells["c"] == "b") & (cells["group"] != 3)
    cells = cells.assign(events=cells["events"].mask(only, 0))
    fit = grouped_hazards.fit(cells, terms=["x"], categories=["c"], strata=["s"], group="group")
    level = fit.table[fit.table["level"] == "b"].iloc[0]
    assert np.isfinite(level["ratio"])
    assert np.isnan(level["low"])
    assert "no interval can be given: c b" in " ".join(fit.notes)
    assert np.isfinite(fit.table.loc[fit.table["term"] == "x", "low"].item())


# --- truth -----------------------------------------------------------------------------------------------------------


def terminal(rng: np.random.Generator, *, effect: float, hazard: float = 0.03, subjects: int = 700) -> pd.DataFrame:
    """A cohort followed for a year, a quarter of it from month 4 on, counted by month, plan and graded exposure."""
    x, plan = np.arange(4) / 3, np.arange(2)
    share = np.outer([0.4, 0.2, 0.2, 0.2], [0.7, 0.3]).ravel()
    grid = np.stack(np.meshgrid(x, plan, indexing="ij"), axis=-1).reshape(-1, 2)
    early, late = rng.multinomial(subjects * 3 // 4, share), rng.multinomial(subjects // 4, share)
    rows = []
    here = early
    for month in range(1, 13):
        if month == 4:
            # They survived months 1 to 3 before they came into view.
            rate = 3 * hazard * np.exp(effect * grid[:, 0] + 0.4 * grid[:, 1])
            here = here + rng.binomial(late, np.exp(-rate))
        rate = hazard * (1.3 - month / 20) * np.exp(effect * grid[:, 0] + 0.4 * grid[:, 1])
        ended = rng.binomial(here, -np.expm1(-rate))
        rows.append(
            pd.DataFrame({"month": month, "x": grid[:, 0], "plan": grid[:, 1], "at_risk": here, "events": ended})
        )
        here = here - ended
    return pd.concat(rows, ignore_index=True)


def retained(effect: float, level: float, hazard: float = 0.03) -> float:
    """True share of the base of `paths` left after a year at one level of exposure, in the world of `terminal`."""
    total = sum(hazard * (1.3 - month / 20) for month in range(1, 13)) * np.exp(effect * level)
    return 0.7 * np.exp(-total) + 0.3 * np.exp(-total * np.exp(0.4))


WORLDS = 200
SLACK = 3 * np.sqrt(0.95 * 0.05 / WORLDS)
"""Three standard errors of a coverage of 95 % over so many worlds."""


@pytest.mark.parametrize(("effect", "power"), [(0.0, 0.05), (-0.7, 0.8)])
def test_intervals_of_ratio_and_of_retention_hold_the_truth_with_delayed_entry(effect, power) -> None:
    rng = np.random.default_rng(20_260_630)
    truth = retained(effect, 1.0) - retained(effect, 0.0)
    found = []
    for _ in range(WORLDS):
        fit = grouped_hazards.fit(terminal(rng, effect=effect), terms=["x"], categories=["plan"], strata=["month"])
        row = fit.table[fit.table["term"] == "x"].iloc[0]
        kept = standardised_survival(fit, paths(), term="x").table.iloc[2]
        held = row["low"] <= np.exp(effect) <= row["high"], kept["low"] <= truth <= kept["high"]
        found.append((*held, row["p"] < 0.05, row["log_ratio"]))
    ratio, difference, rejected, mean = np.mean(found, axis=0)
    assert 0.93 - SLACK < ratio < 0.97 + SLACK
    assert 0.93 - SLACK < difference < 0.97 + SLACK
    assert mean == pytest.approx(effect, abs=0.05)
    if effect == 0:
        assert rejected < 0.07 + SLACK
    else:
        assert rejected > power


def test_recurrent_events_need_the_jackknife() -> None:
    rng = np.random.default_rng(20_260_630)
    worlds, held = 80, {"model": 0, "jackknife": 0}
    for _ in range(worlds):
        cells = recurrent(rng, subjects=300, effect=0.0, frailty=1.2)
        counts = cells.groupby(["month", "x", "group"], as_index=False)[["at_risk", "events"]].sum()
        for name, group in (("model", None), ("jackknife", "group")):
            row = grouped_hazards.fit(counts, terms=["x"], strata=["month"], group=group).table.iloc[0]
            held[name] += row["low"] <= 1 <= row["high"]
    slack = 3 * np.sqrt(0.95 * 0.05 / worlds)
    assert 0.93 - slack < held["jackknife"] / worlds
    assert held["model"] / worlds < 0.9


# --- what it means for a base ----------------------------------------------------------------------------------------


def paths(months: int = 12) -> pd.DataFrame:
    steps = [(plan, month, size) for plan, size in ((0, 70), (1, 30)) for month in range(1, months + 1)]
    return pd.DataFrame(steps, columns=["plan", "month", "size"]).assign(profile=lambda table: table["plan"])


@pytest.fixture(scope="module")
def terminal_fit() -> grouped_hazards.HazardFit:
    cells = terminal(np.random.default_rng(9), effect=-0.6, subjects=4000)
    return grouped_hazards.fit(cells, terms=["x"], categories=["plan"], strata=["month"])


def test_standardised_survival_is_the_average_of_products(terminal_fit) -> None:
    found = standardised_survival(terminal_fit, paths(), term="x", levels=(1.0, 0.0)).table.set_index("quantity")
    for name, level in (("first", 1.0), ("second", 0.0)):
        hazards = terminal_fit.predict(paths().assign(x=level))
        kept = pd.Series(1 - hazards).groupby(paths()["plan"]).prod()
        assert found.loc[name, "estimate"] == pytest.approx(0.7 * kept[0] + 0.3 * kept[1])
    difference = found.loc["first", "estimate"] - found.loc["second", "estimate"]
    assert found.loc["difference", "estimate"] == pytest.approx(difference)


def test_errors_of_standardised_survival_are_those_of_parameter_draws(terminal_fit) -> None:
    fit, draws = terminal_fit, 4000
    rng = np.random.default_rng(3)
    slope_draws = rng.multivariate_normal(fit.coefficients.slopes, fit.slope_covariance(), draws)
    own = rng.normal(size=(draws, len(fit.information))) / np.sqrt(fit.information)
    baseline_draws = fit.coefficients.baseline + own - (slope_draws - fit.coefficients.slopes) @ fit.means.T
    drawn = []
    for level in (1.0, 0.0):
        table = paths().assign(x=level)
        rates = np.exp(baseline_draws[:, fit.design.stratum(table)] + slope_draws @ fit.design.matrix(table).T)
        kept = [np.exp(-rates[:, table["plan"] == plan].sum(axis=1)) for plan in (0, 1)]
        drawn.append(0.7 * kept[0] + 0.3 * kept[1])
    found = standardised_survival(fit, paths(), term="x").table["standard_error"]
    expected = [drawn[0].std(), drawn[1].std(), (drawn[0] - drawn[1]).std()]
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_standardised_survival_by_leaving_groups_out() -> None:
    rng = np.random.default_rng(2)
    subjects, months = 3000, 12
    x, end = rng.integers(0, 2, subjects), rng.geometric(0.03, subjects)
    rows = [
        pd.DataFrame({"month": month, "x": x, "group": np.arange(subjects) % 50, "events": end == month})[end >= month]
        for month in range(1, months + 1)
    ]
    cells = pd.concat(rows).assign(at_risk=1, events=lambda table: table["events"].astype(int))
    path = pd.DataFrame({"month": range(1, 13), "profile": 0, "size": 1})
    model, jackknife = (
        standardised_survival(grouped_hazards.fit(cells, terms=["x"], strata=["month"], group=group), path, term="x")
        for group in (None, "group")
    )
    np.testing.assert_allclose(jackknife.table["estimate"], model.table["estimate"])
    np.testing.assert_allclose(jackknife.table["standard_error"], model.table["standard_error"], rtol=0.25)


def test_profiles_with_unseen_months_are_left_out_and_counted(terminal_fit) -> None:
    longer = pd.concat([paths(), pd.DataFrame({"plan": [0], "month": [99], "size": [5], "profile": [7]})])
    found = standardised_survival(terminal_fit, longer, term="x")
    assert (found.size, found.left_out) == (100, 5)
    pd.testing.assert_frame_equal(found.table, standardised_survival(terminal_fit, paths(), term="x").table)


def test_without_an_estimate_of_the_term_nothing_is_standardised() -> None:
    cells = terminal(np.random.default_rng(1), effect=0).assign(x=1.0)
    fit = grouped_hazards.fit(cells, terms=["x"], categories=["plan"], strata=["month"])
    assert standardised_survival(fit, paths(), term="x").table["estimate"].isna().all()
    with pytest.raises(ValueError, match="term must be one of"):
        standardised_survival(fit, paths(), term="y")
