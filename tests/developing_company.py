"""A small company whose accounts climb, fall, leave, begin well or badly, drawn so that plain loops can recount it.

Every account is seen from its beginning. Terms are monthly; an account is on one plan at a time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from customer_value.marts import Marts
from marts_fixtures import build_marts

PLANS = ("basic", "plus", "top")
PRICE = {"basic": 50, "plus": 120, "top": 300}
FIRST, AS_OF = date(2022, 1, 1), date(2024, 12, 31)
ONBOARDED, ACTIVATED = "Onboarding completed", "Activated"


@dataclass
class Life:
    """One account as it was drawn: its stays as (plan, first day, first day no longer), the last one perhaps open."""

    key: str
    begin: date
    stays: list[tuple[str, date, date | None]] = field(default_factory=list)
    onboarded: date | None = None
    used_on: list[date] = field(default_factory=list)
    referred: bool | None = None

    @property
    def left(self) -> date | None:
        """The day of its first end; None while it is here."""
        end = self.begin
        for _, start, until in self.stays:
            if start > end:
                return end
            end = until or date.max
        return None if end == date.max else end

    def plan_at(self, day: date) -> str | None:
        """Its plan at the close of a day."""
        return next(
            (plan for plan, start, until in self.stays if start <= day and (until is None or until > day)), None
        )


def lives(count: int = 260, seed: int = 7) -> list[Life]:
    """Accounts that begin over two years; months of thirty days decide what happens next."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        begin = FIRST + timedelta(days=rng.randrange(1, 760))
        one = Life(f"a{number:04d}", begin, referred=rng.choice([True, False, False, None]))
        plan, start, day = rng.randrange(2), begin, begin
        while True:
            day += timedelta(days=30)
            if day > AS_OF:
                one.stays.append((PLANS[plan], start, None))
                break
            chance = rng.random()
            if chance < 0.03:
                one.stays.append((PLANS[plan], start, day))
                if rng.random() < 0.8:
                    break
                start = day = day + timedelta(days=70)
            elif (chance < 0.06 and plan < 2) or (chance > 0.98 and plan > 0):
                one.stays.append((PLANS[plan], start, day))
                plan, start = plan + (1 if chance < 0.06 else -1), day
        if one.stays and one.stays[-1][1] > AS_OF:
            one.stays.pop()
        when = begin + timedelta(days=rng.randrange(1, 90))
        one.onboarded = when if rng.random() < 0.7 and when <= AS_OF and one.plan_at(when) else None
        for offset in range(400):
            use = begin + timedelta(days=offset)
            if rng.random() < 0.2 and use <= AS_OF and one.plan_at(use):
                one.used_on.append(use)
        found.append(one)
    return found


def marts_of(folder: Path, accounts: list[Life], **further: list[dict[str, object]]) -> Marts:
    """The marts of these accounts; other tables by name."""
    return build_marts(
        folder,
        subscriptions=[
            {"customer_id": one.key, "product": plan, "start_date": start, "end_date": until, "mrr": PRICE[plan],
             "billing_months": 1}
            for one in accounts
            for plan, start, until in one.stays
        ],
        customers=[{"customer_id": one.key, "referred": one.referred} for one in accounts],
        as_of=AS_OF,
        observed_from=FIRST - timedelta(days=1),
        further={
            "plans": [{"plan": plan, "rank": rank} for rank, plan in enumerate(PLANS, 1)],
            "milestones": [
                {"customer_id": one.key, "milestone": ONBOARDED, "reached_at": one.onboarded}
                for one in accounts
                if one.onboarded
            ],
            "usage_events": [
                {"customer_id": one.key, "event_time": f"{day} 10:00", "feature": "export"}
                for one in accounts
                for day in one.used_on
            ],
            **further,
        },
    )  # fmt: skip
