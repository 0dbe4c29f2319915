"""Contracts: which terms ran out and what became of them, what is billed ahead, what was paid, and what falls due next.

A renewal is a decision; between two of them an account under contract cannot leave. So the share that renews is taken
over the terms that ran out, never over all accounts, and terms of a month, which run out all the time, are left out
unless asked for. What is not decided yet is pending and in no share.
"""

from __future__ import annotations

from customer_value.studies.renewals.compared import differences
from customer_value.studies.renewals.contracts import contract_mix, mix_shift
from customer_value.studies.renewals.decided import Scope
from customer_value.studies.renewals.deferred import deferred_revenue, future_recognition
from customer_value.studies.renewals.due import due_soon, upcoming
from customer_value.studies.renewals.payment import cash, late_payment, owed, owing_accounts, takings
from customer_value.studies.renewals.shares import batting_average, by_quarter, outcomes, year_on_year

__all__ = [
    "Scope",
    "batting_average",
    "by_quarter",
    "cash",
    "contract_mix",
    "deferred_revenue",
    "differences",
    "due_soon",
    "future_recognition",
    "late_payment",
    "mix_shift",
    "outcomes",
    "owed",
    "owing_accounts",
    "takings",
    "upcoming",
    "year_on_year",
]
