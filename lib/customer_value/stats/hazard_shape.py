"""How a hazard moves with age: the same throughout, steady after an early phase, or rising or falling all along.

Four models of counts by age are compared: *constant*; *step*, one hazard up to some age and another after it; *decay*,
an early excess (or want) that fades to a steady hazard; *power*, the hazard of a Weibull distribution, which never
becomes steady. Whatever moves is believed only where its information criterion beats the constant by a margin, since
the more shapes are tried the more often one of them fits noise better, and not where one age alone makes it. That no
change was found does not make the hazard constant: that is said only where a change that would matter is excluded.
Otherwise the shape cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

BELIEVED = 4.0
"""By how much the criterion of a moving hazard must beat the constant's; of two that do, the other's to rule it out."""

MATERIAL = 1.25
"""A ratio of hazards nearer to 1 than this is no change that matters."""

EXCLUDED = 1.5
"""A hazard is called constant where the interval of the ratio early to late lies within this, either way."""

EARLY = 3
"""Ages that count as early where no model says how many do."""

STEADY = 0.1
"""A fading excess is over when no more than this is left of it, as a share of the steady hazard."""

_LATEST_STEP = 2 / 3
"""Of the ages seen: a step later than this leaves too little to call steady."""
_FADING = tuple(np.geomspace(1.0, 12.0, 16))
"""Ages over which an excess falls to 1/e."""
_EXCESS = (-0.95, 30.0)
_POWERS = (0.05, 5.0)
_FEWEST_EXPECTED = 5.0
_FEWEST_SEEN = 3
"""Ages below which there is no shape to speak of."""
_FEWEST_AGES = 6
"""Ages below which leaving one out leaves too little to compare."""
_PARAMETERS = {"constant": 1, "step": 3, "decay": 3, "power": 2}

SHAPES = ("falling", "rising", "constant", "unknown")


@dataclass(frozen=True)
class HazardShape:
    """What the counts say of a hazard.

    Attributes
    ----------
    shape : one of `SHAPES`
    form : how it is best described: ``constant``; ``phase``, steady after an early phase; ``trend``, moving all along;
        ``either`` where it moves and the latter two cannot be told apart; empty where there is no model
    early, late : hazard per interval of age up to ``early_to`` and after it
    early_to : the turn; without one, the last of the first `EARLY` ages
    ratio, low, high : early hazard over the late one as counted, with limits
    turn, turn_low, turn_high : the last age of the early phase and the ages that are compatible with the data; missing
        unless the form is ``phase``; ``turn_high`` missing where the data do not bound it
    events : how many the comparison rests on
    inflation : by how much counts scatter more than chance around the richest model; 1 at least
    models : a row a model: ``model, parameters, log_likelihood, criterion`` (AICc, of the likelihood over
        ``inflation``), ``behind`` (how far behind the best), ``chosen``
    fitted : a row an age: ``age, fitted``, by the model chosen
    """

    shape: str
    form: str
    early: float
    late: float
    early_to: float
    ratio: float
    low: float
    high: float
    turn: float
    turn_low: float
    turn_high: float
    events: int
    inflation: float
    models: pd.DataFrame
    fitted: pd.DataFrame


def hazard_shape(counts: pd.DataFrame, *, confidence: float = 0.95) -> HazardShape:
    """Choose between a constant, a stepwise and a steadily moving hazard.

    Parameters
    ----------
    counts : one row an age, ``age`` (1 …, consecutive intervals), ``at_risk``, ``events``, as `survival.person_months`
        counts them for one group
    confidence : of the limits of the ratio and of the age of the step

    Returns
    -------
    HazardShape. The step's age has limits by profile likelihood; a ratio those of its logarithm, given the step.

    References
    ----------
    Hurvich and Tsai (1989) for AICc; Lebreton et al. (1992) for the variance inflation in it; Burnham and Anderson
    (2002), section 2.6, for how far behind a model is out of the running.
    """
    one = counts[counts["at_risk"] > 0].sort_values("age")
    age, n, d = (one[name].to_numpy(float) for name in ("age", "at_risk", "events"))
    total = float(d.sum())
    if total == 0 or total == n.sum() or len(age) < _FEWEST_SEEN:
        return _nothing(age, n, d)
    phases = _phases(age, n, d)
    hazards = _hazards(age, n, d, phases)
    likelihood = {name: _log_likelihood(n, d, hazard) for name, hazard in hazards.items()}
    richest = min(hazards, key=lambda name: _PARAMETERS[name] - likelihood[name])
    inflation = _inflation(n, d, hazards[richest], _PARAMETERS[richest])
    criterion = {name: _aicc(likelihood[name] / inflation, _PARAMETERS[name], total) for name in hazards}
    phase = min(phases, key=lambda name: criterion[name])
    chosen = min(("constant", phase, "power"), key=lambda name: criterion[name])
    form = "constant"
    if criterion["constant"] - criterion[chosen] < BELIEVED or _one_bump(age, n, d, inflation):
        chosen = "constant"
    elif abs(criterion[phase] - criterion["power"]) < BELIEVED / 2:
        form = "either"
    else:
        form = "trend" if chosen == "power" else "phase"
    turns = (np.nan,) * 3
    first = min(EARLY, max(1, len(age) // 2))
    if form == "phase":
        close = [one for name, one in phases.items() if criterion[name] - criterion[phase] < BELIEVED / 2]
        turns = _turns(phases[phase], close, inflation, confidence, last=age[-1])
        first = min(max(int(np.searchsorted(age, turns[0], side="right")), 1), len(age) - 1)
    early, late = d[:first].sum() / n[:first].sum(), d[first:].sum() / n[first:].sum()
    ratio = float(early / late) if late > 0 else np.nan
    low, high = _limits(n, d, first, inflation, confidence)
    if form == "constant":
        narrow_low, narrow_high = _limits(n, d, first, inflation, 0.9)
        shape = "constant" if narrow_low > 1 / EXCLUDED and narrow_high < EXCLUDED else "unknown"
    else:
        shape = "constant" if 1 / MATERIAL < ratio < MATERIAL else "rising" if ratio < 1 else "falling"
    least = min(criterion.values())
    models = pd.DataFrame(
        {
            "model": list(hazards),
            "parameters": [_PARAMETERS[name] for name in hazards],
            "log_likelihood": [likelihood[name] for name in hazards],
            "criterion": [criterion[name] for name in hazards],
            "behind": [criterion[name] - least for name in hazards],
            "chosen": [name == chosen for name in hazards],
        }
    )
    fitted = pd.DataFrame({"age": age.astype(int), "fitted": hazards[chosen]})
    rates = float(early), float(late), float(age[first - 1])
    return HazardShape(shape, form, *rates, ratio, low, high, *turns, int(total), inflation, models, fitted)


def _nothing(age: np.ndarray, n: np.ndarray, d: np.ndarray) -> HazardShape:
    """Nobody or everybody had the event, or few ages are seen: nothing tells how the hazard moves."""
    share = float(d.sum() / n.sum()) if n.sum() > 0 else np.nan
    models = pd.DataFrame(
        columns=["model", "parameters", "log_likelihood", "criterion", "behind", "chosen"], index=range(0)
    )
    fitted = pd.DataFrame({"age": age.astype(int), "fitted": share})
    return HazardShape("unknown", "", share, share, *(np.nan,) * 7, int(d.sum()), 1.0, models, fitted)


def _log_likelihood(n: np.ndarray, d: np.ndarray, hazard: np.ndarray) -> float:
    return float(np.sum(special.xlogy(d, hazard) + special.xlog1py(n - d, -hazard)))


def _aicc(log_likelihood: float, parameters: int, size: float) -> float:
    room = size - parameters - 1
    small = 2 * parameters * (parameters + 1) / room if room > 0 else np.inf
    return 2 * parameters - 2 * log_likelihood + small


@dataclass(frozen=True)
class _Profile:
    """A model with an early phase, fitted at every length that the phase may have.

    ``turns`` are the ages at which it ends, ``best`` the hazard by age where the likelihood is greatest.
    """

    turns: np.ndarray
    likelihood: np.ndarray
    best: np.ndarray

    @classmethod
    def of(cls, turns: list[float], hazards: list[np.ndarray], n: np.ndarray, d: np.ndarray) -> _Profile:
        likelihood = np.array([_log_likelihood(n, d, hazard) for hazard in hazards])
        return cls(np.array(turns, dtype=float), likelihood, hazards[int(likelihood.argmax())])


def _phases(age: np.ndarray, n: np.ndarray, d: np.ndarray) -> dict[str, _Profile]:
    return {"step": _steps(age, n, d), "decay": _decays(age, n, d)}


def _hazards(age: np.ndarray, n: np.ndarray, d: np.ndarray, phases: dict[str, _Profile]) -> dict[str, np.ndarray]:
    """Every model's hazard by age, the simplest first."""
    best = {name: profile.best for name, profile in phases.items()}
    return {"constant": np.full(len(n), d.sum() / n.sum()), **best, "power": _power(age, n, d)}


def _steps(age: np.ndarray, n: np.ndarray, d: np.ndarray) -> _Profile:
    lengths = np.arange(1, max(2, int(len(n) * _LATEST_STEP) + 1))
    hazards = []
    for first in lengths:
        early, late = d[:first].sum() / n[:first].sum(), d[first:].sum() / n[first:].sum()
        hazards.append(np.where(np.arange(len(n)) < first, early, late))
    return _Profile.of([age[first - 1] for first in lengths], hazards, n, d)


def _decays(age: np.ndarray, n: np.ndarray, d: np.ndarray) -> _Profile:
    turns, hazards = [], []
    for fading in _FADING:
        left = np.exp(-(age - 1) / fading)

        def hazard(excess: float, left: np.ndarray = left) -> np.ndarray:
            return _proportional(1 + excess * left, n, d)

        best = optimize.minimize_scalar(
            lambda excess, hazard=hazard: -_log_likelihood(n, d, hazard(excess)), bounds=_EXCESS, method="bounded"
        )
        excess = float(best.x)
        hazards.append(hazard(excess))
        turns.append(1 + fading * max(np.log(max(abs(excess), STEADY) / STEADY), 0.0))
    return _Profile.of(turns, hazards, n, d)


def _one_bump(age: np.ndarray, n: np.ndarray, d: np.ndarray, inflation: float) -> bool:
    """Whether no model beats the constant once the age furthest from it is left out; the first age is no bump."""
    if len(age) < _FEWEST_AGES:
        return False
    share = d.sum() / n.sum()
    away = np.abs(d - n * share) / np.sqrt(n)
    rest = np.arange(len(age)) != 1 + int(away[1:].argmax())
    age, n, d = age[rest], n[rest], d[rest]
    if d.sum() == 0:
        return True
    hazards = _hazards(age, n, d, _phases(age, n, d))
    criterion = {
        name: _aicc(_log_likelihood(n, d, hazard) / inflation, _PARAMETERS[name], d.sum())
        for name, hazard in hazards.items()
    }
    return min(criterion, key=lambda name: criterion[name]) == "constant"


def _turns(
    best: _Profile, close: list[_Profile], inflation: float, confidence: float, *, last: float
) -> tuple[float, float, float]:
    """Where the early phase ends, and the ages compatible with the data by any model that is close to the best."""
    # Of length and height together: that there is a phase at all was read off the same counts.
    allowed = stats.chi2.ppf(confidence, 2) * inflation / 2
    within = np.concatenate([one.turns[one.likelihood.max() - one.likelihood <= allowed] for one in close])
    low, high = float(within.min()), float(within.max())
    turn = float(best.turns[int(best.likelihood.argmax())])
    return float(np.floor(turn)), float(np.floor(low)), float(np.ceil(high)) if high <= last * _LATEST_STEP else np.nan


def _proportional(per_age: np.ndarray, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Hazards in these proportions: where expected and observed events meet, the Poisson likelihood is greatest."""
    return -np.expm1(-d.sum() / np.sum(n * per_age) * per_age)


def _power(age: np.ndarray, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The Weibull's hazard: cumulative hazard proportional to a power of age."""

    def fitted(log_power: float) -> np.ndarray:
        power = np.exp(log_power)
        return _proportional(age**power - (age - 1) ** power, n, d)

    best = optimize.minimize_scalar(
        lambda log_power: -_log_likelihood(n, d, fitted(log_power)), bounds=tuple(np.log(_POWERS)), method="bounded"
    )
    return fitted(float(best.x))


def _inflation(n: np.ndarray, d: np.ndarray, hazard: np.ndarray, parameters: int) -> float:
    """Pearson's χ² over its degrees of freedom, over runs of ages that each expect enough events; 1 at least."""
    expected = n * hazard
    run = np.floor(np.cumsum(expected) / _FEWEST_EXPECTED).astype(int)
    run = np.minimum(run, max(run[-1] - 1, 0))
    seen, wanted, at_risk = (np.bincount(run, values) for values in (d, expected, n))
    kept = wanted > 0
    seen, wanted, at_risk = seen[kept], wanted[kept], at_risk[kept]
    freedom = len(seen) - parameters
    if freedom < 1:
        return 1.0
    return max(1.0, float(np.sum((seen - wanted) ** 2 / (wanted * (1 - wanted / at_risk)))) / freedom)


def _limits(n: np.ndarray, d: np.ndarray, first: int, inflation: float, confidence: float) -> tuple[float, float]:
    """Limits of the ratio of two average hazards; missing where either phase has no event."""
    early, late = d[:first].sum(), d[first:].sum()
    if not early or not late:
        return np.nan, np.nan
    log_ratio = np.log(early / n[:first].sum()) - np.log(late / n[first:].sum())
    shares = (1 - early / n[:first].sum()) / early + (1 - late / n[first:].sum()) / late
    margin = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(inflation * shares)
    return float(np.exp(log_ratio - margin)), float(np.exp(log_ratio + margin))
