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


def activity(n: int) -> list[dict[str, object]]:
    months = [f"{year}-{month:02d}-01" for year in (2023, 2024) for month in range(1, 13)]
    return [
        {"customer_id": name(i), "month": month, "events": 200 if i % 2 else 4, "active_days": 20 if i % 2 else 2}
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
    used: bool = True,
    starts: str = "2023-01-10",
) -> Marts:
    """The marts of such a company; ``given`` replaces its answers."""
    subscriptions = []
    for i in range(n):
        line = {"customer_id": name(i), "product": ("basic", "pro")[i % 7 == 0], "billing_months": 1}
        price = 40 + i % 60
        ends = "2024-06-10" if leave(i) else None
        if grow(i) and not leave(i):
            subscriptions.append(line | {"start_date": starts, "end_date": "2024-05-01", "mrr": price})
            subscriptions.append(line | {"start_date": "2024-05-01", "mrr": price * 1.5})
        else:
            subscriptions.append(line | {"start_date": starts, "end_date": ends, "mrr": price})
    subscriptions.append({"customer_id": "first", "start_date": "2022-12-01", "end_date": "2023-02-01"})
    further: dict[str, Sequence[dict[str, object]]] = {"nps_responses": answers(n) if given is None else given}
    further |= {"activity_monthly": activity(n)} if used else {}
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
