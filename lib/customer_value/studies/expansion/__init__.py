"""Expansion and contraction: who buys more or less, when, what follows, and whose use does not fit their plan.

An account expands in a month at whose close it pays more because it bought more, and cuts back likewise; see
`customer_value.marts.growth`. First expansions have leaving as their competing event, repeated ones are rates, and what
follows a cut is read month by month.
"""

from __future__ import annotations

from customer_value.studies.expansion.aftermath import after_contraction, by_lag
from customer_value.studies.expansion.contraction import Rules, patterns, types
from customer_value.studies.expansion.first import Clock, by_follow_up, incidence, sizes, timing
from customer_value.studies.expansion.monetisation import Comparison, listed, plans, strips, totals, validation
from customer_value.studies.expansion.segments import first_by_segment, rates

__all__ = [
    "Clock",
    "Comparison",
    "Rules",
    "after_contraction",
    "by_follow_up",
    "by_lag",
    "first_by_segment",
    "incidence",
    "listed",
    "patterns",
    "plans",
    "rates",
    "sizes",
    "strips",
    "timing",
    "totals",
    "types",
    "validation",
]
