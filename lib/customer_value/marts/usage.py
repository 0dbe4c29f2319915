"""Use: what accounts did while they were customers, by calendar month and by feature.

Use comes as events or as monthly sums, of each feature or of everything together. Events and feature sums add up; days
and users do not, so what a source cannot tell stays null. Use outside an account's life is counted and left out.
``docs/definitions.md`` says all of it in plain words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import ibis
import ibis.expr.types as ir

from customer_value.marts.dates import days_between, first_of_month, month_of, months_between, next_month
from customer_value.marts.months import days_table
from customer_value.marts.spells import OPEN

TABLES = ("usage_events", "feature_usage_monthly", "activity_monthly")
"""The contract's tables of use, the finest first."""

_MEASURES = ("events", "active_days", "users")
_KEYS = ("customer_id", "month")
_PLAIN = {"events": "events", "active_days": "active days", "users": "users"}

Keep = Callable[[str, ir.Table], ir.Table]


@dataclass(frozen=True)
class Recorded:
    """What is known about use.

    Attributes
    ----------
    usage_from, usage_until : first days of the first and the last month in which any use is recorded; None if none is
    features_from, features_until : the same of use by feature
    source : the contract's table behind ``activity`` (all use together) and behind ``features``
    warnings : what a reader should know, as sentences
    """

    usage_from: date | None = None
    usage_until: date | None = None
    features_from: date | None = None
    features_until: date | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Use:
    """The marts of use and what is known about it; a mart about which nothing is recorded is None."""

    recorded: Recorded
    usage_months: ir.Table | None = None
    feature_months: ir.Table | None = None


@dataclass(frozen=True)
class _Source:
    """What one table records of accounts while they were customers.

    Attributes
    ----------
    table : its name in the contract
    rows : ``customer_id, month``, of features ``feature``, and the measures. A row without any use is a row: it shows
        that use was recorded
    first, last : the months between which it records use
    tells : the measures that it states at all
    """

    table: str
    rows: ir.Table
    first: date
    last: date
    tells: tuple[str, ...]

    def reaches(self, month: ir.DateValue) -> ir.BooleanValue:
        """Whether the month lies between the first and the last that it records."""
        return month.between(ibis.literal(self.first), ibis.literal(self.last))


@dataclass(frozen=True)
class _Outside:
    """Uses recorded while the account was no customer, of all uses in a table."""

    table: str
    uses: int
    of: int


def exposure(spells: ir.Table, *, first_month: date, last_month: date) -> ir.Table:
    """On how many days of a calendar month an account was a customer; pauses within grace count.

    Parameters
    ----------
    spells : that mart
    first_month, last_month : between which months to look, as first days

    Returns
    -------
    One row an account and month with at least one such day: ``customer_id, month, exposed_days``.
    """
    months = months_between(first_month, last_month)
    spans = days_table({"month": months, "until": [next_month(month) for month in months]})
    lives = spells.select("customer_id", "start_date", ended=spells.end_date.fill_null(OPEN)).cross_join(spans)
    lives = lives.filter((lives.start_date < lives.until) & (lives.ended > lives.month))
    days = days_between(ibis.greatest(lives.start_date, lives.month), ibis.least(lives.ended, lives.until))
    return lives.group_by(*_KEYS).agg(exposed_days=days.sum().cast("int64"))


def use(given: Mapping[str, ir.Table], spells: ir.Table, *, data_from: date, last_month: date, keep: Keep) -> Use:
    """What accounts did while they were customers, from whichever tables of use there are.

    All use together is read from ``activity_monthly``, else from ``usage_events``, else added up from
    ``feature_usage_monthly``; use by feature from ``feature_usage_monthly``, else from ``usage_events``. No two tables
    are added together.

    Parameters
    ----------
    given : the contract's tables of use by name, at least one
    spells : that mart
    data_from : the first day on which anyone paid
    last_month : the last whole month
    keep : computes a table once, under a name

    Returns
    -------
    With ``usage_months``: one row an account and month in which it was a customer and use is recorded: ``exposed_days,
    events, active_days, users`` of all use together, ``features`` (how many were used) and ``feature_events`` (theirs
    added up). A month without a row of use counts as none; a measure is null where its source cannot tell it or does
    not reach. With ``feature_months``: the rows with use, ``customer_id, month, feature, events, active_days, users``.
    """
    lived = keep("lived", exposure(spells, first_month=first_of_month(data_from), last_month=last_month))
    outside = []
    features = activity = None
    if "feature_usage_monthly" in given:
        features, beyond = _sums("feature_usage_monthly", given["feature_usage_monthly"], lived, keep)
        outside.append(beyond)
    if "activity_monthly" in given:
        activity, beyond = _sums("activity_monthly", given["activity_monthly"], lived, keep)
        outside.append(beyond)
    if "usage_events" in given and (features is None or activity is None):
        acts, beyond = _acts(given["usage_events"], spells, last_month, keep)
        outside.append(beyond)
        features = features or _counted("acts_by_feature", acts, keep, by=(*_KEYS, "feature"))
        activity = activity or _counted("acts_in_all", acts, keep, by=_KEYS)
    if activity is None and features is not None:
        activity = _added_up(features)
    if activity is None:
        return Use(Recorded(warnings=(*_outside_said(outside), "No use is recorded while an account was a customer.")))
    known = [source for source in (activity, features) if source is not None]
    recorded = Recorded(
        usage_from=min(source.first for source in known),
        usage_until=max(source.last for source in known),
        features_from=features.first if features else None,
        features_until=features.last if features else None,
        source={"activity": activity.table, **({"features": features.table} if features else {})},
        warnings=(
            *_outside_said(outside),
            *_untold(given, activity, features),
            *_unrecorded(known, first_of_month(data_from), last_month),
        ),
    )
    inside = lived.filter(lived.month.between(ibis.literal(recorded.usage_from), ibis.literal(recorded.usage_until)))
    return Use(recorded, _usage_months(inside, activity, features), _feature_months(features))


def adoption(feature_months: ir.Table) -> ir.Table:
    """When each account first used each feature, and when it had used it in two months.

    Parameters
    ----------
    feature_months : that mart

    Returns
    -------
    One row an account and feature ever used while a customer: ``customer_id, feature, first_used, adopted_in`` (the
    second month of use; null if there is one only), ``months_used, last_used``. Months are first days.
    """
    numbered = feature_months.mutate(
        nth=ibis.row_number().over(ibis.window(group_by=("customer_id", "feature"), order_by="month"))
    )
    return numbered.group_by("customer_id", "feature").agg(
        first_used=numbered.month.min(),
        adopted_in=numbered.month.min(where=numbered.nth == 1),
        months_used=numbered.count(),
        last_used=numbered.month.max(),
    )


def _usage_months(lived: ir.Table, activity: _Source, features: _Source | None) -> ir.Table:
    of_all = activity.rows.select(*_KEYS, *_MEASURES, seen=ibis.literal(True))
    every = lived.left_join(of_all, _KEYS).select(*lived.columns, *_MEASURES, "seen")
    unused = activity.reaches(every.month) & every.seen.isnull()
    every = every.mutate(
        **{
            measure: unused.ifelse(ibis.literal(0), every[measure]) if measure in activity.tells else ibis.null("int64")
            for measure in _MEASURES
        }
    ).drop("seen")
    if features is None:
        return every.mutate(features=ibis.null("int64"), feature_events=ibis.null("int64"))
    used = features.rows.filter(features.rows.events > 0)
    in_all = used.group_by(*_KEYS).agg(features=used.count(), feature_events=used.events.sum().cast("int64"))
    every = every.left_join(in_all, _KEYS).select(*every.columns, "features", "feature_events")
    unused = features.reaches(every.month) & every.features.isnull()
    return every.mutate(
        features=unused.ifelse(ibis.literal(0), every.features),
        feature_events=unused.ifelse(ibis.literal(0), every.feature_events),
    )


def _feature_months(features: _Source | None) -> ir.Table | None:
    if features is None:
        return None
    return features.rows.filter(features.rows.events > 0).select(*_KEYS, "feature", *_MEASURES)


def _sums(table: str, sums: ir.Table, lived: ir.Table, keep: Keep) -> tuple[_Source | None, _Outside]:
    """The rows of a table of monthly sums that lie in account-months with a customer."""
    keys = (*_KEYS, "feature") if "feature" in sums.columns else _KEYS
    rows = keep(table, sums.semi_join(lived, _KEYS).select(*keys, *_MEASURES))
    uses, of = (
        _number(each.filter(ibis.or_(*((each[measure] > 0).fill_null(False) for measure in _MEASURES))).count())
        for each in (rows, sums)
    )
    return _source(table, rows), _Outside(table, of - uses, of)


def _acts(events: ir.Table, spells: ir.Table, last_month: date, keep: Keep) -> tuple[ir.Table, _Outside]:
    """Events inside the accounts' lives, put together where account, feature, user and day are the same.

    Distinct days and users are then counted on far fewer rows.
    """
    dated = events.mutate(day=events.event_time.date())
    dated = dated.filter(dated.day < ibis.literal(next_month(last_month)))
    acts = keep("acts", dated.group_by("customer_id", "feature", "user_id", "day").agg(events=dated.count()))
    lives = spells.select("customer_id", "start_date", ended=spells.end_date.fill_null(OPEN))
    inside = acts.inner_join(lives, "customer_id")
    inside = inside.filter((inside.start_date <= inside.day) & (inside.day < inside.ended))
    inside = keep("lived_acts", inside.select(*acts.columns, month=month_of(inside.day)))
    uses, of = (_number(each.events.sum()) for each in (inside, acts))
    return inside, _Outside("usage_events", of - uses, of)


def _number(count: ir.IntegerScalar) -> int:
    return int(count.to_pyarrow().as_py() or 0)


def _counted(name: str, acts: ir.Table, keep: Keep, *, by: tuple[str, ...]) -> _Source | None:
    rows = acts.group_by(*by).agg(
        events=acts.events.sum().cast("int64"), active_days=acts.day.nunique(), users=acts.user_id.nunique()
    )
    # Events that name no user tell nothing about how many there were.
    return _source("usage_events", keep(name, rows.mutate(users=rows.users.nullif(0))))


def _added_up(features: _Source) -> _Source:
    """All use together from sums by feature: events add up, days and users do not."""
    rows = features.rows.group_by(*_KEYS).agg(events=features.rows.events.sum().cast("int64"))
    rows = rows.mutate(active_days=ibis.null("int64"), users=ibis.null("int64"))
    return _Source(features.table, rows, features.first, features.last, ("events",))


def _source(table: str, rows: ir.Table) -> _Source | None:
    """None if it records nothing."""
    about = rows.aggregate(
        first=rows.month.min(), last=rows.month.max(), **{measure: rows[measure].count() for measure in _MEASURES}
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    if about["first"] is None:
        return None
    return _Source(table, rows, about["first"], about["last"], tuple(name for name in _MEASURES if about[name]))


def _outside_said(outside: list[_Outside]) -> tuple[str, ...]:
    what = {"usage_events": "events"}
    return tuple(
        f"Use recorded while the account was no customer (before its first paid day, after its end, or in between): "
        f"{found.uses:,} of {found.of:,} {what.get(found.table, 'monthly sums')} in {found.table}. It is not used."
        for found in outside
        if found.uses
    )


def _untold(given: Mapping[str, ir.Table], activity: _Source, features: _Source | None) -> tuple[str, ...]:
    """Which of several tables was read, and what it cannot tell."""
    said = []
    read = {activity.table, *([features.table] if features else [])}
    ignored = [table for table in TABLES if table in given and table not in read]
    if ignored:
        said.append(f"Use is read from {' and '.join(sorted(read))}, not from {' and '.join(ignored)} as well.")
    unknown = [_PLAIN[measure] for measure in _MEASURES if measure not in activity.tells]
    if unknown:
        said.append(f"Of all use together {activity.table} does not tell {' and '.join(unknown)}.")
    if features is None:
        said.append(f"{activity.table} sums all use together: nothing is known about single features.")
    elif features.table != activity.table:
        unknown = [_PLAIN[measure] for measure in _MEASURES if measure not in features.tells]
        if unknown:
            said.append(f"Of the single features {features.table} does not tell {' and '.join(unknown)}.")
    return tuple(said)


def _unrecorded(known: list[_Source], first_month: date, last_month: date) -> tuple[str, ...]:
    """Where recording begins after the data do, or stops before them."""
    said = []
    for source in {source.table: source for source in known}.values():
        if source.first > first_month:
            said.append(f"{source.table} begins in {source.first:%B %Y}: use before that month is not known.")
        if source.last < last_month:
            said.append(
                f"{source.table} ends in {source.last:%B %Y}: use after that is not known, and is not taken for none."
            )
    return tuple(said)
