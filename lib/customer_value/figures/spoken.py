"""What a figure shows, in words, for those who cannot see it: computed from the same numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from customer_value.figures import theme
from customer_value.stats.result import Result

if TYPE_CHECKING:
    from customer_value.strategy.wording import Words

LONGEST = 400
"""Characters; a screen reader reads alt text in one breath."""

_Say = Callable[[pd.Series], str]


def alt(
    result: Result,
    *,
    kind: str,
    words: Words,
    labels: Mapping[str, str] | None = None,
    metrics: Sequence[str] | None = None,
) -> str:
    """Alt text of at most 400 characters, without signs that Markdown or an attribute would read as markup.

    Parameters
    ----------
    result : what the figure draws
    kind : the figure's function, such as ``curves``
    labels : what to call keys' values
    metrics : the columns that a heat map draws, if not all

    Raises
    ------
    ValueError : there is no such kind
    """
    if metrics is not None:
        drawn = result.table[result.table[result.keys[-1]].isin(list(metrics))]
        order = {name: position for position, name in enumerate(metrics)}
        drawn = drawn.sort_values(result.keys[-1], key=lambda key: key.map(order), kind="stable")
        result = replace(result.with_table(drawn), suppressed=int(drawn["estimate"].isna().sum()))
    kinds: dict[str, Callable[[Result, Words, Mapping[str, str] | None], list[str]]] = {
        "waterfall": _waterfall,
        "trend": _over_time,
        "curves": _over_time,
        "triangle": _triangle,
        "intervals": _rows,
        "ratios": _ratios,
        "heatmap": _heatmap,
        "grid": _grid,
        "quadrants": _quadrants,
        "rates": _over_time,
        "ratings": _ratings,
        "scatter": _scatter,
        "stacked": _stacked,
        "ladder": _ladder,
        "strips": _strips,
        "projection": _projection,
        "payback": _payback,
    }
    if kind not in kinds:
        raise ValueError(f"kind must be one of {sorted(kinds)}, got: {kind!r}")
    if result.table["estimate"].notna().sum() == 0:
        return "An empty figure: every group is too small to show."
    return _fit(kinds[kind](result, words, labels))


def _fit(sentences: Sequence[str]) -> str:
    """As many whole sentences as fit; how many are left out is said."""
    sentences = [_harmless(sentence) for sentence in sentences if sentence]
    kept: list[str] = []
    for index, sentence in enumerate(sentences):
        rest = len(sentences) - index - 1
        ending = f" And {rest} more." if rest else ""
        if len(" ".join([*kept, sentence]) + ending) > LONGEST:
            break
        kept.append(sentence)
    left_out = len(sentences) - len(kept)
    text = " ".join(kept) or sentences[0][: LONGEST - 20].rstrip() + "…"
    return f"{text} And {left_out} more." if left_out and kept else text


def _harmless(text: str) -> str:
    """Without the signs that end an attribute or begin markup."""
    return theme.clean("".join(" " if sign in "\"'[]{}<>`\\*_|" else sign for sign in text))


def _row(row: pd.Series, result: Result, words: Words) -> str:
    """A value with its interval: ``84% (82 to 85%)``."""
    unit = str(row["unit"]) if result.unit == "by row" else result.unit
    low, high = row.get("low"), row.get("high")
    if not theme.missing(low) and low == high:
        return words.value(float(row["estimate"]), unit)
    return words.interval(
        float(row["estimate"]),
        math.nan if theme.missing(low) else float(low),
        math.nan if theme.missing(high) else float(high),
        unit,
    )


def _name(row: pd.Series, keys: Sequence[str], labels: Mapping[str, str] | None, words: Words) -> str:
    names = [theme.name(row[key], labels, words) for key in keys]
    return " ".join(dict.fromkeys(names)).replace("_", " ")


def _few(result: Result) -> str:
    return f"{result.suppressed} too small to show." if result.suppressed else ""


def _waterfall(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    unit = str(result.table["unit"].iloc[0]) if result.unit == "by row" else result.unit
    rows = {str(row[result.keys[0]]): float(row["estimate"]) for _, row in result.table.iterrows()}
    parts = [
        f"{theme.name(step, labels, words)} {theme.value(amount, unit, words, signed=True)}"
        for step, amount in rows.items()
        if step not in ("opening", "closing")
    ]
    return [
        f"Bars from {theme.value(rows['opening'], unit, words)} at the opening"
        f" to {theme.value(rows['closing'], unit, words)} at the close: {words.list(parts)}."
    ]


def _over_time(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    time = next((key for key in result.keys if key in ("month", "age", "date", "period")), result.keys[-1])
    others = [key for key in result.keys if key != time]
    known = result.table[result.table["estimate"].notna()].sort_values(time, kind="stable")
    groups = known.groupby(others, sort=False) if others else [("", known)]
    sentences = []
    for _, part in groups:
        first, last = part.iloc[0], part.iloc[-1]
        name = _name(first, others, labels, words) or "The line"
        sentences.append(
            f"{name}: {_row(first, result, words)} {_when(first[time], words)},"
            f" {_row(last, result, words)} {_when(last[time], words)}{_aim(last, result, words)}."
        )
    return [*sentences, _few(result)]


def _aim(row: pd.Series, result: Result, words: Words) -> str:
    """The target beside a figure, if there is one."""
    unit = str(row["unit"]) if result.unit == "by row" else result.unit
    return "" if theme.missing(row.get("target")) else f" against a target of {words.value(row['target'], unit)}"


def _when(time: object, words: Words) -> str:
    if isinstance(time, str) or hasattr(time, "year"):
        return f"in {words.month(time)}" if hasattr(time, "year") else f"in {time}"
    return f"at {words.months(float(time))}"


def _triangle(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """The spread at the oldest age that half the cohorts have reached, then the oldest and the youngest cohort."""
    cohort, age = result.keys
    known = result.table[result.table["estimate"].notna()]
    order = [name for name in dict.fromkeys(result.table[cohort]) if (known[cohort] == name).any()]
    reached = known.groupby(age)[cohort].nunique()
    common = known[known[age] == max(reached[reached >= len(order) / 2].index)]
    low, high = common.loc[common["estimate"].idxmin()], common.loc[common["estimate"].idxmax()]
    sentences = [
        f"{words.plural(len(order), 'cohort')} by age.",
        f"At {words.months(float(low[age]))}: from {_row(low, result, words)} for {_name(low, [cohort], labels, words)}"
        f" to {_row(high, result, words)} for {_name(high, [cohort], labels, words)}.",
    ]
    for name in dict.fromkeys((order[0], order[-1])):
        last = known[known[cohort] == name].sort_values(age, kind="stable").iloc[-1]
        sentences.append(
            f"{_name(last, [cohort], labels, words)}: {_row(last, result, words)} at {words.months(float(last[age]))}."
        )
    return [*sentences, _few(result)]


def _rows(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    known = result.table[result.table["estimate"].notna()].sort_values("estimate", ascending=False, kind="stable")
    keys = [key for key in result.keys if known[key].nunique() > 1] or list(result.keys[:1])
    return [
        *(f"{_name(row, keys, labels, words)}: {_row(row, result, words)}." for _, row in known.iterrows()),
        _few(result),
    ]


def _ratios(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """Row by row in the order drawn: every mark's ratio, the last with its interval."""
    by, mark = result.keys[0], result.keys[-1]
    sentences = []
    for _, part in result.table[result.table["estimate"].notna()].groupby(by, sort=False):
        rows = [row for _, row in part.iterrows()]
        said = [
            f"{theme.name(row[mark], labels, words)} {words.value(float(row['estimate']), 'ratio')}" for row in rows
        ]
        said[-1] = f"{theme.name(rows[-1][mark], labels, words)} {_row(rows[-1], result, words)}"
        sentences.append(f"{_name(rows[0], [by], labels, words)}: {', '.join(said)}.")
    return [*sentences, _few(result)]


def _strips(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """Of every class how many lie beyond the middle of a neighbour."""
    sentences = []
    for key, rows in result.table.groupby(result.keys[0], sort=False):
        row = rows.iloc[0]
        beyond = [
            f"{words.number(row[side])} {where}"
            for side, where in (("under", "above the middle of the next"), ("over", "below that of the one before"))
            if row[side]
        ]
        of = f"of {words.plural(row['n'], re.sub('s$', '', result.n_of), result.n_of)} "
        sentences.append(f"{theme.name(key, labels, words)}: {of}{words.list(beyond)}.")
    return sentences


def _heatmap(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    level, metric = result.keys[-2:]
    known = result.table[result.table["estimate"].notna()]
    sentences = [
        f"{words.plural(known.drop_duplicates(list(result.keys[:-1])).shape[0], 'group')} by "
        f"{words.plural(known[metric].nunique(), 'measure')}."
    ]
    for name in dict.fromkeys(known[metric]):
        part = known[known[metric] == name]
        groups = part[part[level] != "all"]
        if groups.empty:
            continue
        best, worst = groups.loc[groups["estimate"].idxmax()], groups.loc[groups["estimate"].idxmin()]
        unit = [str(row["unit"]) if result.unit == "by row" else result.unit for row in (worst, best)]
        sentences.append(
            f"{_name(best, [metric], labels, words)}: from {words.value(float(worst['estimate']), unit[0])} for"
            f" {_name(worst, [level], labels, words)} to {words.value(float(best['estimate']), unit[1])} for"
            f" {_name(best, [level], labels, words)}."
        )
    return [*sentences, _few(result)]


def _grid(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    measure = next((key for key in result.keys if {"headwind", "tailwind"} <= set(result.table[key])), result.keys[-1])
    names = [key for key in result.keys if key != measure][-1:]
    known = result.table[result.table["estimate"].notna()]
    sentences = []
    for _, part in known.groupby(names or measure, sort=False):
        values = [f"{theme.name(row[measure], labels, words)} {_row(row, result, words)}" for _, row in part.iterrows()]
        sentences.append(f"{_name(part.iloc[0], names, labels, words).capitalize()}: {words.list(values)}.")
    return [*sentences, _few(result)]


def _quadrants(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """A sentence a group: how many accounts, and the measure that is drawn."""
    sentences = []
    for group in dict.fromkeys(result.table["group"]):
        rows = result.table[result.table["group"] == group].set_index("metric")
        size, kept = rows.loc["customers", "estimate"], rows.loc["logo_retention"]
        said = "too few to show" if theme.missing(kept["estimate"]) else f"kept {_row(kept, result, words)}"
        if size > 0:
            sentences.append(f"{theme.name(group, labels, words)}: {words.plural(size, 'account')}, {said}.")
    return sentences


def _scatter(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """The clusters with their sizes, then what the plane's ends stand for."""
    sizes = result.table["cluster"].value_counts()
    return [
        f"{words.plural(int(sizes.sum()), 'account')} in a plane.",
        *(f"{theme.name(name, labels, words)}: {words.number(size)}." for name, size in sizes.items()),
        f"To the right: {result.table['across'].iloc[0]}; upwards: {result.table['upwards'].iloc[0]}.",
    ]


def _ratings(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """A sentence a group: its net score, and how its answers divide."""
    known = result.table[result.table["estimate"].notna()]
    sentences = [
        f"{_name(row, result.keys[-1:], labels, words)}: {_row(row, result, words)}, "
        f"{words.share(row['promoters_share'])} promoters and {words.share(row['detractors_share'])} detractors."
        for _, row in known.iterrows()
    ]
    return [*sentences, _few(result)]


def _projection(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """A sentence a curve: where it ends, the observed one first."""
    known = result.table[result.table["estimate"].notna()]
    sentences = []
    for part, rows in known.groupby("part", sort=False):
        last = rows.sort_values("age").iloc[-1]
        name = theme.name(part, labels, words).capitalize()
        sentences.append(f"{name}: {_row(last, result, words)} {_when(last['age'], words)}.")
    return [*sentences, _few(result)]


def _payback(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """What was brought in by the last age, what it cost, and when the one reached the other."""
    parts = dict(list(result.table.groupby("part", sort=False)))
    last = parts["brought_in"].dropna(subset=["estimate"]).iloc[-1]
    sentences = [f"Brought in per account: {_row(last, result, words)} {_when(last['age'], words)}."]
    if "cost" in parts:
        sentences.append(f"Cost to win one: {_row(parts['cost'].iloc[0], result, words)}.")
        sentences.append("The cost is not repaid within the ages seen.")
    if "payback" in parts:
        met = parts["payback"].iloc[0]
        after = words.interval(met["age"], met["age_low"], met["age_high"], "months")
        sentences[-1] = f"Repaid after {after}."
    return sentences


def _ladder(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """A sentence a rung, the highest first: what shares moved up, moved down and left."""
    before = result.keys[0]
    sentences = []
    for rung in list(dict.fromkeys(result.table[before]))[::-1]:
        rows = result.table[result.table[before] == rung]
        if rows["estimate"].isna().all():
            continue
        ways = rows.groupby("way")["estimate"].sum()
        said = [
            f"{words.share(ways[way])} {name}"
            for way, name in (("up", "moved up"), ("down", "moved down"), ("left", "left"))
            if ways.get(way, 0) > 0
        ]
        sentences.append(f"{theme.name(rung, labels, words)}: {words.list(said) or 'all stayed'}.")
    return [*sentences, _few(result)]


def _stacked(result: Result, words: Words, labels: Mapping[str, str] | None) -> list[str]:
    """A sentence a group: its parts in the order drawn, those that are nothing left out."""
    by, part = result.keys
    known = result.table[result.table["estimate"].notna() & (result.table["estimate"] != 0)]
    sentences = []
    for _, rows in known.groupby(by, sort=False):
        parts = [f"{theme.name(row[part], labels, words)} {_row(row, result, words)}" for _, row in rows.iterrows()]
        sentences.append(f"{_name(rows.iloc[0], [by], labels, words)}: {words.list(parts)}.")
    return [*sentences, _few(result)]
