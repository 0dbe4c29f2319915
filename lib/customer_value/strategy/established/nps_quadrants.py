"""What the satisfaction chapter puts on record: the score, and every contrast of what became of accounts."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT, contrast, direction
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
    shown = known(row["estimate"])
    side = direction(row["low"], row["high"], shown=shown)
    name = _NAMES[row["group"]]
    return Finding(
        id=identifier(attribute, row["group"], row["metric"]),
        chapter="nps_quadrants",
        area=_AREAS[row["metric"]],
        subject=f"{attribute} {name}",
        metric=row["metric"],
        segment=f"{attribute} = {name}",
        compared_with="the other accounts that answered",
        design="C",
        caveat=f"{CAVEAT} {FEW_CAVEAT}" if row["few_accounts"] else CAVEAT,
        evidence=f"nps_quadrants#tbl-nps_quadrants-{label}",
        action=f"satisfaction_{side}" if side in ("higher", "lower") else None,
        **contrast(row, level, shown=shown),
    )
