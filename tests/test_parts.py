"""Parts of a change of revenue: every order of change tried by hand, and books worked out on paper."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import permutations

import ibis
import numpy as np
import pandas as pd
import pytest

from customer_value.marts.parts import PARTS, column, parts
from marts_fixtures import build_marts

OPENING, CLOSE = date(2024, 2, 29), date(2024, 3, 31)
SPANS = ibis.memtable(pd.DataFrame({"opening": [OPENING], "month": [date(2024, 3, 1)], "close": [CLOSE]}))
SPANS = SPANS.mutate(**{name: SPANS[name].cast("date") for name in SPANS.columns})


def over_all_orders(before: dict[str, Fraction], after: dict[str, Fraction]) -> dict[str, Fraction]:
    """What each factor of a product changes, averaged over every order in which the factors could have changed."""
    orders = list(permutations(before))
    found = dict.fromkeys(before, Fraction(0))
    for order in orders:
        state = dict(before)
        for factor in order:
            worth = np.prod([*state.values()])
            state[factor] = after[factor]
            found[factor] += np.prod([*state.values()]) - worth
    return {factor: amount / len(orders) for factor, amount in found.items()}


def test_every_part_is_the_mean_over_all_orders_of_change() -> None:
    generator = np.random.default_rng(11)
    n = 60
    seats = generator.integers(1, 30, (2, n))
    price = generator.integers(100, 9_000, (2, n))
    paid = generator.integers(40, 101, (2, n))
    frames = []
    for side, day in enumerate((OPENING, CLOSE)):
        full = seats[side] * price[side] / 100
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"c{number:02}" for number in range(n)],
                    "day": day,
                    "kind": "plan",
                    "product": "basic",
                    # four decimals hold each of these exactly
                    "mrr": full * paid[side] / 100,
                    "list_mrr": full,
                    "quantity": seats[side].astype(float),
                    "unit": "seats",
                    "listed": 1,
                    "priced": 1,
                }
            )
        )
    held = ibis.memtable(pd.concat(frames))
    held = held.mutate(
        day=held.day.cast("date"), mrr=held.mrr.cast("decimal(18, 4)"), list_mrr=held.list_mrr.cast("decimal(18, 4)")
    )
    found = parts(held, SPANS, discounts=True).order_by("customer_id").execute()
    for number, row in found.iterrows():
        sides = [
            {
                "seats": Fraction(int(seats[side][number])),
                "price": Fraction(int(price[side][number]), 100),
                "discount": Fraction(int(paid[side][number]), 100),
            }
            for side in (0, 1)
        ]
        for part, amount in over_all_orders(*sides).items():
            assert float(row[column(part)]) == pytest.approx(float(amount), abs=2e-4)
        exact = [
            Fraction(int(seats[side][number] * price[side][number] * paid[side][number]), 10_000) for side in (0, 1)
        ]
        assert sum(Fraction(row[column(part)]) for part in PARTS) == exact[1] - exact[0]


def row(name: str, start: str, end: str | None, mrr: float, **more: object) -> dict[str, object]:
    return {"customer_id": name, "start_date": start, "end_date": end, "mrr": mrr, **more}


def changed(name: str, before: tuple[float, float | None], after: tuple[float, float | None], **more: object) -> list:
    """An account whose price and list price change on 10 March."""
    old = {name: value for name, value in more.items() if name != "product_after"}
    new = old | ({"product": more["product_after"]} if "product_after" in more else {})
    return [
        row(name, "2023-01-01", "2024-03-10", before[0], list_mrr=before[1], **old),
        row(name, "2024-03-10", None, after[0], list_mrr=after[1], **new),
    ]


@pytest.fixture(scope="module")
def march(tmp_path_factory) -> pd.DataFrame:
    built = build_marts(
        tmp_path_factory.mktemp("parts"),
        as_of="2024-04-15",
        observed_from="2021-12-31",
        subscriptions=[
            *changed("discount ends", (80, 100), (100, 100)),
            *changed("discount given", (100, 100), (90, 100)),
            # the list rises by 20, valued at the mean of the shares paid (0.8 and 0.9); the discount shrinks
            *changed("price and discount", (80, 100), (108, 120)),
            # from 100 to 200 at list, and a fifth off: 90 for the plan, 30 less for the discount
            *changed("plan with discount", (100, 100), (160, 200), product_after="pro"),
            *changed("list price came late", (80, None), (90, 100)),
            *changed("add-on kept, discount ends", (30, 40), (40, 40), product="extra", kind="addon"),
            row("add-on kept, discount ends", "2023-01-01", None, 50, list_mrr=50),
            row("row that is a discount", "2023-01-01", None, 100),
            row("row that is a discount", "2024-03-10", None, -15, product="launch offer", kind="addon"),
            row("discount within the product", "2023-01-01", None, 100),
            row("discount within the product", "2024-03-10", None, -15),
            row("plan beside the plan", "2023-01-01", None, 100, list_mrr=100),
            row("plan beside the plan", "2024-03-10", None, 40, list_mrr=80, product="other"),
        ],
    )
    months = built.frame("calendar_months")
    return months[months["month"] == "2024-03-01"].set_index("customer_id")


@pytest.mark.parametrize(
    ("account", "made_of"),
    [
        ("discount ends", {"discount": 20}),
        ("discount given", {"discount": -10}),
        ("price and discount", {"price": 17, "discount": 11}),
        ("plan with discount", {"plan": 90, "discount": -30}),
        # an unknown list price tells nothing of discounts
        ("list price came late", {"price": 10}),
        ("add-on kept, discount ends", {"discount": 10}),
        ("row that is a discount", {"discount": -15}),
        ("discount within the product", {"discount": -15}),
        # what comes with an account comes at the price paid
        ("plan beside the plan", {"plan": 40}),
    ],
)
def test_parts_by_hand(march: pd.DataFrame, account: str, made_of: dict[str, float]) -> None:
    found = {part: march.loc[account, column(part)] for part in PARTS}
    assert {part: amount for part, amount in found.items() if amount} == pytest.approx(made_of)
