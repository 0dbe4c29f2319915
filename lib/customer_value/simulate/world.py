"""One drawn business before it is written as tables: who is in the data, their lines, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ..errors import SettingsError
from .dates import OPEN, Calendar, identifiers
from .life import Record, live
from .lines import PAUSED
from .parameters import PLANS, Parameters
from .people import BURN_IN, acquisition_cost, everyone, owners
from .streams import Streams

BITS = 32
"""Features at most: which of them are used in a month is one number."""


@dataclass(frozen=True)
class Stay:
    """What accounts were as customers in one month; arrays over all accounts.

    Attributes
    ----------
    days : days of the month on which the account was a customer
    first, last : the first of them and the day after the last, as days since 1970
    seats : seats of its plan, the latest of the month
    fall : share of its days on which a leaver was already winding down, 0 to 1
    """

    days: np.ndarray
    first: np.ndarray
    last: np.ndarray
    seats: np.ndarray
    fall: np.ndarray


@dataclass(frozen=True)
class World:
    """A business by account number, in order of sign-up.

    Attributes
    ----------
    months : whole months observed; month m of `record` is month ``BURN_IN + m`` of `calendar`
    ids : customer ids by number
    people : one row an account
    lines : contract lines in the data, by account, product and start; an end may lie after the data
    winding : ends by choice and the day from which use falls: account, begin, end
    onboarded : days from sign-up to the end of onboarding, infinite if never
    shocks : the factor on leaving in each month observed
    """

    parameters: Parameters
    calendar: Calendar
    months: int
    ids: np.ndarray
    people: pd.DataFrame
    lines: pd.DataFrame
    winding: pd.DataFrame
    record: Record
    onboarded: np.ndarray
    shocks: np.ndarray
    streams: Streams

    @property
    def opening(self) -> int:
        """The day before the first that is observed."""
        return int(self.calendar.first[BURN_IN]) - 1

    @property
    def last_day(self) -> int:
        """The last day observed."""
        return int(self.calendar.first[BURN_IN + self.months]) - 1

    @property
    def plan_lines(self) -> pd.DataFrame:
        """Lines of plans only, by account and start."""
        return self.lines[self.lines["product"] < len(PLANS)]

    @property
    def survivors(self) -> np.ndarray:
        """Whether each account is a customer at the close of the last day."""
        found = np.zeros(len(self.people), dtype=bool)
        plans = self.plan_lines
        found[plans.loc[plans["end"] > self.last_day, "account"]] = True
        return found

    def stay(self, month: int) -> Stay:
        """Of the month with this number among those observed."""
        begin, close = self.calendar.first[BURN_IN + month], self.calendar.first[BURN_IN + month + 1]
        count = len(self.people)
        plans = self.plan_lines
        account, start, end = (plans[name].to_numpy() for name in ("account", "start", "end"))
        there = (start < close) & (end > begin)
        account, start, end = account[there], np.maximum(start[there], begin), np.minimum(end[there], close)
        days = np.bincount(account, weights=end - start, minlength=count).astype(np.int64)
        first, last, seats = np.full(count, begin), np.full(count, begin), np.zeros(count, dtype=np.int64)
        # Lines are in order of start: written backwards the first remains, written forwards the last
        first[account[::-1]] = start[::-1]
        last[account] = end
        seats[account] = plans["quantity"].to_numpy()[there]
        fall = np.zeros(count)
        wind = self.winding
        near = (wind["begin"].to_numpy() < close) & (wind["end"].to_numpy() > begin)
        who = wind["account"].to_numpy()[near]
        overlap = np.minimum(wind["end"].to_numpy()[near], close) - np.maximum(wind["begin"].to_numpy()[near], begin)
        np.add.at(fall, who, overlap)
        return Stay(days, first, last, seats, np.minimum(fall / np.maximum(days, 1), 1.0))

    def is_customer(self, account: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Whether each account is a customer at the close of that day."""
        plans = self.plan_lines
        span = 1 << 20
        keys = plans["account"].to_numpy() * span + plans["start"].to_numpy()
        place = np.searchsorted(keys, np.asarray(account) * span + day, side="right") - 1
        held = np.maximum(place, 0)
        same = plans["account"].to_numpy()[held] == account
        return (place >= 0) & same & (plans["end"].to_numpy()[held] > day)

    def ends(self) -> pd.DataFrame:
        """Ends within the data that were no pause: account, day and kind (0 by choice, 1 failed payment)."""
        plans = self.plan_lines
        ended = plans[(plans["kind"] >= 0) & (plans["reason"] != PAUSED) & (plans["end"] <= self.last_day)]
        return ended[["account", "end", "kind", "reason", "start", "term"]].reset_index(drop=True)


def draw(*, accounts: int, months: int, seed: int, end: date, parameters: Parameters) -> World:
    """Draw a business; see `simulate` for what the options mean.

    Raises
    ------
    SettingsError : fewer than 20 accounts, no month, an end within a month, or more features than are kept as bits
    """
    if len(parameters.features.items) > BITS:
        raise SettingsError(f"a simulated product has at most {BITS} features, got: {len(parameters.features.items)}")
    if accounts < 20 or months < 1:
        raise SettingsError(f"a simulated business needs 20 accounts and 1 month, got: {accounts} and {months}")
    last_month = np.datetime64(end, "M")
    if np.datetime64(end, "D") + 1 != (last_month + 1).astype("datetime64[D]"):
        raise SettingsError(f"a simulated business ends on a month's last day, got: {end.isoformat()}")
    streams = Streams(seed)
    observed = last_month - months + 1
    calendar = Calendar(observed - BURN_IN, BURN_IN + months + 15)
    people = everyone(streams["people"], parameters, accounts, months, calendar)
    lines, record, shocks, onboarded = live(streams, parameters, people, calendar, months)
    opening, last_day = calendar.first[BURN_IN] - 1, calendar.first[BURN_IN + months] - 1
    customers_then = lines["account"][(lines["start"] <= opening) & (lines["end"] > opening)].unique()
    stock = np.intersect1d(customers_then, people["draw"][people["month"] < BURN_IN])
    stock = streams["people"].permutation(stock)[: round(parameters.opening_share * accounts)]
    people = people[people["draw"].isin(stock) | (people["month"] >= BURN_IN)]
    people = people.sort_values(["signup", "draw"]).reset_index(drop=True)
    people["owner"] = owners(streams["people"], people)
    people["acquisition_cost"] = acquisition_cost(streams["costs"], parameters, people)

    number = np.full(int(lines["account"].max()) + 1, -1)
    number[people["draw"]] = people.index
    lines = lines.assign(account=number[lines["account"]])
    lines = lines[(lines["account"] >= 0) & (lines["start"] <= last_day)]
    # The export has the contracts in force on the opening day or signed later. The term of an annual contract may have
    # begun, and its seats changed, before that day: the whole term is there.
    lines = lines[np.where(lines["term"] > 1, lines["due"], lines["end"]) > opening]
    order = np.lexsort([lines["start"], lines["product"] >= len(PLANS), lines["account"]])
    lines = lines.iloc[order].reset_index(drop=True)
    return World(
        parameters=parameters,
        calendar=calendar,
        months=months,
        ids=identifiers(np.arange(len(people)), len(people)),
        people=people,
        lines=lines,
        winding=_winding(streams["usage"], parameters, lines, calendar, len(people)),
        record=record.of(people["draw"].to_numpy()),
        onboarded=onboarded[people["draw"].to_numpy()],
        shocks=shocks,
        streams=streams,
    )


def _winding(
    rng: np.random.Generator, parameters: Parameters, lines: pd.DataFrame, calendar: Calendar, accounts: int
) -> pd.DataFrame:
    """The ends by choice, those after the data included, before which use falls, and from which day."""
    wind = parameters.wind_down
    length = rng.integers(wind.shortest, wind.longest + 1, accounts)
    does = rng.random(accounts) < wind.share
    ended = lines[(lines["product"] < len(PLANS)) & (lines["kind"] == 0) & (lines["reason"] != PAUSED)]
    ended = ended[(ended["end"] != OPEN) & does[ended["account"]]]
    end, account = ended["end"].to_numpy(), ended["account"].to_numpy()
    # Never before the third month before the one in which the end lies: what is lagged by three months does not know
    earliest = calendar.first[calendar.month(end) - 3]
    return pd.DataFrame({"account": account, "begin": np.maximum(end - length[account], earliest), "end": end})
