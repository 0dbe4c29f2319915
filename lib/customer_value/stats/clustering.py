"""How much observations that come in clusters tell: answers of one household, visits of one person.

Observations of one cluster are alike, so that ten from one tell less than ten from ten. The design effect says by how
much a mean over all of them is less certain than it seems.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from customer_value.stats import intervals


def intraclass_correlation(values: npt.ArrayLike, cluster: npt.ArrayLike) -> float:
    """How alike the observations of one cluster are: the analysis-of-variance estimate, held between 0 and 1.

    0 where every cluster has one observation, or where nothing varies.

    Parameters
    ----------
    values : one number an observation
    cluster : which cluster each belongs to

    References
    ----------
    Donner (1986), section 3.
    """
    values = np.asarray(values, dtype=float)
    _, codes, sizes = np.unique(np.asarray(cluster), return_inverse=True, return_counts=True)
    n, groups = values.size, sizes.size
    if groups < 2 or n == groups:
        return 0.0
    means = np.bincount(codes, values) / sizes
    within = float(((values - means[codes]) ** 2).sum()) / (n - groups)
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
    typical = (n - float((sizes**2).sum()) / n) / (groups - 1)
    total = between + (typical - 1) * within
    return float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0 else 0.0


def effective_n(values: npt.ArrayLike, cluster: npt.ArrayLike, *, weight: npt.ArrayLike | None = None) -> float:
    """Size of an unclustered, equally weighted sample that would fix the mean as well.

    Kish's ``(Σw)² / Σw²`` over the design effect ``1 + (m − 1)ρ``, where ρ is the correlation within clusters and m the
    mean size of the cluster that an observation finds itself in. Never below the size that the clusters' total weights
    alone would give.

    Parameters
    ----------
    values : one number an observation
    cluster : which cluster each belongs to
    weight : of each observation; equal when None

    References
    ----------
    Kish (1965), Survey Sampling, sections 5.4 and 11.7.
    """
    values = np.asarray(values, dtype=float)
    weight = np.ones(values.size) if weight is None else np.asarray(weight, dtype=float)
    size = intervals.effective_n(weight)
    if size == 0:
        return 0.0
    _, codes, sizes = np.unique(np.asarray(cluster), return_inverse=True, return_counts=True)
    met = float((sizes**2).sum()) / values.size
    corrected = size / (1 + (met - 1) * intraclass_correlation(values, cluster))
    return max(corrected, min(size, intervals.effective_n(np.bincount(codes, weight))))
