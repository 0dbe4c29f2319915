"""What the segments chapter puts on record: every contrast, clear or not, for the gate corrects for all."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT, RAW_CAVEAT, noun
from customer_value.strategy.findings import Area, Finding, identifier
from customer_value.strategy.wording import known

_AREAS: Mapping[str, Area] = {
    "plan": "pricing_packaging",
    "term": "pricing_packaging",
    "first_plan": "pricing_packaging",
    "first_term": "pricing_packaging",
    "mrr_band": "market_focus",
    "owner": "success_allocation",
}
_AREA_WORDS: tuple[tuple[str, Area], ...] = (
    ("channel", "marketing_spend"),
    ("campaign", "marketing_spend"),
    ("source", "marketing_spend"),
    ("refer", "marketing_spend"),
    ("owner", "success_allocation"),
    ("manager", "success_allocation"),
)


def contrasts(compared: Result) -> list[Finding]:
    """Every contrast of `studies.segments.contrasts` as an association of design C: raw, so to be tested first."""
    return [_contrast(row, compared.level) for _, row in compared.table.iterrows()]


def accounts(overview: Result) -> Finding:
    """How many accounts a table without a calendar holds: all that can be said of the state of such a business."""
    everyone = overview.row(attribute="all", level="all", metric="customers")
    return Finding(
        id=identifier("state", "accounts"),
        chapter="segments",
        kind="fact",
        area="state",
        subject="accounts in the table",
        metric="accounts",
        estimate=everyone["estimate"],
        unit="count",
        design="A",
        evidence="segments#tbl-segments-overview",
    )


def _contrast(row: pd.Series, level: float | None) -> Finding:
    shown = known(row["estimate"])
    due = row["metric"].endswith("_due")
    if not shown or not known(row["low"]):
        direction = "unknown"
    else:
        direction = "higher" if row["low"] > 0 else ("lower" if row["high"] < 0 else "none")
    few = bool(row["few_accounts"])
    priced = known(row["money"])
    return Finding(
        id=identifier(row["attribute"], row["level"], row["metric"]),
        chapter="segments",
        kind="association",
        area=_area(row["attribute"]),
        subject=f"{noun(row['attribute_label'])} {row['level']}",
        metric=row["metric"].removesuffix("_due"),
        segment=f"{noun(row['attribute_label'])} = {row['level']}",
        compared_with="the other accounts whose term came due" if due else "the other accounts",
        direction=direction,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=level,
        unit="points",
        n=row["n"],
        # No variation on either side leaves no test; that is no evidence of a difference.
        p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if priced else "",
        caveat=" ".join([RAW_CAVEAT, FEW_CAVEAT] if few else [RAW_CAVEAT]),
        evidence="segments#tbl-segments-contrasts",
        shown=shown,
        few_accounts=few,
    )


def _area(attribute: str) -> Area:
    if attribute in _AREAS:
        return _AREAS[attribute]
    return next((area for word, area in _AREA_WORDS if word in attribute.lower()), "market_focus")
