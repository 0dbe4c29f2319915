"""Who was at risk of leaving in which month, and what they had used some months before.

A risk set has one row for an account and each calendar month that it entered as a customer who had never left. What is
linked to leaving is read off counts of these rows: in each cell, how many were at risk and how many left. Use is looked
at some whole months before the month at risk, because those about to leave stop using things first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from customer_value.errors import SettingsError
from customer_value.marts import levels, lookback
from customer_value.marts.dates import month_number
from customer_value.marts.risk_months import GROUPS, in_order
from customer_value.marts.store import Marts, to_pandas

NEVER = np.iinfo(np.int64).max
"""The month of adoption of whoever has not adopted a feature."""

PRIOR = 3
"""Months before the window over which the intensity of other use is taken, at most."""

MOST_LEVELS, FEWEST = 12, 30
"""Levels that are kept apart at most, and how many accounts (of plans: months at risk) each of them needs."""

Outcome = Literal["churned", "expanded"]
Exposure = Literal["regular", "adopted"]

_OUTCOMES, _EXPOSURES = ("churned", "expanded"), ("regular", "adopted")
_COLUMNS = ("term", "since_term", "group", "churned", "expanded")
_BUILT_IN = ("size", "plan", "intensity")
_TAKEN = frozenset(
    (
        *("account", "age_months", "at_risk", "churned", "events", "expanded", "exposure", "group", "intensity"),
        *("months_used", "opening_mrr", "opening_plan", "regular", "adopted", "since_term", "size", "whole_from"),
    )
)


def person_months(marts: Marts) -> ir.Table:
    """The months in which accounts were at risk of their first end, with what was known of them at sign-up.

    Returns
    -------
    The mart ``risk_months`` (`risk_months.risk_months`) with every attribute known at sign-up, under its `names`.
    """
    about = marts.table("accounts").select("customer_id", **names(marts))
    return marts.table("risk_months").inner_join(about, "customer_id")


def names(marts: Marts) -> dict[str, str]:
    """How the attributes known at sign-up are called in risk sets.

    Returns
    -------
    Attributes by the name of their column: their own, or with ``_given`` added where it means something else here.
    """
    here = marts.table("accounts").columns
    declared = (
        name for name, about in sorted(marts.meta.attributes.items()) if about["known_at"] == "signup" and name in here
    )
    return {f"{name}_given" if name in _TAKEN else name: name for name in declared}


def covariates(marts: Marts) -> tuple[str, ...]:
    """Everything that `feature_cells` can adjust for."""
    return (*_BUILT_IN, *names(marts))


def lagged_use(marts: Marts, *, feature: str, lag: int, window: int = 3) -> ir.Table:
    """What accounts at risk had used of a feature, and of all others, some months before.

    Lag L skips L whole calendar months before the month at risk: with lag 3 and window 3, use in the months t − 6,
    t − 5 and t − 4 is set against leaving in month t.

    Parameters
    ----------
    feature : a feature that was used
    lag : whole months skipped
    window : whole months over which regular use is looked at

    Returns
    -------
    One row an account and month at risk whose window is wholly observed (a customer on all of its days, use by feature
    recorded): ``customer_id, month, regular`` (share of the window's months with use), ``adopted`` (1 if the feature
    had been used in two months by the window's end, else 0), ``other_events, prior_days`` (events of all other
    features, and days as a customer, in up to three months before the window; null where there are none).

    Raises
    ------
    SettingsError : use by feature is not recorded, nobody used the feature, or a number of months is impossible
    """
    seen = _lagged(marts, feature, lag, window)
    unseen = seen.prior_days == 0
    rows = ibis.memtable(
        pa.table(
            {
                "account": grid(marts).account[seen.place],
                "t": grid(marts).month[seen.place],
                "regular": seen.months_used / window,
                "adopted": seen.adopted,
                "other_events": pa.array(seen.other_events, mask=unseen),
                "prior_days": pa.array(seen.prior_days, mask=unseen),
            }
        )
    )
    rows = rows.mutate(month=ibis.date(rows.t // 12, rows.t % 12 + 1, 1))
    rows = rows.inner_join(_accounts(marts).select("account", "customer_id"), "account")
    return rows.select("customer_id", "month", "regular", "adopted", "other_events", "prior_days")


def feature_cells(
    marts: Marts,
    *,
    feature: str,
    lag: int,
    outcome: Outcome,
    exposure: Exposure = "regular",
    window: int = 3,
    adjust: Sequence[str] = _BUILT_IN,
    bands: int = 3,
    by_group: bool = False,
) -> pd.DataFrame:
    """Months at risk and events, by term, by what is known of the account, and by its use of a feature before.

    Parameters
    ----------
    feature, lag, window : as in `lagged_use`
    outcome : ``churned`` or ``expanded``
    exposure : ``regular`` or ``adopted``, as in `lagged_use`
    adjust : some of `covariates`: ``size`` (band of the MRR at the opening), ``plan`` (at the opening), ``intensity``
        (band of the other features' events per day as a customer before the window; −1 where no such day is observed)
        and attributes known at sign-up; small levels of plans and attributes are put together
    bands : of size and intensity, of roughly as many months each; 0 is the lowest
    by_group : also by ``group``, for leaving out one group of accounts at a time

    Returns
    -------
    One row a cell, ordered: ``term, since_term``, the columns of ``adjust``, ``exposure`` (a share, or 0 and 1),
    ``group`` if asked for, ``at_risk, events``.

    Raises
    ------
    SettingsError : as in `lagged_use`, or a name is no such thing
    """
    for what, given, allowed in (
        ("An outcome", (outcome,), _OUTCOMES),
        ("An exposure", (exposure,), _EXPOSURES),
        ("An adjustment", adjust, covariates(marts)),
    ):
        _one_of(what, given, allowed)
    adjust = tuple(dict.fromkeys(adjust))
    # Both outcomes and both exposures are asked for in turn, and together they cost hardly more than one.
    cells = marts.once(
        ("feature_cells", feature, lag, window, adjust, bands, by_group),
        lambda: _cells(marts, feature, lag, window, adjust, bands, by_group=by_group),
    )
    keys = ["term", "since_term", *adjust, exposure, *(["group"] if by_group else [])]
    counted = cells.groupby(keys, observed=True, as_index=False)[["at_risk", outcome]].sum()
    return counted.rename(columns={exposure: "exposure", outcome: "events"})


def _cells(
    marts: Marts, feature: str, lag: int, window: int, adjust: Sequence[str], bands: int, *, by_group: bool
) -> pd.DataFrame:
    """Counts of both outcomes by everything asked for and by both exposures."""
    seen = _lagged(marts, feature, lag, window)
    named = ("term", "since_term", *adjust, *(["group"] if by_group else []))
    numbers, stand_for = codes(marts, seen, named, bands)
    numbers |= {"months_used": seen.months_used, "adopted": seen.adopted}
    stand_for |= {"months_used": range(window + 1), "adopted": (0, 1)}
    outcomes = {name: at_risk(marts)[name].to_numpy()[seen.place] for name in _OUTCOMES}
    cells = lookback.count(numbers, stand_for, outcomes)
    return cells.assign(regular=cells["months_used"] / window)


def _lagged(marts: Marts, feature: str, lag: int, window: int) -> lookback.Lagged:
    for name, given, least in (("lag", lag, 0), ("window", window, 1)):
        if given < least:
            raise SettingsError(f"The {name} must be at least {least}.\n  got:      {given}")
    return Use.of(marts, feature).before(grid(marts), lag=lag, window=window)


@dataclass(frozen=True)
class Use:
    """One feature's use and adoption, under the numbers that risk sets have for accounts and months.

    Attributes
    ----------
    feature : its name
    account, month, events : one entry an account and month with use
    adopted : the month of adoption, one entry an account; beyond every month where there was none
    """

    feature: str
    account: np.ndarray
    month: np.ndarray
    events: np.ndarray
    adopted: np.ndarray

    @classmethod
    def of(cls, marts: Marts, feature: str) -> Use:
        """Read once, looked at in many ways.

        Raises
        ------
        SettingsError : use by feature is not recorded, or nobody used the feature
        """
        if not marts.has("adoption"):
            raise SettingsError(
                "Use by feature is not recorded.\n  remedy:   bring usage_events or feature_usage_monthly"
            )
        used, adopted = marts.table("feature_months"), marts.table("adoption")
        _one_of("A feature", (feature,), marts.once(("features used",), lambda: _features(adopted)))
        used = used.filter(used.feature == feature)
        used = by_account(marts, used.select("customer_id", "events", m=month_number(used.month)))
        adopted = adopted.filter((adopted.feature == feature) & adopted.adopted_in.notnull())
        adopted = by_account(marts, adopted.select("customer_id", m=month_number(adopted.adopted_in)))
        who, when = arrays(adopted, "account", "m")
        adopted_in = np.full(len(grid(marts).days), NEVER)
        adopted_in[who] = when
        return cls(feature, *arrays(used, "account", "m", "events"), adopted_in)

    def before(self, over: lookback.Grid, *, lag: int, window: int) -> lookback.Lagged:
        """Use in the ``window`` whole months that lie ``lag`` whole months before each month at risk."""
        used = (self.account, self.month, self.events)
        return lookback.lagged(over, used, self.adopted, lag=lag, window=window, prior=PRIOR)


def arrays(table: ir.Table, *columns: str) -> tuple[np.ndarray, ...]:
    """Columns of a table as arrays."""
    read = table.select(*columns).to_pyarrow()
    return tuple(read[name].to_numpy() for name in columns)


def grid(marts: Marts) -> lookback.Grid:
    """The months at risk and all use, laid out for looking back."""

    def compute() -> lookback.Grid:
        first, last = number(marts.meta.features_from), number(marts.meta.features_until)
        used = marts.table("usage_months")
        used = used.filter(used.feature_events.notnull())
        used = used.select("customer_id", "exposed_days", "feature_events", m=month_number(used.month))
        used = by_account(marts, used)
        who, when, days, events = arrays(used, "account", "m", "exposed_days", "feature_events")
        shape = (int(_accounts(marts).count().execute()), last - first + 2)
        account, month, whole_from = (at_risk(marts)[name].to_numpy() for name in ("account", "t", "whole_from"))
        return lookback.Grid(
            account=account,
            month=month,
            whole_from=whole_from,
            first=first,
            last=last,
            days=lookback.cumulated(shape, who, when - first, days),
            events=lookback.cumulated(shape, who, when - first, events),
        )

    return marts.once(("risk grid",), compute)


def at_risk(marts: Marts) -> pa.Table:
    """The months at risk as columns in memory, by account and month.

    Returns
    -------
    ``account, t`` (numbers of the account and of the month), ``term, since_term, group, churned, expanded``, ``plan``
    (a number), ``whole_from`` (the number of that month), ``opening_mrr``.
    """

    def compute() -> pa.Table:
        at, plans = marts.table("risk_months"), _plans(marts)
        named = ibis.memtable(pd.DataFrame({"stated": plans.index, "plan": pd.Categorical(plans).codes}))
        at = at.mutate(stated=at.opening_plan.fill_null(levels.NOT_STATED)).inner_join(named, "stated")
        months = {"t": month_number(at.month), "whole_from": month_number(at.whole_from)}
        paid = at.opening_mrr.cast("float64")
        columns = at.select("account", *_COLUMNS, **months, plan=at.plan, opening_mrr=paid)
        return columns.order_by("account", "t").to_pyarrow()

    return marts.once(("risk columns",), compute)


def codes(
    marts: Marts, seen: lookback.Lagged, named: Sequence[str], bands: int
) -> tuple[dict[str, np.ndarray], dict[str, Sequence[object]]]:
    """What is known of months at risk, as numbers from 0, and what the numbers stand for.

    Parameters
    ----------
    named : ``term``, ``since_term``, ``group`` or some of `covariates`
    bands : of size and intensity
    """
    numbers: dict[str, np.ndarray] = {}
    stand_for: dict[str, Sequence[object]] = {}
    for name in named:
        if name == "intensity":
            numbers[name], stand_for[name] = _intensity(seen, bands)
        else:
            known, stand_for[name] = marts.once(("risk codes", name, bands), partial(_codes, marts, name, bands))
            numbers[name] = known[seen.place]
    return numbers, stand_for


def _codes(marts: Marts, name: str, bands: int) -> tuple[np.ndarray, Sequence[object]]:
    """What is known of every month at risk, whatever was used before it."""
    at = at_risk(marts)
    match name:
        case "term" | "since_term":
            months = at[name].to_numpy()
            least, most = (int(months.min()), int(months.max())) if len(months) else (0, 0)
            return months - least, range(least, most + 1)
        case "size":
            paid = at["opening_mrr"].to_numpy()
            edges = _cuts(paid, bands)
            return np.searchsorted(edges, paid), range(len(edges) + 1)
        case "plan":
            return at["plan"].to_numpy(), pd.Categorical(_plans(marts)).categories.to_numpy()
        case "group":
            return at["group"].to_numpy(), range(GROUPS)
    known = _coded(marts)[name]
    return known.codes[at["account"].to_numpy()], known.categories.to_numpy()


def _intensity(seen: lookback.Lagged, bands: int) -> tuple[np.ndarray, Sequence[object]]:
    """Bands of other use per day before the window; the first is for months with no such day observed."""
    known = seen.prior_days > 0
    per_day = np.divide(seen.other_events, seen.prior_days, where=known, out=np.zeros(len(known)))
    edges = _cuts(per_day[known], bands)
    return np.where(known, np.searchsorted(edges, per_day) + 1, 0), range(-1, len(edges) + 1)


def _features(adopted: ir.Table) -> tuple[str, ...]:
    return tuple(adopted.select("feature").distinct().order_by("feature").feature.to_pandas())


def _one_of(what: str, given: Sequence[str], allowed: Collection[str]) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise SettingsError(f"{what} is one of {', '.join(allowed)}.\n  got:      {', '.join(unknown)}")


def by_account(marts: Marts, table: ir.Table) -> ir.Table:
    """A table with the accounts' numbers in place of their ids."""
    numbers = _accounts(marts).select("customer_id", "account")
    return table.inner_join(numbers, "customer_id").drop("customer_id")


def _accounts(marts: Marts) -> ir.Table:
    """Accounts under the numbers that ``risk_months`` has for them."""
    accounts = marts.table("accounts")
    return marts.keep("risk_accounts", lambda: accounts.select("customer_id", account=in_order(accounts.customer_id)))


def _coded(marts: Marts) -> Mapping[str, pd.Categorical]:
    """Each account's level of every attribute known at sign-up, in the order of the ids."""

    def compute() -> dict[str, pd.Categorical]:
        known = names(marts)
        frame = to_pandas(marts.table("accounts").order_by("customer_id").select(*known.values()))
        coded = {}
        for column, attribute in zip(known, levels.attributes(marts.meta, names=tuple(known.values())), strict=True):
            values = frame[attribute.column]
            named = levels.Levels.of(values, kind=attribute.kind).name(values).astype(str)
            coded[column] = pd.Categorical(named.map(_few(named.value_counts())))
        return coded

    return marts.once(("risk levels",), compute)


def _few(sizes: pd.Series) -> dict[str, str]:
    """What each level is called where the largest only are kept apart; those not stated are never put with others."""
    stated = sizes.drop(levels.NOT_STATED, errors="ignore").sort_index().sort_values(ascending=False, kind="stable")
    small = {level for place, level in enumerate(stated.index) if place >= MOST_LEVELS or stated[level] < FEWEST}
    return {level: levels.OTHER if level in small and len(small) > 1 else level for level in sizes.index}


def _plans(marts: Marts) -> pd.Series:
    """What every plan held at the opening of a month at risk is called here, by its name."""

    def compute() -> pd.Series:
        at = marts.table("risk_months")
        sizes = at.group_by(plan=at.opening_plan.fill_null(levels.NOT_STATED)).agg(n=at.count()).to_pandas()
        return pd.Series(_few(sizes.set_index("plan")["n"]))

    return marts.once(("risk plans",), compute)


def _cuts(values: np.ndarray, bands: int) -> tuple[float, ...]:
    """Values that part others into bands; they are among them, so that equal values are never parted by rounding."""
    if not len(values):
        return ()
    return tuple(np.unique(np.quantile(values, [part / bands for part in range(1, bands)], method="lower")))


def number(month: date) -> int:
    """`month_number` in Python."""
    return month.year * 12 + month.month - 1
