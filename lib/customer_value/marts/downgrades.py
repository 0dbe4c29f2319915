"""Contractions: what came before each, and which months lie after an account's first."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from customer_value.marts import growth
from customer_value.marts.dates import month_number
from customer_value.marts.store import Marts, to_pandas

LATER = 999
"""Months since the first contraction of an account that has not had one."""


def use_before(marts: Marts, *, recent: int, baseline: int) -> ir.Table | None:
    """Use before every month at risk; None where no use is recorded.

    Parameters
    ----------
    recent : whole months right before the month at risk
    baseline : whole months before these

    Returns
    -------
    One row an account and month at risk with use on record in both times: ``customer_id, month, recent, baseline``
    (events, or active days where no events are told, per day as a customer) and ``licences`` (the most users in a
    recent month; null where users are not told).
    """
    if "usage_months" not in marts.meta.rows:
        return None
    return marts.keep(f"use_before_{recent}_{baseline}", lambda: _use_before(marts, recent, baseline))


def _use_before(marts: Marts, recent: int, baseline: int) -> ir.Table:
    used = marts.table("usage_months")
    told = used.aggregate(events=used.events.count(), days=used.active_days.count()).to_pyarrow().to_pylist()[0]
    measure = "events" if told["events"] else "active_days"
    used = used.filter(used[measure].notnull() & (used.exposed_days > 0))
    used = used.select("customer_id", "exposed_days", "users", amount=used[measure], u=month_number(used.month))
    at = growth.months(marts)
    at = at.select("customer_id", "month", t=month_number(at.month))
    reach = recent + baseline
    both = at.join(used, [at.customer_id == used.customer_id, used.u < at.t, used.u >= at.t - reach])
    late = both.u >= both.t - recent
    summed = both.group_by("customer_id", "month").agg(
        recent=both.amount.sum(where=late) / both.exposed_days.sum(where=late),
        baseline=both.amount.sum(where=~late) / both.exposed_days.sum(where=~late),
        licences=both.users.max(where=late),
    )
    return summed.filter(summed.recent.notnull() & summed.baseline.notnull())


def history(marts: Marts, *, recent: int, baseline: int) -> ir.Table:
    """Every month at risk with what rules on contractions look at.

    Parameters
    ----------
    recent, baseline : as in `use_before`

    Returns
    -------
    One row an account and month: ``customer_id, month, group, shrank, kind, seats_part, seats`` (paid at the opening),
    ``since_start`` (months since sign-up, else since the account came into view), ``since_growth`` (since its last
    expansion; null before any), ``since_shrank`` (since its last contraction before; null before any), ``recent,
    baseline, licences`` (as `use_before` gives them; null where not on record).
    """
    return marts.keep(f"contraction_history_{recent}_{baseline}", lambda: _history(marts, recent, baseline))


def _history(marts: Marts, recent: int, baseline: int) -> ir.Table:
    at = growth.months(marts)
    states = marts.table("calendar_months").select("customer_id", "month", seats="opening_seats")
    at = at.inner_join(states, ["customer_id", "month"])
    at = at.mutate(t=month_number(at.month))
    before = ibis.window(group_by="customer_id", order_by="t", preceding=(None, 1))
    at = at.mutate(
        grown=at.grew.ifelse(at.t, ibis.null("int64")).max().over(before),
        shrunk=at.shrank.ifelse(at.t, ibis.null("int64")).max().over(before),
        came=at.t.min().over(ibis.window(group_by="customer_id")) - 1,
    )
    at = at.select(
        "customer_id",
        "month",
        "group",
        "shrank",
        "kind",
        "seats_part",
        "seats",
        since_start=at.since.fill_null(at.t - at.came),
        since_growth=at.t - at.grown,
        since_shrank=at.t - at.shrunk,
    )
    used = use_before(marts, recent=recent, baseline=baseline)
    if used is None:
        nothing = ibis.null("float64")
        return at.mutate(recent=nothing, baseline=nothing, licences=nothing)
    return at.left_join(used, ["customer_id", "month"]).select(*at.columns, "recent", "baseline", "licences")


def months_after(marts: Marts) -> ir.Table:
    """The months at risk with the time since the account's first contraction.

    Returns
    -------
    The columns of `growth.months` and ``after`` (months since that of the first contraction, 0 in it; null before and
    without one), ``ever`` (whether the account contracts at any time on record), ``mrr_before, plan_before`` (what it
    paid and held at the opening of the month of its first contraction; before and without one, at the month's own).
    """
    return marts.keep("months_after_contraction", lambda: _months_after(marts))


def _months_after(marts: Marts) -> ir.Table:
    at = growth.months(marts)
    shrank = at.filter(at.shrank)
    rank = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="month"))
    first = shrank.mutate(rank=rank).filter(lambda row: row["rank"] == 0)
    first = first.select(
        "customer_id", first_month=first.month, first_mrr=first.opening_mrr, first_plan=first.opening_plan
    )
    at = at.left_join(first, "customer_id").select(*at.columns, "first_month", "first_mrr", "first_plan")
    reached = (at.month >= at.first_month).fill_null(False)
    return at.mutate(
        after=reached.ifelse(month_number(at.month) - month_number(at.first_month), ibis.null("int64")),
        ever=at.first_month.notnull(),
        mrr_before=reached.ifelse(at.first_mrr, at.opening_mrr).cast("float64"),
        plan_before=reached.ifelse(at.first_plan, at.opening_plan),
    ).drop("first_month", "first_mrr", "first_plan")


def cells(marts: Marts, *, bands: int = 3, most_plans: int = 12) -> pd.DataFrame:
    """Months at risk and ends, by term and month of it, size and plan before, and time since the first contraction.

    Parameters
    ----------
    bands : of the MRR before, of roughly as many months each
    most_plans : plans that are kept apart; the smaller ones are put together

    Returns
    -------
    One row a cell: ``term, since_term, size`` (band, from 0), ``plan, after`` (`LATER` where there was none yet),
    ``ever`` (whether the account contracts at any time on record), ``at_risk, churned``.
    """
    key = ("contraction cells", bands, most_plans)
    return marts.once(key, lambda: _cells(marts, bands, most_plans)).copy()


def _cells(marts: Marts, bands: int, most_plans: int) -> pd.DataFrame:
    at = months_after(marts)
    shares = [part / bands for part in range(1, bands)]
    edges = at.aggregate(**{f"e{place}": at.mrr_before.quantile(share) for place, share in enumerate(shares)})
    edges = np.unique(np.array(list(edges.to_pyarrow().to_pylist()[0].values()), dtype=object).astype(float))
    size = sum(((at.mrr_before > float(edge)).cast("int64") for edge in edges if not np.isnan(edge)), ibis.literal(0))
    plans = at.group_by("plan_before").agg(n=at.count())
    kept = to_pandas(
        plans.filter(plans.plan_before.notnull()).order_by(ibis.desc("n"), "plan_before").limit(most_plans)
    )
    plan = at.plan_before.isin(list(kept["plan_before"])).ifelse(at.plan_before, "other").fill_null("not stated")
    at = at.mutate(size=size, plan=plan, after=at.after.fill_null(LATER))
    keys = ["term", "since_term", "size", "plan", "after", "ever"]
    counted = at.group_by(keys).agg(at_risk=at.count(), churned=at.churned.cast("int64").sum())
    return to_pandas(counted.order_by(keys))


def accounts_between(marts: Marts, first: int, last: int) -> int:
    """How many accounts were at risk in any month that lies so many months after their first contraction."""
    at = months_after(marts)
    return int(at.filter(at.after.between(first, last)).customer_id.nunique().execute())
