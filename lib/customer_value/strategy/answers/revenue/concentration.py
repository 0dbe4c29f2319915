"""How far a few accounts decide the revenue figures, in words."""

from __future__ import annotations

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known


def influence(result: Result, largest: Result, *, words: Words) -> str:
    """How concentrated revenue is, what single accounts do to net retention, and whether a few decide it."""
    size, ten, gini = (result.row(measure=name) for name in ("effective_n", "top_ten_share", "gini"))
    text = (
        f"The ten largest of {words.plural(ten['n'], 'account')} paid {words.share(ten['estimate'])} of the opening "
        f"revenue; the Gini coefficient is {words.number(gini['estimate'], 2)}, where nought means that all pay alike "
        "and one that a single account pays everything."
    )
    text = f"{text} {_without(result, largest, words)}".strip()
    if size["few_accounts"]:
        return (
            f"{text} **A few accounts decide the revenue figures**: all accounts together tell as much as "
            f"{words.plural(round(size['estimate']), 'account')} of equal size, so no decision stands on these figures."
        )
    return (
        f"{text} No few accounts decide the figures: together they tell as much as "
        f"{words.plural(round(size['estimate']), 'account')} of equal size."
    )


def _without(result: Result, largest: Result, words: Words) -> str:
    net, without, furthest = (
        result.row(measure=name) for name in ("net", "net_without_largest", "net_without_most_influential")
    )
    if not known(net["estimate"]) or not known(without["estimate"]):
        return ""
    everyone, others, moved = (words.share(row["estimate"], 1) for row in (net, without, furthest))
    if everyone == others:
        text = f"Net retention is {everyone} with or without the largest account."
    else:
        text = f"Without the largest account net retention would read {others} instead of {everyone}."
    if moved in (everyone, others):
        return text
    gap = (largest.table["net_without"] - net["estimate"]).abs()
    most = largest.table.loc[gap.idxmax()]
    name = words.escape(most["name"] if isinstance(most["name"], str) else most["customer_id"])
    return f"{text} The single account that moves it most is “{name}”: without it, net retention would read {moved}."
