"""What groups lose and add, in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words, known

QUARTERS = {
    "leaks_and_stands": "leaking and flat",
    "leaks_and_grows": "growing but leaking",
    "keeps_and_stands": "keeping but flat",
    "keeps_and_grows": "growing and keeping",
}
"""The four fields of the grid, as the picture names them, the worst first."""

CLEAR = 0.05
"""A difference with an adjusted p of at most this is called clear."""


def winds(result: Result, contrasts: Result, *, words: Words) -> str:
    """Where each group stands on the grid, and which differences from the other accounts are clear of chance."""
    levels = result.table[(result.table["level"] != "all") & result.table["estimate"].notna()]
    if levels.empty:
        return "There is no group large enough to show."
    placed = levels.drop_duplicates(["attribute", "level"])
    fields = [
        f"{_named(placed.loc[placed['quarter'] == quarter, 'level'], words)} {name}"
        for quarter, name in QUARTERS.items()
        if (placed["quarter"] == quarter).any()
    ]
    where = f"Measured against the company's own figures, the grid shows {words.list(fields)}."
    return f"{where} {_differences(contrasts, words)}".strip()


def _differences(contrasts: Result, words: Words) -> str:
    tested = contrasts.table[contrasts.table["p"].notna()]
    if tested.empty:
        return ""
    clear = tested[(tested["p_adjusted"] <= CLEAR) & ~tested["few_accounts"].astype(bool)]
    phrases = {
        ("headwind", True): "lose more",
        ("headwind", False): "lose less",
        ("tailwind", True): "add more",
        ("tailwind", False): "add less",
    }
    clauses = []
    for (measure, more), phrase in phrases.items():
        levels = clear.loc[(clear["measure"] == measure) & ((clear["estimate"] > 0) == more), "level"]
        if len(levels):
            clauses.append(f"accounts in {_named(levels, words)} {phrase}")
    if not clauses:
        return (
            "Compared with all other accounts, no difference is clear of chance: a group may well lie in another field "
            "next year."
        )
    return (
        f"Compared with all other accounts, {words.list(clauses)}; that is clear of chance. Whether it is the "
        "group itself, or its size and term, is for the chapter on segments."
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


def grid_of(result: Result, attribute: str) -> Result:
    """The whole company and the groups of one attribute."""
    return result.with_table(result.table[result.table["attribute"].isin(["all", attribute])])


def _named(levels: Iterable[object], words: Words) -> str:
    return words.list(f"“{words.escape(level)}”" for level in levels)
