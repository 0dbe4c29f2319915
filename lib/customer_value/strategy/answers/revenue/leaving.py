"""Who leaves, in words."""

from __future__ import annotations

from customer_value.stats.result import Result
from customer_value.strategy.wording import UNKNOWN, Words, known


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
