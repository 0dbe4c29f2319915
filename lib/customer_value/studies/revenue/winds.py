"""What groups of accounts lose and add: headwind and tailwind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import Levels, attributes, pooled
from customer_value.stats import closed_cohort
from customer_value.stats.result import Result
from customer_value.studies.revenue.closed_group import against
from customer_value.studies.revenue.columns import in_order, suppressed


def headwind_tailwind(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: str | None = None,
    headwind_cut: float | None = None,
    tailwind_cut: float | None = None,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """MRR lost (churn and every decrease) and added (every increase) by the opening accounts, over opening MRR.

    Parameters
    ----------
    by : attribute to group by, known when the period began; None for the whole company only
    money_name : how an amount is written in the names of MRR bands; plain digits when None
    headwind_cut, tailwind_cut : from here on a headwind or tailwind is called high; None takes the whole company's

    Returns
    -------
    Result keyed by ``attribute, level, measure`` with measures ``headwind`` and ``tailwind``; the first rows, level
    ``all``, are the whole company. ``cut`` and ``verdict`` (``high``, ``low`` or ``unclear`` when the interval holds
    the cut) place a level on the diagnosis grid; the whole company has neither when it is the cut itself. Levels of
    fewer than ``min_group`` accounts are pooled.

    Raises
    ------
    SettingsError : the attribute is unknown, or known only as of now
    """
    base = period_base(marts, start=start, end=end)
    groups = [("all", "all", base)]
    if by is not None:
        (attribute,) = attributes(marts.meta, names=[by])
        if attribute.known_at == "current":
            raise SettingsError(
                "Revenue lost and added can be grouped only by what was known when the period began.\n"
                f"  got:      {by!r}, known only as of now\n"
                "  why:      what stands in such a field today may be there because the account stayed\n"
                "  remedy:   choose another attribute, or declare `known_at: signup` if it is never changed afterwards"
            )
        values = base[attribute.column]
        named = pooled(Levels.of(values, kind=attribute.kind, money_name=money_name).name(values), fewest=min_group)
        groups += [(by, level, base[named == level]) for level in named.cat.categories]
    rows = []
    for attribute_name, level, group in groups:
        fewest = 1 if attribute_name == "all" else min_group
        found = closed_cohort.estimates(
            group["start_mrr"], group["end_mrr"], group["lost"], confidence=confidence, min_group=fewest
        )
        for measure, metric in (("headwind", "loss_mrr"), ("tailwind", "expansion_mrr")):
            rows.append({"attribute": attribute_name, "level": level, "measure": measure} | found.loc[metric].to_dict())
    table = pd.DataFrame(rows)
    company = table[table["attribute"] == "all"].set_index("measure")["estimate"]
    given = {"headwind": headwind_cut, "tailwind": tailwind_cut}
    table["cut"] = [
        given[row["measure"]]
        if given[row["measure"]] is not None
        else (np.nan if row["attribute"] == "all" else company[row["measure"]])
        for _, row in table.iterrows()
    ]
    table["cut"] = table["cut"].astype(float)
    table["verdict"] = [against(row, row["cut"]) for _, row in table.iterrows()]
    return Result(
        name="headwind_tailwind",
        table=in_order(table, "attribute", "level", "measure", closed_cohort.COLUMNS, "cut", "verdict"),
        keys=("attribute", "level", "measure"),
        unit="share",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=suppressed(table),
        method=closed_cohort.METHOD,
    )
