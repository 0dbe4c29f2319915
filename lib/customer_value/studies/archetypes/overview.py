"""Every combination beside the whole company."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, attributes
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort, intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.stats.shrinkage import Shrunk
from customer_value.studies.archetypes.cells import (
    KEPT,
    METRICS,
    OF_REVENUE,
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

SMALLER = "smaller combinations"
"""Where combinations below the smallest size shown are counted together."""

BEST = 0.1
"""Share of the ranked combinations that are called the best."""

_IN_COHORTS = {"logo_retention": "logo", "grr": "gross", "nrr": "net", "expansion_rate": "expansion_rate"}
"""Metrics by their names in `closed_cohort`."""

METHOD = (
    "Shrunk towards an additive model of the attributes, spreads integrated over; rates multiply. Own figures: "
    "Wilson (gross: on the effective number of accounts); net: jackknife"
)


def archetypes(
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
    """Every combination of ``order`` attributes: its size, how many of its accounts stay, and how they grow.

    Parameters
    ----------
    start, end : the closes that the period runs between
    by : attributes; None for all. Those known only as of now, or with one level, are left out
    order : how many attributes are combined, 1 to 4; one order at a time
    bands : into how many bands of roughly equal size amounts and other numbers are cut
    money_name : how an amount is written in a band's name; plain digits when None

    Returns
    -------
    Result keyed by ``attribute, level, metric`` ("channel and size", "Partner and 500+"); ``unit`` by row. First the
    whole company (``all``, ``all``). Metrics: ``customers``, ``arr_share`` and ``arpa`` (MRR an account) at the close
    of ``start``; ``arr_now``, the recurring revenue a year of its accounts active now; over about a year
    ``arr_at_company``, what it would keep more of that at the whole company's gross retention, below nothing where it
    keeps more already; and `METRICS`: ``estimate, low, high`` shrunk, ``raw, raw_low, raw_high`` by the combination's
    own accounts, ``additive`` what its parts lead one to expect, ``above`` the probability of being above the whole
    company, ``best_tenth`` of being among the best tenth of those that are ranked. Ranked are combinations whose parts
    are all stated and not pooled, one of each set that share more than half of their accounts: the largest; ``also``
    names the others, whose ``same_as`` names it. ``due_share``: accounts whose term came due. ``few_accounts``: a few
    accounts decide the figure. Combinations of fewer than ``min_group`` accounts are counted together as `SMALLER`;
    they take part in the model.

    Raises
    ------
    SettingsError : an attribute is unknown, ``order`` is impossible, or nobody was active at the close of ``start``
    """
    choice = Choice.of(start, end, by, order, bands, money_name, min_group)
    base, groups = grouped(marts, choice)
    whole = closed_cohort.estimates(
        base["start_mrr"], base["end_mrr"], base["lost"], confidence=confidence, min_group=1
    )
    total = float(base["start_mrr"].sum())
    everyone = {"attribute": "all", "level": "all", "attribute_label": "All accounts", "n": len(base), "named": False}
    rows = [everyone | row for row in _sizes(len(base), total, total)]
    rows += [
        everyone | whole.loc[key].to_dict() | {"metric": name, "unit": "share"} for name, key in _IN_COHORTS.items()
    ]
    pooled = 0
    if found := all_of(marts, choice):
        cells = found.cells
        listed = shown(cells["n"], min_group)
        twins = same_as(found, listed & cells["named"].to_numpy())
        ranked = listed & cells["named"].to_numpy() & (twins < 0)
        names = (cells["attribute_label"] + " = " + cells["level"]).to_numpy()
        arr = arr_now(marts, found, groups)
        measured = {
            name: _measured(name, found, all_shrunk(marts, choice, name, confidence=confidence), ranked, confidence)
            for name in METRICS
        }
        for place in np.flatnonzero(listed):
            cell = cells.iloc[place]
            about = {
                "attribute": cell["attribute"],
                "level": cell["level"],
                "attribute_label": cell["attribute_label"],
                "n": cell["n"],
                "named": bool(cell["named"]),
                "due_share": cell["due"] / cell["n"],
                "also": "; ".join(names[twins == place]),
                "same_as": names[twins[place]] if twins[place] >= 0 else "",
            }
            rows += [about | row for row in _sizes(cell["n"], cell["before"], total)]
            rows += [about | row for row in _at_stake(arr[place], measured["grr"].loc[place], whole, start, end)]
            rows += [
                about | {"metric": name, "unit": "share"} | measured[name].loc[place].to_dict() for name in METRICS
            ]
        small = cells[~listed]
        pooled = len(small)
        for (attribute, label), part in small.groupby(["attribute", "attribute_label"], sort=False):
            about = {"attribute": attribute, "level": SMALLER, "attribute_label": label, "n": part["n"].sum()}
            rows += [about | {"named": False} | row for row in _sizes(part["n"].sum(), part["before"].sum(), total)[:2]]
    columns = ["attribute", "level", "metric", *closed_cohort.COLUMNS, "raw", "raw_low", "raw_high", "additive"]
    columns += ["above", "best_tenth", "due_share", "named", "also", "same_as", "unit", "attribute_label"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    numbers = ["raw", "raw_low", "raw_high", "additive", "above", "best_tenth", "due_share"]
    table = table.astype(dict.fromkeys(numbers, float)).fillna({"also": "", "same_as": ""})
    return Result(
        name="archetypes",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=pooled,
        method=METHOD,
        notes=_notes(marts, by, groups),
    )


def _sizes(n: int, before: float, total: float) -> list[dict[str, object]]:
    """How many accounts, what share of revenue, and the MRR of one."""
    return [
        {"metric": "customers", "estimate": n, "unit": "count"},
        {"metric": "arr_share", "estimate": before / total, "unit": "share"},
        {"metric": "arpa", "estimate": before / n, "unit": "money"},
    ]


def _at_stake(arr: float, grr: pd.Series, whole: pd.DataFrame, start: date, end: date) -> list[dict[str, object]]:
    """What the accounts pay a year now, and what they would keep more of it at the company's gross retention."""
    rows: list[dict[str, object]] = [{"metric": "arr_now", "estimate": arr, "unit": "money"}]
    if Period(start, end).about_a_year:
        company = float(whole.loc["gross", "estimate"])
        gap = {"estimate": company - grr["estimate"], "low": company - grr["high"], "high": company - grr["low"]}
        money = {name: arr * each for name, each in gap.items()} | {"few_accounts": grr["few_accounts"]}
        rows.append({"metric": "arr_at_company", "unit": "money"} | money)
    return rows


def _measured(metric: str, found: Archetypes, shrunk: Shrunk, ranked: np.ndarray, confidence: float) -> pd.DataFrame:
    """One metric of every combination, shrunk and by its own accounts."""
    cells, kept = found.cells, metric in KEPT
    table = shrunk.table[["estimate", "low", "high", "additive"]]
    above = shrunk.above_average()
    if metric == "nrr":
        raw = cells[["estimate", "low", "high"]].to_numpy().T
    else:
        events, size, _ = events_of(metric, cells)
        raw = intervals.wilson(events, size, confidence=confidence)
    if kept:
        table = 1 - table.rename(columns={"low": "high", "high": "low"})
        raw, above = (1 - raw[0], 1 - raw[2], 1 - raw[1]), 1 - above
    weighed = metric in OF_REVENUE
    return table.assign(
        raw=raw[0],
        raw_low=raw[1],
        raw_high=raw[2],
        events=cells["grown" if metric == "expansion_rate" else "lost"],
        effective_n=cells["effective_n"] if weighed else cells["n"].astype(float),
        largest_share=cells["largest_share"] if weighed else 1 / cells["n"],
        few_accounts=few_accounts(cells) if weighed else False,
        above=above,
        best_tenth=shrunk.among_best(share=BEST, among=ranked, largest=not kept),
    )


def _notes(marts: Marts, by: Sequence[str] | None, groups: Sequence[Grouping]) -> tuple[str, ...]:
    notes = []
    current = [each.label for each in attributes(marts.meta, names=by) if each.known_at == "current"]
    if current:
        notes.append(f"{', '.join(current)}: known only as of now, so no archetype is named by it.")
    if any(NOT_STATED in group.levels for group in groups):
        notes.append(
            "Accounts of which an attribute is not stated are a group of their own; it takes part in the model, and no "
            "archetype is named by it."
        )
    return tuple(notes)
