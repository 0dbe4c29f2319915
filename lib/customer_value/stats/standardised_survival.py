"""What a fitted hazard means for a whole base: the share that would survive if everybody had one exposure, or another.

The base is carried forward month by month with its own strata and covariates, only the exposure is set; the shares that
survive are averaged over the base (g-computation), so that both exposures are seen in the same mix of subjects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from customer_value.stats.grouped_hazards import Coefficients, HazardFit
from customer_value.stats.jackknife import delete_a_group_covariance


@dataclass(frozen=True)
class Standardised:
    """Shares that survive.

    Attributes
    ----------
    table : two rows, one an exposure level, then their difference, first minus second: ``quantity`` (``first, second,
        difference``), ``estimate, low, high, standard_error, p`` (of the difference only)
    size : subjects that it is averaged over
    left_out : subjects with a month in a stratum, or a level, of which nothing was seen
    """

    table: pd.DataFrame
    size: float
    left_out: float


def standardised_survival(
    fit: HazardFit,
    paths: pd.DataFrame,
    *,
    term: str,
    levels: tuple[float, float] = (1.0, 0.0),
    profile: str = "profile",
    size: str = "size",
    confidence: float = 0.95,
) -> Standardised:
    """Share of a base that survives a path of months at one level of a term, at another, and the difference.

    Parameters
    ----------
    fit : hazards in which ``term`` is a numeric term
    paths : one row a profile and month ahead, with the strata and covariates that the profile has in that month; what
        column ``term`` holds is not read
    levels : the two levels compared
    profile, size : columns that name a profile and say how many subjects it stands for
    confidence : of the limits

    Returns
    -------
    Standardised. Shares have limits on the complementary log-log scale, the difference on its own; by the delta method
    from the fit's information on baselines and slopes, or, if the fit left groups out, by the jackknife with a t
    quantile. The base itself is taken as given. Without an estimate of the term everything is missing.

    Raises
    ------
    ValueError : ``term`` is not a numeric term of the fit, or a profile has more than one size

    References
    ----------
    Robins (1986); Makuch (1982) for adjusted survival.
    """
    if term not in fit.design.terms:
        raise ValueError(f"term must be one of {list(fit.design.terms)}, got: {term!r}")
    base = _Base.of(fit, paths.assign(**{term: levels[0]}), profile=profile, size=size)
    column = fit.design.columns.index((term, ""))
    if fit.table["status"].iloc[column] != "estimated" or not base.total > 0:
        missing = _table(np.full(2, np.nan), np.full((2, 2), np.nan), confidence, fit.groups)
        return Standardised(missing, base.total, base.left_out)
    shares = np.array([base.survival(fit.coefficients, column, level) for level in levels])
    if fit.groups:
        drawn = [[base.survival(one, column, level) for level in levels] for one in fit.replicates]
        covariance = delete_a_group_covariance(np.array(drawn))
    else:
        baselines, slopes = (
            np.array(part) for part in zip(*(base.gradient(fit, column, level) for level in levels), strict=True)
        )
        # A baseline moves against the slopes, by its stratum's mean, and on its own by its own information.
        own = np.divide(1.0, fit.information, out=np.zeros(len(fit.information)), where=fit.information > 0)
        leaning = slopes - baselines @ fit.means
        covariance = leaning @ fit.slope_covariance() @ leaning.T + (baselines * own) @ baselines.T
    return Standardised(_table(shares, covariance, confidence, fit.groups), base.total, base.left_out)


@dataclass(frozen=True)
class _Base:
    """Profiles carried forward: one entry a profile and month."""

    matrix: np.ndarray
    stratum: np.ndarray
    profile: np.ndarray
    share: np.ndarray
    """Of the base, one entry a profile."""
    total: float
    left_out: float

    @classmethod
    def of(cls, fit: HazardFit, paths: pd.DataFrame, *, profile: str, size: str) -> _Base:
        codes = pd.factorize(paths[profile], sort=True)[0]
        sizes = paths.groupby(codes)[size].agg(["min", "max"]).astype(float)
        if (sizes["min"] != sizes["max"]).any():
            raise ValueError("a profile must have one size throughout its path")
        sizes = sizes["min"].to_numpy()
        stratum, matrix = fit.design.stratum(paths), fit.design.matrix(paths)
        unseen = np.bincount(codes, (stratum < 0) | np.isnan(matrix).any(axis=1), len(sizes)) > 0
        kept = ~unseen[codes]
        total = float(sizes[~unseen].sum())
        share = np.where(unseen, 0.0, sizes) / total if total > 0 else np.zeros(len(sizes))
        return cls(matrix[kept], stratum[kept], codes[kept], share, total, float(sizes[unseen].sum()))

    def survival(self, coefficients: Coefficients, column: int, level: float) -> float:
        hazard = np.bincount(self.profile, self._hazard(coefficients, column, level), len(self.share))
        return float(self.share @ np.exp(-hazard))

    def gradient(self, fit: HazardFit, column: int, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the share that survives by the baselines and by the slopes."""
        hazard = self._hazard(fit.coefficients, column, level)
        left = self.share * np.exp(-np.bincount(self.profile, hazard, len(self.share)))
        # Where all end in some month, no coefficient matters.
        pull = -left[self.profile] * np.where(np.isfinite(hazard), hazard, 0.0)
        return np.bincount(self.stratum, pull, len(fit.design.baselines)), pull @ self._set(column, level)

    def _set(self, column: int, level: float) -> np.ndarray:
        matrix = self.matrix.copy()
        matrix[:, column] = level
        return matrix

    def _hazard(self, coefficients: Coefficients, column: int, level: float) -> np.ndarray:
        return coefficients.hazard(self.stratum, self._set(column, level))


def _table(shares: np.ndarray, covariance: np.ndarray, confidence: float, groups: int) -> pd.DataFrame:
    """Limits of both shares and of their difference; ``groups`` as of the fit, 0 for a normal quantile."""
    reference = stats.t(groups - 1) if groups else stats.norm
    quantile = float(reference.ppf(0.5 + confidence / 2))
    error = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.exp(quantile * error / (shares * np.abs(np.log(shares))))
    difference = shares[0] - shares[1]
    spread = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * float(reference.sf(abs(difference) / spread))
    return pd.DataFrame(
        {
            "quantity": ["first", "second", "difference"],
            "estimate": [*shares, difference],
            "low": [*shares**factor, difference - quantile * spread],
            "high": [*shares ** (1 / factor), difference + quantile * spread],
            "standard_error": [*error, spread],
            "p": [np.nan, np.nan, p],
        }
    )
