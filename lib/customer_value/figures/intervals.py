"""Estimates side by side: a dot, a thin bar for the interval, a line for no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words


def intervals(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    by: str | None = None,
    section: str | None = None,
    pair: str | None = None,
    pair_labels: tuple[str, str] = ("raw", "adjusted"),
    labels: Mapping[str, str] | None = None,
    reference: float | None = None,
    reference_label: str | None = None,
    order: str = "value",
    highlight: Sequence[str] | None = None,
    zero: bool = False,
    top: int | None = None,
    x_label: str | None = None,
) -> Figure:
    """A row for each estimate, sorted by value, with the figures in print at the right.

    With a reference, rows that clearly differ from it are in colour and the others grey: by ``p_adjusted`` against
    one minus the level where the table has it, else by whether the interval holds the reference.

    Parameters
    ----------
    result : one row a dot. Table: ``estimate``, ``low``, ``high``, ``n``; rows without an estimate are named in a note
    by : the key that names the rows; needed only if more than one key is left
    section : a key that puts rows into sections with a heading, in the table's order; headed by its label, else by the
        column ``<section>_label`` if there is one
    pair : a key with two values drawn on one row and joined, the first hollow and the second filled
    pair_labels : what the two are called
    labels : what to call keys' values
    reference : where the line of no difference stands; it is on the axis
    reference_label : what the line is called, such as ``no difference`` or ``all accounts``
    order : ``value`` or ``given``
    highlight : rows to draw in colour instead
    zero : whether the axis must begin at zero
    top : only the first so many rows of each section
    x_label : what is measured

    Raises
    ------
    ValueError : keys do not single out rows, or no row has an estimate
    """
    if order not in ("value", "given"):
        raise ValueError(f"order must be 'value' or 'given', got: {order!r}")
    table = result.table
    left_over = [key for key in result.keys if key not in (section, pair)]
    by = by or (left_over[0] if left_over else None)
    loose = [key for key in left_over if key != by and table[key].nunique(dropna=False) > 1]
    if loose:
        raise ValueError(f"several rows would share a line: choose one value of {loose} first (Result.where)")
    units = table["unit"].unique().tolist() if result.unit == "by row" else [result.unit]
    if len(units) != 1:
        raise ValueError(f"one axis needs one unit, got: {units}")
    unit = str(units[0])
    drawn = table[table["estimate"].notna()]
    if drawn.empty:
        raise ValueError(f"{result.name!r} has no interval to draw: every group is too small")

    second = list(dict.fromkeys(table[pair]))[-1] if pair else None
    rows = _rows(drawn, by=by, section=section, pair=pair, second=second, order=order, top=top)
    hidden = table[table["estimate"].isna()].drop_duplicates([key for key in (section, by) if key])
    note = theme.too_few(
        [theme.name(key, labels, words) for key in (hidden[by] if by else [])],
        hidden["n"].tolist() if "n" in hidden and by else [float("nan")] * len(hidden),
        result,
        words,
    )
    names = {row: theme.name(row[1], labels, words) for row, _ in rows}
    heads = {row[0]: theme.section(result, section, row[0], labels, words) for row, _ in rows} if section else {}
    alpha = 1 - (result.level or 0.95)

    def colour(row: tuple[object, object], mark: pd.Series) -> str:
        if highlight is not None:
            return theme.ACCENT if str(row[1]) in highlight else theme.UNCLEAR
        if reference is None:
            return theme.ACCENT
        if not theme.missing(mark.get("p_adjusted")):
            return theme.ACCENT if mark["p_adjusted"] <= alpha else theme.UNCLEAR
        if theme.missing(mark.get("low")) or mark["low"] <= reference <= mark["high"]:
            return theme.UNCLEAR
        return theme.ACCENT

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        texts = {row: _printed(marks[-1], unit, words, signed=reference == 0) for row, marks in rows}
        counts = {
            row: words.number(marks[-1]["n"]) if not theme.missing(marks[-1].get("n")) else "" for row, marks in rows
        }
        value_width = max(theme.text_width(text, size) for text in texts.values())
        count_width = max([theme.text_width(text, size) for text in (*counts.values(), result.n_of.capitalize())])
        counted = any(counts.values()) and not narrow
        if narrow:
            left, right = 0.12, 0.14
            room = width - value_width - 0.3
            shown = {row: theme.wrap(name, width=room, size=size, lines=4) for row, name in names.items()}
            # Of a pair the upper mark must clear the name above it.
            marked = 0.35 if pair else 0.28
            heights = {row: (text.count("\n") + 1) * line + marked for row, text in shown.items()}
        else:
            shown = {row: theme.wrap(name, width=2.6, size=size, lines=4) for row, name in names.items()}
            left = max(theme.text_width(text, size) for text in shown.values()) + 0.22
            left = max(left, 0.9)
            right = value_width + 0.22 + (count_width + 0.22 if counted else 0.0)
            heights = {row: max(0.3, (text.count("\n") + 1) * line + 0.1) for row, text in shown.items()}
        ends = [
            mark[end]
            for _, marks in rows
            for mark in marks
            for end in ("estimate", "low", "high")
            if end in mark and not theme.missing(mark[end])
        ]
        ends += [reference] if reference is not None else []
        ends += [0.0] if zero else []
        low, high = float(min(ends)), float(max(ends))
        pad = 0.04 * (high - low) or 0.05 * (abs(high) or 1)
        low, high = (low if zero and low == 0 else low - pad), high + pad
        plot_width = width - left - right
        marks_at, mark_texts = theme.ticks(low, high, unit, words, count=max(2, int(plot_width / 0.75)))

        title = theme.wrap(x_label or theme.axis_title(result, unit), width=width - 0.1, size=small, lines=2)
        key_line = line + 0.06 if pair else 0.0
        label_line = step if reference is not None and reference_label else 0.0
        top_margin = 0.06 + (title.count("\n") + 1) * step + key_line + label_line + 0.08
        section_height = line + 0.16
        body = sum(heights.values()) + section_height * len(heads)
        note_text = theme.note_lines([note] if note else [], width=width - 0.1, size=small)
        total = top_margin + body + 0.34 + step * len(note_text) + 0.04
        figure = theme.sheet(narrow=narrow, height=total)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        axes = theme.place(figure, left=left, top=top_margin, width=plot_width, height=body)
        axes.set_xlim(low, high)
        axes.set_ylim(body, 0)
        axes.set_yticks([])
        axes.set_xticks(marks_at, mark_texts)
        axes.tick_params(axis="x", labelsize=small)
        axes.grid(axis="x")
        if reference is not None:
            axes.axvline(reference, color=theme.INK, lw=1.0, zorder=1.5)
            if reference_label:
                at = left + plot_width * (reference - low) / (high - low)
                half = theme.text_width(reference_label, small) / 2
                at = min(max(at, half + 0.05), width - half - 0.05)
                theme.write(
                    figure,
                    reference_label,
                    left=at,
                    top=top_margin - 0.05,
                    size=small,
                    align="center",
                    vertical="bottom",
                )
        if pair:
            _pair_key(figure, pair_labels, top=0.06 + (title.count("\n") + 1) * step + 0.02 + line / 2, size=size)
        if counted:
            theme.write(
                figure,
                result.n_of.capitalize(),
                left=width - 0.06,
                top=top_margin - 0.05,
                size=small,
                color=theme.MUTED,
                align="right",
                vertical="bottom",
            )
        y, current = 0.0, object()
        for row, marks in rows:
            if section and row[0] != current:
                current = row[0]
                theme.write(
                    figure,
                    heads[current],
                    left=0.05,
                    top=top_margin + y + section_height - 0.05,
                    size=size,
                    weight="bold",
                    vertical="bottom",
                )
                y += section_height
            tall = heights[row]
            at = y + tall - 0.15 if narrow else y + tall / 2
            ink = colour(row, marks[-1])
            if len(marks) == 2:
                axes.plot([mark["estimate"] for mark in marks], [at, at], color=theme.CONTEXT, lw=1.0, ls=(0, (2, 1.5)))
                _mark(axes, marks[0], at - 0.045, theme.CONTEXT, hollow=True)
                _mark(axes, marks[1], at + 0.045, ink, hollow=False)
            else:
                _mark(axes, marks[0], at, ink, hollow=False)
            text_top = top_margin + y + (0.03 if narrow else tall / 2)
            vertical = "top" if narrow else "center"
            theme.write(figure, shown[row], left=0.05, top=text_top, size=size, vertical=vertical, covering=True)
            edge = width - 0.06 - (count_width + 0.22 if counted else 0.0)
            theme.write(
                figure,
                texts[row],
                left=edge,
                top=text_top,
                size=size,
                align="right",
                vertical=vertical,
                color=theme.MUTED if ink == theme.UNCLEAR else theme.INK,
                covering=True,
            )
            if counted:
                theme.write(
                    figure,
                    counts[row],
                    left=width - 0.06,
                    top=text_top,
                    size=size,
                    color=theme.MUTED,
                    align="right",
                    vertical=vertical,
                )
            y += tall
        for index, text in enumerate(note_text):
            theme.write(
                figure, text, left=0.05, top=top_margin + body + 0.32 + index * step, size=small, color=theme.MUTED
            )
        return theme.finish(figure)


def _rows(
    drawn: pd.DataFrame,
    *,
    by: str | None,
    section: str | None,
    pair: str | None,
    second: object,
    order: str,
    top: int | None,
) -> list[tuple[tuple[object, object], list[pd.Series]]]:
    """Rows as ((section, name), marks), sections in the table's order, rows by the value that is drawn filled."""
    rows: dict[tuple[object, object], list[pd.Series]] = {}
    for _, mark in drawn.iterrows():
        row = (mark[section] if section else None, mark[by] if by else "")
        rows.setdefault(row, []).append(mark)
    if pair:
        for marks in rows.values():
            marks.sort(key=lambda mark: mark[pair] == second)
    ordered = list(rows.items())
    if order == "value":
        ordered.sort(key=lambda item: -float(item[1][-1]["estimate"]))
    sections = list(dict.fromkeys(drawn[section])) if section else [None]
    result = []
    for name in sections:
        members = [item for item in ordered if item[0][0] == name]
        result += members[:top]
    return result


def _printed(mark: pd.Series, unit: str, words: Words, *, signed: bool) -> str:
    estimate = theme.value(mark["estimate"], unit, words, signed=signed)
    ends = theme.interval(mark.get("low"), mark.get("high"), unit, words)
    return f"{estimate} ({ends})" if ends else estimate


def _mark(axes: object, mark: pd.Series, y: float, colour: str, *, hollow: bool) -> None:
    if not theme.missing(mark.get("low")) and not theme.missing(mark.get("high")):
        axes.plot([mark["low"], mark["high"]], [y, y], color=colour, lw=1.3 if hollow else 2.0, solid_capstyle="butt")
    axes.plot(
        [mark["estimate"]], [y], "o", ms=6 if hollow else 7, mec=colour, mew=1.4, mfc=theme.CARD if hollow else colour
    )


def _pair_key(figure: Figure, pair_labels: tuple[str, str], *, top: float, size: float) -> None:
    """The key to hollow and filled dots."""
    x = 0.05
    for sign, label in zip("○●", pair_labels, strict=True):
        text = f"{sign} {label}"
        theme.write(
            figure,
            text,
            left=x,
            top=top,
            size=size,
            color=theme.MUTED if sign == "○" else theme.ACCENT,
            vertical="center",
        )
        x += theme.text_width(text, size) + 0.25
