"""How groups of accounts differ in expanding and contracting, by what was known of them at sign-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from customer_value.marts import Marts, growth
from customer_value.marts.groups import Grouping
from customer_value.marts.levels import NOT_STATED, Attribute, attributes
from customer_value.marts.store import to_pandas
from customer_value.stats import multiplicity
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.jackknife import compare_rates, delete_a_group_rate
from customer_value.stats.result import Result
from customer_value.studies.expansion.first import WAYS, incidence_of, notes

MEASURES = {"expansion": "grew", "contraction": "shrank"}
"""What recurrent rates are of, by their names here and in `growth.months`."""

_MONTHS, _GROUP = "at risk:months", "at risk:group"
_COUNTED = {measure: f"at risk:{measure}" for measure in MEASURES}
"""Columns of `_account_years` that no attribute can be named like."""

_ALL = {"attribute": "all", "level": "all", "attribute_label": "All accounts"}


def attributes_at_signup(marts: Marts, names: Sequence[str] | None = None) -> tuple[Attribute, ...]:
    """Attributes known at sign-up: a later state may follow from the expansion."""
    return tuple(each for each in attributes(marts.meta, names=names) if each.known_at == "signup")


def first_by_segment(
    marts: Marts,
    *,
    by: Sequence[str] | None = None,
    months: int = 12,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    priced: bool = False,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """Share of each group that has expanded so many months after sign-up, leaving being a competing event.

    Parameters
    ----------
    by : attributes; those not known at sign-up are left out; None for all
    months : whole calendar months after that of sign-up

    Returns
    -------
    Result keyed by ``attribute, level``; the first row is all accounts. ``n`` is the accounts of the group, not those
    still followed. Nothing is tested here: a group whose accounts may leave sooner has expanded less by any month,
    however eagerly it expands while it is there. That is compared in `rates`.

    References
    ----------
    Aalen and Johansen (1978).
    """
    base = growth.followed(marts, priced=priced)
    rows = [_ALL | _share(base, months, confidence, min_group)]
    for attribute in attributes_at_signup(marts, by):
        group = Grouping.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(group.levels) < 2:
            continue
        for level in group.levels:
            inside = (group.named == level).to_numpy()
            rows.append(_about(attribute, level) | _share(base[inside], months, confidence, min_group))
    columns = ["attribute", "level", "estimate", "low", "high", "n", "events", "attribute_label"]
    table = pd.DataFrame(rows).reindex(columns=columns).astype(dict.fromkeys(columns[2:5], float))
    return Result(
        name="first_expansion_by_segment",
        table=table,
        keys=("attribute", "level"),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
        method=f"Share expanded {months} months after sign-up, Aalen–Johansen, leaving as the competing event",
        notes=notes(marts, priced=priced),
    )


def rates(
    marts: Marts,
    *,
    by: Sequence[str] | None = None,
    bands: int = 3,
    money_name: Callable[[float], str] | None = None,
    priced: bool = False,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """How often accounts expand and contract a year, again and again, until they leave.

    Returns
    -------
    Result keyed by ``attribute, level, measure`` (`MEASURES`): events per account and year, over all months on record
    of all accounts; ``events, years`` besides the usual; the first rows are all accounts. Of expansions ``ratio,
    ratio_low, ratio_high, p`` (the rate over that of all other accounts whose level is stated; of an attribute with two
    groups once), ``p_adjusted`` (Benjamini–Hochberg over the table) and ``n_rest``.

    References
    ----------
    Kott (2001): intervals leave out one of fifty groups of accounts at a time, since an account's events come together.
    """
    base = _account_years(marts, priced)
    rows = [_ALL | row for row in _rates(base, confidence, min_group)]
    for attribute in attributes_at_signup(marts, by):
        group = Grouping.of(base, attribute, bands=bands, money_name=money_name, min_group=min_group)
        if len(group.levels) < 2:
            continue
        tested = group.plain[:1] if len(group.levels) == len(group.plain) == 2 else group.plain
        stated = (group.named != NOT_STATED).to_numpy()
        for level in group.levels:
            inside = (group.named == level).to_numpy()
            found = [_about(attribute, level) | row for row in _rates(base[inside], confidence, min_group)]
            if level in tested:
                found[0] |= _against(base[stated], inside[stated], confidence, min_group)
            rows += found
    numbers = ["estimate", "low", "high", "years", "ratio", "ratio_low", "ratio_high", "p"]
    columns = ["attribute", "level", "measure", *numbers[:3], "n", "events", *numbers[3:], "n_rest", "attribute_label"]
    table = pd.DataFrame(rows).reindex(columns=columns).astype(dict.fromkeys(numbers, float))
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name="expansion_rates",
        table=table,
        keys=("attribute", "level", "measure"),
        unit="ratio",
        level=confidence,
        n_of="accounts",
        reference="all other accounts",
        family="expansion by segment",
        suppressed=int(table["estimate"].isna().sum()),
        method="Events over account-years at risk; 50 groups of accounts left out one at a time, on the log scale",
        notes=notes(marts, priced=priced),
    )


def _about(attribute: Attribute, level: str) -> dict[str, object]:
    return {"attribute": attribute.name, "level": level, "attribute_label": attribute.label}


def _share(accounts: pd.DataFrame, months: int, confidence: float, min_group: int) -> dict[str, object]:
    """Of one group; missing where it is too small, or not followed for so long by enough accounts."""
    row: dict[str, object] = {"n": len(accounts), "events": int((accounts["how"] == "grew").sum())}
    if accounts.empty or not shown(len(accounts), min_group):
        return row
    # Of the accounts of a small group half may be too young: the curve may rest on fewer than a group needs.
    fewest = max(min_group // 3, 1)
    curve = incidence_of(accounts, WAYS, confidence=confidence, min_at_risk=fewest)
    point = curve[(curve["cause"] == "grew") & (curve["age"] == months)]
    return row | (point.iloc[0][["estimate", "low", "high"]].to_dict() if len(point) else {})


def _against(accounts: pd.DataFrame, inside: np.ndarray, confidence: float, min_group: int) -> dict[str, object]:
    """How often the accounts inside expand, times the others."""
    row: dict[str, object] = {"n_rest": int((~inside).sum())}
    if not (shown(int(inside.sum()), min_group) and shown(row["n_rest"], min_group)):
        return row
    years = accounts[_MONTHS].to_numpy(float) / 12
    found = compare_rates(accounts[_COUNTED["expansion"]], years, inside, accounts[_GROUP], confidence=confidence)
    return row | {"ratio": found.estimate, "ratio_low": found.low, "ratio_high": found.high, "p": found.p}


def _account_years(marts: Marts, priced: bool) -> pd.DataFrame:
    """One row an account with months at risk: its years, expansions and contractions, and what it was at sign-up."""

    def compute() -> pd.DataFrame:
        at = growth.months(marts, priced=priced)
        summed = at.group_by("customer_id").agg(
            **{_MONTHS: at.count(), _GROUP: at.group.max()},
            **{_COUNTED[name]: at[column].sum().fill_null(0) for name, column in MEASURES.items()},
        )
        joined = marts.table("accounts").inner_join(summed, "customer_id").order_by("customer_id")
        return to_pandas(joined)

    return marts.once(("account years", priced), compute)


def _rates(accounts: pd.DataFrame, confidence: float, min_group: int) -> Iterator[dict[str, object]]:
    years = accounts[_MONTHS].to_numpy(float) / 12
    for measure in MEASURES:
        row: dict[str, object] = {"measure": measure, "n": len(accounts), "years": float(years.sum())}
        row["events"] = int(accounts[_COUNTED[measure]].sum())
        if len(accounts) and shown(len(accounts), min_group):
            found = delete_a_group_rate(accounts[_COUNTED[measure]], years, accounts[_GROUP], confidence=confidence)
            row |= {"estimate": found.estimate, "low": found.low, "high": found.high}
        yield row
