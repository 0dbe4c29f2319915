"""Surveys: who is asked, who answers, what they say. Answers come more often from the satisfied and the busy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .dates import dates
from .people import BURN_IN
from .world import World

RELATIONSHIP, EXIT, SUPPORT = "Relationship", "Exit", "Support"

EVERY = 6
"""Months between two relationship surveys of an account."""

COMMENTS = {
    "detractor": (
        "Too expensive for what we use of it.", "Support takes days to answer.",
        "The mobile app keeps logging me out.", "Reports time out with our data.",
        "We were promised single sign-on a year ago.", "Prices went up again & nothing got better.",
        "Import loses half of our rows 😡", "Please call me: {person}@{place}.example",
        "<b>Slow</b> on Mondays, every Monday.", "Nobody told us that the old editor would go.",
    ),
    "passive": (
        "Does the job.", "Good, but the set-up took longer than planned.", "Fine for our team, less so for finance.",
        "Would like better exports.", "Okay so far; ask me again after the renewal.",
        "Reports are good, dashboards could load faster.",
    ),
    "promoter": (
        "The team uses it every day.", "Integrations saved us a part-time job.", "Support is quick and friendly 👍",
        "Easy to roll out, people like it.", "Automation does what we used to do by hand.",
        "I have told two other firms about you.", "Happy to be a reference: {person}@{place}.example",
    ),
}  # fmt: skip
"""Made-up sentences; some hold an address, markup or a picture sign, as real ones do."""


@dataclass(frozen=True)
class Invitations:
    """People asked, one row an invitation.

    Attributes
    ----------
    account, day, person : who was asked and when; persons are numbered within the account
    survey : `RELATIONSHIP` or `EXIT`
    answered : whether they answered
    answered_on, score, comment : what they answered, and when; of use only where answered
    """

    account: np.ndarray
    day: np.ndarray
    person: np.ndarray
    survey: np.ndarray
    answered: np.ndarray
    answered_on: np.ndarray
    score: np.ndarray
    comment: np.ndarray


def invitations(world: World) -> Invitations:
    """The relationship survey of every half-year, and the one at or after a cancellation."""
    rng, told = world.streams["nps"], world.parameters.surveys
    count, calendar = len(world.people), world.calendar
    phase, sent_day = rng.integers(0, EVERY, count), rng.integers(1, 29, (world.months, count))
    asked = rng.random((world.months, count)) < told.sent
    asked &= (np.arange(world.months)[:, None] + phase) % EVERY == 0
    month, account = np.nonzero(asked)
    day = calendar.day(BURN_IN + month, sent_day[asked])
    # Nobody is asked in the first month, before there is anything to say
    there = world.is_customer(account, day) & (day - world.people["signup"].to_numpy()[account] > 30)
    month, account, day = month[there], account[there], day[there]
    seats = world.people["seats"].to_numpy()[account]
    invited = 1 + (seats > 8) + (seats > 40)
    row = np.repeat(np.arange(len(account)), invited)
    person = np.arange(len(row)) - np.repeat(np.cumsum(invited) - invited, invited)
    month, account, day = month[row], account[row], day[row]
    feeling = world.record.satisfaction[month, account].astype(float)
    odds = told.by_satisfaction * feeling + told.by_activity * world.record.activity[month, account]
    odds = told.response / (1 - told.response) * np.exp(odds)
    answered = rng.random(len(row)) < odds / (1 + odds)
    score = told.centre + told.slope * feeling + told.person * rng.standard_normal(len(row))
    answered_on = day + rng.integers(0, 11, len(row))

    ends = world.ends()
    ends = ends[(ends["kind"] == 0).to_numpy() & (rng.random(len(ends)) < told.exit)]
    gone = ends["end"].to_numpy()
    exit_score = 3.2 + 2.0 * rng.standard_normal(len(ends))
    exit_on = gone + rng.integers(0, 9, len(ends))

    account = np.concatenate([account, ends["account"].to_numpy()])
    score = np.clip(np.rint(np.concatenate([score, exit_score])), 0, 10).astype(np.int64)
    person = np.concatenate([person, np.zeros(len(ends), dtype=np.int64)])
    told_on = np.concatenate([answered_on, exit_on])
    # What would be answered after the last day has not been answered
    answered = np.concatenate([answered, np.ones(len(ends), dtype=bool)]) & (told_on <= world.last_day)
    return Invitations(
        account=account,
        day=np.concatenate([day, gone]),
        person=person,
        survey=np.repeat(np.array([RELATIONSHIP, EXIT], dtype=object), [len(row), len(ends)]),
        answered=answered,
        answered_on=told_on,
        score=score,
        comment=_comments(rng, world, score, account, told.comments),
    )


def nps_responses(world: World, asked: Invitations) -> pd.DataFrame:
    """The contract's table, in order of the answers."""
    rows = np.flatnonzero(asked.answered)
    rows = rows[np.lexsort([asked.person[rows], asked.account[rows], asked.answered_on[rows]])]
    table = pd.DataFrame(
        {
            "customer_id": world.ids[asked.account[rows]],
            "responded_at": dates(asked.answered_on[rows]),
            "score": asked.score[rows],
            "respondent_id": respondents(world, asked.account[rows], asked.person[rows]),
            "comment": asked.comment[rows],
            "survey": asked.survey[rows],
        }
    )
    return with_orphans(world, table)


def surveys_sent(world: World, asked: Invitations) -> pd.DataFrame:
    """The contract's table, in order of sending."""
    rows = np.lexsort([asked.person, asked.account, asked.day])
    rows = rows[asked.day[rows] <= world.last_day]
    return pd.DataFrame(
        {
            "customer_id": world.ids[asked.account[rows]],
            "sent_at": dates(asked.day[rows]),
            "survey": asked.survey[rows],
            "respondent_id": respondents(world, asked.account[rows], asked.person[rows]),
        }
    )


def respondents(world: World, account: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Ids of people: that of the account and a number."""
    return world.ids[account] + np.array(["-P1", "-P2", "-P3"], dtype=object)[person]


def with_orphans(world: World, table: pd.DataFrame) -> pd.DataFrame:
    """The table with a few rows of accounts that no other table knows, as every real export has them."""
    few = min(world.parameters.blemishes.orphans, len(table))
    lost = table.iloc[np.linspace(0, len(table) - 1, few).astype(int)] if few else table.iloc[:0]
    return pd.concat([table, lost.assign(customer_id=[f"X{place + 1:05d}" for place in range(few)])], ignore_index=True)


def _comments(
    rng: np.random.Generator, world: World, score: np.ndarray, account: np.ndarray, share: float
) -> np.ndarray:
    chosen, says = rng.random(len(score)), rng.random(len(score)) < share
    people = np.array(["anna", "omar", "jo.smith", "k.lee"], dtype=object)
    text = np.full(len(score), None, dtype=object)
    for kind, here in (("detractor", score <= 6), ("passive", (score > 6) & (score <= 8)), ("promoter", score > 8)):
        stock = COMMENTS[kind]
        for row in np.flatnonzero(here & says).tolist():
            said = stock[int(chosen[row] * len(stock))]
            text[row] = said.format(person=people[account[row] % 4], place=world.ids[account[row]].lower())
    return text
