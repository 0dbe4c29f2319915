"""Who was at risk of leaving in which month, and what they had used some months before.

A risk set has one row for an account and each calendar month that it entered as a customer who had never left. What is
linked to leaving is read off counts of these rows: in each cell, how many were at risk and how many left. Use is looked
at some whole months before the month at risk, because those about to leave stop using things first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from customer_value.errors import SettingsError
from customer_value.marts import levels, lookback
from customer_value.marts.dates import month_number
from customer_value.marts.store import Marts, to_pandas

GROUPS = 50
"""Parts that accounts are dealt into, to be left out one at a time."""

PRIOR = 3
"""Months before the window over which the intensity of other use is taken, at most."""

MOST_LEVELS, FEWEST = 12, 30
"""Levels that are kept apart at most, and how many accounts (of plans: months at risk) each of them needs."""

Outcome = Literal["churned", "expanded"]
Exposure = Literal["regular", "adopted"]

_OUTCOMES, _EXPOSURES = ("churned", "expanded"), ("regular", "adopted")
_BUILT_IN = ("size", "plan", "intensity")
_TAKEN = frozenset(
    (
        *("account", "age_months", "at_risk", "churned", "events", "expanded", "exposure", "group", "intensity"),
        *("months_used", "opening_mrr", "opening_plan", "regular", "adopted", "since_term", "size"),
    )
)
_HEX = "0123456789abcdef"
_SHIFT = 2**15
"""More than the number of any month, so that account and month make one number, which joins faster than two."""


def person_months(marts: Marts) -> ir.Table:
    """The months in which accounts were at risk of their first end.

    An account is at risk in the calendar months that it opens as a customer who has not left before, from the first
    month whose movements mean something to the last whole one.

    Returns
    -------
    One row an account and month: ``customer_id, month, age_months`` (whole months since its origin at the month's
    close; null if unknown), ``term`` (months, of the plan held at the opening; at least 1, and 0 if not stated),
    ``since_term`` (whole months since the unbroken run of that term began, at the month's close; where no term is
    stated, since the account came into view), ``due`` (whether the term runs out within the month), ``churned``
    (whether the first spell ends within the month), ``expanded``, ``opening_mrr, opening_plan``, ``group`` (0 to 49,
    from the id alone) and every attribute known at sign-up, under its `names`.

    Notes
    -----
    Whoever is bound by a term of m months decides in the months in which ``since_term`` is a multiple of m. A term of a
    year that began on 1 January 2023 and one that began on the 31st both run out in January 2024, with ``since_term``
    12. Hazards are comparable where ``term`` and ``since_term`` are the same.
    """
    months, spells, accounts = (marts.table(name) for name in ("calendar_months", "spells", "accounts"))
    first = spells.filter(spells.spell == 1).select("customer_id", started="start_date", ended="end_date")
    signup = names(marts)
    about = accounts.select("customer_id", group=_group(accounts.customer_id), **signup)
    at = months.filter(months.opening_active).inner_join(first, "customer_id").inner_join(about, "customer_id")
    at = at.filter(at.ended.isnull() | (at.ended >= at.month))
    churned = (month_number(at.ended) == month_number(at.month)).fill_null(False)
    return at.select(
        "customer_id",
        "month",
        "age_months",
        term=at.opening_term.notnull().ifelse(ibis.greatest(at.opening_term.round().cast("int64"), 1), 0),
        since_term=month_number(at.month) - month_number(ibis.coalesce(at.opening_term_start, at.started)),
        due=at.due,
        churned=churned,
        expanded=(at.movement == "expansion") & ~churned,
        opening_mrr=at.opening_mrr,
        opening_plan=at.opening_plan,
        group=at.group,
        **{name: at[name] for name in signup},
    )


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
    seen = _seen(marts, feature, lag, window)
    seen = seen.inner_join(_accounts(marts).select("account", "customer_id"), "account")
    return seen.select(
        "customer_id",
        month=ibis.date(seen.t // 12, seen.t % 12 + 1, 1),
        regular=seen.months_used / window,
        adopted=seen.adopted,
        other_events=seen.other_events,
        prior_days=seen.prior_days,
    )


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
    codes: dict[str, np.ndarray] = {}
    stand_for: dict[str, Sequence[object]] = {}
    for name in ("term", "since_term", *adjust, *(["group"] if by_group else [])):
        if name == "intensity":
            codes[name], stand_for[name] = _intensity(seen, bands)
        else:
            known, stand_for[name] = _codes(marts, name, bands)
            codes[name] = known[seen.place]
    codes |= {"months_used": seen.months_used, "adopted": seen.adopted}
    stand_for |= {"months_used": range(window + 1), "adopted": (0, 1)}
    outcomes = {name: _at_risk(marts)[name].to_numpy()[seen.place] for name in _OUTCOMES}
    cells = lookback.count(codes, stand_for, outcomes)
    return cells.assign(regular=cells["months_used"] / window)


def _lagged(marts: Marts, feature: str, lag: int, window: int) -> lookback.Lagged:
    """Use of a feature some months before the months at risk."""
    _check(marts, feature, lag, window)
    used, adopted = marts.table("feature_months"), marts.table("adoption")
    used = _by_account(marts, used.filter(used.feature == feature), "events", m=month_number(used.month))
    adopted = adopted.filter((adopted.feature == feature) & adopted.adopted_in.notnull())
    adopted = _by_account(marts, adopted, m=month_number(adopted.adopted_in))
    return lookback.lagged(
        _grid(marts),
        _arrays(used, "account", "m", "events"),
        _arrays(adopted, "account", "m"),
        lag=lag,
        window=window,
        prior=PRIOR,
    )


def _arrays(table: ir.Table, *columns: str) -> tuple[np.ndarray, ...]:
    read = table.select(*columns).to_pyarrow()
    return tuple(read[name].to_numpy() for name in columns)


def _grid(marts: Marts) -> lookback.Grid:
    """The months at risk and all use, laid out for looking back."""

    def compute() -> lookback.Grid:
        first, last = _number(marts.meta.features_from), _number(marts.meta.features_until)
        used = marts.table("usage_months")
        used = used.filter(used.feature_events.notnull())
        used = _by_account(marts, used, "exposed_days", "feature_events", m=month_number(used.month))
        who, when, days, events = _arrays(used, "account", "m", "exposed_days", "feature_events")
        shape = (int(_accounts(marts).count().execute()), last - first + 2)
        account, month, whole_from = (_at_risk(marts)[name].to_numpy() for name in ("account", "t", "whole_from"))
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


def _at_risk(marts: Marts) -> pa.Table:
    """The months at risk as columns in memory, by account and month."""
    return marts.once(("risk columns",), lambda: _months(marts).drop("key").order_by("account", "t").to_pyarrow())


def _codes(marts: Marts, name: str, bands: int) -> tuple[np.ndarray, Sequence[object]]:
    """What is known of each month at risk under numbers from 0, and what these stand for."""

    def compute() -> tuple[np.ndarray, Sequence[object]]:
        at = _at_risk(marts)
        match name:
            case "term" | "since_term":
                months = at[name].to_numpy()
                least, most = (int(months.min()), int(months.max())) if len(months) else (0, 0)
                return months - least, range(least, most + 1)
            case "size":
                edges = _edges(marts, _months, "opening_mrr", bands)
                return np.searchsorted(edges, at["opening_mrr"].to_numpy()), range(len(edges) + 1)
            case "plan":
                return at["plan"].to_numpy(), _levels(marts, name)
            case "group":
                (group,) = _arrays(_accounts(marts).order_by("account"), "group")
                return group[at["account"].to_numpy()], range(GROUPS)
        return _coded(marts)[name].codes[at["account"].to_numpy()], _levels(marts, name)

    return marts.once(("risk codes", name, bands), compute)


def _intensity(seen: lookback.Lagged, bands: int) -> tuple[np.ndarray, Sequence[object]]:
    """Bands of other use per day before the window; the first is for months with no such day observed."""
    known = seen.prior_days > 0
    per_day = np.divide(seen.other_events, seen.prior_days, where=known, out=np.zeros(len(known)))
    edges = _cuts(per_day[known], bands)
    return np.where(known, np.searchsorted(edges, per_day) + 1, 0), range(-1, len(edges) + 1)


def _seen(marts: Marts, feature: str, lag: int, window: int) -> ir.Table:
    """The months at risk whose window is observed, with the use in the window and before it."""
    seen = _lagged(marts, feature, lag, window)
    unseen = seen.prior_days == 0
    columns = {
        "months_used": pa.array(seen.months_used),
        "adopted": pa.array(seen.adopted),
        "other_events": pa.array(seen.other_events, mask=unseen),
        "prior_days": pa.array(seen.prior_days, mask=unseen),
    }
    rows = _at_risk(marts).take(pa.array(seen.place))
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return ibis.memtable(rows)


def _check(marts: Marts, feature: str, lag: int, window: int) -> None:
    for name, given, least in (("lag", lag, 0), ("window", window, 1)):
        if given < least:
            raise SettingsError(f"The {name} must be at least {least}.\n  got:      {given}")
    if not marts.has("adoption"):
        raise SettingsError("Use by feature is not recorded.\n  remedy:   bring usage_events or feature_usage_monthly")
    _one_of("A feature", (feature,), marts.once(("features used",), lambda: _features(marts)))


def _features(marts: Marts) -> tuple[str, ...]:
    return tuple(marts.table("adoption").select("feature").distinct().order_by("feature").feature.to_pandas())


def _one_of(what: str, given: Sequence[str], allowed: Collection[str]) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise SettingsError(f"{what} is one of {', '.join(allowed)}.\n  got:      {', '.join(unknown)}")


def _by_account(marts: Marts, table: ir.Table, *columns: str, **further: ir.Value) -> ir.Table:
    """The columns asked for under the account's number instead of its id."""
    numbers = _accounts(marts).select("customer_id", "account")
    return table.select("customer_id", *columns, **further).inner_join(numbers, "customer_id").drop("customer_id")


def _accounts(marts: Marts) -> ir.Table:
    """Accounts under a number, with their group and, also under numbers, what was known at sign-up."""

    def compute() -> ir.Table:
        ids = to_pandas(marts.table("accounts").select("customer_id").order_by("customer_id"))
        coded = {name: _coded(marts)[name].codes for name in names(marts)}
        numbered = ibis.memtable(ids.assign(account=np.arange(len(ids)), **coded))
        return numbered.mutate(group=_group(numbered.customer_id))

    return marts.keep("risk_accounts", compute)


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


def _levels(marts: Marts, name: str) -> np.ndarray:
    """The names of a plan's or an attribute's levels, by their numbers."""
    named = pd.Categorical(_plans(marts)) if name == "plan" else _coded(marts)[name]
    return named.categories.to_numpy()


def _few(sizes: pd.Series) -> dict[str, str]:
    """What each level is called where the largest only are kept apart; those not stated are never put with others."""
    stated = sizes.drop(levels.NOT_STATED, errors="ignore").sort_index().sort_values(ascending=False, kind="stable")
    small = {level for place, level in enumerate(stated.index) if place >= MOST_LEVELS or stated[level] < FEWEST}
    return {level: levels.OTHER if level in small and len(small) > 1 else level for level in sizes.index}


def _plans(marts: Marts) -> pd.Series:
    """What every plan held at the opening of a month at risk is called here, by its name."""

    def compute() -> pd.Series:
        at = person_months(marts)
        sizes = at.group_by(plan=at.opening_plan.fill_null(levels.NOT_STATED)).agg(n=at.count()).to_pandas()
        return pd.Series(_few(sizes.set_index("plan")["n"]))

    return marts.once(("risk plans",), compute)


def _months(marts: Marts) -> ir.Table:
    """The months at risk, with numbers for accounts, months and plans."""

    def compute() -> ir.Table:
        at = person_months(marts)
        spells = marts.table("spells")
        # The month in which an account starts is a whole one only where it starts on the first.
        whole_from = month_number(spells.start_date) + (spells.start_date.day() > 1).cast("int64")
        whole = spells.filter(spells.spell == 1).select("customer_id", whole_from=whole_from)
        plans = _plans(marts)
        named = ibis.memtable(pd.DataFrame({"stated": plans.index, "plan": pd.Categorical(plans).codes}))
        at = at.mutate(stated=at.opening_plan.fill_null(levels.NOT_STATED), t=month_number(at.month))
        at = at.inner_join(whole, "customer_id").inner_join(named, "stated")
        columns = ("t", "term", "since_term", "plan", "churned", "expanded", "whole_from")
        at = _by_account(marts, at, *columns, opening_mrr=at.opening_mrr.cast("float64"))
        return at.mutate(key=at.account * _SHIFT + at.t)

    return marts.keep("risk_months", compute)


def _prior(marts: Marts) -> ir.Table:
    """Events of all features, and days as a customer, in a month and the two before it."""

    def compute() -> ir.Table:
        used = marts.table("usage_months")
        used = used.filter(used.feature_events.notnull())
        used = _by_account(marts, used, "exposed_days", "feature_events", m=month_number(used.month))
        trailing = ibis.range_window(preceding=PRIOR - 1, following=0, group_by="account", order_by="m")
        days, events = (used[name].sum().over(trailing).cast("int64") for name in ("exposed_days", "feature_events"))
        return used.select(key=used.account * _SHIFT + used.m, days=days, events=events, intensity=events / days)

    return marts.keep("risk_prior", compute)


def _edges(marts: Marts, of: Callable[[Marts], ir.Table], column: str, bands: int) -> tuple[float, ...]:
    """Values that part a column into bands of about as many rows each."""

    def compute() -> tuple[float, ...]:
        (values,) = _arrays(of(marts), column)
        return _cuts(values.astype(float), bands)

    return marts.once(("risk edges", column, bands), compute)


def _cuts(values: np.ndarray, bands: int) -> tuple[float, ...]:
    """Values that part others into bands; they are among them, so that equal values are never parted by rounding."""
    if not len(values):
        return ()
    return tuple(np.unique(np.quantile(values, [part / bands for part in range(1, bands)], method="lower")))


def _band(value: ir.NumericValue, edges: Sequence[float]) -> ir.IntegerValue:
    """The band of a value: how many edges lie below it, so that an edge of zero leaves zeros a band of their own."""
    return sum(((value > edge).cast("int64") for edge in edges), ibis.literal(0, "int64"))


def _group(customer_id: ir.StringValue) -> ir.IntegerValue:
    """The first four hexadecimal digits of the id's MD5 as a number, modulo 50: the same on every engine."""
    digest = customer_id.hexdigest("md5")
    number = ibis.literal(0, "int64")
    for place in range(4):
        number = number * 16 + ibis.literal(_HEX).find(digest.substr(place, 1))
    return number % GROUPS


def _number(month: date) -> int:
    """`month_number` in Python."""
    return month.year * 12 + month.month - 1
