"""Use of the product: by month and feature, by month in all, and event by event, one month at a time.

Behaviour says in which months a feature is used; here use becomes events, days and users, within the days on which the
account was a customer, and less for those who are about to leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .dates import dates
from .people import BURN_IN
from .world import Stay, World

WORKDAY = (8 * 3600, 10 * 3600)
"""Second of the day at which use begins, and for how many seconds it may last."""


@dataclass(frozen=True)
class MonthOfUse:
    """One month: a cell is an account's use of a feature, in order of account and feature.

    Attributes
    ----------
    day : the month's first day, in days since 1970
    account, feature, events, days, users : by cell, numbers of accounts and features
    active : accounts with use, in order; active_days, active_users : of all their use together
    stay : days as a customer
    """

    day: int
    account: np.ndarray
    feature: np.ndarray
    events: np.ndarray
    days: np.ndarray
    users: np.ndarray
    active: np.ndarray
    active_days: np.ndarray
    active_users: np.ndarray
    stay: Stay


def months_of_use(world: World) -> Iterator[MonthOfUse]:
    """Every month observed, in order; drawn as it is asked for, so that nothing is held."""
    for month in range(world.months):
        yield _draw(world, month)


def _draw(world: World, month: int) -> MonthOfUse:
    rng, parameters, stay = world.streams["usage"], world.parameters, world.stay(month)
    features, activity, depth = parameters.features.items, parameters.activity, parameters.wind_down.depth
    who = np.flatnonzero(stay.days)
    begin, close = world.calendar.first[BURN_IN + month], world.calendar.first[BURN_IN + month + 1]
    part = stay.days[who] / (close - begin)
    fall, busy = depth * stay.fall[who], world.record.activity[month, who].astype(float)

    # Which features: those of the month, less what falls away before an end, less what a last part-month cuts off
    bits = world.record.used[month, who]
    used = ((bits[:, None] >> np.arange(len(features), dtype=np.uint32)) & 1).astype(bool)
    winds = np.array([one.winds_down for one in features])
    keep = 1 - fall[:, None] * winds
    keep *= np.where(world.people["signup"].to_numpy()[who] > begin, 1.0, np.sqrt(part))[:, None]
    used &= rng.random(used.shape) < keep

    odds = activity.users / (1 - activity.users) * np.exp(busy)
    users = np.maximum(rng.binomial(stay.seats[who], odds / (1 + odds) * (1 - 0.5 * fall)), 1)
    odds = activity.days / (1 - activity.days) * np.exp(busy)
    working = np.maximum(np.rint(stay.days[who] * 5 / 7), 1).astype(np.int64)
    days = np.maximum(rng.binomial(working, odds / (1 + odds) * (1 - 0.5 * fall)), 1)

    row, feature = np.nonzero(used)
    volume = np.array([one.volume for one in features])[feature]
    # A feature that is used much is used on more of the days and by more of the users
    share = 1 - np.exp(-0.22 * volume)
    cell_days = 1 + rng.binomial(days[row] - 1, share)
    cell_users = 1 + rng.binomial(users[row] - 1, share)
    mean = (
        activity.events
        * volume
        * cell_users**0.6
        * np.exp(0.5 * busy[row] + activity.spread * rng.standard_normal(len(row)))
    )
    mean *= part[row] * (1 - fall[row] * winds[feature])
    events = np.maximum(cell_days, cell_users) + rng.poisson(mean)
    some = used.any(axis=1)
    total = np.bincount(row, weights=events, minlength=len(who)).astype(np.int64)[some]
    account, active, days, users = who[row], who[some], np.minimum(days[some], total), np.minimum(users[some], total)
    if month == world.months - 1:
        # Some who left are still seen once: a forgotten key, say
        left = np.flatnonzero((stay.days == 0) & (world.people["signup"].to_numpy() < begin))
        left = np.sort(rng.permutation(left)[: parameters.blemishes.outside]) if len(features) else left[:0]
        one = np.ones(len(left), dtype=np.int64)
        order = np.argsort(np.concatenate([account, left]), kind="stable")
        account = np.concatenate([account, left])[order]
        feature = np.concatenate([feature, 0 * one])[order]
        events, cell_days, cell_users = (np.concatenate([part, one])[order] for part in (events, cell_days, cell_users))
        order = np.argsort(np.concatenate([active, left]), kind="stable")
        active, days, users = (
            np.concatenate([part, extra])[order] for part, extra in ((active, left), (days, one), (users, one))
        )
    return MonthOfUse(
        day=int(begin), account=account, feature=feature, events=events, days=cell_days, users=cell_users,
        active=active, active_days=days, active_users=users, stay=stay,
    )  # fmt: skip


def feature_usage_monthly(world: World, use: MonthOfUse) -> pd.DataFrame:
    """The contract's table of one month."""
    names = np.array([one.name for one in world.parameters.features.items], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": world.ids[use.account],
            "month": dates(np.full(len(use.account), use.day)),
            "feature": names[use.feature],
            "events": use.events,
            "active_days": use.days,
            "users": use.users,
        }
    )


def activity_monthly(world: World, use: MonthOfUse) -> pd.DataFrame:
    """The contract's table of one month: events add up over features, days and users do not."""
    events = np.bincount(use.account, weights=use.events, minlength=len(world.ids))[use.active]
    return pd.DataFrame(
        {
            "customer_id": world.ids[use.active],
            "month": dates(np.full(len(use.active), use.day)),
            "events": events.astype(np.int64),
            "active_days": use.active_days,
            "users": use.active_users,
        }
    )
