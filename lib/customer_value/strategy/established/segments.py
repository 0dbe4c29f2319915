"""What the segments chapter puts on record: every contrast, clear or not, for the gate corrects for all."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.established import FEW_CAVEAT, area_of, contrast, noun
from customer_value.strategy.findings import Finding, identifier
from customer_value.strategy.wording import Words, known

APART_CAVEAT = "Next to no account is of a kind found on both sides, so there is no like to compare with like."
HARDLY_OVERLAP = 0.5
"""Where fewer of the accounts than this are of a kind found on both sides, a comparison extrapolates."""


def contrasts(compared: Result, *, words: Words) -> list[Finding]:
    """Every contrast of `studies.segments.adjusted` as one association: what is left of it at equal covariates.

    Of design B where the raw difference among accounts free to leave and a finer adjustment point the same way, the
    groups overlap and no few accounts decide; else C, to be tested first. The raw difference stands in the caveat.
    """
    keys = ["attribute", "level", "metric"]
    by_kind = {kind: rows.set_index(keys) for kind, rows in compared.table.groupby("kind")}
    if not by_kind:
        return []
    raw = by_kind["raw"]["estimate"]
    return [
        _contrast(row, raw[tuple(row[key] for key in keys)], compared.level, words)
        for _, row in compared.table[compared.table["kind"] == "adjusted"].iterrows()
    ]


def accounts(overview: Result) -> Finding:
    """How many accounts a table without a calendar holds: all that can be said of the state of such a business."""
    everyone = overview.row(attribute="all", level="all", metric="customers")
    return Finding(
        id=identifier("state", "accounts"),
        chapter="segments",
        kind="fact",
        area="state",
        subject="accounts in the table",
        metric="accounts",
        estimate=everyone["estimate"],
        unit="count",
        design="A",
        evidence="segments#tbl-segments-overview",
    )


def _contrast(row: pd.Series, raw: float, level: float | None, words: Words) -> Finding:
    shown, apart = known(raw), not known(row["estimate"])
    alike = alike_in(row["adjusted_for"], words)
    return Finding(
        id=identifier(row["attribute"], row["level"], row["metric"]),
        chapter="segments",
        area=area_of(row["attribute"]),
        subject=f"{noun(row['attribute_label'])} {row['level']}",
        metric=row["metric"],
        segment=f"{noun(row['attribute_label'])} = {row['level']}",
        compared_with=f"the other accounts at equal {alike}" if alike else "the other accounts",
        design="B" if row["agrees"] else "C",
        caveat=_caveat(row, raw, words, apart=apart) if shown else "",
        evidence="segments#tbl-segments-contrasts",
        **contrast(row, level, shown=shown),
    )


def _caveat(row: pd.Series, raw: float, words: Words, *, apart: bool) -> str:
    """The raw difference, and what speaks against the adjusted one."""
    side = "lower" if raw < 0 else "higher"
    said = [f"Compared as they are, it is {words.points(abs(raw))} {side}."]
    if apart:
        said.append(APART_CAVEAT)
    elif row["overlap"] < HARDLY_OVERLAP:
        said.append(
            f"The groups hardly overlap: only {words.share(row['overlap'])} of all accounts are of a kind found on "
            "both sides."
        )
    against = [
        what
        for column, what in (
            ("among_due", "compared as they are among those whose term came due"),
            ("finer", "adjusted in finer detail"),
        )
        if known(row[column]) and row[column] * row["estimate"] < 0
    ]
    if against:
        said.append(f"It points the other way when {words.list(against)}.")
    if row["few_accounts"]:
        said.append(FEW_CAVEAT)
    return " ".join(said)
