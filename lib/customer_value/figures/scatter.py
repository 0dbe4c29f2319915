"""Accounts as points in a plane, each with the colour and sign of its cluster, and a letter where a cluster lies."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from string import ascii_uppercase
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

COLOURS = ("#0072b2", "#c27c00", "#a8447f", "#007a5a", "#b8460b", "#3d3d3d")
"""Okabe and Ito's, darkened to be told apart on white; more clusters than these are not looked for."""

SIGNS = ("o", "^", "s", "D", "v", "P")
"""A sign for each, so that no one needs to see colours."""

MOST_DRAWN = 1_200


def scatter(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    unplaced: str | None = None,
) -> Figure:
    """A point for each account; the clusters are named above, and what accounts at the plane's far ends are like.

    Parameters
    ----------
    result : one row a point: ``estimate`` (across), ``second`` (upwards), ``cluster``; ``across`` and ``upwards`` say
        what accounts at the far ends are like. Of more than `MOST_DRAWN` points every so many are drawn
    labels : what to call clusters
    unplaced : the cluster that stands for none, drawn in grey

    Raises
    ------
    ValueError : there are no points
    """
    table = result.table
    if not table["estimate"].notna().any():
        raise ValueError(f"{result.name!r} has no point to draw")
    sizes = table["cluster"].value_counts()
    names = sorted(sizes.index, key=lambda name: (name == unplaced, -sizes[name], str(name)))
    looks = {
        name: (theme.CONTEXT, "o") if name == unplaced else (COLOURS[place % 6], SIGNS[place % 6])
        for place, name in enumerate(names)
    }
    letters = {name: ascii_uppercase[place] for place, name in enumerate(names) if name != unplaced}
    every = ceil(len(table) / MOST_DRAWN)
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        shown = {
            name: theme.wrap(
                f"{letters.get(name, '')} {theme.name(name, labels, words)} ({words.number(sizes[name])})".strip(),
                width=width - 0.4,
                size=size,
                lines=3,
                weight="normal" if name == unplaced else "bold",
            )
            for name in names
        }
        up, across = (
            theme.wrap(f"{arrow} {table[column].iloc[0]}", width=width - 0.2, size=small, lines=2)
            for arrow, column in (("↑", "upwards"), ("→", "across"))
        )
        note = theme.note_lines(
            [f"One account in {words.number(every)} is drawn."] if every > 1 else [], width=width - 0.1, size=small
        )
        plane = 2.8 if narrow else 4.2
        head = 0.06 + sum((text.count("\n") + 1) * line + 0.04 for text in shown.values())
        top = head + 0.06 + (up.count("\n") + 1) * step + 0.04
        below = (across.count("\n") + 1) * step + 0.06
        figure = theme.sheet(narrow=narrow, height=top + plane + below + step * len(note) + 0.06)
        whole = theme.place(figure, left=0, top=0, width=width, height=top)
        whole.set_xlim(0, width)
        whole.set_ylim(top, 0)
        whole.set_axis_off()
        y = 0.06
        for name in names:
            colour, sign = looks[name]
            whole.plot([0.13], [y + line / 2], sign, color=colour, ms=6)
            weight = "normal" if name == unplaced else "bold"
            theme.write(figure, shown[name], left=0.28, top=y, size=size, weight=weight)
            y += (shown[name].count("\n") + 1) * line + 0.04
        theme.write(figure, up, left=0.05, top=head + 0.06, size=small, color=theme.MUTED)
        axes = theme.place(figure, left=0.05, top=top, width=width - 0.1, height=plane)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(True)
        drawn = table.iloc[::every]
        for name in reversed(names):
            colour, sign = looks[name]
            mine = drawn[drawn["cluster"] == name]
            axes.plot(mine["estimate"], mine["second"], sign, color=colour, ms=3.5, mew=0, alpha=0.55)
        for name, letter in letters.items():
            mine = table[table["cluster"] == name]
            axes.text(
                mine["estimate"].median(),
                mine["second"].median(),
                letter,
                size=size + 3,
                weight="bold",
                ha="center",
                va="center",
                color=theme.INK,
                bbox={"boxstyle": "circle,pad=0.25", "facecolor": theme.CARD, "edgecolor": looks[name][0], "lw": 1.6},
            )
        theme.write(
            figure, across, left=width - 0.05, top=top + plane + 0.06, size=small, color=theme.MUTED, align="right"
        )
        for index, text in enumerate(note):
            theme.write(figure, text, left=0.05, top=top + plane + below + index * step, size=small, color=theme.MUTED)
        return theme.finish(figure)
