"""What the chapter on how customers develop puts on record: every contrast of starts, steps and kinds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.established import FEW_CAVEAT, contrast, direction, noun
from customer_value.strategy.established.segments import APART_CAVEAT, HARDLY_OVERLAP
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import Words, known

CHAPTER = "journeys"

HEALTH_CAVEAT = (
    "Accounts that begin well may be those that would have stayed anyway: help for a random half would tell."
)
SIGN_CAVEAT = "A sign of how an account does, and no lever: moving an account into the kind need not keep it."


def behaviours(compared: Result, *, words: Words) -> list[Finding]:
    """Every contrast of `studies.segments.behaviours` as one association, at equal covariates from a later day on.

    Of design B where a finer adjustment, the plain comparison and another day to follow from point the same way, the
    groups overlap and no few accounts decide; else C.
    """
    found = []
    for raw, row in _pairs(compared):
        finding = _contrast(row, raw, compared.level, words, caveats=[HEALTH_CAVEAT], agree=("finer", "other"))
        name = f"“{row['rule']}” within {words.number(row['within_days'])} days"
        found.append(
            finding.model_copy(
                update={
                    "area": "product",
                    "segment": None,
                    "subject": name,
                    "compared_with": f"accounts without it{_equal(row, words)}",
                    "action": _action("first_days", finding),
                    "design": "B" if row["agrees"] else "C",
                    "evidence": f"{CHAPTER}#tbl-{CHAPTER}-behaviours",
                }
            )
        )
    return found


def kinds(compared: Result, *, words: Words) -> list[Finding]:
    """Every contrast of `studies.segments.kind_contrasts`, of design C: a kind is a sign and no lever."""
    return [
        _contrast(row, raw, compared.level, words, caveats=[SIGN_CAVEAT], agree=("among_due", "finer"))
        for raw, row in _pairs(compared)
    ]


def steps(compared: Result, *, words: Words) -> list[Finding]:
    """Every step of the ladder against the others, of design C; who leaves which plan is on record with segments."""
    table = compared.table
    ups = table[table["metric"] == "up"]
    # Of two steps the second contrast is the first one's mirror image.
    looked = ups.head(1) if len(ups) == 2 else ups
    found = []
    for _, row in looked.iterrows() if len(ups) > 1 else ():
        shown = known(row["estimate"]) and known(row["rest_share"])
        found.append(
            Finding(
                id=identifier("step", row["plan"], "upgraded"),
                chapter=CHAPTER,
                kind="association",
                area="pricing_packaging",
                subject=f"plan {row['plan']}",
                metric="upgraded",
                segment=f"plan = {row['plan']}",
                compared_with="accounts on the other plans that have one above, at equal contract term and age",
                direction=direction(row["difference_low"], row["difference_high"], shown=shown),
                estimate=row["difference"],
                low=row["difference_low"],
                high=row["difference_high"],
                level=compared.level,
                unit="points",
                n=row["n"],
                p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
                p_adjusted=row["p_adjusted"],
                design="C",
                evidence=f"{CHAPTER}#tbl-{CHAPTER}-steps",
                shown=shown,
            )
        )
    return found


def came_back(back: Result) -> list[Finding]:
    """The shares of newly activated accounts that use the product again, by both definitions."""
    return [
        Finding(
            id=identifier("back", row["metric"]),
            chapter=CHAPTER,
            kind="estimate",
            area="state",
            subject=f"newly activated accounts back on day {row['day']}{' or soon after' if row['rolling'] else ''}",
            metric="came_back",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=back.level,
            unit="share",
            n=row["n"],
            design="A",
            evidence=f"{CHAPTER}#tbl-{CHAPTER}-back",
        )
        for _, row in back.table.iterrows()
        if known(row["estimate"])
    ]


def not_studied(tables: Sequence[str]) -> list[Finding]:
    """What the data have no table for."""
    wanted = (
        ("coming back after activation", "usage_events"),
        ("how the first months go", "milestones"),
        ("value reached", "success_plans"),
    )
    return [
        Finding(
            id=identifier("not studied", subject),
            chapter=CHAPTER,
            kind="not_studied",
            area="product",
            subject=subject,
            needs=(table,),
        )
        for subject, table in wanted
        if table not in tables
    ]


def _pairs(compared: Result) -> list[tuple[float, pd.Series]]:
    """Every adjusted row with the raw difference beside it."""
    keys = ["attribute", "level", "metric"]
    table = compared.table
    raw = table[table["kind"] == "raw"].set_index(keys)["estimate"]
    return [(raw[tuple(row[key] for key in keys)], row) for _, row in table[table["kind"] == "adjusted"].iterrows()]


def _contrast(
    row: pd.Series, raw: float, level: float | None, words: Words, *, caveats: Sequence[str], agree: Sequence[str]
) -> Finding:
    shown, apart = known(raw), not known(row["estimate"])
    finding = Finding(
        id=identifier(row["attribute"], row["level"], row["metric"]),
        chapter=CHAPTER,
        area="success_allocation",
        subject=f"{noun(row['attribute_label'])} {row['level']}",
        metric=row["metric"],
        segment=f"{noun(row['attribute_label'])} = {row['level']}",
        compared_with=f"the other accounts{_equal(row, words)}",
        design="C",
        caveat=_caveat(row, raw, words, apart=apart, caveats=caveats, agree=agree) if shown else "",
        evidence=f"{CHAPTER}#tbl-{CHAPTER}-kinds",
        **contrast(row, level, shown=shown),
    )
    return finding.model_copy(update={"action": _action("kind", finding)})


def _caveat(
    row: pd.Series, raw: float, words: Words, *, apart: bool, caveats: Sequence[str], agree: Sequence[str]
) -> str:
    """The raw difference, what speaks against the adjusted one, and what neither can tell."""
    said = [f"Compared as they are, it is {words.points(abs(raw))} {'lower' if raw < 0 else 'higher'}."]
    if apart:
        said.append(APART_CAVEAT)
    elif row["overlap"] < HARDLY_OVERLAP:
        said.append(
            f"The groups hardly overlap: only {words.share(row['overlap'])} of all accounts are of a kind found on "
            "both sides."
        )
    names = {
        "among_due": "compared as they are among those whose term came due",
        "finer": "adjusted in finer detail",
        "other": "followed from another day on",
    }
    against = [names[column] for column in agree if known(row[column]) and row[column] * row["estimate"] < 0]
    if against:
        said.append(f"It points the other way when {words.list(against)}.")
    if row["few_accounts"]:
        said.append(FEW_CAVEAT)
    return " ".join([*said, *caveats])


def _action(kind: str, finding: Finding) -> str | None:
    return f"{kind}_{finding.direction}" if finding.direction in ("higher", "lower") else None


def _equal(row: pd.Series, words: Words) -> str:
    alike = alike_in(row["adjusted_for"], words)
    return f" at equal {alike}" if alike else ""
