"""A business-to-business software company with known truth, as tables of the contract. See docs/sample.md."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd

from ..errors import SettingsError
from .events import in_pandas, usage_events, users_of
from .lines import subscriptions
from .money import costs, customer_ids, invoices, renewals, targets
from .parameters import CHANNELS, DEFAULT, PLANS, Parameters
from .people import BURN_IN, customers
from .success import interventions, milestones, success_plans, support
from .surveys import invitations, nps_responses, surveys_sent
from .truth import mixed_survival
from .usage import activity_monthly, feature_usage_monthly, months_of_use
from .world import World, draw

SEED = 4
"""Of the sample that ships: one that is typical of its kind in retention, size and concentration."""

KNOWN_AT = {
    "industry": "signup", "channel": "signup", "region": "signup", "size": "signup", "referred": "signup",
    "health": "current",
}  # fmt: skip


@dataclass(frozen=True)
class Simulation:
    """The tables of the contract, and what is true in them.

    Attributes
    ----------
    tables : under the contract's names, with its column names
    truth : JSON-able. ``observed_from``, ``end``, ``parameters``; ``survival`` by channel (or ``all``) and term at
        sign-up (``all``, ``1``, ``12``), lists whose k-th value is the share not churned on anniversary k;
        ``features``, what each does; ``effects``, other log hazard ratios on leaving; ``shocks`` of the months
        observed; ``null``, what has no effect of its own on leaving; ``known_at`` of the attributes
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, object]


def _people(world: World) -> dict[str, pd.DataFrame]:
    health = world.record.health[world.months - 1]
    return {"customers": customers(world.streams["people"], world.people, world.ids, world.survivors, health)}


def _product(world: World) -> dict[str, pd.DataFrame]:
    parameters = world.parameters
    plans = {"plan": PLANS, "rank": np.arange(1, len(PLANS) + 1), "list_price": np.array(parameters.list_price)}
    features = [(one.name, one.level, one.area) for one in parameters.features.items]
    return {
        "subscriptions": subscriptions(world.lines, world.ids, world.last_day),
        "plans": pd.DataFrame(plans),
        "features": pd.DataFrame(features, columns=["feature", "level", "area"]),
    }


def _surveys(world: World) -> dict[str, pd.DataFrame]:
    asked = invitations(world)
    return {"nps_responses": nps_responses(world, asked), "surveys_sent": surveys_sent(world, asked)}


def _success(world: World) -> dict[str, pd.DataFrame]:
    return {make.__name__: make(world) for make in (milestones, interventions, success_plans)}


def _money(world: World) -> dict[str, pd.DataFrame]:
    return {make.__name__: make(world) for make in (renewals, invoices, costs, targets, customer_ids)}


GROUPS: tuple[tuple[tuple[str, ...], Callable[[World], dict[str, pd.DataFrame]]], ...] = (
    (("customers",), _people),
    (("subscriptions", "plans", "features"), _product),
    (("nps_responses", "surveys_sent"), _surveys),
    (("support_tickets", "csat_responses"), support),
    (("milestones", "interventions", "success_plans"), _success),
    (("renewals", "invoices", "costs", "targets", "customer_ids"), _money),
)
"""Tables that are made together, and how; those of usage, which can be large, are apart."""

MONTHLY = {"feature_usage_monthly": feature_usage_monthly, "activity_monthly": activity_monthly}
"""Tables of use summed by month; with ``events=True`` they are left to be summed from ``usage_events``."""

TABLES = (*(name for names, _ in GROUPS for name in names), *MONTHLY, "usage_events")


def simulate(
    *,
    accounts: int = 2000,
    months: int = 36,
    seed: int = SEED,
    end: date = date(2026, 6, 30),
    parameters: Parameters = DEFAULT,
    tables: Collection[str] | None = None,
    events: bool = False,
) -> Simulation:
    """Draw a business of so many accounts, observed for so many months up to the close of `end`.

    Accounts that were customers at the close of the day before are the opening stock: they signed up in the five years
    before, are known because they were still customers, and bring the contract lines then in force. That day is
    ``observed_from``, so that the movements of every month are whole.

    Parameters
    ----------
    accounts : customers ever seen in the data, opening stock included; at least 20
    months : whole months observed
    seed : the same seed gives the same business
    end : last day observed, a month's last
    parameters : rates and effects
    tables : names of the tables to make; all by default, with use summed by month. What is left out changes no other
    events : with the default tables, give use event by event (``usage_events``) instead of summed

    Raises
    ------
    SettingsError : fewer than 20 accounts, no month, an end within a month, or a table that there is not
    """
    wanted = wanted_tables(tables, events=events)
    world = draw(accounts=accounts, months=months, seed=seed, end=end, parameters=parameters)
    made = small_tables(world, wanted)
    parts: dict[str, list] = {name: [] for name in (*MONTHLY, "usage_events") if name in wanted}
    if parts:
        users = users_of(world) if "usage_events" in parts else None
        for use in months_of_use(world):
            for name, into in parts.items():
                into.append(MONTHLY[name](world, use) if name in MONTHLY else usage_events(world, use, users))
        made |= {
            name: pd.concat(into, ignore_index=True) if name in MONTHLY else in_pandas(into)
            for name, into in parts.items()
        }
    return Simulation(tables=made, truth=truth(world, seed=seed, end=end))


def wanted_tables(tables: Collection[str] | None, *, events: bool) -> tuple[str, ...]:
    """The names asked for, in the order of `TABLES`.

    Raises
    ------
    SettingsError : a table that there is not
    """
    if tables is None:
        return tuple(name for name in TABLES if (name not in MONTHLY if events else name != "usage_events"))
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise SettingsError(f"a simulated business has the tables {', '.join(TABLES)}, got: {', '.join(unknown)}")
    return tuple(name for name in TABLES if name in tables)


def small_tables(world: World, wanted: Collection[str]) -> dict[str, pd.DataFrame]:
    """Those of the wanted tables that are no tables of use."""
    made: dict[str, pd.DataFrame] = {}
    for names, make in GROUPS:
        if not set(names).isdisjoint(wanted):
            made |= {name: table for name, table in make(world).items() if name in wanted}
    return made


def truth(world: World, *, seed: int, end: date) -> dict[str, object]:
    """What is true in this world; see `Simulation`."""
    parameters = world.parameters
    observed_from = np.datetime64(world.opening, "D")
    return {
        "accounts": len(world.people),
        "months": world.months,
        "seed": seed,
        "end": end.isoformat(),
        "observed_from": str(observed_from),
        "parameters": asdict(parameters),
        "survival": {
            group: {
                name: mixed_survival(parameters, channel=channel, term=term).round(12).tolist()
                for name, term in (("all", None), ("1", 1), ("12", 12))
            }
            for group, channel in (("all", None), *((name, name) for name in CHANNELS))
        },
        "features": {
            one.name: {"kind": one.kind, "leaving": one.leaving, "growing": one.growing}
            for one in parameters.features.items
        },
        "effects": {
            "channel": {name: float(np.log(ratio)) for name, ratio in parameters.channel_effect.items()},
            "plan": dict(zip(PLANS, np.log(parameters.plan_effect).tolist(), strict=True)),
            "health": parameters.health.leaving,
            "engagement": parameters.activity.leaving,
            "satisfaction": parameters.satisfaction.leaving,
            "onboarding": parameters.onboarding.leaving,
            "interventions": parameters.interventions.leaving,
        },
        "shocks": dict(zip(_months(world), world.shocks.tolist(), strict=True)),
        "null": [
            "industry",
            "region",
            "referred",
            "owner",
            *(["plan"] if set(parameters.plan_effect) == {1.0} else []),
        ],
        "known_at": KNOWN_AT,
    }


def _months(world: World) -> list[str]:
    days = world.calendar.first[BURN_IN : BURN_IN + world.months].astype("datetime64[D]")
    return [str(day) for day in days]
