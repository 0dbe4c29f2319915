"""Shrinkage: against closed forms and brute-force integration, small simulated worlds, and tests of single cells."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from customer_value.stats import spreads
from customer_value.stats.additive_cells import Counts, Design, Normal, fit
from customer_value.stats.departures import depart
from customer_value.stats.shrinkage import moderated_errors, shrink_estimates, shrink_shares

SEED = 20_260_630


def grid(rows: int, columns: int) -> pd.DataFrame:
    return pd.DataFrame(list(product("abcdefghij"[:rows], "klmnopqrst"[:columns])), columns=["one", "two"])


def world(rng: np.random.Generator, kind: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Five by seven cells of 30 to some hundred members, 14 % of whom have the event; levels, n, events, truth."""
    levels = grid(5, 7)
    n = np.maximum(30, rng.lognormal(np.log(70), 0.7, 35)).astype(int)
    eta = np.full(35, np.log(-np.log1p(-0.14)))
    if kind != "null":
        heavy = kind == "heavy"
        for name in levels:
            names = levels[name].unique()
            effect = 0.2 * rng.standard_t(3, len(names)) if heavy else rng.normal(0, 0.3, len(names))
            eta += levels[name].map(dict(zip(names, effect, strict=True))).to_numpy()
    if kind == "heavy":
        eta += 0.15 * rng.standard_t(3, 35)
    if kind == "interactions":
        eta += rng.normal(0, 0.3, 35)
    share = -np.expm1(-np.exp(np.clip(eta, -8, 1)))
    return levels, n, rng.binomial(n, share), share


class TestFit:
    def test_normal_cells_are_the_posterior_in_closed_form(self) -> None:
        rng = np.random.default_rng(1)
        levels, sigma, tau = grid(3, 4), np.array([0.4, 0.7]), 0.3
        values, error = rng.normal(size=12), rng.uniform(0.2, 0.6, 12)
        wide = Normal(values, error**-2).wide
        found = fit(Normal(values, error**-2), Design.of(levels), np.zeros(12), sigma[None, :], np.array([tau]))
        one = (levels["one"].to_numpy()[:, None] == levels["one"].to_numpy()).astype(float)
        two = (levels["two"].to_numpy()[:, None] == levels["two"].to_numpy()).astype(float)
        prior = wide**2 + sigma[0] ** 2 * one + sigma[1] ** 2 * two + tau**2 * np.eye(12)
        whole = prior + np.diag(error**2)
        assert np.allclose(found.eta[0], prior @ np.linalg.solve(whole, values), atol=1e-6)
        additive = prior - tau**2 * np.eye(12)
        assert np.allclose(found.additive[0], additive @ np.linalg.solve(whole, values), atol=1e-6)
        assert np.allclose(
            found.additive_variance[0], np.diag(additive - additive @ np.linalg.solve(whole, additive)), atol=1e-6
        )
        # Evidence up to a constant: compared with another pair of spreads.
        other = fit(Normal(values, error**-2), Design.of(levels), np.zeros(12), np.zeros((1, 2)), np.zeros(1))
        flat = wide**2 + np.diag(error**2)
        gap = stats.multivariate_normal(cov=whole).logpdf(values) - stats.multivariate_normal(cov=flat).logpdf(values)
        assert found.log_evidence[0] - other.log_evidence[0] == pytest.approx(gap, abs=1e-6)

    def test_mode_of_counts_is_where_the_slope_is_nothing(self) -> None:
        levels, n, events, _ = world(np.random.default_rng(2), "interactions")
        data, tau, sigma = Counts(events.astype(float), n.astype(float)), 0.4, 0.5
        found = fit(data, Design.of(levels), np.zeros(35), np.full((1, 2), sigma), np.array([tau]))
        score, _, _ = data.working(found.eta[0])
        assert np.allclose(score, found.departure[0] / tau**2, atol=1e-6)

    def test_score_and_information_are_derivatives(self) -> None:
        data, eta = Counts(np.array([0.0, 3.0, 7.5]), np.array([30.0, 40.0, 12.0])), np.array([-3.0, -1.5, 0.2])
        step = 1e-5
        slope = (data.working(eta + step)[2] - data.working(eta - step)[2]) / (2 * step)
        assert np.allclose(data.working(eta)[0], slope, rtol=1e-6)
        at_expected = Counts(data.n * -np.expm1(-np.exp(eta)), data.n)
        bend = (at_expected.working(eta + step)[0] - at_expected.working(eta - step)[0]) / (2 * step)
        assert np.allclose(at_expected.working(eta)[1], -bend, rtol=1e-6)


class TestShrunk:
    def test_a_cell_without_events_against_brute_force(self) -> None:
        """Posterior of one of two levels, no departures possible to tell apart: integrated over the effects by grid."""
        levels = pd.DataFrame({"one": list("ab")})
        found = shrink_shares([0, 8], [30, 60], levels).table
        # the same model: level flat, effects N(0, σ²), departures N(0, τ²), spreads on the same grid, by quadrature
        eta = np.log((8 + 0.5) / (90 + 1.0))
        start = fit(Counts(np.array([0.0, 8.0]), np.array([30.0, 60.0])), Design.of(levels), np.zeros(2),
                    np.array([[4 * np.sqrt(2 / np.exp(eta) / 90)]]), np.zeros(1))  # fmt: skip
        information = start.information[0]
        sigmas = spreads.MAIN_GRID * np.sqrt(2 / information.sum())
        taus = spreads.DEPARTURE_GRID / np.sqrt(information.mean())
        prior = spreads.before() @ [spreads.prior(spreads.MAIN_GRID, none=1 - share) for share in spreads.SHARES]
        assert prior.sum() == pytest.approx(1)
        level, gap = np.meshgrid(np.linspace(-7, 0, 351), np.linspace(-6, 6, 601), indexing="ij")
        shares = [-np.expm1(-np.exp(level + side * gap / 2)) for side in (-1, 1)]
        likelihood = stats.binom.pmf(0, 30, shares[0]) * stats.binom.pmf(8, 60, shares[1])
        mean = total = 0.0
        for (i, tau), (j, sigma) in product(enumerate(taus), enumerate(sigmas)):
            # the level is flat, so only the gap between the two has a prior
            spread = max(np.sqrt(2 * (sigma**2 + tau**2)), 1e-3)
            weight = prior[i, j] * likelihood * stats.norm.pdf(gap, 0, spread)
            if spread == 1e-3:
                at = np.argmin(np.abs(gap[0]))
                weight = np.zeros_like(weight)
                weight[:, at] = prior[i, j] * likelihood[:, at] / (gap[0, 1] - gap[0, 0])
            mean, total = mean + (weight * shares[0]).sum(), total + weight.sum()
        # Laplace's weights are at their worst here: two cells, one of them without events.
        assert found["estimate"][0] == pytest.approx(mean / total, rel=0.15)
        assert 0 < found["low"][0] < found["estimate"][0] < 8 / 90

    @pytest.mark.parametrize(
        ("kind", "least", "most"), [("null", 0.93, 1.0), ("heavy", 0.92, 0.97), ("interactions", 0.92, 0.97)]
    )
    def test_intervals_hold_the_truth_and_the_best_is_no_lucky_one(self, kind, least, most) -> None:
        rng, covered, bias, raw = np.random.default_rng(SEED), [], [], []
        for _ in range(40):
            levels, n, events, share = world(rng, kind)
            found = shrink_shares(events, n, levels).table
            covered.append(((found["low"] <= share) & (share <= found["high"])).mean())
            error = np.sqrt(share * (1 - share) / n)
            best, luckiest = int(found["estimate"].argmin()), int((events / n).argmin())
            bias.append((found["estimate"][best] - share[best]) / error[best])
            raw.append((events[luckiest] / n[luckiest] - share[luckiest]) / error[luckiest])
        assert least < np.mean(covered) <= most
        # Standard errors of the means are about 0.15 and 0.1.
        assert abs(np.mean(bias)) < 0.6
        assert np.mean(raw) < -1

    def test_chances_of_being_among_the_best_are_frequencies(self) -> None:
        rng, said, true = np.random.default_rng(SEED), [], []
        for _ in range(30):
            levels, n, events, share = world(rng, "interactions")
            said.append(shrink_shares(events, n, levels).among_best(largest=False))
            true.append(share <= np.sort(share)[3])
        said, true = np.concatenate(said), np.concatenate(true)
        assert said.sum() == pytest.approx(30 * 4, abs=0.5)
        sure = said > 0.6
        assert true[sure].mean() == pytest.approx(said[sure].mean(), abs=0.15)

    def test_draws_towards_the_additive_model_not_the_grand_mean(self) -> None:
        levels = grid(6, 6)
        rate = np.where(levels["one"] == "a", 0.35, 0.08)
        n = np.full(36, 400)
        n[0] = 30
        events = np.round(n * rate)
        events[0] = 2  # of the worst row, by luck
        found = shrink_shares(events, n, levels).table.iloc[0]
        assert found["additive"] == pytest.approx(0.35, abs=0.05)
        assert found["estimate"] > 0.25

    def test_what_is_expected_besides_is_no_merit(self) -> None:
        """Half of the cells could hardly lose anyone: with that known, no cell departs."""
        levels = grid(4, 4)
        locked = levels["two"].isin(["k", "l"]) ^ levels["one"].isin(["a", "b"])
        expected = np.where(locked, 0.01, 0.2)
        events, n = np.round(expected * 200), np.full(16, 200)
        departed = depart(events, n, levels, expected=expected)
        assert departed["p"].min() > 0.2
        assert depart(events, n, levels)["p"].min() < 1e-6
        assert np.allclose(shrink_shares(events, n, levels, expected=expected).table["additive"], expected, rtol=0.1)

    @given(st.permutations(range(12)))
    @settings(max_examples=10, deadline=None)
    def test_order_and_names_of_cells_change_nothing(self, order) -> None:
        levels, events, n = grid(3, 4), np.arange(12.0), np.full(12, 60.0)
        usual = shrink_shares(events, n, levels).table
        renamed = levels.replace({"a": "z", "k": "a"}).iloc[list(order)]
        found = shrink_shares(events[list(order)], n[list(order)], renamed.reset_index(drop=True)).table
        assert np.allclose(found, usual.iloc[list(order)], atol=1e-8)

    @pytest.mark.parametrize("factor", [0.001, 1_000.0])
    def test_estimates_scale(self, factor) -> None:
        rng = np.random.default_rng(4)
        levels, values, error = grid(3, 5), rng.normal(1, 0.2, 15), rng.uniform(0.05, 0.3, 15)
        usual = shrink_estimates(values, error, levels).table
        scaled = shrink_estimates(values * factor, error * factor, levels).table
        assert np.allclose(scaled / factor, usual, rtol=1e-6)

    def test_nothing_departs_where_the_data_are_additive(self) -> None:
        levels = grid(4, 5)
        own = shrink_estimates(levels["one"].map({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}), np.full(20, 0.1), levels)
        found = own.departures(confidence=0.8)
        assert (found["estimate"].abs() < 0.02).all()
        assert ((found["low"] <= 0) & (found["high"] >= 0)).all()

    def test_small_errors_of_small_cells_are_drawn_to_the_pooled_one(self) -> None:
        found = moderated_errors([1e-9, 0.1, 0.1, np.nan], [20, 100, 100, 1], [30, 100, 100, 1])
        assert found[0] > 0.1
        assert found[1] == pytest.approx(0.1, rel=0.1)
        assert np.isfinite(found).all()

    @pytest.mark.parametrize(
        ("events", "n", "levels", "said"),
        [
            ([5], [4], {"one": ["a"]}, "between 0 and n"),
            ([1, 1], [4, 4], {"one": ["a", "a"]}, "the same levels"),
            ([1], [4], {"one": [None]}, "at least one dimension"),
            ([1, 2], [4], {"one": ["a"]}, "one length"),
        ],
    )
    def test_impossible_cells_are_refused(self, events, n, levels, said) -> None:
        with pytest.raises(ValueError, match=said):
            shrink_shares(events, n, pd.DataFrame(levels))


class TestDepart:
    def test_the_tail_of_a_count_where_the_prediction_is_sure(self) -> None:
        """Next to huge cells the prediction has no uncertainty of its own: the plain binomial mid-p."""
        levels = grid(3, 3)
        n, events = np.full(9, 1_000_000.0), np.full(9, 100_000.0)
        n[0], events[0] = 50, 11
        found = depart(events, n, levels).iloc[0]
        tail = stats.binom.sf(11, 50, 0.1) + stats.binom.pmf(11, 50, 0.1) / 2
        assert found["p"] == pytest.approx(2 * tail, rel=0.02)
        assert found["estimate"] == pytest.approx(0.12, abs=1e-3)

    @pytest.mark.parametrize(("kind", "level"), [("null", 0.05), ("null", 0.01)])
    def test_rejects_no_more_than_it_says(self, kind, level) -> None:
        rng = np.random.default_rng(SEED)
        worlds = [world(rng, kind) for _ in range(60)]
        p = np.concatenate([depart(events, n, levels)["p"] for levels, n, events, _ in worlds])
        assert (p <= level).mean() < level + 3 * np.sqrt(level * (1 - level) / len(p))

    def test_finds_the_one_that_departs(self) -> None:
        levels, n = grid(4, 5), np.full(20, 200)
        events = np.full(20, 20)
        events[7] = 60
        found = depart(events, n, levels)
        assert found["p"].idxmin() == 7
        assert found["p"][7] < 1e-6
        assert found["low"][7] > 0.1

    def test_two_identical_dimensions_leave_nothing_to_compare_with(self) -> None:
        levels = pd.DataFrame({"one": list("abc"), "two": list("xyz")})
        assert (depart([3, 9, 30], [60, 60, 60], levels)["p"] > 0.2).all()


def test_tables_speak_to_one_spread_of_departures() -> None:
    """A small table beside a large additive one is drawn in further than alone: departures are seen to be none."""
    large = pd.DataFrame(list(product(range(8), range(8))), columns=["x", "y"]).astype(str)
    small = grid(2, 3)
    own_events, own_n = np.array([4, 12, 8, 14, 5, 9]), np.full(6, 60)
    alone = shrink_shares(own_events, own_n, small).departures(confidence=0.9)
    both = pd.concat([small, large], ignore_index=True)
    beside = shrink_shares(
        np.concatenate([own_events, np.full(64, 60)]), np.concatenate([own_n, np.full(64, 400)]), both
    ).departures(confidence=0.9)
    assert (beside["high"] - beside["low"])[:6].mean() < 0.7 * (alone["high"] - alone["low"]).mean()
