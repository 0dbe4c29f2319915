"""Results of the studies as findings: what each chapter puts on record for the front page.

One module a chapter. Every contrast is recorded, clear or not: the gate corrects for all that were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from customer_value.strategy.findings import Area
from customer_value.strategy.wording import known

RAW_CAVEAT = "A raw comparison: such groups differ in more than this, in size and term above all."
FEW_CAVEAT = "A few large accounts decide this figure."


def noun(label: str) -> str:
    """A label as it stands within a sentence: "contract term", but "MRR"."""
    label = label.replace("=", " ").strip()
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


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


def area_of(attribute: str) -> Area:
    """The area of decision that a contrast between groups of this attribute speaks to."""
    if attribute in _AREAS:
        return _AREAS[attribute]
    return next((area for word, area in _AREA_WORDS if word in attribute.lower()), "market_focus")


def direction(low: float, high: float, *, shown: bool = True, nothing: float = 0.0) -> str:
    """On which side of no difference an interval lies; ``unknown`` where the group is too small to show."""
    if not shown:
        return "unknown"
    if known(low) and low > nothing:
        return "higher"
    return "lower" if known(high) and high < nothing else "none"


def contrast(row: pd.Series, level: float | None, *, shown: bool) -> dict[str, Any]:
    """What every difference between groups puts on record alike: its range, its test, and the money in it.

    Parameters
    ----------
    row : ``estimate, low, high, n, p, p_adjusted, few_accounts`` and, where money was reckoned, ``money, money_low,
        money_high``
    level : confidence of the range
    shown : whether the group is large enough to show
    """
    money = row.get("money")
    return {
        "kind": "association",
        "direction": direction(row["low"], row["high"], shown=shown),
        "estimate": row["estimate"],
        "low": row["low"],
        "high": row["high"],
        "level": level,
        "unit": "points",
        "n": row["n"],
        # No variation, or none that the covariates leave, is no test; that is no evidence of a difference.
        "p": (row["p"] if known(row["p"]) else 1.0) if shown else None,
        "p_adjusted": row["p_adjusted"],
        "money": money,
        "money_low": row.get("money_low"),
        "money_high": row.get("money_high"),
        "money_period": "of recurring revenue a year" if known(money) else "",
        "shown": shown,
        "few_accounts": bool(row["few_accounts"]),
    }
