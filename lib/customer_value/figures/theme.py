"""How every figure looks: sizes, type, colours and their meaning, and the bytes that are saved.

Figures are made with matplotlib's object interface, so that no state of pyplot is read or changed, and are placed in
inches: text keeps its size and nothing is clipped, whatever the number of groups. Colours are Okabe and Ito's,
darkened where needed to reach a contrast of 3 to 1 on white, and mean the same in every figure.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import matplotlib
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator

from customer_value.stats.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from customer_value.strategy.wording import Words

WIDE, NARROW = 8.0, 3.6
"""Widths in inches. A page shows the wide one at about 720 px; a phone the narrow one at about 330 px."""

CARD = "#ffffff"
INK, MUTED, UNCLEAR, CONTEXT, GRID = "#222222", "#5f6368", "#7b8187", "#b4b9be", "#e3e5e8"
ACCENT, CONTRAST = "#0072b2", "#c27c00"
GROUPS = (ACCENT, CONTRAST, "#a8447f", "#3d3d3d")
"""At most four groups in colours of their own; more are drawn as small multiples."""

MEANING = {
    "opening": "#5f6368",
    "new": "#56b4e9",
    "expansion": "#009e73",
    "reactivation": "#7fc9b3",
    "contraction": "#eda36f",
    "churn": "#d55e00",
    "closing": "#3d3d3d",
}
"""Movements of revenue: growth is green, new business sky blue, loss vermilion; the paler shade is the lesser kind."""

FONT = "DejaVu Sans"
RC = {
    "font.family": [FONT],
    "text.parse_math": False,  # two dollar signs in a name or an amount are no formula
    "axes.unicode_minus": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.spines.bottom": True,
    "axes.edgecolor": CONTEXT,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": CARD,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.solid_capstyle": "butt",
    "text.color": INK,
    "xtick.color": CONTEXT,
    "xtick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "xtick.major.width": 0.8,
    "ytick.color": CONTEXT,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "svg.fonttype": "path",
    "svg.hashsalt": "customer-value",
}


def context() -> AbstractContextManager[None]:
    """Draw inside this context: the theme's settings hold, and matplotlib's own are as before afterwards."""
    return matplotlib.rc_context(RC)


def svg(figure: Figure) -> bytes:
    """The figure as SVG, the same bytes at every call: text as outlines, no date, ids that do not vary."""
    buffer = io.BytesIO()
    with context():
        figure.savefig(
            buffer, format="svg", facecolor=CARD, transparent=False, metadata={"Date": None, "Creator": None}
        )
    return buffer.getvalue()


# --- the sheet ------------------------------------------------------------------------------------------------------


def type_size(narrow: bool) -> float:
    """Points of ordinary text. Shown at 330 px, 9.5 points of a narrow figure are 12 px on the phone."""
    return 9.5 if narrow else 10.0


def sheet(*, narrow: bool, height: float) -> Figure:
    """An empty figure of the theme's width and this height in inches."""
    figure = Figure(figsize=(NARROW if narrow else WIDE, height))
    FigureCanvasSVG(figure)
    return figure


def place(figure: Figure, *, left: float, top: float, width: float, height: float, share_x: Axes | None = None) -> Axes:
    """Axes whose upper left corner lies so many inches from the sheet's upper left corner."""
    total_width, total_height = figure.get_size_inches()
    return figure.add_axes(
        (left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height),
        sharex=share_x,
    )


def write(
    figure: Figure,
    text: str,
    *,
    left: float,
    top: float,
    size: float,
    color: str = INK,
    weight: str = "normal",
    align: str = "left",
    vertical: str = "top",
    covering: bool = False,
) -> None:
    """Text at so many inches from the sheet's upper left corner; ``covering`` hides lines that run behind it."""
    width, height = figure.get_size_inches()
    figure.text(
        left / width,
        1 - top / height,
        text,
        size=size,
        color=color,
        weight=weight,
        ha=align,
        va=vertical,
        linespacing=1.25,
        bbox={"facecolor": CARD, "edgecolor": "none", "pad": 1.5} if covering else None,
    )


def finish(figure: Figure) -> Figure:
    """Settle ticks and positions while the theme holds, so that a later draw elsewhere looks the same."""
    figure.draw_without_rendering()
    return figure


# --- measuring and fitting text -------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width in inches of the widest line."""
    lines = text.split("\n")
    font = FontProperties(family=FONT, weight=weight)
    return (
        max(
            (TextPath((0, 0), line, size=size, prop=font).get_extents().x1 for line in lines if line.strip()),
            default=0.0,
        )
        / 72
    )


def line_height(size: float) -> float:
    """Height of a line in inches."""
    return size * 1.25 / 72


def wrap(text: str, *, width: float, size: float, lines: int = 3, weight: str = "normal") -> str:
    """The text broken into at most so many lines that fit the width (inches); what is left over becomes an ellipsis."""
    text = clean(text)
    if text_width(text, size, weight) <= width:
        return text
    wrapped: list[str] = []
    for word in text.split():
        # screens set text a little wider than its outlines; in a line of several words that adds up
        if wrapped and text_width(f"{wrapped[-1]} {word}", size, weight) <= 0.93 * width:
            wrapped[-1] += f" {word}"
            continue
        # only a word that is too wide for a line of its own is broken
        while len(word) > 1 and text_width(word, size, weight) > width:
            end = next((n for n in range(len(word) - 1, 1, -1) if text_width(word[:n], size, weight) <= width), 1)
            wrapped.append(word[:end])
            word = word[end:]
        wrapped.append(word)
    if len(wrapped) > lines:
        last = " ".join(wrapped[lines - 1 :])
        while last and text_width(last.rstrip() + "…", size, weight) > width:
            last = last[:-1]
        wrapped = [*wrapped[: lines - 1], last.rstrip() + "…"]
    return "\n".join(wrapped)


def clean(text: object) -> str:
    """One line of printable text: names come from other people's systems."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as needed to lie ``gap`` apart between ``low`` and ``high``, in unchanged order."""
    order = sorted(range(len(positions)), key=lambda index: (positions[index], index))
    # blocks of touching labels, each [sum of wanted starts, size]; neighbours that overlap merge around their mean
    blocks: list[list[float]] = []
    for index in order:
        blocks.append([positions[index], 1])
        while len(blocks) > 1 and _start(blocks[-2], gap) + blocks[-2][1] * gap > _start(blocks[-1], gap):
            total, size = blocks.pop()
            # the later block's members are wanted `blocks[-1][1] * gap` above the merged block's first
            blocks[-1][0] += total - size * blocks[-1][1] * gap
            blocks[-1][1] += size
    moved = []
    for block in blocks:
        first = _start(block, gap)
        moved += [first + step * gap for step in range(int(block[1]))]
    for step in range(len(moved)):
        moved[step] = max(moved[step], low + step * gap)
    for step in range(len(moved) - 1, -1, -1):
        moved[step] = min(moved[step], high - (len(moved) - 1 - step) * gap)
    result = [0.0] * len(positions)
    for index, position in zip(order, moved, strict=True):
        result[index] = position
    return result


def label_ends(
    figure: Figure,
    texts: Sequence[str],
    wanted: Sequence[float],
    colours: Sequence[str],
    *,
    left: float,
    top: float,
    height: float,
    tall: float,
    size: float,
) -> None:
    """Names beside the ends of lines, moved apart where they would overlap.

    Parameters
    ----------
    wanted : inches above the foot of the axes at which each line ends
    left, top, height : where the names begin, and the axes' top and height, in inches
    tall : inches that a name takes
    """
    placed = spread(wanted, gap=tall + 0.04, low=tall / 2, high=height - tall / 2 + 0.1)
    for text, colour, place in zip(texts, colours, placed, strict=True):
        at = top + height - place
        write(figure, text, left=left, top=at, size=size, color=colour, weight="bold", vertical="center")


def _start(block: Sequence[float], gap: float) -> float:
    """Where a block of labels begins: the mean of its wanted starts."""
    return block[0] / block[1]


# --- values in words ------------------------------------------------------------------------------------------------


def missing(x: object) -> bool:
    """Whether a number is absent: suppressed, or not reckoned."""
    return x is None or bool(pd.isna(x))


def value(x: float, unit: str, words: Words, *, signed: bool = False, digits: int = 0) -> str:
    """A value as printed beside a mark: ``84%``, ``£1.2 m``, ``14``; empty if missing. The axis names the unit.

    ``digits`` are the decimals of a percentage, for figures that show small differences of large shares.
    """
    if missing(x):
        return ""
    sign = "+" if signed and x > 0 else ""
    match unit:
        case "share":
            return sign + words.share(x, digits)
        case "money":
            return sign + words.money(x)
        case "points":
            return sign + words.number(100 * x, 1)
        case "ratio":
            return sign + words.number(x, 2)
        case "months":
            return sign + words.number(x, 0 if float(x).is_integer() else 1)
    return sign + words.number(x)


def interval(low: float, high: float, unit: str, words: Words) -> str:
    """The ends of an interval: ``82 to 85%``; empty if missing."""
    if missing(low) or missing(high):
        return ""
    return words.range(low, high, unit).removesuffix(" percentage points").removesuffix(" months")


def name(key: object, labels: Mapping[str, str] | None, words: Words) -> str:
    """What a key is called in a figure: its label if it has one, a month as ``Jan 2024``, else itself on one line."""
    if isinstance(key, dt.date | pd.Timestamp):
        return words.month(key)
    return (labels or {}).get(str(key), clean(key))


def section(result: Result, key: str, value: object, labels: Mapping[str, str] | None, words: Words) -> str:
    """What a section is headed: its label, else what the column ``<key>_label`` says, else itself."""
    column = f"{key}_label"
    if str(value) not in (labels or {}) and column in result.table:
        return clean(result.table.loc[result.table[key] == value, column].iloc[0])
    return name(value, labels, words)


def axis_title(result: Result, unit: str) -> str:
    """What an axis measures where the caller does not say."""
    return {
        "share": "Per cent",  # of what, only the caller knows: of accounts, or of revenue
        "money": "Money",
        "count": result.n_of.capitalize(),
        "months": "Months",
        "ratio": "Ratio",
        "points": "Percentage points",
    }[unit]


def ticks(low: float, high: float, unit: str, words: Words, *, count: int = 5) -> tuple[list[float], list[str]]:
    """Round positions from ``low`` to ``high`` and their labels, with as many digits as their step needs."""
    scale = 100 if unit in ("share", "points") else 1
    steps = [1, 2, 3, 6, 10] if unit == "months" else [1, 2, 2.5, 5, 10]
    locator = MaxNLocator(nbins=count + 1, steps=steps, integer=unit == "count")
    edge = 1e-9 * max(abs(low), abs(high), 1e-9)
    positions = [float(place) / scale for place in locator.tick_values(low * scale, high * scale)]
    positions = [place + 0.0 for place in positions if low - edge <= place <= high + edge]
    step = scale * (positions[1] - positions[0]) if len(positions) > 1 else 1.0
    digits = max(0, next(d for d in range(9) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * step * 10**d))
    if unit == "share":
        return positions, [f"{words.number(100 * place, digits)}%" for place in positions]
    if unit == "money":
        return positions, [words.money_axis(place) for place in positions]
    return positions, [words.number(scale * place, digits) for place in positions]


def time_ticks(months: Sequence[pd.Timestamp], *, width: float, size: float) -> tuple[list[int], list[str]]:
    """Which of consecutive months are labelled, and how: every first, third, sixth or twelfth, the year under it."""
    room = max(1, int(width / (text_width("Mmm", size) + 0.12)))
    numbers = [12 * month.year + month.month - 1 for month in months]
    first, last = numbers[0], numbers[-1]
    step = next((step for step in (1, 3, 6, 12, 24, 60) if (last - first) / step + 1 <= room), 120)
    chosen = [number for number in range(first, last + 1) if number % step == 0]
    texts, year = [], None
    for number in chosen:
        month = dt.date(number // 12, number % 12 + 1, 1)
        text = f"{month:%b}" if step < 12 else f"{month:%Y}"
        texts.append(f"{text}\n{month.year}" if step < 12 and month.year != year else text)
        year = month.year
    return [number - first for number in chosen], texts


def value_grid(axes: Axes, positions: Iterable[float], texts: Iterable[str], *, size: float) -> None:
    """Light horizontal lines with their values at the left."""
    axes.set_yticks(list(positions), list(texts))
    axes.tick_params(axis="y", labelsize=size, pad=4)
    axes.grid(axis="y")


def note_lines(notes: Sequence[str], *, width: float, size: float) -> list[str]:
    """Small notes beneath a figure, as lines that fit."""
    return [line for note in notes for line in wrap(note, width=width, size=size, lines=4).split("\n")]


def too_few(names: Sequence[str], counts: Sequence[float], result: Result, words: Words) -> str:
    """The note that names groups too small to show; empty if there are none."""
    if not names:
        return ""
    listed = [
        f"{name} ({words.plural(n, _one(result.n_of), result.n_of)})" if not missing(n) else name
        for name, n in zip(names, counts, strict=True)
    ]
    return f"Too few to show: {words.list(listed)}."


def _one(plural: str) -> str:
    return plural.removesuffix("s")
