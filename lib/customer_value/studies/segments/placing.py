"""Which kind of user each account is, how its journey goes, and what value it got: by the rules of the settings.

In each scheme every account stands in exactly one place. Where the tables do not tell, that place is `CANNOT_TELL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customer_value.marts import Marts
from customer_value.marts.bases import state_at
from customer_value.marts.engagement import engagement
from customer_value.marts.standing import account_scores, latest_answers, months_earlier
from customer_value.rules import Rules
from customer_value.studies.segments.first_days import nearest, not_there

CANNOT_TELL = "cannot tell"

KINDS: Mapping[str, tuple[str, ...]] = {
    "usage": ("power", "core", "light", "potential"),
    "journey": ("rapid", "steady", "struggling", "stalled"),
    "value": ("achievers", "seekers", "explorers", "blocked"),
}
"""The places of every scheme, from good to worrying."""

LABELS: Mapping[str, str] = {"usage": "Kind of use", "journey": "Journey", "value": "Value reached"}

SCORE_MONTHS, SCORE_SKIP = 12, 1
"""For how many months an answer holds, and how many before the close do not count: leavers may say so there."""

MONTH = 365.25 / 12
"""Days."""


@dataclass(frozen=True)
class Placed:
    """Where accounts stand at a close.

    Attributes
    ----------
    accounts : one row an active account: ``customer_id, mrr`` and one column a scheme that can be told
    missing : of every other scheme, why it cannot be told, as a sentence
    """

    accounts: pd.DataFrame
    missing: Mapping[str, str]

    @property
    def schemes(self) -> tuple[str, ...]:
        """Those that can be told."""
        return tuple(name for name in KINDS if name in self.accounts)


def placed(marts: Marts, rules: Rules, *, close: date, lag: int | None = None) -> Placed:
    """Where every account active at ``close`` stands.

    Parameters
    ----------
    close : the day at whose close accounts stand
    lag : whole months before it whose use does not count; the rule's own when None, 0 for where accounts stand now
    """
    lag = rules.usage.lag_months if lag is None else lag
    key = ("kinds", close, lag, rules.model_dump_json())
    return marts.once(key, lambda: _placed(marts, rules, close, lag))


def _placed(marts: Marts, rules: Rules, close: date, lag: int) -> Placed:
    state = state_at(marts, close)[["customer_id", "mrr"]]
    origins = marts.frame("accounts").set_index("customer_id")["origin_date"]
    state["age_days"] = (pd.Timestamp(close) - state["customer_id"].map(origins)).dt.days
    state["origin"] = state["customer_id"].map(origins)
    until = months_earlier(close, lag)
    now = engagement(marts, until, months=rules.usage.months)
    earlier = engagement(marts, months_earlier(until, rules.usage.months), months=rules.usage.months)
    state = state.join(now, on="customer_id").join(earlier["usage"].rename("usage_before"), on="customer_id")
    state["dissatisfied"] = _dissatisfied(marts, state["customer_id"], close, rules.usage.satisfied_from)
    found, missing = {}, {}
    for scheme, told in (
        ("usage", _usage(state, rules)),
        ("journey", _journey(marts, state, rules, close)),
        ("value", _value(marts, state, rules, close)),
    ):
        if isinstance(told, str):
            missing[scheme] = f"{LABELS[scheme]} cannot be told: {told}"
        else:
            found[scheme] = told
    return Placed(state[["customer_id", "mrr"]].assign(**found), missing)


def _dissatisfied(marts: Marts, accounts: pd.Series, close: date, satisfied_from: float) -> np.ndarray:
    """Whether an account is known to be: its mean score of the last twelve months is too low."""
    if "nps_answers" not in marts.meta.rows:
        return np.zeros(len(accounts), dtype=bool)
    until = months_earlier(close, SCORE_SKIP)
    scores = account_scores(latest_answers(marts, after=months_earlier(until, SCORE_MONTHS), until=until))
    return (accounts.map(scores.set_index("customer_id")["score"]) < satisfied_from).to_numpy()


def _usage(state: pd.DataFrame, rules: Rules) -> np.ndarray | str:
    if state["usage"].isna().all():
        return "it needs one of the tables activity_monthly, usage_events and feature_usage_monthly in these months."
    rule, usage = rules.usage, state["usage"]
    power = (usage >= usage.quantile(1 - rule.power_share)) & (usage > 0)
    power &= _broad(state, rule.broad_share) & ~state["dissatisfied"]
    rising = (usage > 0) & (usage >= (1 + rule.rising) * state["usage_before"])
    potential = rising & (state["age_days"] <= rule.recent_months * MONTH)
    every_month = state["months_used"] == state["months_exposed"]
    core = (usage >= usage.quantile(1 - rule.core_share)) & (usage > 0) & every_month
    return np.select([usage.isna(), power, potential, core], [CANNOT_TELL, "power", "potential", "core"], "light")


def _broad(state: pd.DataFrame, share: float) -> pd.Series:
    """Whether an account uses more features than all but this share; not asked where nobody knows."""
    features = state["features"]
    return features.isna() | ((features >= features.quantile(1 - share)) & (features > 0))


def _journey(marts: Marts, state: pd.DataFrame, rules: Rules, close: date) -> np.ndarray | str:
    if "milestones" not in marts.meta.rows:
        return "it needs the table milestones."
    rule, reached = rules.journey, marts.frame("milestones")
    names = {name: nearest(name, reached["milestone"].unique()) for name in (rule.onboarding, rule.value)}
    if names[rule.onboarding] is None:
        return not_there("milestone", rule.onboarding, reached["milestone"].unique())
    known = reached[reached["reached_on"] <= pd.Timestamp(close)]
    onboarded, valued = (
        state["customer_id"].map(known[known["milestone"] == names[name]].set_index("customer_id")["reached_on"])
        for name in (rule.onboarding, rule.value)
    )
    took, to_value = (onboarded - state["origin"]).dt.days, (valued - state["origin"]).dt.days
    late = (took > rule.onboarding_days) | (onboarded.isna() & (state["age_days"] > rule.onboarding_days))
    quick = (to_value if names[rule.value] is not None else took) <= rule.rapid_days
    many = _broad(state, rule.broad_share)
    fallen = (state["usage_before"] > 0) & (state["usage"] <= (1 - rule.falling) * state["usage_before"])
    # Of what an account reached before milestones were recorded nobody knows.
    untold = onboarded.isna() & (state["origin"].isna() | (state["origin"] < reached["reached_on"].min()))
    untold |= onboarded.isna() & ~late | took.isna() & onboarded.notna()
    return np.select(
        [untold, onboarded.notna() & fallen, quick & many, late & (~many | state["features"].isna())],
        [CANNOT_TELL, "stalled", "rapid", "struggling"],
        "steady",
    )


def _value(marts: Marts, state: pd.DataFrame, rules: Rules, close: date) -> np.ndarray | str:
    if "goals" not in marts.meta.rows:
        return "it needs the table success_plans."
    rule, goals, day = rules.value, marts.frame("goals"), pd.Timestamp(close)
    achieved = goals["achieved_date"].notna() & (goals["achieved_date"] <= day)
    if close < marts.meta.as_of:
        # When a goal was agreed is not recorded: at an earlier day only those due or reached by then are known.
        goals, achieved = (each[achieved | (goals["target_date"] <= day)] for each in (goals, achieved))
    worth = goals["value_delivered"].astype(float) >= rule.value_at_least * goals["investment"].astype(float)
    worth |= goals["value_delivered"].isna() | goals["investment"].isna()
    overdue = ~achieved & (goals["target_date"] + pd.Timedelta(days=rule.overdue_days) < day)
    has = {
        name: state["customer_id"].isin(goals.loc[which, "customer_id"])
        for name, which in (("value", achieved & worth), ("overdue", overdue), ("goal", goals["goal"].notna()))
    }
    early = ~has["goal"] & (state["age_days"] <= rule.early_months * MONTH)
    return np.select(
        [has["value"], has["overdue"], has["goal"], early],
        ["achievers", "blocked", "seekers", "explorers"],
        CANNOT_TELL,
    )
