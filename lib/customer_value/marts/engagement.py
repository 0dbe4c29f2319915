"""How much, how broadly and how steadily accounts used the product before a close."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import pandas as pd

from customer_value.marts.dates import first_of_month
from customer_value.marts.standing import months_earlier, usage_measure
from customer_value.marts.store import Marts, to_pandas

_COLUMNS = ("usage", "months_exposed", "months_used", "features")


def engagement(marts: Marts, close: date, *, months: int) -> pd.DataFrame:
    """Use over the whole months before the day after ``close``.

    Parameters
    ----------
    close : the last day that counts; of a month not yet over nothing counts
    months : how many whole months

    Returns
    -------
    By ``customer_id``, accounts with a day as a customer in a month of which use is told: ``usage`` (active days, else
    events, per exposed day), ``months_exposed``, ``months_used`` and ``features`` (different ones used; missing where
    use is not told by feature). No rows where no use is on record, or not of all these months.
    """
    measure = usage_measure(marts)
    until = first_of_month(close + timedelta(days=1))
    since = first_of_month(months_earlier(until, months))
    told = measure is not None and marts.meta.usage_from <= since and months_earlier(until, 1) <= marts.meta.usage_until
    if not told:
        return pd.DataFrame(columns=list(_COLUMNS), index=pd.Index([], name="customer_id"), dtype=float)
    rows = marts.table("usage_months")
    rows = rows.filter((rows.month >= ibis.literal(since)) & (rows.month < ibis.literal(until)))
    rows = rows.filter(rows[measure].notnull())
    sums = rows.group_by("customer_id").agg(
        used=rows[measure].sum(),
        exposed=rows.exposed_days.sum(),
        months_exposed=rows.count(),
        months_used=(rows[measure] > 0).sum(),
    )
    found = to_pandas(sums.order_by("customer_id")).set_index("customer_id")
    found["usage"] = found["used"].astype(float) / found["exposed"].astype(float)
    found["features"] = _features(marts, since, until).reindex(found.index)
    recorded = marts.meta.features_from is not None and marts.meta.features_from <= since
    if recorded and months_earlier(until, 1) <= marts.meta.features_until:
        found["features"] = found["features"].fillna(0.0)
    else:
        found["features"] = float("nan")
    return found[list(_COLUMNS)].astype(float)


def _features(marts: Marts, since: date, until: date) -> pd.Series:
    if "feature_months" not in marts.meta.rows:
        return pd.Series(dtype=float)
    rows = marts.table("feature_months")
    rows = rows.filter((rows.month >= ibis.literal(since)) & (rows.month < ibis.literal(until)))
    counted = rows.group_by("customer_id").agg(features=rows.feature.nunique()).order_by("customer_id")
    return to_pandas(counted).set_index("customer_id")["features"].astype(float)
