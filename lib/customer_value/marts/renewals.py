"""Renewals falling due: when a term ran out, what the account paid before, and what became of it.

A term falls due whole terms after its unbroken run began, never on the end of a row: rows end because accounts leave,
and a list made of ends would hold every loss and only some of the renewals. Where the company keeps a list of
renewals, its dates and words count; what was paid before and after is read from the revenue lines either way.

The decision is looked at within the grace around the due date: a cancellation some days early, a failed payment some
weeks late, a renewal signed after a gap. So an outcome is known only once the grace has passed, for accounts that
renew as for those that do not: until then it is pending. Else the last weeks would hold prompt renewals and no losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from customer_value.marts.dates import days_between, months_since, plus_months
from customer_value.marts.months import at_days, holdings, states
from customer_value.marts.periods import Period, choose
from customer_value.marts.spells import MONEY, OPEN
from customer_value.marts.standing import months_earlier
from customer_value.marts.store import Marts, Meta, to_pandas

OUTCOMES = (
    "renewed_larger", "renewed_alike", "renewed_smaller", "renewed_discounted", "renewed_other", "moved_longer",
    "moved_shorter", "lapsed", "pending",
)  # fmt: skip
"""What becomes of a term that ran out, best first. ``renewed_other``: renewed, as the company records it, on terms that
its revenue does not show."""

_PENNY = 0.01
"""Monthly prices that differ by no more are alike: yearly amounts divide into pennies only so well."""

_WORDS = (
    ("pending", "pending|open|progress|negotiat"),
    ("lapsed", "laps|lost|churn|cancel|expire|(not|no|non|won.t)[ -]?renew|declin|terminat|discontinu|ended"),
    ("moved_shorter", "monthly|month[ -]to[ -]month"),
    ("renewed", "renew|retain|won|exten|upgrad|downgrad|expan|contraction|flat|discount|upsell"),
)
"""How a company's own words for an outcome are understood; the first that fits."""


@dataclass(frozen=True)
class View:
    """From when to when renewals are seen.

    Attributes
    ----------
    after : due dates after this day: before, only those who stayed may be in the data
    as_of : the day at whose close everything is seen
    grace_days : the longest gap that is a pause
    least_term : shortest term, in months, whose renewals count
    """

    after: date
    as_of: date
    grace_days: int
    least_term: int


def falling_due(marts: Marts, *, least_term: int = 2) -> pd.DataFrame:
    """Every renewal that fell due while the data were complete, by the as-of day.

    Parameters
    ----------
    marts : of subscriptions; terms that are not stated are never due
    least_term : shortest term in months; 1 brings in those who decide every month

    Returns
    -------
    One row an account and due date, by date: ``customer_id, due_date, term`` (months; missing where only the company's
    list knows of it), ``outcome`` (`OUTCOMES`), ``stated`` (the company's own word, where it keeps a list),
    ``contradicted`` (that word is at odds with the revenue), ``mrr_before, mrr_after`` (of the whole account on the
    last day before and the first day after the decision; 0 if lapsed, missing while pending), ``plan, plan_after,
    term_after``.
    """
    # By the same rules as a period's base: what lies before the data are complete would lack those who left.
    meta = marts.meta
    view = View(meta.complete_from, meta.as_of, meta.grace_days, least_term)
    return marts.once(("renewals", least_term), lambda: _falling_due(marts, view)).copy()


def listed(marts: Marts) -> bool:
    """Whether the company keeps a list of renewals."""
    return "renewals" in marts.meta.rows


def unmatched(marts: Marts) -> int:
    """Renewals on the company's list that belong to no account paying then, so that they are left out."""
    if not listed(marts):
        return 0
    given, meta = marts.table("renewals"), marts.meta
    inside = given.filter(_seen(given.due_date, meta.complete_from, meta.as_of)).select("customer_id", "due_date")
    view = View(meta.complete_from, meta.as_of, meta.grace_days, least_term=1)
    matched = _given(given, marts.table("spells"), view)
    return int(inside.distinct().count().execute()) - int(matched.count().execute())


def period(meta: Meta, *, period_from: str | date = "", period_to: str | date = "") -> Period:
    """The period asked for, or the twelve months up to the last day whose renewals are all decided.

    Raises
    ------
    SettingsError : a date is malformed, the days are in the wrong order or lie outside the data
    """
    if period_from or period_to or meta.as_of is None:
        return choose(meta, period_from=period_from, period_to=period_to)
    end = meta.as_of - timedelta(days=meta.grace_days)
    start = max(meta.complete_from, months_earlier(end, 12))
    return Period(start, end) if start < end else choose(meta)


def _falling_due(marts: Marts, view: View) -> pd.DataFrame:
    lines, spells = marts.table("lines"), marts.table("spells")
    kept = f"renewals_{view.least_term}"
    terms = _derived(lines, view)
    if listed(marts):
        terms = _given(marts.table("renewals"), spells, view).union(terms.filter(terms.run_term == 1))
    terms = marts.keep(f"{kept}_terms", lambda: terms)
    due = _beside(terms, _states(lines, terms.select("customer_id", "day").distinct()), "day")
    # Of an account with several plans the largest one's term is the account's.
    own = (due.term == due.run_term) & (due.term_start == due.run_start)
    due = due.filter(due.run_term.isnull() | own)
    due = due.filter(due.term.isnull() | (due.term >= view.least_term))
    due = marts.keep(f"{kept}_due", lambda: _with_return(due, lines, view))
    after = _states(lines, due.select("customer_id", day="after_day").distinct())
    after = (
        after.drop("term_start").rename("{name}_after").rename(customer_id="customer_id_after", after_day="day_after")
    )
    due = _with_end(_beside(due, after, "after_day"), spells)
    return to_pandas(_outcomes(due, view).order_by("due_date", "customer_id"))


def _beside(due: ir.Table, state: ir.Table, day: str) -> ir.Table:
    """Renewals with what the account held on that day of each."""
    held = [name for name in state.columns if name not in ("customer_id", day)]
    return due.left_join(state, ["customer_id", day]).select(*due.columns, *held)


def _derived(lines: ir.Table, view: View) -> ir.Table:
    """Whole terms after every unbroken run of one term began, up to the day on which it ended or the as-of day."""
    plans = lines.filter((lines.kind == "plan") & lines.term_start.notnull() & ~lines.carried)
    plans = plans.filter(plans.billing_months >= view.least_term)
    runs = plans.group_by("customer_id", run_term="billing_months", run_start="term_start").agg(
        until=plans.end_date.fill_null(OPEN).max()
    )
    reach = ibis.least(runs.until, ibis.literal(view.as_of))
    last = (months_since(runs.run_start, reach) // runs.run_term).cast("int64") + 1
    each = runs.mutate(nth=ibis.range(1, last + 1)).unnest("nth")
    each = each.mutate(due_date=plus_months(each.run_start, (each.nth * each.run_term).cast("int64")))
    # Whoever leaves, or takes another term, shortly before the due date has decided; who does so earlier broke the
    # term.
    early = ibis.least(ibis.literal(view.grace_days), (14 * (each.run_term - 1)).cast("int64"))
    each = each.filter(
        _seen(each.due_date, view.after, view.as_of) & (days_between(each.until, each.due_date) <= early)
    )
    return each.select(
        "customer_id", "due_date", "run_term", "run_start", day=_day_before(ibis.least(each.until, each.due_date)),
        stated=ibis.null("string"),
    )  # fmt: skip


def _given(given: ir.Table, spells: ir.Table, view: View) -> ir.Table:
    """The company's list: of each renewal the last day before it on which the account paid."""
    listed = (
        given.filter(_seen(given.due_date, view.after, view.as_of))
        .group_by("customer_id", "due_date")
        .agg(stated=given.outcome.min())
    )
    stays = listed.join(spells, "customer_id")
    until = stays.end_date.fill_null(OPEN)
    stays = stays.filter((stays.start_date < stays.due_date) & (days_between(until, stays.due_date) <= view.grace_days))
    last = stays.group_by("customer_id", "due_date", "stated").agg(until=stays.end_date.fill_null(OPEN).max())
    return last.select(
        "customer_id", "due_date", run_term=ibis.null("float64"), run_start=ibis.null("date"),
        day=_day_before(ibis.least(last.until, last.due_date)), stated="stated",
    )  # fmt: skip


def _seen(due: ir.DateValue, after: date, as_of: date) -> ir.BooleanValue:
    return (due > ibis.literal(after)) & (due <= ibis.literal(as_of))


def _day_before(day: ir.DateValue) -> ir.DateValue:
    return (day.cast("timestamp") - ibis.interval(days=1)).date()


def _states(lines: ir.Table, days: ir.Table) -> ir.Table:
    """What accounts hold on a day each: as `customer_value.marts.months.states`, and the MRR of plans alone."""
    held = holdings(at_days(lines, days))
    plans = held.group_by("customer_id", "day").agg(plan_mrr=held.mrr.sum(where=held.kind == "plan").fill_null(0))
    state = states(held).drop("next_due")
    return state.join(plans, ["customer_id", "day"]).select(*state.columns, "plan_mrr")


def _with_return(due: ir.Table, lines: ir.Table, view: View) -> ir.Table:
    """``after_day``: the due date, or the day within grace on which a plan is paid for again."""
    plans = lines.filter((lines.kind == "plan") & ~lines.carried)
    later = due.select("customer_id", "due_date").distinct().join(plans, "customer_id")
    # A row that runs on for some days, because the new one was signed late, is still the old term's.
    until = later.end_date.fill_null(OPEN)
    runs_on = (later.start_date >= later.due_date) | (days_between(later.due_date, until) > view.grace_days)
    later = later.filter((until > later.due_date) & runs_on)
    first = later.group_by("customer_id", "due_date").agg(returned=later.start_date.min())
    due = due.left_join(first, ["customer_id", "due_date"]).select(*due.columns, "returned")
    soon = (days_between(due.due_date, due.returned) <= view.grace_days).fill_null(False)
    return due.mutate(after_day=soon.ifelse(ibis.greatest(due.returned, due.due_date), due.due_date)).drop("returned")


def _with_end(due: ir.Table, spells: ir.Table) -> ir.Table:
    """``ended``: the end of the stay that the account was in before its term ran out."""
    stay = due.select("customer_id", "due_date", "day").join(
        spells.select("customer_id", "start_date", "end_date"), "customer_id"
    )
    stay = stay.filter((stay.start_date <= stay.day) & (stay.end_date.fill_null(OPEN) > stay.day))
    ends = stay.group_by("customer_id", "due_date").agg(ended=stay.end_date.max())
    return due.left_join(ends, ["customer_id", "due_date"]).select(*due.columns, "ended")


def _outcomes(due: ir.Table, view: View) -> ir.Table:
    """What became of each: by the revenue, and by the company's own word where there is one."""
    whole_term = plus_months(due.after_day, ibis.greatest(due.term_after, ibis.literal(1.0)).cast("int64"))
    # Who moved to months, stayed for one and left has renewed; who never stayed that long has not.
    stays = ibis.least(view.grace_days, days_between(due.due_date, whole_term).fill_null(view.grace_days))
    gone = (days_between(due.due_date, due.ended) < stays).fill_null(False)
    change = (due.mrr_after - due.mrr).cast("float64")
    paid = ibis.cases(
        (gone | due.mrr_after.isnull(), "lapsed"),
        (due.term_after < due.term, "moved_shorter"),
        (due.term_after > due.term, "moved_longer"),
        (change > _PENNY, "renewed_larger"),
        (change >= -_PENNY, "renewed_alike"),
        (_discounted(due), "renewed_discounted"),
        else_="renewed_smaller",
    )
    said = due.stated.lower()
    word = ibis.cases(*((said.re_search(pattern), name) for name, pattern in _WORDS))
    lapsed = paid == "lapsed"
    recorded = ibis.cases(
        (word.isnull(), paid),
        (word.isin(["lapsed", "pending"]), word),
        (lapsed, "renewed_other"),
        (word == "moved_shorter", "moved_shorter"),
        else_=paid,
    )
    pending = days_between(due.due_date, ibis.literal(view.as_of)) < view.grace_days
    outcome = pending.ifelse("pending", recorded)
    contradicted = (outcome != "pending") & ((word == "lapsed") != lapsed) & word.notnull()
    return due.mutate(outcome=outcome, contradicted=contradicted.fill_null(False)).mutate(
        mrr_after=ibis.cases(
            (outcome == "pending", ibis.null(MONEY)), (outcome == "lapsed", ibis.literal(0).cast(MONEY)),
            else_=due.mrr_after,
        ).cast(MONEY)
    ).select(
        "customer_id", "due_date", "term", "outcome", "stated", "contradicted", "mrr_after", "plan", "plan_after",
        "term_after", mrr_before="mrr",
    )  # fmt: skip


def _discounted(due: ir.Table) -> ir.BooleanValue:
    """Whether the price fell by more than seats, plan or add-ons did; price and seats split at the midpoint."""
    same = due.plan.identical_to(due.plan_after)
    before, after = due.plan_mrr.cast("float64"), due.plan_mrr_after.cast("float64")
    counted = (due.seats > 0) & (due.seats_after > 0)
    seats = (due.seats_after - due.seats) * (before / due.seats + after / due.seats_after) / 2
    seats = (same & counted).fill_null(False).ifelse(seats, 0.0)
    price = same.ifelse(after - before - seats, 0.0)
    plan = same.ifelse(0.0, after - before)
    addons = (due.mrr_after - due.mrr).cast("float64") - (after - before)
    return (price < 0) & (price <= ibis.least(seats, plan, addons))
