"""What counts as revenue and as a customer here, in words."""

from __future__ import annotations

from collections.abc import Mapping

from customer_value.strategy.wording import Words


def basis(
    *,
    grace_days: int,
    never_paid: int,
    conversions: Mapping[str, Mapping[str, float]],
    changed_currency: int,
    words: Words,
) -> str:
    """In which currency, at which rates, who is a customer, and what a gap means, as a list.

    Parameters
    ----------
    grace_days, never_paid, conversions, changed_currency : as `customer_value.marts.Meta` has them
    """
    said = [_money(conversions, changed_currency, words)]
    free = (
        f"{words.plural(never_paid, 'account')} never paid anything and {'is' if never_paid == 1 else 'are'} in no "
        "figure of this chapter. "
        if never_paid
        else ""
    )
    said.append(
        f"A customer is who pays. {free}An account on a free plan becomes a customer on the day it first pays, and is "
        "one no longer when it pays nothing again."
    )
    said.append(
        f"A gap of up to {words.plural(grace_days, 'day')} is a pause: the last revenue carries through it. After a "
        "longer one the account has left, and counts as returned if it comes back."
    )
    said.append(
        "A row below zero is a discount of the account that it belongs to. Refunds and one-off credits are not "
        "recurring revenue, and an account cannot pay less than nothing."
    )
    return "\n".join(f"- {text}" for text in said)


def _money(conversions: Mapping[str, Mapping[str, float]], changed: int, words: Words) -> str:
    if not words.currency:
        return "The data do not say in which currency they are."
    text = f"All money is in {words.currency}."
    if not conversions:
        return text
    rates = [
        f"{words.plural(about['accounts'], 'account')} in {code} at {about['rate']:g} {words.currency} for one {code}"
        for code, about in sorted(conversions.items())
    ]
    text += (
        f" Converted: {words.list(rates)}. Each rate is the same throughout, since one that moved would look like "
        "accounts growing and shrinking."
    )
    if changed:
        text += (
            f" {words.plural(changed, 'account')} changed currency; what that did to their revenue is reckoned at the "
            "same rates."
        )
    return text
