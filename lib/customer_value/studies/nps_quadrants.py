"""What became of accounts after they answered: by what they said, and by what they said and how much they use.

Accounts stand at one close, the reference: what they said in the months before it, how much they used until then. What
became of them is counted from there on, point to point, so that nobody's answer or use is read after the outcome has
begun. The last whole month before the reference is skipped, so that the answers of accounts that are leaving already do
not pass for foresight.

Comparisons are at equal size, plan and contract term, with the raw ones beside them. Whoever is satisfied differs in
more than these, and only those who answer are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts import Marts, standing
from customer_value.marts.bases import period_base
from customer_value.marts.periods import Period
from customer_value.stats import closed_cohort, intervals, multiplicity, standardise
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result

METRICS = {"logo_retention": "logo", "grr": "gross", "nrr": "net", "expansion_rate": "expansion_rate"}
"""Outcomes by their names here and in `closed_cohort`."""

COMPARED = ("logo_retention", "grr", "expansion_rate")
"""Outcomes that groups are compared by."""

RATINGS = standing.RATINGS

QUADRANTS = ("champions", "sleepers", "hostages", "at_risk")
"""High use and satisfied, low use and satisfied, high use and not satisfied, low use and not satisfied."""

NO_ANSWER, NO_USE = "no_answer", "no_use"
"""Accounts that did not answer, and those that did but whose use is not told: lines of their own, never dropped."""

GRID_USAGE, GRID_SATISFACTION, GRID_LAG = (1 / 3, 1 / 2, 2 / 3), (7.0, 9.0), (0, 3)
"""Other cuts, and months between use and the reference, that the quadrants are tried with."""

MONEY_LEVEL = 0.80
"""Confidence of the interval of a contrast's money; decisions are ranked by its lower end."""

BIASED_NOTE = "Only accounts that answered are compared; what those who did not answer think is not known."
ACCOUNT_NOTE = (
    "An account's score is the mean over its respondents, each by the latest answer in the time looked at; between two "
    "ratings it belongs to the lower."
)


@dataclass(frozen=True)
class Cuts:
    """Where accounts are parted, and from which months.

    Attributes
    ----------
    usage_quantile : use is high from this quantile of all accounts on; not at all is never high
    satisfied_from : the score from which an account is satisfied; 7 leaves only detractors below
    window : how many months an answer holds
    skip : whole months between an answer and the close that outcomes are counted from
    usage_months : over how many whole months use is taken
    usage_lag : how many months before that close they end. Use falls before an account leaves: taken right up to the
        close, use that means nothing would look as if it kept accounts (by one to two points where the use of leavers
        falls to a quarter in their last two to three months; with three months between, by none)

    Raises
    ------
    SettingsError : a value is impossible
    """

    usage_quantile: float = 0.5
    satisfied_from: float = 7.0
    window: int = 12
    skip: int = 1
    usage_months: int = 3
    usage_lag: int = 3

    def __post_init__(self) -> None:
        for name, holds, rule in (
            ("usage_quantile", 0 < self.usage_quantile < 1, "a number between 0 and 1, such as 0.5"),
            ("satisfied_from", 0 < self.satisfied_from <= 10, "a score above 0, up to 10"),
            ("window", self.window >= 1, "a number of months from 1"),
            ("skip", self.skip >= 0, "a number of months from 0"),
            ("usage_months", self.usage_months >= 1, "a number of months from 1"),
            ("usage_lag", self.usage_lag >= 0, "a number of months from 0"),
        ):
            if not holds:
                raise SettingsError(
                    f"{name} must be {rule}.\n  got:      {getattr(self, name)!r}\n"
                    "  remedy:   correct the chapter's parameter, or leave it out"
                )

    @property
    def now(self) -> Cuts:
        """The same for the state of today, whose outcome is not read: nothing is skipped."""
        return replace(self, skip=0, usage_lag=0)


@dataclass(frozen=True)
class FollowUp:
    """The reference close and the close until which accounts are followed.

    Attributes
    ----------
    start, end : the two closes
    answered : accounts active at ``start`` that had answered in time (and whose use is known, where it must be)
    asked_for : whether ``start`` is the one asked for; else it was moved so that there are answers before it
    """

    start: date
    end: date
    answered: int
    asked_for: bool

    @property
    def span(self) -> dict[str, date]:
        """As options of the studies."""
        return {"start": self.start, "end": self.end}


def follow_up(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), with_use: bool = False, min_group: int = 30
) -> FollowUp:
    """The longest time over which accounts that answered can be followed.

    The period asked for where at least ``min_group`` accounts active at its start had answered by then; else it begins
    nine, six or three months before ``end``, whichever is the first with so many; if none is, the one with the most.

    Parameters
    ----------
    start, end : the closes of the period asked for
    with_use : whether an account's use must be known as well
    """
    tried = []
    for close in (start, *(standing.months_earlier(end, months) for months in (9, 6, 3))):
        if tried and close <= tried[-1].start:
            continue
        found = _standing(marts, close, cuts)
        known = found["score"].notna() & (found["usage"].notna() if with_use else True)
        tried.append(FollowUp(close, end, int(known.sum()), asked_for=close == start))
        if shown(tried[-1].answered, min_group):
            return tried[-1]
    return max(tried, key=lambda each: each.answered)


def outcomes(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), confidence: float = 0.95, min_group: int = 30
) -> Result:
    """What became of accounts by what they had said: promoters, passives, detractors, and those who did not answer.

    Parameters
    ----------
    start : the reference close; accounts active then are followed
    end : the close until which they are followed
    cuts : of it ``window`` and ``skip``

    Returns
    -------
    Result keyed by ``group, metric``; ``group`` is ``all``, one of `RATINGS` or `NO_ANSWER`; ``unit`` by row. Metrics:
    ``customers`` and ``mrr`` at ``start``, then `METRICS`. Groups of fewer than ``min_group`` accounts show ``n`` only,
    ``all`` always shows.

    Raises
    ------
    SettingsError : nobody was a customer at ``start``, or the days do not lie in the data
    """
    base = _base(marts, start, end, cuts)
    groups = base["rating"].fillna(NO_ANSWER)
    return _described(
        "satisfaction_outcomes", base, groups, (*RATINGS, NO_ANSWER), confidence=confidence, min_group=min_group
    )


def outcome_contrasts(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Promoters, and detractors, each against all other accounts that answered.

    Returns
    -------
    Result as of `quadrant_contrasts`, ``group`` being ``promoter`` or ``detractor``.
    """
    base = _base(marts, start, end, cuts)
    now = _standing(marts, marts.meta.as_of, cuts.now)
    return _contrasts(
        "satisfaction_contrasts",
        base,
        base["rating"],
        ("promoter", "detractor"),
        now=now.assign(group=now["rating"]) if Period(start, end).about_a_year else None,
        confidence=confidence,
        min_group=min_group,
    )


def quadrants(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Accounts by use and satisfaction at the reference close, and what became of them.

    Parameters
    ----------
    start, end : as in `outcomes`
    cuts : where use and satisfaction are high

    Returns
    -------
    Result keyed by ``group, metric`` as in `outcomes`; ``group`` is ``all``, one of `QUADRANTS`, `NO_ANSWER` or
    `NO_USE`. Customers and MRR of the groups add up to those of ``all``.

    Raises
    ------
    SettingsError : as `outcomes`
    """
    base = _base(marts, start, end, cuts)
    groups = _placed(base, cuts)
    order = (*QUADRANTS, NO_ANSWER, *((NO_USE,) if (groups == NO_USE).any() else ()))
    return _described("satisfaction_quadrants", base, groups, order, confidence=confidence, min_group=min_group)


def quadrant_contrasts(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), confidence: float = 0.95, min_group: int = 30
) -> Result:
    """Each quadrant against all other accounts that answered.

    Returns
    -------
    Result keyed by ``group, metric`` (`COMPARED`), differences in points of a share, group minus rest, at equal size,
    plan and contract term. Columns besides the usual: ``n_rest``, ``p_adjusted`` (Benjamini–Hochberg over the table);
    ``group_share, rest_share, raw, raw_low, raw_high, raw_p`` as they are; ``overlap`` (share of accounts in the range
    of covariates that both sides have), ``few_accounts``; for ``grr`` ``money, money_low, money_high`` (80 % interval,
    a year's recurring revenue) with ``target``: what the side that keeps less (``group`` or ``rest``, its accounts
    active and placed now) would keep on top if it kept what the other side does, a ceiling if the link were wholly
    causal. Money is missing unless the period is about a year.
    """
    base = _base(marts, start, end, cuts)
    return _contrasts(
        "quadrant_contrasts",
        base,
        _placed(base, cuts),
        QUADRANTS,
        now=_today(marts, cuts) if Period(start, end).about_a_year else None,
        confidence=confidence,
        min_group=min_group,
    )


def sensitivity(
    marts: Marts, *, start: date, end: date, cuts: Cuts = Cuts(), confidence: float = 0.95, min_group: int = 30
) -> Result:
    """The contrasts of the quadrants for other cuts, with use taken right up to the reference and three months earlier.

    Low use just before the reference may be leaving already; three months earlier it hardly can be.

    Returns
    -------
    Result keyed by ``usage_quantile, satisfied_from, usage_lag, group, metric`` (``logo_retention`` and ``grr``), a
    difference a row as in `quadrant_contrasts`, without money.
    """
    keys = ("usage_quantile", "satisfied_from", "usage_lag")
    tables = []
    for values in product(GRID_USAGE, GRID_SATISFACTION, GRID_LAG):
        tried = dict(zip(keys, values, strict=True))
        other = replace(cuts, **tried)
        base = _base(marts, start, end, other)
        found = _contrasts(
            "quadrant_sensitivity",
            base,
            _placed(base, other),
            QUADRANTS,
            now=None,
            metrics=("logo_retention", "grr"),
            confidence=confidence,
            min_group=min_group,
        )
        tables.append(found.table.assign(**tried))
    table = pd.concat(tables, ignore_index=True)
    columns = [*keys, "group", "metric", "estimate", "low", "high", "n", "n_rest", "few_accounts"]
    return Result(
        name="quadrant_sensitivity",
        table=table[columns],
        keys=(*keys, "group", "metric"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts that answered",
        suppressed=int(table["estimate"].isna().sum()),
        method="As the contrasts of the quadrants, for every combination of cuts",
    )


def today(marts: Marts, *, cuts: Cuts = Cuts()) -> Result:
    """How many accounts stand in each quadrant at the as-of close, and what they pay.

    Returns
    -------
    Result keyed by ``group``: ``estimate`` and ``n`` accounts, ``mrr`` and ``mrr_share``; every active account is in
    one line.
    """
    now = _today(marts, cuts)
    total = float(now["mrr"].sum())
    rows = []
    for group in (*QUADRANTS, NO_ANSWER, NO_USE):
        members = now[now["group"] == group]
        if group == NO_USE and members.empty:
            continue
        mrr = float(members["mrr"].sum())
        share = mrr / total if total > 0 else np.nan
        rows.append(
            {"group": group, "estimate": float(len(members)), "n": len(members), "mrr": mrr, "mrr_share": share}
        )
    return Result(
        name="quadrants_today",
        table=pd.DataFrame(rows),
        keys=("group",),
        unit="count",
        level=None,
        n_of="accounts",
        method="Accounts active at the as-of close, by use and satisfaction then",
        notes=(ACCOUNT_NOTE,),
    )


def accounts_today(marts: Marts, *, cuts: Cuts = Cuts()) -> Result:
    """Every active account with its quadrant, score and use, those that pay most first.

    Returns
    -------
    Result keyed by ``customer_id``: ``estimate`` is MRR; ``name, group, plan, score, usage`` besides.
    """
    now = _today(marts, cuts)
    names = marts.frame("accounts").set_index("customer_id")["name"]
    now = now.assign(name=now["customer_id"].map(names).fillna(now["customer_id"]), estimate=now["mrr"])
    ordered = now.sort_values(["mrr", "customer_id"], ascending=[False, True])
    return Result(
        name="accounts_by_quadrant",
        table=ordered[["customer_id", "name", "group", "plan", "estimate", "score", "usage"]].reset_index(drop=True),
        keys=("customer_id",),
        unit="money",
        level=None,
        n_of="accounts",
        method="Accounts active at the as-of close, by use and satisfaction then",
    )


def moves(marts: Marts, *, start: date, cuts: Cuts = Cuts()) -> Result:
    """Where the accounts of each quadrant at the close of ``start`` stand today.

    Returns
    -------
    Result keyed by ``group, group_now``: ``estimate`` accounts, ``n`` those of ``group``; ``group_now`` may be
    ``left``.
    """
    then = _standing(marts, start, cuts.now)
    then = then.assign(group=_placed(then, cuts))
    now = _today(marts, cuts).set_index("customer_id")["group"]
    then["group_now"] = then["customer_id"].map(now).fillna("left")
    order, targets = (*QUADRANTS, NO_ANSWER, NO_USE), (*QUADRANTS, NO_ANSWER, NO_USE, "left")
    counted = pd.crosstab(then["group"], then["group_now"]).reindex(index=order, columns=targets, fill_value=0)
    counted = counted.loc[counted.sum(axis=1) > 0, counted.sum(axis=0) > 0]
    table = counted.stack().rename("estimate").astype(float).reset_index()
    return Result(
        name="quadrant_moves",
        table=table.assign(n=table["group"].map(counted.sum(axis=1)).astype(int)),
        keys=("group", "group_now"),
        unit="count",
        level=None,
        n_of="accounts",
        method="Accounts active at the first close, by quadrant then and at the as-of close",
    )


# -- who stands where -------------------------------------------------------------------------------------------------


def _standing(marts: Marts, close: date, cuts: Cuts) -> pd.DataFrame:
    return standing.standing(
        marts, close, window=cuts.window, skip=cuts.skip, usage_months=cuts.usage_months, usage_lag=cuts.usage_lag
    )


def _base(marts: Marts, start: date, end: date, cuts: Cuts) -> pd.DataFrame:
    """The accounts active at the reference, what became of them, what they had said and how much they used."""
    found = _standing(marts, start, cuts)[["customer_id", "score", "rating", "usage"]]
    return period_base(marts, start=start, end=end).merge(found, on="customer_id", how="left")


def _placed(accounts: pd.DataFrame, cuts: Cuts) -> pd.Series:
    """The quadrant of each account, `NO_ANSWER` or `NO_USE`."""
    usage = accounts["usage"].astype(float)
    cut = usage.quantile(cuts.usage_quantile) if usage.notna().any() else np.nan
    high, satisfied = (usage >= cut) & (usage > 0), accounts["score"] >= cuts.satisfied_from
    named = np.select(
        [accounts["score"].isna(), usage.isna(), high & satisfied, satisfied, high],
        [NO_ANSWER, NO_USE, "champions", "sleepers", "hostages"],
        "at_risk",
    )
    return pd.Series(named, index=accounts.index, dtype=object)


def _today(marts: Marts, cuts: Cuts) -> pd.DataFrame:
    now = _standing(marts, marts.meta.as_of, cuts.now)
    return now.assign(group=_placed(now, cuts))


# -- what became of them ----------------------------------------------------------------------------------------------


def _described(
    name: str, base: pd.DataFrame, groups: pd.Series, order: Sequence[str], *, confidence: float, min_group: int
) -> Result:
    """Size and outcomes of every group and of all accounts."""
    rows = []
    for group in ("all", *order):
        members = base if group == "all" else base[groups == group]
        n, mrr = len(members), float(members["start_mrr"].sum())
        rows.append({"group": group, "metric": "customers", "estimate": float(n), "n": n, "unit": "count"})
        rows.append({"group": group, "metric": "mrr", "estimate": mrr, "n": n, "unit": "money"})
        found = closed_cohort.estimates(
            members["start_mrr"],
            members["end_mrr"],
            members["lost"],
            confidence=confidence,
            min_group=1 if group == "all" else min_group,
        )
        rows += [
            found.loc[key].to_dict() | {"group": group, "metric": metric, "unit": "share"}
            for metric, key in METRICS.items()
        ]
    table = pd.DataFrame(rows).reindex(columns=["group", "metric", *closed_cohort.COLUMNS, "unit"])
    return Result(
        name=name,
        table=table,
        keys=("group", "metric"),
        unit="by row",
        level=confidence,
        n_of="accounts",
        reference="all",
        suppressed=int(table["estimate"].isna().sum()),
        method=closed_cohort.METHOD,
        notes=(ACCOUNT_NOTE,),
    )


def _contrasts(
    name: str,
    base: pd.DataFrame,
    groups: pd.Series,
    candidates: Sequence[str],
    *,
    now: pd.DataFrame | None,
    metrics: Sequence[str] = COMPARED,
    confidence: float,
    min_group: int,
) -> Result:
    """Each candidate against the other accounts that answered (and, for quadrants, whose use is told)."""
    compared = groups.isin([*RATINGS, *QUADRANTS]).to_numpy()
    among, named = base[compared], groups[compared]
    covariates = _covariates(among)
    rows = []
    for candidate in candidates:
        inside = (named == candidate).to_numpy()
        found = [
            closed_cohort.estimates(
                side["start_mrr"], side["end_mrr"], side["lost"], confidence=confidence, min_group=min_group
            )
            for side in (among[inside], among[~inside])
        ]
        for metric in metrics:
            one, two = (side.loc[METRICS[metric]] for side in found)
            row = {
                "group": candidate,
                "metric": metric,
                "n": int(inside.sum()),
                "n_rest": int((~inside).sum()),
                "group_share": one["estimate"],
                "rest_share": two["estimate"],
                "few_accounts": bool(one["few_accounts"] or two["few_accounts"]),
            }
            if pd.notna(one["estimate"]) and pd.notna(two["estimate"]):
                difference = intervals.share_difference(
                    one["estimate"], one["effective_n"], two["estimate"], two["effective_n"], confidence=confidence
                )
                row |= dict(zip(("raw", "raw_low", "raw_high", "raw_p"), map(float, difference), strict=True))
                at_equal = _adjusted(metric, among, inside, covariates, confidence=confidence, min_group=min_group)
                row |= {key: at_equal[key] for key in ("estimate", "low", "high", "p", "overlap")}
                if metric == "grr" and now is not None:
                    rough = _adjusted(metric, among, inside, covariates, confidence=MONEY_LEVEL, min_group=min_group)
                    row |= _money(rough, now=now, group=candidate)
            rows.append(row)
    columns = ["group", "metric", "estimate", "low", "high", "n", "n_rest", "group_share", "rest_share", "p"]
    columns += ["p_adjusted", "raw", "raw_low", "raw_high", "raw_p", "overlap", "few_accounts"]
    columns += ["money", "money_low", "money_high", "target"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    words = ("group", "metric", "n", "n_rest", "few_accounts", "target")
    table = table.astype({column: float for column in columns if column not in words} | {"target": object})
    table["p_adjusted"] = multiplicity.benjamini_hochberg(table["p"])
    return Result(
        name=name,
        table=table,
        keys=("group", "metric"),
        unit="points",
        level=confidence,
        n_of="accounts",
        reference="all other accounts that answered",
        family=name,
        suppressed=int(table["estimate"].isna().sum()),
        method="Group minus all other accounts that answered, standardised to equal size, plan and contract term "
        "(logistic model); beside it raw: Newcombe, for gross retention on effective numbers of accounts",
        notes=(BIASED_NOTE, ACCOUNT_NOTE),
    )


def _covariates(base: pd.DataFrame) -> pd.DataFrame:
    """What accounts are made equal in: size, plan and contract term at the reference."""
    return pd.DataFrame(
        {
            "size": np.log(base["start_mrr"].astype(float)),
            "plan": base["plan"],
            "term": base["term"].map(lambda months: None if pd.isna(months) else f"{months:.0f}").astype(object),
        }
    ).reset_index(drop=True)


def _adjusted(
    metric: str, base: pd.DataFrame, inside: np.ndarray, covariates: pd.DataFrame, *, confidence: float, min_group: int
) -> pd.Series:
    """The difference at equal covariates; missing where they tell the group entirely."""
    before, after = base["start_mrr"].to_numpy(float), base["end_mrr"].to_numpy(float)
    outcome, weight = {
        "logo_retention": (~base["lost"].to_numpy(bool), None),
        "grr": (np.minimum(before, after) / before, before),
        "expansion_rate": (after > before, None),
    }[metric]
    return standardise.standardised_shares(
        outcome, inside, covariates, weight=weight, confidence=confidence, min_group=min_group
    ).loc[True]


def _money(at_equal: pd.Series, *, now: pd.DataFrame, group: str) -> dict[str, object]:
    """A year's recurring revenue that the side keeping less would keep on top, were it like the other."""
    target = "group" if at_equal["estimate"] < 0 else "rest"
    reached = now["group"] == group
    if target == "rest":
        reached = now["group"].isin([*RATINGS, *QUADRANTS]) & ~reached
    if not reached.any() or pd.isna(at_equal["estimate"]):
        return {}
    arr = 12 * float(now.loc[reached, "mrr"].sum())
    ends = sorted(arr * (1 if target == "rest" else -1) * at_equal[end] for end in ("low", "high"))
    return {"money": arr * abs(at_equal["estimate"]), "money_low": ends[0], "money_high": ends[1], "target": target}
