"""What the use of each feature is linked to: leaving and expansion, compared in three ways.

`naive` is what most reports print and is wrong by construction: an account that stayed long had the time to adopt, so
that any feature seems to keep accounts (immortal time). `landmark` compares accounts at one age. `lagged` follows use
month by month and reads it some whole months before the month at risk, because those about to leave stop using things
first. All three are adjusted alike. None removes confounding by health, which the E-value measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, adopters, risk
from customer_value.marts.adopters import Counted, Use
from customer_value.marts.levels import attributes
from customer_value.stats import evalue, grouped_hazards, multiplicity, standardised_survival
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.grouped_hazards import HazardFit
from customer_value.stats.result import Result

OUTCOMES = {"leaving": "churned", "expansion": "expanded"}
"""Outcomes by their names here and in the risk set."""

WINDOW = 3
"""Whole months over which regular use is looked at."""
COMMON = 0.15
"""From this share of accounts with the outcome on, E-values take their form for common outcomes."""
WIDELY_ADOPTED = 0.90
"""If a larger share of accounts adopts a feature, how much they use it is analysed: hardly anyone is without it."""
AGED = 3
"""Months on record that an account needs to count in that share."""
OVERLAP = 0.02
"""With a smaller share of months at risk on either side the model compares few accounts with many."""
MONEY_LEVEL = 0.80
"""Confidence of the interval of a link's money; decisions are ranked by its lower end."""
AHEAD = 12
"""Months over which money is reckoned."""

_STRATA = ("term", "since_term")
_NUMBERS = (
    *("estimate", "low", "high", "n", "log_ratio", "standard_error", "p", "p_adjusted", "person_months", "events"),
    *("events_exposed", "events_unexposed", "accounts_exposed", "accounts_unexposed", "exposed_share"),
    *("e_value", "e_value_limit", "money", "money_low", "money_high"),
)
_METHOD = (
    "Hazard ratio of a month, complementary log-log, each contract term and month of it with its own baseline, "
    "adjusted for {adjust}. Leaving: the first end, model standard errors; expansion, which recurs: leaving out a "
    "fiftieth of the accounts at a time"
)
_PLAIN = {"size": "MRR", "plan": "plan", "intensity": "other use before"}


def adjustments(marts: Marts, *, names: str = "") -> tuple[str, ...]:
    """What is adjusted for besides the contract's term: size, plan, attributes known at sign-up, other use before.

    Parameters
    ----------
    names : attributes, with commas between; empty for all declared that are words or yes and no and have few levels
        (`risk.MOST_LEVELS`): of more, most would be put together, and each level costs evidence

    Raises
    ------
    SettingsError : an attribute is unknown, or not known at sign-up
    """
    columns = {attribute: column for column, attribute in risk.names(marts).items()}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in columns:
            raise SettingsError(
                "Links can be adjusted only for attributes known at sign-up: a later state may follow from the "
                f"outcome.\n  got:      {name}\n  remedy:   choose from {', '.join(sorted(columns)) or 'none'}"
            )
    kinds = {each.name: each.kind for each in attributes(marts.meta)}
    words = [name for name in sorted(columns) if kinds[name] in ("text", "boolean")]
    chosen = wanted or [name for name in words if _levels(marts, name) <= risk.MOST_LEVELS]
    return ("size", "plan", *dict.fromkeys(columns[name] for name in chosen), "intensity")


def _levels(marts: Marts, attribute: str) -> int:
    return int(marts.table("accounts")[attribute].nunique().execute())


def naive(
    marts: Marts,
    *,
    adjust: Sequence[str] = ("size", "plan", "intensity"),
    bands: int = 3,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """Accounts that ever adopted a feature against those that never did, from their first month: misleading.

    An adopter cannot leave before it adopts. Its months before that are counted as months with the feature, in which by
    construction it never leaves. Shown beside the others, adjusted alike, so that only the alignment in time differs.

    Returns
    -------
    Result as of `lagged`, keyed by ``feature, outcome``; no p, no E-value, no money.
    """

    def count(use: Use, heavy: bool) -> Counted:
        return adopters.by_hindsight(marts, use, adjust=adjust, bands=bands)

    # How far off it is needs no interval for expansion, which is the dear part.
    table = _table(marts, count, adjust=adjust, confidence=confidence, min_group=min_group, jackknife=False)
    table = table.assign(p=np.nan, e_value=np.nan, e_value_limit=np.nan, exposure="ever")
    return _result("feature_naive", table, marts, adjust, confidence, keys=("feature", "outcome"))


def landmark(
    marts: Marts,
    *,
    age: int = 3,
    adjust: Sequence[str] = ("size", "plan", "intensity"),
    bands: int = 3,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """Accounts that had adopted a feature by one age against those that had not, of those still here, from then on.

    Accounts without the feature may adopt it later, which draws the ratio towards 1: a check of direction, not of size.
    Of a feature that more than nine in ten adopt, how much it was used up to that age is compared.

    Parameters
    ----------
    age : in whole calendar months

    Returns
    -------
    Result as of `lagged`, keyed by ``feature, outcome``.

    References
    ----------
    Anderson, Cain and Gelber (1983).
    """
    if age < 1:
        raise SettingsError(f"Accounts are compared at an age of at least one month.\n  got:      {age}")

    def count(use: Use, heavy: bool) -> Counted:
        return adopters.at_age(marts, use, age=age, heavy=heavy, adjust=adjust, bands=bands)

    table = _table(marts, count, adjust=adjust, confidence=confidence, min_group=min_group)
    return _result("feature_landmark", table, marts, adjust, confidence, keys=("feature", "outcome"))


def lagged(
    marts: Marts,
    *,
    lags: Sequence[int] = (1, 2, 3, 6),
    main: int = 3,
    adjust: Sequence[str] = ("size", "plan", "intensity"),
    bands: int = 3,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """Regular use some whole months before against leaving and expanding, month by month.

    Regular use is the share of three months in which the feature was used; the ratio is of all three against none. Of a
    feature that more than nine in ten adopt it is how much it was used: the heaviest third against the lightest.

    Parameters
    ----------
    lags : whole months skipped between the three and the month at risk
    main : the one that verdicts go by; among ``lags`` in any case
    adjust : as `adjustments` gives them
    bands : of size and other use

    Returns
    -------
    Result keyed by ``feature, outcome, lag``, outcomes ``leaving`` (the first end) and ``expansion`` (recurrent, until
    then). ``estimate, low, high`` are hazard ratios; ``n`` accounts; further ``log_ratio, standard_error, p``,
    ``person_months, events`` (in them), ``events_exposed, events_unexposed`` (with any use, with none),
    ``accounts_exposed, accounts_unexposed`` (with a month of full use, with one of none), ``exposed_share`` (mean
    exposure), ``overlap`` (enough months on either side), ``exposure`` (``regular`` or ``intensity``), ``main``. At the
    main lag only: ``n`` and accounts, ``p_adjusted`` (Benjamini–Hochberg over features × outcomes), ``e_value,
    e_value_limit``, ``wind_down`` (the link loses half its log size from the shortest lag to the main one), and of
    leaving ``money, money_low, money_high`` (80 %): ARR of the accounts active that do not use it now (or, where the
    ratio is above 1, of those that do), times the difference in standardised 12-month retention between full use and
    none, a ceiling if the link were wholly causal; missing where the ratio's interval holds 1. Intervals of expansion
    are reckoned at the main lag only.

    Raises
    ------
    SettingsError : a lag is not a whole number of months from 1 on

    References
    ----------
    Fisher and Lin (1999) for time-dependent covariates; Suissa (2008) for immortal time; VanderWeele and Ding (2017).
    """
    every = sorted({*lags, main})
    if every[0] < 1:
        raise SettingsError(f"Use is read at least one whole month before.\n  got:      {every[0]}")
    parts = []
    for lag in every:

        def count(use: Use, heavy: bool, lag: int = lag) -> Counted:
            return adopters.earlier(marts, use, lag=lag, window=WINDOW, heavy=heavy, adjust=adjust, bands=bands)

        def worth(use: Use, heavy: bool, fit: HazardFit, lag: int = lag) -> dict[str, float]:
            here = adopters.standing(marts, use, lag=lag, window=WINDOW, heavy=heavy, adjust=adjust, bands=bands)
            return _money(fit, here)

        table = _table(
            marts,
            count,
            adjust=adjust,
            confidence=confidence,
            min_group=min_group,
            jackknife=lag == main,
            worth=worth if lag == main else None,
        )
        parts.append(table.assign(lag=lag, main=lag == main))
    table = pd.concat(parts, ignore_index=True)
    is_main = table["main"].to_numpy(bool)
    table.loc[is_main, "p_adjusted"] = multiplicity.benjamini_hochberg(table.loc[is_main, "p"].to_numpy(float))
    table["wind_down"] = _wind_down(table, shortest=every[0], main=main)
    table = table.sort_values(["feature", "outcome", "lag"], ascending=[True, False, True], kind="stable")
    return _result("feature_lagged", table, marts, adjust, confidence, keys=("feature", "outcome", "lag"))


def _table(
    marts: Marts,
    count: Callable[[Use, bool], Counted],
    *,
    adjust: Sequence[str],
    confidence: float,
    min_group: int,
    jackknife: bool = True,
    worth: Callable[[Use, bool, HazardFit], dict[str, float]] | None = None,
) -> pd.DataFrame:
    """Every feature and outcome, compared as ``count`` aligns them."""
    rows: list[dict[str, object]] = []
    for feature, adopted in _features(marts).itertuples(index=False):
        heavy = bool(adopted > WIDELY_ADOPTED)
        use = marts.once(("use", feature), lambda feature=feature: Use.of(marts, feature))
        counted = count(use, heavy)
        about = {"feature": feature, "exposure": "intensity" if heavy else "regular"}
        for outcome, events in OUTCOMES.items():
            row, fit = _ratio(
                counted,
                outcome=outcome,
                events=events,
                adjust=adjust,
                confidence=confidence,
                min_group=min_group,
                jackknife=jackknife,
            )
            # Money that could lie on either side of nothing is not worth reckoning.
            if worth is not None and fit is not None and outcome == "leaving" and not row["low"] <= 1 <= row["high"]:
                row |= worth(use, heavy, fit)
            rows.append(about | {"outcome": outcome} | row)
    columns = ["feature", "outcome", *_NUMBERS, "overlap", "exposure"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return table.astype(dict.fromkeys(_NUMBERS, float) | {"overlap": bool})


def _features(marts: Marts) -> pd.DataFrame:
    return marts.once(("features", AGED), lambda: adopters.features(marts, aged=AGED))


def _ratio(
    counted: Counted,
    *,
    outcome: str,
    events: str,
    adjust: Sequence[str],
    confidence: float,
    min_group: int,
    jackknife: bool,
) -> tuple[dict[str, object], HazardFit | None]:
    """One hazard ratio with all that it rests on; without an estimate where either side is too small."""
    cells = counted.cells
    at_risk, happened, exposure = (cells[name].to_numpy(float) for name in ("at_risk", events, "exposure"))
    months = float(at_risk.sum())
    share = float(at_risk @ exposure / months) if months else float("nan")
    some, none = float(at_risk[exposure > 0].sum()), float(at_risk[exposure == 0].sum())
    row: dict[str, object] = {
        "n": counted.accounts,
        "person_months": months,
        "events": float(happened.sum()),
        "events_exposed": float(happened[exposure > 0].sum()),
        "events_unexposed": float(happened[exposure == 0].sum()),
        "accounts_exposed": counted.exposed,
        "accounts_unexposed": counted.unexposed,
        "exposed_share": share,
        "overlap": bool(months and min(some, none) >= OVERLAP * months),
    }
    sides = (counted.exposed, counted.unexposed)
    if not months or not row["events"] or any(side is not None and not shown(side, min_group) for side in sides):
        return row, None
    recurrent = outcome == "expansion"
    fit = grouped_hazards.fit(
        cells,
        terms=["exposure"],
        categories=list(adjust),
        strata=list(_STRATA),
        events=events,
        group="group" if recurrent and jackknife else None,
        confidence=confidence,
    )
    found = fit.table[fit.table["term"] == "exposure"].iloc[0]
    row |= {"log_ratio": found["log_ratio"], "estimate": found["ratio"]}
    if recurrent and not jackknife:
        # The model's own error takes an account's expansions for those of so many accounts: too narrow to be shown.
        return row, fit
    row |= {name: found[name] for name in ("standard_error", "low", "high", "p")}
    with_it = counted.left if outcome == "leaving" else counted.grew
    if counted.accounts and not math.isnan(found["ratio"]):
        common = with_it / counted.accounts >= COMMON
        strength = evalue.e_value(found["ratio"], found["low"], found["high"], common=common)
        row |= {"e_value": strength.estimate, "e_value_limit": strength.limit}
    return row, fit


def _wind_down(table: pd.DataFrame, *, shortest: int, main: int) -> pd.Series:
    """Whether a clear link at the shortest lag has lost half its log size, or turned, by the main one."""
    flags = pd.Series(False, index=table.index)
    if shortest == main:
        return flags
    keyed = table.set_index(["feature", "outcome"])
    first = keyed[keyed["lag"] == shortest]
    for index, row in table[table["main"]].iterrows():
        short = first.loc[(row["feature"], row["outcome"])]
        if not short["p"] <= 0.05 or math.isnan(row["log_ratio"]):
            continue
        flags[index] = row["log_ratio"] * np.sign(short["log_ratio"]) <= abs(short["log_ratio"]) / 2
    return flags


def _money(fit: HazardFit, here: pd.DataFrame) -> dict[str, float]:
    """A year's recurring revenue in the difference between full use and none, over the accounts on the worse side.

    Parameters
    ----------
    here : as `adopters.standing` gives it
    """
    ratio = fit.table.loc[fit.table["term"] == "exposure", "log_ratio"].iloc[0]
    if math.isnan(ratio):
        return {}
    target = here[here["now"] == (0.0 if ratio < 0 else 1.0)]
    if target.empty:
        return {}
    best, worst = (1.0, 0.0) if ratio < 0 else (0.0, 1.0)
    found = standardised_survival.standardised_survival(
        fit, _paths(fit, target), term="exposure", levels=(best, worst), size="arr", confidence=MONEY_LEVEL
    )
    difference = found.table.set_index("quantity").loc["difference"]
    return {
        "money": float(difference["estimate"] * found.size),
        "money_low": float(difference["low"] * found.size),
        "money_high": float(difference["high"] * found.size),
    }


def _paths(fit: HazardFit, target: pd.DataFrame) -> pd.DataFrame:
    """The accounts' months ahead: their terms run on, everything else stays.

    Months of a term that lie beyond what was observed take the baseline of the same month a year (or a whole term)
    earlier.
    """
    seen = fit.design.baselines.to_frame(index=False)
    reach = seen.groupby("term")["since_term"].max()
    ahead = target.reset_index(drop=True).assign(profile=range(len(target)), exposure=0.0)
    steps = pd.DataFrame({"step": range(1, AHEAD + 1)})
    paths = ahead.merge(steps, how="cross")
    months = paths["since_term"] + paths["step"]
    furthest = paths["term"].map(reach).fillna(-1)
    cycle = np.lcm(12, np.maximum(paths["term"].to_numpy(int), 1))
    beyond = np.maximum(np.ceil((months - furthest) / cycle), 0)
    return paths.assign(since_term=(months - beyond * cycle).astype(int))


def _result(
    name: str, table: pd.DataFrame, marts: Marts, adjust: Sequence[str], confidence: float, *, keys: tuple[str, ...]
) -> Result:
    labels = {each.name: each.label for each in attributes(marts.meta)}
    given = {column: labels[attribute] for column, attribute in risk.names(marts).items()}
    adjusted = [_PLAIN.get(each) or given[each] for each in adjust]
    # Within a sentence a label begins small, unless it is an abbreviation.
    adjusted = [name[:1].lower() + name[1:] if name[1:2].islower() else name for name in adjusted]
    return Result(
        name=name,
        table=table.reset_index(drop=True),
        keys=keys,
        unit="ratio",
        level=confidence,
        n_of="accounts",
        reference="no use",
        family="features × outcomes",
        suppressed=int(table["estimate"].isna().sum()),
        method=_METHOD.format(adjust=", ".join(adjusted)),
        notes=(f"Compared at equal contract term, month of it, {', '.join(adjusted[:-1])} and {adjusted[-1]}.",),
    )
