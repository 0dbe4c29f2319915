"""What the expansion chapter found about cutting back and what follows, in words: Results in, Markdown out."""

from __future__ import annotations

from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.expansion import NAMES
from customer_value.strategy.findings import uncapital
from customer_value.strategy.wording import Words, known

WAYS = {**NAMES, "naive": NAMES["naive_way"]}
"""The same in the figure of what follows a cut, where the naive comparison is another."""

PATTERN_HEADS = {
    "pattern": "Pattern",
    "estimate": "Of cuts",
    "usual": "Of other months",
    "n": "Cuts judged",
    "named": "Named so",
    "money": "MRR given up",
}

_LESS = {
    "seats": "fewer seats",
    "plan": "a cheaper plan",
    "addon": "an add-on given up",
    "price": "a lower price",
    "discount": "a larger discount",
    "untold": "reasons not told",
}


def types_headline(types: Result, *, words: Words) -> str:
    """What accounts pay less for most often."""
    table = types.table
    if table.empty:
        return "Nobody cut back in the period"
    first = table.iloc[0]
    return (
        f"When accounts pay less, it is most often for {_LESS[first['kind']]}: "
        f"{words.count(first['events'], first['n'])} times"
    )


def types_caption(types: Result, *, start: date, end: date, words: Words) -> str:
    """How much was given up, and what a cut is."""
    table = types.table
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    lost = words.money(table["money"].sum())
    return (
        f"**{words.plural(int(table['events'].sum()), 'cut')} {span} gave up {lost} of monthly revenue.** Share of "
        "all months at whose close an account paid less and stayed, by what most of the fall was made of; price and "
        "discount are shown here only, they are not the account's own choice of buying less."
    )


def types_drawn(types: Result) -> Result:
    """The same with the cuts of each kind as its count: all kinds are shares of one number."""
    return types.with_table(types.table.assign(n=types.table["events"]))


def patterns_caption(patterns: Result, *, words: Words) -> str:
    """Which pattern is commoner in cuts than in other months."""
    table = patterns.table.set_index("pattern")
    every = table["every"].max()
    rules = table.drop(index="none", errors="ignore").dropna(subset=["estimate", "usual"])
    marked = rules[rules["low"] > rules["usual"]].sort_values("estimate", ascending=False, kind="stable")
    if rules.empty:
        said = f"Too few cuts to look for patterns ({words.number(every)})"
    elif marked.empty:
        said = "No pattern is commoner before a cut than in any other month"
    else:
        names = words.list(f"“{uncapital(NAMES[name])}”" for name in marked.index)
        said = f"Commoner before a cut than in other months: {names}"
    return (
        f"**{said}.** Share of {words.plural(every, 'cut')} in seats, plan or add-ons that meet each rule, of those "
        "where what the rule looks at is on record, beside the share of all other months of accounts that meet it. "
        "Only a rule that holds clearly more often before a cut says anything about cuts."
    )


def rules_text(*, soon: int, unused: float, again: int, fall: float, recent: int, baseline: int, words: Words) -> str:
    """The rules in words, from the chapter's own settings."""
    return (
        f"*Right-sizing after buying too much*: within {words.months(soon)} of the start or of the last expansion, "
        f"with at least {words.share(unused)} of the paid seats not in use in any of the {words.months(recent)} "
        f"before. *One cut after another*: within {words.months(again)} of an earlier cut. *Use fell before*: use a "
        f"day in the {words.months(recent)} before at least {words.share(fall)} below that of the "
        f"{words.months(baseline)} before those. A cut is named by the first rule that holds, in this order. All "
        "numbers are parameters of this page."
    )


def after_headline(after: Result, *, words: Words) -> str:
    """Whether accounts that cut back leave more often afterwards."""
    row = after.row(since="any time since", way="followed")
    if not known(row["low"]):
        return "Too few accounts cut back to say whether they leave more often afterwards"
    clear = row["p_adjusted"] <= 1 - (after.level or 0.95)
    if clear and row["low"] > 1:
        return f"Accounts that cut back leave {words.number(row['estimate'], 1)} times as often afterwards"
    if clear and row["high"] < 1:
        return "Accounts that cut back leave less often afterwards than others like them"
    return "No clear sign that accounts that cut back leave more often afterwards"


def after_text(after: Result, lags: Result, *, words: Words) -> str:
    """The ratio followed month by month beside the naive one, why they differ, and what leaving months out does."""
    naive, followed = (after.row(since="any time since", way=way) for way in ("naive", "followed"))
    if not known(followed["low"]):
        return (
            f"{words.plural(followed['n'], 'account')} were at risk of leaving after a first cut, and "
            f"{words.plural(followed['events'], 'of them', 'of them')} left: too few to compare."
        )
    ratio = words.interval(followed["estimate"], followed["low"], followed["high"], "ratio")
    text = [
        f"From the month after their first cut on, accounts left {ratio} times as often as accounts that had not cut "
        "back, at equal contract term and month of it, size and plan before the cut: "
        f"{words.plural(followed['events'], 'account')} of {words.number(followed['n'])} left after a cut."
    ]
    if known(naive["estimate"]):
        text.append(
            "Comparing accounts that ever cut back with those that never did, from their first month, gives "
            f"{words.number(naive['estimate'], 2)} instead. That is wrong by construction: an account must have "
            "stayed to cut back at all, so all its months before the cut count as months in which it could not leave."
        )
    text.append(_lags(lags, words))
    return " ".join(part for part in text if part)


def after_caption(after: Result, *, words: Words) -> str:
    """Which time after a cut stands out, if any."""
    alpha = 1 - (after.level or 0.95)
    times = after.table[(after.table["way"] == "followed") & (after.table["since"] != "any time since")]
    clear = times[times["p_adjusted"] <= alpha]
    if not times["estimate"].notna().any():
        said = "Too few accounts to tell times since the cut apart"
    elif clear.empty:
        said = "No time since the cut stands clearly apart"
    else:
        said = "Clearly different: " + words.list(
            f"{row['since']} after ({words.value(row['estimate'], 'ratio')} times)" for _, row in clear.iterrows()
        )
    return (
        f"**{said}.** How often accounts leave after their first cut, times those that have not cut back so far; bars "
        "are ranges, in colour where clear after the correction for the number of comparisons. The hollow circle is "
        "the plain comparison, which misleads."
    )


def after_drawn(after: Result) -> Result:
    """Rows with an estimate and an interval, keyed ``since, way``; the naive mark first."""
    table = after.table[after.table["estimate"].notna()]
    ways = pd.Categorical(table["way"], categories=["naive", "followed"], ordered=True)
    return after.with_table(table.assign(way=ways))


def _lags(lags: Result, words: Words) -> str:
    table = lags.table[lags.table["estimate"].notna()]
    if len(table) < 2:
        return ""
    first, last = table.iloc[0], table.iloc[-1]
    text = (
        f"Leaving the first {words.months(last['lag'] - 1)} after the cut out of account gives "
        f"{words.value(last['estimate'], 'ratio')} instead of {words.value(first['estimate'], 'ratio')}."
    )
    if not first["low"] > 1:
        return text
    return (
        f"{text} If a cut were only the first step of an end already decided, the ratio would fall towards 1 by that."
    )
