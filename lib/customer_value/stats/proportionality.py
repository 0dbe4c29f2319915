"""Whether a hazard ratio is the same at all ages, from counts: a score test, and the ratio in each band of ages.

Where the ratio changes with age, a single one is an average that depends on how long subjects were watched. The test
asks whether the log ratio leans with age; the ratios by band show how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from customer_value.stats import grouped_hazards
from customer_value.stats.grouped_hazards import HazardFit

_LARGEST = 50.0
_NONE = 1e-9
"""Share of a direction's information that must be left for it to be tested."""


@dataclass(frozen=True)
class Leaning:
    """A test that the log ratios of a covariate do not lean with age: χ² on ``df`` degrees of freedom."""

    statistic: float
    df: int
    p: float


def age_ranks(age: pd.Series, events: pd.Series) -> np.ndarray:
    """The age of each cell as the middle rank of its events among all events, between 0 and 1.

    Ranks give each event one say; months far out, with few events, would else decide.
    """
    at = events.astype(float).groupby(age.to_numpy()).sum()
    middle = (at.cumsum() - at / 2) / max(float(at.sum()), 1.0)
    return age.map(middle).to_numpy(float)


def leaning(
    fit: HazardFit,
    cells: pd.DataFrame,
    term: str,
    scale: np.ndarray,
    *,
    at_risk: str = "at_risk",
    events: str = "events",
) -> Leaning:
    """Score test that the log ratios of one term or category of a fit do not lean with a scale of age.

    Parameters
    ----------
    fit : proportional hazards, without groups
    cells : the cells that it was fitted to
    term : one of its terms or categories
    scale : one number a cell, such as `age_ranks` gives; for a test of proportionality it must be a function of the
        strata, as age is where strata are ages

    Returns
    -------
    Leaning. Missing where nothing varies.

    References
    ----------
    Grambsch and Therneau (1994); as a score test, Therneau's survival package from version 3 on (``cox.zph``).
    """
    estimated = (fit.table["status"] == "estimated").to_numpy()
    own = estimated & (fit.table["term"] == term).to_numpy()
    stratum = fit.design.stratum(cells)
    with np.errstate(invalid="ignore"):
        used = (cells[at_risk].to_numpy(float) > 0) & (stratum >= 0)
        used[used] &= np.isfinite(fit.coefficients.baseline[stratum[used]])
    if not own.any() or not used.any():
        return Leaning(float("nan"), 0, float("nan"))
    stratum, x = stratum[used], fit.design.matrix(cells[used])
    n, d = (cells[name].to_numpy(float)[used] for name in (at_risk, events))
    log_rate = fit.coefficients.baseline[stratum] + x @ fit.coefficients.slopes
    rate = np.exp(np.clip(log_rate, -_LARGEST, _LARGEST))
    ratio = rate / np.expm1(rate)
    score = d * ratio - (n - d) * rate
    weight = d * ratio * (rate / -np.expm1(-rate) - 1) + (n - d) * rate
    centre = np.asarray(scale, dtype=float)[used]
    centre = centre - np.average(centre, weights=d) if d.sum() > 0 else centre
    columns = np.hstack([x[:, estimated], x[:, own] * centre[:, None]])
    totals = np.bincount(stratum, weight)
    means = np.column_stack([np.bincount(stratum, weight * column) for column in columns.T])
    columns = columns - (means / np.where(totals > 0, totals, 1.0)[:, None])[stratum]
    information = columns.T @ (weight[:, None] * columns)
    first = int(estimated.sum())
    known, mixed, leaned = information[:first, :first], information[:first, first:], information[first:, first:]
    left = leaned - mixed.T @ np.linalg.pinv(known, hermitian=True) @ mixed
    pull = columns[:, first:].T @ score
    values, directions = np.linalg.eigh(left)
    told = values > _NONE * max(float(np.trace(leaned)), 1e-300)
    df = int(told.sum())
    if not df:
        return Leaning(float("nan"), 0, float("nan"))
    statistic = float(np.sum((directions[:, told].T @ pull) ** 2 / values[told]))
    return Leaning(statistic, df, float(stats.chi2.sf(statistic, df)))


@dataclass(frozen=True)
class Banded:
    """The ratios of a category in each band of ages.

    Attributes
    ----------
    table : one row a level (but the reference) and band: ``level, band``, the columns of `HazardFit.table`, ``events``
        (of the level in the band)
    reference : the level that ratios are against
    statistic, df, p : Wald test that the ratios of every level are the same in all bands
    """

    table: pd.DataFrame
    reference: str
    statistic: float
    df: int
    p: float


def by_band(
    cells: pd.DataFrame,
    category: str,
    band: str,
    *,
    reference: str,
    categories: Sequence[str] = (),
    strata: Sequence[str] = (),
    at_risk: str = "at_risk",
    events: str = "events",
    confidence: float = 0.95,
) -> Banded:
    """Hazard ratios of a category's levels within each band of ages, adjusted for other categories as a whole.

    Parameters
    ----------
    cells, categories, strata, at_risk, events, confidence : as in `customer_value.stats.grouped_hazards.fit`;
        ``categories`` without ``category``
    band : column of bands, an ordered categorical
    reference : the level of ``category`` that the others are compared with
    """
    levels = [level for level in sorted(cells[category].astype(str).unique()) if level != reference]
    bands = list(cells[band].cat.categories)
    columns, names = {}, []
    held, when = cells[category].astype(str).to_numpy(), cells[band].to_numpy()
    for level in levels:
        for name in bands:
            columns[f"_in_{len(names)}"] = ((held == level) & (when == name)).astype(float)
            names.append((level, name))
    fit = grouped_hazards.fit(
        cells.assign(**columns), terms=list(columns), categories=categories, strata=strata, at_risk=at_risk,
        events=events, confidence=confidence,
    )  # fmt: skip
    rows = fit.table[fit.table["term"].isin(columns)].reset_index(drop=True)
    seen = cells[events].astype(float).groupby([held, when]).sum()
    rows = rows.drop(columns=["term", "level"]).assign(events=[int(seen.get(name, 0)) for name in names])
    rows.insert(0, "band", [name for _, name in names])
    rows.insert(0, "level", [level for level, _ in names])
    contrasts, kept = [], list(fit.covariance.columns)
    places = {
        name: kept.index((column, "")) for name, column in zip(names, columns, strict=True) if (column, "") in kept
    }
    slopes = fit.table.set_index(["term", "level"])["log_ratio"].reindex(kept).to_numpy(float)
    for level in levels:
        own = [places[level, name] for name in bands if (level, name) in places]
        for other in own[1:]:
            contrast = np.zeros(len(kept))
            contrast[[own[0], other]] = -1.0, 1.0
            contrasts.append(contrast)
    if not contrasts:
        return Banded(rows, reference, float("nan"), 0, float("nan"))
    matrix = np.array(contrasts)
    apart = matrix @ slopes
    statistic = float(apart @ np.linalg.pinv(matrix @ fit.covariance.to_numpy() @ matrix.T, hermitian=True) @ apart)
    return Banded(rows, reference, statistic, len(contrasts), float(stats.chi2.sf(statistic, len(contrasts))))
