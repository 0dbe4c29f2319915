"""Attributes of accounts as plainly named, ordered levels.

What an account *is* when a period begins: its plan, its contract term, the band that its MRR falls into, and whatever
the company declared about it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts.store import Meta

NOT_STATED = "not stated"
OTHER = "other"

_TERMS = {1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "annual", 24: "two-year", 36: "three-year"}
_MOST_LEVELS_OF_A_NUMBER = 6


@dataclass(frozen=True)
class Attribute:
    """Something accounts are grouped by.

    Attributes
    ----------
    name : key of the attribute in results
    label : plain words
    column : where it stands in a period's base
    known_at : ``start`` (state when the period begins), ``signup``, or ``current`` (may already carry the outcome)
    kind : ``text``, ``number``, ``boolean``, ``term`` or ``money``
    """

    name: str
    label: str
    column: str
    known_at: str
    kind: str


_BUILT_IN = (
    Attribute("plan", "Plan", "plan", "start", "text"),
    Attribute("term", "Contract term", "term", "start", "term"),
    Attribute("mrr_band", "MRR", "start_mrr", "start", "money"),
    Attribute("first_plan", "First plan", "first_plan", "signup", "text"),
    Attribute("first_term", "First contract term", "first_term", "signup", "term"),
)

REFERRED = Attribute("referred", "Referred by a customer", "referred", "signup", "boolean")
"""Known where the table of customers tells it; asked for by name only, as it repeats no other attribute's question."""


def attributes(meta: Meta, *, names: Sequence[str] | None = None) -> tuple[Attribute, ...]:
    """What accounts can be grouped by: state at the start, state at sign-up, then the declared attributes by name.

    Parameters
    ----------
    names : only these, in this order; None for all

    Raises
    ------
    SettingsError : a name is unknown
    """
    declared = tuple(
        Attribute(name, about["label"] or name.replace("_", " "), name, about["known_at"], about["kind"])
        for name, about in sorted(meta.attributes.items())
    )
    known = {attribute.name: attribute for attribute in (*(() if meta.shape == "flat" else _BUILT_IN), *declared)}
    if names is None:
        return tuple(known.values())
    known |= {REFERRED.name: REFERRED}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(
            f"Accounts can be grouped by declared attributes only.\n  got:      {', '.join(unknown)}\n"
            f"  remedy:   choose from {', '.join(known)}"
        )
    return tuple(known[name] for name in names)


@dataclass(frozen=True)
class Levels:
    """How the values of one attribute become plainly named levels; made once from a base, then used on any accounts.

    Attributes
    ----------
    kind : as in `Attribute`
    edges : where bands begin, the first band reaching from below to the first edge; empty where there are no bands
    money_name : how an amount of money is written; plain digits when None
    """

    kind: str
    edges: tuple[float, ...] = ()
    money_name: Callable[[float], str] | None = None

    @classmethod
    def of(
        cls, values: pd.Series, *, kind: str, bands: int = 3, money_name: Callable[[float], str] | None = None
    ) -> Levels:
        """Learn the levels from the values of a base.

        Money, and any number of more than a few values, becomes ``bands`` bands of roughly equal size, their edges
        rounded to two significant digits.
        """
        if kind != "money" and (kind != "number" or values.nunique() <= _MOST_LEVELS_OF_A_NUMBER):
            return cls(kind)
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        quantiles = numbers.dropna().quantile([part / bands for part in range(1, bands)], interpolation="lower")
        edges = sorted({_rounded(edge) for edge in quantiles})
        # An edge with nobody below it, or nobody above, would name an empty band.
        used = tuple(edge for edge in edges if (numbers < edge).any() and (numbers >= edge).any())
        return cls(kind, edges=used, money_name=money_name if kind == "money" else None)

    def name(self, values: pd.Series) -> pd.Series:
        """Each account's level, as an ordered categorical of text.

        Terms, bands and numbers keep their natural order, other levels come by size. A missing value is the level
        `NOT_STATED`, last.
        """
        if self.edges:
            return self._banded(values)
        # Names are given to the values that there are, not to every account.
        codes, distinct = pd.factorize(values)
        match self.kind:
            case "term":
                named, order = [_term_name(int(months)) for months in distinct], sorted(distinct)
            case "boolean":
                named, order = ["yes" if value else "no" for value in distinct], sorted(distinct, reverse=True)
            case "number" | "money":
                named, order = [_plain_number(value) for value in distinct], sorted(distinct)
            case _:
                named = [str(value) if str(value).strip() else NOT_STATED for value in distinct]
                sizes = pd.Series(np.bincount(codes[codes >= 0], minlength=len(distinct))).groupby(named).sum()
                order = sorted(sizes.index.drop(NOT_STATED, errors="ignore"), key=lambda level: (-sizes[level], level))
        if self.kind in _NUMBERED:
            called = dict(zip(distinct, named, strict=True))
            order = [called[value] for value in order]
        present = [*dict.fromkeys(order)]
        if (NOT_STATED in named or (codes < 0).any()) and NOT_STATED not in present:
            present.append(NOT_STATED)
        # The last place is that of a missing value, whose code is −1.
        places = np.array([*(present.index(name) for name in named), len(present) - 1])
        levels = pd.Categorical.from_codes(places[codes], categories=present, ordered=True)
        return pd.Series(levels, index=values.index)

    def _banded(self, values: pd.Series) -> pd.Series:
        say, edges = self.money_name or _plain_number, self.edges
        order = [f"under {say(edges[0])}"]
        order += [f"{say(low)} to under {say(high)}" for low, high in itertools.pairwise(edges)]
        order += [f"{say(edges[-1])} or more"]
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        places = np.searchsorted(edges, numbers.to_numpy(), side="right")
        named = [NOT_STATED if missing else order[place] for place, missing in zip(places, numbers.isna(), strict=True)]
        return _ordered(pd.Series(named, index=values.index, dtype=object), order)


_NUMBERED = ("term", "boolean", "number", "money")
"""Kinds whose levels have an order of their own."""


def _ordered(named: pd.Series, order: Sequence[str]) -> pd.Series:
    used = set(named)
    present = [level for level in dict.fromkeys(order) if level in used]
    if NOT_STATED in used and NOT_STATED not in present:
        present.append(NOT_STATED)
    return pd.Series(pd.Categorical(named, categories=present, ordered=True), index=named.index)


def _term_name(months: int) -> str:
    return _TERMS.get(months, f"{months} months")


def _rounded(number: float) -> float:
    """To two significant digits, so that a band's name can be said aloud."""
    if number == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(number)))
    return round(number, digits)


def _plain_number(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.6g}"


def pooled(named: pd.Series, *, fewest: int) -> pd.Series:
    """The same levels with those of fewer than ``fewest`` accounts put together as `OTHER`.

    A single small level stays as it is: pooled with nothing it would only lose its name. Accounts with no stated value
    are never pooled with others.
    """
    sizes = named.value_counts()
    small = {level for level in named.cat.categories if sizes[level] < fewest and level != NOT_STATED}
    if len(small) < 2:
        return named
    text = named.astype(object).where(~named.isin(small), OTHER)
    kept = [level for level in named.cat.categories if level not in small and level not in (OTHER, NOT_STATED)]
    return _ordered(text, [*kept, OTHER])
