"""One base of accounts, made ready to be compared group by group at equal size, term, plan and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.stats import intervals, multiplicity, standardise
from customer_value.stats.standardise import Over, RatioContrast, ShareModel
from customer_value.studies.segments.raw import COLUMNS, COMPARED, typed

MONEY_LEVEL = 0.80
"""Confidence of the interval of a contrast's money; decisions are ranked by its lower end."""

ADJUSTMENTS = {
    "size": "size",
    "term": "contract term",
    "due": "whether the term came due",
    "plan": "plan",
    "age": "age",
}
"""What groups are made alike in, by its name here and in words."""

_FINER_BANDS = 4
"""Of size, crossed with terms, in the finer adjustment."""


def covariates(base: pd.DataFrame, *, start: date) -> pd.DataFrame:
    """What accounts are made alike in: one column each of `ADJUSTMENTS`, as known at the close of ``start``.

    Size is the logarithm of MRR, age that of months since sign-up plus one; an unknown age is missing.
    """
    months = (pd.Timestamp(start) - base["origin_date"]).dt.days / (365.25 / 12)
    return pd.DataFrame(
        {
            "size": np.log(base["start_mrr"].astype(float)),
            "term": term_names(base["term"]),
            "due": base["due"].astype(bool),
            "plan": base["plan"],
            "age": np.log1p(months.clip(lower=0)),
        }
    )


def term_names(terms: pd.Series) -> pd.Series:
    """Terms in months as levels; missing where not stated."""
    return terms.map(lambda term: None if pd.isna(term) else f"{term:g}")


@dataclass(frozen=True)
class Comparison:
    """One base, made ready to be compared at equal covariates.

    Attributes
    ----------
    base : one row an account: ``start_mrr, end_mrr, lost, due``
    usual, finer : columns of models
    adjusted_for : names of the covariates, in order
    among : which accounts are compared
    confidence : of intervals
    """

    base: pd.DataFrame
    usual: np.ndarray
    finer: np.ndarray
    adjusted_for: tuple[str, ...]
    among: np.ndarray
    confidence: float

    @classmethod
    def of(cls, base: pd.DataFrame, known: pd.DataFrame, *, among: np.ndarray, confidence: float) -> Comparison:
        """Ready to compare accounts of ``base`` that are ``among`` the compared, alike in the columns of ``known``."""
        used = known.loc[:, known.nunique(dropna=False) > 1]
        return cls(
            base=base,
            usual=standardise.design(used),
            finer=standardise.design(_crossed(used), knots=5, most_levels=20),
            adjusted_for=tuple(used),
            among=among,
            confidence=confidence,
        )

    def row(self, metric: str, inside: np.ndarray, *, overlap: float, few: bool) -> Mapping[str, object]:
        """The adjusted difference and whether others agree with it; empty where covariates determine the group."""
        model = None if metric == "nrr" else self._share_model(metric, inside, self.usual)
        found = self._net(inside, self.usual) if model is None else model.contrast()
        if found is None:
            return {}
        difference = found.difference(confidence=self.confidence)
        row: dict[str, object] = {
            "estimate": difference.estimate,
            "low": difference.low,
            "high": difference.high,
            "p": difference.p,
            "group_share": found.share,
            "rest_share": found.rest_share,
        }
        if metric == "grr":
            few = few or min(found.effective_n) < intervals.FEW_EFFECTIVE
            target: Over = "group" if difference.estimate < 0 else "rest"
            row |= {"few_accounts": few, "target": target, "gain": _gain(model, target)}
        row["among_due"] = self._among_due(metric, inside)
        # Whatever is not clear by itself passes no gate, so nothing needs to agree with it.
        if difference.p <= 1 - self.confidence:
            finer = (
                self._net(inside, self.finer)
                if model is None
                else self._share_model(metric, inside, self.finer).contrast()
            )
            row["finer"] = np.nan if finer is None else finer.estimate
            same = all(np.sign(row[other]) == np.sign(difference.estimate) for other in ("among_due", "finer"))
            row["agrees"] = bool(same and not few and overlap >= standardise.HARDLY_OVERLAP)
        return row

    def overlap(self, inside: np.ndarray) -> float:
        """Share of accounts of a kind that is found on both sides."""
        return standardise.common_range(inside, self.usual, among=self.among)

    def _outcome(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """Each account's outcome, and what it counts."""
        before, after = (self.base[name].to_numpy(dtype=float) for name in ("start_mrr", "end_mrr"))
        match metric:
            case "logo_retention":
                return (~self.base["lost"].to_numpy(dtype=bool)).astype(float), np.ones(len(before))
            case "expansion_rate":
                return (after > before).astype(float), np.ones(len(before))
            case "grr":
                return np.minimum(after, before) / before, before
        return after / before, before

    def _share_model(self, metric: str, inside: np.ndarray, columns: np.ndarray) -> ShareModel:
        outcome, weight = self._outcome(metric)
        return ShareModel.fit(outcome, inside, columns, weight=weight, among=self.among)

    def _net(self, inside: np.ndarray, columns: np.ndarray) -> RatioContrast | None:
        outcome, weight = self._outcome("nrr")
        return standardise.ratio_contrast(outcome * weight, weight, inside, columns, among=self.among)

    def _among_due(self, metric: str, inside: np.ndarray) -> float:
        """The raw difference among accounts that were free to leave."""
        outcome, weight = self._outcome(metric)
        due = self.base["due"].to_numpy(dtype=bool) & self.among
        sides = [due & inside, due & ~inside]
        if not all(side.any() for side in sides):
            return float("nan")
        one, two = (float(np.average(outcome[side], weights=weight[side])) for side in sides)
        return one - two


def _gain(model: ShareModel, target: Over) -> tuple[float, float, float]:
    """Share of its revenue that the side keeping less would keep on top, averaged over that side."""
    gap = model.contrast(over=target).difference(confidence=MONEY_LEVEL)
    return (-gap.estimate, -gap.high, -gap.low) if target == "group" else (gap.estimate, gap.low, gap.high)


def _crossed(used: pd.DataFrame) -> pd.DataFrame:
    """The same covariates, and every combination of term, due and band of size besides."""
    bands = pd.qcut(used["size"], _FINER_BANDS, labels=False, duplicates="drop") if "size" in used else None
    parts = [used[name].astype(str) for name in ("term", "due") if name in used]
    parts += [] if bands is None else [bands.astype(str)]
    if len(parts) < 2:
        return used
    return used.assign(crossed=parts[0].str.cat(parts[1:], sep=" "))


FURTHER = ("kind", "overlap", "money", "money_low", "money_high", "target", "among_due", "finer", "agrees")
"""What a table of raw and adjusted contrasts has besides the columns of raw ones."""


def beside(raw: pd.DataFrame, made: Sequence[Mapping[str, object]], *, further: Sequence[str] = ()) -> pd.DataFrame:
    """Raw and adjusted rows in one table, an adjusted one after its raw one; adjusted p-values corrected together.

    Parameters
    ----------
    raw : the raw rows, in order, with ``p_adjusted``
    made : the adjusted rows
    further : columns of their own that adjusted rows bring
    """
    columns = [*COLUMNS, *FURTHER, "adjusted_for", *further]
    adjusted = typed(pd.DataFrame(list(made)).reindex(columns=columns))
    adjusted["p_adjusted"] = multiplicity.benjamini_hochberg(adjusted["p"])
    table = pd.concat([typed(raw.assign(kind="raw").reindex(columns=columns)), adjusted], ignore_index=True)
    order = {metric: place for place, metric in enumerate(COMPARED)}
    place = table.groupby(["attribute", "level"], sort=False).ngroup()
    table = table.assign(place=place, metric_place=table["metric"].map(order))
    table = table.sort_values(["place", "metric_place", "kind"], ascending=[True, True, False], kind="stable")
    return table.drop(columns=["place", "metric_place"]).reset_index(drop=True)


def against_others(
    comparison: Comparison,
    inside: np.ndarray,
    raw: pd.DataFrame,
    metrics: Sequence[str],
) -> list[dict[str, object]]:
    """The adjusted rows beside raw ones of one group.

    Parameters
    ----------
    inside : who is in the group
    raw : its raw rows, indexed by metric: ``estimate``, ``few_accounts`` and what else a row repeats
    metrics : which of them, in order

    Returns
    -------
    One row a metric, of kind ``adjusted``; without an estimate where the group is too small, or where next to nobody is
    of a kind found on both sides.
    """
    overlap = comparison.overlap(inside)
    rows = []
    for metric in metrics:
        before = raw.loc[metric]
        row = {"metric": metric, "kind": "adjusted", "few_accounts": before["few_accounts"]}
        row |= {"n": before["n"], "n_rest": before["n_rest"], "overlap": overlap}
        row |= {"adjusted_for": ", ".join(comparison.adjusted_for)}
        if pd.notna(before["estimate"]) and overlap >= standardise.NO_OVERLAP:
            row |= comparison.row(metric, inside, overlap=overlap, few=bool(before["few_accounts"]))
        rows.append(row)
    return rows
