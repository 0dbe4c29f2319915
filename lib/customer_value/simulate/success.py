"""What is done for accounts after the sale: milestones, tickets and their ratings, calls, goals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .dates import OPEN, dates, times
from .people import BURN_IN, pick
from .surveys import SUPPORT, respondents, with_orphans
from .world import World

SEVERITIES = ("Low", "Normal", "High", "Urgent")
TOPICS = ("How to", "Bug", "Billing", "Integration", "Performance", "Access")
PLAYBOOKS = ("Check-in call", "Training session", "Executive sponsor", "Discount offer")
CALL_REASONS = ("Low usage", "Open tickets", "Low score", "Renewal ahead")
CALL_COST = (60.0, 180.0, 350.0, 400.0)
GOALS = ("Roll out to all teams", "Cut time to report", "Replace the old system", "Automate approvals", "Prove return")
PERCEPTIONS = ("Positive", "Neutral", "None", "Negative")


def milestones(world: World) -> pd.DataFrame:
    """Onboarding, activation and value, each reached only while the account is a customer."""
    rng, plan = world.streams["success"], world.parameters.onboarding
    signup, onboarded = world.people["signup"].to_numpy(), world.onboarded
    count = len(signup)
    first = np.ceil(rng.lognormal(1.2, 0.8, count))
    activated = np.where(rng.random(count) < plan.activated, first, np.inf)
    # Value comes after onboarding, and to few without it
    after = np.where(np.isfinite(onboarded), onboarded, 90.0) + np.ceil(rng.lognormal(3.4, 0.6, count))
    share = np.where(np.isfinite(onboarded), plan.valued, plan.valued / 3)
    valued = np.where(rng.random(count) < share, after, np.inf)
    parts = []
    for name, days in (("Activated", activated), ("Onboarding completed", onboarded), ("Value reached", valued)):
        who = np.flatnonzero(np.isfinite(days))
        when = signup[who] + days[who].astype(np.int64)
        # What the opening stock reached before the data begin is known; it was a customer then
        reached = (when <= world.last_day) & ((when <= world.opening) | world.is_customer(who, when))
        parts.append(pd.DataFrame({"account": who[reached], "milestone": name, "when": when[reached]}))
    rows = pd.concat(parts).sort_values(["account", "when"], kind="stable")
    return pd.DataFrame(
        {
            "customer_id": world.ids[rows["account"]],
            "milestone": rows["milestone"].to_numpy(),
            "reached_at": dates(rows["when"].to_numpy()),
        }
    )


def support(world: World) -> dict[str, pd.DataFrame]:
    """Tickets, and the ratings of some of those that were closed."""
    rng, parameters = world.streams["support"], world.parameters
    month, account = np.nonzero(world.record.tickets)
    times_opened = world.record.tickets[month, account]
    month, account = np.repeat(month, times_opened), np.repeat(account, times_opened)
    begin = world.calendar.first[BURN_IN + month]
    opened = begin + (rng.random(len(month)) * world.calendar.length[BURN_IN + month]).astype(np.int64)
    there = world.is_customer(account, opened)
    month, account, opened = month[there], account[there], opened[there]
    count = len(opened)
    severe = parameters.support.severe
    severity = pick(rng, np.tile((0.35, 0.65 - severe, 0.75 * severe, 0.25 * severe), (count, 1)))
    second = rng.integers(8 * 3600, 18 * 3600, count)
    hours = rng.lognormal(np.array((3.6, 3.2, 2.4, 1.6))[severity], 0.9)
    closed = opened * 86_400 + second + (hours * 3600).astype(np.int64)
    over = closed < (world.last_day + 1) * 86_400
    table = pd.DataFrame(
        {
            "customer_id": world.ids[account],
            "opened_at": times(opened, second),
            "closed_at": times(np.where(over, closed // 86_400, OPEN), closed % 86_400),
            "severity": np.array(SEVERITIES, dtype=object)[severity],
            "topic": np.array(TOPICS, dtype=object)[
                pick(rng, np.tile((0.34, 0.24, 0.14, 0.12, 0.09, 0.07), (count, 1)))
            ],
        }
    )
    order = np.lexsort([account, second, opened])
    return {
        "support_tickets": with_orphans(world, table.iloc[order].reset_index(drop=True)),
        "csat_responses": _ratings(world, account, month, closed // 86_400, hours),
    }


def _ratings(
    world: World, account: np.ndarray, month: np.ndarray, closed: np.ndarray, hours: np.ndarray
) -> pd.DataFrame:
    rng = world.streams["csat"]
    feeling = world.record.satisfaction[month, account]
    score = 7.8 + 0.9 * feeling - 0.5 * np.log(hours / 24 + 0.2) + 1.3 * rng.standard_normal(len(account))
    when = closed + rng.integers(0, 4, len(account))
    rated = (rng.random(len(account)) < world.parameters.surveys.csat) & (when <= world.last_day)
    rows = np.flatnonzero(rated)
    rows = rows[np.lexsort([account[rows], when[rows]])]
    return pd.DataFrame(
        {
            "customer_id": world.ids[account[rows]],
            "responded_at": dates(when[rows]),
            "score": np.clip(np.rint(score[rows]), 0, 10).astype(np.int64),
            "respondent_id": respondents(world, account[rows], np.zeros(len(rows), dtype=np.int64)),
            "survey": SUPPORT,
        }
    )


def interventions(world: World) -> pd.DataFrame:
    """Calls and offers. Who gets one is decided by health, which nobody records; the reason written down is not it."""
    rng = world.streams["success"]
    month, account = np.nonzero(world.record.called)
    day = world.calendar.day(BURN_IN + month, rng.integers(1, 29, len(month)))
    there = world.is_customer(account, day)
    account, day = account[there], day[there]
    playbook = pick(rng, np.tile((0.50, 0.22, 0.10, 0.18), (len(day), 1)))
    reason = pick(rng, np.tile((0.40, 0.20, 0.18, 0.22), (len(day), 1)))
    cost = np.asarray(CALL_COST)[playbook] * rng.lognormal(0.0, 0.3, len(day))
    rows = np.lexsort([account, day])
    return pd.DataFrame(
        {
            "customer_id": world.ids[account[rows]],
            "started_on": dates(day[rows]),
            "playbook": np.array(PLAYBOOKS, dtype=object)[playbook[rows]],
            "reason": np.array(CALL_REASONS, dtype=object)[reason[rows]],
            "owner": world.people["owner"].to_numpy()[account[rows]],
            "cost": cost[rows].round(2),
        }
    )


def success_plans(world: World) -> pd.DataFrame:
    """Goals agreed with accounts of 20 employees and more; the healthy reach them more often."""
    rng, count = world.streams["success"], len(world.people)
    larger = world.people["size"].to_numpy() >= 1
    goals = np.where(larger & (rng.random(count) < 0.55), rng.integers(1, 3, count), 0)
    account = np.repeat(np.arange(count), goals)
    nth = np.arange(len(account)) - np.repeat(np.cumsum(goals) - goals, goals)
    agreed = world.people["signup"].to_numpy()[account] + 30 + nth * 300 + rng.integers(0, 90, len(account))
    there = world.is_customer(account, agreed) & (agreed <= world.last_day)
    account, agreed = account[there], agreed[there]
    target = agreed + rng.integers(60, 300, len(account))
    seen = np.clip(world.calendar.month(agreed) - BURN_IN, 0, world.months - 1)
    well = world.record.health[seen, account] + rng.standard_normal(len(account))
    late = rng.integers(-40, 60, len(account))
    achieved = np.where(well > -0.5, np.maximum(target + late, agreed + 14), OPEN)
    known = achieved <= world.last_day
    known &= world.is_customer(account, np.where(known, achieved, agreed))
    investment = world.people["seats"].to_numpy()[account] * rng.lognormal(4.4, 0.5, len(account))
    value = investment * rng.lognormal(0.5 + 0.25 * well, 0.5)
    perception = np.array(PERCEPTIONS, dtype=object)[3 - np.digitize(well, (-1.6, -0.9, 0.2))]
    return pd.DataFrame(
        {
            "customer_id": world.ids[account],
            "goal": np.array(GOALS, dtype=object)[rng.integers(0, len(GOALS), len(account))],
            "target_date": dates(target),
            "achieved_date": dates(np.where(known, achieved, OPEN)),
            "value_delivered": np.where(known, value.round(2), np.nan),
            "investment": investment.round(2),
            "perception": np.where(known | (target <= world.last_day), perception, None),
        }
    )
