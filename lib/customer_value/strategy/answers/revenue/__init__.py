"""What the revenue chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from customer_value.strategy.answers.revenue.basis import basis
from customer_value.strategy.answers.revenue.concentration import influence
from customer_value.strategy.answers.revenue.kept import (
    among_due,
    beside_movements,
    decomposition,
    detail,
    headline,
    kept_rows,
    monthly_caption,
)
from customer_value.strategy.answers.revenue.leaving import churn, reasons
from customer_value.strategy.answers.revenue.streams import (
    arr_caption,
    latest_month,
    leading,
    movements,
    moving_parts,
    named,
    parts,
    quick_ratio,
    waterfall_caption,
)
from customer_value.strategy.answers.revenue.targets import LOSSES, latest_targets, targets, targets_caption
from customer_value.strategy.answers.revenue.winds import grid_of, winds, winds_caption

__all__ = [
    "LOSSES",
    "among_due",
    "arr_caption",
    "basis",
    "beside_movements",
    "churn",
    "decomposition",
    "detail",
    "grid_of",
    "headline",
    "influence",
    "kept_rows",
    "latest_month",
    "latest_targets",
    "leading",
    "monthly_caption",
    "movements",
    "moving_parts",
    "named",
    "parts",
    "quick_ratio",
    "reasons",
    "targets",
    "targets_caption",
    "waterfall_caption",
    "winds",
    "winds_caption",
]
