"""Months at risk counted by what was known of the account at sign-up and by what it held some months before.

What an account holds is read a few whole months before the month at risk: accounts about to leave cut down first, and
a size that already shows the leaving would explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import levels, lookback
from customer_value.marts.risk import FEWEST, MOST_LEVELS, names
from customer_value.marts.store import Marts, to_pandas

HELD = ("size", "plan")
"""What varies with time: the band of MRR and the plan that the account held ``lag`` whole months before."""

_KEYS = ("term", "since_term")


@dataclass(frozen=True)
class _Months:
    """The months at risk, by account and month, one entry each."""

    account: np.ndarray
    term: np.ndarray
    since_term: np.ndarray
    paid: np.ndarray
    plan: pd.Categorical
    churned: np.ndarray

    @classmethod
    def of(cls, marts: Marts) -> _Months:
        at = marts.table("risk_months")
        # Narrow types: a million accounts have tens of millions of months.
        read = at.select(
            "churned",
            account=at.account.cast("int32"),
            term=at.term.cast("int16"),
            since_term=at.since_term.cast("int16"),
            paid=at.opening_mrr.cast("float32"),
            plan=at.opening_plan.fill_null(levels.NOT_STATED),
            t=(at.month.year() * 12 + at.month.month()).cast("int16"),
        ).to_pyarrow()
        plan = read["plan"].dictionary_encode().unify_dictionaries().combine_chunks()
        account, t = read["account"].to_numpy(), read["t"].to_numpy()
        months = (account, *(read[name].to_numpy() for name in (*_KEYS, "paid")))
        codes, churned = plan.indices.to_numpy(zero_copy_only=False), read["churned"].to_numpy()
        step = np.diff(account)
        if not np.all((step > 0) | ((step == 0) & (np.diff(t) > 0))):
            order = np.lexsort((t, account))
            months, codes, churned = tuple(each[order] for each in months), codes[order], churned[order]
        return cls(*months, pd.Categorical.from_codes(codes, plan.dictionary.to_pylist()), churned)

    def before(self, lag: int) -> np.ndarray:
        """Where the month lies that is ``lag`` months before each, or the account's first at risk if that is later."""
        first = np.flatnonzero(np.diff(self.account, prepend=-1))
        place = np.arange(len(self.account), dtype=np.int32)
        lengths = np.diff(np.append(first, len(place)))
        return np.maximum(place - lag, np.repeat(first, lengths).astype(np.int32))


def known(marts: Marts) -> dict[str, str]:
    """What months at risk can be counted by besides the contract term, by name and in plain words.

    Attributes known at sign-up but contract terms (their hazards are not comparable), and `HELD`.
    """
    declared = names(marts)
    about = levels.attributes(marts.meta, names=tuple(declared.values()))
    signup = {
        name: attribute.label for name, attribute in zip(declared, about, strict=True) if attribute.kind != "term"
    }
    return signup | {"size": "MRR", "plan": "Plan"}


def numbers(marts: Marts) -> frozenset[str]:
    """Those of `known` whose levels are numbers or bands of them, which move with the data."""
    declared = names(marts)
    about = levels.attributes(marts.meta, names=tuple(declared.values()))
    banded = (name for name, each in zip(declared, about, strict=True) if each.kind in ("number", "money"))
    return frozenset((*banded, "size"))


def hazard_cells(
    marts: Marts,
    by: Sequence[str],
    *,
    lag: int = 3,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    accounts: int | None = None,
) -> pd.DataFrame:
    """Months at risk and losses by term, by months since the term began, and by everything in ``by``.

    Parameters
    ----------
    by : some of `known`. Of plans and attributes the twelve largest levels are kept apart if thirty accounts (of plans:
        months at risk) have them; the others are put together, those not stated are a level
    lag : whole months before the month at risk at which ``size`` and ``plan`` are read; of an account at risk for less,
        what it held when it first was
    bands : of size, of roughly as many months each
    money_name : how an amount is written in a band's name
    accounts : only the first so many in the order of ids; None for all

    Returns
    -------
    One row a cell, ordered: ``term, since_term``, the columns of ``by`` (ordered categoricals of text), ``at_risk,
    events``.

    Raises
    ------
    SettingsError : a name is not in `known`, or the lag is negative
    """
    unknown = [name for name in by if name not in known(marts)]
    if unknown:
        raise SettingsError(
            f"Months at risk can be counted by {', '.join(known(marts))}.\n  got:      {', '.join(unknown)}"
        )
    if lag < 0:
        raise SettingsError(f"The lag must be at least 0.\n  got:      {lag}")
    months = marts.once(("hazard months",), lambda: _Months.of(marts))
    codes: dict[str, np.ndarray] = {}
    stand_for: dict[str, Sequence[object]] = {}
    for name in _KEYS:
        values = getattr(months, name)
        least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        codes[name], stand_for[name] = values - least, range(least, most + 1)
    before = months.before(lag) if set(by) & set(HELD) else None
    for name in by:
        if name == "size":
            band, stand_for[name] = marts.once(
                ("hazard sizes", bands, money_name), lambda: _sizes(months.paid, bands, money_name)
            )
            codes[name] = band[before]
        elif name == "plan":
            named = _few(months.plan)
            codes[name], stand_for[name] = named.codes[before], named.categories.to_numpy()
        else:
            named = marts.once(("hazard levels", name), lambda name=name: _of_accounts(marts, name))
            codes[name], stand_for[name] = named.codes[months.account], named.categories.to_numpy()
    churned = months.churned
    if accounts is not None:
        within = int(np.searchsorted(months.account, accounts))
        codes, churned = {name: code[:within] for name, code in codes.items()}, churned[:within]
    counted = lookback.count(codes, stand_for, {"events": churned})
    levelled = {name: pd.Categorical(counted[name], categories=list(stand_for[name]), ordered=True) for name in by}
    return counted.assign(**levelled)[[*_KEYS, *by, "at_risk", "events"]]


def accounts_by_level(marts: Marts, name: str) -> dict[str, int]:
    """How many accounts have each level of an attribute known at sign-up, levels as in `hazard_cells`."""
    named = marts.once(("hazard levels", name), lambda: _of_accounts(marts, name))
    sizes = np.bincount(named.codes, minlength=len(named.categories))
    return dict(zip(named.categories, map(int, sizes), strict=True))


def _sizes(
    paid: np.ndarray, bands: int, money_name: Callable[[float], str] | None
) -> tuple[np.ndarray, Sequence[object]]:
    """The band of every amount, as a number, and what the bands are called."""
    naming = levels.Levels.of(pd.Series(paid), kind="money", bands=bands, money_name=money_name)
    if not naming.edges:
        return np.zeros(len(paid), dtype=np.int8), ("all alike",)
    one_of_each = pd.Series([np.nextafter(naming.edges[0], -np.inf), *naming.edges])
    return np.searchsorted(naming.edges, paid, side="right").astype(np.int8), naming.name(one_of_each).to_numpy()


def _of_accounts(marts: Marts, name: str) -> pd.Categorical:
    """Each account's level of an attribute known at sign-up, in the order of the ids."""
    attribute = levels.attributes(marts.meta, names=(names(marts)[name],))[0]
    accounts = marts.table("accounts").order_by("customer_id")
    values = to_pandas(accounts.select(attribute.column))[attribute.column]
    return _few(levels.Levels.of(values, kind=attribute.kind).name(values).array)


def _few(named: pd.Categorical) -> pd.Categorical:
    """The largest levels kept apart, the others put together; those not stated are never put with others."""
    sizes = pd.Series(np.bincount(named.codes, minlength=len(named.categories)), index=named.categories)
    stated = sizes.drop(levels.NOT_STATED, errors="ignore").sort_values(ascending=False, kind="stable")
    small = [level for place, level in enumerate(stated.index) if place >= MOST_LEVELS or stated[level] < FEWEST]
    if len(small) < 2:
        return named
    kept = [level for level in named.categories if level not in small]
    called = [*kept, levels.OTHER]
    place = {level: called.index(levels.OTHER if level in small else level) for level in named.categories}
    return pd.Categorical.from_codes(np.array([place[level] for level in named.categories])[named.codes], called)
