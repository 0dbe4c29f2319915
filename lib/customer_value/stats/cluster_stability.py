"""How many clusters there are, if any: those that come back in half of the points, and lie apart more than by chance.

Any method divides any points. A number of clusters *holds* where

- every cluster has enough points,
- every cluster comes back: in half of the points, divided anew, some cluster shares on average at least three quarters
  with it (Jaccard: of all points in either, those in both), and
- the clusters lie clearly further apart, by their silhouette, than those found in points without any structure: as
  many, each trait distributed as it is, and the traits related only as ranks that go together are (a normal copula).
  Skewed traits, and traits that rise together, look divided by themselves; that is no cluster. Clearly is by three
  standard deviations of chance and by a tenth, for of very many points the least unevenness is beyond chance.

Of the numbers that hold, the one that exceeds what chance gives by most is chosen. Where none does there are no stable
clusters, and that is the answer.

References
----------
Hennig (2007), Cluster-wise assessment of cluster stability; Tibshirani, Walther and Hastie (2001) for comparing with
points that have no clusters; Liu, Hayes, Nobel and Marron (2008) for keeping their spread and correlation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from customer_value.stats.partitions import SEED, Partition, partition, silhouette

STABLE = 0.75
"""Least mean Jaccard of a cluster that counts as stable."""

MOST = 6
"""Clusters looked for at most; more kinds than that nobody keeps in mind."""

MOST_FITTED = 4_000
"""Points that clusters are learned from at most; further ones join the nearest centre."""

HALVES, REFERENCES = 20, 20
_CLEARLY, _FURTHER = 3.0, 1.1
DENSE_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""What DBSCAN is tried with: the share of points that shall lie dense."""


@dataclass(frozen=True)
class Clusters:
    """What was tried, and what holds.

    Attributes
    ----------
    tried : one row a setting: ``setting, clusters, smallest`` (points in the smallest cluster), ``stability`` (least
        mean Jaccard of its clusters), ``silhouette``, ``by_chance`` (what it has to exceed: three standard
        deviations and a tenth above the mean of points without structure), ``holds``, ``chosen``
    partition : the one chosen, of all points; None where none holds
    stability : mean Jaccard of each of its clusters
    """

    tried: pd.DataFrame
    partition: Partition | None
    stability: np.ndarray


def stable_clusters(points: npt.ArrayLike, *, method: str = "kmeans", most: int = MOST, fewest: int = 30) -> Clusters:
    """The clusters that hold, of those that a method finds.

    Parameters
    ----------
    points : one row a point, one column a trait, standardised (`robust_scores`)
    method : one of `partitions.METHODS`
    most : the largest number of clusters looked for
    fewest : points that each cluster must have

    Raises
    ------
    ValueError : there is no such method
    """
    every = np.asarray(points, dtype=float)
    chosen = _learned_from(every)
    points = every[chosen]
    rows, found = [], {}
    if points.shape[1]:
        settings = DENSE_SHARES if method == "dbscan" else [k for k in range(2, most + 1) if k * fewest <= len(every)]
        for setting in settings:
            divided = partition(points, method=method, setting=setting)
            sizes = divided.sizes * len(every) / len(points)
            row = {"setting": setting, "clusters": len(sizes), "smallest": int(sizes.min(initial=len(every)))}
            if 2 <= len(sizes) <= most:
                jaccard = _come_back(points, divided, method, setting)
                row |= {"stability": float(jaccard.min()), "silhouette": silhouette(points, divided.labels)}
                row |= {"by_chance": _by_chance(points, method, setting)}
                found[setting] = divided, jaccard
            rows.append(row)
    columns = ["setting", "clusters", "smallest", "stability", "silhouette", "by_chance"]
    tried = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))
    tried["holds"] = (
        (tried["stability"] >= STABLE) & (tried["smallest"] >= fewest) & (tried["silhouette"] > tried["by_chance"])
    )
    held = tried[tried["holds"]]
    best = held.assign(excess=held["silhouette"] - held["by_chance"]).sort_values("excess", kind="stable").tail(1)
    tried["chosen"] = tried.index.isin(best.index)
    if best.empty:
        return Clusters(tried, None, np.array([]))
    divided, jaccard = found[best["setting"].iloc[0]]
    if len(points) == len(every):
        return Clusters(tried, divided, jaccard)
    labels = divided.nearest(every)
    labels[chosen] = divided.labels
    return Clusters(tried, Partition(labels, divided.centres), jaccard)


def robust_scores(values: pd.DataFrame, *, limit: float = 2.5) -> pd.DataFrame:
    """Traits in units of their own spread, from their own middle, so that none counts for more than another.

    Less the median, over the range of the middle four fifths (as a standard deviation: × 0.3902), where that is nothing
    over the standard deviation; held within ``limit`` so that no outlier is a cluster of its own. A missing value is
    the median. Traits that do not vary are left out.
    """
    found = {}
    for name, column in values.items():
        away = column.astype(float) - column.median()
        spread = 0.3902 * float(away.quantile(0.9) - away.quantile(0.1))
        spread = spread if spread > 1e-9 else float(away.std(ddof=0))
        if np.isfinite(spread) and spread > 1e-9:
            found[name] = (away / spread).clip(-limit, limit).fillna(0.0)
    return pd.DataFrame(found, index=values.index)


def _learned_from(points: np.ndarray) -> np.ndarray:
    """Which points clusters are learned from, whatever the order of the rows."""
    if len(points) <= MOST_FITTED:
        return np.arange(len(points))
    order = np.lexsort(points.T[::-1])
    return np.sort(order[np.random.default_rng(SEED).choice(len(points), MOST_FITTED, replace=False)])


def _come_back(points: np.ndarray, divided: Partition, method: str, setting: float) -> np.ndarray:
    """Mean Jaccard of each cluster with the cluster most like it in halves of the points divided anew."""
    order = np.lexsort(points.T[::-1])
    generator = np.random.default_rng(SEED)
    total = np.zeros(len(divided.centres))
    for _ in range(HALVES):
        half = order[generator.permutation(len(points))[: len(points) // 2]]
        anew = partition(points[half], method=method, setting=setting).labels
        total += _most_alike(divided.labels[half], anew, len(total))
    return total / HALVES


def _most_alike(labels: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Of each of ``count`` clusters of the first, the largest Jaccard with a cluster of the second."""
    found = others.max(initial=-1) + 1
    if not found:
        return np.zeros(count)
    table = np.zeros((count + 1, found + 1))
    # What is in no cluster stands in the last row and column.
    np.add.at(table, (labels, others), 1)
    both = table[:-1, :-1]
    either = table[:-1].sum(axis=1)[:, None] + table[:, :-1].sum(axis=0) - both
    return (both / np.maximum(either, 1)).max(axis=1)


def _by_chance(points: np.ndarray, method: str, setting: float) -> float:
    """The silhouette that clusters in points without structure hardly exceed."""
    generator = np.random.default_rng(SEED)
    count, traits = points.shape
    # Equal values share their rank: parted by the order of the rows, every two traits with many of them would agree.
    ranks = stats.rankdata(points, axis=0)
    correlation = _correlation(special.ndtri((ranks - 0.5) / count))
    values, directions = np.linalg.eigh(correlation)
    root = directions * np.sqrt(np.maximum(values, 0.0))
    inorder = np.sort(points, axis=0)
    found = []
    for _ in range(REFERENCES):
        normal = generator.standard_normal((count, traits)) @ root.T
        drawn = np.take_along_axis(inorder, np.argsort(np.argsort(normal, axis=0), axis=0), axis=0)
        found.append(silhouette(drawn, partition(drawn, method=method, setting=setting).labels))
    return float(max(np.mean(found) + _CLEARLY * np.std(found, ddof=1), _FURTHER * np.mean(found)))


def _correlation(values: np.ndarray) -> np.ndarray:
    """Of columns with each other; of one that does not vary, none."""
    away = values - values.mean(axis=0)
    size = np.sqrt((away**2).sum(axis=0))
    standard = away / np.where(size > 0, size, 1.0)
    found = standard.T @ standard
    np.fill_diagonal(found, 1.0)
    return found
