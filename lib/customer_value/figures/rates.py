"""Rates by age: what was counted at each age, with its range, and the shape that fits it best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from customer_value.strategy.wording import Words

_MOST_PANELS = 6


def rates(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    x_label: str = "Months since sign-up",
    y_label: str | None = None,
) -> Figure:
    """A panel a group on a scale of its own: a dot and a thin bar an age, and a line for the shape.

    Parameters
    ----------
    result : keyed ``(group, age)``. Table: ``estimate``, ``low``, ``high``, ``fitted`` (missing: no line) and ``step``,
        the months between one age and the next
    labels : what to call groups
    x_label, y_label : what the axes measure

    Raises
    ------
    ValueError : not two keys, nothing to draw, or more groups than can be told apart
    """
    if len(result.keys) != 2:
        raise ValueError(f"rates are keyed by group and age, got: {result.keys}")
    group, age = result.keys
    known = result.table[result.table["estimate"].notna()].sort_values(age, kind="stable")
    parts = {str(key): known[known[group] == key] for key in dict.fromkeys(result.table[group])}
    parts = {key: part for key, part in parts.items() if len(part)}
    if not parts:
        raise ValueError(f"{result.name!r} has no rate to draw: every group is too small")
    if len(parts) > _MOST_PANELS:
        raise ValueError(f"at most {_MOST_PANELS} groups can be drawn, got: {len(parts)}")
    unit = str(result.table["unit"].iloc[0]) if result.unit == "by row" else result.unit
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, row = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        columns = 1 if narrow else min(len(parts), 2)
        highest = {
            key: min(float(part["high"].max()), 2.5 * float(part["estimate"].max())) for key, part in parts.items()
        }
        scales = {key: theme.ticks(0.0, max(top, 1e-6), unit, words, count=4) for key, top in highest.items()}
        margin = max(theme.text_width(text, small) for _, texts in scales.values() for text in texts) + 0.12
        gap = 0.36
        plot = (width - 0.14 - margin * columns - gap * (columns - 1)) / columns
        drawn = any(part["fitted"].notna().any() for part in parts.values())
        key_text = "Dot: counted, with its range." + (" Line: the shape that fits best." if drawn else "")
        heading = theme.wrap(
            f"{y_label or theme.axis_title(result, unit)}. {key_text}", width=width - 0.1, size=small, lines=3
        )
        top = 0.06 + (heading.count("\n") + 1) * row + 0.1
        head, height, below = line + 0.1, (1.7 if narrow else 2.1), 0.24 + row + 0.16
        rows = -(-len(parts) // columns)
        figure = theme.sheet(narrow=narrow, height=top + rows * (head + height + below) + 0.04)
        theme.write(figure, heading, left=0.05, top=0.06, size=small, color=theme.MUTED)
        for index, (key, part) in enumerate(parts.items()):
            x = (index % columns) * (margin + plot + gap) + margin
            y = top + (index // columns) * (head + height + below)
            if len(parts) > 1:
                title = theme.wrap(theme.name(key, labels, words), width=plot, size=size, lines=1, weight="bold")
                theme.write(figure, title, left=x, top=y, size=size, weight="bold")
            axes = theme.place(figure, left=x, top=y + head, width=plot, height=height)
            last = float(part[age].max())
            axes.set_xlim(0, last + float(part["step"].iloc[0]) * 0.5)
            axes.set_ylim(0, max(highest[key], 1e-6))
            theme.value_grid(axes, *scales[key], size=small)
            step = next(one for one in (1, 2, 3, 6, 12, 24, 36, 60, 120) if last / one <= plot / 0.45 or one == 120)
            places = list(range(0, int(last) + 1, step))
            axes.set_xticks(places, [words.number(at) for at in places])
            axes.tick_params(axis="x", labelsize=small)
            _draw(axes, part, age, drawn=drawn)
            theme.write(
                figure, x_label, left=x + plot / 2, top=y + head + height + 0.24, size=small, color=theme.MUTED,
                align="center",
            )  # fmt: skip
        return theme.finish(figure)


def _draw(axes: Axes, part: pd.DataFrame, age: str, *, drawn: bool) -> None:
    """Grey bars and dots, so that the line stands out; where all leave at one age it is drawn around that age only."""
    grey = drawn and part["fitted"].notna().any()
    colour = theme.CONTEXT if grey else theme.ACCENT
    axes.vlines(part[age], part["low"], part["high"], color=colour, lw=1.2)
    axes.plot(part[age], part["estimate"], "o", color=theme.MUTED if grey else colour, ms=3.2)
    if not grey:
        return
    step = part["step"].to_numpy(float)
    ends, heights = part[age].to_numpy(float), part["fitted"].to_numpy(float)
    for end, width, value in zip(ends, step, heights, strict=True):
        reach = (end - 1, end) if width == 1 else (end - 0.35 * width, end + 0.35 * width)
        axes.plot(reach, [value, value], color=theme.ACCENT, lw=2.2, solid_capstyle="butt")
