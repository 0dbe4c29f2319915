"""Marts: what the contract's tables say about accounts, reduced once for all studies.

Written as Ibis expressions; DuckDB runs them. No statistics here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from customer_value.errors import DataError
from customer_value.marts import months, spells, store
from customer_value.marts.accounts import accounts, check_names
from customer_value.marts.dates import close_of_month, first_of_month, last_whole_month, month_of, next_month
from customer_value.marts.store import Marts, Meta

__all__ = ["Marts", "Meta", "build"]

_JUMP = 5
"""The first month's starts are an opening stock when they are more than this many times the next month's."""


def build(tables: str | Path, out: str | Path, *, grace_days: int) -> Marts:
    """Turn the contract's tables into marts.

    Parameters
    ----------
    tables : folder that `customer_value.intake.load` wrote
    out : folder for the marts, made if missing; an earlier build in it is replaced
    grace_days : the longest gap, in days, that is a pause; a longer one is churn and return

    Returns
    -------
    The marts, opened.

    Raises
    ------
    DataError : nobody ever paid, or an attribute bears a name that means something else here
    """
    tables, out = Path(tables), Path(out)
    declared: dict[str, Any] = json.loads((tables / "intake.json").read_text(encoding="utf-8"))
    check_names(declared["attributes"])
    out.mkdir(parents=True, exist_ok=True)
    store.clear(out)
    connection = ibis.duckdb.connect()
    try:
        press = _Press(connection, tables, out)
        meta = _flat(press, declared, grace_days) if declared["shape"] == "flat" else _all(press, declared, grace_days)
    finally:
        connection.disconnect()
    store.write(out, meta)
    return Marts.open(out)


class _Press:
    """Reads contract tables and writes marts, all on one connection: tables of two never join."""

    def __init__(self, connection: Backend, tables: Path, out: Path) -> None:
        self.connection, self.tables, self.out = connection, tables, out
        self.rows: dict[str, int] = {}

    def read(self, name: str) -> ir.Table:
        return self.connection.read_parquet(self.tables / f"{name}.parquet", table_name=f"given_{name}")

    def keep(self, name: str, table: ir.Table) -> ir.Table:
        """Compute once what several marts need."""
        return self.connection.create_table(f"kept_{name}", table, temp=True)

    def write(self, name: str, table: ir.Table, *, order: tuple[str, ...]) -> ir.Table:
        """Write a mart in a full order, so that its bytes depend on nothing else; read it back."""
        file = self.out / f"{name}.parquet"
        rest = [column for column in table.columns if column not in order]
        self.connection.to_parquet(table.order_by(*order, *rest), file)
        written = self.connection.read_parquet(file, table_name=name)
        self.rows[name] = int(written.count().execute())
        return written


def _all(press: _Press, declared: Mapping[str, Any], grace_days: int) -> Meta:
    as_of = date.fromisoformat(declared["as_of"])
    observed_from = None if declared["observed_from"] is None else date.fromisoformat(declared["observed_from"])
    subscriptions = press.read("subscriptions")
    customers = press.read("customers") if "customers" in declared["tables"] else None
    stretched = press.keep("stretches", spells.stretches(subscriptions, grace_days=grace_days))
    lines = press.write(
        "lines",
        spells.lines(subscriptions, stretched, grace_days=grace_days),
        order=("customer_id", "start_date", "kind", "product"),
    )
    first_starts = stretched.filter(stretched.stretch == 1).select("customer_id", first_start="start_date")
    if first_starts.count().execute() == 0:
        raise DataError(
            "At least one account must pay something",
            table="subscriptions",
            column="mrr",
            remedy="map the price of the subscriptions: mrr, or amount and billing_months",
        )
    data_from, stock_until, reason = _opening_stock(first_starts, shape=declared["shape"], observed_from=observed_from)
    signups = None
    if customers is not None and "signup_date" in customers.columns:
        signups = customers.select("customer_id", "signup_date")
    origin = press.keep(
        "origins",
        spells.origins(first_starts, signups, stock_until=stock_until, declared=observed_from is not None),
    )
    spelled = press.write(
        "spells",
        spells.spells(stretched, lines, origin, as_of=as_of, grace_days=grace_days),
        order=("customer_id", "spell"),
    )
    known = press.write(
        "accounts",
        accounts(lines, spelled, origin, customers, as_of=as_of, attributes=declared["attributes"]),
        order=("customer_id",),
    )
    first_month = next_month(stock_until) if stock_until is not None else first_of_month(data_from)
    last_month = last_whole_month(as_of)
    days = months.closes(first_month, last_month)
    day_table = ibis.memtable({"day": days}, schema={"day": "date"})
    held = press.keep("holdings", months.holdings(months.at_days(lines, day_table)))
    press.write(
        "calendar_months",
        months.calendar_months(held, spelled, known, days=days),
        order=("month", "customer_id"),
    )
    anniversaries = press.keep("anniversaries", months.anniversaries(known, as_of=as_of))
    press.write("age_months", months.age_months(lines, spelled, known, anniversaries), order=("customer_id", "age"))
    counts = origin.aggregate(
        stock=origin.opening_stock.sum(),
        unknown=origin.origin_date.isnull().sum(),
        late=(origin.entry_month > 0).sum(),
        contradicted=(origin.signup_date > origin.first_start).sum(),
    ).to_pandas()
    stock, unknown, late, contradicted = (
        int(value) for value in counts[["stock", "unknown", "late", "contradicted"]].fillna(0).iloc[0]
    )
    never_paid = int(subscriptions.anti_join(first_starts, "customer_id").customer_id.nunique().execute())
    return _meta(
        declared,
        press,
        grace_days,
        as_of=as_of,
        last_month=last_month,
        first_month=first_month,
        observed_from=observed_from,
        data_from=data_from,
        opening_stock=stock,
        unknown_start=unknown,
        late_entry=late,
        never_paid=never_paid,
        warnings=_warnings(
            reason=reason, stock=stock, unknown=unknown, late=late, contradicted=contradicted, never_paid=never_paid
        ),
    )


def _opening_stock(first_starts: ir.Table, *, shape: str, observed_from: date | None) -> tuple[date, date | None, str]:
    """First paid day, the last day on which a first start is opening stock (None: there is none), and the reason."""
    starts = first_starts.group_by(month=month_of(first_starts.first_start)).agg(
        accounts=first_starts.count(), first=first_starts.first_start.min()
    )
    by_month = {row.month: row for row in starts.to_pandas().itertuples()}
    first_month = min(by_month)
    data_from = date.fromisoformat(str(by_month[first_month].first)[:10])
    if observed_from is not None:
        return data_from, observed_from if data_from <= observed_from else None, ""
    month = first_of_month(data_from)
    count = by_month[first_month].accounts
    following = [row.accounts for row in by_month.values() if str(row.month)[:10] == str(next_month(month))]
    after = following[0] if following else 0
    if shape == "snapshots":
        return data_from, close_of_month(month), "snapshot"
    # Where nobody starts in the next month, a single start is the smallest number that six are a jump from.
    if count > _JUMP * max(after, 1):
        return (
            data_from,
            close_of_month(month),
            f"{count:,} accounts start in the first month and {after:,} in the next",
        )
    return data_from, None, ""


def _warnings(
    *, reason: str, stock: int, unknown: int, late: int, contradicted: int, never_paid: int
) -> tuple[str, ...]:
    said = []
    declare = "Declare observed_from in the mapping, the day from which the data are complete, to settle this."
    if reason == "snapshot":
        said.append(
            f"When the {stock:,} accounts of the first month became customers cannot be seen in monthly snapshots. They are "
            f"treated as an opening stock and kept out of cohort comparisons. {declare}"
        )
    elif reason:
        said.append(
            f"The data seem to begin with accounts that were customers already: {reason}. They are treated as an opening "
            f"stock and kept out of cohort comparisons. {declare}"
        )
    if unknown:
        said.append(
            f"It is not known when {unknown:,} accounts of the opening stock became customers. They count in revenue and in "
            "calendar months, but not in results by age. A signup_date would bring them in."
        )
    if late:
        said.append(
            f"{late:,} accounts are older than what the data show of them. They enter results by age at the age at which "
            "they come into view."
        )
    if contradicted:
        said.append(
            f"{contradicted:,} accounts have a sign-up date after their first paid day. That date is not used for them."
        )
    if never_paid:
        said.append(f"{never_paid:,} accounts never pay anything. They are not counted as customers.")
    return tuple(said)


def _flat(press: _Press, declared: Mapping[str, Any], grace_days: int) -> Meta:
    given = press.read("flat")
    mrr = given.mrr.cast(spells.MONEY) if "mrr" in given.columns else ibis.null(spells.MONEY)
    extra = [*sorted(declared["attributes"]), *declared["features"]]
    flat = given.select(
        "customer_id", given.tenure.cast("int64").name("tenure"), "churned", mrr.name("mrr"), *dict.fromkeys(extra)
    )
    press.write("flat", flat, order=("customer_id",))
    return _meta(
        declared,
        press,
        grace_days,
        as_of=None,
        last_month=None,
        first_month=None,
        observed_from=None,
        data_from=None,
        opening_stock=0,
        unknown_start=0,
        late_entry=0,
        never_paid=0,
        warnings=(),
    )


def _meta(
    declared: Mapping[str, Any],
    press: _Press,
    grace_days: int,
    *,
    as_of: date | None,
    last_month: date | None,
    first_month: date | None,
    observed_from: date | None,
    data_from: date | None,
    opening_stock: int,
    unknown_start: int,
    late_entry: int,
    never_paid: int,
    warnings: tuple[str, ...],
) -> Meta:
    return Meta(
        shape=declared["shape"],
        as_of=as_of,
        last_month=last_month,
        first_month=first_month,
        observed_from=observed_from,
        data_from=data_from,
        opening_stock=opening_stock,
        opening_stock_declared=observed_from is not None,
        unknown_start=unknown_start,
        late_entry=late_entry,
        never_paid=never_paid,
        grace_days=grace_days,
        currency=declared["currency"],
        observation=declared["observation"],
        snapshot_window=declared["snapshot_window"],
        attributes=declared["attributes"],
        features=tuple(declared["features"]),
        tables=tuple(sorted(declared["tables"])),
        rows=press.rows,
        fingerprint=hashlib.sha256(f"{declared['fingerprint']} {grace_days}".encode()).hexdigest(),
        warnings=warnings,
    )
