"""Groups set side by side by the share of otherwise like accounts that they keep: how contracts are compared.

A hazard ratio cannot compare contracts: within a term nobody can leave, at its end many do. The share kept at whole
years can, and it says what a ratio leaves open, how many accounts it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ibis
import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.dates import months_since
from customer_value.marts.levels import NOT_STATED, OTHER, Attribute, Levels, attributes, pooled
from customer_value.marts.store import to_pandas
from customer_value.stats import disclosure, intervals, multiplicity, standardise
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.subjects import attribute_known_at_signup, comparable
from customer_value.studies.cohort_survival.trend import MOST_UNSTATED

_ITSELF = {"first_plan": ("first_plan",), "first_term": ("first_term",), "first_mrr": ("first_mrr",)}
_KEYS = ("attribute", "level", "age", "kind")


def standardised_retention(
    marts: Marts,
    *,
    by: Sequence[str],
    ages: Sequence[int] = (12, 24),
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """The share of accounts still here at an age: each group's less that of all others, raw and among like accounts.

    Of the accounts seen from their origin that began long enough ago to have reached the age, whether they did or not;
    so nobody is censored and the share is a plain one. Adjusted: standardised over all of them (g-computation) by a
    logistic model of the group, first MRR, first plan, first contract term and what else was known at sign-up, unless
    more than `MOST_UNSTATED` of the accounts do not state it.

    Parameters
    ----------
    by : attributes known at sign-up
    ages : in months

    Returns
    -------
    Result keyed by ``attribute, level, age, kind`` (``raw`` or ``adjusted``), in points: ``estimate`` is
    ``group_share`` less ``rest_share``; ``n``, ``n_rest`` accounts; ``p``, and ``p_adjusted`` within the adjusted rows
    (Holm); ``overlap`` as in `stats.standardise.standardised_shares`; of adjusted rows ``agrees`` (the raw difference
    points the same way and the groups overlap); ``level_id`` names levels without the edges of bands. Of an attribute
    with two groups only the first is compared; pooled groups and accounts of no stated level are in the base and not
    compared. Without an estimate where a group is too small, or next to nobody is of a kind found on both sides.

    References
    ----------
    Robins (1986) for g-computation; see `customer_value.stats.standardise`.
    """
    rows = []
    if marts.has("spells") and by:
        everyone = _accounts(marts)
        for name in by:
            attribute = attribute_known_at_signup(marts.meta, name)
            naming = Levels.of(everyone[attribute.column], kind=attribute.kind, bands=bands, money_name=money_name)
            for age in ages:
                base = everyone[everyone["followed_to"] >= age].reset_index(drop=True)
                if base.empty:
                    continue
                named = pooled(naming.name(base[attribute.column]), fewest=min_group)
                rows += _of_age(marts, base, attribute, named, age=age, confidence=confidence, min_group=min_group)
    columns = [
        *_KEYS,
        "estimate",
        "low",
        "high",
        "n",
        "n_rest",
        "group_share",
        "rest_share",
        "p",
        "overlap",
        "agrees",
        "level_id",
    ]
    table = pd.DataFrame(rows).reindex(columns=columns)
    table["agrees"] = table["agrees"].eq(True)
    made = (table["kind"] == "adjusted").to_numpy()
    table["p_adjusted"] = np.nan
    table.loc[made, "p_adjusted"] = multiplicity.holm(table.loc[made, "p"].astype(float))
    return Result(
        name="standardised_retention",
        table=table,
        keys=_KEYS,
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="groups at whole years (Holm)",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Share still here at the age, standardised by a logistic model of what was known at sign-up; limits of "
        "the difference from Wilson's, saddlepoint score test",
    )


def _of_age(
    marts: Marts, base: pd.DataFrame, attribute: Attribute, named: pd.Series, *, age: int, confidence: float,
    min_group: int,
) -> list[dict[str, object]]:  # fmt: skip
    kept = (~(base["event"] & (base["exit"] <= age))).to_numpy(float)
    levels = [level for level in named.cat.categories if level not in (NOT_STATED, OTHER)]
    group = named.astype(object).where(named.isin(levels))
    known = _covariates(marts, base).drop(columns=list(_ITSELF.get(attribute.name, (attribute.name,))), errors="ignore")
    found = standardise.standardised_shares(kept, group, known, confidence=confidence, min_group=min_group)
    rows = []
    for level in (levels if len(levels) > 2 else levels[:1]) if len(levels) > 1 else ():
        inside, outside = (group == level).to_numpy(), (group.notna() & (group != level)).to_numpy()
        banded = attribute.kind in ("number", "money")
        key = {"attribute": attribute.name, "level": level, "age": age}
        key["level_id"] = f"band {levels.index(level) + 1}" if banded else level
        sizes = {"n": int(inside.sum()), "n_rest": int(outside.sum())}
        shown = disclosure.shown(min(sizes.values()), min_group)
        raw = {**key, "kind": "raw", **sizes}
        if shown:
            shares = kept[inside].mean(), kept[outside].mean()
            limits = intervals.share_difference(
                shares[0], sizes["n"], shares[1], sizes["n_rest"], confidence=confidence
            )
            raw |= dict(zip(("estimate", "low", "high", "p"), map(float, limits), strict=True))
            raw |= {"group_share": shares[0], "rest_share": shares[1]}
        adjusted = {**key, "kind": "adjusted", **sizes}
        if shown and found.loc[level, "overlap"] >= standardise.NO_OVERLAP:
            names = ["estimate", "low", "high", "p", "share", "rest_share", "overlap"]
            adjusted |= found.loc[level, names].astype(float).rename({"share": "group_share"}).to_dict()
            same = adjusted["estimate"] * raw["estimate"] > 0
            adjusted["agrees"] = same and adjusted["overlap"] >= standardise.HARDLY_OVERLAP
        rows += [raw, adjusted]
    return rows


def _accounts(marts: Marts) -> pd.DataFrame:
    """Accounts seen from their origin: how long they stayed and could be followed, and what was known of them."""
    spells, accounts = marts.table("spells"), marts.table("accounts")
    first = spells.filter((spells.spell == 1) & (spells.entry_month == 0) & spells.exit_month.notnull())
    whole = ibis.greatest(months_since(first.origin_date, ibis.literal(marts.meta.as_of)), first.exit_month)
    first = first.select("customer_id", exit="exit_month", event="event_month", followed_to=whole)
    columns = [attribute_known_at_signup(marts.meta, name).column for name in comparable(marts.meta)]
    return to_pandas(first.inner_join(accounts.select("customer_id", *columns), "customer_id").order_by("customer_id"))


def _covariates(marts: Marts, base: pd.DataFrame) -> pd.DataFrame:
    """What accounts are made alike in: first MRR as its logarithm, the others as levels."""
    declared = [
        one for one in attributes(marts.meta) if one.known_at == "signup" and one.name in comparable(marts.meta)
    ]
    # Filled in for those who stayed only, a field would stand for the outcome.
    known = {one.column: base[one.column] for one in declared if base[one.column].isna().mean() <= MOST_UNSTATED}
    term = base["first_term"].map(lambda months: None if pd.isna(months) else f"{months:g}")
    paid = np.log(base["first_mrr"].astype(float).where(base["first_mrr"] > 0))
    table = pd.DataFrame({**known, "first_plan": base["first_plan"], "first_term": term, "first_mrr": paid})
    return table.loc[:, table.nunique(dropna=False) > 1]
