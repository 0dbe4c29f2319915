"""How long accounts stay: retention triangles by cohort, survival curves, and what differs between groups.

Age is counted in whole months from an account's origin, never in calendar months. Accounts still active at the as-of
date are censored, not retained; accounts older than the data enter late; those of unknown origin are left out.
Groups are formed only by what was known at sign-up: a plan held today is held because the account stayed.

A flat table (tenure, churned) goes through the same functions; what its curve means depends on how it was observed.
"""

from __future__ import annotations

from customer_value.marts.cohorts import GRAINS, cohort_names
from customer_value.studies.cohort_survival.cohorts import cohorts_at_age
from customer_value.studies.cohort_survival.comparisons import logrank, pairwise
from customer_value.studies.cohort_survival.curves import curves, medians, survival_at
from customer_value.studies.cohort_survival.shapes import EVERYONE, hazard_by_age, hazard_shape
from customer_value.studies.cohort_survival.subjects import comparable, label, labels, observation_warning
from customer_value.studies.cohort_survival.trend import KINDS, cohort_trend
from customer_value.studies.cohort_survival.triangles import METRICS, triangle

__all__ = [
    "EVERYONE",
    "GRAINS",
    "KINDS",
    "METRICS",
    "cohort_names",
    "cohort_trend",
    "cohorts_at_age",
    "comparable",
    "curves",
    "hazard_by_age",
    "hazard_shape",
    "label",
    "labels",
    "logrank",
    "medians",
    "observation_warning",
    "pairwise",
    "survival_at",
    "triangle",
]
