"""What groups of accounts lose and add: headwind and tailwind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, attributes
from customer_value.stats import closed_cohort, intervals, multiplicity
from customer_value.stats.ratio_difference import ratio_difference
from customer_value.stats.result import Result
from customer_value.studies.revenue.closed_group import against
from customer_value.studies.revenue.columns import in_order, suppressed

WINDS = {"headwind": "loss_mrr", "tailwind": "expansion_mrr"}
"""The two measures, by what they are of a closed group."""

QUARTERS = {
    ("low", "high"): "keeps_and_grows",
    ("high", "high"): "leaks_and_grows",
    ("low", "low"): "keeps_and_stands",
    ("high", "low"): "leaks_and_stands",
}
"""The four fields of the diagnosis grid, by headwind and tailwind."""


@dataclass(frozen=True)
class Grouped:
    """How accounts are grouped and shown.

    Attributes
    ----------
    money_name : how an amount is written in the names of MRR bands; plain digits when None
    confidence, min_group : of the intervals; smallest group shown, smaller ones are pooled
    """

    money_name: Callable[[float], str] | None = None
    confidence: float = 0.95
    min_group: int = 30


def headwind_tailwind(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = (),
    headwind_cut: float | None = None,
    tailwind_cut: float | None = None,
    grouped: Grouped = Grouped(),
) -> Result:
    """MRR lost (churn and every decrease) and added (every increase) by the opening accounts, over opening MRR.

    Parameters
    ----------
    by : attributes to group by, known when the period began; empty for the whole company only, None for all there are
    headwind_cut, tailwind_cut : from here on a headwind or tailwind is called high; None takes the whole company's

    Returns
    -------
    Result keyed by ``attribute, level, measure`` with measures ``headwind`` and ``tailwind``; the first rows, level
    ``all``, are the whole company. ``quarter`` is the group's field of the diagnosis grid (`QUARTERS`), by its
    estimates against ``cut``; ``verdict`` is ``high``, ``low``, or ``unclear`` where the interval holds the cut. The
    whole company has none of these where it is the cut itself.

    Raises
    ------
    SettingsError : an attribute is unknown, or known only as of now
    """
    base = period_base(marts, start=start, end=end)
    if by is None:
        by = [attribute.name for attribute in attributes(marts.meta) if attribute.known_at != "current"]
    groups = [("all", "all", base)]
    for grouping in _groupings(marts, base, by, grouped):
        named = grouping.named
        groups += [(grouping.attribute.name, level, base[named == level]) for level in grouping.levels]
    rows = []
    for attribute, level, accounts in groups:
        fewest = 1 if attribute == "all" else grouped.min_group
        found = _of(accounts, grouped.confidence, fewest)
        rows += [
            {"attribute": attribute, "level": level, "measure": measure} | found.loc[metric].to_dict()
            for measure, metric in WINDS.items()
        ]
    table = pd.DataFrame(rows)
    company = table[table["attribute"] == "all"].set_index("measure")["estimate"]
    given = {"headwind": headwind_cut, "tailwind": tailwind_cut}
    cut = {measure: company[measure] if given[measure] is None else given[measure] for measure in WINDS}
    table["cut"] = table["measure"].map(cut).astype(float)
    # Measured by itself, the company lies nowhere.
    itself = table["attribute"].eq("all") & table["measure"].map({name: given[name] is None for name in WINDS})
    table.loc[itself, "cut"] = np.nan
    table["verdict"] = [against(row, row["cut"]) for _, row in table.iterrows()]
    return Result(
        name="headwind_tailwind",
        table=_with_quarter(in_order(table, "attribute", "level", "measure", closed_cohort.COLUMNS, "cut", "verdict")),
        keys=("attribute", "level", "measure"),
        unit="share",
        level=grouped.confidence,
        n_of="accounts",
        reference="all",
        suppressed=suppressed(table),
        method=closed_cohort.METHOD,
    )


def wind_contrasts(marts: Marts, *, start: date, end: date, by: str, grouped: Grouped = Grouped()) -> Result:
    """Every group's headwind and tailwind against those of all other accounts whose level is stated, as they are.

    Returns
    -------
    Result keyed by ``attribute, level, measure``, differences in points of a share, group minus rest: columns besides
    the usual ``group_share, rest_share, n, n_rest, p, p_adjusted`` (Benjamini–Hochberg over the table),
    ``few_accounts`` (a few accounts decide one of the sides) and ``attribute_label``. Of two groups only one is tested:
    the other is its mirror image.

    Raises
    ------
    SettingsError : the attribute is unknown, or known only as of now
    """
    base = period_base(marts, start=start, end=end)
    (grouping,) = _groupings(marts, base, [by], grouped)
    stated = grouping.named != NOT_STATED
    told = [level for level in grouping.levels if level != NOT_STATED]
    compared = [level for level in grouping.plain if len(told) > 1]
    rows = []
    for level in compared[:1] if len(told) == 2 else compared:
        inside = grouping.named == level
        sides = base[stated & inside], base[stated & ~inside]
        about = {
            "attribute": by,
            "attribute_label": grouping.attribute.label,
            "level": level,
            "n": len(sides[0]),
            "n_rest": len(sides[1]),
        }
        rows += [about | row for row in _differences(*sides, grouped)]
    names = ("group_share", "rest_share", "n", "n_rest", "p", "few_accounts", "attribute_label")
    table = pd.DataFrame(rows).reindex(columns=["attribute", "level", "measure", "estimate", "low", "high", *names])
    numbers = ("estimate", "low", "high", "group_share", "rest_share", "p")
    table = table.astype(dict.fromkeys(numbers, float)).assign(few_accounts=table["few_accounts"].eq(True))
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name="wind_contrasts",
        table=table,
        keys=("attribute", "level", "measure"),
        unit="points",
        level=grouped.confidence,
        n_of="accounts",
        reference="all other accounts",
        family="winds",
        suppressed=suppressed(table),
        method="Raw difference, group minus all other accounts. Headwind: Newcombe and score test on effective numbers "
        "of accounts. Tailwind: jackknife standard errors, the score's p, Student's t on effective numbers",
    )


def _groupings(marts: Marts, base: pd.DataFrame, by: Sequence[str], grouped: Grouped) -> list[Grouping]:
    chosen = attributes(marts.meta, names=list(by))
    for attribute in chosen:
        if attribute.known_at == "current":
            raise SettingsError(
                "Revenue lost and added can be grouped only by what was known when the period began.\n"
                f"  got:      {attribute.name!r}, known only as of now\n"
                "  why:      what stands in such a field today may be there because the account stayed\n"
                "  remedy:   choose another attribute, or declare `known_at: signup` if it is never changed afterwards"
            )
    return [
        Grouping.of(base, attribute, bands=3, money_name=grouped.money_name, min_group=grouped.min_group)
        for attribute in chosen
    ]


def _of(accounts: pd.DataFrame, confidence: float, min_group: int) -> pd.DataFrame:
    return closed_cohort.estimates(
        accounts["start_mrr"], accounts["end_mrr"], accounts["lost"], confidence=confidence, min_group=min_group
    )


def _differences(group: pd.DataFrame, rest: pd.DataFrame, grouped: Grouped) -> list[dict[str, object]]:
    found = [_of(side, grouped.confidence, grouped.min_group) for side in (group, rest)]
    rows = []
    for measure, metric in WINDS.items():
        one, two = (side.loc[metric] for side in found)
        row = {
            "measure": measure,
            "group_share": one["estimate"],
            "rest_share": two["estimate"],
            "few_accounts": bool(one["few_accounts"] or two["few_accounts"]),
        }
        if pd.notna(one["estimate"]) and pd.notna(two["estimate"]):
            row |= _lost(one, two, grouped) if measure == "headwind" else _added(group, rest, grouped)
        rows.append(row)
    return rows


def _lost(one: pd.Series, two: pd.Series, grouped: Grouped) -> dict[str, float]:
    found = intervals.share_difference(
        one["estimate"], one["effective_n"], two["estimate"], two["effective_n"], confidence=grouped.confidence
    )
    return {name: float(value) for name, value in zip(("estimate", "low", "high", "p"), found, strict=True)}


def _added(group: pd.DataFrame, rest: pd.DataFrame, grouped: Grouped) -> dict[str, float]:
    both = pd.concat([group, rest])
    grown = (both["end_mrr"] - both["start_mrr"]).clip(lower=0)
    inside = np.arange(len(both)) < len(group)
    found = ratio_difference(grown, both["start_mrr"], inside, confidence=grouped.confidence)
    return {"estimate": found.estimate, "low": found.low, "high": found.high, "p": found.p}


def _with_quarter(table: pd.DataFrame) -> pd.DataFrame:
    """The field of the grid that both measures of a group put it in."""
    side = np.where(table["estimate"] >= table["cut"], "high", "low")
    table = table.assign(side=np.where(table["estimate"].isna() | table["cut"].isna(), "", side))
    placed = table.pivot(index=["attribute", "level"], columns="measure", values="side")
    quarter = {key: QUARTERS.get((row["headwind"], row["tailwind"])) for key, row in placed.iterrows()}
    table["quarter"] = [quarter[key] for key in zip(table["attribute"], table["level"], strict=True)]
    return table.drop(columns="side")
