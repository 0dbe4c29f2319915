"""The data-quality chapter's tables, against counts made by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from customer_value import intake, marts
from customer_value.intake.contract import BY_NAME
from customer_value.studies import data_quality

SUBSCRIPTIONS = """customer_id,start_date,end_date,mrr
a,2024-01-05,2024-02-05,10
a,2024-02-05,,10
b,2024-01-10,2024-03-10,20
c,2024-03-01,,30
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data_quality")
    (folder / "subscriptions.csv").write_text(SUBSCRIPTIONS, encoding="utf-8")
    (folder / "customers.csv").write_text("customer_id,industry\na,x\nb,y\nc,z\n", encoding="utf-8")
    loaded = intake.load(folder, out=folder / "tables", as_of=date(2024, 4, 30))
    return loaded, marts.build(loaded.folder, folder / "marts", grace_days=31)


def test_rules_put_what_is_broken_first(made):
    result = data_quality.rules(made[0].quality())
    broken = result.table["estimate"] > 0
    assert {"stale", "unknown_column"} <= set(result.table.loc[broken, "rule"])
    assert broken.is_monotonic_decreasing
    assert result.row(table="customers", rule="unknown_column", column="")["verdict"] == "warning"
    assert result.row(table="subscriptions", rule="end_before_start", column="end_date")["verdict"] == "passed"
    broken = data_quality.rules(made[0].quality(), broken_only=True).table
    assert set(broken["rule"]) == set(result.table.loc[result.table["estimate"] > 0, "rule"])


def test_tables_say_what_is_there_and_what_it_adds(made):
    result = data_quality.tables(made[1])
    assert list(result.table["table"].head(2)) == ["subscriptions", "customers"]
    assert result.row(table="invoices")["present"] == "no"
    assert result.row(table="customers")["switches_on"] == BY_NAME["customers"].switches_on
    assert "flat" not in set(result.table["table"])


def test_volumes_count_rows_and_accounts_by_month(made):
    result = data_quality.volumes(made[1])
    found = result.table.pivot(index="month", columns="what", values="n")
    assert list(found.index) == list(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]))
    assert found["rows starting"].tolist() == [2, 1, 1, 0]
    assert found["rows ending"].tolist() == [0, 1, 1, 0]
    assert found["accounts starting"].tolist() == [2, 0, 1, 0]
    assert found["accounts ending"].tolist() == [0, 0, 1, 0]


def test_freshness_counts_days_to_the_as_of_date(made):
    result = data_quality.freshness(made[1])
    assert result.row(what="last start")["estimate"] == 60
    assert result.row(what="last end")["estimate"] == 51


def test_who_is_in_counts_accounts(made):
    result = data_quality.who_is_in(made[1])
    assert result.row(step="accounts")["n"] == 3
    assert result.row(step="active now")["n"] == 2
    known, unknown = result.row(step="start known")["n"], result.row(step="start unknown")["n"]
    assert known + unknown == 3


def test_a_flat_table_has_counts_but_no_dates(tmp_path):
    (tmp_path / "flat.csv").write_text("customer_id,tenure,churned\na,0,no\nb,5,yes\nc,7,no\n", encoding="utf-8")
    loaded = intake.load(tmp_path, out=tmp_path / "tables")
    made = marts.build(loaded.folder, tmp_path / "marts", grace_days=31)
    steps = data_quality.who_is_in(made).table.set_index("step")["n"].to_dict()
    assert steps == {"accounts": 3, "have left": 1, "still there": 2, "tenure 0": 1}
    assert data_quality.freshness(made).table.empty
    assert data_quality.tables(made).table["table"].iloc[0] == "flat"
