"""What a new customer brings in: how long it stays beyond what was observed, what it pays, and when its cost is repaid.

Retention is projected by the shape that did best on ages held out, and never further than a stated multiple of the ages
observed. Revenue counts every account that was ever acquired, those that left included, and shows an age only once it
has been observed.
"""

from __future__ import annotations

from customer_value.studies.cohort_value.accounts import CATEGORIES, Basis, accounts, served
from customer_value.studies.cohort_value.payback import METRICS, contrasts, economics
from customer_value.studies.cohort_value.projection import PARTS, Reach, back_test, lifetimes, projection
from customer_value.studies.cohort_value.revenue import brought_in, by_cohort
from customer_value.studies.cohort_value.terms import ALL

__all__ = [
    "ALL",
    "CATEGORIES",
    "METRICS",
    "PARTS",
    "Basis",
    "Reach",
    "accounts",
    "back_test",
    "brought_in",
    "by_cohort",
    "contrasts",
    "economics",
    "lifetimes",
    "projection",
    "served",
]
