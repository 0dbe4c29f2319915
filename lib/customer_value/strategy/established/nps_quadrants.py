"""What the satisfaction chapter puts on record: the score, and every contrast of what became of accounts."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT
from customer_value.strategy.findings import Area, Finding, identifier
from customer_value.strategy.wording import known

CAVEAT = (
    "Only accounts that answered are compared, and those who answer are not like those who do not. At equal size, plan "
    "and contract term; satisfaction and use may still be signs of something else that keeps an account."
)

_AREAS: dict[str, Area] = {
    "logo_retention": "churn_prevention",
    "grr": "churn_prevention",
    "expansion_rate": "expansion",
}
_NAMES = {
    "promoter": "promoter",
    "detractor": "detractor",
    "champions": "champions",
    "sleepers": "sleepers",
    "hostages": "hostages",
    "at_risk": "at risk",
}


def score(scores: Result) -> Finding:
    """The net promoter score of all accounts, as an estimate of the state of the business."""
    row = scores.row(attribute="all", level="all")
    return Finding(
        id=identifier("state", "nps"),
        chapter="nps_quadrants",
        kind="estimate",
        area="state",
        subject="net promoter score",
        metric="nps",
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=scores.level,
        unit="count",
        n=row["n"],
        evidence="nps_quadrants#tbl-nps_quadrants-scores",
        caveat="Of those who answered.",
        shown=known(row["estimate"]),
    )


def answers(compared: Result) -> list[Finding]:
    """Every contrast of promoters and detractors with the others that answered."""
    return [_contrast(row, compared.level, "last answer", "later") for _, row in compared.table.iterrows()]


def quadrants(compared: Result) -> list[Finding]:
    """Every contrast of a quadrant with the others that answered."""
    return [_contrast(row, compared.level, "use and satisfaction", "contrasts") for _, row in compared.table.iterrows()]


def not_studied(tables: Collection[str]) -> list[Finding]:
    """That use and satisfaction could not be put together, where no table tells use."""
    if not {"activity_monthly", "usage_events", "feature_usage_monthly"}.isdisjoint(tables):
        return []
    return [
        Finding(
            id=identifier("use and satisfaction", "not studied"),
            chapter="nps_quadrants",
            kind="not_studied",
            area="churn_prevention",
            subject="use and satisfaction together",
            needs=("activity_monthly",),
            evidence="nps_quadrants#quadrants",
        )
    ]


def _contrast(row: pd.Series, level: float | None, attribute: str, label: str) -> Finding:
    """Design C: adjusted, but satisfaction was not given to anybody, and what it stands for is not known."""
    shown, few = known(row["estimate"]), bool(row["few_accounts"])
    if not shown or not known(row["low"]):
        direction = "unknown"
    else:
        direction = "higher" if row["low"] > 0 else ("lower" if row["high"] < 0 else "none")
    name = _NAMES[row["group"]]
    return Finding(
        id=identifier(attribute, row["group"], row["metric"]),
        chapter="nps_quadrants",
        kind="association",
        area=_AREAS[row["metric"]],
        subject=f"{attribute} {name}",
        metric=row["metric"],
        segment=f"{attribute} = {name}",
        compared_with="the other accounts that answered",
        direction=direction,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=level,
        unit="points",
        n=row["n"],
        # No variation on either side leaves no test; that is no evidence of a difference.
        p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if known(row["money"]) else "",
        caveat=f"{CAVEAT} {FEW_CAVEAT}" if few else CAVEAT,
        evidence=f"nps_quadrants#tbl-nps_quadrants-{label}",
        shown=shown,
        few_accounts=few,
        action=f"satisfaction_{direction}" if direction in ("higher", "lower") else None,
    )
