"""What the expansion chapter puts on record: how many expand, and every contrast, clear or not."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import RAW_CAVEAT, direction, noun
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import known

SIGN_CAVEAT = (
    "Accounts that are on their way out may cut back first: then the cut is an early sign of leaving, and keeping it "
    "from happening would keep nobody."
)
USE_CAVEAT = (
    "Use alone does not say that an account would pay more, or that it is about to pay less: it may have all it needs."
)

_FOUND = {
    "grew": ("expansion_rate", "expansion"),
    "moved_up": ("upgrading", "pricing_packaging"),
    "gave_up": ("cutting_back", "churn_prevention"),
}
_LISTS = {
    "under": ("using more than the middle account of the plan above", "use and plan = more than the plan"),
    "over": ("using less than the middle account of the plan below", "use and plan = less than the plan"),
}


def expanding(timing: Result) -> Finding:
    """The share of new accounts that expand within a year, as an estimate of the state of the business."""
    row = timing.row(measure="year")
    return Finding(
        id=identifier("state", "first expansion"),
        chapter="expansion",
        kind="estimate",
        area="expansion",
        subject="new accounts that expand within a year",
        metric="first_expansion",
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=timing.level,
        unit="share",
        n=timing.row(measure="naive")["n"],
        evidence="expansion#tbl-expansion-timing",
        shown=known(row["estimate"]),
    )


def segments(rates: Result) -> list[Finding]:
    """How often every group expands, times all other accounts: raw, so design C."""
    table = rates.table
    return [_segment(row, rates.level) for _, row in table[table["n_rest"].notna()].iterrows()]


def after(found: Result, lags: Result) -> list[Finding]:
    """Leaving after a first cut, at any time and at each time since.

    Design B where the ratio is adjusted and keeps its side whichever first months are left out; else C. Which way it
    points is watched: no test would show that preventing a cut keeps an account.
    """
    sides = lags.table["log_ratio"].dropna()
    agree = len(sides) == len(lags.table) > 0 and bool((sides > 0).all() or (sides < 0).all())
    table = found.table[found.table["way"] == "followed"]
    return [_after(row, found.level, agree) for _, row in table.iterrows()]


def lists(validation: Result, totals: Result) -> list[Finding]:
    """Whether accounts on either list did what is expected of them.

    Design C: use was not given to anybody. Money is the difference in price over today's list times the difference that
    the list made, for accounts that would move up, or for those that would cut back or leave.
    """
    adjusted = validation.table[validation.table["kind"] == "adjusted"]
    return [_list(row, validation, totals) for _, row in adjusted.iterrows()]


def not_studied(tables: Collection[str]) -> list[Finding]:
    """That use and plans could not be put together, where no table tells use."""
    if not {"activity_monthly", "usage_events", "feature_usage_monthly"}.isdisjoint(tables):
        return []
    return [
        Finding(
            id=identifier("use and plan", "not studied"),
            chapter="expansion",
            kind="not_studied",
            area="expansion",
            subject="accounts whose use does not fit their plan",
            needs=("activity_monthly",),
            evidence="expansion#plans",
        )
    ]


def _segment(row: pd.Series, level: float | None) -> Finding:
    shown = known(row["estimate"])
    ratio = shown and known(row["ratio"])
    return Finding(
        id=identifier(row["attribute"], row["level"], "expanding"),
        chapter="expansion",
        kind="association",
        area="expansion",
        subject=f"{noun(row['attribute_label'])} {row['level']}",
        metric="expanding",
        segment=f"{noun(row['attribute_label'])} = {row['level']}",
        compared_with="all other accounts",
        direction=direction(
            row["ratio_low"], row["ratio_high"], shown=known(row["ratio_low"]) or known(row["ratio_high"]), nothing=1.0
        ),
        estimate=row["ratio"] if ratio else None,
        low=row["ratio_low"] if ratio else None,
        high=row["ratio_high"] if ratio else None,
        level=level,
        unit="ratio" if ratio else None,
        n=row["n"],
        # Without events on one side there is no test; that is no evidence of a difference.
        p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        caveat=RAW_CAVEAT if shown else "",
        evidence="expansion#tbl-expansion-rates",
        shown=shown,
    )


def _after(row: pd.Series, level: float | None, agree: bool) -> Finding:
    shown = known(row["p"])
    ratio = known(row["estimate"])
    since = "" if row["since"] == "any time since" else f", {row['since'].replace('–', ' to ')} after"
    return Finding(
        id=identifier("after a cut", row["since"].replace("–", " to ")),
        chapter="expansion",
        kind="association",
        area="churn_prevention",
        subject=f"having cut back{since}",
        label=f"having cut back{since}: leaving",
        metric="leaving",
        compared_with="accounts that have not cut back so far",
        direction=direction(row["low"], row["high"], shown=known(row["low"]) or known(row["high"]), nothing=1.0),
        estimate=row["estimate"] if ratio else None,
        low=row["low"] if ratio else None,
        high=row["high"] if ratio else None,
        level=level,
        unit="ratio" if ratio else None,
        n=row["n"],
        p=row["p"] if shown else None,
        p_adjusted=row["p_adjusted"],
        design="B" if agree and ratio else "C",
        caveat=SIGN_CAVEAT if shown else "",
        evidence="expansion#tbl-expansion-after",
        shown=shown,
        action="difference",
    )


def _list(row: pd.Series, validation: Result, totals: Result) -> Finding:
    shown = known(row["p"])
    metric, area = _FOUND[row["outcome"]]
    said, segment = _LISTS[row["side"]]
    rows = totals.table[totals.table["side"] == row["side"]]
    worth = float(rows["money"].sum())
    priced = row["outcome"] != "grew" and shown and worth > 0
    return Finding(
        id=identifier("use and plan", row["side"], row["outcome"]),
        chapter="expansion",
        kind="association",
        area=area,
        subject=said,
        metric=metric,
        segment=segment,
        compared_with="accounts whose use fits their plan",
        direction=direction(row["low"], row["high"], shown=known(row["low"]) or known(row["high"])),
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=validation.level,
        unit="points",
        n=row["n"],
        p=row["p"] if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        money=worth * row["estimate"] if priced else None,
        money_low=worth * row["money_low"] if priced else None,
        money_high=worth * row["money_high"] if priced else None,
        money_period="of recurring revenue a year" if priced else "",
        caveat=USE_CAVEAT if shown else "",
        evidence="expansion#tbl-expansion-validation",
        shown=shown,
        action=f"{row['side']}_monetised" if known(row["low"]) and row["low"] > 0 else "difference",
    )
