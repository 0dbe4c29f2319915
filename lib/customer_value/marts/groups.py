"""The accounts of a base by one attribute: their levels, small ones pooled, and where accounts stand today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import pandas as pd

from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, pooled

MOST_LEVELS = 50
"""Levels of one attribute that are told apart; with more of them the smallest are put together."""

_NOW = {"plan": "plan_now", "term": "term_now", "mrr_band": "mrr_now"}
"""Where the state that a group is named by stands today, for the accounts that a change would reach."""


@dataclass(frozen=True)
class Grouping:
    """The accounts of one base by one attribute.

    Attributes
    ----------
    attribute : what they are grouped by
    naming : how its values become levels
    own : level of each account before small levels were pooled
    named : its level after that, as an ordered categorical
    """

    attribute: Attribute
    naming: Levels
    own: pd.Series
    named: pd.Series

    @classmethod
    def of(
        cls,
        base: pd.DataFrame,
        attribute: Attribute,
        *,
        bands: int,
        money_name: Callable[[float], str] | None,
        min_group: int,
        most_levels: int = MOST_LEVELS,
    ) -> Self:
        """Name the levels of a base; those of fewer than ``min_group`` accounts, or beyond the largest, are pooled."""
        values = base[attribute.column]
        naming = Levels.of(values, kind=attribute.kind, bands=bands, money_name=money_name)
        own = naming.name(values)
        sizes = own[own != NOT_STATED].value_counts()
        fewest = max(min_group, int(sizes.iloc[most_levels]) + 1) if len(sizes) > most_levels else min_group
        return cls(attribute, naming, own, pooled(own, fewest=fewest))

    @property
    def levels(self) -> list[str]:
        """Every level, the pooled ones as one."""
        return list(self.named.cat.categories)

    @property
    def plain(self) -> list[str]:
        """The levels with a name of their own: neither pooled nor not stated."""
        return [level for level in self.levels if level not in (NOT_STATED, OTHER)]

    def now(self, active: pd.DataFrame) -> pd.Series:
        """The level that each account active today belongs to; None where the base had no such level."""
        column = _NOW.get(self.attribute.name, self.attribute.column)
        named = self.naming.name(active[column]).astype(object)
        pool = pd.DataFrame({"own": self.own.astype(object), "named": self.named.astype(object)}).drop_duplicates()
        return named.map(dict(zip(pool["own"], pool["named"], strict=True)))
