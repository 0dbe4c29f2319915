"""Expansion and contraction: a company worked by hand, slow loops beside it, what misleads, what is barely there."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from customer_value import figures
from customer_value.errors import SettingsError
from customer_value.marts import downgrades, growth, plan_use
from customer_value.stats import grouped_hazards
from customer_value.stats.jackknife import compare_rates, delete_a_group_rate
from customer_value.stats.ordered_index import concordance, cross_fitted_index
from customer_value.stats.quantiles import quantile
from customer_value.strategy.answers import contraction as cuts
from customer_value.strategy.answers import expansion as answers
from customer_value.strategy.answers import monetisation as fits
from customer_value.strategy.established import expansion as established
from customer_value.strategy.wording import Words
from customer_value.studies import expansion
from customer_value.studies.expansion.aftermath import ANY, FOLLOWED, NAIVE, band_name
from customer_value.studies.expansion.first import BANDS
from marts_fixtures import build_marts

WORDS = Words(currency="GBP")
AS_OF = date(2024, 6, 30)
YEAR = {"start": date(2023, 6, 30), "end": AS_OF}


def seats(key, start, end, count, price, *, product="basic", **more):
    """One row of a plan sold by the seat."""
    row = {"customer_id": key, "start_date": start, "end_date": end, "mrr": price, "product": product}
    return row | {"quantity": count, "unit": "seats", "billing_months": 1} | more


BY_HAND = [
    # Five seats more in March 2023, three fewer in September, gone in February 2024.
    seats("a", "2023-01-15", "2023-03-10", 10, 100),
    seats("a", "2023-03-10", "2023-09-01", 15, 150),
    seats("a", "2023-09-01", "2024-02-01", 12, 120),
    # Leaves in May without.
    seats("b", "2023-02-01", "2023-05-20", 5, 50),
    # Only its prices rise, of plan and add-on.
    seats("c", "2023-02-10", "2023-09-15", None, 10, product="extra", kind="addon", unit=None),
    seats("c", "2023-09-15", None, None, 14, product="extra", kind="addon", unit=None),
    seats("c", "2023-02-10", "2023-08-01", 5, 50),
    seats("c", "2023-08-01", None, 5, 60),
    # Leaves within the month.
    seats("d", "2023-04-05", "2023-04-25", 5, 50),
    # An add-on in July, a dearer plan in October.
    seats("e", "2023-06-01", "2023-10-01", 10, 100),
    seats("e", "2023-07-15", None, None, 30, product="extra", kind="addon", unit=None),
    seats("e", "2023-10-01", None, 10, 200, product="pro"),
    # Comes in the last month: never followed.
    seats("f", "2024-06-10", None, 5, 50),
]
USED = [
    {"customer_id": "a", "month": f"2023-{month:02d}-01", "events": events, "users": users}
    for month, events, users in ((2, 280, 9), (3, 310, 9), (4, 300, 9), (5, 310, 9), (6, 90, 8), (7, 93, 8), (8, 93, 7))
]


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    return build_marts(
        tmp_path_factory.mktemp("hand"),
        subscriptions=BY_HAND,
        as_of=AS_OF,
        observed_from="2022-12-31",
        further={"activity_monthly": USED},
    )


class TestByHand:
    def test_who_was_followed_until_what(self, by_hand) -> None:
        found = growth.followed(by_hand).set_index("customer_id")[["exit", "how"]]
        expected = {"a": (2, "grew"), "b": (3, "left"), "c": (16, None), "d": (1, "left"), "e": (1, "grew")}
        assert {key: tuple(row) for key, row in found.iterrows()} == expected
        again = growth.followed(by_hand, until_first=False).set_index("customer_id")
        # From March to February it is eleven months, from July to October three.
        assert {key: (row["exit"], row["how"]) for key, row in again.iterrows()} == {
            "a": (11, "left"),
            "e": (3, "grew"),
        }

    def test_incidence(self, by_hand) -> None:
        """Five at risk, one leaves and one grows; then three, one grows; then two, one leaves."""
        curves = expansion.incidence(by_hand, min_group=1)
        grew = curves.where(group="expanded").table.set_index("month")["estimate"]
        left = curves.where(group="left first").table.set_index("month")["estimate"]
        assert grew.loc[[0, 1, 2, 3]].tolist() == pytest.approx([0, 1 / 5, 2 / 5, 2 / 5])
        assert left.loc[[0, 1, 2, 3]].tolist() == pytest.approx([0, 1 / 5, 1 / 5, 2 / 5])

    def test_plain_and_as_if_nobody_left(self, by_hand) -> None:
        timing = expansion.timing(by_hand, min_group=1).table.set_index("measure")["estimate"]
        assert timing["naive"] == pytest.approx(2 / 5)
        assert timing["as_if_staying"] == pytest.approx(1 - 4 / 5 * 2 / 3)
        assert timing["again"] == pytest.approx(1 / 2)

    def test_a_price_that_rises_is_no_expansion_unless_asked_for(self, by_hand) -> None:
        how = growth.followed(by_hand, priced=True).set_index("customer_id")
        assert tuple(how.loc["c", ["exit", "how"]]) == (6, "grew")

    def test_size_and_kind(self, by_hand) -> None:
        sizes = expansion.sizes(by_hand, min_group=1)
        assert sizes.row(kind="seats", measure="share")["estimate"] == pytest.approx(0.5)
        assert sizes.row(kind="addon", measure="money")["estimate"] == pytest.approx(30)
        assert sizes.row(kind="all", measure="share")["n"] == 2

    def test_rates(self, by_hand) -> None:
        """At risk: a 13 months, b 3, c 16, e 12; d and f never at a month's opening but d's."""
        rates = expansion.rates(by_hand, min_group=1)
        row = rates.row(attribute="all", level="all", measure="expansion")
        assert (row["events"], row["years"]) == (3, pytest.approx((13 + 3 + 16 + 12) / 12))
        assert row["estimate"] == pytest.approx(3 / (44 / 12))
        assert rates.row(attribute="all", level="all", measure="contraction")["events"] == 1

    def test_contraction_and_what_it_looks_like(self, by_hand) -> None:
        types = expansion.types(by_hand, **YEAR, min_group=1)
        assert types.row(kind="seats")[["events", "accounts", "money"]].tolist() == [1, 1, pytest.approx(30)]
        patterns = expansion.patterns(by_hand, min_group=1).table.set_index("pattern")
        # Six months after it grew, with 8 of 15 seats used; use fell from 10 to 3 a day; it is the first cut.
        assert patterns.loc[["right_sizing", "progressive", "decline", "none"], "events"].tolist() == [1, 0, 1, 0]
        assert patterns["named"].to_dict() == {"right_sizing": 1, "progressive": 0, "decline": 0, "none": 0}

    def test_every_rule_moves_with_its_setting(self, by_hand) -> None:
        def events(**rules):
            found = expansion.patterns(by_hand, rules=expansion.Rules(**rules), min_group=1)
            return found.table.set_index("pattern")["events"]

        assert events(soon=5)["right_sizing"] == 0
        assert events(unused=0.50)["right_sizing"] == 0
        assert events(fall=0.75)["decline"] == 0

    def test_the_month_of_a_cut_still_counts_as_before(self, by_hand) -> None:
        at = downgrades.months_after(by_hand).to_pandas()
        a = at[at["customer_id"] == "a"].sort_values("month")
        assert a["after"].dropna().astype(int).tolist() == [0, 1, 2, 3, 4, 5]
        assert a["churned"].tolist() == [False] * 12 + [True]
        after = a["after"].notna()
        # Size stays what it was before the cut.
        assert a.loc[after, "mrr_before"].unique().tolist() == [150.0]


def company(folder, *, seed, accounts=80, months=30, **more):
    """Seats, plans, add-ons and prices that change at random, with ends; every change on a day of its own."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2022-01-01")
    rows = []
    for number in range(accounts):
        key = f"c{number:03d}"
        day = first + pd.Timedelta(days=int(rng.integers(0, 30 * (months - 2))))
        count, plan, price = int(rng.integers(2, 20)), int(rng.integers(0, 2)), 10.0
        addon = None
        while day < pd.Timestamp(AS_OF):
            until = day + pd.Timedelta(days=int(rng.integers(20, 200)))
            ends = rng.random() < 0.12
            row = seats(key, str(day.date()), str(until.date()), count, count * price * (1 + plan))
            rows.append(row | {"product": ("basic", "pro")[plan], "billing_months": (1, 12)[number % 2]})
            if ends:
                if addon:
                    rows.append(_addon(key, addon, until))
                break
            what = rng.integers(0, 5)
            count = max(1, count + int(rng.integers(-3, 5))) if what < 2 else count
            plan = 1 - plan if what == 2 and rng.random() < 0.5 else plan
            price = price * 1.03 if what == 3 else price
            if what == 4:
                if addon:
                    rows.append(_addon(key, addon, until))
                addon = None if addon else until
            day = until
        else:
            if addon:
                rows.append(_addon(key, addon, pd.Timestamp("2030-01-01")))
    return rows, build_marts(folder, subscriptions=rows, as_of=AS_OF, observed_from="2021-12-31", **more)


def _addon(key, start, end):
    row = {"customer_id": key, "start_date": str(start.date()), "end_date": str(end.date()), "mrr": 40}
    return row | {"product": "extra", "kind": "addon"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return company(tmp_path_factory.mktemp("world"), seed=4)


def loops(rows):
    """Every account's months, from the rows alone: one state a month's close, one after the other."""
    closes = pd.date_range("2021-12-31", AS_OF, freq="ME")
    found = []
    frame = pd.DataFrame(rows).assign(
        start=lambda t: pd.to_datetime(t["start_date"]), end=lambda t: pd.to_datetime(t["end_date"])
    )
    for key, mine in frame.groupby("customer_id"):
        begun, ever = mine["start"].min(), None
        lines = list(mine[["start", "end", "product", "mrr", "quantity"]].itertuples(index=False, name=None))
        for before, close in pairwise(closes):
            # Of each product what is paid and how many seats there are, at both closes.
            one, two = (
                {what: (paid, n) for start, end, what, paid, n in lines if start <= day < end}
                for day in (before, close)
            )
            if not one:
                continue
            bought = 0.0
            for what in {*one, *two}:
                if what not in one or what not in two or what == "extra":
                    bought += two.get(what, (0.0,))[0] - one.get(what, (0.0,))[0]
                else:
                    (m0, s0), (m1, s1) = one[what], two[what]
                    bought += (s1 - s0) * (m0 / s0 + m1 / s1) / 2
            change = sum(paid for paid, _ in two.values()) - sum(paid for paid, _ in one.values())
            gone = not two
            grew, shrank = (not gone and sign * change > 1e-9 and sign * bought > 1e-3 for sign in (1, -1))
            t = (close.year - begun.year) * 12 + close.month - begun.month
            after = None if ever is None else t - ever
            ever = t if shrank and ever is None else ever
            found.append((key, t, grew, shrank, gone, 0 if ever == t and after is None else after))
            if gone:
                break
    return pd.DataFrame(found, columns=["customer_id", "since", "grew", "shrank", "churned", "after"])


class TestSlowLoops:
    def test_every_month_is_what_the_rows_say(self, world) -> None:
        rows, marts = world
        expected = loops(rows).sort_values(["customer_id", "since"])
        found = downgrades.months_after(marts).to_pandas().sort_values(["customer_id", "since"])
        assert found["customer_id"].tolist() == expected["customer_id"].tolist()
        for name in ("since", "grew", "shrank", "churned"):
            assert found[name].tolist() == expected[name].tolist(), name
        assert found["after"].fillna(-1).astype(int).tolist() == expected["after"].fillna(-1).astype(int).tolist()
        assert expected["grew"].sum() > 60
        assert expected["shrank"].sum() > 30

    def test_cells_hold_every_month_once(self, world) -> None:
        _, marts = world
        at, cells = downgrades.months_after(marts).to_pandas(), downgrades.cells(marts)
        assert cells["at_risk"].sum() == len(at)
        assert cells["churned"].sum() == at["churned"].sum()
        after = at["after"].fillna(downgrades.LATER).astype(int)
        assert cells.groupby("after")["at_risk"].sum().to_dict() == after.value_counts().sort_index().to_dict()

    def test_windows_add_up_to_all_accounts(self, world) -> None:
        _, marts = world
        clock = expansion.Clock(horizon=20, fast=(1, 3), slow=(8, 12))
        timing = expansion.timing(marts, clock=clock, min_group=5).table.set_index("measure")["estimate"]
        assert timing[["fast", "between", "slow", "later"]].sum() == pytest.approx(timing["ever"])
        assert timing["ever"] + timing["left"] <= 1 + 1e-12
        assert timing["ever"] < timing["as_if_staying"]

    def test_a_future_that_is_appended_changes_nothing(self, tmp_path, world) -> None:
        rows, marts = world
        later = [*rows, seats("new", "2024-08-01", None, 5, 50), seats("c001", "2024-07-01", None, 500, 9000)]
        more = build_marts(tmp_path, subscriptions=later[::-1], as_of=AS_OF, observed_from="2021-12-31")
        for study in (expansion.timing, expansion.sizes, expansion.patterns, expansion.rates):
            pd.testing.assert_frame_equal(study(marts, min_group=5).table, study(more, min_group=5).table)
        one, two = (expansion.after_contraction(each, min_group=5).table for each in (marts, more))
        pd.testing.assert_frame_equal(one, two)


class TestAfterACut:
    def test_the_naive_ratio_takes_time_before_the_cut_for_time_after_it(self, world) -> None:
        """Cuts fall at random here, so nothing follows from one; an account must have stayed to have one."""
        _, marts = world
        after = expansion.after_contraction(marts, min_group=5)
        naive, followed = (after.row(since=ANY, way=way) for way in (NAIVE, FOLLOWED))
        assert naive["high"] < 1
        assert followed["low"] < 1 < followed["high"]
        assert np.isnan(naive["p"])

    def test_ratio_is_that_of_single_months(self, world) -> None:
        _, marts = world
        at = downgrades.months_after(marts).to_pandas()
        cells = downgrades.cells(marts)
        edges = np.quantile(at["mrr_before"], [1 / 3, 2 / 3])
        rows = at.assign(
            exposed=(at["after"] >= 1).fillna(False).astype(float),
            size=(at["mrr_before"].to_numpy()[:, None] > edges).sum(axis=1),
            plan=at["plan_before"],
            at_risk=1,
            events=at["churned"].astype(int),
        )
        fit = grouped_hazards.fit(
            rows, terms=["exposed"], categories=["size", "plan"], strata=["term", "since_term"]
        ).table.set_index("term")
        found = expansion.after_contraction(marts, min_group=5).row(since=ANY, way=FOLLOWED)
        assert found["estimate"] == pytest.approx(fit.loc["exposed", "ratio"], rel=1e-9)
        assert cells["size"].nunique() == 3

    def test_leaving_months_out_keeps_those_before_the_cut(self, world) -> None:
        _, marts = world
        after = downgrades.months_after(marts).to_pandas()["after"]
        lags = expansion.by_lag(marts, lags=(1, 3), min_group=5).table.set_index("lag")
        assert lags.loc[1, "person_months"] == (after >= 1).sum()
        assert lags.loc[3, "person_months"] == (after >= 3).sum()
        with pytest.raises(SettingsError, match="from the month after on"):
            expansion.by_lag(marts, lags=(0,))

    def test_times_since_are_told_apart(self, world) -> None:
        _, marts = world
        after = downgrades.months_after(marts).to_pandas()["after"]
        table = expansion.after_contraction(marts, min_group=5).table.set_index("since")
        assert table.loc[band_name(4, 6), "person_months"] == after.between(4, 6).sum()
        assert table.loc[band_name(13, downgrades.LATER - 1), "person_months"] == (after >= 13).sum()


def sold(folder, *, use, accounts=150, rise=0.0, move=0.0):
    """Accounts on two plans sold by the seat, basic at 10 and pro at 20; ``use`` says how much each uses."""
    rng = np.random.default_rng(1)
    rows, used = [], []
    for number in range(accounts):
        key, plan = f"c{number:03d}", number % 2
        count = 2 + number % 7
        listed = (10, 20)[plan] * count
        end = "2024-01-20" if rng.random() < rise else None
        one = seats(key, "2022-10-05", end, count, 0.9 * listed, product=("basic", "pro")[plan], list_mrr=listed)
        rows.append(one)
        if end:
            rows.append(seats(key, end, None, count + 2, 0.9 * listed * (count + 2) / count, product=one["product"],
                              list_mrr=listed * (count + 2) / count))  # fmt: skip
        amount = use(plan, rng)
        for month in pd.date_range("2023-01-01", "2024-06-01", freq="MS"):
            used.append({"customer_id": key, "month": str(month.date()), "events": int(30 * count * amount)})
    return build_marts(
        folder,
        subscriptions=rows,
        as_of=AS_OF,
        observed_from="2022-09-30",
        further={"activity_monthly": used},
    )


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    return sold(tmp_path_factory.mktemp("apart"), use=lambda plan, rng: np.exp(0.6 * plan + 0.8 * rng.normal()) * 20)


class TestUseBesideThePlan:
    def test_who_is_listed_and_what_it_is_worth(self, apart) -> None:
        """By hand: above the other plan's median by a tenth of its middle half; list prices differ by 10 a seat."""
        at = plan_use.accounts_at(apart, AS_OF)
        assert at["per_seat"].all()
        totals = expansion.totals(apart, AS_OF)
        index = cross_fitted_index(np.log1p(at[["events"]]), at["rung"], at["fold"])
        pro = index[at["plan"] == "pro"]
        above = (at["plan"] == "basic") & (index - np.median(pro) > 0.1 * np.subtract(*np.quantile(pro, [0.75, 0.25])))
        row = totals.row(side="under", plan="basic", other_plan="pro")
        assert row["events"] == above.sum() > 5
        assert row["money"] == pytest.approx(12 * 10 * 0.9 * at.loc[above, "seats"].sum())
        assert row["money_low"] <= row["money"] <= row["money_high"]
        assert totals.row(side="over", plan="pro", other_plan="basic")["events"] > 5

    def test_the_list_is_everybody_that_is_counted(self, apart) -> None:
        listed, totals = expansion.listed(apart, AS_OF), expansion.totals(apart, AS_OF)
        assert len(listed.table) == totals.table["events"].sum()
        assert listed.table["estimate"].sum() == pytest.approx(totals.table["money"].sum())
        strips = expansion.strips(apart, AS_OF).table.drop_duplicates("plan")
        assert strips[["under", "over"]].sum().sum() == len(listed.table)

    def test_the_picture_names_every_plan_and_fits_a_phone(self, apart) -> None:
        strips = expansion.strips(apart, AS_OF)
        for narrow in (False, True):
            texts = [text.get_text() for text in figures.strips(strips, narrow=narrow, words=WORDS).texts]
            assert {"basic", "pro"} <= set(texts)
        said = figures.alt(strips, kind="strips", words=WORDS)
        row = expansion.totals(apart, AS_OF).row(side="under", plan="basic", other_plan="pro")
        assert f"basic: of 75 accounts {row['events']} above the middle of the next." in said

    def test_plans_that_use_does_not_tell_apart_list_nobody(self, tmp_path) -> None:
        """Without that check half of the lower plan would lie above the middle of the higher."""
        alike = sold(tmp_path, use=lambda plan, rng: np.exp(0.8 * rng.normal()) * 20)
        plans = expansion.plans(alike, AS_OF)
        assert not plans.table["apart"].any()
        assert expansion.listed(alike, AS_OF).table.empty
        said = fits.headline(expansion.totals(alike, AS_OF), plans, expansion.validation(alike, **YEAR), words=WORDS)
        assert "does not tell the plans apart" in said

    def test_a_list_that_foretells_nothing_says_so(self, apart) -> None:
        found = expansion.validation(apart, **YEAR, min_group=5)
        row = found.row(side="under", outcome="moved_up", kind="adjusted")
        assert [row["share"], row["rest_share"]] == pytest.approx([0, 0], abs=1e-3)
        records = established.lists(found, expansion.totals(apart, AS_OF))
        assert [one.design for one in records] == ["C", "C", "C"]
        assert all(one.direction != "higher" for one in records)

    def test_without_use_nothing_is_listed_and_that_is_recorded(self, by_hand, world) -> None:
        _, bare = world
        assert expansion.listed(bare, AS_OF).table.empty
        assert expansion.plans(bare, AS_OF).table.empty
        assert [one.kind for one in established.not_studied(bare.meta.tables)] == ["not_studied"]
        assert established.not_studied(by_hand.meta.tables) == []


class TestBarelyThere:
    def test_nobody_expands(self, tmp_path) -> None:
        rows = [seats(f"c{n}", "2023-01-10", None, 5, 50) for n in range(40)]
        marts = build_marts(tmp_path, subscriptions=rows, as_of=AS_OF, observed_from="2022-12-31")
        timing, rates = expansion.timing(marts), expansion.rates(marts)
        row = timing.row(measure="year")
        assert row["estimate"] == row["low"] == 0 < row["high"] < 0.12
        assert "No account" in answers.headline(timing, words=WORDS)
        assert "There were no expansions in all and there were no cuts in all." in answers.detail(
            timing, rates, words=WORDS
        )
        assert expansion.types(marts, **YEAR).table.empty
        assert cuts.types_headline(expansion.types(marts, **YEAR), words=WORDS) == "Nobody cut back in the period"
        after = expansion.after_contraction(marts)
        assert after.table["estimate"].isna().all()
        assert "Too few" in cuts.after_headline(after, words=WORDS)
        assert all(not one.shown for one in established.after(after, expansion.by_lag(marts)))

    def test_everybody_expands(self, tmp_path) -> None:
        rows = [
            row
            for n in range(40)
            for row in (
                seats(f"c{n}", "2023-01-10", "2023-04-05", 5, 50),
                seats(f"c{n}", "2023-04-05", None, 6, 60),
            )
        ]
        marts = build_marts(tmp_path, subscriptions=rows, as_of=AS_OF, observed_from="2022-12-31")
        timing = expansion.timing(marts).table.set_index("measure")
        assert timing.loc["fast", "estimate"] == 1
        assert timing.loc["fast", "low"] < 1
        # Nobody is left to be followed to the twelfth month, and nothing can change any more.
        assert timing.loc["year", "estimate"] == 1
        said = answers.headline(expansion.timing(marts), words=WORDS)
        assert said == "Out of 100 new accounts, 100 expand within a year"

    def test_snapshots_of_money_alone_count_every_rise_and_say_so(self, tmp_path) -> None:
        rows = [
            row
            for n in range(40)
            for row in (
                {"customer_id": f"c{n}", "start_date": "2023-02-01", "end_date": "2023-09-01", "product": None},
                {"customer_id": f"c{n}", "start_date": "2023-09-01", "mrr": 110 + n, "product": None},
            )
        ]
        marts = build_marts(tmp_path, subscriptions=rows, as_of=AS_OF, observed_from="2022-12-31", shape="snapshots")
        timing = expansion.timing(marts)
        assert not growth.parts_known(marts)
        assert timing.row(measure="ever")["estimate"] == 1
        assert "every rise of what an account pays counts" in timing.notes[0]
        assert set(growth.steps(marts)["kind"]) == {growth.UNTOLD}

    @pytest.mark.parametrize(
        ("bad", "said"),
        [({"fast": (3, 1)}, "fast first expansion"), ({"slow": (2, 9)}, "begins after"), ({"horizon": 0}, "one month")],
    )
    def test_impossible_months_are_refused(self, bad, said) -> None:
        with pytest.raises(SettingsError, match=said):
            expansion.Clock(**bad)

    def test_young_accounts_are_told_from_old_ones(self, world) -> None:
        _, marts = world
        table = expansion.by_follow_up(marts, min_group=1).table
        assert table["n"].sum() == len(growth.followed(marts))
        assert len(table) <= len(BANDS)
        assert table["estimate"].iloc[0] < table["estimate"].iloc[-1]
        said = answers.why_not_plain(
            expansion.timing(marts, min_group=5), expansion.by_follow_up(marts, min_group=5), words=WORDS
        )
        assert "points too many" in said


class TestEstimators:
    def test_rate_leaves_out_a_group_at_a_time(self) -> None:
        rng = np.random.default_rng(2)
        events, years, group = rng.poisson(0.6, 300), rng.uniform(0.2, 3, 300), rng.integers(0, 50, 300)
        found = delete_a_group_rate(events, years, group)
        logs = np.array([np.log(events[group != g].sum() / years[group != g].sum()) for g in range(50)])
        error = np.sqrt(49 / 50 * ((logs - logs.mean()) ** 2).sum())
        rate = events.sum() / years.sum()
        margin = scipy_stats.t.ppf(0.975, 49) * error
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (rate, rate * np.exp(-margin), rate * np.exp(margin))
        )

    def test_ratio_of_rates_leaves_out_a_group_at_a_time(self) -> None:
        rng = np.random.default_rng(5)
        events, years, group = rng.poisson(0.6, 400), rng.uniform(0.2, 3, 400), rng.integers(0, 50, 400)
        inside = rng.random(400) < 0.4

        def log_ratio(kept):
            one, two = (events[kept & side].sum() / years[kept & side].sum() for side in (inside, ~inside))
            return np.log(one / two)

        logs = np.array([log_ratio(group != g) for g in range(50)])
        error, whole = np.sqrt(49 / 50 * ((logs - logs.mean()) ** 2).sum()), log_ratio(np.ones(400, dtype=bool))
        found = compare_rates(events, years, inside, group)
        margin = scipy_stats.t.ppf(0.975, 49) * error
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (np.exp(whole), np.exp(whole - margin), np.exp(whole + margin))
        )
        assert found.p == pytest.approx(2 * scipy_stats.t.sf(abs(whole) / error, 49))
        assert np.isnan(compare_rates(np.zeros(400), years, inside, group).p)

    def test_rate_without_events_has_the_exact_upper_limit(self) -> None:
        found = delete_a_group_rate([0, 0, 0], [2.0, 3.0, 5.0], [0, 1, 2])
        # Garwood: −ln 0.025 over the exposure.
        assert (found.estimate, found.low) == (0, 0)
        assert found.high == pytest.approx(-np.log(0.025) / 10)

    def test_median_limits_are_the_textbook_order_statistics(self) -> None:
        """Conover (1999), example 3.2.1's rule: of 16 values the 4th and the 13th enclose the median at 95 %."""
        found = quantile(np.arange(1, 17))
        assert (found.estimate, found.low, found.high) == (8.5, 4, 13)
        assert scipy_stats.binom.cdf(3, 16, 0.5) <= 0.025 < scipy_stats.binom.cdf(4, 16, 0.5)

    @given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.lists(st.integers(0, 6), min_size=1, max_size=12))
    def test_concordance_counts_pairs(self, lower, higher) -> None:
        pairs = [(high > low) + 0.5 * (high == low) for low in lower for high in higher]
        assert concordance(lower, higher).estimate == pytest.approx(np.mean(pairs))

    def test_an_index_knows_nothing_of_its_own_fold(self) -> None:
        rng = np.random.default_rng(3)
        x, order, fold = rng.normal(size=(60, 2)), rng.integers(0, 3, 60), np.arange(60) % 5
        one = cross_fitted_index(x, order, fold)
        other = cross_fitted_index(x, np.where(fold == 2, 9 - order, order), fold)
        assert np.array_equal(one[fold == 2], other[fold == 2])
        assert not np.allclose(one[fold != 2], other[fold != 2])
        # Noise in many measures tells nothing apart, cross-fitted; fitted to itself it would.
        noise = rng.normal(size=(60, 25))
        itself = noise @ np.linalg.lstsq(noise - noise.mean(axis=0), order - order.mean(), rcond=None)[0]
        crossed = cross_fitted_index(noise, order, fold)
        assert concordance(itself[order == 0], itself[order == 2]).low > 0.7
        assert concordance(crossed[order == 0], crossed[order == 2]).low < 0.5


class TestNamesAndDiscounts:
    def test_an_attribute_may_be_named_like_a_count(self, tmp_path) -> None:
        """A column called group is a group of customers, not the fifty by which the jackknife leaves accounts out."""
        rows, _ = company(tmp_path / "first", seed=4)
        drawn = {key: ("x", "y")[number % 2] for number, key in enumerate(sorted({row["customer_id"] for row in rows}))}
        tables = []
        for place, name in enumerate(("plain", "group", "expansion", "months", "change")):
            marts = build_marts(
                tmp_path / str(place),
                subscriptions=rows,
                customers=[{"customer_id": key, name: value} for key, value in drawn.items()],
                attributes={name: {"kind": "text", "known_at": "signup", "label": "Plain"}},
                as_of=AS_OF,
                observed_from="2021-12-31",
            )
            table = expansion.rates(marts, by=[name], min_group=10).table.drop(columns="attribute")
            tables.append(table)
            assert expansion.patterns(marts, min_group=5).table["every"].max() > 0
        for other in tables[1:]:
            pd.testing.assert_frame_equal(other, tables[0])

    def test_a_discount_row_that_ends_is_no_add_on_bought(self, tmp_path) -> None:
        """The add-on becomes dearer by 1 in the month in which a discount of 10, a row of its own, ends."""
        marts = build_marts(
            tmp_path,
            subscriptions=[
                seats("a", "2023-01-15", None, 5, 100),
                seats("a", "2023-01-15", "2023-05-10", None, 20, product="extra", kind="addon", unit=None),
                seats("a", "2023-05-10", None, None, 21, product="extra", kind="addon", unit=None),
                seats("a", "2023-01-15", "2023-05-12", None, -10, product="promo", kind="addon", unit=None),
                # Here an add-on of 30 is bought in that month.
                seats("b", "2023-01-15", None, 5, 100),
                seats("b", "2023-05-10", None, None, 30, product="extra", kind="addon", unit=None),
                seats("b", "2023-05-12", None, None, -10, product="promo", kind="addon", unit=None),
            ],
            as_of=AS_OF,
            observed_from="2022-12-31",
        )
        grown = growth.steps(marts)
        assert grown["customer_id"].tolist() == ["b"]
        assert grown[["addon_part", "discount_part", "price_part"]].iloc[0].tolist() == [30, -10, 0]
        assert growth.steps(marts, priced=True)["customer_id"].tolist() == ["a", "b"]

    @pytest.mark.filterwarnings("error::RuntimeWarning")
    def test_a_plan_that_costs_nothing_has_no_discount(self, tmp_path) -> None:
        """Who moves up from it pays the other plan's list price, who moves down to it saves all that is paid."""
        rng = np.random.default_rng(1)
        rows, used = [], []
        for number in range(120):
            key, paying = f"c{number:03d}", number % 2 == 1
            rows.append(seats(key, "2023-01-05", None, None, 80 if paying else 0, product=("free", "pro")[paying]))
            rows[-1] |= {"unit": None} | ({"list_mrr": 100} if paying else {})
            if not paying:
                rows.append(seats(key, "2023-01-05", None, None, 5, product="extra", kind="addon", unit=None))
            level = (60 if paying else 30) * rng.lognormal(0, 0.7)
            for month in (4, 5, 6):
                events = int(rng.poisson(level))
                used.append({"customer_id": key, "month": date(2024, month, 1), "events": events})
        marts = build_marts(
            tmp_path,
            subscriptions=rows,
            as_of=AS_OF,
            observed_from="2022-12-31",
            further={"activity_monthly": used},
        )
        totals = expansion.totals(marts, AS_OF).table.set_index("side")
        assert (totals["events"] > 0).all()
        under, over = totals.loc["under"], totals.loc["over"]
        assert under["money"] == pytest.approx(12 * 100 * under["events"])
        assert (under["money_low"], under["money_high"]) == pytest.approx((12 * 80 * under["events"], under["money"]))
        assert over["money"] == over["money_low"] == over["money_high"] == pytest.approx(12 * 80 * over["events"])
