"""Kinds of users, journeys and value reached: how many accounts, what they pay, and what became of them afterwards.

Accounts stand where the rules put them when the period begins, by use that ends some months before; what became of them
is counted from there on. A kind is a sign of how an account does and no lever: contrasts say where to look.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.periods import Period
from customer_value.rules import Rules
from customer_value.stats import closed_cohort, multiplicity
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.segments.alike import Comparison, against_others, beside, covariates
from customer_value.studies.segments.groups import arr_now
from customer_value.studies.segments.overview import described
from customer_value.studies.segments.placing import CANNOT_TELL, KINDS, LABELS, Placed, placed
from customer_value.studies.segments.raw import COLUMNS, against_rest, typed

COMPARED = ("logo_retention", "grr")
"""Outcomes that kinds are compared by."""

SEEN_NOTE = (
    "When a goal was agreed is not recorded, so of an earlier day only goals due or reached by then are known: most "
    "accounts that were still on their way to one stand under “cannot tell” there."
)


def kinds(
    marts: Marts, rules: Rules, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Size and later retention of every kind of account.

    Parameters
    ----------
    start, end : the closes that the period runs between; kinds are as of ``start``, by use that ends
        ``rules.usage.lag_months`` before it

    Returns
    -------
    As `overview`: keyed by ``attribute, level, metric``, the attribute being the scheme. Every account is in one level
    of each scheme, `CANNOT_TELL` among them. Schemes that cannot be told are said in ``notes``.

    Raises
    ------
    SettingsError : as `customer_value.marts.bases.period_base`
    """
    base, where = _base(marts, rules, start, end)
    total = float(base["start_mrr"].sum())
    options = {"confidence": confidence, "min_group": min_group}
    everyone = described(base, total=total, retained=True, due=False, confidence=confidence, min_group=1)
    rows = [_about("all", "all", "All accounts") | row for row in everyone]
    for scheme in where.schemes:
        for level in (*KINDS[scheme], CANNOT_TELL):
            members = base[base[scheme] == level]
            if len(members):
                found = described(members, total=total, retained=True, due=False, **options)
                rows += [_about(scheme, level, LABELS[scheme]) | row for row in found]
    columns = ["attribute", "level", "metric", *closed_cohort.COLUMNS, "unit", "attribute_label", "known_at"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return Result(
        name="kinds",
        table=table,
        keys=("attribute", "level", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method=closed_cohort.METHOD,
        notes=(*where.missing.values(), *((SEEN_NOTE,) if "value" in where.schemes else ())),
    )


def kind_contrasts(
    marts: Marts, rules: Rules, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Every kind against all others of its scheme that can be told: raw, and at equal size, term, plan and age.

    Returns
    -------
    As `adjusted`, with the metrics `COMPARED`; ``money`` is of accounts where they stand today.
    """
    base, where = _base(marts, rules, start, end)
    accounts = marts.frame("accounts")
    origins = accounts.set_index("customer_id")["origin_date"]
    known = covariates(base.assign(origin_date=base["customer_id"].map(origins)), start=start)
    active = accounts[accounts["status"] == "active"]
    today = placed(marts, rules, close=marts.meta.as_of, lag=0) if Period(start, end).about_a_year else None
    raw, made = [], []
    for scheme in where.schemes:
        told = (base[scheme] != CANNOT_TELL).to_numpy()
        comparison = Comparison.of(base, known, among=told, confidence=confidence)
        now = None if today is None or scheme not in today.schemes else _now(today, scheme, active)
        for level in _compared(base[scheme], scheme, min_group):
            inside = (base[scheme] == level).to_numpy()
            sides = base[inside], base[told & ~inside]
            rows = against_rest(*sides, metrics=COMPARED, confidence=confidence, min_group=min_group)
            about = _about(scheme, level, LABELS[scheme])
            raw += [about | row for row in rows]
            seen = typed(pd.DataFrame(rows).reindex(columns=list(COLUMNS))).set_index("metric")
            for row in against_others(comparison, inside, seen, COMPARED):
                if "gain" in row and now is not None:
                    arr = arr_now(active, now, level, str(row["target"]))
                    row |= dict(zip(("money", "money_low", "money_high"), arr * np.array(row["gain"]), strict=True))
                made.append(about | row)
    before = typed(pd.DataFrame(raw).reindex(columns=list(COLUMNS)))
    before["p_adjusted"] = multiplicity.benjamini_hochberg(before["p"])
    table = beside(before, made)
    return Result(
        name="kind_contrasts",
        table=table,
        keys=("attribute", "level", "metric", "kind"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all others of the scheme",
        family="kinds",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Adjusted: standardised over all accounts by a logistic model of group, size, contract term, whether it "
        "came due, plan and age; Wilson limits on effective numbers of accounts, saddlepoint score test. Raw: Newcombe",
    )


def kinds_today(marts: Marts, rules: Rules) -> Result:
    """How many accounts stand where at the as-of close, and what they pay.

    Returns
    -------
    Result keyed by ``attribute, level``: ``estimate`` and ``n`` accounts, ``mrr``, ``mrr_share``; those of one scheme
    add up to all accounts.
    """
    where = placed(marts, rules, close=marts.meta.as_of, lag=0)
    total = float(where.accounts["mrr"].sum())
    rows = []
    for scheme in where.schemes:
        for level in (*KINDS[scheme], CANNOT_TELL):
            members = where.accounts[where.accounts[scheme] == level]
            mrr = float(members["mrr"].sum())
            row = _about(scheme, level, LABELS[scheme]) | {"estimate": float(len(members)), "n": len(members)}
            rows.append(row | {"mrr": mrr, "mrr_share": mrr / total if total > 0 else np.nan})
    columns = ["attribute", "level", "estimate", "n", "mrr", "mrr_share", "attribute_label", "known_at"]
    return Result(
        name="kinds_today",
        table=pd.DataFrame(rows, columns=columns),
        keys=("attribute", "level"),
        unit="count",
        level=None,
        n_of="accounts",
        method="Accounts active at the as-of close, by the rules of the settings",
    )


def _about(scheme: str, level: str, label: str) -> dict[str, object]:
    return {"attribute": scheme, "level": level, "attribute_label": label, "known_at": "start"}


def _base(marts: Marts, rules: Rules, start: date, end: date) -> tuple[pd.DataFrame, Placed]:
    where = placed(marts, rules, close=start)
    # An attribute may be named like a scheme.
    base = period_base(marts, start=start, end=end).drop(columns=list(KINDS), errors="ignore")
    kinds_then = where.accounts.drop(columns="mrr")
    return base.merge(kinds_then, on="customer_id", how="left", validate="one_to_one"), where


def _compared(places: pd.Series, scheme: str, min_group: int) -> list[str]:
    """The kinds there are; of two that are shown, the second's contrast is the first one's mirror image."""
    sizes = places.value_counts()
    there = [level for level in KINDS[scheme] if sizes.get(level, 0)]
    if len(there) < 2:
        return []
    return there[:1] if len(there) == 2 or not shown(int(sizes[there[2:]].sum()), 1) else there


def _now(today: Placed, scheme: str, active: pd.DataFrame) -> pd.Series:
    """The kind of each account active today; None where it cannot be told."""
    places = today.accounts.set_index("customer_id")[scheme]
    named = active["customer_id"].map(places)
    return named.where(named != CANNOT_TELL, None)
