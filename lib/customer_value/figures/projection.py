"""A curve by age as far as it was observed, and how it goes on: the projected part dashed, with its widening range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from customer_value.strategy.wording import Words

_OBSERVED = "observed"
_COLOURS = {_OBSERVED: theme.ACCENT, "projected": theme.ACCENT, "held_out": theme.CONTRAST, "constant": theme.MUTED}
_LINES = {_OBSERVED: "-", "projected": (0, (4, 2)), "held_out": (0, (4, 2)), "constant": (0, (1, 1.6))}


def projection(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    parts: Sequence[str] = (_OBSERVED, "projected", "constant"),
    sides: tuple[str, str] = ("observed", "projected"),
    x_label: str = "Months since sign-up",
    y_label: str | None = None,
) -> Figure:
    """The observed curve as steps, what lies beyond dashed, a line where the one ends and the other begins.

    Parameters
    ----------
    result : its last two keys ``part`` and ``age``, one value of any other. Table: ``estimate``, ``low``, ``high`` (may
        be missing); shares. Parts: ``observed``, ``projected``, ``held_out`` (projected from earlier ages alone),
        ``constant``
    labels : what to call parts, at their ends
    parts : which to draw
    sides : what lies left and right of where the first dashed line begins
    x_label, y_label : what the axes measure

    Raises
    ------
    ValueError : several groups at once, or nothing of ``observed``
    """
    table = result.table[result.table["part"].isin(parts) & result.table["estimate"].notna()]
    others = [key for key in result.keys if key not in ("part", "age") and table[key].nunique() > 1]
    if others:
        raise ValueError(f"one curve at a time: choose one value of {others} first (Result.where)")
    curves = {part: table[table["part"] == part].sort_values("age") for part in parts}
    curves = {part: rows for part, rows in curves.items() if len(rows)}
    if _OBSERVED not in curves:
        raise ValueError(f"{result.name!r} has no observed curve to draw")
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, row = theme.line_height(size), theme.line_height(small) + 0.03
        width = theme.NARROW if narrow else theme.WIDE
        last = max(float(rows["age"].max()) for rows in curves.values())
        first = min(float(rows["age"].min()) for rows in curves.values())
        marks, texts = theme.ticks(0.0, 1.0, "share", words, count=4 if narrow else 5)
        left = max(theme.text_width(text, small) for text in texts) + 0.12
        ends = _ends(curves, last, labels, words, room=0.95 if narrow else 1.75, size=size)
        right = max((theme.text_width(text, size, "bold") for text in ends.values()), default=0.0) + 0.16
        title = theme.wrap(y_label or f"Share of {result.n_of} still here, %", width=width - 0.1, size=small, lines=2)
        top = 0.06 + (title.count("\n") + 1) * row + row + 0.1
        height = 2.4 if narrow else 3.2
        figure = theme.sheet(narrow=narrow, height=top + height + 0.28 + row + 0.1)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        plot = width - left - right
        axes = theme.place(figure, left=left, top=top, width=plot, height=height)
        axes.set_xlim(first, last)
        axes.set_ylim(0.0, 1.0)
        theme.value_grid(axes, marks, texts, size=small)
        step = next((one for one in (1, 3, 6, 12, 24, 36, 60) if (last - first) / one + 1 <= plot / 0.42), 120)
        ticks = [age for age in range(0, int(last) + 1, step) if age >= first]
        axes.set_xticks(ticks, [words.number(age) for age in ticks])
        axes.tick_params(axis="x", labelsize=small)
        for part in reversed(list(curves)):
            rows, colour = curves[part], _COLOURS[part]
            if rows["low"].notna().any():
                alpha = 0.18 if part == _OBSERVED else 0.11
                axes.fill_between(rows["age"], rows["low"], rows["high"], step="post", color=colour, alpha=alpha, lw=0)
            axes.step(
                rows["age"],
                rows["estimate"],
                where="post",
                color=colour,
                lw=1.4 if part == "constant" else 2.2,
                ls=_LINES[part],
                clip_on=False,
            )
        turn = next((float(curves[part]["age"].min()) for part in ("held_out", "projected") if part in curves), None)
        if turn is not None:
            axes.axvline(turn, color=theme.INK, lw=0.8)
            at = left + plot * (turn - first) / (last - first or 1.0)
            _sides(figure, sides, at=at, top=top - 0.05, width=width, size=small)
        theme.label_ends(
            figure,
            list(ends.values()),
            [float(curves[part]["estimate"].iloc[-1]) * height for part in ends],
            [_COLOURS[part] for part in ends],
            left=left + plot + 0.09,
            top=top,
            height=height,
            tall=max((text.count("\n") + 1 for text in ends.values()), default=1) * line,
            size=size,
        )
        theme.write(
            figure,
            x_label,
            left=left + plot / 2,
            top=top + height + 0.26,
            size=small,
            color=theme.MUTED,
            align="center",
        )
        return theme.finish(figure)


def _ends(
    curves: Mapping[str, pd.DataFrame],
    last: float,
    labels: Mapping[str, str] | None,
    words: Words,
    *,
    room: float,
    size: float,
) -> dict[str, str]:
    """What stands at the right end of the curves that reach it: the part's name and its last value."""
    texts = {}
    for part, rows in curves.items():
        if float(rows["age"].iloc[-1]) == last:
            name = theme.wrap(theme.name(part, labels, words), width=room, size=size, lines=3, weight="bold")
            texts[part] = f"{name}\n{words.share(float(rows['estimate'].iloc[-1]))}"
    return texts


def _sides(figure: Figure, sides: tuple[str, str], *, at: float, top: float, width: float, size: float) -> None:
    """The two sides' names above the plot; the one without room is left out."""
    before, after = f"{sides[0]} ←", f"→ {sides[1]}"
    if theme.text_width(before, size) < at - 0.15:
        theme.write(figure, before, left=at - 0.06, top=top, size=size, align="right", vertical="bottom")
    if theme.text_width(after, size) < width - at - 0.1:
        theme.write(figure, after, left=at + 0.06, top=top, size=size, vertical="bottom")
