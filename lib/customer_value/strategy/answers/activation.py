"""How many come back after activation, in words: Results in, Markdown out."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known


def headline(back: Result, *, words: Words) -> str:
    """Out of 100 activated accounts, how many come back."""
    rows = back.table[back.table["rolling"].eq(False) & back.table["estimate"].notna()]
    if rows.empty:
        return "No account has been observed for long enough after its activation"
    parts = [f"{words.number(100 * row['estimate'])} on day {words.number(row['day'])}" for _, row in rows.iterrows()]
    return f"Out of 100 newly activated accounts, {words.list(parts)} use the product again"


def detail(back: Result, *, reach: int, words: Words) -> str:
    """Both definitions, with their ranges, and what activation is."""
    parts = []
    for _, row in back.table.iterrows():
        if not known(row["estimate"]):
            continue
        day = words.number(row["day"])
        when = (
            f"on day {day} or within {words.number(reach)} days after it" if row["rolling"] else f"on day {day} itself"
        )
        share = words.interval(row["estimate"], row["low"], row["high"], "share")
        parts.append(f"{when}, {words.count(row['events'], row['n'])} accounts came back: {share}")
    said = f"{_upper('; '.join(parts))}." if parts else ""
    return f"{said} {' '.join(words.escape(note) for note in back.notes)} That day is day 0.".strip()


def drawn(cohorts: Result, back: Result, *, words: Words) -> Result:
    """The cohorts observed to the end beneath all accounts, keyed by ``cohort, metric``."""
    rows = cohorts.table[cohorts.table["observed"]]
    named = rows.assign(cohort=[_cohort(name, words) for name in rows["cohort"]])
    table = pd.concat([back.table.assign(cohort="all"), named], ignore_index=True)
    return Result(**{**vars(cohorts), "table": table, "keys": ("cohort", "metric"), "reference": "all"})


def caption(cohorts: Result, back: Result, *, reach: int, words: Words) -> str:
    """How far cohorts lie apart on the first day looked at, and what is blank."""
    shown = cohorts.table[cohorts.table["estimate"].notna()]
    if shown.empty:
        return "Coming back by time of activation: every cohort is too small to show, or not wholly observed."
    metric = shown["metric"].iloc[0]
    first = shown[shown["metric"] == metric]["estimate"]
    low, high = words.share(first.min()), words.share(first.max())
    name = names(back, reach=reach, words=words)[metric]
    said = f"{name}: {low} in every cohort" if low == high else f"{name}: from {low} to {high} over cohorts"
    return (
        f"**{said}.** Share of a cohort's accounts that used the product again, by when they were activated. A cohort "
        "not observed to the end is blank. Ranges are in the table."
    )


def _cohort(name: str, words: Words) -> str:
    """ "2025-01" as a month, "2025Q1" as a quarter, "2025" as it is."""
    return words.month(f"{name}-01") if "-" in name else name.replace("Q", " Q")


def without_notes(result: Result) -> Result:
    """The same table; its notes stand in the text already."""
    return Result(**{**vars(result), "notes": ()})


def names(back: Result, *, reach: int, words: Words) -> dict[str, str]:
    """What the measures are called."""
    return {
        row["metric"]: f"Day {words.number(row['day'])}"
        + (f" or within {words.number(reach)} days after it" if row["rolling"] else " itself")
        for _, row in back.table.iterrows()
    }


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
