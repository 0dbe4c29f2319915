"""Marts from a few rows written by hand.

`build_marts` writes the tables as intake leaves them, types and order included, and builds the marts from them, so
that a test states only what it is about. Rows are dicts; what a row leaves out takes the default below. Dates may be
ISO text.

    marts = build_marts(
        tmp_path,
        as_of="2024-06-30",
        subscriptions=[
            {"customer_id": "a", "start_date": "2023-01-15", "mrr": 100},
            {"customer_id": "b", "start_date": "2023-02-01", "end_date": "2023-08-01", "mrr": 50, "product": "pro"},
        ],
        further={"usage_events": [{"customer_id": "a", "event_time": "2023-05-04 10:30", "feature": "export"}]},
    )
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from customer_value import marts
from customer_value.intake.contract import BY_NAME
from customer_value.intake.contract import Table as Contract
from customer_value.marts import Marts

MONEY = pa.decimal128(18, 4)
SUBSCRIPTIONS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("product", pa.string()),
        ("kind", pa.string()),
        ("start_date", pa.date32()),
        ("end_date", pa.date32()),
        ("mrr", MONEY),
        ("list_mrr", MONEY),
        ("quantity", pa.float64()),
        ("unit", pa.string()),
        ("billing_months", pa.float64()),
        ("currency", pa.string()),
        ("end_reason", pa.string()),
        ("end_kind", pa.string()),
    ]
)
SUBSCRIPTION_DEFAULTS: Mapping[str, object] = {"product": "basic", "kind": "plan", "mrr": 100}
CUSTOMERS = (
    ("customer_id", pa.string()),
    ("signup_date", pa.date32()),
    ("name", pa.string()),
    ("owner", pa.string()),
    ("acquisition_cost", MONEY),
    ("referred", pa.bool_()),
)
CONTRACT_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "date": pa.date32(),
    "month": pa.date32(),
    "time": pa.timestamp("us"),
    "money": MONEY,
    "number": pa.float64(),
    "count": pa.int64(),
    "boolean": pa.bool_(),
}
ATTRIBUTE_TYPES = {"text": pa.string(), "number": pa.float64(), "boolean": pa.bool_()}


def _cast(value: object, kind: pa.DataType) -> object:
    if value is None:
        return None
    if pa.types.is_date(kind):
        return date.fromisoformat(value) if isinstance(value, str) else value
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    if pa.types.is_decimal(kind):
        return Decimal(str(value)).quantize(Decimal("0.0001"))
    if pa.types.is_floating(kind):
        return float(value)
    return value


def _table(rows: Iterable[Mapping[str, object]], schema: pa.Schema, defaults: Mapping[str, object]) -> pa.Table:
    filled = [{**defaults, **row} for row in rows]
    unknown = {name for row in filled for name in row} - set(schema.names)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}; there are {schema.names}")
    ready = [{field.name: _cast(row.get(field.name), field.type) for field in schema} for row in filled]
    ready.sort(key=lambda row: [(row[name] is None, str(row[name])) for name in schema.names])
    return pa.Table.from_pylist(ready, schema=schema)


def _month_close(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _cut(contract: Contract, rows: Iterable[Mapping[str, object]], as_of: date | None) -> list[dict[str, object]]:
    """The rows and cells of a further table that were known at the close of the as-of day."""
    kinds = {column.name: CONTRACT_TYPES[column.kind] for column in contract.columns}
    known = []
    for row in rows:
        typed = {name: _cast(value, kinds[name]) if name in kinds else value for name, value in row.items()}
        if as_of is not None and contract.clock:
            day = typed[contract.clock]
            if contract.column(contract.clock).kind == "month":
                typed[contract.clock] = day.replace(day=1)
                day = _month_close(day)
            if (day.date() if isinstance(day, datetime) else day) > as_of:
                continue
        for column in contract.columns:
            day = typed.get(column.name) if column.known_later else None
            if day is not None and (day.date() if isinstance(day, datetime) else day) > as_of:
                typed |= dict.fromkeys((column.name, *column.clears))
        known.append(typed)
    return known


def write_tables(
    folder: Path,
    *,
    subscriptions: Sequence[Mapping[str, object]] = (),
    customers: Sequence[Mapping[str, object]] | None = None,
    flat: Sequence[Mapping[str, object]] | None = None,
    as_of: str | date | None = None,
    observed_from: str | date | None = None,
    shape: str = "subscriptions",
    currency: str | None = None,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
    features: Sequence[str] = (),
    observation: str | None = None,
    snapshot_window: int | None = None,
    further: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
) -> Path:
    """Write the tables and ``intake.json`` as intake would have left them; return the folder.

    Rows are cut at ``as_of`` here too: later starts are dropped, later ends become open.

    Parameters
    ----------
    folder : made if missing
    subscriptions, customers, flat : rows; None leaves the table out
    attributes : by name, each ``{"table": "customers", "known_at": "signup", "label": …, "kind": "text"}``; what is
        left out takes these values
    further : rows of any other table of the contract, by its name; a month is given as any day of it
    """
    folder.mkdir(parents=True, exist_ok=True)
    declared = {
        name: {"table": "customers", "known_at": "signup", "label": name.capitalize(), "kind": "text", **given}
        for name, given in (attributes or {}).items()
    }
    extra = [(name, ATTRIBUTE_TYPES[given["kind"]]) for name, given in declared.items()]
    tables: dict[str, pa.Table] = {}
    if flat is not None:
        schema = pa.schema(
            [
                ("customer_id", pa.string()),
                ("tenure", pa.int64()),
                ("churned", pa.bool_()),
                ("mrr", MONEY),
                *extra,
                *((feature, pa.bool_()) for feature in features),
            ]
        )
        tables["flat"] = _table(flat, schema, {})
    else:
        cut = _cast(as_of, pa.date32())
        known = []
        for row in subscriptions:
            end = _cast(row.get("end_date"), pa.date32())
            if _cast(row["start_date"], pa.date32()) > cut:
                continue
            opened = {"end_date": None, "end_reason": None, "end_kind": None} if end is not None and end > cut else {}
            known.append({**row, **opened})
        tables["subscriptions"] = _table(known, SUBSCRIPTIONS, SUBSCRIPTION_DEFAULTS)
        if customers is not None:
            tables["customers"] = _table(customers, pa.schema([*CUSTOMERS, *extra]), {})
        for name, rows in (further or {}).items():
            contract = BY_NAME[name]
            schema = pa.schema([(column.name, CONTRACT_TYPES[column.kind]) for column in contract.columns])
            tables[name] = _table(_cut(contract, rows, cut), schema, {})
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    iso = {name: None if day is None else str(day) for name, day in (("as_of", as_of), ("observed", observed_from))}
    described = {
        "shape": "flat" if flat is not None else shape,
        "as_of": iso["as_of"],
        "as_of_given": as_of is not None,
        "observed_from": iso["observed"],
        "observation": observation,
        "snapshot_window": snapshot_window,
        "currency": currency,
        "attributes": declared,
        "features": list(features),
        "tables": {name: table.num_rows for name, table in tables.items()},
    }
    contents = json.dumps([described, {name: str(table.to_pylist()) for name, table in tables.items()}], sort_keys=True)
    described["fingerprint"] = hashlib.sha256(contents.encode()).hexdigest()
    (folder / "intake.json").write_text(json.dumps(described, sort_keys=True, indent=1), encoding="utf-8")
    return folder


def build_marts(
    tmp_path: Path,
    *,
    subscriptions: Sequence[Mapping[str, object]] = (),
    customers: Sequence[Mapping[str, object]] | None = None,
    flat: Sequence[Mapping[str, object]] | None = None,
    as_of: str | date | None = None,
    grace_days: int = 31,
    observed_from: str | date | None = None,
    shape: str = "subscriptions",
    currency: str | None = None,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
    features: Sequence[str] = (),
    observation: str | None = None,
    snapshot_window: int | None = None,
    further: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
) -> Marts:
    """Write the tables below ``tmp_path`` and build the marts from them; parameters as in `write_tables`."""
    tables = write_tables(
        tmp_path / "tables",
        subscriptions=subscriptions,
        customers=customers,
        flat=flat,
        as_of=as_of,
        observed_from=observed_from,
        shape=shape,
        currency=currency,
        attributes=attributes,
        features=features,
        observation=observation,
        snapshot_window=snapshot_window,
        further=further,
    )
    return marts.build(tables, tmp_path / "marts", grace_days=grace_days)
