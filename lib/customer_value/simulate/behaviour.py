"""What accounts do and think month by month, whether or not they are customers then: the causes of leaving.

Nothing here depends on leaving, so that the same walk, followed without anybody leaving, gives the true survival.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .parameters import Parameters
from .streams import Streams

BREADTH = (0.40, 0.20)
"""Mean and standard deviation of the share of features used: what makes breadth a score."""

TICKETS = (0.75, 0.65)
"""The same of the square root of the tickets of three months."""

KEPT_CALLS = 3
"""Months in which an account that was called is not called again."""


class Behaviour:
    """The state of every account, moved on by a month at a time.

    Attributes
    ----------
    used : whether each feature is used this month (feature × account)
    activity : how busy the account is this month, about standard normal
    health, satisfaction, tickets, called : of this month
    onboarded : days from sign-up to the end of onboarding, infinite if never
    """

    def __init__(self, parameters: Parameters, people: pd.DataFrame, streams: Streams) -> None:
        self._parameters, self._streams = parameters, streams
        features, count = parameters.features, len(people)
        self._items = features.items
        self._born = people["month"].to_numpy()
        self._first_part = (1 - (people["day"].to_numpy() - 1) / 31).astype(np.float32)
        self._engagement = _normal(streams["engagement"], count)
        self._trait = _normal(streams["satisfaction"], count)
        self._moment = np.zeros(count, dtype=np.float32)
        self.health = _normal(streams["health"], count)
        self.satisfaction = np.zeros(count, dtype=np.float32)
        self._satisfaction_before = self.satisfaction
        plan = np.asarray(features.by_plan)[people["plan"]]
        advanced = np.array([one.level == "advanced" for one in self._items])
        self._eager = np.where(advanced[:, None], np.log(plan), 0.0).astype(np.float32)
        self._eager += (features.engagement * self._engagement).astype(np.float32)
        self._start, self._pace, self._keep, self._drop = (
            np.array([getattr(one, name) for one in self._items], dtype=np.float32)[:, None]
            for name in ("start", "pace", "keep", "drop")
        )
        self._using = np.zeros((len(self._items), count), dtype=bool)
        self._past = np.zeros((features.lag + features.window + 1, len(self._items), count), dtype=bool)
        self.used = self._past[0]
        self._tickets_past = np.zeros((3, count), dtype=np.int16)
        self.tickets = self._tickets_past[0]
        support = parameters.support
        rate = np.log(support.rate) + support.by_seats * np.log(np.maximum(people["seats"].to_numpy(), 1) / 10)
        self._ticket_rate = np.minimum(rate, 1.0)
        self._last_call = np.full(count, -99)
        self.called = np.zeros(count, dtype=bool)
        onboarding, rng = parameters.onboarding, streams["onboarding"]
        days = onboarding.median_days * np.exp(onboarding.spread * rng.standard_normal(count))
        self.onboarded = np.where(rng.random(count) < onboarding.completed, np.ceil(days), np.inf)
        self.activity = np.zeros(count, dtype=np.float32)

    def advance(self, month: int) -> None:
        """Move on to this month. Months are to be walked through one by one."""
        parameters, streams = self._parameters, self._streams
        count, age = len(self._born), month - self._born
        health, activity, satisfaction = parameters.health, parameters.activity, parameters.satisfaction
        kept = np.float32(health.persistence)
        self.health = kept * self.health + np.float32(np.sqrt(1 - kept**2)) * _normal(streams["health"], count)
        noise = np.float32(activity.noise) * _normal(streams["engagement"], count)
        self.activity = self._engagement * np.float32(activity.by_engagement) + noise
        self.activity += np.float32(health.activity) * self.health
        self._use(month, age)

        rate = np.exp(self._ticket_rate + parameters.support.by_health * self.health)
        self.tickets = streams["tickets"].poisson(rate).astype(np.int16)
        self._tickets_past[month % 3] = np.where(age >= 0, self.tickets, 0)
        self._satisfaction_before = self.satisfaction
        self._moment = np.float32(0.6) * self._moment + np.float32(0.8) * _normal(streams["satisfaction"], count)
        breadth = (self.used.mean(axis=0, dtype=np.float32) - BREADTH[0]) / BREADTH[1] if len(self._items) else 0.0
        load = (np.sqrt(self._tickets_past.sum(axis=0)) - TICKETS[0]) / TICKETS[1]
        self.satisfaction = (
            satisfaction.health * self.health + satisfaction.breadth * breadth - satisfaction.tickets * load
            + satisfaction.trait * self._trait + satisfaction.moment * self._moment
        ).astype(np.float32)  # fmt: skip

        calls = parameters.interventions
        odds = calls.rate / max(1 - calls.rate, 1e-9) * np.exp(calls.by_health * self.health)
        wanted = streams["calls"].random(count) < odds / (1 + odds)
        self.called = wanted & (age >= 1) & (month - self._last_call > KEPT_CALLS)

    def _use(self, month: int, age: np.ndarray) -> None:
        """Adoption, giving up and use: one number a feature and account decides, by the state that it is in."""
        u = self._streams["adoption"].random(self._using.shape, dtype=np.float32)
        eager = np.exp(self._eager + np.float32(self._parameters.health.adoption) * self.health)
        adopts = ~self._using & (u < self._pace * eager) & (age > 0)
        idle = 1 - self._keep
        idle = idle / (idle + self._keep * np.exp(np.float32(self._parameters.health.use) * self.health))
        used = self._using & (u >= np.maximum(idle, self._drop)) & (age > 0)
        given_up = self._using & (u < self._drop)
        new = np.flatnonzero(age == 0)
        if len(new):
            odds = self._start / np.maximum(1 - self._start, 1e-9) * eager[:, new]
            share = odds / (1 + odds)
            # Of the first month only the days after sign-up are left to use it
            used[:, new] = u[:, new] < share * self._first_part[new]
            adopts[:, new] = u[:, new] < share
        used |= adopts & (age > 0)
        self._using = (self._using | adopts) & ~given_up
        self._past[month % len(self._past)] = used
        self.used = used

    def _regular(self, month: int, features: list[int]) -> np.ndarray:
        """Share of the lagged window in which each of these features was used (feature × account)."""
        lag, window = self._parameters.features.lag, self._parameters.features.window
        places = [(month - back) % len(self._past) for back in range(lag + 1, lag + window + 1)]
        return self._past[np.ix_(places, features)].mean(axis=0, dtype=np.float32)

    def leaving(self, month: int) -> np.ndarray:
        """Logarithm of each account's hazard ratio in this month, to be asked after `advance`."""
        parameters = self._parameters
        effect = self._of_features(month, "leaving")
        health, activity = parameters.health.leaving, parameters.activity.leaving
        # Centred on a mean of 1, so that switching health or engagement leaves the number of ends where it was
        effect += health * self.health - health**2 / 2 + activity * self._engagement - activity**2 / 2
        effect += parameters.satisfaction.leaving * self._satisfaction_before
        quick = (self.onboarded <= 30) & (month - self._born >= 2)
        effect += parameters.onboarding.leaving * quick
        since = month - self._last_call
        effect += parameters.interventions.leaving * ((since >= 1) & (since <= parameters.interventions.months))
        return effect

    def growing(self, month: int) -> np.ndarray:
        """The same for growing."""
        health = self._parameters.health.growing
        return self._of_features(month, "growing") + health * self.health - health**2 / 2

    def call(self, who: np.ndarray, month: int) -> None:
        """Note that these accounts were called in this month."""
        self._last_call[who] = month

    def _of_features(self, month: int, effect: str) -> np.ndarray:
        places = [place for place, one in enumerate(self._items) if getattr(one, effect)]
        if not places:
            return np.zeros(len(self._born))
        return np.array([getattr(self._items[place], effect) for place in places]) @ self._regular(month, places)


def _normal(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.standard_normal(count, dtype=np.float32)
