"""p-values adjusted for the number of looks.

Missing p-values (groups too small to compare) stay missing and do not count as looks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from statsmodels.stats.multitest import multipletests


def benjamini_hochberg(p: npt.ArrayLike) -> np.ndarray:
    """Adjusted so that rejecting at q keeps the expected share of false discoveries at q.

    References
    ----------
    Benjamini and Hochberg (1995).
    """
    return _adjust(p, "fdr_bh")


def holm(p: npt.ArrayLike) -> np.ndarray:
    """Adjusted so that rejecting at α keeps the chance of any false rejection at α.

    References
    ----------
    Holm (1979).
    """
    return _adjust(p, "holm")


def _adjust(p: npt.ArrayLike, method: str) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    if np.any((p < 0) | (p > 1)):
        raise ValueError("p-values must lie between 0 and 1")
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method=method)[1]
    return adjusted
