"""Accounts whose use looks like that of a higher plan, or a lower one, and whether that foretells anything.

Use alone does not say that an account would pay more: it may already have all it needs. So the list comes with a test:
did accounts that were on such a list a year ago expand more often since than like accounts that were not?
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, plan_use
from customer_value.stats import intervals, multiplicity, ordered_index
from customer_value.stats.disclosure import MIN_GROUP, shown
from customer_value.stats.result import Result
from customer_value.stats.standardise import standardised_shares

UNDER, OVER, FITTING = "under", "over", "fitting"
"""Uses more than the middle account of the plan above; less than that of the plan below; neither."""

OUTCOMES = {UNDER: ("grew", "moved_up"), OVER: ("gave_up",)}
"""What is expected of accounts on either list, as columns of `plan_use.outcomes`."""

DOTS = 80
"""Accounts of a plan that are drawn, evenly spaced in the order of their use."""

MONEY_LEVEL = 0.80
"""Confidence of the limits that a contrast's money goes by."""

CAVEAT = "Use alone does not say that an account would pay more, or that it is about to pay less."


@dataclass(frozen=True)
class Comparison:
    """How use is compared with that of the next plan.

    Attributes
    ----------
    months : whole months over which use is taken
    tolerance : by how much an account must lie beyond the middle of the next plan, as a part of the middle half of
        that plan's accounts
    """

    months: int = 3
    tolerance: float = 0.10

    def __post_init__(self) -> None:
        if self.months < 1 or self.tolerance < 0:
            raise SettingsError(
                "Use is taken over whole months from 1 on, and the tolerance is not negative.\n"
                f"  got:      {self.months} months, tolerance {self.tolerance}"
            )


def accounts(
    marts: Marts, close: date, *, comparison: Comparison | None = None, min_group: int = MIN_GROUP
) -> pd.DataFrame:
    """Every account on a plan with its use as one index, and the list that it is on.

    The index is that mixture of all measures told (in logarithms) which best tells plans apart, for every account
    fitted to the accounts of other folds. A step of the ladder on which use does not tell the two plans apart (the
    lower limit of `ordered_index.concordance` is not above one half) puts nobody on a list.

    Returns
    -------
    The columns of `plan_use.accounts_at`, ``index``, ``side`` (`UNDER`, `OVER` or `FITTING`), ``other_plan`` (above or
    below), ``money, money_low, money_high``: what it would pay more (or less) a year by the difference of list prices
    at its present discount, per seat where seats are sold one by one, and a range; never below nothing.
    """
    comparison = comparison or Comparison()
    key = ("monetised", close, comparison, min_group)
    return marts.once(key, lambda: _accounts(marts, close, comparison, min_group)).copy()


def _accounts(marts: Marts, close: date, comparison: Comparison, min_group: int) -> pd.DataFrame:
    found = plan_use.accounts_at(marts, close, months=comparison.months)
    measures = [name for name in plan_use.MEASURES if name in found]
    logs = np.log1p(found[measures].to_numpy(float)) if measures else np.zeros((len(found), 0))
    index = ordered_index.cross_fitted_index(logs, found["rung"], found["fold"]) if len(found) else np.zeros(0)
    found = found.assign(index=index, side=FITTING, other_plan=None, money=0.0, money_low=0.0, money_high=0.0)
    for lower, higher in _steps(found, min_group):
        if not _apart(found, lower, higher):
            continue
        for own, other, side, sign in ((lower, higher, UNDER, 1), (higher, lower, OVER, -1)):
            theirs = found.loc[found["rung"] == other]
            middle, spread = theirs["index"].median(), np.subtract(*theirs["index"].quantile([0.75, 0.25]))
            beyond = sign * (found["index"] - middle) > comparison.tolerance * spread
            chosen = (found["rung"] == own) & beyond & (found["side"] == FITTING)
            found.loc[chosen, "side"] = side
            found.loc[chosen, "other_plan"] = theirs["plan"].iloc[0]
            names = ["money", "money_low", "money_high"]
            found.loc[chosen, names] = _worth(found[chosen], theirs, sign)
    return found


def _steps(found: pd.DataFrame, min_group: int) -> list[tuple[int, int]]:
    """Plans next to each other on the ladder that have enough accounts, as pairs of rungs, the lower first."""
    sizes = found.groupby("rung").size()
    rungs = sorted(rung for rung, n in sizes.items() if shown(n, min_group))
    return list(pairwise(rungs))


def _apart(found: pd.DataFrame, lower: int, higher: int) -> bool:
    told = ordered_index.concordance(*(found.loc[found["rung"] == rung, "index"] for rung in (lower, higher)))
    return told.low > 0.5 or told.estimate == 1


def _worth(chosen: pd.DataFrame, theirs: pd.DataFrame, sign: int) -> np.ndarray:
    """What a move to the other plan is worth a year: at the account's present discount, and a range.

    The range reaches to what the account would pay at the discounts that the middle half of the other plan's accounts
    have. Of a plan that costs nothing there is no discount.
    """
    by_seat = bool(chosen["per_seat"].any())
    units, others = (each["seats"].to_numpy(float) if by_seat else np.ones(len(each)) for each in (chosen, theirs))
    listed = float(np.median(theirs["list_mrr"].to_numpy(float) / others))
    each = theirs["plan_mrr"].to_numpy(float) / others
    paid = np.quantile(each / listed, [0.25, 0.75]) if listed > 0 else np.ones(2)
    now, full = (chosen[name].to_numpy(float) for name in ("plan_mrr", "list_mrr"))
    keeps = np.divide(now, full, out=np.ones(len(now)), where=full > 0)
    factors = np.column_stack([keeps, np.broadcast_to(paid, (len(chosen), 2))])
    gain = np.maximum(12 * sign * (units[:, None] * listed * factors - now[:, None]), 0.0)
    return np.column_stack([gain[:, 0], gain.min(axis=1), gain.max(axis=1)])


def plans(
    marts: Marts,
    close: date,
    *,
    comparison: Comparison | None = None,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """How well use tells neighbouring plans apart.

    Returns
    -------
    Result keyed by ``lower, higher`` (plans next to each other on the ladder): ``estimate`` is how often, of two
    accounts drawn at random, the one on the higher plan uses more (one half: use tells nothing); ``n`` both plans'
    accounts; ``apart`` (lower limit above one half). Plans of fewer than ``min_group`` accounts are passed over.

    References
    ----------
    See `customer_value.stats.ordered_index`.
    """
    found = accounts(marts, close, comparison=comparison, min_group=min_group)
    rows = []
    for pair in _steps(found, min_group):
        both = [found[found["rung"] == rung] for rung in pair]
        told = ordered_index.concordance(*(side["index"] for side in both), confidence=confidence)
        names = [side["plan"].iloc[0] for side in both]
        row = {"lower": names[0], "higher": names[1], "n": sum(map(len, both)), "apart": _apart(found, *pair)}
        rows.append(row | {"estimate": told.estimate, "low": told.low, "high": told.high})
    columns = ["lower", "higher", "estimate", "low", "high", "n", "apart"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    table = table.astype(dict.fromkeys(columns[2:5], float) | {"apart": bool})
    return _result("plans_by_use", table, ("lower", "higher"), "share", confidence)


def totals(
    marts: Marts,
    close: date,
    *,
    comparison: Comparison | None = None,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """How many accounts use as much as the plan above, or as little as the plan below, and the money in it.

    Returns
    -------
    Result keyed by ``side, plan, other_plan``: share of the plan's accounts that are on the list (Wilson), ``n`` its
    accounts, ``events`` those on the list, ``money, money_low, money_high`` a year, added up over them. A step of the
    ladder on which use does not tell plans apart has no row.
    """
    found = accounts(marts, close, comparison=comparison, min_group=min_group)
    rows = []
    for lower, higher in _steps(found, min_group):
        if not _apart(found, lower, higher):
            continue
        for own, other, side in ((lower, higher, UNDER), (higher, lower, OVER)):
            of_plan = found[found["rung"] == own]
            listed = of_plan[of_plan["side"] == side]
            share = intervals.wilson(len(listed), len(of_plan), confidence=confidence)
            row = {"side": side, "plan": of_plan["plan"].iloc[0], "n": len(of_plan), "events": len(listed)}
            row["other_plan"] = found.loc[found["rung"] == other, "plan"].iloc[0]
            row |= dict(zip(("estimate", "low", "high"), map(float, share), strict=True))
            rows.append(row | {name: float(listed[name].sum()) for name in ("money", "money_low", "money_high")})
    columns = ["side", "plan", "other_plan", "estimate", "low", "high", "n", "events"]
    columns += ["money", "money_low", "money_high"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    numbers = dict.fromkeys([*columns[3:6], *columns[8:]], float)
    table = table.astype(numbers).sort_values("side", ascending=False, kind="stable")
    return _result("monetised_by_plan", table, ("side", "plan", "other_plan"), "share", confidence)


def listed(marts: Marts, close: date, *, comparison: Comparison | None = None, min_group: int = MIN_GROUP) -> Result:
    """The accounts on either list, those with most money in it first.

    Returns
    -------
    Result keyed by ``customer_id``: ``estimate, low, high`` money a year, ``side, name, owner, plan, other_plan, mrr,
    seats``, ``index`` (the place on the ladder that its use points to).
    """
    found = accounts(marts, close, comparison=comparison, min_group=min_group)
    about = marts.frame("accounts")[["customer_id", "name", "owner"]]
    found = found[found["side"] != FITTING].merge(about, on="customer_id", how="left", validate="one_to_one")
    found = found.rename(columns={"money": "estimate", "money_low": "low", "money_high": "high"})
    found = found.sort_values(["estimate", "customer_id"], ascending=[False, True], kind="stable")
    columns = ["customer_id", "name", "owner", "side", "plan", "other_plan", "estimate", "low", "high", "mrr", "seats"]
    return _result("monetised_accounts", found[[*columns, "index"]], ("customer_id",), "money", None)


def strips(marts: Marts, close: date, *, comparison: Comparison | None = None, min_group: int = MIN_GROUP) -> Result:
    """What of every plan's accounts is drawn: some of them in the order of their use, and the plan's middle.

    Returns
    -------
    Result keyed by ``plan, place``, plans from the lowest: ``estimate`` (the index), ``side``, ``middle`` (the plan's
    median), ``n`` (its accounts), ``under, over`` (how many of them are on either list).
    """
    found = accounts(marts, close, comparison=comparison, min_group=min_group)
    rows = []
    for _, of_plan in found.groupby("rung"):
        if not shown(len(of_plan), min_group):
            continue
        ordered = of_plan.sort_values(["index", "customer_id"], kind="stable")
        places = np.unique(np.linspace(0, len(ordered) - 1, min(DOTS, len(ordered))).round().astype(int))
        drawn = ordered.iloc[places][["plan", "index", "side"]].rename(columns={"index": "estimate"})
        counted = {side: int((of_plan["side"] == side).sum()) for side in (UNDER, OVER)}
        rows.append(drawn.assign(place=places, middle=of_plan["index"].median(), n=len(of_plan), **counted))
    columns = ["plan", "place", "estimate", "side", "middle", "n", UNDER, OVER]
    table = pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
    return _result("use_by_plan", table, ("plan", "place"), "ratio", None)


def validation(
    marts: Marts,
    *,
    start: date,
    end: date,
    comparison: Comparison | None = None,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
) -> Result:
    """Whether accounts on the lists as they were at ``start`` did what is expected of them by ``end``.

    Each list is compared with the accounts that fitted their plan, on steps of the ladder that put anybody on it: as
    they are, and at equal size, contract term, whether it came due, plan and age.

    Returns
    -------
    Result keyed by ``side, outcome, kind`` (``raw``, ``adjusted``): difference in points; ``share, rest_share``, ``n``
    and ``n_rest``; of adjusted rows ``p`` and ``p_adjusted`` (Benjamini–Hochberg), and ``money_low, money_high``, the
    limits (80 %) that money goes by; ``overlap``, ``adjusted_for``.

    References
    ----------
    Anderson, Cain and Gelber (1983) for the landmark; see `customer_value.stats.standardise`.
    """
    found = accounts(marts, start, comparison=comparison, min_group=min_group)
    base = plan_use.outcomes(marts, start=start, end=end)
    base = base.merge(found[["customer_id", "side", "rung"]], on="customer_id", how="inner", validate="one_to_one")
    months = (pd.Timestamp(start) - base["origin_date"]).dt.days / (365.25 / 12)
    known = pd.DataFrame(
        {
            "size": np.log(base["start_mrr"].astype(float)),
            "term": base["term"].map(lambda term: None if pd.isna(term) else f"{term:g}"),
            "due": base["due"].astype(bool),
            "plan": base["plan"],
            "age": np.log1p(months.clip(lower=0)),
        }
    )
    rows = []
    for side, outcomes in OUTCOMES.items():
        listed_on = base.loc[base["side"] == side, "rung"].unique()
        among = (base["rung"].isin(listed_on) & base["side"].isin([side, FITTING])).to_numpy()
        group = (base["side"] == side)[among].map({True: side, False: FITTING}).reset_index(drop=True)
        covariates = known[among].reset_index(drop=True)
        covariates = covariates.loc[:, covariates.nunique(dropna=False) > 1]
        for outcome in outcomes:
            happened = base.loc[among, outcome].to_numpy(float)
            for kind, columns in (("raw", covariates.iloc[:, :0]), ("adjusted", covariates)):
                row: dict[str, object] = {"side": side, "outcome": outcome, "kind": kind}
                row |= {"n": int((group == side).sum()), "n_rest": int((group == FITTING).sum())}
                if min(row["n"], row["n_rest"]) > 0:
                    options = {"reference": FITTING, "confidence": confidence, "min_group": min_group}
                    row |= standardised_shares(happened, group, columns, **options).loc[side].to_dict()
                if kind == "adjusted" and not np.isnan(row.get("estimate", np.nan)):
                    rough = standardised_shares(happened, group, columns, **(options | {"confidence": MONEY_LEVEL}))
                    row |= {"money_low": rough.loc[side, "low"], "money_high": rough.loc[side, "high"]}
                rows.append(row | {"adjusted_for": ", ".join(columns)})
    names = ["estimate", "low", "high", "n", "n_rest", "share", "rest_share", "p", "overlap", "money_low", "money_high"]
    table = pd.DataFrame(rows).reindex(columns=["side", "outcome", "kind", *names, "adjusted_for"])
    table = table.astype(dict.fromkeys([name for name in names if name not in ("n", "n_rest")], float))
    table.loc[table["kind"] == "raw", "p"] = np.nan
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return _result("monetisation_validated", table, ("side", "outcome", "kind"), "points", confidence)


def _result(name: str, table: pd.DataFrame, keys: tuple[str, ...], unit: str, confidence: float | None) -> Result:
    return Result(
        name=name,
        table=table.reset_index(drop=True),
        keys=keys,
        unit=unit,
        level=confidence,
        n_of="accounts",
        reference="accounts whose use fits their plan",
        family="use and plans",
        suppressed=int(table["estimate"].isna().sum()),
        method="Use as one cross-fitted index that best tells plans apart; an account is listed that lies beyond the "
        "middle account of the neighbouring plan",
        notes=(CAVEAT,) if name == "monetised_accounts" else (),
    )
