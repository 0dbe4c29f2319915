"""Which groups are large enough to show.

One rule, on the denominator only: hiding groups by their outcomes (few losses, say) would show only the unlucky ones
and ruin the coverage of every interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

MIN_GROUP = 30
"""Smallest group shown by default."""


def shown(n: npt.ArrayLike, min_group: int = MIN_GROUP) -> np.ndarray | bool:
    """Whether a group of ``n`` is large enough to show; elementwise for arrays. A missing ``n`` is not.

    >>> shown(30), shown(29)
    (True, False)
    """
    sizes = np.asarray(n, dtype=float)
    enough = sizes >= min_group
    return bool(enough) if enough.ndim == 0 else enough


def suppress(
    table: pd.DataFrame,
    n_column: str = "n",
    columns: Sequence[str] = ("estimate", "low", "high"),
    min_group: int = MIN_GROUP,
) -> tuple[pd.DataFrame, int]:
    """A copy in which rows of small groups keep their keys and ``n`` but lose the numbers in ``columns``.

    Returns
    -------
    table, suppressed : the copy, and how many rows were too small
    """
    small = ~np.asarray(shown(table[n_column].to_numpy(dtype=float), min_group), dtype=bool)
    hidden = table.copy()
    for column in columns:
        hidden[column] = hidden[column].astype(float).mask(small)
    return hidden, int(small.sum())
