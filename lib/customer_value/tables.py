"""Results as tables: static HTML for the page and a Markdown pipe table, with the same cells, for the PDF.

great_tables builds the HTML. Its style sheet, which fixes colours for a white page, is left out: the table takes its
colours and type from the page, in light and in dark mode, and the page's style sheet can use the classes ``gt_table``,
``gt_row``, ``gt_stub``, ``gt_col_heading``, ``gt_right``, ``interval``, ``table-scroll`` and ``table-note``.
"""

from __future__ import annotations

import datetime as dt
import html as html_text
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from great_tables import GT

from customer_value.stats.result import Result
from customer_value.strategy.wording import Words

MOST_COLUMNS = 7
NOTHING = "–"
"""What stands in a cell that has no value."""

_UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
"""For screen readers only: the page prints its own caption."""

_HEADS = {
    "share": "Share",
    "money": "Amount",
    "count": "Count",
    "months": "Months",
    "ratio": "Ratio",
    "points": "Percentage points",
    "by row": "Value",
}
_MONEY = re.compile(r"(^|_)(mrr|arr|revenue|money|amount|change|opening|closing|price|cost|value)($|_)")
_SHARE = re.compile(r"(^|_)(share|rate|retention)($|_)")


@dataclass(frozen=True)
class _Cells:
    """A table as plain text: what both forms print."""

    columns: tuple[str, ...]
    heads: tuple[str, ...]
    right: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def html(
    result: Result,
    *,
    words: Words,
    id: str,
    columns: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    top: int | None = None,
    caption: str | None = None,
) -> str:
    """The result as a static HTML table in a region that scrolls sideways on a phone.

    Parameters
    ----------
    result : any result; a row without an estimate prints ``too few (n)`` if rows are suppressed
    words : the report's voice
    id : prefix of all ids inside, fixed so that output repeats; itself given to no element, so the page may use it
    columns : at most seven of the table's columns in their order, and ``interval`` for ``low`` and ``high`` in one;
        default: the keys, ``estimate``, ``interval``, ``n`` and the p value, as far as there is room
    labels : heads by column name, and what to print instead of a key's or text column's value
    units : the unit of further columns, where their name does not say it (``mrr``, ``…_share``); ``by row``: the row's
    top : how many rows to print, in the table's order; a note says how many there are
    caption : what the table shows, for screen readers; plain text

    Raises
    ------
    ValueError : a column is unknown, or there are more than seven
    """
    cells = _cells(result, words=words, columns=columns, labels=labels, units=units, top=top)
    inner = f"{id}-cells"
    # names of our own: great_tables puts them into ids
    names = [f"c{position}" for position in range(len(cells.columns))]
    frame = pd.DataFrame([list(row) for row in cells.rows], columns=names, dtype="object")
    table = (
        GT(frame, rowname_col=names[0], id=inner, auto_align=False)
        .tab_stubhead(label=cells.heads[0])
        .cols_label(dict(zip(names[1:], cells.heads[1:], strict=True)))
        .tab_options(quarto_disable_processing=True)
    )
    for name, right in zip(names, cells.right, strict=True):
        table = table.cols_align("right" if right else "left", columns=name)
    text = re.search(r"<table.*</table>", table.as_raw_html(), flags=re.DOTALL)[0]
    said = html_text.escape(caption or _plain(result.name))
    text = text.replace(">", f' id="{inner}">\n<caption style="{_UNSEEN}">{said}</caption>', 1)
    # great_tables makes the first head's id from its label, which could repeat another
    text = re.sub(rf'scope="col" id="{re.escape(inner)}-[^"]*"', f'scope="col" id="{inner}-c0"', text, count=1)
    for name, column in zip(names, cells.columns, strict=True):
        if column == "interval":
            text = text.replace(f'{inner}-{name}" class="gt_row', f'{inner}-{name}" class="interval gt_row')
    # a backtick could end the raw block that a page keeps the table in
    text = "\n".join(line for line in text.replace("`", "&#96;").splitlines() if line.strip())
    notes = "".join(f'\n<p class="table-note gt_sourcenote">{html_text.escape(note)}</p>' for note in cells.notes)
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{said}">\n{text}\n</div>' + notes.replace(
        "`", "&#96;"
    )


def pipe(
    result: Result,
    *,
    words: Words,
    columns: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    top: int | None = None,
) -> str:
    """The same cells as a Markdown pipe table, every text escaped, with the notes beneath. Options as in `html`."""
    cells = _cells(result, words=words, columns=columns, labels=labels, units=units, top=top)
    # pandoc divides the page by the lengths of the dashes once a line is long
    widths = [
        max(3, min(40, max(len(text) for text in (head, *(row[position] for row in cells.rows)))))
        for position, head in enumerate(cells.heads)
    ]
    rule = [
        f"{'-' * (width - 1)}:" if right else f":{'-' * (width - 1)}"
        for width, right in zip(widths, cells.right, strict=True)
    ]
    lines = [[words.escape(head) for head in cells.heads], rule]
    lines += [[words.escape(text) if text else "" for text in row] for row in cells.rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *(words.escape(note) for note in cells.notes)])


def _cells(
    result: Result,
    *,
    words: Words,
    columns: Sequence[str] | None,
    labels: Mapping[str, str] | None,
    units: Mapping[str, str] | None,
    top: int | None,
) -> _Cells:
    labels, units = labels or {}, units or {}
    chosen = _chosen(result, columns)
    shown = result.table if top is None else result.table.head(top)
    formats = {column: _format(result, shown, column, words, labels, units) for column in chosen}
    rows = tuple(tuple(formats[column](record) for column in chosen) for record in shown.to_dict("records"))
    right = tuple(_is_number(result, shown, column) for column in chosen)
    heads = tuple(labels.get(column) or _head(result, column) for column in chosen)
    notes = []
    if len(shown) < len(result.table):
        notes.append(f"The first {words.number(len(shown))} of {words.number(len(result.table))} rows.")
    if shown.empty:
        notes.append("There is nothing to list.")
    return _Cells(tuple(chosen), heads, right, rows, (*notes, *result.notes))


def _chosen(result: Result, columns: Sequence[str] | None) -> list[str]:
    has = list(result.table.columns)
    with_interval = {"low", "high"} <= set(has)
    if columns is None:
        wanted = [*result.keys, "estimate"]
        if with_interval and result.table[["low", "high"]].notna().any(axis=None):
            wanted.append("interval")
        wanted += [column for column in ("n",) if column in has]
        wanted += [column for column in ("p_adjusted", "p") if column in has][:1]
        return wanted[:MOST_COLUMNS]
    known = [*has, "interval"] if with_interval else has
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise ValueError(f"table of {result.name!r} has no column {unknown}, has: {known}")
    if not 1 <= len(columns) <= MOST_COLUMNS:
        raise ValueError(f"a table has one to {MOST_COLUMNS} columns, got: {len(columns)}")
    return list(columns)


def _format(
    result: Result, shown: pd.DataFrame, column: str, words: Words, labels: Mapping[str, str], units: Mapping[str, str]
) -> Callable[[Mapping[str, object]], str]:
    """How one column's cells are printed, with the same decimals throughout."""
    if column == "interval":
        return lambda row: _interval(result, row, words)
    if column in ("estimate", "low", "high"):
        digits = _digits(shown, column, result)
        beyond = _beyond(shown, column, result)
        exact = "low" not in shown or shown["low"].isna().all()

        def estimate(row: Mapping[str, object]) -> str:
            if _missing(row[column]):
                few = column == "estimate" and result.suppressed and not _missing(row.get("n")) and row["n"] > 0
                return f"too few ({words.number(row['n'])})" if few else NOTHING
            return _value(
                row[column],
                _unit(result, row),
                words,
                digits=digits,
                exact=exact,
                bare=result.unit != "by row",
                beyond=beyond,
            )

        return estimate
    if column == "p" or column.startswith("p_"):
        return lambda row: _p(row[column], words)
    if not _is_number(result, shown, column):
        return lambda row: _text(row[column], column, labels, words)
    values = pd.to_numeric(shown[column]).dropna()
    whole = bool((values % 1 == 0).all())
    unit = units.get(column)
    if unit is None and column not in result.keys and column not in ("n", "events", "at_risk"):
        unit = "share" if _SHARE.search(column) else "money" if _MONEY.search(column) else None
    if unit == "by row":
        like = _digits(shown, "estimate", result), _beyond(shown, "estimate", result)
        return lambda row: (
            NOTHING
            if _missing(row[column])
            else _value(row[column], _unit(result, row), words, digits=like[0], exact=True, bare=False, beyond=like[1])
        )
    if unit:
        digits, beyond = _digits(shown, column, result), _beyond(shown, column, result)
        return lambda row: (
            NOTHING
            if _missing(row[column])
            else _value(row[column], unit, words, digits=digits, exact=True, bare=True, beyond=beyond)
        )
    decimals = 0 if whole else 2
    return lambda row: NOTHING if _missing(row[column]) else words.number(float(row[column]), decimals)


def _value(x: float, unit: str, words: Words, *, digits: int, exact: bool, bare: bool, beyond: bool) -> str:
    """A number in its unit; ``bare`` where the head names the unit, ``exact`` for money counted, not estimated.

    ``beyond`` says that shares may exceed 100%, which then does not mean "all" and needs no further digit.
    """
    x = float(x)
    if unit == "share" and beyond:
        return f"{words.number(100 * x, digits)}%"
    if unit == "share":
        return words.share(x, digits)
    if unit == "money":
        return words.money_exact(x) if exact else words.money(x)
    if bare and unit == "points":
        return words.number(100 * x, 1)
    if bare and unit == "months":
        return words.number(x, 1)
    return words.value(x, unit)


def _interval(result: Result, row: Mapping[str, object], words: Words) -> str:
    if _missing(row["low"]) or _missing(row["high"]):
        return ""
    text = words.range(float(row["low"]), float(row["high"]), _unit(result, row))
    return text if result.unit == "by row" else text.removesuffix(" percentage points").removesuffix(" months")


def _digits(shown: pd.DataFrame, column: str, result: Result) -> int:
    """Decimals of percentages: one where whole ones would make rows look alike or vanish, else none."""
    values = pd.to_numeric(shown[column]).dropna().astype(float)
    if result.unit == "by row" and "unit" in shown and column == "estimate":
        values = values[shown.loc[values.index, "unit"] == "share"]
    close = len(values) > 1 and values.max() - values.min() < 0.1
    small = bool(((values.abs() > 0) & (values.abs() < 0.02)).any())
    return 1 if close or small else 0


def _beyond(shown: pd.DataFrame, column: str, result: Result) -> bool:
    """Whether a column's shares go beyond 1, as net retention's do."""
    values = pd.to_numeric(shown[column]).dropna().astype(float)
    if result.unit == "by row" and "unit" in shown and column == "estimate":
        values = values[shown.loc[values.index, "unit"] == "share"]
    return bool((values > 1).any())


def _unit(result: Result, row: Mapping[str, object]) -> str:
    return str(row["unit"]) if result.unit == "by row" else result.unit


def _p(x: object, words: Words) -> str:
    if _missing(x):
        return NOTHING
    return "under 0.001" if x < 0.001 else words.number(float(x), 3)


def _text(x: object, column: str, labels: Mapping[str, str], words: Words) -> str:
    if _missing(x):
        return NOTHING
    if isinstance(x, dt.date):
        return words.month(x) if x.day == 1 and ("month" in column or "cohort" in column) else words.date(x)
    if isinstance(x, bool):
        return "yes" if x else "no"
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(x)).split())
    return labels.get(str(x), text)


def _is_number(result: Result, shown: pd.DataFrame, column: str) -> bool:
    if column in ("interval", "estimate", "low", "high", "n", "p") or column.startswith("p_"):
        return True
    values = shown[column].dropna()
    if values.empty or column in result.keys:
        return pd.api.types.is_numeric_dtype(shown[column]) and not pd.api.types.is_bool_dtype(shown[column])
    # Decimals arrive as objects
    return not isinstance(values.iloc[0], str | bool | dt.date) and pd.to_numeric(values, errors="coerce").notna().all()


def _head(result: Result, column: str) -> str:
    if column == "estimate":
        return _HEADS[result.unit]
    if column == "interval":
        return f"{100 * result.level:.0f}% interval" if result.level else "Range"
    if column == "n":
        return _plain(result.n_of)
    return {"p": "p", "p_adjusted": "p, adjusted", "at_risk": "Still followed"}.get(column) or _plain(column)


def _plain(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _missing(x: object) -> bool:
    return x is None or bool(pd.isna(x))
