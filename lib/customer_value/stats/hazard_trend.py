"""Trend of a hazard over the time at which subjects entered, with variance between months in its standard error.

Those who entered in one month, and all who are at risk in one calendar month, share what happened then. A good or bad
month moves them together, so that counts scatter by month more than chance among independent subjects would have it,
and a trend taken against chance alone is found where there is none. The trend itself is estimated by grouped
proportional hazards; how much months scatter, by moments of the score residuals of months; and the months' variance is
carried through to the trend's, with months as the units of its t quantile.

Age, calendar month and month of entry cannot be told apart: with a baseline for every age, a trend over entry is a
trend over calendar time as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from customer_value.stats import grouped_hazards
from customer_value.stats.grouped_hazards import HazardFit

FEWEST_MONTHS = 6
"""Months of entry with events or none below which no trend is tested."""


@dataclass(frozen=True)
class HazardTrend:
    """A trend of the log hazard per unit of the time of entry.

    Attributes
    ----------
    log_ratio, standard_error, p : per unit; missing where it cannot be estimated
    low, high : limits of the log ratio
    model_error : what the standard error would be if months did not scatter
    freedom : degrees of freedom of the t quantile: the months, or the months of entry if they are fewer, less two
    variances : variance between the levels of each clustering, of the log hazard, by moments; below 0 where they
        scatter less than chance would have it
    events, at_risk : counts that inform
    """

    log_ratio: float
    standard_error: float
    low: float
    high: float
    p: float
    model_error: float
    freedom: int
    variances: tuple[float, ...]
    events: int
    at_risk: int


def trend(
    cells: pd.DataFrame,
    *,
    entered: str,
    strata: Sequence[str],
    clusters: Sequence[str],
    categories: Sequence[str] = (),
    confidence: float = 0.95,
) -> HazardTrend:
    """Trend of the hazard over the time of entry, at equal age and equal categories.

    Parameters
    ----------
    cells : one row a cell, with ``at_risk`` and ``events``
    entered : numeric column, the time of entry
    strata : columns whose combinations each have their own baseline: age, and whatever changes its course
    clusters : columns whose levels each have a shock of their own: the calendar month and the month of entry
    categories : columns adjusted for
    confidence : of the limits

    Returns
    -------
    HazardTrend, everything missing where fewer than `FEWEST_MONTHS` levels of a cluster inform or the trend is not
    estimable.

    References
    ----------
    Prentice and Gloeckler (1978) for the hazards; Henderson (1953), method III, and Breslow and Clayton (1993) for
    variances of shared effects; Moulton (1990) for what they do to a trend.
    """
    fit = grouped_hazards.fit(cells, terms=[entered], categories=categories, strata=strata, confidence=confidence)
    status = fit.table.set_index("term")["status"]
    cells = cells[cells["at_risk"] > 0]
    working = _Working.of(fit, cells)
    used = cells[working.used]
    months = min((used[name].nunique() for name in clusters), default=0)
    if status[entered] != "estimated" or months < FEWEST_MONTHS:
        return HazardTrend(*(np.nan,) * 6, 0, (np.nan,) * len(clusters), fit.events, fit.at_risk)
    codes = [pd.factorize(used[name], sort=True)[0] for name in clusters]
    variances = _variances(working, codes)
    pull = working.pull(fit, entered)
    model = float(fit.covariance.loc[(entered, ""), (entered, "")])
    shared = sum(
        variance * float(np.sum(np.bincount(code, pull * working.weight) ** 2))
        for variance, code in zip(variances, codes, strict=True)
    )
    estimate = float(fit.table.loc[fit.table["term"] == entered, "log_ratio"].iloc[0])
    # Cut at nothing only together: each variance cut by itself would on average add what is not there.
    shared = max(shared, 0.0)
    error = float(np.sqrt(model + shared))
    # What months add is known only as well as so many months can tell, however little it turned out to be.
    freedom = months - 2
    margin = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    return HazardTrend(
        log_ratio=estimate,
        standard_error=error,
        low=estimate - margin,
        high=estimate + margin,
        p=float(2 * stats.t.sf(abs(estimate) / error, freedom)),
        model_error=float(np.sqrt(model)),
        freedom=freedom,
        variances=variances,
        events=fit.events,
        at_risk=fit.at_risk,
    )


@dataclass(frozen=True)
class _Working:
    """The fit as weighted least squares: one entry a cell that informs.

    ``score`` is each cell's derivative of the log-likelihood by its log hazard, ``weight`` its information; ``columns``
    the design's estimated columns less their stratum's mean.
    """

    used: np.ndarray
    score: np.ndarray
    weight: np.ndarray
    columns: np.ndarray
    stratum: np.ndarray
    baseline_information: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, fit: HazardFit, cells: pd.DataFrame) -> _Working:
        stratum, matrix = fit.design.stratum(cells), fit.design.matrix(cells)
        used = fit.information[stratum] > 0
        stratum, matrix = stratum[used], matrix[used]
        n, d = (cells[name].to_numpy(float)[used] for name in ("at_risk", "events"))
        rate = fit.coefficients.hazard(stratum, matrix)
        with np.errstate(over="ignore"):
            ratio = np.where(rate > 0, rate / np.expm1(rate), 1.0)
        score = d * ratio - (n - d) * rate
        # Expected information: of a rare event it is the expected number.
        weight = n * rate * ratio
        estimated = (fit.table["status"] == "estimated").to_numpy()
        centred = (matrix - fit.means[stratum])[:, estimated]
        return cls(used, score, weight, centred, stratum, fit.information, fit.covariance.to_numpy())

    def pull(self, fit: HazardFit, entered: str) -> np.ndarray:
        """How far a unit of each cell's score moves the trend."""
        return self.columns @ self.covariance[:, fit.covariance.columns.get_loc((entered, ""))]

    def within(self, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights summed by a clustering's level and stratum, and weighted columns by level."""
        levels, strata = code.max() + 1, len(self.baseline_information)
        by_stratum = np.bincount(code * strata + self.stratum, self.weight, levels * strata).reshape(levels, strata)
        by_column = np.column_stack(
            [np.bincount(code, self.weight * column, levels) for column in self.columns.T] or [np.zeros((levels, 0))]
        )
        return by_stratum, by_column


def _variances(working: _Working, codes: Sequence[np.ndarray]) -> tuple[float, ...]:
    """Variance between the levels of each clustering: what their score residuals scatter beyond chance.

    Residuals are of a fitted model, so that neither chance nor a shared effect shows in them in full; what is left of
    both is reckoned, and the sums of squares of all clusterings are solved for the variances together.
    """
    inverse = np.divide(
        1.0,
        working.baseline_information,
        out=np.zeros(len(working.baseline_information)),
        where=working.baseline_information > 0,
    )
    sums = [working.within(code) for code in codes]

    def left(one: int, two: int) -> np.ndarray:
        """What levels of two clusterings share of the weight, less what the fit takes up."""
        levels = codes[one].max() + 1, codes[two].max() + 1
        shared = np.bincount(codes[one] * levels[1] + codes[two], working.weight, levels[0] * levels[1]).reshape(levels)
        strata, columns = zip(sums[one], sums[two], strict=True)
        return shared - (strata[0] * inverse) @ strata[1].T - columns[0] @ working.covariance @ columns[1].T

    places = range(len(codes))
    scale = [1 / np.bincount(code, working.weight) for code in codes]
    seen, chance, effect = np.zeros(len(codes)), np.zeros(len(codes)), np.zeros((len(codes), len(codes)))
    for one in places:
        residual = np.bincount(codes[one], working.score)
        seen[one] = float(np.sum(residual**2 * scale[one]))
        chance[one] = float(np.sum(np.diag(left(one, one)) * scale[one]))
        for two in places:
            effect[one, two] = float(np.sum((left(one, two) ** 2).sum(axis=1) * scale[one]))
    return tuple(float(value) for value in np.linalg.lstsq(effect, seen - chance, rcond=None)[0])
