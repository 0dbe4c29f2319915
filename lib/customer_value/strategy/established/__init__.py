"""Results of the studies as findings: what each chapter puts on record for the front page.

One module a chapter. Every contrast is recorded, clear or not: the gate corrects for all that were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

from customer_value.strategy.findings import Area

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
