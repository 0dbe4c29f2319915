"""Members of ordered classes on one scale: a strip of dots a class, its middle, and who lies beyond a neighbour's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

SIDES = {"under": theme.ACCENT, "over": theme.CONTRAST}
"""Members beyond the middle of the class above, and below that of the class beneath; all others are grey."""

_LEVELS = 5
"""Heights that dots of one strip are spread over, so that they do not hide each other."""


def strips(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    sides: tuple[str, str] = ("above the middle of the next", "below the middle of the one before"),
    x_label: str = "Place on the scale",
    ends: tuple[str, str] = ("less", "more"),
) -> Figure:
    """A strip a class, in the table's order from the lowest; a tick at each class's middle.

    Parameters
    ----------
    result : one row a dot, keyed by the class and its place in it. Table: ``estimate`` (where the dot lies), ``side``
        (``under``, ``over`` or anything else), ``middle``, ``n``, ``under``, ``over`` (of the class)
    labels : what to call classes
    sides : what the dots in colour are, of those above and those below
    x_label : what the scale measures
    ends : what its two ends are called

    Raises
    ------
    ValueError : there is no dot to draw
    """
    table = result.table
    if table.empty:
        raise ValueError(f"{result.name!r} has no dot to draw")
    by = result.keys[0]
    classes = dict(iter(table.groupby(by, sort=False)))
    names = {key: theme.name(key, labels, words) for key in classes}
    told = {key: _told(rows.iloc[0], words) for key, rows in classes.items()}
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        room = width - 0.1 if narrow else 2.0
        heads = {key: theme.wrap(name, width=room, size=size, lines=2, weight="bold") for key, name in names.items()}
        counts = {key: theme.wrap(text, width=room, size=small, lines=4) for key, text in told.items()}
        left = (
            0.12
            if narrow
            else max(theme.text_width(text, size, "bold") for text in [*heads.values(), *counts.values()]) + 0.25
        )
        left = min(left, 2.25)
        tall = {key: (heads[key].count("\n") + 1) * line + (counts[key].count("\n") + 1) * step for key in classes}
        strip = 0.5
        heights = {key: tall[key] + strip + 0.12 if narrow else max(tall[key], strip) + 0.14 for key in classes}
        used = {side: text for side, text in zip(SIDES, sides, strict=True) if (table["side"] == side).any()}
        title = theme.wrap(x_label, width=width - 0.1, size=small, lines=3)
        keys = [theme.wrap(f"● {text}", width=width - 0.1, size=size, lines=2) for text in used.values()]
        key_height = sum((text.count("\n") + 1) * line for text in keys)
        top = 0.06 + (title.count("\n") + 1) * step + key_height + 0.14
        body = sum(heights.values())
        figure = theme.sheet(narrow=narrow, height=top + body + step + 0.22)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        place = 0.06 + (title.count("\n") + 1) * step + 0.04
        for side, text in zip(used, keys, strict=True):
            theme.write(figure, text, left=0.05, top=place, size=size, color=SIDES[side])
            place += (text.count("\n") + 1) * line
        plot = width - left - 0.15
        axes = theme.place(figure, left=left, top=top, width=plot, height=body)
        low, high = float(table["estimate"].min()), float(table["estimate"].max())
        pad = 0.03 * (high - low) or 0.5
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(body, 0)
        axes.set_xticks([])
        axes.set_yticks([])
        y = 0.0
        for key, rows in classes.items():
            at = y + tall[key] + strip / 2 + 0.02 if narrow else y + heights[key] / 2
            _strip(axes, rows, at, strip)
            text_top = y + 0.02 if narrow else at - tall[key] / 2
            theme.write(figure, heads[key], left=0.05, top=top + text_top, size=size, weight="bold")
            below = text_top + (heads[key].count("\n") + 1) * line
            theme.write(figure, counts[key], left=0.05, top=top + below, size=small, color=theme.MUTED)
            y += heights[key]
        foot = top + body + 0.06
        theme.write(figure, f"← {ends[0]}", left=left, top=foot, size=small, color=theme.MUTED)
        theme.write(figure, f"{ends[1]} →", left=left + plot, top=foot, size=small, color=theme.MUTED, align="right")
        return theme.finish(figure)


def _told(row: pd.Series, words: Words) -> str:
    """How many of a class are in colour."""
    counted = [
        f"{words.number(row[side])} {where}" for side, where in (("under", "above"), ("over", "below")) if row[side]
    ]
    return f"of {words.number(row['n'])}: {words.list(counted)}" if counted else words.number(row["n"])


def _strip(axes: object, rows: pd.DataFrame, at: float, height: float) -> None:
    heights = at + (np.arange(len(rows)) * 2 % _LEVELS - (_LEVELS - 1) / 2) * height * 0.7 / _LEVELS
    for side, colour in (*SIDES.items(), (None, theme.CONTEXT)):
        drawn = (rows["side"] == side).to_numpy() if side else ~rows["side"].isin(list(SIDES)).to_numpy()
        axes.plot(rows["estimate"][drawn], heights[drawn], "o", ms=3.4, mec="none", color=colour, alpha=0.85)
    middle = float(rows["middle"].iloc[0])
    axes.plot([middle, middle], [at - height / 2, at + height / 2], color=theme.INK, lw=1.6, zorder=3)
