"""How long each account is followed, in whole months of age, whatever the shape of the data."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from customer_value.marts.ages import followed
from customer_value.marts.store import Marts, to_pandas

COLUMNS = ("entry", "exit", "event", "followed_to")


def lives(marts: Marts, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Everyone whose age is known: from which age on it is seen, until which, and whether it left then.

    Parameters
    ----------
    columns : of the accounts (of a flat table, its own), to go beside

    Returns
    -------
    One row an account, in the order of the ids: ``entry, exit`` (whole months), ``event``, ``followed_to`` (the age it
    would have been followed to had it stayed; of a flat table missing, which does not say it) and ``columns``.
    """
    if marts.meta.shape == "flat":
        return _tenures(marts, columns)
    return followed(marts)[list(COLUMNS)].assign(**{column: followed(marts, column)["value"] for column in columns})


def _tenures(marts: Marts, columns: Sequence[str]) -> pd.DataFrame:
    flat = marts.table("flat").order_by("customer_id")
    table = to_pandas(flat.select("tenure", "churned", *columns))
    tenure, churned = table.pop("tenure").astype(int), table.pop("churned").astype(bool)
    # Whoever left before a month was complete left in the first month.
    exit = tenure.where(~churned, tenure.clip(lower=1))
    entry = pd.Series(0, index=table.index)
    if marts.meta.observation == "snapshot":
        window = marts.meta.snapshot_window or 1
        # Everyone is watched for the window only. Those who left did so in its midst on average: for a window of an
        # even number of months half of them in the month before it, half in the month after.
        alike = [*columns, "exit", "churned"]
        turn = table.assign(exit=exit, churned=churned).groupby(alike, dropna=False).cumcount() + exit
        left_in = (window + 1) // 2 + (turn % 2 if window % 2 == 0 else 0)
        entry = (exit - pd.Series(window, index=table.index).where(~churned, left_in)).clip(lower=0)
    table = table.assign(entry=entry, exit=exit, event=churned, followed_to=pd.Series(float("nan"), index=table.index))
    return table[[*COLUMNS, *columns]]
