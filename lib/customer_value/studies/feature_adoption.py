"""How far each feature has spread: who uses it, how soon, how much, and whether they go on using it.

Adoption is a one-way switch: an account has adopted a feature in the second month in which it used it. Use that is
recorded in a month in which the account was no customer does not count.
"""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.dates import close_of_month, month_of, months_since
from customer_value.marts.store import to_pandas
from customer_value.stats import closed_cohort, intervals, survival
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.result import Result

ALL = "all features"
"""The row of what is said of all features together."""

RECENT = 3
"""Whole months that "now" reaches back: an account uses a feature if it used it in one of them."""
AGED = 3
"""Months that an account has been a customer before it is expected to use anything."""
ALIKE = 0.95
"""Features whose recent users correlate by so much cannot be told apart."""

METRICS = {
    "used": "share",
    "adopted": "share",
    "using": "share",
    "used_aged": "share",
    "adopted_aged": "share",
    "using_aged": "share",
    "continued": "share",
    "months_to_adopt": "months",
    "depth": "ratio",
    "licences": "share",
}
"""Metrics of a feature and their units."""


def adoption(marts: Marts, *, confidence: float = 0.95, min_group: int = MIN_GROUP) -> Result:
    """How far each feature has spread among the accounts active at the close of the last month with use on record.

    Returns
    -------
    Result keyed by ``feature, metric``, ``unit`` by row, features in order of use. Of each feature:

    - ``used``, ``adopted``, ``using``: share of active accounts that ever used it, that used it in a second month, that
      used it in the last three whole months; ``…_aged`` the same among those that have been customers for three months;
    - ``continued``: of active accounts that had adopted it before the last three months, the share still using it;
    - ``months_to_adopt``: the month of its life, counted from 1, by which half of all accounts have adopted it
      (Kaplan–Meier; accounts whose whole life is covered by the usage data; leavers are followed until they leave);
      missing where half never did within the data. Adoption takes two months of use, so it cannot come before month 2;
    - ``depth``: events a day that the account was a customer, among those that used it in the last three months;
    - ``licences``: users of it in the last month over seats held, where both are known, at most all of each account's.

    Of `ALL` features: ``using`` (anything), ``breadth`` (mean number of features used in the last three months),
    ``licences``. Shares: Wilson; ``events`` counts those that have it. ``depth`` and ``breadth``: jackknife.
    Without any use on record the table is empty.
    """
    columns = ["feature", "metric", "estimate", "low", "high", "n", "events", "unit"]
    if not _recorded(marts):
        return _result(pd.DataFrame(columns=columns), confidence, ("No use of a feature is on record.",))
    base = _base(marts)
    known = _adoption_of(marts, base)
    features = _ordered(marts, known)
    options = {"confidence": confidence, "min_group": min_group}
    recent = _recent(marts, base)
    seats = _seats(marts, base)
    rows = _overall(marts, base, recent, confidence=confidence, min_group=min_group)
    times = _times(marts, features, **options)
    depth = _depth(recent, features, **options)
    for feature in features:
        mine = known[known["feature"] == feature].set_index("customer_id")
        found = _shares(base, mine, _last(marts), **options)
        found["months_to_adopt"] = times[feature]
        found["depth"] = depth[feature]
        if seats is not None:
            found["licences"] = _licences(seats, feature, **options)
        rows += [{"feature": feature, "metric": metric, "unit": METRICS[metric]} | row for metric, row in found.items()]
    return _result(
        pd.DataFrame(rows).reindex(columns=columns),
        confidence,
        _notes(marts, recent, features, accounts=len(base), seats=seats is not None),
    )


def _recorded(marts: Marts) -> bool:
    return marts.meta.rows.get("adoption", 0) > 0


def _last(marts: Marts) -> date:
    """The last whole month in which the use of features is recorded."""
    return min(marts.meta.features_until, marts.meta.last_month)


def _result(table: pd.DataFrame, confidence: float, notes: tuple[str, ...]) -> Result:
    return Result(
        name="feature_adoption",
        table=table,
        keys=("feature", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        suppressed=int((table["estimate"].isna() & (table["metric"] != "months_to_adopt")).sum()),
        method="Accounts active at the close of the last whole month. Shares: Wilson; months to adopt: Kaplan–Meier; "
        "events a day and breadth: jackknife",
        notes=notes,
    )


def _base(marts: Marts) -> pd.DataFrame:
    """The accounts active at the close of the last whole month, by id: ``seats``, ``aged``."""
    last = _last(marts)
    months = marts.table("calendar_months")
    active = months.filter((months.month == last) & months.closing_active)
    about = marts.table("accounts").select("customer_id", "first_start")
    joined = active.left_join(about, "customer_id")
    # Of an opening stock the true age is not known, but that it is at least what was seen of it.
    seen = months_since(joined.first_start, ibis.literal(close_of_month(last)))
    frame = to_pandas(
        joined.select("customer_id", seats="closing_seats", age=joined.age_months.fill_null(seen)).order_by(
            "customer_id"
        )
    ).set_index("customer_id")
    return frame.assign(aged=frame["age"] >= AGED)


def _adoption_of(marts: Marts, base: pd.DataFrame) -> pd.DataFrame:
    frame = marts.frame("adoption")
    return frame[frame["customer_id"].isin(base.index)]


def _ordered(marts: Marts, known: pd.DataFrame) -> list[str]:
    """Every feature ever used, that of most active accounts first."""
    users = known["feature"].value_counts()
    every = to_pandas(marts.table("adoption").select("feature").distinct())["feature"]
    return sorted(every, key=lambda feature: (-users.get(feature, 0), feature))


def _months_before(month: date, number: int) -> pd.Timestamp:
    return pd.Timestamp(month) - pd.DateOffset(months=number)


def _shares(
    base: pd.DataFrame, mine: pd.DataFrame, last: date, *, confidence: float, min_group: int
) -> dict[str, dict[str, object]]:
    options = {"confidence": confidence, "min_group": min_group}
    here = mine.reindex(base.index)
    since = _months_before(last, RECENT - 1)
    having = {
        "used": here["first_used"].notna(),
        "adopted": here["adopted_in"].notna(),
        "using": here["last_used"] >= since,
    }
    found = {metric: _share(has, **options) for metric, has in having.items()}
    found |= {f"{metric}_aged": _share(has[base["aged"]], **options) for metric, has in having.items()}
    before = here["adopted_in"] < since
    found["continued"] = _share(having["using"][before], **options)
    return found


def _share(having: pd.Series, *, confidence: float, min_group: int) -> dict[str, object]:
    row = closed_cohort.share(having, confidence=confidence, min_group=min_group)
    return {name: row[name] for name in ("estimate", "low", "high", "n", "events")}


def _recent(marts: Marts, base: pd.DataFrame) -> pd.DataFrame:
    """Use in the last three months: ``customer_id, feature, events, exposed_days``, a row an active account and feature
    used."""
    since = _months_before(_last(marts), RECENT - 1).date()
    used = marts.table("feature_months")
    used = used.filter(used.month >= since).group_by("customer_id", "feature").agg(events=used.events.sum())
    days = marts.table("usage_months")
    days = days.filter(days.month >= since).group_by("customer_id").agg(exposed_days=days.exposed_days.sum())
    frame = to_pandas(used.inner_join(days, "customer_id").order_by("feature", "customer_id"))
    frame = frame[["customer_id", "feature", "events", "exposed_days"]]
    return frame[frame["customer_id"].isin(base.index)].astype({"events": float, "exposed_days": float})


def _depth(
    recent: pd.DataFrame, features: list[str], *, confidence: float, min_group: int
) -> dict[str, dict[str, object]]:
    """Events a day of life among recent users, per feature."""
    codes = pd.Categorical(recent["feature"], categories=features).codes
    found = intervals.ratio_jackknife_by(recent["events"], recent["exposed_days"], codes, confidence=confidence)
    return {feature: _jackknifed(found, place, min_group=min_group) for place, feature in enumerate(features)}


def _jackknifed(found: pd.DataFrame, place: int, *, min_group: int) -> dict[str, object]:
    row = {"estimate": np.nan, "low": np.nan, "high": np.nan, "n": 0}
    if place in found.index:
        one = found.loc[place]
        row["n"] = int(one["n"])
        if shown(row["n"], min_group):
            row |= {name: float(one[name]) for name in ("estimate", "low", "high")}
    return row


def _overall(
    marts: Marts, base: pd.DataFrame, recent: pd.DataFrame, *, confidence: float, min_group: int
) -> list[dict[str, object]]:
    """Of all features together: who uses anything, and how many features each account uses."""
    many = recent.groupby("customer_id").size().reindex(base.index).fillna(0)
    ones = np.ones(len(many))
    mean = intervals.ratio_jackknife_by(many, ones, np.zeros(len(many), dtype=int), confidence=confidence)
    rows = [
        {"metric": "using", "unit": "share"} | _share(many > 0, confidence=confidence, min_group=min_group),
        {"metric": "breadth", "unit": "ratio"} | _jackknifed(mean, 0, min_group=min_group),
    ]
    users = marts.table("usage_months")
    users = to_pandas(users.filter(users.month == _last(marts)).select("customer_id", "users"))
    held = base.join(users.set_index("customer_id")["users"].astype(float))
    rows.append({"metric": "licences", "unit": "share"} | _held(held, confidence=confidence, min_group=min_group))
    if not rows[-1]["n"]:
        rows.pop()
    return [{"feature": ALL} | row for row in rows]


def _seats(marts: Marts, base: pd.DataFrame) -> pd.DataFrame | None:
    """Users of each feature in the last month, of active accounts whose seats are known; None if no users are."""
    used = marts.table("feature_months")
    used = to_pandas(used.filter(used.month == _last(marts)).select("customer_id", "feature", "users"))
    if not used["users"].notna().any() or not (base["seats"] > 0).any():
        return None
    held = base[base["seats"] > 0]["seats"]
    wide = used.pivot(index="customer_id", columns="feature", values="users").reindex(held.index)
    return wide.astype(float).fillna(0).assign(**{ALL: held})


def _licences(seats: pd.DataFrame, feature: str, *, confidence: float, min_group: int) -> dict[str, object]:
    users = seats[feature] if feature in seats else pd.Series(0.0, index=seats.index)
    held = pd.DataFrame({"users": users, "seats": seats[ALL]})
    return _held(held, confidence=confidence, min_group=min_group)


def _held(held: pd.DataFrame, *, confidence: float, min_group: int) -> dict[str, object]:
    """Share of seats in use: each account's users, at most its seats."""
    known = held[(held["seats"] > 0) & held["users"].notna()]
    users = np.minimum(known["users"], known["seats"])
    row = closed_cohort.weighted(
        users, known["seats"], events=int((users > 0).sum()), confidence=confidence, min_group=min_group
    )
    return {name: row[name] for name in ("estimate", "low", "high", "n", "events")}


def _times(marts: Marts, features: list[str], *, confidence: float, min_group: int) -> dict[str, dict[str, object]]:
    """The month of life by which half have adopted each feature."""
    lives = _lives(marts)
    adopted = marts.frame("adoption").set_index(["feature", "customer_id"])["adopted_in"]
    found = {}
    for feature in features:
        mine = (
            adopted.loc[feature] if feature in adopted.index.get_level_values(0) else pd.Series(dtype="datetime64[ns]")
        )
        month = _number(mine.reindex(lives.index)) - lives["start"] + 1
        event = (month <= lives["length"]).to_numpy()
        followed = np.where(event, month, lives["length"]).astype(int)
        row = {"estimate": np.nan, "low": np.nan, "high": np.nan, "n": len(lives), "events": int(event.sum())}
        if shown(len(lives), min_group):
            counts = survival.person_months(np.zeros(len(lives), dtype=int), followed, event)
            curve = survival.kaplan_meier(counts, confidence=confidence)
            middle = survival.median(curve)
            if len(middle):
                row |= {name: float(middle.iloc[0][name]) for name in ("estimate", "low", "high")}
        found[feature] = row
    return found


def _lives(marts: Marts) -> pd.DataFrame:
    """Accounts whose first spell lies within the usage data from its start: ``start`` (its month as a number),
    ``length`` (calendar months from the first to the last of the first spell)."""
    first, last = pd.Timestamp(marts.meta.features_from), pd.Timestamp(_last(marts))
    spells = marts.table("spells")
    about = marts.table("accounts").select("customer_id", "opening_stock", "origin_date", "first_start")
    joined = spells.filter(spells.spell == 1).left_join(about, "customer_id")
    frame = to_pandas(
        joined.select(
            "customer_id",
            "opening_stock",
            "origin_date",
            started=month_of(joined.first_start),
            ended=month_of(joined.end_date),
        ).order_by("customer_id")
    ).set_index("customer_id")
    # Of an account older than the usage data it is not known whether it had adopted before.
    frame = frame[(frame["started"] >= first) & (frame["started"] <= last) & ~frame["opening_stock"].astype(bool)]
    ended = frame["ended"].fillna(last).clip(upper=last)
    start = _number(frame["started"])
    return pd.DataFrame({"start": start, "length": (_number(ended) - start + 1).astype(int)})


def _number(months: pd.Series) -> pd.Series:
    return months.dt.year * 12 + months.dt.month


def _notes(marts: Marts, recent: pd.DataFrame, features: list[str], *, accounts: int, seats: bool) -> tuple[str, ...]:
    said = [f"The use of features is recorded from {marts.meta.features_from:%B %Y} to {_last(marts):%B %Y}."]
    if not seats:
        said.append("How many licences are in use is not known: the data lack users of features, or seats.")
    said += [
        f"“{one}” and “{other}” are used by nearly the same accounts and cannot be told apart here."
        for one, other in alike(recent, features, of=accounts)
    ]
    return tuple(said)


def alike(recent: pd.DataFrame, features: list[str], *, of: int) -> list[tuple[str, str]]:
    """Pairs of features whose recent users are nearly the same (a correlation of `ALIKE` or more).

    Features that everybody uses do not correlate with anything: what tells them apart is how much they are used.

    Parameters
    ----------
    recent : ``customer_id, feature``, a row an account and feature used
    features : in the order in which pairs name them
    of : how many accounts there are, users or not
    """
    codes, accounts = pd.factorize(recent["customer_id"])
    used = np.zeros((len(accounts), len(features)), dtype=np.float32)
    used[codes, pd.Categorical(recent["feature"], categories=features).codes] = 1
    both = (used.T @ used).astype(float) / max(of, 1)
    share = np.diag(both)
    spread = np.sqrt(share * (1 - share))
    close = both - np.outer(share, share) >= ALIKE * np.outer(spread, spread)
    close &= np.outer(spread, spread) > 0
    return [(features[i], features[j]) for i, j in zip(*np.nonzero(np.triu(close, 1)), strict=True)]
