"""Parts of a whole as one bar a group: shares, or amounts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

PART_COLOURS = {
    "renewed_larger": theme.MEANING["expansion"],
    "renewed_alike": theme.CONTEXT,
    "renewed_smaller": "#e0e3e6",
    "renewed_discounted": theme.MEANING["contraction"],
    "renewed_other": theme.GRID,
    "moved_longer": theme.MEANING["new"],
    "moved_shorter": "#c27c00",
    "lapsed": theme.MEANING["churn"],
    "monthly": theme.MEANING["new"],
    "quarterly": theme.MEANING["reactivation"],
    "half-yearly": theme.CONTRAST,
    "annual": theme.ACCENT,
    "two-year": theme.GROUPS[2],
    "three-year": theme.GROUPS[3],
}
"""Growth is green and loss vermilion, as in every figure; terms run from pale to dark. Any other part is grey."""


def stacked(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    x_label: str | None = None,
) -> Figure:
    """A bar a group, parted in the order in which parts first appear; of several, those wide enough carry their value.

    Shares fill the bar, and the number of what was counted stands at its right; amounts have lengths from zero on one
    scale, and their sum stands there.

    Parameters
    ----------
    result : keyed by group and part. Table: ``estimate`` (shares of a group, or amounts), ``n``. A group without
        estimates is named in a note
    labels : what to call groups and parts
    x_label : what is measured

    Raises
    ------
    ValueError : there are not two keys, an amount is negative, or no group has an estimate
    """
    if len(result.keys) != 2:
        raise ValueError(f"a stacked bar needs a key for groups and one for parts, got: {result.keys}")
    by, part = result.keys
    table = result.table
    known = table[table["estimate"].notna()]
    if known.empty:
        raise ValueError(f"{result.name!r} has no bar to draw: every group is too small")
    if (known["estimate"] < 0).any():
        raise ValueError(f"parts of a bar must not be negative, got: {known['estimate'].min()!r}")
    groups, parts = list(dict.fromkeys(known[by])), list(dict.fromkeys(known[part]))
    hidden = table[~table[by].isin(groups)].drop_duplicates(by)
    note = theme.too_few([theme.name(key, labels, words) for key in hidden[by]], hidden["n"].tolist(), result, words)
    amounts = {group: known[known[by] == group].set_index(part)["estimate"] for group in groups}
    whole = 1.0 if result.unit == "share" else max(float(own.sum()) for own in amounts.values())
    ends = {group: _end(known[known[by] == group], result, words) for group in groups}

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        names = {
            group: theme.wrap(theme.name(group, labels, words), width=1.1 if narrow else 2.3, size=size, lines=2)
            for group in groups
        }
        left = max(theme.text_width(text, size) for text in names.values()) + 0.18
        right = max(theme.text_width(text, size) for text in ends.values()) + 0.16
        bar, gap = 0.24, 0.12
        heights = {group: max(bar, (names[group].count("\n") + 1) * line) + gap for group in groups}
        key = _key_lines([theme.name(each, labels, words) for each in parts], width=width - 0.1, size=small)
        title = theme.wrap(x_label or theme.axis_title(result, result.unit), width=width - 0.1, size=small, lines=2)
        title_height = (title.count("\n") + 1) * step + 0.06
        top = 0.06 + title_height + len(key) * step + 0.1
        note_text = theme.note_lines([note] if note else [], width=width - 0.1, size=small)
        total = top + sum(heights.values()) + step * len(note_text) + 0.08
        figure = theme.sheet(narrow=narrow, height=total)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        _key(figure, key, parts, size=small, top=0.06 + title_height, step=step)
        axes = theme.place(figure, left=0, top=0, width=width, height=total)
        axes.set_xlim(0, width)
        axes.set_ylim(total, 0)
        axes.axis("off")
        long, at = width - left - right, top
        for group in groups:
            middle = at + heights[group] / 2
            theme.write(figure, names[group], left=0.05, top=middle, size=size, vertical="center")
            begins = left
            for each in parts:
                amount = float(amounts[group].get(each, 0.0))
                length = long * amount / whole
                colour = PART_COLOURS.get(str(each), theme.UNCLEAR)
                axes.barh(middle, length, left=begins, height=bar, color=colour, edgecolor=theme.CARD, lw=0.6)
                text = theme.value(amount, result.unit, words)
                # Of a bar of one part the sum at its right says as much.
                if len(amounts[group]) > 1 and amount > 0 and theme.text_width(text, small) + 0.06 < length:
                    theme.write(
                        figure, text, left=begins + length / 2, top=middle, size=small, color=_ink(colour),
                        align="center", vertical="center",
                    )  # fmt: skip
                begins += length
            end = ends[group]
            theme.write(figure, end, left=begins + 0.08, top=middle, size=small, color=theme.MUTED, vertical="center")
            at += heights[group]
        for index, text in enumerate(note_text):
            theme.write(figure, text, left=0.05, top=at + index * step, size=small, color=theme.MUTED)
        return theme.finish(figure)


def _end(rows: pd.DataFrame, result: Result, words: Words) -> str:
    """What stands at the right of a bar: of shares how many were counted, of amounts their sum."""
    if result.unit == "share":
        return words.number(float(rows["n"].iloc[0])) if rows["n"].notna().any() else ""
    return theme.value(float(rows["estimate"].sum()), result.unit, words)


def _ink(colour: str) -> str:
    """Dark text on pale parts, white on dark ones."""
    red, green, blue = to_rgb(colour)
    return theme.INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else theme.CARD


def _key_lines(names: list[str], *, width: float, size: float) -> list[list[tuple[float, str]]]:
    """The names of parts with where each begins, broken into lines that fit."""
    lines: list[list[tuple[float, str]]] = [[]]
    x = 0.05
    square = theme.text_width("■", size) + 0.06
    for name in names:
        wide = square + theme.text_width(name, size) + 0.2
        if lines[-1] and x + wide - 0.2 > width:
            lines.append([])
            x = 0.05
        lines[-1].append((x, name))
        x += wide
    return lines


def _key(
    figure: Figure, lines: list[list[tuple[float, str]]], parts: list[object], *, size: float, top: float, step: float
) -> None:
    """Which colour is which part, in the order of the bar."""
    square = theme.text_width("■", size) + 0.06
    colours = iter([PART_COLOURS.get(str(part), theme.UNCLEAR) for part in parts])
    for index, line in enumerate(lines):
        at = top + index * step + step / 2
        for x, name in line:
            theme.write(figure, "■", left=x, top=at, size=size, color=next(colours), vertical="center")
            theme.write(figure, name, left=x + square, top=at, size=size, color=theme.MUTED, vertical="center")
