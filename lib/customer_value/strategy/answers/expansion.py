"""What the expansion chapter found about growing and cutting back, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.findings import uncapital
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    **LABELS,
    "expanded": "expanded",
    "left first": "left first",
    "ever": "Expanded by the end of the curve",
    "year": "Expanded within twelve months",
    "fast": "First expansion fast",
    "between": "First expansion between",
    "slow": "First expansion slow",
    "later": "First expansion later",
    "left": "Left without expanding",
    "again": "Expanded again, of those that expanded once",
    "naive": "Plain share so far (misleading)",
    "as_if_staying": "As if nobody left (misleading)",
    "expansion": "Expansions",
    "contraction": "Cuts",
    "discount": "Discounts",
    "untold": "What is not told",
    "right_sizing": "Right-sizing after buying too much",
    "progressive": "One cut after another",
    "decline": "Use fell before",
    "none": "None of these",
    "any time since": "Any time since the first cut",
    "naive_way": "ever cut back, from the first month (misleading)",
    "followed": "from the month after the first cut",
}
"""What keys and measures of this chapter are called."""

SIZE_HEADS = {
    **NAMES,
    "kind": "Mostly of",
    "all": "All together",
    "estimate": "Added, median",
    "lower_quartile": "Lower quartile",
    "upper_quartile": "Upper quartile",
    "median_mrr": "Median MRR added",
}
_RARE = 30
"""Events below which a rate is told by their number."""
_FEW_NAMED = 3


def who(timing: Result, rates: Result, *, words: Words) -> str:
    """Which accounts are followed from sign-up, and which months the rates are taken over."""
    followed = timing.row(measure="naive")["n"]
    everyone = rates.row(attribute="all", level="all", measure="expansion")
    return (
        f"Time to the first expansion is measured in {words.plural(followed, 'account')} that are followed from "
        "sign-up. Of accounts that were customers before the data begin nobody knows whether an expansion is their "
        f"first; how often accounts expand and cut back is measured in all {words.plural(everyone['n'], 'account')}, "
        f"over {words.plural(round(everyone['years']), 'account-year')}, until an account first leaves. "
        + _defined(timing, words)
    )


def headline(timing: Result, *, words: Words) -> str:
    """How many of new accounts expand, and by when."""
    row = _main(timing)
    if row is None:
        return "Too few new accounts to say how many expand"
    if not row["events"]:
        return f"No account followed from sign-up has expanded within {words.months(row['months'])}"
    return f"Out of 100 new accounts, {_of_100(row['estimate'], words)} expand within {_span(row['months'], words)}"


def detail(timing: Result, rates: Result, *, words: Words) -> str:
    """The same with its range, how fast, whether again, and how often accounts grow and cut back in all."""
    row = _main(timing)
    text = []
    if row is not None:
        where = f"{_of_100(row['low'], words)} to {_of_100(row['high'], words)}"
        said = f"The range is {where}; accounts that leave first count as accounts that did not expand."
        text.append(said)
        text.append(_later(timing, row, words))
        text.append(_pace(timing, words))
        again = timing.row(measure="again")
        if known(again["estimate"]):
            text.append(
                f"Of those that expanded once, {words.share(again['estimate'])} do so again within "
                f"{words.months(again['months'])} ({words.shares(again['low'], again['high'])})."
            )
    text.append(_often(rates, words))
    return " ".join(part for part in text if part)


def curve_caption(curves: Result, *, words: Words) -> str:
    """Where the two curves end, then what they measure."""
    table = curves.table
    if table.empty:
        return ""
    last = {group: rows.iloc[-1] for group, rows in table.groupby("group")}
    month = last["expanded"]["month"]
    rest = 1 - last["expanded"]["estimate"] - last["left first"]["estimate"]
    return (
        f"**After {words.months(month)}, {words.share(last['expanded']['estimate'])} of accounts have expanded, "
        f"{words.share(last['left first']['estimate'])} have left without, and {words.share(max(rest, 0.0))} are here "
        "and have not.** Share of accounts by whole calendar months after that of sign-up; bands are ranges."
    )


def why_not_plain(timing: Result, by_follow_up: Result, *, words: Words) -> str:
    """Why the share of all accounts that ever expanded says little, and why leavers must not be taken as still "
    "there."""
    naive, staying = timing.row(measure="naive"), timing.row(measure="as_if_staying")
    ever = timing.row(measure="ever")
    if not known(naive["estimate"]):
        return "Too few accounts are followed from sign-up to count a share of them."
    text = [
        f"Counted plainly, {words.share(naive['estimate'])} of these accounts have expanded so far. That mixes "
        "accounts that had years with accounts that had weeks."
    ]
    known_rows = by_follow_up.table.dropna(subset="estimate")
    if len(known_rows) > 1:
        young, old = known_rows.iloc[0], known_rows.iloc[-1]
        text.append(
            f"Of those that came {young['followed']} months ago it is {words.share(young['estimate'])}, of those that "
            f"came {old['followed']} months ago {words.share(old['estimate'])}: a company that wins many new accounts "
            "would seem to expand less, though nothing about them changed."
        )
    if known(staying["estimate"]) and known(ever["estimate"]):
        more = words.number(100 * (staying["estimate"] - ever["estimate"]))
        text.append(
            "The opposite mistake is to treat accounts that left as if they could still expand: that gives "
            f"{words.share(staying['estimate'])} after {words.months(ever['months'])} instead of "
            f"{words.share(ever['estimate'])}" + (f", {more} points too many." if more != "0" else ".")
        )
    return " ".join(text)


def with_prices(timing: Result, priced: Result, *, words: Words) -> str:
    """How much of the answer hangs on leaving mere price rises out."""
    bought, every = (each.row(measure="year") for each in (timing, priced))
    if not known(bought["estimate"]) or not known(every["estimate"]):
        return ""
    if priced.notes and priced.notes == timing.notes:
        return ""
    same = words.share(bought["estimate"]) == words.share(every["estimate"])
    if same:
        return "Counting dearer prices as expansions, too, would not change the share within a year."
    return (
        f"If dearer prices counted as expansions, too, {words.share(every['estimate'])} would have expanded within a "
        f"year instead of {words.share(bought['estimate'])}: a price that rises for everybody says nothing about who "
        "buys more."
    )


def timing_page(timing: Result) -> Result:
    """The rows of time to the first expansion, without those shown to warn of them, with their months in words."""
    table = timing.table[~timing.table["measure"].isin(["naive", "as_if_staying"])]
    table = table[table["estimate"].notna()]
    spans = [
        f"{row['from_month']:.0f}–{row['months']:.0f}" if row["from_month"] < row["months"] else f"{row['months']:.0f}"
        for _, row in table.iterrows()
    ]
    return timing.with_table(table.assign(in_months=spans))


def timing_caption(timing: Result, *, words: Words) -> str:
    """What the table counts."""
    again = timing.row(measure="again")["months"]
    return (
        "When accounts expand for the first time, and whether again: shares of accounts followed from sign-up; the "
        f"last row counts from the first expansion, over {words.months(again)}. Accounts: those still followed at the "
        "end."
    )


def sizes_caption(sizes: Result, *, words: Words) -> str:
    """How large a typical first expansion is."""
    share = sizes.row(kind="all", measure="share")
    if not known(share["estimate"]):
        return f"Too few expansions to say how large they are ({words.number(share['n'])})."
    money = sizes.row(kind="all", measure="money")
    return (
        f"**A typical first expansion adds {words.share(share['estimate'])} to what the account paid: "
        f"{words.money(money['estimate'])} a month.** Median over accounts; half of all first expansions lie between "
        f"the quartiles, {words.shares(share['lower_quartile'], share['upper_quartile'])}. By what most of each was "
        "made of."
    )


def sizes_page(sizes: Result) -> Result:
    """One row a kind: the share as estimate, the median money beside it."""
    table = sizes.table
    money = table[table["measure"] == "money"].set_index("kind")["estimate"].rename("median_mrr")
    shares = table[table["measure"] == "share"].join(money, on="kind").drop(columns="unit")
    named = {**vars(sizes), "table": shares.reset_index(drop=True), "keys": ("kind",), "unit": "share"}
    return Result(**named)


def segments_caption(rates: Result, *, words: Words) -> str:
    """How many groups clearly expand more or less often than others, and which most."""
    table = _expansions(rates)
    tested = int(table["p"].notna().sum())
    clear = table[table["p_adjusted"] <= 1 - (rates.level or 0.95)].sort_values("p", kind="stable")
    what = (
        "Expansions per account and year, by what was known at sign-up; bars are ranges, grey where a group is not "
        "clearly "
        "apart from all other accounts after the correction for the number of comparisons."
    )
    if not tested:
        return f"**No groups large enough to compare.** {what}"
    if clear.empty:
        return f"**No group clearly expands more or less often, in {words.plural(tested, 'comparison')}.** {what}"
    named = [_group(row, words) for _, row in clear.head(_FEW_NAMED).iterrows()]
    more = len(clear) - _FEW_NAMED
    named += [f"{words.number(more)} more"] if more > 0 else []
    return (
        f"**{words.count(len(clear), tested)} groups clearly differ from the others: {words.list(named)}.** {what} "
        "Compared as they are: groups differ in size, term and plan as well."
    )


def segments_drawn(rates: Result) -> Result:
    """Expansions of groups keyed ``attribute, group``, whose names are their own where attributes share a level."""
    table = _expansions(rates)
    named = table.assign(group=table["attribute"] + ": " + table["level"])
    return Result(**{**vars(rates), "table": named.reset_index(drop=True), "keys": ("attribute", "group")})


def clear_groups(drawn: Result) -> list[str]:
    """The groups that are drawn in colour."""
    return list(drawn.table.loc[drawn.table["p_adjusted"] <= 1 - (drawn.level or 0.95), "group"])


def segment_names(drawn: Result) -> dict[str, str]:
    """`NAMES` with the attributes by their labels and the groups by their levels."""
    table = drawn.table
    attributes = dict(zip(table["attribute"], table["attribute_label"], strict=True))
    return {**NAMES, **attributes, **dict(zip(table["group"], table["level"], strict=True))}


def shares_caption(*, months: int, words: Words) -> str:
    """What the table of shares by group holds, and why nothing is tested in it."""
    return (
        f"Share of each group that has expanded {words.months(months)} after sign-up. Where accounts may leave "
        "sooner, fewer "
        "have expanded by any month, however eager they are while they are there; so groups are compared by the "
        "rates above."
    )


def rates_caption(rates: Result, *, words: Words) -> str:
    """How often accounts grow against how often they cut back."""
    said = "By what was known of accounts at sign-up; months after a first departure do not count."
    return f"**{_often(rates, words)}** {said}"


def _expansions(rates: Result) -> pd.DataFrame:
    """The rates of expansion of groups, without the whole company."""
    table = rates.table
    return table[(table["attribute"] != "all") & (table["measure"] == "expansion")]


def _defined(timing: Result, words: Words) -> str:
    if timing.notes:
        return timing.notes[0]
    return (
        "An account expands in a month at whose close it pays more because it bought more: seats, a dearer plan, an "
        "add-on. A price that rose or a discount that ended is not counted."
    )


def _main(timing: Result) -> pd.Series | None:
    """The share within a year, or as far as the curve reaches."""
    rows = timing.table.set_index("measure")
    for measure in ("year", "ever"):
        if known(rows.loc[measure, "estimate"]):
            return rows.loc[measure]
    return None


def _later(timing: Result, main: pd.Series, words: Words) -> str:
    ever = timing.row(measure="ever")
    if not known(ever["estimate"]) or ever["months"] <= main["months"]:
        return ""
    return (
        f"Within {_span(ever['months'], words)} it is {_of_100(ever['estimate'], words)} "
        f"({_of_100(ever['low'], words)} to {_of_100(ever['high'], words)})."
    )


def _pace(timing: Result, words: Words) -> str:
    rows = timing.table.set_index("measure")
    said = [
        f"{_of_100(rows.loc[name, 'estimate'], words)} in months {rows.loc[name, 'from_month']:.0f} to "
        f"{rows.loc[name, 'months']:.0f} after sign-up"
        for name in ("fast", "slow")
        if name in rows.index and known(rows.loc[name, "estimate"])
    ]
    return f"First expansions, out of 100 accounts: {words.list(said)}." if said else ""


def _often(rates: Result, words: Words) -> str:
    rows = {
        measure: rates.row(attribute="all", level="all", measure=measure) for measure in ("expansion", "contraction")
    }
    if not known(rows["expansion"]["estimate"]):
        return "Too few accounts to say how often they expand."
    said = []
    for name, verb, noun in (("expansion", "expands", "expansion"), ("contraction", "cuts back", "cut")):
        row = rows[name]
        if row["events"] < _RARE:
            said.append(f"there {'was' if row['events'] == 1 else 'were'} {words.plural(row['events'], noun)} in all")
        else:
            who = "" if any("account" in each for each in said) else "an account "
            said.append(f"{who}{verb} {words.interval(*_three(row), 'ratio')} times a year")
    text = words.list(said)
    return f"{text[:1].upper()}{text[1:]}."


def _group(row: pd.Series, words: Words) -> str:
    side = "more often" if row["ratio"] > 1 else "less often"
    return f"{words.escape(uncapital(row['attribute_label']))} “{words.escape(row['level'])}” ({side})"


def _three(row: pd.Series) -> tuple[float, float, float]:
    return row["estimate"], row["low"], row["high"]


def _of_100(share: float, words: Words) -> str:
    return words.number(100 * share)


def _span(months: float, words: Words) -> str:
    return {12: "a year", 24: "two years"}.get(int(months), words.months(months))
