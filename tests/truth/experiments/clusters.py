"""Clusters: none where there are none, however skewed or stretched the points, and the right ones where there are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from customer_value.stats.cluster_stability import robust_scores, stable_clusters
from customer_value.stats.partitions import adjusted_rand
from experiment import Experiment, Measure, total

ACCOUNTS, TRAITS, MOST = 200, 4, 4
SEPARATION = 5.0


def _structureless(seed: int) -> Mapping[str, tuple[float, float]]:
    """Points of one of five shapes with one top, related to each other as it happens."""
    rng = np.random.default_rng(seed)
    size = (ACCOUNTS, TRAITS)
    shapes = {
        "bell": lambda: rng.normal(size=size),
        "uniform": lambda: rng.random(size),
        "skewed": lambda: rng.exponential(size=size),
        "heavy": lambda: rng.standard_t(3, size),
        "stretched": lambda: rng.normal(size=size) @ rng.normal(size=(TRAITS, TRAITS)),
    }
    shape = list(shapes)[seed % len(shapes)]
    found = stable_clusters(robust_scores(pd.DataFrame(shapes[shape]())).to_numpy(), most=MOST)
    return {
        "flagged": (float(found.partition is not None), 1.0),
        "comes_back": (float((found.tried["stability"] >= 0.75).any()), 1.0),
    }


def _blobs(seed: int) -> Mapping[str, tuple[float, float]]:
    """Two to four round clusters of equal chance, their centres at corners far apart."""
    rng = np.random.default_rng(seed)
    count = 2 + seed % 3
    corners = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 1]])[:count]
    label = rng.integers(count, size=ACCOUNTS)
    points = SEPARATION * corners[label] + rng.normal(size=(ACCOUNTS, TRAITS))
    found = stable_clusters(robust_scores(pd.DataFrame(points)).to_numpy(), most=MOST)
    if found.partition is None:
        return {"number": (0.0, 1.0), "agreement": total([np.nan])}
    agreement = adjusted_rand(found.partition.labels, label)
    return {"number": (float(len(found.partition.centres) == count), 1.0), "agreement": total([agreement])}


EXPERIMENTS = (
    Experiment(
        name="clusters_none",
        study="Clusters",
        says=f"{ACCOUNTS} accounts with {TRAITS} traits of one shape: normal, uniform, exponential, t with 3 degrees, "
        "or normal and related by chance. There are no clusters.",
        worlds=400,
        short=10,
        world=_structureless,
        measures=(
            Measure("flagged", "clusters are shown", "errs", None, 0.05),
            Measure("comes_back", "some number of clusters comes back in halves of the accounts", "share"),
        ),
    ),
    Experiment(
        name="clusters_blobs",
        study="Clusters",
        says=f"{ACCOUNTS} accounts in two to four round clusters, their centres {SEPARATION:g} standard deviations "
        "apart in two traits or more.",
        worlds=200,
        short=6,
        world=_blobs,
        measures=(
            Measure("number", "as many clusters as there are", "share", 0.9, None),
            Measure("agreement", "adjusted Rand index with the true clusters, where any are found", "mean", 0.9, None),
        ),
    ),
)
