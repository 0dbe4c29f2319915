"""Where recurring revenue came from and where it went, in words."""

from __future__ import annotations

from datetime import date

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known

_STREAMS = {
    "new": "new accounts",
    "expansion": "expansion of existing accounts",
    "reactivation": "accounts that came back",
    "contraction": "decreases of existing accounts",
    "churn": "accounts that left",
}

_DISCOUNTS = {"expansion": "discounts that ended", "contraction": "new or larger discounts"}
_PARTS = {
    "price": "price",
    "seats": "seats",
    "plan": "changes of plan",
    "addon": "add-ons",
}


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
    """What expansions and contractions were mostly made of, and what discounts took or gave back."""
    clauses = []
    for movement, noun in (("expansion", "growth"), ("contraction", "decreases")):
        rows = result.where(movement=movement).table
        sign = 1 if movement == "expansion" else -1
        main = rows.loc[(sign * rows["estimate"]).idxmax()]
        if sign * main["estimate"] <= 0:
            clauses.append(f"there were no {noun}" if movement == "contraction" else f"there was no {noun}")
        else:
            what = _DISCOUNTS[movement] if main["part"] == "discount" else _PARTS[main["part"]]
            clauses.append(
                f"the largest part of the {noun} was {what} "
                f"({words.money(sign * main['estimate'])} of monthly revenue, {words.share(main['share'])} of all)"
            )
    return f"Within the accounts, {words.list(clauses)}.{_discounts(result, words)}"


def _discounts(result: Result, words: Words) -> str:
    """What discounts took from, or gave back to, the revenue of accounts that stayed."""
    rows = result.table[result.table["part"] == "discount"]
    net = rows["estimate"].sum()
    if rows.empty or words.money(abs(net)) == words.money(0):
        return ""
    if net < 0:
        return f" Discounts given, less those that ended, took {words.money(-net)} of monthly revenue."
    return f" Discounts that ended, less those given, brought {words.money(net)} of monthly revenue."


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
    return named(movers.with_table(table))


def named(accounts: Result) -> Result:
    """The same rows, in which an account without a name goes by its id."""
    table = accounts.table
    return accounts.with_table(table.assign(name=table["name"].fillna(table["customer_id"])))


def _change(opening: float, closing: float, words: Words) -> str:
    """ "grew by 30%, from £712k to £928k"."""
    ends = f"from {words.money(opening)} to {words.money(closing)}"
    if not opening > 0:
        return f"went {ends}"
    growth = closing / opening - 1
    if words.share(growth, 1) in ("0.0%", "0%"):
        return f"stayed at {words.money(closing)}"
    return f"{'grew' if growth > 0 else 'fell'} by {words.share(abs(growth))}, {ends}"
