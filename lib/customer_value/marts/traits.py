"""What accounts were like at a close, in numbers: how they used the product, for how long, what they paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts.bases import state_at
from customer_value.marts.engagement import engagement
from customer_value.marts.standing import months_earlier, usage_measure
from customer_value.marts.store import Marts, to_pandas

WINDOW = 3
"""Whole months that use is taken over; its change is against as many before."""

_DAYS = 30
_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Trait:
    """A number that accounts differ in.

    Attributes
    ----------
    name, label : key, and plain words for the head of a column
    low, high : how accounts with a low and a high value are spoken of
    unit : as of a result
    proportional : whether twice as much is as far at any size, so that logarithms are compared
    """

    name: str
    label: str
    low: str
    high: str
    unit: str
    proportional: bool = False


_USE = {
    "active_days": Trait("usage", "Days of use in 30", "little use", "much use", "count"),
    "events": Trait("usage", "Uses in 30 days", "little use", "much use", "count", proportional=True),
}
_FURTHER = (
    Trait("features", "Features used", "few features", "many features", "count"),
    Trait("trend", "Use against 3 months before", "falling use", "rising use", "ratio", proportional=True),
    Trait("tenure", "Months as a customer", "recent", "long-standing", "months"),
    Trait("mrr", "MRR", "low-paying", "high-paying", "money", proportional=True),
    Trait("seats", "Seats", "few seats", "many seats", "count", proportional=True),
)


def traits_at(marts: Marts, day: date) -> tuple[pd.DataFrame, tuple[Trait, ...]]:
    """The accounts active at the close of ``day`` with what was known of them by then; nothing later is read.

    Parameters
    ----------
    day : not after the as-of day

    Returns
    -------
    One row an account, by ``customer_id``: ``usage`` (active days, else uses, in 30 days as a customer, over the
    `WINDOW` whole months before), ``features`` (different ones in that time), ``trend`` (``usage`` over that of the
    `WINDOW` months before, half the median use added to both), ``tenure`` (months since its origin), ``mrr`` and
    ``seats``; missing where not known. And the traits that some account has, in this order; none where use is not
    recorded, for then there is no behaviour.

    Raises
    ------
    SettingsError : ``day`` lies after the as-of day
    """
    measure = usage_measure(marts)
    accounts = state_at(marts, day).set_index("customer_id")
    if measure is None:
        return accounts.iloc[:, :0], ()
    now = engagement(marts, day, months=WINDOW).reindex(accounts.index)
    before = engagement(marts, months_earlier(day, WINDOW), months=WINDOW).reindex(accounts.index)
    origin = to_pandas(marts.table("accounts").select("customer_id", "origin_date")).set_index("customer_id")
    age = (pd.Timestamp(day) - origin["origin_date"].reindex(accounts.index)).dt.days
    # A few uses more or less are no trend, though they may be twice as many.
    floor = 0.5 * float(np.nanmedian(now["usage"])) if now["usage"].notna().any() else 0.0
    found = pd.DataFrame(
        {
            "usage": _DAYS * now["usage"],
            "features": now["features"],
            "trend": (now["usage"] + floor) / (before["usage"] + floor) if floor > 0 else np.nan,
            "tenure": age / _DAYS_A_MONTH,
            "mrr": accounts["mrr"],
            "seats": accounts["seats"].astype(float),
        }
    )
    known = tuple(trait for trait in (_USE[measure], *_FURTHER) if found[trait.name].notna().any())
    return found[[trait.name for trait in known]], known if found["usage"].notna().any() else ()


def comparable(values: pd.Series, trait: Trait) -> pd.Series:
    """The values on a scale on which differences compare: logarithms where a trait is proportional."""
    if not trait.proportional:
        return values
    least = values[values > 0].min()
    return np.log(values.clip(lower=least if pd.notna(least) else 1.0))
