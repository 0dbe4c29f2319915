"""Four named quarters of accounts, by use and satisfaction: how many, what they pay, and how many stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from customer_value.strategy.wording import Words

QUARTERS = ("sleepers", "champions", "at_risk", "hostages")
"""Low use and satisfied, high use and satisfied, below them low use and not satisfied, high use and not satisfied."""

_PAD, _GAP, _BAR = 0.12, 0.1, 0.34


def quadrants(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    quarters: Sequence[str] = QUARTERS,
    beneath: Sequence[str] = ("no_answer",),
    company: str = "all",
    measure: str = "logo_retention",
    labels: Mapping[str, str] | None = None,
    measured: str = "accounts kept",
    across: tuple[str, str] = ("Low use", "High use"),
    down: tuple[str, str] = ("Satisfied", "Not satisfied"),
) -> Figure:
    """A card for each quarter: its name, its accounts and their MRR, and a measure with its interval on one scale.

    A thin line in every card is the whole company's value. Cards whose measure clearly differs from the others' are in
    colour: by ``p_adjusted`` against one minus the level where the table has it, else by whether the interval holds the
    company's value.

    Parameters
    ----------
    result : keyed ``(group, metric)``, unit by row. Metrics: ``customers``, ``mrr`` and ``measure``. Table:
        ``estimate``, ``low``, ``high``, ``n``, optional ``p_adjusted``
    quarters : the groups at the upper left, upper right, lower left and lower right
    beneath : groups that stand in no quarter, on lines below; left out where they have no account
    company : the group that is the whole company
    measure, measured : the metric that is drawn, and what it is called
    labels : what to call groups
    across, down : the ends of the two directions

    Raises
    ------
    ValueError : a quarter is missing from the table, or nothing has an estimate
    """
    rows = {(row["group"], row["metric"]): row for _, row in result.table.iterrows()}
    absent = [group for group in quarters if (group, measure) not in rows]
    if absent:
        raise ValueError(f"{result.name!r} has no {measure!r} of {absent}")
    if not any(pd.notna(row["estimate"]) for (_, metric), row in rows.items() if metric == measure):
        raise ValueError(f"{result.name!r} has no quarter to draw: every group is too small")
    below = [group for group in beneath if (group, measure) in rows and rows[group, "customers"]["estimate"] > 0]
    whole = rows.get((company, measure))
    drawn = [rows[group, measure] for group in (*quarters, *below)] + ([] if whole is None else [whole])
    scale = _scale(drawn, words)
    alpha = 1 - (result.level or 0.95)

    def colour(row: pd.Series) -> str:
        if not theme.missing(row.get("p_adjusted")):
            return theme.ACCENT if row["p_adjusted"] <= alpha else theme.UNCLEAR
        if whole is None or theme.missing(row["low"]) or row["low"] <= whole["estimate"] <= row["high"]:
            return theme.UNCLEAR
        return theme.ACCENT

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        side = 0.3
        card = (width - side - 0.06 - _GAP) / 2
        room = card - 2 * _PAD
        texts = {group: _texts(rows, group, measure, words, labels) for group in (*quarters, *below)}
        wrapped = {
            group: [theme.wrap(text, width=room, size=small, lines=2) for text in texts[group][1:]]
            for group in quarters
        }
        lines = max(sum(text.count("\n") + 1 for text in both) for both in wrapped.values())
        height = _PAD + line + 0.06 + lines * step + _BAR + 0.06
        heading = f"{measured.capitalize()}, with intervals, on a scale from {scale[2][0]} to {scale[2][-1]}"
        if whole is not None and not theme.missing(whole["estimate"]):
            value = theme.value(whole["estimate"], _unit(result, whole), words)
            heading += f"; thin line: {theme.name(company, labels, words).lower()}, {value}"
        title = theme.wrap(heading, width=width - 0.1, size=small, lines=3)
        top = 0.06 + (title.count("\n") + 1) * step + 0.1 + step + 0.04
        tall = [len(_below_text(texts[group], width, small).split("\n")) * step + _BAR + 0.1 for group in below]
        total = top + 2 * height + _GAP + (0.16 if below else 0.0) + sum(tall) + 0.06
        figure = theme.sheet(narrow=narrow, height=total)
        axes = theme.place(figure, left=0, top=0, width=width, height=total)
        axes.set_xlim(0, width)
        axes.set_ylim(total, 0)
        axes.axis("off")
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        for place, text in enumerate(across):
            theme.write(
                figure,
                text,
                left=side + place * (card + _GAP) + card / 2,
                top=top - 0.05,
                size=small,
                color=theme.MUTED,
                align="center",
                vertical="bottom",
            )
        for place, text in enumerate(down):
            axes.text(
                side / 2,
                top + place * (height + _GAP) + height / 2,
                text,
                size=small,
                color=theme.MUTED,
                rotation=90,
                ha="center",
                va="center",
            )
        for place, group in enumerate(quarters):
            left, upper = side + (place % 2) * (card + _GAP), top + (place // 2) * (height + _GAP)
            axes.add_patch(Rectangle((left, upper), card, height, facecolor="none", edgecolor=theme.CONTEXT, lw=0.8))
            theme.write(figure, texts[group][0], left=left + _PAD, top=upper + _PAD, size=size, weight="bold")
            at = upper + _PAD + line + 0.06
            for text in wrapped[group]:
                theme.write(figure, text, left=left + _PAD, top=at, size=small)
                at += (text.count("\n") + 1) * step
            row = rows[group, measure]
            _bar(axes, row, whole, scale, left + _PAD, upper + height - _BAR / 2 - 0.04, room, colour(row))
        at = top + 2 * height + _GAP + 0.16
        for group, deep in zip(below, tall, strict=True):
            theme.write(figure, _below_text(texts[group], width, small), left=side + _PAD, top=at, size=small)
            row = rows[group, measure]
            _bar(axes, row, whole, scale, side + _PAD, at + deep - _BAR / 2 - 0.08, room, theme.UNCLEAR)
            at += deep
        return theme.finish(figure)


def _scale(drawn: Sequence[pd.Series], words: Words) -> tuple[float, float, list[str]]:
    """One scale for all cards: its ends, and how they read."""
    ends = [row[end] for row in drawn for end in ("estimate", "low", "high") if not theme.missing(row[end])]
    marks, texts = theme.ticks(0.0, max(1.0, *ends), "share", words)
    low = max((mark for mark in marks if mark <= min(ends)), default=0.0)
    return low, max(1.0, *ends), [texts[marks.index(low)], words.share(max(1.0, *ends))]


def _unit(result: Result, row: pd.Series) -> str:
    return str(row["unit"]) if result.unit == "by row" else result.unit


def _texts(
    rows: Mapping[tuple[str, str], pd.Series], group: str, measure: str, words: Words, labels: Mapping[str, str] | None
) -> tuple[str, str, str]:
    """A group's name, its size, and its measure."""
    row = rows[group, measure]
    size = words.plural(rows[group, "customers"]["estimate"], "account")
    mrr = rows.get((group, "mrr"))
    if mrr is not None and mrr["estimate"] > 0:
        size += f", {words.money(mrr['estimate'])} MRR"
    if theme.missing(row["estimate"]):
        return theme.name(group, labels, words), size, "too few to show"
    ends = theme.interval(row["low"], row["high"], "share", words)
    kept = theme.value(row["estimate"], "share", words)
    return theme.name(group, labels, words), size, f"{kept} ({ends})" if ends else kept


def _below_text(texts: tuple[str, str, str], width: float, size: float) -> str:
    name, accounts, kept = texts
    return theme.wrap(f"{name}: {accounts}; {kept}", width=width - 0.36 - 2 * _PAD, size=size, lines=2)


def _bar(
    axes: Axes,
    row: pd.Series,
    whole: pd.Series | None,
    scale: tuple[float, float, list[str]],
    left: float,
    at: float,
    wide: float,
    ink: str,
) -> None:
    """A line for the scale, the interval and the estimate on it, and the company's value across it."""
    low, high, _ = scale

    def place(value: float) -> float:
        return left + wide * (value - low) / (high - low)

    axes.plot([left, left + wide], [at, at], color=theme.GRID, lw=3.0, solid_capstyle="butt", zorder=1)
    if whole is not None and not theme.missing(whole["estimate"]):
        x = place(whole["estimate"])
        axes.plot([x, x], [at - 0.09, at + 0.09], color=theme.INK, lw=1.0, zorder=2)
    if theme.missing(row["estimate"]):
        return
    if not theme.missing(row["low"]):
        axes.plot([place(row["low"]), place(row["high"])], [at, at], color=ink, lw=2.0, solid_capstyle="butt", zorder=3)
    axes.plot([place(row["estimate"])], [at], "o", ms=7, mec=ink, mfc=ink, zorder=4)
