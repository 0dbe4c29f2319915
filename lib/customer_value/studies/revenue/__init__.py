"""Where recurring revenue came from and where it went, and how much of it stays.

Two views that answer different questions and must not be mixed. *Movements* add up every account's monthly changes, so
they reconcile with opening and closing MRR to the penny. *Retention* follows one closed group, the accounts active when
the period begins: an account that left at any time counts as gone even if it came back, and accounts won since are left
out.

The period is two closes: the state of the accounts at the end of the day ``start`` and of the day ``end``. Money is
monthly recurring revenue (MRR) unless a column says otherwise.
"""

from __future__ import annotations

from customer_value.marts.parts import PARTS
from customer_value.studies.revenue.closed_group import decomposition, monthly_trend, retention
from customer_value.studies.revenue.concentration import influence, largest_accounts
from customer_value.studies.revenue.leaving import churn_reasons, churn_side_by_side, leaver_size
from customer_value.studies.revenue.makeup import parts, parts_by_month
from customer_value.studies.revenue.moved import MOVEMENTS
from customer_value.studies.revenue.streams import GAINS, arr_trend, movements, quick_ratio, top_movers, waterfall
from customer_value.studies.revenue.targets import COMPARED, against_targets
from customer_value.studies.revenue.winds import QUARTERS, Grouped, headwind_tailwind, wind_contrasts

__all__ = [
    "COMPARED",
    "GAINS",
    "MOVEMENTS",
    "PARTS",
    "QUARTERS",
    "Grouped",
    "against_targets",
    "arr_trend",
    "churn_reasons",
    "churn_side_by_side",
    "decomposition",
    "headwind_tailwind",
    "influence",
    "largest_accounts",
    "leaver_size",
    "monthly_trend",
    "movements",
    "parts",
    "parts_by_month",
    "quick_ratio",
    "retention",
    "top_movers",
    "waterfall",
    "wind_contrasts",
]
