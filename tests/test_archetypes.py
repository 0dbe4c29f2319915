"""Archetypes: identities with the base, who is ranked, what is tested and what it is worth, the split, bad input."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import NOT_STATED, OTHER
from customer_value.stats import intervals
from customer_value.stats.multiplicity import benjamini_hochberg
from customer_value.strategy.answers import archetypes as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import archetypes as established
from customer_value.strategy.wording import Words
from customer_value.studies.archetypes import (
    METRICS,
    SMALLER,
    archetypes,
    beyond_parts,
    by_order,
    cells,
    in_common,
    split_check,
)
from customer_value.studies.archetypes.split import _first_half
from marts_fixtures import build_marts

YEAR = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}
BY = {"by": ["channel", "size", "region"]}
ATTRIBUTES = {
    "channel": {},
    "size": {},
    "region": {},
    "code": {},
    "one": {},
    "half": {},
    "health": {"known_at": "current"},
}
WORDS = Words(currency="GBP")


def company(folder, *, n=900, seed=1, leave=lambda row: 0.12, terms=(1,), mrr=lambda rng: 100.0, **more):
    """Accounts of three channels, three sizes and two regions at random; ``leave`` gives the chance to go in 2024."""
    rng = np.random.default_rng(seed)
    subscriptions, customers = [], []
    for i in range(n):
        row = {
            "customer_id": f"c{i:04d}",
            "channel": str(rng.choice(["web", "partner", "sales"], p=[0.5, 0.3, 0.2])),
            "size": str(rng.choice(["small", "middle", "large"], p=[0.5, 0.3, 0.2])),
            "region": str(rng.choice(["north", "south"])),
            "code": f"code {i}",
            "one": "same",
            "half": "known" if i % 4 == 0 else ("other way" if i % 4 == 1 else None),
            "health": "green",
        }
        term = int(rng.choice(terms))
        gone = rng.random() < leave(row | {"term": term})
        # A three-year term begun in January 2023 does not come due in 2024.
        end = "2024-06-20" if gone and term < 36 else None
        subscriptions.append(
            {"customer_id": row["customer_id"], "start_date": "2023-01-01", "end_date": end, "billing_months": term}
            | {"mrr": round(mrr(rng), 2)}
        )
        customers.append(row)
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


def clash(row):
    """Large partner accounts leave, and neither part does by itself."""
    return 0.75 if (row["channel"], row["size"]) == ("partner", "large") else 0.08


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    return company(tmp_path_factory.mktemp("company"), leave=clash)


@pytest.fixture(scope="module")
def found(marts):
    return archetypes(marts, **YEAR, **BY)


@pytest.fixture(scope="module")
def tested(marts):
    return beyond_parts(marts, **YEAR, **BY)


class TestArchetypes:
    def test_combinations_of_one_pair_add_up_to_the_company(self, found) -> None:
        pair = found.table[found.table["attribute"] == "channel and size"]
        assert pair.loc[pair["metric"] == "customers", "estimate"].sum() == 900
        assert pair.loc[pair["metric"] == "arr_share", "estimate"].sum() == pytest.approx(1)

    def test_own_figures_against_pandas(self, marts, found) -> None:
        base = period_base(marts, **YEAR)
        mine = base[(base["channel"] == "web") & (base["size"] == "small")]
        row = found.row(attribute="channel and size", level="web and small", metric="logo_retention")
        share, low, high = intervals.wilson((~mine["lost"]).sum(), len(mine))
        assert (row["raw"], row["raw_low"], row["raw_high"]) == pytest.approx((share, low, high))
        assert row["n"] == len(mine)
        net = found.row(attribute="channel and size", level="web and small", metric="nrr")
        assert net["raw"] == pytest.approx(mine["end_mrr"].sum() / mine["start_mrr"].sum())
        arpa = found.row(attribute="channel and size", level="web and small", metric="arpa")
        assert arpa["estimate"] == pytest.approx(mine["start_mrr"].mean())

    def test_figures_are_drawn_in_and_stay_shares(self, found) -> None:
        table = found.table[found.table["raw"].notna() & (found.table["metric"] != "nrr")]
        assert table["estimate"].std() < table["raw"].std()
        assert ((table["low"] <= table["estimate"]) & (table["estimate"] <= table["high"])).all()
        assert table[["low", "high"]].min(axis=None) >= 0
        assert table[["low", "high"]].max(axis=None) <= 1

    def test_small_combinations_are_counted_together_by_the_denominator_only(self, marts) -> None:
        result = archetypes(marts, **YEAR, by=["channel", "size"], min_group=60)
        pooled = result.row(attribute="channel and size", level=SMALLER, metric="customers")["estimate"]
        base = period_base(marts, **YEAR)
        sizes = base.groupby(["channel", "size"]).size()
        assert pooled == sizes[sizes < 60].sum() > 0
        assert result.suppressed == (sizes < 60).sum()
        assert not ((result.table["level"] == SMALLER) & (result.table["metric"] == "logo_retention")).any()

    def test_chances_add_up_to_the_best_tenth(self, found) -> None:
        kept = found.where(metric="logo_retention").table
        ranked = kept["best_tenth"].notna()
        assert kept.loc[ranked, "best_tenth"].sum() == pytest.approx(max(1, round(0.1 * ranked.sum())), abs=0.01)
        assert kept["best_tenth"].idxmin() != kept["estimate"].idxmax()

    def test_a_twin_attribute_leaves_one_of_two_entries(self, tmp_path) -> None:
        rows = [{"customer_id": f"c{i}", "start_date": "2023-01-01", "billing_months": 1} for i in range(300)]
        people = [
            {"customer_id": f"c{i}", "channel": "ab"[i % 2], "size": "xy"[i % 2], "region": "pqr"[i % 3]}
            for i in range(300)
        ]
        rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
        built = build_marts(
            tmp_path, subscriptions=rows, customers=people, as_of="2024-12-31", observed_from="2022-12-01",
            attributes={"channel": {}, "size": {}, "region": {}},
        )  # fmt: skip
        kept = archetypes(built, **YEAR, **BY).where(metric="logo_retention").table
        assert len(kept[kept["same_as"] != ""]) == 6
        assert (kept.loc[kept["attribute"] == "size and region", "same_as"].str.startswith("Channel and region")).all()
        assert kept.loc[kept["attribute"] == "channel and region", "also"].str.startswith("Size and region").all()
        assert kept.loc[kept["same_as"] != "", "best_tenth"].isna().all()

    def test_terms_that_did_not_come_due_are_no_merit(self, tmp_path) -> None:
        """Sales sells three-year terms, which cannot end: it keeps all, and nothing is left of that as expected."""

        def terms(row):
            return 0.3

        built = company(tmp_path, n=900, terms=(1, 36), leave=terms)
        result = archetypes(built, **YEAR, by=["term", "channel"]).where(metric="logo_retention").table
        locked = result[result["level"].str.startswith("three-year")]
        assert (locked["due_share"] == 0).all()
        assert locked["additive"].min() > 0.98
        p = beyond_parts(built, **YEAR, by=["term", "channel"]).table["p"]
        assert p.min() > 0.05


class TestBadInput:
    def test_one_level_ten_thousand_levels_and_current_name_no_archetype(self, marts) -> None:
        result = archetypes(marts, **YEAR, by=["channel", "one", "code", "health"])
        assert set(result.table["attribute"]) == {"all"}
        assert "Health" in result.notes[0]
        assert beyond_parts(marts, **YEAR, by=["channel", "one", "code", "health"]).table.empty
        assert "Too few" in answers.headline(result, words=WORDS)

    def test_what_is_not_stated_is_its_own_group_counted_and_not_ranked(self, marts) -> None:
        result = archetypes(marts, **YEAR, by=["channel", "half"])
        pair = result.table[result.table["attribute"] == "channel and half"]
        kept = pair[pair["metric"] == "logo_retention"]
        missing = kept["level"].str.endswith(NOT_STATED)
        assert kept.loc[missing, "n"].sum() == 450
        assert kept.loc[missing, "best_tenth"].isna().all()
        assert kept.loc[missing, "estimate"].notna().all()
        assert pair.loc[pair["metric"] == "customers", "estimate"].sum() == 900
        levels = beyond_parts(marts, **YEAR, by=["channel", "half"]).table["level"]
        assert not levels.str.contains(f"{NOT_STATED}|{OTHER}$").any()

    def test_an_archetype_of_one_account_is_counted_with_the_smaller(self, tmp_path) -> None:
        built = company(tmp_path, n=120)
        result = archetypes(built, **YEAR, **BY, order=3, min_group=30)
        assert result.table["n"].min() >= 30
        assert split_check(built, **YEAR, **BY).table.empty
        assert "cannot be checked" in answers.confirmed(split_check(built, **YEAR, **BY), words=WORDS)

    @pytest.mark.parametrize("order", [0, 5])
    def test_impossible_orders_are_refused(self, marts, order) -> None:
        with pytest.raises(SettingsError, match="one to 4"):
            archetypes(marts, **YEAR, **BY, order=order)

    def test_nobody_leaves(self, tmp_path) -> None:
        built = company(tmp_path, n=300, leave=lambda row: 0)
        kept = archetypes(built, **YEAR, **BY).where(metric="logo_retention").table
        assert (kept["high"] <= 1).all()
        assert beyond_parts(built, **YEAR, **BY).table["p"].min() > 0.5


class TestBeyondParts:
    def test_one_test_a_pair_and_metric_corrected_for_the_pick(self, tested) -> None:
        assert len(tested.table) == 6
        assert np.allclose(tested.table["p_adjusted"], benjamini_hochberg(tested.table["p"]))
        # Three channels by three sizes; of two regions one says all.
        picked = tested.table.set_index("attribute")["picked_from"]
        assert (picked["channel and size"] == 9).all()
        assert picked.drop("channel and size").max() <= 3

    def test_finds_what_the_parts_do_not_say(self, tested) -> None:
        row = tested.row(attribute="channel and size", level="partner and large", metric="logo_retention")
        assert row["p"] < 1e-5
        assert row["estimate"] < row["shrunk"] < row["shrunk_high"] < 0

    def test_money_is_the_shrunk_departure_on_its_own_accounts(self, marts, tested) -> None:
        row = tested.row(attribute="channel and size", level="partner and large", metric="grr")
        accounts = marts.frame("accounts")
        mine = accounts[(accounts["channel"] == "partner") & (accounts["size"] == "large")]
        arr = 12 * mine.loc[mine["status"] == "active", "mrr_now"].sum()
        assert row["money"] == pytest.approx(-row["shrunk"] * arr)
        assert 0 < row["money_low"] < row["money"] < row["money_high"]
        half = beyond_parts(marts, start=date(2023, 12, 31), end=date(2024, 6, 30), **BY)
        assert half.table["money"].isna().all()

    def test_findings_are_one_each_and_at_most_tested_first(self, tested) -> None:
        found = established.beyond_parts(tested)
        assert len({finding.id for finding in found}) == 6
        assert all(finding.design == "C" for finding in found)
        ranked = decide(found).ranked
        assert [(each.certainty, each.lead.segment) for each in ranked] == [
            ("Test first", "channel and size = partner and large")
        ]
        said = ranked[0].why(WORDS)
        assert said.startswith("Accounts with channel and size “partner and large” show lower")
        assert "below what their parts alone lead one to expect" in said

    def test_null_worlds_recommend_nothing(self, tmp_path, monkeypatch) -> None:
        """What became of the accounts dealt out anew; of 200 such worlds one had a clear departure (methods.md)."""
        built = company(tmp_path, n=900, terms=(1, 12), mrr=lambda rng: rng.lognormal(5, 1))
        base, outcome = period_base(built, **YEAR), ["start_mrr", "end_mrr", "lost", "due", "term"]
        clear = 0
        for seed in range(12):
            dealt = base[outcome].sample(frac=1, random_state=seed).reset_index(drop=True)
            monkeypatch.setattr(cells, "period_base", lambda *_, dealt=dealt, **__: base.assign(**dealt))
            found = established.beyond_parts(beyond_parts(Marts.open(built.folder), **YEAR, **BY))
            clear += bool(decide(found).ranked)
        assert clear <= 1


class TestEnds:
    def test_the_worst_share_what_makes_them_leave(self, tmp_path) -> None:
        built = company(tmp_path, leave=lambda row: 0.5 if row["channel"] == "partner" else 0.1)
        common = in_common(built, **YEAR, **BY)
        partner = common.row(which="worst", attribute="channel", level="partner")
        assert partner["times"] > 2
        assert partner["low"] > 0
        assert partner["n"] == (period_base(built, **YEAR)["channel"] == "partner").sum()
        assert common.row(which="best", attribute="channel", level="partner")["estimate"] < 0.01
        said = answers.shared(common, words=WORDS)
        assert "channel “partner”" in said.split("\n\n")[1]
        assert len(answers.most_shared(common).table) <= 10

    def test_shares_of_a_level_are_the_mean_of_its_chances(self, marts, found) -> None:
        kept = found.where(metric="logo_retention").table.dropna(subset="best_tenth")
        web = kept[kept["attribute"].str.contains("channel") & kept["level"].str.startswith("web")]
        common = in_common(marts, **YEAR, **BY).row(which="best", attribute="channel", level="web")
        assert common["archetypes"] == len(web)
        assert common["estimate"] == pytest.approx(web["best_tenth"].mean())

    def test_money_of_an_archetype_is_that_of_its_accounts_now(self, marts, found) -> None:
        key = {"attribute": "channel and size", "level": "partner and large"}
        accounts = marts.frame("accounts")
        mine = accounts[(accounts["channel"] == "partner") & (accounts["size"] == "large")]
        arr = 12 * mine.loc[mine["status"] == "active", "mrr_now"].sum()
        assert found.row(**key, metric="arr_now")["estimate"] == pytest.approx(arr)
        company = found.row(attribute="all", level="all", metric="grr")["estimate"]
        gap = found.row(**key, metric="arr_at_company")
        assert gap["estimate"] == pytest.approx(arr * (company - found.row(**key, metric="grr")["estimate"]))
        assert 0 < gap["low"] < gap["estimate"] < gap["high"]

    def test_every_order_by_itself(self, marts) -> None:
        orders = by_order(marts, **YEAR, by=["channel", "size", "region", "half"])
        assert list(orders.table["order"].unique()) == [1, 2, 3, 4]
        for order in (1, 2):
            kept = archetypes(marts, **YEAR, by=["channel", "size", "region", "half"], order=order)
            ranked = kept.where(metric="logo_retention").table.dropna(subset="best_tenth")
            row = orders.row(order=order, which="worst")
            assert row["archetypes"] == len(ranked)
            assert row["estimate"] == pytest.approx(ranked["estimate"].min())
        said = answers.deeper(orders, order=2, words=WORDS)
        assert "with four attributes" in said
        assert "Here two attributes are combined." in said

    def test_order_of_accounts_and_attributes_changes_next_to_nothing(self, marts, found) -> None:
        """Of attributes only the points that stand for their spreads are others."""
        keys = ["level", "metric"]
        turned = archetypes(marts, **YEAR, by=BY["by"][::-1]).table
        one = found.table[found.table["attribute"] == "channel and region"].set_index(keys)["estimate"]
        turned = turned[turned["attribute"] == "region and channel"]
        two = turned.assign(level=turned["level"].str.split(" and ").str[::-1].str.join(" and ")).set_index(keys)
        one = one[one.index.get_level_values("metric").isin(METRICS)]
        assert np.allclose(one, two["estimate"].reindex(one.index), atol=0.01)


class TestSplit:
    def test_halves_are_fixed_and_about_equal(self) -> None:
        halves = [_first_half(f"c{i}") for i in range(2000)]
        assert abs(sum(halves) - 1000) < 100
        # md5 of "a" begins 0c, of "b" 92, of "e" e1, of "f" 8f
        assert [_first_half(name) for name in ("a", "b", "e", "f")] == [True, True, False, False]

    def test_the_lucky_ones_keep_less_in_the_other_half(self, tmp_path) -> None:
        built = company(tmp_path, n=1500, seed=5, leave=lambda row: 0.15)
        split = split_check(built, **YEAR, **BY, min_group=15)
        best = split.where(ranked_by="raw", which="best").table.set_index("measure")["estimate"]
        drawn = split.where(ranked_by="shrunk", which="best").table.set_index("measure")["estimate"]
        assert best["promised"] > best["confirmed"]
        assert abs(drawn["promised"] - drawn["confirmed"]) < best["promised"] - best["confirmed"]


class TestWords:
    def test_the_answer_names_the_worst_and_what_combinations_add(self, found, tested) -> None:
        assert "“partner and large”" in answers.headline(found, words=WORDS)
        said = answers.detail(found, tested, order=2, **YEAR, words=WORDS)
        assert "The clearest: accounts with channel and size “partner and large” keep" in said
        assert "nan" not in said

    def test_luck_never_tops_the_table(self, tmp_path) -> None:
        built = company(tmp_path, n=600, seed=8, leave=lambda row: 0.15)
        result = archetypes(built, **YEAR, **BY)
        assert answers.headline(result, words=WORDS).startswith("No archetype clearly")
        shown = answers.take_away(result).table
        assert shown["estimate"].max() - shown["estimate"].min() < shown["raw"].max() - shown["raw"].min()

    def test_figure_and_table_hold_no_archetype_twice(self, found) -> None:
        drawn = answers.to_draw(found).table
        assert (drawn.groupby("group").size() == 2).all()
        assert len(drawn) <= 20
        assert drawn["group"].str.endswith(")").all()
