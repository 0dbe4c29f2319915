"""In which way accounts leave: by choice, against their will (a payment that failed), or without the data saying so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.levels import NOT_STATED, OTHER
from customer_value.stats import competing_risks, disclosure, intervals, multiplicity, survival
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.subjects import Subjects, accounts_by_level, follow, in_order

KINDS = ("voluntary", "involuntary")
UNSTATED = "kind not stated"
"""Ends of which the data do not say the kind: a kind of their own."""

AALEN_JOHANSEN = (
    "Cumulative incidence (Aalen–Johansen) by whole months of age; multinomial variance, complementary log-log limits, "
    "with few at risk Wilson's on the effective number"
)
_COLUMNS = ["estimate", "low", "high", "n", "events", "start"]


def states_kinds(marts: Marts) -> bool:
    """Whether the data say of any account that left in which way it did."""
    if not marts.has("spells"):
        return False
    return bool(marts.table("spells").end_kind.notnull().any().execute())


def incidence(
    marts: Marts,
    *,
    by: str | None = None,
    horizon: int = 24,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Share of accounts that have left by age, in each way; over the ways it adds up to the share that has left.

    Parameters
    ----------
    by, bands, money_name, min_group : as in `curves`
    horizon : last age in months

    Returns
    -------
    Result keyed by ``kind, age`` or ``level, kind, age``: ``estimate, low, high``, ``n`` (at risk), ``events`` (ends in
    this way), ``start``. ``kind`` is one of `KINDS` or, if any end has none stated, `UNSTATED`. Empty where the data
    never state kinds.

    Raises
    ------
    SettingsError, DataError : as of `curves`

    References
    ----------
    Aalen and Johansen (1978); Putter, Fiocco and Geskus (2007) for reading it.
    """
    keys = ("level", "kind", "age") if by else ("kind", "age")
    if not states_kinds(marts):
        return _result("leaving_kinds", pd.DataFrame(columns=[*keys, *_COLUMNS]), keys, confidence, ())
    subjects = follow(marts, by, bands=bands, money_name=money_name, min_group=min_group)
    counts, kinds = _counts(subjects)
    found = competing_risks.cumulative_incidence(
        counts, kinds, by=subjects.by, confidence=confidence, min_at_risk=_fewest(counts, subjects, min_group)
    )
    found = found.rename(columns={competing_risks.CAUSE: "kind"})
    found = found[found["age"] <= horizon]
    # A kind that is not stated is no kind to show where nobody seen here ended so.
    idle = found.groupby("kind")["events"].transform("sum") == 0
    found = found[~(idle & (found["kind"] == UNSTATED))]
    found = in_order(found, subjects) if by else found
    return _result("leaving_kinds", found[[*keys, *_COLUMNS]], keys, confidence, subjects.notes)


def one_kind_alone(marts: Marts, *, age: int = 12, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Each kind as it is counted, and as one minus a survival curve in which other kinds pass for merely unseen.

    Returns
    -------
    Result keyed by ``kind, reckoned``, ``reckoned`` being ``counted`` (cumulative incidence, with limits) or ``alone``
    (one minus Kaplan–Meier, without: it is the share of nobody). Both at the ``age``. The kinds ``alone`` add up to
    more than have left. Empty where the data never state kinds, or nobody has reached the age.
    """
    curve = incidence(marts, horizon=age, confidence=confidence, min_group=min_group)
    counted = curve.table[curve.table["age"] == age].assign(reckoned="counted")
    keys = ("kind", "reckoned")
    if counted.empty:
        blank = counted.reindex(columns=[*keys, "age", *_COLUMNS])
        return _result("one_kind_alone", blank, keys, confidence, curve.notes)
    subjects = follow(marts, None, min_group=min_group)
    counts, kinds = _counts(subjects)
    # From the same age on: under late entry one seen by few would start earlier, and be of other accounts.
    fewest = _fewest(counts, subjects, min_group)
    rows = []
    for kind in (name for name in kinds if name in set(counted["kind"])):
        alone = survival.kaplan_meier(counts.assign(events=counts[kind]), min_at_risk=fewest)
        rows.append({"kind": kind, "reckoned": "alone", "estimate": 1 - float(alone.set_index("age")["estimate"][age])})
    about = counted.set_index("kind")[["n", "events", "start"]]
    alone = pd.DataFrame(rows).join(about, on="kind")
    table = pd.concat([counted, alone], ignore_index=True).assign(age=age)[[*keys, "age", *_COLUMNS]]
    return _result("one_kind_alone", table, keys, confidence, curve.notes)


def compared(
    marts: Marts,
    *,
    by: Sequence[str],
    age: int = 12,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every group against all others: the share that has left by an age by choice, and the share that left otherwise.

    Parameters
    ----------
    by : attributes known at sign-up
    age : in months

    Returns
    -------
    Result keyed by ``attribute, level, kind`` (of `KINDS`), in points: ``estimate`` is the group's ``group_share`` less
    the others' ``rest_share``, missing for groups too small to show and where a side is not followed to the age from
    the same start; ``p`` by score test on the effective numbers, ``p_adjusted`` within all rows (Benjamini–Hochberg).
    ``gray_p`` and ``gray_p_adjusted`` are of another question, the same on all rows of an attribute and kind: whether
    its groups differ at all, over all ages (Gray's test). ``level_id`` names levels without the edges of bands. Of an
    attribute with two groups only the first is compared; pooled groups and accounts of no stated level take no part.

    References
    ----------
    Gray (1988); Zou and Donner (2008) for limits of the difference.
    """
    keys, tables, notes = ("attribute", "level", "kind"), [], ()
    for name in by if states_kinds(marts) else ():
        subjects = follow(marts, name, bands=bands, money_name=money_name, min_group=min_group)
        notes = subjects.notes
        counts, kinds = _counts(subjects)
        accounts = accounts_by_level(subjects)
        stated = counts[~counts["level"].isin([NOT_STATED, OTHER])]
        levels = [level for level in subjects.order if level in set(stated["level"])]
        if len(levels) < 2:
            continue
        large = stated[stated["level"].isin([one for one in levels if disclosure.shown(accounts[one], min_group)])]
        tests = {kind: _gray(large, kind) for kind in KINDS}
        banded = subjects.attribute.kind in ("money", "number")
        for place, level in enumerate(levels if len(levels) > 2 else levels[:1], start=1):
            sides = _sides(stated, level, kinds, age=age, confidence=confidence, min_group=min_group)
            for kind in KINDS:
                row = {"attribute": name, "level": level, "kind": kind, "n": int(accounts[level])}
                row |= {"n_rest": int(accounts[[one for one in levels if one != level]].sum())}
                row |= {"level_id": f"band {place}" if banded else level, "gray_p": tests[kind]}
                if sides is not None and disclosure.shown(min(row["n"], row["n_rest"]), min_group):
                    row |= _difference(*(side.loc[kind] for side in sides))
                tables.append(row)
    columns = [*keys, "estimate", "low", "high", "n", "n_rest", "group_share", "rest_share", "p", "gray_p", "level_id"]
    table = pd.DataFrame(tables).reindex(columns=columns)
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"].astype(float))
    tested = table.drop_duplicates(["attribute", "kind"]).set_index(["attribute", "kind"])["gray_p"].astype(float)
    adjusted = pd.Series(multiplicity.benjamini_hochberg(tested), index=tested.index, dtype=float)
    table["gray_p_adjusted"] = [adjusted[row.attribute, row.kind] for row in table.itertuples()]
    return Result(
        name="leaving_kinds_compared",
        table=table,
        keys=keys,
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="groups by kind of leaving (Benjamini–Hochberg)",
        suppressed=int(table["estimate"].isna().sum()),
        method=f"{AALEN_JOHANSEN}; difference at {age} months, limits by Zou and Donner; Gray's test over all ages",
        notes=notes,
    )


def _result(name: str, table: pd.DataFrame, keys: tuple[str, ...], confidence: float, notes: tuple[str, ...]) -> Result:
    return Result(
        name=name,
        table=table.reset_index(drop=True),
        keys=keys,
        unit="share",
        level=confidence,
        n_of="accounts",
        method=AALEN_JOHANSEN,
        notes=notes,
    )


def _counts(subjects: Subjects) -> tuple[pd.DataFrame, list[str]]:
    """At risk and ends in each way by level and person-month, and the ways that there are."""
    table = subjects.table
    kind = table["end_kind"].astype(object).fillna(UNSTATED).where(table["event"])
    kinds = [*KINDS, *([UNSTATED] if (kind == UNSTATED).any() else [])]
    counts = competing_risks.person_months(
        table["entry"],
        table["exit"],
        kind,
        causes=kinds,
        groups=table[["level"]] if subjects.attribute else None,
        followed_to=table["followed_to"],
    )
    return (counts.astype({"level": object}) if subjects.attribute else counts), kinds


def _fewest(counts: pd.DataFrame, subjects: Subjects, min_group: int) -> int:
    """The smallest number at risk that is shown; of a whole company smaller than that, any."""
    return 1 if subjects.attribute is None and counts["at_risk"].max() < min_group else min_group


def _gray(counts: pd.DataFrame, kind: str) -> float:
    if counts["level"].nunique() < 2:
        return float("nan")
    return competing_risks.gray(counts, ["level"], kind).p


def _sides(
    counts: pd.DataFrame, level: str, kinds: Sequence[str], *, age: int, confidence: float, min_group: int
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Both sides' incidence at the age by kind; None where one does not reach it, or starts later than the other."""
    side = np.where(counts["level"] == level, "group", "rest")
    both = counts.drop(columns="level").assign(side=side).groupby(["side", "age"], as_index=False).sum()
    found = competing_risks.cumulative_incidence(both, kinds, by=["side"], confidence=confidence, min_at_risk=min_group)
    at = found[found["age"] == age].set_index(competing_risks.CAUSE)
    sides = [at[at["side"] == name] for name in ("group", "rest")]
    if any(one.empty for one in sides) or sides[0]["start"].iloc[0] != sides[1]["start"].iloc[0]:
        return None
    return sides[0], sides[1]


def _difference(first: pd.Series, second: pd.Series) -> dict[str, float]:
    limits = intervals.difference_of_limits(*first[["estimate", "low", "high"]], *second[["estimate", "low", "high"]])
    p = intervals.share_difference(first["estimate"], first["effective_n"], second["estimate"], second["effective_n"])
    row = dict(zip(("estimate", "low", "high"), map(float, limits), strict=True))
    return row | {"group_share": float(first["estimate"]), "rest_share": float(second["estimate"]), "p": float(p[3])}
