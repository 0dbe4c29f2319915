"""Every group against all other accounts, as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import attributes
from customer_value.stats import closed_cohort, intervals, multiplicity
from customer_value.stats.result import Result
from customer_value.studies.segments.groups import Group, notes
from customer_value.studies.segments.overview import METRICS

COMPARED = ("logo_retention", "grr", "nrr", "expansion_rate")
"""Metrics that groups are compared by."""

COLUMNS = ("attribute", "level", "metric", "estimate", "low", "high", "n", "n_rest", "group_share", "rest_share")
COLUMNS += ("p", "p_adjusted", "few_accounts", "attribute_label", "known_at")


def contrasts(
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
    """Every group against all other accounts whose level is stated, as a raw difference.

    Of an attribute with two groups (and too few accounts outside them to show) only one contrast is tested: the other
    is its mirror image.

    Returns
    -------
    Result keyed by ``attribute, level, metric`` (`COMPARED`), differences in points of a share, group minus rest.
    Columns besides the usual: ``group_share, rest_share``, ``n`` and ``n_rest``, ``p``, ``p_adjusted``
    (Benjamini–Hochberg over the whole table), ``few_accounts`` (a few accounts decide one of the two sides: no decision
    may stand on it), ``attribute_label``.
    """
    chosen = attributes(marts.meta, names=by)
    base = period_base(marts, start=start, end=end)
    rows = []
    for attribute in chosen:
        if attribute.known_at == "current":
            continue
        group = Group.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        for level, inside in group.compared(min_group):
            about = {"attribute": attribute.name, "level": level}
            about |= {"attribute_label": attribute.label, "known_at": attribute.known_at}
            sides = base[group.stated & inside], base[group.stated & ~inside]
            found = against_rest(*sides, confidence=confidence, min_group=min_group)
            rows += [about | row for row in found]
    table = typed(pd.DataFrame(rows).reindex(columns=list(COLUMNS)))
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name="segment_contrasts",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="segments",
        suppressed=int(table["estimate"].isna().sum()),
        method="Raw difference, group minus all other accounts. Accounts: Newcombe, score test. Gross: the same on "
        "effective numbers of accounts. Net: Welch on jackknife standard errors",
        notes=notes(chosen, flat=False, due="."),
    )


def pay_alike(marts: Marts, *, start: date, end: date) -> bool:
    """Whether all accounts pay the same when the period begins, so that size has nothing to tell them apart by."""
    return period_base(marts, start=start, end=end)["start_mrr"].nunique() < 2


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """The same table of contrasts; a column that no row has anything in would else be of no kind."""
    words = ("attribute", "level", "metric", "kind", "target", "attribute_label", "known_at", "adjusted_for", "rule")
    flags = [column for column in ("few_accounts", "agrees") if column in table]
    table = table.assign(**{flag: table[flag].eq(True) for flag in flags})
    numbers = [column for column in table if column not in (*words, *flags)]
    return table.astype(dict.fromkeys(numbers, float))


def against_rest(
    group: pd.DataFrame,
    rest: pd.DataFrame,
    *,
    metrics: Sequence[str] = COMPARED,
    confidence: float,
    min_group: int,
) -> list[dict[str, object]]:
    """The differences between a group and the other accounts, one row a metric.

    Parameters
    ----------
    group, rest : one row an account: ``start_mrr, end_mrr, lost``
    """
    sides = [
        closed_cohort.estimates(
            side["start_mrr"], side["end_mrr"], side["lost"], confidence=confidence, min_group=min_group
        )
        for side in (group, rest)
    ]
    rows = []
    for metric in metrics:
        one, two = (side.loc[METRICS[metric]] for side in sides)
        row = {
            "metric": metric,
            "n": len(group),
            "n_rest": len(rest),
            "group_share": one["estimate"],
            "rest_share": two["estimate"],
            "few_accounts": bool(one["few_accounts"] or two["few_accounts"]),
        }
        if pd.notna(one["estimate"]) and pd.notna(two["estimate"]):
            row |= _difference(metric, one, two, group, rest, confidence=confidence)
        rows.append(row)
    return rows


def _difference(
    metric: str, one: pd.Series, two: pd.Series, group: pd.DataFrame, rest: pd.DataFrame, *, confidence: float
) -> dict[str, float]:
    if metric == "nrr":
        net = [
            intervals.ratio_jackknife(side["end_mrr"], side["start_mrr"], confidence=confidence)
            for side in (group, rest)
        ]
        found = intervals.difference(*net, confidence=confidence)
        return {"estimate": found.estimate, "low": found.low, "high": found.high, "p": found.p}
    found = intervals.share_difference(
        one["estimate"], one["effective_n"], two["estimate"], two["effective_n"], confidence=confidence
    )
    return {name: float(value) for name, value in zip(("estimate", "low", "high", "p"), found, strict=True)}
