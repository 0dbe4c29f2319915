"""Clusters of three blobs of points by scikit-learn, stored in clusters.json so that the tests run without it.

Made with scikit-learn 1.9.1: python tests/reference/clusters.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS, DENSE = 6, 0.9  # two a trait; the share of points that shall lie dense

points, truth = make_blobs(n_samples=[60, 40, 30], centers=[[0, 0, 0], [6, 1, 0], [1, 6, 5]], random_state=1)
points = points.round(6)
reach = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(points).kneighbors(points)[0][:, -1]
labels = {
    "kmeans": KMeans(3, n_init=10, random_state=0).fit_predict(points),
    "mixture": GaussianMixture(3, n_init=5, random_state=0, reg_covar=0.01).fit_predict(points),
    "hierarchical": AgglomerativeClustering(3).fit_predict(points),
    "dbscan": DBSCAN(eps=np.quantile(reach, DENSE), min_samples=NEIGHBOURS + 1).fit_predict(points),
}
shuffled = np.random.default_rng(3).permutation(truth)
stored = {
    "points": points.tolist(),
    "truth": truth.tolist(),
    "labels": {name: found.tolist() for name, found in labels.items()},
    "dense": DENSE,
    "rand": adjusted_rand_score(truth, labels["dbscan"]),
    "shuffled": shuffled.tolist(),
    "rand_shuffled": adjusted_rand_score(truth, shuffled),
    "components": PCA(2).fit(points).components_.tolist(),
    "shares": PCA(2).fit(points).explained_variance_ratio_.tolist(),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(stored) + "\n", encoding="utf-8")
