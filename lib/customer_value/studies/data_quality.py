"""Can these data carry the report: which rules were checked, what is there, how recent, and who is in the study."""

from __future__ import annotations

import pandas as pd

from customer_value.intake.contract import KEY_TABLES, TABLES
from customer_value.marts.store import Marts
from customer_value.stats.result import Result

_VERDICTS = {"stop": "passed", "set_aside": "set aside", "warn": "warning"}


def rules(quality: pd.DataFrame, *, broken_only: bool = False) -> Result:
    """Every quality rule checked, with how many rows break it.

    Parameters
    ----------
    quality : the run's quality table, one row a rule, table and column
    broken_only : leave out the rules that every row keeps

    Returns
    -------
    Result keyed by ``table, rule, column``: estimate is the number of rows, n the same; also ``severity, verdict,
    share, examples, meaning, remedy``. Broken rules come first, then in the contract's order.
    """
    order = {table.name: place for place, table in enumerate(TABLES)}
    table = quality.assign(
        verdict=quality["severity"].map(_VERDICTS).where(quality["rows"] > 0, "passed"),
        estimate=quality["rows"].astype(float),
        n=quality["rows"].astype(int),
        low=float("nan"),
        high=float("nan"),
    )
    if broken_only:
        table = table[table["rows"] > 0]
    table = table.assign(
        _kept=table["rows"] == 0,
        _place=table["table"].map(order),
        _grave=table["severity"].map({"set_aside": 0}).fillna(1),
    ).sort_values(["_kept", "_grave", "_place", "rule", "column"], kind="stable")
    columns = ["table", "rule", "column", "estimate", "low", "high", "n", "severity", "verdict", "share", "examples"]
    return Result(
        name="quality_rules",
        table=table[[*columns, "meaning", "remedy"]].reset_index(drop=True),
        keys=("table", "rule", "column"),
        unit="count",
        level=None,
        n_of="rows",
        method="Rules counted after the cut at the as-of date; a rule that stops would have ended the run.",
    )


def tables(marts: Marts) -> Result:
    """Every table of the contract: whether it is there and what it adds to the report.

    Returns
    -------
    Result keyed by ``table``: estimate is 1 where the table is there, else 0; also ``present, switches_on``.
    """
    present = set(marts.meta.tables)
    if marts.meta.shape == "snapshots":
        # Snapshots are kept as the subscriptions they stand for; the reader brought the former.
        present = present - {"subscriptions"} | {"mrr_snapshots"}
    # Of the tables that give a report its shape, a reader needs to see only the one brought.
    shown = [table for table in TABLES if table.name in present or table.name not in KEY_TABLES]
    frame = pd.DataFrame(
        {
            "table": [table.name for table in shown],
            "estimate": [float(table.name in present) for table in shown],
            "n": [int(table.name in present) for table in shown],
            "present": ["yes" if table.name in present else "no" for table in shown],
            "switches_on": [table.adds for table in shown],
        }
    ).sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    return Result(
        name="tables_present",
        table=frame,
        keys=("table",),
        unit="count",
        level=None,
        n_of="tables",
        method="Tables of the contract, those brought first.",
    )


def volumes(marts: Marts, *, most_recent: int | None = None) -> Result:
    """Rows and accounts that start and end in each whole month: a missing or doubled part of an export shows here.

    Parameters
    ----------
    most_recent : so many whole months before the as-of date; None for all

    Returns
    -------
    Result keyed by ``month, what`` (``rows starting``, ``rows ending``, ``accounts starting``, ``accounts ending``):
    estimate and n are counts.

    Raises
    ------
    KeyError : a flat table has no months
    """
    lines, spells = marts.frame("lines"), marts.frame("spells")
    last = pd.Timestamp(marts.meta.last_month)
    # Fillers through a pause are ours, not the export's.
    given = lines[~lines["carried"].astype(bool)]
    series = {
        "rows starting": given["start_date"],
        "rows ending": given["end_date"],
        "accounts starting": spells["start_date"],
        "accounts ending": spells["end_date"],
    }
    months = pd.date_range(given["start_date"].min().to_period("M").to_timestamp(), last, freq="MS")
    parts = []
    for what, days in series.items():
        counted = pd.to_datetime(days.dropna()).dt.to_period("M").dt.to_timestamp().value_counts()
        counts = counted.reindex(months, fill_value=0).to_numpy()
        parts.append(pd.DataFrame({"month": months, "what": what, "estimate": counts.astype(float), "n": counts}))
    return Result(
        name="volumes",
        table=pd.concat([part.tail(most_recent or len(part)) for part in parts], ignore_index=True).sort_values(
            ["month", "what"], ignore_index=True
        ),
        keys=("month", "what"),
        unit="count",
        level=None,
        n_of="rows or accounts",
        method="Counts by calendar month, whole months up to the as-of date.",
        notes=("A renewal billed as a new row counts as a row that ends and a row that starts.",),
    )


def freshness(marts: Marts) -> Result:
    """How long before the as-of date accounts last started and last ended.

    Returns
    -------
    Result keyed by ``what``: estimate is days, also ``day``; n is the number of accounts' stays behind it. A flat table
    gives no rows: it has no dates.
    """
    rows = []
    if marts.meta.as_of is not None:
        spells = marts.frame("spells")
        as_of = pd.Timestamp(marts.meta.as_of)
        for what, days in (("last start", spells["start_date"]), ("last end", spells["end_date"])):
            known = pd.to_datetime(days.dropna())
            if len(known):
                rows.append(
                    {"what": what, "estimate": float((as_of - known.max()).days), "n": len(known), "day": known.max()}
                )
    return Result(
        name="freshness",
        table=pd.DataFrame(rows, columns=["what", "estimate", "n", "day"]),
        keys=("what",),
        unit="count",
        level=None,
        n_of="stays",
        method="Days from the last start and end to the as-of date.",
    )


def who_is_in(marts: Marts) -> Result:
    """How many accounts are left at each step from the tables to the age-based results.

    Returns
    -------
    Result keyed by ``step``, in order: estimate and n are accounts; also ``explanation``.
    """
    meta = marts.meta
    if meta.shape == "flat":
        flat = marts.frame("flat")
        steps = [
            ("accounts", len(flat), "One row each."),
            ("have left", int(flat["churned"].sum()), "Marked as churned."),
            ("still there", int((~flat["churned"].astype(bool)).sum()), "Not marked as churned."),
            (
                "tenure 0",
                int((flat["tenure"] == 0).sum()),
                "No whole month of theirs was seen; those of them that left count as leaving in their first month.",
            ),
        ]
    else:
        accounts = marts.frame("accounts")
        ages = set(marts.frame("age_months")["customer_id"])
        known = accounts["origin_date"].notna()
        steps = [
            ("accounts", len(accounts), "Paid at some time up to the as-of date; in all calendar figures."),
            ("active now", int((accounts["status"] == "active").sum()), "Customers at the close of the as-of date."),
            (
                "there when the data begin",
                int(accounts["opening_stock"].astype(bool).sum()),
                "The opening stock; customers since an earlier day.",
            ),
            (
                "start known",
                int(known.sum()),
                "In survival curves; those who were there before are followed from the age they had.",
            ),
            ("start unknown", int((~known).sum()), "Left out of age-based results, kept in calendar figures."),
            ("in cohort triangles", len(ages), "Start known, and followed from it."),
        ]
    return Result(
        name="who_is_in",
        table=pd.DataFrame(
            {
                "step": [step for step, _, _ in steps],
                "estimate": [float(count) for _, count, _ in steps],
                "n": [count for _, count, _ in steps],
                "explanation": [words for _, _, words in steps],
            }
        ),
        keys=("step",),
        unit="count",
        level=None,
        n_of="accounts",
        method="Counts over the accounts of the marts.",
    )
