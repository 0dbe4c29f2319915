"""A business-to-business software company, month by month, drawn from known rates.

The accounts of one month are drawn together (numpy), so that the work grows with months, not with accounts × months.
An account decides on its monthly anniversary: a monthly account at each, an annual one about leaving, shrinking and
price only when its term is due, about growing at any time. See docs/sample.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd

from ..errors import SettingsError
from .names import OWNERS, companies
from .parameters import ADDONS, CHANNELS, DEFAULT, INDUSTRIES, PLANS, REASONS, REGIONS, SIZES, Parameters
from .truth import mixed_survival, voluntary_monthly, voluntary_renewal

SEED = 4
"""Of the sample that ships: one that is typical of its kind in retention, size and concentration."""

BURN_IN = 60
"""Months before the data begin in which the opening stock signed up."""

PAUSED = len(REASONS)
FAILED = len(REASONS) + 1
REASON_NAMES = (*REASONS, "Paused", "Payment failed")
KIND_NAMES = ("voluntary", "involuntary")
NONE = -1
OPEN = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Simulation:
    """The tables of the contract, and what is true in them.

    Attributes
    ----------
    tables : ``customers``, ``subscriptions`` and ``plans`` under the contract's column names
    truth : JSON-able. ``observed_from``, ``end``, ``parameters``; ``survival`` by channel (or ``all``) and term at
        sign-up (``all``, ``1``, ``12``), lists whose k-th value is the share not churned on anniversary k; ``null``,
        what has no effect of its own on leaving; ``known_at`` of the attributes
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, object]


class _Calendar:
    """Days since 1970 of the months that the simulation walks through."""

    def __init__(self, first: np.datetime64, months: int) -> None:
        starts = np.arange(first, first + months + 2)
        self.first = starts.astype("datetime64[D]").astype(np.int64)
        self.length = np.diff(self.first)
        self.year = starts.astype("datetime64[Y]").astype(np.int64) + 1970

    def day(self, month: np.ndarray | int, day: np.ndarray) -> np.ndarray:
        """The given day of the month, or the month's last where it is shorter."""
        return self.first[month] + np.minimum(day, self.length[month]) - 1


class _Ledger:
    """The lines that accounts hold now, and those already closed. A line: plan or add-on, seats, price, discount."""

    FIELDS = ("account", "product", "start", "end", "quantity", "price", "discount", "term", "due", "reason", "kind")

    def __init__(self, accounts: int) -> None:
        products = 1 + len(ADDONS)
        self.start = np.full((products, accounts), OPEN)  # OPEN: not held
        self.product = np.zeros((products, accounts), dtype=np.int64)
        self.price = np.zeros((products, accounts))
        self.quantity = np.zeros((products, accounts), dtype=np.int64)
        self.discount = np.zeros((products, accounts))
        self.term = np.zeros((products, accounts), dtype=np.int64)
        self.due = np.zeros((products, accounts), dtype=np.int64)
        self.closed: list[tuple[np.ndarray, ...]] = []

    def held(self, slot: int) -> np.ndarray:
        return self.start[slot] != OPEN

    def open(self, slot, who, when, *, product, quantity, price, discount, term, due) -> None:
        self.start[slot, who] = when
        self.product[slot, who] = product
        self.quantity[slot, who] = quantity
        self.price[slot, who] = price
        self.discount[slot, who] = discount
        self.term[slot, who] = term
        self.due[slot, who] = due

    def close(self, slot, who, when, *, reason=NONE, kind=NONE) -> None:
        """End the line of each account in `who`; a line opened on that very day leaves no trace."""
        kept = self.start[slot, who] < when
        ends = (who, self.product[slot, who], self.start[slot, who], when, self.quantity[slot, who])
        ends += (self.price[slot, who], self.discount[slot, who], self.term[slot, who])
        ends += (self.due[slot, who], reason, kind)
        self.closed.append(tuple(np.broadcast_to(part, who.shape)[kept] for part in ends))
        self.start[slot, who] = OPEN

    def close_all(self, who, when, *, reason=NONE, kind=NONE) -> None:
        for slot in range(len(self.start)):
            on = self.held(slot)[who]
            chosen = [np.broadcast_to(part, who.shape)[on] for part in (who, when, reason, kind)]
            self.close(slot, chosen[0], chosen[1], reason=chosen[2], kind=chosen[3])

    def frame(self) -> pd.DataFrame:
        for slot in range(len(self.start)):
            self.close(slot, np.flatnonzero(self.held(slot)), OPEN)
        columns = [np.concatenate(parts) for parts in zip(*self.closed, strict=True)]
        return pd.DataFrame(dict(zip(self.FIELDS, columns, strict=True)))


def simulate(
    *,
    accounts: int = 2000,
    months: int = 36,
    seed: int = SEED,
    end: date = date(2026, 6, 30),
    parameters: Parameters = DEFAULT,
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

    Raises
    ------
    SettingsError : fewer than 20 accounts, no month, or an end within a month
    """
    if accounts < 20 or months < 1:
        raise SettingsError(f"a simulated business needs 20 accounts and 1 month, got: {accounts} and {months}")
    last_month = np.datetime64(end, "M")
    if np.datetime64(end, "D") + 1 != (last_month + 1).astype("datetime64[D]"):
        raise SettingsError(f"a simulated business ends on a month's last day, got: {end.isoformat()}")
    rng_people, rng_life, rng_change = (
        np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(3)
    )
    observed = last_month - months + 1
    calendar = _Calendar(observed - BURN_IN, BURN_IN + months + 13)
    people = _people(rng_people, parameters, accounts, months, calendar)
    lines = _live(rng_life, rng_change, parameters, people, calendar, months)
    opening, last_day = calendar.first[BURN_IN] - 1, calendar.first[BURN_IN + months] - 1
    customers_then = lines["account"][(lines["start"] <= opening) & (lines["end"] > opening)].unique()
    stock = np.intersect1d(customers_then, people["draw"][people["month"] < BURN_IN])
    stock = rng_people.permutation(stock)[: round(parameters.opening_share * accounts)]
    people = people[people["draw"].isin(stock) | (people["month"] >= BURN_IN)]
    people = people.sort_values(["signup", "draw"]).reset_index(drop=True)

    number = pd.Series(people.index, index=people["draw"])
    lines = lines[lines["account"].isin(number.index) & (lines["start"] <= last_day)]
    # The export has the contracts in force on the opening day or signed later. The term of an annual contract may have
    # begun, and its seats changed, before that day: the whole term is there.
    lines = lines[np.where(lines["term"] > 1, lines["due"], lines["end"]) > opening]
    lines = lines.assign(account=lines["account"].map(number))
    open_line = lines["end"] > last_day
    survivors = np.zeros(len(people), dtype=bool)
    survivors[lines.loc[open_line & (lines["product"] < len(PLANS)), "account"]] = True

    tables = {
        "customers": _customers(rng_people, people, survivors),
        "subscriptions": _subscriptions(lines, open_line),
        "plans": pd.DataFrame(
            {"plan": PLANS, "rank": np.arange(1, len(PLANS) + 1), "list_price": np.array(parameters.list_price)}
        ),
    }
    truth = {
        "accounts": accounts,
        "months": months,
        "seed": seed,
        "end": end.isoformat(),
        "observed_from": str(observed.astype("datetime64[D]") - 1),
        "parameters": asdict(parameters),
        "survival": {
            group: {
                "all": mixed_survival(parameters, channel=channel).round(12).tolist(),
                "1": mixed_survival(parameters, channel=channel, term=1).round(12).tolist(),
                "12": mixed_survival(parameters, channel=channel, term=12).round(12).tolist(),
            }
            for group, channel in (("all", None), *((name, name) for name in CHANNELS))
        },
        "null": ["industry", "region", "referred", "owner", "plan"],
        "known_at": {"industry": "signup", "channel": "signup", "region": "signup", "size": "signup",
                     "referred": "signup", "health": "current"},
    }  # fmt: skip
    return Simulation(tables=tables, truth=truth)


def _pick(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """One level a row, from a row of shares a person."""
    return (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def _people(
    rng: np.random.Generator, parameters: Parameters, accounts: int, months: int, calendar: _Calendar
) -> pd.DataFrame:
    """Everyone who ever signed up: for the opening stock three times as many as are to be left of them."""
    stock = round(parameters.opening_share * accounts)
    before = (1 + parameters.growth) ** np.arange(BURN_IN)
    after = (1 + parameters.growth) ** np.arange(months)
    month = np.concatenate(
        [
            rng.choice(BURN_IN, size=3 * stock + 20, p=before / before.sum()),
            BURN_IN + rng.choice(months, size=accounts - stock, p=after / after.sum()),
        ]
    )
    count = len(month)
    day = rng.integers(1, calendar.length[month] + 1)
    # Someone signs up on the last day, so that the data themselves say that they reach it
    month[-1] = BURN_IN + months - 1
    day[-1] = calendar.length[month[-1]]
    size = _pick(rng, np.tile(parameters.size_share, (count, 1)))
    plan = _pick(rng, np.asarray(parameters.plan_share)[size])
    channel = _pick(rng, np.asarray(parameters.channel_share)[size])
    seats = np.exp(rng.normal(np.log(parameters.seats_median)[size], np.asarray(parameters.seats_sigma)[size]))
    seats *= np.where(rng.random(count) < parameters.pareto_share, 1 + rng.pareto(parameters.pareto_shape, count), 1.0)
    return pd.DataFrame(
        {
            "draw": np.arange(count),
            "month": month,
            "day": day,
            "signup": calendar.day(month, day),
            "size": size,
            "channel": channel,
            "effect": np.array([parameters.channel_effect[name] for name in CHANNELS])[channel],
            "industry": _pick(rng, np.tile(parameters.industry_share, (count, 1))),
            "region": _pick(rng, np.tile(parameters.region_share, (count, 1))),
            "referred": rng.random(count) < parameters.referred_share,
            "annual": rng.random(count) < np.asarray(parameters.annual_share)[size],
            "plan": plan,
            "seats": np.clip(np.rint(seats), 1, parameters.seats_cap).astype(np.int64),
            "haggle": np.clip(rng.normal(0.0, 0.05, count), -0.05, 0.15),
        }
    )


def _list_price(parameters: Parameters, calendar: _Calendar, month: int, last_year: int) -> np.ndarray:
    """List prices in `month` of the plans, then of the add-ons."""
    base = np.array([*parameters.list_price, *parameters.addon_price])
    return np.round(base * (1 + parameters.list_growth) ** (calendar.year[month] - last_year), 2)


def _discount(parameters: Parameters, seats: np.ndarray, annual: np.ndarray, haggle: np.ndarray) -> np.ndarray:
    volume = parameters.volume_discount * np.log2(np.maximum(seats, 10) / 10)
    return np.clip(volume + parameters.annual_discount * annual + haggle, 0.0, parameters.discount_cap)


def _live(
    rng: np.random.Generator,
    change: np.random.Generator,
    parameters: Parameters,
    people: pd.DataFrame,
    calendar: _Calendar,
    months: int,
) -> pd.DataFrame:
    """All lines, ever, of all who signed up."""
    count = len(people)
    size, effect = people["size"].to_numpy(), people["effect"].to_numpy()
    born, day = people["month"].to_numpy(), people["day"].to_numpy().copy()
    active, spell = np.zeros(count, dtype=bool), np.zeros(count, dtype=np.int64)
    annual, anchor = people["annual"].to_numpy().copy(), born.copy()
    plan, seats = people["plan"].to_numpy().copy(), people["seats"].to_numpy().copy()
    haggle = people["haggle"].to_numpy().copy()
    returning = np.full(count, OPEN)
    ledger = _Ledger(count)
    everyone = np.arange(count)
    last_year = calendar.year[BURN_IN + months - 1]
    involuntary = np.asarray(parameters.monthly_involuntary)[size]
    lapse = np.asarray(parameters.renewal_involuntary)[size]
    eager = np.where(size >= 2, parameters.large_growth, 1.0)

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

    # One month beyond the last, because a person-month that began in the last can end in it
    for month in range(BURN_IN + months + 1):
        listed = _list_price(parameters, calendar, min(month, BURN_IN + months - 1), last_year)
        anniversary, before = calendar.day(month, day), calendar.day(max(month - 1, 0), day)
        age = month - born

        # 1. Leaving
        u = rng.random(count)
        monthly_turn = active & ~annual & (month > anchor)
        renewal = active & annual & (month > anchor) & ((month - anchor) % 12 == 0)
        p_early = np.where(monthly_turn & (age == 1) & (spell == 1), parameters.early_end, 0.0)
        p_failed = np.where(monthly_turn, involuntary, np.where(renewal, lapse, 0.0))
        p_chosen = np.where(
            monthly_turn,
            voluntary_monthly(parameters, np.maximum(age, 1), size, effect),
            np.where(renewal, voluntary_renewal(parameters, age, size, effect), 0.0),
        )
        early = u < p_early
        failed = ~early & (u < p_early + p_failed)
        chosen = ~early & ~failed & (u < p_early + p_failed + p_chosen)
        left = early | failed | chosen
        # A failed payment ends a monthly contract in the weeks after the bill of the last anniversary
        dunning = np.maximum(before + rng.integers(10, 25, count), ledger.start[0] + 1)
        quit_day = np.where(early, before + rng.integers(2, 13, count), anniversary)
        quit_day = np.where(failed & ~annual, dunning, quit_day)
        reason = _pick(rng, np.tile((0.26, 0.20, 0.18, 0.15, 0.16, 0.05), (count, 1)))
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
        down = np.where(renewal, parameters.seats_down_renewal, np.where(turn, parameters.seats_down_monthly, 0.0))
        more = able & (u_seats < up)
        fewer = able & ~more & (u_seats < up + down) & (seats > 1)
        grown = np.maximum(seats + 1, np.rint(seats * (1 + 0.10 + 0.22 * step)))
        shrunk = np.minimum(seats - 1, np.rint(seats * (1 - 0.08 - 0.25 * step)))
        new_seats = np.where(more, np.minimum(grown, np.maximum(seats, parameters.seats_cap)), seats)
        new_seats = np.where(fewer, np.maximum(shrunk, 1), new_seats).astype(np.int64)

        u_plan = change.random(count)
        higher = able & (plan < len(PLANS) - 1) & (u_plan < parameters.upgrade * np.where(renewal, 4, 1))
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

        for number in range(len(ADDONS)):
            held = ledger.held(1 + number)
            u_addon = change.random(count)
            p_off = np.where(renewal, parameters.detach_renewal, np.where(turn, parameters.detach_monthly, 0.0))
            off = able & held & (u_addon < p_off)
            on = able & ~held & (u_addon < parameters.attach * (1 + plan)) & (size > 0)
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

    return ledger.frame()


def _customers(rng: np.random.Generator, people: pd.DataFrame, survivors: np.ndarray) -> pd.DataFrame:
    count = len(people)
    # Large accounts go to the first managers, so that owners differ by what they look after and not by skill
    desk = np.clip(people["size"].to_numpy() * 2 + rng.integers(0, 3, count), 0, len(OWNERS) - 1)
    health = np.array(["Green", "Amber", "Red"])[_pick(rng, np.tile((0.62, 0.28, 0.10), (count, 1)))]
    return pd.DataFrame(
        {
            "customer_id": _identifiers(np.arange(count), count),
            "signup_date": _dates(people["signup"].to_numpy()),
            "name": companies(rng, count),
            "owner": np.array(OWNERS)[desk],
            "industry": np.array(INDUSTRIES)[people["industry"]],
            "channel": np.array(CHANNELS)[people["channel"]],
            "region": np.array(REGIONS)[people["region"]],
            "size": np.array(SIZES)[people["size"]],
            "referred": people["referred"].to_numpy(),
            "health": np.where(survivors, health, None),
        }
    )


def _subscriptions(lines: pd.DataFrame, open_line: pd.Series) -> pd.DataFrame:
    accounts = int(lines["account"].max()) + 1
    full = lines["quantity"] * lines["price"]
    is_plan = lines["product"] < len(PLANS)
    table = pd.DataFrame(
        {
            "customer_id": _identifiers(lines["account"].to_numpy(), accounts),
            "product": np.array([*PLANS, *ADDONS])[lines["product"]],
            "kind": np.where(is_plan, "plan", "addon"),
            "start_date": _dates(lines["start"].to_numpy()),
            "end_date": _dates(np.where(open_line, 0, lines["end"])),
            "mrr": (full * (1 - lines["discount"])).round(2).to_numpy(),
            "list_mrr": full.round(2).to_numpy(),
            "quantity": lines["quantity"].to_numpy(),
            "unit": "seats",
            "billing_months": lines["term"].to_numpy(),
            "currency": "GBP",
            "end_reason": np.array([*REASON_NAMES, None])[np.where(open_line, NONE, lines["reason"])],
            "end_kind": np.array([*KIND_NAMES, None])[np.where(open_line, NONE, lines["kind"])],
        }
    )
    table.loc[open_line.to_numpy(), "end_date"] = pd.NaT
    order = np.lexsort([lines["product"], lines["start"], lines["account"]])
    return table.iloc[order].reset_index(drop=True)


def _identifiers(numbers: np.ndarray, accounts: int) -> np.ndarray:
    width = max(5, len(str(accounts)))
    return np.array([f"C{number + 1:0{width}d}" for number in numbers.tolist()], dtype=object)


def _dates(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[D]").astype("datetime64[ns]")
