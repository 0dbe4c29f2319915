"""When an account was a customer: lines, spells, age."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import ibis
import pandas as pd
import pytest

from customer_value.marts import Marts
from customer_value.marts.bases import state_at
from customer_value.marts.dates import (
    last_whole_month,
    months_between,
    months_since,
    months_until,
    next_month,
    plus_months,
)
from marts_fixtures import build_marts
from marts_reference import anniversary, carried, daily_mrr, random_rows, spells

AS_OF = date(2024, 6, 30)
FIRST = date(2022, 1, 1)


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_an_anniversary_is_clipped_to_the_month_and_counted_from_the_origin() -> None:
    origins = [date(2023, 1, 31), date(2023, 12, 31), date(2024, 2, 29), date(2023, 2, 28), date(2023, 3, 30)]
    pairs = [(origin, months) for origin in origins for months in range(50)]
    table = ibis.memtable(
        pd.DataFrame(pairs, columns=["origin", "months"]), schema={"origin": "date", "months": "int64"}
    )
    got = table.mutate(day=plus_months(table.origin, table.months)).to_pyarrow().to_pylist()
    assert [row["day"] for row in got] == [anniversary(origin, months) for origin, months in pairs]
    by_hand = {(row["origin"], row["months"]): row["day"] for row in got}
    assert by_hand[date(2023, 1, 31), 1] == date(2023, 2, 28)
    assert by_hand[date(2023, 1, 31), 2] == date(2023, 3, 31)
    assert by_hand[date(2023, 1, 31), 13] == date(2024, 2, 29)
    assert by_hand[date(2024, 2, 29), 12] == date(2025, 2, 28)
    assert by_hand[date(2024, 2, 29), 48] == date(2028, 2, 29)


def test_complete_months_and_person_months_agree_with_counting_anniversaries() -> None:
    origins = [date(2023, 1, 31), date(2024, 2, 29), date(2023, 2, 28), date(2023, 5, 15)]
    pairs = [(origin, origin + timedelta(days=step)) for origin in origins for step in range(800)]
    table = ibis.memtable(pd.DataFrame(pairs, columns=["origin", "day"]), schema={"origin": "date", "day": "date"})
    table = table.mutate(since=months_since(table.origin, table.day), until=months_until(table.origin, table.day))
    for row in table.to_pyarrow().to_pylist():
        reached = [k for k in range(30) if anniversary(row["origin"], k) <= row["day"]]
        assert row["since"] == reached[-1]
        assert row["until"] == min(k for k in range(30) if anniversary(row["origin"], k) >= row["day"])


def test_whole_months() -> None:
    assert last_whole_month(date(2024, 2, 29)) == date(2024, 2, 1)
    assert last_whole_month(date(2024, 2, 28)) == date(2024, 1, 1)
    assert last_whole_month(date(2024, 1, 1)) == date(2023, 12, 1)
    assert next_month(date(2023, 12, 31)) == date(2024, 1, 1)
    assert months_between(date(2023, 11, 30), date(2024, 2, 1)) == [
        date(2023, 11, 1),
        date(2023, 12, 1),
        date(2024, 1, 1),
        date(2024, 2, 1),
    ]
    assert months_between(date(2024, 2, 1), date(2024, 1, 1)) == []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Accounts named after what they show; as of 30 June 2024, observed since before any of them."""

    def row(name: str, start: str, end: str | None = None, mrr: float = 100, **more: object) -> dict[str, object]:
        return {"customer_id": name, "start_date": start, "end_date": end, "mrr": mrr, **more}

    return build_marts(
        tmp_path_factory.mktemp("spells"),
        as_of=AS_OF,
        observed_from="2021-12-31",
        subscriptions=[
            row("gap of grace", "2023-01-01", "2023-03-01", 80, end_reason="card expired", end_kind="involuntary"),
            row("gap of grace", "2023-04-01", None, 90),
            row("gap beyond grace", "2023-01-01", "2023-03-01", 80, end_kind="voluntary", end_reason="price"),
            row("gap beyond grace", "2023-04-02", None, 90),
            row("renews on as-of", "2023-06-30", "2024-06-30", billing_months=12),
            row("renews on as-of", "2024-06-30", "2025-06-30", billing_months=12),
            row("ends on as-of", "2023-06-30", "2024-06-30", end_kind="voluntary"),
            row("ends after as-of", "2023-06-30", "2024-07-01", end_kind="voluntary"),
            row("ended 30 days ago", "2023-06-30", "2024-05-31"),
            row("ended 31 days ago", "2023-06-30", "2024-05-30"),
            row("back in time", "2023-01-01", "2024-05-10"),
            row("back in time", "2024-06-10"),
            row("changes plan", "2023-01-01", "2023-05-10", 50),
            row("changes plan", "2023-05-10", None, 70, product="pro"),
            row("overlaps", "2023-01-01", "2023-06-01", 50),
            row("overlaps", "2023-05-01", "2023-07-01", 30),
            row("free first", "2023-01-01", "2023-03-15", 0, product="free"),
            row("free first", "2023-03-15", None, 20),
            row("free forever", "2023-01-01", None, 0, product="free"),
            row("free plan paid add-on", "2023-01-01", None, 0, product="free"),
            row("free plan paid add-on", "2023-02-01", "2023-09-01", 15, product="extra", kind="addon"),
            row("paused at nought", "2023-01-01", "2023-03-01", 40),
            row("paused at nought", "2023-03-01", "2023-03-20", 0),
            row("paused at nought", "2023-03-20", None, 40),
            row("plan and add-on end", "2023-01-01", "2023-08-01", 40, end_kind="voluntary", end_reason="left"),
            row("plan and add-on end", "2023-01-01", "2023-08-01", 90, product="x", kind="addon", end_reason="add-on"),
            row("trial", "2023-02-10"),
            row("long prospect", "2023-05-20", "2023-09-20"),
            row("signed up later", "2023-02-10"),
            row("end on anniversary", "2023-01-31", "2023-02-28"),
            row("end after anniversary", "2023-01-31", "2023-03-01"),
            row("last part-month", "2023-01-20", "2024-06-25"),
        ],
        customers=[
            {"customer_id": "trial", "signup_date": "2023-01-27"},
            {"customer_id": "long prospect", "signup_date": "2023-01-31"},
            {"customer_id": "signed up later", "signup_date": "2023-03-10"},
            {"customer_id": "never subscribed", "signup_date": "2023-03-10"},
        ],
    )


@pytest.fixture(scope="module")
def spell(world: Marts) -> pd.DataFrame:
    return world.frame("spells").set_index(["customer_id", "spell"])


def test_a_gap_of_the_grace_is_a_pause_in_which_the_last_mrr_carries(world: Marts, spell: pd.DataFrame) -> None:
    assert list(spell.loc["gap of grace"].index) == [1]
    assert not spell.loc[("gap of grace", 1), "event"]
    lines = world.frame("lines").query("customer_id == 'gap of grace'")
    assert lines[["start_date", "end_date", "mrr", "carried"]].values.tolist() == [
        [day("2023-01-01"), day("2023-03-01"), 80.0, False],
        [day("2023-03-01"), day("2023-04-01"), 80.0, True],
        [day("2023-04-01"), pd.NaT, 90.0, False],
    ]
    filler = lines[lines["carried"]].iloc[0]
    assert filler[["end_reason", "end_kind"]].isna().all()


def test_a_longer_gap_is_churn_and_a_second_spell(world: Marts, spell: pd.DataFrame) -> None:
    first, second = spell.loc[("gap beyond grace", 1)], spell.loc[("gap beyond grace", 2)]
    assert first["end_date"] == day("2023-03-01")
    assert first["event"]
    assert (first["end_kind"], first["end_reason"]) == ("voluntary", "price")
    assert second["start_date"] == day("2023-04-02")
    assert pd.isna(second["end_date"])
    assert second[["origin_date", "entry_month", "exit_month", "event_month"]].isna().all()
    assert not world.frame("lines").query("customer_id == 'gap beyond grace'")["carried"].any()


def test_a_renewal_on_the_as_of_day_is_no_churn_and_an_end_on_it_is(world: Marts, spell: pd.DataFrame) -> None:
    assert not spell.loc[("renews on as-of", 1), "event"]
    assert spell.loc[("ends on as-of", 1), "event"]
    assert not spell.loc[("ends after as-of", 1), "event"]
    assert pd.isna(spell.loc[("ends after as-of", 1), "end_kind"])
    status = world.frame("accounts").set_index("customer_id")["status"]
    assert status["renews on as-of"] == "active"
    assert status["ends on as-of"] == "churned"


def test_an_end_is_provisional_as_long_as_it_can_still_become_a_pause(spell: pd.DataFrame) -> None:
    assert spell.loc[("ends on as-of", 1), "provisional"]
    assert spell.loc[("ended 30 days ago", 1), "provisional"]
    # A return on the 31st day would be known by now.
    assert not spell.loc[("ended 31 days ago", 1), "provisional"]
    assert not spell.loc[("back in time", 1), "event"]


def test_rows_that_touch_or_overlap_are_one_spell(spell: pd.DataFrame, world: Marts) -> None:
    assert list(spell.loc["changes plan"].index) == [1]
    assert list(spell.loc["overlaps"].index) == [1]
    assert spell.loc[("overlaps", 1), "end_date"] == day("2023-07-01")
    assert state_at(world, date(2023, 5, 15)).set_index("customer_id")["mrr"]["overlaps"] == 80
    assert state_at(world, date(2023, 5, 9)).set_index("customer_id")["plan"]["changes plan"] == "basic"
    assert state_at(world, date(2023, 5, 10)).set_index("customer_id")["plan"]["changes plan"] == "pro"


def test_a_customer_is_who_pays(world: Marts, spell: pd.DataFrame) -> None:
    accounts = world.frame("accounts").set_index("customer_id")
    assert "free forever" not in accounts.index
    assert "never subscribed" not in accounts.index
    assert world.meta.never_paid == 1
    assert accounts.loc["free first", "first_start"] == day("2023-03-15")
    bought = spell.loc[("free plan paid add-on", 1)]
    assert (bought["start_date"], bought["end_date"]) == (day("2023-02-01"), day("2023-09-01"))
    held = world.frame("lines").query("customer_id == 'free plan paid add-on' and kind == 'plan'")
    assert held[["start_date", "end_date", "mrr"]].values.tolist() == [[day("2023-02-01"), day("2023-09-01"), 0.0]]
    assert accounts.loc["free plan paid add-on", "first_plan"] == "free"


def test_a_pause_at_nought_is_a_pause(world: Marts, spell: pd.DataFrame) -> None:
    assert list(spell.loc["paused at nought"].index) == [1]
    filler = world.frame("lines").query("customer_id == 'paused at nought' and carried")
    assert filler[["start_date", "end_date", "mrr"]].values.tolist() == [[day("2023-03-01"), day("2023-03-20"), 40.0]]


def test_the_plan_says_why_an_account_left(spell: pd.DataFrame) -> None:
    end = spell.loc[("plan and add-on end", 1)]
    assert (end["end_kind"], end["end_reason"]) == ("voluntary", "left")


def test_age_counts_from_sign_up_but_a_trial_counts_from_its_first_paid_day(spell: pd.DataFrame, world: Marts) -> None:
    assert spell.loc[("trial", 1), ["origin_date", "entry_month"]].tolist() == [day("2023-02-10"), 0]
    # From 31 January to 20 May: the first person-month wholly observed begins on anniversary 4, 31 May.
    late = spell.loc[("long prospect", 1)]
    assert late[["origin_date", "entry_month"]].tolist() == [day("2023-01-31"), 4]
    assert late[["exit_month", "event_month"]].tolist() == [8, True]
    assert spell.loc[("signed up later", 1), "origin_date"] == day("2023-02-10")
    cohort = world.frame("accounts").set_index("customer_id")["cohort_month"]
    assert cohort["trial"] == day("2023-02-01")
    assert pd.isna(cohort["long prospect"])
    assert world.meta.late_entry == 1
    assert any("after their first paid day: 1" in warning for warning in world.meta.warnings)


def test_an_end_on_an_anniversary_is_that_person_months_event(spell: pd.DataFrame) -> None:
    assert spell.loc[("end on anniversary", 1), ["exit_month", "event_month"]].tolist() == [1, True]
    assert spell.loc[("end after anniversary", 1), ["exit_month", "event_month"]].tolist() == [2, True]


def test_the_last_part_month_counts_neither_survivors_nor_events(spell: pd.DataFrame) -> None:
    # Anniversary 17 is 20 June 2024, anniversary 18 lies after the as-of day: the end on 25 June is not counted.
    assert spell.loc[("last part-month", 1), ["event", "exit_month", "event_month"]].tolist() == [True, 17, False]


def test_due_dates_follow_the_start_of_the_unbroken_run_of_one_term(tmp_path) -> None:
    def row(name: str, start: str, end: str | None, term: int | None, product: str = "basic") -> dict[str, object]:
        return {"customer_id": name, "start_date": start, "end_date": end, "billing_months": term, "product": product}

    accounts = (
        build_marts(
            tmp_path,
            as_of="2024-02-29",
            observed_from="2021-12-31",
            subscriptions=[
                row("open row", "2022-08-31", None, 6),
                row("renewed rows", "2022-08-31", "2023-02-28", 6),
                row("renewed rows", "2023-02-28", "2023-08-31", 6),
                row("renewed rows", "2023-08-31", None, 6),
                row("other plan same term", "2023-01-15", "2023-06-01", 12),
                row("other plan same term", "2023-06-01", None, 12, "pro"),
                row("new term", "2023-01-15", "2023-06-01", 1),
                row("new term", "2023-06-01", None, 12, "pro"),
                row("paused", "2022-01-15", "2023-01-15", 12),
                row("paused", "2023-01-25", None, 12),
                row("monthly", "2023-12-31", None, 1),
                row("not stated", "2023-12-31", None, None),
                row("leap day", "2024-02-29", None, 12),
            ],
        )
        .frame("accounts")
        .set_index("customer_id")
    )
    assert accounts["next_due"].dropna().to_dict() == {
        # Due on the as-of day itself (31 August + 18 months, clipped): it has come due, the next is in August.
        "open row": day("2024-08-31"),
        "renewed rows": day("2024-08-31"),
        "other plan same term": day("2025-01-15"),
        "new term": day("2024-06-01"),
        "paused": day("2025-01-25"),
        "monthly": day("2024-03-31"),
        "leap day": day("2025-02-28"),
    }


@pytest.mark.parametrize("grace_days", [0, 7, 31])
def test_lines_and_spells_agree_with_living_through_every_day(tmp_path, grace_days: int) -> None:
    rows = random_rows(11 + grace_days, accounts=60, first=FIRST, last=AS_OF)
    # Accounts of the reference know nothing of one another; an end beyond the as-of day is still open.
    marts = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2021-12-31",
        grace_days=grace_days,
        subscriptions=[{"customer_id": name, **row} for name, held in rows.items() for row in held],
    )
    got_spells, got_lines = marts.frame("spells"), marts.table("lines").to_pyarrow().to_pylist()
    returned = 0
    for name, held in rows.items():
        filled = carried(daily_mrr(held, first=FIRST, last=AS_OF), grace_days=grace_days)
        expected = spells(filled, as_of=AS_OF)
        mine = got_spells[got_spells["customer_id"] == name]
        assert [
            (start.date(), None if pd.isna(end) else end.date())
            for start, end in zip(mine["start_date"], mine["end_date"], strict=True)
        ] == expected
        assert mine["event"].tolist() == [end is not None for _, end in expected]
        returned += len(expected) > 1
        total: dict[date, Decimal] = {}
        for line in (line for line in got_lines if line["customer_id"] == name):
            at = line["start_date"]
            while at <= AS_OF and (line["end_date"] is None or at < line["end_date"]):
                total[at] = total.get(at, Decimal(0)) + line["mrr"]
                at += timedelta(days=1)
        assert total == filled
        if expected:
            origin, end = expected[0]
            whole = max(k for k in range(40) if anniversary(origin, k) <= AS_OF)
            churned = None if end is None else min(k for k in range(40) if anniversary(origin, k) >= end)
            row = mine.iloc[0]
            assert row["exit_month"] == (whole if churned is None else min(churned, whole))
            assert row["event_month"] == (churned is not None and churned <= whole)
    assert returned > 5
