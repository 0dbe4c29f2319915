"""Survival from counts: how many are at risk and how many end, by whole person-month.

Every estimator takes the same small table, one row a group and person-month, so that a million subjects cost no more
than a thousand once they are counted. Person-month k runs from age k − 1 to age k; its event ends survival at age k, so
S(k) is the product over person-months 1 … k. Delayed entry and censoring are in the counts and need nothing further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from customer_value.stats import intervals, multiplicity

FEW_AT_RISK = 100
"""With fewer at risk the log-log interval covers too rarely; Wilson's on an effective sample size takes its place."""


@dataclass(frozen=True)
class LogRank:
    """The log-rank test: χ² on ``df`` degrees of freedom, and per group what was observed and expected.

    ``groups`` has one row a group: the key columns, ``events``, ``expected``.
    """

    statistic: float
    df: int
    p: float
    groups: pd.DataFrame


def person_months(
    entry: npt.ArrayLike,
    exit: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    groups: pd.DataFrame | None = None,
    weight: npt.ArrayLike | None = None,
    followed_to: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Count who is at risk and who ends in each person-month.

    A subject is at risk in person-months ``entry + 1 … exit``; an event falls in person-month ``exit``. Subjects whose
    exit equals their entry were never at risk and count nowhere.

    Parameters
    ----------
    entry, exit : whole months, ``0 ≤ entry ≤ exit``
    event : whether the exit is an event (else censored)
    groups : key columns, a row a subject; None for one group
    weight : how many subjects a row stands for; None for one each
    followed_to : the last whole month that a subject would have been seen to complete had it stayed, ``≥ exit``; None
        where it is not known of those who left

    Returns
    -------
    The key columns, then ``age`` (1 …), ``at_risk``, ``events``, and with ``followed_to`` the column ``followed`` (who
    has entered and would be seen to the end of the person-month, whether still there or gone): all person-months up to
    a group's last exit, in order of the keys. Groups nobody of whom was ever at risk are absent.
    """
    entry, exit = np.asarray(entry, dtype=int), np.asarray(exit, dtype=int)
    event = np.asarray(event, dtype=bool)
    each = None if weight is None else np.asarray(weight, dtype=int)
    if not entry.shape == exit.shape == event.shape == (entry if each is None else each).shape:
        raise ValueError("entry, exit, event and weight must have one length")
    if np.any((entry < 0) | (exit < entry)):
        raise ValueError("months must satisfy 0 ≤ entry ≤ exit")
    limit = None if followed_to is None else np.asarray(followed_to, dtype=int)
    if limit is not None and (limit.shape != exit.shape or np.any(limit < exit)):
        raise ValueError("followed_to must have one month a subject, not before its exit")
    if groups is not None and len(groups) != len(entry):
        raise ValueError("groups must have one row a subject")
    codes, keys = _coded(groups, len(entry))
    seen = exit > entry
    if not seen.all():
        entry, exit, event, codes = entry[seen], exit[seen], event[seen], codes[seen]
        each, limit = (None if values is None else values[seen] for values in (each, limit))
    last = int(exit.max(initial=0))
    shape = (len(keys), last + 1)

    def by_month(months: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Subjects by group and month; weights add up in floats, exactly far beyond any number of subjects."""
        place = codes[chosen] * shape[1] + months[chosen]
        return np.bincount(place, None if each is None else each[chosen], shape[0] * shape[1]).reshape(shape)

    entering, leaving, ended = by_month(entry), by_month(exit), by_month(exit, event)
    # In person-month k are those who entered by age k − 1 and had not left by it.
    columns = {"at_risk": np.cumsum(entering - leaving, axis=1)[:, :-1], "events": ended[:, 1:]}
    # Each group to its own last exit; without anybody ever at risk that is none.
    ends = (np.arange(shape[1]) * (leaving > 0)).max(axis=1, initial=0)
    if limit is not None:
        # Nobody is followed beyond the last month that is listed.
        beyond = by_month(np.minimum(limit, ends[codes]))
        columns["followed"] = np.cumsum(entering - beyond, axis=1)[:, :-1]
    group, age = np.nonzero(np.arange(1, shape[1]) <= ends[:, None])
    counted = {name: values[group, age].astype(int) for name, values in columns.items()}
    return keys.iloc[group].reset_index(drop=True).assign(age=age + 1, **counted)


def _coded(groups: pd.DataFrame | None, subjects: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Each subject's group as a number, and the keys of the groups in order."""
    if groups is None:
        return np.zeros(subjects, dtype=int), pd.DataFrame(index=range(1))
    if len(groups.columns) == 1:
        name = groups.columns[0]
        codes, found = pd.factorize(groups[name], sort=True, use_na_sentinel=False)
        return codes, pd.DataFrame({name: found})
    grouper = groups.groupby(list(groups.columns), sort=True, dropna=False)
    return grouper.ngroup().to_numpy(), grouper.size().reset_index()[list(groups.columns)]


def kaplan_meier(
    counts: pd.DataFrame, *, by: Sequence[str] = (), confidence: float = 0.95, min_at_risk: int = 1
) -> pd.DataFrame:
    """Share surviving to each age, per group.

    Limits are Greenwood's on the log-log scale. With fewer than 100 at risk at an age they are Wilson's on the
    effective sample size that Greenwood's variance implies, ``(1 − S) / (S · G)``; with no event so far, Wilson's on
    the number at risk at that age.

    Parameters
    ----------
    counts : as `person_months` returns: the columns of ``by``, then ``age, at_risk, events``, and perhaps ``followed``
    by : key columns
    min_at_risk : the curve starts at the first age with so many at risk and ends before the first later age with fewer
        ``followed``; without that column with fewer at risk, which hides the groups that lost most. A curve that starts
        above age 0 is conditional on having survived to its start

    Returns
    -------
    Key columns, then ``age, estimate, low, high, n`` (at risk), ``events`` (in the person-month ending at that age),
    ``start`` (age at which the curve starts, with a row of estimate 1), ``greenwood`` (variance of log S),
    ``effective_n`` (the sample of equal precision, ``(1 − S) / (S · G)``; the number at risk with no event so far or
    nobody left). Groups that
    never have ``min_at_risk`` at risk are absent.

    References
    ----------
    Kaplan and Meier (1958); Greenwood (1926); Borgan and Liestøl (1990) for the scale; Dorey and Korn (1987) for the
    effective sample size; Tsai, Jewell and Wang (1987) for delayed entry.
    """
    curves = []
    for keys, one in _each(counts, by):
        enough = np.flatnonzero(one["at_risk"].to_numpy() >= max(min_at_risk, 1))
        if not enough.size:
            continue
        first = enough[0]
        lasting = one["followed" if "followed" in one else "at_risk"].to_numpy()
        too_few = np.flatnonzero(((lasting < min_at_risk) | (one["at_risk"].to_numpy() < 1))[first:])
        last = first + too_few[0] if too_few.size else len(one)
        curve = _curve(one.iloc[first:last], confidence)
        for position, (column, value) in enumerate(keys.items()):
            curve.insert(position, column, value)
        curves.append(curve)
    if not curves:
        kinds = {"age": int, "estimate": float, "low": float, "high": float, "n": int, "events": int, "start": int}
        kinds |= {"greenwood": float, "effective_n": float}
        return pd.DataFrame(columns=[*by, *kinds]).astype(kinds)
    return pd.concat(curves, ignore_index=True)


def _curve(counts: pd.DataFrame, confidence: float) -> pd.DataFrame:
    n, d = counts["at_risk"].to_numpy(float), counts["events"].to_numpy(float)
    survival = np.cumprod(1 - d / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(d > 0, d / (n * (n - d)), 0.0))
        z = stats.norm.ppf(0.5 + confidence / 2)
        margin = z * np.sqrt(greenwood) / np.abs(np.log(survival))
        low, high = survival ** np.exp(margin), survival ** np.exp(-margin)
        implied = (1 - survival) / (survival * greenwood)
    # All at risk ended, or none so far: Greenwood implies no size, the number at risk does.
    size = np.where((survival > 0) & (survival < 1), implied, n)
    few = (n < FEW_AT_RISK) | (survival == 1) | (survival == 0)
    _, wilson_low, wilson_high = intervals.wilson(survival, 1, confidence=confidence, effective_n=size)
    start = int(counts["age"].iloc[0]) - 1
    return pd.DataFrame(
        {
            "age": np.concatenate([[start], counts["age"].to_numpy(int)]),
            "estimate": np.concatenate([[1.0], survival]),
            "low": np.concatenate([[1.0], np.where(few, wilson_low, low)]),
            "high": np.concatenate([[1.0], np.where(few, wilson_high, high)]),
            "n": np.concatenate([n[:1], n]).astype(int),
            "events": np.concatenate([[0], d]).astype(int),
            "start": start,
            "greenwood": np.concatenate([[0.0], greenwood]),
            "effective_n": np.concatenate([n[:1], size]),
        }
    )


def median(curves: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """First age at which at most half survive, per group.

    Parameters
    ----------
    curves : as `kaplan_meier` returns

    Returns
    -------
    Key columns, then ``estimate, low, high``: the first ages at which the curve, its lower and its upper limit reach
    one half; NaN where they do not within the data (an unreached upper limit leaves the interval open above).

    References
    ----------
    Brookmeyer and Crowley (1982).
    """
    rows = []
    for keys, curve in _each(curves, by):
        age = curve["age"].to_numpy(float)
        row = dict(keys)
        for name in ("estimate", "low", "high"):
            # A product of fractions that is one half exactly may come out a rounding error above it.
            reached = np.flatnonzero(curve[name].to_numpy(float) <= 0.5 + 1e-12)
            row[name] = age[reached[0]] if reached.size else np.nan
        rows.append(row)
    return pd.DataFrame(rows, columns=[*by, "estimate", "low", "high"])


def restricted_mean(
    curves: pd.DataFrame, horizon: int, *, by: Sequence[str] = (), confidence: float = 0.95
) -> pd.DataFrame:
    """Mean number of months survived from a curve's start to the horizon, per group.

    The area under the curve, drawn as steps at whole ages. Its variance is Greenwood's for an area,
    ``Σ (area from tᵢ to the horizon)² · dᵢ / (nᵢ (nᵢ − dᵢ))``. Where no
    event falls before the horizon, the lower limit is the area under the curve's lower limits.

    Returns
    -------
    Key columns, then ``estimate, low, high, standard_error, start``; estimate and limits NaN where the curve ends
    before the horizon.

    References
    ----------
    Irwin (1949); Klein and Moeschberger (2003), section 4.5.
    """
    rows = []
    for keys, curve in _each(curves, by):
        start = int(curve["start"].iloc[0])
        row = dict(keys) | dict.fromkeys(("estimate", "low", "high", "standard_error"), np.nan) | {"start": start}
        rows.append(row)
        if curve["age"].iloc[-1] < horizon or start >= horizon:
            continue
        within = curve[curve["age"] <= horizon]
        # Area from each age to the horizon: a step holds from its age to the next.
        steps = within["estimate"].to_numpy(float)[:-1]
        area = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
        # The variance's increments; where all at risk ended no area is left, and nothing to add.
        increments = np.diff(within["greenwood"].to_numpy(float), prepend=0.0)
        variance = float(np.sum(np.where(area > 0, area**2 * np.where(area > 0, increments, 0.0), 0.0)))
        error, mean = np.sqrt(variance), float(area[0])
        z = stats.norm.ppf(0.5 + confidence / 2)
        low, high = mean - z * error, mean + z * error
        if error == 0:
            low = float(within["low"].to_numpy(float)[:-1].sum())
        row.update(estimate=mean, low=max(low, 0.0), high=min(high, float(horizon - start)), standard_error=error)
    return pd.DataFrame(rows, columns=[*by, "estimate", "low", "high", "standard_error", "start"])


def logrank(counts: pd.DataFrame, by: Sequence[str]) -> LogRank:
    """Test that the hazard at each age is the same in all groups.

    Parameters
    ----------
    counts : as `person_months` returns, of at least two groups
    by : key columns

    Notes
    -----
    Delayed entry is allowed: a person-month compares those at risk in it. The variance is the hypergeometric one with
    its correction for ties. A group never at risk together with another adds no degree of freedom.

    References
    ----------
    Mantel (1966); Peto and Peto (1972).
    """
    by = list(by)
    wide = counts.assign(_group=counts.groupby(by, sort=True, dropna=False).ngroup())
    names = wide.drop_duplicates("_group").sort_values("_group")[by].reset_index(drop=True)
    n = wide.pivot(index="age", columns="_group", values="at_risk").fillna(0).to_numpy(float)
    d = wide.pivot(index="age", columns="_group", values="events").fillna(0).to_numpy(float)
    total_n, total_d = n.sum(axis=1), d.sum(axis=1)
    counted = total_n > 0
    n, d, total_n, total_d = n[counted], d[counted], total_n[counted], total_d[counted]
    share = n / total_n[:, None]
    expected = (share * total_d[:, None]).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(total_n > 1, total_d * (total_n - total_d) / (total_n - 1), 0.0)
    variance = np.diag((share * scale[:, None]).sum(axis=0)) - np.einsum("t,ti,tj->ij", scale, share, share)
    excess = d.sum(axis=0) - expected
    df = int(np.linalg.matrix_rank(variance))
    statistic = float(excess @ np.linalg.pinv(variance) @ excess) if df else float("nan")
    p = float(stats.chi2.sf(statistic, df)) if df else float("nan")
    groups = names.assign(events=d.sum(axis=0).astype(int), expected=expected)
    return LogRank(statistic, df, p, groups)


def pairwise_logrank(counts: pd.DataFrame, by: str) -> pd.DataFrame:
    """Log-rank tests of every two groups, adjusted by Holm's method.

    Returns
    -------
    One row a pair, in order: ``first, second, statistic, p, p_adjusted``.
    """
    groups = sorted(counts[by].drop_duplicates())
    rows = []
    for position, first in enumerate(groups):
        for second in groups[position + 1 :]:
            test = logrank(counts[counts[by].isin([first, second])], [by])
            rows.append((first, second, test.statistic, test.p))
    table = pd.DataFrame(rows, columns=["first", "second", "statistic", "p"])
    return table.assign(p_adjusted=multiplicity.holm(table["p"]))


def _each(table: pd.DataFrame, by: Sequence[str]):
    """Each group's keys and rows in order of age; the whole table where there are no keys."""
    by = list(by)
    if not by:
        if len(table):
            yield {}, table.sort_values("age")
        return
    for values, rows in table.groupby(by, sort=True, dropna=False):
        yield dict(zip(by, values, strict=True)), rows.sort_values("age")
