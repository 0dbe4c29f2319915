"""Several estimates of one ratio on each row, on a log axis: what a naive comparison says beside better ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

_MARKS = ("o", "D", "s", "^")
_FARTHEST = 8.0
"""The axis reaches from one eighth to eight times at most; what lies beyond ends in an arrow."""
_TICKS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_STEP = 0.15
"""Inches between the marks of one row."""


def ratios(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    by: str | None = None,
    mark: str | None = None,
    main: str | None = None,
    clear: str | None = None,
    labels: Mapping[str, str] | None = None,
    margin: tuple[float, float] | None = None,
    margin_label: str | None = None,
    sides: tuple[str, str] = ("lower", "higher"),
    x_label: str | None = None,
) -> Figure:
    """A row for each thing compared, on it a mark with its interval for each way of estimating the ratio.

    The main way is filled and its figures are in print at the right: in colour where the column ``clear`` says so (by
    default where ``p_adjusted`` is at most one minus the level, and without that where the interval leaves 1 out). The
    other ways are hollow and grey.

    Parameters
    ----------
    result : one row a mark, in the order in which rows and marks are drawn; ``estimate, low, high`` are ratios
    by : the key that names the rows; default the first
    mark : the key that tells the marks of a row apart, at most four values, each with a shape by its place (of a
        categorical among its categories, else in the table); default the last
    main : the value of ``mark`` that the message rests on; default the last
    clear : a column that says which main marks are in colour
    labels : what to call keys' values
    margin : between these ratios a difference would be too small to matter: a shaded band
    margin_label : what the band is called
    sides : what lies below and above 1
    x_label : what is measured

    Raises
    ------
    ValueError : there is no mark to draw, there are more than four ways, or the main one is unknown
    """
    table = result.table
    by, mark = by or result.keys[0], mark or result.keys[-1]
    drawn = table[table["estimate"].notna()]
    if drawn.empty:
        raise ValueError(f"{result.name!r} has no ratio to draw: every group is too small")
    kind = table[mark].dtype
    ways = [str(way) for way in (kind.categories if hasattr(kind, "categories") else dict.fromkeys(table[mark]))]
    main = main or ways[-1]
    if len(ways) > len(_MARKS):
        raise ValueError(f"at most {len(_MARKS)} marks fit on a row, got: {ways}")
    if main not in ways:
        raise ValueError(f"main must be one of {ways}, got: {main!r}")
    rows = dict(iter(drawn.groupby(by, sort=False)))
    names = {key: theme.name(key, labels, words) for key in rows}
    alpha = 1 - (result.level or 0.95)

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        printed = {key: _printed(part[part[mark].astype(str) == main], words) for key, part in rows.items()}
        value_width = max(theme.text_width(text, size) for text in printed.values())
        count = {key: len(part) for key, part in rows.items()}
        if narrow:
            left, right = 0.24, 0.2
            shown = {
                key: theme.wrap(name, width=width - value_width - 0.3, size=size, lines=2)
                for key, name in names.items()
            }
            heights = {key: (text.count("\n") + 1) * line + 0.16 + _STEP * count[key] for key, text in shown.items()}
        else:
            shown = {key: theme.wrap(name, width=2.0, size=size, lines=2) for key, name in names.items()}
            left = max(0.9, max(theme.text_width(text, size) for text in shown.values()) + 0.25)
            right = value_width + 0.3
            heights = {
                key: max((text.count("\n") + 1) * line, _STEP * count[key]) + 0.16 for key, text in shown.items()
            }
        low, high = _span(drawn, margin)
        plot_width = width - left - right

        title = theme.wrap(x_label or theme.axis_title(result, "ratio"), width=width - 0.1, size=small, lines=3)
        key_lines = _key_lines(ways, main, labels, words, width=width - 0.1, size=size)
        title_height = (title.count("\n") + 1) * step
        note = [margin_label] if margin and margin_label else []
        if _beyond(drawn, low, high):
            note.append("An arrow: the range reaches further than the axis.")
        notes = theme.note_lines(note, width=width - 0.1, size=small)
        top_margin = 0.06 + title_height + len(key_lines) * (line + 0.05) + step + 0.1
        body = sum(heights.values())
        figure = theme.sheet(narrow=narrow, height=top_margin + body + 0.36 + step * len(notes) + 0.04)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        for index, entries in enumerate(key_lines):
            _key(figure, entries, top=0.06 + title_height + 0.04 + index * (line + 0.05) + line / 2, size=size)
        axes = theme.place(figure, left=left, top=top_margin, width=plot_width, height=body)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(body, 0)
        axes.set_yticks([])
        places = [place for place in _TICKS if low <= place <= high]
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(places, [_times(place, words) for place in places])
        axes.tick_params(axis="x", labelsize=small)
        axes.grid(axis="x")
        if margin:
            axes.axvspan(max(margin[0], low), min(margin[1], high), color=theme.GRID, alpha=0.6, lw=0, zorder=0)
        axes.axvline(1.0, color=theme.INK, lw=1.0, zorder=1.5)
        _sides(figure, sides, left=left, width=plot_width, low=low, high=high, top=top_margin - 0.05, size=small)
        y = 0.0
        for key, part in rows.items():
            tall = heights[key]
            first = y + (tall - _STEP * (count[key] - 1)) / 2
            if narrow:
                first = y + (shown[key].count("\n") + 1) * line + 0.12
            ink = theme.MUTED
            for position, (_, row) in enumerate(part.iterrows()):
                chosen = str(row[mark]) == main
                colour = _colour(row, alpha, clear) if chosen else theme.UNCLEAR
                ink = (theme.INK if colour == theme.ACCENT else theme.MUTED) if chosen else ink
                _draw(axes, row, first + position * _STEP, colour, _MARKS[ways.index(str(row[mark]))], filled=chosen)
            text_top = y + (0.03 if narrow else tall / 2)
            vertical = "top" if narrow else "center"
            theme.write(
                figure, shown[key], left=0.05, top=top_margin + text_top, size=size, vertical=vertical, covering=True
            )
            theme.write(
                figure,
                printed[key],
                left=width - 0.06,
                top=top_margin + text_top,
                size=size,
                align="right",
                vertical=vertical,
                color=ink,
                covering=True,
            )
            y += tall
        for index, text in enumerate(notes):
            theme.write(
                figure, text, left=0.05, top=top_margin + body + 0.34 + index * step, size=small, color=theme.MUTED
            )
        return theme.finish(figure)


def _span(drawn: pd.DataFrame, margin: tuple[float, float] | None) -> tuple[float, float]:
    """Both ends of the axis: as far as the marks and most of their intervals need, at least to half and to twice."""
    ends = pd.concat([drawn["estimate"], drawn["low"], drawn["high"], pd.Series(margin or (1.0, 1.0))]).dropna()
    ends = ends[ends > 0].clip(1 / _FARTHEST, _FARTHEST)
    return min(float(ends.min()) / 1.06, 0.47), max(float(ends.max()) * 1.06, 2.13)


def _beyond(drawn: pd.DataFrame, low: float, high: float) -> bool:
    return bool((drawn["low"] < low).any() or (drawn["high"] > high).any())


def _printed(main: pd.DataFrame, words: Words) -> str:
    if main.empty:
        return ""
    row = main.iloc[0]
    ends = theme.interval(row["low"], row["high"], "ratio", words)
    estimate = theme.value(row["estimate"], "ratio", words)
    return f"{estimate} ({ends})" if ends else estimate


def _times(place: float, words: Words) -> str:
    return f"{words.number(place, 3).rstrip('0').rstrip('.')}×"


def _colour(row: pd.Series, alpha: float, clear: str | None) -> str:
    if clear is not None:
        return theme.ACCENT if row[clear] else theme.UNCLEAR
    if not theme.missing(row.get("p_adjusted")):
        return theme.ACCENT if row["p_adjusted"] <= alpha else theme.UNCLEAR
    if theme.missing(row["low"]) or row["low"] <= 1 <= row["high"]:
        return theme.UNCLEAR
    return theme.ACCENT


def _draw(axes: object, row: pd.Series, y: float, colour: str, shape: str, *, filled: bool) -> None:
    low, high = axes.get_xlim()
    estimate = min(max(float(row["estimate"]), low), high)
    if not theme.missing(row["low"]) and not theme.missing(row["high"]):
        ends = max(float(row["low"]), low), min(float(row["high"]), high)
        axes.plot(ends, [y, y], color=colour, lw=2.0 if filled else 1.2, solid_capstyle="butt")
        for end, reached, arrow in ((row["low"], low, "<"), (row["high"], high, ">")):
            if (end < low) if arrow == "<" else (end > high):
                axes.plot([reached], [y], arrow, ms=4, color=colour, clip_on=False)
    axes.plot(
        [estimate], [y], shape, ms=6.5 if filled else 5, mec=colour, mew=1.3, mfc=colour if filled else theme.CARD
    )


_SIGNS = {"o": "○", "D": "◇", "s": "□", "^": "△"}
_FILLED = {"o": "●", "D": "◆", "s": "■", "^": "▲"}


def _key_lines(
    ways: list[str], main: str, labels: Mapping[str, str] | None, words: Words, *, width: float, size: float
) -> list[list[tuple[str, bool]]]:
    """The entries of the key, broken into lines that fit: text and whether it is the main way."""
    lines: list[list[tuple[str, bool]]] = [[]]
    used = 0.0
    for position, way in enumerate(ways):
        sign = (_FILLED if way == main else _SIGNS)[_MARKS[position]]
        text = f"{sign} {theme.name(way, labels, words)}"
        room = theme.text_width(text, size) + 0.25
        if lines[-1] and used + room > width:
            lines.append([])
            used = 0.0
        lines[-1].append((text, way == main))
        used += room
    return lines


def _key(figure: Figure, entries: list[tuple[str, bool]], *, top: float, size: float) -> None:
    x = 0.05
    for text, chosen in entries:
        colour = theme.ACCENT if chosen else theme.MUTED
        theme.write(figure, text, left=x, top=top, size=size, color=colour, vertical="center")
        x += theme.text_width(text, size) + 0.25


def _sides(
    figure: Figure,
    sides: tuple[str, str],
    *,
    left: float,
    width: float,
    low: float,
    high: float,
    top: float,
    size: float,
) -> None:
    """Which way is which, to the left and to the right of 1."""
    one = left + width * math.log(1 / low) / math.log(high / low)
    for text, at, align in ((f"← {sides[0]}", one - 0.08, "right"), (f"{sides[1]} →", one + 0.08, "left")):
        theme.write(figure, text, left=at, top=top, size=size, color=theme.MUTED, align=align, vertical="bottom")
