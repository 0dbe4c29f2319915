"""What groups were made alike in before they were compared, in words."""

from __future__ import annotations

from collections.abc import Mapping

from customer_value.strategy.wording import Words

COVARIATES: Mapping[str, str] = {
    "size": "size",
    "term": "contract term",
    "due": "whether the term came due",
    "plan": "plan",
    "age": "age",
    "since": "month of sign-up",
    "known": "what was known at sign-up",
    "other_use": "use of everything else",
}
"""Covariates by their names in results."""


def alike_in(adjusted_for: str, words: Words) -> str:
    """The covariates of a row, "size, contract term, plan and age"; empty where there was none.

    Parameters
    ----------
    adjusted_for : names of `COVARIATES` with commas between, as results carry them
    """
    names = [name for name in adjusted_for.split(", ") if name]
    return words.list(COVARIATES.get(name, name) for name in names) if names else ""
