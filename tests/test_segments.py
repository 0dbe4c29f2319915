"""Segments: levels, identities with the whole company, contrasts worked another way, what is barred."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from customer_value.errors import SettingsError
from customer_value.marts.bases import period_base
from customer_value.marts.levels import NOT_STATED, OTHER, Levels, pooled
from customer_value.stats import intervals
from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.stats.standardise import standardised_shares
from customer_value.studies import segments
from marts_fixtures import build_marts

YEAR = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}
ATTRIBUTES = {
    "channel": {},
    "health": {"known_at": "current"},
    "seen": {"kind": "boolean"},
    "employees": {"kind": "number"},
}


def company(folder, *, n=240, leave=lambda i: i % 5 == 0, terms=(1, 12), **more):
    """Accounts of two plans, three channels and one rare one, a stated share of which leaves in 2024."""
    subscriptions, customers = [], []
    for i in range(n):
        key = f"c{i:04d}"
        end = "2024-06-20" if leave(i) else None
        line = {"customer_id": key, "product": "pro" if i % 3 else "basic", "billing_months": terms[i % len(terms)]}
        mrr = 50 + 10 * (i % 17)
        subscriptions.append(line | {"start_date": "2023-01-01", "end_date": "2024-03-01", "mrr": mrr})
        if end is None or i % 5 == 0:
            subscriptions.append(
                line | {"start_date": "2024-03-01", "end_date": end, "mrr": mrr + (25 if i % 4 == 0 else 0)}
            )
        channel = "rare" if i < 10 else ("scarce" if i < 22 else ("web", "sales", "web", None)[i % 4])
        customers.append(
            {"customer_id": key, "channel": channel, "health": "green", "seen": i % 2 == 0, "employees": float(i)}
        )
    subscriptions.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    return build_marts(
        folder,
        subscriptions=subscriptions,
        customers=customers,
        as_of="2024-12-31",
        observed_from="2022-12-01",
        attributes=ATTRIBUTES,
        **more,
    )


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    return company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def overview(marts):
    return segments.overview(marts, **YEAR)


@pytest.fixture(scope="module")
def contrasts(marts):
    return segments.contrasts(marts, **YEAR)


@pytest.fixture(scope="module")
def adjusted(marts):
    return segments.adjusted(marts, **YEAR)


class TestLevels:
    def test_bands_are_named_by_rounded_edges(self) -> None:
        named = Levels.of(pd.Series([12.0, 103, 104, 251, 261, 990]), kind="money", money_name=lambda x: f"£{x:.0f}")
        assert named.edges == (100, 250)  # terciles 103 and 251, to two digits
        names = named.name(pd.Series([12.0, 100, 249.99, 250, np.nan]))
        assert names.tolist() == ["under £100", "£100 to under £250", "£100 to under £250", "£250 or more", NOT_STATED]

    def test_one_price_makes_one_level(self) -> None:
        naming = Levels.of(pd.Series([10.0] * 5), kind="money")
        assert naming.name(pd.Series([10.0] * 5)).unique().tolist() == ["10"]

    def test_terms_keep_their_order(self) -> None:
        named = Levels("term").name(pd.Series([12.0, 1, 1, np.nan, 7]))
        assert list(named.cat.categories) == ["monthly", "7 months", "annual", NOT_STATED]

    def test_text_by_size_then_name_with_empty_not_stated(self) -> None:
        named = Levels("text").name(pd.Series(["b", "a", "a", " ", None, "c"]))
        assert list(named.cat.categories) == ["a", "b", "c", NOT_STATED]

    def test_small_levels_are_pooled_at_the_boundary(self) -> None:
        named = Levels("text").name(pd.Series(["a"] * 3 + ["b"] * 2 + ["c"] * 2 + [None]))
        assert list(pooled(named, fewest=3).cat.categories) == ["a", OTHER, NOT_STATED]
        assert list(pooled(named, fewest=2).cat.categories) == ["a", "b", "c", NOT_STATED]

    def test_a_single_small_level_keeps_its_name(self) -> None:
        named = Levels("text").name(pd.Series(["a"] * 5 + ["b"]))
        assert list(pooled(named, fewest=3).cat.categories) == ["a", "b"]


class TestOverview:
    def test_groups_add_up_to_the_company(self, overview) -> None:
        for metric, total in (("customers", 240), ("arr_share", 1.0)):
            table = overview.where(metric=metric).table
            sums = table[table["attribute"] == "plan"]["estimate"].sum()
            assert sums == pytest.approx(total)

    def test_retention_is_the_mean_over_groups_by_weight(self, overview) -> None:
        rows = overview.where(attribute="plan").table.pivot(index="level", columns="metric", values="estimate")
        everyone = overview.where(attribute="all").table.set_index("metric")["estimate"]
        assert np.average(rows["logo_retention"], weights=rows["customers"]) == pytest.approx(
            everyone["logo_retention"]
        )
        assert np.average(rows["grr"], weights=rows["arr_share"]) == pytest.approx(everyone["grr"])
        assert np.average(rows["nrr"], weights=rows["arr_share"]) == pytest.approx(everyone["nrr"])

    def test_rows_against_pandas(self, marts, overview) -> None:
        base = period_base(marts, **YEAR)
        mine = base[base["channel"] == "sales"]
        row = overview.row(attribute="channel", level="sales", metric="logo_retention")
        assert row["estimate"] == pytest.approx(1 - mine["lost"].mean())
        grew = overview.row(attribute="channel", level="sales", metric="expansion_rate")
        assert grew["estimate"] == pytest.approx((mine["end_mrr"] > mine["start_mrr"]).mean())

    def test_rare_levels_are_pooled_and_too_small_ones_show_n_only(self, overview) -> None:
        row = overview.row(attribute="channel", level=OTHER, metric="logo_retention")
        assert row["n"] == 22  # 10 rare and 12 scarce
        assert np.isnan(row["estimate"])
        assert overview.row(attribute="channel", level=OTHER, metric="customers")["estimate"] == 22

    def test_current_attributes_are_counted_only(self, tmp_path) -> None:
        built = company(tmp_path, n=80)
        customers = built.table("accounts")
        assert "health" in customers.columns
        found = segments.overview(built, **YEAR, by=["health", "channel"], min_group=5)
        current = found.table[found.table["known_at"] == "current"]
        assert set(current["metric"]) <= {"customers", "arr_share"}
        assert "Health" in found.notes[0]
        assert "health" not in set(segments.contrasts(built, **YEAR, min_group=5).table["attribute"])

    def test_an_unknown_attribute_is_refused(self, marts) -> None:
        with pytest.raises(SettingsError, match="colour"):
            segments.overview(marts, **YEAR, by=["colour"])

    def test_the_company_shows_however_small(self, marts) -> None:
        found = segments.overview(marts, **YEAR, min_group=1000)
        assert np.isfinite(found.row(attribute="all", level="all", metric="nrr")["estimate"])

    def test_a_flat_table_is_counted_only(self, tmp_path) -> None:
        flat = [
            {"customer_id": f"c{i}", "tenure": i, "churned": i % 2 == 0, "mrr": 10 + i % 3, "channel": "ab"[i % 2]}
            for i in range(80)
        ]
        built = build_marts(tmp_path, flat=flat, attributes={"channel": {"table": "flat"}})
        found = segments.overview(built)
        assert set(found.table["metric"]) == {"customers", "arr_share"}
        assert found.row(attribute="channel", level="a", metric="customers")["estimate"] == 40


class TestContrasts:
    def test_logo_difference_is_the_score_test(self, marts, contrasts) -> None:
        base = period_base(marts, **YEAR)
        stated = base["channel"].notna()
        inside = base["channel"] == "web"
        sides = (inside, stated & ~inside)
        table = [[(~base["lost"] & side).sum(), (base["lost"] & side).sum()] for side in sides]
        # the square of the pooled z is Pearson's chi-squared without continuity correction
        p = stats.chi2_contingency(table, correction=False).pvalue
        row = contrasts.row(attribute="channel", level="web", metric="logo_retention")
        assert row["p"] == pytest.approx(p)
        assert row["n"] + row["n_rest"] == stated.sum() < len(base)

    def test_net_difference_is_welch(self, marts, contrasts) -> None:
        base = period_base(marts, **YEAR)
        inside = (base["channel"] == "web").to_numpy()
        sides = [
            intervals.ratio_jackknife(base.loc[side, "end_mrr"], base.loc[side, "start_mrr"])
            for side in (inside, base["channel"].notna().to_numpy() & ~inside)
        ]
        row = contrasts.row(attribute="channel", level="web", metric="nrr")
        error = np.hypot(sides[0].standard_error, sides[1].standard_error)
        assert row["estimate"] == pytest.approx(sides[0].estimate - sides[1].estimate)
        assert (row["high"] - row["low"]) / 2 == pytest.approx(1.97 * error, rel=0.01)

    def test_adjusted_over_the_whole_table(self, contrasts) -> None:
        expected = benjamini_hochberg(contrasts.table["p"])
        assert np.allclose(contrasts.table["p_adjusted"], expected, equal_nan=True)

    def test_two_groups_are_compared_once(self, contrasts) -> None:
        assert contrasts.table.loc[contrasts.table["attribute"] == "plan", "level"].unique().tolist() == ["pro"]

    def test_not_being_filled_in_is_no_side_of_a_comparison(self, tmp_path) -> None:
        # Filled in only for those who stayed and declared as known at sign-up: every level would beat the rest.
        rows, customers = [], []
        for i in range(200):
            gone = i % 4 == 0
            rows.append({"customer_id": f"c{i:03d}", "start_date": "2023-01-01", "billing_months": 1})
            rows[-1] |= {"end_date": "2024-06-20"} if gone else {}
            customers.append({"customer_id": f"c{i:03d}", "tier": None if gone else "abc"[i % 3]})
        rows.append({"customer_id": "z", "start_date": "2022-12-01"})
        built = build_marts(
            tmp_path, subscriptions=rows, customers=customers, as_of="2024-12-31", attributes={"tier": {}},
            observed_from="2022-11-30",
        )  # fmt: skip
        found = segments.adjusted(built, **YEAR, by=["tier"])
        kept = found.where(metric="logo_retention").table
        assert kept["estimate"].to_numpy() == pytest.approx(0, abs=1e-3)
        assert (found.table["n"] + found.table["n_rest"] == 150).all()
        assert not (found.table["p_adjusted"] <= 0.05).any()
        # shown as a group of their own
        overview = segments.overview(built, **YEAR, by=["tier"])
        assert overview.row(attribute="tier", level=NOT_STATED, metric="logo_retention")["n"] == 51

    def test_a_few_accounts_are_flagged(self, tmp_path) -> None:
        rows = [
            {
                "customer_id": f"c{i:03d}",
                "start_date": "2023-01-01",
                "product": "ab"[i % 2],
                "mrr": 10_000 if i == 0 else 10,
            }
            for i in range(120)
        ]
        rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
        built = build_marts(tmp_path, subscriptions=rows, as_of="2024-12-31", observed_from="2022-12-01")
        found = segments.contrasts(built, **YEAR, by=["plan"])
        assert found.row(attribute="plan", level="a", metric="grr")["few_accounts"]
        assert not found.row(attribute="plan", level="a", metric="logo_retention")["few_accounts"]

    def test_relabelling_permutes_rows(self, tmp_path) -> None:
        one = company(tmp_path / "one", n=120)
        rename = {"web": "zzz", "sales": "aaa"}
        found = segments.contrasts(one, **YEAR, by=["channel"], min_group=20)
        base = segments.overview(one, **YEAR, by=["channel"], min_group=20)
        assert set(rename) <= set(base.table["level"])
        assert (
            found.row(attribute="channel", level="web", metric="grr")["n"]
            == (base.row(attribute="channel", level="web", metric="grr")["n"])
        )


def simpson(folder, *, n=1200):
    """Pro is bought by the large on annual terms, who stay; at equal size and term those on pro leave more often."""
    rng = np.random.default_rng(7)
    rows = []
    for i in range(n):
        large = i % 2 == 0
        pro = rng.random() < (0.8 if large else 0.2)
        chance = (0.02 if large else 0.34) + (0.14 if pro else 0.0)
        row = {"customer_id": f"c{i:04d}", "product": "pro" if pro else "basic", "start_date": "2023-01-01"}
        row |= {"mrr": (900 if large else 90) + i % 7, "billing_months": 12 if large else 1}
        if rng.random() < chance:
            row["end_date"] = "2024-06-20"
        rows.append(row)
    rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    return build_marts(folder, subscriptions=rows, as_of="2024-12-31", observed_from="2022-11-30")


class TestAdjusted:
    def test_simpson(self, tmp_path) -> None:
        """Stickier overall, worse at equal size and term: the adjusted difference says so, as something to test."""
        found = segments.adjusted(simpson(tmp_path), **YEAR, by=["plan"])
        (level,) = found.table["level"].unique()
        sign = 1 if level == "pro" else -1
        raw = found.row(attribute="plan", level=level, metric="logo_retention", kind="raw")
        made_alike = found.row(attribute="plan", level=level, metric="logo_retention", kind="adjusted")
        assert sign * raw["estimate"] > 0.03
        assert sign * made_alike["estimate"] == pytest.approx(-0.14, abs=0.05)
        assert made_alike["p"] < 0.01
        assert made_alike["adjusted_for"] == "size, term"
        # the plain comparison of those free to leave points the other way, so it is not more than a first hint
        assert sign * made_alike["among_due"] > 0
        assert not made_alike["agrees"]

    def test_raw_and_adjusted_stand_side_by_side(self, adjusted, contrasts) -> None:
        raw = adjusted.table[adjusted.table["kind"] == "raw"].set_index(["attribute", "level", "metric"])
        seen = contrasts.table.set_index(["attribute", "level", "metric"])
        assert raw["estimate"].to_dict() == pytest.approx(seen["estimate"].to_dict(), nan_ok=True)
        assert adjusted.table["kind"].tolist() == ["raw", "adjusted"] * len(seen)

    def test_one_look_a_contrast(self, adjusted) -> None:
        made_alike = adjusted.table[adjusted.table["kind"] == "adjusted"]
        expected = benjamini_hochberg(made_alike["p"])
        assert np.allclose(made_alike["p_adjusted"], expected, equal_nan=True)

    def test_an_attribute_is_not_made_alike_in_itself(self, adjusted) -> None:
        used = adjusted.table.dropna(subset="adjusted_for").groupby("attribute")["adjusted_for"].first()
        assert used["channel"] == "size, term, plan"  # all of one age, every term came due
        assert used["plan"] == used["first_plan"] == "size, term"
        assert used["term"] == used["first_term"] == "size, plan"
        assert used["mrr_band"] == "term, plan"

    def test_it_is_the_standardised_share_over_all_accounts(self, marts, adjusted) -> None:
        base = period_base(marts, **YEAR)
        covariates = base[["plan"]].assign(size=np.log(base["start_mrr"]), term=base["term"].astype(str))
        group = (
            base["channel"].map({"web": "web"}).where(base["channel"] == "web", "others").mask(base["channel"].isna())
        )
        expected = standardised_shares(~base["lost"], group, covariates).loc["web"]
        row = adjusted.row(attribute="channel", level="web", metric="logo_retention", kind="adjusted")
        for mine, theirs in (("estimate",) * 2, ("low",) * 2, ("p",) * 2, ("overlap",) * 2, ("group_share", "share")):
            assert row[mine] == pytest.approx(expected[theirs], rel=1e-6)

    def test_who_was_not_free_to_leave_is_made_equal(self, tmp_path) -> None:
        """Three-year terms lock two thirds of one plan in; of those free to leave, both plans lose as many."""
        rows = []
        for i in range(600):
            pro = i % 2 == 0
            locked = i % 6 in (0, 2, 1)  # two in three on pro, one in three on basic
            row = {"customer_id": f"c{i:04d}", "product": "pro" if pro else "basic", "start_date": "2023-06-01"}
            row |= {"billing_months": 36 if locked else 1, "mrr": 100 + i % 11}
            row |= {} if locked or (i // 6) % 4 else {"end_date": "2024-06-20"}
            rows.append(row)
        rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
        built = build_marts(tmp_path, subscriptions=rows, as_of="2024-12-31", observed_from="2022-11-30")
        found = segments.adjusted(built, **YEAR, by=["plan"]).where(metric="logo_retention").table.set_index("kind")
        assert abs(found.loc["raw", "estimate"]) > 0.06
        assert found.loc["adjusted", "estimate"] == pytest.approx(0, abs=0.01)
        assert found.loc["adjusted", "among_due"] == pytest.approx(0, abs=1e-9)

    def test_what_covariates_determine_is_not_compared(self, tmp_path) -> None:
        """One plan sold on one term only, and the terms on one plan only."""
        rows = [
            {"customer_id": f"c{i:03d}", "start_date": "2023-01-01", "product": "ab"[i % 2]}
            | {"billing_months": 1 if i % 2 else 12, "end_date": "2024-06-20" if i % 5 == 0 else None}
            for i in range(200)
        ]
        rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
        built = build_marts(tmp_path, subscriptions=rows, as_of="2024-12-31", observed_from="2022-11-30")
        table = segments.adjusted(built, **YEAR, by=["plan"]).where(kind="adjusted").table
        assert table[["estimate", "p", "money"]].isna().all(axis=None)
        assert (table["overlap"] == 0).all()
        assert not table["agrees"].any()

    def test_money_is_the_gap_of_the_weaker_side(self, tmp_path) -> None:
        # of those on basic one in five leaves, of those on pro nobody
        built = company(tmp_path, leave=lambda i: i % 15 == 0 and i > 0)
        row = segments.adjusted(built, **YEAR, by=["plan"]).row(
            attribute="plan", level="pro", metric="grr", kind="adjusted"
        )
        accounts = built.frame("accounts")
        active = accounts[accounts["status"] == "active"]
        arr = 12 * active.loc[active["plan_now"] == "basic", "mrr_now"].sum()
        assert row["target"] == "rest"
        assert row["money_low"] < row["money"] < row["money_high"]
        # the rest's own share standardised over the rest is what was seen
        seen = period_base(built, **YEAR)
        rest = seen[seen["plan"] == "basic"]
        kept = np.minimum(rest["end_mrr"], rest["start_mrr"]).sum() / rest["start_mrr"].sum()
        assert row["money"] == pytest.approx(arr * (1 - kept), rel=0.02)
        assert row["agrees"]

    def test_money_needs_a_year(self, marts) -> None:
        half = segments.adjusted(marts, start=date(2023, 12, 31), end=date(2024, 6, 30), by=["plan"])
        assert half.table["money"].isna().all()

    def test_ten_thousand_levels_and_one(self, tmp_path) -> None:
        rows, customers = [], []
        for i in range(10_000):
            row = {"customer_id": f"c{i:05d}", "start_date": "2023-01-01", "mrr": 50 + i % 90}
            rows.append(row | ({"end_date": "2024-06-20"} if i % 9 == 0 else {}))
            tag = f"t{i}" if i >= 6000 else f"g{i % 60}"
            customers.append({"customer_id": f"c{i:05d}", "site": f"s{i}", "one": "x", "tag": tag})
        rows.append({"customer_id": "z", "start_date": "2022-12-01", "end_date": "2023-02-01"})
        built = build_marts(
            tmp_path, subscriptions=rows, customers=customers, as_of="2024-12-31", observed_from="2022-11-30",
            attributes={"site": {}, "one": {}, "tag": {}},
        )  # fmt: skip
        assert segments.adjusted(built, **YEAR, by=["site", "one"]).table.empty
        # sixty levels of a hundred and four thousand of one: too many to tell apart, so the smallest are put together
        assert segments.overview(built, **YEAR, by=["tag"]).table["level"].nunique() <= 52

    def test_accounts_of_unknown_age_stay_in(self, tmp_path) -> None:
        rows = [
            {
                "customer_id": f"c{i:03d}",
                "start_date": "2023-01-01" if i % 2 else "2023-07-01",
                "product": "ab"[i % 3 > 0],
            }
            | ({"end_date": "2024-06-20"} if i % 7 == 0 else {})
            for i in range(300)
        ]
        built = build_marts(tmp_path, subscriptions=rows, as_of="2024-12-31", observed_from="2023-01-02")
        assert built.frame("accounts")["origin_date"].isna().sum() == 150
        row = (
            segments.adjusted(built, **YEAR, by=["plan"]).where(kind="adjusted", metric="logo_retention").table.iloc[0]
        )
        assert row["n"] + row["n_rest"] == 300
        assert row["adjusted_for"] == "age"
        assert np.isfinite(row["estimate"])

    def test_no_loss_at_all(self, tmp_path) -> None:
        built = company(tmp_path, n=120, leave=lambda i: False)
        found = segments.adjusted(built, **YEAR, by=["plan", "channel"])
        kept = found.where(metric="logo_retention", kind="adjusted").table.dropna(subset="estimate")
        assert kept["p"].min() > 0.9
        assert (kept["low"] < 0).all()
        assert (kept["high"] > 0).all()
