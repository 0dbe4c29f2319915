"""Acquired accounts with what each brought in and cost, and the groups they are told apart by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from customer_value.errors import DataError, SettingsError
from customer_value.marts import Marts
from customer_value.marts.acquired import acquired, cost_to_win, revenue_by_age, service_share
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import Attribute, attributes
from customer_value.marts.store import Meta
from customer_value.stats import intervals

CATEGORIES = ("acquisition", "marketing", "sales")
"""Costs that are spent on winning accounts, where the table of costs is all there is."""

COST_GRAIN = "quarter"
"""Spending by month is shared out among the accounts of a quarter: in a month with one new account all would be its."""

BARRED_NOTE = (
    "{labels}: known only as of now, so left out here. What stands in such a field today may be there because the "
    "account stayed."
)


@dataclass(frozen=True)
class Basis:
    """What revenue is set against which cost.

    Attributes
    ----------
    margin : share of revenue that is left after the cost of serving it; 1 is revenue itself
    categories : of the table of costs, in lower case, that are spent on winning accounts
    last : last month of age that is looked at
    """

    margin: float = 1.0
    categories: tuple[str, ...] = CATEGORIES
    last: int = 36

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise SettingsError(
                "A gross margin is a share of revenue, above 0 and at most 1.\n"
                f"  got:      {self.margin!r}\n  remedy:   0.8 for eighty per cent"
            )
        if self.last < 1:
            raise SettingsError(f"Revenue is looked at for a month of age or more.\n  got: last={self.last!r}")

    @classmethod
    def of(cls, *, margin: float, winning: str, last: int) -> Basis:
        """From settings: categories of cost with commas between them."""
        return cls(margin=margin, categories=categories(winning), last=last)

    def after(self, served: float) -> Basis:
        """The same, with the margin that is left after this share of revenue goes into service; as it is if unknown."""
        return replace(self, margin=1 - served) if 0 < served < 1 else self


def categories(names: str) -> tuple[str, ...]:
    """Categories of cost from their names with commas between them, as the marts write them."""
    return tuple(name.strip().lower() for name in names.split(",") if name.strip())


def served(marts: Marts, *, service: str) -> float:
    """Share of recurring revenue that serving accounts took over the last twelve whole months; NaN if not known.

    Parameters
    ----------
    service : categories of the table of costs that are spent on service, with commas between them
    """
    return service_share(marts, categories=categories(service))


@dataclass(frozen=True)
class Acquired:
    """Every account that belongs to a cohort.

    Attributes
    ----------
    table : by ``customer_id``: its ``cohort_month`` and attributes
    amounts : a row an account, a column a month of age: recurring revenue times the margin; NaN where not over yet
    cost : what it cost to win; NaN where not known
    source : where that comes from (`marts.acquired`); empty where nothing says
    """

    table: pd.DataFrame
    amounts: np.ndarray
    cost: np.ndarray
    source: str

    def where(self, chosen: np.ndarray) -> Acquired:
        """Only these accounts."""
        return Acquired(self.table[chosen], self.amounts[chosen], self.cost[chosen], self.source)

    def costed(self) -> Acquired:
        """Only accounts whose cost is known."""
        return self.where(~np.isnan(self.cost))

    def __len__(self) -> int:
        return len(self.table)


def accounts(marts: Marts, basis: Basis) -> Acquired:
    """Everyone acquired, with every attribute that was known at sign-up.

    Raises
    ------
    DataError : the data have no dates
    """
    if not marts.has("age_months"):
        raise DataError(
            "What accounts bring in by age needs the dates on which they pay",
            table="flat",
            remedy="bring a table of subscriptions",
        )

    def compute() -> Acquired:
        table = acquired(marts, [attribute.column for attribute in at_signup(marts.meta)])
        amounts = basis.margin * revenue_by_age(marts, last=basis.last)
        source, cost = cost_to_win(marts, table, categories=basis.categories, grain=COST_GRAIN)
        return Acquired(table, amounts, cost.to_numpy(float), source)

    return marts.once(("cohort_value.accounts", basis), compute)


def at_signup(meta: Meta) -> tuple[Attribute, ...]:
    """What accounts can be told apart by here: what was known when they signed up."""
    return tuple(attribute for attribute in attributes(meta) if attribute.known_at == "signup")


def chosen(meta: Meta, by: Sequence[str] | None) -> tuple[tuple[Attribute, ...], tuple[str, ...]]:
    """The attributes asked for that were known at sign-up, and what to say of the others."""
    asked = at_signup(meta) if by is None else attributes(meta, names=by)
    barred = [attribute.label for attribute in asked if attribute.known_at != "signup"]
    notes = (BARRED_NOTE.format(labels=", ".join(barred)),) if barred else ()
    return tuple(attribute for attribute in asked if attribute.known_at == "signup"), notes


def grouped(
    given: Acquired,
    attribute: Attribute,
    *,
    bands: int,
    money_name: Callable[[float], str] | None,
    min_group: int,
) -> Grouping:
    """The acquired accounts by one attribute; levels of fewer than ``min_group`` accounts are pooled."""
    return Grouping.of(given.table, attribute, bands=bands, money_name=money_name, min_group=min_group)


def few(curve: pd.DataFrame) -> pd.Series:
    """Whether a few accounts decide what was brought in by each age."""
    return (curve["effective_n"] < intervals.FEW_EFFECTIVE) | ~(curve["largest_share"] <= intervals.FEW_SHARE)
