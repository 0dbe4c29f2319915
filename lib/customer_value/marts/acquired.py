"""What each acquired account has brought in by each age, and what it cost to win."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from customer_value.marts.cohorts import cohort_start
from customer_value.marts.store import Marts, to_pandas

RECORDED, ALLOCATED = "recorded", "allocated"
"""Where the cost of winning an account comes from: written down for it, or its share of what was spent to win all."""


def acquired(marts: Marts, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Every account that belongs to a cohort, those that left included, by ``customer_id``.

    Parameters
    ----------
    columns : of the accounts, to go beside ``customer_id, cohort_month``
    """
    accounts = marts.table("accounts")
    chosen = dict.fromkeys(["customer_id", "cohort_month", *columns])
    return to_pandas(accounts.filter(accounts.cohort_month.notnull()).select(*chosen).order_by("customer_id"))


def revenue_by_age(marts: Marts, *, last: int) -> np.ndarray:
    """Recurring revenue of every acquired account in each month of its age.

    The month from anniversary k − 1 to anniversary k counts the MRR at its beginning, of returners as well; it is known
    once anniversary k is not after the as-of day.

    Parameters
    ----------
    last : the last month of age

    Returns
    -------
    A row an account in the order of `acquired`, a column a month of age from 1; NaN where the month is not over yet.
    """

    def compute() -> np.ndarray:
        ages = marts.table("age_months")
        whole = ages.customer_id.count().over(ibis.window(group_by="customer_id")) - 1
        wanted = ages.mutate(whole=whole).filter(lambda row: (row.age < row.whole) & (row.age < last))
        rows = to_pandas(wanted.select("customer_id", "age", "mrr").order_by("customer_id", "age"))
        keys = acquired(marts)["customer_id"]
        amounts = np.full((len(keys), last), np.nan)
        places = pd.Index(keys).get_indexer(rows["customer_id"])
        amounts[places, rows["age"].to_numpy(int)] = rows["mrr"].to_numpy(float)
        return amounts

    return marts.once(("revenue_by_age", last), compute)


def cost_to_win(
    marts: Marts, accounts: pd.DataFrame, *, categories: Sequence[str], grain: str
) -> tuple[str, pd.Series]:
    """What each account cost to win, and where that comes from.

    As recorded for the account, where it is for any. Else its share of what was spent on winning accounts in its
    cohort: by part of the business where the table of costs names the levels of one of the accounts' columns, evenly
    among the accounts that began in the cohort (and part).

    Parameters
    ----------
    accounts : as `acquired` gives them, with whatever columns the costs may name the levels of
    categories : of costs that are spent to win accounts, in lower case
    grain : length of the cohorts that spending is shared out within

    Returns
    -------
    `RECORDED`, `ALLOCATED` or, where nothing says, an empty text; and the cost by account, NaN where not known.
    """
    unknown = pd.Series(np.nan, index=accounts.index)
    if marts.has("acquisition_costs"):
        costs = marts.frame("acquisition_costs").set_index("customer_id")["cost"]
        return RECORDED, accounts["customer_id"].map(costs).astype(float)
    if not marts.has("cost_months"):
        return "", unknown
    table = marts.table("cost_months")
    spent = to_pandas(table.filter(table.category.isin(list(categories))).order_by("month", "category", "attribute"))
    if spent.empty:
        return "", unknown
    part = _named_part(spent, accounts)
    keys = pd.DataFrame({"cohort": cohort_start(accounts["cohort_month"], grain), "part": ""}, index=accounts.index)
    spent = spent.assign(cohort=cohort_start(spent["month"], grain), part="")
    if part:
        keys["part"] = accounts[part].astype(object).where(accounts[part].notna(), "").astype(str)
        spent["part"] = spent["attribute"].fillna("")
    totals = spent.groupby(["cohort", "part"], sort=True)["amount"].sum()
    sizes = keys.groupby(["cohort", "part"], sort=True).size()
    each = (totals / sizes).reindex(sizes.index)
    # What is spent on the whole business is shared out among all.
    covered = keys["cohort"].isin(set(spent["cohort"]))
    cost = pd.Series(each.reindex(pd.MultiIndex.from_frame(keys)).to_numpy(), index=accounts.index)
    if part:
        everyone = spent[spent["part"] == ""].groupby("cohort")["amount"].sum() / keys.groupby("cohort").size()
        cost = cost.where(keys["part"] != "", 0.0).fillna(0.0) + keys["cohort"].map(everyone).fillna(0.0)
    return ALLOCATED, cost.fillna(0.0).where(covered)


def _named_part(spent: pd.DataFrame, accounts: pd.DataFrame) -> str | None:
    """The column of the accounts whose levels the costs name, if most of what is spent names one."""
    named = spent[spent["attribute"].notna()]
    if named["amount"].sum() < 0.5 * spent["amount"].sum():
        return None
    for column in accounts.columns.drop(["customer_id", "cohort_month"]):
        levels = set(accounts[column].dropna().astype(str))
        if levels and named["attribute"].isin(levels).all():
            return str(column)
    return None


def service_share(marts: Marts, *, categories: Sequence[str], months: int = 12) -> float:
    """Cost of service as a share of recurring revenue over the last whole months; NaN where the data do not say it.

    Parameters
    ----------
    categories : of costs that are spent on serving accounts, in lower case
    months : how many of the last whole months, as far as there are
    """
    if not marts.has("cost_months") or marts.meta.last_month is None:
        return float("nan")
    last = pd.Timestamp(marts.meta.last_month)
    table = marts.table("cost_months")
    spent = to_pandas(table.filter(table.category.isin(list(categories))).order_by("month", "category", "attribute"))
    spent = spent[(spent["month"] > last - pd.DateOffset(months=months)) & (spent["month"] <= last)]
    if spent.empty:
        return float("nan")
    calendar = marts.table("calendar_months")
    paid = to_pandas(calendar.group_by("month").agg(mrr=calendar.closing_mrr.sum()).order_by("month"))
    paid = paid[paid["month"].isin(spent["month"])]["mrr"].sum()
    return float(spent["amount"].sum()) / float(paid) if paid > 0 else float("nan")
