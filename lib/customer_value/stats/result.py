"""The one shape that every study returns.

One vocabulary means one table style, one interval plot, one saver and one comparer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

UNITS = ("share", "money", "count", "months", "ratio", "points", "by row")
"""What an estimate is measured in; with ``by row`` the table has a column ``unit`` holding one of the others."""


@dataclass(frozen=True)
class Result:
    """Estimates with their intervals, sample sizes and provenance.

    Attributes
    ----------
    name : identifier of the quantity, such as ``retention_curve``
    table : key columns, then ``estimate, low, high, n`` and, where they apply, ``events, p, p_adjusted`` and further
        columns that the study documents. A suppressed row keeps its keys and ``n``; its numbers are missing.
    keys : the columns that identify a row; no two rows agree on all of them
    unit : one of `UNITS`
    level : confidence level of ``low`` and ``high``; None where they are absent
    n_of : what ``n`` counts, such as ``accounts`` or ``person-months``
    reference : the group that others are compared with
    family : name of the set of comparisons that ``p_adjusted`` was computed within
    suppressed : how many rows are too small to show
    method : one line
    notes : caveats, as sentences
    """

    name: str
    table: pd.DataFrame
    keys: tuple[str, ...]
    unit: str
    level: float | None
    n_of: str
    reference: str | None = None
    family: str | None = None
    suppressed: int = 0
    method: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {UNITS}, got: {self.unit!r}")
        missing = [column for column in (*self.keys, "estimate") if column not in self.table]
        if missing:
            raise ValueError(f"table of {self.name!r} lacks {missing}, has: {list(self.table)}")
        if self.unit == "by row" and "unit" not in self.table:
            raise ValueError(f"table of {self.name!r} has unit 'by row' but no column 'unit'")
        if self.keys and self.table.duplicated(list(self.keys)).any():
            raise ValueError(f"keys {self.keys} of {self.name!r} do not identify its rows")

    def row(self, **keys: object) -> pd.Series:
        """The one row with these keys.

        Raises
        ------
        KeyError : a key is unknown, or no or several rows match; the message lists what exists
        """
        rows = self.where(**keys).table
        if len(rows) != 1:
            known = self.table[list(keys)].drop_duplicates().head(20).to_dict("records")
            raise KeyError(f"{len(rows)} rows of {self.name!r} match {keys}; there are: {known}")
        return rows.iloc[0]

    def where(self, **keys: object) -> Result:
        """The same result, only the rows with these keys."""
        unknown = [key for key in keys if key not in self.keys]
        if unknown:
            raise KeyError(f"{self.name!r} has no key {unknown}; its keys are {self.keys}")
        chosen = pd.Series(True, index=self.table.index)
        for key, value in keys.items():
            chosen &= self.table[key] == value
        return replace(self, table=self.table[chosen].reset_index(drop=True))

    def with_table(self, table: pd.DataFrame) -> Result:
        """The same result with another table, for example fewer rows or a further column."""
        return replace(self, table=table.reset_index(drop=True))

    def noting(self, *notes: str) -> Result:
        """The same result with further caveats."""
        return replace(self, notes=(*self.notes, *notes))
