"""What may be said of each feature: one written rule, applied to the evidence on leaving and on expansion.

The rule is a pure function of the evidence, so that it can be read, tested at its boundaries and argued with. The words
are "linked to", never "drives": lags and adjustment do not cure confounding by health.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from customer_value.stats import evalue
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.result import Result

RETENTION = "linked to retention"
EXPANSION = "linked to expansion"
BOTH = "linked to retention and to expansion"
LEAVING = "linked to leaving"
LESS_EXPANSION = "linked to less expansion"
TABLE_STAKES = "table stakes"
NONE = "no detectable effect"
TOO_LITTLE = "too little evidence"
VERDICTS = (BOTH, RETENTION, EXPANSION, LEAVING, LESS_EXPANSION, TABLE_STAKES, NONE, TOO_LITTLE)
"""In the order in which a page lists them."""

MARGIN = (0.80, 1.25)
"""Between these ratios a difference is too small to matter."""
SMALLEST = math.log(1 / 0.9)
"""The smallest log ratio that is called a link."""
FALSE_DISCOVERIES = 0.05
WIDELY_USED = 0.80
"""A feature that so large a share of accounts aged three months uses is one that everybody has."""
_Z90 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Evidence:
    """What is known of a feature and one outcome, on the log scale.

    Attributes
    ----------
    log_ratio, standard_error : at the main lag
    q : p-value at the main lag, adjusted over all features and outcomes
    landmark, later : log ratio at the landmark and at the longest lag; NaN where it could not be reckoned
    wind_down : whether the link loses half its log size between the shortest lag and the main one
    """

    log_ratio: float
    standard_error: float
    q: float
    landmark: float = float("nan")
    later: float = float("nan")
    wind_down: bool = False

    @property
    def known(self) -> bool:
        """Whether the main estimate could be reckoned."""
        return math.isfinite(self.log_ratio) and math.isfinite(self.standard_error)

    @property
    def agrees(self) -> bool:
        """Whether the landmark and the longest lag point the same way as the main lag."""
        sign = np.sign(self.log_ratio)
        return sign != 0 and np.sign(self.landmark) == sign and np.sign(self.later) == sign

    @property
    def linked(self) -> bool:
        """Clear over all that was looked at, large enough, the same way in every view, and not a fall before the end.

        Where half the size is lost by the main lag, use falls before the outcome: a warning sign, not a benefit.
        """
        clear = self.known and self.q <= FALSE_DISCOVERIES and abs(self.log_ratio) >= SMALLEST - 1e-12
        return bool(clear and self.agrees and not self.wind_down)

    @property
    def negligible(self) -> bool:
        """Whether the 90 % interval lies within the margin: two one-sided tests at 5 % (Schuirmann 1987)."""
        if not self.known:
            return False
        reach = _Z90 * self.standard_error - 1e-12
        return math.log(MARGIN[0]) <= self.log_ratio - reach and self.log_ratio + reach <= math.log(MARGIN[1])


def verdict(leaving: Evidence, expansion: Evidence, *, using_share: float, comparable: bool) -> str:
    """The one thing that may be said of a feature.

    Parameters
    ----------
    leaving, expansion : the evidence on the two outcomes; a log ratio below 0 means less of the outcome
    using_share : of accounts aged three months or more, how many use it; NaN if there are none
    comparable : whether there are enough accounts without regular use to compare with

    Returns
    -------
    One of `VERDICTS`. A link to leaving is said before any other.
    """
    if leaving.linked and leaving.log_ratio > 0:
        return LEAVING
    kept, grown = leaving.linked, expansion.linked and expansion.log_ratio > 0
    if kept and grown:
        return BOTH
    if kept or grown:
        return RETENTION if kept else EXPANSION
    if expansion.linked:
        return LESS_EXPANSION
    if using_share >= WIDELY_USED and not comparable:
        return TABLE_STAKES
    return NONE if leaving.negligible and expansion.negligible else TOO_LITTLE


def verdicts(lagged: Result, landmark: Result, adoption: Result, *, min_group: int = MIN_GROUP) -> Result:
    """The verdict on every feature.

    Parameters
    ----------
    lagged, landmark : as `studies.feature_links` gives them, from the same marts
    adoption : as `studies.feature_adoption.adoption` gives it
    min_group : fewest accounts without regular use that can be compared with

    Returns
    -------
    Result keyed by ``feature``: ``verdict`` (`VERDICTS`), ``estimate, low, high`` and ``n``, the ratio of leaving at
    the main lag; ``expansion, expansion_low, expansion_high``; ``leaving_linked, expansion_linked`` (whether each
    outcome passes the rule); ``money, money_low, money_high`` as in `lagged`; ``exposure`` (``regular`` or
    ``intensity``); ``scarce``, the outcome that is known less well, with the ``events`` there were and the
    ``events_needed`` for a verdict of no detectable effect. ``wind_down``, ``using_share`` and ``comparable`` say what
    the rule went by.
    """
    rows = []
    table = lagged.table
    for feature in dict.fromkeys(table["feature"]):
        mine = table[table["feature"] == feature]
        found = {outcome: _evidence(mine, landmark, feature, outcome) for outcome in ("leaving", "expansion")}
        main = {outcome: _main(mine, outcome) for outcome in found}
        using = adoption.table[(adoption.table["feature"] == feature) & (adoption.table["metric"] == "using_aged")]
        using_share = float(using["estimate"].iloc[0]) if len(using) else float("nan")
        plain = str(main["leaving"]["exposure"]) == "regular"
        comparable = plain and bool(shown(main["leaving"]["accounts_unexposed"], min_group))
        scarce = max(found, key=lambda outcome: _width(found[outcome]))
        rows.append(
            {
                "feature": feature,
                "verdict": verdict(**found, using_share=using_share, comparable=comparable),
                **{name: main["leaving"][name] for name in ("estimate", "low", "high", "n")},
                **{
                    name: main["expansion"][column]
                    for name, column in (
                        ("expansion", "estimate"),
                        ("expansion_low", "low"),
                        ("expansion_high", "high"),
                    )
                },
                **{f"{outcome}_linked": found[outcome].linked for outcome in found},
                **{name: main["leaving"][name] for name in ("money", "money_low", "money_high")},
                "exposure": main["leaving"]["exposure"],
                "scarce": scarce,
                "events": main[scarce]["events"],
                "events_needed": _needed(found[scarce], main[scarce]),
                "wind_down": found["leaving"].wind_down,
                "using_share": using_share,
                "comparable": comparable,
            }
        )
    columns = ["feature", "verdict", "estimate", "low", "high", "n", "expansion", "expansion_low", "expansion_high"]
    columns += ["leaving_linked", "expansion_linked", "money", "money_low", "money_high"]
    columns += ["exposure", "scarce", "events", "events_needed", "wind_down", "using_share", "comparable"]
    ordered = pd.DataFrame(rows, columns=columns)
    if len(ordered):
        rank = ordered["verdict"].map({name: place for place, name in enumerate(VERDICTS)})
        ordered = ordered.assign(rank=rank).sort_values(["rank", "feature"], kind="stable").drop(columns="rank")
    return Result(
        name="feature_verdicts",
        table=ordered.reset_index(drop=True),
        keys=("feature",),
        unit="ratio",
        level=lagged.level,
        n_of="accounts",
        family="features × outcomes",
        suppressed=int(ordered["estimate"].isna().sum()),
        method="A link: adjusted p at most 0.05 over all features and both outcomes, a ratio of 0.9 or stronger, the "
        "same direction at the landmark and at the longest lag, and half of it not gone by the main lag. No detectable "
        "effect: the 90% interval of both outcomes between 0.80 and 1.25",
        notes=lagged.notes,
    )


def _main(mine: pd.DataFrame, outcome: str) -> pd.Series:
    return mine[(mine["outcome"] == outcome) & mine["main"]].iloc[0]


def _evidence(mine: pd.DataFrame, landmark: Result, feature: str, outcome: str) -> Evidence:
    main = _main(mine, outcome)
    latest = mine[mine["outcome"] == outcome].sort_values("lag").iloc[-1]
    beside = landmark.table[(landmark.table["feature"] == feature) & (landmark.table["outcome"] == outcome)]
    later = latest if latest["lag"] > main["lag"] else None
    return Evidence(
        log_ratio=float(main["log_ratio"]),
        standard_error=float(main["standard_error"]),
        q=float(main["p_adjusted"]),
        landmark=float(beside["log_ratio"].iloc[0]) if len(beside) else float("nan"),
        later=float(later["log_ratio"]) if later is not None else float("nan"),
        wind_down=bool(main["wind_down"]),
    )


def _width(evidence: Evidence) -> float:
    return evidence.standard_error if evidence.known else float("inf")


def _needed(evidence: Evidence, main: pd.Series) -> float:
    """Events for the 90 % interval to fall within the margin four times in five where there is no effect.

    From the precision reached where there is an estimate, since adjustment costs some; else by the textbook's formula.
    """
    if evidence.known and main["events"] > 0:
        return evalue.events_at_this_precision(int(main["events"]), evidence.standard_error, MARGIN[1])
    share = float(main["exposed_share"])
    return evalue.events_to_exclude(MARGIN[1], share) if 0 < share < 1 else float("nan")
