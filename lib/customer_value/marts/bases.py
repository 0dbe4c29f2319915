"""Closed cohorts between two closes: the accounts active at the first, and what became of them by the second."""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pandas as pd

from customer_value.errors import SettingsError
from customer_value.marts.dates import close_of_month
from customer_value.marts.months import at_day, holdings, states
from customer_value.marts.store import Marts, Meta, to_pandas

_ABOUT = (
    "name", "owner", "cohort_month", "first_plan", "first_term", "first_mrr", "first_seats", "opening_stock",
    "referred",
)  # fmt: skip


def state_at(marts: Marts, day: date) -> pd.DataFrame:
    """What every active account holds at the close of ``day``.

    Parameters
    ----------
    day : not after the as-of day

    Returns
    -------
    One row an account with an MRR above zero, by ``customer_id``: ``mrr``, and of its largest plan ``plan, term``
    (months), ``seats`` and ``next_due`` (the first due date after ``day``); missing where the rows do not say.

    Raises
    ------
    SettingsError : ``day`` lies after the as-of day
    """
    _seen(marts.meta, day)
    state = states(holdings(at_day(marts.table("lines"), day)))
    return to_pandas(state.select("customer_id", "mrr", "plan", "term", "seats", "next_due").order_by("customer_id"))


def period_base(marts: Marts, *, start: date, end: date) -> pd.DataFrame:
    """The accounts active at the close of ``start``, with what they pay at the close of ``end``.

    A closed cohort, point to point: new accounts are out, and an account that churned at any time between the two
    closes ends at 0. What returned is a column of its own.

    Parameters
    ----------
    start, end : days at whose close the accounts are looked at; not after the as-of day

    Returns
    -------
    One row an account, by ``customer_id``: ``start_mrr, end_mrr, returned_mrr`` (of a lost account that is back at
    ``end``), ``lost``, ``end_kind, end_reason`` (of the first end in the period), ``due`` (whether the term that ran at
    ``start`` came due after ``start`` and by ``end``; a term not stated is never due), ``plan, term, seats`` at
    ``start``, ``name, owner, cohort_month, first_plan, first_term, first_mrr, first_seats, opening_stock, referred``
    and every declared attribute. Money is MRR.

    Raises
    ------
    SettingsError : the days are in the wrong order, lie after the as-of day or before the data are complete, or
        nobody is active at ``start``
    """
    _seen(marts.meta, end)
    if start >= end:
        raise SettingsError(
            f"A period must start before it ends.\n  got:      {start} to {end}\n  remedy:   swap the two days"
        )
    if start < marts.meta.complete_from:
        raise SettingsError(
            "A period must not start before the data are complete: accounts seen later would be missing.\n"
            f"  got:      {start} (complete from {marts.meta.complete_from})\n"
            "  remedy:   choose a later start"
        )
    # Nearly every question of a chapter starts from the same base.
    return marts.once(("period_base", start, end), lambda: _period_base(marts, start, end)).copy()


def _period_base(marts: Marts, start: date, end: date) -> pd.DataFrame:
    base = state_at(marts, start).rename(columns={"mrr": "start_mrr"})
    if base.empty:
        raise SettingsError(
            f"Nobody is a customer when the period starts.\n  got:      {start}\n  remedy:   choose another start"
        )
    spells = marts.table("spells")
    inside = (spells.end_date > ibis.literal(start)) & (spells.end_date <= ibis.literal(end))
    running = spells.event & (spells.start_date <= ibis.literal(start)) & inside
    ended = to_pandas(spells.filter(running).select("customer_id", "end_kind", "end_reason").order_by("customer_id"))
    base = base.merge(ended.assign(lost=True), on="customer_id", how="left")
    base["lost"] = base["lost"].eq(True)
    closing = base["customer_id"].map(state_at(marts, end).set_index("customer_id")["mrr"]).fillna(0.0)
    base["end_mrr"] = np.where(base["lost"], 0.0, closing)
    base["returned_mrr"] = np.where(base["lost"], closing, 0.0)
    base["due"] = base["next_due"] <= pd.Timestamp(end)
    attributes = [name for name in sorted(marts.meta.attributes) if name in marts.table("accounts").columns]
    about = to_pandas(marts.table("accounts").select("customer_id", *_ABOUT, *attributes))
    base = base.merge(about, on="customer_id", how="left", validate="one_to_one")
    order = ["customer_id", "start_mrr", "end_mrr", "returned_mrr", "lost", "end_kind", "end_reason", "due"]
    return base[[*order, "plan", "term", "seats", *_ABOUT, *attributes]]


def default_period(meta: Meta) -> tuple[date, date]:
    """The last twelve whole months, or as many as there are, as the two closes they lie between.

    Raises
    ------
    SettingsError : the data hold no whole month after their first
    """
    start = end = None
    if meta.as_of is not None:
        end = close_of_month(meta.last_month)
        year_before = close_of_month(end.replace(year=end.year - 1, day=1))
        # The first close with everybody there to look at: of a company younger than a year, its first month's.
        start = max(year_before, close_of_month(meta.complete_from))
    if end is None or start >= end:
        raise SettingsError(
            "A period needs at least one whole month after the data begin.\n"
            f"  got:      {meta.first_month} to {meta.last_month} (as of {meta.as_of})\n"
            "  remedy:   bring more months, or a later as-of day"
        )
    return start, end


def _seen(meta: Meta, day: date) -> None:
    if meta.as_of is None:
        raise SettingsError(
            "A table of tenures has no calendar, so no day can be looked at.\n"
            "  remedy:   bring subscriptions, or leave out the chapters that need them"
        )
    if day > meta.as_of:
        raise SettingsError(
            f"Nothing is known after the as-of day.\n  got:      {day} (as of {meta.as_of})\n"
            "  remedy:   choose an earlier day, or a later as-of day"
        )
