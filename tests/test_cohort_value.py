"""New accounts: revenue by age and payback by hand, decisions counted by term, projections that know their limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from customer_value.errors import DataError, SettingsError
from customer_value.marts.acquired import ALLOCATED, RECORDED
from customer_value.strategy.answers import cohort_value as said
from customer_value.strategy.answers import retention_projection as staying
from customer_value.strategy.established import cohort_value as established
from customer_value.strategy.wording import Words
from customer_value.studies import cohort_value as study
from customer_value.studies.cohort_value.terms import by_term
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")
QUICK = study.Reach(replicates=40)
AS_OF = "2025-01-31"


def company(folder, *, n=120, cost=lambda i: 250 + 10 * (i % 7), further=None, seed=7, **more):
    """Accounts that start over two years, monthly and annual, some of which leave at a decision; and their cost."""
    rng = np.random.default_rng(seed)
    rows, customers = [], []
    for i in range(n):
        start = pd.Timestamp("2023-02-01") + pd.DateOffset(months=int(i * 22 / n))
        term = 12 if i % 3 == 0 else 1
        lives = 12 * rng.geometric(0.25) if term == 12 else rng.geometric(0.06)
        end = start + pd.DateOffset(months=int(lives))
        rows.append(
            {
                "customer_id": f"c{i:03d}",
                "start_date": str(start.date()),
                "end_date": str(end.date()) if end <= pd.Timestamp(AS_OF) else None,
                "mrr": 20 + 5 * (i % 9),
                "billing_months": term,
            }
        )
        customers.append(
            {
                "customer_id": f"c{i:03d}",
                "channel": ("web", "fair")[i % 2],
                "health": "green",
                "acquisition_cost": cost(i),
            }
        )
    return build_marts(
        folder,
        subscriptions=rows,
        customers=customers,
        as_of=AS_OF,
        observed_from="2023-01-01",
        attributes={"channel": {"label": "Acquisition channel"}, "health": {"known_at": "current"}},
        further=further,
        **more,
    ), pd.DataFrame(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def marts(made):
    return made[0]


def by_hand(rows, *, last=23):
    """Revenue of each account in each month of age, by walking the calendar; NaN where the month is not over."""
    amounts = np.full((len(rows), last), np.nan)
    for place, row in enumerate(rows.itertuples()):
        start = pd.Timestamp(row.start_date)
        end = pd.Timestamp(row.end_date) if row.end_date else pd.Timestamp.max
        for month in range(last):
            if start + pd.DateOffset(months=month + 1) <= pd.Timestamp(AS_OF):
                amounts[place, month] = row.mrr if start + pd.DateOffset(months=month) < end else 0.0
    return amounts


class TestMoney:
    def test_revenue_counts_all_ever_won_and_no_month_that_is_not_over(self, made) -> None:
        marts, rows = made
        found = study.brought_in(marts).table
        curve = found[(found["part"] == "brought_in") & (found["age"] > 0)]
        expected = np.nancumsum(np.nanmean(by_hand(rows)[:, : len(curve)], axis=0))
        assert curve["estimate"].tolist() == pytest.approx(expected)
        assert curve["n"].tolist() == (~np.isnan(by_hand(rows))).sum(axis=0)[: len(curve)].tolist()
        assert curve["n"].min() >= 30

    def test_payback_is_where_revenue_reaches_the_mean_cost(self, made) -> None:
        marts, rows = made
        table = study.economics(marts).where(attribute="all").table.set_index("metric")
        cost = np.mean([250 + 10 * (i % 7) for i in range(len(rows))])
        mean = np.nanmean(by_hand(rows), axis=0)
        whole = np.cumsum(mean)
        month = int(np.argmax(whole >= cost))
        assert table.loc["cost", "estimate"] == pytest.approx(cost)
        assert table.loc["multiple", "estimate"] == pytest.approx(whole[11] / cost)
        assert table.loc["payback", "estimate"] == pytest.approx(month + (cost - whole[month - 1]) / mean[month])
        assert table.loc["payback", "low"] < table.loc["payback", "estimate"] < table.loc["payback", "high"]

    def test_a_margin_makes_payback_later_and_is_checked(self, marts) -> None:
        key = {"attribute": "all", "level": "all", "metric": "payback"}
        whole, part = (study.economics(marts, basis=study.Basis(margin=m)).row(**key)["estimate"] for m in (1.0, 0.7))
        assert part > whole / 0.7 * 0.95
        with pytest.raises(SettingsError, match="gross margin"):
            study.Basis(margin=70)

    def test_never_repaid_is_an_answer_with_its_lower_limit(self, marts) -> None:
        basis = study.Basis(margin=0.02)
        found = study.economics(marts, basis=basis)
        row = found.row(attribute="all", level="all", metric="payback")
        assert np.isnan(row["estimate"])
        assert row["low"] == row["followed_to"]
        assert "has not repaid" in said.headline(found, age=12, words=WORDS)
        # Some are followed for longer than enough are: of them the text claims nothing.
        text = said.detail(found, age=12, margin=0.02, as_of=None, words=WORDS)
        assert "observed in enough accounts the cost is not repaid" in text
        assert "not within" in said.groups(found, words=WORDS).table["payback"].iloc[0]
        assert "does not reach" in said.payback_caption(
            study.brought_in(marts, basis=basis), found, margin=0.02, words=WORDS
        )

    def test_cells_of_a_cohort_follow_one_set_of_accounts(self, made) -> None:
        marts, rows = made
        found = study.by_cohort(marts, grain="half", min_group=20).table
        began = pd.to_datetime(rows["start_date"])
        mine = (began < "2023-07-01").to_numpy()
        expected = np.cumsum(by_hand(rows)[mine].mean(axis=0))
        cells = found[found["cohort"] == "2023 H1"].set_index("age")["estimate"]
        # The youngest of the cohort began in June: what is not observed of it is blank.
        assert cells.index.max() == 19
        assert cells.loc[19] == pytest.approx(expected[18])
        multiples = study.by_cohort(marts, metric="multiple", grain="half", min_group=20).table
        costs = np.array([250 + 10 * (i % 7) for i in range(len(rows))])[mine]
        at = multiples[(multiples["cohort"] == "2023 H1") & (multiples["age"] == 12)]["estimate"].iloc[0]
        assert at == pytest.approx(expected[11] / costs.mean())

    def test_small_cohorts_are_pooled_and_say_so(self, marts) -> None:
        found = study.by_cohort(marts, grain="month")
        assert any("pooled by" in note for note in found.notes)
        with pytest.raises(SettingsError, match="grain must be one of"):
            study.by_cohort(marts, grain="week")


@pytest.fixture(scope="module")
def partly(tmp_path_factory):
    """A company that wrote down what three in four accounts cost; those of one channel cost more than twice as much."""
    cost = lambda i: None if i % 4 == 0 else (200 if i % 2 else 500)  # noqa: E731
    return company(tmp_path_factory.mktemp("partly"), cost=cost, n=160)


@pytest.fixture(scope="module")
def spending(tmp_path_factory):
    """A company that only knows what it spent in all, by month and channel."""
    months = pd.date_range("2023-02-01", "2024-12-01", freq="MS")
    spent = [
        {"month": str(day.date()), "category": category, "amount": amount, "attribute": channel}
        for day in months
        for category, channel, amount in (("Marketing", "web", 700), ("sales", "fair", 900), ("hosting", None, 400))
    ]
    folder = tmp_path_factory.mktemp("spending")
    return company(folder, cost=lambda i: None, further={"costs": spent})[0]


class TestCosts:
    def test_unknown_costs_are_counted_and_left_out(self, partly) -> None:
        marts, rows = partly
        table = study.economics(marts).where(attribute="all").table.set_index("metric")
        assert table.loc["revenue", "n"] == 160
        assert table.loc["cost", "n"] == 120
        kept = np.arange(160) % 4 != 0
        cost = np.where(np.arange(160) % 2, 200, 500)[kept].mean()
        expected = np.cumsum(np.nanmean(by_hand(rows)[kept], axis=0))[11] / cost
        assert table.loc["multiple", "estimate"] == pytest.approx(expected)
        text = said.who(study.economics(marts), study.brought_in(marts), source=RECORDED, margin=1.0, words=WORDS)
        assert "not recorded for 40 accounts" in text

    def test_spending_is_shared_out_among_those_it_won(self, spending) -> None:
        found = study.accounts(spending, study.Basis())
        assert found.source == ALLOCATED
        # Every cohort has accounts of both channels, so all that was spent on winning them is theirs, hosting is not.
        months = pd.date_range("2023-02-01", "2024-12-01", freq="MS")
        quarters = pd.PeriodIndex(months, freq="Q").isin(pd.PeriodIndex(found.table["cohort_month"], freq="Q"))
        assert found.cost.sum() == pytest.approx(1_600 * quarters.sum())
        per_channel = pd.Series(found.cost).groupby(found.table["channel"].to_numpy()).sum()
        assert per_channel["fair"] / per_channel["web"] == pytest.approx(9 / 7)
        text = said.who(study.economics(spending), study.brought_in(spending), source=ALLOCATED, margin=1, words=WORDS)
        assert "its share of" in text
        assert 0.1 < study.served(spending, service="hosting") < 1

    def test_without_any_cost_revenue_is_shown_and_what_is_missing_said(self, spending) -> None:
        basis = study.Basis(categories=("gifts",))
        found = study.economics(spending, basis=basis)
        assert np.isfinite(found.row(attribute="all", level="all", metric="revenue")["estimate"])
        assert set(study.brought_in(spending, basis=basis).table["part"]) == {"brought_in"}
        assert "acquisition_cost" in said.no_costs("", found, words=WORDS)
        assert "brings in" in said.headline(found, age=12, words=WORDS)
        kinds = {each.kind for each in established.economics(found, age=12, words=WORDS)}
        assert kinds == {"estimate", "not_studied"}
        assert study.contrasts(spending, basis=basis).table["estimate"].isna().all()


class TestGroups:
    def test_a_contrast_is_the_ratio_of_two_multiples_and_all_are_recorded(self, marts) -> None:
        found = study.contrasts(marts, by=["channel"])
        row = found.row(attribute="channel", level="fair")
        sides = study.economics(marts, by=["channel"]).where(attribute="channel", metric="multiple").table
        sides = sides.set_index("level")["estimate"]
        assert row["estimate"] == pytest.approx(sides["fair"] / sides["web"])
        # The other of two is its mirror image.
        assert len(found.table) == 1
        records = established.contrasts(study.contrasts(marts), age=12, words=WORDS)
        assert len(records) == len(study.contrasts(marts).table)
        assert {each.design for each in records} == {"C"}
        assert {each.area for each in records if "channel" in each.id} == {"marketing_spend"}

    def test_an_effect_is_found(self, partly) -> None:
        found = study.contrasts(partly[0], by=["channel"], min_group=20)
        assert found.table["p_adjusted"].iloc[0] < 0.001
        assert "times the others" in said.contrasts(found, age=12, words=WORDS)

    def test_what_is_known_only_now_is_barred(self, marts) -> None:
        found = study.economics(marts, by=["health"])
        assert found.table["attribute"].unique().tolist() == ["all"]
        assert "Health" in found.notes[0]

    def test_small_groups_show_their_number_only(self, marts) -> None:
        found = study.economics(marts, by=["channel"], min_group=100)
        assert found.where(attribute="channel").table["estimate"].isna().all()
        assert np.isfinite(found.row(attribute="all", level="all", metric="cost")["estimate"])


class TestTerms:
    def test_an_annual_contract_is_counted_by_its_decisions(self, tmp_path) -> None:
        rows = [
            {"customer_id": f"a{i}", "start_date": "2021-03-10", "end_date": end, "billing_months": 12}
            for i, end in enumerate(["2022-03-10", "2023-03-10", "2023-07-01", None, None])
        ]
        rows += [{"customer_id": "late", "start_date": "2023-12-10", "end_date": "2024-06-01", "billing_months": 12}]
        annual = build_marts(tmp_path, subscriptions=rows, as_of="2024-03-31", observed_from="2021-01-01")
        (term,) = by_term(annual, confidence=0.95, min_group=1).terms
        assert term.months == 12
        # Five come to the first decision and one ends; of four one ends at the second; the end in July counts at the
        # third, in March 2024. The late one has not come to a decision yet.
        assert term.counts["at_risk"].tolist() == [5, 4, 3]
        assert term.counts["events"].tolist() == [1, 1, 1]

    def test_terms_are_projected_apart_and_combined_by_share(self, marts) -> None:
        found = study.projection(marts, reach=QUICK, min_group=10).table
        at = found[(found["age"] == 12) & (found["part"] == "observed")].set_index("group")["estimate"]
        shares = {term.name: term.share for term in by_term(marts, confidence=0.95, min_group=10).terms}
        assert shares == pytest.approx({"monthly": 80 / 120, "annual": 40 / 120})
        assert at["all"] == pytest.approx(sum(share * at[name] for name, share in shares.items()))


@pytest.fixture(scope="module")
def falling(tmp_path_factory):
    """Tenures of accounts whose own rates differ, so that the group's falls with age."""
    rng = np.random.default_rng(3)
    lives = rng.geometric(rng.beta(0.7, 12, 3_000))
    seen = rng.integers(1, 31, 3_000)
    flat = [
        {"customer_id": f"f{i}", "tenure": int(min(life, limit)), "churned": bool(life <= limit)}
        for i, (life, limit) in enumerate(zip(lives, seen, strict=True))
    ]
    return build_marts(tmp_path_factory.mktemp("falling"), flat=flat, observation="followed_from_start")


class TestProjection:
    def test_constant_churn_understates_how_long_accounts_stay(self, falling) -> None:
        found = study.projection(falling, reach=QUICK).table
        end = found["age"].max()
        last = found[found["age"] == end].set_index("part")
        truth = float(np.mean((1 - np.random.default_rng(9).beta(0.7, 12, 200_000)) ** end))
        assert last.loc["projected", "low"] < truth < last.loc["projected", "high"]
        assert last.loc["constant", "estimate"] < truth - 0.15
        stays = study.lifetimes(falling, reach=QUICK)
        assert (stays.table["constant"] < stays.table["low"]).all()
        words = staying.stay(study.projection(falling, reach=QUICK), stays, reading="followed", words=WORDS)
        assert "understates how long accounts stay" in words

    def test_the_shape_used_did_best_on_the_ages_held_out(self, falling) -> None:
        tests = study.back_test(falling, reach=QUICK).table
        assert tests["used"].tolist() == [True, False, False, False, False]
        assert tests["estimate"].is_monotonic_increasing
        assert tests.set_index("shape").loc["exponential", "estimate"] > 3 * tests["estimate"].iloc[0]
        assert (tests["fitted_to"] < tests["judged_to"]).all()

    def test_nothing_is_projected_beyond_the_stated_multiple(self, falling) -> None:
        table = study.projection(falling, reach=QUICK).table
        seen = table.loc[table["part"] == "observed", "age"].max()
        assert table["age"].max() == 2 * seen
        less = study.projection(falling, reach=replace(QUICK, multiple=1.5)).table
        assert less["age"].max() == int(1.5 * seen)
        short = study.projection(falling, reach=replace(QUICK, horizon=seen + 3)).table
        assert short["age"].max() == seen + 3
        with pytest.raises(SettingsError, match="multiple of 1 or more"):
            study.Reach(multiple=0.5)

    def test_months_stayed_are_the_area_under_the_curve(self, falling) -> None:
        table = study.projection(falling, reach=QUICK).table
        whole = table[table["part"].isin(["observed", "projected"])].drop_duplicates("age").set_index("age")["estimate"]
        stays = study.lifetimes(falling, reach=QUICK)
        horizon = int(whole.index.max())
        assert stays.row(group="all", from_age=0)["estimate"] == pytest.approx(whole.loc[: horizon - 1].sum())
        further = whole.loc[12 : horizon - 1].sum() / whole.loc[12]
        assert stays.row(group="all", from_age=12)["estimate"] == pytest.approx(further)

    def test_too_few_decisions_are_not_projected(self, marts) -> None:
        found = study.projection(marts, reach=QUICK, min_group=10)
        # Two years hold one decision of an annual contract whole, so the mix is not projected either.
        assert set(found.table["group"]) == {"all", "monthly", "annual"}
        assert "projected" not in set(found.where(group="all").table["part"])
        assert "Not projected: annual" in " ".join(found.notes)
        stays = study.lifetimes(marts, reach=QUICK, min_group=10)
        assert "Not projected" in staying.stay(found, stays, reading="followed", words=WORDS)
        assert staying.on_trial(found).table.empty

    def test_a_flat_table_projects_and_says_what_money_needs(self, falling) -> None:
        headline, detail = staying.only_stay(study.projection(falling, reach=QUICK), reading="undeclared", words=WORDS)
        assert headline.startswith("Projected to")
        assert detail.startswith("This may not be retention")
        assert "needs a table of `subscriptions`" in detail
        with pytest.raises(DataError, match="dates on which they pay"):
            study.economics(falling)


WORLDS = {
    "a cohort of one": [{"start_date": "2023-02-01"}],
    "no churn": [{"start_date": f"2023-{2 + i % 10:02d}-01"} for i in range(60)],
}


@pytest.mark.parametrize("name", WORLDS)
def test_odd_companies_get_answers(name, tmp_path) -> None:
    rows = [{"customer_id": f"o{i}", "billing_months": 1, **row} for i, row in enumerate(WORLDS[name])]
    customers = [{"customer_id": row["customer_id"], "acquisition_cost": 300} for row in rows]
    marts = build_marts(tmp_path, subscriptions=rows, customers=customers, as_of=AS_OF, observed_from="2023-01-01")
    projected, stayed = study.projection(marts, reach=QUICK), study.lifetimes(marts, reach=QUICK)
    economics, brought_in = study.economics(marts), study.brought_in(marts)
    texts = [
        said.headline(economics, age=12, words=WORDS),
        said.detail(economics, age=12, margin=1.0, as_of=marts.meta.as_of, words=WORDS),
        said.payback_caption(brought_in, economics, margin=1.0, words=WORDS),
        staying.stay(projected, stayed, reading="followed", words=WORDS),
        staying.check(study.back_test(marts, reach=QUICK), words=WORDS),
        said.contrasts(study.contrasts(marts), age=12, words=WORDS),
    ]
    assert not any("nan" in text.split() or "not known" in text for text in texts), texts
    end = projected.table[projected.table["part"] == "projected"]
    if name == "no churn":
        # Nobody has left, which is no proof that nobody will.
        assert end["estimate"].iloc[-1] == pytest.approx(1, abs=1e-6)
        assert end["low"].iloc[-1] < 0.99


def test_a_later_future_and_another_order_change_nothing(made, tmp_path) -> None:
    marts, rows = made
    more = [*rows.to_dict("records")[::-1], {"customer_id": "new", "start_date": "2025-02-03"}]
    customers = [
        {"customer_id": f"c{i:03d}", "channel": ("web", "fair")[i % 2], "acquisition_cost": 250 + 10 * (i % 7)}
        for i in reversed(range(120))
    ]
    again = build_marts(
        tmp_path,
        subscriptions=more,
        customers=customers,
        as_of=AS_OF,
        observed_from="2023-01-01",
        attributes={"channel": {"label": "Acquisition channel"}},
    )
    for ask in (study.brought_in, study.economics, study.contrasts, study.by_cohort, study.projection):
        pd.testing.assert_frame_equal(ask(marts).table, ask(again).table)
