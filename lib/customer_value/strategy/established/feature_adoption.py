"""What the feature adoption chapter puts on record: every feature and outcome, clear or not, for the gate corrects for
all."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import known

HEALTH_CAVEAT = (
    "Accounts in good health both use more and stay: adjustment and lags do not remove that, so this may be a sign of "
    "health rather than a cause."
)
WIND_DOWN_CAVEAT = (
    "Half of the link is gone when use is read earlier: falling use is a warning sign here, not shown to be a benefit."
)
_METRICS = {"leaving": "leaving", "expansion": "expanding"}


def links(lagged: Result, landmark: Result, verdicts: Result) -> list[Finding]:
    """Regular use of every feature against every outcome, at the main lag.

    Design B where the estimate is adjusted and lagged, the landmark and the longest lag agree in direction, half the
    link is not gone by the main lag and there are enough accounts on either side; else C.
    """
    table = lagged.table
    said = verdicts.table.set_index("feature")
    longest = table["lag"].max() if len(table) else None
    found = []
    for _, row in table[table["main"]].iterrows():
        keys = (table["feature"] == row["feature"]) & (table["outcome"] == row["outcome"])
        later = table[keys & (table["lag"] == longest)].iloc[0]
        beside = landmark.table[
            (landmark.table["feature"] == row["feature"]) & (landmark.table["outcome"] == row["outcome"])
        ]
        agree = _same_side(row, later) and len(beside) == 1 and _same_side(row, beside.iloc[0])
        found.append(_link(row, said.loc[row["feature"]], agrees=agree, level=lagged.level))
    return found


def _link(row: pd.Series, verdict: pd.Series, *, agrees: bool, level: float | None) -> Finding:
    shown = known(row["p"])
    regular = row["exposure"] == "regular"
    name = row["feature"].replace("=", " ")
    subject = f"regular use of “{name}”" if regular else f"heavy use of “{name}”"
    outcome = row["outcome"]
    # What the rule does not call linked is not said to be, and carries no decision, however small its p.
    linked = bool(verdict[f"{outcome}_linked"])
    direction = ("lower" if row["estimate"] < 1 else "higher") if linked else ("none" if shown else "unknown")
    better = direction == ("lower" if outcome == "leaving" else "higher")
    sound = agrees and not row["wind_down"] and bool(row["overlap"])
    action = None
    if linked:
        action = ("product_use" if outcome == "leaving" else "product_use_growth") if better else "product_use_harm"
    return Finding(
        id=identifier("use", row["feature"], outcome),
        chapter="feature_adoption",
        kind="association",
        area="product",
        subject=subject,
        label=f"{subject}: {'leaving' if outcome == 'leaving' else 'expansion'}",
        metric=_METRICS[outcome],
        compared_with="accounts that do not use it" if regular else "accounts that use it least",
        direction=direction,
        estimate=row["estimate"] if shown else None,
        low=row["low"] if shown else None,
        high=row["high"] if shown else None,
        level=level,
        unit="ratio",
        n=row["n"],
        p=row["p"] if shown else None,
        p_adjusted=row["p_adjusted"],
        design="B" if sound else "C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if known(row["money"]) else "",
        verdict=f"Verdict: {verdict['verdict']}.",
        caveat=" ".join([HEALTH_CAVEAT, _hidden(row), *([WIND_DOWN_CAVEAT] if row["wind_down"] else [])]).strip(),
        evidence="feature_adoption#tbl-feature_adoption-verdicts",
        shown=shown,
        action=action,
    )


def _same_side(row: pd.Series, other: pd.Series) -> bool:
    """Whether two log ratios have one sign; a missing one agrees with nothing."""
    return bool(row["log_ratio"] * other["log_ratio"] > 0)


def _hidden(row: pd.Series) -> str:
    """The E-value as a sentence; nothing where there is none."""
    if not known(row["e_value"]) or not known(row["e_value_limit"]):
        return ""
    return (
        f"To explain it wholly, a hidden cause would have to be tied to use and to the outcome by ratios of "
        f"{row['e_value']:.1f} each (E-value; {row['e_value_limit']:.1f} for the limit)."
    )
