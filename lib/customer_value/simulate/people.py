"""Who signs up, and what is known of them: the table of customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .dates import Calendar, dates
from .names import OWNERS, companies
from .parameters import CHANNELS, INDUSTRIES, REGIONS, SIZES, Parameters

BURN_IN = 60
"""Months before the data begin in which the opening stock signed up."""


def pick(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """One level a row, from a row of shares a person."""
    return (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def everyone(
    rng: np.random.Generator, parameters: Parameters, accounts: int, months: int, calendar: Calendar
) -> pd.DataFrame:
    """All who ever signed up: for the opening stock three times as many as are to be left of them."""
    stock = round(parameters.opening_share * accounts)
    before = (1 + parameters.growth) ** np.arange(BURN_IN)
    after = (1 + parameters.growth) ** np.arange(months)
    month = np.concatenate(
        [
            rng.choice(BURN_IN, size=3 * stock + 20, p=before / before.sum()),
            BURN_IN + rng.choice(months, size=accounts - stock, p=after / after.sum()),
        ]
    )
    day = rng.integers(1, calendar.length[month] + 1)
    # Someone signs up on the last day, so that the data themselves say that they reach it
    month[-1] = BURN_IN + months - 1
    day[-1] = calendar.length[month[-1]]
    return signed_up(rng, parameters, month, day).assign(signup=calendar.day(month, day))


def signed_up(rng: np.random.Generator, parameters: Parameters, month: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """People who sign up in these months on these days of the month."""
    count = len(month)
    size = pick(rng, np.tile(parameters.size_share, (count, 1)))
    plan = pick(rng, np.asarray(parameters.plan_share)[size])
    channel = pick(rng, np.asarray(parameters.channel_share)[size])
    seats = np.exp(rng.normal(np.log(parameters.seats_median)[size], np.asarray(parameters.seats_sigma)[size]))
    seats *= np.where(rng.random(count) < parameters.pareto_share, 1 + rng.pareto(parameters.pareto_shape, count), 1.0)
    return pd.DataFrame(
        {
            "draw": np.arange(count),
            "month": month,
            "day": day,
            "size": size,
            "channel": channel,
            "industry": pick(rng, np.tile(parameters.industry_share, (count, 1))),
            "region": pick(rng, np.tile(parameters.region_share, (count, 1))),
            "referred": rng.random(count) < parameters.referred_share,
            "annual": rng.random(count) < np.asarray(parameters.annual_share)[size],
            "plan": plan,
            "seats": np.clip(np.rint(seats), 1, parameters.seats_cap).astype(np.int64),
            "haggle": np.clip(rng.normal(0.0, 0.05, count), -0.05, 0.15),
        }
    )


def owners(rng: np.random.Generator, people: pd.DataFrame) -> np.ndarray:
    """Large accounts go to the first managers, so that owners differ by what they look after and not by skill."""
    desk = people["size"].to_numpy() * 2 + rng.integers(0, 3, len(people))
    return np.array(OWNERS, dtype=object)[np.clip(desk, 0, len(OWNERS) - 1)]


def acquisition_cost(rng: np.random.Generator, parameters: Parameters, people: pd.DataFrame) -> np.ndarray:
    """Spent to win each account: by channel and size, with a wide spread."""
    middle = np.asarray(parameters.money.acquisition)[people["channel"]]
    middle = middle * np.asarray(parameters.money.acquisition_by_size)[people["size"]]
    return (middle * rng.lognormal(0.0, 0.45, len(people))).round(2)


def customers(
    rng: np.random.Generator, people: pd.DataFrame, ids: np.ndarray, survivors: np.ndarray, health: np.ndarray
) -> pd.DataFrame:
    """The contract's table. Health is known for those who are still customers and for nobody else."""
    colour = np.array(["Red", "Amber", "Green"], dtype=object)[np.digitize(health, (-1.2, -0.3))]
    return pd.DataFrame(
        {
            "customer_id": ids,
            "signup_date": dates(people["signup"].to_numpy()),
            "name": companies(rng, len(people)),
            "owner": people["owner"].to_numpy(),
            "acquisition_cost": people["acquisition_cost"].to_numpy(),
            "referred": people["referred"].to_numpy(),
            "industry": np.array(INDUSTRIES, dtype=object)[people["industry"]],
            "channel": np.array(CHANNELS, dtype=object)[people["channel"]],
            "region": np.array(REGIONS, dtype=object)[people["region"]],
            "size": np.array(SIZES, dtype=object)[people["size"]],
            "health": np.where(survivors, colour, None),
        }
    )
