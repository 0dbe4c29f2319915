"""Bad input is named by rule, place, count and remedy; what can be set aside is, within its limit."""

from __future__ import annotations

import re
from datetime import date

import duckdb
import pandas as pd
import pytest

from customer_value import intake, marts
from customer_value.errors import DataError, SettingsError

AS_OF = date(2024, 3, 31)
HEADER = "customer_id,product,start_date,end_date,mrr,currency\n"
GOOD = "a,base,2024-01-05,,10,\nb,base,2024-02-01,2024-03-01,20,\nc,base,2024-03-02,,30,\n"


def load(folder, subscriptions=HEADER + GOOD, *, as_of=AS_OF, max_set_aside=None, **tables):
    for name, text in {"subscriptions": subscriptions, **tables}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return intake.load(folder, out=folder / "out", as_of=as_of, max_set_aside=max_set_aside)


def broken(loaded) -> dict[tuple[str, str], int]:
    quality = loaded.quality()
    return {(row.table, row.rule): row.rows for row in quality.itertuples() if row.rows and row.rule != "no_currency"}


def test_good_rows_break_nothing(tmp_path):
    loaded = load(tmp_path)
    assert broken(loaded) == {}
    assert loaded.tables == {"subscriptions": 3}
    assert list(loaded.quality()) == [
        "rule", "table", "column", "severity", "rows", "share", "examples", "meaning", "remedy",
    ]  # fmt: skip
    assert not (tmp_path / "out" / "set_aside").exists()


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ("d,base,2024-01-01,2023-12-01,5,\n", "ends before it starts"),
        (",base,2024-01-01,,5,\n", "has no customer_id"),
        ("d,base,,,5,\n", "has no start_date"),
        ("d,base,2024-01-01,,,\n", "has no price"),
        ("a,discount,2024-02-01,,-11,\n", "negative at some time"),
        ("d,base,1969-12-31,,5,\n", "outside 1970 to 2100"),
        ("d,base,2101-01-01,,5,\n", "outside 1970 to 2100"),
        ("d,base,2024-01-01,,5,EUR\ne,base,2024-01-01,,5,USD\n", "several currencies"),
        ("d,base,2024-01-01,,\"1,000\",\n", "row 5 has '1,000'"),
        ("d,base,2024-01-01,,€5,\n", "row 5 has '€5'"),
        ("d,base,2024-02-30,,5,\n", "row 5 has '2024-02-30'"),
        ("d,base,01/02/2024,,5,\n", "Dates must all be in one format; 3 can be read and 1 cannot"),
    ],
)  # fmt: skip
def test_rules_that_stop(tmp_path, more, match):
    with pytest.raises(DataError, match=match) as caught:
        load(tmp_path, HEADER + GOOD + more)
    assert caught.value.remedy
    assert caught.value.table == "subscriptions"
    assert not (tmp_path / "out").exists(), "nothing is written when a rule stops"


def test_ambiguous_dates_ask_for_their_format(tmp_path):
    text = HEADER + "a,base,05/01/2024,,10,\nb,base,01/02/2024,,20,\n"
    with pytest.raises(DataError, match="'%d/%m/%Y' and '%m/%d/%Y'") as caught:
        load(tmp_path, text)
    assert caught.value.count == 2
    assert caught.value.examples == ("'05/01/2024' in row 2", "'01/02/2024' in row 3")
    with pytest.raises(DataError, match="format: '%d/%m/%Y'") as caught:
        load(tmp_path, text.replace("05/01", "25/01"))
    assert "%m/%d/%Y" not in str(caught.value)


def test_a_discount_that_never_exceeds_its_plan_is_fine(tmp_path):
    assert broken(load(tmp_path, HEADER + GOOD + "a,discount,2024-02-01,,-10,\n")) == {}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (HEADER, "has no rows"),
        (HEADER + "a,base,2024-01-05,,10,\n", "one account"),
        ("customer_id,mrr\na,1\n", "'start_date' is missing"),
    ],
)
def test_tables_that_cannot_carry_a_report(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("as_of", "match"), [(date(2024, 1, 4), "before the first start"), (date(2026, 1, 1), "days after the last thing")]
)
def test_impossible_as_of_dates(tmp_path, as_of, match):
    with pytest.raises(DataError, match=match):
        load(tmp_path, as_of=as_of)


def test_an_as_of_date_well_after_the_data_warns(tmp_path):
    assert broken(load(tmp_path, as_of=date(2024, 6, 30)))[("subscriptions", "stale")] == 1


def many(count=200):
    return "".join(f"m{place:03},base,2024-{1 + place % 3:02}-{1 + place % 28:02},,10,\n" for place in range(count))


def test_rows_are_set_aside_with_their_reason_and_defused(tmp_path):
    customers = "customer_id\na\nb\nc\n" + "".join(f"m{place:03}\n" for place in range(200))
    loaded = load(
        tmp_path,
        HEADER + GOOD + many() + '"=HYPERLINK(1)",base,2024-01-01,,5,\n',
        customers=customers,
        nps_responses="customer_id,responded_at,score,comment\na,2024-02-01,9,good\na,2024-02-01,9,good\n"
        + "b,2024-02-01,9,=1+1\n" * 1
        + "".join(f"m{place:03},2024-02-02,8,ok\n" for place in range(20))
        + "nobody,2024-02-03,3,@SUM(A1)\nc,2024-02-03,11,x\n",
    )
    assert broken(loaded) == {
        ("subscriptions", "unknown_account"): 1,
        ("nps_responses", "duplicate_row"): 1,
        ("nps_responses", "unknown_account"): 1,
        ("nps_responses", "out_of_range"): 1,
    }
    aside = pd.read_csv(tmp_path / "out" / "set_aside" / "subscriptions.csv")
    assert list(aside["customer_id"]) == ["'=HYPERLINK(1)"]
    assert list(aside["reason"]) == ["The row belongs to no account in customers."]
    answers = pd.read_csv(tmp_path / "out" / "set_aside" / "nps_responses.csv")
    assert sorted(answers["comment"]) == ["'@SUM(A1)", "good", "x"]
    assert loaded.tables == {"subscriptions": 203, "customers": 203, "nps_responses": 22}


def test_too_many_rows_to_set_aside_stop(tmp_path):
    text = HEADER + GOOD + many(100) + "m000,base,2024-01-01,,10,\n" * 3
    with pytest.raises(DataError, match=r"2.8% of the rows would be set aside, more than the 1.0% allowed"):
        load(tmp_path, text)
    assert load(tmp_path, text, max_set_aside={"subscriptions": 0.05}).tables == {"subscriptions": 103}


@pytest.mark.parametrize("given", [{"subscriptoins": 0.1}, {"other": 2}, {"other": "much"}])
def test_limits_are_checked(tmp_path, given):
    with pytest.raises(SettingsError, match="max_set_aside"):
        load(tmp_path, max_set_aside=given)


def test_zero_length_rows_are_set_aside(tmp_path):
    loaded = load(tmp_path, HEADER + GOOD + many() + "a,base,2024-02-02,2024-02-02,99,\n")
    assert broken(loaded) == {("subscriptions", "zero_length"): 1}


def test_customers_that_cannot_be_told_apart_stop(tmp_path):
    with pytest.raises(DataError, match="same customer_id"):
        load(tmp_path, customers="customer_id,name\na,x\na,y\nb,z\nc,z\n")


def test_two_values_for_one_month_stop(tmp_path):
    with pytest.raises(DataError, match="customer_id and month but differ"):
        load(tmp_path, activity_monthly="customer_id,month,events\na,2024-01,5\na,2024-01,6\n")


def test_warnings(tmp_path):
    rows = GOOD + "a,base,2024-03-01,,1,\n" + "b,base,2024-03-11,,20,\n"
    loaded = load(
        tmp_path,
        HEADER.replace("currency", "curency") + rows,
        customers="customer_id,signup_date,industry\na,2024-02-01,x\nb,2024-01-01,y\nc,,z\nd,2024-01-01,w\n",
    )
    assert broken(loaded) == {
        ("subscriptions", "overlap"): 1,
        ("subscriptions", "short_gap"): 1,
        ("subscriptions", "unknown_column"): 1,
        ("customers", "unknown_column"): 1,
        ("customers", "signup_after_start"): 1,
        ("customers", "never_subscribed"): 1,
    }
    quality = loaded.quality().set_index(["table", "rule"])
    assert quality.loc[("subscriptions", "unknown_column"), "examples"] == "curency (meant: currency?)"
    assert quality.loc[("customers", "unknown_column"), "examples"] == "industry"
    columns = duckdb.sql(f"DESCRIBE FROM '{loaded.path('customers')}'").fetchall()
    assert "industry" not in [row[0] for row in columns], "an undeclared column is not silently used"


def test_opening_stock_is_suspected_until_declared(tmp_path):
    rows = "".join(f"o{place},base,2024-01-01,,10,\n" for place in range(12)) + "x,base,2024-02-03,,1,\n"
    rows += "y,base,2024-02-09,,1,\nz,base,2024-03-09,,1,\n"
    assert broken(load(tmp_path, HEADER + rows)) == {("subscriptions", "opening_stock"): 12}
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(
        "observed_from: 2024-01-01\ntables: {subscriptions: {from: subscriptions, columns: {customer_id: customer_id,"
        " start_date: start_date, mrr: mrr}}}"
    )
    declared = intake.load(tmp_path, mapping=mapping, out=tmp_path / "out", as_of=AS_OF)
    assert broken(declared) == {("subscriptions", "unknown_column"): 3}


def test_sudden_changes_are_seen(tmp_path):
    starts = {1: 20, 2: 20, 3: 20, 4: 120, 5: 20, 6: 0, 7: 20}
    rows = "".join(
        f"c{month}_{place},base,2024-{month:02}-10,,10,\n" for month, count in starts.items() for place in range(count)
    )
    loaded = load(tmp_path, HEADER + rows, as_of=date(2024, 7, 31))
    row = loaded.quality().query("rule == 'sudden_change'").iloc[0]
    assert (row["rows"], row["examples"]) == (2, "2024-04-01: 120; 2024-06-01: 0")


def test_changes_before_the_declared_day_are_not_the_exports(tmp_path):
    # Of what began before the data are complete only what stayed is seen: few a month, and none of it is a fault.
    starts = {
        "2023-06": 20,
        "2023-07": 1,
        "2023-08": 2,
        "2023-09": 1,
        "2023-10": 20,
        "2023-11": 20,
        "2023-12": 20,
        "2024-01": 20,
    }
    rows = "".join(f"c{m}_{i},base,{m}-10,,10,\n" for m, count in starts.items() for i in range(count))
    (tmp_path / "subscriptions.csv").write_text(HEADER + rows, encoding="utf-8")
    for declared, expected in (("2023-09-30", 0), (None, 3)):
        text = "tables:\n  subscriptions: {from: subscriptions, columns: {customer_id: customer_id, product: product,"
        text += " start_date: start_date, end_date: end_date, mrr: mrr}}\n"
        (tmp_path / "m.yml").write_text(text + (f"observed_from: '{declared}'\n" if declared else ""))
        loaded = intake.load(tmp_path, mapping=tmp_path / "m.yml", out=tmp_path / "out", as_of=date(2024, 1, 31))
        assert loaded.quality().query("rule == 'sudden_change'")["rows"].iloc[0] == expected


def test_currencies_are_converted_at_one_rate(tmp_path):
    (tmp_path / "subscriptions.csv").write_text(HEADER + "a,base,2024-01-01,,10,EUR\nb,base,2024-01-01,,10,usd\n")
    (tmp_path / "exchange_rates.csv").write_text("currency,rate\nUSD,0.9\n")
    (tmp_path / "mapping.yml").write_text(
        "currency: EUR\ntables:\n  subscriptions: {from: subscriptions, columns: {customer_id: customer_id,"
        " start_date: start_date, mrr: mrr, currency: currency}}\n"
        "  exchange_rates: {from: exchange_rates, columns: {currency: currency, rate: rate}}\n"
    )
    loaded = intake.load(tmp_path, mapping=tmp_path / "mapping.yml", out=tmp_path / "out", as_of=date(2024, 1, 31))
    found = duckdb.sql(f"SELECT customer_id, mrr::DOUBLE, currency FROM '{loaded.path('subscriptions')}'").fetchall()
    assert found == [("a", 10.0, "EUR"), ("b", 9.0, "EUR")]


def mixed(folder, rows, rates, *, currency="EUR"):
    """Load rows in several currencies, with rates to the report's."""
    (folder / "subscriptions.csv").write_text(HEADER + rows)
    (folder / "exchange_rates.csv").write_text("currency,rate\n" + rates)
    columns = ", ".join(f"{name}: {name}" for name in HEADER.strip().split(","))
    (folder / "mapping.yml").write_text(
        f"currency: {currency}\ntables:\n  subscriptions: {{from: subscriptions, columns: {{{columns}}}}}\n"
        "  exchange_rates: {from: exchange_rates, columns: {currency: currency, rate: rate}}\n"
    )
    return intake.load(folder, mapping=folder / "mapping.yml", out=folder / "out", as_of=date(2024, 3, 31))


def test_what_was_converted_and_who_changed_currency_is_on_record(tmp_path):
    rows = (
        "a,base,2024-01-01,2024-03-01,10,USD\na,base,2024-03-01,,9,EUR\nb,base,2024-01-01,,10,usd\n"
        "c,base,2024-01-01,,10,EUR\nd,base,2024-01-01,,10,\n"
        # not known by the as-of date
        "c,base,2024-04-01,,10,USD\nd,base,2024-04-01,,10,GBP\n"
    )
    loaded = mixed(tmp_path, rows, "USD,0.9\nGBP,1.2\nEUR,1\n")
    assert loaded.conversions == {"USD": intake.Conversion(rate=0.9, accounts=2)}
    assert loaded.changed_currency == 1
    assert broken(loaded)["subscriptions", "currency_missing"] == 1
    assert intake.Intake.open(tmp_path / "out").conversions == loaded.conversions
    meta = marts.build(tmp_path / "out", tmp_path / "marts", grace_days=31).meta
    said = [text for text in meta.warnings if "urrenc" in text or "converted" in text]
    assert said[0].startswith("Prices in USD of 2 accounts are converted at 0.9 EUR for one USD")
    assert said[1].startswith("Accounts with prices in more than one currency: 1.")


@pytest.mark.parametrize(
    ("rates", "match"),
    [
        ("USD,0.9\nEUR,1.1\n", "own currency has a rate other than 1"),
        ("USD,0.9\nusd,0.8\n", "same currency"),
    ],
)
def test_rates_that_contradict_themselves_stop(tmp_path, rates, match):
    with pytest.raises(DataError, match=match):
        mixed(tmp_path, "a,base,2024-01-01,,10,EUR\nb,base,2024-01-01,,10,USD\n", rates)


def test_snapshots_in_several_currencies_cannot_be_added(tmp_path):
    rows = "customer_id,month,mrr,currency\na,2024-01-01,10,EUR\nb,2024-01-01,10,USD\n"
    (tmp_path / "mrr_snapshots.csv").write_text(rows + rows.split("\n", 1)[1].replace("-01-01", "-02-01"))
    with pytest.raises(DataError, match="several currencies"):
        intake.load(tmp_path, out=tmp_path / "out", as_of=date(2024, 2, 29))


FLAT = "customer_id,tenure,churned,mrr\na,0,no,5\nb,12,yes,7\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (FLAT + "a,3,no,1\n", "same customer_id"),
        (FLAT + "c,2.5,no,1\n", "whole number"),
        (FLAT + "c,-1,no,1\n", "tenure is below 0"),
        (FLAT + "c,1,maybe,1\n", "true or false"),
        (FLAT + "c,1,,1\n", "has no churned"),
        ("customer_id,tenure,churned\na,1,no\n", "one account only"),
    ],
)
def test_flat_tables_are_checked(tmp_path, text, match):
    (tmp_path / "flat.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=match):
        intake.load(tmp_path, out=tmp_path / "out")


def test_a_missing_month_of_snapshots_stops_and_a_pause_warns(tmp_path):
    path = tmp_path / "mrr_snapshots.csv"
    path.write_text("customer_id,month,mrr\na,2024-01,1\nb,2024-01,1\na,2024-03,1\nb,2024-03,1\n")
    with pytest.raises(DataError, match="whole month is missing"):
        intake.load(tmp_path, out=tmp_path / "out")
    path.write_text(
        "customer_id,month,mrr\na,2024-01,1\nb,2024-01,1\nb,2024-02,0\na,2024-02,1\na,2024-03,1\nb,2024-03,1\n"
    )
    assert broken(intake.load(tmp_path, out=tmp_path / "out")) == {("mrr_snapshots", "month_gap"): 1}


def test_a_young_firms_first_months_are_not_compared(tmp_path):
    starts = {1: 1, 2: 1, 3: 2, 4: 20, 5: 20, 6: 20, 7: 1, 8: 20}
    rows = "".join(f"c{m}_{i},base,2024-{m:02}-10,,10,\n" for m, count in starts.items() for i in range(count))
    loaded = load(tmp_path, HEADER + rows, as_of=date(2024, 8, 31))
    assert loaded.quality().query("rule == 'sudden_change'")["examples"].iloc[0] == "2024-07-01: 1"


@pytest.mark.parametrize(("currency", "expected"), [("", 1), ("EUR", 0)])
def test_prices_in_no_currency_warn(tmp_path, currency, expected):
    rows = GOOD.replace("10,\n", f"10,{currency}\n")
    found = load(tmp_path, HEADER + rows).quality().query("rule == 'no_currency'")
    assert list(found["rows"]) == [expected]
    assert "the settings' currency" in found["meaning"].iloc[0]


def test_a_flat_table_without_prices_needs_no_currency(tmp_path):
    for text, expected in (("customer_id,tenure,churned\na,1,no\nb,2,no\n", 0), (FLAT, 1)):
        (tmp_path / "flat.csv").write_text(text, encoding="utf-8")
        found = intake.load(tmp_path, out=tmp_path / "out").quality().query("rule == 'no_currency'")
        assert list(found["rows"]) == [expected]


@pytest.mark.parametrize(
    ("currency", "rates", "match"),
    [
        (None, "", "Bring exchange_rates .* and set `currency:`"),
        ("EUR", "", "bring exchange_rates, one rate to EUR"),
        (None, "USD,0.9", "say with `currency:`"),
        ("EUR", "GBP,1.1", "lacks a rate to EUR"),
    ],
)
def test_the_missing_half_of_several_currencies_is_named(tmp_path, currency, rates, match):
    (tmp_path / "subscriptions.csv").write_text(HEADER + "a,base,2024-01-01,,10,EUR\nb,base,2024-01-01,,10,usd\n")
    (tmp_path / "exchange_rates.csv").write_text(f"currency,rate\n{rates}\n")
    text = f"currency: {currency}\n" if currency else ""
    text += "tables:\n  subscriptions: {from: subscriptions, columns: {customer_id: customer_id,"
    text += " start_date: start_date, mrr: mrr, currency: currency}}\n"
    text += "  exchange_rates: {from: exchange_rates, columns: {currency: currency, rate: rate}}\n" if rates else ""
    (tmp_path / "mapping.yml").write_text(text)
    with pytest.raises(DataError, match="several currencies") as caught:
        intake.load(tmp_path, mapping=tmp_path / "mapping.yml", out=tmp_path / "out", as_of=date(2024, 1, 31))
    assert re.search(match, caught.value.remedy)
    assert caught.value.examples == ("b: USD beside EUR",)


def test_a_negative_total_names_its_day(tmp_path):
    with pytest.raises(DataError, match=r"a: -1\.00 from 2024-02-01"):
        load(tmp_path, HEADER + GOOD + "a,discount,2024-02-01,,-11,\n")


def test_keys_that_are_missing_or_doubled_name_their_rows(tmp_path):
    with pytest.raises(DataError, match="has no customer_id") as caught:
        load(tmp_path, HEADER + GOOD + ",base,2024-01-01,,5,\n")
    assert caught.value.examples == ("row 5",)
    with pytest.raises(DataError, match="same customer_id") as caught:
        load(tmp_path, customers="customer_id,name\na,x\nb,z\na,y\nc,z\n")
    assert caught.value.examples == ("a in rows 2 and 4",)


def test_one_account_counts_its_rows(tmp_path):
    with pytest.raises(DataError, match="one account") as caught:
        load(tmp_path, HEADER + "a,base,2024-01-05,2024-02-01,10,\na,base,2024-02-01,,10,\n")
    assert caught.value.count == 2


def test_two_tables_that_give_a_shape_are_refused_in_words(tmp_path):
    with pytest.raises(DataError, match="subscriptions and flat are there") as caught:
        load(tmp_path, flat=FLAT)
    assert "keep one of them" in caught.value.remedy


SUMS = "customer_id,month,feature,events,active_days,users\n"
USED = "".join(f"a,2024-{month:02d},f{n},5,3,1\n" for month in (1, 2, 3) for n in range(10))


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("a,2024-01,x,-1,3,1\n", "out_of_range"),
        ("a,2024-01,x,5,-3,1\n", "out_of_range"),
        ("a,2024-01,x,5,32,1\n", "out_of_range"),
        ("a,2024-02,x,50,30,1\n", "impossible_days"),
        ("a,2024-01,,5,3,1\n", "missing_key"),
        ("a,2024-01,x,,3,1\n", "missing_value"),
        ("nobody,2024-01,x,5,3,1\n", "unknown_account"),
        ("a,2024-01,f1,5,3,1\n", "duplicate_row"),
    ],
)
def test_impossible_use_is_set_aside(tmp_path, row, rule):
    loaded = load(tmp_path, feature_usage_monthly=SUMS + USED + row)
    assert broken(loaded) == {("feature_usage_monthly", rule): 1}
    assert loaded.tables["feature_usage_monthly"] == 30
    assert len(pd.read_csv(tmp_path / "out/set_aside/feature_usage_monthly.csv")) == 1


def test_days_of_a_leap_february_are_possible(tmp_path):
    row = "a,2024-02,x,50,29,1\na,2024-03,x,50,31,1\n"
    assert broken(load(tmp_path, feature_usage_monthly=SUMS + USED + row)) == {}


def test_two_sums_of_one_feature_and_month_stop(tmp_path):
    with pytest.raises(DataError, match="same customer_id and month and feature but differ otherwise"):
        load(tmp_path, feature_usage_monthly=SUMS + USED + "a,2024-01,f1,6,3,1\n")


def test_use_that_cannot_be_quite_right_warns(tmp_path):
    activity = "customer_id,month,events,active_days\na,2023-12,5,3\na,2024-03,0,2\nb,2024-03,3,0\nc,2024-03,0,0\n"
    loaded = load(tmp_path, activity_monthly=activity, usage_events="customer_id,event_time,feature\n"
                  "a,2024-01-31 23:59:59,x\na,2024-03-01 00:00:00,x\n")  # fmt: skip
    assert broken(loaded) == {
        ("activity_monthly", "silent_month"): 2,
        ("activity_monthly", "use_contradicts"): 2,
        ("usage_events", "silent_month"): 1,
    }
    examples = {(r.table, r.rule): r.examples for r in loaded.quality().itertuples() if r.rows}
    assert examples["usage_events", "silent_month"] == "2024-02-01"
    assert examples["activity_monthly", "use_contradicts"] == "a: 2024-03-01; b: 2024-03-01"
