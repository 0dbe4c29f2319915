"""What accounts did in their first days, told by the rules of the settings, and what became of them from then on.

Whoever did something late was a customer until then, and asking who *ever* did it compares survivors with everybody
else (immortal time). So behaviour counts only within the first days, and accounts are followed from a day after these,
those who left before being out on both sides.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.dates import days_between, month_of, plus_months
from customer_value.marts.months import at_days
from customer_value.marts.store import to_pandas
from customer_value.rules import Behaviour

ADOPTED_MONTHS = 2
"""A feature counts as adopted from the second month of use on, as everywhere."""

KNOWN = "known:"
"""Stands before the names of attributes, so that none is taken for what an account did."""

MOST_LEVELS = 12
"""Attributes of more levels are not adjusted for."""


@dataclass(frozen=True)
class FirstDays:
    """Accounts seen from their beginning, and whether each did a thing in its first days.

    Attributes
    ----------
    accounts : one row an account whose first days are wholly on record: ``customer_id, did, level`` (per thirty days,
        of a level of use), ``ever`` (at any time since), ``other_use`` (of a feature: use of all others in these days),
        ``origin_date, left_on`` (missing: still here), ``first_mrr, first_term, first_plan`` and attributes known at
        sign-up, each named `KNOWN` and its name
    behaviour : the rule
    """

    accounts: pd.DataFrame
    behaviour: Behaviour

    def followed(self, marts: Marts, *, wait: int, months: int) -> pd.DataFrame:
        """Those still here ``wait`` days after the first days, all of whose following ``months`` have passed.

        Returns
        -------
        The columns of ``accounts``, ``from_day, until_day``, ``start_mrr, end_mrr``, ``lost`` and ``due`` (true of all:
        in twelve months a term comes due).
        """
        found = self._placed(wait, months)
        here = found["left_on"].isna() | (found["left_on"] > found["from_day"])
        found = found[here & (found["until_day"] <= pd.Timestamp(marts.meta.as_of))].reset_index(drop=True)
        found["start_mrr"] = found["customer_id"].map(_mrr(marts, found, "from_day"))
        found["lost"] = found["left_on"].notna() & (found["left_on"] <= found["until_day"])
        ending = found["customer_id"].map(_mrr(marts, found, "until_day")).fillna(0.0)
        found["end_mrr"] = np.where(found["lost"], 0.0, ending)
        found["due"] = True
        found = found[found["start_mrr"].notna()].reset_index(drop=True)
        return found.assign(did=self.did(found, among=found))

    def did(self, accounts: pd.DataFrame, *, among: pd.DataFrame) -> pd.Series:
        """Whether each did it; the share that uses most is cut among the accounts followed."""
        rule = self.behaviour
        if rule.usage is None:
            return accounts["did"].astype(bool)
        cut = rule.at_least if rule.at_least is not None else among["level"].quantile(1 - rule.top_share)
        return (accounts["level"] >= cut) & (accounts["level"] > 0)

    def in_these_months(self, marts: Marts, *, wait: int, months: int) -> pd.DataFrame:
        """Accounts of today that are in the months after their first days: whom a change would reach."""
        found = self._placed(wait, months)
        close = pd.Timestamp(marts.meta.as_of)
        here = found["left_on"].isna() & (found["from_day"] - pd.Timedelta(days=wait) <= close)
        return found[here & (found["until_day"] > close)]

    def _placed(self, wait: int, months: int) -> pd.DataFrame:
        first = self.accounts["origin_date"] + pd.Timedelta(days=self.behaviour.within_days + wait)
        return self.accounts.assign(from_day=first, until_day=first + pd.DateOffset(months=months))


def first_days(marts: Marts, behaviour: Behaviour) -> FirstDays | str:
    """Whether each account seen from its beginning did it in its first days; a sentence where it cannot be told."""
    if not any(marts.has(table) for table in behaviour.needs):
        return f"“{behaviour.name}” cannot be told: it needs the table {' or '.join(behaviour.needs)}."
    accounts = marts.table("accounts")
    accounts = accounts.filter(accounts.cohort_month.notnull())
    if behaviour.milestone is not None:
        told = _milestone(marts, accounts, behaviour)
    elif behaviour.feature is not None:
        told = _feature(marts, accounts, behaviour)
    else:
        told = _usage(marts, accounts, behaviour)
    if isinstance(told, str):
        return told
    spells = marts.table("spells")
    ends = to_pandas(spells.filter((spells.spell == 1) & spells.event).select("customer_id", left_on="end_date"))
    known = {name: f"{KNOWN}{name}" for name in signup_attributes(marts)}
    about = ["customer_id", "origin_date", "first_mrr", "first_term", "first_plan", *known]
    frame = marts.frame("accounts")
    frame = frame[frame["cohort_month"].notna()][about].rename(columns=known).merge(ends, on="customer_id", how="left")
    return FirstDays(frame.merge(told, on="customer_id", how="inner"), behaviour)


def signup_attributes(marts: Marts) -> list[str]:
    """Declared attributes known at sign-up that accounts are made alike in."""
    known = marts.frame("accounts")
    return [
        name
        for name, about in sorted(marts.meta.attributes.items())
        if about["known_at"] == "signup" and name in known and 1 < known[name].nunique() <= MOST_LEVELS
    ]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name among ``known`` that is the same but for capitals and spaces."""
    plain = {" ".join(each.casefold().split()): each for each in known}
    return plain.get(" ".join(name.casefold().split()))


def not_there(what: str, name: str, known: Iterable[str]) -> str:
    """That the data have nothing of this name, with what comes nearest."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    there = f"Did you mean {close[0]}? " if close else ""
    listed = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    return f"the data have no {what} “{name}”. {there}There are: {listed or 'none'}."


def _milestone(marts: Marts, accounts: ir.Table, behaviour: Behaviour) -> pd.DataFrame | str:
    reached = marts.table("milestones")
    names = [row["milestone"] for row in reached.select("milestone").distinct().to_pyarrow().to_pylist()]
    name = nearest(behaviour.milestone, names)
    if name is None:
        return f"“{behaviour.name}” cannot be told: {not_there('milestone', behaviour.milestone, names)}"
    when = to_pandas(reached.filter(reached.milestone == name).select("customer_id", "reached_on"))
    found = to_pandas(accounts.select("customer_id", "origin_date")).merge(when, on="customer_id", how="left")
    days = (found["reached_on"] - found["origin_date"]).dt.days
    # Of accounts that began before milestones were recorded, nobody knows.
    began = to_pandas(reached.aggregate(first=reached.reached_on.min()))["first"].iloc[0]
    found = found.assign(did=days.le(behaviour.within_days), ever=found["reached_on"].notna(), level=np.nan)
    return found.loc[found["origin_date"] >= began, ["customer_id", "did", "ever", "level"]]


def _window(rows: ir.Table, accounts: ir.Table, behaviour: Behaviour) -> ir.Table:
    """Rows of the calendar months that end within the account's first days."""
    joined = rows.inner_join(accounts.select("customer_id", "origin_date"), "customer_id")
    ends = days_between(joined.origin_date, plus_months(joined.month, 1)) <= behaviour.within_days + 1
    return joined.filter((joined.month >= month_of(joined.origin_date)) & ends)


def _on_record(accounts: pd.DataFrame, behaviour: Behaviour, first, last) -> pd.Series:
    """Whether all of an account's first days lie between the first and the last month of use on record."""
    until = accounts["origin_date"] + pd.Timedelta(days=behaviour.within_days)
    begins = accounts["origin_date"] >= pd.Timestamp(first)
    return begins & (until < pd.Timestamp(last) + pd.offsets.MonthEnd(1) + timedelta(days=1))


def _feature(marts: Marts, accounts: ir.Table, behaviour: Behaviour) -> pd.DataFrame | str:
    if "feature_months" not in marts.meta.rows:
        return f"“{behaviour.name}” cannot be told: no use is on record by feature."
    used = marts.table("feature_months")
    names = [row["feature"] for row in used.select("feature").distinct().to_pyarrow().to_pylist()]
    name = nearest(behaviour.feature, names)
    if name is None:
        return f"“{behaviour.name}” cannot be told: {not_there('feature', behaviour.feature, names)}"
    inside = _window(used, accounts, behaviour)
    told = inside.group_by("customer_id").agg(
        months=(inside.feature == name).sum(), others=inside.events.sum(where=inside.feature != name)
    )
    found = to_pandas(accounts.select("customer_id", "origin_date"))
    found = found.merge(to_pandas(told), on="customer_id", how="left")
    adopted = marts.table("adoption")
    ever = to_pandas(adopted.filter((adopted.feature == name) & adopted.adopted_in.notnull()).select("customer_id"))
    found = found.assign(
        did=found["months"].fillna(0) >= ADOPTED_MONTHS,
        ever=found["customer_id"].isin(ever["customer_id"]),
        other_use=np.log1p(found["others"].fillna(0).astype(float)),
        level=np.nan,
    )
    kept = _on_record(found, behaviour, marts.meta.features_from, marts.meta.features_until)
    return found.loc[kept, ["customer_id", "did", "ever", "other_use", "level"]]


def _usage(marts: Marts, accounts: ir.Table, behaviour: Behaviour) -> pd.DataFrame | str:
    measure = behaviour.usage
    if "usage_months" not in marts.meta.rows:
        return f"“{behaviour.name}” cannot be told: no use is on record."
    rows = marts.table("usage_months")
    rows = rows.filter(rows[measure].notnull())
    inside = _window(rows, accounts, behaviour)
    told = inside.group_by("customer_id").agg(used=inside[measure].sum(), exposed=inside.exposed_days.sum())
    always = rows.group_by("customer_id").agg(all_used=rows[measure].sum(), all_exposed=rows.exposed_days.sum())
    found = to_pandas(accounts.select("customer_id", "origin_date"))
    for each in (told, always):
        found = found.merge(to_pandas(each), on="customer_id", how="left")
    found["level"] = 30 * found["used"].astype(float) / found["exposed"].astype(float)
    every = 30 * found["all_used"].astype(float) / found["all_exposed"].astype(float)
    kept = _on_record(found, behaviour, marts.meta.usage_from, marts.meta.usage_until) & found["level"].notna()
    if not kept.any():
        return f"“{behaviour.name}” cannot be told: the table of use does not tell {measure.replace('_', ' ')}."
    cut = behaviour.at_least if behaviour.at_least is not None else every.quantile(1 - behaviour.top_share)
    found = found.assign(did=False, ever=every >= cut)
    return found.loc[kept, ["customer_id", "did", "ever", "level"]]


def _mrr(marts: Marts, accounts: pd.DataFrame, day: str) -> pd.Series:
    """MRR of every account at the close of a day of its own, by ``customer_id``."""
    days = accounts[["customer_id"]].assign(day=accounts[day].dt.date)
    if days.empty:
        return pd.Series(dtype=float)
    active = at_days(marts.table("lines"), ibis.memtable(days, schema={"customer_id": "string", "day": "date"}))
    sums = active.group_by("customer_id").agg(mrr=active.mrr.sum()).order_by("customer_id")
    return to_pandas(sums).set_index("customer_id")["mrr"]
