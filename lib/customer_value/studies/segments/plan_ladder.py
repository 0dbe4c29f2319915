"""The plan ladder: who moves up, who moves down, who leaves, how long that takes, and where the ladder breaks.

Moving up, moving down and leaving compete: who leaves can no longer move up. So shares by months on a plan are
cumulative incidences (Aalen–Johansen), not one minus a survival curve that takes leavers for merely unseen.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import period_base
from customer_value.marts.ladder import PRICED, ladder, plans_at
from customer_value.stats import competing_risks, intervals, multiplicity, standardise
from customer_value.stats.disclosure import shown
from customer_value.stats.result import Result
from customer_value.studies.segments.alike import covariates

WAYS = ("up", "down", "left")
"""What ends a stay on a plan."""

LEFT, UNNAMED = "left", "no named plan"
"""Where an account can be at the end of a period besides on a plan."""

FIRST_STAY_NOTE = "Only each account's first stay on a plan counts, if the data show its beginning."


def moves(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Where the accounts of every plan at the close of ``start`` are at the close of ``end``.

    Point to point: who moved up and back down is where it was; who left at any time has left, even if it is back.

    Returns
    -------
    Result keyed by ``plan, plan_now`` (a plan, `LEFT` or `UNNAMED`), the lowest plan first: ``estimate`` is the share
    of the plan's accounts (Wilson), ``n`` its accounts; ``accounts``, ``mrr`` (when the period began), ``mrr_share``
    (of the plan's) and ``mrr_now`` of the cell; ``way`` (``up``, ``down``, ``same``, ``aside`` on a plan of the same
    rank, ``left`` or ``unnamed``); ``rung``. Plans of fewer than ``min_group`` accounts show counts only.

    Raises
    ------
    SettingsError : as `customer_value.marts.bases.period_base`
    """
    base, rungs = _base(marts, start, end)
    rows = []
    for plan in rungs.index:
        members = base[base["plan"] == plan]
        for target in (*rungs.index, LEFT, UNNAMED):
            cell = members[members["plan_now"] == target]
            if target == UNNAMED and cell.empty:
                continue
            mrr, of = float(cell["start_mrr"].sum()), float(members["start_mrr"].sum())
            rows.append(
                {
                    "plan": plan,
                    "plan_now": target,
                    "n": len(members),
                    "accounts": len(cell),
                    "mrr": mrr,
                    "mrr_share": mrr / of if of > 0 else np.nan,
                    "mrr_now": float(cell["end_mrr"].sum()),
                    "way": _way(rungs, plan, target),
                    "rung": int(rungs[plan]),
                }
            )
    columns = ["plan", "plan_now", "estimate", "low", "high", "n", "accounts", "mrr", "mrr_share", "mrr_now"]
    table = pd.DataFrame(rows).reindex(columns=[*columns, "way", "rung"])
    share, low, high = intervals.wilson(table["accounts"].fillna(0), table["n"].fillna(0), confidence=confidence)
    seen = shown(table["n"], min_group)
    for column, values in (("estimate", share), ("low", low), ("high", high)):
        table[column] = np.where(seen, values, np.nan)
    return Result(
        name="plan_moves",
        table=table,
        keys=("plan", "plan_now"),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
        method="Accounts active at the first close by plan then and at the second; left at any time is left. Wilson",
        notes=_notes(marts),
    )


def steps(marts: Marts, *, start: date, end: date, confidence: float = 0.95, min_group: int = 30) -> Result:
    """Every plan's share of accounts that moved up, and that left, against the other plans.

    Returns
    -------
    Result keyed by ``plan, metric``, the lowest first: metric ``up`` (of plans with one above) and ``left``.
    ``estimate`` is the share (Wilson), ``n`` the accounts, ``events`` how many; ``next_plan`` the one above. Against
    all other plans that can: ``rest_share``, ``raw`` (difference), and at equal size, contract term, whether it came
    due, and age (of moving up without size, which the plan nearly is) ``difference, difference_low,
    difference_high``, ``p``, ``p_adjusted`` (Holm within the metric), ``overlap``.
    """
    base, rungs = _base(marts, start, end)
    origins = marts.frame("accounts").set_index("customer_id")["origin_date"]
    known = covariates(base.assign(origin_date=base["customer_id"].map(origins)), start=start).drop(columns="plan")
    above = {plan: rungs[rungs > rungs[plan]].index[0] for plan in rungs.index if (rungs > rungs[plan]).any()}
    moved_up = np.array([_way(rungs, *pair) == "up" for pair in base[["plan", "plan_now"]].itertuples(index=False)])
    outcomes = {"up": moved_up, "left": base["lost"].to_numpy(dtype=bool)}
    among = {"up": base["plan"].isin(list(above)).to_numpy(), "left": base["plan"].isin(rungs.index).to_numpy()}
    rows = []
    for metric, outcome in outcomes.items():
        inside = among[metric]
        of, used = base[inside], known[inside].drop(columns=["size"] if metric == "up" else [])
        found = standardise.standardised_shares(
            outcome[inside], of["plan"], used, confidence=confidence, min_group=min_group
        )
        for plan in rungs.index:
            if plan not in set(of["plan"]):
                continue
            mine = (of["plan"] == plan).to_numpy()
            own = outcome[inside][mine]
            row = {"plan": plan, "metric": metric, "n": int(mine.sum()), "events": int(own.sum())}
            row |= {"next_plan": above.get(plan), "rung": int(rungs[plan])}
            if shown(row["n"], min_group):
                share, low, high = intervals.wilson(row["events"], row["n"], confidence=confidence)
                row |= {"estimate": float(share), "low": float(low), "high": float(high)}
                rest = outcome[inside][~mine]
                if shown(rest.size, min_group):
                    row |= {"rest_share": float(rest.mean()), "raw": float(share - rest.mean())}
                    against = found.loc[plan]
                    row |= {"difference": against["estimate"], "difference_low": against["low"]}
                    row |= {"difference_high": against["high"], "p": against["p"], "overlap": against["overlap"]}
            rows.append(row)
    numbers = ["estimate", "low", "high", "n", "events", "rest_share", "raw", "difference", "difference_low"]
    numbers += ["difference_high", "p", "p_adjusted", "overlap", "rung"]
    table = pd.DataFrame(rows).reindex(columns=["plan", "metric", *numbers, "next_plan"])
    table = table.astype(dict.fromkeys(numbers, float))
    for metric in outcomes:
        those = table["metric"] == metric
        p = table.loc[those, "p"].to_numpy()
        # Of two plans the second contrast is the first one's mirror image, and no further look.
        table.loc[those, "p_adjusted"] = p if len(p) == 2 else multiplicity.holm(p)
    return Result(
        name="plan_steps",
        table=table,
        keys=("plan", "metric"),
        unit="share",
        level=confidence,
        n_of="accounts",
        reference="all other plans",
        family="plan ladder",
        suppressed=int(table["estimate"].isna().sum()),
        method="Shares: Wilson. Against other plans: standardised by a logistic model, saddlepoint score test; Holm",
    )


def time_on_plan(
    marts: Marts, *, horizon: int = 24, confidence: float = 0.95, min_group: int = 30, min_at_risk: int = 30
) -> Result:
    """Share of those that came onto a plan that has moved up, moved down or left, by months on it.

    Of every account the first stay on each plan counts, if the data show its beginning. Nobody is followed beyond the
    as-of day; a move to a plan of the same rank, or to none that is named, ends what is seen of a stay.

    Parameters
    ----------
    horizon : the last month on the plan

    Returns
    -------
    Result keyed by ``plan, way, month``, the lowest plan first: ``estimate, low, high``, ``n`` (at risk), ``events``,
    ``stays``. Ways: `WAYS`, of a plan those there can be. A curve ends where fewer than ``min_at_risk`` are left.

    References
    ----------
    Aalen and Johansen (1978); see `customer_value.stats.competing_risks`.
    """
    rungs = _rungs(marts)
    held = marts.frame("plan_stays")
    held = held[held["since_known"] & (held["nth"] == 1) & held["plan"].isin(rungs.index)]
    held = held[held["exit_month"] > 0]
    way = np.array([_way(rungs, plan, target) for plan, target in zip(held["plan"], held["next_plan"], strict=True)])
    way = np.where(held["ended"] == "left", "left", np.where(held["ended"] == "moved", way, "none"))
    ended = held["event_month"].to_numpy(dtype=bool) & np.isin(way, WAYS)
    cause = pd.Series(way, index=held.index, dtype=object).where(ended)
    columns = ["plan", "way", "month", "estimate", "low", "high", "n", "events", "stays"]
    table = pd.DataFrame(columns=columns)
    if len(held):
        counts = competing_risks.person_months(
            np.zeros(len(held), dtype=int), held["exit_month"], cause, causes=WAYS, groups=held[["plan"]]
        )
        found = competing_risks.cumulative_incidence(
            counts, WAYS, by=["plan"], confidence=confidence, min_at_risk=max(min_at_risk, 1)
        )
        stays = held["plan"].value_counts()
        found = found.rename(columns={competing_risks.CAUSE: "way", "age": "month"})
        found["stays"] = found["plan"].map(stays)
        found = found[(found["month"] <= horizon) & shown(found["stays"], min_group)]
        top, bottom = rungs.max(), rungs.min()
        place = found["plan"].map(rungs)
        found = found[~((found["way"] == "up") & (place == top)) & ~((found["way"] == "down") & (place == bottom))]
        order = found.assign(place=found["plan"].map(rungs), nth=found["way"].map(WAYS.index))
        table = order.sort_values(["place", "plan", "nth", "month"], kind="stable")[columns].reset_index(drop=True)
    return Result(
        name="time_on_plan",
        table=table,
        keys=("plan", "way", "month"),
        unit="share",
        level=confidence,
        n_of="accounts",
        suppressed=int((held["plan"].value_counts() < min_group).sum()),
        method="Aalen–Johansen on whole months since the account came onto the plan; limits on the complementary "
        "log-log scale, with few at risk Wilson's",
        notes=(FIRST_STAY_NOTE,),
    )


def _base(marts: Marts, start: date, end: date) -> tuple[pd.DataFrame, pd.Series]:
    base = period_base(marts, start=start, end=end)
    rungs = _rungs(marts)
    base = base[base["plan"].isin(rungs.index)].reset_index(drop=True)
    now = base["customer_id"].map(plans_at(marts, end))
    base["plan_now"] = np.where(base["lost"], LEFT, now.fillna(UNNAMED))
    return base, rungs[rungs.index.isin([*base["plan"], *base["plan_now"]])]


def _rungs(marts: Marts) -> pd.Series:
    """Each plan's place on the ladder, the lowest first."""
    found = ladder(marts)
    return found.set_index("plan")["rung"]


def _way(rungs: pd.Series, plan: str, target: str | None) -> str:
    if target == LEFT:
        return "left"
    if target not in rungs.index:
        return "unnamed"
    if target == plan:
        return "same"
    step = int(rungs[target]) - int(rungs[plan])
    return "up" if step > 0 else "down" if step < 0 else "aside"


def _notes(marts: Marts) -> tuple[str, ...]:
    found = ladder(marts)
    if (found["ordered_by"] == PRICED).any():
        return ("Plans are in the order of what accounts on them pay, for no table of plans ranks them all.",)
    return ()
