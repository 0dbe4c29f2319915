"""Cohorts at the same age, side by side."""

from __future__ import annotations

from customer_value.errors import DataError
from customer_value.marts import Marts
from customer_value.marts.cohorts import GRAINS
from customer_value.stats import disclosure, survival
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.curves import KAPLAN_MEIER
from customer_value.studies.cohort_survival.subjects import MONTH_NOTE, accounts_by_level, choose, counts_by_age, follow


def cohorts_at_age(
    marts: Marts, *, age: int = 12, grain: str = "half", confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Cohorts at the same age, side by side; a plain comparison that claims no trend.

    Parameters
    ----------
    age : in months
    grain : ``quarter``, ``half`` or ``year``

    Returns
    -------
    Result keyed by ``cohort``: retention at the age (Kaplan–Meier), ``n`` at risk at that age, ``accounts`` in the
    cohort. A cohort shows from ``min_group`` accounts that began long enough ago to reach the age, whether they did or
    not; cohorts that nobody has reached the age in are absent. The notes say why no trend can be read off.

    Raises
    ------
    DataError : the data have no cohorts
    """
    choose("grain", grain, GRAINS[1:])
    if not marts.has("accounts"):
        raise DataError(
            "Cohorts need the date at which accounts began", table="flat", remedy="bring a table of subscriptions"
        )
    subjects = follow(marts, f"cohort_{grain}", min_group=min_group, pool=False)
    counts = counts_by_age(subjects)
    found = survival.kaplan_meier(counts, by=["level"], confidence=confidence)
    found = found.merge(counts[["level", "age", "followed"]], on=["level", "age"])
    found = found[found["age"] == age].rename(columns={"level": "cohort"})
    found["accounts"] = found["cohort"].map(accounts_by_level(subjects)).astype(int)
    table, suppressed = disclosure.suppress(found, n_column="followed", min_group=min_group)
    return Result(
        name="cohorts_at_age",
        table=table[["cohort", "estimate", "low", "high", "n", "accounts"]].reset_index(drop=True),
        keys=("cohort",),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=suppressed,
        method=KAPLAN_MEIER,
        notes=(*subjects.notes, MONTH_NOTE),
    )
