"""The shifted-beta-geometric distribution: how many renewal opportunities a contract survives.

Everybody ends at each opportunity with a probability of their own, the same each time, and these probabilities are
spread over the group as a beta distribution. Nobody's own probability falls; the group's does, because those likely to
end go first. An opportunity is what the contract gives: a month where it runs by the month, a year where by the year.

References
----------
Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, expit, logit


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """The distribution with beta parameters ``alpha`` and ``beta``, both positive.

    As both grow without bound at a fixed ratio, everybody becomes alike and the distribution geometric.
    """

    alpha: float
    beta: float

    def survival(self, opportunities: npt.ArrayLike) -> np.ndarray:
        """Share that survives each number of opportunities: ``B(α, β + t) / B(α, β)``, by log beta functions."""
        t = np.asarray(opportunities, dtype=float)
        return np.exp(betaln(self.alpha, self.beta + t) - betaln(self.alpha, self.beta))

    def hazard(self, opportunities: npt.ArrayLike) -> np.ndarray:
        """Of those that came to the t-th opportunity, the share that ends at it: ``α / (α + β + t − 1)``, t from 1."""
        return self.alpha / (self.alpha + self.beta + np.asarray(opportunities, dtype=float) - 1)

    @property
    def polarisation(self) -> float:
        """How far apart those of one group are: 0 where all are alike, 1 where each is sure to end or to stay."""
        return 1 / (self.alpha + self.beta + 1)

    @classmethod
    def of(cls, parameters: npt.ArrayLike) -> ShiftedBetaGeometric:
        """From the parameters that `hazards` takes."""
        first, falling = np.asarray(parameters, dtype=float)
        size = np.exp(-falling)
        return cls(alpha=float(expit(first) * size), beta=float(expit(-first) * size))


def hazards(parameters: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """`ShiftedBetaGeometric.hazard` for many sets of parameters that no bound holds in.

    With ``p = α / (α + β)`` and ``θ = 1 / (α + β)`` the hazard is ``p / (1 + θ (t − 1))``, which stays exact as θ goes
    to nothing and the beta functions' arguments to infinity.

    Parameters
    ----------
    parameters : rows of the logit of ``p`` and the logarithm of ``θ``
    ages : numbers of opportunities, from 1
    """
    first, falling = parameters[:, :1], parameters[:, 1:2]
    return expit(first) / (1 + np.exp(falling) * (ages[None, :] - 1))


def starting(rate: float) -> tuple[float, float]:
    """Parameters of `hazards` to begin a search from, near a hazard of ``rate``."""
    return float(logit(rate)), float(np.log(0.1))
