"""How long accounts stay: retention triangles by cohort, survival curves, and what differs between groups.

Age is counted in whole months from an account's origin, never in calendar months. Accounts still active at the as-of
date are censored, not retained; accounts older than the data enter late; those of unknown origin are left out.
Groups are formed only by what was known at sign-up: a plan held today is held because the account stayed.

A flat table (tenure, churned) goes through the same functions; what its curve means depends on how it was observed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from customer_value.errors import DataError, SettingsError
from customer_value.marts import Marts
from customer_value.marts.dates import months_since
from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, attributes, pooled
from customer_value.marts.store import Meta, to_pandas
from customer_value.stats import disclosure, intervals, multiplicity, survival
from customer_value.stats.result import Result

METRICS = ("logos", "gross", "net")
"""What a triangle can show: accounts, revenue without growth, revenue with growth."""

GRAINS = ("month", "quarter", "half", "year")
"""Lengths of a cohort, finest first; halves are for comparisons only, triangles pool months to quarters to years."""

POOL_BEYOND = 0.1
"""A triangle goes to the next coarser grain while cohorts too small to show hold more than this share of accounts."""

_KAPLAN_MEIER = (
    "Kaplan–Meier by whole months of age; Greenwood's log-log limits, with few at risk Wilson's on the effective number"
)
_MONTH_NOTE = (
    "Cohorts live through different calendar months. A good or bad month moves whole cohorts together, which these "
    "ranges do not include: differences between cohorts are less certain than they look, and no trend is claimed."
)
_COHORTS = ("cohort_year", "cohort_half", "cohort_quarter")
_BUILT_IN = (
    Attribute("first_plan", "First plan", "first_plan", "signup", "text"),
    Attribute("first_term", "First contract term", "first_term", "signup", "term"),
    Attribute("first_mrr", "First MRR", "first_mrr", "signup", "money"),
    Attribute("first_seats", "First seats", "first_seats", "signup", "number"),
    Attribute("cohort_year", "Sign-up year", "cohort_year", "signup", "text"),
    Attribute("cohort_half", "Sign-up half-year", "cohort_half", "signup", "text"),
    Attribute("cohort_quarter", "Sign-up quarter", "cohort_quarter", "signup", "text"),
)


@dataclass(frozen=True)
class _Subjects:
    """Those who are followed: one row an account with ``entry, exit, event`` in whole months and its ``level``."""

    table: pd.DataFrame
    attribute: Attribute | None
    order: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def by(self) -> list[str]:
        return ["level"] if self.attribute else []


def observation_warning(meta: Meta) -> str | None:
    """Why the curve may not be retention, for a flat table that does not say how it was observed; None otherwise."""
    if meta.shape != "flat" or meta.observation is not None:
        return None
    return (
        "This curve may not be retention: the table does not say how its accounts were observed. If everyone was "
        "followed from sign-up, it shows who stayed. If it is a snapshot in which “churned” means “left lately”, those "
        "who left earlier are missing, and the curve makes accounts look more loyal than they are. No decision on "
        "retention should rest on it until the mapping declares the observation."
    )


def comparable(meta: Meta) -> tuple[str, ...]:
    """Names of the attributes that accounts can be grouped by here, all known at sign-up."""
    built_in = () if meta.shape == "flat" else ("first_plan", "first_term", "first_mrr")
    declared = (attribute.name for attribute in attributes(meta) if attribute.known_at == "signup")
    return tuple(dict.fromkeys((*built_in, *declared)))


def label(meta: Meta, name: str) -> str:
    """What an attribute is called, in plain words."""
    return _attribute(meta, name).label


def labels(meta: Meta) -> dict[str, str]:
    """What each of `comparable` is called, by its name."""
    return {name: label(meta, name) for name in comparable(meta)}


def triangle(
    marts: Marts,
    *,
    metric: str = "logos",
    grain: str = "month",
    horizon: int | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """What is left of each cohort at each age.

    A cell is there only once every account of its cohort has reached the age, so that a row follows one set of accounts
    and a row of logos never rises. Where cohorts of the grain are too small they are pooled: months to quarters, then
    years, until those too small to show hold at most a tenth of all accounts.

    Parameters
    ----------
    metric : ``logos`` (share of accounts not churned so far), ``gross`` (share of first MRR kept, growth not counted)
        or ``net`` (MRR over first MRR, returners included)
    grain : finest length of a cohort: ``month``, ``quarter`` or ``year``
    horizon : last age in months

    Returns
    -------
    Result keyed by ``cohort, age``; ``n`` accounts; columns ``cohort_start`` (first day) and ``few_accounts`` (a few
    accounts decide the cell; for revenue). Logos: Wilson. Gross: Wilson on the effective number of accounts. Net:
    delete-one jackknife.

    Raises
    ------
    SettingsError : the metric or the grain is unknown
    DataError : the data have no cohorts: a flat table has no dates
    """
    _choose("metric", metric, METRICS)
    _choose("grain", grain, ("month", "quarter", "year"))
    if not marts.has("age_months"):
        raise DataError(
            "Cohorts need the date at which accounts began", table="flat", remedy="bring a table of subscriptions"
        )
    months = marts.table("age_months")
    if horizon is not None:
        months = months.filter(months.age <= horizon)
    rows = to_pandas(months.select("customer_id", "cohort_month", "age", "start_mrr", "mrr", "retained", "gross_mrr"))
    sizes = rows[rows["age"] == 0]
    grain_used = _pooled_grain(sizes["cohort_month"], grain, min_group)
    rows = rows.assign(cohort_start=_cohort_start(rows["cohort_month"], grain_used))
    rows = rows.sort_values(["cohort_start", "age", "customer_id"], kind="stable", ignore_index=True)
    cells = rows.groupby(["cohort_start", "age"], sort=True)
    rows["cell"] = cells.ngroup()
    table = cells.agg(n=("age", "size"), kept=("retained", "sum")).reset_index()
    by_money = _money_cells(rows, metric, confidence)
    if metric == "logos":
        estimate, low, high = intervals.wilson(table["kept"], table["n"], confidence=confidence)
        table = table.assign(estimate=estimate, low=low, high=high, few_accounts=False)
    else:
        table = table.join(by_money)
    whole = table.groupby("cohort_start")["n"].transform("max")
    table = table[table["n"] == whole].drop(columns="kept")
    table.insert(0, "cohort", cohort_names(table["cohort_start"], grain_used))
    # At age 0 everything is there by definition, and nothing is uncertain about it.
    table.loc[table["age"] == 0, ["low", "high"]] = 1.0
    table.loc[table["age"] == 0, "few_accounts"] = False
    table, suppressed = disclosure.suppress(table, min_group=min_group)
    method = {
        "logos": "Share of a cohort's accounts not churned by the age; Wilson",
        "gross": "First MRR kept by the age, growth not counted; Wilson on the effective number of accounts",
        "net": "MRR at the age over first MRR, returners included; delete-one jackknife, t quantile",
    }[metric]
    notes = list(_notes(marts.meta, None))
    if grain_used != grain:
        notes.append(f"Cohorts by {grain} would be too small to show; they are pooled by {grain_used}.")
    return Result(
        name=f"{metric}_triangle",
        table=table.reset_index(drop=True),
        keys=("cohort", "age"),
        unit="share" if metric != "net" else "ratio",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=method,
        notes=(*notes, _MONTH_NOTE),
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
    subjects = _subjects(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = _curves(subjects, confidence, min_group)
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
    subjects = _subjects(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = _curves(subjects, confidence, min_group)
    wanted = pd.DataFrame({"age": list(ages)})
    if subjects.attribute:
        wanted = pd.DataFrame({"level": list(subjects.order)}).merge(wanted, how="cross")
    table = wanted.merge(found, how="left", on=list(wanted.columns))
    counted = _at_risk(subjects).rename("counted").reset_index()
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
    subjects = _subjects(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    found = _curves(subjects, confidence, min_group)
    keys = subjects.by
    if found.empty and not keys:
        return _unmeasured(subjects, horizon, confidence)
    middle = survival.median(found, by=keys).assign(measure="median")
    mean = survival.restricted_mean(found, horizon, by=keys, confidence=confidence).assign(measure="restricted_mean")
    table = pd.concat([middle, mean.drop(columns=["standard_error", "start"])], ignore_index=True)
    accounts = _accounts(subjects)
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


def _unmeasured(subjects: _Subjects, horizon: int, confidence: float) -> Result:
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


def logrank(
    marts: Marts,
    *,
    by: str | Sequence[str],
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    min_group: int = 30,
) -> Result:
    """Whether accounts of different levels leave at different rates, age for age.

    Parameters
    ----------
    by : one attribute or several, each as in `curves`, but no cohort; each is tested by itself

    Returns
    -------
    Result keyed by ``attribute, level``: ``estimate`` is churns observed over churns expected if all levels
    left alike; ``n`` accounts, ``events``, ``expected``. ``statistic`` (χ²), ``df``, ``p`` and ``p_adjusted``
    (Benjamini–Hochberg over the attributes) are of the attribute's test and the same on each of its rows. Levels too
    small to show take no part, nor do accounts of no stated level. An attribute with fewer than two levels is absent.

    Raises
    ------
    SettingsError : as of `curves`, or cohorts are to be tested

    References
    ----------
        Mantel (1966); Peto and Peto (1972).
    """
    tables, notes = [], ()
    for name in _testable(by):
        subjects = _subjects(marts, name, bands=bands, money_name=money_name, min_group=min_group)
        counts, notes = _large(subjects, min_group), subjects.notes
        # Whether a field was filled in may hang on how long the account stayed.
        counts = counts[counts["level"] != NOT_STATED]
        if counts["level"].nunique() < 2:
            continue
        test = survival.logrank(counts, ["level"])
        found = test.groups.assign(
            attribute=name,
            estimate=test.groups["events"] / test.groups["expected"],
            n=test.groups["level"].map(_accounts(subjects)).astype(int),
            statistic=test.statistic,
            df=test.df,
            p=test.p,
        )
        tables.append(_in_order(found, subjects))
    columns = ["attribute", "level", "estimate", "n", "events", "expected", "statistic", "df", "p"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    overall = table.drop_duplicates("attribute").set_index("attribute")["p"].astype(float)
    adjusted = pd.Series(multiplicity.benjamini_hochberg(overall), index=overall.index, dtype=float)
    table["p_adjusted"] = table["attribute"].map(adjusted)
    return Result(
        name="logrank",
        table=table,
        keys=("attribute", "level"),
        unit="ratio",
        level=None,
        n_of="accounts",
        family="attributes known at sign-up (Benjamini–Hochberg)",
        method="Log-rank test by whole months of age, delayed entry allowed",
        notes=notes,
    )


def pairwise(
    marts: Marts,
    *,
    by: str | Sequence[str],
    age: int = 12,
    most_levels: int = 6,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every two levels of an attribute: how far apart their retention is at an age, and whether their curves differ.

    Parameters
    ----------
    by : one attribute or several, each as in `curves`, but no cohort
    age : in months, at which retention is compared
    most_levels : an attribute of more levels is left out; pairs would be too many to learn from (`logrank` has it)

    Returns
    -------
    Result keyed by ``attribute, first, second``: ``estimate`` is the retention of ``first`` minus that of ``second``
    (at the same age and from the same start), missing where a curve does not reach the age; ``p_at_age`` is of that
    difference (score test on the curves' effective numbers), ``p_at_age_adjusted`` by Holm within the attribute.
    ``p`` is of another question, the log-rank test over all ages, ``p_adjusted`` by Holm within the attribute: curves
    may differ by it and be level at this age, or the other way round. ``n``, ``n_second`` accounts. ``first_id``,
    ``second_id`` name the levels without the edges of bands, which move with the data; ``followed``,
    ``followed_second`` say whether the level's curve reaches the age. Accounts of no stated level and pooled levels
    take no part.

    References
    ----------
    Mantel (1966); Holm (1979); Zou and Donner (2008) for the interval.
    """
    tables, notes = [], ()
    for name in _testable(by):
        subjects = _subjects(marts, name, bands=bands, money_name=money_name, min_group=min_group)
        notes = subjects.notes
        counts = _large(subjects, min_group)
        counts = counts[~counts["level"].isin([NOT_STATED, OTHER])]
        present = [level for level in subjects.order if level in set(counts["level"])]
        if not 2 <= len(present) <= most_levels:
            continue
        tests = survival.pairwise_logrank(counts, "level")
        by_pair = {frozenset(pair): row for pair, row in zip(zip(tests["first"], tests["second"], strict=True),
                   tests.itertuples(), strict=True)}  # fmt: skip
        found = _curves(subjects, confidence, min_group)
        at = found[found["age"] == age].set_index("level")
        accounts = _accounts(subjects)
        banded = subjects.attribute.kind in ("money", "number")
        names = {level: f"band {place}" if banded else level for place, level in enumerate(subjects.order, start=1)}
        rows = []
        for first, second in itertools.combinations(present, 2):
            test = by_pair[frozenset((first, second))]
            comparable_here = first in at.index and second in at.index and at.start[first] == at.start[second]
            limits, p_at_age = (np.nan,) * 3, np.nan
            if comparable_here:
                one, two = (at.loc[level, ["estimate", "effective_n"]].astype(float) for level in (first, second))
                p_at_age = float(intervals.share_difference(*one, *two)[3])
                limits = intervals.difference_of_limits(
                    *at.loc[first, ["estimate", "low", "high"]], *at.loc[second, ["estimate", "low", "high"]]
                )
            rows.append(
                {
                    "attribute": name,
                    "first": first,
                    "second": second,
                    **dict(zip(("estimate", "low", "high"), map(float, limits), strict=True)),
                    "n": int(accounts[first]),
                    "n_second": int(accounts[second]),
                    "statistic": test.statistic,
                    "p": test.p,
                    "p_adjusted": test.p_adjusted,
                    "p_at_age": p_at_age,
                    "first_id": names[first],
                    "second_id": names[second],
                    "followed": first in at.index,
                    "followed_second": second in at.index,
                }
            )
        pairs = pd.DataFrame(rows)
        tables.append(pairs.assign(p_at_age_adjusted=multiplicity.holm(pairs["p_at_age"])))
    columns = ["attribute", "first", "second", "estimate", "low", "high", "n", "n_second", "statistic", "p"]
    columns += ["p_adjusted", "p_at_age", "p_at_age_adjusted", "first_id", "second_id", "followed", "followed_second"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    return Result(
        name="pairwise_retention",
        table=table,
        keys=("attribute", "first", "second"),
        unit="points",
        level=confidence,
        n_of="accounts",
        family="pairs of levels within an attribute (Holm)",
        method=f"Difference of Kaplan–Meier retention at {age} months, limits by Zou and Donner, its own p by score "
        "test; p by log-rank test over all ages",
        notes=notes,
    )


def cohorts_at_age(
    marts: Marts, *, age: int = 12, grain: str = "half", confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Cohorts at the same age, side by side; a plain comparison that claims no trend.

    Parameters
    ----------
    age : in months
    grain : ``quarter``, ``half`` or ``year``

    Returns
    -------
    Result keyed by ``cohort``: retention at the age (Kaplan–Meier), ``n`` at risk at that age, ``accounts`` in the
    cohort. A cohort shows from ``min_group`` accounts that began long enough ago to reach the age, whether they did or
    not; cohorts that nobody has reached the age in are absent. The notes say why no trend can be read off.

    Raises
    ------
        DataError : the data have no cohorts
    """
    _choose("grain", grain, GRAINS[1:])
    if not marts.has("accounts"):
        raise DataError(
            "Cohorts need the date at which accounts began", table="flat", remedy="bring a table of subscriptions"
        )
    subjects = _subjects(marts, f"cohort_{grain}", min_group=min_group, pool=False)
    counts = _counts(subjects)
    found = survival.kaplan_meier(counts, by=["level"], confidence=confidence)
    found = found.merge(counts[["level", "age", "followed"]], on=["level", "age"])
    found = found[found["age"] == age].rename(columns={"level": "cohort"})
    found["accounts"] = found["cohort"].map(_accounts(subjects)).astype(int)
    table, suppressed = disclosure.suppress(found, n_column="followed", min_group=min_group)
    return Result(
        name="cohorts_at_age",
        table=table[["cohort", "estimate", "low", "high", "n", "accounts"]].reset_index(drop=True),
        keys=("cohort",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=_KAPLAN_MEIER,
        notes=(*subjects.notes, _MONTH_NOTE),
    )


def cohort_names(starts: pd.Series, grain: str) -> pd.Series:
    """What cohorts are called: ``2023-04``, ``2023 Q2``, ``2023 H1``, ``2023``."""
    year = starts.dt.year.astype(str)
    match grain:
        case "month":
            return starts.dt.strftime("%Y-%m")
        case "quarter":
            return year + " Q" + starts.dt.quarter.astype(str)
        case "half":
            return year + " H" + ((starts.dt.month + 5) // 6).astype(str)
    return year


def _cohort_start(months: pd.Series, grain: str) -> pd.Series:
    if grain == "half":
        first = (months.dt.month - 1) // 6 * 6 + 1
        return pd.to_datetime({"year": months.dt.year, "month": first, "day": 1})
    return months.dt.to_period({"month": "M", "quarter": "Q", "year": "Y"}[grain]).dt.start_time


def _pooled_grain(months: pd.Series, grain: str, min_group: int) -> str:
    """The finest grain, from ``grain`` on, at which few enough accounts are in cohorts too small to show."""
    grains = ("month", "quarter", "year")
    for candidate in grains[grains.index(grain) :]:
        sizes = _cohort_start(months, candidate).value_counts()
        hidden = sizes[~np.asarray(disclosure.shown(sizes.to_numpy(), min_group), dtype=bool)].sum()
        if hidden <= POOL_BEYOND * len(months):
            return candidate
    return "year"


def _money_cells(rows: pd.DataFrame, metric: str, confidence: float) -> pd.DataFrame:
    """Gross or net of each cell, in the order of the cells' numbers."""
    columns = ["estimate", "low", "high", "few_accounts"]
    if metric == "logos" or rows.empty:
        return pd.DataFrame(columns=columns)
    kept = "gross_mrr" if metric == "gross" else "mrr"
    found = intervals.ratio_jackknife_by(rows[kept], rows["start_mrr"], rows["cell"], confidence=confidence)
    if metric == "gross":
        share, low, high = intervals.wilson(
            found["estimate"].clip(0, 1), 1, confidence=confidence, effective_n=found["effective_n"]
        )
        found = found.assign(estimate=share, low=low, high=high)
    few = (found["effective_n"] < intervals.FEW_EFFECTIVE) | ~(found["largest_share"] <= intervals.FEW_SHARE)
    return found.assign(few_accounts=few)[columns]


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def _testable(by: str | Sequence[str]) -> list[str]:
    """The attributes, none of them a cohort.

    Raises
    ------
    SettingsError : cohorts are among them
    """
    names = _names(by)
    cohorts = [name for name in names if name in _COHORTS]
    if cohorts:
        raise SettingsError(
            "Cohorts are shown side by side and not tested.\n"
            f"  got:      {', '.join(cohorts)}\n"
            "  why:      a good or bad month moves whole cohorts together, so that tests find differences by chance\n"
            "  remedy:   see them with cohorts_at_age or curves"
        )
    return names


def _choose(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingsError(f"The {what} must be one of {', '.join(known)}.\n  got: {value!r}")


def _attribute(meta: Meta, name: str) -> Attribute:
    """The attribute of this name, if it was known at sign-up.

    Raises
    ------
    SettingsError : it is unknown, or known only later
    """
    built_in = {} if meta.shape == "flat" else {attribute.name: attribute for attribute in _BUILT_IN}
    if name in built_in:
        return built_in[name]
    declared = {attribute.name: attribute for attribute in attributes(meta)}
    if name not in declared:
        raise SettingsError(
            "Retention by age can be shown by what was known of an account at sign-up.\n"
            f"  got:      {name!r}, which the data do not have\n"
            f"  remedy:   choose from {', '.join((*comparable(meta), *list(built_in)[3:])) or 'none: none is declared'}"
        )
    if declared[name].known_at != "signup":
        raise SettingsError(
            "Retention by age can be shown only by what was known of an account at sign-up.\n"
            f"  got:      {name!r}, known as of {'now' if declared[name].known_at == 'current' else 'a later date'}\n"
            "  why:      accounts that left early never came to hold later states, so the state tells who stayed\n"
            "  remedy:   declare `known_at: signup` in the mapping if it is never changed afterwards"
        )
    return declared[name]


def _subjects(
    marts: Marts,
    by: str | None,
    *,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    min_group: int,
    pool: bool = True,
) -> _Subjects:
    """Everyone who can be followed by age, with the level of the attribute."""
    attribute = None if by is None else _attribute(marts.meta, by)
    table = _flat(marts, attribute) if marts.meta.shape == "flat" else _followed(marts, attribute)
    if not (table["exit"] > table["entry"]).any():
        raise DataError(
            "Nobody can be followed by age: no account of known origin has completed a month",
            table="flat" if marts.meta.shape == "flat" else "subscriptions",
            remedy="bring `signup_date`, or data that reach further back",
        )
    order: tuple[str, ...] = ()
    if attribute:
        naming = Levels.of(table["value"], kind=attribute.kind, bands=bands, money_name=money_name)
        named = naming.name(table["value"])
        if attribute.name.startswith("cohort_"):
            named = named.cat.reorder_categories(sorted(named.cat.categories))
        named = pooled(named, fewest=min_group) if pool else named
        order = tuple(named.cat.categories)
        table = table.assign(level=named.astype(object)).drop(columns="value")
    return _Subjects(table, attribute, order, _notes(marts.meta, attribute))


def _followed(marts: Marts, attribute: Attribute | None) -> pd.DataFrame:
    spells = marts.table("spells")
    first = spells.filter((spells.spell == 1) & spells.entry_month.notnull() & spells.exit_month.notnull())
    # The as-of day, not leaving, sets how far an account could be followed.
    whole = ibis.greatest(months_since(first.origin_date, ibis.literal(marts.meta.as_of)), first.exit_month)
    first = first.select("customer_id", entry="entry_month", exit="exit_month", event="event_month", followed_to=whole)
    if attribute is None:
        return to_pandas(first.drop("customer_id"))
    accounts = marts.table("accounts")
    column = "cohort_month" if attribute.name.startswith("cohort_") else attribute.column
    joined = first.inner_join(accounts.select("customer_id", value=column), "customer_id").order_by("customer_id")
    table = to_pandas(joined.drop("customer_id"))
    if column == "cohort_month":
        # Accounts of no cohort entered late or began before the data: not comparable at early ages.
        table = table[table["value"].notna()].reset_index(drop=True)
        table["value"] = cohort_names(table["value"], attribute.name.removeprefix("cohort_"))
    return table


def _flat(marts: Marts, attribute: Attribute | None) -> pd.DataFrame:
    flat = marts.table("flat").order_by("customer_id")
    value = {} if attribute is None else {"value": attribute.column}
    table = to_pandas(flat.select("tenure", "churned", **value))
    tenure, churned = table.pop("tenure").astype(int), table.pop("churned").astype(bool)
    # Whoever left before a month was complete left in the first month.
    exit = tenure.where(~churned, tenure.clip(lower=1))
    entry = pd.Series(0, index=table.index)
    if marts.meta.observation == "snapshot":
        window = marts.meta.snapshot_window or 1
        # Everyone is watched for the window only. Those who left did so in its midst on average: for a window of an
        # even number of months half of them in the month before it, half in the month after.
        alike = [*table.columns, "exit", "churned"]
        turn = table.assign(exit=exit, churned=churned).groupby(alike, dropna=False).cumcount() + exit
        left_in = (window + 1) // 2 + (turn % 2 if window % 2 == 0 else 0)
        entry = (exit - pd.Series(window, index=table.index).where(~churned, left_in)).clip(lower=0)
    return table.assign(entry=entry, exit=exit, event=churned)


def _notes(meta: Meta, attribute: Attribute | None) -> tuple[str, ...]:
    notes = []
    warning = observation_warning(meta)
    if warning:
        notes.append(warning)
    if meta.shape == "flat" and meta.observation == "snapshot":
        notes.append(
            "A period life table: the rates at which accounts of each age left during the snapshot's window, put end "
            "to end. It says how long accounts would stay if those rates held, not what became of any one cohort."
        )
    if meta.unknown_start:
        notes.append(
            f"{meta.unknown_start:,} accounts were there before the data begin and have no sign-up date; their age "
            "is unknown and they are left out here."
        )
    if meta.late_entry:
        notes.append(
            f"{meta.late_entry:,} accounts are older than what is observed of them. They count from the age at which "
            "they are first observed."
        )
    if attribute is not None and attribute.name in _COHORTS:
        notes.append(_MONTH_NOTE)
    if attribute is not None and attribute.kind == "term":
        notes.append(
            "An account under contract can end only when its term does, so curves of longer terms fall in steps; the "
            "groups are compared at an age, never by one ratio."
        )
    return tuple(notes)


def _columns(table: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    return table["entry"], table["exit"], table["event"]


def _counts(subjects: _Subjects) -> pd.DataFrame:
    table = subjects.table
    return survival.person_months(
        *_columns(table),
        groups=table[["level"]] if subjects.attribute else None,
        # A flat table does not say how long those who left would have been followed.
        followed_to=table.get("followed_to"),
    )


def _accounts(subjects: _Subjects) -> pd.Series:
    """Accounts of each level."""
    if subjects.attribute is None:
        return pd.Series(dtype=int)
    return subjects.table["level"].value_counts()


def _at_risk(subjects: _Subjects) -> pd.Series:
    return _counts(subjects).set_index([*subjects.by, "age"])["at_risk"]


def _large(subjects: _Subjects, min_group: int) -> pd.DataFrame:
    """Counts of the levels that are large enough to show."""
    counts, accounts = _counts(subjects), _accounts(subjects)
    enough = [level for level in accounts.index if disclosure.shown(accounts[level], min_group)]
    return counts[counts["level"].isin(enough)]


def _in_order(table: pd.DataFrame, subjects: _Subjects) -> pd.DataFrame:
    place = {level: position for position, level in enumerate(subjects.order)}
    return table.sort_values("level", key=lambda levels: levels.map(place), kind="stable", ignore_index=True)


def _curves(subjects: _Subjects, confidence: float, min_group: int) -> pd.DataFrame:
    """Every curve that is large enough to show, to its end."""
    counts = _counts(subjects)
    fewest = min_group
    dated = "followed_to" in subjects.table
    if dated and subjects.attribute is None and counts["at_risk"].max() < min_group:
        # The whole company always shows. Of tenures alone an age at which few were seen says too little even then: one
        # snapshot spreads its accounts over all ages.
        fewest = 1
    found = survival.kaplan_meier(counts, by=subjects.by, confidence=confidence, min_at_risk=fewest)
    return _in_order(found, subjects) if subjects.attribute else found


def _curve_result(
    subjects: _Subjects, found: pd.DataFrame, confidence: float, min_group: int, *, whole: bool = True
) -> Result:
    keys = [*subjects.by, "age"]
    columns = [*keys, "estimate", "low", "high", "n", "events", "start"]
    notes = list(subjects.notes)
    absent = [level for level in subjects.order if level not in set(found["level"])] if subjects.attribute else []
    if whole and absent:
        accounts = _accounts(subjects)
        hidden = pd.DataFrame({"level": absent, "age": 0, "n": [int(accounts[level]) for level in absent]})
        found = _in_order(pd.concat([found, hidden], ignore_index=True), subjects)
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
        method=_KAPLAN_MEIER,
        notes=tuple(notes),
    )
