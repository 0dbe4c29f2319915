"""What the expansion chapter found about use and plans, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    "under": "like the plan above",
    "over": "like the plan below",
    "grew": "expanded since",
    "moved_up": "moved to a higher plan since",
    "gave_up": "cut back or left since",
    "raw": "as they are",
    "adjusted": "made alike",
}
"""What keys of these results are called."""

PAIR = ("as they are", "made alike")
"""What hollow and filled dots are."""

CAVEAT = (
    "Use alone does not say that an account would pay more: it may have all it needs on the plan it has, or use much "
    "because it is well served. The list says where to ask, not what will be answered."
)


def headline(totals: Result, plans: Result, validation: Result, *, words: Words) -> str:
    """How many accounts use as much as the plan above, and whether that foretold anything."""
    if plans.table.empty:
        return "There are no two plans with enough accounts and recorded use to compare"
    if not plans.table["apart"].any():
        return "Use does not tell the plans apart, so it cannot say who is on the wrong one"
    under = totals.table[totals.table["side"] == "under"]
    listed, of = int(under["events"].sum()), int(under["n"].sum())
    if not listed:
        return "No account uses as much as the middle account of the plan above"
    return (
        f"{words.count(listed, of)} accounts use more than the middle account of the plan above; {_outcome(validation)}"
    )


def detail(totals: Result, plans: Result, validation: Result, *, months: int, words: Words) -> str:
    """The money in both lists with its range, how well use tells plans apart, and the test a year on."""
    if plans.table.empty:
        return "At least two plans with enough accounts, and use on record, are needed for that."
    text = [_apart(plans, months, words)]
    for side, said in (
        (
            "under",
            "If all of them moved up, they would pay {money} more a year at list prices and their present discounts",
        ),
        (
            "over",
            "{count} use less than the middle account of the plan below; if all of them moved down, they would pay "
            "{money} "
            "less a year",
        ),
    ):
        rows = totals.table[totals.table["side"] == side]
        if rows["events"].sum() > 0:
            money = words.money(rows["money"].sum())
            between = words.money_range(rows["money_low"].sum(), rows["money_high"].sum())
            count = words.count(int(rows["events"].sum()), int(rows["n"].sum()))
            text.append(
                f"{said.format(money=money, count=count)} ({between}, by the discounts usual on the other plan)."
            )
    text.append(_tested(validation, words))
    return " ".join(part for part in text if part)


def strips_caption(strips: Result, *, months: int, words: Words) -> str:
    """How many lie beyond the middle of a neighbouring plan."""
    counts = strips.table.drop_duplicates("plan")
    under, over = int(counts["under"].sum()), int(counts["over"].sum())
    return (
        f"**{words.plural(under, 'account')} above the middle of the next plan, {words.number(over)} below that of "
        "the one before.** Each strip is a plan, each dot one of its accounts (a selection evenly spaced where there "
        f"are many), placed by its use over {words.months(months)}; the black line is the plan's middle account. "
        "Plans next to each other that use does not tell apart put nobody on a list."
    )


def totals_caption(totals: Result, *, words: Words) -> str:
    """What the table adds up."""
    return (
        "Accounts whose use lies beyond the middle account of the neighbouring plan, of all on their plan, and the "
        "difference in price if they moved there, a year. " + CAVEAT
    )


def totals_page(totals: Result, *, words: Words) -> Result:
    """The same with the money and its range in words, in as many digits as they carry, as ``worth, between``."""
    rows = [row for _, row in totals.table.iterrows()]
    said = pd.DataFrame(
        {
            "worth": [words.money(row["money"]) for row in rows],
            "between": [words.money_range(row["money_low"], row["money_high"]) for row in rows],
        },
        index=totals.table.index,
        dtype=object,
    )
    return totals.with_table(totals.table.join(said))


def listed_caption(listed: Result, *, words: Words) -> str:
    """How long the list is and how it is ordered."""
    return (
        f"The {words.plural(len(listed.table), 'account')} on either list, most money first: the difference in price "
        "of a move to the other plan, a year. The file has all of them."
    )


def listed_page(listed: Result) -> Result:
    """The list with a name for every account: its id where it has none."""
    table = listed.table
    named = table["name"].where(table["name"].notna(), table["customer_id"])
    return listed.with_table(table.assign(name=named))


def validation_caption(validation: Result, *, words: Words) -> str:
    """What a year showed."""
    table = validation.table[validation.table["kind"] == "adjusted"]
    alike = alike_in(max(table["adjusted_for"], key=len, default=""), words)
    return (
        f"**{_outcome(validation)[:1].upper()}{_outcome(validation)[1:]}.** Accounts on either list when the period "
        "began less accounts on the same plans whose use fitted, in percentage points; hollow as they are, filled at "
        f"equal {alike or 'plan'}; the bar is the range."
    )


def validated(validation: Result) -> Result:
    """The rows that could be compared, keyed ``side, outcome, kind``."""
    return validation.with_table(validation.table[validation.table["estimate"].notna()])


def _apart(plans: Result, months: int, words: Words) -> str:
    table = plans.table
    said = [
        f"“{words.escape(row['higher'])}” uses more in {words.share(row['estimate'])} of pairs with "
        f"“{words.escape(row['lower'])}”"
        for _, row in table.iterrows()
    ]
    return (
        f"Use over the last {words.months(months)} was put into one number that best tells plans apart. Of two "
        f"accounts drawn at random, the one on the higher plan uses more: {words.list(said)} (half would be chance)."
    )


def _outcome(validation: Result) -> str:
    for side, outcome, what in (("under", "grew", "grow"), ("over", "gave_up", "cut back or leave")):
        row = _adjusted(validation, side, outcome)
        if row is None:
            continue
        such = "such accounts" if side == "under" else "accounts that used little for their plan"
        clear = row["p_adjusted"] <= 1 - (validation.level or 0.95)
        if clear and row["low"] > 0:
            return f"a year earlier {such} did {what} more often than like accounts"
        if clear and row["high"] < 0:
            return f"a year earlier {such} did {what} less often than like accounts"
        return f"a year earlier {such} did not clearly {what} more often than like accounts"
    return "too few were on such a list a year earlier to say whether it foretells anything"


def _tested(validation: Result, words: Words) -> str:
    text = []
    for side, outcome, did in (("under", "grew", "expanded"), ("over", "gave_up", "cut back or left")):
        row = _adjusted(validation, side, outcome)
        if row is None:
            continue
        raw = _row(validation, side, outcome, "raw")
        which = "that list" if side == "under" else "the other list"
        ends = f"{words.points(row['estimate'])} ({_ends(row, words)})"
        text.append(
            f"Of {words.plural(row['n'], 'account')} that would have been on {which} when the period began, "
            f"{words.share(raw['share'])} {did} in it, of accounts on the same plans whose use fitted "
            f"{words.share(raw['rest_share'])}; at equal {alike_in(row['adjusted_for'], words) or 'plan'} the "
            f"difference is {ends}."
        )
    return " ".join(text)


def _ends(row: pd.Series, words: Words) -> str:
    return words.range(row["low"], row["high"], "points").removesuffix(" percentage points")


def _adjusted(validation: Result, side: str, outcome: str) -> pd.Series | None:
    row = _row(validation, side, outcome, "adjusted")
    return row if row is not None and known(row["low"]) else None


def _row(validation: Result, side: str, outcome: str, kind: str) -> pd.Series | None:
    table = validation.table
    rows = table[(table["side"] == side) & (table["outcome"] == outcome) & (table["kind"] == kind)]
    return rows.iloc[0] if len(rows) else None
