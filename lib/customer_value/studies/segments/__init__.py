"""How groups of accounts differ: how many there are, what they pay, how many stay and how they grow.

Accounts are grouped by what they were when the period began, or by what was known at sign-up. What is only known as it
stands now may have been filled in because an account stayed (a success manager is assigned to survivors), so such an
attribute gets counts and no retention.

Groups differ in more than the attribute that names them. So a raw contrast is a question to look into, and beside it
stands what is left of it at equal size, term, plan and age.
"""

from __future__ import annotations

from customer_value.studies.segments.activation import activation_cohorts, came_back
from customer_value.studies.segments.alike import ADJUSTMENTS, MONEY_LEVEL
from customer_value.studies.segments.behaviour import behaviours
from customer_value.studies.segments.groups import CURRENT_NOTE
from customer_value.studies.segments.kinds import kind_contrasts, kinds, kinds_today
from customer_value.studies.segments.overview import METRICS, overview
from customer_value.studies.segments.plan_ladder import moves, steps, time_on_plan
from customer_value.studies.segments.raw import COMPARED, contrasts, pay_alike
from customer_value.studies.segments.standardised import adjusted

__all__ = [
    "ADJUSTMENTS",
    "COMPARED",
    "CURRENT_NOTE",
    "METRICS",
    "MONEY_LEVEL",
    "activation_cohorts",
    "adjusted",
    "behaviours",
    "came_back",
    "contrasts",
    "kind_contrasts",
    "kinds",
    "kinds_today",
    "moves",
    "overview",
    "pay_alike",
    "steps",
    "time_on_plan",
]
