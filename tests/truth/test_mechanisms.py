"""Each mechanism of the simulated business, switched alone, does what it says and nothing else.

Everything here is reckoned from the tables, without the library's marts and estimators. Worlds start from `NULL`, in
which nothing has an effect.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from customer_value.simulate import DEFAULT, NULL, Simulation, simulate

BASE = ("customers", "subscriptions")
USE = (*BASE, "feature_usage_monthly")


class Panel:
    """Account-months at risk of the first end, and in which months each feature was used."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self.first = pd.Timestamp(world.truth["observed_from"]) + pd.Timedelta(days=1)
        self.months = world.truth["months"]
        customers = world.tables["customers"]
        self.number = pd.Series(np.arange(len(customers)), index=customers["customer_id"])
        self.born = self.month(customers["signup_date"])
        plans = world.tables["subscriptions"].query("kind == 'plan'").sort_values(["customer_id", "start_date"])
        account = plans["customer_id"].map(self.number)
        gap = (plans["start_date"] - plans.groupby("customer_id")["end_date"].shift()).dt.days.fillna(0)
        new_run = (plans["billing_months"] != plans.groupby("customer_id")["billing_months"].shift()) | (gap > 0)
        began = plans.groupby([account, new_run.groupby(account).cumsum()])["start_date"].transform("min")
        first_spell = plans[(gap > 31).groupby(account).cumsum() == 0]
        ends = first_spell.assign(end_date=first_spell["end_date"].fillna(pd.Timestamp("2100-01-01")))
        self.end_day = ends.groupby("customer_id")["end_date"].max().reindex(customers["customer_id"])
        self.end = self.month(self.end_day)
        term = np.zeros((self.months, len(customers)), dtype=int)
        since = np.zeros_like(term)
        start, end = plans["start_date"].to_numpy(), plans["end_date"].fillna(pd.Timestamp("2100-01-01")).to_numpy()
        for month in range(self.months):
            opening = np.datetime64(self.first + pd.DateOffset(months=month)) - np.timedelta64(1, "D")
            held = (start <= opening) & (end > opening)
            term[month, account[held]] = plans["billing_months"].to_numpy()[held]
            since[month, account[held]] = month - self.month(began)[held]
        month, who = np.nonzero(term)
        kept = month <= self.end[who]
        month, who = month[kept], who[kept]
        self.rows = pd.DataFrame(
            {
                "month": month,
                "account": who,
                "age": month - self.born[who],
                "annual": term[month, who] == 12,
                "since": since[month, who],
                "left": self.end[who] == month,
            }
        )

    def month(self, days: pd.Series) -> np.ndarray:
        return ((days.dt.year - self.first.year) * 12 + days.dt.month - self.first.month).to_numpy()

    def used(self, feature: str) -> np.ndarray:
        """Month × account."""
        rows = self.world.tables["feature_usage_monthly"].query("feature == @feature")
        grid = np.zeros((self.months, len(self.number)), dtype=bool)
        grid[self.month(rows["month"]), rows["customer_id"].map(self.number)] = True
        return grid

    def log_ratio(self, feature: str, lag: int) -> tuple[float, float]:
        """Log hazard ratio of regular use at this lag and its standard error, by a complementary log-log fit.

        The baseline is that of the contract: monthly accounts, and annual ones in the months in which they decide.
        """
        rows, used = self.rows, self.used(feature)
        back = [lag + 1, lag + 2, lag + 3]
        months = rows["month"].to_numpy()
        seen = (months >= lag + 3) & (rows["age"].to_numpy() >= lag + 3)
        seen &= ~rows["annual"].to_numpy() | (rows["since"].to_numpy() % 12 == 0)
        share = np.mean([used[np.maximum(months - one, 0), rows["account"]] for one in back], axis=0)
        cells = rows[seen].assign(share=share[seen]).groupby(["share", "annual"])["left"].agg(["sum", "size"])
        cells = cells.reset_index()
        design = sm.add_constant(cells[["share", "annual"]].astype(float))
        family = sm.families.Binomial(sm.families.links.CLogLog())
        fit = sm.GLM(np.c_[cells["sum"], cells["size"] - cells["sum"]], design, family=family).fit()
        return fit.params["share"], fit.bse["share"]


def leaving_within(panel: Panel, accounts: np.ndarray, month: np.ndarray, months: int = 6) -> np.ndarray:
    """Whether each account leaves in the months after this one; to be asked only where these have been observed."""
    return (panel.end[accounts] > month) & (panel.end[accounts] <= month + months)


def difference(outcome: np.ndarray, group: np.ndarray) -> float:
    """Share in the group minus share outside, in standard errors."""
    inside, outside = outcome[group], outcome[~group]
    spread = np.sqrt(inside.mean() * (1 - inside.mean()) / len(inside) + outside.mean() * (1 - outside.mean())
                     / len(outside))  # fmt: skip
    return (inside.mean() - outside.mean()) / spread


def with_effect(feature: str, **effect: float):
    items = [replace(one, **effect) if one.name == feature else one for one in NULL.features.items]
    return replace(NULL, features=replace(NULL.features, items=tuple(items)))


@pytest.fixture(scope="module")
def null() -> Panel:
    return Panel(simulate(accounts=6_000, seed=21, parameters=NULL, tables=USE))


# --- the null world ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["size", "channel", "industry", "region", "owner", "plan", "term"])
def test_null_world_has_no_association_with_leaving(null, attribute):
    """A year's retention of all who were customers, by attribute: chi-square no stranger than one in a thousand."""
    plans = null.world.tables["subscriptions"].query("kind == 'plan'").sort_values("start_date")
    first = plans.groupby("customer_id").first()
    known = null.world.tables["customers"].set_index("customer_id")
    known = known.assign(plan=first["product"], term=first["billing_months"])
    p = []
    for opening in (0, 12, 24):
        base = null.rows.query("month == @opening")["account"].to_numpy()
        base = base[null.end[base] >= opening]
        table = pd.crosstab(known[attribute].to_numpy()[base], null.end[base] < opening + 12)
        p.append(stats.chi2_contingency(table)[1])
    assert min(p) > 1e-3 / 3


def test_null_world_has_no_association_with_growing(null):
    """Net revenue retention of the large and the small differs by no more than chance."""
    rows = null.world.tables["subscriptions"]
    size = null.world.tables["customers"].set_index("customer_id")["size"]

    def at(day: pd.Timestamp) -> pd.Series:
        return rows[(rows["start_date"] <= day) & ~(rows["end_date"] <= day)].groupby("customer_id")["mrr"].sum()

    opening = null.first + pd.DateOffset(months=12)
    start, close = at(opening), at(opening + pd.DateOffset(months=12))
    change = np.minimum(close.reindex(start.index).fillna(0) / start, 3)
    groups = [values for _, values in change.groupby(size.reindex(start.index))]
    assert stats.kruskal(*groups).pvalue > 1e-3


def test_null_features_are_null_at_every_lag(null):
    strange = [
        (one.name, lag, log_ratio / error)
        for one in NULL.features.items
        if one.kind != "table stakes"
        for lag in (1, 3)
        for log_ratio, error in [null.log_ratio(one.name, lag)]
        if abs(log_ratio) > 4 * error
    ]
    assert not strange


# --- features ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("feature", "ratio"), [("Automation", 0.5), ("Bulk export", 1.8)])
def test_effect_of_regular_use_is_recovered(feature, ratio):
    """By the same lag and window, from the use that the tables show."""
    parameters = with_effect(feature, leaving=np.log(ratio))
    panel = Panel(simulate(accounts=6_000, seed=22, parameters=parameters, tables=USE))
    log_ratio, error = panel.log_ratio(feature, 3)
    assert error < 0.12
    assert abs(log_ratio - np.log(ratio)) < 3 * error
    assert abs(log_ratio) > 4 * error


def test_effect_on_growing_is_there_and_only_there():
    parameters = with_effect("API", growing=np.log(2.0))
    world = simulate(accounts=4_000, seed=23, parameters=parameters, tables=USE)
    panel = Panel(world)
    rows = world.tables["subscriptions"]
    before = rows.groupby("customer_id")[["end_date", "quantity"]].shift()
    grew = rows[(before["end_date"] == rows["start_date"]) & (rows["quantity"] > before["quantity"])]
    month, account = panel.month(grew["start_date"]), grew["customer_id"].map(panel.number).to_numpy()
    seen = (month >= 6) & (month - panel.born[account] >= 6)
    used = panel.used("API")
    share = np.mean([used[np.maximum(month - back, 0), account] for back in (4, 5, 6)], axis=0)[seen]
    at_risk = panel.rows.query("month >= 6 and age >= 6")
    of_risk = np.mean([used[at_risk["month"] - back, at_risk["account"]] for back in (4, 5, 6)], axis=0)
    ratio = ((share == 1).sum() / (of_risk == 1).sum()) / ((share == 0).sum() / (of_risk == 0).sum())
    assert 1.7 < ratio < 2.3
    log_ratio, error = panel.log_ratio("API", 3)
    assert abs(log_ratio) < 4 * error


def test_survivors_adopt_what_does_nothing(null):
    """Immortal time: of a null feature adopted late, those who ever had it retain far better; of one adopted at once,
    those who had it in their first month do not."""
    new = np.flatnonzero((null.born >= 0) & (null.born < 12))
    gone = null.end[new] < null.months
    late = null.used("Single sign-on")[:, new].any(axis=0)
    assert gone[~late].mean() - gone[late].mean() > 0.10
    at_once = null.used("Reports")[np.minimum(null.born[new] + 1, null.months - 1), new]
    assert abs(difference(gone, at_once)) < 3.5


def test_table_stakes_are_used_by_nearly_everybody(null):
    aged = null.rows.query("age >= 3 and month >= 3")
    ever = null.used("Dashboard").any(axis=0)
    assert ever[aged["account"].unique()].mean() > 0.97


# --- wind-down -----------------------------------------------------------------------------------------------------


def test_use_falls_before_an_end_and_only_then(null):
    """Two worlds with the same lives: with wind-down, leavers use less in the last two to three months, not before."""
    wound = Panel(simulate(accounts=6_000, seed=21, parameters=replace(NULL, wind_down=DEFAULT.wind_down), tables=USE))
    pd.testing.assert_frame_equal(wound.world.tables["subscriptions"], null.world.tables["subscriptions"])
    chosen = null.world.tables["subscriptions"].query("end_kind == 'voluntary' and end_reason != 'Paused'")
    last = chosen.groupby("customer_id")["end_date"].max().reindex(null.number.index)
    leavers = np.flatnonzero((null.end < null.months) & (null.end - null.born > 8) & (null.end > 8)
                             & (last == null.end_day).to_numpy())  # fmt: skip

    def share(panel: Panel, feature: str, back: int) -> float:
        return panel.used(feature)[null.end[leavers] - back, leavers].mean()

    for feature in ("Comments", "Shared spaces"):
        assert share(wound, feature, 1) < 0.4 * share(null, feature, 1)
        assert share(wound, feature, 2) < 0.7 * share(null, feature, 2)
        assert share(wound, feature, 3) < share(null, feature, 3)
        for back in (4, 5, 6):  # what lag 3 reads is untouched
            assert share(wound, feature, back) == share(null, feature, back)
        assert share(null, feature, 1) > 0.9 * share(null, feature, 5)
    assert share(wound, "Reports", 1) == share(null, "Reports", 1), "a feature that does not wind down"
    log_ratio, error = wound.log_ratio("Comments", 1)
    assert log_ratio < -5 * error, "at lag 1 a null looks protective"
    log_ratio, error = wound.log_ratio("Comments", 3)
    assert abs(log_ratio) < 3.5 * error


# --- health, shocks, onboarding, calls -------------------------------------------------------------------------------


def test_unobserved_health_links_what_does_nothing():
    health = replace(NULL.health, leaving=-1.0, adoption=1.0, use=1.5)
    panel = Panel(simulate(accounts=4_000, seed=24, parameters=replace(NULL, health=health), tables=USE))
    log_ratio, error = panel.log_ratio("Reports", 3)
    assert log_ratio < -4 * error


def test_shocks_move_all_accounts_together(null):
    """Ends a month vary as a Poisson number without shocks, far more with them, and where the truth says."""

    def dispersion(panel: Panel) -> tuple[float, np.ndarray]:
        ends = panel.rows.groupby("month")["left"].sum().to_numpy().astype(float)
        able = panel.rows[~panel.rows["annual"] | (panel.rows["since"] % 12 == 0)].groupby("month").size().to_numpy()
        expected = able * ends.sum() / able.sum()
        return float(((ends - expected) ** 2 / expected).sum() / (len(ends) - 1)), ends / able

    shocked = Panel(simulate(accounts=6_000, seed=21, parameters=replace(NULL, shock_sd=0.4), tables=BASE))
    assert dispersion(null)[0] < 2
    factor, rate = dispersion(shocked)
    assert factor > 3
    assert np.corrcoef(np.log(rate), np.log(list(shocked.world.truth["shocks"].values())))[0, 1] > 0.8


def test_onboarding_within_a_month_keeps_accounts():
    for effect, found in ((np.log(0.4), True), (0.0, False)):
        parameters = replace(NULL, onboarding=replace(NULL.onboarding, leaving=effect))
        panel = Panel(simulate(accounts=6_000, seed=25, parameters=parameters, tables=(*BASE, "milestones")))
        done = panel.world.tables["milestones"].query("milestone == 'Onboarding completed'")
        days = done.set_index("customer_id")["reached_at"].reindex(panel.number.index)
        days = days - panel.world.tables["customers"].set_index("customer_id")["signup_date"]
        new = np.flatnonzero((panel.born >= 0) & (panel.born < 24) & (panel.end > panel.born + 1))
        quick = (days.dt.days <= 30).to_numpy()[new]
        apart = difference(leaving_within(panel, new, panel.born[new] + 1, 12), quick)
        assert (apart < -4) if found else (abs(apart) < 3.5)


def test_calls_go_to_the_sick_and_look_harmful():
    """Without an effect, those who were called leave more; without confounding, a call that helps is seen to help."""
    sick = replace(NULL, health=replace(NULL.health, leaving=-0.7))
    fair = replace(NULL, interventions=replace(NULL.interventions, by_health=0.0, leaving=np.log(0.4)))
    idle = replace(fair, interventions=replace(fair.interventions, leaving=0.0))
    for parameters, low, high in ((sick, 4.0, 99.0), (fair, -99.0, -3.0), (idle, -3.5, 3.5)):
        panel = Panel(simulate(accounts=4_000, seed=26, parameters=parameters, tables=(*BASE, "interventions")))
        calls = panel.world.tables["interventions"]
        called = np.zeros((panel.months, len(panel.number)), dtype=bool)
        called[panel.month(calls["started_on"]), calls["customer_id"].map(panel.number)] = True
        rows = panel.rows.query("month < @panel.months - 6 and age >= 1")
        month, account = rows["month"].to_numpy(), rows["account"].to_numpy()
        stays = panel.end[account] > month
        month, account = month[stays], account[stays]
        apart = difference(leaving_within(panel, account, month), called[month, account])
        assert low < apart < high


# --- satisfaction --------------------------------------------------------------------------------------------------

ASKED = (*BASE, "nps_responses", "surveys_sent")


def later(panel: Panel, *, survey: str = "Relationship") -> tuple[np.ndarray, np.ndarray]:
    """Scores, and whether the account left in the six months after the answer's."""
    answers = panel.world.tables["nps_responses"].query("survey == @survey")
    answers = answers[answers["customer_id"].isin(panel.number.index)]
    account, month = answers["customer_id"].map(panel.number).to_numpy(), panel.month(answers["responded_at"])
    seen = (month < panel.months - 6) & (panel.end[account] > month)
    return answers["score"].to_numpy()[seen], leaving_within(panel, account[seen], month[seen])


def test_the_dissatisfied_leave_where_satisfaction_counts():
    for effect, low, high in ((-0.8, 4.0, 99.0), (0.0, -3.5, 3.5)):
        parameters = replace(NULL, satisfaction=replace(NULL.satisfaction, leaving=effect))
        score, left = later(Panel(simulate(accounts=5_000, seed=27, parameters=parameters, tables=ASKED)))
        assert low < difference(left, score <= 6) < high


def test_response_is_biased_and_can_be_fair():
    """The same people are asked; where the dissatisfied answer less, the answers' mean is higher."""
    fair = replace(NULL.surveys, by_satisfaction=0.0, by_activity=0.0)
    means = {}
    for name, parameters in (("biased", NULL), ("fair", replace(NULL, surveys=fair))):
        world = simulate(accounts=3_000, seed=28, parameters=parameters, tables=ASKED)
        answers = world.tables["nps_responses"].query("survey == 'Relationship'")
        means[name] = (answers["score"].mean(), answers["score"].std() / np.sqrt(len(answers)))
        sent = world.tables["surveys_sent"].query("survey == 'Relationship'")
        assert 0.2 < len(answers) / len(sent) < 0.5
    assert means["biased"][0] - means["fair"][0] > 6 * np.hypot(means["biased"][1], means["fair"][1])
    assert NULL.surveys == DEFAULT.surveys


def test_answers_at_the_exit_know_the_end():
    """They come from leavers only, on or after the end, and are low: perfect and useless as a predictor."""
    panel = Panel(simulate(accounts=2_000, seed=29, parameters=DEFAULT, tables=ASKED))
    plans = panel.world.tables["subscriptions"].query("kind == 'plan'")
    ends = plans[plans["end_kind"].notna()].groupby("customer_id")["end_date"].min()
    answers = panel.world.tables["nps_responses"].query("survey == 'Exit'")
    answers = answers[answers["customer_id"].isin(panel.number.index)]
    assert len(answers) > 50
    assert (answers["responded_at"] >= ends.reindex(answers["customer_id"]).to_numpy()).all()
    assert answers["score"].mean() < 5
    assert panel.world.tables["nps_responses"].query("survey == 'Relationship'")["score"].mean() > 7


# --- one stream a mechanism -----------------------------------------------------------------------------------------


def test_switching_what_tells_nothing_about_leaving_changes_nothing_else():
    """Surveys, blemishes, bills and the kinds of tickets draw from streams of their own."""
    tables = ("subscriptions", "feature_usage_monthly", "support_tickets", "milestones", "invoices")
    plain = simulate(accounts=200, months=12, seed=3, parameters=NULL, tables=tables)
    other = replace(
        NULL, surveys=replace(NULL.surveys, response=0.9, csat=0.9), money=replace(NULL.money, acquisition=(1.0,) * 5)
    )
    again = simulate(accounts=200, months=12, seed=3, parameters=other, tables=[*tables, "nps_responses", "costs"])
    for name in tables:
        pd.testing.assert_frame_equal(plain.tables[name], again.tables[name])


def test_an_effect_that_is_switched_leaves_the_people_alone():
    one = simulate(accounts=300, months=12, seed=3, parameters=NULL, tables=BASE)
    other = simulate(accounts=300, months=12, seed=3, parameters=replace(NULL, shock_sd=0.5), tables=BASE)
    new = [w.tables["customers"].query("signup_date > @w.truth['observed_from']") for w in (one, other)]
    shared = ["signup_date", "industry", "channel", "region", "size", "referred"]
    pd.testing.assert_frame_equal(*(table[shared].reset_index(drop=True) for table in new))
