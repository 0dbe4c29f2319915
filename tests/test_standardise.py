"""Groups made comparable: the raw comparison as a special case, R, statsmodels, separation, and tails that hold."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from customer_value.stats import intervals, standardise
from customer_value.stats.saddlepoint import two_sided_p
from customer_value.stats.standardise import ShareModel, common_range, design, ratio_contrast, standardised_shares

SEED = 20_260_630
NOTHING = np.empty((300, 0))


def confounded(n: int, *, seed: int = SEED, effect: float = 0.0, loss: float = 0.15):
    """Outcome kept (1) or not; larger ones are likelier in the group and likelier kept. Also the true difference."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    term = np.where(rng.random(n) < expit(size), "annual", "monthly")
    inside = rng.random(n) < expit(-0.7 + size)
    odds = np.log(loss / (1 - loss)) - 0.8 * size - 0.5 * (term == "annual")
    chance = expit(odds + effect * inside)
    outcome = (rng.random(n) >= chance).astype(float)
    truth = float((expit(odds) - expit(odds + effect)).mean())
    return outcome, inside, pd.DataFrame({"size": size, "term": term}), np.exp(6 + size), truth


class TestRawIsTheSpecialCase:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_without_covariates_it_is_newcombe_and_the_score_test(self, weighted) -> None:
        outcome, inside, _, weight, _ = confounded(300)
        weight = weight if weighted else np.ones(300)
        found = ShareModel.fit(outcome, inside, NOTHING, weight=weight).contrast().difference()
        sides = []
        for side in (inside, ~inside):
            sides += [np.average(outcome[side], weights=weight[side]), intervals.effective_n(weight[side])]
        estimate, low, high, p = intervals.share_difference(*sides)
        assert (found.estimate, found.low, found.high) == pytest.approx((estimate, low, high), abs=1e-5)
        # the saddlepoint knows that prices differ; the score test on effective numbers does not
        assert found.p == pytest.approx(p, abs=0.05 if weighted else 2e-4)

    def test_ratio_without_covariates_is_nearly_the_jackknife(self) -> None:
        outcome, inside, _, weight, _ = confounded(300)
        after = outcome * weight * np.where(inside, 1.1, 1.2)
        one = ratio_contrast(after, weight, inside, NOTHING)
        sides = [intervals.ratio_jackknife(after[side], weight[side]) for side in (inside, ~inside)]
        assert one.estimate == pytest.approx(sides[0].estimate - sides[1].estimate)
        assert one.standard_error == pytest.approx(np.hypot(*(s.standard_error for s in sides)), rel=0.01)


class TestReferences:
    @pytest.fixture
    def reference(self, root):
        return json.loads((root / "tests" / "reference" / "standardise.json").read_text())

    @pytest.fixture
    def plain(self, monkeypatch):
        """R's model has no prior; without it the two are one."""
        monkeypatch.setattr(standardise, "_COVARIATE_SD", 1e4)
        monkeypatch.setattr(standardise, "_ANCHOR_SD", 1e5)

    def columns(self, reference):
        levels = np.array(reference["education"])
        return np.column_stack([reference["age"], reference["parity"], levels == 2, levels == 3]).astype(float)

    @pytest.mark.parametrize("over", ["all", "group"])
    def test_yes_or_no_against_r(self, reference, plain, over) -> None:
        """Estimates, and both parts of the variance; the first widened by n / (n − covariates)."""
        inside, expected = np.array(reference["inside"]) == 1, reference[over]
        found = ShareModel.fit(reference["case"], inside, self.columns(reference)).contrast(over=over)
        assert found.share == pytest.approx(expected["share"], abs=1e-6)
        assert found.rest_share == pytest.approx(expected["rest_share"], abs=1e-6)
        n = len(inside)
        variance = expected["of_model"] * n / (n - 4) + expected["of_base"]
        assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-5)

    def test_fractions_by_weight_against_r(self, reference, plain) -> None:
        inside, expected = np.array(reference["inside"]) == 1, reference["fraction_by_weight"]
        model = ShareModel.fit(reference["part"], inside, self.columns(reference), weight=reference["age"])
        found = model.contrast()
        assert found.share == pytest.approx(expected["share"], abs=1e-6)
        assert found.rest_share == pytest.approx(expected["rest_share"], abs=1e-6)

    def test_score_against_r(self, reference, plain) -> None:
        """A balanced base, where the saddlepoint and the normal tail of R's Rao test are close."""
        inside = np.array(reference["inside"]) == 1
        model = ShareModel.fit(reference["case"], inside, self.columns(reference))
        n = len(inside)
        expected = 2 * stats.norm.sf(np.sqrt(reference["rao"] * (n - 4) / n))
        assert np.log(model.p) == pytest.approx(np.log(expected), rel=0.02)

    def test_the_prior_hardly_shows(self, reference) -> None:
        inside = np.array(reference["inside"]) == 1
        score = self.columns(reference)
        score[:, :2] = (score[:, :2] - score[:, :2].mean(axis=0)) / score[:, :2].std(axis=0)
        found = ShareModel.fit(reference["case"], inside, score).contrast()
        assert found.estimate == pytest.approx(reference["all"]["share"] - reference["all"]["rest_share"], abs=0.005)

    def test_statsmodels_averaged_by_hand(self) -> None:
        outcome, inside, covariates, weight, _ = confounded(2000, effect=0.8)
        columns = design(covariates)
        x = np.column_stack([np.ones(2000), columns, inside])
        fitted = sm.GLM(outcome, x, family=sm.families.Binomial(), freq_weights=weight / weight.mean()).fit()
        both = [fitted.predict(np.column_stack([x[:, :-1], np.full(2000, member)])) for member in (1.0, 0.0)]
        expected = [np.average(each, weights=weight) for each in both]
        found = ShareModel.fit(outcome, inside, columns, weight=weight).contrast()
        assert (found.share, found.rest_share) == pytest.approx(expected, abs=1e-3)

    def test_ratio_against_statsmodels_hc3(self) -> None:
        outcome, inside, covariates, weight, _ = confounded(400)
        columns = design(covariates)
        x = np.column_stack([np.ones(400), columns, inside])
        fitted = sm.WLS(outcome * 1.1, x, weights=weight).fit().get_robustcov_results("HC3", use_t=True)
        found = ratio_contrast(outcome * 1.1 * weight, weight, inside, columns)
        assert found.estimate == pytest.approx(fitted.params[-1])
        assert found.standard_error == pytest.approx(fitted.bse[-1])
        # the error is known as well as the smaller side lets it, in effective numbers
        freedom = min(intervals.effective_n(weight[side]) for side in (inside, ~inside)) - 1
        expected = 2 * stats.t.sf(abs(fitted.tvalues[-1]), freedom)
        assert found.difference().p == pytest.approx(expected)
        assert expected > fitted.pvalues[-1]


class TestIdentities:
    def test_over_the_group_itself_its_share_is_what_was_seen(self) -> None:
        outcome, inside, covariates, weight, _ = confounded(400)
        found = ShareModel.fit(outcome, inside, design(covariates), weight=weight).contrast(over="group")
        assert found.share == pytest.approx(np.average(outcome[inside], weights=weight[inside]), abs=1e-4)

    def test_the_base_is_its_two_sides(self) -> None:
        outcome, inside, covariates, weight, _ = confounded(400)
        model = ShareModel.fit(outcome, inside, design(covariates), weight=weight)
        parts = [model.contrast(over=over).estimate for over in ("group", "rest")]
        sums = [weight[side].sum() for side in (inside, ~inside)]
        assert model.contrast(over="all").estimate == pytest.approx(np.average(parts, weights=sums))

    def test_one_price_is_no_price(self) -> None:
        outcome, inside, covariates, _, _ = confounded(200)
        plain = standardised_shares(outcome, inside, covariates)
        priced = standardised_shares(outcome, inside, covariates, weight=np.full(200, 7.0))
        pd.testing.assert_frame_equal(plain, priced)

    def test_two_groups_are_mirror_images(self) -> None:
        outcome, inside, covariates, _, _ = confounded(200)
        table = standardised_shares(outcome, np.where(inside, "a", "b"), covariates)
        one, two = table.loc["a"], table.loc["b"]
        assert one["estimate"] == pytest.approx(-two["estimate"], abs=1e-4)
        assert (one["low"], one["p"]) == pytest.approx((-two["high"], two["p"]), abs=1e-4)

    @given(seed=st.integers(0, 50))
    def test_order_and_names_change_nothing(self, seed) -> None:
        outcome, inside, covariates, weight, _ = confounded(120, seed=seed)
        shuffled = np.random.default_rng(seed).permutation(120)
        renamed = covariates.assign(term=covariates["term"].map({"annual": "z", "monthly": "a"}))
        one = ShareModel.fit(outcome, inside, design(covariates), weight=weight)
        two = ShareModel.fit(
            outcome[shuffled], inside[shuffled], design(renamed.iloc[shuffled]), weight=weight[shuffled]
        )
        # where two levels are equally common, the prior leans on the other one
        assert two.p == pytest.approx(one.p, abs=0.01)
        assert two.contrast().estimate == pytest.approx(one.contrast().estimate, abs=1e-3)

    def test_a_reference_leaves_third_groups_out_of_the_model_but_not_out_of_the_base(self) -> None:
        outcome, inside, covariates, _, _ = confounded(600)
        group = np.where(inside, "a", np.where(np.arange(600) % 3 == 0, "b", "c"))
        table = standardised_shares(outcome, group, covariates, reference="b")
        assert list(table.index) == ["a", "c"]
        assert table.loc["a", "n_rest"] == (group == "b").sum()
        lost = np.where(group == "c", 0.0, outcome)  # what became of a third group is of no account
        again = standardised_shares(lost, group, covariates, reference="b")
        assert again.loc["a", "estimate"] == table.loc["a", "estimate"]
        two = group != "c"
        alone = standardised_shares(outcome[two], group[two], covariates[two], reference="b")
        assert alone.loc["a", "estimate"] != pytest.approx(table.loc["a", "estimate"], abs=1e-6)


class TestTruth:
    def test_simpson(self) -> None:
        """Stickier overall, because large ones buy it; worse in every size."""
        rng = np.random.default_rng(SEED)
        cells = {(False, False): (900, 0.80), (False, True): (100, 0.95), (True, False): (100, 0.72)}
        cells[True, True] = (900, 0.88)
        rows = [
            (inside, large, rng.permutation(np.arange(n) < share * n)) for (inside, large), (n, share) in cells.items()
        ]
        inside = np.concatenate([np.full(len(kept), one) for one, _, kept in rows])
        covariates = pd.DataFrame({"large": np.concatenate([np.full(len(kept), large) for _, large, kept in rows])})
        kept = np.concatenate([kept for *_, kept in rows]).astype(float)
        assert kept[inside].mean() > kept[~inside].mean() + 0.04
        row = standardised_shares(kept, inside, covariates).loc[True]
        assert row["high"] < 0
        # cell by cell, over a base half of which is large
        assert row["estimate"] == pytest.approx((0.72 - 0.80 + 0.88 - 0.95) / 2, abs=0.01)

    @pytest.mark.parametrize("effect", [0.0, 0.7])
    def test_recovers_the_truth_where_raw_is_wrong(self, effect) -> None:
        outcome, inside, covariates, _, truth = confounded(30_000, seed=1, effect=effect)
        raw = outcome[inside].mean() - outcome[~inside].mean()
        row = standardised_shares(outcome, inside, covariates).loc[True]
        assert row["low"] < truth < row["high"]
        assert row["high"] - row["low"] < 0.025
        assert abs(raw - truth) > 0.07

    def test_a_ratio_recovers_the_truth(self) -> None:
        outcome, inside, covariates, weight, _ = confounded(30_000)
        found = ratio_contrast(outcome * weight * 1.2, weight, inside, design(covariates)).difference()
        assert found.low < 0 < found.high
        raw = [np.average(outcome[side], weights=weight[side]) for side in (inside, ~inside)]
        assert 1.2 * (raw[0] - raw[1]) > found.high + 0.02


class TestTails:
    """The front page's gate lives where p is small: there the normal tail is too thin for small groups."""

    @pytest.mark.parametrize(("n", "chance", "rest"), [(35, 0.05, 1400), (60, 0.02, 1400), (100, 0.15, 400)])
    def test_against_every_outcome_there_can_be(self, n, chance, rest) -> None:
        """Two sides of equal chance: the exact law of the difference by convolution, mid-p."""
        pull = np.r_[np.full(n, 1 - n / (n + rest)), np.full(rest, -n / (n + rest))]
        expected = np.full(n + rest, chance)
        counts = [np.arange(size + 1) for size in (n, rest)]
        law = np.multiply.outer(
            *(stats.binom.pmf(count, size, chance) for count, size in zip(counts, (n, rest), strict=True))
        )
        total = np.add.outer(counts[0] * pull[0], counts[1] * pull[-1])
        deviation = np.sqrt(np.sum(pull**2) * chance * (1 - chance))
        for far in (2.5, 3.0, 3.5):
            seen = far * deviation
            exact = law[np.abs(total) >= seen].sum()
            p = two_sided_p(seen, pull, expected)
            assert p == pytest.approx(exact, rel=0.35)
        if n < 100:  # the normal tail at the last one
            assert 2 * stats.norm.sf(far) < exact / 2

    def test_the_middle_and_the_ends(self) -> None:
        pull, expected = np.array([1.0, 1, -1, -1]), np.full(4, 0.5)
        assert two_sided_p(0.0, pull, expected) == pytest.approx(1.0)
        assert two_sided_p(2.0, pull, expected) == pytest.approx(2 / 16)
        assert two_sided_p(2.1, pull, expected) == 0
        assert two_sided_p(1.0, np.zeros(4), expected) == 1
        assert two_sided_p(1.0, pull, expected, dispersion=0.25) < two_sided_p(1.0, pull, expected)

    def test_false_alarms_in_small_groups(self) -> None:
        """One in two hundred at 0.005, where a test by the residuals' variance cries wolf ten times as often."""
        rng = np.random.default_rng(SEED)
        alarms = residual_alarms = 0
        worlds = 800
        for _ in range(worlds):
            size = rng.normal(size=400)
            inside = np.arange(400) < 40
            kept = (rng.random(400) >= expit(-3 - 0.4 * size)).astype(float)
            columns = design(pd.DataFrame({"size": size}))
            alarms += ShareModel.fit(kept, inside, columns).p <= 0.005
            residual_alarms += ratio_contrast(kept, np.ones(400), inside, columns).difference().p <= 0.005
        assert alarms <= stats.binom.ppf(0.999, worlds, 0.005)
        assert residual_alarms > 5 * max(alarms, 1)


class TestBadInput:
    @pytest.mark.parametrize("outcome", [0.0, 1.0])
    def test_one_outcome_throughout_is_no_difference(self, outcome) -> None:
        _, inside, covariates, _, _ = confounded(300)
        row = standardised_shares(np.full(300, outcome), inside, covariates).loc[True]
        assert row["p"] > 0.9
        assert row["estimate"] == pytest.approx(0, abs=1e-4)
        _, low, high, _ = intervals.share_difference(1, inside.sum(), 1, (~inside).sum())
        # as wide as the raw comparison's, or wider
        assert row["high"] - row["low"] > 0.95 * float(high - low)

    def test_a_group_that_lost_nobody_has_an_interval(self) -> None:
        outcome, inside, covariates, _, _ = confounded(300, loss=0.3)
        row = standardised_shares(np.where(inside, 1.0, outcome), inside, covariates).loc[True]
        assert row["share"] == pytest.approx(1, abs=1e-3)
        assert 0 < row["low"] < row["estimate"] < row["high"] < 1

    def test_a_covariate_level_that_lost_nobody(self) -> None:
        """Such as accounts whose term did not come due: they could not leave."""
        outcome, inside, covariates, _, _ = confounded(300)
        due = np.arange(300) % 4 > 0
        row = standardised_shares(np.where(due, outcome, 1.0), inside, covariates.assign(due=due)).loc[True]
        among = standardised_shares(outcome[due], inside[due], covariates[due]).loc[True]
        assert row["estimate"] == pytest.approx(among["estimate"] * due.mean(), abs=0.015)

    def test_what_determines_the_group_leaves_nothing_to_compare(self) -> None:
        outcome, inside, covariates, _, _ = confounded(300)
        row = standardised_shares(outcome, inside, covariates.assign(same=inside)).loc[True]
        assert np.isnan([row["estimate"], row["low"], row["p"]]).all()
        assert row["n"] == inside.sum()
        assert row["overlap"] == 0
        assert ratio_contrast(outcome, np.ones(300), inside, design(pd.DataFrame({"same": inside}))) is None

    def test_collinear_and_constant_covariates_change_nothing(self) -> None:
        outcome, inside, covariates, _, _ = confounded(300)
        more = covariates.assign(again=covariates["size"] * 3, one="x", two=5.0)
        plain, doubled = (standardised_shares(outcome, inside, each).loc[True] for each in (covariates, more))
        assert doubled["estimate"] == pytest.approx(plain["estimate"], abs=2e-3)
        assert doubled["p"] == pytest.approx(plain["p"], abs=0.02)

    def test_what_is_missing_is_a_level_of_its_own(self) -> None:
        """Filled in only for those kept: dropping the rest would leave no loss at all."""
        outcome, _, covariates, _, _ = confounded(300)
        covariates["industry"] = np.where(outcome == 1, np.array(["a", "b"])[np.arange(300) % 2], None)
        covariates.loc[::2, "size"] = np.nan
        columns = design(covariates)
        assert len(columns) == 300
        missing = covariates["industry"].isna().to_numpy(float)
        assert any((column == missing).all() for column in columns.T)
        assert any((column == (np.arange(300) % 2 == 0)).all() for column in columns.T)
        assert np.isfinite(columns).all()

    def test_thousands_of_levels_are_a_few_columns(self) -> None:
        columns = design(pd.DataFrame({"id": [f"c{i}" for i in range(5000)], "plan": ["a", "b"] * 2500}))
        assert columns.shape[1] == 1
        many = design(pd.DataFrame({"plan": [f"p{i % 300}" for i in range(6000)]}))
        assert many.shape[1] == 10

    def test_small_groups_show_their_number_only(self) -> None:
        outcome, _, covariates, _, _ = confounded(300)
        for n, compared in ((29, False), (30, True), (270, True), (271, False)):
            row = standardised_shares(outcome, np.arange(300) < n, covariates).loc[True]
            assert row["n"] == n
            assert np.isfinite(row["estimate"]) == compared

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"outcome": np.full(300, 1.2)}, "between 0 and 1"),
            ({"outcome": np.ones(299)}, "one length"),
            ({"weight": np.full(300, -1.0)}, "negative"),
            ({"reference": "nobody"}, "reference must be one of"),
        ],
    )
    def test_what_cannot_be_is_refused(self, change, said) -> None:
        outcome, inside, covariates, _, _ = confounded(300)
        with pytest.raises(ValueError, match=said):
            standardised_shares(**({"outcome": outcome, "group": inside, "covariates": covariates} | change))


class TestOverlap:
    def test_drawn_by_lot_nearly_everybody_has_a_counterpart(self) -> None:
        _, _, covariates, _, _ = confounded(1000)
        assert common_range(np.arange(1000) % 2 == 0, design(covariates)) > 0.95

    def test_a_side_that_is_missing_from_one_kind_overlaps_in_the_other(self) -> None:
        """The group is a part of the annual ones: nothing is known of it among monthly ones, half of the base."""
        rng = np.random.default_rng(SEED)
        annual = np.arange(1000) % 2 == 0
        inside = annual & (rng.random(1000) < 0.3)
        columns = design(pd.DataFrame({"term": np.where(annual, "annual", "monthly")}))
        assert common_range(inside, columns) == pytest.approx(0.5)

    def test_without_covariates_all_are_alike(self) -> None:
        assert common_range(np.arange(300) < 40, NOTHING) == 1

    @pytest.mark.parametrize("n", [0, 300])
    def test_one_side_alone_is_no_overlap(self, n) -> None:
        assert np.isnan(common_range(np.arange(300) < n, NOTHING))
