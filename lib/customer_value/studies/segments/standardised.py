"""Every group against all other accounts at equal size, term, plan and age, beside the raw difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.levels import Attribute, attributes
from customer_value.marts.periods import Period
from customer_value.stats import intervals, multiplicity, standardise
from customer_value.stats.result import Result
from customer_value.stats.standardise import Over, RatioContrast, ShareModel
from customer_value.studies.segments.groups import Group, arr_now, notes
from customer_value.studies.segments.raw import COLUMNS, COMPARED, contrasts, typed

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

_ITSELF = {
    "plan": ("plan",),
    "first_plan": ("plan",),
    "term": ("term",),
    "first_term": ("term",),
    "mrr_band": ("size",),
}
"""What an attribute is itself, so that it is not made alike in it."""

_FINER_BANDS = 4
"""Of size, crossed with terms, in the finer adjustment."""

_FURTHER = ("kind", "overlap", "money", "money_low", "money_high", "target", "among_due", "finer", "agrees")


def adjusted(
    marts: Marts,
    *,
    start: date,
    end: date,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    confidence: float = 0.95,
    min_group: int = 30,
) -> Result:
    """Every group against all other accounts: the raw difference, and what is left of it at equal covariates.

    Standardised over all accounts of the base (g-computation): of a logistic model for shares of accounts and of
    revenue, a linear one for net retention. Whether an account's term came due in the period, which was known when it
    began, is made equal too: before that an account could not leave. An attribute that is one of these is made equal in
    the others. What is not known of an account is a level of its own.

    Returns
    -------
    Result keyed by ``attribute, level, metric, kind``; ``kind`` is ``raw`` (as `contrasts` gives it) or ``adjusted``,
    ``metric`` one of `COMPARED`. Differences in points of a share, group minus rest. Columns besides the usual, the
    last ones of adjusted rows only:

    - ``group_share, rest_share``: of adjusted rows, if all accounts, or none, belonged to the group
    - ``p``, and ``p_adjusted`` within the kind (Benjamini–Hochberg): one look a contrast, the adjusted one
    - ``few_accounts``: a few accounts decide it, so no decision may stand on it
    - ``overlap``: share of accounts of a kind that is found on both sides; below `standardise.HARDLY_OVERLAP` the
      comparison extrapolates
    - ``adjusted_for``: `ADJUSTMENTS`, with commas between
    - ``money, money_low, money_high`` (80 % interval) with ``target``, for ``grr``: recurring revenue a year that the
      side keeping less (``group`` or ``rest``, its accounts active now) would keep on top if it kept what the other
      side does at equal size, term, plan and age; a ceiling if the link were wholly causal. Missing unless the period
      is about a year
    - ``among_due``: raw difference among accounts whose term came due; ``finer``: adjusted for size in more detail,
      crossed with terms (only where ``p`` is small enough to matter)
    - ``agrees``: whether both have the sign of the estimate, the groups overlap and no few accounts decide

    An adjusted row has no estimate where the group is too small, or where next to nobody is of a kind found on both
    sides (a plan that is sold on one term only, at one price).

    References
    ----------
    Robins (1986); see `customer_value.stats.standardise`.
    """
    raw = contrasts(
        marts, start=start, end=end, by=by, bands=bands, money_name=money_name, confidence=confidence,
        min_group=min_group,
    )  # fmt: skip
    chosen = attributes(marts.meta, names=by)
    accounts = marts.frame("accounts")
    base = period_base(marts, start=start, end=end).merge(
        accounts[["customer_id", "origin_date"]], on="customer_id", how="left", validate="one_to_one"
    )
    known = covariates(base, start=start)
    active = accounts[accounts["status"] == "active"]
    yearly = Period(start, end).about_a_year
    seen = raw.table.set_index(["attribute", "level", "metric"])
    rows = []
    for attribute in chosen:
        if attribute.known_at == "current":
            continue
        group = Group.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        study = _Study.of(base, known, attribute, among=group.stated, confidence=confidence)
        now = group.now(active) if yearly else None
        for level, inside in group.compared(min_group):
            overlap = standardise.common_range(inside, study.usual, among=group.stated)
            for metric in COMPARED:
                before = seen.loc[(attribute.name, level, metric)]
                row = {"attribute": attribute.name, "level": level, "metric": metric, "kind": "adjusted"}
                row |= before[["n", "n_rest", "few_accounts", "attribute_label", "known_at"]].to_dict()
                row |= {"overlap": overlap, "adjusted_for": ", ".join(study.adjusted_for)}
                if pd.notna(before["estimate"]) and overlap >= standardise.NO_OVERLAP:
                    row |= study.row(metric, inside, overlap=overlap, few=bool(before["few_accounts"]))
                if "gain" in row and now is not None:
                    arr = arr_now(active, now, level, row["target"])
                    row |= dict(zip(("money", "money_low", "money_high"), arr * np.array(row["gain"]), strict=True))
                rows.append(row)
    columns = [*COLUMNS, *_FURTHER, "adjusted_for"]
    made = typed(pd.DataFrame(rows).reindex(columns=columns))
    made["p_adjusted"] = multiplicity.benjamini_hochberg(made["p"])
    table = pd.concat([typed(raw.table.assign(kind="raw").reindex(columns=columns)), made], ignore_index=True)
    order = {metric: place for place, metric in enumerate(COMPARED)}
    table = table.assign(
        place=table.groupby(["attribute", "level"], sort=False).ngroup(), metric_place=table["metric"].map(order)
    ).sort_values(["place", "metric_place", "kind"], ascending=[True, True, False], kind="stable")
    return Result(
        name="segment_contrasts_adjusted",
        table=table.drop(columns=["place", "metric_place"]).reset_index(drop=True),
        keys=("attribute", "level", "metric", "kind"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="segments",
        suppressed=int(table.loc[table["kind"] == "raw", "estimate"].isna().sum()),
        method="Adjusted: standardised over all accounts by a logistic model (net retention: linear) of group, size, "
        "contract term, whether it came due, plan and age; Wilson limits on effective numbers of accounts, saddlepoint "
        "score test (net: HC3, t). Raw: group minus all other accounts",
        notes=notes(chosen, flat=False, due="; accounts are made alike in that."),
    )


def covariates(base: pd.DataFrame, *, start: date) -> pd.DataFrame:
    """What accounts are made alike in: one column each of `ADJUSTMENTS`, as known at the close of ``start``.

    Size is the logarithm of MRR, age that of months since sign-up plus one; an unknown age is missing.
    """
    months = (pd.Timestamp(start) - base["origin_date"]).dt.days / (365.25 / 12)
    return pd.DataFrame(
        {
            "size": np.log(base["start_mrr"].astype(float)),
            "term": base["term"].map(lambda term: None if pd.isna(term) else f"{term:g}"),
            "due": base["due"].astype(bool),
            "plan": base["plan"],
            "age": np.log1p(months.clip(lower=0)),
        }
    )


@dataclass(frozen=True)
class _Study:
    """One attribute's base, made ready to be compared at equal covariates.

    ``usual`` and ``finer`` are columns of models; ``among`` says which accounts are compared.
    """

    base: pd.DataFrame
    usual: np.ndarray
    finer: np.ndarray
    adjusted_for: tuple[str, ...]
    among: np.ndarray
    confidence: float

    @classmethod
    def of(
        cls, base: pd.DataFrame, known: pd.DataFrame, attribute: Attribute, *, among: np.ndarray, confidence: float
    ) -> _Study:
        used = known.drop(columns=list(_ITSELF.get(attribute.name, ())))
        used = used.loc[:, used.nunique(dropna=False) > 1]
        return cls(
            base=base,
            usual=standardise.design(used),
            finer=standardise.design(_crossed(used), knots=5, most_levels=20),
            adjusted_for=tuple(name for name in ADJUSTMENTS if name in used),
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
