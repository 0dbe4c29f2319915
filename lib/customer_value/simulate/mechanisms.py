"""What accounts do, think and cost in the simulated business; one class a mechanism, each switched by `replace`.

Logarithms of hazard ratios are called `leaving` and `growing`; 0 is no effect. Traits and states have a standard
deviation of about 1 over accounts, so that an effect is one of a standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log


@dataclass(frozen=True)
class Feature:
    """One feature of the product.

    Attributes
    ----------
    name, level, area : as in the contract's table of features
    kind : what it is there for: ``effect``, ``null`` (plain), ``survival`` (a null that is adopted late, by those who
        stay), ``wind-down`` (a null that leavers drop first), ``table stakes``
    start : share of accounts that use it from the start
    pace : monthly hazard of adopting it later
    keep : probability that an adopter uses it in a month
    drop : monthly hazard of giving it up
    volume : how much it is used, about 1: sets events, and on how many days and by how many of the users
    leaving, growing : log hazard ratio of regular use, on leaving and on growing
    winds_down : how much of a leaver's fall in use falls on it, 0 to 1
    """

    name: str
    level: str
    area: str
    kind: str
    start: float
    pace: float
    keep: float = 0.90
    drop: float = 0.005
    volume: float = 1.0
    leaving: float = 0.0
    growing: float = 0.0
    winds_down: float = 0.6


SAMPLE_FEATURES = (
    Feature("Dashboard", "basic", "Core", "table stakes", start=0.93, pace=0.30, keep=0.97, drop=0.001, volume=2.6),
    Feature("Reports", "basic", "Core", "null", start=0.50, pace=0.030, volume=1.4, winds_down=0.0),
    Feature("Templates", "basic", "Core", "null", start=0.35, pace=0.020, volume=0.8, winds_down=0.0),
    Feature("Mobile app", "basic", "Core", "null", start=0.30, pace=0.015, volume=1.8, winds_down=0.3),
    Feature("Comments", "basic", "Collaboration", "wind-down", start=0.45, pace=0.040, volume=2.0, winds_down=1.0),
    Feature("Shared spaces", "basic", "Collaboration", "wind-down", start=0.30, pace=0.025, winds_down=1.0),
    Feature("Automation", "advanced", "Automation", "effect", start=0.22, pace=0.022, leaving=log(0.55),
            growing=log(1.30)),
    Feature("Integrations", "advanced", "Platform", "effect", start=0.30, pace=0.025, volume=1.2, leaving=log(0.55)),
    Feature("API", "advanced", "Platform", "effect", start=0.15, pace=0.015, volume=3.0, growing=log(1.80)),
    Feature("Bulk export", "basic", "Platform", "effect", start=0.18, pace=0.012, volume=0.5, leaving=log(2.00)),
    Feature("Single sign-on", "advanced", "Administration", "survival", start=0.0, pace=0.022, drop=0.0, volume=0.6),
    Feature("Audit log", "advanced", "Administration", "survival", start=0.0, pace=0.014, drop=0.0, volume=0.3),
    Feature("Forecasting", "advanced", "Insight", "null", start=0.02, pace=0.001, volume=0.5),
)  # fmt: skip


@dataclass(frozen=True)
class Features:
    """Who adopts what, and when its use tells on leaving and growing.

    The effect of a feature at month t is that of the share of the `window` months t - `lag` - `window` … t - `lag` - 1
    in which it was used. Advanced features are adopted by plan (`by_plan`), all by engagement (log hazard a standard
    deviation).
    """

    items: tuple[Feature, ...] = SAMPLE_FEATURES
    lag: int = 3
    window: int = 3
    engagement: float = 0.20
    by_plan: tuple[float, ...] = (0.8, 1.0, 1.2)

    def without_effects(self) -> Features:
        """The same features, adopted alike, without effect on anything and dropped by nobody first."""
        return replace(self, items=tuple(replace(one, leaving=0.0, growing=0.0) for one in self.items))


@dataclass(frozen=True)
class Activity:
    """How much accounts do. Engagement is a lasting trait."""

    users: float = 0.55  # of seats are active in a month of an average account
    days: float = 0.50  # of working days have use
    by_engagement: float = 0.55  # a standard deviation, on the log-odds of users and days
    noise: float = 0.35  # from month to month
    events: float = 0.45  # times a feature's volume: events beyond one a day and user
    spread: float = 0.5  # sd of the logarithm of a cell's events
    leaving: float = -0.10  # a standard deviation of engagement


@dataclass(frozen=True)
class WindDown:
    """Those who leave by choice use less before an end that is already decided."""

    share: float = 1.0  # of them
    depth: float = 0.75  # of use that falls away; 0 switches it off
    shortest: int = 60  # days before the end at which it begins, never before the third month before that of the end
    longest: int = 92


@dataclass(frozen=True)
class Health:
    """A slowly moving state of the account that nobody records: it moves everything, and so confounds."""

    persistence: float = 0.94  # from one month to the next
    leaving: float = -0.30
    growing: float = 0.08
    adoption: float = 0.12  # on the log hazard of adopting
    use: float = 0.20  # on the log-odds that an adopter uses a feature in a month
    activity: float = 0.30  # on the log-odds of users and days


@dataclass(frozen=True)
class Satisfaction:
    """What the people of an account think: a mixture of health, breadth of use, tickets, a trait and the moment."""

    health: float = 0.45
    breadth: float = 0.15
    tickets: float = 0.25  # less, a ticket of the last three months on its square-root scale
    trait: float = 0.55
    moment: float = 0.45
    leaving: float = -0.35  # of last month's satisfaction


@dataclass(frozen=True)
class Surveys:
    """Who is asked, who answers and what is said."""

    sent: float = 0.9  # of accounts, each half-year
    response: float = 0.32
    by_satisfaction: float = 0.50  # on the log-odds of answering: the dissatisfied answer less
    by_activity: float = 0.40  # and so do the inactive
    centre: float = 7.5  # score of an account of average satisfaction
    slope: float = 1.7  # points a standard deviation
    person: float = 1.3  # sd of people within an account
    exit: float = 0.25  # of leavers answer one when they cancel or soon after
    comments: float = 0.45  # of answers carry one
    csat: float = 0.35  # of closed tickets are rated


@dataclass(frozen=True)
class Onboarding:
    """Milestones after sign-up."""

    completed: float = 0.82  # of accounts
    median_days: float = 21.0
    spread: float = 0.7  # sd of the logarithm of days
    activated: float = 0.92
    valued: float = 0.75
    leaving: float = log(0.70)  # of completion within 30 days, from the second month on


@dataclass(frozen=True)
class Support:
    """Tickets."""

    rate: float = 0.16  # a month of an account with ten seats
    by_seats: float = 0.35  # power of seats
    by_health: float = -0.25  # on the log rate
    severe: float = 0.12


@dataclass(frozen=True)
class Interventions:
    """Calls and offers. Sick accounts get them, so that the naive comparison says that calls do harm."""

    rate: float = 0.025  # a month of an account of average health
    by_health: float = -0.8  # on the log-odds
    leaving: float = log(0.70)  # in the `months` after
    months: int = 6


@dataclass(frozen=True)
class Money:
    """Bills, costs and targets."""

    acquisition: tuple[float, ...] = (420.0, 900.0, 650.0, 780.0, 1100.0)  # by channel, of the smallest size
    acquisition_by_size: tuple[float, ...] = (1.0, 2.2, 5.5, 14.0)
    days_to_pay: tuple[int, ...] = (14, 30)  # monthly, annual
    late: float = 0.12  # of bills that are paid
    recovered: float = 0.015  # of bills fail once and are paid after
    hosting: float = 0.16  # of recurring revenue
    support: float = 0.07
    success: float = 0.06


@dataclass(frozen=True)
class Blemishes:
    """What no export is without."""

    orphans: int = 3  # rows of unknown accounts, in each of some tables
    outside: int = 12  # rows of use after the account has left
