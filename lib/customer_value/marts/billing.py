"""Bills, and when what they bring in is earned: deferred revenue, its schedule, and the company's own invoices.

The rule for subscriptions. Every row is billed in advance: for whole terms of its billing period, counted from the
start of the unbroken run of that term; a row that begins within a term is billed for the days left of it. What is
billed is earned evenly by the day over the days it covers. A row that ends before its bill runs out is credited with
what is left on that day, so an upgrade within a year is a credit and a new bill. Ends after the as-of day are not
known, so what has been billed stays deferred to the end of its term. Gaps within grace are not billed. All amounts are
whole pennies: what is earned up to a day is rounded, and a month's figure is the difference of two such days, so that
opening + billed − earned = closing holds exactly and the schedule adds up to the balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from customer_value.marts.dates import close_of_month, days_between, months_between, months_since, plus_months
from customer_value.marts.months import closes, days_table
from customer_value.marts.spells import MONEY, OPEN
from customer_value.marts.store import Marts, to_pandas

FLOWS = ("opening", "billed", "credited", "recognised", "closing")
"""What a month does to the deferred balance: opening + billed − credited − recognised = closing."""

BANDS = ("not due yet", "under a month", "one to two months", "two to three months", "three months or more")
"""How long bills have been overdue, by 30 days each."""

_VOID = "void|draft|cancel"
_FAILED = "fail|declin|bounce|uncollect|written off|charge ?back"


def deferred_months(marts: Marts) -> pd.DataFrame:
    """The deferred balance and what moved it, by calendar month and billing period.

    Returns
    -------
    One row a ``month, term`` (months between bills), by both: `FLOWS`, in whole pennies; no rows where no billing
    period is stated.
    """
    return marts.once(("deferred_months",), lambda: _deferred_months(marts)).copy()


def schedule(marts: Marts) -> pd.DataFrame:
    """When the balance at the as-of close will be earned, if every bill runs its course.

    Returns
    -------
    One row a calendar ``month, term``, from the day after the as-of day on: ``recognised``, in whole pennies.
    """
    return marts.once(("schedule",), lambda: _schedule(marts)).copy()


def unbilled(marts: Marts) -> int:
    """Rows of revenue that state no billing period, so that nothing is known of their bills."""
    lines = marts.table("lines")
    return int(lines.filter(lines.billing_months.isnull() & (lines.mrr != 0)).count().execute())


def bills(lines: ir.Table, *, as_of: date) -> ir.Table:
    """What the rows of revenue were billed for, those of equal dates added up.

    Parameters
    ----------
    lines : that mart
    as_of : the day at whose close everything is seen; later bills are not made

    Returns
    -------
    ``term`` (months between bills, one where it is less), ``issued``, ``until`` (first day not covered), ``stopped``
    (the day on which the row ended, if that is before ``until``; else ``until``), ``amount``, ``rows``.
    """
    held = lines.filter(~lines.carried & lines.billing_months.notnull() & (lines.mrr != 0))
    held = held.mutate(
        term=ibis.greatest(held.billing_months.round(), 1).cast("int64"), ends=held.end_date.fill_null(OPEN)
    )
    held = _anchored(held)
    last_day = ibis.least((held.ends.cast("timestamp") - ibis.interval(days=1)).date(), ibis.literal(as_of))
    first, last = (months_since(held.anchor, day) // held.term for day in (held.start_date, last_day))
    each = held.mutate(nth=ibis.range(first.cast("int64"), last.cast("int64") + 1)).unnest("nth")
    each = each.mutate(
        since=plus_months(each.anchor, (each.nth * each.term).cast("int64")),
        until=plus_months(each.anchor, ((each.nth + 1) * each.term).cast("int64")),
    )
    each = each.mutate(issued=ibis.greatest(each.since, each.start_date), stopped=ibis.least(each.until, each.ends))
    covered = days_between(each.issued, each.until) / days_between(each.since, each.until)
    amount = (each.mrr.cast("float64") * each.term * covered).round(2).cast(MONEY)
    each = each.mutate(amount=amount)
    return each.group_by("term", "issued", "until", "stopped").agg(
        amount=each.amount.sum().cast(MONEY), rows=each.count()
    )


def _anchored(held: ir.Table) -> ir.Table:
    """``anchor``, from which bills are counted: an add-on is billed together with the plan that it was added to."""
    plans = held.filter(held.term_start.notnull()).select(
        "customer_id", "term", "start_date", "ends", plan_anchor="term_start"
    )
    addons = held.filter(held.term_start.isnull()).select("customer_id", "term", added="start_date").distinct()
    beside = addons.join(plans, ["customer_id", "term"])
    beside = beside.filter((beside.start_date <= beside.added) & (beside.ends > beside.added))
    anchors = beside.group_by("customer_id", "term", "added").agg(plan_anchor=beside.plan_anchor.min())
    joined = held.left_join(
        anchors,
        [held.customer_id == anchors.customer_id, held.term == anchors.term, held.start_date == anchors.added],
    ).select(*held.columns, "plan_anchor")
    return joined.mutate(anchor=ibis.coalesce(joined.term_start, joined.plan_anchor, joined.start_date))


def _kept_bills(marts: Marts) -> ir.Table:
    return marts.keep("bills", lambda: bills(marts.table("lines"), as_of=marts.meta.as_of))


def _standing(made: ir.Table, days: Sequence[date]) -> ir.Table:
    """By billing period and day: all that was billed, credited and earned up to the close of that day."""
    at = made.cross_join(days_table({"day": list(days)}))
    at = at.filter(at.issued <= at.day)
    covered, served = days_between(at.issued, at.until), days_between(at.issued, at.stopped)
    amount = at.amount.cast("float64")
    so_far = ibis.least(days_between(at.issued, at.day) + 1, served)
    earned = (amount * so_far / covered).round(2).cast(MONEY)
    left = (at.amount - (amount * served / covered).round(2).cast(MONEY)).cast(MONEY)
    at = at.mutate(earned=earned, credited=(at.stopped <= at.day).ifelse(left, ibis.literal(0)).cast(MONEY))
    return at.group_by("term", "day").agg(
        billed=at.amount.sum().cast(MONEY),
        credited=at.credited.sum().cast(MONEY),
        recognised=at.earned.sum().cast(MONEY),
    )


def _deferred_months(marts: Marts) -> pd.DataFrame:
    days = closes(marts.meta.first_month, marts.meta.last_month)
    found = _pivoted(_standing(_kept_bills(marts), days), days)
    terms = found["billed"].columns
    balance = found["billed"] - found["credited"] - found["recognised"]
    rows = [
        pd.DataFrame(
            {
                "month": pd.to_datetime([day.replace(day=1) for day in days[1:]]).astype("datetime64[ns]"),
                "term": term,
                "opening": balance[term].to_numpy()[:-1],
                **{flow: found[flow][term].diff().to_numpy()[1:] for flow in FLOWS[1:4]},
                "closing": balance[term].to_numpy()[1:],
            }
        )
        for term in terms
    ]
    if not rows:
        return pd.DataFrame(columns=["month", "term", *FLOWS])
    return _pennies(pd.concat(rows).sort_values(["month", "term"], kind="stable"), FLOWS)


def _schedule(marts: Marts) -> pd.DataFrame:
    as_of = marts.meta.as_of
    made = _kept_bills(marts)
    running = made.filter(made.until > ibis.literal(as_of))
    running = running.filter(running.stopped > ibis.literal(as_of))
    last = running.until.max().to_pyarrow().as_py()
    if last is None:
        return pd.DataFrame(columns=["month", "term", "recognised"])
    # The first stretch is what is left of the month of the as-of day; of a month end it is the next month.
    following = months_between(as_of + timedelta(days=1), last - timedelta(days=1))
    days = [as_of, *(close_of_month(month) for month in following)]
    earned = _pivoted(_standing(running, days), days)["recognised"]
    rows = [
        pd.DataFrame(
            {
                "month": pd.to_datetime(following).astype("datetime64[ns]"),
                "term": term,
                "recognised": earned[term].diff().to_numpy()[1:],
            }
        )
        for term in earned.columns
    ]
    return _pennies(pd.concat(rows).sort_values(["month", "term"], kind="stable"), ("recognised",))


def _pivoted(standing: ir.Table, days: Sequence[date]) -> dict[str, pd.DataFrame]:
    """By measure: a row a day, a column a billing period. In pennies, so that sums and differences are exact."""
    found = to_pandas(standing.order_by("term", "day"))
    index = pd.to_datetime(list(days)).astype("datetime64[ns]")
    return {
        flow: (found.pivot(index="day", columns="term", values=flow).reindex(index).fillna(0.0) * 100).round()
        for flow in ("billed", "credited", "recognised")
    }


def _pennies(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Whole pennies as money."""
    return table.assign(**{name: table[name].astype(float).round() / 100 for name in columns}).reset_index(drop=True)


# -- the company's own invoices ------------------------------------------------------------------------------------


def invoiced(marts: Marts) -> bool:
    """Whether the company brings its bills."""
    return "invoices" in marts.meta.rows


def given_bills(marts: Marts) -> ir.Table:
    """The company's bills in the report's currency, without drafts and those that were void.

    Returns
    -------
    ``customer_id, issued_on, due_on, amount, paid_on`` (of a bill marked as paid without a day, the day it was due) and
    ``failed`` (not paid, and marked as failed).
    """
    return marts.keep("given_bills", lambda: _given_bills(marts))


def _given_bills(marts: Marts) -> ir.Table:
    given, as_of = marts.table("invoices"), ibis.literal(marts.meta.as_of)
    status = given.status.lower().fill_null("")
    given = given.filter(~status.re_search(_VOID) & _own_currency(marts, given))
    status = given.status.lower().fill_null("")
    told = (given.paid_on <= as_of).fill_null(False)
    marked = given.paid_on.isnull() & status.re_search("^paid|settled|collected") & (given.due_on <= as_of)
    paid = ibis.cases((told, given.paid_on), (marked, given.due_on), else_=ibis.null("date"))
    return given.select(
        "customer_id", "issued_on", "due_on", given.amount.cast(MONEY).name("amount"), paid_on=paid,
        failed=paid.isnull() & status.re_search(_FAILED),
    )  # fmt: skip


def _own_currency(marts: Marts, given: ir.Table) -> ir.BooleanValue:
    """Bills in the report's currency, or in the commonest where it names none; a bill that names none is in it."""
    own = marts.meta.currency
    if own is None:
        named = given.filter(given.currency.notnull()).group_by("currency").agg(bills=given.count())
        commonest = named.order_by(ibis.desc("bills"), "currency").limit(1).to_pyarrow().to_pylist()
        own = commonest[0]["currency"] if commonest else ""
    return given.currency.isnull() | (given.currency.upper() == own.upper())


def left_out(marts: Marts) -> int:
    """Bills that are in no figure: drafts, void ones, and those in another currency."""
    return int(marts.table("invoices").count().execute()) - int(given_bills(marts).count().execute())


def cash_months(marts: Marts) -> pd.DataFrame:
    """What was billed and collected in every whole month since the first bill, and what was owed at its close.

    Returns
    -------
    One row a ``month``: ``billed`` (issued in it), ``collected`` (paid in it), ``owed`` (issued and not paid at its
    close), ``overdue`` (of that, due before its close), ``bills`` (issued).
    """
    made = given_bills(marts)
    first = made.issued_on.min().to_pyarrow().as_py()
    if first is None or first.replace(day=1) > marts.meta.last_month:
        return pd.DataFrame(columns=["month", "billed", "collected", "owed", "overdue", "bills"])
    days = closes(first.replace(day=1), marts.meta.last_month)[1:]
    spans = days_table({"month": [day.replace(day=1) for day in days], "close": days})
    at = made.cross_join(spans).filter(lambda row: row.issued_on <= row.close)
    unpaid = at.paid_on.isnull() | (at.paid_on > at.close)
    found = at.group_by("month").agg(
        billed=at.amount.sum(where=at.issued_on >= at.month).fill_null(0).cast(MONEY),
        collected=at.amount.sum(where=(~unpaid & (at.paid_on >= at.month)).fill_null(False)).fill_null(0).cast(MONEY),
        owed=at.amount.sum(where=unpaid.fill_null(True)).fill_null(0).cast(MONEY),
        overdue=at.amount.sum(where=(unpaid & (at.due_on < at.close)).fill_null(False)).fill_null(0).cast(MONEY),
        bills=(at.issued_on >= at.month).sum(),
    )
    return to_pandas(found.order_by("month"))


def payers(marts: Marts, *, start: date, end: date) -> pd.DataFrame:
    """How every account paid the bills that fell due between two closes.

    Returns
    -------
    One row an account: ``bills, amount``, and of these ``late`` (paid after they were due, or not paid at the close of
    ``end`` or by the as-of day), ``late_amount``, ``failed``, ``failed_amount``.
    """
    made = given_bills(marts)
    due = made.filter((made.due_on > ibis.literal(start)) & (made.due_on < ibis.literal(end)))
    late = due.paid_on.isnull() | (due.paid_on > due.due_on)
    found = due.group_by("customer_id").agg(
        bills=due.count(),
        amount=due.amount.sum().cast(MONEY),
        late=late.sum(),
        late_amount=due.amount.sum(where=late).fill_null(0).cast(MONEY),
        failed=due.failed.sum(),
        failed_amount=due.amount.sum(where=due.failed).fill_null(0).cast(MONEY),
    )
    return to_pandas(found.order_by("customer_id"))


def owed_now(marts: Marts) -> pd.DataFrame:
    """What each account owes at the as-of close, by how long it is overdue.

    Returns
    -------
    One row an account and band (`BANDS`): ``customer_id, band, bills, amount, oldest`` (the earliest due date).
    """
    made, as_of = given_bills(marts), ibis.literal(marts.meta.as_of)
    owed = made.filter(made.paid_on.isnull())
    days = days_between(owed.due_on, as_of)
    edges = ((days <= 0, BANDS[0]), (days < 30, BANDS[1]), (days < 60, BANDS[2]), (days < 90, BANDS[3]))
    owed = owed.mutate(band=ibis.cases(*edges, else_=BANDS[4]))
    found = owed.group_by("customer_id", "band").agg(
        bills=owed.count(), amount=owed.amount.sum().cast(MONEY), oldest=owed.due_on.min()
    )
    return to_pandas(found.order_by("customer_id", "band"))
