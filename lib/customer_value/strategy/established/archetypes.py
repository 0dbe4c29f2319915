"""What the archetypes chapter puts on record: of every set of attributes, what a combination adds to its parts."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT, noun
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import known

EXPECTED = "what their parts alone lead one to expect"

PICKED_CAVEAT = (
    "About what the combination adds beyond its parts, where rates multiply; the parts are compared under segments. "
    "It was picked as the one that departs most, and its p is corrected for that."
)


def beyond_parts(tested: Result) -> list[Finding]:
    """Every test of `studies.archetypes.beyond_parts` as an association of design C: to be tested first at most.

    A departure that is clear within the chapter is given as it is after shrinkage, since it was picked for being large;
    one that is not as its own accounts show it, so that its range says what could have been seen.
    """
    return [_departure(row, tested.level) for _, row in tested.table.iterrows()]


def _departure(row: pd.Series, level: float | None) -> Finding:
    clear = row["p_adjusted"] <= 1 - (level or 0.95)
    names = ("shrunk", "shrunk_low", "shrunk_high") if clear else ("estimate", "low", "high")
    estimate, low, high = (row[name] for name in names)
    direction = "none"
    if clear and low * high > 0:
        direction = "higher" if low > 0 else "lower"
    few = bool(row["few_accounts"])
    group = f"{noun(row['attribute_label'])} = {row['level']}"
    return Finding(
        id=identifier(row["attribute"], row["level"], row["metric"]),
        chapter="archetypes",
        kind="association",
        area="market_focus",
        subject=group.replace(" = ", " "),
        metric=row["metric"],
        segment=group,
        compared_with=EXPECTED,
        direction=direction,
        estimate=estimate,
        low=low,
        high=high,
        level=level,
        unit="points",
        n=row["n"],
        p=row["p"],
        p_adjusted=row["p_adjusted"],
        design="C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if known(row["money"]) else "",
        caveat=" ".join([PICKED_CAVEAT, FEW_CAVEAT] if few else [PICKED_CAVEAT]),
        evidence="archetypes#tbl-archetypes-beyond",
        few_accounts=few,
    )
