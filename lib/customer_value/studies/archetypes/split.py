"""Whether a ranking holds: ranked on one half of the accounts, looked up in the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd
from scipy import sparse

from customer_value.marts import Marts
from customer_value.marts.groups import Grouping
from customer_value.stats import intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.archetypes.cells import Choice, combined, grouped, shrunk
from customer_value.studies.archetypes.overview import BEST

_FEWEST_RANKED = 4
"""Fewer combinations than this make no ranking."""


def split_check(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    order: int = 2,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Combinations ranked on one random half of the accounts by logo retention, and looked up in the other.

    Each half ranks in turn and is confirmed by the other. The half of an account is a fixed hash of its id.

    Returns
    -------
    Result keyed by ``ranked_by, which, measure``; empty where fewer than four combinations reach ``min_group`` in
    either half. ``ranked_by``: ``raw`` (own figures) or ``shrunk``; ``which``: ``best`` or ``worst`` tenth;
    ``measure``: ``promised``, by the half that ranked, and ``confirmed``, by the other, both weighted by accounts, with
    Wilson's interval on the effective number (an account may belong to several combinations). which = all
    holds the rank_correlation (Spearman) of what was promised with the other half's own figures.

    Raises
    ------
    SettingsError : as in `archetypes`
    """
    choice = Choice.of(start, end, by, order, bands, money_name, min_group)
    base, groups = grouped(marts, choice)
    first = base["customer_id"].map(_first_half).to_numpy(dtype=bool)
    rounds = [
        found
        for half in (first, ~first)
        if (found := _ranked_half(groups, base, half, order=order, min_group=min_group)) is not None
    ]
    rows = []
    for by_what in ("raw", "shrunk") if len(rounds) == 2 else ():
        correlations = [cells[by_what].corr(cells["other"], method="spearman") for cells, _ in rounds]
        row = {"ranked_by": by_what, "which": "all", "measure": "rank_correlation", "unit": "ratio"}
        rows.append(row | {"estimate": float(np.mean(correlations))})
        for which, rising in (("best", False), ("worst", True)):
            promised, weights, times, kept = 0.0, 0.0, [], []
            for cells, members in rounds:
                top = (
                    cells[by_what]
                    .sort_values(ascending=rising, kind="stable")
                    .index[: max(1, round(BEST * len(cells)))]
                )
                promised += float((cells.loc[top, by_what] * cells.loc[top, "n"]).sum())
                weights += float(cells.loc[top, "n"].sum())
                each = np.asarray(members[top].sum(axis=0)).ravel()
                times.append(each[each > 0])
                kept.append(each[each > 0] * ~base["lost"].to_numpy()[each > 0])
            confirmed = intervals.weighted_share(np.concatenate(kept), np.concatenate(times), confidence=confidence)
            row = {"ranked_by": by_what, "which": which, "unit": "share"}
            rows.append(row | {"measure": "promised", "estimate": promised / weights, "n": confirmed.n})
            rows.append(row | {"measure": "confirmed"} | vars(confirmed))
    columns = ["ranked_by", "which", "measure", "estimate", "low", "high", "n", "unit"]
    return Result(
        name="archetypes_split_check",
        table=pd.DataFrame(rows).reindex(columns=columns),
        keys=("ranked_by", "which", "measure"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        method="Ranked on one half of the accounts by logo retention, confirmed on the other, both ways",
    )


def _first_half(customer_id: str) -> bool:
    return hashlib.md5(str(customer_id).encode(), usedforsecurity=False).digest()[0] % 2 == 0


def _ranked_half(
    groups: Sequence[Grouping], base: pd.DataFrame, half: np.ndarray, *, order: int, min_group: int
) -> tuple[pd.DataFrame, sparse.csr_array] | None:
    """Combinations by one half: ``raw``, ``shrunk``, ``n``, and ``other``, the other half's; with members."""
    mine, others = (combined(base[side], groups, order=order) for side in (half, ~half))
    if mine is None or others is None:
        return None
    keys = ["attribute", "level"]
    cells = mine.cells.assign(
        raw=1 - mine.cells["lost"] / mine.cells["n"],
        shrunk=1 - shrunk("logo_retention", mine, confidence=0.95).table["estimate"],
    )
    other = others.cells.reset_index().rename(columns={"index": "place", "n": "other_n", "lost": "other_lost"})
    cells = cells.merge(other[[*keys, "place", "other_n", "other_lost"]], on=keys, how="inner")
    cells = cells[cells["named"] & shown(cells["n"], min_group) & shown(cells["other_n"], min_group)]
    if len(cells) < _FEWEST_RANKED:
        return None
    members = others.members[cells["place"].to_numpy(dtype=int)]
    return cells.assign(other=1 - cells["other_lost"] / cells["other_n"]).reset_index(drop=True), members
