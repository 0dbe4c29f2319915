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
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from customer_value.stats.jackknife import delete_a_group_covariance

NOT_STATED = "not stated"
"""How the level of a category is called where it is missing: a level of its own."""

STATUS = ("estimated", "uninformed", "constant", "collinear", "unbounded")
"""What became of a column: estimated; no stratum has both events and months without; the same in all of each stratum; a
combination of columns before it; growing without bound, because all events fall on one side of it."""

_ALIASED = 1e-10
"""Share of a column's variation within strata that must be left after the columns before it."""
_UNBOUNDED = 100.0
"""Standard error of the log ratio over a column's whole range that says the likelihood flattens towards infinity: less
than a ten-thousandth of an event informs it."""
_REACH = 15.0
"""Log ratio over a column's whole range, a ratio of three million, that stands for infinity in a profile."""
_TOLERANCE = 1e-18
"""Newton's decrement, twice the log-likelihood still to be gained, at which it stops."""
_LARGEST = 50.0
"""Logarithm of the largest cumulative hazard that is told from larger ones, and less of the smallest."""
_STRIDE = 5.0
_TINY = 1e-300


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
class Coefficients:
    """Baselines (log cumulative hazard of each stratum, −∞ without events, ∞ with nothing else) and slopes."""

    baseline: np.ndarray
    slopes: np.ndarray

    def hazard(self, stratum: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Cumulative hazard over the person-month, ``exp(α + x'β)``; missing for strata and levels never seen."""
        known = np.where(stratum < 0, np.nan, self.baseline[stratum]) if self.baseline.size else np.nan
        with np.errstate(over="ignore"):
            return np.exp(known + matrix @ self.slopes)


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
    Prentice and Gloeckler (1978); Efron and Hinkley (1978) for the observed information; Kott (2001) for the jackknife.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got: {confidence!r}")
    cells = _checked(cells, terms, at_risk=at_risk, events=events)
    design = _design(cells, terms, categories, strata, at_risk=at_risk, events=events)
    counts, pattern = _patterns(cells, design, at_risk=at_risk, events=events)
    used = counts.informative()
    status = _aliased(used)
    free = status == "estimated"
    top = _maximise(used.select(free))
    endless = top.endless(used.ranges()[free])
    status[np.flatnonzero(free)[endless]] = "unbounded"
    estimated = status == "estimated"
    covariance = _inverse(top.schur[np.ix_(~endless, ~endless)])
    slopes = np.zeros(len(status))
    slopes[free] = top.slopes
    replicates: tuple[Coefficients, ...] = ()
    if group is not None:
        codes = pd.factorize(cells[group], sort=True)[0]
        start = Coefficients(counts.baselines(used, top.baseline), slopes)
        sizes = cells[[at_risk, events]].to_numpy(float)
        replicates = tuple(_left_out(counts, pattern, codes, sizes, start, free))
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


@dataclass(frozen=True)
class _Counts:
    """Person-months at risk and events by pattern of covariates, in order of stratum."""

    n: np.ndarray
    d: np.ndarray
    x: np.ndarray
    starts: np.ndarray
    """First row of each stratum."""
    strata: np.ndarray
    """Which of all strata these are."""

    @property
    def sizes(self) -> np.ndarray:
        return np.diff(np.append(self.starts, len(self.n)))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Of each stratum."""
        return np.add.reduceat(values, self.starts, axis=0) if len(self.starts) else values[:0]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """One value a stratum to its rows."""
        return np.repeat(values, self.sizes, axis=0)

    def ranges(self) -> np.ndarray:
        """Largest less smallest value of each column."""
        return np.ptp(self.x, axis=0) if len(self.x) else np.zeros(self.x.shape[1])

    def select(self, columns: np.ndarray) -> _Counts:
        return replace(self, x=self.x[:, columns])

    def informative(self) -> _Counts:
        """Without strata that nobody or everybody had an event in: their baselines are infinite, whatever β is."""
        n, d = self.sums(self.n), self.sums(self.d)
        kept = (d > 0) & (d < n)
        rows = self.spread(kept) & (self.n > 0)
        stratum = np.repeat(np.arange(len(kept)), self.sizes)[rows]
        starts = np.flatnonzero(np.diff(stratum, prepend=-1))
        return _Counts(self.n[rows], self.d[rows], self.x[rows], starts, self.strata[kept])

    def baselines(self, used: _Counts, found: np.ndarray) -> np.ndarray:
        """Of all strata: what was found in those used, −∞ where nobody had an event, ∞ where everybody had one."""
        everyone = self.sums(self.d) >= self.sums(self.n)
        baseline = np.where(everyone & (self.sums(self.n) > 0), np.inf, -np.inf)
        baseline[used.strata] = found
        return baseline


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
    *,
    at_risk: str,
    events: str,
) -> Design:
    levels = {}
    for name in categories:
        # A reference without events, or with nothing else, would leave every other level without bound.
        totals = cells.groupby(_labelled(cells[name]), sort=True)[[at_risk, events]].sum().astype(float)
        informing = np.minimum(totals[events], totals[at_risk] - totals[events]).to_numpy()
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


def _patterns(cells: pd.DataFrame, design: Design, *, at_risk: str, events: str) -> tuple[_Counts, np.ndarray]:
    """Counts added up over cells that agree in all covariates, and which pattern each cell is."""
    keys = {"stratum": design.stratum(cells)}
    for position, (name, levels) in enumerate(design.categories.items()):
        keys[f"category_{position}"] = levels.get_indexer(_labelled(cells[name]))
    for position, term in enumerate(design.terms):
        keys[f"term_{position}"] = cells[term].to_numpy(float)
    frame = pd.DataFrame(keys)
    pattern = frame.groupby(list(keys), sort=True).ngroup().to_numpy(int)
    first = np.unique(pattern, return_index=True)[1]
    counts = _Counts(
        n=np.bincount(pattern, cells[at_risk].to_numpy(float)),
        d=np.bincount(pattern, cells[events].to_numpy(float)),
        x=design.matrix(cells.iloc[first]),
        starts=np.flatnonzero(np.diff(keys["stratum"][first], prepend=-1)),
        strata=np.arange(len(design.baselines)),
    )
    return counts, pattern


# --- maximum likelihood ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Maximum:
    baseline: np.ndarray
    slopes: np.ndarray
    log_likelihood: float
    information: np.ndarray
    means: np.ndarray
    schur: np.ndarray
    """Information on the slopes, the baselines being unknown."""

    def endless(self, ranges: np.ndarray) -> np.ndarray:
        """Which slopes grow without bound: all events fall on one side of their columns, alone or together."""
        if not len(ranges):
            return np.zeros(0, dtype=bool)
        information, directions = np.linalg.eigh(self.schur * ranges[:, None] * ranges)
        floor = np.maximum(information, 1e-14 * max(float(information[-1]), 1.0))
        return (directions**2 / floor).sum(axis=1) > _UNBOUNDED**2


def _aliased(counts: _Counts) -> np.ndarray:
    """The status of each column: whether it varies within strata, and beyond the columns before it."""
    columns = counts.x.shape[1]
    status = np.full(columns, "constant", dtype=object)
    if not len(counts.n):
        return np.full(columns, "uninformed", dtype=object)
    centred = counts.x - counts.spread(counts.sums(counts.n[:, None] * counts.x) / counts.sums(counts.n)[:, None])
    scale = np.sqrt(counts.n @ centred**2)
    level = np.sqrt(counts.n @ counts.x**2)
    # One direction a row, so that each is contiguous.
    basis, found = np.empty((columns, len(counts.n))), 0
    for column in range(columns):
        if scale[column] <= np.sqrt(_ALIASED) * level[column]:
            continue
        rest = np.sqrt(counts.n) * centred[:, column] / scale[column]
        # Twice, for what rounding left of the first pass.
        for _ in range(2):
            rest = rest - (basis[:found] @ rest) @ basis[:found]
        left = float(rest @ rest)
        if left <= _ALIASED:
            status[column] = "collinear"
            continue
        status[column] = "estimated"
        basis[found] = rest / np.sqrt(left)
        found += 1
    return status


def _log_likelihood(counts: _Counts, eta: np.ndarray) -> float:
    rate = np.exp(np.clip(eta, -_LARGEST, _LARGEST))
    return float(np.sum(counts.d * np.log(-np.expm1(-rate)) - (counts.n - counts.d) * rate))


def _maximise(
    counts: _Counts,
    *,
    baseline: np.ndarray | None = None,
    slopes: np.ndarray | None = None,
    offset: np.ndarray | float = 0.0,
    steps: int = 100,
) -> _Maximum:
    """Newton's method on the log-likelihood, which is concave; each stratum's baseline is eliminated from the system.

    Information on baselines is diagonal, so that the slopes' system is that of columns centred on each stratum's mean,
    weighted by information, however many strata there are.
    """
    if baseline is None:
        baseline = np.log(-np.log1p(-counts.sums(counts.d) / counts.sums(counts.n)))
    slopes = np.zeros(counts.x.shape[1]) if slopes is None else slopes
    eta = counts.spread(baseline) + counts.x @ slopes + offset
    value = _log_likelihood(counts, eta)
    for step in range(steps + 1):
        rate = np.exp(np.clip(eta, -_LARGEST, _LARGEST))
        with np.errstate(over="ignore"):
            ratio = rate / np.expm1(rate)
        score = counts.d * ratio - (counts.n - counts.d) * rate
        weight = counts.d * ratio * (rate / -np.expm1(-rate) - 1) + (counts.n - counts.d) * rate
        # In a stratum that is close to settled nothing is left to inform, nor to move.
        information = np.maximum(counts.sums(weight), _TINY)
        means = counts.sums(weight[:, None] * counts.x) / information[:, None]
        centred = counts.x - counts.spread(means)
        schur = centred.T @ (weight[:, None] * centred)
        gradient, baseline_gradient = centred.T @ score, counts.sums(score)
        slope_step = _inverse(schur) @ gradient
        baseline_step = baseline_gradient / information - means @ slope_step
        decrement = float(gradient @ slope_step + np.sum(baseline_gradient**2 / information))
        found = _Maximum(baseline, slopes, value, information, means, schur)
        if decrement <= _TOLERANCE or step == steps:
            break
        direction = counts.spread(baseline_step) + counts.x @ slope_step
        # Far from the maximum a quadratic is a poor guide: no hazard moves by more than a factor in one step.
        length = min(1.0, _STRIDE / max(float(np.abs(direction).max()), _TINY))
        while (reached := _log_likelihood(counts, eta + length * direction)) < value - 1e-12 * (1 + abs(value)):
            length /= 2
        baseline, slopes = baseline + length * baseline_step, slopes + length * slope_step
        eta, value = eta + length * direction, reached
    return found


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Of a positive definite matrix, scaled first: a column near infinity has almost no information."""
    if not len(matrix):
        return matrix
    scale = 1 / np.sqrt(np.maximum(np.diag(matrix), _TINY))
    return scale[:, None] * np.linalg.pinv(matrix * scale[:, None] * scale, hermitian=True) * scale


# --- intervals -------------------------------------------------------------------------------------------------------


def _left_out(
    counts: _Counts,
    pattern: np.ndarray,
    codes: np.ndarray,
    sizes: np.ndarray,
    start: Coefficients,
    free: np.ndarray,
    *,
    steps: int = 100,
) -> Iterable[Coefficients]:
    """The coefficients with each group left out, each refit started from those of all groups.

    A slope that cannot be estimated without some group is missing there.
    """
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        n, d = (np.bincount(pattern[rows], sizes[rows, column], len(counts.n)) for column in (0, 1))
        rest = replace(counts, n=counts.n - n, d=counts.d - d)
        used = rest.informative()
        known = free & (_aliased(used) == "estimated")
        top = _maximise(
            used.select(known),
            baseline=start.baseline[used.strata],
            slopes=start.slopes[known],
            steps=steps,
        )
        slopes = np.where(free, np.nan, 0.0)
        slopes[known] = np.where(top.endless(used.ranges()[known]), np.nan, top.slopes)
        yield Coefficients(rest.baselines(used, top.baseline), slopes)


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


def _profiled(counts: _Counts, top: _Maximum, column: int, confidence: float) -> tuple[float, float, float]:
    """Limits of a ratio that is 0 or infinite, from the profile likelihood, and the likelihood ratio's p-value."""
    others = np.arange(counts.x.shape[1]) != column
    values, rest = counts.x[:, column], counts.select(others)

    def fallen(slope: float) -> float:
        """Twice the log-likelihood lost by holding the slope here."""
        held = _maximise(rest, slopes=top.slopes[others], offset=slope * values)
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


def _notes(table: pd.DataFrame, counts: _Counts, used: _Counts, *, grouped: bool) -> Iterable[str]:
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
