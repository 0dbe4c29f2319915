"""What a change of an account's revenue is made of: price, seats, plan, add-ons and discount.

The revenue of a product is its quantity times its list price times the share of the list price that is paid. Each of
the three gets what it changes when it moves first, second or last, averaged over the orders in which they could move
(the Shapley value): no order is preferred and nothing is left over. With the discount unchanged, or unknown, that is
the midpoint rule: a change of price is valued at the average quantity, a change of quantity at the average price.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from customer_value.marts.spells import MONEY

PARTS = ("price", "seats", "plan", "addon", "discount")
"""What an expansion or a contraction is made of; the last only where list prices or discount rows are given."""

_NONE = 0
_KEYS = ("customer_id", "month", "kind", "product")


def column(part: str) -> str:
    """Where the mart `calendar_months` holds a part."""
    return f"{part}_part"


def parts_in(months: ir.Table) -> tuple[str, ...]:
    """Those of `PARTS` that the mart `calendar_months` holds; they add up to the change of an account that stays."""
    return tuple(part for part in PARTS if column(part) in months.columns)


def shows_discounts(lines: ir.Table) -> bool:
    """Whether the rows tell price from discount: some state their list price, or are discounts themselves."""
    told = lines.list_mrr.notnull() | (lines.mrr < 0)
    return bool(lines.filter(told).limit(1).count().execute())


def parts(held: ir.Table, spans: ir.Table, *, discounts: bool) -> ir.Table:
    """Price, seats, plan, add-on and discount parts of every account's change between two closes.

    Parameters
    ----------
    held : what `customer_value.marts.months.holdings` gives at both closes
    spans : ``opening, close`` and a ``month`` that names the two
    discounts : whether there is a discount part; without one, discounts are in the price

    Returns
    -------
    One row an account and month, a column a part (`column`), money; they add up to the change exactly.

    References
    ----------
    Shapley (1953); Shorrocks (2013), decomposition procedures for distributional analysis. With two factors it is the
    midpoint (Marshall–Edgeworth) rule.
    """
    pair = _pairs(held, spans)
    pair = _split(pair) if discounts else pair.mutate(seats=_seats(pair), discount=_money(_NONE))
    plan = pair.kind == "plan"
    # A row below zero is a discount, whatever product it names.
    reduces = ((pair.mrr0 < 0) | (pair.mrr1 < 0)).fill_null(False) & ibis.literal(discounts)
    stays = pair.kept & ~reduces
    swapped = plan & ~pair.kept & ~reduces
    pair = pair.mutate(
        seats_part=(plan & stays).ifelse(pair.seats, _money(_NONE)),
        # The remainder, so that the parts add up to the change exactly.
        price_part=(plan & stays).ifelse((pair.change - pair.seats - pair.discount).cast(MONEY), _money(_NONE)),
        plan_part=swapped.ifelse(pair.change, _money(_NONE)),
        addon_part=(~plan & ~reduces).ifelse(
            (pair.change - stays.ifelse(pair.discount, _money(_NONE))).cast(MONEY), _money(_NONE)
        ),
        discount_part=reduces.ifelse(pair.change, stays.ifelse(pair.discount, _money(_NONE))),
    )
    used = PARTS if discounts else PARTS[:-1]
    sums = {column(part): pair[column(part)].sum().cast(MONEY) for part in used}
    if not discounts:
        return pair.group_by("customer_id", "month").agg(**sums)
    by_account = pair.group_by("customer_id", "month").agg(
        **sums,
        mrr0=pair.mrr0.sum(where=swapped),
        mrr1=pair.mrr1.sum(where=swapped),
        list0=pair.list0.sum(where=swapped),
        list1=pair.list1.sum(where=swapped),
        listed=(pair.listed0.fill_null(0) + pair.listed1.fill_null(0)).sum(where=swapped),
        priced=(pair.priced0.fill_null(0) + pair.priced1.fill_null(0)).sum(where=swapped),
    )
    # Of a change of plan the discount that came or ended with it: share paid times list price, at the midpoint.
    granted = _midpoint(_paid(by_account, 1) - _paid(by_account, 0), _float(by_account.list0), _float(by_account.list1))
    known = (by_account.list0 > 0) & (by_account.list1 > 0) & _comparable(by_account.listed, by_account.priced)
    granted = known.fill_null(False).ifelse(_rounded(granted), _money(_NONE))
    return by_account.mutate(
        plan_part=(by_account.plan_part - granted).cast(MONEY),
        discount_part=(by_account.discount_part + granted).cast(MONEY),
    ).select("customer_id", "month", *(column(part) for part in PARTS))


def _pairs(held: ir.Table, spans: ir.Table) -> ir.Table:
    """What an account held of each product at the two closes, side by side."""
    names = {"mrr": "mrr", "quantity": "quantity", "unit": "unit", "list": "list_mrr", "listed": "listed",
             "priced": "priced"}  # fmt: skip
    before = held.join(spans, held.day == spans.opening).select(
        *_KEYS, **{f"{new}0": name for new, name in names.items()}
    )
    after = held.join(spans, held.day == spans.close).select(*_KEYS, **{f"{new}1": name for new, name in names.items()})
    pair = before.outer_join(after, list(_KEYS), rname="right_{name}")
    pair = pair.mutate(**{key: ibis.coalesce(pair[key], pair[f"right_{key}"]) for key in _KEYS})
    pair = pair.drop(*(f"right_{key}" for key in _KEYS))
    kept = pair.mrr0.notnull() & pair.mrr1.notnull()
    return pair.mutate(
        kept=kept,
        counted=(kept & (pair.quantity0 > 0) & (pair.quantity1 > 0) & pair.unit0.identical_to(pair.unit1)).fill_null(
            False
        ),
        change=(pair.mrr1.fill_null(0) - pair.mrr0.fill_null(0)).cast(MONEY),
    )


def _seats(pair: ir.Table) -> ir.Value:
    """The seats' part of a product held at both closes, by the midpoint rule."""
    mean_price = (_float(pair.mrr0) / pair.quantity0 + _float(pair.mrr1) / pair.quantity1) / 2
    return pair.counted.ifelse(_rounded((pair.quantity1 - pair.quantity0) * mean_price), _money(_NONE))


def _split(pair: ir.Table) -> ir.Table:
    """The seats' and the discount's part of a product held at both closes, averaged over the orders of change."""
    listed = pair.listed0 + pair.listed1
    known = pair.kept & (pair.list0 > 0) & (pair.list1 > 0) & _comparable(listed, pair.priced0 + pair.priced1)
    pair = pair.mutate(
        told=known.fill_null(False),
        q0=pair.counted.ifelse(pair.quantity0, ibis.literal(1.0)),
        q1=pair.counted.ifelse(pair.quantity1, ibis.literal(1.0)),
    )
    pair = pair.mutate(
        p0=_float(pair.list0) / pair.q0, p1=_float(pair.list1) / pair.q1, f0=_paid(pair, 0), f1=_paid(pair, 1)
    )
    seats = _average(pair.q1 - pair.q0, pair.p0, pair.p1, pair.f0, pair.f1)
    discount = _average(pair.f1 - pair.f0, pair.q0, pair.q1, pair.p0, pair.p1)
    return pair.mutate(
        seats=(pair.told & pair.counted).ifelse(_rounded(seats), _seats(pair)),
        discount=pair.told.ifelse(_rounded(discount), _money(_NONE)),
    )


def _average(step: ir.Value, a0: ir.Value, a1: ir.Value, b0: ir.Value, b1: ir.Value) -> ir.Value:
    """What a step of one of three factors is worth, over all orders in which the three could have changed."""
    return step * ((a0 * b0 + a1 * b1) / 3 + (a0 * b1 + a1 * b0) / 6)


def _midpoint(step: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
    return step * (before + after) / 2


def _paid(table: ir.Table, side: int) -> ir.Value:
    """Which share of the list price is paid."""
    return _float(table[f"mrr{side}"]) / _float(table[f"list{side}"]).nullif(0)


def _comparable(listed: ir.Value, priced: ir.Value) -> ir.Value:
    """Whether all rows state a list price, or none does: then only rows that are discounts themselves take from it."""
    return (listed == priced) | (listed == 0)


def _float(amount: ir.Value) -> ir.Value:
    return amount.cast("float64")


def _rounded(amount: ir.Value) -> ir.Value:
    return amount.round(4).cast(MONEY)


def _money(amount: int) -> ir.Value:
    return ibis.literal(amount).cast(MONEY)
