"""Promoters, passives and detractors as parts of one bar, with the net score in print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

PARTS = {"promoters": theme.ACCENT, "passives": theme.CONTEXT, "detractors": theme.CONTRAST}
"""The parts in order and their colours: blue is better, orange worse, as in every figure."""


def ratings(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    by: str = "level",
    section: str | None = None,
    labels: Mapping[str, str] | None = None,
    score: str = "Score",
) -> Figure:
    """A bar a group, as long as all its answers together, parted by rating; the net score with its interval at right.

    Parameters
    ----------
    result : one row a group. Table: ``estimate, low, high`` (the net score), ``n``, and the parts of the answers as
        ``promoters_share, passives_share, detractors_share``; a row without an estimate is named in a note
    by : the key that names groups
    section : a key that puts groups into sections, headed by its label or the column ``<section>_label``
    labels : what to call groups, sections and the three parts
    score : what the net score is called

    Raises
    ------
    ValueError : no group has an estimate
    """
    table = result.table
    drawn = table[table["estimate"].notna()]
    if drawn.empty:
        raise ValueError(f"{result.name!r} has no bar to draw: every group is too small")
    hidden = table[table["estimate"].isna()]
    note = theme.too_few([theme.name(key, labels, words) for key in hidden[by]], hidden["n"].tolist(), result, words)

    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, step = theme.line_height(size), theme.line_height(small) + 0.02
        width = theme.NARROW if narrow else theme.WIDE
        printed = [_printed(row, words) for _, row in drawn.iterrows()]
        right = max(theme.text_width(text, size) for text in (*printed, score)) + 0.22
        names = [theme.name(row[by], labels, words) for _, row in drawn.iterrows()]
        if narrow:
            left, bar = 0.1, 0.2
            shown = [theme.wrap(name, width=width - right - 0.1, size=size, lines=2) for name in names]
            heights = [(text.count("\n") + 1) * line + bar + 0.16 for text in shown]
        else:
            bar = 0.22
            shown = [theme.wrap(name, width=2.3, size=size, lines=2) for name in names]
            left = max(max(theme.text_width(text, size) for text in shown) + 0.22, 0.9)
            heights = [max(0.34, (text.count("\n") + 1) * line + 0.1) for text in shown]
        long = width - 0.1 - left if narrow else width - left - right
        heads = list(dict.fromkeys(drawn[section])) if section else []
        titles = {head: theme.section(result, section, head, labels, words) for head in heads}
        note_text = theme.note_lines([note] if note else [], width=width - 0.1, size=small)
        top = 0.06 + line + 0.16
        section_height = line + 0.16
        total = top + sum(heights) + section_height * len(heads) + step * len(note_text) + 0.1
        figure = theme.sheet(narrow=narrow, height=total)
        axes = theme.place(figure, left=0, top=0, width=width, height=total)
        axes.set_xlim(0, width)
        axes.set_ylim(total, 0)
        axes.axis("off")
        _key(figure, labels, words, size=small, top=0.06 + line / 2)
        theme.write(figure, score, left=width - 0.06, top=0.06, size=small, color=theme.MUTED, align="right")
        at, current = top, object()
        for (_, row), name, text, tall in zip(drawn.iterrows(), shown, printed, heights, strict=True):
            if section and row[section] != current:
                current = row[section]
                theme.write(
                    figure,
                    titles[current],
                    left=0.05,
                    top=at + section_height - 0.05,
                    size=size,
                    weight="bold",
                    vertical="bottom",
                )
                at += section_height
            middle = at + tall - bar / 2 - 0.08 if narrow else at + tall / 2
            words_at = at + 0.02 if narrow else middle
            vertical = "top" if narrow else "center"
            theme.write(figure, name, left=0.05, top=words_at, size=size, vertical=vertical)
            theme.write(figure, text, left=width - 0.06, top=words_at, size=size, align="right", vertical=vertical)
            begins = left
            for part, colour in PARTS.items():
                ends = begins + long * float(row[f"{part}_share"])
                axes.barh(middle, ends - begins, left=begins, height=bar, color=colour, lw=0)
                begins = ends
            at += tall
        for index, text in enumerate(note_text):
            theme.write(figure, text, left=0.05, top=at + 0.04 + index * step, size=small, color=theme.MUTED)
        return theme.finish(figure)


def _printed(row: Mapping[str, object], words: Words) -> str:
    ends = theme.interval(row["low"], row["high"], "count", words)
    value = theme.value(row["estimate"], "count", words)
    return f"{value} ({ends})" if ends else value


def _key(figure: Figure, labels: Mapping[str, str] | None, words: Words, *, size: float, top: float) -> None:
    """Which colour is which part, in the order of the bar."""
    x = 0.05
    for part, colour in PARTS.items():
        name = theme.name(part, labels, words)
        theme.write(figure, "■", left=x, top=top, size=size, color=colour, vertical="center")
        x += theme.text_width("■", size) + 0.06
        theme.write(figure, name, left=x, top=top, size=size, color=theme.MUTED, vertical="center")
        x += theme.text_width(name, size) + 0.2
