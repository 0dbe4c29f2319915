"""The simulated business as files, as a company would bring them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from .business import SEED, Simulation, simulate

VERSION = 7
"""Raised whenever the same seed gives different files."""

STAMP = ".sample.json"
MONEY = ("mrr", "list_mrr", "list_price", "acquisition_cost", "amount", "cost", "value_delivered", "investment")
TIMES = ("event_time", "opened_at", "closed_at")
LARGE = ("feature_usage_monthly", "activity_monthly", "usage_events")
"""Written as Parquet: as text they would be ten times as large."""
LABELS = {
    "industry": "Industry",
    "channel": "Acquisition channel",
    "region": "Region",
    "size": "Employees",
    "health": "Health today",
}


def write(simulation: Simulation, folder: Path, *, parquet: Collection[str] = LARGE) -> Path:
    """Write every table, ``mapping.yml`` and ``truth.json``.

    The same simulation gives the same bytes. The mapping renames nothing; it says which file is which table, when the
    data begin and which attributes were known at sign-up.

    Parameters
    ----------
    parquet : names of the tables to write as Parquet; the others are text (CSV)
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in simulation.tables.items():
        if name in parquet:
            pq.write_table(columnar(table), folder / f"{name}.parquet", compression="zstd")
        else:
            _text(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    columns = {name: list(table) for name, table in simulation.tables.items()}
    write_notes(simulation.truth, columns, folder, parquet=parquet)
    return folder


def write_notes(
    truth: dict[str, object], columns: dict[str, list[str]], folder: Path, *, parquet: Collection[str]
) -> None:
    """Write the mapping and the truth beside the tables that have these columns."""
    (folder / "mapping.yml").write_text(_mapping(truth, columns, parquet), encoding="utf-8", newline="\n")
    text = json.dumps(truth, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def columnar(table: pd.DataFrame) -> pa.Table:
    """The table as Parquet keeps it: dates without time of day, nothing about pandas."""
    made = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    for place, name in enumerate(made.column_names):
        if pa.types.is_timestamp(made.schema.field(name).type):
            kind = pa.timestamp("s") if name in TIMES else pa.date32()
            made = made.set_column(place, name, made.column(name).cast(kind))
    return made


def make_sample(folder: Path, *, accounts: int = 2000, seed: int = SEED) -> Path:
    """Have the sample of so many accounts in `folder`; a folder that holds it already is left as it is."""
    wanted = {"version": VERSION, "accounts": accounts, "seed": seed}
    stamp = folder / STAMP
    if stamp.is_file():
        held = json.loads(stamp.read_text(encoding="utf-8"))
        if held.get("sample") == wanted and held.get("files") == _digests(folder, held.get("files", ())):
            return folder
    write(simulate(accounts=accounts, seed=seed), folder)
    written = (".csv", ".parquet", ".yml", ".json")
    files = sorted(path.name for path in folder.iterdir() if path.suffix in written and path != stamp)
    text = json.dumps({"sample": wanted, "files": _digests(folder, files)}, indent=1, sort_keys=True)
    # Last and in one step, so that an interrupted write is never taken for the sample
    partial = folder / f"{STAMP}.part"
    partial.write_text(text + "\n", encoding="utf-8", newline="\n")
    os.replace(partial, stamp)
    return folder


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() if (folder / name).is_file() else ""
        for name in names
    }


def _text(table: pd.DataFrame) -> pd.DataFrame:
    """The table as the text to write: two decimals for money, ISO dates, true and false."""
    columns = {}
    for name, values in table.items():
        if name in MONEY:
            columns[name] = values.map("{:.2f}".format, na_action="ignore")
        elif name in TIMES:
            columns[name] = values.dt.strftime("%Y-%m-%d %H:%M:%S")
        elif values.dtype.kind == "M":
            columns[name] = values.dt.strftime("%Y-%m-%d")
        elif values.dtype.kind == "b":
            columns[name] = values.map({True: "true", False: "false"})
        else:
            columns[name] = values
    return pd.DataFrame(columns)


def _mapping(truth: dict[str, object], columns: dict[str, list[str]], parquet: Collection[str]) -> str:
    tables: dict[str, dict[str, object]] = {}
    for name, of_table in columns.items():
        attributes = [column for column in of_table if column in LABELS and name in ("customers", "flat")]
        tables[name] = {
            "from": f"{name}.parquet" if name in parquet else f"{name}.csv",
            "columns": {column: column for column in of_table if column not in attributes},
        }
        if attributes:
            tables[name]["attributes"] = {
                column: {"from": column, "known_at": truth["known_at"][column], "label": LABELS[column], "kind": "text"}
                for column in attributes
            }
    declared: dict[str, object] = {
        "version": 1,
        "description": "The sample: a simulated software business with known truth.",
        "currency": "GBP",
    }
    if "flat" in columns:
        declared["observation"] = "followed_from_start"
    else:
        declared["observed_from"] = truth["observed_from"]
    declared["tables"] = tables
    return yaml.safe_dump(declared, sort_keys=False, allow_unicode=True)
