"""Use event by event: every cell of a month of use laid out over days, users and hours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .usage import WORKDAY, MonthOfUse
from .world import World


def usage_events(world: World, use: MonthOfUse, users: tuple[pa.Array, np.ndarray]) -> pa.Table:
    """One month of the contract's table, by account; text columns are dictionaries, so that millions of rows fit.

    Every cell's days and users occur: its first events go to its days and users one after the other, the others
    anywhere among them.

    Parameters
    ----------
    users : ids of all users, and where each account's begin (`users_of`)
    """
    people, first_user = users
    rng, stay = world.streams["events"], use.stay
    cell = np.repeat(np.arange(len(use.events)), use.events)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(use.events) - use.events, use.events)
    account = use.account[cell]
    nth_day = _among(rng, place, use.days[cell])
    nth_user = _among(rng, place, use.users[cell])
    days = np.zeros(len(world.ids), dtype=np.int64)
    days[use.active] = use.active_days
    # An account's days lie evenly over the days on which it was a customer, so no two are the same
    offset = (nth_day * stay.days[account]) // np.maximum(days[account], 1)
    second = WORKDAY[0] + rng.integers(0, WORKDAY[1], len(cell))
    when = (stay.first[account] + offset) * 86_400 + second
    names = pa.array([one.name for one in world.parameters.features.items], pa.string())
    return pa.table(
        {
            "customer_id": pa.DictionaryArray.from_arrays(pa.array(account.astype(np.int32)), pa.array(world.ids)),
            "event_time": pa.array(when, pa.timestamp("s")),
            "feature": pa.DictionaryArray.from_arrays(pa.array(use.feature[cell].astype(np.int32)), names),
            "user_id": pa.DictionaryArray.from_arrays(
                pa.array((first_user[account] + nth_user).astype(np.int32)), people
            ),
        }
    )


def users_of(world: World) -> tuple[pa.Array, np.ndarray]:
    """Ids of all users of all accounts, and the place at which each account's begin."""
    seats = world.plan_lines.groupby("account")["quantity"].max().reindex(range(len(world.ids)), fill_value=1)
    first = np.concatenate([[0], np.cumsum(seats.to_numpy())])
    account = np.repeat(np.arange(len(world.ids)), seats.to_numpy())
    number = np.arange(first[-1]) - first[account]
    ids = pa.array(world.ids, pa.string()).take(pa.array(account))
    return pc.binary_join_element_wise(ids, pa.array(number + 1).cast(pa.string()), "-U"), first[:-1]


def _among(rng: np.random.Generator, place: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The first `count` places in order, any of them after."""
    return np.where(place < count, place, (rng.random(len(place)) * count).astype(np.int64))


def in_pandas(parts: list[pa.Table]) -> pd.DataFrame:
    """The months as one table of pandas, in plain text columns."""
    table = pa.concat_tables(parts)
    kinds = [(name, pa.timestamp("ns") if name == "event_time" else pa.string()) for name in table.column_names]
    return table.cast(pa.schema(kinds)).to_pandas()
