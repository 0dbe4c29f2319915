"""What is put on record of the ways of leaving, of how fast otherwise equal accounts leave, and of contracts."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import RAW_CAVEAT, area_of, noun
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import Words, known

CHANGES_CAVEAT = "The ratio changes with age, so that a single one misleads."
DISAGREE_CAVEAT = "As they are, or cut another way, the groups do not point the same way."
CHOSEN_CAVEAT = "Accounts chose their contract: a change of term need not bring it."


def kinds(by_kind: Result, *, age: int, words: Words) -> list[Finding]:
    """The share that has left in each way by the age.

    Parameters
    ----------
    by_kind : `studies.cohort_survival.leaving_kinds.incidence`, all accounts
    """
    rows = by_kind.table[by_kind.table["age"] == age]
    said = {"voluntary": "left by choice", "involuntary": "left against their will"}
    return [
        Finding(
            id=identifier("left", row["kind"]),
            chapter="leaving",
            kind="estimate",
            subject=f"accounts that have {said[row['kind']]} by {words.months(age)}",
            metric=f"leaving_{row['kind']}",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=by_kind.level,
            unit="share",
            n=row["n"],
            n_of="accounts still followed",
            design="A",
            evidence="leaving#fig-leaving-kinds",
        )
        for _, row in rows.iterrows()
        if row["kind"] in said
    ]


def kinds_compared(compared: Result, *, age: int, labels: Mapping[str, str], words: Words) -> list[Finding]:
    """Every comparison of `studies.cohort_survival.leaving_kinds.compared`, raw and so of design C."""
    return [
        Finding(
            id=identifier("left", row["attribute"], row["level_id"], row["kind"]),
            metric=f"leaving_{row['kind']}",
            compared_with="the other accounts",
            unit="points",
            design="C",
            caveat=f"{RAW_CAVEAT} The difference is at {words.months(age)}.",
            evidence="leaving#tbl-leaving-kinds",
            **_contrast(row, compared, labels, none=0.0),
        )
        for _, row in compared.table.iterrows()
    ]


def rates(ratios: Result, *, labels: Mapping[str, str]) -> list[Finding]:
    """Every adjusted ratio of `studies.cohort_survival.hazards.hazard_ratios`.

    Of design B where the raw ratio, a longer lag and finer bands point the same way and one ratio holds at all ages;
    else C.
    """
    found = []
    for _, row in ratios.table[ratios.table["kind"] == "adjusted"].iterrows():
        changes = not row["proportional"]
        caveat = CHANGES_CAVEAT if changes else "" if row["agrees"] else DISAGREE_CAVEAT
        clear = known(row["p"]) and row["p"] <= 1 - (ratios.level or 0.95)
        found.append(
            Finding(
                id=identifier("rate", row["attribute"], row["level_id"], "against", row["reference_id"]),
                metric="leaving",
                compared_with=f"accounts with “{row['reference']}”, all else equal",
                unit="ratio",
                n_of="months at risk",
                design="B" if row["agrees"] else "C",
                caveat=caveat if clear else "",
                evidence="leaving#tbl-leaving-rates",
                **_contrast(row, ratios, labels, none=1.0),
            )
        )
    return found


def contracts(like: Result, *, labels: Mapping[str, str], words: Words) -> list[Finding]:
    """Every adjusted difference of `studies.cohort_survival.standardised.standardised_retention`.

    Of design B where the raw difference has the same sign and the groups overlap, else C. More kept is better here,
    where more leaving is worse above.
    """
    found = []
    for _, row in like.table[like.table["kind"] == "adjusted"].iterrows():
        contrast = _contrast(row, like, labels, none=0.0) | {"action": None}
        chosen = [CHOSEN_CAVEAT] if row["attribute"] == "first_term" else []
        found.append(
            Finding(
                id=identifier("like", row["attribute"], row["level_id"], f"{row['age']} months"),
                metric="share_still_here",
                compared_with="otherwise like accounts",
                unit="points",
                design="B" if row["agrees"] else "C",
                caveat=" ".join([f"The difference is at {words.months(row['age'])}.", *chosen]),
                evidence="leaving#tbl-leaving-like",
                **contrast,
            )
        )
    return found


def _contrast(row: pd.Series, result: Result, labels: Mapping[str, str], *, none: float) -> dict[str, object]:
    """What all contrasts of groups say alike."""
    tested = known(row["p"])
    attribute = noun(labels[row["attribute"]])
    side = "unknown"
    if tested:
        bounded = known(row["low"]) and known(row["high"])
        side = "higher" if bounded and row["low"] > none else "lower" if bounded and row["high"] < none else "none"
    area = area_of(row["attribute"])
    return {
        "chapter": "leaving",
        "kind": "association",
        "area": area,
        "subject": f"{attribute} {row['level']}",
        "segment": f"{attribute} = {row['level']}",
        "direction": side,
        "estimate": row["estimate"] if tested else None,
        "low": row["low"] if tested else None,
        "high": row["high"] if tested else None,
        "level": result.level,
        "n": row["n"],
        "p": row["p"] if tested else None,
        "p_adjusted": row["p_adjusted"],
        "shown": tested,
        # Who leaves more is the weaker side, where an action names the side by what is kept.
        "action": {"higher": f"{area}_lower", "lower": f"{area}_higher"}.get(side),
    }
