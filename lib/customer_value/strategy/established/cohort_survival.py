"""What the chapter on length of stay puts on record: the share still here, groups, cohorts, the rate by age."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.established import RAW_CAVEAT, noun
from customer_value.strategy.findings import Area, Finding, identifier
from customer_value.strategy.wording import Words, known

UNDECLARED_CAVEAT = "This may not be retention: the table does not say how its accounts were observed."
SNAPSHOT_CAVEAT = "From the rates of one snapshot put end to end, not from following one group of accounts."

_AREAS: Mapping[str, Area] = {"first_plan": "pricing_packaging", "first_term": "pricing_packaging"}


def still_here(at_ages: Result, *, age: int, horizon: int, reading: str, words: Words) -> list[Finding]:
    """The share still here at the age compared and at the last age reached.

    Parameters
    ----------
    at_ages : `studies.cohort_survival.survival_at`, all accounts
    age : in months, at which groups are compared
    horizon : in months; the last age up to it that the curve reaches is recorded as well
    reading : what the curve means, of `answers.cohort_survival.reading`
    """
    table = at_ages.table
    reached = table[table["estimate"].notna() & (table["age"] <= horizon)]
    rows = {"at the age compared": at_ages.row(age=age)}
    if len(reached) and reached["age"].max() != age:
        rows["at the last age"] = at_ages.row(age=reached["age"].max())
    caveat = {"undeclared": UNDECLARED_CAVEAT, "snapshot": SNAPSHOT_CAVEAT}.get(reading, "")
    label = "Would still be here" if reading == "snapshot" else "Still here"
    return [
        Finding(
            id=identifier("still here", when),
            chapter="cohort_survival",
            kind="estimate",
            subject=f"accounts still here at {words.months(row['age'])}",
            label=f"{label} after {words.months(row['age'])}{_whom(row, words)}",
            metric="share_still_here",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=at_ages.level,
            unit="share",
            n=row["n"],
            n_of="accounts of that age" if reading == "snapshot" else "accounts still followed",
            design="A",
            caveat=caveat,
            evidence="cohort_survival#fig-cohort_survival-all",
            shown=known(row["estimate"]),
            retention_known=reading != "undeclared",
        )
        for when, row in rows.items()
    ]


def pairs(compared: Result, *, age: int, labels: Mapping[str, str], reading: str, words: Words) -> list[Finding]:
    """Every pair of `studies.cohort_survival.pairwise` as an association of design C: raw, so to be tested first.

    A pair that is not compared, since a group is not followed long enough in numbers that can be shown, is recorded as
    not shown, once for each such group.

    Parameters
    ----------
    age : in months, at which the pairs are compared
    labels : what the attributes are called
    """
    options = (compared, age, labels, reading, words)
    found = []
    for _, row in compared.table.iterrows():
        second_thin = not known(row["estimate"]) and not row["followed_second"]
        if row["followed"] or not second_thin:
            found.append(_pair(_turned(row) if second_thin else row, *options))
        else:
            found += [_pair(row, *options), _pair(_turned(row), *options)]
    return found


def cohort_trend(trend: Result, *, age: int, words: Words) -> list[Finding]:
    """The trend over cohorts at an equal mix of customers, as one association; the raw one stands in the caveat.

    Of design B only where both are clear and of one sign; else C. Nothing where no trend can be estimated.
    """
    raw, adjusted = (trend.row(kind=kind) for kind in ("raw", "adjusted"))
    row = adjusted if known(adjusted["estimate"]) else raw
    if not known(row["estimate"]):
        return []
    sides = {"higher": "higher", "lower": "lower", "no clear difference": "none"}
    direction = sides.get(words.compare(row["estimate"], row["low"], row["high"]), "unknown")
    apart = words.interval(raw["estimate"], raw["low"], raw["high"], "points")
    return [
        Finding(
            id=identifier("cohorts", "trend"),
            chapter="cohort_survival",
            kind="association",
            area="market_focus",
            subject="signing up a year later",
            metric="share_still_here",
            segment="sign-up = a year later",
            compared_with="accounts that signed up a year earlier",
            direction=direction,
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=trend.level,
            unit="points",
            n=row["n"],
            p=row["p"],
            design="B" if row["agrees"] else "C",
            caveat=f"As they are, later cohorts differ by {apart} a year at {words.months(age)}. A trend over cohorts "
            "is a trend over time as well.",
            evidence="cohort_survival#tbl-cohort_survival-trend",
            action="cohort_trend",
        )
    ]


def shapes(found: Result, *, reading: str, words: Words) -> list[Finding]:
    """How the early rate of leaving compares with the later one, for every contract term that a shape was told of."""
    rows = found.table[found.table["shape"] != "unknown"]
    return [
        Finding(
            id=identifier("early", "rate", row["level"]),
            chapter="cohort_survival",
            kind="estimate",
            subject=f"rate of leaving up to {words.months(row['early_to'])} of age over that later, {row['level']}",
            label=f"Early over later rate of leaving, {row['level']}",
            metric="early_leaving",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=found.level,
            unit="ratio",
            n=row["n"],
            verdict=_SHAPES[row["shape"]],
            caveat=UNDECLARED_CAVEAT if reading == "undeclared" else "",
            evidence="cohort_survival#fig-cohort_survival-when",
            retention_known=reading != "undeclared",
        )
        for _, row in rows.iterrows()
    ]


_SHAPES: Mapping[str, str] = {
    "falling": "Accounts leave faster at first.",
    "rising": "Accounts leave more the longer they have been here.",
    "constant": "Accounts leave at about one rate at all ages seen.",
}


def _turned(row: pd.Series) -> pd.Series:
    """The pair seen from its second group."""
    turned = row.copy()
    for one, two in (
        ("first", "second"),
        ("first_id", "second_id"),
        ("n", "n_second"),
        ("followed", "followed_second"),
    ):
        turned[one], turned[two] = row[two], row[one]
    return turned


def _whom(row: pd.Series, words: Words) -> str:
    start = row["start"]
    return f", of those that had reached {words.months(start)}" if known(start) and start > 0 else ""


def _pair(row: pd.Series, compared: Result, age: int, labels: Mapping[str, str], reading: str, words: Words) -> Finding:
    attribute = noun(labels[row["attribute"]])
    sides = {"higher": "higher", "lower": "lower", "no clear difference": "none"}
    caveats = [RAW_CAVEAT, f"The difference is at {words.months(age)}."]
    shown = known(row["estimate"])
    return Finding(
        id=identifier(row["attribute"], row["first_id"], "against", row["second_id"]),
        chapter="cohort_survival",
        kind="association",
        area=_AREAS.get(row["attribute"], "market_focus"),
        subject=f"{attribute} {row['first']}",
        metric="share_still_here",
        segment=f"{attribute} = {row['first']}",
        compared_with=f"accounts with “{row['second']}”",
        direction=sides.get(words.compare(row["estimate"], row["low"], row["high"]), "unknown"),
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=compared.level,
        unit="points",
        n=row["n"],
        # No variation on either side leaves no test; that is no evidence of a difference.
        p=(row["p_at_age"] if known(row["p_at_age"]) else 1.0) if shown else None,
        p_adjusted=row["p_at_age_adjusted"],
        design="C",
        caveat=" ".join([*caveats, UNDECLARED_CAVEAT] if reading == "undeclared" else caveats),
        evidence="cohort_survival#tbl-cohort_survival-pairs",
        verdict="" if shown else f"too few at {words.months(age)} of age",
        shown=shown,
        retention_known=reading != "undeclared",
    )
