"""What accounts cost: what was spent to win each, and what the company spent month by month."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from customer_value.marts.dates import month_of
from customer_value.marts.spells import MONEY


def acquisition_costs(customers: ir.Table, accounts: ir.Table) -> ir.Table | None:
    """What was spent to win each account of which it is recorded: ``customer_id, cost``; None where it never is."""
    if "acquisition_cost" not in customers.columns:
        return None
    recorded = customers.filter(customers.acquisition_cost.notnull() & (customers.acquisition_cost >= 0))
    recorded = recorded.select("customer_id", cost=recorded.acquisition_cost.cast(MONEY))
    recorded = recorded.semi_join(accounts, "customer_id")
    return recorded if int(recorded.count().execute()) else None


def cost_months(costs: ir.Table, rates: ir.Table | None, *, currency: str | None) -> tuple[ir.Table, int]:
    """What was spent by month, category and part of the business, in the report's currency.

    Parameters
    ----------
    costs, rates : contract tables; rates may be missing
    currency : the report's; costs that name another one are brought into it by its rate

    Returns
    -------
    ``month, category`` (in lower case), ``attribute`` (null where the cost is of the whole business), ``amount``; and
    how many rows are left out because their currency has no rate.
    """
    named = {name: ibis.null("string") for name in ("attribute", "currency") if name not in costs.columns}
    every = costs.mutate(**named)
    foreign = every.currency.upper()
    own = foreign.isnull() | (foreign == currency) if currency else ibis.literal(True)
    if rates is not None and currency:
        single = rates.group_by(foreign=rates.currency.upper()).agg(rate=rates.rate.min())
        every = every.mutate(foreign=foreign).left_join(single, "foreign").select(*every.columns, "rate")
        rate = own.ifelse(ibis.literal(1.0), every.rate)
    else:
        rate = own.ifelse(ibis.literal(1.0), ibis.null("float64"))
    every = every.mutate(
        month=month_of(every.month),
        category=every.category.strip().lower(),
        attribute=every.attribute.strip().nullif(""),
        # Money at rate 1 stays exact: it never passes through a float.
        amount=(rate == 1.0).ifelse(every.amount.cast(MONEY), (every.amount * rate).round(4).cast(MONEY)),
    )
    left_out = int(every.amount.isnull().sum().fill_null(0).execute())
    kept = every.filter(every.amount.notnull())
    table = kept.group_by("month", "category", "attribute").agg(amount=kept.amount.sum().cast(MONEY))
    return table, left_out
