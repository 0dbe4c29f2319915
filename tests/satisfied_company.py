"""A company by hand whose accounts answer and use, for the tests of both studies of satisfaction.

Account number i of ``n`` scores 10, 8 or 4 by i modulo 3, uses every day or hardly by i modulo 2, and leaves, if at
all, in the summer of the year that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from customer_value.marts import Marts
from marts_fixtures import build_marts

STARTS = "2023-01-10"
YEAR = {"start": date(2023, 12, 31), "end": date(2024, 12, 31)}
SCORES = (10, 8, 4)
CHANNELS = ("web", "sales", "partner", "web")


def name(number: int) -> str:
    return f"c{number:03d}"


def answers(n: int, *, day: str = "2023-10-05", who: Callable[[int], bool] = lambda i: True) -> list[dict[str, object]]:
    return [
        {"customer_id": name(i), "responded_at": day, "score": SCORES[i % 3], "survey": "yearly"}
        for i in range(n)
        if who(i)
    ]


def usual(number: int, month: str) -> int:
    """Active days in a month: twenty, or two."""
    return 20 if number % 2 else 2


def activity(n: int, days: Callable[[int, str], int]) -> list[dict[str, object]]:
    months = [f"{year}-{month:02d}-01" for year in (2023, 2024) for month in range(1, 13)]
    return [
        {"customer_id": name(i), "month": month, "events": 10 * days(i, month), "active_days": days(i, month)}
        for i in range(n)
        for month in months
    ]


def company(
    folder: Path,
    *,
    n: int = 240,
    leave: Callable[[int], bool] = lambda i: i % 3 == 2 and i % 4 == 0,
    grow: Callable[[int], bool] = lambda i: i % 5 == 0,
    given: Sequence[dict[str, object]] | None = None,
    invited: Sequence[dict[str, object]] | None = None,
    days: Callable[[int, str], int] | None = usual,
    ends_on: str = "2024-06-10",
) -> Marts:
    """The marts of such a company; ``given`` replaces its answers, ``days`` its active days (None: no use recorded)."""
    subscriptions = []
    for i in range(n):
        line = {"customer_id": name(i), "product": ("basic", "pro")[i % 7 == 0], "billing_months": 1}
        price = 40 + i % 60
        ends = ends_on if leave(i) else None
        if grow(i) and not leave(i):
            subscriptions.append(line | {"start_date": STARTS, "end_date": "2024-05-01", "mrr": price})
            subscriptions.append(line | {"start_date": "2024-05-01", "mrr": price * 1.5})
        else:
            subscriptions.append(line | {"start_date": STARTS, "end_date": ends, "mrr": price})
    subscriptions.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    further: dict[str, Sequence[dict[str, object]]] = {"nps_responses": answers(n) if given is None else given}
    further |= {} if days is None else {"activity_monthly": activity(n, days)}
    further |= {} if invited is None else {"surveys_sent": invited}
    return build_marts(
        folder,
        subscriptions=subscriptions,
        customers=[{"customer_id": name(i), "channel": CHANNELS[i % 4]} for i in range(n)] + [{"customer_id": "first"}],
        as_of="2024-12-31",
        observed_from="2022-11-30",
        attributes={"channel": {}},
        further=further,
    )
