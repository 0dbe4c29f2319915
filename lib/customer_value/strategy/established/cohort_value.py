"""What the chapter on new accounts puts on record: what one brings in, who repays more, how long one would stay."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import FEW_CAVEAT, RAW_CAVEAT, area_of, noun
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import Words, known

CHAPTER = "cohort_value"


def economics(found: Result, *, age: int, words: Words) -> list[Finding]:
    """What a new account brings in, its multiple of cost and its payback; what is missing where no cost is known.

    Parameters
    ----------
    found : `studies.cohort_value.economics`
    age : months of age that revenue and multiple are compared at
    """
    rows = {name: found.row(attribute="all", level="all", metric=name) for name in ("revenue", "multiple", "payback")}
    after = words.months(age)
    said = [
        ("revenue", "revenue_per_account", f"recurring revenue of a new account in its first {after}", "money"),
        (
            "multiple",
            "acquisition_multiple",
            f"revenue of the first {after} over the cost of winning the account",
            "ratio",
        ),
        ("payback", "payback", "time until a new account has repaid what it cost to win", "months"),
    ]
    records = [
        _estimate(rows[name], found.level, name=name, metric=metric, subject=subject, unit=unit)
        for name, metric, subject, unit in said
        if known(rows[name]["estimate"])
    ]
    if not known(found.row(attribute="all", level="all", metric="cost")["estimate"]):
        records.append(
            Finding(
                id=identifier("payback", "not studied"),
                chapter=CHAPTER,
                kind="not_studied",
                area="marketing_spend",
                subject="when a new account has repaid what it cost to win",
                needs=("customers.acquisition_cost or costs",),
            )
        )
    return records


def contrasts(compared: Result, *, age: int, words: Words) -> list[Finding]:
    """Every group's multiple against the others' as an association of design C: raw, so to be tested first."""
    return [_contrast(row, compared.level, age, words) for _, row in compared.table.iterrows()]


def stays(projected: Result, stayed: Result, *, reading: str, words: Words) -> list[Finding]:
    """The share still here at the end of the projection, and the months a new account stays up to there.

    Parameters
    ----------
    reading : what the curve means, of `answers.cohort_survival.reading`
    """
    rows = projected.table[(projected.table["group"] == "all") & (projected.table["part"] == "projected")]
    if rows.empty:
        return []
    end = rows.sort_values("age").iloc[-1]
    anchor = f"{CHAPTER}#fig-{CHAPTER}-projected"
    records = [
        Finding(
            id=identifier("projected", "at the end"),
            chapter=CHAPTER,
            kind="estimate",
            area="state",
            subject=f"accounts projected to be still here after {words.months(end['age'])}",
            metric="projected_share",
            estimate=end["estimate"],
            low=end["low"],
            high=end["high"],
            level=projected.level,
            unit="share",
            caveat="A projection beyond the ages observed: it holds only if leaving goes on as it has.",
            evidence=anchor,
            retention_known=reading != "undeclared",
        )
    ]
    lives = stayed.table[(stayed.table["group"] == "all") & (stayed.table["from_age"] == 0)]
    records += [
        Finding(
            id=identifier("months stayed"),
            chapter=CHAPTER,
            kind="estimate",
            area="state",
            subject=f"time that a new account stays within its first {words.months(row['horizon'])}",
            metric="lifetime",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=stayed.level,
            unit="months",
            n=row["n"],
            caveat="Partly projected.",
            evidence=anchor,
            retention_known=reading != "undeclared",
        )
        for _, row in lives.iterrows()
    ]
    return records


def _estimate(row: pd.Series, level: float | None, *, name: str, metric: str, subject: str, unit: str) -> Finding:
    return Finding(
        id=identifier("new account", name),
        chapter=CHAPTER,
        kind="estimate",
        area="marketing_spend",
        subject=subject,
        metric=metric,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=level,
        unit=unit,
        n=row["n"],
        caveat=FEW_CAVEAT if row["few_accounts"] else "",
        few_accounts=bool(row["few_accounts"]),
        evidence=f"{CHAPTER}#fig-{CHAPTER}-payback",
    )


def _contrast(row: pd.Series, level: float | None, age: int, words: Words) -> Finding:
    shown = known(row["estimate"])
    direction = "unknown"
    if shown:
        direction = "higher" if row["low"] > 1 else ("lower" if row["high"] < 1 else "none")
    caveats = [RAW_CAVEAT, f"Compared at {words.months(age)} of age."]
    attribute = noun(row["attribute_label"])
    return Finding(
        id=identifier(row["attribute"], row["level"], "multiple"),
        chapter=CHAPTER,
        kind="association",
        area=area_of(row["attribute"]),
        subject=f"{attribute} {row['level']}",
        metric="acquisition_multiple",
        segment=f"{attribute} = {row['level']}",
        direction=direction,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=level,
        unit="ratio",
        n=row["n"],
        p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        caveat=" ".join([*caveats, FEW_CAVEAT] if row["few_accounts"] else caveats) if shown else "",
        evidence=f"{CHAPTER}#tbl-{CHAPTER}-groups",
        shown=shown,
        few_accounts=bool(row["few_accounts"]),
    )
