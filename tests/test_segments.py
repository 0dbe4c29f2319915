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

    def test_due_is_its_own_comparison_only_where_not_all_came_due(self, contrasts, tmp_path) -> None:
        assert not contrasts.table["metric"].str.endswith("_due").any()
        longer = company(tmp_path, n=120, terms=(1, 36))
        found = segments.contrasts(longer, **YEAR, by=["term"])
        assert found.row(attribute="term", level="monthly", metric="logo_retention")["n"] == 60
        # nobody under three years was free to leave, so there is nobody to compare with
        assert np.isnan(found.row(attribute="term", level="monthly", metric="logo_retention_due")["estimate"])

    def test_money_is_the_gap_on_the_weaker_side(self, tmp_path) -> None:
        # every fifth account leaves, all of them on "pro" or "basic"; make basic (i % 3 == 0) the one that leaves
        built = company(tmp_path, leave=lambda i: i % 15 == 0 and i > 0)
        row = segments.contrasts(built, **YEAR, by=["plan"]).row(attribute="plan", level="pro", metric="grr")
        accounts = built.frame("accounts")
        active = accounts[accounts["status"] == "active"]
        arr = 12 * active.loc[active["plan_now"] == "basic", "mrr_now"].sum()
        assert row["target"] == "rest"
        assert row["money"] == pytest.approx(arr * (row["group_share"] - row["rest_share"]))
        assert row["money_low"] < row["money"] < row["money_high"]
        _, low, _, _ = intervals.share_difference(
            row["group_share"], 1e9, row["rest_share"], 1e9, confidence=0.8
        )  # with endless data the money is sure
        assert row["money_low"] < arr * float(low) * 1.0001

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
        found = segments.contrasts(built, **YEAR, by=["tier"])
        assert found.where(metric="logo_retention").table["estimate"].tolist() == [0, 0, 0]
        assert (found.table["n"] + found.table["n_rest"] == 150).all()

    def test_money_needs_a_year(self, marts) -> None:
        half = segments.contrasts(marts, start=date(2023, 12, 31), end=date(2024, 6, 30), by=["plan"])
        assert half.table["money"].isna().all()

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
