"""What was brought in by age against what it cost, with the month in which the one reaches the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

_NAMES = {"brought_in": "Brought in", "cost": "Cost to win", "payback": "Repaid after"}


def payback(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    x_label: str = "Months since sign-up",
    y_label: str = "Recurring revenue so far, per account ever won",
) -> Figure:
    """A rising line with its band, a level line, and a dot with its range where they meet.

    Parameters
    ----------
    result : keyed ``part, age``, in money. Parts: ``brought_in`` by age from 0 with ``low, high``; ``cost``, level, at
        two ages (may be absent); ``payback``, one row at the age where the two meet (absent where they do not), with
        ``age_low, age_high``
    labels : what to call the parts
    x_label, y_label : what the axes measure

    Raises
    ------
    ValueError : nothing of ``brought_in``
    """
    names = _NAMES | dict(labels or {})
    parts = {part: rows[rows["estimate"].notna()] for part, rows in result.table.groupby("part", sort=False)}
    if "brought_in" not in parts or len(parts["brought_in"]) < 2:
        raise ValueError(f"{result.name!r} has no amounts by age to draw")
    rising, level = parts["brought_in"].sort_values("age"), parts.get("cost")
    with theme.context():
        size = theme.type_size(narrow)
        small = size - 0.5 if narrow else size - 1
        line, row = theme.line_height(size), theme.line_height(small) + 0.03
        width = theme.NARROW if narrow else theme.WIDE
        last = float(rising["age"].iloc[-1])
        high = float(rising[["estimate", "high"]].max().max())
        if level is not None:
            high = max(high, float(level["estimate"].max()))
        high *= 1.05
        marks, texts = theme.ticks(0.0, high, "money", words, count=4 if narrow else 5)
        left = max(theme.text_width(text, small) for text in texts) + 0.12
        ends = {"brought_in": rising["estimate"].iloc[-1]}
        if level is not None:
            ends["cost"] = level["estimate"].iloc[-1]
        said = {
            part: theme.wrap(names[part], width=0.95 if narrow else 1.7, size=size, lines=2, weight="bold")
            + f"\n{words.money(float(amount))}"
            for part, amount in ends.items()
        }
        right = max(theme.text_width(text, size, "bold") for text in said.values()) + 0.16
        title = theme.wrap(y_label, width=width - 0.1, size=small, lines=2)
        top = 0.06 + (title.count("\n") + 1) * row + 0.1
        height = 2.3 if narrow else 3.1
        figure = theme.sheet(narrow=narrow, height=top + height + 0.28 + row + 0.1)
        theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
        plot = width - left - right
        axes = theme.place(figure, left=left, top=top, width=plot, height=height)
        axes.set_xlim(0.0, last)
        axes.set_ylim(0.0, high)
        theme.value_grid(axes, marks, texts, size=small)
        step = next((one for one in (1, 3, 6, 12, 24, 36) if last / one + 1 <= plot / 0.4), 60)
        ticks = list(range(0, int(last) + 1, step))
        axes.set_xticks(ticks, [words.number(age) for age in ticks])
        axes.tick_params(axis="x", labelsize=small)
        axes.fill_between(rising["age"], rising["low"], rising["high"], color=theme.ACCENT, alpha=0.16, lw=0)
        axes.plot(rising["age"], rising["estimate"], color=theme.ACCENT, lw=2.2, clip_on=False)
        if level is not None:
            axes.plot(level["age"], level["estimate"], color=theme.CONTRAST, lw=1.8)
        met = parts.get("payback")
        if met is not None and len(met):
            _meeting(figure, axes, met.iloc[0], names["payback"], words, last=last, high=high, size=size,
                     box=(left, top, plot, height))  # fmt: skip
        colours = {"brought_in": theme.ACCENT, "cost": theme.CONTRAST}
        theme.label_ends(
            figure,
            list(said.values()),
            [float(amount) / high * height for amount in ends.values()],
            [colours[part] for part in said],
            left=left + plot + 0.09,
            top=top,
            height=height,
            tall=3 * line,
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


def _meeting(
    figure: Figure,
    axes: object,
    mark: object,
    name: str,
    words: Words,
    *,
    last: float,
    high: float,
    size: float,
    box: tuple[float, float, float, float],
) -> None:
    """The dot where the lines meet, its range as a bar (to the edge where it is open), and the month in words."""
    left, top, plot, height = box
    age, amount = float(mark["age"]), float(mark["estimate"])
    ends = [float(mark["age_low"]), last if theme.missing(mark["age_high"]) else float(mark["age_high"])]
    axes.plot(ends, [amount, amount], color=theme.INK, lw=3.0, solid_capstyle="butt", zorder=3)
    axes.plot([age], [amount], "o", color=theme.INK, ms=7, zorder=4)
    found = words.interval(age, mark["age_low"], mark["age_high"], "months")
    said = f"{name}\n{found}"
    x, y = left + plot * age / last, top + height * (1 - amount / high)
    wide = theme.text_width(said, size, "bold")
    # Under the level line there is room right of the rising one; without it, in the corner that the line leaves empty.
    if x + 0.12 + wide <= left + plot and y + 0.14 + 2 * theme.line_height(size) <= top + height:
        theme.write(figure, said, left=x + 0.12, top=y + 0.1, size=size, weight="bold")
    else:
        stacked = f"{name}\n{found.replace(' (', chr(10) + '(')}"
        theme.write(figure, stacked, left=left + 0.1, top=top + 0.06, size=size, weight="bold")
