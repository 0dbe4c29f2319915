"""The drawn accounts against what the parameters say, reckoned here from the tables alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from customer_value.intake import load
from customer_value.marts import build
from customer_value.simulate import CHANNELS, DEFAULT, NULL, SIZES, simulate, true_survival, write

GRACE = 31


@pytest.fixture(scope="module")
def world():
    return simulate(accounts=16_000, seed=11, tables=["customers", "subscriptions"])


@pytest.fixture(scope="module")
def spells(world) -> pd.DataFrame:
    """One row an account: whole months to entry, to the end of what is seen, and whether it churned then."""
    observed_from = pd.Timestamp(world.truth["observed_from"])
    close = pd.Timestamp(world.truth["end"])
    plans = world.tables["subscriptions"].query("kind == 'plan'").sort_values(["customer_id", "start_date"])
    gap = (plans["start_date"] - plans.groupby("customer_id")["end_date"].shift()).dt.days.fillna(0)
    first = plans[(gap > GRACE).groupby(plans["customer_id"]).cumsum() == 0]
    rows = first.groupby("customer_id").agg(
        term=("billing_months", "first"), open=("end_date", lambda end: end.isna().any())
    )
    rows["end"] = first.groupby("customer_id")["end_date"].max().where(~rows["open"])
    frame = world.tables["customers"].set_index("customer_id").join(rows)
    origin = frame["signup_date"]
    frame["stock"] = origin <= observed_from
    # The end on an anniversary belongs to the person-month that it closes; the entry, and what is still open, to the
    # last anniversary reached.
    frame["entry"] = np.where(frame["stock"], _anniversaries(origin, pd.Series(observed_from, origin.index)), 0)
    seen = _anniversaries(origin, pd.Series(close, origin.index))
    ends = _anniversaries(origin, frame["end"].fillna(close) - pd.Timedelta(days=1)) + 1
    frame["event"] = frame["end"].notna() & (ends <= seen)
    frame["exit"] = np.where(frame["event"], ends, seen)
    return frame


def _anniversaries(origin: pd.Series, day: pd.Series) -> pd.Series:
    """How many monthly anniversaries of `origin` lie on or before `day`; the 31st falls on a shorter month's last."""
    months = (day.dt.year - origin.dt.year) * 12 + day.dt.month - origin.dt.month
    fell = np.minimum(origin.dt.day, day.dt.days_in_month)
    return months - (day.dt.day < fell)


def kaplan_meier(frame: pd.DataFrame, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Survival and Greenwood's standard error at 0 … horizon, with delayed entry."""
    survival, variance, curve, errors = 1.0, 0.0, [1.0], [0.0]
    for month in range(1, horizon + 1):
        at_risk = ((frame["entry"] < month) & (frame["exit"] >= month)).sum()
        events = (frame["event"] & (frame["exit"] == month)).sum()
        survival *= 1 - events / at_risk
        variance += events / (at_risk * (at_risk - events))
        curve.append(survival)
        errors.append(survival * np.sqrt(variance))
    return np.array(curve), np.array(errors)


@pytest.mark.parametrize("term", [1, 12])
def test_survival_of_new_accounts_by_term(world, spells, term):
    curve, errors = kaplan_meier(spells[~spells["stock"] & (spells["term"] == term)], 30)
    truth = np.array(world.truth["survival"]["all"][str(term)])
    for month in (1, 6, 12, 13, 24, 30):
        assert abs(curve[month] - truth[month]) <= 4 * errors[month], (month, curve[month], truth[month])


def test_delayed_entry_recovers_survival_of_everyone(world, spells):
    curve, errors = kaplan_meier(spells, 48)
    truth = np.array(world.truth["survival"]["all"]["all"])
    for month in (12, 24, 36, 48):
        assert abs(curve[month] - truth[month]) <= 4 * errors[month]


def test_ignoring_delayed_entry_would_flatter(world, spells):
    """The trap is there: counting the opening stock from its sign-up overstates survival."""
    naive, errors = kaplan_meier(spells.assign(entry=0), 24)
    assert naive[24] - world.truth["survival"]["all"]["all"][24] > 10 * errors[24]


def test_marts_let_the_opening_stock_enter_when_it_comes_into_view(tmp_path):
    """The lines of the stock are older than the data, but nobody who left before could be seen leaving.

    Entering at the line's start instead overstates S(12) by 1.6 points with these parameters (16,000 accounts).
    """
    folder = write(simulate(accounts=300, seed=2), tmp_path / "data")
    load(folder, mapping=folder / "mapping.yml", out=tmp_path / "tables")
    marts = build(tmp_path / "tables", tmp_path / "marts", grace_days=GRACE)
    spells, accounts = marts.frame("spells").query("spell == 1"), marts.frame("accounts")
    origin = pd.to_datetime(spells["origin_date"])
    opening = pd.Series(pd.Timestamp(marts.meta.observed_from), origin.index)
    stock = origin <= opening
    assert stock.mean() == pytest.approx(0.45)
    assert (spells["entry_month"][stock] >= _anniversaries(origin, opening)[stock]).all()
    late = (spells["entry_month"] > 0).to_numpy()
    assert accounts.set_index("customer_id").loc[spells["customer_id"][late], "cohort_month"].isna().all()
    old = accounts["opening_stock"] & (
        pd.to_datetime(accounts["signup_date"]) <= opening.iloc[0] - pd.Timedelta(days=31)
    )
    assert accounts["cohort_month"][old].isna().all()


@pytest.mark.parametrize("channel", ["Partner", "Paid search"])
def test_channels_differ_as_they_should(world, spells, channel):
    of_channel = spells[~spells["stock"] & (spells["channel"] == channel)]
    curve, errors = kaplan_meier(of_channel, 24)
    truth = world.truth["survival"][channel]["all"]
    assert abs(curve[24] - truth[24]) <= 4 * errors[24]


@pytest.mark.parametrize("attribute", ["industry", "region", "referred"])
def test_what_is_null_in_truth_is_null_in_the_draw(spells, attribute):
    """Events against expected from the pooled curve (the log-rank's sums), with a chi-square beyond 1 in 10,000."""
    from scipy import stats

    levels = spells[attribute].unique()
    observed, expected = dict.fromkeys(levels, 0.0), dict.fromkeys(levels, 0.0)
    for month in range(1, 60):
        at_risk = spells[(spells["entry"] < month) & (spells["exit"] >= month)]
        events = at_risk["event"] & (at_risk["exit"] == month)
        for level in levels:
            here = at_risk[attribute] == level
            observed[level] += (events & here).sum()
            expected[level] += events.mean() * here.sum()
    chi = sum((observed[level] - expected[level]) ** 2 / expected[level] for level in levels)
    assert stats.chi2.sf(chi, len(levels) - 1) > 1e-4


def test_truth_is_not_null_where_it_says_so():
    """Size, channel and term move survival in the parameters; otherwise the comparisons pass vacuously."""
    at = {
        (size, channel, term): true_survival(DEFAULT, size=size, channel=channel, term=term)[24]
        for size in SIZES
        for channel in CHANNELS
        for term in (1, 12)
    }
    assert at["1–19", "Paid search", 1] < at["1–19", "Inbound", 1] < at["1–19", "Partner", 1]
    assert at["1–19", "Inbound", 1] < at["1–19", "Inbound", 12]
    assert at["1–19", "Inbound", 12] < at["500+", "Inbound", 12]
    assert at["20–99", "Inbound", 1] == at["20–99", "Events", 1] == at["20–99", "Outbound", 1]


def test_annual_truth_falls_at_renewals_only():
    """Nobody who signed an annual contract can leave before its end."""
    assert true_survival(DEFAULT, size="20–99", channel="Inbound", term=12)[:12] == pytest.approx(1.0, abs=1e-12)
    plain = replace(NULL, renewal_voluntary=(0.15,) * 4, renewal_involuntary=(0.012,) * 4, to_monthly=0.025)
    curve = true_survival(plain, size="20–99", channel="Inbound", term=12)
    assert curve[:12] == pytest.approx(1.0, abs=1e-12)
    assert curve[12] == pytest.approx(0.85 * 0.988)
    # only those who went monthly at the first renewal can leave between the first and the second
    between = curve[13:24]
    assert between.min() > curve[12] * (1 - plain.to_monthly * 0.5)
