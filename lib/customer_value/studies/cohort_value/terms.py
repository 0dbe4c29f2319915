"""Those who are followed by age, by contract term: how many decisions each has faced, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.levels import NOT_STATED, Levels
from customer_value.marts.lives import lives
from customer_value.stats import survival
from customer_value.stats.disclosure import shown

ALL = "all"
"""The group of all accounts, its terms combined by their shares."""

FEWEST_DECISIONS = 3
"""With fewer decisions observed one after the other a shape cannot be fitted to some and judged on others."""


@dataclass(frozen=True)
class Term:
    """Accounts that began on one contract term, counted by the decisions that it gives them.

    Attributes
    ----------
    name : of the term, or `ALL` where terms are not told apart
    months : from one decision to the next
    accounts : how many are followed
    share : of those that began, how many began on it
    curve : Kaplan–Meier by decisions, as far as enough are followed; empty where nowhere
    counts : at risk and events of the decisions that the curve spans
    """

    name: str
    months: int
    accounts: int
    share: float
    curve: pd.DataFrame
    counts: pd.DataFrame

    @property
    def start(self) -> int:
        """The decision after which the curve begins; 0 where it begins with the account."""
        return int(self.curve["age"].iloc[0])

    @property
    def last(self) -> int:
        """The last decision observed in enough accounts."""
        return int(self.curve["age"].iloc[-1])

    @property
    def fits(self) -> bool:
        """Whether so many decisions are observed that a shape can be fitted and judged."""
        return len(self.counts) >= FEWEST_DECISIONS


@dataclass(frozen=True)
class Terms:
    """Every term that is large enough, and what a reader must know of them.

    ``rate`` is the share of accounts that leaves in a month, over all accounts and ages: what "constant churn" takes.
    """

    terms: tuple[Term, ...]
    rate: float
    accounts: int
    notes: tuple[str, ...]


def by_term(marts: Marts, *, confidence: float, min_group: int) -> Terms:
    """Everyone of known age, by the contract term it began on.

    An account under contract decides only when its term ends, so a year's contract is counted by the year: a decision
    counts, whichever way it went, once its day is not after the as-of day, and an end within a term counts at its end.
    An account that comes into view late counts from the first term that is seen whole.
    """
    flat = marts.meta.shape == "flat"
    table = lives(marts) if flat else lives(marts, ["first_term", "cohort_month"])
    if not (table["exit"] > table["entry"]).any():
        return Terms((), float("nan"), len(table), ("No account of known age has completed a month.",))
    options = {"confidence": confidence, "min_group": min_group}
    rate = float(table["event"].sum() / (table["exit"] - table["entry"]).sum())
    named = pd.Series(ALL, index=table.index) if flat else Levels("term").name(table["first_term"]).astype(object)
    sizes = named.value_counts()
    large = [name for name in sizes.index if shown(int(sizes[name]), min_group)]
    notes = []
    if len(large) < 2:
        # One term, or none large enough: everybody together, by that term's decisions if it is nearly everybody's.
        alone = large and sizes[large[0]] >= 0.9 * len(table) and not flat and large[0] != NOT_STATED
        months = _months(table.loc[named == large[0], "first_term"]) if alone else 1
        kept = table[named == large[0]] if alone else table
        terms = (_term(ALL, kept, months=months, share=1.0, **options),)
    else:
        kept = table[named.isin(large)]
        # What accounts began on is known of those seen from their start; of older ones only what they hold when seen.
        begun = named[kept.index][kept["cohort_month"].notna()]
        shares = (begun if len(begun) else named[kept.index]).value_counts(normalize=True)
        order = sorted(large, key=lambda name: (-shares.get(name, 0.0), name))
        terms = tuple(
            _term(
                name,
                table[named == name],
                months=1 if name == NOT_STATED else _months(table.loc[named == name, "first_term"]),
                share=float(shares.get(name, 0.0)),
                **options,
            )
            for name in order
        )
    if len(kept) < len(table):
        notes.append(
            f"Began on a term of too few accounts to project: {len(table) - len(kept):,}. They are left out here."
        )
    return Terms(terms, rate, len(table), tuple(notes))


def _months(terms: pd.Series) -> int:
    return max(1, round(float(terms.dropna().iloc[0]))) if terms.notna().any() else 1


def _term(name: str, table: pd.DataFrame, *, months: int, share: float, confidence: float, min_group: int) -> Term:
    entry, exit = np.ceil(table["entry"] / months), table["exit"] / months
    event, limit = table["event"].to_numpy(bool), np.floor(table["followed_to"] / months)
    decided = np.where(event, np.ceil(exit), np.floor(exit))
    known = limit.notna().to_numpy()
    # The decision at hand when the data end counts neither those who have left already nor those who have not.
    open_yet = known & event & (decided > limit)
    decided = np.maximum(np.where(open_yet, limit, decided), entry).astype(int)
    counts = survival.person_months(
        entry.astype(int),
        decided,
        event & ~open_yet & (decided > entry),
        followed_to=np.maximum(limit, decided).astype(int) if known.all() else None,
    )
    # The whole company always shows, however small; of tenures alone an age at which few were seen says nothing.
    fewest = 1 if name == ALL and known.all() and counts["at_risk"].max() < min_group else min_group
    curve = survival.kaplan_meier(counts, confidence=confidence, min_at_risk=fewest)
    if curve.empty:
        return Term(name, months, len(table), share, curve, counts.head(0))
    spanned = counts["age"].between(curve["age"].iloc[0] + 1, curve["age"].iloc[-1])
    return Term(name, months, len(table), share, curve, counts[spanned].reset_index(drop=True))
