"""Whether later cohorts stay longer at the same age, and whether they do at an equal mix of customers.

A trend over sign-up months, at equal age, with the scatter between months in its uncertainty. Beside the raw trend
stands the adjusted one: at equal size, plan, contract term and whatever else was declared as known at sign-up. What the
raw trend shows and the adjusted does not is owed to a different kind of customer. Single cohorts are not tested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import ibis
import numpy as np
import pandas as pd

from customer_value.errors import DataError
from customer_value.marts import Marts
from customer_value.marts.dates import last_whole_month, month_number
from customer_value.marts.levels import NOT_STATED, OTHER, Levels, pooled
from customer_value.marts.store import to_pandas
from customer_value.stats import survival
from customer_value.stats.hazard_trend import HazardTrend, trend
from customer_value.stats.result import Result
from customer_value.stats.weighted_trend import weighted_trend
from customer_value.studies.cohort_survival.subjects import attribute_known_at_signup, comparable, subject_notes

KINDS = ("raw", "adjusted")
"""At equal age; and at equal age and mix of customers."""

MOST_LEVELS = 12
"""An attribute of more levels has the smallest put together before it is adjusted for."""

MOST_UNSTATED = 0.1
"""An attribute that more accounts than this do not state is not adjusted for: it may be filled in for stayers."""

_MONTHS = 12
_CLUSTERS = ("month", "cohort")


def cohort_trend(
    marts: Marts,
    *,
    age: int = 12,
    horizon: int = 24,
    bands: int = 3,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """How much more of a cohort stays than of one that began a year earlier: raw, and at an equal mix of customers.

    A trend of the hazard over sign-up months at equal age (grouped proportional hazards), whose standard error has the
    scatter between calendar months and between sign-up months in it. Said as retention at ``age``: what a change of the
    hazard by this ratio makes of the retention of all cohorts together. Months whose ends may yet turn out to be pauses
    are left out.

    Parameters
    ----------
    age : in months, at which the change is said
    horizon : last month of age that counts
    bands : into how many bands first MRR and other numbers are cut for the adjustment

    Returns
    -------
    Result keyed by ``kind``: ``estimate, low, high`` in points of retention at ``age`` for a start a year later,
    ``ratio, ratio_low, ratio_high`` (hazard of leaving), ``p``, ``n`` accounts, ``events``, ``cohorts`` (sign-up months
    with accounts), ``retention`` (of all cohorts at ``age``), ``scatter`` (standard error over what it would be if
    months did not scatter), ``adjusted_for`` (attributes by label, `` · `` between), ``agrees`` (both kinds clear and
    of one sign). Columns on both rows: ``size_ratio, size_low, size_high`` (first MRR a year later over that before,
    geometric means). Without an estimate where fewer than six months inform; adjusted, where accounts are alike in all
    that is known of them, since nothing is then made equal.

    Raises
    ------
    DataError : the data have no cohorts

    References
    ----------
    `customer_value.stats.hazard_trend`.
    """
    if not marts.has("accounts"):
        raise DataError(
            "Cohorts need the date at which accounts began", table="flat", remedy="bring a table of subscriptions"
        )
    rows = _accounts(marts)
    mix = _mix(marts, rows, bands=bands, min_group=min_group)
    people = pd.concat([rows[["cohort", "last", "event"]], mix.columns], axis=1)
    cells = _cells(people, list(mix.columns), horizon=horizon)
    strata = {"raw": ["age"], "adjusted": ["age", *(["first_term"] if "first_term" in mix.columns else [])]}
    further = [name for name in mix.columns if name != "first_term"]
    retention = _retention(cells, age)
    size = _size(rows, confidence)
    table = []
    for kind in KINDS:
        found = trend(
            cells if kind == "adjusted" else _summed(cells),
            entered="years",
            strata=strata[kind],
            clusters=_CLUSTERS,
            categories=further if kind == "adjusted" else (),
            confidence=confidence,
        )
        table.append(
            {"kind": kind}
            | _said(found if kind == "raw" or mix.labels else _untold(found), retention)
            | {
                "n": len(rows),
                "events": int(cells["events"].sum()),
                "cohorts": rows["cohort"].nunique(),
                "retention": retention,
                "adjusted_for": " · ".join(mix.labels) if kind == "adjusted" else "",
            }
            | size
        )
    table = pd.DataFrame(table)
    clear = (table["p"] <= 1 - confidence).all() and table["estimate"].gt(0).nunique() == 1
    return Result(
        name="cohort_trend",
        table=table.assign(agrees=bool(clear)),
        keys=("kind",),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="accounts that signed up a year earlier",
        method=f"Trend of grouped hazards over sign-up months at equal age, as retention at {age} months; variance "
        "between calendar months and between sign-up months by moments, t quantile",
        notes=(*subject_notes(marts.meta, None), *mix.notes),
    )


@dataclass(frozen=True)
class _Mix:
    """What is known of accounts at sign-up: a column of levels an attribute, their labels, and what was left out."""

    columns: pd.DataFrame
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def _accounts(marts: Marts) -> pd.DataFrame:
    """One row an account of a cohort: number of its sign-up month, last settled month seen, whether it left in it."""
    meta = marts.meta
    settled = last_whole_month(meta.as_of - timedelta(days=meta.grace_days))
    last = settled.year * 12 + settled.month - 1
    accounts, spells = marts.table("accounts"), marts.table("spells")
    first = spells.filter(spells.spell == 1).select("customer_id", "end_date")
    names = [attribute_known_at_signup(meta, name).column for name in comparable(meta)]
    known = accounts.filter(accounts.cohort_month.notnull())
    known = known.select("customer_id", *dict.fromkeys([*names, "first_mrr"]), cohort=month_number(known.cohort_month))
    joined = known.inner_join(first, "customer_id").order_by("customer_id")
    ended = month_number(joined.end_date)
    joined = joined.mutate(event=(ended <= last).fill_null(False), last=ibis.least(ended.fill_null(last), last))
    rows = to_pandas(joined.filter(joined.cohort <= last).drop("end_date"))
    return rows.assign(event=rows["event"].astype(bool), last=rows["last"].clip(lower=rows["cohort"]))


def _mix(marts: Marts, rows: pd.DataFrame, *, bands: int, min_group: int) -> _Mix:
    """Every attribute known at sign-up as levels, the small ones put together; those too often not stated left out."""
    columns, labels, unstated = {}, [], []
    for name in comparable(marts.meta):
        attribute = attribute_known_at_signup(marts.meta, name)
        values = rows[attribute.column]
        named = Levels.of(values, kind=attribute.kind, bands=bands).name(values)
        if (named == NOT_STATED).mean() > MOST_UNSTATED:
            unstated.append(attribute.label)
            continue
        named = pooled(named, fewest=min_group).astype(object)
        largest = named.value_counts().sort_index(kind="stable").nlargest(MOST_LEVELS - 1, keep="first").index
        if named.nunique() > MOST_LEVELS:
            named = named.where(named.isin(largest), OTHER)
        if named.nunique() > 1:
            columns[name] = named
            labels.append(attribute.label)
    notes = (f"Not adjusted for, being too often not stated: {', '.join(unstated)}.",) if unstated else ()
    return _Mix(pd.DataFrame(columns, index=rows.index), tuple(labels), notes)


def _cells(people: pd.DataFrame, mix: list[str], *, horizon: int) -> pd.DataFrame:
    """At risk and events by sign-up month, mix and month of age (0: the month of sign-up itself)."""
    keys = ["cohort", *mix]
    grouped = people.groupby(keys, sort=True, dropna=False)
    code = grouped.ngroup().to_numpy()
    profiles = grouped.size().reset_index()[keys]
    reached = (people["last"] - people["cohort"]).to_numpy()
    width = horizon + 2
    place = code * width + np.minimum(reached, horizon + 1)
    shape = (len(profiles), width)
    leaving = np.bincount(place, minlength=shape[0] * width).reshape(shape)
    event = people["event"].to_numpy() & (reached <= horizon)
    events = np.bincount(place[event], minlength=shape[0] * width).reshape(shape)
    at_risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1]
    cells = profiles.loc[profiles.index.repeat(horizon + 1)].reset_index(drop=True)
    cells["age"] = np.tile(np.arange(horizon + 1), len(profiles))
    cells["at_risk"], cells["events"] = at_risk[:, :-1].ravel(), events[:, :-1].ravel()
    cells = cells[cells["at_risk"] > 0].reset_index(drop=True)
    return _placed(cells)


def _placed(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.assign(month=cells["cohort"] + cells["age"], years=(cells["cohort"] - cells["cohort"].min()) / _MONTHS)


def _summed(cells: pd.DataFrame) -> pd.DataFrame:
    """The same whatever the mix."""
    return _placed(cells.groupby(["cohort", "age"], as_index=False, sort=True)[["at_risk", "events"]].sum())


def _retention(cells: pd.DataFrame, age: int) -> float:
    """Share of all cohorts together that stays to the age."""
    counts = cells.groupby("age", as_index=False)[["at_risk", "events"]].sum()
    # The month of sign-up counts as the first.
    curve = survival.kaplan_meier(counts.assign(age=counts["age"] + 1))
    reached = curve[curve["age"] == age + 1]
    return float(reached["estimate"].iloc[0]) if len(reached) else float("nan")


def _untold(found: HazardTrend) -> HazardTrend:
    """The same without what it says."""
    names = ("log_ratio", "standard_error", "low", "high", "p", "model_error")
    return replace(found, **dict.fromkeys(names, float("nan")))


def _said(found: HazardTrend, retention: float) -> dict[str, object]:
    """The trend as points of retention: a hazard multiplied by r makes S ** r of a share S that stays."""
    ratio, low, high = (float(np.exp(value)) for value in (found.log_ratio, found.low, found.high))

    def change(by: float) -> float:
        # Where all stay, no ratio changes anything, not even one that is not known.
        return retention**by - retention if np.isfinite(by) else np.nan

    return {
        "estimate": change(ratio),
        "low": change(high),
        "high": change(low),
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "p": found.p,
        "scatter": found.standard_error / found.model_error if found.model_error > 0 else np.nan,
    }


def _size(rows: pd.DataFrame, confidence: float) -> dict[str, float]:
    """First MRR of those who sign up a year later over that of those before, with sign-up months as the units."""
    paid = rows["first_mrr"].astype(float)
    logs = np.log(paid.where(paid > 0)).groupby(rows["cohort"]).agg(["mean", "count"]).dropna()
    found = weighted_trend(logs["mean"], logs.index / _MONTHS, logs["count"], confidence=confidence)
    return {
        "size_ratio": float(np.exp(found.estimate)),
        "size_low": float(np.exp(found.low)),
        "size_high": float(np.exp(found.high)),
    }
