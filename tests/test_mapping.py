"""A mapping says what it means or is refused, and SQL in it can do nothing but select."""

from __future__ import annotations

from datetime import date

import pytest

from customer_value import intake
from customer_value.errors import DataError, SettingsError
from customer_value.intake import mapping

PLAIN = """
tables:
  subscriptions:
    from: subs
    columns: {customer_id: id, start_date: start, mrr: price}
"""


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def load(folder, text, **options):
    path = folder / "mapping.yml"
    path.write_text(text, encoding="utf-8")
    return intake.load(folder, mapping=path, out=folder / "out", **options)


SUBS = "id,start,price\na,2024-01-05,10\nb,2024-02-01,20\n"


def rows(loaded, table="subscriptions", columns="*"):
    import duckdb

    return duckdb.sql(f"SELECT {columns} FROM '{loaded.path(table)}' ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("tabels: {}", "unknown key 'tabels'; did you mean 'tables'"),
        ("tables: {subscription: {from: a, columns: {mrr: b}}}", "did you mean 'subscriptions'"),
        ("tables: {subscriptions: {from: a, columns: {start_dat: b}}}", "did you mean 'start_date'"),
        ("tables: {subscriptions: {from: a, colums: {mrr: b}}}", "did you mean 'columns'"),
        ("tables: {subscriptions: {from: a, columns: {mrr: {frm: b}}}}", "did you mean 'from'"),
        ("tables: {subscriptions: {from: a}}", "needs 'columns'"),
        ("tables: {subscriptions: {sql: select 1, from: a}}", "not both"),
        ("tables: {subscriptions: {from: a, columns: {mrr: {from: b, constant: 1}}}}", "either 'from' or 'constant'"),
        ("tables: {customers: {from: a, columns: {name: b}}}", "exactly one of subscriptions"),
        (PLAIN + "observation: snapshot\nsnapshot_window: 1", "only a flat table"),
        (PLAIN + "currency: euro", "three capital letters"),
        (PLAIN + "observed_from: soon", "observed_from"),
        (PLAIN + "version: 2", "version"),
        (PLAIN + "  flat: {from: a, columns: {tenure: b}}", "exactly one of"),
        ("tables: [a]", "tables"),
        ("- a", "must hold keys"),
        ("a: [", "is not YAML"),
        ("tables: {}\ntables: {}", "names 'tables' twice"),
        ("tables: {flat: {from: a, columns: {tenure: t}}}\nobservation: snapshot", "snapshot_window"),
        (
            "tables: {flat: {from: a, columns: {tenure: t}, attributes: {Plan Type: {from: p}}}}",
            "cannot name an attribute",
        ),
        ("tables: {flat: {from: a, columns: {tenure: t}, attributes: {plan: {from: p}}}}", "the report uses itself"),
        (
            "tables: {flat: {from: a, columns: {tenure: t}, attributes: {x: {from: p}}, features: [x]}}",
            "declared twice",
        ),
        (
            "tables: {subscriptions: {from: a, columns: {mrr: b}, attributes: {x: {from: y}}}}",
            "customers and flat only",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(text, match):
    with pytest.raises(SettingsError, match=match):
        mapping.parse(text)


def test_yes_and_no_stay_words():
    parsed = mapping.parse(
        "tables: {flat: {from: a, columns: {churned: {from: Churn, values: {Yes: true, No: false}}}}}"
    )
    assert parsed.tables["flat"].columns["churned"].values == {"Yes": "true", "No": "false"}


def test_columns_formats_values_constants_and_attributes(tmp_path):
    write(
        tmp_path,
        subs="id;from;to;fee;sort\na;31/12/2023;;10.5;P\nb;01/02/2024;15/03/2024;20;X\n",
        accounts='id;channel\na;web\nb;"=cmd()"\n',
    )
    loaded = load(
        tmp_path,
        """
        observed_from: 2023-12-01
        currency: EUR
        tables:
          subscriptions:
            from: subs.csv
            columns:
              customer_id: id
              start_date: {from: from, format: '%d/%m/%Y'}
              end_date: {from: to, format: '%d/%m/%Y'}
              mrr: fee
              kind: {from: sort, values: {P: plan, X: addon}}
              product: {constant: base}
          customers:
            from: accounts
            columns: {customer_id: id}
            attributes: {channel: {known_at: signup, label: How they came}}
        """,
        as_of=date(2024, 3, 31),
    )
    wanted = "customer_id, start_date, end_date, mrr::DOUBLE, kind, product"
    assert rows(loaded, columns=wanted) == [
        ("a", date(2023, 12, 31), None, 10.5, "plan", "base"),
        ("b", date(2024, 2, 1), date(2024, 3, 15), 20.0, "addon", "base"),
    ]
    assert rows(loaded, "customers", "customer_id, channel") == [("a", "web"), ("b", "=cmd()")]
    assert loaded.attributes["channel"] == intake.Attribute("customers", "signup", "How they came", "text")
    assert (loaded.currency, loaded.observed_from) == ("EUR", date(2023, 12, 1))


def test_a_value_can_be_mapped_to_empty(tmp_path):
    write(tmp_path, subs="id,start,end,price\na,2024-01-05,9999-12-31,10\nb,2024-01-06,none,1\n")
    text = PLAIN.replace("mrr: price", "mrr: price, end_date: {from: end, values: {'9999-12-31': ''}}")
    assert rows(load(tmp_path, text, as_of=date(2024, 2, 1)), columns="DISTINCT end_date") == [(None,)]
    with pytest.raises(DataError, match="outside 1970 to 2100"):
        load(tmp_path, text.replace("values: {'9999-12-31': ''}", ""), as_of=date(2024, 2, 1))


def test_missing_columns_and_files_name_the_nearest(tmp_path):
    write(tmp_path, subs=SUBS)
    with pytest.raises(DataError, match="did you mean 'price'"):
        load(tmp_path, PLAIN.replace("price", "prise"))
    with pytest.raises(DataError, match="did you mean 'subs'"):
        load(tmp_path, PLAIN.replace("from: subs", "from: sub"))
    with pytest.raises(DataError, match="The column 'start_date' is missing"):
        load(tmp_path, PLAIN.replace("start_date: start,", ""))
    with pytest.raises(DataError, match="A price is missing"):
        load(tmp_path, PLAIN.replace(", mrr: price", ""))


def test_an_optional_table_may_be_missing(tmp_path):
    write(tmp_path, subs=SUBS)
    text = PLAIN + "  invoices: {optional: true, sql: SELECT customer_id FROM bills}\n"
    assert list(load(tmp_path, text, as_of=date(2024, 2, 29)).tables) == ["subscriptions"]


SQL = """
tables:
  subscriptions:
    sql: |
      {}
"""


def test_sql_joins_sources(tmp_path):
    write(tmp_path, subs="id,start,plan\na,2024-01-05,x\nb,2024-02-01,y\n", prices="plan,price\nx,10\ny,20\n")
    sql = "WITH p AS (SELECT * FROM prices) SELECT id AS customer_id, start AS start_date, price::INT * 2 AS mrr"
    loaded = load(tmp_path, SQL.format(f"{sql} FROM subs JOIN p USING (plan);"), as_of=date(2024, 2, 29))
    assert rows(loaded, columns="customer_id, mrr::INT") == [("a", 20), ("b", 40)]


@pytest.mark.parametrize(
    ("sql", "error", "match"),
    [
        ("SELECT 1; SELECT 2", SettingsError, "exactly one SELECT"),
        ("DROP TABLE subs", SettingsError, "exactly one SELECT"),
        ("CREATE TABLE x AS SELECT 1", SettingsError, "exactly one SELECT"),
        ("COPY subs TO 'stolen.csv'", SettingsError, "exactly one SELECT"),
        ("SET threads = 1", SettingsError, "exactly one SELECT"),
        ("SELEC 1", SettingsError, "not SQL"),
        ("SELECT id AS customer_id, price AS mmr FROM subs", SettingsError, "did you mean 'mrr'"),
        ("SELECT prise FROM subs", DataError, "names a column 'prise'"),
        ("SELECT * FROM read_csv('subs.csv')", DataError, "reads a file by itself"),
        ("SELECT * FROM glob('*')", DataError, "reads a file by itself"),
        ("SELECT id AS customer_id, start AS start_date, start::INT AS mrr FROM subs", DataError, "cannot be applied"),
    ],
)
def test_sql_is_one_select_and_reaches_nothing_else(tmp_path, monkeypatch, sql, error, match):
    write(tmp_path, subs=SUBS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=match):
        load(tmp_path, SQL.format(sql))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.yml", "subs.csv"]


def test_wide_snapshots(tmp_path):
    write(tmp_path, mrr="Account,Jan 2024,Feb 2024,Mar 2024,note\na,10,10,20,x\nb,,5,,y\n")
    text = """
    tables:
      mrr_snapshots:
        from: mrr
        columns: {customer_id: Account}
        wide: {format: '%b %Y'}
    """
    loaded = load(tmp_path, text)
    assert (loaded.shape, loaded.as_of) == ("snapshots", date(2024, 3, 31))
    assert loaded.month_rows == 4, "months with a price"
    assert rows(loaded, columns="customer_id, start_date, end_date, mrr::INT") == [
        ("a", date(2024, 1, 1), date(2024, 3, 1), 10),
        ("a", date(2024, 3, 1), None, 20),
        ("b", date(2024, 2, 1), date(2024, 3, 1), 5),
    ]
    with pytest.raises(DataError, match="No column's header reads as a month"):
        load(tmp_path, text.replace("%b %Y", "%Y-%m"))


STRIPE_SUBSCRIPTIONS = (
    "id,Customer ID,Customer Description,Customer Email,Plan,Quantity,Currency,Interval,Amount,Status,Created (UTC),"
    "Start (UTC),Start Date (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),"
    "Trial End (UTC),Application Fee Percent,Coupon,Tax Percent,Canceled At (UTC),Ended At (UTC),Customer Name,"
    "Cancellation Reason"
)
STRIPE_INVOICES = (
    "id,Amount Due,Billing,Charge,Closed,Currency,Customer,Date (UTC),Due Date (UTC),Description,Forgiven,Number,Paid,"
    "Subscription,Subtotal,Total Discount Amount,Applied Coupons,Tax,Tax Percent,Total,Amount Paid,Status,"
    "Finalized At (UTC),Paid At (UTC),Customer Name"
)


def stripe_row(header, **cells):
    return ",".join(cells.get(name.replace(" (UTC)", "").replace(" ", "_"), "") for name in header.split(","))


def test_the_stripe_mapping_reads_its_exports(tmp_path, root):
    def subscription(customer, status, start, **more):
        given = {"id": f"sub_{customer}", "Customer_ID": customer, "Plan": "Pro", "Quantity": "2", "Currency": "eur"}
        given |= {"Amount": "50.00", "Status": status, "Created": start, "Start_Date": start, "Interval": "month"}
        return stripe_row(STRIPE_SUBSCRIPTIONS, **(given | more))

    write(
        tmp_path,
        subscriptions="\n".join(
            [
                STRIPE_SUBSCRIPTIONS,
                subscription("cus_a", "active", "2024-01-03 09:15"),
                subscription("cus_b", "active", "2024-01-10 00:00", Interval="year", Amount="1200.00", Quantity="1"),
                # Asked to leave on the 5th, paid up to the 20th.
                subscription(
                    "cus_c", "canceled", "2024-01-20 10:00", Canceled_At="2024-02-05 08:00",
                    Ended_At="2024-02-20 10:00", Cancellation_Reason="payment_failed",
                ),
                # Has asked to leave at the period's end and is still there.
                subscription("cus_d", "active", "2024-01-21 10:00", Canceled_At="2024-02-25 08:00"),
                subscription(
                    "cus_h", "canceled", "2024-01-20 10:00", Ended_At="2024-02-21 10:00",
                    Cancellation_Reason="cancellation_requested",
                ),
                subscription("cus_e", "incomplete_expired", "2024-01-22 10:00"),
                subscription(
                    "cus_f", "canceled", "2024-01-23 10:00", Trial_Start="2024-01-23 10:00",
                    Trial_End="2024-02-06 10:00", Canceled_At="2024-01-30 10:00", Ended_At="2024-02-06 10:00",
                ),
                subscription("cus_g", "active", "2024-02-01 10:00", Trial_Start="2024-02-01 10:00",
                             Trial_End="2024-02-15 10:00"),
            ]
        ),
        invoices="\n".join(
            [
                STRIPE_INVOICES,
                stripe_row(STRIPE_INVOICES, id="in_1", Customer="cus_a", Date="2024-01-03 09:15", Total="100.00",
                           Currency="eur", Status="paid", Paid_At="2024-01-03 09:16"),
                stripe_row(STRIPE_INVOICES, id="in_2", Customer="cus_b", Date="2024-01-10 00:01", Total="1200.00",
                           Currency="eur", Status="open", Due_Date="2024-02-09 00:01"),
                stripe_row(STRIPE_INVOICES, id="in_3", Customer="cus_b", Date="2024-01-10 00:01", Total="1200.00",
                           Currency="eur", Status="void"),
            ]
        ),
    )  # fmt: skip
    loaded = intake.load(
        tmp_path, mapping=root / "data" / "mappings" / "stripe.yml", out=tmp_path / "out", as_of=date(2024, 2, 29)
    )
    assert loaded.currency == "EUR"
    wanted = "customer_id, start_date, end_date, mrr::DOUBLE, billing_months, end_kind"
    ended = rows(loaded, columns="customer_id, end_reason, end_kind")
    assert [row for row in ended if row[2]] == [
        ("cus_c", "payment_failed", "involuntary"),
        ("cus_h", None, "voluntary"),
    ]
    assert rows(loaded, columns=wanted) == [
        ("cus_a", date(2024, 1, 3), None, 100.0, 1.0, None),
        ("cus_b", date(2024, 1, 10), None, 100.0, 12.0, None),
        ("cus_c", date(2024, 1, 20), date(2024, 2, 20), 100.0, 1.0, "involuntary"),
        ("cus_d", date(2024, 1, 21), None, 100.0, 1.0, None),
        ("cus_g", date(2024, 2, 15), None, 100.0, 1.0, None),
        ("cus_h", date(2024, 1, 20), date(2024, 2, 21), 100.0, 1.0, "voluntary"),
    ]
    assert rows(loaded, "invoices", "customer_id, due_on, amount::DOUBLE, paid_on, status") == [
        ("cus_a", date(2024, 1, 3), 100.0, date(2024, 1, 3), "paid"),
        ("cus_b", date(2024, 2, 9), 1200.0, None, "open"),
    ]


def test_shipped_mappings_are_valid(root):
    names = sorted(path.name for path in (root / "data" / "mappings").glob("*.yml"))
    assert names == ["crm.yml", "stripe.yml", "telco.yml"]
    for name in names:
        mapping.read(root / "data" / "mappings" / name)


def test_the_documentations_examples_are_valid(root):
    text = (root / "docs" / "your-data.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```yaml\n")[1:]]
    assert len(blocks) == 3
    for block in blocks:
        mapping.parse(block if block.startswith("version") else "tables:\n" + block)


COMMAS = "id;start;price;list\na;2024-01-05;450,00;500.00\nb;2024-02-01;1.234,5;7\nc;2024-02-01;3;7\n"


def test_decimal_commas_are_declared_by_column_or_table(tmp_path):
    write(tmp_path, subs=COMMAS)
    text = PLAIN.replace("mrr: price", "mrr: {from: price, decimal: ','}, list_mrr: list")
    expected = [("a", 450.0, 500.0), ("b", 1234.5, 7.0), ("c", 3.0, 7.0)]
    wanted = "customer_id, mrr::DOUBLE, list_mrr::DOUBLE"
    assert rows(load(tmp_path, text, as_of=date(2024, 2, 29)), columns=wanted) == expected
    whole = PLAIN.replace("from: subs", "from: subs\n    decimal: ','").replace(
        "mrr: price", "mrr: price, list_mrr: {from: list, decimal: .}"
    )
    assert rows(load(tmp_path, whole, as_of=date(2024, 2, 29)), columns=wanted) == expected
    with pytest.raises(DataError, match=r"with a decimal comma.*row 2 has '500.00'"):
        load(tmp_path, whole.replace("{from: list, decimal: .}", "list"))
    with pytest.raises(DataError, match="row 2 has '450,00'") as caught:
        load(tmp_path, PLAIN)
    assert "mrr: {from: …, decimal: ','}" in caught.value.remedy


def test_words_for_empty_stay_empty_beside_a_decimal_comma_or_format(tmp_path):
    write(tmp_path, subs="id;start;end;price;list\na;05/01/2024;none;1,5;NULL\nb;06/01/2024;NA;2;nan\n")
    text = """
    tables:
      subscriptions:
        from: subs
        decimal: ','
        columns:
          customer_id: id
          start_date: {from: start, format: '%d/%m/%Y'}
          end_date: {from: end, format: '%d/%m/%Y'}
          mrr: price
          list_mrr: list
    """
    loaded = load(tmp_path, text, as_of=date(2024, 1, 31))
    assert rows(loaded, columns="end_date, mrr::DOUBLE, list_mrr") == [(None, 1.5, None), (None, 2.0, None)]


def test_decimal_commas_in_wide_months_and_attributes(tmp_path):
    write(tmp_path, mrr="Account;Jan 2024;Feb 2024\na;10,5;1.000,00\nb;;5\n", accounts="id;size\na;1,5\nb;2\n")
    text = """
    tables:
      mrr_snapshots: {from: mrr, decimal: ',', columns: {customer_id: Account}, wide: {format: '%b %Y'}}
      customers:
        from: accounts
        columns: {customer_id: id}
        attributes: {size: {kind: number, decimal: ','}}
    """
    loaded = load(tmp_path, text)
    assert rows(loaded, columns="customer_id, mrr::DOUBLE") == [("a", 10.5), ("a", 1000.0), ("b", 5.0)]
    assert rows(loaded, "customers", "customer_id, size") == [("a", 1.5), ("b", 2.0)]


def test_a_wrong_format_is_named(tmp_path):
    write(tmp_path, subs=SUBS)
    wrong = PLAIN.replace("start_date: start", "start_date: {from: start, format: '%d/%m/%Y'}")
    with pytest.raises(DataError, match="by the mapping's format '%d/%m/%Y'; row 2 has") as caught:
        load(tmp_path, wrong)
    assert "such as 2026-06-30;" not in str(caught.value)
    assert caught.value.remedy == "dates written 2026-06-30 need no format: start_date: {from: …}"
    write(tmp_path, subs="id,start,price\na,31.12.2023,1\nb,30.11.2023,1\n")
    with pytest.raises(DataError, match=r"'%d\.%m.%Y' would fit"):
        load(tmp_path, wrong)
    write(tmp_path, subs="id,start,price\na,31/12/2023,1\nb,30.11.2023,1\n")
    with pytest.raises(DataError, match="format '%d/%m/%Y'; 1 do and 1 do not"):
        load(tmp_path, wrong)


@pytest.mark.parametrize(
    ("reading", "match"),
    [
        ("start_date: {from: a, format: dd/mm/yyyy}", "signs of strptime.*got: 'dd/mm/yyyy'"),
        ("mrr: {from: a, format: '%d'}", "format is for dates"),
        ("start_date: {from: a, decimal: ','}", "decimal is for numbers"),
        ("mrr: {from: a, decimal: ;}", "decimal"),
    ],
)
def test_readings_that_cannot_be_meant_are_refused(reading, match):
    with pytest.raises(SettingsError, match=match):
        mapping.parse(f"tables: {{subscriptions: {{from: a, columns: {{{reading}}}}}}}")


def test_a_todo_that_is_left_over_is_named(tmp_path):
    write(tmp_path, subs="id,start,price,to_dt\na,2024-01-01,1,\nb,2024-01-01,1,\n")
    with pytest.raises(DataError, match="settle this TODO") as caught:
        load(tmp_path, PLAIN.replace("mrr: price", "mrr: price, end_date: TODO"))
    assert "did you mean" not in str(caught.value)
    assert caught.value.column == "end_date"
    with pytest.raises(DataError, match="settle this TODO") as caught:
        load(tmp_path, PLAIN.replace("mrr: price", "mrr: price, kind: {from: price, values: {'1': TODO}}"))
    assert caught.value.examples == ("1",)


def test_columns_that_nothing_reads_are_listed(tmp_path):
    write(tmp_path, subs="id,start,price,note,branch\na,2024-01-05,10,x,y\nb,2024-02-01,1,x,y\n")
    text = PLAIN + "  customers: {from: subs, columns: {customer_id: id}, attributes: {branch: {}}}\n"
    write(tmp_path, one="id,day\na,2024-01-06\n")
    text += "  milestones: {sql: \"SELECT id AS customer_id, 'x' AS milestone, day AS reached_at FROM one\"}\n"
    text = text.replace("customers: {from: subs", "customers: {from: people")
    write(tmp_path, people="id,branch,owner\na,x,y\nb,x,z\n")
    quality = load(tmp_path, text, as_of=date(2024, 2, 29)).quality().query("rule == 'unknown_column'")
    listed = quality.set_index("table")["examples"].to_dict()
    assert listed == {"subscriptions": "note; branch", "customers": "owner", "milestones": ""}


def test_observed_from_after_the_data_is_refused(tmp_path):
    write(tmp_path, subs=SUBS)
    late = "observed_from: 2029-01-01\n" + PLAIN.lstrip()
    with pytest.raises(DataError, match="observed_from 2029-01-01 lies after") as caught:
        load(tmp_path, late)
    assert caught.value.column == "observed_from"
