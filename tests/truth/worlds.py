"""Marts of a simulated business: by way of its files, as a company would bring them, or by a short cut to the same.

The short cut writes the tables as intake leaves them (their types read off one that went all the way) and spares the
checks, which say nothing new of the hundredth simulated business. A test holds that both ways give the same marts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd

from customer_value import intake, marts, simulate
from customer_value.marts import Marts
from customer_value.simulate import Parameters, Simulation

GRACE_DAYS = 31
USED = (
    "customers",
    "subscriptions",
    "plans",
    "features",
    "milestones",
    "success_plans",
    "nps_responses",
    "surveys_sent",
    "feature_usage_monthly",
    "activity_monthly",
)
"""The tables that marts read."""


@contextmanager
def marts_of(
    parameters: Parameters, *, accounts: int, seed: int, months: int = 36, use: bool = True
) -> Iterator[Marts]:
    """The marts of a business drawn from these parameters, which must not put in any rows that intake sets aside.

    Parameters
    ----------
    use : whether the tables besides customers and subscriptions are drawn
    """
    simulation = simulate.simulate(
        accounts=accounts, months=months, seed=seed, parameters=parameters, tables=USED if use else USED[:2]
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write(simulation, place / "tables")
        yield marts.build(place / "tables", place / "marts", grace_days=GRACE_DAYS)


@contextmanager
def marts_all_the_way(simulation: Simulation) -> Iterator[Marts]:
    """The marts of a simulated business by way of its files and intake."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _load(simulation, place)
        yield marts.build(place / "tables", place / "marts", grace_days=GRACE_DAYS)


def _load(simulation: Simulation, place: Path) -> None:
    used = {name: table for name, table in simulation.tables.items() if name in USED}
    simulate.write(replace(simulation, tables=used), place / "data")
    intake.load(place / "data", mapping=place / "data" / "mapping.yml", out=place / "tables")


@cache
def _left_by_intake() -> tuple[dict[str, list[tuple[str, str]]], dict[str, object]]:
    """Columns and types of every table, and the description beside them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _load(simulate.simulate(accounts=40, seed=1), place)
        described = json.loads((place / "tables" / "intake.json").read_text(encoding="utf-8"))
        columns = {
            name: duckdb.sql(f"DESCRIBE SELECT * FROM '{place / 'tables' / name}.parquet'").fetchall()
            for name in described["tables"]
        }
    return {name: [(row[0], row[1]) for row in rows] for name, rows in columns.items()}, described


def _write(simulation: Simulation, folder: Path) -> None:
    columns, described = _left_by_intake()
    folder.mkdir(parents=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, typed in columns.items():
            if name not in simulation.tables:
                continue
            connection.register("given", simulation.tables[name])
            cells = ", ".join(_cell(column, kind, simulation.tables[name]) for column, kind in typed)
            connection.execute(
                f"COPY (SELECT {cells} FROM given ORDER BY ALL) TO '{folder / name}.parquet' (FORMAT parquet)"
            )
    said: Mapping[str, object] = {
        **described,
        "as_of": simulation.truth["end"],
        "observed_from": simulation.truth["observed_from"],
        "tables": {name: len(table) for name, table in simulation.tables.items() if name in columns},
    }
    (folder / "intake.json").write_text(json.dumps(said), encoding="utf-8")


def _cell(column: str, kind: str, table: pd.DataFrame) -> str:
    if column not in table:
        return f"NULL::{kind} AS {column}"
    # Files hold money to the penny and nothing for an empty text.
    value = f"round({column}, 2)" if kind.startswith("DECIMAL") else column
    value = f"{value}::{kind}"
    return f"nullif({value}, '') AS {column}" if kind == "VARCHAR" else f"{value} AS {column}"
