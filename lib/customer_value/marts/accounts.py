"""One row an account: where it came from, what it was first, what it is now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir

from customer_value.errors import DataError
from customer_value.marts.months import at_day, at_days, holdings, states
from customer_value.marts.spells import MONEY

RESERVED = frozenset(
    (
        *("customer_id", "name", "owner", "signup_date", "origin_date", "first_start", "opening_stock", "cohort_month"),
        *("first_plan", "first_term", "first_mrr", "first_seats", "status", "mrr_now", "plan_now", "term_now"),
        *("seats_now", "next_due", "spells", "start_mrr", "end_mrr", "returned_mrr", "lost", "end_kind", "end_reason"),
        *("due", "plan", "term", "seats", "month", "movement", "mrr_band", "all"),
        *("cohort_year", "cohort_half", "cohort_quarter", "referred"),
        *("due_date", "outcome", "stated", "contradicted", "renewed", "mrr_before", "mrr_after", "plan_after"),
        *("term_after", "months_old", "renewal_age", "renewal_value"),
        *("exit", "how", "whole", "left", "grew", "grown", "kept_mrr", "moved_up", "gave_up", "side", "rung"),
    )
)
"""Names that mean something in the marts or in a period's base, so that no attribute can bear them."""


def check_names(attributes: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse attributes whose names mean something else here.

    Raises
    ------
    DataError : with the names and what to do
    """
    taken = sorted(RESERVED.intersection(attributes))
    if taken:
        raise DataError(
            "An attribute must not bear a name that the report uses itself",
            table="customers",
            column=", ".join(taken),
            remedy=f"give it another name in the mapping, such as {taken[0]}_given",
        )


def accounts(
    lines: ir.Table,
    spells: ir.Table,
    origin: ir.Table,
    customers: ir.Table | None,
    *,
    as_of: date,
    stock_until: date | None,
    attributes: Mapping[str, Mapping[str, str]],
) -> ir.Table:
    """What each account was at its first paid day and is at the as-of close.

    Parameters
    ----------
    lines, spells : those marts
    origin : what `customer_value.marts.spells.origins` gives
    customers : the contract table, or None
    as_of : the day at whose close everything is seen
    stock_until : the day at whose close the opening stock was there; None if there is none
    attributes : declared attributes by name; those of ``customers`` are taken over under their own names
    """
    first = states(holdings(at_days(lines, _first_seen(lines, origin, stock_until))))
    first = first.select("customer_id", first_plan="plan", first_term="term", first_mrr="mrr", first_seats="seats")
    now = states(holdings(at_day(lines, as_of)))
    now = now.select("customer_id", "next_due", mrr_now="mrr", plan_now="plan", term_now="term", seats_now="seats")
    counted = spells.group_by("customer_id").agg(spells=spells.spell.max())
    every = origin.inner_join(first, "customer_id").inner_join(counted, "customer_id").left_join(now, "customer_id")
    every = every.mutate(
        status=every.mrr_now.notnull().ifelse("active", "churned"), mrr_now=every.mrr_now.fill_null(0).cast(MONEY)
    )
    declared = [name for name, about in sorted(attributes.items()) if about["table"] == "customers"]
    kinds = {"name": "string", "owner": "string", "referred": "boolean"}
    given = [*kinds, *declared]
    if customers is None:
        every = every.mutate(**{name: ibis.null(kind) for name, kind in kinds.items()})
    else:
        missing = {name: ibis.null(kind) for name, kind in kinds.items() if name not in customers.columns}
        known = customers.mutate(**missing).select("customer_id", *given)
        every = every.left_join(known, "customer_id").select(*every.columns, *given)
    present = [name for name in declared if name in every.columns]
    return every.select(
        "customer_id",
        "name",
        "owner",
        "signup_date",
        "origin_date",
        "first_start",
        "opening_stock",
        "cohort_month",
        "first_plan",
        "first_term",
        "first_mrr",
        "first_seats",
        "status",
        "mrr_now",
        "plan_now",
        "term_now",
        "seats_now",
        "next_due",
        "spells",
        "referred",
        *present,
    )


def _first_seen(lines: ir.Table, origin: ir.Table, stock_until: date | None) -> ir.Table:
    """``customer_id, day`` of what counts as an account's first state: its first paid day.

    The rows of an opening stock are those that were in force when the data begin, so an add-on's row may reach further
    back than the row of the plan that it was added to. There the first day with a plan counts, if it is in the stock's
    time.
    """
    if stock_until is None:
        return origin.select("customer_id", day="first_start")
    plans = lines.filter(lines.kind == "plan").group_by("customer_id").agg(first_plan_day=lines.start_date.min())
    joined = origin.left_join(plans, "customer_id").select(
        "customer_id", "first_start", "opening_stock", "first_plan_day"
    )
    late_plan = joined.opening_stock & (joined.first_plan_day <= ibis.literal(stock_until))
    return joined.select(
        "customer_id", day=late_plan.fill_null(False).ifelse(joined.first_plan_day, joined.first_start)
    )
