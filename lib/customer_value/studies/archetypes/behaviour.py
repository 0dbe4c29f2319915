"""Clusters of behaviour: accounts alike in many numbers at once when the period began, and what became of them.

Clusters are made from what was known at the close of the start alone. What happened later is only looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.traits import Trait, comparable, traits_at
from customer_value.stats import closed_cohort, intervals, multiplicity, partitions
from customer_value.stats.cluster_stability import STABLE, Clusters, robust_scores, stable_clusters
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result

OUTCOMES = {"logo_retention": "logo", "grr": "gross", "nrr": "net", "expansion_rate": "expansion_rate"}
"""What is looked up of every cluster, by its names in `closed_cohort`."""

COMPARED = ("logo_retention", "grr", "expansion_rate")
"""What clusters are compared by."""

TOO_NEW = "not placed"
"""Accounts whose use before the start is not known, most because they were too new."""

SETS_APART = 0.5
"""Standard deviations from all accounts from which on a trait is part of a cluster's name."""

_SAYS_THE_SAME = 0.9
"""Rank correlation with an earlier trait above which a trait is left out: it would count twice."""

MONEY_LEVEL = 0.80

METHOD = {
    "kmeans": "k-means",
    "mixture": "mixture of normal distributions",
    "hierarchical": "Ward's hierarchical clustering",
    "dbscan": "DBSCAN",
}


@dataclass(frozen=True)
class Placed:
    """The accounts of a close, placed.

    Attributes
    ----------
    traits, values : what they are compared by, and its values in natural units
    scores : the same in standard deviations, of the accounts that are placed
    clusters : what was tried and what holds
    cluster : the name of each account's cluster, by ``customer_id``; `TOO_NEW` where its use is not known
    names : the clusters from the largest; empty where none holds
    """

    traits: tuple[Trait, ...]
    values: pd.DataFrame
    scores: pd.DataFrame
    clusters: Clusters
    cluster: pd.Series
    names: tuple[str, ...]

    @property
    def stability(self) -> dict[str, float]:
        """Of each cluster."""
        return dict(zip(self.names, self.clusters.stability.tolist(), strict=True))

    def apart(self, name: str) -> pd.Series:
        """How far the cluster's mean lies from that of all, in standard deviations, by trait."""
        inside = self.cluster.reindex(self.scores.index) == name
        return (self.scores[inside].mean() - self.scores.mean()) / self.scores.std(ddof=0)


def placed(marts: Marts, *, start: date, method: str, most: int, min_group: int) -> Placed:
    """Divide the accounts active at the close of ``start`` into clusters, reckoned once.

    Raises
    ------
    SettingsError : there is no such method, or ``most`` is below two
    """
    if method not in partitions.METHODS or most < 2:
        raise SettingsError(
            "Clusters are found by one of four methods, two of them at least.\n"
            f"  got:      method = {method!r}, most = {most}\n"
            f"  remedy:   choose from {', '.join(partitions.METHODS)}; set most to 2 or more"
        )
    key = ("placed", start, method, most, min_group)
    return marts.once(key, lambda: _placed(marts, start, method, most, min_group))


def clusters(
    marts: Marts,
    *,
    start: date,
    end: date,
    method: str = "kmeans",
    most: int = 6,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every cluster: how many accounts, what they pay, and how they stayed and grew from ``start`` to ``end``.

    Parameters
    ----------
    start, end : the closes that the period runs between; clusters are made at the first
    method : ``kmeans``, ``mixture``, ``hierarchical`` or ``dbscan``
    most : the largest number of clusters looked for

    Returns
    -------
    Result keyed by ``cluster, metric``; ``unit`` by row. First the whole company (``all``), then the clusters from the
    largest, then `TOO_NEW`. Metrics: ``customers, arr_share, arpa`` and `OUTCOMES` with their intervals. ``stability``:
    mean Jaccard with halves of the accounts divided anew. Only the company's rows where no number of clusters holds.

    Raises
    ------
    SettingsError : there is no such method, or nobody was active at the close of ``start``
    """
    found = placed(marts, start=start, method=method, most=most, min_group=min_group)
    base = period_base(marts, start=start, end=end)
    cluster = base["customer_id"].map(found.cluster)
    total = float(base["start_mrr"].sum())
    rows = []
    for name in ("all", *found.names, *((TOO_NEW,) if found.names and (cluster == TOO_NEW).any() else ())):
        mine = base if name == "all" else base[cluster == name]
        about = {"cluster": name, "n": len(mine), "stability": found.stability.get(name)}
        before = float(mine["start_mrr"].sum())
        rows += [
            about | {"metric": "customers", "estimate": len(mine), "unit": "count"},
            about | {"metric": "arr_share", "estimate": before / total, "unit": "share"},
            about | {"metric": "arpa", "estimate": before / len(mine), "unit": "money"},
        ]
        fewest = 1 if name == "all" else min_group
        kept = closed_cohort.estimates(
            mine["start_mrr"], mine["end_mrr"], mine["lost"], confidence=confidence, min_group=fewest
        )
        rows += [
            about | kept.loc[key].to_dict() | {"metric": metric, "unit": "share"} for metric, key in OUTCOMES.items()
        ]
    columns = ["cluster", "metric", *closed_cohort.COLUMNS, "stability", "unit"]
    table = pd.DataFrame(rows).reindex(columns=columns).astype({"stability": float})
    return Result(
        name="clusters",
        table=table,
        keys=("cluster", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=int((table["metric"].isin(OUTCOMES) & table["estimate"].isna()).sum() > 0),
        method=f"{METHOD[method]} of what was known at the start. {closed_cohort.METHOD}",
    )


def cluster_number(marts: Marts, *, start: date, method: str = "kmeans", most: int = 6, min_group: int = 30) -> Result:
    """Every number of clusters that was tried, and which of them hold by the rule of `stats.cluster_stability`.

    Returns
    -------
    Result keyed by ``setting``; ``estimate`` is the stability of its least stable cluster, ``clusters`` how many,
    ``smallest`` the accounts of the smallest, ``silhouette`` and ``by_chance``, ``holds``, ``chosen``. ``n``: accounts
    that were placed. Without rows where use is not recorded.
    """
    found = placed(marts, start=start, method=method, most=most, min_group=min_group)
    tried = found.clusters.tried.rename(columns={"stability": "estimate"})
    return Result(
        name="cluster_number",
        table=tried.assign(n=len(found.scores)),
        keys=("setting",),
        unit="ratio",
        level=None,
        n_of="accounts",
        method=f"{METHOD[method]}; holds from a stability of {STABLE} and where the silhouette exceeds what points "
        "without structure reach; of those that hold, the one that exceeds it most",
    )


def cluster_profiles(
    marts: Marts, *, start: date, method: str = "kmeans", most: int = 6, min_group: int = 30
) -> Result:
    """What each cluster was like when the period began.

    Returns
    -------
    Result keyed by ``cluster, trait``; ``unit`` by row. First all accounts that were placed (``all``), then the
    clusters. ``estimate``: the median in natural units; ``apart``: how far its mean lies from that of all, in standard
    deviations; ``trait_label``.
    """
    found = placed(marts, start=start, method=method, most=most, min_group=min_group)
    cluster = found.cluster.reindex(found.scores.index)
    rows = []
    for name in ("all", *found.names) if found.names else ():
        inside = found.scores.index if name == "all" else found.scores.index[cluster == name]
        apart = pd.Series(0.0, index=found.scores.columns) if name == "all" else found.apart(name)
        rows += [
            {
                "cluster": name,
                "trait": trait.name,
                "estimate": float(found.values.loc[inside, trait.name].median()),
                "apart": float(apart[trait.name]),
                "n": len(inside),
                "unit": trait.unit,
                "trait_label": trait.label,
            }
            for trait in found.traits
        ]
    return Result(
        name="cluster_profiles",
        table=pd.DataFrame(rows, columns=["cluster", "trait", "estimate", "apart", "n", "unit", "trait_label"]),
        keys=("cluster", "trait"),
        unit="by row",
        level=None,
        n_of="accounts",
        reference="all",
        method="Medians; distances in standard deviations of all accounts placed",
    )


def cluster_view(marts: Marts, *, start: date, method: str = "kmeans", most: int = 6, min_group: int = 30) -> Result:
    """The accounts seen along the two directions in which they differ most (principal components).

    Returns
    -------
    Result keyed by ``customer_id``: ``estimate`` (along the first), ``second``, ``cluster``; ``across`` and ``upwards``
    say what accounts at that end are like, ``across_share`` and ``upwards_share`` how much of all difference lies
    along it. Without rows where no number of clusters holds.
    """
    found = placed(marts, start=start, method=method, most=most, min_group=min_group)
    table = pd.DataFrame(columns=["customer_id", "estimate", "second", "cluster"]).astype({"estimate": float})
    if found.names:
        scores, loadings, shares = partitions.principal_axes(found.scores.to_numpy())
        across, upwards = (_end(found.traits, loading) for loading in loadings)
        table = pd.DataFrame(
            {
                "customer_id": found.scores.index,
                "estimate": scores[:, 0],
                "second": scores[:, 1],
                "cluster": found.cluster.reindex(found.scores.index).to_numpy(),
                "across": across,
                "upwards": upwards,
                "across_share": shares[0],
                "upwards_share": shares[1],
            }
        )
    return Result(
        name="cluster_view",
        table=table,
        keys=("customer_id",),
        unit="ratio",
        level=None,
        n_of="accounts",
        method="Principal components of the traits in standard deviations",
    )


def cluster_contrasts(
    marts: Marts,
    *,
    start: date,
    end: date,
    method: str = "kmeans",
    most: int = 6,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every cluster against the accounts of the other clusters, as they are: no like is compared with like.

    Returns
    -------
    Result keyed by ``cluster, metric`` (`COMPARED`), in points of a share, cluster minus others: ``estimate, low, high,
    p, p_adjusted`` (Benjamini–Hochberg over the table), ``few_accounts``; of ``grr`` also ``money, money_low,
    money_high`` (80 %): the recurring revenue a year of its accounts active now times the difference, positive in its
    direction. Of two clusters the second is the mirror of the first and left out.
    """
    found = placed(marts, start=start, method=method, most=most, min_group=min_group)
    base = period_base(marts, start=start, end=end)
    cluster = base["customer_id"].map(found.cluster)
    accounts = marts.frame("accounts").set_index("customer_id")
    arr = 12 * accounts["mrr_now"].where(accounts["status"] == "active", 0.0).astype(float)
    rows = []
    for name in found.names[:1] if len(found.names) == 2 else found.names:
        sides = base[cluster == name], base[cluster.isin(found.names) & (cluster != name)]
        one, two = (
            closed_cohort.estimates(side["start_mrr"], side["end_mrr"], side["lost"], min_group=min_group)
            for side in sides
        )
        now = float(arr.reindex(sides[0]["customer_id"]).sum())
        for metric in COMPARED:
            first, second = one.loc[OUTCOMES[metric]], two.loc[OUTCOMES[metric]]
            row = {"cluster": name, "metric": metric, "n": len(sides[0]), "n_rest": len(sides[1])}
            row["few_accounts"] = bool(first["few_accounts"] or second["few_accounts"])
            if pd.notna(first["estimate"]) and pd.notna(second["estimate"]):
                pair = (first["estimate"], first["effective_n"], second["estimate"], second["effective_n"])
                row |= _difference(pair, confidence)
                if metric == "grr":
                    row |= _money(_difference(pair, MONEY_LEVEL), now)
            rows.append(row)
    columns = ["cluster", "metric", "estimate", "low", "high", "n", "n_rest", "p", "p_adjusted"]
    columns += ["money", "money_low", "money_high", "few_accounts"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    numbers = ["estimate", "low", "high", "p", "p_adjusted", "money", "money_low", "money_high"]
    table = table.astype(dict.fromkeys(numbers, float))
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name="cluster_contrasts",
        table=table,
        keys=("cluster", "metric"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="the other clusters",
        family="clusters",
        suppressed=int(table["estimate"].isna().sum()),
        method="Raw difference. Accounts: Newcombe, score test. Gross: the same on effective numbers of accounts",
    )


def _placed(marts: Marts, start: date, method: str, most: int, min_group: int) -> Placed:
    values, traits = traits_at(marts, start)
    known = values[[trait.name for trait in traits if trait.name in ("usage", "trend")]].notna().all(axis=1)
    values = values[known] if traits else values
    compared = pd.DataFrame({trait.name: comparable(values[trait.name], trait) for trait in traits}, index=values.index)
    scores = _told_apart(robust_scores(compared)) if traits and shown(len(values), 2 * min_group) else pd.DataFrame()
    found = stable_clusters(scores.to_numpy(), method=method, most=most, fewest=min_group)
    kept = tuple(trait for trait in traits if trait.name in scores)
    cluster = pd.Series(TOO_NEW, index=known.index, dtype=object)
    placed = Placed(kept, values, scores, found, cluster, ())
    if found.partition is None:
        return placed
    labels = found.partition.labels
    numbered = cluster.mask(cluster.index.isin(scores.index[labels != partitions.NOISE]))
    numbered[scores.index] = np.where(labels == partitions.NOISE, TOO_NEW, labels.astype(str))
    count = len(found.partition.centres)
    draft = Placed(kept, values, scores, found, numbered, tuple(str(number) for number in range(count)))
    names = _names([draft.apart(str(number)) for number in range(count)], kept)
    named = numbered.replace(dict(zip(draft.names, names, strict=True)))
    return Placed(kept, values, scores, found, named, tuple(names))


def _told_apart(scores: pd.DataFrame) -> pd.DataFrame:
    """Without traits that say what an earlier one says."""
    ranks = scores.corr(method="spearman").abs()
    kept: list[str] = []
    for name in scores:
        if not any(ranks.loc[name, other] > _SAYS_THE_SAME for other in kept):
            kept.append(name)
    return scores[kept]


def _names(apart: Sequence[pd.Series], traits: Sequence[Trait]) -> list[str]:
    """What each cluster is called: the two traits that set it apart most, more where two would be called alike."""
    ranked = []
    for distances in apart:
        far = [trait for trait in traits if abs(distances[trait.name]) >= SETS_APART]
        far.sort(key=lambda trait, distances=distances: -abs(distances[trait.name]))
        ranked.append([trait.high if distances[trait.name] > 0 else trait.low for trait in far])
    for most in range(2, len(traits) + 1):
        names = [", ".join(words[:most]) or "close to the average" for words in ranked]
        if len(set(names)) == len(names):
            return names
    return [name if names.index(name) == place else f"{name}, fewer accounts" for place, name in enumerate(names)]


def _end(traits: Sequence[Trait], loading: np.ndarray) -> str:
    """What accounts at the far end of an axis are like, by the two traits that make most of it."""
    order = np.argsort(-np.abs(loading), kind="stable")[:2]
    return ", ".join(traits[place].high if loading[place] > 0 else traits[place].low for place in order)


def _difference(pair: tuple[float, float, float, float], confidence: float) -> dict[str, float]:
    found = intervals.share_difference(*pair, confidence=confidence)
    return dict(zip(("estimate", "low", "high", "p"), map(float, found), strict=True))


def _money(difference: dict[str, float], arr: float) -> dict[str, float]:
    """What the difference is worth on accounts active now, counted in its direction."""
    sign = 1.0 if difference["estimate"] >= 0 else -1.0
    low, high = sorted(sign * arr * difference[end] for end in ("low", "high"))
    return {"money": sign * arr * difference["estimate"], "money_low": low, "money_high": high}
