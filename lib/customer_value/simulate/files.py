"""The simulated business as files, as a company would bring them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import yaml

from .business import SEED, Simulation, simulate

VERSION = 4
"""Raised whenever the same seed gives different files."""

STAMP = ".sample.json"
MONEY = ("mrr", "list_mrr", "list_price")
LABELS = {
    "industry": "Industry",
    "channel": "Acquisition channel",
    "region": "Region",
    "size": "Employees",
    "health": "Health today",
}


def write(simulation: Simulation, folder: Path) -> Path:
    """Write ``customers.csv``, ``subscriptions.csv``, ``plans.csv``, ``mapping.yml`` and ``truth.json``.

    The same simulation gives the same bytes. The mapping renames nothing; it declares when the data begin and which
    attributes were known at sign-up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in simulation.tables.items():
        _text(table).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    (folder / "mapping.yml").write_text(_mapping(simulation), encoding="utf-8", newline="\n")
    truth = json.dumps(simulation.truth, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "truth.json").write_text(truth + "\n", encoding="utf-8", newline="\n")
    return folder


def make_sample(folder: Path, *, accounts: int = 2000, seed: int = SEED) -> Path:
    """Have the sample of so many accounts in `folder`; a folder that holds it already is left as it is."""
    wanted = {"version": VERSION, "accounts": accounts, "seed": seed}
    stamp = folder / STAMP
    if stamp.is_file():
        held = json.loads(stamp.read_text(encoding="utf-8"))
        if held.get("sample") == wanted and held.get("files") == _digests(folder, held.get("files", ())):
            return folder
    write(simulate(accounts=accounts, seed=seed), folder)
    files = sorted(path.name for path in folder.iterdir() if path.suffix in (".csv", ".yml", ".json") and path != stamp)
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
            columns[name] = values.map("{:.2f}".format)
        elif values.dtype.kind == "M":
            columns[name] = values.dt.strftime("%Y-%m-%d")
        elif values.dtype.kind == "b":
            columns[name] = values.map({True: "true", False: "false"})
        else:
            columns[name] = values
    return pd.DataFrame(columns)


def _mapping(simulation: Simulation) -> str:
    known_at = simulation.truth["known_at"]
    attributes = {
        name: {"from": name, "known_at": known_at[name], "label": label, "kind": "text"}
        for name, label in LABELS.items()
    }
    tables = {
        name: {"from": f"{name}.csv", "columns": {column: column for column in table if column not in attributes}}
        for name, table in simulation.tables.items()
    }
    tables["customers"]["attributes"] = attributes
    declared = {
        "version": 1,
        "description": "The sample: a simulated software business with known truth.",
        "currency": "GBP",
        "observed_from": simulation.truth["observed_from"],
        "tables": tables,
    }
    return yaml.safe_dump(declared, sort_keys=False, allow_unicode=True)
