"""What the revenue chapter puts on record: the state of the business and accounting facts with their money."""

from __future__ import annotations

from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.decisions import FEW
from customer_value.strategy.established import FEW_CAVEAT, RAW_CAVEAT, area_of, contrast, noun
from customer_value.strategy.findings import Area, Finding, Point, identifier, uncapital
from customer_value.strategy.wording import Words, known

TOP_REASONS = 3
"""Stated reasons for leaving that are recorded one by one."""

LEAVERS = "accounts, those won within the period included"
"""What reasons for leaving count, where retention counts the opening accounts alone."""

_PART_NAMES = {"price": "price", "seats": "seats", "plan": "plans", "addon": "add-ons"}
_CHANGED = {"expansion": "revenue added by growth in {}", "contraction": "revenue lost to downgrades in {}"}
_SUBJECTS = {
    ("expansion", "discount"): "revenue gained as discounts ended",
    ("contraction", "discount"): "revenue given up in discounts to existing accounts",
}
_HEADLINES = {
    "net": ("nrr", "net revenue retention"),
    "gross": ("grr", "gross revenue retention"),
    "logo": ("logo_retention", "share of accounts kept"),
}


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
                level=retention.level,
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
            level=quick.level,
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
            level=size.level,
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


def winds(contrasts: Result) -> list[Finding]:
    """Every contrast of `studies.revenue.wind_contrasts`, clear or not: raw comparisons, to be tested first at most."""
    return [_wind(row, contrasts.level) for _, row in contrasts.table.iterrows()]


def _wind(row: pd.Series, level: float | None) -> Finding:
    label = row["attribute_label"]
    shown = known(row["estimate"])
    return Finding(
        id=identifier(row["attribute"], row["level"], row["measure"]),
        chapter="revenue",
        area=area_of(row["attribute"]),
        subject=f"{noun(label)} {row['level']}",
        metric=row["measure"],
        segment=f"{noun(label)} = {row['level']}",
        design="C",
        # More lost is the worse side, so what the gate would do by direction does not fit a headwind.
        action="difference",
        caveat=" ".join([RAW_CAVEAT, *([FEW_CAVEAT] if row["few_accounts"] else [])]) if shown else "",
        evidence="revenue#tbl-revenue-wind-contrasts",
        **contrast(row, level, shown=shown),
    )


def targets(latest: Result, *, words: Words) -> list[Finding]:
    """The latest figure of every metric that has a target, as a share of it.

    Parameters
    ----------
    latest : of `studies.revenue.against_targets`, one row a metric
    """
    return [
        Finding(
            id=identifier("target", row["metric"]),
            chapter="revenue",
            kind="fact",
            area="state",
            subject=f"{uncapital(LABELS[row['metric']])} in {words.month(row['month'])}, as a share of its target",
            metric="of_target",
            estimate=row["of_target"],
            unit="share",
            design="A",
            evidence="revenue#tbl-revenue-targets",
        )
        for _, row in latest.table.iterrows()
        if known(row["of_target"])
    ]


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
    """Lost to failed payments, and lost by decision; where nothing says which, the whole loss and what is needed."""
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
            ),
            _fact(
                "churn",
                area="churn_prevention",
                subject="revenue of accounts that left",
                metric="churn",
                **_of(table),
                n_of=LEAVERS,
                period=period,
                # Where reasons are on record already, recording them is no advice.
                action="churn" if (table["reason"] == "not stated").all() else "voluntary_churn",
                evidence="tbl-revenue-reasons",
            ),
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
                    **_of(rows),
                    n_of=LEAVERS,
                    period=period,
                    evidence="tbl-revenue-reasons",
                )
            )
    return found


def _losses_by_reason(reasons: Result, period: str) -> list[Finding]:
    table = reasons.table
    stated = table[(table["reason"] != "not stated") & (table["end_kind"] != "involuntary")]
    by_reason = [(reason, _of(rows)) for reason, rows in stated.groupby("reason")]
    top = sorted(by_reason, key=lambda each: (-each[1]["mrr"], each[0]))[:TOP_REASONS]
    return [
        _fact(
            identifier("reason", reason),
            area="churn_prevention",
            subject=f"revenue lost with the stated reason “{reason}”",
            metric="revenue_lost_by_reason",
            **money,
            n_of=LEAVERS,
            period=period,
            action="churn_reason" if place == 0 else None,
            evidence="tbl-revenue-reasons",
        )
        for place, (reason, money) in enumerate(top)
    ]


def _of(rows: pd.DataFrame) -> dict[str, object]:
    """Money of several rows of different accounts, how many those are, and whether few of them decide it."""
    mrr = float(rows["estimate"].abs().sum())
    # Kish's number of a union, from those of its parts.
    equal = mrr**2 / float((rows["estimate"] ** 2 / rows["effective_n"]).sum()) if mrr > 0 else 0.0
    few = equal < FEW
    return {"mrr": mrr, "n": int(rows["n"].sum()), "few_accounts": few, "caveat": FEW_CAVEAT if few else ""}


def _parts(parts: Result, period: str) -> list[Finding]:
    """Downgrades and expansions by what changed; a part that runs against its movement is no fact of its own."""
    found = []
    for place, row in enumerate(parts.table.itertuples()):
        down = row.movement == "contraction"
        amount = -row.estimate if down else row.estimate
        if not known(amount) or amount <= 0:
            continue
        found.append(
            _fact(
                identifier(row.movement, row.part),
                area="expansion" if not down else "pricing_packaging",
                subject=_SUBJECTS.get((row.movement, row.part)) or _CHANGED[row.movement].format(_PART_NAMES[row.part]),
                metric=f"{'downgrade' if down else 'expansion'}_{row.part}",
                **_of(parts.table.iloc[[place]]),
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
