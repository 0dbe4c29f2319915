"""What became of the terms that ran out: how many renewed, on what terms, in which groups, and whether that changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.levels import Levels
from customer_value.marts.renewals import OUTCOMES, falling_due
from customer_value.marts.standing import months_earlier
from customer_value.stats import closed_cohort, intervals
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.renewals.decided import Scope, decided, fallen_due, grouped_by, grouping, notes

METRICS = ("renewed", "revenue_renewed", "revenue_after")
"""Share of renewals that renewed; of the revenue due, the share kept, growth not counted; the same with growth."""

QUARTERS = 8
"""Quarters that outcomes are told apart by."""

_METHOD = (
    "Renewals decided: a term that ran out counts as renewed if the account stays a customer beyond the grace, on "
    "whatever term. Accounts: Wilson. Revenue kept: Wilson on the effective number of accounts; with growth: "
    "delete-one jackknife over accounts"
)
_KINDS = tuple(outcome for outcome in OUTCOMES if outcome != "pending")


def batting_average(marts: Marts, scope: Scope) -> Result:
    """Of the terms that ran out, the share that was renewed: of all, and in every group.

    An account with several terms in the period counts once for each: a decision is the unit. After a lapse there is no
    further one, so decisions of one account are not repeats of one answer.

    Returns
    -------
    Result keyed by ``attribute, level, metric`` (`METRICS`); the first rows, ``all`` and ``all``, are the whole
    company. ``n`` counts renewals decided, ``events`` those that lapsed. Attributes known only as of now are left out.
    Groups of fewer than ``min_group`` are pooled to ``other``; what is still too small shows ``n`` only.

    Raises
    ------
    SettingsError : an attribute is unknown
    """
    base = decided(marts, scope)
    about = {"attribute": "all", "level": "all", "attribute_label": "All renewals", "known_at": "start"}
    rows = [about | row for row in _metrics(base, scope, min_group=1)]
    chosen = grouped_by(marts, scope)
    for attribute in chosen:
        if attribute.known_at == "current" or base.empty:
            continue
        group = grouping(base, attribute, scope)
        if len(group.levels) < 2:
            continue
        about = {"attribute": attribute.name, "attribute_label": attribute.label, "known_at": attribute.known_at}
        for level in group.levels:
            members = base[(group.named == level).to_numpy()]
            rows += [about | {"level": level} | row for row in _metrics(members, scope, min_group=scope.min_group)]
    columns = ["attribute", "level", "metric", *closed_cohort.COLUMNS, "attribute_label", "known_at"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="batting_average",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="share",
        level=scope.confidence,
        n_of="renewals",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method=_METHOD,
        notes=notes(marts, fallen_due(marts, scope), scope),
    )


def _metrics(members: pd.DataFrame, scope: Scope, *, min_group: int) -> list[dict[str, object]]:
    options = {"confidence": scope.confidence, "min_group": min_group}
    lapsed = int((~members["renewed"]).sum()) if len(members) else 0
    # Of an account that decided several times the money is added up: accounts are what varies by chance.
    # Renewed on terms that the revenue does not show: all of it counts as kept, and nothing as added.
    after = members["mrr_after"].fillna(members["mrr_before"])
    money = members.assign(kept=np.minimum(members["mrr_before"], after), after=after)
    money = money.groupby("customer_id")[["mrr_before", "kept", "after"]].sum()
    found = {
        "renewed": closed_cohort.share(members["renewed"].to_numpy(dtype=bool), **options) | {"events": lapsed},
        "revenue_renewed": closed_cohort.weighted(money["kept"], money["mrr_before"], events=lapsed, **options),
        "revenue_after": closed_cohort.ratio(money["after"], money["mrr_before"], events=lapsed, **options),
    }
    # Small groups are judged by their decisions throughout, not once by decisions and once by accounts.
    enough = shown(len(members), min_group)
    hidden = {} if enough else dict.fromkeys(("estimate", "low", "high"), np.nan)
    return [row | {"metric": metric, "n": len(members)} | hidden for metric, row in found.items()]


def outcomes(marts: Marts, scope: Scope, *, by: str = "term") -> Result:
    """Renewals decided by what became of them: alike, larger, smaller, cheaper, on another term, lapsed.

    Parameters
    ----------
    by : ``term``; or ``quarter`` of the due date, over the `QUARTERS` last whole quarters that are decided

    Returns
    -------
    Result keyed by ``group, outcome`` (outcomes of `customer_value.marts.renewals.OUTCOMES` that occur at all), shares
    of the group's renewals, Wilson. ``events`` counts renewals with the outcome, ``n`` all decided, ``mrr_before`` and
    ``mrr_after`` their revenue. The group ``all``, the whole period, comes first.

    Raises
    ------
    SettingsError : ``by`` is neither
    """
    base = decided(marts, scope)
    groups = {"all": base}
    match by:
        case "term":
            named = Levels("term").name(base["term"])
            groups |= {str(level): base[(named == level).to_numpy()] for level in named.cat.categories}
        case "quarter":
            quarters = {name: members for name, members in _quarters(marts, scope).items() if len(members)}
            groups |= dict(list(quarters.items())[-QUARTERS:])
        case _:
            raise SettingsError(f"Outcomes are told apart by term or quarter, got: {by!r}")
    seen = set().union(*(set(members["outcome"]) for members in groups.values()))
    rows = [
        {"group": name} | row
        for name, members in groups.items()
        for row in _shares(
            members, [outcome for outcome in _KINDS if outcome in seen], scope,
            min_group=1 if name == "all" else scope.min_group,
        )
    ]  # fmt: skip
    columns = ["group", "outcome", "estimate", "low", "high", "n", "events", "mrr_before", "mrr_after"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="renewal_outcomes",
        table=table,
        keys=("group", "outcome"),
        unit="share",
        level=scope.confidence,
        n_of="renewals",
        suppressed=int(table.loc[table["estimate"].isna(), "group"].nunique()),
        method="Each renewal by the account's revenue on the last day before and the first day after it; Wilson",
        notes=notes(marts, fallen_due(marts, scope), scope),
    )


def _shares(members: pd.DataFrame, kinds: Sequence[str], scope: Scope, *, min_group: int) -> list[dict[str, object]]:
    rows = []
    for outcome in kinds:
        own = members[members["outcome"] == outcome]
        row = {"outcome": outcome, "n": len(members), "events": len(own)}
        row |= {"mrr_before": float(own["mrr_before"].sum()), "mrr_after": float(own["mrr_after"].sum())}
        if shown(len(members), min_group) and len(members):
            share, low, high = intervals.wilson(len(own), len(members), confidence=scope.confidence)
            row |= {"estimate": float(share), "low": float(low), "high": float(high)}
        rows.append(row)
    return rows


def _quarters(marts: Marts, scope: Scope) -> dict[str, pd.DataFrame]:
    """The renewals of every whole quarter of the data that is decided, by name, the oldest first."""
    found = falling_due(marts, least_term=scope.least_term)
    first = pd.Timestamp(marts.meta.complete_from) + pd.Timedelta(days=1)
    until = pd.Timestamp(marts.meta.as_of) - pd.Timedelta(days=marts.meta.grace_days)
    quarters = [
        quarter
        for quarter in pd.period_range(first, max(first, until), freq="Q")
        if quarter.start_time >= first and quarter.end_time.normalize() <= until
    ]
    due, known = found["due_date"].dt.to_period("Q"), found["outcome"] != "pending"
    return {f"{quarter.year} Q{quarter.quarter}": found[(due == quarter) & known] for quarter in quarters}


def by_quarter(marts: Marts, scope: Scope) -> Result:
    """The share renewed in every whole quarter of the data that is decided.

    The period of ``scope`` plays no part: the course is shown as far as the data reach.

    Returns
    -------
    Result keyed by ``month``, the first of the quarter, shares with Wilson's interval; a quarter of fewer than
    ``min_group`` renewals shows ``n`` only. ``events`` counts lapses, ``quarter`` is its name.
    """
    rows = []
    for name, members in _quarters(marts, scope).items():
        kept = (members["outcome"] != "lapsed").to_numpy()
        row = closed_cohort.share(kept, confidence=scope.confidence, min_group=scope.min_group)
        first = pd.Period(name.replace(" ", "")).start_time
        rows.append(row | {"month": first, "quarter": name, "events": int((~kept).sum())})
    table = pd.DataFrame(rows).reindex(columns=["month", "estimate", "low", "high", "n", "events", "quarter"])
    return Result(
        name="renewed_by_quarter",
        table=table,
        keys=("month",),
        unit="share",
        level=scope.confidence,
        n_of="renewals",
        suppressed=int(table["estimate"].isna().sum()),
        method="Renewals by the quarter of their due date; Wilson",
    )


def year_on_year(marts: Marts, scope: Scope) -> Result:
    """The share renewed in the period against that in as long a time before.

    Months differ by more than the chance in single decisions (a price rise, a bad release reaches everyone who decides
    then), so months are what varies: each side's interval is a jackknife over its months.

    Returns
    -------
    Result keyed by ``contrast`` (one row, ``period_before``), points: this period less the one before, ``p`` of no
    difference, ``n`` and ``n_rest`` renewals, ``group_share, rest_share``. No estimate where the data do not reach back
    that far or a side has fewer than ``min_group`` renewals.
    """
    months = round((scope.end - scope.start).days / (365.25 / 12))
    before = months_earlier(scope.start, max(months, 1))
    row: dict[str, object] = {"contrast": "period_before", "n": np.nan, "n_rest": np.nan}
    found = falling_due(marts, least_term=scope.least_term)
    found = found[found["outcome"] != "pending"]
    sides = [
        found[(found["due_date"] > pd.Timestamp(first)) & (found["due_date"] <= pd.Timestamp(last))]
        for first, last in ((scope.start, scope.end), (before, scope.start))
    ]
    row |= {"n": len(sides[0]), "n_rest": len(sides[1])}
    if before >= marts.meta.complete_from and all(shown(len(side), scope.min_group) for side in sides):
        shares = [_by_month(side, confidence=scope.confidence) for side in sides]
        gap = intervals.difference(*shares, confidence=scope.confidence)
        row |= {"estimate": gap.estimate, "low": gap.low, "high": gap.high, "p": gap.p}
        row |= {"group_share": shares[0].estimate, "rest_share": shares[1].estimate}
    columns = ["contrast", "estimate", "low", "high", "n", "n_rest", "group_share", "rest_share", "p"]
    return Result(
        name="renewed_year_on_year",
        table=pd.DataFrame([row]).reindex(columns=columns).astype(dict.fromkeys(columns[1:], float)),
        keys=("contrast",),
        unit="points",
        level=scope.confidence,
        n_of="renewals",
        reference="the period before",
        method="Difference of two shares; delete-one jackknife over months, Welch's t",
    )


def _by_month(side: pd.DataFrame, *, confidence: float) -> intervals.Interval:
    month = side["due_date"].dt.to_period("M")
    sums = (side["outcome"] != "lapsed").groupby(month).agg(["sum", "size"])
    return intervals.ratio_jackknife(sums["sum"], sums["size"], confidence=confidence)
