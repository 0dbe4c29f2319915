"""What the archetypes chapter puts on record of clusters: each against the others, by what became of it."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT, contrast
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import known

CAVEAT = "A raw comparison: clusters differ in size, age and use together, so that it says who is at risk and not why."


def contrasts(compared: Result) -> list[Finding]:
    """Every comparison of `studies.archetypes.cluster_contrasts`, of design C: to be tested first at most."""
    return [_contrast(row, compared.level) for _, row in compared.table.iterrows()]


def _contrast(row: pd.Series, level: float | None) -> Finding:
    return Finding(
        id=identifier("cluster", row["cluster"], row["metric"]),
        chapter="archetypes",
        area="expansion" if row["metric"] == "expansion_rate" else "success_allocation",
        subject=f"cluster {row['cluster']}",
        metric=row["metric"],
        segment=f"cluster = {row['cluster']}",
        compared_with="the accounts of the other clusters",
        design="C",
        caveat=f"{CAVEAT} {FEW_CAVEAT}" if row["few_accounts"] else CAVEAT,
        evidence="archetypes#tbl-archetypes-outcomes",
        **contrast(row, level, shown=known(row["estimate"])),
    )
