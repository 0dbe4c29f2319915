"""What accounts bought more or less of, month by month, and when they did so for the first time.

An account *expands* in a month at whose close it pays more than at the close before, if it bought more: more seats, a
dearer plan, a further add-on. A price that rose, or a discount that ended, is no expansion, unless asked for. It
*contracts* likewise. Where the data name neither plans nor seats nor add-ons, whatever was paid more counts.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from customer_value.marts import risk
from customer_value.marts.dates import month_number, plus_months
from customer_value.marts.months import at_days, holdings
from customer_value.marts.spells import MONEY
from customer_value.marts.store import Marts, to_pandas

BOUGHT = ("seats", "plan", "addon")
"""Parts of a change that are the account's own choice of what it buys."""

PRICED = ("price", "discount")
"""Parts that are not."""


UNTOLD = "untold"
"""What a change is made of where the data do not tell."""


def parts(marts: Marts) -> tuple[str, ...]:
    """The parts that changes are split into, those bought first."""
    columns = marts.table("calendar_months").columns
    return tuple(part for part in (*BOUGHT, *PRICED) if f"{part}_part" in columns)


def parts_known(marts: Marts) -> bool:
    """Whether the data tell what was bought: several plans, seats or an add-on; snapshots of money alone do not."""

    def compute() -> bool:
        lines = marts.table("lines")
        told = lines.aggregate(
            plans=lines["product"].nunique(where=lines.kind == "plan"),
            seats=lines.quantity.count(where=lines.kind == "plan"),
            addons=(lines.kind == "addon").sum().fill_null(0),
        )
        found = told.to_pyarrow().to_pylist()[0]
        return found["plans"] > 1 or found["seats"] > 0 or found["addons"] > 0

    return marts.once(("parts known",), compute)


def months(marts: Marts, *, priced: bool = False) -> ir.Table:
    """The months in which accounts were at risk of their first end, with what they bought more or less of.

    Parameters
    ----------
    priced : whether a mere rise (or cut) of the price counts as an expansion (or contraction)

    Returns
    -------
    The columns of the mart ``risk_months``, and ``since`` (calendar months since that of the origin; null if unknown),
    ``change``, one ``<part>_part`` for each of `parts`, ``grew`` and ``shrank`` (as this module defines them) and
    ``kind`` (the part that most of that change is made of, or `UNTOLD`; null where neither).
    """
    key = "growth_months_priced" if priced else "growth_months"
    return marts.keep(key, lambda: _months(marts, priced))


def _months(marts: Marts, priced: bool) -> ir.Table:
    at, moved = marts.table("risk_months"), marts.table("calendar_months")
    named = [f"{part}_part" for part in parts(marts)]
    moved = moved.select("customer_id", "month", "movement", "change", *named)
    addons = _addons_bought(marts, moved)
    moved = moved.left_join(addons, ["customer_id", "month"]).select(*moved.columns, "addons_bought")
    kept = moved.addons_bought.fill_null(0).cast(MONEY)
    # An add-on that only became dearer is a price like any other.
    moved = moved.mutate(price_part=moved.price_part + moved.addon_part - kept, addon_part=kept).drop("addons_bought")
    origin = marts.table("accounts").select("customer_id", "origin_date")
    at = at.inner_join(moved, ["customer_id", "month"]).inner_join(origin, "customer_id")
    bought = sum((at[f"{part}_part"] for part in BOUGHT), ibis.literal(0))
    counted = ibis.literal(priced or not parts_known(marts))
    grew = (at.movement == "expansion") & (counted | (bought > 0)) & ~at.churned
    shrank = (at.movement == "contraction") & (counted | (bought < 0)) & ~at.churned
    at = at.mutate(since=month_number(at.month) - month_number(at.origin_date), grew=grew, shrank=shrank)
    sign = at.shrank.ifelse(-1, 1)
    named = [part for part in parts(marts) if priced or not parts_known(marts) or part in BOUGHT]
    largest = ibis.greatest(*(at[f"{part}_part"] * sign for part in named))
    # Of parts of one size, the first named.
    kind = ibis.cases(*((at[f"{part}_part"] * sign == largest, part) for part in named))
    kind = kind if parts_known(marts) else ibis.literal(UNTOLD)
    at = at.mutate(kind=(at.grew | at.shrank).ifelse(kind, ibis.null("string")))
    return at.drop("movement", "origin_date")


def groups(marts: Marts) -> pd.Series:
    """The group (0 to 49, from the id alone) of every account that was ever at risk, by ``customer_id``."""

    def compute() -> pd.Series:
        at = months(marts)
        found = at.group_by("customer_id").agg(group=at.group.max()).order_by("customer_id")
        return to_pandas(found).set_index("customer_id")["group"]

    return marts.once(("growth groups",), compute)


def _addons_bought(marts: Marts, moved: ir.Table) -> ir.Table:
    """What changes in add-ons are worth without their prices: those added or dropped, and more or fewer of one."""
    lines = marts.table("lines")
    lines = lines.filter(lines.kind == "addon")
    touched = moved.filter(moved.movement.isin(["expansion", "contraction"]) & (moved.addon_part != 0))
    one_day = ibis.interval(days=1)
    touched = touched.select(
        "customer_id",
        "month",
        opening=(touched.month - one_day).cast("date"),
        close=(plus_months(touched.month, 1) - one_day).cast("date"),
    )
    days = touched.select("customer_id", day="opening").union(touched.select("customer_id", day="close")).distinct()
    held = holdings(at_days(lines, days))
    nothing = ibis.null("float64")
    sides = []
    for day, place in (("opening", 0), ("close", 1)):
        at = held.join(touched, [held.customer_id == touched.customer_id, held.day == touched[day]])
        paid, count = at.mrr.cast("float64"), at.quantity.cast("float64")
        amounts = {f"m{place}": paid, f"q{place}": count, f"m{1 - place}": nothing, f"q{1 - place}": nothing}
        sides.append(at.select("customer_id", "month", "product", **{name: amounts[name] for name in sorted(amounts)}))
    both = sides[0].union(sides[1]).group_by("customer_id", "month", "product")
    pair = both.agg(**{name: ibis._[name].max() for name in ("m0", "m1", "q0", "q1")})
    counted = (pair.q0 > 0) & (pair.q1 > 0)
    more = (pair.q1 - pair.q0) * (pair.m0 / pair.q0 + pair.m1 / pair.q1) / 2
    # A row below zero is a discount, whatever it is called, and none of the account's choice.
    reduces = ((pair.m0 < 0) | (pair.m1 < 0)).fill_null(False)
    worth = ibis.cases(
        (reduces, 0.0),
        (pair.m0.isnull(), pair.m1),
        (pair.m1.isnull(), -pair.m0),
        (counted.fill_null(False), more),
        else_=0.0,
    )
    return pair.group_by("customer_id", "month").agg(addons_bought=worth.round(4).cast(MONEY).sum())


def steps(marts: Marts, *, down: bool = False, priced: bool = False) -> pd.DataFrame:
    """Every expansion (or contraction), in order.

    Returns
    -------
    One row each: ``customer_id, month, since, number`` (1 for an account's first), ``previous`` (calendar months since
    the one before; missing at the first), ``opening_mrr, change, kind, group``, ``opening_plan, term`` and the parts.
    """
    key = ("growth steps", down, priced)
    return marts.once(key, lambda: _steps(marts, down, priced)).copy()


def _steps(marts: Marts, down: bool, priced: bool) -> pd.DataFrame:
    at = months(marts, priced=priced)
    moved = at.filter(at.shrank if down else at.grew)
    columns = ["customer_id", "month", "since", "opening_mrr", "change", "kind", "group", "opening_plan", "term"]
    columns += [f"{part}_part" for part in parts(marts)]
    found = to_pandas(moved.select(*columns, t=month_number(moved.month)).order_by("customer_id", "month"))
    by_account = found.groupby("customer_id", sort=False)
    return found.assign(number=by_account.cumcount() + 1, previous=by_account["t"].diff()).drop(columns="t")


def followed(marts: Marts, *, priced: bool = False, until_first: bool = True) -> pd.DataFrame:
    """How long every account of a cohort was followed until it expanded or left, whichever came first.

    Only accounts that are followed from sign-up on: of the others nobody knows whether an expansion is the first. An
    account that leaves within the month of its sign-up counts as leaving in the first month after it.

    Parameters
    ----------
    priced : as in `months`
    until_first : from sign-up until the first expansion; else from the first until the second

    Returns
    -------
    One row an account, by ``customer_id``: the columns of the mart ``accounts``, ``exit`` (calendar months followed),
    ``whole`` (for how many it would have been had nothing happened) and ``how`` it ended: ``grew``, ``left``, or
    missing (neither by the close of the last whole month).
    """
    key = ("growth followed", priced, until_first)
    return marts.once(key, lambda: _followed(marts, priced, until_first)).copy()


def _followed(marts: Marts, priced: bool, until_first: bool) -> pd.DataFrame:
    accounts, spells = marts.table("accounts"), marts.table("spells")
    first = spells.filter(spells.spell == 1)
    last = risk.number(marts.meta.last_month)
    ends = first.select("customer_id", ended=first.event.ifelse(month_number(first.end_date), ibis.null("int64")))
    cohort = accounts.filter(accounts.cohort_month.notnull()).inner_join(ends, "customer_id")
    origin = month_number(cohort.origin_date)
    left = (cohort.ended <= last).ifelse(cohort.ended - origin, ibis.null("int64"))
    about = to_pandas(
        cohort.mutate(left=left.cast("float64"), whole=last - origin).drop("ended").order_by("customer_id")
    )
    # Whoever came within the last whole month was never followed.
    about = about[about["whole"] > 0].reset_index(drop=True)
    nth = steps(marts, priced=priced).pivot(index="customer_id", columns="number", values="since")
    first_one, second_one = (
        about["customer_id"].map(nth[number]).astype(float) if number in nth else about["left"] * float("nan")
        for number in (1, 2)
    )
    begun, grown = (0 * about["whole"], first_one) if until_first else (first_one, second_one)
    about["how"] = np.select([grown.notna(), about["left"].notna()], ["grew", "left"], None)
    until = grown.fillna(about["left"]).fillna(about["whole"])
    # A departure within the month of sign-up cannot be told from one in the month after.
    about["exit"] = (until - begun).mask(about["how"] == "left", (until - begun).clip(lower=1))
    about["whole"] = about["whole"] - begun
    about = about[begun.notna()].astype({"exit": int, "whole": int})
    return about.drop(columns="left").reset_index(drop=True)
