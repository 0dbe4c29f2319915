"""What a new account brings in and when it has repaid its cost, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

HEADS: Mapping[str, str] = {
    **LABELS,
    "cohort": "Began in",
    "revenue": "Brought in",
    "cost": "Cost to win",
    "multiple": "Times its cost",
    "payback": "Repaid after",
    "rest_multiple": "All others",
}
"""`LABELS` as the tables of money need them."""

_EVERY_QUARTER = 3


def headline(economics: Result, *, age: int, words: Words) -> str:
    """When an account has repaid its cost; without costs, what it brings in by the age compared."""
    payback, revenue = _of_all(economics, "payback"), _of_all(economics, "revenue")
    if known(payback["estimate"]):
        return f"A new account has repaid what it cost to win after {words.months(payback['estimate'])}"
    if known(payback["low"]):
        seen = words.months(payback["followed_to"])
        return f"A new account has not repaid what it cost to win within the {seen} observed"
    if known(revenue["estimate"]):
        return f"A new account brings in {words.money(revenue['estimate'])} in its first {words.months(age)}"
    return "Too few new accounts have been followed to say what one brings in"


def detail(economics: Result, *, age: int, margin: float, as_of: date | None, words: Words) -> str:
    """Cost, revenue and multiple with their ranges; in whom, as of when."""
    revenue, cost, multiple, payback = (_of_all(economics, name) for name in ("revenue", "cost", "multiple", "payback"))
    said = []
    if known(cost["estimate"]):
        said.append(f"Winning one cost {words.interval(cost['estimate'], cost['low'], cost['high'], 'money')}.")
    if known(revenue["estimate"]):
        found = words.interval(revenue["estimate"], revenue["low"], revenue["high"], "money")
        times = ""
        if known(multiple["estimate"]):
            ratio = words.interval(multiple["estimate"], multiple["low"], multiple["high"], "ratio")
            times = f", {ratio} times what it cost"
        said.append(f"In its first {words.months(age)} it brings in {found} of {_money(margin, words)}{times}.")
    said.append(_payback_range(payback, words))
    who = f"Measured on {words.plural(revenue['n'], 'account')} that began within the data, those that left included"
    seen = f", as of {words.date(as_of)}" if as_of else ""
    said.append(f"{who}{seen}; ranges hold with {words.share(economics.level or 0.95)} confidence.")
    if bool(payback["few_accounts"]) or bool(revenue["few_accounts"]):
        said.append("A few large accounts decide these figures.")
    return " ".join(part for part in said if part)


def _payback_range(payback: pd.Series, words: Words) -> str:
    seen = words.months(payback["followed_to"]) if known(payback["followed_to"]) else ""
    if known(payback["estimate"]) and known(payback["high"]):
        return f"The month of payback lies between {words.range(payback['low'], payback['high'], 'months')}.".replace(
            " to ", " and ", 1
        )
    if known(payback["estimate"]):
        return (
            f"Payback takes at least {words.months(payback['low'])}; it cannot be said for sure that the cost is "
            f"repaid within the {seen} observed."
        )
    if known(payback["low"]):
        return (
            f"Payback takes at least {words.months(payback['low'])}: within the {seen} observed in enough accounts the "
            "cost is not repaid."
        )
    return ""


def who(economics: Result, brought_in: Result, *, source: str, margin: float, words: Words) -> str:
    """Who is in the study, where costs come from and what counts as revenue."""
    revenue, cost = _of_all(economics, "revenue"), _of_all(economics, "cost")
    said = [
        f"**Who is in the study.** All {words.plural(revenue['n'], 'account')} whose start lies within the data, "
        "whether still here or gone; accounts that were customers before are left out, since their early revenue was "
        "not seen. "
        "Revenue is the recurring revenue of each month of age, taken at its beginning, that of returners included."
    ]
    if margin < 1:
        said.append(f"Of it {words.share(margin)} counts, the gross margin.")
    if source == "recorded":
        missing = revenue["n"] - cost["n"]
        said.append("What an account cost to win is as recorded for it.")
        if missing > 0:
            said.append(
                f"It is not recorded for {words.plural(missing, 'account')}, which are left out where revenue is set "
                "against cost."
            )
    elif source == "allocated":
        said.append(
            "What an account cost to win is not recorded by account: it is its share of what the table of costs says "
            "was spent on winning accounts in the quarter in which it began."
        )
    said += [note for note in brought_in.notes if "too few" in note]
    return " ".join(said)


def no_costs(source: str, cost: Result, *, words: Words) -> str | None:
    """What is missing where no cost of winning accounts is known; None where it is."""
    if source and costed(cost):
        return None
    return words.spelling(
        "Nothing here says what it cost to win an account, so no payback can be reckoned. Bring `acquisition_cost` in "
        "the table of `customers`, or a table of `costs` by month with what is spent on marketing and sales."
    )


def payback_caption(brought_in: Result, economics: Result, *, margin: float, words: Words) -> str:
    """When the lines meet, then what is drawn."""
    payback = _of_all(economics, "payback")
    measured = f"Cumulative {_money(margin, words)} per account ever won, by months since sign-up, with its range"
    if not known(payback["low"]):
        return f"**{_brought_in_last(brought_in, words)}** {measured}."
    if known(payback["estimate"]):
        found = words.interval(payback["estimate"], payback["low"], payback["high"], "months")
        said = f"What an account brings in reaches what it cost after {found}."
    else:
        said = f"What an account brings in does not reach what it cost within {words.months(payback['followed_to'])}."
    return f"**{said}** {measured}, against the mean cost of winning one."


def _brought_in_last(brought_in: Result, words: Words) -> str:
    last = brought_in.table[brought_in.table["part"] == "brought_in"].iloc[-1]
    return f"By {words.months(last['age'])} an account has brought in {words.money(last['estimate'])}."


def another_margin(at_margin: Result, *, margin: float, served: float, words: Words) -> str:
    """How long payback takes once the cost of serving accounts is taken off; empty where it is not known.

    Parameters
    ----------
    at_margin : `studies.cohort_value.economics` at ``1 - served``
    margin : the one that the chapter goes by
    served : share of revenue spent on service, by the table of costs
    """
    if not known(served) or not 0 < served < 1 or margin < 1:
        return ""
    payback = _of_all(at_margin, "payback")
    left = words.share(1 - served)
    if known(payback["estimate"]):
        found = words.interval(payback["estimate"], payback["low"], payback["high"], "months")
        outcome = f"the cost is repaid after {found}"
    elif known(payback["low"]):
        outcome = f"the cost is not repaid within the {words.months(payback['followed_to'])} observed"
    else:
        return ""
    return (
        f"Revenue has costs of its own. By the table of costs, serving accounts takes {words.share(served)} of "
        f"revenue; of the {left} that is left, {outcome}."
    )


def cohorts_caption(cohorts: Result, *, age: int, words: Words) -> str:
    """Lowest and highest cohort at the age, then what is measured."""
    multiple = cohorts.name.startswith("multiple")
    unit = "ratio" if multiple else "money"
    rows = cohorts.table[(cohorts.table["age"] == age) & cohorts.table["estimate"].notna()]
    said = ""
    if len(rows) > 1:
        ends = words.range(rows["estimate"].min(), rows["estimate"].max(), unit)
        brought = f"{ends} times their cost" if multiple else ends
        said = f"**By {words.months(age)} accounts had brought in {brought}, from the lowest cohort to the highest.** "
    what = "as a multiple of what they cost to win" if multiple else "per account"
    pooling = " ".join(note for note in cohorts.notes if "pooled" in note)
    return f"{said}Cumulative revenue of all accounts of a cohort {what}, those that left included. {pooling}".strip()


def of_cohorts(multiples: Result, revenue: Result) -> Result:
    """What is drawn of cohorts: multiples of cost where there are any, else revenue."""
    return multiples if multiples.table["estimate"].notna().any() else revenue


def every_quarter(cohorts: Result) -> Result:
    """The cohorts at every third month of age, which a page has room for; what is too small stays named."""
    table = cohorts.table
    keep = (table["age"] % _EVERY_QUARTER == 0) | table["estimate"].isna()
    return quietly(cohorts).with_table(table[keep])


def at_age(cohorts: Result, *, age: int) -> Result:
    """The cohorts at one age."""
    return quietly(cohorts).where(age=age)


def groups_head(economics: Result) -> str:
    """The heading of the part on groups and how to read its figure; without costs only what groups bring in."""
    formed = "Groups are formed only by what was known of an account when it signed up."
    if not costed(economics):
        return f"## What each kind of account brings in {{#groups}}\n\n{formed}"
    return (
        "## Which accounts repay their cost, and how often {#groups}\n\nHow to read it: each dot is what a group's "
        "accounts had brought in by the age compared, as a multiple of what they cost to win; bars are ranges. Right "
        f"of the line the cost is repaid by that age. {formed}"
    )


def costed(economics: Result) -> bool:
    """Whether it is known what accounts cost to win."""
    return known(_of_all(economics, "cost")["estimate"])


def group_columns(economics: Result) -> list[str]:
    """The columns of the table of groups."""
    names = ["attribute_label", "level"]
    return [*names, "revenue", "cost", "estimate", "payback", "n"] if costed(economics) else [*names, "revenue", "n"]


def groups(economics: Result, *, words: Words) -> Result:
    """A row a group: what it brings in, what it cost, the multiple and the month of payback in words.

    The payback stands as text, for "not within 24 months" is an answer and no missing value.
    """
    table = economics.table
    keys = ["attribute", "attribute_label", "level"]
    wide = {name: rows.set_index(keys) for name, rows in table.groupby("metric", sort=False)}
    main = wide["multiple" if costed(economics) else "revenue"]
    page = main[["low", "high", "n"]].assign(
        estimate=wide["multiple"]["estimate"],
        revenue=wide["revenue"]["estimate"],
        cost=wide["cost"]["estimate"],
        payback=[_payback_text(row, words) for _, row in wide["payback"].iterrows()],
    )
    page = page.reset_index()
    return Result(
        name="acquisition_economics",
        table=page,
        keys=("attribute", "level"),
        unit="ratio",
        level=economics.level,
        n_of=economics.n_of,
        suppressed=int(page["estimate"].isna().sum()),
    )


def _payback_text(row: pd.Series, words: Words) -> str:
    if known(row["estimate"]) and known(row["high"]):
        return words.interval(row["estimate"], row["low"], row["high"], "months")
    if known(row["estimate"]):
        return f"{words.months(row['estimate'])} (at least {words.months(row['low'])})"
    if known(row["low"]):
        return f"not within {words.months(row['followed_to'])} (at least {words.months(row['low'])})"
    return ""


def multiples(economics: Result) -> Result:
    """The multiples of every group, for the figure."""
    table = economics.table[economics.table["metric"] == "multiple"]
    return Result(
        name="acquisition_multiples",
        table=table.drop(columns="metric").reset_index(drop=True),
        keys=("attribute", "level"),
        unit="ratio",
        level=economics.level,
        n_of="accounts",
        suppressed=int(table["estimate"].isna().sum()),
    )


def multiples_axis(*, age: int, words: Words) -> str:
    """What the figure of multiples measures."""
    return f"Brought in by {words.months(age)} over the cost of winning the account"


def multiples_caption(economics: Result, compared: Result, *, age: int, words: Words) -> str:
    """The highest and the lowest group whose difference to the others is clear, then what is drawn."""
    clear = _clear(compared)
    rows = economics.table[(economics.table["metric"] == "multiple") & (economics.table["attribute"] != "all")]
    repaid = rows[rows["low"] > 1]
    shown = rows["estimate"].notna().sum()
    said = f"By {words.months(age)}, {words.count(len(repaid), shown)} groups have clearly repaid what they cost to win"
    if len(clear):
        best = clear.loc[clear["estimate"].idxmax()]
        if best["estimate"] > 1:
            said += f"; “{words.escape(best['level'])}” {words.number(best['multiple'], 2)} times"
    return f"**{said}.** Revenue of a group's accounts over what they cost to win, with its range."


def groups_caption(economics: Result, *, age: int, words: Words) -> str:
    """What the table of groups holds."""
    if not costed(economics):
        return f"What an account brings in within its first {words.months(age)}; the file has the ranges."
    return (
        f"What an account brings in within its first {words.months(age)}, what it cost to win, how many times over "
        "that is, and when its cost is repaid; all groups with their ranges are in the file."
    )


def contrasts_caption(*, age: int, words: Words) -> str:
    """What the table of contrasts holds."""
    return (
        f"The clearest comparisons first: the multiple of cost by {words.months(age)}, this group's over that of all "
        "other accounts. The adjusted p corrects for the number of comparisons."
    )


def clearest_first(compared: Result) -> Result:
    """The contrasts by their p; those of groups too small to compare are left to the file."""
    table = compared.table.dropna(subset=["p"]).sort_values("p", kind="stable")
    return quietly(compared).with_table(table)


def _clear(compared: Result) -> pd.DataFrame:
    tested = compared.table.dropna(subset=["p"])
    return tested[tested["p_adjusted"] <= 1 - (compared.level or 0.95)].sort_values("p", kind="stable")


def contrasts(compared: Result, *, age: int, words: Words) -> str:
    """Which groups repay more or less of their cost than the others, after allowing for the number of looks."""
    tested = compared.table.dropna(subset=["p"])
    if tested.empty:
        return ""
    clear = _clear(compared)
    many = words.plural(len(tested), "comparison")
    if clear.empty:
        return (
            f"Of {many} between a group and all other accounts, none shows a clear difference in how much of their "
            f"cost accounts have brought in by {words.months(age)}, after allowing for the number of looks."
        )
    named = [
        f"“{words.escape(row.level)}” ({words.escape(row.attribute_label.lower())}) "
        f"{words.number(row.estimate, 2)} times the others{', decided by a few accounts' if row.few_accounts else ''}"
        for row in clear.itertuples()
    ]
    return (
        f"Of {many} between a group and all other accounts, {words.number(len(clear))} "
        f"{'is' if len(clear) == 1 else 'are'} clear after allowing for the number of looks. Multiple of cost by "
        f"{words.months(age)}: {words.list(named)}. These are raw comparisons: groups differ in more than what "
        "names them."
    )


def limits(*, margin: float, words: Words) -> str:
    """What the figures of money leave out, and what would change the answer."""
    money = (
        "Revenue is counted before the cost of serving accounts."
        if margin == 1
        else f"One gross margin, {words.share(margin)}, is taken for all."
    )
    return (
        f"{money} Only recurring revenue counts, and money spent early bears no interest. What was spent on accounts "
        "that never signed is in the cost only where the source put it there. Ranges are of chance alone; a price rise "
        "or a bad month that hits many accounts at once is not in them. Groups differ in more than what names them. "
        "The answer would change if costs were booked to other months than the accounts they won."
    )


def quietly(result: Result) -> Result:
    """The same without the study's notes, where the page's own text says them."""
    return Result(**{**vars(result), "notes": ()})


def _of_all(economics: Result, metric: str) -> pd.Series:
    return economics.row(attribute="all", level="all", metric=metric)


def _money(margin: float, words: Words) -> str:
    return "recurring revenue" if margin == 1 else f"gross margin ({words.share(margin)} of recurring revenue)"
