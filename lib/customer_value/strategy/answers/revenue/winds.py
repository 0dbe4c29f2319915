"""What groups lose and add, in words."""

from __future__ import annotations

from datetime import date

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known


def winds(result: Result, *, words: Words) -> str:
    """Which groups clearly stand apart in what they lose and add."""
    levels = result.table[result.table["level"] != "all"]
    if levels.empty:
        return "There is no attribute to group accounts by."
    few = levels["few_accounts"].astype(bool)
    phrases = {
        ("headwind", "high"): "lose clearly more than the company",
        ("headwind", "low"): "lose clearly less",
        ("tailwind", "high"): "add clearly more",
        ("tailwind", "low"): "add clearly less",
    }
    clauses = []
    for (measure, verdict), phrase in phrases.items():
        rows = levels[(levels["measure"] == measure) & (levels["verdict"] == verdict) & ~few]
        if len(rows):
            clauses.append(f"{words.list(f'“{words.escape(level)}”' for level in rows['level'])} {phrase}")
    if not clauses:
        return (
            "No group stands clearly apart from the company as a whole, either in what it loses or in what it adds: "
            "every range includes the company's figure."
        )
    return (
        f"Against the company as a whole, accounts in {'; those in '.join(clauses)}. The other groups' ranges include "
        "its figure."
    )


def winds_caption(result: Result, *, start: date, end: date, words: Words) -> str:
    """What the whole company lost and added, and what the grid measures."""
    company = result.table[result.table["level"] == "all"].set_index("measure")
    said = ""
    if {"headwind", "tailwind"} <= set(company.index) and known(company.at["headwind", "estimate"]):
        lost, added = (words.share(company.at[measure, "estimate"]) for measure in ("headwind", "tailwind"))
        said = f"**The company lost {lost} of its opening revenue and added {added}.** "
    return (
        f"{said}Revenue lost and added by the opening accounts of each group, as a share of the group's opening "
        f"revenue, between the closes of {words.date(start)} and {words.date(end)}."
    )
