"""Movements from month end to month end, their parts, and the same accounts by age."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest

from customer_value.marts import Marts
from customer_value.marts.bases import state_at
from customer_value.marts.dates import close_of_month, months_between
from marts_fixtures import build_marts
from marts_reference import anniversary, carried, daily_mrr, random_rows, spells

AS_OF = date(2024, 6, 30)
FIRST = date(2022, 1, 1)
PARTS = ["price_part", "seats_part", "plan_part", "addon_part"]


def row(name: str, start: str, end: str | None = None, mrr: float = 100, **more: object) -> dict[str, object]:
    return {"customer_id": name, "start_date": start, "end_date": end, "mrr": mrr, **more}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Accounts named after what happens to them in March 2024."""
    seats = {"unit": "users", "billing_months": 12}
    return build_marts(
        tmp_path_factory.mktemp("months"),
        as_of="2024-04-15",
        observed_from="2021-12-31",
        subscriptions=[
            row("new", "2024-03-01"),
            row("new on the last day", "2024-03-31"),
            row("churn", "2023-01-31", "2024-03-31", 70, end_kind="involuntary", end_reason="card"),
            row("churn on the first", "2023-01-31", "2024-04-01", 70),
            row("returns", "2023-01-01", "2023-12-01", 70),
            row("returns", "2024-03-05", None, 75),
            row("pauses over the close", "2023-01-01", "2024-02-20", 70),
            row("pauses over the close", "2024-03-10", None, 75),
            row("came and went", "2024-03-02", "2024-03-30", end_kind="voluntary"),
            row("came back and went", "2023-01-02", "2023-05-02"),
            row("came back and went", "2024-03-02", "2024-03-30"),
            row("unchanged", "2023-01-01"),
            row("price and seats", "2023-01-01", "2024-03-10", 100, quantity=10, **seats),
            row("price and seats", "2024-03-10", None, 180, quantity=15, **seats),
            row("more seats", "2023-01-01", "2024-03-10", 100, quantity=3, **seats),
            row("more seats", "2024-03-10", None, 133.3333, quantity=4, **seats),
            row("price without seats", "2023-01-01", "2024-03-10", 100),
            row("price without seats", "2024-03-10", None, 90),
            row("another unit", "2023-01-01", "2024-03-10", 100, quantity=10, unit="users"),
            row("another unit", "2024-03-10", None, 120, quantity=5000, unit="calls"),
            row("plan", "2023-01-01", "2024-03-10", 100, quantity=10),
            row("plan", "2024-03-10", None, 220, quantity=20, product="pro"),
            row("second plan", "2023-01-01", None, 100, quantity=10),
            row("second plan", "2024-03-10", None, 40, product="other"),
            row("add-on and price", "2023-01-01", "2024-03-10", 100),
            row("add-on and price", "2024-03-10", None, 95),
            row("add-on and price", "2024-03-20", None, 30, product="extra", kind="addon", quantity=3),
            row("swap of equal worth", "2023-01-01", "2024-03-10", 100),
            row("swap of equal worth", "2024-03-10", None, 60),
            row("swap of equal worth", "2024-03-10", None, 40, product="extra", kind="addon"),
            row("annual, due", "2023-03-31", None, billing_months=12),
            row("annual, due and left", "2023-03-31", "2024-03-31", billing_months=12),
            row("annual, due on the first", "2023-04-01", None, billing_months=12),
            row("half-yearly, due", "2022-09-30", None, billing_months=6),
            row("signed up before", "2024-01-20"),
        ],
        customers=[{"customer_id": "signed up before", "signup_date": "2023-08-31"}],
    )


@pytest.fixture(scope="module")
def march(world: Marts) -> pd.DataFrame:
    months = world.frame("calendar_months")
    return months[months["month"] == "2024-03-01"].set_index("customer_id")


def test_a_movement_is_the_close_less_the_close_before(march: pd.DataFrame) -> None:
    movements = march[["movement", "opening_mrr", "closing_mrr", "change"]].apply(tuple, axis=1)
    assert movements["new"] == ("new", 0.0, 100.0, 100.0)
    assert movements["new on the last day"] == ("new", 0.0, 100.0, 100.0)
    assert movements["churn"] == ("churn", 70.0, 0.0, -70.0)
    assert movements["churn on the first"] == ("none", 70.0, 70.0, 0.0)
    assert movements["returns"] == ("reactivation", 0.0, 75.0, 75.0)
    assert movements["pauses over the close"] == ("expansion", 70.0, 75.0, 5.0)
    assert movements["unchanged"] == ("none", 100.0, 100.0, 0.0)
    assert march.loc["churn", ["end_kind", "end_reason"]].tolist() == ["involuntary", "card"]
    assert march.loc["unchanged", ["end_kind", "end_reason"]].isna().all()


def test_who_starts_and_ends_within_a_month_is_counted_apart(march: pd.DataFrame) -> None:
    assert set(march.index[march["came_and_went"]]) == {"came and went", "came back and went"}
    passed = march.loc["came and went"]
    assert passed[["movement", "opening_mrr", "closing_mrr", "change"]].tolist() == ["none", 0.0, 0.0, 0.0]
    assert not passed["opening_active"]
    assert not passed["closing_active"]
    assert passed["end_kind"] == "voluntary"


@pytest.mark.parametrize(
    ("account", "price", "seats", "plan", "addon"),
    [
        # 5 more at the mean price of 10 and 12, 2 more on the mean of 10 and 15 seats
        ("price and seats", 25, 55, 0, 0),
        # a price a seat that differs only by rounding is the same price
        ("more seats", 0, 33.3333, 0, 0),
        ("price without seats", -10, 0, 0, 0),
        ("another unit", 20, 0, 0, 0),
        ("plan", 0, 0, 120, 0),
        ("second plan", 0, 0, 40, 0),
        ("add-on and price", -5, 0, 0, 30),
        ("swap of equal worth", 0, 0, 0, 0),
        ("churn", 0, 0, 0, 0),
        ("new", 0, 0, 0, 0),
    ],
)
def test_parts(march: pd.DataFrame, account: str, price: float, seats: float, plan: float, addon: float) -> None:
    assert march.loc[account, PARTS].tolist() == [price, seats, plan, addon]


def test_due_is_read_from_the_term_that_ran_when_the_month_began(march: pd.DataFrame) -> None:
    assert set(march.index[march["due"]]) >= {"annual, due", "annual, due and left", "half-yearly, due"}
    assert not march.loc["annual, due on the first", "due"]
    assert not march.loc["new", "due"]
    assert not march.loc["unchanged", "due"]


def test_weekly_terms_come_due_within_the_week(tmp_path) -> None:
    rows = [row("week", "2024-03-05", billing_months=12 / 52), row("fortnight", "2024-03-05", billing_months=24 / 52)]
    built = build_marts(tmp_path, as_of="2024-04-15", observed_from="2023-12-31", subscriptions=rows)
    due = state_at(built, date(2024, 3, 31)).set_index("customer_id")["next_due"]
    assert due["week"] == pd.Timestamp("2024-04-02")
    assert due["fortnight"] == pd.Timestamp("2024-04-02")
    assert state_at(built, date(2024, 4, 2)).set_index("customer_id")["next_due"]["week"] == pd.Timestamp("2024-04-09")


def test_age_is_in_complete_months_from_the_origin_at_the_close(march: pd.DataFrame) -> None:
    assert march.loc["new", "age_months"] == 0
    assert march.loc["churn", "age_months"] == 14
    assert march.loc["signed up before", "age_months"] == 7


def test_only_whole_months_of_accounts_that_were_there(world: Marts) -> None:
    months = world.frame("calendar_months")
    assert world.meta.last_month == date(2024, 3, 1)
    assert months["month"].max() == pd.Timestamp("2024-03-01")
    assert (months["opening_active"] | months["closing_active"] | months["came_and_went"]).all()
    assert not months.duplicated(["customer_id", "month"]).any()


def test_ages_hold_only_accounts_seen_from_their_origin(world: Marts) -> None:
    ages = world.frame("age_months")
    assert "signed up before" not in set(ages["customer_id"])
    left = ages[ages["customer_id"] == "churn"].set_index("age")
    # Origin 31 January 2023, left on 31 March 2024, which is anniversary 14 and its event.
    assert left["at_date"].iloc[:3].tolist() == [pd.Timestamp(f"2023-{day}") for day in ("01-31", "02-28", "03-31")]
    assert left["retained"].tolist() == [True] * 14 + [False]
    assert left["mrr"].tolist() == [70.0] * 14 + [0.0]
    back = ages[ages["customer_id"] == "returns"].set_index("age")
    assert back.loc[15, ["start_mrr", "mrr", "gross_mrr", "retained"]].tolist() == [70.0, 75.0, 0.0, False]
    grown = ages[ages["customer_id"] == "plan"].set_index("age")
    assert grown.loc[15, ["start_mrr", "mrr", "gross_mrr"]].tolist() == [100.0, 220.0, 100.0]


@pytest.mark.parametrize("grace_days", [7, 31])
def test_months_agree_with_living_through_every_day(tmp_path, grace_days: int) -> None:
    rows = random_rows(5 + grace_days, accounts=60, first=FIRST, last=AS_OF)
    marts = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2021-12-31",
        grace_days=grace_days,
        subscriptions=[{"customer_id": name, **held} for name, several in rows.items() for held in several],
    )
    got = {(r["customer_id"], r["month"]): r for r in marts.table("calendar_months").to_pyarrow().to_pylist()}
    ages = {(r["customer_id"], r["age"]): r for r in marts.table("age_months").to_pyarrow().to_pylist()}
    expected, expected_ages, kinds = {}, {}, set()
    for name, held in rows.items():
        filled = carried(daily_mrr(held, first=FIRST, last=AS_OF), grace_days=grace_days)
        if not filled:
            continue
        runs = spells(filled, as_of=AS_OF)
        for month in months_between(min(filled), AS_OF):
            before, after = (filled.get(day, Decimal(0)) for day in (month - timedelta(days=1), close_of_month(month)))
            inside = [day for day in filled if (day.year, day.month) == (month.year, month.month)]
            if before and after:
                kind = "expansion" if after > before else "contraction" if after < before else "none"
            elif after:
                kind = "new" if min(filled) >= month else "reactivation"
            elif before:
                kind = "churn"
            elif inside:
                kind = "none"
            else:
                continue
            kinds.add(kind)
            expected[name, month] = (kind, before, after, not before and not after)
        origin, end = runs[0]
        for age in range(40):
            at = anniversary(origin, age)
            if at <= AS_OF:
                retained = end is None or at < end
                start, now = filled[origin], filled.get(at, Decimal(0))
                expected_ages[name, age] = (at, start, now, retained, min(start, now) if retained else Decimal(0))
    assert {
        key: (r["movement"], r["opening_mrr"], r["closing_mrr"], r["came_and_went"]) for key, r in got.items()
    } == expected
    assert kinds == {"new", "expansion", "contraction", "churn", "reactivation", "none"}
    for r in got.values():
        assert r["change"] == r["closing_mrr"] - r["opening_mrr"]
        moved = r["movement"] in ("expansion", "contraction")
        assert sum(r[part] for part in PARTS) == (r["change"] if moved else 0)
    assert {
        key: (r["at_date"], r["start_mrr"], r["mrr"], r["retained"], r["gross_mrr"]) for key, r in ages.items()
    } == expected_ages


def test_movements_reconcile_to_mrr_from_close_to_close(world: Marts) -> None:
    rows = world.table("calendar_months").to_pyarrow().to_pylist()
    months = sorted({r["month"] for r in rows})
    for before, after in pairwise(months):
        closing = sum(r["closing_mrr"] for r in rows if r["month"] == before)
        opening = sum(r["opening_mrr"] for r in rows if r["month"] == after)
        assert closing == opening
        assert opening + sum(r["change"] for r in rows if r["month"] == after) == sum(
            r["closing_mrr"] for r in rows if r["month"] == after
        )
