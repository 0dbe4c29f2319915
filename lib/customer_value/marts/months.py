"""Account-months: states at closes, the movements between month ends, and the same accounts by age.

A *state* is what an account holds at the close of a day. Movements compare the states at two month ends; ages compare
the states at anniversaries of the account's origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from customer_value.marts.dates import close_of_month, days_between, month_of, months_between, months_since, plus_months
from customer_value.marts.parts import column, parts, parts_in
from customer_value.marts.spells import MONEY, OPEN


def at_day(lines: ir.Table, day: date) -> ir.Table:
    """The lines that are active at the close of ``day``, with that ``day``."""
    close = ibis.literal(day)
    return lines.filter((lines.start_date <= close) & (lines.end_date.isnull() | (lines.end_date > close))).mutate(
        day=close
    )


def at_days(lines: ir.Table, days: ir.Table) -> ir.Table:
    """The lines that are active at the close of each ``day`` of ``days``, once a day.

    ``days`` has a column ``day`` and either nothing else (the same days for all accounts) or a ``customer_id``.
    """
    keyed = lines.join(days, "customer_id") if "customer_id" in days.columns else lines.cross_join(days)
    return keyed.filter((keyed.start_date <= keyed.day) & (keyed.end_date.fill_null(OPEN) > keyed.day))


def holdings(active: ir.Table) -> ir.Table:
    """What an account holds of each product on a day.

    Parameters
    ----------
    active : lines with the ``day`` at whose close they are active

    Returns
    -------
    One row an account, day, kind and product: ``mrr``, ``quantity`` (null unless every line states one in the same
    unit), ``unit``, ``term`` (the longest), ``term_start`` (the earliest), ``next_due`` (the earliest due date after
    the day), ``list_mrr`` (what its rows cost at list price; a row that states none counts at its price, one below
    zero, which is a discount, at nothing), ``listed`` (rows above zero that state a list price) of ``priced``.
    """
    active = active.mutate(due=_next_due(active))
    held = active.group_by("customer_id", "day", "kind", "product").agg(
        mrr=active.mrr.sum().cast(MONEY),
        quantity=active.quantity.sum(),
        lines=active.count(),
        stated=active.quantity.count(),
        unit=active.unit.min(),
        last_unit=active.unit.max(),
        term=active.billing_months.max(),
        term_start=active.term_start.min(),
        next_due=active.due.min(),
        list_mrr=ibis.coalesce(active.list_mrr, ibis.greatest(active.mrr, 0)).sum().cast(MONEY),
        listed=active.list_mrr.count(where=active.mrr >= 0),
        priced=active.count(where=active.mrr >= 0),
    )
    countable = (held.lines == held.stated) & held.unit.identical_to(held.last_unit)
    return held.mutate(quantity=countable.ifelse(held.quantity, ibis.null("float64"))).drop(
        "lines", "stated", "last_unit"
    )


def _next_due(active: ir.Table) -> ir.DateValue:
    """The first whole term after the run began that ends after the day."""
    term = active.billing_months
    whole_terms = months_since(active.term_start, active.day) // term + 1
    by_month = plus_months(active.term_start, (whole_terms * term).cast("int64"))
    # A term of less than a month is so many days, a week being 12/52 of a month.
    days = ibis.greatest((term * 364 / 12).round().cast("int64"), 1)
    gone = days_between(active.term_start, active.day)
    by_day = active.term_start + ((gone // days + 1) * days).cast("int64").as_interval("D")
    return (term < 1).ifelse(by_day.cast("date"), by_month)


def states(held: ir.Table) -> ir.Table:
    """One row an account and day: ``mrr``, and of its largest plan ``plan, term, seats, term_start, next_due``.

    Parameters
    ----------
    held : what `holdings` gives
    """
    # Descending, "plan" comes before "addon".
    ranked = held.mutate(
        rank=ibis.row_number().over(
            ibis.window(group_by=("customer_id", "day"), order_by=(ibis.desc("kind"), ibis.desc("mrr"), "product"))
        )
    )
    main = (ranked["rank"] == 0) & (ranked.kind == "plan")
    return ranked.group_by("customer_id", "day").agg(
        mrr=ranked.mrr.sum().cast(MONEY),
        plan=ranked["product"].max(where=main),
        term=ranked.term.max(where=main),
        seats=ranked.quantity.max(where=main),
        term_start=ranked.term_start.max(where=main),
        next_due=ranked.next_due.max(where=main),
    )


def closes(first_month: date, last_month: date) -> list[date]:
    """The month ends that the months from ``first_month`` to ``last_month`` lie between, one more than months."""
    return [
        first_month - timedelta(days=1),
        *(close_of_month(month) for month in months_between(first_month, last_month)),
    ]


def days_table(columns: Mapping[str, Sequence[date]]) -> ir.Table:
    """A table of dates; by way of Arrow, which knows the type of a column without rows."""
    return ibis.memtable(pa.table({name: pa.array(days, pa.date32()) for name, days in columns.items()}))


def calendar_months(
    held: ir.Table, spells: ir.Table, accounts: ir.Table, *, days: Sequence[date], discounts: bool
) -> ir.Table:
    """Movements from month end to month end.

    Parameters
    ----------
    held : what `holdings` gives at ``days``
    spells, accounts : those marts (of accounts ``customer_id, origin_date, first_start``)
    days : consecutive month ends, as `closes` gives them
    discounts : whether expansions and contractions have a discount part (`parts`)
    """
    spans = days_table(
        {"opening": days[:-1], "month": [day + timedelta(days=1) for day in days[:-1]], "close": days[1:]}
    )
    state = states(held)
    before = _prefixed(state.join(spans, state.day == spans.opening), "opening")
    after = _prefixed(state.join(spans, state.day == spans.close), "closing")
    both = _outer(before, after, ("customer_id", "month"))
    passing = _came_and_went(spells, spans)
    every = _outer(both, passing, ("customer_id", "month"))
    every = every.mutate(
        opening_mrr=every.opening_mrr.fill_null(0).cast(MONEY),
        closing_mrr=every.closing_mrr.fill_null(0).cast(MONEY),
        opening_active=every.opening_mrr.notnull(),
        closing_active=every.closing_mrr.notnull(),
    )
    every = every.mutate(
        came_and_went=~every.opening_active & ~every.closing_active,
        change=(every.closing_mrr - every.opening_mrr).cast(MONEY),
    )
    about = accounts.select("customer_id", "origin_date", "first_start")
    every = every.inner_join(about, "customer_id").inner_join(spans, "month")
    every = every.mutate(
        movement=ibis.cases(
            (every.came_and_went, "none"),
            (~every.opening_active & (every.first_start > every.opening), "new"),
            (~every.opening_active, "reactivation"),
            (~every.closing_active, "churn"),
            (every.change > 0, "expansion"),
            (every.change < 0, "contraction"),
            else_="none",
        ),
        age_months=months_since(every.origin_date, every.close),
        due=(every.opening_next_due <= every.close).fill_null(False),
    )
    made_of = parts(held, spans, discounts=discounts)
    columns = parts_in(made_of)
    every = every.left_join(made_of, ["customer_id", "month"]).select(*every.columns, *map(column, columns))
    moved = every.movement.isin(["expansion", "contraction"])
    every = every.mutate(
        **{
            column(part): moved.ifelse(every[column(part)].fill_null(0), ibis.literal(0)).cast(MONEY)
            for part in columns
        }
    )
    endings = _endings(spells)
    ended = (every.movement == "churn") | every.came_and_went
    return (
        every.left_join(endings, ["customer_id", "month"])
        .mutate(
            end_kind=ended.ifelse(endings.end_kind, ibis.null("string")),
            end_reason=ended.ifelse(endings.end_reason, ibis.null("string")),
        )
        .select(
            "customer_id",
            "month",
            "opening_mrr",
            "closing_mrr",
            "movement",
            "change",
            *map(column, columns),
            "opening_active",
            "closing_active",
            "opening_plan",
            "closing_plan",
            "opening_term",
            "closing_term",
            "opening_seats",
            "closing_seats",
            "opening_term_start",
            "age_months",
            "due",
            "end_kind",
            "end_reason",
            "came_and_went",
        )
    )


def _prefixed(state: ir.Table, side: str) -> ir.Table:
    names = ("mrr", "plan", "term", "seats", "term_start", "next_due")
    return state.select("customer_id", "month", **{f"{side}_{name}": state[name] for name in names})


def _outer(left: ir.Table, right: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Full outer join that keeps one copy of the keys."""
    joined = left.outer_join(right, list(keys), rname="right_{name}")
    joined = joined.mutate(**{key: ibis.coalesce(joined[key], joined[f"right_{key}"]) for key in keys})
    return joined.drop(*(f"right_{key}" for key in keys))


def _came_and_went(spells: ir.Table, spans: ir.Table) -> ir.Table:
    """Accounts and months in which a spell both starts and ends."""
    short = spells.filter(spells.event).mutate(month=month_of(spells.start_date))
    short = short.filter(month_of(short.end_date) == short.month)
    return short.semi_join(spans, "month").select("customer_id", "month").distinct()


def _endings(spells: ir.Table) -> ir.Table:
    """Why accounts ended, by month; the last end where there are several."""
    ends = spells.filter(spells.event)
    ends = ends.mutate(
        # The state at a close counts an end on the first of a month to that month: its close is the first without it.
        month=month_of(ends.end_date),
        rank=ibis.row_number().over(
            ibis.window(group_by=(ends.customer_id, month_of(ends.end_date)), order_by=ibis.desc(ends.spell))
        ),
    )
    return ends.filter(ends["rank"] == 0).select("customer_id", "month", "end_kind", "end_reason")


def anniversaries(accounts: ir.Table, *, as_of: date) -> ir.Table:
    """``customer_id, age, day`` of every anniversary up to the as-of day of the accounts that have a cohort."""
    known = accounts.filter(accounts.cohort_month.notnull()).select("customer_id", "origin_date")
    known = known.mutate(last=months_since(known.origin_date, ibis.literal(as_of)))
    aged = known.mutate(age=ibis.range(0, known["last"] + 1)).unnest("age").mutate(age=ibis._.age.cast("int64"))
    return aged.select("customer_id", "age", day=plus_months(aged.origin_date, aged.age))


def age_months(lines: ir.Table, spells: ir.Table, accounts: ir.Table, days: ir.Table) -> ir.Table:
    """The accounts that have a cohort, at every anniversary of their origin.

    Parameters
    ----------
    lines, spells, accounts : those marts
    days : what `anniversaries` gives
    """
    active = at_days(lines, days.select("customer_id", "day"))
    money = active.group_by("customer_id", "day").agg(mrr=active.mrr.sum().cast(MONEY))
    every = days.left_join(money, ["customer_id", "day"]).select(*days.columns, "mrr")
    first = spells.filter(spells.spell == 1).select("customer_id", ended="end_date")
    about = accounts.select("customer_id", "cohort_month", start_mrr="first_mrr")
    every = every.inner_join(about, "customer_id").inner_join(first, "customer_id")
    every = every.mutate(
        mrr=every.mrr.fill_null(0).cast(MONEY), retained=every.ended.isnull() | (every.ended > every.day)
    )
    return every.select(
        "customer_id",
        "cohort_month",
        "age",
        "start_mrr",
        "mrr",
        "retained",
        at_date="day",
        gross_mrr=every.retained.ifelse(ibis.least(every.mrr, every.start_mrr), ibis.literal(0)).cast(MONEY),
    )
