"""Lines and spells: when an account was a customer, and of what.

An account is a customer while its rows add up to an MRR above zero. A *stretch* is an unbroken time of that; stretches
that a gap of at most ``grace_days`` separates make one *spell*. ``docs/definitions.md`` says all of it in plain words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
from ibis import _

from customer_value.marts.dates import (
    close_of_month,
    days_between,
    first_of_month,
    month_of,
    months_since,
    months_until,
    next_month,
    plus_months,
)

OPEN = date(9999, 12, 31)
"""Stands for "no end" while ends are compared; never written to a mart."""

MONEY = "decimal(18, 4)"

_JUMP = 5
"""The first month's starts are an opening stock when they are more than this many times the next month's."""

LINE_COLUMNS = (
    "customer_id",
    "product",
    "kind",
    "start_date",
    "end_date",
    "mrr",
    "list_mrr",
    "quantity",
    "unit",
    "billing_months",
    "term_start",
    "end_reason",
    "end_kind",
    "carried",
)


def stretches(subscriptions: ir.Table, *, grace_days: int) -> ir.Table:
    """Unbroken times with an MRR above zero.

    Parameters
    ----------
    subscriptions : rows as intake leaves them
    grace_days : the longest gap within a spell, in days

    Returns
    -------
    One row a stretch: ``customer_id, stretch, spell`` (both counted from 1), ``start_date, end_date`` (`OPEN` if none)
    and ``next_start`` (of the account's next stretch, null at the last).
    """
    rows = subscriptions
    changes = rows.select("customer_id", day=rows.start_date, change=rows.mrr.cast(MONEY)).union(
        rows.filter(rows.end_date.notnull()).select("customer_id", day=rows.end_date, change=-rows.mrr.cast(MONEY))
    )
    daily = changes.group_by("customer_id", "day").agg(change=changes.change.sum())
    in_order = ibis.window(group_by="customer_id", order_by="day")
    steps = daily.mutate(
        mrr=daily.change.sum().over(ibis.cumulative_window(group_by="customer_id", order_by="day")),
        until=daily.day.lead().over(in_order).fill_null(OPEN),
    )
    paid = steps.filter(steps.mrr > 0)
    gap = days_between(paid.until.lag().over(in_order), paid.day)
    paid = paid.mutate(gap=gap)
    running = ibis.cumulative_window(group_by="customer_id", order_by="day")
    begins, returns = paid.gap.isnull() | (paid.gap > 0), paid.gap.isnull() | (paid.gap > grace_days)
    numbered = paid.mutate(
        stretch=begins.cast("int64").sum().over(running), spell=returns.cast("int64").sum().over(running)
    )
    joined = numbered.group_by("customer_id", "stretch").agg(
        spell=numbered.spell.min(), start_date=numbered.day.min(), end_date=numbered.until.max()
    )
    return joined.mutate(
        next_start=joined.start_date.lead().over(ibis.window(group_by="customer_id", order_by="stretch"))
    )


def lines(subscriptions: ir.Table, stretched: ir.Table, *, grace_days: int) -> ir.Table:
    """What every account held, from when to when, with the last MRR carried through gaps within grace.

    Rows are cut to the times at which the account pays at all: a free plan with nothing else beside it is no line.
    ``term_start`` begins the unbroken run of plan rows with the same term; due dates are whole terms after it.

    Parameters
    ----------
    subscriptions : rows as intake leaves them
    stretched : what `stretches` gives
    grace_days : the longest gap that is filled, in days
    """
    rows = subscriptions.mutate(until=subscriptions.end_date.fill_null(OPEN))
    times = stretched.select("customer_id", "next_start", paid_from=stretched.start_date, paid_until=stretched.end_date)
    held = rows.join(times, "customer_id").filter(
        lambda row: (row.start_date < row.paid_until) & (row.until > row.paid_from)
    )
    ends_itself = held.until <= held.paid_until
    held = held.mutate(
        start_date=ibis.greatest(held.start_date, held.paid_from),
        until=ibis.least(held.until, held.paid_until),
        mrr=held.mrr.cast(MONEY),
        list_mrr=held.list_mrr.cast(MONEY),
        # A row that is cut short did not end by itself, so its reason is not the reason of this end.
        end_reason=ends_itself.ifelse(held.end_reason, ibis.null("string")),
        end_kind=ends_itself.ifelse(held.end_kind, ibis.null("string")),
        carried=ibis.literal(False),
    )
    held = _with_term_start(held)
    fill = (held.until == held.paid_until) & (days_between(held.until, held.next_start) <= grace_days)
    filler = held.filter(fill).mutate(
        start_date=held.until,
        until=held.next_start,
        end_reason=ibis.null("string"),
        end_kind=ibis.null("string"),
        carried=ibis.literal(True),
    )
    columns = [name for name in LINE_COLUMNS if name != "end_date"]
    both = held.select(*columns, "until").union(filler.select(*columns, "until"))
    return both.mutate(end_date=both.until.nullif(OPEN)).select(*LINE_COLUMNS)


def _with_term_start(held: ir.Table) -> ir.Table:
    """Start of the unbroken run of the account's plan rows with the same term, whatever the plan and its price."""
    same_term = {"group_by": ("customer_id", "kind", "billing_months"), "order_by": ("start_date", "until", "product")}
    reached = held.until.max().over(ibis.window(**same_term, preceding=(None, 1)))
    held = held.mutate(restarts=(reached.isnull() | (held.start_date > reached)).cast("int64"))
    held = held.mutate(run=held.restarts.sum().over(ibis.cumulative_window(**same_term)))
    started = held.start_date.min().over(ibis.window(group_by=("customer_id", "kind", "billing_months", "run")))
    has_term = (held.kind == "plan") & held.billing_months.notnull()
    return held.mutate(term_start=has_term.ifelse(started, ibis.null("date")))


@dataclass(frozen=True)
class Stock:
    """Who were customers already when the data begin.

    Attributes
    ----------
    data_from : the first day on which anyone paid
    until : accounts that start on or before it are the opening stock; None if there is none
    declared : whether that rests on the declaration alone
    observed_from : the declared day, before which only those who stayed may be in the data; None if there is none
    reason : else why they are taken for one, in words; empty if there is none
    """

    data_from: date
    until: date | None
    declared: bool
    observed_from: date | None
    reason: str = ""


def opening_stock(first_starts: ir.Table, *, shape: str, observed_from: date | None) -> Stock:
    """Who were customers already when the data begin.

    Parameters
    ----------
    first_starts : ``customer_id, first_start``, at least one row
    shape : in ``snapshots`` no start within the first month can be seen
    observed_from : the day from which the data are complete, as declared
    """
    data_from = first_starts.first_start.min().to_pyarrow().as_py()
    closing = close_of_month(data_from)
    if observed_from is not None and (observed_from < first_of_month(data_from) or observed_from >= closing):
        # Complete since before anyone started, or a stock that spans the first month: the declaration settles it.
        return Stock(data_from, observed_from if observed_from >= data_from else None, True, observed_from)
    if observed_from is None and shape == "snapshots":
        return Stock(data_from, closing, False, observed_from, "snapshot")
    # A declared day within the first month leaves open whether those who start after it are new: they may be
    # customers whose first bill that month is the first row. The jump decides.
    unsettled = first_starts if observed_from is None else first_starts.filter(_.first_start > observed_from)
    first = _starts_in(unsettled, data_from)
    after = _starts_in(unsettled, next_month(data_from))
    # Where nobody starts in the next month, one start there would leave six as the smallest jump.
    if first > _JUMP * max(after, 1):
        reason = f"{first:,} accounts start in the first month and {after:,} in the next"
        return Stock(data_from, closing, False, observed_from, reason)
    until = observed_from if observed_from is not None and observed_from >= data_from else None
    return Stock(data_from, until, observed_from is not None, observed_from)


def whole_from(until: date) -> date:
    """The first day of the first month that lies wholly after an opening stock taken at the close of ``until``.

    A stock of the first of a month leaves that month whole but for its first day, which is in the stock.
    """
    return until if until.day == 1 else next_month(until)


def _starts_in(first_starts: ir.Table, month: date) -> int:
    start = first_starts.first_start
    inside = (start >= ibis.literal(first_of_month(month))) & (start <= ibis.literal(close_of_month(month)))
    return int(first_starts.filter(inside).count().execute())


def origins(
    first_starts: ir.Table,
    signups: ir.Table | None,
    *,
    stock: Stock,
) -> ir.Table:
    """From when an account's age is counted, and from which age on it is observed.

    Parameters
    ----------
    first_starts : ``customer_id, first_start``
    signups : ``customer_id, signup_date``, or None
    stock : what `opening_stock` gives; a stock that is only suspected stays out of cohorts altogether

    Returns
    -------
    One row an account: ``customer_id, first_start, signup_date, opening_stock, origin_date`` (null: unknown),
    ``entry_month`` (whole months of age before the account is observed; null: unknown) and ``cohort_month`` (first of
    the month of origin; null where unknown, entered late, in a suspected opening stock or begun in a month that the
    data cover only in part).
    """
    if signups is None:
        accounts = first_starts.mutate(signup_date=ibis.null("date"))
    else:
        accounts = first_starts.left_join(signups, "customer_id").select(*first_starts.columns, "signup_date")
    start, signup = accounts.first_start, accounts.signup_date
    in_stock = ibis.literal(False) if stock.until is None else start <= stock.until
    # A sign-up after the first paid day contradicts the rows, which are the better witness.
    told = signup.notnull() & (signup <= start)
    # Who signs up and pays within a month was on trial. Counting from the first paid day keeps the ends of terms on
    # anniversaries; counting from sign-up would move every first renewal of a year into the thirteenth month.
    trial = told & ~in_stock & (start < plus_months(signup, 1))
    accounts = accounts.mutate(
        opening_stock=in_stock,
        origin_date=ibis.cases(
            (told & ~trial, signup), (in_stock & ~told.fill_null(False), ibis.null("date")), else_=start
        ),
    )
    # Whoever left before the declared day may be missing from the data, so nobody is at risk before it.
    seen = accounts.first_start
    if stock.observed_from is not None:
        seen = ibis.greatest(seen, ibis.literal(stock.observed_from))
    accounts = accounts.mutate(entry_month=months_until(accounts.origin_date, seen))
    in_cohort = (accounts.entry_month == 0) & (ibis.literal(stock.declared) | ~accounts.opening_stock)
    if stock.until is not None:
        # Of those who began in a month that the data cover in part, some left unseen: they are no whole cohort.
        in_cohort = in_cohort & (accounts.origin_date >= ibis.literal(whole_from(stock.until)))
    return accounts.mutate(cohort_month=in_cohort.ifelse(month_of(accounts.origin_date), ibis.null("date")))


def spells(stretched: ir.Table, held: ir.Table, origin: ir.Table, *, as_of: date, grace_days: int) -> ir.Table:
    """Spells, and for the first of each account its place on the scale of person-months.

    Parameters
    ----------
    stretched, held, origin : what `stretches`, `lines` and `origins` give
    as_of : the day at whose close everything is seen
    grace_days : the longest gap within a spell, in days
    """
    each = stretched.group_by("customer_id", "spell").agg(
        start_date=stretched.start_date.min(), until=stretched.end_date.max()
    )
    each = each.mutate(end_date=each.until.nullif(OPEN), event=each.until != OPEN)
    # A return on day end + grace is known at the close of that day; only before it can the end still become a pause.
    each = each.mutate(provisional=each.event & (days_between(each.until, ibis.literal(as_of)) < grace_days))
    reasons = _reasons(held)
    each = each.left_join(reasons, [each.customer_id == reasons.customer_id, each.end_date == reasons.ended]).select(
        *each.columns, "end_kind", "end_reason"
    )
    ages = origin.select("customer_id", "origin_date", "entry_month", spell=ibis.literal(1, type="int64"))
    each = each.left_join(ages, ["customer_id", "spell"]).select(*each.columns, "origin_date", "entry_month")
    whole = months_since(each.origin_date, ibis.literal(as_of))
    ended = each.event.ifelse(months_until(each.origin_date, each.until), ibis.null("int64"))
    exit_month = ibis.greatest(each.entry_month, ibis.least(ended.fill_null(whole), whole))
    return each.mutate(
        exit_month=each.origin_date.notnull().ifelse(exit_month, ibis.null("int64")),
        event_month=each.origin_date.notnull().ifelse(
            (each.event & (ended <= whole) & (ended > each.entry_month)).fill_null(False), ibis.null("boolean")
        ),
    ).select(
        "customer_id",
        "spell",
        "start_date",
        "end_date",
        "event",
        "provisional",
        "end_kind",
        "end_reason",
        "origin_date",
        "entry_month",
        "exit_month",
        "event_month",
    )


def _reasons(held: ir.Table) -> ir.Table:
    """Why an account's rows ended on a day: the largest plan row that says so, else the largest other row."""
    ends = held.filter(held.end_date.notnull() & ~held.carried & (held.end_kind.notnull() | held.end_reason.notnull()))
    ranked = ends.mutate(
        rank=ibis.row_number().over(
            ibis.window(
                group_by=("customer_id", "end_date"),
                # descending, "plan" comes before "addon"
                order_by=(
                    ibis.desc("kind"),
                    ibis.desc("mrr"),
                    "product",
                    "start_date",
                    "end_kind",
                    "end_reason",
                ),
            )
        )
    )
    return ranked.filter(ranked["rank"] == 0).select("customer_id", "end_kind", "end_reason", ended="end_date")
