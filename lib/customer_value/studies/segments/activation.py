"""Coming back after activation: the share of accounts that use the product again some days after they first did.

Two definitions stand side by side. *Classic*: used on exactly that day. *Rolling*: used on that day or within so many
days after it; the reach is the same for every cohort, so that old and young ones can be compared. Days are counted from
the account's activation, which is day 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.stats import intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.segments.first_days import nearest

GRAINS = {"month": "M", "quarter": "Q", "year": "Y"}
"""How accounts are put together by activation, the finest first, and what pandas calls such a period."""

MOST_HIDDEN = 0.1
"""A grain is used if those too thin to show hold at most this share of the accounts."""

METHOD = (
    "Of accounts seen from their beginning, the share with any use on that day after activation (classic), or on it or "
    "in the {reach} days after it (rolling). Wilson"
)


def metrics(days: Sequence[int]) -> dict[str, tuple[int, bool]]:
    """The measures by name: the day, and whether it is the rolling one."""
    return {
        f"day_{day}_{definition}": (day, definition == "rolling")
        for day in days
        for definition in ("classic", "rolling")
    }


def came_back(
    marts: Marts,
    *,
    activated: str = "Activated",
    days: Sequence[int] = (7, 30),
    reach: int = 30,
    confidence: float = 0.95,
) -> Result:
    """Share of all accounts that came back, of those observed for long enough.

    Parameters
    ----------
    activated : the milestone that is activation; where the data have none of this name, the first day of use is
    days : after activation
    reach : days after each of them in which coming back counts as well, for the rolling definition

    Returns
    -------
    Result keyed by ``metric`` (`metrics`): ``estimate``, ``n`` accounts, ``events`` that came back, ``day``,
    ``rolling``.
    """
    accounts, until = _activated(marts, activated)
    used = _used(marts)
    rows = []
    for name, (day, rolling) in metrics(days).items():
        back = _back(accounts, used, day=day, reach=reach if rolling else 0)
        observed = accounts["activated_on"] + pd.Timedelta(days=day + reach * rolling) <= until
        n, events = int(observed.sum()), int(back[observed].sum())
        share, low, high = intervals.wilson(events, n, confidence=confidence)
        row = {"metric": name, "estimate": float(share), "low": float(low), "high": float(high)}
        rows.append(row | {"n": n, "events": events, "day": day, "rolling": rolling})
    return Result(
        name="came_back",
        table=pd.DataFrame(rows),
        keys=("metric",),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=METHOD.format(reach=reach),
        notes=(_what(marts, activated),),
    )


def activation_cohorts(
    marts: Marts,
    *,
    activated: str = "Activated",
    days: Sequence[int] = (7, 30),
    reach: int = 30,
    grain: str | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """The same by month of activation (or quarter, or year, where months are too thin).

    A cohort is blank until the last account that can belong to it has been observed for long enough: the share of those
    of its first days would be another one.

    Parameters
    ----------
    grain : a key of `GRAINS`; None for the finest under which hardly any account is hidden

    Returns
    -------
    Result keyed by ``metric, month`` (the first day of the cohort's time): ``estimate``, ``n``, ``events``,
    ``observed``, ``cohort`` (as ``2025-01``, ``2025Q1`` or ``2025``).

    Raises
    ------
    ValueError : an unknown grain
    """
    if grain is not None and grain not in GRAINS:
        raise ValueError(f"grain must be one of {', '.join(GRAINS)}, got: {grain!r}")
    accounts, until = _activated(marts, activated)
    used = _used(marts)
    chosen = grain or _grain(accounts, min_group)
    cohort = accounts["activated_on"].dt.to_period(GRAINS[chosen])
    rows = []
    for name, (day, rolling) in metrics(days).items():
        back = _back(accounts, used, day=day, reach=reach if rolling else 0)
        for period in sorted(cohort.unique()):
            inside = (cohort == period).to_numpy()
            last = period.end_time.normalize() + pd.Timedelta(days=day + reach * rolling)
            row = {"metric": name, "month": period.start_time, "cohort": str(period), "n": int(inside.sum())}
            row["observed"] = bool(last <= until)
            if row["observed"] and shown(row["n"], min_group):
                row["events"] = int(back[inside].sum())
                share, low, high = intervals.wilson(row["events"], row["n"], confidence=confidence)
                row |= {"estimate": float(share), "low": float(low), "high": float(high)}
            rows.append(row)
    columns = ["metric", "month", "cohort", "estimate", "low", "high", "n", "events", "observed"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    table = table.astype(dict.fromkeys(("estimate", "low", "high", "events"), float) | {"observed": bool})
    return Result(
        name="activation_cohorts",
        table=table,
        keys=("metric", "month"),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int((table["estimate"].isna() & table["observed"].eq(True)).sum()),
        method=f"{METHOD.format(reach=reach)}. By {chosen} of activation; blank until wholly observed",
    )


def _activated(marts: Marts, milestone: str) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Accounts seen from their beginning with the day of their activation, and the last day of use on record."""
    accounts, used = marts.frame("accounts"), _used(marts)
    began, until = used["day"].min(), used["day"].max()
    accounts = accounts.loc[accounts["cohort_month"].notna() & (accounts["origin_date"] >= began), ["customer_id"]]
    name = _milestone(marts, milestone)
    if name is None:
        when = used.groupby("customer_id")["day"].min()
    else:
        reached = marts.frame("milestones")
        when = reached[reached["milestone"] == name].set_index("customer_id")["reached_on"]
    accounts["activated_on"] = accounts["customer_id"].map(when)
    kept = accounts["activated_on"].notna() & (accounts["activated_on"] >= began)
    return accounts[kept].reset_index(drop=True), until


def _milestone(marts: Marts, milestone: str) -> str | None:
    if "milestones" not in marts.meta.rows:
        return None
    return nearest(milestone, marts.frame("milestones")["milestone"].unique())


def _what(marts: Marts, milestone: str) -> str:
    name = _milestone(marts, milestone)
    if name is None:
        return "Activation is an account's first day of use while it was a customer."
    return f"Activation is the day on which an account reached the milestone “{name}”."


def _used(marts: Marts) -> pd.DataFrame:
    return marts.once(("use_days",), lambda: marts.frame("use_days"))


def _back(accounts: pd.DataFrame, used: pd.DataFrame, *, day: int, reach: int) -> np.ndarray:
    """Whether each account used anything on that day after activation, or within the reach after it."""
    after = (used["day"] - used["customer_id"].map(accounts.set_index("customer_id")["activated_on"])).dt.days
    back = used.loc[(after >= day) & (after <= day + reach), "customer_id"]
    return accounts["customer_id"].isin(back).to_numpy()


def _grain(accounts: pd.DataFrame, min_group: int) -> str:
    for name, code in list(GRAINS.items())[:-1]:
        sizes = accounts["activated_on"].dt.to_period(code).value_counts()
        if len(accounts) and sizes[sizes < min_group].sum() <= MOST_HIDDEN * len(accounts):
            return name
    return "year"
