"""Closed cohorts between two closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from customer_value.errors import SettingsError
from customer_value.intake import load
from customer_value.marts import Marts, build
from customer_value.marts.bases import default_period, period_base, state_at
from marts_fixtures import build_marts

START, END = date(2023, 6, 30), date(2024, 6, 30)


def row(name: str, start: str, end: str | None = None, mrr: float = 100, **more: object) -> dict[str, object]:
    return {"customer_id": name, "start_date": start, "end_date": end, "mrr": mrr, **more}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    return build_marts(
        tmp_path_factory.mktemp("bases"),
        as_of="2024-07-20",
        observed_from="2021-12-31",
        subscriptions=[
            row("stays", "2023-01-01", "2024-01-01", quantity=5, billing_months=12),
            row("stays", "2024-01-01", None, 130, quantity=6, billing_months=12),
            row("leaves", "2023-01-01", "2024-06-30", end_kind="voluntary", end_reason="price"),
            row("left on the first close", "2023-01-01", "2023-06-30"),
            row("leaves after", "2023-01-01", "2024-07-01"),
            row("returns", "2023-01-01", "2023-09-01", end_kind="involuntary"),
            row("returns", "2024-02-01", None, 80),
            row("returns and leaves again", "2023-01-01", "2023-09-01", end_kind="involuntary", end_reason="first"),
            row("returns and leaves again", "2024-02-01", "2024-04-01", 80, end_kind="voluntary", end_reason="second"),
            row("had returned before", "2022-01-01", "2022-06-01"),
            row("had returned before", "2023-01-01"),
            row("pauses", "2023-01-01", "2024-06-15"),
            row("pauses", "2024-07-10", None, 60),
            row("new", "2023-07-01"),
            row("not due", "2023-06-30", None, billing_months=24),
            row("due at the end", "2022-06-30", None, billing_months=24),
            row("due at the start", "2022-06-30", None, billing_months=12),
            row("leaves before due", "2023-04-10", "2023-11-02", billing_months=12),
        ],
        customers=[{"customer_id": "stays", "name": "Stays & Co", "country": "NO", "staff": 12}],
        attributes={"country": {}, "staff": {"kind": "number", "known_at": "current"}},
    )


@pytest.fixture(scope="module")
def base(world: Marts) -> pd.DataFrame:
    return period_base(world, start=START, end=END).set_index("customer_id")


def test_the_base_is_who_is_active_at_the_first_close(base: pd.DataFrame) -> None:
    assert "new" not in base.index
    assert "left on the first close" not in base.index
    assert len(base) == 11


def test_what_became_of_them(base: pd.DataFrame) -> None:
    money = base[["start_mrr", "end_mrr", "returned_mrr", "lost"]].apply(tuple, axis=1)
    assert money["stays"] == (100.0, 130.0, 0.0, False)
    assert money["leaves"] == (100.0, 0.0, 0.0, True)
    assert money["leaves after"] == (100.0, 100.0, 0.0, False)
    assert money["returns"] == (100.0, 0.0, 80.0, True)
    assert money["returns and leaves again"] == (100.0, 0.0, 0.0, True)
    assert money["had returned before"] == (100.0, 100.0, 0.0, False)
    assert money["pauses"] == (100.0, 100.0, 0.0, False)
    assert base.loc["leaves", ["end_kind", "end_reason"]].tolist() == ["voluntary", "price"]
    assert base.loc["returns and leaves again", ["end_kind", "end_reason"]].tolist() == ["involuntary", "first"]
    assert base.loc["stays", ["end_kind", "end_reason"]].isna().all()


def test_due_means_after_the_first_close_and_by_the_second(base: pd.DataFrame) -> None:
    assert set(base.index[base["due"]]) == {"stays", "due at the end", "due at the start", "leaves before due"}


def test_what_is_known_of_the_accounts_comes_along(base: pd.DataFrame) -> None:
    known = base.loc["stays", ["plan", "term", "seats", "name", "country", "staff", "first_plan", "first_mrr"]]
    assert known.tolist() == ["basic", 12, 5, "Stays & Co", "NO", 12.0, "basic", 100.0]
    assert pd.isna(base.loc["leaves", "country"])
    assert base.loc["stays", "cohort_month"] == pd.Timestamp("2023-01-01")


def test_a_period_outside_what_is_known_is_refused(world: Marts, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Nothing is known after the as-of day\.\n  got:      2024-07-21"):
        period_base(world, start=START, end=date(2024, 7, 21))
    with pytest.raises(SettingsError, match="must start before it ends"):
        period_base(world, start=END, end=END)
    with pytest.raises(SettingsError, match=r"must not start before the data are complete.*\n  got:      2021-06-30"):
        period_base(world, start=date(2021, 6, 30), end=END)
    gone = build_marts(
        tmp_path / "gone",
        as_of="2023-12-31",
        observed_from="2021-12-31",
        subscriptions=[row("a", "2023-01-01", "2023-02-01"), row("b", "2023-10-01")],
    )
    with pytest.raises(SettingsError, match="Nobody is a customer"):
        period_base(gone, start=date(2023, 6, 30), end=date(2023, 12, 31))


@pytest.mark.parametrize(
    ("complete_from", "last_month", "expected"),
    [
        (date(2021, 12, 31), date(2024, 6, 1), (date(2023, 6, 30), date(2024, 6, 30))),
        (date(2021, 12, 31), date(2024, 2, 1), (date(2023, 2, 28), date(2024, 2, 29))),
        (date(2023, 3, 31), date(2023, 8, 1), (date(2023, 3, 31), date(2023, 8, 31))),
        (date(2023, 7, 31), date(2023, 8, 1), (date(2023, 7, 31), date(2023, 8, 31))),
        # Begun within a month: at the close before it nobody was there.
        (date(2023, 4, 17), date(2023, 8, 1), (date(2023, 4, 30), date(2023, 8, 31))),
    ],
)
def test_default_period(world: Marts, complete_from: date, last_month: date, expected: tuple[date, date]) -> None:
    assert default_period(replace(world.meta, complete_from=complete_from, last_month=last_month)) == expected


def test_no_default_period_without_a_whole_month(tmp_path: Path) -> None:
    built = build_marts(
        tmp_path, as_of="2024-06-20", observed_from="2024-05-31", subscriptions=[row("a", "2024-05-31")]
    )
    assert built.frame("calendar_months").empty
    with pytest.raises(SettingsError, match="at least one whole month"):
        default_period(built.meta)
    flat = build_marts(tmp_path / "flat", flat=[{"customer_id": "a", "tenure": 3, "churned": True}])
    with pytest.raises(SettingsError, match="at least one whole month"):
        default_period(flat.meta)
    with pytest.raises(SettingsError, match="no calendar"):
        state_at(flat, date(2024, 1, 1))


@pytest.fixture(scope="module")
def crm(root: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """The crm export the way a report reads it: through the shipped mapping and the intake."""
    folder = tmp_path_factory.mktemp("crm")
    load(
        shared / "crm",
        mapping=root / "data" / "mappings" / "crm.yml",
        out=folder / "tables",
        as_of=date(2024, 1, 1),
        grace_days=31,
        max_set_aside=None,
    )
    return build(folder / "tables", folder / "marts", grace_days=31)


def retention(base: pd.DataFrame) -> tuple[float, float]:
    kept = base[["start_mrr", "end_mrr"]].min(axis=1).sum()
    return base["end_mrr"].sum() / base["start_mrr"].sum(), kept / base["start_mrr"].sum()


def test_crm_between_the_states_of_two_firsts_of_the_month(crm: Marts) -> None:
    """Known from independent SQL over the same tables (README beside the data)."""
    base = period_base(crm, start=date(2023, 1, 1), end=date(2023, 2, 1))
    assert (len(base), base["lost"].sum()) == (666, 11)
    assert (base["start_mrr"].sum(), base["end_mrr"].sum()) == (728_906, 724_868)
    assert retention(base)[0] == pytest.approx(0.9944602, abs=5e-8)
    lost = base["lost"]
    assert base.loc[lost, "start_mrr"].sum() == 9_416
    assert (base["start_mrr"] - base["end_mrr"])[~lost].clip(lower=0).sum() == 1_018


def test_crm_in_a_calendar_month_comes_out_alike_from_states_and_from_movements(crm: Marts) -> None:
    """Known from independent SQL over the same tables (README beside the data)."""
    base = period_base(crm, start=date(2022, 12, 31), end=date(2023, 1, 31))
    months = crm.frame("calendar_months")
    month = months[(months["month"] == "2023-01-01") & months["opening_active"]].rename(
        columns={"opening_mrr": "start_mrr", "closing_mrr": "end_mrr"}
    )
    for accounts, lost in ((base, base["lost"]), (month, month["movement"] == "churn")):
        assert (len(accounts), lost.sum()) == (664, 11)
        assert retention(accounts) == pytest.approx((0.9937630, 0.9856597), abs=5e-8)


def test_crm_in_a_calendar_year_by_two_dates_only(crm: Marts) -> None:
    """Known from independent SQL over the same tables (README beside the data); no account there left and returned."""
    first = state_at(crm, date(2022, 12, 31)).set_index("customer_id")["mrr"]
    last = state_at(crm, date(2023, 12, 31)).set_index("customer_id")["mrr"].reindex(first.index).fillna(0)
    ends = pd.DataFrame({"start_mrr": first, "end_mrr": last})
    assert (len(ends), (last == 0).sum()) == (664, 136)
    assert retention(ends) == pytest.approx((0.8392079, 0.7859491), abs=5e-8)
    closed = period_base(crm, start=date(2022, 12, 31), end=date(2023, 12, 31))
    assert closed["lost"].sum() == 136
    assert retention(closed) == pytest.approx((0.8392079, 0.7859491), abs=5e-8)


def test_crm_renewals_on_the_as_of_day_are_not_churn(crm: Marts, shared: Path) -> None:
    months = crm.frame("calendar_months")
    december = months[months["month"] == "2023-12-01"]
    assert (december["movement"] == "churn").sum() == 18
    renewed = duckdb.sql(
        f"""
        SELECT DISTINCT account_id::VARCHAR FROM read_csv('{shared / "crm" / "subscription.csv"}')
        WHERE end_date = DATE '2024-01-01'
        """
    ).fetchall()
    assert len(renewed) == 22
    accounts = crm.frame("accounts").set_index("customer_id")
    assert set(accounts.loc[[name for (name,) in renewed], "status"]) == {"active"}


def test_crm_opening_stock_is_found(crm: Marts) -> None:
    """500 accounts are an opening stock (README beside the data); only 16 of them have a row that starts on the day."""
    assert crm.meta.opening_stock == 500
    assert crm.meta.unknown_start == 500
    assert crm.meta.first_month == date(2022, 2, 1)
    assert "484 accounts start in the first month and 20 in the next" in crm.meta.warnings[0]


def test_crm_gaps_of_a_day_or_two_are_carried(crm: Marts) -> None:
    lines = crm.frame("lines")
    gaps = lines.loc[lines["carried"], ["customer_id", "start_date", "end_date"]].drop_duplicates()
    assert len(gaps) == 4
    assert (gaps["end_date"] - gaps["start_date"]).dt.days.between(1, 2).all()
    assert (crm.frame("spells")["spell"] == 1).all()


def test_a_company_younger_than_a_year_is_looked_at_from_its_first_close(tmp_path) -> None:
    rows = [{"customer_id": f"a{i}", "start_date": str(date(2024, 3, 9) + timedelta(days=5 * i))} for i in range(30)]
    young = build_marts(tmp_path, subscriptions=rows, as_of="2024-08-31", observed_from="2024-02-29")
    assert default_period(young.meta) == (date(2024, 3, 31), date(2024, 8, 31))
    assert len(period_base(young, start=date(2024, 3, 31), end=date(2024, 8, 31))) == 5


def test_asking_twice_gives_the_same_and_what_is_done_to_an_answer_stays_there(tmp_path) -> None:
    rows = [{"customer_id": name, "start_date": "2024-01-05"} for name in "ab"]
    built = build_marts(tmp_path, subscriptions=rows, as_of="2024-08-31", observed_from="2023-12-31")
    span = {"start": date(2024, 2, 29), "end": date(2024, 8, 31)}
    first = period_base(built, **span)
    kept = first.copy()
    first["start_mrr"] = 0.0
    pd.testing.assert_frame_equal(period_base(built, **span), kept)


def test_the_first_state_of_a_stock_is_not_an_add_on_that_reaches_further_back(tmp_path) -> None:
    # The plan's row of 2022 ended with a change of seats before the data begin and is not in the export.
    rows = [
        {"customer_id": "a", "start_date": "2022-11-01", "kind": "addon", "product": "support", "mrr": 10},
        {"customer_id": "a", "start_date": "2023-01-01", "product": "pro", "mrr": 90, "billing_months": 12},
        {"customer_id": "b", "start_date": "2023-08-01", "kind": "addon", "product": "support", "mrr": 10},
        {"customer_id": "b", "start_date": "2023-09-15", "product": "pro", "mrr": 90, "billing_months": 12},
    ]
    accounts = build_marts(tmp_path, subscriptions=rows, as_of="2024-08-31", observed_from="2023-06-30").frame(
        "accounts"
    )
    known = accounts.set_index("customer_id")[["first_plan", "first_term", "first_mrr"]]
    assert known.loc["a"].tolist() == ["pro", 12, 100]
    # An account seen from its start that really began with an add-on alone has no first plan.
    assert known.loc["b", "first_mrr"] == 10
    assert known.loc["b", ["first_plan", "first_term"]].isna().all()
