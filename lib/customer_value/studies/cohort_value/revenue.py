"""What an acquired account has brought in by each age: all together, by group and by cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.cohorts import GRAINS, cohort_names, cohort_start, pooled_grain
from customer_value.stats import disclosure
from customer_value.stats.mean_cumulative import Crossing, crossing, mean_cumulative
from customer_value.stats.result import Result
from customer_value.studies.cohort_value.accounts import Acquired, Basis, accounts, few

METHOD = (
    "Mean cumulative recurring revenue of all accounts ever acquired, those that left included, by month of age; "
    "delete-one jackknife on the log scale, t quantile"
)
MONTH_NOTE = (
    "Cohorts live through different calendar months. A good or bad month moves whole cohorts together, which these "
    "ranges do not include: no trend is claimed."
)


def brought_in(marts: Marts, *, basis: Basis | None = None, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Cumulative recurring revenue per acquired account by age, beside what one cost to win, and where the two meet.

    Every account of a cohort counts from its start for as many months as have passed, whether it is still there or not;
    months that have not passed are no zeros.

    Parameters
    ----------
    basis : margin, costs and the last month of age; None for the defaults

    Returns
    -------
    Result keyed by ``part, age``, in money. ``brought_in``: by month of age, from 0; ``n`` accounts whose month has
    passed, ``few_accounts``. ``cost``: the mean cost of the accounts of which it is known, at the first and the last
    age. ``payback``: one row at the month (a fraction) in which the first reaches the second, with ``age_low,
    age_high``; absent where it does not. Costs and payback are absent where no cost is known, and revenue is then of
    all accounts.

    Raises
    ------
    DataError : the data have no dates
    """
    basis = basis or Basis()
    everyone = accounts(marts, basis)
    known = everyone.costed()
    # Money and cost must be of the same accounts to meet.
    given = known if len(known) >= min_group else everyone
    curve = followed(given, mean_cumulative(given.amounts, confidence=confidence), min_group)
    start = {"age": 0, "estimate": 0.0, "low": 0.0, "high": 0.0, "n": len(given), "few_accounts": False}
    rows = pd.concat([pd.DataFrame([start]), curve], ignore_index=True).assign(part="brought_in")
    if given is known and len(curve):
        cost, low, high = _mean_cost(known.cost, confidence)
        last = float(curve["age"].iloc[-1])
        ends = pd.DataFrame({"part": "cost", "age": [0.0, last], "estimate": cost, "low": low, "high": high})
        met = payback_of(known, confidence=confidence, min_group=min_group)
        mark = {"part": "payback", "age": met.estimate, "estimate": cost, "age_low": met.low, "age_high": met.high}
        parts = [rows, ends.assign(n=len(known))]
        parts += [pd.DataFrame([mark | {"n": len(known)}])] if np.isfinite(met.estimate) else []
        rows = pd.concat(parts, ignore_index=True)
    columns = ["part", "age", "estimate", "low", "high", "n", "few_accounts", "age_low", "age_high"]
    table = rows.reindex(columns=columns)
    table["few_accounts"] = table["few_accounts"].eq(True)
    return Result(
        name="brought_in",
        table=table,
        keys=("part", "age"),
        unit="money",
        level=confidence,
        n_of="accounts",
        method=METHOD,
        notes=_unknown(everyone, known, given),
    )


def by_cohort(
    marts: Marts,
    *,
    metric: str = "revenue",
    grain: str = "quarter",
    basis: Basis | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """What an account of each cohort has brought in by each age, as money or as a multiple of what it cost to win.

    A cell is there only once every account of its cohort has reached the age, so that a row follows one set of
    accounts. Where cohorts of the grain are too small they are pooled to the next longer, until those too small to show
    hold at most a tenth of all accounts.

    Parameters
    ----------
    metric : ``revenue`` (cumulative, per account ever acquired) or ``multiple`` (of the mean cost of the same accounts)
    grain : finest length of a cohort: one of `marts.cohorts.GRAINS`

    Returns
    -------
    Result keyed by ``cohort, age``; ``n`` accounts; ``cohort_start``, ``few_accounts``. Cohorts of which no cost is
    known have no multiples.

    Raises
    ------
    SettingsError : the metric or the grain is unknown
    DataError : the data have no dates
    """
    for what, value, there in (("metric", metric, ("revenue", "multiple")), ("grain", grain, GRAINS)):
        if value not in there:
            raise SettingsError(f"The {what} must be one of {', '.join(there)}.\n  got: {value!r}")
    basis = basis or Basis()
    everyone = accounts(marts, basis)
    given = everyone.costed() if metric == "multiple" else everyone
    columns = ["cohort", "age", "estimate", "low", "high", "n", "cohort_start", "few_accounts"]
    tables, notes = [], [MONTH_NOTE]
    if len(given):
        used = pooled_grain(given.table["cohort_month"], grain, fewest=min_group)
        starts = cohort_start(given.table["cohort_month"], used)
        if used != grain:
            notes.append(f"Cohorts by {grain} would be too small to show; they are pooled by {used}.")
        for start in sorted(starts.unique()):
            mine = given.where((starts == start).to_numpy())
            curve = mean_cumulative(
                mine.amounts, per=mine.cost if metric == "multiple" else None, confidence=confidence
            )
            whole = curve[curve["n"] == len(mine)].assign(few_accounts=few)
            if whole.empty and len(mine) < min_group:
                whole = pd.DataFrame({"age": [1], "n": [len(mine)]})
            tables.append(whole.assign(cohort_start=start))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    if len(table):
        table["cohort"] = cohort_names(pd.to_datetime(table["cohort_start"]), used)
    table = table.reindex(columns=columns)
    table, suppressed = disclosure.suppress(table, min_group=min_group)
    return Result(
        name=f"{metric}_by_cohort",
        table=table,
        keys=("cohort", "age"),
        unit="money" if metric == "revenue" else "ratio",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=METHOD if metric == "revenue" else f"{METHOD}; over the mean cost of the same accounts",
        notes=tuple(notes),
    )


def followed(given: Acquired, curve: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """A curve as far as enough accounts are followed; the whole company's always, were it ever so small."""
    fewest = min_group if len(given) >= min_group else 2
    return curve[curve["n"] >= fewest].assign(few_accounts=few)


def payback_of(given: Acquired, *, confidence: float, min_group: int) -> Crossing:
    """The month in which accounts, all of known cost, have brought in what they cost to win."""
    curve = mean_cumulative(given.amounts, per=given.cost, confidence=confidence)
    return crossing(followed(given, curve, min_group))


def _mean_cost(cost: np.ndarray, confidence: float) -> tuple[float, float, float]:
    found = mean_cumulative(cost[:, None], confidence=confidence)
    return tuple(float(found[name].iloc[0]) for name in ("estimate", "low", "high"))


def _unknown(everyone: Acquired, known: Acquired, given: Acquired) -> tuple[str, ...]:
    missing = len(everyone) - len(known)
    if given is everyone and len(known):
        return (f"What it cost to win is known of {len(known):,} accounts only: too few to set revenue against it.",)
    if not missing or not len(known):
        return ()
    return (
        f"What it cost to win is not known of {missing:,} of {len(everyone):,} accounts; they are left out where "
        "revenue is set against cost.",
    )
