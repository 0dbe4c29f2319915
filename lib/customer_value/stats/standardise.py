"""Groups made comparable: what each would show if the whole base belonged to it (g-computation).

A stated model learns the outcome from group and covariates; its predictions, with everybody put into the group and then
with everybody put outside it, are averaged over the same base. What is left is the difference at equal covariates.

Shares (of observations, or of a weight) take a logistic model, ratios of sums, which may exceed 1, a linear one. With
no covariates a share's estimate and interval are those of the raw comparison, Newcombe's, and p that of the score test.
The choices are argued, with the coverage and error rates found by simulation, in `docs/methods.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from customer_value.stats import intervals
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.intervals import Difference
from customer_value.stats.saddlepoint import two_sided_p

Over = Literal["all", "group", "rest"]
"""Whom the predictions are averaged over: the whole base, the group itself (effect on the treated), or the rest."""

HARDLY_OVERLAP = 0.5
"""Where less of the base than this lies in the range that both groups share, a comparison extrapolates."""

NO_OVERLAP = 0.05
"""Where less of the base than this does, there is nobody to compare with: an estimate would be the model's alone."""

_COVARIATE_SD = 2.5
"""Of the normal prior on a covariate's log odds, of a level or of one standard deviation (Gelman et al. 2008)."""
_ANCHOR_SD = 100.0
"""Of the prior on intercept and group: only keeps them finite where nobody, or everybody, has the outcome."""
_APART = 0.01
"""Where less of the group's variation than this is left by the covariates, group and covariates are one thing."""
_KNOTS = {3: (0.10, 0.50, 0.90), 5: (0.05, 0.275, 0.50, 0.725, 0.95)}
"""Quantiles of a spline's knots (Harrell 2015, table 2.3)."""
_MOST_STEPS = 100
_MOST_INFLATION = 4.0

TABLE = ("estimate", "low", "high", "n", "n_rest", "share", "rest_share", "standard_error", "p", "overlap")
"""What every row of `standardised_shares` carries."""


def standardised_shares(
    outcome: npt.ArrayLike,
    group: npt.ArrayLike,
    covariates: pd.DataFrame,
    *,
    weight: npt.ArrayLike | None = None,
    reference: object | None = None,
    over: Over = "all",
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> pd.DataFrame:
    """The share each group would have if the whole base belonged to it, less that of the rest.

    Parameters
    ----------
    outcome : between 0 and 1, one entry an observation: yes or no, or the part of its weight that has it
    group : each observation's group; a missing one is in the base and in no comparison
    covariates : numbers, booleans or names, one row an observation; see `design`
    weight : what each observation counts; all alike when None
    reference : the group that each other is compared with; None for all others taken together
    over : the base that is averaged over
    confidence, min_group : of the intervals; smallest group, on either side, that is compared

    Returns
    -------
    One row a group (but the reference), indexed by it in sorted order, columns `TABLE`: ``estimate`` is ``share`` less
    ``rest_share``, both standardised; ``overlap`` the share of the base in the range that both sides have in common
    (below `HARDLY_OVERLAP` the comparison extrapolates). Numbers are missing for small groups and where covariates
    determine the group.

    Raises
    ------
    ValueError : lengths differ, the outcome leaves 0 to 1, a weight is negative, or the reference is no group

    References
    ----------
    Robins (1986) for g-computation; Dey et al. (2017) for the test; see `ShareModel`.
    """
    names = pd.Series(np.asarray(group, dtype=object))
    levels = sorted(names.dropna().unique(), key=str)
    if reference is not None and reference not in levels:
        raise ValueError(f"reference must be one of {levels}, got: {reference!r}")
    columns = design(covariates)
    rows = {}
    for level in levels:
        if level == reference:
            continue
        inside = (names == level).to_numpy()
        outside = (names == reference).to_numpy() if reference is not None else (names.notna() & ~inside).to_numpy()
        row: dict[str, float] = {"n": int(inside.sum()), "n_rest": int(outside.sum())}
        if shown(row["n"], min_group) and shown(row["n_rest"], min_group):
            among = inside | outside
            model = ShareModel.fit(outcome, inside, columns, weight=weight, among=among)
            row["overlap"] = common_range(inside, columns, among=among)
            found = model.contrast(over=over)
            if found is not None:
                difference = found.difference(confidence=confidence)
                row |= {"estimate": difference.estimate, "low": difference.low, "high": difference.high}
                row |= {"share": found.share, "rest_share": found.rest_share, "p": difference.p}
                row["standard_error"] = found.standard_error
        rows[level] = row
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TABLE))


def design(covariates: pd.DataFrame, *, knots: int = 3, fewest: int = 10, most_levels: int = 10) -> np.ndarray:
    """Covariates as columns of a model, without an intercept.

    A number enters as a restricted cubic spline of its standard score, linear beyond the outer knots, so that a heavy
    tail bends nothing; where it has too few values for that, as it is. Names and booleans enter as one column a level
    but the commonest; levels of fewer than ``fewest`` observations, and all beyond the ``most_levels`` commonest, are
    one level. What is missing is a level of its own, never dropped; a number that is missing stands at the mean.

    Parameters
    ----------
    covariates : one row an observation
    knots : of each spline, 3 or 5

    Returns
    -------
    One row an observation; constant columns are left out.
    """
    columns: list[np.ndarray] = []
    for name in covariates.columns:
        values = covariates[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns += _number(values.to_numpy(dtype=float, na_value=np.nan), knots)
        else:
            columns += _levels(values, fewest=fewest, most_levels=most_levels)
    varying = [column for column in columns if np.ptp(column) > 0]
    return np.column_stack(varying) if varying else np.empty((len(covariates), 0))


def common_range(inside: npt.ArrayLike, columns: np.ndarray, *, among: npt.ArrayLike | None = None) -> float:
    """Share of the base whose chance of being in the group, given the covariates, both sides have in common.

    The chance comes from a logistic model; a side's range runs from its 1st to its 99th percentile. 1 where the
    covariates say nothing of the group, 0 where they tell it entirely. Where it is low, what the group would show on
    the rest of the base is the model's word and no observation's.

    Parameters
    ----------
    inside : whether each observation is in the group
    columns : as `design` gives them
    among : which observations are compared; all of them are the base
    """
    inside = np.asarray(inside, dtype=bool)
    among = np.ones(inside.shape, dtype=bool) if among is None else np.asarray(among, dtype=bool)
    outside = among & ~inside
    if not inside.any() or not outside.any():
        return float("nan")
    x = _with_intercept(columns)
    coefficients = _fit(x[among], inside[among].astype(float), np.ones(int(among.sum())), _precision(x.shape[1]))
    chance = x @ coefficients
    ends = [np.quantile(chance[side], (0.01, 0.99)) for side in (inside, outside)]
    low, high = max(end[0] for end in ends), min(end[1] for end in ends)
    # The same covariates may give chances that differ in the last digit.
    slack = 1e-9 * (1 + np.abs(chance).max())
    return float(np.mean((chance >= low - slack) & (chance <= high + slack)))


@dataclass(frozen=True)
class ShareContrast:
    """Standardised share of a group and of the rest, with their joint uncertainty.

    Attributes
    ----------
    share, rest_share : if everybody belonged to the group; if nobody did
    covariance : of the two, 2 × 2
    p : two-sided, of no difference at equal covariates
    """

    share: float
    rest_share: float
    covariance: np.ndarray
    p: float

    @property
    def estimate(self) -> float:
        """The share of the group less that of the rest."""
        return self.share - self.rest_share

    @property
    def standard_error(self) -> float:
        """Of the difference, by the delta method."""
        (one, both), (_, two) = self.covariance
        return float(np.sqrt(max(one + two - 2 * both, 0.0)))

    @property
    def effective_n(self) -> tuple[float, float]:
        """Sizes of simple samples that would tell as much of either share."""
        shares = np.array([self.share, self.rest_share])
        with np.errstate(divide="ignore", invalid="ignore"):
            one, two = shares * (1 - shares) / np.diag(self.covariance)
        return float(one), float(two)

    def difference(self, *, confidence: float = 0.95) -> Difference:
        """The difference with an interval from Wilson's limits of the two shares on their effective sizes.

        References
        ----------
        Zou and Donner (2008) for limits of a difference of two dependent estimates from their own.
        """
        sizes = self.effective_n
        one, two = (
            [float(end) for end in intervals.wilson(share * size, size, confidence=confidence)]
            for share, size in zip((self.share, self.rest_share), sizes, strict=True)
        )
        variances = np.diag(self.covariance)
        correlation = float(self.covariance[0, 1] / np.sqrt(variances.prod())) if variances.min() > 0 else 0.0
        low = self.estimate - _margin(one[0] - one[1], two[2] - two[0], correlation)
        high = self.estimate + _margin(one[2] - one[0], two[0] - two[1], correlation)
        return Difference(self.estimate, low, high, self.p)


@dataclass(frozen=True)
class ShareModel:
    """A logistic model of a share on group and covariates, to be standardised over any base.

    Attributes
    ----------
    x : intercept, covariates and group, one row an observation of the base
    inside, weight : of the base
    among : which of it are compared, and so learnt from
    coefficients, covariance : of the model, on the log odds
    p : two-sided, of no difference between group and rest at equal covariates
    apart : whether the covariates leave the group any variation of its own
    """

    x: np.ndarray
    inside: np.ndarray
    weight: np.ndarray
    among: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    p: float
    apart: bool

    @classmethod
    def fit(
        cls,
        outcome: npt.ArrayLike,
        inside: npt.ArrayLike,
        columns: np.ndarray,
        *,
        weight: npt.ArrayLike | None = None,
        among: npt.ArrayLike | None = None,
    ) -> ShareModel:
        """Learn the model, and test the group in it.

        Weighted quasi-binomial likelihood with a weak normal prior on the covariates, which keeps sparse levels and
        collinear columns from running away. The variance of an outcome is the binomial one, times the dispersion that
        is seen where outcomes are fractions: it does not vanish, as a variance of residuals does, in a group that lost
        nobody. p is that of the efficient score, its tail by saddlepoint, since in small groups with rare outcomes
        the normal tail is two to three times too thin. Both are widened by n / (n − covariates), n effective.

        Parameters
        ----------
        outcome : between 0 and 1
        inside : whether each observation is in the group
        columns : as `design` gives them
        weight : what each observation counts; all alike when None
        among : which observations the model learns from; the others belong to the base only

        Raises
        ------
        ValueError : lengths differ, the outcome leaves 0 to 1, or a weight is negative

        References
        ----------
        Gelman et al. (2008) for the prior; Dey et al. (2017) for the score test by saddlepoint.
        """
        outcome, inside = np.asarray(outcome, dtype=float), np.asarray(inside, dtype=bool)
        base_weight = np.ones(outcome.shape) if weight is None else np.asarray(weight, dtype=float)
        _check(outcome, inside, base_weight, columns)
        if np.any((outcome < 0) | (outcome > 1 + 1e-9)):
            raise ValueError("the outcome must lie between 0 and 1")
        learnt = _learnt(among, base_weight)
        x = np.column_stack([_with_intercept(columns), inside.astype(float)])
        y, rows = np.minimum(outcome[learnt], 1.0), x[learnt]
        w = base_weight[learnt]
        # Scaled so that the weights add up to the effective size: then the prior weighs the same whatever their unit.
        size = intervals.effective_n(w)
        w = w * (size / w.sum()) if w.sum() > 0 else w
        inflation = _inflation(size, columns.shape[1])
        covariate_precision = _precision(x.shape[1] - 1)
        precision = np.append(covariate_precision, _ANCHOR_SD**-2)

        null = _fit(rows[:, :-1], y, w, covariate_precision)
        p = _score_p(y, rows, w, null, covariate_precision, inflation)
        start = np.append(null, 0.0)
        coefficients = _fit(rows, y, w, precision, start=start)
        expected = special.expit(rows @ coefficients)
        spread = expected * (1 - expected)
        # Anchors hold intercept and group finite; they are no information, so they do not narrow the interval.
        bread = _gram(rows, w * spread) + np.diag(np.where(precision == _ANCHOR_SD**-2, 0.0, precision))
        meat = _gram(rows, w**2 * spread) * _dispersion(y, expected, w) * inflation
        inverse = np.linalg.pinv(bread, hermitian=True)
        return cls(
            x=x,
            inside=inside,
            weight=base_weight,
            among=learnt,
            coefficients=coefficients,
            covariance=inverse @ meat @ inverse,
            p=p,
            apart=_apart(rows[:, :-1], rows[:, -1], w),
        )

    def contrast(self, *, over: Over = "all") -> ShareContrast | None:
        """Group less rest, averaged over a base; None where the covariates determine the group.

        The variance has two parts: the coefficients', by the delta method, and that of the base being a sample.
        """
        if not self.apart:
            return None
        target = self.weight * _members(self.inside, self.among, over)
        target = target / target.sum()
        shares, slopes, deviations = [], [], []
        for member in (1.0, 0.0):
            x = self.x.copy()
            x[:, -1] = member
            predicted = special.expit(x @ self.coefficients)
            shares.append(float(target @ predicted))
            slopes.append(x.T @ (target * predicted * (1 - predicted)))
            deviations.append(target * (predicted - shares[-1]))
        slope, deviation = np.array(slopes), np.array(deviations)
        covariance = slope @ self.covariance @ slope.T + deviation @ deviation.T
        return ShareContrast(share=shares[0], rest_share=shares[1], covariance=covariance, p=self.p)


@dataclass(frozen=True)
class RatioContrast:
    """Standardised ratio of two sums in a group and in the rest; Student's t on ``freedom`` degrees.

    Attributes
    ----------
    share, rest_share : the ratio if everybody belonged to the group; if nobody did
    standard_error : of their difference
    """

    share: float
    rest_share: float
    standard_error: float
    freedom: float

    @property
    def estimate(self) -> float:
        """The ratio of the group less that of the rest."""
        return self.share - self.rest_share

    def difference(self, *, confidence: float = 0.95) -> Difference:
        """The difference with a t interval and the p-value that goes with it."""
        if not self.standard_error > 0:
            return Difference(self.estimate, float("nan"), float("nan"), float("nan"))
        margin = float(stats.t.ppf(0.5 + confidence / 2, self.freedom)) * self.standard_error
        p = float(2 * stats.t.sf(abs(self.estimate) / self.standard_error, self.freedom))
        return Difference(self.estimate, self.estimate - margin, self.estimate + margin, p)


def ratio_contrast(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    inside: npt.ArrayLike,
    columns: np.ndarray,
    *,
    among: npt.ArrayLike | None = None,
) -> RatioContrast | None:
    """Ratio of two sums, group less rest, at equal covariates: weighted linear g-computation.

    Least squares of each observation's own ratio, weighted by its denominator, on group and covariates. The model is
    linear, so that the group's coefficient is the standardised difference over any base; its standard error is HC3,
    which is close to the jackknife. Degrees of freedom are the smaller side's effective number less one: where prices
    have a heavy tail, a normal or n-based quantile makes far results look several times rarer than they are.

    Parameters
    ----------
    numerator, denominator : one value an observation; the denominator above 0
    inside : whether each observation is in the group
    columns : as `design` gives them
    among : which observations are compared; as the model is linear, the others change no difference

    Returns
    -------
    None where the covariates determine the group.

    References
    ----------
    MacKinnon and White (1985) for HC3.
    """
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    inside = np.asarray(inside, dtype=bool)
    _check(numerator, inside, denominator, columns)
    learnt = _learnt(among, denominator)
    numerator, denominator, inside, columns = (each[learnt] for each in (numerator, denominator, inside, columns))
    w = denominator / denominator.sum()
    x = np.column_stack([_with_intercept(columns), inside.astype(float)])
    if not _apart(x[:, :-1], x[:, -1], w):
        return None
    ratio = numerator / denominator
    inverse = np.linalg.pinv(_gram(x, w), hermitian=True)
    coefficients = inverse @ (x.T @ (w * ratio))
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x) * w
    residual = (ratio - x @ coefficients) / (1 - np.minimum(leverage, 0.95))
    pull = (x @ inverse[-1]) * w
    rest = float(w @ (x[:, :-1] @ coefficients[:-1]))
    error = float(np.sqrt(np.sum((pull * residual) ** 2)))
    # A difference of rounding size is no difference: else "nothing changed" would pass for near certainty.
    error = error if error > 1e-12 * (abs(rest) + 1) else 0.0
    # The smaller side decides how well the error is known, as in the cautious form of Welch's test.
    freedom = max(min(intervals.effective_n(denominator[side]) for side in (inside, ~inside)) - 1, 1.0)
    return RatioContrast(rest + float(coefficients[-1]), rest, error, freedom)


def _number(values: np.ndarray, knots: int) -> list[np.ndarray]:
    missing = np.isnan(values)
    if missing.all():
        return []
    mean, spread = values[~missing].mean(), values[~missing].std()
    score = np.where(missing, 0.0, (values - mean) / spread) if spread > 0 else np.zeros(values.shape)
    return [score, *_bends(score, score[~missing], knots), *([missing.astype(float)] if missing.any() else [])]


def _bends(score: np.ndarray, known: np.ndarray, knots: int) -> list[np.ndarray]:
    """The curved parts of a restricted cubic spline, each to a standard deviation of 1 (Harrell 2015, chapter 2)."""
    at = np.unique(np.quantile(known, _KNOTS[knots]))
    if len(at) < 3:
        return []
    *inner, before, last = at
    columns = []
    for knot in inner:
        column = (
            _cubed(score - knot)
            - _cubed(score - before) * (last - knot) / (last - before)
            + _cubed(score - last) * (before - knot) / (last - before)
        )
        spread = column.std()
        columns.append(column / spread if spread > 0 else column)
    return columns


def _cubed(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.0) ** 3


def _levels(values: pd.Series, *, fewest: int, most_levels: int) -> list[np.ndarray]:
    missing = values.isna().to_numpy()
    codes, names = pd.factorize(values.astype(object).where(~missing, None).astype(str).mask(missing))
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    order = sorted(range(len(names)), key=lambda code: (-sizes[code], names[code]))
    own = [code for code in order if sizes[code] >= fewest][:most_levels]
    columns = [(codes == code).astype(float) for code in own]
    columns.append((~np.isin(codes, own) & ~missing).astype(float))
    columns.append(missing.astype(float))
    columns = [column for column in columns if column.any()]
    columns.sort(key=lambda column: -column.sum())
    return columns[1:]


def _with_intercept(columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(columns)), columns])


def _precision(length: int) -> np.ndarray:
    """Of the prior on an intercept and the covariates after it."""
    precision = np.full(length, _COVARIATE_SD**-2)
    precision[0] = _ANCHOR_SD**-2
    return precision


def _gram(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return (x * w[:, None]).T @ x


def _fit(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, precision: np.ndarray, *, start: np.ndarray | None = None
) -> np.ndarray:
    """Log odds with the highest penalised likelihood, by Newton's method with halved steps; it is strictly concave."""

    def height(coefficients: np.ndarray) -> float:
        odds = x @ coefficients
        return float(w @ (y * odds - np.logaddexp(0.0, odds)) - precision @ coefficients**2 / 2)

    coefficients = np.zeros(x.shape[1]) if start is None else start
    best = height(coefficients)
    for _ in range(_MOST_STEPS):
        expected = special.expit(x @ coefficients)
        gradient = x.T @ (w * (y - expected)) - precision * coefficients
        curvature = _gram(x, w * expected * (1 - expected)) + np.diag(precision)
        step = np.linalg.solve(curvature, gradient)
        while height(coefficients + step) < best - 1e-10 * (1 + abs(best)):
            step = step / 2
        coefficients = coefficients + step
        best = height(coefficients)
        if np.abs(step).max() < 1e-8:
            break
    return coefficients


def _score_p(
    y: np.ndarray, x: np.ndarray, w: np.ndarray, null: np.ndarray, precision: np.ndarray, inflation: float
) -> float:
    """p of the group's score where it has no effect, the covariates' own scores taken out of it."""
    covariates, inside = x[:, :-1], x[:, -1]
    expected = special.expit(covariates @ null)
    information = w * expected * (1 - expected)
    explained = np.linalg.solve(
        _gram(covariates, information) + np.diag(precision), covariates.T @ (information * inside)
    )
    pull = w * (inside - covariates @ explained)
    score = float(pull @ (y - expected))
    return two_sided_p(score, pull, expected, dispersion=_dispersion(y, expected, w) * inflation)


def _dispersion(y: np.ndarray, expected: np.ndarray, w: np.ndarray) -> float:
    """How much of the binomial variance there is: 1 for yes and no, less for fractions."""
    if np.all((y == 0) | (y == 1)):
        return 1.0
    most = float(w @ (expected * (1 - expected)))
    return min(1.0, float(w @ (y - expected) ** 2) / most) if most > 0 else 1.0


def _inflation(size: float, covariates: int) -> float:
    return min(size / (size - covariates), _MOST_INFLATION) if size > covariates else _MOST_INFLATION


def _apart(covariates: np.ndarray, inside: np.ndarray, w: np.ndarray) -> bool:
    """Whether the covariates leave enough of the group's own variation to tell the two apart."""
    root = np.sqrt(w)
    explained, *_ = np.linalg.lstsq(covariates * root[:, None], inside * root, rcond=1e-10)
    left = w @ (inside - covariates @ explained) ** 2
    mean = w @ inside / w.sum()
    return bool(left > _APART * (w @ (inside - mean) ** 2))


def _members(inside: np.ndarray, among: np.ndarray, over: Over) -> np.ndarray:
    match over:
        case "all":
            return np.ones(inside.shape)
        case "group":
            return inside.astype(float)
        case "rest":
            return (among & ~inside).astype(float)
    raise ValueError(f"over must be 'all', 'group' or 'rest', got: {over!r}")


def _margin(own: float, other: float, correlation: float) -> float:
    return float(np.sqrt(max(own**2 + other**2 - 2 * correlation * own * other, 0.0)))


def _learnt(among: npt.ArrayLike | None, weight: np.ndarray) -> np.ndarray:
    return np.ones(weight.shape, dtype=bool) if among is None else np.asarray(among, dtype=bool)


def _check(outcome: np.ndarray, inside: np.ndarray, weight: np.ndarray, columns: np.ndarray) -> None:
    shapes: Sequence[tuple[int, ...]] = (outcome.shape, inside.shape, weight.shape, columns.shape[:1])
    if len(set(shapes)) != 1 or outcome.ndim != 1:
        raise ValueError(f"outcome, group, weight and covariates must be of one length, got: {shapes}")
    if np.any(weight < 0):
        raise ValueError("weights must not be negative")
