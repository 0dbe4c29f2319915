"""Every group beside the whole company."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts, standing
from customer_value.marts.bases import period_base
from customer_value.marts.levels import attributes
from customer_value.stats import closed_cohort, net_score
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.segments.groups import Group, notes

METRICS = {"logo_retention": "logo", "grr": "gross", "nrr": "net", "expansion_rate": "expansion_rate"}
"""Metrics of retention by their names here and in `closed_cohort`."""

_DUE = ("logo_retention", "grr", "nrr")
"""Those that are shown among accounts whose term came due as well: growth needs no due date."""


def overview(
    marts: Marts,
    *,
    start: date | None = None,
    end: date | None = None,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Customers, share of ARR, logo, gross and net retention and expansion rate of every group.

    Parameters
    ----------
    start, end : the closes that the period runs between; of no meaning for a flat table, where accounts are counted
    by : attributes; None for every one that there is
    bands : into how many bands of roughly equal size amounts and other numbers are cut
    money_name : how an amount is written in a band's name; plain digits when None

    Returns
    -------
    Result keyed by ``attribute, level, metric``; ``unit`` by row. The first rows, ``all`` and ``all``, are the whole
    company. Metrics: ``customers`` and ``arr_share`` at the close of ``start`` for all; ``logo_retention, grr, nrr,
    expansion_rate`` (share of opening accounts that pay more at the end) where the attribute was known when the period
    began; for contract terms also ``logo_retention_due, grr_due, nrr_due`` among accounts whose term came due (unless
    all did), since an account under term cannot leave. Where customers answered in the period, ``nps``: the net
    promoter score of the group's accounts, in points from −100 to 100, each respondent by the latest answer; its ``n``
    are accounts that answered. ``attribute_label`` and ``known_at`` describe the attribute.
    Levels of fewer than ``min_group`` accounts are pooled to ``other``; what is still too small shows ``n`` only.

    Raises
    ------
    SettingsError : an attribute is unknown, or no account was active at the close of ``start``
    """
    chosen = attributes(marts.meta, names=by)
    flat = marts.meta.shape == "flat"
    base = marts.frame("flat").assign(start_mrr=lambda table: table["mrr"].astype(float)) if flat else None
    if base is None:
        base = period_base(marts, start=start, end=end)
    total = float(base["start_mrr"].sum())
    options = {"confidence": confidence, "min_group": min_group}
    answers = None if flat else _answers(marts, base, start=start, end=end)
    rows = described(base, total=total, retained=not flat, due=False, confidence=confidence, min_group=1)
    rows += _promoters(answers, base, confidence=confidence, min_group=1)
    for row in rows:
        row |= {"attribute": "all", "level": "all", "attribute_label": "All accounts", "known_at": "start"}
    for attribute in chosen:
        group = Group.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(group.levels) < 2:
            continue
        retained = not flat and attribute.known_at != "current"
        # Where every term came due, "among those due" would say everything twice.
        compare_due = retained and not base["due"].all()
        for level in group.levels:
            members = base[group.named == level]
            found = described(
                members, total=total, retained=retained, due=compare_due and attribute.kind == "term", **options
            )
            if retained:
                found += _promoters(answers, members, **options)
            rows += [
                row
                | {
                    "attribute": attribute.name,
                    "level": level,
                    "attribute_label": attribute.label,
                    "known_at": attribute.known_at,
                }
                for row in found
            ]
    columns = ["attribute", "level", "metric", *closed_cohort.COLUMNS, "unit", "attribute_label", "known_at"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="segments",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method="Accounts counted, as the table stands" if flat else closed_cohort.METHOD,
        notes=notes(chosen, flat=flat, due="; terms are shown among accounts that came due as well."),
    )


def described(
    members: pd.DataFrame, *, total: float, retained: bool, due: bool, confidence: float, min_group: int
) -> list[dict[str, object]]:
    """All metrics of one group.

    Parameters
    ----------
    members : one row an account: ``start_mrr``, and where ``retained`` ``end_mrr, lost`` (and ``due``)
    total : recurring revenue of all groups
    retained : whether retention is told besides sizes
    due : whether it is told among accounts whose term came due as well
    """
    n = len(members)
    rows: list[dict[str, object]] = [{"metric": "customers", "estimate": n, "n": n, "unit": "count"}]
    if total > 0:
        mine = float(members["start_mrr"].sum()) / total if shown(n, min_group) else np.nan
        rows.append({"metric": "arr_share", "estimate": mine, "n": n, "unit": "share"})
    if not retained:
        return rows
    options = {"confidence": confidence, "min_group": min_group}
    found = closed_cohort.estimates(members["start_mrr"], members["end_mrr"], members["lost"], **options)
    rows += [found.loc[key].to_dict() | {"metric": metric, "unit": "share"} for metric, key in METRICS.items()]
    if due:
        could = members[members["due"].astype(bool)]
        found = closed_cohort.estimates(could["start_mrr"], could["end_mrr"], could["lost"], **options)
        rows += [found.loc[METRICS[metric]].to_dict() | {"metric": f"{metric}_due", "unit": "share"} for metric in _DUE]
    return rows


_SIGN = {"promoter": 1, "passive": 0, "detractor": -1}


def _answers(marts: Marts, base: pd.DataFrame, *, start: date | None, end: date | None) -> pd.DataFrame | None:
    """What the accounts of the base answered in the period; None where nobody was asked."""
    if "nps_answers" not in marts.meta.rows:
        return None
    given = standing.latest_answers(marts, after=start, until=end)
    return given[given["customer_id"].isin(base["customer_id"])]


def _promoters(
    answers: pd.DataFrame | None, members: pd.DataFrame, *, confidence: float, min_group: int
) -> list[dict[str, object]]:
    """The net promoter score of one group, in points; no row where nobody was asked at all."""
    if answers is None or answers.empty:
        return []
    given = answers[answers["customer_id"].isin(members["customer_id"])]
    n = given["customer_id"].nunique()
    row: dict[str, object] = {"metric": "nps", "n": n, "unit": "count", "estimate": np.nan}
    if n and shown(n, min_group):
        found = net_score.estimate(given["rating"].map(_SIGN), cluster=given["customer_id"], confidence=confidence)
        row |= {"estimate": 100 * found.estimate, "low": 100 * found.low, "high": 100 * found.high}
        row["effective_n"] = found.effective_n
    return [row]
