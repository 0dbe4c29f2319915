"""What the archetypes chapter puts on record of clusters: each against the others, by what became of it."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import known

CAVEAT = "A raw comparison: clusters differ in size, age and use together, so that it says who is at risk and not why."


def contrasts(compared: Result) -> list[Finding]:
    """Every comparison of `studies.archetypes.cluster_contrasts`, of design C: to be tested first at most."""
    return [_contrast(row, compared.level) for _, row in compared.table.iterrows()]


def _contrast(row: pd.Series, level: float | None) -> Finding:
    shown = known(row["estimate"])
    direction = "unknown"
    if shown:
        direction = "higher" if row["low"] > 0 else "lower" if row["high"] < 0 else "none"
    few = bool(row["few_accounts"])
    return Finding(
        id=identifier("cluster", row["cluster"], row["metric"]),
        chapter="archetypes",
        kind="association",
        area="expansion" if row["metric"] == "expansion_rate" else "success_allocation",
        subject=f"cluster {row['cluster']}",
        metric=row["metric"],
        segment=f"cluster = {row['cluster']}",
        compared_with="the accounts of the other clusters",
        direction=direction,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=level,
        unit="points",
        n=row["n"],
        p=row["p"] if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if known(row["money"]) else "",
        caveat=f"{CAVEAT} {FEW_CAVEAT}" if few else CAVEAT,
        evidence="archetypes#tbl-archetypes-outcomes",
        shown=shown,
        few_accounts=few,
    )
