"""What expansions and contractions are made of: price, seats, plan, add-ons and discount."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.months import at_day, days_table, holdings
from customer_value.marts.parts import PARTS, column, parts_in, shows_discounts
from customer_value.marts.parts import parts as split
from customer_value.marts.periods import Period
from customer_value.stats.intervals import effective_n
from customer_value.stats.result import Result
from customer_value.studies.revenue.columns import amounts
from customer_value.studies.revenue.moved import by_calendar_month, in_period, moves

MADE_OF_PARTS = ("expansion", "contraction")
"""The streams of accounts that stay: what they changed can be told."""

PENNY = 0.01
"""Smaller changes of an account's part are rounding of prices; they add up and are counted nowhere."""

_METHOD = (
    "Quantity times list price times the share of it that is paid; each part is what its factor changes, averaged over "
    "the orders in which they could have changed (Shapley value, with two factors the midpoint rule)"
)
_NO_DISCOUNT = "No row states a list price, so a discount given or ended is part of the price."


def parts(marts: Marts, *, start: date, end: date) -> Result:
    """What expansions and contractions of a period were made of: price, seats, plan, add-ons and discount.

    Over whole calendar months the monthly parts are added up; else the two closes are compared.

    Returns
    -------
    Result keyed by ``movement, part``, money, signed; the parts of a movement add up to it exactly. A part may run
    against its movement. ``discount`` is there where rows state list prices or are discounts themselves; above zero,
    discounts ended or shrank. ``n`` counts the accounts in which the part is a penny or more, ``effective_n`` as how
    many of equal size they count (Kish); ``share`` is of the movement.

    References
    ----------
    Shorrocks (2013), decomposition procedures for distributional analysis: a unified framework based on the Shapley
    value. With two factors it is the midpoint (Marshall–Edgeworth) rule.
    """
    period = Period(start, end)
    if by_calendar_month(marts, period):
        changes, notes = in_period(marts.table("calendar_months"), period), ()
        changes = changes.filter(changes.movement.isin(MADE_OF_PARTS))
        used = parts_in(changes)
        sums = (
            changes.group_by("movement", "customer_id")
            .agg(**{part: changes[column(part)].sum() for part in used})
            .order_by("movement", "customer_id")
            .execute()
        )
    else:
        sums, used, notes = _between(marts, period)
    rows = []
    for movement in MADE_OF_PARTS:
        stream = sums[sums["movement"] == movement]
        for part in used:
            amount = stream[part]
            # A penny in a month is found in the sum of the months, unless it was taken back.
            size = amount.astype(float).abs()
            rows.append((movement, part, sum(amount), int((size >= PENNY).sum()), effective_n(size)))
    table = amounts(pd.DataFrame(rows, columns=["movement", "part", "estimate", "n", "effective_n"]))
    return _result("movement_parts", _with_share(table, ["movement"]), ("movement", "part"), used, notes)


def parts_by_month(marts: Marts) -> Result:
    """What expansions and contractions of every month were made of.

    Returns
    -------
    Result keyed by ``month, movement, part``, as `parts` for each month.
    """
    months = marts.table("calendar_months")
    used = parts_in(months)
    within = months.filter(months.movement.isin(MADE_OF_PARTS))
    cells = (
        within.group_by("month", "movement")
        .agg(
            **{part: within[column(part)].sum() for part in used},
            **{f"{part}_n": (within[column(part)].abs() >= PENNY).sum() for part in used},
        )
        .order_by("month", "movement")
        .execute()
    )
    rows = [
        (row["month"], movement, part, row[part], row[f"{part}_n"])
        for _, month in cells.groupby("month", sort=True)
        for movement in MADE_OF_PARTS
        for _, row in month[month["movement"] == movement].iterrows()
        for part in used
    ]
    table = amounts(pd.DataFrame(rows, columns=["month", "movement", "part", "estimate", "n"]))
    return _result(
        "monthly_movement_parts", _with_share(table, ["month", "movement"]), ("month", "movement", "part"), used, ()
    )


def _between(marts: Marts, period: Period) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Parts of each account between two closes that are no month ends, which parts there are, and notes."""
    lines = marts.table("lines")
    discounts = shows_discounts(lines)
    used = PARTS if discounts else PARTS[:-1]
    held = _holdings_at(lines, period)
    spans = days_table({"opening": [period.start], "month": [period.start], "close": [period.end]})
    made_of = split(held, spans, discounts=discounts).order_by("customer_id").execute()
    moved, _, _, notes = moves(marts, period)
    stay = moved[moved["movement"].isin(MADE_OF_PARTS)][["customer_id", "movement"]]
    sums = stay.merge(made_of.rename(columns={column(part): part for part in used}), on="customer_id")
    return sums, used, notes


def _holdings_at(lines: ir.Table, period: Period) -> ir.Table:
    return ibis.union(holdings(at_day(lines, period.start)), holdings(at_day(lines, period.end)))


def _with_share(table: pd.DataFrame, movement: list[str]) -> pd.DataFrame:
    total = table.groupby(movement)["estimate"].transform("sum")
    # What is left of a sum of floats is no total to divide by.
    return table.assign(share=table["estimate"] / total.where(total.abs() >= PENNY, np.nan))


def _result(
    name: str, table: pd.DataFrame, keys: tuple[str, ...], used: tuple[str, ...], notes: tuple[str, ...]
) -> Result:
    return Result(
        name=name,
        table=table,
        keys=keys,
        unit="money",
        level=None,
        n_of="accounts",
        method=_METHOD,
        notes=notes if "discount" in used else (*notes, _NO_DISCOUNT),
    )
