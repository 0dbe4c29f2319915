"""Groups of renewals against all others: as they are, and at equal size, term, plan and age."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED
from customer_value.stats import intervals, multiplicity, standardise
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.stats.standardise import Over, ShareModel
from customer_value.studies.renewals.decided import (
    Scope,
    decided,
    fallen_due,
    grouped_by,
    grouping,
    is_stated,
    notes,
    tenure,
)

_ITSELF: Mapping[str, tuple[str, ...]] = {
    "plan": ("plan",),
    "first_plan": ("plan",),
    "term": ("term",),
    "first_term": ("term",),
    "renewal_value": ("size",),
    "renewal_age": ("age",),
}
"""What an attribute is itself, so that it is not made alike in it."""

MONEY_LEVEL = 0.80
"""Confidence of the interval of a difference's money; decisions are ranked by its lower end."""

COLUMNS = (
    "attribute", "level", "kind", "estimate", "low", "high", "n", "n_rest", "group_share", "rest_share", "p",
    "p_adjusted", "overlap", "finer", "agrees", "few_accounts", "target", "money", "money_low", "money_high",
    "adjusted_for", "attribute_label", "known_at",
)  # fmt: skip


def differences(marts: Marts, scope: Scope) -> Result:
    """The share renewed in every group less that of all other renewals, raw and at equal covariates.

    Adjusted: standardised over all renewals decided by a logistic model (g-computation), covariates as known when the
    term ran out. Renewals whose level is not stated are in no comparison.

    Returns
    -------
    Result keyed by ``attribute, level, kind``; ``kind`` is ``raw`` (Newcombe, score test) or ``adjusted`` (saddlepoint
    score test). Points, group less rest. ``p_adjusted``: Benjamini–Hochberg within the kind. Of adjusted rows:
    ``overlap`` (share of renewals of a kind found on both sides), ``finer`` (adjusted with more bends and levels,
    where ``p`` is small enough to matter), ``agrees`` (raw and finer point the same way and the groups overlap),
    ``adjusted_for`` (names with commas between). Where ``p`` is small enough to matter also ``money, money_low,
    money_high`` (80 % interval): recurring revenue a year that the side renewing less (``target``: ``group`` or
    ``rest``, its accounts under contract now) would keep on top at its next renewal if it renewed as much of its
    revenue as the other side at equal covariates, a ceiling if the link were wholly causal; and ``few_accounts`` (a few
    accounts decide that money). Missing for small groups, and adjusted where next to nobody is of a kind found on both
    sides.

    References
    ----------
    Robins (1986); see `customer_value.stats.standardise`.
    """
    base = decided(marts, scope)
    active = under_contract(marts, scope)
    rows: list[dict[str, object]] = []
    for attribute in grouped_by(marts, scope):
        if attribute.known_at == "current" or base.empty:
            continue
        group = grouping(base, attribute, scope)
        study = _Study(base, group, scope, active)
        about = {"attribute": attribute.name, "attribute_label": attribute.label, "known_at": attribute.known_at}
        for level in _compared(group, scope):
            rows += [about | {"level": level} | row for row in study.rows(level)]
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    words = ("attribute", "level", "kind", "adjusted_for", "attribute_label", "known_at", "target")
    flags = ("agrees", "few_accounts")
    table = table.assign(
        **{flag: table[flag].eq(True) for flag in flags}, adjusted_for=table["adjusted_for"].fillna("")
    )
    # Without any comparison the columns would be of no kind.
    kinds = {column: object if column in words else float for column in COLUMNS if column not in flags}
    table = table.astype(kinds)
    for kind in ("raw", "adjusted"):
        own = table["kind"] == kind
        table.loc[own, "p_adjusted"] = multiplicity.benjamini_hochberg(table.loc[own, "p"])
    return Result(
        name="renewal_differences",
        table=table,
        keys=("attribute", "level", "kind"),
        unit="points",
        level=scope.confidence,
        n_of="renewals",
        reference="all other renewals",
        family="renewals",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Adjusted: standardised over all renewals decided by a logistic model of group, size, contract term, "
        "plan and age; Wilson limits on effective numbers, saddlepoint score test. Raw: Newcombe, score test",
        notes=notes(marts, fallen_due(marts, scope), scope),
    )


def _compared(group: Grouping, scope: Scope) -> list[str]:
    """The levels that are compared; with two and hardly any beside them, the second is the first's mirror image."""
    if len(group.levels) < 2:
        return []
    beside = int((is_stated(group) & ~group.named.isin(group.plain)).sum())
    return group.plain[:1] if len(group.plain) == 2 and not shown(beside, scope.min_group) else group.plain


class _Study:
    """One attribute's renewals, made ready to be compared at equal covariates."""

    def __init__(self, base: pd.DataFrame, group: Grouping, scope: Scope, active: pd.DataFrame) -> None:
        known = covariates(base).drop(columns=list(_ITSELF.get(group.attribute.name, ())))
        known = known.loc[:, known.nunique(dropna=False) > 1]
        self.group = group
        self.renewed = base["renewed"].to_numpy(dtype=float)
        self.before = base["mrr_before"].to_numpy(dtype=float)
        # Renewed on terms that the revenue does not show: all of it counts as kept.
        self.kept = np.minimum(self.before, base["mrr_after"].fillna(base["mrr_before"]).to_numpy(dtype=float))
        self.now, self.arr = group.now(active), 12 * active["mrr_now"].to_numpy(dtype=float)
        self.among = is_stated(group)
        self.usual = standardise.design(known)
        self.finer = standardise.design(known, knots=5, most_levels=20)
        self.adjusted_for = ", ".join(known.columns)
        self.scope = scope

    def rows(self, level: str) -> list[dict[str, object]]:
        """The raw and the adjusted row of one group."""
        inside = (self.group.named == level).to_numpy()
        sides = [self.renewed[self.among & inside], self.renewed[self.among & ~inside]]
        sizes = {"n": len(sides[0]), "n_rest": len(sides[1])}
        raw, adjusted = {"kind": "raw"} | sizes, {"kind": "adjusted", "adjusted_for": self.adjusted_for} | sizes
        if all(shown(size, self.scope.min_group) for size in sizes.values()):
            shares = [float(side.mean()) for side in sides]
            found = intervals.share_difference(
                shares[0], sizes["n"], shares[1], sizes["n_rest"], confidence=self.scope.confidence
            )
            raw |= {name: float(value) for name, value in zip(("estimate", "low", "high", "p"), found, strict=True)}
            raw |= {"group_share": shares[0], "rest_share": shares[1]}
            adjusted |= self._adjusted(level, inside, raw["estimate"])
        return [raw, adjusted]

    def _adjusted(self, level: str, inside: np.ndarray, raw: float) -> dict[str, object]:
        overlap = standardise.common_range(inside, self.usual, among=self.among)
        row: dict[str, object] = {"overlap": overlap}
        found = self._model(inside, self.usual) if overlap >= standardise.NO_OVERLAP else None
        if found is None:
            return row
        gap = found.difference(confidence=self.scope.confidence)
        row |= {"estimate": gap.estimate, "low": gap.low, "high": gap.high, "p": gap.p}
        row |= {"group_share": found.share, "rest_share": found.rest_share}
        # What is not clear by itself passes no gate, so nothing needs to agree with it.
        if gap.p <= 1 - self.scope.confidence:
            finer = self._model(inside, self.finer)
            row["finer"] = np.nan if finer is None else finer.estimate
            same = all(np.sign(other) == np.sign(gap.estimate) for other in (raw, row["finer"]))
            row["agrees"] = bool(same and overlap >= standardise.HARDLY_OVERLAP)
            row |= self._money(level, inside, "group" if gap.estimate < 0 else "rest")
        return row

    def _money(self, level: str, inside: np.ndarray, target: Over) -> dict[str, object]:
        """What the side that renews less would keep on top, a year, with whether a few accounts decide it."""
        model = ShareModel.fit(self.kept / self.before, inside, self.usual, weight=self.before, among=self.among)
        found = model.contrast(over=target)
        if found is None:
            return {}
        gap = found.difference(confidence=MONEY_LEVEL)
        gain = [-gap.estimate, -gap.high, -gap.low] if target == "group" else [gap.estimate, gap.low, gap.high]
        reached = self.now.eq(level) if target == "group" else self.now.notna() & ~self.now.isin([level, NOT_STATED])
        arr = float(self.arr[reached.to_numpy(dtype=bool)].sum())
        few = any(intervals.few_decide(self.before[self.among & side]) for side in (inside, ~inside))
        money = dict(zip(("money", "money_low", "money_high"), arr * np.array(gain), strict=True))
        return {"target": target, "few_accounts": few} | money

    def _model(self, inside: np.ndarray, columns: np.ndarray) -> standardise.ShareContrast | None:
        return ShareModel.fit(self.renewed, inside, columns, among=self.among).contrast()


def under_contract(marts: Marts, scope: Scope) -> pd.DataFrame:
    """The accounts that will come to a renewal: active, on a term that counts, as they stand when it runs out."""
    accounts = marts.frame("accounts")
    active = accounts[(accounts["status"] == "active") & (accounts["term_now"] >= scope.least_term)]
    return active.assign(
        renewal_value=12 * active["mrr_now"], renewal_age=tenure(active["next_due"], active["origin_date"])
    )


def covariates(base: pd.DataFrame) -> pd.DataFrame:
    """What renewals are made alike in: size (logarithm of MRR), term, plan and age when the term ran out."""
    return pd.DataFrame(
        {
            "size": np.log(base["mrr_before"].astype(float)),
            "term": base["term"].map(lambda term: None if pd.isna(term) else f"{term:g}"),
            "plan": base["plan"],
            "age": np.log1p(base["months_old"].clip(lower=0)),
        }
    )
