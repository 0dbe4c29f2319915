"""Groups by measure: the values in print, coloured by how far each is from the whole company's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

_SHADES = LinearSegmentedColormap.from_list("deviation", ["#eb9a63", "#f9dcc7", "#ffffff", "#cfe3f2", "#7db5dc"])


def heatmap(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    metrics: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    company: str | None = "all",
    plain: Sequence[str] = ("customers", "arr_share"),
    lower_is_better: Sequence[str] = (),
    sides: tuple[str, str] = ("better", "worse"),
) -> Figure:
    """A row a group, a column a measure; blue is better than the company, orange worse, white alike.

    The depth of colour is the deviation over the largest one in its column. On a phone the sizes are left out, so that
    the judgements stand side by side; the note says so.

    Parameters
    ----------
    result : keyed ``(level, metric)`` or ``(attribute, level, metric)``, the last two in this order; unit by row or
        one for all. Table: ``estimate``, ``n``; ``attribute_label`` heads the sections if there is one
    metrics : which columns, in order; default: all, in the table's order
    labels : what to call attributes, levels and metrics
    company : the level that is the whole company, drawn first; None if there is none, then nothing is coloured
    plain : metrics that are sizes, not judgements, and stay uncoloured
    lower_is_better : metrics whose low values are good
    sides : what blue and orange are called, where neither is good or bad

    Raises
    ------
    ValueError : keys do not fit, a metric is unknown, or no cell has an estimate
    """
    if len(result.keys) not in (2, 3):
        raise ValueError(f"a heat map is keyed by (attribute,) level and metric, got: {result.keys}")
    *section_key, level, metric = result.keys
    table = result.table
    if table["estimate"].notna().sum() == 0:
        raise ValueError(f"{result.name!r} has no cell to draw: every group is too small")
    known = list(dict.fromkeys(table[metric]))
    columns = list(metrics) if metrics is not None else known
    if unknown := [name for name in columns if name not in known]:
        raise ValueError(f"there is no metric {unknown}, there are: {known}")
    left_out = [name for name in columns if narrow and name in plain and len(columns) > 3]
    columns = [name for name in columns if name not in left_out] or columns
    cells = {
        (row[section_key[0]] if section_key else "", row[level], row[metric]): row
        for _, row in table[table[metric].isin(columns)].iterrows()
    }
    rows = list(dict.fromkeys(key[:2] for key in cells))
    whole = next((row for row in rows if row[1] == company), None)
    rows = [row for row in rows if row == whole] + [row for row in rows if row != whole]
    deviation = _deviations(cells, columns, whole, plain, lower_is_better)

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        names = {
            row: "All"
            if row == whole and row[1] == "all" and "all" not in (labels or {})
            else theme.name(row[1], labels, words)
            for row in rows
        }
        left = min(0.95 if narrow else 2.2, max(theme.text_width(name, size) for name in names.values())) + 0.16
        shown = {row: theme.wrap(name, width=left - 0.16, size=size, lines=3) for row, name in names.items()}
        most = 4 if narrow else 8
        parts = -(-len(columns) // most)
        per_part = -(-len(columns) // parts)
        blocks = [columns[index : index + per_part] for index in range(0, len(columns), per_part)]
        cell = (width - left - 0.05) / per_part
        cell = min(cell, 1.25)
        heads = {
            name: theme.wrap(_column(name, labels, words), width=cell - 0.02, size=small, lines=3) for name in columns
        }
        tall = {row: max(0.245, (text.count("\n") + 1) * line + 0.06) for row, text in shown.items()}
        section_height = line + 0.11
        # a block of columns leaves out rows that have nothing in it
        within = [[row for row in rows if any((*row, name) in cells for name in block)] for block in blocks]
        bodies = [
            sum(tall[row] for row in members)
            + section_height * len({row[0] for row in members if section_key and row != whole})
            for members in within
        ]
        head = {
            index: (max(heads[name].count("\n") for name in block) + 1) * step + 0.08
            for index, block in enumerate(blocks)
        }
        notes = []
        if deviation:
            notes.append(f"Blue: {sides[0]} than all accounts; orange: {sides[1]}; deeper is further.")
        if table.loc[table[metric].isin(columns), "estimate"].isna().any():
            notes.append(f"“few”: too few {result.n_of} to show.")
        if left_out:
            sizes = [theme.clean(_column(name, labels, words)) for name in left_out]
            notes.append(f"Left out for want of room: {words.list(sizes)}.")
        note = theme.note_lines([" ".join(notes)] if notes else [], width=width - 0.1, size=small)
        total = 0.06 + sum(head.values()) + sum(bodies) + 0.22 * (len(blocks) - 1) + 0.12 + step * len(note)
        figure = theme.sheet(narrow=narrow, height=total)
        top = 0.06
        for index, block in enumerate(blocks):
            for column, name in enumerate(block):
                theme.write(
                    figure,
                    heads[name],
                    left=left + cell * (column + 0.5),
                    top=top + head[index] - 0.05,
                    size=small,
                    color=theme.MUTED,
                    align="center",
                    vertical="bottom",
                )
            top += head[index]
            body = bodies[index]
            axes = theme.place(figure, left=left, top=top, width=cell * len(block), height=body)
            axes.set_xlim(0, cell * len(block))
            axes.set_ylim(body, 0)
            axes.set_axis_off()
            y, current = 0.0, None
            for row in within[index]:
                if row != whole and section_key and row[0] != current:
                    current = row[0]
                    text = theme.wrap(
                        theme.section(result, section_key[0], current, labels, words),
                        width=width - 0.2,
                        size=size,
                        lines=1,
                        weight="bold",
                    )
                    theme.write(
                        figure,
                        text,
                        left=0.05,
                        top=top + y + section_height - 0.05,
                        size=size,
                        weight="bold",
                        vertical="bottom",
                    )
                    y += section_height
                weight = "bold" if row == whole else "normal"
                theme.write(
                    figure,
                    shown[row],
                    left=0.05,
                    top=top + y + tall[row] / 2,
                    size=size,
                    vertical="center",
                    weight=weight,
                )
                for column, name in enumerate(block):
                    mark = cells.get((*row, name))
                    if mark is None:
                        continue
                    shade = deviation.get((*row, name))
                    if shade is not None:
                        axes.add_patch(
                            Rectangle(
                                (cell * column, y),
                                cell,
                                tall[row],
                                facecolor=_SHADES(0.5 + shade / 2),
                                edgecolor=theme.CARD,
                                lw=1.5,
                            )
                        )
                    empty = pd.isna(mark["estimate"])
                    unit = str(mark["unit"]) if result.unit == "by row" else result.unit
                    printed = "few" if empty else _printed(float(mark["estimate"]), unit, words)
                    axes.text(
                        cell * (column + 0.5),
                        y + tall[row] / 2,
                        printed,
                        size=small if empty else size,
                        ha="center",
                        va="center_baseline",
                        weight=weight,
                        color=theme.MUTED if empty else theme.INK,
                    )
                y += tall[row]
            top += body + 0.22
        for index, text in enumerate(note):
            theme.write(figure, text, left=0.05, top=top - 0.14 + index * step, size=small, color=theme.MUTED)
        return theme.finish(figure)


def _deviations(
    cells: Mapping[tuple[object, object, object], pd.Series],
    columns: Sequence[str],
    whole: tuple[object, object] | None,
    plain: Sequence[str],
    lower_is_better: Sequence[str],
) -> dict[tuple[object, object, object], float]:
    """How far each cell lies from the company's, from -1 (worst in its column) to 1; only for drawing."""
    shades = {}
    for name in columns:
        if whole is None or name in plain or (*whole, name) not in cells or pd.isna(cells[(*whole, name)]["estimate"]):
            continue
        level = float(cells[(*whole, name)]["estimate"])
        gaps = {
            key: float(mark["estimate"]) - level
            for key, mark in cells.items()
            if key[2] == name and key[:2] != whole and pd.notna(mark["estimate"])
        }
        reach = max((abs(gap) for gap in gaps.values()), default=0.0)
        turn = -1.0 if name in lower_is_better else 1.0
        shades |= {key: turn * gap / reach if reach else 0.0 for key, gap in gaps.items()}
    return shades


def _printed(x: float, unit: str, words: Words) -> str:
    """A cell's value; shares to whole per cent all alike, so that 99.97% does not stand among whole ones."""
    return f"{words.number(100 * x)}%" if unit == "share" else theme.value(x, unit, words)


def _column(name: str, labels: Mapping[str, str] | None, words: Words) -> str:
    """What a metric is called at the head of its column."""
    return (
        theme.name(name, labels, words) if name in (labels or {}) else theme.clean(name.replace("_", " ")).capitalize()
    )
