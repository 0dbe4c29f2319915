"""Expansion and contraction: who buys more or less, when, and what follows."""

from __future__ import annotations

from customer_value.studies.expansion.aftermath import after_contraction, by_lag
from customer_value.studies.expansion.contraction import Rules, patterns, types
from customer_value.studies.expansion.first import Clock, by_follow_up, incidence, sizes, timing
from customer_value.studies.expansion.segments import first_by_segment, rates

__all__ = [
    "Clock",
    "Rules",
    "after_contraction",
    "by_follow_up",
    "by_lag",
    "first_by_segment",
    "incidence",
    "patterns",
    "rates",
    "sizes",
    "timing",
    "types",
]
