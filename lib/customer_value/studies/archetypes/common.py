"""What the best and the worst combinations have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.archetypes.cells import Choice, all_of, all_shrunk, grouped, same_as
from customer_value.studies.archetypes.overview import BEST

ENDS = ("best", "worst")


def in_common(
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
    """Of the ranked combinations that have a level, what share is among the best tenth, and among the worst.

    By accounts kept, over the posterior: a level that made no difference would have a tenth of its combinations in
    either, and one of which little is known is near that.

    Returns
    -------
    Result keyed by ``which, attribute, level``, unit share; ``which`` is ``best`` or ``worst``. ``estimate, low,
    high``; ``archetypes`` (ranked combinations that have the level), ``times`` (the estimate over the share of all),
    ``n`` (accounts with the level), ``arr_now`` (what those active now pay a year), ``attribute_label``. Without rows
    where fewer than two combinations are ranked.

    Raises
    ------
    SettingsError : as in `archetypes`
    """
    choice = Choice.of(start, end, by, order, bands, money_name, min_group)
    base, groups = grouped(marts, choice)
    found = all_of(marts, choice)
    parts = []
    if found is not None:
        listed = shown(found.cells["n"], min_group) & found.cells["named"].to_numpy()
        ranked = listed & (same_as(found, listed) < 0)
        if ranked.sum() > 1:
            named = [(group, level) for group in groups for level in group.plain]
            having = np.column_stack([found.levels[group.attribute.name] == level for group, level in named])
            shrunk = all_shrunk(marts, choice, "logo_retention", confidence=confidence)
            about = _about(marts, base, named)
            overall = max(1, round(BEST * int(ranked.sum()))) / int(ranked.sum())
            for which in ENDS:
                # What is shrunk is the share that left.
                table = shrunk.best_of_kinds(
                    having, share=BEST, among=ranked, largest=which == "worst", confidence=confidence
                )
                table = about.join(table.rename(columns={"cells": "archetypes"})).assign(which=which)
                parts.append(table[table["archetypes"] > 0].assign(times=lambda each: each["estimate"] / overall))
    columns = ["which", "attribute", "level", "estimate", "low", "high", "n", "archetypes", "times", "arr_now"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    table = table.reindex(columns=[*columns, "attribute_label"])
    return Result(
        name="archetypes_in_common",
        table=table.astype(dict.fromkeys(("estimate", "low", "high", "times", "arr_now"), float)),
        keys=("which", "attribute", "level"),
        unit="share",
        level=confidence,
        n_of="accounts",
        reference="a tenth",
        method="Posterior share of a level's combinations among the best, and the worst, tenth by accounts kept",
    )


def _about(marts: Marts, base: pd.DataFrame, named: Sequence[tuple]) -> pd.DataFrame:
    """Every level: its accounts in the base, and what those that have it now pay a year."""
    accounts = marts.frame("accounts")
    active = accounts[accounts["status"] == "active"]
    arr = 12 * active["mrr_now"].astype(float)
    now = {group.attribute.name: group.now(active) for group, _ in named}
    return pd.DataFrame(
        [
            {
                "attribute": group.attribute.name,
                "attribute_label": group.attribute.label,
                "level": level,
                "n": int((group.named.loc[base.index] == level).sum()),
                "arr_now": float(arr[now[group.attribute.name] == level].sum()),
            }
            for group, level in named
        ]
    )
