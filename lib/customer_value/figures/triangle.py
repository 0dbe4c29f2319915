"""Cohorts by age as a heat map; what has not been observed yet is blank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

_RISING = LinearSegmentedColormap.from_list("rising", ["#f3f7fb", "#9cc6e4", theme.ACCENT, "#003f63"])
_DIVERGING = LinearSegmentedColormap.from_list("diverging", ["#b84a00", "#f2b98f", "#f7f7f7", "#9cc6e4", "#00588c"])


def triangle(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    x_label: str = "Months since sign-up",
    y_label: str = "Signed up in",
    centre: float | None = None,
) -> Figure:
    """A row a cohort, a column an age, the value in each cell.

    On a phone only as many ages as are legible are drawn, evenly spaced. A cohort that is too small throughout gets no
    row: it is named beneath.

    Parameters
    ----------
    result : keyed ``(cohort, age)`` in this order, whatever they are called; cohorts in the table's order. Table:
        ``estimate``, ``n``; a missing row is blank, a row without an estimate (too few) is a dot
    labels : what to call cohorts
    x_label, y_label : what columns and rows are
    centre : the value of no change: above blue, below orange. Default: 1 for ratios and for
        shares that exceed it, else one colour

    Raises
    ------
    ValueError : not two keys, or no cell has an estimate
    """
    if len(result.keys) != 2:
        raise ValueError(f"a triangle is keyed by cohort and age, got: {result.keys}")
    cohort, age = result.keys
    table = result.table
    values = table["estimate"].astype(float)
    if values.notna().sum() == 0:
        raise ValueError(f"{result.name!r} has no cell to draw: every cohort is too small")
    unit = str(table["unit"].iloc[0]) if result.unit == "by row" else result.unit
    every = list(dict.fromkeys(table[cohort]))
    shown_at_all = set(table.loc[values.notna(), cohort])
    cohorts = [key for key in every if key in shown_at_all]
    hidden = [key for key in every if key not in shown_at_all]
    table = table[table[cohort].isin(shown_at_all)]
    values = table["estimate"].astype(float)
    ages = sorted(set(table[age]))
    cells = {(row[cohort], row[age]): row for _, row in table.iterrows()}
    if centre is None and (unit == "ratio" or (unit == "share" and values.max() > 1.0)):
        centre = 1.0

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        row = theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        names = {key: theme.name(key, labels, words) for key in cohorts}
        sizes = {key: _size(table[table[cohort] == key], age, words) for key in cohorts}
        name_width = min(1.3 if narrow else 2.0, max(theme.text_width(name, small) for name in names.values()))
        size_width = max(theme.text_width(text, small) for text in (*sizes.values(), "n"))
        # the column's own head stands over names and sizes together
        name_width = max(name_width, min(1.5, theme.text_width(y_label, small) + 0.05) - 0.16 - size_width)
        left = 0.05 + name_width + 0.16 + size_width + 0.12
        plot = width - left - 0.06
        texts = {key: _cell_text(mark["estimate"], unit, words) for key, mark in cells.items()}
        widest = max(theme.text_width(text, small) for text in texts.values()) + 0.08
        fits = max(2, int(plot / widest))
        step = max(1, -(-len(ages) // fits))
        if step > 1:
            # the spacings that people count ages in
            step = next((one for one in (2, 3, 4, 6, 12, 24) if one >= step), step)
        shown = ages[::step]
        cell, tall = plot / max(len(shown), 5), row + 0.09
        title = theme.wrap(f"{x_label} →", width=plot, size=small, lines=1)
        head = 0.06 + row + row + 0.08
        notes = []
        if hidden:
            left_out = [result.table[result.table[cohort] == key] for key in hidden]
            began = [rows["n"].max() if "n" in rows else float("nan") for rows in left_out]
            notes.append(theme.too_few([theme.name(key, labels, words) for key in hidden], began, result, words))
        if values.isna().any():
            notes.append(f"A dot: too few {result.n_of} to show.")
        if centre is not None:
            notes.append(f"Blue is above {theme.value(centre, unit, words)}, orange below.")
        if unit in ("share", "points"):
            notes.append("Values in per cent; blank has not been observed yet.")
        else:
            notes.append("Blank has not been observed yet.")
        note = theme.note_lines([" ".join(notes)], width=width - 0.1, size=small)
        figure = theme.sheet(narrow=narrow, height=head + tall * len(cohorts) + 0.1 + row * len(note) + 0.06)
        theme.write(figure, title, left=left, top=0.06, size=small, color=theme.MUTED)
        heading = theme.wrap(y_label, width=left - 0.1, size=small, lines=1)
        theme.write(figure, heading, left=0.05, top=0.06, size=small, color=theme.MUTED)
        theme.write(figure, "n", left=left - 0.12, top=0.06 + row, size=small, color=theme.MUTED, align="right")
        axes = theme.place(figure, left=left, top=head, width=plot, height=tall * len(cohorts))
        axes.set_xlim(0, plot)
        axes.set_ylim(tall * len(cohorts), 0)
        axes.set_axis_off()
        drawn = [
            float(cells[key]["estimate"]) for key in cells if key[1] in set(shown) and pd.notna(cells[key]["estimate"])
        ]
        low, high = _ends(drawn, centre)
        colours = _RISING if centre is None else _DIVERGING
        for column, key in enumerate(shown):
            theme.write(
                figure,
                words.number(float(key)),
                left=left + cell * (column + 0.5),
                top=0.06 + row,
                size=small,
                color=theme.MUTED,
                align="center",
            )
        for depth, name in enumerate(cohorts):
            y = head + tall * (depth + 0.5)
            fitted = theme.wrap(names[name], width=name_width, size=small, lines=1)
            theme.write(figure, fitted, left=0.05, top=y, size=small, vertical="center")
            theme.write(
                figure,
                sizes[name],
                left=left - 0.12,
                top=y,
                size=small,
                color=theme.MUTED,
                align="right",
                vertical="center",
            )
            for column, key in enumerate(shown):
                mark = cells.get((name, key))
                if mark is None:
                    continue
                middle = (cell * (column + 0.5), tall * (depth + 0.5))
                if pd.isna(mark["estimate"]):
                    axes.text(*middle, "·", size=small, ha="center", va="center", color=theme.MUTED)
                    continue
                shade = colours((float(mark["estimate"]) - low) / (high - low) if high > low else 0.5)
                axes.add_patch(
                    Rectangle((cell * column, tall * depth), cell, tall, facecolor=shade, edgecolor=theme.CARD, lw=1)
                )
                axes.text(*middle, texts[(name, key)], size=small, ha="center", va="center_baseline", color=_on(shade))
        for index, text in enumerate(note):
            theme.write(
                figure,
                text,
                left=0.05,
                top=head + tall * len(cohorts) + 0.1 + index * row,
                size=small,
                color=theme.MUTED,
            )
        return theme.finish(figure)


def _cell_text(x: float, unit: str, words: Words) -> str:
    if theme.missing(x):
        return "·"
    return (
        f"{100 * x:.0f}"
        if unit in ("share", "points")
        else words.money_axis(x)
        if unit == "money"
        else theme.value(x, unit, words)
    )


def _size(rows: pd.DataFrame, age: str, words: Words) -> str:
    """How many the cohort began with: its n at the youngest age."""
    if "n" not in rows:
        return ""
    first = rows.sort_values(age, kind="stable")["n"].iloc[0]
    return "" if theme.missing(first) else words.number(first)


def _ends(values: list[float], centre: float | None) -> tuple[float, float]:
    if centre is None:
        return min(values), max(values)
    reach = max(abs(value - centre) for value in values) or 1.0
    return centre - reach, centre + reach


def _on(shade: tuple[float, float, float, float]) -> str:
    """White or dark text, whichever stands out more."""
    linear = [(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4) for part in shade[:3]]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return theme.CARD if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.065 else theme.INK
