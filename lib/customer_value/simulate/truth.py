"""What an estimator should find, worked out from the parameters rather than from the drawn accounts."""

from __future__ import annotations

import numpy as np

from .parameters import CHANNELS, SIZES, Parameters


def voluntary_monthly(parameters: Parameters, age: np.ndarray, size: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """Probability that a monthly account of `size` leaves by choice on its `age`-th anniversary in months."""
    by_age = parameters.mature + parameters.young_excess * np.exp(-(age - 1) / parameters.young_decay)
    return np.minimum(np.asarray(parameters.monthly_voluntary)[size] * by_age * effect, 0.5)


def voluntary_renewal(parameters: Parameters, age: np.ndarray, size: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """Probability that an annual account of `size` chooses not to renew at an age of `age` months."""
    by_age = np.where(age <= 12, parameters.first_renewal, parameters.later_renewal)
    return np.minimum(np.asarray(parameters.renewal_voluntary)[size] * by_age * effect, 0.9)


def true_survival(parameters: Parameters, *, size: str, channel: str, term: int, horizon: int = 60) -> np.ndarray:
    """Share of accounts not yet churned on each anniversary in months, of those that signed up alike.

    Follows the probabilities of being on a monthly contract or so many months into an annual one, because accounts
    change their term; ends by failed payment count, pauses do not.

    Parameters
    ----------
    size, channel : one of `SIZES`, one of `CHANNELS`
    term : 1 or 12, the term at sign-up
    horizon : last age in months

    Returns
    -------
    ``horizon + 1`` values, the first of them 1.
    """
    kind = np.array(SIZES.index(size))
    effect = np.array(parameters.channel_effect[channel])
    monthly = 1.0 if term == 1 else 0.0
    annual = np.zeros(12)  # by months since the term began
    annual[0] = 1.0 - monthly
    survival = [1.0]
    for age in range(1, horizon + 1):
        leave = float(voluntary_monthly(parameters, np.array(age), kind, effect))
        leave += parameters.monthly_involuntary[kind] + (parameters.early_end if age == 1 else 0.0)
        lapse = float(voluntary_renewal(parameters, np.array(age), kind, effect))
        lapse += parameters.renewal_involuntary[kind]
        stay, due = monthly * (1 - leave), annual[11] * (1 - lapse)
        annual = np.roll(annual, 1)
        annual[0] = due * (1 - parameters.to_monthly) + stay * parameters.to_annual
        monthly = stay * (1 - parameters.to_annual) + due * parameters.to_monthly
        survival.append(monthly + annual.sum())
    return np.array(survival)


def mixed_survival(
    parameters: Parameters, *, term: int | None = None, channel: str | None = None, horizon: int = 60
) -> np.ndarray:
    """`true_survival` averaged over all who sign up, or over those on this term, or from this channel."""
    total, weight = np.zeros(horizon + 1), 0.0
    for number, size in enumerate(SIZES):
        for length, of_term in ((1, 1 - parameters.annual_share[number]), (12, parameters.annual_share[number])):
            for place, name in enumerate(CHANNELS):
                if term in (None, length) and channel in (None, name):
                    share = parameters.size_share[number] * of_term * parameters.channel_share[number][place]
                    total += share * true_survival(parameters, size=size, channel=name, term=length, horizon=horizon)
                    weight += share
    return total / weight
