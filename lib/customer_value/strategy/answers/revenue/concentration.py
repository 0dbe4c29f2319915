"""How far a few accounts decide the revenue figures, in words."""

from __future__ import annotations

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known


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
