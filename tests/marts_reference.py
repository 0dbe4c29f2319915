"""The definitions once more, day by day in plain Python, to hold the marts to.

Nothing here uses intervals, window functions or an engine: an account's life is a list of days with what it paid on
each. Slow, and meant to be obvious.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

DAY = timedelta(days=1)


def anniversary(origin: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    return date(year, month + 1, min(origin.day, calendar.monthrange(year, month + 1)[1]))


def daily_mrr(rows: Sequence[Mapping[str, object]], *, first: date, last: date) -> dict[date, Decimal]:
    """What an account pays on each day by its rows alone; days without pay are left out."""
    paid: dict[date, Decimal] = {}
    day = first
    while day <= last:
        total = sum(
            (
                Decimal(str(row["mrr"]))
                for row in rows
                if date.fromisoformat(row["start_date"]) <= day
                and (row.get("end_date") is None or day < date.fromisoformat(row["end_date"]))
            ),
            Decimal(0),
        )
        if total > 0:
            paid[day] = total
        day += DAY
    return paid


def carried(paid: Mapping[date, Decimal], *, grace_days: int) -> dict[date, Decimal]:
    """The same with gaps of at most ``grace_days`` days filled by what was paid last."""
    filled = dict(paid)
    days = sorted(paid)
    for before, after in pairwise(days):
        missing = (after - before).days - 1
        if 0 < missing <= grace_days:
            filled |= {before + DAY * step: paid[before] for step in range(1, missing + 1)}
    return filled


def spells(filled: Mapping[date, Decimal], *, as_of: date) -> list[tuple[date, date | None]]:
    """Runs of days as start and exclusive end; None where the account still pays on the as-of day."""
    runs: list[tuple[date, date | None]] = []
    for day in sorted(filled):
        if day - DAY not in filled:
            runs.append((day, None))
        if day + DAY not in filled and day != as_of:
            runs[-1] = (runs[-1][0], day + DAY)
    return runs


def random_rows(seed: int, *, accounts: int, first: date, last: date) -> dict[str, list[dict[str, object]]]:
    """Untidy accounts: plan changes, overlaps, add-ons, free months, gaps around the grace, ends at month ends."""
    chance = random.Random(seed)
    span = (last - first).days
    every: dict[str, list[dict[str, object]]] = {}
    for number in range(accounts):
        day = first + DAY * chance.randrange(span)
        rows: list[dict[str, object]] = []
        for _ in range(chance.randint(1, 8)):
            term = chance.choice([1, 1, 3, 12, None])
            until = anniversary(day, term or 1)
            if chance.random() < 0.3:
                until = day + DAY * chance.randint(1, 80)
            if chance.random() < 0.15:
                until = until.replace(day=1) if until.replace(day=1) > day else until
            row = {
                "start_date": day.isoformat(),
                "end_date": None if chance.random() < 0.1 else until.isoformat(),
                "product": chance.choice(["basic", "pro", "basic"]),
                "mrr": chance.choice([0, 25, 50, 99.99, 120.5, 300]),
                "quantity": chance.choice([None, 1, 3, 7]),
                "billing_months": term,
            }
            rows.append(row)
            if chance.random() < 0.25:
                rows.append({**row, "product": "extra", "kind": "addon", "mrr": chance.choice([10, 20])})
            if row["end_date"] is None:
                break
            day = until + DAY * chance.choice([0, 0, 0, 1, 5, 30, 31, 32, 60, -3])
            if day >= last:
                break
        every[f"account {number:03d}"] = rows
    return every
