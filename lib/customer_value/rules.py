"""By which rules accounts are put into behavioural segments: read from `report.yml`, applied by the studies.

What counts as having arrived, as using a lot or as being stuck differs from product to product, so none of it is in the
code. Each rule is explained in `docs/your-data.md`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=730)]
Months = Annotated[int, Field(ge=1, le=24)]
Name = Annotated[str, Field(min_length=1, max_length=60)]

WIND_DOWN_DAYS = 92
"""Leavers use less in their last three months; accounts are followed from so many days after use was looked at."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Behaviour(_Strict):
    """Something an account did in its first days, or did not.

    Exactly one of ``milestone``, ``feature`` and ``usage`` says what. Use is told by the month, so it counts in the
    calendar months that end within the days.

    Attributes
    ----------
    name : what it is called on the page
    within_days : counted from the account's beginning
    milestone : it reached the milestone of this name
    feature : it used the feature in at least two calendar months
    usage : its use, per thirty days as a customer, reached ``at_least``, or lay in the ``top_share`` of all accounts
    wait_days : accounts are followed from so many days after; by default none after a milestone and
        `WIND_DOWN_DAYS` after use
    """

    name: Name
    within_days: Days
    milestone: Name | None = None
    feature: Name | None = None
    usage: Literal["events", "active_days", "users"] | None = None
    at_least: Annotated[float, Field(gt=0)] | None = None
    top_share: Share | None = None
    wait_days: Annotated[int, Field(ge=0, le=730)] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Behaviour:
        told = [name for name in ("milestone", "feature", "usage") if getattr(self, name) is not None]
        if len(told) != 1:
            raise ValueError(f"needs exactly one of milestone, feature and usage, has: {', '.join(told) or 'none'}")
        levels = [name for name in ("at_least", "top_share") if getattr(self, name) is not None]
        if self.usage is not None and len(levels) != 1:
            raise ValueError(f"a level of use needs one of at_least and top_share, has: {', '.join(levels) or 'none'}")
        if self.usage is None and levels:
            raise ValueError(f"{levels[0]} goes with usage only")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """The tables that tell it: one of them is enough."""
        if self.milestone is not None:
            return ("milestones",)
        if self.feature is not None:
            return ("feature_usage_monthly", "usage_events")
        return ("activity_monthly", "usage_events", "feature_usage_monthly")

    @property
    def wait(self) -> int:
        """Days after ``within_days`` from which accounts are followed."""
        if self.wait_days is not None:
            return self.wait_days
        return 0 if self.milestone is not None else WIND_DOWN_DAYS


class UsageKinds(_Strict):
    """Power, core, light and potential users.

    Attributes
    ----------
    months : over how many whole months use is taken
    lag_months : whole months between these and the day from which accounts are followed
    power_share : the most active share of accounts may be power users …
    broad_share : … if they also use more features than all but this share, and are not known to be dissatisfied
    core_share : this share, with the power users, uses at least as much as a core user; in every month
    recent_months, rising : of the others, an account at most so old whose use grew by at least this share over that of
        as many months before has potential; the rest are light users
    satisfied_from : a mean score below this counts as dissatisfied
    """

    months: Months = 3
    lag_months: Annotated[int, Field(ge=0, le=12)] = 3
    power_share: Share = 0.2
    broad_share: Share = 0.5
    core_share: Share = 0.6
    recent_months: Months = 12
    rising: Annotated[float, Field(gt=0)] = 0.25
    satisfied_from: Annotated[float, Field(ge=0, le=10)] = 7.0

    @model_validator(mode="after")
    def _in_order(self) -> UsageKinds:
        if self.core_share <= self.power_share:
            raise ValueError(f"core_share must be above power_share ({self.power_share}), got: {self.core_share}")
        return self


class JourneyKinds(_Strict):
    """Rapid adopters, steady, struggling and stalled implementers.

    Attributes
    ----------
    onboarding, value : names of the milestones that end onboarding and show first value
    onboarding_days : by then onboarding should be over; later is struggling, unless many features are in use
    rapid_days : value within so many days, and many features, is rapid
    broad_share : more features than all but this share are many
    falling : use that fell by at least this share against as many months before is stalled, once onboarding was over
    """

    onboarding: Name = "Onboarding completed"
    value: Name = "Value reached"
    onboarding_days: Days = 60
    rapid_days: Days = 90
    broad_share: Share = 0.5
    falling: Share = 0.25


class ValueKinds(_Strict):
    """Value achievers, seekers, explorers and blocked accounts.

    Attributes
    ----------
    value_at_least : a goal counts as achieved value if it delivered at least so many times what was spent on it (or
        nothing is known of either)
    overdue_days : a goal so many days past its date is blocked
    early_months : without any goal, an account at most so old explores
    """

    value_at_least: Annotated[float, Field(ge=0)] = 1.0
    overdue_days: Annotated[int, Field(ge=0, le=730)] = 30
    early_months: Months = 6


class Rules(_Strict):
    """All rules of behavioural segments, as `report.yml` gives them under ``segments``."""

    behaviours: tuple[Behaviour, ...] = ()
    usage: UsageKinds = UsageKinds()
    journey: JourneyKinds = JourneyKinds()
    value: ValueKinds = ValueKinds()
    activated: Name = "Activated"

    @field_validator("behaviours")
    @classmethod
    def _told_apart(cls, behaviours: tuple[Behaviour, ...]) -> tuple[Behaviour, ...]:
        names = [(one.name, one.within_days) for one in behaviours]
        twice = sorted({name for name, _ in names if names.count((name, _)) > 1})
        if twice:
            raise ValueError(f"lists a behaviour twice: {', '.join(twice)}")
        return behaviours
