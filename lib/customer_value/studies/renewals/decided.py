"""The renewals that a chapter looks at, with what was known of the account when its term ran out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, Attribute, attributes
from customer_value.marts.renewals import falling_due, listed, unmatched

FIRST_YEAR_MONTHS = 13
"""Up to this age a renewal is one of the first year's: a term of twelve months may run out some days after it."""

_TENURE = Attribute("renewal_age", "Time as a customer", "renewal_age", "start", "text")
_CONTRACT_VALUE = Attribute("renewal_value", "Contract value a year", "renewal_value", "start", "money")


@dataclass(frozen=True)
class Scope:
    """Which renewals are looked at, and how groups of them are shown.

    Attributes
    ----------
    start, end : the closes between which they fell due
    by : attributes to group by; None for every one that there is
    least_term : shortest term in months; 1 brings in those who decide every month
    bands : into how many bands of roughly equal size amounts and other numbers are cut
    money_name : how an amount is written in a band's name; plain digits when None
    confidence : of every interval
    min_group : smallest group shown
    """

    start: date
    end: date
    by: Sequence[str] | None = None
    least_term: int = 2
    bands: int = 3
    money_name: Callable[[float], str] | None = None
    confidence: float = 0.95
    min_group: int = 30


def fallen_due(marts: Marts, scope: Scope) -> pd.DataFrame:
    """The renewals that fell due after the close of ``start`` and by that of ``end``, decided or not.

    Returns
    -------
    As `customer_value.marts.renewals.falling_due`, with ``renewed`` (missing while pending), ``renewal_value`` (MRR
    before, times twelve), ``months_old`` and ``renewal_age`` (``first year``, ``later``; missing if the start is
    unknown), the first plan, term and seats, and every declared attribute.
    """
    found = falling_due(marts, least_term=scope.least_term)
    inside = (found["due_date"] > pd.Timestamp(scope.start)) & (found["due_date"] <= pd.Timestamp(scope.end))
    accounts = marts.frame("accounts")
    kept = [name for name in accounts if name not in found.columns or name == "customer_id"]
    base = found[inside].merge(accounts[kept], on="customer_id", how="left", validate="many_to_one")
    decided = base["outcome"] != "pending"
    return base.assign(
        renewed=(base["outcome"] != "lapsed").where(decided),
        start_mrr=base["mrr_before"],
        renewal_value=12 * base["mrr_before"],
        months_old=_months(base["due_date"], base["origin_date"]),
        renewal_age=tenure(base["due_date"], base["origin_date"]),
    )


def tenure(due: pd.Series, origin: pd.Series) -> pd.Series:
    """``first year`` or ``later``, by the age at the due date; missing if the origin is not known."""
    months = _months(due, origin)
    return (months <= FIRST_YEAR_MONTHS).map({True: "first year", False: "later"}).where(months.notna(), None)


def _months(due: pd.Series, origin: pd.Series) -> pd.Series:
    return (due - origin).dt.days / (365.25 / 12)


def decided(marts: Marts, scope: Scope) -> pd.DataFrame:
    """Of `fallen_due` those whose outcome is known."""
    base = fallen_due(marts, scope)
    base = base[base["outcome"] != "pending"].reset_index(drop=True)
    return base.assign(renewed=base["renewed"].astype(bool))


def grouped_by(marts: Marts, scope: Scope) -> tuple[Attribute, ...]:
    """The attributes asked for, MRR among them as the value of the contract, and time as a customer."""
    chosen = attributes(marts.meta, names=scope.by)
    named = [_CONTRACT_VALUE if attribute.name == "mrr_band" else attribute for attribute in chosen]
    return (*named, _TENURE)


def grouping(base: pd.DataFrame, attribute: Attribute, scope: Scope) -> Grouping:
    """The renewals by one attribute, small levels pooled."""
    return Grouping.of(base, attribute, bands=scope.bands, money_name=scope.money_name, min_group=scope.min_group)


def is_stated(group: Grouping) -> np.ndarray:
    """Which renewals are compared: a field that is filled in only for those who stayed would prove itself."""
    return (group.named != NOT_STATED).to_numpy()


def notes(marts: Marts, base: pd.DataFrame, scope: Scope) -> tuple[str, ...]:
    """What a reader of renewals must know."""
    said = []
    if listed(marts):
        said.append(
            "Due dates and outcomes are those of the company's own list; prices before and after are its revenue's."
        )
        missing, odd = unmatched(marts), int(base["contradicted"].sum())
        if missing:
            said.append(f"Listed renewals of no account that was paying then, left out: {missing:,}.")
        if odd:
            said.append(f"Listed outcomes that the revenue contradicts: {odd:,}; they are counted as listed.")
    else:
        said.append(
            "No list of renewals is given: a term falls due whole billing periods after its unbroken run began, never "
            "on the end of a row."
        )
    if scope.least_term > 1:
        said.append("Terms of a month, which can be left at any time, are no renewals here.")
    pending = int((base["outcome"] == "pending").sum())
    if pending:
        said.append(
            f"Fell due within {marts.meta.grace_days} days of the as-of date and counted as pending, whatever they "
            f"look like now: {pending:,}."
        )
    return tuple(said)
