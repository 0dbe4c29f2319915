"""Contracts, month by month: who leaves, comes back, grows, shrinks and signs up.

The accounts of one month are drawn together (numpy), so that the work grows with months, not with accounts × months.
An account decides on its monthly anniversary: a monthly account at each, an annual one about leaving, shrinking and
price only when its term is due, about growing at any time. See docs/sample.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .behaviour import Behaviour
from .dates import OPEN, Calendar
from .lines import FAILED, PAUSED, Ledger
from .parameters import ADDONS, PLANS, REASONS, Parameters
from .people import BURN_IN, pick
from .streams import Streams
from .truth import fixed_effect, hazard, voluntary_monthly, voluntary_renewal

BEYOND = 3
"""Months walked through beyond the data, because use falls before ends that the data do not show yet."""


@dataclass(frozen=True)
class Record:
    """What behaviour was in the months observed (month × account): features used, as bits, and the states."""

    used: np.ndarray
    activity: np.ndarray
    health: np.ndarray
    satisfaction: np.ndarray
    tickets: np.ndarray
    called: np.ndarray

    def of(self, accounts: np.ndarray) -> Record:
        """The same of these accounts only, in this order."""
        return Record(*(getattr(self, name)[:, accounts] for name in self.__dataclass_fields__))


def _list_price(parameters: Parameters, calendar: Calendar, month: int, last_year: int) -> np.ndarray:
    """List prices in `month` of the plans, then of the add-ons."""
    base = np.array([*parameters.list_price, *parameters.addon_price])
    return np.round(base * (1 + parameters.list_growth) ** (calendar.year[month] - last_year), 2)


def _discount(parameters: Parameters, seats: np.ndarray, annual: np.ndarray, haggle: np.ndarray) -> np.ndarray:
    volume = parameters.volume_discount * np.log2(np.maximum(seats, 10) / 10)
    return np.clip(volume + parameters.annual_discount * annual + haggle, 0.0, parameters.discount_cap)


def _raised(probability: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """A probability after its hazard was multiplied by the exponential of an effect."""
    return -np.expm1(np.log1p(-probability) * effect)


def live(
    streams: Streams, parameters: Parameters, people: pd.DataFrame, calendar: Calendar, months: int
) -> tuple[pd.DataFrame, Record, np.ndarray, np.ndarray]:
    """All lines, ever, of all who signed up; their behaviour in the months observed; the shocks of these months; and
    after how many days each account was onboarded (infinite: never)."""
    rng, change = streams["life"], streams["change"]
    behaviour = Behaviour(parameters, people, streams)
    count = len(people)
    size = people["size"].to_numpy()
    fixed = fixed_effect(parameters, people["channel"].to_numpy(), people["plan"].to_numpy())
    born, day = people["month"].to_numpy(), people["day"].to_numpy().copy()
    active, spell = np.zeros(count, dtype=bool), np.zeros(count, dtype=np.int64)
    annual, anchor = people["annual"].to_numpy().copy(), born.copy()
    plan, seats = people["plan"].to_numpy().copy(), people["seats"].to_numpy().copy()
    haggle = people["haggle"].to_numpy().copy()
    returning = np.full(count, OPEN)
    ledger = Ledger(count)
    everyone = np.arange(count)
    last_year = calendar.year[BURN_IN + months - 1]
    involuntary = hazard(parameters.monthly_involuntary)[size]
    lapse = hazard(parameters.renewal_involuntary)[size]
    early_end = float(hazard(parameters.early_end))
    eager = np.where(size >= 2, parameters.large_growth, 1.0)
    bits = (1 << np.arange(len(parameters.features.items), dtype=np.uint32))[:, None]
    shocks = parameters.shock_sd * streams["shocks"].standard_normal(BURN_IN + months + BEYOND)
    shocks = np.exp(shocks - parameters.shock_sd**2 / 2)
    kept: list[tuple[np.ndarray, ...]] = []

    def due(who: np.ndarray) -> np.ndarray:
        """End of the term that holds in `month`."""
        length = np.where(annual[who], 12, 1)
        return calendar.day(anchor[who] + ((month - anchor[who]) // length + 1) * length, day[who])

    def start_plan(who: np.ndarray, when: np.ndarray, listed: np.ndarray) -> None:
        ledger.open(
            0, who, when, product=plan[who], quantity=seats[who], price=listed[plan[who]],
            discount=_discount(parameters, seats[who], annual[who], haggle[who]), term=np.where(annual[who], 12, 1),
            due=due(who),
        )  # fmt: skip

    def start_addon(number: int, who: np.ndarray, when: np.ndarray, listed: np.ndarray) -> None:
        ledger.open(
            1 + number, who, when, product=len(PLANS) + number, quantity=seats[who],
            price=listed[len(PLANS) + number], discount=np.where(annual[who], parameters.annual_discount, 0.0),
            term=np.where(annual[who], 12, 1),
            due=due(who),
        )  # fmt: skip

    for month in range(BURN_IN + months + BEYOND):
        behaviour.advance(month)
        listed = _list_price(parameters, calendar, min(month, BURN_IN + months - 1), last_year)
        anniversary, before = calendar.day(month, day), calendar.day(max(month - 1, 0), day)
        age = month - born

        # 1. Leaving, by one of three hazards
        u = rng.random(count)
        monthly_turn = active & ~annual & (month > anchor)
        renewal = active & annual & (month > anchor) & ((month - anchor) % 12 == 0)
        effect = fixed * np.exp(behaviour.leaving(month)) * shocks[month]
        reach = effect if parameters.proportional else 1.0
        h_early = np.where(monthly_turn & (age == 1) & (spell == 1), early_end, 0.0) * reach
        h_failed = np.where(monthly_turn, involuntary, np.where(renewal, lapse, 0.0)) * reach
        h_chosen = np.where(
            monthly_turn,
            voluntary_monthly(parameters, np.maximum(age, 1), size),
            np.where(renewal, voluntary_renewal(parameters, age, size), 0.0),
        )
        h_chosen = h_chosen * effect
        total = h_early + h_failed + h_chosen
        p_left = -np.expm1(-total)
        left = u < p_left
        # Given an end, the causes share it as their hazards do; what is left of the same number decides
        place = u / np.maximum(p_left, 1e-300) * total
        early = left & (place < h_early)
        failed = left & ~early & (place < h_early + h_failed)
        # A failed payment ends a monthly contract in the weeks after the bill of the last anniversary
        dunning = np.maximum(before + rng.integers(10, 25, count), ledger.start[0] + 1)
        quit_day = np.where(early, before + rng.integers(2, 13, count), anniversary)
        quit_day = np.where(failed & ~annual, dunning, quit_day)
        reason = pick(rng, np.tile((0.26, 0.20, 0.18, 0.15, 0.16, 0.05), (count, 1)))
        reason = np.where(failed, FAILED, np.where(early, REASONS.index("No longer needed"), reason))
        comes_back = rng.random(count) < np.where(failed, parameters.return_involuntary, parameters.return_voluntary)
        away = np.where(failed, rng.integers(34, 120, count), rng.integers(45, 330, count))
        who = everyone[left]
        ledger.close_all(who, quit_day[who], reason=reason[who], kind=np.where(failed, 1, 0)[who])
        active[who] = False
        back = left & comes_back & ~early & (month >= BURN_IN) & (reason != REASONS.index("Company closed"))
        returning[back] = (quit_day + away)[back]

        # 2. Coming back, on a monthly contract and smaller
        shrink = change.uniform(0.6, 1.0, count)
        coming = ~active & (returning < calendar.first[month + 1])
        who = everyone[coming]
        seats[who] = np.maximum(1, np.rint(seats[who] * shrink[who])).astype(np.int64)
        annual[who], active[who], anchor[who] = False, True, month
        spell[who] += 1
        start_plan(who, returning[who], listed)
        when_back = returning[who]
        day[who] = when_back - calendar.first[month] + 1
        returning[who] = OPEN

        # 3. Changing: at the turn of a monthly contract or a renewal, growing also within an annual term
        turn = (monthly_turn | renewal) & ~left
        within = active & annual & (month > anchor) & ~renewal & ~coming
        inside = calendar.first[month] + change.integers(0, 28, count)
        when = np.where(turn, anniversary, inside)
        within &= when > ledger.start[0]
        able = turn | within
        growing = np.exp(behaviour.growing(month))

        paused = turn & ~annual & (change.random(count) < parameters.pause)
        gap = change.integers(4, 27, count)
        u_term = change.random(count)
        switched = turn & ~paused & (u_term < np.where(annual, parameters.to_monthly, parameters.to_annual))
        review = turn & (renewal | switched | ((month - anchor) % 12 == 0))
        haggle = np.where(
            review & (change.random(count) < parameters.extra_discount),
            haggle + change.uniform(0.02, 0.10, count),
            haggle,
        )

        u_seats, step = change.random(count), change.random(count)
        up = eager * np.where(renewal, parameters.seats_up_renewal,
                              np.where(annual, parameters.seats_up_midterm, parameters.seats_up_monthly))  # fmt: skip
        up = _raised(up, growing)
        down = np.where(renewal, parameters.seats_down_renewal, np.where(turn, parameters.seats_down_monthly, 0.0))
        more = able & (u_seats < up)
        fewer = able & ~more & (u_seats < up + down) & (seats > 1)
        grown = np.maximum(seats + 1, np.rint(seats * (1 + 0.10 + 0.22 * step)))
        shrunk = np.minimum(seats - 1, np.rint(seats * (1 - 0.08 - 0.25 * step)))
        new_seats = np.where(more, np.minimum(grown, np.maximum(seats, parameters.seats_cap)), seats)
        new_seats = np.where(fewer, np.maximum(shrunk, 1), new_seats).astype(np.int64)

        u_plan = change.random(count)
        p_higher = _raised(parameters.upgrade * np.where(renewal, 4, 1), growing)
        higher = able & (plan < len(PLANS) - 1) & (u_plan < p_higher)
        p_lower = np.where(renewal, parameters.downgrade_renewal, np.where(turn, parameters.downgrade_monthly, 0.0))
        lower = able & (plan > 0) & (u_plan > 1 - p_lower)

        annual[switched] = ~annual[switched]
        anchor[switched] = month
        seats_changed = able & (new_seats != seats)
        plan_changed = higher | lower
        seats, plan = new_seats, plan + higher - lower
        # A term's new line: at every renewal, and for monthly contracts when the yearly review moves the price
        dearer = review & ~renewal & (ledger.price[0] != listed[plan])
        renewed = able & (renewal | switched | plan_changed | dearer)
        kept_price = seats_changed & ~renewed & ~paused

        who = everyone[renewed & ~paused]
        ledger.close(0, who, when[who])
        start_plan(who, when[who], listed)
        who = everyone[kept_price]
        price, discount = ledger.price[0, who], ledger.discount[0, who]
        ledger.close(0, who, when[who])
        ledger.open(0, who, when[who], product=plan[who], quantity=seats[who], price=price, discount=discount,
                    term=np.where(annual[who], 12, 1), due=due(who))  # fmt: skip

        p_on = parameters.attach * np.asarray(parameters.attach_by_plan)[plan]
        p_on = _raised(p_on * np.asarray(parameters.attach_by_size)[size], growing)
        for number in range(len(ADDONS)):
            held = ledger.held(1 + number)
            u_addon = change.random(count)
            p_off = np.where(renewal, parameters.detach_renewal, np.where(turn, parameters.detach_monthly, 0.0))
            off = able & held & (u_addon < p_off)
            on = able & ~held & (u_addon < p_on)
            again = held & ~off & able & (renewal | switched | seats_changed | dearer)
            who = everyone[(off | again) & ~paused]
            ledger.close(1 + number, who, when[who])
            who = everyone[(again | on) & ~paused]
            start_addon(number, who, when[who], listed)

        who = everyone[paused]
        addons = [everyone[paused & ledger.held(1 + number)] for number in range(len(ADDONS))]
        ledger.close_all(who, when[who], reason=PAUSED)
        start_plan(who, when[who] + gap[who], listed)
        for number, holders in enumerate(addons):
            start_addon(number, holders, when[holders] + gap[holders], listed)

        # 4. Signing up
        who = everyone[(born == month) & (spell == 0)]
        active[who], spell[who] = True, 1
        start_plan(who, anniversary[who], listed)
        u_first = change.random((len(ADDONS), count))
        for number in range(len(ADDONS)):
            share = np.asarray(parameters.addon_share)[plan[who], number]
            buyers = who[u_first[number, who] < share]
            start_addon(number, buyers, anniversary[buyers], listed)

        # 5. Calling those who are still here
        called = behaviour.called & active
        behaviour.call(everyone[called], month)
        if BURN_IN <= month < BURN_IN + months:
            used = (behaviour.used * bits).sum(axis=0, dtype=np.uint32)
            kept.append((used, behaviour.activity, behaviour.health, behaviour.satisfaction, behaviour.tickets, called))

    record = Record(*(np.array(part) for part in zip(*kept, strict=True)))
    return ledger.frame(), record, shocks[BURN_IN : BURN_IN + months], behaviour.onboarded
