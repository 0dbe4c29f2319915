"""Results of the studies as findings: what each chapter puts on record for the front page.

Every contrast is recorded, clear or not: the gate corrects for all that were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.findings import Area, Finding, Point, identifier
from customer_value.strategy.wording import Words, known

RAW_CAVEAT = "A raw comparison: such groups differ in more than this, in size and term above all."
FEW_CAVEAT = "A few large accounts decide this figure."
TOP_REASONS = 3
"""Stated reasons for leaving that are recorded one by one."""

_PART_NAMES = {"price": "price", "seats": "seats", "plan": "plans", "addon": "add-ons"}
_HEADLINES = {
    "net": ("nrr", "net revenue retention"),
    "gross": ("grr", "gross revenue retention"),
    "logo": ("logo_retention", "share of accounts kept"),
}
_AREAS: Mapping[str, Area] = {
    "plan": "pricing_packaging",
    "term": "pricing_packaging",
    "first_plan": "pricing_packaging",
    "first_term": "pricing_packaging",
    "mrr_band": "market_focus",
    "owner": "success_allocation",
}
_AREA_WORDS: tuple[tuple[str, Area], ...] = (
    ("channel", "marketing_spend"),
    ("campaign", "marketing_spend"),
    ("source", "marketing_spend"),
    ("refer", "marketing_spend"),
    ("owner", "success_allocation"),
    ("manager", "success_allocation"),
)


def state_of_revenue(
    retention: Result, *, trend: Result, monthly: Result, waterfall: Result, quick: Result, size: Result
) -> list[Finding]:
    """The headline figures: recurring revenue, accounts, growth, what is kept, quick ratio, size of leavers.

    Parameters
    ----------
    retention, trend, monthly, waterfall, quick, size : of `studies.revenue`: ``retention``, ``arr_trend``,
        ``monthly_trend``, ``waterfall``, ``quick_ratio`` and ``leaver_size``
    """
    found = []
    for metric, (name, subject) in _HEADLINES.items():
        row = retention.row(metric=metric)
        found.append(
            _state(
                name,
                subject,
                row,
                unit="share",
                kind="estimate",
                evidence="tbl-revenue-retention",
                series=_series(monthly.where(metric=metric)),
                few_accounts=bool(row["few_accounts"]),
                verdict="Over the period; the small line shows single months.",
            )
        )
    for name, subject, unit in (
        ("arr", "annual recurring revenue", "money"),
        ("accounts", "paying accounts", "count"),
    ):
        months = trend.where(metric=name)
        found.append(
            _state(
                name,
                subject,
                months.table.iloc[-1],
                unit=unit,
                kind="fact",
                evidence="fig-revenue-arr",
                series=_series(months),
            )
        )
    opening, closing = (waterfall.row(movement=step) for step in ("opening", "closing"))
    if opening["estimate"] > 0:
        growth = closing.copy()
        growth["estimate"] = closing["estimate"] / opening["estimate"] - 1
        found.append(
            _state(
                "arr_growth",
                "growth of recurring revenue over the period",
                growth,
                unit="share",
                kind="fact",
                evidence="fig-revenue-waterfall",
            )
        )
    ratio = quick.row(measure="quick_ratio")
    found.append(
        _state(
            "quick_ratio",
            "recurring revenue gained for each unit lost",
            ratio,
            unit="ratio",
            kind="estimate",
            evidence="tbl-revenue-quick-ratio",
        )
    )
    leavers = size.row(measure="size_ratio")
    found.append(
        _state(
            "leaver_size",
            "size of the accounts that left, against the average account",
            leavers,
            unit="ratio",
            kind="estimate",
            evidence="tbl-revenue-leavers",
        )
    )
    return found


def revenue_facts(
    *, waterfall: Result, parts: Result, reasons: Result, influence: Result, start: date, end: date, words: Words
) -> list[Finding]:
    """Accounting facts with their actual money, as annual recurring revenue: why revenue left and where it grew.

    Parameters
    ----------
    waterfall, parts, reasons, influence : of `studies.revenue`: ``waterfall``, ``parts``, ``churn_reasons`` and
        ``influence``
    start, end : the closes that the period runs between
    """
    period = f"of annual recurring revenue between {words.date(start)} and {words.date(end)}"
    return [
        *_losses_by_kind(reasons, period),
        *_losses_by_reason(reasons, period),
        *_parts(parts, period),
        *_returners(waterfall, period),
        _concentration(influence),
    ]


def segment_contrasts(contrasts: Result) -> list[Finding]:
    """Every contrast of `studies.segments.contrasts` as an association of design C: raw, so to be tested first."""
    return [_contrast(row) for _, row in contrasts.table.iterrows()]


def _state(
    metric: str, subject: str, row: pd.Series, *, unit: str, kind: str, evidence: str, **more: object
) -> Finding:
    few = bool(more.get("few_accounts", False))
    return Finding(
        id=identifier("state", metric),
        chapter="revenue",
        kind=kind,
        area="state",
        subject=subject,
        metric=metric,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        unit=unit,
        n=None if metric == "accounts" else row["n"],
        design="A",
        caveat=FEW_CAVEAT if few else "",
        evidence=f"revenue#{evidence}",
        shown=known(row["estimate"]) or metric == "quick_ratio",
        **more,
    )


def _series(result: Result) -> tuple[Point, ...]:
    return tuple(
        Point(month=pd.Timestamp(month).date(), value=value)
        for month, value in zip(result.table["month"], result.table["estimate"], strict=True)
    )


def _fact(
    name: str, *, area: Area, subject: str, metric: str, mrr: float, n: int, period: str, **more: object
) -> Finding:
    evidence = more.pop("evidence")
    return Finding(
        id=name,
        chapter="revenue",
        kind="fact",
        area=area,
        subject=subject,
        metric=metric,
        n=n,
        design="A",
        money=12 * mrr,
        money_low=12 * mrr,
        money_high=12 * mrr,
        money_period=period,
        evidence=f"revenue#{evidence}",
        **more,
    )


def _losses_by_kind(reasons: Result, period: str) -> list[Finding]:
    """Lost to failed payments, and lost because the customer left; what is needed where nothing says which."""
    table = reasons.table
    stated = table[table["end_kind"] != "not stated"]
    if len(table) and stated.empty:
        return [
            Finding(
                id="why-accounts-leave",
                chapter="revenue",
                kind="not_studied",
                area="churn_prevention",
                subject="whether accounts left or were lost to failed payments",
                needs=("subscriptions.end_kind",),
                evidence="revenue#tbl-revenue-churn",
            )
        ]
    subjects = {
        "involuntary": "revenue lost to failed payments and other involuntary ends",
        "voluntary": "revenue lost because customers decided to leave",
    }
    found = []
    for kind, subject in subjects.items():
        rows = stated[stated["end_kind"] == kind]
        if not rows.empty:
            found.append(
                _fact(
                    identifier(kind, "churn"),
                    area="churn_prevention",
                    subject=subject,
                    metric=f"{kind}_churn",
                    mrr=float(rows["estimate"].sum()),
                    n=int(rows["n"].sum()),
                    period=period,
                    evidence="tbl-revenue-reasons",
                )
            )
    return found


def _losses_by_reason(reasons: Result, period: str) -> list[Finding]:
    table = reasons.table
    stated = table[(table["reason"] != "not stated") & (table["end_kind"] != "involuntary")]
    by_reason = stated.groupby("reason", as_index=False).agg(mrr=("estimate", "sum"), n=("n", "sum"))
    top = by_reason.sort_values(["mrr", "reason"], ascending=[False, True], kind="stable").head(TOP_REASONS)
    return [
        _fact(
            identifier("reason", row.reason),
            area="churn_prevention",
            subject=f"revenue lost with the stated reason “{row.reason}”",
            metric="revenue_lost_by_reason",
            mrr=float(row.mrr),
            n=int(row.n),
            period=period,
            action="churn_reason" if place == 0 else None,
            evidence="tbl-revenue-reasons",
        )
        for place, row in enumerate(top.itertuples())
    ]


def _parts(parts: Result, period: str) -> list[Finding]:
    """Downgrades and expansions by what changed; a part that runs against its movement is no fact of its own."""
    found = []
    for row in parts.table.itertuples():
        down = row.movement == "contraction"
        amount = -row.estimate if down else row.estimate
        if not known(amount) or amount <= 0:
            continue
        what = _PART_NAMES[row.part]
        found.append(
            _fact(
                identifier(row.movement, row.part),
                area="expansion" if not down else "pricing_packaging",
                subject=f"revenue lost to downgrades in {what}" if down else f"revenue added by growth in {what}",
                metric=f"{'downgrade' if down else 'expansion'}_{row.part}",
                mrr=float(amount),
                n=int(row.n),
                period=period,
                evidence="tbl-revenue-parts",
            )
        )
    return found


def _returners(waterfall: Result, period: str) -> list[Finding]:
    row = waterfall.row(movement="reactivation")
    if not row["estimate"] > 0:
        return []
    return [
        _fact(
            "returners",
            area="churn_prevention",
            subject="revenue of accounts that left and came back",
            metric="reactivation",
            mrr=float(row["estimate"]),
            n=int(row["n"]),
            period=period,
            evidence="fig-revenue-waterfall",
        )
    ]


def _concentration(influence: Result) -> Finding:
    row = influence.row(measure="top_ten_share")
    return Finding(
        id="concentration",
        chapter="revenue",
        kind="fact",
        area="success_allocation",
        subject="share of recurring revenue that the ten largest accounts pay",
        metric="top_ten_share",
        estimate=row["estimate"],
        unit="share",
        n=row["n"],
        design="A",
        few_accounts=bool(row["few_accounts"]),
        caveat=FEW_CAVEAT if row["few_accounts"] else "",
        evidence="revenue#tbl-revenue-influence",
    )


def _contrast(row: pd.Series) -> Finding:
    shown = known(row["estimate"])
    due = row["metric"].endswith("_due")
    if not shown or not known(row["low"]):
        direction = "unknown"
    else:
        direction = "higher" if row["low"] > 0 else ("lower" if row["high"] < 0 else "none")
    few = bool(row["few_accounts"])
    priced = known(row["money"])
    return Finding(
        id=identifier(row["attribute"], row["level"], row["metric"]),
        chapter="segments",
        kind="association",
        area=_area(row["attribute"]),
        subject=f"{_noun(row['attribute_label'])} {row['level']}",
        metric=row["metric"].removesuffix("_due"),
        segment=f"{_noun(row['attribute_label'])} = {row['level']}",
        compared_with="the other accounts whose term came due" if due else "the other accounts",
        direction=direction,
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        unit="points",
        n=row["n"],
        # No variation on either side leaves no test; that is no evidence of a difference.
        p=(row["p"] if known(row["p"]) else 1.0) if shown else None,
        p_adjusted=row["p_adjusted"],
        design="C",
        money=row["money"],
        money_low=row["money_low"],
        money_high=row["money_high"],
        money_period="of recurring revenue a year" if priced else "",
        caveat=" ".join([RAW_CAVEAT, FEW_CAVEAT] if few else [RAW_CAVEAT]),
        evidence="segments#tbl-segments-contrasts",
        shown=shown,
        few_accounts=few,
    )


def _area(attribute: str) -> Area:
    if attribute in _AREAS:
        return _AREAS[attribute]
    return next((area for word, area in _AREA_WORDS if word in attribute.lower()), "market_focus")


def _noun(label: str) -> str:
    """A label as it stands within a sentence: "contract term", but "MRR"."""
    label = label.replace("=", " ").strip()
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
