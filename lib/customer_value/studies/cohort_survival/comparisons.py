"""Whether accounts that began differently stay for different lengths of time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts
from customer_value.marts.levels import NOT_STATED, OTHER
from customer_value.stats import intervals, multiplicity, survival
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.curves import shown_curves
from customer_value.studies.cohort_survival.subjects import COHORTS, accounts_by_level, follow, in_order, large


def logrank(
    marts: Marts,
    *,
    by: str | Sequence[str],
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    min_group: int = 30,
) -> Result:
    """Whether accounts of different levels leave at different rates, age for age.

    Parameters
    ----------
    by : one attribute or several, each as in `curves`, but no cohort; each is tested by itself

    Returns
    -------
    Result keyed by ``attribute, level``: ``estimate`` is churns observed over churns expected if all levels
    left alike; ``n`` accounts, ``events``, ``expected``. ``statistic`` (χ²), ``df``, ``p`` and ``p_adjusted``
    (Benjamini–Hochberg over the attributes) are of the attribute's test and the same on each of its rows. Levels too
    small to show take no part, nor do accounts of no stated level. An attribute with fewer than two levels is absent.

    Raises
    ------
    SettingsError : as of `curves`, or cohorts are to be tested

    References
    ----------
        Mantel (1966); Peto and Peto (1972).
    """
    tables, notes = [], ()
    for name in _testable(by):
        subjects = follow(marts, name, bands=bands, money_name=money_name, min_group=min_group)
        counts, notes = large(subjects, min_group), subjects.notes
        # Whether a field was filled in may hang on how long the account stayed.
        counts = counts[counts["level"] != NOT_STATED]
        if counts["level"].nunique() < 2:
            continue
        test = survival.logrank(counts, ["level"])
        found = test.groups.assign(
            attribute=name,
            estimate=test.groups["events"] / test.groups["expected"],
            n=test.groups["level"].map(accounts_by_level(subjects)).astype(int),
            statistic=test.statistic,
            df=test.df,
            p=test.p,
        )
        tables.append(in_order(found, subjects))
    columns = ["attribute", "level", "estimate", "n", "events", "expected", "statistic", "df", "p"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    overall = table.drop_duplicates("attribute").set_index("attribute")["p"].astype(float)
    adjusted = pd.Series(multiplicity.benjamini_hochberg(overall), index=overall.index, dtype=float)
    table["p_adjusted"] = table["attribute"].map(adjusted)
    return Result(
        name="logrank",
        table=table,
        keys=("attribute", "level"),
        unit="ratio",
        level=None,
        n_of="accounts",
        family="attributes known at sign-up (Benjamini–Hochberg)",
        method="Log-rank test by whole months of age, delayed entry allowed",
        notes=notes,
    )


def pairwise(
    marts: Marts,
    *,
    by: str | Sequence[str],
    age: int = 12,
    most_levels: int = 6,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every two levels of an attribute: how far apart their retention is at an age, and whether their curves differ.

    Parameters
    ----------
    by : one attribute or several, each as in `curves`, but no cohort
    age : in months, at which retention is compared
    most_levels : an attribute of more levels is left out; pairs would be too many to learn from (`logrank` has it)

    Returns
    -------
    Result keyed by ``attribute, first, second``: ``estimate`` is the retention of ``first`` minus that of ``second``
    (at the same age and from the same start), missing where a curve does not reach the age; ``p_at_age`` is of that
    difference (score test on the curves' effective numbers), ``p_at_age_adjusted`` by Holm within the attribute.
    ``p`` is of another question, the log-rank test over all ages, ``p_adjusted`` by Holm within the attribute: curves
    may differ by it and be level at this age, or the other way round. ``n``, ``n_second`` accounts. ``first_id``,
    ``second_id`` name the levels without the edges of bands, which move with the data; ``followed``,
    ``followed_second`` say whether the level's curve reaches the age. Accounts of no stated level and pooled levels
    take no part.

    References
    ----------
    Mantel (1966); Holm (1979); Zou and Donner (2008) for the interval.
    """
    tables, notes = [], ()
    for name in _testable(by):
        subjects = follow(marts, name, bands=bands, money_name=money_name, min_group=min_group)
        notes = subjects.notes
        counts = large(subjects, min_group)
        counts = counts[~counts["level"].isin([NOT_STATED, OTHER])]
        present = [level for level in subjects.order if level in set(counts["level"])]
        if not 2 <= len(present) <= most_levels:
            continue
        tests = survival.pairwise_logrank(counts, "level")
        by_pair = {frozenset(pair): row for pair, row in zip(zip(tests["first"], tests["second"], strict=True),
                   tests.itertuples(), strict=True)}  # fmt: skip
        found = shown_curves(subjects, confidence, min_group)
        at = found[found["age"] == age].set_index("level")
        accounts = accounts_by_level(subjects)
        banded = subjects.attribute.kind in ("money", "number")
        names = {level: f"band {place}" if banded else level for place, level in enumerate(subjects.order, start=1)}
        rows = []
        for first, second in itertools.combinations(present, 2):
            test = by_pair[frozenset((first, second))]
            comparable_here = first in at.index and second in at.index and at.start[first] == at.start[second]
            limits, p_at_age = (np.nan,) * 3, np.nan
            if comparable_here:
                one, two = (at.loc[level, ["estimate", "effective_n"]].astype(float) for level in (first, second))
                p_at_age = float(intervals.share_difference(*one, *two)[3])
                limits = intervals.difference_of_limits(
                    *at.loc[first, ["estimate", "low", "high"]], *at.loc[second, ["estimate", "low", "high"]]
                )
            rows.append(
                {
                    "attribute": name,
                    "first": first,
                    "second": second,
                    **dict(zip(("estimate", "low", "high"), map(float, limits), strict=True)),
                    "n": int(accounts[first]),
                    "n_second": int(accounts[second]),
                    "statistic": test.statistic,
                    "p": test.p,
                    "p_adjusted": test.p_adjusted,
                    "p_at_age": p_at_age,
                    "first_id": names[first],
                    "second_id": names[second],
                    "followed": first in at.index,
                    "followed_second": second in at.index,
                }
            )
        pairs = pd.DataFrame(rows)
        tables.append(pairs.assign(p_at_age_adjusted=multiplicity.holm(pairs["p_at_age"])))
    columns = ["attribute", "first", "second", "estimate", "low", "high", "n", "n_second", "statistic", "p"]
    columns += ["p_adjusted", "p_at_age", "p_at_age_adjusted", "first_id", "second_id", "followed", "followed_second"]
    table = pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    return Result(
        name="pairwise_retention",
        table=table,
        keys=("attribute", "first", "second"),
        unit="points",
        level=confidence,
        n_of="accounts",
        family="pairs of levels within an attribute (Holm)",
        method=f"Difference of Kaplan–Meier retention at {age} months, limits by Zou and Donner, its own p by score "
        "test; p by log-rank test over all ages",
        notes=notes,
    )


def _names(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def _testable(by: str | Sequence[str]) -> list[str]:
    """The attributes, none of them a cohort.

    Raises
    ------
    SettingsError : cohorts are among them
    """
    names = _names(by)
    cohorts = [name for name in names if name in COHORTS]
    if cohorts:
        raise SettingsError(
            "Cohorts are shown side by side and not tested.\n"
            f"  got:      {', '.join(cohorts)}\n"
            "  why:      a good or bad month moves whole cohorts together, so that tests find differences by chance\n"
            "  remedy:   see them with cohorts_at_age or curves"
        )
    return names
