"""Retention beyond the ages observed: the shape that did best on ages held out, with its range and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.stats import parametric_survival as shapes
from customer_value.stats.result import Result
from customer_value.studies.cohort_value.terms import ALL, FEWEST_DECISIONS, Term, Terms, by_term

PARTS = ("observed", "projected", "held_out", "constant")
"""What a curve is: as observed; beyond that as the shape used has it; as that shape would have had it had the data
ended earlier; as if accounts of every age and term left at one rate."""

METHOD = (
    "Shapes fitted by maximum likelihood to decisions counted by age; the one with the least mean absolute error on "
    "ages held out continues the observed curve; bootstrap over accounts, the shape chosen anew in each sample, "
    "percentiles; terms combined by share"
)


@dataclass(frozen=True)
class Reach:
    """How far retention is projected, and how that is checked.

    Attributes
    ----------
    horizon : last age in months that is asked for
    multiple : nothing is projected beyond so many times the age up to which enough accounts are followed
    held_out : share of the observed ages, the oldest, that shapes are judged on
    replicates : samples of the bootstrap
    """

    horizon: int = 120
    multiple: float = 2.0
    held_out: float = 1 / 3
    replicates: int = 400

    def __post_init__(self) -> None:
        if not (self.horizon >= 1 and self.multiple >= 1 and 0 < self.held_out < 1 and self.replicates >= 40):
            raise SettingsError(
                "A projection needs a horizon of a month or more, a multiple of 1 or more, a share held out between 0 "
                f"and 1 and 40 replicates or more.\n  got: {self}"
            )


@dataclass(frozen=True)
class _Projected:
    """One term, projected: curves by month of age and their replicates."""

    term: Term
    shape: str
    tests: pd.DataFrame
    horizon: int
    estimate: np.ndarray
    replicates: np.ndarray
    early: np.ndarray
    kept: int


def projection(marts: Marts, *, reach: Reach | None = None, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Share of accounts still here by age: observed, projected, and projected from earlier ages as a check.

    Monthly and longer terms are fitted apart, each by its own decisions, and combined by the shares in which accounts
    began on them. Groups in which fewer than three decisions are observed are not projected, and then neither is the
    whole.

    Parameters
    ----------
    reach : how far; None for the defaults

    Returns
    -------
    Result keyed by ``group`` (`ALL` and, where there are several, each term), ``part`` (`PARTS`) and ``age`` in months;
    ``n`` at risk (0 where nobody is observed), ``shape`` used.
    """
    found, terms = _study(marts, reach or Reach(), confidence, min_group)
    tables = [_rows(each.term.name, each, terms.rate, confidence) for each in found if isinstance(each, _Projected)]
    tables += [_observed(each.name, _monthly(each)) for each in found if isinstance(each, Term)]
    if len(found) > 1:
        tables.insert(0, _combined_rows(found, terms, confidence))
    columns = ["group", "part", "age", "estimate", "low", "high", "n", "shape"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    numbers = dict.fromkeys(("estimate", "low", "high"), float) | {"age": int, "n": int}
    return Result(
        name="projected_retention",
        table=table.astype(numbers),
        keys=("group", "part", "age"),
        unit="share",
        level=confidence,
        n_of="accounts",
        method=METHOD,
        notes=_notes(found, terms),
    )


def back_test(marts: Marts, *, reach: Reach | None = None, confidence: float = 0.95, min_group: int = 30) -> Result:
    """How far each shape, fitted to the earlier ages alone, was off at the ages held out.

    Parameters as of `projection`.

    Returns
    -------
    Result keyed by ``group, shape``, the best first: ``estimate`` is the mean absolute error of the share still here
    over the ages held out (what the choice goes by: less is better), ``deviance`` on them, ``used``, ``at_horizon``
    (the share still here at the last age projected, by this shape), ``fitted_to`` and ``judged_to`` (months of age),
    ``n`` accounts at risk at the first age held out, ``events`` held out.
    """
    found, _ = _study(marts, reach or Reach(), confidence, min_group)
    rows = [each.tests.assign(group=each.term.name) for each in found if isinstance(each, _Projected)]
    columns = ["group", "shape", "estimate", "deviance", "used", "at_horizon", "fitted_to", "judged_to", "n", "events"]
    table = pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
    return Result(
        name="back_test",
        table=table,
        keys=("group", "shape"),
        unit="points",
        level=None,
        n_of="accounts",
        method="Fitted to earlier ages, judged on later ones: deviance of the decisions held out, mean absolute error "
        "of the share still here",
    )


def lifetimes(
    marts: Marts,
    *,
    from_ages: Sequence[int] = (0, 12, 24),
    reach: Reach | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Months that an account of a given age still stays, up to the last age projected.

    Parameters as of `projection`.

    Returns
    -------
    Result keyed by ``group, from_age``: mean further months within the horizon, ``horizon`` (its age in months),
    ``constant`` (the same if accounts of every age left at one rate), ``n`` accounts followed. Ages beyond those
    observed are left out.
    """
    found, terms = _study(marts, reach or Reach(), confidence, min_group)
    projected = [each for each in found if isinstance(each, _Projected)]
    groups = [(each.term.name, [each], [1.0]) for each in projected]
    if len(found) > 1 and len(projected) == len(found) and all(each.term.start == 0 for each in projected):
        groups.insert(0, (ALL, projected, [each.term.share for each in projected]))
    rows = []
    for name, members, shares in groups:
        horizon = min(each.horizon for each in members)
        start = max(each.term.start * each.term.months for each in members)
        seen = min(each.term.last * each.term.months for each in members)
        for age in from_ages:
            if not start <= age <= min(seen, horizon - 1):
                continue
            estimate = _further(shares, [each.estimate[None, :] for each in members], age, horizon)[0]
            drawn = _further(shares, [each.replicates for each in members], age, horizon)
            low, high = shapes.limits(drawn, estimate, confidence=confidence)
            constant = ((1 - terms.rate) ** np.arange(horizon - age)).sum()
            rows.append((name, age, estimate, float(low), float(high), horizon, constant))
    table = pd.DataFrame(rows, columns=["group", "from_age", "estimate", "low", "high", "horizon", "constant"])
    sizes = {each.term.name: each.term.accounts for each in projected}
    table["n"] = [sizes.get(name, terms.accounts) for name in table["group"]]
    return Result(
        name="further_lifetime",
        table=table,
        keys=("group", "from_age"),
        unit="months",
        level=confidence,
        n_of="accounts",
        method=f"Area under the projected curve from the age to the horizon. {METHOD}",
        notes=_notes(found, terms),
    )


def _study(marts: Marts, reach: Reach, confidence: float, min_group: int) -> tuple[list[_Projected | Term], Terms]:
    """Every term, projected where it can be; the fits are made once for all questions."""

    def compute() -> tuple[list[_Projected | Term], Terms]:
        terms = by_term(marts, confidence=confidence, min_group=min_group)
        shown = [term for term in terms.terms if len(term.curve)]
        return [_project(term, reach, seed) if term.fits else term for seed, term in enumerate(shown)], terms

    return marts.once(("cohort_value.projection", reach, confidence, min_group), compute)


def _project(term: Term, reach: Reach, seed: int) -> _Projected:
    first, last = int(term.counts["age"].iloc[0]), term.last
    horizon = min(reach.horizon, int(reach.multiple * last * term.months))
    horizon = max(horizon, last * term.months)
    decisions = -(-horizon // term.months)
    kept = first - 1 + len(term.counts) - max(1, round(len(term.counts) * reach.held_out))
    kept = max(kept, first + 1)
    # Where nobody has left there is nothing to tell shapes apart by.
    candidates = shapes.SHAPES if term.counts["events"].any() else (shapes.CONSTANT,)
    tests = shapes.back_test(term.counts, held_out_from=kept + 1, shapes=candidates)
    fits = {shape.name: shapes.fit(term.counts, shape) for shape in candidates}
    tests = tests.sort_values(["mean_absolute_error", "shape"], kind="stable", ignore_index=True)
    best = fits[tests["shape"].iloc[0]]
    early = shapes.fit(term.counts[term.counts["age"] <= kept], best.shape)
    drawn = shapes.replicates(
        term.counts, decisions, held_out_from=kept + 1, shapes=candidates, count=reach.replicates, seed=seed
    )
    at_risk = term.counts.set_index("age")["at_risk"]
    tests = tests.assign(
        estimate=tests["mean_absolute_error"],
        used=tests["shape"] == best.shape.name,
        at_horizon=[float(fits[name].continued(decisions)[-1]) for name in tests["shape"]],
        fitted_to=kept * term.months,
        judged_to=last * term.months,
        n=int(at_risk[kept + 1]),
    )
    return _Projected(
        term=term,
        shape=best.shape.name,
        tests=tests,
        horizon=horizon,
        estimate=_by_month(best.continued(decisions), term, horizon),
        replicates=_by_month(drawn, term, horizon),
        early=_by_month(early.continued(decisions), term, horizon),
        kept=kept * term.months,
    )


def _by_month(curve: np.ndarray, term: Term, horizon: int) -> np.ndarray:
    """A curve by decisions as one by months: nobody leaves between two decisions. NaN before it begins."""
    decision = np.arange(horizon + 1) // term.months - term.start
    spread = curve[..., np.maximum(decision, 0)]
    return np.where(decision < 0, np.nan, spread)


def _monthly(term: Term) -> pd.DataFrame:
    """The observed curve of a term by months of age."""
    curve = term.curve.set_index("age")[["estimate", "low", "high", "n"]]
    ages = np.arange(term.start * term.months, term.last * term.months + 1)
    return curve.reindex(ages // term.months).set_index(pd.Index(ages, name="age")).reset_index()


def _observed(name: str, curve: pd.DataFrame) -> pd.DataFrame:
    return curve.assign(group=name, part="observed", shape="")


def _part(name: str, part: str, ages: np.ndarray, estimate: np.ndarray, **more: object) -> pd.DataFrame:
    blank = {"low": np.nan, "high": np.nan, "n": 0, "shape": ""}
    return pd.DataFrame({"group": name, "part": part, "age": ages, "estimate": estimate} | blank | more)


def _rows(name: str, each: _Projected, rate: float, confidence: float) -> pd.DataFrame:
    start, seen = each.term.start * each.term.months, each.term.last * each.term.months
    ages, beyond = np.arange(start, each.horizon + 1), np.arange(seen, each.horizon + 1)
    low, high = shapes.limits(each.replicates[:, beyond], each.estimate[beyond], confidence=confidence)
    check = np.arange(each.kept, seen + 1)
    return pd.concat(
        [
            _observed(name, _monthly(each.term)),
            _part(name, "projected", beyond, each.estimate[beyond], low=low, high=high, shape=each.shape),
            _part(name, "held_out", check, each.early[check], shape=each.shape),
            _part(name, "constant", ages, (1 - rate) ** (ages - start)),
        ],
        ignore_index=True,
    )


def _combined_rows(found: Sequence[_Projected | Term], terms: Terms, confidence: float) -> pd.DataFrame:
    """All terms together; projected only where each of them is, and all from their beginning."""
    each_term = [each.term if isinstance(each, _Projected) else each for each in found]
    weights = np.array([term.share for term in each_term])
    if any(term.start for term in each_term) or not weights.sum() > 0:
        return pd.DataFrame()
    curves = [_monthly(term).set_index("age") for term in each_term]
    seen = min(int(curve.index[-1]) for curve in curves)
    columns = {
        name: [curve[name].to_numpy(float)[: seen + 1] for curve in curves] for name in ("estimate", "low", "high")
    }
    weights = weights / weights.sum()
    estimate, low, high = shapes.weighted_sum(weights, *columns.values())
    at_risk = np.sum([curve["n"].to_numpy(float)[: seen + 1] for curve in curves], axis=0)
    observed = _part(ALL, "observed", np.arange(seen + 1), estimate, low=low, high=high, n=at_risk)
    if not all(isinstance(each, _Projected) for each in found):
        return observed
    horizon = min(each.horizon for each in found)
    ages = np.arange(seen, horizon + 1)
    drawn = sum(weight * each.replicates[:, ages] for weight, each in zip(weights, found, strict=True))
    whole = sum(weight * each.estimate[ages] for weight, each in zip(weights, found, strict=True))
    low, high = shapes.limits(drawn, whole, confidence=confidence)
    check = np.arange(min(min(each.kept for each in found), seen), seen + 1)
    early = sum(weight * each.early[check] for weight, each in zip(weights, found, strict=True))
    used = " and ".join(dict.fromkeys(each.shape for each in found))
    return pd.concat(
        [
            observed,
            _part(ALL, "projected", ages, whole, low=low, high=high, shape=used),
            _part(ALL, "held_out", check, early, shape=used),
            _part(ALL, "constant", np.arange(horizon + 1), (1 - terms.rate) ** np.arange(horizon + 1)),
        ],
        ignore_index=True,
    )


def _further(shares: Sequence[float], curves: Sequence[np.ndarray], age: int, horizon: int) -> np.ndarray:
    """Mean months stayed from an age to the horizon, of those that reached the age; a row a curve, 0 if nobody did."""
    area = sum(share * curve[:, age:horizon].sum(axis=1) for share, curve in zip(shares, curves, strict=True))
    here = sum(share * curve[:, age] for share, curve in zip(shares, curves, strict=True))
    return np.divide(area, here, out=np.zeros_like(area), where=here > 0)


def _notes(found: Sequence[_Projected | Term], terms: Terms) -> tuple[str, ...]:
    notes = list(terms.notes)
    short = [each.name for each in found if isinstance(each, Term) and each.name != ALL]
    if short:
        notes.append(
            f"Not projected: {', '.join(short)}. Fewer than {FEWEST_DECISIONS} decisions of such contracts are "
            "observed one after the other, so the accounts together are not projected either."
        )
    late = [each.term.name for each in found if isinstance(each, _Projected) and each.term.start]
    if late:
        notes.append(
            "Some curves begin after the account does, because so few younger accounts are observed; they are of those "
            "that had stayed to there, and terms are not combined."
        )
    return tuple(notes)
