"""Accounts of a base by one attribute: which levels there are, who is compared with whom, where they stand today."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, pooled
from customer_value.stats.disclosure import shown

MOST_LEVELS = 50
"""Levels of one attribute that are told apart; with more of them the smallest are put together."""

CURRENT_NOTE = (
    "{labels}: known only as of now, so groups are counted and not compared. What stands in such a field today may be "
    "there because the account stayed."
)

_NOW = {"plan": "plan_now", "term": "term_now", "mrr_band": "mrr_now"}
"""Where the state that a group is named by stands today, for the accounts that a change would reach."""


@dataclass(frozen=True)
class Group:
    """The accounts of one base by one attribute."""

    attribute: Attribute
    naming: Levels
    own: pd.Series
    """Level of each account before small levels were pooled."""
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
    ) -> Group:
        """Name and pool the levels of a base."""
        values = base[attribute.column]
        naming = Levels.of(values, kind=attribute.kind, bands=bands, money_name=money_name)
        own = naming.name(values)
        sizes = own[own != NOT_STATED].value_counts()
        fewest = max(min_group, int(sizes.iloc[MOST_LEVELS]) + 1) if len(sizes) > MOST_LEVELS else min_group
        return cls(attribute=attribute, naming=naming, own=own, named=pooled(own, fewest=fewest))

    @property
    def levels(self) -> list[str]:
        """Every level, pooled ones together."""
        return list(self.named.cat.categories)

    @property
    def stated(self) -> np.ndarray:
        """Which accounts are compared.

        Whether a field was filled in may hang on whether the account stayed: only what is stated is compared.
        """
        return (self.named != NOT_STATED).to_numpy()

    def compared(self, min_group: int) -> Iterator[tuple[str, np.ndarray]]:
        """The levels that are compared with all other accounts, each with who is in it.

        With hardly anyone outside two groups, the second contrast is the first one's mirror image: it is left out.
        """
        if len(self.levels) < 2:
            return
        candidates = [level for level in self.levels if level not in (NOT_STATED, OTHER)]
        if len(candidates) == 2 and not shown(int((self.stated & ~self.named.isin(candidates)).sum()), min_group):
            candidates = candidates[:1]
        for level in candidates:
            yield level, (self.named == level).to_numpy()

    def now(self, active: pd.DataFrame) -> pd.Series:
        """The level that each account active today belongs to; None where the base had no such level."""
        column = _NOW.get(self.attribute.name, self.attribute.column)
        named = self.naming.name(active[column]).astype(object)
        pool = pd.DataFrame({"own": self.own.astype(object), "named": self.named.astype(object)}).drop_duplicates()
        return named.map(dict(zip(pool["own"], pool["named"], strict=True)))


def arr_now(active: pd.DataFrame, now: pd.Series, level: str, target: str) -> float:
    """Recurring revenue a year of the accounts active now on one side of a contrast."""
    reached = now.eq(level) if target == "group" else now.notna() & ~now.isin([level, NOT_STATED])
    return 12 * float(active.loc[reached.to_numpy(), "mrr_now"].astype(float).sum())


def notes(chosen: Sequence[Attribute], *, flat: bool, due: str) -> tuple[str, ...]:
    """What a reader of groups must know; ``due`` says what is done about accounts that were not free to leave."""
    if flat:
        return ("One row an account, without a calendar: groups are counted and not compared.",)
    current = [attribute.label for attribute in chosen if attribute.known_at == "current"]
    said = [CURRENT_NOTE.format(labels=", ".join(current))] if current else []
    if any(attribute.kind == "term" for attribute in chosen):
        said.append(f"An account under a long term that did not come due in the period could not leave{due}")
    if any(attribute.name == "mrr_band" for attribute in chosen):
        said.append(
            "Bands of MRR go by what accounts paid when the period began. Some paid more or less then than is usual "
            "for them and move back: small accounts seem to grow and large ones to shrink where size changes nothing."
        )
    return tuple(said)
