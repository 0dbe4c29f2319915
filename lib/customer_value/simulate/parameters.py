"""What is true in the simulated business: every rate and effect, in one place.

Rates of monthly accounts are probabilities a person-month, rates of annual accounts a renewal. Effects are hazard
ratios, or their logarithms where said so: an effect b turns the probability p into ``1 - (1 - p) ** exp(b)``, which is
what the complementary log-log model of grouped hazards takes for granted. `NULL` at the end is the same world in which
nothing has an effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .mechanisms import (
    Activity,
    Blemishes,
    Features,
    Health,
    Interventions,
    Money,
    Onboarding,
    Satisfaction,
    Support,
    Surveys,
    WindDown,
)

SIZES = ("1–19", "20–99", "100–499", "500+")
CHANNELS = ("Inbound", "Outbound", "Partner", "Paid search", "Events")
INDUSTRIES = ("Software", "Professional services", "Retail", "Manufacturing", "Healthcare", "Financial services")
REGIONS = ("UK & Ireland", "DACH", "Nordics", "Benelux", "North America")
PLANS = ("Basic", "Professional", "Enterprise")
ADDONS = ("Advanced analytics", "Premium support")
REASONS = ("Price", "Missing features", "Competitor", "Budget cut", "No longer needed", "Company closed")


@dataclass(frozen=True)
class Parameters:
    """The business. Tuples run over `SIZES`, `PLANS` or `ADDONS` in their order unless said otherwise."""

    # Who signs up
    size_share: tuple[float, ...] = (0.42, 0.34, 0.17, 0.07)
    channel_share: tuple[tuple[float, ...], ...] = (  # size × channel: paid search brings small accounts
        (0.34, 0.08, 0.10, 0.38, 0.10),
        (0.34, 0.18, 0.14, 0.22, 0.12),
        (0.26, 0.36, 0.18, 0.06, 0.14),
        (0.18, 0.48, 0.18, 0.02, 0.14),
    )
    industry_share: tuple[float, ...] = (0.26, 0.22, 0.16, 0.15, 0.11, 0.10)
    region_share: tuple[float, ...] = (0.46, 0.17, 0.13, 0.11, 0.13)
    referred_share: float = 0.14
    annual_share: tuple[float, ...] = (0.30, 0.55, 0.75, 0.92)
    plan_share: tuple[tuple[float, ...], ...] = (  # size × plan
        (0.62, 0.34, 0.04),
        (0.32, 0.55, 0.13),
        (0.10, 0.56, 0.34),
        (0.03, 0.38, 0.59),
    )
    growth: float = 0.013  # more sign-ups each month than in the last
    opening_share: float = 0.45  # of all accounts were customers before the data begin

    # What they buy
    seats_median: tuple[float, ...] = (4.0, 9.0, 22.0, 50.0)
    seats_sigma: tuple[float, ...] = (0.65, 0.70, 0.75, 0.80)
    pareto_share: float = 0.03  # of accounts have a Pareto multiple of the seats of their kind
    pareto_shape: float = 1.6
    seats_cap: int = 450
    list_price: tuple[float, ...] = (13.0, 24.0, 40.0)  # a seat and month, in the year of the data's end
    addon_price: tuple[float, ...] = (6.0, 9.0)  # a seat and month
    addon_share: tuple[tuple[float, ...], ...] = ((0.03, 0.01), (0.12, 0.06), (0.26, 0.22))  # plan × add-on, at start
    list_growth: float = 0.04  # the list price rises every 1 January
    annual_discount: float = 0.10
    volume_discount: float = 0.035  # per doubling of seats above ten
    discount_cap: float = 0.35

    # How they leave: person-month of monthly accounts, renewal of annual ones
    monthly_voluntary: tuple[float, ...] = (0.0235, 0.0170, 0.0140, 0.0110)
    monthly_involuntary: tuple[float, ...] = (0.0065, 0.0045, 0.0020, 0.0010)
    renewal_voluntary: tuple[float, ...] = (0.260, 0.205, 0.145, 0.100)
    renewal_involuntary: tuple[float, ...] = (0.020, 0.012, 0.005, 0.003)
    early_end: float = 0.015  # monthly accounts that stop within two weeks of their start
    young_excess: float = 0.9  # excess voluntary hazard of a new monthly account, decaying with age
    young_decay: float = 5.0  # months
    mature: float = 0.80  # voluntary hazard of an old monthly account, against the rate above
    first_renewal: float = 1.12  # renewals at an age of 12 months or less, against the rate above
    later_renewal: float = 0.85
    channel_effect: Mapping[str, float] = field(
        default_factory=lambda: {"Inbound": 1.0, "Outbound": 1.0, "Partner": 0.70, "Paid search": 1.40, "Events": 1.0}
    )
    """On voluntary ends. Industry, region and referral have no effect of their own on leaving."""
    plan_effect: tuple[float, ...] = (1.0, 1.0, 1.0)  # of the plan signed for, on voluntary ends
    shock_sd: float = 0.08  # of a month's log-normal factor on voluntary ends, the same for all accounts
    proportional: bool = False  # effects also multiply failed payments and early ends: the sum is exactly proportional

    # How they come and go between
    to_annual: float = 0.008  # a monthly account a month
    to_monthly: float = 0.025  # an annual account at a renewal
    pause: float = 0.0025  # a monthly account a month
    return_voluntary: float = 0.08
    return_involuntary: float = 0.22

    # How they grow and shrink
    seats_up_monthly: float = 0.025
    seats_down_monthly: float = 0.016
    seats_up_midterm: float = 0.017
    seats_up_renewal: float = 0.15
    seats_down_renewal: float = 0.13
    large_growth: float = 1.25  # accounts of 100 employees and more add seats this much more often
    upgrade: float = 0.0035  # a month
    downgrade_monthly: float = 0.0020
    downgrade_renewal: float = 0.022
    attach: float = 0.0036  # a month and add-on
    attach_by_plan: tuple[float, ...] = (1.0, 2.0, 3.0)
    attach_by_size: tuple[float, ...] = (0.0, 1.0, 1.0, 1.0)
    detach_monthly: float = 0.006
    detach_renewal: float = 0.06
    extra_discount: float = 0.10  # of renewals end with a further discount

    # What they do, think and cost: each mechanism can be switched by itself
    features: Features = field(default_factory=Features)
    activity: Activity = field(default_factory=Activity)
    wind_down: WindDown = field(default_factory=WindDown)
    health: Health = field(default_factory=Health)
    satisfaction: Satisfaction = field(default_factory=Satisfaction)
    surveys: Surveys = field(default_factory=Surveys)
    onboarding: Onboarding = field(default_factory=Onboarding)
    support: Support = field(default_factory=Support)
    interventions: Interventions = field(default_factory=Interventions)
    money: Money = field(default_factory=Money)
    blemishes: Blemishes = field(default_factory=Blemishes)


DEFAULT = Parameters()
"""The world of the sample."""


def _over_a_year(monthly: float) -> float:
    """Probability in twelve months of what has this probability in each."""
    return 1 - (1 - monthly) ** 12


NULL = replace(
    DEFAULT,
    # Nobody leaves for being of some size, channel, plan or age; an annual account leaves at a renewal as often as a
    # monthly one in a year. Seats are many, so that rounding them favours no size.
    seats_median=(40.0, 90.0, 220.0, 500.0),
    seats_cap=45_000,
    annual_discount=0.0,
    volume_discount=0.0,
    monthly_voluntary=(0.012,) * 4,
    monthly_involuntary=(0.003,) * 4,
    renewal_voluntary=(_over_a_year(0.012),) * 4,
    renewal_involuntary=(_over_a_year(0.003),) * 4,
    early_end=0.0,
    young_excess=0.0,
    mature=1.0,
    first_renewal=1.0,
    later_renewal=1.0,
    channel_effect=dict.fromkeys(CHANNELS, 1.0),
    shock_sd=0.0,
    proportional=True,
    # Only seats grow and shrink: a plan from which one can rise, or an add-on that can be dropped, is an effect
    seats_up_monthly=0.036,
    seats_up_midterm=0.036,
    seats_up_renewal=0.036,
    seats_down_monthly=0.014,
    seats_down_renewal=_over_a_year(0.014),
    large_growth=1.0,
    upgrade=0.0,
    downgrade_monthly=0.0,
    downgrade_renewal=0.0,
    attach=0.0,
    detach_monthly=0.0,
    detach_renewal=0.0,
    features=DEFAULT.features.without_effects(),
    activity=replace(DEFAULT.activity, leaving=0.0),
    wind_down=replace(DEFAULT.wind_down, depth=0.0),
    health=replace(DEFAULT.health, leaving=0.0, growing=0.0),
    satisfaction=replace(DEFAULT.satisfaction, leaving=0.0),
    onboarding=replace(DEFAULT.onboarding, leaving=0.0),
    interventions=replace(DEFAULT.interventions, leaving=0.0),
    blemishes=Blemishes(orphans=0, outside=0),
)
"""The same world without any effect on leaving or growing: not of size, channel, plan, term, feature, use, health,
satisfaction, onboarding or calls. Terms, prices, heavy tails, adoption, drivers of satisfaction and biased response
stay; shocks and wind-down, which are no effects but mislead estimators, are off."""
