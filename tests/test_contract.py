"""The contract is declared once, and what derives from it has not drifted."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_value.intake import dictionary
from customer_value.intake.contract import (
    BY_NAME,
    KEY_TABLES,
    PRICES,
    RESERVED,
    SQL_TYPES,
    SUBSCRIPTION_OUTPUT,
    TABLES,
)


def test_names_are_unique_and_keys_clocks_and_clears_exist():
    assert len(BY_NAME) == len(TABLES)
    for table in TABLES:
        assert len(set(table.names)) == len(table.names), table.name
        assert set(table.key) <= set(table.names), table.name
        assert table.clock is None or table.column(table.clock).kind in ("date", "month", "time"), table.name
        for column in table.columns:
            assert column.kind in SQL_TYPES
            assert set(column.clears) <= set(table.names)
            assert all(value == value.lower() for value in column.values), "values are compared in small letters"


def test_every_type_is_one_duckdb_knows():
    connection = duckdb.connect()
    for kind, sql_type in SQL_TYPES.items():
        assert connection.execute(f"SELECT typeof(NULL::{sql_type})").fetchone()[0] == sql_type, kind


def test_subscription_columns_are_those_the_marts_read():
    # Copied from the interface between intake and marts.
    expected = ("customer_id", "product", "kind", "start_date", "end_date", "mrr", "list_mrr", "quantity", "unit")
    assert (*expected, "billing_months", "currency", "end_reason", "end_kind") == SUBSCRIPTION_OUTPUT


def test_prices_and_key_tables_are_of_the_contract():
    assert all(set(price) <= set(BY_NAME["subscriptions"].names) for price in PRICES)
    assert all(name in BY_NAME for name in KEY_TABLES)
    assert {"customer_id", "plan", "status", "tenure"} <= RESERVED


def test_unknown_column_is_named():
    with pytest.raises(KeyError, match="subscriptions has no column 'price'"):
        BY_NAME["subscriptions"].column("price")


def test_the_dictionary_in_the_repository_is_the_contracts(root: Path):
    written = (root / "data" / "README.md").read_text(encoding="utf-8")
    assert written == dictionary.markdown(), "run: make docs"


def test_the_dictionary_says_every_table_and_column():
    text = dictionary.markdown()
    for table in TABLES:
        section = text.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        assert table.switches_on in section
        for column in table.columns:
            assert f"| {column.name} |" in section
