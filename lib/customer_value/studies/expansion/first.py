"""Who ever expands, when for the first time, whether again, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, growth
from customer_value.stats import competing_risks, intervals, survival
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.quantiles import quantile
from customer_value.stats.result import Result

WAYS = ("grew", "left")
"""How following an account towards its first expansion ends."""

GROUPS = {"grew": "expanded", "left": "left first"}

BANDS = ((1, 6), (7, 12), (13, 24), (25, None))
"""Months for which accounts have been followed, in the table that shows what a plain share does."""

_METHOD = (
    "Accounts followed from sign-up, in calendar months after that of sign-up; leaving is a competing event, accounts "
    "still here without an expansion are censored. Aalen–Johansen, complementary log-log limits; Wilson on the "
    "effective number of accounts where few are at risk"
)
_UNPARTED = (
    "The data do not tell plans, seats and add-ons apart, so that every rise of what an account pays counts, a dearer "
    "price too."
)


@dataclass(frozen=True)
class Clock:
    """What is said of time to the first expansion.

    Attributes
    ----------
    horizon : the last month looked at
    fast, slow : first and last month after that of sign-up of what counts as a fast and as a slow first expansion
    again : months after the first expansion within which the next counts as one
    """

    horizon: int = 24
    fast: tuple[int, int] = (1, 3)
    slow: tuple[int, int] = (12, 18)
    again: int = 12

    def __post_init__(self) -> None:
        for name, (first, last) in (("fast", self.fast), ("slow", self.slow)):
            if not 1 <= first <= last:
                raise SettingsError(
                    f"A {name} first expansion falls between two months, the earlier one first.\n"
                    f"  got:      {first}, {last}\n  remedy:   two whole numbers from 1 on"
                )
        if self.slow[0] <= self.fast[1]:
            raise SettingsError(
                "A slow first expansion begins after the fast ones end.\n"
                f"  got:      slow from {self.slow[0]}, fast until {self.fast[1]}\n  remedy:   a later first month"
            )
        if min(self.horizon, self.again) < 1:
            raise SettingsError("Accounts are followed for at least one month.\n  got:      0")


def incidence(
    marts: Marts, *, horizon: int = 24, priced: bool = False, confidence: float = 0.95, min_group: int = MIN_GROUP
) -> Result:
    """Share of accounts that have expanded, and that have left without, by months since sign-up.

    Parameters
    ----------
    horizon : last month; the curves end earlier where fewer than ``min_group`` accounts were followed
    priced : whether a mere rise of the price counts as an expansion

    Returns
    -------
    Result keyed by ``group`` (``expanded``, ``left first``) and ``month``; ``at_risk`` besides the usual. The two
    add up, with those still here that have not expanded, to all accounts.

    References
    ----------
    Aalen and Johansen (1978); see `customer_value.stats.competing_risks`.
    """
    found = _curves(growth.followed(marts, priced=priced), horizon, confidence, min_group)
    table = found.rename(columns={"age": "month", "cause": "group"})
    table = table.assign(group=table["group"].map(GROUPS), at_risk=table["n"])
    columns = ["group", "month", "estimate", "low", "high", "n", "events", "at_risk"]
    return Result(
        name="first_expansion",
        table=table.reindex(columns=columns).reset_index(drop=True),
        keys=("group", "month"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=_METHOD,
        notes=notes(marts, priced=priced),
    )


def timing(
    marts: Marts,
    *,
    clock: Clock | None = None,
    priced: bool = False,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """How many accounts expand by when, fast or slowly, once or again; and what a plain count would say.

    Returns
    -------
    Result keyed by ``measure``, shares of accounts:

    - ``ever``: have expanded by the horizon, or by the last month that enough accounts were followed to
    - ``year``: within twelve months
    - ``fast, between, slow, later``: first expansion in these months; with ``left`` (left first by then) and those
      that did neither they add up to all accounts
    - ``again``: of those that expanded once, expanded again within `Clock.again` months
    - ``naive``: have expanded so far, of all accounts however young (misleading: see `by_follow_up`)
    - ``as_if_staying``: what the Kaplan–Meier curve says that takes leaving for the mere end of watching (overstates)

    Columns besides the usual: ``months`` (the last month that the row speaks of), ``from_month``. A row whose months
    lie beyond what was observed is missing.
    """
    clock = clock or Clock()
    accounts = growth.followed(marts, priced=priced)
    curves = _curves(accounts, clock.horizon, confidence, min_group)
    reach = int(curves["age"].max()) if len(curves) else 0
    rows = [
        _at(curves, "ever", "grew", reach),
        _at(curves, "year", "grew", 12),
        *_windows(accounts, clock, reach, confidence, min_group),
        _at(curves, "left", "left", reach),
        _again(growth.followed(marts, priced=priced, until_first=False), clock, confidence, min_group),
        _plain(accounts, "naive", confidence, min_group) | {"months": np.nan},
        _as_if_staying(accounts, reach, confidence),
    ]
    columns = ["measure", "estimate", "low", "high", "n", "events", "from_month", "months"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="first_expansion_timing",
        table=table.astype(dict.fromkeys(columns[1:4] + columns[6:], float)),
        keys=("measure",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
        method=_METHOD,
        notes=notes(marts, priced=priced),
    )


def by_follow_up(marts: Marts, *, priced: bool = False, confidence: float = 0.95, min_group: int = MIN_GROUP) -> Result:
    """Share of accounts that ever expanded, by how long they can have been followed: why a plain share misleads.

    Returns
    -------
    Result keyed by ``followed`` (months between sign-up and the last whole month, as text, oldest last): a plain share,
    of those that left since as well, with Wilson's interval.
    """
    accounts = growth.followed(marts, priced=priced)
    rows = []
    for first, last in BANDS:
        inside = accounts["whole"].between(first, last or np.inf)
        name = f"{first}–{last}" if last else f"{first} or more"
        rows.append(_plain(accounts[inside], name, confidence, min_group))
    columns = ["followed", "estimate", "low", "high", "n", "events"]
    table = pd.DataFrame(rows).rename(columns={"measure": "followed"}).reindex(columns=columns)
    table = table.astype(dict.fromkeys(columns[1:4], float))
    return Result(
        name="ever_expanded_by_follow_up",
        table=table[table["n"] > 0].reset_index(drop=True),
        keys=("followed",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int(table.loc[table["n"] > 0, "estimate"].isna().sum()),
        method="Accounts that expanded so far over all accounts, Wilson",
        notes=notes(marts, priced=priced),
    )


def sizes(marts: Marts, *, priced: bool = False, confidence: float = 0.95, min_group: int = MIN_GROUP) -> Result:
    """How large first expansions are, all together and by what most of each was made of.

    Every account counts once, by its first expansion on record, so that the accounts are independent.

    Returns
    -------
    Result keyed by ``kind`` (``all``, then the parts) and ``measure``: ``share`` of what the account paid before, or
    ``money`` of MRR; ``unit`` by row. The estimate is the median with limits that are order statistics;
    ``lower_quartile, upper_quartile`` besides.
    """
    first = growth.steps(marts, priced=priced)
    first = first[first["number"] == 1]
    first = first.assign(share=first["change"] / first["opening_mrr"], money=first["change"])
    rows = []
    for kind in ("all", *(part for part in growth.parts(marts) if (first["kind"] == part).any())):
        chosen = first if kind == "all" else first[first["kind"] == kind]
        for measure, unit in (("share", "share"), ("money", "money")):
            row: dict[str, object] = {"kind": kind, "measure": measure, "unit": unit, "n": len(chosen)}
            if shown(len(chosen), min_group) and len(chosen):
                middle = quantile(chosen[measure], confidence=confidence)
                row |= {"estimate": middle.estimate, "low": middle.low, "high": middle.high}
                quartiles = chosen[measure].quantile([0.25, 0.75]).to_numpy()
                row |= {"lower_quartile": quartiles[0], "upper_quartile": quartiles[1]}
            rows.append(row)
    columns = ["kind", "measure", "estimate", "low", "high", "n", "lower_quartile", "upper_quartile", "unit"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    numbers = ["estimate", "low", "high", "lower_quartile", "upper_quartile"]
    return Result(
        name="expansion_size",
        table=table.astype(dict.fromkeys(numbers, float)),
        keys=("kind", "measure"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
        method="First expansion of each account; medians with order-statistic limits",
        notes=notes(marts, priced=priced),
    )


def notes(marts: Marts, *, priced: bool) -> tuple[str, ...]:
    """What counts as an expansion here."""
    if not growth.parts_known(marts):
        return (_UNPARTED,)
    return ("Mere rises of the price count as well.",) if priced else ()


def _curves(accounts: pd.DataFrame, horizon: int, confidence: float, min_group: int) -> pd.DataFrame:
    return incidence_of(_cut(accounts, horizon), WAYS, confidence=confidence, min_at_risk=min_group)


def _cut(accounts: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """The same accounts followed for so many months at most."""
    beyond = accounts["exit"] > horizon
    return accounts.assign(
        how=accounts["how"].mask(beyond, None),
        exit=accounts["exit"].clip(upper=horizon),
        whole=accounts["whole"].clip(upper=horizon),
    )


def incidence_of(accounts: pd.DataFrame, ways: Sequence[str], *, confidence: float, min_at_risk: int) -> pd.DataFrame:
    """Cumulative incidence of each way of ending, as `competing_risks.cumulative_incidence` gives it.

    Parameters
    ----------
    accounts : with ``exit``, ``how`` (one of ``ways``, or missing) and ``whole``, as `growth.followed` gives them

    Returns
    -------
    No rows where so many are never at risk.
    """
    counts = competing_risks.person_months(
        np.zeros(len(accounts), dtype=int),
        accounts["exit"],
        accounts["how"],
        causes=ways,
        followed_to=accounts["whole"],
    )
    if not len(counts) or counts["at_risk"].max() < max(min_at_risk, 1):
        names = ("cause", "age", "estimate", "low", "high", "n", "events", "effective_n")
        return pd.DataFrame(columns=list(names)).astype(dict.fromkeys(names[1:], float))
    return competing_risks.cumulative_incidence(counts, ways, confidence=confidence, min_at_risk=min_at_risk)


def _at(curves: pd.DataFrame, measure: str, way: str, month: int) -> dict[str, object]:
    """One point of a curve as a row, without an estimate where the curve does not reach it.

    Where everybody has expanded or left, nothing can change after the curve's end.
    """
    last = curves["age"].max() if len(curves) else 0
    settled = len(curves) and curves.loc[curves["age"] == last, "estimate"].sum() >= 1 - 1e-12
    at = min(month, last) if settled else month
    point = curves[(curves["cause"] == way) & (curves["age"] == at)]
    row: dict[str, object] = {"measure": measure, "from_month": 1, "months": month}
    if point.empty or month < 1:
        return row | {"n": 0}
    so_far = curves[(curves["cause"] == way) & (curves["age"] <= month)]
    return row | point.iloc[0][["estimate", "low", "high", "n"]].to_dict() | {"events": int(so_far["events"].sum())}


def _windows(
    accounts: pd.DataFrame, clock: Clock, reach: int, confidence: float, min_group: int
) -> list[dict[str, object]]:
    """First expansions by the months they fall into, each window an end of its own kind."""
    spans = {"fast": clock.fast, "between": (clock.fast[1] + 1, clock.slow[0] - 1), "slow": clock.slow}
    if reach > clock.slow[1]:
        spans["later"] = (clock.slow[1] + 1, reach)
    spans = {name: span for name, span in spans.items() if span[0] <= span[1]}
    cut = _cut(accounts, max(reach, 1))
    grew = cut["how"] == "grew"
    how = cut["how"].copy()
    for name, (first, last) in spans.items():
        how = how.mask(grew & cut["exit"].between(first, last), name)
    # What falls before the first window (or beyond the last) is an expansion of no named kind.
    ways = (*spans, "grew", "left")
    curves = incidence_of(cut.assign(how=how), ways, confidence=confidence, min_at_risk=min_group)
    return [_at(curves, name, name, last) | {"from_month": first} for name, (first, last) in spans.items()]


def _again(after: pd.DataFrame, clock: Clock, confidence: float, min_group: int) -> dict[str, object]:
    curves = _curves(after[after["whole"] > 0], clock.again, confidence, min_group)
    return _at(curves, "again", "grew", clock.again)


def _plain(accounts: pd.DataFrame, name: str, confidence: float, min_group: int) -> dict[str, object]:
    n, events = len(accounts), int((accounts["how"] == "grew").sum())
    row: dict[str, object] = {"measure": name, "n": n, "events": events}
    if n and shown(n, min_group):
        estimate, low, high = intervals.wilson(events, n, confidence=confidence)
        row |= {"estimate": float(estimate), "low": float(low), "high": float(high)}
    return row


def _as_if_staying(accounts: pd.DataFrame, reach: int, confidence: float) -> dict[str, object]:
    row: dict[str, object] = {"measure": "as_if_staying", "n": 0, "months": reach}
    if reach < 1:
        return row
    grew = accounts["how"] == "grew"
    counts = survival.person_months(np.zeros(len(accounts), dtype=int), accounts["exit"], grew)
    curve = survival.kaplan_meier(counts, confidence=confidence)
    point = curve[curve["age"] == reach].iloc[0]
    ends = {"estimate": 1 - point["estimate"], "low": 1 - point["high"], "high": 1 - point["low"]}
    return row | ends | {"n": point["n"], "from_month": 1}
