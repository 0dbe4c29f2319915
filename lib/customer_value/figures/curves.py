"""Curves by age, such as retention: steps with bands, and how many are still followed beneath."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from customer_value.strategy.wording import Words


def curves(
    result: Result,
    *,
    narrow: bool = False,
    words: Words,
    labels: Mapping[str, str] | None = None,
    highlight: Sequence[str] | None = None,
    y_from: float = 0.0,
    y_label: str | None = None,
    x_label: str = "Months since sign-up",
    at_risk: bool = True,
    close: bool = False,
) -> Figure:
    """Step curves with their interval as a band, named at their ends, with the number at risk beneath.

    Up to four groups share one plot; more are drawn as small multiples on one scale, the others grey in each.

    Parameters
    ----------
    result : keyed ``(group, month)``, whatever the group's key is called, or ``(month,)``; the last key or the one
        called ``month`` or ``age`` is the age. Table: ``estimate``, ``low``, ``high`` (may be missing), ``at_risk``
        (else ``n``). A group whose estimates are all missing is named in a note.
    labels : what to call groups
    highlight : groups to show in colour; all others become grey
    y_from : where the vertical axis begins; anything but 0 is said on the axis
    y_label, x_label : what the axes measure
    at_risk : whether to print the numbers at risk, once where they are the same in all groups
    close : whether the axis of shares ends above the highest limit instead of at 100 %

    Raises
    ------
    ValueError : no group has an estimate
    """
    age = next((key for key in result.keys if key in ("month", "age")), result.keys[-1])
    others = [key for key in result.keys if key != age]
    if len(others) > 1:
        raise ValueError(f"curves need one group key beside {age!r}, got: {others}")
    frame = result.table.sort_values(age, kind="stable")
    whole = {"": frame} if not others else {str(key): part for key, part in frame.groupby(others[0], sort=False)}
    groups = {key: part[part["estimate"].notna()] for key, part in whole.items()}
    hidden = [key for key, part in groups.items() if part.empty]
    groups = {key: part for key, part in groups.items() if not part.empty}
    if not groups:
        raise ValueError(f"{result.name!r} has no curve to draw: every group is too small")
    counted = "at_risk" if "at_risk" in frame else "n"
    groups = dict(sorted(groups.items(), key=lambda item: (-float(item[1]["estimate"].iloc[-1]), item[0])))
    unit = str(frame["unit"].iloc[0]) if result.unit == "by row" else result.unit
    note = theme.too_few(
        [theme.name(key, labels, words) for key in hidden],
        [whole[key][counted].max() if counted in frame else math.nan for key in hidden],
        result,
        words,
    )
    notes = [
        text
        for text in (note, f"The vertical axis begins at {theme.value(y_from, unit, words)}." if y_from else "")
        if text
    ]
    plan = _Plan(
        result, groups, age, counted if at_risk and counted in frame else None, unit, y_from, words, narrow, close=close
    )
    with theme.context():
        coloured = [key for key in groups if highlight is None or key in highlight]
        if len(coloured) > len(theme.GROUPS):
            return theme.finish(_panels(plan, labels, y_label, x_label, notes))
        return theme.finish(_together(plan, coloured, labels, y_label, x_label, notes))


class _Plan:
    """What both layouts share: the groups, the scales and the sizes of type."""

    def __init__(
        self,
        result: Result,
        groups: Mapping[str, pd.DataFrame],
        age: str,
        counted: str | None,
        unit: str,
        y_from: float,
        words: Words,
        narrow: bool,
        *,
        close: bool = False,
    ) -> None:
        self.result, self.groups, self.age, self.counted, self.unit = result, groups, age, counted, unit
        self.words, self.narrow = words, narrow
        self.size = theme.type_size(narrow)
        self.small = self.size - 0.5 if narrow else self.size - 1
        self.width = theme.NARROW if narrow else theme.WIDE
        self.last = max(float(part[age].max()) for part in groups.values())
        highest = max(
            float(part[["estimate", "high"] if "high" in part else ["estimate"]].max().max())
            for part in groups.values()
        )
        whole = unit == "share" and highest <= 1 and not close
        self.low, self.high = y_from, 1.0 if whole else highest * 1.04
        self.marks, self.mark_texts = theme.ticks(self.low, self.high, unit, words, count=4 if narrow else 5)
        self.margin = max(theme.text_width(text, self.small) for text in self.mark_texts) + 0.12

        texts = [str(int(self.last))]
        if counted:
            texts += [
                words.number(count) for part in groups.values() for count in part[counted] if not theme.missing(count)
            ]
        self.widest = max(theme.text_width(text, self.small) for text in texts)

    def measured(self, y_label: str | None) -> str:
        """What the vertical axis measures: what the caller says, else of survival what it is a share of."""
        share = f"Share of {self.result.n_of} still here, %"
        return y_label or (share if self.unit == "share" else theme.axis_title(self.result, self.unit))

    def ages(self, width: float) -> list[int]:
        """Ages to label: years, halves or quarters, as many as the width holds with the numbers beneath them."""
        room = max(2, int(width / (self.widest + 0.1)) + 1)
        step = next((step for step in (1, 2, 3, 6, 12, 24, 36, 60) if self.last // step + 1 <= room), 120)
        return list(range(0, int(self.last) + 1, step))

    def axes(self, axes: Axes, ages: Sequence[int], *, marks: bool = True, numbered: bool = True) -> None:
        axes.set_xlim(0, self.last)
        axes.set_ylim(self.low, self.high)
        theme.value_grid(axes, self.marks, self.mark_texts if marks else [""] * len(self.marks), size=self.small)
        axes.set_xticks(ages, [str(age) if numbered else "" for age in ages])
        axes.tick_params(axis="x", labelsize=self.small)

    def line(self, axes: Axes, key: str, color: str, *, band: bool, width: float) -> None:
        part = self.groups[key]
        if band and {"low", "high"} <= set(part):
            axes.fill_between(part[self.age], part["low"], part["high"], step="post", color=color, alpha=0.16, lw=0)
        axes.step(part[self.age], part["estimate"], where="post", color=color, lw=width, clip_on=False)

    def finals(self, *, always: bool) -> dict[str, str]:
        """Each curve's last value, with its age where curves end at different ages (or always)."""
        ages = {key: float(part[self.age].iloc[-1]) for key, part in self.groups.items()}
        texts = {}
        for key, part in self.groups.items():
            texts[key] = theme.value(part["estimate"].iloc[-1], self.unit, self.words)
            if always or len(set(ages.values())) > 1:
                texts[key] += f" at {self.words.number(ages[key])}"
        return texts

    def counted_groups(self) -> list[str]:
        """The groups whose numbers are printed: one of them where all have the same."""
        if not self.counted:
            return []
        counts = [part.set_index(self.age)[self.counted] for part in self.groups.values()]
        alike = all(counts[0].equals(one) for one in counts[1:])
        return list(self.groups)[: 1 if alike else None]

    def at_risk(self, key: str, ages: Sequence[int]) -> list[str]:
        """How many are followed at each labelled age; blank where the curve has ended."""
        part = self.groups[key].set_index(self.age)[self.counted]
        return ["" if theme.missing(part.get(age)) else self.words.number(part[age]) for age in ages]


def _together(
    plan: _Plan,
    coloured: Sequence[str],
    labels: Mapping[str, str] | None,
    y_label: str | None,
    x_label: str,
    notes: Sequence[str],
) -> Figure:
    words, size, small, narrow = plan.words, plan.size, plan.small, plan.narrow
    colours = dict.fromkeys(plan.groups, theme.CONTEXT)
    colours |= dict(zip(coloured, theme.GROUPS, strict=False))
    inks = {key: theme.MUTED if colour == theme.CONTEXT else colour for key, colour in colours.items()}
    names = {key: theme.name(key, labels, words) if key else "" for key in plan.groups}
    finals = plan.finals(always=False)
    # Names stand at the lines' ends, or above the plot as a key where they would take too much of a phone's width.
    room = 0.95 if narrow else 1.75
    beside = {key: theme.wrap(names[key], width=room, size=size, lines=2, weight="bold") for key in plan.groups}
    keyed = narrow and any(theme.text_width(name, size, "bold") > room for name in names.values())
    ends = {key: finals[key] if keyed or not names[key] else f"{beside[key]}\n{finals[key]}" for key in plan.groups}
    right = max(theme.text_width(text, size, "bold") for text in ends.values()) + 0.16
    side = {key: theme.wrap(names[key], width=1.5, size=small, lines=1, weight="bold") for key in plan.groups}
    left = plan.margin
    if len(plan.counted_groups()) > 1 and not narrow:
        left = max(left, max(theme.text_width(text, small, "bold") for text in side.values()) + 0.3)
    line, row = theme.line_height(size), theme.line_height(small) + 0.03
    top = 0.06
    key_lines = {
        key: theme.wrap(names[key], width=plan.width - 0.5, size=size, lines=2, weight="bold") for key in plan.groups
    }
    key_height = sum(text.count("\n") + 1 for text in key_lines.values()) * line + 0.1 if keyed else 0.0
    title = theme.wrap(plan.measured(y_label), width=plan.width - 0.1, size=small, lines=2)
    head = (title.count("\n") + 1) * row + 0.1
    height = 2.3 if narrow else 3.1
    tall = max(text.count("\n") + 1 for text in ends.values()) * line
    height = max(height, 1.15 * tall * len(ends))
    counted_groups = plan.counted_groups()
    rows, alike = len(counted_groups), len(counted_groups) == 1
    table = (row * (1 + rows * (2 if narrow and not alike else 1)) + 0.1) if rows else 0.0
    below = 0.28 + row + table
    note = theme.note_lines(notes, width=plan.width - 0.1, size=small)
    total = top + key_height + head + height + below + 0.08 + row * len(note)

    figure = theme.sheet(narrow=narrow, height=total)
    place = top
    if keyed:
        for key, text in key_lines.items():
            theme.write(figure, text, left=0.3, top=place, size=size, color=inks[key], weight="bold")
            theme.write(figure, "—", left=0.05, top=place, size=size, color=colours[key], weight="bold")
            place += (text.count("\n") + 1) * line
        place += 0.1
    theme.write(figure, title, left=0.05, top=place, size=small, color=theme.MUTED)
    place += head
    width = plan.width - left - right
    axes = theme.place(figure, left=left, top=place, width=width, height=height)
    ages = plan.ages(width)
    plan.axes(axes, ages)
    for key in reversed(list(plan.groups)):
        grey = colours[key] == theme.CONTEXT
        plan.line(axes, key, colours[key], band=not grey, width=1.4 if grey else 2.2)
    per_inch = height / (plan.high - plan.low)
    wanted = [(float(part["estimate"].iloc[-1]) - plan.low) * per_inch for part in plan.groups.values()]
    theme.label_ends(
        figure,
        [ends[key] for key in plan.groups],
        wanted,
        [inks[key] for key in plan.groups],
        left=left + width + 0.09,
        top=place,
        height=height,
        tall=tall,
        size=size,
    )
    place += height + 0.24
    theme.write(figure, x_label, left=left + width / 2, top=place, size=small, color=theme.MUTED, align="center")
    place += row + 0.1
    if rows:
        counted = f"{plan.result.n_of.capitalize()} followed at this age"
        theme.write(figure, counted, left=0.05, top=place, size=small, color=theme.MUTED)
        place += row
        for key in counted_groups:
            if narrow and not alike:
                name = theme.wrap(names[key], width=plan.width - 0.25, size=small, lines=1, weight="bold")
                theme.write(figure, name, left=0.05, top=place, size=small, color=inks[key], weight="bold")
                place += row
            elif not alike:
                theme.write(figure, side[key], left=0.05, top=place, size=small, color=inks[key], weight="bold")
            for age, text in zip(ages, plan.at_risk(key, ages), strict=True):
                at = left + width * age / plan.last
                theme.write(figure, text, left=at, top=place, size=small, color=theme.INK, align="center")
            place += row
    for text in note:
        theme.write(figure, text, left=0.05, top=place + 0.06, size=small, color=theme.MUTED)
        place += row
    return figure


def _panels(
    plan: _Plan, labels: Mapping[str, str] | None, y_label: str | None, x_label: str, notes: Sequence[str]
) -> Figure:
    words, size, small = plan.words, plan.size, plan.small
    columns = 2 if plan.narrow else 4
    gap, left = 0.36, plan.margin
    width = (plan.width - left - 0.2 - gap * (columns - 1)) / columns
    names = {
        key: theme.wrap(theme.name(key, labels, words), width=width, size=size, lines=2, weight="bold")
        for key in plan.groups
    }
    line, row = theme.line_height(size), theme.line_height(small) + 0.02
    name_lines = max(text.count("\n") + 1 for text in names.values())
    head, height = name_lines * line + row + 0.06, 1.05 if plan.narrow else 1.3
    below = 0.24 + (row if plan.counted else 0.0) + 0.14
    title = theme.wrap(plan.measured(y_label), width=plan.width - 0.1, size=small, lines=2)
    top = (title.count("\n") + 1) * row + 0.14
    reading = [
        f"Beneath each: {x_label[:1].lower()}{x_label[1:]}"
        + (f", and {plan.result.n_of} followed at that age." if plan.counted else ".")
    ]
    note = theme.note_lines([*reading, *notes], width=plan.width - 0.1, size=small)
    finals = plan.finals(always=True)
    lines = math.ceil(len(plan.groups) / columns)
    total = top + lines * (head + height + below) + row * len(note) + 0.06
    figure = theme.sheet(narrow=plan.narrow, height=total)
    theme.write(figure, title, left=0.05, top=0.06, size=small, color=theme.MUTED)
    for index, key in enumerate(plan.groups):
        column, depth = index % columns, index // columns
        x, y = left + column * (width + gap), top + depth * (head + height + below)
        theme.write(figure, names[key], left=x, top=y, size=size, weight="bold")
        theme.write(
            figure,
            finals[key],
            left=x,
            top=y + names[key].count("\n") * line + line,
            size=small,
            color=theme.ACCENT,
            weight="bold",
        )
        axes = theme.place(figure, left=x, top=y + head, width=width, height=height)
        ages = [age for age in plan.ages(width * 0.9) if age <= plan.last]
        plan.axes(axes, ages, marks=column == 0)
        for other in plan.groups:
            if other != key:
                plan.line(axes, other, "#cdd1d5", band=False, width=1.0)
        plan.line(axes, key, theme.ACCENT, band=True, width=2.0)
        if plan.counted:
            for age, text in zip(ages, plan.at_risk(key, ages), strict=True):
                theme.write(
                    figure,
                    text,
                    left=x + width * age / plan.last,
                    top=y + head + height + 0.24,
                    size=small,
                    color=theme.INK,
                    align="center",
                )
    place = top + lines * (head + height + below)
    for text in note:
        theme.write(figure, text, left=0.05, top=place, size=small, color=theme.MUTED)
        place += row
    return figure
