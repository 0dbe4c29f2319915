"""How far it pays to combine: the ranking by one attribute, by two, three and four."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.archetypes.cells import MOST_ORDER, Choice, all_of, all_shrunk, same_as
from customer_value.studies.archetypes.overview import BEST

ENDS = ("best", "worst")


def by_order(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """The best and the worst combination of one attribute, of two, three and four, each order by itself.

    Returns
    -------
    Result keyed by ``order, which``; shares of accounts kept. ``attribute, level, attribute_label`` of the combination,
    ``estimate, low, high`` shrunk, ``raw``, ``best_tenth`` (the chance that it truly is among the best, or worst,
    tenth), ``archetypes`` (how many are ranked). An order without two ranked combinations is left out.

    Raises
    ------
    SettingsError : as in `archetypes`
    """
    rows = []
    for order in range(1, MOST_ORDER + 1):
        choice = Choice.of(start, end, by, order, bands, money_name, min_group)
        found = all_of(marts, choice)
        if found is None:
            continue
        cells = found.cells
        listed = shown(cells["n"], min_group) & cells["named"].to_numpy()
        ranked = listed & (same_as(found, listed) < 0)
        if ranked.sum() < 2:
            continue
        shrunk = all_shrunk(marts, choice, "logo_retention", confidence=confidence)
        lost = shrunk.table["estimate"].where(ranked)
        for which, place in zip(ENDS, (lost.idxmin(), lost.idxmax()), strict=True):
            chance = shrunk.among_best(share=BEST, among=ranked, largest=which == "worst")
            rows.append(
                {
                    "order": order,
                    "which": which,
                    **cells.loc[place, ["attribute", "level", "attribute_label", "n"]],
                    "estimate": 1 - shrunk.table.loc[place, "estimate"],
                    "low": 1 - shrunk.table.loc[place, "high"],
                    "high": 1 - shrunk.table.loc[place, "low"],
                    "raw": 1 - cells.loc[place, "lost"] / cells.loc[place, "n"],
                    "best_tenth": float(chance[place]),
                    "archetypes": int(np.sum(ranked)),
                }
            )
    columns = ["order", "which", "attribute", "level", "estimate", "low", "high", "n", "raw", "best_tenth"]
    table = pd.DataFrame(rows).reindex(columns=[*columns, "archetypes", "attribute_label"])
    return Result(
        name="archetypes_by_order",
        table=table.astype(dict.fromkeys(("estimate", "low", "high", "raw", "best_tenth"), float)),
        keys=("order", "which"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method="Shrunk towards an additive model of the attributes, one order at a time",
    )
