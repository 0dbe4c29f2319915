"""The answers of the chapters in words: Results in, Markdown out.

Every number is printed by `Words` and every word that a number could flip is chosen here, so that a page cannot say
"higher" of something that fell. Names that come from the data are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.wording import UNKNOWN, Words, known

# -- revenue ------------------------------------------------------------------------------------------------------


def net_headline(retention: Result, *, words: Words) -> str:
    """Did the accounts we had grow or shrink: one short sentence for a heading."""
    net = retention.row(metric="net")
    if not known(net["estimate"]):
        return "Too few accounts to say how much revenue stays"
    change = words.compare(
        net["estimate"],
        net["low"],
        net["high"],
        none=1.0,
        higher=f"The accounts we had when the period began pay {words.share(net['estimate'] - 1)} more at its end",
        lower=f"The accounts we had when the period began pay {words.share(1 - net['estimate'])} less at its end",
        unclear="The accounts we had when the period began pay about as much at its end",
    )
    return f"{change}, leavers counted" if change != UNKNOWN else "How much revenue stays"


def net_detail(retention: Result, *, start: date, end: date, words: Words) -> str:
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
    """The same among accounts that were free to leave, where that differs from all."""
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
    text = (
        f"Reckoned from movements, gross retention reads {words.share(moved['estimate'], 1)}; the closed group's reads "
        f"{words.share(group['estimate'], 1)}: movements also count what accounts won within the period lost, and "
        "decreases that were made good later. The two answer different questions and must not be mixed between reports."
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
        f"(gross retention is called high from {words.share(gross['cut'])}, expansion strong from "
        f"{words.share(growth['cut'])}, over a period of this length)"
    )
    if verdicts in kinds:
        return f"This business {kinds[verdicts]}: its opening accounts {numbers} {cuts}."
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
        f"holds the dividing line {cuts}."
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
        clauses.append(f"the largest gain was {_STREAMS[most['movement']]} ({words.money(most['estimate'])})")
    if len(losses):
        most = losses.loc[losses["estimate"].idxmin()]
        clauses.append(f"the largest loss was {_STREAMS[most['movement']]} ({words.money(-most['estimate'])})")
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
                f"{noun} came mostly from {_PARTS[main['part']]} "
                f"({words.money(sign * main['estimate'])} of monthly revenue)"
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
            f"{words.count(row['events'], everyone['events'])} opening accounts that left were lost to failed payments "
            f"and the like rather than by decision; over all accounts that left that is {words.share(money / lost)} of "
            "the revenue lost to churn."
        )
    else:
        sentences.append("The data do not say which accounts chose to leave and which were lost to failed payments.")
    stated = why.table[(why.table["reason"] != "not stated") & (why.table["end_kind"] != "involuntary")]
    by_reason = stated.groupby("reason")["estimate"].sum().sort_values(ascending=False, kind="stable")
    if len(by_reason):
        sentences.append(
            f"The most costly stated reason was “{words.escape(by_reason.index[0])}”, "
            f"{words.share(by_reason.iloc[0] / lost)} of it."
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
            "every range holds the company's figure."
        )
    return (
        f"Against the company as a whole, accounts on {'; '.join(clauses)}. The other groups' ranges hold its figure."
    )


def influence(result: Result, *, words: Words) -> str:
    """How concentrated revenue is, and what the largest account does to net retention."""
    ten, net, without = (result.row(measure=measure) for measure in ("top_ten_share", "net", "net_without_largest"))
    text = f"The ten largest accounts paid {words.share(ten['estimate'])} of the opening revenue."
    if not known(net["estimate"]) or not known(without["estimate"]):
        return text
    if words.share(net["estimate"], 1) == words.share(without["estimate"], 1):
        return f"{text} Leaving out the largest one does not change net retention, {words.share(net['estimate'], 1)}."
    return (
        f"{text} Without the largest one, net retention would read {words.share(without['estimate'], 1)} instead of "
        f"{words.share(net['estimate'], 1)}."
    )


# -- segments -----------------------------------------------------------------------------------------------------


def segments_headline(contrasts: Result, *, words: Words) -> str:
    """Whether any group clearly stands apart, after the correction for looking at many."""
    clear = _clear(contrasts)
    tested = int(contrasts.table["p"].notna().sum())
    if not tested:
        return "Too few accounts to compare groups"
    if clear.empty:
        return "No group of accounts clearly stays or grows differently from the others"
    best = clear.sort_values(["p_adjusted", "p"], kind="stable").iloc[0]
    verb = "more" if best["estimate"] > 0 else "less"
    does = {"logo_retention": "stay {verb} often", "grr": "keep {verb} of their revenue", "nrr": "grow {verb}"}
    doing = does[best["metric"].removesuffix("_due")].format(verb=verb)
    if best["metric"].startswith("logo") and verb == "less":
        doing = "leave more often"
    return f"Accounts with {_group(best, words)} {doing} than others"


def segments_detail(contrasts: Result, *, start: date, end: date, words: Words) -> str:
    """How many comparisons were made, how many are clear, and how large the clearest is."""
    tested = int(contrasts.table["p"].notna().sum())
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    if not tested:
        return f"Every group {span} is below the smallest size that is shown."
    clear = _clear(contrasts)
    text = f"{words.plural(tested, 'comparison')} of one group with all other accounts were made {span}; "
    if clear.empty:
        return (
            f"{text}none is clear once corrected for their number. That is no proof of "
            f"sameness.{_reach(contrasts, words)}"
        )
    best = clear.sort_values(["p_adjusted", "p"], kind="stable").iloc[0]
    return (
        f"{text}{words.plural(len(clear), 'is', 'are')} clear once corrected for their number. The clearest: "
        f"{METRIC_NAMES[best['metric'].removesuffix('_due')]} of accounts with {_group(best, words)} is "
        f"{words.share(best['group_share'])}, against {words.share(best['rest_share'])} for all others; the "
        f"difference is {words.range(best['low'], best['high'], 'points')}. These are raw comparisons: such groups "
        "differ in more than their name, in size and term above all."
    )


def another_cut(usual: Result, finer: Result, *, words: Words) -> str:
    """Whether cutting accounts by size into more bands changes what is said about size.

    Parameters
    ----------
    usual, finer : contrasts by size alone, so that both are corrected for the comparisons by size only
    """
    before, after = len(_clear(usual)), len(_clear(finer))
    text = "The bands of recurring revenue are a choice. "
    if not len(usual.table) or not len(finer.table):
        return f"{text}All accounts pay about the same, so there is nothing to cut."
    counts = (
        f"taken by itself, size gives {words.count(before, len(usual.table))} clear comparisons with the bands above, "
        f"{words.count(after, len(finer.table))} with one band more"
    )
    if bool(before) == bool(after):
        return f"{text}Cutting them finer does not change the answer: {counts}."
    return f"{text}The answer depends on it: {counts}. Treat what is said about size with care."


def clearest_first(contrasts: Result) -> Result:
    """The same contrasts, the smallest adjusted p first; groups too small to show come last."""
    order = ["p_adjusted", "p", "attribute", "level", "metric"]
    return contrasts.with_table(contrasts.table.sort_values(order, kind="stable"))


def latest_first(result: Result) -> Result:
    """The same months, the latest first; within a month the given order."""
    return result.with_table(result.table.sort_values("month", ascending=False, kind="stable"))


def leaders_first(movers: Result, *, each: int) -> Result:
    """The same accounts, the first so many of every movement before all others."""
    table = movers.table
    return movers.with_table(
        table.assign(later=table["rank"] > each).sort_values("later", kind="stable").drop(columns="later")
    )


def names(result: Result) -> dict[str, str]:
    """`LABELS` with the attributes of a result by their labels, for figures headed by attribute."""
    table = result.table
    return {**LABELS, **dict(zip(table["attribute"], table["attribute_label"], strict=True))}


def counted_headline(overview: Result, *, words: Words) -> str:
    """For a table without a calendar: how many accounts there are and by how much they can be grouped."""
    everyone = overview.row(attribute="all", level="all", metric="customers")
    groups = overview.table.loc[overview.table["attribute"] != "all", "attribute"].nunique()
    return f"{words.plural(everyone['estimate'], 'account')}, counted by {words.plural(groups, 'attribute')}"


def counted_detail(overview: Result, *, words: Words) -> str:
    """What a count can and cannot say, with the largest group of each attribute named."""
    counts = overview.table[(overview.table["metric"] == "customers") & (overview.table["attribute"] != "all")]
    total = overview.row(attribute="all", level="all", metric="customers")["estimate"]
    if counts.empty or not total:
        return "There is no attribute to group accounts by."
    largest = counts.loc[counts["estimate"].idxmax()]
    return (
        f"The largest group is {_group(largest, words)}: {words.count(largest['estimate'], total)} accounts "
        f"({words.share(largest['estimate'] / total)}). A single table without dates does not show when anyone left, "
        "so groups are counted here and not compared; no retention is read into these counts."
    )


METRIC_NAMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
    "nrr": "net revenue retention",
    "expansion_rate": "the share of accounts that grew",
}

LABELS: Mapping[str, str] = {
    "metric": "Measure",
    "month": "Month",
    "movement": "Movement",
    "part": "Part",
    "estimate": "Value",
    "interval": "Range",
    "n": "Accounts",
    "events": "Lost",
    "attribute": "Attribute",
    "attribute_label": "Attribute",
    "level": "Group",
    "measure": "Measure",
    "end_kind": "Kind of end",
    "reason": "Stated reason",
    "share": "Share",
    "name": "Account",
    "opening_mrr": "MRR at the start",
    "closing_mrr": "MRR at the end",
    "group_share": "This group",
    "rest_share": "All others",
    "p_adjusted": "Adjusted p",
    "opening": "At the start",
    "new": "New accounts",
    "expansion": "Expansion",
    "reactivation": "Returned",
    "contraction": "Decreases",
    "churn": "Left",
    "closing": "At the end",
    "price": "Price",
    "seats": "Seats",
    "plan": "Plan",
    "addon": "Add-ons",
    "logo": "Accounts kept",
    "gross": "Gross retention",
    "net": "Net retention",
    "logo_due": "Accounts kept, of those due",
    "gross_due": "Gross retention, of those due",
    "net_due": "Net retention, of those due",
    "gross_movements": "Gross retention by movements",
    "returned": "Returned after leaving",
    "logo_churn": "Accounts lost",
    "revenue_churn": "Revenue of accounts lost",
    "logo_churn_or_downgrade": "Accounts lost or paying less",
    "revenue_churn_and_downgrade": "All revenue lost",
    "revenue_minus_logo": "Revenue lost less accounts lost",
    "size_ratio": "Leavers against the average account",
    "leavers_mrr": "MRR of the average leaver",
    "base_mrr": "MRR of the average account",
    "headwind": "Headwind",
    "tailwind": "Tailwind",
    "gains": "MRR gained",
    "losses": "MRR lost",
    "quick_ratio": "Quick ratio",
    "effective_n": "Accounts of equal size that would tell as much",
    "largest_share": "Share of the largest account",
    "top_ten_share": "Share of the ten largest",
    "gini": "Gini coefficient",
    "net_without_largest": "Net retention without the largest",
    "customers": "Accounts",
    "arr_share": "Share of ARR",
    "logo_retention": "Accounts kept",
    "grr": "Gross retention",
    "nrr": "Net retention",
    "expansion_rate": "Accounts that grew",
    "logo_retention_due": "Accounts kept, of those due",
    "grr_due": "Gross retention, of those due",
    "nrr_due": "Net retention, of those due",
    "all": "All accounts",
}
"""What keys, columns and measures of these results are called on a page."""

_STREAMS = {
    "new": "new accounts",
    "expansion": "expansion of existing accounts",
    "reactivation": "accounts that came back",
    "contraction": "decreases of existing accounts",
    "churn": "accounts that left",
}

_PARTS = {"price": "price", "seats": "seats", "plan": "changes of plan", "addon": "add-ons"}


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


def _reach(contrasts: Result, words: Words) -> str:
    """What the typical comparison of accounts kept could have found: 2.8 standard errors, read off its range."""
    table = contrasts.table
    kept = table[(table["metric"] == "logo_retention") & table["low"].notna()]
    if kept.empty:
        return ""
    quantile = NormalDist().inv_cdf(0.5 + (contrasts.level or 0.95) / 2)
    gap = float(((kept["high"] - kept["low"]) / 2 / quantile * 2.8).median())
    return (
        f" A typical comparison of the share of accounts kept could have found a difference of {words.points(gap, 0)} "
        "four times in five, had it been the only one; smaller ones would mostly go unseen."
    )


def _clear(contrasts: Result) -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides."""
    table = contrasts.table
    alpha = 1 - (contrasts.level or 0.95)
    return table[(table["p_adjusted"] <= alpha) & ~table["few_accounts"].astype(bool)]


def _group(row: pd.Series, words: Words) -> str:
    label = row["attribute_label"]
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    return f"{words.escape(label)} “{words.escape(row['level'])}”"
