"""The months in which accounts were at risk of leaving for the first time: what hazards are counted from."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from customer_value.marts.dates import month_number, month_of, plus_months

GROUPS = 50
"""Parts that accounts are dealt into, to be left out one at a time."""

_HEX = "0123456789abcdef"


def risk_months(months: ir.Table, spells: ir.Table, accounts: ir.Table) -> ir.Table:
    """The months in which accounts were at risk of their first end.

    An account is at risk in the calendar months that it opens as a customer who has not left before, from the first
    month whose movements mean something to the last whole one.

    Parameters
    ----------
    months, spells, accounts : the marts ``calendar_months``, ``spells`` and ``accounts``

    Returns
    -------
    One row an account and month: ``customer_id, account`` (its place in the order of the ids, from 0), ``month,
    age_months`` (whole months since its origin at the month's close; null if unknown), ``term`` (months, of the plan
    held at the opening; at least 1, and 0 if not stated), ``since_term`` (whole months since the unbroken run of that
    term began, at the month's close; where no term is stated, since the account came into view), ``due`` (whether the
    term runs out within the month), ``churned`` (whether the first spell ends within the month), ``expanded``,
    ``opening_mrr, opening_plan``, ``whole_from`` (the first month that lies wholly in the account's life) and ``group``
    (0 to 49, from the id alone).

    Notes
    -----
    Whoever is bound by a term of m months decides in the months in which ``since_term`` is a multiple of m. A term of a
    year that began on 1 January 2023 and one that began on the 31st both run out in January 2024, with ``since_term``
    12. Hazards are comparable where ``term`` and ``since_term`` are the same.
    """
    first = spells.filter(spells.spell == 1).select("customer_id", started="start_date", ended="end_date")
    number = in_order(accounts.customer_id)
    about = accounts.select("customer_id", account=number, group=_group(accounts.customer_id))
    at = months.filter(months.opening_active).inner_join(first, "customer_id").inner_join(about, "customer_id")
    at = at.filter(at.ended.isnull() | (at.ended >= at.month))
    churned = (month_number(at.ended) == month_number(at.month)).fill_null(False)
    # The month in which an account starts is a whole one only where it starts on the first.
    began = month_of(at.started)
    return at.select(
        "customer_id",
        "account",
        "month",
        "age_months",
        term=at.opening_term.notnull().ifelse(ibis.greatest(at.opening_term.round().cast("int64"), 1), 0),
        since_term=month_number(at.month) - month_number(ibis.coalesce(at.opening_term_start, at.started)),
        due=at.due,
        churned=churned,
        expanded=(at.movement == "expansion") & ~churned,
        opening_mrr=at.opening_mrr,
        opening_plan=at.opening_plan,
        whole_from=(at.started == began).ifelse(began, plus_months(began, 1)),
        group=at.group,
    )


def in_order(customer_id: ir.StringColumn) -> ir.IntegerColumn:
    """The place of every account in the order of the ids, from 0."""
    return ibis.row_number().over(order_by=customer_id)


def _group(customer_id: ir.StringValue) -> ir.IntegerValue:
    """The first four hexadecimal digits of the id's MD5 as a number, modulo 50: the same on every engine."""
    digest = customer_id.hexdigest("md5")
    number = ibis.literal(0, "int64")
    for place in range(4):
        number = number * 16 + ibis.literal(_HEX).find(digest.substr(place, 1))
    return number % GROUPS
