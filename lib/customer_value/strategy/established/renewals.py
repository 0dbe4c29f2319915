"""What the chapter on renewals puts on record: shares renewed, what falls due, money billed ahead and overdue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.established import FEW_CAVEAT, contrast, direction, noun
from customer_value.strategy.findings import Finding, Point, identifier
from customer_value.strategy.wording import Words, known

RENEWALS = "contracts"


def renewal_facts(batting: Result, outcomes: Result, quarters: Result) -> list[Finding]:
    """The share renewed, and what lower prices at renewal gave up.

    Parameters
    ----------
    batting, outcomes, quarters : of `studies.renewals`: ``batting_average``, ``outcomes`` and ``by_quarter``
    """
    row = batting.row(attribute="all", level="all", metric="renewed")
    if not row["n"]:
        return []
    found = [
        Finding(
            id=identifier("batting-average"),
            chapter="renewals",
            kind="estimate",
            area="churn_prevention",
            subject="share of contracts that ran out and were renewed",
            label="contracts renewed",
            metric="renewal",
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=batting.level,
            unit="share",
            n=row["n"],
            n_of=RENEWALS,
            design="A",
            evidence="renewals#tbl-renewals-batting",
            series=_series(quarters),
        )
    ]
    table = outcomes.where(group="all").table.set_index("outcome")
    if "renewed_discounted" in table.index and table.at["renewed_discounted", "events"]:
        cheaper = table.loc["renewed_discounted"]
        found.append(
            Finding(
                id=identifier("renewed-at-a-lower-price"),
                chapter="renewals",
                kind="fact",
                area="pricing_packaging",
                subject="recurring revenue a year given up by lower prices at renewal",
                metric="renewal_discount",
                estimate=12 * (cheaper["mrr_before"] - cheaper["mrr_after"]),
                unit="money",
                n=cheaper["events"],
                design="A",
                evidence="renewals#tbl-renewals-outcomes",
            )
        )
    return found


def _series(quarters: Result) -> tuple[Point, ...]:
    shown = quarters.table[quarters.table["estimate"].notna()]
    return tuple(
        Point(month=pd.Timestamp(month).date(), value=value)
        for month, value in zip(shown["month"], shown["estimate"], strict=True)
    )


def falling_due(soon: Result) -> list[Finding]:
    """What falls due next: recurring revenue a year of the accounts whose contract runs out within so many days."""
    return [
        Finding(
            id=identifier("due-within", int(row["days"]), "days"),
            chapter="renewals",
            kind="fact",
            area="churn_prevention",
            subject=f"recurring revenue a year of contracts that run out within {int(row['days'])} days",
            metric="renewals_due",
            estimate=12 * row["estimate"],
            unit="money",
            n=row["n"],
            design="A",
            evidence="renewals#tbl-renewals-upcoming",
        )
        for _, row in soon.table[(soon.table["days"] > 0) & (soon.table["n"] > 0)].iterrows()
    ]


def billed_ahead(schedule: Result) -> list[Finding]:
    """The deferred balance at the as-of close."""
    total = float(schedule.table["estimate"].sum())
    if not total > 0:
        return []
    return [
        Finding(
            id=identifier("deferred-revenue"),
            chapter="renewals",
            kind="fact",
            area="state",
            subject="deferred revenue, billed and not yet earned",
            label="deferred revenue",
            metric="deferred_revenue",
            estimate=total,
            unit="money",
            design="A",
            evidence="renewals#fig-renewals-schedule",
        )
    ]


def overdue(owing: Result, *, as_of: date, words: Words) -> list[Finding]:
    """Bills overdue at the as-of close, as money that was counted: of accounts that are still customers.

    Who left with a bill unpaid may never have wanted what it was for; the caveat says how much that is.
    """
    active = owing.table["status"] == "active"
    total, gone = (float(owing.table.loc[which, "estimate"].sum()) for which in (active, ~active))
    if not total > 0:
        return []
    return [
        Finding(
            id=identifier("overdue-bills"),
            chapter="renewals",
            kind="fact",
            area="churn_prevention",
            subject="bills overdue of accounts that are customers",
            metric="overdue_bills",
            n=int(active.sum()),
            design="A",
            money=total,
            money_low=total,
            money_high=total,
            money_period=f"at the close of {words.date(as_of)}",
            caveat=f"Accounts that have left owe {words.money(gone)} more." if gone > 0 else "",
            evidence="renewals#tbl-renewals-owing",
        )
    ]


def not_billed(tables: Sequence[str]) -> list[Finding]:
    """What cannot be said without the company's invoices; nothing where they are there."""
    if "invoices" in tables:
        return []
    return [
        Finding(
            id=identifier("payment"),
            chapter="renewals",
            kind="not_studied",
            area="churn_prevention",
            subject="whether bills are paid on time",
            needs=("invoices",),
        )
    ]


def contrasts(differences: Result, change: Result, *, words: Words) -> list[Finding]:
    """Every comparison of groups as one association, at equal covariates, and this period against the one before.

    Of design B where the raw difference and a finer adjustment point the same way and the groups overlap; else C.
    """
    table = differences.table
    raw = table[table["kind"] == "raw"].set_index(["attribute", "level"])["estimate"]
    found = [
        _contrast(row, raw[(row["attribute"], row["level"])], differences.level, words)
        for _, row in table[table["kind"] == "adjusted"].iterrows()
    ]
    return [*found, *_against_last_year(change)]


def _contrast(row: pd.Series, raw: float, level: float | None, words: Words) -> Finding:
    shown = known(raw)
    alike = alike_in(row["adjusted_for"], words)
    label = noun(row["attribute_label"])
    side = "lower" if shown and raw < 0 else "higher"
    caveat = f"Compared as they are, it is {words.points(abs(raw))} {side}." if shown else ""
    if shown and not known(row["estimate"]):
        caveat += " Next to no contract is of a kind found on both sides, so there is no like to compare with like."
    if row["few_accounts"]:
        caveat += f" {FEW_CAVEAT}"
    return Finding(
        id=identifier("renewal", row["attribute"], row["level"]),
        chapter="renewals",
        area="churn_prevention",
        subject=f"{label} {row['level']}",
        metric="renewal",
        segment=f"{label} = {row['level']}",
        compared_with=f"the other accounts at equal {alike}" if alike else "the other accounts",
        n_of=RENEWALS,
        design="B" if row["agrees"] else "C",
        caveat=caveat,
        evidence="renewals#tbl-renewals-differences",
        **contrast(row, level, shown=shown),
    )


def _against_last_year(change: Result) -> list[Finding]:
    row = change.table.iloc[0]
    if not known(row["p"]):
        return []
    return [
        Finding(
            id=identifier("renewal-over-time"),
            chapter="renewals",
            kind="association",
            area="churn_prevention",
            subject="this period rather than the one before",
            metric="renewal",
            compared_with="the period before",
            direction=direction(row["low"], row["high"]),
            estimate=row["estimate"],
            low=row["low"],
            high=row["high"],
            level=change.level,
            unit="points",
            n=row["n"],
            n_of=RENEWALS,
            p=row["p"],
            design="C",
            caveat="Two periods differ in who came due and in all that happened meanwhile.",
            evidence="renewals#fig-renewals-quarters",
            # A change over time names nobody to act on: it is followed.
            action="difference",
        )
    ]
