"""The answers of the data-quality chapter in words: can these data carry the report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words


def headline(rules: Result, *, words: Words) -> str:
    """One short sentence: what stands in the way of trusting the numbers, if anything."""
    table = rules.table
    aside = table.loc[table["verdict"] == "set aside", "estimate"].sum()
    warnings = (table["verdict"] == "warning").sum()
    if aside:
        return f"The data carry this report; {words.plural(aside, 'row')} had to be set aside"
    if warnings:
        return f"The data carry this report, with {words.plural(warnings, 'thing')} to know about them"
    return "The data carry this report"


def detail(rules: Result, who: Result, freshness: Result, *, as_of: date | None, words: Words) -> str:
    """How many rules were checked on how many accounts, and how fresh the data are."""
    table = rules.table
    broken = int((table["verdict"] != "passed").sum())
    checked = (
        f"{words.plural(len(table), 'rule')} were checked on {words.plural(who.row(step='accounts')['n'], 'account')}"
    )
    held = "all of them hold" if not broken else f"{words.number(broken)} found something, listed below"
    if as_of is None:
        return f"{checked}; {held}. The table has one row an account and no dates, so nothing can be said about time."
    seen = f"Everything is seen as of the close of {words.date(as_of)}; nothing later counts."
    starts = freshness.table.loc[freshness.table["what"] == "last start", "estimate"]
    fresh = ""
    if len(starts):
        ago = words.plural(starts.iloc[0], "day")
        fresh = f" The last account started {f'{ago} before' if starts.iloc[0] else 'on that day'}."
    return f"{checked}; {held}. {seen}{fresh}"


def warnings(texts: Iterable[str], *, words: Words) -> str:
    """What the marts noticed about time and entry, as a list; says so where there is nothing."""
    listed = [f"- {words.escape(text)}" for text in texts]
    return "\n".join(listed) if listed else "Nothing unusual about when the data begin or when accounts enter them."


def missing(tables: Result, *, words: Words) -> str:
    """The optional tables that were not brought, in one sentence."""
    absent = tables.table.loc[tables.table["present"] == "no", "table"]
    if absent.empty:
        return "Every table of the contract is there."
    names = words.list([f"`{name}`" for name in absent])
    return (
        f"{words.plural(len(absent), 'optional table')} {'is' if len(absent) == 1 else 'are'} not there: {names}. "
        "The table above says what each would add and which of them no chapter reads yet: bringing one of those "
        "changes nothing in this report today. The data dictionary says which columns each takes."
    )


def noteworthy(rules: Result) -> Result:
    """Only the rules that found something."""
    return rules.with_table(rules.table[rules.table["verdict"] != "passed"])


def found(rules: Result, *, words: Words) -> str:
    """How what the rules found is to be taken; that all of them hold, where they do."""
    text = "A rule that would make numbers wrong stops the run, so "
    if noteworthy(rules).table.empty:
        return f"{text}none of those was broken; and every one of the {words.plural(len(rules.table), 'rule')} holds."
    return (
        f"{text}whatever is listed here was either set aside with a reason or is something to keep in mind while "
        "reading. Rows set aside lie beside this report, in `set_aside`."
    )


def volumes_caption(volumes: Result, *, words: Words) -> str:
    """The busiest month against the typical one, and what the lines count."""
    starts = volumes.where(what="rows starting").table
    if not len(starts):
        return "Rows and accounts that start and end in each whole month."
    busiest = starts.loc[starts["estimate"].idxmax()]
    return (
        f"**The busiest month, {words.month(busiest['month'])}, has {words.plural(busiest['estimate'], 'new row')}; "
        f"the typical one (the median) has {words.number(starts['estimate'].median())}.** Rows and accounts that start "
        "and end in each whole month. A renewal billed as a new row counts as one row that ends and one that starts."
    )
