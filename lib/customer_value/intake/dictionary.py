"""The data dictionary, from the contract; `make docs` renews data/README.md."""

from __future__ import annotations

from customer_value.intake.casting import NULL_WORDS
from customer_value.intake.contract import TABLES, Column, Table

_KINDS = {
    "id": "text",
    "text": "text",
    "date": "date",
    "month": "month",
    "time": "date and time",
    "money": "amount",
    "number": "number",
    "count": "whole number",
    "boolean": "true or false",
}

_HEAD = """\
# Data dictionary

<!-- Generated from lib/customer_value/intake/contract.py by `make docs`. -->

Only `subscriptions` is required, or in its place `mrr_snapshots` or `flat`. Every other table is optional and adds to
the report. How to bring your own tables under these names, with worked examples, is told in
[docs/your-data.md](../docs/your-data.md).

A subscription is active on day d if start_date ≤ d < end_date. Dates are written 2026-06-30, months 2026-06 or as any
day in them, amounts as 1234.50; anything else needs a `format` or `values` in the mapping. Times are taken as written,
without converting time zones. An empty cell means unknown, or not yet; so do the words {words} (in small or capital
letters) in a column of dates, numbers or truth values.

| table | a row is | what it adds |
|---|---|---|
"""


def _column(column: Column) -> str:
    notes = [column.meaning]
    if column.values:
        notes.append(f"One of: {', '.join(column.values)}.")
    if column.low is not None and column.low == int(column.low) and column.high is None:
        notes.append(f"Not below {column.low:g}.")
    if column.high is not None:
        notes.append(f"From {column.low:g} to {column.high:g}.")
    if column.known_later:
        notes.append("A date after the as-of date counts as empty.")
    need = "yes" if column.required else ""
    return f"| {column.name} | {_KINDS[column.kind]} | {need} | {column.unit} | {' '.join(notes)} |"


def _table(table: Table) -> str:
    lines = [f"## {table.name}", "", f"A row is {table.row_is}. Adds: {table.adds}."]
    if table.key:
        lines.append(f"No two rows may agree on {' and '.join(table.key)}.")
    if table.name == "subscriptions":
        lines.append("A price is needed: mrr, or amount with billing_months, or amount with both dates.")
    if table.attributes:
        lines.append("Further columns can be declared as attributes in a mapping.")
    if table.clock:
        lines.append(f"Rows whose {table.clock} lies after the as-of date are left out.")
    lines += ["", "| column | kind | required | unit | meaning |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_column(column) for column in table.columns), ""])


def markdown() -> str:
    """The whole dictionary as Markdown."""
    overview = "".join(f"| [{t.name}](#{t.name}) | {t.row_is} | {t.adds} |\n" for t in TABLES)
    words = ", ".join(f"`{word}`" for word in NULL_WORDS)
    return _HEAD.replace("{words}", words) + overview + "\n" + "\n".join(_table(table) for table in TABLES)
