"""What the segments chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words

MOST_DRAWN = 8
"""Differences in the figure under the answer."""

METRIC_NAMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
    "nrr": "net revenue retention",
    "expansion_rate": "the share of accounts that grew",
}


def headline(contrasts: Result, *, words: Words) -> str:
    """Whether any group clearly stands apart, after the correction for looking at many."""
    clear = _clear(contrasts)
    if not contrasts.table["p"].notna().any():
        return "Too few accounts to compare groups"
    if clear.empty:
        return "No group of accounts clearly stays or grows differently from the others"
    best = clear.iloc[0]
    return f"Accounts with {_group(best, words)} {_doing(best)}"


def detail(contrasts: Result, *, start: date, end: date, words: Words) -> str:
    """How many comparisons were made, how many are clear, and how large the clearest is."""
    tested = int(contrasts.table["p"].notna().sum())
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    if not tested:
        return f"Every group {span} is below the smallest size that is shown."
    clear = _clear(contrasts)
    text = f"Each group was compared with all other accounts {span}, {words.plural(tested, 'comparison')} in all; "
    if clear.empty:
        return (
            f"{text}none is clear once corrected for their number. That is no proof of "
            f"sameness.{_reach(contrasts, words)}"
        )
    return (
        f"{text}{words.plural(len(clear), 'is', 'are')} clear once corrected for their number. The clearest: "
        f"{_clearest(clear.iloc[0], words)}. These are raw comparisons: such groups differ in more than their name, in "
        "size and term above all."
    )


def another_cut(usual: Result, finer: Result, *, alike: bool, words: Words) -> str:
    """Whether cutting accounts by size into more bands changes what is said about size.

    Parameters
    ----------
    usual, finer : contrasts by size alone, so that both are corrected for the comparisons by size only
    alike : whether all accounts pay the same
    """
    text = "The bands of recurring revenue are a choice. "
    if alike:
        return "All accounts pay the same, so there are no bands of size to cut another way."
    before, after = len(_clear(usual)), len(_clear(finer))
    tested, retested = (int(each.table["p"].notna().sum()) for each in (usual, finer))
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


def clearest_first(contrasts: Result) -> Result:
    """The contrasts that could be tested, the smallest adjusted p first."""
    order = ["p_adjusted", "p", "attribute", "level", "metric"]
    tested = contrasts.table[contrasts.table["p"].notna()]
    return contrasts.with_table(tested.sort_values(order, kind="stable"))


def to_draw(contrasts: Result) -> Result:
    """The clear contrasts, or where none is, those of accounts kept that come nearest to it; at most `MOST_DRAWN`.

    Keyed by ``metric, group``, a group being its attribute and level.
    """
    table = _clear(contrasts)
    if table.empty:
        table = clearest_first(contrasts.where(metric="logo_retention")).table
    table = table.head(MOST_DRAWN)
    named = table.assign(group=table["attribute_label"] + " " + table["level"])
    return Result(**{**vars(contrasts), "table": named.reset_index(drop=True), "keys": ("metric", "group")})


def drawn_caption(contrasts: Result, *, start: date, end: date, words: Words) -> str:
    """The clearest difference, then what dots and bars measure."""
    clear = _clear(contrasts)
    if clear.empty:
        said = "No group stands clearly apart"
        which = "The differences in accounts kept that come nearest to being clear"
    else:
        best = clear.iloc[0]
        metric = METRIC_NAMES[best["metric"].removesuffix("_due")]
        said = f"{_upper(metric)} of accounts with {_group(best, words)} is {_gap(best, words)}"
        which = "Every clear difference"
        if len(clear) > MOST_DRAWN:
            which = f"The {words.number(MOST_DRAWN)} clearest of {words.number(len(clear))} clear differences"
    return (
        f"**{said}.** {which}: each group less all other accounts, in percentage points, between the closes of "
        f"{words.date(start)} and {words.date(end)}; the bar is the range."
    )


def kept_caption(contrasts: Result, *, start: date, end: date, words: Words) -> str:
    """In how many groups the share of accounts kept is clearly different, then what is measured."""
    kept = contrasts.where(metric="logo_retention")
    said = f"Clear in {words.count(len(_clear(kept)), int(kept.table['p'].notna().sum()))} comparisons"
    return (
        f"**{said}.** Difference in the share of accounts kept: each group less all other accounts, between the closes "
        f"of {words.date(start)} and {words.date(end)}. In colour: clear after the correction for the number of "
        "comparisons."
    )


def heatmap_caption(overview: Result, *, start: date, end: date, words: Words) -> str:
    """The whole company's figures, and how to read the colours."""
    company = overview.where(attribute="all").table.set_index("metric")["estimate"]
    return (
        f"**The whole company keeps {words.share(company['logo_retention'])} of its accounts and "
        f"{words.share(company['grr'])} of its revenue; with growth, {words.share(company['nrr'])}.** Every group of "
        f"accounts active at the close of {words.date(start)}, seen again at the close of {words.date(end)}: blue is "
        "better than the company, orange worse, white alike."
    )


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


def _reach(contrasts: Result, words: Words) -> str:
    """What the typical comparison of accounts kept could have found: 2.8 standard errors, read off its range."""
    table = contrasts.table
    kept = table[(table["metric"] == "logo_retention") & table["low"].notna()]
    if kept.empty:
        return ""
    quantile = NormalDist().inv_cdf(0.5 + (contrasts.level or 0.95) / 2)
    gap = float(((kept["high"] - kept["low"]) / 2 / quantile * 2.8).median())
    return (
        f" A typical comparison of the share of accounts kept could have found a difference of {words.points(gap, 0)} "
        "four times in five, had it been the only one; smaller ones would mostly go unseen."
    )


def _clear(contrasts: Result) -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides, the clearest first."""
    table = contrasts.table
    alpha = 1 - (contrasts.level or 0.95)
    clear = table[(table["p_adjusted"] <= alpha) & ~table["few_accounts"].astype(bool)]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _doing(row: pd.Series) -> str:
    """What a group does that others do not; whether it grows depends on its own figure, not on the difference."""
    more = row["estimate"] > 0
    match row["metric"].removesuffix("_due"):
        case "logo_retention":
            return f"{'stay' if more else 'leave'} more often than others"
        case "grr":
            return f"keep {'more' if more else 'less'} of their revenue than others"
    group, rest = row["group_share"], row["rest_share"]
    if more:
        if group < 1:
            return "lose less revenue than others"
        return "grow more than others" if rest >= 1 else "grow where others lose revenue"
    if group >= 1:
        return "grow less than others"
    return "lose revenue where others do not" if rest >= 1 else "lose more revenue than others"


def _clearest(row: pd.Series, words: Words) -> str:
    return (
        f"{METRIC_NAMES[row['metric'].removesuffix('_due')]} of accounts with {_group(row, words)} is "
        f"{words.share(row['group_share'])}, against {words.share(row['rest_share'])} for all others, "
        f"{_gap(row, words)}"
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
