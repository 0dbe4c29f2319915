"""Share of accounts still there by age, the age at which half have left, and the mean months stayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.stats import disclosure, survival
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.subjects import (
    Subjects,
    accounts_by_level,
    at_risk_by_age,
    counts_by_age,
    follow,
    in_order,
)

KAPLAN_MEIER = (
    "Kaplan–Meier by whole months of age; Greenwood's log-log limits, with few at risk Wilson's on the effective number"
)


def curves(
    marts: Marts,
    *,
    by: str | None = None,
    horizon: int = 24,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Share of accounts retained by age, of all accounts or per level of an attribute known at sign-up.

    Accounts still active at the as-of date are censored, not retained. Under delayed entry a curve starts at the first
    age with ``min_group`` at risk and is conditional on having stayed so long; it ends before fewer are at risk.

    Parameters
    ----------
    by : one of `comparable`, or ``first_seats, cohort_year, cohort_half``; levels of fewer than ``min_group`` accounts
        are pooled to ``other``
    horizon : last age in months; a group followed for less ends earlier
    bands : into how many bands of roughly equal size amounts and other numbers are cut
    money_name : how an amount is written in a band's name

    Returns
    -------
    Result keyed by ``age`` or ``level, age``: ``estimate, low, high``, ``n`` (at risk), ``events``, ``start`` (the age
    that the curve starts at). Levels too small to show have one row, with ``n`` accounts.

    Raises
    ------
    SettingsError : the attribute is unknown or was not known at sign-up
    DataError : no account can be followed by age

    References
    ----------
    Kaplan and Meier (1958); Borgan and Liestøl (1990).
    """
    subjects = follow(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = shown_curves(subjects, confidence, min_group)
    return _curve_result(subjects, found[found["age"] <= horizon], confidence, min_group)


def survival_at(
    marts: Marts,
    *,
    ages: Sequence[int] = (12, 24),
    by: str | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Share of accounts retained at certain ages; ages that a curve does not reach have a row without an estimate.

    Parameters and errors as of `curves`; keyed by ``age`` or ``level, age``. ``n`` is the number at risk at that age.
    """
    subjects = follow(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = shown_curves(subjects, confidence, min_group)
    wanted = pd.DataFrame({"age": list(ages)})
    if subjects.attribute:
        wanted = pd.DataFrame({"level": list(subjects.order)}).merge(wanted, how="cross")
    table = wanted.merge(found, how="left", on=list(wanted.columns))
    counted = at_risk_by_age(subjects).rename("counted").reset_index()
    table = table.merge(counted, how="left", on=list(wanted.columns))
    table["n"] = table["n"].astype(float).fillna(table["counted"].astype(float)).fillna(0).astype(int)
    result = _curve_result(subjects, table.drop(columns="counted"), confidence, min_group, whole=False)
    return Result(**{**vars(result), "name": "retention_at_age"})


def medians(
    marts: Marts,
    *,
    by: str | None = None,
    horizon: int = 24,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """How long accounts stay: the age at which half have left, and the mean months stayed up to the horizon.

    Parameters and errors as of `curves`.

    Returns
    -------
    Result keyed by ``measure`` or ``level, measure``, in months. ``median``: missing where the curve does not fall to
    one half; an upper limit that is not reached is missing. ``restricted_mean``: the area under the curve from its
    ``start`` to the horizon, missing where the curve ends before it. ``n`` accounts, ``followed_to`` the last age.
    References
    ----------
    Brookmeyer and Crowley (1982); Irwin (1949).
    """
    subjects = follow(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = shown_curves(subjects, confidence, min_group)
    keys = subjects.by
    if found.empty and not keys:
        return _unmeasured(subjects, horizon, confidence)
    middle = survival.median(found, by=keys).assign(measure="median")
    mean = survival.restricted_mean(found, horizon, by=keys, confidence=confidence).assign(measure="restricted_mean")
    table = pd.concat([middle, mean.drop(columns=["standard_error", "start"])], ignore_index=True)
    accounts = accounts_by_level(subjects)
    if keys:
        levels = pd.DataFrame({"level": list(subjects.order)})
        wanted = levels.merge(pd.DataFrame({"measure": ["median", "restricted_mean"]}), how="cross")
        table = wanted.merge(table, how="left", on=["level", "measure"])
        table["n"] = table["level"].map(accounts).astype(int)
        about = found.groupby("level").agg(start=("start", "first"), followed_to=("age", "max"))
        table = table.join(about, on="level")
    else:
        table = table.assign(n=len(subjects.table), start=found["start"].iloc[0], followed_to=found["age"].max())
    return Result(
        name="time_stayed",
        table=table[[*keys, "measure", "estimate", "low", "high", "n", "start", "followed_to"]],
        keys=(*keys, "measure"),
        unit="months",
        level=confidence,
        n_of="accounts",
        suppressed=int((~disclosure.shown(table["n"], min_group)).sum()) if keys else 0,
        method=f"Median and mean up to {horizon} months from the Kaplan–Meier curve; Brookmeyer–Crowley, Greenwood",
        notes=subjects.notes,
    )


def _unmeasured(subjects: Subjects, horizon: int, confidence: float) -> Result:
    """`medians` where no age has enough accounts for a curve."""
    table = pd.DataFrame({"measure": ["median", "restricted_mean"], "n": len(subjects.table)})
    blank = table.assign(**dict.fromkeys(("estimate", "low", "high", "start", "followed_to"), np.nan))
    return Result(
        name="time_stayed",
        table=blank[["measure", "estimate", "low", "high", "n", "start", "followed_to"]],
        keys=("measure",),
        unit="months",
        level=confidence,
        n_of="accounts",
        suppressed=2,
        method=f"Median and mean up to {horizon} months from the Kaplan–Meier curve; Brookmeyer–Crowley, Greenwood",
        notes=subjects.notes,
    )


def shown_curves(subjects: Subjects, confidence: float, min_group: int) -> pd.DataFrame:
    """Every curve that is large enough to show, to its end."""
    counts = counts_by_age(subjects)
    fewest = min_group
    dated = "followed_to" in subjects.table
    if dated and subjects.attribute is None and counts["at_risk"].max() < min_group:
        # The whole company always shows. Of tenures alone an age at which few were seen says too little even then: one
        # snapshot spreads its accounts over all ages.
        fewest = 1
    found = survival.kaplan_meier(counts, by=subjects.by, confidence=confidence, min_at_risk=fewest)
    return in_order(found, subjects) if subjects.attribute else found


def _curve_result(
    subjects: Subjects, found: pd.DataFrame, confidence: float, min_group: int, *, whole: bool = True
) -> Result:
    keys = [*subjects.by, "age"]
    columns = [*keys, "estimate", "low", "high", "n", "events", "start"]
    notes = list(subjects.notes)
    absent = [level for level in subjects.order if level not in set(found["level"])] if subjects.attribute else []
    if whole and absent:
        accounts = accounts_by_level(subjects)
        hidden = pd.DataFrame({"level": absent, "age": 0, "n": [int(accounts[level]) for level in absent]})
        found = in_order(pd.concat([found, hidden], ignore_index=True), subjects)
    if (found["start"].dropna() > 0).any():
        notes.append(
            "Curves that start above age 0 are conditional: of the accounts that had stayed to where the curve starts, "
            "the share that stayed on. So few younger accounts are observed that nothing can be said of earlier ages."
        )
    suppressed = len(absent) if whole else int(found["estimate"].isna().sum())
    return Result(
        name="retention_curves",
        table=found[columns].reset_index(drop=True),
        keys=tuple(keys),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=KAPLAN_MEIER,
        notes=tuple(notes),
    )
