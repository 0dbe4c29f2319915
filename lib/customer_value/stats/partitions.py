"""Cluster analysis: dividing points into groups whose members lie close together, by four methods behind one call.

(`customer_value.stats.clustering` is about something else: observations that come in clusters already.) Every method
sees the points in an order of their own, so that the order of the rows changes nothing, and starts from a fixed seed.

References
----------
Arthur and Vassilvitskii (2007) for the starts of k-means; Fraley and Raftery (2002) for the mixture; Ward (1963);
Ester, Kriegel, Sander and Xu (1996) for DBSCAN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, special
from scipy.cluster import hierarchy
from scipy.sparse import csgraph
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

METHODS = ("kmeans", "mixture", "hierarchical", "dbscan")

NOISE = -1
"""Label of points that DBSCAN assigns to no cluster."""

SEED = 20_260_630

_STARTS, _STEPS = 5, 50
_LEAST_VARIANCE = 0.01
"""Added to the variances of a mixture's components, in units of standardised points."""


@dataclass(frozen=True)
class Partition:
    """Points divided into clusters.

    Attributes
    ----------
    labels : the cluster of each point, 0 the largest; `NOISE` for none
    centres : mean of each cluster
    """

    labels: np.ndarray
    centres: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """How many points each cluster has."""
        return np.bincount(self.labels[self.labels != NOISE], minlength=len(self.centres))

    def nearest(self, points: npt.ArrayLike) -> np.ndarray:
        """The cluster whose centre is nearest to each of other points."""
        return cdist(np.asarray(points, dtype=float), self.centres).argmin(axis=1)


def partition(points: npt.ArrayLike, *, method: str = "kmeans", setting: float) -> Partition:
    """Divide points into clusters.

    Parameters
    ----------
    points : one row a point, one column a trait, standardised
    method : ``kmeans`` (5 starts by k-means++), ``mixture`` (normal components with covariances of their own),
        ``hierarchical`` (Ward's) or ``dbscan``
    setting : how many clusters; of ``dbscan`` the share of points that shall lie dense, which fixes its radius

    Raises
    ------
    ValueError : there is no such method
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got: {method!r}")
    points = np.asarray(points, dtype=float)
    order = np.lexsort(points.T[::-1])
    ordered = points[order]
    match method:
        case "kmeans":
            found = _kmeans(ordered, int(setting))
        case "mixture":
            found = _mixture(ordered, int(setting))
        case "hierarchical":
            found = hierarchy.fcluster(hierarchy.linkage(ordered, "ward"), int(setting), criterion="maxclust") - 1
        case _:
            found = _dense(ordered, setting)
    labels = np.empty(len(points), dtype=int)
    labels[order] = _by_size(found)
    return Partition(labels, _centres(points, labels))


def silhouette(points: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """How much nearer points lie to the centre of their own cluster than to the next: mean simplified silhouette.

    1 where every point lies at its centre, 0 where half way; points in no cluster do not count.

    References
    ----------
    Rousseeuw (1987); with centres for all members, Vendramin, Campello and Hruschka (2010).
    """
    points, labels = np.asarray(points, dtype=float), np.asarray(labels)
    points, labels = points[labels != NOISE], labels[labels != NOISE]
    if len(np.unique(labels)) < 2:
        return 0.0
    distances = cdist(points, _centres(points, labels))
    own = distances[np.arange(len(labels)), labels]
    distances[np.arange(len(labels)), labels] = np.inf
    other = distances.min(axis=1)
    return float(np.mean((other - own) / np.maximum(np.maximum(other, own), 1e-12)))


def adjusted_rand(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Agreement of two partitions of the same points: 1 for the same, 0 on average by chance.

    References
    ----------
    Hubert and Arabie (1985).
    """
    _, one = np.unique(np.asarray(first), return_inverse=True)
    _, two = np.unique(np.asarray(second), return_inverse=True)
    table = sparse.coo_array((np.ones(len(one)), (one, two))).toarray()
    both, rows, columns = (special.comb(each, 2).sum() for each in (table, table.sum(axis=1), table.sum(axis=0)))
    expected, most = rows * columns / special.comb(len(one), 2), (rows + columns) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))


def principal_axes(points: npt.ArrayLike, count: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points seen along the directions in which they vary most.

    Returns
    -------
    ``scores`` (points × count), ``loadings`` (count × traits; the largest of each is positive, so that no sign is left
    to chance) and the ``share`` of all variance along each.
    """
    points = np.asarray(points, dtype=float)
    centred = points - points.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    loadings = directions[:count]
    largest = loadings[np.arange(len(loadings)), np.abs(loadings).argmax(axis=1)]
    loadings = loadings * np.sign(largest)[:, None]
    return centred @ loadings.T, loadings, spread[:count] ** 2 / max(float((spread**2).sum()), 1e-12)


def _kmeans(points: np.ndarray, count: int) -> np.ndarray:
    generator = np.random.default_rng(SEED)
    best, least = np.zeros(len(points), dtype=int), np.inf
    for _ in range(_STARTS):
        centres = _starts(points, count, generator)
        labels = np.full(len(points), NOISE)
        for _ in range(_STEPS):
            before, labels = labels, cdist(points, centres, "sqeuclidean").argmin(axis=1)
            if (labels == before).all():
                break
            there = np.unique(labels)
            centres[there] = _centres(points, labels)[there]
        within = float(((points - centres[labels]) ** 2).sum())
        if within < least - 1e-9:
            best, least = labels, within
    return best


def _starts(points: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """The first at random, each further one by the squared distance from those there are."""
    chosen = [int(generator.integers(len(points)))]
    nearest = np.full(len(points), np.inf)
    for _ in range(count - 1):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        total = nearest.sum()
        if not total > 0:
            break
        chosen.append(int(np.searchsorted(np.cumsum(nearest) / total, generator.random()).clip(0, len(points) - 1)))
    return points[chosen].copy()


def _mixture(points: np.ndarray, count: int) -> np.ndarray:
    """Expectation and maximisation from k-means on; the component that most likely made each point."""
    _, labels = np.unique(_kmeans(points, count), return_inverse=True)
    belongs = np.eye(labels.max() + 1)[labels]
    before = -np.inf
    for _ in range(4 * _STEPS):
        size = belongs.sum(axis=0) + 1e-9
        means = belongs.T @ points / size[:, None]
        densities = np.empty_like(belongs)
        for place, mean in enumerate(means):
            away = points - mean
            covariance = (belongs[:, place, None] * away).T @ away / size[place]
            root = np.linalg.cholesky(covariance + _LEAST_VARIANCE * np.eye(points.shape[1]))
            standard = np.linalg.solve(root, away.T)
            densities[:, place] = -(standard**2).sum(axis=0) / 2 - np.log(np.diag(root)).sum()
        densities += np.log(size / size.sum())
        likelihood = float(special.logsumexp(densities, axis=1).mean())
        belongs = special.softmax(densities, axis=1)
        if likelihood - before < 1e-6:
            break
        before = likelihood
    return belongs.argmax(axis=1)


def _dense(points: np.ndarray, share: float) -> np.ndarray:
    """DBSCAN: points with enough neighbours within a radius, joined where they are neighbours, and what borders them.

    Enough are two a trait; the radius is the one within which ``share`` of all points have as many.
    """
    enough = min(2 * points.shape[1], len(points) - 1)
    tree = KDTree(points)
    reach = tree.query(points, k=enough + 1)[0][:, -1]
    radius = float(np.quantile(reach, share))
    core = np.flatnonzero(reach <= radius)
    joined = KDTree(points[core]).query_pairs(radius, output_type="ndarray")
    graph = sparse.coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(len(core), len(core)))
    _, component = csgraph.connected_components(graph.tocsr(), directed=False)
    distance, nearest = KDTree(points[core]).query(points)
    return np.where(distance <= radius, component[nearest], NOISE)


def _by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters numbered from the largest; equal ones as they come in the order of the points."""
    names, first, place, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    ranked = [each for each in np.lexsort([first, -sizes]) if names[each] != NOISE]
    number = np.full(len(names), NOISE)
    number[ranked] = np.arange(len(ranked))
    return number[place.ravel()]


def _centres(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    inside = labels != NOISE
    count = int(labels.max(initial=-1)) + 1
    sizes = np.bincount(labels[inside], minlength=count)
    sums = np.array([np.bincount(labels[inside], column[inside], minlength=count) for column in points.T]).reshape(
        -1, count
    )
    return (sums / np.maximum(sizes, 1)).T
