"""From the opening to the closing amount, one bar a movement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

STEPS = ("opening", "new", "expansion", "reactivation", "contraction", "churn", "closing")
LEVELS = ("opening", "closing")

# Below this share of the larger level, movements on an axis from zero would be slivers.
_VISIBLE = 0.12


def waterfall(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    y_label: str | None = None,
) -> Figure:
    """Opening and closing amounts with the movements between them as floating bars.

    The axis begins at zero, since lengths are read. Where the movements together are too small to be seen so, the two
    levels become lines instead of bars, only the movements keep lengths, and a note says so.

    Parameters
    ----------
    result : one key, its values among `STEPS`; ``estimate`` signed (losses negative), opening plus movements is closing
    labels : what to call the steps
    y_label : what is measured

    Raises
    ------
    ValueError : opening or closing is missing, or a step is unknown
    """
    key = result.keys[0]
    amounts = {str(row[key]): float(row["estimate"]) for _, row in result.table.iterrows()}
    if unknown := [step for step in amounts if step not in STEPS]:
        raise ValueError(f"steps of a waterfall are {STEPS}, got: {unknown}")
    if absent := [step for step in LEVELS if step not in amounts]:
        raise ValueError(f"a waterfall needs the steps {absent}")
    steps = [step for step in STEPS if step in amounts]
    unit = str(result.table["unit"].iloc[0]) if result.unit == "by row" else result.unit
    spans, level = {}, 0.0
    for step in steps:
        before = 0.0 if step in LEVELS else level
        level = amounts[step] if step in LEVELS else level + amounts[step]
        spans[step] = (before, level)
    corners = [end for step, span in spans.items() if step not in LEVELS for end in span]
    corners += [amounts["opening"], amounts["closing"]]
    as_lines = max(corners) - min(corners) < _VISIBLE * max(abs(corner) for corner in corners)
    if as_lines:
        pad = 0.12 * (max(corners) - min(corners)) or 1.0
        low, high = min(corners) - pad, max(corners) + pad
    else:
        low, high = min(0.0, *corners) * 1.08, max(0.0, *corners) * 1.06
    names = {step: (labels or {}).get(step, step.capitalize()) for step in steps}
    texts = {step: theme.value(amounts[step], unit, words, signed=step not in LEVELS) for step in steps}

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, row = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        title = theme.wrap(y_label or theme.axis_title(result, unit), width=width - 0.1, size=small, lines=2)
        notes = ["Only the movements have lengths to compare; opening and closing are lines."] if as_lines else []
        note = theme.note_lines(notes, width=width - 0.1, size=small)
        top = 0.06 + (title.count("\n") + 1) * row + 0.12
        text_width = max(theme.text_width(text, size, "bold") for text in texts.values())
        if narrow:
            left = min(1.15, max(theme.text_width(name, size) for name in names.values())) + 0.14
            right, height, below = text_width + 0.12, 0.34 * len(steps), 0.04
        else:
            left, right, height = 0.05, 0.05, 2.9
            names = {
                step: theme.wrap(name, width=7.7 / len(steps) - 0.1, size=size, lines=2) for step, name in names.items()
            }
            below = (max(name.count("\n") for name in names.values()) + 1) * line + 0.12
        figure = theme.sheet(narrow=narrow, height=top + height + below + row * len(note) + 0.06)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        plot = width - left - right
        axes = theme.place(figure, left=left, top=top, width=plot, height=height)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines["bottom"].set_visible(False)
        across, along = ((-0.5, len(steps) - 0.5), (low, high))
        if narrow:
            axes.set_ylim(across[1], across[0])
            axes.set_xlim(*along)
        else:
            axes.set_xlim(*across)
            axes.set_ylim(*along)
            # room above and below the bars for their values
            axes.set_ylim(
                low - (0.1 * (high - low) if min(corners) < 0 or as_lines else 0.0), high + 0.08 * (high - low)
            )
        for index, step in enumerate(steps):
            start, end = spans[step]
            colour = theme.MEANING[step]
            if as_lines and step in LEVELS:
                mark = axes.vlines if narrow else axes.hlines
                mark(end, index - 0.36, index + 0.36, color=colour, lw=4)
            else:
                bar = axes.barh if narrow else axes.bar
                bar(index, end - start, 0.68, start, color=colour)
            if index + 1 < len(steps):
                reach = (index + (0.0 if as_lines and step in LEVELS else 0.34), index + 1 + 0.34)
                join = axes.vlines if narrow else axes.hlines
                join(end, *reach, color=theme.CONTEXT, lw=0.8, zorder=0.5)
            ink = theme.INK if step in LEVELS or amounts[step] == 0 else colour
            if narrow:
                at = top + height * (index + 0.5) / len(steps)
                theme.write(figure, names[step], left=0.05, top=at, size=size, vertical="center")
                theme.write(
                    figure,
                    texts[step],
                    left=width - 0.05,
                    top=at,
                    size=size,
                    align="right",
                    vertical="center",
                    weight="bold",
                    color=theme.INK,
                )
            else:
                rising = amounts[step] >= 0
                edge = max(start, end) if rising else min(start, end)
                axes.annotate(
                    texts[step],
                    (index, edge),
                    xytext=(0, 3 if rising else -3),
                    textcoords="offset points",
                    ha="center",
                    va="bottom" if rising else "top",
                    size=size,
                    weight="bold",
                    color=_ink(ink),
                    zorder=4,
                )
                at = left + plot * (index + 0.5) / len(steps)
                theme.write(figure, names[step], left=at, top=top + height + 0.08, size=size, align="center")
        if not as_lines:
            (axes.axvline if narrow else axes.axhline)(0, color=theme.CONTEXT, lw=0.8)
        for index, text in enumerate(note):
            theme.write(figure, text, left=0.05, top=top + height + below + index * row, size=small, color=theme.MUTED)
        return theme.finish(figure)


def _ink(colour: str) -> str:
    """Text is dark where its bar's colour would be too pale to read."""
    return (
        theme.INK
        if colour in (theme.MEANING["contraction"], theme.MEANING["reactivation"], theme.MEANING["new"])
        else colour
    )
