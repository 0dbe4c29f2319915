"""How much of the opening revenue stays, in words."""

from __future__ import annotations

from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.wording import UNKNOWN, Words, known


def headline(retention: Result, *, words: Words) -> str:
    """Did the accounts we had grow or shrink: one short sentence for a heading."""
    net = retention.row(metric="net")
    if not known(net["estimate"]):
        return "Too few accounts to say how much revenue stays"
    change = words.compare(
        net["estimate"],
        net["low"],
        net["high"],
        none=1.0,
        higher=f"pay {words.share(net['estimate'] - 1)} more",
        lower=f"pay {words.share(1 - net['estimate'])} less",
        unclear="pay neither clearly more nor clearly less",
    )
    if change == UNKNOWN:
        return "How much revenue stays"
    return f"After losses and growth, the accounts we began with {change}"


def detail(retention: Result, *, start: date, end: date, words: Words) -> str:
    """Net, gross and logo retention with their ranges, in whom and over which period."""
    net, gross, logo = (retention.row(metric=metric) for metric in ("net", "gross", "logo"))
    span = f"from the close of {words.date(start)} to the close of {words.date(end)}"
    if not known(net["estimate"]):
        return f"{words.plural(net['n'], 'account')} paid at the start of the period, {span}: too few to show shares."
    hundred = words.currency_sign or ""
    # Over a short period little is lost, and whole numbers would hide it.
    digits = 1 if gross["estimate"] > 0.95 else 0
    of_100 = f"Of every {hundred}100 of monthly recurring revenue that {words.number(net['n'])} accounts paid"
    kept, grown = (f"{hundred}{words.number(100 * row['estimate'], digits)}" for row in (gross, net))
    kept_range, grown_range = (words.shares(row["low"], row["high"], digits) for row in (gross, net))
    return (
        f"{of_100} at the start, {kept} is still paid (gross retention, {kept_range}) and growth of the same accounts "
        f"brings it to {grown} (net retention, {grown_range}). Measured {span}; accounts won since are left out. "
        f"{words.count(logo['events'], logo['n'])} accounts left: "
        f"{words.out_of_100(logo['estimate'], logo['low'], logo['high'], 'are still here')}."
        f"{_few_accounts(net, words)}"
    )


def among_due(retention: Result, *, words: Words) -> str:
    """The same among accounts that were free to leave, where that differs from all; empty where no term is stated."""
    if "net_due" not in set(retention.table["metric"]):
        return ""
    everyone, due = retention.row(metric="net"), retention.row(metric="net_due")
    if due["n"] == everyone["n"]:
        return "Every account's contract term came due in the period, so all of them were free to leave."
    if not due["n"]:
        return (
            "No account's contract term came due in the period, so none was free to leave; retention says little here."
        )
    text = f"{words.count(due['n'], everyone['n'])} accounts came to the end of a contract term and were free to leave"
    if not known(due["estimate"]):
        return f"{text}: too few to show a share."
    return f"{text}; among them net retention is {words.interval(due['estimate'], due['low'], due['high'], 'share')}."


def beside_movements(retention: Result, *, words: Words) -> str:
    """Gross retention by movements beside the closed group's, and what came back."""
    group, moved, back = (retention.row(metric=metric) for metric in ("gross", "gross_movements", "returned"))
    if not known(group["estimate"]) or not known(moved["estimate"]):
        return ""
    kept, added = (words.share(row["estimate"], 1) for row in (group, moved))
    text = f"Followed as one closed group, the opening accounts keep {kept} of their revenue (gross retention)."
    if kept == added:
        text += (
            " Added up from the period's movements the figure is the same: hardly any account won within the period "
            "lost revenue, and hardly any decrease was made good later."
        )
    else:
        text += (
            f" Added up from the period's movements the figure is {added}, because movements also hold what accounts "
            "won within the period lost, and decreases that were made good later. Each answers its own question; "
            "never compare one with the other."
        )
    if back["events"]:
        text += (
            f" {words.plural(back['events'], 'account')} left and came back, with revenue of "
            f"{words.share(back['estimate'], 1)} of the opening figure; that is in none of these shares."
        )
    return text


def decomposition(result: Result, *, words: Words) -> str:
    """Which of the ways to its net retention this business takes."""
    gross, growth, net = (result.row(part=part) for part in ("gross", "expansion", "net"))
    if not known(net["estimate"]):
        return "Too few accounts to take net retention apart."
    kinds = {
        ("high", "high"): "keeps most of its revenue and grows well within its accounts",
        ("high", "low"): "keeps most of its revenue and grows little within its accounts",
        ("low", "high"): "loses much and makes it good by growing within the accounts that stay, which needs ever more "
        "growth to stand still",
        ("low", "low"): "loses much and grows little within the accounts that stay",
    }
    lost = words.interval(1 - gross["estimate"], 1 - gross["high"], 1 - gross["low"], "share")
    added = words.interval(growth["estimate"], growth["low"], growth["high"], "share")
    numbers = f"lost {lost} of opening revenue and added {added}"
    verdicts = (gross["verdict"], growth["verdict"])
    cuts = (
        f"Over a period of this length gross retention is called high from {words.share(gross['cut'])}, expansion "
        f"strong from {words.share(growth['cut'])}."
    )
    if verdicts in kinds:
        return f"This business {kinds[verdicts]}: its opening accounts {numbers}. {cuts}"
    settled = {
        "gross": {"high": "Gross retention is high", "low": "Gross retention is low"},
        "expansion": {"high": "Expansion is strong", "low": "Expansion is modest"},
    }
    told = [settled[part][verdict] for part, verdict in zip(settled, verdicts, strict=True) if verdict in settled[part]]
    sure = f"{told[0]}. " if told else ""
    open_question = [
        name for name, verdict in (("gross retention", verdicts[0]), ("expansion", verdicts[1])) if verdict == "unclear"
    ]
    return (
        f"The opening accounts {numbers}. {sure}On {words.list(open_question)} no verdict is possible: the range "
        f"includes the dividing line. {cuts}"
    )


def monthly_caption(monthly: Result, *, words: Words) -> str:
    """The typical month's retention, and what the lines measure."""
    table = monthly.table
    middle = table.groupby("metric")["estimate"].median()
    months = table["month"].nunique()
    first, last = table["month"].min(), table["month"].max()
    return (
        f"**In a typical month (the median of {words.number(months)}), {words.share(middle['gross'], 1)} of revenue "
        f"was kept and growth brought it to {words.share(middle['net'], 1)}.** Of the accounts active at a month's "
        f"opening and what they paid: what is left at its close, {words.month(first)} to {words.month(last)}; bands "
        "are ranges."
    )


def kept_rows(retention: Result) -> Result:
    """Retention without the rows among accounts that came due, where that was everyone or nobody."""
    table = retention.table
    due = table.loc[table["metric"] == "net_due", "n"]
    if due.empty or due.iloc[0] not in (0, retention.row(metric="net")["n"]):
        return retention
    return retention.with_table(table[~table["metric"].str.endswith("_due")])


def _few_accounts(net: pd.Series, words: Words) -> str:
    """A warning where a few accounts decide the revenue figures; empty elsewhere."""
    if not net["few_accounts"]:
        return ""
    size = words.plural(round(net["effective_n"]), "account")
    return (
        f" **A few accounts decide the revenue figures**: the largest paid {words.share(net['largest_share'])} of the "
        f"opening revenue, and all of them together carry as much information as {size} of equal size. No decision "
        "stands on these figures."
    )
