"""How much of a closed group stays, by count and by weight, with the interval that suits each.

A group is three columns, one entry a member: its weight before, its weight after, and whether it was lost. Whoever was
lost has no weight after.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from customer_value.stats import intervals
from customer_value.stats.disclosure import MIN_GROUP, shown

COLUMNS = ("estimate", "low", "high", "n", "events", "effective_n", "largest_share", "few_accounts")
"""What every row of an estimate carries. ``events`` counts members lost (or that grew, for expansion)."""

METHOD = (
    "One closed group, two closes; an account that left at any time ends at nothing, its return is not counted, "
    "accounts won since are left out. Accounts: Wilson. Gross: Wilson on the effective number of accounts. Net and "
    "expansion: delete-one jackknife, t quantile"
)


def estimates(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    lost: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> pd.DataFrame:
    """Everything that is asked of a closed group.

    Parameters
    ----------
    before, after : weight of each member, ``after`` being 0 where it was lost
    lost : whether it was lost
    confidence, min_group : of the intervals; smallest group shown

    Returns
    -------
    One row a metric, indexed by it, columns `COLUMNS`: ``logo`` (share of members kept), ``gross`` (share of weight
    kept, growth not counted), ``net`` (weight after over weight before), ``loss_mrr`` (1 − gross), ``expansion_mrr``
    (growth over weight before; net = gross + expansion) and ``expansion_rate`` (share of all members that grew).
    """
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    lost = np.asarray(lost, dtype=bool)
    kept, grown = np.minimum(before, after), np.maximum(after - before, 0.0)
    gone, growing = int(lost.sum()), int((grown > 0).sum())
    options = {"confidence": confidence, "min_group": min_group}
    rows = {
        "logo": share(~lost, **options) | {"events": gone},
        "gross": weighted(kept, before, events=gone, **options),
        "net": ratio(after, before, events=gone, **options),
        "loss_mrr": weighted(before - kept, before, events=gone, **options),
        "expansion_mrr": ratio(grown, before, events=growing, **options),
        "expansion_rate": share(grown > 0, **options),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def share(having: npt.ArrayLike, *, confidence: float = 0.95, min_group: int = MIN_GROUP) -> dict[str, object]:
    """Share of members that have something: Wilson. ``events`` counts those that have it."""
    having = np.asarray(having, dtype=bool)
    n, events = having.size, int(having.sum())
    row = _row(n, events, effective_n=float(n), largest=1 / n if n else np.nan, few=False)
    if shown(n, min_group) and n:
        estimate, low, high = intervals.wilson(events, n, confidence=confidence)
        row |= {"estimate": float(estimate), "low": float(low), "high": float(high)}
    return row


def weighted(
    part: npt.ArrayLike,
    whole: npt.ArrayLike,
    *,
    events: int,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> dict[str, object]:
    """Share of the weight, between nothing and all of each member's: Wilson on the effective number of members."""
    whole = np.asarray(whole, dtype=float)
    row = _weighted_row(whole, events)
    if shown(whole.size, min_group) and whole.sum() > 0:
        found = intervals.weighted_share(part, whole, confidence=confidence)
        row |= {"estimate": found.estimate, "low": found.low, "high": found.high}
    return row


def ratio(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    events: int,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> dict[str, object]:
    """Ratio of two sums, which may exceed 1: delete-one jackknife with t quantile.

    Where the numerator is nothing throughout, the jackknife would claim certainty: the upper limit is then Wilson's for
    no event on the effective number of members.
    """
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    row = _weighted_row(denominator, events)
    if not shown(denominator.size, min_group) or not denominator.sum() > 0:
        return row
    if not numerator.any():
        _, low, high = intervals.wilson(0, row["effective_n"], confidence=confidence)
        return row | {"estimate": 0.0, "low": float(low), "high": float(high)}
    found = intervals.ratio_jackknife(numerator, denominator, confidence=confidence)
    return row | {"estimate": found.estimate, "low": found.low, "high": found.high}


def clustered(
    part: npt.ArrayLike,
    whole: npt.ArrayLike,
    units: npt.ArrayLike,
    *,
    events: int,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> dict[str, object]:
    """Share of units, or of their weight, where units of one member are alike: Wilson on the effective number of units.

    That is the number of independent units as precise as a delete-one jackknife over members, at most all of them, less
    what a t quantile takes off; unlike the jackknife's own limits these hold where few units have it, and stay within 0
    and 1. Where none has it, or all have it, the number of members.

    Parameters
    ----------
    part, whole : what each member's units weigh that have something, and all of them
    units : how many each member has
    events : units that have it

    References
    ----------
    Korn and Graubard (1998).
    """
    whole = np.asarray(whole, dtype=float)
    part = np.clip(np.asarray(part, dtype=float), 0.0, whole)
    row = _weighted_row(whole, events)
    if not shown(whole.size, min_group) or not whole.sum() > 0:
        return row
    found = intervals.ratio_jackknife(part, whole, confidence=confidence)
    size = row["effective_n"]
    if 0 < found.estimate < 1 and found.standard_error > 0:
        shrunk = stats.norm.ppf(0.5 + confidence / 2) / stats.t.ppf(0.5 + confidence / 2, whole.size - 1)
        alike = found.estimate * (1 - found.estimate) / found.standard_error**2
        size = min(alike, float(np.sum(units))) * shrunk**2
    _, low, high = intervals.wilson(found.estimate, 1, confidence=confidence, effective_n=size)
    return row | {"estimate": found.estimate, "low": float(low), "high": float(high)}


def _weighted_row(weight: np.ndarray, events: int) -> dict[str, object]:
    return _row(
        weight.size,
        events,
        effective_n=intervals.effective_n(weight),
        largest=intervals.largest_share(weight) if weight.size else np.nan,
        few=intervals.few_decide(weight) if weight.size else True,
    )


def _row(n: int, events: int, *, effective_n: float, largest: float, few: bool) -> dict[str, object]:
    return {
        "estimate": np.nan,
        "low": np.nan,
        "high": np.nan,
        "n": n,
        "events": events,
        "effective_n": effective_n,
        "largest_share": largest,
        "few_accounts": few,
    }
