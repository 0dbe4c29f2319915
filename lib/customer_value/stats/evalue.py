"""How strong something unmeasured would have to be to explain a hazard ratio, and how many events would settle it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class EValue:
    """Of the estimate, and of the limit nearest to a ratio of 1; 1 means that nothing is needed to explain it away."""

    estimate: float
    limit: float


def e_value(ratio: float, low: float, high: float, *, common: bool = False) -> EValue:
    """The E-value of a hazard ratio.

    Something not adjusted for would have to be linked to the exposure and to the outcome by a risk ratio of at least
    the E-value each, beyond what was adjusted for, to explain the ratio wholly; weaker links could not.

    Parameters
    ----------
    ratio, low, high : a hazard ratio with its limits
    common : whether more than 15 % have the outcome by the end of follow-up; the hazard ratio is then turned into an
        approximate risk ratio first, ``(1 − 0.5^√HR) / (1 − 0.5^√(1/HR))``

    Returns
    -------
    EValue : missing where the ratio or the limit is; infinite for a ratio of 0 or infinity

    Raises
    ------
    ValueError : a ratio is negative, or the limits do not hold the ratio

    References
    ----------
    VanderWeele and Ding (2017), table 2.
    """
    if min(ratio, low, high) < 0 or low > ratio or ratio > high:
        raise ValueError(f"limits must hold a ratio that is not negative, got: {ratio!r} in {low!r} to {high!r}")
    near = 1.0 if low <= 1 <= high else high if high < 1 else low
    return EValue(_e_value(ratio, common=common), _e_value(near, common=common))


def _e_value(ratio: float, *, common: bool) -> float:
    if ratio in (0, np.inf):
        return float("inf")
    if common:
        ratio = (1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio))
    ratio = max(ratio, 1 / ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def events_needed(ratio: float, exposed_share: float, *, power: float = 0.8, level: float = 0.95) -> float:
    """Events needed to tell a hazard ratio from 1.

    ``(z₁ + z₂)² / (p (1 − p) log² ratio)``, z₁ being the quantile of the interval's limits and z₂ that of the power:
    with so many events the interval of the given level leaves out 1 with the given power, if the ratio is true.

    Parameters
    ----------
    ratio : hazard ratio to be found
    exposed_share : share of those at risk who are exposed, strictly between 0 and 1

    Returns
    -------
    Not rounded; infinite for a ratio of 1.

    References
    ----------
    Schoenfeld (1981).
    """
    return _events(ratio, exposed_share, float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power)))


def events_to_exclude(margin: float, exposed_share: float, *, power: float = 0.8, level: float = 0.90) -> float:
    """Events needed to show that a hazard ratio lies within ``1/margin`` to ``margin``, if it truly is 1.

    ``(z₁ + z₂)² / (p (1 − p) log² margin)``, z₁ being the quantile of the interval's limits and z₂ that of half the
    power lost on either side: with so many events both limits fall inside the margin with the given power. A 90 %
    interval makes two one-sided tests at 5 % each.

    >>> round(events_to_exclude(1.25, 0.5)), round(events_to_exclude(1.25, 0.2))
    (688, 1075)

    References
    ----------
    Schoenfeld (1981) for the information in an event; Schuirmann (1987) for the two tests.
    """
    return _events(margin, exposed_share, _z_to_exclude(power, level))


def events_at_this_precision(
    events: int, standard_error: float, margin: float, *, power: float = 0.8, level: float = 0.90
) -> float:
    """As `events_to_exclude`, from how precise an estimate was with the events that it had.

    An adjusted estimate, or one for a graded exposure, has less (or more) information in an event than the share
    exposed tells: what it had is in its standard error, which shrinks with the root of the number of events.

    Parameters
    ----------
    events, standard_error : of a log hazard ratio, and the events that it rests on
    """
    return events * (standard_error * _z_to_exclude(power, level) / float(np.log(margin))) ** 2


def _events(ratio: float, exposed_share: float, z: float) -> float:
    if not 0 < exposed_share < 1:
        raise ValueError(f"exposed_share must lie between 0 and 1, got: {exposed_share!r}")
    if not ratio > 0:
        raise ValueError(f"ratio must be positive, got: {ratio!r}")
    effect = float(np.log(ratio)) ** 2
    return z**2 / (exposed_share * (1 - exposed_share) * effect) if effect else float("inf")


def _z_to_exclude(power: float, level: float) -> float:
    return float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(0.5 + power / 2))
