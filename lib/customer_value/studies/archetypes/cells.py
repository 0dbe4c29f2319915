"""The combinations of a base: which accounts each holds, what is expected of them, and how they come out shrunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, OTHER, attributes
from customer_value.stats import intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.shrinkage import Shrunk, moderated_errors, shrink_estimates, shrink_shares

METRICS = ("logo_retention", "grr", "nrr", "expansion_rate")
"""Metrics that are shrunk: shares of accounts and of revenue kept, revenue after over before, accounts that grew."""

OF_REVENUE = ("grr", "nrr")
KEPT = ("logo_retention", "grr")
"""Which of them weigh accounts by what they pay, and which are one less a share of losses."""

MOST_ORDER = 4
MOST_LEVELS = 12
"""Levels of one attribute that are told apart; nobody aims at the thirteenth largest."""

_SHARED = 0.5


@dataclass(frozen=True)
class Choice:
    """What is combined, and between which closes; the options of `archetypes` that name combinations."""

    start: date
    end: date
    by: tuple[str, ...] | None
    order: int
    bands: int
    money_name: Callable[[float], str] | None
    min_group: int

    @classmethod
    def of(
        cls,
        start: date,
        end: date,
        by: Sequence[str] | None,
        order: int,
        bands: int,
        money_name: Callable[[float], str] | None,
        min_group: int,
    ) -> Choice:
        """Checked.

        Raises
        ------
        SettingsError : ``order`` is impossible
        """
        if not 1 <= order <= MOST_ORDER:
            raise SettingsError(
                f"Archetypes combine one to {MOST_ORDER} attributes.\n  got:      order = {order}\n"
                "  remedy:   set order to 2; with more, hardly any combination holds enough accounts"
            )
        return cls(start, end, None if by is None else tuple(by), order, bands, money_name, min_group)


@dataclass(frozen=True)
class Archetypes:
    """Every combination of one order that is found in some accounts, one row a combination in ``cells``.

    ``cells`` has ``attribute, level, attribute_label``, sums over its accounts, and ``named`` (no part is pooled or not
    stated); ``levels`` the level of each attribute, missing where the combination does not name it; ``members`` which
    accounts it holds, cells by accounts.
    """

    cells: pd.DataFrame
    levels: pd.DataFrame
    members: sparse.csr_array


def grouped(marts: Marts, choice: Choice) -> tuple[pd.DataFrame, list[Grouping]]:
    """The base with what is expected of each account, and its groupings by every attribute that can be combined.

    Raises
    ------
    SettingsError : an attribute is unknown, or nobody was active at the close of the start
    """
    base = _with_expected(period_base(marts, start=choice.start, end=choice.end), choice.min_group)
    options = {"bands": choice.bands, "money_name": choice.money_name, "min_group": choice.min_group}
    groups = [
        Grouping.of(base, each, **options, most_levels=MOST_LEVELS)
        for each in attributes(marts.meta, names=choice.by)
        if each.known_at != "current"
    ]
    # Accounts of one level, or of one and what is not stated, are told apart by nothing that one could aim at.
    return base, [group for group in groups if group.plain and len(set(group.levels) - {NOT_STATED}) > 1]


def all_of(marts: Marts, choice: Choice) -> Archetypes | None:
    """Every combination of the base; None where too few attributes tell accounts apart."""
    return marts.once(("archetypes", choice), lambda: combined(*grouped(marts, choice), order=choice.order))


def all_shrunk(marts: Marts, choice: Choice, metric: str, *, confidence: float) -> Shrunk:
    """One metric of all of them, shrunk: of what is lost where the metric is what is kept."""
    key = ("archetypes", choice, metric, confidence)
    return marts.once(key, lambda: shrunk(metric, all_of(marts, choice), confidence=confidence))


def _with_expected(base: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """The base with what to expect of each account by whether it was free to leave.

    It was not where its contract term is stated and did not come due. What terms do besides is left to the model, which
    shrinks it: as an expectation their luck would be taken for certain.
    """
    base = base.assign(
        kept_mrr=np.minimum(base["start_mrr"], base["end_mrr"]),
        grown=base["end_mrr"] > base["start_mrr"],
        due=base["due"].astype(bool),
    )
    bound = base["term"].notna() & ~base["due"]
    if not (shown(int(bound.sum()), min_group) and shown(int((~bound).sum()), min_group)):
        bound = pd.Series(False, index=base.index)
    sums = base.groupby(bound)[["start_mrr", "end_mrr", "kept_mrr", "lost", "grown"]].sum()
    n = base.groupby(bound).size()
    average = sums["start_mrr"] / n
    # Half an account more on either side: where none left, one could have.
    expected = {
        "logo_retention": (sums["lost"] + 0.5) / (n + 1),
        "grr": (sums["start_mrr"] - sums["kept_mrr"] + average / 2) / (sums["start_mrr"] + average),
        "expansion_rate": (sums["grown"] + 0.5) / (n + 1),
        "nrr": sums["end_mrr"] / sums["start_mrr"],
    }
    return base.assign(**{f"expected_{name}": bound.map(values) for name, values in expected.items()})


def combined(base: pd.DataFrame, groups: Sequence[Grouping], *, order: int) -> Archetypes | None:
    """Every combination of ``order`` groupings that some account of ``base`` has; None where there are too few."""
    rows = base.index.to_numpy()
    before = base["start_mrr"].to_numpy(dtype=float)
    tables, levels, members = [], [], []
    for chosen in combinations(groups, order):
        codes = [group.named.cat.codes.to_numpy()[rows] for group in chosen]
        shape = [len(group.levels) for group in chosen]
        present, code = np.unique(np.ravel_multi_index(codes, shape), return_inverse=True)
        names = [
            np.array(group.levels, dtype=object)[places]
            for group, places in zip(chosen, np.unravel_index(present, shape), strict=True)
        ]
        net = intervals.ratio_jackknife_by(base["end_mrr"], before, code)
        sums = {
            "n": np.ones(len(base)),
            "lost": base["lost"],
            "grown": base["grown"],
            "due": base["due"],
            "before": before,
            "kept": base["kept_mrr"],
            "logo_retention_expected": base["expected_logo_retention"],
            "expansion_rate_expected": base["expected_expansion_rate"],
            "grr_expected": before * base["expected_grr"],
            "nrr_expected": before * base["expected_nrr"],
        }
        table = pd.DataFrame(
            {name: np.bincount(code, np.asarray(values, dtype=float)) for name, values in sums.items()}
        )
        table = table.join(net[["estimate", "low", "high", "standard_error", "effective_n", "largest_share"]])
        stated = np.all([~np.isin(each, (NOT_STATED, OTHER)) for each in names], axis=0)
        table = table.assign(
            n=table["n"].astype(int),
            attribute=" and ".join(group.attribute.name for group in chosen),
            attribute_label=_joined([group.attribute.label for group in chosen]),
            level=_named([group.attribute.label for group in chosen], names),
            named=stated,
        )
        tables.append(table)
        named = zip(chosen, names, strict=True)
        levels.append(pd.DataFrame({group.attribute.name: each for group, each in named}, dtype=object))
        ones = np.ones(len(base), dtype=np.int64)
        members.append(sparse.csr_array((ones, (code, rows)), shape=(len(present), len(groups[0].named))))
    if not tables:
        return None
    cells = pd.concat(tables, ignore_index=True)
    return Archetypes(cells, pd.concat(levels, ignore_index=True), sparse.csr_array(sparse.vstack(members)))


def _joined(labels: Sequence[str]) -> str:
    """Labels as one: "Channel and contract term", "Channel, size and plan"; abbreviations keep their capitals."""
    further = [label if label[:2].isupper() else label[:1].lower() + label[1:] for label in labels[1:]]
    return " and ".join([part for part in (", ".join([labels[0], *further[:-1]]), *further[-1:]) if part])


def _named(labels: Sequence[str], names: Sequence[np.ndarray]) -> list[str]:
    """The levels of each combination as one: "Partner and 500+"; with labels where two would else read alike."""
    plain = [" and ".join(each) for each in zip(*names, strict=True)]
    full = [
        "; ".join(f"{label}: {level}" for label, level in zip(labels, each, strict=True))
        for each in zip(*names, strict=True)
    ]
    return [long if plain.count(short) > 1 else short for short, long in zip(plain, full, strict=True)]


def events_of(metric: str, cells: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Events, denominators and expected share of a share of accounts or of revenue."""
    match metric:
        case "grr":
            # A share of revenue tells as much as so many accounts of equal size would.
            size = cells["effective_n"]
            lost = (1 - cells["kept"] / cells["before"]).clip(0, 1)
            return lost * size, size, cells["grr_expected"] / cells["before"]
        case "logo_retention":
            return cells["lost"], cells["n"].astype(float), cells["logo_retention_expected"] / cells["n"]
        case _:
            return cells["grown"], cells["n"].astype(float), cells["expansion_rate_expected"] / cells["n"]


def shrunk(metric: str, found: Archetypes, *, confidence: float) -> Shrunk:
    """One metric of the combinations given, shrunk: of what is lost where the metric is what is kept."""
    cells = found.cells
    options = {"confidence": confidence, "weight": cells["before"] if metric in OF_REVENUE else cells["n"]}
    if metric == "nrr":
        errors = moderated_errors(cells["standard_error"], cells["effective_n"], cells["n"])
        expected = cells["nrr_expected"] / cells["before"]
        return shrink_estimates(cells["estimate"], errors, found.levels, expected=expected, **options)
    events, size, expected = events_of(metric, cells)
    return shrink_shares(events, size, found.levels, expected=expected, **options)


def arr_now(marts: Marts, found: Archetypes, groups: Sequence[Grouping]) -> np.ndarray:
    """Recurring revenue a year, as of the as-of day, of the accounts active then that each combination describes."""
    accounts = marts.frame("accounts")
    active = accounts[accounts["status"] == "active"]
    now = pd.DataFrame({group.attribute.name: group.now(active) for group in groups})
    arr = 12 * active["mrr_now"].astype(float)
    totals = np.zeros(len(found.cells))
    named = found.levels.notna()
    for _, cells in found.levels.groupby(found.cells["attribute"], sort=False):
        names = [name for name in found.levels if named.loc[cells.index[0], name]]
        summed = arr.groupby([now[name] for name in names], observed=True).sum()
        levels = cells[names[0]] if len(names) == 1 else pd.MultiIndex.from_frame(cells[names])
        totals[cells.index] = summed.reindex(levels).fillna(0.0).to_numpy()
    return totals


def few_accounts(cells: pd.DataFrame) -> pd.Series:
    """Whether a few accounts decide a combination's revenue."""
    return (cells["effective_n"] < intervals.FEW_EFFECTIVE) | (cells["largest_share"] > intervals.FEW_SHARE)


def same_as(found: Archetypes, among: np.ndarray) -> np.ndarray:
    """For each combination the larger one that it shares more than half of all its accounts with; -1 for none."""
    places = np.flatnonzero(among)
    sizes = found.cells["n"].to_numpy()
    chosen = found.members[places]
    common = (chosen @ chosen.T).toarray()
    same = np.full(len(found.cells), -1)
    taken = np.zeros(len(places), dtype=bool)
    for mine in np.argsort(-sizes[places], kind="stable"):
        if taken[mine]:
            continue
        # More than half of the larger one's, hence of both.
        alike = (common[mine] > _SHARED * sizes[places[mine]]) & ~taken & (sizes[places] <= sizes[places[mine]])
        alike[mine] = False
        same[places[alike]] = places[mine]
        taken |= alike
        taken[mine] = True
    return same
