"""What the segments chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.established.segments import HARDLY_OVERLAP
from customer_value.strategy.wording import Words

MOST_DRAWN = 8
"""Differences in the figure under the answer."""

_MOST_NAMED = 4
_ROW = ("attribute", "level", "metric")

METRIC_NAMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
    "nrr": "net revenue retention",
    "expansion_rate": "the share of accounts that grew",
}


_PARTS = ((0.15, ""), (0.42, "about a third"), (0.58, "about half"), (0.85, "about two thirds"), (1.0, "most"))
"""How much of a raw difference is gone once groups are made alike, up to which share, in words."""


def headline(adjusted: Result, *, words: Words) -> str:
    """Whether any group clearly stands apart from others like it, and how much of the raw gap that leaves."""
    if not adjusted.table["p"].notna().any():
        return "Too few accounts to compare groups"
    clear = _clear(adjusted)
    if not clear.empty:
        best = clear.iloc[0]
        return f"Accounts with {_group(best, words)} {_doing(best)}{_left(best, adjusted, words)}"
    before = len(_clear(adjusted, kind="raw"))
    if before:
        what = "What looks like a difference between groups is" if before > 1 else "The one difference that shows is"
        return f"{what} not clear among accounts that are otherwise alike"
    return "No group of accounts clearly stays or grows differently from the others"


def detail(adjusted: Result, *, start: date, end: date, words: Words) -> str:
    """How many comparisons were made, how many are clear, raw and made alike, and how large the clearest is."""
    tested = int(_kind(adjusted)["p"].notna().sum())
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    if not tested:
        return f"Every group {span} is below the smallest size that is shown."
    clear, before = _clear(adjusted), _clear(adjusted, kind="raw")
    alike = _alike(adjusted, words)
    equal = f" at equal {alike}" if alike else ""
    text = (
        f"Each group was compared with all other accounts{equal}, {span}: {words.plural(tested, 'comparison')} in all. "
    )
    kept = len(before.merge(clear[list(_ROW)], on=list(_ROW)))
    if len(before):
        were = "one was" if len(before) == 1 else f"{words.number(len(before))} were"
        remain = "it remains so" if len(before) == kept == 1 else f"{words.number(kept)} of them remain so"
        remain = "none remains so" if not kept and len(before) > 1 else "it no longer is" if not kept else remain
        text += (
            f"Before groups were made alike {were} clear once corrected for their number; among like accounts {remain}"
        )
        text += ". "
    if clear.empty:
        if not len(before):
            text += "None is clear once corrected for their number. "
        return f"{text}That is no proof of sameness.{_reach(adjusted, words)}"
    best = clear.iloc[0]
    count = "" if len(clear) == kept == len(before) else f"{words.plural(len(clear), 'is', 'are')} clear in all. "
    return f"{text}{count}The clearest: {_clearest(best, adjusted, words)}."


def another_cut(usual: Result, finer: Result, *, alike: bool, words: Words) -> str:
    """Whether cutting accounts by size into more bands changes what is said about size.

    Parameters
    ----------
    usual, finer : adjusted contrasts by size alone, so that both are corrected for the comparisons by size only
    alike : whether all accounts pay the same
    """
    text = "The bands of recurring revenue are a choice. "
    if alike:
        return "All accounts pay the same, so there are no bands of size to cut another way."
    before, after = len(_clear(usual)), len(_clear(finer))
    tested, retested = (int(_kind(each)["p"].notna().sum()) for each in (usual, finer))
    if not tested:
        return f"{text}Here no band holds enough accounts to be compared, so no other cut can be tried."
    clear = f"comparing by size alone, {words.count(before, tested)} comparisons {'is' if before == 1 else 'are'} clear"
    if not retested:
        return f"{text}With one band more, no band holds enough accounts to be compared: {clear} with the bands above."
    counts = f"{clear} with the bands above and {words.count(after, retested)} with one band more"
    if retested < tested:
        return (
            f"{text}With one band more, some bands hold too few accounts to be compared, so this is no full check: "
            f"{counts}."
        )
    if bool(before) == bool(after):
        return f"{text}Cutting them finer does not change the answer: {counts}."
    return f"{text}The answer depends on it: {counts}. Treat what is said about size with care."


def clearest_first(adjusted: Result) -> Result:
    """One row a contrast that could be tested, the smallest adjusted p first; the raw difference as column ``raw``.

    Groups that hardly overlap with the others come last, however small their p.
    """
    table = _kind(adjusted).merge(
        _kind(adjusted, "raw")[[*_ROW, "estimate"]].rename(columns={"estimate": "raw"}), on=list(_ROW)
    )
    tested = table[table["p"].notna()].assign(hardly=lambda rows: rows["overlap"] < HARDLY_OVERLAP)
    tested = tested.sort_values(["hardly", "p_adjusted", "p", *_ROW], kind="stable").drop(columns="hardly")
    return Result(**{**vars(adjusted), "table": tested.reset_index(drop=True), "keys": _ROW})


def to_draw(adjusted: Result) -> Result:
    """The clear contrasts, or where none is, those of accounts kept that come nearest to it; at most `MOST_DRAWN`.

    Keyed by ``metric, group, kind``, a group being its attribute and level.
    """
    chosen = _clear(adjusted)
    if chosen.empty:
        chosen = clearest_first(adjusted.where(metric="logo_retention")).table
    chosen = chosen.head(MOST_DRAWN)[list(_ROW)]
    table = chosen.merge(adjusted.table, on=list(_ROW), how="left")
    named = table.assign(group=table["attribute_label"] + " " + table["level"])
    return Result(**{**vars(adjusted), "table": named.reset_index(drop=True), "keys": ("metric", "group", "kind")})


PAIR = ("as they are", "made alike")
"""What hollow and filled dots are."""


def drawn_caption(adjusted: Result, *, start: date, end: date, words: Words) -> str:
    """The clearest difference, then what dots and bars measure."""
    clear = _clear(adjusted)
    if clear.empty:
        said = "No group stands clearly apart"
        which = "The differences in accounts kept that come nearest to being clear"
    else:
        best = clear.iloc[0]
        said = f"{_upper(METRIC_NAMES[best['metric']])} of accounts with {_group(best, words)} is {_gap(best, words)}"
        which = "Every clear difference"
        if len(clear) > MOST_DRAWN:
            which = f"The {words.number(MOST_DRAWN)} clearest of {words.number(len(clear))} clear differences"
    return (
        f"**{said}.** {which}: each group less all other accounts, in percentage points, between the closes of "
        f"{words.date(start)} and {words.date(end)}; hollow as they are, filled with groups made alike"
        f"{_in(adjusted, words)}; the bar is the range."
    )


def kept_caption(adjusted: Result, *, start: date, end: date, words: Words) -> str:
    """In how many groups the share of accounts kept is clearly different, then what is measured."""
    kept = adjusted.where(metric="logo_retention")
    said = f"Clear in {words.count(len(_clear(kept)), int(_kind(kept)['p'].notna().sum()))} comparisons"
    return (
        f"**{said}.** Difference in the share of accounts kept: each group less all other accounts, between the closes "
        f"of {words.date(start)} and {words.date(end)}; hollow as they are, filled with groups made alike"
        f"{_in(adjusted, words)}. In colour: clear after the correction for the number of comparisons."
    )


def overlapping(adjusted: Result, *, words: Words) -> str:
    """Whether groups have accounts of one kind to be compared by, and which hardly do or do not at all."""
    table = _kind(adjusted)
    every = table[table["overlap"].notna()].drop_duplicates(["attribute", "level"])
    if every.empty:
        return ""
    groups = every[every["estimate"].notna()]
    hardly = groups[groups["overlap"] < HARDLY_OVERLAP].sort_values("overlap", kind="stable")
    least = words.share(groups["overlap"].min())
    text = ""
    if hardly.empty and len(groups):
        text = (
            f"In every comparison at least {least} of all accounts are of a kind found on both sides, so like is "
            "compared with like."
        )
    elif len(hardly):
        one = len(hardly) == 1
        few = (
            f"only {least} of all accounts are"
            if one
            else f"fewer than half of all accounts, and as few as {least}, are"
        )
        do = "overlaps" if one else "overlap"
        text = (
            f"{words.count(len(hardly), len(every))} groups hardly {do} with the others: {_named(hardly, words)}. "
            f"There {few} of a kind found on both sides; for the rest of them the adjusted figure is what the model "
            "makes of it. Nothing is done on it without a test."
        )
    shown = set(map(tuple, _kind(adjusted, "raw").dropna(subset="estimate")[["attribute", "level"]].to_numpy()))
    apart = every[every["estimate"].isna()]
    apart = apart[[tuple(pair) in shown for pair in apart[["attribute", "level"]].to_numpy()]]
    if not apart.empty:
        text += (
            f" Next to no like accounts are found for {_named(apart, words)}: only the plain difference is known, and "
            "nothing is done on it."
        )
    return text.strip()


def heatmap_caption(overview: Result, *, start: date, end: date, words: Words) -> str:
    """The whole company's figures, and how to read the colours."""
    company = overview.where(attribute="all").table.set_index("metric")["estimate"]
    return (
        f"**The whole company keeps {words.share(company['logo_retention'])} of its accounts and "
        f"{words.share(company['grr'])} of its revenue; with growth, {words.share(company['nrr'])}.** Every group of "
        f"accounts active at the close of {words.date(start)}, seen again at the close of {words.date(end)}: blue is "
        "better than the company, orange worse, white alike."
    )


def measured(overview: Result) -> list[str]:
    """The measures of the heat map, the promoter score among them where customers answered."""
    every = ("customers", "arr_share", "logo_retention", "grr", "nrr", "expansion_rate", "nps")
    there = set(overview.table["metric"])
    return [metric for metric in every if metric in there]


def by_referral(overview: Result) -> Result:
    """The rows of accounts that were referred, and of those that were not."""
    rows = overview.where(attribute="referred").table
    return Result(**{**vars(overview), "table": rows, "keys": ("level", "metric"), "notes": ()})


def referral(overview: Result, adjusted: Result, *, words: Words) -> str:
    """Whether referred customers stay longer, with their churn and growth; nothing where nobody was marked."""
    rows = overview.where(attribute="referred").table.set_index(["level", "metric"])["estimate"]
    if not {"yes", "no"} <= set(rows.index.get_level_values("level")):
        return ""
    contrasts = adjusted.where(attribute="referred", level="yes", kind="adjusted")
    clear = _clear(contrasts) if len(contrasts.table) else contrasts.table
    known_shares = [rows.get((level, "logo_retention")) for level in ("yes", "no")]
    if pd.isna(known_shares[0]) or pd.isna(known_shares[1]):
        return "## Referred customers {#referral}\n\nToo few accounts are marked as referred to compare them."
    if clear.empty:
        said = "Referred customers do not clearly stay or grow differently"
    else:
        said = f"Referred customers {_doing(clear.iloc[0])}"
    churn = [words.share(1 - share) for share in known_shares]
    net = [words.share(rows[(level, "nrr")]) for level in ("yes", "no")]
    text = (
        f"Of accounts that another customer referred {churn[0]} were lost in the period, of the others {churn[1]}; "
        f"with growth, they kept {net[0]} of their revenue against {net[1]}."
    )
    kept = contrasts.table[contrasts.table["metric"] == "logo_retention"]
    if len(kept) and pd.notna(kept.iloc[0]["estimate"]):
        row = kept.iloc[0]
        alike = alike_in(row["adjusted_for"], words)
        text += (
            f" Made alike{' in ' + alike if alike else ''}, the share of accounts kept differs by "
            f"{words.range(row['low'], row['high'], 'points')}, referred less others."
        )
    return f"## {said} {{#referral}}\n\n{text}"


def whole_company(overview: Result) -> Result:
    """Only the rows of the whole company, without the notes on groups."""
    return Result(**{**vars(overview.where(attribute="all")), "notes": ()})


def counted(overview: Result) -> Result:
    """One row a group: how many accounts it has (the estimate) and, as ``arr_share``, their share of revenue."""
    table = overview.table
    keys = ["attribute", "level"]
    sizes = table[table["metric"] == "customers"].drop(columns=["metric", "unit"])
    shares = table[table["metric"] == "arr_share"].set_index(keys)["estimate"].rename("arr_share")
    return Result(
        name="accounts_by_group",
        table=sizes.join(shares, on=keys).reset_index(drop=True),
        keys=("attribute", "level"),
        unit="count",
        level=None,
        n_of=overview.n_of,
        suppressed=overview.suppressed,
        method=overview.method,
        notes=overview.notes,
    )


def names(result: Result) -> dict[str, str]:
    """`LABELS` with the attributes of a result by their labels, for figures headed by attribute."""
    table = result.table
    return {**LABELS, **dict(zip(table["attribute"], table["attribute_label"], strict=True))}


def counted_headline(overview: Result, *, words: Words) -> str:
    """For a table without a calendar: how many accounts there are and by how much they can be grouped."""
    everyone = overview.row(attribute="all", level="all", metric="customers")
    groups = overview.table.loc[overview.table["attribute"] != "all", "attribute"].nunique()
    return f"{words.plural(everyone['estimate'], 'account')}, counted by {words.plural(groups, 'attribute')}"


def counted_detail(overview: Result, *, words: Words) -> str:
    """What a count can and cannot say, with the largest group of each attribute named."""
    counts = overview.table[(overview.table["metric"] == "customers") & (overview.table["attribute"] != "all")]
    total = overview.row(attribute="all", level="all", metric="customers")["estimate"]
    if counts.empty or not total:
        return "There is no attribute to group accounts by."
    largest = counts.loc[counts["estimate"].idxmax()]
    return (
        f"The largest group is {_group(largest, words)}: {words.count(largest['estimate'], total)} accounts "
        f"({words.share(largest['estimate'] / total)}). A single table without dates does not show when anyone left, "
        "so groups are counted here and not compared; no retention is read into these counts."
    )


def _named(groups: pd.DataFrame, words: Words) -> str:
    """The first few groups by name, and how many more there are."""
    named = words.list([_group(row, words) for _, row in groups.head(_MOST_NAMED).iterrows()])
    more = len(groups) - _MOST_NAMED
    return f"{named} (and {words.number(more)} more)" if more > 0 else named


def _reach(adjusted: Result, words: Words) -> str:
    """What the typical comparison of accounts kept could have found: 2.8 standard errors, read off its range."""
    table = _kind(adjusted)
    kept = table[(table["metric"] == "logo_retention") & table["low"].notna()]
    if kept.empty:
        return ""
    quantile = NormalDist().inv_cdf(0.5 + (adjusted.level or 0.95) / 2)
    gap = float(((kept["high"] - kept["low"]) / 2 / quantile * 2.8).median())
    return (
        f" A typical comparison of the share of accounts kept could have found a difference of {words.points(gap, 0)} "
        "four times in five, had it been the only one; smaller ones would mostly go unseen."
    )


def _kind(adjusted: Result, kind: str = "adjusted") -> pd.DataFrame:
    return adjusted.table[adjusted.table["kind"] == kind]


def _clear(adjusted: Result, *, kind: str = "adjusted") -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides, the clearest first.

    Groups that hardly overlap with the others come last.
    """
    table = _kind(adjusted, kind)
    alpha = 1 - (adjusted.level or 0.95)
    clear = table[(table["p_adjusted"] <= alpha) & ~table["few_accounts"].astype(bool)]
    hardly = clear["overlap"] < HARDLY_OVERLAP
    return clear.assign(hardly=hardly).sort_values(["hardly", "p_adjusted", "p"], kind="stable").drop(columns="hardly")


def _raw(row: pd.Series, adjusted: Result) -> float:
    """The raw difference of an adjusted row."""
    return float(adjusted.row(**{key: row[key] for key in _ROW}, kind="raw")["estimate"])


def _alike(adjusted: Result, words: Words) -> str:
    """What most groups are made alike in: the longest of the rows' lists."""
    return alike_in(max(_kind(adjusted)["adjusted_for"], key=len, default=""), words)


def _in(adjusted: Result, words: Words) -> str:
    alike = _alike(adjusted, words)
    return f" in {alike}" if alike else ""


def _left(row: pd.Series, adjusted: Result, words: Words) -> str:
    """How much of the raw gap is left once groups are made alike, and in what."""
    alike, raw = alike_in(row["adjusted_for"], words), _raw(row, adjusted)
    if not alike:
        return ""
    if row["overlap"] < HARDLY_OVERLAP:
        return f" at equal {alike}, by the model more than by like accounts"
    gone = 1 - row["estimate"] / raw if raw else -1.0
    if gone > 1:
        return f" at equal {alike}, although it looks the other way"
    if gone < -_PARTS[0][0]:
        return f", more so at equal {alike}"
    part = next(said for most, said in _PARTS if gone <= most)
    return f"; {part} of the gap is their {alike}" if part else f", also at equal {alike}"


def _doing(row: pd.Series) -> str:
    """What a group does that others do not; whether it grows depends on its own figure, not on the difference."""
    more = row["estimate"] > 0
    match row["metric"]:
        case "logo_retention":
            return f"{'stay' if more else 'leave'} more often than others"
        case "grr":
            return f"keep {'more' if more else 'less'} of their revenue than others"
        case "expansion_rate":
            return f"grow {'more' if more else 'less'} often than others"
    group, rest = row["group_share"], row["rest_share"]
    if more:
        if group < 1:
            return "lose less revenue than others"
        return "grow more than others" if rest >= 1 else "grow where others lose revenue"
    if group >= 1:
        return "grow less than others"
    return "lose revenue where others do not" if rest >= 1 else "lose more revenue than others"


def _clearest(row: pd.Series, adjusted: Result, words: Words) -> str:
    raw = _raw(row, adjusted)
    return (
        f"{METRIC_NAMES[row['metric']]} of accounts with {_group(row, words)} is {_gap(row, words)} than that of like "
        f"accounts; compared as they are, {words.points(abs(raw))} {'lower' if raw < 0 else 'higher'}"
    )


def _gap(row: pd.Series, words: Words) -> str:
    """A clear difference as sizes on its side: "9.3 to 24.9 percentage points lower"."""
    lower = row["estimate"] < 0
    ends = (-row["high"], -row["low"]) if lower else (row["low"], row["high"])
    return f"{words.range(*ends, 'points')} {'lower' if lower else 'higher'}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _group(row: pd.Series, words: Words) -> str:
    label = row["attribute_label"]
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    return f"{words.escape(label)} “{words.escape(row['level'])}”"
