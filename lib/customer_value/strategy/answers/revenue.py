"""What the revenue chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.wording import UNKNOWN, Words, known

_STREAMS = {
    "new": "new accounts",
    "expansion": "expansion of existing accounts",
    "reactivation": "accounts that came back",
    "contraction": "decreases of existing accounts",
    "churn": "accounts that left",
}

_PARTS = {"price": "price", "seats": "seats", "plan": "changes of plan", "addon": "add-ons", "discount": "discounts"}


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


def movements(waterfall: Result, *, words: Words) -> str:
    """Opening to closing revenue and the largest stream each way."""
    opening, closing = (waterfall.row(movement=step)["estimate"] for step in ("opening", "closing"))
    streams = waterfall.table[~waterfall.table["movement"].isin(["opening", "closing"])]
    text = f"Monthly recurring revenue went from {words.money(opening)} to {words.money(closing)}"
    gains, losses = streams[streams["estimate"] > 0], streams[streams["estimate"] < 0]
    clauses = []
    if len(gains):
        most = gains.loc[gains["estimate"].idxmax()]
        clauses.append(f"the largest gain came from {_STREAMS[most['movement']]} ({words.money(most['estimate'])})")
    if len(losses):
        most = losses.loc[losses["estimate"].idxmin()]
        clauses.append(f"the largest loss came from {_STREAMS[most['movement']]} ({words.money(-most['estimate'])})")
    return f"{text}; {words.list(clauses)}." if clauses else f"{text}: nothing moved."


def quick_ratio(quick: Result, *, words: Words) -> str:
    """How much was gained for each unit lost."""
    ratio = quick.row(measure="quick_ratio")
    if not known(ratio["estimate"]):
        return "Nothing was lost in the period, so a quick ratio has no meaning."
    one = f"{words.currency_sign}1" if words.currency_sign else "each unit of money"
    return (
        f"For {one} of recurring revenue lost, {words.currency_sign}{words.number(ratio['estimate'], 1)} was gained "
        f"({words.number(ratio['low'], 1)} to {words.number(ratio['high'], 1)}; the quick ratio)."
    )


def parts(result: Result, *, words: Words) -> str:
    """What expansions and contractions were mostly made of."""
    clauses = []
    for movement, noun in (("expansion", "growth"), ("contraction", "decreases")):
        rows = result.where(movement=movement).table
        if rows["estimate"].isna().all():
            return "What the changes were made of is known by calendar month only; choose month ends to see it."
        sign = 1 if movement == "expansion" else -1
        main = rows.loc[(sign * rows["estimate"]).idxmax()]
        if sign * main["estimate"] <= 0:
            clauses.append(f"there were no {noun}" if movement == "contraction" else f"there was no {noun}")
        else:
            clauses.append(
                f"the largest part of the {noun} was {_PARTS[main['part']]} "
                f"({words.money(sign * main['estimate'])} of monthly revenue, {words.share(main['share'])} of all)"
            )
    text = words.list(clauses)
    return f"Within the accounts, {text}."


def churn(side_by_side: Result, size: Result, *, words: Words) -> str:
    """Accounts lost against revenue lost, and whether leavers are larger or smaller than average."""
    logo, revenue = (side_by_side.row(measure=measure, end_kind="all") for measure in ("logo_churn", "revenue_churn"))
    if not known(logo["estimate"]):
        return "Too few accounts to compare accounts lost with revenue lost."
    text = (
        f"{words.count(logo['events'], logo['n'])} accounts left, "
        f"{words.interval(logo['estimate'], logo['low'], logo['high'], 'share')}, and with them "
        f"{words.interval(revenue['estimate'], revenue['low'], revenue['high'], 'share')} of the revenue."
    )
    gap, ratio = size.row(measure="revenue_minus_logo"), size.row(measure="size_ratio")
    side = words.compare(
        gap["estimate"],
        gap["low"],
        gap["high"],
        higher="Leavers paid more than the average account",
        lower="Leavers paid less than the average account",
        unclear="Leavers paid neither clearly more nor clearly less than the average account",
    )
    if side == UNKNOWN or not logo["events"]:
        return text
    if known(ratio["estimate"]):
        side += (
            f": {words.number(ratio['estimate'], 2)} times as much "
            f"({words.number(ratio['low'], 2)} to {words.number(ratio['high'], 2)})"
        )
    return f"{text} {side}."


def reasons(side_by_side: Result, why: Result, *, words: Words) -> str:
    """How much of the loss was involuntary and what leavers said."""
    if not len(why.table):
        return "Nobody left in the period."
    lost = why.table["estimate"].sum()
    sentences = []
    if (side_by_side.table["end_kind"] == "involuntary").any():
        row = side_by_side.row(measure="logo_churn", end_kind="involuntary")
        everyone = side_by_side.row(measure="logo_churn", end_kind="all")
        money = why.table.loc[why.table["end_kind"] == "involuntary", "estimate"].sum()
        sentences.append(
            f"Of the {words.plural(everyone['events'], 'opening account')} that left, {words.number(row['events'])} "
            "were lost to failed payments and the like rather than by decision. Over everyone who left in the period, "
            f"failed payments took {words.share(money / lost)} of the revenue lost."
        )
    else:
        sentences.append("The data do not say which accounts chose to leave and which were lost to failed payments.")
    stated = why.table[(why.table["reason"] != "not stated") & (why.table["end_kind"] != "involuntary")]
    by_reason = stated.groupby("reason")["estimate"].sum().sort_values(ascending=False, kind="stable")
    if len(by_reason):
        sentences.append(
            f"The costliest stated reason was “{words.escape(by_reason.index[0])}”: "
            f"{words.share(by_reason.iloc[0] / lost)} of the revenue lost."
        )
    return " ".join(sentences)


def winds(result: Result, *, words: Words) -> str:
    """Which groups clearly stand apart in what they lose and add."""
    levels = result.table[result.table["level"] != "all"]
    if levels.empty:
        return "There is no attribute to group accounts by."
    few = levels["few_accounts"].astype(bool)
    phrases = {
        ("headwind", "high"): "lose clearly more than the company",
        ("headwind", "low"): "lose clearly less",
        ("tailwind", "high"): "add clearly more",
        ("tailwind", "low"): "add clearly less",
    }
    clauses = []
    for (measure, verdict), phrase in phrases.items():
        rows = levels[(levels["measure"] == measure) & (levels["verdict"] == verdict) & ~few]
        if len(rows):
            clauses.append(f"{words.list(f'“{words.escape(level)}”' for level in rows['level'])} {phrase}")
    if not clauses:
        return (
            "No group stands clearly apart from the company as a whole, either in what it loses or in what it adds: "
            "every range includes the company's figure."
        )
    return (
        f"Against the company as a whole, accounts in {'; those in '.join(clauses)}. The other groups' ranges include "
        "its figure."
    )


def influence(result: Result, *, words: Words) -> str:
    """How concentrated revenue is, and what the largest account does to net retention."""
    ten, net, without = (result.row(measure=measure) for measure in ("top_ten_share", "net", "net_without_largest"))
    text = f"The ten largest accounts paid {words.share(ten['estimate'])} of the opening revenue."
    if not known(net["estimate"]) or not known(without["estimate"]):
        return text
    if words.share(net["estimate"], 1) == words.share(without["estimate"], 1):
        return f"{text} Net retention is {words.share(net['estimate'], 1)} with or without the largest one."
    return (
        f"{text} Without the largest one, net retention would read {words.share(without['estimate'], 1)} instead of "
        f"{words.share(net['estimate'], 1)}."
    )


def waterfall_caption(waterfall: Result, *, start: date, end: date, words: Words) -> str:
    """By how much recurring revenue changed, and what the bars measure."""
    opening, closing = (waterfall.row(movement=step)["estimate"] for step in ("opening", "closing"))
    said = f"Recurring revenue {_change(opening, closing, words)}"
    return (
        f"**{said}.** Monthly recurring revenue of all accounts, from the close of {words.date(start)} to the close of "
        f"{words.date(end)}, and the movements between."
    )


def arr_caption(trend: Result, *, words: Words) -> str:
    """Where annual recurring revenue stands, and over which months."""
    table = trend.where(metric="arr").table
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"**Annual recurring revenue is {words.money(last['estimate'])}**, paid by {words.plural(last['n'], 'account')}"
        f". All accounts, at each month's close from {words.month(first['month'])} to {words.month(last['month'])}."
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


def winds_caption(result: Result, *, start: date, end: date, words: Words) -> str:
    """What the whole company lost and added, and what the grid measures."""
    company = result.table[result.table["level"] == "all"].set_index("measure")
    said = ""
    if {"headwind", "tailwind"} <= set(company.index) and known(company.at["headwind", "estimate"]):
        lost, added = (words.share(company.at[measure, "estimate"]) for measure in ("headwind", "tailwind"))
        said = f"**The company lost {lost} of its opening revenue and added {added}.** "
    return (
        f"{said}Revenue lost and added by the opening accounts of each group, as a share of the group's opening "
        f"revenue, between the closes of {words.date(start)} and {words.date(end)}."
    )


def kept_rows(retention: Result) -> Result:
    """Retention without the rows among accounts that came due, where that was everyone or nobody."""
    table = retention.table
    due = table.loc[table["metric"] == "net_due", "n"]
    if due.empty or due.iloc[0] not in (0, retention.row(metric="net")["n"]):
        return retention
    return retention.with_table(table[~table["metric"].str.endswith("_due")])


def latest_month(result: Result) -> Result:
    """Only the latest month."""
    return result.with_table(result.table[result.table["month"] == result.table["month"].max()])


def moving_parts(parts: Result) -> Result:
    """Only the parts in which something changed; all of them where nothing did."""
    moved = parts.table[parts.table["estimate"] != 0]
    return parts.with_table(moved) if len(moved) else parts


def leading(movers: Result, *, each: int) -> Result:
    """The first so many accounts of every movement; an account without a name goes by its id."""
    table = movers.table[movers.table["rank"] <= each]
    return movers.with_table(table.assign(name=table["name"].fillna(table["customer_id"])))


def _change(opening: float, closing: float, words: Words) -> str:
    """ "grew by 30%, from £712k to £928k"."""
    ends = f"from {words.money(opening)} to {words.money(closing)}"
    if not opening > 0:
        return f"went {ends}"
    growth = closing / opening - 1
    if words.share(growth, 1) in ("0.0%", "0%"):
        return f"stayed at {words.money(closing)}"
    return f"{'grew' if growth > 0 else 'fell'} by {words.share(abs(growth))}, {ends}"


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
