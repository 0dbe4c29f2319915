"""Net scores: worked sums, coverage at ten answers and with clustered ones, and no difference found where none is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_value.stats import clustering, net_score

SEED = 20_260_630
WORLDS = 400
SLACK = 3 * np.sqrt(0.95 * 0.05 / WORLDS)
"""Three standard errors of a coverage of 95 % over so many worlds."""

ANSWERS = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=60)


class TestEstimate:
    def test_by_hand(self) -> None:
        # 5 promoters, 3 passives, 2 detractors: 13 answers with the pseudo-answers, of which 5.75 and 2.75
        found = net_score.estimate([1] * 5 + [0] * 3 + [-1] * 2)
        assert found.estimate == pytest.approx(0.3)
        assert found.centre == pytest.approx(3 / 13)
        error = np.sqrt(((5.75 + 2.75) / 13 - (3 / 13) ** 2) / 13)
        assert found.standard_error == pytest.approx(error)
        assert (found.low, found.high) == pytest.approx((3 / 13 - 1.959964 * error, 3 / 13 + 1.959964 * error))

    def test_counts_and_answers_agree(self) -> None:
        found = net_score.estimate([1] * 40 + [0] * 30 + [-1] * 20)
        assert net_score.from_counts(40, 20, 90) == pytest.approx((found.estimate, found.low, found.high))

    def test_all_alike_is_not_certain(self) -> None:
        found = net_score.estimate([1] * 10)
        assert (found.estimate, found.high) == (1, 1)
        assert 0.3 < found.low < 0.7

    @given(ANSWERS)
    def test_limits_hold_the_estimate_and_mirror(self, signs) -> None:
        found, mirrored = (
            net_score.estimate(signs, confidence=0.8),
            net_score.estimate(-np.array(signs), confidence=0.8),
        )
        assert -1 <= found.low <= found.estimate <= found.high <= 1
        assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))

    @given(ANSWERS, st.integers(0, 1000))
    def test_order_changes_nothing(self, signs, seed) -> None:
        cluster = np.arange(len(signs)) // 3
        order = np.random.default_rng(seed).permutation(len(signs))
        one = net_score.estimate(signs, cluster=cluster)
        two = net_score.estimate(np.array(signs)[order], cluster=cluster[order])
        assert (one.estimate, one.low, one.high) == pytest.approx((two.estimate, two.low, two.high))

    def test_no_answer_has_no_score(self) -> None:
        assert np.isnan(net_score.estimate([]).estimate)
        assert np.isnan(net_score.from_counts(0, 0, 0)).all()

    def test_an_answer_that_is_none_of_the_three_is_refused(self) -> None:
        with pytest.raises(ValueError, match="1, 0 or −1"):
            net_score.estimate([1, 2])
        with pytest.raises(ValueError, match="sum to n"):
            net_score.from_counts(6, 5, 10)


class TestClusters:
    def test_copies_tell_nothing_new(self) -> None:
        signs = np.array([1, 1, 0, -1, 1, 0, 0, -1, 1, 1] * 3)
        once = net_score.estimate(signs)
        copied = net_score.estimate(np.repeat(signs, 4), cluster=np.repeat(np.arange(30), 4))
        assert copied.effective_n == pytest.approx(30)
        assert (copied.low, copied.high) == pytest.approx((once.low, once.high))

    def test_independent_answers_of_one_cluster_each_lose_nothing(self) -> None:
        assert clustering.effective_n([1, 0, -1, 1], [1, 2, 3, 4]) == 4

    def test_intraclass_correlation_by_hand(self) -> None:
        # three pairs; between mean square 2 · ((2 − 2)² + (1 − 2)² + (3 − 2)²) / 2 = 2, within (2 + 0 + 0) / 3
        values, cluster = [1, 3, 1, 1, 3, 3], [1, 1, 2, 2, 3, 3]
        assert clustering.intraclass_correlation(values, cluster) == pytest.approx((2 - 2 / 3) / (2 + 2 / 3))

    def test_kish_for_unequal_weights(self) -> None:
        assert clustering.effective_n([1, 0, -1], [1, 2, 3], weight=[2, 1, 1]) == pytest.approx(16 / 6)


class TestDifference:
    def test_is_as_answered_and_agrees_with_its_p(self) -> None:
        one, two = net_score.estimate([1] * 60 + [-1] * 20), net_score.estimate([1] * 30 + [0] * 10 + [-1] * 30)
        found = net_score.difference(one, two)
        assert found.estimate == pytest.approx(0.5)
        assert found.low > 0
        assert found.p < 0.05
        back = net_score.difference(two, one)
        assert (back.low, back.high, back.p) == pytest.approx((-found.high, -found.low, found.p))

    def test_no_answers_no_p(self) -> None:
        assert np.isnan(net_score.difference(net_score.estimate([]), net_score.estimate([1, 0])).p)


@pytest.mark.parametrize("n", [10, 50, 200])
def test_coverage(n: int) -> None:
    # Over shares spread evenly: 95.4, 95.1 and 95.1 % of 20,000 worlds.
    rng = np.random.default_rng(SEED)
    shares = rng.dirichlet((1, 1, 1), 4000)
    counts = rng.multinomial(n, shares)
    _, low, high = net_score.from_counts(counts[:, 0], counts[:, 2], n)
    true = shares[:, 0] - shares[:, 2]
    assert 0.93 < ((low <= true) & (true <= high)).mean() < 0.98


@pytest.mark.parametrize("groups", [10, 60])
def test_coverage_with_several_answers_an_account(groups: int) -> None:
    """Ignoring that answers of one account are alike would hold the truth in 80 to 88 % (2,000 worlds)."""
    rng = np.random.default_rng(SEED)
    hits = naive = 0
    for _ in range(WORLDS):
        sizes = rng.choice([1, 2, 3, 6], groups, p=[0.5, 0.25, 0.15, 0.1])
        leaning = rng.dirichlet(np.array([0.45, 0.35, 0.2]), groups)
        cluster = np.repeat(np.arange(groups), sizes)
        signs = 1 - (rng.random(sizes.sum())[:, None] > leaning[cluster].cumsum(axis=1)[:, :2]).sum(axis=1)
        for kind in (True, False):
            found = net_score.estimate(signs, cluster=cluster if kind else None)
            held = found.low <= 0.25 <= found.high
            hits, naive = hits + (held if kind else 0), naive + (0 if kind else held)
    assert 0.93 - SLACK < hits / WORLDS < 0.98 + SLACK
    assert naive / WORLDS < 0.9


def test_no_difference_is_found_where_none_is() -> None:
    rng = np.random.default_rng(SEED)
    draws = [rng.choice([1, 0, -1], (WORLDS * 2, n), p=[0.45, 0.35, 0.2]) for n in (20, 100)]
    p = [net_score.difference(*map(net_score.estimate, pair)).p for pair in zip(*draws, strict=True)]
    assert np.mean(np.array(p) < 0.05) < 0.05 + SLACK
