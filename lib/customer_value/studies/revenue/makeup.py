"""What expansions and contractions are made of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.periods import Period
from customer_value.stats.result import Result
from customer_value.studies.revenue.columns import amounts
from customer_value.studies.revenue.moved import by_calendar_month, in_period

PARTS = ("price", "seats", "plan", "addon")
"""What an expansion or contraction is made of."""


def parts(marts: Marts, *, start: date, end: date) -> Result:
    """What expansions and contractions were made of: price, seats, plan and add-ons.

    Price times seats is split at the midpoint: a change of price is valued at the average of the seats before and
    after, and the other way round, so that no part is left over.

    Returns
    -------
    Result keyed by ``movement, part``, money, signed; the parts of a movement add up to it. A part may run against its
    movement. ``n`` counts the accounts in which the part is not zero; ``share`` is of the movement. Missing where the
    period is not whole calendar months.
    """
    period = Period(start, end)
    months = marts.table("calendar_months")
    rows = []
    known = by_calendar_month(marts, period)
    for movement in ("expansion", "contraction"):
        if not known:
            rows += [(movement, part, None, 0) for part in PARTS]
            continue
        within = in_period(months, period).filter(ibis._.movement == movement)
        sums = within.agg(
            **{part: within[f"{part}_part"].sum() for part in PARTS},
            **{f"{part}_n": within.customer_id.nunique(where=within[f"{part}_part"] != 0) for part in PARTS},
        ).execute()
        rows += [(movement, part, sums.at[0, part] or Decimal(0), int(sums.at[0, f"{part}_n"])) for part in PARTS]
    table = amounts(pd.DataFrame(rows, columns=["movement", "part", "estimate", "n"]))
    table["share"] = table["estimate"] / table.groupby("movement")["estimate"].transform("sum").replace(0, np.nan)
    return Result(
        name="movement_parts",
        table=table,
        keys=("movement", "part"),
        unit="money",
        level=None,
        n_of="accounts",
        method="Sum of the monthly parts; price and seats split at the midpoint",
        notes=() if known else ("Parts are known by calendar month; choose month ends to see them.",),
    )
