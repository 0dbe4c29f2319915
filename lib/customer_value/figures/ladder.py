"""A ladder: where those on each rung are a while later, the highest rung at the top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

COLOURS: Mapping[str, str] = {
    "up": theme.MEANING["expansion"],
    "down": theme.MEANING["contraction"],
    "left": theme.MEANING["churn"],
    "same": theme.CONTEXT,
    "aside": theme.CONTEXT,
    "unnamed": theme.CONTEXT,
}
"""Moving up is growth, moving down and leaving are losses; whoever stays is context."""

_PALEST, _DEEPEST = 0.12, 0.75
"""How strong a cell's colour is, for the smallest and the largest share of its kind."""


def ladder(result: Result, *, narrow: bool = False, words: Words, labels: Mapping[str, str] | None = None) -> Figure:
    """A row a rung, a column for where its members are now: green moved up, orange down, vermilion left, grey stayed.

    A cell's colour is the stronger, the larger its share among the cells of its kind; shares below one in a hundred of
    the row are printed too.

    Parameters
    ----------
    result : keyed by where members were and where they are (``plan, plan_now``, in this order, the lowest rung first).
        Table: ``estimate`` (share of the row), ``n`` (members of the row), ``way`` (a key of `COLOURS`)
    labels : what to call rungs

    Raises
    ------
    ValueError : no cell has an estimate, or a way is unknown
    """
    before, after = result.keys
    table = result.table
    if table["estimate"].notna().sum() == 0:
        raise ValueError(f"{result.name!r} has no cell to draw: every rung is too small")
    if unknown := set(table["way"]) - set(COLOURS):
        raise ValueError(f"a way must be one of {', '.join(COLOURS)}, got: {sorted(unknown)}")
    rows = list(dict.fromkeys(table[before]))[::-1]
    columns = list(dict.fromkeys(table[after]))
    cells = {(row[before], row[after]): row for _, row in table.iterrows()}
    most = table.groupby("way")["estimate"].max().to_dict()
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        names = {key: theme.name(key, labels, words) for key in (*rows, *columns)}
        counts = {key: words.plural(_of(table, before, key), _one(result.n_of), result.n_of) for key in rows}
        widest = max(theme.text_width(text, size) for text in (*(names[key] for key in rows), *counts.values()))
        left = 0.05 + min(0.95 if narrow else 2.0, widest) + 0.14
        cell = min(1.25, (width - left - 0.05) / len(columns))
        # The rows have the names in full, so that a column's may be cut short rather than broken within a word.
        heads = {key: _head(names[key], width=cell - 0.04, size=small) for key in columns}
        shown = {key: theme.wrap(names[key], width=left - 0.16, size=size, lines=2) for key in rows}
        tall = max(0.5, max((text.count("\n") + 1) * line for text in shown.values()) + step + 0.1)
        head = 0.06 + step + (max(text.count("\n") for text in heads.values()) + 1) * step + 0.08
        notes = ["Green: moved up. Orange: moved down. Vermilion: left. Grey: where they were."]
        if table["estimate"].isna().any():
            notes.append(f"“few”: too few {result.n_of} to show.")
        note = theme.note_lines([" ".join(notes)], width=width - 0.1, size=small)
        figure = theme.sheet(narrow=narrow, height=head + tall * len(rows) + 0.1 + step * len(note) + 0.06)
        theme.write(figure, "Where they are now →", left=left, top=0.06, size=small, color=theme.MUTED)
        for place, key in enumerate(columns):
            theme.write(
                figure,
                heads[key],
                left=left + cell * (place + 0.5),
                top=head - 0.05,
                size=small,
                color=theme.MUTED,
                align="center",
                vertical="bottom",
            )
        axes = theme.place(figure, left=left, top=head, width=cell * len(columns), height=tall * len(rows))
        axes.set_xlim(0, cell * len(columns))
        axes.set_ylim(tall * len(rows), 0)
        axes.set_axis_off()
        for depth, row in enumerate(rows):
            top = head + tall * depth
            theme.write(figure, shown[row], left=0.05, top=top + tall / 2, size=size, vertical="bottom")
            theme.write(figure, counts[row], left=0.05, top=top + tall / 2 + 0.02, size=small, color=theme.MUTED)
            for place, column in enumerate(columns):
                mark = cells.get((row, column))
                if mark is None or (pd.notna(mark["estimate"]) and mark["estimate"] == 0):
                    continue
                empty = pd.isna(mark["estimate"])
                colour = theme.CARD if empty else _shade(str(mark["way"]), float(mark["estimate"]), most)
                axes.add_patch(
                    Rectangle((cell * place, tall * depth), cell, tall, facecolor=colour, edgecolor=theme.CARD, lw=2)
                )
                share = float(mark["estimate"])
                axes.text(
                    cell * (place + 0.5),
                    tall * (depth + 0.5),
                    "few" if empty else words.share(share),
                    size=small if empty else size,
                    ha="center",
                    va="center_baseline",
                    color=theme.MUTED if empty else theme.INK,
                    weight="normal" if mark["way"] == "same" else "bold",
                )
        for place, text in enumerate(note):
            theme.write(
                figure,
                text,
                left=0.05,
                top=head + tall * len(rows) + 0.1 + place * step,
                size=small,
                color=theme.MUTED,
            )
        return theme.finish(figure)


def _head(name: str, *, width: float, size: float) -> str:
    widest = max(theme.text_width(word, size) for word in name.split() or [""])
    return theme.wrap(name, width=width, size=size, lines=3 if widest <= width else 1)


def _shade(way: str, share: float, most: Mapping[str, float]) -> tuple[float, ...]:
    if way in ("same", "aside", "unnamed"):
        return LinearSegmentedColormap.from_list(way, [theme.CARD, COLOURS[way]])(0.45)
    strength = _PALEST + (_DEEPEST - _PALEST) * (share / most[way] if most[way] else 0.0)
    return LinearSegmentedColormap.from_list(way, [theme.CARD, COLOURS[way]])(strength)


def _of(table: pd.DataFrame, before: str, key: object) -> float:
    return float(table.loc[table[before] == key, "n"].iloc[0])


def _one(plural: str) -> str:
    return plural.removesuffix("s")
