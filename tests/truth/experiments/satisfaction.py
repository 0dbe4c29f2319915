"""Net promoter scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from customer_value.stats import net_score
from experiment import Experiment, Measure, below, covers

SAMPLES = (10, 30, 200)


def _answers(seed: int) -> Mapping[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    found = {}
    for n in SAMPLES:
        shares = rng.dirichlet((4.0, 3.0, 2.0), 50)  # promoters, passives, detractors
        counts = rng.multinomial(n, shares)
        _, low, high = net_score.from_counts(counts[:, 0], counts[:, 2], n)
        found[f"score_{n}"] = covers(low, shares[:, 0] - shares[:, 2], high)
    return found


def _people(seed: int) -> Mapping[str, tuple[float, float]]:
    """Up to six answers an account, of people who think alike."""
    rng = np.random.default_rng(seed)
    accounts = 80
    share_up, share_down = 0.45, 0.25

    def signs(count: int) -> tuple[np.ndarray, np.ndarray]:
        who = np.repeat(np.arange(count), rng.integers(1, 7, count))
        lean = rng.beta(share_up * 1.5, (1 - share_up) * 1.5, count)
        down = (1 - lean) * share_down / (1 - share_up)
        draw = rng.random(len(who))
        return np.where(draw < lean[who], 1, np.where(draw > 1 - down[who], -1, 0)), who

    (sign, who), (other, whose) = signs(accounts), signs(accounts)
    one, two = net_score.estimate(sign, cluster=who), net_score.estimate(other, cluster=whose)
    alone = net_score.estimate(sign)
    apart = net_score.difference(one, two)
    truth = share_up - share_down
    return {
        "covers": covers(one.low, truth, one.high),
        "alone": covers(alone.low, truth, alone.high),
        "apart": covers(apart.low, 0.0, apart.high),
        "five": below(apart.p, 0.05),
    }


EXPERIMENTS = (
    Experiment(
        name="net_score",
        study="Satisfaction",
        says="The shares of promoters, passives and detractors are drawn anew fifty times a world, around 4 : 3 : 2.",
        worlds=2000,
        short=200,
        world=_answers,
        measures=tuple(
            Measure(f"score_{n}", f"net promoter score of {n} answers", "covers", 0.93, 0.98) for n in SAMPLES
        ),
    ),
    Experiment(
        name="net_score_people",
        study="Satisfaction",
        says="80 accounts with one to six answers each, of people who think alike; and 80 more that do not differ.",
        worlds=2000,
        short=200,
        world=_people,
        measures=(
            Measure("covers", "net promoter score", "covers", 0.93, 0.98),
            Measure("alone", "the same, as if all answers were apart", "covers"),
            Measure("apart", "difference of two scores", "covers", 0.93, 0.98),
            Measure("five", "difference, p ≤ 0.05", "errs", 0.03, 0.07),
        ),
    ),
)
