"""Answers to "how likely are you to recommend us", and the invitations to give one.

Each answer stands beside what its account held at the close of that day. An answer given at or after the end of the
account's stay tells nothing beforehand, nor does a survey that is sent to those who are leaving: both are marked, by
what the data show, and no study reads an outcome from them.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from customer_value.marts.dates import days_between, month_of, months_since
from customer_value.marts.months import at_days, holdings, states

PASSIVE_FROM, PROMOTER_FROM = 7, 9
"""Scores from which an answer is passive, and a promoter's."""

EXIT_DAYS = 62
"""Days before an end within which the answers of an exit survey fall: two months, the longest usual notice."""

EXIT_SHARE = 0.8
"""A survey is an exit survey where at least this share of its answers falls within `EXIT_DAYS` of an end, or after."""

EXIT_FEWEST = 5
"""Fewer answers than this do not show what a survey is for."""

ANSWER_DAYS = 30
"""Days after an invitation within which an answer belongs to it."""

ASKED = ("customer", "leaving", "former", "prospect")
"""Who was asked: a customer, one in an exit survey, one whose stay had ended, one whose stay had not begun."""


def answers(responses: ir.Table, lines: ir.Table, spells: ir.Table, accounts: ir.Table, *, as_of: date) -> ir.Table:
    """One row an answer.

    Parameters
    ----------
    responses : the contract table ``nps_responses`` as intake leaves it
    lines, spells, accounts : those marts
    as_of : the day at whose close everything is seen

    Returns
    -------
    ``customer_id, responded_at, month`` (its first day)``, score, rating`` (``promoter``, ``passive``, ``detractor``),
    ``survey, respondent_id`` (null where not stated), ``customer`` (whether the account is one at the close of that
    day), ``asked`` (one of `ASKED`), ``mrr, plan, term`` at that close (null if no customer), ``age`` (whole months
    since its origin; null where unknown), ``spell`` (the stay that runs or ran last) and ``days_to_end`` (to the end of
    that stay if it has one; not positive at or after it).
    """
    given = _with(responses, "survey", "respondent_id").select(
        "customer_id", "responded_at", "score", "survey", "respondent_id"
    )
    given = given.mutate(
        month=month_of(given.responded_at),
        rating=ibis.cases(
            (given.score >= PROMOTER_FROM, "promoter"), (given.score >= PASSIVE_FROM, "passive"), else_="detractor"
        ),
    )
    placed = _with_stay(_with_state(given, "responded_at", lines, accounts), "responded_at", spells)
    close = ibis.literal(as_of)
    near = (placed.days_to_end <= EXIT_DAYS).fill_null(False)
    # What became of an answer given just now is not known yet.
    settled = placed.spell.notnull() & (near | (days_between(placed.responded_at, close) >= EXIT_DAYS))
    of_survey = ibis.window(group_by="survey")
    known, leaving = settled.sum().over(of_survey), (settled & near).sum().over(of_survey)
    placed = placed.mutate(exit_survey=(known >= EXIT_FEWEST) & (leaving >= EXIT_SHARE * known))
    asked = ibis.cases(
        (placed.spell.isnull(), "prospect"),
        (placed.days_to_end <= 0, "former"),
        (placed.exit_survey, "leaving"),
        else_="customer",
    )
    return placed.mutate(asked=asked).select(
        "customer_id",
        "responded_at",
        "month",
        "score",
        "rating",
        "survey",
        "respondent_id",
        "customer",
        "asked",
        "mrr",
        "plan",
        "term",
        "age",
        "spell",
        "days_to_end",
    )


def invitations(
    sent: ir.Table, responses: ir.Table | None, lines: ir.Table, accounts: ir.Table, *, as_of: date
) -> ir.Table:
    """One row an invitation, with whether it was answered.

    An answer belongs to an invitation of the same account, respondent and survey (where both name one) that came at
    most `ANSWER_DAYS` before it, and to the latest of those.

    Parameters
    ----------
    sent : the contract table ``surveys_sent`` as intake leaves it
    responses : ``nps_responses``; None where there are none, then nothing was answered

    Returns
    -------
    ``customer_id, sent_at, month, survey, respondent_id, customer, mrr, plan, term, age`` as in `answers`, ``answered``
    and ``closed`` (whether `ANSWER_DAYS` have passed: until then an answer may still come).
    """
    asked = _with(sent, "survey", "respondent_id").select("customer_id", "sent_at", "survey", "respondent_id")
    asked = asked.distinct()
    same = ibis.window(group_by=("customer_id", "survey", "respondent_id"), order_by="sent_at")
    asked = asked.mutate(
        month=month_of(asked.sent_at),
        next_sent=asked.sent_at.lead().over(same),
        closed=days_between(asked.sent_at, ibis.literal(as_of)) >= ANSWER_DAYS,
    )
    if responses is None:
        asked = asked.mutate(answered=ibis.literal(False))
    else:
        given = _with(responses, "survey", "respondent_id").select(
            "customer_id", "responded_at", of_survey="survey", by="respondent_id"
        )
        matched = asked.join(given, "customer_id").filter(
            lambda row: (
                (row.responded_at >= row.sent_at)
                & (days_between(row.sent_at, row.responded_at) <= ANSWER_DAYS)
                & (row.next_sent.isnull() | (row.responded_at < row.next_sent))
                & (row.survey == row.of_survey).fill_null(True)
                & (row.respondent_id == row.by).fill_null(True)
            )
        )
        found = matched.select("customer_id", "sent_at", "survey", "respondent_id").distinct()
        # A survey or a respondent that is not stated equals itself.
        asked = asked.left_join(
            found.mutate(hit=ibis.literal(True)),
            [
                asked.customer_id == found.customer_id,
                asked.sent_at == found.sent_at,
                asked.survey.identical_to(found.survey),
                asked.respondent_id.identical_to(found.respondent_id),
            ],
        ).select(*asked.columns, "hit")
        asked = asked.mutate(answered=asked.hit.fill_null(False))
    return _with_state(asked, "sent_at", lines, accounts).select(
        "customer_id",
        "sent_at",
        "month",
        "survey",
        "respondent_id",
        "customer",
        "mrr",
        "plan",
        "term",
        "age",
        "answered",
        "closed",
    )


def warnings(written: ir.Table) -> tuple[str, ...]:
    """What a reader should know of the answers, as sentences.

    Parameters
    ----------
    written : the mart ``nps_answers``
    """
    counted = {
        asked: int(written.filter(written.asked == asked).count().execute())
        for asked in ("leaving", "former", "prospect")
    }
    said = []
    if counted["leaving"]:
        surveys = written.filter(written.asked == "leaving").survey
        names = sorted(surveys.fill_null("without a name").to_pandas().unique())
        said.append(
            f"Surveys sent to those who are leaving: {', '.join(names)} ({counted['leaving']:,} answers). At least "
            f"{EXIT_SHARE:.0%} of their answers fall within {EXIT_DAYS} days of an end, so they foretell nothing: they "
            "are counted, and no score or outcome is read from them."
        )
    if counted["former"]:
        said.append(
            f"Answers given on or after the day on which the account's stay ended: {counted['former']:,}. They are "
            "counted, and no score or outcome is read from them."
        )
    if counted["prospect"]:
        said.append(
            f"Answers of accounts that had not paid anything yet: {counted['prospect']:,}. They are counted, and no "
            "score or outcome is read from them."
        )
    return tuple(said)


def _with(table: ir.Table, *names: str) -> ir.Table:
    """The table with text columns that the source may not have."""
    return table.mutate(**{name: ibis.null("string") for name in names if name not in table.columns})


def _with_state(rows: ir.Table, day: str, lines: ir.Table, accounts: ir.Table) -> ir.Table:
    """The rows with what their account held at the close of ``day``, and how old it was."""
    days = rows.select("customer_id", day=rows[day]).distinct()
    held = states(holdings(at_days(lines, days))).select("customer_id", "day", "mrr", "plan", "term")
    found = rows.left_join(held, [rows.customer_id == held.customer_id, rows[day] == held.day]).select(
        *rows.columns, "mrr", "plan", "term"
    )
    origins = accounts.select("customer_id", "origin_date")
    found = found.left_join(origins, "customer_id").select(*found.columns, "origin_date")
    born = found.origin_date <= found[day]
    age = born.fill_null(False).ifelse(months_since(found.origin_date, found[day]), ibis.null("int64"))
    return found.mutate(customer=found.mrr.notnull(), age=age).drop("origin_date")


def _with_stay(rows: ir.Table, day: str, spells: ir.Table) -> ir.Table:
    """The rows with the stay that runs, or ran last, at the close of ``day``."""
    stays = spells.select("customer_id", "spell", "start_date", "end_date")
    days = rows.select("customer_id", day=rows[day]).distinct()
    begun = days.join(stays, "customer_id").filter(lambda row: row.start_date <= row.day)
    last = begun.group_by("customer_id", "day").agg(spell=begun.spell.max())
    found = rows.left_join(last, [rows.customer_id == last.customer_id, rows[day] == last.day]).select(
        *rows.columns, "spell"
    )
    ends = stays.select("customer_id", "spell", "end_date")
    found = found.left_join(ends, ["customer_id", "spell"]).select(*found.columns, "end_date")
    return found.mutate(days_to_end=days_between(found[day], found.end_date)).drop("end_date")
