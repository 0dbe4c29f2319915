"""Clusters: against scikit-learn, points with and without structure, order of rows, and accounts from marts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value.errors import SettingsError
from customer_value.stats import cluster_stability, partitions
from customer_value.stats.cluster_stability import robust_scores, stable_clusters
from customer_value.stats.partitions import NOISE, adjusted_rand, partition, principal_axes, silhouette
from customer_value.strategy.answers import clusters as answers
from customer_value.strategy.decisions import decide
from customer_value.strategy.established import clusters as established
from customer_value.strategy.wording import Words
from customer_value.studies import archetypes
from customer_value.studies.archetypes.behaviour import TOO_NEW
from marts_fixtures import build_marts

STORED = json.loads((Path(__file__).parent / "reference" / "clusters.json").read_text(encoding="utf-8"))
WORDS = Words(currency="GBP")
YEAR = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}
START = {"start": YEAR["start"]}


def blobs(n: int = 300, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return np.array([[0, 0, 0, 0], [5, 5, 0, 0], [0, 5, 5, 5]])[label] + rng.normal(size=(n, 4)), label


class TestPartitions:
    @pytest.mark.parametrize("method", partitions.METHODS)
    def test_as_scikit_learn_divides_them(self, method) -> None:
        points, theirs = np.array(STORED["points"]), np.array(STORED["labels"][method])
        found = partition(points, method=method, setting=STORED["dense"] if method == "dbscan" else 3)
        assert adjusted_rand(found.labels, theirs) > 0.95
        assert (
            adjusted_rand(found.labels[found.labels != NOISE], np.array(STORED["truth"])[found.labels != NOISE]) >= 0.9
        )
        if method in ("hierarchical", "dbscan"):
            assert adjusted_rand(found.labels, theirs) == 1
            assert ((found.labels == NOISE) == (theirs == -1)).all()
        assert (np.diff(found.sizes) <= 0).all()

    def test_agreement_and_axes_as_scikit_learn_reckons_them(self) -> None:
        assert adjusted_rand(STORED["truth"], STORED["labels"]["dbscan"]) == pytest.approx(STORED["rand"])
        assert adjusted_rand(STORED["truth"], STORED["shuffled"]) == pytest.approx(STORED["rand_shuffled"])
        _, loadings, shares = principal_axes(np.array(STORED["points"]))
        assert np.allclose(np.abs(loadings), np.abs(STORED["components"]), atol=1e-9)
        assert np.allclose(shares, STORED["shares"])
        assert (loadings[np.arange(2), np.abs(loadings).argmax(axis=1)] > 0).all()

    def test_silhouette_by_hand(self) -> None:
        points = np.array([[0.0], [2.0], [9.0], [11.0]])
        # centres at 1 and 10: the inner points lie 1 and 8 away, the outer 1 and 10
        assert silhouette(points, [0, 0, 1, 1]) == pytest.approx((2 * (1 - 1 / 8) + 2 * (1 - 1 / 10)) / 4)
        assert silhouette(points, [0, 0, 0, NOISE]) == 0

    @given(st.permutations(range(40)))
    @settings(max_examples=8, deadline=None)
    @pytest.mark.parametrize("method", partitions.METHODS)
    def test_order_of_rows_changes_nothing(self, method, order) -> None:
        points, _ = blobs(40)
        setting = 0.8 if method == "dbscan" else 3
        usual = partition(points, method=method, setting=setting).labels
        assert (partition(points[list(order)], method=method, setting=setting).labels == usual[list(order)]).all()

    def test_a_method_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="method must be one of"):
            partition(np.zeros((3, 1)), method="magic", setting=2)


class TestStable:
    @pytest.mark.parametrize("method", partitions.METHODS)
    def test_blobs_come_back_and_their_number_is_found(self, method) -> None:
        points, label = blobs()
        found = stable_clusters(robust_scores(pd.DataFrame(points)).to_numpy(), method=method, most=4)
        assert len(found.partition.centres) == 3
        inside = found.partition.labels != NOISE
        assert inside.mean() > 0.7
        assert adjusted_rand(found.partition.labels[inside], label[inside]) >= 0.9
        assert (found.stability >= cluster_stability.STABLE).all()

    @pytest.mark.parametrize("kind", ["bell", "stretched", "uniform", "skewed", "heavy", "counts"])
    def test_points_without_structure_have_no_clusters(self, kind) -> None:
        """A stretched cloud cut in two comes back in every half, and skewed traits look divided: no clusters."""
        rng = np.random.default_rng(3)
        drawn = {
            "bell": lambda: rng.normal(size=(300, 4)),
            "stretched": lambda: rng.normal(size=(300, 4)) * [5, 1, 1, 1] @ rng.normal(size=(4, 4)),
            "uniform": lambda: rng.random((300, 4)),
            "skewed": lambda: rng.exponential(size=(300, 4)),
            "heavy": lambda: rng.standard_t(3, (300, 4)),
            "counts": lambda: rng.poisson(1.0, (300, 4)).astype(float),
        }[kind]()
        found = stable_clusters(robust_scores(pd.DataFrame(drawn)).to_numpy(), most=4)
        assert found.partition is None
        assert not found.tried["holds"].any()
        if kind == "stretched":
            assert found.tried["stability"].iloc[0] > cluster_stability.STABLE

    def test_equal_values_are_not_parted_by_the_order_of_rows(self) -> None:
        """Of two traits that most accounts share, unrelated, points without structure are unrelated, too."""
        rng = np.random.default_rng(0)
        points = np.column_stack([rng.random((600, 2)) < 0.15, rng.normal(size=600)]).astype(float)
        usual = cluster_stability._by_chance(points, "kmeans", 3)
        for order in (np.lexsort(points.T[::-1]), np.lexsort(points.T), rng.permutation(600)):
            assert cluster_stability._by_chance(points[order], "kmeans", 3) == pytest.approx(usual, abs=1e-9)
        still = np.column_stack([points, np.ones(600)])
        assert np.isfinite(cluster_stability._by_chance(still, "kmeans", 3))

    def test_many_points_are_learned_from_some(self, monkeypatch) -> None:
        points, label = blobs(900)
        monkeypatch.setattr(cluster_stability, "MOST_FITTED", 300)
        found = stable_clusters(points, most=3)
        assert adjusted_rand(found.partition.labels, label) > 0.9
        assert found.tried["smallest"].iloc[-1] > 100

    def test_scores_are_in_units_of_their_own_spread_and_bounded(self) -> None:
        rng = np.random.default_rng(1)
        values = pd.DataFrame({"a": rng.normal(50, 10, 500), "same": 7.0, "b": rng.normal(size=500)})
        values.loc[0, "a"], values.loc[1, "b"] = 1e9, np.nan
        scores = robust_scores(values)
        assert list(scores) == ["a", "b"]
        assert scores["a"].max() == 2.5
        assert scores.loc[1, "b"] == 0
        assert scores["a"].std() == pytest.approx(1, abs=0.1)
        assert np.allclose(robust_scores(values * 1_000), scores)


def company(folder, *, n: int = 240, seed: int = 2, usage: bool = True, money: float = 1.0, future: bool = True):
    """Half of the accounts use much and many features; the others little, of whom a third leaves in 2024."""
    rng = np.random.default_rng(seed)
    rows, used = [], []
    for i in range(n):
        name, busy = f"c{i:03d}", i % 2 == 0
        gone = future and not busy and i % 3 == 0
        mrr = money * round(float(rng.lognormal(5.5 if busy else 4, 0.3)), 2)
        rows.append({"customer_id": name, "start_date": "2023-02-01", "mrr": mrr, "billing_months": 1})
        rows[-1]["end_date"] = "2024-06-20" if gone else None
        events = rng.poisson(60 if busy else 8, 8)
        for month, uses in zip(range(5, 13), events, strict=True):
            for feature in range(6 if busy else 2):
                each = {"customer_id": name, "month": date(2023, month, 1), "feature": f"f{feature}"}
                used.append(each | {"events": int(1 + uses // (6 if busy else 2))})
    # Too new to have a half year of use
    rows.append({"customer_id": "new", "start_date": "2023-12-01", "mrr": 100 * money, "billing_months": 1})
    rows.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    return build_marts(
        folder,
        subscriptions=rows,
        as_of="2024-12-31",
        observed_from="2022-12-01",
        further={"feature_usage_monthly": used} if usage else {},
    )


@pytest.fixture(scope="module")
def marts(tmp_path_factory):
    return company(tmp_path_factory.mktemp("busy"))


class TestBehaviour:
    def test_finds_those_who_differ_and_says_how(self, marts) -> None:
        found = archetypes.clusters(marts, **YEAR)
        sizes = found.where(metric="customers").table.set_index("cluster")["n"]
        assert list(sizes) == [241, 120, 120, 1]
        assert sizes.index[-1] == TOO_NEW
        little = next(name for name in sizes.index if "little use" in name or "few features" in name)
        kept = found.row(cluster=little, metric="logo_retention")
        assert (kept["n"], kept["events"]) == (120, 40)
        assert found.row(cluster=little, metric="customers")["stability"] > 0.9
        shares = found.where(metric="arr_share").table.set_index("cluster")["estimate"]
        assert shares.drop("all").sum() == pytest.approx(1)

    def test_neither_the_future_nor_the_unit_of_money_defines_a_cluster(self, marts, tmp_path) -> None:
        other = company(tmp_path, future=False, money=100.0)
        one, two = (archetypes.cluster_view(each, **START).table for each in (marts, other))
        assert (one[["customer_id", "cluster"]] == two[["customer_id", "cluster"]]).all(axis=None)
        assert np.allclose(one[["estimate", "second"]], two[["estimate", "second"]])
        assert archetypes.clusters(other, **YEAR).row(cluster="all", metric="logo_retention")["estimate"] == 1
        profiles = [archetypes.cluster_profiles(each, **START).where(trait="mrr").table for each in (marts, other)]
        assert np.allclose(profiles[1]["estimate"], 100 * profiles[0]["estimate"])

    def test_contrasts_are_recorded_and_tested_first_at_most(self, marts) -> None:
        compared = archetypes.cluster_contrasts(marts, **YEAR)
        # Of two clusters one is the mirror of the other.
        assert compared.table["cluster"].nunique() == 1
        found = established.contrasts(compared)
        assert len(found) == 3
        assert {finding.design for finding in found} == {"C"}
        assert {decision.certainty for decision in decide(found).ranked} <= {"Test first", "Watch"}
        row = compared.row(cluster=compared.table["cluster"].iloc[0], metric="logo_retention")
        assert abs(row["estimate"]) == pytest.approx(1 / 3)
        money = compared.row(cluster=row["cluster"], metric="grr")
        assert 0 < money["money_low"] < money["money"] < money["money_high"]

    def test_words_say_what_fared_otherwise(self, marts) -> None:
        found, tried = archetypes.clusters(marts, **YEAR), archetypes.cluster_number(marts, **START)
        compared = archetypes.cluster_contrasts(marts, **YEAR)
        assert answers.headline(found, tried, words=WORDS) == "By what accounts did, 2 clusters can be told apart"
        said = answers.detail(found, tried, compared, start=YEAR["start"], words=WORDS)
        assert "240 accounts" in said
        assert "The clearest: “" in said
        assert "nan" not in said
        assert set(answers.to_list(tried).table["holds"]) == {"yes", "no"}

    def test_without_use_no_cluster_is_sought(self, tmp_path) -> None:
        silent = company(tmp_path, usage=False)
        found, tried = archetypes.clusters(silent, **YEAR), archetypes.cluster_number(silent, **START)
        assert set(found.table["cluster"]) == {"all"}
        assert tried.table.empty
        compared = archetypes.cluster_contrasts(silent, **YEAR)
        assert established.contrasts(compared) == []
        assert "Too little use" in answers.headline(found, tried, words=WORDS)
        assert "do not have it" in answers.detail(found, tried, compared, start=YEAR["start"], words=WORDS)
        assert archetypes.cluster_profiles(silent, **START).table.empty
        assert archetypes.cluster_view(silent, **START).table.empty
        assert answers.outcomes_to_draw(found).table.empty

    def test_impossible_choices_are_refused(self, marts) -> None:
        with pytest.raises(SettingsError, match="choose from kmeans"):
            archetypes.clusters(marts, **YEAR, method="magic")
        with pytest.raises(SettingsError, match="most = 1"):
            archetypes.cluster_number(marts, **START, most=1)
