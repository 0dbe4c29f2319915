"""Whether accounts that cut back leave more often afterwards, and for how long.

`naive` in the results is what most reports print: accounts that ever cut back against those that never did. It is wrong
by construction, because an account must have stayed to cut back, so that its months before count as months in which
nobody like it left (immortal time). `followed` counts month by month: an account counts as one that has cut back from
the month after, and until then as one that has not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, downgrades
from customer_value.marts.downgrades import LATER
from customer_value.stats import evalue, grouped_hazards, multiplicity
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.result import Result
from customer_value.studies.expansion.first import notes

BANDS = ((1, 3), (4, 6), (7, 12), (13, LATER - 1))
"""Months since the first contraction that are told apart."""

ANY = "any time since"
NAIVE, FOLLOWED = "naive", "followed"

_STRATA = ("term", "since_term")
_ADJUST = ("size", "plan")
_METHOD = (
    "Hazard ratio of a month, complementary log-log, each contract term and month of it with its own baseline, "
    "adjusted for the size and the plan before the contraction; model standard errors"
)
_NUMBERS = ("estimate", "low", "high", "log_ratio", "standard_error", "p", "p_adjusted", "e_value", "e_value_limit")


def after_contraction(marts: Marts, *, bands: int = 3, confidence: float = 0.95, min_group: int = MIN_GROUP) -> Result:
    """How often accounts leave after their first contraction, times those that have had none so far.

    Size and plan are those before the contraction, which it changed; of an account without one, those of the month.

    Parameters
    ----------
    bands : of size

    Returns
    -------
    Result keyed by ``since, way``: ``since`` `ANY` or one of the `BANDS` as text, all of them in one model; ``way``
    `NAIVE` (of `ANY` only; no p) or `FOLLOWED`. ``estimate`` is a hazard ratio, ``n`` the accounts that were at risk
    after a contraction (in that time), ``person_months, events`` theirs, ``events_other`` of the others; ``p``,
    ``p_adjusted`` (Benjamini–Hochberg over the table), ``e_value, e_value_limit``. No estimate where fewer than
    ``min_group`` accounts contracted.

    References
    ----------
    Suissa (2008) for immortal time; Fisher and Lin (1999) for time-dependent covariates.
    """
    cells = downgrades.cells(marts, bands=bands)
    rows = [
        _row(
            marts, cells.assign(exposed=cells["ever"].astype(float)), ANY, NAIVE, (0, LATER - 1), confidence, min_group
        ),
        _row(marts, switched(cells, lag=1), ANY, FOLLOWED, (1, LATER - 1), confidence, min_group),
    ]
    rows += _by_time(marts, cells, confidence, min_group)
    table = pd.DataFrame(rows)
    # The naive contrast is there to be seen, not to be tested.
    table.loc[table["way"] == NAIVE, ["p", "e_value", "e_value_limit"]] = np.nan
    return _result(marts, "after_contraction", table, ("since", "way"), confidence)


def by_lag(
    marts: Marts,
    *,
    lags: Sequence[int] = (1, 2, 3, 6),
    bands: int = 3,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """The same with the first months after a contraction left out.

    An account that is on its way out may cut back first. If the ratio falls towards 1 as these months are left out,
    the contraction is an early sign of an end already decided.

    Parameters
    ----------
    lags : from which month after the contraction an account counts; the months between are left out

    Returns
    -------
    Result as of `after_contraction`, keyed by ``lag``.

    Raises
    ------
    SettingsError : a lag is not a whole number of months from 1 on
    """
    if min(lags, default=0) < 1:
        raise SettingsError(
            f"A contraction is looked at from the month after on.\n  got:      {min(lags, default=0)}\n"
            "  remedy:   lags from 1 on"
        )
    cells = downgrades.cells(marts, bands=bands)
    rows = [
        _row(marts, switched(cells, lag=lag), lag, FOLLOWED, (lag, LATER - 1), confidence, min_group)
        for lag in sorted(set(lags))
    ]
    table = pd.DataFrame(rows).rename(columns={"since": "lag"})
    return _result(marts, "after_contraction_by_lag", table, ("lag",), confidence)


def band_name(first: int, last: int) -> str:
    """A time since the contraction as text."""
    return f"{first}–{last} months" if last < LATER - 1 else f"{first} months or more"


def switched(cells: pd.DataFrame, *, lag: int) -> pd.DataFrame:
    """An account counts as one that has cut back from so many months after; between, its months are left out.

    Parameters
    ----------
    cells : as `downgrades.cells` gives them

    Returns
    -------
    Those kept, with ``exposed`` (1 or 0).
    """
    kept = cells[~cells["after"].between(1, lag - 1)]
    return kept.assign(exposed=kept["after"].between(lag, LATER - 1).astype(float))


def _row(
    marts: Marts,
    cells: pd.DataFrame,
    since: object,
    way: str,
    span: tuple[int, int],
    confidence: float,
    min_group: int,
) -> dict[str, object]:
    row = {"since": since, "way": way} | _counts(marts, cells, cells["exposed"] > 0, span)
    if not _enough(row, min_group):
        return row
    fit = fitted(cells, ["exposed"], confidence)
    return row | _ratio(fit, "exposed")


def _by_time(marts: Marts, cells: pd.DataFrame, confidence: float, min_group: int) -> list[dict[str, object]]:
    """Each time since the contraction with a ratio of its own, from one model."""
    names = {f"after_{first}": (first, last) for first, last in BANDS}
    parted = cells.assign(
        **{name: cells["after"].between(first, last).astype(float) for name, (first, last) in names.items()}
    )
    rows = {
        name: {"since": band_name(*span), "way": FOLLOWED} | _counts(marts, parted, parted[name] > 0, span)
        for name, span in names.items()
    }
    large = [name for name, row in rows.items() if _enough(row, min_group)]
    if large:
        # Months of a time too rare to show are in the model as well, or they would count as none.
        fit = fitted(parted, [name for name, row in rows.items() if row["person_months"]], confidence)
        for name in large:
            rows[name] |= _ratio(fit, name)
    return list(rows.values())


def _counts(marts: Marts, cells: pd.DataFrame, exposed: pd.Series, span: tuple[int, int]) -> dict[str, object]:
    return {
        "n": downgrades.accounts_between(marts, *span),
        "person_months": int(cells.loc[exposed, "at_risk"].sum()),
        "events": int(cells.loc[exposed, "churned"].sum()),
        "events_other": int(cells.loc[~exposed, "churned"].sum()),
    }


def _enough(row: dict[str, object], min_group: int) -> bool:
    return bool(shown(row["n"], min_group)) and row["person_months"] > 0 and row["events"] + row["events_other"] > 0


def fitted(cells: pd.DataFrame, terms: Sequence[str], confidence: float = 0.95) -> pd.DataFrame:
    """Hazard ratios of leaving of these columns, adjusted and stratified as this module does; one row a term."""
    fit = grouped_hazards.fit(
        cells,
        terms=list(terms),
        categories=list(_ADJUST),
        strata=list(_STRATA),
        events="churned",
        confidence=confidence,
    )
    return fit.table.set_index("term")


def _ratio(table: pd.DataFrame, term: str) -> dict[str, object]:
    found = table.loc[term]
    row = {"estimate": found["ratio"]} | found[["log_ratio", "standard_error", "low", "high", "p"]].to_dict()
    if not np.isnan(found["ratio"]):
        strength = evalue.e_value(found["ratio"], found["low"], found["high"])
        row |= {"e_value": strength.estimate, "e_value_limit": strength.limit}
    return row


def _result(marts: Marts, name: str, table: pd.DataFrame, keys: tuple[str, ...], confidence: float) -> Result:
    columns = [*keys, *_NUMBERS[:3], "n", "person_months", "events", "events_other", *_NUMBERS[3:]]
    table = table.reindex(columns=columns).astype(dict.fromkeys(_NUMBERS, float))
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name=name,
        table=table.reset_index(drop=True),
        keys=keys,
        unit="ratio",
        level=confidence,
        n_of="accounts",
        reference="accounts that have not cut back so far",
        family="after a contraction",
        suppressed=int(table["estimate"].isna().sum()),
        method=_METHOD,
        notes=notes(marts, priced=False),
    )
