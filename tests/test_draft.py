"""A draft recognises the four shapes, asks where it cannot know, and is itself a mapping."""

from __future__ import annotations

import pytest

from customer_value import intake
from customer_value.errors import DataError
from customer_value.intake import mapping
from customer_value.intake.draft import draft
from customer_value.report.check import save_draft


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_subscriptions_and_customers(tmp_path):
    write(
        tmp_path,
        subs="Account ID,Plan Name,Started At,Ended At,Monthly Price,Seats\n"
        "1,pro,2024-01-05,,10,2\n2,pro,2024-02-05,,9,2\n"
        "2,pro,2024-03-05,,9,2\n",
        clients="id,company,industry\n1,Acme,x\n2,Beta,y\n",
        notes="foo,bar\n1,2\n",
    )
    text = draft(tmp_path)
    parsed = mapping.parse(text)
    columns = {name: reading.source for name, reading in parsed.tables["subscriptions"].columns.items()}
    assert columns == {
        "customer_id": "Account ID",
        "product": "Plan Name",
        "start_date": "Started At",
        "end_date": "Ended At",
        "mrr": "Monthly Price",
        "quantity": "Seats",
    }
    assert list(parsed.tables["customers"].attributes) == ["industry"]
    assert "TODO: signup" in text
    assert "# not used: notes (foo, bar)" in text
    (tmp_path / "m.yml").write_text(text, encoding="utf-8")
    assert intake.load(tmp_path, mapping=tmp_path / "m.yml", out=tmp_path / "out").tables["customers"] == 2


def test_dates_that_can_be_read_two_ways_are_asked_for(tmp_path):
    write(tmp_path, subs="customer,start,mrr\n1,05/01/2024,10\n2,06/02/2024,9\n")
    assert "TODO: %d/%m/%Y and %m/%d/%Y both fit; which is it?" in draft(tmp_path)
    write(tmp_path, subs="customer,start,mrr\n1,25/01/2024,10\n2,06/02/2024,9\n")
    text = draft(tmp_path)
    assert "format: '%d/%m/%Y'}" in text
    assert "both fit" not in text
    write(tmp_path, subs='customer,start,mrr\n1,2024-01-25,10\n2,06/02/2024,"1,000"\n')
    text = draft(tmp_path)
    assert "TODO: dates in several formats" in text
    assert "TODO: not plain numbers, such as '1,000'" in text


def test_snapshots_long_and_wide(tmp_path):
    write(tmp_path, revenue="account_id,snapshot_month,mrr\n1,2024-01,10\n2,2024-01,9\n")
    assert list(mapping.parse(draft(tmp_path)).tables) == ["mrr_snapshots"]
    write(tmp_path, revenue="account_id,Jan 2024,Feb 2024,Mar 2024\n1,1,1,1\n2,2,2,2\n")
    parsed = mapping.parse(draft(tmp_path)).tables["mrr_snapshots"]
    assert parsed.wide.format == "%b %Y"
    (tmp_path / "m.yml").write_text(draft(tmp_path), encoding="utf-8")
    assert intake.load(tmp_path, mapping=tmp_path / "m.yml", out=tmp_path / "out").shape == "snapshots"


def test_flat_asks_how_it_was_made(tmp_path):
    write(tmp_path, people="customerID,tenure,Churn,Contract\na,1,Yes,x\nb,2,No,y\n")
    text = draft(tmp_path)
    assert "TODO: how was this table made?" in text
    assert list(mapping.parse(text).tables["flat"].attributes) == ["contract"]


def test_what_is_not_recognised_is_left_to_the_reader(tmp_path):
    write(tmp_path, a="foo,bar\n1,2\n")
    text = draft(tmp_path)
    assert "TODO: no table looks like" in text
    assert "customer_id: TODO" in text
    with pytest.raises(DataError, match="not there"):
        draft(tmp_path / "nowhere")


def test_odd_headers_and_values_stay_yaml(tmp_path):
    write(tmp_path, s="customer,start,mrr,kind\n1,2024-01-01,1,it's: #1\n2,2024-01-01,1,'x'\n")
    kinds = mapping.parse(draft(tmp_path)).tables["subscriptions"].columns["kind"].values
    assert sorted(kinds) == ["'x'", "it's: #1"]


def test_the_real_exports(shared):
    crm = mapping.parse(draft(shared / "crm"))
    assert set(crm.tables) == {"subscriptions", "customers", "features", "feature_usage_monthly", "activity_monthly"}
    assert {name: reading.source for name, reading in crm.tables["subscriptions"].columns.items()} == {
        "customer_id": "account_id",
        "product": "product",
        "start_date": "start_date",
        "end_date": "end_date",
        "mrr": "mrr",
        "quantity": "quantity",
        "unit": "units",
        "billing_months": "bill_period_months",
    }
    assert "date_of_birth" not in str(crm.tables["customers"].columns), "a date of birth is no sign-up date"
    telco = mapping.parse(draft(shared / "telco")).tables["flat"]
    assert {name: reading.source for name, reading in telco.columns.items()} == {
        "customer_id": "customerID",
        "tenure": "tenure",
        "churned": "Churn",
        "mrr": "MonthlyCharges",
    }


def test_a_draft_that_is_being_edited_is_never_replaced(tmp_path):
    first, kept = save_draft(tmp_path / "mappings", "mine", "a: TODO\n")
    assert (first.name, kept) == ("mine.draft.yml", None)
    assert save_draft(tmp_path / "mappings", "mine", "a: TODO\n") == (first, None), "the same draft is not numbered"
    first.write_text("a: Account No\n", encoding="utf-8")
    second, kept = save_draft(tmp_path / "mappings", "mine", "a: TODO\n")
    assert (second.name, kept) == ("mine.2.draft.yml", first)
    assert save_draft(tmp_path / "mappings", "mine", "a: TODO\n") == (second, first)
    assert first.read_text(encoding="utf-8") == "a: Account No\n"
    second.write_text("b: 1\n", encoding="utf-8")
    assert save_draft(tmp_path / "mappings", "mine", "a: TODO\n")[0].name == "mine.3.draft.yml"


def test_wide_months_without_a_known_account_ask_for_it(tmp_path):
    write(tmp_path, revenue="Account Name,Jan 2024,Feb 2024,Mar 2024,Total ARR\nx,1,1,1,3\n")
    text = draft(tmp_path)
    assert "      customer_id: TODO  # perhaps Account Name or Total ARR" in text
    (tmp_path / "m.yml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="settle this TODO"):
        intake.load(tmp_path, mapping=tmp_path / "m.yml", out=tmp_path / "out")


@pytest.mark.parametrize(
    ("header", "row", "table", "columns"),
    [
        (
            "Account ID,Begin,Finish,Fee per month,term", "a,2024-01-01,,10,12", "subscriptions",
            {"customer_id": "Account ID", "start_date": "Begin", "end_date": "Finish", "mrr": "Fee per month",
             "billing_months": "term"},
        ),
        (
            "Client,Month,Net MRR", "a,01/2022,90.0", "mrr_snapshots",
            {"customer_id": "Client", "month": "Month", "mrr": "Net MRR"},
        ),
        (
            "User,Months with us,Left?,Channel,Monthly $", "a,21,No,Organic,10", "flat",
            {"customer_id": "User", "tenure": "Months with us", "churned": "Left?", "mrr": "Monthly $"},
        ),
    ],
)  # fmt: skip
def test_ordinary_headers_are_recognised(tmp_path, header, row, table, columns):
    write(tmp_path, export=f"{header}\n{row}\n")
    parsed = mapping.parse(draft(tmp_path))
    assert list(parsed.tables) == [table]
    assert {name: reading.source for name, reading in parsed.tables[table].columns.items()} == columns


def test_the_table_with_dates_and_a_price_is_preferred(tmp_path):
    write(
        tmp_path,
        kunden="Kunden-Nr.;Firma\na;x\nb;y\n",
        zahlung="Kunden-Nr.;Vertragsbeginn;Wert\na;27/08/2023;450,00\nb;28/08/2023;1,5\n",
    )
    text = draft(tmp_path)
    assert "    from: zahlung\n" in text
    assert "      start_date: TODO  # perhaps Vertragsbeginn\n" in text
    assert "      mrr: TODO  # perhaps Wert\n" in text


def test_tables_named_as_in_the_contract_are_used(tmp_path):
    write(tmp_path, subs="customer,start,mrr,currency\na,2024-01-05,1,EUR\n", exchange_rates="currency,rate\nUSD,0.9\n")
    text = draft(tmp_path)
    assert set(mapping.parse(text).tables) == {"subscriptions", "exchange_rates"}
    assert "# currency: EUR  # TODO" in text


def test_attributes_never_take_a_name_of_the_reports_own(tmp_path):
    write(
        tmp_path,
        subs='customer,start,mrr\na,2024-01-05,"450,50"\nb,2024-01-05,"3,5"\n',
        customers="customer,term,level\na,x,1\nb,y,2\n",
    )
    text = draft(tmp_path)
    assert sorted(mapping.parse(text).tables["customers"].attributes) == ["account_level", "account_term"]
    assert mapping.parse(text).tables["subscriptions"].columns["mrr"].decimal == ","
