"""Marts on disk: Parquet files beside a ``marts.json`` that says what they are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

NAMES = (
    "lines", "spells", "accounts", "calendar_months", "age_months", "flat", "nps_answers", "invitations",
    "usage_months", "feature_months", "adoption", "risk_months", "plans", "renewals",
    "invoices",
    "plan_stays", "milestones", "goals", "use_days", "targets",
    "acquisition_costs", "cost_months",
)  # fmt: skip
"""Every mart there can be, in the order in which they are made."""

_DATES = (
    "as_of", "complete_from", "data_from", "features_from", "features_until", "first_month", "last_month",
    "observed_from", "usage_from", "usage_until",
)  # fmt: skip
_DESCRIPTION = "marts.json"
Computed = TypeVar("Computed")


@dataclass(frozen=True)
class Meta:
    """What the marts say of themselves.

    Attributes
    ----------
    shape : ``subscriptions``, ``snapshots`` or ``flat``
    as_of : the day at whose close everything is seen; None for flat
    last_month : first day of the last whole month; None for flat
    first_month : first day of the first month whose movements mean something (after the opening stock's); None for flat
    observed_from : the day from which the data are complete, as declared; None if it was not
    data_from : the first day on which anyone paid; None for flat
    complete_from : the first day at whose close the state is complete: the last of the opening stock's, else data_from
    opening_stock : accounts that were customers already when the data begin
    opening_stock_declared : whether that rests on ``observed_from`` (else on the first month's starts)
    unknown_start : accounts of the opening stock without a sign-up date; they are left out of age-based results
    late_entry : accounts that are older than what is observed of them; they enter age-based results late
    never_paid : accounts whose rows never add up to an MRR above zero; they are no customers and in no mart
    grace_days : the longest gap that is a pause rather than churn
    currency : code, or None
    conversions : currencies whose prices were brought into it, by code: ``rate`` (one for the whole report) and
        ``accounts``
    changed_currency : accounts with prices in more than one currency
    observation, snapshot_window : how a flat table was observed, as declared; None if it was not
    attributes : by name ``table``, ``known_at``, ``label``, ``kind``
    features : names of a flat table's features
    tables : contract tables present, by name
    rows : rows of each mart
    fingerprint : sha256 of the intake's fingerprint and the grace
    warnings : what a reader should know, as sentences
    usage_from, usage_until : first days of the first and the last month in which any use is recorded; None without use
    features_from, features_until : the same of use by feature
    usage_source : the contract's table behind ``activity`` (all use together) and behind ``features``
    """

    shape: str
    as_of: date | None
    last_month: date | None
    first_month: date | None
    observed_from: date | None
    data_from: date | None
    complete_from: date | None
    opening_stock: int
    opening_stock_declared: bool
    unknown_start: int
    late_entry: int
    never_paid: int
    grace_days: int
    currency: str | None
    observation: str | None
    snapshot_window: int | None
    attributes: Mapping[str, Mapping[str, str]]
    features: tuple[str, ...]
    tables: tuple[str, ...]
    rows: Mapping[str, int]
    fingerprint: str
    warnings: tuple[str, ...]
    usage_from: date | None = None
    usage_until: date | None = None
    features_from: date | None = None
    features_until: date | None = None
    usage_source: Mapping[str, str] = field(default_factory=dict)
    conversions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    changed_currency: int = 0

    def to_json(self) -> str:
        """As text with sorted keys; `from_json` reads it back."""
        values = {name: str(value) if isinstance(value, date) else value for name, value in vars(self).items()}
        return json.dumps(values, sort_keys=True, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Meta:
        """The description that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in _DATES:
            values[name] = None if values[name] is None else date.fromisoformat(values[name])
        for name in ("features", "tables", "warnings"):
            values[name] = tuple(values[name])
        return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})


@dataclass(frozen=True)
class Marts:
    """A folder of marts, opened for reading.

    Attributes
    ----------
    folder : where the Parquet files lie
    meta : what the marts say of themselves
    """

    folder: Path
    meta: Meta

    @classmethod
    def open(cls, folder: str | Path) -> Marts:
        """The marts that `customer_value.marts.build` wrote into ``folder``.

        Raises
        ------
        FileNotFoundError : the folder holds no marts
        """
        folder = Path(folder)
        return cls(folder=folder, meta=Meta.from_json((folder / _DESCRIPTION).read_text(encoding="utf-8")))

    def has(self, name: str) -> bool:
        """Whether there is a mart, or was a contract table, of this name."""
        return name in self.meta.rows or name in self.meta.tables

    def table(self, name: str) -> ir.Table:
        """One mart as an Ibis table; tables of the same `Marts` join.

        Raises
        ------
        KeyError : there is no such mart; the message lists those there are
        """
        if name not in self.meta.rows:
            raise KeyError(f"there is no mart {name!r}; there are: {', '.join(self.meta.rows)}")
        if name not in self._opened:
            self._opened[name] = self._connection.read_parquet(self.folder / f"{name}.parquet", table_name=name)
        return self._opened[name]

    def frame(self, name: str) -> pd.DataFrame:
        """One mart as pandas, in the mart's row order: money as floats, dates as ``datetime64[ns]``."""
        return to_pandas(self.table(name))

    def once(self, key: tuple[object, ...], compute: Callable[[], Computed]) -> Computed:
        """What ``compute`` gives, reckoned the first time only; whoever may change it must take a copy.

        Parameters
        ----------
        key : names the quantity and everything it depends on besides these marts
        """
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def keep(self, name: str, compute: Callable[[], ir.Table]) -> ir.Table:
        """What ``compute`` gives as a table in memory, made the first time only; it joins with these marts.

        Parameters
        ----------
        name : names the table and everything it depends on besides these marts
        """
        return self.once(("kept", name), lambda: self._connection.create_table(f"kept_{name}", compute(), temp=True))

    @cached_property
    def _known(self) -> dict[tuple[object, ...], Any]:
        return {}

    @cached_property
    def _connection(self) -> Backend:
        return ibis.duckdb.connect()

    @cached_property
    def _opened(self) -> dict[str, ir.Table]:
        return {}


def to_pandas(table: ir.Table) -> pd.DataFrame:
    """The rows of ``table``: money as floats, dates as ``datetime64[ns]``, whole numbers with gaps as floats."""
    kinds = table.schema()
    decimals = {name: table[name].cast("float64") for name, kind in kinds.items() if kind.is_decimal()}
    frame = table.mutate(**decimals).to_pandas() if decimals else table.to_pandas()
    for name, kind in kinds.items():
        if kind.is_date():
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ns]")
    return frame


def write(folder: Path, meta: Meta) -> None:
    """Put the description beside the marts; last, so that a broken build cannot be opened."""
    (folder / _DESCRIPTION).write_text(meta.to_json(), encoding="utf-8")


def clear(folder: Path) -> None:
    """Remove an earlier build, so that no mart of another shape stays behind."""
    for file in (folder / _DESCRIPTION, *(folder / f"{name}.parquet" for name in NAMES)):
        file.unlink(missing_ok=True)
