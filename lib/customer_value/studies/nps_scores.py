"""The net promoter score: of all, by group and over time, who answers, and what the score would be if all did.

Every respondent counts once, by the latest answer in the time looked at. Answers of people at one account are alike, so
intervals rest on the effective number of answers. Answers that foretell nothing (of former customers, of surveys sent
to leavers) are counted on a line of their own and enter no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import Marts, standing
from customer_value.marts.bases import state_at
from customer_value.marts.dates import last_whole_month
from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, attributes, pooled
from customer_value.marts.store import to_pandas
from customer_value.stats import clustering, intervals, net_score, raking
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result

SIGN = {"promoter": 1.0, "passive": 0.0, "detractor": -1.0}
"""What an answer adds to the net score."""

GRAINS = {"month": 1, "quarter": 3, "year": 12}
"""How answers are put together over time, in months."""

MOST_HIDDEN = 0.1
"""Quarters are used as long as those too thin to show hold at most this share of the answers."""

SURVEY = Attribute("survey", "Survey", "survey", "start", "text")
COHORT = Attribute("cohort_year", "Customer since", "cohort_year", "signup", "text")
USAGE = Attribute("usage", "Use a month", "usage", "start", "number")
AGE = Attribute("age", "Months as a customer", "age", "start", "number")

MONTH = 365.25 / 12
"""Days."""

USAGE_LABELS = {"active_days": "Active days a month", "events": "Events a month"}

SCORE_METHOD = (
    "Share of promoters (9 and 10) less share of detractors (0 to 6), in points from −100 to 100; each respondent by "
    "the latest answer. Adjusted Wald interval with three pseudo-answers, on the effective number of answers"
)


def answer_counts(marts: Marts, *, start: date, end: date) -> Result:
    """How many answers there are in the period, and which of them count.

    Returns
    -------
    Result keyed by ``group``: ``all``, then ``counted``, ``superseded`` (a later answer of the same respondent counts),
    ``leaving`` (of a survey sent to leavers), ``former`` and ``prospect`` (no customer yet), which add up to ``all``.
    """
    given = marts.table("nps_answers")
    inside = (given.responded_at > ibis.literal(start)) & (given.responded_at <= ibis.literal(end))
    asked = to_pandas(given.filter(inside).select("asked", "customer_id"))
    counted = len(standing.latest_answers(marts, after=start, until=end))
    of = asked["asked"].value_counts()
    rows = {"all": len(asked), "counted": counted, "superseded": int(of.get("customer", 0)) - counted}
    rows |= {name: int(of.get(name, 0)) for name in ("leaving", "former", "prospect")}
    table = pd.DataFrame({"group": list(rows), "estimate": [float(count) for count in rows.values()]})
    return Result(
        name="answer_counts", table=table, keys=("group",), unit="count", level=None, n_of="answers", method="Counted"
    )


def scores(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """The net promoter score of all and of every group.

    Parameters
    ----------
    start, end : answers given after the close of the first day, by the close of the second
    by : attributes to group by, as they stood when the answer was given; None for all. Surveys, where there are
        several, and the year in which the account became a customer are always among the groups
    bands : into how many bands of roughly equal size amounts and other numbers are cut
    money_name : how an amount is written in a band's name

    Returns
    -------
    Result keyed by ``attribute, level``; the first row is ``all, all``. ``estimate, low, high`` in points from −100 to
    100; ``n`` accounts, ``answers``, and of them ``promoters, passives, detractors``, which add up to them;
    ``mean_score``; ``effective_n``. Groups of fewer than ``min_group`` accounts show counts only; ``all`` always shows.

    Raises
    ------
    SettingsError : an attribute is unknown
    """
    options = {"confidence": confidence}
    everyone = _described(marts, standing.latest_answers(marts, after=start, until=end))
    rows = [
        {"attribute": "all", "level": "all", "attribute_label": "All accounts", "known_at": "start"}
        | _score(everyone, min_group=1, **options)
    ]
    of_surveys = _described(marts, standing.latest_answers(marts, after=start, until=end, by_survey=True))
    for attribute in (SURVEY, *attributes(marts.meta, names=by), COHORT):
        answers = of_surveys if attribute is SURVEY else everyone
        if answers.empty:
            continue
        named = _named(answers, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(named.cat.categories) < 2:
            continue
        rows += [
            {
                "attribute": attribute.name,
                "level": level,
                "attribute_label": attribute.label,
                "known_at": attribute.known_at,
            }
            | _score(answers[named == level], min_group=min_group, **options)
            for level in named.cat.categories
        ]
    table = pd.DataFrame(rows)
    current = [attribute.label for attribute in attributes(marts.meta, names=by) if attribute.known_at == "current"]
    return Result(
        name="net_promoter_score",
        table=table,
        keys=("attribute", "level"),
        unit="count",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method=SCORE_METHOD,
        notes=(f"{', '.join(current)}: as it stands today, not as it stood when the answer was given.",)
        if current
        else (),
    )


def trend(marts: Marts, *, grain: str | None = None, confidence: float = 0.95, min_group: int = 30) -> Result:
    """The net promoter score over all time that answers reach back.

    Parameters
    ----------
    grain : ``month``, ``quarter`` or ``year`` of the calendar; None for quarters, or years where more than a tenth of
        the answers fall into quarters too thin to show

    Returns
    -------
    Result keyed by ``month``, the first of each time; only whole ones. Columns as in `scores`. Within each, the latest
    answer of each respondent counts.
    """
    given = marts.table("nps_answers")
    first = given.filter(given.asked == "customer").responded_at.min().to_pyarrow().as_py()
    options = {"confidence": confidence, "min_group": min_group}
    table = _over_time(marts, first, GRAINS[grain or "quarter"], **options)
    if grain is None and not table.empty:
        hidden = table.loc[table["estimate"].isna(), "answers"].sum()
        grain = "quarter" if hidden <= MOST_HIDDEN * table["answers"].sum() else "year"
        table = table if grain == "quarter" else _over_time(marts, first, GRAINS["year"], **options)
    if table.empty:
        table = pd.DataFrame(columns=["month", "estimate", "low", "high", "n", "answers"])
    return Result(
        name="net_promoter_score_trend",
        table=table,
        keys=("month",),
        unit="count",
        level=confidence,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
        method=SCORE_METHOD,
        notes=(f"By {grain} of the calendar, named by its first month.",) if grain else (),
    )


def response(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Who answers: the share of invitations answered, or, where none are recorded, of accounts with an answer.

    Invitations so new that an answer may still come are left out. Use and age count among the groups.

    Returns
    -------
    Result keyed by ``attribute, level``, shares with Wilson's interval; for invitations on their effective number,
    since one account gets several. ``n_of`` says which of the two it is: ``invitations`` or ``accounts``.
    """
    invited = _invited(marts, start, end)
    rows = _accounts(marts, start, end) if invited is None else invited
    rows = _described(marts, rows)
    usage = replace(USAGE, label=USAGE_LABELS.get(standing.usage_measure(marts), USAGE.label))
    chosen = (*attributes(marts.meta, names=by), usage, AGE)
    found = [
        {"attribute": "all", "level": "all", "attribute_label": "All", "known_at": "start"}
        | _share(rows, confidence=confidence, min_group=1)
    ]
    for attribute in chosen:
        # Filled in for those who stayed, and who had longer to answer: the share would say who stayed.
        if attribute.known_at == "current" or rows.empty:
            continue
        named = _named(rows, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(named.cat.categories) < 2:
            continue
        found += [
            {
                "attribute": attribute.name,
                "level": level,
                "attribute_label": attribute.label,
                "known_at": attribute.known_at,
            }
            | _share(rows[named == level], confidence=confidence, min_group=min_group)
            for level in named.cat.categories
        ]
    table = pd.DataFrame(found)
    return Result(
        name="response_rate",
        table=table,
        keys=("attribute", "level"),
        unit="share",
        level=confidence,
        n_of="accounts" if invited is None else "invitations",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method="Share of accounts active at the close with an answer in the period; Wilson"
        if invited is None
        else "Share of invitations answered; Wilson on the effective number of invitations",
    )


def reweighted(
    marts: Marts, *, start: date, end: date, bands: int = 3, confidence: float = 0.95, min_group: int = 30
) -> Result:
    """The score as answered beside what it would be if all accounts had answered as those like them did.

    Accounts that answered are weighted so that bands of size, of use and of age are as common among them as among all
    accounts active at the close of ``end`` (raking). It mends what these three tell of who answers, and nothing else:
    whether the unhappy answer less *within* a band cannot be seen.

    Returns
    -------
    Result keyed by ``basis``: ``answers`` (every respondent alike), ``accounts`` (today's accounts that answered, each
    once) and ``reweighted`` (to all of today's accounts; missing if fewer than ``min_group`` of them answered, too few
    to weight). Points from −100 to 100; ``n`` accounts, ``effective_n``.
    """
    answers = standing.latest_answers(marts, after=start, until=end)
    base = state_at(marts, end)[["customer_id", "mrr"]]
    base["usage"] = base["customer_id"].map(standing.usage_before(marts, end))
    base["age"] = base["customer_id"].map(_ages(marts, end))
    traits = pd.DataFrame({name: _band(base[name], bands) for name in ("mrr", "usage", "age")})
    base = pd.concat([base[["customer_id"]], traits], axis=1)
    now = answers.merge(base, on="customer_id", how="inner")
    per_account = now.groupby("customer_id")["score"].transform("size")
    answered = base[base["customer_id"].isin(now["customer_id"])]
    columns = [name for name in traits if traits[name].nunique() > 1]
    weight = pd.Series(raking.weights(answered[columns], base[columns]), index=answered["customer_id"], dtype=float)
    # Of an account with several respondents each counts in part, so that the account counts once.
    each_once = 1 / per_account
    bases = {
        "answers": (answers, np.ones(len(answers))),
        "accounts": (now, each_once),
        "reweighted": (now, each_once * now["customer_id"].map(weight)),
    }
    table = pd.DataFrame(
        {"basis": basis} | _estimated(rows, weights, confidence=confidence) for basis, (rows, weights) in bases.items()
    )
    few = (table["basis"] == "reweighted") & (table["n"] < min_group)
    table.loc[few, ["estimate", "low", "high", "effective_n"]] = np.nan
    return Result(
        name="reweighted_score",
        table=table,
        keys=("basis",),
        unit="count",
        level=confidence,
        n_of="accounts",
        suppressed=int(few.sum()),
        method=f"{SCORE_METHOD}. Weights raked to the bands of size, use and age among {len(base):,} accounts",
    )


# -- answers with what is known of their accounts ---------------------------------------------------------------------


def _described(marts: Marts, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that have a ``customer_id``, with the columns that attributes are read from."""
    about = marts.frame("accounts")
    declared = [name for name in sorted(marts.meta.attributes) if name in about.columns]
    known = about[["customer_id", "first_plan", "first_term", "cohort_month", *declared]]
    joined = rows.merge(known, on="customer_id", how="left").rename(columns={"mrr": "start_mrr"})
    years = joined["cohort_month"].dt.year
    return joined.assign(cohort_year=years.map(lambda year: None if pd.isna(year) else f"{year:.0f}").astype(object))


def _named(
    rows: pd.DataFrame, attribute: Attribute, *, bands: int, money_name: Callable[[float], str] | None, min_group: int
) -> pd.Series:
    values = rows[attribute.column]
    naming = Levels.of(values, kind=attribute.kind, bands=bands, money_name=money_name)
    named = pooled(naming.name(values), fewest=min_group)
    if attribute is COHORT:
        years = sorted(level for level in named.cat.categories if level not in (OTHER, NOT_STATED))
        rest = [level for level in named.cat.categories if level in (OTHER, NOT_STATED)]
        return named.cat.reorder_categories([*years, *rest], ordered=True)
    return named


def _score(answers: pd.DataFrame, *, confidence: float, min_group: int) -> dict[str, object]:
    """One row: the counts always, the score where there are accounts enough."""
    of = answers["rating"].value_counts()
    counts = {f"{rating}s": int(of.get(rating, 0)) for rating in standing.RATINGS}
    accounts = int(answers["customer_id"].nunique())
    shares = {f"{name}_share": count / len(answers) if len(answers) else np.nan for name, count in counts.items()}
    row = {"n": accounts, "answers": len(answers), **counts, **shares}
    blank = {"estimate": np.nan, "low": np.nan, "high": np.nan, "mean_score": np.nan, "effective_n": np.nan}
    if answers.empty or not shown(accounts, min_group):
        return blank | row
    found = _estimated(answers, np.ones(len(answers)), confidence=confidence)
    return found | row | {"mean_score": float(answers["score"].mean())}


def _estimated(answers: pd.DataFrame, weight: pd.Series | np.ndarray, *, confidence: float) -> dict[str, object]:
    found = net_score.estimate(
        answers["rating"].map(SIGN), weight=weight, cluster=answers["customer_id"], confidence=confidence
    )
    return {
        "estimate": 100 * found.estimate,
        "low": 100 * found.low,
        "high": 100 * found.high,
        "n": int(answers["customer_id"].nunique()),
        "answers": len(answers),
        "effective_n": found.effective_n,
    }


def _over_time(marts: Marts, first: date | None, months: int, *, confidence: float, min_group: int) -> pd.DataFrame:
    if first is None:
        return pd.DataFrame()
    last = last_whole_month(marts.meta.as_of)
    number = (first.year * 12 + first.month - 1) // months * months
    rows = []
    while number + months - 1 <= last.year * 12 + last.month - 1:
        begins, until = (date(place // 12, place % 12 + 1, 1) for place in (number, number + months))
        day = pd.Timedelta(days=1)
        answers = standing.latest_answers(
            marts, after=(pd.Timestamp(begins) - day).date(), until=(pd.Timestamp(until) - day).date()
        )
        rows.append({"month": pd.Timestamp(begins)} | _score(answers, confidence=confidence, min_group=min_group))
        number += months
    return pd.DataFrame(rows)


# -- who answers ------------------------------------------------------------------------------------------------------


def _invited(marts: Marts, start: date, end: date) -> pd.DataFrame | None:
    """Invitations of customers in the period that are closed; None where there are none."""
    if "invitations" not in marts.meta.rows:
        return None
    sent = marts.table("invitations")
    inside = (sent.sent_at > ibis.literal(start)) & (sent.sent_at <= ibis.literal(end))
    rows = to_pandas(sent.filter(inside & sent.closed & sent.customer))
    if rows.empty:
        return None
    rows["usage"] = np.nan
    for month in sorted(rows["month"].unique()):
        sent_then = rows["month"] == month
        usage = standing.usage_before(marts, (pd.Timestamp(month) - pd.Timedelta(days=1)).date())
        rows.loc[sent_then, "usage"] = rows.loc[sent_then, "customer_id"].map(MONTH * usage)
    return rows


def _accounts(marts: Marts, start: date, end: date) -> pd.DataFrame:
    """Accounts active at the close, with whether they answered in the period."""
    rows = state_at(marts, end)[["customer_id", "mrr", "plan", "term"]]
    answers = standing.latest_answers(marts, after=start, until=end)
    rows["answered"] = rows["customer_id"].isin(answers["customer_id"])
    rows["usage"] = rows["customer_id"].map(MONTH * standing.usage_before(marts, end))
    rows["age"] = rows["customer_id"].map(_ages(marts, end))
    return rows


def _share(rows: pd.DataFrame, *, confidence: float, min_group: int) -> dict[str, object]:
    n, answered = len(rows), int(rows["answered"].sum())
    row = {"estimate": np.nan, "low": np.nan, "high": np.nan, "n": n, "events": answered, "effective_n": np.nan}
    if not n or not shown(int(rows["customer_id"].nunique()), min_group):
        return row
    size = clustering.effective_n(rows["answered"], rows["customer_id"])
    found = intervals.wilson(answered, n, confidence=confidence, effective_n=size)
    return row | dict(zip(("estimate", "low", "high"), map(float, found), strict=True)) | {"effective_n": size}


def _ages(marts: Marts, close: date) -> pd.Series:
    """Months from each account's origin to ``close``, to the day; missing where the origin is not known."""
    origins = marts.frame("accounts").set_index("customer_id")["origin_date"]
    return (pd.Timestamp(close) - origins).dt.days / MONTH


def _band(values: pd.Series, bands: int) -> pd.Series:
    """Bands of roughly equal size by number; a missing value is a band of its own."""
    edges = sorted(set(values.dropna().quantile([part / bands for part in range(1, bands)])))
    places = pd.Series(np.searchsorted(edges, values.to_numpy(float), side="right"), index=values.index)
    return places.where(values.notna(), -1)
