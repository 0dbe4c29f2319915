"""Where accounts stand at a close: what they last said, and how much they use.

Every respondent counts once, by the latest answer in the time looked at; an account's score is the mean over its
respondents. Use is per day on which the account was a customer, so that part-months compare with whole ones.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from customer_value.marts.bases import state_at
from customer_value.marts.dates import first_of_month
from customer_value.marts.satisfaction import PASSIVE_FROM, PROMOTER_FROM
from customer_value.marts.store import Marts, to_pandas

RATINGS = ("promoter", "passive", "detractor")


def months_earlier(day: date, months: int) -> date:
    """The close so many months before; the end of a month stays the end of a month."""
    place = day.year * 12 + day.month - 1 - months
    year, month = place // 12, place % 12 + 1
    last = monthrange(year, month)[1]
    at_end = (day + timedelta(days=1)).day == 1
    return date(year, month, last if at_end else min(day.day, last))


def latest_answers(marts: Marts, *, after: date, until: date, by_survey: bool = False) -> pd.DataFrame:
    """The latest answer of every respondent, of those that foretell something (``asked`` is ``customer``).

    A respondent that is not named counts as the account's one unnamed voice. Of two answers on one day the lower
    counts.

    Parameters
    ----------
    after, until : answers given after the close of the first day, by the close of the second
    by_survey : each survey's latest, instead of the latest of all

    Returns
    -------
    The columns of the mart ``nps_answers``, one row a respondent (and survey), by account.
    """
    given = marts.table("nps_answers")
    inside = (given.responded_at > ibis.literal(after)) & (given.responded_at <= ibis.literal(until))
    rows = to_pandas(given.filter(inside & (given.asked == "customer")))
    keys = ["customer_id", "respondent_id", *(["survey"] if by_survey else [])]
    rows = rows.sort_values([*keys, "responded_at", "score"], ascending=[True] * (len(keys) + 1) + [False])
    return rows.drop_duplicates(keys, keep="last").reset_index(drop=True)


def account_scores(answers: pd.DataFrame) -> pd.DataFrame:
    """One row an account that answered: ``score`` (mean over its respondents), ``rating`` and ``respondents``.

    A mean between two ratings belongs to the lower one: 8.5 is passive, 6.5 a detractor's.
    """
    scored = answers.groupby("customer_id").agg(score=("score", "mean"), respondents=("score", "size")).reset_index()
    scored["rating"] = np.select(
        [scored["score"] >= PROMOTER_FROM, scored["score"] >= PASSIVE_FROM], RATINGS[:2], RATINGS[2]
    )
    return scored


def usage_measure(marts: Marts) -> str | None:
    """What use is told by: ``active_days`` where the source tells them, else ``events``; None where neither is."""
    if "usage_months" not in marts.meta.rows:
        return None
    months = marts.table("usage_months")
    told = months.aggregate(days=months.active_days.count(), events=months.events.count()).to_pyarrow().to_pylist()[0]
    return "active_days" if told["days"] else "events" if told["events"] else None


def usage_before(marts: Marts, close: date, *, months: int = 3) -> pd.Series:
    """Use per exposed day over the whole months before the day after ``close``.

    Parameters
    ----------
    close : the last day that counts; of a month not yet over nothing counts
    months : how many whole months

    Returns
    -------
    By ``customer_id``; an account without an exposed day in a month in which use is told is missing. Empty where no use
    is recorded.
    """
    measure = usage_measure(marts)
    if measure is None:
        return pd.Series(dtype=float, name="usage", index=pd.Index([], name="customer_id"))
    until = first_of_month(close + timedelta(days=1))
    # The first of a month some months before lies in the month that many months before.
    since = first_of_month(months_earlier(until, months))
    rows = marts.table("usage_months")
    inside = (rows.month >= ibis.literal(since)) & (rows.month < ibis.literal(until))
    told = rows.filter(inside & rows[measure].notnull())
    sums = told.group_by("customer_id").agg(used=told[measure].sum(), exposed=told.exposed_days.sum())
    summed = to_pandas(sums.order_by("customer_id")).set_index("customer_id")
    return (summed["used"].astype(float) / summed["exposed"].astype(float)).rename("usage")


def standing(
    marts: Marts, close: date, *, window: int = 12, skip: int = 0, usage_months: int = 3, usage_lag: int = 0
) -> pd.DataFrame:
    """What every account active at ``close`` last said and how much it uses.

    Parameters
    ----------
    close : the day at whose close accounts stand
    window : how many months back an answer counts
    skip : months before ``close`` whose answers do not count
    usage_months : over how many whole months use is taken
    usage_lag : months before ``close`` whose use does not count

    Returns
    -------
    One row an account, by ``customer_id``: ``mrr, plan, term`` at the close, ``score, rating, respondents`` (missing
    where nobody answered) and ``usage`` (missing where none is told).
    """
    key = ("standing", close, window, skip, usage_months, usage_lag)
    return marts.once(key, lambda: _standing(marts, close, window, skip, usage_months, usage_lag)).copy()


def _standing(marts: Marts, close: date, window: int, skip: int, usage_months: int, usage_lag: int) -> pd.DataFrame:
    until = months_earlier(close, skip)
    answers = latest_answers(marts, after=months_earlier(until, window), until=until)
    found = state_at(marts, close)[["customer_id", "mrr", "plan", "term"]]
    found = found.merge(account_scores(answers), on="customer_id", how="left")
    usage = usage_before(marts, months_earlier(close, usage_lag), months=usage_months)
    return found.assign(usage=found["customer_id"].map(usage))
