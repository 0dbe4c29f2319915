"""Measures month by month: a panel each on one scale, or lines together; intervals as bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words


def trend(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    together: bool = False,
    reference: float | None = None,
    reference_label: str | None = None,
    zero: bool | None = None,
    y_label: str | None = None,
) -> Figure:
    """Lines over calendar months with their interval as a band and the last value in print.

    Parameters
    ----------
    result : keyed ``(metric, month)``, whatever the first is called, or ``(month,)``; the last key or the one called
        ``month`` is the time. Table: ``estimate``, ``low``, ``high`` (may be missing). A missing estimate is a gap.
        A column ``target`` is drawn as a dashed line beside the figure.
    labels : what to call metrics
    together : all lines in one plot (at most four, of one unit); else a panel each, those of one unit on one scale
    reference : a value to draw a line at, such as 1 for net revenue retention
    reference_label : what the line is called
    zero : whether the vertical axis begins at zero; default: for money and counts
    y_label : what the vertical axis measures

    Raises
    ------
    ValueError : more lines together than can be told apart, or nothing to draw
    """
    time = next((key for key in result.keys if key in ("month", "date", "period")), result.keys[-1])
    others = [key for key in result.keys if key != time]
    if len(others) > 1:
        raise ValueError(f"a trend needs one key beside {time!r}, got: {others}")
    table = result.table.assign(**{time: pd.to_datetime(result.table[time])}).sort_values(time, kind="stable")
    parts = {"": table} if not others else {str(key): part for key, part in table.groupby(others[0], sort=False)}
    order = ["", *dict.fromkeys(str(key) for key in result.table[others[0]])] if others else [""]
    parts = {key: parts[key] for key in order if key in parts and parts[key]["estimate"].notna().any()}
    if not parts:
        raise ValueError(f"{result.name!r} has no trend to draw: no month has an estimate")
    if together and len(parts) > len(theme.GROUPS):
        raise ValueError(f"at most {len(theme.GROUPS)} lines can be told apart together, got: {len(parts)}")
    units = {key: str(part["unit"].iloc[0]) if result.unit == "by row" else result.unit for key, part in parts.items()}
    if together and len(set(units.values())) > 1:
        raise ValueError(f"lines together need one unit, got: {sorted(set(units.values()))}")
    columns = 1 if together or narrow or len(parts) == 1 else (2 if len(parts) in (2, 4) else 3)
    groups = [list(parts)] if together else [[key] for key in parts]

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, row = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        scales = {}
        for unit in dict.fromkeys(units.values()):
            members = [key for key in parts if units[key] == unit]
            scales[unit] = _scale(
                [parts[key] for key in members], unit, reference, zero, words, 4 if columns > 1 else 5
            )
        margin = max(theme.text_width(text, small) for *_, texts in scales.values() for text in texts) + 0.12
        names = {key: theme.name(key, labels, words) if key else "" for key in parts}
        latest = {key: _latest(part, units[key], time, words) for key, part in parts.items()}
        right = 0.14
        if together:
            names = {
                key: theme.wrap(name, width=0.95 if narrow else 1.7, size=size, lines=3, weight="bold")
                for key, name in names.items()
            }
            ends = {key: f"{names[key]}\n{latest[key][0]}" if names[key] else latest[key][0] for key in parts}
            right = max(theme.text_width(text, size, "bold") for text in ends.values()) + 0.2
        gap = 0.3
        plot = (width - right - margin * columns - gap * (columns - 1)) / columns
        cell = margin + plot + gap
        titles = {key: theme.wrap(names[key], width=plot, size=size, lines=2, weight="bold") for key in parts}
        title_lines = 0 if together else max(text.count("\n") + 1 if text else 0 for text in titles.values()) + 1
        head = title_lines * line + 0.1
        height = (2.2 if narrow else 2.9) if len(groups) == 1 else (1.5 if narrow else 1.7)
        below = 0.3 + row * 2
        lines = -(-len(groups) // columns)
        # A panel's own heading says what it measures, and the marks carry the sign of money and of per cent.
        named = not together and all(names.values()) and set(scales) <= {"money", "share"}
        measured = y_label or ("" if named or len(scales) > 1 else theme.axis_title(result, next(iter(scales))))
        if "target" in table:
            measured = f"{measured}; dashed: target" if measured else "Dashed: target"
        if reference is not None and reference_label:
            measured = f"{measured}; black line: {reference_label}" if measured else f"Black line: {reference_label}"
        heading = theme.wrap(measured, width=width - 0.1, size=small, lines=2)
        top = 0.06 + ((heading.count("\n") + 1) * row + 0.08 if heading else 0.0)
        low_texts = [theme.value(scales[unit][0], unit, words) for unit in scales if scales[unit][0] > 0]
        notes = ["The vertical axis does not begin at zero."] if low_texts else []
        note = theme.note_lines(notes, width=width - 0.1, size=small)
        figure = theme.sheet(narrow=narrow, height=top + lines * (head + height + below) + row * len(note) + 0.06)
        if heading:
            theme.write(figure, heading, left=0.05, top=0.06, size=small, color=theme.MUTED)
        months = pd.date_range(table[time].min(), table[time].max(), freq="MS")
        months = list(months) if len(months) else [table[time].min()]
        first = 12 * months[0].year + months[0].month
        places, texts = theme.time_ticks(months, width=plot, size=small)
        for index, members in enumerate(groups):
            x = (index % columns) * cell + margin
            y = top + (index // columns) * (head + height + below)
            unit = units[members[0]]
            low, high, marks, mark_texts = scales[unit]
            if not together:
                theme.write(figure, titles[members[0]], left=x, top=y, size=size, weight="bold")
                value, when = latest[members[0]]
                aim = _target(parts[members[0]], unit, words)
                theme.write(
                    figure,
                    theme.wrap(f"{value} in {when}{aim}", width=plot + 0.1, size=size, lines=1),
                    left=x,
                    top=y + (title_lines - 1) * line,
                    size=size,
                    color=theme.ACCENT,
                )
            axes = theme.place(figure, left=x, top=y + head, width=plot, height=height)
            axes.set_xlim(-0.3, max(len(months) - 0.7, 0.3))
            axes.set_ylim(low, high)
            theme.value_grid(axes, marks, mark_texts, size=small)
            axes.set_xticks(places, texts)
            axes.tick_params(axis="x", labelsize=small)
            if reference is not None:
                axes.axhline(reference, color=theme.INK, lw=1.0)
            for key, colour in zip(members, theme.GROUPS, strict=False):
                part = parts[key]
                at = 12 * part[time].dt.year + part[time].dt.month - first
                at = at.to_numpy()
                if {"low", "high"} <= set(part):
                    axes.fill_between(at, part["low"], part["high"], color=colour, alpha=0.16, lw=0)
                if "target" in part:
                    axes.plot(at, part["target"], color=theme.MUTED, lw=1.4, ls=(0, (4, 3)))
                axes.plot(at, part["estimate"], color=colour, lw=2.0, clip_on=False)
                last = part["estimate"].last_valid_index()
                axes.plot(
                    [at[part.index.get_loc(last)]], [part["estimate"][last]], "o", color=colour, ms=5, clip_on=False
                )
            if together:
                tall = max(text.count("\n") + 1 for text in ends.values()) * line
                per_inch = height / (high - low)
                wanted = [(parts[key]["estimate"].dropna().iloc[-1] - low) * per_inch for key in members]
                theme.label_ends(
                    figure,
                    [ends[key] for key in members],
                    wanted,
                    theme.GROUPS[: len(members)],
                    left=x + plot + 0.1,
                    top=y + head,
                    height=height,
                    tall=tall,
                    size=size,
                )
        place = top + lines * (head + height + below)
        for text in note:
            theme.write(figure, text, left=0.05, top=place, size=small, color=theme.MUTED)
            place += row
        return theme.finish(figure)


def _scale(
    parts: list[pd.DataFrame], unit: str, reference: float | None, zero: bool | None, words: Words, count: int
) -> tuple[float, float, list[float], list[str]]:
    """The one vertical scale of panels that share a unit: ends, and the marks with their labels."""
    drawn = ("estimate", "low", "high", "target")
    values = pd.concat([part[column] for part in parts for column in drawn if column in part])
    low, high = float(values.min()), float(values.max())
    if reference is not None:
        low, high = min(low, reference), max(high, reference)
    if zero if zero is not None else unit in ("money", "count"):
        low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    low, high = (low - pad if low != 0 else low), (high + pad if high != 0 else high)
    return low, high, *theme.ticks(low, high, unit, words, count=count)


def _target(part: pd.DataFrame, unit: str, words: Words) -> str:
    """What was aimed at in the latest month that has a figure; nothing where there was no target."""
    known = part[part["estimate"].notna()].iloc[-1]
    return "" if theme.missing(known.get("target")) else f" (target {theme.value(known['target'], unit, words)})"


def _latest(part: pd.DataFrame, unit: str, time: str, words: Words) -> tuple[str, str]:
    known = part[part["estimate"].notna()].iloc[-1]
    # months differ by less than a point, so that whole per cent would hide what the line shows
    spread = part["estimate"].max() - part["estimate"].min()
    return theme.value(known["estimate"], unit, words, digits=1 if spread < 0.15 else 0), words.month(known[time])
