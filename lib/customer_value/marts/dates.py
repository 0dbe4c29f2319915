"""Month arithmetic, in one place so that it is the same everywhere.

An anniversary keeps the day of the month it counts from; where a month is too short, it falls on that month's last day:
31 January, 29 February (28 in a common year), 31 March, 30 April. It is always counted from the origin, never from the
anniversary before, so that a clipped one does not pull the later ones along.

The expressions compile to the engine's own month intervals, whose clipping is the same on DuckDB, PostgreSQL, BigQuery
and Spark; a test holds DuckDB to it day by day.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir


def plus_months(day: ir.DateValue, months: ir.IntegerValue | int) -> ir.DateValue:
    """The anniversary ``months`` months after ``day``, clipped to the end of the month."""
    months = ibis.literal(months) if isinstance(months, int) else months
    # By way of a timestamp: Ibis takes a date plus months to be a date already and would leave out the cast back,
    # but DuckDB makes a timestamp of it.
    return (day.cast("timestamp") + months.as_interval("M")).date()


def months_since(origin: ir.DateValue, day: ir.DateValue) -> ir.IntegerValue:
    """Complete months from ``origin`` to ``day``: the largest k whose anniversary is not after ``day``."""
    months = _calendar_months(origin, day)
    return months - (plus_months(origin, months) > day).cast("int64")


def months_until(origin: ir.DateValue, day: ir.DateValue) -> ir.IntegerValue:
    """The person-month that ``day`` falls into: the smallest k whose anniversary is not before ``day``.

    Person-month k runs from anniversary k − 1, exclusive, to anniversary k, inclusive.
    """
    months = _calendar_months(origin, day)
    return months + (plus_months(origin, months) < day).cast("int64")


def month_of(day: ir.DateValue) -> ir.DateValue:
    """The first day of the month of ``day``."""
    return day.cast("timestamp").truncate("M").date()


def days_between(start: ir.DateValue, end: ir.DateValue) -> ir.IntegerValue:
    """Days from ``start`` to ``end``."""
    return end.delta(start, unit="day")


def month_number(day: ir.DateValue) -> ir.IntegerValue:
    """Calendar months since the year 0, so that months can be counted off; the close of a month has its month's.

    Between the months of two days there are as many as there are complete months from the first to the close of the
    second's month, however the anniversaries are clipped.
    """
    return (day.year() * 12 + day.month() - 1).cast("int64")


def _calendar_months(origin: ir.DateValue, day: ir.DateValue) -> ir.IntegerValue:
    return month_number(day) - month_number(origin)


def first_of_month(day: date) -> date:
    """The first day of the month of ``day``."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after that of ``day``."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def close_of_month(day: date) -> date:
    """The last day of the month of ``day``."""
    return next_month(day) - timedelta(days=1)


def months_between(first: date, last: date) -> list[date]:
    """The first days of all months from that of ``first`` to that of ``last``; empty if ``last`` is earlier."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    whole = [first.year * 12 + first.month - 1 + step for step in range(max(count, 0))]
    return [date(month // 12, month % 12 + 1, 1) for month in whole]


def last_whole_month(as_of: date) -> date:
    """The first day of the last month that has wholly passed at the close of ``as_of``."""
    month = first_of_month(as_of)
    return month if close_of_month(as_of) == as_of else first_of_month(month - timedelta(days=1))
