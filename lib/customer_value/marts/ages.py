"""From which age on each account is followed, until which, and how that ended: columns to be counted by age."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from customer_value.marts.dates import months_since
from customer_value.marts.store import Marts


def followed(marts: Marts, column: str | None = None) -> pd.DataFrame:
    """Every account of known age, with what a column of the accounts says of it.

    Both marts hold each account once, in the order of the ids, so that a million of them are read side by side and need
    no join.

    Parameters
    ----------
    column : of the accounts, as ``value``; None for none

    Returns
    -------
    One row an account, in the order of the ids: ``entry, exit`` (whole months), ``event``, ``end_kind``,
    ``followed_to`` (the age it would have been followed to had it stayed: the as-of day, not leaving, sets that) and
    ``value``; text as categoricals.
    """
    spells = marts.table("spells")
    first = spells.filter(spells.spell == 1)
    read = first.select(
        "end_kind", "origin_date", entry="entry_month", exit="exit_month", event="event_month"
    ).to_pyarrow()
    known = pc.and_(pc.is_valid(read["entry"]), pc.is_valid(read["exit"]))
    if column is not None:
        accounts = marts.table("accounts")
        value = accounts[column].cast("float64") if accounts[column].type().is_decimal() else accounts[column]
        read = read.append_column("value", accounts.select(value=value).to_pyarrow()["value"])
    read = read.filter(known)
    columns: dict[str, np.ndarray | pd.Series] = {name: read[name].to_numpy() for name in ("entry", "exit", "event")}
    columns["followed_to"] = np.maximum(_months_to(marts, first, read["origin_date"]), columns["exit"])
    for name in ("end_kind", *(["value"] if column is not None else [])):
        # Words are kept once each.
        words = pa.types.is_string(read[name].type)
        columns[name] = (read[name].dictionary_encode() if words else read[name]).to_pandas(date_as_object=False)
    return pd.DataFrame(columns, copy=False)


def _months_to(marts: Marts, first: ir.Table, origin: pa.ChunkedArray) -> np.ndarray:
    """Whole months from each origin to the as-of day; reckoned once a day, not once an account."""
    days = first.filter(first.origin_date.notnull()).select("origin_date").distinct()
    whole = months_since(days.origin_date, ibis.literal(marts.meta.as_of))
    found = days.select("origin_date", whole=whole).to_pyarrow()
    return found["whole"].to_numpy()[pc.index_in(origin, found["origin_date"]).to_numpy()]
