"""Bills, renewals, costs, targets and the ids of other systems, all from the contract lines."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .dates import OPEN, dates
from .parameters import CHANNELS
from .people import BURN_IN
from .world import World

MONTH = 365.25 / 12
DUNNING = 35
"""Days before an end by failed payment in which the bill lies that was not paid."""


def renewals(world: World) -> pd.DataFrame:
    """Annual terms that fell due, and what became of them."""
    plans = world.plan_lines
    following, term_after = plans["start"].shift(-1), plans["term"].shift(-1)
    joined = (plans["account"].shift(-1) == plans["account"]) & (following == plans["end"])
    due = (plans["term"] == 12) & (plans["end"] == plans["due"]) & (plans["due"] <= world.last_day)
    due &= plans["due"] > world.opening
    outcome = np.where(~joined, "Lapsed", np.where(term_after == 12, "Renewed", "Moved to monthly"))
    rows = pd.DataFrame({"account": plans["account"], "due": plans["due"], "outcome": outcome})[due]
    rows = rows.sort_values(["due", "account"])
    return pd.DataFrame(
        {
            "customer_id": world.ids[rows["account"]],
            "due_date": dates(rows["due"].to_numpy()),
            "outcome": rows["outcome"].to_numpy(),
        }
    )


def invoices(world: World) -> pd.DataFrame:
    """Bills since the data begin.

    A monthly contract is billed on each monthly anniversary. An annual one is billed for the whole term at its start;
    what is added within the term, pro rata until its end. The bill before an end by failed payment was not paid.
    """
    rng, money = world.streams["bills"], world.parameters.money
    bills = pd.concat([_monthly(world), _annual(world)])
    bills = bills[(bills["day"] > world.opening) & (bills["day"] <= world.last_day)]
    bills = bills.groupby(["account", "day", "term"], as_index=False)["amount"].sum()
    bills["failed"] = False
    unpaid = world.ends().query("kind == 1")
    at_renewal = unpaid[unpaid["term"] == 12]
    bills = pd.concat([bills, _unpaid_renewals(world, at_renewal)]).sort_values(["account", "day"], kind="stable")
    account, day = bills["account"].to_numpy(), bills["day"].to_numpy()
    monthly = unpaid[unpaid["term"] == 1]
    place = np.searchsorted(account << 20 | day, monthly["account"].to_numpy() << 20 | monthly["end"].to_numpy()) - 1
    near = (place >= 0) & (account[place] == monthly["account"]) & (day[place] >= monthly["end"] - DUNNING)
    failed = bills["failed"].to_numpy().copy()
    failed[place[near]] = True

    window = np.where(bills["term"] == 12, money.days_to_pay[1], money.days_to_pay[0])
    u, late = rng.random(len(bills)), rng.integers(1, 46, len(bills))
    prompt = (rng.random(len(bills)) * (window + 1)).astype(np.int64)
    recovered = u < money.recovered
    delay = np.where(recovered, window + late // 2 + 3, np.where(u < money.late, window + late, prompt))
    paid = np.where(failed | (day + delay > world.last_day), OPEN, day + delay)
    status = np.where(failed, "failed", np.where(paid < OPEN, "paid", "open")).astype(object)
    table = pd.DataFrame(
        {
            "customer_id": world.ids[account],
            "issued_on": dates(day),
            "due_on": dates(day + window),
            "amount": bills["amount"].to_numpy().round(2),
            "paid_on": dates(paid),
            "status": status,
            "currency": "GBP",
        }
    )
    return table.iloc[np.lexsort([account, day])].reset_index(drop=True)


def _price(lines: pd.DataFrame) -> np.ndarray:
    return (lines["quantity"] * lines["price"] * (1 - lines["discount"])).to_numpy().round(2)


def _monthly(world: World) -> pd.DataFrame:
    lines = world.lines[world.lines["term"] == 1]
    calendar, start = world.calendar, lines["start"].to_numpy()
    begin = calendar.month(start)
    until = np.minimum(lines["end"].to_numpy(), world.last_day + 1)
    count = calendar.month(until) - begin + 1
    # The contract's day of the month: in a short month a line may start before it
    day_of_month = start - calendar.first[begin]
    due = np.minimum(lines["due"].to_numpy(), calendar.first[-1] - 1)
    day_of_month = np.maximum(day_of_month, due - calendar.first[calendar.month(due)]) + 1
    row = np.repeat(np.arange(len(lines)), count)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    day = np.maximum(calendar.day(begin[row] + nth, day_of_month[row]), start[row])
    kept = day < until[row]
    row, day = row[kept], day[kept]
    return pd.DataFrame(
        {"account": lines["account"].to_numpy()[row], "day": day, "term": 1, "amount": _price(lines)[row]}
    )


def _annual(world: World) -> pd.DataFrame:
    lines = world.lines
    price = _price(lines)
    slot = np.where(lines["product"] < 3, 0, lines["product"])
    order = np.lexsort([lines["start"], slot, lines["account"]])
    account, start, end = (lines[name].to_numpy()[order] for name in ("account", "start", "end"))
    follows = np.zeros(len(order), dtype=bool)
    follows[1:] = (account[1:] == account[:-1]) & (slot[order][1:] == slot[order][:-1]) & (end[:-1] == start[1:])
    before = np.where(follows, np.concatenate([[0.0], price[order][:-1]]), 0.0)
    left = (lines["due"].to_numpy()[order] - start) / MONTH
    whole = left > 11.5
    amount = np.where(whole, 12 * price[order], (price[order] - before) * left)
    kept = (lines["term"].to_numpy()[order] == 12) & (amount >= 0.01)
    return pd.DataFrame({"account": account[kept], "day": start[kept], "term": 12, "amount": amount[kept]})


def _unpaid_renewals(world: World, ended: pd.DataFrame) -> pd.DataFrame:
    """The bill for the next year that ended an annual contract, because it was not paid."""
    plans = world.plan_lines
    last = plans.assign(amount=12 * _price(plans)).set_index(["account", "end"])["amount"]
    amounts = last.reindex(pd.MultiIndex.from_frame(ended[["account", "end"]])).to_numpy()
    return pd.DataFrame(
        {"account": ended["account"].to_numpy(), "day": ended["end"].to_numpy(), "term": 12, "amount": amounts,
         "failed": True}
    )  # fmt: skip


def _mrr(world: World) -> np.ndarray:
    """Recurring revenue at the close of each month observed."""
    closes = world.calendar.first[BURN_IN + 1 : BURN_IN + world.months + 1] - 1
    price, start, end = _price(world.lines), world.lines["start"].to_numpy(), world.lines["end"].to_numpy()
    return np.array([price[(start <= close) & (end > close)].sum() for close in closes])


def costs(world: World) -> pd.DataFrame:
    """By month and category; what wins accounts also by channel, six tenths of it marketing and the rest sales."""
    rng, money, months = world.streams["costs"], world.parameters.money, world.months
    month = world.people["month"].to_numpy() - BURN_IN
    new = month >= 0
    spent = np.zeros((months, len(CHANNELS)))
    np.add.at(
        spent,
        (month[new], world.people["channel"].to_numpy()[new]),
        world.people["acquisition_cost"].to_numpy()[new],
    )
    mrr, rows = _mrr(world), []
    first = world.calendar.first[BURN_IN : BURN_IN + months]
    for category, share in (("marketing", 0.6), ("sales", 0.4)):
        for place, channel in enumerate(CHANNELS):
            rows.append(pd.DataFrame({"day": first, "category": category, "amount": share * spent[:, place],
                                      "attribute": channel}))  # fmt: skip
    for category in ("hosting", "support", "success"):
        amount = getattr(money, category) * mrr * rng.lognormal(0.0, 0.05, months)
        rows.append(pd.DataFrame({"day": first, "category": category, "amount": amount, "attribute": None}))
    table = pd.concat(rows)
    table = table[table["amount"] > 0].sort_values(["day", "category"], kind="stable")
    return pd.DataFrame(
        {
            "month": dates(table["day"].to_numpy()),
            "category": table["category"].to_numpy(),
            "amount": table["amount"].to_numpy().round(2),
            "attribute": table["attribute"].to_numpy(),
            "currency": "GBP",
        }
    )


def targets(world: World) -> pd.DataFrame:
    """Recurring revenue planned for each month's close: 1.2 % more each month than at the close of the first."""
    mrr = _mrr(world)
    planned = mrr[0] * 1.012 ** np.arange(world.months)
    first = dates(world.calendar.first[BURN_IN : BURN_IN + world.months])
    return pd.DataFrame({"month": first, "metric": "mrr", "value": planned.round(0)})


def customer_ids(world: World) -> pd.DataFrame:
    """The billing system knows every account, the help desk nine in ten."""
    rng, count = world.streams["identifiers"], len(world.people)
    numbers = rng.permutation(count)
    desk = np.flatnonzero(rng.random(count) < 0.9)
    billing = [f"cus_{number * 7919 + 104_729:08x}" for number in numbers.tolist()]
    return pd.DataFrame(
        {
            "system": np.repeat(np.array(["billing", "help desk"], dtype=object), [count, len(desk)]),
            "external_id": [*billing, *(f"{number + 40_001}" for number in numbers[desk].tolist())],
            "customer_id": np.concatenate([world.ids, world.ids[desk]]),
        }
    )
