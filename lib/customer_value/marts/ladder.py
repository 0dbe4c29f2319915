"""The plan ladder: which plan stands above which, and who stayed on which plan from when to when.

An account stands on its largest plan, as everywhere. A *stay* is an unbroken time on one plan within one spell; it ends
with a move to another plan, with leaving, or out of sight where the rows name no plan while the account pays on.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from customer_value.marts.bases import state_at
from customer_value.marts.dates import months_since, months_until
from customer_value.marts.spells import OPEN
from customer_value.marts.store import Marts, to_pandas

RANKED, PRICED = "rank", "median_mrr"
"""What puts plans in order: the ranks that the table of plans gives, or what accounts on them pay."""

_NO_PLAN = ""


def ladder(marts: Marts) -> pd.DataFrame:
    """The plans that accounts ever held as their largest, the lowest first.

    In the order of the table of plans where it ranks every one of them, else by the median MRR of the accounts that
    stayed on them; plans of one rank stand on one rung.

    Returns
    -------
    One row a plan: ``plan, rung`` (from 1), ``ordered_by`` (`RANKED` or `PRICED`), ``median_mrr`` and
    ``accounts`` (ever on it).
    """
    return marts.once(("ladder",), lambda: _ladder(marts)).copy()


def _ladder(marts: Marts) -> pd.DataFrame:
    lines = marts.table("lines")
    plans = lines.filter((lines.kind == "plan") & lines["product"].notnull() & ~lines.carried)
    each = plans.group_by("product", "customer_id").agg(mrr=plans.mrr.cast("float64").median())
    told = each.group_by(plan=each["product"]).agg(median_mrr=each.mrr.median(), accounts=each.count())
    held = to_pandas(marts.table("plan_stays").filter(lambda stay: stay.plan.notnull()).select("plan").distinct())
    found = held.merge(to_pandas(told), on="plan", how="left")
    ranks = marts.frame("plans").set_index("plan")["rank"] if "plans" in marts.meta.rows else pd.Series(dtype=float)
    ranked = len(found) > 0 and found["plan"].isin(ranks.index).all()
    order = found["plan"].map(ranks) if ranked else found["median_mrr"]
    found = found.assign(order=order.astype(float), ordered_by=RANKED if ranked else PRICED)
    found = found.sort_values(["order", "plan"], kind="stable")
    found["rung"] = found["order"].rank(method="dense").astype(int)
    return found[["plan", "rung", "ordered_by", "median_mrr", "accounts"]].reset_index(drop=True)


def plans_at(marts: Marts, day) -> pd.Series:
    """The plan of every account active at the close of ``day``, by ``customer_id``; missing where none is named."""
    return state_at(marts, day).set_index("customer_id")["plan"]


def stays(lines: ir.Table, spells: ir.Table, accounts: ir.Table, *, as_of) -> ir.Table:
    """Who stayed on which plan from when to when.

    Parameters
    ----------
    lines, spells, accounts : those marts
    as_of : the day at whose close everything is seen

    Returns
    -------
    One row a stay: ``customer_id, plan`` (null where the rows of the plan do not name it), ``start_date, end_date``
    (null: still on it), ``ended`` (``moved``, ``left`` or ``unseen``: the account pays on, on no named plan; null while
    it lasts), ``next_plan`` (of a move), ``since_known`` (false for what the opening stock held when the data begin),
    ``nth`` (which of the account's stays on this plan), and for whole months on the plan, as in the mart ``spells``,
    ``exit_month`` and ``event_month``.
    """
    held = lines.filter(lines.kind == "plan")
    held = held.select(
        "customer_id",
        "start_date",
        "mrr",
        plan=held["product"].fill_null(_NO_PLAN),
        until=held.end_date.fill_null(OPEN),
    )
    points = held.select("customer_id", point="start_date").union(held.select("customer_id", point="until"))
    points = points.filter(points.point < OPEN).distinct()
    in_order = ibis.window(group_by="customer_id", order_by="point")
    points = points.mutate(next_point=points.point.lead().over(in_order).fill_null(OPEN))
    at = points.join(held, "customer_id").filter(lambda row: (row.start_date <= row.point) & (row.until > row.point))
    at = at.group_by("customer_id", "point", "next_point", "plan").agg(mrr=at.mrr.sum())
    largest = ibis.window(group_by=("customer_id", "point"), order_by=(ibis.desc("mrr"), "plan"))
    main = at.mutate(place=ibis.row_number().over(largest))
    main = main.filter(main.place == 0).select("customer_id", "point", "next_point", "plan")
    before = ibis.window(group_by="customer_id", order_by="point")
    same = (main.plan.lag().over(before) == main.plan) & (main.next_point.lag().over(before) == main.point)
    main = main.mutate(begins=(~same.fill_null(False)).cast("int64"))
    main = main.mutate(stay=main.begins.sum().over(ibis.cumulative_window(group_by="customer_id", order_by="point")))
    runs = main.group_by("customer_id", "stay", "plan").agg(start_date=main.point.min(), until=main.next_point.max())
    by_stay = ibis.window(group_by="customer_id", order_by="stay")
    runs = runs.mutate(follows=runs.start_date.lead().over(by_stay), next_plan=runs.plan.lead().over(by_stay))
    ends = spells.filter(spells.event).select("customer_id", left_on=spells.end_date)
    runs = runs.left_join(ends, [runs.customer_id == ends.customer_id, runs.until == ends.left_on]).select(
        *runs.columns, "left_on"
    )
    stock = accounts.select("customer_id", "opening_stock")
    runs = runs.inner_join(stock, "customer_id")
    close = ibis.literal(as_of)
    moved = (runs.follows == runs.until) & (runs.next_plan != _NO_PLAN)
    runs = runs.mutate(
        ended=ibis.cases(
            (runs.until == OPEN, ibis.null("string")),
            (runs.left_on.notnull(), "left"),
            (moved.fill_null(False), "moved"),
            else_="unseen",
        ),
        nth=ibis.row_number().over(ibis.window(group_by=("customer_id", "plan"), order_by="stay")) + 1,
        whole=months_since(runs.start_date, close),
        ending=(runs.until < OPEN).ifelse(months_until(runs.start_date, runs.until), ibis.null("int64")),
    )
    return runs.select(
        "customer_id",
        "start_date",
        "ended",
        "nth",
        plan=runs.plan.nullif(_NO_PLAN),
        end_date=runs.until.nullif(OPEN),
        next_plan=(runs.ended == "moved").ifelse(runs.next_plan, ibis.null("string")),
        since_known=~(runs.opening_stock & (runs.stay == 1)),
        exit_month=ibis.least(runs.ending.fill_null(runs.whole), runs.whole),
        event_month=(runs.ending <= runs.whole).fill_null(False),
    )
