"""How often a group of accounts has repaid what it cost to win, by when, and how groups differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.levels import NOT_STATED
from customer_value.stats import intervals, multiplicity
from customer_value.stats.disclosure import shown
from customer_value.stats.mean_cumulative import mean_cumulative
from customer_value.stats.result import Result
from customer_value.studies.cohort_value.accounts import Acquired, Basis, accounts, chosen, few, grouped
from customer_value.studies.cohort_value.revenue import METHOD, followed, payback_of

METRICS = ("revenue", "cost", "multiple", "payback")
"""What is said of a group: brought in by the age compared, cost to win, the one over the other, months to payback."""

_UNITS = {"revenue": "money", "cost": "money", "multiple": "ratio", "payback": "months"}


def economics(
    marts: Marts,
    *,
    age: int = 12,
    by: Sequence[str] | None = None,
    basis: Basis | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """What an acquired account brings in and costs, in all and by what was known at sign-up.

    Parameters
    ----------
    age : months of age at which revenue and multiple are compared
    by : attributes known at sign-up; None for all of them
    basis : margin, costs and the last month of age; None for the defaults
    bands, money_name : how numbers become levels, and how an amount is written in a band's name

    Returns
    -------
    Result keyed by ``attribute, level, metric`` (`METRICS`), ``unit`` by row; the first rows, ``all`` and ``all``, are
    everyone's. ``n`` accounts (revenue: all acquired; else those of known cost), ``followed_to`` (the last age at which
    enough are followed), ``few_accounts``. A missing ``estimate`` of ``payback`` says that the cost is not repaid
    within ``followed_to`` months; then ``low`` is the month before which it cannot have been. A missing ``high`` says
    that it may not be.

    Raises
    ------
    SettingsError : an attribute is unknown
    DataError : the data have no dates
    """
    basis = basis or Basis()
    everyone = accounts(marts, basis)
    wanted, notes = chosen(marts.meta, by)
    options = {"age": age, "confidence": confidence, "min_group": min_group}
    about = {"attribute": "all", "level": "all", "attribute_label": "All accounts"}
    rows = [about | row for row in _rows(everyone, whole=True, **options)]
    for attribute in wanted:
        group = grouped(everyone, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(group.levels) < 2:
            continue
        about = {"attribute": attribute.name, "attribute_label": attribute.label}
        for level in group.levels:
            mine = everyone.where((group.named == level).to_numpy())
            rows += [about | {"level": level} | row for row in _rows(mine, whole=False, **options)]
    columns = ["attribute", "level", "metric", "estimate", "low", "high", "n", "unit", "followed_to", "few_accounts"]
    table = pd.DataFrame(rows).reindex(columns=[*columns, "attribute_label"])
    table["few_accounts"] = table["few_accounts"].eq(True)
    return Result(
        name="acquisition_economics",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=int((table["n"] < min_group).sum()),
        method=f"{METHOD}. Payback by inverting the interval of the multiple at each age",
        notes=notes,
    )


def contrasts(
    marts: Marts,
    *,
    age: int = 12,
    by: Sequence[str] | None = None,
    basis: Basis | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every group's multiple of its cost against that of all other accounts whose level is stated, as they are.

    Of an attribute with two groups only one contrast is tested: the other is its mirror image.

    Parameters and errors as of `economics`.

    Returns
    -------
    Result keyed by ``attribute, level``: ``estimate`` is the group's multiple over the others'; ``multiple``,
    ``rest_multiple``, ``n``, ``n_rest``, ``p`` (Welch's test of the difference of their logarithms), ``p_adjusted``
    (Benjamini–Hochberg over the table), ``few_accounts``. Rows where a side is too small to show have no numbers.
    """
    basis = basis or Basis()
    known = accounts(marts, basis).costed()
    wanted, notes = chosen(marts.meta, by)
    rows = []
    for attribute in wanted if len(known) else ():
        group = grouped(known, attribute, bands=bands, money_name=money_name, min_group=min_group)
        stated = (group.named != NOT_STATED).to_numpy()
        levels = group.plain[:1] if len(group.plain) == 2 and len(group.levels) == 2 else group.plain
        for level in levels if len(group.levels) > 1 else ():
            inside = (group.named == level).to_numpy()
            about = {"attribute": attribute.name, "level": level, "attribute_label": attribute.label}
            sides = known.where(stated & inside), known.where(stated & ~inside)
            rows.append(about | _against(*sides, age=age, confidence=confidence, min_group=min_group))
    columns = ["attribute", "level", "estimate", "low", "high", "n", "n_rest", "multiple", "rest_multiple", "p"]
    table = pd.DataFrame(rows).reindex(columns=[*columns, "few_accounts", "attribute_label"])
    table["few_accounts"] = table["few_accounts"].eq(True)
    table[columns[2:]] = table[columns[2:]].astype(float)
    table.insert(len(columns), "p_adjusted", multiplicity.benjamini_hochberg(table["p"]))
    return Result(
        name="multiple_contrasts",
        table=table,
        keys=("attribute", "level"),
        unit="ratio",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="multiples of acquisition cost",
        suppressed=int(table["estimate"].isna().sum()),
        method="Ratio of two multiples; Welch on the jackknife standard errors of their logarithms",
        notes=notes,
    )


def _rows(given: Acquired, *, whole: bool, age: int, confidence: float, min_group: int) -> list[dict[str, object]]:
    """All metrics of one group."""
    fewest = min(min_group, max(len(given), 2)) if whole else min_group
    known = given.costed()
    rows = []
    for metric in METRICS:
        members = given if metric == "revenue" else known
        row = {"metric": metric, "n": len(members), "unit": _UNITS[metric]}
        if shown(len(members), fewest) and len(members) > 1:
            row |= _metric(metric, members, age=age, confidence=confidence, min_group=fewest)
        rows.append(row)
    return rows


def _metric(metric: str, members: Acquired, *, age: int, confidence: float, min_group: int) -> dict[str, object]:
    if metric == "cost":
        found = mean_cumulative(members.cost[:, None], confidence=confidence).assign(few_accounts=few).iloc[0]
        return found[["estimate", "low", "high", "few_accounts"]].to_dict()
    per = None if metric == "revenue" else members.cost
    curve = followed(members, mean_cumulative(members.amounts, per=per, confidence=confidence), min_group)
    if curve.empty:
        return {}
    about = {"followed_to": int(curve["age"].iloc[-1])}
    if metric == "payback":
        if not members.cost.sum() > 0:
            return about
        met = payback_of(members, confidence=confidence, min_group=min_group)
        return about | {
            "estimate": met.estimate,
            "low": met.low,
            "high": met.high,
            "few_accounts": bool(
                curve.loc[curve["age"] >= np.nan_to_num(met.estimate, nan=met.last), "few_accounts"].iloc[0]
            ),
        }
    at = curve[curve["age"] == age]
    return about | (at.iloc[0][["estimate", "low", "high", "few_accounts"]].to_dict() if len(at) else {})


def _against(group: Acquired, rest: Acquired, *, age: int, confidence: float, min_group: int) -> dict[str, object]:
    row: dict[str, object] = {"n": len(group), "n_rest": len(rest)}
    if not (shown(len(group), min_group) and shown(len(rest), min_group)):
        return row
    sides = []
    for side in (group, rest):
        curve = followed(side, mean_cumulative(side.amounts, per=side.cost, confidence=confidence), min_group)
        at = curve[(curve["age"] == age) & (curve["estimate"] > 0)]
        if at.empty:
            return row
        sides.append(at.iloc[0])
    one, two = (
        intervals.Interval(
            float(np.log(at.estimate)), np.nan, np.nan, float(at.standard_error / at.estimate), int(at.n)
        )
        for at in sides
    )
    found = intervals.difference(one, two, confidence=confidence)
    return row | {
        "estimate": float(np.exp(found.estimate)),
        "low": float(np.exp(found.low)),
        "high": float(np.exp(found.high)),
        "p": found.p,
        "multiple": sides[0].estimate,
        "rest_multiple": sides[1].estimate,
        "few_accounts": bool(sides[0].few_accounts or sides[1].few_accounts),
    }
