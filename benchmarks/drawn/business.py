"""The description and the files around drawn marts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customer_value import intake, marts, simulate
from customer_value.marts import store

ATTRIBUTE = {"kind": "text", "known_at": "signup", "table": "customers"}


def small(folder: Path) -> marts.Marts:
    """The marts of a small simulated business, from its files: the frame that drawn marts are put into."""
    business = simulate.simulate(accounts=60, months=36, seed=1, tables=("customers", "subscriptions", "plans"))
    simulate.write(business, folder / "data")
    intake.load(folder / "data", mapping=folder / "data" / "mapping.yml", out=folder / "tables")
    return marts.build(folder / "tables", folder / "marts", grace_days=31)


def described(frame: marts.Marts, attributes: Mapping[str, str], rows: Mapping[str, int]) -> marts.Marts:
    """The same folder, described as having these attributes and rows."""
    declared = {name: {**ATTRIBUTE, "label": label} for name, label in attributes.items()}
    meta = replace(frame.meta, attributes=declared, rows={**frame.meta.rows, **rows}, unknown_start=0, late_entry=0)
    store.write(frame.folder, meta)
    return marts.Marts.open(frame.folder)


def names(accounts: int) -> pa.Array:
    """Ids, which sort as they are numbered."""
    return pa.array(np.char.add("A", np.char.zfill(np.arange(accounts).astype("U7"), 7)))


def levels(codes: np.ndarray, called: list[str]) -> pa.Array:
    """Text, one a code."""
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(called)).cast(pa.string())


def write(frame: marts.Marts, name: str, columns: Mapping[str, pa.Array | np.ndarray]) -> int:
    """Write a mart with these columns, all others of its schema empty; how many rows it has."""
    return write_parts(frame, name, [columns])


def write_parts(frame: marts.Marts, name: str, parts: Iterable[Mapping[str, pa.Array | np.ndarray]]) -> int:
    """The same, some rows at a time."""
    kinds = frame.table(name).to_pyarrow().schema
    writer, rows = None, 0
    for columns in parts:
        size = len(next(iter(columns.values())))
        given = {
            kind.name: _typed(columns[kind.name], kind.type) if kind.name in columns else pa.nulls(size, kind.type)
            for kind in kinds
        }
        extra = {column: pa.array(values) for column, values in columns.items() if column not in kinds.names}
        table = pa.table({**given, **extra})
        writer = writer or pq.ParquetWriter(frame.folder / f"{name}.parquet", table.schema)
        writer.write_table(table)
        rows += size
    if writer is not None:
        writer.close()
    return rows


def _typed(values: pa.Array | np.ndarray, kind: pa.DataType) -> pa.Array:
    return pa.array(values).cast(kind)
