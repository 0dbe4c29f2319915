"""What accounts reached and what was agreed with them: milestones, goals, and coming back after activation."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from customer_value.marts.spells import OPEN


def milestones(given: ir.Table, accounts: ir.Table) -> ir.Table:
    """When each account first reached each milestone.

    Parameters
    ----------
    given : the contract table ``milestones`` as intake leaves it
    accounts : that mart; what is reached by others is in no figure

    Returns
    -------
    One row an account and milestone: ``customer_id, milestone, reached_on``.
    """
    rows = given.semi_join(accounts, "customer_id")
    return rows.group_by("customer_id", "milestone").agg(reached_on=rows.reached_at.min())


def goals(given: ir.Table, accounts: ir.Table) -> ir.Table:
    """Goals agreed with accounts, the contract table ``success_plans`` with what it leaves out as nulls.

    Returns
    -------
    One row a goal: ``customer_id, goal, target_date, achieved_date, value_delivered, investment, perception``.
    """
    kinds = {"achieved_date": "date", "value_delivered": "decimal(18, 4)", "investment": "decimal(18, 4)"}
    kinds |= {"perception": "string"}
    missing = {name: ibis.null(kind) for name, kind in kinds.items() if name not in given.columns}
    rows = given.semi_join(accounts, "customer_id").mutate(**missing)
    return rows.select("customer_id", "goal", "target_date", *kinds)


def days_of_use(events: ir.Table, spells: ir.Table, *, until: date) -> ir.Table:
    """The days on which an account used anything while it was a customer.

    Parameters
    ----------
    events : the contract table ``usage_events``
    spells : that mart
    until : the last day that counts

    Returns
    -------
    One row an account and day: ``customer_id, day``.
    """
    days = events.select("customer_id", day=events.event_time.date()).distinct()
    lives = spells.select("customer_id", "start_date", ended=spells.end_date.fill_null(OPEN))
    inside = days.filter(days.day <= ibis.literal(until)).inner_join(lives, "customer_id")
    inside = inside.filter((inside.start_date <= inside.day) & (inside.day < inside.ended))
    return inside.select("customer_id", "day").distinct()
