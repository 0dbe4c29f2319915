"""Headwind against tailwind: where each group stands among four named quarters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

QUARTERS = ("growing and keeping", "growing but leaking", "keeping but flat", "leaking and flat")


def grid(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    x: str = "headwind",
    y: str = "tailwind",
    by: str = "level",
    company: str = "all",
    labels: Mapping[str, str] | None = None,
    quarters: tuple[str, str, str, str] = QUARTERS,
    x_label: str = "Headwind: revenue lost to churn and decreases",
    y_label: str = "Tailwind: revenue added by increases",
) -> Figure:
    """A bubble a group, as large as its number of accounts, with its intervals as a thin cross.

    The lines that part the quarters stand at ``cut`` if the table has it, else at the whole company.

    Parameters
    ----------
    result : one row a group and measure; the key that holds the measures is found by its values ``x`` and ``y``.
        Table: ``estimate``, ``low``, ``high``, ``n``, optional ``cut``
    x, y : the two measures
    by : the key that names groups
    company : the group that is the whole company; not drawn as a bubble if there are others
    labels : what to call groups
    quarters : names of low x and high y, high x and high y, low x and low y, high x and low y

    Raises
    ------
    ValueError : a measure is missing, or no group has both
    """
    table = result.table
    measure = next((key for key in result.keys if {x, y} <= set(table[key])), None)
    if measure is None:
        raise ValueError(f"no key of {result.name!r} holds both {x!r} and {y!r}")
    unit = str(table["unit"].iloc[0]) if result.unit == "by row" else result.unit
    across = {row[by]: row for _, row in table[table[measure] == x].iterrows()}
    up = {row[by]: row for _, row in table[table[measure] == y].iterrows()}
    groups = [key for key in across if key in up]
    hidden = [key for key in groups if pd.isna(across[key]["estimate"]) or pd.isna(up[key]["estimate"])]
    groups = [key for key in groups if key not in hidden]
    if not groups:
        raise ValueError(f"{result.name!r} has no group to draw: every group is too small")
    cut_x, cut_y = (_cut(table[table[measure] == which], rows.get(company)) for which, rows in ((x, across), (y, up)))
    drawn = [key for key in groups if key != company] or groups
    drawn.sort(key=lambda key: (-float(across[key].get("n", 0) or 0), str(key)))
    names = {key: theme.name(key, labels, words) for key in drawn}

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        row = theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        ends_x = [
            float(across[key][end])
            for key in drawn
            for end in ("estimate", "low", "high")
            if end in across[key] and pd.notna(across[key][end])
        ]
        ends_y = [
            float(up[key][end])
            for key in drawn
            for end in ("estimate", "low", "high")
            if end in up[key] and pd.notna(up[key][end])
        ]
        high_x = max([*ends_x, cut_x or 0.0]) * 1.15 or 1.0
        high_y = max([*ends_y, cut_y or 0.0]) * 1.2 or 1.0
        low_x, low_y = min(0.0, *ends_x), min(0.0, *ends_y)
        marks_y, texts_y = theme.ticks(low_y, high_y, unit, words, count=4)
        left = max(theme.text_width(text, small) for text in texts_y) + 0.14
        plot = width - left - 0.12
        height = 2.9 if narrow else 4.2
        marks_x, texts_x = theme.ticks(low_x, high_x, unit, words, count=max(2, int(plot / 0.9)))
        title = theme.wrap(f"↑ {y_label}", width=width - 0.1, size=small, lines=2)
        foot = theme.wrap(f"{x_label} →", width=plot, size=small, lines=2)
        top = 0.06 + (title.count("\n") + 1) * row + 0.08
        # On a phone bubbles carry numbers and the list beneath says whose they are.
        listed = [f"{number} {names[key]}" for number, key in enumerate(drawn, 1)] if narrow and len(drawn) > 1 else []
        keys = [theme.wrap(text, width=width - 0.1, size=small, lines=2) for text in listed]
        hidden_names = [theme.name(key, labels, words) for key in hidden]
        few = theme.too_few(hidden_names, [across[key].get("n") for key in hidden], result, words)
        bubbles = f"Area of a bubble: {result.n_of}; thin lines: intervals."
        if cut_x is not None or cut_y is not None:
            bubbles += " Black lines: where high begins."
        note = theme.note_lines([bubbles, few] if few else [bubbles], width=width - 0.1, size=small)
        below = 0.26 + (foot.count("\n") + 1) * row + 0.1
        listing = sum(text.count("\n") + 1 for text in keys) * row + (0.08 if keys else 0.0)
        figure = theme.sheet(narrow=narrow, height=top + height + below + listing + row * len(note) + 0.06)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        axes = theme.place(figure, left=left, top=top, width=plot, height=height)
        axes.set_xlim(low_x, high_x)
        axes.set_ylim(low_y, high_y)
        theme.value_grid(axes, marks_y, texts_y, size=small)
        axes.set_xticks(marks_x, texts_x)
        axes.tick_params(axis="x", labelsize=small)
        axes.grid(axis="x")
        if cut_x is not None:
            axes.axvline(cut_x, color=theme.INK, lw=1.0)
        if cut_y is not None:
            axes.axhline(cut_y, color=theme.INK, lw=1.0)
        if cut_x is not None and cut_y is not None:
            share = (cut_x - low_x) / (high_x - low_x)
            # The best and the worst field are tinted, so that the eye finds both before it reads.
            for (left_x, right_x), (low_edge, high_edge), colour in (
                ((low_x, cut_x), (cut_y, high_y), theme.MEANING["expansion"]),
                ((cut_x, high_x), (low_y, cut_y), theme.MEANING["churn"]),
            ):
                axes.fill_between([left_x, right_x], low_edge, high_edge, color=colour, alpha=0.09, lw=0, zorder=0)
            for name, column, depth in zip(quarters, (0, 1, 0, 1), (1, 1, 0, 0), strict=True):
                room = plot * (share if column == 0 else 1 - share) - 0.12
                fitted = theme.wrap(name, width=max(room, 0.5), size=small, lines=3)
                axes.text(
                    column + (0.012 if column == 0 else -0.012),
                    0.985 if depth else 0.015,
                    fitted,
                    size=small,
                    color=theme.MUTED,
                    weight="bold",
                    transform=axes.transAxes,
                    ha="right" if column else "left",
                    va="top" if depth else "bottom",
                    zorder=1,
                )
        most = max(float(across[key].get("n", 1) or 1) for key in drawn)
        radii = {}
        for number, key in enumerate(drawn, 1):
            one, two = across[key], up[key]
            point = (float(one["estimate"]), float(two["estimate"]))
            area = max(40.0, (360 if narrow else 620) * float(one.get("n", 1) or 1) / most)
            radii[key] = float(np.sqrt(area / np.pi)) / 72
            if pd.notna(one.get("low")) and pd.notna(one.get("high")):
                axes.hlines(point[1], one["low"], one["high"], color=theme.ACCENT, lw=0.9, alpha=0.6)
            if pd.notna(two.get("low")) and pd.notna(two.get("high")):
                axes.vlines(point[0], two["low"], two["high"], color=theme.ACCENT, lw=0.9, alpha=0.6)
            axes.scatter(*point, s=area, color=theme.ACCENT, alpha=0.35, linewidths=0, zorder=3)
            axes.scatter(*point, s=area, facecolors="none", edgecolors=theme.ACCENT, linewidths=1.2, zorder=3)
            if listed:
                axes.text(*point, str(number), size=small, weight="bold", ha="center", va="center_baseline", zorder=5)
        if not listed:

            def at(horizontal: float, vertical: float) -> tuple[float, float]:
                """A point of the plot in inches on the sheet."""
                return (
                    left + plot * (horizontal - low_x) / (high_x - low_x),
                    top + height * (high_y - vertical) / (high_y - low_y),
                )

            middles = {key: at(float(across[key]["estimate"]), float(up[key]["estimate"])) for key in drawn}
            lines = [
                _box(at(row["low"], up[key]["estimate"]), at(row["high"], up[key]["estimate"]))
                for key in drawn
                for row in [across[key]]
                if not theme.missing(row.get("low"))
            ]
            lines += [
                _box(at(across[key]["estimate"], row["low"]), at(across[key]["estimate"], row["high"]))
                for key in drawn
                for row in [up[key]]
                if not theme.missing(row.get("low"))
            ]
            if cut_x is not None:
                lines.append(_box(at(cut_x, low_y), at(cut_x, high_y)))
            if cut_y is not None:
                lines.append(_box(at(low_x, cut_y), at(high_x, cut_y)))
            frame = (left, top, left + plot, top + height)
            for text, at_x, at_y in _labels(middles, radii, names, lines, size, frame).values():
                theme.write(figure, text, left=at_x, top=at_y, size=size, weight="bold", vertical="center")
        theme.write(
            figure, foot, left=left + plot, top=top + height + 0.26, size=small, color=theme.MUTED, align="right"
        )
        place = top + height + below
        for text in keys:
            theme.write(figure, text, left=0.05, top=place, size=small)
            place += (text.count("\n") + 1) * row
        place += 0.08 if keys else 0.0
        for text in note:
            theme.write(figure, text, left=0.05, top=place, size=small, color=theme.MUTED)
            place += row
        return theme.finish(figure)


def _cut(rows: pd.DataFrame, whole: pd.Series | None) -> float | None:
    """Where high begins: the table's own cut, else the whole company's value, else nowhere."""
    if "cut" in rows and rows["cut"].notna().any():
        return float(rows["cut"].dropna().iloc[0])
    return None if whole is None or pd.isna(whole["estimate"]) else float(whole["estimate"])


def _labels(
    middles: Mapping[object, tuple[float, float]],
    radii: Mapping[object, float],
    names: Mapping[object, str],
    lines: Sequence[tuple[float, float, float, float]],
    size: float,
    frame: tuple[float, float, float, float],
) -> dict[object, tuple[str, float, float]]:
    """A place beside each bubble, in inches, that meets the fewest other bubbles, labels and lines."""
    line = theme.line_height(size)
    circles = [(x - radii[key], y - radii[key], x + radii[key], y + radii[key]) for key, (x, y) in middles.items()]
    taken: list[tuple[float, float, float, float]] = []
    placed = {}
    for key, (x, y) in middles.items():
        text = theme.wrap(names[key], width=2.0, size=size, lines=2, weight="bold")
        wide, tall = theme.text_width(text, size, "bold"), (text.count("\n") + 1) * line
        gap = radii[key] + 0.05
        choices = [
            (x + gap, y),
            (x - gap - wide, y),
            (x - wide / 2, y - gap - tall / 2),
            (x - wide / 2, y + gap + tall / 2),
            (x + 0.7 * gap, y - 0.7 * gap - tall / 2),
            (x + 0.7 * gap, y + 0.7 * gap + tall / 2),
            (x - 0.7 * gap - wide, y - 0.7 * gap - tall / 2),
            (x - 0.7 * gap - wide, y + 0.7 * gap + tall / 2),
        ]

        def cost(at: tuple[float, float], wide: float = wide, tall: float = tall) -> float:
            box = (at[0], at[1] - tall / 2, at[0] + wide, at[1] + tall / 2)
            outside = box[0] < frame[0] or box[1] < frame[1] or box[2] > frame[2] or box[3] > frame[3]
            met = sum(3 * _shared(box, other) for other in taken) + sum(_shared(box, other) for other in circles)
            return 10.0 * outside + met + sum(_shared(box, other) for other in lines)

        best = min(choices, key=lambda at: (cost(at), choices.index(at)))
        taken.append((best[0], best[1] - tall / 2, best[0] + wide, best[1] + tall / 2))
        placed[key] = (text, *best)
    return placed


def _shared(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> float:
    """Area that two boxes share, in square inches."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return width * height if width > 0 and height > 0 else 0.0


def _box(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float, float, float]:
    """A line as a thin box, in inches."""
    thin = 0.02
    return (
        min(one[0], two[0]) - thin,
        min(one[1], two[1]) - thin,
        max(one[0], two[0]) + thin,
        max(one[1], two[1]) + thin,
    )
