"""Hazard ratios from counts: how many were at risk and how many ended, per cell of what is known of them.

The model is proportional hazards for grouped time: in a cell of stratum s with covariates x the chance of an event
within the person-month is ``h = 1 − exp(−exp(α_s + x'β))``, so that ``exp(β)`` is a hazard ratio and each stratum has a
baseline of its own. A million person-months cost no more than the cells they fall into, and the likelihood of the cells
is that of the single person-months. Delayed entry and censoring are in the counts and need nothing further.

References
----------
Prentice and Gloeckler (1978); Allison (1982) for person-periods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, stats

from customer_value.stats.grouped_jackknife import left_out
from customer_value.stats.grouped_likelihood import Coefficients, Counts, Maximum, aliased, inverse, maximise
from customer_value.stats.jackknife import delete_a_group_covariance

NOT_STATED = "not stated"
"""How the level of a category is called where it is missing: a level of its own."""

STATUS = ("estimated", "uninformed", "constant", "collinear", "unbounded")
"""What became of a column: estimated; no stratum has both events and months without; the same in all of each stratum; a
combination of columns before it; growing without bound, because all events fall on one side of it."""

_REACH = 15.0
"""Log ratio over a column's whole range, a ratio of three million, that stands for infinity in a profile."""


@dataclass(frozen=True)
class Design:
    """How cells become numbers: which stratum each is in, and its row of the design matrix."""

    terms: tuple[str, ...]
    categories: Mapping[str, pd.Index]
    """Levels of each category; the first is the reference."""
    strata: tuple[str, ...]
    baselines: pd.MultiIndex
    """Every stratum that there are counts in, in order."""

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Term and level of each column of the design matrix; the level of a numeric term is empty."""
        dummies = [(name, str(level)) for name, levels in self.categories.items() for level in levels[1:]]
        return [*dummies, *((term, "") for term in self.terms)]

    def matrix(self, cells: pd.DataFrame) -> np.ndarray:
        """One row a cell; missing where a level was never seen."""
        blocks = []
        for name, levels in self.categories.items():
            codes = levels.get_indexer(_labelled(cells[name]))
            dummies = (codes[:, None] == np.arange(1, len(levels))).astype(float)
            dummies[codes < 0] = np.nan
            blocks.append(dummies)
        blocks.append(cells[list(self.terms)].to_numpy(float).reshape(len(cells), len(self.terms)))
        return np.hstack(blocks)

    def stratum(self, cells: pd.DataFrame) -> np.ndarray:
        """Position of each cell's stratum among the baselines; −1 where it was never seen."""
        return self.baselines.get_indexer(_keys(cells, self.strata))


@dataclass(frozen=True)
class HazardFit:
    """A fitted model.

    Attributes
    ----------
    table : one row a column of the design: ``term, level`` (empty for numeric terms), ``log_ratio, standard_error,
        ratio, low, high, p, status`` (one of `STATUS`). Only ``estimated`` rows have a ratio; an ``unbounded`` numeric
        term has the limit on its near side (profile likelihood) and the p-value of the likelihood ratio
    events, at_risk : counts in strata that can inform: those with events and with person-months that had none
    uninformative : person-months in the other strata
    covariance : of the estimated log ratios, by ``(term, level)``
    references : the level that each category's ratios are against
    level : confidence of the limits
    groups : how many groups the jackknife left out one at a time; 0 for model standard errors
    notes : caveats as sentences
    """

    table: pd.DataFrame
    events: int
    at_risk: int
    uninformative: int
    covariance: pd.DataFrame
    references: Mapping[str, str]
    level: float
    groups: int
    notes: tuple[str, ...]
    design: Design = field(repr=False)
    coefficients: Coefficients = field(repr=False)
    replicates: tuple[Coefficients, ...] = field(repr=False)
    """The coefficients with each group left out."""
    information: np.ndarray = field(repr=False)
    """Information on each baseline; 0 where it is infinite."""
    means: np.ndarray = field(repr=False)
    """Each stratum's mean design row, weighted by information: how the baseline leans on the slopes."""

    def predict(self, cells: pd.DataFrame) -> np.ndarray:
        """Chance of an event within the person-month, one number a row of ``cells``.

        Parameters
        ----------
        cells : the columns of terms, categories and strata

        Returns
        -------
        0 in strata without events, 1 where everybody had one; missing for strata and levels never seen.
        """
        hazard = self.coefficients.hazard(self.design.stratum(cells), self.design.matrix(cells))
        return -np.expm1(-hazard)

    def slope_covariance(self) -> np.ndarray:
        """Covariance of all slopes in the order of the design, 0 for those that are not estimated."""
        estimated = (self.table["status"] == "estimated").to_numpy()
        full = np.zeros((len(estimated), len(estimated)))
        full[np.ix_(estimated, estimated)] = self.covariance.to_numpy()
        return full


def fit(
    cells: pd.DataFrame,
    *,
    terms: Sequence[str],
    categories: Sequence[str] = (),
    strata: Sequence[str] = (),
    at_risk: str = "at_risk",
    events: str = "events",
    group: str | None = None,
    no_reference: Sequence[str] = (),
    confidence: float = 0.95,
) -> HazardFit:
    """Hazard ratios of proportional hazards from person-month counts, by maximum likelihood.

    Parameters
    ----------
    cells : one row a cell (or a single person-month), with columns of counts and covariates; rows that agree in all
        covariates are added up first, so that cells and single person-months give the same numbers to the last bit
    terms : numeric columns, finite; a ratio is per unit
    categories : columns whose levels are compared with the level that informs most; a missing level is a level
    strata : columns whose combinations each have their own baseline; a missing value is a value
    at_risk, events : columns of counts, ``0 ≤ events ≤ at_risk``
    group : for recurrent outcomes, a column of equal-sized random groups of subjects: standard errors by leaving out a
        group at a time, with an exact refit, and a t quantile. None: the model's own, from the observed information,
        with a normal quantile, right for an event that ends a subject's time at risk
    no_reference : levels that none is compared with, however much they inform, unless there is no other
    confidence : of the limits

    Returns
    -------
    HazardFit. A column that is a linear combination of the baselines and of the columns before it (categories come
    first, then terms in their order) is not estimated, and its ``status`` says so.

    Raises
    ------
    ValueError : counts or terms are impossible

    References
    ----------
    Prentice and Gloeckler (1978); Efron and Hinkley (1978) for the observed information; Kott (2001) for the jackknife;
    Pregibon (1981) for its one-step form.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got: {confidence!r}")
    cells = _checked(cells, terms, at_risk=at_risk, events=events)
    design = _design(cells, terms, categories, strata, no_reference, at_risk=at_risk, events=events)
    counts, pattern = _patterns(cells, design, at_risk=at_risk, events=events)
    used = counts.informative()
    status = aliased(used)
    free = status == "estimated"
    top = maximise(used.select(free))
    endless = top.endless(used.ranges()[free])
    status[np.flatnonzero(free)[endless]] = "unbounded"
    estimated = status == "estimated"
    covariance = inverse(top.schur[np.ix_(~endless, ~endless)])
    slopes = np.zeros(len(status))
    slopes[free] = top.slopes
    replicates: tuple[Coefficients, ...] = ()
    if group is not None:
        codes = pd.factorize(cells[group], sort=True)[0]
        start = Coefficients(counts.baselines(used, top.baseline), slopes)
        sizes = cells[[at_risk, events]].to_numpy(float)
        replicates = tuple(left_out(counts, pattern, codes, sizes, start, top, free))
        drawn = np.array([one.slopes[estimated] for one in replicates]).reshape(len(replicates), estimated.sum())
        covariance = delete_a_group_covariance(drawn)
    groups = None if group is None else len(replicates)
    table = pd.DataFrame(design.columns, columns=["term", "level"], dtype=object)
    table = table.assign(log_ratio=np.where(estimated, slopes, np.nan), standard_error=np.nan)
    table.loc[estimated, "standard_error"] = np.sqrt(np.diag(covariance))
    margin = _quantile(confidence, groups) * table["standard_error"]
    with np.errstate(over="ignore"):
        table["ratio"] = np.exp(table["log_ratio"])
        table["low"], table["high"] = np.exp(table["log_ratio"] - margin), np.exp(table["log_ratio"] + margin)
    table["p"] = _p(table["log_ratio"] / table["standard_error"], groups)
    table["status"] = status
    # Of a category the levels are there to adjust for, and a profile costs dozens of fits.
    numeric = table["term"].isin(design.terms).to_numpy()
    for column in np.flatnonzero((status == "unbounded") & numeric) if group is None else ():
        limits = _profiled(used.select(free), top, int(free[:column].sum()), confidence)
        table.loc[column, ["low", "high", "p"]] = limits
    names = [name for name, one in zip(design.columns, estimated, strict=True) if one]
    labels = pd.MultiIndex.from_tuples(names, names=["term", "level"]) if names else pd.Index([])
    means = np.zeros((len(counts.starts), len(status)))
    means[np.ix_(used.strata, free)] = top.means
    information = np.zeros(len(counts.starts))
    information[used.strata] = top.information
    return HazardFit(
        table=table,
        events=int(used.d.sum()),
        at_risk=int(used.n.sum()),
        uninformative=int(counts.n.sum() - used.n.sum()),
        covariance=pd.DataFrame(covariance, index=labels, columns=labels),
        references={name: str(levels[0]) for name, levels in design.categories.items() if len(levels)},
        level=confidence,
        groups=len(replicates),
        notes=tuple(_notes(table, counts, used, grouped=group is not None)),
        design=design,
        coefficients=Coefficients(counts.baselines(used, top.baseline), slopes),
        replicates=replicates,
        information=information,
        means=means,
    )


# --- from cells to counts per pattern --------------------------------------------------------------------------------


def _checked(cells: pd.DataFrame, terms: Sequence[str], *, at_risk: str, events: str) -> pd.DataFrame:
    n, d = cells[at_risk].to_numpy(float), cells[events].to_numpy(float)
    if not np.all((d >= 0) & (d <= n) & np.isfinite(n)):
        raise ValueError(f"counts must satisfy 0 ≤ {events} ≤ {at_risk}")
    for term in terms:
        if not np.isfinite(cells[term].to_numpy(float)).all():
            raise ValueError(f"a term must be a finite number in every cell, got: {term} with values missing")
    return cells[n > 0]


def _design(
    cells: pd.DataFrame,
    terms: Sequence[str],
    categories: Sequence[str],
    strata: Sequence[str],
    no_reference: Sequence[str],
    *,
    at_risk: str,
    events: str,
) -> Design:
    levels = {}
    for name in categories:
        # A reference without events, or with nothing else, would leave every other level without bound.
        totals = cells.groupby(_labelled(cells[name]), sort=True)[[at_risk, events]].sum().astype(float)
        informing = np.minimum(totals[events], totals[at_risk] - totals[events]).to_numpy()
        informing = np.where(totals.index.isin(list(no_reference)), -1.0, informing)
        reference = totals.index[[int(np.argmax(informing))]] if len(totals) else totals.index
        levels[name] = reference.append(totals.index.drop(reference))
    baselines = _keys(cells, strata).unique().sort_values()
    return Design(terms=tuple(terms), categories=levels, strata=tuple(strata), baselines=baselines)


def _labelled(values: pd.Series) -> pd.Series:
    """Levels as they are, in a plain column; missing ones named."""
    return values.astype(object).where(values.notna(), NOT_STATED)


def _keys(cells: pd.DataFrame, strata: Iterable[str]) -> pd.MultiIndex:
    columns = list(strata)
    if not columns:
        return pd.MultiIndex.from_arrays([np.zeros(len(cells), dtype=int)])
    return pd.MultiIndex.from_frame(cells[columns])


def _patterns(cells: pd.DataFrame, design: Design, *, at_risk: str, events: str) -> tuple[Counts, np.ndarray]:
    """Counts added up over cells that agree in all covariates, and which pattern each cell is."""
    keys = {"stratum": design.stratum(cells)}
    for position, (name, levels) in enumerate(design.categories.items()):
        keys[f"category_{position}"] = levels.get_indexer(_labelled(cells[name]))
    for position, term in enumerate(design.terms):
        keys[f"term_{position}"] = cells[term].to_numpy(float)
    frame = pd.DataFrame(keys)
    pattern = frame.groupby(list(keys), sort=True).ngroup().to_numpy(int)
    first = np.unique(pattern, return_index=True)[1]
    counts = Counts(
        n=np.bincount(pattern, cells[at_risk].to_numpy(float)),
        d=np.bincount(pattern, cells[events].to_numpy(float)),
        x=design.matrix(cells.iloc[first]),
        starts=np.flatnonzero(np.diff(keys["stratum"][first], prepend=-1)),
        strata=np.arange(len(design.baselines)),
    )
    return counts, pattern


# --- intervals -------------------------------------------------------------------------------------------------------


def _quantile(confidence: float, groups: int | None) -> float:
    if groups is None:
        return float(stats.norm.ppf(0.5 + confidence / 2))
    return float(stats.t.ppf(0.5 + confidence / 2, groups - 1)) if groups > 1 else float("nan")


def _p(z: pd.Series, groups: int | None) -> np.ndarray:
    """Two-sided p-values; of a t distribution where groups were left out."""
    z = np.abs(z.to_numpy(float))
    if groups is None:
        return 2 * stats.norm.sf(z)
    return 2 * stats.t.sf(z, groups - 1) if groups > 1 else np.full(len(z), np.nan)


def _profiled(counts: Counts, top: Maximum, column: int, confidence: float) -> tuple[float, float, float]:
    """Limits of a ratio that is 0 or infinite, from the profile likelihood, and the likelihood ratio's p-value."""
    others = np.arange(counts.x.shape[1]) != column
    values, rest = counts.x[:, column], counts.select(others)

    def fallen(slope: float) -> float:
        """Twice the log-likelihood lost by holding the slope here."""
        held = maximise(rest, slopes=top.slopes[others], offset=slope * values)
        return 2 * (top.log_likelihood - held.log_likelihood)

    allowed = float(stats.chi2.ppf(confidence, 1))
    sign = float(np.sign(top.slopes[column]))
    reach = _REACH / float(np.ptp(values))
    # At the far end nothing is lost, at the other more than is allowed, unless there is hardly an event.
    inner = -sign * reach
    p = float(stats.chi2.sf(max(fallen(0.0), 0.0), 1))
    if fallen(inner) <= allowed:
        return 0.0, float("inf"), p
    limit = float(np.exp(optimize.brentq(lambda slope: fallen(slope) - allowed, inner, sign * reach, xtol=1e-8)))
    return (0.0, limit, p) if sign < 0 else (limit, float("inf"), p)


def _notes(table: pd.DataFrame, counts: Counts, used: Counts, *, grouped: bool) -> Iterable[str]:
    names = [f"{term} {level}".strip() for term, level in zip(table["term"], table["level"], strict=True)]

    def having(status: str) -> str:
        return ", ".join(name for name, one in zip(names, table["status"], strict=True) if one == status)

    without = counts.n.sum() - used.n.sum()
    if without and len(used.n):
        yield (
            f"{without:,.0f} of {counts.n.sum():,.0f} person-months are in strata in which no event fell, or nothing "
            "but events, and cannot inform."
        )
    if not len(used.n):
        yield "There is no stratum with events and with person-months that had none: nothing can be estimated."
        return
    if found := having("constant"):
        yield f"Not estimated, being the same throughout each stratum: {found}."
    if found := having("collinear"):
        yield f"Not estimated, being settled by the columns before: {found}."
    if found := having("unbounded"):
        yield (
            f"All events fall on one side of {found}: the ratio is 0 or infinite, and only a limit on one side "
            "can be given."
        )
    lost = (table["status"] == "estimated") & table["standard_error"].isna()
    if grouped and lost.any():
        listed = ", ".join(name for name, one in zip(names, lost, strict=True) if one)
        yield f"Without some group of subjects there is no estimate, so that no interval can be given: {listed}."
