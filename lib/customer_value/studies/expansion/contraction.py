"""What accounts cut back on, how often, and what the cuts look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, downgrades, growth
from customer_value.marts.store import to_pandas
from customer_value.stats import intervals
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.result import Result
from customer_value.studies.expansion.first import notes

PATTERNS = ("right_sizing", "progressive", "decline")
"""Rules in the order in which a contraction is named by the first that holds."""


@dataclass(frozen=True)
class Rules:
    """What a contraction looks like.

    Attributes
    ----------
    soon : right-sizing: within so many months of the start or of the last expansion …
    unused : … with at least this share of the licences paid for never in use in the months before
    again : progressive: within so many months of another contraction
    fall : decline: use in the months before at least this share below that of the months before those
    recent, baseline : … whole months right before a cut, and those before them
    """

    soon: int = 6
    unused: float = 0.20
    again: int = 12
    fall: float = 0.25
    recent: int = 3
    baseline: int = 6

    def __post_init__(self) -> None:
        for name, share in (("unused", self.unused), ("fall", self.fall)):
            if not 0 < share < 1:
                raise SettingsError(f"The share {name} lies between 0 and 1.\n  got:      {share}")
        months = (self.soon, self.again, self.recent, self.baseline)
        if min(months) < 1:
            raise SettingsError(f"Rules on contractions count whole months from 1 on.\n  got:      {min(months)}")


def types(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = MIN_GROUP) -> Result:
    """What the contractions of a period are made of.

    A contraction is a month at whose close an account pays less than at the close before; it is named after the part
    that most of it is made of. Unlike elsewhere in this chapter a mere cut of the price is one of them.

    Parameters
    ----------
    start, end : the closes that the period runs between

    Returns
    -------
    Result keyed by ``kind``, largest first: share of all contractions (Wilson, on the number of accounts), with
    ``events`` (contractions of this kind), ``accounts`` (that had one) and ``money`` (MRR given up in them); ``n`` is
    all contractions. Without contractions the table is empty.
    """
    every = growth.steps(marts, down=True, priced=True)
    inside = every["month"].between(pd.Timestamp(start), pd.Timestamp(end), inclusive="right")
    every = every[inside]
    n, size = len(every), every["customer_id"].nunique()
    rows = []
    for kind, of_kind in every.groupby("kind", sort=True):
        row: dict[str, object] = {"kind": kind, "n": n, "events": len(of_kind)}
        row |= {"accounts": of_kind["customer_id"].nunique(), "money": -float(of_kind["change"].sum())}
        rows.append(row | _share(len(of_kind), n, size, confidence, min_group))
    columns = ["kind", "estimate", "low", "high", "n", "events", "accounts", "money"]
    table = pd.DataFrame(rows).reindex(columns=columns).astype(dict.fromkeys(columns[1:4], float))
    return Result(
        name="contraction_types",
        table=table.sort_values(["events", "kind"], ascending=[False, True], kind="stable").reset_index(drop=True),
        keys=("kind",),
        unit="share",
        level=confidence,
        n_of="contractions",
        suppressed=int(table["estimate"].isna().sum()),
        method="Contractions by the part that most of each is made of; Wilson on the number of accounts",
        notes=() if growth.parts_known(marts) else notes(marts, priced=False),
    )


def patterns(
    marts: Marts, *, rules: Rules | None = None, confidence: float = 0.95, min_group: int = MIN_GROUP
) -> Result:
    """What contractions look like by written rules, beside how often other months look so.

    A rule that half of all months meet says nothing about a contraction that meets it. So beside the share of
    contractions stands the share of all other months at risk.

    Returns
    -------
    Result keyed by ``pattern`` (`PATTERNS`, then ``none``): share of the contractions that can be judged (``n``; of use
    nothing may be known), several may hold of one; Wilson on the number of accounts. ``usual`` is the share of
    other months at risk that meet the rule (missing for ``none``), ``named`` the contractions that are named by this
    pattern, being the first in order that holds, ``money`` the MRR given up in these, ``every`` all contractions.
    """
    rules = rules or Rules()
    at = downgrades.history(marts, recent=rules.recent, baseline=rules.baseline)
    at = at.mutate(**_flags(at, rules))
    rows = to_pandas(at.filter(at.shrank).order_by("customer_id", "month"))
    money = growth.steps(marts, down=True).set_index(["customer_id", "month"])["change"]
    lost = -money.reindex(pd.MultiIndex.from_frame(rows[["customer_id", "month"]])).to_numpy(float)
    other = at.filter(~at.shrank)
    usual = to_pandas(
        other.aggregate(
            **{f"{name}_met": other[name].cast("int64").sum() for name in PATTERNS},
            **{f"{name}_judged": other[name].count() for name in PATTERNS},
        )
    ).iloc[0]
    held = {name: rows[name].astype("boolean") for name in PATTERNS}
    name = np.select([held[each].fillna(False).to_numpy(bool) for each in PATTERNS], PATTERNS, "none")
    nothing = pd.Series(name == "none", index=rows.index, dtype="boolean")
    # Where use is not on record, that no rule holds says nothing.
    nothing = nothing.mask(nothing & held["decline"].isna())
    found = []
    for pattern, flag in (*held.items(), ("none", nothing)):
        judged = rows[flag.notna().to_numpy()]
        events = int(flag.sum())
        row: dict[str, object] = {"pattern": pattern, "n": len(judged), "events": events, "every": len(rows)}
        row |= {"named": int((name == pattern).sum()), "money": float(lost[name == pattern].sum())}
        if pattern in PATTERNS and usual[f"{pattern}_judged"]:
            row["usual"] = float(usual[f"{pattern}_met"]) / float(usual[f"{pattern}_judged"])
        found.append(row | _share(events, len(judged), judged["customer_id"].nunique(), confidence, min_group))
    columns = ["pattern", "estimate", "low", "high", "n", "events", "usual", "named", "money", "every"]
    table = (
        pd.DataFrame(found).reindex(columns=columns).astype(dict.fromkeys(["estimate", "low", "high", "usual"], float))
    )
    return Result(
        name="contraction_patterns",
        table=table,
        keys=("pattern",),
        unit="share",
        level=confidence,
        n_of="contractions",
        suppressed=int(table["estimate"].isna().sum()),
        method="Contractions that meet a written rule, Wilson on the number of accounts; beside them all other "
        "account-months",
        notes=notes(marts, priced=False),
    )


def _flags(at: ir.Table, rules: Rules) -> dict[str, ir.BooleanValue]:
    """Whether each rule holds of a month; null where what it looks at is not on record."""
    young = ibis.least(at.since_start, at.since_growth.fill_null(at.since_start)) <= rules.soon
    known = at.licences.notnull() & (at.seats > 0)
    idle = known.ifelse(at.licences <= (1 - rules.unused) * at.seats, ibis.null("boolean"))
    told = at.baseline.notnull() & (at.baseline > 0)
    return {
        # Long after any purchase it is no right-sizing, whether or not use is known.
        "right_sizing": ibis.cases((~young, ibis.literal(False)), else_=idle),
        "progressive": (at.since_shrank <= rules.again).fill_null(False),
        "decline": told.ifelse(at.recent <= (1 - rules.fall) * at.baseline, ibis.null("boolean")),
    }


def _share(events: int, n: int, size: int, confidence: float, min_group: int) -> dict[str, float]:
    if not n or not shown(n, min_group):
        return {}
    estimate, low, high = intervals.wilson(events / n, 1, confidence=confidence, effective_n=size)
    return {"estimate": float(estimate), "low": float(low), "high": float(high)}
