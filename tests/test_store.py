"""Marts on disk: what they say of themselves, and that the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import random
from datetime import date
from functools import partial
from pathlib import Path

import ibis
import pyarrow.parquet as pq
import pytest
from ibis import _

from customer_value import marts
from customer_value.errors import DataError
from customer_value.marts import Marts, Meta
from customer_value.marts.spells import opening_stock
from marts_fixtures import build_marts, write_tables
from marts_reference import random_rows

FIRST, AS_OF = date(2022, 1, 1), date(2023, 6, 30)
ROWS = [
    {"customer_id": name, **row}
    for name, held in random_rows(3, accounts=40, first=FIRST, last=AS_OF).items()
    for row in held
]


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def starting(month: str, count: int, *, day: int = 10) -> list[dict[str, object]]:
    return [{"customer_id": f"{month} {number}", "start_date": f"{month}-{day:02d}"} for number in range(count)]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order of the rows in the files and the number of threads."""
    tables = write_tables(tmp_path / "tables", subscriptions=ROWS, as_of=AS_OF, observed_from="2021-12-31")
    first = marts.build(tables, tmp_path / "first", grace_days=31)
    rows = pq.read_table(tables / "subscriptions.parquet")
    shuffled = random.Random(1).sample(range(rows.num_rows), rows.num_rows)
    pq.write_table(rows.take(shuffled), tables / "subscriptions.parquet")
    monkeypatch.setattr(ibis.duckdb, "connect", partial(ibis.duckdb.connect, threads=1))
    second = marts.build(tables, tmp_path / "second", grace_days=31)
    assert digests(first.folder) == digests(second.folder)
    # and another grace is another fingerprint
    third = marts.build(tables, tmp_path / "third", grace_days=30)
    assert third.meta.grace_days == 30
    assert third.meta.fingerprint != first.meta.fingerprint


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    built = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2021-12-31",
        currency="EUR",
        subscriptions=starting("2022-03", 2),
        customers=[{"customer_id": "2022-03 0", "country": "NO"}],
        attributes={"country": {}},
    )
    assert Marts.open(built.folder).meta == built.meta
    assert Meta.from_json(built.meta.to_json()) == built.meta
    assert built.meta.rows == {name: len(built.frame(name)) for name in built.meta.rows}
    assert (built.meta.as_of, built.meta.last_month) == (AS_OF, date(2023, 6, 1))
    assert built.meta.tables == ("customers", "subscriptions")
    assert built.has("customers")
    assert built.has("spells")
    assert not built.has("nps_responses")
    assert not built.has("flat")
    with pytest.raises(KeyError, match="there is no mart 'spels'; there are: "):
        built.table("spels")
    joined = built.table("spells").join(built.table("accounts"), "customer_id")
    assert joined.count().execute() == 2
    assert str(built.table("lines").schema()["mrr"]) == "decimal(18, 4)"


def test_a_folder_without_marts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Marts.open(tmp_path)


def test_a_flat_table_is_a_mart_by_itself(tmp_path: Path) -> None:
    build_marts(tmp_path, as_of=AS_OF, subscriptions=starting("2022-03", 2))
    flat = build_marts(
        tmp_path,
        flat=[
            {"customer_id": "b", "tenure": 12, "churned": False, "mrr": 20, "contract": "annual", "backup": True},
            {"customer_id": "a", "tenure": 0, "churned": True, "backup": False},
        ],
        attributes={"contract": {"table": "flat", "known_at": "current"}},
        features=["backup"],
        observation="snapshot",
        snapshot_window=1,
    )
    assert flat.meta.rows == {"flat": 2}
    # the marts of an earlier build with another shape are gone
    assert sorted(file.name for file in flat.folder.iterdir()) == ["flat.parquet", "marts.json"]
    assert (flat.meta.observation, flat.meta.snapshot_window, flat.meta.as_of) == ("snapshot", 1, None)
    frame = flat.frame("flat")
    assert list(frame) == ["customer_id", "tenure", "churned", "mrr", "contract", "backup"]
    assert frame["customer_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("starts", "observed_from", "stock", "declared", "until"),
    [
        # a jump of more than five times: suspected
        ([("2022-01", 11), ("2022-02", 2)], None, 11, False, date(2022, 1, 31)),
        ([("2022-01", 10), ("2022-02", 2)], None, 0, False, None),
        # nobody in the next month: six are a jump, five are not
        ([("2022-01", 6), ("2022-03", 2)], None, 6, False, date(2022, 1, 31)),
        ([("2022-01", 5), ("2022-03", 2)], None, 0, False, None),
        # declared as complete since before anyone started
        ([("2022-01", 11), ("2022-02", 2)], "2021-12-31", 0, True, None),
        # declared as a stock of the whole month
        ([("2022-01", 11), ("2022-02", 2)], "2022-01-31", 11, True, date(2022, 1, 31)),
        # declared for a day within the month; the rest of the month is a jump all the same
        ([("2022-01", 11), ("2022-02", 2)], "2022-01-01", 11, False, date(2022, 1, 31)),
        # declared for a day within the month, without a jump after it
        ([("2022-01", 4), ("2022-02", 2)], "2022-01-10", 4, True, date(2022, 1, 10)),
        ([("2022-01", 4), ("2022-02", 2)], "2022-01-09", 0, True, None),
    ],
)
def test_who_is_taken_for_opening_stock(
    starts: list[tuple[str, int]], observed_from: str | None, stock: int, declared: bool, until: date | None
) -> None:
    rows = [row for month, count in starts for row in starting(month, count)]
    first_starts = ibis.memtable(
        {name: [row[given] for row in rows] for name, given in (("customer_id",) * 2, ("first_start", "start_date"))}
    ).mutate(first_start=_.first_start.cast("date"))
    found = opening_stock(
        first_starts,
        shape="subscriptions",
        observed_from=None if observed_from is None else date.fromisoformat(observed_from),
    )
    assert (found.until, found.declared) == (until, declared)
    assert bool(found.reason) == (bool(stock) and not declared)
    counted = sum(date.fromisoformat(row["start_date"]) <= (found.until or date.min) for row in rows)
    assert counted == stock


def test_a_suspected_opening_stock_is_out_of_cohorts_and_movements_start_after_it(tmp_path: Path) -> None:
    rows = starting("2022-01", 11) + starting("2022-02", 2)
    built = build_marts(tmp_path, as_of=AS_OF, subscriptions=rows)
    assert (built.meta.opening_stock, built.meta.opening_stock_declared) == (11, False)
    assert (built.meta.first_month, built.meta.complete_from) == (date(2022, 2, 1), date(2022, 1, 31))
    assert "11 accounts start in the first month and 2 in the next" in built.meta.warnings[0]
    accounts = built.frame("accounts")
    stock = set(accounts.loc[accounts["opening_stock"], "customer_id"])
    assert stock == {row["customer_id"] for row in rows[:11]}
    assert accounts.set_index("customer_id")[["origin_date", "cohort_month"]].isna().sum().tolist() == [11, 11]
    assert not stock & set(built.frame("age_months")["customer_id"])
    months = built.frame("calendar_months")
    assert months["month"].min().date() == date(2022, 2, 1)
    assert (months["movement"] == "new").sum() == 2


def test_an_opening_stock_with_sign_up_dates_enters_late(tmp_path: Path) -> None:
    built = build_marts(
        tmp_path,
        as_of=AS_OF,
        observed_from="2022-01-01",
        subscriptions=[
            {"customer_id": name, "start_date": "2022-01-01", "end_date": end}
            for name, end in (("old", None), ("left soon", "2022-01-10"), ("unknown", None), ("of the day", None))
        ]
        + [{"customer_id": "older rows", "start_date": "2020-07-01"}],
        customers=[
            {"customer_id": "old", "signup_date": "2020-05-31"},
            {"customer_id": "left soon", "signup_date": "2020-05-31"},
            {"customer_id": "of the day", "signup_date": "2022-01-01"},
            {"customer_id": "older rows", "signup_date": "2020-05-31"},
        ],
    )
    assert (built.meta.opening_stock, built.meta.unknown_start, built.meta.late_entry) == (5, 1, 3)
    spells = built.frame("spells").set_index("customer_id")
    # Anniversary 19 is 31 December 2021, anniversary 20 the first within the data; anniversary 37 is the as-of day.
    assert spells.loc["old", ["entry_month", "exit_month", "event_month"]].tolist() == [20, 37, False]
    # What happened before the declared day is known of those who stayed only.
    assert spells.loc["older rows", ["entry_month", "exit_month"]].tolist() == [20, 37]
    # Left before its first whole person-month in view: at risk in none, so no event either.
    assert spells.loc["left soon", ["entry_month", "exit_month", "event_month"]].tolist() == [20, 20, False]
    assert spells.loc["left soon", "event"]
    assert spells.loc["unknown", ["origin_date", "entry_month", "exit_month", "event_month"]].isna().all()
    cohorts = built.frame("accounts").set_index("customer_id")["cohort_month"]
    assert cohorts.index[cohorts.notna()].tolist() == ["of the day"]


def test_the_first_month_of_snapshots_is_always_a_stock(tmp_path: Path) -> None:
    rows = starting("2022-01", 2, day=1) + starting("2022-02", 2, day=1)
    built = build_marts(tmp_path / "a", as_of=AS_OF, shape="snapshots", subscriptions=rows)
    assert (built.meta.opening_stock, built.meta.opening_stock_declared) == (2, False)
    assert "Monthly snapshots" in built.meta.warnings[0]
    settled = build_marts(
        tmp_path / "b", as_of=AS_OF, shape="snapshots", observed_from="2021-12-31", subscriptions=rows
    )
    assert settled.meta.opening_stock == 0


def test_an_attribute_must_not_bear_a_name_of_ours(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"customers\.plan, status\n.*such as plan_given"):
        build_marts(
            tmp_path,
            as_of=AS_OF,
            subscriptions=starting("2022-01", 1),
            customers=[],
            attributes={"status": {}, "plan": {}, "country": {}},
        )


def test_somebody_must_pay(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="At least one account must pay something"):
        build_marts(tmp_path, as_of=AS_OF, subscriptions=[{"customer_id": "a", "start_date": "2022-01-01", "mrr": 0}])
    with pytest.raises(FileNotFoundError):
        Marts.open(tmp_path / "marts")
