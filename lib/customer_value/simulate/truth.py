"""What an estimator should find, worked out from the parameters rather than from the drawn accounts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from .behaviour import Behaviour
from .parameters import CHANNELS, PLANS, SIZES, Parameters
from .people import signed_up
from .streams import Streams

WALKERS = 8_000
"""Accounts whose behaviour is followed without leaving where the survival depends on it."""

_SEED = 2026
HORIZON = 60


def hazard(probability: np.ndarray | float) -> np.ndarray:
    """Cumulated hazard over the interval in which an end has this probability."""
    return -np.log1p(-np.asarray(probability, dtype=float))


def voluntary_monthly(parameters: Parameters, age: np.ndarray | int, size: np.ndarray) -> np.ndarray:
    """Hazard that a monthly account of `size` leaves by choice on its `age`-th anniversary in months."""
    by_age = parameters.mature + parameters.young_excess * np.exp(-(age - 1) / parameters.young_decay)
    return hazard(np.asarray(parameters.monthly_voluntary)[size]) * by_age


def voluntary_renewal(parameters: Parameters, age: np.ndarray | int, size: np.ndarray) -> np.ndarray:
    """Hazard that an annual account of `size` chooses not to renew at an age of `age` months."""
    by_age = np.where(age <= 12, parameters.first_renewal, parameters.later_renewal)
    return hazard(np.asarray(parameters.renewal_voluntary)[size]) * by_age


def fixed_effect(parameters: Parameters, channel: np.ndarray, plan: np.ndarray) -> np.ndarray:
    """Hazard ratio of what is fixed at sign-up: the channel and the plan signed for."""
    of_channel = np.array([parameters.channel_effect[name] for name in CHANNELS])[channel]
    return of_channel * np.asarray(parameters.plan_effect)[plan]


def true_survival(parameters: Parameters, *, size: str, channel: str, term: int, horizon: int = HORIZON) -> np.ndarray:
    """Share of accounts not yet churned on each anniversary in months, of those that signed up alike.

    Follows the probabilities of being on a monthly contract or so many months into an annual one, because accounts
    change their term; ends by failed payment count, pauses do not. What moves from month to month (features, health,
    satisfaction, calls, shocks) is averaged over `WALKERS` accounts whose behaviour is followed while nobody leaves:
    behaviour does not depend on leaving, so the mean of their survival is the survival of all. Without such effects the
    recursion is exact.

    Parameters
    ----------
    size, channel : one of `SIZES`, one of `CHANNELS`
    term : 1 or 12, the term at sign-up
    horizon : last age in months, at most 60

    Returns
    -------
    ``horizon + 1`` values, the first of them 1.
    """
    return _mixed(parameters, sizes=(size,), channels=(channel,), terms=(term,))[: horizon + 1]


def mixed_survival(parameters: Parameters, *, term: int | None = None, channel: str | None = None) -> np.ndarray:
    """`true_survival` averaged over all who sign up, or over those on this term, or from this channel."""
    return _mixed(
        parameters,
        sizes=SIZES,
        channels=CHANNELS if channel is None else (channel,),
        terms=(1, 12) if term is None else (term,),
    )


def _mixed(
    parameters: Parameters, *, sizes: tuple[str, ...], channels: tuple[str, ...], terms: tuple[int, ...]
) -> np.ndarray:
    curves, size_of, share_of = _curves(repr(parameters), _Held(parameters))
    total, weight = np.zeros(HORIZON + 1), 0.0
    for number, size in enumerate(SIZES):
        if size not in sizes:
            continue
        of_size = size_of == number
        for term in terms:
            of_term = parameters.annual_share[number] if term == 12 else 1 - parameters.annual_share[number]
            for place, name in enumerate(CHANNELS):
                if name in channels:
                    within = share_of[of_size] / share_of[of_size].sum()
                    share = parameters.size_share[number] * of_term * parameters.channel_share[number][place]
                    total += share * (within @ curves[term, place][of_size])
                    weight += share
    return total / weight


class _Held:
    """Parameters beside their text in a cache: they hold mappings and cannot be hashed themselves."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=8)
def _curves(text: str, held: _Held) -> tuple[dict[tuple[int, int], np.ndarray], np.ndarray, np.ndarray]:
    """Survival of every walker by term and channel (number), the walkers' sizes and their weights."""
    parameters = held.parameters
    people, weight, effects = _walk(parameters)
    size, plan = people["size"].to_numpy(), people["plan"].to_numpy()
    curves: dict[tuple[int, int], np.ndarray] = {}
    for place in range(len(CHANNELS)):
        twin = [other for other in range(place) if _effect(parameters, other) == _effect(parameters, place)]
        fixed = fixed_effect(parameters, np.full(len(people), place), plan)
        for term in (1, 12):
            curves[term, place] = (
                curves[term, twin[0]] if twin else _recursion(parameters, size, fixed[:, None] * effects, term)
            )
    return curves, size, weight


def _effect(parameters: Parameters, channel: int) -> float:
    return parameters.channel_effect[CHANNELS[channel]]


def _walk(parameters: Parameters) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Accounts, their weights, and their hazard ratio at each age from 1 (account × age)."""
    if not _moves(parameters):
        # One account a size and plan, weighted, is everybody
        size, plan = np.divmod(np.arange(len(SIZES) * len(PLANS)), len(PLANS))
        shares = np.asarray(parameters.plan_share)[size, plan]
        return pd.DataFrame({"size": size, "plan": plan}), shares, np.ones((len(size), HORIZON))
    streams = Streams(_SEED)
    born, day = np.zeros(WALKERS, dtype=np.int64), streams["life"].integers(1, 31, WALKERS)
    people = signed_up(streams["people"], parameters, born, day)
    behaviour = Behaviour(parameters, people, streams)
    effects = np.empty((WALKERS, HORIZON))
    for month in range(HORIZON + 1):
        behaviour.advance(month)
        if month:
            shock = parameters.shock_sd * streams["shocks"].standard_normal(WALKERS) - parameters.shock_sd**2 / 2
            effects[:, month - 1] = np.exp(behaviour.leaving(month) + shock)
        behaviour.call(np.flatnonzero(behaviour.called), month)
    return people, np.ones(WALKERS), effects


def _moves(parameters: Parameters) -> bool:
    """Whether anything that moves from month to month has an effect on leaving."""
    return bool(
        parameters.shock_sd
        or parameters.health.leaving
        or parameters.activity.leaving
        or parameters.satisfaction.leaving
        or parameters.onboarding.leaving
        or parameters.interventions.leaving
        or any(one.leaving for one in parameters.features.items)
    )


def _recursion(parameters: Parameters, size: np.ndarray, effects: np.ndarray, term: int) -> np.ndarray:
    """Survival (account × age) by the probabilities of each contract state."""
    count = len(size)
    reach = effects if parameters.proportional else np.ones_like(effects)
    by_month, by_renewal = hazard(parameters.monthly_involuntary)[size], hazard(parameters.renewal_involuntary)[size]
    early = float(hazard(parameters.early_end))
    monthly = np.full(count, 1.0 if term == 1 else 0.0)
    annual = np.zeros((12, count))  # by months since the term began
    annual[0] = 1.0 - monthly
    survival = np.ones((count, HORIZON + 1))
    for age in range(1, HORIZON + 1):
        effect, other = effects[:, age - 1], reach[:, age - 1]
        leave = voluntary_monthly(parameters, age, size) * effect
        leave += (by_month + (early if age == 1 else 0.0)) * other
        lapse = voluntary_renewal(parameters, age, size) * effect + by_renewal * other
        stay, due = monthly * np.exp(-leave), annual[11] * np.exp(-lapse)
        annual = np.roll(annual, 1, axis=0)
        annual[0] = due * (1 - parameters.to_monthly) + stay * parameters.to_annual
        monthly = stay * (1 - parameters.to_annual) + due * parameters.to_monthly
        survival[:, age] = monthly + annual.sum(axis=0)
    return survival
