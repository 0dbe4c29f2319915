"""What the chapter on how customers develop found, in words: Results in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from customer_value.stats.result import Result
from customer_value.strategy.alike import alike_in
from customer_value.strategy.answers.labels import LABELS
from customer_value.strategy.answers.plan_ladder import hardest_step
from customer_value.strategy.established.segments import HARDLY_OVERLAP
from customer_value.strategy.wording import Words, known

NAMES: Mapping[str, str] = {
    **LABELS,
    "up": "Moved up a plan",
    "down": "Moved down a plan",
    "left": "Left",
    "no named plan": "No named plan",
    "plan_now": "Where they are now",
    "accounts": "Accounts",
    "mrr": "MRR at the start",
    "mrr_now": "MRR now",
    "mrr_share": "Share of MRR",
    "way": "What they did",
    "same": "stayed",
    "aside": "moved beside",
    "unnamed": "no named plan",
    "stays": "Accounts that came onto it",
    "next_plan": "Next plan up",
    "events": "How many",
    "attribute": "Scheme",
    "attribute_label": "Scheme",
    "cohort": "Activated in",
    "all": "All accounts",
    "behaviour": "First days",
    "usage": "Kind of use",
    "journey": "Journey",
    "value": "Value reached",
    "day": "Day",
    "power": "Power users",
    "core": "Core users",
    "light": "Light users",
    "potential": "Potential power users",
    "rapid": "Rapid adopters",
    "steady": "Steady implementers",
    "struggling": "Struggling implementers",
    "stalled": "Stalled implementations",
    "achievers": "Value achievers",
    "seekers": "Value seekers",
    "explorers": "Value explorers",
    "blocked": "Value blocked",
    "cannot tell": "Cannot tell",
}
"""What keys, columns and measures of these results are called on the page."""

PAIR = ("as they are", "made alike")
"""What hollow and filled dots are."""

_OUTCOMES: Mapping[str, str] = {
    "logo_retention": "the share of accounts kept",
    "grr": "gross revenue retention",
}
_VERBS: Mapping[str, tuple[str, str]] = {
    "logo_retention": ("stay more often", "leave more often"),
    "grr": ("keep more of their revenue", "lose more of their revenue"),
}
"""What accounts do where the difference is positive, and where it is negative."""


# -- the whole page ---------------------------------------------------------------------------------------------------


def headline(behaviours: Result, steps: Result, kinds: Result, *, words: Words) -> str:
    """The clearest thing on the page: a way to begin, else a step of the ladder, else a kind of account."""
    starts, broken, places = _clear(behaviours), hardest_step(steps), _clear(kinds)
    if not starts.empty:
        best = starts.iloc[0]
        verb = _VERBS[best["metric"]]
        did = f"Accounts that began with “{words.escape(best['level'])}”"
        return f"{did} {verb[0] if best['estimate'] > 0 else verb[1]}"
    if broken is not None:
        verb = "Fewer accounts move up from" if broken["metric"] == "up" else "More accounts leave"
        return f"{verb} {words.escape(broken['plan'])} than {'from ' if broken['metric'] == 'up' else ''}other plans"
    if not places.empty:
        return kinds_headline(kinds, words=words)
    if not any(each.table["p"].notna().any() for each in (behaviours, steps, kinds)):
        return "Too few accounts to tell how customers develop"
    return "Neither first days nor plans nor use clearly tell which customers stay"


def detail(
    moves: Result, behaviours: Result, kinds: Result, *, start: date, end: date, months: int, words: Words
) -> str:
    """What was counted and compared, and how much of it is clear."""
    table = moves.table
    sums = table.groupby("way")["accounts"].sum()
    of = table.drop_duplicates("plan")["n"].sum() if len(table) else 0
    text = ""
    if of:
        text = (
            f"Of {words.plural(of, 'account')} on a named plan at the close of {words.date(start)}, "
            f"{words.number(sums.get('up', 0))} stood on a higher one at the close of {words.date(end)}, "
            f"{words.number(sums.get('down', 0))} on a lower one, and {words.number(sums.get('left', 0))} had left. "
        )
    told = [
        _looked(behaviours, "by what accounts did in their first days", words),
        _looked(kinds, "by the kind of account", words),
    ]
    said = [each for each in told if each]
    if said:
        text += f"Of the comparisons of who stayed, {' and '.join(said)} are clear once corrected for their number. "
    if not _clear(behaviours).empty:
        text += f"The clearest start: {_clearest(behaviours, words)}, followed for {words.months(months)}."
    return text.strip()


def _looked(result: Result, by: str, words: Words) -> str:
    tested = int(_adjusted(result)["p"].notna().sum())
    return f"{words.count(len(_clear(result)), tested)} {by}" if tested else ""


# -- first days -------------------------------------------------------------------------------------------------------


def behaviour_headline(behaviours: Result, *, words: Words) -> str:
    """Whether a thing done in the first days goes with staying."""
    clear = _clear(behaviours)
    if not clear.empty:
        best = clear.iloc[0]
        more = best["estimate"] > 0
        what = {"logo_retention": ("staying", "leaving"), "grr": ("keeping revenue", "losing revenue")}[best["metric"]]
        return f"“{words.escape(best['level'])}” goes with {what[0] if more else what[1]}"
    if not _adjusted(behaviours)["p"].notna().any():
        return "What accounts do in their first days cannot be compared"
    return "Nothing looked at in the first days clearly tells who stays"


def behaviour_detail(behaviours: Result, *, months: int, words: Words) -> str:
    """Of each behaviour how many did it, and who was still here, at equal covariates."""
    rows = _adjusted(behaviours, "logo_retention")
    parts = []
    for _, row in rows.iterrows():
        name = f"“{words.escape(row['level'])}”"
        if not known(row["estimate"]):
            sizes = f"{words.count(row['n'], row['n'] + row['n_rest'])} accounts did"
            parts.append(f"{name}: {sizes}, too few on one side, or too unlike, to compare.")
            continue
        parts.append(
            f"{name}: {words.count(row['n'], row['n'] + row['n_rest'])} accounts did; of these "
            f"{words.share(row['group_share'])} were still here {words.months(months)} later, of the others "
            f"{words.share(row['rest_share'])}, at equal {alike_in(row['adjusted_for'], words)} "
            f"({_side(row, words)})."
        )
    return "\n\n".join(parts)


def naive(behaviours: Result, *, words: Words) -> str:
    """What the usual question would have given, and why it is none."""
    rows = _adjusted(behaviours, "logo_retention")
    rows = rows[rows["naive"] > rows["estimate"].fillna(0.0).clip(lower=0.0)]
    if rows.empty:
        return ""
    worst = rows.loc[(rows["naive"] - rows["estimate"].fillna(0.0)).idxmax()]
    ours = f"; here it is {words.points(worst['estimate'])}" if known(worst["estimate"]) else ""
    return (
        "Why only the first days count: had we asked who *ever* did it and who is still here, the difference for "
        f"“{words.escape(worst['rule'])}” would be {words.points(worst['naive'])}{ours}. Whoever stays longer has more "
        "time to do anything, so that figure is high even for a behaviour that does nothing. It is no evidence."
    )


def behaviour_caption(behaviours: Result, *, months: int, words: Words) -> str:
    """The clearest difference, then what dots and bars are."""
    clear = _clear(behaviours)
    said = "No start is clearly followed by more or less staying"
    if not clear.empty:
        said = f"{_upper(_clearest(behaviours, words))}"
    return (
        f"**{said}.** Each start against accounts without it, in percentage points, over the {words.months(months)} "
        "from the day they are followed from; hollow as they are, filled made alike; the bar is the range. In colour: "
        "clear after the correction for the number of comparisons."
    )


def unfit(result: Result, *, words: Words) -> str:
    """What the rules ask for and the data do not have."""
    return "\n\n".join(words.escape(note) for note in result.notes if "cannot be told" in note)


# -- kinds ------------------------------------------------------------------------------------------------------------


def kinds_headline(contrasts: Result, *, words: Words) -> str:
    """Whether a kind of account clearly stays or leaves more often than the others."""
    clear = _clear(contrasts)
    if not clear.empty:
        best = clear.iloc[0]
        verb = _VERBS[best["metric"]][0 if best["estimate"] > 0 else 1]
        return f"{_kind(best)} {verb} than others like them"
    if not _adjusted(contrasts)["p"].notna().any():
        return "Kinds of use, journeys and value cannot be compared"
    return "No kind of use, journey or value clearly tells who stays"


_TOLD = (("power", "light"), ("rapid", "stalled"), ("achievers", "blocked"))
"""Of every scheme the kinds that the text names: the one hoped for and the one to worry about."""


def kinds_detail(today: Result, *, as_of: date, words: Words) -> str:
    """How many accounts of today are of the kinds that are hoped for and worried about, and what they pay."""
    rows = today.table.set_index("level")
    parts = []
    for pair in _TOLD:
        named = [
            f"{words.number(rows.loc[level, 'estimate'])} are {NAMES[level].lower()} "
            f"({words.share(rows.loc[level, 'mrr_share'])} of revenue)"
            for level in pair
            if level in rows.index
        ]
        if named:
            parts.append(" and ".join(named))
    if not parts:
        return ""
    return f"Of all accounts at the close of {words.date(as_of)}, {'; '.join(parts)}. The table below has every kind."


def kinds_caption(kinds: Result, *, start: date, end: date, lag: int, words: Words) -> str:
    """The best and the worst kind, then what is measured."""
    rows = kinds.table[(kinds.table["metric"] == "logo_retention") & (kinds.table["attribute"] != "all")]
    rows = rows[rows["estimate"].notna()]
    company = kinds.row(attribute="all", level="all", metric="logo_retention")["estimate"]
    said = f"The whole company keeps {words.share(company)} of its accounts"
    if not rows.empty:
        best, worst = rows.loc[rows["estimate"].idxmax()], rows.loc[rows["estimate"].idxmin()]
        said += (
            f"; kinds keep from {words.share(worst['estimate'])} ({_kind(worst).lower()}) to "
            f"{words.share(best['estimate'])} ({_kind(best).lower()})"
        )
    return (
        f"**{said}.** Share of accounts kept between the closes of {words.date(start)} and {words.date(end)}, by where "
        f"accounts stood at the first; use is that of the months that ended {words.months(lag)} before it, for leavers "
        "use less in their last months. As they are: kinds differ in size, plan and age as well."
    )


def kept(kinds: Result) -> Result:
    """Shares of accounts kept, by scheme and kind."""
    rows = kinds.where(metric="logo_retention")
    return Result(**{**vars(rows), "table": rows.table[rows.table["attribute"] != "all"].reset_index(drop=True)})


# -- words that several parts need ------------------------------------------------------------------------------------


def clearest_first(contrasts: Result) -> Result:
    """One row a contrast that could be tested, the smallest adjusted p first; the raw difference as column ``raw``."""
    keys = ["attribute", "level", "metric"]
    raw = contrasts.table[contrasts.table["kind"] == "raw"][[*keys, "estimate"]].rename(columns={"estimate": "raw"})
    rows = _adjusted(contrasts).merge(raw, on=keys)
    rows = rows[rows["p"].notna()].sort_values(["p_adjusted", "p", *keys], kind="stable")
    return Result(**{**vars(contrasts), "table": rows.reset_index(drop=True), "keys": tuple(keys), "notes": ()})


def to_draw(contrasts: Result) -> Result:
    """Raw and adjusted rows of every contrast that was tested, keyed by ``metric, level, kind``."""
    tested = _adjusted(contrasts)
    tested = tested[tested["p"].notna()][["attribute", "level", "metric"]]
    table = tested.merge(contrasts.table, on=["attribute", "level", "metric"], how="left")
    return Result(**{**vars(contrasts), "table": table, "keys": ("metric", "level", "kind")})


def _adjusted(result: Result, metric: str | None = None) -> pd.DataFrame:
    table = result.table
    if "kind" not in table:
        return table
    rows = table[table["kind"] == "adjusted"]
    return rows if metric is None else rows[rows["metric"] == metric]


def _clear(result: Result) -> pd.DataFrame:
    """Contrasts that hold after the correction and that no handful of accounts decides, the clearest first."""
    rows, alpha = _adjusted(result), 1 - (result.level or 0.95)
    clear = rows[(rows["p_adjusted"] <= alpha) & ~rows["few_accounts"].astype(bool)]
    clear = clear[clear["overlap"] >= HARDLY_OVERLAP]
    return clear.sort_values(["p_adjusted", "p"], kind="stable")


def _clearest(result: Result, words: Words) -> str:
    best = _clear(result).iloc[0]
    return f"{_OUTCOMES[best['metric']]} after “{words.escape(best['level'])}” is {_side(best, words)} than without it"


def _side(row: pd.Series, words: Words) -> str:
    """A difference as sizes on its side, or how far it may reach either way."""
    low, high = row["low"], row["high"]
    if low > 0 or high < 0:
        ends = (-high, -low) if high < 0 else (low, high)
        return f"{words.range(*ends, 'points')} {'lower' if high < 0 else 'higher'}"
    return f"no clear difference: from {words.points(-low)} lower to {words.points(high)} higher"


def _kind(row: pd.Series) -> str:
    """A kind by its name; where accounts cannot be placed, by what is not known of them."""
    if row["level"] == "cannot tell":
        return f"{row['attribute_label']} not known"
    return NAMES[str(row["level"])]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
