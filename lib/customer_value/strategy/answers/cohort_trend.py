"""Whether later cohorts stay longer, in words: better keeping, or only other customers."""

from __future__ import annotations

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.findings import uncapital
from customer_value.strategy.wording import Words, known

LABELS = {"raw": "As they are", "adjusted": "At an equal mix of customers"}
"""What the two kinds are called."""

HEADS = {
    "kind": "Later cohorts",
    "estimate": "Points a year",
    "p": "p",
    "n": "Accounts",
}
"""Heads of the table."""


def headline(trend: Result, *, age: int, words: Words) -> str:
    """Whether the business model improves, as one sentence; what is left of it at an equal mix of customers."""
    raw, adjusted = (trend.row(kind=kind) for kind in ("raw", "adjusted"))
    if not known(raw["estimate"]):
        return (
            "Whether later cohorts stay longer cannot be told: too few months have accounts that began, and ends, to "
            "tell a trend from a good or bad month."
        )
    seen, left = _side(raw, words), _side(adjusted, words)
    if not known(adjusted["estimate"]):
        left = seen
    better = {"higher": "longer", "lower": "less long"}
    if seen == left == "none":
        return (
            "**No clear trend: later cohorts stay neither clearly longer nor clearly less long.** "
            f"{_both(raw, adjusted, age, words)}"
        )
    if seen == left:
        improving = "improving" if seen == "higher" else "deteriorating"
        alike = ", and not only because they are other customers" if known(adjusted["estimate"]) else ""
        return (
            f"**The business model looks to be {improving}: later cohorts stay {better[seen]}{alike}.** "
            f"{_both(raw, adjusted, age, words)}"
        )
    if left == "none":
        return (
            f"**Later cohorts stay {better[seen]}, but at an equal mix of customers no clear difference is left.** "
            f"Other customers, rather than {'better' if seen == 'higher' else 'worse'} keeping, may account for it. "
            f"{_both(raw, adjusted, age, words)}"
        )
    if seen == "none":
        return (
            f"**At an equal mix of customers later cohorts stay {better[left]}; as they are it does not show**, since "
            f"the mix has changed as well. {_both(raw, adjusted, age, words)}"
        )
    return (
        f"**As they are, later cohorts stay {better[seen]}; at an equal mix of customers {better[left]}.** The mix has "
        f"changed so much that the plain comparison misleads. {_both(raw, adjusted, age, words)}"
    )


def detail(trend: Result, *, words: Words) -> str:
    """Whether customers became larger, what was made alike, and what the trend cannot tell apart."""
    raw, adjusted = (trend.row(kind=kind) for kind in ("raw", "adjusted"))
    if not known(raw["estimate"]):
        return ""
    alike = [uncapital(words.escape(label)) for label in adjusted["adjusted_for"].split(" · ") if label]
    made = f"Made alike in {words.list(alike)}, as known when accounts began. " if alike else ""
    scatter = adjusted["scatter"] if known(adjusted["scatter"]) else raw["scatter"]
    shared = (
        f"Months scatter beyond chance, which makes these ranges {words.number(scatter, 1)} times as wide as accounts "
        "taken one by one would have them. "
        if known(scatter) and scatter >= 1.05
        else "Months scatter hardly more than chance would have it. "
    )
    return (
        f"{_size(raw, words)}{made}{shared}A trend over cohorts is a trend over time as well: whether newer customers "
        "are others, or times have changed for all of an age, cannot be told apart."
    )


def caption(trend: Result, *, age: int, words: Words) -> str:
    """What the table shows, the finding first."""
    raw, adjusted = (trend.row(kind=kind) for kind in ("raw", "adjusted"))
    said = (
        f"**{_upper(_change(raw, words))} a year as they are, {_change(adjusted, words)} at an equal mix.** "
        if known(raw["estimate"]) and known(adjusted["estimate"])
        else ""
    )
    return (
        f"{said}Change of the share still here at {words.months(age)} from one year's cohorts to the next, in "
        "percentage points, with the scatter from month to month in its range; the file also has the ratio of the "
        "rates of leaving."
    )


def shown(trend: Result) -> Result:
    """The rows with a number; nothing where there is none."""
    table = trend.table[trend.table["estimate"].notna()]
    return Result(**{**vars(trend), "table": table.assign(kind=table["kind"].map(LABELS)), "notes": ()})


def _both(raw: pd.Series, adjusted: pd.Series, age: int, words: Words) -> str:
    kept = words.number(raw["retention"] * 100)
    said = (
        f"Of 100 accounts {kept} are still here at {words.months(age)}; of 100 that begin a year later it is "
        f"{_change(raw, words)}{_range(raw, words)}"
    )
    if not known(adjusted["estimate"]):
        return f"{said}."
    return f"{said}, and at an equal mix {_change(adjusted, words)}{_range(adjusted, words)}."


def _change(row: pd.Series, words: Words) -> str:
    amount = words.number(abs(row["estimate"]) * 100, 1)
    return f"{amount} {'more' if row['estimate'] >= 0 else 'fewer'}"


def _range(row: pd.Series, words: Words) -> str:
    """The range as counts out of a hundred: "(1.2 fewer to 4.4 more)"."""
    if not known(row["low"]) or not known(row["high"]):
        return ""
    ends = [(abs(end) * 100, "more" if end >= 0 else "fewer") for end in (row["low"], row["high"])]
    if ends[0][1] == ends[1][1]:
        low, high = sorted(amount for amount, _ in ends)
        return f" ({words.number(low, 1)} to {words.number(high, 1)} {ends[0][1]})"
    return " (" + " to ".join(f"{words.number(amount, 1)} {side}" for amount, side in ends) + ")"


def _side(row: pd.Series, words: Words) -> str:
    sides = {"higher": "higher", "lower": "lower"}
    return sides.get(words.compare(row["estimate"], row["low"], row["high"]), "none")


def _size(row: pd.Series, words: Words) -> str:
    """Whether accounts that begin later pay more at first."""
    ratio, low, high = row["size_ratio"], row["size_low"], row["size_high"]
    if not known(ratio) or not known(low) or not known(high):
        return ""
    times = f"{words.number(ratio, 2)} times that of the year before ({words.range(low, high, 'ratio')})"
    match words.compare(ratio, low, high, none=1.0):
        case "higher":
            return f"Customers did become larger: the first MRR of those that begin a year later is {times}. "
        case "lower":
            return f"Customers became smaller: the first MRR of those that begin a year later is {times}. "
    return f"That customers became larger or smaller is not clear: their first MRR is {times}. "


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
