"""The period that a report compares: the states of the accounts at two closes."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from customer_value.errors import SettingsError
from customer_value.marts.bases import default_period
from customer_value.marts.store import Meta


@dataclass(frozen=True)
class Period:
    """Two closes, the first before the second.

    Attributes
    ----------
    start, end : the days at whose close the accounts are looked at
    """

    start: date
    end: date

    @property
    def months(self) -> float:
        """Length in months of 365.25 / 12 days."""
        return (self.end - self.start).days / (365.25 / 12)

    @property
    def whole_months(self) -> bool:
        """Whether both closes are month ends, so that calendar months add up to the period."""
        return all((day + timedelta(days=1)).day == 1 for day in (self.start, self.end))

    @property
    def about_a_year(self) -> bool:
        """Whether a rate over the period can be read as a yearly one (within a week of twelve months)."""
        return abs((self.end - self.start).days - 365.25) <= 7

    @property
    def first_month(self) -> date:
        """First day of the month after the opening close; the first calendar month where `whole_months`."""
        return (self.start + timedelta(days=1)).replace(day=1)

    @property
    def last_month(self) -> date:
        """First day of the month that the closing close lies in."""
        return self.end.replace(day=1)


def choose(meta: Meta, *, period_from: str | date = "", period_to: str | date = "") -> Period:
    """The period asked for, or the last twelve whole months.

    Parameters
    ----------
    meta : what the marts say of themselves
    period_from, period_to : days as ISO text, such as ``2023-01-01``. Without the first the period is the twelve
        months before ``period_to``, as far as the data reach; without the second it ends at the usual close

    Raises
    ------
    SettingsError : a date is malformed, the days are in the wrong order or lie outside the data
    """
    if meta.as_of is None:
        raise SettingsError(
            "A table of tenures has no calendar, so there is no period to look at.\n"
            "  remedy:   bring subscriptions, or leave out the chapters that need them"
        )
    usual_start, usual_end = default_period(meta)
    earliest = meta.first_month - timedelta(days=1)
    end = _day(period_to, "period_to") or usual_end
    asked = _day(period_from, "period_from")
    start = asked or (usual_start if end == usual_end else max(_year_before(end), earliest))
    if end > meta.as_of:
        raise SettingsError(
            f"period_to must not lie after the as-of date.\n  got:      {end} (as of {meta.as_of})\n"
            "  remedy:   choose an earlier day, or leave it empty for the last whole month"
        )
    if asked and start >= end:
        raise SettingsError(
            f"period_from must lie before period_to.\n  got:      {start} to {end}\n"
            "  remedy:   swap them, or leave both empty for the last twelve months"
        )
    if end <= earliest:
        raise SettingsError(
            f"The period must end after the data begin.\n  got:      {start} to {end} (data begin {earliest})\n"
            "  remedy:   choose later days"
        )
    return Period(start=start, end=end)


def _year_before(day: date) -> date:
    """The close twelve months earlier; the end of a month stays the end of a month."""
    if (day + timedelta(days=1)).day == 1:
        return day.replace(year=day.year - 1, day=1).replace(day=monthrange(day.year - 1, day.month)[1])
    return day.replace(year=day.year - 1)


def _day(value: str | date, name: str) -> date | None:
    if isinstance(value, date):
        return value
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise SettingsError(
            f"{name} must be a day written as year-month-day.\n  got:      {value!r}\n"
            "  remedy:   write it like 2026-06-30"
        ) from None
