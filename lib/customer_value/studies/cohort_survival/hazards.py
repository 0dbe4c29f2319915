"""How fast otherwise equal accounts leave: hazard ratios raw and adjusted, and whether one ratio holds at all ages.

Hazards are compared month at risk by month at risk, among months of the same contract term and the same time since that
term began, since under contract an account can leave only when its term ends. Contracts themselves are therefore never
compared by a hazard ratio: `standardised_retention` sets them side by side by the share kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter

from customer_value.marts import Marts
from customer_value.marts.hazard_cells import HELD, accounts_by_level, hazard_cells, known, numbers
from customer_value.marts.levels import NOT_STATED, OTHER
from customer_value.stats import disclosure, grouped_hazards, multiplicity, proportionality
from customer_value.stats.grouped_hazards import HazardFit
from customer_value.stats.result import Result
from customer_value.studies.cohort_survival.trend import MOST_UNSTATED

STRATA = ("term", "since_term")
RAW_STRATA = ("since_term",)
BANDS_END = (6, 12)
"""Months since the term began at which one band of ages ends and the next begins."""

FEWEST_EVENTS = 10
"""Losses a covariate column, below which a model of several of them would fit noise (Peduzzi et al. 1995)."""

ROWS_ACCOUNTS = 5_000
"""Accounts that Cox's model is fitted to row by row, at most: it is there to check the counts."""

_KEYS = ("attribute", "level", "kind")
_NO_GROUPS = (OTHER, NOT_STATED)
"""Levels that nothing is said of and none is compared with: a field may be filled in for those who stay only."""


@dataclass(frozen=True)
class Options:
    """How hazards are counted and compared.

    Attributes
    ----------
    lag : whole months before the month at risk at which the account's size and plan are read
    bands : of size
    money_name : how an amount is written in a band's name
    confidence, min_group : of the intervals; accounts below which a group is not shown
    """

    lag: int = 3
    bands: int = 3
    money_name: Callable[[float], str] | None = None
    confidence: float = 0.95
    min_group: int = disclosure.MIN_GROUP


def attributes(marts: Marts) -> dict[str, str]:
    """What hazards can be compared by, by name and in plain words; nothing of a table without months."""
    return known(marts) if marts.has("risk_months") else {}


def hazard_ratios(marts: Marts, *, options: Options = Options()) -> Result:
    """How fast accounts of each group leave, as a multiple of a group of reference: raw, and at equal everything else.

    Grouped proportional hazards on counts of months at risk. ``raw``: the attribute alone, at the same time since the
    term began. ``adjusted``: all attributes known at sign-up together with size and plan, both as held ``options.lag``
    months before (covariates that vary with time), a baseline for every term and month since it began. An attribute
    that more than `MOST_UNSTATED` of the accounts do not state is compared at equal others, no other at equal values of
    it: filled in for those who stayed only, it would stand for the outcome.

    Returns
    -------
    Result keyed by ``attribute, level, kind``, ratios to the level ``reference`` of the same attribute (the one that
    informs most): ``n`` months at risk, ``events`` losses, ``log_ratio, standard_error``, ``status`` (of
    `grouped_hazards.STATUS`), ``p``, ``p_adjusted`` within the kind (Benjamini–Hochberg), ``leaning_p`` and
    ``leaning_p_adjusted`` (that the attribute's adjusted ratios do not lean with age; adjusted over attributes),
    ``proportional`` (whether that is not rejected), and of adjusted rows
    ``agrees`` (raw, a lag one month longer and finer bands of size point the same way, and one ratio holds at all
    ages). ``level_id`` and ``reference_id`` name levels without the
    edges of bands. Pooled levels, accounts of no stated level and levels of fewer
    accounts than are shown are adjusted for and not listed. Empty where too few have left: fewer than `FEWEST_EVENTS`
    a covariate column.

    References
    ----------
    Prentice and Gloeckler (1978); Grambsch and Therneau (1994); Benjamini and Hochberg (1995).
    """
    study = _Study.of(marts, options)
    if study is None:
        return _ratios(pd.DataFrame(columns=[*_KEYS, *_COLUMNS]), options, _missing(marts, options))
    alpha = 1 - options.confidence
    adjusted = study.adjusted("adjusted")
    raw = pd.concat([study.listed(study.alone(name), "raw") for name in study.by], ignore_index=True)
    for rows in (raw, adjusted):
        rows["p_adjusted"] = multiplicity.benjamini_hochberg(rows["p"].astype(float))
    tests = pd.Series(
        {name: study.leaning(name) for name in study.by if name in set(adjusted["attribute"])}, dtype=float
    )
    corrected = pd.Series(multiplicity.benjamini_hochberg(tests), index=tests.index, dtype=float)
    adjusted["leaning_p"] = adjusted["attribute"].map(tests)
    adjusted["leaning_p_adjusted"] = adjusted["attribute"].map(corrected)
    adjusted["proportional"] = ~(adjusted["leaning_p_adjusted"] <= alpha)
    # Whatever is not clear by itself needs nothing to agree with it.
    clear = adjusted["p"] <= alpha
    adjusted["agrees"] = False
    if clear.any():
        finer = _Study.of(marts, replace(options, lag=options.lag + 1, bands=options.bands + 1), sparse=True)
        signs = [_signs(adjusted, other) for other in (raw, finer.adjusted("finer"))]
        # Bands of size are cut anew in the finer study, so that they have no counterpart there.
        signs[1] = np.where(adjusted["attribute"] == "size", signs[0], signs[1])
        same = np.logical_and.reduce([sign == np.sign(adjusted["log_ratio"].to_numpy()) for sign in signs])
        adjusted["agrees"] = clear & same & adjusted["proportional"]
    table = pd.concat([raw, adjusted], ignore_index=True)
    table["agrees"] = table["agrees"].eq(True)
    for column in ("leaning_p", "leaning_p_adjusted", "proportional"):
        table[column] = table["attribute"].map(adjusted.drop_duplicates("attribute").set_index("attribute")[column])
    order = {level: place for place, level in enumerate((name, one) for name in study.by for one in study.levels(name))}
    table["_place"] = [2 * order[row.attribute, row.level] + (row.kind == "adjusted") for row in table.itertuples()]
    table = table.sort_values("_place", kind="stable")
    return _ratios(table[[*_KEYS, *_COLUMNS]], options, study.notes(attributes(marts)))


def ratios_by_age(marts: Marts, *, by: Sequence[str] | None = None, options: Options = Options()) -> Result:
    """The adjusted hazard ratio of every group in each band of ages (months since the term began).

    Parameters
    ----------
    by : only these of `attributes`; None for all

    Returns
    -------
    Result keyed by ``attribute, level, band``: ratios to the level ``reference``, ``n`` months at risk, ``events`` of
    the group in the band, ``p``, and ``bands_p``: that the attribute's ratios are the same in all bands (Wald). Ratios
    of a band without losses on one side are missing. Empty as of `hazard_ratios`.
    """
    study = _Study.of(marts, options)
    keys = ("attribute", "level", "band")
    columns = ["reference", "estimate", "low", "high", "n", "events", "p", "bands_p"]
    tables = [] if study is None else [study.by_age(name) for name in study.by if by is None or name in by]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*keys, *columns])
    return Result(
        name="hazard_ratios_by_age",
        table=table[[*keys, *columns]],
        keys=keys,
        unit="ratio",
        level=options.confidence,
        n_of="months at risk",
        method="Grouped proportional hazards with one ratio a band of months since the term began, adjusted as hazard "
        "ratios are",
    )


def cox_beside(marts: Marts, *, options: Options = Options()) -> Result:
    """Adjusted hazard ratios from counts beside Cox's model fitted row by row, on the same accounts.

    Returns
    -------
    Result keyed by ``attribute, level, method`` (``counts`` or ``rows``): ratio, limits, ``n`` months at risk,
    ``log_ratio, standard_error``, and ``apart``, how many of Cox's standard errors the two log ratios lie apart. Of at
    most `ROWS_ACCOUNTS` accounts, the first in the order of their ids. Empty as of `hazard_ratios`.

    References
    ----------
    Cox (1972); Efron (1977) for ties, which whole months always have.
    """
    study = _Study.of(marts, options, accounts=ROWS_ACCOUNTS)
    keys = ("attribute", "level", "method")
    columns = ["estimate", "low", "high", "n", "log_ratio", "standard_error", "apart"]
    table = pd.DataFrame(columns=[*keys, *columns])
    if study is not None and (study.fit.table["status"] == "estimated").any():
        counts = study.listed(study.fit, "counts")
        rows = counts.assign(kind="rows").merge(_cox(study), on=["attribute", "level"], suffixes=("_of_counts", ""))
        apart = (rows["log_ratio"] - rows["log_ratio_of_counts"]).abs() / rows["standard_error"]
        both = pd.concat([counts.assign(apart=apart), rows.assign(apart=apart)], ignore_index=True)
        table = both.rename(columns={"kind": "method"})[[*keys, *columns]].reset_index(drop=True)
    return Result(
        name="hazard_ratios_two_ways",
        table=table,
        keys=keys,
        unit="ratio",
        level=options.confidence,
        n_of="months at risk",
        method="Grouped proportional hazards on counts, and Cox's model (lifelines, ties by Efron) on single months, "
        "both stratified by term and month since it began",
    )


_COLUMNS = [
    "reference", "estimate", "low", "high", "n", "events", "log_ratio", "standard_error", "status", "p", "p_adjusted",
    "leaning_p", "leaning_p_adjusted", "proportional", "agrees", "level_id", "reference_id",
]  # fmt: skip


def _ratios(table: pd.DataFrame, options: Options, notes: tuple[str, ...]) -> Result:
    return Result(
        name="hazard_ratios",
        table=table.reset_index(drop=True),
        keys=_KEYS,
        unit="ratio",
        level=options.confidence,
        n_of="months at risk",
        family="adjusted hazard ratios (Benjamini–Hochberg)",
        method="Grouped proportional hazards (complementary log-log) on months at risk. Raw: the attribute alone, at "
        "the same time since the term began. Adjusted: all together, a baseline for every term and month since it "
        f"began, size and plan as held {options.lag} months before",
        notes=notes,
    )


@dataclass(frozen=True)
class _Study:
    """The months at risk counted by everything, and the model of all of it."""

    cells: pd.DataFrame
    by: tuple[str, ...]
    fit: HazardFit
    options: Options
    large: dict[str, set[str]]
    """Levels of each attribute that enough accounts have."""
    banded: frozenset[str]
    """Attributes that are amounts or other numbers."""
    apart: dict[str, HazardFit]
    """Models of everything with one attribute more, which is too often not stated to adjust others for."""

    @classmethod
    def of(cls, marts: Marts, options: Options, *, accounts: int | None = None, sparse: bool = False) -> _Study | None:
        """None where too few have left, or nothing has two levels; ``sparse``: however few have left."""
        names = list(attributes(marts))
        if not names:
            return None
        cells = _cells(marts, names, options, accounts=accounts)
        by, columns = _varying(cells, names)
        if not by or (cells["events"].sum() < FEWEST_EVENTS * columns and not sparse):
            return None
        unstated = [name for name in by if _unstated(marts, name) > MOST_UNSTATED]
        stated = [name for name in by if name not in unstated]
        fitting = {"terms": [], "strata": STRATA, "no_reference": _NO_GROUPS, "confidence": options.confidence}
        fit = grouped_hazards.fit(cells, categories=stated, **fitting)
        apart = {name: grouped_hazards.fit(cells, categories=[*stated, name], **fitting) for name in unstated}
        large = {name: _large(marts, cells, name, options) for name in by}
        return cls(cells, by, fit, options, large, numbers(marts), apart)

    def model(self, name: str) -> HazardFit:
        """The adjusted model that an attribute's ratios are of."""
        return self.apart.get(name, self.fit)

    def adjusted(self, kind: str) -> pd.DataFrame:
        """Adjusted ratios of the levels that are shown, attribute by attribute."""
        listed = [self.listed(self.fit, kind)]
        for name, fit in self.apart.items():
            rows = self.listed(fit, kind)
            listed.append(rows[rows["attribute"] == name])
        return pd.concat([rows for rows in listed if len(rows)] or listed[:1], ignore_index=True)

    def notes(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Caveats of the model, and what others are not made equal in."""
        named = ", ".join(labels[name] for name in self.apart)
        return (*self.fit.notes, *([f"Not adjusted for, being too often not stated: {named}."] if named else []))

    def levels(self, name: str) -> list[str]:
        """All levels of an attribute, in their order."""
        return list(self.cells[name].cat.categories)

    def level_id(self, name: str, level: str) -> str:
        """The level without the edges of a band, which move with the data."""
        return f"band {self.levels(name).index(level) + 1}" if name in self.banded else level

    def alone(self, name: str) -> HazardFit:
        return grouped_hazards.fit(
            self.cells, terms=[], categories=[name], strata=RAW_STRATA, no_reference=_NO_GROUPS,
            confidence=self.options.confidence,
        )  # fmt: skip

    def listed(self, fit: HazardFit, kind: str) -> pd.DataFrame:
        """Ratios of the levels that are shown."""
        table = fit.table.rename(columns={"term": "attribute", "ratio": "estimate"})
        table = table.assign(kind=kind, reference=table["attribute"].map(fit.references))
        shown = [
            not {row.level, row.reference} & set(_NO_GROUPS) and {row.level, row.reference} <= self.large[row.attribute]
            for row in table.itertuples()
        ]
        table = table[np.array(shown, dtype=bool)].reset_index(drop=True)
        totals = {name: self.cells.groupby(name, observed=True)[["at_risk", "events"]].sum() for name in self.by}
        counted = [totals[row.attribute].loc[row.level] for row in table.itertuples()]
        for column, name in (("level", "level_id"), ("reference", "reference_id")):
            table[name] = [self.level_id(*pair) for pair in zip(table["attribute"], table[column], strict=True)]
        table["n"] = [int(each["at_risk"]) for each in counted]
        table["events"] = [int(each["events"]) for each in counted]
        return table.reindex(columns=[*_KEYS, *_COLUMNS])

    def leaning(self, name: str) -> float:
        """p of the test that the attribute's ratios do not lean with age."""
        scale = proportionality.age_ranks(self.cells["since_term"], self.cells["events"])
        return proportionality.leaning(self.model(name), self.cells, name, scale).p

    def by_age(self, name: str) -> pd.DataFrame:
        """The attribute's ratios in each band of ages."""
        reference = self.model(name).references[name]
        cells = self.cells.assign(band=_band(self.cells["since_term"]))
        found = proportionality.by_band(
            cells,
            name,
            "band",
            reference=reference,
            categories=[other for other in self.by if other != name and other not in self.apart],
            strata=STRATA,
            confidence=self.options.confidence,
        )
        kept = self.large[name] - set(_NO_GROUPS)
        n = cells.groupby([name, "band"], observed=False)["at_risk"].sum()
        table = found.table[found.table["level"].isin(kept)] if reference in kept else found.table.head(0)
        place = {level: position for position, level in enumerate(self.levels(name))}
        table = table.sort_values("level", key=lambda level: level.map(place), kind="stable")
        return table.rename(columns={"ratio": "estimate"}).assign(
            attribute=name,
            reference=reference,
            bands_p=found.p,
            n=[int(n[row.level, row.band]) for row in table.itertuples()],
            **{end: table[end].where(table["status"] == "estimated") for end in ("low", "high")},
        )


def _cells(marts: Marts, names: Sequence[str], options: Options, *, accounts: int | None = None) -> pd.DataFrame:
    return hazard_cells(
        marts, names, lag=options.lag, bands=options.bands, money_name=options.money_name, accounts=accounts
    )


def _varying(cells: pd.DataFrame, names: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The attributes of which there are two levels, and the columns of a model of them."""
    by = tuple(name for name in names if cells[name].nunique() > 1)
    return by, sum(cells[name].nunique() - 1 for name in by)


def _missing(marts: Marts, options: Options) -> tuple[str, ...]:
    """How many losses there are, and about how many a model of everything needs."""
    names = list(attributes(marts))
    cells = _cells(marts, names, options) if names else pd.DataFrame()
    by, columns = _varying(cells, names)
    if not by:
        return ()
    return (f"To compare {columns} groups at once takes about {FEWEST_EVENTS * columns:,} losses; there are "
            f"{int(cells['events'].sum()):,}.",)  # fmt: skip


def _large(marts: Marts, cells: pd.DataFrame, name: str, options: Options) -> set[str]:
    """Levels held by enough accounts; of what varies with time, in enough months at risk."""
    months = cells.groupby(name, observed=True)["at_risk"].sum()
    if name in HELD:
        return set(months.index[np.asarray(disclosure.shown(months, options.min_group))])
    held = accounts_by_level(marts, name)
    return {level for level in months.index if disclosure.shown(held.get(level, 0), options.min_group)}


def _unstated(marts: Marts, name: str) -> float:
    """Share of accounts that do not state an attribute known at sign-up."""
    if name in HELD:
        return 0.0
    held = accounts_by_level(marts, name)
    return held.get(NOT_STATED, 0) / max(sum(held.values()), 1)


def _band(since_term: pd.Series) -> pd.Categorical:
    first, second = BANDS_END
    names = [f"first {first} months", f"months {first + 1} to {second}", "later"]
    return pd.cut(since_term, [-np.inf, first, second, np.inf], labels=names)


def _signs(rows: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """Which way another estimate of the same ratios points; missing where it has none."""
    keys = ["attribute", "level", "reference"]
    return np.sign(rows[keys].merge(other, how="left", on=keys)["log_ratio"].to_numpy(float))


def _cox(study: _Study) -> pd.DataFrame:
    """Cox's model on one row a month at risk, in the same strata and against the same references."""
    cells = study.cells
    dummies, names = {}, {}
    for term, level in zip(study.fit.table["term"], study.fit.table["level"], strict=True):
        column = f"x{len(dummies)}"
        dummies[column] = (cells[term] == level).astype(float)
        names[column] = (term, level)
    kept = [column for column, status in zip(dummies, study.fit.table["status"], strict=True) if status == "estimated"]
    table = cells[list(STRATA)].assign(**dummies)[[*STRATA, *kept]]
    single = table.loc[table.index.repeat(cells["at_risk"])]
    place = single.groupby(level=0).cumcount()
    single = single.assign(ended=place < cells["events"].reindex(single.index), months=1.0)
    # Strata without an end inform nothing, and would only cost time.
    single = single[single.groupby(list(STRATA))["ended"].transform("any")]
    cox = CoxPHFitter(alpha=1 - study.options.confidence).fit(
        single.reset_index(drop=True), "months", "ended", strata=list(STRATA)
    )
    found = cox.summary
    ends = [column for column in found.columns if column.startswith("exp(coef) ")]
    return pd.DataFrame(
        {
            "attribute": [names[column][0] for column in found.index],
            "level": [names[column][1] for column in found.index],
            "estimate": found["exp(coef)"].to_numpy(),
            "low": found[ends[0]].to_numpy(),
            "high": found[ends[1]].to_numpy(),
            "log_ratio": found["coef"].to_numpy(),
            "standard_error": found["se(coef)"].to_numpy(),
        }
    )
