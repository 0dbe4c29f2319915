"""When accounts leave, in words: early, throughout, or ever more; and from which age the rate is steady."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.cohort_survival import Reading
from customer_value.strategy.wording import Words, known

EVERYONE = "all accounts"
"""The level where no contract terms are told apart."""

_POINTS_TO = {
    "falling": "That points to the start: who is won, and how they begin.",
    "rising": "That points away from the start: to what accounts still find after a while.",
    "constant": "That points to how well the product fits day by day rather than to the start.",
}


def shapes(found: Result, *, reading: Reading, words: Words) -> str:
    """A sentence or two for each contract term; one for all accounts where there are no terms.

    Parameters
    ----------
    found : `studies.cohort_survival.hazard_shape`
    """
    if reading == "undeclared":
        opening = "As the table has it, which may not be retention: "
    elif reading == "snapshot":
        opening = "By the rates of the snapshot: "
    else:
        opening = ""
    told = [_shape(row, found, words) for _, row in found.table.iterrows()]
    if len(told) == 1:
        return f"{opening}{told[0]}" if opening else _upper(told[0])
    return "\n".join(f"- {_upper(each)}" for each in told)


def caption(found: Result, *, words: Words) -> str:
    """The shapes in a few words, then what is drawn."""
    said = [
        f"{_whom(row, words, short=True)} {_SHORT[row['shape']]}"
        for _, row in found.table.iterrows()
        if row["shape"] != "unknown"
    ]
    opening = f"**{_upper(words.list(said))}.** " if said else "**No shape can be told from the noise.** "
    return (
        f"{opening}Share that leaves at each age, of those still there; of a contract of several months, at its end. A "
        "single dot that stands out is noise more often than not: the shape is chosen over all ages together, and "
        "only where it clearly beats a rate that never changes."
    )


_SHORT = {
    "falling": "leave faster at first",
    "rising": "leave more the older they are",
    "constant": "leave at about one rate",
}


def drawn(rates: Result, *, min_events: int = 1) -> Result:
    """The rates of groups of which anybody left; without the study's notes, which the page says already."""
    any_left = rates.table.groupby("level")["events"].transform("sum") >= min_events
    return Result(**{**vars(rates), "table": rates.table[any_left], "notes": ()})


def _shape(row: pd.Series, found: Result, words: Words) -> str:
    whom = _whom(row, words)
    if row["n"] and not row["seen_to"]:
        return f"{whom}: too few are followed long enough to say when they leave."
    if not row["events"]:
        return f"{whom}: none left, so there is no telling when they do."
    match row["shape"]:
        case "falling" | "rising":
            return f"{whom} {_moving(row, words)} {_POINTS_TO[row['shape']]}"
        case "constant":
            rate = _out_of(row["late"], row, words)
            return (
                f"{whom} leave at about one rate at all ages seen: {rate}. {_ratio(row, words)} "
                f"{_POINTS_TO['constant']}"
            )
    return f"{whom}: whether they leave early or throughout cannot be told. {_ratio(row, words)}".strip()


def _moving(row: pd.Series, words: Words) -> str:
    falls = row["shape"] == "falling"
    early, late = _out_of(row["early"], row, words), words.number(row["late"] * 100, 1)
    if row["form"] == "phase":
        turn = words.months(row["turn"])
        ends = _ends(row, words)
        return (
            f"leave {'faster' if falls else 'more slowly'} at first: {early} up to {turn} of age, {late} after that. "
            f"From then on the rate is steady{ends}."
        )
    first = words.months(row["early_to"])
    pattern = (
        "leave less and less the longer they have been here" if falls else "leave more the longer they have been here"
    )
    after = (
        f"Up to {words.months(row['seen_to'])}, the last age seen, no steady rate is reached."
        if row["form"] == "trend"
        else "Whether the rate has become steady at some age cannot be told."
    )
    return f"{pattern}: {early} over the first {first}, {late} after. {after}"


def _ends(row: pd.Series, words: Words) -> str:
    """Which other ends of the early phase the data allow."""
    low, high = row["turn_low"], row["turn_high"]
    if known(low) and known(high) and low == high:
        return ""
    if known(low) and known(high):
        return f" (the change may lie anywhere from {words.number(low)} to {words.months(high)})"
    return f" (the change lies at {words.months(low)} or later)" if known(low) else ""


def _out_of(share: float, row: pd.Series, words: Words) -> str:
    every = "a month" if row["step"] == 1 else f"at the end of each {words.number(row['step'])} months"
    return f"of 100 still there, {words.number(share * 100, 1)} leave {every}"


def _ratio(row: pd.Series, words: Words) -> str:
    """How much higher or lower the early rate may be."""
    if not known(row["low"]) or not known(row["high"]):
        return ""
    if row["shape"] == "unknown" and (row["low"] > 1 or row["high"] < 1):
        return (
            f"The rate at the start is {words.interval(row['estimate'], row['low'], row['high'], 'ratio')} times that "
            f"later on ({words.plural(row['events'], 'end')} seen), but that is one look among many: over all ages no "
            "shape is clearly better than a rate that never changes."
        )
    return (
        f"The rate at the start may be anything from {words.number(row['low'], 1)} to {words.number(row['high'], 1)} "
        f"times that later on ({words.plural(row['events'], 'end')} seen)."
    )


def _whom(row: pd.Series, words: Words, *, short: bool = False) -> str:
    if row["level"] == EVERYONE:
        return "accounts"
    if row["level"] == "not stated":
        return "accounts of no stated term"
    name = words.escape(row["level"])
    return f"{name} accounts" if short else f"accounts that began with the term “{name}”"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
