"""CSV files that a spreadsheet opens without running anything.

A cell that begins like a formula would be evaluated by the spreadsheet of whoever opens the file; names and comments
come from outside, so such cells are written with a leading apostrophe.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?%?\Z")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def defuse(value: object) -> object:
    """The value, with an apostrophe before text that a spreadsheet would take for a formula; numbers stay."""
    if isinstance(value, str) and value.lstrip(" ").startswith(_DANGEROUS) and not _NUMBER.match(value.strip(" ")):
        return "'" + value
    return value


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as UTF-8 CSV, formulas defused, with the same bytes wherever it runs.

    Fractions are written to ten significant digits: the sixteenth differs between processors.

    Parameters
    ----------
    frame : any table; its index is not written, its row order is kept
    path : the file; folders above it are made
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    safe = frame.copy()
    safe.columns = [defuse(str(column)) for column in safe.columns]
    for place, dtype in enumerate(frame.dtypes):
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)):
            safe.isetitem(place, frame.iloc[:, place].map(defuse, na_action="ignore").astype(object))
    safe.to_csv(path, index=False, encoding="utf-8", lineterminator="\n", float_format="%.10g")
