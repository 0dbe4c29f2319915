"""The lengths of a cohort, and what its months, quarters, halves and years are called: the marts' own."""

from __future__ import annotations

from customer_value.marts.cohorts import GRAINS, cohort_names, cohort_start

__all__ = ["GRAINS", "cohort_names", "cohort_start"]
