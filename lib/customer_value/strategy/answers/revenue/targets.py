"""Actual figures against targets, in words."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

LOSSES = ("contraction_mrr", "churned_mrr", "churned_accounts")
"""Metrics of which less is better."""


def targets(result: Result, *, words: Words) -> str:
    """Which targets of the latest month were reached and which were missed."""
    latest = latest_targets(result).table
    if latest.empty:
        if result.table.empty:
            return "None of the targets is of a figure that this report reckons; the note says which are."
        return "No target is of a month that has a figure."
    said = [_against(row, words) for _, row in latest.iterrows()]
    reached = int(latest["met"].eq(True).sum())
    head = (
        f"{words.count(reached, len(latest))} targets were reached, each by its latest month. "
        if len(latest) > 1
        else ""
    )
    return head + " ".join(said)


def targets_caption(result: Result, *, words: Words) -> str:
    """How often targets were reached, and what the lines are."""
    known_months = result.table[result.table["estimate"].notna()]
    reached = int(known_months["met"].eq(True).sum())
    first, last = known_months["month"].min(), known_months["month"].max()
    return (
        f"**{words.count(reached, len(known_months))} monthly targets were reached.** Actual figures month by month, "
        f"{words.month(first)} to {words.month(last)}, and what was aimed at (dashed). Money and accounts lost are "
        "targets not to exceed; retention is of the twelve months up to each month's close."
    )


def latest_targets(result: Result) -> Result:
    """Of every metric the latest month that has a figure."""
    table = result.table[result.table["estimate"].notna()].sort_values("month", kind="stable")
    latest = table.groupby("metric", sort=False).tail(1)
    order = {name: place for place, name in enumerate(dict.fromkeys(result.table["metric"]))}
    return result.with_table(latest.sort_values("metric", key=lambda key: key.map(order), kind="stable"))


def _against(row: pd.Series, words: Words) -> str:
    actual, target = (words.value(row[name], row["unit"]) for name in ("estimate", "target"))
    name = LABELS.get(row["metric"], row["metric"].replace("_", " "))
    text = f"{name} in {words.month(row['month'])}: {actual}, against a target of {target}"
    if actual == target:
        return f"{text}."
    if row["metric"] in LOSSES:
        side = "within it" if row["met"] else "beyond it"
    else:
        side = "reached" if row["met"] else "missed"
    apart = f", {words.share(abs(row['of_target'] - 1))} {'above' if row['gap'] > 0 else 'below'} it"
    # Of a share the distance is told in points: per cent of per cent confuses.
    if row["unit"] == "share" or not known(row["of_target"]):
        apart = f", {words.points(abs(row['gap']))} {'above' if row['gap'] > 0 else 'below'} it"
        apart = apart if row["unit"] == "share" else ""
    return f"{text}: {side}{apart}."
