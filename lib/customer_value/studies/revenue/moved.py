"""What moved between two closes, account by account, and what each paid at either."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import ibis
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.months import at_day, holdings, states
from customer_value.marts.periods import Period

MOVEMENTS = ("new", "expansion", "reactivation", "contraction", "churn")
"""The five streams, gains first."""

_MONTH_END_NOTE = (
    "The period does not run from month end to month end, so movements are read from the states at its two closes; "
    "changes in between that cancel out are not seen."
)


def by_calendar_month(marts: Marts, period: Period) -> bool:
    """Whether the period is whole months that the marts know the movements of."""
    return (
        period.whole_months
        and marts.meta.first_month <= period.first_month
        and period.last_month <= marts.meta.last_month
    )


def in_period(months: ibis.Table, period: Period) -> ibis.Table:
    return months.filter(months.month >= period.first_month, months.month <= period.last_month)


def moves(marts: Marts, period: Period) -> tuple[pd.DataFrame, pd.Series, pd.Series, tuple[str, ...]]:
    """What moved in the period, and MRR by account at its two closes.

    Returns
    -------
    Rows of ``customer_id, movement, end_kind, end_reason, change`` (Decimal, signed), opening and closing MRR (Decimal,
    indexed by account, active accounts only), and notes.
    """
    return marts.once(("moved", period), lambda: _reckoned_moves(marts, period))


def _reckoned_moves(marts: Marts, period: Period) -> tuple[pd.DataFrame, pd.Series, pd.Series, tuple[str, ...]]:
    opening, closing = _state(marts, period.start), _state(marts, period.end)
    if by_calendar_month(marts, period):
        within = in_period(marts.table("calendar_months"), period)
        keys = ["customer_id", "movement", "end_kind", "end_reason"]
        moved = within.filter(within.movement.isin(MOVEMENTS))
        moved = moved.group_by(keys).agg(change=moved.change.sum()).order_by(keys).execute()
        return moved, opening, closing, ()
    base = period_base(marts, start=period.start, end=period.end).set_index("customer_id")
    signed_up = marts.table("accounts").select("customer_id", "first_start").execute()
    first_start = pd.to_datetime(signed_up.set_index("customer_id")["first_start"])
    rows = []
    for customer_id in sorted(set(opening.index) | set(closing.index) | set(base.index)):
        before, after = opening.get(customer_id, Decimal(0)), closing.get(customer_id, Decimal(0))
        if customer_id not in base.index:
            known = first_start[customer_id] <= pd.Timestamp(period.start)
            rows.append((customer_id, "reactivation" if known else "new", None, None, after))
        elif base.at[customer_id, "lost"]:
            ended = base.loc[customer_id]
            rows.append((customer_id, "churn", ended["end_kind"], ended["end_reason"], -before))
            if after:
                rows.append((customer_id, "reactivation", None, None, after))
        elif after != before:
            rows.append((customer_id, "expansion" if after > before else "contraction", None, None, after - before))
    moved = pd.DataFrame(rows, columns=["customer_id", "movement", "end_kind", "end_reason", "change"])
    return moved, opening, closing, (_MONTH_END_NOTE,)


def _state(marts: Marts, day: date) -> pd.Series:
    """MRR by account at the close of ``day``, active accounts only."""
    state = states(holdings(at_day(marts.table("lines"), day)))
    state = state.select("customer_id", "mrr").order_by("customer_id").execute()
    return state.set_index("customer_id")["mrr"]


def provisional(marts: Marts, base: pd.DataFrame, period: Period) -> tuple[str, ...]:
    """How many of the accounts lost could still turn out to have paused."""
    spells = marts.table("spells")
    recent = spells.filter(
        spells.provisional,
        spells.start_date <= ibis.literal(period.start),
        spells.end_date > ibis.literal(period.start),
        spells.end_date <= ibis.literal(period.end),
    )
    recent = recent.select("customer_id").execute()
    count = int(base.loc[base["lost"], "customer_id"].isin(set(recent["customer_id"])).sum())
    if not count:
        return ()
    return (
        f"{count:,} of the {int(base['lost'].sum()):,} accounts lost ended so lately that a return within "
        f"{marts.meta.grace_days} days would make it a pause: these losses are provisional.",
    )
