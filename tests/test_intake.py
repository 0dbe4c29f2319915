"""What intake writes: the cut, prices, shapes, and the same bytes whatever the order or the future."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_value import intake
from customer_value.csv_safe import defuse, write_csv
from customer_value.intake.contract import SUBSCRIPTION_OUTPUT
from customer_value.intake.sources import Sources


def put(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def rows(loaded: intake.Intake, columns: str = "*", table: str = "subscriptions") -> list[tuple]:
    return duckdb.sql(f"SELECT {columns} FROM '{loaded.path(table)}'").fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


SUBSCRIPTIONS = """customer_id,start_date,end_date,mrr,end_reason,end_kind
a,2023-11-05,2024-01-01,10,price,voluntary
a,2024-01-01,2024-02-01,12,,
b,2023-12-01,2024-06-30,20,later,Voluntary
c,2023-12-02,,30,,
d,2024-01-02,,40,,
"""


def test_the_cut(tmp_path):
    loaded = intake.load(put(tmp_path, subscriptions=SUBSCRIPTIONS), out=tmp_path / "out", as_of=date(2024, 1, 1))
    assert rows(loaded, "customer_id, start_date, end_date, end_reason, end_kind") == [
        # Ended on the as-of day and renewed that day: both rows are known.
        ("a", date(2023, 11, 5), date(2024, 1, 1), "price", "voluntary"),
        ("a", date(2024, 1, 1), None, None, None),
        # The end is later than the as-of date: not yet known, nor is its reason.
        ("b", date(2023, 12, 1), None, None, None),
        ("c", date(2023, 12, 2), None, None, None),
    ]
    assert loaded.as_of_given


def test_the_schema_is_always_whole(tmp_path):
    loaded = intake.load(put(tmp_path, subscriptions=SUBSCRIPTIONS), out=tmp_path / "out", as_of=date(2024, 1, 1))
    described = duckdb.sql(f"DESCRIBE FROM '{loaded.path('subscriptions')}'").fetchall()
    assert [row[0] for row in described] == list(SUBSCRIPTION_OUTPUT)
    types = {row[0]: row[1] for row in described}
    assert types["mrr"] == types["list_mrr"] == "DECIMAL(18,4)"
    assert types["start_date"] == types["end_date"] == "DATE"
    assert rows(loaded, "DISTINCT kind, product") == [("plan", "subscription")]


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (("2024-01-05", "2024-03-31"), date(2024, 3, 31)),
        (("2024-01-05", "2024-03-30"), date(2024, 2, 29)),
    ],
)
def test_the_default_as_of_date(tmp_path, starts, expected):
    text = "customer_id,start_date,end_date,mrr\n" + "".join(
        f"{name},{start},2025-12-31,1\n" for name, start in zip("abc", ("2024-01-02", *starts), strict=True)
    )
    loaded = intake.load(put(tmp_path, subscriptions=text), out=tmp_path / "out")
    assert (loaded.as_of, loaded.as_of_given) == (expected, False)


def test_other_tables_are_cut_by_their_own_clocks(tmp_path):
    put(
        tmp_path,
        subscriptions=SUBSCRIPTIONS,
        activity_monthly="customer_id,month,events\na,2023-11,1\na,2023-12-15,2\na,2024-01,3\n",
        usage_events="customer_id,event_time,feature\na,2024-01-01T23:59:59Z,x\na,2024-01-02 00:00,x\n",
        invoices="customer_id,issued_on,due_on,amount,paid_on,status\na,2023-12-01,2023-12-31,5,2024-01-05,paid\n",
        customers="customer_id,signup_date\na,2023-01-01\nb,\nc,2024-01-05\nd,\ne,2024-01-02\nf,2023-05-05\n",
        support_tickets="customer_id,opened_at,closed_at\n"
        "a,2023-12-01,2024-01-01 10:00\nb,2023-12-01,2024-01-02 10:00\n",
    )
    loaded = intake.load(tmp_path, out=tmp_path / "out", as_of=date(2024, 1, 1))
    assert rows(loaded, "month, events", "activity_monthly") == [(date(2023, 11, 1), 1), (date(2023, 12, 1), 2)]
    assert rows(loaded, "count(*)", "usage_events") == [(1,)]
    assert rows(loaded, "paid_on, status", "invoices") == [(None, None)]
    assert rows(loaded, "customer_id, signup_date", "customers") == [
        ("a", date(2023, 1, 1)),
        ("b", None),
        ("c", None),  # a sign-up after the as-of date is not yet known
        ("f", date(2023, 5, 5)),
    ]
    assert [row[0] is None for row in rows(loaded, "closed_at", "support_tickets")] == [False, True]


def test_prices_from_amounts(tmp_path):
    text = """customer_id,start_date,end_date,amount,billing_months,mrr
a,2023-01-15,,1200,12,
b,2023-01-15,2024-01-15,1200,,
c,2023-01-31,2023-02-28,28,,
d,2023-01-01,2023-02-15,150,,
e,2023-01-01,,10,0.23076923,
f,2023-01-01,,10,12,7
"""
    loaded = intake.load(put(tmp_path, subscriptions=text), out=tmp_path / "out", as_of=date(2023, 6, 30))
    found = dict(rows(loaded, "customer_id, mrr"))
    assert found["a"] == found["b"] == Decimal("100.0000")
    # A month from 31 January ends on 28 February: one whole month.
    assert found["c"] == Decimal("28.0000")
    # One month and 14 of February's 28 days.
    assert found["d"] == Decimal("100.0000")
    # A week is 12/52 of a month.
    assert abs(found["e"] - Decimal("43.3333")) < Decimal("0.001")
    assert found["f"] == Decimal("7.0000")
    # The end of b is not known yet, its price is.
    assert dict(rows(loaded, "customer_id, end_date"))["b"] is None


def test_long_snapshots_become_runs(tmp_path):
    text = """customer_id,month,mrr,plan,seats
a,2024-01-31,10,basic,1
a,2024-02-29,10,basic,1
a,2024-03-31,10,pro,1
b,2024-01-31,5,basic,2
b,2024-02-29,,basic,2
b,2024-03-31,5,basic,3
"""
    loaded = intake.load(put(tmp_path, mrr_snapshots=text), out=tmp_path / "out")
    expected = [
        ("a", "basic", date(2024, 1, 1), date(2024, 3, 1), 1.0),
        ("a", "pro", date(2024, 3, 1), None, 1.0),
        ("b", "basic", date(2024, 1, 1), date(2024, 2, 1), 2.0),
        ("b", "basic", date(2024, 3, 1), None, 3.0),
    ]
    assert rows(loaded, "customer_id, product, start_date, end_date, quantity") == expected
    assert (loaded.shape, loaded.as_of, list(loaded.tables)) == ("snapshots", date(2024, 3, 31), ["subscriptions"])
    # In the middle of March the last whole month is February: who was there then still is.
    earlier = intake.load(tmp_path, out=tmp_path / "early", as_of=date(2024, 3, 15))
    assert rows(earlier, "customer_id, start_date, end_date") == [
        ("a", date(2024, 1, 1), None),
        ("b", date(2024, 1, 1), date(2024, 2, 1)),
    ]


DAY = st.integers(0, 500).map(lambda days: date(2023, 1, 1) + timedelta(days=days))
CUSTOMER = st.sampled_from([f"c{place}" for place in range(8)])
AS_OF = date(2024, 1, 20)


@st.composite
def subscription_rows(draw):
    start = draw(DAY)
    length = draw(st.one_of(st.none(), st.integers(0, 400)))
    end = "" if length is None else str(start + timedelta(days=length))
    return f"{draw(CUSTOMER)},{start},{end},{draw(st.integers(1, 5))}"


@settings(max_examples=10)
@given(
    past=st.lists(subscription_rows(), min_size=5, max_size=25),
    shuffled=st.randoms(use_true_random=False),
    future=st.lists(subscription_rows(), max_size=8),
)
def test_order_and_future_change_no_byte(tmp_path_factory, past, shuffled, future):
    base = ["k1,2023-01-01,,1", "k2,2023-01-02,,1", f"k3,{AS_OF},,1", *past]
    later = [f"n{row}" for row in future] + [f"k1,{AS_OF + timedelta(days=1)},,3"]
    later = [row for row in later if date.fromisoformat(row.split(",")[1]) > AS_OF]
    customers = sorted({row.split(",")[0] for row in base})
    events = [f"{name},2023-06-0{1 + place % 9},x" for place, name in enumerate(customers)]

    def run(subscriptions, signed, used):
        folder = tmp_path_factory.mktemp("order")
        put(
            folder / "in",
            subscriptions="customer_id,start_date,end_date,mrr\n" + "\n".join(subscriptions),
            customers="customer_id,name\n" + "\n".join(signed),
            usage_events="customer_id,event_time,feature\n" + "\n".join(used),
        )
        lenient = {"subscriptions": 1.0, "other": 1.0}
        intake.load(folder / "in", out=folder / "out", as_of=AS_OF, max_set_aside=lenient)
        return contents(folder / "out")

    names = [f"{name},name" for name in customers]
    first = run(base, names, events)
    mixed = list(base)
    shuffled.shuffle(mixed)
    assert run(mixed, names[::-1], events[::-1]) == first
    newcomers = sorted({row.split(",")[0] for row in later} - set(customers))
    with_future = run(
        [*later, *base],
        [*names, *(f"{name},new" for name in newcomers)],
        [*events, f"k1,{AS_OF + timedelta(days=1)},x"],
    )
    assert with_future == first


def test_open_reads_back_what_was_written(tmp_path):
    loaded = intake.load(put(tmp_path, subscriptions=SUBSCRIPTIONS), out=tmp_path / "out", as_of=date(2024, 1, 1))
    assert intake.Intake.open(tmp_path / "out") == loaded
    written = json.loads((tmp_path / "out" / "intake.json").read_text())
    assert list(written) == sorted(written)
    assert len(written["fingerprint"]) == 64


def test_the_fingerprint_moves_with_data_and_declarations(tmp_path):
    put(tmp_path, subscriptions=SUBSCRIPTIONS)
    prints = {
        intake.load(tmp_path, out=tmp_path / "o", as_of=day).fingerprint
        for day in (date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3))
    }
    assert len(prints) == 3


def test_an_older_folder_is_replaced_whole(tmp_path):
    put(tmp_path / "in", subscriptions=SUBSCRIPTIONS, plans="plan,rank\nbasic,1\n")
    intake.load(tmp_path / "in", out=tmp_path / "out", as_of=date(2024, 1, 1))
    (tmp_path / "in" / "plans.csv").unlink()
    intake.load(tmp_path / "in", out=tmp_path / "out", as_of=date(2024, 1, 1))
    assert not (tmp_path / "out" / "plans.parquet").exists()


def test_names_stay_text(tmp_path):
    put(
        tmp_path,
        subscriptions=SUBSCRIPTIONS,
        customers='customer_id,name\na,<script>alert(1)</script>\nb,"=1+1"\nc,O\'Brien; DROP TABLE x\n',
    )
    loaded = intake.load(tmp_path, out=tmp_path / "out", as_of=date(2024, 1, 1))
    assert [row[0] for row in rows(loaded, "name", "customers")] == [
        "<script>alert(1)</script>",
        "=1+1",
        "O'Brien; DROP TABLE x",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("  =1", "'  =1"),
        ("-12.5", "-12.5"),
        ("+3", "+3"),
        ("-1,234.50", "-1,234.50"),
        ("plain", "plain"),
        ("", ""),
        (-5, -5),
        (None, None),
    ],
)
def test_formulas_are_defused_and_numbers_are_not(given, expected):
    assert defuse(given) == expected


def test_written_csv_is_plain_and_repeatable(tmp_path):
    frame = pd.DataFrame(
        {"=name": ["=1", "ok", None], "x": [-1.5, float("nan"), 2 / 3], "d": pd.to_datetime(["2024-01-02"] * 3)}
    )
    write_csv(frame, tmp_path / "deep" / "a.csv")
    assert (tmp_path / "deep" / "a.csv").read_bytes() == (
        b"'=name,x,d\n'=1,-1.5,2024-01-02\nok,,2024-01-02\n,0.6666666667,2024-01-02\n"
    )
    assert list(frame.columns) == ["=name", "x", "d"]


@pytest.fixture(scope="module")
def crm(shared, root, tmp_path_factory):
    return intake.load(
        shared / "crm",
        mapping=root / "data" / "mappings" / "crm.yml",
        out=tmp_path_factory.mktemp("crm"),
        as_of=date(2024, 1, 1),
    )


def test_crm_states_are_those_known_from_elsewhere(crm):
    def state(day):
        return rows(
            crm,
            f"count(DISTINCT customer_id) FILTER (WHERE {day}), sum(mrr) FILTER (WHERE {day})".replace(
                str(day), f"start_date <= DATE '{day}' AND (end_date IS NULL OR end_date > DATE '{day}')"
            ),
        )[0]

    # shared/data/README.md: state of 2023-01-01, 666 accounts with 728,906; 664 at the close of 2022-12-31.
    assert state("2023-01-01") == (666, Decimal("728906.0000"))
    assert state("2022-12-31")[0] == 664


def test_crm_keeps_the_renewals_of_the_as_of_day(crm):
    # 22 accounts have a row that ends on 2024-01-01 and one that starts then.
    found = rows(
        crm,
        "count(DISTINCT customer_id) FILTER (WHERE end_date = DATE '2024-01-01' AND customer_id IN (SELECT customer_id"
        f" FROM '{crm.path('subscriptions')}' WHERE start_date = DATE '2024-01-01'))",
    )
    assert found == [(22,)]
    assert rows(crm, "max(start_date), max(end_date)") == [(date(2024, 1, 1), date(2024, 1, 1))]
    assert rows(crm, "max(month)", "activity_monthly") == [(date(2023, 12, 1),)]


def test_crm_plans_are_without_their_terms(crm):
    found = rows(crm, "DISTINCT kind, product, unit")
    assert sorted(found, key=str) == sorted(
        [("plan", name, "users") for name in ("starter", "basic", "standard", "advanced", "premier")]
        + [("addon", name, None) for name in ("meetings", "search_unlimited")],
        key=str,
    )
    assert sorted(rows(crm, "DISTINCT billing_months")) == [(1.0,), (6.0,), (12.0,)]
    assert rows(crm, "count(*) FILTER (WHERE mrr > list_mrr OR list_mrr IS NULL)") == [(0,)]
    assert crm.attributes["channel"].known_at == crm.attributes["country"].known_at == "signup"
    assert crm.observed_from == date(2022, 1, 1)


def test_telco_is_flat_with_tenure_as_it_is(shared, root, tmp_path):
    loaded = intake.load(shared / "telco", mapping=root / "data" / "mappings" / "telco.yml", out=tmp_path)
    assert (loaded.shape, loaded.as_of, loaded.observation) == ("flat", None, None)
    assert rows(loaded, "count(*), count(*) FILTER (WHERE tenure = 0), sum(churned::INT)", "flat") == [(7043, 11, 1869)]
    assert len(loaded.features) == 6
    assert {attribute.known_at for attribute in loaded.attributes.values()} == {"current"}
    with Sources(shared / "telco") as sources:
        assert sources.relation("Telco-Customer-Churn").rows == 7043
