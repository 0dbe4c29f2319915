"""Cumulative incidence from counts: the share that has ended in each of several ways by each age.

An end in one way rules out an end in another, so one minus a Kaplan–Meier curve that takes the others as merely unseen
overstates every way: it is the share that would end so if nobody ended otherwise, which is no share of anybody. The
cumulative incidence counts those who can still end; over all ways it adds up to the share that has ended. Everything
takes one row a group and person-month, as in `customer_value.stats.survival`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from customer_value.stats import intervals, survival
from customer_value.stats.survival import FEW_AT_RISK, LogRank

CAUSE = "cause"
"""The key column that names the way of ending."""


def person_months(
    entry: npt.ArrayLike,
    exit: npt.ArrayLike,
    cause: npt.ArrayLike,
    *,
    causes: Sequence[str],
    groups: pd.DataFrame | None = None,
    followed_to: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Count who is at risk and who ends in which way in each person-month.

    Parameters
    ----------
    entry, exit, groups, followed_to : as in `customer_value.stats.survival.person_months`
    cause : one of ``causes`` for a subject that ended at its exit, missing for one censored there
    causes : all ways of ending, in order

    Returns
    -------
    The columns of `customer_value.stats.survival.person_months`, ``events`` being ends in any way, then one column a
    cause.

    Raises
    ------
    ValueError : a subject ended in a way that is not in ``causes``
    """
    ended = pd.Series(np.asarray(cause, dtype=object))
    unknown = set(ended.dropna()) - set(causes)
    if unknown:
        raise ValueError(f"a cause must be one of {list(causes)}, got: {sorted(map(str, unknown))}")
    options = {"groups": groups, "followed_to": followed_to}
    counts = survival.person_months(entry, exit, ended.notna(), **options)
    each = {name: survival.person_months(entry, exit, ended == name, **options)["events"] for name in causes}
    return counts.assign(**each)


def cumulative_incidence(
    counts: pd.DataFrame,
    causes: Sequence[str],
    *,
    by: Sequence[str] = (),
    confidence: float = 0.95,
    min_at_risk: int = 1,
) -> pd.DataFrame:
    """Share that has ended in each way by each age, per group (Aalen–Johansen).

    Limits are on the complementary log-log scale, so that with a single way of ending they are those of the
    Kaplan–Meier curve, turned round. With fewer than 100 at risk at an age they are Wilson's on the effective sample
    size ``F (1 − F) / variance``; with no such end so far, or nobody left, Wilson's on the number at risk at that age.

    Parameters
    ----------
    counts : as `person_months` returns
    causes : columns of counts, which add up to ``events``
    by : key columns
    min_at_risk : where a curve starts and ends, as in `customer_value.stats.survival.kaplan_meier`

    Returns
    -------
    Key columns, ``cause``, then ``age, estimate, low, high, n`` (at risk), ``events`` (in this way, in the person-month
    ending at that age), ``start`` (age at which the curve starts, with a row of estimate 0), ``standard_error``,
    ``effective_n``. Groups that never have ``min_at_risk`` at risk are absent. A curve that starts above age 0 is
    conditional on having been there at its start.

    Raises
    ------
    ValueError : the causes do not add up to the events

    References
    ----------
    Aalen and Johansen (1978); Marubini and Valsecchi (1995) and Gaynor et al. (1993) for the variance, of multinomial
    counts by the delta method, which needs no continuous time; Dorey and Korn (1987) for the effective sample size.
    """
    if not np.array_equal(counts[list(causes)].sum(axis=1).to_numpy(float), counts["events"].to_numpy(float)):
        raise ValueError(f"the columns {list(causes)} must add up to the column 'events'")
    # Which ages a curve has is the same question as for all ends together.
    whole = survival.kaplan_meier(counts, by=by, confidence=confidence, min_at_risk=min_at_risk)
    keys = [*by, "age"]
    ends = whole[[*keys, "n", "start"]].merge(counts[[*keys, *causes]], on=keys, how="left")
    whole_company = [((), ends)] if len(ends) else []
    groups = ends.groupby(list(by), sort=False, dropna=False) if by else whole_company
    curves = []
    for names, one in groups:
        steps = one[one["age"] > one["start"]]
        events = steps[list(causes)].to_numpy(float)
        for place, name in enumerate(causes):
            curve = _curve(steps, events, place, confidence).assign(start=int(one["start"].iloc[0]))
            curve.insert(0, CAUSE, name)
            for position, (column, value) in enumerate(zip(by, names, strict=True)):
                curve.insert(position, column, value)
            curves.append(curve)
    if not curves:
        columns = [
            *by,
            CAUSE,
            "age",
            "estimate",
            "low",
            "high",
            "n",
            "events",
            "standard_error",
            "effective_n",
            "start",
        ]
        return pd.DataFrame(columns=columns)
    return pd.concat(curves, ignore_index=True)


def _curve(steps: pd.DataFrame, events: np.ndarray, place: int, confidence: float) -> pd.DataFrame:
    """One group's curve of one cause, from its start on."""
    n, own, every = steps["n"].to_numpy(float), events[:, place], events.sum(axis=1)
    before = np.concatenate([[1.0], np.cumprod(1 - every / n)[:-1]])
    incidence = np.cumsum(before * own / n)
    variance = _variance(n, own, every, before, incidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        implied = incidence * (1 - incidence) / variance
        log_rest = np.log1p(-incidence)
        margin = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(variance) / ((1 - incidence) * np.abs(log_rest))
        low, high = -np.expm1(log_rest * np.exp(-margin)), -np.expm1(log_rest * np.exp(margin))
    settled = ~((incidence > 0) & (incidence < 1) & (variance > 0))
    size = np.where(settled, n, implied)
    few = settled | (n < FEW_AT_RISK)
    # Rounding may leave a sum of shares a last digit above 1.
    share = np.minimum(incidence, 1.0)
    _, wilson_low, wilson_high = intervals.wilson(share, 1, confidence=confidence, effective_n=size)
    start = int(steps["age"].iloc[0]) - 1
    return pd.DataFrame(
        {
            "age": np.concatenate([[start], steps["age"].to_numpy(int)]),
            "estimate": np.concatenate([[0.0], share]),
            "low": np.concatenate([[0.0], np.where(few, wilson_low, low)]),
            "high": np.concatenate([[0.0], np.where(few, wilson_high, high)]),
            "n": np.concatenate([n[:1], n]).astype(int),
            "events": np.concatenate([[0], own]).astype(int),
            "standard_error": np.concatenate([[0.0], np.sqrt(np.maximum(variance, 0.0))]),
            "effective_n": np.concatenate([n[:1], size]),
        }
    )


def _variance(
    n: np.ndarray, own: np.ndarray, every: np.ndarray, before: np.ndarray, incidence: np.ndarray
) -> np.ndarray:
    """Of the incidence at every age, the counts of each age being multinomial given who is at risk.

    With F(t) − F(k) written out, the sums over k ≤ t are polynomials in F(t) whose coefficients add up over ages.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where everybody at risk ended nobody is left whose survival could be uncertain.
        fallen = np.where(n > every, every / (n * (n - every)), 0.0)
    ended = before**2 * own * (n - own) / n**3
    both = before * own / n**2
    f = incidence
    spread = f**2 * np.cumsum(fallen) - 2 * f * np.cumsum(f * fallen) + np.cumsum(f**2 * fallen)
    return spread + np.cumsum(ended) - 2 * (f * np.cumsum(both) - np.cumsum(f * both))


def gray(counts: pd.DataFrame, by: Sequence[str], cause: str) -> LogRank:
    """Test that the cumulative incidence of one way of ending is the same in all groups, over all ages.

    A log-rank test in which those who ended in another way stay at risk, weighted by the chance of still being watched:
    it compares the shares that end so, where the log-rank test of one way alone compares how fast those who are still
    there end so.

    Parameters
    ----------
    counts : as `person_months` returns, of at least two groups
    by : key columns
    cause : the column of counts that is tested

    Returns
    -------
    LogRank; ``expected`` is what each group would have had at the common subdistribution hazard.

    Notes
    -----
    Under delayed entry a group's curve is conditional on its first age with anybody at risk; groups are compared from
    the first age at which all of them have somebody.

    References
    ----------
    Gray (1988), with ρ = 0.
    """
    by = list(by)
    wide = counts.assign(_group=counts.groupby(by, sort=True, dropna=False).ngroup())
    names = wide.drop_duplicates("_group").sort_values("_group")[by].reset_index(drop=True)
    n, own, every = (
        wide.pivot(index="age", columns="_group", values=column).fillna(0).to_numpy(float)
        for column in ("at_risk", cause, "events")
    )
    together = np.flatnonzero((n > 0).all(axis=1))
    first = together[0] if together.size else len(n)
    n, own, every = n[first:], own[first:], every[first:]
    groups = n.shape[1]
    observed, expected = np.zeros(groups), np.zeros(groups)
    # Of the scores of all groups but the last: covariance, and what ties it to the curves of each group.
    survived, incidence, pooled = np.ones(groups), np.zeros(groups), 0.0
    covariance = np.zeros((groups, groups))
    weight, ties = np.zeros((groups, groups)), np.zeros((groups, groups))
    spread = np.zeros(groups)
    for at_risk, ended, gone in zip(n, own, every, strict=True):
        here = (at_risk > 0) & (survived > 0)
        total = ended[here].sum()
        if not gone[here].sum() > 0:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            # At risk of this way of ending, had nobody been censored.
            exposed = np.where(here, at_risk / survived, 0.0)
            after = np.where(here, survived * (1 - gone / at_risk), survived)
            reached = np.where(here, incidence + survived * ended / at_risk, incidence)
        rate = total / exposed.sum()
        standing = exposed * (1 - incidence)
        observed += np.where(here, ended, 0.0)
        expected += total * standing / standing.sum()
        projection = np.diag(exposed) - np.outer(exposed, exposed) / exposed.sum()
        weight += projection * rate / (1 - pooled)
        pooled_after = pooled + rate
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(after > 0, (1 - pooled_after) / after, 0.0)
            others = gone - ended
            # Ends of this way, at the common rate.
            pull = 1 - left
            thinned = 1 - (total - 1) / (exposed.sum() * survived - 1) if total > 1 else np.ones(groups)
            one = np.where(here, thinned * survived * total / (exposed.sum() * at_risk), 0.0)
            # Ends of the other ways, as they were seen.
            rarer = np.where(others > 1, 1 - (others - 1) / (at_risk - 1), 1.0)
            other = np.where(here & (others > 0) & (after > 0), rarer * survived**2 * others / at_risk**2, 0.0)
        if total > 0:
            toward = projection - weight * pull
            spread += pull**2 * one
            ties += toward * (pull * one)
            covariance += (toward * one) @ toward.T
        spread += left**2 * other
        ties -= weight * (left**2 * other)
        covariance += (weight * (left**2 * other)) @ weight.T
        survived, incidence, pooled = after, reached, pooled_after
    covariance += (weight * spread) @ weight.T + weight @ ties.T + ties @ weight.T
    kept = slice(0, groups - 1)
    # The scores are counts: a variance of rounding size is none.
    tolerance = 1e-9 * max(observed.sum(), 1.0)
    df = int(np.linalg.matrix_rank(covariance[kept, kept], tol=tolerance, hermitian=True)) if groups > 1 else 0
    excess = (observed - expected)[kept]
    statistic = float("nan")
    if df:
        largest = float(np.linalg.norm(covariance[kept, kept], 2))
        inverse = np.linalg.pinv(covariance[kept, kept], rcond=tolerance / largest, hermitian=True)
        statistic = float(excess @ inverse @ excess)
    p = float(stats.chi2.sf(statistic, df)) if df else float("nan")
    return LogRank(statistic, df, p, names.assign(events=observed.astype(int), expected=expected))
