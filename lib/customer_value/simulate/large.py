"""Businesses of any size, written to Parquet as they are made: events are never all in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from .business import GROUPS, MONTHLY, SEED, truth, wanted_tables
from .events import usage_events, users_of
from .files import columnar, write_notes
from .parameters import DEFAULT, Parameters
from .usage import months_of_use
from .world import World, draw


def write_large(
    folder: Path,
    *,
    accounts: int,
    months: int = 36,
    seed: int = SEED,
    end: date = date(2026, 6, 30),
    parameters: Parameters = DEFAULT,
    tables: Collection[str] | None = None,
    events: bool = True,
) -> dict[str, int]:
    """Draw a business as `simulate` does and write it to `folder`, every table as one Parquet file.

    The rows are those of ``simulate`` with the same options. Accounts and contract lines are held in memory, use is
    drawn, written and forgotten month by month: 200,000 accounts need a few gigabytes.

    Returns
    -------
    Rows by table.

    Raises
    ------
    SettingsError : as `simulate`
    """
    wanted = wanted_tables(tables, events=events)
    world = draw(accounts=accounts, months=months, seed=seed, end=end, parameters=parameters)
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[str]] = {}
    rows: dict[str, int] = {}
    for names, make in GROUPS:
        if set(names).isdisjoint(wanted):
            continue
        for name, table in make(world).items():
            if name in wanted:
                pq.write_table(columnar(table), _place(folder, name), compression="zstd")
                columns[name], rows[name] = list(table), len(table)
    of_use = [name for name in (*MONTHLY, "usage_events") if name in wanted]
    for name, counted in _write_use(world, of_use, folder).items():
        columns[name], rows[name] = counted
    write_notes(truth(world, seed=seed, end=end), columns, folder, parquet=wanted)
    return {name: rows[name] for name in wanted}


def _write_use(world: World, wanted: list[str], folder: Path) -> dict[str, tuple[list[str], int]]:
    """Write the tables of use a month at a time; their columns and rows."""
    if not wanted:
        return {}
    users = users_of(world) if "usage_events" in wanted else None
    writers: dict[str, pq.ParquetWriter] = {}
    rows = dict.fromkeys(wanted, 0)
    try:
        for use in months_of_use(world):
            for name in wanted:
                part = columnar(MONTHLY[name](world, use)) if name in MONTHLY else usage_events(world, use, users)
                if name not in writers:
                    writers[name] = pq.ParquetWriter(_place(folder, name), part.schema, compression="zstd")
                writers[name].write_table(part)
                rows[name] += len(part)
    finally:
        for writer in writers.values():
            writer.close()
    return {name: (writers[name].schema.names, rows[name]) for name in wanted}


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"
