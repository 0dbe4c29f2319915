"""Behaviour in the first days and staying afterwards: raw, and at equal size, plan, term, time and kind of account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.rules import WIND_DOWN_DAYS, Behaviour
from customer_value.stats import multiplicity
from customer_value.stats.result import Result
from customer_value.studies.segments.alike import Comparison, against_others, beside, term_names
from customer_value.studies.segments.first_days import KNOWN, FirstDays, first_days
from customer_value.studies.segments.raw import COLUMNS, against_rest, typed

OUTCOMES = ("logo_retention", "grr")
"""What accounts are followed for."""

_FURTHER = ("other", "naive", "within_days", "wait_days", "rule")


def behaviours(
    marts: Marts,
    rules: Sequence[Behaviour],
    *,
    follow_months: int = 12,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Accounts that did a thing in their first days against those that did not, from a day after these on.

    Accounts are seen from their beginning, still here on that day, and all of the months after it have passed; whoever
    is younger is left out on both sides, and so is whoever left before.

    Parameters
    ----------
    rules : what counts, from the settings
    follow_months : for how long accounts are followed

    Returns
    -------
    Result keyed by ``attribute, level, metric, kind``: ``attribute`` is ``behaviour``, ``level`` the rule's name with
    its days, ``metric`` one of `OUTCOMES`, ``kind`` raw or adjusted, with the columns of `adjusted`. Adjusted means at
    equal size, term and plan at the beginning, time of the beginning, attributes known then and, of a feature, use of
    all others in the same days. Further columns of adjusted rows:

    - ``other``: the estimate if accounts are followed from the end of the first days (or, of milestones,
      `WIND_DOWN_DAYS` later), where ``p`` is small enough to matter; ``agrees`` asks for its sign too
    - ``naive``: share still here today of those that *ever* did it less that of those that never did, which would be
      high even if it did nothing
    - ``within_days, wait_days``

    ``money`` is of accounts of today in the months after their first days. What cannot be told is said in ``notes``.

    References
    ----------
    Anderson, Cain and Gelber (1983) for the landmark; Robins (1986) for standardisation; Suissa (2008) for immortal
    time.
    """
    notes, raw, made = [], [], []
    options = {"confidence": confidence, "min_group": min_group}
    for rule in rules:
        found = first_days(marts, rule)
        if isinstance(found, str):
            notes.append(found)
            continue
        base = found.followed(marts, wait=rule.wait, months=follow_months)
        about = {
            "attribute": "behaviour",
            "level": f"{rule.name} within {rule.within_days} days",
            "attribute_label": "Behaviour",
            "known_at": "start",
        }
        inside = base["did"].to_numpy(dtype=bool)
        rows = against_rest(base[inside], base[~inside], metrics=OUTCOMES, **options)
        raw += [about | row for row in rows]
        if not inside.any() or inside.all():
            continue
        seen = typed(pd.DataFrame(rows).reindex(columns=COLUMNS)).set_index("metric")
        comparison = _comparison(marts, base, rule, confidence=confidence)
        for row in against_others(comparison, inside, seen, OUTCOMES):
            row |= {"within_days": rule.within_days, "wait_days": rule.wait, "rule": rule.name}
            # All that was known at sign-up goes by one name.
            row["adjusted_for"] = ", ".join(dict.fromkeys(name.split(":")[0] for name in comparison.adjusted_for))
            row["naive"] = _naive(found.accounts)
            if row.get("agrees") is not None:
                row["other"] = _other_wait(marts, found, row, follow_months=follow_months, confidence=confidence)
                row["agrees"] = bool(row["agrees"] and np.sign(row["other"]) == np.sign(row["estimate"]))
            if "gain" in row:
                row |= _money(marts, found, base, row, follow_months=follow_months)
            made.append(about | row)
    before = typed(pd.DataFrame(raw).reindex(columns=list(COLUMNS)))
    before["p_adjusted"] = multiplicity.benjamini_hochberg(before["p"])
    table = beside(before, made, further=_FURTHER)
    return Result(
        name="behaviours",
        table=table,
        keys=("attribute", "level", "metric", "kind"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="accounts that did not",
        family="behaviours",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Landmark: behaviour in the first days, accounts followed from a later day on. Adjusted: standardised "
        "over all accounts by a logistic model; Wilson limits on effective numbers of accounts, saddlepoint score "
        "test. Raw: Newcombe",
        notes=tuple(notes),
    )


def _comparison(marts: Marts, base: pd.DataFrame, rule: Behaviour, *, confidence: float) -> Comparison:
    known = pd.DataFrame(
        {
            "size": np.log(base["first_mrr"].astype(float)),
            "term": term_names(base["first_term"]),
            "plan": base["first_plan"],
            "since": (base["origin_date"] - base["origin_date"].min()).dt.days.astype(float),
            **{name: base[name] for name in base if name.startswith(KNOWN)},
        }
    )
    if rule.feature is not None:
        known["other_use"] = base["other_use"]
    return Comparison.of(base, known, among=np.ones(len(base), dtype=bool), confidence=confidence)


def _other_wait(
    marts: Marts, found: FirstDays, row: dict[str, object], *, follow_months: int, confidence: float
) -> float:
    """The same estimate with accounts followed from another day on."""
    wait = WIND_DOWN_DAYS if found.behaviour.wait < WIND_DOWN_DAYS else 0
    base = found.followed(marts, wait=wait, months=follow_months)
    inside = base["did"].to_numpy(dtype=bool)
    if not inside.any() or inside.all():
        return float("nan")
    comparison = _comparison(marts, base, found.behaviour, confidence=confidence)
    other = comparison.row(str(row["metric"]), inside, overlap=float(row["overlap"]), few=False)
    return float(other.get("estimate", np.nan))


def _naive(accounts: pd.DataFrame) -> float:
    here = accounts["left_on"].isna()
    ever = accounts["ever"].astype(bool)
    return float(here[ever].mean() - here[~ever].mean()) if ever.any() and not ever.all() else float("nan")


def _money(
    marts: Marts, found: FirstDays, base: pd.DataFrame, row: dict[str, object], *, follow_months: int
) -> dict[str, float]:
    """Recurring revenue a year of today's accounts on the weaker side, times what the other side keeps more."""
    if follow_months != 12:
        return {}
    now = found.in_these_months(marts, wait=found.behaviour.wait, months=follow_months)
    did = found.did(now, among=base)
    reached = now.loc[did if row["target"] == "group" else ~did, "customer_id"]
    paid = marts.frame("accounts").set_index("customer_id")["mrr_now"].astype(float)
    arr = 12 * float(paid.reindex(reached).sum())
    return dict(zip(("money", "money_low", "money_high"), arr * np.array(row["gain"]), strict=True))
