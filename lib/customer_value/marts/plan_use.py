"""What accounts use beside the plan they are on: what plans are compared by."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import growth, ladder
from customer_value.marts.bases import period_base, state_at
from customer_value.marts.dates import first_of_month
from customer_value.marts.months import at_day
from customer_value.marts.standing import months_earlier
from customer_value.marts.store import Marts, to_pandas

MEASURES = ("events", "active_days", "users", "features")
"""What use is told by, as far as the data tell it."""

SOLD_SINGLY = 0.10
"""Where more accounts of a plan than this share have another number of seats than most of its accounts, seats are sold
one by one, and use is taken per seat."""

FOLDS = 10


def accounts_at(marts: Marts, close: date, *, months: int = 3) -> pd.DataFrame:
    """Every account active at a close on a plan of the ladder, with its use in the months before.

    Parameters
    ----------
    close : the end of a month
    months : whole months over which use is taken

    Returns
    -------
    One row an account with a day of recorded use as a customer in these months, by ``customer_id``: ``plan, rung``
    (place on the ladder, from 1), ``mrr, plan_mrr, list_mrr`` (of the rows of plans alone; a list price not told is
    what is paid), ``seats, term``, those of `MEASURES` that are told (means per day as a customer; users and features:
    of a month; per seat where `per_seat`), ``fold`` and ``per_seat``. Empty where no use is recorded.
    """
    key = ("plan use", close, months)
    return marts.once(key, lambda: _accounts_at(marts, close, months)).copy()


def _accounts_at(marts: Marts, close: date, months: int) -> pd.DataFrame:
    state = state_at(marts, close)[["customer_id", "mrr", "plan", "seats", "term"]]
    rungs = ladder.ladder(marts).set_index("plan")["rung"]
    state = state.assign(rung=state["plan"].map(rungs)).dropna(subset="rung").astype({"rung": int})
    used = _use(marts, close, months)
    held = at_day(marts.table("lines"), close)
    held = held.filter(held.kind == "plan")
    money = held.group_by("customer_id").agg(plan_mrr=held.mrr.sum(), list_mrr=held.list_mrr.fill_null(held.mrr).sum())
    found = state.merge(to_pandas(money), on="customer_id", how="left", validate="one_to_one")
    if used is None:
        return found.head(0).assign(fold=0, per_seat=False)
    found = found.merge(used, on="customer_id", how="inner", validate="one_to_one")
    by_seat = per_seat(found)
    if by_seat:
        found = found[found["seats"] > 0].reset_index(drop=True)
        for name in ("events", "users"):
            if name in found:
                found[name] /= found["seats"]
    groups = growth.groups(marts)
    # Who came within the last month was not at risk yet, and is in the first fold.
    return found.assign(fold=found["customer_id"].map(groups).fillna(0) % FOLDS, per_seat=by_seat)


def per_seat(accounts: pd.DataFrame) -> bool:
    """Whether seats are sold one by one: then a plan's accounts differ in them."""
    known = accounts[accounts["seats"] > 0]
    if accounts.empty or len(known) < 0.9 * len(accounts):
        return False
    usual = known.groupby("plan")["seats"].agg(lambda seats: seats.value_counts().iloc[0]).sum()
    return bool(1 - usual / len(known) > SOLD_SINGLY)


def _use(marts: Marts, close: date, months: int) -> pd.DataFrame | None:
    if "usage_months" not in marts.meta.rows:
        return None
    until = first_of_month(close + timedelta(days=1))
    since = first_of_month(months_earlier(until, months))
    rows = marts.table("usage_months")
    rows = rows.filter(
        (rows.month >= ibis.literal(since)) & (rows.month < ibis.literal(until)) & (rows.exposed_days > 0)
    )
    told = rows.aggregate(**{name: rows[name].count() for name in MEASURES}).to_pyarrow().to_pylist()[0]
    whole = sum(told.values()) and max(told.values())
    # A measure that a source does not tell of all months would compare accounts by when they were seen.
    measures = [name for name in MEASURES if whole and told[name] == whole]
    if not measures:
        return None
    days = rows.exposed_days.sum()
    daily = {name: rows[name].sum() / days for name in measures if name in ("events", "active_days")}
    monthly = {name: rows[name].mean() for name in measures if name in ("users", "features")}
    return to_pandas(rows.group_by("customer_id").agg(**daily, **monthly).order_by("customer_id"))


def outcomes(marts: Marts, *, start: date, end: date) -> pd.DataFrame:
    """What became of the accounts active at ``start`` by ``end``.

    Returns
    -------
    The columns of `bases.period_base`, ``origin_date``, and whether the account ``grew`` (expanded in any month
    between), ``moved_up`` (stood on a higher plan at the close of one) and ``gave_up`` (contracted in any month, or
    left).
    """
    base = period_base(marts, start=start, end=end)
    origin = to_pandas(marts.table("accounts").select("customer_id", "origin_date"))
    base = base.merge(origin, on="customer_id", how="left", validate="one_to_one")
    after, until = pd.Timestamp(start), pd.Timestamp(end)

    def within(steps: pd.DataFrame) -> np.ndarray:
        inside = steps["month"].between(after, until, inclusive="right")
        return base["customer_id"].isin(steps.loc[inside, "customer_id"]).to_numpy()

    rungs = ladder.ladder(marts)[["plan", "rung"]]
    months = marts.table("calendar_months")
    inside = (months.month > ibis.literal(start)) & (months.month <= ibis.literal(end))
    held = to_pandas(months.filter(inside).select("customer_id", plan="closing_plan").distinct())
    highest = held.merge(rungs, on="plan").groupby("customer_id")["rung"].max()
    here = base["plan"].map(rungs.set_index("plan")["rung"])
    return base.assign(
        grew=within(growth.steps(marts)),
        moved_up=(base["customer_id"].map(highest) > here).to_numpy(),
        gave_up=within(growth.steps(marts, down=True)) | base["lost"].to_numpy(bool),
    )
