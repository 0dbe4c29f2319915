"""How groups of accounts differ: how many there are, what they pay, how many stay and how they grow.

Accounts are grouped by what they were when the period began, or by what was known at sign-up. What is only known as it
stands now may have been filled in because an account stayed (a success manager is assigned to survivors), so such an
attribute gets counts and no retention.

Comparisons here are raw: groups differ in more than the attribute that names them, and a contrast is a question to look
into, not an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, attributes, pooled
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort, intervals, multiplicity
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result

METRICS = {"logo_retention": "logo", "grr": "gross", "nrr": "net", "expansion_rate": "expansion_rate"}
"""Metrics of retention by their names here and in `closed_cohort`."""

COMPARED = ("logo_retention", "grr", "nrr")
"""Metrics that groups are compared by."""

MONEY_LEVEL = 0.80
"""Confidence of the interval of a contrast's money; decisions are ranked by its lower end."""

CURRENT_NOTE = (
    "{labels}: known only as of now, so groups are counted and not compared. What stands in such a field today may be "
    "there because the account stayed."
)

_NOW = {"plan": "plan_now", "term": "term_now", "mrr_band": "mrr_now"}
"""Where the state that a group is named by stands today, for the accounts that a change would reach."""


@dataclass(frozen=True)
class _Group:
    """The accounts of one base by one attribute."""

    attribute: Attribute
    naming: Levels
    own: pd.Series
    """Level of each account before small levels were pooled."""
    named: pd.Series

    @property
    def levels(self) -> list[str]:
        return list(self.named.cat.categories)


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
    all did), since an account under term cannot leave. ``attribute_label`` and ``known_at`` describe the attribute.
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
    rows = _rows(base, total=total, retained=not flat, due=False, confidence=confidence, min_group=1)
    for row in rows:
        row |= {"attribute": "all", "level": "all", "attribute_label": "All accounts", "known_at": "start"}
    for attribute in chosen:
        group = _grouped(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(group.levels) < 2:
            continue
        retained = not flat and attribute.known_at != "current"
        # Where every term came due, "among those due" would say everything twice.
        compare_due = retained and not base["due"].all()
        for level in group.levels:
            members = base[group.named == level]
            found = _rows(
                members, total=total, retained=retained, due=compare_due and attribute.kind == "term", **options
            )
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
        notes=_notes(chosen, flat=flat),
    )


def pay_alike(marts: Marts, *, start: date, end: date) -> bool:
    """Whether all accounts pay the same when the period begins, so that size has nothing to tell them apart by."""
    return period_base(marts, start=start, end=end)["start_mrr"].nunique() < 2


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
    Result keyed by ``attribute, level, metric`` (`COMPARED`, for terms also ``…_due`` unless every term came due),
    differences in points of a share, group minus rest. Columns besides the usual: ``group_share, rest_share``,
    ``n`` and ``n_rest``, ``p``, ``p_adjusted`` (Benjamini–Hochberg over the whole table), ``few_accounts`` (a few
    accounts decide one of the two sides: no decision may stand on it), ``attribute_label``; and for ``grr`` ``money,
    money_low, money_high`` (80 % interval, a year's recurring revenue) with ``target``: what the side that keeps less
    (``group`` or ``rest``, its accounts active now) would keep on top if it kept what the other side does, a ceiling if
    the link were wholly causal. Money is missing unless the period is about a year.
    """
    chosen = [attribute for attribute in attributes(marts.meta, names=by) if attribute.known_at != "current"]
    base = period_base(marts, start=start, end=end)
    accounts = marts.frame("accounts")
    active = accounts[accounts["status"] == "active"]
    rows = []
    for attribute in chosen:
        group = _grouped(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        candidates = [level for level in group.levels if level not in (NOT_STATED, OTHER)]
        # Whether a field was filled in may hang on whether the account stayed: only what is stated is compared.
        stated = (group.named != NOT_STATED).to_numpy()
        # With hardly anyone outside two groups, the second contrast is the first one's mirror image.
        if len(candidates) == 2 and not shown(int((stated & ~group.named.isin(candidates)).sum()), min_group):
            candidates = candidates[:1]
        now = _levels_now(active, group) if Period(start, end).about_a_year else None
        for level in candidates if len(group.levels) > 1 else ():
            inside = (group.named == level).to_numpy()
            subsets = [("", stated)]
            # Where every term came due, "among those due" is the same comparison once more.
            if attribute.kind == "term" and not base["due"].all():
                subsets.append(("_due", stated & base["due"].to_numpy(bool)))
            for suffix, subset in subsets:
                rows += [
                    {
                        "attribute": attribute.name,
                        "level": level,
                        "metric": f"{metric}{suffix}",
                        "attribute_label": attribute.label,
                        "known_at": attribute.known_at,
                    }
                    | row
                    for metric, row in _against_rest(
                        base[subset & inside],
                        base[subset & ~inside],
                        active=active,
                        now=None if now is None or suffix else now,
                        level=level,
                        confidence=confidence,
                        min_group=min_group,
                    )
                ]
    columns = ["attribute", "level", "metric", "estimate", "low", "high", "n", "n_rest", "group_share"]
    columns += ["rest_share", "p", "p_adjusted", "few_accounts", "money", "money_low", "money_high", "target"]
    columns += ["attribute_label", "known_at"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    # A column that no row has anything in would else be of no kind.
    numbers = [*columns[3:11], "money", "money_low", "money_high"]
    words = ["attribute", "level", "metric", "target", "attribute_label", "known_at"]
    table = table.astype(dict.fromkeys(numbers, float) | dict.fromkeys(words, object))
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
        notes=_notes(attributes(marts.meta, names=by), flat=False),
    )


def _grouped(
    base: pd.DataFrame,
    attribute: Attribute,
    *,
    bands: int,
    money_name: Callable[[float], str] | None,
    min_group: int,
) -> _Group:
    values = base[attribute.column]
    naming = Levels.of(values, kind=attribute.kind, bands=bands, money_name=money_name)
    own = naming.name(values)
    return _Group(attribute=attribute, naming=naming, own=own, named=pooled(own, fewest=min_group))


def _rows(
    members: pd.DataFrame, *, total: float, retained: bool, due: bool, confidence: float, min_group: int
) -> list[dict[str, object]]:
    """All metrics of one group."""
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
        rows += [
            found.loc[METRICS[metric]].to_dict() | {"metric": f"{metric}_due", "unit": "share"} for metric in COMPARED
        ]
    return rows


def _against_rest(
    group: pd.DataFrame,
    rest: pd.DataFrame,
    *,
    active: pd.DataFrame,
    now: pd.Series | None,
    level: str,
    confidence: float,
    min_group: int,
) -> list[tuple[str, dict[str, object]]]:
    """The three differences between a group and the other accounts, and the money in the second."""
    sides = [
        closed_cohort.estimates(
            side["start_mrr"], side["end_mrr"], side["lost"], confidence=confidence, min_group=min_group
        )
        for side in (group, rest)
    ]
    rows = []
    for metric in COMPARED:
        one, two = (side.loc[METRICS[metric]] for side in sides)
        row = {
            "n": len(group),
            "n_rest": len(rest),
            "group_share": one["estimate"],
            "rest_share": two["estimate"],
            "few_accounts": bool(one["few_accounts"] or two["few_accounts"]),
        }
        if pd.notna(one["estimate"]) and pd.notna(two["estimate"]):
            row |= _difference(metric, one, two, group, rest, confidence=confidence)
            if metric == "grr" and now is not None:
                row |= _money(one, two, active=active, now=now, level=level)
        rows.append((metric, row))
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


def _money(one: pd.Series, two: pd.Series, *, active: pd.DataFrame, now: pd.Series, level: str) -> dict[str, object]:
    """A year's recurring revenue that the side keeping less would keep on top, were it like the other."""
    present, comparison = (one, two) if one["estimate"] < two["estimate"] else (two, one)
    target = "group" if present is one else "rest"
    reached = now.eq(level) if target == "group" else now.notna() & ~now.isin([level, NOT_STATED])
    arr = 12 * float(active.loc[reached.to_numpy(), "mrr_now"].astype(float).sum())
    gain, low, high, _ = intervals.share_difference(
        comparison["estimate"],
        comparison["effective_n"],
        present["estimate"],
        present["effective_n"],
        confidence=MONEY_LEVEL,
    )
    return {
        "money": arr * float(gain),
        "money_low": arr * float(low),
        "money_high": arr * float(high),
        "target": target,
    }


def _levels_now(active: pd.DataFrame, group: _Group) -> pd.Series:
    """The group that each account active today belongs to; None where the base had no such level."""
    column = _NOW.get(group.attribute.name, group.attribute.column)
    named = group.naming.name(active[column]).astype(object)
    pool = pd.DataFrame({"own": group.own.astype(object), "named": group.named.astype(object)}).drop_duplicates()
    return named.map(dict(zip(pool["own"], pool["named"], strict=True)))


def _notes(chosen: Sequence[Attribute], *, flat: bool) -> tuple[str, ...]:
    if flat:
        return ("One row an account, without a calendar: groups are counted and not compared.",)
    current = [attribute.label for attribute in chosen if attribute.known_at == "current"]
    notes = [CURRENT_NOTE.format(labels=", ".join(current))] if current else []
    if any(attribute.kind == "term" for attribute in chosen):
        notes.append(
            "An account under a long term that did not come due in the period could not leave; terms are compared "
            "among accounts that came due as well."
        )
    if any(attribute.name == "mrr_band" for attribute in chosen):
        notes.append(
            "Bands of MRR go by what accounts paid when the period began. Some paid more or less then than is usual "
            "for them and move back: small accounts seem to grow and large ones to shrink where size changes nothing."
        )
    return tuple(notes)
