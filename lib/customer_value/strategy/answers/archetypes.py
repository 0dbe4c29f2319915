"""What the archetypes chapter found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.wording import Words, known

EACH_END = 5
"""Archetypes shown at either end of the ranking."""

NAMES: Mapping[str, str] = {
    **LABELS,
    "best": "Most likely to stay",
    "worst": "Least likely to stay",
    "raw": "own accounts alone",
    "shrunk": "after shrinkage",
    "group": "Archetype",
    "arr_now": "ARR now",
    "arr_at_company": "More at the company’s rate",
    "archetypes": "Archetypes",
    "combined": "Attributes combined",
    "times": "Times as often",
    "estimate": "Accounts kept",
    "gross_retention": "Gross retention",
    "best_tenth_share": "Chance of being among the best tenth",
    "ranked_by": "Ranked by",
    "which": "Which tenth",
    "picked_from": "Picked from",
}
"""`LABELS` with what this chapter's figures and tables are headed by."""

TENTHS: Mapping[str, str] = {
    "best": "best",
    "worst": "worst",
    "all": "all",
    "promised": "in the half that ranked",
    "confirmed": "in the other half",
    "rank_correlation": "rank correlation of the halves",
}
"""What rows of the check on other accounts are called."""

BEYOND_CAPTION = (
    "How much more, or less, a combination keeps than its parts lead one to expect, in percentage points. The range is "
    "that of one comparison; the adjusted p allows for how many it was picked from, and for the number of tests."
)

_ATTRIBUTES = ("one attribute", "two attributes", "three attributes", "four attributes")
ENDS = ("best", "worst")
_EACH_SHARED = 3


def headline(found: Result, *, words: Words) -> str:
    """Which archetypes clearly stay more and less than the whole company, if any does."""
    ranked = _ranked(found)
    if len(ranked) < 2:
        return "Too few accounts to tell archetypes apart"
    company = _company(found)
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    if best["low"] > company and worst["high"] < company:
        return f"Accounts with {_group(best, words)} are most likely to stay, those with {_group(worst, words)} least"
    if best["low"] > company:
        return f"Accounts with {_group(best, words)} are most likely to stay"
    if worst["high"] < company:
        return f"Accounts with {_group(worst, words)} are least likely to stay"
    return "No archetype clearly stays more or less than the whole company"


def detail(found: Result, tested: Result, *, order: int, start: date, end: date, words: Words) -> str:
    """How many archetypes were compared, how the best and the worst do, how sure that is, and what it rests on."""
    span = f"between the closes of {words.date(start)} and {words.date(end)}"
    ranked = _ranked(found)
    if len(ranked) < 2:
        return (
            f"Of the combinations of {_ATTRIBUTES[order - 1]}, {words.plural(len(ranked), 'is', 'are')} large enough "
            f"to be shown {span}: too few to rank."
        )
    company = _company(found)
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    text = (
        f"{words.plural(len(ranked), 'combination')} of {_ATTRIBUTES[order - 1]} could be told apart {span}. "
        f"The best, {_group(best, words)}, keeps {_interval(best, words)} of its accounts, the worst, "
        f"{_group(worst, words)}, {_interval(worst, words)}; the whole company {words.share(company)}. "
    )
    chance = words.share(best["best_tenth"])
    text += f"The chance that the best truly is among the best tenth is {chance}. "
    return text + _added(tested, words)


def luck(found: Result, *, words: Words) -> str:
    """How far the best and the worst figure were drawn in, and why."""
    ranked = _ranked(found)
    if len(ranked) < 2:
        return ""
    by_own = ranked.sort_values("raw", ascending=False, kind="stable")
    texts = []
    for row, what in ((by_own.iloc[0], "best"), (by_own.iloc[-1], "worst")):
        kept = round(float(row["raw"]) * float(row["n"]))
        texts.append(
            f"By its own accounts alone the {what} would be {_group(row, words)}, which kept "
            f"{words.count(kept, row['n'])} accounts ({words.share(row['raw'])}); after shrinkage that is "
            f"{words.share(row['estimate'])}."
        )
    return " ".join(texts)


def to_draw(found: Result) -> Result:
    """Accounts kept in the best and the worst archetypes, each by its own accounts and after shrinkage.

    Keyed by ``which, group, version``.
    """
    ends = _ends(found)
    own = ends.assign(estimate=ends["raw"], low=ends["raw_low"], high=ends["raw_high"], version="raw")
    both = pd.concat([own, ends.assign(version="shrunk")], ignore_index=True)
    keys = ("which", "group", "version")
    return replace(found, table=both, keys=keys, unit="share", suppressed=0, notes=())


def company_retention(found: Result) -> float:
    """The whole company's share of accounts kept."""
    return _company(found)


def drawn_caption(found: Result, *, start: date, end: date, words: Words) -> str:
    """How far the archetypes shown lie apart before and after shrinkage, then what is measured."""
    ends = _ends(found)
    own, shrunk = (ends[name].max() - ends[name].min() for name in ("raw", "estimate"))
    said = f"Between the best and the worst lie {words.points(shrunk, 0)}"
    if known(own) and own > shrunk:
        said += f", not the {words.points(own, 0)} that their own figures show"
    return (
        f"**{said}.** Share of accounts kept between the closes of {words.date(start)} and {words.date(end)}: the "
        f"{words.number(len(ends))} archetypes at the ends of the ranking. Hollow: by the archetype's own accounts "
        "alone; filled: drawn towards what its parts lead one to expect. The bar is the range; in colour where it lies "
        "wholly on one side of the whole company."
    )


def take_away(found: Result) -> Result:
    """One row an archetype at either end of the ranking: how many, what they pay, how they stay, how sure."""
    ends = _ends(found).rename(columns={"best_tenth": "best_tenth_share"})
    other = found.table.pivot(index=["attribute", "level"], columns="metric", values="estimate")
    places = pd.MultiIndex.from_frame(ends[["attribute", "level"]])
    other = other.reindex(columns=["arr_now", "arr_at_company"]).reindex(places)
    ends = ends.assign(**{name: other[name].to_numpy() for name in other})
    return replace(found, table=ends, keys=("which", "group"), unit="share", suppressed=0)


def table_caption(found: Result, *, words: Words) -> str:
    """What the table holds, and the money in the best and the worst archetype."""
    ranked = _ranked(found)
    text = (
        "The same archetypes with what their accounts pay a year now, and what they would keep more of it in a year at "
        "the whole company’s gross retention (below nothing where they keep more already). Archetypes overlap: amounts "
        "must not be added up. The file has every archetype and measure, shrunk and not."
    )
    if len(ranked) < 2:
        return text
    best, worst = (_metric(found, row, "arr_now") for row in (ranked.iloc[0], ranked.iloc[-1]))
    said = f"The best pays {words.money(best['estimate'])} a year now, the worst {words.money(worst['estimate'])}"
    gap = _metric(found, ranked.iloc[-1], "arr_at_company")
    if gap is not None and known(gap["low"]):
        more = words.money_range(gap["low"], gap["high"])
        said += f"; at the company’s rate the worst would keep {more} more a year"
    return f"**{said}.** {text}"


def shared(common: Result, *, words: Words) -> str:
    """Which levels the best and the worst archetypes have in common, and how sure that is."""
    if common.table.empty:
        return ""
    texts = []
    for which in ENDS:
        top = _over_represented(common, which)
        if top.empty:
            texts.append(f"No level is found among the {which} tenth clearly more often than elsewhere.")
            continue
        listed = [
            f"{_group(row, words)} ({words.number(row['times'], 1)} times as often as by chance; its accounts pay "
            f"{words.money(row['arr_now'])} a year now)"
            for _, row in top.iterrows()
        ]
        # The estimate over times is what a level that makes no difference would have.
        if (top["low"] > top["estimate"] / top["times"]).all():
            texts.append(f"The {which} tenth are above all of {words.list(listed)}.")
        else:
            texts.append(
                f"Who is in the {which} tenth is known only in part. Likeliest to be found there: {words.list(listed)}."
            )
    return "\n\n".join(texts)


def most_shared(common: Result) -> Result:
    """Levels by how much more often they are found among the best tenth, then among the worst."""
    parts = [
        common.table[common.table["which"] == which].sort_values("times", ascending=False, kind="stable").head(EACH_END)
        for which in ("best", "worst")
    ]
    table = pd.concat(parts)
    return common.with_table(table.assign(group=_names(table)))


def deeper(orders: Result, *, order: int, words: Words) -> str:
    """How many archetypes can be told apart at each order, and what that costs."""
    table = orders.table.drop_duplicates("order")
    if table.empty:
        return ""
    counts = [
        f"{words.number(row['archetypes'])} with {_ATTRIBUTES[int(row['order']) - 1]}" for _, row in table.iterrows()
    ]
    text = f"Large enough to be ranked are {words.list(counts)}. Here {_ATTRIBUTES[order - 1]} are combined."
    best = orders.table[orders.table["which"] == "best"]
    spread = [
        float(orders.row(order=each, which="best")["estimate"] - orders.row(order=each, which="worst")["estimate"])
        for each in best["order"]
    ]
    if len(spread) > 1:
        apart = words.points(spread[-1]), words.points(spread[0])
        text += (
            f" Between the best and the worst lie {apart[1]} with {_ATTRIBUTES[int(best['order'].iloc[0]) - 1]} and "
            f"{apart[0]} with {_ATTRIBUTES[int(best['order'].iloc[-1]) - 1]}: "
        )
        text += (
            "more attributes tell accounts further apart."
            if spread[-1] > 1.25 * spread[0]
            else "more attributes make smaller groups, and hardly better told ones."
        )
    return text


def order_names(orders: Result) -> Result:
    """The best and the worst archetype of each order, with ``group`` and ``combined``."""
    table = orders.table
    combined = table["order"].map(lambda order: _ATTRIBUTES[int(order) - 1].split()[0])
    return orders.with_table(table.assign(group=_names(table), combined=combined.astype(object)))


def beyond(tested: Result, *, words: Words) -> str:
    """Whether any combination adds to its parts."""
    count = len(tested.table)
    if not count:
        return "No combination is large enough to test what it adds to its parts."
    text = (
        "An archetype can stand out merely because one of its parts does. So for every set of attributes the "
        "combination that departs most from what the others lead one to expect was tested, "
        f"{words.plural(count, 'test')} in all. "
    )
    return text + _added(tested, words)


def clearest_first(tested: Result) -> Result:
    """The tests, the smallest adjusted p first, with the archetype's name as ``group``."""
    table = tested.table.sort_values(["p_adjusted", "p", "attribute", "metric"], kind="stable")
    return tested.with_table(table.assign(group=_names(table)))


def confirmed(split: Result, *, words: Words) -> str:
    """What the best and the worst promised on one half of the accounts, and what the other half shows."""
    if split.table.empty:
        return (
            "With half of the accounts too few archetypes are large enough to be ranked, so the ranking cannot be "
            "checked this way."
        )
    texts = []
    for which in ("best", "worst"):
        rows = {
            (by, measure): split.row(ranked_by=by, which=which, measure=measure)
            for by in ("raw", "shrunk")
            for measure in ("promised", "confirmed")
        }
        own, real = rows["raw", "promised"]["estimate"], rows["raw", "confirmed"]
        drawn, seen = rows["shrunk", "promised"]["estimate"], rows["shrunk", "confirmed"]
        gap = (own - real["estimate"]) * (1 if which == "best" else -1)
        verdict = f"{words.points(gap)} of that were luck" if gap > 0 else "this time luck had no part in it"
        texts.append(
            f"The {which} tenth by their own figures kept {words.share(own)} in the half that ranked them and "
            f"{_interval(real, words)} in the other: {verdict}. Ranked after shrinkage, "
            f"{words.share(drawn)} were to be expected and the other half kept {_interval(seen, words)}."
        )
    order = split.row(ranked_by="shrunk", which="all", measure="rank_correlation")["estimate"]
    if known(order):
        agrees = "largely" if order >= 0.5 else "in part" if order >= 0.2 else "hardly" if order >= 0 else "not at all"
        texts.append(
            f"The order of the two halves agrees {agrees} (rank correlation {words.number(order, 2)}; at one it would "
            "be the same order, at nought none)."
        )
    return "\n\n".join(texts)


def _over_represented(common: Result, which: str) -> pd.DataFrame:
    """Levels found among a tenth at least twice as often as elsewhere, the most so first."""
    table = common.table[(common.table["which"] == which) & (common.table["times"] >= 2)]
    return table.sort_values("times", ascending=False, kind="stable").head(_EACH_SHARED)


def _metric(found: Result, row: pd.Series, metric: str) -> pd.Series | None:
    """Another metric of the same archetype; None where it was not measured."""
    rows = found.where(attribute=row["attribute"], level=row["level"], metric=metric).table
    return None if rows.empty else rows.iloc[0]


def _added(tested: Result, words: Words) -> str:
    """What combinations add to their parts, in one sentence."""
    count = len(tested.table)
    if not count:
        return ""
    clear = _clear(tested)
    if clear.empty:
        return (
            f"None of {words.plural(count, 'test')} shows a combination that clearly adds to what its parts do by "
            "themselves: what sets archetypes apart is their parts."
        )
    first = clear.iloc[0]
    more = "more" if first["shrunk"] > 0 else "less"
    what = "accounts" if first["metric"] == "logo_retention" else "revenue"
    return (
        f"{words.count(len(clear), count)} tests {'shows' if len(clear) == 1 else 'show'} a combination that departs "
        f"from its parts. The clearest: accounts with {_group(first, words)} keep {words.points(abs(first['shrunk']))} "
        f"{more} of their {what} than those parts alone lead one to expect."
    )


def _clear(tested: Result) -> pd.DataFrame:
    """Departures that hold after the correction and that no handful of accounts decides, the clearest first."""
    table = tested.table
    clear = table[(table["p_adjusted"] <= 1 - (tested.level or 0.95)) & ~table["few_accounts"].astype(bool)]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _ranked(found: Result) -> pd.DataFrame:
    """Accounts kept of every archetype that is ranked, the best first."""
    table = found.table
    kept = table[(table["metric"] == "logo_retention") & table["best_tenth"].notna()]
    return kept.sort_values(["estimate", "n", "attribute", "level"], ascending=[False, False, True, True])


def _ends(found: Result) -> pd.DataFrame:
    """The ranked archetypes at either end, none twice, with ``which`` and ``group``."""
    ranked = _ranked(found)
    each = min(EACH_END, len(ranked) // 2)
    ends = pd.concat([ranked.head(each).assign(which="best"), ranked.tail(each).assign(which="worst")])
    return ends.assign(group=_names(ends)).reset_index(drop=True)


def _names(table: pd.DataFrame) -> pd.Series:
    """What rows are called: "Partner and 500+ (channel and size)"."""
    return table["level"] + " (" + table["attribute_label"].map(_noun) + ")"


def _noun(label: str) -> str:
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _company(found: Result) -> float:
    return float(found.row(attribute="all", level="all", metric="logo_retention")["estimate"])


def _interval(row: pd.Series, words: Words) -> str:
    return words.interval(row["estimate"], row["low"], row["high"], "share")


def _group(row: pd.Series, words: Words) -> str:
    return f"{words.escape(_noun(row['attribute_label']))} “{words.escape(row['level'])}”"
