"""What a combination adds to its parts, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.groups import Grouping
from customer_value.marts.periods import Period
from customer_value.stats import multiplicity
from customer_value.stats.departures import depart
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.stats.shrinkage import Shrunk
from customer_value.studies.archetypes.cells import (
    Archetypes,
    Choice,
    all_of,
    all_shrunk,
    arr_now,
    events_of,
    few_accounts,
    grouped,
    same_as,
)

TESTED = ("logo_retention", "grr")
"""Metrics that combinations are tested by."""

MONEY_LEVEL = 0.80
"""Confidence of the interval of money; decisions are ranked by its lower end."""


def beyond_parts(
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
    """Whether any combination of the same attributes departs from what its parts lead one to expect: one test each.

    Of every set of attributes and each of `TESTED`, the combination that departs most is given; its p is corrected for
    having been picked (Bonferroni over the combinations that could have been). Only combinations that `archetypes`
    ranks take part; of an attribute with two levels only the first, since the other is its mirror image.

    Returns
    -------
    Result keyed by ``attribute, level, metric``, in points of a share. ``estimate, low, high``: the combination's own
    share less what the others lead one to expect; ``shrunk, shrunk_low, shrunk_high``: what is left of that after
    shrinkage; ``p``, ``p_adjusted`` (Benjamini–Hochberg over the table), ``picked_from``, ``few_accounts``,
    ``attribute_label``, and for ``grr`` over about a year ``money, money_low, money_high``: the recurring revenue a
    year of its accounts active now times the shrunk departure, positive whichever way it goes (80 % interval; below
    zero where the departure may go the other way).

    Raises
    ------
    SettingsError : as in `archetypes`
    """
    choice = Choice.of(start, end, by, order, bands, money_name, min_group)
    _, groups = grouped(marts, choice)
    found = all_of(marts, choice)
    rows = []
    if found is not None:
        listed = shown(found.cells["n"], min_group) & found.cells["named"].to_numpy()
        tested = listed & (same_as(found, listed) < 0) & ~_mirrored(found, groups)
        arr = arr_now(marts, found, groups)
        for metric in TESTED:
            shrunk = all_shrunk(marts, choice, metric, confidence=confidence)
            departures = _departures(metric, found, shrunk, tested, confidence).assign(metric=metric)
            for _, part in departures[tested].groupby(found.cells.loc[tested, "attribute"], sort=False):
                place = part["p"].idxmin()
                row = {**found.cells.loc[place, ["attribute", "level", "attribute_label", "n"]], **part.loc[place]}
                row |= {"picked_from": len(part), "p": min(1.0, len(part) * row["p"])}
                if metric == "grr" and Period(start, end).about_a_year:
                    row |= _money(row, arr[place])
                rows.append(row)
    columns = ["attribute", "level", "metric", "estimate", "low", "high", "n", "p", "p_adjusted", "picked_from"]
    columns += ["shrunk", "shrunk_low", "shrunk_high", "money", "money_low", "money_high", "few_accounts"]
    table = pd.DataFrame(rows).reindex(columns=[*columns, "attribute_label"])
    numbers = [column for column in columns[3:-1] if column not in ("n", "picked_from")]
    table = table.astype(dict.fromkeys(numbers, float) | {"attribute": object, "level": object, "metric": object})
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name="archetypes_beyond_parts",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="what its parts lead one to expect",
        family="archetypes",
        method="Own share less what the other combinations predict, mid-p of its own count; Bonferroni over the "
        "combinations it was picked from",
    )


def _departures(metric: str, found: Archetypes, shrunk: Shrunk, tested: np.ndarray, confidence: float) -> pd.DataFrame:
    """Of a share kept: how far the combinations tested depart from their parts, as they are and shrunk."""
    events, size, expected = events_of(metric, found.cells)
    own = depart(events, size, found.levels, expected=expected, among=tested, confidence=confidence)
    wide, money = shrunk.departures(confidence=confidence), shrunk.departures(confidence=MONEY_LEVEL)
    return pd.DataFrame(
        {
            "estimate": -own["estimate"],
            "low": -own["high"],
            "high": -own["low"],
            "p": own["p"],
            "shrunk": -wide["estimate"],
            "shrunk_low": -wide["high"],
            "shrunk_high": -wide["low"],
            "money_from": -money["high"],
            "money_to": -money["low"],
            "few_accounts": few_accounts(found.cells) if metric == "grr" else False,
        }
    )


def _money(row: dict[str, object], arr: float) -> dict[str, float]:
    """What the departure is worth on its accounts, counted in its direction."""
    sign = 1.0 if row["estimate"] >= 0 else -1.0
    low, high = sorted(sign * arr * float(row[name]) for name in ("money_from", "money_to"))
    # The middle of a lopsided posterior may lie a little outside a narrow interval.
    return {"money": min(max(sign * arr * float(row["shrunk"]), low), high), "money_low": low, "money_high": high}


def _mirrored(found: Archetypes, groups: Sequence[Grouping]) -> np.ndarray:
    """Combinations that say what another says already: with two levels, what one adds the other lacks."""
    mirrored = np.zeros(len(found.cells), dtype=bool)
    for group in groups:
        if len(group.levels) == 2:
            mirrored |= (found.levels[group.attribute.name] == group.levels[1]).to_numpy(dtype=bool)
    return mirrored
